//! One partition: which keys simply agree, and which rows must be looked at.
//!
//! A key is settled here only if every pass order and rule would come to the same: equal copies on both sides, or groups whose
//! sums are equal to the last digit. Not here: reading.

use std::collections::{BTreeMap, HashSet};

use crate::recon::rules::{RuleSet, StatePair};
use crate::recon::unit::{SumOverflow, Totals, Unit};

use super::digest::Digest;

/// How the first pass decides, as far as digests can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Copies,
    Sums,
}

/// What may be settled, and how.
pub(super) struct Agreement<'a> {
    pub rules: &'a RuleSet,
    pub shape: Shape,
    pub units: &'a [Unit],
    /// Texts of states by number.
    pub states: &'a [Box<str>],
    /// Keys that a person's decision speaks of: never settled here.
    pub decided: &'a HashSet<u128>,
}

/// A partition's result.
#[derive(Default)]
pub(super) struct Settled {
    pub exact: [Totals; 2],
    pub groups: [Totals; 2],
    /// Positions of rows to be looked at.
    pub look: [Vec<u64>; 2],
}

impl Agreement<'_> {
    /// Works through two sorted runs of digests.
    pub fn settle(&self, a: &[Digest], b: &[Digest]) -> Result<Settled, SumOverflow> {
        let mut settled = Settled::default();
        let (mut a, mut b) = (a, b);
        while let Some(key) = [a.first(), b.first()].into_iter().flatten().map(|digest| digest.key).min() {
            let (run_a, rest_a) = a.split_at(run(a, key));
            let (run_b, rest_b) = b.split_at(run(b, key));
            (a, b) = (rest_a, rest_b);
            let look = self.decided.contains(&key) || run_a.iter().chain(run_b).any(|digest| digest.look);
            if look || run_a.is_empty() || run_b.is_empty() {
                settled.look_at(run_a, run_b);
            } else {
                self.settle_key(run_a, run_b, &mut settled)?;
            }
        }
        Ok(settled)
    }

    fn settle_key(&self, a: &[Digest], b: &[Digest], settled: &mut Settled) -> Result<(), SumOverflow> {
        let group = self.shape == Shape::Sums && (a.len() > 1 || b.len() > 1);
        let agree = if group { self.sums_agree(a, b) } else { self.copies_agree(a, b) };
        if !agree {
            settled.look_at(a, b);
            return Ok(());
        }
        let totals = if group { &mut settled.groups } else { &mut settled.exact };
        for (totals, run) in totals.iter_mut().zip([a, b]) {
            for digest in run {
                totals.add(self.units[usize::from(digest.unit)], i128::from(digest.amount))?;
            }
        }
        Ok(())
    }

    fn copies_agree(&self, a: &[Digest], b: &[Digest]) -> bool {
        let same = |(a, b): (&Digest, &Digest)| {
            (a.amount, a.unit, a.fields) == (b.amount, b.unit, b.fields)
                && self.states_agree(a, b)
                && self.in_time(a, b)
        };
        // Several copies: states must be equal too, or which copy belongs to which would be a choice.
        let plain = a.len() == 1 || a.iter().zip(b).all(|(a, b)| a.status == b.status && a.date == b.date);
        a.len() == b.len() && plain && a.iter().zip(b).all(same)
    }

    fn states_agree(&self, a: &Digest, b: &Digest) -> bool {
        let Some(states) = &self.rules.states else { return true };
        let text = |digest: &Digest| &*self.states[digest.status as usize];
        states.pair(text(a), text(b)) == StatePair::Agree
    }

    /// Where lateness is counted, only rows of one day are beyond doubt.
    fn in_time(&self, a: &Digest, b: &Digest) -> bool {
        self.rules.late_after_days.is_none() || a.date == b.date
    }

    /// Sums by unit, equal to the last digit. States and fields are not compared of groups.
    fn sums_agree(&self, a: &[Digest], b: &[Digest]) -> bool {
        if self.rules.late_after_days.is_some() {
            return false;
        }
        let mut sums: BTreeMap<u8, i128> = BTreeMap::new();
        for (run, sign) in [(a, 1_i128), (b, -1)] {
            for digest in run {
                *sums.entry(digest.unit).or_default() += sign * i128::from(digest.amount);
            }
        }
        sums.values().all(|sum| *sum == 0)
    }
}

fn run(digests: &[Digest], key: u128) -> usize {
    digests.iter().take_while(|digest| digest.key == key).count()
}

impl Settled {
    pub fn merge(&mut self, other: Settled) -> Result<(), SumOverflow> {
        for (mine, theirs) in self.exact.iter_mut().chain(&mut self.groups).zip(other.exact.iter().chain(&other.groups))
        {
            mine.merge(theirs)?;
        }
        for (mine, theirs) in self.look.iter_mut().zip(other.look) {
            mine.extend(theirs);
        }
        Ok(())
    }

    fn look_at(&mut self, a: &[Digest], b: &[Digest]) {
        for (look, run) in self.look.iter_mut().zip([a, b]) {
            look.extend(run.iter().map(|digest| digest.position));
        }
    }
}
