//! A JSON document to rows: walks to the record list and hands out its elements one by one.
//!
//! The document is never held whole; one element, or one value beside the path, is.

use std::collections::HashSet;
use std::io::Read;

use super::collect::Collector;
use super::json_value::{object, parse};
use crate::connector::file::error::{FileCause, FileError};
use crate::connector::file::format::{JsonFormat, RecordRole};
use crate::connector::file::row::Place;
use crate::connector::file::text::TextSource;

pub(super) fn read<R: Read>(
    format: &JsonFormat,
    text: &mut TextSource<R>,
    collector: &mut Collector<'_>,
) -> Result<(), FileError> {
    let mut reader = JsonReader { text, collector, value: Vec::new(), line: 1, row: 0 };
    if reader.blank()?.is_none() {
        return Ok(());
    }
    reader.descend(&format.records, &format.records)?;
    if reader.blank()?.is_some() {
        return Err(reader.fail("text after the document"));
    }
    Ok(())
}

struct JsonReader<'r, 'c, R: Read> {
    text: &'r mut TextSource<R>,
    collector: &'r mut Collector<'c>,
    /// Text of the value being read.
    value: Vec<u8>,
    line: u64,
    row: u64,
}

impl<R: Read> JsonReader<'_, '_, R> {
    fn place(&self) -> Place {
        Place { row: self.row, line: self.line, byte_offset: self.text.offset() }
    }

    fn error(&self, cause: FileCause) -> FileError {
        self.collector.error(cause).at(self.place())
    }

    fn fail(&self, reason: &str) -> FileError {
        self.error(FileCause::Json(reason.to_owned()))
    }

    fn peek(&mut self) -> Result<Option<u8>, FileError> {
        match self.text.peek() {
            Ok(byte) => Ok(byte),
            Err(cause) => Err(self.error(cause)),
        }
    }

    /// Skips white space; the byte after it.
    fn blank(&mut self) -> Result<Option<u8>, FileError> {
        loop {
            match self.peek()? {
                Some(byte @ (b' ' | b'\t' | b'\n' | b'\r')) => {
                    self.line += u64::from(byte == b'\n');
                    self.text.consume(1);
                }
                other => return Ok(other),
            }
        }
    }

    fn take(&mut self, byte: u8, reason: &str) -> Result<(), FileError> {
        if self.blank()? != Some(byte) {
            return Err(self.fail(reason));
        }
        self.text.consume(1);
        Ok(())
    }

    /// Walks the remaining path; every other value on the way is read and dropped.
    fn descend(&mut self, path: &[String], whole: &[String]) -> Result<(), FileError> {
        let Some((wanted, rest)) = path.split_first() else { return self.records(whole) };
        if self.blank()? != Some(b'{') {
            return Err(self.error(FileCause::RecordPathNotFound(whole.join("."))));
        }
        self.text.consume(1);
        let mut keys = HashSet::new();
        let mut found = false;
        if self.blank()? == Some(b'}') {
            self.text.consume(1);
            return Err(self.error(FileCause::RecordPathNotFound(whole.join("."))));
        }
        loop {
            if self.blank()? != Some(b'"') {
                return Err(self.fail("expected a key"));
            }
            self.capture()?;
            let key = match self.parse_captured()? {
                serde_json::Value::String(key) => key,
                _ => return Err(self.fail("expected a key")),
            };
            self.take(b':', "expected `:`")?;
            if key == *wanted && !found {
                found = true;
                self.descend(rest, whole)?;
            } else {
                self.capture()?;
                self.parse_captured()?;
            }
            if keys.len() == self.collector.limits().columns {
                return Err(self.error(FileCause::TooManyColumns { limit: self.collector.limits().columns }));
            }
            if !keys.insert(key.clone()) {
                return Err(self.error(FileCause::DuplicateKey(key)));
            }
            if self.blank()? == Some(b',') {
                self.text.consume(1);
                continue;
            }
            self.take(b'}', "expected `,` or `}`")?;
            break;
        }
        if found { Ok(()) } else { Err(self.error(FileCause::RecordPathNotFound(whole.join(".")))) }
    }

