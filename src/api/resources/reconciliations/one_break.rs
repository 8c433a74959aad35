//! One break with all that a decision about it needs: both sides, history, what fits, what a write-off takes.
//!
//! Not here: deciding (`acts`), the list (`reading`).

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::history::{HappenedView, history};
use super::reading::run_detail;
use super::stories::{StoryLink, stories_of};
use super::views::{AmountView, BreakView, RunDetail};
use crate::api::error::ApiError;
use crate::api::extract::ApiPath;
use crate::api::state::AppState;
use crate::finance::bind::Connectors;
use crate::finance::definition::Loaded;
use crate::finance::desk::{Desk, DeskError};
use crate::finance::lines::{StatementLine, lines};
use crate::finance::workflow::{BETWEEN, Book, ItemRecord, Policy, is_within};
use crate::recon::code::Code;
use crate::recon::report::{OpenItem, Report};
use crate::recon::row::Side;

/// Candidates that are listed.
const CANDIDATES: usize = 20;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BreakDetail {
    pub reconciliation: String,
    pub title: String,
    /// What the sides are called.
    pub sides: [String; 2],
    #[serde(rename = "break")]
    pub shown: BreakView,
    /// The run that shows it.
    pub shown_by: Option<i64>,
    /// What its code means, and what to do first.
    pub meaning: String,
    pub next_step: String,
    /// Its lines in the statements, side A's and side B's.
    pub lines: [SideLines; 2],
    pub write_off: WriteOffTerms,
    /// Payment stories of its rows.
    #[serde(default)]
    pub stories: Vec<StoryLink>,
    /// Open breaks whose rows may belong to its own, those that a pass suggests first.
    pub candidates: Vec<Candidate>,
    /// Oldest first.
    pub history: Vec<HappenedView>,
}

/// The first lines of one side, or why they cannot be shown.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SideLines {
    pub lines: Vec<StatementLine>,
    /// Lines beyond those.
    pub more: usize,
    pub unread: Option<String>,
}

/// What a definition says of writing off.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WriteOffTerms {
    /// Empty if every code is taken.
    pub reasons: Vec<String>,
    /// Up to here one person decides; 0 for units that are not listed.
    pub limits: Vec<AmountView>,
    /// One person may decide about this one.
    pub alone: bool,
    /// The code that was asked for, if another person has to approve.
    pub asked: Option<String>,
    pub asked_because: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Candidate {
    pub why: String,
    /// A match by hand with it ties.
    pub ties: bool,
    #[serde(rename = "break")]
    pub shown: BreakView,
}

pub(in crate::api) async fn one_break(
    State(state): State<AppState>,
    ApiPath((name, item)): ApiPath<(String, String)>,
) -> Result<Json<BreakDetail>, ApiError> {
    load_break(&state, &name, &item).await.map(Json)
}

pub async fn load_break(state: &AppState, name: &str, id: &str) -> Result<BreakDetail, ApiError> {
    let desk = state.desk()?;
    let loaded = desk.definition(name)?;
    let book = desk.shelved(name).await?;
    let record = book.items.get(id).ok_or_else(|| {
        ApiError::not_found(format!("there is no break {id}"), format!("see the breaks of `{name}`; run it first"))
    })?;
    let newest = newest(&desk, &book).await?;
    let (item, shown_by) = shown(&desk, record, newest.as_ref()).await?;
    let lines = match (&item, shown_by) {
        (Some(item), Some(run)) => statement_lines(&desk, &loaded, &book, run, newest.as_ref(), item).await?,
        _ => Default::default(),
    };
    let candidates = match (&item, &newest) {
        (Some(item), Some((_, report))) => candidates(&book, item, report),
        _ => Vec::new(),
    };
    let code = Code::parse(&record.code);
    let definition = loaded.definition;
    Ok(BreakDetail {
        reconciliation: name.to_owned(),
        sides: [0, 1].map(|side: usize| definition.sides[side].title.clone()),
        title: definition.title,
        stories: stories_of(&desk, name, item.as_ref()),
        shown: BreakView::of(record, item),
        shown_by,
        meaning: code.map(Code::meaning).unwrap_or_default().to_owned(),
        next_step: code.map(Code::next_step).unwrap_or_default().to_owned(),
        lines,
        write_off: terms(record, &definition.policy)?,
        candidates,
        history: history(&desk.events(name).await?, id),
    })
}

