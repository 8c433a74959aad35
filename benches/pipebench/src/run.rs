//! One run: a fresh system under one scenario, its figures and whether they count.
//!
//! Not here: rounds and ratios (see `compare`).

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde::Serialize;

use crate::Outcome;
use crate::ledger::{Counts, Ledger};
use crate::load::Load;
use crate::process::{Process, Usage};
use crate::system::{Programs, SECRET, Site, System};
use crate::target::Target;
use crate::webhook::Endpoint;

/// A system that has not taken a webhook by then is given up.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Deliveries that have not moved for so long are taken to be lost.
const STALL_LIMIT: Duration = Duration::from_secs(15);
/// After the last expected delivery, time for one too many, and for the last jobs to be closed.
const LINGER: Duration = Duration::from_millis(300);

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scenario {
    /// As fast as answers come.
    Closed,
    /// At a fixed rate.
    Open,
    /// Start, then nothing.
    Idle,
    /// All orders are accepted while the target answers nobody; then it does.
    Backlog,
}

#[derive(Debug, Clone)]
pub struct Settings {
    pub programs: Programs,
    pub directory: PathBuf,
    pub keep: bool,
    pub orders: u64,
    pub connections: usize,
    pub rate: u32,
    pub open_s: u32,
    pub idle_s: u32,
    pub backlog: u64,
    pub target_delay: Duration,
}

/// The figures of one run. What a scenario does not measure is absent.
#[derive(Debug, Clone, Serialize)]
pub struct Sample {
    pub system: System,
    pub counts: Counts,
    /// Why the run does not count.
    pub void: Option<String>,
    pub start_ms: f64,
    pub peak_rss_mb: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<LoadFigures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<IdleFigures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backlog: Option<BacklogFigures>,
}

#[derive(Debug, Clone, Serialize)]
pub struct LoadFigures {
    pub orders: u64,
    /// Delivered orders per second, from the first send to the last delivery.
    pub per_s: f64,
    pub cpu_us_per_order: f64,
    pub ack_p50_ms: f64,
    pub ack_p99_ms: f64,
    pub end_to_end_p50_ms: f64,
    pub end_to_end_p99_ms: f64,
}

#[derive(Debug, Clone, Serialize)]
pub struct IdleFigures {
    pub rss_mb: f64,
    pub cpu_ms_per_s: f64,
}

#[derive(Debug, Clone, Serialize)]
pub struct BacklogFigures {
    pub waiting: u64,
    /// From after the first webhook to the peak with all orders waiting.
    pub rss_growth_mb: f64,
    pub ack_p99_ms: f64,
    /// Deliveries per second once the target answers.
    pub drain_per_s: f64,
}

pub fn run(system: System, scenario: Scenario, settings: &Settings) -> Outcome<Sample> {
    let directory = settings.directory.join(format!("{}-{}", system.name(), std::process::id()));
    if directory.exists() {
        std::fs::remove_dir_all(&directory)?;
    }
    std::fs::create_dir_all(&directory)?;
    let sample = run_in(system, scenario, settings, &directory)
        .map_err(|error| format!("{}: {error}{}", system.name(), last_words(&directory.join("log"))))?;
    if !settings.keep {
        std::fs::remove_dir_all(&directory)?;
    }
    Ok(sample)
}

fn run_in(system: System, scenario: Scenario, settings: &Settings, directory: &Path) -> Outcome<Sample> {
    let load_orders = match scenario {
        Scenario::Closed => settings.orders,
        Scenario::Open => u64::from(settings.rate) * u64::from(settings.open_s),
        Scenario::Idle => 0,
        Scenario::Backlog => settings.backlog,
    };
    let ledger = Arc::new(Ledger::new(1 + load_orders));
    let target = Target::start(Arc::clone(&ledger), settings.target_delay)?;
    let site = Site { directory, listen: free_address()?, target: target.address };
    let endpoint = Endpoint { address: site.listen, path: system.webhook_path(), secret: SECRET.to_owned() };
    let requests = (1..=load_orders).map(|index| endpoint.request(index)).collect::<Outcome<Vec<_>>>()?;
    let load = Load { address: site.listen, first: 1, requests, ledger: Arc::clone(&ledger) };

    let mut command = system.prepare(&settings.programs, site)?;
    let started = Instant::now();
    let mut process = Process::start(&mut command, &directory.join("log"))?;
    first_webhook(&endpoint, &ledger, &mut process)?;
    let start_ms = started.elapsed().as_secs_f64() * 1e3;
    settle(&ledger, 1, &mut process)?;

    let before = process.usage()?;
    let mut backlog = None;
    match scenario {
        Scenario::Closed => load.closed(settings.connections)?,
        Scenario::Open => load.open(settings.rate)?,
        Scenario::Idle => std::thread::sleep(Duration::from_secs(settings.idle_s.into())),
        Scenario::Backlog => {
            target.hold();
            load.closed(settings.connections)?;
            backlog = Some((process.usage()?.peak_rss_mb - before.rss_mb, ledger.now_ns()));
            target.release();
        }
    }
    settle(&ledger, 1 + load_orders, &mut process)?;
    let after = process.usage()?;
    let cpu_s = after.cpu_s - before.cpu_s;
    process.kill()?;

    let counts = ledger.counts();
    let void = judge(counts, 1 + load_orders, &ledger)
        .or_else(|| system.verify(&settings.programs, site, counts).err().map(|error| error.to_string()));
    let loaded = matches!(scenario, Scenario::Closed | Scenario::Open);
    Ok(Sample {
        system,
        counts,
        void,
        start_ms,
        peak_rss_mb: after.peak_rss_mb,
        load: loaded.then(|| figures(&ledger, load_orders, cpu_s)),
        idle: (scenario == Scenario::Idle).then(|| idle_figures(after, cpu_s, settings.idle_s)),
        backlog: backlog.map(|(rss_growth_mb, released_ns)| BacklogFigures {
            waiting: load_orders,
            rss_growth_mb,
            ack_p99_ms: percentile_ms(&ledger.ack_ns(1), 99),
            drain_per_s: ledger.delivered_per_s(released_ns),
        }),
    })
}

