//! What the API needs to know of the running hub, and where it keeps its own few things; not here: how the hub runs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::costly::Costly;
use super::error::ApiError;
use super::live::LiveFeed;
use super::resources::flows::ThroughputCache;
use super::resources::reload::Reloaded;
use super::work::WorkBoard;
use crate::broker::Standing;
use crate::finance::continuous::Agreement;
use crate::finance::desk::{Desk, Shelf};
use crate::finance::kept::ROOM;
use crate::finance::systems::Systems;
use crate::model::Entity;
use crate::model::clock::Clock;
use crate::store::{FlowStat, OwnFiles, QueueStat, Store, StoreError};
use crate::telemetry::metrics::Metrics;

/// The running hub as the API sees it. The daemon implements it over its wiring; a command without a daemon, over the
/// configuration alone.
#[async_trait]
pub trait HubView: Send + Sync + 'static {
    fn about(&self) -> About;
    fn connections(&self) -> Vec<ConnectionInfo>;
    fn flows(&self) -> Vec<FlowInfo>;
    /// Whether the parts that move records are at work.
    fn readiness(&self) -> Readiness;
    /// Nothing of the flow is sent any more; its changes queue up. Survives a restart.
    async fn pause_flow(&self, flow: &str, actor: &str) -> Result<(), ActionError>;
    async fn resume_flow(&self, flow: &str, actor: &str) -> Result<(), ActionError>;
    /// Reads the configuration anew. What has mistakes is refused as a whole, and the one in force goes on.
    async fn reload(&self) -> Result<Reloaded, ReloadRefusal>;
    /// Looks at a sample of what a connection has; a person waits. `None`: there is no such connection or stream.
    async fn discover(
        &self,
        connection: &str,
        stream: Option<&str>,
        sample: usize,
    ) -> Result<Option<Value>, ActionError> {
        let _asked = (stream, sample);
        Err(ActionError::Refused(format!(
            "no daemon runs that could ask {connection}; `syncline discover {connection}` asks by itself"
        )))
    }
    /// The installation's folder, where definitions of reconciliations lie. None: this hub has none.
    fn folder(&self) -> Option<PathBuf> {
        None
    }
    /// Connections, for reconciliations that read them. None: nothing moves here.
    fn systems(&self) -> Option<Arc<dyn Systems>> {
        None
    }
    /// How the brokers stand that the event log is published to. None: nothing is published here.
    fn brokers(&self) -> Vec<(String, Standing)> {
        Vec::new()
    }
    /// Files that belong to the store, for a backup.
    fn own_files(&self) -> OwnFiles;
    /// There may be new work in the store.
    fn wake(&self);
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// A daemon: records move while you look.
    Daemon,
    /// A command that has opened the store for itself: nothing moves.
    Command,
}

#[derive(Clone, Debug)]
pub struct About {
    pub owner: Owner,
    pub started_at: i64,
    /// Identifies the configuration in force.
    pub config_version: String,
    /// Where it listens; none for a command.
    pub listen: Option<SocketAddr>,
    /// As configured, for links and for the host check.
    pub public_url: Option<String>,
    /// What a person should know and nothing else on the page says.
    pub warnings: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    pub id: String,
    pub connector: String,
    pub title: String,
    /// Where the vendor has to send its webhooks, with the path's secret masked.
    pub webhook_url: Option<String>,
    pub streams: Vec<StreamInfo>,
}

#[derive(Clone, Debug)]
pub struct StreamInfo {
    pub name: String,
    pub entity: Entity,
    pub reads: bool,
    pub writes: bool,
    pub webhook: bool,
    pub poll_every_us: Option<i64>,
    /// When the stream was last read to its end, whether anything had changed or not.
    pub last_read_at: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRef {
    pub connection: String,
    pub stream: String,
}

impl std::fmt::Display for StreamRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.connection, self.stream)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Deliver {
    Every,
    Latest,
}

impl Deliver {
    pub fn as_str(self) -> &'static str {
        match self {
            Deliver::Every => "every change, in order",
            Deliver::Latest => "latest state only",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlowMode {
    Shadow,
    Canary,
    Live,
    /// By configuration or by a person.
    Paused,
}

impl FlowMode {
    pub fn as_str(self) -> &'static str {
        match self {
            FlowMode::Shadow => "shadow",
            FlowMode::Canary => "canary",
            FlowMode::Live => "live",
            FlowMode::Paused => "paused",
        }
    }
}

#[derive(Clone, Debug)]
pub struct FlowInfo {
    pub name: String,
    pub from: StreamRef,
    pub to: StreamRef,
    /// Unknown to a command that has not read the connector's manifest.
    pub entity: Option<Entity>,
    pub deliver: Deliver,
    pub mode: FlowMode,
    pub freshness_objective_us: i64,
    /// Referenced kinds that have to be at the destination first.
    pub needs: Vec<String>,
    /// Fields of the record that the flow does not take from it.
    pub untold: Vec<Untold>,
}

/// A field of a record that a flow does not send as the record has it, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    pub path: String,
    pub why: String,
}

