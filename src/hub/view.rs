//! The running hub as the API sees it; not here: what the API shows.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::discover::{DiscoverError, DiscoverOptions};
use super::lifecycle::{FLOW_PREFIX, Hub, HubError};
use super::own_files::own_files;
use super::reload::{InForce, ReloadError};
use crate::api::resources::reload::Reloaded;
use crate::api::{
    About, ActionError, ConnectionInfo, Deliver, FlowInfo, FlowMode, HubView, Owner, Readiness, ReloadRefusal,
    StreamInfo, StreamRef, Untold,
};
use crate::broker::Standing;
use crate::config::{self, Endpoint, Mode};
use crate::connector::manifest::{Stream, StreamEntity};
use crate::store::{ConnectionHealth, ConnectionStateRow, OwnFiles, StoreError};

/// A flow without an objective of its own is stale after this.
const DEFAULT_OBJECTIVE_US: i64 = 300_000_000;

#[async_trait]
impl HubView for Hub {
    fn about(&self) -> About {
        let plant = self.plant.now();
        let mut warnings: Vec<String> = plant
            .config
            .warnings
            .iter()
            .map(|found| format!("{}:{}: {}", found.file, found.line, found.message))
            .collect();
        if !self.address.ip().is_loopback() {
            warnings.push(format!(
                "listens on {}: whoever reaches it can see and change everything; put a proxy with a log-in before it",
                self.address
            ));
        }
        About {
            owner: Owner::Daemon,
            started_at: self.started_at,
            config_version: plant.config.version.short().to_owned(),
            listen: Some(self.address),
            public_url: plant.config.hub.public_url.clone(),
            warnings,
        }
    }

    fn connections(&self) -> Vec<ConnectionInfo> {
        let plant = self.plant.now();
        let info = |connection: &config::Connection| ConnectionInfo {
            id: connection.name.value.clone(),
            connector: connection.manifest.name.value.clone(),
            title: connection.manifest.title.clone(),
            webhook_url: plant.masked_webhook_url(&connection.name),
            streams: connection
                .manifest
                .streams
                .iter()
                .filter_map(|stream| {
                    let last_read_at = self.read_times.last(&connection.name, &stream.name);
                    let every = connection.polls.get(stream.name.as_str()).copied();
                    stream_info(stream, plant.polled(&connection.name, &stream.name), every, last_read_at)
                })
                .collect(),
        };
        plant.config.connections.iter().map(info).collect()
    }

    fn flows(&self) -> Vec<FlowInfo> {
        let held = self.lanes.held_flows();
        let plant = self.plant.now();
        let info = |flow: &config::Flow| FlowInfo {
            name: flow.name.value.clone(),
            from: stream_ref(&flow.from),
            to: stream_ref(&flow.to),
            entity: Some(flow.entity),
            deliver: match flow.deliver {
                config::Deliver::Every => Deliver::Every,
                config::Deliver::Latest => Deliver::Latest,
            },
            mode: if held.contains(&flow.name.value) { FlowMode::Paused } else { mode(flow.mode) },
            freshness_objective_us: flow
                .freshness
                .and_then(|objective| i64::try_from(objective.as_micros()).ok())
                .unwrap_or(DEFAULT_OBJECTIVE_US),
            needs: flow.needs.iter().map(|need| need.value.clone()).collect(),
            untold: untold(&plant.config, flow),
        };
        plant.config.flows.iter().map(info).collect()
    }

    fn readiness(&self) -> Readiness {
        if self.is_stopping() {
            return Readiness::NotReady("draining".to_owned());
        }
        match self.parts.ended().as_slice() {
            [] => Readiness::Ready,
            ended => {
                Readiness::NotReady(format!("ended by itself: {}; see the log, restart the hub", ended.join(", ")))
            }
        }
    }

    async fn pause_flow(&self, flow: &str, actor: &str) -> Result<(), ActionError> {
        self.set_flow(flow, ConnectionHealth::Paused, actor).await
    }

    async fn resume_flow(&self, flow: &str, actor: &str) -> Result<(), ActionError> {
        let plant = self.plant.now();
        if plant.config.flow(flow).is_some_and(|flow| flow.mode == Mode::Paused) {
            let message = format!("flow {flow} is paused by the configuration: write `mode: live` and reload");
            return Err(ActionError::Refused(message));
        }
        self.set_flow(flow, ConnectionHealth::Ok, actor).await
    }

