//! Rows that were read once, set aside on disk so that they can be looked at again without the connector.
//!
//! The file is unlinked as soon as it is open: a crash leaves nothing behind. Not here: reading statements.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::model::Date;
use crate::recon::large::{Glance, LargeError, Statement, content_hash};
use crate::recon::matching::join_key;
use crate::recon::normalise::Normaliser;
use crate::recon::row::{Entry, FieldValue, Place, Row};
use crate::recon::rules::{How, KeyIndex, RuleSet};
use crate::recon::unit::Unit;

/// Bytes that are written at once.
const BUFFER_BYTES: usize = 1 << 18;

/// A row as it lies on disk; integers as text, because they may need more than 64 bits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptRow {
    pub keys: Vec<Option<String>>,
    pub unit: String,
    pub amount: String,
    pub date: Option<String>,
    pub status: Option<String>,
    pub parent: Option<String>,
    pub fields: Vec<KeptField>,
    pub parts: Vec<Option<String>>,
    pub lines: u32,
    pub category: Option<String>,
    /// The rule by which it is out of scope.
    pub excluded: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum KeptField {
    Absent,
    Text(String),
    Amount(String),
    Date(String),
}

/// A row with where it stood: the file's number and the row in it.
#[derive(Serialize, Deserialize)]
struct Line {
    at: (usize, u64),
    row: KeptRow,
}

/// One side's rows, all files behind each other.
pub struct Spool {
    file: Mutex<File>,
    buffer: Vec<u8>,
    written: u64,
    sources: Vec<Arc<str>>,
    /// The first pass's key.
    on: Vec<KeyIndex>,
    steps: Vec<Normaliser>,
}

fn failed(error: std::io::Error) -> LargeError {
    LargeError::Io { what: "setting rows aside on disk; is there room left?".to_owned(), error }
}

fn damaged(error: impl std::fmt::Display) -> LargeError {
    LargeError::Source { source_name: "rows that were set aside".to_owned(), reason: error.to_string() }
}

impl Spool {
    pub fn new(room: &Path, rules: &RuleSet) -> Result<Spool, LargeError> {
        let name = room.join(format!(".rows-{}-{:016x}", std::process::id(), fastrand::u64(..)));
        let made = || -> std::io::Result<File> {
            let file = OpenOptions::new().read(true).write(true).create_new(true).open(&name)?;
            std::fs::remove_file(&name)?;
            Ok(file)
        };
        let file = made().map_err(|error| LargeError::Io {
            what: format!("making a temporary file in {}", room.display()),
            error,
        })?;
        let (on, steps) = match rules.passes.first().map(|pass| &pass.how) {
            Some(How::Keyed(keyed)) => (keyed.on.clone(), keyed.normalise.clone()),
            Some(How::Grouped(grouped)) => (grouped.by.clone(), grouped.normalise.clone()),
            Some(How::Window(_) | How::Subset(_)) | None => (Vec::new(), Vec::new()),
        };
        Ok(Spool { file: Mutex::new(file), buffer: Vec::new(), written: 0, sources: Vec::new(), on, steps })
    }

    /// Another file; returns its number.
    pub fn source(&mut self, name: &str) -> usize {
        self.sources.push(name.into());
        self.sources.len() - 1
    }

    /// Where the next row begins.
    pub fn position(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    pub(super) fn push(&mut self, source: usize, place: u64, row: KeptRow) -> Result<(), LargeError> {
        serde_json::to_writer(&mut self.buffer, &Line { at: (source, place), row }).map_err(damaged)?;
        self.buffer.push(b'\n');
        if self.buffer.len() < BUFFER_BYTES { Ok(()) } else { self.flush() }
    }

    pub fn flush(&mut self) -> Result<(), LargeError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&self.buffer).map_err(failed)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Forgets everything from this position on: a file that is refused leaves no row.
    pub fn back_to(&mut self, position: u64) -> Result<(), LargeError> {
        self.flush()?;
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.set_len(position).map_err(failed)?;
        file.seek(SeekFrom::Start(position)).map_err(failed)?;
        self.written = position;
        Ok(())
    }

