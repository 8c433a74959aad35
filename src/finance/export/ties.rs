//! The lists against the tie-out: what a section lists must come to what the bridge says of its bucket, or nothing is exported.
//!
//! Not here: the tie-out itself (`recon::tie_out`).

use std::collections::BTreeMap;

use crate::recon::report::{Report, RunStatus};
use crate::recon::unit::Unit;

use super::error::ExportError;
use super::section::Section;
use super::table::{Cell, Table};

/// The section that lists a bucket's rows; matched rows are not all listed.
fn section(label: &str) -> Option<Section> {
    match label.split('(').next().unwrap_or(label) {
        "BREAK" => Some(Section::Breaks),
        "IN_FLIGHT" => Some(Section::InFlight),
        "TIMING" => Some(Section::Timing),
        "EXCLUDED" => Some(Section::Excluded),
        "REJECTED" => Some(Section::Rejected),
        _ => None,
    }
}

/// Sums by section, unit and side. A run that failed is exported as it is: that it does not add up is what it says.
pub(super) fn check(report: &Report, tables: &[Table]) -> Result<(), ExportError> {
    match report.cover.status {
        RunStatus::Failed => return Ok(()),
        RunStatus::Complete | RunStatus::NotReconciled => {}
    }
    let mut reported: BTreeMap<(Section, Unit, &'static str), i128> = BTreeMap::new();
    for table in tables.iter().filter(|table| table.section == Section::TieOut) {
        for row in &table.rows {
            let [_, Cell::Text(label), ..] = row.as_slice() else { continue };
            let Some(section) = section(label) else { continue };
            add(&mut reported, section, row.get(3), "A");
            add(&mut reported, section, row.get(5), "B");
        }
    }
    for section in [Section::Breaks, Section::InFlight, Section::Timing, Section::Excluded, Section::Rejected] {
        let mut listed: BTreeMap<(Section, Unit, &'static str), i128> = BTreeMap::new();
        for table in tables.iter().filter(|table| table.section == section) {
            let column = |name: &str| table.columns.iter().position(|column| column.name == name);
            for (name, side) in [("amount_a", "A"), ("amount_b", "B")] {
                let Some(at) = column(name) else { continue };
                table.rows.iter().for_each(|row| add(&mut listed, section, row.get(at), side));
            }
        }
        let keys = listed.keys().chain(reported.keys().filter(|key| key.0 == section));
        for key in keys {
            let of = |sums: &BTreeMap<(Section, Unit, &'static str), i128>| sums.get(key).copied().unwrap_or_default();
            if of(&listed) != of(&reported) {
                let told = |sum| format!("{} {} on side {}", key.1.decimal(sum), key.1, key.2);
                return Err(ExportError::Totals {
                    reconciliation: report.cover.reconciliation.clone(),
                    section: section.as_str(),
                    listed: told(of(&listed)),
                    reported: told(of(&reported)),
                });
            }
        }
    }
    Ok(())
}

fn add(
    sums: &mut BTreeMap<(Section, Unit, &'static str), i128>,
    section: Section,
    cell: Option<&Cell>,
    side: &'static str,
) {
    if let Some(Cell::Amount(value)) = cell {
        let sum = sums.entry((section, value.unit, side)).or_default();
        *sum = sum.saturating_add(value.minor);
    }
}
