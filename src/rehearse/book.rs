//! What was planned, acknowledged and seen to arrive: one clock for all of it. Not here: sending and receiving.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;

use super::token::Tokens;

/// How a record was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Open,
    Accepted,
    /// 503: come again later.
    Unavailable,
    /// 429.
    TooMany,
    /// Another status, or none at all.
    Failed,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    source: usize,
    planned_us: u64,
    answered_us: u64,
    answer: Answer,
    /// The record that this one refers to.
    refers_to: Option<u64>,
}

/// A route that records take: the source's number and where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lane {
    pub(super) flow: String,
    pub(super) source: usize,
    pub(super) connection: String,
    pub(super) stream: String,
}

pub(super) struct Book {
    start: Instant,
    tokens: Tokens,
    pub(super) lanes: Vec<Lane>,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    entries: Vec<Entry>,
    /// First arrival of a record, by lane and record.
    arrived: BTreeMap<(usize, u64), u64>,
    /// All arrivals, repetitions included, by lane.
    writes: Vec<u64>,
    /// All arrivals by connection and stream.
    at: BTreeMap<(String, String), u64>,
    /// Arrivals that name no record of this rehearsal.
    nameless: u64,
    first_problem: Option<String>,
}

/// Of answered or arrived records, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Latencies {
    pub p50_us: u64,
    pub p95_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
}

impl Latencies {
    /// Nearest rank.
    pub(super) fn of(mut all: Vec<u64>) -> Option<Latencies> {
        all.sort_unstable();
        let rank = |percent: usize| {
            let rank = (all.len() * percent).div_ceil(100).max(1) - 1;
            all.get(rank).copied()
        };
        Some(Latencies { p50_us: rank(50)?, p95_us: rank(95)?, p99_us: rank(99)?, max_us: *all.last()? })
    }
}

/// Counts of one source.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Answers {
    pub(super) offered: u64,
    pub(super) accepted: u64,
    pub(super) unavailable: u64,
    pub(super) too_many: u64,
    pub(super) failed: u64,
}

