//! What a manifest says about programs.
//!
//! Not here: their protocol (`connector::process`).

use super::shape::Shape::{Any, Duration, Flag, List, Of, Size, Text, Whole, Words};
use super::shape::{Body, Definition, FIELDS, Key, TEXTS, key, map, must, variant, words};
use crate::connector::manifest::{OpKind, ProcessProtocol, ProcessReadMode, ReplicationMethod, TapCatalog};

pub(super) static PROCESS: Definition = map(
    "process",
    "A program as a connector: docs/plugins.md.",
    &[&[
        must("command", TEXTS, "The program and its arguments"),
        key("protocol", Words(words::<ProcessProtocol>), "What it speaks"),
        key("env", FIELDS, "Its environment; nothing else is passed on"),
        key("config", Any, "A Singer program's configuration"),
        key("catalog", Words(words::<TapCatalog>), "How a tap gets its catalogue"),
        key("discover_every", Duration, "How long a discovered catalogue is good"),
        key("limits", Of(&LIMITS), "What it may use"),
        key("timeouts", Of(&TIMEOUTS), "How long to wait"),
    ]],
);
static LIMITS: Definition = map(
    "process_limits",
    "What the program may use.",
    &[&[
        key("memory", Size, "Address space"),
        key("cpu", Duration, "Processor time of a run"),
        key("open_files", Whole, "16 or more"),
        key("file_size", Size, "The largest file it writes"),
        key("line", Size, "1KiB to 64MiB"),
        key("output", Size, "Of a run"),
        key("log", Size, "Of a run"),
    ]],
);
static TIMEOUTS: Definition = map(
    "process_timeouts",
    "How long to wait.",
    &[&[
        key("start", Duration, "For its first word"),
        key("silence", Duration, "Between words"),
        key("call", Duration, "For an answer"),
    ]],
);
pub(super) static PROCESS_READ: &[Key] = &[
    key("stream", Text, "The program's name for it"),
    key("mode", Words(words::<ProcessReadMode>), "Changes, or all"),
    key("fetch", Flag, "Whether one record can be asked for by its key"),
    key("deleted", Text, "Over `record`: whether it says that the record is gone"),
    key("replication", Of(&REPLICATION), "A Singer tap's method"),
    key("every", Duration, "How often"),
];
static REPLICATION: Definition = map(
    "replication",
    "A Singer tap's method.",
    &[&[
        must("method", Words(words::<ReplicationMethod>), "Which"),
        key("key", Text, "The replication key of incremental"),
    ]],
);
pub(super) static PROCESS_WRITE: &[Key] = &[
    key("stream", Text, "The program's name for it"),
    key("operations", List(&Words(words::<OpKind>)), "What the program can do"),
    key("idempotency", Of(&IDEMPOTENCY), "Why a repeated create has no second effect"),
    key("batch", Of(&super::manifest_file::BATCH), "When a batch is complete"),
    key("key", TEXTS, "A Singer target's key properties"),
    key("schema", Any, "A Singer target's JSON Schema"),
];
static IDEMPOTENCY: Definition = Definition {
    name: "process_idempotency",
    doc: "Why a repeated create has no second effect.",
    body: Body::Tagged {
        tag: "scheme",
        doc: "By what",
        default: None,
        shared: &[],
        variants: &[
            variant("key", "The program remembers a key", &[&[must("ttl", Duration, "How long")]]),
            variant("lookup", "The program is asked before", &[]),
            variant("natural", "The program states a result", &[]),
        ],
    },
};
