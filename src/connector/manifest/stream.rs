//! One kind of record of a connector: what it is, how it is told apart and aged, and the ways in and out.
//!
//! Not here: the fields (mappings).

use crate::config::yaml::{Context, Decode, Kind, Node, Spanned, suggest};

use super::file::{FileRead, FileWrite};
use super::list_path::ListPath;
use super::process::{ProcessRead, ProcessWrite};
use super::read::{Children, Get, Hint, HttpRead};
use super::request::Request;
use super::sql_stream::{SqlRead, SqlWrite};
use super::time_text::TimeText;
use super::webhook::StreamWebhook;
use super::write::HttpWrite;
use crate::mapping::expr::{Expression, Path, Template};
use crate::model::Entity;

#[derive(Debug, Clone)]
pub struct Stream {
    pub name: Spanned<String>,
    pub title: Option<String>,
    pub entity: StreamEntity,
    /// The mapping's name when it is not `<connector>/<entity>`.
    pub mapping: Option<Spanned<String>>,
    /// The vendor's id of a record; sees what `version` sees. `None` only for streams that are written and never read.
    pub key: Option<Spanned<Template>>,
    pub version: VersionRule,
    /// When it happened, by the vendor's clock.
    pub occurred_at: Option<TimeRule>,
    /// One body record becomes several.
    pub explode: Option<Explode>,
    /// What the list leaves out is read by ids and joined in; for everything that comes through `read` and `get`.
    pub enrich: Option<Enrich>,
    /// What belongs to a record and is read by requests of its own.
    pub children: Vec<Children>,
    /// Other lists that tell which records to read again.
    pub hints: Vec<Hint>,
    /// Over a read `record`: whether it says that the record is gone (see `gone_when`).
    pub deleted: Option<Spanned<Expression>>,
    pub read: Option<Read>,
    pub get: Option<Get>,
    pub webhook: Option<StreamWebhook>,
    pub write: Option<Write>,
    /// Fields of the vendor's record that change because of our own writes: a record that differs in nothing else is our echo.
    pub echo: Vec<Spanned<Path>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEntity {
    One(Entity),
    /// A sink that takes whatever a flow brings, in canonical form.
    Any,
}

#[derive(Debug, Clone)]
pub struct VersionRule {
    pub kind: VersionKind,
    /// Over `record` (in files also `header` and `file`, in what is only pushed also `body`); `None` exactly when the kind is `none`.
    pub value: Option<Spanned<Template>>,
    /// How the vendor writes it, where a timestamp is not RFC 3339.
    pub time: Option<TimeText>,
}

/// When something happened: a template, or `{ value, format, zone }`.
#[derive(Debug, Clone)]
pub struct TimeRule {
    /// RFC 3339, or a Unix time in seconds or milliseconds, unless `time` says otherwise.
    pub value: Spanned<Template>,
    pub time: Option<TimeText>,
}

crate::choice! {
    pub enum VersionKind ("version kind") {
        /// RFC 3339 text, or as `format` says.
        Timestamp = "timestamp",
        /// Seconds since 1970.
        Unix = "unix",
        /// A number that grows with every change.
        Sequence = "sequence",
        /// The vendor tells none: the moment at which reading began stands in, so such records are read, not believed from pushes.
        None = "none",
    }
}

/// The elements of `list` become records of their own: each is the outer record without `list`, with the element as member `as_field`.
#[derive(Debug, Clone)]
pub struct Explode {
    pub list: Spanned<Path>,
    pub as_field: String,
}

/// Records whose `by` equals the `id` of an element of the answer get that element as member `as_field`; a record without
/// such an element stays without the member. Up to `batch` ids per request.
#[derive(Debug, Clone)]
pub struct Enrich {
    /// Sees `settings` and `ids` (joined by commas).
    pub request: Request,
    pub records: Option<Spanned<ListPath>>,
    pub id: Spanned<Path>,
    pub by: Spanned<Path>,
    pub as_field: String,
    pub batch: u32,
}

#[derive(Debug, Clone)]
pub enum Read {
    Http(Box<HttpRead>),
    File(Box<FileRead>),
    Process(Box<ProcessRead>),
    Sql(Box<SqlRead>),
}

#[derive(Debug, Clone)]
pub enum Write {
    Http(HttpWrite),
    File(Box<FileWrite>),
    Process(Box<ProcessWrite>),
    Sql(Box<SqlWrite>),
}

/// The mapping name of streams that speak the canonical form themselves.
const CANONICAL: &str = "canonical";

impl Stream {
    /// The mapping that the stream's records pass (`shop/order`, a key of the registry); `None` when they are canonical already.
    pub fn mapping_name(&self, connector: &str) -> Option<String> {
        match (&self.mapping, self.entity) {
            (Some(name), _) if name.as_str() == CANONICAL => None,
            (Some(name), _) => Some(name.value.clone()),
            (None, StreamEntity::Any) => None,
            (None, StreamEntity::One(entity)) => Some(format!("{connector}/{entity}")),
        }
    }

