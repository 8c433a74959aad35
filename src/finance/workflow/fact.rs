//! What an event says: each kind with its detail, to and from the store's words.
//!
//! The words are kept for years: a kind is never renamed, fields are only added. Not here: what follows from it (`book`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::recon::report::RunStatus;
use crate::store::{NewReconEvent, ReconEvent};

use super::State;

/// Variances (`B − A`) in minor units as text, by unit.
pub type Amounts = BTreeMap<String, String>;

/// A break as a run saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    pub id: String,
    pub code: String,
    pub amounts: Amounts,
    pub event_date: Option<String>,
    /// By what its rows are recognised in later periods: `order␟1001`, or rows' identities where they have no key.
    #[serde(default)]
    pub marks: Vec<String>,
}

/// A run that was kept, with what it changed among the breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub period: [String; 2],
    pub as_of: String,
    pub rules: String,
    pub status: RunStatus,
    /// Where files were looked for, if not in the installation.
    #[serde(default)]
    pub input_dir: Option<String>,
    /// The document's; the store fills it in.
    #[serde(default)]
    pub sha256: String,
    pub opened: Vec<Sighting>,
    pub reopened: Vec<Sighting>,
    /// Open before and still, with another code or amount.
    pub changed: Vec<Sighting>,
    pub healed: Vec<String>,
}

/// A line that a bookkeeper may post; nothing here posts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalLine {
    #[serde(rename = "break")]
    pub item: String,
    pub unit: String,
    /// Without sign.
    pub amount_minor: String,
    pub decimal: String,
    pub debit: String,
    pub credit: String,
    pub text: String,
}

/// One event's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "detail")]
pub enum Fact {
    #[serde(rename = "run kept")]
    RunKept(Kept),
    #[serde(rename = "break assigned")]
    Assigned { owner: String },
    #[serde(rename = "commented")]
    Commented { text: String },
    #[serde(rename = "attached")]
    Attached { name: String, sha256: String },
    #[serde(rename = "state changed")]
    StateChanged { to: State, note: String },
    #[serde(rename = "resolved")]
    Resolved { reason: String },
    /// Above the limit: a second person has to approve.
    #[serde(rename = "write-off proposed")]
    WriteOffProposed { code: String, reason: String },
    #[serde(rename = "written off")]
    WrittenOff { code: String, reason: String, proposed_by: Option<String>, journal: Vec<JournalLine> },
    #[serde(rename = "accepted as timing")]
    AcceptedTiming { reason: String },
    #[serde(rename = "match decided")]
    Matched { breaks: Vec<String>, rows: [Vec<String>; 2], keys: Vec<String>, forced: bool, reason: String },
    /// Takes the match of that event back.
    #[serde(rename = "unmatched")]
    Unmatched { event: i64, reason: String },
    #[serde(rename = "signed as preparer")]
    SignedAsPreparer { note: String, sha256: String },
    #[serde(rename = "signed as approver")]
    SignedAsApprover { note: String, sha256: String },
    /// A break's decision, or a run's signatures, taken back.
    #[serde(rename = "reopened")]
    Reopened { reason: String },
}

impl Fact {
    /// As the store keeps it.
    pub fn event(
        &self,
        at: i64,
        actor: &str,
        reconciliation: &str,
        run: Option<i64>,
        item: &str,
    ) -> Result<NewReconEvent, serde_json::Error> {
        let value = serde_json::to_value(self)?;
        Ok(NewReconEvent {
            at,
            actor: actor.to_owned(),
            kind: value["kind"].as_str().unwrap_or_default().to_owned(),
            reconciliation: reconciliation.to_owned(),
            run,
            item: item.to_owned(),
            detail: value["detail"].to_string(),
        })
    }

    pub fn of(event: &ReconEvent) -> Result<Fact, serde_json::Error> {
        let detail: serde_json::Value = serde_json::from_str(&event.detail)?;
        serde_json::from_value(serde_json::json!({ "kind": event.kind, "detail": detail }))
    }
}
