//! The queue: order, claims, outcomes, waiting.

use syncline::model::{Entity, ErrorClass};
use syncline::store::*;

use crate::bench::*;

pub async fn one_job_of_a_key_runs_at_a_time(bench: &impl Bench) {
    let store = bench.open().await;
    for revision in 1..=3 {
        owe(&*store, "1", revision, false).await;
    }
    owe(&*store, "2", 1, false).await;
    assert_eq!(job_states(&*store, "1").await, [JobState::Ready, JobState::Blocked, JobState::Blocked]);
    for revision in 1..=3 {
        let claimed = claim(&*store, T0 + 10, 10).await;
        let of_one: Vec<i64> = claimed.iter().filter(|job| job.source.key == "1").map(|job| job.revision).collect();
        assert_eq!(of_one, [revision], "the older one first, alone");
        assert_eq!(claim(&*store, T0 + 10, 10).await.len(), 0, "a running job is not given out again");
        for job in claimed {
            let result = acknowledge(&*store, T0 + 11, job.claim, done("r")).await;
            assert_eq!(result.stale, []);
            let woken: &[&str] = if job.source.key == "1" && revision < 3 { &[ERP] } else { &[] };
            assert_eq!(result.woken, woken);
        }
    }
    assert_eq!(ledger(&*store).await, [entry(Disposition::Applied, "", 4)]);
    assert_sound(&*store).await;
}

pub async fn only_the_newest_of_a_latest_key_is_sent(bench: &impl Bench) {
    let store = bench.open().await;
    owe(&*store, "1", 1, true).await;
    let running = claim_one(&*store, T0 + 10).await;
    for revision in 2..=4 {
        owe(&*store, "1", revision, true).await;
    }
    use JobState::{Blocked, Running, Superseded};
    assert_eq!(job_states(&*store, "1").await, [Running, Superseded, Superseded, Blocked], "what is under way stays");
    acknowledge(&*store, T0 + 11, running.claim, done("r")).await;
    let last = claim_one(&*store, T0 + 12).await;
    assert_eq!(last.revision, 4);
    assert_eq!(last.binding.as_ref().map(|b| (b.remote_id.as_str(), b.sent_revision)), Some(("r", 1)));
    acknowledge(&*store, T0 + 13, last.claim, done("r")).await;
    assert_eq!(ledger(&*store).await, [entry(Disposition::Applied, "", 2), entry(Disposition::Superseded, "", 2)]);
    assert_sound(&*store).await;
}

pub async fn a_retry_gives_way_to_a_newer_job(bench: &impl Bench) {
    let store = bench.open().await;
    owe(&*store, "1", 1, true).await;
    let first = claim_one(&*store, T0 + 10).await;
    owe(&*store, "1", 2, true).await;
    let retry = AckOutcome::Retry { run_at: T0 + 5_000, counts: true, error: "503".into() };
    let result = acknowledge(&*store, T0 + 11, first.claim, retry).await;
    assert_eq!(result.woken, [ERP]);
    assert_eq!(job_states(&*store, "1").await, [JobState::Superseded, JobState::Ready]);

    // In doubt, the older one is settled first: it may already be there.
    let second = claim_one(&*store, T0 + 12).await;
    owe(&*store, "1", 3, true).await;
    let unknown = AckOutcome::Unknown { run_at: T0 + 20, error: "timeout".into() };
    acknowledge(&*store, T0 + 13, second.claim, unknown).await;
    assert_eq!(job_states(&*store, "1").await[1..], [JobState::Ready, JobState::Blocked]);
    let looked_up = claim_one(&*store, T0 + 20).await;
    assert!(looked_up.unknown);
    assert_eq!((looked_up.revision, looked_up.attempt, looked_up.failures), (2, 2, 1));
    assert_eq!(looked_up.idempotency_key, second.idempotency_key);
    assert_eq!(looked_up.first_attempt_at, T0 + 12);
    assert_sound(&*store).await;
}

