//! Statements about kept runs and their events; not here: what the events mean, checking the chain (`recon_verify`).
//!
//! Documents are compressed before they reach the writer, so that a large one does not hold its neighbours up.

use std::io::{Read as _, Write as _};

use super::db::{Connection, Pool, Row};
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use sha2::{Digest as _, Sha256};
use sqlx::{Row as _, query, query_scalar};

use super::people::Audit;
use super::writer::{OpFuture, Operation};
use crate::store::contract::StoreError;
use crate::store::rows::*;

/// Everything but the document.
const RUN_COLUMNS: &str = "id, reconciliation, period_from, period_to, as_of, rules, definition, status, sha256, bytes, \
                           started_at, ended_at, actor";

/// A run with its document packed.
pub(super) struct Keep {
    run: NewRun,
    after: i64,
    detail: serde_json::Map<String, serde_json::Value>,
    sha256: String,
    bytes: i64,
    packed: Vec<u8>,
}

impl Keep {
    /// Packs the document, away from the runtime's threads.
    pub async fn new(mut run: NewRun, after: i64, detail: serde_json::Value) -> Result<Keep, StoreError> {
        let serde_json::Value::Object(mut detail) = detail else {
            return Err(StoreError::Refused("the detail of a kept run has to be an object".to_owned()));
        };
        let body = std::mem::take(&mut run.body);
        let bytes = body.len() as i64;
        let packed = tokio::task::spawn_blocking(move || Ok((hex::encode(Sha256::digest(&body)), pack(&body)?)));
        let (sha256, packed) = packed.await.map_err(|_| StoreError::Closed)?.map_err(unpackable)?;
        detail.insert("sha256".to_owned(), sha256.clone().into());
        detail.insert("definition_sha256".to_owned(), hex::encode(Sha256::digest(run.definition.as_bytes())).into());
        Ok(Keep { run, after, detail, sha256, bytes, packed })
    }
}

fn unpackable(cause: std::io::Error) -> StoreError {
    StoreError::Corrupt { what: "a run's document".to_owned(), cause: cause.to_string() }
}

fn pack(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body)?;
    encoder.finish()
}

/// At most `bytes` and one more: a damaged body cannot fill memory, and is noticed by its length.
pub(super) fn unpack(packed: &[u8], bytes: i64) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    ZlibDecoder::new(packed).take(bytes.unsigned_abs().saturating_add(1)).read_to_end(&mut body)?;
    Ok(body)
}

impl Operation for Keep {
    type Output = i64;
    fn apply<'a>(&'a self, conn: &'a mut Connection) -> OpFuture<'a, i64> {
        Box::pin(async move {
            let run = &self.run;
            refuse_outdated(conn, &run.reconciliation, self.after).await?;
            let id: i64 = query_scalar(
                "INSERT INTO recon_run (reconciliation, period_from, period_to, as_of, rules, definition, status, sha256, \
                 bytes, body, started_at, ended_at, actor) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id",
            )
            .bind(&run.reconciliation)
            .bind(&run.period[0])
            .bind(&run.period[1])
            .bind(&run.as_of)
            .bind(&run.rules)
            .bind(&run.definition)
            .bind(&run.status)
            .bind(&self.sha256)
            .bind(self.bytes)
            .bind(self.packed.as_slice())
            .bind(run.started_at)
            .bind(run.ended_at)
            .bind(&run.actor)
            .fetch_one(&mut *conn)
            .await?;
            let event = NewReconEvent {
                at: run.ended_at,
                actor: run.actor.clone(),
                kind: RUN_KEPT.to_owned(),
                reconciliation: run.reconciliation.clone(),
                run: Some(id),
                item: String::new(),
                detail: serde_json::Value::Object(self.detail.clone()).to_string(),
            };
            append(conn, event).await?;
            Ok(id)
        })
    }
}

pub(super) struct AppendEvents {
    pub after: i64,
    pub events: Vec<NewReconEvent>,
}

impl Operation for AppendEvents {
    type Output = Vec<i64>;
    fn apply<'a>(&'a self, conn: &'a mut Connection) -> OpFuture<'a, Vec<i64>> {
        Box::pin(async move {
            let names: std::collections::BTreeSet<&str> =
                self.events.iter().map(|event| event.reconciliation.as_str()).collect();
            for name in names {
                refuse_outdated(conn, name, self.after).await?;
            }
            let mut numbers = Vec::with_capacity(self.events.len());
            for event in &self.events {
                numbers.push(append(conn, event.clone()).await?);
            }
            Ok(numbers)
        })
    }
}

async fn refuse_outdated(conn: &mut Connection, reconciliation: &str, after: i64) -> Result<(), StoreError> {
    let newest: Option<i64> = query_scalar("SELECT MAX(seq) FROM recon_event WHERE reconciliation = $1")
        .bind(reconciliation)
        .fetch_one(conn)
        .await?;
    match newest {
        Some(newest) if newest > after => {
            Err(StoreError::Refused(format!("`{reconciliation}` has changed meanwhile (event {newest})")))
        }
        Some(_) | None => Ok(()),
    }
}

