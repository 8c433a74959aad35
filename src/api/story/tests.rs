//! What the story says of each state of a job and of a flow, and in which order.

use super::*;
use crate::api::state::{Deliver, FlowMode, StreamRef};
use crate::model::Entity;
use crate::store::{AttemptRow, Disposition, EntityRow, EventRow, InboxSummary, JobState, SourceKind, wait_key};

const SECOND: i64 = 1_000_000;

fn key(connection: &str) -> EntityKey {
    EntityKey { connection: connection.to_owned(), stream: "orders".to_owned(), key: "820".to_owned() }
}

fn flow(mode: FlowMode) -> FlowInfo {
    FlowInfo {
        name: "orders-to-erp".to_owned(),
        from: StreamRef { connection: "shop".to_owned(), stream: "orders".to_owned() },
        to: StreamRef { connection: "erp".to_owned(), stream: "sale_orders".to_owned() },
        entity: Some(Entity::Order),
        deliver: Deliver::Every,
        mode,
        freshness_objective_us: 120 * SECOND,
        untold: vec![],
        needs: vec![],
    }
}

fn job(id: i64, state: JobState) -> JobRow {
    JobRow {
        id,
        flow: "orders-to-erp".to_owned(),
        lane: "erp".to_owned(),
        stream: "sale_orders".to_owned(),
        revision: id,
        event_id: id,
        state,
        unknown: false,
        run_at: 20 * SECOND,
        attempts: 2,
        wait_for: String::new(),
        class: String::new(),
        error: "the ERP said no".to_owned(),
        issue_id: Some(7),
        created_at: 10 * SECOND,
        finished_at: (!state.is_open()).then_some(11 * SECOND),
        tries: vec![],
    }
}

fn timeline(connection: &str, jobs: Vec<JobRow>) -> (EntityKey, Timeline) {
    let id = key(connection);
    let current = EntityRow {
        id: id.clone(),
        entity: Entity::Order,
        natural_key: "#1001".to_owned(),
        version: 1,
        revision: 2,
        hash: String::new(),
        doc: "{\"number\":\"#1001\"}".to_owned(),
        deleted: false,
        seen_by: SourceKind::Webhook,
        changed_at: 9 * SECOND,
        as_of: 9 * SECOND,
    };
    let received = InboxSummary {
        error: String::new(),
        issue_id: None,
        id: 1,
        source: SourceKind::Webhook,
        topic: "orders/create".to_owned(),
        place: String::new(),
        received_at: 8 * SECOND,
        processed_at: Some(9 * SECOND),
        disposition: Disposition::Pending,
        reason: String::new(),
        duplicates: 3,
        payload: "{}".to_owned(),
        purged_at: None,
    };
    let event = EventRow {
        id: 1,
        record: id.clone(),
        entity: Entity::Order,
        revision: 1,
        kind: "OrderPlaced".to_owned(),
        doc: "{}".to_owned(),
        occurred_at: None,
        recorded_at: 9 * SECOND,
        inbox_id: 1,
    };
    (
        id,
        Timeline {
            current: Some(current),
            received: vec![received],
            events: vec![event],
            jobs,
            bindings: vec![],
            edits: vec![],
        },
    )
}

fn story(jobs: Vec<JobRow>, mode: FlowMode) -> Story {
    tell(&Told { timelines: &[timeline("shop", jobs)], flows: &[flow(mode)], now: 12 * SECOND })
}

/// State of the delivery's station, what is expected next, and by when.
#[track_caller]
fn check(job: JobRow, state: StageState, text: &str, by_s: Option<i64>) {
    let story = story(vec![job], FlowMode::Live);
    assert_eq!(story.stages[2].state, state, "{:?}", story.stages);
    assert_eq!(story.expected[0].text, text);
    assert_eq!(story.expected[0].by, by_s.map(|second| Time(second * SECOND)));
}

