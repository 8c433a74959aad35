//! From a folder to a checked configuration: the one entry point.
//!
//! Not here: the meaning of any part.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::connector::registry::{Registry, read_text};

use super::broker::{self, WrittenBroker};
use super::connection::{Connection, WrittenConnection, exposed};
use super::document::{Config, ConfigVersion};
use super::flow::{Flow, WrittenFlow};
use super::hub::{Database, Hub};
use super::interpolate::{Environment, Interpolation, ProcessEnvironment};
use super::link::Links;
use super::mappings::Mappings;
use super::ownership;
use super::retry::{Delays, RetryPolicy};
use super::yaml::{Context, Decode as _, Diagnostic, Diagnostics, Node, Source, Spanned, parse};

pub const CONFIG_FILE: &str = "syncline.yaml";
const CONFIG_FOLDER: &str = "conf.d";
const MAX_FILES: usize = 500;

/// Reads `syncline.yaml` and `conf.d/*.yaml` of `folder`, with the process's environment. Everything wrong is reported at once.
pub fn load(folder: &Path) -> Result<Config, Diagnostics> {
    load_with(folder, &ProcessEnvironment)
}

pub fn load_with(folder: &Path, environment: &dyn Environment) -> Result<Config, Diagnostics> {
    let mut problems = Diagnostics::new();
    let sources = sources(folder, &mut problems);
    let registry = match Registry::load(folder) {
        Ok(registry) => registry,
        Err(found) => {
            problems.extend(found);
            // Half a registry would blame connections for a broken manifest; what is shipped is known to be whole.
            Registry::shipped().unwrap_or_default()
        }
    };
    let interpolation = Interpolation { environment, folder: folder.to_owned(), literal: &["when", "publish"] };
    let mut parts = Parts::default();
    for source in &sources {
        parts.read(source, &interpolation, &mut problems);
    }
    let version = version(&sources, &registry);
    let mut sensitive = std::mem::take(&mut parts.sensitive);
    sensitive.extend(parts.connections.iter().flat_map(|(_, connection)| connection.sensitive(&registry)));
    let unresolved = std::mem::take(&mut parts.unresolved);
    let mut config = parts.link(folder, registry, version, &mut problems);
    // What else is said about a value that did not resolve is about nothing.
    let mut problems = problems.without_places_of(&unresolved);
    problems.extend(unresolved);
    let linked: Vec<String> = config.connections.iter().flat_map(exposed).collect();
    let secrets = || sensitive.iter().chain(&linked).map(String::as_str);
    problems.redact(secrets());
    config.warnings.redact(secrets());
    problems.into_result(Some(config))
}

/// The address of the database alone, with the process's environment: whoever only opens it need not have the secrets of
/// connections.
pub fn load_database(folder: &Path) -> Result<Database, Diagnostics> {
    let mut problems = Diagnostics::new();
    let mut found = Hub::default().anchored(folder).database;
    for source in &sources(folder, &mut problems) {
        match parse(source) {
            Ok(root) => {
                if let Some(node) = root.get("hub").and_then(|hub| hub.get("database")) {
                    match address(node, source, folder) {
                        Ok(database) => found = database,
                        Err(wrong) => problems.extend(wrong),
                    }
                }
            }
            Err(wrong) => problems.extend(wrong),
        }
    }
    problems.into_result(Some(found))
}

/// A database's address as somebody gives it to a command: like one in the configuration.
pub fn database_address(folder: &Path, text: &str) -> Result<Database, Diagnostics> {
    let source = Source::new("the address", serde_json::Value::from(text).to_string());
    match parse(&source) {
        Ok(node) => address(&node, &source, folder),
        Err(wrong) => {
            let mut problems = Diagnostics::new();
            problems.extend(wrong);
            problems.into_result(None)
        }
    }
}

fn address(node: &Node, source: &Arc<Source>, folder: &Path) -> Result<Database, Diagnostics> {
    let mut node = node.clone();
    let written = node.as_str().map(str::to_owned);
    let cx = Context::new(source);
    let interpolation = Interpolation { environment: &ProcessEnvironment, folder: folder.to_owned(), literal: &[] };
    interpolation.apply(&mut node, &cx);
    let database = Database::decode(&node, &cx);
    let mut problems = Diagnostics::new();
    problems.extend(cx.finish());
    let resolved = node.as_str().map(str::to_owned);
    let sensitive = || written.iter().chain(&resolved).filter(|text| text.contains('@'));
    problems.redact(sensitive().map(String::as_str));
    problems.into_result(database.map(|database| database.anchored(folder)))
}

