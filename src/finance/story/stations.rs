//! A leg's findings as a station: its verdict, in a sentence, with rows, breaks and what could not be read.
//!
//! Not here: what all stations together come to (`outcome`).

use std::collections::BTreeMap;

use crate::recon::code::Code;
use crate::recon::report::OpenItem;
use crate::recon::row::Side;

use super::definition::Leg;
use super::figures::amounts;
use super::scan::Found;
use super::sides::{LegState, Newest};
use super::told::{Station, StationRun, StationSide, StoryBreak, Verdict};
use super::verdicts::Verdicts;
use super::walk::Visited;

pub fn station(leg: &Leg, state: &LegState, visited: Option<Visited<'_>>) -> Station {
    let verdict = verdict(leg, state, visited.as_ref());
    let newest = state.as_ref().ok();
    let told = told(leg, state, visited.as_ref(), verdict);
    let title = leg.title.clone().or_else(|| newest.map(|newest| newest.definition.title.clone()));
    let run = newest.map(|newest| {
        let cover = &newest.report.cover;
        StationRun { id: newest.run, period: cover.period.clone(), as_of: cover.as_of.clone() }
    });
    let found_by = visited.as_ref().map(|visited| visited.entered_by.clone());
    let breaks = visited.iter().zip(newest).flat_map(|(visited, newest)| breaks(visited, newest)).collect();
    let sides = match (visited, newest) {
        (Some(visited), Some(newest)) => sides(visited, newest),
        (_, _) => Vec::new(),
    };
    Station {
        leg: leg.leg.value.clone(),
        title: title.unwrap_or_else(|| leg.leg.value.clone()),
        verdict,
        told,
        run,
        found_by,
        sides,
        breaks,
    }
}

fn verdict(leg: &Leg, state: &LegState, visited: Option<&Visited<'_>>) -> Verdict {
    let absent = |otherwise| if leg.optional { Verdict::NotNeeded } else { otherwise };
    let (Ok(_), Some(visited)) = (state, visited) else {
        return if state.is_err() { Verdict::Unknown } else { absent(Verdict::NotReached) };
    };
    let gravest = visited.sides.iter().filter_map(|found| found.verdict).max();
    let is_unread = visited.sides.iter().any(|found| !found.unread.is_empty());
    match gravest {
        Some(Verdict::Broken) => Verdict::Broken,
        _ if is_unread => Verdict::Unknown,
        None => absent(Verdict::Nothing),
        Some(Verdict::SetAside) => absent(Verdict::SetAside),
        Some(gravest) => gravest,
    }
}

fn told(leg: &Leg, state: &LegState, visited: Option<&Visited<'_>>, verdict: Verdict) -> String {
    if let Err(why) = state {
        return why.clone();
    }
    let found = || visited.iter().flat_map(|visited| &visited.sides);
    let items = || found().flat_map(|found| found.items.values());
    let of = |wanted: Verdict| items().filter(move |(_, verdict)| *verdict == wanted).map(|(item, _)| *item);
    match verdict {
        Verdict::NotNeeded => "nothing of it passes here".to_owned(),
        Verdict::SetAside => format!("set aside: {}", rules_of(found())),
        Verdict::Matched => "matched".to_owned(),
        Verdict::Decided => "a break, decided by a person".to_owned(),
        Verdict::MatchedWithRemark => "matched, within a tolerance or by hand".to_owned(),
        Verdict::NotCompared => {
            "outside of the run's period: nothing was compared; run it for the period of these rows".to_owned()
        }
        Verdict::NotReached => format!("no {} is known: nothing leads here yet", leg.by.value),
        Verdict::Nothing => "nothing of it is here".to_owned(),
        Verdict::UnderWay => of(Verdict::UnderWay).map(waits).next().unwrap_or_else(|| "under way".to_owned()),
        Verdict::Unknown => {
            let unread: Vec<&str> = found().flat_map(|found| &found.unread).map(String::as_str).collect();
            format!("cannot be told: {}", unread.join("; "))
        }
        Verdict::Broken => of(Verdict::Broken).map(broken).next().unwrap_or_else(|| "a break".to_owned()),
    }
}

fn rules_of<'f, 'r: 'f>(found: impl Iterator<Item = &'f Found<'r>>) -> String {
    let mut rules: BTreeMap<&str, u64> = BTreeMap::new();
    for (rule, totals) in found.flat_map(|found| &found.aside) {
        *rules.entry(rule).or_default() += totals.rows;
    }
    rules.into_iter().map(|(rule, rows)| format!("{rule} ({rows})")).collect::<Vec<_>>().join(", ")
}

fn waits(item: &OpenItem) -> String {
    match (&item.carried_by, &item.due_date, &item.code) {
        (Some(operation), _, _) => format!("in flight: {operation}"),
        (None, _, Some(_)) => "accepted as a matter of time".to_owned(),
        (None, Some(due), None) => format!("a matter of time: due on {due}"),
        (None, None, None) => "a matter of time".to_owned(),
    }
}

fn broken(item: &OpenItem) -> String {
    let code = item.code.as_deref().unwrap_or(&item.bucket);
    let meaning = Code::parse(code).map_or("a break", Code::meaning);
    let off: Vec<String> = variances(item).map(|off| format!("{} {}", off.decimal, off.unit)).collect();
    let off = if off.is_empty() { String::new() } else { format!(" ({})", off.join(", ")) };
    format!("{meaning}{off}")
}

fn variances(item: &OpenItem) -> impl Iterator<Item = &crate::recon::report::Amount> {
    item.amounts.iter().map(|sides| &sides.variance).filter(|variance| variance.amount_minor != "0")
}

/// Open ones first.
fn breaks(visited: &Visited<'_>, newest: &Newest) -> Vec<StoryBreak> {
    let verdicts = Verdicts::new(&newest.report, &newest.book.items);
    let mut items: BTreeMap<(bool, &str), &OpenItem> = BTreeMap::new();
    for (item, verdict) in visited.sides.iter().flat_map(|found| found.items.values()) {
        if item.code.is_some() {
            items.insert((*verdict != Verdict::Broken, &item.id), item);
        }
    }
    let told = |item: &OpenItem| {
        let code = item.code.clone().unwrap_or_default();
        let known = Code::parse(&code);
        let record = verdicts.record(item);
        StoryBreak {
            id: item.id.clone(),
            meaning: known.map(Code::meaning).unwrap_or_default().to_owned(),
            next_step: known.map(Code::next_step).unwrap_or_default().to_owned(),
            code,
            state: record.map(|record| record.state),
            owner: record.and_then(|record| record.owner.clone()),
            variance: variances(item).cloned().collect(),
        }
    };
    items.into_values().map(told).collect()
}

fn sides(visited: Visited<'_>, newest: &Newest) -> Vec<StationSide> {
    let whole = visited.whole;
    let told = |(side, found): (Side, Found<'_>)| {
        let aside = found.aside.iter().map(|(rule, totals)| (rule.clone(), totals.rows));
        StationSide {
            side: side.as_str().to_owned(),
            title: newest.definition.sides[side.index()].title.clone(),
            more: found.count.saturating_sub(found.rows.len() as u64),
            sums: amounts(&found.sums),
            whole: whole[side.index()],
            others: found.others.rows,
            others_sums: amounts(&found.others),
            set_aside: aside.collect(),
            rows: found.rows,
            unread: found.unread,
        }
    };
    Side::BOTH.into_iter().zip(visited.sides).map(told).collect()
}
