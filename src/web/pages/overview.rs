//! The overview: is everything all right, and if not, where to look.

use askama::Template;
use axum::extract::State;
use http::HeaderMap;

use crate::api::resources::flows::{SLICES, throughput};
use crate::api::resources::issues;
use crate::api::resources::overview::{BrokerView, Overview, load};
use crate::api::resources::reconciliations::ReconciliationView;
use crate::api::{AppState, Level};
use crate::telemetry::moment;
use crate::web::attention::{Item, attention};
use crate::web::href;
use crate::web::integration_map::{Map, map};
use crate::web::layout::{Layout, Page, Section, html};
use crate::web::mark::{self, Mark};
use crate::web::pages::reconciliations;
use crate::web::spark::{Spark, spark};

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    layout: Layout,
    overview: Overview,
    verdict: Mark,
    attention: Vec<Item>,
    /// What needs a person beyond the items that are spelled out.
    attention_more: usize,
    stalest: Option<Stalest>,
    ledger: Vec<Term>,
    map: Map,
    spark: Spark,
    /// Nothing where nothing is reconciled.
    breaks: Option<Breaks>,
}

/// Open breaks of all reconciliations.
struct Breaks {
    open: u64,
    unowned: u64,
    reconciliations: usize,
}

struct Stalest {
    name: String,
    href: String,
    mark: Mark,
    lag: String,
    objective: String,
}

/// More would push the numbers off the first screen.
const SPELLED_OUT: usize = 6;

/// One number of the ledger's equation.
struct Term {
    sign: &'static str,
    word: &'static str,
    live: &'static str,
    n: i64,
}

pub(in crate::web) async fn page(State(state): State<AppState>, headers: HeaderMap) -> Page {
    let overview = load(&state).await?;
    let reconciliations = reconciliations::all(&state).await?;
    let mut items = attention(&overview, &issues::load(&state, false).await?, &reconciliations);
    let attention_more = items.len().saturating_sub(SPELLED_OUT);
    items.truncate(SPELLED_OUT);
    let mut day = vec![0; SLICES];
    for flow in &overview.flows {
        for (slot, n) in day.iter_mut().zip(throughput(&state, &flow.name).await?) {
            *slot += n;
        }
    }
    html(&OverviewPage {
        layout: Layout::new(&state, &headers, Section::Overview, "Overview").await,
        verdict: verdict(&overview, &reconciliations),
        breaks: breaks(&reconciliations),
        attention: items,
        attention_more,
        stalest: overview.stalest.as_ref().and_then(|name| stalest(&overview, name)),
        ledger: ledger(&overview),
        map: map(&overview.flows, &overview.connections),
        spark: spark(&day),
        overview,
    })
}

fn breaks(reconciliations: &[ReconciliationView]) -> Option<Breaks> {
    (!reconciliations.is_empty()).then(|| Breaks {
        open: reconciliations.iter().map(|view| view.open_breaks).sum(),
        unowned: reconciliations.iter().map(|view| view.standing.unowned).sum(),
        reconciliations: reconciliations.len(),
    })
}

fn verdict(overview: &Overview, reconciliations: &[ReconciliationView]) -> Mark {
    let open: u64 = reconciliations.iter().map(|view| view.open_breaks).sum();
    if overview.well && open > 0 {
        let breaks = if open == 1 { "break" } else { "breaks" };
        return Mark::new(format!("Records are on their way; {open} open {breaks}"), Level::Warn);
    }
    if overview.well && overview.flows.is_empty() {
        return Mark::new("Nothing is set up to move yet", Level::Muted);
    }
    if overview.well {
        return Mark::new("All is well", Level::Good);
    }
    let stale =
        overview.flows.iter().filter(|flow| flow.freshness.word == crate::telemetry::freshness::Word::Stale).count();
    let ill = overview
        .connections
        .iter()
        .filter(|connection| connection.health != crate::api::resources::connections::Health::Ok)
        .count();
    let faults = overview.last_verify.as_ref().map_or(0, |verify| verify.faults);
    let failing = overview.brokers.iter().filter(|broker| broker.failing_since.is_some()).count();
    let counted = [
        (stale, "flow is stale", "flows are stale"),
        (ill, "system in trouble", "systems in trouble"),
        (usize::try_from(overview.open_issues).unwrap_or_default(), "open issue", "open issues"),
        (faults, "ledger fault", "ledger faults"),
        (failing, "broker fails", "brokers fail"),
    ];
    let parts: Vec<String> = counted
        .into_iter()
        .filter(|(n, _, _)| *n > 0)
        .map(|(n, one, many)| format!("{n} {}", if n == 1 { one } else { many }))
        .collect();
    let level = if stale + ill + faults + failing > 0 { Level::Bad } else { Level::Warn };
    Mark::new(parts.join(", "), level)
}

fn stalest(overview: &Overview, name: &str) -> Option<Stalest> {
    let flow = overview.flows.iter().find(|flow| flow.name == name)?;
    Some(Stalest {
        name: flow.name.clone(),
        href: href::flow(&flow.name),
        mark: mark::freshness(flow.freshness.word),
        lag: moment::duration(flow.freshness.lag_ms.saturating_mul(1000)),
        objective: moment::duration(flow.freshness.objective_ms.saturating_mul(1000)),
    })
}

fn ledger(overview: &Overview) -> Vec<Term> {
    let today = &overview.today;
    vec![
        Term { sign: "=", word: "applied", live: "today.applied", n: today.applied },
        Term { sign: "+", word: "superseded", live: "today.superseded", n: today.superseded },
        Term { sign: "+", word: "ignored", live: "today.ignored", n: today.ignored },
        Term { sign: "+", word: "dead", live: "today.dead", n: today.dead },
        Term { sign: "+", word: "pending", live: "today.pending", n: today.pending },
    ]
}

/// For the template.
impl OverviewPage {
    fn broker(&self, broker: &BrokerView) -> Mark {
        match broker.failing_since {
            None => Mark::new("takes events", Level::Good),
            Some(_) => Mark::new("fails, events wait", Level::Bad),
        }
    }

    fn grouped(&self, n: &i64) -> String {
        moment::grouped(*n)
    }
}