/// The configuration files in reading order.
fn sources(folder: &Path, problems: &mut Diagnostics) -> Vec<Arc<Source>> {
    let mut names = vec![CONFIG_FILE.to_owned()];
    match std::fs::read_dir(folder.join(CONFIG_FOLDER)) {
        Ok(entries) => {
            let mut found: Vec<String> =
                entries.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            found.retain(|name| !name.starts_with('.'));
            found.sort();
            for name in found.iter().filter(|name| name.ends_with(".yml")) {
                let message = "is not read: configuration files end in .yaml";
                problems.push(Diagnostic::file(format!("{CONFIG_FOLDER}/{name}"), message).help("rename it"));
            }
            names.extend(
                found.into_iter().filter(|name| name.ends_with(".yaml")).map(|name| format!("{CONFIG_FOLDER}/{name}")),
            );
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => problems.push(Diagnostic::file(CONFIG_FOLDER, format!("cannot be listed: {error}"))),
    }
    if names.len() > MAX_FILES {
        problems.push(
            Diagnostic::file(CONFIG_FOLDER, format!("more than {MAX_FILES} files"))
                .help("check that it is the right folder"),
        );
        names.truncate(MAX_FILES);
    }
    let mut sources = Vec::new();
    for name in names {
        match read_text(&folder.join(&name), &name) {
            Ok(text) => sources.push(Source::new(name, text)),
            Err(problem) if name == CONFIG_FILE => {
                problems
                    .push(problem.help(format!("looked in {}; `syncline init` writes a first one", folder.display())));
            }
            Err(problem) => problems.push(problem),
        }
    }
    sources
}

/// Everything as written, over all files.
#[derive(Default)]
struct Parts {
    hub: Option<Spanned<Hub>>,
    connections: Vec<(Spanned<String>, WrittenConnection)>,
    flows: Vec<(Spanned<String>, WrittenFlow)>,
    ownership: Vec<(Spanned<String>, Spanned<String>)>,
    retry: Vec<(Spanned<String>, Delays)>,
    brokers: Vec<(Spanned<String>, WrittenBroker)>,
    /// Names of connections that are written but could not be read.
    broken: Vec<String>,
    /// References without a value.
    unresolved: Diagnostics,
    /// Texts outside connections that no message may show.
    sensitive: Vec<String>,
}

impl Parts {
    fn read(&mut self, source: &Arc<Source>, interpolation: &Interpolation<'_>, problems: &mut Diagnostics) {
        let mut node = match parse(source) {
            Ok(node) => node,
            Err(found) => return problems.extend(found),
        };
        // The address of a database holds its password.
        let database = |node: &Node| {
            node.get("hub")?.get("database")?.as_str().filter(|text| text.contains('@')).map(str::to_owned)
        };
        self.sensitive.extend(database(&node));
        self.sensitive.extend(broker::sensitive(&node));
        let references = Context::new(source);
        interpolation.apply(&mut node, &references);
        self.unresolved.extend(references.finish());
        self.sensitive.extend(database(&node));
        self.sensitive.extend(broker::sensitive(&node));
        let cx = Context::new(source);
        if !node.is_null() {
            self.decode(&node, &cx);
        }
        problems.extend(cx.finish());
    }

    fn decode(&mut self, node: &Node, cx: &Context) {
        let Some(map) = cx.map(node, "configuration") else { return };
        if let Some(hub) = map.optional::<Spanned<Hub>>("hub") {
            if let Some(first) = &self.hub {
                let message = "`hub` is written a second time";
                cx.error(hub.place.span, message, format!("the first is at {}; keep one of them", first.place));
            } else {
                self.hub = Some(hub);
            }
        }
        let written: Vec<String> =
            map.node("connections").and_then(Node::entries).unwrap_or_default().iter().map(|e| e.key.clone()).collect();
        let connections = map.named("connections");
        let read = |name: &String| connections.iter().any(|(known, _): &(Spanned<String>, _)| known.value == *name);
        self.broken.extend(written.iter().filter(|name| !read(name)).cloned());
        merge(&mut self.connections, connections, "connection", cx);
        merge(&mut self.flows, map.named("flows"), "flow", cx);
        merge(&mut self.ownership, map.named("ownership"), "ownership of", cx);
        merge(&mut self.retry, map.named("retry"), "retry policy", cx);
        merge(&mut self.brokers, map.named("brokers"), "broker", cx);
        map.finish();
    }

    fn link(self, folder: &Path, registry: Registry, version: ConfigVersion, problems: &mut Diagnostics) -> Config {
        let mut warnings = Diagnostics::new();
        let declared: Vec<String> =
            self.connections.iter().map(|(name, _)| name.value.clone()).chain(self.broken).collect();
        let declared: Vec<&str> = declared.iter().map(String::as_str).collect();
        let named = self.connections.iter().map(|(name, _)| name).chain(self.flows.iter().map(|(name, _)| name));
        for name in named.chain(self.brokers.iter().map(|(name, _)| name)) {
            check_name(name, problems);
        }
        let connections: Vec<Connection> = self
            .connections
            .into_iter()
            .filter_map(|(name, written)| written.link(name, &registry, problems, &mut warnings))
            .collect();
        let policies = policies(self.retry);
        let links = Links { connections: &connections, declared: &declared, policies: &policies };
        let mut mappings = Mappings::new(&registry);
        let flows = self.flows.into_iter();
        let flows: Vec<Flow> =
            flows.filter_map(|(name, written)| links.flow(name, written, &mut mappings, problems)).collect();
        let mappings = mappings.into_loaded();
        same_route_twice(&flows, problems);
        let ownership = self.ownership.into_iter();
        let ownership =
            ownership.filter_map(|(key, owner)| ownership::link(&key, owner, &declared, problems)).collect();
        let brokers = self.brokers.into_iter();
        let brokers =
            brokers.map(|(name, written)| written.link(name, &connections, &declared, folder, problems)).collect();
        let hub = self.hub.map(|hub| hub.value).unwrap_or_default().anchored(folder);
        connections.iter().for_each(|connection| connection.check_program(folder, problems));
        if hub.public_url.is_none() {
            connections.iter().for_each(|connection| connection.warn_without_public_url(&mut warnings));
        }
        let registry = Arc::new(registry);
        let folder = folder.to_owned();
        Config { folder, hub, connections, flows, ownership, brokers, registry, mappings, version, warnings }
    }
}

/// Adds a file's entries; a name that an earlier file has is reported at both places.
fn merge<T>(all: &mut Vec<(Spanned<String>, T)>, more: Vec<(Spanned<String>, T)>, what: &str, cx: &Context) {
    for (name, value) in more {
        match all.iter().find(|(known, _)| known.value == name.value) {
            Some((first, _)) => {
                let message = format!("{what} `{}` is written a second time", name.escape_debug());
                cx.error(name.place.span, message, format!("the first is at {}; rename or remove one", first.place));
            }
            None => all.push((name, value)),
        }
    }
}

/// Names stand in addresses, tables and metrics.
fn check_name(name: &Spanned<String>, problems: &mut Diagnostics) {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    let starts = name.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
    if !starts || name.len() > 40 || !name.bytes().all(allowed) {
        let help = "lower-case letters, digits, `-` and `_`, starting with a letter, at most 40 characters";
        problems
            .push(Diagnostic::new(&name.place, format!("`{}` is not a usable name", name.escape_debug())).help(help));
    }
}

fn policies(written: Vec<(Spanned<String>, Delays)>) -> Vec<RetryPolicy> {
    let mut policies = RetryPolicy::built_in();
    for (name, delays) in written {
        policies.retain(|policy| policy.name != name.value);
        policies.push(delays.named(name.value));
    }
    policies
}

/// Two flows between the same streams would send everything twice.
fn same_route_twice(flows: &[Flow], problems: &mut Diagnostics) {
    for (index, flow) in flows.iter().enumerate() {
        let earlier = flows[..index].iter().find(|other| other.from == flow.from && other.to == flow.to);
        if let Some(earlier) = earlier {
            let message = format!("flow `{}` takes the same way as flow `{}`", *flow.name, *earlier.name);
            let help = format!("both lead from {} to {}; join their conditions in one flow", flow.from, flow.to);
            problems.push(Diagnostic::new(&flow.name.place, message).help(help));
        }
    }
}

fn version(sources: &[Arc<Source>], registry: &Registry) -> ConfigVersion {
    let mut hash = Sha256::new();
    for part in sources.iter().flat_map(|source| [source.name(), source.text()]) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    registry.digest(&mut hash);
    ConfigVersion(hex::encode(hash.finalize()))
}
