//! One file of a side through its connector: every record becomes rows, or the file is refused with the place and the cause.
//!
//! Not here: which files there are, what becomes of refused ones (`open`).

use std::fs::File;
use std::path::Path;

use serde_json::{Value, json};

use crate::connector::file::drop::Completeness;
use crate::connector::file::error::FileCause;
use crate::connector::file::statement::StatementCause;
use crate::connector::file::totals::ControlFile;
use crate::connector::file::{FileError, FileFormat, FileLimits, FileRow, FileSummary, ReadContext, read};
use crate::finance::period::Period;
use crate::finance::record_rows::Named;
use crate::finance::written::{Parts, parts};
use crate::mapping::InContext;
use crate::mapping::expr::Scope;
use crate::model::Record;
use crate::recon::large::LargeError;
use crate::recon::report::RunFinding;
use crate::recon::row::Place;

use super::bound::Bound;
use super::identity::{Identities, Verdict};
use super::spool::Spool;
use super::statements::Statements;

/// Statements may be larger than what a hub takes in at once: they are streamed.
const LARGEST_FILE_BYTES: u64 = 4 << 30;

/// Why a file does not count: a finding of the run.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub code: &'static str,
    pub text: String,
    pub next: String,
}

impl Unreadable {
    pub fn finding(self, side: &str) -> RunFinding {
        let text = format!("side {side}: {}; nothing of the file counts, and nothing was compared", self.text);
        RunFinding { code: self.code.to_owned(), text, next: self.next }
    }
}

/// A file that does not count, or a defect of this machine.
#[derive(Debug)]
pub(super) enum Stop {
    File(Unreadable),
    Machine(LargeError),
}

/// What all files of a side go into.
pub(super) struct Into<'i> {
    pub spool: &'i mut Spool,
    pub identities: &'i mut Identities,
    pub statements: &'i mut Statements,
    /// Names of the files so far, by number.
    pub names: &'i [String],
}

/// Reads the file to its end. On `Err` the caller takes back what it left in `into`.
pub(super) fn read_file(
    bound: &Bound,
    path: &Path,
    source: usize,
    previous_sequence: Option<u64>,
    period: Option<Period>,
    into: &mut Into<'_>,
) -> Result<FileSummary, Stop> {
    let name = into.names[source].clone();
    let limits = FileLimits { file_bytes: LARGEST_FILE_BYTES, ..FileLimits::default() };
    let of_file = |error: FileError| Stop::File(unreadable(&name, &error));
    let io = |error| of_file(FileError::new(&name, FileCause::Io(error)));
    let control_file = control_file(bound, path).map_err(of_file)?;
    let context = ReadContext { file: &name, limits: &limits, previous_sequence, control_file: control_file.as_ref() };
    let mut stop = None;
    let mut sink = |row: FileRow| {
        take(bound, &row, source, &name, period, into).map_err(|found| {
            stop = Some(found);
            FileError::sink("the row was not taken")
        })
    };
    let read = read(&bound.spec, context, File::open(path).map_err(io)?, &mut sink);
    match (stop, read) {
        (Some(stop), _) => Err(stop),
        (None, Err(error)) => Err(of_file(error)),
        // A row that is left out is missing from the comparison: then the file is not complete.
        (None, Ok(summary)) => match summary.rejected.first() {
            // Whatever the stream makes of it: a statement that says nothing is one that has not come.
            None if summary.content_bytes == 0 => Err(of_file(FileError::new(&name, FileCause::Empty))),
            Some(reject) => Err(of_file(FileError { file: name.clone(), ..copy(&reject.error) })),
            None => Ok(summary),
        },
    }
}

/// The error's place with its cause as text: causes cannot be copied.
fn copy(error: &FileError) -> FileError {
    FileError::new("", FileCause::Sink(error.to_string().into()))
}

fn control_file(bound: &Bound, path: &Path) -> Result<Option<ControlFile>, FileError> {
    let Completeness::Marker { name, .. } = &bound.completeness else { return Ok(None) };
    let data = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let marker = name.of(&data);
    match std::fs::read_to_string(path.with_file_name(&marker)) {
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => ControlFile::parse(&text).map(Some).map_err(|cause| FileError::new(&marker, cause)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::new(&marker, FileCause::Io(error))),
    }
}

