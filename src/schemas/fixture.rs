//! Fixtures of connectors: docs/conformance.md.
//!
//! Not here: playing them (`conformance`).

use super::mapping::REFERENCE;
use super::shape::Shape::{Any, Duration, Either, Flag, List, Named, Of, Text, Whole, Words};
use super::shape::{Body, CLASS, Definition, FIELDS, Key, ONE_OR_MANY, TEXTS, key, map, must, set, variant, words};
use crate::connector::manifest::OpKind;

pub(super) static FIXTURE: Definition = Definition {
    name: "fixture",
    doc: "A scenario of the conformance suite: connectors/<name>/fixtures/*.yaml.",
    body: Body::Tagged {
        tag: "fixture",
        doc: "What it is",
        default: None,
        shared: &[&[
            must("source", Text, "Where its shape comes from, with date; what is not confirmed says \"unverified\""),
            key("at", Text, "The time that the hub's and the vendor's clocks show"),
        ]],
        variants: &[
            variant(
                "read",
                "A list, walked",
                &[&[
                    must("stream", Text, "Which"),
                    key("hint", Text, "Its hint's list instead"),
                    key("cursor", Text, "As stored; absent: a first read"),
                    must("exchanges", List(&Of(&EXCHANGE)), "What is asked and answered, in this order"),
                    must("expect", Of(&EXPECT_READ), "What must come out"),
                ]],
            ),
            variant(
                "get",
                "One record",
                &[&[
                    must("stream", Text, "Which"),
                    must("key", Text, "Its key"),
                    must("exchanges", List(&Of(&EXCHANGE)), "What is asked and answered"),
                    must("expect", Of(&EXPECT_GET), "What must come out"),
                ]],
            ),
            variant(
                "write",
                "A change",
                &[&[
                    must("stream", Text, "Which"),
                    must("op", Words(words::<OpKind>), "What is done"),
                    key("key", Text, "The vendor's id, where the record is bound"),
                    key("natural_key", Text, "Where `record` is given"),
                    key("entity", Text, "Where the stream takes any"),
                    key("record", Any, "What the mapping made"),
                    key("canonical", Any, "A record that is mapped first"),
                    key(
                        "refs",
                        Either(&[List(&Of(&REFERENCE)), Named(&Named(&Either(&[Text, Of(&KNOWN)])))]),
                        "What the vendor knows of records that it refers to",
                    ),
                    must("exchanges", List(&Of(&EXCHANGE)), "What is asked and answered"),
                    key("lookup", Of(&LOOKUP), "What is exchanged when the answer was lost"),
                    must("expect", Of(&EXPECT_WRITE), "What must come out"),
                ]],
            ),
            variant(
                "check",
                "The check",
                &[&[
                    key("settings", FIELDS, "In place of those of settings.yaml: another way of logging in"),
                    must("exchanges", List(&Of(&EXCHANGE)), "What is asked and answered"),
                    must("expect", Of(&EXPECT_CHECK), "What must come out"),
                ]],
            ),
            variant(
                "login",
                "The log-in, then the check",
                &[&[
                    key("settings", FIELDS, "In place of those of settings.yaml: another way of logging in"),
                    must("exchanges", List(&Of(&EXCHANGE)), "What is asked and answered"),
                    must("expect", Of(&EXPECT_CHECK), "What must come out"),
                ]],
            ),
            variant(
                "limit",
                "A check whose answer tells that nothing is left",
                &[&[
                    must("exchanges", List(&Of(&EXCHANGE)), "What is asked and answered"),
                    must("expect", Of(&EXPECT_LIMIT), "What follows"),
                ]],
            ),
            variant(
                "subscriptions",
                "A look at the vendor's subscriptions",
                &[&[
                    key("url", Text, "The address of our hub"),
                    must("exchanges", List(&Of(&EXCHANGE)), "What is asked and answered"),
                    must("expect", Of(&EXPECT_SUBSCRIPTIONS), "What is put right"),
                ]],
            ),
            variant(
                "webhook",
                "A delivery",
                &[&[
                    key("url", Text, "As the vendor called it"),
                    key("headers", FIELDS, "Its headers"),
                    key("secrets", FIELDS, "In place of settings"),
                    key("sign", Flag, "The suite signs by the manifest's scheme"),
                    key("certificate", Of(&CERTIFICATE), "Files of a signature by certificate"),
                    key("file", Text, "The body, beside the fixture"),
                    key("json", Any, "The body"),
                    key("text", Text, "The body"),
                    must("expect", Of(&EXPECT_WEBHOOK), "What it leads to"),
                ]],
            ),
            variant(
                "file_in",
                "A file that is read",
                &[&[
                    must("stream", Text, "Which"),
                    must("file", Text, "The sample"),
                    key("name", Text, "Another name than it has here"),
                    key("control", Text, "The control file"),
                    key("refused", List(&Of(&REFUSED)), "Variants that must not pass"),
                    must("expect", Of(&EXPECT_FILE_IN), "What it holds"),
                ]],
            ),
            variant(
                "file_out",
                "A file that is written",
                &[&[
                    must("stream", Text, "Which"),
                    key("entity", Text, "Where the stream takes any"),
                    key(
                        "refs",
                        Either(&[List(&Of(&REFERENCE)), Named(&Named(&Either(&[Text, Of(&KNOWN)])))]),
                        "What is known of other records",
                    ),
                    key("canonical", List(&Any), "Records that are mapped first"),
                    key("record", List(&Any), "What the mapping made"),
                    must("expect", Of(&EXPECT_FILE_OUT), "The golden file"),
                ]],
            ),
        ],
    },
};
static EXCHANGE: Definition = map(
    "exchange",
    "A request and its answer.",
    &[&[
        must("ask", Of(&ASK), "What the request must contain"),
        must("answer", Of(&ANSWER), "What comes back"),
        key("effect", Flag, "The request that changes something: its answer is the one that gets lost"),
    ]],
);
static ASK: Definition = map(
    "ask",
    "What the request must contain; more may be there. `*` is anything that is present.",
    &[&[
        key("get", Text, "A GET of this path"),
        key("head", Text, "A HEAD of this path"),
        key("post", Text, "A POST to this path"),
        key("put", Text, "A PUT to this path"),
        key("patch", Text, "A PATCH of this path"),
        key("delete", Text, "A DELETE of this path"),
        key("query", FIELDS, "Parameters"),
        key("headers", FIELDS, "Headers"),
        key("json", Any, "A part of the body"),
        key("form", FIELDS, "A part of the form"),
        key("text", ONE_OR_MANY, "Parts of the body"),
    ]],
);
static ANSWER: Definition = map(
    "answer",
    "What comes back.",
    &[&[
        key("status", Whole, "200 unless it is said"),
        key("headers", FIELDS, "Headers"),
        key("file", Text, "A body beside the fixture"),
        key("json", Any, "A body"),
        key("text", Text, "A body"),
    ]],
);
static KNOWN: Definition = map(
    "known_record",
    "What the vendor knows of a record.",
    &[&[key("id", Text, "Its id"), key("extra", Named(&Any), "Its extras")]],
);
static LOOKUP: Definition = map(
    "lookup",
    "What is exchanged when the answer was lost.",
    &[&[
        key("absent", List(&Of(&EXCHANGE)), "Before the effect"),
        key("unfinished", List(&Of(&EXCHANGE)), "After it, and before what follows: `then`"),
        key("found", List(&Of(&EXCHANGE)), "After all of it"),
    ]],
);
static CERTIFICATE: Definition = map(
    "certificate_files",
    "Files beside the fixture.",
    &[&[must("file", Text, "The signer's"), must("authority", Text, "Its authority's")]],
);
static REFUSED: Definition = map(
    "refused",
    "A variant that must not pass.",
    &[&[
        key("replace", FIELDS, "This by that"),
        key("cut", Whole, "Only the first bytes"),
        key("repeat", Flag, "The file twice"),
        must("reason", Text, "A part of the reason"),
    ]],
);
static ERROR: Definition = map(
    "expected_error",
    "How it must fail.",
    &[&[
        must("class", CLASS, "As what"),
        key("message", Text, "A part of the message"),
        key("retry_after", Duration, "The wait that the vendor asks for"),
    ]],
);
static FAILS: &[Key] = &[key("error", Of(&ERROR), "How it must fail")];
static RECORD: Definition = map(
    "expected_record",
    "A record that must come.",
    &[&[must("key", Text, "Its key"), key("version", Text, "Its version"), key("deleted", Flag, "Whether it is gone")]],
);
static EVENT: Definition = map(
    "expected_event",
    "What a delivery leads to.",
    &[&[
        must("stream", Text, "In which stream"),
        must("op", set!("upsert", "delete"), "What happened"),
        must("key", Text, "To which record"),
        key("version", Text, "Its version"),
    ]],
);
static EXPECT_READ: Definition = map(
    "expect_read",
    "What a walk brings.",
    &[
        FAILS,
        &[
            key("records", List(&Of(&RECORD)), "All of them"),
            key("canonical", List(&Any), "The mapped records"),
            key("cursor", Text, "As it is stored then"),
        ],
    ],
);
static EXPECT_GET: Definition = map(
    "expect_get",
    "What is found.",
    &[FAILS, &[key("found", Flag, "Whether it is there"), key("canonical", Any, "The mapped record")]],
);
static EXPECT_WRITE: Definition = map(
    "expect_write",
    "What is known then.",
    &[FAILS, &[key("id", Text, "The vendor's id"), key("version", Text, "Its version")]],
);
static EXPECT_CHECK: Definition =
    map("expect_check", "What it shows.", &[FAILS, &[key("shows", Text, "Whom we are talking to")]]);
static EXPECT_LIMIT: Definition =
    map("expect_limit", "How the answer is obeyed.", &[FAILS, &[must("wait", Duration, "How long work waits")]]);
static EXPECT_SUBSCRIPTIONS: Definition = map(
    "expect_subscriptions",
    "What is put right; neither: nothing.",
    &[FAILS, &[key("restored", TEXTS, "Topics that were missing"), key("renewed", TEXTS, "Topics that were renewed")]],
);
static EXPECT_WEBHOOK: Definition = map(
    "expect_webhook",
    "What a delivery leads to.",
    &[FAILS, &[key("events", List(&Of(&EVENT)), "All of them"), key("dedupe", Text, "The dedupe key")]],
);
static EXPECT_FILE_IN: Definition = map(
    "expect_file_in",
    "What a file holds.",
    &[
        FAILS,
        &[
            key("records", List(&Of(&RECORD)), "All of them"),
            key("canonical", List(&Any), "The mapped records"),
            key("count", Whole, "How many"),
        ],
    ],
);
static EXPECT_FILE_OUT: Definition =
    map("expect_file_out", "The golden file.", &[FAILS, &[must("file", Text, "Beside the fixture")]]);
