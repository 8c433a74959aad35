//! Where a mapping reads values that it must judge: crosswalks, currencies and typed fields, each as a place in one payload,
//! so that a suite can write something unlisted there and see the record stopped.
//!
//! Not here: writing it and judging what comes of it (the suite).

use serde_json::Value as Json;

use super::cell::{Kind, Source};
use super::expr::{Path, Step, Tree};
use super::inbound::{Base, Cell, Entry, ObjectPlan};
use super::mapping::Mapping;
use crate::model::{FieldType, Raw};

/// What is judged there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeKind {
    Crosswalk,
    Currency,
    /// A number, a time, a flag, a closed set of words: text that is none of them must not pass.
    Typed,
}

/// One value of one payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    pub kind: ProbeKind,
    /// From the payload's root.
    pub place: Vec<Step>,
    /// The place as a path: `lines[0].price`.
    pub path: String,
    /// What the mapping's error must name: the cell's own path.
    pub from: String,
}

impl Mapping {
    /// The values of this payload that cells of the `in` table judge; expressions are left out, because what they read is theirs.
    pub fn probes(&self, payload: &Json, settings: &Json) -> Vec<Probe> {
        let mut found = Vec::new();
        let whole = Whole { root: payload, settings };
        if let Some(plan) = self.inward() {
            object(&plan.root, payload, &[], whole, &mut found);
            for extra in &plan.extras {
                leaf(&extra.cell, payload, &[], whole, &mut found);
            }
        }
        found
    }
}

/// What cells read besides their own item.
#[derive(Clone, Copy)]
struct Whole<'a> {
    root: &'a Json,
    settings: &'a Json,
}

fn object(plan: &ObjectPlan, item: &Json, at: &[Step], whole: Whole<'_>, found: &mut Vec<Probe>) {
    for (_, entry) in &plan.entries {
        match entry {
            Entry::Leaf(cell) => leaf(cell, item, at, whole, found),
            Entry::Object { plan, base: None } => object(plan, item, at, whole, found),
            Entry::Object { plan, base: Some(Base { path, .. }) } => {
                if let Some(inner) = path.first(item).filter(|inner| inner.is_object()) {
                    object(plan, inner, &joined(at, path), whole, found);
                }
            }
            // A condition or a join decides by values of its own, which a probe might change: their items are left alone.
            Entry::List(list) if list.when.is_some() || !list.joins.is_empty() => {}
            Entry::List(list) => list.each.iter().filter(|each| !each.is_many()).for_each(|each| {
                let at = joined(at, each);
                match each.first(item) {
                    Some(Json::Array(items)) => {
                        for (index, item) in items.iter().enumerate() {
                            object(&list.plan, item, &[&at[..], &[Step::Index(index)]].concat(), whole, found);
                        }
                    }
                    Some(single @ Json::Object(_)) => object(&list.plan, single, &at, whole, found),
                    Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_)) | None => {}
                }
            }),
        }
    }
}

fn leaf(cell: &Cell, item: &Json, at: &[Step], whole: Whole<'_>, found: &mut Vec<Probe>) {
    let own = match &cell.convert.kind {
        Kind::Money(own) | Kind::Minor(own) | Kind::UnitPrice(own) | Kind::UnitPriceMinor(own) => own.as_deref(),
        Kind::Plain(_) | Kind::Time(_) | Kind::Date(_) | Kind::Extra => None,
    };
    if own.is_some_and(|own| own.optional && !has_value(own, item, whole)) {
        // An amount whose currency nobody knows is not read.
        return;
    }
    let (base, path, at) = match &cell.source {
        Source::Item(path) => (item, path, at),
        Source::Record(path) => (whole.root, path, &[][..]),
        Source::Settings(_) | Source::Joined(_) | Source::Expr(_) | Source::Const(_) => return,
    };
    let place = match each_as_first(path) {
        Some(first) => [at, &first].concat(),
        None => joined(at, path),
    };
    let value = follow(base, place.get(at.len()..).unwrap_or_default());
    let judged = value.filter(|value| !matches!(value, Json::Null | Json::Array(_) | Json::Object(_)));
    // Empty text, and what the mapping takes for it, is no value.
    let is_empty = judged.and_then(Tree::raw).is_some_and(|raw| raw == Raw::Text("") || cell.convert.nulls.has(raw));
    if let (Some(kind), Some(_), false) = (kind(cell), judged, is_empty) {
        found.push(Probe { kind, path: shown(&place), place, from: path.as_str().to_owned() });
        if let Some(own) = own {
            let before = found.len();
            leaf(own, item, at, whole, found);
            // An amount names its own path, whatever is wrong with its currency.
            found.iter_mut().skip(before).for_each(|probe| path.as_str().clone_into(&mut probe.from));
        }
    }
}

fn has_value(cell: &Cell, item: &Json, whole: Whole<'_>) -> bool {
    let found = match &cell.source {
        Source::Item(path) => path.first(item),
        Source::Record(path) => path.first(whole.root),
        Source::Settings(path) => path.first(whole.settings),
        Source::Joined(_) | Source::Expr(_) | Source::Const(_) => return true,
    };
    found.is_some_and(|found| !found.is_null() && found.as_str() != Some(""))
}

fn kind(cell: &Cell) -> Option<ProbeKind> {
    if cell.convert.crosswalk.is_some() {
        return Some(ProbeKind::Crosswalk);
    }
    match &cell.convert.kind {
        Kind::Plain(FieldType::Text | FieldType::Ref(_) | FieldType::Object(_) | FieldType::List(_)) | Kind::Extra => {
            None
        }
        Kind::Plain(FieldType::Currency) => Some(ProbeKind::Currency),
        Kind::Plain(
            FieldType::Integer
            | FieldType::Bool
            | FieldType::Decimal
            | FieldType::Quantity
            | FieldType::Money
            | FieldType::UnitPrice
            | FieldType::Timestamp
            | FieldType::Date
            | FieldType::Status(_),
        )
        | Kind::Time(_)
        | Kind::Date(_)
        | Kind::Money(_)
        | Kind::Minor(_)
        | Kind::UnitPrice(_)
        | Kind::UnitPriceMinor(_) => Some(ProbeKind::Typed),
    }
}

fn joined(at: &[Step], path: &Path) -> Vec<Step> {
    [at, path.steps()].concat()
}

/// A sum reads every item; its first stands for all.
fn each_as_first(path: &Path) -> Option<Vec<Step>> {
    let first = |step: &Step| match step {
        Step::Each => Step::Index(0),
        Step::Name(_) | Step::Index(_) => step.clone(),
    };
    path.is_many().then(|| path.steps().iter().map(first).collect())
}

fn follow<'j>(root: &'j Json, place: &[Step]) -> Option<&'j Json> {
    place.iter().try_fold(root, |node, step| match step {
        Step::Name(name) => node.get(&**name),
        Step::Index(index) => node.get(*index),
        Step::Each => node.get(0),
    })
}

fn shown(place: &[Step]) -> String {
    let mut text = String::new();
    for step in place {
        match step {
            Step::Name(name) if text.is_empty() => text.push_str(name),
            Step::Name(name) => text.extend([".", name]),
            Step::Index(index) => text.push_str(&format!("[{index}]")),
            Step::Each => text.push_str("[]"),
        }
    }
    text
}
