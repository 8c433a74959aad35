//! Long work that people start and then watch: verify, backup, reconcile; one of a kind and subject at a time. Not here: the work itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::error::{ApiError, Code};
use super::resources::verify::VerifyOutcome;
use super::time::Time;
use crate::finance::rederive::Rederived;

/// Finished work that is remembered.
const REMEMBERED: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkKind {
    Verify,
    Backup,
    /// A run of a reconciliation, the work's subject.
    Reconcile,
    /// A kept run made again; its number is the work's subject.
    Rederive,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkState {
    Running,
    Done,
    Failed,
}

/// One piece of work and how far it has come.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Work {
    pub id: u64,
    pub kind: WorkKind,
    /// Which one of its kind; empty where there is only one.
    #[serde(default)]
    pub subject: String,
    pub state: WorkState,
    pub actor: String,
    pub step: String,
    pub done: u64,
    /// 0 where the work cannot tell.
    pub total: u64,
    pub started_at: Time,
    pub finished_at: Option<Time>,
    pub report: Option<VerifyOutcome>,
    /// The file that a backup made.
    pub path: Option<String>,
    /// The run that a reconciliation made.
    #[serde(default)]
    pub run: Option<i64>,
    /// What making a run again showed.
    #[serde(default)]
    pub rederived: Option<Rederived>,
    pub error: Option<ApiError>,
}

/// What a piece of work leaves behind.
pub enum Outcome {
    Verified(VerifyOutcome),
    BackedUp(String),
    Reconciled(i64),
    Rederived(Rederived),
}

/// Lost with the process, as the work is.
#[derive(Clone, Default)]
pub struct WorkBoard(Arc<Mutex<BTreeMap<u64, Work>>>);

impl WorkBoard {
    pub fn get(&self, id: u64) -> Option<Work> {
        self.rows().get(&id).cloned()
    }

    /// The newest of a kind, running or not.
    pub fn latest(&self, kind: WorkKind) -> Option<Work> {
        self.rows().values().rev().find(|work| work.kind == kind).cloned()
    }

    /// As `latest`, of one subject.
    pub fn latest_on(&self, kind: WorkKind, subject: &str) -> Option<Work> {
        self.rows().values().rev().find(|work| work.kind == kind && work.subject == subject).cloned()
    }

    /// Puts new work on the board, unless some of its kind is running: then that one is the answer.
    pub(super) fn begin(&self, kind: WorkKind, actor: &str, at: i64) -> Result<Work, Box<Work>> {
        self.begin_on(kind, "", actor, at)
    }

    /// As `begin`, one at a time for each subject.
    pub(super) fn begin_on(&self, kind: WorkKind, subject: &str, actor: &str, at: i64) -> Result<Work, Box<Work>> {
        let mut rows = self.rows();
        let same = |work: &&Work| work.kind == kind && work.subject == subject && work.state == WorkState::Running;
        if let Some(running) = rows.values().find(same) {
            return Err(Box::new(running.clone()));
        }
        let id = rows.last_key_value().map_or(1, |(last, _)| last + 1);
        let work = Work {
            id,
            kind,
            subject: subject.to_owned(),
            state: WorkState::Running,
            actor: actor.to_owned(),
            step: String::new(),
            done: 0,
            total: 0,
            started_at: Time(at),
            finished_at: None,
            report: None,
            path: None,
            run: None,
            rederived: None,
            error: None,
        };
        rows.insert(id, work.clone());
        let finished: Vec<u64> =
            rows.values().filter(|work| work.state != WorkState::Running).map(|work| work.id).collect();
        for id in finished.iter().rev().skip(REMEMBERED) {
            rows.remove(id);
        }
        Ok(work)
    }

    pub(super) fn progress(&self, id: u64, step: &str, done: u64, total: u64) {
        if let Some(work) = self.rows().get_mut(&id) {
            step.clone_into(&mut work.step);
            (work.done, work.total) = (done, total);
        }
    }

    pub(super) fn finish(&self, id: u64, outcome: Result<Outcome, ApiError>, at: i64) {
        if let Some(work) = self.rows().get_mut(&id) {
            work.finished_at = Some(Time(at));
            work.state = WorkState::Done;
            match outcome {
                Ok(Outcome::Verified(report)) => work.report = Some(report),
                Ok(Outcome::BackedUp(path)) => work.path = Some(path),
                Ok(Outcome::Reconciled(run)) => work.run = Some(run),
                Ok(Outcome::Rederived(found)) => work.rederived = Some(found),
                Err(error) => {
                    work.state = WorkState::Failed;
                    work.error = Some(error);
                }
            }
        }
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<u64, Work>> {
        // Rows are replaced field by field without panicking in between: a poisoned board is still a good one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ApiError {
    pub(super) fn no_such_work(id: u64) -> ApiError {
        ApiError::new(
            Code::NotFound,
            format!("work {id} is not on the board"),
            "it may have ended with an earlier process; start it again",
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_kind_runs_at_a_time() {
        let board = WorkBoard::default();
        let first = board.begin(WorkKind::Verify, "ann", 1).unwrap();
        assert_eq!(board.begin(WorkKind::Verify, "bob", 2).unwrap_err().id, first.id);
        let bank = board.begin_on(WorkKind::Reconcile, "bank", "ann", 1).unwrap();
        assert_eq!(board.begin_on(WorkKind::Reconcile, "bank", "bob", 1).unwrap_err().id, bank.id);
        assert!(board.begin_on(WorkKind::Reconcile, "orders", "bob", 1).is_ok());
        let backup = board.begin(WorkKind::Backup, "bob", 2).unwrap();
        board.progress(first.id, "ledger", 1, 3);
        board.finish(first.id, Err(ApiError::not_found("x", "y")), 3);
        let finished = board.get(first.id).unwrap();
        assert_eq!((finished.state, finished.done, finished.total), (WorkState::Failed, 1, 3));
        assert_eq!(board.latest(WorkKind::Backup).unwrap().id, backup.id);
        assert!(board.begin(WorkKind::Verify, "bob", 4).is_ok());
    }

    #[test]
    fn the_board_stays_small() {
        let board = WorkBoard::default();
        for at in 0..100 {
            let work = board.begin(WorkKind::Backup, "ann", at).unwrap();
            board.finish(work.id, Ok(Outcome::BackedUp("x".to_owned())), at);
        }
        assert!(board.rows().len() <= REMEMBERED + 1);
        assert_eq!(board.latest(WorkKind::Backup).unwrap().id, 100);
    }
}
