//! Compiling single cells of the `in` table: their source, their type and how it is written.
//!
//! Not here: where a cell's value goes (see `compile_in`).

use super::cell::{Convert, Kind, Source};
use super::compile::{self, Compiler};
use super::expr::Path;
use super::inbound::Cell;
use super::list::JoinedPath;
use super::nulls::Nulls;
use super::number_format::NumberFormat;
use super::spec::{Amount, As, CellSpec, SourceSpec, Style};
use super::time_format::TimeFormat;
use crate::config::yaml::Spanned;
use crate::model::{Field, FieldType, Raw, Value};

pub(super) fn scalar_cell(compiler: &mut Compiler<'_>, field: &Field, ty: &FieldType, spec: &CellSpec) -> Option<Cell> {
    let kind = kind(compiler, field.name, ty, spec)?;
    if field.required && spec.optional {
        compiler.error(
            &spec.place,
            format!("`{}` is required and cannot be optional", field.name),
            "remove `optional`",
        );
    }
    finish(compiler, spec, kind, Some(ty), field.required || spec.required)
}

pub(super) fn extra_cell(compiler: &mut Compiler<'_>, spec: &CellSpec) -> Option<Cell> {
    let ty = match spec.form {
        None => None,
        Some(As::Text) => Some(FieldType::Text),
        Some(As::Integer) => Some(FieldType::Integer),
        Some(As::Bool) => Some(FieldType::Bool),
        Some(As::Number | As::Money | As::Minor) => {
            compiler.error(&spec.place, "an extra is text, integer or bool", "use `as: text`, `integer` or `bool`");
            return None;
        }
    };
    let kind = ty.map_or(Kind::Extra, Kind::Plain);
    finish(compiler, spec, kind, ty.as_ref(), spec.required)
}

fn finish(
    compiler: &mut Compiler<'_>,
    spec: &CellSpec,
    kind: Kind,
    ty: Option<&FieldType>,
    required: bool,
) -> Option<Cell> {
    let source = source(compiler, spec)?;
    let many = match &source {
        Source::Item(path) | Source::Record(path) | Source::Settings(path) => path.is_many(),
        Source::Joined(joined) => joined.is_many(),
        Source::Expr(_) | Source::Const(_) => false,
    };
    let summable = matches!(kind, Kind::Money(_) | Kind::Minor(_) | Kind::Plain(FieldType::Quantity));
    match (many, spec.sum) {
        (true, false) => {
            compiler.error(&spec.place, "the path gives many values", "say `sum: true`, or take one with `[0]`");
        }
        (true, true) if !summable => compiler.error(&spec.place, "only money and quantities are summed", ""),
        (false, true) => {
            compiler.error(&spec.place, "`sum` needs a path with `[]`", "sum over a list: `lines[].amount`")
        }
        (true, true) | (false, false) => {}
    }
    let style = spec.style.clone().or(compiler.defaults);
    let crosswalk = match &spec.values {
        Some(name) => {
            let table = compiler.crosswalk(name)?;
            if let Some(ty) = ty {
                for (_, canonical, place) in table.entries() {
                    if let Err(error) = Value::from_raw(ty, Raw::Text(canonical)) {
                        compiler.error(place, error.to_string(), "the value on the right is the canonical one");
                    }
                }
            }
            Some(table)
        }
        None => None,
    };
    if let (Source::Const(text), Some(ty), None, Kind::Plain(_)) = (&source, ty, &crosswalk, &kind)
        && let Err(error) = Value::from_raw(ty, Raw::Text(text))
    {
        compiler.error(&spec.place, error.to_string(), "");
    }
    let numbers = numbers(compiler, &style);
    let trim = style.trim.unwrap_or(false);
    let nulls = Nulls::of_field(&spec.style, compiler.defaults, type_of(&kind));
    let convert = Convert { trim, nulls, crosswalk, numbers, kind };
    Some(Cell { source, convert, optional: spec.optional, required, sum: spec.sum })
}

/// The field's type; `None` for an extra that takes any scalar.
fn type_of(kind: &Kind) -> Option<&FieldType> {
    match kind {
        Kind::Plain(ty) => Some(ty),
        Kind::Time(_) => Some(&FieldType::Timestamp),
        Kind::Date(_) => Some(&FieldType::Date),
        Kind::Money(_) | Kind::Minor(_) => Some(&FieldType::Money),
        Kind::UnitPrice(_) | Kind::UnitPriceMinor(_) => Some(&FieldType::UnitPrice),
        Kind::Extra => None,
    }
}

