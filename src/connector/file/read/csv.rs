//! CSV records to rows: column names, record types, row width.
//!
//! Not here: quoting and line ends (csv_record).

use std::collections::HashSet;
use std::io::Read;

use serde_json::{Map, Value};

use super::collect::{Collector, Frame};
use super::csv_record::{Record, Splitter};
use super::csv_sections;
use crate::connector::file::error::{FileCause, FileError};
use crate::connector::file::format::{ColumnNames, CsvFormat, CsvRecordTypes, RecordRole};
use crate::connector::file::text::TextSource;

pub(super) fn read<R: Read>(
    format: &CsvFormat,
    text: &mut TextSource<R>,
    collector: &mut Collector<'_>,
) -> Result<(), FileError> {
    let mut reader =
        CsvReader { splitter: Splitter::new(format, text, collector.limits()), format, record: Record::default() };
    reader.skip_preamble(collector)?;
    match &format.names {
        ColumnNames::Given(columns) => reader.same_columns(columns, collector),
        ColumnNames::FirstRow { required } => match reader.column_names(required, collector)? {
            Some(columns) => reader.same_columns(&columns, collector),
            None => Ok(()),
        },
        ColumnNames::ByRecordType(records) => reader.by_record_type(records, collector),
        ColumnNames::Sections(sections) => csv_sections::read(sections, &mut reader, collector),
    }
}

pub(super) struct CsvReader<'a, R: Read> {
    splitter: Splitter<'a, R>,
    format: &'a CsvFormat,
    pub(super) record: Record,
}

impl<R: Read> CsvReader<'_, R> {
    /// The next record, whether or not it is usable.
    pub(super) fn next(&mut self, collector: &Collector<'_>) -> Result<bool, FileError> {
        loop {
            let found = self.splitter.next(&mut self.record);
            let found = found.map_err(|(cause, place)| collector.error(cause).at(place))?;
            if !(found && self.format.skip_empty_records && self.is_empty()) {
                return Ok(found);
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.record.problem.is_none() && self.record.fields().all(str::is_empty)
    }

    /// Stops on the first record that matters: past `sep=` and skipped records. The record stays current.
    fn skip_preamble(&mut self, collector: &mut Collector<'_>) -> Result<(), FileError> {
        if !self.next(collector)? {
            return Ok(());
        }
        if self.format.sep_line && self.is_sep_line(collector)? && !self.next(collector)? {
            return Ok(());
        }
        for _ in 0..self.format.skip_records {
            if !self.next(collector)? {
                return Ok(());
            }
        }
        Ok(())
    }

    fn is_sep_line(&self, collector: &Collector<'_>) -> Result<bool, FileError> {
        let Some(first) = self.record.field(0) else { return Ok(false) };
        if !first.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("sep=")) {
            return Ok(false);
        }
        match (first[4..].chars().next(), self.record.len()) {
            (None, 2) => Ok(true),
            (Some(found), 1) if first.chars().count() == 5 => {
                let cause = FileCause::SeparatorMismatch { declared: self.format.delimiter, found };
                Err(collector.error(cause).at(self.record.place))
            }
            (None | Some(_), _) => Ok(false),
        }
    }

    pub(super) fn ended(&self) -> bool {
        self.record.len() == 0
    }

    fn column_names(
        &mut self,
        required: &[String],
        collector: &mut Collector<'_>,
    ) -> Result<Option<Vec<String>>, FileError> {
        if self.ended() {
            // No record at all: judged by the empty policy.
            return Ok(None);
        }
        let place = self.record.place;
        if let Some(cause) = self.record.problem.take() {
            return Err(collector.error(cause).at(place));
        }
        let mut names: Vec<String> = self.record.fields().map(|name| name.trim().to_owned()).collect();
        if self.format.trailing_empty_column && names.len() > 1 && names.last().is_some_and(String::is_empty) {
            names.pop();
        }
        if let Some(index) = names.iter().position(String::is_empty) {
            return Err(collector.error(FileCause::UnnamedColumn { position: index + 1 }).at(place));
        }
        let mut seen = HashSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
            return Err(collector.error(FileCause::DuplicateColumn { name: twice.clone() }).at(place));
        }
        let missing: Vec<String> = required.iter().filter(|name| !seen.contains(name.as_str())).cloned().collect();
        if !missing.is_empty() {
            return Err(collector.error(FileCause::MissingColumns { names: missing }).at(place));
        }
        self.next(collector)?;
        Ok(Some(names))
    }

    fn same_columns(&mut self, columns: &[String], collector: &mut Collector<'_>) -> Result<(), FileError> {
        while !self.ended() {
            let repeats_names = self.format.skip_repeated_names
                && self.record.len() >= columns.len()
                && self.record.fields().map(str::trim).zip(columns).all(|(field, name)| field == name);
            if !repeats_names {
                self.emit(RecordRole::Data, None, columns, collector)?;
            }
            self.next(collector)?;
        }
        Ok(())
    }

    fn by_record_type(&mut self, records: &CsvRecordTypes, collector: &mut Collector<'_>) -> Result<(), FileError> {
        collector.expect(Frame::of(records.types.iter().map(|kind| kind.role)));
        while !self.ended() {
            let code = self.record.field(records.column - 1).unwrap_or_default().to_owned();
            match records.types.iter().find(|kind| kind.code == code) {
                Some(kind) => self.emit(kind.role, Some(&kind.code), &kind.columns, collector)?,
                None => {
                    let cause = self.record.problem.take().unwrap_or(FileCause::UnknownRecordType { code });
                    collector.reject(None, None, collector.error(cause).at(self.record.place))?;
                }
            }
            self.next(collector)?;
        }
        Ok(())
    }

    fn emit(
        &mut self,
        role: RecordRole,
        record_type: Option<&str>,
        columns: &[String],
        collector: &mut Collector<'_>,
    ) -> Result<(), FileError> {
        let place = self.record.place;
        let extra = self.record.len() == columns.len() + 1;
        if extra && self.format.trailing_empty_column && self.record.fields().last() == Some("") {
            self.record.drop_last();
        }
        let ragged = self.record.len() != columns.len();
        let problem = self
            .record
            .problem
            .take()
            .or_else(|| ragged.then(|| FileCause::Ragged { expected: columns.len(), found: self.record.len() }));
        if let Some(cause) = problem {
            return collector.reject(Some(role), record_type, collector.error(cause).at(place));
        }
        let fields: Map<String, Value> =
            columns.iter().cloned().zip(self.record.fields().map(|field| Value::String(field.to_owned()))).collect();
        collector.record(role, record_type, fields, place)
    }
}
