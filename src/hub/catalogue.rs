//! What the processor asks: what a payload is, where its stream leads; not here: decisions.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::plant::{Plant, SourceStream};
use crate::connector::call::{Incoming, IncomingOp, InterpretError};
use crate::connector::manifest::Fetch;
use crate::deliver::{gist, mapping_fingerprint};
use crate::intake::BACKFILL;
use crate::mapping::{InContext, MappingError};
use crate::model::{Entity, ErrorClass, Record, Version};
use crate::process::{Candidate, Catalogue, FlowBrake, Interpreted, Operation, Part, Route, SourceTraits, Unusable};
use crate::store::{DeadLetter, EntityKey, InboxRow, NewInbox, SourceKind};

impl Catalogue for Plant {
    fn interpret(&self, row: &InboxRow) -> Result<Interpreted, Box<Unusable>> {
        let site = self.sites.get(&row.connection).ok_or_else(|| gone(row))?;
        let found = match row.source {
            SourceKind::Split | SourceKind::Fetch => return self.part(row),
            SourceKind::Webhook => site.connection.interpret(&row.payload, &headers(row)),
            SourceKind::Poll | SourceKind::File => match serde_json::from_slice::<Value>(&row.payload) {
                Ok(record) => site.connection.interpret_row(&row.stream, &record, &envelope(row)),
                Err(error) => {
                    return Err(self.unreadable(row, Whose::row(row), &format!("the payload is not JSON: {error}")));
                }
            },
        };
        let mut found = found.map_err(|error| self.uninterpretable(row, &error))?;
        match found.incoming.len() {
            0 => {
                let topic = found.topics.pop().unwrap_or_default();
                let rule = if topic.is_empty() { "topic".to_owned() } else { format!("topic {topic}") };
                Ok(Interpreted::Ignored { stream: row.stream.clone(), rule })
            }
            1 => match found.incoming.remove(0) {
                Ok(incoming) => self.incoming(row, incoming),
                Err(error) => Err(self.uninterpretable(row, &error)),
            },
            _ => self.several(row, found.incoming),
        }
    }

    fn routes(&self, connection: &str, stream: &str) -> Vec<Route> {
        self.routes.get(&(connection.to_owned(), stream.to_owned())).cloned().unwrap_or_default()
    }

    fn brakes(&self, connection: &str, stream: &str) -> Vec<FlowBrake> {
        self.brakes.get(&(connection.to_owned(), stream.to_owned())).cloned().unwrap_or_default()
    }

    fn traits(&self, connection: &str, stream: &str) -> SourceTraits {
        self.streams.get(&(connection.to_owned(), stream.to_owned())).map(|stream| stream.traits).unwrap_or_default()
    }
}

impl Plant {
    fn incoming(&self, row: &InboxRow, incoming: Incoming) -> Result<Interpreted, Box<Unusable>> {
        let hint = is_hint(&incoming);
        let id = EntityKey { connection: row.connection.clone(), stream: incoming.stream.clone(), key: incoming.key };
        if hint {
            return Ok(Interpreted::Thin { id, backfill: row.place == BACKFILL });
        }
        let part = Part {
            key: id.key.clone(),
            op: incoming.op,
            version: incoming.version.map(Version::value),
            occurred_at: incoming.occurred_at.map(|at| at.as_microsecond()),
            asked_at: None,
            hint: false,
            payload: incoming.payload,
            problem: None,
        };
        self.candidate(row, id, part)
    }

    fn part(&self, row: &InboxRow) -> Result<Interpreted, Box<Unusable>> {
        let mut part = Part::from_bytes(&row.payload).map_err(|error| {
            self.unreadable(row, Whose::row(row), &format!("the stored part is not readable: {error}"))
        })?;
        if let Some(problem) = &part.problem {
            return Err(self.unreadable(row, Whose { stream: &row.stream, key: Some(&part.key) }, problem));
        }
        let id = EntityKey { connection: row.connection.clone(), stream: row.stream.clone(), key: part.key.clone() };
        if part.hint {
            return Ok(Interpreted::Thin { id, backfill: row.place == BACKFILL });
        }
        if let (None, Some(site)) = (part.version, self.sites.get(&row.connection)) {
            part.version = site.connection.record_version(&row.stream, &part.payload).map(Version::value);
        }
        self.candidate(row, id, part)
    }

