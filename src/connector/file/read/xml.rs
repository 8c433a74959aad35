//! An XML document to rows: finds record elements, checks balance and depth, refuses everything that expands.
//!
//! The parser neither expands entities nor limits depth nor notices unclosed elements; all three are dealt with here.
//! Not here: how an element becomes JSON (xml_element).

use std::io::{self, BufRead, Read};

use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use serde_json::{Map, Value};

use super::collect::Collector;
use super::xml_element::{Built, RecordBuilder};
use crate::connector::file::encoding::{Encoding, Form};
use crate::connector::file::error::{FileCause, FileError};
use crate::connector::file::format::{RecordRole, XmlFormat};
use crate::connector::file::limits::FileLimits;
use crate::connector::file::row::Place;
use crate::connector::file::text::TextSource;

/// Which elements are records, and what becomes of them. `open` names the open elements, document element first.
pub(super) trait Records {
    fn is_record(&self, open: &[String]) -> bool;
    fn allows_root(&self, root: &str) -> bool;
    /// What a document of another kind lacks.
    fn path(&self) -> String;

    fn record(
        &mut self,
        open: &[String],
        fields: Map<String, Value>,
        place: Place,
        collector: &mut Collector<'_>,
    ) -> Result<(), FileError>;

    /// An element outside of records has ended.
    fn closed(&mut self, open: &[String], place: Place, collector: &mut Collector<'_>) -> Result<(), FileError>;
}

pub(super) fn read<R: Read>(
    format: &XmlFormat,
    text: &mut TextSource<R>,
    collector: &mut Collector<'_>,
) -> Result<(), FileError> {
    read_records(format, &mut RecordPath::new(&format.record), text, collector)
}

/// The same walk for documents with records of several kinds.
pub(super) fn read_records<R: Read>(
    format: &XmlFormat,
    records: &mut dyn Records,
    text: &mut TextSource<R>,
    collector: &mut Collector<'_>,
) -> Result<(), FileError> {
    let limits = collector.limits();
    let capped = Capped { text, left: limits.record_bytes, line: 1, failed: None };
    let mut walk = XmlWalk {
        reader: quick_xml::Reader::from_reader(capped),
        format,
        records,
        limits,
        open: Vec::new(),
        record: None,
        row: 0,
        root_seen: false,
    };
    let mut buffer = Vec::new();
    loop {
        let place = walk.place();
        buffer.clear();
        walk.reader.get_mut().left = limits.record_bytes;
        let event = walk.reader.read_event_into(&mut buffer);
        let done = matches!(event, Ok(Event::Eof));
        let handled = match event {
            Ok(event) => walk.event(event, place, collector),
            Err(error) => Err(Failure::Cause(walk.cause_of(error))),
        };
        match handled {
            Ok(()) if done => return Ok(()),
            Ok(()) => {}
            Err(Failure::Error(error)) => return Err(error),
            Err(Failure::Cause(cause)) => {
                let path = walk.open.join("/");
                let error = collector.error(cause).at(Place { byte_offset: walk.place().byte_offset, ..place });
                return Err(if path.is_empty() { error } else { error.column(path) });
            }
        }
    }
}

/// Bounds what one event may take into memory.
struct Capped<'t, R: Read> {
    text: &'t mut TextSource<R>,
    left: usize,
    line: u64,
    failed: Option<FileCause>,
}

impl<R: Read> Read for Capped<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.fill_buf()?;
        let count = piece.len().min(buffer.len());
        buffer[..count].copy_from_slice(&piece[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Capped<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let left = self.left;
        match self.text.fill() {
            Ok(piece) if left == 0 && !piece.is_empty() => Err(io::Error::other("record too long")),
            Ok(piece) => Ok(&piece[..piece.len().min(left)]),
            Err(cause) => {
                self.failed = Some(cause);
                Err(io::Error::other("source failed"))
            }
        }
    }

    fn consume(&mut self, count: usize) {
        let taken = &self.text.filled()[..count];
        self.line += taken.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.left = self.left.saturating_sub(count);
        self.text.consume(count);
    }
}

enum RecordPath {
    From(Vec<String>),
    Anywhere(String),
}

