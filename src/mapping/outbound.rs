//! Applying the `out` table: a record becomes a vendor's payload.
//!
//! Not here: compiling the table (see `compile_out`), sending (deliver).

use std::collections::HashMap;
use std::sync::OnceLock;

use serde_json::{Map, Value as Json};

use super::crosswalk::Exponents;
use super::error::{Failure, MappingFault};
use super::expr::{Expression, ExpressionError, Path, Scope, Tree};
use super::spec::Absent;
use super::writer::Writer;
use crate::model::{Entity, Extra, FieldPath, Object, Raw, Record, Value};

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
    List(OutList),
}

#[derive(Debug)]
pub(super) struct OutList {
    pub plan: OutPlan,
    pub each: FieldPath,
    pub from: String,
    pub absent: Absent,
    /// Only items for which this holds.
    pub when: Option<Expression>,
}

#[derive(Debug)]
pub(super) struct OutCell {
    pub source: OutSource,
    pub text: String,
    pub writer: Writer,
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
        /// What the destination does not know is left out; otherwise the record waits for it.
        optional: bool,
    },
    Expr(Expression),
    Const(Json),
}

pub(super) fn write_object(plan: &OutPlan, item: &Object, writing: &Writing<'_>) -> Result<Map<String, Json>, Failure> {
    let mut object = Map::with_capacity(plan.len());
    for (name, node) in plan {
        let value = match node {
            OutNode::Cell(cell) => cell.write(name, item, writing)?,
            OutNode::Object { plan, base } => write_nested(plan, base.as_ref(), name, item, writing)?,
            OutNode::List(list) => write_list(list, name, item, writing)?,
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

fn write_list(list: &OutList, name: &str, item: &Object, writing: &Writing<'_>) -> Result<Option<Json>, Failure> {
    let Some(items) = list.each.first_in(item).and_then(Value::as_list) else {
        return Ok(match list.absent {
            Absent::Omit => None,
            Absent::Null => Some(Json::Null),
            Absent::Empty => Some(Json::Array(Vec::new())),
        });
    };
    let mut written = Vec::with_capacity(items.len());
    for (at, inner) in items.iter().filter_map(Value::as_object).enumerate() {
        let place = |failure: Failure, index| failure.in_item(&list.from, at, name, index);
        if let Some(when) = &list.when {
            let holds = evaluate(when, inner, writing, Expression::eval_bool);
            if !holds.map_err(|fault| place(Failure::new("when", "", fault), written.len()))? {
                continue;
            }
        }
        let object = write_object(&list.plan, inner, writing).map_err(|failure| place(failure, written.len()))?;
        written.push(Json::Object(object));
    }
    Ok(Some(Json::Array(written)))
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
                Some(raw) => self.writer.raw(raw).map(Some),
            },
            OutSource::Binding => writing.context.binding.map(|id| self.writer.raw(Raw::Text(id))).transpose(),
            OutSource::Ref { field, entity, extra, optional } => {
                let named = field.first_in(item).and_then(Value::as_text);
                let Some(key) = named else { return Ok(None) };
                match self.write_ref(key, *entity, extra.as_deref(), writing) {
                    Err(MappingFault::UnresolvedRef { .. }) if *optional => Ok(None),
                    written => written.map(Some),
                }
            }
            OutSource::Expr(expression) => {
                let json = evaluate(expression, item, writing, Expression::eval)?;
                match json.raw() {
                    Some(Raw::Null) => Ok(None),
                    Some(raw) => self.writer.raw(raw).map(Some),
                    None => Ok(Some(json)),
                }
            }
            OutSource::Const(json) => Ok(Some(json.clone())),
        }
    }

    fn write_optional(&self, value: Option<&Value>, writing: &Writing<'_>) -> Result<Option<Json>, MappingFault> {
        value.map(|value| self.writer.value(value, writing.exponents)).transpose()
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
            None => self.writer.raw(Raw::Text(remote.id.as_deref().ok_or_else(unresolved)?)),
            Some(name) => self.writer.value(remote.extra.get(name).ok_or_else(unresolved)?, writing.exponents),
        }
    }
}

/// Expressions see only what they can reach: making a whole record visible costs more than most expressions.
fn evaluate<R>(
    expression: &Expression,
    item: &Object,
    writing: &Writing<'_>,
    run: impl FnOnce(&Expression, &Scope<'_>) -> Result<R, ExpressionError>,
) -> Result<R, MappingFault> {
    let narrow: Json;
    let record = match expression.members_of("record") {
        Some(members) => {
            narrow = writing.record.to_scope_of(members);
            &narrow
        }
        None => writing.scope.get_or_init(|| writing.record.to_scope()),
    };
    let item = match expression.members_of("item") {
        Some([]) => Json::Null,
        Some(_) | None => crate::model::object_scope(item),
    };
    let binding = writing.context.binding.map_or(Json::Null, Json::from);
    let scope = Scope::new()
        .with("record", record)
        .with("item", &item)
        .with("settings", writing.context.settings)
        .with("binding", &binding);
    run(expression, &scope).map_err(MappingFault::Expression)
}
