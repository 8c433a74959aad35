//! Reconciliations: all of them with how they stand, one with its runs and its work list; running one now.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::IntoResponse as _;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::api::resources::actor::actor;
use crate::api::resources::reconciliations::{
    BreakQuery, ReconciliationDetail, ReconciliationView, RunBody, RunView, begin_run, load_breaks, load_journal,
    load_list, load_one,
};
use crate::api::{ApiError, ApiForm, ApiPath, ApiQuery, AppState, Code, Time, Work, WorkState};
use crate::finance::workflow::JournalLine;
use crate::recon::report::RunStatus;
use crate::web::break_list::{BreakList, BreakListQuery, break_list};
use crate::web::form::{Form, Tried, Typed, given, line};
use crate::web::href;
use crate::web::layout::{Did, Layout, Page, Section, When, csv, did, html_with, wants_csv};
use crate::web::mark::Mark;
use crate::web::money::{Money, money};
use crate::web::pages::story::{Finder, finders};
use crate::web::recon_words as words;
use crate::web::table::{Cell, Column, Rows, Table, TableQuery, number, text};

/// A run that ends within this is shown at once.
pub(super) const AT_ONCE: Duration = Duration::from_millis(1_500);
/// How often a page looks again whether a run has ended.
const AGAIN: &str = "3";
const RUN: &str = "run";

pub(in crate::web) const EXAMPLE: &str = "\
# reconciliations/payouts-to-bank.yaml
reconciliation: payouts-to-bank
title: Payouts against the bank
kind: bank
a:
  title: Processor
  table: statements/payouts-*.csv
  keys: { payout: payout_id }
  amount: net
  currency: currency
  date: paid_on
