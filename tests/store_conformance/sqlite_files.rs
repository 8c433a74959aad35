//! What only an embedded database has: its files. Locking, backup, restore, damage.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::ConnectOptions as _;
use syncline::store::sqlite::SqliteStore;
use syncline::store::{KeptFile, Restored, Store as _, StoreError};

use crate::bench::*;

#[track_caller]
fn check_says(result: Result<SqliteStore, StoreError>, words: &[&str]) {
    let text = match result {
        Ok(_) => panic!("opened"),
        Err(error) => error.to_string(),
    };
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in: {text}");
    }
}

#[tokio::test]
async fn a_second_daemon_is_refused_by_name_and_pid() {
    let bench = SqliteBench::new().await;
    let first = bench.open().await;
    let path = bench.path();
    check_says(SqliteStore::open(&path).await, &[path.to_str().unwrap(), &format!("pid {}", std::process::id())]);
    let restored = SqliteStore::restore(&path, &path, true, bench.directory.path()).await;
    assert!(matches!(restored, Err(StoreError::Open { .. })), "{restored:?}");
    first.close().await;
    assert!(matches!(first.append_audit(T0, "a", "b", "c", "d").await, Err(StoreError::Closed)));
    SqliteStore::open(&path).await.unwrap();
}

#[tokio::test]
async fn a_reader_sees_what_the_daemon_writes_and_writes_nothing() {
    let bench = SqliteBench::new().await;
    check_says(SqliteStore::open_reader(bench.path()).await, &["no such file", "start the hub once"]);
    let daemon = bench.open().await;
    let reader = SqliteStore::open_reader(bench.path()).await.unwrap();
    append_one(&*daemon, "a").await;
    assert_eq!(reader.pending_inbox(0, 10).await.unwrap().len(), 1);
    assert_sound(&reader).await;
    let refused = reader.append_inbox(vec![payload("b", T0)], None).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    daemon.close().await;
    reader.close().await;
    // And with no daemon about.
    let reader = SqliteStore::open_reader(bench.path()).await.unwrap();
    assert_eq!(reader.pending_inbox(0, 10).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_taken_under_load_is_whole() {
    let bench = SqliteBench::new().await;
    let store = bench.open().await;
    owe(&*store, "1", 1, false).await;
    let stop = Arc::new(AtomicBool::new(false));
    let load = tokio::spawn({
        let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
        async move {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                append_one(&*store, &format!("load-{n}")).await;
                n += 1;
            }
            n
        }
    });
    let image = bench.directory.path().join("backup.db");
    store.backup(&image, Arc::new(|| Ok(Vec::new()))).await.unwrap();
    assert!(
        matches!(store.backup(&image, Arc::new(|| Ok(Vec::new()))).await, Err(StoreError::Refused(_))),
        "an image is never overwritten"
    );
    stop.store(true, Ordering::Relaxed);
    let written = load.await.unwrap();

    let copy = bench.directory.path().join("copy.db");
    assert_eq!(SqliteStore::restore(&image, &copy, false, bench.directory.path()).await.unwrap(), Restored::default());
    let restored = SqliteStore::open(&copy).await.unwrap();
    let report = assert_sound(&restored).await;
    assert!(report.received >= 1 && report.received <= written + 1, "{report:?}");
    assert_eq!(claim_one(&restored, T0 + 10).await.source, record("1"));
    restored.close().await;

    // Not over something that exists, unless told; then what was there is kept.
    assert!(matches!(
        SqliteStore::restore(&image, &copy, false, bench.directory.path()).await,
        Err(StoreError::Refused(_))
    ));
    let kept = SqliteStore::restore(&image, &copy, true, bench.directory.path()).await.unwrap().former.unwrap();
    assert_sound(&SqliteStore::open_reader(&kept).await.unwrap()).await;
    let names: Vec<String> = std::fs::read_dir(bench.directory.path())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("partial"))
        .collect();
    assert_eq!(names, Vec::<String>::new());
}

