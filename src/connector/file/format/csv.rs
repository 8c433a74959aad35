//! The CSV dialect of one kind of file.

use super::{CsvSections, LineEnd, RecordRole};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvFormat {
    /// One ASCII character: `;`, `,`, TAB, `|`, `^`, U+001F.
    pub delimiter: char,
    /// `None`: the file is never quoted and quote characters are text. Doubled inside a quoted field.
    pub quote: Option<char>,
    pub names: ColumnNames,
    pub line_end: LineEnd,
    /// Records to skip before the column names (a title line, a second header line).
    pub skip_records: usize,
    /// Skip a first line `sep=;`; it must name the declared delimiter.
    pub sep_line: bool,
    /// Records that start with this character are skipped.
    pub comment: Option<char>,
    /// Every line, the column names included, may end in one more delimiter.
    pub trailing_empty_column: bool,
    /// Skip records that repeat the column names (files glued together by the partner).
    pub skip_repeated_names: bool,
    /// Skip records whose fields are all empty (`;;;`). Lines without any character are always skipped.
    pub skip_empty_records: bool,
    /// A last record without its line end is cut.
    pub final_line_end: bool,
}

/// Where column names come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnNames {
    /// The first record, names trimmed; columns may come in any order, but `required` must be there.
    FirstRow { required: Vec<String> },
    /// No names in the file: these, in order.
    Given(Vec<String>),
    /// By record type (`H`, `D`, `T`; `K`, `P`, `Z`).
    ByRecordType(CsvRecordTypes),
    /// In the file, once per section of a tagged report.
    Sections(CsvSections),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvRecordTypes {
    /// 1-based column that holds the type.
    pub column: usize,
    pub types: Vec<CsvRecordType>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvRecordType {
    pub code: String,
    pub role: RecordRole,
    /// All columns of the record in order, the type column included.
    pub columns: Vec<String>,
}

impl CsvFormat {
    /// Comma, double quotes, names in the first row, a `sep=` line skipped if there is one.
    pub fn new(names: ColumnNames) -> Self {
        Self {
            delimiter: ',',
            quote: Some('"'),
            names,
            line_end: LineEnd::default(),
            skip_records: 0,
            sep_line: true,
            comment: None,
            trailing_empty_column: false,
            skip_repeated_names: false,
            skip_empty_records: false,
            final_line_end: false,
        }
    }
}
