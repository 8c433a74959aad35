//! What an expression's text says before it is compiled: which functions it calls, and where `?.` asks for what may be missing.
//!
//! Not here: the grammar (the interpreter's), which functions there are (see `functions`).

use std::borrow::Cow;

/// Words that a bracket may follow without a call.
const KEYWORDS: [&str; 5] = ["if", "else", "in", "switch", "return"];

/// Marks which bytes are code: texts and comments are not, what stands in `${}` inside a text is.
fn code(source: &str) -> Vec<bool> {
    let bytes = source.as_bytes();
    let mut is_code = vec![true; bytes.len()];
    // Open braces inside each `${}` that the position is in.
    let mut holes: Vec<usize> = Vec::new();
    let (mut at, mut quote): (usize, Option<u8>) = (0, None);
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        let mut length = 1;
        match (quote, byte) {
            (Some(b'`'), b'$') if next == Some(b'{') => {
                holes.push(0);
                (quote, length) = (None, 2);
            }
            (Some(open), _) => {
                is_code[at] = false;
                if byte == b'\\' && open != b'`' {
                    length = 2;
                } else if byte == open {
                    quote = None;
                }
            }
            (None, b'"' | b'\'' | b'`') => (is_code[at], quote) = (false, Some(byte)),
            (None, b'/') if next == Some(b'/') => length = line(&bytes[at..]),
            (None, b'/') if next == Some(b'*') => length = comment(&bytes[at..]),
            (None, b'{') => holes.iter_mut().rev().take(1).for_each(|open| *open += 1),
            (None, b'}') => match holes.last_mut() {
                Some(0) => {
                    holes.pop();
                    quote = Some(b'`');
                }
                Some(open) => *open -= 1,
                None => {}
            },
            (None, _) => {}
        }
        if length > 1 {
            let end = (at + length).min(bytes.len());
            is_code[at..end].fill(false);
        }
        at += length;
    }
    is_code
}

fn line(rest: &[u8]) -> usize {
    rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()).max(2)
}

fn comment(rest: &[u8]) -> usize {
    rest.windows(2).skip(2).position(|pair| pair == b"*/").map_or(rest.len(), |end| end + 4)
}

/// A word of the code: name, first and last byte.
struct Name<'s> {
    text: &'s str,
    start: usize,
    end: usize,
}

fn names(source: &str) -> Vec<Name<'_>> {
    let is_code = code(source);
    let bytes = source.as_bytes();
    let part = |at: usize| is_code[at] && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_');
    let mut names = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        while at < bytes.len() && part(at) {
            at += 1;
        }
        if at == start {
            at += 1;
        } else if !bytes[start].is_ascii_digit() {
            names.push(Name { text: &source[start..at], start, end: at });
        }
    }
    names
}

/// Names of called functions with the column of each, in characters from 1.
pub(super) fn calls(source: &str) -> Vec<(&str, usize)> {
    let called = |name: &Name<'_>| source[name.end..].trim_start().starts_with('(') && !KEYWORDS.contains(&name.text);
    let names = names(source).into_iter().filter(called);
    names.map(|name| (name.text, source[..name.start].chars().count() + 1)).collect()
}

/// A source in which `a?.b` is null where `a` has no `b`, which the interpreter's own `?.` is not.
pub(super) struct Rewritten<'s> {
    pub text: Cow<'s, str>,
    /// Column of each `get("name")` in the new text, and how long its name is.
    places: Vec<(usize, usize)>,
}

const AROUND: usize = "get(\"\")".len();

/// Rewrites every `?.name` that is no call, unless `is_known` says that the name behind this variable is always there.
pub(super) fn rewrite<'s>(source: &'s str, is_known: impl Fn(&str, &str) -> bool) -> Rewritten<'s> {
    let names = names(source);
    let (mut text, mut places, mut copied) = (String::new(), Vec::new(), 0);
    for (index, name) in names.iter().enumerate() {
        let optional = source[..name.start].ends_with("?.");
        if !optional || source[name.end..].trim_start().starts_with('(') {
            continue;
        }
        let before = index.checked_sub(1).and_then(|index| names.get(index));
        let of_variable =
            before.filter(|before| before.end + 2 == name.start && !source[..before.start].ends_with('.'));
        if of_variable.is_some_and(|variable| is_known(variable.text, name.text)) {
            continue;
        }
        text.push_str(&source[copied..name.start]);
        places.push((text.chars().count() + 1, name.text.chars().count()));
        text.extend(["get(\"", name.text, "\")"]);
        copied = name.end;
    }
    if copied == 0 {
        return Rewritten { text: Cow::Borrowed(source), places };
    }
    text.push_str(&source[copied..]);
    Rewritten { text: Cow::Owned(text), places }
}

impl Rewritten<'_> {
    /// The column of the source that a column of the new text comes from.
    pub(super) fn column(&self, column: usize) -> usize {
        original(&self.places, column)
    }

    pub(super) fn places(&self) -> &[(usize, usize)] {
        &self.places
    }
}

pub(super) fn original(places: &[(usize, usize)], column: usize) -> usize {
    let mut added = 0;
    for (start, length) in places {
        if column >= start + length + AROUND {
            added += AROUND;
        } else if column >= *start {
            return start - added;
        }
    }
    column - added
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &str) {
        assert_eq!(rewrite(source, |_, member| member == "known").text, expected);
    }

    #[test]
    fn what_may_be_missing_is_asked_for() {
        check("a?.b", "a?.get(\"b\")");
        check("a?.known", "a?.known");
        check("a.x?.known", "a.x?.get(\"known\")");
        check("a?.known?.b.c?.d ?? 1", "a?.known?.get(\"b\").c?.get(\"d\") ?? 1");
        check("a?.get(\"b\")?.len()", "a?.get(\"b\")?.len()");
        check("a[0]?.b + \"x?.y\"", "a[0]?.get(\"b\") + \"x?.y\"");
        check("`${a?.b} ?.c`", "`${a?.get(\"b\")} ?.c`");
        check("a.b", "a.b");
    }

    #[test]
    fn columns_lead_back_to_the_source() {
        let source = "ü?.b + c?.de + f";
        let rewritten = rewrite(source, |_, _| false);
        let at = |found: &str| rewritten.text.split(found).next().map_or(0, |before| before.chars().count() + 1);
        assert_eq!(rewritten.column(at("ü")), 1);
        assert_eq!(rewritten.column(at("get(\"b\")")), 4);
        assert_eq!(rewritten.column(at("c?")), 8);
        assert_eq!(rewritten.column(at("de")), 11);
        assert_eq!(rewritten.column(at("f")), 16);
    }

    #[test]
    fn calls_are_found_outside_of_texts() {
        assert_eq!(
            calls("a(b.c (1), \"d(\\\"e(\") + if (x) { `f(${g(1)})` } /* h() */ // i()"),
            [("a", 1), ("c", 5), ("g", 38)]
        );
    }
}
