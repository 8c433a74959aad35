//! The paths that code names from the crate's root, `use` trees spread out; not here: which of them are allowed.

/// One path from the crate's root and the line that names it.
#[derive(Debug, PartialEq, Eq)]
pub struct Named {
    pub line: usize,
    /// `store::sqlite::Store` is three names; of `*` and of a macro's `!` nothing is kept.
    pub path: Vec<String>,
}

/// Every path that begins with `crate::`, or with enough `super::` to arrive there from a file `depth` modules deep.
pub fn from_root(code: &str, depth: usize) -> Vec<Named> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((name, start)) = next_name(code, at) {
        at = start + name.len();
        let tree = match name {
            "crate" => code[at..].trim_start().strip_prefix("::"),
            "super" => after_supers(&code[at..], depth),
            _ => None,
        };
        let Some(tree) = tree else { continue };
        let line = code[..start].matches('\n').count() + 1;
        let mut paths = Vec::new();
        spread(tree, &[], &mut paths);
        found.extend(paths.into_iter().map(|path| Named { line, path }));
        at = code.len() - tree.len();
    }
    found
}

/// What follows a first `super` if it and its followers climb to the crate's root.
fn after_supers(mut rest: &str, depth: usize) -> Option<&str> {
    let mut climbed = 1;
    loop {
        rest = rest.trim_start().strip_prefix("::")?;
        match rest.trim_start().strip_prefix("super") {
            Some(more) => {
                rest = more;
                climbed += 1;
            }
            None if climbed >= depth => return Some(rest),
            None => return None,
        }
    }
}

/// Spreads `a::{b, c::d}` into `a::b` and `a::c::d`. Returns what follows the tree.
fn spread<'t>(tree: &'t str, before: &[String], paths: &mut Vec<Vec<String>>) -> &'t str {
    let rest = tree.trim_start();
    if let Some(mut rest) = rest.strip_prefix('{') {
        loop {
            rest = rest.trim_start_matches(|character: char| character.is_whitespace() || character == ',');
            if let Some(after) = rest.strip_prefix('}') {
                return after;
            }
            let after = spread(rest, before, paths);
            // Steps over `as other` and `*`, which say nothing about the path.
            rest = &after[after.find([',', '}']).unwrap_or(after.len())..];
            if rest.is_empty() {
                return rest;
            }
        }
    }
    let length = rest.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(rest.len());
    let (name, after) = rest.split_at(length);
    let mut path = before.to_vec();
    if !name.is_empty() {
        path.push(name.to_owned());
    }
    match after.trim_start().strip_prefix("::") {
        Some(deeper) if !name.is_empty() => spread(deeper, &path, paths),
        _ => {
            paths.push(path);
            after
        }
    }
}

/// The next whole word at or behind `from`, and where it starts.
fn next_name(code: &str, from: usize) -> Option<(&str, usize)> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let start = from + code[from..].find(is_word)?;
    let length = code[start..].find(|character| !is_word(character)).unwrap_or(code.len() - start);
    Some((&code[start..start + length], start))
}

/// How many modules deep a file's own module is: `src/store/mod.rs` is one, `src/store/lock.rs` two.
pub fn depth(path: &str) -> usize {
    let inside = path.trim_start_matches("src/").trim_end_matches(".rs");
    match inside {
        "lib" | "main" => 0,
        inside => inside.trim_end_matches("/mod").split('/').count(),
    }
}