#[tokio::test]
async fn a_write_waits_for_a_lock_taken_from_outside() {
    let bench = SqliteBench::new().await;
    let store = bench.open().await;
    let mut outside = sqlx::sqlite::SqliteConnectOptions::new().filename(bench.path()).connect().await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut outside).await.unwrap();
    let waiting = tokio::spawn({
        let store = Arc::clone(&store);
        async move { append_one(&*store, "a").await }
    });
    for day in 0..200 {
        sqlx::query("INSERT INTO sighting (connection, stream, day) VALUES ('x', 'y', $1)")
            .bind(day)
            .execute(&mut outside)
            .await
            .unwrap();
    }
    assert!(!waiting.is_finished(), "nothing is acknowledged while it cannot be written");
    assert_eq!(store.pending_inbox(0, 10).await.unwrap().len(), 0, "readers go on");
    sqlx::raw_sql("COMMIT").execute(&mut outside).await.unwrap();
    waiting.await.unwrap();
    assert_eq!(store.pending_inbox(0, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn damage_is_refused_with_restore_steps() {
    let bench = SqliteBench::new().await;
    let store = bench.open().await;
    for n in 0..200 {
        append_one(&*store, &format!("{n}")).await;
    }
    let image = bench.directory.path().join("backup.db");
    store.backup(&image, Arc::new(|| Ok(Vec::new()))).await.unwrap();
    store.close().await;
    for damaged in [bench.path(), image.clone()] {
        let mut bytes = std::fs::read(&damaged).unwrap();
        for page in bytes.chunks_mut(4096).skip(2) {
            page[..64].fill(0xa5);
        }
        std::fs::write(&damaged, bytes).unwrap();
    }
    check_says(SqliteStore::open(bench.path()).await, &["damaged", "syncline restore"]);
    let before = std::fs::read(bench.path()).unwrap();
    assert!(SqliteStore::restore(&image, &bench.path(), true, bench.directory.path()).await.is_err());
    assert_eq!(std::fs::read(bench.path()).unwrap(), before, "a damaged backup replaces nothing");
    std::fs::write(bench.path(), "this is no database, whatever its name says; it is a text of some length").unwrap();
    check_says(SqliteStore::open(bench.path()).await, &["damaged", "syncline restore"]);
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let bench = SqliteBench::new().await;
    bench.open().await.close().await;
    bench
        .tamper(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (99, 'from the future', 1, x'00', 0)",
        )
        .await;
    check_says(SqliteStore::open(bench.path()).await, &["version 99", "newer"]);
    check_says(SqliteStore::open_reader(bench.path()).await, &["version 99", "newer"]);
    let elsewhere = bench.directory.path().join("other.db");
    assert!(SqliteStore::restore(&bench.path(), &elsewhere, false, bench.directory.path()).await.is_err());
    assert!(!elsewhere.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn the_database_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = SqliteBench::new().await;
    let store = bench.open().await;
    append_one(&*store, "a").await;
    let image = bench.directory.path().join("backup.db");
    store.backup(&image, Arc::new(|| Ok(Vec::new()))).await.unwrap();
    for name in ["hub.db", "hub.db-wal", "backup.db"] {
        let mode = std::fs::metadata(bench.directory.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
}

#[tokio::test]
async fn a_backup_carries_the_hubs_own_files() {
    let bench = SqliteBench::new().await;
    let store = bench.open().await;
    append_one(&*store, "a").await;
    let folder = bench.directory.path();
    std::fs::create_dir_all(folder.join("own/sinks/erp")).unwrap();
    std::fs::write(folder.join("own/secret"), "s3cret").unwrap();
    std::fs::write(folder.join("own/sinks/erp/1.json"), "{}").unwrap();
    let file = |name: &str| KeptFile { name: name.to_owned(), path: folder.join("own").join(name), by_content: false };
    let content: Vec<u8> = (0..2_500_000_u32).map(|n| (n % 251) as u8).collect();
    std::fs::create_dir_all(folder.join("own/kept")).unwrap();
    std::fs::write(folder.join("own/kept/ab12"), &content).unwrap();
    std::fs::write(folder.join("own/kept/empty"), "").unwrap();
    let by_content = |name: &str| KeptFile { by_content: true, ..file(name) };
    // One that is gone by the time it is read is none.
    let files = vec![
        file("secret"),
        file("sinks/erp/1.json"),
        file("sinks/erp/0.json"),
        by_content("kept/ab12"),
        by_content("kept/empty"),
        by_content("kept/gone"),
    ];
    let image = folder.join("image.db");
    store.backup(&image, Arc::new(move || Ok(files.clone()))).await.unwrap();
    store.close().await;

    let (copy, empty) = (folder.join("copy.db"), folder.join("empty"));
    let restored = SqliteStore::restore(&image, &copy, false, &empty).await.unwrap();
    assert_eq!(restored.files, ["secret", "sinks/erp/1.json", "kept/ab12", "kept/empty"]);
    assert!(std::fs::read(empty.join("kept/ab12")).unwrap() == content);
    assert_eq!(std::fs::read(empty.join("sinks/erp/1.json")).unwrap(), b"{}");
    let restored_store = SqliteStore::open(&copy).await.unwrap();
    assert_eq!(restored_store.pending_inbox(0, 10).await.unwrap().len(), 1);
    // The copy is a plain store: its own backup carries what is there then.
    restored_store.backup(&folder.join("second.db"), Arc::new(|| Ok(Vec::new()))).await.unwrap();
    restored_store.close().await;

    // What is there stays.
    std::fs::write(empty.join("secret"), "newer").unwrap();
    std::fs::remove_file(empty.join("sinks/erp/1.json")).unwrap();
    std::fs::write(empty.join("sinks/erp/2.json"), "{}").unwrap();
    // What is named after its content goes in beside others.
    std::fs::remove_file(empty.join("kept/ab12")).unwrap();
    let again = SqliteStore::restore(&image, &copy, true, &empty).await.unwrap();
    assert_eq!((again.files, again.former.is_some()), (vec!["kept/ab12".to_owned()], true));
    assert_eq!(std::fs::read(empty.join("secret")).unwrap(), b"newer");
    assert!(!empty.join("sinks/erp/1.json").exists());
    // A backup that somebody has changed leads nowhere else.
    let strange = vec![KeptFile { name: "../outside".to_owned(), path: empty.join("secret"), by_content: false }];
    let stranger = KeptFile { by_content: true, ..strange[0].clone() };
    let (bad, store) = (folder.join("bad.db"), SqliteStore::open(bench.path()).await.unwrap());
    store.backup(&bad, Arc::new(move || Ok(strange.clone()))).await.unwrap();
    store.close().await;
    let refused = SqliteStore::restore(&bad, &folder.join("other.db"), false, &empty).await;
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
    let (worse, store) = (folder.join("worse.db"), SqliteStore::open(bench.path()).await.unwrap());
    store.backup(&worse, Arc::new(move || Ok(vec![stranger.clone()]))).await.unwrap();
    store.close().await;
    let refused = SqliteStore::restore(&worse, &folder.join("other.db"), false, &empty).await;
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
    assert!(!folder.join("outside").exists() && !folder.join("other.db").exists());
}
