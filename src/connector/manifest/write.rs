//! Writing a stream by request: one operation per kind of change, each with its protection against a second effect.
//!
//! Not here: sending, retrying and looking up (deliver and the HTTP engine).

use std::time::Duration;

use crate::config::yaml::{Context, Decode, Entry, MapReader, Node, Spanned};

use super::batch::BatchWrite;
use super::follow_up::FollowUp;
use super::list_path::ListPath;
use super::references;
use super::request::Request;
use super::status::StatusSet;
use crate::mapping::expr::{Expression, Path, Template};
use crate::model::ErrorClass;

#[derive(Debug, Clone)]
pub struct HttpWrite {
    /// At most one of each kind.
    pub operations: Vec<Operation>,
}

/// Templates see `settings`, `record` (mapped out, in the vendor's shape), `key` (the vendor's id from the binding; absent before
/// the first write), `idempotency_key` and `steps`.
#[derive(Debug, Clone)]
pub struct Operation {
    pub kind: OpKind,
    /// Reads that come first, in order; each sees the results of those before it.
    pub steps: Vec<Step>,
    pub compare: Option<CompareAndSet>,
    /// Many records in one request.
    pub batch: Option<BatchWrite>,
    pub request: Request,
    pub accepts: StatusSet,
    pub response: WriteResponse,
    pub confirm: Option<Confirm>,
    /// What is still to be done once the record is written, in order.
    pub then: Vec<FollowUp>,
    pub idempotency: Idempotency,
}

/// The state that the write is based on, read right before it: `{current.body}` and `{current.headers}` in the request, which
/// carries what the vendor compares (`If-Match: "{current.headers.etag}"`). A conflict is read and tried again.
#[derive(Debug, Clone)]
pub struct CompareAndSet {
    pub read: Request,
    pub attempts: u32,
}

/// "Accepted" is not "applied": the vendor is asked until it says which. Templates see what a write sees, and `accepted` with
/// `body` and `headers` of the accepting answer.
#[derive(Debug, Clone)]
pub struct Confirm {
    pub request: Request,
    /// Over `status`, `headers`, `body` of the confirming answer, and the `record` as it was written. Neither holds: not yet.
    pub done: Spanned<Expression>,
    pub failed: Option<Spanned<Expression>>,
    /// What a failure is, and what it says.
    pub class: ErrorClass,
    pub message: Option<Spanned<Template>>,
    pub every: Duration,
    /// After this the outcome is unknown, and the vendor is asked again with the next attempt.
    pub within: Duration,
}

crate::choice! {
    pub enum OpKind ("write operation") {
        /// Makes a new object; used when no binding exists.
        Create = "create",
        /// Changes the object of the binding.
        Update = "update",
        /// One request that creates or changes.
        Upsert = "upsert",
        /// States a value (stock, a status) for something that exists on both sides.
        Set = "set",
        Delete = "delete",
    }
}

/// A named read before the write; what it found is `{steps.<name>}`.
#[derive(Debug, Clone)]
pub struct Step {
    pub name: Spanned<String>,
    pub request: Request,
    /// The part of the body that is kept; `None` keeps all.
    pub record: Option<Spanned<Path>>,
    /// Over the operation's values and `steps`; must hold after the step, else the write fails with `class`.
    pub expect: Option<Spanned<Expression>>,
    /// What it means when `record` is not there or `expect` does not hold; `transient` waits for the other record.
    pub class: ErrorClass,
    /// What the failure says.
    pub message: Option<Spanned<Template>>,
}

/// What the answer says about what was written, over `body` and `headers`; the id is the stream's key. Empty for an answer without content.
#[derive(Debug, Clone, Default)]
pub struct WriteResponse {
    pub id: Option<Spanned<Template>>,
    pub version: Option<Spanned<Template>>,
}

/// Why sending the same operation again does not repeat its effect.
#[derive(Debug, Clone)]
pub enum Idempotency {
    /// The vendor remembers a key for `ttl`; a retry after that is looked up by a person.
    Header { name: String, value: Spanned<Template>, ttl: Duration },
    /// As `Header`, for vendors that read the key from the body: `path` is its place there, or a form's field.
    Body { path: Spanned<Path>, value: Spanned<Template>, ttl: Duration },
    /// Asked for before the first attempt and after every unknown outcome. `found` is the list (or object) in the answer
    /// (`None`: the answer itself), `id` the object's id in it; `matches` (over `candidate` and the operation's values) keeps those that are really meant.
    /// More than one that matches is a conflict for a person. `pending` (over the same) tells one that is accepted there and not
    /// yet applied: neither found nor absent, so that nothing is sent until the vendor has made up its mind. It runs as soon as the steps that it reads have run: those up to number
    /// `steps_before`, counted from 1; the others follow only if nothing is found.
    Lookup {
        request: Box<Request>,
        found: Option<Spanned<ListPath>>,
        id: Spanned<Path>,
        matches: Option<Spanned<Expression>>,
        pending: Option<Spanned<Expression>>,
        steps_before: usize,
    },
    /// The request states a result; repeating it changes nothing further.
    Natural,
}

crate::choice! {
    enum Scheme ("idempotency scheme") { Header = "header", Body = "body", Lookup = "lookup", Natural = "natural" }
}

const KINDS: [(&str, OpKind); 5] = [
    ("create", OpKind::Create),
    ("update", OpKind::Update),
    ("upsert", OpKind::Upsert),
    ("set", OpKind::Set),
    ("delete", OpKind::Delete),
];

