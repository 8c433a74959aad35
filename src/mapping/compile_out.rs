//! Compiling the `out` table against the canonical schema and the crosswalks.
//!
//! Not here: applying it (see `outbound`).

use serde_json::{Number, Value as Json};

use super::compile::{self, Compiler};
use super::compile_cell::{numbers, time_format};
use super::expr::{Expression, Path, Step};
use super::filter::check_members;
use super::outbound::{OutCell, OutList, OutNode, OutPlan, OutSource};
use super::spec::{Absent, Amount, As, CellSpec, FieldSpec, SourceSpec};
use super::writer::{Form, Writer};
use crate::config::yaml::{Scalar, Spanned};
use crate::model::{Entity, Field, FieldPath, FieldType, schema};

pub(super) fn compile(compiler: &mut Compiler<'_>, entity: Entity, fields: &[FieldSpec]) -> OutPlan {
    object(compiler, entity, schema(entity).fields, fields)
}

fn object(compiler: &mut Compiler<'_>, entity: Entity, base: &'static [Field], fields: &[FieldSpec]) -> OutPlan {
    let mut plan = OutPlan::new();
    for field in fields {
        let Some(node) = node(compiler, entity, base, &field.cell) else { continue };
        let names = match Path::parse(&field.target.value) {
            Ok(path) if path.steps().iter().all(|step| matches!(step, Step::Name(_))) => path,
            Ok(_) => {
                compiler.error(
                    &field.target.place,
                    "a target has names only",
                    "lists are written with `each` and `fields`",
                );
                continue;
            }
            Err(error) => {
                compiler.error(&field.target.place, error.to_string(), "quote names with dots, blanks or signs");
                continue;
            }
        };
        if !insert(&mut plan, names.steps(), node) {
            compiler.error(&field.target.place, format!("`{}` is written twice", field.target.value), "");
        }
    }
    plan
}

/// Puts a node where its dotted name says; false if the place is taken.
fn insert(plan: &mut OutPlan, names: &[Step], node: OutNode) -> bool {
    let Some((Step::Name(name), rest)) = names.split_first() else { return false };
    let taken = plan.iter().position(|(known, _)| known == name);
    if rest.is_empty() {
        if taken.is_none() {
            plan.push((name.clone(), node));
        }
        return taken.is_none();
    }
    let index = taken.unwrap_or_else(|| {
        plan.push((name.clone(), OutNode::Object { plan: OutPlan::new(), base: None }));
        plan.len() - 1
    });
    match &mut plan[index].1 {
        OutNode::Object { plan, base: None } => insert(plan, rest, node),
        OutNode::Object { base: Some(_), .. } | OutNode::Cell(_) | OutNode::List(_) => false,
    }
}

fn node(compiler: &mut Compiler<'_>, entity: Entity, base: &'static [Field], spec: &CellSpec) -> Option<OutNode> {
    let Some(fields) = &spec.fields else { return cell(compiler, entity, base, spec).map(OutNode::Cell) };
    if let SourceSpec::Lists(_) = &spec.source {
        let (_, _, _) = source(compiler, entity, base, spec)?;
        return None;
    }
    let SourceSpec::Path(text) = &spec.source else {
        let plan = object(compiler, entity, base, fields);
        return Some(OutNode::Object { plan, base: None });
    };
    let path = field_path(compiler, entity, base, text)?;
    if let Some(join) = spec.joins.first() {
        compiler.error(
            &join.name.place,
            "a join is for `in` only",
            "an expression can look through `record`: see `find`",
        );
    }
    match (*path.ty(), spec.each) {
        (FieldType::List(FieldType::Object(inner)), true) => {
            let plan = object(compiler, entity, inner, fields);
            let absent = spec.absent.unwrap_or(Absent::Omit);
            let when = match &spec.when {
                Some(when) => Some(expression(compiler, entity, when)?),
                None => None,
            };
            Some(OutNode::List(OutList { plan, each: path, from: text.value.clone(), absent, when }))
        }
        (FieldType::Object(inner), false) => {
            let plan = object(compiler, entity, inner, fields);
            Some(OutNode::Object { plan, base: Some(path) })
        }
        (ty, _) => {
            let message = format!("`{}` is {}", text.value, ty.name());
            compiler.error(&text.place, message, "`each` goes over lists, `from` with `fields` into objects");
            None
        }
    }
}

fn field_path(
    compiler: &mut Compiler<'_>,
    entity: Entity,
    base: &'static [Field],
    text: &Spanned<String>,
) -> Option<FieldPath> {
    match FieldPath::parse_in(entity, base, &text.value) {
        Ok(path) => Some(path),
        Err(error) => {
            let known: Vec<&str> = base.iter().map(|field| field.name).collect();
            compiler.error(&text.place, error.to_string(), format!("the fields here are {}", known.join(", ")));
            None
        }
    }
}

fn cell(compiler: &mut Compiler<'_>, entity: Entity, base: &'static [Field], spec: &CellSpec) -> Option<OutCell> {
    if spec.optional && !matches!(spec.source, SourceSpec::Ref { .. }) {
        let help = "fields without a value are left out anyway; `required: true` insists on one";
        compiler.error(&spec.place, "going out, only a `ref` is optional", help);
    }
    let (source, ty, text) = source(compiler, entity, base, spec)?;
    let form = form(compiler, ty.as_ref(), &text, spec)?;
    let crosswalk = match &spec.values {
        Some(name) => Some(compiler.crosswalk(name)?),
        None => None,
    };
    if let (Some(table), Some(FieldType::Status(set))) = (&crosswalk, &ty) {
        for (_, canonical, place) in table.entries() {
            if set.find(canonical).is_none() {
                let message = format!("`{canonical}` is not a status of {}", set.name);
                compiler.error(place, message, format!("the statuses are {}", set.values.join(", ")));
            }
        }
    }
    let style = spec.style.clone().or(compiler.defaults);
    let decimal = numbers(compiler, &style).decimal;
    let absent = spec.absent.unwrap_or(Absent::Omit);
    let writer = Writer { form, crosswalk, decimal };
    Some(OutCell { source, text, writer, required: spec.required, absent })
}

