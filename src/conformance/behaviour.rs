//! What a connector can claim by its manifest, as docs/conformance.md lists it.
//!
//! Not here: proving it (`run`).

use crate::config::yaml::Place;
use crate::connector::manifest::{Auth, CursorKind, HttpRead, Manifest, Pages, RateScheme, Read, Stream, Write};

crate::choice! {
    #[derive(PartialOrd, Ord)]
    pub enum Behaviour ("behaviour") {
        Agree = "agree",
        Check = "check",
        LogIn = "log-in",
        Pages = "pages",
        Shift = "shift",
        Resume = "resume",
        Get = "get",
        RetryAfter = "retry-after",
        Limits = "limits",
        Faults = "faults",
        WriteOnce = "write once",
        Errors = "errors",
        Signatures = "signatures",
        Events = "events",
        Subscriptions = "subscriptions",
        UnknownValues = "unknown values",
        Secrets = "secrets",
        Files = "files",
    }
}

impl Behaviour {
    pub fn all() -> impl Iterator<Item = Behaviour> {
        <Behaviour as crate::config::yaml::Choice>::ALL.iter().map(|(_, behaviour)| *behaviour)
    }
}

/// One thing that a fixture must prove.
pub(crate) type Claim = (Behaviour, String);

/// By which way a stream's records come and go: what the suite asks of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Http,
    Files,
    /// The program has its own tests: the hub's side of the door is the same for all of them.
    Process,
    /// Statements are asked of real servers by tests of their own: no stand-in speaks a database's protocol.
    Sql,
}

impl Transport {
    pub(crate) fn of_read(read: &Read) -> Self {
        match read {
            Read::Http(_) => Transport::Http,
            Read::File(_) => Transport::Files,
            Read::Process(_) => Transport::Process,
            Read::Sql(_) => Transport::Sql,
        }
    }

    pub(crate) fn of_write(write: &Write) -> Self {
        match write {
            Write::Http(_) => Transport::Http,
            Write::File(_) => Transport::Files,
            Write::Process(_) => Transport::Process,
            Write::Sql(_) => Transport::Sql,
        }
    }
}

/// What fixtures must prove. What the suite proves without them (agree, unknown values, secrets) claims nothing here.
pub(crate) fn claims(manifest: &Manifest) -> Vec<Claim> {
    let mut claims = Vec::new();
    if manifest.check.is_some() && manifest.http.is_some() {
        claims.push((Behaviour::Check, the_check()));
    }
    if let Some(http) = &manifest.http {
        // A token against forged requests is fetched by the writes that need it, and stands in their fixtures.
        if let Auth::Choose(choice) = &http.auth {
            for (way, auth) in &choice.ways {
                if logs_in(auth) {
                    claims.push((Behaviour::LogIn, way_of(&the_log_in(), way)));
                } else if manifest.check.is_some() {
                    claims.push((Behaviour::Check, way_of(&the_check(), way)));
                }
            }
        } else if logs_in(&http.auth) {
            claims.push((Behaviour::LogIn, the_log_in()));
        }
        if manifest.streams.iter().any(calls) || manifest.check.is_some() {
            claims.push((Behaviour::RetryAfter, a_call()));
            claims.push((Behaviour::Faults, a_call()));
        }
        let own = manifest.requests().into_iter().flat_map(|request| &request.errors);
        claims.extend(http.errors.iter().chain(own).map(|rule| (Behaviour::Errors, error_rule(&rule.place))));
    }
    if manifest.http.as_ref().is_some_and(|http| tells_limits(&http.rate_limit.scheme)) {
        claims.push((Behaviour::Limits, a_limit()));
    }
    if let Some(webhooks) = &manifest.webhooks {
        claims.push((Behaviour::Signatures, a_delivery()));
        if let Some(subscriptions) = &webhooks.subscriptions {
            claims.push((Behaviour::Subscriptions, one_missing()));
            claims.push((Behaviour::Subscriptions, all_there()));
            if subscriptions.renew.is_some() {
                claims.push((Behaviour::Subscriptions, one_to_renew()));
            }
            if !matches!(subscriptions.pages, Pages::Single) {
                claims.push((Behaviour::Subscriptions, several_pages()));
            }
        }
    }
    manifest.streams.iter().for_each(|stream| of_stream(stream, &mut claims));
    claims
}

/// Whether answers tell what is left; what only we count needs no vendor to prove it.
fn tells_limits(scheme: &RateScheme) -> bool {
    match scheme {
        RateScheme::Unlimited => false,
        RateScheme::LeakyBucket { usage_header, .. } => usage_header.is_some(),
        RateScheme::FixedWindow { remaining_header, reset_header, .. } => {
            remaining_header.is_some() || reset_header.is_some()
        }
        RateScheme::SlidingWindow { remaining_header, .. } => remaining_header.is_some(),
        RateScheme::Cost { left, .. } => left.is_some(),
    }
}

