//! Reading one scalar of a payload as one canonical value, by a conversion chosen when the mapping was compiled.
//!
//! Not here: finding the scalar (see `inbound`).

use std::borrow::Cow;
use std::sync::Arc;

use super::crosswalk::Crosswalk;
use super::error::MappingFault;
use super::expr::{Expression, Path, Tree};
use super::inbound::{Cell, Reading};
use super::list::JoinedPath;
use super::nulls::Nulls;
use super::number_format::NumberFormat;
use super::time_format::TimeFormat;
use crate::model::{Currency, FieldType, Money, Quantity, Raw, UnitPrice, Value};

/// Where a cell's value comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// A path from the current item: the payload, or the item of the list being mapped.
    Item(Path),
    /// `$record.path`: from the whole payload, wherever the cell stands.
    Record(Path),
    /// `$settings.name`.
    Settings(Path),
    /// `$name.path`: from what a join found for the item.
    Joined(JoinedPath),
    Expr(Expression),
    Const(String),
}

impl Source {
    pub(super) fn text(&self) -> &str {
        match self {
            Source::Item(path) | Source::Record(path) | Source::Settings(path) => path.as_str(),
            Source::Joined(joined) => joined.text(),
            Source::Expr(expression) => expression.source(),
            Source::Const(text) => text,
        }
    }
}

/// From scalar to value.
#[derive(Debug)]
pub(super) struct Convert {
    pub trim: bool,
    /// What means "nothing", besides null and the empty text.
    pub nulls: Nulls,
    pub crosswalk: Option<Arc<Crosswalk>>,
    pub numbers: NumberFormat,
    pub kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Plain(FieldType),
    Time(TimeFormat),
    Date(TimeFormat),
    /// Decimal text or a JSON number, in major units.
    Money(Option<Box<Cell>>),
    /// A whole number of minor units.
    Minor(Option<Box<Cell>>),
    UnitPrice(Option<Box<Cell>>),
    UnitPriceMinor(Option<Box<Cell>>),
    /// A scalar of the extra bag, typed by its JSON type.
    Extra,
}

impl Convert {
    /// `None` for null, empty text and the texts that mean nothing.
    pub(super) fn value<T: Tree>(
        &self,
        raw: Raw<'_>,
        item: &T,
        reading: &Reading<'_, T>,
    ) -> Result<Option<Value>, MappingFault> {
        let raw = match raw {
            Raw::Text(text) if self.trim => Raw::Text(text.trim()),
            raw => raw,
        };
        let raw = match listed(self.crosswalk.as_deref(), raw) {
            // What the crosswalk lists is a value, whatever else means nothing.
            Some(canonical) => Raw::Text(canonical),
            None if raw == Raw::Null || raw == Raw::Text("") || self.nulls.has(raw) => {
                match self.crosswalk.as_ref().and_then(|crosswalk| crosswalk.inward("null")) {
                    Some(canonical) => Raw::Text(canonical),
                    None => return Ok(None),
                }
            }
            None => match &self.crosswalk {
                Some(crosswalk) => return Err(unlisted(crosswalk, raw)),
                None => raw,
            },
        };
        self.typed(raw, item, reading)
    }

