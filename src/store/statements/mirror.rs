//! Look-ups in the mirror: records by key, copies by remote id, references by natural key; not here: changes to it.

use super::db::{Pool, Row, snapshot};
use sqlx::{Row as _, query, query_scalar};

use super::sql::{binding_row, entity_row, entity_word, json_list, key_list, word};
use crate::store::contract::StoreError;
use crate::store::rows::*;

pub(super) async fn entities(pool: &Pool, keys: &[EntityKey]) -> Result<Vec<EntityRow>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let rows = query(
        "SELECT e.* FROM json_each($1) k JOIN entity e ON e.connection = k.value ->> 0 \
         AND e.stream = k.value ->> 1 AND e.key = k.value ->> 2",
    )
    .bind(key_list(keys)?)
    .fetch_all(pool)
    .await?;
    rows.iter().map(entity_row).collect()
}

pub(super) async fn live_keys(
    pool: &Pool,
    connection: &str,
    stream: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<LiveKey>, StoreError> {
    let rows = query(
        "SELECT key, as_of FROM entity WHERE connection = $1 AND stream = $2 AND key > $3 AND NOT deleted \
         ORDER BY key LIMIT $4",
    )
    .bind(connection)
    .bind(stream)
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    rows.iter().map(|row| Ok(LiveKey { key: row.try_get(0)?, as_of: row.try_get(1)? })).collect()
}

/// Records on a page of `read_mirrors`.
const PAGE: u32 = 1_000;

/// One transaction: what is written meanwhile is not seen, and the log grows until it ends.
pub(super) async fn read_mirrors(
    pool: &Pool,
    streams: &[StreamId],
    each: EachPage<'_>,
) -> Result<MirrorMark, StoreError> {
    let mut tx = snapshot(pool).await?;
    let mark = query("SELECT COALESCE((SELECT MAX(id) FROM inbox), 0), COALESCE((SELECT MAX(id) FROM event), 0)")
        .fetch_one(&mut *tx)
        .await?;
    let mark = MirrorMark { inbox: mark.try_get(0)?, event: mark.try_get(1)? };
    for (at, stream) in streams.iter().enumerate() {
        let mut after = String::new();
        loop {
            let rows = query(
                "SELECT * FROM entity WHERE connection = $1 AND stream = $2 AND key > $3 AND NOT deleted \
                 ORDER BY key LIMIT $4",
            )
            .bind(&stream.connection)
            .bind(&stream.stream)
            .bind(&after)
            .bind(i64::from(PAGE))
            .fetch_all(&mut *tx)
            .await?;
            let page: Vec<Mirrored> = rows
                .iter()
                .map(|row| Ok(Mirrored { id: row.try_get("id")?, row: entity_row(row)? }))
                .collect::<Result<_, StoreError>>()?;
            let is_last = page.len() < PAGE as usize;
            if let Some(last) = page.last() {
                after.clone_from(&last.row.id.key);
                each(at, page).map_err(StoreError::Refused)?;
            }
            if is_last {
                break;
            }
        }
    }
    tx.commit().await?;
    Ok(mark)
}

/// Jobs of a record that a passage tells of.
const JOBS: u32 = 50;

pub(super) async fn passage(pool: &Pool, record: &EntityKey, to: &StreamId) -> Result<Passage, StoreError> {
    let EntityKey { connection, stream, key } = record;
    // One transaction: a job that ends meanwhile is either still open or its end is seen.
    let mut tx = snapshot(pool).await?;
    let current = query("SELECT revision, deleted FROM entity WHERE connection = $1 AND stream = $2 AND key = $3")
        .bind(connection)
        .bind(stream)
        .bind(key)
        .fetch_optional(&mut *tx)
        .await?;
    let binding = query(
        "SELECT * FROM binding WHERE source_connection = $1 AND source_stream = $2 AND source_key = $3 \
         AND dest_connection = $4 AND dest_stream = $5",
    )
    .bind(connection)
    .bind(stream)
    .bind(key)
    .bind(&to.connection)
    .bind(&to.stream)
    .fetch_optional(&mut *tx)
    .await?;
    let jobs = query(
        "SELECT j.id, j.flow, j.event_id, j.revision, j.state, j.attempts, j.error, j.issue_id, j.created_at, \
         j.finished_at FROM event e JOIN job j ON j.event_id = e.id \
         WHERE e.connection = $1 AND e.stream = $2 AND e.key = $3 AND j.lane = $4 AND j.stream = $5 \
         ORDER BY j.id DESC LIMIT $6",
    )
    .bind(connection)
    .bind(stream)
    .bind(key)
    .bind(&to.connection)
    .bind(&to.stream)
    .bind(i64::from(JOBS))
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    let job = |row: &Row| {
        Ok::<_, StoreError>(PassageJob {
            id: row.try_get("id")?,
            flow: row.try_get("flow")?,
            event_id: row.try_get("event_id")?,
            revision: row.try_get("revision")?,
            state: word(row, "state", JobState::parse)?,
            attempts: row.try_get("attempts")?,
            error: row.try_get("error")?,
            issue_id: row.try_get("issue_id")?,
            created_at: row.try_get("created_at")?,
            finished_at: row.try_get("finished_at")?,
        })
    };
    Ok(Passage {
        revision: current.as_ref().map(|row| row.try_get("revision")).transpose()?,
        deleted: current.as_ref().map(|row| row.try_get("deleted")).transpose()?.unwrap_or_default(),
        binding: binding.as_ref().map(binding_row).transpose()?,
        jobs: jobs.iter().map(job).collect::<Result<_, _>>()?,
    })
}

pub(super) async fn bindings_by_remote(pool: &Pool, keys: &[EntityKey]) -> Result<Vec<BindingRow>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let rows = query(
        "SELECT b.* FROM json_each($1) k JOIN binding b ON b.dest_connection = k.value ->> 0 \
         AND b.dest_stream = k.value ->> 1 AND b.remote_id = k.value ->> 2",
    )
    .bind(key_list(keys)?)
    .fetch_all(pool)
    .await?;
    rows.iter().map(binding_row).collect()
}

