//! What needs a person, worst first, each with where to go and what is known of the cause; pure. Not here: what counts as
//! stale, failing or open.

use super::href;
use super::mark::{self, Mark};
use crate::api::Level;
use crate::api::resources::connections::{ConnectionView, Health};
use crate::api::resources::flows::FlowView;
use crate::api::resources::issues::IssueView;
use crate::api::resources::overview::Overview;
use crate::api::resources::reconciliations::ReconciliationView;
use crate::recon::report::RunStatus;
use crate::telemetry::freshness::{Cause, Word};
use crate::telemetry::moment;

pub(super) struct Item {
    pub mark: Mark,
    pub what: String,
    pub href: String,
    pub why: String,
}

/// Systems before flows, as a failing system makes its flows stale; then the issues, then faults of the ledger.
pub(super) fn attention(
    overview: &Overview,
    issues: &[IssueView],
    reconciliations: &[ReconciliationView],
) -> Vec<Item> {
    let systems = overview.connections.iter().filter(|connection| connection.health != Health::Ok).map(system);
    let stale = overview.flows.iter().filter(|flow| flow.freshness.word == Word::Stale);
    let mut items: Vec<Item> = systems.collect();
    items.extend(stale.map(|flow| stale_flow(flow, &overview.connections)));
    items.extend(issues.iter().filter(|issue| issue.open).map(issue));
    items.extend(reconciliations.iter().filter_map(reconciliation));
    let faults = overview.last_verify.as_ref().map_or(0, |verify| verify.faults);
    if faults > 0 {
        items.push(Item {
            mark: Mark::new("does not hold", Level::Bad),
            what: "Ledger".to_owned(),
            href: "/ledger".to_owned(),
            why: "its numbers differ from its rows: the page says where; report it with that list".to_owned(),
        });
    }
    items
}

fn system(connection: &ConnectionView) -> Item {
    let advice = match connection.health {
        Health::Ok => "",
        Health::Paused => "its calls wait until it allows them again",
        Health::Open => "it is tried again by itself; if it lasts, see whether the system is up",
        Health::Auth => "renew its credentials in the configuration",
    };
    let parts = [connection.reason.as_str(), advice];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Item {
        mark: mark::health(connection.health),
        what: connection.id.clone(),
        href: format!("/connections#{}", connection.id),
        why: parts.join("; "),
    }
}

fn stale_flow(flow: &FlowView, connections: &[ConnectionView]) -> Item {
    let ill = |id: &str| connections.iter().any(|known| known.id == id && known.health != Health::Ok);
    let why = match flow.freshness.cause {
        Cause::Nothing => "see its page".to_owned(),
        Cause::Delivery if ill(&flow.to.connection) => format!("waits for {}", flow.to.connection),
        Cause::Delivery => format!("{} changes wait for delivery", moment::grouped(flow.queue.open)),
        Cause::Reading if ill(&flow.from.connection) => format!("waits for {}", flow.from.connection),
        Cause::Reading => format!("{} has not been read when it should have been", flow.from.connection),
    };
    let shown = |ms: i64| moment::duration(ms.saturating_mul(1000));
    Item {
        mark: mark::freshness(flow.freshness.word),
        what: flow.name.clone(),
        href: href::flow(&flow.name),
        why: format!(
            "{} behind, objective {}: {why}",
            shown(flow.freshness.lag_ms),
            shown(flow.freshness.objective_ms)
        ),
    }
}

/// A run that is not complete goes before breaks that belong to nobody; breaks with an owner are looked after.
fn reconciliation(view: &ReconciliationView) -> Option<Item> {
    let item = |mark, why: String| {
        let href = if view.name.is_empty() { "/reconciliations".to_owned() } else { href::reconciliation(&view.name) };
        Some(Item { mark, what: view.title.clone(), href, why })
    };
    if let Some(problem) = &view.problem {
        let first = problem.lines().next().unwrap_or_default();
        return item(Mark::new("mistakes", Level::Bad), first.to_owned());
    }
    let is_complete = view.last_run.as_ref().is_none_or(|run| run.status == RunStatus::Complete);
    if !is_complete {
        let why = view.standing.findings.first().map(|finding| finding.text.clone()).unwrap_or_default();
        return item(Mark::new("not reconciled", Level::Bad), why);
    }
    match view.standing.unowned {
        0 => None,
        1 => item(Mark::new("open breaks", Level::Warn), "1 belongs to nobody".to_owned()),
        n => item(Mark::new("open breaks", Level::Warn), format!("{n} belong to nobody")),
    }
}

fn issue(issue: &IssueView) -> Item {
    let records = match issue.affected {
        1 => "1 record".to_owned(),
        n => format!("{} records", moment::grouped(n)),
    };
    Item {
        mark: Mark::new("open issue", Level::Warn),
        what: issue.title.clone(),
        href: href::issue(issue.id),
        why: if issue.next_step.is_empty() { records } else { format!("{records}: {}", issue.next_step) },
    }
}
