//! The cells of a mapping, both ways, with what is doubtful about each as a comment.
//!
//! Not here: which field meets which property (`fields`), the whole file (`mapping`).

use super::fields::{Form, Pair};
use super::schema::Type;
use crate::model::FieldType;
use crate::scaffold::text::quoted;

/// `target: cell   # comment`; a commented cell stands behind `#`.
pub(super) struct Line {
    pub(super) indent: usize,
    pub(super) target: String,
    pub(super) cell: String,
    pub(super) comment: Option<String>,
    pub(super) off: bool,
}

impl Line {
    pub(super) fn new(target: impl Into<String>, cell: impl Into<String>, comment: Option<String>) -> Self {
        Self { indent: 1, target: target.into(), cell: cell.into(), comment, off: false }
    }

    pub(super) fn text(&self) -> String {
        let (indent, off) = ("  ".repeat(self.indent), if self.off { "# " } else { "" });
        let cell = if self.cell.is_empty() { String::new() } else { format!(" {}", self.cell) };
        let comment = self.comment.as_ref().map_or_else(String::new, |comment| format!("   # {comment}"));
        format!("{indent}{off}{}:{cell}{comment}\n", self.target)
    }
}

/// A path of the mapping language: names that are no plain words stand in quotes.
pub(super) fn path(names: &[String]) -> String {
    names.iter().map(|name| step(name)).collect::<Vec<_>>().join(".")
}

fn step(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { name.to_owned() } else { quoted(name) }
}

/// The path as a YAML value.
fn value(names: &[String]) -> String {
    let path = path(names);
    let word = matches!(path.as_str(), "true" | "false" | "null" | "on" | "off" | "yes" | "no");
    if path.contains('"') || word { quoted(&path) } else { path }
}

/// What turns a name into the crosswalk's.
pub(super) fn crosswalk(entity: &str, field: &str) -> String {
    format!("{entity}_{field}")
}

pub(super) struct Ways<'e> {
    pub(super) entity: &'e str,
    /// Amounts have no currency of the record's: the connection's stands in.
    pub(super) needs_currency: bool,
}

