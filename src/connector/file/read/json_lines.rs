//! JSON Lines to rows: one object per line.

use std::io::Read;

use super::collect::Collector;
use super::json_value::{object, parse};
use super::line::read_line;
use crate::connector::file::error::{FileCause, FileError};
use crate::connector::file::format::{LineEnd, RecordRole};
use crate::connector::file::row::Place;
use crate::connector::file::text::TextSource;

pub(super) fn read<R: Read>(text: &mut TextSource<R>, collector: &mut Collector<'_>) -> Result<(), FileError> {
    let mut line = Vec::new();
    let mut place = Place::default();
    loop {
        place = Place { row: place.row, line: place.line + 1, byte_offset: text.offset() };
        let found = read_line(text, LineEnd::LfOrCrLf, collector.limits().record_bytes, &mut line);
        if !found.map_err(|cause| collector.error(cause).at(Place { row: place.row + 1, ..place }))? {
            return Ok(());
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        place.row += 1;
        if let Some(fault) = text.take_fault(text.offset()) {
            let error = collector.error(fault.cause).at(place).byte(fault.byte_offset);
            collector.reject(Some(RecordRole::Data), None, error)?;
            continue;
        }
        let parsed = std::str::from_utf8(&line)
            .map_err(|_| (0, FileCause::CutCharacter))
            .and_then(|line| parse(line, collector.limits().depth))
            .and_then(|value| object(value).map_err(|cause| (0, cause)));
        match parsed {
            Ok(fields) => collector.record(RecordRole::Data, None, fields, place)?,
            Err((index, cause)) => {
                let column = format!("character {}", characters_before(&line, index) + 1);
                let error = collector.error(cause).at(place).column(column);
                collector.reject(Some(RecordRole::Data), None, error)?;
            }
        }
    }
}

fn characters_before(line: &[u8], index: usize) -> usize {
    line[..index.min(line.len())].iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}
