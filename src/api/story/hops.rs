//! Everything that happened to a record, one entry each; not here: their order across systems.

use super::{Hop, HopKind, Level, Payload};
use crate::api::time::Time;
use crate::store::{
    AttemptRow, DeadRef, Disposition, EditRow, EntityKey, EventRow, InboxSummary, JobRow, JobState, SourceKind,
    Timeline,
};

pub(super) fn hops(key: &EntityKey, timeline: &Timeline) -> Vec<Hop> {
    let mut hops = Vec::new();
    hops.extend(timeline.received.iter().map(|row| {
        let understood = timeline.events.iter().any(|event| event.inbox_id == row.id);
        received(key, row, understood)
    }));
    hops.extend(timeline.events.iter().map(|row| understood(key, row)));
    for job in &timeline.jobs {
        hops.push(queued(job));
        hops.extend(job.tries.iter().map(|attempt| tried(job, attempt)));
        hops.extend(closed(job));
    }
    hops.extend(timeline.edits.iter().map(|edit| edited(key, timeline, edit)));
    hops
}

fn received(key: &EntityKey, row: &InboxSummary, understood: bool) -> Hop {
    let how = match row.source {
        SourceKind::Webhook => "by webhook",
        SourceKind::Poll => "found by polling",
        SourceKind::File => "from a file",
        SourceKind::Fetch => "fetched on purpose",
        SourceKind::Split => "cut out of a larger payload",
    };
    let (level, outcome) = match row.disposition {
        Disposition::Applied => (Level::Good, "applied"),
        Disposition::Pending if understood => (Level::Info, "on its way"),
        Disposition::Pending => (Level::Info, "to be read"),
        Disposition::Superseded => (Level::Muted, "superseded by a newer state"),
        Disposition::Ignored => (Level::Muted, "ignored"),
        Disposition::Split => (Level::Muted, "cut into its records"),
        Disposition::Dead if understood => (Level::Info, "a delivery of it needs a person"),
        Disposition::Dead => (Level::Bad, "could not be understood"),
    };
    let mut detail = vec![match row.reason.as_str() {
        reason if reason.is_empty() || understood => outcome.to_owned(),
        reason => format!("{outcome}: {}", reason.replace('_', " ")),
    }];
    detail.extend((!understood && !row.error.is_empty()).then(|| row.error.clone()));
    detail.extend((!row.topic.is_empty()).then(|| format!("topic {}", row.topic)));
    detail.extend((!row.place.is_empty()).then(|| row.place.clone()));
    detail.extend((row.duplicates > 0).then(|| format!("delivered {} more times", row.duplicates)));
    detail.extend(row.purged_at.map(|_| "the payload was removed after its retention".to_owned()));
    Hop {
        at: Time(row.received_at),
        kind: HopKind::Received,
        system: key.connection.clone(),
        title: format!("Received from {} {how}", key.connection),
        detail: detail.join(" · "),
        level,
        took_ms: row.processed_at.map(|at| (at - row.received_at).max(0) / 1000),
        issue: row.issue_id.filter(|_| row.disposition == Disposition::Dead),
        payloads: match row.purged_at {
            None => vec![Payload { label: "As received".to_owned(), text: row.payload.clone() }],
            Some(_) => Vec::new(),
        },
    }
}

fn understood(key: &EntityKey, row: &EventRow) -> Hop {
    Hop {
        at: Time(row.recorded_at),
        kind: HopKind::Understood,
        system: key.connection.clone(),
        title: format!("{} · revision {}", row.kind, row.revision),
        detail: format!("{} of {} mapped to the hub's own form", row.entity, key.connection),
        level: Level::Good,
        took_ms: None,
        issue: None,
        payloads: vec![Payload { label: "Mapped".to_owned(), text: row.doc.clone() }],
    }
}

fn queued(job: &JobRow) -> Hop {
    Hop {
        at: Time(job.created_at),
        kind: HopKind::Queued,
        system: job.lane.clone(),
        title: format!("Queued for {}", job.lane),
        detail: format!("flow {} · revision {} · job {}", job.flow, job.revision, job.id),
        level: Level::Info,
        took_ms: None,
        issue: None,
        payloads: Vec::new(),
    }
}