fn logs_in(auth: &Auth) -> bool {
    match auth {
        Auth::OAuth2(_) | Auth::Session(_) => true,
        Auth::None
        | Auth::Header { .. }
        | Auth::Query { .. }
        | Auth::Basic { .. }
        | Auth::Bearer { .. }
        | Auth::OAuth1(_)
        | Auth::Choose(_) => false,
    }
}

fn of_stream(stream: &Stream, claims: &mut Vec<Claim>) {
    let name = stream.name.as_str();
    if let Some(read) = stream.http_read() {
        of_list(&list(name, None), read, claims);
    }
    for hint in &stream.hints {
        of_list(&list(name, Some(&hint.name)), &hint.read, claims);
    }
    if stream.get.is_some() {
        claims.push((Behaviour::Get, one_record(name)));
    }
    if let Some(webhook) = &stream.webhook {
        claims.extend(webhook.topics.iter().map(|topic| (Behaviour::Events, topic_of(&topic.name, name))));
    }
    if let Some(read) = &stream.read {
        match Transport::of_read(read) {
            Transport::Files => claims.push((Behaviour::Files, file_in(name))),
            Transport::Http | Transport::Process | Transport::Sql => {}
        }
    }
    if let Some(write) = &stream.write {
        match (Transport::of_write(write), write) {
            (_, Write::Http(write)) => {
                let operations = write.operations.iter();
                claims.extend(
                    operations.map(|operation| (Behaviour::WriteOnce, operation_of(operation.kind.as_str(), name))),
                );
            }
            (Transport::Files, _) => claims.push((Behaviour::Files, file_out(name))),
            (
                Transport::Http | Transport::Process | Transport::Sql,
                Write::File(_) | Write::Process(_) | Write::Sql(_),
            ) => {}
        }
    }
}

fn of_list(name: &str, read: &HttpRead, claims: &mut Vec<Claim>) {
    match read.pages {
        Pages::Single => {}
        Pages::PageNumber { .. } | Pages::Offset { .. } => {
            claims.push((Behaviour::Pages, name.to_owned()));
            claims.push((Behaviour::Shift, name.to_owned()));
        }
        Pages::LinkHeader
        | Pages::NextUrl { .. }
        | Pages::LinkRelation { .. }
        | Pages::CursorToken { .. }
        | Pages::GraphQl { .. }
        | Pages::LastId { .. }
        | Pages::Keyset { .. } => claims.push((Behaviour::Pages, name.to_owned())),
    }
    match read.cursor.kind {
        CursorKind::Snapshot => {}
        CursorKind::Time | CursorKind::Unix | CursorKind::Id | CursorKind::Token | CursorKind::DeltaLink => {
            claims.push((Behaviour::Resume, name.to_owned()));
        }
    }
}

fn calls(stream: &Stream) -> bool {
    let writes = match &stream.write {
        Some(Write::Http(_)) => true,
        Some(Write::File(_) | Write::Process(_) | Write::Sql(_)) | None => false,
    };
    stream.http_read().is_some() || stream.get.is_some() || !stream.hints.is_empty() || writes
}

// The words in which claims are told, and by which they are found proven.

pub(crate) fn the_check() -> String {
    "the check".to_owned()
}

pub(crate) fn the_log_in() -> String {
    "the log-in".to_owned()
}

/// Of several ways of logging in, one.
pub(crate) fn way_of(what: &str, way: &str) -> String {
    format!("{what} by `{way}`")
}

pub(crate) fn a_call() -> String {
    "a call".to_owned()
}

pub(crate) fn a_limit() -> String {
    "a limit that answers tell".to_owned()
}

pub(crate) fn one_missing() -> String {
    "a missing subscription".to_owned()
}

pub(crate) fn all_there() -> String {
    "subscriptions of which none is missing".to_owned()
}

pub(crate) fn one_to_renew() -> String {
    "a subscription to renew".to_owned()
}

/// What stands on the second page is not missing.
pub(crate) fn several_pages() -> String {
    "subscriptions on several pages".to_owned()
}

pub(crate) fn a_delivery() -> String {
    "a delivery".to_owned()
}

pub(crate) fn list(stream: &str, hint: Option<&str>) -> String {
    match hint {
        Some(hint) => format!("hint {hint} of stream {stream}"),
        None => format!("stream {stream}"),
    }
}

pub(crate) fn one_record(stream: &str) -> String {
    format!("get of stream {stream}")
}

pub(crate) fn topic_of(topic: &str, stream: &str) -> String {
    format!("topic {topic} of stream {stream}")
}

pub(crate) fn operation_of(operation: &str, stream: &str) -> String {
    format!("{operation} of stream {stream}")
}

pub(crate) fn file_in(stream: &str) -> String {
    format!("file_in of stream {stream}")
}

pub(crate) fn file_out(stream: &str) -> String {
    format!("file_out of stream {stream}")
}

pub(crate) fn error_rule(place: &Place) -> String {
    format!("the error rule at {}:{}", place.span.line, place.span.column)
}