    /// Records come from here by asking, by push or by file.
    pub fn is_source(&self) -> bool {
        self.read.is_some() || self.webhook.is_some() || !self.hints.is_empty()
    }

    pub fn is_sink(&self) -> bool {
        self.write.is_some()
    }

    pub fn file_read(&self) -> Option<&FileRead> {
        match &self.read {
            Some(Read::File(read)) => Some(read),
            Some(Read::Http(_) | Read::Process(_) | Read::Sql(_)) | None => None,
        }
    }

    pub fn http_read(&self) -> Option<&HttpRead> {
        match &self.read {
            Some(Read::Http(read)) => Some(read),
            Some(Read::File(_) | Read::Process(_) | Read::Sql(_)) | None => None,
        }
    }

    pub fn process_read(&self) -> Option<&ProcessRead> {
        match &self.read {
            Some(Read::Process(read)) => Some(read),
            Some(Read::Http(_) | Read::File(_) | Read::Sql(_)) | None => None,
        }
    }

    pub fn process_write(&self) -> Option<&ProcessWrite> {
        match &self.write {
            Some(Write::Process(write)) => Some(write),
            Some(Write::Http(_) | Write::File(_) | Write::Sql(_)) | None => None,
        }
    }

    pub fn sql_read(&self) -> Option<&SqlRead> {
        match &self.read {
            Some(Read::Sql(read)) => Some(read),
            Some(Read::Http(_) | Read::File(_) | Read::Process(_)) | None => None,
        }
    }

    pub fn sql_write(&self) -> Option<&SqlWrite> {
        match &self.write {
            Some(Write::Sql(write)) => Some(write),
            Some(Write::Http(_) | Write::File(_) | Write::Process(_)) | None => None,
        }
    }

    /// Whether one record can be asked for by its key.
    pub fn can_fetch(&self) -> bool {
        self.get.is_some()
            || self.process_read().is_some_and(|read| read.fetch)
            || self.sql_read().is_some_and(|read| read.get.is_some())
    }

    /// What says of a read record that it is gone; programs have it beside what they are asked.
    pub fn gone_when(&self) -> Option<&Expression> {
        let asked = self.process_read().and_then(|read| read.deleted.as_deref());
        asked.or(self.deleted.as_deref())
    }

    /// How often the stream is read, where it is read at intervals.
    pub fn read_every(&self) -> Option<std::time::Duration> {
        self.read.as_ref().map(|read| match read {
            Read::Http(read) => read.every,
            Read::File(read) => read.every,
            Read::Process(read) => read.every,
            Read::Sql(read) => read.every,
        })
    }

    pub(super) fn decode(name: Spanned<String>, node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, format!("stream `{}`", *name))?;
        let (title, entity, mapping) = (map.optional("title"), map.required("entity"), map.optional("mapping"));
        let (key, occurred_at) = (map.optional("key"), map.optional("occurred_at"));
        let version = map.or("version", VersionRule::none());
        let (explode, enrich) = (map.optional("explode"), map.optional("enrich"));
        let (read, get) = (map.optional("read"), map.optional("get"));
        let (webhook, write) = (map.optional("webhook"), map.optional("write"));
        let (children, deleted) = (map.list("children"), map.optional("deleted"));
        let hints = map.node("hints").map_or(Some(Vec::new()), |node| cx.named(node, "hints", Hint::read));
        let echo = map.list("echo");
        if !["read", "hints", "webhook", "write"].into_iter().any(|key| map.has(key)) {
            let help = "add `read`, `hints`, `webhook` or `write`";
            cx.error(map.span(), format!("stream `{}` neither brings nor takes records", *name), help);
        }
        if (map.has("read") || map.has("hints") || map.has("webhook")) && !map.has("key") {
            map.missing("key");
        }
        map.finish();
        let entity = entity?;
        Some(Self {
            name,
            title,
            entity,
            mapping,
            key,
            version,
            occurred_at,
            explode,
            enrich,
            children,
            hints: hints.unwrap_or_default().into_iter().map(|(_, hint)| hint).collect(),
            deleted,
            read,
            get,
            webhook,
            write,
            echo,
        })
    }
}

