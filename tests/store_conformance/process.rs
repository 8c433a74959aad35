//! The mirror, events and what they cause.

use syncline::store::*;

use crate::bench::*;

pub async fn states_events_and_jobs_are_one_commit(bench: &impl Bench) {
    let store = bench.open().await;
    let (a, b, c) = (append_one(&*store, "a").await, append_one(&*store, "b").await, append_one(&*store, "c").await);
    let rows = vec![
        planned(a, "1", applied("1", 1, vec![job_for("1", false)])),
        planned(b, "1", applied("1", 2, vec![])),
        planned(c, "1", PlannedOutcome::Ignored("unchanged".into())),
    ];
    let done = commit(&*store, rows, T0).await;
    assert_eq!((done.lanes, done.conflicts, done.split_rows), (vec![ERP.to_owned()], vec![], 0));
    let stored = store.entities(&[record("1")]).await.unwrap();
    assert_eq!((stored.len(), stored[0].revision, stored[0].doc.as_str()), (1, 2, r#"{"key":"1","revision":2}"#));
    let events = store.recent_events(0, 10).await.unwrap();
    assert_eq!(events.iter().map(|event| event.revision).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(events[0].inbox_id, a);
    assert_eq!(
        ledger(&*store).await,
        [
            entry(Disposition::Pending, "", 1),
            entry(Disposition::Applied, "", 1),
            entry(Disposition::Ignored, "unchanged", 1)
        ]
    );
    assert_eq!(store.pending_inbox(0, 10).await.unwrap().len(), 0, "nothing is left to process");
    assert_sound(&*store).await;
}

pub async fn an_outdated_plan_is_a_conflict(bench: &impl Bench) {
    let store = bench.open().await;
    let ids: Vec<i64> =
        [append_one(&*store, "a").await, append_one(&*store, "b").await, append_one(&*store, "c").await].into();
    commit(&*store, vec![planned(ids[0], "1", applied("1", 1, vec![]))], T0).await;
    // Both plans were made before revision 1 was known; another record's plan beside them is fine.
    let rows = vec![
        planned(ids[1], "1", applied("1", 1, vec![job_for("1", false)])),
        planned(ids[2], "1", PlannedOutcome::Ignored("unchanged".into())),
    ];
    assert_eq!(commit(&*store, rows, T0).await.conflicts, ids[1..]);
    // A plan upon a state that does not exist.
    let rows = vec![planned(ids[1], "2", applied("2", 5, vec![]))];
    assert_eq!(commit(&*store, rows, T0).await.conflicts, ids[1..2]);
    assert_eq!(store.pending_inbox(0, 10).await.unwrap().iter().map(|row| row.id).collect::<Vec<_>>(), ids[1..]);
    assert_eq!(store.recent_events(0, 10).await.unwrap().len(), 1);
    assert_eq!(claim(&*store, T0 + 9, 10).await.len(), 0);
    assert_sound(&*store).await;
}

pub async fn an_older_version_never_overwrites(bench: &impl Bench) {
    let store = bench.open().await;
    let (a, b) = (append_one(&*store, "a").await, append_one(&*store, "b").await);
    let mut newest = state("1", 1);
    newest.version = 50;
    let apply = |state| PlannedOutcome::Apply { state, kind: "order.updated".into(), occurred_at: None, jobs: vec![] };
    commit(&*store, vec![planned(a, "1", apply(newest))], T0).await;
    let mut older = state("1", 2);
    older.version = 49;
    assert_eq!(commit(&*store, vec![planned(b, "1", apply(older))], T0).await.conflicts, [b]);
    assert_eq!(store.entities(&[record("1")]).await.unwrap()[0].version, 50);
}

pub async fn a_split_payload_is_counted_by_its_parts(bench: &impl Bench) {
    let store = bench.open().await;
    let page = append_one(&*store, "page").await;
    append_one(&*store, "part-1").await;
    let parts = vec![payload("part-1", T0), payload("part-2", T0), payload("part-3", T0)];
    let done = commit(&*store, vec![planned(page, "", PlannedOutcome::Split(parts))], T0).await;
    assert_eq!(done.split_rows, 3);
    assert_eq!(store.pending_inbox(0, 10).await.unwrap().len(), 3);
    // The page itself comes again: received and ignored, though it is not counted as a record.
    store.append_inbox(vec![payload("page", T0)], None).await.unwrap();
    assert_eq!(
        ledger(&*store).await,
        [entry(Disposition::Pending, "", 3), entry(Disposition::Ignored, "duplicate", 2)]
    );
    assert_sound(&*store).await;
}

pub async fn sightings_add_up(bench: &impl Bench) {
    let store = bench.open().await;
    let mut rows = Vec::new();
    for (n, sighting) in
        [Sighting::ByWebhook, Sighting::ByWebhook, Sighting::ByPoll, Sighting::Late].into_iter().enumerate()
    {
        let id = append_one(&*store, &format!("s{n}")).await;
        let mut row = planned(id, "1", PlannedOutcome::Superseded);
        row.sighting = Some(sighting);
        rows.push(row);
    }
    commit(&*store, rows, T0).await;
    let sightings = store.sightings(0).await.unwrap();
    assert_eq!(sightings.len(), 1);
    assert_eq!((sightings[0].by_webhook, sightings[0].by_poll, sightings[0].late), (2, 1, 1));
    assert_eq!(store.sightings(T0 / 86_400_000_000 + 1).await.unwrap().len(), 0);
}

pub async fn a_webhook_that_repeats_a_polled_payload_is_late_once(bench: &impl Bench) {
    let store = bench.open().await;
    let brought = async |event: &str, source: SourceKind| {
        let row = NewInbox { source, stream: "orders".into(), ..payload(event, T0) };
        store.append_inbox(vec![row], None).await.unwrap()[0].id
    };
    let decided = async |id: i64, sighting: Option<Sighting>| {
        let row = PlannedRow { sighting, ..planned(id, "1", PlannedOutcome::Superseded) };
        commit(&*store, vec![row], T0).await;
    };
    let counts = async || {
        let found = store.sightings(0).await.unwrap();
        found.iter().map(|row| (row.by_webhook, row.by_poll, row.late)).collect::<Vec<_>>()
    };
    // After it was counted as found by polling; again and again, by whoever.
    let id = brought("evt_1", SourceKind::Poll).await;
    decided(id, Some(Sighting::ByPoll)).await;
    assert_eq!(counts().await, [(0, 1, 0)]);
    brought("evt_1", SourceKind::Poll).await;
    assert_eq!(counts().await, [(0, 1, 0)], "a poll that overlaps is no webhook");
    brought("evt_1", SourceKind::Webhook).await;
    brought("evt_1", SourceKind::Webhook).await;
    assert_eq!(counts().await, [(0, 1, 1)], "late, and once");

    // Before anything was decided.
    let id = brought("evt_2", SourceKind::Poll).await;
    brought("evt_2", SourceKind::Webhook).await;
    assert_eq!(counts().await, [(0, 1, 1)]);
    decided(id, Some(Sighting::ByPoll)).await;
    assert_eq!(counts().await, [(0, 2, 2)]);

    // What never counted as found by polling cannot be late; what the webhook brought first is not late by the poll.
    let id = brought("evt_3", SourceKind::Poll).await;
    decided(id, None).await;
    brought("evt_3", SourceKind::Webhook).await;
    let id = brought("evt_4", SourceKind::Webhook).await;
    decided(id, Some(Sighting::ByWebhook)).await;
    brought("evt_4", SourceKind::Poll).await;
    brought("evt_4", SourceKind::Webhook).await;
    assert_eq!(counts().await, [(1, 2, 2)]);
    // One that never came is what the figure is about.
    decided(brought("evt_5", SourceKind::Poll).await, Some(Sighting::ByPoll)).await;
    assert_eq!(counts().await, [(1, 3, 2)]);
}

pub async fn our_own_writes_are_found_by_remote_id(bench: &impl Bench) {
    let store = bench.open().await;
    owe(&*store, "1", 1, false).await;
    let job = claim_one(&*store, T0 + 10).await;
    acknowledge(&*store, T0 + 11, job.claim, done("SO-77")).await;
    let theirs = EntityKey { connection: ERP.into(), stream: "sales_orders".into(), key: "SO-77".into() };
    let unknown = EntityKey { key: "SO-78".into(), ..theirs.clone() };
    let found = store.bindings_by_remote(&[unknown, theirs]).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].source.clone(), found[0].sent_revision), (record("1"), 1));
    assert_eq!((found[0].sent_hash.as_str(), found[0].echo.as_str()), ("sent", "{\"total\":1}"));
    assert_eq!(found[0].remote_version, Some(7));
}

