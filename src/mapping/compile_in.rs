//! Compiling the `in` table: every cell is checked against the canonical schema and the crosswalks before anything runs.
//!
//! Not here: applying it (see `inbound`), single cells (see `compile_cell`).

use super::cell::Source;
use super::compile::Compiler;
use super::compile_cell::{extra_cell, scalar_cell};
use super::compile_list::{joins, lists};
use super::inbound::{Base, Cell, Entry, ExtraCell, ObjectPlan};
use super::list::ListPlan;
use super::nulls::Nulls;
use super::spec::{CellSpec, FieldSpec, SourceSpec};
use crate::config::yaml::Place;
use crate::model::{Entity, Field, FieldType, find_field, schema};

/// The compiled table.
#[derive(Debug)]
pub(super) struct InPlan {
    pub root: ObjectPlan,
    pub extras: Vec<ExtraCell>,
    /// Payload paths that say something about a person.
    pub personal: Vec<String>,
}

/// `None` has been reported.
pub(super) fn compile(compiler: &mut Compiler<'_>, entity: Entity, fields: &[FieldSpec], place: &Place) -> InPlan {
    let mut plan = InPlan {
        root: ObjectPlan { fields: schema(entity).fields, entries: Vec::new() },
        extras: Vec::new(),
        personal: Vec::new(),
    };
    compiler.has_currency = fields.iter().any(|field| field.target.value == "currency");
    for field in fields {
        if let Some(key) = field.target.value.strip_prefix("extra.") {
            if let Some(cell) = extra_cell(compiler, &field.cell) {
                note_personal(compiler, &cell, field.cell.personal, "", &mut plan.personal);
                plan.extras.push(ExtraCell { key: key.to_owned(), cell });
            }
        } else {
            insert(compiler, &mut plan.root, field, "", &mut plan.personal);
        }
    }
    check_required(compiler, plan.root.fields, fields, place, "");
    plan
}

/// Puts a cell where its dotted target says.
fn insert(
    compiler: &mut Compiler<'_>,
    root: &mut ObjectPlan,
    spec: &FieldSpec,
    prefix: &str,
    personal: &mut Vec<String>,
) {
    let mut plan = root;
    let mut parts = spec.target.value.split('.').peekable();
    while let Some(name) = parts.next() {
        let Some((slot, field)) = find_field(plan.fields, name) else {
            let known: Vec<&str> = plan.fields.iter().map(|field| field.name).collect();
            return compiler.unknown(&spec.target.place, "canonical field", name, &known);
        };
        let taken = plan.entries.iter().position(|(known, _)| *known == slot);
        if parts.peek().is_none() {
            if taken.is_some() {
                return compiler.error(&spec.target.place, format!("`{}` is mapped twice", spec.target.value), "");
            }
            if let Some(entry) = entry(compiler, field, &spec.cell, prefix, personal) {
                plan.entries.push((slot, entry));
            }
            return;
        }
        let FieldType::Object(inner) = field.ty else {
            let message = format!("`{name}` is {}, which has no fields of its own here", field.ty.name());
            return compiler.error(&spec.target.place, message, "lists are mapped with `each` and `fields`");
        };
        let index = taken.unwrap_or_else(|| {
            let plan_of_object = ObjectPlan { fields: inner, entries: Vec::new() };
            plan.entries.push((slot, Entry::Object { plan: plan_of_object, base: None }));
            plan.entries.len() - 1
        });
        match &mut plan.entries[index].1 {
            Entry::Object { plan: inner, base: None } => plan = inner,
            Entry::Object { base: Some(_), .. } | Entry::Leaf(_) | Entry::List(_) => {
                let message = format!("`{name}` is already mapped as a whole");
                return compiler.error(&spec.target.place, message, "put the field under its `fields`");
            }
        }
    }
}

