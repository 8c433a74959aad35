//! What the lists of a report come to, for a screen that shows a part of them: the sums of the very tables that are exported.
//!
//! Not here: the lists themselves, formats.

use crate::recon::report::{Amount, Report};

use super::error::ExportError;
use super::section::Section;
use super::table::{Cell, Kind};
use super::write::too_large;
use super::{tables, ties};

/// One unit's line of totals under a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionTotal {
    pub section: Section,
    pub unit: String,
    /// By column: `amount_a`, `amount_b`, `variance`.
    pub amounts: Vec<(String, Amount)>,
}

/// Totals of all sections that have any. A report whose lists do not come to its tie-out is refused, as it is by exports.
pub fn totals(report: &Report) -> Result<Vec<SectionTotal>, ExportError> {
    let tables = tables::tables(report, "", &[])?;
    ties::check(report, &tables)?;
    let mut found = Vec::new();
    for table in &tables {
        for total in table.sums().ok_or_else(|| too_large(report, "the screen"))? {
            let amounts =
                table.columns.iter().zip(&total.cells).filter_map(|(column, cell)| match (column.kind, cell) {
                    (Kind::Amount, Cell::Amount(value)) => Some((
                        column.name.clone(),
                        Amount {
                            unit: value.unit.as_str().to_owned(),
                            amount_minor: value.minor.to_string(),
                            decimal: value.decimal(),
                        },
                    )),
                    (Kind::Text | Kind::Number | Kind::Date | Kind::Amount, _) => None,
                });
            let amounts = amounts.collect();
            found.push(SectionTotal { section: table.section, unit: total.unit.as_str().to_owned(), amounts });
        }
    }
    Ok(found)
}
