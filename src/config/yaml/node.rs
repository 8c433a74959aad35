//! The tree: text, sequences and maps, each with its place.
//!
//! Not here: types beyond text; a reader decides what a scalar means.

use super::source::Span;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub span: Span,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Scalar(Scalar),
    Seq(Vec<Node>),
    /// In file order; keys are unique text.
    Map(Vec<Entry>),
}

/// Text as written: `2026-10`, `0123` and `1e5` stay what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    pub text: String,
    /// Written without quotes and not as a block; only a plain empty, `~` or `null` means "nothing".
    pub plain: bool,
    /// The text before `${...}` was replaced. Messages show this instead of `text`, which may be a secret.
    pub reference: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub key: String,
    pub key_span: Span,
    pub value: Node,
}

impl Node {
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(scalar),
            Kind::Seq(_) | Kind::Map(_) => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        self.scalar().map(|scalar| scalar.text.as_str())
    }

    pub fn seq(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::Seq(items) => Some(items),
            Kind::Scalar(_) | Kind::Map(_) => None,
        }
    }

    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            Kind::Scalar(_) | Kind::Seq(_) => None,
        }
    }

    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()?.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// A key without a value, `~` or `null`.
    pub fn is_null(&self) -> bool {
        self.scalar().is_some_and(Scalar::is_null)
    }

    /// What it is, for messages: "a list", "text `abc`".
    pub fn describe(&self) -> String {
        match &self.kind {
            Kind::Seq(items) => format!("a list of {}", items.len()),
            Kind::Map(entries) => format!("a map of {} keys", entries.len()),
            Kind::Scalar(scalar) if scalar.is_null() => "nothing".to_owned(),
            Kind::Scalar(scalar) => format!("`{}`", scalar.shown()),
        }
    }
}

impl Scalar {
    pub fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null")
    }

    /// The text that a message may show: shortened, and never what a `${...}` stands for.
    pub fn shown(&self) -> String {
        const MAX: usize = 60;
        let text = self.reference.as_ref().unwrap_or(&self.text);
        match text.char_indices().nth(MAX) {
            Some((cut, _)) => format!("{}…", text[..cut].escape_debug()),
            None => text.escape_debug().to_string(),
        }
    }
}
