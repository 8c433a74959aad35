//! An extract: what a side that is no file said at one moment, written down line by line, so that it can be read twice, hashed,
//! kept, and read again when the run is proved.
//!
//! One JSON object a line. Not here: where its records come from (`taken`), which of their values are rows (`record_rows`).

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::recon::large::{Glance, LargeError, Statement, content_hash};
use crate::recon::matching::join_key;
use crate::recon::normalise::Normaliser;
use crate::recon::report::Input;
use crate::recon::row::{Entry, Place, Side};
use crate::recon::rules::{How, KeyIndex, RuleSet};
use crate::recon::unit::{Totals, Unit};

use super::written::{Written, entry, parts};

/// Which record of which revision a row was made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// The vendor's key.
    pub record: String,
    pub revision: i64,
    /// The latest moment at which the vendor can have said so.
    pub as_of: i64,
}

/// A line: a record and what became of it.
#[derive(Serialize, Deserialize)]
struct Line {
    id: u64,
    #[serde(flatten)]
    origin: Origin,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    rejected: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    excluded: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    row: Option<Written>,
}

/// Writes an extract.
pub struct Writer {
    path: PathBuf,
    name: Arc<str>,
    file: BufWriter<File>,
    hash: Sha256,
    lines: u64,
}

impl Writer {
    pub fn create(path: &Path, name: &str) -> Result<Writer, LargeError> {
        let file = File::create(path).map_err(failed("writing", path))?;
        let (path, name) = (path.to_owned(), name.into());
        Ok(Writer { path, name, file: BufWriter::new(file), hash: Sha256::new(), lines: 0 })
    }

    pub fn write(&mut self, id: u64, origin: Origin, entry: Entry) -> Result<(), LargeError> {
        let (rejected, excluded, row) = parts(entry);
        let line = Line { id, origin, rejected, excluded, row };
        let mut text = serde_json::to_vec(&line).map_err(|error| damaged(&self.name, error.to_string()))?;
        text.push(b'\n');
        self.hash.update(&text);
        self.lines += 1;
        self.file.write_all(&text).map_err(failed("writing", &self.path))
    }

    /// Ends the extract and opens it.
    pub fn finish(mut self, rules: &RuleSet) -> Result<Extract, LargeError> {
        self.file.flush().map_err(failed("writing", &self.path))?;
        let sha256 = hex::encode(self.hash.finalize());
        Ok(Extract::opened(self.path, self.name, sha256, rules))
    }
}

/// A finished extract.
pub struct Extract {
    path: PathBuf,
    name: Arc<str>,
    sha256: String,
    /// The first pass's key.
    on: Vec<KeyIndex>,
    steps: Vec<Normaliser>,
    seen: Mutex<Totals>,
    /// Of rows that were looked at in full.
    origins: Mutex<HashMap<u64, Origin>>,
}

impl Extract {
    /// One that was kept; its hash is computed.
    pub fn open(path: &Path, name: &str, rules: &RuleSet) -> Result<Extract, LargeError> {
        let sha256 = crate::recon::large::sha256(path)?;
        Ok(Extract::opened(path.to_owned(), name.into(), sha256, rules))
    }