b:
  title: Bank
  table: { path: statements/bank-*.csv, delimiter: \";\" }
  keys: { payout: reference }
  amount: amount
  unit: EUR
  date: booked_on
match:
  - { id: reference, key: [payout], normalise: [spaces, case] }
due: { a: { days: 2 } }
";

/// How one reconciliation stands, as both pages show it.
#[derive(Template)]
#[template(path = "recon_card.html")]
struct Card {
    now: i64,
    view: ReconciliationView,
    href: String,
    status: Option<Mark>,
    signed: Option<Mark>,
    /// How two watched mirrors stand right now.
    agreement: Option<Mark>,
    period: String,
    open: Vec<(u64, Money)>,
    run: Form,
}

fn card(view: ReconciliationView, layout: &Layout, tried: Option<&Tried>) -> Card {
    let last = view.last_run.as_ref();
    let form = format!("{RUN}-{}", view.name);
    let open = view.standing.open.iter().map(|sum| (sum.count, money(&sum.variance.decimal, &sum.variance.unit)));
    Card {
        now: layout.now,
        href: href::reconciliation(&view.name),
        status: last.map(|run| words::status(run.status)),
        signed: last.map(words::signed),
        agreement: view.agreement.as_ref().map(words::agreement),
        period: last.map(|run| words::period(&run.period)).unwrap_or_default(),
        open: open.collect(),
        run: Form::new(form, format!("{}/runs", href::reconciliation(&view.name)), "Run it now", &layout.actor)
            .field(line("period", "Period").optional().like("2026-10, or all"))
            .field(line("as_of", "As of").optional().like("today"))
            .after(tried),
        view,
    }
}

/// For the template.
impl Card {
    fn is_complete(&self) -> bool {
        self.view.last_run.as_ref().is_none_or(|run| run.status == RunStatus::Complete)
    }

    fn when(&self, at: &Time) -> When {
        When { at: at.0, now: self.now }
    }

    /// Ages that occur.
    fn ages(&self) -> Vec<(&str, u64)> {
        let ages = self.view.standing.ages.iter();
        ages.map(|age| (age.days.as_str(), age.count)).filter(|(_, count)| *count > 0).collect()
    }
}

#[derive(Template)]
#[template(path = "reconciliations.html")]
struct ListPage {
    layout: Layout,
    cards: Vec<Card>,
    finders: Vec<Finder>,
    problems: Vec<String>,
    open: u64,
    example: &'static str,
}

pub(in crate::web) async fn list(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiQuery(done): ApiQuery<Did>,
) -> Page {
    let layout = Layout::new(&state, &headers, Section::Reconciliations, "Reconciliations").await.still().notice(&done);
    let (defined, broken): (Vec<_>, Vec<_>) = all(&state).await?.into_iter().partition(|view| view.problem.is_none());
    let (finders, of_stories) = finders(&state)?;
    html_with(
        StatusCode::OK,
        &ListPage {
            finders,
            open: defined.iter().map(|view| view.open_breaks).sum(),
            cards: defined.into_iter().map(|view| card(view, &layout, None)).collect(),
            problems: broken.into_iter().filter_map(|view| view.problem).chain(of_stories).collect(),
            example: EXAMPLE,
            layout,
        },
    )
}

/// A hub without a folder has none.
pub(in crate::web) async fn all(state: &AppState) -> Result<Vec<ReconciliationView>, ApiError> {
    if state.hub().folder().is_none() {
        return Ok(Vec::new());
    }
    load_list(state).await
}

const COLUMNS: &[Column] = &[
    text("run", "Run"),
    text("period", "Period"),
    text("as_of", "As of"),
    text("status", "Outcome"),
    text("signed", "Signatures"),
    text("actor", "Run by"),
    number("at", "When"),
];

#[derive(Template)]
#[template(path = "reconciliation.html")]
struct OnePage {
    layout: Layout,
    card: Card,
    runs: Table,
    breaks: BreakList,
    all_too: bool,
    journal: Vec<(JournalLine, Money)>,
    work_error: Option<ApiError>,
}

pub(in crate::web) async fn page(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath(name): ApiPath<String>,
    ApiQuery(query): ApiQuery<BreakListQuery>,
    ApiQuery(table): ApiQuery<TableQuery>,
    ApiQuery(done): ApiQuery<Did>,
) -> Page {
    let work = done.running().and_then(|id| state.work().get(id)).filter(|work| work.subject == name);
    if let Some(run) = work.as_ref().and_then(|work| work.run) {
        return Ok(axum::response::Redirect::to(&format!("{}?did=recon-run", href::run(run))).into_response());
    }
    let is_running = work.as_ref().is_some_and(|work| work.state == WorkState::Running);
    let asked = Asked { breaks: query, table, done, work };
    let mut response = render(&state, &headers, &name, asked, None).await?;
    if is_running {
        response.headers_mut().insert(header::REFRESH, HeaderValue::from_static(AGAIN));
    }
    Ok(response)
}

/// What the address asks of the page of one reconciliation.
#[derive(Default)]
struct Asked {
    breaks: BreakListQuery,
    table: TableQuery,
    done: Did,
    /// The run that was begun and goes on, or failed.
    work: Option<Work>,
}

async fn render(state: &AppState, headers: &HeaderMap, name: &str, asked: Asked, tried: Option<&Tried>) -> Page {
    let Asked { breaks: query, table, done, work } = asked;
    let ReconciliationDetail { reconciliation, runs } = load_one(state, name).await?;
    let all_too = !query.all.is_empty();
    let breaks = load_breaks(state, name, &BreakQuery { all: all_too, ..BreakQuery::default() }).await?;
    let layout = Layout::new(state, headers, Section::Reconciliations, reconciliation.title.clone()).await.still();
    let layout =
        if work.as_ref().is_none_or(|work| work.state == WorkState::Running) { layout.notice(&done) } else { layout };
    let rows = Rows {
        caption: "Runs",
        columns: COLUMNS,
        rows: runs.iter().map(row).collect(),
        empty: "It was never run. Put the statements where the definition says, then run it.",
        path: href::reconciliation(name),
        kept: Vec::new(),
        now: layout.now,
    };
    if wants_csv(&table) {
        return csv("runs", rows, &table);
    }
    let empty = if runs.is_empty() {
        "Nothing was compared yet: run it first."
    } else {
        "No break is open. Those that are decided are under “decided too”."
    };
    let journal = load_journal(state, name).await?.into_iter();
    html_with(
        tried.map_or(StatusCode::OK, |tried| tried.error.code.status()),
        &OnePage {
            runs: rows.table(&table),
            breaks: break_list(
                name,
                reconciliation.standing.sides.clone(),
                &breaks,
                query,
                href::reconciliation(name),
                empty,
            ),
            journal: journal
                .map(|line| {
                    let shown = money(&line.decimal, &line.unit);
                    (line, shown)
                })
                .collect(),
            card: card(reconciliation, &layout, tried),
            work_error: work.and_then(|work| work.error),
            all_too,
            layout,
        },
    )
}

fn row(run: &RunView) -> Vec<Cell> {
    vec![
        Cell::link(run.id.to_string(), href::run(run.id)),
        Cell::text(words::period(&run.period)),
        Cell::text(&run.as_of),
        Cell::Mark(words::status(run.status)),
        Cell::Mark(words::signed(run)),
        Cell::text(&run.actor),
        Cell::Time(Some(run.ended_at.0)),
    ]
}

pub(in crate::web) async fn run(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath(name): ApiPath<String>,
    ApiForm(typed): ApiForm<Typed>,
) -> Page {
    let refused = |error| Tried { form: format!("{RUN}-{name}"), typed: typed.clone(), error };
    let error = match begin(&state, &headers, &name, &typed).await {
        Ok((work, who)) => match (work.state, work.run, work.error) {
            (WorkState::Done, Some(run), _) => return Ok(did(&href::run(run), "recon-run", 1, &who)),
            (WorkState::Failed, _, Some(error)) => error,
            (WorkState::Running | WorkState::Done | WorkState::Failed, _, _) => {
                return Ok(did(&href::reconciliation(&name), "recon-running", work.id, &who));
            }
        },
        Err(error) => error,
    };
    let tried = refused(error);
    render(&state, &headers, &name, Asked::default(), Some(&tried)).await
}

/// The work as it stands when it has ended, or when nobody wants to wait any longer.
async fn begin(state: &AppState, headers: &HeaderMap, name: &str, typed: &Typed) -> Result<(Work, String), ApiError> {
    let who = actor(headers, typed.get("actor").map(String::as_str))?;
    let body = RunBody { period: given(typed, "period"), as_of: given(typed, "as_of"), ..RunBody::default() };
    let (work, ended) = begin_run(state, name, body, &who)?;
    // Too long is no error: the page looks again.
    let _in_time = tokio::time::timeout(AT_ONCE, ended).await.is_ok();
    let work = state.work().get(work.id).ok_or_else(|| {
        ApiError::new(Code::Internal, "the run is not on the board any more", "look at the runs below")
    })?;
    Ok((work, who))
}
