//! Small pieces every statement module uses: key lists as one JSON parameter, words read back as enums; not here: statements.

use super::db::{Row, value_lists};
use jiff::Timestamp;
use std::borrow::Cow;

use sha2::{Digest as _, Sha256};
use sqlx::Row as _;

use crate::model::Entity;
use crate::store::contract::StoreError;
use crate::store::rows::*;

/// A list as one parameter for `json_each`: any length, one cached statement.
pub(super) fn json_list<T: serde::Serialize>(items: &[T]) -> Result<String, StoreError> {
    serde_json::to_string(items).map_err(|e| StoreError::Corrupt { what: "a key list".into(), cause: e.to_string() })
}

/// Keys as `[[connection, stream, key], ...]`.
pub(super) fn key_list(keys: &[EntityKey]) -> Result<String, StoreError> {
    let rows: Vec<[&str; 3]> =
        keys.iter().map(|k| [k.connection.as_str(), k.stream.as_str(), k.key.as_str()]).collect();
    json_list(&rows)
}

/// A text as every database can hold it: PostgreSQL has no NUL in texts, so that a sign for it takes its place. What is a
/// record's own (its key, its fields) is refused long before, by name.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{2400}")) } else { Cow::Borrowed(text) }
}

/// Longest text by which something is told apart: the indexes of PostgreSQL take no more than some 2,700 bytes.
const IDENTITY_MAX: usize = 1000;

/// A text by which something is told apart, however long it is.
pub(super) fn identity(word: &str) -> Cow<'_, str> {
    if word.len() > IDENTITY_MAX {
        return Cow::Owned(format!("sha256:{}", hex::encode(Sha256::digest(word))));
    }
    text(word)
}

/// How many rows one statement carries: a list is cut into the largest that fit, so that there are few statements to send
/// and few to prepare.
const PIECES: [usize; 7] = [64, 32, 16, 8, 4, 2, 1];

/// A statement over lists of values, in a few lengths.
pub(super) struct RowStatement([String; PIECES.len()]);

impl RowStatement {
    /// `text` puts lists of so many columns into the statement.
    pub fn new(columns: usize, text: impl Fn(&str) -> String) -> RowStatement {
        RowStatement(PIECES.map(|rows| text(&value_lists(rows, columns))))
    }

    /// The same statement with another text in one place.
    pub fn rewritten(&self, from: &str, to: &str) -> RowStatement {
        RowStatement(std::array::from_fn(|piece| self.0[piece].replace(from, to)))
    }

    /// Cuts rows into pieces, each with its statement.
    pub fn pieces<'r, T>(&'static self, rows: &'r [T]) -> impl Iterator<Item = (&'static str, &'r [T])> + use<'r, T> {
        let mut rest = rows;
        std::iter::from_fn(move || {
            let (text, &count) = self.0.iter().zip(&PIECES).find(|(_, rows)| **rows <= rest.len())?;
            let (piece, later) = rest.split_at(count);
            rest = later;
            Some((text.as_str(), piece))
        })
    }
}

/// Days since the epoch of a time in microseconds.
pub(super) fn day_of(at: i64) -> i64 {
    at.div_euclid(86_400_000_000)
}

/// As people write a day of the ledger: `2026-11-22`, in UTC.
pub(super) fn date_of(day: i64) -> String {
    let start = day.checked_mul(86_400_000_000).and_then(|at| Timestamp::from_microsecond(at).ok());
    start.map_or_else(|| format!("day {day}"), |at| at.strftime("%Y-%m-%d").to_string())
}

pub(super) fn word<T>(row: &Row, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
    let text: String = row.try_get(column)?;
    parse(&text).ok_or_else(|| StoreError::Corrupt {
        what: format!("column {column}"),
        cause: format!("unknown word '{text}', written by a newer version?"),
    })
}

pub(super) fn entity_word(row: &Row, column: &str) -> Result<Entity, StoreError> {
    word(row, column, Entity::parse)
}

/// Whose record a row is about, where it says so in the columns of that name.
pub(super) fn entity_key(row: &Row) -> Result<EntityKey, StoreError> {
    Ok(EntityKey { connection: row.try_get("connection")?, stream: row.try_get("stream")?, key: row.try_get("key")? })
}

pub(super) fn entity_row(row: &Row) -> Result<EntityRow, StoreError> {
    Ok(EntityRow {
        id: entity_key(row)?,
        entity: entity_word(row, "entity")?,
        natural_key: row.try_get("natural_key")?,
        version: row.try_get("version")?,
        revision: row.try_get("revision")?,
        hash: row.try_get("hash")?,
        doc: row.try_get("doc")?,
        deleted: row.try_get("deleted")?,
        seen_by: word(row, "seen_by", SourceKind::parse)?,
        as_of: row.try_get("as_of")?,
        changed_at: row.try_get("changed_at")?,
    })
}

pub(super) fn binding_row(row: &Row) -> Result<BindingRow, StoreError> {
    Ok(BindingRow {
        source: EntityKey {
            connection: row.try_get("source_connection")?,
            stream: row.try_get("source_stream")?,
            key: row.try_get("source_key")?,
        },
        dest_connection: row.try_get("dest_connection")?,
        dest_stream: row.try_get("dest_stream")?,
        remote_id: row.try_get("remote_id")?,
        remote_version: row.try_get("remote_version")?,
        sent_revision: row.try_get("sent_revision")?,
        sent_hash: row.try_get("sent_hash")?,
        echo: row.try_get("echo")?,
    })
}

#[cfg(test)]
mod tests {
    use super::{identity, text};

    #[test]
    fn what_no_text_can_hold_is_shown() {
        assert_eq!(text("a\0b"), "a\u{2400}b");
        assert_eq!(text("plain"), "plain");
    }

    #[test]
    fn a_long_identity_is_told_apart_by_its_hash() {
        let (long, other) = ("x".repeat(2_000), "x".repeat(2_001));
        assert!(identity(&long).starts_with("sha256:") && identity(&long).len() < 100);
        assert_ne!(identity(&long), identity(&other));
        assert_eq!(identity("evt_1"), "evt_1");
    }
}