    fn entry(&self, line: Line) -> Result<Entry, LargeError> {
        let (source, row) = line.at;
        let source = self.sources.get(source).cloned().ok_or_else(|| damaged("a row of no file"))?;
        let (row, excluded) = line.row.row(Place { source, row })?;
        Ok(match excluded {
            Some(rule) => Entry::Excluded { rule: rule.into(), row },
            None => Entry::Row(row),
        })
    }
}

impl KeptRow {
    fn row(self, place: Place) -> Result<(Row, Option<String>), LargeError> {
        let number = |text: &String| text.parse::<i128>().map_err(damaged);
        let row = Row {
            place,
            keys: self.keys.into_iter().map(|key| key.map(String::into_boxed_str)).collect(),
            unit: Unit::parse(&self.unit).map_err(damaged)?,
            amount: number(&self.amount)?,
            date: self.date.as_deref().map(Date::parse).transpose().map_err(damaged)?,
            status: self.status.map(String::into_boxed_str),
            parent: self.parent.map(String::into_boxed_str),
            fields: self.fields.into_iter().map(KeptField::value).collect::<Result<_, _>>()?,
            parts: self.parts.iter().map(|part| part.as_ref().map(number).transpose()).collect::<Result<_, _>>()?,
            lines: self.lines,
            category: self.category.map(String::into_boxed_str),
            unmapped: None,
        };
        Ok((row, self.excluded))
    }
}

impl KeptField {
    fn value(self) -> Result<FieldValue, LargeError> {
        Ok(match self {
            KeptField::Absent => FieldValue::Absent,
            KeptField::Text(text) => FieldValue::Text(text.into_boxed_str()),
            KeptField::Amount(text) => FieldValue::Amount(text.parse().map_err(damaged)?),
            KeptField::Date(text) => FieldValue::Date(Date::parse(&text).map_err(damaged)?),
        })
    }
}

/// Lines of the spool from a position on; `each` gets the position of each line and the line.
fn lines(
    reader: &mut impl BufRead,
    mut position: u64,
    each: &mut dyn FnMut(u64, Line) -> Result<bool, LargeError>,
) -> Result<(), LargeError> {
    let mut text = Vec::new();
    loop {
        text.clear();
        let read = reader.read_until(b'\n', &mut text).map_err(failed)?;
        if read == 0 || !each(position, serde_json::from_slice(&text).map_err(damaged)?)? {
            return Ok(());
        }
        position += read as u64;
    }
}

impl Statement for Spool {
    fn glance(&self, each: &mut dyn FnMut(Glance<'_>) -> Result<(), LargeError>) -> Result<(), LargeError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut key = String::new();
        lines(&mut BufReader::with_capacity(BUFFER_BYTES, &*file), 0, &mut |position, line| {
            let (row, excluded) = line.row.row(Place { source: "".into(), row: 0 })?;
            let parts = self.on.iter().map(|at| row.keys.get(*at)?.as_deref());
            let keyed = join_key(parts, &self.steps, &mut key) && excluded.is_none();
            each(Glance {
                position,
                key: keyed.then_some(key.as_bytes()),
                unit: row.unit,
                amount: row.amount,
                date: row.date,
                status: row.status.as_deref().unwrap_or_default().as_bytes(),
                fields: content_hash(&row.fields),
                look: excluded.is_some(),
            })?;
            Ok(true)
        })
    }

    fn fetch(
        &self,
        positions: &[u64],
        each: &mut dyn FnMut(Entry) -> Result<(), LargeError>,
    ) -> Result<(), LargeError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        for position in positions {
            file.seek(SeekFrom::Start(*position)).map_err(failed)?;
            lines(&mut BufReader::new(&*file), *position, &mut |_, line| {
                each(self.entry(line)?)?;
                Ok(false)
            })?;
        }
        Ok(())
    }

    fn read(&self, each: &mut dyn FnMut(Entry) -> Result<(), LargeError>) -> Result<(), LargeError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        lines(&mut BufReader::with_capacity(BUFFER_BYTES, &*file), 0, &mut |_, line| {
            each(self.entry(line)?)?;
            Ok(true)
        })
    }
}
