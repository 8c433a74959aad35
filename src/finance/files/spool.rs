//! Rows that were read once, set aside on disk so that they can be looked at again without the connector.
//!
//! The file is unlinked as soon as it is open: a crash leaves nothing behind. Not here: reading statements.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::finance::written::{Parts, Written, entry};
use crate::recon::large::{Glance, LargeError, Statement, content_hash};
use crate::recon::matching::join_key;
use crate::recon::normalise::Normaliser;
use crate::recon::row::{Entry, Place};
use crate::recon::rules::{How, KeyIndex, RuleSet};
use crate::recon::unit::Unit;

/// Bytes that are written at once.
const BUFFER_BYTES: usize = 1 << 18;

/// What became of a record, with where it stood: the file's number and the row in it.
#[derive(Serialize, Deserialize)]
struct Line {
    at: (usize, u64),
    rejected: Option<Box<str>>,
    excluded: Option<Box<str>>,
    row: Option<Written>,
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

    /// What places of a file's rows say.
    pub(super) fn name(&self, source: usize) -> Arc<str> {
        self.sources.get(source).cloned().unwrap_or_default()
    }

    pub(super) fn push(&mut self, source: usize, place: u64, parts: Parts) -> Result<(), LargeError> {
        let (rejected, excluded, row) = parts;
        let line = Line { at: (source, place), rejected, excluded, row };
        serde_json::to_writer(&mut self.buffer, &line).map_err(damaged)?;
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
        entry((line.rejected, line.excluded, line.row), Place { source, row }).map_err(damaged)
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
            let (row, excluded) = match self.entry(line)? {
                Entry::Row(row) => (row, false),
                Entry::Excluded { row, .. } => (row, true),
                Entry::Rejected { .. } => {
                    let (unit, status) = (Unit::Pieces, &b""[..]);
                    each(Glance { position, key: None, unit, amount: 0, date: None, status, fields: 0, look: true })?;
                    return Ok(true);
                }
            };
            let parts = self.on.iter().map(|at| row.keys.get(*at)?.as_deref());
            let keyed = join_key(parts, &self.steps, &mut key) && !excluded;
            each(Glance {
                position,
                key: keyed.then_some(key.as_bytes()),
                unit: row.unit,
                amount: row.amount,
                date: row.date,
                status: row.status.as_deref().unwrap_or_default().as_bytes(),
                fields: content_hash(&row.fields),
                look: excluded,
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
