//! Delimited text as a statement, by named columns: the fast way for large exports that need no mapping.
//!
//! The file is read in passes and must not change in between; its size and time are compared. Not here: files that only a
//! connector understands.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::Date;
use crate::recon::matching::join_key;
use crate::recon::normalise::Normaliser;
use crate::recon::row::{Entry, FieldValue, Place, Row};
use crate::recon::rules::{How, KeyIndex, RuleSet};
use crate::recon::unit::{Totals, Unit};

use super::digest::{Content, Glance};
use super::reading::Sums;
use super::{LargeError, Statement};

/// Which columns are what, by their names in the header.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    /// One per key of the rules; a key that this side does not have is nothing.
    pub keys: Vec<Option<String>>,
    pub amount: String,
    /// The currency's column, or else one unit for all rows.
    pub unit: Option<String>,
    pub fixed_unit: Option<Unit>,
    pub date: Option<String>,
    pub status: Option<String>,
    pub parent: Option<String>,
    pub category: Option<String>,
    /// How many taxed lines went into the amount.
    pub lines: Option<String>,
    /// One per compared field of the rules.
    pub fields: Vec<Option<FieldColumn>>,
    /// One per part of the rules; amounts.
    pub parts: Vec<Option<String>>,
    pub exclude: Vec<Excluding>,
    /// First and last day; rows dated otherwise are out of scope, rows without a date are in it.
    pub period: Option<[Date; 2]>,
}

/// Rows whose column has one of these values are out of scope.
#[derive(Debug, Clone)]
pub struct Excluding {
    pub rule: Arc<str>,
    pub column: String,
    pub is: Vec<String>,
}

/// The rule that rows outside of the period are excluded by.
pub const OUTSIDE_THE_PERIOD: &str = "outside the period";

#[derive(Debug, Clone)]
pub struct FieldColumn {
    pub name: String,
    pub kind: FieldKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    Text,
    Amount,
    Date,
}

/// Columns by position.
struct Positions {
    keys: Vec<Option<usize>>,
    amount: usize,
    unit: Option<usize>,
    date: Option<usize>,
    status: Option<usize>,
    parent: Option<usize>,
    category: Option<usize>,
    lines: Option<usize>,
    fields: Vec<Option<(usize, FieldKind)>>,
    parts: Vec<Option<usize>>,
    exclude: Vec<usize>,
}

/// A delimited file with a header line.
pub struct Delimited {
    path: PathBuf,
    name: Arc<str>,
    delimiter: u8,
    columns: Columns,
    at: Positions,
    /// The first pass's key.
    on: Vec<KeyIndex>,
    steps: Vec<Normaliser>,
    stamp: Stamp,
    seen: Mutex<Totals>,
}

/// Size and time of change: another file, or one that is still written, differs.
#[derive(PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: Option<std::time::SystemTime>,
}

const BUFFER_BYTES: usize = 1 << 18;

impl Delimited {
    pub fn open(path: &Path, delimiter: u8, columns: Columns, rules: &RuleSet) -> Result<Delimited, LargeError> {
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let refuse = |reason: String| LargeError::Source { source_name: path.display().to_string(), reason };
        let mut reader = reader(path, delimiter)?;
        let header = reader.headers().map_err(|error| refuse(format!("its header cannot be read: {error}")))?.clone();
        let find = |wanted: &str| {
            header.iter().position(|column| column.trim_start_matches('\u{feff}') == wanted).ok_or_else(|| {
                let known = header.iter().collect::<Vec<_>>().join(", ");
                refuse(format!("it has no column `{wanted}`; its columns are {known}"))
            })
        };
        let optional = |wanted: &Option<String>| wanted.as_deref().map(find).transpose();
        if columns.unit.is_none() && columns.fixed_unit.is_none() {
            return Err(refuse("neither a currency column nor one currency for all rows is given".to_owned()));
        }
        let fields = |column: &Option<FieldColumn>| match column {
            Some(column) => find(&column.name).map(|at| Some((at, column.kind))),
            None => Ok(None),
        };
        let at = Positions {
            keys: columns.keys.iter().map(optional).collect::<Result<_, _>>()?,
            amount: find(&columns.amount)?,
            unit: optional(&columns.unit)?,
            date: optional(&columns.date)?,
            status: optional(&columns.status)?,
            parent: optional(&columns.parent)?,
            category: optional(&columns.category)?,
            lines: optional(&columns.lines)?,
            fields: columns.fields.iter().map(fields).collect::<Result<_, _>>()?,
            parts: columns.parts.iter().map(optional).collect::<Result<_, _>>()?,
            exclude: columns.exclude.iter().map(|rule| find(&rule.column)).collect::<Result<_, _>>()?,
        };
        let (on, steps) = first_key(rules);
        let stamp = stamp(path)?;
        Ok(Delimited {
            path: path.to_owned(),
            name: name.into(),
            delimiter,
            columns,
            at,
            on,
            steps,
            stamp,
            seen: Mutex::default(),
        })
    }