pub async fn two_flows_never_replace_each_other(bench: &impl Bench) {
    let store = bench.open().await;
    let id = append_one(&*store, "a").await;
    let other = NewJob { flow: "orders-to-archive".into(), ..job_for("1", true) };
    commit(&*store, vec![planned(id, "1", applied("1", 1, vec![job_for("1", true), other]))], T0).await;
    for flow in ["orders-to-erp", "orders-to-archive"] {
        let job = claim_one(&*store, T0 + 10).await;
        assert_eq!(job.flow, flow);
        assert_eq!(ledger(&*store).await, [entry(Disposition::Pending, "", 1)], "pending until both have it");
        acknowledge(&*store, T0 + 11, job.claim, done("r")).await;
    }
    assert_eq!(ledger(&*store).await, [entry(Disposition::Applied, "", 1)]);
    assert_sound(&*store).await;
}

pub async fn an_outdated_claim_is_refused(bench: &impl Bench) {
    let store = bench.open().await;
    owe(&*store, "1", 1, false).await;
    let zombie = claim_one(&*store, T0 + 10).await.claim;
    assert_eq!(store.rescue(T0 + 10 + 60_000_001, None).await.unwrap(), 1);
    // Between rescue and the next claim nobody holds it.
    let early = acknowledge(&*store, T0 + 70_000_000, zombie, AckOutcome::Dead(dead_letter("zombie"))).await;
    assert_eq!(early.stale, [zombie]);
    assert_eq!(store.issues(IssueFilter::All).await.unwrap().len(), 0, "a refused result files no issue");
    let owner = claim_one(&*store, T0 + 70_000_000).await.claim;
    assert_eq!((owner.job_id, owner.claim > zombie.claim), (zombie.job_id, true));
    let late = store
        .dispatch(Dispatch { acks: vec![ack(zombie, done("wrong"))], renew: vec![zombie], ..tick(T0 + 70_000_001) })
        .await
        .unwrap();
    assert_eq!(late.stale, [zombie, zombie]);
    assert_eq!(job_states(&*store, "1").await, [JobState::Running]);
    assert_eq!(acknowledge(&*store, T0 + 70_000_002, owner, done("right")).await.stale, []);
    assert_eq!(acknowledge(&*store, T0 + 70_000_003, owner, done("twice")).await.stale, [owner]);
    let story = store.timeline(&record("1")).await.unwrap();
    assert_eq!(story.bindings[0].remote_id, "right");
    assert_eq!(story.jobs[0].tries.iter().map(|a| a.outcome.as_str()).collect::<Vec<_>>(), ["lost", "done"]);
    assert_sound(&*store).await;
}

pub async fn concurrent_claims_share_the_work(bench: &impl Bench) {
    let store = bench.open().await;
    for n in 0..100 {
        owe(&*store, &n.to_string(), 1, false).await;
    }
    let mut nodes = tokio::task::JoinSet::new();
    for node in 0..8 {
        let store = std::sync::Arc::clone(&store);
        nodes.spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claims = vec![(ERP.to_owned(), 3)];
                let tick = Dispatch { owner: format!("node-{node}"), claims, ..tick(T0 + 10) };
                let claimed = store.dispatch(tick).await.unwrap().claimed;
                if claimed.is_empty() {
                    return mine;
                }
                assert!(claimed.len() <= 3);
                mine.extend(claimed.into_iter().map(|job| job.claim.job_id));
            }
        });
    }
    let mut given_out = Vec::new();
    while let Some(mine) = nodes.join_next().await {
        given_out.extend(mine.unwrap());
    }
    assert_eq!(given_out.len(), 100);
    assert_eq!(given_out.iter().collect::<std::collections::BTreeSet<_>>().len(), 100, "no job was given out twice");
    assert_sound(&*store).await;
}

