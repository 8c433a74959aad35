//! Applying the `out` table: a record becomes a vendor's payload.
//!
//! Not here: compiling the table (see `compile_out`), sending (deliver).

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Number, Value as Json};

use super::crosswalk::{Crosswalk, Exponents};
use super::error::{Failure, MappingFault};
use super::expr::{Expression, Path, Scope, Tree};
use super::number_format::DecimalSign;
use super::spec::Absent;
use super::time_format::{TimeFormat, Written};
use crate::model::{Entity, Exact, Extra, FieldPath, Money, Object, Raw, Record, UnitPrice, Value, ValueError};

/// What the destination knows of another record.
#[derive(Debug, Clone, Default)]
pub struct Remote {
    /// Its id there; none while it has not been created.
    pub id: Option<String>,
    /// Its extras, as last read from the destination.
    pub extra: Extra,
}

/// What the destination knows of the records that this one names, by entity and natural key.
#[derive(Debug, Clone, Default)]
pub struct Refs(HashMap<(Entity, String), Remote>);

impl Refs {
    pub fn new() -> Refs {
        Refs::default()
    }

    pub fn insert(&mut self, entity: Entity, key: impl Into<String>, remote: Remote) {
        self.0.insert((entity, key.into()), remote);
    }

    pub fn get(&self, entity: Entity, key: &str) -> Option<&Remote> {
        self.0.get(&(entity, key.to_owned()))
    }
}

/// What a record may be written with besides itself.
#[derive(Debug, Clone, Copy)]
pub struct OutContext<'a> {
    pub refs: &'a Refs,
    /// The record's own id at the destination, for `$binding`; none before it was created there.
    pub binding: Option<&'a str>,
    /// The connection's settings, for `$settings.name`.
    pub settings: &'a Json,
}

pub(super) struct Writing<'a> {
    pub record: &'a Record,
    pub context: OutContext<'a>,
    pub exponents: &'a Exponents,
    /// The record as expressions see it, made when the first one asks.
    pub scope: OnceLock<Json>,
}

/// Named nodes of one object, in file order.
pub(super) type OutPlan = Vec<(Box<str>, OutNode)>;

#[derive(Debug)]
pub(super) enum OutNode {
    Cell(OutCell),
    /// With a base, fields are those of the object found there, and without it nothing is written.
    Object {
        plan: OutPlan,
        base: Option<FieldPath>,
    },
    List {
        plan: OutPlan,
        each: FieldPath,
        from: String,
        absent: Absent,
    },
}

#[derive(Debug)]
pub(super) struct OutCell {
    pub source: OutSource,
    pub text: String,
    pub form: Form,
    pub crosswalk: Option<Arc<Crosswalk>>,
    pub decimal: DecimalSign,
    pub required: bool,
    pub absent: Absent,
}

#[derive(Debug)]
pub(super) enum OutSource {
    Item(FieldPath),
    Record(FieldPath),
    Settings(Path),
    Binding,
    /// The remote id, or an extra, of the record that the field names.
    Ref {
        field: FieldPath,
        entity: Entity,
        extra: Option<String>,
    },
    Expr(Expression),
    Const(Json),
}

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

pub(super) fn write_object(plan: &OutPlan, item: &Object, writing: &Writing<'_>) -> Result<Map<String, Json>, Failure> {
    let mut object = Map::with_capacity(plan.len());
    for (name, node) in plan {
        let value = match node {
            OutNode::Cell(cell) => cell.write(name, item, writing)?,
            OutNode::Object { plan, base } => write_nested(plan, base.as_ref(), name, item, writing)?,
            OutNode::List { plan, each, from, absent } => write_list(plan, each, from, *absent, name, item, writing)?,
        };
        if let Some(value) = value {
            object.insert(String::from(&**name), value);
        }
    }
    Ok(object)
}

fn write_nested(
    plan: &OutPlan,
    base: Option<&FieldPath>,
    name: &str,
    item: &Object,
    writing: &Writing<'_>,
) -> Result<Option<Json>, Failure> {
    let inner = match base {
        None => Some(item),
        Some(path) => path.first_in(item).and_then(Value::as_object),
    };
    let Some(inner) = inner else { return Ok(None) };
    let object = write_object(plan, inner, writing).map_err(|failure| failure.in_object("", name))?;
    Ok((!object.is_empty()).then_some(Json::Object(object)))
}

fn write_list(
    plan: &OutPlan,
    each: &FieldPath,
    from: &str,
    absent: Absent,
    name: &str,
    item: &Object,
    writing: &Writing<'_>,
) -> Result<Option<Json>, Failure> {
    let Some(items) = each.first_in(item).and_then(Value::as_list) else {
        return Ok(match absent {
            Absent::Omit => None,
            Absent::Null => Some(Json::Null),
            Absent::Empty => Some(Json::Array(Vec::new())),
        });
    };
    let objects = items.iter().filter_map(Value::as_object).enumerate().map(|(index, inner)| {
        write_object(plan, inner, writing).map(Json::Object).map_err(|failure| failure.in_item(from, name, index))
    });
    objects.collect::<Result<Vec<_>, _>>().map(|items| Some(Json::Array(items)))
}

