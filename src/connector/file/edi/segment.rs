//! One segment as text: tag, elements, repetitions, components.
//!
//! Not here: where it stands in the message.

use rust_decimal::Decimal;

use crate::connector::file::decimal::DecimalForm;
use crate::connector::file::format::{Position, Selector};

/// Repetitions of components; unescaped text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Element {
    pub repetitions: Vec<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Segment {
    pub tag: String,
    pub elements: Vec<Element>,
}

impl Element {
    pub fn text(text: &str) -> Self {
        Self { repetitions: vec![vec![text.to_owned()]] }
    }

    pub fn is_empty(&self) -> bool {
        self.repetitions.iter().flatten().all(String::is_empty)
    }

    /// The component of the first repetition, empty if there is none.
    pub fn component(&self, number: usize) -> &str {
        let components = self.repetitions.first();
        components.and_then(|components| components.get(number.wrapping_sub(1))).map_or("", String::as_str)
    }
}

impl Segment {
    pub fn new(tag: &str) -> Self {
        Self { tag: tag.to_owned(), elements: Vec::new() }
    }

    /// The first component of element `number`, from 1; empty if there is none.
    pub fn element(&self, number: usize) -> &str {
        self.component(number, 1)
    }

    pub fn component(&self, number: usize, component: usize) -> &str {
        self.elements.get(number.wrapping_sub(1)).map_or("", |element| element.component(component))
    }

    /// Puts text at a place, with empty elements before it where there are none yet.
    pub fn put(&mut self, position: Position, text: &str) {
        let index = position.element.saturating_sub(1);
        if self.elements.len() <= index {
            self.elements.resize_with(index + 1, Element::default);
        }
        let repetitions = &mut self.elements[index].repetitions;
        if repetitions.is_empty() {
            repetitions.push(Vec::new());
        }
        let component = position.component.unwrap_or(1).saturating_sub(1);
        if repetitions[0].len() <= component {
            repetitions[0].resize_with(component + 1, String::new);
        }
        text.clone_into(&mut repetitions[0][component]);
    }

    pub fn bytes(&self) -> usize {
        let texts = self.elements.iter().flat_map(|element| element.repetitions.iter().flatten());
        self.tag.len() + texts.map(|text| text.len() + 8).sum::<usize>()
    }
}

pub(in crate::connector::file) fn text_at(segment: &Segment, position: Position) -> &str {
    segment.component(position.element, position.component.unwrap_or(1))
}

pub(in crate::connector::file) fn matches(selector: &Selector, segment: &Segment) -> bool {
    selector.tag == segment.tag
        && selector.qualifiers.iter().all(|(position, values)| {
            let found = text_at(segment, *position);
            values.iter().any(|value| value == found)
        })
}

/// A number as EDI writes it: at most one decimal mark, point or comma, and no grouping (ISO 9735, 10).
pub(in crate::connector::file) fn number(text: &str) -> Result<Decimal, &'static str> {
    if text.contains(',') { DecimalForm::COMMA.parse(text) } else { DecimalForm::POINT.parse(text) }
}
