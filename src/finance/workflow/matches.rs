//! Matches that people decide: which rows they bring together, and as what the next run is told of them.
//!
//! Not here: applying them to rows (`recon::matching`).

use std::collections::BTreeSet;

use crate::finance::period::Period;
use crate::recon::matching::{Decision, DecisionKind, join_key};
use crate::recon::report::OpenItem;
use crate::recon::rules::{How, RuleSet};

use super::fact::Fact;
use super::{Action, Book, Refusal};

/// What a person wants to bring together.
#[derive(Debug, Clone, Copy)]
pub struct Deciding<'a> {
    /// Breaks as the last run shows them.
    pub items: &'a [&'a OpenItem],
    /// Although they do not tie.
    pub forced: bool,
    pub reason: &'a str,
}

/// Brings all rows of these breaks together. They count as resolved from now on; the next run shows them as a match, or opens
/// the breaks again if the rows are not what they were.
pub fn decide(book: &Book, rules: &RuleSet, deciding: Deciding<'_>) -> Result<Fact, Refusal> {
    let reason = deciding.reason.trim();
    if reason.is_empty() {
        return Err(Refusal::new("a match by hand needs a reason", "say why these rows belong together"));
    }
    for item in deciding.items {
        let known = book.items.get(&item.id).ok_or_else(|| {
            Refusal::new(format!("there is no break {}", item.id), "`syncline recon breaks NAME` lists them")
        })?;
        known.state.after(Action::Resolve)?;
    }
    let rows: [Vec<String>; 2] =
        [0, 1].map(|side| deciding.items.iter().flat_map(|item| item.row_ids[side].iter().cloned()).collect());
    if rows.iter().all(Vec::is_empty) {
        return Err(Refusal::new("there are no rows to match", "name at least one break"));
    }
    refuse_taken(book, &rows)?;
    if !deciding.forced {
        refuse_untied(&deciding, &rows)?;
    }
    let keys: BTreeSet<String> = deciding.items.iter().filter_map(|item| first_key(rules, item)).collect();
    Ok(Fact::Matched {
        breaks: deciding.items.iter().map(|item| item.id.clone()).collect(),
        rows,
        keys: keys.into_iter().collect(),
        forced: deciding.forced,
        reason: reason.to_owned(),
    })
}

/// A row is in at most one match, over all runs.
fn refuse_taken(book: &Book, rows: &[Vec<String>; 2]) -> Result<(), Refusal> {
    for (event, record) in &book.matches {
        let taken = [0, 1].into_iter().any(|side| rows[side].iter().any(|row| record.rows[side].contains(row)));
        if taken {
            return Err(Refusal::new(
                format!("a row of these breaks is in the match of event {event} already"),
                format!("take that one back first: `syncline recon unmatch NAME {event} --reason ...`"),
            ));
        }
    }
    Ok(())
}

/// What is on one side only can never tie; the rest is the engine's to say, which knows tolerances.
fn refuse_untied(deciding: &Deciding<'_>, rows: &[Vec<String>; 2]) -> Result<(), Refusal> {
    if rows.iter().any(Vec::is_empty) {
        let ids: Vec<&str> = deciding.items.iter().map(|item| item.id.as_str()).collect();
        return Err(Refusal::new(
            format!("all rows of {} are on one side: they cannot tie", ids.join(", ")),
            "name the breaks of both sides, or force the match; its variance is then shown in every report",
        ));
    }
    Ok(())
}

/// The key as the first pass forms it.
fn first_key(rules: &RuleSet, item: &OpenItem) -> Option<String> {
    let (on, steps) = match &rules.passes.first()?.how {
        How::Keyed(keyed) => (&keyed.on, &keyed.normalise),
        How::Grouped(grouped) => (&grouped.by, &grouped.normalise),
        How::Window(_) | How::Subset(_) => return None,
    };
    let value = |at: &usize| {
        let name = rules.keys.get(*at)?;
        item.keys.iter().find(|(known, _)| *known == **name).map(|(_, value)| value.as_str())
    };
    let mut key = String::new();
    join_key(on.iter().map(value), steps, &mut key).then_some(key)
}

/// What a run of this period is told, in the order in which it was decided: matches of other periods' rows would be void.
pub fn decisions(book: &Book, period: Option<Period>) -> Vec<Decision> {
    let within = |id: &String| match (period, book.items.get(id).and_then(|item| item.event_date.as_ref())) {
        (Some(period), Some(date)) => period.from.to_string() <= *date && *date <= period.to.to_string(),
        (Some(_), None) | (None, _) => true,
    };
    let decision = |record: &super::MatchRecord| Decision {
        rows: record.rows.clone(),
        keys: record.keys.iter().map(|key| key.as_str().into()).collect(),
        kind: if record.forced { DecisionKind::Forced } else { DecisionKind::Manual },
        reason: record.reason.as_str().into(),
    };
    book.matches.values().filter(|record| record.breaks.iter().any(within)).map(decision).collect()
}

/// Takes a match back.
pub fn undo(book: &Book, event: i64, reason: &str) -> Result<Fact, Refusal> {
    let record = book.matches.get(&event).ok_or_else(|| {
        Refusal::new(format!("no match of event {event} is in force"), "`syncline recon show RUN` lists the matches")
    })?;
    if let Some(run) = record.sealed_by {
        return Err(Refusal::new(
            format!("the match of event {event} is part of run {run}, which is signed"),
            format!("reopen run {run} with a reason first; its signatures are void then"),
        ));
    }
    if reason.trim().is_empty() {
        return Err(Refusal::new("a reason is needed", "say why these rows do not belong together"));
    }
    Ok(Fact::Unmatched { event, reason: reason.trim().to_owned() })
}
