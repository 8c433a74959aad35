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
use crate::model::{ErrorClass, Record, Version};
use crate::process::{Candidate, Catalogue, FlowBrake, Interpreted, Operation, Part, Route, SourceTraits};
use crate::store::{DeadLetter, EntityKey, InboxRow, NewInbox, SourceKind};

impl Catalogue for Plant {
    fn interpret(&self, row: &InboxRow) -> Result<Interpreted, Box<DeadLetter>> {
        let site = self.sites.get(&row.connection).ok_or_else(|| gone(row))?;
        let found = match row.source {
            SourceKind::Split | SourceKind::Fetch => return self.part(row),
            SourceKind::Webhook => site.connection.interpret(&row.payload, &headers(row)),
            SourceKind::Poll | SourceKind::File => match serde_json::from_slice::<Value>(&row.payload) {
                Ok(record) => site.connection.interpret_row(&row.stream, &record, &envelope(row)),
                Err(error) => return Err(unreadable(row, &row.stream, &format!("the payload is not JSON: {error}"))),
            },
        };
        let mut found = found.map_err(|error| uninterpretable(row, &error))?;
        match found.incoming.len() {
            0 => {
                let topic = found.topics.pop().unwrap_or_default();
                let rule = if topic.is_empty() { "topic".to_owned() } else { format!("topic {topic}") };
                Ok(Interpreted::Ignored { stream: row.stream.clone(), rule })
            }
            1 => match found.incoming.remove(0) {
                Ok(incoming) => self.incoming(row, incoming),
                Err(error) => Err(uninterpretable(row, &error)),
            },
            _ => several(row, found.incoming),
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
    fn incoming(&self, row: &InboxRow, incoming: Incoming) -> Result<Interpreted, Box<DeadLetter>> {
        let id = EntityKey { connection: row.connection.clone(), stream: incoming.stream.clone(), key: incoming.key };
        let is_hint = match (incoming.fetch, row.source) {
            (Fetch::Always, _) => incoming.op == IncomingOp::Upsert,
            (Fetch::Never | Fetch::OnTie, _) => false,
        };
        if is_hint {
            return Ok(Interpreted::Thin(id));
        }
        let part = Part {
            key: id.key.clone(),
            op: incoming.op,
            version: incoming.version.map(Version::value),
            occurred_at: incoming.occurred_at.map(|at| at.as_microsecond()),
            asked_at: None,
            payload: incoming.payload,
        };
        self.candidate(row, id, part)
    }

    fn part(&self, row: &InboxRow) -> Result<Interpreted, Box<DeadLetter>> {
        let mut part = Part::from_bytes(&row.payload)
            .map_err(|error| unreadable(row, &row.stream, &format!("the stored part is not readable: {error}")))?;
        let id = EntityKey { connection: row.connection.clone(), stream: row.stream.clone(), key: part.key.clone() };
        if let (None, Some(site)) = (part.version, self.sites.get(&row.connection)) {
            part.version = site.connection.record_version(&row.stream, &part.payload).map(Version::value);
        }
        self.candidate(row, id, part)
    }

    fn candidate(&self, row: &InboxRow, id: EntityKey, part: Part) -> Result<Interpreted, Box<DeadLetter>> {
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
    ) -> Result<Record, Box<DeadLetter>> {
        let Some(mapping) = &stream.mapping else {
            return Record::from_json(stream.entity, payload)
                .map_err(|error| unreadable(row, &id.stream, &format!("not a canonical record: {error}")));
        };
        let settings = self.sites.get(&id.connection).map(|site| Arc::clone(&site.settings)).unwrap_or_default();
        mapping.map_in(payload, InContext { settings: &settings }).map_err(|error| unmapped(row, id, &error))
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

/// Each record of a payload becomes a payload of its own; one that cannot be read fails alone.
fn several(row: &InboxRow, found: Vec<Result<Incoming, InterpretError>>) -> Result<Interpreted, Box<DeadLetter>> {
    let mut parts = Vec::with_capacity(found.len());
    for (index, incoming) in found.into_iter().enumerate() {
        let (stream, payload) = match incoming {
            Ok(incoming) => {
                let part = Part {
                    key: incoming.key,
                    op: incoming.op,
                    version: incoming.version.map(Version::value),
                    occurred_at: incoming.occurred_at.map(|at| at.as_microsecond()),
                    asked_at: None,
                    payload: incoming.payload,
                };
                let bytes = part.to_bytes().map_err(|error| unreadable(row, &incoming.stream, &error.to_string()))?;
                (incoming.stream, bytes)
            }
            // Kept as text, which no part is: it ends as a dead letter that says why.
            Err(error) => (row.stream.clone(), error.to_string().into_bytes()),
        };
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

fn place(row: &InboxRow) -> String {
    let place = if row.place.is_empty() { String::new() } else { format!(" ({})", row.place) };
    let topic = if row.topic.is_empty() { String::new() } else { format!(", topic {}", row.topic) };
    format!("payload {} from {} by {}{topic}{place}", row.id, row.connection, row.source)
}

fn gone(row: &InboxRow) -> Box<DeadLetter> {
    Box::new(DeadLetter {
        scope: row.connection.clone(),
        class: ErrorClass::Data,
        fingerprint: format!("{}/gone", row.connection),
        title: format!("{}: the connection is no longer configured", row.connection),
        detail: place(row),
        next_step: "restore the connection and retry, or discard with a reason".to_owned(),
    })
}

fn unreadable(row: &InboxRow, stream: &str, cause: &str) -> Box<DeadLetter> {
    Box::new(DeadLetter {
        scope: row.connection.clone(),
        class: ErrorClass::Data,
        fingerprint: format!("{}/{stream}/unreadable/{}", row.connection, gist(cause)),
        title: format!("{}: a payload cannot be read: {cause}", row.connection),
        detail: format!("{}: {cause}", place(row)),
        next_step: "edit the payload and retry, or correct it at its source, which sends it again".to_owned(),
    })
}

fn uninterpretable(row: &InboxRow, error: &InterpretError) -> Box<DeadLetter> {
    unreadable(row, &row.stream, &error.to_string())
}

fn unmapped(row: &InboxRow, id: &EntityKey, error: &MappingError) -> Box<DeadLetter> {
    let class = error.class();
    let next_step = match error.unmapped_value() {
        Some((crosswalk, value)) => {
            format!(
                "add {value:?} to crosswalk `{crosswalk}` in mappings/.../values.yaml, reload, then retry the issue"
            )
        }
        None => "correct the mapping or the record at its source, then retry".to_owned(),
    };
    Box::new(DeadLetter {
        scope: row.connection.clone(),
        class,
        fingerprint: mapping_fingerprint(&row.connection, error),
        title: format!("{}: {error}", row.connection),
        detail: format!("{} {}/{}, {}: {error}", id.connection, id.stream, id.key, place(row)),
        next_step,
    })
}
