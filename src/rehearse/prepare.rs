//! From a checked configuration to what drives it: which streams send what by which way, and what cannot be driven and why.
//!
//! Not here: sending (`load`, `files`), answering (`standin`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::config::yaml::Diagnostics;
use crate::config::{Config, Connection, Endpoint, Flow, Mode, load_with};
use crate::connector::call::IncomingOp;
use crate::connector::connection::{Connection as Wired, ConnectionOptions};
use crate::connector::http::guard::AddressRange;
use crate::connector::manifest::{Fetch, FileRead, Manifest, Stream, StreamEntity};
use crate::mapping::{Filter, InContext, Mapping, OutContext, Refs, Remote, Sample, Values, samples};
use crate::model::{Entity, ErrorClass, Extra, FieldPath, FieldType, Record, schema};

use super::copy::Original;
use super::envelope::Envelope;
use super::files::FileWay;
use super::payload::{leaves, place_of, put};
use super::recipe::{Facts, Recipe};
use super::token::Tokens;

/// What is rehearsed, and with what.
#[derive(Debug, Clone)]
pub struct Options {
    /// The user's configuration folder; only read.
    pub config: PathBuf,
    /// The program that is started as the hub: this one.
    pub program: PathBuf,
    /// Same seed, same keys.
    pub seed: u64,
    /// Only these connections send; all if empty.
    pub connections: Vec<String>,
    /// Where the copy lies; by default beside the configuration or in the system's temporary folder, whichever is on the store's disk.
    pub scratch: Option<PathBuf>,
}

/// A rehearsal that cannot be held.
#[derive(Debug, thiserror::Error)]
pub enum RehearseError {
    #[error("the configuration has {} problems", .0.len())]
    Configuration(Diagnostics),
    #[error("the copy of the configuration is not accepted: {0}")]
    Copy(Diagnostics),
    #[error("connection {connection} would leave this machine: {reason}")]
    LeadsAway { connection: String, reason: String },
    #[error("connection {connection}: its webhooks cannot be signed: {reason}")]
    Unsigned { connection: String, reason: String },
    #[error("nothing in this configuration can be driven: {0}")]
    NothingDriven(String),
    #[error("there is no connection {0} that sends records")]
    NoSuchConnection(String),
    #[error("{what}: {cause}")]
    Io { what: String, cause: std::io::Error },
    #[error("the rehearsed hub {what}\n{log}")]
    Hub { what: String, log: String },
}

impl RehearseError {
    pub(super) fn io(what: &str) -> impl FnOnce(std::io::Error) -> RehearseError + '_ {
        move |cause| RehearseError::Io { what: what.to_owned(), cause }
    }
}

/// A configuration that may be rehearsed, any number of times.
pub struct Rehearsal {
    pub(super) options: Options,
    pub(super) original: Original,
    pub(super) config: Config,
}

impl Rehearsal {
    /// Reads and checks the user's configuration. Secrets and environment variables need not be there.
    pub fn load(options: Options) -> Result<Rehearsal, RehearseError> {
        let original = Original::read(&options.config, options.seed);
        let config = load_with(&options.config, &original.substitutes).map_err(RehearseError::Configuration)?;
        let sends = |name: &String| config.flows.iter().any(|flow| flow.from.connection == *name);
        if let Some(unknown) = options.connections.iter().find(|name| !sends(name)) {
            return Err(RehearseError::NoSuchConnection(unknown.clone()));
        }
        Ok(Rehearsal { options, original, config })
    }

    pub fn config(&self) -> &Config {
        &self.config
    }
}

