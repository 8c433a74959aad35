//! What commands have to know of an installation: where its data are, which systems and flows it has; not here: checking
//! the configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use super::error::CliError;
use crate::api::{
    About, ActionError, ConnectionInfo, Deliver, FlowInfo, FlowMode, HubView, Owner, Readiness, StreamRef,
};
use crate::config::yaml::{Diagnostics, Entry, Node, Source, duration, parse};

const FILE: &str = "syncline.yaml";
const DEFAULT_DATABASE: &str = "data/syncline.db";
const DEFAULT_OBJECTIVE_US: i64 = 300_000_000;

/// As far as a command needs it.
#[derive(Clone, Debug)]
pub struct Installation {
    pub database: PathBuf,
    pub connections: Vec<ConnectionInfo>,
    pub flows: Vec<FlowInfo>,
}

impl Installation {
    /// Reads `syncline.yaml` for names and places. What is wrong elsewhere in it is no concern of a command that only
    /// looks: `syncline check` tells.
    pub fn read(directory: &Path) -> Result<Installation, CliError> {
        let path = directory.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|cause| {
            CliError::new(
                format!("the configuration cannot be read: {cause}"),
                path.display().to_string(),
                "give the directory with syncline.yaml by --config, or make one with `syncline init`",
            )
        })?;
        let source = Source::new(path.display().to_string(), text);
        let root = parse(&source).map_err(|found| {
            let mut all = Diagnostics::new();
            for diagnostic in found {
                all.push(diagnostic);
            }
            CliError::new(
                format!("the configuration is no valid YAML: {all}"),
                path.display().to_string(),
                "correct it; `syncline check` shows everything that is wrong",
            )
        })?;
        Ok(Installation {
            database: database(directory, &root)?,
            connections: entries(&root, "connections").iter().map(connection).collect(),
            flows: entries(&root, "flows").iter().filter_map(flow).collect(),
        })
    }

    /// Where the lock, the address and the backups lie.
    pub fn data_dir(&self) -> &Path {
        self.database.parent().unwrap_or(Path::new("."))
    }

    /// The hub as far as the configuration tells: nothing moves.
    pub(super) fn hub(&self, started_at: i64) -> Arc<dyn HubView> {
        Arc::new(AtRest { installation: self.clone(), started_at })
    }
}

fn database(directory: &Path, root: &Node) -> Result<PathBuf, CliError> {
    let url = root.get("hub").and_then(|hub| hub.get("database")).and_then(Node::as_str);
    let file = match url.map(|url| url.split_once(':')) {
        None => DEFAULT_DATABASE,
        Some(Some(("sqlite", file))) => file.trim_start_matches("//"),
        Some(Some(_) | None) => {
            return Err(CliError::new(
                format!("database {:?} is none that this command can open", url.unwrap_or_default()),
                directory.join(FILE).display().to_string(),
                "write `sqlite:` and a path",
            ));
        }
    };
    Ok(directory.join(file))
}

fn entries<'n>(root: &'n Node, key: &str) -> &'n [Entry] {
    root.get(key).and_then(Node::entries).unwrap_or_default()
}

fn word<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key).and_then(Node::as_str)
}

fn connection(entry: &Entry) -> ConnectionInfo {
    let connector = word(&entry.value, "connector").unwrap_or_default().to_owned();
    let title = word(&entry.value, "title").unwrap_or(&connector).to_owned();
    ConnectionInfo { id: entry.key.clone(), connector, title, webhook_url: None, streams: Vec::new() }
}

fn flow(entry: &Entry) -> Option<FlowInfo> {
    let end = |key| {
        let (connection, stream) = word(&entry.value, key)?.split_once('.')?;
        Some(StreamRef { connection: connection.to_owned(), stream: stream.to_owned() })
    };
    let needs = entry.value.get("needs").and_then(Node::seq).unwrap_or_default();
    Some(FlowInfo {
        name: entry.key.clone(),
        from: end("from")?,
        to: end("to")?,
        entity: None,
        deliver: if word(&entry.value, "deliver") == Some("latest") { Deliver::Latest } else { Deliver::Every },
        mode: match word(&entry.value, "mode") {
            Some("shadow") => FlowMode::Shadow,
            Some("canary") => FlowMode::Canary,
            Some("paused") => FlowMode::Paused,
            Some(_) | None => FlowMode::Live,
        },
        freshness_objective_us: word(&entry.value, "freshness")
            .and_then(duration)
            .and_then(|objective| i64::try_from(objective.as_micros()).ok())
            .unwrap_or(DEFAULT_OBJECTIVE_US),
        needs: needs.iter().filter_map(Node::as_str).map(str::to_owned).collect(),
    })
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

    fn wake(&self) {}
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_and_places_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let text = "hub: { database: \"sqlite:store/hub.db\" }\nconnections:\n  shop: { connector: shopify }\n\
                    flows:\n  a: { from: shop.orders, to: erp.orders, deliver: latest, freshness: 2m, needs: [customer] }\n  broken: { from: x }\n";
        std::fs::write(directory.path().join(FILE), text).unwrap();
        let read = Installation::read(directory.path()).unwrap();
        assert_eq!(read.data_dir(), directory.path().join("store"));
        assert_eq!(read.connections[0].connector, "shopify");
        assert_eq!(read.flows.len(), 1);
        assert_eq!((read.flows[0].freshness_objective_us, read.flows[0].deliver), (120_000_000, Deliver::Latest));
    }

    #[test]
    fn a_missing_or_broken_file_says_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        assert!(Installation::read(directory.path()).unwrap_err().next_step.contains("syncline init"));
        std::fs::write(directory.path().join(FILE), "hub: [").unwrap();
        assert!(Installation::read(directory.path()).unwrap_err().what.contains("no valid YAML"));
        std::fs::write(directory.path().join(FILE), "hub: { database: \"oracle:x\" }").unwrap();
        assert!(Installation::read(directory.path()).unwrap_err().next_step.contains("sqlite:"));
    }
}
