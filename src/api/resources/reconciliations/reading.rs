//! Reading reconciliations: lists, breaks, runs, events; not here: deciding (`acts`).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::schedule::next;
use super::standing::{Standing, standing};
use super::views::{
    AgreementView, BreakView, ReconciliationDetail, ReconciliationView, RunDetail, RunView, open_breaks,
};
use crate::api::error::ApiError;
use crate::api::extract::{ApiPath, ApiQuery};
use crate::api::state::AppState;
use crate::api::time::Time;
use crate::finance::definition::Loaded;
use crate::finance::desk::Desk;
use crate::finance::schedule::Schedule;
use crate::finance::workflow::{Book, JournalLine, State as BreakState, blockers};
use crate::store::{ReconEvent, RunRow};

/// Runs that a reconciliation's page shows.
const RUNS: u32 = 200;
/// Events in one answer.
const EVENTS: u32 = 500;

pub(in crate::api) async fn list(State(state): State<AppState>) -> Result<Json<Vec<ReconciliationView>>, ApiError> {
    load_list(&state).await.map(Json)
}

/// Those that are defined, then files that cannot be used.
pub async fn load_list(state: &AppState) -> Result<Vec<ReconciliationView>, ApiError> {
    let desk = state.desk()?;
    let (loaded, problems) = desk.definitions();
    let mut views = Vec::with_capacity(loaded.len());
    for loaded in &loaded {
        let name = &*loaded.definition.name;
        let book = desk.shelved(name).await?;
        let last = desk.store.runs(Some(name), 1).await?;
        views.push(view(state, &desk, loaded, &book, runs(last, &book).pop()).await?);
    }
    if !problems.is_empty() {
        views.push(ReconciliationView {
            name: String::new(),
            title: "definitions with mistakes".to_owned(),
            kind: String::new(),
            rules: String::new(),
            open_breaks: 0,
            last_run: None,
            schedule: None,
            next_run: None,
            agreement: None,
            problem: Some(problems.to_string()),
            standing: Standing::default(),
        });
    }
    Ok(views)
}

async fn view(
    state: &AppState,
    desk: &Desk,
    loaded: &Loaded,
    book: &Book,
    last_run: Option<RunView>,
) -> Result<ReconciliationView, ApiError> {
    let definition = &loaded.definition;
    Ok(ReconciliationView {
        name: definition.name.to_string(),
        title: definition.title.clone(),
        kind: definition.kind.number().to_owned(),
        rules: definition.rules.version.to_string(),
        open_breaks: open_breaks(book),
        last_run,
        schedule: definition.every.as_ref().map(Schedule::text),
        next_run: next(definition, state.now_us()).map(Time),
        agreement: state.agreement(&definition.name).map(AgreementView::from),
        problem: None,
        standing: standing(desk, loaded, book).await?,
    })
}

/// A run whose event is not there is the store's verification's to find.
fn runs(rows: Vec<RunRow>, book: &Book) -> Vec<RunView> {
    rows.into_iter()
        .filter_map(|row| {
            let record = book.runs.get(&row.id)?;
            Some(RunView::of(row, record))
        })
        .collect()
}

pub(in crate::api) async fn show(
    State(state): State<AppState>,
    ApiPath(name): ApiPath<String>,
) -> Result<Json<ReconciliationDetail>, ApiError> {
    load_one(&state, &name).await.map(Json)
}

