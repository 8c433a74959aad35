//! What a connector can do, in words, from its manifest and mappings: for the catalogue and the command line.
//!
//! Not here: how it is printed (`cli`), proof of it (`conformance`).

use super::manifest::{
    Auth, Cursor, CursorKind, Fetch, FileMode, Grant, Idempotency, Manifest, OpKind, Operation, Read, SqlIdempotency,
    SqlProgress, Stream, StreamEntity, TopicOp, Write,
};
use super::registry::{Connector, Registry};
use crate::config::yaml::{Choice, parse};

/// One connector, as a catalogue shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    pub name: String,
    pub title: String,
    pub category: Option<&'static str>,
    pub transports: Vec<&'static str>,
    /// Several ways to choose from are `a or b`.
    pub auth: Option<String>,
    /// Something of it is said to be unverified.
    pub unverified: bool,
    pub streams: Vec<StreamCapability>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamCapability {
    pub stream: String,
    pub entity: &'static str,
    pub reads: Vec<String>,
    pub deletions: Vec<&'static str>,
    pub writes: Vec<String>,
    /// Directions of its mapping; `canonical` where none is passed.
    pub mapping: Vec<&'static str>,
}

pub fn capability(registry: &Registry, connector: &Connector) -> Capability {
    let manifest = &connector.manifest;
    let says = |text: &str| text.to_ascii_lowercase().contains("unverified");
    Capability {
        name: manifest.name.value.clone(),
        title: manifest.title.clone(),
        category: manifest.category.map(super::manifest::Category::as_str),
        transports: transports(manifest),
        auth: manifest.http.as_ref().map(|http| auth(&http.auth)),
        unverified: says(connector.source.text()) || connector.readme.as_deref().is_some_and(says),
        streams: manifest.streams.iter().map(|stream| of_stream(registry, manifest, stream)).collect(),
    }
}

fn transports(manifest: &Manifest) -> Vec<&'static str> {
    let mut found = Vec::new();
    let mut add = |word| {
        if !found.contains(&word) {
            found.push(word);
        }
    };
    for stream in &manifest.streams {
        match &stream.read {
            Some(Read::Http(_)) => add("HTTP"),
            Some(Read::File(_)) => add("files"),
            Some(Read::Process(_)) => add("program"),
            Some(Read::Sql(_)) => add("SQL"),
            None => {}
        }
        match &stream.write {
            Some(Write::Http(_)) => add("HTTP"),
            Some(Write::File(_)) => add("files"),
            Some(Write::Process(_)) => add("program"),
            Some(Write::Sql(_)) => add("SQL"),
            None => {}
        }
        if stream.webhook.is_some() {
            add("webhooks");
        }
    }
    found
}

fn auth(auth: &Auth) -> String {
    let ways: Vec<&str> = auth.ways().into_iter().map(scheme).collect();
    ways.join(" or ")
}

fn scheme(auth: &Auth) -> &'static str {
    match auth {
        Auth::None => "none",
        Auth::Header { .. } => "header",
        Auth::Query { .. } => "query",
        Auth::Basic { .. } => "basic",
        Auth::Bearer { .. } => "bearer",
        Auth::OAuth2(oauth) => match oauth.grant {
            Grant::ClientCredentials => "oauth2_client_credentials",
            Grant::RefreshToken { .. } => "oauth2_refresh",
            Grant::Assertion(_) => "oauth2_jwt_bearer",
        },
        Auth::OAuth1(_) => "oauth1",
        Auth::Session(_) => "session",
        Auth::Choose(_) => "choose",
    }
}

fn of_stream(registry: &Registry, manifest: &Manifest, stream: &Stream) -> StreamCapability {
    let entity = match stream.entity {
        StreamEntity::One(entity) => entity.as_str(),
        StreamEntity::Any => "any",
    };
    StreamCapability {
        stream: stream.name.value.clone(),
        entity,
        reads: reads(stream),
        deletions: deletions(stream),
        writes: writes(stream),
        mapping: mapping(registry, manifest, stream),
    }
}

fn mapping(registry: &Registry, manifest: &Manifest, stream: &Stream) -> Vec<&'static str> {
    let Some(name) = stream.mapping_name(&manifest.name) else { return vec!["canonical"] };
    let layers: Vec<_> = registry.mapping(&name).iter().filter_map(|source| parse(source).ok()).collect();
    ["in", "out"].into_iter().filter(|direction| layers.iter().any(|layer| layer.get(direction).is_some())).collect()
}