pub async fn a_lost_job_comes_back_unknown(bench: &impl Bench) {
    let store = bench.open().await;
    owe(&*store, "1", 1, false).await;
    let before = claim_one(&*store, T0 + 10).await;
    assert_eq!(store.rescue(T0 + 11, None).await.unwrap(), 0, "its lease has not run out");
    assert_eq!(store.rescue(T0 + 11, Some("node-2")).await.unwrap(), 0, "another node's death is not its own");
    drop(store);
    let store = bench.open().await;
    assert_eq!(store.rescue(T0 + 11, Some("node-1")).await.unwrap(), 1);
    assert_eq!(assert_sound(&*store).await.unknown, 1);
    let after = claim_one(&*store, T0 + 12).await;
    assert!(after.unknown);
    assert_eq!((after.attempt, after.failures), (2, 0));
    assert_eq!(after.idempotency_key, before.idempotency_key);
    assert_eq!(after.first_attempt_at, T0 + 10);
}

pub async fn renewed_leases_are_kept(bench: &impl Bench) {
    let store = bench.open().await;
    owe(&*store, "1", 1, false).await;
    owe(&*store, "2", 1, false).await;
    let claims: Vec<JobClaim> = claim(&*store, T0 + 10, 10).await.iter().map(|job| job.claim).collect();
    let renewal = Dispatch { renew: claims[..1].to_vec(), ..tick(T0 + 50_000_000) };
    assert_eq!(store.dispatch(renewal).await.unwrap().stale, []);
    assert_eq!(store.rescue(T0 + 70_000_000, None).await.unwrap(), 1);
    let again = claim_one(&*store, T0 + 70_000_000).await;
    assert_eq!(again.claim.job_id, claims[1].job_id);
}

pub async fn a_released_claim_counts_no_failure(bench: &impl Bench) {
    let store = bench.open().await;
    owe(&*store, "1", 1, false).await;
    let job = claim_one(&*store, T0 + 10).await;
    acknowledge(&*store, T0 + 11, job.claim, AckOutcome::Released { run_at: T0 + 100 }).await;
    let idle = store.dispatch(Dispatch { claims: vec![(ERP.into(), 10)], ..tick(T0 + 99) }).await.unwrap();
    assert_eq!((idle.claimed.len(), idle.next_due), (0, vec![(ERP.to_owned(), T0 + 100)]));
    let job = claim_one(&*store, T0 + 100).await;
    assert_eq!((job.failures, job.unknown), (0, false));
    let limited = AckOutcome::Retry { run_at: T0 + 200, counts: false, error: "429".into() };
    acknowledge(&*store, T0 + 101, job.claim, limited).await;
    assert_eq!(claim_one(&*store, T0 + 200).await.failures, 0);
}

pub async fn outcomes_move_the_ledger(bench: &impl Bench) {
    let outcomes = [
        (done("r"), Disposition::Applied, ""),
        (AckOutcome::Superseded, Disposition::Superseded, ""),
        (AckOutcome::Ignored("unchanged".into()), Disposition::Ignored, "unchanged"),
        (AckOutcome::Retry { run_at: T0, counts: true, error: "x".into() }, Disposition::Pending, ""),
        (AckOutcome::Unknown { run_at: T0, error: "x".into() }, Disposition::Pending, ""),
        (AckOutcome::Wait { wait_for: "w".into(), check_at: T0, error: "x".into() }, Disposition::Pending, ""),
        (AckOutcome::Released { run_at: T0 }, Disposition::Pending, ""),
        (AckOutcome::Dead(dead_letter("x")), Disposition::Dead, "delivery"),
    ];
    let store = bench.open().await;
    let mut expected = std::collections::BTreeMap::new();
    for (n, (outcome, disposition, reason)) in outcomes.into_iter().enumerate() {
        owe(&*store, &n.to_string(), 1, false).await;
        // Those that went back are due as well: only the new one is of interest.
        let new = claim(&*store, T0 + 10, 10).await.into_iter().find(|job| job.source.key == n.to_string()).unwrap();
        acknowledge(&*store, T0 + 11, new.claim, outcome).await;
        *expected.entry((disposition, reason.to_owned())).or_insert(0) += 1;
        let expected: Vec<_> = expected.iter().map(|((d, reason), n)| (*d, reason.clone(), *n)).collect();
        assert_eq!(ledger(&*store).await, expected);
        assert_sound(&*store).await;
    }
}

