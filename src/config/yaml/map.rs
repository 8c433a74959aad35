//! Reading a map with known keys: required and optional ones, and at the end a complaint about every key that nobody asked for.
//!
//! Not here: maps whose keys are the author's names (`Context::named`).

use std::cell::RefCell;

use super::decode::{Context, Decode, suggest};
use super::diagnostics::Diagnostic;
use super::node::{Entry, Node};
use super::source::Span;

/// Call [`MapReader::finish`] when all keys have been asked for.
pub struct MapReader<'n> {
    cx: &'n Context,
    span: Span,
    entries: &'n [Entry],
    what: String,
    asked: RefCell<Vec<&'static str>>,
}

impl<'n> MapReader<'n> {
    pub(super) fn new(cx: &'n Context, span: Span, entries: &'n [Entry], what: String) -> Self {
        Self { cx, span, entries, what, asked: RefCell::new(Vec::new()) }
    }

    pub fn span(&self) -> Span {
        self.span
    }

    pub fn what(&self) -> &str {
        &self.what
    }

    pub fn context(&self) -> &'n Context {
        self.cx
    }

    /// The raw entry, marked as known.
    pub fn entry(&self, key: &'static str) -> Option<&'n Entry> {
        self.asked.borrow_mut().push(key);
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The raw value, marked as known; a key without a value counts as absent.
    pub fn node(&self, key: &'static str) -> Option<&'n Node> {
        self.entry(key).map(|entry| &entry.value).filter(|node| !node.is_null())
    }

    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key && !entry.value.is_null())
    }

    /// `None` when absent, or when it is wrong (reported).
    pub fn optional<T: Decode>(&self, key: &'static str) -> Option<T> {
        self.node(key).and_then(|node| T::decode(node, self.cx))
    }

    /// `None` has been reported: as missing, or as wrong.
    pub fn required<T: Decode>(&self, key: &'static str) -> Option<T> {
        match self.node(key) {
            Some(node) => T::decode(node, self.cx),
            None => {
                self.missing(key);
                None
            }
        }
    }

    /// The value, or `default` when the key is absent.
    pub fn or<T: Decode>(&self, key: &'static str, default: T) -> T {
        self.optional(key).unwrap_or(default)
    }

    /// A list; one bad item does not hide the others, absent is empty.
    pub fn list<T: Decode>(&self, key: &'static str) -> Vec<T> {
        self.optional(key).unwrap_or_default()
    }

    /// A map from the author's names to values, in file order; absent is empty.
    pub fn named<T: Decode>(&self, key: &'static str) -> Vec<(super::Spanned<String>, T)> {
        let read = |entry: &Entry, cx: &Context| T::decode(&entry.value, cx);
        self.node(key).and_then(|node| self.cx.named(node, key, read)).unwrap_or_default()
    }

    pub fn missing(&self, key: &str) {
        let message = format!("{} needs `{key}`", self.what);
        self.cx.push(Diagnostic::new(&self.cx.place(self.span), message).help(format!("add `{key}: ...` here")));
    }

    /// Reports at the key's value (or the map when it is absent).
    pub fn error(&self, key: &str, message: impl Into<String>, help: impl Into<String>) {
        let span = self.entries.iter().find(|entry| entry.key == key).map_or(self.span, |entry| entry.value.span);
        self.cx.error(span, message, help);
    }

    /// Reports every key that was not asked for.
    pub fn finish(self) {
        let mut known = self.asked.into_inner();
        let mut seen = std::collections::HashSet::new();
        known.retain(|key| seen.insert(*key));
        for entry in self.entries.iter().filter(|entry| !seen.contains(entry.key.as_str())) {
            let message = format!("unknown key `{}` in {}", entry.key.escape_debug(), self.what);
            self.cx.error(entry.key_span, message, suggest(&entry.key, &known));
        }
    }
}
