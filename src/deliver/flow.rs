//! A flow, ready to run: its mode, its mapping out, what it needs and how patient it is; not here: carrying a delivery out.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::destination::Destination;
use super::policy::RetryPolicy;
use crate::mapping::expr::Expression;
use crate::mapping::{Mapping, MappingError, OutContext, Refs};
use crate::model::Record;

/// Whether a flow's effects reach the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FlowMode {
    Live,
    /// Everything but the sending; what would have been sent is kept with the attempt.
    Shadow,
    /// Live for this share of keys, shadow for the rest.
    Canary {
        share_basis_points: u32,
    },
    Paused,
}

/// What a flow's mode means for one record.
pub(super) enum KeyMode {
    Send,
    Shadow,
    Hold,
}

impl FlowMode {
    /// A canary's share is chosen by key, so that one record is always on the same side.
    pub(super) fn for_key(self, key: &str) -> KeyMode {
        match self {
            FlowMode::Live => KeyMode::Send,
            FlowMode::Shadow => KeyMode::Shadow,
            FlowMode::Paused => KeyMode::Hold,
            FlowMode::Canary { share_basis_points } => {
                let digest = Sha256::digest(key.as_bytes());
                let slot = (u32::from(digest[0]) << 8 | u32::from(digest[1])) % 10_000;
                if slot < share_basis_points { KeyMode::Send } else { KeyMode::Shadow }
            }
        }
    }
}

/// How a record becomes what the destination takes; pure.
#[derive(Clone)]
pub enum MapOut {
    /// By the connector's field table.
    Table { mapping: Arc<Mapping>, settings: Arc<Value> },
    /// As it is, in canonical form: sinks that take whatever a flow brings.
    Canonical,
}

impl MapOut {
    pub(super) fn map_out(&self, record: &Record, refs: &Refs, remote_id: Option<&str>) -> Result<Value, MappingError> {
        match self {
            MapOut::Table { mapping, settings } => {
                mapping.map_out(record, OutContext { refs, binding: remote_id, settings })
            }
            MapOut::Canonical => Ok(record.to_json()),
        }
    }
}

/// A flow, ready to run.
pub struct FlowRun {
    pub name: String,
    pub mode: FlowMode,
    pub dest: String,
    pub dest_stream: String,
    /// Canonical paths of references that must be at the destination first.
    pub needs: Vec<String>,
    pub map_out: MapOut,
    /// For stock: what is published as available, over the level's states; never below zero.
    pub publish: Option<Expression>,
    /// Fields that another system owns: they are not sent.
    pub owned_elsewhere: Vec<String>,
    pub policy: RetryPolicy,
    /// How long a job may wait for what it needs.
    pub wait_limit: Duration,
}

/// Flows and destinations as configured now.
pub trait FlowBook: Send + Sync + 'static {
    fn flow(&self, name: &str) -> Option<Arc<FlowRun>>;
    fn destination(&self, connection: &str) -> Option<Arc<dyn Destination>>;
}
