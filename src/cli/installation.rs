//! What commands have to know of an installation: where its data are, which systems and flows it has; not here: checking
//! the configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use super::error::CliError;
use crate::api::resources::reload::Reloaded;
use crate::api::{
    About, ActionError, ConnectionInfo, Deliver, FlowInfo, FlowMode, HubView, Owner, Readiness, ReloadRefusal,
    StreamInfo, StreamRef, Untold,
};
use crate::config::yaml::{Diagnostics, Entry, Node, Source, duration, parse};
use crate::config::{CONFIG_FILE, load_database};
use crate::connector::manifest::{Stream, StreamEntity};
use crate::connector::registry::Registry;
use crate::hub::{location, own_files};
use crate::store::{Location, OwnFiles};

const FOLDER: &str = "conf.d";
const DEFAULT_DATABASE: &str = "data/syncline.db";
const DEFAULT_DATA_DIR: &str = "data";
const DEFAULT_OBJECTIVE_US: i64 = 300_000_000;

/// As far as a command needs it.
#[derive(Clone, Debug)]
pub struct Installation {
    /// Where syncline.yaml lies.
    pub folder: PathBuf,
    /// None where it is a server.
    pub database: Option<PathBuf>,
    /// Where the daemon's address and the backups lie: beside the store and its lock, if that is a file.
    pub data_dir: PathBuf,
    /// Where the hub's own files lie.
    pub own_dir: PathBuf,
    pub connections: Vec<ConnectionInfo>,
    pub flows: Vec<FlowInfo>,
}

impl Installation {
    /// Reads names and places, without secrets: whoever only looks need not have them. What is wrong elsewhere in the
    /// files is no concern of such a command: `syncline check` tells.
    pub fn read(directory: &Path) -> Result<Installation, CliError> {
        let files = files(directory)?;
        let hub = files.iter().find_map(|file| file.get("hub"));
        // Without the manifests streams have no names; a broken one must not keep anybody from looking.
        let registry = Registry::load(directory).or_else(|_| Registry::shipped()).unwrap_or_default();
        let database = database(directory, hub);
        let own_dir = directory.join(hub.and_then(|hub| word(hub, "data_dir")).unwrap_or(DEFAULT_DATA_DIR));
        let connections: Vec<ConnectionInfo> = files
            .iter()
            .flat_map(|file| entries(file, "connections"))
            .map(|entry| connection(entry, &registry))
            .collect();
        let flows = files.iter().flat_map(|file| entries(file, "flows"));
        let owned: Vec<&Entry> = files.iter().flat_map(|file| entries(file, "ownership")).collect();
        Ok(Installation {
            folder: directory.to_owned(),
            data_dir: database.as_deref().and_then(Path::parent).map_or_else(|| own_dir.clone(), Path::to_owned),
            own_dir,
            database,
            flows: flows.filter_map(|entry| flow(entry, &connections, &owned)).collect(),
            connections,
        })
    }

    /// The database file, for a command that puts another in its place.
    pub(super) fn database(&self) -> Result<&Path, CliError> {
        self.database.as_deref().ok_or_else(|| {
            CliError::new(
                "the database is a server, which has tools of its own for that",
                self.folder.display().to_string(),
                "use the server's `pg_restore`, or its base backups",
            )
        })
    }

    /// The database, for a command that opens it. Of a server's address the references are resolved, of nothing else.
    pub(super) fn location(&self) -> Result<Location, CliError> {
        if let Some(file) = &self.database {
            return Ok(Location::Sqlite(file.clone()));
        }
        match load_database(&self.folder) {
            Ok(database) => Ok(location(&database)),
            Err(problems) => Err(CliError::new(
                format!("the address of the database cannot be read: {problems}"),
                self.folder.display().to_string(),
                "correct `hub.database`; `syncline check` shows everything that is wrong",
            )),
        }
    }

    /// The hub as far as the configuration tells: nothing moves.
    pub(super) fn hub(&self, started_at: i64) -> Arc<dyn HubView> {
        Arc::new(AtRest { installation: self.clone(), started_at })
    }
}

