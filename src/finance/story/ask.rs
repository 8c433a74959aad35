//! Asking for a story: the newest complete run of each leg is looked up, then its statements are read.
//!
//! Reading may block and takes long over large files: it keeps off the runtime's threads, and only so many go on at once. Not here:
//! following money (`walk`).

use std::path::{Path, PathBuf};

use tokio::sync::Semaphore;

use crate::config::yaml::{Diagnostics, Source};
use crate::finance::bind::{Connectors, bind};
use crate::finance::definition;
use crate::finance::desk::{Desk, DeskError, blocking};
use crate::finance::run::RunError;
use crate::finance::workflow::Refusal;
use crate::recon::report::RunStatus;
use crate::recon::row::Side;

use super::definition::{Leg, Story};
use super::folder::{carries, load_stories};
use super::keys::MOST_VALUES;
use super::outcome::outcome;
use super::sides::{LegState, Newest, Sides};
use super::stations::station;
use super::told::PaymentStory;
use super::walk::{Walked, walk};

/// Stories that are read at once.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// Whose story.
#[derive(Debug, Clone)]
pub struct Asked {
    pub key: String,
    /// The key's name; without, those that the story may be asked by are tried in their order.
    pub by: Option<String>,
}

/// A leg's run before its definition is read.
struct Kept {
    run: i64,
    text: String,
    report: crate::recon::report::Report,
    book: std::sync::Arc<crate::finance::workflow::Book>,
    root: PathBuf,
}

impl Desk {
    /// Stories that can be told, and what is wrong with the others.
    pub fn stories(&self) -> (Vec<Story>, Diagnostics) {
        let (loaded, _) = self.definitions();
        load_stories(&self.folder, &loaded)
    }

    pub fn story_named(&self, name: &str) -> Result<Story, DeskError> {
        let (stories, problems) = self.stories();
        let known: Vec<String> = stories.iter().map(|story| story.name.to_string()).collect();
        stories.into_iter().find(|story| *story.name == *name).ok_or_else(|| {
            let next = match (problems.is_empty(), known.is_empty()) {
                (false, _) => format!("`syncline check` tells more: {problems}"),
                (true, true) => {
                    "stories are files in reconciliations/stories/; docs/reconciliation.md has one".to_owned()
                }
                (true, false) => format!("there are: {}", known.join(", ")),
            };
            DeskError::Unknown(Refusal { what: format!("there is no story `{name}`"), next })
        })
    }

    /// Tells where one's money is.
    pub async fn story(&self, name: &str, asked: Asked) -> Result<PaymentStory, DeskError> {
        let story = self.story_named(name)?;
        let kinds = kinds(&story, asked.by.as_deref())?;
        let mut kept = Vec::with_capacity(story.legs.len());
        for leg in &story.legs {
            kept.push(self.newest(&leg.leg).await?);
        }
        let (folder, room) = (self.folder.clone(), self.room.clone());
        let _turn = AT_ONCE.acquire().await.map_err(|error| DeskError::Damaged(error.to_string()))?;
        blocking(move || tell(&story, kept, &kinds, &asked.key, [&folder, &room])).await?
    }

    /// The newest complete run, or why there is none.
    async fn newest(&self, name: &str) -> Result<Result<Kept, String>, DeskError> {
        let book = self.shelved(name).await?;
        let complete = book.runs.values().rev().find(|run| run.status == RunStatus::Complete);
        let Some(record) = complete else {
            let was_run = if book.runs.is_empty() { "it was never run" } else { "none of its runs is complete" };
            return Ok(Err(format!("{was_run}: `syncline recon run {name}`")));
        };
        let root = record.input_dir.as_ref().map_or_else(|| self.folder.clone(), PathBuf::from);
        let run = record.id;
        let text = self.run_row(run).await?.definition;
        let report = self.report(run).await?;
        Ok(Ok(Kept { run, text, report, book, root }))
    }
}

/// Names of keys to be tried.
fn kinds(story: &Story, by: Option<&str>) -> Result<Vec<String>, DeskError> {
    let known: Vec<String> = story.asked_by.iter().map(|key| key.value.clone()).collect();
    match by {
        None => Ok(known),
        Some(by) if known.iter().any(|key| key == by) => Ok(vec![by.to_owned()]),
        Some(by) => Err(DeskError::Unknown(Refusal {
            what: format!("`{}` is not asked by `{by}`", story.name),
            next: format!("ask by one of: {}", known.join(", ")),
        })),
    }
}

