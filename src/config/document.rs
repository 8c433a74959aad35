//! The whole, checked configuration.
//!
//! Not here: how it is read (`load`) and linked (`link`).

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use crate::connector::registry::Registry;
use crate::mapping::Mapping;

use super::broker::Broker;
use super::connection::Connection;
use super::flow::{Endpoint, Flow};
use super::hub::Hub;
use super::ownership::Ownership;
use super::yaml::Diagnostics;

/// Nothing in it refers to something that does not exist. Prints without secrets.
#[derive(Debug, Clone)]
pub struct Config {
    pub folder: PathBuf,
    pub hub: Hub,
    /// In file order.
    pub connections: Vec<Connection>,
    pub flows: Vec<Flow>,
    pub ownership: Vec<Ownership>,
    /// Where the event log is published.
    pub brokers: Vec<Broker>,
    pub registry: Arc<Registry>,
    /// Those that flows use, by name (`shop/order`).
    pub mappings: BTreeMap<String, Arc<Mapping>>,
    pub version: ConfigVersion,
    /// Allowed but unwise.
    pub warnings: Diagnostics,
}

pub(super) fn connector_folder(folder: &Path, connector: &str) -> PathBuf {
    folder.join("connectors").join(connector)
}

impl Config {
    pub fn connection(&self, name: &str) -> Option<&Connection> {
        self.connections.iter().find(|connection| *connection.name == name)
    }

    /// Where the files of an installation's own connector are.
    pub fn connector_folder(&self, connector: &str) -> PathBuf {
        connector_folder(&self.folder, connector)
    }

    /// The mapping of a flow's end; `None` where records are canonical already.
    pub fn mapping(&self, end: &Endpoint) -> Option<&Arc<Mapping>> {
        let connection = self.connection(&end.connection)?;
        let name = connection.mapping_name(connection.manifest.stream(&end.stream)?)?;
        self.mappings.get(&name)
    }

    pub fn flow(&self, name: &str) -> Option<&Flow> {
        self.flows.iter().find(|flow| *flow.name == name)
    }
}

/// A hash over everything that was read (configuration, manifests, mappings), before `${...}` was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ConfigVersion(pub(super) String);

impl ConfigVersion {
    /// 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Enough for people.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for ConfigVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
