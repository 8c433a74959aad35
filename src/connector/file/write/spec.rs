//! What a connector declares about files it writes.

use super::edi_spec::EdiWrite;
use crate::connector::file::decimal::DecimalForm;
use crate::connector::file::encoding::{Encoding, Unmappable};
use crate::connector::file::format::FixedFormat;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteSpec {
    pub format: WriteFormat,
    pub encoding: Encoding,
    pub unmappable: Unmappable,
    pub byte_order_mark: bool,
    pub line_end: OutLineEnd,
}

impl WriteSpec {
    /// UTF-8 without mark, CR LF, characters that do not exist refused.
    pub fn new(format: WriteFormat) -> Self {
        Self {
            format,
            encoding: Encoding::default(),
            unmappable: Unmappable::default(),
            byte_order_mark: false,
            line_end: OutLineEnd::default(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutLineEnd {
    #[default]
    CrLf,
    Lf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteFormat {
    Csv(CsvWrite),
    Fixed(FixedWrite),
    Xml(XmlWrite),
    /// One object per line, keys in the row's order.
    JsonLines,
    Edi(Box<EdiWrite>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvWrite {
    pub delimiter: char,
    /// `None`: a field that would need quotes is refused.
    pub quote: Option<char>,
    pub quoting: Quoting,
    /// Columns in order. A row must have every named field; null is written empty.
    pub columns: Vec<OutColumn>,
    pub names_row: bool,
    /// A header record before the rows (`H;BESTAND;…`).
    pub header: Option<Vec<ControlCell>>,
    /// A trailer record after the rows (`T;0000003;240`).
    pub trailer: Option<Vec<ControlCell>>,
    /// For files that people open in a spreadsheet.
    pub formulas: Formulas,
}

impl CsvWrite {
    /// Comma, quotes where needed, names in the first row, formulas left alone.
    pub fn new(columns: &[&str]) -> Self {
        Self {
            delimiter: ',',
            quote: Some('"'),
            quoting: Quoting::default(),
            columns: columns.iter().map(|name| OutColumn::Field((*name).to_owned())).collect(),
            names_row: true,
            header: None,
            trailer: None,
            formulas: Formulas::default(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quoting {
    #[default]
    WhenNeeded,
    Always,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutColumn {
    Field(String),
    /// The same text in every row: a record type (`D`).
    Literal(String),
}

/// What happens to cells that a spreadsheet would take for a formula (starting with `= + - @`, TAB, CR).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Formulas {
    /// Written as they are: the file is for a machine.
    #[default]
    Keep,
    /// Prefixed with `'`, except real numbers in these columns, so that sums still work.
    Neutralise { numeric_columns: Vec<String> },
}

/// One cell of a header or trailer record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlCell {
    Literal(String),
    /// A value that the caller gives: date, sequence number.
    Given(String),
    /// Number of rows, zero-filled to `width`.
    Count {
        width: usize,
    },
    /// Sum of a field over all rows. Rows write it in `form`, and so is the sum.
    Sum {
        field: String,
        form: DecimalForm,
        positives_only: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedWrite {
    pub format: FixedFormat,
    /// Code of the record type of rows; `None` if the format has one type.
    pub data: Option<String>,
    /// Field name to cell, for the format's header record type, if it is written.
    pub header: Vec<(String, ControlCell)>,
    pub trailer: Vec<(String, ControlCell)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmlWrite {
    /// `ORDERS05/IDOC`: all but the last element enclose the document, the last is written per row.
    pub record: String,
    /// Attributes of the document element, namespaces for example.
    pub root_attributes: Vec<(String, String)>,
}
