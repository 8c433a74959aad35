//! The work list, timelines, statistics, audit and verify.

use syncline::store::*;

use crate::bench::*;

/// Owes, claims and kills one job.
async fn kill(store: &dyn Store, key: &str, revision: i64, fingerprint: &str) {
    owe(store, key, revision, false).await;
    let job = claim_one(store, T0 + 10).await;
    acknowledge(store, T0 + 11, job.claim, AckOutcome::Dead(dead_letter(fingerprint))).await;
}

async fn only_issue(store: &dyn Store) -> IssueRow {
    let mut issues = store.issues(IssueFilter::Open).await.unwrap();
    assert_eq!(issues.len(), 1, "{issues:?}");
    issues.remove(0)
}

pub async fn dead_letters_group_into_issues(bench: &impl Bench) {
    let store = bench.open().await;
    kill(&*store, "1", 1, "no such product").await;
    kill(&*store, "2", 1, "no such product").await;
    kill(&*store, "3", 1, "no such country").await;
    let id = append_one(&*store, "garbled").await;
    commit(&*store, vec![planned(id, "", PlannedOutcome::Dead(dead_letter("no such product")))], T0 + 12).await;
    let issues = store.issues(IssueFilter::Open).await.unwrap();
    let counts: Vec<(&str, i64, i64)> = issues.iter().map(|i| (i.title.as_str(), i.open_count, i.seen)).collect();
    assert_eq!(counts, [("title of no such product", 3, 3), ("title of no such country", 1, 1)]);
    let detail = store.issue(issues[0].id).await.unwrap().unwrap();
    assert_eq!(detail.dead[0].dead, DeadRef::Inbox(id));
    assert_eq!(detail.dead[0].error, "detail of no such product");
    assert_eq!(detail.dead[0].body, "{\"delivery\":\"garbled\"}");
    assert_eq!((detail.dead[1].key.as_str(), detail.dead[1].flow.as_str()), ("1", "orders-to-erp"));
    assert_eq!((detail.dead[1].request.as_str(), detail.dead[1].response.as_str()), ("POST /x", "{}"));
    assert_eq!(ledger(&*store).await, [entry(Disposition::Dead, "data", 1), entry(Disposition::Dead, "delivery", 3)]);
    assert!(store.issue(12345).await.unwrap().is_none());
    assert_sound(&*store).await;
}

pub async fn a_retry_sends_back_in_order(bench: &impl Bench) {
    let store = bench.open().await;
    kill(&*store, "1", 1, "x").await;
    // A newer revision of the same record is under way when somebody presses retry.
    owe(&*store, "1", 2, false).await;
    let newer = claim_one(&*store, T0 + 12).await;
    let id = append_one(&*store, "garbled").await;
    commit(&*store, vec![planned(id, "", PlannedOutcome::Dead(dead_letter("x")))], T0 + 12).await;
    let issue = only_issue(&*store).await;
    assert_eq!(store.retry_issue(issue.id, None, "ann", T0 + 13).await.unwrap(), 2);
    assert_eq!(job_states(&*store, "1").await, [JobState::Blocked, JobState::Running], "one at a time, even now");
    assert_eq!(store.pending_inbox(0, 10).await.unwrap().len(), 1);
    assert_eq!(ledger(&*store).await, [entry(Disposition::Pending, "", 3)]);
    assert_sound(&*store).await;
    acknowledge(&*store, T0 + 14, newer.claim, done("r")).await;
    let older = claim_one(&*store, T0 + 15).await;
    assert_eq!((older.revision, older.attempt, older.failures), (1, 2, 0));
    assert_eq!(older.binding.as_ref().map(|b| b.sent_revision), Some(2), "the worker sees that it comes too late");
    acknowledge(&*store, T0 + 16, older.claim, AckOutcome::Superseded).await;

    let resolved = &store.issues(IssueFilter::All).await.unwrap()[0];
    assert_eq!((resolved.state.as_str(), resolved.resolution.as_str()), ("resolved", "retried by ann"));
    let audit = store.audit(0, 10).await.unwrap();
    assert_eq!((audit[0].actor.as_str(), audit[0].action.as_str()), ("ann", "issue.retry"));
    assert!(matches!(store.retry_issue(999, None, "ann", T0).await, Err(StoreError::Refused(_))));
    assert_sound(&*store).await;
}

