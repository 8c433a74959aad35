//! Fixed-width records to rows: record lengths and record types.
//!
//! Not here: what is inside a field (fixed_field).

use std::io::Read;

use serde_json::{Map, Value};

use super::collect::{Collector, Frame};
use super::fixed_field::{Cut, field_value};
use super::line::read_line;
use crate::connector::file::encoding::Encoding;
use crate::connector::file::error::{FileCause, FileError};
use crate::connector::file::format::{FixedField, FixedFormat, FixedLineEnd, FixedRecordTypes, LengthUnit, RecordRole};
use crate::connector::file::row::Place;
use crate::connector::file::text::TextSource;

pub(super) fn read<R: Read>(
    format: &FixedFormat,
    text: &mut TextSource<R>,
    collector: &mut Collector<'_>,
) -> Result<(), FileError> {
    if let FixedRecordTypes::ByCode { types, .. } = &format.records {
        collector.expect(Frame::of(types.iter().map(|kind| kind.role)));
    }
    let mut reader = FixedReader { format, text, line: Vec::new() };
    let mut place = Place::default();
    loop {
        place = Place { row: place.row, line: place.line + 1, byte_offset: reader.text.offset() };
        let found = reader.next(collector.limits().record_bytes);
        if !found.map_err(|cause| collector.error(cause).at(Place { row: place.row + 1, ..place }))? {
            return Ok(());
        }
        if !reader.line.is_empty() {
            place.row += 1;
            reader.emit(place, collector)?;
        }
    }
}

struct FixedReader<'a, R: Read> {
    format: &'a FixedFormat,
    text: &'a mut TextSource<R>,
    line: Vec<u8>,
}

impl<R: Read> FixedReader<'_, R> {
    fn next(&mut self, limit: usize) -> Result<bool, FileCause> {
        match self.format.line_end {
            FixedLineEnd::Lines(line_end) => read_line(self.text, line_end, limit, &mut self.line),
            FixedLineEnd::None => self.next_by_length(limit),
        }
    }

    fn next_by_length(&mut self, limit: usize) -> Result<bool, FileCause> {
        self.line.clear();
        let mut length = 0;
        while length < self.format.record_length {
            let missing = self.format.record_length - length;
            let piece = self.text.fill()?;
            if piece.is_empty() {
                break;
            }
            let count = match self.format.unit {
                LengthUnit::Utf8Bytes => missing.min(piece.len()),
                LengthUnit::Characters => {
                    let starts = piece.iter().enumerate().filter(|(_, byte)| **byte & 0xC0 != 0x80);
                    starts.map(|(index, _)| index).nth(missing).unwrap_or(piece.len())
                }
            };
            if self.line.len() + count > limit {
                return Err(FileCause::RecordTooLong { limit });
            }
            length += match self.format.unit {
                LengthUnit::Utf8Bytes => count,
                LengthUnit::Characters => piece[..count].iter().filter(|byte| **byte & 0xC0 != 0x80).count(),
            };
            self.line.extend_from_slice(&piece[..count]);
            self.text.consume(count);
        }
        Ok(length > 0)
    }

    fn emit(&mut self, place: Place, collector: &mut Collector<'_>) -> Result<(), FileError> {
        if let Some(fault) = self.text.take_fault(self.text.offset()) {
            let error = collector.error(fault.cause).at(place).byte(fault.byte_offset);
            return collector.reject(None, None, error);
        }
        let record = match Cut::new(self.format, &mut self.line) {
            Ok(record) => record,
            Err(cause) => return collector.reject(None, None, collector.error(cause).at(place)),
        };
        let (role, code, fields) = match &self.format.records {
            FixedRecordTypes::One(fields) => (RecordRole::Data, None, fields),
            FixedRecordTypes::ByCode { start, length, types } => {
                let code = record.at(*start, *length).unwrap_or_default();
                match types.iter().find(|kind| kind.code == code) {
                    Some(kind) => (kind.role, Some(kind.code.as_str()), &kind.fields),
                    None => {
                        let cause = FileCause::UnknownRecordType { code: code.to_owned() };
                        return collector.reject(None, None, collector.error(cause).at(place));
                    }
                }
            }
        };
        let german_ebcdic = self.text.encoding() == Encoding::Ibm273;
        match fields_of(&record, fields, german_ebcdic) {
            Ok(values) => collector.record(role, code, values, place),
            Err((column, cause)) => collector.reject(Some(role), code, collector.error(cause).at(place).column(column)),
        }
    }
}

fn fields_of(
    record: &Cut<'_>,
    fields: &[FixedField],
    german_ebcdic: bool,
) -> Result<Map<String, Value>, (String, FileCause)> {
    let mut values = Map::with_capacity(fields.len());
    for field in fields {
        let value = field_value(record, field, german_ebcdic).map_err(|cause| (field.name.clone(), cause))?;
        values.insert(field.name.clone(), Value::String(value));
    }
    Ok(values)
}
