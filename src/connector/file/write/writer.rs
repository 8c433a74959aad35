//! Writes rows one by one and keeps count, so that header, trailer and summary agree with what was written.

use std::io::Write;

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::csv::{self, Cell};
use super::edi_interchange::Interchange;
use super::spec::{ControlCell, CsvWrite, FixedWrite, OutColumn, OutLineEnd, WriteFormat, WriteSpec};
use super::value::text_of;
use super::{fixed, xml};
use crate::connector::file::decimal::DecimalForm;
use crate::connector::file::encoding::Encoder;
use crate::connector::file::error::{FileCause, FileError};
use crate::connector::file::format::{FixedLineEnd, FixedRecordTypes, RecordRole};
use crate::connector::file::row::Place;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteSummary {
    pub rows: u64,
    pub bytes: u64,
}

/// Call `new`, then `row` for each row, then `finish`; a file without `finish` is incomplete.
pub struct FileWriter<'a, W: Write> {
    spec: &'a WriteSpec,
    file: &'a str,
    given: &'a Map<String, Value>,
    out: W,
    encoder: Encoder,
    buffer: Vec<u8>,
    /// Field, form, whether only positives count, sum so far.
    sums: Vec<(&'a ControlCell, Decimal)>,
    rows: u64,
    bytes: u64,
    /// Open from `new` to `finish` where the format is EDI.
    interchange: Option<Interchange>,
}

type Named<T> = Result<T, (String, FileCause)>;

impl<'a, W: Write> FileWriter<'a, W> {
    /// Writes whatever precedes the rows. `given` holds the values of `ControlCell::Given`.
    pub fn new(file: &'a str, spec: &'a WriteSpec, given: &'a Map<String, Value>, out: W) -> Result<Self, FileError> {
        let encoder = Encoder { encoding: spec.encoding, unmappable: spec.unmappable };
        let sums = trailer_cells(spec).into_iter().filter(|cell| is_sum(cell)).map(|cell| (cell, Decimal::ZERO));
        let sums = sums.collect();
        let (buffer, interchange) = (Vec::new(), None);
        let mut writer = Self { spec, file, given, out, encoder, buffer, sums, rows: 0, bytes: 0, interchange };
        let started = writer.start();
        started.map_err(|(column, cause)| FileError::new(file, cause).column(column))?;
        writer.flush()?;
        Ok(writer)
    }

    fn start(&mut self) -> Named<()> {
        if self.spec.byte_order_mark {
            self.buffer.extend_from_slice(self.spec.encoding.byte_order_mark());
        }
        match &self.spec.format {
            WriteFormat::Csv(csv) => {
                if csv.names_row {
                    let names = csv.columns.iter().map(|column| match column {
                        OutColumn::Field(name) | OutColumn::Literal(name) => (None, name.clone()),
                    });
                    let line = csv::record(csv, &self.encoder, &names.collect::<Vec<_>>())?;
                    self.line(&line)?;
                }
                csv.header.as_deref().map_or(Ok(()), |cells| self.csv_control(csv, cells))
            }
            WriteFormat::Fixed(fixed) if fixed.header.is_empty() => Ok(()),
            WriteFormat::Fixed(fixed) => self.fixed_control(fixed, RecordRole::Header, &fixed.header),
            WriteFormat::Xml(format) => {
                let text = xml::prologue(format, self.spec.encoding).map_err(|cause| ("prologue".to_owned(), cause))?;
                self.line(&text)
            }
            WriteFormat::JsonLines => Ok(()),
            WriteFormat::Edi(edi) => {
                let interchange = Interchange::new(edi, self.given)?;
                let text = interchange.open(edi, self.encoder, self.given)?;
                self.interchange = Some(interchange);
                self.encode(&text)
            }
        }
    }

    /// Writes one row; it must be an object. After an error nothing of the row was written.
    pub fn row(&mut self, row: &Value) -> Result<(), FileError> {
        let place = Place { row: self.rows + 1, line: self.rows + 1, byte_offset: self.bytes };
        let written = match row.as_object() {
            Some(row) => self.encode_row(row),
            None => Err(("row".to_owned(), FileCause::NotAnObject("something else"))),
        };
        if let Err((column, cause)) = written {
            self.buffer.clear();
            return Err(FileError::new(self.file, cause).at(place).column(column));
        }
        self.rows += 1;
        self.flush()
    }