/// How a stream's records reach the hub.
pub(super) enum Way {
    Webhook(Envelope),
    /// The hub asks; the answer is the list of what has happened meanwhile.
    Poll,
    File(FileWay),
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
    match FieldPath::parse(entity, path).ok()?.ty() {
        FieldType::Ref(entity) => Some(*entity),
        _ => None,
    }
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

/// A sample may have half a piece in it, which its mapping in takes and a destination does not.
fn in_whole_numbers(sample: &Value) -> Value {
    let mut whole = sample.clone();
    for (place, leaf) in leaves(sample) {
        let text = match leaf {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => continue,
        };
        let Some((before, after)) = text.split_once(['.', ',']) else { continue };
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if digits(before) && digits(after) && leaf.is_string() {
            let point = &text[before.len()..=before.len()];
            put(&mut whole, &place, Value::String(format!("{before}{point}{}", "0".repeat(after.len()))));
        } else if digits(before) && digits(after) {
            put(&mut whole, &place, before.parse::<i64>().map_or(Value::Null, Value::from));
        }
    }
    whole
}

/// Payloads that are known to be good: those of the mapping's own tests, or for canonical streams records of any mapping's.
fn payloads(
    rehearsal: &Rehearsal,
    copy: &Config,
    connection: &Connection,
    stream: &Stream,
    entity: Entity,
) -> Result<Vec<Value>, String> {
    let folder = &rehearsal.original.folder;
    let of = |name: &str, mapping: &Mapping| -> Vec<Sample> {
        let beside = name.split_once('/').map_or(name, |(connector, _)| connector);
        samples(mapping, &|fixture| copy.registry.fixture(folder, beside, fixture))
    };
    if let Some(name) = connection.mapping_name(stream) {
        let mapping = copy.mappings.get(&name).ok_or_else(|| format!("mapping {name} is not used by a flow"))?;
        let found: Vec<Value> =
            of(&name, mapping).into_iter().filter(|sample| !sample.outward).map(|sample| sample.given).collect();
        if found.is_empty() {
            return Err(format!(
                "mappings/{name}.yaml has no test with `given` and `expect` whose payload could be the pattern; add one"
            ));
        }
        return Ok(found);
    }
    let mut found = Vec::new();
    let wanted = format!("/{entity}");
    for name in copy.registry.mapping_names().filter(|name| name.ends_with(&wanted)) {
        let beside = name.split_once('/').map_or(name, |(connector, _)| connector);
        let Ok(values) = Values::load(copy.registry.mapping(&format!("{beside}/values"))) else { continue };
        let Ok(mapping) = Mapping::load(copy.registry.mapping(name), &values) else { continue };
        for sample in of(name, &mapping) {
            let settings = Value::Object(Map::new());
            let record = if sample.outward {
                Record::from_json(entity, &sample.given).ok()
            } else {
                mapping.map_in(&sample.given, InContext { settings: &settings }).ok()
            };
            found.extend(record.map(|record| record.to_json()));
        }
    }
    // The one that says most is the most like a real one.
    found.sort_by_key(|record| std::cmp::Reverse(record.to_string().len()));
    if found.is_empty() {
        Err(format!("no mapping has a test whose record could be the pattern of a canonical {entity}"))
    } else {
        Ok(found)
    }
}

/// Reads payloads of one stream as the hub will.
struct Reader<'r> {
    copy: &'r Config,
    connection: &'r Connection,
    described: &'r Stream,
    entity: Entity,
    wired: &'r Wired,
}