impl RecordPath {
    fn new(path: &str) -> Self {
        match path.strip_prefix("//") {
            Some(name) => Self::Anywhere(name.to_owned()),
            None => Self::From(path.split('/').map(str::to_owned).collect()),
        }
    }
}

impl Records for RecordPath {
    fn is_record(&self, open: &[String]) -> bool {
        match self {
            Self::From(steps) => steps == open,
            Self::Anywhere(name) => open.last() == Some(name),
        }
    }

    fn allows_root(&self, root: &str) -> bool {
        match self {
            Self::From(steps) => steps.first().is_some_and(|step| step == root),
            Self::Anywhere(_) => true,
        }
    }

    fn path(&self) -> String {
        match self {
            Self::From(steps) => steps.join("/"),
            Self::Anywhere(name) => format!("//{name}"),
        }
    }

    fn record(
        &mut self,
        _: &[String],
        fields: Map<String, Value>,
        place: Place,
        collector: &mut Collector<'_>,
    ) -> Result<(), FileError> {
        collector.record(RecordRole::Data, None, fields, place)
    }

    fn closed(&mut self, _: &[String], _: Place, _: &mut Collector<'_>) -> Result<(), FileError> {
        Ok(())
    }
}

/// A bare cause still needs its place; an error from the collector has one.
enum Failure {
    Cause(FileCause),
    Error(FileError),
}

impl From<FileCause> for Failure {
    fn from(cause: FileCause) -> Self {
        Self::Cause(cause)
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::Error(error)
    }
}

struct Current<'f> {
    builder: RecordBuilder<'f>,
    place: Place,
    /// Offset from which the record's length is measured.
    start: u64,
}

struct XmlWalk<'f, 't, R: Read> {
    reader: quick_xml::Reader<Capped<'t, R>>,
    format: &'f XmlFormat,
    records: &'f mut dyn Records,
    limits: &'f FileLimits,
    /// Local names of the open elements, document element first.
    open: Vec<String>,
    record: Option<Current<'f>>,
    row: u64,
    root_seen: bool,
}