    fn encode_row(&mut self, row: &Map<String, Value>) -> Named<()> {
        let mut sums = self.sums.clone();
        for (cell, sum) in &mut sums {
            add(cell, sum, row)?;
        }
        match &self.spec.format {
            WriteFormat::Csv(csv) => {
                let mut cells: Vec<Cell<'_>> = Vec::with_capacity(csv.columns.len());
                for column in &csv.columns {
                    cells.push(match column {
                        OutColumn::Literal(text) => (None, text.clone()),
                        OutColumn::Field(name) => {
                            (Some(name), text_of(row, name).map_err(|cause| (name.clone(), cause))?)
                        }
                    });
                }
                let line = csv::record(csv, &self.encoder, &cells)?;
                self.line(&line)?;
            }
            WriteFormat::Fixed(fixed) => {
                self.fixed_record(fixed, fixed.data.as_deref(), |name| text_of(row, name))?;
            }
            WriteFormat::Xml(format) => {
                if self.rows > 0 && !format.record.contains('/') {
                    let what = "a second document in one XML file".to_owned();
                    return Err((format.record.clone(), FileCause::Unwritable { what }));
                }
                let text =
                    xml::record(format, self.spec.encoding, row).map_err(|cause| (format.record.clone(), cause))?;
                self.line(&text)?;
            }
            WriteFormat::JsonLines => {
                let text = serde_json::to_string(row)
                    .map_err(|error| ("row".to_owned(), FileCause::Json(error.to_string())))?;
                self.line(&text)?;
            }
            WriteFormat::Edi(edi) => {
                if let Some(interchange) = &mut self.interchange {
                    let text = interchange.row(edi, self.encoder, row)?;
                    self.encode(&text)?;
                }
            }
        }
        self.sums = sums;
        Ok(())
    }

    /// Writes whatever follows the rows and flushes; syncing is the folder's business.
    pub fn finish(mut self) -> Result<WriteSummary, FileError> {
        let ended = match &self.spec.format {
            WriteFormat::Csv(csv) => csv.trailer.as_deref().map_or(Ok(()), |cells| self.csv_control(csv, cells)),
            WriteFormat::Fixed(fixed) if fixed.trailer.is_empty() => Ok(()),
            WriteFormat::Fixed(fixed) => self.fixed_control(fixed, RecordRole::Trailer, &fixed.trailer),
            WriteFormat::Xml(format) => self.line(&xml::epilogue(format)),
            WriteFormat::JsonLines => Ok(()),
            WriteFormat::Edi(edi) => match self.interchange.take() {
                Some(interchange) => interchange.close(edi, self.encoder).and_then(|text| self.encode(&text)),
                None => Ok(()),
            },
        };
        ended.map_err(|(column, cause)| FileError::new(self.file, cause).column(column))?;
        self.flush()?;
        self.out.flush().map_err(|error| FileError::new(self.file, FileCause::Io(error)))?;
        Ok(WriteSummary { rows: self.rows, bytes: self.bytes })
    }

    fn csv_control(&mut self, csv: &CsvWrite, cells: &[ControlCell]) -> Named<()> {
        let mut texts: Vec<Cell<'_>> = Vec::with_capacity(cells.len());
        for (index, cell) in cells.iter().enumerate() {
            let text = self.control_text(cell).map_err(|cause| (format!("control column {}", index + 1), cause))?;
            texts.push((None, text));
        }
        let line = csv::record(csv, &self.encoder, &texts)?;
        self.line(&line)
    }

    fn fixed_control(&mut self, fixed: &FixedWrite, role: RecordRole, cells: &[(String, ControlCell)]) -> Named<()> {
        let code = match &fixed.format.records {
            FixedRecordTypes::One(_) => None,
            FixedRecordTypes::ByCode { types, .. } => {
                types.iter().find(|kind| kind.role == role).map(|kind| &kind.code)
            }
        };
        let Some(code) = code else {
            let what = format!("a record of role {role:?}, which the format does not declare,");
            return Err(("record type".to_owned(), FileCause::Unwritable { what }));
        };
        let mut values = Map::new();
        for (name, cell) in cells {
            let text = self.control_text(cell).map_err(|cause| (name.clone(), cause))?;
            values.insert(name.clone(), Value::String(text));
        }
        // Fields without a cell are filler.
        let text = |name: &str| if values.contains_key(name) { text_of(&values, name) } else { Ok(String::new()) };
        self.fixed_record(fixed, Some(code), text)
    }