fn take(
    bound: &Bound,
    row: &FileRow,
    source: usize,
    name: &str,
    period: Option<Period>,
    into: &mut Into<'_>,
) -> Result<(), Stop> {
    let place = place(bound, row);
    let at = |what: String, next: &str| {
        let text = format!("file {name:?}, row {}, line {}: {what}", row.place.row, row.place.line);
        Stop::File(Unreadable { code: "SOURCE_INCOMPLETE", text, next: next.to_owned() })
    };
    let record = record(bound, row).map_err(|what| {
        at(what, "correct the file; a word that is new belongs into the connector's `mappings/.../values.yaml`")
    })?;
    let header = row.header.as_deref().map_or(Value::Null, |header| Value::Object(header.clone()));
    let file = json!({ "name": name, "numbers": [] });
    let scope = Scope::new()
        .with("record", &row.value)
        .with("settings", &bound.settings)
        .with("header", &header)
        .with("file", &file);
    let key = bound.key.render(&scope).map_err(|error| at(error.to_string(), "correct the file"))?;
    let named = Named { key: &key, natural_key: None, record: &record };
    let stands = Place { source: into.spool.name(source), row: place };
    let made = bound.rows.entries(&named, &stands, period);
    let made = made.map_err(|what| at(what, "correct the file, or the side's definition"))?;
    let kept: Vec<Parts> = made.into_iter().map(parts).collect();
    match into.identities.judge(&key, source, place, &kept) {
        Verdict::New => {}
        Verdict::Again => return Ok(()),
        Verdict::Twice { row } => {
            let what = format!("the record `{key}` is in the file twice, first at {row}");
            return Err(at(what, "rows were repeated or files joined: have it sent again"));
        }
        Verdict::Contradicts { source, row } => {
            let what = format!("{}:{row} says something else about the record `{key}`", into.names[source]);
            return Err(at(what, "leave only the file that holds; move the other one away"));
        }
    }
    into.statements.see(&record, source);
    for row in kept {
        into.spool.push(source, place, row).map_err(Stop::Machine)?;
    }
    Ok(())
}

pub(super) fn record(bound: &Bound, row: &FileRow) -> Result<Record, String> {
    match &bound.mapping {
        Some(mapping) => {
            mapping.map_in(&row.value, InContext { settings: &bound.settings }).map_err(|error| error.to_string())
        }
        None => Record::from_json(bound.entity, &row.value).map_err(|error| error.to_string()),
    }
}

/// The line where a format has a record per line; else the record's number, because all of it may be one line.
pub(super) fn place(bound: &Bound, row: &FileRow) -> u64 {
    match &bound.spec.format {
        FileFormat::Csv(_) | FileFormat::Fixed(_) | FileFormat::JsonLines(_) => row.place.line,
        FileFormat::Xml(_) | FileFormat::Json(_) | FileFormat::Edi(_) | FileFormat::Statement(_) => row.place.row,
    }
}

fn unreadable(name: &str, error: &FileError) -> Unreadable {
    let next = error.next_step();
    let text = error.to_string();
    let text = text.strip_suffix(&format!("; {next}")).unwrap_or(&text);
    let text = if error.file.is_empty() { format!("file {name:?}: {text}") } else { text.to_owned() };
    Unreadable { code: code(&error.cause), text, next: next.to_owned() }
}

/// Figures that do not come out even, numbers that do not follow; everything else makes a file incomplete.
fn code(cause: &FileCause) -> &'static str {
    let uneven = matches!(
        cause,
        FileCause::CountMismatch { .. }
            | FileCause::SumMismatch { .. }
            | FileCause::RowDoesNotTie { .. }
            | FileCause::GroupDoesNotTie { .. }
    );
    if let FileCause::Statement(cause) = cause {
        return match **cause {
            StatementCause::DoesNotTie { .. } | StatementCause::TotalDiffers { .. } => "SOURCE_DOES_NOT_TIE",
            StatementCause::OpeningDiffers { .. } | StatementCause::Gap { .. } => "CONTINUITY_GAP",
            StatementCause::Repeated { .. }
            | StatementCause::MissingPage { .. }
            | StatementCause::MissingLastPage { .. }
            | StatementCause::SeveralAccounts { .. }
            | StatementCause::Missing { .. }
            | StatementCause::Ends { .. }
            | StatementCause::Order { .. }
            | StatementCause::Field { .. }
            | StatementCause::Currency { .. }
            | StatementCause::Unsupported { .. }
            | StatementCause::TooMany { .. }
            | StatementCause::TooManyDigits => "SOURCE_INCOMPLETE",
        };
    }
    if uneven {
        "SOURCE_DOES_NOT_TIE"
    } else if matches!(cause, FileCause::SequenceMismatch { .. }) {
        "CONTINUITY_GAP"
    } else {
        "SOURCE_INCOMPLETE"
    }
}
