//! The published schemas by name: files that people write, and the canonical entities.
//!
//! Not here: their tables.

use serde_json::Value;

use super::json::schema_of;
use super::{config, fixture, manifest, mapping, reconciliation};
use crate::model::{Entity, json_schema};

pub struct Document {
    /// `connector`, `order`: also its file's name without `.json`.
    pub name: &'static str,
    pub schema: Value,
}

/// All of them, those of files first.
pub fn all() -> Vec<Document> {
    let files = [
        &manifest::MANIFEST,
        &mapping::MAPPING,
        &mapping::VALUES,
        &config::CONFIG,
        &reconciliation::RECONCILIATION,
        &reconciliation::STORY,
        &fixture::FIXTURE,
    ];
    let of_files =
        files.into_iter().map(|definition| Document { name: definition.name, schema: schema_of(definition) });
    let of_entities = Entity::ALL.iter().map(|entity| Document { name: entity.as_str(), schema: json_schema(*entity) });
    of_files.chain(of_entities).collect()
}
