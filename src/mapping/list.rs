//! Lists going in: the items of one or several lists, which of them, and what other lists say of each.
//!
//! Not here: the fields of an item (see `inbound`), compiling (see `compile_list`).

use std::collections::HashMap;

use serde_json::Value as Json;

use super::compile::JoinName;
use super::error::{Failure, MappingFault};
use super::expr::{Expression, ExpressionError, Path, Scope, Step, Tree};
use super::inbound::{ObjectPlan, Reading};
use super::nulls::Nulls;
use crate::config::yaml::Spanned;
use crate::model::{Raw, Value};

/// A compiled `each`.
#[derive(Debug)]
pub(super) struct ListPlan {
    pub plan: ObjectPlan,
    /// Read one after the other.
    pub each: Vec<Path>,
    pub optional: bool,
    pub nulls: Nulls,
    pub when: Option<Expression>,
    pub joins: Vec<Join>,
}

/// A compiled `join`: which items of another list belong to an item, by equal keys.
#[derive(Debug)]
pub(super) struct Join {
    pub name: String,
    /// From the whole payload instead of the item around the list.
    pub of_record: bool,
    pub list: Path,
    pub when: Option<Expression>,
    pub items: Option<Path>,
    pub here: Path,
    pub there: Path,
    pub optional: bool,
}

/// What a join found for the current item, in the list's order.
pub(super) struct Joined<'a, T> {
    pub name: &'a str,
    pub items: &'a [&'a T],
}

/// `$name.path`, `$name[0].path`, `$name[].path`.
#[derive(Debug)]
pub(super) struct JoinedPath {
    join: usize,
    pick: Pick,
    path: Path,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pick {
    /// There must not be several.
    Only,
    At(usize),
    All,
}

impl JoinedPath {
    /// `None` if the path names the whole item.
    pub(super) fn new(join: usize, path: Path, text: &Spanned<String>) -> Option<JoinedPath> {
        let (pick, path) = match path.steps().first()? {
            Step::Name(_) => (Pick::Only, path),
            Step::Index(index) => (Pick::At(*index), path.behind(1)),
            Step::Each => (Pick::All, path.behind(1)),
        };
        (!path.steps().is_empty()).then(|| JoinedPath { join, pick, path, text: text.value.clone() })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_many(&self) -> bool {
        self.pick == Pick::All || self.path.is_many()
    }

    /// Where it is in the payload, for redaction: behind the joined list.
    pub(super) fn place(&self, joins: &[JoinName]) -> String {
        let list = joins.get(self.join).map_or("", |join| join.list.as_str());
        let steps: Vec<String> = self.path.steps().iter().map(shown).collect();
        format!("{list}[]{}", steps.concat())
    }

    /// The values' items and the path from there; no item where nothing was joined.
    pub(super) fn items<'r, T>(&'r self, reading: &'r Reading<'_, T>) -> Result<(&'r [&'r T], &'r Path), MappingFault> {
        let items = reading.joined.get(self.join).map_or(&[][..], |joined| joined.items);
        let items = match self.pick {
            Pick::All => items,
            Pick::At(index) => items.get(index..=index).unwrap_or_default(),
            Pick::Only if items.len() > 1 => {
                let (name, count) = (reading.joined.get(self.join).map_or("", |joined| joined.name), items.len());
                let message = format!(
                    "{count} items are joined as `{name}`; take one with `${name}[0].{path}`, or say `sum: true` with `${name}[].{path}`",
                    path = self.path
                );
                return Err(MappingFault::Arithmetic(message));
            }
            Pick::Only => items,
        };
        Ok((items, &self.path))
    }
}

/// A step as a path writes it, behind another one.
fn shown(step: &Step) -> String {
    match step {
        Step::Name(name) => format!(".{name}"),
        Step::Index(index) => format!("[{index}]"),
        Step::Each => "[]".to_owned(),
    }
}

/// `None` when there is no list and none is needed.
pub(super) fn read_list<T: Tree>(
    list: &ListPlan,
    name: &str,
    item: &T,
    reading: &Reading<'_, T>,
) -> Result<Option<Value>, Failure> {
    let indexes = list.joins.iter().map(|join| join.index(name, item, reading)).collect::<Result<Vec<_>, _>>()?;
    let (mut values, mut any) = (Vec::new(), false);
    for each in &list.each {
        let Some(items) = items(each, list.optional, &list.nulls, name, item)? else { continue };
        any = true;
        values.reserve(items.len());
        for (at, item) in items.iter().enumerate() {
            let place = |failure: Failure, index| failure.in_item(each.as_str(), at, name, index);
            let value = read_item(list, &indexes, item, reading).map_err(|failure| place(failure, values.len()))?;
            values.extend(value);
        }
    }
    Ok(any.then_some(Value::List(values)))
}