    /// What the last reading saw: all rows, and the sums of those that are readable and in scope.
    pub fn seen(&self) -> Totals {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    fn changed(&self) -> Result<(), LargeError> {
        if stamp(&self.path)? == self.stamp {
            return Ok(());
        }
        Err(self.refuse("it changed while it was read; run again when it is complete".to_owned()))
    }

    fn refuse(&self, reason: String) -> LargeError {
        LargeError::Source { source_name: self.name.to_string(), reason }
    }

    /// The parts of a record that agreement needs; why not, if it has none.
    fn parse<'r>(&self, record: &'r csv::StringRecord, units: &mut Units) -> Result<Parsed<'r>, String> {
        let text = |at: usize, what: &str| record.get(at).ok_or_else(|| format!("the row has no column for {what}"));
        let optional = |at: Option<usize>| at.and_then(|at| record.get(at)).filter(|text| !text.is_empty());
        let unit = match (self.at.unit, self.columns.fixed_unit) {
            (Some(at), _) => units.parse(text(at, "the currency")?)?,
            (None, Some(unit)) => unit,
            (None, None) => return Err("no currency".to_owned()),
        };
        let amount = unit.amount(text(self.at.amount, "the amount")?).map_err(|error| error.to_string())?;
        let date = optional(self.at.date).map(Date::parse).transpose().map_err(|error| error.to_string())?;
        Ok(Parsed { unit, amount, date, status: optional(self.at.status) })
    }

    fn fields(&self, record: &csv::StringRecord, unit: Unit, into: &mut Vec<FieldValue>) -> Result<(), String> {
        into.clear();
        for column in &self.at.fields {
            let text = column.and_then(|(at, kind)| Some((record.get(at).filter(|text| !text.is_empty())?, kind)));
            into.push(match text {
                None => FieldValue::Absent,
                Some((text, FieldKind::Text)) => FieldValue::Text(text.into()),
                Some((text, FieldKind::Amount)) => {
                    FieldValue::Amount(unit.amount(text).map_err(|error| error.to_string())?)
                }
                Some((text, FieldKind::Date)) => {
                    FieldValue::Date(Date::parse(text).map_err(|error| error.to_string())?)
                }
            });
        }
        Ok(())
    }

    /// As `fields`, for their hash alone.
    fn content(&self, record: &csv::StringRecord, unit: Unit, into: &mut Content) -> Result<u64, String> {
        let mut fields = self.at.fields.iter();
        let read = fields.try_for_each(|column| {
            match column.and_then(|(at, kind)| Some((record.get(at).filter(|text| !text.is_empty())?, kind))) {
                None => into.absent(),
                Some((text, FieldKind::Text)) => into.text(text),
                Some((text, FieldKind::Amount)) => into.amount(unit.amount(text).map_err(|error| error.to_string())?),
                Some((text, FieldKind::Date)) => into.date(Date::parse(text).map_err(|error| error.to_string())?),
            }
            Ok(())
        });
        let hash = into.hash();
        read.map(|()| hash)
    }

    /// The rule by which a row is out of scope.
    fn excluded(&self, record: &csv::StringRecord, date: Option<Date>) -> Option<Arc<str>> {
        let by_value = self.columns.exclude.iter().zip(&self.at.exclude);
        let mut by_value = by_value.filter(|(rule, at)| rule.is.iter().any(|value| record.get(**at) == Some(value)));
        let outside = |[from, to]: [Date; 2]| date.is_some_and(|date| date < from || date > to);
        match by_value.next() {
            Some((rule, _)) => Some(rule.rule.clone()),
            None => self.columns.period.is_some_and(outside).then(|| OUTSIDE_THE_PERIOD.into()),
        }
    }

    fn entry(&self, record: &csv::StringRecord, place: &Place) -> Result<Entry, String> {
        let row = self.row(record, place)?;
        Ok(match self.excluded(record, row.date) {
            Some(rule) => Entry::Excluded { rule, row },
            None => Entry::Row(row),
        })
    }

    /// What became of a line of the file.
    fn entry_of(&self, bytes: &csv::ByteRecord, width: usize, line: u64) -> Entry {
        let place = Place { source: self.name.clone(), row: line };
        let entry = match csv::StringRecord::from_byte_record(bytes.clone()) {
            Err(_) => Err("the line is not UTF-8".to_owned()),
            Ok(record) if record.len() != width => {
                Err(format!("the line has {} columns, the header {width}", record.len()))
            }
            Ok(record) => self.entry(&record, &place),
        };
        entry.unwrap_or_else(|reason| Entry::Rejected { place, reason: reason.into(), amount: None })
    }

    fn row(&self, record: &csv::StringRecord, place: &Place) -> Result<Row, String> {
        let Parsed { unit, amount, date, status } = self.parse(record, &mut Units::default())?;
        let mut fields = Vec::new();
        self.fields(record, unit, &mut fields)?;
        let text = |at: Option<usize>| at.and_then(|at| record.get(at)).filter(|text| !text.is_empty()).map(Box::from);
        Ok(Row {
            place: place.clone(),
            keys: self.at.keys.iter().map(|at| text(*at)).collect(),
            unit,
            amount,
            date,
            status: status.map(Box::from),
            parent: text(self.at.parent),
            fields: fields.into(),
            parts: self.parts(record, unit)?,
            lines: match text(self.at.lines) {
                Some(lines) => lines.parse().map_err(|_| format!("`{lines}` is no number of lines"))?,
                None => 0,
            },
            category: text(self.at.category),
            unmapped: None,
        })
    }

    fn parts(&self, record: &csv::StringRecord, unit: Unit) -> Result<Box<[Option<i128>]>, String> {
        let part = |at: &Option<usize>| {
            let text = at.and_then(|at| record.get(at)).filter(|text| !text.is_empty());
            text.map(|text| unit.amount(text)).transpose().map_err(|error| error.to_string())
        };
        self.at.parts.iter().map(part).collect()
    }
}

