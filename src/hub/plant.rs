//! A configuration made ready to run: connections, compiled mappings, flows and routes; immutable. Not here: running it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::config::{Config, Deliver, Flow, Mode};
use crate::connector::call::{CallResult, CheckReport};
use crate::connector::connection::{Connection, ConnectionError, ConnectionOptions};
use crate::connector::file::sftp::Sftp;
use crate::connector::http::RenderError;
use crate::connector::http::guard::AddressRange;
use crate::connector::manifest::{Stream, StreamEntity, Write};
use crate::connector::process::{ProcessSink, Program, ProgramError, ProgramFolders};
use crate::connector::sql::{Database, DatabaseError, SqlSink};
use crate::deliver::{Destination, FileSink, FlowMode, FlowRun, MapOut, RetryPolicy, nothing_left};
use crate::mapping::{Filter, Mapping};
use crate::model::Entity;
use crate::model::clock::Clock;
use crate::process::{FlowBrake, Route, SourceTraits};
use crate::queue::LaneLimits;

use super::destination::ConnectionDestination;
use super::files::file_server;

/// A configuration that passed every check and still cannot run.
#[derive(Debug, thiserror::Error)]
pub enum PlantError {
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("flow {flow}: condition `when`: {cause}")]
    When { flow: String, cause: String },
    #[error("connection {connection}, stream {stream}: the folder: {cause}")]
    Folder { connection: String, stream: String, cause: String },
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("connection {connection}: its file server can be used by a running hub only")]
    Server { connection: String },
    #[error("connection {connection}, stream {stream}: {cause}")]
    Schema { connection: String, stream: String, cause: Box<RenderError> },
    #[error("the hub's secret for webhook addresses: {0}")]
    Token(std::io::Error),
}

/// What a source stream brings.
pub(super) struct SourceStream {
    pub entity: Entity,
    /// `None`: records are canonical as they come.
    pub mapping: Option<Arc<Mapping>>,
    pub traits: SourceTraits,
}

/// One connection, ready.
pub(super) struct Site {
    pub connection: Arc<Connection>,
    /// The program that its streams go through, if any do.
    pub program: Option<Arc<Program>>,
    /// The database that its streams are in, if any are.
    pub database: Option<Arc<Database>>,
    /// The file server that its folders are on, if they are not on this machine.
    pub server: Option<Arc<Sftp>>,
    pub config: crate::config::Connection,
    pub settings: Arc<Value>,
    /// The unguessable part of its webhook address.
    pub token: String,
}

/// Everything a running hub needs to know about its configuration.
pub struct Plant {
    pub config: Arc<Config>,
    pub(super) sites: BTreeMap<String, Site>,
    pub(super) streams: HashMap<(String, String), SourceStream>,
    pub(super) routes: HashMap<(String, String), Vec<Route>>,
    pub(super) brakes: HashMap<(String, String), Vec<FlowBrake>>,
    pub(super) flows: BTreeMap<String, Arc<FlowRun>>,
    pub(super) destinations: BTreeMap<String, Arc<dyn Destination>>,
    lanes: BTreeMap<String, LaneLimits>,
    pub(super) sinks: Sinks,
    /// Programs that may be in conversation.
    programs: Vec<Arc<ProcessSink>>,
    /// Those of the plant before: taken over where nothing about them has changed.
    pub(super) former_sinks: Sinks,
}

/// File sinks by connection and stream, with what they were made from.
pub(super) type Sinks = BTreeMap<(String, String), (String, Arc<FileSink>)>;

/// How long a job waits for what it refers to before a person is told.
const WAIT_LIMIT: Duration = Duration::from_secs(24 * 3600);
/// Deliveries in flight per destination that is called; the connection's own limits come on top.
const HTTP_LANE: u32 = 32;

