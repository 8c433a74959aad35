//! From canonical records to rows: which of a record's values a side calls key, amount, date and so on, resolved against the
//! entity's fields once.
//!
//! Not here: reading records, comparing rows.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::model::{Date, Entity, FieldPath, PathError, Record, Value};
use crate::recon::large::{FieldKind, OUTSIDE_THE_PERIOD};
use crate::recon::row::{Entry, FieldValue, Place, Row};
use crate::recon::rules::Measure;
use crate::recon::unit::Unit;

use super::definition::{Cell, Definition, SideSpec};
use super::period::Period;

/// The record's key as its system writes it.
pub const KEY: &str = "@key";
/// The record's name across systems: an order's number, a level's SKU and location.
pub const NATURAL_KEY: &str = "@natural_key";

/// A value of a record.
enum From {
    Key,
    NaturalKey,
    Path(FieldPath),
}

struct Excluding {
    rule: Arc<str>,
    from: From,
    is: Vec<String>,
}

/// A side's values, resolved for an entity.
pub struct Cells {
    zone: TimeZone,
    unit: Option<Unit>,
    keys: Vec<Option<From>>,
    amount: From,
    amount_name: String,
    currency: Option<From>,
    date: Option<From>,
    status: Option<From>,
    parent: Option<From>,
    category: Option<From>,
    lines: Option<From>,
    fields: Vec<Option<(From, FieldKind)>>,
    parts: Vec<Option<From>>,
    exclude: Vec<Excluding>,
    period: Option<[Date; 2]>,
}

/// A record with its names.
pub struct Named<'r> {
    pub key: &'r str,
    pub natural_key: &'r str,
    pub record: &'r Record,
}

impl Cells {
    /// Values that the entity does not have are refused, the first of them by name.
    pub fn new(
        definition: &Definition,
        spec: &SideSpec,
        entity: Entity,
        period: Option<Period>,
    ) -> Result<Cells, PathError> {
        let from = |cell: &Cell| from(entity, &cell.from);
        let optional = |cell: &Option<Cell>| cell.as_ref().map(from).transpose();
        let exclude = |rule: &super::definition::Exclusion| {
            let from = self::from(entity, &rule.from)?;
            Ok(Excluding { rule: rule.name.clone(), from, is: rule.is.clone() })
        };
        let field = |cell: &Option<Cell>| cell.as_ref().map(|cell| Ok((from(cell)?, cell.kind))).transpose();
        let unit = match (spec.unit, definition.rules.measure) {
            (Some(unit), _) => Some(unit),
            (None, Measure::Quantity) => Some(Unit::Pieces),
            (None, Measure::Money) => None,
        };
        Ok(Cells {
            zone: definition.zone.clone(),
            unit,
            keys: spec.keys.iter().map(optional).collect::<Result<_, _>>()?,
            amount: from(&spec.amount)?,
            amount_name: spec.amount.from.clone(),
            currency: optional(&spec.currency)?,
            date: optional(&spec.date)?,
            status: optional(&spec.status)?,
            parent: optional(&spec.parent)?,
            category: optional(&spec.category)?,
            lines: optional(&spec.lines)?,
            fields: spec.fields.iter().map(field).collect::<Result<_, _>>()?,
            parts: spec.parts.iter().map(optional).collect::<Result<_, _>>()?,
            exclude: spec.exclude.iter().map(exclude).collect::<Result<_, PathError>>()?,
            period: period.map(|period| [period.from, period.to]),
        })
    }

    /// What becomes of a record: a row, one that is out of scope, or why it is none.
    pub fn entry(&self, named: &Named<'_>, place: Place) -> Entry {
        match self.row(named, place.clone()) {
            Ok(row) => {
                let outside = |[from, to]: [Date; 2]| row.date.is_some_and(|date| date < from || date > to);
                let by_value = self.exclude.iter().find(|rule| {
                    self.text(named, &rule.from).is_some_and(|text| rule.is.iter().any(|is| **is == *text))
                });
                match by_value {
                    Some(rule) => Entry::Excluded { rule: rule.rule.clone(), row },
                    None if self.period.is_some_and(outside) => {
                        Entry::Excluded { rule: OUTSIDE_THE_PERIOD.into(), row }
                    }
                    None => Entry::Row(row),
                }
            }
            Err(reason) => Entry::Rejected { place, reason: reason.into(), amount: None },
        }
    }

    fn row(&self, named: &Named<'_>, place: Place) -> Result<Row, String> {
        let text = |from: &Option<From>| from.as_ref().and_then(|from| self.text(named, from));
        let (unit, amount) = self.amount(named)?;
        let fields = self.fields.iter().map(|field| self.field(named, field.as_ref(), unit));
        let parts = self.parts.iter().map(|part| match part {
            Some(from) => value(named, from).map(|value| minor(value, unit)).transpose(),
            None => Ok(None),
        });
        Ok(Row {
            place,
            keys: self.keys.iter().map(text).collect(),
            unit,
            amount,
            date: self.date.as_ref().map_or(Ok(None), |from| self.date(named, from))?,
            status: text(&self.status),
            parent: text(&self.parent),
            fields: fields.collect::<Result<_, _>>()?,
            parts: parts.collect::<Result<_, _>>()?,
            lines: match self.lines.as_ref().and_then(|from| value(named, from)) {
                Some(Value::List(items)) => u32::try_from(items.len()).map_err(|_| "too many lines".to_owned())?,
                Some(_) | None => match text(&self.lines) {
                    Some(lines) => lines.parse().map_err(|_| format!("`{lines}` is no number of lines"))?,
                    None => 0,
                },
            },
            category: text(&self.category),
            unmapped: None,
        })
    }

