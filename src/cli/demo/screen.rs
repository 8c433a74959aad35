//! The demonstration on one screen: redrawn on a terminal, a line now and then otherwise; not here: figures of its own.

use std::time::Duration;

use tokio::time::Instant;

use super::super::error::CliError;
use super::super::output::{Surroundings, clean};
use crate::hub::Hub;
use crate::sandbox::Sandbox;
use crate::store::Disposition;

pub(super) struct Screen {
    terminal: bool,
    drawn_lines: usize,
    last: Option<Instant>,
}

impl Screen {
    pub(super) fn new(terminal: bool) -> Screen {
        Screen { terminal, drawn_lines: 0, last: None }
    }

    pub(super) fn pause(&self) -> Duration {
        Duration::from_millis(500)
    }

    /// A line that stays.
    pub(super) fn note(&mut self, text: &str, to: &mut Surroundings) -> Result<(), CliError> {
        self.drawn_lines = 0;
        self.last = None;
        Ok(writeln!(to.err, "{text}")?)
    }

    pub(super) async fn draw(&mut self, sandbox: &Sandbox, hub: &Hub, to: &mut Surroundings) -> Result<(), CliError> {
        let every = if self.terminal { Duration::from_millis(400) } else { Duration::from_secs(5) };
        if self.last.is_some_and(|last| last.elapsed() < every) {
            return Ok(());
        }
        self.last = Some(Instant::now());
        let lines = if self.terminal { full(sandbox, hub).await? } else { vec![short(sandbox, hub).await?] };
        if self.terminal && self.drawn_lines > 0 {
            // Up to where the last picture began, and away with it.
            write!(to.err, "\x1b[{}A\x1b[J", self.drawn_lines)?;
        }
        for line in &lines {
            writeln!(to.err, "{}", clean(line))?;
        }
        self.drawn_lines = if self.terminal { lines.len() } else { 0 };
        Ok(())
    }
}

async fn short(sandbox: &Sandbox, hub: &Hub) -> Result<String, CliError> {
    let (progress, count) = (sandbox.progress(), Count::of(hub).await?);
    let faults: u64 = sandbox.faults().values().sum();
    Ok(format!(
        "{} orders, {} payments, {} shipments at the vendors; {} received, {} applied, {} open; {faults} faults injected",
        progress.orders, progress.payments, progress.deliveries, count.received, count.applied, count.open
    ))
}

async fn full(sandbox: &Sandbox, hub: &Hub) -> Result<Vec<String>, CliError> {
    let (progress, count) = (sandbox.progress(), Count::of(hub).await?);
    let mut lines = vec![
        format!(
            "vendors   {} orders ({} versions)   {} payments   {} stock snapshots   {} shipments   {} API calls",
            progress.orders,
            progress.order_versions,
            progress.payments,
            progress.stock_snapshots,
            progress.deliveries,
            progress.api_calls
        ),
        format!(
            "ledger    {} received = {} applied + {} superseded + {} ignored + {} dead + {} pending",
            count.received, count.applied, count.superseded, count.ignored, count.dead, count.pending
        ),
    ];
    for flow in hub.store.flow_stats(0).await? {
        let ms = |us: Option<i64>| us.map_or_else(|| "-".to_owned(), |us| (us / 1000).to_string());
        lines.push(format!(
            "{:<18}{:>7} done   half within {:>6} ms, nine of ten within {:>6} ms",
            flow.flow,
            flow.done,
            ms(flow.latency_p50_us),
            ms(flow.latency_p90_us)
        ));
    }
    let faults: Vec<String> = sandbox.faults().iter().map(|(name, n)| format!("{name} {n}")).collect();
    lines.push(format!("queue     {} open, {} of unknown outcome", count.open, count.unknown));
    lines.extend(faults.chunks(5).map(|some| format!("mischief  {}", some.join("   "))));
    Ok(lines)
}

#[derive(Default)]
struct Count {
    received: i64,
    applied: i64,
    superseded: i64,
    ignored: i64,
    dead: i64,
    pending: i64,
    open: i64,
    unknown: i64,
}

impl Count {
    async fn of(hub: &Hub) -> Result<Count, CliError> {
        let mut count = Count::default();
        for row in hub.store.tally(0).await? {
            let slot = match row.disposition {
                Disposition::Pending => &mut count.pending,
                Disposition::Applied => &mut count.applied,
                Disposition::Superseded => &mut count.superseded,
                Disposition::Ignored => &mut count.ignored,
                Disposition::Dead => &mut count.dead,
                Disposition::Split => continue,
            };
            *slot += row.n;
            count.received += row.n;
        }
        for stat in hub.store.queue_stats().await? {
            if stat.state.is_open() {
                count.open += stat.n;
            }
            if stat.unknown {
                count.unknown += stat.n;
            }
        }
        Ok(count)
    }
}