/// `syncline.yaml`, then `conf.d/*.yaml` by name.
fn files(directory: &Path) -> Result<Vec<Node>, CliError> {
    let mut paths = vec![directory.join(CONFIG_FILE)];
    if let Ok(found) = std::fs::read_dir(directory.join(FOLDER)) {
        let mut more: Vec<PathBuf> = found.filter_map(Result::ok).map(|entry| entry.path()).collect();
        more.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
        more.sort();
        paths.extend(more);
    }
    paths.iter().map(|path| file(path)).collect()
}

fn file(path: &Path) -> Result<Node, CliError> {
    let text = std::fs::read_to_string(path).map_err(|cause| {
        CliError::new(
            format!("the configuration cannot be read: {cause}"),
            path.display().to_string(),
            "give the directory with syncline.yaml by --config, or make one with `syncline init`",
        )
    })?;
    parse(&Source::new(path.display().to_string(), text)).map_err(|found| {
        let mut all = Diagnostics::new();
        for diagnostic in found {
            all.push(diagnostic);
        }
        CliError::new(
            format!("the configuration is no valid YAML: {all}"),
            path.display().to_string(),
            "correct it; `syncline check` shows everything that is wrong",
        )
    })
}

fn database(directory: &Path, hub: Option<&Node>) -> Option<PathBuf> {
    let file = match hub.and_then(|hub| word(hub, "database")) {
        None => DEFAULT_DATABASE,
        Some(url) => url.strip_prefix("sqlite:")?.trim_start_matches("//"),
    };
    Some(directory.join(file))
}

fn entries<'n>(root: &'n Node, key: &str) -> &'n [Entry] {
    root.get(key).and_then(Node::entries).unwrap_or_default()
}

fn word<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key).and_then(Node::as_str)
}

fn connection(entry: &Entry, registry: &Registry) -> ConnectionInfo {
    let connector = word(&entry.value, "connector").unwrap_or_default().to_owned();
    let manifest = registry.connector(&connector).map(|connector| &connector.manifest);
    let title = manifest.map_or_else(|| connector.clone(), |manifest| manifest.title.clone());
    let streams = manifest.map(|manifest| manifest.streams.iter().filter_map(stream).collect());
    ConnectionInfo { id: entry.key.clone(), connector, title, webhook_url: None, streams: streams.unwrap_or_default() }
}

/// A sink that takes whatever comes has no kind of its own.
fn stream(stream: &Stream) -> Option<StreamInfo> {
    let StreamEntity::One(entity) = stream.entity else { return None };
    Some(StreamInfo {
        name: stream.name.value.clone(),
        entity,
        reads: stream.read.is_some(),
        writes: stream.write.is_some(),
        webhook: stream.webhook.is_some(),
        poll_every_us: None,
        last_read_at: None,
    })
}

/// `owned` are the entries of `ownership`: `order.payment_status: psp`.
fn flow(entry: &Entry, connections: &[ConnectionInfo], owned: &[&Entry]) -> Option<FlowInfo> {
    let end = |key| {
        let (connection, stream) = word(&entry.value, key)?.split_once('.')?;
        Some(StreamRef { connection: connection.to_owned(), stream: stream.to_owned() })
    };
    let from = end("from")?;
    let source = connections.iter().find(|connection| connection.id == from.connection);
    let stream = source.and_then(|source| source.streams.iter().find(|stream| stream.name == from.stream));
    let needs = entry.value.get("needs").and_then(Node::seq).unwrap_or_default();
    let entity = stream.map(|stream| stream.entity);
    let untold = owned.iter().filter_map(|rule| {
        let (kind, path) = rule.key.split_once('.')?;
        let owner = rule.value.as_str().filter(|owner| *owner != from.connection)?;
        (Some(kind) == entity.map(|entity| entity.as_str())).then(|| Untold::owned_by(owner, path))
    });
    Some(FlowInfo {
        name: entry.key.clone(),
        untold: untold.chain(entry.value.get("publish").map(|_| Untold::published())).collect(),
        entity,
        from,
        to: end("to")?,
        deliver: if word(&entry.value, "deliver") == Some("latest") { Deliver::Latest } else { Deliver::Every },
        mode: mode(&entry.value),
        freshness_objective_us: word(&entry.value, "freshness")
            .and_then(duration)
            .and_then(|objective| i64::try_from(objective.as_micros()).ok())
            .unwrap_or(DEFAULT_OBJECTIVE_US),
        needs: needs.iter().filter_map(Node::as_str).map(str::to_owned).collect(),
    })
}

