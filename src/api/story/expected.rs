//! What should happen to a record next, and by when, in words for people; not here: what happened.

use super::{Expectation, Level};
use crate::api::state::{FlowInfo, FlowMode};
use crate::api::time::Time;
use crate::store::{Disposition, EntityKey, JobRow, JobState, Timeline, parse_wait_key};

pub(super) fn expected(key: &EntityKey, timeline: &Timeline, flows: &[FlowInfo], now: i64) -> Vec<Expectation> {
    let mut expected = Vec::new();
    // A payload is dead as well when one of its deliveries is; that one speaks for itself below.
    let understood = |id: i64| timeline.events.iter().any(|event| event.inbox_id == id);
    let mut dead = timeline.received.iter().filter(|row| row.disposition == Disposition::Dead && !understood(row.id));
    if let Some(row) = dead.next_back() {
        expected.push(Expectation {
            text: format!("a payload from {} could not be understood and needs a person", key.connection),
            level: Level::Bad,
            by: None,
            issue: row.issue_id,
        });
    }
    if timeline.received.iter().any(|row| row.disposition == Disposition::Pending && row.processed_at.is_none()) {
        expected.push(plain("the payload received last is about to be read".to_owned(), Level::Info));
    }
    let newest = super::newest_jobs(timeline);
    for job in timeline.jobs.iter().filter(|job| job.state.is_open() || newest.iter().any(|other| other.id == job.id)) {
        expected.extend(of_job(job, flows.iter().find(|flow| flow.name == job.flow), now));
    }
    if expected.is_empty() {
        expected.push(match &timeline.current {
            Some(row) if newest.is_empty() => {
                plain(format!("nothing: no destination is concerned by revision {}", row.revision), Level::Muted)
            }
            Some(row) => plain(format!("nothing: every destination has revision {}", row.revision), Level::Good),
            None => plain("nothing: nothing of it was kept".to_owned(), Level::Muted),
        });
    }
    expected
}

fn of_job(job: &JobRow, flow: Option<&FlowInfo>, now: i64) -> Option<Expectation> {
    if flow.is_some_and(|flow| flow.mode == FlowMode::Paused) && job.state.is_open() {
        let text = format!("{} gets revision {} once flow {} is resumed", job.lane, job.revision, job.flow);
        return Some(plain(text, Level::Warn));
    }
    let deadline = flow.map(|flow| Time(job.created_at.saturating_add(flow.freshness_objective_us)));
    Some(match job.state {
        JobState::Ready if job.unknown => Expectation {
            text: format!(
                "the outcome of attempt {} at {} is unknown: the hub looks it up before it does anything else",
                job.attempts, job.lane
            ),
            level: Level::Warn,
            by: Some(Time(job.run_at)),
            issue: None,
        },
        JobState::Ready if job.run_at > now => Expectation {
            text: format!("{} is tried again; attempt {} failed: {}", job.lane, job.attempts, job.error),
            level: Level::Warn,
            by: Some(Time(job.run_at)),
            issue: None,
        },
        JobState::Ready => Expectation {
            text: format!("{} gets revision {} as soon as its turn comes", job.lane, job.revision),
            level: Level::Info,
            by: deadline,
            issue: None,
        },
        JobState::Running => Expectation {
            text: format!("revision {} is being sent to {} (attempt {})", job.revision, job.lane, job.attempts),
            level: Level::Info,
            by: deadline,
            issue: None,
        },
        JobState::Blocked => Expectation {
            text: format!("{} gets revision {} after the older change before it", job.lane, job.revision),
            level: Level::Info,
            by: deadline,
            issue: None,
        },
        JobState::Waiting => Expectation {
            text: match parse_wait_key(&job.wait_for) {
                Some((entity, key)) => format!("waits until {entity} {key} is at {}; looked at again", job.lane),
                None => format!("waits for what it refers to at {}; looked at again", job.lane),
            },
            level: Level::Warn,
            by: Some(Time(job.run_at)),
            issue: None,
        },
        JobState::Dead => Expectation {
            text: format!("a person has to help it to {}: {}", job.lane, job.error),
            level: Level::Bad,
            by: None,
            issue: job.issue_id,
        },
        JobState::Discarded => plain(format!("nothing at {}: its delivery was given up", job.lane), Level::Muted),
        JobState::Done | JobState::Superseded | JobState::Ignored => return None,
    })
}

fn plain(text: String, level: Level) -> Expectation {
    Expectation { text, level, by: None, issue: None }
}
