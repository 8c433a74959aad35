//! The named values an expression or template may read.
//!
//! Not here: how they are read (see `path`, `expression`).

use serde_json::Value as Json;

/// Names and borrowed JSON values: `record`, `body`, `headers`, `settings`, `cursor`, `key`, ...
#[derive(Debug, Clone, Default)]
pub struct Scope<'a> {
    entries: Vec<(&'a str, &'a Json)>,
}

impl<'a> Scope<'a> {
    pub fn new() -> Scope<'a> {
        Scope::default()
    }

    /// Adds a value; a later value hides an earlier one of the same name.
    #[must_use]
    pub fn with(mut self, name: &'a str, value: &'a Json) -> Scope<'a> {
        self.set(name, value);
        self
    }

    pub fn set(&mut self, name: &'a str, value: &'a Json) {
        match self.entries.iter_mut().find(|(known, _)| *known == name) {
            Some(entry) => entry.1 = value,
            None => self.entries.push((name, value)),
        }
    }

    pub fn get(&self, name: &str) -> Option<&'a Json> {
        self.entries.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.entries.iter().map(|(name, _)| *name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, &'a Json)> {
        self.entries.iter().copied()
    }

    /// For messages: what could have been meant.
    pub(super) fn known(&self) -> String {
        self.names().collect::<Vec<_>>().join(", ")
    }
}