fn wait_for(natural_key: &str) -> AckOutcome {
    AckOutcome::Wait {
        wait_for: wait_key(ERP, Entity::Order, natural_key),
        check_at: T0 + 1_000_000,
        error: "its parent is missing".into(),
    }
}

pub async fn a_waiting_job_wakes_when_its_reference_arrives(bench: &impl Bench) {
    let store = bench.open().await;
    owe(&*store, "child", 1, false).await;
    let child = claim_one(&*store, T0 + 10).await;
    acknowledge(&*store, T0 + 11, child.claim, wait_for("#parent")).await;
    assert_eq!(claim(&*store, T0 + 12, 10).await.len(), 0);
    owe(&*store, "child", 2, false).await;
    assert_eq!(job_states(&*store, "child").await, [JobState::Waiting, JobState::Blocked], "waiting keeps its place");

    owe(&*store, "parent", 1, false).await;
    let parent = claim_one(&*store, T0 + 13).await;
    let result = acknowledge(&*store, T0 + 14, parent.claim, done("P1")).await;
    assert_eq!(result.woken, [ERP]);
    let child = claim_one(&*store, T0 + 15).await;
    assert_eq!((child.source.key.as_str(), child.revision), ("child", 1));

    // The destination's own record is as good as one of ours.
    acknowledge(&*store, T0 + 16, child.claim, wait_for("#theirs")).await;
    let id = append_one(&*store, "from erp").await;
    let mut theirs = state("SO-9", 1);
    theirs.id.connection = ERP.into();
    theirs.natural_key = "#theirs".into();
    let apply = PlannedOutcome::Apply { state: theirs, kind: "order.created".into(), occurred_at: None, jobs: vec![] };
    assert_eq!(commit(&*store, vec![planned(id, "SO-9", apply)], T0 + 17).await.lanes, [ERP]);
    assert_eq!(claim_one(&*store, T0 + 18).await.source.key, "child");
    assert_sound(&*store).await;
}

pub async fn a_reference_that_came_meanwhile_is_not_missed(bench: &impl Bench) {
    let store = bench.open().await;
    owe(&*store, "parent", 1, false).await;
    owe(&*store, "child", 1, false).await;
    owe(&*store, "twin", 1, false).await;
    let mut claimed = claim(&*store, T0 + 10, 10).await;
    claimed.sort_by_key(|job| job.claim.job_id);
    // In one tick: the parent is done, the child's worker had looked before and says that it waits.
    let acks = vec![ack(claimed[1].claim, wait_for("#parent")), ack(claimed[0].claim, done("P1"))];
    let result = store.dispatch(Dispatch { acks, ..tick(T0 + 11) }).await.unwrap();
    assert_eq!(result.woken, [ERP]);
    // A tick later the twin's worker says the same.
    assert_eq!(acknowledge(&*store, T0 + 12, claimed[2].claim, wait_for("#parent")).await.woken, [ERP]);
    let awake = claim(&*store, T0 + 13, 10).await;
    assert_eq!(awake.len(), 2);
    // A job that waits although its reference had long been there does not spin.
    assert_eq!(acknowledge(&*store, T0 + 14, awake[0].claim, wait_for("#parent")).await.woken, Vec::<String>::new());
    assert_sound(&*store).await;
}

