//! Who plays: which streams send what by which way, what destinations have already, and what cannot be driven and why.
//!
//! Not here: finding out what a payload is (`reader`, `recipe`), sending (`load`, `files`), answering (`standin`).

use std::sync::Arc;

use serde_json::Value;

use crate::config::{Config, Connection, Endpoint, Flow, Mode};
use crate::connector::connection::{Connection as Wired, ConnectionOptions};
use crate::connector::http::guard::AddressRange;
use crate::connector::manifest::{Manifest, Stream, StreamEntity};
use crate::model::{Entity, FieldPath, FieldType};

use super::envelope::Envelope;
use super::files::FileWay;
use super::payload::{place_of, put};
use super::prepare::Rehearsal;
use super::reader::Reader;
use super::recipe::Recipe;
use super::samples::{in_whole_numbers, payloads};
use super::token::Tokens;

/// How a stream's records reach the hub.
pub(super) enum Way {
    Webhook(Envelope),
    /// The hub asks; the answer is the list of what has happened meanwhile.
    Poll,
    File(Box<FileWay>),
}

impl Way {
    pub(super) fn word(&self) -> String {
        match self {
            Way::Webhook(envelope) => format!("webhook {}", envelope.topic),
            Way::Poll => "poll".to_owned(),
            Way::File(_) => "files".to_owned(),
        }
    }
}

/// One stream that is driven.
pub(super) struct Source {
    pub(super) connection: String,
    pub(super) stream: String,
    pub(super) entity: Entity,
    pub(super) way: Way,
    pub(super) recipe: Recipe,
}

/// Records that a destination has already, because those of a source refer to them: one for each record of the source.
pub(super) struct Mirror {
    pub(super) connection: String,
    pub(super) stream: String,
    pub(super) entity: Entity,
    /// Whose records refer to them.
    pub(super) source: (String, String),
    recipe: Recipe,
    described: Arc<Manifest>,
}

impl Mirror {
    /// The record that `source`'s record `index` refers to, as its vendor lists it.
    pub(super) fn listed(&self, index: u64, source: &Source) -> Option<Value> {
        let name = source.recipe.own_reference(self.entity, index)?;
        let record = self.recipe.record_named(index, &name, jiff::Timestamp::now());
        Some(unexploded(self.described.stream(&self.stream)?, record))
    }
}

/// A record that was cut out of a list, with its list around it again.
pub(super) fn unexploded(stream: &Stream, mut record: Value) -> Value {
    let Some(explode) = &stream.explode else { return record };
    let inner = record.as_object_mut().and_then(|object| object.remove(&explode.as_field));
    if let Some(inner) = inner {
        put(&mut record, &place_of(&explode.list), Value::Array(vec![inner]));
    }
    record
}

/// What is driven and what is not.
pub(super) struct Cast {
    /// Those that others refer to come first.
    pub(super) sources: Vec<Source>,
    /// Stream or flow, and why.
    pub(super) not_driven: Vec<(String, String)>,
    /// Flows whose records need others that nothing here brings: their deliveries wait.
    pub(super) held: Vec<String>,
    pub(super) mirrors: Vec<Mirror>,
}

/// Finds a way for every stream that a flow begins with. `copy` is the rehearsed configuration, `off` what was switched off in it.
pub(super) fn cast(rehearsal: &Rehearsal, copy: &Config, off: &[(String, String)], tokens: Tokens) -> Cast {
    let mut cast = Cast { sources: Vec::new(), not_driven: off.to_vec(), held: Vec::new(), mirrors: Vec::new() };
    let mut seen: Vec<String> = Vec::new();
    for flow in &copy.flows {
        let name = flow.from.to_string();
        if flow.mode == Mode::Paused {
            cast.not_driven
                .push((format!("flow {}", *flow.name), "it is paused: records are taken and wait".to_owned()));
        }
        let chosen =
            rehearsal.options.connections.is_empty() || rehearsal.options.connections.contains(&flow.from.connection);
        if seen.contains(&name) {
            continue;
        }
        seen.push(name.clone());
        if !chosen {
            cast.not_driven.push((name, "not asked for (--connection)".to_owned()));
            continue;
        }
        match source(rehearsal, copy, &flow.from.connection, &flow.from.stream, tokens) {
            Ok(source) => cast.sources.push(source),
            Err(reason) => cast.not_driven.push((name, reason)),
        }
    }
    in_order(&mut cast.sources);
    for flow in &copy.flows {
        let from = |source: &&Source| source.connection == flow.from.connection && source.stream == flow.from.stream;
        let Some(source) = cast.sources.iter().find(from) else { continue };
        for (need, entity) in unmet(copy, &cast.sources, flow, source) {
            match mirror(rehearsal, copy, source, entity, &flow.to.connection, tokens) {
                Ok(mirror) => {
                    let known = |other: &Mirror| {
                        other.connection == mirror.connection && other.entity == entity && other.source == mirror.source
                    };
                    if !cast.mirrors.iter().any(known) {
                        cast.mirrors.push(mirror);
                    }
                }
                Err(reason) => {
                    let what = format!(
                        "its records need `{need}`, a {entity}, which {} does not get here",
                        flow.to.connection
                    );
                    cast.not_driven
                        .push((format!("flow {}", *flow.name), format!("{what} ({reason}); they are taken and wait")));
                    cast.held.push(flow.name.value.clone());
                    break;
                }
            }
        }
    }
    cast
}

