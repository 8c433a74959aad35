//! One record element as JSON: attributes, text, children, lists.
//!
//! The rules are documented at `XmlFormat`. Not here: where records start and what is refused (xml).

use quick_xml::events::BytesStart;
use serde_json::{Map, Value};

use crate::connector::file::error::FileCause;
use crate::connector::file::format::{Repeats, XmlFormat};
use crate::connector::file::limits::FileLimits;

/// The finished record, or its first problem and the element's path.
pub(super) type Built = Result<Map<String, Value>, (String, FileCause)>;

#[derive(Debug, Default)]
struct Element {
    fields: Map<String, Value>,
    text: String,
    has_children: bool,
}

/// Collects one record from its start to its end tag.
#[derive(Debug)]
pub(super) struct RecordBuilder<'f> {
    format: &'f XmlFormat,
    limits: &'f FileLimits,
    /// How many elements are open with the record itself.
    depth: usize,
    stack: Vec<Element>,
    problem: Option<(String, FileCause)>,
}

impl<'f> RecordBuilder<'f> {
    pub(super) fn new(format: &'f XmlFormat, limits: &'f FileLimits, depth: usize) -> Self {
        Self { format, limits, depth, stack: Vec::new(), problem: None }
    }

    /// `open` names the open elements, this one last.
    pub(super) fn start(&mut self, open: &[String], start: &BytesStart<'_>) -> Result<(), FileCause> {
        let mut element = Element::default();
        for (count, attribute) in start.attributes().enumerate() {
            let attribute = attribute.map_err(|error| FileCause::Xml(error.to_string()))?;
            if count == self.limits.columns {
                return Err(FileCause::TooManyColumns { limit: self.limits.columns });
            }
            let key: &str = attribute.key.as_ref();
            if !self.format.attributes || key == "xmlns" || key.starts_with("xmlns:") {
                continue;
            }
            let value = attribute
                .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                .map_err(|error| FileCause::Xml(error.to_string()))?;
            if value.len() > self.limits.field_bytes {
                return Err(FileCause::FieldTooLong { limit: self.limits.field_bytes, quote_line: None });
            }
            if let Some(control) = value.chars().find(|c| *c < ' ' && !matches!(c, '\t' | '\n' | '\r')) {
                return Err(FileCause::ControlCharacter { code: u32::from(control) });
            }
            let local = attribute.key.local_name();
            let name = format!("@{}", <_ as AsRef<str>>::as_ref(&local));
            if element.fields.insert(name.clone(), Value::String(value.into_owned())).is_some() {
                self.note(open, FileCause::NameClash(name));
            }
        }
        if let Some(parent) = self.stack.last_mut() {
            parent.has_children = true;
        }
        self.stack.push(element);
        Ok(())
    }

    pub(super) fn text(&mut self, text: &str) -> Result<(), FileCause> {
        if let Some(element) = self.stack.last_mut() {
            if element.text.len() + text.len() > self.limits.field_bytes {
                return Err(FileCause::FieldTooLong { limit: self.limits.field_bytes, quote_line: None });
            }
            element.text.push_str(text);
        }
        Ok(())
    }

    /// Closes the innermost element; the finished record when that was the record itself.
    pub(super) fn end(&mut self, open: &[String]) -> Option<Built> {
        let element = self.stack.pop()?;
        let is_record = self.stack.is_empty();
        let value = finish(element, is_record);
        let Some(parent) = self.stack.last_mut() else {
            return Some(match (self.problem.take(), value) {
                (Some(problem), _) => Err(problem),
                (None, Value::Object(fields)) => Ok(fields),
                (None, other) => Ok(Map::from_iter([("#text".to_owned(), other)])),
            });
        };
        let name = open.last()?;
        let is_list = is_listed(self.format, &open[self.depth.min(open.len())..]);
        match parent.fields.get_mut(name) {
            None => {
                let value = if is_list { Value::Array(vec![value]) } else { value };
                parent.fields.insert(name.clone(), value);
            }
            // Only lists are arrays here: an element's own value never is.
            Some(Value::Array(items)) => items.push(value),
            Some(first) => match self.format.repeats {
                Repeats::Array => *first = Value::Array(vec![first.take(), value]),
                Repeats::Refuse => self.note(open, FileCause::RepeatedElement(name.clone())),
            },
        }
        None
    }

    fn note(&mut self, open: &[String], cause: FileCause) {
        let path = open[self.depth.saturating_sub(1).min(open.len())..].join("/");
        self.problem.get_or_insert((path, cause));
    }
}

/// `below` is the path under the record, the element itself last.
fn is_listed(format: &XmlFormat, below: &[String]) -> bool {
    format.lists.iter().any(|list| {
        if list.contains('/') {
            list.split('/').eq(below.iter().map(String::as_str))
        } else {
            below.last().is_some_and(|name| name == list)
        }
    })
}

fn finish(element: Element, is_record: bool) -> Value {
    let Element { mut fields, text, has_children } = element;
    if fields.is_empty() && !has_children && !is_record {
        return Value::String(text);
    }
    let is_blank = text.trim_ascii().is_empty();
    if !is_blank || !(has_children || text.is_empty()) {
        fields.insert("#text".to_owned(), Value::String(text));
    }
    Value::Object(fields)
}