impl Book {
    pub(super) fn new(tokens: Tokens, lanes: Vec<Lane>) -> Book {
        let pages = Pages { writes: vec![0; lanes.len()], ..Pages::default() };
        Book { start: Instant::now(), tokens, lanes, pages: Mutex::new(pages) }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tokens(&self) -> Tokens {
        self.tokens
    }

    pub(super) fn now_us(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Records are planned in the order of their numbers.
    pub(super) fn plan(&self, source: usize, planned_us: u64, refers_to: Option<u64>) {
        let entry = Entry { source, planned_us, answered_us: 0, answer: Answer::Open, refers_to };
        self.pages().entries.push(entry);
    }

    pub(super) fn answered(&self, index: u64, answer: Answer, problem: Option<String>) {
        let now = self.now_us();
        let mut pages = self.pages();
        if let Some(entry) = usize::try_from(index).ok().and_then(|index| pages.entries.get_mut(index)) {
            entry.answered_us = now;
            entry.answer = answer;
        }
        if pages.first_problem.is_none() {
            pages.first_problem = problem;
        }
    }

    /// Something reached a destination: finds out which record it is about. A record that another one in the same text
    /// refers to is not what the text is about.
    pub(super) fn arrived(&self, connection: &str, stream: &str, text: &[u8]) {
        let now = self.now_us();
        let named = self.tokens.found_in(text);
        let mut pages = self.pages();
        let entry = |index: u64| usize::try_from(index).ok().and_then(|index| pages.entries.get(index));
        let meant = named.iter().copied().find_map(|index| {
            let referred = named.iter().any(|other| entry(*other).is_some_and(|entry| entry.refers_to == Some(index)));
            let source = entry(index).filter(|_| !referred)?.source;
            let lane = self
                .lanes
                .iter()
                .position(|lane| lane.source == source && lane.connection == connection && lane.stream == stream)?;
            Some((lane, index))
        });
        *pages.at.entry((connection.to_owned(), stream.to_owned())).or_default() += 1;
        match meant {
            Some((lane, index)) => {
                pages.arrived.entry((lane, index)).or_insert(now);
                pages.writes[lane] += 1;
            }
            None => {
                // Where only one flow leads, it can only be that one's.
                let mut lanes = self.lanes.iter().enumerate();
                let leads = |lane: &Lane| lane.connection == connection && lane.stream == stream;
                let (first, second) =
                    (lanes.by_ref().find(|(_, lane)| leads(lane)), lanes.find(|(_, lane)| leads(lane)));
                if let (Some((lane, _)), None) = (first, second) {
                    pages.writes[lane] += 1;
                }
                pages.nameless += 1;
            }
        }
    }

    /// When the hub was to learn of a record; `None` if it was never planned.
    pub(super) fn planned_us(&self, index: u64) -> Option<u64> {
        self.pages().entries.get(usize::try_from(index).ok()?).map(|entry| entry.planned_us)
    }

    pub(super) fn answers(&self, source: usize) -> Answers {
        let mut answers = Answers::default();
        for entry in self.pages().entries.iter().filter(|entry| entry.source == source) {
            answers.offered += 1;
            match entry.answer {
                Answer::Open => {}
                Answer::Accepted => answers.accepted += 1,
                Answer::Unavailable => answers.unavailable += 1,
                Answer::TooMany => answers.too_many += 1,
                Answer::Failed => answers.failed += 1,
            }
        }
        answers
    }

    /// From the planned instant to the answer, of what was accepted from these sources.
    pub(super) fn ack_latencies(&self, counts: &dyn Fn(usize) -> bool) -> Option<Latencies> {
        let pages = self.pages();
        let accepted = pages.entries.iter().filter(|entry| counts(entry.source) && entry.answer == Answer::Accepted);
        Latencies::of(accepted.map(|entry| entry.answered_us.saturating_sub(entry.planned_us)).collect())
    }

    /// From the planned instant to the first arrival; of one lane or of all.
    pub(super) fn arrival_latencies(&self, lane: Option<usize>) -> Option<Latencies> {
        let pages = self.pages();
        let arrived = pages.arrived.iter().filter(|((at, _), _)| lane.is_none_or(|lane| *at == lane));
        let since = arrived.filter_map(|((_, index), at)| {
            let entry = pages.entries.get(usize::try_from(*index).ok()?)?;
            Some(at.saturating_sub(entry.planned_us))
        });
        Latencies::of(since.collect())
    }

    /// Records seen at the end of a lane, and all writes there.
    pub(super) fn seen(&self, lane: usize) -> (u64, u64) {
        let pages = self.pages();
        let records = pages.arrived.keys().filter(|(at, _)| *at == lane).count() as u64;
        (records, pages.writes.get(lane).copied().unwrap_or(0))
    }

    pub(super) fn arrivals(&self) -> u64 {
        self.pages().at.values().sum()
    }

    /// All that reached one stream of a destination.
    pub(super) fn arrived_at(&self, connection: &str, stream: &str) -> u64 {
        self.pages().at.get(&(connection.to_owned(), stream.to_owned())).copied().unwrap_or(0)
    }

    pub(super) fn nameless(&self) -> u64 {
        self.pages().nameless
    }

    pub(super) fn first_problem(&self) -> Option<String> {
        self.pages().first_problem.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(flow: &str, source: usize) -> Lane {
        Lane { flow: flow.to_owned(), source, connection: "erp".to_owned(), stream: "all".to_owned() }
    }

    #[test]
    fn an_arrival_belongs_to_the_record_that_it_is_about() {
        let tokens = Tokens::new(1);
        let book = Book::new(tokens, vec![lane("orders", 0), lane("payments", 1)]);
        book.plan(0, 0, None);
        book.plan(1, 0, Some(0));
        let payment = format!("{{\"order\":\"#{}\",\"reference\":\"pi_{}\"}}", tokens.of(0), tokens.of(1));
        book.arrived("erp", "all", payment.as_bytes());
        assert_eq!((book.seen(0), book.seen(1)), ((0, 0), (1, 1)), "a payment names its order but is none");
        book.arrived("erp", "all", format!("{}", tokens.of(0)).as_bytes());
        book.arrived("erp", "all", format!("{}", tokens.of(0)).as_bytes());
        assert_eq!(book.seen(0), (1, 2), "a repetition is a write, but no further record");
        book.arrived("erp", "all", b"{}");
        assert_eq!(book.nameless(), 1);
    }

    #[test]
    fn ranks_are_the_nearest() {
        let found = Latencies::of((1..=200).collect());
        assert_eq!(found, Some(Latencies { p50_us: 100, p95_us: 190, p99_us: 198, max_us: 200 }));
        assert_eq!(Latencies::of(vec![7]).map(|one| (one.p50_us, one.p99_us)), Some((7, 7)));
        assert_eq!(Latencies::of(Vec::new()), None);
    }
}