    fn typed<T: Tree>(&self, raw: Raw<'_>, item: &T, reading: &Reading<'_, T>) -> Result<Option<Value>, MappingFault> {
        let literal = |expected: &FieldType| {
            raw.literal()
                .ok_or_else(|| MappingFault::Value(crate::model::ValueError::wrong_kind(expected.name(), raw.kind())))
        };
        match &self.kind {
            Kind::Plain(ty @ (FieldType::Integer | FieldType::Decimal | FieldType::Quantity)) => {
                let text = self.plain_number(literal(ty)?, raw)?;
                Value::from_raw(ty, Raw::Number(&text))
            }
            Kind::Plain(ty) => Value::from_raw(ty, raw),
            Kind::Time(format) => format.read_timestamp(literal(&FieldType::Timestamp)?).map(Value::Timestamp),
            Kind::Date(format) => format.read_date(literal(&FieldType::Date)?).map(Value::Date),
            Kind::Money(currency) => {
                let Some(currency) = known_currency(currency.as_deref(), item, reading)? else { return Ok(None) };
                let text = self.plain_number(literal(&FieldType::Money)?, raw)?;
                Money::from_decimal_at(&text, currency, reading.exponents.get(currency)).map(Value::Money)
            }
            Kind::Minor(currency) => {
                let Some(currency) = known_currency(currency.as_deref(), item, reading)? else { return Ok(None) };
                let text = self.plain_number(literal(&FieldType::Money)?, raw)?;
                Money::from_minor_at(&text, currency, reading.exponents.get(currency)).map(Value::Money)
            }
            Kind::UnitPrice(currency) => {
                let Some(currency) = known_currency(currency.as_deref(), item, reading)? else { return Ok(None) };
                let text = self.plain_number(literal(&FieldType::UnitPrice)?, raw)?;
                UnitPrice::from_decimal(&text, currency).map(Value::UnitPrice)
            }
            Kind::UnitPriceMinor(currency) => {
                let Some(currency) = known_currency(currency.as_deref(), item, reading)? else { return Ok(None) };
                let text = self.plain_number(literal(&FieldType::UnitPrice)?, raw)?;
                UnitPrice::from_minor_at(&text, currency, reading.exponents.get(currency)).map(Value::UnitPrice)
            }
            Kind::Extra => {
                return crate::model::extra_value(raw)
                    .map(Some)
                    .map_err(|fault| MappingFault::Record(crate::model::RecordError { path: String::new(), fault }));
            }
        }
        .map(Some)
        .map_err(MappingFault::Value)
    }

    /// Zero of the cell's type, for the sum of an empty list.
    pub(super) fn zero<T: Tree>(&self, item: &T, reading: &Reading<'_, T>) -> Result<Option<Value>, MappingFault> {
        match &self.kind {
            Kind::Money(currency) | Kind::Minor(currency) => {
                let currency = known_currency(currency.as_deref(), item, reading)?;
                Ok(currency.map(|currency| Value::Money(Money::new(0, currency))))
            }
            Kind::Plain(_)
            | Kind::Time(_)
            | Kind::Date(_)
            | Kind::UnitPrice(_)
            | Kind::UnitPriceMinor(_)
            | Kind::Extra => Ok(Some(Value::Quantity(Quantity::ZERO))),
        }
    }

    /// JSON numbers have one form only; the declared format is for text.
    fn plain_number<'t>(&self, text: &'t str, raw: Raw<'_>) -> Result<Cow<'t, str>, MappingFault> {
        match raw {
            Raw::Number(_) => Ok(Cow::Borrowed(text)),
            Raw::Text(_) | Raw::Bool(_) | Raw::Null => self.numbers.plain(text).map_err(MappingFault::Value),
        }
    }
}

fn listed<'c>(crosswalk: Option<&'c Crosswalk>, raw: Raw<'_>) -> Option<&'c str> {
    word(raw).and_then(|word| crosswalk?.inward(word))
}

fn unlisted(crosswalk: &Crosswalk, raw: Raw<'_>) -> MappingFault {
    let value = word(raw).unwrap_or("null").to_owned();
    MappingFault::UnmappedValue { crosswalk: crosswalk.name().to_owned(), value }
}

/// As a crosswalk lists it; null has a line of its own.
fn word(raw: Raw<'_>) -> Option<&str> {
    match raw {
        Raw::Text(text) | Raw::Number(text) => Some(text),
        Raw::Bool(true) => Some("true"),
        Raw::Bool(false) => Some("false"),
        Raw::Null => None,
    }
}

/// `None` when the cell's own currency is optional and absent: then the amount is absent, too.
fn known_currency<T: Tree>(
    own: Option<&Cell>,
    item: &T,
    reading: &Reading<'_, T>,
) -> Result<Option<Currency>, MappingFault> {
    let Some(cell) = own else { return reading.currency.map(Some).ok_or(MappingFault::NoCurrency) };
    match cell.read("currency", item, reading) {
        Ok(Some(Value::Currency(currency))) => Ok(Some(currency)),
        Ok(_) if cell.optional => Ok(None),
        Ok(_) => Err(MappingFault::NoCurrency),
        Err(failure) => Err(*failure.fault),
    }
}