/// The source, its canonical type where it has one, and its text for messages.
fn source(
    compiler: &mut Compiler<'_>,
    entity: Entity,
    base: &'static [Field],
    spec: &CellSpec,
) -> Option<(OutSource, Option<FieldType>, String)> {
    match &spec.source {
        SourceSpec::Path(text) if text.value == "$binding" => Some((OutSource::Binding, None, text.value.clone())),
        SourceSpec::Path(text) if text.value.starts_with('$') => {
            let (variable, path) = compiler.path(text)?;
            match variable {
                Some("record") => {
                    let inner = Spanned { value: path.as_str().to_owned(), place: text.place.clone() };
                    let path = field_path(compiler, entity, schema(entity).fields, &inner)?;
                    let ty = (!path.is_extra()).then_some(*path.ty());
                    Some((OutSource::Record(path), ty, text.value.clone()))
                }
                Some("settings") => Some((OutSource::Settings(path), None, text.value.clone())),
                other => {
                    let known = ["record", "settings", "binding"];
                    compiler.unknown(&text.place, "variable", other.unwrap_or_default(), &known);
                    None
                }
            }
        }
        SourceSpec::Path(text) => {
            let path = field_path(compiler, entity, base, text)?;
            if path.is_many() {
                compiler.error(
                    &text.place,
                    "the path gives many values",
                    "write a list with `each`, or take one with `[0]`",
                );
                return None;
            }
            let ty = (!path.is_extra()).then_some(*path.ty());
            Some((OutSource::Item(path), ty, text.value.clone()))
        }
        SourceSpec::Ref { field, extra } => {
            let path = field_path(compiler, entity, base, field)?;
            let FieldType::Ref(named) = *path.ty() else {
                let message = format!("`{}` is {}, which names no other record", field.value, path.ty().name());
                compiler.error(&field.place, message, "use `from`");
                return None;
            };
            let text = field.value.clone();
            let extra = extra.as_ref().map(|extra| extra.value.clone());
            Some((OutSource::Ref { field: path, entity: named, extra, optional: spec.optional }, None, text))
        }
        SourceSpec::Expr(text) => {
            let expression = expression(compiler, entity, text)?;
            Some((OutSource::Expr(expression), None, text.value.clone()))
        }
        SourceSpec::Const(scalar) => Some((OutSource::Const(constant(scalar)), None, scalar.text.clone())),
        SourceSpec::Lists(paths) => {
            let place = paths.first().map_or(&spec.place, |path| &path.place);
            compiler.error(
                place,
                "going out, `each` goes over one list of the record",
                "write two lists for two lists",
            );
            None
        }
        SourceSpec::Nothing => {
            compile::no_source(compiler, &spec.place);
            None
        }
    }
}

fn expression(compiler: &mut Compiler<'_>, entity: Entity, text: &Spanned<String>) -> Option<Expression> {
    let expression = compiler.expression(text, &["record", "item", "settings", "binding"])?;
    if let Err(error) = check_members(entity, &expression) {
        compiler.error(&text.place, error.to_string(), "");
    }
    Some(expression)
}

fn form(compiler: &mut Compiler<'_>, ty: Option<&FieldType>, text: &str, spec: &CellSpec) -> Option<Form> {
    let amount = matches!(ty, Some(FieldType::Money | FieldType::UnitPrice));
    match (spec.amount, spec.form) {
        (Some(_), _) if !amount => {
            compiler.error(&spec.place, format!("`{text}` is not an amount"), "use `from`");
            None
        }
        (Some(Amount::Minor), _) => Some(Form::Minor),
        (Some(Amount::Decimal), Some(As::Number)) => Some(Form::MoneyNumber),
        (Some(Amount::Decimal), _) => Some(Form::Money),
        (None, _) if amount => {
            let help = "say how it is written: `{ money: path }`, `{ money: path, as: number }` or `{ minor: path }`";
            compiler.error(&spec.place, format!("`{text}` is an amount"), help);
            None
        }
        (None, form) => match time_format(compiler, spec)? {
            Some(format) if matches!(ty, Some(FieldType::Timestamp | FieldType::Date)) => Some(Form::Time(format)),
            Some(_) => {
                compiler.error(&spec.place, format!("`{text}` is neither a time nor a date"), "remove `format`");
                None
            }
            None if matches!(ty, Some(FieldType::Object(_) | FieldType::List(_))) => {
                compiler.error(
                    &spec.place,
                    format!("`{text}` is no single value"),
                    "say what goes into it with `fields`",
                );
                None
            }
            None => Some(match form {
                Some(As::Text) => Form::Text,
                Some(As::Integer) => Form::Integer,
                Some(As::Number) => Form::Number,
                Some(As::Bool) => Form::Bool,
                Some(As::Money | As::Minor) | None => Form::Plain,
            }),
        },
    }
}

/// Plain `true`, `false`, `null` and numbers are what they say; everything else is text.
pub(super) fn constant(scalar: &Scalar) -> Json {
    match scalar.text.as_str() {
        text if !scalar.plain => Json::String(text.to_owned()),
        "true" => Json::Bool(true),
        "false" => Json::Bool(false),
        "null" | "~" | "" => Json::Null,
        text => serde_json::from_str::<Number>(text).map_or_else(|_| Json::String(text.to_owned()), Json::Number),
    }
}
