//! `syncline status`: is everything all right?

use super::args::Global;
use super::client::{Client, shaped};
use super::entry::Exit;
use super::error::CliError;
use super::output::{Surroundings, Table, clean};
use crate::api::resources::connections::Health;
use crate::api::resources::flows::FlowView;
use crate::api::resources::overview::Overview;
use crate::api::{Level, Owner};
use crate::telemetry::freshness::Word;
use crate::telemetry::moment;

pub(super) async fn status(client: &Client, global: &Global, to: &mut Surroundings) -> Result<Exit, CliError> {
    let answer = client.get("/api/v1/overview").await?;
    let overview: Overview = shaped(&answer)?;
    let exit = if overview.well { Exit::Done } else { Exit::NotWell };
    if global.json {
        to.json(&answer)?;
        return Ok(exit);
    }
    head(&overview, to)?;
    if overview.flows.is_empty() {
        to.line("No flow is configured yet; add one under `flows:` in syncline.yaml.")?;
    } else {
        flows(&overview, to)?;
    }
    connections(&overview, to)?;
    brokers(&overview, to)?;
    let today = &overview.today;
    to.line("")?;
    to.line(&format!(
        "Today (UTC): {} received = {} applied + {} superseded + {} ignored + {} dead + {} pending",
        today.received, today.applied, today.superseded, today.ignored, today.dead, today.pending
    ))?;
    if overview.open_issues > 0 {
        let need = if overview.open_issues == 1 { "needs" } else { "need" };
        let issues = plural(overview.open_issues, "open issue");
        to.line(&format!("{issues} {need} a person: see `syncline issues list`"))?;
    }
    Ok(exit)
}

fn head(overview: &Overview, to: &mut Surroundings) -> Result<(), CliError> {
    let mark = if overview.well { to.mark(Level::Good, "all is well") } else { to.mark(Level::Bad, "not all is well") };
    let who = match (overview.owner, &overview.listen) {
        (Owner::Daemon, Some(listen)) => format!("daemon on {listen}, started {}", to.ago(overview.started_at)),
        (Owner::Daemon, None) => format!("daemon, started {}", to.ago(overview.started_at)),
        (Owner::Command, _) => "no daemon runs: nothing moves".to_owned(),
    };
    to.line(&format!("{mark} · syncline {} · {who}", overview.version))?;
    for warning in &overview.warnings {
        let mark = to.mark(Level::Warn, warning);
        to.line(&mark)?;
    }
    Ok(to.line("")?)
}

fn flows(overview: &Overview, to: &mut Surroundings) -> Result<(), CliError> {
    let headings =
        ["FLOW", "FRESHNESS", ">BEHIND", ">OBJECTIVE", ">BACKLOG", ">UNKNOWN", ">DEAD", ">DONE 24H", "LAST DONE"];
    let mut table = Table::new(&headings);
    for flow in &overview.flows {
        table.row(vec![
            clean(&flow.name),
            freshness(flow, to),
            if flow.freshness.lag_ms == 0 { "–".to_owned() } else { moment::duration(flow.freshness.lag_ms * 1000) },
            moment::duration(flow.freshness.objective_ms.saturating_mul(1000)),
            flow.queue.open.to_string(),
            flow.queue.unknown.to_string(),
            flow.queue.dead.to_string(),
            flow.done_24h.to_string(),
            flow.last_done_at.map_or_else(|| "never".to_owned(), |at| to.ago(at)),
        ]);
    }
    Ok(table.print(to)?)
}

fn freshness(flow: &FlowView, to: &Surroundings) -> String {
    let level = match flow.freshness.word {
        Word::Fresh => Level::Good,
        Word::Idle | Word::Paused => Level::Muted,
        Word::Slipping => Level::Warn,
        Word::Stale => Level::Bad,
    };
    to.mark(level, flow.freshness.word.as_str())
}

/// Only those in trouble: the others have nothing to say.
fn connections(overview: &Overview, to: &mut Surroundings) -> Result<(), CliError> {
    for connection in overview.connections.iter().filter(|connection| connection.health != Health::Ok) {
        let mark = to.mark(Level::Bad, connection.health.as_str());
        let again = connection.until.map(|until| format!("; tried again {}", to.ago(until))).unwrap_or_default();
        to.line("")?;
        to.line(&format!("{} {mark}: {}{again}", clean(&connection.id), clean(&connection.reason)))?;
    }
    Ok(())
}

/// Where the event log is published, and how far.
fn brokers(overview: &Overview, to: &mut Surroundings) -> Result<(), CliError> {
    if overview.brokers.is_empty() {
        return Ok(());
    }
    to.line("")?;
    let mut table = Table::new(&["BROKER", "STATE", ">POSITION", ">BEHIND", ">PUBLISHED"]);
    for broker in &overview.brokers {
        let state = match broker.failing_since {
            None => to.mark(Level::Good, "takes events"),
            Some(since) => to.mark(Level::Bad, &format!("fails since {}", to.ago(since))),
        };
        let numbers = [broker.position, broker.behind].map(|n| n.to_string());
        let [position, behind] = numbers;
        table.row(vec![clean(&broker.name), state, position, behind, broker.published.to_string()]);
    }
    table.print(to)?;
    for error in overview.brokers.iter().filter_map(|broker| broker.error.as_deref()) {
        to.line(&format!("  {}", clean(error)))?;
    }
    Ok(())
}

pub(super) fn plural(n: i64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}
