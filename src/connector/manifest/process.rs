//! Streams that a program of the connector's own brings or takes: what is started, within which limits, and what a stream asks of it.
//!
//! Not here: starting it and talking to it (`connector::process`). Singer taps and targets stand in the same section, because
//! command, environment, limits and deadlines are the same; only the language spoken differs (`protocol`).

use std::time::Duration;

use crate::config::yaml::{ByteSize, Context, Decode, MapReader, Node, Place, Spanned};

use super::body::JsonTemplate;
use super::file::Batch;
use super::request::{Fields, fields};
use super::write::OpKind;
use crate::mapping::expr::{Expression, Template};

#[derive(Debug, Clone)]
pub struct Process {
    /// The program and its arguments; sees `settings` without secrets, which an argument would show to everybody on the
    /// machine. `./name` is a file of the connector's folder.
    pub command: Vec<Spanned<Template>>,
    pub protocol: ProcessProtocol,
    /// All of its environment besides `PATH`, `HOME`, `TMPDIR` and `LANG`; sees `settings` without secrets.
    pub env: Fields,
    /// For Singer: the content of its configuration file; sees `settings`. `None`: the settings themselves.
    pub config: Option<JsonTemplate>,
    pub catalog: TapCatalog,
    /// How long what a tap discovered is used before it is asked anew; by default it is asked before every read, because a
    /// catalogue that is behind its source leaves fields out.
    pub discover_every: Duration,
    pub limits: ProcessLimits,
    pub timeouts: ProcessTimeouts,
    pub place: Place,
}

crate::choice! {
    /// What is spoken over standard input and output.
    pub enum ProcessProtocol ("protocol") {
        /// The hub's own: docs/plugins.md.
        Syncline = "syncline",
        SingerTap = "singer_tap",
        SingerTarget = "singer_target",
    }
}

crate::choice! {
    /// How a Singer tap is told which streams are wanted.
    pub enum TapCatalog ("catalog") {
        /// `--discover`, then `--catalog`.
        Discover = "discover",
        /// `--discover`, then `--properties`: taps of the older kind.
        Properties = "properties",
        /// The tap has no catalogue and emits all that it has.
        None = "none",
    }
}

/// What a run may use. Limits of the operating system hold per process, so also for each child of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessLimits {
    /// Address space.
    pub memory: ByteSize,
    /// Processor time.
    pub cpu: Duration,
    pub open_files: u32,
    /// Size of any file it writes.
    pub file_size: ByteSize,
    /// One line of its output.
    pub line: ByteSize,
    /// All of its output in answer to one question.
    pub output: ByteSize,
    /// What it writes to standard error and the hub logs; the rest is counted.
    pub log: ByteSize,
}

impl Default for ProcessLimits {
    fn default() -> Self {
        Self {
            memory: ByteSize { bytes: 2 << 30 },
            cpu: Duration::from_secs(3600),
            open_files: 256,
            file_size: ByteSize { bytes: 1 << 30 },
            line: ByteSize { bytes: 8 << 20 },
            output: ByteSize { bytes: 1 << 30 },
            log: ByteSize { bytes: 256 << 10 },
        }
    }
}

/// Time that the hub waits for the program; while it does not listen, no clock runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessTimeouts {
    /// From the start to the greeting.
    pub start: Duration,
    /// Between two messages of an answer.
    pub silence: Duration,
    /// For a whole answer.
    pub call: Duration,
}

impl Default for ProcessTimeouts {
    fn default() -> Self {
        Self { start: Duration::from_secs(10), silence: Duration::from_secs(60), call: Duration::from_secs(3600) }
    }
}

#[derive(Debug, Clone)]
pub struct ProcessRead {
    /// The program's name of the stream where it is not the manifest's.
    pub stream: Option<String>,
    pub mode: ProcessReadMode,
    /// Whether the program answers `lookup` by key with the present record.
    pub fetch: bool,
    /// Over `record`: whether it says that the record is gone.
    pub deleted: Option<Spanned<Expression>>,
    /// For Singer taps: written into the catalogue for streams whose choice it leaves open.
    pub replication: Option<Replication>,
    pub every: Duration,
}

