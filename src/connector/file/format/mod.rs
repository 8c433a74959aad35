//! What a connector declares about its files: plain structs that the readers and writers obey.
//!
//! Filled from manifests elsewhere; nothing here is guessed from content. Not here: paths and names (drop).

mod check;
mod check_edi;
mod csv;
mod edi;
mod edi_structure;
mod fixed;
mod json;
mod sections;
mod statement;
mod xml;

pub use check::check;
pub(in crate::connector) use check_edi::check_structure;
pub use csv::{ColumnNames, CsvFormat, CsvRecordType, CsvRecordTypes};
pub use edi::{EdiFormat, EdiSyntax, ExpectedPartner};
pub use edi_structure::{
    Hierarchy, Item, ItemKind, MessageTotal, Position, SegmentPosition, Selector, Structure, SumOf, TotalOf,
    UnknownSegments,
};
pub use fixed::{
    FixedField, FixedFormat, FixedKind, FixedLineEnd, FixedRecordType, FixedRecordTypes, LengthUnit, Sign, Trim,
};
pub use json::{JsonFormat, JsonLinesFormat};
pub use sections::{CsvSections, SectionCount, SectionHead, SectionScope, SectionSum};
pub use statement::{Balances, Numbering, StatementFormat, StatementSyntax};
pub use xml::{Repeats, XmlFormat};

use super::compression::Compression;
use super::encoding::Encoding;
use super::totals::ControlTotals;

/// Everything needed to read one kind of file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSpec {
    pub format: FileFormat,
    pub encoding: Encoding,
    pub compression: Compression,
    pub rows: RowPolicy,
    pub empty: EmptyPolicy,
    pub totals: ControlTotals,
    /// Which rows are handed on; all are checked.
    pub only: Option<OnlyRows>,
    /// Column that a row's place in the file is put into, for rows that have nothing else of their own.
    pub position: Option<String>,
}

/// Rows that have one of these values in this column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnlyRows {
    pub column: String,
    pub values: Vec<String>,
}

impl FileSpec {
    /// UTF-8, uncompressed, all or nothing, empty files refused, no control totals.
    pub fn new(format: FileFormat) -> Self {
        Self {
            format,
            encoding: Encoding::default(),
            compression: Compression::default(),
            rows: RowPolicy::default(),
            empty: EmptyPolicy::default(),
            totals: ControlTotals::default(),
            only: None,
            position: None,
        }
    }

    /// Whether files of this stream are numbered, so that none can be left out or come twice unseen.
    pub fn numbers_files(&self) -> bool {
        let by_statement = match &self.format {
            FileFormat::Statement(format) => format.numbering == Numbering::Files,
            FileFormat::Csv(_)
            | FileFormat::Fixed(_)
            | FileFormat::Xml(_)
            | FileFormat::JsonLines(_)
            | FileFormat::Json(_)
            | FileFormat::Edi(_) => false,
        };
        by_statement || self.totals.numbers_files()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileFormat {
    Csv(CsvFormat),
    Fixed(FixedFormat),
    Xml(XmlFormat),
    JsonLines(JsonLinesFormat),
    Json(JsonFormat),
    Edi(Box<EdiFormat>),
    Statement(StatementFormat),
}

/// What one bad row means for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RowPolicy {
    /// The first bad row refuses the file. The caller stages rows and applies them only after `Ok`.
    #[default]
    AllOrNothing,
    /// Bad rows are listed in the summary and the rest goes on, up to `FileLimits::rejected_rows`.
    RowRejects,
}

/// What a file without data rows means, by contract with the partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EmptyPolicy {
    #[default]
    Error,
    /// "Nothing changed."
    NoChanges,
}

/// What a record of a type is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordRole {
    /// At most one, and first; its fields accompany every row.
    Header,
    Data,
    /// At most one, and last; carries control totals. A format that declares one requires it.
    Trailer,
}

/// Which characters end a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineEnd {
    /// LF or CR LF, also mixed; a lone CR is an error.
    #[default]
    LfOrCrLf,
    /// CR alone.
    Cr,
}
