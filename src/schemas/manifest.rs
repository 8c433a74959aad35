//! The whole manifest: `connectors/<name>/connector.yaml`.
//!
//! Not here: its parts.

use super::http::{HTTP, REQUEST_KEYS};
use super::manifest_process::PROCESS;
use super::manifest_sql::{SQL, SQL_CHECK};
use super::shape::Shape::{Either, Flag, Named, Of, Text, Whole, Words};
use super::shape::{Body, Definition, TEXTS, key, map, must, variant, words};
use super::stream::STREAM;
use super::webhook::WEBHOOKS;
use crate::connector::manifest::{Category, SettingFormat};

pub(super) static MANIFEST: Definition = map(
    "connector",
    "A connector as data: connectors/<name>/connector.yaml.",
    &[&[
        must("connector", Text, "Its name: lower-case letters, digits, - and _; the folder's name"),
        must("title", Text, "In the words of the people who use it"),
        key("description", Text, "What it connects, in a sentence"),
        key("category", Words(words::<Category>), "Under which heading the catalogue has it"),
        key("settings", Named(&Of(&SETTING)), "What a connection has to be told"),
        key("http", Of(&HTTP), "What all requests share"),
        key("process", Of(&PROCESS), "A program in place of HTTP"),
        key("sql", Of(&SQL), "A database in place of HTTP"),
        key(
            "check",
            Either(&[Of(&CHECK), Of(&DATABASE_CHECK)]),
            "The read that proves that settings, network and rights are good",
        ),
        key("webhooks", Of(&WEBHOOKS), "What the vendor pushes"),
        must("streams", Named(&Of(&STREAM)), "One for each kind of record"),
    ]],
);

static SETTING: Definition = Definition {
    name: "setting",
    doc: "What a connection has to be told.",
    body: Body::Tagged {
        tag: "type",
        doc: "string unless it is said",
        default: Some("string"),
        shared: &[&[
            key("title", Text, "Stands in forms and messages"),
            key("help", Text, "Where to find the value"),
            key("secret", Flag, "Stays out of logs, errors, pages and exports"),
            key("required", Flag, "Whether it must be given"),
            key("default", Text, "Used when it is not; may read settings before it"),
        ]],
        variants: &[
            variant("string", "Text", &[&[key("format", Words(words::<SettingFormat>), "What it must look like")]]),
            variant("integer", "A whole number", &[&[key("min", Whole, "At least"), key("max", Whole, "At most")]]),
            variant("bool", "true or false", &[]),
            variant("duration", "Such as 30s", &[]),
            variant("enum", "One of several words", &[&[must("values", TEXTS, "Which")]]),
        ],
    },
};

static CHECK: Definition = map(
    "check",
    "A request that proves that all is good.",
    &[REQUEST_KEYS, &[key("shows", Text, "Over `body`: whom we are talking to")]],
);
static DATABASE_CHECK: Definition =
    map("database_check", "A query that proves that all is good; where there is `sql`.", &[SQL_CHECK]);
