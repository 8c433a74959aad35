//! The report as a workbook: a cover sheet, a sheet per section, typed cells, totals that recalculate.
//!
//! Numbers in a workbook are floating point. Amounts are written as such only where the decimal comes back exactly; larger ones
//! are texts with a note, and their totals too. Not here: what the sections hold.

use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Formula, Note, Workbook, Worksheet, XlsxError,
};

use crate::model::Date;
use crate::recon::report::Report;
use crate::recon::unit::Unit;

use super::error::ExportError;
use super::section::Section;
use super::table::{Cell, Kind, Table, Total, Value};
use super::write::too_large;

mod formula;
use formula::{Part, difference, total};

/// Rows that a sheet has.
pub(super) const ROWS: u32 = 1_048_576;
/// A spreadsheet keeps 15 significant digits; smaller integers and their decimals survive it.
const EXACT_BELOW: u128 = 1_000_000_000_000_000;
/// Characters that a cell may hold are 32767.
const LONGEST: usize = 32_000;
const ON_COVER: [Section; 4] = [Section::Cover, Section::Inputs, Section::Findings, Section::Signatures];

/// The workbook's bytes; sheets are split at `most` rows.
pub(super) fn workbook(report: &Report, tables: &[Table], most: u32) -> Result<Vec<u8>, ExportError> {
    let layout = |error: XlsxError| ExportError::Layout {
        reconciliation: report.cover.reconciliation.clone(),
        format: "XLSX",
        cause: error.to_string(),
    };
    let mut book = Workbook::new();
    book.set_properties(&properties(report).map_err(layout)?);
    cover(book.add_worksheet(), tables).map_err(layout)?;
    for table in tables.iter().filter(|table| !ON_COVER.contains(&table.section)) {
        let totals = table.sums().ok_or_else(|| too_large(report, "XLSX"))?;
        sheets(&mut book, table, &totals, most).map_err(layout)?;
    }
    book.save_to_buffer().map_err(layout)
}

/// The creation time is the report's day: equal reports give equal bytes.
fn properties(report: &Report) -> Result<DocProperties, XlsxError> {
    let day = report.cover.as_of.get(..10).and_then(|day| Date::parse(day).ok());
    let created = match day {
        Some(day) => excel_date(day)?,
        None => ExcelDateTime::from_ymd(1980, 1, 1)?,
    };
    let properties = DocProperties::new().set_title(&report.cover.title).set_company(&report.cover.entity);
    Ok(properties.set_creation_datetime(&created))
}

fn excel_date(day: Date) -> Result<ExcelDateTime, XlsxError> {
    let day = day.civil();
    ExcelDateTime::from_ymd(day.year().unsigned_abs(), day.month().unsigned_abs(), day.day().unsigned_abs())
}

fn heading() -> Format {
    Format::new().set_bold().set_background_color("#E6EBF0").set_border_bottom(FormatBorder::Thin)
}

/// The cover's tables one below the other.
fn cover(sheet: &mut Worksheet, tables: &[Table]) -> Result<(), XlsxError> {
    sheet.set_name(Section::Cover.title())?.set_landscape().set_paper_size(9).set_print_fit_to_pages(1, 0);
    for (column, width) in [26, 40, 20, 68, 68].into_iter().enumerate() {
        sheet.set_column_width(column as u16, width)?;
    }
    let mut at = 0;
    for table in tables.iter().filter(|table| ON_COVER.contains(&table.section)) {
        if table.section != Section::Cover {
            sheet.write_string_with_format(
                at,
                0,
                table.section.title(),
                &Format::new().set_bold().set_font_size(13),
            )?;
            at += 1;
        }
        header(sheet, table, at)?;
        for row in &table.rows {
            at += 1;
            for (column, cell) in row.iter().enumerate() {
                write(sheet, at, column as u16, cell, &Format::new().set_align(FormatAlign::Left))?;
            }
        }
        at += 2;
    }
    Ok(())
}