    fn records(&mut self, path: &[String]) -> Result<(), FileError> {
        if self.blank()? != Some(b'[') {
            return Err(self.error(FileCause::RecordPathNotFound(format!("{}[]", path.join(".")))));
        }
        self.text.consume(1);
        if self.blank()? == Some(b']') {
            self.text.consume(1);
            return Ok(());
        }
        loop {
            self.blank()?;
            self.row += 1;
            let place = self.place();
            self.capture()?;
            self.emit(place)?;
            if self.blank()? == Some(b',') {
                self.text.consume(1);
                continue;
            }
            return self.take(b']', "expected `,` or `]`");
        }
    }

    fn emit(&mut self, place: Place) -> Result<(), FileError> {
        if let Some(fault) = self.text.take_fault(self.text.offset()) {
            let error = self.collector.error(fault.cause).at(place).byte(fault.byte_offset);
            return self.collector.reject(Some(RecordRole::Data), None, error);
        }
        let value = self.parse_value();
        match value.and_then(object) {
            Ok(fields) => self.collector.record(RecordRole::Data, None, fields, place),
            Err(cause) => {
                let error = self.collector.error(cause).at(place);
                self.collector.reject(Some(RecordRole::Data), None, error)
            }
        }
    }

    fn parse_value(&self) -> Result<serde_json::Value, FileCause> {
        let value = std::str::from_utf8(&self.value).map_err(|_| FileCause::CutCharacter)?;
        parse(value, self.collector.limits().depth).map_err(|(_, cause)| cause)
    }

    /// A value outside the record list: any fault in it is the document's.
    fn parse_captured(&mut self) -> Result<serde_json::Value, FileError> {
        if let Some(fault) = self.text.take_fault(self.text.offset()) {
            return Err(self.error(fault.cause).byte(fault.byte_offset));
        }
        self.parse_value().map_err(|cause| self.error(cause))
    }

    /// Copies the text of the next value: balanced brackets, strings respected. What is inside is parsed afterwards.
    fn capture(&mut self) -> Result<(), FileError> {
        self.value.clear();
        self.blank()?;
        let limit = self.collector.limits().record_bytes;
        let mut scan = Scan::default();
        loop {
            let Some(byte) = self.peek()? else {
                return if scan.is_scalar() { Ok(()) } else { Err(self.fail("ends early")) };
            };
            match scan.step(byte) {
                Step::Before => return Ok(()),
                Step::Inside | Step::Last if self.value.len() == limit => {
                    return Err(self.error(FileCause::RecordTooLong { limit }));
                }
                step @ (Step::Inside | Step::Last) => {
                    self.value.push(byte);
                    self.line += u64::from(byte == b'\n');
                    self.text.consume(1);
                    if step == Step::Last {
                        return Ok(());
                    }
                }
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The value ended before this byte.
    Before,
    Inside,
    /// This byte is the value's last.
    Last,
}

/// Finds where a value ends without understanding it.
#[derive(Debug, Default)]
struct Scan {
    open: usize,
    in_string: bool,
    escaped: bool,
    scalar: bool,
}

impl Scan {
    fn is_scalar(&self) -> bool {
        self.scalar
    }

    fn step(&mut self, byte: u8) -> Step {
        if self.in_string {
            let closes = byte == b'"' && !self.escaped;
            self.escaped = byte == b'\\' && !self.escaped;
            self.in_string = !closes;
            return if closes && self.open == 0 { Step::Last } else { Step::Inside };
        }
        match byte {
            b'"' if !self.scalar => {
                self.in_string = true;
                Step::Inside
            }
            b'{' | b'[' if !self.scalar => {
                self.open += 1;
                Step::Inside
            }
            b'}' | b']' if self.open > 0 => {
                self.open -= 1;
                if self.open == 0 { Step::Last } else { Step::Inside }
            }
            b',' | b'}' | b']' | b':' | b' ' | b'\t' | b'\r' | b'\n' if self.open == 0 => Step::Before,
            _ => {
                self.scalar |= self.open == 0;
                Step::Inside
            }
        }
    }
}