    fn candidate(&self, row: &InboxRow, id: EntityKey, part: Part) -> Result<Interpreted, Box<Unusable>> {
        let Some(stream) = self.streams.get(&(id.connection.clone(), id.stream.clone())) else {
            return Ok(Interpreted::Ignored { stream: id.stream, rule: "no mapping".to_owned() });
        };
        let record = match part.op {
            IncomingOp::Upsert => Some(self.map_in(row, &id, stream, &part.payload)?),
            IncomingOp::Delete => None,
        };
        Ok(Interpreted::Record(Candidate {
            id,
            entity: stream.entity,
            source: row.source,
            operation: if record.is_some() { Operation::Upsert } else { Operation::Delete },
            version: part.version,
            occurred_at: part.occurred_at,
            record,
            payload: part.payload,
            as_of: part.asked_at.unwrap_or(row.received_at),
            backfill: row.place == BACKFILL,
        }))
    }

    fn map_in(
        &self,
        row: &InboxRow,
        id: &EntityKey,
        stream: &SourceStream,
        payload: &Value,
    ) -> Result<Record, Box<Unusable>> {
        let Some(mapping) = &stream.mapping else {
            return Record::from_json(stream.entity, payload)
                .map_err(|error| self.unreadable(row, Whose::id(id), &format!("not a canonical record: {error}")));
        };
        let settings = self.sites.get(&id.connection).map(|site| Arc::clone(&site.settings)).unwrap_or_default();
        mapping
            .map_in(payload, InContext { settings: &settings })
            .map_err(|error| unmapped(row, id, stream.entity, &error))
    }

    /// Each record of a payload becomes a payload of its own; one that cannot be read fails alone.
    fn several(
        &self,
        row: &InboxRow,
        found: Vec<Result<Incoming, InterpretError>>,
    ) -> Result<Interpreted, Box<Unusable>> {
        let mut parts = Vec::with_capacity(found.len());
        for (index, incoming) in found.into_iter().enumerate() {
            let (stream, part) = match incoming {
                Ok(incoming) => {
                    let hint = is_hint(&incoming);
                    let part = Part {
                        key: incoming.key,
                        op: incoming.op,
                        version: incoming.version.map(Version::value),
                        occurred_at: incoming.occurred_at.map(|at| at.as_microsecond()),
                        asked_at: None,
                        hint,
                        payload: incoming.payload,
                        problem: None,
                    };
                    (incoming.stream, part)
                }
                Err(error) => (self.stream_of(row, &error).unwrap_or_default(), unread(&error)),
            };
            let payload = part.to_bytes().map_err(|error| {
                self.unreadable(row, Whose { stream: &stream, key: Some(&part.key) }, &error.to_string())
            })?;
            parts.push(NewInbox {
                connection: row.connection.clone(),
                stream,
                source: SourceKind::Split,
                dedupe_key: format!("part/{}/{index}", row.id),
                topic: row.topic.clone(),
                headers: row.headers.clone(),
                place: format!("record {} of payload {}", index + 1, row.id),
                payload,
                received_at: row.received_at,
            });
        }
        Ok(Interpreted::Several(parts))
    }

    /// The stream that an unreadable payload belongs to: what the error says, else what it came by, else what its topic
    /// leads to where that is one stream.
    fn stream_of(&self, row: &InboxRow, error: &InterpretError) -> Option<String> {
        if let Some(stream) = error.stream() {
            return Some(stream.to_owned());
        }
        if !row.stream.is_empty() {
            return Some(row.stream.clone());
        }
        let manifest = self.sites.get(&row.connection)?.connection.manifest();
        let mut streams = manifest.streams_for_topic(&row.topic);
        match (streams.next(), streams.next()) {
            (Some(only), None) => Some(only.name.value.clone()),
            (None, _) | (Some(_), Some(_)) => None,
        }
    }

    fn uninterpretable(&self, row: &InboxRow, error: &InterpretError) -> Box<Unusable> {
        let stream = self.stream_of(row, error).unwrap_or_default();
        self.unreadable(row, Whose { stream: &stream, key: error.key() }, &error.to_string())
    }

