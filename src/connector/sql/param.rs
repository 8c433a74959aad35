//! A value on its way into a statement: what a template came to, as a type that a database knows.
//!
//! Not here: the wire (`postgres`, `mysql`, `sqlite`), which parameters there are (`walk`, `sink`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Number, Value};

use crate::connector::manifest::SqlValueKind;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Param {
    Null,
    Bool(bool),
    Integer(i64),
    /// Whole and above what `Integer` holds.
    Unsigned(u64),
    /// Plain digits with an optional point, exactly as they are.
    Decimal(String),
    Text(String),
    Time(Timestamp),
    Bytes(Vec<u8>),
    /// A list or object.
    Json(Value),
}

/// The parameters of a statement by name.
pub(super) type Named<'p> = &'p [(String, Param)];

impl Param {
    pub fn text(text: impl Into<String>) -> Param {
        Param::Text(text.into())
    }

    /// The error says what the value is not.
    pub fn of(value: Value, kind: SqlValueKind) -> Result<Param, String> {
        let shown = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Ok(match (kind, value) {
            (_, Value::Null) => Param::Null,
            (SqlValueKind::Auto, Value::Bool(flag)) => Param::Bool(flag),
            (SqlValueKind::Auto, Value::Number(number)) => Param::number(&number)?,
            (SqlValueKind::Auto, Value::String(text)) => Param::Text(text),
            (SqlValueKind::Auto, list @ (Value::Array(_) | Value::Object(_))) => Param::Json(list),
            (SqlValueKind::Text, value) => Param::Text(shown(&value)),
            (SqlValueKind::Json, Value::String(text)) => match serde_json::from_str(&text) {
                Ok(list @ (Value::Array(_) | Value::Object(_))) => Param::Json(list),
                Ok(_) | Err(_) => Param::Text(Value::String(text).to_string()),
            },
            (SqlValueKind::Json, value) => Param::Json(value),
            (SqlValueKind::Decimal, value) => {
                let text = shown(&value);
                let number = serde_json::from_str::<Number>(&text).map_err(|_| format!("`{text}` is not a number"))?;
                plain(&number).map(Param::Decimal)?
            }
            (SqlValueKind::Time, value) => Param::Time(moment(&shown(&value))?),
            (SqlValueKind::Bytes, value) => Param::Bytes(bytes(&shown(&value))?),
        })
    }

    fn number(number: &Number) -> Result<Param, String> {
        let plain = plain(number)?;
        if let Ok(integer) = plain.parse() {
            return Ok(Param::Integer(integer));
        }
        Ok(plain.parse().map_or(Param::Decimal(plain), Param::Unsigned))
    }

    /// As text, for a column of text; `None` where that would not be the same value.
    pub fn as_text(&self) -> Option<String> {
        match self {
            Param::Null | Param::Bytes(_) => None,
            Param::Bool(flag) => Some(flag.to_string()),
            Param::Integer(number) => Some(number.to_string()),
            Param::Unsigned(number) => Some(number.to_string()),
            Param::Decimal(text) | Param::Text(text) => Some(text.clone()),
            Param::Time(moment) => Some(moment.to_string()),
            Param::Json(value) => Some(value.to_string()),
        }
    }
}

pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    crate::model::Timestamp::parse(text).map(crate::model::Timestamp::instant).map_err(|error| error.to_string())
}

pub(super) fn bytes(text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|error| format!("is not base64: {error}"))
}

/// More digits than this come from an exponent that nobody meant.
const MOST_DIGITS: i64 = 400;

/// The number without an exponent, digit for digit.
fn plain(number: &Number) -> Result<String, String> {
    let text = number.to_string();
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return Ok(text) };
    let exponent: i64 = exponent.parse().map_err(|_| format!("`{text}` is not a number"))?;
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let point = i64::try_from(whole.len()).unwrap_or(i64::MAX).saturating_add(exponent);
    if point.abs() > MOST_DIGITS {
        return Err(format!("`{text}` is a number of more than {MOST_DIGITS} digits"));
    }
    let mut digits = format!("{whole}{fraction}");
    let mut point = point;
    if point <= 0 {
        let zeros = usize::try_from(1 - point).unwrap_or_default();
        digits = format!("{}{digits}", "0".repeat(zeros));
        point = 1;
    }
    let point = usize::try_from(point).unwrap_or_default();
    if point >= digits.len() {
        return Ok(format!("{sign}{digits}{}", "0".repeat(point - digits.len())));
    }
    Ok(format!("{sign}{}.{}", &digits[..point], &digits[point..]))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn number(text: &str) -> Param {
        Param::of(serde_json::from_str(text).unwrap(), SqlValueKind::Auto).unwrap()
    }

    #[test]
    fn numbers_keep_every_digit() {
        assert_eq!(number("-7"), Param::Integer(-7));
        assert_eq!(number("18446744073709551615"), Param::Unsigned(u64::MAX));
        for digits in ["0.1", "0.10", "12345678901234567890.12345678901234567890", "123456789012345678901234567890"] {
            assert_eq!(number(digits), Param::Decimal(digits.to_owned()));
        }
        assert_eq!(number("1.25e3"), Param::Integer(1250));
        assert_eq!(number("-1.25e1"), Param::Decimal("-12.5".to_owned()));
        assert_eq!(number("25e-4"), Param::Decimal("0.0025".to_owned()));
        assert!(Param::of(serde_json::from_str("1e999999").unwrap(), SqlValueKind::Auto).is_err());
    }

    #[test]
    fn a_kind_says_what_a_text_is() {
        let of = |text: &str, kind| Param::of(Value::from(text), kind);
        assert_eq!(of("0.10", SqlValueKind::Decimal).unwrap(), Param::Decimal("0.10".to_owned()));
        assert!(of("ten", SqlValueKind::Decimal).is_err());
        assert_eq!(of("AP8=", SqlValueKind::Bytes).unwrap(), Param::Bytes(vec![0, 255]));
        assert!(of("#", SqlValueKind::Bytes).is_err());
        assert!(matches!(of("2026-11-22T10:00:00+01:00", SqlValueKind::Time).unwrap(), Param::Time(_)));
        assert_eq!(of("[1]", SqlValueKind::Json).unwrap(), Param::Json(serde_json::json!([1])));
        assert_eq!(of("", SqlValueKind::Auto).unwrap(), Param::Text(String::new()));
    }
}
