//! The machine's limits with nothing around them: what no product on it can beat.

use std::fs::{File, remove_file};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use crate::Outcome;
use crate::order;
use crate::sample;
use crate::writer;

/// Each figure is taken for this long.
const SPAN: Duration = Duration::from_secs(2);
const CLAIM_JOBS: i64 = 20_000;

pub fn run(what: &str, directory: &str) -> Outcome<()> {
    let directory = Path::new(directory);
    std::fs::create_dir_all(directory)?;
    match what {
        "fsync" => fsync(directory),
        "insert" => insert(directory),
        "claim" => claim(directory),
        "map" => map(),
        "all" => fsync(directory).and_then(|()| insert(directory)).and_then(|()| claim(directory)).and_then(|()| map()),
        other => Err(format!("no limit is called {other}: fsync, insert, claim, map or all").into()),
    }
}

fn say(limit: &str, per_commit: u32, count: usize, took: Duration) {
    let per_s = count as f64 / took.as_secs_f64();
    println!("{}", serde_json::json!({ "limit": limit, "per_commit": per_commit, "per_s": per_s.round() }));
}

fn fsync(directory: &Path) -> Outcome<()> {
    let path = directory.join("limit-fsync");
    let file = File::create(&path)?;
    let block = [7u8; 8192];
    // Allocated first: a write that grows the file would also measure the file system's journal.
    for block_no in 0..128 {
        file.write_all_at(&block, block_no * 8192)?;
    }
    file.sync_all()?;
    let (start, mut count) = (Instant::now(), 0);
    while start.elapsed() < SPAN {
        file.write_all_at(&block, (count as u64 % 128) * 8192)?;
        file.sync_data()?;
        count += 1;
    }
    say("fdatasync 8 kB", 1, count, start.elapsed());
    Ok(remove_file(path)?)
}

fn insert(directory: &Path) -> Outcome<()> {
    let payload = vec![b'x'; 2048];
    for per_commit in [1u32, 10, 100] {
        in_database(directory, |connection| {
            let (start, mut count) = (Instant::now(), 0);
            while start.elapsed() < SPAN {
                let transaction = connection.transaction()?;
                for _ in 0..per_commit {
                    count += 1;
                    insert_one(&transaction, count, &payload)?;
                }
                transaction.commit()?;
            }
            say("SQLite FULL, 2 kB inbox row + job row", per_commit, count, start.elapsed());
            Ok(())
        })?;
    }
    Ok(())
}

fn insert_one(connection: &Connection, no: usize, payload: &[u8]) -> Outcome<()> {
    connection
        .prepare_cached("INSERT INTO inbox (dedupe_key, payload, received_at) VALUES (?1, ?2, 0)")?
        .execute(params![format!("{no:036}"), payload])?;
    connection
        .prepare_cached("INSERT INTO job (inbox_id, state, created_at) VALUES (?1, 'ready', 0)")?
        .execute([connection.last_insert_rowid()])?;
    Ok(())
}

/// One transaction closes what the last one claimed and claims anew: the least a queue with leases can do per job.
fn claim(directory: &Path) -> Outcome<()> {
    for per_commit in [1u32, 25, 100] {
        in_database(directory, |connection| {
            connection.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                 INSERT INTO job (inbox_id, state, created_at) SELECT i, 'ready', 0 FROM n",
                [CLAIM_JOBS],
            )?;
            let (start, mut closed) = (Instant::now(), 0);
            let mut claimed: Vec<i64> = Vec::new();
            loop {
                let transaction = connection.transaction()?;
                for id in claimed.drain(..) {
                    closed += transaction
                        .prepare_cached("UPDATE job SET state = 'done', finished_at = 1 WHERE id = ?1")?
                        .execute([id])?;
                }
                claimed = transaction
                    .prepare_cached(
                        "UPDATE job SET state = 'running' WHERE id IN
                         (SELECT id FROM job WHERE state = 'ready' ORDER BY id LIMIT ?1) RETURNING id",
                    )?
                    .query_map([per_commit], |row| row.get(0))?
                    .collect::<Result<_, _>>()?;
                transaction.commit()?;
                if claimed.is_empty() || start.elapsed() > SPAN {
                    break;
                }
            }
            say("SQLite FULL, claim + close", per_commit, closed, start.elapsed());
            Ok(())
        })?;
    }
    Ok(())
}

/// The generic map with `serde_json` as it is by default; the hub's exact numbers and kept order make its own slower.
fn map() -> Outcome<()> {
    let payload = sample::body(0).into_bytes();
    let (start, mut count) = (Instant::now(), 0);
    while start.elapsed() < SPAN {
        std::hint::black_box(order::map(&payload)?);
        count += 1;
    }
    say("20-field map by serde_json::Value", 1, count, start.elapsed());
    Ok(())
}

/// A fresh database for `work`, removed afterwards.
fn in_database(directory: &Path, work: impl FnOnce(&mut Connection) -> Outcome<()>) -> Outcome<()> {
    let path = directory.join("limit.db");
    let clean = || ["", "-wal", "-shm"].map(|end| remove_file(format!("{}{end}", path.display())));
    let _absent_at_first = clean();
    let mut connection = writer::open(&path.to_string_lossy())?;
    work(&mut connection)?;
    drop(connection);
    let _closed_without_wal = clean();
    Ok(())
}
