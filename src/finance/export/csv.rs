//! A section as CSV (RFC 4180, UTF-8): a header, the rows, the totals.
//!
//! An amount takes two columns: its decimal, and an integer of the unit's smallest part. Texts that a spreadsheet would take
//! for a formula get an apostrophe in front; numbers never, so that negatives stay numbers. Not here: several sections.

use std::io::{Error, Write};

use super::table::{Cell, Column, Kind, Table};

/// What stands between cells, and with it what stands before decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Separator {
    /// `,`, and decimals after `.`.
    #[default]
    Comma,
    /// `;`, and decimals after `,`: what spreadsheets of many European languages expect.
    Semicolon,
}

/// How CSV is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dialect {
    /// A byte order mark in front, by which older spreadsheets know UTF-8.
    pub bom: bool,
    pub separator: Separator,
}

/// What makes a spreadsheet take a text for a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Nothing if a total does not fit 128 bits.
pub(super) fn write(table: &Table, dialect: Dialect, to: &mut dyn Write) -> Result<Option<()>, Error> {
    let Some(totals) = table.sums() else { return Ok(None) };
    if dialect.bom {
        to.write_all("\u{feff}".as_bytes())?;
    }
    let delimiter = match dialect.separator {
        Separator::Comma => b',',
        Separator::Semicolon => b';',
    };
    let mut csv = csv::WriterBuilder::new().delimiter(delimiter).terminator(csv::Terminator::CRLF).from_writer(to);
    let rows = table.rows.iter().chain(totals.iter().map(|total| &total.cells));
    csv.write_record(table.columns.iter().flat_map(names)).map_err(Error::from)?;
    for row in rows {
        let mut record = Vec::new();
        for (column, cell) in table.columns.iter().zip(row) {
            push(&mut record, column, cell, dialect.separator);
        }
        csv.write_record(&record).map_err(Error::from)?;
    }
    csv.flush()?;
    Ok(Some(()))
}

fn names(column: &Column) -> Vec<String> {
    match column.kind {
        Kind::Amount => vec![neutral(&column.name), neutral(&format!("{}_minor", column.name))],
        Kind::Text | Kind::Number | Kind::Date => vec![neutral(&column.name)],
    }
}

fn push(record: &mut Vec<String>, column: &Column, cell: &Cell, separator: Separator) {
    let before = record.len();
    match cell {
        Cell::Empty => record.push(String::new()),
        Cell::Text(text) => record.push(neutral(text)),
        Cell::Number(number) => record.push(number.to_string()),
        Cell::Date(date) => record.push(date.to_string()),
        Cell::Amount(value) => {
            let decimal = value.decimal();
            record.push(match separator {
                Separator::Comma => decimal,
                Separator::Semicolon => decimal.replace('.', ","),
            });
            record.push(value.minor.to_string());
        }
    }
    if column.kind == Kind::Amount && record.len() == before + 1 {
        record.push(String::new());
    }
}

fn neutral(text: &str) -> String {
    if text.starts_with(FORMULA) { format!("'{text}") } else { text.to_owned() }
}
