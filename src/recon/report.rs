//! A run as a document: what finance reads, signs and hands to an auditor. Every rendering (page, CLI, CSV, XLSX, PDF) shows this
//! and computes nothing of its own.
//!
//! The document is a function of inputs and rules: no clock, no random names, lists in a fixed order. Its canonical JSON is what
//! is signed. Amounts are text in minor units (`amount_minor`) beside their decimal, so that no reader turns them into floats.
//! Not here: layout, who signed.

use serde::{Deserialize, Serialize};

/// Version of the document's shape; additions do not change it.
pub const SCHEMA: u32 = 1;

/// The signed part of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub schema: u32,
    pub cover: Cover,
    pub tie_out: Vec<BridgeTable>,
    /// Per payout, where the rules say what a payout is.
    pub payouts: Vec<PayoutBridge>,
    pub breaks: Vec<OpenItem>,
    pub in_flight: Vec<OpenItem>,
    pub timing: Vec<OpenItem>,
    pub aging: Vec<AgingTable>,
    pub roll_forward: Vec<RollForward>,
    /// Matches with something to tell: tolerated variances, groups, manual and forced matches.
    pub matches: Vec<MatchLine>,
    pub heals: Vec<HealLine>,
    pub excluded: Vec<SetAside>,
    pub rejected: Vec<SetAside>,
    pub figures: Figures,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cover {
    /// The reconciliation's name in the configuration.
    pub reconciliation: String,
    pub title: String,
    /// `R5`, or whatever the rules call their kind.
    pub kind: String,
    pub entity: String,
    pub sides: [String; 2],
    /// First and last day, both inside, in `zone`.
    pub period: [String; 2],
    pub zone: String,
    /// The day as of which things are due.
    pub as_of: String,
    /// What was known by then: RFC 3339, the newest knowledge that went in.
    pub known_at: String,
    pub rules: String,
    pub inputs: Vec<Input>,
    pub status: RunStatus,
    /// Why the run, or part of its scope, is not reconciled: source findings and violations, in words.
    pub findings: Vec<RunFinding>,
}

/// One thing that was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Input {
    /// `A` or `B`.
    pub side: String,
    /// A file's name, or a stream's.
    pub source: String,
    /// The bytes' hash; of a live source, its rows' digest.
    pub sha256: String,
    pub rows: u64,
    /// The source's own totals, checked: `sum 1250.00 EUR`, `count 17`.
    pub controls: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Everything in scope was compared.
    Complete,
    /// A source was missing, stale or does not tie: its scope is not reconciled.
    NotReconciled,
    /// An invariant was violated; nothing in it may be relied on.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFinding {
    /// `SOURCE_INCOMPLETE`, `SOURCE_STALE`, `SOURCE_DOES_NOT_TIE`, `CONTINUITY_GAP`, `VIOLATION`.
    pub code: String,
    pub text: String,
    /// What to do about it.
    pub next: String,
}

/// An amount of a unit, for people and for machines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Amount {
    /// ISO 4217, or `pcs`.
    pub unit: String,
    /// In the unit's smallest part.
    pub amount_minor: String,
    /// In whole units, with the unit's decimals.
    pub decimal: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeTable {
    pub unit: String,
    /// Totals first, then one line per bucket.
    pub lines: Vec<BridgeLine>,
    /// What no line explains: 0, or the run has failed.
    pub residual: Amount,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeLine {
    pub label: String,
    pub count_a: u64,
    pub amount_a: Amount,
    pub count_b: u64,
    pub amount_b: Amount,
    /// `A − B`.
    pub difference: Amount,
}

/// From gross to what the bank received; its last line is what is not paid out yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutBridge {
    pub payout: String,
    pub unit: String,
    /// By category: charges, refunds, fees, ...
    pub activity: Vec<(String, Amount)>,
    pub net: Amount,
    pub paid: Option<Amount>,
    /// What the bank's line says, where it is about this payout alone.
    #[serde(default)]
    pub received: Option<Amount>,
    pub bank_line: Option<String>,
    /// `net − paid`; of what is not paid out yet, 0.
    pub difference: Amount,
}

/// A break, or a difference that will explain itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenItem {
    pub id: String,
    /// `BREAK(MISSING_IN_B)`, `IN_FLIGHT`, `TIMING`.
    pub bucket: String,
    /// The code without the bucket, for breaks: `MISSING_IN_B`.
    pub code: Option<String>,
    pub sub_cause: Option<String>,
    pub key: Option<String>,
    /// All keys that the rows have, by name.
    pub keys: Vec<(String, String)>,
    /// By unit; without rows on a side, 0.
    pub amounts: Vec<SideAmounts>,
    pub status: [Option<String>; 2],
    pub event_date: Option<String>,
    pub due_date: Option<String>,
    /// Days from the event to the run's day.
    pub age_days: Option<i64>,
    pub findings: Vec<String>,
    /// The operation of the hub that explains it.
    pub carried_by: Option<String>,
    pub candidates: Vec<String>,
    pub pass: Option<String>,
    /// `file:row` of each row.
    pub rows: [Vec<String>; 2],
    /// What a person's decision names rows by, in the order of `rows`.
    pub row_ids: [Vec<String>; 2],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideAmounts {
    pub a: Amount,
    pub b: Amount,
    /// `B − A`.
    pub variance: Amount,
}

/// Open breaks by age, one table by event date; first-seen ages are the workflow's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgingTable {
    /// `event date`, `first seen`.
    pub from: String,
    /// `0-1`, `2-3`, ..., `>90`.
    pub columns: Vec<String>,
    pub rows: Vec<AgingRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgingRow {
    pub code: String,
    pub unit: String,
    /// Count and amount (of variance) by column.
    pub cells: Vec<(u64, Amount)>,
    pub total: (u64, Amount),
}

/// Open items from one run to the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollForward {
    pub unit: String,
    /// opening, new, reopened, healed, resolved, written off, closing: count and amount of variance.
    pub lines: Vec<(String, u64, Amount)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchLine {
    pub bucket: String,
    pub pass: Option<String>,
    pub key: Option<String>,
    pub variance: Vec<Amount>,
    pub sub_cause: Option<String>,
    pub reason: Option<String>,
    pub rows: [Vec<String>; 2],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealLine {
    pub break_id: String,
    pub action: String,
    pub before: String,
    pub after: String,
}

/// A row outside of the comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    pub side: String,
    pub row: String,
    /// The rule that excluded it, or why it could not be read.
    pub why: String,
    pub amount: Option<Amount>,
}

/// Key figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    pub rows: [u64; 2],
    /// Rows matched without a person, of all in scope, in parts per million.
    pub auto_matched_ppm: u64,
    /// Breaks per million rows in scope.
    pub breaks_ppm: u64,
    pub late: u64,
    /// Sum of tolerated variances, without sign, by unit.
    pub tolerated: Vec<Amount>,
}
