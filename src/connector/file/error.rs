//! Why a file or a row could not be used, where exactly, and what to do about it.
//!
//! Not here: deciding what happens next to the file (the caller does, from `Disposition`).

use std::fmt;

use rust_decimal::Decimal;

use super::edi::EdiCause;
use super::row::Place;
use super::statement::StatementCause;

/// An error with its place: file, row, line, column, byte offset; then cause and next step.
#[derive(Debug)]
pub struct FileError {
    pub file: String,
    pub row: Option<u64>,
    pub line: Option<u64>,
    /// Column or field name, element path, or `column 7` where there is no name.
    pub column: Option<String>,
    pub byte_offset: Option<u64>,
    /// The sequence number that the file states, if it was known by then and is the one that was due.
    pub sequence: Option<u64>,
    /// Boxed, because errors travel through every reader's `Result`.
    pub cause: Box<FileCause>,
}

/// What the caller should do with the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Leave the file and read it again later: it may be incomplete or the disk may have failed.
    Retry,
    /// Keep the file and ask a person: applying it may be wrong, but the file itself is sound.
    Hold,
    /// Move the file to `error/`: reading it again will not help.
    Refuse,
}

#[derive(Debug, thiserror::Error)]
pub enum FileCause {
    // --- bytes ---
    #[error("reading failed: {0}")]
    Io(#[source] std::io::Error),
    #[error("the content is longer than the limit of {limit} bytes")]
    FileTooLong { limit: u64 },
    #[error("decompression ratio over {limit}:1 after {content_bytes} bytes")]
    RatioExceeded { limit: u64, content_bytes: u64 },
    #[error("the gzip data ends early")]
    TruncatedGzip,
    #[error("the gzip data is damaged: {0}")]
    CorruptGzip(String),
    #[error("declared gzip, but the content is not gzip")]
    NotGzip,
    #[error("the content is {found}, which the format does not declare")]
    UndeclaredArchive { found: &'static str },
    #[error("{found} inside gzip: nested archives are refused")]
    NestedArchive { found: &'static str },

    // --- text ---
    #[error("declared {declared}, but the file starts with a byte order mark of {found}")]
    EncodingMismatch { declared: &'static str, found: &'static str },
    #[error("declared utf-16, but there is no byte order mark to tell its byte order")]
    MissingByteOrderMark,
    #[error("byte 0x{byte:02X} is not valid {encoding}")]
    Undecodable { encoding: &'static str, byte: u8 },
    #[error("control character U+{code:04X} in the text")]
    ControlCharacter { code: u32 },
    #[error("more than {limit} separate undecodable places within one record")]
    TooManyUndecodable { limit: usize },
    #[error("carriage return without line feed")]
    BareCarriageReturn,
    #[error("a field is longer than the limit of {limit} bytes{}", quote_hint(.quote_line))]
    FieldTooLong { limit: usize, quote_line: Option<u64> },
    #[error("the record is longer than the limit of {limit} bytes")]
    RecordTooLong { limit: usize },
    #[error("more than {limit} columns")]
    TooManyColumns { limit: usize },

    // --- CSV and fixed width ---
    #[error("the last record has no line end")]
    NoFinalLineEnd,
    #[error("the quote opened on line {line} is never closed")]
    UnterminatedQuote { line: u64 },
    #[error("text after the closing quote")]
    TextAfterQuote,
    #[error("expected {expected} columns, found {found}")]
    Ragged { expected: usize, found: usize },
    #[error("the `sep=` line says {found:?}, the format declares {declared:?}")]
    SeparatorMismatch { declared: char, found: char },
    #[error("column {name:?} appears twice in the column-name row")]
    DuplicateColumn { name: String },
    #[error("column {position} has no name")]
    UnnamedColumn { position: usize },
    #[error("required columns are missing: {}", .names.join(", "))]
    MissingColumns { names: Vec<String> },
    #[error("unknown record type {code:?}")]
    UnknownRecordType { code: String },
    #[error("the header record is missing: the first record is of type {found:?}")]
    HeaderNotFirst { found: String },
    #[error("a second header record")]
    SecondHeader,
    #[error("a record after the trailer")]
    AfterTrailer,
    #[error("the file ends without its trailer record")]
    MissingTrailer,
    #[error("expected a record of {expected} {unit}, found {found}")]
    RecordLength { expected: usize, found: usize, unit: &'static str },
    #[error("the field's first or last byte lies inside a character")]
    CutCharacter,
    #[error("{text:?} is not a number: {reason}")]
    BadNumber { text: String, reason: &'static str },

    // --- XML and JSON ---
    #[error("not well-formed XML: {0}")]
    Xml(String),
    #[error("document type declarations are refused")]
    Doctype,
    #[error("unknown entity reference &{0};")]
    UnknownReference(String),
    #[error("nested deeper than {limit} levels")]
    TooDeep { limit: usize },
    #[error("the document ends inside element {0}")]
    UnclosedElement(String),
    #[error("the XML declaration says {found:?}, the format declares {declared}")]
    XmlEncodingMismatch { declared: &'static str, found: String },
    #[error("element {0} repeats but is not listed as a list")]
    RepeatedElement(String),
    #[error("two names become {0:?} once their namespace prefixes are dropped")]
    NameClash(String),
    #[error("no place {0:?} in the document")]
    RecordPathNotFound(String),
    #[error("not valid JSON: {0}")]
    Json(String),
    #[error("key {0:?} appears twice in one object")]
    DuplicateKey(String),
    #[error("expected an object, found {0}")]
    NotAnObject(&'static str),

    // --- EDI ---
    #[error(transparent)]
    Edi(#[from] EdiCause),
    // --- bank statements ---
    #[error(transparent)]
    Statement(Box<StatementCause>),

    // --- accounting ---
    #[error("the file has no data rows")]
    Empty,
    #[error("more than {limit} rows are rejected")]
    TooManyRejects { limit: usize },
    #[error("{source_name} states {expected} rows, found {found}{}", reject_hint(.rejected))]
    CountMismatch { source_name: String, expected: u64, found: u64, rejected: u64 },
    #[error("{source_name} states a sum of {expected} for {column}, found {found}{}", reject_hint(.rejected))]
    SumMismatch { source_name: String, column: String, expected: Decimal, found: Decimal, rejected: u64 },
    #[error("the row does not tie: {column} is {stated}, the other columns make {found}, difference {}", .stated - .found)]
    RowDoesNotTie { column: String, stated: Decimal, found: Decimal },
    #[error("an earlier row is the same: nothing tells the two apart")]
    RowAgain,
    #[error("the rows of {group} do not tie: they make {sum}, and should make nothing")]
    GroupDoesNotTie { group: String, sum: Decimal },
    #[error("more than {limit} groups of rows")]
    TooManyGroups { limit: usize },
    #[error("expected sequence number {expected}, found {found}")]
    SequenceMismatch { expected: u64, found: u64 },
    #[error("control value {name} is missing")]
    ControlValueMissing { name: String },
    #[error("control value {name} cannot be used: {text:?} is not {wanted}")]
    BadControlValue { name: String, text: String, wanted: &'static str },
    #[error("control file names {expected:?}, but belongs to {found:?}")]
    ControlFileName { expected: String, found: String },
    #[error(
        "{found} rows, only {percent} % of the {previous} of the previous run (at least {minimum_percent} % expected)"
    )]
    TooFewRows { previous: u64, found: u64, percent: u64, minimum_percent: u8 },

    // --- writing ---
    #[error("character {character:?} does not exist in {encoding}")]
    Unmappable { character: char, encoding: &'static str },
    #[error("{what} cannot be written in this format")]
    Unwritable { what: String },
    #[error("{text:?} needs {found} characters, the field has {limit}")]
    TooWide { text: String, found: usize, limit: usize },

    // --- around ---
    #[error("the format is not usable: {0}")]
    Format(String),
    #[error("storing the row failed: {0}")]
    Sink(#[source] Box<dyn std::error::Error + Send + Sync>),
}

fn quote_hint(quote_line: &Option<u64>) -> String {
    quote_line.map(|line| format!(" (its quote was opened on line {line})")).unwrap_or_default()
}

fn reject_hint(rejected: &u64) -> String {
    if *rejected == 0 { String::new() } else { format!(" ({rejected} rejected rows)") }
}

/// Boxed: its figures would make every other error as large.
impl From<StatementCause> for FileCause {
    fn from(cause: StatementCause) -> Self {
        Self::Statement(Box::new(cause))
    }
}

impl FileCause {
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Io(_) | Self::TruncatedGzip | Self::Sink(_) => Disposition::Retry,
            Self::SequenceMismatch { .. } | Self::TooFewRows { .. } => Disposition::Hold,
            Self::FileTooLong { .. }
            | Self::RatioExceeded { .. }
            | Self::CorruptGzip(_)
            | Self::NotGzip
            | Self::UndeclaredArchive { .. }
            | Self::NestedArchive { .. }
            | Self::EncodingMismatch { .. }
            | Self::MissingByteOrderMark
            | Self::Undecodable { .. }
            | Self::ControlCharacter { .. }
            | Self::TooManyUndecodable { .. }
            | Self::BareCarriageReturn
            | Self::FieldTooLong { .. }
            | Self::RecordTooLong { .. }
            | Self::TooManyColumns { .. }
            | Self::NoFinalLineEnd
            | Self::UnterminatedQuote { .. }
            | Self::TextAfterQuote
            | Self::Ragged { .. }
            | Self::SeparatorMismatch { .. }
            | Self::DuplicateColumn { .. }
            | Self::UnnamedColumn { .. }
            | Self::MissingColumns { .. }
            | Self::UnknownRecordType { .. }
            | Self::HeaderNotFirst { .. }
            | Self::SecondHeader
            | Self::AfterTrailer
            | Self::MissingTrailer
            | Self::RecordLength { .. }
            | Self::CutCharacter
            | Self::BadNumber { .. }
            | Self::Xml(_)
            | Self::Doctype
            | Self::UnknownReference(_)
            | Self::TooDeep { .. }
            | Self::UnclosedElement(_)
            | Self::XmlEncodingMismatch { .. }
            | Self::RepeatedElement(_)
            | Self::NameClash(_)
            | Self::RecordPathNotFound(_)
            | Self::Json(_)
            | Self::DuplicateKey(_)
            | Self::NotAnObject(_)
            | Self::Edi(_)
            | Self::Statement(_)
            | Self::Empty
            | Self::TooManyRejects { .. }
            | Self::CountMismatch { .. }
            | Self::SumMismatch { .. }
            | Self::RowDoesNotTie { .. }
            | Self::RowAgain
            | Self::GroupDoesNotTie { .. }
            | Self::TooManyGroups { .. }
            | Self::ControlValueMissing { .. }
            | Self::BadControlValue { .. }
            | Self::ControlFileName { .. }
            | Self::Unmappable { .. }
            | Self::Unwritable { .. }
            | Self::TooWide { .. }
            | Self::Format(_) => Disposition::Refuse,
        }
    }

    /// What a person does next; a full sentence fragment, shown after the cause.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Io(_) => "check the disk or share; the file is read again",
            Self::TruncatedGzip => {
                "the transfer was cut or is still running; it is read again, else ask the partner to send it again"
            }
            Self::FileTooLong { .. }
            | Self::RecordTooLong { .. }
            | Self::TooManyColumns { .. }
            | Self::TooManyGroups { .. }
            | Self::TooDeep { .. } => "raise the limit for this stream if the partner's files are really that large",
            Self::FieldTooLong { .. } | Self::UnterminatedQuote { .. } | Self::TextAfterQuote => {
                "have the partner double quotes inside text, or declare `quote: none` if the file is never quoted"
            }
            Self::RatioExceeded { .. } | Self::NestedArchive { .. } => {
                "check where the file comes from; it is not opened further"
            }
            Self::CorruptGzip(_) => "ask the partner to send the file again",
            Self::NotGzip | Self::UndeclaredArchive { .. } => {
                "correct `compression` in the stream's format, or have the partner send what was agreed"
            }
            Self::EncodingMismatch { .. }
            | Self::MissingByteOrderMark
            | Self::Undecodable { .. }
            | Self::TooManyUndecodable { .. }
            | Self::XmlEncodingMismatch { .. } => {
                "correct `encoding` in the stream's format, or have the partner repair the file"
            }
            Self::ControlCharacter { .. } => "have the partner repair the record; text must not contain NUL or Ctrl-Z",
            Self::BareCarriageReturn => {
                "declare `line_end: cr` if the file uses carriage returns alone, else have the record repaired"
            }
            Self::Ragged { .. } | Self::RecordLength { .. } | Self::CutCharacter => {
                "compare the record with the agreed layout; a delimiter in unquoted text is the usual cause"
            }
            Self::SeparatorMismatch { .. } => "correct `delimiter` in the stream's format",
            Self::DuplicateColumn { .. } | Self::UnnamedColumn { .. } | Self::MissingColumns { .. } => {
                "compare the first row with the agreed columns; the partner may have changed the export"
            }
            Self::UnknownRecordType { .. } => {
                "add the record type to the stream's format, or have the partner repair the record"
            }
            Self::HeaderNotFirst { .. } | Self::SecondHeader | Self::AfterTrailer | Self::MissingTrailer => {
                "the file is cut or several files were joined; ask the partner to send it again"
            }
            Self::BadNumber { .. } => "have the partner repair the field, or correct its layout in the stream's format",
            Self::Xml(_) | Self::UnclosedElement(_) | Self::Json(_) => {
                "the file is cut or damaged; ask the partner to send it again"
            }
            Self::Doctype | Self::UnknownReference(_) => "have the partner send plain XML without DOCTYPE and entities",
            Self::RepeatedElement(_) => "add the element to `lists` in the stream's format",
            Self::NameClash(_) => {
                "have the partner use distinct local names; namespaces are told apart by local name only"
            }
            Self::RecordPathNotFound(_) => "correct the record path in the stream's format",
            Self::DuplicateKey(_) | Self::NotAnObject(_) => "have the partner repair the record",
            Self::Edi(cause) => cause.next_step(),
            Self::Statement(cause) => cause.next_step(),
            Self::Empty => {
                "ask the partner whether nothing changed; declare `empty: no_changes` if empty files are agreed"
            }
            Self::TooManyRejects { .. } => {
                "repair the first rejected rows' cause; it is likely to be one cause for all"
            }
            Self::CountMismatch { .. }
            | Self::SumMismatch { .. }
            | Self::RowDoesNotTie { .. }
            | Self::GroupDoesNotTie { .. } => "nothing of the file is applied; ask the partner to send it again",
            Self::NoFinalLineEnd => {
                "the file is cut; ask for it again, or leave `final_line_end` out if the vendor never writes one"
            }
            Self::RowAgain => "if both are right, ask the vendor for a report with a column that tells them apart",
            Self::SequenceMismatch { .. } => "find the missing file, or accept the gap for this stream",
            Self::ControlValueMissing { .. } | Self::BadControlValue { .. } | Self::ControlFileName { .. } => {
                "compare header, trailer or control file with the agreed layout"
            }
            Self::TooFewRows { .. } => "nothing is applied; confirm the drop with the partner, then release the file",
            Self::Unmappable { .. } => "choose `unmappable: replace` or `transliterate`, or another encoding",
            Self::Unwritable { .. } | Self::TooWide { .. } => {
                "correct the value in the mapping, or the format's layout"
            }
            Self::Format(_) => "correct the stream's format in the connector",
            Self::Sink(_) => "see the cause; the file is read again",
        }
    }
}

impl FileError {
    pub fn new(file: &str, cause: FileCause) -> Self {
        let file = file.to_owned();
        Self { file, row: None, line: None, column: None, byte_offset: None, sequence: None, cause: Box::new(cause) }
    }

    /// Wraps a failure of the caller's sink, so that it aborts the read and keeps its source.
    pub fn sink(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new("", FileCause::Sink(cause.into()))
    }

    pub fn at(mut self, place: Place) -> Self {
        self.row = Some(place.row);
        self.line = Some(place.line);
        self.byte_offset = Some(place.byte_offset);
        self
    }

    pub fn byte(mut self, byte_offset: u64) -> Self {
        self.byte_offset = Some(byte_offset);
        self
    }

    pub fn column(mut self, column: impl Into<String>) -> Self {
        self.column = Some(column.into());
        self
    }

    pub fn next_step(&self) -> &'static str {
        self.cause.next_step()
    }

    pub fn disposition(&self) -> Disposition {
        self.cause.disposition()
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "file {:?}", self.file)?;
        if let Some(row) = self.row {
            write!(out, ", row {row}")?;
        }
        if let Some(line) = self.line {
            write!(out, ", line {line}")?;
        }
        if let Some(column) = &self.column {
            write!(out, ", {}", excerpt(column))?;
        }
        if let Some(byte_offset) = self.byte_offset {
            write!(out, ", byte {byte_offset}")?;
        }
        write!(out, ": {}; {}", excerpt(&self.cause.to_string()), self.next_step())
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.cause.as_ref())
    }
}

/// At most 200 characters, control characters escaped: what partners wrote never breaks a log line.
pub fn excerpt(text: &str) -> String {
    let mut short = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == 200 {
            short.push('…');
            break;
        }
        if character.is_control() {
            short.extend(character.escape_default());
        } else {
            short.push(character);
        }
    }
    short
}