pub async fn keys_are_looked_up_in_bulk(bench: &impl Bench) {
    let store = bench.open().await;
    // Keys that a careless comparison would confuse with numbers or break the list with.
    let keys = ["1", "01", "1.0", "1e0", "null", "a\"b", "a'b", "ä|ö", "[1]", "\\"];
    for key in keys {
        owe(&*store, key, 1, false).await;
    }
    let found = store.entities(&keys.map(record)).await.unwrap();
    let mut names: Vec<&str> = found.iter().map(|row| row.id.key.as_str()).collect();
    names.sort_unstable();
    let mut expected = keys;
    expected.sort_unstable();
    assert_eq!(names, expected);
    for job in claim(&*store, T0 + 10, 100).await {
        assert_eq!(job.doc, state(&job.source.key, 1).doc);
        acknowledge(&*store, T0 + 11, job.claim, done(&job.source.key)).await;
    }
    for key in keys {
        let remote = EntityKey { connection: ERP.into(), stream: "sales_orders".into(), key: key.into() };
        let bound = store.bindings_by_remote(&[remote]).await.unwrap();
        assert_eq!(bound.iter().map(|b| b.source.key.as_str()).collect::<Vec<_>>(), [key]);
    }
    assert!(store.entities(&[]).await.unwrap().is_empty());
    assert_sound(&*store).await;
}

