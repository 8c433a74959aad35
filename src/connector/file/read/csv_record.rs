//! Splitting CSV text into records and fields.
//!
//! Strict where leniency loses data: a quote that never closes, text after a closing quote and lone carriage returns
//! are errors. A quote inside an unquoted field is text (`12" pipe`). Not here: column names and record types.

use std::io::Read;

use super::line::end_line;
use crate::connector::file::error::FileCause;
use crate::connector::file::format::{CsvFormat, LineEnd};
use crate::connector::file::limits::FileLimits;
use crate::connector::file::row::Place;
use crate::connector::file::text::TextSource;

/// One record's fields, reused from record to record.
#[derive(Debug, Default)]
pub(super) struct Record {
    text: Vec<u8>,
    ends: Vec<usize>,
    pub(super) place: Place,
    /// Why this record, and only this, cannot be used.
    pub(super) problem: Option<FileCause>,
}

impl Record {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        // Fields are cut at ASCII characters of valid UTF-8, so they are valid; a fault would show as empty text.
        starts.zip(&self.ends).map(|(start, end)| std::str::from_utf8(&self.text[start..*end]).unwrap_or_default())
    }

    pub(super) fn field(&self, index: usize) -> Option<&str> {
        self.fields().nth(index)
    }

    pub(super) fn drop_last(&mut self) {
        self.ends.pop();
    }

    fn clear(&mut self, place: Place) {
        self.text.clear();
        self.ends.clear();
        self.place = place;
        self.problem = None;
    }

    fn field_bytes(&self) -> usize {
        self.text.len() - self.ends.last().copied().unwrap_or(0)
    }
}

/// What ended a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Field,
    Record,
}

pub(super) struct Splitter<'a, R: Read> {
    text: &'a mut TextSource<R>,
    limits: &'a FileLimits,
    delimiter: u8,
    quote: Option<u8>,
    comment: Option<u8>,
    line_end: LineEnd,
    final_line_end: bool,
    line: u64,
    row: u64,
}

/// An error with the place where the splitter stood.
pub(super) type Placed = (FileCause, Place);

impl<'a, R: Read> Splitter<'a, R> {
    pub(super) fn new(format: &CsvFormat, text: &'a mut TextSource<R>, limits: &'a FileLimits) -> Self {
        // The format's check made sure that these are ASCII.
        let ascii = |character: char| u8::try_from(character).unwrap_or(b',');
        Self {
            text,
            limits,
            delimiter: ascii(format.delimiter),
            quote: format.quote.map(ascii),
            comment: format.comment.map(ascii),
            line_end: format.line_end,
            final_line_end: format.final_line_end,
            line: 1,
            row: 0,
        }
    }

    /// Reads the next record that is neither blank nor a comment; `false` at the end.
    pub(super) fn next(&mut self, record: &mut Record) -> Result<bool, Placed> {
        loop {
            let place = Place { row: self.row + 1, line: self.line, byte_offset: self.text.offset() };
            record.clear(place);
            let placed = |cause| (cause, place);
            match self.text.peek().map_err(placed)? {
                None => return Ok(false),
                Some(byte) if self.is_line_end(byte) => self.end_line().map_err(placed)?,
                Some(byte) if Some(byte) == self.comment => {
                    self.skip_line().map_err(placed)?;
                    // Nobody reads a comment, so nothing in it can be wrong.
                    self.text.take_fault(self.text.offset());
                }
                Some(_) => {
                    self.row += 1;
                    self.record(record).map_err(placed)?;
                    if let Some(fault) = self.text.take_fault(self.text.offset()) {
                        record.place.byte_offset = fault.byte_offset;
                        record.problem = Some(fault.cause);
                    }
                    return Ok(true);
                }
            }
        }
    }

    fn record(&mut self, record: &mut Record) -> Result<(), FileCause> {
        loop {
            let ended = match self.text.peek()? {
                Some(byte) if Some(byte) == self.quote => self.quoted(record)?,
                Some(_) | None => self.unquoted(record)?,
            };
            if record.ends.len() == self.limits.columns {
                return Err(FileCause::TooManyColumns { limit: self.limits.columns });
            }
            record.ends.push(record.text.len());
            if ended == Ended::Record {
                return Ok(());
            }
        }
    }

