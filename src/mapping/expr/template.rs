//! Text with holes: `orders/{key}.json`, filled from a scope.
//!
//! Not here: escaping for a place (URL, XML, header); the caller passes it in.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value as Json;

use super::expression::{Expression, ExpressionError, shortened};
use super::path::{Path, Step, first};
use super::{Scope, Tree};
use crate::model::Raw;

/// `text {path or expression} text`. `{{` and `}}` stand for single braces. `{path?}` is empty when its value is
/// missing or null; without the `?` both are errors.
#[derive(Debug, Clone)]
pub struct Template {
    source: Box<str>,
    parts: Box<[Part]>,
}

#[derive(Debug, Clone)]
enum Part {
    Text(Box<str>),
    Path { path: Path, root: Box<str>, optional: bool },
    Expression(Expression),
}

/// A template that cannot be read or filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("template {template:?}: {reason} (column {column})")]
    Syntax { template: String, reason: String, column: usize },
    #[error("template {:?}: {path} {reason}", shortened(template))]
    Value { template: String, path: String, reason: String },
    #[error("template {:?}: {error}", shortened(template))]
    Expression { template: String, error: ExpressionError },
}

impl Template {
    pub fn parse(source: &str) -> Result<Template, TemplateError> {
        let (mut parts, mut text, mut rest) = (Vec::new(), String::new(), source);
        while let Some(at) = rest.find(['{', '}']) {
            text.push_str(&rest[..at]);
            let (brace, after) = rest[at..].split_at(1);
            if let Some(after) = after.strip_prefix(brace) {
                text.push_str(brace);
                rest = after;
                continue;
            }
            let column = source[..source.len() - rest.len() + at].chars().count() + 1;
            let syntax =
                |reason: &str| TemplateError::Syntax { template: source.to_owned(), reason: reason.to_owned(), column };
            if brace == "}" {
                return Err(syntax("`}` closes nothing; write `}}` for a brace"));
            }
            let end = closing_brace(after).ok_or_else(|| syntax("`{` is not closed; write `{{` for a brace"))?;
            if !text.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut text).into()));
            }
            parts.push(hole(after[..end].trim()).map_err(|reason| syntax(&reason))?);
            rest = &after[end + 1..];
        }
        text.push_str(rest);
        if !text.is_empty() {
            parts.push(Part::Text(text.into()));
        }
        Ok(Template { source: source.into(), parts: parts.into() })
    }

    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Without holes: the same text always.
    pub fn is_constant(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// The scope's names it may read, to be checked before anything runs.
    pub fn reads(&self, name: &str) -> bool {
        self.parts.iter().any(|part| match part {
            Part::Text(_) => false,
            Part::Path { root, .. } => **root == *name,
            Part::Expression(expression) => expression.members_of(name).is_none_or(|members| !members.is_empty()),
        })
    }

    /// First names of the plain paths: what the scope must hold.
    pub fn roots(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Path { root, .. } => Some(&**root),
            Part::Text(_) | Part::Expression(_) => None,
        })
    }

    pub fn render(&self, scope: &Scope<'_>) -> Result<String, TemplateError> {
        self.render_with(scope, |text| Cow::Borrowed(text))
    }

    /// Fills the holes, passing each filled-in text (not the template's own) through `escape`.
    pub fn render_with(
        &self,
        scope: &Scope<'_>,
        escape: impl Fn(&str) -> Cow<'_, str>,
    ) -> Result<String, TemplateError> {
        let mut out = String::with_capacity(self.source.len() + 32);
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Path { path, root, optional } => {
                    if let Some(value) = self.find(path, root, *optional, scope)? {
                        let text = plain_text(value).map_err(|reason| self.fault(path.as_str(), reason))?;
                        out.push_str(&escape(&text));
                    }
                }
                Part::Expression(expression) => {
                    let value = self.eval(expression, scope)?;
                    let text = plain_text(&value).map_err(|reason| self.fault(expression.source(), reason))?;
                    out.push_str(&escape(&text));
                }
            }
        }
        Ok(out)
    }

    /// The value itself, with its type, if the template is a single hole (`{record.lines}`); text otherwise.
    /// An optional hole without a value is null.
    pub fn value(&self, scope: &Scope<'_>) -> Result<Json, TemplateError> {
        match &*self.parts {
            [Part::Path { path, root, optional }] => {
                Ok(self.find(path, root, *optional, scope)?.cloned().unwrap_or(Json::Null))
            }
            [Part::Expression(expression)] => self.eval(expression, scope),
            _ => self.render(scope).map(Json::String),
        }
    }

    fn find<'s>(
        &self,
        path: &Path,
        root: &str,
        optional: bool,
        scope: &Scope<'s>,
    ) -> Result<Option<&'s Json>, TemplateError> {
        let base = scope.get(root).ok_or_else(|| {
            self.fault(path.as_str(), format!("starts with a name unknown here; known: {}", scope.known()))
        })?;
        match first(base, path.steps().get(1..).unwrap_or_default()) {
            Some(value) if !value.is_null() => Ok(Some(value)),
            Some(_) | None if optional => Ok(None),
            Some(_) => Err(self.fault(path.as_str(), "is null".to_owned())),
            None => Err(self.fault(path.as_str(), "is missing".to_owned())),
        }
    }

    fn eval(&self, expression: &Expression, scope: &Scope<'_>) -> Result<Json, TemplateError> {
        expression.eval(scope).map_err(|error| TemplateError::Expression { template: self.source.to_string(), error })
    }

    fn fault(&self, path: &str, reason: impl Into<String>) -> TemplateError {
        TemplateError::Value { template: self.source.to_string(), path: path.to_owned(), reason: reason.into() }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

fn plain_text(value: &Json) -> Result<Cow<'_, str>, &'static str> {
    match Tree::raw(value) {
        Some(Raw::Text(text) | Raw::Number(text)) => Ok(Cow::Borrowed(text)),
        Some(Raw::Bool(value)) => Ok(Cow::Borrowed(if value { "true" } else { "false" })),
        Some(Raw::Null) => Err("is null"),
        None => Err("is a list or an object, which has no text form"),
    }
}

fn hole(inner: &str) -> Result<Part, String> {
    let (text, optional) = match inner.strip_suffix('?') {
        Some(text) => (text, true),
        None => (inner, false),
    };
    let path = match Path::parse(text) {
        Ok(path) => path,
        Err(_) => return Expression::compile(inner).map(Part::Expression).map_err(|error| error.to_string()),
    };
    let root = match path.steps() {
        [Step::Name(name), ..] if !name.starts_with(|c: char| c.is_ascii_digit()) => name.clone(),
        _ => return Expression::compile(inner).map(Part::Expression).map_err(|error| error.to_string()),
    };
    if path.is_many() {
        return Err("a hole takes one value; `[]` gives many".to_owned());
    }
    Ok(Part::Path { path, root, optional })
}

/// Where the brace that was opened just before `text` closes; braces inside quotes do not count.
fn closing_brace(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0_usize, None);
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match (quote, character) {
            (Some(_), '\\') => {
                characters.next();
            }
            (Some(open), character) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(character),
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return Some(at),
            (None, '}') => depth -= 1,
            (None, _) => {}
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(template: &str, expected: Result<&str, &str>) {
        let record = serde_json::json!({ "id": 7, "name": "a b", "none": null, "lines": [{ "q": 1 }] });
        let headers = serde_json::json!({ "x-shopify-webhook-id": "w-1" });
        let scope = Scope::new().with("record", &record).with("headers", &headers);
        let found = Template::parse(template).and_then(|template| template.render(&scope));
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{template}"),
            (Err(found), Err(expected)) => assert!(found.to_string().contains(expected), "{template}: {found}"),
            (found, expected) => panic!("{template}: {found:?} against {expected:?}"),
        }
    }

    #[test]
    fn holes_are_paths_or_expressions() {
        check("/orders/{record.id}.json", Ok("/orders/7.json"));
        check("{headers['x-shopify-webhook-id']}", Ok("w-1"));
        check("{{{record.id}}}", Ok("{7}"));
        check("{record.id + 1}", Ok("8"));
        check("{ if record.id > 1 { \"}\" } else { \"no\" } }", Ok("}"));
        check("{record.lines[0].q}", Ok("1"));
        check("plain", Ok("plain"));
        check("[{record.none?}{record.nothing?}]", Ok("[]"));
        check("", Ok(""));
    }

    #[test]
    fn what_cannot_be_filled_is_an_error() {
        check("{record.nothing}", Err("record.nothing is missing"));
        check("{record.none}", Err("record.none is null"));
        check("{recrod.id}", Err("known: record, headers"));
        check("{record.lines}", Err("list or an object"));
        check("{record.lines[].q}", Err("one value"));
        check("a {record.id", Err("not closed"));
        check("a } b", Err("closes nothing; write `}}` for a brace (column 3)"));
        check("{record.}", Err("column"));
        check("{}", Err("empty"));
    }

    #[test]
    fn a_single_hole_keeps_its_type() {
        let record = serde_json::json!({ "lines": [1, 2] });
        let scope = Scope::new().with("record", &record);
        assert_eq!(Template::parse("{record.lines}").unwrap().value(&scope).unwrap(), record["lines"]);
        assert_eq!(Template::parse("{record.x?}").unwrap().value(&scope).unwrap(), Json::Null);
        let url = Template::parse("x/{record.lines[0]}").unwrap();
        let escaped = url.render_with(&scope, |text| Cow::Owned(format!("<{text}>"))).unwrap();
        assert_eq!((escaped.as_str(), url.reads("record"), url.is_constant()), ("x/<1>", true, false));
    }
}
