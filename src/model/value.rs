//! Typed leaf values and the objects and lists they form.
//!
//! Not here: JSON text (see `canonical_json`), vendors' forms of a value (see `mapping`).

use rust_decimal::Decimal;

use super::schema::{self, Field, FieldType};
use super::{Currency, Date, Exact, Money, Quantity, Timestamp, UnitPrice, ValueError};

/// Longest text one field may hold, in bytes.
pub(crate) const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Most items one list may hold.
pub(crate) const MAX_LIST_ITEMS: usize = 10_000;

/// A value of a canonical field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Also the keys of other records (`FieldType::Ref`).
    Text(String),
    Integer(i64),
    Bool(bool),
    Decimal(Decimal),
    Quantity(Quantity),
    Money(Money),
    UnitPrice(UnitPrice),
    Timestamp(Timestamp),
    Date(Date),
    Currency(Currency),
    /// The vocabulary's own copy of the word.
    Status(&'static str),
    Object(Object),
    List(Vec<Value>),
}

/// A scalar as a payload writes it: numbers keep their literal text, so that nothing is lost before it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raw<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    Text(&'a str),
}

impl<'a> Raw<'a> {
    /// The literal text of a text or number.
    pub fn literal(self) -> Option<&'a str> {
        match self {
            Raw::Number(text) | Raw::Text(text) => Some(text),
            Raw::Null | Raw::Bool(_) => None,
        }
    }

    pub fn kind(self) -> &'static str {
        match self {
            Raw::Null => "null",
            Raw::Bool(true) => "true",
            Raw::Bool(false) => "false",
            Raw::Number(_) => "a number",
            Raw::Text(_) => "text",
        }
    }
}

impl Value {
    /// Reads a scalar as the type asked for. Money, unit prices, objects and lists are not scalars and are refused.
    pub fn from_raw(ty: &FieldType, raw: Raw<'_>) -> Result<Value, ValueError> {
        let wrong = || ValueError::wrong_kind(ty.name(), raw.kind());
        let exact = |text: &str| Exact::parse(text).map_err(|reason| ValueError::new(ty.name(), text, reason));
        match (ty, raw) {
            (FieldType::Text | FieldType::Ref(_), Raw::Text(text) | Raw::Number(text)) => checked_text(text),
            (FieldType::Integer, Raw::Text(text) | Raw::Number(text)) => {
                exact(text)?.to_i64().map(Value::Integer).map_err(|reason| ValueError::new(ty.name(), text, reason))
            }
            (FieldType::Decimal, Raw::Text(text) | Raw::Number(text)) => {
                exact(text)?.to_decimal().map(Value::Decimal).map_err(|reason| ValueError::new(ty.name(), text, reason))
            }
            (FieldType::Quantity, Raw::Text(text) | Raw::Number(text)) => Quantity::parse(text).map(Value::Quantity),
            (FieldType::Bool, Raw::Bool(value)) => Ok(Value::Bool(value)),
            (FieldType::Bool, Raw::Text("true")) => Ok(Value::Bool(true)),
            (FieldType::Bool, Raw::Text("false")) => Ok(Value::Bool(false)),
            (FieldType::Timestamp, Raw::Text(text)) => Timestamp::parse(text).map(Value::Timestamp),
            (FieldType::Date, Raw::Text(text)) => Date::parse(text).map(Value::Date),
            (FieldType::Currency, Raw::Text(text)) => Currency::parse(text).map(Value::Currency),
            (FieldType::Status(set), Raw::Text(text)) => set
                .find(text)
                .map(Value::Status)
                .ok_or_else(|| ValueError::new(ty.name(), text, format!("the statuses are {}", set.values.join(", ")))),
            (
                FieldType::Text
                | FieldType::Integer
                | FieldType::Bool
                | FieldType::Decimal
                | FieldType::Quantity
                | FieldType::Money
                | FieldType::UnitPrice
                | FieldType::Timestamp
                | FieldType::Date
                | FieldType::Currency
                | FieldType::Status(_)
                | FieldType::Ref(_)
                | FieldType::Object(_)
                | FieldType::List(_),
                Raw::Null | Raw::Bool(_) | Raw::Number(_) | Raw::Text(_),
            ) => Err(wrong()),
        }
    }

