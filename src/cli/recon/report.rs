//! A run's report on the terminal: every figure as the document has it; not here: computing any.

use serde_json::Value;

use super::args::Section;
use super::breaks;
use crate::api::Level;
use crate::api::resources::reconciliations::{RunDetail, RunView};
use crate::cli::args::Global;
use crate::cli::client::shaped;
use crate::cli::entry::Exit;
use crate::cli::error::CliError;
use crate::cli::output::{Surroundings, Table, clean};
use crate::recon::report::{
    AgingTable, Amount, HealLine, MatchLine, OpenItem, PayoutBridge, Report, RollForward, RunStatus, SetAside,
};

/// What is shown if no section is asked for.
const USUAL: [Section; 5] = [Section::Cover, Section::TieOut, Section::Breaks, Section::Aging, Section::RollForward];

pub(super) fn show(
    answer: &Value,
    global: &Global,
    section: Option<Section>,
    to: &mut Surroundings,
) -> Result<Exit, CliError> {
    let detail: RunDetail = shaped(answer)?;
    let well = detail.report.breaks.is_empty() && detail.run.status == RunStatus::Complete;
    let exit = if well { Exit::Done } else { Exit::NotWell };
    if global.json {
        to.json(answer)?;
        return Ok(exit);
    }
    match section {
        Some(section) => one(&detail, section, to)?,
        None => {
            for (at, section) in USUAL.into_iter().enumerate() {
                if at > 0 {
                    to.line("")?;
                }
                one(&detail, section, to)?;
            }
            let set_aside = [
                ("in flight", detail.report.in_flight.len()),
                ("a matter of time", detail.report.timing.len()),
                ("excluded", detail.report.excluded.len()),
                ("rejected", detail.report.rejected.len()),
                ("matches to look at", detail.report.matches.len()),
                ("sent again", detail.report.heals.len()),
                ("payouts", detail.report.payouts.len()),
            ];
            let more: Vec<String> =
                set_aside.iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{n} {what}")).collect();
            if !more.is_empty() {
                to.line("")?;
                to.line(&format!("Besides: {}; see --section.", more.join(", ")))?;
            }
        }
    }
    Ok(exit)
}

fn one(detail: &RunDetail, section: Section, to: &mut Surroundings) -> Result<(), CliError> {
    let report = &detail.report;
    match section {
        Section::Cover => cover(detail, to),
        Section::TieOut => tie_out(report, to),
        Section::Breaks => list("BREAKS", &report.breaks, to),
        Section::InFlight => list("IN FLIGHT", &report.in_flight, to),
        Section::Timing => list("A MATTER OF TIME", &report.timing, to),
        Section::Aging => report.aging.iter().try_for_each(|table| aging(table, to)),
        Section::RollForward => roll_forward(&report.roll_forward, to),
        Section::Matches => matches(&report.matches, to),
        Section::Heals => heals(&report.heals, to),
        Section::Payouts => payouts(&report.payouts, to),
        Section::Excluded => aside("EXCLUDED", &report.excluded, to),
        Section::Rejected => aside("REJECTED", &report.rejected, to),
    }
}

pub(super) fn status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Complete => "complete",
        RunStatus::NotReconciled => "not reconciled",
        RunStatus::Failed => "failed",
    }
}

pub(super) fn period(run: &RunView) -> String {
    match &run.period {
        [_, to] if to.is_empty() => "all".to_owned(),
        [from, to] if from == to => clean(from),
        [from, to] => format!("{} to {}", clean(from), clean(to)),
    }
}

pub(super) fn signed(run: &RunView) -> String {
    match (&run.preparer, &run.approver) {
        (Some(preparer), Some(approver)) => format!("{} and {}", clean(&preparer.actor), clean(&approver.actor)),
        (Some(preparer), None) => format!("{}, to be approved", clean(&preparer.actor)),
        (None, _) if run.reopened.is_some() => "reopened".to_owned(),
        (None, _) => "no".to_owned(),
    }
}

