//! A row to the segments of one message, by the declared structure: the inverse of `read::edi_tree`.
//!
//! Qualifiers, hierarchy numbers, line numbers and totals are filled in. Not here: delimiters (`edi_text`), envelopes
//! (`edi_interchange`).

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::edi_spec::EdiWrite;
use crate::connector::file::edi::{EdiCause, MessageTally, Segment, matches, number, text_at};
use crate::connector::file::error::FileCause;
use crate::connector::file::format::{EdiSyntax, Item, ItemKind, Position, Selector};

type Named<T> = Result<T, (String, FileCause)>;

/// `stamps` are the texts of the declared ones, in their order.
pub(super) fn segments(edi: &EdiWrite, stamps: &[String], row: &Map<String, Value>) -> Named<Vec<Segment>> {
    let counters = vec![0; edi.line_numbers.len()];
    let mut flat = Flat { edi, stamps, out: Vec::new(), counters, levels: 0, total_places: Vec::new() };
    flat.items(&edi.structure.items, row, None, false)?;
    let mut tally = MessageTally::new(&edi.structure);
    for segment in &flat.out {
        tally.add(segment)?;
    }
    for (index, place) in &flat.total_places {
        let found = edi.structure.totals.get(*index).zip(tally.totals().get(*index)).zip(flat.out.get_mut(*place));
        if let Some(((total, value), segment)) = found {
            let text = value.normalize().to_string();
            segment.put(total.position, &flat.edi.decimal_text(&text));
        }
    }
    Ok(flat.out)
}

impl EdiWrite {
    /// A number as this interchange writes it.
    fn decimal_text(&self, text: &str) -> String {
        if self.delimiters.decimal_mark == b',' { text.replace('.', ",") } else { text.to_owned() }
    }
}

struct Flat<'e> {
    edi: &'e EdiWrite,
    stamps: &'e [String],
    out: Vec<Segment>,
    /// One per declared line number.
    counters: Vec<u64>,
    /// Segments of the hierarchy so far.
    levels: u64,
    /// Which total goes into which segment.
    total_places: Vec<(usize, usize)>,
}

/// The innermost open level: its number and its segment.
type Level = Option<(u64, usize)>;

