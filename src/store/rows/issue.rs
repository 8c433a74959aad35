//! Dead letters and the issues that group them; not here: telling their causes apart.

use serde::{Deserialize, Serialize};

use crate::model::ErrorClass;
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

#[derive(Clone, Debug, Serialize)]
pub struct DeadRow {
    pub dead: DeadRef,
    pub connection: String,
    pub stream: String,
    pub key: String,
    pub flow: String,
    pub place: String,
    pub error: String,
    pub at: i64,
    /// As received (inbox) or the canonical record (job).
    pub body: String,
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
