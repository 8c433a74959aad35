//! Kept runs of reconciliations and their chained events.

use proptest::prelude::*;
use serde_json::json;
use syncline::store::*;

use crate::bench::*;

fn run(name: &str, body: &[u8]) -> NewRun {
    NewRun {
        reconciliation: name.to_owned(),
        period: ["2026-10-01".to_owned(), "2026-10-31".to_owned()],
        as_of: "2026-11-05".to_owned(),
        rules: "abc".to_owned(),
        definition: "reconciliation: bank".to_owned(),
        status: "complete".to_owned(),
        body: body.to_vec(),
        started_at: T0,
        ended_at: T0 + 1,
        actor: "ann".to_owned(),
    }
}

fn event(name: &str, item: &str, detail: &str) -> NewReconEvent {
    NewReconEvent {
        at: T0 + 2,
        actor: "ann".to_owned(),
        kind: "commented".to_owned(),
        reconciliation: name.to_owned(),
        run: Some(1),
        item: item.to_owned(),
        detail: detail.to_owned(),
    }
}

pub async fn a_run_is_kept_with_its_event(bench: &impl Bench) {
    let store = bench.open().await;
    let body = vec![b'x'; 100_000];
    let id = store.keep_run(run("bank", &body), 0, json!({ "opened": [] })).await.unwrap();
    assert_eq!(store.run_body(id).await.unwrap().unwrap(), body);
    assert_eq!(store.run_body(id + 1).await.unwrap(), None);
    let row = store.run(id).await.unwrap().unwrap();
    let events = store.recon_events("bank", 0, 10).await.unwrap();
    let detail: serde_json::Value = serde_json::from_str(&events[0].detail).unwrap();
    assert_eq!((events.len(), events[0].kind.as_str(), events[0].run), (1, RUN_KEPT, Some(id)));
    assert_eq!((detail["sha256"].as_str(), row.bytes), (Some(row.sha256.as_str()), 100_000));
    let other = store.keep_run(run("orders", b"{}"), 0, json!({})).await.unwrap();
    let ids = async |name| store.runs(name, 10).await.unwrap().iter().map(|run| run.id).collect::<Vec<_>>();
    assert_eq!((ids(None).await, ids(Some("bank")).await), (vec![other, id], vec![id]));
    assert!(store.keep_run(run("orders", b"{}"), 2, json!("no object")).await.is_err());
    let audit = store.audit(0, 10).await.unwrap();
    assert_eq!(audit.iter().map(|entry| entry.target.as_str()).collect::<Vec<_>>(), ["bank run 1", "orders run 2"]);
    assert_sound(&*store).await;
}

pub async fn a_decision_about_something_else_is_refused(bench: &impl Bench) {
    let store = bench.open().await;
    store.keep_run(run("bank", b"{}"), 0, json!({})).await.unwrap();
    assert_eq!(
        store.append_recon(1, vec![event("bank", "b1", "{}"), event("bank", "b2", "{}")]).await.unwrap(),
        [2, 3]
    );
    let late = store.append_recon(1, vec![event("bank", "b1", "{}")]).await.unwrap_err();
    assert!(matches!(&late, StoreError::Refused(why) if why.contains("meanwhile")), "{late}");
    assert!(matches!(store.keep_run(run("bank", b"{}"), 2, json!({})).await, Err(StoreError::Refused(_))));
    // Another reconciliation's events are no obstacle.
    assert_eq!(store.append_recon(0, vec![event("orders", "", "{}")]).await.unwrap(), [4]);
    assert_eq!(store.append_recon(3, vec![event("bank", "b1", "{}")]).await.unwrap(), [5]);
    let both = vec![event("customers", "", "{}"), event("orders", "", "{}")];
    assert!(store.append_recon(0, both).await.is_err());
    assert!(store.recon_events("customers", 0, 10).await.unwrap().is_empty(), "all or none");
    let numbers: Vec<i64> = store.recon_events("bank", 1, 2).await.unwrap().iter().map(|event| event.seq).collect();
    assert_eq!((numbers, store.runs(None, 10).await.unwrap().len()), (vec![2, 3], 1));
    assert_sound(&*store).await;
}

pub async fn a_changed_reconciliation_event_is_named(bench: &impl Bench) {
    let store = bench.open().await;
    store.keep_run(run("bank", b"{}"), 0, json!({})).await.unwrap();
    for after in 1..4 {
        store.append_recon(after, vec![event("bank", "b1", "{\"text\":\"x\"}")]).await.unwrap();
    }
    assert_eq!(assert_sound(&*store).await.recon_rows, 4);
    store.close().await;
    bench.allow_changes("recon_event").await;
    bench.allow_changes("recon_run").await;
    for (sql, named, back) in [
        ("UPDATE recon_event SET actor = 'bob' WHERE seq = 2", "event 2", "UPDATE recon_event SET actor = 'ann'"),
        (
            "UPDATE recon_event SET detail = '{}' WHERE seq = 4",
            "event 4",
            "UPDATE recon_event SET detail = '{\"text\":\"x\"}' WHERE seq = 4",
        ),
        (
            "UPDATE recon_run SET sha256 = 'x'",
            "document of reconciliation run 1",
            "UPDATE recon_run SET sha256 = '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'",
        ),
        (
            "UPDATE recon_run SET definition = 'x'",
            "definition of reconciliation run 1",
            "UPDATE recon_run SET definition = 'reconciliation: bank'",
        ),
        ("DELETE FROM recon_event WHERE seq = 4", "events after 3 are missing", "SELECT 1"),
        ("DELETE FROM recon_event WHERE seq = 2", "event 3", "SELECT 1"),
    ] {
        bench.tamper(sql).await;
        let store = bench.open().await;
        let faults = store.verify(&|_, _, _| {}).await.unwrap().faults;
        assert_eq!(faults.len(), 1, "{sql}: {faults:?}");
        assert!(faults[0].contains(named), "{sql}: {faults:?}");
        store.close().await;
        bench.tamper(back).await;
    }
    bench.tamper("DELETE FROM recon_run").await;
    let store = bench.open().await;
    let faults = store.verify(&|_, _, _| {}).await.unwrap().faults;
    assert!(faults.iter().any(|fault| fault.contains("run 1 is missing")), "{faults:?}");
}

proptest! {
    /// Whatever is changed, taken out, doubled or exchanged in a chain is found out.
    #[test]
    fn no_change_of_a_chain_goes_unseen(details in proptest::collection::vec("[a-z]{0,6}", 2..12), at in 0_usize..12, field in 0_usize..8) {
        let mut chain: Vec<ReconEvent> = Vec::new();
        for (seq, detail) in (1..).zip(&details) {
            let prev = chain.last().map(|event| event.hash.clone()).unwrap_or_default();
            chain.push(ReconEvent::chained(event("bank", "b1", detail), seq, prev));
        }
        let holds = |chain: &[ReconEvent], length: usize| {
            let mut prev = "";
            chain.len() == length && chain.iter().zip(1..).all(|(event, seq)| {
                let held = event.seq == seq && event.holds(prev);
                prev = &event.hash;
                held
            })
        };
        prop_assert!(holds(&chain, details.len()));
        let at = at % chain.len();
        match field {
            0 => chain[at].detail.push('!'),
            1 => chain[at].actor.push('!'),
            2 => chain[at].kind.push('!'),
            3 => chain[at].item.push('!'),
            4 => chain[at].run = None,
            5 => chain[at].at += 1,
            6 => drop(chain.remove(at)),
            _ => chain[at].reconciliation.push('!'),
        }
        prop_assert!(!holds(&chain, details.len()));
    }
}