    async fn reload(&self) -> Result<Reloaded, ReloadRefusal> {
        match self.reload_files().await {
            Ok(InForce { version, changes }) => {
                tracing::info!(
                    version,
                    changes = changes.made.len(),
                    "the configuration was read again and is in force"
                );
                Ok(Reloaded { version, changes: changes.made, at_restart: changes.at_restart })
            }
            Err(ReloadError::Problems(problems)) => {
                let what = match problems.len() {
                    1 => "the configuration has a problem".to_owned(),
                    n => format!("the configuration has {n} problems"),
                };
                Err(ReloadRefusal { what, problems: problems.to_string() })
            }
            Err(ReloadError::Hub(error)) => Err(ReloadRefusal { what: error.to_string(), problems: String::new() }),
        }
    }

    async fn discover(
        &self,
        connection: &str,
        stream: Option<&str>,
        sample: usize,
    ) -> Result<Option<Value>, ActionError> {
        let options = DiscoverOptions { stream: stream.map(str::to_owned), sample };
        // The plant of this moment: a reload meanwhile does not end the look.
        let plant = self.plant.now();
        match plant.discover(connection, &options).await {
            Ok(found) => serde_json::to_value(found).map(Some).map_err(|error| ActionError::Refused(error.to_string())),
            Err(DiscoverError::Connection(_) | DiscoverError::Stream { .. }) => Ok(None),
        }
    }

    fn folder(&self) -> Option<std::path::PathBuf> {
        Some(self.plant.now().config.folder.clone())
    }

    fn systems(&self) -> Option<std::sync::Arc<dyn crate::finance::systems::Systems>> {
        Some(std::sync::Arc::new(self.systems_of_plant()))
    }

    fn brokers(&self) -> Vec<(String, Standing)> {
        self.published.all()
    }

    fn own_files(&self) -> OwnFiles {
        own_files(self.plant.now().config.hub.data_dir.clone())
    }

    fn wake(&self) {
        self.processor.wake();
        self.queue.wake();
        self.poll_now();
    }
}

impl Hub {
    async fn set_flow(&self, flow: &str, state: ConnectionHealth, actor: &str) -> Result<(), ActionError> {
        if self.plant.now().config.flow(flow).is_none() {
            return Err(ActionError::Refused(format!("there is no flow {flow}")));
        }
        let changed_at = self.clock.now_us();
        let (connection, reason) = (format!("{FLOW_PREFIX}{flow}"), format!("by {actor}"));
        let row = ConnectionStateRow { connection, state, reason, until: None, failures: 0, changed_at };
        self.store.set_connection_state(row).await?;
        self.hold_paused_flows().await.map_err(|error| match error {
            HubError::Store(error) => ActionError::Store(error),
            other => ActionError::Store(StoreError::Refused(other.to_string())),
        })
    }
}

/// What the deliverer leaves out of a record of this flow, or puts in its place.
fn untold(config: &config::Config, flow: &config::Flow) -> Vec<Untold> {
    let owned = config
        .ownership
        .iter()
        .filter(|rule| rule.entity == flow.entity && rule.owner.as_str() != flow.from.connection);
    let owned = owned.map(|rule| Untold::owned_by(&rule.owner, &rule.path));
    owned.chain(flow.publish.as_ref().map(|_| Untold::published())).collect()
}

fn stream_ref(end: &Endpoint) -> StreamRef {
    StreamRef { connection: end.connection.clone(), stream: end.stream.clone() }
}

fn mode(mode: Mode) -> FlowMode {
    match mode {
        Mode::Shadow => FlowMode::Shadow,
        Mode::Canary { .. } => FlowMode::Canary,
        Mode::Live => FlowMode::Live,
        Mode::Paused => FlowMode::Paused,
    }
}

fn stream_info(
    stream: &Stream,
    polled: bool,
    every: Option<Duration>,
    last_read_at: Option<i64>,
) -> Option<StreamInfo> {
    let StreamEntity::One(entity) = stream.entity else { return None };
    let every = every.or_else(|| stream.read_every());
    Some(StreamInfo {
        name: stream.name.value.clone(),
        entity,
        reads: polled,
        writes: stream.is_sink(),
        webhook: stream.webhook.is_some(),
        poll_every_us: every.filter(|_| polled).and_then(|every| i64::try_from(every.as_micros()).ok()),
        last_read_at,
    })
}