/// The units of the rows before: a statement is in a few.
#[derive(Default)]
struct Units(Vec<(Box<str>, Unit)>);

/// Looked at one after the other.
const UNITS: usize = 8;

impl Units {
    fn parse(&mut self, text: &str) -> Result<Unit, String> {
        if let Some((_, unit)) = self.0.iter().find(|(known, _)| **known == *text) {
            return Ok(*unit);
        }
        let unit = Unit::parse(text).map_err(|error| error.to_string())?;
        if self.0.len() < UNITS {
            self.0.push((text.into(), unit));
        }
        Ok(unit)
    }
}

struct Parsed<'r> {
    unit: Unit,
    amount: i128,
    date: Option<Date>,
    status: Option<&'r str>,
}

fn first_key(rules: &RuleSet) -> (Vec<KeyIndex>, Vec<Normaliser>) {
    match rules.passes.first().map(|pass| &pass.how) {
        Some(How::Keyed(keyed)) => (keyed.on.clone(), keyed.normalise.clone()),
        Some(How::Grouped(grouped)) => (grouped.by.clone(), grouped.normalise.clone()),
        Some(How::Window(_) | How::Subset(_)) | None => (Vec::new(), Vec::new()),
    }
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> LargeError {
    let what = format!("reading {}", path.display());
    move |error| LargeError::Io { what: what.clone(), error }
}

fn stamp(path: &Path) -> Result<Stamp, LargeError> {
    let metadata = std::fs::metadata(path).map_err(failed(path))?;
    Ok(Stamp { bytes: metadata.len(), modified: metadata.modified().ok() })
}

fn reader(path: &Path, delimiter: u8) -> Result<csv::Reader<File>, LargeError> {
    let file = File::open(path).map_err(failed(path))?;
    Ok(csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).buffer_capacity(BUFFER_BYTES).from_reader(file))
}

