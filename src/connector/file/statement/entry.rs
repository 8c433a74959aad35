//! One entry of a statement, and the row that it becomes.
//!
//! Not here: balances (`page`).

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// Only what is booked counts for the balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::connector::file) enum EntryStatus {
    #[default]
    Booked,
    Pending,
    Information,
}

impl EntryStatus {
    /// The word of ISO 20022, for all syntaxes.
    fn word(self) -> &'static str {
        match self {
            Self::Booked => "BOOK",
            Self::Pending => "PDNG",
            Self::Information => "INFO",
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(in crate::connector::file) struct Entry {
    pub(in crate::connector::file) status: EntryStatus,
    pub(in crate::connector::file) booked_on: Option<Date>,
    pub(in crate::connector::file) value_on: Option<Date>,
    /// Credit positive, debit negative; a reversal has the sign of its effect on the balance.
    pub(in crate::connector::file) amount: Decimal,
    pub(in crate::connector::file) reversal: bool,
    /// Under the names of the documented row; absent ones are left out.
    pub(in crate::connector::file) texts: Vec<(&'static str, String)>,
    /// The parts of a batch booking.
    pub(in crate::connector::file) details: Vec<Value>,
    /// The entry as the file has it, where its syntax is a tree.
    pub(in crate::connector::file) raw: Option<Value>,
}

impl Entry {
    /// Keeps a text under its name unless there is none: blank, or a word that says so.
    pub(in crate::connector::file) fn text(&mut self, name: &'static str, text: &str) {
        let text = text.trim();
        if !(text.is_empty() || matches!(text, "NONREF" | "NOTPROVIDED")) {
            self.texts.push((name, text.to_owned()));
        }
    }

    pub(in crate::connector::file) fn into_fields(self) -> Map<String, Value> {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        put("status", self.status.word().into());
        put("amount", self.amount.to_string().into());
        put("reversal", self.reversal.into());
        for (name, date) in [("booked_on", self.booked_on), ("value_on", self.value_on)] {
            if let Some(date) = date {
                put(name, date.to_string().into());
            }
        }
        for (name, text) in self.texts {
            put(name, text.into());
        }
        if !self.details.is_empty() {
            put("details", Value::Array(self.details));
        }
        if let Some(raw) = self.raw {
            put("entry", raw);
        }
        fields
    }
}
