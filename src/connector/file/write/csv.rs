//! One CSV record as text: quoting and formula neutralisation.

use super::spec::{CsvWrite, Formulas, Quoting};
use crate::connector::file::decimal::DecimalForm;
use crate::connector::file::encoding::Encoder;
use crate::connector::file::error::FileCause;

/// A cell and the column it belongs to, if it has a name.
pub(super) type Cell<'a> = (Option<&'a str>, String);

/// Joins cells; the error names the column.
pub(super) fn record(csv: &CsvWrite, encoder: &Encoder, cells: &[Cell<'_>]) -> Result<String, (String, FileCause)> {
    let mut line = String::new();
    for (index, (column, text)) in cells.iter().enumerate() {
        let named = |cause| (column.map_or_else(|| format!("column {}", index + 1), str::to_owned), cause);
        // Before quoting: a transliteration may itself be a quote.
        let text = encoder.prepare(text).map_err(named)?;
        let text = neutralised(&csv.formulas, *column, &text);
        if index > 0 {
            line.push(csv.delimiter);
        }
        let alone = cells.len() == 1;
        quote(csv, &text, alone, &mut line).map_err(named)?;
    }
    Ok(line)
}

fn quote(csv: &CsvWrite, text: &str, alone: bool, line: &mut String) -> Result<(), FileCause> {
    let special = |c: char| c == csv.delimiter || Some(c) == csv.quote || matches!(c, '\r' | '\n');
    // An empty single field would be a blank line, and blank lines are skipped by readers.
    let needed = text.contains(special) || (alone && text.is_empty());
    match csv.quote {
        Some(quote) if needed || csv.quoting == Quoting::Always => {
            line.push(quote);
            for character in text.chars() {
                if character == quote {
                    line.push(quote);
                }
                line.push(character);
            }
            line.push(quote);
        }
        None if needed => {
            return Err(FileCause::Unwritable { what: format!("{text:?} without quotes") });
        }
        Some(_) | None => line.push_str(text),
    }
    Ok(())
}

fn neutralised(formulas: &Formulas, column: Option<&str>, text: &str) -> String {
    let Formulas::Neutralise { numeric_columns } = formulas else { return text.to_owned() };
    if !text.starts_with(['=', '+', '-', '@', '\t', '\r', '\0']) {
        return text.to_owned();
    }
    let is_numeric = column.is_some_and(|column| numeric_columns.iter().any(|name| name == column));
    let is_number = DecimalForm::POINT.parse(text).is_ok() || DecimalForm::COMMA.parse(text).is_ok();
    if is_numeric && is_number && !text.contains(char::is_whitespace) { text.to_owned() } else { format!("'{text}") }
}
