//! What a manifest says about pushes: proof, topics, subscriptions.
//!
//! Not here: requests (`http`).

use super::http::{PAGES, REQUEST};
use super::shape::Shape::{Duration, Either, Named, Of, Text, Whole, Words};
use super::shape::{Body, Definition, Key, TEXTS, key, map, must, set, variant, words};
use crate::connector::manifest::{Encoding, Fetch, Hash, TimeUnit, TopicOp};

pub(super) static WEBHOOKS: Definition = map(
    "webhooks",
    "What arrives at the connection's one address.",
    &[&[
        must("verify", Of(&VERIFY), "How a delivery proves where it comes from"),
        must("topic", TEXTS, "What happened; the first that can be evaluated counts"),
        key("events", Text, "Where one delivery holds many events"),
        key("dedupe", TEXTS, "The vendor's id of the event; the first that can be evaluated counts"),
        key("ping", Of(&PING), "A test message: answered, not stored"),
        key("subscriptions", Of(&SUBSCRIPTIONS), "How what the vendor pushes is seen and restored"),
    ]],
);
static PING: Definition = map(
    "ping",
    "A test message of the vendor.",
    &[&[
        must("when", Text, "Over headers, query, body"),
        key("status", Whole, "200 to 299"),
        key("echo", Text, "What the answer repeats"),
    ]],
);
static SUBSCRIPTIONS: Definition = map(
    "subscriptions",
    "The list of what the vendor pushes, and how to add to it.",
    &[&[
        must("list", Of(&REQUEST), "The list"),
        key("records", Text, "Where it is in the answer"),
        key("pages", Of(&PAGES), "How it goes on; absent: it has one page"),
        must("topic", Text, "In one subscription; a path to all, where one is for several"),
        must("url", Text, "In one subscription"),
        key("id", Text, "In one subscription: {id} of update and renew"),
        key("name", Text, "Over settings, topic: what a topic is called there; several may share a name"),
        key("active", Text, "Over `subscription`: whether it still brings anything"),
        key("expires", Of(&EXPIRES), "When one ends by itself"),
        key("lives", Duration, "How long one is to live: {until} of create and renew"),
        must("create", Of(&REQUEST), "Sees url, until, and topic, or topics where one is for all of them"),
        key("update", Of(&REQUEST), "Adds topics to one that is there; also sees `id`"),
        key("renew", Of(&REQUEST), "For one that ends soon or is not active; also sees `id`"),
        key("every", Duration, "How often it is looked at"),
    ]],
);

static EXPIRES: Definition = map(
    "expires",
    "When a subscription ends by itself.",
    &[&[
        must("field", Text, "In one subscription; one without it does not end"),
        key("format", Text, "How the vendor writes it, where it is not RFC 3339; {until} is written so, too"),
        key("zone", Text, "Of a time without one"),
        key("ahead", Duration, "It is renewed this long before; 24h unless it is said"),
    ]],
);

static SECRETS: &[Key] = &[must("secrets", TEXTS, "One, or two during a rotation")];
static KEY_FORM: &[Key] = &[
    key("key", set!("text", "hex", "base64"), "The form of the secret"),
    key("key_prefix", Text, "Before base64, such as whsec_"),
];
static HMAC: &[Key] = &[
    key("hash", Words(words::<Hash>), "sha256 unless it is said"),
    must("headers", TEXTS, "Spellings of the signature header; the first that is there is used"),
    must("encoding", Words(words::<Encoding>), "Of the signature"),
    key("parts", Of(&PARTS), "A header of several entries"),
    key("prefix", Text, "Before the signature, such as sha256="),
    must(
        "content",
        Text,
        "What is signed: {body}, {id}, {timestamp}, {url}, {url_decoded}, {method}, {header:<name>}, {secret}, {crc32}",
    ),
    key("id_header", Text, "Where {id} stands"),
    key("timestamp", Of(&TIMESTAMP), "Where {timestamp} stands"),
];
static VERIFY: Definition = Definition {
    name: "verify",
    doc: "How a delivery proves where it comes from.",
    body: Body::Tagged {
        tag: "scheme",
        doc: "The kind of proof",
        default: None,
        shared: &[],
        variants: &[
            variant("hmac", "A described HMAC", &[HMAC, KEY_FORM, SECRETS]),
            variant("standard_webhooks", "Standard Webhooks 1.0.0", &[SECRETS]),
            variant(
                "shared_secret",
                "Text that must equal a secret",
                &[&[key("header", Text, "In this header"), key("body", Text, "At this path of the body")], SECRETS],
            ),
            variant("path_secret", "Nothing is signed: content is read again, never believed", &[]),
            variant("digest", "A plain hash over content that holds the secret", &[HMAC, KEY_FORM, SECRETS]),
            variant(
                "signed_items",
                "Named fields of each item are signed",
                &[
                    &[
                        key("hash", Words(words::<Hash>), "sha256 unless it is said"),
                        must("items", Text, "Where the items are"),
                        must("signature", Text, "In an item"),
                        must("fields", TEXTS, "What is signed, in its order"),
                        key("separator", Text, "Between them"),
                        must("encoding", Words(words::<Encoding>), "Of the signature"),
                    ],
                    KEY_FORM,
                    SECRETS,
                ],
            ),
            variant(
                "certificate",
                "RSA with SHA-256 by a certificate that is fetched",
                &[
                    &[
                        must("header", Text, "The signature's header"),
                        must("content", Text, "What is signed"),
                        key("timestamp", Of(&TIMESTAMP), "Where {timestamp} stands"),
                        must("certificate", Of(&CERTIFICATE), "Where the certificate comes from"),
                    ],
                    SECRETS,
                ],
            ),
        ],
    },
};
static PARTS: Definition = map(
    "signature_parts",
    "A header of several entries: t=1700000000,v1=<a>.",
    &[&[
        key("separator", Text, "Between entries"),
        key("assign", Text, "Between name and value"),
        must("signature", Text, "The name of the signature's entry"),
    ]],
);
static TIMESTAMP: Definition = map(
    "timestamp",
    "When it was signed.",
    &[&[
        key("header", Text, "In this header"),
        key("part", Text, "In this entry of the signature header"),
        key("unit", Words(words::<TimeUnit>), "seconds unless it is said"),
        key("tolerance", Duration, "The window around now, on both sides"),
    ]],
);
static CERTIFICATE: Definition = map(
    "certificate",
    "Where the certificate comes from.",
    &[&[
        must("url_header", Text, "Names its address"),
        must("hosts", TEXTS, "From these hosts only; *.example.com stands for every one below it"),
        must("subject", Text, "The name that it is made out to; sees `settings`"),
        key("authority", Text, "Authorities in PEM in place of the public ones"),
    ]],
);

pub(super) static STREAM_WEBHOOK: Definition = map(
    "stream_webhook",
    "Which topics concern the stream.",
    &[&[
        must("topics", Named(&Either(&[Words(words::<TopicOp>), Of(&TOPIC)])), "Topic to operation"),
        key("record", Text, "Where the record is in the body; absent: the body is the record"),
        key("fetch", Words(words::<Fetch>), "Whether the record is read again before it is believed"),
    ]],
);
static TOPIC: Definition = map(
    "topic",
    "One topic with rules of its own.",
    &[&[
        must("op", Words(words::<TopicOp>), "What it does"),
        key("key", Text, "The record's key; sees record, body, headers"),
        key("record", Text, "Where the record is in the body"),
        key("fetch", Words(words::<Fetch>), "Whether the record is read again"),
        key("when", Text, "Only events for which this holds concern the stream"),
    ]],
);
