//! A canonical record as rows of a side.
//!
//! Amounts are the record's own integers, or decimals of a stated unit that are never rounded; nothing is ever converted. An amount
//! that is absent makes a rejected row; a value that is not what the side takes it for makes no row at all, and the source says
//! what follows: a rejected row of a mirror, a file that does not count. Not here: where rows go.

use crate::model::{Date, FieldPath, Record, Value};
use crate::recon::large::OUTSIDE_THE_PERIOD;
use crate::recon::row::{Entry, FieldValue, Place, Row};
use crate::recon::unit::Unit;

use super::plan::{AmountCell, BesideCell, FieldCell, RecordRows, TextCell};
use crate::finance::period::Period;

/// A record with its names.
#[derive(Debug, Clone, Copy)]
pub struct Named<'r> {
    /// As its system writes it.
    pub key: &'r str,
    /// Across systems; without, the record is asked.
    pub natural_key: Option<&'r str>,
    pub record: &'r Record,
}

impl RecordRows {
    /// The rows that a record becomes, at least one; or which of its values is not what it should be.
    pub fn entries(&self, of: &Named<'_>, place: &Place, period: Option<Period>) -> Result<Vec<Entry>, String> {
        if of.record.entity() != self.entity {
            return Err(format!("it is a record of {}, and the side is made of {}", of.record.entity(), self.entity));
        }
        let mut entries = Vec::with_capacity(self.amounts.len());
        for cell in &self.amounts {
            if let Some(row) = self.row(of, cell, place)? {
                entries.push(match self.excluded(of, row.date, period) {
                    Some(rule) => Entry::Excluded { rule, row },
                    None => Entry::Row(row),
                });
            }
        }
        if entries.is_empty() {
            let reason = self.absent().into();
            entries.push(Entry::Rejected { place: place.clone(), reason, amount: None });
        }
        Ok(entries)
    }

    fn absent(&self) -> String {
        match self.amounts.as_slice() {
            [only] if only.name.is_none() => format!("the record has no {}", only.from),
            several => {
                let names: Vec<&str> = several.iter().map(|cell| &*cell.from).collect();
                format!("the record has none of {}", names.join(", "))
            }
        }
    }

    /// Nothing if the record has no such amount.
    fn row(&self, of: &Named<'_>, cell: &AmountCell, place: &Place) -> Result<Option<Row>, String> {
        let Some((unit, amount)) = self.amount(of, cell)? else { return Ok(None) };
        let text = |cell: &Option<TextCell>| cell.as_ref().and_then(|cell| text(of, cell));
        let date = self.date.as_ref().and_then(|path| path.get(of.record));
        let fields = self.fields.iter().map(|field| self.field(of.record, of, field.as_ref(), unit));
        let parts = self.parts.iter().map(|part| match part {
            Some(part) => beside(of.record, part, unit),
            None => Ok(None),
        });
        let category = match (text(&self.category), &cell.name) {
            (Some(category), Some(name)) => Some(format!("{category} {name}").into()),
            (Some(category), None) => Some(category),
            (None, name) => name.as_ref().map(|name| (**name).into()),
        };
        Ok(Some(Row {
            place: place.clone(),
            keys: self.keys.iter().map(text).collect(),
            unit,
            amount,
            date: date.map(|value| self.day(value)).transpose()?,
            status: text(&self.status),
            parent: text(&self.parent),
            fields: fields.collect::<Result<_, _>>()?,
            parts: parts.collect::<Result<_, _>>()?,
            lines: self.lines.as_ref().map_or(Ok(0), |path| lines(of.record, path))?,
            category,
            unmapped: None,
        }))
    }

    fn amount(&self, of: &Named<'_>, cell: &AmountCell) -> Result<Option<(Unit, i128)>, String> {
        let Some(value) = cell.path.get(of.record) else { return Ok(None) };
        let (unit, amount) = match value {
            Value::Money(money) => (Unit::Money(money.currency()), i128::from(money.amount_minor())),
            number => {
                let unit = self.unit(of.record)?;
                (unit, minor(number, unit)?)
            }
        };
        Ok(Some((unit, signed(amount, cell.negate)?)))
    }

