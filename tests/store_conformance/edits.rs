//! A person's edit of a dead letter: what it must not overwrite, what is kept of it, what it means for a doubt.

use syncline::model::ErrorClass;
use syncline::store::*;

use crate::bench::*;

const FIXED: &str = "{\"fixed\":true}";

/// Owes a revision and kills its job. Returns the job.
async fn killed(store: &dyn Store, key: &str, revision: i64, latest: bool, at: i64) -> DeadRef {
    owe(store, key, revision, latest).await;
    let job = claim_one(store, at).await;
    acknowledge(store, at + 1, job.claim, AckOutcome::Dead(dead_letter("x"))).await;
    DeadRef::Job(job.claim.job_id)
}

async fn body_of(store: &dyn Store, dead: DeadRef) -> DeadRow {
    for issue in store.issues(IssueFilter::Open).await.unwrap() {
        let detail = store.issue(issue.id).await.unwrap().unwrap();
        if let Some(row) = detail.dead.into_iter().find(|row| row.dead == dead) {
            return row;
        }
    }
    panic!("{dead:?} is not on the work list")
}

#[track_caller]
fn refused(result: Result<(), StoreError>, said: &str) {
    match result {
        Err(StoreError::Refused(why)) => assert!(why.contains(said) && why.contains("nothing was changed"), "{why}"),
        other => panic!("{other:?}"),
    }
}

pub async fn an_edit_never_overwrites_a_newer_revision(bench: &impl Bench) {
    let store = bench.open().await;
    // On its way.
    let old = killed(&*store, "1", 1, false, T0 + 10).await;
    owe(&*store, "1", 2, false).await;
    refused(store.edit_dead(correction(old, FIXED, T0 + 20)).await, "revision 2) is on its way to erp");
    let newer = claim_one(&*store, T0 + 21).await;
    refused(store.edit_dead(correction(old, FIXED, T0 + 22)).await, "is on its way");
    // In doubt: given up, and perhaps there.
    let unknown = AckOutcome::Unknown { run_at: T0 + 24, error: "timeout".into() };
    acknowledge(&*store, T0 + 23, newer.claim, unknown).await;
    let newer = claim_one(&*store, T0 + 24).await;
    acknowledge(&*store, T0 + 25, newer.claim, AckOutcome::Dead(dead_letter("y"))).await;
    let instead = format!("edit job-{} instead", newer.claim.job_id);
    refused(store.edit_dead(correction(old, FIXED, T0 + 26)).await, &instead);
    assert_eq!(body_of(&*store, old).await.body, state("1", 1).doc, "a refused edit changes nothing");
    // Arrived: then the older one needs nobody.
    store.edit_dead(correction(DeadRef::Job(newer.claim.job_id), FIXED, T0 + 27)).await.unwrap();
    let newer = claim_one(&*store, T0 + 28).await;
    acknowledge(&*store, T0 + 29, newer.claim, done("r")).await;
    refused(store.edit_dead(correction(old, FIXED, T0 + 30)).await, "is not a dead letter any more");
    assert_eq!(job_states(&*store, "1").await, [JobState::Superseded, JobState::Done]);
    assert_sound(&*store).await;
}

pub async fn where_every_change_counts_each_of_them_can_be_edited(bench: &impl Bench) {
    let store = bench.open().await;
    for (key, latest) in [("every", false), ("latest", true)] {
        let old = killed(&*store, key, 1, latest, T0 + 10).await;
        let new = killed(&*store, key, 2, latest, T0 + 20).await;
        let edited = store.edit_dead(correction(old, FIXED, T0 + 30)).await;
        if latest {
            refused(edited, "needs a person as well");
        } else {
            edited.unwrap();
            let first = claim_one(&*store, T0 + 31).await;
            assert_eq!((first.revision, first.edited.as_deref()), (1, Some(FIXED)));
            acknowledge(&*store, T0 + 32, first.claim, done("r")).await;
        }
        store.edit_dead(correction(new, FIXED, T0 + 33)).await.unwrap();
        let second = claim_one(&*store, T0 + 34).await;
        assert_eq!(second.revision, 2);
        acknowledge(&*store, T0 + 35, second.claim, done("r")).await;
    }
    assert_eq!(job_states(&*store, "every").await, [JobState::Done, JobState::Done]);
    assert_eq!(job_states(&*store, "latest").await, [JobState::Superseded, JobState::Done]);
    assert_sound(&*store).await;
}

pub async fn an_edit_of_what_is_not_there_any_more_is_refused(bench: &impl Bench) {
    let store = bench.open().await;
    let dead = killed(&*store, "1", 1, false, T0 + 10).await;
    let seen = body_of(&*store, dead).await;
    let of_seen = |body: &str, at| DeadEdit { base: Some(seen.body_sha256.clone()), ..correction(dead, body, at) };
    store.edit_dead(of_seen(FIXED, T0 + 12)).await.unwrap();
    let job = claim_one(&*store, T0 + 13).await;
    acknowledge(&*store, T0 + 14, job.claim, AckOutcome::Dead(dead_letter("x"))).await;
    // Somebody whose page is of before the first edit.
    refused(store.edit_dead(of_seen("{\"fixed\":\"otherwise\"}", T0 + 15)).await, "somebody else has edited it");
    assert_eq!(body_of(&*store, dead).await.body, FIXED);
    assert_sound(&*store).await;
}

