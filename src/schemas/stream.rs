//! What a manifest says about a stream.
//!
//! Not here: requests and pages (`http`), files, databases, programs (`manifest_file`, `manifest_sql`, `manifest_process`).

use super::http::{CHILDREN, ENRICH, GET, HINT, READ_KEYS};
use super::http_write::WRITE_KEYS;
use super::manifest_file::{FILE_READ, FILE_WRITE};
use super::manifest_process::{PROCESS_READ, PROCESS_WRITE};
use super::manifest_sql::{SQL_READ, SQL_WRITE};
use super::shape::Shape::{Either, List, Named, Of, Text, Words};
use super::shape::{Body, Definition, TEXTS, entities, key, map, must, variant, words};
use super::webhook::STREAM_WEBHOOK;
use crate::connector::manifest::VersionKind;

pub(super) static STREAM: Definition = map(
    "stream",
    "One kind of record: how it is told apart and aged, and the ways in and out.",
    &[&[
        key("title", Text, "In the words of the people who use it"),
        must("entity", Words(entity_or_any), "The canonical entity; any: a sink that takes whatever a flow brings"),
        key("mapping", Text, "Another than connector/entity; canonical: none is passed"),
        key("key", Text, "The vendor's id of a record, over `record`"),
        key(
            "version",
            Either(&[Text, Of(&VERSION)]),
            "What orders two contents of a record; none where the vendor tells nothing",
        ),
        key("occurred_at", Text, "When it happened, by the vendor's clock"),
        key("explode", Of(&EXPLODE), "One record of the body becomes several"),
        key("enrich", Of(&ENRICH), "What the list leaves out, read by ids"),
        key("children", List(&Of(&CHILDREN)), "What belongs to a record and is read by requests of its own"),
        key("hints", Named(&Of(&HINT)), "Lists that tell which records to read again"),
        key("deleted", Text, "Over `record`: whether it says that the record is gone"),
        key("read", Of(&READ), "The list that is asked for changes"),
        key("get", Of(&GET), "One record by its key"),
        key("webhook", Of(&STREAM_WEBHOOK), "What is pushed"),
        key("write", Of(&WRITE), "What is sent"),
        key("echo", TEXTS, "Fields that change because of our own writes"),
    ]],
);

fn entity_or_any() -> Vec<&'static str> {
    let mut words = entities();
    words.push("any");
    words
}

static VERSION: Definition = map(
    "version",
    "What orders two contents of a record.",
    &[&[
        key("kind", Words(words::<VersionKind>), "What it is; with `format` a timestamp"),
        key("value", Text, "Over `record`"),
        key("format", Text, "How the vendor writes the time; absent: RFC 3339"),
        key("zone", Text, "Whose local time a pattern without an offset means"),
    ]],
);
static EXPLODE: Definition = map(
    "explode",
    "The elements of a list become records.",
    &[&[must("list", Text, "The list in the record"), must("as", Text, "The member that holds the element")]],
);
static READ: Definition = Definition {
    name: "read",
    doc: "How the stream is read.",
    body: Body::Tagged {
        tag: "from",
        doc: "http unless it is said",
        default: Some("http"),
        shared: &[],
        variants: &[
            variant("http", "A list", &[READ_KEYS]),
            variant("file", "Files in a folder", &[FILE_READ]),
            variant("process", "A program", &[PROCESS_READ]),
            variant("sql", "A query", &[SQL_READ]),
        ],
    },
};
static WRITE: Definition = Definition {
    name: "write",
    doc: "How the stream is written.",
    body: Body::Tagged {
        tag: "to",
        doc: "http unless it is said",
        default: Some("http"),
        shared: &[],
        variants: &[
            variant("http", "Requests", &[WRITE_KEYS]),
            variant("file", "Files in a folder", &[FILE_WRITE]),
            variant("process", "A program", &[PROCESS_WRITE]),
            variant("sql", "Statements", &[SQL_WRITE]),
        ],
    },
};