/// `None` for an item that the condition leaves out.
fn read_item<T: Tree>(
    list: &ListPlan,
    indexes: &[Index<'_, T>],
    item: &T,
    reading: &Reading<'_, T>,
) -> Result<Option<Value>, Failure> {
    if list.when.is_none() && indexes.is_empty() {
        return list.plan.read(item, reading).map(|object| Some(Value::Object(object)));
    }
    let mut joined: Vec<Joined<'_, T>> =
        reading.joined.iter().map(|outer| Joined { name: outer.name, items: outer.items }).collect();
    for (join, index) in list.joins.iter().zip(indexes) {
        joined.push(Joined { name: &join.name, items: index.of(join, item)? });
    }
    let reading = Reading {
        root: reading.root,
        settings: reading.settings,
        exponents: reading.exponents,
        currency: reading.currency,
        joined: &joined,
    };
    if !holds(list.when.as_ref(), item, &reading).map_err(|fault| Failure::new("when", "", fault))? {
        return Ok(None);
    }
    list.plan.read(item, &reading).map(|object| Some(Value::Object(object)))
}

/// The items of one list where they stand, or gathered from several.
enum Items<'t, T> {
    Slice(&'t [T]),
    Gathered(Vec<&'t T>),
}

impl<'t, T> Items<'t, T> {
    fn len(&self) -> usize {
        match self {
            Items::Slice(items) => items.len(),
            Items::Gathered(items) => items.len(),
        }
    }

    fn get(&self, index: usize) -> Option<&'t T> {
        match self {
            Items::Slice(items) => items.get(index),
            Items::Gathered(items) => items.get(index).copied(),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &'t T> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

/// The items of a list, or of all lists that a path with `[]` leads to; `None` when it is null, or missing and optional.
fn items<'t, T: Tree>(
    each: &Path,
    optional: bool,
    nulls: &Nulls,
    name: &str,
    item: &'t T,
) -> Result<Option<Items<'t, T>>, Failure> {
    let fail = |fault| Failure::new(each.as_str(), name, fault);
    if each.is_many() {
        let mut found = Vec::new();
        let complete = gather(item, each.steps(), nulls, &mut found).map_err(fail)?;
        return if complete || optional { Ok(Some(Items::Gathered(found))) } else { Err(fail(MappingFault::Missing)) };
    }
    match each.first(item) {
        Some(node) => match contents(node, nulls) {
            Some(items) => Ok(items.map(Items::Slice)),
            None => Err(fail(MappingFault::NotAList)),
        },
        None if optional || nulls.stop(each, item) => Ok(None),
        None => Err(fail(MappingFault::Missing)),
    }
}

/// Every item of every list on the path; false if something was missing on the way, where the others are still gathered.
fn gather<'t, T: Tree>(
    node: &'t T,
    steps: &[Step],
    nulls: &Nulls,
    found: &mut Vec<&'t T>,
) -> Result<bool, MappingFault> {
    let Some((step, rest)) = steps.split_first() else {
        found.extend(contents(node, nulls).ok_or(MappingFault::NotAList)?.unwrap_or_default());
        return Ok(true);
    };
    let next = match step {
        Step::Name(name) => node.child(name),
        Step::Index(index) => node.items().and_then(|items| items.get(*index)),
        // The last `[]` says what a list is anyway.
        Step::Each if rest.is_empty() => return gather(node, rest, nulls, found),
        Step::Each => {
            let mut complete = true;
            for item in contents(node, nulls).ok_or(MappingFault::NotAList)?.unwrap_or_default() {
                complete &= gather(item, rest, nulls, found)?;
            }
            return Ok(complete);
        }
    };
    match next {
        Some(next) => gather(next, rest, nulls, found),
        None => Ok(nulls.is(node)),
    }
}

/// `Some(None)` for null, `None` for what is no list.
#[allow(clippy::option_option)]
fn contents<'t, T: Tree>(node: &'t T, nulls: &Nulls) -> Option<Option<&'t [T]>> {
    match node.items() {
        Some(items) => Some(Some(items)),
        // XML shows a list of one as the element itself.
        None if node.is_object() => Some(Some(std::slice::from_ref(node))),
        None if nulls.is(node) => Some(None),
        None => None,
    }
}

