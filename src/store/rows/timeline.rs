//! Everything the hub knows of one record; not here: rendering.

use serde::Serialize;

use super::entity::{BindingRow, EntityKey, EntityRow};
use super::inbox::{Disposition, SourceKind};
use super::issue::DeadRef;
use super::job::JobState;
use crate::model::{Entity, Happened};

/// Everything the hub knows of one record.
#[derive(Clone, Debug, Serialize)]
pub struct Timeline {
    pub current: Option<EntityRow>,
    pub received: Vec<InboxSummary>,
    pub events: Vec<EventRow>,
    pub jobs: Vec<JobRow>,
    pub bindings: Vec<BindingRow>,
    pub edits: Vec<EditRow>,
}

/// What a person changed in a dead letter of the record.
#[derive(Clone, Debug, Serialize)]
pub struct EditRow {
    pub dead: DeadRef,
    pub at: i64,
    pub actor: String,
    /// Fields of the record; none of a payload.
    pub changed: Vec<String>,
    pub before: String,
    pub after: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct InboxSummary {
    pub id: i64,
    pub source: SourceKind,
    pub topic: String,
    pub place: String,
    pub received_at: i64,
    pub processed_at: Option<i64>,
    pub disposition: Disposition,
    pub reason: String,
    pub duplicates: i64,
    /// Why it is dead, if it is, and the issue that it belongs to.
    pub error: String,
    pub issue_id: Option<i64>,
    pub payload: String,
    /// When the payload was removed, its time being over.
    pub purged_at: Option<i64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct EventRow {
    pub id: i64,
    #[serde(flatten)]
    pub record: EntityKey,
    pub entity: Entity,
    pub revision: i64,
    pub kind: String,
    pub doc: String,
    pub occurred_at: Option<i64>,
    pub recorded_at: i64,
    pub inbox_id: i64,
}

impl EventRow {
    /// As its envelope tells it to other programs.
    pub fn happened(&self) -> Happened<'_> {
        Happened {
            id: self.id,
            connection: &self.record.connection,
            stream: &self.record.stream,
            key: &self.record.key,
            entity: self.entity,
            revision: self.revision,
            kind: &self.kind,
            occurred_at: self.occurred_at,
            recorded_at: self.recorded_at,
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct JobRow {
    pub id: i64,
    pub flow: String,
    pub lane: String,
    pub stream: String,
    pub revision: i64,
    pub event_id: i64,
    pub state: JobState,
    pub unknown: bool,
    pub run_at: i64,
    pub attempts: i64,
    pub wait_for: String,
    pub class: String,
    pub error: String,
    pub issue_id: Option<i64>,
    pub created_at: i64,
    pub finished_at: Option<i64>,
    pub tries: Vec<AttemptRow>,
}

#[derive(Clone, Debug, Serialize)]
pub struct AttemptRow {
    pub no: i64,
    pub started_at: i64,
    pub finished_at: Option<i64>,
    pub outcome: String,
    pub class: String,
    pub status: Option<i64>,
    pub request: String,
    pub response: String,
}
