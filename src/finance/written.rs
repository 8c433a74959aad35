//! A row as it is written down, in extracts and where files' rows are set aside: integers as text, because they may need more than
//! 64 bits.
//!
//! Not here: where lines go (`extract`, `files::spool`).

use serde::{Deserialize, Serialize};

use crate::model::Date;
use crate::recon::row::{Entry, FieldValue, Place, Row};
use crate::recon::unit::Unit;

/// A row without its place.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Written {
    keys: Vec<Option<Box<str>>>,
    unit: String,
    amount: String,
    date: Option<String>,
    status: Option<Box<str>>,
    parent: Option<Box<str>>,
    fields: Vec<Field>,
    parts: Vec<Option<String>>,
    lines: u32,
    category: Option<Box<str>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Field {
    Absent,
    Text(Box<str>),
    Amount(String),
    Date(String),
}

/// An entry in three parts: why it is none, the rule by which it is out of scope, the row.
pub(super) type Parts = (Option<Box<str>>, Option<Box<str>>, Option<Written>);

pub(super) fn parts(entry: Entry) -> Parts {
    match entry {
        Entry::Row(row) => (None, None, Some(written(row))),
        Entry::Excluded { rule, row } => (None, Some((*rule).into()), Some(written(row))),
        Entry::Rejected { reason, .. } => (Some(reason), None, None),
    }
}

/// The entry that stood there; what cannot be, in words.
pub(super) fn entry((rejected, excluded, row): Parts, place: Place) -> Result<Entry, String> {
    Ok(match (row, rejected, excluded) {
        (Some(row), None, Some(rule)) => Entry::Excluded { rule: rule.into(), row: row.at(place)? },
        (Some(row), None, None) => Entry::Row(row.at(place)?),
        (_, reason, _) => Entry::Rejected { place, reason: reason.unwrap_or_default(), amount: None },
    })
}

fn written(row: Row) -> Written {
    let field = |field: FieldValue| match field {
        FieldValue::Absent => Field::Absent,
        FieldValue::Text(text) => Field::Text(text),
        FieldValue::Amount(amount) => Field::Amount(amount.to_string()),
        FieldValue::Date(date) => Field::Date(date.to_string()),
    };
    Written {
        keys: row.keys.into_vec(),
        unit: row.unit.as_str().to_owned(),
        amount: row.amount.to_string(),
        date: row.date.map(|date| date.to_string()),
        status: row.status,
        parent: row.parent,
        fields: row.fields.into_vec().into_iter().map(field).collect(),
        parts: row.parts.iter().map(|part| part.map(|part| part.to_string())).collect(),
        lines: row.lines,
        category: row.category,
    }
}

impl Written {
    fn at(self, place: Place) -> Result<Row, String> {
        let amount = |text: String| text.parse::<i128>().map_err(|_| format!("`{text}` is no amount"));
        let day = |text: String| Date::parse(&text).map_err(|error| error.to_string());
        let field = |field: Field| {
            Ok::<_, String>(match field {
                Field::Absent => FieldValue::Absent,
                Field::Text(text) => FieldValue::Text(text),
                Field::Amount(text) => FieldValue::Amount(amount(text)?),
                Field::Date(text) => FieldValue::Date(day(text)?),
            })
        };
        Ok(Row {
            place,
            keys: self.keys.into(),
            unit: Unit::parse(&self.unit).map_err(|error| error.to_string())?,
            amount: amount(self.amount)?,
            date: self.date.map(day).transpose()?,
            status: self.status,
            parent: self.parent,
            fields: self.fields.into_iter().map(field).collect::<Result<_, _>>()?,
            parts: self.parts.into_iter().map(|part| part.map(amount).transpose()).collect::<Result<_, _>>()?,
            lines: self.lines,
            category: self.category,
            unmapped: None,
        })
    }
}
