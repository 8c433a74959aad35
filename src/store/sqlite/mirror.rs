//! Look-ups in the mirror: records by key, copies by remote id, references by natural key; not here: changes to it.

use sqlx::sqlite::SqlitePool;
use sqlx::{Row as _, query, query_scalar};

use super::sql::{binding_row, entity_row, entity_word, json_list, key_list};
use crate::store::contract::StoreError;
use crate::store::rows::*;

pub(super) async fn entities(pool: &SqlitePool, keys: &[EntityKey]) -> Result<Vec<EntityRow>, StoreError> {
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
    pool: &SqlitePool,
    connection: &str,
    stream: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<LiveKey>, StoreError> {
    let rows = query(
        "SELECT key, as_of FROM entity WHERE connection = $1 AND stream = $2 AND key > $3 AND deleted = 0 \
         ORDER BY key LIMIT $4",
    )
    .bind(connection)
    .bind(stream)
    .bind(after)
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows.iter().map(|row| Ok(LiveKey { key: row.try_get(0)?, as_of: row.try_get(1)? })).collect()
}

pub(super) async fn bindings_by_remote(pool: &SqlitePool, keys: &[EntityKey]) -> Result<Vec<BindingRow>, StoreError> {
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

pub(super) async fn resolve_refs(
    pool: &SqlitePool,
    dest: &str,
    refs: &[RefKey],
) -> Result<Vec<ResolvedRef>, StoreError> {
    if refs.is_empty() {
        return Ok(Vec::new());
    }
    let asked: Vec<[&str; 2]> = refs.iter().map(|r| [r.entity.as_str(), r.natural_key.as_str()]).collect();
    // The destination's own record wins: it is what the destination calls it today.
    let rows = query(
        "SELECT k.value ->> 0 AS entity, k.value ->> 1 AS natural_key, e.key AS remote_id, e.doc, 0 AS rank \
         FROM json_each($2) k JOIN entity e ON e.entity = k.value ->> 0 AND e.natural_key = k.value ->> 1 \
         AND e.connection = $1 AND e.deleted = 0 \
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
pub(super) async fn known_records(pool: &SqlitePool, connection: &str, stream: &str) -> Result<u64, StoreError> {
    let n: i64 = query_scalar("SELECT COUNT(*) FROM entity WHERE connection = $1 AND stream = $2")
        .bind(connection)
        .bind(stream)
        .fetch_one(pool)
        .await?;
    Ok(n.unsigned_abs())
}