pub async fn a_discard_is_accounted_for(bench: &impl Bench) {
    let store = bench.open().await;
    kill(&*store, "1", 1, "x").await;
    kill(&*store, "2", 1, "x").await;
    let id = append_one(&*store, "garbled").await;
    commit(&*store, vec![planned(id, "", PlannedOutcome::Dead(dead_letter("x")))], T0 + 12).await;
    let issue = only_issue(&*store).await;
    let one = store.issue(issue.id).await.unwrap().unwrap().dead[1].dead;
    assert_eq!(store.discard_issue(issue.id, Some(one), "a test order", "ann", T0 + 13).await.unwrap(), 1);
    assert_eq!(only_issue(&*store).await.open_count, 2);
    assert_sound(&*store).await;
    assert_eq!(store.discard_issue(issue.id, None, "all test orders", "ann", T0 + 14).await.unwrap(), 2);
    assert_eq!(store.issues(IssueFilter::Open).await.unwrap().len(), 0);
    assert_eq!(ledger(&*store).await, [entry(Disposition::Ignored, "discarded", 3)]);
    assert_eq!(job_states(&*store, "1").await, [JobState::Discarded]);
    assert_eq!(store.pending_inbox(0, 10).await.unwrap().len(), 0);
    let audit = store.audit(0, 10).await.unwrap();
    assert!(audit[1].detail.contains("all test orders"), "{audit:?}");
    assert_sound(&*store).await;
}

pub async fn an_edit_replaces_the_body_and_keeps_the_original(bench: &impl Bench) {
    let store = bench.open().await;
    let id = append_one(&*store, "garbled").await;
    commit(&*store, vec![planned(id, "1", PlannedOutcome::Dead(dead_letter("x")))], T0).await;
    store.edit_dead(correction(DeadRef::Inbox(id), "{\"fixed\":1}", T0 + 1)).await.unwrap();
    assert_eq!(store.pending_inbox(0, 10).await.unwrap()[0].payload, b"{\"fixed\":1}");
    assert_eq!(store.issues(IssueFilter::Open).await.unwrap().len(), 0);
    let again = store.edit_dead(correction(DeadRef::Inbox(id), "{}", T0 + 2)).await;
    assert!(matches!(again, Err(StoreError::Refused(_))), "{again:?}");
    assert!(store.edit_dead(correction(DeadRef::Job(77), "{}", T0 + 2)).await.is_err());
    assert_eq!(
        store.pending_inbox(0, 10).await.unwrap()[0].payload,
        b"{\"fixed\":1}",
        "a refused edit changes nothing"
    );
    assert_eq!(store.audit(0, 10).await.unwrap().len(), 1);
    // The vendor sends the original again: it is still known as the same.
    assert!(store.append_inbox(vec![payload("garbled", T0)], None).await.unwrap()[0].duplicate);
    assert_sound(&*store).await;
}

pub async fn an_issue_heals_when_a_newer_state_arrives(bench: &impl Bench) {
    let store = bench.open().await;
    kill(&*store, "1", 1, "x").await;
    kill(&*store, "2", 1, "x").await;
    for (key, open) in [("1", 1), ("2", 0)] {
        owe(&*store, key, 2, false).await;
        let job = claim_one(&*store, T0 + 20).await;
        acknowledge(&*store, T0 + 21, job.claim, done("r")).await;
        assert_eq!(store.issues(IssueFilter::Open).await.unwrap().len(), open);
        assert_eq!(job_states(&*store, key).await, [JobState::Superseded, JobState::Done]);
    }
    let healed = &store.issues(IssueFilter::All).await.unwrap()[0];
    assert_eq!((healed.open_count, healed.resolution.as_str()), (0, "the same records were applied later"));
    // The same cause later is a new issue.
    kill(&*store, "3", 1, "x").await;
    assert_ne!(only_issue(&*store).await.id, healed.id);
    assert_sound(&*store).await;
}