pub async fn load_one(state: &AppState, name: &str) -> Result<ReconciliationDetail, ApiError> {
    let desk = state.desk()?;
    let loaded = desk.definition(name)?;
    let book = desk.shelved(name).await?;
    let runs = runs(desk.store.runs(Some(name), RUNS).await?, &book);
    let reconciliation = view(state, &desk, &loaded, &book, runs.first().cloned()).await?;
    Ok(ReconciliationDetail { reconciliation, runs })
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BreakQuery {
    pub code: Option<String>,
    pub state: Option<String>,
    pub owner: Option<String>,
    /// Those that are not open any more, too.
    pub all: bool,
}

pub(in crate::api) async fn breaks(
    State(state): State<AppState>,
    ApiPath(name): ApiPath<String>,
    ApiQuery(query): ApiQuery<BreakQuery>,
) -> Result<Json<Vec<BreakView>>, ApiError> {
    load_breaks(&state, &name, &query).await.map(Json)
}

/// In order of code, then of what happened first.
pub async fn load_breaks(state: &AppState, name: &str, query: &BreakQuery) -> Result<Vec<BreakView>, ApiError> {
    let wanted = query
        .state
        .as_deref()
        .map(|word| {
            BreakState::parse(word).ok_or_else(|| {
                let known: Vec<&str> = BreakState::ALL.iter().map(|state| state.as_str()).collect();
                ApiError::bad_request(
                    format!("`{word}` is no state of a break"),
                    format!("one of: {}", known.join(", ")),
                )
            })
        })
        .transpose()?;
    let desk = state.desk()?;
    desk.definition(name)?;
    let book = desk.shelved(name).await?;
    let mut shown = BTreeMap::new();
    if let Some(run) = book.runs.keys().next_back() {
        let report = desk.report(*run).await?;
        shown.extend(report.breaks.into_iter().map(|item| (item.id.clone(), item)));
    }
    let mut views: Vec<BreakView> = book
        .items
        .values()
        .filter(|item| wanted.map_or(query.all || item.state.is_open(), |state| item.state == state))
        .filter(|item| query.code.as_ref().is_none_or(|code| item.code.eq_ignore_ascii_case(code)))
        .filter(|item| query.owner.as_ref().is_none_or(|owner| item.owner.as_ref() == Some(owner)))
        .map(|item| BreakView::of(item, shown.remove(&item.id)))
        .collect();
    views.sort_by(|x, y| (&x.code, &x.event_date, &x.id).cmp(&(&y.code, &y.event_date, &y.id)));
    Ok(views)
}

pub(in crate::api) async fn run(
    State(state): State<AppState>,
    ApiPath(run): ApiPath<i64>,
) -> Result<Json<RunDetail>, ApiError> {
    load_run(&state, run).await.map(Json)
}

pub async fn load_run(state: &AppState, run: i64) -> Result<RunDetail, ApiError> {
    run_detail(&state.desk()?, run).await.map(|(detail, _)| detail)
}

pub(super) async fn run_detail(desk: &Desk, run: i64) -> Result<(RunDetail, Arc<Book>), ApiError> {
    let row = desk.run_row(run).await?;
    let book = desk.shelved(&row.reconciliation).await?;
    let report = desk.report(run).await?;
    let record = book.runs.get(&run).ok_or_else(|| {
        ApiError::not_found(format!("no event tells of run {run}"), "run `syncline verify`: the store may be damaged")
    })?;
    // A definition that is gone demands nothing; signing asks for it anyway.
    let blockers = match (record.is_signed(), desk.definition(&row.reconciliation)) {
        (false, Ok(loaded)) => blockers(&book, &loaded.definition.policy, record, &report),
        (true, _) => Vec::new(),
        (false, Err(error)) => vec![error.to_string()],
    };
    Ok((RunDetail { run: RunView::of(row, record), blockers, report }, book))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct EventQuery {
    #[serde(default)]
    after: i64,
}

pub(in crate::api) async fn events(
    State(state): State<AppState>,
    ApiPath(name): ApiPath<String>,
    ApiQuery(query): ApiQuery<EventQuery>,
) -> Result<Json<Vec<ReconEvent>>, ApiError> {
    let desk = state.desk()?;
    desk.definition(&name)?;
    Ok(Json(desk.store.recon_events(&name, query.after, EVENTS).await?))
}

pub(in crate::api) async fn journal(
    State(state): State<AppState>,
    ApiPath(name): ApiPath<String>,
) -> Result<Json<Vec<JournalLine>>, ApiError> {
    load_journal(&state, &name).await.map(Json)
}

/// Lines that write-offs propose.
pub async fn load_journal(state: &AppState, name: &str) -> Result<Vec<JournalLine>, ApiError> {
    let desk = state.desk()?;
    desk.definition(name)?;
    Ok(desk.shelved(name).await?.journal.clone())
}
