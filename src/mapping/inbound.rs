//! Applying the `in` table: a vendor's payload becomes a record.
//!
//! Not here: compiling the table (see `compile_in`), reading single values (see `cell`).

use serde_json::Value as Json;

use super::cell::{Convert, Source};
use super::crosswalk::Exponents;
use super::error::{Failure, MappingFault};
use super::expr::{Path, Scope, Tree};
use crate::model::{Currency, Extra, Field, Money, Object, Raw, Value};

/// What a payload may be read with besides itself.
#[derive(Debug, Clone, Copy)]
pub struct InContext<'a> {
    /// The connection's settings, for `$settings.name`.
    pub settings: &'a Json,
}

/// Everything that is the same for one payload.
pub(super) struct Reading<'a, T> {
    pub root: &'a T,
    pub settings: &'a Json,
    pub exponents: &'a Exponents,
    /// Currency of the record, for amounts that name none of their own.
    pub currency: Option<Currency>,
}

/// Cells of one object, by slot.
#[derive(Debug)]
pub(super) struct ObjectPlan {
    pub fields: &'static [Field],
    pub entries: Vec<(usize, Entry)>,
}

#[derive(Debug)]
pub(super) enum Entry {
    Leaf(Cell),
    /// With a base, the object's paths start there, and without the base there is no object.
    Object {
        plan: ObjectPlan,
        base: Option<(Path, bool)>,
    },
    List {
        plan: ObjectPlan,
        each: Path,
        optional: bool,
    },
}

/// One compiled cell.
#[derive(Debug)]
pub(super) struct Cell {
    pub source: Source,
    pub convert: Convert,
    /// The payload may leave the value out.
    pub optional: bool,
    /// There must be a value.
    pub required: bool,
    pub sum: bool,
}

/// A vendor value kept for its own sake.
#[derive(Debug)]
pub(super) struct ExtraCell {
    pub key: String,
    pub cell: Cell,
}

impl ObjectPlan {
    pub(super) fn read<T: Tree>(&self, item: &T, reading: &Reading<'_, T>) -> Result<Object, Failure> {
        let mut object = Object::empty(self.fields);
        for (slot, entry) in &self.entries {
            let name = self.fields[*slot].name;
            let value = match entry {
                Entry::Leaf(cell) => cell.read(name, item, reading)?,
                Entry::Object { plan, base } => read_object(plan, base.as_ref(), name, item, reading)?,
                Entry::List { plan, each, optional } => read_list(plan, each, *optional, name, item, reading)?,
            };
            if let Some(value) = value {
                object.set_slot(*slot, value);
            }
        }
        Ok(object)
    }

    /// The cell that gives the record's own currency.
    pub(super) fn currency_cell(&self) -> Option<&Cell> {
        self.entries.iter().find_map(|(slot, entry)| match entry {
            Entry::Leaf(cell) if self.fields[*slot].name == "currency" => Some(cell),
            Entry::Leaf(_) | Entry::Object { .. } | Entry::List { .. } => None,
        })
    }
}

fn read_object<T: Tree>(
    plan: &ObjectPlan,
    base: Option<&(Path, bool)>,
    name: &str,
    item: &T,
    reading: &Reading<'_, T>,
) -> Result<Option<Value>, Failure> {
    let (from, base) = match base {
        None => ("", item),
        Some((path, optional)) => match path.first(item) {
            Some(node) if node.is_null() => return Ok(None),
            Some(node) if node.is_object() => (path.as_str(), node),
            Some(_) => {
                return Err(Failure::new(
                    path.as_str(),
                    name,
                    MappingFault::Composite { found: "a value that is no object" },
                ));
            }
            None if *optional => return Ok(None),
            None => return Err(Failure::new(path.as_str(), name, MappingFault::Missing)),
        },
    };
    let object = plan.read(base, reading).map_err(|failure| failure.in_object(from, name))?;
    Ok((!object.is_empty()).then_some(Value::Object(object)))
}

fn read_list<T: Tree>(
    plan: &ObjectPlan,
    each: &Path,
    optional: bool,
    name: &str,
    item: &T,
    reading: &Reading<'_, T>,
) -> Result<Option<Value>, Failure> {
    let items = match each.first(item) {
        Some(node) if node.is_null() => return Ok(None),
        // XML shows a list of one as the element itself.
        Some(node) if node.is_object() => std::slice::from_ref(node),
        Some(node) => match node.items() {
            Some(items) => items,
            None => return Err(Failure::new(each.as_str(), name, MappingFault::NotAList)),
        },
        None if optional => return Ok(None),
        None => return Err(Failure::new(each.as_str(), name, MappingFault::Missing)),
    };
    let mut values = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let object = plan.read(item, reading).map_err(|failure| failure.in_item(each.as_str(), name, index))?;
        values.push(Value::Object(object));
    }
    Ok(Some(Value::List(values)))
}

