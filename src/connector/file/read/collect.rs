//! What happens to each record once it is split: role, row policy, control totals, sink.
//!
//! Not here: anything that depends on the format's syntax.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::ReadContext;
use crate::connector::file::error::{FileCause, FileError};
use crate::connector::file::format::{EmptyPolicy, FileSpec, OnlyRows, RecordRole, RowPolicy};
use crate::connector::file::limits::FileLimits;
use crate::connector::file::row::{FileRow, FileSummary, Place, RowReject};
use crate::connector::file::totals::{Stated, Tally};

type Sink<'a> = &'a mut dyn FnMut(FileRow) -> Result<(), FileError>;

/// The order of records that a format with header and trailer promises.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) has_header: bool,
    pub(super) has_trailer: bool,
}

impl Frame {
    pub(super) fn of(roles: impl Iterator<Item = RecordRole>) -> Self {
        roles.fold(Self { has_header: false, has_trailer: false }, |frame, role| match role {
            RecordRole::Header => Self { has_header: true, ..frame },
            RecordRole::Data => frame,
            RecordRole::Trailer => Self { has_trailer: true, ..frame },
        })
    }
}

pub(super) struct Collector<'a> {
    context: ReadContext<'a>,
    rows: RowPolicy,
    empty: EmptyPolicy,
    tally: Tally<'a>,
    sink: Sink<'a>,
    summary: FileSummary,
    frame: Frame,
    records: u64,
    only: Option<&'a OnlyRows>,
    position: Option<&'a String>,
    /// Data rows that `only` leaves out.
    passed_over: u64,
    sequence_checked: bool,
}

impl<'a> Collector<'a> {
    pub(super) fn new(spec: &'a FileSpec, context: ReadContext<'a>, sink: Sink<'a>) -> Self {
        Self {
            context,
            rows: spec.rows,
            empty: spec.empty,
            tally: Tally::new(&spec.totals),
            sink,
            summary: FileSummary::default(),
            frame: Frame { has_header: false, has_trailer: false },
            records: 0,
            only: spec.only.as_ref(),
            position: spec.position.as_ref(),
            passed_over: 0,
            sequence_checked: false,
        }
    }

    pub(super) fn expect(&mut self, frame: Frame) {
        self.frame = frame;
    }

