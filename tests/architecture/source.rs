//! Rust sources as the rules read them: code, text and comments apart, tests cut out; not here: the rules.
//!
//! A small scanner instead of a parser: the rules ask for names, and a name is a name wherever it stands.

use std::path::{Path, PathBuf};

/// One file below `src/`, its path relative to the project's root.
pub struct Source {
    pub path: String,
    kinds: Vec<Kind>,
    text: Vec<char>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
    /// Inside a `#[cfg(test)]` module, whatever it is there.
    Test,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Source {
        let text: Vec<char> = text.chars().collect();
        let kinds = kinds(&text);
        let mut source = Source { path: path.to_owned(), kinds, text };
        source.cut_tests();
        source
    }

    /// What the compiler makes the product of, without texts and comments.
    pub fn code(&self) -> String {
        self.only(&[Kind::Code])
    }

    /// The texts that the product contains.
    pub fn literals(&self) -> String {
        self.only(&[Kind::Literal])
    }

    /// Everything but tests: documentation comments become help and documents.
    pub fn all(&self) -> String {
        self.only(&[Kind::Code, Kind::Literal, Kind::Comment])
    }

    pub fn lines(&self) -> usize {
        self.text.iter().filter(|character| **character == '\n').count()
    }

    /// Whether the whole file is a test: `tests.rs` or `…_tests.rs`, declared under `#[cfg(test)]`.
    pub fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.ends_with("_tests.rs")
    }

    /// The module directly below `src/`.
    pub fn module(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
    }

    /// Lines keep their numbers: what is left out becomes blank.
    fn only(&self, wanted: &[Kind]) -> String {
        let shown = |(character, kind): (&char, &Kind)| match *character {
            '\n' => '\n',
            character if wanted.contains(kind) => character,
            _ => ' ',
        };
        self.text.iter().zip(&self.kinds).map(shown).collect()
    }

    fn cut_tests(&mut self) {
        let code: Vec<char> = self.code().chars().collect();
        let mark: Vec<char> = "#[cfg(test)]".chars().collect();
        let mut at = 0;
        while at + mark.len() <= code.len() {
            if code[at..at + mark.len()] != mark[..] {
                at += 1;
                continue;
            }
            let end = item_end(&code, at + mark.len());
            self.kinds[at..end].fill(Kind::Test);
            at = end;
        }
    }
}

/// Where the item that begins at `at` ends: behind its `;` or its closing brace.
fn item_end(code: &[char], mut at: usize) -> usize {
    let mut open = 0_usize;
    while let Some(character) = code.get(at) {
        at += 1;
        match character {
            '{' | '(' | '[' => open += 1,
            ')' | ']' => open = open.saturating_sub(1),
            '}' => {
                open = open.saturating_sub(1);
                if open == 0 {
                    return at;
                }
            }
            ';' if open == 0 => return at,
            _ => {}
        }
    }
    at
}

fn kinds(text: &[char]) -> Vec<Kind> {
    let mut kinds = vec![Kind::Code; text.len()];
    let mut at = 0;
    while at < text.len() {
        let (kind, end) = token(text, at);
        kinds[at..end].fill(kind);
        at = end;
    }
    kinds
}

/// What begins at `at`, and where it ends.
fn token(text: &[char], at: usize) -> (Kind, usize) {
    let next = |offset: usize| text.get(at + offset).copied();
    let starts_word = at == 0 || !is_word(text[at - 1]);
    match text[at] {
        '/' if next(1) == Some('/') => (Kind::Comment, end_of(text, at, &['\n'])),
        '/' if next(1) == Some('*') => (Kind::Comment, block_comment_end(text, at)),
        '"' => (Kind::Literal, string_end(text, at)),
        'r' | 'b' | 'c' if starts_word => match raw_string_end(text, at) {
            Some(end) => (Kind::Literal, end),
            None => (Kind::Code, at + 1),
        },
        // A character, not a lifetime: closed after one character or an escape.
        '\'' if next(1) == Some('\\') => (Kind::Literal, end_of(text, at + 3, &['\'']) + 1),
        '\'' if next(2) == Some('\'') => (Kind::Literal, at + 3),
        _ => (Kind::Code, at + 1),
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn end_of(text: &[char], from: usize, ends: &[char]) -> usize {
    (from..text.len()).find(|at| ends.contains(&text[*at])).unwrap_or(text.len())
}

fn block_comment_end(text: &[char], from: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = from;
    while at + 1 < text.len() {
        match (text[at], text[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

fn string_end(text: &[char], from: usize) -> usize {
    let mut at = from + 1;
    while at < text.len() {
        match text[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// Behind `r"…"`, `r#"…"#`, `br"…"`; none if this is a name or an ordinary string with a prefix.
fn raw_string_end(text: &[char], from: usize) -> Option<usize> {
    let mark = (from..text.len().min(from + 2)).find(|at| text[*at] == 'r')?;
    let hashes = text[mark + 1..].iter().take_while(|character| **character == '#').count();
    let open = mark + 1 + hashes;
    if text.get(open) != Some(&'"') {
        return None;
    }
    let closed = |at: &usize| text[*at] == '"' && text[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes;
    Some((open + 1..text.len()).find(closed).map_or(text.len(), |at| at + 1 + hashes))
}

/// The project's sources, in a fixed order.
pub fn sources(below: &str) -> Vec<Source> {
    let root = root();
    let mut files = Vec::new();
    collect(&root.join(below), &mut files);
    files.sort();
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        Source::new(&path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/"), &text)
    };
    let sources: Vec<Source> = files.iter().map(read).collect();
    assert!(sources.len() > 10, "no sources below {below}");
    sources
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
