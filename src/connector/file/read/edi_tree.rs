//! Segments of one message to a tree, by the declared structure: the innermost loop that takes a segment gets it.
//!
//! Neighbouring items that begin with the same tag may come in any order; the first that fits takes the segment. Not here:
//! envelopes, counts, totals.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::edi_value::{Named, object};
use crate::connector::file::edi::{EdiCause, Segment, matches};
use crate::connector::file::error::FileCause;
use crate::connector::file::format::{EdiFormat, Item, ItemKind, UnknownSegments};

/// An open loop, or the message itself.
struct Frame<'f> {
    items: &'f [Item],
    /// The item that the last segment went to; those before its group are over.
    at: usize,
    counts: Vec<u32>,
    fields: Map<String, Value>,
    /// Of the parent frame's items.
    index: usize,
    /// Id of the segment of the hierarchy that opened it.
    level: Option<String>,
}

impl<'f> Frame<'f> {
    fn new(items: &'f [Item], index: usize) -> Self {
        Self { items, at: 0, counts: vec![0; items.len()], fields: Map::new(), index, level: None }
    }
}

pub(super) struct TreeBuilder<'f> {
    format: &'f EdiFormat,
    frames: Vec<Frame<'f>>,
    levels: HashSet<String>,
}

impl<'f> TreeBuilder<'f> {
    pub(super) fn new(format: &'f EdiFormat) -> Self {
        Self { format, frames: vec![Frame::new(&format.structure.items, 0)], levels: HashSet::new() }
    }

    /// The error names the place within the message.
    pub(super) fn add(&mut self, segment: &Segment) -> Named<()> {
        let found = (0..self.frames.len()).rev().find_map(|depth| Some((depth, self.find(depth, segment)?)));
        let Some((depth, index)) = found else { return self.stray(segment) };
        while self.frames.len() > depth + 1 {
            self.close()?;
        }
        let fields = object(segment, self.format.syntax, &self.format.structure)?;
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        let items = frame.items;
        let Some(item) = items.get(index) else { return Ok(()) };
        frame.at = index;
        frame.counts[index] = frame.counts[index].saturating_add(1);
        match &item.kind {
            ItemKind::Segment(_) => self.put(item, fields),
            ItemKind::Loop(inner) => {
                let mut opened = Frame::new(inner, index);
                opened.counts[0] = 1;
                opened.level = self.level(segment)?;
                self.frames.push(opened);
                match inner.first() {
                    Some(first) => self.put(first, fields),
                    None => Ok(()),
                }
            }
        }
    }

    /// The item of this frame that takes the segment.
    fn find(&self, depth: usize, segment: &Segment) -> Option<usize> {
        let frame = &self.frames[depth];
        let tag_of = |item: &'f Item| item.trigger().map(|selector| selector.tag.as_str());
        let mut start = frame.at;
        while start > 0 && tag_of(&frame.items[start - 1]) == tag_of(&frame.items[frame.at]) {
            start -= 1;
        }
        let takes = |index: usize, item: &'f Item| {
            let Some(selector) = item.trigger() else { return false };
            matches(selector, segment)
                && (item.many || frame.counts[index] == 0 || self.joins(item, segment))
                && self.is_child(depth, segment)
        };
        frame.items.iter().enumerate().skip(start).find(|(index, item)| takes(*index, item)).map(|(index, _)| index)
    }

    /// Pairs of a segment that is declared once are put together when it repeats.
    fn joins(&self, item: &Item, segment: &Segment) -> bool {
        let is_segment = match &item.kind {
            ItemKind::Segment(_) => true,
            ItemKind::Loop(_) => false,
        };
        is_segment && self.format.structure.pairs.iter().any(|(at, _)| matches(&at.segment, segment))
    }

    /// Segments of the hierarchy belong under the level that they name as their parent.
    fn is_child(&self, depth: usize, segment: &Segment) -> bool {
        let Some(hierarchy) = &self.format.structure.hierarchy else { return true };
        if hierarchy.tag != segment.tag {
            return true;
        }
        if !hierarchy.nested {
            return segment.element(2).is_empty() || self.levels.contains(segment.element(2));
        }
        let enclosing = self.frames[..=depth].iter().rev().find_map(|frame| frame.level.as_deref());
        enclosing.unwrap_or_default() == segment.element(2)
    }

    fn level(&mut self, segment: &Segment) -> Named<Option<String>> {
        let Some(hierarchy) = self.format.structure.hierarchy.as_ref().filter(|it| it.tag == segment.tag) else {
            return Ok(None);
        };
        let id = segment.element(1).to_owned();
        if id.is_empty() || !self.levels.insert(id.clone()) {
            let cause = EdiCause::Duplicate { what: "the hierarchy's number", number: id };
            return Err((format!("{} element 01", hierarchy.tag), cause.into()));
        }
        Ok(Some(id))
    }

    fn put(&mut self, item: &Item, fields: Map<String, Value>) -> Named<()> {
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        insert(&mut frame.fields, item, fields).map_err(|cause| (item.name.clone(), cause))
    }

    /// A segment that no item takes.
    fn stray(&mut self, segment: &Segment) -> Named<()> {
        let tag = segment.tag.clone();
        let known = known(&self.format.structure.items, segment);
        let is_level = self.format.structure.hierarchy.as_ref().is_some_and(|hierarchy| hierarchy.tag == tag);
        let cause = match (known, self.format.structure.unknown) {
            (Known::Exactly, _) if is_level => EdiCause::Parent { tag, parent: segment.element(2).to_owned() },
            (Known::Exactly, _) => EdiCause::OutOfOrder { tag },
            (Known::Tag, UnknownSegments::Refuse) => EdiCause::UnknownQualifier { tag },
            (Known::No, UnknownSegments::Refuse) => EdiCause::UnknownSegment { tag },
            (Known::Tag | Known::No, UnknownSegments::Other) => {
                let mut fields = Map::new();
                fields.insert("tag".to_owned(), Value::String(tag));
                for (index, element) in segment.elements.iter().enumerate().filter(|(_, element)| !element.is_empty()) {
                    let mut texts = element.repetitions.iter().flatten();
                    let value = match (texts.next(), texts.next()) {
                        (Some(only), None) => Value::String(only.clone()),
                        (_, _) => Value::from(element.repetitions.clone()),
                    };
                    fields.insert(format!("{:02}", index + 1), value);
                }
                let Some(frame) = self.frames.last_mut() else { return Ok(()) };
                push(&mut frame.fields, "other", Value::Object(fields));
                return Ok(());
            }
        };
        Err(("segment".to_owned(), cause.into()))
    }

    /// Closes the innermost frame into its parent.
    fn close(&mut self) -> Named<()> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        complete(&frame)?;
        let Some(parent) = self.frames.last_mut() else { return Ok(()) };
        let Some(item) = parent.items.get(frame.index) else { return Ok(()) };
        if self.format.structure.flatten.contains(&item.name) {
            if let Some(outermost) = self.frames.first_mut() {
                push(&mut outermost.fields, &item.name, Value::Object(frame.fields));
            }
            return Ok(());
        }
        insert(&mut parent.fields, item, frame.fields).map_err(|cause| (item.name.clone(), cause))
    }

    /// The finished tree.
    pub(super) fn finish(mut self) -> Named<Map<String, Value>> {
        while self.frames.len() > 1 {
            self.close()?;
        }
        match self.frames.pop() {
            Some(frame) => {
                complete(&frame)?;
                Ok(frame.fields)
            }
            None => Ok(Map::new()),
        }
    }
}