    fn fixed_record(
        &mut self,
        fixed: &FixedWrite,
        code: Option<&str>,
        text_of: impl FnMut(&str) -> Result<String, FileCause>,
    ) -> Named<()> {
        let (code, fields) = match (&fixed.format.records, code) {
            (FixedRecordTypes::One(fields), _) => (None, fields),
            (FixedRecordTypes::ByCode { start, types, .. }, code) => {
                let kind = types.iter().find(|kind| Some(kind.code.as_str()) == code).ok_or_else(|| {
                    let cause = FileCause::UnknownRecordType { code: code.unwrap_or_default().to_owned() };
                    ("record type".to_owned(), cause)
                })?;
                (Some((*start, kind.code.as_str())), &kind.fields)
            }
        };
        let line = fixed::record(&fixed.format, &self.encoder, code, fields, text_of)?;
        match fixed.format.line_end {
            FixedLineEnd::Lines(_) => self.line(&line),
            FixedLineEnd::None => self.encode(&line),
        }
    }

    fn control_text(&self, cell: &ControlCell) -> Result<String, FileCause> {
        match cell {
            ControlCell::Literal(text) => Ok(text.clone()),
            ControlCell::Given(name) => text_of(self.given, name),
            ControlCell::Count { width } => Ok(format!("{:0>width$}", self.rows, width = *width)),
            ControlCell::Sum { form, .. } => {
                let found = self.sums.iter().find(|(other, _)| *other == cell);
                let sum = found.map(|(_, sum)| sum.to_string());
                let unknown = || FileCause::Unwritable { what: "a sum before the rows".to_owned() };
                sum.ok_or_else(unknown).map(|sum| sum.replace('.', &form.point.to_string()))
            }
        }
    }

    fn line(&mut self, text: &str) -> Named<()> {
        self.encode(text)?;
        self.encode(match self.spec.line_end {
            OutLineEnd::CrLf => "\r\n",
            OutLineEnd::Lf => "\n",
        })
    }

    fn encode(&mut self, text: &str) -> Named<()> {
        self.encoder.encode(text, &mut self.buffer).map_err(|cause| ("row".to_owned(), cause))
    }

    fn flush(&mut self) -> Result<(), FileError> {
        self.out.write_all(&self.buffer).map_err(|error| FileError::new(self.file, FileCause::Io(error)))?;
        self.bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

fn trailer_cells(spec: &WriteSpec) -> Vec<&ControlCell> {
    match &spec.format {
        WriteFormat::Csv(csv) => csv.trailer.iter().flatten().collect(),
        WriteFormat::Fixed(fixed) => fixed.trailer.iter().map(|(_, cell)| cell).collect(),
        WriteFormat::Xml(_) | WriteFormat::JsonLines | WriteFormat::Edi(_) => Vec::new(),
    }
}

fn is_sum(cell: &ControlCell) -> bool {
    match cell {
        ControlCell::Sum { .. } => true,
        ControlCell::Literal(_) | ControlCell::Given(_) | ControlCell::Count { .. } => false,
    }
}

fn add(cell: &ControlCell, sum: &mut Decimal, row: &Map<String, Value>) -> Named<()> {
    let ControlCell::Sum { field, form, positives_only } = cell else { return Ok(()) };
    let text = text_of(row, field).map_err(|cause| (field.clone(), cause))?;
    if text.is_empty() {
        return Ok(());
    }
    let bad = |reason| (field.clone(), FileCause::BadNumber { text: text.clone(), reason });
    let value = DecimalForm::parse(*form, &text).map_err(bad)?;
    if *positives_only && value.is_sign_negative() {
        return Ok(());
    }
    *sum =
        crate::connector::file::totals::add_exactly(*sum, value).ok_or_else(|| bad("the sum has too many digits"))?;
    Ok(())
}