pub async fn a_held_job_waits_for_a_person(bench: &impl Bench) {
    let store = bench.open().await;
    owe(&*store, "1", 1, true).await;
    let first = claim_one(&*store, T0 + 10).await;
    acknowledge(&*store, T0 + 11, first.claim, done("r")).await;
    let hold = |key: &str| NewJob { held: Some(std::sync::Arc::new(dead_letter("brake"))), ..job_for(key, true) };
    let (one, two, three) =
        (append_one(&*store, "1-2").await, append_one(&*store, "2-1").await, append_one(&*store, "3-1").await);
    // Another flow takes the same change as usual.
    let other = NewJob { flow: "orders-archive".into(), order_key: "archive/2".into(), ..job_for("2", false) };
    let rows = vec![
        planned(one, "1", applied("1", 2, vec![hold("1")])),
        planned(two, "2", applied("2", 1, vec![hold("2"), other])),
        planned(three, "3", applied("3", 1, vec![hold("3")])),
    ];
    commit(&*store, rows, T0 + 20).await;
    let issue = store.open_issue("brake").await.unwrap().expect("an issue");
    assert_eq!((issue.open_count, issue.sample.as_str()), (3, "detail of brake"));
    assert!(store.open_issue("another").await.unwrap().is_none());
    assert_eq!(store.known_records(SHOP, "orders").await.unwrap(), 3);
    let free = claim_one(&*store, T0 + 21).await;
    assert_eq!(free.flow, "orders-archive");
    acknowledge(&*store, T0 + 22, free.claim, done("r")).await;
    assert_eq!(ledger(&*store).await, [entry(Disposition::Applied, "", 1), entry(Disposition::Dead, "delivery", 3)]);
    assert_sound(&*store).await;
    // A restart keeps the hold; a later change of one record goes on and settles what was held of it.
    drop(store);
    let store = bench.open().await;
    assert_eq!(claim(&*store, T0 + 30, 10).await.len(), 0);
    owe(&*store, "3", 2, true).await;
    let later = claim_one(&*store, T0 + 31).await;
    acknowledge(&*store, T0 + 32, later.claim, done("r3")).await;
    assert_eq!(job_states(&*store, "3").await, [JobState::Superseded, JobState::Done]);
    // A person gives one up and releases the rest.
    let detail = store.issue(issue.id).await.unwrap().unwrap();
    assert_eq!(detail.dead.iter().map(|dead| dead.key.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(store.discard_issue(issue.id, Some(detail.dead[1].dead), "wrong", "ann", T0 + 33).await.unwrap(), 1);
    assert_eq!(store.retry_issue(issue.id, None, "ann", T0 + 34).await.unwrap(), 1);
    let released = claim_one(&*store, T0 + 35).await;
    assert_eq!((released.source.key.as_str(), released.revision, released.attempt), ("1", 2, 1));
    acknowledge(&*store, T0 + 36, released.claim, done("r")).await;
    assert!(store.open_issue("brake").await.unwrap().is_none());
    assert_eq!(ledger(&*store).await.iter().filter(|(disposition, ..)| *disposition == Disposition::Dead).count(), 0);
    assert_sound(&*store).await;
}

pub async fn live_keys_are_walked_in_order(bench: &impl Bench) {
    let store = bench.open().await;
    let mut rows = Vec::new();
    for key in ["2", "10", "1", "3"] {
        let id = append_one(&*store, key).await;
        let mut state = state(key, 1);
        state.deleted = key == "3";
        let outcome = PlannedOutcome::Apply { state, kind: "order.updated".into(), occurred_at: None, jobs: vec![] };
        rows.push(planned(id, key, outcome));
    }
    commit(&*store, rows, T0).await;
    let stream = record("1").stream;
    let walk = async |after: &str, limit| -> Vec<String> {
        store.live_keys(SHOP, &stream, after, limit).await.unwrap().into_iter().map(|live| live.key).collect()
    };
    assert_eq!(walk("", 2).await, ["1", "10"]);
    assert_eq!(walk("10", 2).await, ["2"]);
    assert!(walk("2", 2).await.is_empty());
    assert!(store.live_keys(SHOP, "elsewhere", "", 9).await.unwrap().is_empty());
    assert!(store.live_keys(ERP, &stream, "", 9).await.unwrap().is_empty());
}