async fn newest(desk: &Desk, book: &Book) -> Result<Option<(i64, Report)>, DeskError> {
    match book.runs.keys().next_back() {
        Some(run) => Ok(Some((*run, desk.report(*run).await?))),
        None => Ok(None),
    }
}

/// As the newest run shows it, else as the run that saw it last did.
async fn shown(
    desk: &Desk,
    record: &ItemRecord,
    newest: Option<&(i64, Report)>,
) -> Result<(Option<OpenItem>, Option<i64>), DeskError> {
    let of = |report: &Report| report.breaks.iter().find(|item| item.id == record.id).cloned();
    if let Some((run, report)) = newest {
        let item = of(report);
        if item.is_some() || *run == record.last_run {
            return Ok((item, Some(*run)));
        }
    }
    let item = of(&desk.report(record.last_run).await?);
    let run = item.is_some().then_some(record.last_run);
    Ok((item, run))
}

/// Files are read apart from the runtime's threads.
async fn statement_lines(
    desk: &Desk,
    loaded: &Loaded,
    book: &Book,
    run: i64,
    newest: Option<&(i64, Report)>,
    item: &OpenItem,
) -> Result<[SideLines; 2], DeskError> {
    let inputs = match newest {
        Some((id, report)) if *id == run => report.cover.inputs.clone(),
        Some(_) | None => desk.report(run).await?.cover.inputs,
    };
    let elsewhere = book.runs.get(&run).and_then(|record| record.input_dir.as_ref());
    let root = elsewhere.map_or_else(|| desk.folder.clone(), std::path::PathBuf::from);
    let (loaded, folder, rows) = (loaded.clone(), desk.folder.clone(), item.rows.clone());
    let read = move || {
        let definition = match loaded.bound(&Connectors::of(&folder), None) {
            Ok(definition) => definition,
            Err(problems) => {
                let unread = Some(format!("the definition does not fit the connectors: {problems}"));
                return Side::BOTH.map(|_| SideLines { unread: unread.clone(), ..SideLines::default() });
            }
        };
        Side::BOTH.map(|side| {
            let places = &rows[side.index()];
            match lines(&definition, side, &root, &inputs, places) {
                Ok(lines) => SideLines { more: places.len() - lines.len(), lines, unread: None },
                Err(why) => SideLines { unread: Some(why), ..SideLines::default() },
            }
        })
    };
    tokio::task::spawn_blocking(read)
        .await
        .map_err(|error| DeskError::Damaged(format!("the statements could not be looked into: {error}")))
}

fn terms(record: &ItemRecord, policy: &Policy) -> Result<WriteOffTerms, DeskError> {
    let asked = record.write_off.as_ref();
    Ok(WriteOffTerms {
        reasons: policy.reasons.clone(),
        limits: policy.limits.iter().map(|(unit, minor)| AmountView::of(*unit, *minor)).collect(),
        alone: is_within(record, policy)?,
        asked: asked.map(|asked| asked.code.clone()),
        asked_because: asked.map(|asked| asked.reason.clone()),
    })
}

/// Rows that a pass suggests, then those of the other side that come to the same amount.
fn candidates(book: &Book, item: &OpenItem, report: &Report) -> Vec<Candidate> {
    let places: BTreeSet<&String> = item.candidates.iter().collect();
    let open =
        |other: &&OpenItem| other.id != item.id && book.items.get(&other.id).is_some_and(|known| known.state.is_open());
    let candidate = |other: &OpenItem, why: &str| {
        let record = book.items.get(&other.id)?;
        let shown = BreakView::of(record, Some(other.clone()));
        Some(Candidate { why: why.to_owned(), ties: opposite(item, other), shown })
    };
    let suggested: Vec<&OpenItem> = report
        .breaks
        .iter()
        .filter(open)
        .filter(|other| other.rows.iter().flatten().any(|place| places.contains(place)))
        .collect();
    let equal = report.breaks.iter().filter(open).filter(|other| opposite(item, other) && !suggested.contains(other));
    let found = suggested.iter().filter_map(|other| candidate(other, "a pass suggests it"));
    found
        .chain(equal.filter_map(|other| candidate(other, "the same amount on the other side")))
        .take(CANDIDATES)
        .collect()
}

