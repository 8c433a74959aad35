//! Many records in one write request: how many, how they are carried, and what the answer says about each.
//!
//! Not here: collecting them (deliver), sending and reading the answer (the HTTP engine).

use std::time::Duration;

use crate::config::yaml::{ByteSize, Context, Decode, MapReader, Node, Spanned};

use super::body::JsonTemplate;
use super::errors::RuleClass;
use super::list_path::ListPath;
use crate::mapping::expr::{Expression, Template};
use crate::model::ErrorClass;

/// The operation's request carries up to `max` records. Its templates see `settings` and `batch`: `items`, `records`, `keys`,
/// `idempotency_keys`, one each per record in the same order, `size`, and `idempotency_key`, which is the same exactly for the
/// same effects with the same content. A single record goes by the same request.
#[derive(Debug, Clone)]
pub struct BatchWrite {
    pub max: u32,
    /// How long the first record waits for others.
    pub linger: Duration,
    /// Longest body; a batch that would be longer is cut. One record that is longer by itself is sent.
    pub max_bytes: Option<ByteSize>,
    /// One record as the request carries it, over what a write of one record sees; `None`: the record itself.
    pub item: Option<JsonTemplate>,
    /// `None`: the answer is about all of them or none.
    pub result: Option<BatchResult>,
}

/// What the answer says about each record.
#[derive(Debug, Clone)]
pub struct BatchResult {
    /// Where its list of results is; `None`: the answer is the list.
    pub list: Option<Spanned<ListPath>>,
    /// Which result belongs to which record; `None`: the first to the first, and there must be as many.
    pub key: Option<ResultKey>,
    /// Over `item`, one result: whether the record was written. `None`: whatever is listed was.
    pub ok: Option<Spanned<Expression>>,
    /// What a refusal is; its code and message are over `item`.
    pub class: RuleClass,
    pub message: Option<Spanned<Template>>,
    pub unmentioned: Unmentioned,
}

/// The same text on both sides.
#[derive(Debug, Clone)]
pub struct ResultKey {
    /// Over what a write of one record sees, and `index` (its place in the request, from 0).
    pub sent: Spanned<Template>,
    /// Over `item`.
    pub told: Spanned<Template>,
}

crate::choice! {
    /// What it means that the answer does not speak of a record.
    pub enum Unmentioned ("meaning of silence") {
        Unknown = "unknown",
        /// For vendors that list failures only.
        Done = "done",
    }
}

const LONGEST_LINGER: Duration = Duration::from_secs(30);

impl Decode for BatchWrite {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "batch")?;
        let (max, linger) = (map.required("max"), map.or("linger", Duration::from_millis(50)));
        let (max_bytes, item) = (map.optional("max_bytes"), map.optional("item"));
        let (result, result_given) = (map.optional("result"), map.has("result"));
        if max.is_some_and(|max| !(2..=1000).contains(&max)) {
            map.error("max", "a batch has 2 to 1000 records", "write what the vendor allows in one request");
        }
        if linger > LONGEST_LINGER {
            map.error("linger", "every record would wait this long for others", "write at most 30s");
        }
        map.finish();
        if result_given && result.is_none() {
            return None;
        }
        Some(Self { max: max?, linger, max_bytes, item, result })
    }
}

impl Decode for BatchResult {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "result of a batch")?;
        let (list, key, ok) = (map.optional("list"), map.optional("key"), map.optional("ok"));
        let (class, message) = (class(&map), map.optional("message"));
        let unmentioned = map.or("unmentioned", Unmentioned::Unknown);
        if unmentioned == Unmentioned::Done && key.is_none() && !map.has("key") {
            let help = "add `key`, such as `key: { sent: \"{index}\", told: \"{item.index}\" }`";
            map.error("unmentioned", "a list of failures only does not tell by position whose they are", help);
        }
        map.finish();
        Some(Self { list, key, ok, class: class?, message, unmentioned })
    }
}

/// `data` unless it is said.
fn class(map: &MapReader<'_>) -> Option<RuleClass> {
    if ["class", "code", "classes"].iter().any(|key| map.has(key)) {
        return super::errors::rule_class(map);
    }
    Some(RuleClass::Fixed(ErrorClass::Data))
}

impl Decode for ResultKey {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "key of a result")?;
        let (sent, told) = (map.required("sent"), map.required("told"));
        map.finish();
        Some(Self { sent: sent?, told: told? })
    }
}