    fn unreadable(&self, row: &InboxRow, whose: Whose<'_>, cause: &str) -> Box<Unusable> {
        let stream = Some(whose.stream).filter(|stream| !stream.is_empty());
        let key = whose.key.filter(|key| !key.is_empty());
        let known = stream.and_then(|stream| self.streams.get(&(row.connection.clone(), stream.to_owned())));
        let name = match (stream, key) {
            (Some(stream), Some(key)) => format!("{}/{stream}/{key}, ", row.connection),
            (Some(stream), None) => format!("{}/{stream}, ", row.connection),
            (None, _) => String::new(),
        };
        Box::new(Unusable {
            stream: stream.map(str::to_owned),
            entity: known.map(|stream| stream.entity),
            key: key.map(str::to_owned),
            dead: DeadLetter {
                scope: row.connection.clone(),
                class: ErrorClass::Data,
                fingerprint: format!("{}/{}/unreadable/{}", row.connection, whose.stream, gist(cause)),
                title: format!("{}: a payload cannot be read: {cause}", row.connection),
                detail: format!("{name}{}: {cause}", place(row)),
                next_step: "edit the payload and retry, or correct it at its source, which sends it again".to_owned(),
            },
        })
    }
}

/// Whose payload it is, as far as that is known; an empty stream is none.
#[derive(Clone, Copy)]
struct Whose<'a> {
    stream: &'a str,
    key: Option<&'a str>,
}

impl Whose<'_> {
    fn row(row: &InboxRow) -> Whose<'_> {
        Whose { stream: &row.stream, key: None }
    }

    fn id(id: &EntityKey) -> Whose<'_> {
        Whose { stream: &id.stream, key: Some(&id.key) }
    }
}

/// Whether only the record's name is believed. What is gone cannot be read again: a deletion is taken at its word.
fn is_hint(incoming: &Incoming) -> bool {
    match incoming.fetch {
        Fetch::Always => incoming.op == IncomingOp::Upsert,
        Fetch::Never | Fetch::OnTie => false,
    }
}

/// What is kept of a record that could not be read from its payload.
fn unread(error: &InterpretError) -> Part {
    Part {
        key: error.key().unwrap_or_default().to_owned(),
        op: IncomingOp::Upsert,
        version: None,
        occurred_at: None,
        asked_at: None,
        hint: false,
        payload: Value::Null,
        problem: Some(error.to_string()),
    }
}

fn headers(row: &InboxRow) -> HeaderMap {
    let kept: BTreeMap<String, String> = serde_json::from_str(&row.headers).unwrap_or_default();
    kept.iter()
        .filter_map(|(name, value)| {
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
        })
        .collect()
}

/// What came around a file's row.
fn envelope(row: &InboxRow) -> Value {
    serde_json::from_str(&row.headers).unwrap_or_default()
}

fn place(row: &InboxRow) -> String {
    let place = if row.place.is_empty() { String::new() } else { format!(" ({})", row.place) };
    let topic = if row.topic.is_empty() { String::new() } else { format!(", topic {}", row.topic) };
    format!("payload {} from {} by {}{topic}{place}", row.id, row.connection, row.source)
}

fn gone(row: &InboxRow) -> Box<Unusable> {
    let dead = DeadLetter {
        scope: row.connection.clone(),
        class: ErrorClass::Data,
        fingerprint: format!("{}/gone", row.connection),
        title: format!("{}: the connection is no longer configured", row.connection),
        detail: place(row),
        next_step: "restore the connection and retry, or discard with a reason".to_owned(),
    };
    Box::new(Unusable { stream: None, entity: None, key: None, dead })
}

fn unmapped(row: &InboxRow, id: &EntityKey, entity: Entity, error: &MappingError) -> Box<Unusable> {
    let next_step = match error.unmapped_value() {
        Some((crosswalk, value)) => {
            format!(
                "add {value:?} to crosswalk `{crosswalk}` in mappings/.../values.yaml, reload, then retry the issue"
            )
        }
        None => "correct the mapping or the record at its source, then retry".to_owned(),
    };
    let dead = DeadLetter {
        scope: row.connection.clone(),
        class: error.class(),
        fingerprint: mapping_fingerprint(&row.connection, error),
        title: format!("{}: {error}", row.connection),
        detail: format!("{}/{}/{}, {}: {error}", id.connection, id.stream, id.key, place(row)),
        next_step,
    };
    Box::new(Unusable { stream: Some(id.stream.clone()), entity: Some(entity), key: Some(id.key.clone()), dead })
}
