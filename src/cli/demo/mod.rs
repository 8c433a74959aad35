//! `syncline demo`: the hub beside sandbox vendors that misbehave, and the comparison of all their ledgers; not here: the
//! vendors (`sandbox`), the hub (`hub`).

pub mod installation;
mod report;
mod screen;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use super::args::{DemoArgs, Global};
use super::entry::Exit;
use super::error::CliError;
use super::output::Surroundings;
use super::run::{Running, load, start};
use crate::sandbox::{Faults, Sandbox, SandboxOptions};
use report::Report;
use screen::Screen;

/// How long the end may take: vendors repeat what was lost, the hub looks up what is unknown.
const DRAIN: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The hub's own address, if nobody has it.
const USUAL_PORT: u16 = 8470;

pub(super) async fn demo(global: &Global, args: &DemoArgs, to: &mut Surroundings) -> Result<Exit, CliError> {
    let temporary = Temporary::new(args.keep.clone())?;
    let sandbox = Sandbox::start(vendors(args, &temporary.path.join("drop"))).await.map_err(CliError::internal)?;
    let folder = temporary.path.join("hub");
    installation::write(&folder, &sandbox, free_address()?)?;
    let running = start(load(&folder, to)?).await?;
    for (connection, url) in running.hub.webhook_urls() {
        if connection == "psp" {
            sandbox.set_psp_webhook_target(url);
        }
    }
    let mut screen = Screen::new(to.terminal && !global.json && !global.quiet);
    let address = running.hub.address;
    writeln!(to.err, "Status page: http://{address}/   installation: {}", folder.display())?;
    let began = Instant::now();
    sandbox.start_traffic();
    watch(args.run_for, &sandbox, &running, &mut screen, to).await?;
    screen.note("Traffic has ended; what is under way is finished and every ledger compared.", to)?;
    sandbox.calm();
    sandbox.stop_traffic().await.map_err(CliError::internal)?;
    drain(&sandbox, &running, &mut screen, to).await?;
    let report = Report::make(&sandbox, &running.hub, began.elapsed()).await?;
    running.stop().await;
    sandbox.shutdown().await;
    if !global.json {
        report.tell(to)?;
    }
    // The last line is for programs, whatever came before it.
    to.line(&report.to_json().to_string())?;
    Ok(if report.well() { Exit::Done } else { Exit::Failed })
}

fn vendors(args: &DemoArgs, drop_dir: &std::path::Path) -> SandboxOptions {
    let mut options = SandboxOptions::new(args.seed, drop_dir);
    options.faults = if args.calm { Faults::none() } else { Faults::rough() };
    options.forgery_every = (!args.calm).then_some(Duration::from_millis(500));
    options.order_every = Duration::from_secs(1) / args.rate.max(1);
    // A day passes in seconds, and vendors answer as fast as for a large plan.
    options.shop_bucket = (400, 200);
    options.psp_calls_per_s = 400;
    options
}

/// Until the time is over or somebody ends it.
async fn watch(
    run_for: Option<Duration>,
    sandbox: &Sandbox,
    running: &Running,
    screen: &mut Screen,
    to: &mut Surroundings,
) -> Result<(), CliError> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let end = run_for.map(|run_for| Instant::now() + run_for);
    loop {
        screen.draw(sandbox, &running.hub, to).await?;
        tokio::select! {
            () = tokio::time::sleep(screen.pause()) => {}
            () = until(end) => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
        }
    }
}

async fn until(end: Option<Instant>) {
    match end {
        Some(end) => tokio::time::sleep_until(end).await,
        None => std::future::pending().await,
    }
}

async fn drain(
    sandbox: &Sandbox,
    running: &Running,
    screen: &mut Screen,
    to: &mut Surroundings,
) -> Result<(), CliError> {
    let deadline = Instant::now() + DRAIN;
    while Instant::now() < deadline {
        let open: i64 =
            running.hub.store.queue_stats().await?.iter().filter(|stat| stat.state.is_open()).map(|stat| stat.n).sum();
        let quiet = open == 0
            && running.hub.store.pending_count(1).await? == 0
            && sandbox.progress().webhooks_waiting == 0
            && sandbox.verdict().clean();
        if quiet {
            return Ok(());
        }
        screen.draw(sandbox, &running.hub, to).await?;
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

fn free_address() -> Result<SocketAddr, CliError> {
    let usual = SocketAddr::from(([127, 0, 0, 1], USUAL_PORT));
    let listener = std::net::TcpListener::bind(usual)
        .or_else(|_| std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))));
    Ok(listener.and_then(|listener| listener.local_addr())?)
}

/// A folder for one demonstration, removed at its end unless it was asked for.
struct Temporary {
    path: PathBuf,
    keep: bool,
}

impl Temporary {
    fn new(keep: Option<PathBuf>) -> Result<Temporary, CliError> {
        let kept = keep.is_some();
        let path = keep.unwrap_or_else(|| std::env::temp_dir().join(format!("syncline-demo-{}", std::process::id())));
        let failed = |cause: std::io::Error| {
            CliError::new(cause.to_string(), path.display().to_string(), "give another folder by --keep")
        };
        if path.join("hub").exists() {
            let what = "an earlier demonstration lies there; its vendors are gone";
            return Err(CliError::new(what, path.display().to_string(), "give an empty folder by --keep"));
        }
        std::fs::create_dir_all(&path).map_err(failed)?;
        let path = path.canonicalize().map_err(failed)?;
        Ok(Temporary { path, keep: kept })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "the demonstration's folder could not be removed");
        }
    }
}