/// Links the event to the last one and notes it in the audit trail.
async fn append(conn: &mut Connection, event: NewReconEvent) -> Result<i64, StoreError> {
    let head = query("SELECT seq, hash FROM recon_head").fetch_one(&mut *conn).await?;
    let event = ReconEvent::chained(event, head.try_get::<i64, _>("seq")? + 1, head.try_get("hash")?);
    query(
        "INSERT INTO recon_event (seq, at, actor, kind, reconciliation, run, item, detail, prev_hash, hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(event.seq)
    .bind(event.at)
    .bind(&event.actor)
    .bind(&event.kind)
    .bind(&event.reconciliation)
    .bind(event.run)
    .bind(&event.item)
    .bind(&event.detail)
    .bind(&event.prev_hash)
    .bind(&event.hash)
    .execute(&mut *conn)
    .await?;
    query("UPDATE recon_head SET seq = $1, hash = $2").bind(event.seq).bind(&event.hash).execute(&mut *conn).await?;
    let run = event.run.map(|run| format!(" run {run}")).unwrap_or_default();
    let item = if event.item.is_empty() { String::new() } else { format!(" break {}", event.item) };
    let entry = Audit {
        at: event.at,
        actor: event.actor,
        action: format!("reconciliation: {}", event.kind),
        target: format!("{}{run}{item}", event.reconciliation),
        detail: serde_json::json!({ "event": event.seq, "hash": event.hash }).to_string(),
    };
    entry.append(conn).await?;
    Ok(event.seq)
}

pub(super) async fn events(
    pool: &Pool,
    reconciliation: &str,
    after: i64,
    limit: u32,
) -> Result<Vec<ReconEvent>, StoreError> {
    let rows = query("SELECT * FROM recon_event WHERE reconciliation = $1 AND seq > $2 ORDER BY seq LIMIT $3")
        .bind(reconciliation)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?;
    rows.iter().map(event_row).collect()
}

pub(super) fn event_row(row: &Row) -> Result<ReconEvent, StoreError> {
    Ok(ReconEvent {
        seq: row.try_get("seq")?,
        at: row.try_get("at")?,
        actor: row.try_get("actor")?,
        kind: row.try_get("kind")?,
        reconciliation: row.try_get("reconciliation")?,
        run: row.try_get("run")?,
        item: row.try_get("item")?,
        detail: row.try_get("detail")?,
        prev_hash: row.try_get("prev_hash")?,
        hash: row.try_get("hash")?,
    })
}

pub(super) async fn runs(pool: &Pool, reconciliation: Option<&str>, limit: u32) -> Result<Vec<RunRow>, StoreError> {
    let text = format!(
        "SELECT {RUN_COLUMNS} FROM recon_run WHERE $1 IS NULL OR reconciliation = $1 ORDER BY id DESC LIMIT $2"
    );
    let rows = query(sqlx::AssertSqlSafe(text)).bind(reconciliation).bind(i64::from(limit)).fetch_all(pool).await?;
    rows.iter().map(run_row).collect()
}

pub(super) async fn run(pool: &Pool, id: i64) -> Result<Option<RunRow>, StoreError> {
    let text = format!("SELECT {RUN_COLUMNS} FROM recon_run WHERE id = $1");
    let row = query(sqlx::AssertSqlSafe(text)).bind(id).fetch_optional(pool).await?;
    row.as_ref().map(run_row).transpose()
}

fn run_row(row: &Row) -> Result<RunRow, StoreError> {
    Ok(RunRow {
        id: row.try_get("id")?,
        reconciliation: row.try_get("reconciliation")?,
        period: [row.try_get("period_from")?, row.try_get("period_to")?],
        as_of: row.try_get("as_of")?,
        rules: row.try_get("rules")?,
        definition: row.try_get("definition")?,
        status: row.try_get("status")?,
        sha256: row.try_get("sha256")?,
        bytes: row.try_get("bytes")?,
        started_at: row.try_get("started_at")?,
        ended_at: row.try_get("ended_at")?,
        actor: row.try_get("actor")?,
    })
}

pub(super) async fn run_body(pool: &Pool, id: i64) -> Result<Option<Vec<u8>>, StoreError> {
    let row = query("SELECT bytes, body FROM recon_run WHERE id = $1").bind(id).fetch_optional(pool).await?;
    let Some(row) = row else { return Ok(None) };
    let (bytes, packed): (i64, Vec<u8>) = (row.try_get("bytes")?, row.try_get("body")?);
    let body = tokio::task::spawn_blocking(move || unpack(&packed, bytes)).await.map_err(|_| StoreError::Closed)?;
    body.map(Some).map_err(unpackable)
}
