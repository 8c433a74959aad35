//! Reading a stream by asking: the list with its cursor, and one record by key.
//!
//! Not here: the walk, and the rule that a cursor moves only together with the rows it covers.

use std::time::Duration;

use crate::config::yaml::{Context, Decode, Entry, MapReader, Node, Percent, Spanned};

use super::list_path::ListPath;
use super::pages::Pages;
use super::request::Request;
use super::time_text::TimeText;
use crate::mapping::expr::{Expression, Path, Template};

#[derive(Debug, Clone)]
pub struct HttpRead {
    /// Sees `settings` and `cursor`.
    pub request: Request,
    /// The list in the body; `None`: the body is the list.
    pub records: Option<Spanned<ListPath>>,
    /// Each record is a webhook body (an event list): topic, record, key and dedupe come from the webhook rules, so that an
    /// event that was both delivered and listed counts once.
    pub as_webhook: bool,
    pub pages: Pages,
    pub order: ReadOrder,
    /// The longest range of time that the vendor answers for: `{cursor}` to `{until}`. Windows are read in order up to now.
    pub window: Option<Duration>,
    pub cursor: Cursor,
    pub every: Duration,
}

crate::choice! {
    /// The order in which the list comes. Only an ascending walk may save its cursor half-way.
    pub enum ReadOrder ("order") {
        Ascending = "ascending",
        Descending = "descending",
        Unordered = "unordered",
    }
}

/// What the next read starts from. `{cursor}` stands for it in the request; on the first read, when there is none and no
/// `start`, every query parameter that mentions `{cursor}` is left out.
#[derive(Debug, Clone)]
pub struct Cursor {
    pub kind: CursorKind,
    /// Where the value is: in a record, or for `token` in the body. `None` only for `snapshot`.
    pub field: Option<Spanned<Path>>,
    /// Read again this far back, for records that became visible late. Only for `time` and `unix`.
    pub overlap: Duration,
    /// The value of the first read.
    pub start: Option<Spanned<Template>>,
    /// Only for `id`: how long a number that is missing may still appear, since numbers are given before records become
    /// visible. Reading goes back to before it until then.
    pub gap_wait: Duration,
    /// Only for `snapshot`: records that a complete walk no longer shows are deleted, as long as they are at most this share of
    /// the known ones; more is held for a person. `None`: deletions are not looked for.
    pub deletions: Option<Percent>,
    /// How the vendor writes the time, where it is not RFC 3339. Only for `time`; what is stored is RFC 3339 all the same.
    pub time: Option<TimeText>,
    /// How the question writes it, where it is otherwise.
    pub send_as: Option<TimeText>,
}

crate::choice! {
    pub enum CursorKind ("cursor kind") {
        /// RFC 3339 text, or as `format` says; compared as instants.
        Time = "time",
        /// Seconds since 1970.
        Unix = "unix",
        /// Grows with every new record.
        Id = "id",
        /// Opaque; given back as received.
        Token = "token",
        /// An address in the body of the last page (`field`), from which the next walk begins; one that has expired (410) starts
        /// the walk afresh.
        DeltaLink = "delta_link",
        /// No cursor: every read is complete, changes and deletions are found by comparing.
        Snapshot = "snapshot",
    }
}

/// Another list whose records name records of this stream, which are then read by their key: children whose change marks
/// their parent, movements that mark a stock level.
#[derive(Debug, Clone)]
pub struct Hint {
    pub name: Spanned<String>,
    /// Over the hint's `record`: the key in this stream.
    pub key: Spanned<Template>,
    pub read: HttpRead,
}

/// What belongs to a record and is read by requests of its own, for everything that comes through `read` and `get`.
#[derive(Debug, Clone)]
pub struct Children {
    /// Sees `settings`, `parent` and `page`.
    pub request: Request,
    pub records: Option<Spanned<ListPath>>,
    pub pages: Pages,
    /// The parent's member that holds them.
    pub as_field: String,
    /// Over `parent`: whether it has any; a parent without gets an empty list.
    pub when: Option<Spanned<Expression>>,
}

impl Hint {
    pub(super) fn read(entry: &Entry, cx: &Context) -> Option<Self> {
        let name = cx.spanned(entry.key.clone(), entry.key_span);
        let map = cx.map(&entry.value, format!("hint `{}`", entry.key))?;
        let (key, read) = (map.required("key"), HttpRead::read(&map));
        if map.has("as_webhook") {
            map.error("as_webhook", "a hint is only a key", "remove it; events are read by the stream's `read`");
        }
        map.finish();
        Some(Self { name, key: key?, read: read? })
    }
}

