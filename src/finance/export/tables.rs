//! From the report to its sections' tables: which columns each has, in which order, and what stands in them.
//!
//! A row that has amounts of several units becomes a line per unit. Not here: formats; the cover's inputs and figures are texts.

use crate::model::Date;
use crate::recon::report::{AgingTable, Amount, OpenItem, Report, RunStatus, SetAside};
use crate::recon::unit::Unit;

use super::error::ExportError;
use super::section::Section;
use super::signature::Signature;
use super::table::{Cell, Column, Kind, Table, Totals, Value};

/// What closes the roll-forward: these lines add up to all others.
const ADDED: &[&str] = &["opening", "new", "reopened", "changed"];

const OPEN: &[(&str, Kind)] = &[
    ("id", Kind::Text),
    ("bucket", Kind::Text),
    ("code", Kind::Text),
    ("sub_cause", Kind::Text),
    ("key", Kind::Text),
    ("unit", Kind::Text),
    ("amount_a", Kind::Amount),
    ("amount_b", Kind::Amount),
    ("variance", Kind::Amount),
    ("status_a", Kind::Text),
    ("status_b", Kind::Text),
    ("event_date", Kind::Date),
    ("due_date", Kind::Date),
    ("age_days", Kind::Number),
    ("carried_by", Kind::Text),
    ("findings", Kind::Text),
    ("keys", Kind::Text),
    ("candidates", Kind::Text),
    ("pass", Kind::Text),
    ("rows_a", Kind::Text),
    ("rows_b", Kind::Text),
];

/// All sections' tables, in order.
pub(super) fn tables(report: &Report, sha256: &str, signatures: &[Signature]) -> Result<Vec<Table>, ExportError> {
    let read = Reading { report };
    Ok(vec![
        cover(report, sha256),
        inputs(report),
        findings(report),
        read.tie_out()?,
        read.payouts()?,
        read.open(Section::Breaks, &report.breaks)?,
        read.open(Section::InFlight, &report.in_flight)?,
        read.open(Section::Timing, &report.timing)?,
        read.aging()?,
        read.roll_forward()?,
        read.matches()?,
        heals(report),
        read.set_aside(Section::Excluded, &report.excluded)?,
        read.set_aside(Section::Rejected, &report.rejected)?,
        signed(signatures),
    ])
}

fn text(text: &str) -> Cell {
    if text.is_empty() { Cell::Empty } else { Cell::Text(text.to_owned()) }
}

fn some(value: Option<&String>) -> Cell {
    value.map_or(Cell::Empty, |value| text(value))
}

/// A day, or the text as it stands where it is none.
fn day(value: Option<&String>) -> Cell {
    value.map_or(Cell::Empty, |value| Date::parse(value).map_or_else(|_| text(value), Cell::Date))
}

fn number(number: u64) -> Cell {
    Cell::Number(i128::from(number))
}

fn list(values: &[String]) -> Cell {
    text(&values.join("; "))
}

pub(super) fn status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Complete => "complete",
        RunStatus::NotReconciled => "not reconciled",
        RunStatus::Failed => "failed",
    }
}

/// Parts per million as a percentage with its four decimals.
pub(super) fn per_cent(ppm: u64) -> String {
    format!("{}.{:04} %", ppm / 10_000, ppm % 10_000)
}

