//! A payment story as a document: what the API answers, and what pages and commands show and do not compute themselves.
//!
//! Not here: how it comes about.

use serde::{Deserialize, Serialize};

use crate::finance::workflow::State;
use crate::recon::report::Amount;

/// What a run says of a row, and a leg of all of its rows. In the order of gravity, the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The money need not pass here, and did not.
    NotNeeded,
    /// Excluded by a rule of the definition.
    SetAside,
    Matched,
    /// A break about which somebody decided.
    Decided,
    /// Matched within a tolerance, by hand or by force.
    MatchedWithRemark,
    /// Outside of the run's period: nothing was compared.
    NotCompared,
    /// Nothing that is known leads here.
    NotReached,
    /// Known, and not there.
    Nothing,
    /// Not due yet, in flight, or accepted as a matter of time.
    UnderWay,
    /// There is no run to ask, or its files are not what they were.
    Unknown,
    Broken,
}

impl Verdict {
    /// As people say it.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::NotNeeded => "not needed",
            Verdict::SetAside => "set aside",
            Verdict::Matched => "matched",
            Verdict::Decided => "decided",
            Verdict::MatchedWithRemark => "matched, with a remark",
            Verdict::NotCompared => "not compared",
            Verdict::NotReached => "not reached",
            Verdict::Nothing => "nothing here",
            Verdict::UnderWay => "under way",
            Verdict::Unknown => "not told",
            Verdict::Broken => "break",
        }
    }
}

/// Where one's money is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentStory {
    pub story: String,
    pub title: String,
    /// As it was asked for.
    pub key: String,
    /// The key's name: `order`.
    pub asked_as: String,
    pub outcome: Outcome,
    pub amounts: StoryAmounts,
    pub stations: Vec<Station>,
    /// Sentences about what is not all of it.
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeState {
    Complete,
    UnderWay,
    Broken,
    /// It cannot be told to its end.
    Unknown,
}

impl OutcomeState {
    pub fn word(self) -> &'static str {
        match self {
            OutcomeState::Complete => "complete",
            OutcomeState::UnderWay => "under way",
            OutcomeState::Broken => "broken",
            OutcomeState::Unknown => "not told",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub state: OutcomeState,
    /// The leg at which it is so; nothing if complete.
    pub leg: Option<String>,
    /// The break that it is about.
    #[serde(rename = "break")]
    pub item: Option<String>,
    pub told: String,
}

/// Sums of one's own money; nothing where the story does not say where they stand, or where they cannot be told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryAmounts {
    pub worth: Option<Vec<Amount>>,
    pub captured: Option<Vec<Amount>>,
    pub fees: Option<Vec<Amount>>,
    pub net: Option<Vec<Amount>>,
    /// The part of `net` whose payouts arrived as they were sent.
    pub reached: Option<Vec<Amount>>,
    pub shares: Vec<Share>,
    /// Shares beyond those.
    pub more_shares: u64,
}

/// One's own part of a payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The payout, by the key of the leg in which it arrives; nothing while it is not paid out.
    pub payout: Option<String>,
    pub net: Vec<Amount>,
    /// The payout with all that it holds.
    pub whole: Vec<Amount>,
    pub verdict: Verdict,
    #[serde(rename = "break")]
    pub item: Option<String>,
}

/// One leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Station {
    pub leg: String,
    pub title: String,
    pub verdict: Verdict,
    pub told: String,
    /// The newest complete run, which all of this is of.
    pub run: Option<StationRun>,
    /// The key by which its rows were found.
    pub found_by: Option<String>,
    pub sides: Vec<StationSide>,
    pub breaks: Vec<StoryBreak>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StationRun {
    pub id: i64,
    pub period: [String; 2],
    pub as_of: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StationSide {
    /// `A` or `B`.
    pub side: String,
    pub title: String,
    /// The first of them, in the order of the statement.
    pub rows: Vec<StoryRow>,
    /// Rows beyond those.
    pub more: u64,
    /// Of all rows, those that the leg excludes left out.
    pub sums: Vec<Amount>,
    /// The rows hold other money, too: a payout as a whole.
    pub whole: bool,
    /// Rows of the same key that are other money.
    pub others: u64,
    pub others_sums: Vec<Amount>,
    /// Own rows that the leg excludes, by its rule: how many.
    pub set_aside: Vec<(String, u64)>,
    /// Why the statement was not read: files that are not what the run read.
    pub unread: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryRow {
    /// `bank.csv:12`.
    pub place: String,
    pub date: Option<String>,
    pub amount: Amount,
    pub keys: Vec<(String, String)>,
    pub status: Option<String>,
    pub category: Option<String>,
    pub verdict: Verdict,
    /// `MATCHED_TOLERANCE`, `BREAK(MISSING_IN_B)`, `EXCLUDED(test)`.
    pub bucket: String,
    #[serde(rename = "break")]
    pub item: Option<String>,
}

/// A break that rows of the story stand in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryBreak {
    pub id: String,
    pub code: String,
    pub meaning: String,
    pub next_step: String,
    /// What people made of it.
    pub state: Option<State>,
    pub owner: Option<String>,
    /// `B − A` by unit.
    pub variance: Vec<Amount>,
}