/// The items to join, by key.
struct Index<'t, T>(HashMap<String, Vec<&'t T>>);

impl<'t, T: Tree> Index<'t, T> {
    fn of(&self, join: &Join, item: &T) -> Result<&[&'t T], Failure> {
        let key = key(&join.here, item).map_err(|fault| Failure::new(join.here.as_str(), &join.name, fault))?;
        Ok(key.and_then(|key| self.0.get(key)).map_or(&[][..], Vec::as_slice))
    }
}

impl Join {
    /// Read once for all items of the list, so that a join costs what both lists are long.
    fn index<'t, T: Tree>(&self, to: &str, item: &'t T, reading: &Reading<'t, T>) -> Result<Index<'t, T>, Failure> {
        let none = Nulls::default();
        let base = if self.of_record { reading.root } else { item };
        let mut index: HashMap<String, Vec<&'t T>> = HashMap::new();
        let Some(outer) = items(&self.list, self.optional, &none, to, base)? else { return Ok(Index(index)) };
        for (at, outer) in outer.iter().enumerate() {
            let place = |failure: Failure| failure.in_item(self.list.as_str(), at, &self.name, at);
            let passes = holds(self.when.as_ref(), outer, reading);
            if !passes.map_err(|fault| place(Failure::new("when", "", fault)))? {
                continue;
            }
            let inner = match &self.items {
                None => Items::Gathered(vec![outer]),
                Some(path) => match items(path, self.optional, &none, "", outer).map_err(place)? {
                    Some(inner) => inner,
                    None => continue,
                },
            };
            for inner in inner.iter() {
                let key = key(&self.there, inner);
                let key = key.map_err(|fault| place(Failure::new(self.there.as_str(), "", fault)))?;
                if let Some(key) = key {
                    index.entry(key.to_owned()).or_default().push(inner);
                }
            }
        }
        Ok(Index(index))
    }
}

/// The text of a key, so that 7 and "7" are one; null and empty text belong to nothing.
fn key<'t, T: Tree>(path: &Path, item: &'t T) -> Result<Option<&'t str>, MappingFault> {
    match path.first(item).ok_or(MappingFault::Missing)?.raw() {
        Some(Raw::Text("") | Raw::Null) => Ok(None),
        Some(Raw::Text(text) | Raw::Number(text)) => Ok(Some(text)),
        Some(Raw::Bool(value)) => Ok(Some(if value { "true" } else { "false" })),
        None => Err(MappingFault::Composite { found: "a list or an object" }),
    }
}

/// Whether a condition holds for the item; one that is not there does.
fn holds<T: Tree>(when: Option<&Expression>, item: &T, reading: &Reading<'_, T>) -> Result<bool, MappingFault> {
    let Some(when) = when else { return Ok(true) };
    evaluate(when, item, reading, Expression::eval_bool).map_err(MappingFault::Expression)
}

/// Runs an expression over what an item can see; only what it names is made visible.
pub(super) fn evaluate<T: Tree, R>(
    expression: &Expression,
    item: &T,
    reading: &Reading<'_, T>,
    run: impl FnOnce(&Expression, &Scope<'_>) -> Result<R, ExpressionError>,
) -> Result<R, ExpressionError> {
    let record = reading.root.to_json(expression.members_of("record"));
    let current = item.to_json(expression.members_of("item"));
    let mut scope = Scope::new().with("record", &record).with("item", &current).with("settings", reading.settings);
    if reading.joined.is_empty() {
        return run(expression, &scope);
    }
    let read = |joined: &&Joined<'_, T>| expression.members_of(joined.name) != Some(&[]);
    let lists: Vec<(&str, Json)> = reading.joined.iter().filter(read).map(Joined::to_json).collect();
    for (name, list) in &lists {
        scope.set(name, list);
    }
    run(expression, &scope)
}

impl<T: Tree> Joined<'_, T> {
    fn to_json(&self) -> (&str, Json) {
        (self.name, self.items.iter().map(|item| item.to_json(None).into_owned()).collect())
    }
}
