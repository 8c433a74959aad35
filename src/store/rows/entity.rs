//! Records as last known, their counterparts at destinations, and references between them; not here: what a record says.

use serde::{Deserialize, Serialize};

use super::inbox::SourceKind;
use super::job::JobState;
use crate::model::Entity;

/// One record of one system: (connection, stream, key as that system writes it).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EntityKey {
    pub connection: String,
    pub stream: String,
    pub key: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct EntityRow {
    #[serde(flatten)]
    pub id: EntityKey,
    pub entity: Entity,
    pub natural_key: String,
    pub version: i64,
    pub revision: i64,
    pub hash: String,
    pub doc: String,
    pub deleted: bool,
    pub seen_by: SourceKind,
    pub as_of: i64,
    pub changed_at: i64,
}

/// A record that is there, and the latest moment, by our clock, at which the vendor can have said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveKey {
    pub key: String,
    pub as_of: i64,
}

/// A stream of a connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamId {
    pub connection: String,
    pub stream: String,
}

impl std::fmt::Display for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.connection, self.stream)
    }
}

/// A record of a mirror with the store's own number for it.
#[derive(Clone, Debug)]
pub struct Mirrored {
    pub id: i64,
    pub row: EntityRow,
}

/// Takes pages of mirrors: the stream's position among those asked for, and records.
pub type EachPage<'a> = &'a mut (dyn FnMut(usize, Vec<Mirrored>) -> Result<(), String> + Send);

/// Up to where a picture of mirrors goes: the newest payload and the newest event that were there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MirrorMark {
    pub inbox: i64,
    pub event: i64,
}

/// A record's way to a stream of another system.
#[derive(Clone, Debug, Default)]
pub struct Passage {
    /// Of the record, as it is now; none if it is not known.
    pub revision: Option<i64>,
    pub deleted: bool,
    pub binding: Option<BindingRow>,
    /// Jobs that carried its changes there, the newest first.
    pub jobs: Vec<PassageJob>,
}

/// A job as far as it explains a difference.
#[derive(Clone, Debug)]
pub struct PassageJob {
    pub id: i64,
    pub flow: String,
    pub event_id: i64,
    pub revision: i64,
    pub state: JobState,
    pub attempts: i64,
    pub error: String,
    pub issue_id: Option<i64>,
    pub created_at: i64,
    pub finished_at: Option<i64>,
}

/// New state of a record; the revision must be the stored one plus one.
#[derive(Clone, Debug)]
pub struct EntityWrite {
    pub id: EntityKey,
    pub entity: Entity,
    pub natural_key: String,
    pub version: i64,
    pub revision: i64,
    pub hash: String,
    pub doc: String,
    pub deleted: bool,
    pub seen_by: SourceKind,
    /// The latest moment, by our clock, at which the vendor can have said so: when a push arrived, when a read began.
    pub as_of: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct BindingRow {
    pub source: EntityKey,
    pub dest_connection: String,
    pub dest_stream: String,
    pub remote_id: String,
    pub remote_version: Option<i64>,
    pub sent_revision: i64,
    pub sent_hash: String,
    pub echo: String,
}

/// A reference to a record by its natural key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefKey {
    pub entity: Entity,
    pub natural_key: String,
}

#[derive(Clone, Debug)]
pub struct ResolvedRef {
    pub key: RefKey,
    pub remote_id: String,
    /// The destination's own record, where its mirror has one.
    pub doc: Option<String>,
}