impl OutCell {
    fn write(&self, name: &str, item: &Object, writing: &Writing<'_>) -> Result<Option<Json>, Failure> {
        match self.value(item, writing) {
            Ok(None) if self.required => Err(Failure::new(&self.text, name, MappingFault::Required)),
            Ok(None) => Ok(match self.absent {
                Absent::Omit => None,
                Absent::Null => Some(Json::Null),
                Absent::Empty => Some(Json::String(String::new())),
            }),
            Ok(Some(value)) => Ok(Some(value)),
            Err(fault) => Err(Failure::new(&self.text, name, fault)),
        }
    }

    fn value(&self, item: &Object, writing: &Writing<'_>) -> Result<Option<Json>, MappingFault> {
        match &self.source {
            OutSource::Item(path) if path.is_extra() => self.write_optional(path.get(writing.record), writing),
            OutSource::Item(path) => self.write_optional(path.first_in(item), writing),
            OutSource::Record(path) => self.write_optional(path.get(writing.record), writing),
            OutSource::Settings(path) => match path.first(writing.context.settings).and_then(Tree::raw) {
                None | Some(Raw::Null) => Ok(None),
                Some(raw) => self.write_raw(raw).map(Some),
            },
            OutSource::Binding => writing.context.binding.map(|id| self.write_raw(Raw::Text(id))).transpose(),
            OutSource::Ref { field, entity, extra } => {
                let named = field.first_in(item).and_then(Value::as_text);
                named.map(|key| self.write_ref(key, *entity, extra.as_deref(), writing)).transpose()
            }
            OutSource::Expr(expression) => {
                let json = evaluate(expression, item, writing)?;
                match json.raw() {
                    Some(Raw::Null) => Ok(None),
                    Some(raw) => self.write_raw(raw).map(Some),
                    None => Ok(Some(json)),
                }
            }
            OutSource::Const(json) => Ok(Some(json.clone())),
        }
    }

    fn write_optional(&self, value: Option<&Value>, writing: &Writing<'_>) -> Result<Option<Json>, MappingFault> {
        value.map(|value| self.write_value(value, writing)).transpose()
    }

    fn write_ref(
        &self,
        key: &str,
        entity: Entity,
        extra: Option<&str>,
        writing: &Writing<'_>,
    ) -> Result<Json, MappingFault> {
        let unresolved =
            || MappingFault::UnresolvedRef { entity, key: key.to_owned(), wanted: extra.unwrap_or("id").to_owned() };
        let remote = writing.context.refs.get(entity, key).ok_or_else(unresolved)?;
        match extra {
            None => self.write_raw(Raw::Text(remote.id.as_deref().ok_or_else(unresolved)?)),
            Some(name) => self.write_value(remote.extra.get(name).ok_or_else(unresolved)?, writing),
        }
    }

    fn write_value(&self, value: &Value, writing: &Writing<'_>) -> Result<Json, MappingFault> {
        if let Some(crosswalk) = &self.crosswalk {
            let text =
                value.to_plain_text().ok_or(MappingFault::Composite { found: "an amount, an object or a list" })?;
            let vendor = crosswalk.outward(&text).ok_or_else(|| MappingFault::UnmappedValue {
                crosswalk: crosswalk.name().to_owned(),
                value: text.clone(),
            })?;
            return if vendor == "null" { Ok(Json::Null) } else { self.shape(Raw::Text(vendor)) };
        }
        match (value, &self.form) {
            (Value::Money(money), form) => {
                self.write_money(*money, form, writing.exponents).map_err(MappingFault::Value)
            }
            (Value::UnitPrice(price), form) => {
                self.write_price(*price, form, writing.exponents).map_err(MappingFault::Value)
            }
            (Value::Timestamp(timestamp), Form::Time(format)) => {
                format.write_timestamp(*timestamp).map(written).map_err(MappingFault::Arithmetic)
            }
            (Value::Date(date), Form::Time(format)) => {
                format.write_date(*date).map(written).map_err(MappingFault::Arithmetic)
            }
            (Value::Integer(number), Form::Plain | Form::Integer | Form::Number) => Ok(Json::from(*number)),
            (Value::Bool(value), Form::Plain | Form::Bool) => Ok(Json::Bool(*value)),
            (Value::Quantity(_) | Value::Decimal(_), _) => {
                self.shape(Raw::Number(&value.to_plain_text().unwrap_or_default()))
            }
            (value, _) => {
                let text = value.to_plain_text().ok_or(MappingFault::Composite { found: "an object or a list" })?;
                self.shape(Raw::Text(&text))
            }
        }
    }

    fn write_raw(&self, raw: Raw<'_>) -> Result<Json, MappingFault> {
        self.shape(raw)
    }

    /// Gives a scalar the JSON type that was asked for.
    fn shape(&self, raw: Raw<'_>) -> Result<Json, MappingFault> {
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

fn evaluate(expression: &Expression, item: &Object, writing: &Writing<'_>) -> Result<Json, MappingFault> {
    let record = writing.scope.get_or_init(|| writing.record.to_scope());
    let item = crate::model::object_scope(item);
    let binding = writing.context.binding.map_or(Json::Null, Json::from);
    let scope = Scope::new()
        .with("record", record)
        .with("item", &item)
        .with("settings", writing.context.settings)
        .with("binding", &binding);
    expression.eval(&scope).map_err(MappingFault::Expression)
}