    fn amount(&self, named: &Named<'_>) -> Result<(Unit, i128), String> {
        let absent = || format!("the record has no {}", self.amount_name);
        let amount = value(named, &self.amount).ok_or_else(absent)?;
        let unit = match (amount, self.unit, &self.currency) {
            (Value::Money(money), None, _) => Unit::Money(money.currency()),
            (_, Some(unit), _) => unit,
            (_, None, Some(from)) => {
                let code = self.text(named, from).ok_or_else(|| "the record has no currency".to_owned())?;
                Unit::parse(&code).map_err(|error| error.to_string())?
            }
            (_, None, None) => {
                return Err(format!("{} carries no currency: say `currency` or `unit`", self.amount_name));
            }
        };
        Ok((unit, minor(amount, unit)?))
    }

    fn date(&self, named: &Named<'_>, from: &From) -> Result<Option<Date>, String> {
        let Some(found) = value(named, from) else { return Ok(None) };
        Ok(Some(match found {
            Value::Timestamp(at) => Date::from(at.instant().to_zoned(self.zone.clone()).date()),
            Value::Date(date) => *date,
            Value::Text(text) => Date::parse(text).map_err(|error| error.to_string())?,
            other @ (Value::Integer(_)
            | Value::Bool(_)
            | Value::Decimal(_)
            | Value::Quantity(_)
            | Value::Money(_)
            | Value::UnitPrice(_)
            | Value::Currency(_)
            | Value::Status(_)
            | Value::Object(_)
            | Value::List(_)) => return Err(format!("{} is no date", kind(other))),
        }))
    }

    fn field(&self, named: &Named<'_>, field: Option<&(From, FieldKind)>, unit: Unit) -> Result<FieldValue, String> {
        let Some((from, kind)) = field else { return Ok(FieldValue::Absent) };
        Ok(match kind {
            FieldKind::Text => self.text(named, from).map_or(FieldValue::Absent, FieldValue::Text),
            FieldKind::Amount => match value(named, from) {
                Some(value) => FieldValue::Amount(minor(value, unit)?),
                None => FieldValue::Absent,
            },
            FieldKind::Date => self.date(named, from)?.map_or(FieldValue::Absent, FieldValue::Date),
        })
    }

    /// As one line of text; nothing if it is absent or empty.
    fn text(&self, named: &Named<'_>, from: &From) -> Option<Box<str>> {
        let text = match from {
            From::Key => named.key.to_owned(),
            From::NaturalKey => named.natural_key.to_owned(),
            From::Path(path) => match path.get(named.record)? {
                Value::Money(money) => format!("{} {}", money.to_decimal(), money.currency()),
                Value::UnitPrice(price) => price.to_decimal(),
                other => other.to_plain_text()?,
            },
        };
        (!text.is_empty()).then(|| text.into())
    }
}

fn from(entity: Entity, text: &str) -> Result<From, PathError> {
    match text {
        KEY => Ok(From::Key),
        NATURAL_KEY => Ok(From::NaturalKey),
        path => FieldPath::parse(entity, path).map(From::Path),
    }
}

fn value<'r>(named: &Named<'r>, from: &From) -> Option<&'r Value> {
    match from {
        From::Key | From::NaturalKey => None,
        From::Path(path) => path.get(named.record),
    }
}

/// In the smallest part of the unit; another currency is refused, never converted.
fn minor(value: &Value, unit: Unit) -> Result<i128, String> {
    match (value, unit) {
        (Value::Money(money), Unit::Money(currency)) if money.currency() == currency => {
            Ok(i128::from(money.amount_minor()))
        }
        (Value::Money(money), _) => Err(format!("an amount in {} where {unit} is meant", money.currency())),
        (other, unit) => {
            let text = other.to_plain_text().ok_or_else(|| format!("{} is no amount", kind(other)))?;
            unit.amount(&text).map_err(|error| error.to_string())
        }
    }
}

/// What a value is, without telling it: reports are shown to more people than records are.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Text(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Bool(_) => "yes or no",
        Value::Decimal(_) => "a decimal number",
        Value::Quantity(_) => "a quantity",
        Value::Money(_) => "an amount of money",
        Value::UnitPrice(_) => "a unit price",
        Value::Timestamp(_) => "a moment",
        Value::Date(_) => "a date",
        Value::Currency(_) => "a currency",
        Value::Status(_) => "a status",
        Value::Object(_) => "an object",
        Value::List(_) => "a list",
    }
}