pub async fn records_are_found_by_what_people_type(bench: &impl Bench) {
    let store = bench.open().await;
    for key in ["1001", "1002", "2001", "äpfel"] {
        owe(&*store, key, 1, false).await;
    }
    for job in claim(&*store, T0 + 10, 10).await {
        acknowledge(&*store, T0 + 11, job.claim, done(&format!("SO-{}", job.source.key))).await;
    }
    let check = async |text: &str, expected: &[&str]| {
        let found = store.find_records(text, 10).await.unwrap();
        let mut keys: Vec<&str> = found.iter().map(|row| row.id.key.as_str()).collect();
        keys.sort_unstable();
        assert_eq!(keys, expected, "{text}");
    };
    check("1001", &["1001"]).await;
    check("#1001", &["1001"]).await;
    check(" 1001 ", &["1001"]).await;
    check("SO-2001", &["2001"]).await;
    check("100", &["1001", "1002"]).await;
    check("#100", &["1001", "1002"]).await;
    check("äp", &["äpfel"]).await;
    check("", &[]).await;
    check("#", &[]).await;
    check("%", &[]).await;
    check("nothing", &[]).await;
    assert_eq!(store.find_records("100", 1).await.unwrap().len(), 1);
}

pub async fn a_timeline_tells_the_whole_story(bench: &impl Bench) {
    let store = bench.open().await;
    let id = owe(&*store, "1", 1, false).await;
    append_one(&*store, "1-1").await;
    let job = claim_one(&*store, T0 + 10).await;
    let retry = AckOutcome::Retry { run_at: T0 + 12, counts: true, error: "503".into() };
    acknowledge(&*store, T0 + 11, job.claim, retry).await;
    let job = claim_one(&*store, T0 + 12).await;
    acknowledge(&*store, T0 + 13, job.claim, done("SO-1")).await;
    let story = store.timeline(&record("1")).await.unwrap();
    assert_eq!(story.current.unwrap().revision, 1);
    assert_eq!(story.received.len(), 1);
    assert_eq!((story.received[0].id, story.received[0].duplicates), (id, 1));
    assert_eq!(story.received[0].disposition, Disposition::Applied);
    assert_eq!((story.events.len(), story.events[0].kind.as_str()), (1, "order.updated"));
    assert_eq!((story.jobs[0].state, story.jobs[0].finished_at), (JobState::Done, Some(T0 + 13)));
    let tries: Vec<(i64, &str, Option<i64>)> =
        story.jobs[0].tries.iter().map(|a| (a.no, a.outcome.as_str(), a.finished_at)).collect();
    assert_eq!(tries, [(1, "failed", Some(T0 + 11)), (2, "done", Some(T0 + 13))]);
    assert_eq!(story.jobs[0].tries[1].status, Some(200));
    assert_eq!(story.bindings[0].remote_id, "SO-1");
    let other = store.timeline(&record("2")).await.unwrap();
    assert!(other.current.is_none() && other.received.is_empty() && other.jobs.is_empty());
}

pub async fn statistics_count_what_was_done(bench: &impl Bench) {
    let store = bench.open().await;
    for n in 0..10 {
        owe(&*store, &n.to_string(), 1, false).await;
    }
    let now = T0 + 100;
    for (n, job) in (1..).zip(claim(&*store, now, 9).await) {
        acknowledge(&*store, T0 + n * 1_000, job.claim, done("r")).await;
    }
    let flows = store.flow_stats(T0).await.unwrap();
    assert_eq!((flows.len(), flows[0].flow.as_str(), flows[0].done), (1, "orders-to-erp", 9));
    assert_eq!(flows[0].last_done_at, Some(T0 + 9_000));
    assert_eq!((flows[0].latency_p50_us, flows[0].latency_p90_us), (Some(5_000), Some(9_000)));
    let quiet = &store.flow_stats(T0 + 9_001).await.unwrap()[0];
    assert_eq!((quiet.done, quiet.last_done_at, quiet.latency_p50_us), (0, Some(T0 + 9_000), None));
    let queue = store.queue_stats().await.unwrap();
    assert_eq!(queue.len(), 1);
    assert_eq!((queue[0].state, queue[0].n, queue[0].oldest_at), (JobState::Ready, 1, Some(T0 + 1)));
}

pub async fn connection_states_survive(bench: &impl Bench) {
    let store = bench.open().await;
    let row = |state, failures| ConnectionStateRow {
        connection: ERP.into(),
        state,
        reason: "credentials refused".into(),
        until: None,
        failures,
        changed_at: T0,
    };
    store.set_connection_state(row(ConnectionHealth::Open, 3)).await.unwrap();
    store.set_connection_state(row(ConnectionHealth::Auth, 4)).await.unwrap();
    drop(store);
    let states = bench.open().await.connection_states().await.unwrap();
    assert_eq!((states.len(), states[0].state, states[0].failures), (1, ConnectionHealth::Auth, 4));
}