fn kind(compiler: &mut Compiler<'_>, name: &str, ty: &FieldType, spec: &CellSpec) -> Option<Kind> {
    if let (Some(form @ (As::Text | As::Integer | As::Number | As::Bool)), Some(_) | None) = (spec.form, spec.amount) {
        let message = format!("the schema decides that `{name}` is {}, not `{}`", ty.name(), form.as_str());
        compiler.error(&spec.place, message, "remove `as`");
    }
    match (ty, spec.amount) {
        (FieldType::Money, Some(Amount::Decimal)) => currency(compiler, spec).map(Kind::Money),
        (FieldType::Money, Some(Amount::Minor)) => currency(compiler, spec).map(Kind::Minor),
        (FieldType::UnitPrice, Some(Amount::Decimal)) => currency(compiler, spec).map(Kind::UnitPrice),
        (FieldType::UnitPrice, Some(Amount::Minor)) => currency(compiler, spec).map(Kind::UnitPriceMinor),
        (FieldType::Money | FieldType::UnitPrice, None) => {
            let help = "say how it is written: `{ money: path }` in major units, `{ minor: path }` in minor units";
            compiler.error(&spec.place, format!("`{name}` is {}", ty.name()), help);
            None
        }
        (ty, Some(_)) => {
            compiler.error(&spec.place, format!("`{name}` is {}, not an amount", ty.name()), "use `from`");
            None
        }
        (FieldType::Timestamp, None) => match time_format(compiler, spec)? {
            Some(format) => {
                if !format.has_zone() {
                    compiler.error(
                        &spec.place,
                        format!("`{name}`: nobody knows whose local time this is"),
                        "add `zone: Europe/Berlin`",
                    );
                }
                Some(Kind::Time(format))
            }
            None => Some(Kind::Plain(FieldType::Timestamp)),
        },
        (FieldType::Date, None) => Some(match time_format(compiler, spec)? {
            Some(format) => Kind::Date(format),
            None => Kind::Plain(FieldType::Date),
        }),
        (ty, None) => {
            if let Some(format) = &spec.format {
                compiler.error(
                    &format.place,
                    format!("`{name}` is {}, which has no format", ty.name()),
                    "remove `format`",
                );
            }
            Some(Kind::Plain(*ty))
        }
    }
}

/// The cell's own currency; `Some(None)` for the record's.
fn currency(compiler: &mut Compiler<'_>, spec: &CellSpec) -> Option<Option<Box<Cell>>> {
    match &spec.currency {
        Some(own) => finish(compiler, own, Kind::Plain(FieldType::Currency), Some(&FieldType::Currency), !own.optional)
            .map(|cell| Some(Box::new(cell))),
        None if compiler.has_currency => Some(None),
        None => {
            let help = "map `currency`, or say `currency: path` (or `currency: { const: EUR }`) here";
            compiler.error(&spec.place, "nothing says in which currency this amount is", help);
            None
        }
    }
}

/// `None` has been reported, `Some(None)` is no format.
pub(super) fn time_format(compiler: &mut Compiler<'_>, spec: &CellSpec) -> Option<Option<TimeFormat>> {
    let Some(format) = &spec.format else { return Some(None) };
    let style = spec.style.clone().or(compiler.defaults);
    let zone = style.zone.as_ref().map(|zone| zone.value.as_str());
    match TimeFormat::parse(&format.value, zone, style.ambiguous) {
        Ok(format) => Some(Some(format)),
        Err(reason) => {
            compiler.error(&format.place, reason, "");
            None
        }
    }
}

pub(super) fn numbers(compiler: &mut Compiler<'_>, style: &Style) -> NumberFormat {
    let grouping = style.grouping.as_ref().and_then(|grouping| one_character(compiler, grouping));
    NumberFormat {
        decimal: style.decimal.unwrap_or(NumberFormat::default().decimal),
        grouping,
        trailing_minus: style.trailing_minus.unwrap_or(false),
    }
}

fn one_character(compiler: &mut Compiler<'_>, text: &Spanned<String>) -> Option<char> {
    let mut characters = text.value.chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) => Some(character),
        _ => {
            compiler.error(&text.place, "grouping is one character", "");
            None
        }
    }
}

fn source(compiler: &mut Compiler<'_>, spec: &CellSpec) -> Option<Source> {
    match &spec.source {
        SourceSpec::Path(text) => {
            let (variable, path): (Option<&str>, Path) = compiler.path(text)?;
            match variable {
                None | Some("item") => Some(Source::Item(path)),
                Some(variable @ ("record" | "settings")) if path.steps().is_empty() => {
                    compiler.error(
                        &text.place,
                        "this is the whole of it",
                        format!("say which value: `${variable}.name`"),
                    );
                    None
                }
                Some("record") => Some(Source::Record(path)),
                Some("settings") => Some(Source::Settings(path)),
                Some(name) => match compiler.joins.iter().rposition(|known| known.name == name) {
                    Some(join) => JoinedPath::new(join, path, text).map(Source::Joined).or_else(|| {
                        compiler.error(
                            &text.place,
                            "this is the whole item",
                            format!("say which value: `${name}.name`"),
                        );
                        None
                    }),
                    None => {
                        let known = compiler.names();
                        let known: Vec<&str> = known.iter().map(String::as_str).collect();
                        compiler.unknown(&text.place, "variable", name, &known);
                        None
                    }
                },
            }
        }
        SourceSpec::Lists(paths) => {
            let place = paths.first().map_or(&spec.place, |path| &path.place);
            compiler.error(place, "several lists make no single value", "they go with `each` and `fields`");
            None
        }
        SourceSpec::Expr(text) => compiler.item_expression(text).map(Source::Expr),
        SourceSpec::Const(scalar) => Some(Source::Const(scalar.text.clone())),
        SourceSpec::Ref { field, .. } => {
            compiler.error(&field.place, "`ref` is for `out` only", "use `from`");
            None
        }
        SourceSpec::Nothing => {
            compile::no_source(compiler, &spec.place);
            None
        }
    }
}
