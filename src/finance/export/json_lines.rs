//! The report as JSON Lines: a record per line, each with its section, fields as the report names them.
//!
//! Not here: totals (the tie-out has them), columns.

use std::io::{Error, Write};

use serde::Serialize;

use crate::recon::report::Report;

use super::section::{SCHEMA, Section};
use super::signature::Signature;

#[derive(Serialize)]
struct Line<'a, T> {
    section: &'static str,
    schema: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<&'a str>,
    record: &'a T,
}

pub(super) fn write(report: &Report, sha256: &str, signatures: &[Signature], to: &mut dyn Write) -> Result<(), Error> {
    line(Section::Cover, Some(sha256), &report.cover, to)?;
    line(Section::Cover, None, &report.figures, to)?;
    lines(Section::TieOut, &report.tie_out, to)?;
    lines(Section::Payouts, &report.payouts, to)?;
    lines(Section::Breaks, &report.breaks, to)?;
    lines(Section::InFlight, &report.in_flight, to)?;
    lines(Section::Timing, &report.timing, to)?;
    lines(Section::Aging, &report.aging, to)?;
    lines(Section::RollForward, &report.roll_forward, to)?;
    lines(Section::Matches, &report.matches, to)?;
    lines(Section::Heals, &report.heals, to)?;
    lines(Section::Excluded, &report.excluded, to)?;
    lines(Section::Rejected, &report.rejected, to)?;
    lines(Section::Signatures, signatures, to)
}

fn lines<T: Serialize>(section: Section, records: &[T], to: &mut dyn Write) -> Result<(), Error> {
    records.iter().try_for_each(|record| line(section, None, record, to))
}

fn line<T: Serialize>(section: Section, sha256: Option<&str>, record: &T, to: &mut dyn Write) -> Result<(), Error> {
    let line = Line { section: section.as_str(), schema: SCHEMA, sha256, record };
    serde_json::to_writer(&mut *to, &line)?;
    to.write_all(b"\n")
}
