//! A flow: which records of one stream go to another, and how.
//!
//! Not here: checks against connections, streams and mappings (`link`); running it.

use std::time::Duration;

use crate::mapping::expr::Expression;
use crate::model::Entity;

use super::retry::RetryPolicy;
use super::yaml::{Context, Decode, Node, Percent, Spanned};

#[derive(Debug, Clone)]
pub struct Flow {
    pub name: Spanned<String>,
    pub from: Endpoint,
    pub to: Endpoint,
    pub entity: Entity,
    /// Over `record`, the canonical record; other records are accounted as ignored by this rule.
    pub when: Option<Spanned<Expression>>,
    /// Fields of the record that refer to others: those are synced first, or waited for.
    pub needs: Vec<Spanned<String>>,
    pub deliver: Deliver,
    pub mode: Mode,
    pub retry: RetryPolicy,
    /// The objective: a change arrives within this time. The flow's status is computed from it.
    pub freshness: Option<Duration>,
    pub brake: Brake,
    /// What is published as available, over the states of an inventory level; below zero is published as zero.
    pub publish: Option<Spanned<Expression>>,
}

/// `connection.stream`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub connection: String,
    pub stream: String,
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.connection, self.stream)
    }
}

crate::choice! {
    pub enum Deliver ("delivery rule") {
        /// Every change, in order per key.
        Every = "every",
        /// The newest state; what it replaces while waiting is not sent.
        Latest = "latest",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everything but the last step: what would be sent is kept with the attempt, and nothing is compared.
    Shadow,
    /// This share of keys is sent, the rest is shadow.
    Canary {
        share: Percent,
    },
    Live,
    /// Records are taken and wait.
    Paused,
}

impl Mode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Canary { .. } => "canary",
            Self::Live => "live",
            Self::Paused => "paused",
        }
    }
}

crate::choice! {
    enum ModeWord ("flow mode") { Shadow = "shadow", Canary = "canary", Live = "live", Paused = "paused" }
}

/// A wave that exceeds one of these is held and a person is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Brake {
    /// Share of the known records that one run may change.
    pub changes_per_run: Option<Percent>,
    /// Share of the known stock levels that one run may set to zero.
    pub zero_stock: Option<Percent>,
}

/// A flow as written, before its ends are known.
#[derive(Debug, Clone)]
pub(super) struct WrittenFlow {
    pub(super) from: Spanned<Endpoint>,
    pub(super) to: Spanned<Endpoint>,
    pub(super) when: Option<Spanned<Expression>>,
    pub(super) needs: Vec<Spanned<String>>,
    pub(super) deliver: Deliver,
    /// `None` has been reported.
    pub(super) mode: Option<Mode>,
    pub(super) retry: Option<Spanned<String>>,
    pub(super) freshness: Option<Duration>,
    pub(super) brake: Option<Spanned<Brake>>,
    pub(super) publish: Option<Spanned<Expression>>,
}

impl Decode for WrittenFlow {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "flow")?;
        let (from, to) = (map.required("from"), map.required("to"));
        let (when, needs) = (map.optional("when"), map.list("needs"));
        let deliver = map.or("deliver", Deliver::Every);
        let (word, share) = (map.required("mode"), map.optional::<Percent>("canary"));
        let retry = map.optional("retry");
        let (freshness, brake) = (map.optional("freshness"), map.optional("brake"));
        let publish = map.optional("publish");
        let mode = match (word, share) {
            (Some(ModeWord::Canary), Some(share)) => Some(Mode::Canary { share }),
            (Some(ModeWord::Canary), None) => {
                map.error("mode", "mode canary needs a share", "add `canary: 5%`");
                None
            }
            (Some(ModeWord::Shadow), _) => Some(Mode::Shadow),
            (Some(ModeWord::Live), _) => Some(Mode::Live),
            (Some(ModeWord::Paused), _) => Some(Mode::Paused),
            (None, _) => None,
        };
        if share.is_some() && word.is_some_and(|word| !matches!(word, ModeWord::Canary)) {
            map.error(
                "canary",
                "a share without mode canary has no effect",
                "write `mode: canary`, or remove `canary`",
            );
        }
        if freshness.is_some_and(|objective: Duration| objective < Duration::from_secs(1)) {
            map.error("freshness", "a freshness under one second cannot be kept", "write `freshness: 30s` or more");
        }
        map.finish();
        let (from, to) = (from?, to?);
        Some(Self { from, to, when, needs, deliver, mode, retry, freshness, brake, publish })
    }
}

impl Decode for Endpoint {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        match node.as_str().and_then(|text| text.split_once('.')) {
            Some((connection, stream)) if !connection.is_empty() && !stream.is_empty() => {
                Some(Self { connection: connection.to_owned(), stream: stream.to_owned() })
            }
            Some(_) | None => {
                cx.expected(node, "`connection.stream`, such as `shop.orders`");
                None
            }
        }
    }
}

impl Decode for Brake {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "brake")?;
        let brake = Self { changes_per_run: map.optional("changes_per_run"), zero_stock: map.optional("zero_stock") };
        map.finish();
        Some(brake)
    }
}
