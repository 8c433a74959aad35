//! What happened to one break, event by event, in words; pure. Not here: what follows from events (`finance::workflow`).

use serde::{Deserialize, Serialize};

use super::views::AmountView;
use crate::api::time::Time;
use crate::finance::workflow::{Amounts, Fact, Sighting};
use crate::recon::code::Code;
use crate::recon::unit::Unit;
use crate::store::ReconEvent;

/// One event about a break.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HappenedView {
    /// The event's number.
    pub event: i64,
    pub at: Time,
    pub actor: String,
    /// The event's kind: `commented`.
    pub kind: String,
    pub what: String,
    /// In the words of who did it.
    pub said: String,
    pub run: Option<i64>,
}

/// Oldest first. An event that this version cannot read has stopped the book before.
pub(super) fn history(events: &[ReconEvent], item: &str) -> Vec<HappenedView> {
    let told = events.iter().filter_map(|event| {
        let (what, said) = tell(event, item, events)?;
        let (kind, actor) = (event.kind.clone(), event.actor.clone());
        Some(HappenedView { event: event.seq, at: Time(event.at), actor, kind, what, said, run: event.run })
    });
    told.collect()
}

fn tell(event: &ReconEvent, item: &str, events: &[ReconEvent]) -> Option<(String, String)> {
    let own = event.item == item;
    let none = String::new;
    // Most events are about other breaks: their detail is not read.
    let broad = matches!(event.kind.as_str(), "run kept" | "match decided" | "unmatched");
    if !own && !broad {
        return None;
    }
    Some(match Fact::of(event).ok()? {
        Fact::RunKept(kept) => {
            let run = event.run.unwrap_or_default();
            let among = |sightings: &[Sighting]| sightings.iter().find(|sighting| sighting.id == item).cloned();
            let told = |word: &str, seen: Sighting| format!("{word} by run {run}: {}", seen_as(&seen));
            let what = if let Some(seen) = among(&kept.opened) {
                told("found", seen)
            } else if let Some(seen) = among(&kept.reopened) {
                told("found again", seen)
            } else if let Some(seen) = among(&kept.changed) {
                told("changed", seen)
            } else if kept.healed.iter().any(|healed| healed == item) {
                format!("not found any more by run {run}")
            } else {
                return None;
            };
            (what, none())
        }
        Fact::Matched { breaks, forced, reason, .. } if breaks.iter().any(|known| known == item) => {
            let others: Vec<&str> = breaks.iter().map(String::as_str).filter(|known| *known != item).collect();
            let with = if others.is_empty() { none() } else { format!(" with {}", others.join(", ")) };
            let how = if forced { "matched by force" } else { "matched by hand" };
            (format!("{how}{with}"), reason)
        }
        Fact::Unmatched { event: of, reason } if undid(events, of, item) => ("match taken back".to_owned(), reason),
        _other if !own => return None,
        Fact::Assigned { owner } => (format!("assigned to {owner}"), none()),
        Fact::Commented { text } => ("commented".to_owned(), text),
        Fact::Attached { name, sha256 } => (format!("attached {name}"), format!("SHA-256 {sha256}")),
        Fact::StateChanged { to, note } => (format!("made {}", to.as_str().to_lowercase().replace('_', " ")), note),
        Fact::Resolved { reason } => ("resolved".to_owned(), reason),
        Fact::WriteOffProposed { code, reason } => (format!("asked to write it off as {code}"), reason),
        Fact::WrittenOff { code, reason, proposed_by: Some(by), .. } => {
            (format!("written off as {code}, as {by} had asked"), reason)
        }
        Fact::WrittenOff { code, reason, .. } => (format!("written off as {code}"), reason),
        Fact::AcceptedTiming { reason } => ("accepted as a matter of time".to_owned(), reason),
        Fact::Reopened { reason } => ("reopened".to_owned(), reason),
        Fact::SignedAsPreparer { .. }
        | Fact::SignedAsApprover { .. }
        | Fact::Matched { .. }
        | Fact::Unmatched { .. } => return None,
    })
}

fn undid(events: &[ReconEvent], of: i64, item: &str) -> bool {
    let decided = events.iter().find(|event| event.seq == of).and_then(|event| Fact::of(event).ok());
    matches!(decided, Some(Fact::Matched { breaks, .. }) if breaks.iter().any(|known| known == item))
}

fn seen_as(seen: &Sighting) -> String {
    let amounts = amounts(&seen.amounts);
    let code = Code::parse(&seen.code).map_or(seen.code.as_str(), |code| code.meaning());
    if amounts.is_empty() { code.to_owned() } else { format!("{code}, B − A {}", amounts.join(" and ")) }
}

fn amounts(amounts: &Amounts) -> Vec<String> {
    let told = |(unit, minor): (&String, &String)| match Unit::parse(unit).ok().zip(minor.parse().ok()) {
        Some((unit, minor)) => format!("{} {unit}", AmountView::of(unit, minor).decimal.replace('-', "−")),
        None => format!("{minor} {unit}"),
    };
    amounts.iter().map(told).collect()
}