fn cover(detail: &RunDetail, to: &mut Surroundings) -> Result<(), CliError> {
    let (run, cover) = (&detail.run, &detail.report.cover);
    let title = to.bold(&cover.title);
    let level = if run.status == RunStatus::Complete { Level::Good } else { Level::Bad };
    let mark = to.mark(level, status(run.status));
    to.line(&format!("{title}  run {}  {mark}", run.id))?;
    let entity = if cover.entity.is_empty() { String::new() } else { format!(", {}", clean(&cover.entity)) };
    to.line(&format!("  what      {} {}{entity}", clean(&cover.kind), clean(&cover.reconciliation)))?;
    to.line(&format!("  sides     A {}, B {}", clean(&cover.sides[0]), clean(&cover.sides[1])))?;
    to.line(&format!("  period    {} ({}), as of {}", period(run), clean(&cover.zone), clean(&cover.as_of)))?;
    to.line(&format!("  rules     {}", clean(&cover.rules)))?;
    for input in &cover.inputs {
        let hash: String = input.sha256.chars().take(12).collect();
        let controls = input.controls.join(", ");
        to.line(&format!(
            "  input {}   {}  {} rows, {}  {hash}",
            input.side,
            clean(&input.source),
            input.rows,
            clean(&controls)
        ))?;
    }
    to.line(&format!("  document  {}", run.sha256))?;
    to.line(&format!("  signed    {}", signed(run)))?;
    for (role, signature) in [("prepared", &run.preparer), ("approved", &run.approver)] {
        if let Some(signature) = signature {
            to.line(&format!(
                "    {role} by {}, {}: {}",
                clean(&signature.actor),
                to.ago(signature.at),
                clean(&signature.note)
            ))?;
        }
    }
    for finding in &cover.findings {
        let mark = to.mark(Level::Warn, &format!("{}: {}", finding.code, finding.text));
        to.line(&format!("  {mark}"))?;
        to.line(&format!("      {}", clean(&finding.next)))?;
    }
    for blocker in &detail.blockers {
        let mark = to.mark(Level::Warn, &format!("cannot be signed: {blocker}"));
        to.line(&format!("  {mark}"))?;
    }
    Ok(())
}

/// The residual is printed whatever it is.
fn tie_out(report: &Report, to: &mut Surroundings) -> Result<(), CliError> {
    for (at, bridge) in report.tie_out.iter().enumerate() {
        if at > 0 {
            to.line("")?;
        }
        let title = to.bold(&format!("TIE-OUT {}", bridge.unit));
        to.line(&title)?;
        let mut table = Table::new(&["LINE", ">COUNT A", ">AMOUNT A", ">COUNT B", ">AMOUNT B", ">A-B"]);
        for line in &bridge.lines {
            table.row(vec![
                clean(&line.label),
                line.count_a.to_string(),
                line.amount_a.decimal.clone(),
                line.count_b.to_string(),
                line.amount_b.decimal.clone(),
                line.difference.decimal.clone(),
            ]);
        }
        let gap = String::new;
        table.row(vec!["unexplained residual".to_owned(), gap(), gap(), gap(), gap(), bridge.residual.decimal.clone()]);
        table.print(to)?;
    }
    Ok(())
}

fn list(title: &str, items: &[OpenItem], to: &mut Surroundings) -> Result<(), CliError> {
    let title = to.bold(&format!("{title}: {}", items.len()));
    to.line(&title)?;
    if items.is_empty() { Ok(()) } else { breaks::items(items, to) }
}

fn aging(table: &AgingTable, to: &mut Surroundings) -> Result<(), CliError> {
    let title = to.bold(&format!("AGE IN DAYS, BY {}", table.from.to_uppercase()));
    to.line(&title)?;
    let mut shown = Table::new(&["CODE", "UNIT", "DAYS", ">COUNT", ">B-A"]);
    for row in &table.rows {
        for (column, (count, amount)) in table.columns.iter().zip(&row.cells).filter(|(_, (count, _))| *count > 0) {
            shown.row(vec![
                clean(&row.code),
                clean(&row.unit),
                clean(column),
                count.to_string(),
                amount.decimal.clone(),
            ]);
        }
        let (count, amount) = &row.total;
        let total =
            vec![clean(&row.code), clean(&row.unit), "total".to_owned(), count.to_string(), amount.decimal.clone()];
        shown.row(total);
    }
    Ok(shown.print(to)?)
}

