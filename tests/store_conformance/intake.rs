//! Payloads, cursors and file batches.

use std::sync::Arc;

use syncline::store::*;

use crate::bench::*;

pub async fn a_known_payload_is_a_duplicate(bench: &impl Bench) {
    let store = bench.open().await;
    let first = store.append_inbox(vec![payload("a", T0), payload("b", T0), payload("a", T0)], None).await.unwrap();
    assert_eq!(first.iter().map(|a| a.duplicate).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(first[0].id, first[2].id);
    // Three days later the vendor sends it once more: it counts on the day of its first receipt.
    let again = store.append_inbox(vec![payload("a", T0 + 3 * 86_400_000_000)], None).await.unwrap();
    assert_eq!(again, [Appended { id: first[0].id, duplicate: true }]);
    let mut elsewhere = payload("a", T0);
    elsewhere.connection = ERP.into();
    assert!(!store.append_inbox(vec![elsewhere], None).await.unwrap()[0].duplicate, "keys belong to a connection");
    assert_eq!(store.pending_inbox(0, 10).await.unwrap().len(), 3);
    assert_eq!(
        ledger(&*store).await,
        [entry(Disposition::Pending, "", 3), entry(Disposition::Ignored, "duplicate", 2)]
    );
    assert_sound(&*store).await;
}

pub async fn a_long_list_keeps_its_order(bench: &impl Bench) {
    let store = bench.open().await;
    let rows: Vec<NewInbox> = (0..101).map(|n| payload(&format!("k{n}"), T0 + n)).collect();
    let appended = store.append_inbox(rows, None).await.unwrap();
    let pending = store.pending_inbox(0, 1000).await.unwrap();
    assert_eq!(pending.len(), 101);
    for (n, (row, appended)) in pending.iter().zip(&appended).enumerate() {
        assert_eq!((row.id, row.received_at), (appended.id, T0 + n as i64));
        assert_eq!(row.payload, format!("{{\"delivery\":\"k{n}\"}}").into_bytes());
    }
    let page = store.pending_inbox(pending[49].id, 10).await.unwrap();
    assert_eq!(
        page.iter().map(|row| row.id).collect::<Vec<_>>(),
        pending[50..60].iter().map(|r| r.id).collect::<Vec<_>>()
    );
}

pub async fn a_cursor_moves_with_its_rows(bench: &impl Bench) {
    let store = bench.open().await;
    assert_eq!(store.cursor(SHOP, "orders").await.unwrap(), None);
    for value in ["page-1", "page-2"] {
        let cursor = CursorMove { connection: SHOP.into(), stream: "orders".into(), value: value.into(), at: T0 };
        store.append_inbox(vec![payload(value, T0)], Some(cursor)).await.unwrap();
    }
    drop(store);
    let store = bench.open().await;
    assert_eq!(store.cursor(SHOP, "orders").await.unwrap().as_deref(), Some("page-2"));
    assert_eq!(store.cursors().await.unwrap().len(), 1);
    assert_eq!(store.pending_inbox(0, 10).await.unwrap().len(), 2);
}

/// Runs a failing write beside good ones: those that share its commit must succeed, and nothing of it may stay.
pub async fn a_refused_operation_leaves_nothing_and_harms_no_neighbour(bench: &impl Bench) {
    let store = bench.open().await;
    let id = append_one(&*store, "first").await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..40_i64 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            if n % 4 == 0 {
                // The second row does not exist, so the first one's state, event and job must not come to stay either.
                let rows = vec![
                    planned(id, "1", applied("1", 1, vec![job_for("1", false)])),
                    planned(999_999, "2", PlannedOutcome::Superseded),
                ];
                let refused = store.commit_processed(ProcessCommit { rows, now: T0 }).await;
                assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
            } else {
                append_one(&*store, &format!("neighbour-{n}")).await;
            }
        });
    }
    while let Some(finished) = tasks.join_next().await {
        finished.unwrap();
    }
    assert_eq!(store.pending_inbox(0, 100).await.unwrap().len(), 31);
    assert_eq!(store.recent_events(0, 10).await.unwrap().len(), 0);
    assert_eq!(claim(&*store, T0 + 1, 10).await.len(), 0);
    assert_sound(&*store).await;
}

pub async fn a_long_file_keeps_its_order(bench: &impl Bench) {
    let store = bench.open().await;
    let batch = open_batch(&*store, "long.csv").await;
    let rows: Vec<NewInbox> = (0..200).map(|n| payload(&format!("k{n}"), T0 + n)).collect();
    for part in rows.chunks(150) {
        store.stage_rows(batch, part.to_vec()).await.unwrap();
    }
    assert_eq!(store.release_batch(batch, None).await.unwrap(), Released { rows: 200, duplicates: 0 });
    let pending = store.pending_inbox(0, 1000).await.unwrap();
    assert_eq!(pending.iter().map(|row| row.received_at).collect::<Vec<_>>(), (T0..T0 + 200).collect::<Vec<_>>());
    assert_sound(&*store).await;
}

