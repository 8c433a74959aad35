//! The way from a report to a file of a format.
//!
//! Not here: the formats.

use std::io::{Cursor, Write};

use crate::recon::report::Report;

use super::csv::{self, Dialect};
use super::error::ExportError;
use super::section::Section;
use super::signature::{self, Signature, fingerprint};
use super::table::Table;
use super::{json_lines, pdf, tables, ties, xlsx};

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One section.
    Csv(Section, Dialect),
    /// A ZIP archive with the CSV of every section: `breaks.csv`, ...
    CsvArchive(Dialect),
    JsonLines,
    Xlsx,
    Pdf,
}

/// Writes the report with its signatures. Signatures of another report are refused, and so is a report whose lists do not come
/// to its tie-out.
pub fn write(report: &Report, signatures: &[Signature], format: Format, to: &mut dyn Write) -> Result<(), ExportError> {
    let sha256 = fingerprint(report)?;
    signature::check(&sha256, signatures)?;
    let tables = tables::tables(report, &sha256, signatures)?;
    ties::check(report, &tables)?;
    let reconciliation = || report.cover.reconciliation.clone();
    let failed = |cause| ExportError::Write { reconciliation: reconciliation(), cause };
    match format {
        Format::Csv(section, dialect) => {
            tables.iter().filter(|table| table.section == section).try_for_each(|table| one(report, table, dialect, to))
        }
        Format::CsvArchive(dialect) => to.write_all(&archive(report, &tables, dialect)?).map_err(failed),
        Format::JsonLines => json_lines::write(report, &sha256, signatures, to).map_err(failed),
        Format::Xlsx => to.write_all(&xlsx::workbook(report, &tables, xlsx::ROWS)?).map_err(failed),
        Format::Pdf => to.write_all(&pdf::document(report, &tables, &sha256, signatures)?).map_err(failed),
    }
}

fn one(report: &Report, table: &Table, dialect: Dialect, to: &mut dyn Write) -> Result<(), ExportError> {
    let reconciliation = || report.cover.reconciliation.clone();
    let written = csv::write(table, dialect, to)
        .map_err(|cause| ExportError::Write { reconciliation: reconciliation(), cause })?;
    written.ok_or_else(|| too_large(report, "CSV"))
}

/// A sum that no amount of money comes to: a source is damaged.
pub(super) fn too_large(report: &Report, format: &'static str) -> ExportError {
    let cause = "a total does not fit 128 bits: a source is damaged".to_owned();
    ExportError::Layout { reconciliation: report.cover.reconciliation.clone(), format, cause }
}

/// Entries have no time of their own (1980-01-01), so that equal reports give equal bytes.
fn archive(report: &Report, tables: &[Table], dialect: Dialect) -> Result<Vec<u8>, ExportError> {
    let layout = |cause: String| ExportError::Layout {
        reconciliation: report.cover.reconciliation.clone(),
        format: "a ZIP archive",
        cause,
    };
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().last_modified_time(zip::DateTime::default()).large_file(true);
    for table in tables {
        zip.start_file(format!("{}.csv", table.section.as_str()), options)
            .map_err(|error| layout(error.to_string()))?;
        one(report, table, dialect, &mut zip)?;
    }
    zip.finish().map(Cursor::into_inner).map_err(|error| layout(error.to_string()))
}
