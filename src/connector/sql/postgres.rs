//! PostgreSQL's types on the wire, both ways: what the server says it expects, and what it answers, exactly.
//!
//! A parameter has the type that the server found for its place; a value that does not fit it is refused here, by name.
//! Not here: `numeric` (`postgres_number`), lists (`postgres_array`), running statements (`link`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Number, Value};
use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgRow, PgTypeInfo, PgTypeKind, PgValueRef};
use sqlx::{Column as _, Postgres, Row as _, Type, TypeInfo as _, ValueRef as _};

use super::link::Broken;
use super::param::{self, Param};
use super::times::Naive;
use super::{postgres_array, postgres_number};

/// A parameter, encoded, with the type it is encoded for.
pub(super) struct Encoded {
    pub info: PgTypeInfo,
    pub bytes: Option<Vec<u8>>,
}

impl Type<Postgres> for Encoded {
    fn type_info() -> PgTypeInfo {
        <str as Type<Postgres>>::type_info()
    }
}

impl Encode<'_, Postgres> for Encoded {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match &self.bytes {
            None => Ok(IsNull::Yes),
            Some(bytes) => {
                buffer.extend_from_slice(bytes);
                Ok(IsNull::No)
            }
        }
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(self.info.clone())
    }
}

/// The parameter as the type that the server expects there.
pub(super) fn encode(param: &Param, info: &PgTypeInfo, naive: &Naive) -> Result<Encoded, String> {
    let bytes = match param {
        Param::Null => None,
        _ => Some(bytes_of(param, base(info), naive)?),
    };
    Ok(Encoded { info: info.clone(), bytes })
}

/// What a domain stands for.
fn base(info: &PgTypeInfo) -> &PgTypeInfo {
    match info.kind() {
        PgTypeKind::Domain(inner) => base(inner),
        PgTypeKind::Simple
        | PgTypeKind::Pseudo
        | PgTypeKind::Composite(_)
        | PgTypeKind::Array(_)
        | PgTypeKind::Enum(_)
        | PgTypeKind::Range(_) => info,
    }
}

pub(super) fn bytes_of(param: &Param, info: &PgTypeInfo, naive: &Naive) -> Result<Vec<u8>, String> {
    match info.kind() {
        PgTypeKind::Array(element) => return postgres_array::write(param, element, naive),
        PgTypeKind::Enum(_) => return text(param),
        PgTypeKind::Simple
        | PgTypeKind::Pseudo
        | PgTypeKind::Domain(_)
        | PgTypeKind::Composite(_)
        | PgTypeKind::Range(_) => {}
    }
    let name = info.name().to_ascii_uppercase();
    Ok(match name.as_str() {
        "BOOL" => match param.as_text().as_deref() {
            Some("true" | "t" | "1") => vec![1],
            Some("false" | "f" | "0") => vec![0],
            Some(_) | None => return Err("is neither true nor false".to_owned()),
        },
        "INT2" => whole::<i16>(param)?.to_be_bytes().to_vec(),
        "INT4" => whole::<i32>(param)?.to_be_bytes().to_vec(),
        "INT8" => whole::<i64>(param)?.to_be_bytes().to_vec(),
        "OID" => whole::<u32>(param)?.to_be_bytes().to_vec(),
        "FLOAT4" => parsed::<f32>(param, "a number")?.to_be_bytes().to_vec(),
        "FLOAT8" => parsed::<f64>(param, "a number")?.to_be_bytes().to_vec(),
        "NUMERIC" => postgres_number::write(&as_text(param)?)?,
        "TEXT" | "VARCHAR" | "CHAR" | "BPCHAR" | "NAME" | "UNKNOWN" | "CITEXT" | "XML" | "JSON" => text(param)?,
        "JSONB" => {
            let mut bytes = vec![1];
            bytes.extend(text(param)?);
            bytes
        }
        "BYTEA" => match param {
            Param::Bytes(bytes) => bytes.clone(),
            other => param::bytes(&as_text(other)?)?,
        },
        "UUID" => uuid(&as_text(param)?)?,
        "DATE" => {
            let text = as_text(param)?;
            let day: Date = text.parse().map_err(|_| format!("`{text}` is not a date"))?;
            let days = (day - EPOCH.date()).get_days();
            days.to_be_bytes().to_vec()
        }
        "TIME" => {
            let text = as_text(param)?;
            let time: Time = text.parse().map_err(|_| format!("`{text}` is not a time of day"))?;
            micros(time.duration_since(Time::midnight()))?.to_be_bytes().to_vec()
        }
        "TIMESTAMPTZ" => micros(moment(param)?.duration_since(epoch()?))?.to_be_bytes().to_vec(),
        "TIMESTAMP" => {
            let local = match param {
                Param::Text(text) if !has_zone(text) => text.parse().map_err(|_| format!("`{text}` is not a time"))?,
                other => naive.local(moment(other)?)?,
            };
            micros(local.duration_since(EPOCH))?.to_be_bytes().to_vec()
        }
        _ => {
            return Err(format!(
                "has to be of type {name} there; write `CAST(:name AS text)::{}`",
                name.to_lowercase()
            ));
        }
    })
}