pub async fn a_waiting_job_looks_again_in_time(bench: &impl Bench) {
    let store = bench.open().await;
    owe(&*store, "child", 1, false).await;
    let child = claim_one(&*store, T0 + 10).await;
    acknowledge(&*store, T0 + 11, child.claim, wait_for("#never")).await;
    store.rescue(T0 + 999_999, None).await.unwrap();
    assert_eq!(claim(&*store, T0 + 999_999, 10).await.len(), 0);
    store.rescue(T0 + 1_000_000, None).await.unwrap();
    assert!(!claim_one(&*store, T0 + 1_000_000).await.unknown);
}

pub async fn references_resolve_at_the_destination(bench: &impl Bench) {
    let store = bench.open().await;
    owe(&*store, "1", 1, false).await;
    owe(&*store, "2", 1, false).await;
    for job in claim(&*store, T0 + 10, 10).await {
        acknowledge(&*store, T0 + 11, job.claim, done(&format!("R{}", job.source.key))).await;
    }
    let id = append_one(&*store, "from erp").await;
    let mut theirs = state("SO-9", 1);
    theirs.id.connection = ERP.into();
    theirs.natural_key = "#2".into();
    let apply = PlannedOutcome::Apply { state: theirs, kind: "order.created".into(), occurred_at: None, jobs: vec![] };
    commit(&*store, vec![planned(id, "SO-9", apply)], T0 + 17).await;

    let key = |natural_key: &str| RefKey { entity: Entity::Order, natural_key: natural_key.into() };
    let payment = RefKey { entity: Entity::Payment, natural_key: "#1".into() };
    let resolved = store.resolve_refs(ERP, &[key("#1"), key("#2"), key("#3"), payment]).await.unwrap();
    let of = |k: &RefKey| resolved.iter().filter(|r| r.key == *k).map(|r| r.remote_id.as_str()).next_back();
    assert_eq!((of(&key("#1")), of(&key("#2")), of(&key("#3"))), (Some("R1"), Some("SO-9"), None));
    assert!(resolved.iter().all(|r| r.key.entity == Entity::Order));
    assert!(store.resolve_refs("elsewhere", &[key("#1")]).await.unwrap().is_empty());
}

pub async fn an_edited_or_forced_effect_has_a_key_of_its_own(bench: &impl Bench) {
    let store = bench.open().await;
    owe(&*store, "1", 1, false).await;
    owe(&*store, "2", 1, false).await;
    let mut keys = std::collections::BTreeSet::new();
    for job in claim(&*store, T0 + 10, 10).await {
        assert!(keys.insert(job.idempotency_key));
        acknowledge(&*store, T0 + 11, job.claim, AckOutcome::Dead(dead_letter("x"))).await;
    }
    let issue = store.issues(IssueFilter::Open).await.unwrap()[0].id;
    let dead = store.issue(issue).await.unwrap().unwrap().dead[0].dead;
    store.edit_dead(correction(dead, "{\"fixed\":true}", T0 + 12)).await.unwrap();
    let edited = claim_one(&*store, T0 + 13).await;
    assert_eq!(edited.edited.as_deref(), Some("{\"fixed\":true}"));
    assert!(keys.insert(edited.idempotency_key));
    acknowledge(&*store, T0 + 14, edited.claim, done("r")).await;
    store.replay(replay(Some("1"), true)).await.unwrap();
    let forced = claim_one(&*store, T0 + 1000).await;
    assert!(forced.force);
    assert!(keys.insert(forced.idempotency_key));
}

