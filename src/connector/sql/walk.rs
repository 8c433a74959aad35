//! Where a walk over a table stands, and what that makes of the query's parameters. Pure.
//!
//! Rows ascend by the cursor's column and then by those of `after`; the next page begins behind the last row, so that neither rows of the
//! same moment nor rows that move while the table is walked are lost at the edge of a page.
//! Not here: asking (`reader`), what a watermark may be (`http::cursor`, `http::gaps`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::param::{self, Param};
use crate::connector::http::cursor::{self, PageSeen};
use crate::connector::http::enrich::text_at;
use crate::connector::http::gaps::{self, Ranges};
use crate::connector::manifest::{Cursor, CursorKind, ReadOrder, SqlDriver, SqlRead, SqlValueKind};

/// Written into the page token, so that a walk survives a restart.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Walk {
    pub stream: String,
    /// The watermark the walk began at.
    pub from: Option<String>,
    /// The newest value seen.
    seen: Option<String>,
    /// The database's clock when it began: nothing newer may be skipped by the next walk.
    pub began: Option<Timestamp>,
    at: Option<Position>,
    #[serde(default)]
    ids: Ranges,
}

/// The last row of a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Position {
    cursor: Value,
    after: Vec<Value>,
}

impl Walk {
    pub fn begin(stream: &str, from: Option<String>) -> Walk {
        Walk { stream: stream.to_owned(), from, ..Walk::default() }
    }

    /// `:cursor`, `:after.<column>` and `:limit` of the next page.
    pub fn params(&self, read: &SqlRead, driver: SqlDriver) -> Result<Vec<(String, Param)>, String> {
        let mut params = vec![("limit".to_owned(), Param::Integer(i64::from(read.page)))];
        if let Some(cursor) = read.cursor().filter(|cursor| cursor.kind != CursorKind::Snapshot) {
            let value = match &self.at {
                Some(at) => behind(cursor, &at.cursor, driver)?,
                None => first(cursor, self.from.as_deref())?,
            };
            params.push(("cursor".to_owned(), value));
        }
        for (index, (column, least)) in read.after.iter().enumerate() {
            let value = self.at.as_ref().and_then(|at| at.after.get(index)).unwrap_or(least);
            params.push((format!("after.{column}"), Param::of(value.clone(), SqlValueKind::Auto)?));
        }
        Ok(params)
    }

    /// Takes note of a page. Returns whether there is another one.
    pub fn saw(&mut self, read: &SqlRead, rows: &[Map<String, Value>], records: &[Value]) -> Result<bool, String> {
        if let Some(cursor) = read.cursor() {
            let page = PageSeen { body: &Value::Null, records };
            self.seen = cursor::advance(cursor, ReadOrder::Ascending, self.seen.take(), &page)?;
            if let Some(field) = cursor.field.as_ref().filter(|_| !cursor.gap_wait.is_zero()) {
                let numbers = records.iter().filter_map(|record| text_at(field, record)?.parse().ok());
                numbers.for_each(|number| self.ids.add(number));
            }
        }
        if rows.len() < read.page as usize {
            return Ok(false);
        }
        let at = position(read, rows.last(), records.last())?;
        if self.at.as_ref() == Some(&at) {
            return Err("the query brings the same page again; compare with `:cursor` and `:after`".to_owned());
        }
        self.at = Some(at);
        Ok(true)
    }

    /// The watermark to store with what has been seen so far.
    pub fn watermark(&self, cursor: &Cursor, now: Timestamp) -> Result<Option<String>, String> {
        if cursor.gap_wait.is_zero() {
            return cursor::settle(cursor, self.seen.clone(), self.from.clone(), self.began);
        }
        let from = self.from.as_deref();
        let settled = gaps::settle(&self.ids, from, cursor.gap_wait, self.began.unwrap_or(now));
        Ok(settled.or_else(|| self.from.clone()))
    }
}

fn position(read: &SqlRead, row: Option<&Map<String, Value>>, record: Option<&Value>) -> Result<Position, String> {
    let missing =
        |column: &str| format!("the last row of a page has no value in `{column}`, by which rows are ordered");
    let after = read.after.iter().map(|(column, _)| {
        let value = row.and_then(|row| row.get(column)).filter(|value| !value.is_null());
        value.cloned().ok_or_else(|| missing(column))
    });
    let after = after.collect::<Result<Vec<Value>, String>>()?;
    let field = read.cursor().and_then(|cursor| cursor.field.as_ref());
    let cursor = match field {
        None => Value::Null,
        Some(field) => {
            let value = record.and_then(|record| field.first(record)).filter(|value| !value.is_null());
            value.cloned().ok_or_else(|| missing(field.as_str()))?
        }
    };
    Ok(Position { cursor, after })
}

/// What the first page of a walk asks from.
fn first(cursor: &Cursor, stored: Option<&str>) -> Result<Param, String> {
    let Some(stored) = stored else {
        return Ok(match cursor.kind {
            CursorKind::Time => Param::Time(Timestamp::UNIX_EPOCH),
            CursorKind::Unix | CursorKind::Id | CursorKind::Token | CursorKind::DeltaLink | CursorKind::Snapshot => {
                Param::Integer(-1)
            }
        });
    };
    match cursor::ask_from(cursor, stored)? {
        Value::String(text) => match cursor.kind {
            CursorKind::Time => param::moment(&text).map(Param::Time),
            CursorKind::Id | CursorKind::Unix | CursorKind::Token | CursorKind::DeltaLink | CursorKind::Snapshot => {
                Ok(text.parse().map_or(Param::Text(text), Param::Integer))
            }
        },
        value => Param::of(value, SqlValueKind::Auto),
    }
}

/// What the next page asks from: the last row's value, as exact as it was read.
fn behind(cursor: &Cursor, value: &Value, driver: SqlDriver) -> Result<Param, String> {
    match (cursor.kind, value, driver) {
        (CursorKind::Time, Value::String(text), SqlDriver::Postgres | SqlDriver::Mysql) => {
            param::moment(text).map(Param::Time)
        }
        (_, value, _) => Param::of(value.clone(), SqlValueKind::Auto),
    }
}
