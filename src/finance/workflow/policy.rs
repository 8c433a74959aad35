//! What a definition demands of people: limits of write-offs, what a signature presupposes.
//!
//! Not here: reading it from the definition's file.

use std::collections::BTreeMap;

use crate::recon::unit::Unit;

/// What every break of a run must have before the run is signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Demand {
    #[default]
    Nothing,
    /// Somebody who looks after it.
    Owner,
    /// A decision: resolved, written off, accepted as timing.
    Decision,
}

/// A reconciliation's rules for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    pub sign_off: Demand,
    /// Reason codes of write-offs; without any, every code is taken.
    pub reasons: Vec<String>,
    /// Up to this one person may write off, in minor units without sign. A unit that is not stated has 0.
    pub limits: BTreeMap<Unit, i128>,
    /// Where proposed journal lines go.
    pub accounts: Accounts,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accounts {
    pub loss: String,
    pub gain: String,
    pub clearing: String,
}

impl Default for Accounts {
    fn default() -> Accounts {
        Accounts { loss: "write-off loss".into(), gain: "write-off gain".into(), clearing: "clearing".into() }
    }
}
