//! One message from its first segment to its last: tree, totals, and what is wrong with it.
//!
//! A message that cannot be used is read to its end all the same, so that the envelope's counts can be judged. Not here:
//! the envelope (`x12`, `edifact`).

use std::sync::Arc;

use serde_json::{Map, Value};

use super::collect::Collector;
use super::edi_scan::SegmentPlace;
use super::edi_tree::TreeBuilder;
use super::edi_value::Named;
use crate::connector::file::edi::{EdiCause, MessageTally, Repertoire, Segment};
use crate::connector::file::error::{FileCause, FileError};
use crate::connector::file::format::{EdiFormat, EdiSyntax, MessageTotal, RecordRole};
use crate::connector::file::row::Place;

/// What stands around a message, for the record's `header` and for messages to people.
#[derive(Debug, Clone, Default)]
pub(super) struct Envelope {
    pub interchange: String,
    pub group: Option<String>,
    /// Type and number.
    pub message: Option<(String, String)>,
    /// Ordinal of the segment within its message, from 1.
    pub segment: u64,
    pub tag: String,
}

impl Envelope {
    /// `interchange 000000101, group 101, message 0001 (850), segment 5 N1, element 03`.
    pub(super) fn place(&self, inner: &str) -> String {
        let mut parts = vec![format!("interchange {}", self.interchange)];
        parts.extend(self.group.as_ref().map(|group| format!("group {group}")));
        if let Some((kind, number)) = &self.message {
            parts.push(format!("message {number} ({kind})"));
            parts.push(format!("segment {} {}", self.segment, self.tag));
        } else if !self.tag.is_empty() {
            parts.push(format!("segment {}", self.tag));
        }
        if !inner.is_empty() {
            parts.push(inner.to_owned());
        }
        parts.join(", ")
    }
}

pub(super) struct Message<'f> {
    format: &'f EdiFormat,
    tree: TreeBuilder<'f>,
    tally: MessageTally<'f>,
    place: Place,
    cost: usize,
    /// What makes the message unusable, where.
    problem: Option<(String, SegmentPlace, FileCause)>,
}

impl<'f> Message<'f> {
    pub(super) fn new(format: &'f EdiFormat, place: Place) -> Self {
        let (tree, tally) = (TreeBuilder::new(format), MessageTally::new(&format.structure));
        Self { format, tree, tally, place, cost: 0, problem: None }
    }

    pub(super) fn note(&mut self, envelope: &Envelope, inner: &str, at: SegmentPlace, cause: FileCause) {
        self.problem.get_or_insert((envelope.place(inner), at, cause));
    }

    /// The error is the file's: the message has become too large.
    pub(super) fn add(
        &mut self,
        segment: &Segment,
        at: SegmentPlace,
        envelope: &Envelope,
        limit: usize,
    ) -> Result<(), FileCause> {
        self.cost += segment.bytes();
        if self.cost > limit {
            return Err(FileCause::RecordTooLong { limit });
        }
        if self.problem.is_some() {
            return Ok(());
        }
        let added = self.tree.add(segment).and_then(|()| self.tally.add(segment));
        if let Err((inner, cause)) = added {
            self.note(envelope, &inner, at, cause);
        }
        Ok(())
    }

    /// Hands the record on, or turns the message away.
    pub(super) fn finish(
        self,
        envelope: &Envelope,
        header: Map<String, Value>,
        collector: &mut Collector<'_>,
    ) -> Result<(), FileError> {
        let Self { format, tree, tally, place, problem, .. } = self;
        let kind = envelope.message.as_ref().map(|(kind, _)| kind.as_str());
        collector.envelope(Arc::new(header));
        let built = match problem {
            Some((column, at, cause)) => {
                let error = collector.error(cause).at(Place { row: place.row, ..place }).column(column);
                Err(FileError { line: Some(at.line), byte_offset: Some(at.byte_offset), ..error })
            }
            None => complete(format, tree, &tally)
                .map_err(|(inner, cause)| collector.error(cause).at(place).column(envelope.place(&inner))),
        };
        match built {
            Ok(fields) => collector.record(RecordRole::Data, kind, fields, place),
            Err(error) => collector.reject(Some(RecordRole::Data), kind, error),
        }
    }
}

