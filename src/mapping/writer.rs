//! Writing one canonical value as one JSON scalar, in the form that the cell asks for.
//!
//! Not here: finding the value (see `outbound`).

use std::sync::Arc;

use serde_json::{Number, Value as Json};

use super::crosswalk::{Crosswalk, Exponents};
use super::error::MappingFault;
use super::number_format::DecimalSign;
use super::time_format::{TimeFormat, Written};
use crate::model::{Exact, Money, Raw, UnitPrice, Value, ValueError};

/// How a value is written.
#[derive(Debug)]
pub(super) enum Form {
    /// Numbers as decimal text, everything else as it is.
    Plain,
    Text,
    Integer,
    Number,
    Bool,
    Money,
    MoneyNumber,
    Minor,
    Time(TimeFormat),
}

/// From value to scalar.
#[derive(Debug)]
pub(super) struct Writer {
    pub form: Form,
    pub crosswalk: Option<Arc<Crosswalk>>,
    pub decimal: DecimalSign,
}

impl Writer {
    pub(super) fn value(&self, value: &Value, exponents: &Exponents) -> Result<Json, MappingFault> {
        if let Some(crosswalk) = &self.crosswalk {
            let text =
                value.to_plain_text().ok_or(MappingFault::Composite { found: "an amount, an object or a list" })?;
            let vendor = crosswalk.outward(&text).ok_or_else(|| MappingFault::UnmappedValue {
                crosswalk: crosswalk.name().to_owned(),
                value: text.clone(),
            })?;
            return if vendor == "null" { Ok(Json::Null) } else { self.raw(Raw::Text(vendor)) };
        }
        match (value, &self.form) {
            (Value::Money(money), form) => self.write_money(*money, form, exponents).map_err(MappingFault::Value),
            (Value::UnitPrice(price), form) => self.write_price(*price, form, exponents).map_err(MappingFault::Value),
            (Value::Timestamp(timestamp), Form::Time(format)) => {
                format.write_timestamp(*timestamp).map(written).map_err(MappingFault::Arithmetic)
            }
            (Value::Date(date), Form::Time(format)) => {
                format.write_date(*date).map(written).map_err(MappingFault::Arithmetic)
            }
            (Value::Integer(number), Form::Plain | Form::Integer | Form::Number) => Ok(Json::from(*number)),
            (Value::Bool(value), Form::Plain | Form::Bool) => Ok(Json::Bool(*value)),
            (Value::Quantity(_) | Value::Decimal(_), _) => {
                self.raw(Raw::Number(&value.to_plain_text().unwrap_or_default()))
            }
            (value, _) => {
                let text = value.to_plain_text().ok_or(MappingFault::Composite { found: "an object or a list" })?;
                self.raw(Raw::Text(&text))
            }
        }
    }

    /// Gives a scalar the JSON type that was asked for.
    pub(super) fn raw(&self, raw: Raw<'_>) -> Result<Json, MappingFault> {
        let refuse =
            |expected: &str, text: &str, reason: &str| MappingFault::Value(ValueError::new(expected, text, reason));
        match (&self.form, raw) {
            (Form::Integer, Raw::Text(text) | Raw::Number(text)) => {
                let whole = Exact::parse(text).and_then(Exact::to_i64);
                whole.map(Json::from).map_err(|reason| refuse("a whole number", text, reason))
            }
            (Form::Number | Form::MoneyNumber, Raw::Text(text) | Raw::Number(text)) => {
                Exact::parse(text).map_err(|reason| refuse("a number", text, reason))?;
                Ok(number(text))
            }
            (Form::Bool, Raw::Text("true")) => Ok(Json::Bool(true)),
            (Form::Bool, Raw::Text("false")) => Ok(Json::Bool(false)),
            (Form::Bool, Raw::Text(text) | Raw::Number(text)) => Err(refuse("true or false", text, "it is neither")),
            (Form::Text, Raw::Bool(value)) => Ok(Json::String(value.to_string())),
            (_, Raw::Bool(value)) => Ok(Json::Bool(value)),
            (_, Raw::Null) => Ok(Json::Null),
            (Form::Plain | Form::Text | Form::Money | Form::Minor | Form::Time(_), Raw::Number(text)) => {
                Ok(Json::String(self.localised(text)))
            }
            (Form::Plain | Form::Text | Form::Money | Form::Minor | Form::Time(_), Raw::Text(text)) => {
                Ok(Json::String(text.to_owned()))
            }
        }
    }

    fn write_money(&self, money: Money, form: &Form, exponents: &Exponents) -> Result<Json, ValueError> {
        let exponent = exponents.get(money.currency());
        match form {
            Form::Minor => money.to_minor_at(exponent).map(Json::from),
            Form::MoneyNumber => money.to_decimal_at(exponent).map(|text| number(&text)),
            Form::Plain | Form::Text | Form::Integer | Form::Number | Form::Bool | Form::Money | Form::Time(_) => {
                money.to_decimal_at(exponent).map(|text| Json::String(self.localised(&text)))
            }
        }
    }

    fn write_price(&self, price: UnitPrice, form: &Form, exponents: &Exponents) -> Result<Json, ValueError> {
        match form {
            Form::Minor => {
                let money = price.to_money().ok_or_else(|| {
                    ValueError::new("a price in minor units", &price.to_decimal(), "it would have to be rounded")
                })?;
                money.to_minor_at(exponents.get(money.currency())).map(Json::from)
            }
            Form::MoneyNumber => Ok(number(&price.to_decimal())),
            Form::Plain | Form::Text | Form::Integer | Form::Number | Form::Bool | Form::Money | Form::Time(_) => {
                Ok(Json::String(self.localised(&price.to_decimal())))
            }
        }
    }

    fn localised(&self, text: &str) -> String {
        match self.decimal {
            DecimalSign::Point => text.to_owned(),
            DecimalSign::Comma => text.replace('.', ","),
        }
    }
}

fn number(text: &str) -> Json {
    // Called with text that `Exact` has read or that the model has written; `+5`, `.5` and `5.` are not JSON.
    let text = text.strip_prefix('+').unwrap_or(text);
    serde_json::from_str::<Number>(text).map_or_else(|_| Json::String(text.to_owned()), Json::Number)
}

fn written(written: Written) -> Json {
    match written {
        Written::Count(count) => Json::from(count),
        Written::Text(text) => Json::String(text),
    }
}
