//! What a run's report says of single rows, found by their places; rows that no list names agreed.
//!
//! Not here: what a station or the whole story is called (`outcome`).

use std::collections::{BTreeMap, HashMap};

use crate::finance::workflow::{ItemRecord, State};
use crate::recon::large::OUTSIDE_THE_PERIOD;
use crate::recon::report::{MatchLine, OpenItem, Report};
use crate::recon::row::Side;

use super::told::Verdict;

#[derive(Clone, Copy)]
enum Said<'r> {
    Match(&'r MatchLine),
    /// A matter of time, or in flight.
    Wait(&'r OpenItem),
    Break(&'r OpenItem),
}

impl<'r> Said<'r> {
    fn rows(self) -> &'r [Vec<String>; 2] {
        match self {
            Said::Match(line) => &line.rows,
            Said::Wait(item) | Said::Break(item) => &item.rows,
        }
    }
}

/// One row, as its run sees it.
pub struct RowSays<'r> {
    pub verdict: Verdict,
    pub bucket: String,
    pub item: Option<&'r OpenItem>,
    /// It is a match, to the last digit.
    pub is_exact: bool,
}

/// A report by place.
pub struct Verdicts<'r> {
    by_place: [HashMap<&'r str, Said<'r>>; 2],
    states: &'r BTreeMap<String, ItemRecord>,
}

impl<'r> Verdicts<'r> {
    pub fn new(report: &'r Report, states: &'r BTreeMap<String, ItemRecord>) -> Verdicts<'r> {
        let mut by_place = [HashMap::new(), HashMap::new()];
        // A record that became several rows has one place: the gravest of what is said of it stays.
        let matches = report.matches.iter().map(Said::Match);
        let waits = report.timing.iter().chain(&report.in_flight).map(Said::Wait);
        for said in matches.chain(waits).chain(report.breaks.iter().map(Said::Break)) {
            for side in Side::BOTH {
                let places = &said.rows()[side.index()];
                by_place[side.index()].extend(places.iter().map(|place| (place.as_str(), said)));
            }
        }
        Verdicts { by_place, states }
    }

    /// `excluded`: the rule, if the row is out of scope.
    pub fn row(&self, side: Side, place: &str, excluded: Option<&str>) -> RowSays<'r> {
        if let Some(rule) = excluded {
            let verdict = if rule == OUTSIDE_THE_PERIOD { Verdict::NotCompared } else { Verdict::SetAside };
            return RowSays { verdict, bucket: format!("EXCLUDED({rule})"), item: None, is_exact: false };
        }
        match self.by_place[side.index()].get(place).copied() {
            None => {
                let bucket = "MATCHED_EXACT".to_owned();
                RowSays { verdict: Verdict::Matched, bucket, item: None, is_exact: true }
            }
            Some(Said::Match(line)) => {
                let plain =
                    matches!(line.bucket.as_str(), "MATCHED_EXACT" | "MATCHED_GROUP") && line.variance.is_empty();
                let verdict = if plain { Verdict::Matched } else { Verdict::MatchedWithRemark };
                let is_exact = line.variance.is_empty();
                RowSays { verdict, bucket: line.bucket.clone(), item: None, is_exact }
            }
            Some(Said::Wait(item)) => self.item(item, Verdict::UnderWay),
            Some(Said::Break(item)) => self.item(item, self.of_break(item)),
        }
    }

    fn item(&self, item: &'r OpenItem, verdict: Verdict) -> RowSays<'r> {
        RowSays { verdict, bucket: item.bucket.clone(), item: Some(item), is_exact: false }
    }

    fn of_break(&self, item: &OpenItem) -> Verdict {
        match self.record(item).map(|record| record.state) {
            Some(State::AcceptedTiming) => Verdict::UnderWay,
            Some(State::Resolved | State::Healed | State::WrittenOff | State::Closed) => Verdict::Decided,
            Some(State::Open | State::Assigned | State::Investigating | State::Proposed | State::Reopened) | None => {
                Verdict::Broken
            }
        }
    }

    /// What people made of a break.
    pub fn record(&self, item: &OpenItem) -> Option<&'r ItemRecord> {
        self.states.get(&item.id)
    }

    /// Places on the other side that the report names together with this one.
    pub fn beside(&self, side: Side, place: &str) -> &'r [String] {
        let said = self.by_place[side.index()].get(place).copied();
        said.map_or(&[], |said| &said.rows()[side.other().index()])
    }
}