impl Cell {
    pub(super) fn read<T: Tree>(&self, to: &str, item: &T, reading: &Reading<'_, T>) -> Result<Option<Value>, Failure> {
        let value = match &self.source {
            Source::Item(path) if self.sum => self.read_sum(path, item, reading),
            Source::Item(path) => self.read_path(path.first(item), item, reading),
            Source::Record(path) => self.read_path(path.first(reading.root), item, reading),
            Source::Settings(path) => self.read_path(path.first(reading.settings), item, reading),
            Source::Const(text) => self.convert.value(Raw::Text(text), item, reading),
            Source::Expr(expression) => {
                let record = reading.root.to_json(expression.members_of("record"));
                let current = item.to_json(expression.members_of("item"));
                let scope =
                    Scope::new().with("record", &record).with("item", &current).with("settings", reading.settings);
                match expression.eval(&scope) {
                    Ok(json) => self.read_path(Some(&json), item, reading),
                    Err(error) => Err(MappingFault::Expression(error)),
                }
            }
        };
        match value {
            Ok(None) if self.required => Err(Failure::new(self.source.text(), to, MappingFault::Required)),
            Ok(value) => Ok(value),
            Err(fault) => Err(Failure::new(self.source.text(), to, fault)),
        }
    }

    fn read_path<N: Tree, T: Tree>(
        &self,
        node: Option<&N>,
        item: &T,
        reading: &Reading<'_, T>,
    ) -> Result<Option<Value>, MappingFault> {
        let Some(node) = node else {
            return if self.optional { Ok(None) } else { Err(MappingFault::Missing) };
        };
        match node.raw() {
            Some(raw) => self.convert.value(raw, item, reading),
            None => Err(MappingFault::Composite { found: if node.is_object() { "an object" } else { "a list" } }),
        }
    }

    /// The sum of all values on the path; zero when there are none, nothing when an optional list is missing.
    fn read_sum<T: Tree>(
        &self,
        path: &Path,
        item: &T,
        reading: &Reading<'_, T>,
    ) -> Result<Option<Value>, MappingFault> {
        let mut total: Result<Option<Value>, MappingFault> = Ok(None);
        let complete = path.each(item, &mut |node: &T| {
            let Ok(sum) = &mut total else { return };
            let value = match node.raw() {
                Some(raw) => self.convert.value(raw, item, reading),
                None => Err(MappingFault::Composite { found: "a list or an object" }),
            };
            match value.and_then(|value| add(sum.take(), value)) {
                Ok(sum) => total = Ok(sum),
                Err(fault) => total = Err(fault),
            }
        });
        match total? {
            Some(sum) => Ok(Some(sum)),
            None if complete => self.convert.zero(item, reading),
            None if self.optional => Ok(None),
            None => Err(MappingFault::Missing),
        }
    }
}

fn add(sum: Option<Value>, value: Option<Value>) -> Result<Option<Value>, MappingFault> {
    match (sum, value) {
        (sum, None) => Ok(sum),
        (None, value) => Ok(value),
        (Some(Value::Money(sum)), Some(Value::Money(value))) => sum
            .checked_add(value)
            .map(|sum: Money| Some(Value::Money(sum)))
            .map_err(|error| MappingFault::Arithmetic(error.to_string())),
        (Some(Value::Quantity(sum)), Some(Value::Quantity(value))) => sum
            .checked_add(value)
            .map(|sum| Some(Value::Quantity(sum)))
            .ok_or_else(|| MappingFault::Arithmetic("the sum has too many digits".to_owned())),
        (Some(_), Some(_)) => Err(MappingFault::Arithmetic("only money and quantities are summed".to_owned())),
    }
}

pub(super) fn read_extras<T: Tree>(cells: &[ExtraCell], reading: &Reading<'_, T>) -> Result<Extra, Failure> {
    let mut extra = Extra::new();
    for ExtraCell { key, cell } in cells {
        let value = cell
            .read(key, reading.root, reading)
            .map_err(|failure| Failure { to: format!("extra.{key}"), ..failure })?;
        if let Some(value) = value {
            extra.insert(key.clone(), value);
        }
    }
    Ok(extra)
}
