//! Breaks and proposed journal lines as tables; not here: a run's report.

use serde_json::Value;

use crate::api::Level;
use crate::api::resources::reconciliations::BreakView;
use crate::cli::args::Global;
use crate::cli::client::shaped;
use crate::cli::entry::Exit;
use crate::cli::error::CliError;
use crate::cli::output::{Surroundings, Table, clean};
use crate::finance::heal::{HealDone, HealReport};
use crate::finance::workflow::{JournalLine, State};
use crate::recon::report::{OpenItem, SideAmounts};

pub(super) fn list(answer: &Value, global: &Global, to: &mut Surroundings) -> Result<Exit, CliError> {
    let breaks: Vec<BreakView> = shaped(answer)?;
    let exit = if breaks.iter().any(|shown| shown.state.is_open()) { Exit::NotWell } else { Exit::Done };
    if global.json {
        to.json(answer)?;
        return Ok(exit);
    }
    if breaks.is_empty() {
        to.line("No such break.")?;
        return Ok(exit);
    }
    let mut table = Table::new(&[
        "BREAK",
        "STATE",
        "CODE",
        "KEY",
        "UNIT",
        ">VARIANCE",
        ">AGE",
        "OWNER",
        "SIDE A",
        "SIDE B",
        "SAID",
    ]);
    for shown in &breaks {
        let item = shown.item.as_ref();
        let place = |side: usize| item.map_or_else(|| "-".to_owned(), |item| places(item, side));
        table.row(vec![
            clean(&shown.id),
            to.mark(level(shown.state), shown.state.as_str()),
            clean(&shown.code),
            item.and_then(|item| item.key.as_deref()).map_or_else(|| "-".to_owned(), clean),
            shown.variance.iter().map(|amount| clean(&amount.unit)).collect::<Vec<_>>().join(" "),
            shown.variance.iter().map(|amount| clean(&amount.decimal)).collect::<Vec<_>>().join(" "),
            item.map_or_else(|| "-".to_owned(), age),
            shown.owner.as_deref().map_or_else(|| "-".to_owned(), clean),
            place(0),
            place(1),
            shown.remarks.last().map(|remark| clean(&remark.text)).unwrap_or_default(),
        ]);
    }
    table.print(to)?;
    for shown in breaks.iter().filter(|shown| shown.write_off_by.is_some()) {
        let by = shown.write_off_by.as_deref().unwrap_or_default();
        let mark =
            to.mark(Level::Warn, &format!("break {}: {by} asks to write it off, another person approves", shown.id));
        to.line(&mark)?;
    }
    Ok(exit)
}

fn level(state: State) -> Level {
    match state {
        State::Open | State::Reopened => Level::Bad,
        State::Assigned | State::Investigating | State::Proposed => Level::Warn,
        State::AcceptedTiming => Level::Info,
        State::Resolved | State::Healed | State::WrittenOff => Level::Good,
        State::Closed => Level::Muted,
    }
}

/// `bank.csv:12`, of several the first and how many more.
fn places(item: &OpenItem, side: usize) -> String {
    match item.rows[side].as_slice() {
        [] => "(none)".to_owned(),
        [one] => clean(one),
        [first, more @ ..] => format!("{} +{}", clean(first), more.len()),
    }
}

fn age(item: &OpenItem) -> String {
    item.age_days.map_or_else(|| "-".to_owned(), |days| format!("{days} d"))
}

/// Items of one report: both sides with amounts and places.
pub(super) fn items(items: &[OpenItem], to: &mut Surroundings) -> Result<(), CliError> {
    let mut table =
        Table::new(&["BREAK", "CODE", "KEY", "UNIT", ">A", ">B", ">B-A", ">AGE", "DUE", "SIDE A", "SIDE B", "WHAT"]);
    for item in items {
        let code = item.code.as_deref().unwrap_or(&item.bucket);
        let cause = item.sub_cause.as_ref().map(|cause| format!(" ({})", clean(cause))).unwrap_or_default();
        let joined = |shown: fn(&SideAmounts) -> &str| {
            item.amounts.iter().map(|sides| clean(shown(sides))).collect::<Vec<_>>().join(" ")
        };
        let what = item.carried_by.as_ref().or(item.findings.first());
        table.row(vec![
            clean(&item.id),
            format!("{}{cause}", clean(code)),
            item.key.as_deref().map_or_else(|| "-".to_owned(), clean),
            joined(|sides| &sides.a.unit),
            joined(|sides| &sides.a.decimal),
            joined(|sides| &sides.b.decimal),
            joined(|sides| &sides.variance.decimal),
            age(item),
            item.due_date.clone().unwrap_or_else(|| "-".to_owned()),
            places(item, 0),
            places(item, 1),
            what.map(|what| clean(what)).unwrap_or_default(),
        ]);
    }
    Ok(table.print(to)?)
}

/// What was sent again, or would be.
pub(super) fn healed(answer: &Value, global: &Global, to: &mut Surroundings) -> Result<Exit, CliError> {
    let report: HealReport = shaped(answer)?;
    if global.json {
        to.json(answer)?;
        return Ok(Exit::Done);
    }
    if report.steps.is_empty() {
        to.line(&format!("Run {} has no break that the definition heals.", report.run))?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["BREAK", "CODE", "KEY", "DONE", "TOLD"]);
    for step in &report.steps {
        let (level, word) = match step.done {
            HealDone::Sent => (Level::Good, "sent"),
            HealDone::WouldBeSent => (Level::Info, "would be sent"),
            HealDone::Proposed => (Level::Info, "proposed"),
            HealDone::Flapping => (Level::Bad, "flapping"),
            HealDone::Left => (Level::Muted, "left"),
        };
        table.row(vec![
            clean(&step.item),
            clean(&step.code),
            step.key.as_deref().map_or_else(|| "-".to_owned(), clean),
            to.mark(level, word),
            clean(&step.told),
        ]);
    }
    table.print(to)?;
    Ok(Exit::Done)
}

pub(super) fn journal(answer: &Value, global: &Global, to: &mut Surroundings) -> Result<Exit, CliError> {
    let lines: Vec<JournalLine> = shaped(answer)?;
    if global.json {
        to.json(answer)?;
        return Ok(Exit::Done);
    }
    if lines.is_empty() {
        to.line("No write-off proposes a journal line.")?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["BREAK", "DEBIT", "CREDIT", "UNIT", ">AMOUNT", "TEXT"]);
    for line in &lines {
        let JournalLine { item, debit, credit, unit, decimal, text, .. } = line;
        table.row([item, debit, credit, unit, decimal, text].into_iter().map(|cell| clean(cell)).collect());
    }
    table.print(to)?;
    to.line("Nothing here was posted: a bookkeeper does.")?;
    Ok(Exit::Done)
}