pub async fn an_edit_in_doubt_is_told_until_a_person_knows(bench: &impl Bench) {
    let store = bench.open().await;
    owe(&*store, "1", 1, false).await;
    let dead = |class| DeadLetter { class, ..dead_letter("x") };
    let first = claim_one(&*store, T0 + 10).await;
    assert!(!first.edited_in_doubt);
    let unknown = |run_at| AckOutcome::Unknown { run_at, error: "timeout".into() };
    acknowledge(&*store, T0 + 11, first.claim, unknown(T0 + 12)).await;
    let second = claim_one(&*store, T0 + 12).await;
    assert!(second.unknown && !second.edited_in_doubt, "nobody has edited it");
    acknowledge(&*store, T0 + 13, second.claim, AckOutcome::Dead(dead(ErrorClass::Data))).await;
    let issue = store.issues(IssueFilter::Open).await.unwrap()[0].id;
    let letter = store.issue(issue).await.unwrap().unwrap().dead[0].dead;
    store.edit_dead(correction(letter, "{\"fixed\":true}", T0 + 14)).await.unwrap();
    // A crash before it could be told does not count as telling.
    let edited = claim_one(&*store, T0 + 15).await;
    assert!(edited.edited_in_doubt);
    assert_eq!(store.rescue(T0 + 15 + 60_000_001, None).await.unwrap(), 1);
    let again = claim_one(&*store, T0 + 70_000_000).await;
    assert!(again.edited_in_doubt);
    let told = Ack {
        class: Some(ErrorClass::UnknownOutcome),
        ..ack(again.claim, AckOutcome::Dead(dead(ErrorClass::UnknownOutcome)))
    };
    store.dispatch(Dispatch { acks: vec![told], ..tick(T0 + 70_000_001) }).await.unwrap();
    for issue in store.issues(IssueFilter::Open).await.unwrap() {
        store.retry_issue(issue.id, None, "ann", T0 + 70_000_002).await.unwrap();
    }
    let decided = claim_one(&*store, T0 + 70_000_003).await;
    assert!(decided.unknown && !decided.edited_in_doubt, "a person has looked");
    assert_eq!(decided.idempotency_key, edited.idempotency_key);
    acknowledge(&*store, T0 + 70_000_004, decided.claim, done("r")).await;
    assert_sound(&*store).await;
}

/// How a job died, and whether a person's retry of it goes under another idempotency key.
async fn check_key(
    store: &dyn Store,
    (class, status): (ErrorClass, Option<u16>),
    in_doubt: bool,
    renewed: bool,
) -> Result<(), String> {
    let key = format!("{class} {status:?} {in_doubt}");
    owe(store, &key, 1, false).await;
    let mut job = claim_one(store, T0 + 10).await;
    if in_doubt {
        let unknown = AckOutcome::Unknown { run_at: T0 + 11, error: "timeout".into() };
        acknowledge(store, T0 + 11, job.claim, unknown).await;
        job = claim_one(store, T0 + 12).await;
    }
    let outcome = AckOutcome::Dead(DeadLetter { class, ..dead_letter("x") });
    let died = Ack { class: Some(class), status, ..ack(job.claim, outcome) };
    store.dispatch(Dispatch { acks: vec![died], ..tick(T0 + 13) }).await.unwrap();
    let issue = store.issues(IssueFilter::Open).await.unwrap()[0].id;
    store.retry_issue(issue, None, "ann", T0 + 20).await.unwrap();
    let again = claim_one(store, T0 + 21).await;
    // What follows by itself goes under the same key, whatever it was.
    let unknown = AckOutcome::Unknown { run_at: T0 + 30, error: "timeout".into() };
    acknowledge(store, T0 + 22, again.claim, unknown).await;
    let looked_up = claim_one(store, T0 + 30).await;
    acknowledge(store, T0 + 31, looked_up.claim, done("r")).await;
    let same =
        |a: &Claimed, b: &Claimed| (a.idempotency_key == b.idempotency_key, a.first_attempt_at == b.first_attempt_at);
    // The key's age is its own: one that is new has just begun.
    let found = (same(&job, &again), same(&again, &looked_up));
    let expected = ((!renewed, !renewed), (true, true));
    if found == expected { Ok(()) } else { Err(format!("{key}: {found:?}")) }
}