fn entry(
    compiler: &mut Compiler<'_>,
    field: &'static Field,
    spec: &CellSpec,
    prefix: &str,
    personal: &mut Vec<String>,
) -> Option<Entry> {
    match (field.ty, &spec.fields) {
        (FieldType::List(FieldType::Object(inner)), Some(fields)) if spec.each => {
            list(compiler, inner, fields, spec, prefix, personal).map(Entry::List)
        }
        (FieldType::List(FieldType::Object(_)), Some(_)) => {
            let message = format!("`{}` is a list", field.name);
            compiler.error(&spec.place, message, "say `each: path` instead of `from`");
            None
        }
        (FieldType::Object(inner), Some(fields)) => {
            let base = match &spec.source {
                SourceSpec::Nothing => None,
                source => {
                    let path = compiler.item_path(source, "from")?;
                    let nulls = Nulls::of_node(&spec.style, compiler.defaults);
                    Some(Base { path, optional: spec.optional, nulls })
                }
            };
            let prefix = base.as_ref().map_or_else(|| prefix.to_owned(), |base| format!("{prefix}{}.", base.path));
            let plan = nested(compiler, inner, fields, &prefix, spec, personal);
            Some(Entry::Object { plan, base })
        }
        (FieldType::List(_), None) => {
            let message = format!("`{}` is a list", field.name);
            compiler.error(&spec.place, message, "map it with `each: path` and `fields:`");
            None
        }
        (FieldType::Object(_), None) => {
            let message = format!("`{}` is an object", field.name);
            compiler.error(&spec.place, message, "map its fields: `fields:`, or dotted names");
            None
        }
        (_, Some(_)) => {
            compiler.error(&spec.place, format!("`{}` is {}, without fields", field.name, field.ty.name()), "");
            None
        }
        (ty, None) => {
            let cell = scalar_cell(compiler, field, &ty, spec)?;
            note_personal(compiler, &cell, spec.personal || field.personal, prefix, personal);
            Some(Entry::Leaf(cell))
        }
    }
}

fn list(
    compiler: &mut Compiler<'_>,
    inner: &'static [Field],
    fields: &[FieldSpec],
    spec: &CellSpec,
    prefix: &str,
    personal: &mut Vec<String>,
) -> Option<ListPlan> {
    let each = lists(compiler, spec)?;
    let around = compiler.joins.len();
    let joins = joins(compiler, &spec.joins, prefix);
    let when = spec.when.as_ref().map(|when| compiler.item_expression(when));
    // Every list's items have the same fields: compiled once, and what is personal is so in each of the lists.
    let mut found = Vec::new();
    let named = each.iter().map(|path| format!("{prefix}{path}[].")).next().unwrap_or_default();
    let plan = nested(compiler, inner, fields, &named, spec, &mut found);
    for path in &each {
        let here = format!("{prefix}{}[].", path.as_str().trim_end_matches("[]"));
        let place =
            |found: &String| found.strip_prefix(&named).map_or_else(|| found.clone(), |rest| format!("{here}{rest}"));
        personal.extend(found.iter().map(place));
    }
    compiler.joins.truncate(around);
    let when = match when {
        Some(when) => Some(when?),
        None => None,
    };
    let nulls = Nulls::of_node(&spec.style, compiler.defaults);
    Some(ListPlan { plan, each, optional: spec.optional, nulls, when, joins: joins? })
}

fn nested(
    compiler: &mut Compiler<'_>,
    fields: &'static [Field],
    specs: &[FieldSpec],
    prefix: &str,
    spec: &CellSpec,
    personal: &mut Vec<String>,
) -> ObjectPlan {
    let mut plan = ObjectPlan { fields, entries: Vec::new() };
    for spec in specs {
        insert(compiler, &mut plan, spec, prefix, personal);
    }
    check_required(compiler, plan.fields, specs, &spec.place, prefix);
    plan
}

/// A field that is mapped wrongly has its own complaint and is not reported as missing, too.
fn check_required(
    compiler: &mut Compiler<'_>,
    fields: &'static [Field],
    specs: &[FieldSpec],
    place: &Place,
    prefix: &str,
) {
    let inside = match prefix.trim_end_matches('.') {
        "" => String::new(),
        list => format!(" in the items of `{list}`"),
    };
    for field in fields.iter().filter(|field| field.required) {
        if !specs.iter().any(|spec| spec.target.value.split('.').next() == Some(field.name)) {
            compiler.error(
                place,
                format!("required field `{}` ({}) is not mapped{inside}", field.name, field.ty.name()),
                format!("add `{}: ...`", field.name),
            );
        }
    }
}

fn note_personal(compiler: &Compiler<'_>, cell: &Cell, marked: bool, prefix: &str, personal: &mut Vec<String>) {
    let place = match &cell.source {
        Source::Item(path) => format!("{prefix}{path}"),
        Source::Joined(joined) => joined.place(&compiler.joins),
        Source::Record(_) | Source::Settings(_) | Source::Expr(_) | Source::Const(_) => return,
    };
    if marked && !personal.contains(&place) {
        personal.push(place);
    }
}