    fn opened(path: PathBuf, name: Arc<str>, sha256: String, rules: &RuleSet) -> Extract {
        let (on, steps) = match rules.passes.first().map(|pass| &pass.how) {
            Some(How::Keyed(keyed)) => (keyed.on.clone(), keyed.normalise.clone()),
            Some(How::Grouped(grouped)) => (grouped.by.clone(), grouped.normalise.clone()),
            Some(How::Window(_) | How::Subset(_)) | None => (Vec::new(), Vec::new()),
        };
        Extract { path, name, sha256, on, steps, seen: Mutex::default(), origins: Mutex::default() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Which record a row was made of, if it was looked at in full.
    pub fn origin(&self, place: &Place) -> Option<Origin> {
        if place.source != self.name {
            return None;
        }
        self.origins.lock().unwrap_or_else(PoisonError::into_inner).get(&place.row).cloned()
    }

    /// What went in, after it was read.
    pub fn input(&self, side: Side) -> Input {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let control = |unit: Unit| format!("sum {} {unit}", unit.decimal(seen.of(unit).amount));
        Input {
            side: side.as_str().to_owned(),
            source: self.name.to_string(),
            sha256: self.sha256.clone(),
            rows: seen.rows,
            controls: seen.units().map(control).collect(),
        }
    }

    fn line(&self, text: &str) -> Result<(u64, Origin, Entry), LargeError> {
        let line: Line = serde_json::from_str(text).map_err(|error| damaged(&self.name, error.to_string()))?;
        let place = Place { source: self.name.clone(), row: line.id };
        let entry = entry((line.rejected, line.excluded, line.row), place);
        let entry = entry.map_err(|reason| damaged(&self.name, reason))?;
        Ok((line.id, line.origin, entry))
    }

    fn reader(&self) -> Result<BufReader<File>, LargeError> {
        File::open(&self.path).map(BufReader::new).map_err(failed("reading", &self.path))
    }
}

/// Which records the rows of these numbers were made of.
pub fn origins(path: &Path, wanted: &std::collections::BTreeSet<u64>) -> Result<HashMap<u64, Origin>, LargeError> {
    let reader = File::open(path).map(BufReader::new).map_err(failed("reading", path))?;
    let mut found = HashMap::new();
    for text in reader.lines() {
        let text = text.map_err(failed("reading", path))?;
        let line: Line = serde_json::from_str(&text).map_err(|error| damaged("extract", error.to_string()))?;
        if wanted.contains(&line.id) {
            found.insert(line.id, line.origin);
        }
    }
    Ok(found)
}

fn damaged(name: &str, reason: String) -> LargeError {
    LargeError::Source { source_name: name.to_owned(), reason: format!("its extract cannot be read: {reason}") }
}

fn failed(doing: &str, path: &Path) -> impl Fn(std::io::Error) -> LargeError {
    let what = format!("{doing} {}", path.display());
    move |error| LargeError::Io { what: what.clone(), error }
}

impl Statement for Extract {
    fn glance(&self, each: &mut dyn FnMut(Glance<'_>) -> Result<(), LargeError>) -> Result<(), LargeError> {
        let mut reader = self.reader()?;
        let (mut text, mut key, mut position) = (String::new(), String::new(), 0_u64);
        let mut seen = Totals::default();
        loop {
            text.clear();
            let bytes = reader.read_line(&mut text).map_err(failed("reading", &self.path))?;
            if bytes == 0 {
                break;
            }
            let at = position;
            position += bytes as u64;
            let (_, _, entry) = self.line(&text)?;
            let Entry::Row(row) = entry else {
                seen.add_without_amount();
                let (unit, status) = (Unit::Pieces, &b""[..]);
                each(Glance { position: at, key: None, unit, amount: 0, date: None, status, fields: 0, look: true })?;
                continue;
            };
            let parts = self.on.iter().map(|key| row.keys.get(*key)?.as_deref());
            let keyed = join_key(parts, &self.steps, &mut key);
            seen.add(row.unit, row.amount)?;
            each(Glance {
                position: at,
                key: keyed.then_some(key.as_bytes()),
                unit: row.unit,
                amount: row.amount,
                date: row.date,
                status: row.status.as_deref().unwrap_or_default().as_bytes(),
                fields: content_hash(&row.fields),
                look: false,
            })?;
        }
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        Ok(())
    }

    fn fetch(
        &self,
        positions: &[u64],
        each: &mut dyn FnMut(Entry) -> Result<(), LargeError>,
    ) -> Result<(), LargeError> {
        let mut reader = self.reader()?;
        let mut text = String::new();
        for position in positions {
            reader.seek(SeekFrom::Start(*position)).map_err(failed("reading", &self.path))?;
            text.clear();
            reader.read_line(&mut text).map_err(failed("reading", &self.path))?;
            let (id, origin, entry) = self.line(&text)?;
            self.origins.lock().unwrap_or_else(PoisonError::into_inner).insert(id, origin);
            each(entry)?;
        }
        Ok(())
    }

    fn read(&self, each: &mut dyn FnMut(Entry) -> Result<(), LargeError>) -> Result<(), LargeError> {
        for text in self.reader()?.lines() {
            let (_, _, entry) = self.line(&text.map_err(failed("reading", &self.path))?)?;
            each(entry)?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::Date;
    use crate::recon::row::{FieldValue, Row};
    use crate::recon::rules::Measure;

    /// Kept extracts are read by later versions, and their hash is the run's input: their bytes do not change.
    const KEPT: &str = r#"{"id":7,"record":"e1","revision":3,"as_of":9,"row":{"keys":["K",null],"unit":"EUR","amount":"-1200","date":"2026-11-05","status":"paid","parent":null,"fields":["absent",{"text":"x"},{"amount":"190"},{"date":"2026-11-06"}],"parts":[null,"170141183460469231731687303715884105727"],"lines":2,"category":"fee"}}
{"id":7,"record":"e1","revision":3,"as_of":9,"excluded":"test","row":{"keys":["K",null],"unit":"EUR","amount":"-1200","date":"2026-11-05","status":"paid","parent":null,"fields":["absent",{"text":"x"},{"amount":"190"},{"date":"2026-11-06"}],"parts":[null,"170141183460469231731687303715884105727"],"lines":2,"category":"fee"}}
{"id":8,"record":"e2","revision":1,"as_of":9,"rejected":"the record has no total"}
"#;

    #[test]
    fn what_is_kept_is_read_back_and_its_bytes_stay() {
        let folder = tempfile::tempdir().unwrap();
        let rules = RuleSet::keyed("r", "k", Measure::Money);
        let place = |row| Place { source: "erp.orders".into(), row };
        let day = |text: &str| Date::parse(text).unwrap();
        let row = Row {
            place: place(7),
            keys: [Some("K".into()), None].into(),
            unit: Unit::parse("EUR").unwrap(),
            amount: -1_200,
            date: Some(day("2026-11-05")),
            status: Some("paid".into()),
            parent: None,
            fields: [
                FieldValue::Absent,
                FieldValue::Text("x".into()),
                FieldValue::Amount(190),
                FieldValue::Date(day("2026-11-06")),
            ]
            .into(),
            parts: [None, Some(i128::MAX)].into(),
            lines: 2,
            category: Some("fee".into()),
            unmapped: None,
        };
        let entries = [
            Entry::Row(row.clone()),
            Entry::Excluded { rule: "test".into(), row },
            Entry::Rejected { place: place(8), reason: "the record has no total".into(), amount: None },
        ];
        let path = folder.path().join("x.jsonl");
        let mut writer = Writer::create(&path, "erp.orders").unwrap();
        for (entry, (id, record, revision)) in entries.iter().zip([(7, "e1", 3), (7, "e1", 3), (8, "e2", 1)]) {
            writer.write(id, Origin { record: record.into(), revision, as_of: 9 }, entry.clone()).unwrap();
        }
        let extract = writer.finish(&rules).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), KEPT);
        let mut positions = Vec::new();
        let mut glanced = |glance: Glance<'_>| {
            positions.push(glance.position);
            Ok(())
        };
        extract.glance(&mut glanced).unwrap();
        let mut read = Vec::new();
        let mut fetched = |entry| {
            read.push(entry);
            Ok(())
        };
        extract.fetch(&positions, &mut fetched).unwrap();
        assert_eq!(read, entries);
    }
}
