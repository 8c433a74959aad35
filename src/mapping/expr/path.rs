//! Paths into payloads: parsed once, followed without an interpreter.
//!
//! Not here: paths into canonical records (see `model::FieldPath`), computation (see `expression`).

use std::borrow::Cow;
use std::fmt;

use serde_json::Value as Json;

use crate::model::Raw;

/// Anything a path can be followed through.
pub trait Tree: Sized {
    /// The value under `name`; `None` if this is no object or has no such name.
    fn child(&self, name: &str) -> Option<&Self>;
    /// The items, if this is a list.
    fn items(&self) -> Option<&[Self]>;
    fn is_object(&self) -> bool;
    /// The scalar with its literal text; `None` for lists and objects.
    fn raw(&self) -> Option<Raw<'_>>;
    /// As JSON for expressions, which read the named members of it only (`None`: any). May hold more than that.
    fn to_json(&self, members: Option<&[String]>) -> Cow<'_, Json>;

    fn is_null(&self) -> bool {
        matches!(self.raw(), Some(Raw::Null))
    }
}

impl Tree for Json {
    fn child(&self, name: &str) -> Option<&Json> {
        self.as_object()?.get(name)
    }

    fn items(&self) -> Option<&[Json]> {
        self.as_array().map(Vec::as_slice)
    }

    fn is_object(&self) -> bool {
        Json::is_object(self)
    }

    fn raw(&self) -> Option<Raw<'_>> {
        match self {
            Json::Null => Some(Raw::Null),
            Json::Bool(value) => Some(Raw::Bool(*value)),
            Json::Number(number) => Some(Raw::Number(number.as_str())),
            Json::String(text) => Some(Raw::Text(text)),
            Json::Array(_) | Json::Object(_) => None,
        }
    }

    fn to_json(&self, _members: Option<&[String]>) -> Cow<'_, Json> {
        Cow::Borrowed(self)
    }
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Name(Box<str>),
    Index(usize),
    /// Every item of a list; an object, which is how XML shows a list of one, counts as its own only item.
    Each,
}

/// `customer.email`, `items[0].sku`, `items[].amount`, `headers['x-id']`, `"Artikel-Nr."`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    source: Box<str>,
    steps: Box<[Step]>,
}

/// A text that is not a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path:?} is not a path: {reason} (column {column})")]
pub struct PathSyntaxError {
    pub path: String,
    pub reason: &'static str,
    /// In characters, from 1.
    pub column: usize,
}

const AFTER: &str = "a name is followed by `.`, `[` or the end";

impl Path {
    pub fn parse(source: &str) -> Result<Path, PathSyntaxError> {
        let mut reader = Reader { rest: source, source };
        let mut steps = Vec::new();
        // Into a list that has no name: the items of a list of lists.
        while reader.take('[') {
            steps.push(reader.bracket()?);
        }
        if !steps.is_empty() && (reader.rest.is_empty() || !reader.take('.')) {
            let end = reader.rest.is_empty();
            return if end {
                Ok(Path { source: source.into(), steps: steps.into() })
            } else {
                Err(reader.fault(AFTER))
            };
        }
        loop {
            steps.push(Step::Name(reader.name()?));
            while reader.take('[') {
                steps.push(reader.bracket()?);
            }
            if reader.rest.is_empty() {
                return Ok(Path { source: source.into(), steps: steps.into() });
            }
            if !reader.take('.') {
                return Err(reader.fault(AFTER));
            }
        }
    }

    /// The whole: no step at all, known in messages as `source`.
    pub fn whole(source: &str) -> Path {
        Path { source: source.into(), steps: Box::default() }
    }

    /// What is left behind the first steps, known in messages by the same text.
    pub(crate) fn behind(&self, first: usize) -> Path {
        Path { source: self.source.clone(), steps: self.steps.get(first..).unwrap_or_default().into() }
    }

    pub fn as_str(&self) -> &str {
        &self.source
    }

    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub fn is_many(&self) -> bool {
        self.steps.contains(&Step::Each)
    }

    /// The first value on the path. A null on the way is the answer; `None` means that something is missing.
    pub fn first<'t, T: Tree>(&self, root: &'t T) -> Option<&'t T> {
        first(root, &self.steps)
    }

    /// Where the path ends for want of its next step: the last thing that was found, the root itself at the worst.
    pub(crate) fn last_reached<'t, T: Tree>(&self, root: &'t T) -> &'t T {
        let mut node = root;
        for index in 0..self.steps.len() {
            match first(node, &self.steps[index..=index]) {
                Some(next) => node = next,
                None => return node,
            }
        }
        node
    }

    /// Calls `visit` for every value on the path, in order; a null on the way has none. Ends with `false` at the first
    /// thing that is missing.
    pub fn each<'t, T: Tree>(&self, root: &'t T, visit: &mut impl FnMut(&'t T)) -> bool {
        each(root, &self.steps, visit)
    }
}

pub(crate) fn first<'t, T: Tree>(root: &'t T, steps: &[Step]) -> Option<&'t T> {
    let mut node = root;
    for step in steps {
        node = match step {
            Step::Name(name) => match node.child(name) {
                Some(child) => child,
                None if node.is_null() => return Some(node),
                None => return None,
            },
            Step::Index(index) => node.items()?.get(*index)?,
            Step::Each => match node.items() {
                Some(items) => items.first()?,
                None if node.is_object() => node,
                None => return None,
            },
        };
    }
    Some(node)
}