impl Decode for StreamEntity {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        if node.as_str() == Some("any") {
            return Some(Self::Any);
        }
        if let Some(entity) = node.as_str().and_then(Entity::parse) {
            return Some(Self::One(entity));
        }
        let known: Vec<&str> = Entity::ALL.iter().map(|entity| entity.as_str()).chain(["any"]).collect();
        let message = format!("{} is not a known entity", node.describe());
        cx.error(node.span, message, suggest(node.as_str().unwrap_or_default(), &known));
        None
    }
}

impl Decode for VersionRule {
    /// A bare template is a timestamp; `none` stands for itself.
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        match &node.kind {
            Kind::Scalar(scalar) if scalar.text == "none" => Some(Self::none()),
            Kind::Scalar(_) | Kind::Seq(_) => {
                let value = Spanned::<Template>::decode(node, cx)?;
                Some(Self { kind: VersionKind::Timestamp, value: Some(value), time: None })
            }
            Kind::Map(_) => {
                let map = cx.map(node, "version")?;
                let time = TimeText::read(&map);
                let kind =
                    if map.has("format") { Some(map.or("kind", VersionKind::Timestamp)) } else { map.required("kind") };
                let value = map.optional("value");
                if kind.is_some_and(|kind| !matches!(kind, VersionKind::Timestamp)) && map.has("format") {
                    map.error("kind", "only a timestamp has a format", "remove `kind`, or `format`");
                }
                if map.has("zone") && !map.has("format") {
                    map.error("zone", "a zone of what?", "add `format`, such as `format: \"%Y-%m-%d %H:%M:%S\"`");
                }
                if let Some(kind) = kind
                    && map.has("value") == matches!(kind, VersionKind::None)
                {
                    let help = "kinds timestamp, unix and sequence need `value`; kind none has no value";
                    map.error("kind", "version kind and value do not fit together", help);
                }
                map.finish();
                Some(Self { kind: kind?, value, time })
            }
        }
    }
}

impl VersionRule {
    fn none() -> Self {
        Self { kind: VersionKind::None, value: None, time: None }
    }
}

impl Decode for TimeRule {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        match &node.kind {
            Kind::Scalar(_) | Kind::Seq(_) => Some(Self { value: Spanned::decode(node, cx)?, time: None }),
            Kind::Map(_) => {
                let map = cx.map(node, "a time")?;
                let (value, time) = (map.required("value"), TimeText::read(&map));
                if !map.has("format") {
                    map.missing("format");
                }
                map.finish();
                Some(Self { value: value?, time })
            }
        }
    }
}

impl Decode for Explode {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "explode")?;
        let (list, as_field) = (map.required("list"), map.required("as"));
        map.finish();
        Some(Self { list: list?, as_field: as_field? })
    }
}

impl Decode for Enrich {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "enrich")?;
        let request = Request::read(&map);
        let (records, id, by) = (map.optional("records"), map.required("id"), map.required("by"));
        let (as_field, batch) = (map.required("as"), map.or("batch", 50));
        if batch == 0 {
            map.error("batch", "a batch of 0 ids", "write at least 1");
        }
        map.finish();
        Some(Self { request: request?, records, id: id?, by: by?, as_field: as_field?, batch })
    }
}

/// `from: http` (the default), `file`, `process` or `sql` decides which keys are read.
impl Decode for Read {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "read")?;
        let read = match map.or("from", Transport::Http) {
            Transport::Http => HttpRead::read(&map).map(|read| Self::Http(Box::new(read))),
            Transport::File => FileRead::read(&map).map(|read| Self::File(Box::new(read))),
            Transport::Process => ProcessRead::read(&map).map(|read| Self::Process(Box::new(read))),
            Transport::Sql => SqlRead::read(&map).map(|read| Self::Sql(Box::new(read))),
        };
        map.finish();
        read
    }
}

impl Decode for Write {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "write")?;
        let write = match map.or("to", Transport::Http) {
            Transport::Http => HttpWrite::read(&map).map(Self::Http),
            Transport::File => FileWrite::read(&map).map(|write| Self::File(Box::new(write))),
            Transport::Process => ProcessWrite::read(&map).map(|write| Self::Process(Box::new(write))),
            Transport::Sql => SqlWrite::read(&map).map(|write| Self::Sql(Box::new(write))),
        };
        map.finish();
        write
    }
}

crate::choice! {
    enum Transport ("transport") { Http = "http", File = "file", Process = "process", Sql = "sql" }
}