impl Plant {
    /// `hub_secret` makes webhook addresses unguessable; it stays the same for the life of the installation.
    pub fn build(
        config: Config,
        hub_secret: &[u8],
        options: &ConnectionOptions,
        clock: &Clock,
        former: Option<&Plant>,
    ) -> Result<Plant, PlantError> {
        let config = Arc::new(config);
        let mut plant = Plant {
            config: Arc::clone(&config),
            sites: BTreeMap::new(),
            streams: HashMap::new(),
            routes: HashMap::new(),
            brakes: HashMap::new(),
            flows: BTreeMap::new(),
            destinations: BTreeMap::new(),
            lanes: BTreeMap::new(),
            sinks: BTreeMap::new(),
            programs: Vec::new(),
            former_sinks: former.map(|former| former.sinks.clone()).unwrap_or_default(),
        };
        for described in &config.connections {
            plant.site(described, hub_secret, options, clock)?;
        }
        for described in &config.connections {
            plant.source_streams(described);
        }
        for flow in &config.flows {
            plant.flow(flow)?;
        }
        Ok(plant)
    }

    /// Lanes and how much each takes at once.
    pub fn lanes(&self) -> Vec<(String, LaneLimits)> {
        self.lanes.iter().map(|(name, limits)| (name.clone(), *limits)).collect()
    }

    /// Workers that do nothing but wait for a file's batch, on top of those that call vendors.
    pub(super) fn waiting_workers(&self) -> usize {
        self.lanes.values().map(|limits| limits.concurrency.saturating_sub(HTTP_LANE) as usize).sum()
    }

    /// Writes out what waits for a batch in sinks that the next plant does not take over.
    pub(super) async fn drain_sinks_replaced_by(&self, next: &Plant) {
        for (key, (_, sink)) in &self.sinks {
            if !next.sinks.get(key).is_some_and(|(_, taken)| Arc::ptr_eq(taken, sink)) {
                sink.drain().await;
            }
        }
    }

    /// Ends the programs that wait for more to write.
    pub(super) async fn end_programs(&self) {
        futures::future::join_all(self.programs.iter().map(|program| program.close())).await;
    }

    /// Whether a connection is configured and switched on.
    pub(super) fn is_enabled(&self, connection: &str) -> bool {
        self.sites.get(connection).is_some_and(|site| site.config.enabled)
    }

    /// Whether a stream is worth asking: somebody here can say what its records mean.
    pub(super) fn polled(&self, connection: &str, stream: &str) -> bool {
        self.streams.contains_key(&(connection.to_owned(), stream.to_owned()))
    }

    /// The address at which a connection's vendor must deliver webhooks.
    pub fn webhook_url(&self, connection: &str) -> Option<String> {
        let site = self.sites.get(connection)?;
        site.config.manifest.webhooks.as_ref()?;
        let hub = &self.config.hub;
        let public_url = hub.public_url.clone().unwrap_or_else(|| format!("http://{}", hub.listen));
        Some(format!("{public_url}/hooks/{connection}/{}", site.token))
    }

    /// The same with its secret part masked, for people.
    pub(super) fn masked_webhook_url(&self, connection: &str) -> Option<String> {
        let url = self.webhook_url(connection)?;
        Some(format!("{}/***", url.rsplit_once('/')?.0))
    }

    /// Asks a connection's vendor who it is; `None` if the connector describes no such question.
    pub async fn check(&self, connection: &str) -> Option<CallResult<CheckReport>> {
        let site = self.sites.get(connection)?;
        if let Some(program) = &site.program {
            return Some(program.check(&site.config.manifest.streams).await);
        }
        if let Some(database) = &site.database {
            return Some(database.check().await);
        }
        if let Some(server) = &site.server {
            return Some(self.check_server(connection, site, server).await);
        }
        site.config.manifest.check.as_ref()?;
        Some(site.connection.check().await)
    }

    /// A configured connection by its name.
    pub fn connection(&self, name: &str) -> Option<&Arc<Connection>> {
        self.sites.get(name).map(|site| &site.connection)
    }

    /// Connections whose vendor keeps subscriptions, with the address they should have.
    pub(super) fn subscriptions(&self) -> Vec<(Arc<Connection>, String)> {
        let Some(public_url) = &self.config.hub.public_url else { return Vec::new() };
        let subscribed = self.sites.iter().filter(|(_, site)| {
            site.config.enabled
                && site.config.manifest.webhooks.as_ref().is_some_and(|webhooks| webhooks.subscriptions.is_some())
        });
        subscribed
            .map(|(name, site)| (Arc::clone(&site.connection), format!("{public_url}/hooks/{name}/{}", site.token)))
            .collect()
    }

