//! What a delivery asks of a destination, whatever its transport; not here: how it is done.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::connector::call::{CallResult, Lookup, Receipt, WriteContext};

/// Which of a destination's operations is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// Of an edited record whose earlier outcome is unknown: what may be there from before the edit, to be looked up as well.
    pub formers: Vec<Former>,
}

/// What was perhaps sent before a person edited the record.
#[derive(Clone, Debug, PartialEq)]
pub struct Former {
    pub natural_key: String,
    pub body: Value,
}

/// How many effects of one kind go out together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchTerms {
    pub max: usize,
    /// How long the first waits for others.
    pub linger: Duration,
    /// Bytes of the records together; the destination may still refuse a batch that comes out longer.
    pub max_bytes: Option<u64>,
}

/// A connection as a place to write to.
#[async_trait]
pub trait Destination: Send + Sync + 'static {
    /// The protection of an operation; `None` if the stream has no such operation.
    fn protection(&self, stream: &str, kind: EffectKind) -> Option<Protection>;
    async fn write(&self, effect: &Effect) -> CallResult<Receipt>;
    /// Terms of an operation that takes many effects in one call; `None` if each goes alone.
    fn batch(&self, _stream: &str, _kind: EffectKind) -> Option<BatchTerms> {
        None
    }
    /// Effects of one stream and kind, no two of them about the same record, in one call. An error is about the call as a
    /// whole and holds for each; else there is exactly one result per effect, in their order.
    async fn write_many(&self, effects: &[Effect]) -> CallResult<Vec<CallResult<Receipt>>> {
        let mut results = Vec::with_capacity(effects.len());
        for effect in effects {
            results.push(self.write(effect).await);
        }
        Ok(results)
    }
    async fn lookup(&self, stream: &str, context: &WriteContext) -> CallResult<Lookup>;
    /// What an operation still wants of a record that a look-up has found; what is done already is not done again.
    async fn follow_up(&self, _effect: &Effect) -> CallResult<()> {
        Ok(())
    }
    /// The canonical fields that the destination will report back once the effect is there, for its echo to be
    /// recognised; empty if it does not report back.
    fn echo(&self, effect: &Effect, receipt: &Receipt) -> Value;
}
