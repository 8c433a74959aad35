//! Streams over files: complete files dropped as a partner would, and what the hub writes watched and booked.
//!
//! Not here: reading and writing files as the hub does (`connector::file`).

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::config::Connection;
use crate::connector::file::compression::Compression;
use crate::connector::file::decimal::DecimalForm;
use crate::connector::file::drop::{Completeness, MarkerName};
use crate::connector::file::encoding::{Encoder, Unmappable};
use crate::connector::file::format::{ColumnNames, CsvFormat, CsvRecordType, FileFormat, RecordRole, XmlFormat};
use crate::connector::file::totals::{ControlValue, TotalCheck};
use crate::connector::manifest::{FileRead, Stream};

use super::book::Book;
use super::manifest_copy::FOLDER;

const LOOK_EVERY: Duration = Duration::from_millis(25);

/// How files of one stream are made.
pub(super) struct FileWay {
    folder: PathBuf,
    read: FileRead,
}

impl FileWay {
    /// The reason if such files cannot be written here.
    pub(super) fn new(connection: &Connection, stream: &Stream, read: &FileRead) -> Result<FileWay, String> {
        let folder = folder(connection, stream, "read").ok_or("it has no folder")?;
        let spec = &read.format;
        if spec.compression != Compression::None {
            return Err("its files are compressed, which a rehearsal does not write".to_owned());
        }
        let control_file = |value: &ControlValue| matches!(value, ControlValue::ControlFile(_));
        let by_control_file = spec.totals.checks.iter().any(|check| match check {
            TotalCheck::Count { stated, .. } | TotalCheck::Sum { stated, .. } | TotalCheck::Sequence { stated, .. } => {
                control_file(stated)
            }
            TotalCheck::Row { .. } | TotalCheck::ZeroSum { .. } | TotalCheck::Distinct { .. } => false,
        });
        if by_control_file {
            return Err("its totals come in a control file, which a rehearsal does not write".to_owned());
        }
        match &spec.format {
            FileFormat::Fixed(_) => {
                return Err("its files have fixed columns, which a rehearsal does not write".to_owned());
            }
            FileFormat::Edi(_) => {
                return Err("its files are EDI interchanges, which a rehearsal does not write".to_owned());
            }
            FileFormat::Csv(CsvFormat { names: ColumnNames::Sections(_), .. }) => {
                return Err("its files are reports in sections, which a rehearsal does not write".to_owned());
            }
            FileFormat::Statement(_) => {
                return Err("its files are bank statements, which a rehearsal does not write".to_owned());
            }
            FileFormat::Csv(_) | FileFormat::Xml(_) | FileFormat::JsonLines(_) | FileFormat::Json(_) => {}
        }
        let way = FileWay { folder, read: read.clone() };
        way.name(1).ok_or("no name can be made that its pattern matches")?;
        if read.pattern.is_constant() {
            return Err("its pattern leaves no room for a second file".to_owned());
        }
        Ok(way)
    }

    fn name(&self, number: u64) -> Option<String> {
        self.read.pattern.example(number)
    }

    /// What a row's key and version see besides the row.
    pub(super) fn envelope(&self, number: u64) -> Value {
        let name = self.name(number).unwrap_or_default();
        let numbers = self.read.pattern.matches(&name).unwrap_or_default();
        let numbers: Vec<u64> = numbers.into_iter().filter_map(|number| u64::try_from(number).ok()).collect();
        let mut header = Map::new();
        if let Some(record) = self.csv().and_then(|csv| of_role(csv, RecordRole::Header)) {
            for column in &record.columns {
                header.insert(column.clone(), json!(number.to_string()));
            }
        }
        json!({ "header": header, "file": { "name": name, "numbers": numbers } })
    }

    fn csv(&self) -> Option<&CsvFormat> {
        match &self.read.format.format {
            FileFormat::Csv(csv) => Some(csv),
            FileFormat::Fixed(_)
            | FileFormat::Xml(_)
            | FileFormat::JsonLines(_)
            | FileFormat::Json(_)
            | FileFormat::Edi(_)
            | FileFormat::Statement(_) => None,
        }
    }

