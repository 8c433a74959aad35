//! Where the record stands: one station per step, from its source to each destination; not here: what comes next.

use super::{Stage, StageState, newest_jobs};
use crate::api::state::FlowInfo;
use crate::api::time::Time;
use crate::store::{Disposition, EntityKey, JobRow, JobState, Timeline};

pub(super) fn stages(key: &EntityKey, timeline: &Timeline, flows: &[FlowInfo]) -> Vec<Stage> {
    let mut stages = vec![received(key, timeline), understood(timeline)];
    let jobs = newest_jobs(timeline);
    stages.extend(jobs.iter().map(|job| delivered(job)));
    for flow in flows.iter().filter(|flow| flow.from.connection == key.connection && flow.from.stream == key.stream) {
        if jobs.iter().all(|job| job.flow != flow.name) {
            stages.push(untouched(flow, timeline));
        }
    }
    stages
}

fn received(key: &EntityKey, timeline: &Timeline) -> Stage {
    let last = timeline.received.last();
    Stage {
        title: "Received".to_owned(),
        system: key.connection.clone(),
        state: if last.is_some() || timeline.current.is_some() { StageState::Done } else { StageState::Waiting },
        detail: last.map(|row| format!("last {}", row.source)).unwrap_or_default(),
        at: last.map(|row| Time(row.received_at)),
    }
}

fn understood(timeline: &Timeline) -> Stage {
    let last = timeline.received.last().map(|row| row.disposition);
    let state = match (last, &timeline.current) {
        (Some(Disposition::Dead), None) => StageState::Failed,
        (Some(Disposition::Pending), None) => StageState::Active,
        (_, Some(_)) => StageState::Done,
        (
            None | Some(Disposition::Applied | Disposition::Superseded | Disposition::Ignored | Disposition::Split),
            None,
        ) => StageState::Skipped,
    };
    let current = timeline.current.as_ref();
    Stage {
        title: "Understood".to_owned(),
        system: "hub".to_owned(),
        state,
        detail: current.map(|row| format!("revision {}", row.revision)).unwrap_or_default(),
        at: current.map(|row| Time(row.changed_at)),
    }
}

fn delivered(job: &JobRow) -> Stage {
    let (state, detail) = match job.state {
        JobState::Done => (StageState::Done, format!("revision {}", job.revision)),
        JobState::Superseded => (StageState::Done, "a newer revision is there".to_owned()),
        JobState::Ignored => (StageState::Skipped, "nothing to do".to_owned()),
        JobState::Discarded => (StageState::Skipped, "given up".to_owned()),
        JobState::Dead => (
            StageState::Failed,
            match job.attempts {
                1 => "after 1 attempt".to_owned(),
                n => format!("after {n} attempts"),
            },
        ),
        JobState::Ready if job.attempts == 0 => (StageState::Active, "queued".to_owned()),
        JobState::Ready => (StageState::Active, format!("attempt {} comes", job.attempts + 1)),
        JobState::Running => (StageState::Active, format!("attempt {}", job.attempts)),
        JobState::Blocked => (StageState::Waiting, "behind an older change".to_owned()),
        JobState::Waiting => (StageState::Waiting, "for what it refers to".to_owned()),
    };
    Stage {
        title: format!("Delivered by {}", job.flow),
        system: job.lane.clone(),
        state,
        detail,
        at: job.finished_at.map(Time),
    }
}

/// A flow without a job for this record: delivered so long ago that the job is gone, or none of its business.
fn untouched(flow: &FlowInfo, timeline: &Timeline) -> Stage {
    let binding = timeline
        .bindings
        .iter()
        .find(|row| row.dest_connection == flow.to.connection && row.dest_stream == flow.to.stream);
    Stage {
        title: format!("Delivered by {}", flow.name),
        system: flow.to.connection.clone(),
        state: if binding.is_some() { StageState::Done } else { StageState::Skipped },
        detail: binding.map(|row| format!("revision {}", row.sent_revision)).unwrap_or_default(),
        at: None,
    }
}
