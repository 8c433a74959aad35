//! What compiling both directions has in common: names, paths, expressions, crosswalks, and gathering every mistake.
//!
//! Not here: the directions themselves (see `compile_in`, `compile_out`).

use std::sync::Arc;

use super::crosswalk::{Crosswalk, Values};
use super::expr::{Expression, Path};
use super::spec::{SourceSpec, Style};
use crate::config::yaml::{Diagnostic, Diagnostics, Place, Spanned, suggest};

pub(super) struct Compiler<'a> {
    pub values: &'a Values,
    pub defaults: &'a Style,
    pub found: Diagnostics,
    /// The record's own currency is mapped, so that amounts need not name theirs.
    pub has_currency: bool,
    /// Names of the joins around the cell, outermost first.
    pub joins: Vec<JoinName>,
}

/// A join as cells inside its list see it.
pub(super) struct JoinName {
    pub name: String,
    /// Path of its list in the payload.
    pub list: String,
}

impl Compiler<'_> {
    pub(super) fn error(&mut self, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        let help: String = help.into();
        let diagnostic = Diagnostic::new(place, message);
        self.found.push(if help.is_empty() { diagnostic } else { diagnostic.help(help) });
    }

    pub(super) fn unknown(&mut self, place: &Place, what: &str, name: &str, known: &[&str]) {
        self.error(place, format!("there is no {what} `{name}`"), suggest(name, known));
    }

    /// A path, and the variable it starts from if it is written `$variable.path` or `$variable[0].path`; without steps for
    /// the variable itself.
    pub(super) fn path<'t>(&mut self, text: &'t Spanned<String>) -> Option<(Option<&'t str>, Path)> {
        let (variable, rest) = match text.value.strip_prefix('$') {
            Some(rest) => {
                let named = |character: char| character.is_alphanumeric() || character == '_';
                let (variable, rest) = rest.split_at(rest.find(|c| !named(c)).unwrap_or(rest.len()));
                if rest.is_empty() {
                    return Some((Some(variable), Path::whole(&text.value)));
                }
                (Some(variable), rest.strip_prefix('.').unwrap_or(rest))
            }
            None => (None, text.value.as_str()),
        };
        match Path::parse(rest) {
            Ok(path) => Some((variable, path)),
            Err(error) => {
                self.error(&text.place, error.to_string(), "a computed value is written `{ expr: ... }`");
                None
            }
        }
    }

    /// A path from the current item, for the base of an object.
    pub(super) fn item_path(&mut self, source: &SourceSpec, key: &str) -> Option<Path> {
        let text = match source {
            SourceSpec::Path(text) => text,
            SourceSpec::Expr(text) | SourceSpec::Ref { field: text, .. } => {
                self.error(&text.place, format!("`{key}` is a path"), "");
                return None;
            }
            SourceSpec::Lists(_) | SourceSpec::Const(_) | SourceSpec::Nothing => return None,
        };
        let path = self.plain_path(text, key)?;
        if path.is_many() {
            self.error(&text.place, format!("`{key}` names one thing"), "take one with `[0]`");
            return None;
        }
        Some(path)
    }

    /// A path from the current item, not from a variable other than `$item`, the item itself.
    pub(super) fn plain_path(&mut self, text: &Spanned<String>, key: &str) -> Option<Path> {
        match self.path(text)? {
            (None | Some("item"), path) => Some(path),
            (Some(_), _) => {
                self.error(&text.place, format!("`{key}` starts from the current item, not from a variable"), "");
                None
            }
        }
    }

    pub(super) fn expression(&mut self, text: &Spanned<String>, names: &[&str]) -> Option<Expression> {
        match Expression::compile_for(&text.value, names) {
            Ok(expression) => Some(expression),
            Err(error) => {
                self.error(&text.place, error.to_string(), "");
                None
            }
        }
    }

    /// An expression of the `in` table: over the payload, the item, what is joined to it, and the settings.
    pub(super) fn item_expression(&mut self, text: &Spanned<String>) -> Option<Expression> {
        let names = self.names();
        self.expression(text, &names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// What expressions and `$` paths of the `in` table may start from.
    pub(super) fn names(&self) -> Vec<String> {
        let joins = self.joins.iter().map(|join| join.name.clone());
        ["record", "item", "settings"].map(str::to_owned).into_iter().chain(joins).collect()
    }

    pub(super) fn crosswalk(&mut self, name: &Spanned<String>) -> Option<Arc<Crosswalk>> {
        let values = self.values;
        let table = values.crosswalk(&name.value).cloned();
        if table.is_none() {
            let known: Vec<&str> = values.names().collect();
            self.unknown(&name.place, "crosswalk", &name.value, &known);
        }
        table
    }
}

pub(super) fn no_source(compiler: &mut Compiler<'_>, place: &Place) {
    compiler.error(place, "the cell has no source", "give one of from, money, minor, expr, const");
}