    /// Drops file `number` with these rows: data first, then what says that it is complete.
    pub(super) fn drop_file(&self, number: u64, rows: &[Value]) -> io::Result<()> {
        let name = self.name(number).ok_or_else(|| io::Error::other("no name for the file"))?;
        let text = match &self.read.format.format {
            FileFormat::JsonLines(_) => rows.iter().map(|row| format!("{row}\n")).collect(),
            FileFormat::Json(format) => {
                let records: &Vec<String> = &format.records;
                let wrap = |inner: Value, name: &String| json!({ name.as_str(): inner });
                records.iter().rev().fold(Value::Array(rows.to_vec()), wrap).to_string()
            }
            FileFormat::Xml(format) => xml(format, rows),
            FileFormat::Csv(format) => self.csv_text(format, number, rows)?,
            FileFormat::Fixed(_) => return Err(io::Error::other("fixed columns are not written")),
            FileFormat::Edi(_) => return Err(io::Error::other("EDI interchanges are not written")),
            FileFormat::Statement(_) => return Err(io::Error::other("bank statements are not written")),
        };
        let mut bytes = Vec::with_capacity(text.len());
        let encoder = Encoder { encoding: self.read.format.encoding, unmappable: Unmappable::Replace('?') };
        encoder.encode(&text, &mut bytes).map_err(|cause| io::Error::other(format!("{cause:?}")))?;
        fs::create_dir_all(&self.folder)?;
        let unfinished = self.folder.join(format!("{name}.part"));
        fs::write(&unfinished, bytes)?;
        fs::rename(&unfinished, self.folder.join(&name))?;
        match &self.read.completeness {
            Completeness::Marker { name: marker, .. } => fs::write(self.folder.join(marker.of(&name)), b""),
            Completeness::Rename | Completeness::Stable(_) => Ok(()),
        }
    }

    fn csv_text(&self, format: &CsvFormat, number: u64, rows: &[Value]) -> io::Result<String> {
        let mut lines = Vec::with_capacity(rows.len() + 2);
        for _ in 0..format.skip_records {
            lines.push(vec!["rehearsal".to_owned()]);
        }
        let row_of =
            |row: &Value, columns: &[String]| columns.iter().map(|column| text(&row[column.as_str()])).collect();
        match &format.names {
            ColumnNames::FirstRow { .. } => {
                let members = rows.first().and_then(Value::as_object);
                let columns: Vec<String> = members.map(|row| row.keys().cloned().collect()).unwrap_or_default();
                lines.push(columns.clone());
                lines.extend(rows.iter().map(|row| row_of(row, &columns)));
            }
            ColumnNames::Sections(_) => return Err(io::Error::other("reports in sections are not written")),
            ColumnNames::Given(columns) => lines.extend(rows.iter().map(|row| row_of(row, columns))),
            ColumnNames::ByRecordType(types) => {
                let type_at = types.column.saturating_sub(1);
                let data = of_role(format, RecordRole::Data).ok_or_else(|| io::Error::other("no type of data rows"))?;
                lines.extend(self.stated(format, RecordRole::Header, type_at, number, rows)?);
                for row in rows {
                    let mut line: Vec<String> = row_of(row, &data.columns);
                    if let Some(cell) = line.get_mut(type_at) {
                        cell.clone_from(&data.code);
                    }
                    lines.push(line);
                }
                lines.extend(self.stated(format, RecordRole::Trailer, type_at, number, rows)?);
            }
        }
        let quote = |cell: &String| match format.quote {
            Some(quote) if cell.contains([format.delimiter, quote, '\n', '\r']) => {
                format!("{quote}{}{quote}", cell.replace(quote, &format!("{quote}{quote}")))
            }
            Some(_) | None => cell.replace([format.delimiter, '\n', '\r'], " "),
        };
        let lines =
            lines.iter().map(|line| line.iter().map(quote).collect::<Vec<_>>().join(&format.delimiter.to_string()));
        Ok(lines.map(|line| line + "\n").collect())
    }

    /// The header or the trailer: totals where they are stated, the file's number elsewhere.
    fn stated(
        &self,
        format: &CsvFormat,
        role: RecordRole,
        type_at: usize,
        number: u64,
        rows: &[Value],
    ) -> io::Result<Option<Vec<String>>> {
        let Some(record) = of_role(format, role) else { return Ok(None) };
        let mut line: Vec<String> = record.columns.iter().map(|_| number.to_string()).collect();
        for check in &self.read.format.totals.checks {
            let Some((stated, value)) = total(check, number, rows)? else { continue };
            let column = match (stated, role) {
                (ControlValue::Header(column), RecordRole::Header)
                | (ControlValue::Trailer(column), RecordRole::Trailer) => column,
                (ControlValue::Header(_) | ControlValue::Trailer(_) | ControlValue::ControlFile(_), _) => continue,
            };
            if let Some(cell) = record.columns.iter().position(|known| known == column).and_then(|at| line.get_mut(at))
            {
                *cell = value;
            }
        }
        if let Some(cell) = line.get_mut(type_at) {
            cell.clone_from(&record.code);
        }
        Ok(Some(line))
    }
}

fn of_role(format: &CsvFormat, role: RecordRole) -> Option<&CsvRecordType> {
    match &format.names {
        ColumnNames::ByRecordType(types) => types.types.iter().find(|record| record.role == role),
        ColumnNames::FirstRow { .. } | ColumnNames::Given(_) | ColumnNames::Sections(_) => None,
    }
}

