//! Looking into an ISO 20022 element that has become JSON: by path, one or many, text beside attributes.
//!
//! Not here: which elements matter (camt, camt_entry).

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::connector::file::decimal::DecimalForm;
use crate::connector::file::statement::StatementCause;
use crate::model::Currency;

/// The element at the path; of a repeated one the first.
pub(super) fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, name| match value {
        Value::Array(items) => items.first()?.get(name),
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.get(name),
    })
}

/// An element's own text, not blank.
pub(super) fn text<'v>(value: &'v Value, path: &[&str]) -> Option<&'v str> {
    let text = match at(value, path)? {
        Value::String(text) => text.as_str(),
        Value::Array(items) => return items.first().and_then(|first| text(first, &[])),
        other => other.get("#text")?.as_str()?,
    };
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// The first that is there: versions of the standard name the same thing differently.
pub(super) fn either<'v>(value: &'v Value, paths: &[&[&str]]) -> Option<&'v str> {
    paths.iter().find_map(|path| text(value, path))
}

/// All elements of that name, once or repeated.
pub(super) fn items<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    let (many, one): (&[Value], _) = match value.get(name) {
        Some(Value::Array(items)) => (items, None),
        other => (&[], other),
    };
    many.iter().chain(one)
}

/// `Dt/Dt` or `Dt/DtTm`: the day, as the bank's own clock has it.
pub(super) fn day(value: &Value, name: &'static str) -> Result<Option<Date>, StatementCause> {
    let Some(text) = either(value, &[&[name, "Dt"], &[name, "DtTm"], &[name]]) else { return Ok(None) };
    let day = text.get(..10).unwrap_or(text);
    let bad = |_| StatementCause::field("a date", text, "not YYYY-MM-DD");
    if day.len() != 10 {
        return Err(StatementCause::field("a date", text, "not YYYY-MM-DD"));
    }
    day.parse().map(Some).map_err(bad)
}

/// An amount is never negative; its direction stands beside it.
pub(super) fn amount(field: &'static str, text: &str) -> Result<Decimal, StatementCause> {
    let bad = |reason| StatementCause::field(field, text, reason);
    if text.len() > 30 || text.starts_with(['-', '+']) || text.ends_with('-') {
        return Err(bad("not a positive amount"));
    }
    DecimalForm::POINT.parse(text).map_err(bad)
}

/// `Amt` with its `Ccy`.
pub(super) fn money(
    field: &'static str,
    value: &Value,
    path: &[&str],
) -> Result<Option<(Decimal, Currency)>, StatementCause> {
    let Some(digits) = text(value, path) else { return Ok(None) };
    let code = text(value, &[path, &["@Ccy"]].concat()).unwrap_or_default();
    let currency = Currency::parse(code).map_err(|_| StatementCause::field("Ccy", code, "no known currency"))?;
    let amount = amount(field, digits)?;
    if amount.normalize().scale() > currency.exponent() {
        return Err(StatementCause::field(field, digits, "more decimals than the currency has"));
    }
    Ok(Some((amount, currency)))
}

/// The sign that `CdtDbtInd` gives.
pub(super) fn is_credit(value: &Value, path: &[&str]) -> Result<Option<bool>, StatementCause> {
    match text(value, path) {
        None => Ok(None),
        Some("CRDT") => Ok(Some(true)),
        Some("DBIT") => Ok(Some(false)),
        Some(other) => Err(StatementCause::field("CdtDbtInd", other, "neither CRDT nor DBIT")),
    }
}

pub(super) fn signed(amount: Decimal, credit: bool) -> Decimal {
    if credit || amount.is_zero() { amount } else { -amount }
}