    fn unquoted(&mut self, record: &mut Record) -> Result<Ended, FileCause> {
        loop {
            let (delimiter, line_end) = (self.delimiter, self.line_end);
            let piece = self.text.fill()?;
            if piece.is_empty() {
                return self.ended_by_file();
            }
            let found = piece.iter().position(|byte| *byte == delimiter || ends_line(line_end, *byte));
            let count = found.unwrap_or(piece.len());
            let next = found.map(|index| piece[index]);
            self.take(record, count, None)?;
            match next {
                None => {}
                Some(byte) if byte == delimiter => {
                    self.text.consume(1);
                    return Ok(Ended::Field);
                }
                Some(_) => {
                    self.end_line()?;
                    return Ok(Ended::Record);
                }
            }
        }
    }

    fn quoted(&mut self, record: &mut Record) -> Result<Ended, FileCause> {
        let opened = self.line;
        let quote = self.quote;
        self.text.consume(1);
        loop {
            let piece = self.text.fill()?;
            if piece.is_empty() {
                return Err(FileCause::UnterminatedQuote { line: opened });
            }
            let found = piece.iter().position(|byte| Some(*byte) == quote);
            let count = found.unwrap_or(piece.len());
            self.line += count_lines(self.line_end, &piece[..count]);
            self.take(record, count, Some(opened))?;
            if found.is_none() {
                continue;
            }
            self.text.consume(1);
            match self.text.peek()? {
                None => return self.ended_by_file(),
                Some(byte) if Some(byte) == quote => self.take(record, 1, Some(opened))?,
                Some(byte) if byte == self.delimiter => {
                    self.text.consume(1);
                    return Ok(Ended::Field);
                }
                Some(byte) if self.is_line_end(byte) => {
                    self.end_line()?;
                    return Ok(Ended::Record);
                }
                Some(_) => {
                    // Only this record is spoilt; what follows is read as plain text so that the next line starts clean.
                    record.problem = Some(FileCause::TextAfterQuote);
                    return self.unquoted(record);
                }
            }
        }
    }

    fn take(&mut self, record: &mut Record, count: usize, quote_line: Option<u64>) -> Result<(), FileCause> {
        if record.field_bytes() + count > self.limits.field_bytes {
            return Err(FileCause::FieldTooLong { limit: self.limits.field_bytes, quote_line });
        }
        if record.text.len() + count > self.limits.record_bytes {
            return Err(FileCause::RecordTooLong { limit: self.limits.record_bytes });
        }
        record.text.extend_from_slice(&self.text.filled()[..count]);
        self.text.consume(count);
        Ok(())
    }

    fn ended_by_file(&self) -> Result<Ended, FileCause> {
        if self.final_line_end { Err(FileCause::NoFinalLineEnd) } else { Ok(Ended::Record) }
    }

    fn skip_line(&mut self) -> Result<(), FileCause> {
        loop {
            let line_end = self.line_end;
            let piece = self.text.fill()?;
            if piece.is_empty() {
                return Ok(());
            }
            let found = piece.iter().position(|byte| ends_line(line_end, *byte));
            let count = found.unwrap_or(piece.len());
            self.text.consume(count);
            if found.is_some() {
                return self.end_line();
            }
        }
    }

    fn end_line(&mut self) -> Result<(), FileCause> {
        end_line(self.text, self.line_end)?;
        self.line += 1;
        Ok(())
    }

    fn is_line_end(&self, byte: u8) -> bool {
        ends_line(self.line_end, byte)
    }
}

fn ends_line(line_end: LineEnd, byte: u8) -> bool {
    match line_end {
        LineEnd::LfOrCrLf => byte == b'\n' || byte == b'\r',
        LineEnd::Cr => byte == b'\r',
    }
}

fn count_lines(line_end: LineEnd, text: &[u8]) -> u64 {
    let end = match line_end {
        LineEnd::LfOrCrLf => b'\n',
        LineEnd::Cr => b'\r',
    };
    text.iter().filter(|byte| **byte == end).count() as u64
}