pub(crate) fn each<'t, T: Tree>(node: &'t T, steps: &[Step], visit: &mut impl FnMut(&'t T)) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        visit(node);
        return true;
    };
    match step {
        Step::Name(name) => match node.child(name) {
            Some(child) => each(child, rest, visit),
            None => node.is_null(),
        },
        Step::Index(index) => match node.items().and_then(|items| items.get(*index)) {
            Some(item) => each(item, rest, visit),
            None => false,
        },
        Step::Each => match node.items() {
            Some(items) => items.iter().all(|item| each(item, rest, visit)),
            None if node.is_object() => each(node, rest, visit),
            None => node.is_null(),
        },
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

struct Reader<'s> {
    source: &'s str,
    rest: &'s str,
}

impl<'s> Reader<'s> {
    fn take(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn fault(&self, reason: &'static str) -> PathSyntaxError {
        let read = &self.source[..self.source.len() - self.rest.len()];
        PathSyntaxError { path: self.source.to_owned(), reason, column: read.chars().count() + 1 }
    }

    fn name(&mut self) -> Result<Box<str>, PathSyntaxError> {
        if let Some(quote @ ('"' | '\'')) = self.rest.chars().next() {
            return self.quoted(quote);
        }
        let plain = |character: char| character.is_alphanumeric() || matches!(character, '_' | '$' | '@');
        let end = self.rest.find(|character| !plain(character)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() {
            return Err(self.fault("a name is expected; quote names with blanks or signs"));
        }
        self.rest = rest;
        Ok(name.into())
    }

    fn quoted(&mut self, quote: char) -> Result<Box<str>, PathSyntaxError> {
        let inner = &self.rest[1..];
        let Some(end) = inner.find(quote) else { return Err(self.fault("the quote is not closed")) };
        self.rest = &inner[end + 1..];
        Ok(inner[..end].into())
    }

    fn bracket(&mut self) -> Result<Step, PathSyntaxError> {
        if self.take(']') {
            return Ok(Step::Each);
        }
        let step = match self.rest.chars().next() {
            Some(quote @ ('"' | '\'')) => Step::Name(self.quoted(quote)?),
            _ => {
                let end = self.rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(self.rest.len());
                let index = self.rest[..end].parse().map_err(|_| self.fault("an index is a whole number"))?;
                self.rest = &self.rest[end..];
                Step::Index(index)
            }
        };
        if self.take(']') { Ok(step) } else { Err(self.fault("`]` is expected")) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn order() -> Json {
        serde_json::json!({
            "id": 1, "customer": null, "a b": { "x.y": 2 }, "items": [{ "n": 1 }, { "n": 2 }], "one": { "n": 3 },
            "Verfügbar": 4,
            "pairs": [[1, "a"], [2, "b"]],
        })
    }

    #[track_caller]
    fn check(path: &str, expected: &[&str]) {
        let order = order();
        let mut found = Vec::new();
        Path::parse(path).unwrap().each(&order, &mut |node: &Json| found.push(node.to_string()));
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn paths_lead_to_values() {
        check("id", &["1"]);
        check("items[1].n", &["2"]);
        check("items[].n", &["1", "2"]);
        check("one[].n", &["3"]);
        check("\"a b\".'x.y'", &["2"]);
        check("'a b'[\"x.y\"]", &["2"]);
        check("Verfügbar", &["4"]);
        check("items[9].n", &[]);
        check("items.n", &[]);
        check("id[]", &[]);
        check("pairs[][1]", &["\"a\"", "\"b\""]);
    }

    #[test]
    fn paths_into_nameless_lists_begin_with_a_bracket() {
        let pair = serde_json::json!(["k", [{ "n": 1 }]]);
        assert_eq!(Path::parse("[0]").unwrap().first(&pair), Some(&Json::from("k")));
        assert_eq!(Path::parse("[1][0].n").unwrap().first(&pair), Some(&Json::from(1)));
        assert_eq!(Path::parse("[1][0].x.y").unwrap().last_reached(&pair), &pair[1][0]);
        assert_eq!(Path::parse("[2]").unwrap().first(&pair), None);
        for (text, column) in [("[0]x", 4), ("[0].", 5), ("[", 2)] {
            assert_eq!(Path::parse(text).unwrap_err().column, column, "{text}");
        }
    }

    #[test]
    fn a_null_on_the_way_is_not_a_missing_name() {
        let order = order();
        assert_eq!(Path::parse("customer.email").unwrap().first(&order), Some(&Json::Null));
        assert_eq!(Path::parse("kustomer.email").unwrap().first(&order), None);
    }

    #[test]
    fn other_text_is_refused_with_its_column() {
        for (text, column) in
            [("", 1), ("a..b", 3), ("a - b", 2), ("a[", 3), ("a[1", 4), ("'a", 1), ("a.b c", 4), ("a[x]", 3)]
        {
            assert_eq!(Path::parse(text).unwrap_err().column, column, "{text}");
        }
    }
}
