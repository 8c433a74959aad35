//! What a database might choke on: characters that its texts cannot hold, texts that its indexes cannot. It harms nobody.

use syncline::model::Entity;
use syncline::store::*;

use crate::bench::*;

pub async fn what_no_text_can_hold_is_shown_in_its_place(bench: &impl Bench) {
    let store = bench.open().await;
    let odd = NewInbox {
        topic: "orders\0updated".into(),
        headers: "{\"a\":\"\0\"}".into(),
        place: "row\0 1".into(),
        payload: b"bytes \0 as they came".to_vec(),
        ..payload("evt\0 1", T0)
    };
    let first = store.append_inbox(vec![odd.clone(), payload("2", T0)], None).await.unwrap();
    assert!(store.append_inbox(vec![odd.clone()], None).await.unwrap()[0].duplicate);
    let pending = store.pending_inbox(0, 10).await.unwrap();
    assert_eq!((pending[0].topic.as_str(), pending[0].place.as_str()), ("orders\u{2400}updated", "row\u{2400} 1"));
    assert_eq!(pending[0].payload, odd.payload, "what was received is never changed");

    let batch = store
        .open_batch(NewBatch {
            connection: SHOP.into(),
            stream: "orders".into(),
            name: "f".into(),
            sha256: "s".into(),
            at: T0,
        })
        .await
        .unwrap();
    store.stage_rows(batch, vec![odd, payload("3", T0)]).await.unwrap();
    let released = store.release_batch(batch, None).await.unwrap();
    assert_eq!((released.rows, released.duplicates), (1, 1));

    let dead = DeadLetter { detail: "no \0 here".into(), title: "a \0".into(), ..dead_letter("x\0y") };
    commit(&*store, vec![planned(first[0].id, "1", PlannedOutcome::Dead(dead))], T0 + 1).await;
    let issue = &store.issues(IssueFilter::Open).await.unwrap()[0];
    assert_eq!((issue.title.as_str(), issue.sample.as_str()), ("a \u{2400}", "no \u{2400} here"));
    assert!(store.open_issue("x\0y").await.unwrap().is_some());

    owe(&*store, "1", 1, false).await;
    let job = claim_one(&*store, T0 + 10).await;
    let mut outcome =
        ack(job.claim, AckOutcome::Retry { run_at: T0 + 20, counts: true, error: "\0 went wrong".into() });
    outcome.response = "\0\0binary".into();
    store.dispatch(Dispatch { acks: vec![outcome], ..tick(T0 + 11) }).await.unwrap();
    let job = claim_one(&*store, T0 + 30).await;
    let mut outcome = ack(job.claim, done("id\0"));
    outcome.request = "POST \0".into();
    store.dispatch(Dispatch { acks: vec![outcome], ..tick(T0 + 31) }).await.unwrap();
    let jobs = store.timeline(&record("1")).await.unwrap().jobs;
    assert_eq!(jobs[0].tries[0].response, "\u{2400}\u{2400}binary");
    assert_eq!(jobs[0].state, JobState::Done);

    store.append_audit(T0, "ann", "look", "a\0b", "{}").await.unwrap();
    assert_eq!(store.find_records("#1\0", 10).await.unwrap().len(), 0);
    store.discard_issue(issue.id, None, "old \0", "ann", T0 + 40).await.unwrap();
    let moved = CursorMove { connection: SHOP.into(), stream: "orders".into(), value: "\0".into(), at: T0 };
    let refused = store.append_inbox(vec![payload("4", T0)], Some(moved)).await.unwrap_err();
    assert!(refused.to_string().contains("shop.orders told a position with a NUL"), "{refused}");
    assert_sound(&*store).await;
}

pub async fn what_is_too_long_for_an_index_is_told_apart_all_the_same(bench: &impl Bench) {
    let store = bench.open().await;
    // Of no pattern that would let a database compress it.
    let mut rng = fastrand::Rng::with_seed(1);
    let mut long = |n: usize| std::iter::repeat_with(|| rng.alphanumeric()).take(n).collect::<String>();
    let (one, other) = (long(20_000), long(20_000));
    let first = store.append_inbox(vec![payload(&one, T0), payload(&other, T0)], None).await.unwrap();
    assert!(!first[1].duplicate);
    assert!(store.append_inbox(vec![payload(&one, T0)], None).await.unwrap()[0].duplicate);

    for (id, n) in first.iter().zip(0..) {
        commit(&*store, vec![planned(id.id, &format!("{n}"), PlannedOutcome::Dead(dead_letter(&one)))], T0 + 1).await;
    }
    let issues = store.issues(IssueFilter::Open).await.unwrap();
    assert_eq!((issues.len(), issues[0].open_count), (1, 2));

    owe(&*store, "waits", 1, false).await;
    let job = claim_one(&*store, T0 + 10).await;
    let wait_for = wait_key(ERP, Entity::Order, &other);
    acknowledge(&*store, T0 + 11, job.claim, AckOutcome::Wait { wait_for, check_at: T0 + 20, error: String::new() })
        .await;
    store.rescue(T0 + 21, None).await.unwrap();
    let job = claim_one(&*store, T0 + 22).await;
    acknowledge(&*store, T0 + 23, job.claim, done(&other)).await;
    let there = EntityKey { connection: ERP.into(), stream: "sales_orders".into(), key: other };
    assert_eq!(store.bindings_by_remote(&[there]).await.unwrap().len(), 1);
    assert_sound(&*store).await;
}