enum Known {
    Exactly,
    Tag,
    No,
}

fn known(items: &[Item], segment: &Segment) -> Known {
    let mut best = Known::No;
    for item in items {
        let found = match &item.kind {
            ItemKind::Segment(selector) if matches(selector, segment) => Known::Exactly,
            ItemKind::Segment(selector) if selector.tag == segment.tag => Known::Tag,
            ItemKind::Segment(_) => Known::No,
            ItemKind::Loop(inner) => known(inner, segment),
        };
        match found {
            Known::Exactly => return Known::Exactly,
            Known::Tag => best = Known::Tag,
            Known::No => {}
        }
    }
    best
}

fn complete(frame: &Frame<'_>) -> Named<()> {
    let missing = frame.items.iter().zip(&frame.counts).find(|(item, count)| item.required && **count == 0);
    match missing {
        None => Ok(()),
        Some((item, _)) => {
            let tag = item.trigger().map_or("", |selector| selector.tag.as_str());
            let name = if item.name == tag { format!("segment {tag}") } else { format!("{} ({tag})", item.name) };
            Err(("structure".to_owned(), EdiCause::MissingItem { name }.into()))
        }
    }
}

fn insert(fields: &mut Map<String, Value>, item: &Item, value: Map<String, Value>) -> Result<(), FileCause> {
    if item.many {
        push(fields, &item.name, Value::Object(value));
        return Ok(());
    }
    match fields.get_mut(&item.name) {
        None => {
            fields.insert(item.name.clone(), Value::Object(value));
            Ok(())
        }
        Some(before) => join(before, value),
    }
}

fn push(fields: &mut Map<String, Value>, name: &str, value: Value) {
    match fields.get_mut(name) {
        Some(Value::Array(items)) => items.push(value),
        Some(_) | None => {
            fields.insert(name.to_owned(), Value::Array(vec![value]));
        }
    }
}

/// Adds the pairs of a repeated segment; a qualifier that says two things is refused.
fn join(before: &mut Value, more: Map<String, Value>) -> Result<(), FileCause> {
    let Some(before) = before.as_object_mut() else { return Ok(()) };
    for (name, value) in more {
        match (before.get_mut(&name), value) {
            (Some(Value::Object(pairs)), Value::Object(more)) if !name.bytes().all(|byte| byte.is_ascii_digit()) => {
                for (qualifier, value) in more {
                    if pairs.get(&qualifier).is_some_and(|known| *known != value) {
                        return Err(EdiCause::Pair { qualifier }.into());
                    }
                    pairs.insert(qualifier, value);
                }
            }
            (None, value) => {
                before.insert(name, value);
            }
            // Plain elements before the pairs: the first segment's count.
            (Some(_), _) => {}
        }
    }
    Ok(())
}
