//! The whole manifest, and the one door to it: text in, a checked manifest or every problem out.
//!
//! Not here: where the text comes from (`registry`).

use std::sync::Arc;
use std::time::Duration;

use crate::config::yaml::{ByteSize, Context, Decode, Diagnostics, MapReader, Node, Source, Spanned, parse};

use super::auth::{Auth, OutgoingSignature};
use super::auth_choice;
use super::errors::ErrorRule;
use super::handshake::{Csrf, Tls};
use super::process::Process;
use super::rate::RateLimit;
use super::request::{Fields, Request, fields};
use super::settings::Setting;
use super::sql::{Sql, SqlCheck};
use super::stream::Stream;
use super::webhook::Webhooks;
use super::wrapper::Wrapper;
use crate::mapping::expr::{Expression, Template};

#[derive(Debug, Clone)]
pub struct Manifest {
    /// The connector's name: lower-case letters, digits, `-`; the folder's name.
    pub name: Spanned<String>,
    pub title: String,
    pub description: Option<String>,
    /// Under which heading the catalogue has it.
    pub category: Option<Category>,
    pub settings: Vec<Setting>,
    pub http: Option<Http>,
    pub process: Option<Process>,
    pub sql: Option<Sql>,
    pub check: Option<Check>,
    /// The check of a database: a `check` with a `query`.
    pub sql_check: Option<SqlCheck>,
    pub webhooks: Option<Webhooks>,
    pub streams: Vec<Stream>,
}

crate::choice! {
    /// What kind of system a connector is for.
    pub enum Category ("category") {
        Storefront = "storefront",
        Erp = "erp",
        Crm = "crm",
        Payments = "payments",
        Bank = "bank",
        Edi = "edi",
        Files = "files",
        Database = "database",
        Events = "events",
        Sandbox = "sandbox",
    }
}

/// What all requests of a connector share. Templates see `settings`.
#[derive(Debug, Clone)]
pub struct Http {
    pub base_url: Spanned<Template>,
    pub auth: Auth,
    pub csrf: Option<Csrf>,
    pub tls: Option<Tls>,
    pub signature: Option<OutgoingSignature>,
    pub headers: Fields,
    pub rate_limit: RateLimit,
    /// First match wins; the engine's table covers what none matches.
    pub errors: Vec<ErrorRule>,
    /// Over `status`, `headers`, `body`: what an accepted answer must say to count as a success, where the status does not tell.
    /// A request's own `success` takes its place.
    pub success: Option<Spanned<Expression>>,
    pub wrappers: Vec<Wrapper>,
    pub timeouts: Timeouts,
    /// A larger answer is refused while it arrives.
    pub body_cap: ByteSize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Duration,
    /// From the first byte sent to the last byte received.
    pub request: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), request: Duration::from_secs(30) }
    }
}

/// The read that proves that settings, network and rights are good.
#[derive(Debug, Clone)]
pub struct Check {
    pub request: Request,
    /// Over `body`: whom we are talking to, shown to the person who checks.
    pub shows: Option<Spanned<Template>>,
}

impl Manifest {
    /// Everything that is wrong, at once.
    pub fn parse(source: &Arc<Source>) -> Result<Self, Diagnostics> {
        let node = parse(source).map_err(Diagnostics::from)?;
        let cx = Context::new(source);
        let manifest = Self::decode(&node, &cx);
        if let Some(manifest) = &manifest {
            super::check::check(manifest, &node, &cx);
        }
        cx.finish().into_result(manifest)
    }

    pub fn stream(&self, name: &str) -> Option<&Stream> {
        self.streams.iter().find(|stream| *stream.name == name)
    }

    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| *setting.name == name)
    }

    /// Streams that an event of this topic concerns.
    pub fn streams_for_topic<'m>(&'m self, topic: &'m str) -> impl Iterator<Item = &'m Stream> {
        let names =
            move |stream: &&Stream| stream.webhook.as_ref().is_some_and(|webhook| webhook.topic(topic).is_some());
        self.streams.iter().filter(names)
    }
}

/// Decodes as much as it can: a broken stream does not hide what is wrong in the next.
impl Decode for Manifest {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "manifest")?;
        let name = map.required("connector");
        let (title, description) = (map.required("title"), map.optional("description"));
        let category = map.optional("category");
        let mut settings = map.node("settings").map(|node| Setting::decode_all(node, cx)).unwrap_or_default();
        auth_choice::narrow(&mut settings, node);
        let (http, webhooks) = (map.optional("http"), map.optional("webhooks"));
        let asks_database = map.node("check").is_some_and(|check| check.get("query").is_some() && map.has("sql"));
        let (check, sql_check) =
            if asks_database { (None, map.optional("check")) } else { (map.optional("check"), None) };
        let (process, sql) = (map.optional("process"), map.optional("sql"));
        let streams = streams(&map);
        map.finish();
        let (name, title) = (name?, title?);
        Some(Self {
            name,
            title,
            description,
            category,
            settings,
            http,
            process,
            sql,
            check,
            sql_check,
            webhooks,
            streams,
        })
    }
}

fn streams(map: &MapReader<'_>) -> Vec<Stream> {
    let Some(node) = map.node("streams") else {
        map.missing("streams");
        return Vec::new();
    };
    let read = |entry: &crate::config::yaml::Entry, cx: &Context| {
        Stream::decode(cx.spanned(entry.key.clone(), entry.key_span), &entry.value, cx)
    };
    let found = map.context().named(node, "streams", read).unwrap_or_default();
    found.into_iter().map(|(_, stream)| stream).collect()
}

impl Decode for Http {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "http")?;
        let base_url = map.required("base_url");
        let auth = if map.has("auth") { map.optional("auth") } else { Some(Auth::None) };
        let (csrf, tls, signature) = (map.optional("csrf"), map.optional("tls"), map.optional("signature"));
        let headers = map.node("headers").and_then(|node| fields(node, cx)).unwrap_or_default();
        let rate_limit = map.or("rate_limit", RateLimit::default());
        let (errors, timeouts) = (map.list("errors"), map.or("timeouts", Timeouts::default()));
        let (success, wrappers) = (map.optional("success"), map.list("wrappers"));
        let body_cap = map.or("body_cap", ByteSize { bytes: 32 << 20 });
        map.finish();
        Some(Self {
            base_url: base_url?,
            auth: auth?,
            csrf,
            tls,
            signature,
            headers,
            rate_limit,
            errors,
            success,
            wrappers,
            timeouts,
            body_cap,
        })
    }
}

impl Decode for Timeouts {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "timeouts")?;
        let default = Self::default();
        let timeouts =
            Self { connect: map.or("connect", default.connect), request: map.or("request", default.request) };
        map.finish();
        Some(timeouts)
    }
}

impl Decode for Check {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "check")?;
        let request = Request::read(&map);
        let shows = map.optional("shows");
        map.finish();
        Some(Self { request: request?, shows })
    }
}