fn mode(flow: &Node) -> FlowMode {
    match word(flow, "mode") {
        Some("shadow") => FlowMode::Shadow,
        Some("canary") => FlowMode::Canary,
        Some("paused") => FlowMode::Paused,
        Some(_) | None => FlowMode::Live,
    }
}

struct AtRest {
    installation: Installation,
    started_at: i64,
}

#[async_trait]
impl HubView for AtRest {
    fn about(&self) -> About {
        About {
            owner: Owner::Command,
            started_at: self.started_at,
            config_version: "as on disk".to_owned(),
            listen: None,
            public_url: None,
            warnings: Vec::new(),
        }
    }

    fn connections(&self) -> Vec<ConnectionInfo> {
        self.installation.connections.clone()
    }

    fn flows(&self) -> Vec<FlowInfo> {
        self.installation.flows.clone()
    }

    fn readiness(&self) -> Readiness {
        Readiness::NotReady("no daemon runs".to_owned())
    }

    async fn pause_flow(&self, flow: &str, _actor: &str) -> Result<(), ActionError> {
        Err(ActionError::Refused(format!("no daemon runs, so flow {flow} does not either")))
    }

    async fn resume_flow(&self, flow: &str, _actor: &str) -> Result<(), ActionError> {
        Err(ActionError::Refused(format!("no daemon runs that could resume flow {flow}")))
    }

    async fn reload(&self) -> Result<Reloaded, ReloadRefusal> {
        Err(ReloadRefusal {
            what: "no daemon runs; it reads the configuration when it starts".to_owned(),
            problems: String::new(),
        })
    }

    fn folder(&self) -> Option<PathBuf> {
        Some(self.installation.folder.clone())
    }

    fn own_files(&self) -> OwnFiles {
        own_files(self.installation.own_dir.clone())
    }

    fn wake(&self) {}
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_and_places_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let text = "hub: { database: \"sqlite:store/hub.db\", data_dir: store }\nconnections:\n  shop: { connector: shopify, settings: { access_token: \"${NOT_SET}\" } }\n";
        let more = "flows:\n  a: { from: shop.orders, to: erp.orders, deliver: latest, freshness: 2m, needs: [customer] }\n  broken: { from: x }\n";
        std::fs::write(directory.path().join(CONFIG_FILE), text).unwrap();
        std::fs::create_dir(directory.path().join(FOLDER)).unwrap();
        std::fs::write(directory.path().join(FOLDER).join("flows.yaml"), more).unwrap();
        let read = Installation::read(directory.path()).unwrap();
        assert_eq!(read.data_dir, directory.path().join("store"));
        assert_eq!(read.database().unwrap(), directory.path().join("store/hub.db"));
        assert_eq!(read.connections[0].connector, "shopify");
        assert!(read.connections[0].streams.iter().any(|stream| stream.name == "orders" && stream.webhook));
        assert_eq!(read.flows.len(), 1);
        assert_eq!(read.flows[0].entity, Some(crate::model::Entity::Order));
        assert_eq!((read.flows[0].freshness_objective_us, read.flows[0].deliver), (120_000_000, Deliver::Latest));
    }

    #[test]
    fn a_missing_or_broken_file_says_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        assert!(Installation::read(directory.path()).unwrap_err().next_step.contains("syncline init"));
        std::fs::write(directory.path().join(CONFIG_FILE), "hub: [").unwrap();
        assert!(Installation::read(directory.path()).unwrap_err().what.contains("no valid YAML"));
        std::fs::write(directory.path().join(CONFIG_FILE), "hub: { database: \"postgres://u:s3cr3t-of-ann@x\" }")
            .unwrap();
        let read = Installation::read(directory.path()).unwrap();
        let error = read.database().unwrap_err();
        assert!(error.next_step.contains("pg_restore") && !format!("{error:?}").contains("s3cr3t-of-ann"), "{error:?}");
        let Location::Postgres(url) = read.location().unwrap() else { panic!() };
        assert_eq!(secrecy::ExposeSecret::expose_secret(&url), "postgres://u:s3cr3t-of-ann@x");
        assert!(!format!("{url:?}").contains("s3cr3t-of-ann"));
    }
}
