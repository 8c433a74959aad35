//! The one thread that writes: whatever waits shares a commit, and nobody is answered before it.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::{mpsc, oneshot};

use crate::Outcome;

/// Writes that share one commit at most.
const TOGETHER: usize = 256;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS inbox (
        id INTEGER PRIMARY KEY, dedupe_key TEXT NOT NULL UNIQUE, payload BLOB NOT NULL, received_at INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS job (
        id INTEGER PRIMARY KEY, inbox_id INTEGER NOT NULL, state TEXT NOT NULL, status INTEGER,
        created_at INTEGER NOT NULL, finished_at INTEGER) STRICT;
    CREATE INDEX IF NOT EXISTS job_ready ON job (id) WHERE state = 'ready';";

pub enum Write {
    /// Answered once the order and its job are on disk, or were before.
    Accept {
        dedupe: String,
        payload: Bytes,
        done: oneshot::Sender<()>,
    },
    Close {
        job: i64,
        state: &'static str,
        status: u16,
    },
}

pub struct Job {
    pub id: i64,
    pub payload: Bytes,
}

pub fn open(path: &str) -> Outcome<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

/// Runs until every sender is gone. Jobs that a former life left open are handed out first.
pub fn run(
    mut connection: Connection,
    mut writes: mpsc::Receiver<Write>,
    jobs: mpsc::UnboundedSender<Job>,
) -> Outcome<()> {
    let mut open = connection.prepare(
        "SELECT job.id, payload FROM job JOIN inbox ON inbox.id = inbox_id WHERE state = 'ready' ORDER BY job.id",
    )?;
    for job in open.query_map([], |row| Ok(Job { id: row.get(0)?, payload: Bytes::from(row.get::<_, Vec<u8>>(1)?) }))? {
        jobs.send(job?)?;
    }
    drop(open);
    let mut together = Vec::with_capacity(TOGETHER);
    while writes.blocking_recv_many(&mut together, TOGETHER) > 0 {
        let (mut stored, mut answers) = (Vec::new(), Vec::new());
        let transaction = connection.transaction()?;
        for write in together.drain(..) {
            match write {
                Write::Accept { dedupe, payload, done } => {
                    stored.extend(accept(&transaction, &dedupe, payload)?);
                    answers.push(done);
                }
                Write::Close { job, state, status } => {
                    transaction
                        .prepare_cached("UPDATE job SET state = ?2, status = ?3, finished_at = ?4 WHERE id = ?1")?
                        .execute(params![job, state, status, now_us()?])?;
                }
            }
        }
        transaction.commit()?;
        for done in answers {
            // A caller that hung up sends again and is recognised by its key.
            let _ = done.send(());
        }
        for job in stored {
            jobs.send(job)?;
        }
    }
    Ok(())
}

/// The new job; nothing for a repeated webhook.
fn accept(connection: &Connection, dedupe: &str, payload: Bytes) -> Outcome<Option<Job>> {
    let now = now_us()?;
    let inbox: Option<i64> = connection
        .prepare_cached(
            "INSERT INTO inbox (dedupe_key, payload, received_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING RETURNING id",
        )?
        .query_row(params![dedupe, &payload[..], now], |row| row.get(0))
        .optional()?;
    let Some(inbox) = inbox else { return Ok(None) };
    connection
        .prepare_cached("INSERT INTO job (inbox_id, state, created_at) VALUES (?1, 'ready', ?2)")?
        .execute(params![inbox, now])?;
    Ok(Some(Job { id: connection.last_insert_rowid(), payload }))
}

/// For the harness: is what was acknowledged there, and is every job closed?
pub fn verify(path: &str) -> Outcome<()> {
    let connection = open(path)?;
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let (inbox, done) = (count("SELECT count(*) FROM inbox")?, count("SELECT count(*) FROM job WHERE state = 'done'")?);
    let open = count("SELECT count(*) FROM job WHERE state <> 'done'")?;
    println!("{}", serde_json::json!({ "inbox": inbox, "done": done, "open": open }));
    Ok(())
}

fn now_us() -> Outcome<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?)
}
