//! What is removed when its time is over, and what never is.

use syncline::store::*;

use crate::bench::*;

const DAY: i64 = 86_400_000_000;
const STAGES: [PurgeStage; 3] = [PurgeStage::Jobs, PurgeStage::Events, PurgeStage::Payloads];

fn batch(stage: PurgeStage, after: i64, before: i64, forget_before: i64) -> Purge {
    Purge { stage, after, before, forget_before, now: before + DAY, limit: 4 }
}

/// All stages to their end. Returns what was removed of each, and how many payloads were emptied.
async fn purge(store: &dyn Store, before: i64, forget_before: i64) -> ([u64; 3], u64) {
    let mut removed = [0; 3];
    let mut emptied = 0;
    for (stage, removed) in STAGES.into_iter().zip(&mut removed) {
        let mut after = 0;
        loop {
            let done = store.purge(batch(stage, after, before, forget_before)).await.unwrap();
            *removed += done.removed;
            emptied += done.emptied;
            if !done.more {
                break;
            }
            assert!(done.after > after, "{done:?} goes on");
            after = done.after;
        }
    }
    (removed, emptied)
}

/// A record with two revisions, both delivered.
async fn delivered_twice(store: &dyn Store, key: &str) {
    for revision in [1, 2] {
        owe(store, key, revision, false).await;
        let job = claim_one(store, T0 + 10).await;
        acknowledge(store, T0 + 11, job.claim, done("r")).await;
    }
}

pub async fn what_is_old_and_closed_goes(bench: &impl Bench) {
    let store = bench.open().await;
    delivered_twice(&*store, "1").await;
    assert_eq!(purge(&*store, T0, T0).await, ([0; 3], 0), "all of it is younger");
    // Jobs, the superseded event and its payload go; the last event and the identity of its payload stay.
    assert_eq!(purge(&*store, T0 + DAY, T0 + DAY).await, ([2, 1, 1], 1));
    let timeline = store.timeline(&record("1")).await.unwrap();
    assert_eq!(timeline.current.map(|row| row.revision), Some(2));
    assert_eq!(timeline.events.iter().map(|event| event.revision).collect::<Vec<_>>(), [2]);
    assert_eq!((timeline.jobs.len(), timeline.bindings.len()), (0, 1));
    let [payload] = timeline.received.as_slice() else { panic!("{:?}", timeline.received) };
    assert_eq!((payload.payload.as_str(), payload.purged_at), ("", Some(T0 + 2 * DAY)));
    assert_eq!(purge(&*store, T0 + DAY, T0 + DAY).await, ([0; 3], 0), "once is enough");
    assert_sound(&*store).await;
}

pub async fn verify_ties_after_a_purge(bench: &impl Bench) {
    let store = bench.open().await;
    delivered_twice(&*store, "1").await;
    append_one(&*store, "1-1").await;
    let old = append_one(&*store, "old").await;
    let whole = append_one(&*store, "whole").await;
    let rows = vec![
        planned(old, "1", PlannedOutcome::Superseded),
        planned(whole, "", PlannedOutcome::Split(vec![payload("part", T0)])),
    ];
    commit(&*store, rows, T0 + 1).await;
    let part = store.pending_inbox(0, 1).await.unwrap()[0].id;
    commit(&*store, vec![planned(part, "2", PlannedOutcome::Ignored("filter".into()))], T0 + 1).await;
    let (before, books) = (ledger(&*store).await, assert_sound(&*store).await);
    let (removed, emptied) = purge(&*store, T0 + DAY, T0 + DAY).await;
    assert_eq!((removed, emptied), ([2, 1, 4], 1));
    assert_eq!(ledger(&*store).await, before);
    let after = assert_sound(&*store).await;
    assert_eq!((after.received, after.applied, after.ignored), (books.received, books.applied, books.ignored));
    assert_eq!(after.received, 5);
    // The counters of what was removed are checked like the others, and so is the number of events.
    bench.tamper("UPDATE purged SET n = n + 1 WHERE disposition = 'superseded'").await;
    let faults = store.verify(&|_, _, _| {}).await.unwrap().faults;
    assert!(faults.iter().any(|fault| fault.contains("superseded")), "{faults:?}");
    bench.tamper("UPDATE purged SET n = n - 1 WHERE disposition = 'superseded'").await;
    bench.tamper("UPDATE entity SET purged_events = 0").await;
    let faults = store.verify(&|_, _, _| {}).await.unwrap().faults;
    assert!(faults.iter().any(|fault| fault.contains("events with revisions")), "{faults:?}");
}

pub async fn a_duplicate_after_a_purge_is_still_a_duplicate(bench: &impl Bench) {
    let store = bench.open().await;
    let id = append_one(&*store, "late").await;
    commit(&*store, vec![planned(id, "1", PlannedOutcome::Superseded)], T0 + 1).await;
    // Emptied, but within the time in which it may come again.
    assert_eq!(purge(&*store, T0 + DAY, T0).await, ([0; 3], 1));
    let again = store.append_inbox(vec![payload("late", T0 + 2 * DAY)], None).await.unwrap();
    assert_eq!(again, [Appended { id, duplicate: true }]);
    let batch = NewBatch {
        connection: SHOP.into(),
        stream: "orders".into(),
        name: "late.csv".into(),
        sha256: "sha".into(),
        at: T0,
    };
    let batch = store.open_batch(batch).await.unwrap();
    store.stage_rows(batch, vec![payload("late", T0 + 2 * DAY)]).await.unwrap();
    assert_eq!(store.release_batch(batch, None).await.unwrap(), Released { rows: 0, duplicates: 1 });
    assert_sound(&*store).await;
    // After that time it is forgotten with its two repeats, and would be new.
    assert_eq!(purge(&*store, T0 + DAY, T0 + DAY).await, ([0, 0, 1], 0));
    assert_eq!(assert_sound(&*store).await.received, 3);
    assert!(!store.append_inbox(vec![payload("late", T0 + 3 * DAY)], None).await.unwrap()[0].duplicate);
    assert_eq!(assert_sound(&*store).await.received, 4);
}