fn cover(report: &Report, sha256: &str) -> Table {
    let mut table = Table::new(Section::Cover, &[("name", Kind::Text), ("value", Kind::Text)], Totals::None);
    let (cover, figures) = (&report.cover, &report.figures);
    let mut line = |name: &str, value: &str| table.rows.push(vec![text(name), text(value)]);
    line("export_schema", &super::section::SCHEMA.to_string());
    line("report_schema", &report.schema.to_string());
    line("sha256", sha256);
    line("reconciliation", &cover.reconciliation);
    line("title", &cover.title);
    line("kind", &cover.kind);
    line("entity", &cover.entity);
    line("side_a", &cover.sides[0]);
    line("side_b", &cover.sides[1]);
    line("period_from", &cover.period[0]);
    line("period_to", &cover.period[1]);
    line("zone", &cover.zone);
    line("as_of", &cover.as_of);
    line("known_at", &cover.known_at);
    line("rules", &cover.rules);
    line("status", status(cover.status));
    line("rows_a", &figures.rows[0].to_string());
    line("rows_b", &figures.rows[1].to_string());
    line("matched_without_a_person", &per_cent(figures.auto_matched_ppm));
    line("breaks_per_million", &figures.breaks_ppm.to_string());
    line("late", &figures.late.to_string());
    for amount in &figures.tolerated {
        line("tolerated", &format!("{} {}", amount.decimal, amount.unit));
    }
    table
}

fn inputs(report: &Report) -> Table {
    let columns = [
        ("side", Kind::Text),
        ("source", Kind::Text),
        ("rows", Kind::Number),
        ("sha256", Kind::Text),
        ("controls", Kind::Text),
    ];
    let mut table = Table::new(Section::Inputs, &columns, Totals::None);
    table.rows.extend(report.cover.inputs.iter().map(|input| {
        vec![text(&input.side), text(&input.source), number(input.rows), text(&input.sha256), list(&input.controls)]
    }));
    table
}

fn findings(report: &Report) -> Table {
    let columns = [("code", Kind::Text), ("text", Kind::Text), ("next", Kind::Text)];
    let mut table = Table::new(Section::Findings, &columns, Totals::None);
    let line = |finding: &crate::recon::report::RunFinding| {
        vec![text(&finding.code), text(&finding.text), text(&finding.next)]
    };
    table.rows.extend(report.cover.findings.iter().map(line));
    table
}

fn heals(report: &Report) -> Table {
    let columns = [("break_id", Kind::Text), ("action", Kind::Text), ("before", Kind::Text), ("after", Kind::Text)];
    let mut table = Table::new(Section::Heals, &columns, Totals::None);
    let line = |heal: &crate::recon::report::HealLine| {
        vec![text(&heal.break_id), text(&heal.action), text(&heal.before), text(&heal.after)]
    };
    table.rows.extend(report.heals.iter().map(line));
    table
}

fn signed(signatures: &[Signature]) -> Table {
    let columns =
        [("role", Kind::Text), ("actor", Kind::Text), ("at", Kind::Text), ("note", Kind::Text), ("sha256", Kind::Text)];
    let mut table = Table::new(Section::Signatures, &columns, Totals::None);
    table.rows.extend(signatures.iter().map(|signature| {
        vec![
            text(signature.role.as_str()),
            text(&signature.actor),
            text(&signature.at),
            text(&signature.note),
            text(&signature.sha256),
        ]
    }));
    table
}

struct Reading<'a> {
    report: &'a Report,
}

