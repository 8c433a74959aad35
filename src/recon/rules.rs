//! A rule set: what is a match, what may differ, what is due when. Plain data, checked before it runs.
//!
//! Not here: reading it from configuration, where rows come from.

use std::sync::Arc;

use super::calendar::Due;
use super::code::{Code, SubCause};
use super::normalise::Normaliser;
use super::tolerance::Tolerance;

/// A key's position in `RuleSet::keys`.
pub type KeyIndex = usize;

/// One reconciliation's rules.
#[derive(Debug, Clone)]
pub struct RuleSet {
    pub name: Arc<str>,
    /// Changes with every edit; reports name it.
    pub version: Arc<str>,
    pub measure: Measure,
    /// Names of the keys that rows carry.
    pub keys: Vec<Arc<str>>,
    /// Compared fields, in the order in which they are told.
    pub fields: Vec<FieldRule>,
    /// Names of the parts that may explain a difference, with the cause that each proves.
    pub parts: Vec<Part>,
    /// In order; each sees what the former left.
    pub passes: Vec<Pass>,
    pub tolerance: Tolerance,
    /// Minor units that rounding may account for, at most one per taxed line.
    pub rounding_cap: u32,
    /// Pairs of states; without, states are not compared.
    pub states: Option<States>,
    /// When the counterpart of a row of A is due on B, and of B on A.
    pub due: [Due; 2],
    /// What a row on one side only is called: on A only, on B only.
    pub missing: [Code; 2],
    /// The key that `Row::parent` names, if parents are checked.
    pub parent: Option<KeyIndex>,
    /// Matched, but more days apart than this: counted as late. Business days do not matter here.
    pub late_after_days: Option<u16>,
}

/// What the amounts are; decides between `AMOUNT_*` and `QUANTITY_MISMATCH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    Money,
    Quantity,
}

/// A field that is compared once keys have matched.
#[derive(Debug, Clone)]
pub struct FieldRule {
    pub name: Arc<str>,
    /// For fields that are amounts; others must be equal.
    pub tolerance: Tolerance,
    /// What a difference in it is called.
    pub code: Code,
}

/// An amount that both rows may carry beside the main one.
#[derive(Debug, Clone)]
pub struct Part {
    pub name: Arc<str>,
    pub proves: SubCause,
}

/// One pass over what is still unclaimed.
#[derive(Debug, Clone)]
pub struct Pass {
    /// Stable name: matches and breaks refer to it.
    pub id: Arc<str>,
    pub how: How,
    pub on_match: OnMatch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMatch {
    /// It is a match.
    Confirm,
    /// It is put to a person; the rows stay open.
    Suggest,
}

#[derive(Debug, Clone)]
pub enum How {
    /// Rows whose keys are equal, copy by copy.
    Keyed(Keyed),
    /// All rows of a key, as sums.
    Grouped(Grouped),
    /// Equal amounts near in time, if each is the other's only candidate.
    Window(Window),
    /// One row that is the sum of several, if there is only one way.
    Subset(Subset),
}

#[derive(Debug, Clone)]
pub struct Keyed {
    pub on: Vec<KeyIndex>,
    pub normalise: Vec<Normaliser>,
    /// Claim rows only if they also tie; those that do not are left to later passes.
    pub must_tie: bool,
}

#[derive(Debug, Clone)]
pub struct Grouped {
    pub by: Vec<KeyIndex>,
    pub normalise: Vec<Normaliser>,
    /// As `Keyed::must_tie`.
    pub must_tie: bool,
}

#[derive(Debug, Clone)]
pub struct Window {
    /// Keys that must be equal too, none by default.
    pub on: Vec<KeyIndex>,
    /// B may be dated at most so many days before A, and after.
    pub days_before: u16,
    pub days_after: u16,
}

#[derive(Debug, Clone)]
pub struct Subset {
    /// The side whose rows are summed up to one row of the other.
    pub many: super::row::Side,
    pub days_before: u16,
    pub days_after: u16,
    /// Rows in a sum, at most.
    pub most_items: usize,
    /// Candidates for one sum, at most; with more, nothing is claimed.
    pub most_candidates: usize,
}

/// Which states go together: A's beside B's.
#[derive(Debug, Clone, Default)]
pub struct States {
    pub agree: Vec<(Box<str>, Box<str>)>,
    /// Pairs that are a matter of time: one side has not caught up.
    pub lag: Vec<(Box<str>, Box<str>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatePair {
    Agree,
    Lag,
    Disagree,
}

impl States {
    pub fn pair(&self, a: &str, b: &str) -> StatePair {
        let among = |pairs: &[(Box<str>, Box<str>)]| pairs.iter().any(|(left, right)| &**left == a && &**right == b);
        if among(&self.agree) {
            StatePair::Agree
        } else if among(&self.lag) {
            StatePair::Lag
        } else {
            StatePair::Disagree
        }
    }
}

impl RuleSet {
    /// The rules of a plain comparison by one key; the rest is filled in by who needs it.
    pub fn keyed(name: &str, key: &str, measure: Measure) -> RuleSet {
        RuleSet {
            name: name.into(),
            version: "1".into(),
            measure,
            keys: vec![key.into()],
            fields: Vec::new(),
            parts: Vec::new(),
            passes: vec![Pass {
                id: "key".into(),
                how: How::Keyed(Keyed { on: vec![0], normalise: Vec::new(), must_tie: false }),
                on_match: OnMatch::Confirm,
            }],
            tolerance: Tolerance::default(),
            rounding_cap: 0,
            states: None,
            due: [Due::now(), Due::now()],
            missing: [Code::MissingInB, Code::MissingInA],
            parent: None,
            late_after_days: None,
        }
    }

    /// The same rules with the sides exchanged.
    pub fn mirrored(&self) -> RuleSet {
        let mut rules = self.clone();
        std::mem::swap(&mut rules.tolerance.below, &mut rules.tolerance.above);
        for field in &mut rules.fields {
            std::mem::swap(&mut field.tolerance.below, &mut field.tolerance.above);
        }
        let [a, b] = self.due.clone();
        rules.due = [b, a];
        rules.missing = [self.missing[1], self.missing[0]].map(Code::mirrored);
        if let Some(states) = &mut rules.states {
            for (a, b) in states.agree.iter_mut().chain(&mut states.lag) {
                std::mem::swap(a, b);
            }
        }
        for pass in &mut rules.passes {
            match &mut pass.how {
                How::Keyed(_) | How::Grouped(_) => {}
                How::Window(window) => std::mem::swap(&mut window.days_before, &mut window.days_after),
                How::Subset(subset) => {
                    std::mem::swap(&mut subset.days_before, &mut subset.days_after);
                    subset.many = subset.many.other();
                }
            }
        }
        rules
    }
}
