//! One segment as JSON: positions as keys, numbers in one form, pairs by their qualifier.
//!
//! Not here: where segments go in the tree (`edi_tree`).

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::connector::file::edi::{EdiCause, Element, Segment, matches, number};
use crate::connector::file::error::FileCause;
use crate::connector::file::format::{EdiSyntax, Position, SegmentPosition, Structure};

pub(super) type Named<T> = Result<T, (String, FileCause)>;

/// `{ "01": "00", "02": "SA" }`, empty elements left out. The error names the position.
pub(super) fn object(segment: &Segment, syntax: EdiSyntax, structure: &Structure) -> Named<Map<String, Value>> {
    let mut fields = Map::new();
    let pairs = structure.pairs.iter().find(|(at, _)| matches(&at.segment, segment));
    let plain = pairs.map_or(segment.elements.len(), |(at, _)| at.position.element - 1);
    for (index, element) in segment.elements.iter().enumerate().take(plain) {
        if element.is_empty() {
            continue;
        }
        let position = index + 1;
        let named = |cause| (format!("element {position:02}"), cause);
        let value = element_value(segment, element, position, syntax, structure).map_err(named)?;
        fields.insert(format!("{position:02}"), value);
    }
    if let Some((at, name)) = pairs {
        let gathered = gather(segment, at.position.element, syntax)?;
        if !gathered.is_empty() {
            fields.insert(name.clone(), Value::Object(gathered));
        }
    }
    Ok(fields)
}

fn element_value(
    segment: &Segment,
    element: &Element,
    position: usize,
    syntax: EdiSyntax,
    structure: &Structure,
) -> Result<Value, FileCause> {
    let is_at = |at: &SegmentPosition| at.position.element == position && matches(&at.segment, segment);
    let composite = match syntax {
        EdiSyntax::Edifact => true,
        EdiSyntax::X12 => structure.composites.iter().any(is_at),
    };
    let repeats = structure.repeats.iter().any(is_at);
    let mut values = Vec::with_capacity(element.repetitions.len());
    for components in &element.repetitions {
        values.push(repetition(segment, components, position, composite, structure)?);
    }
    match (values.pop(), repeats) {
        (Some(last), true) => {
            values.push(last);
            Ok(Value::Array(values))
        }
        (Some(only), false) if values.is_empty() => Ok(only),
        (_, _) => Err(EdiCause::Repetition.into()),
    }
}

fn repetition(
    segment: &Segment,
    components: &[String],
    element: usize,
    composite: bool,
    structure: &Structure,
) -> Result<Value, FileCause> {
    if !composite {
        return match components {
            [only] => scalar(segment, only, Position { element, component: None }, structure),
            _ => Err(EdiCause::Composite.into()),
        };
    }
    let mut fields = Map::new();
    for (index, text) in components.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
        let component = index + 1;
        let position = Position { element, component: Some(component) };
        fields.insert(format!("{component:02}"), scalar(segment, text, position, structure)?);
    }
    Ok(Value::Object(fields))
}

fn scalar(segment: &Segment, text: &str, position: Position, structure: &Structure) -> Result<Value, FileCause> {
    let bad = |reason| FileCause::BadNumber { text: text.to_owned(), reason };
    let implied = structure.implied_decimals.iter().find(|(at, _)| is_exactly(at, segment, position));
    if let Some((_, decimals)) = implied {
        if text.contains(['.', ',']) {
            return Err(bad("its decimals are implied, so it has no decimal mark"));
        }
        return Ok(Value::String(shifted(text, *decimals).map_err(bad)?));
    }
    if structure.numbers.iter().any(|at| is_exactly(at, segment, position)) {
        number(text).map_err(bad)?;
        return Ok(Value::String(text.replace(',', ".")));
    }
    Ok(Value::String(text.to_owned()))
}

/// `22250` with 2 implied decimals is `222.50`.
fn shifted(text: &str, decimals: u32) -> Result<String, &'static str> {
    let whole = number(text)?;
    let value = Decimal::try_from_i128_with_scale(whole.mantissa(), decimals).map_err(|_| "too many digits")?;
    Ok(value.to_string())
}

fn is_exactly(at: &SegmentPosition, segment: &Segment, position: Position) -> bool {
    let same = at.position.element == position.element
        && at.position.component.unwrap_or(1) == position.component.unwrap_or(1);
    same && matches(&at.segment, segment)
}

/// Qualifier to value. X12 states them in turn; EDIFACT in one composite each, value first.
fn gather(segment: &Segment, from: usize, syntax: EdiSyntax) -> Named<Map<String, Value>> {
    let mut gathered = Map::new();
    let rest = segment.elements.get(from - 1..).unwrap_or_default();
    let mut put = |position: usize, qualifier: &str, value: &str| {
        if qualifier.is_empty() && value.is_empty() {
            return Ok(());
        }
        let complete = !qualifier.is_empty() && !value.is_empty();
        if !complete || gathered.insert(qualifier.to_owned(), Value::String(value.to_owned())).is_some() {
            let cause = EdiCause::Pair { qualifier: qualifier.to_owned() };
            return Err((format!("element {position:02}"), cause.into()));
        }
        Ok(())
    };
    match syntax {
        EdiSyntax::X12 => {
            for (index, pair) in rest.chunks(2).enumerate() {
                let value = pair.get(1).map_or("", |element| element.component(1));
                put(from + 2 * index, pair[0].component(1), value)?;
            }
        }
        EdiSyntax::Edifact => {
            for (index, element) in rest.iter().enumerate() {
                put(from + index, element.component(2), element.component(1))?;
            }
        }
    }
    Ok(gathered)
}