impl Ways<'_> {
    /// Cells of `in`; `base` is the path to the object, `optional` whether it may be missing, `prefix` the canonical object.
    pub(super) fn inward(
        &self,
        pairs: &[Pair<'_>],
        base: &[String],
        prefix: &str,
        optional: bool,
        indent: usize,
    ) -> Vec<Line> {
        let mut lines = Vec::new();
        for pair in pairs {
            let mut names = base.to_vec();
            names.push(pair.property.name.clone());
            let target = format!("{prefix}{}", pair.field.name);
            let may_miss = (optional || !pair.property.required) && !pair.field.required;
            self.inward_pair(pair, &names, target, may_miss, indent, &mut lines);
        }
        lines
    }

    fn inward_pair(
        &self,
        pair: &Pair<'_>,
        names: &[String],
        target: String,
        may_miss: bool,
        indent: usize,
        lines: &mut Vec<Line>,
    ) {
        let comment = pair.doubt.as_ref().map(|doubt| format!("guess: {doubt}"));
        let optional = if may_miss { ", optional: true" } else { "" };
        let line =
            |cell: String, off: bool| Line { indent, target: target.clone(), cell, comment: comment.clone(), off };
        let own_currency = if self.needs_currency { ", currency: $settings.currency" } else { "" };
        match &pair.form {
            Form::Plain if may_miss => lines.push(line(format!("{{ from: {}, optional: true }}", value(names)), false)),
            Form::Plain => lines.push(line(value(names), false)),
            Form::Unix => lines.push(line(format!("{{ from: {}, format: unix_s{optional} }}", value(names)), false)),
            Form::Money => lines.push(line(format!("{{ money: {}{own_currency}{optional} }}", value(names)), false)),
            Form::Minor => lines.push(line(format!("{{ minor: {}{own_currency}{optional} }}", value(names)), false)),
            Form::MoneyObject { amount, currency, minor, .. } => {
                let word = if *minor { "minor" } else { "money" };
                let inner = |member: &String| value(&[names, std::slice::from_ref(member)].concat());
                let currency = match currency {
                    Some(member) => format!(", currency: {{ from: {}{optional} }}", inner(member)),
                    None => own_currency.to_owned(),
                };
                lines.push(line(format!("{{ {word}: {}{currency}{optional} }}", inner(amount)), false));
            }
            Form::Status => {
                let table = crosswalk(self.entity, pair.field.name);
                lines.push(line(format!("{{ from: {}, values: {table}{optional} }}", value(names)), false));
            }
            Form::Unlisted => {
                let table = crosswalk(self.entity, pair.field.name);
                let mut line =
                    line(format!("{{ from: {}, values: {table}{optional} }}", value(names)), !pair.field.required);
                line.comment = Some("choose: list its words in values.yaml; the document does not".to_owned());
                lines.push(line);
            }
            Form::Object(inner) => lines.extend(self.inward(inner, names, &format!("{target}."), may_miss, indent)),
            Form::List(inner) => {
                lines.push(line(String::new(), false));
                let more = |target: &str, cell: String| Line {
                    indent: indent + 1,
                    target: target.to_owned(),
                    cell,
                    comment: None,
                    off: false,
                };
                lines.push(more("each", value(names)));
                if may_miss {
                    lines.push(more("optional", "true".to_owned()));
                }
                lines.push(more("fields", String::new()));
                lines.extend(self.inward(inner, &[], "", false, indent + 2));
            }
        }
    }

    /// Cells of `out`; `base` is the vendor's object, `prefix` the canonical one.
    pub(super) fn outward(&self, pairs: &[Pair<'_>], base: &[String], prefix: &str, indent: usize) -> Vec<Line> {
        let mut lines = Vec::new();
        for pair in pairs {
            let mut names = base.to_vec();
            names.push(pair.property.name.clone());
            let source = format!("{prefix}{}", pair.field.name);
            let comment = pair.doubt.as_ref().map(|doubt| format!("guess: {doubt}"));
            let required = if pair.property.required { ", required: true" } else { "" };
            let line = |names: &[String], cell: String, off: bool| Line {
                indent,
                target: target(names),
                cell,
                comment: comment.clone(),
                off,
            };
            let number = if pair.property.ty.is_number() { ", as: number" } else { "" };
            match &pair.form {
                Form::Plain => lines.push(line(&names, plain_out(pair, &source, required), false)),
                Form::Unix => {
                    lines.push(line(&names, format!("{{ from: {source}, format: unix_s{required} }}"), false))
                }
                Form::Money => lines.push(line(&names, format!("{{ money: {source}{number}{required} }}"), false)),
                Form::Minor => lines.push(line(&names, format!("{{ minor: {source}{required} }}"), false)),
                Form::MoneyObject { amount, currency, minor, numeric } => {
                    let cell = match (minor, numeric) {
                        (true, _) => format!("{{ minor: {source}{required} }}"),
                        (false, true) => format!("{{ money: {source}, as: number{required} }}"),
                        (false, false) => format!("{{ money: {source}{required} }}"),
                    };
                    lines.push(line(&[&names[..], std::slice::from_ref(amount)].concat(), cell, false));
                    if let Some(member) = currency.as_ref().filter(|_| !self.needs_currency) {
                        lines.push(line(
                            &[&names[..], std::slice::from_ref(member)].concat(),
                            "currency".to_owned(),
                            !prefix.is_empty(),
                        ));
                    }
                }
                Form::Status | Form::Unlisted => {
                    let off = matches!(pair.form, Form::Unlisted);
                    let cell =
                        format!("{{ from: {source}, values: {}{required} }}", crosswalk(self.entity, pair.field.name));
                    lines.push(line(&names, cell, off));
                }
                Form::Object(inner) => lines.extend(self.outward(inner, &names, &format!("{source}."), indent)),
                Form::List(inner) => {
                    lines.push(line(&names, String::new(), false));
                    let more = |target: &str, cell: String| Line {
                        indent: indent + 1,
                        target: target.to_owned(),
                        cell,
                        comment: None,
                        off: false,
                    };
                    lines.push(more("each", source));
                    lines.push(more("fields", String::new()));
                    lines.extend(self.outward(inner, &[], "", indent + 2));
                }
            }
        }
        lines
    }
}

fn plain_out(pair: &Pair<'_>, source: &str, required: &str) -> String {
    let number = matches!(pair.field.ty, FieldType::Quantity | FieldType::Decimal);
    let text = matches!(pair.field.ty, FieldType::Text | FieldType::Ref(_));
    let form = if pair.property.ty == Type::Integer && (number || text) {
        ", as: integer"
    } else if pair.property.ty == Type::Number && number {
        ", as: number"
    } else {
        ""
    };
    if form.is_empty() && required.is_empty() {
        source.to_owned()
    } else {
        format!("{{ from: {source}{form}{required} }}")
    }
}

/// The vendor's field as a key of the file.
fn target(names: &[String]) -> String {
    let path = path(names);
    if path.contains('"') { format!("'{}'", path.replace('\'', "''")) } else { path }
}