fn tried(job: &JobRow, attempt: &AttemptRow) -> Hop {
    let (level, outcome) = match attempt.outcome.as_str() {
        "done" => (Level::Good, format!("{} confirmed it", job.lane)),
        "announced" => (Level::Info, "under way".to_owned()),
        "unknown" => (Level::Warn, "no answer: it may or may not have happened".to_owned()),
        "superseded" => (Level::Muted, format!("{} had a newer revision already", job.lane)),
        "ignored" => (Level::Muted, "nothing to do there".to_owned()),
        "released" => (Level::Muted, "given back unsent".to_owned()),
        "dead" => (Level::Bad, "failed for good".to_owned()),
        "wait" | "waiting" => (Level::Warn, "waits for what it refers to".to_owned()),
        other => (Level::Warn, other.to_owned()),
    };
    let mut detail = vec![outcome];
    detail.extend(match attempt.status {
        Some(status) => Some(format!("HTTP {status}")),
        // Not a call: what was done says it better than any code.
        None => Some(attempt.response.clone()).filter(|done| attempt.outcome == "done" && !done.is_empty()),
    });
    detail.extend(batch_place(&attempt.response).map(str::to_owned));
    detail.extend((!attempt.class.is_empty()).then(|| attempt.class.replace('_', " ")));
    let payloads = [("Request", &attempt.request), ("Response", &attempt.response)];
    Hop {
        at: Time(attempt.started_at),
        kind: HopKind::Attempt,
        system: job.lane.clone(),
        title: format!("Attempt {} at {}", attempt.no, job.lane),
        detail: detail.join(" · "),
        level,
        took_ms: attempt.finished_at.map(|at| (at - attempt.started_at).max(0) / 1000),
        issue: None,
        payloads: payloads
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(label, text)| Payload { label: label.to_owned(), text: text.clone() })
            .collect(),
    }
}

/// A person's correction, told apart from what the source said.
fn edited(key: &EntityKey, timeline: &Timeline, edit: &EditRow) -> Hop {
    let (system, detail) = match edit.dead {
        DeadRef::Inbox(id) => (key.connection.clone(), format!("payload {id}, before it was read again")),
        DeadRef::Job(id) => {
            let job = timeline.jobs.iter().find(|job| job.id == id);
            let lane = job.map_or_else(String::new, |job| job.lane.clone());
            (lane, format!("{} · for job {id} only", edit.changed.join(", ")))
        }
    };
    let payloads = [("Before", &edit.before), ("After", &edit.after)];
    Hop {
        at: Time(edit.at),
        kind: HopKind::Edited,
        system,
        title: format!("Edited by {}", edit.actor),
        detail,
        level: Level::Warn,
        took_ms: None,
        issue: None,
        payloads: payloads.map(|(label, text)| Payload { label: label.to_owned(), text: text.clone() }).to_vec(),
    }
}

/// How a job ended, where its last attempt does not say it already.
fn closed(job: &JobRow) -> Option<Hop> {
    let (level, title) = match job.state {
        JobState::Dead => (Level::Bad, format!("Delivery to {} needs a person", job.lane)),
        JobState::Discarded => (Level::Muted, format!("Delivery to {} was given up", job.lane)),
        JobState::Superseded if job.tries.is_empty() => {
            (Level::Muted, format!("Left out: a newer revision went to {}", job.lane))
        }
        JobState::Ignored if job.tries.is_empty() => (Level::Muted, format!("Nothing to do at {}", job.lane)),
        JobState::Superseded
        | JobState::Ignored
        | JobState::Done
        | JobState::Ready
        | JobState::Blocked
        | JobState::Running
        | JobState::Waiting => return None,
    };
    Some(Hop {
        at: Time(job.finished_at?),
        kind: HopKind::Closed,
        system: job.lane.clone(),
        title,
        detail: job.error.clone(),
        level,
        took_ms: None,
        issue: job.issue_id,
        payloads: Vec::new(),
    })
}

/// Its place in the call that carried several records, at the head of what was answered.
fn batch_place(response: &str) -> Option<&str> {
    let (head, _) = response.split_once("\n\n")?;
    head.contains(" of a batch of ").then_some(head)
}
