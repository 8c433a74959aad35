//! Which values a template may read where it stands.
//!
//! Not here: the values; the engine part that renders a template puts exactly these in.

/// A place's name for messages, the roots that exist there, and whether secrets may appear.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    pub(super) what: &'static str,
    pub(super) roots: &'static [&'static str],
    pub(super) secrets: bool,
}

const fn scope(what: &'static str, roots: &'static [&'static str]) -> Scope {
    Scope { what, roots, secrets: false }
}

pub(super) const CONNECTION: Scope = scope("the connection's addresses", &["settings"]);
pub(super) const CERTIFICATE: Scope = scope("the name of a certificate", &["settings"]);
pub(super) const DEFAULT: Scope = scope("a default", &["settings"]);
pub(super) const CREDENTIALS: Scope = Scope { secrets: true, ..scope("credentials", &["settings"]) };
pub(super) const SIGNATURE: Scope =
    Scope { secrets: true, ..scope("the signature", &["settings", "idempotency_key", "event"]) };
pub(super) const ERRORS: Scope = scope("an error rule", &["status", "headers", "body"]);
pub(super) const LOGIN: Scope = scope("a login", &["settings"]);
/// `token`: what the login's answer gave.
pub(super) const SESSION: Scope = Scope { secrets: true, ..scope("a session's header", &["settings", "token"]) };
/// What makes an answer a success.
pub(super) const SUCCESS: Scope = scope("a success condition", &["status", "headers", "body"]);
pub(super) const ANSWER: Scope = scope("the answer of a check", &["body", "headers"]);
pub(super) const CHECK: Scope = scope("a check", &["settings"]);
pub(super) const READ: Scope = scope("a read request", &["settings", "cursor", "until", "page"]);
/// `parent`: the record that they belong to.
pub(super) const CHILDREN: Scope = scope("children", &["settings", "parent", "page"]);
pub(super) const PARENT: Scope = scope("a condition on a parent", &["parent"]);
pub(super) const START: Scope = scope("a cursor's start", &["settings"]);
pub(super) const GET: Scope = scope("a get request", &["settings", "key"]);
/// `ids`: the values of the records to be completed, joined by commas.
pub(super) const ENRICH: Scope = scope("enrich", &["settings", "ids"]);
pub(super) const RECORD: Scope = scope("a record's key, version or time", &["record"]);
/// `header` is the file's header record, `file` has `name` and `numbers` (those at `{seq}` of the pattern, in order).
pub(super) const FILE_RECORD: Scope = scope("a file record's key, version or time", &["record", "header", "file"]);
/// With `webhooks.events`, `body` is one of them and `delivery` the whole.
pub(super) const EVENT: Scope = scope("a webhook", &["headers", "body", "delivery"]);
pub(super) const PING: Scope = scope("a ping", &["headers", "body", "query"]);
pub(super) const TOPIC: Scope = scope("a webhook topic", &["record", "headers", "body", "delivery"]);
pub(super) const SUBSCRIPTIONS: Scope = scope("the list of subscriptions", &["settings", "page"]);
pub(super) const SUBSCRIBE: Scope = scope("a subscription", &["settings", "topic", "topics", "url", "until"]);
pub(super) const RESUBSCRIBE: Scope =
    scope("a change of a subscription", &["settings", "topic", "topics", "url", "until", "id"]);
pub(super) const SUBSCRIPTION_NAME: Scope = scope("the name of a subscription", &["settings", "topic"]);
pub(super) const SUBSCRIBED: Scope = scope("a condition on a subscription", &["subscription"]);
/// A command line and an environment can be read by others on the machine.
pub(super) const PROGRAM: Scope = scope("a program's command or environment", &["settings"]);
pub(super) const FOLDER: Scope = scope("a folder", &["settings"]);
pub(super) const FILE_NAME: Scope = scope("a file name", &["settings", "batch"]);
/// `event` is what happened, for sinks that pass events on: `event.id`, `.type`, `.source`, `.subject`, `.time`.
pub(super) const WRITE: Scope = scope("a write", &["settings", "record", "key", "idempotency_key", "event", "steps"]);
/// `current`: `body` and `headers` of what was read right before.
pub(super) const COMPARE: Scope =
    scope("a write that compares", &["settings", "record", "key", "idempotency_key", "event", "steps", "current"]);
/// `written.id`: what was written before.
pub(super) const FOLLOW_UP_READ: Scope = scope("a follow-up's question", FOLLOWING);
pub(super) const FOLLOW_UP: Scope = scope("a follow-up without `read`", FOLLOWING);
/// `current`: `body` and `headers` of what its `read` found.
pub(super) const FOLLOW_UP_KNOWING: Scope =
    scope("a follow-up", &["settings", "record", "key", "idempotency_key", "event", "written", "current"]);
const FOLLOWING: &[&str] = &["settings", "record", "key", "idempotency_key", "event", "written"];
/// `accepted`: `body` and `headers` of the accepting answer.
pub(super) const CONFIRM: Scope =
    scope("a confirmation", &["settings", "record", "key", "idempotency_key", "event", "steps", "accepted"]);
/// `record` is what was written.
pub(super) const CONFIRMED: Scope = scope("what a confirmation says", &["status", "headers", "body", "record"]);
pub(super) const RESPONSE: Scope = scope("the answer of a write", &["body", "headers", "accepted"]);
/// `batch`: the records that one request carries.
pub(super) const BATCH: Scope = scope("a write of many records", &["settings", "batch"]);
/// `index`: the record's place in the request.
pub(super) const BATCH_KEY: Scope =
    scope("a record's key in a batch", &["settings", "record", "key", "idempotency_key", "event", "index"]);
/// `item`: what the answer says about one record.
pub(super) const BATCH_ITEM: Scope = scope("the result of one record", &["item"]);
pub(super) const BATCH_RESPONSE: Scope = scope("the answer to a batch", &["item", "body", "headers"]);
pub(super) const MATCHES: Scope = scope(
    "the choice among candidates",
    &["settings", "record", "key", "idempotency_key", "event", "steps", "candidate"],
);
/// Statements are logged; secrets belong into `password`.
pub(super) const SQL: Scope = scope("a statement", &["settings"]);
pub(super) const SQL_CHECK: Scope = scope("the answer of a check", &["record"]);
pub(super) const SQL_WRITE: Scope =
    scope("a write", &["settings", "record", "refs", "key", "idempotency_key", "event", "steps"]);
/// `item`: an element of the list that `each` names.
pub(super) const SQL_ITEM: Scope =
    scope("a write for each item", &["settings", "record", "refs", "key", "idempotency_key", "event", "steps", "item"]);
pub(super) const SQL_RESPONSE: Scope = scope("what a write made", &["settings", "record", "key", "steps"]);
