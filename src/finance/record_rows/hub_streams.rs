//! Streams of the installation's connections as sides may name them, `mirror: shop.orders`; what is not there is told with what is.
//!
//! Not here: a connector's file streams (`files::bind`), reading any of them.

use std::collections::BTreeMap;

use crate::config::yaml::suggest;
use crate::config::{Config, Connection};
use crate::connector::manifest::{Read, SqlProgress, Stream, StreamEntity};
use crate::model::Entity;
use crate::store::StreamId;

/// By connection and name.
#[derive(Debug, Clone, Default)]
pub struct HubStreams(BTreeMap<String, BTreeMap<String, Known>>);

#[derive(Debug, Clone)]
enum Known {
    /// The hub keeps its records.
    Kept {
        entity: Entity,
        /// Why nobody can ask for all of them.
        unasked: Option<&'static str>,
    },
    /// The hub has none of its records: why, and what to do.
    Unknown { why: String, next: String },
}

/// A mistake and what to do about it.
pub struct NoStream {
    pub message: String,
    pub help: String,
}

impl HubStreams {
    pub fn of(config: &Config) -> HubStreams {
        let streams = |connection: &Connection| {
            let described = connection.manifest.streams.iter();
            described.map(|stream| (stream.name.value.clone(), known(config, connection, stream))).collect()
        };
        HubStreams(config.connections.iter().map(|it| (it.name.value.clone(), streams(it))).collect())
    }

    /// With one more, of which all records can be asked for.
    pub fn with(mut self, stream: StreamId, entity: Entity) -> HubStreams {
        let known = Known::Kept { entity, unasked: None };
        self.0.entry(stream.connection).or_default().insert(stream.stream, known);
        self
    }

    /// What the hub knows of the stream.
    pub fn mirror(&self, stream: &StreamId) -> Result<Entity, NoStream> {
        self.kept(stream).map(|(entity, _)| entity)
    }

    /// The stream as its system has it.
    pub fn live(&self, stream: &StreamId) -> Result<Entity, NoStream> {
        match self.kept(stream)? {
            (entity, None) => Ok(entity),
            (_, Some(why)) => {
                let message = format!("{stream} cannot be read completely: {why}");
                Err(NoStream { message, help: format!("use `mirror: {stream}`") })
            }
        }
    }

    fn kept(&self, stream: &StreamId) -> Result<(Entity, Option<&'static str>), NoStream> {
        let Some(streams) = self.0.get(&stream.connection) else {
            let names: Vec<&str> = self.0.keys().map(String::as_str).collect();
            let message = format!("there is no connection `{}`", stream.connection.escape_debug());
            return Err(NoStream { message, help: suggest(&stream.connection, &names) });
        };
        match streams.get(&stream.stream) {
            Some(Known::Kept { entity, unasked }) => Ok((*entity, *unasked)),
            Some(Known::Unknown { why, next }) => {
                Err(NoStream { message: format!("the hub has no records of {stream}: {why}"), help: next.clone() })
            }
            None => {
                let is_kept = |known: &Known| matches!(known, Known::Kept { .. });
                let names = streams.iter().filter(|(_, known)| is_kept(known)).map(|(name, _)| name.as_str());
                let message = format!("there is no stream {stream}");
                Err(NoStream { message, help: suggest(&stream.stream, &names.collect::<Vec<_>>()) })
            }
        }
    }
}

/// As the running hub takes it: a stream that is only written to, or that no mapping reads, has no records.
fn known(config: &Config, connection: &Connection, stream: &Stream) -> Known {
    let unknown = |why: String, next: &str| Known::Unknown { why, next: next.to_owned() };
    let StreamEntity::One(entity) = stream.entity else {
        return unknown("it takes whatever flows bring".to_owned(), "name the stream that the records come from");
    };
    if !stream.is_source() {
        return unknown("it is only written to".to_owned(), "name a stream that is read");
    }
    let mapping = connection.mapping_name(stream);
    match mapping.map(|name| (config.mappings.get(&name).map(|mapping| mapping.maps_in()), name)) {
        None | Some((Some(true), _)) => Known::Kept { entity, unasked: unasked(stream) },
        Some((Some(false), name)) => {
            unknown(format!("mapping `{name}` only writes"), "add `in:` to the mapping, in a file of your own")
        }
        Some((None, _)) => {
            unknown("no flow uses it".to_owned(), "add a flow from it or to it, so that its records are read")
        }
    }
}

fn unasked(stream: &Stream) -> Option<&'static str> {
    match &stream.read {
        Some(Read::Http(read)) => read.as_webhook.then_some("it lists events, never all records there are"),
        Some(Read::Sql(read)) => match read.progress {
            SqlProgress::Outbox(_) => Some("an outbox tells what changed, never all there is"),
            SqlProgress::Cursor(_) => None,
        },
        Some(Read::Process(_)) => None,
        Some(Read::File(_)) | None => Some("it cannot be read by asking"),
    }
}