    pub(super) fn limits(&self) -> &'a FileLimits {
        self.context.limits
    }

    /// An error of the whole file, or of a row before `reject` decides.
    pub(super) fn error(&self, cause: FileCause) -> FileError {
        FileError::new(self.context.file, cause)
    }

    /// Accepts a well-formed record of a known type.
    pub(super) fn record(
        &mut self,
        role: RecordRole,
        record_type: Option<&str>,
        fields: Map<String, Value>,
        place: Place,
    ) -> Result<(), FileError> {
        self.check_order(role, record_type, place)?;
        match role {
            RecordRole::Header => {
                self.summary.header = Some(Arc::new(fields));
                Ok(())
            }
            RecordRole::Trailer => {
                self.summary.trailer = Some(fields);
                Ok(())
            }
            RecordRole::Data => self.data(record_type, fields, place),
        }
    }

    /// What stands around the records that follow (an interchange's envelope): their `header`.
    pub(super) fn envelope(&mut self, header: Arc<Map<String, Value>>) {
        self.summary.header = Some(header);
    }

    /// Of the last applied file.
    pub(super) fn previous_sequence(&self) -> Option<u64> {
        self.context.previous_sequence
    }

    /// The number that the file has by its own rules, where no control total states one.
    pub(super) fn numbered(&mut self, sequence: Option<u64>) {
        self.summary.sequence = sequence;
    }

    fn data(
        &mut self,
        record_type: Option<&str>,
        mut fields: Map<String, Value>,
        place: Place,
    ) -> Result<(), FileError> {
        self.check_sequence_once()?;
        if let Err((column, cause)) = self.tally.add(record_type, &fields) {
            let error = self.error(cause).at(place).column(column);
            self.tally.count(record_type);
            return self.turn_away(error);
        }
        if let Some(column) = self.position
            && fields.insert(column.clone(), Value::String(place.row.to_string())).is_some()
        {
            return Err(self.error(FileCause::DuplicateColumn { name: column.clone() }).at(place));
        }
        if let Some(only) = self.only {
            let value = fields.get(&only.column).and_then(Value::as_str);
            let Some(value) = value else {
                let cause = FileCause::MissingColumns { names: vec![only.column.clone()] };
                return Err(self.error(cause).at(place));
            };
            if !only.values.iter().any(|wanted| wanted == value) {
                self.passed_over += 1;
                return Ok(());
            }
        }
        self.summary.rows += 1;
        let row = FileRow {
            place,
            record_type: record_type.map(str::to_owned),
            value: Value::Object(fields),
            header: self.summary.header.clone(),
        };
        (self.sink)(row).map_err(|mut error| {
            error.file = self.context.file.to_owned();
            if error.row.is_some() { error } else { error.at(place) }
        })
    }

    /// A record that cannot be used. Without a known role it is taken for data: it is in the file and must be accounted for.
    pub(super) fn reject(
        &mut self,
        role: Option<RecordRole>,
        record_type: Option<&str>,
        error: FileError,
    ) -> Result<(), FileError> {
        match role {
            Some(RecordRole::Header | RecordRole::Trailer) => return Err(error),
            Some(RecordRole::Data) | None => {}
        }
        let place = Place {
            row: error.row.unwrap_or_default(),
            line: error.line.unwrap_or_default(),
            byte_offset: error.byte_offset.unwrap_or_default(),
        };
        if self.rows == RowPolicy::AllOrNothing {
            return Err(error);
        }
        self.check_order(RecordRole::Data, record_type, place)?;
        self.check_sequence_once()?;
        self.tally.count(record_type);
        self.turn_away(error)
    }

    fn turn_away(&mut self, error: FileError) -> Result<(), FileError> {
        match self.rows {
            RowPolicy::AllOrNothing => Err(error),
            RowPolicy::RowRejects => {
                let limit = self.context.limits.rejected_rows;
                if self.summary.rejected.len() == limit {
                    return Err(self.error(FileCause::TooManyRejects { limit }));
                }
                self.summary.rejected.push(RowReject { error });
                Ok(())
            }
        }
    }

    fn check_order(&mut self, role: RecordRole, record_type: Option<&str>, place: Place) -> Result<(), FileError> {
        self.records += 1;
        let cause = if self.summary.trailer.is_some() {
            FileCause::AfterTrailer
        } else if role == RecordRole::Header && self.summary.header.is_some() {
            FileCause::SecondHeader
        } else if self.frame.has_header && (self.records == 1) != (role == RecordRole::Header) {
            FileCause::HeaderNotFirst { found: record_type.unwrap_or_default().to_owned() }
        } else {
            return Ok(());
        };
        Err(self.error(cause).at(place))
    }

    fn check_sequence_once(&mut self) -> Result<(), FileError> {
        // The trailer cannot be known yet; a sequence stated there is checked at the end.
        if self.sequence_checked || self.summary.header.is_none() {
            return Ok(());
        }
        let stated = self.stated();
        match self.tally.check_sequence(&stated, self.context.previous_sequence) {
            Ok(sequence) => {
                self.summary.sequence = sequence;
                self.sequence_checked = true;
                Ok(())
            }
            Err(error) if matches!(*error.cause, FileCause::ControlValueMissing { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn stated(&self) -> Stated<'_> {
        Stated {
            file: self.context.file,
            header: self.summary.header.as_deref(),
            trailer: self.summary.trailer.as_ref(),
            control_file: self.context.control_file,
        }
    }

    /// Judges the complete file.
    pub(super) fn finish(&mut self, content_bytes: u64, source_bytes: u64) -> Result<FileSummary, FileError> {
        self.summary.content_bytes = content_bytes;
        self.summary.source_bytes = source_bytes;
        let seen = self.summary.rows + self.passed_over + self.summary.rejected.len() as u64;
        if content_bytes > 0 && self.records > 0 && self.frame.has_trailer && self.summary.trailer.is_none() {
            return Err(self.error(FileCause::MissingTrailer));
        }
        if seen == 0 && self.empty == EmptyPolicy::Error {
            return Err(self.error(FileCause::Empty));
        }
        // A file without any record has no totals to compare, unless a control file states them.
        if self.records > 0 || self.context.control_file.is_some() {
            let stated = self.stated();
            let sequence = self.tally.check_sequence(&stated, self.context.previous_sequence)?;
            self.tally.check(&stated, self.summary.rejected.len() as u64)?;
            self.summary.sequence = sequence.or(self.summary.sequence);
        }
        Ok(std::mem::take(&mut self.summary))
    }

    /// The number that the file has stated so far, if it follows the previous one.
    pub(super) fn sequence_due(&self) -> Option<u64> {
        self.tally.check_sequence(&self.stated(), self.context.previous_sequence).ok().flatten()
    }
}