/// What a flow `needs` and no driven stream brings: it comes neither from its destination nor to it.
fn unmet(copy: &Config, sources: &[Source], flow: &Flow, source: &Source) -> Vec<(String, Entity)> {
    let sends = |end: &Endpoint| sources.iter().find(|s| s.connection == end.connection && s.stream == end.stream);
    let to = flow.to.connection.as_str();
    let comes = |entity: Entity| {
        sources.iter().any(|other| other.entity == entity && other.connection == to)
            || copy.flows.iter().any(|other| {
                other.to.connection == to && sends(&other.from).is_some_and(|other| other.entity == entity)
            })
    };
    let needs = flow.needs.iter().filter_map(|need| Some((need.value.clone(), needed(source.entity, need)?)));
    needs.filter(|(_, entity)| !comes(*entity)).collect()
}

/// The destination's own list of what is referred to, if it has one that is read.
fn mirror(
    rehearsal: &Rehearsal,
    copy: &Config,
    source: &Source,
    entity: Entity,
    name: &str,
    tokens: Tokens,
) -> Result<Mirror, String> {
    if source.recipe.own_reference(entity, 0).is_none() {
        return Err("no field of the source's sample changes what it refers to".to_owned());
    }
    let connection = copy.connection(name).ok_or("the connection does not exist")?;
    let lists = |stream: &&Stream| {
        stream.entity == StreamEntity::One(entity) && stream.http_read().is_some_and(|read| !read.as_webhook)
    };
    let described = connection.manifest.streams.iter().find(lists).ok_or("nothing of the kind is read there")?;
    let wired = wired(connection)?;
    let reader = Reader { copy, connection, described, entity, wired: &wired };
    let mut reason = String::new();
    for sample in payloads(rehearsal, copy, connection, described, entity)? {
        match Recipe::find_with_ids(&sample, tokens, &|payload| reader.listed(payload)) {
            Ok(recipe) => {
                return Ok(Mirror {
                    connection: name.to_owned(),
                    stream: described.name.value.clone(),
                    entity,
                    source: (source.connection.clone(), source.stream.clone()),
                    recipe,
                    described: Arc::clone(&connection.manifest),
                });
            }
            Err(found) => reason = found,
        }
    }
    Err(reason)
}

fn wired(connection: &Connection) -> Result<Wired, String> {
    let mut options = ConnectionOptions::default();
    let networks = connection.allow_networks.iter();
    options.egress.allow.extend(networks.filter_map(|network| AddressRange::new(network.address, network.prefix)));
    Wired::new(connection.name.as_str(), Arc::clone(&connection.manifest), &connection.settings, options)
        .map_err(|error| error.to_string())
}

/// The kind of record that a flow's `needs` names.
fn needed(entity: Entity, path: &str) -> Option<Entity> {
    let path = FieldPath::parse(entity, path).ok()?;
    if let FieldType::Ref(entity) = path.ty() { Some(*entity) } else { None }
}

/// Streams whose records others refer to come first, so that what is referred to has been sent.
fn in_order(sources: &mut Vec<Source>) {
    let mut left = std::mem::take(sources);
    while !left.is_empty() {
        let waits = |source: &Source| {
            source
                .recipe
                .refers_to()
                .any(|entity| left.iter().any(|other| other.entity == entity && source.entity != entity))
        };
        // Two kinds that refer to each other: whichever comes first.
        let next = left.iter().position(|source| !waits(source)).unwrap_or(0);
        let next = left.remove(next);
        sources.push(next);
    }
}

fn source(rehearsal: &Rehearsal, copy: &Config, name: &str, stream: &str, tokens: Tokens) -> Result<Source, String> {
    let connection = copy.connection(name).ok_or("the connection does not exist")?;
    if !connection.enabled {
        return Err("the connection is switched off".to_owned());
    }
    let described = connection.manifest.stream(stream).ok_or("the stream does not exist")?;
    let StreamEntity::One(entity) = described.entity else {
        return Err("it has no kind of record of its own".to_owned());
    };
    let wired = wired(connection)?;
    let reader = Reader { copy, connection, described, entity, wired: &wired };
    let samples = payloads(rehearsal, copy, connection, described, entity)?;
    let candidates = samples.iter().flat_map(|sample| [sample.clone(), in_whole_numbers(sample)]);
    let (mut best, mut reason): (Option<(usize, Way, Recipe)>, _) = (None, String::new());
    for sample in candidates {
        match reader.way(&sample, tokens) {
            Ok((way, recipe)) => {
                let goes_through = reader.flows_taking(&recipe.record(0, jiff::Timestamp::now(), &|_| None));
                if best.as_ref().is_none_or(|(known, ..)| goes_through > *known) {
                    best = Some((goes_through, way, recipe));
                }
            }
            Err(found) if reason.is_empty() => reason = found,
            Err(_) => {}
        }
    }
    let (_, way, recipe) = best.ok_or(reason)?;
    Ok(Source { connection: name.to_owned(), stream: stream.to_owned(), entity, way, recipe })
}