fn judge(counts: Counts, expected: u64, ledger: &Ledger) -> Option<String> {
    if !counts.are_right(expected) {
        return Some(format!("wrong counts, {expected} orders were sent: {counts:?}"));
    }
    let wrong = ledger.wrong_fields();
    wrong.first().map(|first| format!("{} wrong fields in the deliveries looked at; the first: {first}", wrong.len()))
}

fn figures(ledger: &Ledger, orders: u64, cpu_s: f64) -> LoadFigures {
    let (ack, end) = (ledger.ack_ns(1), ledger.end_to_end_ns(1));
    LoadFigures {
        orders,
        per_s: orders as f64 / (ledger.whole_ns(1) as f64 / 1e9),
        cpu_us_per_order: cpu_s * 1e6 / orders as f64,
        ack_p50_ms: percentile_ms(&ack, 50),
        ack_p99_ms: percentile_ms(&ack, 99),
        end_to_end_p50_ms: percentile_ms(&end, 50),
        end_to_end_p99_ms: percentile_ms(&end, 99),
    }
}

fn idle_figures(after: Usage, cpu_s: f64, idle_s: u32) -> IdleFigures {
    IdleFigures { rss_mb: after.rss_mb, cpu_ms_per_s: cpu_s * 1e3 / f64::from(idle_s) }
}

/// Nearest rank, of sorted spans.
fn percentile_ms(sorted: &[u64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map_or(f64::NAN, |ns| *ns as f64 / 1e6)
}

/// Sends order 0 until it is accepted.
fn first_webhook(endpoint: &Endpoint, ledger: &Ledger, process: &mut Process) -> Outcome<()> {
    let (request, deadline) = (endpoint.request(0)?, Instant::now() + START_LIMIT);
    ledger.planned(0, ledger.now_ns());
    loop {
        let last = match post(endpoint.address, &request) {
            Ok(status) if (200..300).contains(&status) => {
                ledger.answered(0, status);
                return Ok(());
            }
            Ok(status) => format!("its last answer was {status}"),
            Err(error) => error.to_string(),
        };
        process.still_runs()?;
        if Instant::now() > deadline {
            return Err(format!("no webhook was accepted within {} s: {last}", START_LIMIT.as_secs()).into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn post(address: SocketAddr, request: &[u8]) -> Outcome<u16> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(request)?;
    // "HTTP/1.1 200": the first 12 bytes say it.
    let mut line = [0u8; 12];
    stream.read_exact(&mut line)?;
    Ok(std::str::from_utf8(&line[9..])?.parse()?)
}

/// Waits until `expected` orders have arrived, or nothing moves any more.
fn settle(ledger: &Ledger, expected: u64, process: &mut Process) -> Outcome<()> {
    let (mut seen, mut moved) = (ledger.delivered(), Instant::now());
    while seen < expected && moved.elapsed() < STALL_LIMIT {
        std::thread::sleep(Duration::from_millis(5));
        process.still_runs()?;
        let now = ledger.delivered();
        if now != seen {
            (seen, moved) = (now, Instant::now());
        }
    }
    std::thread::sleep(LINGER);
    Ok(())
}

/// Below the range from which the kernel takes outgoing ports: while nothing listens there yet, a connection attempt from
/// the same port would connect to itself.
fn free_address() -> Outcome<SocketAddr> {
    let candidates = (20_000..30_000).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let free = candidates.into_iter().find(|address| TcpListener::bind(address).is_ok());
    Ok(free.ok_or("no port from 20000 to 29999 is free")?)
}

/// The end of the log, for a message.
fn last_words(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let tail = &lines[lines.len().saturating_sub(10)..];
    if tail.is_empty() { String::new() } else { format!("\n  {}", tail.join("\n  ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_rank() {
        let spans: Vec<u64> = (1..=200).map(|ms| ms * 1_000_000).collect();
        let found = [50, 99, 100].map(|percent| percentile_ms(&spans, percent).to_string());
        assert_eq!(found, ["100", "198", "200"]);
        assert!(percentile_ms(&[], 50).is_nan());
    }
}