    /// Whether this value may stand in a field of type `ty`. Does not look inside objects and lists.
    pub(crate) fn fits(&self, ty: &FieldType) -> bool {
        match (self, ty) {
            (Value::Text(_), FieldType::Text | FieldType::Ref(_))
            | (Value::Integer(_), FieldType::Integer)
            | (Value::Bool(_), FieldType::Bool)
            | (Value::Decimal(_), FieldType::Decimal)
            | (Value::Quantity(_), FieldType::Quantity)
            | (Value::Money(_), FieldType::Money)
            | (Value::UnitPrice(_), FieldType::UnitPrice)
            | (Value::Timestamp(_), FieldType::Timestamp)
            | (Value::Date(_), FieldType::Date)
            | (Value::Currency(_), FieldType::Currency)
            | (Value::List(_), FieldType::List(_)) => true,
            (Value::Status(word), FieldType::Status(set)) => set.find(word).is_some(),
            (Value::Object(object), FieldType::Object(fields)) => std::ptr::eq(object.fields, *fields),
            (
                Value::Text(_)
                | Value::Integer(_)
                | Value::Bool(_)
                | Value::Decimal(_)
                | Value::Quantity(_)
                | Value::Money(_)
                | Value::UnitPrice(_)
                | Value::Timestamp(_)
                | Value::Date(_)
                | Value::Currency(_)
                | Value::Status(_)
                | Value::Object(_)
                | Value::List(_),
                FieldType::Text
                | FieldType::Integer
                | FieldType::Bool
                | FieldType::Decimal
                | FieldType::Quantity
                | FieldType::Money
                | FieldType::UnitPrice
                | FieldType::Timestamp
                | FieldType::Date
                | FieldType::Currency
                | FieldType::Status(_)
                | FieldType::Ref(_)
                | FieldType::Object(_)
                | FieldType::List(_),
            ) => false,
        }
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Status(word) => Some(word),
            Value::Currency(currency) => Some(currency.as_str()),
            Value::Integer(_)
            | Value::Bool(_)
            | Value::Decimal(_)
            | Value::Quantity(_)
            | Value::Money(_)
            | Value::UnitPrice(_)
            | Value::Timestamp(_)
            | Value::Date(_)
            | Value::Object(_)
            | Value::List(_) => None,
        }
    }

    pub fn as_money(&self) -> Option<Money> {
        if let Value::Money(money) = self { Some(*money) } else { None }
    }

    pub fn as_quantity(&self) -> Option<Quantity> {
        if let Value::Quantity(quantity) = self { Some(*quantity) } else { None }
    }

    pub fn as_timestamp(&self) -> Option<Timestamp> {
        if let Value::Timestamp(timestamp) = self { Some(*timestamp) } else { None }
    }

    pub fn as_list(&self) -> Option<&[Value]> {
        if let Value::List(items) = self { Some(items) } else { None }
    }

    pub fn as_object(&self) -> Option<&Object> {
        if let Value::Object(object) = self { Some(object) } else { None }
    }

    /// The scalar as one line of text, as a person or a URL wants it; `None` for money, prices, objects and lists.
    pub fn to_plain_text(&self) -> Option<String> {
        match self {
            Value::Text(text) => Some(text.clone()),
            Value::Integer(number) => Some(number.to_string()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Decimal(decimal) => Some(decimal.to_string()),
            Value::Quantity(quantity) => Some(quantity.to_string()),
            Value::Timestamp(timestamp) => Some(timestamp.to_string()),
            Value::Date(date) => Some(date.to_string()),
            Value::Currency(currency) => Some(currency.as_str().to_owned()),
            Value::Status(word) => Some((*word).to_owned()),
            Value::Money(_) | Value::UnitPrice(_) | Value::Object(_) | Value::List(_) => None,
        }
    }
}

/// PostgreSQL cannot store NUL, so such a record would be refused for ever at its last step: refuse it at the first.
pub(crate) fn checked_text(text: &str) -> Result<Value, ValueError> {
    if text.contains('\0') {
        return Err(ValueError::new("text", text, "it contains a NUL character"));
    }
    if text.len() > MAX_TEXT_BYTES {
        return Err(ValueError::new("text", text, format!("it is longer than {MAX_TEXT_BYTES} bytes")));
    }
    Ok(Value::Text(text.to_owned()))
}

/// Values by field, in the order of the schema.
#[derive(Debug, Clone)]
pub struct Object {
    fields: &'static [Field],
    slots: Box<[Option<Value>]>,
}

impl Object {
    pub(crate) fn empty(fields: &'static [Field]) -> Object {
        Object { fields, slots: vec![None; fields.len()].into_boxed_slice() }
    }

    pub fn fields(&self) -> &'static [Field] {
        self.fields
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        let (index, _) = schema::find(self.fields, name)?;
        self.slots[index].as_ref()
    }

    pub(crate) fn slot(&self, index: usize) -> Option<&Value> {
        self.slots.get(index)?.as_ref()
    }

    pub(crate) fn set_slot(&mut self, index: usize, value: Value) {
        self.slots[index] = Some(value);
    }

    pub fn is_empty(&self) -> bool {
        self.slots.iter().all(Option::is_none)
    }

    /// Every field of the schema with its value, in schema order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Field, Option<&Value>)> {
        self.fields.iter().zip(self.slots.iter().map(Option::as_ref))
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Object) -> bool {
        std::ptr::eq(self.fields, other.fields) && self.slots == other.slots
    }
}