fn reads(stream: &Stream) -> Vec<String> {
    let mut found = Vec::new();
    match &stream.read {
        Some(Read::Http(read)) => found.push(format!("list by {}", cursor(&read.cursor))),
        Some(Read::File(read)) => found.push(
            match read.mode {
                FileMode::Snapshot { .. } => "files (snapshot)",
                FileMode::Delta => "files (delta)",
            }
            .to_owned(),
        ),
        Some(Read::Process(read)) => found.push(format!("program ({})", read.mode.as_str())),
        Some(Read::Sql(read)) => found.push(match &read.progress {
            SqlProgress::Cursor(by) => format!("query by {}", cursor(by)),
            SqlProgress::Outbox(_) => "outbox table".to_owned(),
        }),
        None => {}
    }
    found.extend(stream.hints.iter().map(|hint| format!("hints by {}", cursor(&hint.read.cursor))));
    if let Some(webhook) = &stream.webhook {
        let fetch = match webhook.fetch {
            Fetch::Never => "",
            Fetch::OnTie => ", read again on a tie",
            Fetch::Always => ", read again",
        };
        found.push(format!("webhook{fetch}"));
    }
    if stream.can_fetch() {
        found.push("by key".to_owned());
    }
    found
}

fn cursor(cursor: &Cursor) -> &'static str {
    word(cursor.kind)
}

fn word<T: Choice + PartialEq>(value: T) -> &'static str {
    T::ALL.iter().find(|(_, known)| *known == value).map_or("", |(word, _)| word)
}

fn deletions(stream: &Stream) -> Vec<&'static str> {
    let mut found = Vec::new();
    if stream.webhook.as_ref().is_some_and(|webhook| webhook.topics.iter().any(|topic| topic.op == TopicOp::Delete)) {
        found.push("webhook");
    }
    if stream.gone_when().is_some() {
        found.push("marked");
    }
    let read = match &stream.read {
        Some(Read::Http(read)) => Some(&read.cursor),
        Some(Read::Sql(read)) => read.cursor(),
        Some(Read::File(_) | Read::Process(_)) | None => None,
    };
    if read.is_some_and(|cursor| cursor.kind == CursorKind::Snapshot && cursor.deletions.is_some()) {
        found.push("missing from the list");
    }
    found
}

fn writes(stream: &Stream) -> Vec<String> {
    match &stream.write {
        Some(Write::Http(write)) => write.operations.iter().map(operation).collect(),
        Some(Write::File(_)) => vec!["files".to_owned()],
        Some(Write::Process(write)) => write.operations.iter().map(|kind| kind.as_str().to_owned()).collect(),
        Some(Write::Sql(write)) => {
            let safety = |idempotency: &SqlIdempotency| match idempotency {
                SqlIdempotency::Natural => "natural",
                SqlIdempotency::Lookup { .. } => "looked up",
                SqlIdempotency::Key { .. } => "key",
            };
            write
                .operations
                .iter()
                .map(|known| format!("{} ({})", known.kind.as_str(), safety(&known.idempotency)))
                .collect()
        }
        None => Vec::new(),
    }
}

fn operation(operation: &Operation) -> String {
    let mut words = Vec::new();
    match (&operation.idempotency, operation.kind) {
        (Idempotency::Header { .. } | Idempotency::Body { .. }, _) => words.push("key".to_owned()),
        (Idempotency::Lookup { .. }, _) => words.push("looked up".to_owned()),
        (Idempotency::Natural, OpKind::Create) => words.push("natural".to_owned()),
        (Idempotency::Natural, OpKind::Update | OpKind::Upsert | OpKind::Set | OpKind::Delete) => {}
    }
    if let Some(batch) = &operation.batch {
        words.push(format!("{} at once", batch.max));
    }
    if operation.compare.is_some() {
        words.push("compared".to_owned());
    }
    if operation.confirm.is_some() {
        words.push("confirmed".to_owned());
    }
    words.extend(operation.then.iter().map(|follow_up| format!("then {}", *follow_up.name)));
    let kind = operation.kind.as_str();
    if words.is_empty() { kind.to_owned() } else { format!("{kind} ({})", words.join(", ")) }
}