impl Decode for Children {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "children")?;
        let request = Request::read(&map);
        let (records, as_field, when) = (map.optional("records"), map.required("as"), map.optional("when"));
        let pages = if map.has("pages") { map.optional("pages") } else { Some(Pages::Single) };
        map.finish();
        Some(Self { request: request?, records, pages: pages?, as_field: as_field?, when })
    }
}

/// One record by its key; 404 means that it does not exist.
#[derive(Debug, Clone)]
pub struct Get {
    /// Sees `settings` and `key`.
    pub request: Request,
    /// The record in the body; `None`: the body is the record.
    pub record: Option<Spanned<Path>>,
}

impl HttpRead {
    pub(super) fn read(map: &MapReader<'_>) -> Option<Self> {
        let (request, records) = (map.required("request"), map.optional("records"));
        let as_webhook = map.or("as_webhook", false);
        let pages = if map.has("pages") { map.optional("pages") } else { Some(Pages::Single) };
        let order = map.or("order", ReadOrder::Unordered);
        let (cursor, every) = (map.required("cursor"), map.or("every", Duration::from_secs(60)));
        let window = map.optional::<Duration>("window");
        if let (Some(window), Some(cursor)) = (window, cursor.as_ref()) {
            let cursor: &Cursor = cursor;
            if !matches!(cursor.kind, CursorKind::Time | CursorKind::Unix) {
                map.error(
                    "window",
                    "only time has windows",
                    "use `cursor: { kind: time }` or `unix`, or remove `window`",
                );
            } else if cursor.start.is_none() {
                let help = "add `start` to the cursor, such as `start: \"{settings.since}\"`";
                map.error("window", "the first window begins nowhere", help);
            } else if window <= cursor.overlap || window < Duration::from_secs(60) {
                map.error("window", "windows have to get ahead", "write at least `1m`, and more than the `overlap`");
            }
        }
        if every < Duration::from_secs(1) {
            map.error("every", "polling faster than once a second is refused", "write `every: 1s` or more");
        }
        Some(Self { request: request?, records, as_webhook, pages: pages?, order, window, cursor: cursor?, every })
    }
}

impl Decode for Cursor {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "cursor")?;
        let kind = map.required("kind");
        let (field, start) = (map.optional("field"), map.optional("start"));
        let overlap = map.or("overlap", Duration::ZERO);
        let (gap_wait, deletions) = (map.or("gap_wait", Duration::ZERO), map.optional("deletions"));
        let (time, send_as) = (TimeText::read(&map), TimeText::read_as(&map, "send_as"));
        if map.has("zone") && !map.has("format") && !map.has("send_as") {
            map.error("zone", "a zone of what?", "add `format`, such as `format: \"%Y-%m-%d %H:%M:%S\"`");
        }
        if let Some(kind) = kind {
            if !matches!(kind, CursorKind::Time) && (map.has("format") || map.has("send_as")) {
                map.error("kind", "only a time has a format", "use `kind: time`, or remove `format`");
            }
            let needs_field = !matches!(kind, CursorKind::Snapshot);
            if needs_field && !map.has("field") {
                map.missing("field");
            }
            if !needs_field && (map.has("field") || map.has("start")) {
                map.error(
                    "field",
                    "a snapshot has no cursor field or start",
                    "remove `field` and `start`, or choose another kind",
                );
            }
            if !matches!(kind, CursorKind::Time | CursorKind::Unix) && !overlap.is_zero() {
                map.error("overlap", "an overlap needs a time", "remove it, or use `kind: time` or `kind: unix`");
            }
            if !matches!(kind, CursorKind::Id) && map.has("gap_wait") {
                map.error("gap_wait", "only numbers have gaps", "remove it, or use `kind: id`");
            }
            if !matches!(kind, CursorKind::Snapshot) && map.has("deletions") {
                let help = "remove it, or use `kind: snapshot`";
                map.error("deletions", "only a complete walk shows what is gone", help);
            }
        }
        map.finish();
        Some(Self { kind: kind?, field, overlap, start, gap_wait, deletions, time, send_as })
    }
}

impl Decode for Get {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "get")?;
        let request = Request::read(&map);
        let record = map.optional("record");
        map.finish();
        Some(Self { request: request?, record })
    }
}
