//! What a manifest says about writing by request: operations, steps, idempotency, batches.
//!
//! Not here: requests themselves (`http`).

use super::http::{CLASS_KEYS, REQUEST, REQUEST_KEYS};
use super::shape::Shape::{Any, Duration, Named, Of, Text, Whole, Words};
use super::shape::{Body, CLASS, Definition, Key, ONE_OR_MANY, key, map, must, variant, words};
use crate::connector::manifest::Unmentioned;

static STEP: Definition = map(
    "step",
    "A read that comes before a write.",
    &[
        REQUEST_KEYS,
        &[
            key("record", Text, "What the later steps see of the answer"),
            key("expect", Text, "What must hold"),
            key("class", CLASS, "What it means when it does not"),
            key("message", Text, "What the failure says"),
        ],
    ],
);
static COMPARE: Definition = map(
    "compare_and_set",
    "The state that the write is based on, read right before it.",
    &[&[must("read", Of(&REQUEST), "The read"), key("attempts", Whole, "1 to 10")]],
);
static CONFIRM: Definition = map(
    "confirm",
    "Accepted is not applied: the vendor is asked until it says which.",
    &[
        REQUEST_KEYS,
        &[
            must("done", Text, "Over status, headers, body"),
            key("failed", Text, "Over status, headers, body"),
            key("class", CLASS, "What a failure is"),
            key("message", Text, "What it says"),
            key("every", Duration, "How often it is asked"),
            key("within", Duration, "After this the outcome is unknown"),
        ],
    ],
);
static FOLLOW_UP: Definition = map(
    "follow_up",
    "What is still to be done once the record is written; again whenever the outcome was unknown.",
    &[
        REQUEST_KEYS,
        &[
            key("read", Of(&REQUEST), "Asked first: its `body` and `headers` are `current`"),
            key("unless", Text, "Where it holds, it is done already; a POST needs it"),
            key("accepts", ONE_OR_MANY, "Statuses of success; else 2xx"),
        ],
    ],
);
static RESPONSE: Definition = map(
    "response",
    "What the answer says about what was written.",
    &[&[key("id", Text, "The vendor's id: the stream's key"), key("version", Text, "Its version")]],
);
static IDEMPOTENCY: Definition = Definition {
    name: "idempotency",
    doc: "Why sending the same operation again does not repeat its effect.",
    body: Body::Tagged {
        tag: "scheme",
        doc: "By what",
        default: None,
        shared: &[],
        variants: &[
            variant(
                "header",
                "The vendor remembers a key",
                &[&[
                    must("name", Text, "The header"),
                    must("value", Text, "Such as {idempotency_key}"),
                    must("ttl", Duration, "How long it is remembered"),
                ]],
            ),
            variant(
                "body",
                "The vendor remembers a key that stands in the body",
                &[&[
                    must("path", Text, "Where: a member of JSON, or a form's field"),
                    must("value", Text, "Such as {idempotency_key}"),
                    must("ttl", Duration, "How long it is remembered"),
                ]],
            ),
            variant(
                "lookup",
                "Asked for before the first attempt and after every unknown outcome",
                &[&[
                    must("request", Of(&REQUEST), "The question"),
                    key("found", Text, "Where the list or object is"),
                    must("id", Text, "The object's id in it"),
                    key("matches", Text, "Over candidate and record: what is really meant"),
                    key("pending", Text, "Over candidate: it is being made and not yet to be told"),
                ]],
            ),
            variant("natural", "The request states a result", &[]),
        ],
    },
};
static BATCH: Definition = map(
    "batch",
    "Many records in one request.",
    &[&[
        must("max", Whole, "2 to 1000"),
        key("linger", Duration, "How long the first waits for others; at most 30s"),
        key("max_bytes", super::shape::Shape::Size, "Longest body"),
        key("item", Any, "One record as the request carries it; absent: the record"),
        key("result", Of(&BATCH_RESULT), "What the answer says about each; absent: it is about all or none"),
    ]],
);
static BATCH_RESULT: Definition = map(
    "batch_result",
    "What the answer says about each record.",
    &[
        &[
            key("list", Text, "Where the results are; absent: the answer is the list"),
            key("key", Of(&RESULT_KEY), "Which result belongs to which record; absent: by position"),
            key("ok", Text, "Over `item`: whether it was written"),
            key("message", Text, "Over `item`"),
            key("unmentioned", Words(words::<Unmentioned>), "What it means that the answer does not speak of a record"),
        ],
        CLASS_KEYS,
    ],
);
static RESULT_KEY: Definition = map(
    "result_key",
    "The same text on both sides.",
    &[&[must("sent", Text, "Over what a write sees, and `index`"), must("told", Text, "Over `item`")]],
);
static OPERATION: Definition = map(
    "operation",
    "One kind of change, with its protection against a second effect.",
    &[
        REQUEST_KEYS,
        &[
            key("steps", Named(&Of(&STEP)), "Reads that come first, in their order"),
            key("accepts", ONE_OR_MANY, "Statuses of success; else 2xx"),
            key("response", Of(&RESPONSE), "What the answer says"),
            key("compare_and_set", Of(&COMPARE), "Read before, compared by the vendor"),
            key("confirm", Of(&CONFIRM), "Asked until it is applied"),
            key("then", Named(&Of(&FOLLOW_UP)), "What is still to be done once it is written, in its order"),
            key("idempotency", Of(&IDEMPOTENCY), "Why a repetition has no second effect; a create needs it"),
            key("batch", Of(&BATCH), "Many records in one request"),
        ],
    ],
);
pub(super) static WRITE_KEYS: &[Key] = &[
    key("create", Of(&OPERATION), "A record that is not there yet"),
    key("update", Of(&OPERATION), "A record by its {key}"),
    key("upsert", Of(&OPERATION), "Created or changed, whichever it needs"),
    key("set", Of(&OPERATION), "A state, such as a stock level"),
    key("delete", Of(&OPERATION), "A record that goes"),
];