async fn open_batch(store: &dyn Store, name: &str) -> i64 {
    let batch = NewBatch {
        connection: SHOP.into(),
        stream: "orders".into(),
        name: name.into(),
        sha256: format!("sha-{name}"),
        at: T0,
    };
    store.open_batch(batch).await.unwrap()
}

pub async fn a_batch_is_seen_only_once_released(bench: &impl Bench) {
    let store = bench.open().await;
    append_one(&*store, "row-1").await;
    let batch = open_batch(&*store, "orders-7.csv").await;
    store.stage_rows(batch, vec![payload("row-1", T0), payload("row-2", T0)]).await.unwrap();
    store.stage_rows(batch, vec![payload("row-3", T0), payload("row-2", T0)]).await.unwrap();
    assert_eq!(store.pending_inbox(0, 10).await.unwrap().len(), 1);
    assert_eq!(ledger(&*store).await, [entry(Disposition::Pending, "", 1)]);
    // While it is staged, one of its rows comes another way.
    assert!(!store.append_inbox(vec![payload("row-3", T0)], None).await.unwrap()[0].duplicate);

    let released = store.release_batch(batch, Some(7)).await.unwrap();
    assert_eq!(released, Released { rows: 1, duplicates: 3 });
    let pending = store.pending_inbox(0, 10).await.unwrap();
    assert_eq!(pending.len(), 3);
    assert_eq!(
        ledger(&*store).await,
        [entry(Disposition::Pending, "", 3), entry(Disposition::Ignored, "duplicate", 3)]
    );
    let history = store.batch_history(SHOP, "orders", "sha-orders-7.csv").await.unwrap();
    assert_eq!(history.same_content.as_deref(), Some("orders-7.csv"));
    assert_eq!((history.last_sequence, history.last_rows), (Some(7), Some(4)));
    let second = store.release_batch(batch, Some(7)).await;
    assert!(matches!(second, Err(StoreError::Refused(_))), "{second:?}");
    assert!(store.stage_rows(batch, vec![payload("late", T0)]).await.is_err());
    assert_sound(&*store).await;
}

pub async fn a_refused_batch_leaves_only_its_issue(bench: &impl Bench) {
    let store = bench.open().await;
    append_one(&*store, "row-1").await;
    let batch = open_batch(&*store, "half.csv").await;
    store.stage_rows(batch, vec![payload("row-1", T0), payload("row-2", T0)]).await.unwrap();
    let issue = store.refuse_batch(batch, None, "half the rows of yesterday", dead_letter("short file")).await.unwrap();
    assert_eq!(ledger(&*store).await, [entry(Disposition::Pending, "", 1)]);
    let issues = store.issues(IssueFilter::Open).await.unwrap();
    assert_eq!(issues.len(), 1);
    let counted = (issues[0].title.as_str(), issues[0].open_count, issues[0].files);
    assert_eq!(counted, ("title of short file", 0, 1));
    assert_eq!(issues[0].id, issue);
    assert!(store.release_batch(batch, None).await.is_err());
    let history = store.batch_history(SHOP, "orders", "sha-half.csv").await.unwrap();
    assert_eq!((history.same_content, history.last_rows), (None, None));
    // Somebody has looked at it.
    assert_eq!(store.discard_issue(issues[0].id, None, "resent by the supplier", "ann", T0).await.unwrap(), 1);
    assert_eq!(store.file_decisions(SHOP, "orders").await.unwrap(), [], "it stays where it is");
    assert_eq!(store.issues(IssueFilter::Open).await.unwrap().len(), 0);
    assert_sound(&*store).await;
}