    fn site(
        &mut self,
        described: &crate::config::Connection,
        hub_secret: &[u8],
        options: &ConnectionOptions,
        clock: &Clock,
    ) -> Result<(), PlantError> {
        let name = described.name.value.clone();
        let mut options = options.clone();
        options.egress.allow.extend(
            described.allow_networks.iter().filter_map(|network| AddressRange::new(network.address, network.prefix)),
        );
        options.egress.hosts = Some(described.allow_hosts.iter().map(|host| host.name.clone()).collect());
        let (base, own) = (&self.config.folder, &self.config.hub.data_dir);
        let database =
            Database::new(&name, &described.manifest, &described.settings, &options, base, own)?.map(Arc::new);
        let server = file_server(described, &options)?;
        let connection =
            Arc::new(Connection::new(name.clone(), Arc::clone(&described.manifest), &described.settings, options)?);
        let settings = Arc::new(described.settings.masked());
        let program = self.program(described)?;
        let token = match &described.path_secret {
            Some(secret) => secret.expose_secret().to_owned(),
            None => token(hub_secret, &name),
        };
        if described.manifest.streams.iter().any(Stream::is_sink) {
            let files = self.file_sinks(described, server.as_ref(), &settings, clock)?;
            // A batch fills only if as many deliveries may wait for it.
            let programs = process_sinks(described, program.as_ref())?;
            self.programs.extend(programs.values().cloned());
            let batches = files.values().map(|file| file.batch_records());
            let batches = batches.chain(programs.values().map(|sink| sink.batch_records()));
            let waiting = batches.sum::<u32>() + batched(&described.manifest.streams);
            // More than a database has connections for would only wait.
            let calls = described.manifest.sql.as_ref().map_or(HTTP_LANE, |sql| sql.pool);
            self.lanes.insert(name.clone(), LaneLimits { concurrency: calls + waiting });
            let tables = sql_sinks(described, database.as_ref());
            let destination = ConnectionDestination::new(Arc::clone(&connection), files, programs, tables);
            self.destinations.insert(name.clone(), Arc::new(destination));
        }
        self.sites
            .insert(name, Site { connection, program, database, server, config: described.clone(), settings, token });
        Ok(())
    }

    fn program(&self, described: &crate::config::Connection) -> Result<Option<Arc<Program>>, PlantError> {
        let manifest = &described.manifest;
        let folders = ProgramFolders {
            connector: &self.config.connector_folder(&manifest.name),
            base: &self.config.folder,
            runs: &self.config.hub.data_dir.join("plugins"),
        };
        Ok(Program::new(&described.name, manifest, &described.settings, folders)?.map(Arc::new))
    }

    fn source_streams(&mut self, described: &crate::config::Connection) {
        for stream in described.manifest.streams.iter().filter(|stream| stream.is_source()) {
            let StreamEntity::One(entity) = stream.entity else { continue };
            let mapping = match described.mapping_name(stream) {
                Some(name) => match self.config.mappings.get(&name) {
                    Some(mapping) if mapping.maps_in() => Some(Arc::clone(mapping)),
                    // No flow needs it: nothing here could say what its records mean.
                    Some(_) | None => continue,
                },
                None => None,
            };
            let traits = SourceTraits {
                can_fetch: stream.can_fetch(),
                measures_loss: stream.webhook.is_some() && stream.http_read().is_some(),
            };
            let key = (described.name.value.clone(), stream.name.value.clone());
            self.streams.insert(key, SourceStream { entity, mapping, traits });
        }
    }