    /// Of amounts that do not carry it.
    fn unit(&self, record: &Record) -> Result<Unit, String> {
        let stated = self.currency.as_ref().and_then(|path| plain(path.get(record)?));
        match (stated, self.unit) {
            (Some(code), _) => Unit::parse(&code).map_err(|error| error.to_string()),
            (None, Some(unit)) => Ok(unit),
            (None, None) => Err("its amount has no currency".to_owned()),
        }
    }

    fn field(
        &self,
        record: &Record,
        of: &Named<'_>,
        field: Option<&FieldCell>,
        unit: Unit,
    ) -> Result<FieldValue, String> {
        let found = match field {
            None => None,
            Some(FieldCell::Text(cell)) => text(of, cell).map(FieldValue::Text),
            Some(FieldCell::Amount(cell)) => beside(record, cell, unit)?.map(FieldValue::Amount),
            Some(FieldCell::Date(path)) => {
                path.get(record).map(|value| self.day(value)).transpose()?.map(FieldValue::Date)
            }
        };
        Ok(found.unwrap_or(FieldValue::Absent))
    }

    /// The rule by which a row is out of scope. What is absent counts as the empty text.
    fn excluded(&self, of: &Named<'_>, date: Option<Date>, period: Option<Period>) -> Option<std::sync::Arc<str>> {
        let by_value = self.exclude.iter().find(|rule| {
            let found = text(of, &rule.from).unwrap_or_default();
            let listed = |values: &[String]| values.iter().any(|value| **value == *found);
            listed(&rule.is) || !rule.is_not.is_empty() && !listed(&rule.is_not)
        });
        let outside = |period: Period| date.is_some_and(|date| date < period.from || date > period.to);
        match by_value {
            Some(rule) => Some(rule.rule.clone()),
            None => period.is_some_and(outside).then(|| OUTSIDE_THE_PERIOD.into()),
        }
    }

    /// The day of an instant is the reconciliation's zone's.
    fn day(&self, value: &Value) -> Result<Date, String> {
        match value {
            Value::Date(date) => Ok(*date),
            Value::Timestamp(at) => Ok(Date::from(at.instant().to_zoned(self.zone.clone()).date())),
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
}

fn signed(amount: i128, negate: bool) -> Result<i128, String> {
    if negate { amount.checked_neg().ok_or_else(|| "its amount is too large".to_owned()) } else { Ok(amount) }
}

/// A number in the smallest part of a unit.
fn minor(number: &Value, unit: Unit) -> Result<i128, String> {
    unit.amount(&plain(number).unwrap_or_default()).map_err(|error| error.to_string())
}

/// An amount beside the row's: money of another currency is refused, a number is in the row's unit.
fn beside(record: &Record, cell: &BesideCell, unit: Unit) -> Result<Option<i128>, String> {
    let amount = match cell.path.get(record) {
        None => return Ok(None),
        Some(Value::Money(money)) if Unit::Money(money.currency()) == unit => i128::from(money.amount_minor()),
        Some(Value::Money(money)) => {
            return Err(format!("one of its amounts is in {}, the row's in {unit}", money.currency()));
        }
        Some(number) => minor(number, unit)?,
    };
    signed(amount, cell.negate).map(Some)
}

/// A list counts by its items.
fn lines(record: &Record, path: &FieldPath) -> Result<u32, String> {
    match path.get(record) {
        None => Ok(0),
        Some(Value::List(items)) => u32::try_from(items.len()).map_err(|_| "it has too many lines".to_owned()),
        Some(number) => match plain(number) {
            Some(lines) => lines.parse().map_err(|_| format!("`{lines}` is no number of lines")),
            None => Ok(0),
        },
    }
}

/// As one line; nothing where there is none.
fn text(of: &Named<'_>, cell: &TextCell) -> Option<Box<str>> {
    let filled = |text: &str| (!text.is_empty()).then(|| text.into());
    match cell {
        TextCell::Key => filled(of.key),
        TextCell::NaturalKey => match of.natural_key {
            Some(key) => filled(key),
            None => of.record.natural_key().map(String::into_boxed_str),
        },
        TextCell::Path(path) => plain(path.get(of.record)?).map(String::into_boxed_str),
    }
}

/// One value as text: money is its decimal.
pub fn plain(value: &Value) -> Option<String> {
    let text = match value {
        Value::Money(money) => money.to_decimal(),
        Value::UnitPrice(price) => price.to_decimal(),
        other => other.to_plain_text()?,
    };
    Some(text).filter(|text| !text.is_empty())
}
