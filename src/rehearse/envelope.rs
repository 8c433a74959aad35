//! What a vendor puts around a record when it pushes it, by the connector's webhook rules. Pure; not here: the record.

use serde_json::{Map, Value, json};

use crate::connector::manifest::{Manifest, Stream, TimeText, Topic, TopicOp, VersionKind};
use crate::mapping::expr::Template;

use super::payload::{Place, Seg, place_of, plain_holes, put};
use crate::connector::webhook::sign::Headers;

/// Where a webhook of one topic says what.
#[derive(Debug, Clone)]
pub(super) struct Envelope {
    pub(super) topic: String,
    /// Where the record stands; empty: the body is the record.
    record: Place,
    topic_at: Option<Spot>,
    id_at: Option<Spot>,
    /// Times of the envelope itself, as the stream's version and time rules read them.
    times: Vec<(Place, Form)>,
}

/// How a time is written.
#[derive(Debug, Clone)]
struct Form {
    kind: VersionKind,
    text: Option<TimeText>,
}

#[derive(Debug, Clone)]
enum Spot {
    Header(String),
    Body(Place),
}

/// One push: headers without proof, and the body.
#[derive(Debug, Clone)]
pub(super) struct Push {
    pub(super) headers: Headers,
    pub(super) body: Value,
    /// The id of the event where the vendor gives one.
    pub(super) id: String,
}

impl Envelope {
    /// One envelope per topic that brings a record of the stream.
    pub(super) fn all(manifest: &Manifest, stream: &Stream) -> Vec<Envelope> {
        let (Some(webhooks), Some(webhook)) = (&manifest.webhooks, &stream.webhook) else { return Vec::new() };
        let upserts = webhook.topics.iter().filter(|topic| topic.op == TopicOp::Upsert);
        let topic_at = webhooks.topic.iter().find_map(|template| spot(template));
        let id_at = webhooks.dedupe.iter().find_map(|template| spot(template));
        upserts
            .map(|topic: &Topic| {
                let record = topic.record.as_deref().or(webhook.record.as_deref()).map(place_of).unwrap_or_default();
                Envelope {
                    topic: topic.name.value.clone(),
                    record,
                    topic_at: topic_at.clone(),
                    id_at: id_at.clone(),
                    times: times(stream),
                }
            })
            .collect()
    }

    /// `id` is unique among all pushes.
    pub(super) fn push(&self, record: &Value, id: &str, now: jiff::Timestamp, sequence: u64) -> Push {
        let mut body = if self.record.is_empty() { record.clone() } else { Value::Object(Map::new()) };
        if !self.record.is_empty() {
            put(&mut body, &self.record, record.clone());
        }
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        for (at, text) in [(&self.topic_at, self.topic.as_str()), (&self.id_at, id)] {
            match at {
                Some(Spot::Header(name)) => headers.push((name.clone(), text.to_owned())),
                Some(Spot::Body(place)) => put(&mut body, place, json!(text)),
                None => {}
            }
        }
        for (place, form) in &self.times {
            let written = form.text.as_ref().and_then(|text| text.write(now).ok());
            let value = match form.kind {
                VersionKind::Timestamp if written.is_some() => written.unwrap_or_default(),
                VersionKind::Timestamp => json!(now.to_string()),
                VersionKind::Unix => json!(now.as_second()),
                VersionKind::Sequence | VersionKind::None => json!(sequence),
            };
            put(&mut body, place, value);
        }
        Push { headers, body, id: id.to_owned() }
    }
}

fn spot(template: &Template) -> Option<Spot> {
    match plain_holes(template.as_str()).as_slice() {
        [(root, place)] if root == "body" => Some(Spot::Body(place.clone())),
        [(root, place)] if root == "headers" => match place.as_slice() {
            [Seg::Name(name)] => Some(Spot::Header(name.clone())),
            _ => None,
        },
        _ => None,
    }
}

fn times(stream: &Stream) -> Vec<(Place, Form)> {
    let in_body = |template: &Template, kind, text: &Option<TimeText>| {
        let form = Form { kind, text: text.clone() };
        let holes = plain_holes(template.as_str()).into_iter();
        holes.filter(|(root, _)| root == "body").map(move |(_, place)| (place, form.clone())).collect::<Vec<_>>()
    };
    let version = &stream.version;
    let mut found: Vec<(Place, Form)> =
        version.value.iter().flat_map(|template| in_body(template, version.kind, &version.time)).collect();
    if let Some(rule) = &stream.occurred_at {
        // A Unix time is understood wherever a time is read; a version of the same place keeps its own form.
        let kind = if rule.time.is_some() { VersionKind::Timestamp } else { VersionKind::Unix };
        let more = in_body(&rule.value, kind, &rule.time);
        found.extend(more.into_iter().filter(|(place, _)| !found_at(stream, place)));
    }
    found
}

fn found_at(stream: &Stream, place: &Place) -> bool {
    stream.version.value.iter().flat_map(|template| plain_holes(template.as_str())).any(|(_, known)| known == *place)
}
