//! The life of a hub: open, rescue, run, reload, drain, close; not here: what the parts do.
//!
//! Order of starting: store, rescue of the former life's jobs, processor, queue and workers, then what brings new work
//! (pollers, file watchers, the server). Order of stopping is the reverse: first nothing new comes in, then what is
//! under way finishes, then its outcomes are written, then the store is closed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::own_files::SECRET;
use super::parts::{Parts, SOURCE};
use super::plant::{Plant, PlantError};
use super::sources::{ConnectionPoll, ReadTimes};
use super::tokens::StoredTokens;
use crate::api::server::{ServerLimits, serve};
use crate::broker::{Published, Publisher};
use crate::config::{Config, Database};
use crate::connector::call::CallResult;
use crate::connector::connection::ConnectionOptions;
use crate::deliver::{Deliverer, Destination, FlowBook, FlowMode, FlowRun};
use crate::intake::{
    Appender, PollSource as _, WebhookIntake, WebhookSource, WebhookSources, poll_stream, watch_files, webhook_router,
};
use crate::model::clock::Clock;
use crate::process::{
    Catalogue, Fetcher, FlowBrake, Interpreted, Processor, ProcessorHandle, Route, SourceTraits, TieFetch, Unusable,
};
use crate::queue::{Dispatcher, DispatcherOptions, Lanes, QueueHandle, run_workers};
use crate::store::{ConnectionHealth, EntityKey, InboxRow, Location, Store, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum HubError {
    #[error(transparent)]
    Plant(#[from] PlantError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot listen on {address}: {cause}; choose another address in `hub.listen`, or stop what listens there")]
    Listen { address: SocketAddr, cause: std::io::Error },
    #[error("{path}: {cause}; the hub keeps its files there, make the folder writable")]
    DataDir { path: PathBuf, cause: std::io::Error },
    #[error("the configuration could not be read: {0}")]
    Reading(String),
}

/// What surrounds a hub besides its configuration.
#[derive(Clone, Default)]
pub struct HubOptions {
    pub clock: Clock,
    pub connections: ConnectionOptions,
}

/// The plant in force; replaced as a whole by a reload.
pub struct LivePlant {
    plant: RwLock<Arc<Plant>>,
}

impl LivePlant {
    pub fn now(&self) -> Arc<Plant> {
        Arc::clone(&self.plant.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn replace(&self, plant: Arc<Plant>) {
        *self.plant.write().unwrap_or_else(std::sync::PoisonError::into_inner) = plant;
    }
}

impl Catalogue for LivePlant {
    fn interpret(&self, row: &InboxRow) -> Result<Interpreted, Box<Unusable>> {
        self.now().interpret(row)
    }
    fn routes(&self, connection: &str, stream: &str) -> Vec<Route> {
        self.now().routes(connection, stream)
    }
    fn brakes(&self, connection: &str, stream: &str) -> Vec<FlowBrake> {
        self.now().brakes(connection, stream)
    }
    fn traits(&self, connection: &str, stream: &str) -> SourceTraits {
        self.now().traits(connection, stream)
    }
}

impl FlowBook for LivePlant {
    fn flow(&self, name: &str) -> Option<Arc<FlowRun>> {
        self.now().flow(name)
    }
    fn destination(&self, connection: &str) -> Option<Arc<dyn Destination>> {
        self.now().destination(connection)
    }
}

#[async_trait]
impl Fetcher for LivePlant {
    async fn fetch(&self, id: &EntityKey) -> CallResult<Option<Value>> {
        self.now().fetch(id).await
    }
}

impl WebhookSources for LivePlant {
    fn source(&self, connection: &str) -> Option<Arc<dyn WebhookSource>> {
        self.now().source(connection)
    }
}

/// A running hub.
pub struct Hub {
    pub store: Arc<dyn Store>,
    pub plant: Arc<LivePlant>,
    pub lanes: Arc<Lanes>,
    pub queue: QueueHandle,
    pub processor: ProcessorHandle,
    pub clock: Clock,
    pub address: SocketAddr,
    pub started_at: i64,
    options: HubOptions,
    secret: Vec<u8>,
    /// Pollers and watchers of the plant in force.
    sources: std::sync::Mutex<CancellationToken>,
    intake_stop: CancellationToken,
    work_stop: CancellationToken,
    workers_stop: CancellationToken,
    server_stop: CancellationToken,
    intake_tasks: TaskTracker,
    work_tasks: TaskTracker,
    worker_tasks: TaskTracker,
    poll_now: Arc<Notify>,
    pub(super) read_times: Arc<ReadTimes>,
    /// Nothing more is taken until there is room again.
    overload: Arc<AtomicBool>,
    pub(super) reloading: tokio::sync::Mutex<()>,
    pub(super) parts: Parts,
    pub(super) published: Published,
}

impl Hub {
    /// Starts everything. `pages` makes the routes that are served beside the webhooks.
    pub async fn start(
        config: Config,
        mut options: HubOptions,
        pages: impl FnOnce(&Arc<Hub>) -> Router,
    ) -> Result<Arc<Hub>, HubError> {
        let location = location(&config.hub.database);
        let data_dir = config.hub.data_dir.clone();
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |cause| HubError::DataDir { path, cause }
        };
        std::fs::create_dir_all(&data_dir).map_err(failed(&data_dir))?;
        if let Location::Sqlite(path) = &location
            && let Some(parent) = path.parent()
        {
            std::fs::create_dir_all(parent).map_err(failed(parent))?;
        }
        let secret = installation_secret(&data_dir).map_err(PlantError::Token)?;
        let store = crate::store::open(&location).await?;
        let limits = config.hub.limits.clone();
        let listen = config.hub.listen;
        options.connections.tokens = Arc::new(StoredTokens::new(Arc::clone(&store), options.clock.clone()));
        let plant = Arc::new(Plant::build(config, &secret, &options.connections, &options.clock, None)?);
        let listener = TcpListener::bind(listen).await.map_err(|cause| HubError::Listen { address: listen, cause })?;
        let address = listener.local_addr().map_err(|cause| HubError::Listen { address: listen, cause })?;
        let clock = options.clock.clone();
        // A life of this node ends with its process, and the store's lock says that there is no other.
        let rescued = store.rescue(clock.now_us(), Some(OWNER)).await?;
        if rescued > 0 {
            tracing::info!(jobs = rescued, "jobs of the former life are looked up and go on");
        }
        let hub = Arc::new(Hub {
            lanes: Arc::new(Lanes::new(plant.lanes())),
            plant: Arc::new(LivePlant { plant: RwLock::new(plant) }),
            store,
            queue: QueueHandle::default(),
            processor: ProcessorHandle::default(),
            started_at: clock.now_us(),
            clock,
            address,
            options,
            secret,
            sources: std::sync::Mutex::new(CancellationToken::new()),
            intake_stop: CancellationToken::new(),
            work_stop: CancellationToken::new(),
            workers_stop: CancellationToken::new(),
            server_stop: CancellationToken::new(),
            intake_tasks: TaskTracker::new(),
            work_tasks: TaskTracker::new(),
            worker_tasks: TaskTracker::new(),
            poll_now: Arc::new(Notify::new()),
            read_times: Arc::default(),
            overload: Arc::default(),
            reloading: tokio::sync::Mutex::default(),
            parts: Parts::default(),
            published: Published::default(),
        });
        hub.restore_holds().await?;
        let workers = limits.workers as usize + hub.plant.now().waiting_workers();
        hub.start_work(workers);
        let webhooks = webhook_router(WebhookIntake {
            sources: Arc::clone(&hub.plant) as Arc<dyn WebhookSources>,
            appender: Appender::start(Arc::clone(&hub.store), hub.processor.clone(), &hub.intake_tasks),
            clock: hub.clock.clone(),
            body_cap: usize::try_from(limits.webhook_body.bytes).unwrap_or(usize::MAX),
            body_timeout: Duration::from_secs(10),
            overload: Arc::clone(&hub.overload),
        });
        let router = webhooks.merge(pages(&hub));
        let server = ServerLimits { connections: limits.connections as usize, ..ServerLimits::default() };
        let serving = serve(listener, router, server, hub.server_stop.clone());
        hub.intake_tasks.spawn(hub.parts.watch("server", &hub.server_stop, serving));
        hub.start_sources();
        Ok(hub)
    }

    fn start_work(self: &Arc<Self>, workers: usize) {
        let ties = TieFetch::new(
            Arc::clone(&self.store),
            Arc::clone(&self.plant) as Arc<dyn Fetcher>,
            self.clock.clone(),
            self.work_tasks.clone(),
            self.work_stop.clone(),
        );
        let processor = Processor::new(
            Arc::clone(&self.store),
            Arc::clone(&self.plant) as Arc<dyn Catalogue>,
            ties,
            self.clock.clone(),
            self.processor.clone(),
            self.queue.clone(),
        );
        self.work("processor", processor.run(self.work_stop.clone()));
        let (dispatcher, backend) = Dispatcher::new(
            Arc::clone(&self.store),
            self.clock.clone(),
            Arc::clone(&self.lanes),
            self.queue.clone(),
            DispatcherOptions::new(OWNER.to_owned()),
            workers,
        );
        self.work("queue", dispatcher.run(self.work_stop.clone()));
        let deliverer = Arc::new(Deliverer::new(
            Arc::clone(&self.store),
            Arc::clone(&self.plant) as Arc<dyn FlowBook>,
            Arc::clone(&self.lanes),
            self.queue.clone(),
            self.clock.clone(),
        ));
        let deliver = move |delivery| {
            let deliverer = Arc::clone(&deliverer);
            async move { deliverer.deliver(delivery).await }
        };
        let workers = run_workers(backend, workers, deliver, self.workers_stop.clone());
        self.worker_tasks.spawn(self.parts.watch("workers", &self.workers_stop, workers));
        self.work(
            "sweep of leases",
            sweep(Arc::clone(&self.store), self.clock.clone(), self.queue.clone(), self.work_stop.clone()),
        );
        self.work(
            "watch over limits",
            super::pressure::watch(
                Arc::clone(&self.plant),
                Arc::clone(&self.store),
                Arc::clone(&self.overload),
                self.work_stop.clone(),
            ),
        );
        self.work(
            "retention",
            super::retention::keep(
                Arc::clone(&self.plant),
                Arc::clone(&self.store),
                self.clock.clone(),
                self.work_stop.clone(),
            ),
        );
    }

    /// A part that works until the hub drains.
    fn work(&self, name: &str, work: impl Future<Output = ()> + Send + 'static) {
        self.work_tasks.spawn(self.parts.watch(name, &self.work_stop, work));
    }

    /// Starts pollers and file watchers of the plant in force, in place of those before.
    fn start_sources(&self) {
        let stop = self.intake_stop.child_token();
        let former = {
            let mut sources = self.sources.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            std::mem::replace(&mut *sources, stop.clone())
        };
        former.cancel();
        self.parts.forget_sources();
        let plant = self.plant.now();
        for source in ConnectionPoll::all(&plant, &self.read_times) {
            let name = format!("{SOURCE}{}.{}", source.connection(), source.stream());
            let polling = poll_stream(
                source,
                Arc::clone(&self.store),
                self.processor.clone(),
                self.clock.clone(),
                Arc::clone(&self.poll_now),
                stop.clone(),
            );
            self.intake_tasks.spawn(self.parts.watch(&name, &stop, polling));
        }
        for intake in plant.file_intakes(&self.store, &self.processor, &self.clock, &self.poll_now, &self.read_times) {
            let name = format!("{SOURCE}{}.{}", intake.connection, intake.stream);
            self.intake_tasks.spawn(self.parts.watch(&name, &stop, watch_files(intake, stop.clone())));
        }
        self.published.keep(&plant.config.brokers.iter().map(|broker| broker.name.value.clone()).collect());
        for broker in &plant.config.brokers {
            let store = Arc::clone(&self.store);
            let publisher = Publisher::new(broker, store, self.clock.clone(), self.published.clone());
            let name = format!("{SOURCE}broker {}", broker.name.value);
            self.intake_tasks.spawn(self.parts.watch(&name, &stop, publisher.run(stop.clone())));
        }
        for (connection, url) in plant.subscriptions() {
            let name = format!("{SOURCE}{} subscriptions", connection.id());
            let watching = super::watchdog::watch(connection, url, stop.clone());
            self.intake_tasks.spawn(self.parts.watch(&name, &stop, watching));
        }
    }

    /// Pauses and breakers of the former life hold on.
    async fn restore_holds(&self) -> Result<(), HubError> {
        for row in self.store.connection_states().await? {
            match row.state {
                ConnectionHealth::Open | ConnectionHealth::Auth => {
                    self.lanes.hold(&row.connection, row.until.unwrap_or_default(), true);
                }
                ConnectionHealth::Paused | ConnectionHealth::Ok => {}
            }
        }
        self.hold_paused_flows().await
    }

    /// Flows paused by configuration or by a person are held in the queue.
    pub async fn hold_paused_flows(&self) -> Result<(), HubError> {
        let by_people = self.store.connection_states().await?;
        let by_people = by_people
            .iter()
            .filter(|row| row.state == ConnectionHealth::Paused)
            .filter_map(|row| row.connection.strip_prefix(FLOW_PREFIX).map(str::to_owned));
        let plant = self.plant.now();
        let by_config = plant.flows.values().filter(|flow| flow.mode == FlowMode::Paused).map(|flow| flow.name.clone());
        let switched_off =
            plant.flows.values().filter(|flow| !plant.is_enabled(&flow.dest)).map(|flow| flow.name.clone());
        self.lanes.hold_flows(by_people.chain(by_config).chain(switched_off).collect());
        self.queue.wake();
        Ok(())
    }

    /// Takes a new configuration, which must have passed its checks. Work under way goes on; a plant that cannot be
    /// built leaves the old one in force.
    pub async fn reload(&self, config: Config) -> Result<(), HubError> {
        let former = self.plant.now();
        let plant =
            Arc::new(Plant::build(config, &self.secret, &self.options.connections, &self.clock, Some(&former))?);
        former.drain_sinks_replaced_by(&plant).await;
        self.lanes.configure(plant.lanes());
        self.plant.replace(plant);
        self.hold_paused_flows().await?;
        self.start_sources();
        self.processor.wake();
        self.queue.wake();
        Ok(())
    }

    /// Addresses that vendors must deliver to, with their secret parts: for whoever starts the hub.
    pub fn webhook_urls(&self) -> Vec<(String, String)> {
        let plant = self.plant.now();
        plant.sites.keys().filter_map(|name| Some((name.clone(), plant.webhook_url(name)?))).collect()
    }

    /// Whether the hub has begun to drain.
    pub fn is_stopping(&self) -> bool {
        self.intake_stop.is_cancelled()
    }

    /// Asks every polled stream at once.
    pub fn poll_now(&self) {
        self.poll_now.notify_waiters();
    }

    /// Stops taking, finishes what is under way, writes its outcomes, closes the store.
    pub async fn stop(&self) {
        self.server_stop.cancel();
        self.intake_stop.cancel();
        self.intake_tasks.close();
        self.intake_tasks.wait().await;
        self.work_stop.cancel();
        self.work_tasks.close();
        self.work_tasks.wait().await;
        self.workers_stop.cancel();
        self.worker_tasks.close();
        self.worker_tasks.wait().await;
        self.plant.now().end_programs().await;
        self.store.close().await;
    }
}

/// Where the configuration has the database.
pub fn location(database: &Database) -> Location {
    match database {
        Database::Sqlite { path } => Location::Sqlite(path.clone()),
        Database::Postgres { url } => Location::Postgres(url.clone()),
    }
}

/// Name of this node's claims. One node has the database to itself, so that its former life is recognised by it.
const OWNER: &str = "node";
/// Pauses of flows are kept beside those of connections, under this prefix, which no connection's name can have.
pub(super) const FLOW_PREFIX: &str = "flow/";
const SWEEP_EVERY: Duration = Duration::from_secs(2);

/// Leases that ran out, and waits that look again.
async fn sweep(store: Arc<dyn Store>, clock: Clock, queue: QueueHandle, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(SWEEP_EVERY) => {}
            () = stop.cancelled() => return,
        }
        match store.rescue(clock.now_us(), None).await {
            Ok(0) => queue.wake(),
            Ok(jobs) => {
                tracing::warn!(jobs, "leases ran out; the jobs are looked up and go on");
                queue.wake();
            }
            Err(error) => tracing::error!(%error, "the sweep of leases failed, trying again"),
        }
    }
}

/// A random secret of this installation, made at the first start, readable by its owner only.
fn installation_secret(data_dir: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::{Read as _, Write as _};
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = data_dir.join(SECRET);
    let mut secret = Vec::new();
    match std::fs::File::open(&path) {
        Ok(mut file) => {
            file.read_to_end(&mut secret)?;
            if secret.len() >= 32 {
                return Ok(secret);
            }
            Err(std::io::Error::other(format!("{} is damaged; restore it from a backup", path.display())))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            std::fs::File::open("/dev/urandom")?.take(32).read_to_end(&mut secret)?;
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(&secret)?;
            file.sync_all()?;
            Ok(secret)
        }
        Err(error) => Err(error),
    }
}
