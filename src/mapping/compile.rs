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

    /// A path, and the variable it starts from if it is written `$variable.path`.
    pub(super) fn path<'t>(&mut self, text: &'t Spanned<String>) -> Option<(Option<&'t str>, Path)> {
        let (variable, rest) = match text.value.strip_prefix('$') {
            Some(rest) => match rest.split_once('.') {
                Some((variable, rest)) => (Some(variable), rest),
                None => (Some(rest), rest),
            },
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

    /// A path from the current item, for `each` and for the base of an object.
    pub(super) fn item_path(&mut self, source: &SourceSpec, key: &str) -> Option<Path> {
        let SourceSpec::Path(text) = source else {
            if let SourceSpec::Expr(text) | SourceSpec::Ref { field: text, .. } = source {
                self.error(&text.place, format!("`{key}` is a path"), "");
            }
            return None;
        };
        match self.path(text)? {
            (None, path) if !path.is_many() => Some(path),
            (None, _) => {
                self.error(&text.place, format!("`{key}` names the list itself, without `[]`"), "");
                None
            }
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