crate::choice! {
    pub enum ProcessReadMode ("read mode") {
        /// `read`: from a state to a state.
        Changes = "changes",
        /// `snapshot`: everything, every time.
        Snapshot = "snapshot",
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replication {
    pub method: ReplicationMethod,
    /// The field that grows with every change; `None` only for full tables.
    pub key: Option<String>,
}

crate::choice! {
    pub enum ReplicationMethod ("replication method") {
        Incremental = "incremental",
        FullTable = "full_table",
        LogBased = "log_based",
    }
}

#[derive(Debug, Clone)]
pub struct ProcessWrite {
    /// The program's name of the stream where it is not the manifest's.
    pub stream: Option<String>,
    pub operations: Vec<OpKind>,
    /// Why a repeated `create` has no second effect; `None` exactly when there is no `create`.
    pub create: Option<CreateSafety>,
    pub batch: Batch,
    /// For Singer targets: the record's fields that tell it apart.
    pub key: Vec<String>,
    /// For Singer targets: the stream's JSON Schema; `None` allows everything.
    pub schema: Option<JsonTemplate>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateSafety {
    /// The program remembers `idempotency_key` for `ttl`.
    Key {
        ttl: Duration,
    },
    /// It answers `lookup`.
    Lookup,
    Natural,
}

crate::choice! {
    enum Scheme ("idempotency scheme") { Key = "key", Lookup = "lookup", Natural = "natural" }
}

impl Decode for Process {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "process")?;
        let command: Option<Vec<Spanned<Template>>> = map.required("command");
        let protocol = map.or("protocol", ProcessProtocol::Syncline);
        let env = map.node("env").and_then(|node| fields(node, cx)).unwrap_or_default();
        let (config, catalog) = (map.optional("config"), map.or("catalog", TapCatalog::Discover));
        let discover_every = map.or("discover_every", Duration::ZERO);
        let (limits, timeouts) =
            (map.or("limits", ProcessLimits::default()), map.or("timeouts", ProcessTimeouts::default()));
        if command.as_ref().is_some_and(Vec::is_empty) {
            map.error("command", "an empty command", "write the program and its arguments: [python3, ./plugin.py]");
        }
        if map.has("config") && protocol == ProcessProtocol::Syncline {
            map.error(
                "config",
                "only Singer programs read a configuration file",
                "remove it; settings come in `hello`",
            );
        }
        if (map.has("catalog") || map.has("discover_every")) && protocol != ProcessProtocol::SingerTap {
            map.error("catalog", "only a Singer tap has a catalogue", "remove it, or write `protocol: singer_tap`");
        }
        map.finish();
        let place = cx.place(node.span);
        Some(Self { command: command?, protocol, env, config, catalog, discover_every, limits, timeouts, place })
    }
}

impl Decode for ProcessLimits {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "limits")?;
        let default = Self::default();
        let limits = Self {
            memory: map.or("memory", default.memory),
            cpu: map.or("cpu", default.cpu),
            open_files: map.or("open_files", default.open_files),
            file_size: map.or("file_size", default.file_size),
            line: map.or("line", default.line),
            output: map.or("output", default.output),
            log: map.or("log", default.log),
        };
        if limits.line.bytes > LONGEST_LINE || limits.line.bytes < SHORTEST_LINE {
            map.error("line", "a line is from 1KiB to 64MiB long", "it is held in memory as a whole");
        }
        if limits.open_files < FEWEST_FILES {
            map.error("open_files", "no program starts with fewer than 16 files", "write 16 or more");
        }
        map.finish();
        Some(limits)
    }
}

const SHORTEST_LINE: u64 = 1 << 10;
const LONGEST_LINE: u64 = 64 << 20;
const FEWEST_FILES: u32 = 16;

impl Decode for ProcessTimeouts {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "timeouts")?;
        let default = Self::default();
        let timeouts = Self {
            start: map.or("start", default.start),
            silence: map.or("silence", default.silence),
            call: map.or("call", default.call),
        };
        map.finish();
        Some(timeouts)
    }
}

impl ProcessRead {
    pub(super) fn read(map: &MapReader<'_>) -> Option<Self> {
        let (stream, mode) = (map.optional("stream"), map.or("mode", ProcessReadMode::Changes));
        let (fetch, deleted) = (map.or("fetch", false), map.optional("deleted"));
        let (replication, every) = (map.optional("replication"), map.or("every", Duration::from_secs(60)));
        if every < Duration::from_secs(1) {
            map.error("every", "polling faster than once a second is refused", "write `every: 1s` or more");
        }
        Some(Self { stream, mode, fetch, deleted, replication, every })
    }
}

impl Decode for Replication {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "replication")?;
        let (method, key) = (map.required("method"), map.optional("key"));
        if method == Some(ReplicationMethod::Incremental) && key.is_none() {
            map.missing("key");
        }
        map.finish();
        Some(Self { method: method?, key })
    }
}

impl ProcessWrite {
    pub(super) fn read(map: &MapReader<'_>) -> Option<Self> {
        let stream = map.optional("stream");
        let operations = map.or("operations", vec![OpKind::Upsert]);
        let create = map.optional("idempotency");
        let batch = map.or("batch", Batch { records: 1, every: Duration::ZERO });
        let (key, schema) = (map.list("key"), map.optional("schema"));
        let creates = operations.contains(&OpKind::Create);
        if creates && !map.has("idempotency") {
            let help = "add `idempotency:` with scheme key (the program remembers a key), lookup (it is asked before) or natural";
            map.error("operations", "a create without idempotency could create twice", help);
        }
        if !creates && map.has("idempotency") {
            let help =
                "remove it: update, upsert, set and delete state what is, so that repeating them changes nothing";
            map.error("idempotency", "only a create needs idempotency", help);
        }
        if operations.is_empty() {
            map.error("operations", "a write without operations", "add create, update, upsert, set or delete");
        }
        Some(Self { stream, operations, create, batch, key, schema })
    }
}

impl Decode for CreateSafety {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "idempotency")?;
        let safety = match map.required::<Scheme>("scheme")? {
            Scheme::Key => map.required("ttl").map(|ttl| Self::Key { ttl }),
            Scheme::Lookup => Some(Self::Lookup),
            Scheme::Natural => Some(Self::Natural),
        };
        map.finish();
        safety
    }
}