pub async fn a_decision_about_a_file_is_kept_until_it_is_done(bench: &impl Bench) {
    let store = bench.open().await;
    let refused = open_batch(&*store, "cut.csv").await;
    let issue = store.refuse_batch(refused, Some(1), "cut", dead_letter("cut")).await.unwrap();
    let detail = store.issue(issue).await.unwrap().unwrap();
    assert_eq!((detail.files[0].name.as_str(), detail.files[0].held, detail.issue.files), ("cut.csv", false, 1));
    assert_eq!(store.retry_issue(issue, None, "ann", T0).await.unwrap(), 1);
    let decided = store.file_decisions(SHOP, "orders").await.unwrap();
    assert_eq!((decided[0].batch, decided[0].fate, decided.len()), (refused, FileFate::Reread, 1));
    assert_eq!(store.file_decisions(SHOP, "stock").await.unwrap(), []);
    // Nothing is left to do for whoever comes second.
    for again in
        [store.retry_issue(issue, None, "bob", T0).await, store.discard_issue(issue, None, "x", "bob", T0).await]
    {
        assert!(matches!(again, Err(StoreError::Refused(_))), "{again:?}");
    }
    store.reread_done(refused).await.unwrap();
    assert_eq!(store.file_decisions(SHOP, "orders").await.unwrap(), []);

    // A held file: one is open about its name, whatever the number of looks at it.
    let mut issue = 0;
    for _ in 0..2 {
        let held = open_batch(&*store, "short.csv").await;
        issue = store.hold_batch(held, "short", dead_letter("short")).await.unwrap();
    }
    assert_eq!(store.issue(issue).await.unwrap().unwrap().issue.files, 1);
    assert_eq!(store.discard_issue(issue, None, "cut", "ann", T0).await.unwrap(), 1);
    assert_eq!(store.file_decisions(SHOP, "orders").await.unwrap()[0].fate, FileFate::Reject);
    store.held_done(SHOP, "orders", "short.csv", "done").await.unwrap();
    assert_eq!(store.file_decisions(SHOP, "orders").await.unwrap(), []);

    // A held file that needs nobody any more takes its issue with it.
    let held = open_batch(&*store, "late.csv").await;
    let issue = store.hold_batch(held, "late", dead_letter("late")).await.unwrap();
    store.held_done(SHOP, "orders", "late.csv", "the file is no longer held: applied").await.unwrap();
    let closed = store.issue(issue).await.unwrap().unwrap().issue;
    assert_eq!(
        (closed.state.as_str(), closed.resolution.as_str()),
        ("resolved", "the file is no longer held: applied")
    );
    assert_sound(&*store).await;
}

pub async fn a_batch_history_tells_numbers_and_repeats(bench: &impl Bench) {
    let store = bench.open().await;
    let apply = async |name: &str, sequence| {
        let batch = open_batch(&*store, name).await;
        store.stage_rows(batch, vec![payload(&format!("{name}{sequence:?}"), T0)]).await.unwrap();
        store.release_batch(batch, sequence).await.unwrap();
    };
    let history = async |name: &str| store.batch_history(SHOP, "orders", &format!("sha-{name}")).await.unwrap();
    let none = history("a.csv").await;
    assert_eq!((none.last_sequence, none.last_rows, none.is_newest, none.last_refused), (None, None, false, false));

    apply("a.csv", Some(1)).await;
    assert!(history("a.csv").await.is_newest);
    apply("b.csv", Some(2)).await;
    apply("a.csv", Some(3)).await;
    let again = history("a.csv").await;
    assert_eq!(again.applied_as, ["a.csv", "a.csv"]);
    assert!(again.is_newest && !history("b.csv").await.is_newest);

    // A refused file uses up its number if one is given, and is never the newest applied.
    let held = open_batch(&*store, "c.csv").await;
    store.hold_batch(held, "held", dead_letter("held")).await.unwrap();
    assert_eq!((history("c.csv").await.last_sequence, history("c.csv").await.last_refused), (Some(3), false));
    let refused = open_batch(&*store, "d.csv").await;
    store.refuse_batch(refused, Some(4), "cut", dead_letter("cut")).await.unwrap();
    let after = history("a.csv").await;
    assert_eq!(
        (after.last_sequence, after.last_refused, after.last_rows, after.is_newest),
        (Some(4), true, Some(1), true)
    );
    apply("e.csv", Some(5)).await;
    assert_eq!((history("e.csv").await.last_sequence, history("e.csv").await.last_refused), (Some(5), false));
    assert_sound(&*store).await;
}

pub async fn a_batch_interrupted_by_a_crash_starts_over(bench: &impl Bench) {
    let store = bench.open().await;
    let batch = open_batch(&*store, "a.csv").await;
    store.stage_rows(batch, vec![payload("row-1", T0), payload("row-2", T0)]).await.unwrap();
    drop(store);

    let store = bench.open().await;
    assert_eq!(store.pending_inbox(0, 10).await.unwrap().len(), 0);
    let again = open_batch(&*store, "a.csv").await;
    let old = store.release_batch(batch, None).await;
    assert!(again == batch || matches!(old, Err(StoreError::Refused(_))), "{old:?}");
    store.stage_rows(again, vec![payload("row-1", T0), payload("row-2", T0)]).await.unwrap();
    assert_eq!(store.release_batch(again, None).await.unwrap(), Released { rows: 2, duplicates: 0 });
    assert_sound(&*store).await;
}

pub async fn a_thousand_concurrent_appends_share_commits(bench: &impl Bench) {
    let store = bench.open().await;
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..64 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let mut ids = Vec::new();
            for n in (task..1000).step_by(64) {
                ids.push(append_one(&*store, &format!("event-{n}")).await);
            }
            ids
        });
    }
    let mut ids = std::collections::BTreeSet::new();
    while let Some(some) = tasks.join_next().await {
        ids.extend(some.unwrap());
    }
    assert_eq!(ids.len(), 1000, "each has an id of its own");
    drop(store);
    let store = bench.open().await;
    let stored: std::collections::BTreeSet<i64> =
        store.pending_inbox(0, 2000).await.unwrap().iter().map(|row| row.id).collect();
    assert_eq!(stored, ids);
    assert_sound(&*store).await;
}