fn has_zone(text: &str) -> bool {
    text.ends_with(['Z', 'z']) || text.get(10..).is_some_and(|time| time.contains(['+', '-']))
}

fn as_text(param: &Param) -> Result<String, String> {
    param.as_text().ok_or_else(|| "is bytes, which have no text form here".to_owned())
}

fn text(param: &Param) -> Result<Vec<u8>, String> {
    as_text(param).map(String::into_bytes)
}

fn moment(param: &Param) -> Result<Timestamp, String> {
    match param {
        Param::Time(moment) => Ok(*moment),
        other => param::moment(&as_text(other)?),
    }
}

fn parsed<T: std::str::FromStr>(param: &Param, what: &str) -> Result<T, String> {
    let text = as_text(param)?;
    text.parse().map_err(|_| format!("`{text}` is not {what}"))
}

fn whole<T: std::str::FromStr>(param: &Param) -> Result<T, String> {
    parsed(param, "a whole number that fits")
}

fn uuid(text: &str) -> Result<Vec<u8>, String> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    hex::decode(&digits).ok().filter(|bytes| bytes.len() == 16).ok_or_else(|| format!("`{text}` is not a UUID"))
}

/// PostgreSQL counts from here.
const EPOCH: DateTime = DateTime::constant(2000, 1, 1, 0, 0, 0, 0);

fn epoch() -> Result<Timestamp, String> {
    Timestamp::from_second(946_684_800).map_err(|error| error.to_string())
}

fn micros(duration: SignedDuration) -> Result<i64, String> {
    i64::try_from(duration.as_micros()).map_err(|_| "is a time out of range".to_owned())
}

/// A row as a record, columns in their order.
pub(super) fn record(row: &PgRow, naive: &Naive) -> Result<Map<String, Value>, Broken> {
    let mut record = Map::new();
    for column in row.columns() {
        let broken = |reason: String| Broken::Column { column: column.name().to_owned(), reason };
        let raw = row.try_get_raw(column.ordinal()).map_err(|error| broken(error.to_string()))?;
        record.insert(column.name().to_owned(), value(&raw, naive).map_err(broken)?);
    }
    Ok(record)
}

fn value(raw: &PgValueRef<'_>, naive: &Naive) -> Result<Value, String> {
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let bytes = raw.as_bytes().map_err(|error| error.to_string())?;
    decode(bytes, &raw.type_info(), naive)
}

