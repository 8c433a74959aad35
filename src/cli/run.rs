//! `syncline run`: the daemon; not here: what it does (`hub`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::args::Global;
use super::client::ADDRESS_FILE;
use super::entry::Exit;
use super::error::CliError;
use super::output::Surroundings;
use crate::api::resources::reconciliations::{keep_schedule, keep_watch};
use crate::api::{AppState, HubView, ReloadRefusal};
use crate::config::yaml::{Diagnostics, Warnings};
use crate::config::{Config, Database};
use crate::hub::{Hub, HubError, HubOptions};
use crate::telemetry::metrics::Metrics;

/// A started hub with its pages, and what its end needs.
pub(super) struct Running {
    pub hub: Arc<Hub>,
    pages_stop: CancellationToken,
    address_file: PathBuf,
}

/// Starts a hub for a checked configuration, with pages and API, and leaves its address for other commands.
pub(super) async fn start(config: Config) -> Result<Running, CliError> {
    let data_dir = store_dir(&config);
    let metrics = Metrics::default();
    metrics.install().map_err(CliError::internal)?;
    let pages_stop = CancellationToken::new();
    let (stop, state_dir) = (pages_stop.clone(), data_dir.clone());
    let hub = Hub::start(config, HubOptions::default(), move |hub| {
        let view = Arc::clone(hub) as Arc<dyn HubView>;
        let state = AppState::new(Arc::clone(&hub.store), view, hub.clock.clone(), metrics, state_dir, stop);
        tokio::spawn(keep_schedule(state.clone()));
        tokio::spawn(keep_watch(state.clone()));
        crate::web::app(&state)
    })
    .await
    .map_err(refused)?;
    let address_file = data_dir.join(ADDRESS_FILE);
    std::fs::write(&address_file, format!("{}\n", hub.address)).map_err(|cause| {
        CliError::new(
            format!("the hub's address cannot be noted for other commands: {cause}"),
            address_file.display().to_string(),
            "make the data directory writable",
        )
    })?;
    Ok(Running { hub, pages_stop, address_file })
}

impl Running {
    pub(super) async fn stop(self) {
        self.pages_stop.cancel();
        self.hub.stop().await;
        if let Err(error) = std::fs::remove_file(&self.address_file) {
            tracing::debug!(%error, "the address file was gone already");
        }
    }
}

/// Where the store, its lock and the address lie.
fn store_dir(config: &Config) -> PathBuf {
    match &config.hub.database {
        Database::Sqlite { path } => path.parent().unwrap_or(Path::new(".")).to_owned(),
        Database::Postgres { .. } => config.hub.data_dir.clone(),
    }
}

fn refused(error: HubError) -> CliError {
    match error {
        HubError::Store(error) => error.into(),
        HubError::Listen { address, cause } => CliError::new(
            format!("cannot listen: {cause}"),
            address.to_string(),
            "choose another address in `hub.listen`, or stop what listens there",
        ),
        HubError::DataDir { path, cause } => {
            CliError::new(cause.to_string(), path.display().to_string(), "make the folder writable for the hub")
        }
        other @ (HubError::Plant(_) | HubError::Reading(_)) => {
            CliError::new(other.to_string(), "", "correct the configuration; `syncline check` tells more")
        }
    }
}

/// The configuration, or everything that is wrong with it.
pub(super) fn load(folder: &Path, to: &mut Surroundings) -> Result<Config, CliError> {
    match crate::config::load(folder) {
        Ok(config) => {
            if !config.warnings.is_empty() {
                write!(to.err, "{}", Warnings(&config.warnings))?;
            }
            Ok(config)
        }
        Err(problems) => Err(misconfigured(&problems, folder, to)?),
    }
}

/// Prints every problem; the error that is returned counts them.
pub(super) fn misconfigured(
    problems: &Diagnostics,
    folder: &Path,
    to: &mut Surroundings,
) -> Result<CliError, CliError> {
    writeln!(to.err, "{problems}")?;
    let what = match problems.len() {
        1 => "the configuration has a problem".to_owned(),
        count => format!("the configuration has {count} problems"),
    };
    Ok(CliError::new(what, folder.display().to_string(), "correct what is named above, then `syncline check`"))
}

pub(super) async fn run(global: &Global, to: &mut Surroundings) -> Result<Exit, CliError> {
    let config = load(&global.config, to)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let running = start(config).await?;
    let address = running.hub.address;
    to.line(&format!("Syncline {} is running: http://{address}/", env!("CARGO_PKG_VERSION")))?;
    if address.ip().is_loopback() {
        to.line("  It listens on this machine only; set hub.listen for others, behind a proxy with a log-in.")?;
    }
    for (connection, url) in running.hub.webhook_urls() {
        to.line(&format!("  webhooks of {connection}: {url}"))?;
    }
    to.line("  Ctrl-C or SIGTERM ends it in order, SIGHUP reads the configuration again.")?;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => reload(&running.hub, to).await?,
        }
    }
    to.line("Stopping: nothing new is taken, what is under way is finished.")?;
    running.stop().await;
    to.line("Stopped.")?;
    Ok(Exit::Done)
}

/// A configuration with problems changes nothing: the one in force goes on.
async fn reload(hub: &Arc<Hub>, to: &mut Surroundings) -> Result<(), CliError> {
    match HubView::reload(hub.as_ref()).await {
        Ok(reloaded) => {
            for line in super::reload::lines(&reloaded) {
                to.line(&line)?;
            }
        }
        Err(ReloadRefusal { what, problems }) => {
            writeln!(to.err, "{problems}")?;
            let next_step = "correct what is named above; the configuration in force goes on";
            to.complain(&CliError::new(what, "", next_step))?;
        }
    }
    Ok(())
}