/// Nothing for what rows must satisfy among themselves: nobody states it.
fn total<'c>(check: &'c TotalCheck, number: u64, rows: &[Value]) -> io::Result<Option<(&'c ControlValue, String)>> {
    Ok(Some(match check {
        TotalCheck::Row { .. } | TotalCheck::ZeroSum { .. } | TotalCheck::Distinct { .. } => return Ok(None),
        TotalCheck::Count { stated, .. } => (stated, rows.len().to_string()),
        TotalCheck::Sequence { stated, .. } => (stated, number.to_string()),
        TotalCheck::Sum { stated, column, form, stated_form, positives_only, .. } => {
            let mut sum = Decimal::ZERO;
            for cell in rows.iter().map(|row| text(&row[column.as_str()])).filter(|cell| !cell.trim().is_empty()) {
                let value =
                    form.parse(&cell).map_err(|reason| io::Error::other(format!("{column} `{cell}`: {reason}")))?;
                if !positives_only || value > Decimal::ZERO {
                    sum = sum.checked_add(value).ok_or_else(|| io::Error::other("a sum too large to state"))?;
                }
            }
            (stated, written(sum, *stated_form))
        }
    }))
}

fn written(sum: Decimal, form: DecimalForm) -> String {
    sum.to_string().replace('.', &form.point.to_string())
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other.to_string(),
    }
}

/// Elements in the order of the members; a list repeats its element.
fn xml(format: &XmlFormat, rows: &[Value]) -> String {
    // `//item`: at any depth, so directly below a document element of our own.
    let path: Vec<&str> = match format.record.strip_prefix("//") {
        Some(record) => vec!["rehearsal", record],
        None => format.record.split('/').collect(),
    };
    let Some((root, below)) = path.split_first() else { return String::new() };
    let mut out = format!("<?xml version=\"1.0\"?>\n<{root}>\n");
    for row in rows {
        match below.split_last() {
            Some((record, between)) => {
                between.iter().for_each(|name| out.push_str(&format!("<{name}>")));
                element(record, row, &mut out);
                between.iter().rev().for_each(|name| out.push_str(&format!("</{name}>")));
            }
            None => members(row, &mut out),
        }
        out.push('\n');
    }
    out.push_str(&format!("</{root}>\n"));
    out
}

fn element(name: &str, value: &Value, out: &mut String) {
    if let Value::Array(items) = value {
        items.iter().for_each(|item| element(name, item, out));
        return;
    }
    out.push_str(&format!("<{name}>"));
    members(value, out);
    out.push_str(&format!("</{name}>"));
}

fn members(value: &Value, out: &mut String) {
    match value {
        Value::Object(object) => object.iter().for_each(|(name, value)| element(name, value, out)),
        scalar @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            out.push_str(&text(scalar).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
        }
    }
}

fn folder(connection: &Connection, stream: &Stream, way: &str) -> Option<PathBuf> {
    Some(Path::new(&connection.settings.text(FOLDER)?).join(stream.name.as_str()).join(way))
}

/// One folder that the hub writes into.
pub(super) struct Outbox {
    connection: String,
    stream: String,
    folder: PathBuf,
    marker: Option<MarkerName>,
    booked: BTreeSet<String>,
}

impl Outbox {
    pub(super) fn new(connection: &Connection, stream: &Stream, marker: Option<MarkerName>) -> Option<Outbox> {
        Some(Outbox {
            connection: connection.name.value.clone(),
            stream: stream.name.value.clone(),
            folder: folder(connection, stream, "write")?,
            marker,
            booked: BTreeSet::new(),
        })
    }

    /// Books each row of files that are complete now and were not before.
    fn look(&mut self, book: &Book) -> io::Result<()> {
        let listed = match fs::read_dir(&self.folder) {
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let names: BTreeSet<String> =
            listed.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        for name in &names {
            let complete = match &self.marker {
                Some(marker) => names.contains(&marker.of(name)),
                None => !name.starts_with('.') && ![".tmp", ".part"].iter().any(|ending| name.ends_with(ending)),
            };
            if !complete || self.booked.contains(name) {
                continue;
            }
            let content = fs::read(self.folder.join(name))?;
            for line in content.split(|byte| *byte == b'\n') {
                // Heads and trailers name no record.
                if !book.tokens().found_in(line).is_empty() {
                    book.arrived(&self.connection, &self.stream, line);
                }
            }
            self.booked.insert(name.clone());
        }
        Ok(())
    }
}

/// Watches until told to stop, and once more then.
pub(super) async fn watch(mut outboxes: Vec<Outbox>, book: Arc<Book>, stop: CancellationToken) {
    loop {
        let last = stop.is_cancelled();
        for outbox in &mut outboxes {
            if let Err(error) = outbox.look(&book) {
                tracing::warn!(folder = %outbox.folder.display(), %error, "what the hub wrote cannot be read");
            }
        }
        if last {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stop.cancelled() => {}
        }
    }
}
