//! What walking an interchange needs in either syntax: the next segment with its place, errors that name it, numbers seen.
//!
//! Not here: which segments envelopes consist of (`x12`, `edifact`).

use std::collections::{HashMap, HashSet};
use std::io::Read;

use serde_json::{Map, Value};

use super::collect::Collector;
use super::edi_message::Envelope;
use super::edi_scan::{Scanner, SegmentPlace};
use crate::connector::file::edi::{EdiCause, Segment};
use crate::connector::file::error::{FileCause, FileError};
use crate::connector::file::format::EdiFormat;
use crate::connector::file::limits::FileLimits;
use crate::connector::file::row::Place;
use crate::connector::file::text::{Fault, TextSource};

/// What one interchange may hold; its numbers are remembered to find repeats.
const MESSAGES: usize = 100_000;

pub(super) struct Walk<'t, 'f, 'c, 's, R: Read> {
    pub scanner: Scanner<'t, 'f, R>,
    pub format: &'f EdiFormat,
    pub collector: &'c mut Collector<'s>,
    pub envelope: Envelope,
    pub place: SegmentPlace,
    /// Messages read so far, in the whole file.
    pub row: u64,
    /// Numbers of each kind.
    seen: HashMap<&'static str, HashSet<String>>,
}

impl<'t, 'f, 'c, 's, R: Read> Walk<'t, 'f, 'c, 's, R> {
    pub(super) fn new(
        format: &'f EdiFormat,
        limits: &'f FileLimits,
        text: &'t mut TextSource<R>,
        collector: &'c mut Collector<'s>,
    ) -> Self {
        let scanner = Scanner::new(text, limits);
        let (envelope, place, seen) = (Envelope::default(), SegmentPlace::default(), HashMap::new());
        Self { scanner, format, collector, envelope, place, row: 0, seen }
    }

    pub(super) fn fail(&self, inner: &str, cause: impl Into<FileCause>) -> FileError {
        let at = Place { row: self.row, line: self.place.line, byte_offset: self.place.byte_offset };
        let error = self.collector.error(cause.into());
        let error = if self.row == 0 { FileError { row: None, ..error.at(at) } } else { error.at(at) };
        let column = if self.envelope.interchange.is_empty() { inner.to_owned() } else { self.envelope.place(inner) };
        if column.is_empty() { error } else { error.column(column) }
    }

    /// The next segment of an open envelope, and what in it could not be decoded.
    pub(super) fn next(&mut self, inside: &'static str) -> Result<(Segment, Option<Fault>), FileError> {
        match self.scanner.segment() {
            Ok(Some((segment, place))) => {
                self.place = place;
                segment.tag.clone_into(&mut self.envelope.tag);
                self.envelope.segment += 1;
                let end = self.scanner.text.offset();
                Ok((segment, self.scanner.text.take_fault(end)))
            }
            Ok(None) => Err(self.fail("", EdiCause::Cut { inside })),
            Err(cause) => {
                self.place.byte_offset = self.scanner.text.offset();
                Err(self.fail("", cause))
            }
        }
    }

    /// A segment of the envelope: all of it must be readable.
    pub(super) fn next_whole(&mut self, inside: &'static str) -> Result<Segment, FileError> {
        match self.next(inside)? {
            (segment, None) => Ok(segment),
            (_, Some(fault)) => Err(self.fail("", fault.cause).byte(fault.byte_offset)),
        }
    }

    pub(super) fn expected<T>(&self, expected: &'static str, found: &Segment) -> Result<T, FileError> {
        Err(self.fail("", EdiCause::Expected { expected, found: found.tag.clone() }))
    }

    /// Refuses a number that came before, or too many of them. `what` tells kinds of numbers apart.
    pub(super) fn first_time(&mut self, what: &'static str, number: &str) -> Result<(), FileError> {
        if number.is_empty() {
            return Err(self.fail("", EdiCause::MissingElement { what }));
        }
        if self.seen.values().map(HashSet::len).sum::<usize>() == MESSAGES {
            return Err(self.fail("", EdiCause::TooManyMessages { limit: MESSAGES }));
        }
        if self.seen.entry(what).or_default().insert(number.to_owned()) {
            return Ok(());
        }
        Err(self.fail("", EdiCause::Duplicate { what, number: number.to_owned() }))
    }

    /// Numbers of this kind begin anew.
    pub(super) fn forget(&mut self, what: &'static str) {
        self.seen.remove(what);
    }

    pub(super) fn message_place(&mut self) -> Place {
        self.row += 1;
        Place { row: self.row, line: self.place.line, byte_offset: self.place.byte_offset }
    }
}

/// Names and texts as a JSON object; empty texts are left out.
pub(super) fn texts(entries: &[(&str, &str)]) -> Map<String, Value> {
    let given = entries.iter().filter(|(_, text)| !text.is_empty());
    given.map(|(name, text)| ((*name).to_owned(), Value::String((*text).to_owned()))).collect()
}
