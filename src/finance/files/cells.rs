//! A canonical record as rows of a side.
//!
//! Amounts are the record's own integers, or decimals of a stated unit that are never rounded. Not here: where rows go (`spool`).

use crate::model::{Date, FieldPath, Record, Value};
use crate::recon::large::{FieldKind, OUTSIDE_THE_PERIOD};
use crate::recon::unit::Unit;

use super::bound::{AmountCell, Bound, Plan};
use super::spool::{KeptField, KeptRow};
use crate::finance::period::Period;

/// The rows that a record becomes, or why it cannot be one: the field and the cause.
pub(super) fn rows(bound: &Bound, record: &Record, period: Option<Period>) -> Result<Vec<KeptRow>, String> {
    bound.plan.amounts.iter().filter_map(|cell| row(bound, record, cell, period).transpose()).collect()
}

/// Nothing if the record has no such part of its money.
fn row(bound: &Bound, record: &Record, cell: &AmountCell, period: Option<Period>) -> Result<Option<KeptRow>, String> {
    let plan = &bound.plan;
    let Some((unit, amount)) = amount(plan, record, &cell.path)? else {
        return if cell.name.is_some() { Ok(None) } else { Err("it has no amount".to_owned()) };
    };
    let text = |path: &Option<FieldPath>| path.as_ref().and_then(|path| plain(path.get(record)));
    let date = plan.date.as_ref().and_then(|path| path.get(record)).map(|value| day(bound, value)).transpose()?;
    let category = match (text(&plan.category), &cell.name) {
        (Some(category), Some(name)) => Some(format!("{category} {name}")),
        (Some(category), None) => Some(category),
        (None, name) => name.as_ref().map(|name| name.to_string()),
    };
    let lines = match text(&plan.lines) {
        Some(lines) => lines.parse().map_err(|_| format!("`{lines}` is no number of lines"))?,
        None => 0,
    };
    Ok(Some(KeptRow {
        keys: plan.keys.iter().map(text).collect(),
        unit: unit.as_str().to_owned(),
        amount: signed(amount, cell.negate)?.to_string(),
        date: date.map(|date| date.to_string()),
        status: text(&plan.status),
        parent: text(&plan.parent),
        fields: plan.fields.iter().map(|field| compared(bound, record, unit, field)).collect::<Result<_, _>>()?,
        parts: plan.parts.iter().map(|part| share(plan, record, unit, part)).collect::<Result<_, _>>()?,
        lines,
        category,
        excluded: excluded(plan, record, date, period),
    }))
}

fn signed(amount: i128, negate: bool) -> Result<i128, String> {
    if negate { amount.checked_neg().ok_or_else(|| "its amount is too large".to_owned()) } else { Ok(amount) }
}

fn amount(plan: &Plan, record: &Record, path: &FieldPath) -> Result<Option<(Unit, i128)>, String> {
    let Some(value) = path.get(record) else { return Ok(None) };
    if let Value::Money(money) = value {
        return Ok(Some((Unit::Money(money.currency()), i128::from(money.amount_minor()))));
    }
    let currency = plan.currency.as_ref().and_then(|path| plain(path.get(record)));
    let unit = match (currency, plan.unit) {
        (Some(code), _) => Unit::parse(&code).map_err(|error| error.to_string())?,
        (None, Some(unit)) => unit,
        (None, None) => return Err("its amount has no currency".to_owned()),
    };
    let text = plain(Some(value)).unwrap_or_default();
    unit.amount(&text).map(|amount| Some((unit, amount))).map_err(|error| error.to_string())
}

/// An amount beside the row's, which is in the same unit.
fn beside(plan: &Plan, record: &Record, unit: Unit, path: &FieldPath) -> Result<Option<i128>, String> {
    match amount(plan, record, path)? {
        None => Ok(None),
        Some((other, amount)) if other == unit => Ok(Some(amount)),
        Some((other, _)) => Err(format!("one of its amounts is in {other}, the row's in {unit}")),
    }
}

fn share(plan: &Plan, record: &Record, unit: Unit, part: &Option<(FieldPath, bool)>) -> Result<Option<String>, String> {
    let Some((path, negate)) = part else { return Ok(None) };
    let amount = beside(plan, record, unit, path)?.map(|amount| signed(amount, *negate)).transpose()?;
    Ok(amount.map(|amount| amount.to_string()))
}

fn compared(
    bound: &Bound,
    record: &Record,
    unit: Unit,
    field: &Option<(FieldPath, FieldKind)>,
) -> Result<KeptField, String> {
    let Some((path, kind)) = field else { return Ok(KeptField::Absent) };
    let Some(value) = path.get(record) else { return Ok(KeptField::Absent) };
    Ok(match kind {
        FieldKind::Text => plain(Some(value)).map_or(KeptField::Absent, KeptField::Text),
        FieldKind::Date => KeptField::Date(day(bound, value)?.to_string()),
        FieldKind::Amount => match beside(&bound.plan, record, unit, path)? {
            Some(amount) => KeptField::Amount(amount.to_string()),
            None => KeptField::Absent,
        },
    })
}

/// The rule by which a row is out of scope.
fn excluded(plan: &Plan, record: &Record, date: Option<Date>, period: Option<Period>) -> Option<String> {
    let rule = plan.exclude.iter().find(|rule| {
        let found = rule.path.get(record).and_then(|value| plain(Some(value))).unwrap_or_default();
        let listed = |values: &[String]| values.contains(&found);
        listed(&rule.is) || !rule.is_not.is_empty() && !listed(&rule.is_not)
    });
    let outside = |period: Period| date.is_some_and(|date| date < period.from || date > period.to);
    match rule {
        Some(rule) => Some(rule.rule.to_string()),
        None => period.is_some_and(outside).then(|| OUTSIDE_THE_PERIOD.to_owned()),
    }
}

/// The day of an instant is the reconciliation's zone's.
fn day(bound: &Bound, value: &Value) -> Result<Date, String> {
    match value {
        Value::Date(date) => Ok(*date),
        Value::Timestamp(at) => Ok(Date::from(at.instant().to_zoned(bound.zone.clone()).date())),
        Value::Text(text) => Date::parse(text).map_err(|error| error.to_string()),
        Value::Integer(_)
        | Value::Bool(_)
        | Value::Decimal(_)
        | Value::Quantity(_)
        | Value::Money(_)
        | Value::UnitPrice(_)
        | Value::Currency(_)
        | Value::Status(_)
        | Value::Object(_)
        | Value::List(_) => Err("what should be its day is none".to_owned()),
    }
}

/// One value as text; nothing where there is none.
pub(super) fn plain(value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Decimal(number) => number.to_string(),
        Value::Quantity(quantity) => quantity.to_string(),
        Value::Money(money) => money.to_decimal(),
        Value::UnitPrice(price) => price.to_decimal(),
        Value::Timestamp(at) => at.to_string(),
        Value::Date(date) => date.to_string(),
        Value::Currency(currency) => currency.as_str().to_owned(),
        Value::Status(word) => (*word).to_owned(),
        Value::Object(_) | Value::List(_) => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}
