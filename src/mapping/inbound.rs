//! Applying the `in` table: a vendor's payload becomes a record.
//!
//! Not here: compiling the table (see `compile_in`), reading single values (see `cell`).

use serde_json::Value as Json;

use super::cell::{Convert, Source};
use super::crosswalk::Exponents;
use super::error::{Failure, MappingFault};
use super::expr::{Expression, Path, Tree};
use super::list::{Joined, ListPlan, evaluate, read_list};
use super::nulls::Nulls;
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
    /// What joins found for the items around the cell, outermost first.
    pub joined: &'a [Joined<'a, T>],
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
        base: Option<Base>,
    },
    List(ListPlan),
}

/// Where the paths of an object start.
#[derive(Debug)]
pub(super) struct Base {
    pub path: Path,
    pub optional: bool,
    pub nulls: Nulls,
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
                Entry::List(list) => read_list(list, name, item, reading)?,
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
            Entry::Leaf(_) | Entry::Object { .. } | Entry::List(_) => None,
        })
    }
}

fn read_object<T: Tree>(
    plan: &ObjectPlan,
    base: Option<&Base>,
    name: &str,
    item: &T,
    reading: &Reading<'_, T>,
) -> Result<Option<Value>, Failure> {
    let (from, base) = match base {
        None => ("", item),
        Some(Base { path, optional, nulls }) => match path.first(item) {
            Some(node) if nulls.is(node) => return Ok(None),
            Some(node) if node.is_object() => (path.as_str(), node),
            Some(_) => {
                return Err(Failure::new(
                    path.as_str(),
                    name,
                    MappingFault::Composite { found: "a value that is no object" },
                ));
            }
            None if *optional || nulls.stop(path, item) => return Ok(None),
            None => return Err(Failure::new(path.as_str(), name, MappingFault::Missing)),
        },
    };
    let object = plan.read(base, reading).map_err(|failure| failure.in_object(from, name))?;
    Ok((!object.is_empty()).then_some(Value::Object(object)))
}

impl Cell {
    pub(super) fn read<T: Tree>(&self, to: &str, item: &T, reading: &Reading<'_, T>) -> Result<Option<Value>, Failure> {
        let value = match &self.source {
            Source::Item(path) if self.sum => self.read_sum(path, [item], item, reading),
            Source::Item(path) => self.read_path(path, item, item, reading),
            Source::Record(path) if self.sum => self.read_sum(path, [reading.root], item, reading),
            Source::Record(path) => self.read_path(path, reading.root, item, reading),
            Source::Settings(path) => self.read_path(path, reading.settings, item, reading),
            Source::Joined(joined) => match joined.items(reading) {
                Ok((items, path)) if self.sum => self.read_sum(path, items.iter().copied(), item, reading),
                Ok(([], _)) => self.convert.value(Raw::Null, item, reading),
                Ok(([found, ..], path)) => self.read_path(path, *found, item, reading),
                Err(fault) => Err(fault),
            },
            Source::Const(text) => self.convert.value(Raw::Text(text), item, reading),
            Source::Expr(expression) => match evaluate(expression, item, reading, Expression::eval) {
                Ok(json) => self.read_node(&json, item, reading),
                Err(error) => Err(MappingFault::Expression(error)),
            },
        };
        match value {
            Ok(None) if self.required => Err(Failure::new(self.source.text(), to, MappingFault::Required)),
            Ok(value) => Ok(value),
            Err(fault) => Err(Failure::new(self.source.text(), to, fault)),
        }
    }

    fn read_path<N: Tree, T: Tree>(
        &self,
        path: &Path,
        root: &N,
        item: &T,
        reading: &Reading<'_, T>,
    ) -> Result<Option<Value>, MappingFault> {
        match path.first(root) {
            Some(node) => self.read_node(node, item, reading),
            None if self.optional => Ok(None),
            None if self.convert.nulls.stop(path, root) => self.convert.value(Raw::Null, item, reading),
            None => Err(MappingFault::Missing),
        }
    }

    fn read_node<N: Tree, T: Tree>(
        &self,
        node: &N,
        item: &T,
        reading: &Reading<'_, T>,
    ) -> Result<Option<Value>, MappingFault> {
        match node.raw() {
            Some(raw) => self.convert.value(raw, item, reading),
            None => Err(MappingFault::Composite { found: if node.is_object() { "an object" } else { "a list" } }),
        }
    }

    /// The sum of all values on the path; zero when there are none, nothing when an optional list is missing.
    fn read_sum<'t, T: Tree + 't>(
        &self,
        path: &Path,
        roots: impl IntoIterator<Item = &'t T>,
        item: &T,
        reading: &Reading<'_, T>,
    ) -> Result<Option<Value>, MappingFault> {
        let (mut total, mut complete): (Result<Option<Value>, MappingFault>, bool) = (Ok(None), true);
        for root in roots {
            complete &= path.each(root, &mut |node: &T| {
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
        }
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
