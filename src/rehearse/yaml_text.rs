//! Writes a configuration tree back as text: the copy that the rehearsed hub reads. Not here: what is changed in it.

use std::fmt::Write as _;

use crate::config::yaml::{Entry, Kind, Node, Scalar, Span};

/// Block style; every text that could be taken for something else is quoted.
pub(super) fn render(node: &Node) -> String {
    let mut out = String::new();
    value(node, 0, &mut out);
    out
}

fn value(node: &Node, depth: usize, out: &mut String) {
    match &node.kind {
        Kind::Scalar(scalar) => {
            out.push_str(&text(scalar));
            out.push('\n');
        }
        Kind::Seq(items) if items.is_empty() => out.push_str("[]\n"),
        Kind::Map(entries) if entries.is_empty() => out.push_str("{}\n"),
        Kind::Seq(items) => {
            for item in items {
                indent(depth, out);
                out.push('-');
                below(item, depth, out);
            }
        }
        Kind::Map(entries) => {
            for entry in entries {
                indent(depth, out);
                out.push_str(&quoted(&entry.key));
                out.push(':');
                below(&entry.value, depth, out);
            }
        }
    }
}

/// A scalar or something empty stays on the line, the rest begins on the next.
fn below(node: &Node, depth: usize, out: &mut String) {
    let nested = match &node.kind {
        Kind::Scalar(_) => false,
        Kind::Seq(items) => !items.is_empty(),
        Kind::Map(entries) => !entries.is_empty(),
    };
    out.push(if nested { '\n' } else { ' ' });
    value(node, depth + 1, out);
}

fn indent(depth: usize, out: &mut String) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

fn text(scalar: &Scalar) -> String {
    if scalar.is_null() {
        return "~".to_owned();
    }
    let simple = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '%');
    if scalar.plain && !scalar.text.is_empty() && scalar.text.chars().all(simple) {
        return scalar.text.clone();
    }
    let number =
        scalar.plain && scalar.text.strip_prefix('-').is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    if number && scalar.text.len() > 1 { scalar.text.clone() } else { quoted(&scalar.text) }
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            hidden if hidden.is_control() => {
                // Writing to text cannot fail.
                let _infallible = write!(out, "\\u{:04x}", u32::from(hidden));
            }
            shown => out.push(shown),
        }
    }
    out.push('"');
    out
}

/// A text value.
pub(super) fn word(text: impl Into<String>) -> Node {
    Node { span: Span::START, kind: Kind::Scalar(Scalar { text: text.into(), plain: false, reference: None }) }
}

pub(super) fn plain(text: &str) -> Node {
    Node { span: Span::START, kind: Kind::Scalar(Scalar { text: text.to_owned(), plain: true, reference: None }) }
}

pub(super) fn list(items: Vec<Node>) -> Node {
    Node { span: Span::START, kind: Kind::Seq(items) }
}

pub(super) fn map(entries: Vec<(&str, Node)>) -> Node {
    let entries = entries.into_iter().map(|(key, value)| entry(key, value)).collect();
    Node { span: Span::START, kind: Kind::Map(entries) }
}

pub(super) fn entry(key: &str, value: Node) -> Entry {
    Entry { key: key.to_owned(), key_span: Span::START, value }
}

/// Puts `value` under `key`, in the place of what is there.
pub(super) fn set(node: &mut Node, key: &str, value: Node) {
    if let Kind::Scalar(_) | Kind::Seq(_) = node.kind {
        node.kind = Kind::Map(Vec::new());
    }
    if let Kind::Map(entries) = &mut node.kind {
        match entries.iter_mut().find(|entry| entry.key == key) {
            Some(known) => known.value = value,
            None => entries.push(entry(key, value)),
        }
    }
}

pub(super) fn remove(node: &mut Node, key: &str) {
    if let Kind::Map(entries) = &mut node.kind {
        entries.retain(|entry| entry.key != key);
    }
}

pub(super) fn child_mut<'n>(node: &'n mut Node, key: &str) -> Option<&'n mut Node> {
    match &mut node.kind {
        Kind::Map(entries) => entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.value),
        Kind::Scalar(_) | Kind::Seq(_) => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::yaml::{Source, parse};
    use crate::connector::registry::Registry;

    /// Spans differ; what is said must not.
    fn same(a: &Node, b: &Node) -> bool {
        match (&a.kind, &b.kind) {
            (Kind::Scalar(a), Kind::Scalar(b)) => {
                let number = |s: &Scalar| s.plain && s.text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
                let guessed = |s: &Scalar| s.plain && matches!(s.text.as_str(), "true" | "false");
                a.is_null() == b.is_null()
                    && (a.is_null() || a.text == b.text)
                    && guessed(a) == guessed(b)
                    && (number(a) == number(b) || a.text.parse::<i64>().is_err())
            }
            (Kind::Seq(a), Kind::Seq(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
            (Kind::Map(a), Kind::Map(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.key == b.key && same(&a.value, &b.value))
            }
            _ => false,
        }
    }

    #[test]
    fn every_shipped_manifest_says_the_same_after_being_written_anew() {
        let registry = Registry::shipped().unwrap();
        for connector in registry.connectors() {
            let node = parse(&connector.source).unwrap();
            let again = parse(&Source::new("again", render(&node))).unwrap_or_else(|found| panic!("{found:?}"));
            assert!(same(&node, &again), "{}: {}", *connector.manifest.name, render(&node));
        }
    }
}
