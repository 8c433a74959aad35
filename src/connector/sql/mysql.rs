//! MySQL's and MariaDB's types on the wire, both ways, exactly.
//!
//! Not here: running statements (`link`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::DateTime;
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::mysql::{MySqlArguments, MySqlRow, MySqlTypeInfo, MySqlValueRef};
use sqlx::{Arguments as _, Column as _, Decode, MySql, Row as _, Type, TypeInfo as _, ValueRef as _};

use super::link::Broken;
use super::param::Param;
use super::postgres::{float, json, number, utf8};
use super::times::Naive;
use crate::connector::manifest::TinyInt;

/// Digits that travel as a decimal: as text, they would be compared and added as floats.
struct Digits<'d>(&'d str);

impl Type<MySql> for Digits<'_> {
    fn type_info() -> MySqlTypeInfo {
        <Decimal as Type<MySql>>::type_info()
    }
}

impl Encode<'_, MySql> for Digits<'_> {
    fn encode_by_ref(&self, buffer: &mut Vec<u8>) -> Result<IsNull, BoxDynError> {
        <&str as Encode<MySql>>::encode_by_ref(&self.0, buffer)
    }
}

pub(super) fn add(arguments: &mut MySqlArguments, param: &Param, naive: &Naive) -> Result<(), String> {
    let added = match param {
        Param::Null => arguments.add(None::<String>),
        Param::Bool(flag) => arguments.add(i8::from(*flag)),
        Param::Integer(number) => arguments.add(*number),
        Param::Unsigned(number) => arguments.add(*number),
        Param::Decimal(digits) => arguments.add(Digits(digits)),
        Param::Text(text) => arguments.add(text),
        Param::Time(moment) => arguments.add(naive.text(*moment)),
        Param::Bytes(bytes) => arguments.add(bytes),
        Param::Json(value) => arguments.add(value.to_string()),
    };
    added.map_err(|error| error.to_string())
}

/// A row as a record, columns in their order.
pub(super) fn record(row: &MySqlRow, naive: &Naive, flags: TinyInt) -> Result<Map<String, Value>, Broken> {
    let mut record = Map::new();
    for column in row.columns() {
        let broken = |reason: String| Broken::Column { column: column.name().to_owned(), reason };
        let raw = row.try_get_raw(column.ordinal()).map_err(|error| broken(error.to_string()))?;
        record.insert(column.name().to_owned(), value(raw, naive, flags).map_err(broken)?);
    }
    Ok(record)
}

fn value(raw: MySqlValueRef<'_>, naive: &Naive, flags: TinyInt) -> Result<Value, String> {
    let info = raw.type_info().into_owned();
    let name = info.name();
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let whole = |raw| <i64 as Decode<MySql>>::decode(raw).map_err(|error| error.to_string());
    Ok(match name {
        "BOOLEAN" => match (whole(raw)?, flags) {
            (number, TinyInt::Number) => number.into(),
            (number @ (0 | 1), TinyInt::Bool) => (number == 1).into(),
            (number, TinyInt::Bool) => return Err(format!("is {number}, which is neither true nor false")),
        },
        "TINYINT" | "SMALLINT" | "INT" | "MEDIUMINT" | "BIGINT" => whole(raw)?.into(),
        "TINYINT UNSIGNED" | "SMALLINT UNSIGNED" | "INT UNSIGNED" | "MEDIUMINT UNSIGNED" | "BIGINT UNSIGNED"
        | "BIT" | "YEAR" => <u64 as Decode<MySql>>::decode(raw).map_err(|error| error.to_string())?.into(),
        "FLOAT" => float(<f32 as Decode<MySql>>::decode(raw).map_err(|error| error.to_string())?),
        "DOUBLE" => float(<f64 as Decode<MySql>>::decode(raw).map_err(|error| error.to_string())?),
        "DECIMAL" => number(utf8(bytes(raw)?)?)?,
        "CHAR" | "VARCHAR" | "TINYTEXT" | "TEXT" | "MEDIUMTEXT" | "LONGTEXT" | "ENUM" | "SET" => {
            Value::from(utf8(bytes(raw)?)?)
        }
        "JSON" => json(utf8(bytes(raw)?)?)?,
        // A binary collation makes a text look like bytes; the character set tells them apart.
        "BINARY" | "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" => {
            if <str as Type<MySql>>::compatible(&info) {
                Value::from(utf8(bytes(raw)?)?)
            } else {
                STANDARD.encode(bytes(raw)?).into()
            }
        }
        "DATE" => local(bytes(raw)?)?.date().to_string().into(),
        // The session is in UTC.
        "TIMESTAMP" => format!("{}Z", local(bytes(raw)?)?).into(),
        "DATETIME" => naive.moment(local(bytes(raw)?)?)?.into(),
        "TIME" => time(bytes(raw)?)?.into(),
        "NULL" => Value::Null,
        other => {
            return Err(format!(
                "is of type {other}, which has no exact form here; write `CAST(... AS CHAR)` in the query"
            ));
        }
    })
}

fn bytes<'r>(raw: MySqlValueRef<'r>) -> Result<&'r [u8], String> {
    <&[u8] as Decode<'r, MySql>>::decode(raw).map_err(|error| error.to_string())
}

/// Length, year, month, day, and where they are not zero: hour, minute, second; microseconds.
fn local(bytes: &[u8]) -> Result<DateTime, String> {
    let part = |at: usize| i8::try_from(bytes.get(at).copied().unwrap_or_default()).unwrap_or(i8::MAX);
    let year = bytes.get(1..3).and_then(|two| <[u8; 2]>::try_from(two).ok()).map_or(0, u16::from_le_bytes);
    let year = i16::try_from(year).unwrap_or(i16::MAX);
    let nanos = i32::try_from(micros(bytes, 8)? * 1000).map_err(|_| "is a time out of range".to_owned())?;
    let (month, day, hour, minute, second) = (part(3), part(4), part(5), part(6), part(7));
    DateTime::new(year, month, day, hour, minute, second, nanos)
        .map_err(|_| format!("is {year:04}-{month:02}-{day:02}, which is no date"))
}

/// Length, sign, days, hour, minute, second; microseconds.
fn time(bytes: &[u8]) -> Result<String, String> {
    let part = |at: usize| u32::from(bytes.get(at).copied().unwrap_or_default());
    let days = bytes.get(2..6).and_then(|four| <[u8; 4]>::try_from(four).ok()).map_or(0, u32::from_le_bytes);
    let sign = if part(1) == 1 { "-" } else { "" };
    let hours = days.saturating_mul(24).saturating_add(part(6));
    let whole = format!("{sign}{hours:02}:{:02}:{:02}", part(7), part(8));
    Ok(match micros(bytes, 9)? {
        0 => whole,
        micros => format!("{whole}.{micros:06}"),
    })
}

fn micros(bytes: &[u8], at: usize) -> Result<u32, String> {
    let micros = bytes.get(at..at + 4).and_then(|four| <[u8; 4]>::try_from(four).ok()).map_or(0, u32::from_le_bytes);
    if micros < 1_000_000 { Ok(micros) } else { Err("is a time out of range".to_owned()) }
}