pub async fn a_retry_has_a_new_key_only_after_a_definite_refusal(bench: &impl Bench) {
    let store = bench.open().await;
    for (died, in_doubt, renewed) in [
        ((ErrorClass::Data, Some(422)), false, true),
        ((ErrorClass::Permission, Some(403)), false, true),
        ((ErrorClass::NotFound, Some(404)), false, true),
        // An earlier attempt may have had its effect, whatever this answer says.
        ((ErrorClass::Data, Some(422)), true, false),
        // Nothing was asked of the vendor, so that it keeps no answer.
        ((ErrorClass::Data, None), false, false),
        // No definite answer: it may yet have happened, or be happening.
        ((ErrorClass::Transient, Some(500)), false, false),
        ((ErrorClass::UnknownOutcome, None), true, false),
        ((ErrorClass::Conflict, Some(409)), false, false),
    ] {
        assert_eq!(check_key(&*store, died, in_doubt, renewed).await, Ok(()));
    }
    assert_sound(&*store).await;
}

fn replay(key: Option<&str>, force: bool) -> Replay {
    Replay {
        flow: "orders-to-erp".into(),
        source_connection: SHOP.into(),
        source_stream: "orders".into(),
        dest_connection: ERP.into(),
        dest_stream: "sales_orders".into(),
        latest: true,
        key: key.map(str::to_owned),
        since: None,
        force,
        at: T0 + 500,
    }
}

pub async fn a_replay_sends_the_last_state_again(bench: &impl Bench) {
    let store = bench.open().await;
    owe(&*store, "1", 1, true).await;
    owe(&*store, "1", 2, true).await;
    owe(&*store, "2", 1, true).await;
    for job in claim(&*store, T0 + 10, 10).await {
        acknowledge(&*store, T0 + 11, job.claim, done("r")).await;
    }
    assert_eq!(store.replay(replay(None, false)).await.unwrap(), 2);
    assert_eq!(
        ledger(&*store).await,
        [entry(Disposition::Pending, "", 2), entry(Disposition::Superseded, "", 1)],
        "what is sent again is owed again"
    );
    assert_sound(&*store).await;
    let jobs = claim(&*store, T0 + 600, 10).await;
    assert_eq!(
        jobs.iter().map(|job| (job.source.key.as_str(), job.revision)).collect::<Vec<_>>(),
        [("1", 2), ("2", 1)]
    );
    // A person's demand is not lost when an ordinary change comes after it.
    for job in jobs {
        acknowledge(&*store, T0 + 601, job.claim, AckOutcome::Ignored("unchanged".into())).await;
    }
    store.replay(replay(Some("1"), true)).await.unwrap();
    owe(&*store, "1", 3, true).await;
    let forced = claim_one(&*store, T0 + 700).await;
    assert_eq!((forced.force, forced.revision), (true, 2));
    assert_sound(&*store).await;
}

/// However many lanes there are, no more is claimed than can be taken, and a lane without work takes nothing from another.
pub async fn claims_are_bounded_over_all_lanes(bench: &impl Bench) {
    let store = bench.open().await;
    for key in ["1", "2", "3"] {
        owe(&*store, key, 1, false).await;
    }
    let claims = vec![("idle".to_owned(), 32), (ERP.to_owned(), 32)];
    let first = store.dispatch(Dispatch { claims: claims.clone(), at_most: Some(2), ..tick(T0 + 10) }).await.unwrap();
    assert_eq!(first.claimed.len(), 2);
    let none = store.dispatch(Dispatch { claims: claims.clone(), at_most: Some(0), ..tick(T0 + 11) }).await.unwrap();
    assert!(none.claimed.is_empty() && none.next_due.is_empty(), "no due time that would be asked for again at once");
    let rest = store.dispatch(Dispatch { claims, at_most: Some(32), ..tick(T0 + 12) }).await.unwrap();
    assert_eq!(rest.claimed.len(), 1);
}
