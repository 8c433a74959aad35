//! What is claimed, by whom, and what was found: the working state of one run.
//!
//! Rows are sorted by content first, so that positions, and with them every choice of the passes, do not depend on the order
//! of input. Not here: any pass.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::recon::compare::{self, Comparison};
use crate::recon::normalise::{Normaliser, normalise};
use crate::recon::row::{Row, Side};
use crate::recon::rules::{KeyIndex, OnMatch, RuleSet};

/// What a person decided, by row identities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub rows: [Vec<String>; 2],
    /// The rows' keys as the first pass forms them, so that statements too large for memory leave these keys to the decision.
    pub keys: Vec<Box<str>>,
    pub kind: DecisionKind,
    pub reason: Box<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecisionKind {
    /// They belong together, and tie.
    Manual,
    /// They belong together although they do not tie; the variance is recorded.
    Forced,
}

/// Who made a match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The pass at this position in the rules.
    Pass(usize),
    Decision {
        kind: DecisionKind,
        reason: Box<str>,
    },
}

/// Rows that belong together, and what they say of each other.
#[derive(Debug, Clone)]
pub struct Found {
    /// Positions in `Matching::rows`.
    pub rows: [Vec<usize>; 2],
    pub claim: Claim,
    /// The key that they share, where a key brought them together.
    pub key: Option<Box<str>>,
    pub comparison: Comparison,
}

/// Rows that may belong together: a person decides.
#[derive(Debug, Clone)]
pub struct Suggestion {
    pub rows: [Vec<usize>; 2],
    pub pass: usize,
}

/// The state of one run.
pub struct Matching<'a> {
    pub rules: &'a RuleSet,
    pub rows: &'a [Vec<Row>; 2],
    claimed: [Vec<bool>; 2],
    /// Copies beyond those of the other side, under some pass's key.
    excess: [Vec<bool>; 2],
    /// Rows of the other side that fit equally well: position → positions.
    candidates: [BTreeMap<usize, Vec<usize>>; 2],
    pub found: Vec<Found>,
    pub suggestions: Vec<Suggestion>,
}

impl<'a> Matching<'a> {
    /// `rows` are sorted by `Row::by_content`. Rows without a translation are out of reach of every pass.
    pub fn new(rules: &'a RuleSet, rows: &'a [Vec<Row>; 2]) -> Matching<'a> {
        let flags =
            |value: fn(&Row) -> bool| [0, 1].map(|side: usize| rows[side].iter().map(value).collect::<Vec<bool>>());
        Matching {
            rules,
            rows,
            claimed: flags(|row| row.unmapped.is_some()),
            excess: flags(|_| false),
            candidates: [BTreeMap::new(), BTreeMap::new()],
            found: Vec::new(),
            suggestions: Vec::new(),
        }
    }

    pub fn row(&self, side: Side, at: usize) -> &'a Row {
        &self.rows[side.index()][at]
    }

    pub fn is_open(&self, side: Side, at: usize) -> bool {
        !self.claimed[side.index()][at]
    }

    /// Positions that nothing has claimed, in order.
    pub fn open(&self, side: Side) -> impl Iterator<Item = usize> + '_ {
        self.claimed[side.index()].iter().enumerate().filter(|(_, claimed)| !**claimed).map(|(at, _)| at)
    }

    pub fn is_excess(&self, side: Side, at: usize) -> bool {
        self.excess[side.index()][at]
    }

    pub fn mark_excess(&mut self, side: Side, at: usize) {
        self.excess[side.index()][at] = true;
    }

    /// Candidates of a row that are still open.
    pub fn candidates(&self, side: Side, at: usize) -> impl Iterator<Item = usize> + '_ {
        let known = self.candidates[side.index()].get(&at).into_iter().flatten().copied();
        known.filter(move |other| self.is_open(side.other(), *other))
    }

    /// `at` could be any of `others`, or they could be any of several: nothing is claimed.
    pub fn mark_candidates(&mut self, side: Side, at: usize, others: impl IntoIterator<Item = usize>) {
        for other in others {
            let mut add = |side: Side, at: usize, other: usize| {
                let list = self.candidates[side.index()].entry(at).or_default();
                if !list.contains(&other) {
                    list.push(other);
                }
            };
            add(side, at, other);
            add(side.other(), other, at);
        }
    }

    fn compare(&self, rows: &[Vec<usize>; 2]) -> Comparison {
        let of = |side: Side| rows[side.index()].iter().map(|at| self.row(side, *at)).collect::<Vec<_>>();
        compare::groups(self.rules, &of(Side::A), &of(Side::B))
    }

    /// Claims rows for the pass, or suggests them if the pass may only suggest.
    pub fn claim(&mut self, pass: usize, rows: [Vec<usize>; 2], key: Option<Box<str>>) {
        match self.rules.passes[pass].on_match {
            OnMatch::Suggest => self.suggestions.push(Suggestion { rows, pass }),
            OnMatch::Confirm => {
                let comparison = self.compare(&rows);
                self.take(rows, Claim::Pass(pass), key, comparison);
            }
        }
    }

    /// Claims rows that a person brought together. Rows that are not there any more, or are taken, leave the decision without
    /// effect: `false`.
    pub fn decide(&mut self, rows: [Vec<usize>; 2], kind: DecisionKind, reason: &str) -> bool {
        let free = Side::BOTH.iter().all(|side| rows[side.index()].iter().all(|at| self.is_open(*side, *at)));
        let comparison = self.compare(&rows);
        let allowed = kind == DecisionKind::Forced || comparison.ties();
        if free && allowed {
            self.take(rows, Claim::Decision { kind, reason: reason.into() }, None, comparison);
        }
        free && allowed
    }

    fn take(&mut self, rows: [Vec<usize>; 2], claim: Claim, key: Option<Box<str>>, comparison: Comparison) {
        for side in Side::BOTH {
            for at in &rows[side.index()] {
                self.claimed[side.index()][*at] = true;
            }
        }
        self.found.push(Found { rows, claim, key, comparison });
    }

    /// Open rows by key, in the order of keys; rows without the whole key are left out.
    pub fn by_key(&self, on: &[KeyIndex], steps: &[Normaliser]) -> BTreeMap<Box<str>, [Vec<usize>; 2]> {
        let mut keys: BTreeMap<Box<str>, [Vec<usize>; 2]> = BTreeMap::new();
        for side in Side::BOTH {
            for at in self.open(side) {
                if let Some(key) = key_of(self.row(side, at), on, steps) {
                    keys.entry(key).or_default()[side.index()].push(at);
                }
            }
        }
        keys
    }
}

/// The parts of a row's key as a pass forms it; a row without the whole key has none.
pub fn key_of(row: &Row, on: &[KeyIndex], steps: &[Normaliser]) -> Option<Box<str>> {
    let mut key = String::new();
    let parts = on.iter().map(|at| row.keys.get(*at)?.as_deref());
    join_key(parts, steps, &mut key).then(|| key.into_boxed_str())
}

/// Joins parts by a character that keys do not contain; `false` if there is none, or one is absent or empty.
pub fn join_key<'p>(parts: impl Iterator<Item = Option<&'p str>>, steps: &[Normaliser], into: &mut String) -> bool {
    into.clear();
    let mut any = false;
    for part in parts {
        let Some(part) = part else { return false };
        let part = if steps.is_empty() { Cow::Borrowed(part) } else { normalise(part, steps) };
        if part.is_empty() {
            return false;
        }
        if any {
            into.push('\u{1f}');
        }
        into.push_str(&part);
        any = true;
    }
    any
}