pub async fn an_edit_is_told_with_its_author_and_both_states(bench: &impl Bench) {
    let store = bench.open().await;
    let dead = killed(&*store, "1", 1, false, T0 + 10).await;
    let email = "{\"email\":\"eva@example.test\"}";
    store.edit_dead(DeadEdit { actor: "bob".into(), ..correction(dead, email, T0 + 12) }).await.unwrap();
    let job = claim_one(&*store, T0 + 13).await;
    acknowledge(&*store, T0 + 14, job.claim, AckOutcome::Dead(dead_letter("x"))).await;
    store.edit_dead(correction(dead, FIXED, T0 + 15)).await.unwrap();
    let told = store.timeline(&record("1")).await.unwrap();
    assert_eq!(told.current.unwrap().doc, state("1", 1).doc, "the record itself is its source's");
    let edits: Vec<(&str, i64, &str, &str)> =
        told.edits.iter().map(|e| (e.actor.as_str(), e.at, e.before.as_str(), e.after.as_str())).collect();
    let original = state("1", 1).doc;
    assert_eq!(edits, [("bob", T0 + 12, original.as_str(), email), ("ann", T0 + 15, email, FIXED)]);
    assert_eq!((told.edits[0].dead, &told.edits[0].changed[..]), (dead, &["number".to_owned()][..]));
    let audit = store.audit(0, 10).await.unwrap();
    assert_eq!(audit.iter().map(|entry| entry.actor.as_str()).collect::<Vec<_>>(), ["bob", "ann"]);
    let detail: serde_json::Value = serde_json::from_str(&audit[1].detail).unwrap();
    assert_eq!(
        (&detail["key"], &detail["revision"], &detail["changed"]),
        (&"1".into(), &1.into(), &serde_json::json!(["number"]))
    );
    let first: serde_json::Value = serde_json::from_str(&audit[0].detail).unwrap();
    assert_eq!(detail["before_sha256"], first["after_sha256"]);
    assert!(!audit.iter().any(|entry| entry.detail.contains("eva@")), "the trail is for good: it has no values");
    // Of a payload as well.
    let id = append_one(&*store, "garbled").await;
    commit(&*store, vec![planned(id, "2", PlannedOutcome::Dead(dead_letter("z")))], T0 + 16).await;
    store.edit_dead(correction(DeadRef::Inbox(id), FIXED, T0 + 17)).await.unwrap();
    let told = store.timeline(&record("2")).await.unwrap();
    assert_eq!((told.edits.len(), told.edits[0].before.as_str()), (1, "{\"delivery\":\"garbled\"}"));
    assert_sound(&*store).await;
}

pub async fn what_was_perhaps_sent_before_an_edit_is_remembered(bench: &impl Bench) {
    let store = bench.open().await;
    let unknown = |run_at| AckOutcome::Unknown { run_at, error: "timeout".into() };
    let doubtful = Ack { class: Some(ErrorClass::UnknownOutcome), ..ack(JobClaim { job_id: 0, claim: 0 }, unknown(0)) };
    let dead = killed(&*store, "1", 1, false, T0 + 10).await;
    // Refused, so nothing of it is there: an answer lost afterwards is about the edit, which goes again under its key.
    store.edit_dead(correction(dead, "{\"edit\":1}", T0 + 12)).await.unwrap();
    let first = claim_one(&*store, T0 + 13).await;
    store
        .dispatch(Dispatch { acks: vec![Ack { claim: first.claim, ..doubtful.clone() }], ..tick(T0 + 14) })
        .await
        .unwrap();
    let again = claim_one(&*store, T0 + 15).await;
    assert!(again.unknown && !again.edited_in_doubt && again.formers.is_empty(), "{again:?}");
    assert_eq!(again.idempotency_key, first.idempotency_key);
    // Given up in doubt and edited twice: both of what may be there are looked for.
    acknowledge(&*store, T0 + 16, again.claim, AckOutcome::Dead(dead_letter("x"))).await;
    store.edit_dead(correction(dead, "{\"edit\":2}", T0 + 17)).await.unwrap();
    let second = claim_one(&*store, T0 + 18).await;
    assert!(second.edited_in_doubt);
    assert_eq!(second.formers, ["{\"edit\":1}"]);
    acknowledge(&*store, T0 + 19, second.claim, AckOutcome::Dead(dead_letter("x"))).await;
    store.edit_dead(correction(dead, "{\"edit\":3}", T0 + 20)).await.unwrap();
    let third = claim_one(&*store, T0 + 21).await;
    assert!(third.edited_in_doubt);
    assert_eq!(third.formers, ["{\"edit\":1}", "{\"edit\":2}"]);
    acknowledge(&*store, T0 + 22, third.claim, done("r")).await;
    assert_sound(&*store).await;
}
