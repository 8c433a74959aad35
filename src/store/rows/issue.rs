//! Dead letters and the issues that group them; not here: telling their causes apart.

use serde::{Deserialize, Serialize};

use crate::model::{Entity, ErrorClass};
use crate::store::file_fate::FileRow;

use super::entity::EntityKey;

/// A failure that needs a person, with what groups it with its siblings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Flow or connection.
    pub scope: String,
    pub class: ErrorClass,
    /// Same cause, same fingerprint.
    pub fingerprint: String,
    pub title: String,
    pub detail: String,
    pub next_step: String,
}

/// One dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeadRef {
    Inbox(i64),
    Job(i64),
}

/// A person's correction of one dead letter.
#[derive(Clone, Debug)]
pub struct DeadEdit {
    pub dead: DeadRef,
    /// The whole payload (inbox) or canonical record (job), corrected.
    pub body: String,
    /// SHA-256 of the body that the person corrected, in hex: another body is not written over. `None`: any.
    pub base: Option<String>,
    /// Fields of the record that differ, for the audit trail, which must not hold their values.
    pub changed: Vec<String>,
    pub actor: String,
    pub at: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct DeadRow {
    pub dead: DeadRef,
    /// Of a job: what its canonical record is, and which revision of it.
    pub record: Option<(Entity, i64)>,
    pub connection: String,
    pub stream: String,
    pub key: String,
    pub flow: String,
    pub place: String,
    pub error: String,
    pub at: i64,
    /// As received (inbox) or the canonical record (job), with a person's earlier correction.
    pub body: String,
    /// SHA-256 of its bytes, in hex.
    pub body_sha256: String,
    /// False if its bytes are no text: then some of them are shown as U+FFFD.
    pub exact: bool,
    pub request: String,
    pub response: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueFilter {
    Open,
    All,
}

#[derive(Clone, Debug, Serialize)]
pub struct IssueRow {
    pub id: i64,
    pub scope: String,
    pub class: String,
    pub title: String,
    pub next_step: String,
    pub sample: String,
    pub state: String,
    pub resolution: String,
    /// Dead letters that still hang on it.
    pub open_count: i64,
    /// Files that wait for a person because of it.
    pub files: i64,
    pub seen: i64,
    pub first_at: i64,
    pub last_at: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct IssueDetail {
    pub issue: IssueRow,
    /// The first hundred.
    pub dead: Vec<DeadRow>,
    /// The first hundred.
    pub files: Vec<FileRow>,
}

/// A record of which payloads could not be used, as far as they could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadRecord {
    pub id: EntityKey,
    /// Empty where its stream leads nowhere.
    pub entity: String,
    pub received_at: i64,
}