/// Each on one side only, not the same, and of the same amounts.
fn opposite(one: &OpenItem, other: &OpenItem) -> bool {
    let sided = |item: &OpenItem| [item.rows[0].is_empty(), item.rows[1].is_empty()];
    let apart = matches!((sided(one), sided(other)), ([true, false], [false, true]) | ([false, true], [true, false]));
    let same = |side: usize, of: usize| {
        let amount = |item: &OpenItem, side: usize| -> Vec<(String, String)> {
            let sides = item.amounts.iter().map(|sides| if side == 0 { &sides.a } else { &sides.b });
            sides.map(|amount| (amount.unit.clone(), amount.amount_minor.clone())).collect()
        };
        amount(one, side) == amount(other, of)
    };
    let (of_one, of_other) = if one.rows[0].is_empty() { (1, 0) } else { (0, 1) };
    apart && !one.amounts.is_empty() && same(of_one, of_other)
}

/// An open break of a key that a record has, too.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BreakOfKey {
    pub reconciliation: String,
    pub title: String,
    pub id: String,
    pub code: String,
}

/// Open breaks of any reconciliation whose rows have one of these keys, as they stand or without a `#` in front.
pub async fn load_breaks_of(state: &AppState, keys: &[&str]) -> Result<Vec<BreakOfKey>, ApiError> {
    // A hub without a folder has no reconciliations.
    let Ok(desk) = state.desk() else { return Ok(Vec::new()) };
    let bare = |text: &str| text.trim().trim_start_matches('#').to_lowercase();
    let wanted: BTreeSet<String> = keys.iter().map(|key| bare(key)).filter(|key| !key.is_empty()).collect();
    let (loaded, _) = desk.definitions();
    let mut found = Vec::new();
    for definition in loaded.iter().map(|loaded| &loaded.definition) {
        let book = desk.shelved(&definition.name).await?;
        let has = |item: &&ItemRecord| {
            let mut values =
                item.marks.iter().filter_map(|mark| mark.split_once(BETWEEN)).map(|(_, value)| bare(value));
            item.state.is_open() && values.any(|value| wanted.contains(&value))
        };
        found.extend(book.items.values().filter(has).map(|item| BreakOfKey {
            reconciliation: definition.name.to_string(),
            title: definition.title.clone(),
            id: item.id.clone(),
            code: item.code.clone(),
        }));
    }
    Ok(found)
}

/// A run and its breaks as they stand now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunBreaks {
    /// Whether it is the newest of all runs.
    pub newest: bool,
    pub breaks: Vec<BreakView>,
}

pub(in crate::api) async fn run_breaks(
    State(state): State<AppState>,
    ApiPath(run): ApiPath<i64>,
) -> Result<Json<RunBreaks>, ApiError> {
    load_run_breaks(&state, run).await.map(|(_, breaks)| Json(breaks))
}

/// The run with its document, and its breaks in the document's order.
pub async fn load_run_breaks(state: &AppState, run: i64) -> Result<(RunDetail, RunBreaks), ApiError> {
    let desk = state.desk()?;
    let (detail, book) = run_detail(&desk, run).await?;
    let view = |item: &OpenItem| book.items.get(&item.id).map(|record| BreakView::of(record, Some(item.clone())));
    let breaks = detail.report.breaks.iter().filter_map(view).collect();
    let newest = book.runs.keys().next_back() == Some(&run);
    Ok((detail, RunBreaks { newest, breaks }))
}
