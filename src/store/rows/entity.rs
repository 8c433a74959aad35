//! Records as last known, their counterparts at destinations, and references between them; not here: what a record says.

use serde::{Deserialize, Serialize};

use super::inbox::SourceKind;
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