impl Statement for Delimited {
    fn glance(&self, each: &mut dyn FnMut(Glance<'_>) -> Result<(), LargeError>) -> Result<(), LargeError> {
        let mut reader = reader(&self.path, self.delimiter)?;
        let width = reader.byte_headers().map_err(|error| self.refuse(error.to_string()))?.len();
        let (mut bytes, mut key) = (csv::ByteRecord::new(), String::new());
        let (mut units, mut content, mut sums) = (Units::default(), Content::default(), Sums::default());
        let mut position = reader.position().byte();
        let mut seen = Totals::default();
        loop {
            if !reader.read_byte_record(&mut bytes).map_err(|error| self.refuse(error.to_string()))? {
                break;
            }
            let at = std::mem::replace(&mut position, reader.position().byte());
            let at = bytes.position().map_or(at, csv::Position::byte);
            let unread = Glance {
                position: at,
                key: None,
                unit: Unit::Pieces,
                amount: 0,
                date: None,
                status: b"",
                fields: 0,
                look: true,
            };
            let complete = bytes.len() == width;
            let record = match csv::StringRecord::from_byte_record(std::mem::take(&mut bytes)) {
                Ok(record) => record,
                Err(_) => {
                    seen.add_without_amount();
                    each(unread)?;
                    continue;
                }
            };
            let parts =
                self.on.iter().map(|key| self.at.keys.get(*key).copied().flatten().and_then(|at| record.get(at)));
            let keyed = join_key(parts, &self.steps, &mut key);
            let parsed = self.parse(&record, &mut units).and_then(|parsed| {
                let fields = self.content(&record, parsed.unit, &mut content)?;
                Ok((parsed, fields))
            });
            let plain = |(parsed, _): &(Parsed<'_>, u64)| complete && self.excluded(&record, parsed.date).is_none();
            match parsed.ok().filter(plain) {
                Some((Parsed { unit, amount, date, status }, fields)) => {
                    sums.add(&mut seen, unit, amount)?;
                    each(Glance {
                        position: at,
                        key: keyed.then_some(key.as_bytes()),
                        unit,
                        amount,
                        date,
                        status: status.unwrap_or_default().as_bytes(),
                        fields,
                        look: false,
                    })?;
                }
                None => {
                    seen.add_without_amount();
                    each(unread)?;
                }
            }
            bytes = record.into_byte_record();
        }
        sums.flush(&mut seen)?;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        self.changed()
    }

    fn fetch(
        &self,
        positions: &[u64],
        each: &mut dyn FnMut(Entry) -> Result<(), LargeError>,
    ) -> Result<(), LargeError> {
        let mut reader = reader(&self.path, self.delimiter)?;
        let width = reader.byte_headers().map_err(|error| self.refuse(error.to_string()))?.len();
        let mut lines = Lines::open(&self.path)?;
        let mut bytes = csv::ByteRecord::new();
        for position in positions {
            let line = lines.at(*position).map_err(failed(&self.path))?;
            let mut to = csv::Position::new();
            to.set_byte(*position).set_line(line);
            reader.seek(to).map_err(|error| self.refuse(error.to_string()))?;
            if !reader.read_byte_record(&mut bytes).map_err(|error| self.refuse(error.to_string()))? {
                return Err(
                    self.refuse(format!("line {line} is not there any more: the file changed while it was read"))
                );
            }
            each(self.entry_of(&bytes, width, line))?;
        }
        self.changed()
    }

    fn read(&self, each: &mut dyn FnMut(Entry) -> Result<(), LargeError>) -> Result<(), LargeError> {
        let mut reader = reader(&self.path, self.delimiter)?;
        let width = reader.byte_headers().map_err(|error| self.refuse(error.to_string()))?.len();
        let mut lines = Lines::open(&self.path)?;
        let mut bytes = csv::ByteRecord::new();
        while reader.read_byte_record(&mut bytes).map_err(|error| self.refuse(error.to_string()))? {
            // A record that was read has its position.
            let at = bytes.position().map_or(0, csv::Position::byte);
            let line = lines.at(at).map_err(failed(&self.path))?;
            each(self.entry_of(&bytes, width, line))?;
        }
        self.changed()
    }
}

/// Line numbers of byte positions, asked for in order.
struct Lines {
    file: BufReader<File>,
    byte: u64,
    line: u64,
}

impl Lines {
    fn open(path: &Path) -> Result<Lines, LargeError> {
        let file = File::open(path).map_err(failed(path))?;
        Ok(Lines { file: BufReader::with_capacity(BUFFER_BYTES, file), byte: 0, line: 1 })
    }

    fn at(&mut self, position: u64) -> std::io::Result<u64> {
        while self.byte < position {
            let left = position - self.byte;
            let buffer = self.file.fill_buf()?;
            let take = (buffer.len() as u64).min(left) as usize;
            if take == 0 {
                break;
            }
            self.line += memchr::memchr_iter(b'\n', &buffer[..take]).count() as u64;
            self.file.consume(take);
            self.byte += take as u64;
        }
        Ok(self.line)
    }
}

/// Reads a file's bytes for their hash, which reports name.
pub fn sha256(path: &Path) -> Result<String, LargeError> {
    use sha2::{Digest, Sha256};
    let mut file = File::open(path).map_err(failed(path))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0_u8; BUFFER_BYTES];
    loop {
        let read = file.read(&mut buffer).map_err(failed(path))?;
        if read == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(&buffer[..read]);
    }
}