impl Untold {
    /// Another system's word on the field is the one that counts.
    pub fn owned_by(owner: &str, path: &str) -> Untold {
        Untold { path: path.to_owned(), why: format!("it belongs to {owner} (`ownership`)") }
    }

    /// The flow publishes a level of its own making.
    pub fn published() -> Untold {
        Untold { path: "available".to_owned(), why: "the flow computes it (`publish`)".to_owned() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    /// Starting, draining, or a part has ended: which.
    NotReady(String),
}

/// Why the configuration was not put in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReloadRefusal {
    pub what: String,
    /// Every mistake with its place, in lines; empty where it is not about the files.
    pub problems: String,
}

/// Why a flow could not be paused or resumed.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
}

struct Shared {
    store: Arc<dyn Store>,
    hub: Arc<dyn HubView>,
    clock: Clock,
    metrics: Metrics,
    data_dir: PathBuf,
    work: WorkBoard,
    agreements: Mutex<BTreeMap<String, Agreement>>,
    live: LiveFeed,
    throughput: ThroughputCache,
    queue_stats: Costly<Vec<QueueStat>>,
    flow_stats: Costly<Vec<FlowStat>>,
    books: Shelf,
    stop: CancellationToken,
}

/// Cheap to clone; everything is shared.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

impl AppState {
    /// `data_dir` is where backups go; `stop` ends live streams so that a drain need not wait for them.
    pub fn new(
        store: Arc<dyn Store>,
        hub: Arc<dyn HubView>,
        clock: Clock,
        metrics: Metrics,
        data_dir: PathBuf,
        stop: CancellationToken,
    ) -> AppState {
        AppState(Arc::new(Shared {
            store,
            hub,
            clock,
            metrics,
            data_dir,
            work: WorkBoard::default(),
            agreements: Mutex::default(),
            live: LiveFeed::default(),
            throughput: ThroughputCache::default(),
            queue_stats: Costly::default(),
            flow_stats: Costly::default(),
            books: Shelf::default(),
            stop,
        }))
    }

    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    pub fn hub(&self) -> &dyn HubView {
        self.0.hub.as_ref()
    }

    pub fn now_us(&self) -> i64 {
        self.0.clock.now_us()
    }

    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub fn data_dir(&self) -> &std::path::Path {
        &self.0.data_dir
    }

    /// Reconciliations of the installation, over the store.
    pub fn desk(&self) -> Result<Desk, ApiError> {
        let folder = self.hub().folder().ok_or_else(|| {
            ApiError::not_found("this hub has no folder with reconciliations", "start it with a configuration")
        })?;
        let clock = self.0.clock.clone();
        Ok(Desk {
            store: Arc::clone(self.store()),
            systems: self.hub().systems(),
            folder,
            room: self.data_dir().join(ROOM),
            now: Arc::new(move || clock.now_us()),
            shelf: Shelf::clone(&self.0.books),
        })
    }

    /// How a watched reconciliation stands.
    pub fn agreement(&self, name: &str) -> Option<Agreement> {
        self.0.agreements.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub(super) fn set_agreements(&self, known: BTreeMap<String, Agreement>) {
        *self.0.agreements.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }

    pub fn work(&self) -> &WorkBoard {
        &self.0.work
    }

    pub(super) fn live(&self) -> &LiveFeed {
        &self.0.live
    }

    pub(super) fn throughput(&self) -> &ThroughputCache {
        &self.0.throughput
    }

    /// Jobs by flow and state.
    pub(super) async fn queue_stats(&self) -> Result<Vec<QueueStat>, StoreError> {
        self.0.queue_stats.get(async || self.store().queue_stats().await).await
    }

    /// What each flow did since a moment; the moment of the last reading holds while that is kept.
    pub(super) async fn flow_stats(&self, since: i64) -> Result<Vec<FlowStat>, StoreError> {
        self.0.flow_stats.get(async || self.store().flow_stats(since).await).await
    }

    pub fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }
}
