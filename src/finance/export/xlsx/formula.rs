//! The live formulas of a workbook: totals by unit, residuals, differences of sides.
//!
//! Sums are rounded to the unit's decimals, because a spreadsheet adds floating point. Not here: cached results.

use crate::recon::unit::Unit;

use super::super::section::Section;
use super::super::table::{Cell, Kind, Table, Totals};

/// A sheet that holds some of a table's rows, the first in row 2.
pub(super) struct Part {
    pub(super) sheet: String,
    pub(super) rows: usize,
}

impl Part {
    /// `'Breaks'!$G$2:$G$10`.
    fn range(&self, column: usize) -> String {
        let column = letters(column);
        format!("'{}'!${column}$2:${column}${}", self.sheet, self.rows + 1)
    }
}

/// The total of a column over all sheets of its table.
pub(super) fn total(table: &Table, unit: Unit, column: usize, parts: &[Part]) -> String {
    let sum =
        |part: &Part, more: &str| format!("SUMIFS({},{},\"{unit}\"{more})", part.range(column), part.range(table.unit));
    let terms: Vec<String> = parts
        .iter()
        .map(|part| match table.totals {
            Totals::None | Totals::Sum => sum(part, ""),
            Totals::Residual { line, added } => {
                let lines = part.range(line);
                let plus: Vec<String> = added.iter().map(|label| sum(part, &format!(",{lines},\"{label}\""))).collect();
                let others: String = added.iter().map(|label| format!(",{lines},\"<>{label}\"")).collect();
                format!("{}-{}", plus.join("+"), sum(part, &others))
            }
        })
        .collect();
    let decimals = match table.columns[column].kind {
        Kind::Amount => unit.exponent(),
        Kind::Text | Kind::Number | Kind::Date => 0,
    };
    format!("=ROUND({},{decimals})", terms.join("+"))
}

/// The tie-out's difference of a line; `A - B`.
pub(super) fn difference(table: &Table, row: &[Cell], at: u32, column: usize) -> Option<String> {
    let place = |name: &str| table.columns.iter().position(|column| column.name == name).map(letters);
    let Cell::Amount(value) = row.get(column)? else { return None };
    if table.section != Section::TieOut || table.columns.get(column)?.name != "difference" {
        return None;
    }
    let (a, b, row) = (place("amount_a")?, place("amount_b")?, at + 1);
    Some(format!("=ROUND({a}{row}-{b}{row},{})", value.unit.exponent()))
}

/// `A`, `Z`, `AA`.
fn letters(column: usize) -> String {
    let letter = |at: usize| char::from(b'A' + (at % 26) as u8);
    if column < 26 { letter(column).to_string() } else { format!("{}{}", letters(column / 26 - 1), letter(column)) }
}