impl HttpWrite {
    pub fn operation(&self, kind: OpKind) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.kind == kind)
    }

    pub(super) fn read(map: &MapReader<'_>) -> Option<Self> {
        let mut whole = true;
        let mut operations = Vec::new();
        for (key, kind) in KINDS {
            if let Some(node) = map.node(key) {
                match Operation::read(kind, node, map.context()) {
                    Some(operation) => operations.push(operation),
                    None => whole = false,
                }
            }
        }
        whole.then_some(Self { operations })
    }
}

impl Operation {
    fn read(kind: OpKind, node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, format!("write operation `{}`", kind.as_str()))?;
        let steps = match map.node("steps") {
            Some(node) => cx.named(node, "steps", Step::read),
            None => Some(Vec::new()),
        };
        let request = Request::read(&map);
        let accepts = map.or("accepts", StatusSet::success());
        let response = map.or("response", WriteResponse::default());
        let (compare, confirm) = (map.optional("compare_and_set"), map.optional("confirm"));
        let idempotency = match (map.has("idempotency"), kind) {
            (true, _) => map.optional("idempotency"),
            (false, OpKind::Update | OpKind::Upsert | OpKind::Set | OpKind::Delete) => Some(Idempotency::Natural),
            (false, OpKind::Create) => {
                let help = "add `idempotency:` with scheme header (the vendor remembers a key), lookup (ask before creating) or natural";
                map.error("idempotency", "a create without idempotency could create twice", help);
                None
            }
        };
        let (batch, batch_given) = (map.optional("batch"), map.has("batch"));
        let then = match map.node("then") {
            Some(node) => cx.named(node, "follow-ups", FollowUp::read),
            None => Some(Vec::new()),
        };
        map.finish();
        if batch_given && batch.is_none() {
            return None;
        }
        let steps: Vec<Step> = steps?.into_iter().map(|(_, step)| step).collect();
        let mut idempotency = idempotency?;
        if let Idempotency::Lookup { request, matches, pending, steps_before, .. } = &mut idempotency {
            *steps_before = steps_read(request, [matches.as_ref(), pending.as_ref()], &steps);
        }
        let then = then?.into_iter().map(|(_, follow_up)| follow_up).collect();
        Some(Self { kind, steps, compare, batch, request: request?, accepts, response, confirm, then, idempotency })
    }
}

/// The number of the last step that a look-up reads.
fn steps_read(request: &Request, conditions: [Option<&Spanned<Expression>>; 2], steps: &[Step]) -> usize {
    let mut read = references::of_request(request);
    read.extend(conditions.into_iter().flatten().flat_map(|condition| references::of_expression(condition)));
    let named = |step: &Step| read.iter().any(|r| r.root == "steps" && r.member.as_deref() == Some(step.name.as_str()));
    steps.iter().rposition(named).map_or(0, |last| last + 1)
}

impl Step {
    fn read(entry: &Entry, cx: &Context) -> Option<Self> {
        let name = cx.spanned(entry.key.clone(), entry.key_span);
        let map = cx.map(&entry.value, format!("step `{}`", entry.key))?;
        let (request, record) = (Request::read(&map), map.optional("record"));
        let (expect, class) = (map.optional("expect"), map.or("class", ErrorClass::NotFound));
        let message = map.optional("message");
        map.finish();
        Some(Self { name, request: request?, record, expect, class, message })
    }
}

impl Decode for CompareAndSet {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "compare_and_set")?;
        let (read, attempts) = (map.required("read"), map.or("attempts", 3));
        if !(1..=10).contains(&attempts) {
            map.error("attempts", "a conflict is tried again a few times", "write 1 to 10");
        }
        map.finish();
        Some(Self { read: read?, attempts })
    }
}

impl Decode for Confirm {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "confirm")?;
        let (request, done) = (Request::read(&map), map.required("done"));
        let (failed, class) = (map.optional("failed"), map.or("class", ErrorClass::Data));
        let message = map.optional("message");
        let (every, within) = (map.or("every", Duration::from_secs(1)), map.or("within", Duration::from_secs(20)));
        if every < Duration::from_millis(50) || within > Duration::from_secs(120) {
            let help = "`every` is at least 50ms, `within` at most 2m: what takes longer is asked for again with the next attempt";
            map.error("every", "a worker would ask without pause, or wait without end", help);
        }
        map.finish();
        Some(Self { request: request?, done: done?, failed, class, message, every, within })
    }
}

impl Decode for WriteResponse {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "response")?;
        let (id, version) = (map.optional("id"), map.optional("version"));
        map.finish();
        Some(Self { id, version })
    }
}

impl Decode for Idempotency {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "idempotency")?;
        let idempotency = match map.required::<Scheme>("scheme")? {
            Scheme::Header => {
                let (name, value, ttl) = (map.required("name"), map.required("value"), map.required("ttl"));
                name.zip(value).zip(ttl).map(|((name, value), ttl)| Self::Header { name, value, ttl })
            }
            Scheme::Body => {
                let (path, value, ttl) = (map.required("path"), map.required("value"), map.required("ttl"));
                let path = path.filter(|path: &Spanned<Path>| {
                    let plain = !path.is_many();
                    if !plain {
                        map.error("path", "a key has one place", "name a single member, such as `payment.key`");
                    }
                    plain
                });
                path.zip(value).zip(ttl).map(|((path, value), ttl)| Self::Body { path, value, ttl })
            }
            Scheme::Lookup => {
                let (request, found, id) = (map.required("request"), map.optional("found"), map.required("id"));
                let (matches, pending) = (map.optional("matches"), map.optional("pending"));
                let made = |(request, id)| Self::Lookup { request, found, id, matches, pending, steps_before: 0 };
                request.zip(id).map(made)
            }
            Scheme::Natural => Some(Self::Natural),
        };
        map.finish();
        idempotency
    }
}