    fn flow(&mut self, flow: &Flow) -> Result<(), PlantError> {
        let Some(site) = self.sites.get(&flow.to.connection) else { return Ok(()) };
        let Some(stream) = site.config.manifest.stream(&flow.to.stream) else { return Ok(()) };
        let map_out = match site.config.mapping_name(stream).and_then(|name| self.config.mappings.get(&name)) {
            Some(mapping) => MapOut::Table { mapping: Arc::clone(mapping), settings: Arc::clone(&site.settings) },
            None => MapOut::Canonical,
        };
        let name = flow.name.value.clone();
        let when = match &flow.when {
            Some(when) => Some(Arc::new(
                Filter::compile(flow.entity, when.value.source())
                    .map_err(|cause| PlantError::When { flow: name.clone(), cause: cause.to_string() })?,
            )),
            None => None,
        };
        let owned = self
            .config
            .ownership
            .iter()
            .filter(|rule| rule.entity == flow.entity && rule.owner.as_str() != flow.from.connection);
        let run = FlowRun {
            name: name.clone(),
            mode: mode(flow.mode),
            dest: flow.to.connection.clone(),
            dest_stream: flow.to.stream.clone(),
            needs: flow.needs.iter().map(|path| path.value.clone()).collect(),
            map_out,
            publish: flow.publish.as_ref().map(|publish| publish.value.clone()),
            owned_elsewhere: owned.map(|rule| rule.path.clone()).collect(),
            policy: RetryPolicy {
                first: flow.retry.first_delay,
                cap: flow.retry.max_delay,
                give_up_after: flow.retry.give_up_after,
            },
            wait_limit: WAIT_LIMIT,
        };
        let route = Route {
            flow: name.clone(),
            lane: flow.to.connection.clone(),
            stream: flow.to.stream.clone(),
            latest: flow.deliver == Deliver::Latest,
            deletes: false,
            when,
        };
        let source = (flow.from.connection.clone(), flow.from.stream.clone());
        if let Some(brake) = brake(flow) {
            self.brakes.entry(source.clone()).or_default().push(brake);
        }
        self.routes.entry(source).or_default().push(route);
        self.flows.insert(name, Arc::new(run));
        Ok(())
    }
}

/// Deliveries that may wait for batches of calls: one batch fills while another is under way.
fn batched(streams: &[Stream]) -> u32 {
    let written = streams.iter().filter_map(|stream| match &stream.write {
        Some(Write::Http(write)) => {
            write.operations.iter().filter_map(|operation| operation.batch.as_ref()).map(|batch| batch.max).max()
        }
        Some(Write::File(_) | Write::Process(_) | Write::Sql(_)) | None => None,
    });
    written.map(|max| max * 2).sum()
}

/// What the flow allows one wave, if it says so.
fn brake(flow: &Flow) -> Option<FlowBrake> {
    let limit = |share: Option<crate::config::yaml::Percent>| share.map(|share| share.basis_points);
    let (changes_per_run, zero_stock) = (limit(flow.brake.changes_per_run), limit(flow.brake.zero_stock));
    let publish = flow.publish.as_ref().map(|publish| publish.value.clone());
    (changes_per_run.is_some() || zero_stock.is_some()).then(|| FlowBrake {
        flow: flow.name.value.clone(),
        changes_per_run,
        zero_stock,
        nothing_left: Arc::new(move |doc: &str| nothing_left(publish.as_ref(), doc)),
    })
}

fn process_sinks(
    described: &crate::config::Connection,
    program: Option<&Arc<Program>>,
) -> Result<HashMap<String, Arc<ProcessSink>>, PlantError> {
    let mut sinks = HashMap::new();
    for (program, stream) in
        program.into_iter().flat_map(|program| described.manifest.streams.iter().map(move |s| (program, s)))
    {
        let failed = |cause| PlantError::Schema {
            connection: described.name.value.clone(),
            stream: stream.name.value.clone(),
            cause: Box::new(cause),
        };
        if let Some(sink) = ProcessSink::new(program, stream).map_err(failed)? {
            sinks.insert(stream.name.value.clone(), Arc::new(sink));
        }
    }
    Ok(sinks)
}

fn sql_sinks(described: &crate::config::Connection, database: Option<&Arc<Database>>) -> HashMap<String, Arc<SqlSink>> {
    let Some(database) = database else { return HashMap::new() };
    let sinks = described
        .manifest
        .streams
        .iter()
        .filter_map(|stream| Some((stream.name.value.clone(), Arc::new(SqlSink::new(database, stream)?))));
    sinks.collect()
}

fn mode(mode: Mode) -> FlowMode {
    match mode {
        Mode::Live => FlowMode::Live,
        Mode::Shadow => FlowMode::Shadow,
        Mode::Canary { share } => FlowMode::Canary { share_basis_points: share.basis_points },
        Mode::Paused => FlowMode::Paused,
    }
}

/// The part of a webhook address that nobody can guess: derived, so that it survives restarts without being stored.
fn token(hub_secret: &[u8], connection: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update((hub_secret.len() as u64).to_be_bytes());
    hasher.update(hub_secret);
    hasher.update(b"webhook address of ");
    hasher.update(connection.as_bytes());
    hex::encode(&hasher.finalize()[..16])
}