async fn audited(bench: &impl Bench) {
    let store = bench.open().await;
    for n in 1..=4 {
        store.append_audit(T0 + n, "ann", "flow.pause", &format!("flow {n}"), "{}").await.unwrap();
    }
    assert_eq!(assert_sound(&*store).await.audit_rows, 4);
    assert_eq!(store.audit(2, 10).await.unwrap().iter().map(|e| e.seq).collect::<Vec<_>>(), [3, 4]);
    store.close().await;
}

pub async fn a_changed_audit_entry_is_named(bench: &impl Bench) {
    audited(bench).await;
    bench.allow_changes("audit").await;
    for (sql, named) in [
        ("UPDATE audit SET actor = 'bob' WHERE seq = 3", "audit entry 3"),
        ("UPDATE audit SET actor = 'ann' WHERE seq = 3; UPDATE audit SET at = at + 1 WHERE seq = 1", "audit entry 1"),
        ("UPDATE audit SET at = at - 1 WHERE seq = 1; DELETE FROM audit WHERE seq = 2", "audit entry 3"),
    ] {
        bench.tamper(sql).await;
        let store = bench.open().await;
        let faults = store.verify(&|_, _, _| {}).await.unwrap().faults;
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].contains(named), "{faults:?}");
        store.close().await;
    }
}

pub async fn a_changed_counter_is_named(bench: &impl Bench) {
    let store = bench.open().await;
    owe(&*store, "1", 1, false).await;
    store.close().await;
    for (sql, named) in [
        ("UPDATE tally SET n = 2", "ledger of shop on 2026-05-28, payloads pending: 1 by their rows, 2 by the counter"),
        (
            "UPDATE tally SET n = 1; UPDATE inbox SET disposition = 'applied'",
            "payload 1 of shop is applied while job 1",
        ),
        ("UPDATE inbox SET disposition = 'pending'; UPDATE job SET state = 'blocked'", "none in flight"),
        ("UPDATE job SET state = 'done'", "without a finished attempt"),
        ("UPDATE job SET state = 'ready'; UPDATE event SET revision = 2", "revisions 2 to 2"),
        ("UPDATE event SET revision = 1; UPDATE entity SET revision = 3", "is at revision 3"),
    ] {
        bench.tamper(sql).await;
        let store = bench.open().await;
        let faults = store.verify(&|_, _, _| {}).await.unwrap().faults;
        assert!(faults.iter().any(|fault| fault.contains(named)), "{sql}: {faults:?}");
        store.close().await;
    }
    bench.tamper("UPDATE entity SET revision = 1").await;
    assert_sound(&*bench.open().await).await;
}

pub async fn events_are_read_on_without_a_gap(bench: &impl Bench) {
    let store = bench.open().await;
    for key in ["1", "2", "3"] {
        owe(&*store, key, 1, false).await;
    }
    let keys = |events: Vec<EventRow>| events.into_iter().map(|event| event.record.key).collect::<Vec<_>>();
    let first = store.events_after(0, 2).await.unwrap();
    let last = first.last().unwrap().id;
    assert_eq!(keys(first), ["1", "2"], "the oldest come first, however many there are");
    assert_eq!(keys(store.events_after(last, 2).await.unwrap()), ["3"]);
    assert_eq!(keys(store.recent_events(0, 2).await.unwrap()), ["2", "3"], "a page shows the newest");
}

pub async fn throughput_is_counted_in_slices(bench: &impl Bench) {
    let store = bench.open().await;
    let start = T0 - T0 % 1000;
    for (key, at) in [("1", start + 1100), ("2", start + 1999), ("3", start + 4000)] {
        owe(&*store, key, 1, false).await;
        let job = claim_one(&*store, at).await;
        acknowledge(&*store, at, job.claim, done("r")).await;
    }
    let slices = store.throughput("orders-to-erp", start, 1000).await.unwrap();
    let expected = [ThroughputRow { at: start + 1000, done: 2 }, ThroughputRow { at: start + 4000, done: 1 }];
    assert_eq!(slices, expected);
    assert_eq!(store.throughput("orders-to-erp", start + 4000, 1000).await.unwrap().len(), 1);
    assert_eq!(store.throughput("another", start, 1000).await.unwrap(), []);
}