impl Reading<'_> {
    /// An amount as an integer of its unit; its decimal is computed again, so that both always say the same.
    fn value(&self, section: Section, amount: &Amount) -> Result<Cell, ExportError> {
        let refuse = |cause: String| ExportError::Amount {
            reconciliation: self.report.cover.reconciliation.clone(),
            section: section.as_str(),
            cause,
        };
        let unit = Unit::parse(&amount.unit).map_err(|error| refuse(error.to_string()))?;
        let minor: i128 =
            amount.amount_minor.parse().map_err(|error| refuse(format!("`{}`: {error}", amount.amount_minor)))?;
        if unit.decimal(minor) != amount.decimal {
            return Err(refuse(format!("{minor} of the smallest part is not {} {unit}", amount.decimal)));
        }
        Ok(Cell::Amount(Value { unit, minor }))
    }

    fn tie_out(&self) -> Result<Table, ExportError> {
        let columns = [
            ("unit", Kind::Text),
            ("line", Kind::Text),
            ("count_a", Kind::Number),
            ("amount_a", Kind::Amount),
            ("count_b", Kind::Number),
            ("amount_b", Kind::Amount),
            ("difference", Kind::Amount),
        ];
        let mut table = Table::new(Section::TieOut, &columns, Totals::Residual { line: 1, added: &["total"] })
            .with_counts(&["count_a", "count_b"]);
        let value = |amount| self.value(Section::TieOut, amount);
        for bridge in &self.report.tie_out {
            for line in &bridge.lines {
                table.rows.push(vec![
                    text(&bridge.unit),
                    text(&line.label),
                    number(line.count_a),
                    value(&line.amount_a)?,
                    number(line.count_b),
                    value(&line.amount_b)?,
                    value(&line.difference)?,
                ]);
            }
        }
        Ok(table)
    }

    fn payouts(&self) -> Result<Table, ExportError> {
        let columns = [
            ("payout", Kind::Text),
            ("unit", Kind::Text),
            ("category", Kind::Text),
            ("amount", Kind::Amount),
            ("net", Kind::Amount),
            ("paid", Kind::Amount),
            ("difference", Kind::Amount),
            ("received", Kind::Amount),
            ("bank_line", Kind::Text),
        ];
        let mut table = Table::new(Section::Payouts, &columns, Totals::Sum);
        let value = |amount| self.value(Section::Payouts, amount);
        for payout in &self.report.payouts {
            let start = |category: &str| vec![text(&payout.payout), text(&payout.unit), text(category)];
            for (category, amount) in &payout.activity {
                let mut row = start(category);
                row.push(value(amount)?);
                row.resize(columns.len(), Cell::Empty);
                table.rows.push(row);
            }
            let mut row = start("payout");
            row.extend([
                Cell::Empty,
                value(&payout.net)?,
                payout.paid.as_ref().map_or(Ok(Cell::Empty), value)?,
                value(&payout.difference)?,
                payout.received.as_ref().map_or(Ok(Cell::Empty), value)?,
                some(payout.bank_line.as_ref()),
            ]);
            table.rows.push(row);
        }
        Ok(table)
    }

    fn open(&self, section: Section, items: &[OpenItem]) -> Result<Table, ExportError> {
        let mut table = Table::new(section, OPEN, Totals::Sum);
        for item in items {
            let keys: Vec<String> = item.keys.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let line = |unit: Cell, amounts: [Cell; 3]| {
                let mut row = vec![
                    text(&item.id),
                    text(&item.bucket),
                    some(item.code.as_ref()),
                    some(item.sub_cause.as_ref()),
                    some(item.key.as_ref()),
                    unit,
                ];
                row.extend(amounts);
                row.extend([
                    some(item.status[0].as_ref()),
                    some(item.status[1].as_ref()),
                    day(item.event_date.as_ref()),
                    day(item.due_date.as_ref()),
                    item.age_days.map_or(Cell::Empty, |days| Cell::Number(i128::from(days))),
                    some(item.carried_by.as_ref()),
                    list(&item.findings),
                    list(&keys),
                    list(&item.candidates),
                    some(item.pass.as_ref()),
                    list(&item.rows[0]),
                    list(&item.rows[1]),
                ]);
                row
            };
            for amounts in &item.amounts {
                let value = |amount| self.value(section, amount);
                let cells = [value(&amounts.a)?, value(&amounts.b)?, value(&amounts.variance)?];
                table.rows.push(line(text(&amounts.a.unit), cells));
            }
            if item.amounts.is_empty() {
                table.rows.push(line(Cell::Empty, [const { Cell::Empty }; 3]));
            }
        }
        Ok(table)
    }

    fn aging(&self) -> Result<Table, ExportError> {
        let columns = [("from", Kind::Text), ("code", Kind::Text), ("unit", Kind::Text)];
        let mut table = Table::new(Section::Aging, &columns, Totals::Sum);
        let mut ages: Vec<&str> = Vec::new();
        for age in self.report.aging.iter().flat_map(|aging| &aging.columns) {
            if !ages.contains(&age.as_str()) {
                ages.push(age);
            }
        }
        for age in ages.iter().copied().chain(["total"]) {
            for (what, kind) in [("count", Kind::Number), ("amount", Kind::Amount)] {
                table.columns.push(Column { name: format!("{what}_{age}"), kind, summed: true });
            }
        }
        for aging in &self.report.aging {
            self.aging_rows(aging, &ages, &mut table)?;
        }
        // Two tables tell the same breaks by two dates: their sum would count each break twice.
        if self.report.aging.len() > 1 {
            table.totals = Totals::None;
        }
        Ok(table)
    }

    fn aging_rows(&self, aging: &AgingTable, ages: &[&str], table: &mut Table) -> Result<(), ExportError> {
        for line in &aging.rows {
            let mut row = vec![text(&aging.from), text(&line.code), text(&line.unit)];
            for age in ages {
                let cell = aging.columns.iter().position(|column| column == age).and_then(|at| line.cells.get(at));
                match cell {
                    Some((count, amount)) => row.extend([number(*count), self.value(Section::Aging, amount)?]),
                    None => row.extend([Cell::Empty, Cell::Empty]),
                }
            }
            row.extend([number(line.total.0), self.value(Section::Aging, &line.total.1)?]);
            table.rows.push(row);
        }
        Ok(())
    }

    fn roll_forward(&self) -> Result<Table, ExportError> {
        let columns = [("unit", Kind::Text), ("line", Kind::Text), ("count", Kind::Number), ("amount", Kind::Amount)];
        let mut table = Table::new(Section::RollForward, &columns, Totals::Residual { line: 1, added: ADDED })
            .with_counts(&["count"]);
        for roll in &self.report.roll_forward {
            for (line, count, amount) in &roll.lines {
                let amount = self.value(Section::RollForward, amount)?;
                table.rows.push(vec![text(&roll.unit), text(line), number(*count), amount]);
            }
        }
        Ok(table)
    }

    fn matches(&self) -> Result<Table, ExportError> {
        let columns = [
            ("bucket", Kind::Text),
            ("pass", Kind::Text),
            ("key", Kind::Text),
            ("unit", Kind::Text),
            ("variance", Kind::Amount),
            ("sub_cause", Kind::Text),
            ("reason", Kind::Text),
            ("rows_a", Kind::Text),
            ("rows_b", Kind::Text),
        ];
        let mut table = Table::new(Section::Matches, &columns, Totals::Sum);
        for found in &self.report.matches {
            let line = |unit: Cell, variance: Cell| {
                let (bucket, pass, key) = (text(&found.bucket), some(found.pass.as_ref()), some(found.key.as_ref()));
                let (cause, reason) = (some(found.sub_cause.as_ref()), some(found.reason.as_ref()));
                vec![bucket, pass, key, unit, variance, cause, reason, list(&found.rows[0]), list(&found.rows[1])]
            };
            for variance in &found.variance {
                table.rows.push(line(text(&variance.unit), self.value(Section::Matches, variance)?));
            }
            if found.variance.is_empty() {
                table.rows.push(line(Cell::Empty, Cell::Empty));
            }
        }
        Ok(table)
    }

    fn set_aside(&self, section: Section, rows: &[SetAside]) -> Result<Table, ExportError> {
        let columns = [
            ("side", Kind::Text),
            ("row", Kind::Text),
            ("why", Kind::Text),
            ("unit", Kind::Text),
            ("amount_a", Kind::Amount),
            ("amount_b", Kind::Amount),
        ];
        let mut table = Table::new(section, &columns, Totals::Sum);
        for row in rows {
            let amount = row.amount.as_ref().map_or(Ok(Cell::Empty), |amount| self.value(section, amount))?;
            let unit = row.amount.as_ref().map_or(Cell::Empty, |amount| text(&amount.unit));
            let [a, b] = if row.side == "A" { [amount, Cell::Empty] } else { [Cell::Empty, amount] };
            table.rows.push(vec![text(&row.side), text(&row.row), text(&row.why), unit, a, b]);
        }
        Ok(table)
    }
}
