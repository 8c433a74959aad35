//! From one run to the next: what is new, came back, changed or healed, and the roll-forward of open items that proves it.
//!
//! `opening + new + reopened + changed − healed − resolved − written off = closing`, count and amount, and a run opens with what
//! the last one closed with. Not here: why a break is in a run.

use std::collections::{BTreeMap, BTreeSet};

use crate::recon::compose::amount;
use crate::recon::report::{Amount, OpenItem, Report, RollForward, RunStatus};
use crate::recon::unit::Unit;

use super::act::parsed;
use super::carry::marks;
use super::fact::{Amounts, Kept, Sighting};
use super::{Book, ItemRecord, Refusal, State, sent};

/// What keeping this report means for the breaks; fills in the report's roll-forward.
pub fn kept(book: &Book, report: &mut Report, input_dir: Option<String>) -> Result<Kept, Refusal> {
    let mut kept = Kept {
        period: report.cover.period.clone(),
        as_of: report.cover.as_of.clone(),
        rules: report.cover.rules.clone(),
        status: report.cover.status,
        input_dir,
        sha256: String::new(),
        opened: Vec::new(),
        reopened: Vec::new(),
        changed: Vec::new(),
        healed: Vec::new(),
    };
    for item in &report.breaks {
        let sighting = sighting(item);
        match book.items.get(&item.id) {
            None => kept.opened.push(sighting),
            Some(known) if known.state.is_open() => {
                if differs(known, &sighting) {
                    kept.changed.push(sighting);
                }
            }
            // What was resolved by matching its rows, healed, or decided about another amount is open again.
            Some(known) => {
                let stays = known.matched_by.is_none() && known.decision != Some(State::Healed);
                if !stays || known.amounts != sighting.amounts {
                    kept.reopened.push(sighting);
                }
            }
        }
    }
    if report.cover.status == RunStatus::Complete {
        kept.healed = healed(book, report);
        report.heals = sent::heals(book, report, &kept.healed);
    }
    let mut after = book.clone();
    after.run_kept(0, 0, 0, &kept);
    report.roll_forward = roll_forward(book, &after)?;
    Ok(kept)
}

fn sighting(item: &OpenItem) -> Sighting {
    let amounts = item.amounts.iter().map(|sides| (sides.variance.unit.clone(), sides.variance.amount_minor.clone()));
    Sighting {
        id: item.id.clone(),
        code: item.code.clone().unwrap_or_default(),
        amounts: amounts.collect(),
        event_date: item.event_date.clone(),
        marks: marks(item),
    }
}

fn differs(known: &ItemRecord, sighting: &Sighting) -> bool {
    known.amounts != sighting.amounts || known.code != sighting.code
}

/// Open items that the run would show and does not. What lies outside of its period stays as it was.
fn healed(book: &Book, report: &Report) -> Vec<String> {
    let shown: BTreeSet<&str> = [&report.breaks, &report.in_flight, &report.timing]
        .into_iter()
        .flatten()
        .map(|item| item.id.as_str())
        .collect();
    let [from, to] = &report.cover.period;
    let within = |item: &&ItemRecord| match &item.event_date {
        Some(date) if !to.is_empty() => from <= date && date <= to,
        Some(_) | None => true,
    };
    let open = book.items.values().filter(|item| item.state.is_open());
    open.filter(within).filter(|item| !shown.contains(item.id.as_str())).map(|item| item.id.clone()).collect()
}

/// Lines of the roll-forward, in order; those from `healed` on are taken away.
#[derive(Clone, Copy)]
enum Line {
    Opening,
    New,
    Reopened,
    Changed,
    Healed,
    Resolved,
    WrittenOff,
    Closing,
}

const LINES: [&str; 8] = ["opening", "new", "reopened", "changed", "healed", "resolved", "written off", "closing"];

type Sums = BTreeMap<Unit, [(u64, i128); LINES.len()]>;

fn roll_forward(before: &Book, after: &Book) -> Result<Vec<RollForward>, Refusal> {
    let (opening, closing) = (&before.open_after_last_run, &after.open_after_last_run);
    let mut sums = Sums::new();
    for (id, was) in opening {
        let was = amounts(was)?;
        let is = closing.get(id).map(amounts).transpose()?.unwrap_or_default();
        for (unit, minor) in &was {
            add(&mut sums, Line::Opening, *unit, 1, *minor);
            match is.get(unit) {
                Some(now) if now == minor => {}
                Some(now) => add(&mut sums, Line::Changed, *unit, 0, now.saturating_sub(*minor)),
                None => add(&mut sums, left(after, id), *unit, 1, *minor),
            }
        }
    }
    for (id, is) in closing {
        let was = opening.get(id).map(amounts).transpose()?.unwrap_or_default();
        for (unit, minor) in amounts(is)? {
            add(&mut sums, Line::Closing, unit, 1, minor);
            if !was.contains_key(&unit) {
                let line =
                    if before.items.contains_key(id) && !opening.contains_key(id) { Line::Reopened } else { Line::New };
                add(&mut sums, line, unit, 1, minor);
            }
        }
    }
    Ok(sums.into_iter().map(table).collect())
}

/// Why an item is not open any more.
fn left(after: &Book, id: &str) -> Line {
    match after.items.get(id).and_then(|item| item.decision) {
        Some(State::WrittenOff) => Line::WrittenOff,
        Some(State::Resolved) => Line::Resolved,
        Some(
            State::Open
            | State::Assigned
            | State::Investigating
            | State::Proposed
            | State::Healed
            | State::AcceptedTiming
            | State::Closed
            | State::Reopened,
        )
        | None => Line::Healed,
    }
}

fn amounts(amounts: &Amounts) -> Result<BTreeMap<Unit, i128>, Refusal> {
    Ok(parsed(amounts)?.into_iter().collect())
}

fn add(sums: &mut Sums, line: Line, unit: Unit, count: u64, minor: i128) {
    let (counted, sum) = &mut sums.entry(unit).or_default()[line as usize];
    *counted += count;
    *sum = sum.saturating_add(minor);
}

fn table((unit, sums): (Unit, [(u64, i128); LINES.len()])) -> RollForward {
    let line = |(label, (count, minor)): (&&str, (u64, i128))| -> (String, u64, Amount) {
        ((*label).to_owned(), count, amount(unit, minor))
    };
    RollForward { unit: unit.as_str().to_owned(), lines: LINES.iter().zip(sums).map(line).collect() }
}
