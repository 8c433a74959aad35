//! What a delivery asks of a destination, whatever its transport; not here: how it is done.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::connector::call::{CallResult, Lookup, Receipt, WriteContext};

/// Which of a destination's operations is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffectKind {
    Create,
    Update,
    Upsert,
    Set,
    Delete,
}

impl EffectKind {
    pub fn as_str(self) -> &'static str {
        match self {
            EffectKind::Create => "create",
            EffectKind::Update => "update",
            EffectKind::Upsert => "upsert",
            EffectKind::Set => "set",
            EffectKind::Delete => "delete",
        }
    }
}

/// What keeps a repeated request from having a second effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// The destination remembers the idempotency key this long.
    Key { ttl: Duration },
    /// It can be asked whether it has the record.
    LookUp,
    /// Repeating the request changes nothing further.
    Natural,
}

/// One write, ready to be sent.
#[derive(Clone, Debug)]
pub struct Effect {
    pub stream: String,
    pub kind: EffectKind,
    pub body: Value,
    pub context: WriteContext,
}

/// A connection as a place to write to.
#[async_trait]
pub trait Destination: Send + Sync + 'static {
    /// The protection of an operation; `None` if the stream has no such operation.
    fn protection(&self, stream: &str, kind: EffectKind) -> Option<Protection>;
    async fn write(&self, effect: &Effect) -> CallResult<Receipt>;
    async fn lookup(&self, stream: &str, context: &WriteContext) -> CallResult<Lookup>;
    /// The canonical fields that the destination will report back once the effect is there, for its echo to be
    /// recognised; empty if it does not report back.
    fn echo(&self, effect: &Effect, receipt: &Receipt) -> Value;
}
