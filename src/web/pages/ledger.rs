//! The ledger: what became of everything received, per connection and day, and its proof.

use askama::Template;
use axum::extract::State;
use http::HeaderMap;
use serde::Deserialize;

use crate::api::resources::actor::actor;
use crate::api::resources::ledger::{Ledger, LedgerLine, load};
use crate::api::resources::verify::begin;
use crate::api::{ApiForm, ApiQuery, AppState, Level, Work, WorkKind, WorkState};
use crate::telemetry::moment;
use crate::web::layout::{Did, Layout, Page, Section, csv, did, html, wants_csv};
use crate::web::mark::Mark;
use crate::web::table::{Cell, Column, Rows, Table, TableQuery, number, text};

const DAYS: i64 = 30;

const COLUMNS: &[Column] = &[
    text("day", "Day (UTC)"),
    text("connection", "Connection"),
    number("received", "Received"),
    number("applied", "Applied"),
    number("superseded", "Superseded"),
    number("ignored", "Ignored"),
    number("dead", "Dead"),
    number("pending", "Pending"),
    text("why", "Why"),
];

#[derive(Template)]
#[template(path = "ledger.html")]
struct LedgerPage {
    layout: Layout,
    table: Table,
    ledger: Ledger,
    work: Option<(Mark, Work)>,
}

pub(in crate::web) async fn page(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiQuery(query): ApiQuery<TableQuery>,
    ApiQuery(done): ApiQuery<Did>,
) -> Page {
    let ledger = load(&state, DAYS).await?;
    let rows = Rows {
        caption: "Ledger of 30 days",
        columns: COLUMNS,
        rows: ledger.lines.iter().map(row).collect(),
        empty: "Nothing was received in 30 days. Connect a system, or see Connections for why none is read.",
        path: "/ledger".to_owned(),
        kept: Vec::new(),
        now: state.now_us(),
    };
    if wants_csv(&query) {
        return csv("ledger", rows, &query);
    }
    html(&LedgerPage {
        layout: Layout::new(&state, &headers, Section::Ledger, "Ledger").await.notice(&done),
        table: rows.table(&query),
        work: state.work().latest(WorkKind::Verify).map(|work| (proof(&work), work)),
        ledger,
    })
}

fn row(line: &LedgerLine) -> Vec<Cell> {
    let counts = &line.counts;
    let why: Vec<String> =
        line.reasons.iter().map(|reason| format!("{} {}: {}", reason.n, reason.disposition, reason.reason)).collect();
    vec![
        Cell::text(&line.day),
        Cell::text(&line.connection),
        Cell::Number(counts.received),
        Cell::Number(counts.applied),
        Cell::Number(counts.superseded),
        Cell::Number(counts.ignored),
        Cell::Number(counts.dead),
        Cell::Number(counts.pending),
        Cell::text(why.join(", ")),
    ]
}

fn proof(work: &Work) -> Mark {
    match (work.state, work.report.as_ref().map(|report| report.faults.len())) {
        (WorkState::Running, _) => Mark::new("running", Level::Info),
        (WorkState::Failed, _) => Mark::new("could not be finished", Level::Bad),
        (WorkState::Done, Some(0)) => Mark::new("holds", Level::Good),
        (WorkState::Done, Some(1)) => Mark::new("1 fault", Level::Bad),
        (WorkState::Done, faults) => Mark::new(format!("{} faults", faults.unwrap_or_default()), Level::Bad),
    }
}

#[derive(Deserialize)]
pub(in crate::web) struct VerifyForm {
    actor: Option<String>,
}

pub(in crate::web) async fn verify(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiForm(form): ApiForm<VerifyForm>,
) -> Page {
    let actor = actor(&headers, form.actor.as_deref())?;
    begin(&state, &actor);
    Ok(did("/ledger", "verify", 1, &actor))
}

/// For the template.
impl LedgerPage {
    fn grouped(&self, n: &i64) -> String {
        moment::grouped(*n)
    }
}
