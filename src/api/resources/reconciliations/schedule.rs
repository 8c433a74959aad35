//! Reconciliations that run by themselves: what is due is run, one at a time of each; not here: when it is due
//! (`finance::schedule`), comparing.
//!
//! How far a schedule has come is kept like a read's cursor and moves when a run has ended: a crash repeats it.

use std::time::Duration;

use crate::api::error::ApiError;
use crate::api::state::AppState;
use crate::api::work::{Outcome, WorkKind};
use crate::finance::definition::Definition;
use crate::finance::desk::{Desk, RunAsked};
use crate::finance::heal::{HEALER, HealAsked};
use crate::finance::schedule::{Due, Schedule};
use crate::model::ErrorClass;
use crate::recon::report::RunStatus;
use crate::store::{CursorMove, DeadLetter, StoreError};

use super::acts::watched;

/// Definitions are read anew this often, so that changed ones are followed.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// Under which name schedules are kept among cursors.
const SCHEDULES: &str = "reconciliations";

/// Runs what is due until the hub stops.
pub async fn keep_schedule(state: AppState) {
    loop {
        if let Err(error) = look(&state).await {
            tracing::error!(%error, "the schedule of reconciliations could not be looked at, trying again");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = state.stop().cancelled() => return,
        }
    }
}

/// Begins whatever is due now; returns the names.
pub async fn look(state: &AppState) -> Result<Vec<String>, ApiError> {
    let desk = state.desk()?;
    let (loaded, problems) = desk.definitions();
    told_problems(state, &desk, &problems.to_string(), problems.is_empty()).await?;
    let mut begun = Vec::new();
    for loaded in loaded {
        let definition = loaded.definition;
        let Some(schedule) = &definition.every else { continue };
        let now = state.now_us();
        let Some(since) = since(&desk, &definition.name).await? else {
            // Known for the first time: what was before it is nobody's miss.
            moved(&desk, &definition.name, now, now).await?;
            continue;
        };
        if let Some(due) = schedule.due(since, now)
            && begin(state, &desk, &definition, schedule, due)
        {
            begun.push(definition.name.to_string());
        }
    }
    Ok(begun)
}

/// When it will run next, if it runs by itself.
pub(super) fn next(definition: &Definition, now: i64) -> Option<i64> {
    definition.every.as_ref()?.next(now)
}

/// Not begun while one of it goes on: it is still due afterwards.
fn begin(state: &AppState, desk: &Desk, definition: &Definition, schedule: &Schedule, due: Due) -> bool {
    let name = definition.name.to_string();
    let actor = match due.missed {
        0 => "schedule".to_owned(),
        1 => "schedule, caught up after 1 missed run".to_owned(),
        missed => format!("schedule, caught up after {missed} missed runs"),
    };
    let Ok(work) = state.work().begin_on(WorkKind::Reconcile, &name, &actor, state.now_us()) else { return false };
    let asked = RunAsked { period: schedule.period(due.at), as_of: None, input_dir: None, actor: actor.clone() };
    let (desk, heals) = (desk.clone(), !definition.heal.codes.is_empty());
    watched(state, work.id, async move {
        let outcome = desk.run(&name, asked).await;
        let failed = match &outcome {
            Ok(run) => not_reconciled(&desk, *run).await,
            Err(error) => Some(error.to_string()),
        };
        tell(&desk, &name, failed.as_deref()).await?;
        if due.missed > 0 {
            let detail = format!("{} missed", due.missed);
            desk.store.append_audit((desk.now)(), "schedule", "reconciliation caught up", &name, &detail).await?;
        }
        moved(&desk, &name, due.at, (desk.now)()).await?;
        let run = outcome?;
        if heals && failed.is_none() {
            heal(&desk, &name).await;
        }
        Ok(Outcome::Reconciled(run))
    });
    true
}

/// Healing that is refused leaves the breaks as they are: they are on the list anyway.
async fn heal(desk: &Desk, name: &str) {
    match desk.heal(name, HEALER, HealAsked { dry_run: false, by_person: false }).await {
        Ok(healed) => tracing::info!(name, steps = healed.steps.len(), "breaks looked at for healing"),
        Err(error) => tracing::warn!(name, %error, "nothing was healed"),
    }
}

async fn not_reconciled(desk: &Desk, run: i64) -> Option<String> {
    match desk.report(run).await {
        Ok(report) if report.cover.status == RunStatus::Complete => None,
        Ok(report) => Some(
            report
                .cover
                .findings
                .first()
                .map_or_else(|| format!("run {run} is not complete"), |finding| format!("run {run}: {}", finding.text)),
        ),
        Err(error) => Some(error.to_string()),
    }
}

/// A run that failed is on the work list until one succeeds.
async fn tell(desk: &Desk, name: &str, failed: Option<&str>) -> Result<(), StoreError> {
    let fingerprint = format!("reconciliation/{name}/schedule");
    let Some(why) = failed else {
        return desk.store.settle_issue(&fingerprint, "a later run succeeded").await;
    };
    let issue = DeadLetter {
        scope: format!("reconciliation {name}"),
        class: ErrorClass::Data,
        fingerprint,
        title: format!("reconciliation {name}: its scheduled run failed: {why}"),
        detail: why.to_owned(),
        next_step: format!("correct it, then `syncline recon run {name}`; the next run that succeeds settles this"),
    };
    desk.store.raise_issue(issue, (desk.now)()).await.map(|_| ())
}

/// A definition with mistakes is not run, and nobody would notice.
async fn told_problems(state: &AppState, desk: &Desk, text: &str, none: bool) -> Result<(), StoreError> {
    let fingerprint = "reconciliations/definitions";
    let known = desk.store.open_issue(fingerprint).await?;
    match (none, known) {
        (true, Some(_)) => desk.store.settle_issue(fingerprint, "the definitions are in order").await,
        (true, None) => Ok(()),
        (false, Some(known)) if known.sample == text => Ok(()),
        (false, _) => {
            let issue = DeadLetter {
                scope: "reconciliations".to_owned(),
                class: ErrorClass::Data,
                fingerprint: fingerprint.to_owned(),
                title: "definitions of reconciliations have mistakes and are not run".to_owned(),
                detail: text.to_owned(),
                next_step: "`syncline check` names each with its place".to_owned(),
            };
            desk.store.raise_issue(issue, state.now_us()).await.map(|_| ())
        }
    }
}

async fn since(desk: &Desk, name: &str) -> Result<Option<i64>, StoreError> {
    let kept = desk.store.cursor(SCHEDULES, name).await?;
    Ok(kept.and_then(|value| value.parse().ok()))
}

async fn moved(desk: &Desk, name: &str, to: i64, at: i64) -> Result<(), StoreError> {
    let (connection, stream) = (SCHEDULES.to_owned(), name.to_owned());
    let cursor = CursorMove { connection, stream, value: to.to_string(), at };
    desk.store.append_inbox(Vec::new(), Some(cursor)).await.map(|_| ())
}