fn header(sheet: &mut Worksheet, table: &Table, at: u32) -> Result<(), XlsxError> {
    for (number, column) in table.columns.iter().enumerate() {
        let format = match column.kind {
            Kind::Amount | Kind::Number => heading().set_align(FormatAlign::Right),
            Kind::Text | Kind::Date => heading(),
        };
        sheet.write_string_with_format(at, number as u16, column.name.replace('_', " "), &format)?;
    }
    Ok(())
}

fn sheets(book: &mut Workbook, table: &Table, totals: &[Total], most: u32) -> Result<(), XlsxError> {
    // The last sheet holds the totals below its rows.
    let room = (most as usize).saturating_sub(1 + totals.len()).max(1);
    let chunks: Vec<&[Vec<Cell>]> = if table.rows.is_empty() { vec![&[]] } else { table.rows.chunks(room).collect() };
    let name = |at: usize| match at {
        0 => table.section.title().to_owned(),
        at => format!("{} ({})", table.section.title(), at + 1),
    };
    let parts: Vec<Part> =
        chunks.iter().enumerate().map(|(at, rows)| Part { sheet: name(at), rows: rows.len() }).collect();
    for (at, rows) in chunks.iter().enumerate() {
        let sheet = book.add_worksheet();
        frame(sheet.set_name(name(at))?, table, rows.len())?;
        for (number, row) in rows.iter().enumerate() {
            line(sheet, table, number as u32 + 1, row)?;
        }
        if at + 1 == chunks.len() {
            for (number, total) in totals.iter().enumerate() {
                bottom(sheet, table, total, rows.len() as u32 + 1 + number as u32, &parts)?;
            }
        }
    }
    Ok(())
}

fn frame(sheet: &mut Worksheet, table: &Table, rows: usize) -> Result<(), XlsxError> {
    sheet.set_landscape().set_paper_size(9).set_print_fit_to_pages(1, 0);
    sheet.set_freeze_panes(1, 0)?.set_repeat_rows(0, 0)?;
    header(sheet, table, 0)?;
    if let Some(last) = table.columns.len().checked_sub(1) {
        sheet.autofilter(0, 0, rows as u32, last as u16)?;
    }
    for (number, column) in table.columns.iter().enumerate() {
        let widest = |cell: &Cell| match cell {
            Cell::Text(text) => text.chars().count(),
            Cell::Amount(value) => value.decimal().len() + 5,
            Cell::Empty | Cell::Number(_) | Cell::Date(_) => 10,
        };
        let content = table.rows.iter().filter_map(|row| row.get(number)).map(widest).max().unwrap_or(0);
        let label = if number == table.label_at() { table.label().len() } else { 0 };
        let width = content.max(label).max(column.name.len() + 2).clamp(8, 48) as u16 + 2;
        sheet.set_column_width(number as u16, width)?;
    }
    Ok(())
}

fn line(sheet: &mut Worksheet, table: &Table, at: u32, row: &[Cell]) -> Result<(), XlsxError> {
    for (column, cell) in row.iter().enumerate() {
        let format = cell_format(cell);
        match (difference(table, row, at, column), cell) {
            (Some(formula), Cell::Amount(value)) if all_exact(row) => {
                let formula = Formula::new(formula).set_result(value.decimal());
                sheet.write_formula_with_format(at, column as u16, formula, &format)?;
            }
            (Some(_) | None, _) => write(sheet, at, column as u16, cell, &format)?,
        }
    }
    Ok(())
}

fn bottom(sheet: &mut Worksheet, table: &Table, sums: &Total, at: u32, parts: &[Part]) -> Result<(), XlsxError> {
    for (column, cell) in sums.cells.iter().enumerate() {
        let format = cell_format(cell).set_bold().set_border_top(FormatBorder::Thin);
        let cached = match cell {
            Cell::Amount(value) => value.decimal(),
            Cell::Number(number) => number.to_string(),
            Cell::Empty | Cell::Text(_) | Cell::Date(_) => {
                write_or_blank(sheet, at, column as u16, cell, &format)?;
                continue;
            }
        };
        let exact = table.rows.iter().filter_map(|row| row.get(column)).chain([cell]).all(is_exact);
        if exact {
            let formula = Formula::new(total(table, sums.unit, column, parts)).set_result(cached);
            sheet.write_formula_with_format(at, column as u16, formula, &format)?;
        } else {
            write(sheet, at, column as u16, cell, &format)?;
        }
    }
    Ok(())
}