impl Reader<'_> {
    /// Pushes before polls before files: what comes first is what the vendor does most.
    fn way(&self, sample: &Value, tokens: Tokens) -> Result<(Way, Recipe), String> {
        let mut reason = "nothing brings its records: it has no webhook topic, no read, no file".to_owned();
        for envelope in Envelope::all(&self.connection.manifest, self.described) {
            match Recipe::find(sample, tokens, &|payload| self.pushed(&envelope, payload)) {
                Ok(recipe) => return Ok((Way::Webhook(envelope), recipe)),
                Err(found) => reason = format!("webhook {}: {found}", envelope.topic),
            }
        }
        if let Some(read) = self.described.http_read() {
            if read.as_webhook {
                return Err(reason);
            }
            let recipe = Recipe::find(sample, tokens, &|payload| self.listed(payload))
                .map_err(|found| format!("read: {found}"))?;
            return Ok((Way::Poll, recipe));
        }
        if let Some(read) = self.described.file_read() {
            return self.file(read, sample, tokens);
        }
        Err(reason)
    }

    /// How many of the stream's flows would carry this payload to its end.
    fn flows_taking(&self, payload: &Value) -> usize {
        let Ok(record) = self.canonical(payload) else { return 0 };
        let own =
            |flow: &&Flow| flow.from.connection == *self.connection.name && flow.from.stream == *self.described.name;
        self.copy.flows.iter().filter(own).filter(|flow| self.goes_through(flow, &record)).count()
    }

    fn goes_through(&self, flow: &Flow, record: &Record) -> bool {
        let wanted = flow.when.as_ref().is_none_or(|when| {
            let filter = Filter::compile(self.entity, when.source());
            filter.is_ok_and(|filter| filter.matches(record).unwrap_or(false))
        });
        let Some(to) = self.copy.connection(&flow.to.connection) else { return false };
        let Some(mapping) = self.copy.mapping(&flow.to) else { return wanted };
        let settings = to.settings.masked();
        let mut refs = Refs::new();
        let named = schema(self.entity).fields.iter().filter_map(|field| record.refs(field.name).ok()).flatten();
        for (entity, key) in named {
            refs.insert(entity, key, Remote { id: Some("1".to_owned()), extra: Extra::new() });
        }
        let context = OutContext { refs: &refs, binding: None, settings: &settings };
        // What else it takes from what it refers to will be there by then.
        wanted && mapping.map_out(record, context).map_or_else(|error| error.class() == ErrorClass::NotFound, |_| true)
    }

    fn file(&self, read: &FileRead, sample: &Value, tokens: Tokens) -> Result<(Way, Recipe), String> {
        let way = FileWay::new(self.connection, self.described, read)?;
        let recipe = Recipe::find(sample, tokens, &|payload| {
            self.record(self.wired.interpret_row(&self.described.name, payload, &way.envelope(1)), None)
        })?;
        Ok((Way::File(way), recipe))
    }

    fn pushed(&self, envelope: &Envelope, payload: &Value) -> Result<Facts, String> {
        let now = jiff::Timestamp::now();
        let push = envelope.push(payload, "rehearsal", now, 1);
        let mut headers = http::HeaderMap::new();
        for (name, value) in &push.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), value.parse()) {
                headers.insert(name, value);
            }
        }
        let webhook = self.described.webhook.as_ref().ok_or("the stream has no webhook")?;
        let fetch = webhook.topic(&envelope.topic).and_then(|topic| topic.fetch).unwrap_or(webhook.fetch);
        let read_again = match fetch {
            Fetch::Always => true,
            Fetch::Never | Fetch::OnTie => false,
        };
        let found = self.wired.interpret(push.body.to_string().as_bytes(), &headers);
        self.record(found, read_again.then_some(payload))
    }

    fn listed(&self, payload: &Value) -> Result<Facts, String> {
        let whole = unexploded(self.described, payload.clone());
        self.record(self.wired.interpret_record(&self.described.name, &whole), None)
    }

    /// `instead`: the record as it will be read again.
    fn record(
        &self,
        found: Result<crate::connector::call::Interpreted, crate::connector::call::InterpretError>,
        instead: Option<&Value>,
    ) -> Result<Facts, String> {
        let found = found.map_err(|error| error.to_string())?;
        let own = found.incoming.into_iter().find(|incoming| match incoming {
            Ok(incoming) => incoming.stream == *self.described.name && incoming.op == IncomingOp::Upsert,
            Err(_) => true,
        });
        let incoming = own.ok_or("it brings no record of this stream")?.map_err(|error| error.to_string())?;
        let record = self.canonical(instead.unwrap_or(&incoming.payload))?;
        let refs = schema(self.entity).fields.iter().filter_map(|field| record.refs(field.name).ok()).flatten();
        Ok(Facts {
            key: incoming.key,
            version: incoming.version.map(|version| format!("{version:?}")),
            occurred_at: incoming.occurred_at.map(|at| format!("{at:?}")),
            natural_key: record.natural_key(),
            name: schema(self.entity).natural_key.first().and_then(|name| record.root().get(name)?.to_plain_text()),
            refs: refs.collect(),
        })
    }

    fn canonical(&self, payload: &Value) -> Result<Record, String> {
        match self.connection.mapping_name(self.described) {
            None => Record::from_json(self.entity, payload).map_err(|error| error.to_string()),
            Some(name) => {
                let mapping = self.copy.mappings.get(&name).ok_or("the mapping is not there")?;
                let settings = self.connection.settings.masked();
                mapping.map_in(payload, InContext { settings: &settings }).map_err(|error| error.to_string())
            }
        }
    }
}

/// Loads the copy, and refuses to go on if any of it would leave this machine.
pub(super) fn load_copy(rehearsal: &Rehearsal, folder: &Path, stand_in: &str) -> Result<Config, RehearseError> {
    let copy = load_with(folder, &rehearsal.original.substitutes).map_err(RehearseError::Copy)?;
    let own = folder.join("files").display().to_string();
    for connection in copy.connections.iter().filter(|connection| connection.enabled) {
        if let Some(reason) = super::audit::leads_away(connection, stand_in, &own) {
            return Err(RehearseError::LeadsAway { connection: connection.name.value.clone(), reason });
        }
    }
    Ok(copy)
}
