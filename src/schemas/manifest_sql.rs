//! What a manifest says about databases.
//!
//! Not here: how statements are read (`connector::manifest`).

use super::http::CURSOR;
use super::shape::Shape::{Duration, Either, List, Named, Of, Text, Whole, Words};
use super::shape::{Body, CLASS, Definition, Key, TEXTS, key, map, must, variant, words};
use crate::connector::manifest::{SqlValueKind, TinyInt, TlsMode};

static SHARED: &[Key] = &[
    key("tls", Either(&[Words(words::<TlsMode>), Text]), "verify; require and off only to addresses in allow_networks"),
    key("authority", Text, "The server's authority in PEM"),
    key("pool", Whole, "Connections, and deliveries at once"),
    key("timeouts", Of(&TIMEOUTS), "How long to wait"),
    key("session", TEXTS, "Statements that every connection begins with"),
    key("naive", Text, "The zone of timestamps without one"),
    key("tinyint1", Words(words::<TinyInt>), "What MySQL's TINYINT(1) is"),
    key("errors", List(&Of(&ERROR)), "From codes to error classes"),
];
static SERVER: &[Key] = &[
    key("url", Text, "In place of host, database and user"),
    key("host", Text, "A host, or the path of a local socket"),
    key("port", Text, "The driver's own unless it is said"),
    key("database", Text, "Its name"),
    key("user", Text, "User"),
    key("password", Text, "Password"),
];
pub(super) static SQL: Definition = Definition {
    name: "sql",
    doc: "Which database.",
    body: Body::Tagged {
        tag: "driver",
        doc: "The kind of database",
        default: None,
        shared: &[SHARED],
        variants: &[
            variant("postgres", "PostgreSQL", &[SERVER]),
            variant("mysql", "MySQL or MariaDB", &[SERVER]),
            variant("sqlite", "A file", &[&[must("file", Text, "Its path")]]),
        ],
    },
};
static TIMEOUTS: Definition = map(
    "sql_timeouts",
    "How long to wait.",
    &[&[key("connect", Duration, "For a connection"), key("statement", Duration, "For a statement")]],
);
static ERROR: Definition = map(
    "sql_error",
    "A code of the database.",
    &[&[
        must("code", Text, "SQLSTATE, MySQL's number, SQLite's extended code"),
        must("class", CLASS, "What it means"),
        key("message", Text, "In words"),
    ]],
);

pub(super) static SQL_READ: &[Key] = &[
    must("query", Text, "Parameters :cursor, :after.<column>, :limit, :settings.<name>"),
    key("cursor", Of(&CURSOR), "What the next read starts from"),
    key("outbox", Of(&OUTBOX), "A table that is emptied"),
    key("after", Named(&Text), "Columns that tell rows of one cursor value apart, with a value below all others"),
    key("page", Whole, "Rows of a page"),
    key("json", TEXTS, "Text columns that hold JSON"),
    key("get", Text, "One record; parameters :key and :settings.<name>"),
    key("every", Duration, "How often"),
];
static OUTBOX: Definition = map(
    "outbox",
    "A table of what is to be sent.",
    &[&[
        must("done", Text, "Run for each row; parameters :row.<column> and :settings.<name>"),
        key("payload", Text, "The column that holds the record as JSON; absent: the row is the record"),
    ]],
);
pub(super) static SQL_WRITE: &[Key] = &[
    key("create", Of(&OPERATION), "A record that is not there yet"),
    key("update", Of(&OPERATION), "A record by its key"),
    key("upsert", Of(&OPERATION), "Created or changed"),
    key("set", Of(&OPERATION), "A state"),
    key("delete", Of(&OPERATION), "A record that goes"),
];
static OPERATION: Definition = map(
    "sql_operation",
    "All statements are one transaction.",
    &[&[
        must("statements", List(&Of(&STATEMENT)), "In their order"),
        key("id", Text, "The vendor's id, over settings, record, key, steps"),
        key("version", Text, "Its version"),
        key("idempotency", Of(&IDEMPOTENCY), "Why a repetition has no second effect; a create needs it"),
    ]],
);
static STATEMENT: Definition = map(
    "sql_statement",
    "One statement.",
    &[&[
        key("name", Text, "Its first row is {steps.<name>}"),
        must("sql", Text, "With parameters :name"),
        key("with", Named(&Either(&[Text, Of(&VALUE)])), "Values of its parameters"),
        key("each", Text, "A list in the record: run for each element, as `item`"),
        key("rows", Text, "How many rows it concerns: 1, or 1..2"),
        key("class", CLASS, "What it means when there are fewer"),
        key("message", Text, "In words"),
    ]],
);
static VALUE: Definition = map(
    "sql_value",
    "A value and what it becomes.",
    &[&[must("value", Text, "The value"), key("as", Words(words::<SqlValueKind>), "What it becomes")]],
);
static IDEMPOTENCY: Definition = Definition {
    name: "sql_idempotency",
    doc: "Why doing the operation again does not repeat its effect.",
    body: Body::Tagged {
        tag: "scheme",
        doc: "By what",
        default: None,
        shared: &[],
        variants: &[
            variant("natural", "The statements state a result", &[]),
            variant(
                "lookup",
                "Asked before the first attempt and after every unknown outcome",
                &[&[
                    must("query", Text, "The question"),
                    key("with", Named(&Either(&[Text, Of(&VALUE)])), "Values of its parameters"),
                    must("id", Text, "The column with the object's id"),
                ]],
            ),
            variant(
                "key",
                "A table of keys in the same database",
                &[&[
                    must("claim", Text, "Concerns a row exactly when :idempotency_key is new"),
                    key("found", Text, "What the first time made"),
                    must("ttl", Duration, "How long keys stay"),
                ]],
            ),
        ],
    },
};
pub(super) static SQL_CHECK: &[Key] =
    &[must("query", Text, "What is asked"), key("shows", Text, "Over `record`: whom we are talking to")];