impl Flat<'_> {
    fn items(&mut self, items: &[Item], fields: &Map<String, Value>, parent: Level, in_loop: bool) -> Named<()> {
        if let Some(name) = fields.keys().find(|name| *name != "sums" && !items.iter().any(|item| item.name == **name))
        {
            return Err((name.clone(), EdiCause::UnknownName { name: name.clone() }.into()));
        }
        let mut level = parent;
        for (index, item) in items.iter().enumerate() {
            let given = occurrences(item, fields.get(&item.name)).map_err(|cause| (item.name.clone(), cause))?;
            let before = self.out.len();
            match &item.kind {
                ItemKind::Segment(selector) => {
                    let begins = in_loop && index == 0;
                    let is_total = !in_loop && self.edi.structure.totals.iter().any(|total| total.item == item.name);
                    let stamped = self.edi.stamps.iter().any(|(at, _)| at.segment == *selector);
                    let forced = begins || is_total || (item.required && (stamped || is_constant(selector)));
                    if given.is_empty() && forced {
                        self.segment(item, selector, &Map::new(), true, &mut level)?;
                    }
                    for value in given {
                        self.segment(item, selector, value, forced, &mut level)?;
                    }
                }
                ItemKind::Loop(inner) => {
                    for value in given {
                        self.items(inner, value, level, true)
                            .map_err(|(path, cause)| (format!("{}.{path}", item.name), cause))?;
                    }
                }
            }
            if item.required && self.out.len() == before {
                return Err((item.name.clone(), EdiCause::MissingItem { name: item.name.clone() }.into()));
            }
        }
        Ok(())
    }

    fn segment(
        &mut self,
        item: &Item,
        selector: &Selector,
        fields: &Map<String, Value>,
        forced: bool,
        level: &mut Level,
    ) -> Named<()> {
        let mut segment = Segment::new(&selector.tag);
        for (position, values) in &selector.qualifiers {
            if let [only] = values.as_slice() {
                segment.put(*position, only);
            }
        }
        let mut has_data = false;
        for (key, value) in fields {
            let named = |cause| (format!("{}.{key}", item.name), cause);
            has_data |= self.put(&mut segment, key, value).map_err(named)?;
        }
        if !has_data && !forced {
            return Ok(());
        }
        if !matches(selector, &segment) {
            let what = format!("{} whose qualifier is not the declared one", selector.tag);
            return Err((item.name.clone(), FileCause::Unwritable { what }));
        }
        self.number_lines(&mut segment);
        for ((at, _), text) in self.edi.stamps.iter().zip(self.stamps) {
            if matches(&at.segment, &segment) && text_at(&segment, at.position).is_empty() {
                segment.put(at.position, text);
            }
        }
        self.set_level(&mut segment, level);
        for (index, total) in self.edi.structure.totals.iter().enumerate() {
            if total.item == item.name {
                self.total_places.push((index, self.out.len()));
            }
        }
        self.out.push(segment);
        Ok(())
    }

    fn number_lines(&mut self, segment: &mut Segment) {
        for (counter, at) in self.counters.iter_mut().zip(&self.edi.line_numbers) {
            if matches(&at.segment, segment) {
                *counter += 1;
                if text_at(segment, at.position).is_empty() {
                    segment.put(at.position, &counter.to_string());
                }
            }
        }
    }

    /// Numbers a segment of the hierarchy, names its parent, and tells the parent that it has a child.
    fn set_level(&mut self, segment: &mut Segment, level: &mut Level) {
        let Some(hierarchy) = self.edi.structure.hierarchy.as_ref().filter(|it| it.tag == segment.tag) else { return };
        let at = |element| Position { element, component: None };
        self.levels += 1;
        segment.put(at(1), &self.levels.to_string());
        if let Some((parent, index)) = *level {
            segment.put(at(2), &parent.to_string());
            if let Some(parent) = self.out.get_mut(index).filter(|_| hierarchy.has_child_flag) {
                parent.put(at(4), "1");
            }
        }
        if hierarchy.has_child_flag {
            segment.put(at(4), "0");
        }
        *level = Some((self.levels, self.out.len()));
    }

    /// Whether there was anything to put.
    fn put(&self, segment: &mut Segment, key: &str, value: &Value) -> Result<bool, FileCause> {
        let pairs = self.edi.structure.pairs.iter().find(|(at, name)| name == key && matches(&at.segment, segment));
        if let Some((at, _)) = pairs {
            return self.put_pairs(segment, at.position.element, value);
        }
        let position = Position::parse(key).ok().filter(|position| position.component.is_none());
        let Some(position) = position else {
            return Err(EdiCause::UnknownName { name: key.to_owned() }.into());
        };
        let mut has_data = false;
        match value {
            Value::Object(components) => {
                for (key, value) in components {
                    let component = Position::parse(key).ok().filter(|component| component.component.is_none());
                    let Some(component) = component else {
                        return Err(EdiCause::UnknownName { name: key.clone() }.into());
                    };
                    let at = Position { element: position.element, component: Some(component.element) };
                    has_data |= self.put_text(segment, at, value)?;
                }
            }
            Value::Array(_) => {
                let (name, wanted) = (key.to_owned(), "one value; write repeated segments instead");
                return Err(EdiCause::Shape { name, found: "list", wanted }.into());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                has_data |= self.put_text(segment, position, value)?;
            }
        }
        Ok(has_data)
    }

    fn put_pairs(&self, segment: &mut Segment, from: usize, value: &Value) -> Result<bool, FileCause> {
        let Value::Object(pairs) = value else {
            let (name, wanted) = (segment.tag.clone(), "a map of qualifiers to values");
            return Err(EdiCause::Shape { name, found: kind_of(value), wanted }.into());
        };
        let mut element = from;
        for (qualifier, value) in pairs {
            let text = scalar(qualifier, value)?;
            if text.is_empty() {
                continue;
            }
            let at = |element, component| Position { element, component };
            match self.edi.syntax {
                EdiSyntax::X12 => {
                    segment.put(at(element, None), qualifier);
                    segment.put(at(element + 1, None), &text);
                    element += 2;
                }
                EdiSyntax::Edifact => {
                    segment.put(at(element, Some(1)), &text);
                    segment.put(at(element, Some(2)), qualifier);
                    element += 1;
                }
            }
        }
        Ok(element > from)
    }

    fn put_text(&self, segment: &mut Segment, at: Position, value: &Value) -> Result<bool, FileCause> {
        let text = scalar(&at.text(), value)?;
        if text.is_empty() {
            return Ok(false);
        }
        let structure = &self.edi.structure;
        let same =
            |other: Position| other.element == at.element && other.component.unwrap_or(1) == at.component.unwrap_or(1);
        let bad = |reason| FileCause::BadNumber { text: text.clone(), reason };
        let implied = structure
            .implied_decimals
            .iter()
            .find(|(place, _)| same(place.position) && matches(&place.segment, segment));
        let is_number = structure.numbers.iter().any(|place| same(place.position) && matches(&place.segment, segment));
        if let Some((_, decimals)) = implied {
            segment.put(at, &implied_text(&text, *decimals).map_err(bad)?);
        } else if is_number {
            number(&text).map_err(bad)?;
            segment.put(at, &self.edi.decimal_text(&text));
        } else {
            segment.put(at, &text);
        }
        Ok(true)
    }
}

/// Whether the segment says all by its qualifiers: `UNS+S`.
fn is_constant(selector: &Selector) -> bool {
    !selector.qualifiers.is_empty() && selector.qualifiers.iter().all(|(_, values)| values.len() == 1)
}

/// `222.50` with 2 implied decimals is `22250`; what does not fit is refused, never rounded.
fn implied_text(text: &str, decimals: u32) -> Result<String, &'static str> {
    let value = number(text)?;
    let mut scaled = value;
    scaled.rescale(decimals);
    if scaled != value || scaled.scale() != decimals {
        return Err("it has more decimals or digits than the element");
    }
    Decimal::try_from_i128_with_scale(scaled.mantissa(), 0)
        .map(|whole| whole.to_string())
        .map_err(|_| "too many digits")
}

fn occurrences<'v>(item: &Item, value: Option<&'v Value>) -> Result<Vec<&'v Map<String, Value>>, FileCause> {
    let shape = |found: &Value, wanted| {
        FileCause::from(EdiCause::Shape { name: item.name.clone(), found: kind_of(found), wanted })
    };
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Object(fields)) if fields.is_empty() => Ok(Vec::new()),
        Some(Value::Object(fields)) => Ok(vec![fields]),
        Some(Value::Array(values)) if item.many => {
            values.iter().map(|value| value.as_object().ok_or_else(|| shape(value, "an object"))).collect()
        }
        Some(other) => Err(shape(other, if item.many { "a list of objects" } else { "an object" })),
    }
}

fn scalar(name: &str, value: &Value) -> Result<String, FileCause> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            Err(EdiCause::Shape { name: name.to_owned(), found: kind_of(value), wanted: "text or a number" }.into())
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "truth value",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}