fn write_or_blank(sheet: &mut Worksheet, at: u32, column: u16, cell: &Cell, format: &Format) -> Result<(), XlsxError> {
    match cell {
        Cell::Empty => sheet.write_blank(at, column, format).map(|_| ()),
        Cell::Text(_) | Cell::Number(_) | Cell::Date(_) | Cell::Amount(_) => write(sheet, at, column, cell, format),
    }
}

fn write(sheet: &mut Worksheet, at: u32, column: u16, cell: &Cell, format: &Format) -> Result<(), XlsxError> {
    let text = match cell {
        Cell::Empty => return Ok(()),
        Cell::Text(text) => {
            sheet.write_string_with_format(at, column, cut(text), format)?;
            return Ok(());
        }
        Cell::Date(day) => {
            match excel_date(*day) {
                Ok(date) => sheet.write_datetime_with_format(at, column, &date, format)?,
                // Spreadsheets know no day before 1900.
                Err(_) => sheet.write_string_with_format(at, column, day.to_string(), format)?,
            };
            return Ok(());
        }
        Cell::Number(number) => match exact(*number, &number.to_string()) {
            Some(number) => {
                sheet.write_number_with_format(at, column, number, format)?;
                return Ok(());
            }
            None => number.to_string(),
        },
        Cell::Amount(value) => match exact_amount(*value) {
            Some(number) => {
                sheet.write_number_with_format(at, column, number, format)?;
                return Ok(());
            }
            None => value.decimal(),
        },
    };
    sheet.write_string_with_format(at, column, text, &format.clone().set_align(FormatAlign::Right))?;
    let note =
        "More than 15 digits: a text, because a spreadsheet would round the number. Totals over it are texts too.";
    sheet.insert_note(at, column, &Note::new(note).add_author_prefix(false))?;
    Ok(())
}

/// A cell's text, shortened where a sheet could not hold it.
fn cut(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let kept: String = text.chars().take(LONGEST / 2).collect();
    format!("{kept} ... (shortened: {} characters, all of them in the CSV)", text.chars().count())
}

/// The number that a decimal is, if the text written for it is that decimal again.
fn exact(integer: i128, decimal: &str) -> Option<f64> {
    if integer.unsigned_abs() >= EXACT_BELOW {
        return None;
    }
    let number: f64 = decimal.parse().ok()?;
    let plain = if decimal.contains('.') { decimal.trim_end_matches('0').trim_end_matches('.') } else { decimal };
    (number.to_string() == plain).then_some(number)
}

fn exact_amount(value: Value) -> Option<f64> {
    exact(value.minor, &value.decimal())
}

fn is_exact(cell: &Cell) -> bool {
    match cell {
        Cell::Amount(value) => exact_amount(*value).is_some(),
        Cell::Number(number) => exact(*number, &number.to_string()).is_some(),
        Cell::Empty | Cell::Text(_) | Cell::Date(_) => true,
    }
}

fn all_exact(row: &[Cell]) -> bool {
    row.iter().all(is_exact)
}

fn cell_format(cell: &Cell) -> Format {
    match cell {
        Cell::Empty | Cell::Text(_) => Format::new(),
        Cell::Number(_) => Format::new().set_num_format("#,##0"),
        Cell::Date(_) => Format::new().set_num_format("yyyy-mm-dd").set_align(FormatAlign::Left),
        Cell::Amount(value) => Format::new().set_num_format(number_format(value.unit)),
    }
}

/// As many decimals as the currency has; of pieces, those that there are.
fn number_format(unit: Unit) -> String {
    match (unit, unit.exponent() as usize) {
        (Unit::Pieces, _) => "General".to_owned(),
        (Unit::Money(_), 0) => "#,##0".to_owned(),
        (Unit::Money(_), decimals) => format!("#,##0.{}", "0".repeat(decimals)),
    }
}

#[cfg(test)]
#[path = "xlsx/tests.rs"]
mod tests;