pub(super) fn decode(bytes: &[u8], info: &PgTypeInfo, naive: &Naive) -> Result<Value, String> {
    let info = base(info);
    match info.kind() {
        PgTypeKind::Array(element) => return postgres_array::read(bytes, element, naive),
        PgTypeKind::Enum(_) => return utf8(bytes).map(Value::from),
        PgTypeKind::Simple
        | PgTypeKind::Pseudo
        | PgTypeKind::Domain(_)
        | PgTypeKind::Composite(_)
        | PgTypeKind::Range(_) => {}
    }
    let name = info.name().to_ascii_uppercase();
    Ok(match name.as_str() {
        // What a function without a result returns.
        "VOID" => Value::Null,
        "BOOL" => Value::Bool(fixed::<1>(bytes)? != [0]),
        "INT2" => i16::from_be_bytes(fixed(bytes)?).into(),
        "INT4" => i32::from_be_bytes(fixed(bytes)?).into(),
        "INT8" => i64::from_be_bytes(fixed(bytes)?).into(),
        "OID" => u32::from_be_bytes(fixed(bytes)?).into(),
        // The shortest digits that are this number; what is exact belongs into a numeric.
        "FLOAT4" => float(f32::from_be_bytes(fixed(bytes)?)),
        "FLOAT8" => float(f64::from_be_bytes(fixed(bytes)?)),
        "NUMERIC" => number(&postgres_number::read(bytes)?)?,
        "TEXT" | "VARCHAR" | "BPCHAR" | "CHAR" | "\"CHAR\"" | "NAME" | "UNKNOWN" | "CITEXT" | "XML" => {
            Value::from(utf8(bytes)?)
        }
        "JSON" => json(utf8(bytes)?)?,
        "JSONB" => json(utf8(bytes.split_first().map(|(_, json)| json).unwrap_or_default())?)?,
        "BYTEA" => STANDARD.encode(bytes).into(),
        "UUID" => dashed(&hex::encode(fixed::<16>(bytes)?)).into(),
        "DATE" => {
            let days = i32::from_be_bytes(fixed(bytes)?);
            let day = SignedDuration::from_hours(i64::from(days) * 24);
            let out_of_range = |_| "is a date out of range".to_owned();
            EPOCH.checked_add(day).map_err(out_of_range)?.date().to_string().into()
        }
        "TIME" => {
            let since = SignedDuration::from_micros(i64::from_be_bytes(fixed(bytes)?));
            let time = Time::midnight().checked_add(since);
            time.map_or_else(|_| Value::from("24:00:00"), |time| time.to_string().into())
        }
        "TIMESTAMPTZ" => {
            let since = SignedDuration::from_micros(i64::from_be_bytes(fixed(bytes)?));
            let moment = epoch()?.checked_add(since).map_err(|_| "is a time out of range, or infinite".to_owned())?;
            moment.to_string().into()
        }
        "TIMESTAMP" => {
            let since = SignedDuration::from_micros(i64::from_be_bytes(fixed(bytes)?));
            let local = EPOCH.checked_add(since).map_err(|_| "is a time out of range, or infinite".to_owned())?;
            naive.moment(local)?.into()
        }
        _ => {
            return Err(format!(
                "is of type {name}, which has no exact form here; write `CAST(... AS text)` in the query"
            ));
        }
    })
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], String> {
    bytes.try_into().map_err(|_| format!("has {} bytes in place of {N}", bytes.len()))
}

pub(super) fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())
}

pub(super) fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))
}

/// Digits as they are.
pub(super) fn number(digits: &str) -> Result<Value, String> {
    digits.parse::<Number>().map(Value::Number).map_err(|_| "is not a number".to_owned())
}

/// `Display` writes the shortest digits that mean the same float, without an exponent. What JSON has no number for stays text.
pub(super) fn float<F: std::fmt::Display>(float: F) -> Value {
    let text = float.to_string();
    number(&text).unwrap_or(Value::String(text))
}

fn dashed(hex: &str) -> String {
    let parts = [hex.get(..8), hex.get(8..12), hex.get(12..16), hex.get(16..20), hex.get(20..)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("-")
}