pub async fn nothing_open_is_purged(bench: &impl Bench) {
    let store = bench.open().await;
    // One delivery is dead, one waits behind it, one payload cannot be understood, one was never looked at.
    owe(&*store, "1", 1, false).await;
    let job = claim_one(&*store, T0 + 10).await;
    acknowledge(&*store, T0 + 11, job.claim, AckOutcome::Dead(dead_letter("x"))).await;
    owe(&*store, "2", 1, false).await;
    let id = append_one(&*store, "garbled").await;
    commit(&*store, vec![planned(id, "", PlannedOutcome::Dead(dead_letter("y")))], T0 + 12).await;
    append_one(&*store, "unseen").await;
    let two_flows = append_one(&*store, "two flows").await;
    let other = NewJob { flow: "orders-archive".into(), order_key: "archive/1".into(), ..job_for("3", false) };
    let jobs = vec![job_for("3", false), other];
    commit(&*store, vec![planned(two_flows, "3", applied("3", 1, jobs))], T0 + 12).await;
    let done_half = claim(&*store, T0 + 13, 10).await.into_iter().find(|job| job.order_key == "archive/1").unwrap();
    acknowledge(&*store, T0 + 14, done_half.claim, done("r")).await;
    let before = (ledger(&*store).await, store.issues(IssueFilter::Open).await.unwrap().len());

    assert_eq!(purge(&*store, T0 + 400 * DAY, T0 + 400 * DAY).await, ([0; 3], 0));
    assert_eq!((ledger(&*store).await, store.issues(IssueFilter::Open).await.unwrap().len()), before);
    assert_eq!(store.pending_inbox(0, 10).await.unwrap().len(), 1);
    assert_eq!(job_states(&*store, "3").await.len(), 2, "a payload keeps all its jobs until the last is closed");
    let issues = store.issues(IssueFilter::Open).await.unwrap();
    for issue in issues {
        assert_eq!(store.retry_issue(issue.id, None, "ann", T0 + 20).await.unwrap(), 1);
    }
    assert_eq!(store.pending_inbox(0, 10).await.unwrap()[0].payload, b"{\"delivery\":\"garbled\"}");
    assert_sound(&*store).await;
}

pub async fn a_purge_goes_in_small_batches(bench: &impl Bench) {
    let store = bench.open().await;
    for n in 0..10 {
        let at = if n < 7 { T0 } else { T0 + 2 * DAY };
        let id = store.append_inbox(vec![payload(&format!("k{n}"), at)], None).await.unwrap()[0].id;
        let row = PlannedRow { received_at: at, ..planned(id, "1", PlannedOutcome::Superseded) };
        commit(&*store, vec![row], at).await;
    }
    let first = store.purge(batch(PurgeStage::Payloads, 0, T0 + DAY, T0 + DAY)).await.unwrap();
    assert_eq!((first.removed, first.more), (4, true));
    let second = store.purge(batch(PurgeStage::Payloads, first.after, T0 + DAY, T0 + DAY)).await.unwrap();
    assert_eq!((second.removed, second.more), (3, false), "what follows is too young");
    let later = store.purge(batch(PurgeStage::Payloads, second.after, T0 + 3 * DAY, T0 + 3 * DAY)).await.unwrap();
    assert_eq!(later.removed, 3);
    assert_eq!(assert_sound(&*store).await.superseded, 10);
}

pub async fn a_purged_record_goes_on(bench: &impl Bench) {
    let store = bench.open().await;
    delivered_twice(&*store, "1").await;
    purge(&*store, T0 + DAY, T0 + DAY).await;
    // Its last state can be sent again, and the next change follows it.
    let replay = Replay {
        flow: "orders-to-erp".into(),
        source_connection: SHOP.into(),
        source_stream: "orders".into(),
        dest_connection: ERP.into(),
        dest_stream: "sales_orders".into(),
        latest: false,
        key: None,
        since: None,
        force: true,
        at: T0 + 2 * DAY,
    };
    assert_eq!(store.replay(replay).await.unwrap(), 1);
    assert_sound(&*store).await;
    let again = claim_one(&*store, T0 + 2 * DAY).await;
    assert_eq!((again.revision, again.binding.as_ref().map(|binding| binding.sent_revision)), (2, Some(2)));
    acknowledge(&*store, T0 + 2 * DAY, again.claim, done("r")).await;
    owe(&*store, "1", 3, false).await;
    let next = claim_one(&*store, T0 + 2 * DAY).await;
    acknowledge(&*store, T0 + 2 * DAY, next.claim, done("r")).await;
    assert_sound(&*store).await;
    assert_eq!(purge(&*store, T0 + 3 * DAY, T0 + 3 * DAY).await.0, [2, 1, 1]);
    assert_sound(&*store).await;
}
