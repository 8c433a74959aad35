//! Configuration files to checked structs: everything that is wrong is found in one run, each with file, line and column.
//!
//! `load` reads `syncline.yaml` and `conf.d/*.yaml` of a folder, resolves `${...}`, decodes, then links: connections with their
//! connectors, flows with their streams and mappings. A configuration with a problem is refused whole.
//! Not here: what a connector can do (`connector::manifest`), what a mapping's cells mean (`mapping`), anything that runs.

mod broker;
mod changes;
mod connection;
mod document;
mod flow;
mod hub;
mod interpolate;
mod link;
mod load;
mod mappings;
mod network;
mod ownership;
mod retry;
mod starter;
pub mod yaml;

pub use broker::{Broker, BrokerKind, Nats, NatsLogin, SubjectTemplate};
pub use changes::{Changes, changes};
pub use connection::Connection;
pub use document::{Config, ConfigVersion};
pub use flow::{Brake, Deliver, Endpoint, Flow, Mode};
pub use hub::{Database, Hub, Limits, Log, LogFormat, LogLevel};
pub use interpolate::{Environment, ProcessEnvironment};
pub use load::{CONFIG_FILE, database_address, load, load_database, load_with};
pub use network::{Host, Network};
pub use ownership::Ownership;
pub use retry::RetryPolicy;
pub use starter::{StarterFile, starter_files};