/// With the definition that the run was made by: its rows and verdicts are of that one.
fn leg_state(leg: &Leg, kept: Result<Kept, String>, connectors: &Connectors<'_>) -> LegState {
    let Kept { run, text, report, book, root } = kept?;
    let source = Source::new(format!("definition of run {run}"), text);
    let mut definition = definition::parse(&source)
        .map_err(|problems| format!("the definition of run {run} cannot be read by this version: {problems}"))?;
    bind(&mut definition, &source, connectors, None)
        .map_err(|problems| format!("a side of run {run} cannot be read any more: {problems}"))?;
    for key in std::iter::once(&leg.by).chain(&leg.leads_to) {
        if !Side::BOTH.into_iter().any(|side| carries(&definition, side, key)) {
            let name = &leg.leg.value;
            return Err(format!(
                "run {run} was made before `{name}` had the key `{}`: `syncline recon run {name}` makes a new one",
                key.value
            ));
        }
    }
    Ok(Box::new(Newest { run, definition, report, book, root }))
}

fn tell(
    story: &Story,
    kept: Vec<Result<Kept, String>>,
    kinds: &[String],
    key: &str,
    [installation, room]: [&Path; 2],
) -> Result<PaymentStory, DeskError> {
    let key = key.trim();
    let connectors = Connectors::of(installation);
    let legs: Vec<LegState> =
        story.legs.iter().zip(kept).map(|(leg, kept)| leg_state(leg, kept, &connectors)).collect();
    let mut sides = Sides::new(&legs, room)?;
    for kind in kinds {
        let walked = walk(story, &legs, &mut sides, kind, key)?;
        if walked.found_any() {
            return composed(story, &legs, walked, kind, key);
        }
    }
    Err(DeskError::Unknown(not_found(story, &legs, &mut sides, kinds, key)?))
}

fn composed(
    story: &Story,
    legs: &[LegState],
    walked: Walked<'_, '_>,
    kind: &str,
    key: &str,
) -> Result<PaymentStory, DeskError> {
    let Walked { visited, mut figures, known } = walked;
    let read: Vec<bool> = visited
        .iter()
        .zip(legs)
        .map(|(visited, leg)| {
            // What nothing leads to is 0, and what was not read is not known.
            let unread = visited.iter().flat_map(|visited| &visited.sides).any(|found| !found.unread.is_empty());
            leg.is_ok() && !unread
        })
        .collect();
    let mut notes: Vec<String> = known
        .more
        .keys()
        .map(|key| format!("more than {MOST_VALUES} different values of `{key}`: only so many were followed"))
        .collect();
    notes.append(&mut figures.notes);
    let place = story.position(kind).unwrap_or(usize::MAX);
    if story.shared_from().is_some_and(|shared| place >= shared) {
        notes.push(format!(
            "asked by {kind}: orders and payments are told as a whole, `net` is the part of them that it holds"
        ));
    }
    let (amounts, more) = figures
        .told(&|leg| read.get(leg).copied().unwrap_or(false))
        .map_err(|error| DeskError::Run(RunError::Engine { reconciliation: story.name.to_string(), error }))?;
    notes.extend(more);
    let stations: Vec<_> =
        story.legs.iter().zip(legs).zip(visited).map(|((leg, state), visited)| station(leg, state, visited)).collect();
    Ok(PaymentStory {
        story: story.name.to_string(),
        title: story.title.clone(),
        key: key.to_owned(),
        asked_as: kind.to_owned(),
        outcome: outcome(&stations),
        amounts,
        stations,
        notes,
    })
}

/// What was looked at, so that the next step is plain.
fn not_found(
    story: &Story,
    legs: &[LegState],
    sides: &mut Sides<'_>,
    kinds: &[String],
    key: &str,
) -> Result<Refusal, DeskError> {
    let mut unread = Vec::new();
    let mut runs = Vec::new();
    for (at, (leg, state)) in story.legs.iter().zip(legs).enumerate() {
        let name = &leg.leg.value;
        match state {
            Err(why) => unread.push(format!("{name}: {why}")),
            Ok(newest) => {
                runs.push(format!("{name} run {} ({})", newest.run, said(&newest.report.cover.period)));
                for side in Side::BOTH {
                    let asks = kinds.iter().any(|kind| carries(&newest.definition, side, kind));
                    if let (true, Err(why)) = (asks, sides.get(at, side)?) {
                        unread.extend(why.iter().map(|why| format!("{name}: {why}")));
                    }
                }
            }
        }
    }
    let kinds = kinds.join(", ");
    Ok(if unread.is_empty() {
        Refusal {
            what: format!("no {kinds} `{key}` is in what was read by {}", runs.join(", ")),
            next: "look at the spelling, or run the legs for the period that it belongs to".to_owned(),
        }
    } else {
        Refusal {
            what: format!("`{key}` was not found, and not everything could be looked at: {}", unread.join("; ")),
            next: "put the files back that the runs read, or run these legs again".to_owned(),
        }
    })
}

fn said([from, to]: &[String; 2]) -> String {
    if to.is_empty() { "all that the statements hold".to_owned() } else { format!("{from}..{to}") }
}