fn roll_forward(units: &[RollForward], to: &mut Surroundings) -> Result<(), CliError> {
    let title = to.bold("OPEN ITEMS, ROLLED FORWARD");
    to.line(&title)?;
    let mut table = Table::new(&["UNIT", "LINE", ">COUNT", ">B-A"]);
    for unit in units {
        for (label, count, amount) in &unit.lines {
            table.row(vec![clean(&unit.unit), clean(label), count.to_string(), amount.decimal.clone()]);
        }
    }
    Ok(table.print(to)?)
}

fn matches(lines: &[MatchLine], to: &mut Surroundings) -> Result<(), CliError> {
    let title = to.bold(&format!("MATCHES TO LOOK AT: {}", lines.len()));
    to.line(&title)?;
    let mut table = Table::new(&["HOW", "PASS", "KEY", ">B-A", "REASON", "SIDE A", "SIDE B"]);
    for line in lines {
        let variance: Vec<String> =
            line.variance.iter().map(|amount| format!("{} {}", amount.decimal, amount.unit)).collect();
        let or_none = |text: &Option<String>| text.as_deref().map_or_else(|| "-".to_owned(), clean);
        table.row(vec![
            clean(&line.bucket),
            or_none(&line.pass),
            or_none(&line.key),
            clean(&variance.join(" ")),
            or_none(&line.reason),
            clean(&line.rows[0].join(" ")),
            clean(&line.rows[1].join(" ")),
        ]);
    }
    Ok(table.print(to)?)
}

fn heals(lines: &[HealLine], to: &mut Surroundings) -> Result<(), CliError> {
    let title = to.bold(&format!("SENT AGAIN AFTER THE RUN BEFORE: {}", lines.len()));
    to.line(&title)?;
    let mut table = Table::new(&["BREAK", "BEFORE", "NOW", "WHAT WAS DONE"]);
    for line in lines {
        table.row([&line.break_id, &line.before, &line.after, &line.action].map(|text| clean(text)).to_vec());
    }
    Ok(table.print(to)?)
}

fn payouts(payouts: &[PayoutBridge], to: &mut Surroundings) -> Result<(), CliError> {
    let title = to.bold(&format!("PAYOUTS: {}", payouts.len()));
    to.line(&title)?;
    let mut table = Table::new(&["PAYOUT", "UNIT", "MADE OF", ">NET", ">PAID", ">NET-PAID", ">RECEIVED", "BANK LINE"]);
    let decimal = |amount: &Option<Amount>| amount.as_ref().map_or_else(|| "-".to_owned(), |a| a.decimal.clone());
    for payout in payouts {
        let activity: Vec<String> =
            payout.activity.iter().map(|(category, sum)| format!("{} {}", clean(category), sum.decimal)).collect();
        table.row(vec![
            clean(&payout.payout),
            clean(&payout.unit),
            activity.join(", "),
            payout.net.decimal.clone(),
            decimal(&payout.paid),
            payout.difference.decimal.clone(),
            decimal(&payout.received),
            payout.bank_line.as_deref().map_or_else(|| "-".to_owned(), clean),
        ]);
    }
    Ok(table.print(to)?)
}

fn aside(title: &str, rows: &[SetAside], to: &mut Surroundings) -> Result<(), CliError> {
    let title = to.bold(&format!("{title}: {}", rows.len()));
    to.line(&title)?;
    let mut table = Table::new(&["SIDE", "ROW", "UNIT", ">AMOUNT", "WHY"]);
    for row in rows {
        let amount = row.amount.as_ref();
        table.row(vec![
            clean(&row.side),
            clean(&row.row),
            amount.map_or_else(|| "-".to_owned(), |amount| clean(&amount.unit)),
            amount.map_or_else(|| "-".to_owned(), |amount| clean(&amount.decimal)),
            clean(&row.why),
        ]);
    }
    Ok(table.print(to)?)
}
