//! What only a database on a server has: it goes away and comes back, is shared, is set up by others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use syncline::store::postgres::PostgresStore;
use syncline::store::*;

use crate::bench::*;
use crate::server::{Kind, PASSWORD, Server};
use crate::wire::Wire;

#[track_caller]
fn check_says(result: Result<PostgresStore, StoreError>, words: &[&str]) {
    let text = match result {
        Ok(_) => panic!("opened"),
        Err(error) => error.to_string(),
    };
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in: {text}");
    }
    assert!(!text.contains(PASSWORD), "{text}");
}

/// Appends until it is taken, as a sender does.
async fn append_at_last(store: &PostgresStore, key: &str) {
    let limit = Instant::now() + Duration::from_secs(30);
    while let Err(error) = store.append_inbox(vec![payload(key, T0)], None).await {
        assert!(Instant::now() < limit, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_the_server() {
    let mut server = Server::durable();
    let url = server.database("hub");
    let store = PostgresStore::open(&url).await.unwrap();
    for round in 0..3 {
        let ids: Vec<i64> = {
            let mut ids = Vec::new();
            for n in 0..20 {
                ids.push(append_one(&store, &format!("{round}-{n}")).await);
            }
            ids
        };
        server.kill();
        // What the server had begun for this hub may still be finished.
        let lost = loop {
            if let Err(lost) = store.append_inbox(vec![payload("meanwhile", T0)], None).await {
                break lost;
            }
        };
        assert!(matches!(lost, StoreError::Unreachable { .. } | StoreError::InDoubt { .. }), "{lost:?}");
        assert!(!lost.to_string().contains(PASSWORD), "{lost}");
        server.resume();
        append_at_last(&store, &format!("{round}-after")).await;
        let there: Vec<i64> = store.pending_inbox(0, 1000).await.unwrap().iter().map(|row| row.id).collect();
        assert!(ids.iter().all(|id| there.contains(id)), "{ids:?} {there:?}");
    }
    assert_sound(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_session_is_nobodys_trouble() {
    let bench = PostgresBench::new().await;
    let store = bench.open().await;
    for n in 0..5 {
        append_one(&*store, &format!("{n}")).await;
        let cut =
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'syncline pid%'";
        bench.server.administer(cut);
    }
    append_one(&*store, "last").await;
    assert_eq!(store.pending_inbox(0, 100).await.unwrap().len(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_to_a_commit_is_told_as_such_and_can_be_asked_again() {
    let bench = PostgresBench::new().await;
    let wire = Wire::to(bench.server.port);
    let store = PostgresStore::open(&wire.url(&bench.url, bench.server.port)).await.unwrap();
    append_one(&store, "before").await;
    wire.lose_the_answer_to("; COMMIT");
    let lost = store.append_inbox(vec![payload("a", T0)], None).await.unwrap_err();
    assert!(matches!(lost, StoreError::InDoubt { .. }), "{lost:?}");
    assert!(lost.to_string().contains("look whether"), "{lost}");
    // The sender sends again, and there is still one.
    let again = store.append_inbox(vec![payload("a", T0)], None).await.unwrap();
    assert!(again[0].duplicate);
    assert_eq!(store.pending_inbox(0, 100).await.unwrap().len(), 2);
    assert_sound(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_takes_nothing_until_it_is_promoted() {
    let mut server = Server::durable();
    let url = server.database("hub");
    let store = PostgresStore::open(&url).await.unwrap();
    append_one(&store, "before").await;
    server.become_standby();
    check_says(PostgresStore::open(&url).await, &["standby", "primary"]);
    let refused = store.append_inbox(vec![payload("a", T0)], None).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Unreachable { cause, .. } if cause.contains("standby")), "{refused:?}");
    assert_eq!(store.pending_inbox(0, 10).await.unwrap().len(), 1, "it still answers readers");
    server.administer("SELECT pg_promote()");
    append_at_last(&store, "b").await;
    assert_eq!(store.pending_inbox(0, 10).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_hub_is_refused_and_a_reader_is_not() {
    let bench = PostgresBench::new().await;
    check_says(PostgresStore::open_reader(&bench.url).await, &["never set up", "start the hub once"]);
    let first = bench.open().await;
    let pid = format!("syncline pid {}", std::process::id());
    check_says(PostgresStore::open(&bench.url).await, &["in use by another hub", &pid, "127.0.0.1"]);
    let reader = PostgresStore::open_reader(&bench.url).await.unwrap();
    append_one(&*first, "a").await;
    assert_eq!(reader.pending_inbox(0, 10).await.unwrap().len(), 1);
    assert_sound(&reader).await;
    let refused = reader.append_inbox(vec![payload("b", T0)], None).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    // Another schema of the same database is another hub's.
    bench.tamper("CREATE SCHEMA elsewhere").await;
    let other = format!("{}?options[search_path]=elsewhere", bench.url);
    let second = PostgresStore::open(&other).await.unwrap();
    assert!(second.name().ends_with("schema elsewhere"), "{}", second.name());
    assert_eq!(second.pending_inbox(0, 10).await.unwrap().len(), 0);
    first.close().await;
    assert!(matches!(first.append_audit(T0, "a", "b", "c", "d").await, Err(StoreError::Closed)));
    assert_eq!(bench.open().await.pending_inbox(0, 10).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_share_a_database_write_in_one_order() {
    let bench = PostgresBench::new().await;
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(Arc::new(PostgresStore::open_shared(&bench.url).await.unwrap()));
    }
    let mut writing = tokio::task::JoinSet::new();
    for (node, store) in nodes.iter().cloned().enumerate() {
        for task in 0..4 {
            let store = Arc::clone(&store);
            writing.spawn(async move {
                for n in 0..25 {
                    append_one(&*store, &format!("{node}-{task}-{n}")).await;
                }
            });
        }
    }
    // Whoever reads on from the last row that it saw has seen them all.
    let (mut seen, mut after) = (0, 0);
    while seen < 300 {
        let done = writing.is_empty();
        let rows = nodes[0].pending_inbox(after, 1000).await.unwrap();
        after = rows.last().map_or(after, |row| row.id);
        seen += rows.len();
        assert!(seen == 300 || !(done && rows.is_empty()), "rows were passed over: {seen} of 300 seen");
        while let Some(ended) = writing.try_join_next() {
            ended.unwrap();
        }
    }
    assert_eq!(seen, 300);
    assert_sound(&*nodes[1]).await;
}

#[tokio::test]
async fn what_the_server_must_be_is_asked_at_opening() {
    let careless = Server::start(Kind::Postgres);
    check_says(PostgresStore::open(&careless.database("hub")).await, &["fsync = off", "power cut"]);
    let bench = PostgresBench::new().await;
    let url = bench.url.replace("hub:", "nobody:");
    check_says(PostgresStore::open(&url).await, &["127.0.0.1", "nobody"]);
    let port = format!(":{}/", bench.server.port);
    check_says(
        PostgresStore::open(&bench.url.replace(&port, ":1/")).await,
        &["cannot connect", "check that the server runs"],
    );
    bench.server.administer("CREATE DATABASE latin OWNER hub ENCODING 'LATIN1' TEMPLATE template0");
    check_says(PostgresStore::open(&bench.server.url("latin")).await, &["encoding is LATIN1"]);
    bench.server.administer("CREATE DATABASE foreign_owner");
    check_says(PostgresStore::open(&bench.server.url("foreign_owner")).await, &["cannot be created", "CREATE SCHEMA"]);
    // Its own sessions write through whatever the server's setting is.
    bench.server.administer("ALTER SYSTEM SET synchronous_commit = off");
    bench.server.administer("SELECT pg_reload_conf()");
    append_one(&*bench.open().await, "a").await;
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let bench = PostgresBench::new().await;
    bench.open().await.close().await;
    bench
        .tamper(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (99, 'from the future', true, '', 0)",
        )
        .await;
    check_says(PostgresStore::open(&bench.url).await, &["version 99", "newer"]);
    check_says(PostgresStore::open_reader(&bench.url).await, &["version 99", "newer"]);
}

#[tokio::test]
async fn leases_are_on_the_databases_clock() {
    const AHEAD_US: i64 = 600_000_000;
    let bench = PostgresBench::new().await;
    // A database whose clock is ten minutes ahead of this machine's.
    bench
        .tamper(
            "CREATE SCHEMA ahead; CREATE FUNCTION ahead.clock_timestamp() RETURNS timestamptz LANGUAGE sql \
             AS $$ SELECT pg_catalog.clock_timestamp() + interval '10 minutes' $$",
        )
        .await;
    let store = PostgresStore::open(&format!("{}?options[search_path]=ahead,pg_catalog", bench.url)).await.unwrap();
    owe(&store, "1", 1, false).await;
    let job = claim_one(&store, T0 + 10).await;
    let lease_end = T0 + 10 + 60_000_000;
    let mut conn = bench.connect().await;
    let stored: i64 = sqlx::query_scalar("SELECT lease_until FROM ahead.job").fetch_one(&mut conn).await.unwrap();
    assert!((stored - lease_end - AHEAD_US).abs() < 5_000_000, "{stored} for {lease_end}");
    assert_eq!(store.rescue(lease_end - 5_000_000, None).await.unwrap(), 0);
    store.dispatch(Dispatch { renew: vec![job.claim], ..tick(lease_end) }).await.unwrap();
    assert_eq!(store.rescue(lease_end + 5_000_000, None).await.unwrap(), 0, "the lease was renewed");
    assert_eq!(store.rescue(lease_end + 65_000_000, None).await.unwrap(), 1);
}

#[tokio::test]
async fn a_backup_is_the_servers_work() {
    let bench = PostgresBench::new().await;
    let store = bench.open().await;
    let refused = store.backup(std::path::Path::new("/nowhere/x"), Arc::new(|| Ok(Vec::new()))).await.unwrap_err();
    assert!(refused.to_string().contains("pg_dump"), "{refused}");
    assert!(!refused.to_string().contains(PASSWORD), "{refused}");
}

#[tokio::test]
async fn a_transaction_that_had_failed_is_not_taken_for_committed() {
    let bench = PostgresBench::new().await;
    let store = bench.open().await;
    // A row that cannot be written, whoever asks, takes its neighbours nowhere.
    bench.tamper("ALTER TABLE inbox ADD CONSTRAINT no_poison CHECK (dedupe_key <> 'poison')").await;
    let good = store.append_inbox(vec![payload("good", T0)], None);
    let bad = store.append_inbox(vec![payload("poison", T0)], None);
    let (good, bad) = tokio::join!(good, bad);
    assert!(!good.unwrap()[0].duplicate);
    assert!(matches!(bad, Err(StoreError::Database(_))), "{bad:?}");
    assert_eq!(store.pending_inbox(0, 10).await.unwrap().len(), 1);
    assert_sound(&*store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_moves_to_a_server_and_back() {
    let (file, bench) = (SqliteBench::new().await, PostgresBench::new().await);
    let store = file.open().await;
    for n in 0..150 {
        owe(&*store, &format!("{n}"), 1, n % 2 == 0).await;
    }
    let dead = append_one(&*store, "dead").await;
    commit(&*store, vec![planned(dead, "x", PlannedOutcome::Dead(dead_letter("i")))], T0 + 500).await;
    for job in claim(&*store, T0 + 1_000, 100).await {
        acknowledge(&*store, T0 + 1_001, job.claim, done("r")).await;
    }
    let odd = NewInbox { payload: vec![0, 255, 10], ..payload("odd", T0) };
    store.append_inbox(vec![odd.clone()], None).await.unwrap();
    store.append_audit(T0, "ann", "look", "x", "{}").await.unwrap();
    let run = NewRun {
        reconciliation: "bank".into(),
        period: [String::new(), String::new()],
        as_of: "2026-11-01".into(),
        rules: "1".into(),
        definition: "reconciliation: bank".into(),
        status: "complete".into(),
        body: b"{}".to_vec(),
        started_at: T0,
        ended_at: T0,
        actor: "ann".into(),
    };
    store.keep_run(run, 0, serde_json::json!({})).await.unwrap();
    let (before, timeline) = (assert_sound(&*store).await, store.timeline(&record("7")).await.unwrap());
    let (here, there) = (Location::Sqlite(file.path()), Location::Postgres(bench.url.clone().into()));
    let refused = transfer(&here, &there).await.unwrap_err();
    assert!(refused.to_string().contains("in use by the process"), "{refused}");
    store.close().await;

    let moved = transfer(&here, &there).await.unwrap();
    assert_eq!(moved.report, before);
    assert!(moved.rows > 800, "{moved:?}");
    let refused = transfer(&here, &there).await.unwrap_err();
    assert!(refused.to_string().contains("is not empty"), "{refused}");
    let store = bench.open().await;
    assert_eq!(format!("{:?}", store.timeline(&record("7")).await.unwrap()), format!("{timeline:?}"));
    assert_eq!(store.pending_inbox(0, 10).await.unwrap()[0].payload, odd.payload);
    // Work goes on, and ids with it.
    let last = store.events_after(0, 1_000).await.unwrap().last().unwrap().id;
    let appended = append_one(&*store, "new").await;
    assert!(appended > dead + 1, "{appended}");
    commit(&*store, vec![planned(appended, "new", applied("new", 1, vec![job_for("new", false)]))], T0 + 2_000).await;
    assert_eq!(store.events_after(last, 10).await.unwrap()[0].id, last + 1);
    let before = assert_sound(&*store).await;
    store.close().await;

    let back = Location::Sqlite(file.directory.path().join("back.db"));
    assert_eq!(transfer(&there, &back).await.unwrap().report, before);
    let store = open(&back).await.unwrap();
    assert_eq!(append_one(&*store, "after").await, appended + 1);
    assert_eq!(claim(&*store, T0 + 3_000, 100).await.len(), 51);
    assert_sound(&*store).await;
}