fn complete(format: &EdiFormat, tree: TreeBuilder<'_>, tally: &MessageTally<'_>) -> Named<Map<String, Value>> {
    let mut fields = tree.finish()?;
    for (index, total) in format.structure.totals.iter().enumerate() {
        if let Some(stated) = stated(format.syntax, &fields, total) {
            let at = format!("{}.{}", total.item, total.position.text());
            tally.check(index, &at, stated).map_err(|cause| ("control total".to_owned(), cause))?;
        }
    }
    let sums: Map<String, Value> =
        tally.sums().map(|(name, sum)| (name.to_owned(), Value::String(sum.normalize().to_string()))).collect();
    if !format.structure.sums.is_empty() {
        fields.insert("sums".to_owned(), Value::Object(sums));
    }
    Ok(fields)
}

/// A total that is not stated is not compared.
fn stated<'t>(syntax: EdiSyntax, fields: &'t Map<String, Value>, total: &MessageTotal) -> Option<&'t str> {
    let element = fields.get(&total.item)?.get(format!("{:02}", total.position.element))?;
    match (syntax, total.position.component) {
        (EdiSyntax::X12, None) => element.as_str(),
        (EdiSyntax::X12 | EdiSyntax::Edifact, component) => {
            element.get(format!("{:02}", component.unwrap_or(1)))?.as_str()
        }
    }
}

/// What the connection expects of sender, receiver and usage.
pub(super) fn check_partner(format: &EdiFormat, sender: &str, receiver: &str, usage: &str) -> Named<()> {
    let expected = &format.partner;
    for (role, expected, found) in [("sender", &expected.sender, sender), ("receiver", &expected.receiver, receiver)] {
        if let Some(expected) = expected.as_ref().filter(|expected| *expected != found) {
            let cause = EdiCause::Party { role, expected: expected.clone(), found: found.to_owned() };
            return Err((role.to_owned(), cause.into()));
        }
    }
    match expected.usage.as_ref().filter(|expected| *expected != usage) {
        None => Ok(()),
        Some(expected) => {
            let cause = EdiCause::Usage { expected: expected.clone(), found: usage.to_owned() };
            Err(("usage".to_owned(), cause.into()))
        }
    }
}

pub(super) fn check_kind(format: &EdiFormat, kind: &str, version: &str) -> Result<(), FileCause> {
    if !format.messages.iter().any(|expected| expected == kind) {
        let expected = format.messages.clone();
        return Err(EdiCause::MessageType { expected, found: kind.to_owned() }.into());
    }
    if format.versions.is_empty() || format.versions.iter().any(|expected| version.starts_with(expected.as_str())) {
        return Ok(());
    }
    Err(EdiCause::Version { expected: format.versions.clone(), found: version.to_owned() }.into())
}

/// `stated` must be the number `found`.
pub(super) fn check_count(at: &'static str, what: &'static str, stated: &str, found: u64) -> Result<(), FileCause> {
    let digits = !stated.is_empty() && stated.bytes().all(|byte| byte.is_ascii_digit());
    if digits && stated.parse() == Ok(found) {
        return Ok(());
    }
    Err(EdiCause::Count { at, what, stated: stated.to_owned(), found }.into())
}

pub(super) fn check_number(segment: &'static str, opened: &str, closing: &str) -> Result<(), FileCause> {
    if opened == closing {
        return Ok(());
    }
    Err(EdiCause::ControlNumber { segment, opened: opened.to_owned(), closing: closing.to_owned() }.into())
}

/// Characters that the interchange may not contain.
pub(super) fn check_repertoire(repertoire: Repertoire, syntax: &str, any_case: bool, segment: &Segment) -> Named<()> {
    for (index, element) in segment.elements.iter().enumerate() {
        let mut characters = element.repetitions.iter().flatten().flat_map(|text| text.chars());
        if let Some(character) = characters.find(|character| !repertoire.has(*character, any_case)) {
            let cause = EdiCause::Repertoire { syntax: syntax.to_owned(), character };
            return Err((format!("element {:02}", index + 1), cause.into()));
        }
    }
    Ok(())
}