impl<'f, R: Read> XmlWalk<'f, '_, R> {
    fn place(&self) -> Place {
        let source = self.reader.get_ref();
        Place { row: self.row, line: source.line, byte_offset: source.text.offset() }
    }

    fn cause_of(&mut self, error: quick_xml::Error) -> FileCause {
        let source = self.reader.get_mut();
        match (source.failed.take(), error) {
            (Some(cause), _) => cause,
            (None, quick_xml::Error::Io(_)) => FileCause::RecordTooLong { limit: self.limits.record_bytes },
            (None, other) => FileCause::Xml(other.to_string()),
        }
    }

    fn event(&mut self, event: Event<'_>, place: Place, collector: &mut Collector<'_>) -> Result<(), Failure> {
        match event {
            Event::Start(start) => self.start(&start, place),
            Event::Empty(start) => {
                self.start(&start, place)?;
                self.end(collector)
            }
            Event::End(_) => self.end(collector),
            Event::Text(text) => self.text(&text.xml10_content()),
            Event::CData(data) => self.text(&data.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = resolve(&reference)?;
                self.text(character.encode_utf8(&mut [0; 4]))
            }
            Event::Decl(declaration) => self.declaration(&declaration),
            Event::DocType(_) => Err(FileCause::Doctype.into()),
            Event::Comment(_) | Event::PI(_) => Ok(()),
            Event::Eof => self.finish(collector),
        }
    }

    fn declaration(&self, declaration: &BytesDecl<'_>) -> Result<(), Failure> {
        let found = match declaration.encoding() {
            None => return Ok(()),
            Some(Ok(found)) => found,
            Some(Err(error)) => return Err(FileCause::Xml(error.to_string()).into()),
        };
        let declared = self.reader.get_ref().text.encoding();
        let same = match (Encoding::by_name(&found), declared.form()) {
            (Some(named), _) if named == declared => true,
            // The declaration names the family; the byte order is the transport's.
            (Some(Encoding::Utf16), Form::Utf16(_)) => true,
            (Some(_) | None, _) => found.eq_ignore_ascii_case("us-ascii"),
        };
        if same {
            return Ok(());
        }
        Err(FileCause::XmlEncodingMismatch { declared: declared.name(), found: found.into_owned() }.into())
    }

    fn start(&mut self, start: &BytesStart<'_>, place: Place) -> Result<(), Failure> {
        let local = start.local_name();
        let name: &str = local.as_ref();
        if self.open.is_empty() {
            if self.root_seen {
                return Err(FileCause::Xml("a second document element".to_owned()).into());
            }
            if !self.records.allows_root(name) {
                return Err(FileCause::RecordPathNotFound(self.records.path()).into());
            }
            self.root_seen = true;
        }
        if self.open.len() == self.limits.depth {
            return Err(FileCause::TooDeep { limit: self.limits.depth }.into());
        }
        self.open.push(name.to_owned());
        if self.record.is_none() && self.records.is_record(&self.open) {
            self.row += 1;
            let place = Place { row: self.row, ..place };
            let builder = RecordBuilder::new(self.format, self.limits, self.open.len());
            self.record = Some(Current { builder, place, start: place.byte_offset });
        }
        if let Some(current) = &mut self.record {
            current.builder.start(&self.open, start)?;
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Failure> {
        if let Some(current) = &mut self.record {
            current.builder.text(text)?;
            let length = self.reader.get_ref().text.offset() - current.start;
            if length > self.limits.record_bytes as u64 {
                return Err(FileCause::RecordTooLong { limit: self.limits.record_bytes }.into());
            }
        } else if self.open.is_empty() && !text.trim_ascii().is_empty() {
            return Err(FileCause::Xml("text outside the document element".to_owned()).into());
        }
        Ok(())
    }

    fn end(&mut self, collector: &mut Collector<'_>) -> Result<(), Failure> {
        if let Some(mut current) = self.record.take() {
            match current.builder.end(&self.open) {
                None => self.record = Some(current),
                Some(built) => self.emit(built, current.place, collector)?,
            }
            let start = self.record.as_ref().map(|current| current.start);
            let length = start.map_or(0, |start| self.reader.get_ref().text.offset() - start);
            if length > self.limits.record_bytes as u64 {
                return Err(FileCause::RecordTooLong { limit: self.limits.record_bytes }.into());
            }
        } else {
            let place = self.place();
            self.records.closed(&self.open, place, collector)?;
        }
        self.open.pop();
        Ok(())
    }

    fn emit(&mut self, built: Built, place: Place, collector: &mut Collector<'_>) -> Result<(), FileError> {
        let text = &mut self.reader.get_mut().text;
        let fault = text.take_fault(text.offset());
        let error = match (fault, built) {
            (None, Ok(fields)) => return self.records.record(&self.open, fields, place, collector),
            // The fault may also lie before the record; then the document around it is damaged.
            (Some(fault), _) if fault.byte_offset < place.byte_offset => {
                return Err(collector.error(fault.cause).byte(fault.byte_offset));
            }
            (Some(fault), _) => collector.error(fault.cause).at(place).byte(fault.byte_offset),
            (None, Err((path, cause))) => collector.error(cause).at(place).column(path),
        };
        collector.reject(Some(RecordRole::Data), None, error)
    }

    fn finish(&mut self, collector: &Collector<'_>) -> Result<(), Failure> {
        if let Some(innermost) = self.open.last() {
            return Err(FileCause::UnclosedElement(innermost.clone()).into());
        }
        match self.reader.get_mut().text.take_fault(u64::MAX) {
            Some(fault) => Err(collector.error(fault.cause).byte(fault.byte_offset).into()),
            None => Ok(()),
        }
    }
}

/// The five predefined entities and character references; there are no others without a DOCTYPE.
fn resolve(reference: &BytesRef<'_>) -> Result<char, FileCause> {
    let name = reference.xml10_content();
    let character = match reference.resolve_char_ref() {
        Ok(Some(character)) => character,
        Ok(None) => match name.as_ref() {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "apos" => '\'',
            "quot" => '"',
            _ => return Err(FileCause::UnknownReference(name.into_owned())),
        },
        Err(_) => return Err(FileCause::UnknownReference(name.into_owned())),
    };
    if character < ' ' && !matches!(character, '\t' | '\n' | '\r') {
        return Err(FileCause::ControlCharacter { code: u32::from(character) });
    }
    Ok(character)
}
