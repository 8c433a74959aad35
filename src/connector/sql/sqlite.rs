//! SQLite's five kinds of values, both ways.
//!
//! A column of SQLite holds whatever kind was put there; a number with a point is a float there, so exact decimals belong into text.
//! Not here: running statements (`link`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use sqlx::sqlite::{SqliteArguments, SqliteRow, SqliteValueRef};
use sqlx::{Arguments as _, Column as _, Decode, Row as _, Sqlite, TypeInfo as _, ValueRef as _};

use super::link::Broken;
use super::param::Param;
use super::postgres::{float, utf8};
use super::times::sqlite_text;

pub(super) fn add(arguments: &mut SqliteArguments, param: &Param) -> Result<(), String> {
    let added = match param {
        Param::Null => arguments.add(None::<String>),
        Param::Bool(flag) => arguments.add(*flag),
        Param::Integer(number) => arguments.add(*number),
        // What SQLite would make a float travels as text: a column of text keeps it.
        Param::Unsigned(number) => arguments.add(number.to_string()),
        Param::Decimal(digits) => arguments.add(digits.clone()),
        Param::Text(text) => arguments.add(text.clone()),
        Param::Time(moment) => arguments.add(sqlite_text(*moment)),
        Param::Bytes(bytes) => arguments.add(bytes.clone()),
        Param::Json(value) => arguments.add(value.to_string()),
    };
    added.map_err(|error| error.to_string())
}

/// A row as a record, columns in their order.
pub(super) fn record(row: &SqliteRow) -> Result<Map<String, Value>, Broken> {
    let mut record = Map::new();
    for column in row.columns() {
        let broken = |reason: String| Broken::Column { column: column.name().to_owned(), reason };
        let raw = row.try_get_raw(column.ordinal()).map_err(|error| broken(error.to_string()))?;
        record.insert(column.name().to_owned(), value(raw).map_err(broken)?);
    }
    Ok(record)
}

fn value(raw: SqliteValueRef<'_>) -> Result<Value, String> {
    if raw.is_null() {
        return Ok(Value::Null);
    }
    // Of the value itself, not of its column.
    let info = raw.type_info().into_owned();
    let decoded = |error: sqlx::error::BoxDynError| error.to_string();
    Ok(match info.name() {
        "INTEGER" | "BOOLEAN" => <i64 as Decode<Sqlite>>::decode(raw).map_err(decoded)?.into(),
        "REAL" => float(<f64 as Decode<Sqlite>>::decode(raw).map_err(decoded)?),
        "BLOB" => STANDARD.encode(<&[u8] as Decode<Sqlite>>::decode(raw).map_err(decoded)?).into(),
        _ => utf8(<&[u8] as Decode<Sqlite>>::decode(raw).map_err(decoded)?)?.into(),
    })
}
