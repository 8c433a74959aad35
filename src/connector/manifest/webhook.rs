//! What a vendor pushes: proof, topic and dedupe key for the connection's one address; per stream, what its topics mean.
//!
//! Not here: receiving (`intake`), signatures (`verify` and the engine).

use crate::config::yaml::{Context, Decode, Entry, Kind, Node, Spanned};

use super::subscriptions::Subscriptions;
use super::verify::Verify;
use crate::mapping::expr::{Expression, Path, Template};

/// Connector-wide: everything arrives at the connection's one address. Templates see `headers` (names in lower case) and `body`.
#[derive(Debug, Clone)]
pub struct Webhooks {
    pub verify: Verify,
    /// Where one delivery holds many events: each is read as if it had come alone. `None`: the body, or each item of a body
    /// that is a list.
    pub events: Option<Spanned<Path>>,
    /// What happened, in the vendor's word; the first that can be evaluated counts.
    pub topic: Vec<Spanned<Template>>,
    /// The vendor's id of the event; the first that can be evaluated counts. Empty: the hash of the body, or nothing
    /// where all that is pushed are hints.
    pub dedupe: Vec<Spanned<Template>>,
    pub ping: Option<Ping>,
    /// How the watchdog sees and restores what the vendor pushes.
    pub subscriptions: Option<Subscriptions>,
}

/// A test message of the vendor: answered, not stored.
#[derive(Debug, Clone)]
pub struct Ping {
    /// Over `headers`, `query` and `body` (text when it is not JSON).
    pub when: Spanned<Expression>,
    pub status: u16,
    /// What the answer repeats, as plain text: vendors that ask whether somebody is at home.
    pub echo: Option<Spanned<Template>>,
}

/// Per stream: which topics concern it. A topic that no stream names is accounted as ignored.
#[derive(Debug, Clone)]
pub struct StreamWebhook {
    pub topics: Vec<Topic>,
    /// Where the record is in the body; `None`: the body is the record.
    pub record: Option<Spanned<Path>>,
    /// Whether the record is read again through `get` before it is believed.
    pub fetch: Fetch,
}

#[derive(Debug, Clone)]
pub struct Topic {
    pub name: Spanned<String>,
    pub op: TopicOp,
    /// Overrides of the stream's rules for this topic; templates see `record`, `body`, `headers`.
    pub key: Option<Spanned<Template>>,
    pub record: Option<Spanned<Path>>,
    pub fetch: Option<Fetch>,
    /// Only events for which this holds concern the stream; others are accounted as ignored.
    pub when: Option<Spanned<Expression>>,
}

crate::choice! {
    pub enum TopicOp ("operation") { Upsert = "upsert", Delete = "delete" }
}

crate::choice! {
    pub enum Fetch ("fetch rule") {
        /// The pushed record is complete and carries a version.
        Never = "never",
        /// Only when its version equals the known one but its content differs.
        OnTie = "on_tie",
        /// The push is only a hint.
        Always = "always",
    }
}

impl Decode for Webhooks {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "webhooks")?;
        let (verify, topic) = (map.required("verify"), map.required::<Vec<Spanned<Template>>>("topic"));
        if topic.as_ref().is_some_and(Vec::is_empty) {
            map.error(
                "topic",
                "no topic is named",
                "write `topic: [\"{headers['x-topic']}\"]` or `topic: [\"{body.type}\"]`",
            );
        }
        let (events, dedupe) = (map.optional("events"), map.list("dedupe"));
        let (ping, subscriptions) = (map.optional("ping"), map.optional("subscriptions"));
        map.finish();
        Some(Self { verify: verify?, events, topic: topic?, dedupe, ping, subscriptions })
    }
}

impl Decode for Ping {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "ping")?;
        let (when, echo) = (map.required("when"), map.optional("echo"));
        let status = map.or("status", 200u16);
        if !(200..=299).contains(&status) {
            map.error("status", "a ping is answered with a 2xx", "write a status from 200 to 299");
        }
        map.finish();
        Some(Self { when: when?, status, echo })
    }
}

impl StreamWebhook {
    pub fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.iter().find(|topic| *topic.name == name)
    }
}

impl Decode for StreamWebhook {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "webhook")?;
        let topics = match map.node("topics") {
            Some(node) => cx.named(node, "topics", |entry: &Entry, cx: &Context| Topic::read(entry, cx)),
            None => {
                map.missing("topics");
                None
            }
        };
        let (record, fetch) = (map.optional("record"), map.or("fetch", Fetch::Never));
        map.finish();
        let topics = topics?.into_iter().map(|(_, topic)| topic).collect();
        Some(Self { topics, record, fetch })
    }
}

impl Topic {
    /// `orders/create: upsert`, or a map with `op` and overrides.
    fn read(entry: &Entry, cx: &Context) -> Option<Self> {
        let name = cx.spanned(entry.key.clone(), entry.key_span);
        match &entry.value.kind {
            Kind::Scalar(_) | Kind::Seq(_) => {
                let op = TopicOp::decode(&entry.value, cx)?;
                Some(Self { name, op, key: None, record: None, fetch: None, when: None })
            }
            Kind::Map(_) => {
                let map = cx.map(&entry.value, format!("topic `{}`", entry.key))?;
                let op = map.required("op");
                let (key, record) = (map.optional("key"), map.optional("record"));
                let (fetch, when) = (map.optional("fetch"), map.optional("when"));
                map.finish();
                Some(Self { name, op: op?, key, record, fetch, when })
            }
        }
    }
}