pub(super) async fn resolve_refs(pool: &Pool, dest: &str, refs: &[RefKey]) -> Result<Vec<ResolvedRef>, StoreError> {
    if refs.is_empty() {
        return Ok(Vec::new());
    }
    let asked: Vec<[&str; 2]> = refs.iter().map(|r| [r.entity.as_str(), r.natural_key.as_str()]).collect();
    // The destination's own record wins: it is what the destination calls it today.
    let rows = query(
        "SELECT k.value ->> 0 AS entity, k.value ->> 1 AS natural_key, e.key AS remote_id, e.doc, 0 AS rank \
         FROM json_each($2) k JOIN entity e ON e.entity = k.value ->> 0 AND e.natural_key = k.value ->> 1 \
         AND e.connection = $1 AND NOT e.deleted \
         UNION ALL \
         SELECT k.value ->> 0, k.value ->> 1, b.remote_id, NULL, 1 FROM json_each($2) k \
         JOIN entity e ON e.entity = k.value ->> 0 AND e.natural_key = k.value ->> 1 \
         JOIN binding b ON b.source_connection = e.connection AND b.source_stream = e.stream AND b.source_key = e.key \
         AND b.dest_connection = $1 AND b.remote_id <> '' ORDER BY rank DESC",
    )
    .bind(dest)
    .bind(json_list(&asked)?)
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(ResolvedRef {
                key: RefKey { entity: entity_word(row, "entity")?, natural_key: row.try_get("natural_key")? },
                remote_id: row.try_get("remote_id")?,
                doc: row.try_get("doc")?,
            })
        })
        .collect()
}

/// Counted from an index alone.
pub(super) async fn known_records(pool: &Pool, connection: &str, stream: &str) -> Result<u64, StoreError> {
    let n: i64 = query_scalar("SELECT COUNT(*) FROM entity WHERE connection = $1 AND stream = $2")
        .bind(connection)
        .bind(stream)
        .fetch_one(pool)
        .await?;
    Ok(n.unsigned_abs())
}
