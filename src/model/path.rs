//! Paths into canonical records, resolved against the schema once and then followed by position.
//!
//! Not here: paths into vendors' payloads (see `mapping`).

use super::schema::{self, Field, FieldType, schema};
use super::{Entity, Object, Record, Value};

/// A path that the schema does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("{entity} has no field {path:?}{}", did_you_mean(suggestion.as_deref()))]
    UnknownField { entity: Entity, path: String, suggestion: Option<String> },
    #[error("{path:?} of {entity}: {reason}")]
    Malformed { entity: Entity, path: String, reason: &'static str },
}

pub(crate) fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map(|name| format!(", did you mean {name:?}?")).unwrap_or_default()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Field(usize),
    Index(usize),
    Each,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Steps(Vec<Step>),
    Extra(String),
}

/// A resolved path: `total`, `customer.email`, `lines[0].sku`, `lines[].sku` (also written `lines.sku`),
/// `extra.shop.inventory_item_id`.
#[derive(Debug, Clone)]
pub struct FieldPath {
    entity: Entity,
    target: Target,
    ty: FieldType,
    many: bool,
}

impl FieldPath {
    pub fn parse(entity: Entity, text: &str) -> Result<FieldPath, PathError> {
        if let Some(key) = text.strip_prefix("extra.") {
            return Ok(FieldPath { entity, target: Target::Extra(key.to_owned()), ty: FieldType::Text, many: false });
        }
        FieldPath::parse_in(entity, schema(entity).fields, text)
    }

    /// Resolves a path that starts at an object inside records of `entity`, for `first_in` and `each_in`.
    pub(crate) fn parse_in(entity: Entity, base: &'static [Field], text: &str) -> Result<FieldPath, PathError> {
        let malformed = |reason| PathError::Malformed { entity, path: text.to_owned(), reason };
        let mut ty = FieldType::Object(base);
        let (mut steps, mut many) = (Vec::new(), false);
        for part in text.split('.') {
            let (name, brackets) = part.split_at(part.find('[').unwrap_or(part.len()));
            if let FieldType::List(item) = ty {
                steps.push(Step::Each);
                many = true;
                ty = *item;
            }
            let FieldType::Object(fields) = ty else { return Err(unknown(entity, text, &[])) };
            let (index, field) = schema::find(fields, name).ok_or_else(|| unknown(entity, text, fields))?;
            steps.push(Step::Field(index));
            ty = field.ty;
            if !brackets.is_empty() {
                let FieldType::List(item) = ty else { return Err(malformed("only lists take an index")) };
                let inner = brackets.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
                let step = match inner {
                    Some("") => Step::Each,
                    Some(index) => index.parse().map(Step::Index).map_err(|_| malformed("an index is a number"))?,
                    None => return Err(malformed("an index ends in ]")),
                };
                many |= step == Step::Each;
                steps.push(step);
                ty = *item;
            }
        }
        Ok(FieldPath { entity, target: Target::Steps(steps), ty, many })
    }

    pub fn entity(&self) -> Entity {
        self.entity
    }

    /// Type of what the path leads to; for extras, which have no schema, it is text.
    pub fn ty(&self) -> &FieldType {
        &self.ty
    }

    /// Whether the path goes through every item of a list.
    pub fn is_many(&self) -> bool {
        self.many
    }

    pub fn is_extra(&self) -> bool {
        matches!(self.target, Target::Extra(_))
    }

    /// The first value on the path.
    pub fn get<'r>(&self, record: &'r Record) -> Option<&'r Value> {
        match &self.target {
            Target::Extra(key) => record.extra().get(key),
            Target::Steps(steps) => first(record.root(), steps),
        }
    }

    /// The first value on a path resolved with `parse_in`.
    pub(crate) fn first_in<'r>(&self, object: &'r Object) -> Option<&'r Value> {
        match &self.target {
            Target::Extra(_) => None,
            Target::Steps(steps) => first(object, steps),
        }
    }

    /// Every value on the path, in order.
    pub fn get_all<'r>(&self, record: &'r Record) -> Vec<&'r Value> {
        let mut found = Vec::new();
        match &self.target {
            Target::Extra(key) => found.extend(record.extra().get(key)),
            Target::Steps(steps) => collect_object(record.root(), steps, &mut found),
        }
        found
    }
}

fn unknown(entity: Entity, text: &str, fields: &'static [Field]) -> PathError {
    let last = text.rsplit('.').next().unwrap_or(text);
    let suggestion = schema::suggestion(fields.iter().map(|field| field.name), last).map(str::to_owned);
    PathError::UnknownField { entity, path: text.to_owned(), suggestion }
}

fn first<'r>(object: &'r Object, steps: &[Step]) -> Option<&'r Value> {
    let (Step::Field(index), mut rest) = steps.split_first()? else { return None };
    let mut value = object.slot(*index)?;
    while let Some((step, remaining)) = rest.split_first() {
        value = match (step, value) {
            (Step::Field(_), Value::Object(inner)) => return first(inner, rest),
            (Step::Index(index), Value::List(items)) => items.get(*index)?,
            (Step::Each, Value::List(items)) => items.first()?,
            (Step::Field(_) | Step::Index(_) | Step::Each, _) => return None,
        };
        rest = remaining;
    }
    Some(value)
}

fn collect_object<'r>(object: &'r Object, steps: &[Step], found: &mut Vec<&'r Value>) {
    if let Some((Step::Field(index), rest)) = steps.split_first()
        && let Some(value) = object.slot(*index)
    {
        collect(value, rest, found);
    }
}

fn collect<'r>(value: &'r Value, steps: &[Step], found: &mut Vec<&'r Value>) {
    match (steps.split_first(), value) {
        (None, value) => found.push(value),
        (Some((Step::Field(_), _)), Value::Object(inner)) => collect_object(inner, steps, found),
        (Some((Step::Each, rest)), Value::List(items)) => items.iter().for_each(|item| collect(item, rest, found)),
        (Some((Step::Index(index), rest)), Value::List(items)) => {
            if let Some(item) = items.get(*index) {
                collect(item, rest, found);
            }
        }
        (Some((Step::Field(_) | Step::Each | Step::Index(_), _)), _) => {}
    }
}
