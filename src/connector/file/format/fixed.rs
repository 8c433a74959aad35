//! The layout of a fixed-width file. Packed decimals (COMP-3) are binary and not supported.

use super::{LineEnd, RecordRole};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedFormat {
    /// Length of one record without its line end.
    pub record_length: usize,
    pub unit: LengthUnit,
    pub line_end: FixedLineEnd,
    /// Accept shorter lines as if padded with blanks: editors and transfers strip them.
    pub short_lines: bool,
    pub records: FixedRecordTypes,
}

/// What positions and lengths count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LengthUnit {
    #[default]
    Characters,
    /// Bytes of UTF-8: for producers that pad bytes. Same as characters in every single-byte encoding.
    Utf8Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FixedLineEnd {
    Lines(LineEnd),
    /// Records follow each other without any line end.
    None,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FixedRecordTypes {
    /// All records are data with these fields.
    One(Vec<FixedField>),
    /// The characters at `start` (1-based) tell the type.
    ByCode { start: usize, length: usize, types: Vec<FixedRecordType> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedRecordType {
    pub code: String,
    pub role: RecordRole,
    pub fields: Vec<FixedField>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedField {
    pub name: String,
    /// 1-based, as layouts are written.
    pub start: usize,
    pub length: usize,
    pub kind: FixedKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FixedKind {
    /// Text with blanks removed; written left-aligned unless only the left is trimmed.
    Text(Trim),
    /// Digits with an implied decimal point, delivered as plain decimal text (`0000012500`, 3, `-` gives `-12.500`).
    /// An all-blank field is delivered as empty text. Written right-aligned with zeros.
    Number { implied_decimals: u32, sign: Sign },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trim {
    None,
    /// Trailing blanks.
    #[default]
    Right,
    /// Leading blanks.
    Left,
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Never negative.
    None,
    /// `+`, `-` or blank at this 1-based position of the record.
    At(usize),
    /// `+`, `-` or blank as the field's first character.
    Leading,
    /// `+`, `-` or blank as the field's last character.
    Trailing,
    /// COBOL zoned overpunch in the last digit: `{ABCDEFGHI` for +0 to +9, `}JKLMNOPQR` for -0 to -9.
    Overpunch,
}

impl FixedField {
    pub fn text(name: &str, start: usize, length: usize) -> Self {
        Self { name: name.to_owned(), start, length, kind: FixedKind::Text(Trim::default()) }
    }

    pub fn number(name: &str, start: usize, length: usize, implied_decimals: u32, sign: Sign) -> Self {
        Self { name: name.to_owned(), start, length, kind: FixedKind::Number { implied_decimals, sign } }
    }
}
