//! The daemon is killed at random moments under load, and nothing is lost, doubled or turned back; with a deliberate
//! defect the same run must find something, which proves that it can.
//!
//! `SYNCLINE_KILLS` and `SYNCLINE_KILL_SEED` change the number of kills and repeat a run's dice.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "kill/oracle.rs"]
mod oracle;
#[path = "kill/rehearsal.rs"]
mod rehearsal;
#[path = "kill/supervisor.rs"]
mod supervisor;

use std::time::Duration;

use oracle::Rows;
use rehearsal::{PATIENCE, Rehearsal};
use supervisor::alone;

/// Recovery is promised in seconds; a loaded machine and an unoptimised build are granted their share.
const LONGEST_RESTART: Duration = Duration::from_secs(10);
const ORDER_EVERY: Duration = Duration::from_millis(50);

fn from_environment<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")),
        Err(_) => otherwise,
    }
}

fn dice() -> (u64, fastrand::Rng) {
    let seed = from_environment("SYNCLINE_KILL_SEED", fastrand::u64(..));
    println!("SYNCLINE_KILL_SEED={seed}");
    (seed, fastrand::Rng::with_seed(seed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_kills_under_load_lose_nothing_and_double_nothing() {
    let _alone = alone().await;
    let kills = from_environment("SYNCLINE_KILLS", 30);
    let (seed, mut rng) = dice();
    let (rehearsal, life) = Rehearsal::begin(seed, ORDER_EVERY, None).await;
    rehearsal.sandbox.start_traffic();
    let (life, restarts) = rehearsal.kills(&mut rng, kills, life).await;
    rehearsal.end_traffic().await;
    let drained = rehearsal.drain().await;
    let (status, stopped) = life.terminate(PATIENCE).await;
    let findings = rehearsal.judge().await;
    let progress = rehearsal.sandbox.progress();
    println!(
        "{kills} kills; ready again {} times, median {:?}, longest {:?}; drained in {drained:?}, stopped in {stopped:?}",
        restarts.count(),
        restarts.median(),
        restarts.longest()
    );
    println!(
        "{} orders, {} webhooks sent, {} acknowledged, {} payloads received; {}",
        progress.orders,
        progress.webhooks_sent,
        progress.webhooks_acknowledged,
        rehearsal.received().await,
        findings.summary()
    );
    println!("faults of the vendors: {:?}", rehearsal.sandbox.faults());
    assert!(findings.none(), "{findings:#?}\n{}", rehearsal.supervisor.last_words());
    assert_eq!(status.code(), Some(0), "{}", rehearsal.supervisor.last_words());
    assert!(progress.webhooks_acknowledged > u64::from(kills) * 10, "no load worth the name: {progress:?}");
    assert_eq!(progress.webhooks_given_up, 0);
    assert!(restarts.longest() < LONGEST_RESTART, "{restarts:?}");
    rehearsal.sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_under_load_drains_and_a_second_daemon_is_refused() {
    let _alone = alone().await;
    let (seed, _) = dice();
    let (rehearsal, life) = Rehearsal::begin(seed, ORDER_EVERY, None).await;
    rehearsal.sandbox.start_traffic();
    rehearsal.until_acknowledged(50).await;

    let second = rehearsal.supervisor.run_command(&["run"]).await;
    let told = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{told}");
    let database = rehearsal.supervisor.database();
    assert!(told.contains(database.to_str().unwrap()), "the path is missing: {told}");
    assert!(told.contains(&format!("pid {}", life.pid())), "the pid is missing: {told}");

    rehearsal.until_acknowledged(200).await;
    let (status, took) = life.terminate(PATIENCE).await;
    assert_eq!(status.code(), Some(0), "{}", rehearsal.supervisor.last_words());
    let rows = Rows::open(&database).await;
    // Nobody answers any more, so this list is complete.
    let acknowledged = rehearsal.sandbox.acknowledged();
    assert_eq!(rows.missing(&acknowledged).await, Vec::<String>::new());
    let held = rows.count("SELECT COUNT(*) FROM job WHERE state = 'running'").await;
    assert_eq!(held, 0, "jobs are neither finished nor released");
    println!("SIGTERM with {} webhooks acknowledged ended in {took:?}", acknowledged.len());

    let mut life = rehearsal.supervisor.start();
    rehearsal.supervisor.until_ready(&mut life).await;
    rehearsal.end_traffic().await;
    rehearsal.drain().await;
    let (status, _) = life.terminate(PATIENCE).await;
    assert_eq!(status.code(), Some(0), "{}", rehearsal.supervisor.last_words());
    let findings = rehearsal.judge().await;
    assert!(findings.none(), "{findings:#?}\n{}", rehearsal.supervisor.last_words());
    rehearsal.sandbox.shutdown().await;
}

#[cfg(feature = "mutations")]
mod defects {
    use super::*;
    use oracle::Findings;

    const KILLS: u32 = 8;

    /// The same run with a defect: what the judge says is returned, and is not expected to be nothing.
    async fn with_defect(mutation: &'static str) -> Findings {
        let _alone = alone().await;
        let (seed, mut rng) = dice();
        let (rehearsal, life) = Rehearsal::begin(seed, ORDER_EVERY, Some(mutation)).await;
        rehearsal.sandbox.start_traffic();
        let (life, _) = rehearsal.kills(&mut rng, KILLS, life).await;
        rehearsal.end_traffic().await;
        // A defect that can be seen does not go away by waiting.
        rehearsal.settle(Duration::from_secs(8)).await;
        // Nor has a defective daemon promised to end in order.
        life.kill(&rehearsal.supervisor).await;
        let findings = rehearsal.judge().await;
        println!("{mutation}: {}", findings.summary());
        rehearsal.sandbox.shutdown().await;
        findings
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_answer_before_the_commit_is_found_out() {
        let findings = with_defect("ack-before-commit").await;
        assert!(!findings.missing.is_empty(), "{}", findings.summary());
        assert!(findings.repeated.is_empty(), "this defect is another: {:#?}", findings.repeated);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_inbox_that_knows_no_duplicates_is_found_out() {
        let findings = with_defect("no-inbox-dedupe").await;
        assert!(!findings.repeated.is_empty(), "{}", findings.summary());
        assert!(findings.missing.is_empty(), "this defect is another: {:#?}", findings.missing);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_missing_version_fence_is_found_out() {
        let findings = with_defect("no-version-fence").await;
        assert!(!findings.backwards.is_empty(), "{}", findings.summary());
        assert!(findings.vendors.stale > 0, "the vendors saw nothing go back: {}", findings.summary());
        assert!(findings.missing.is_empty(), "this defect is another: {:#?}", findings.missing);
    }
}
