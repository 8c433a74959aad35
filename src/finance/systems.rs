//! The hub's connections as reconciliations use them: streams read anew, single records asked for again, payloads told apart.
//!
//! Not here: how that is done (`hub`), mirrors, which the store has.

use async_trait::async_trait;

use crate::model::Record;
use crate::store::{EntityKey, InboxRow, StreamId};

use super::record_rows::HubStreams;

/// What a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamFacts {
    /// It is asked for, so that its mirror is complete some time.
    pub polled: bool,
    /// When the last complete reading began.
    pub read_through: Option<i64>,
    /// Single records can be read by their keys.
    pub by_key: bool,
}

/// A flow, as far as a delivery can be asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowFacts {
    pub name: String,
    /// A newer state replaces one that waits.
    pub latest: bool,
}

/// A record as a system has it now.
#[derive(Debug, Clone)]
pub struct LiveRecord {
    pub key: String,
    /// Why not, if it cannot be read.
    pub record: Result<Record, String>,
}

/// Takes pages of records.
pub type EachLive<'a> = &'a mut (dyn FnMut(Vec<LiveRecord>) -> Result<(), String> + Send);

/// The running hub.
#[async_trait]
pub trait Systems: Send + Sync + 'static {
    /// What sides may be made of.
    fn streams(&self) -> HubStreams;
    fn stream(&self, stream: &StreamId) -> Option<StreamFacts>;
    /// The flow that carries one stream's records to the other, if there is one.
    fn flow(&self, from: &StreamId, to: &StreamId) -> Option<FlowFacts>;
    /// Records that a payload is about, as far as it can be told without asking anybody.
    fn about(&self, payload: &InboxRow) -> Vec<EntityKey>;
    /// Asks for records anew and puts the answers into the inbox; for each, when it was asked, or why there is no answer.
    async fn read_again(&self, records: &[EntityKey]) -> Vec<(EntityKey, Result<i64, String>)>;
    /// Reads a stream completely. An error means that what came so far is not all.
    async fn read_all(&self, stream: &StreamId, each: EachLive<'_>) -> Result<(), String>;
}