#[test]
fn each_state_of_a_job_says_what_comes_next() {
    let retry = "erp is tried again; attempt 2 failed: the ERP said no";
    check(job(2, JobState::Ready), StageState::Active, retry, Some(20));
    let due = JobRow { run_at: 0, ..job(2, JobState::Ready) };
    check(due.clone(), StageState::Active, "erp gets revision 2 as soon as its turn comes", Some(130));
    let unknown = "the outcome of attempt 2 at erp is unknown: the hub looks it up before it does anything else";
    check(JobRow { unknown: true, ..due }, StageState::Active, unknown, Some(0));
    check(job(2, JobState::Running), StageState::Active, "revision 2 is being sent to erp (attempt 2)", Some(130));
    check(
        job(2, JobState::Blocked),
        StageState::Waiting,
        "erp gets revision 2 after the older change before it",
        Some(130),
    );
    let waiting = JobRow { wait_for: wait_key("erp", Entity::Customer, "C-12"), ..job(2, JobState::Waiting) };
    check(waiting, StageState::Waiting, "waits until customer C-12 is at erp; looked at again", Some(20));
    check(job(2, JobState::Dead), StageState::Failed, "a person has to help it to erp: the ERP said no", None);
    check(job(2, JobState::Done), StageState::Done, "nothing: every destination has revision 2", None);
    check(job(2, JobState::Discarded), StageState::Skipped, "nothing at erp: its delivery was given up", None);
}

#[test]
fn a_paused_flow_is_named() {
    let story = story(vec![job(2, JobState::Ready)], FlowMode::Paused);
    assert_eq!(story.expected[0].text, "erp gets revision 2 once flow orders-to-erp is resumed");
}

#[test]
fn only_the_newest_job_of_a_flow_decides() {
    let story = story(vec![job(1, JobState::Dead), job(2, JobState::Done)], FlowMode::Live);
    assert_eq!(story.stages[2].state, StageState::Done);
    assert_eq!(story.expected[0].text, "nothing: every destination has revision 2");
}

#[test]
fn a_flow_without_a_job_is_not_concerned() {
    let story = story(vec![], FlowMode::Live);
    assert_eq!(story.stages[2].state, StageState::Skipped);
    assert_eq!(story.expected[0].text, "nothing: no destination is concerned by revision 2");
}

#[test]
fn hops_of_all_systems_come_in_time_order() {
    let timelines = [timeline("shop", vec![job(2, JobState::Dead)]), timeline("erp", vec![])];
    let story = tell(&Told { timelines: &timelines, flows: &[], now: 12 * SECOND });
    let told: Vec<String> = story.hops.iter().map(|hop| format!("{} {}", hop.at.0 / SECOND, hop.title)).collect();
    assert_eq!(
        told,
        [
            "8 Received from shop by webhook",
            "8 Received from erp by webhook",
            "9 OrderPlaced · revision 1",
            "9 OrderPlaced · revision 1",
            "10 Queued for erp",
            "11 Delivery to erp needs a person",
        ]
    );
    assert_eq!(story.hops[0].detail, "on its way · topic orders/create · delivered 3 more times");
    assert_eq!(story.hops[5].issue, Some(7));
    assert_eq!(story.systems.len(), 2);
}

#[test]
fn an_attempt_tells_what_was_done() {
    let attempt = |status: Option<i64>, outcome: &str, response: &str| AttemptRow {
        no: 1,
        started_at: 10 * SECOND,
        finished_at: Some(11 * SECOND),
        outcome: outcome.to_owned(),
        class: String::new(),
        status,
        request: String::new(),
        response: response.to_owned(),
    };
    let told = |attempt: AttemptRow| {
        let job = JobRow { tries: vec![attempt], ..job(2, JobState::Done) };
        let story = story(vec![job], FlowMode::Live);
        story.hops.into_iter().find(|hop| hop.kind == HopKind::Attempt).unwrap().detail
    };
    let written = "written to orders_20261122.jsonl, row 7";
    assert_eq!(told(attempt(None, "done", written)), format!("erp confirmed it · {written}"));
    assert_eq!(told(attempt(Some(201), "done", "{\"id\":1}")), "erp confirmed it · HTTP 201");
    let one_of_many = "17 of a batch of 250\n\n{\"id\":1}";
    assert_eq!(told(attempt(Some(207), "done", one_of_many)), "erp confirmed it · HTTP 207 · 17 of a batch of 250");
}
