//! The queue's order within a key: who is replaced, who is next, who wakes; not here: claims and outcomes.

use super::db::Connection;
use std::borrow::Cow;

use serde::Serialize;
use sqlx::query_scalar;

use super::settle::settle_payloads;
use super::sql::{identity, json_list};
use crate::store::contract::StoreError;

/// Of a flow's jobs for a `latest` key that are not being sent, and whose outcome is not in doubt, only the newest stays.
/// What a person edited or demanded stays too, unless the newer job was demanded as well.
///
/// The first state condition is the one of the index `job_open`, word for word: SQLite uses a partial index only then.
pub(super) async fn coalesce<K: Serialize>(
    conn: &mut Connection,
    order_keys: &[K],
    now: i64,
) -> Result<(), StoreError> {
    if order_keys.is_empty() {
        return Ok(());
    }
    let replaced: Vec<i64> = query_scalar(
        "UPDATE job SET state = 'superseded', finished_at = $2 WHERE order_key IN (SELECT atom FROM json_each($1)) \
         AND state IN ('ready', 'blocked', 'running', 'waiting') AND state <> 'running' \
         AND latest AND NOT unknown AND edited IS NULL \
         AND EXISTS (SELECT 1 FROM job newer WHERE newer.order_key = job.order_key AND newer.id > job.id \
                     AND newer.state IN ('ready', 'blocked', 'running', 'waiting') \
                     AND newer.flow = job.flow AND newer.force >= job.force) \
         RETURNING inbox_id",
    )
    .bind(json_list(order_keys)?)
    .bind(now)
    .fetch_all(&mut *conn)
    .await?;
    settle_payloads(conn, &replaced).await
}

/// The oldest open job of each key with none in flight becomes ready. Returns the lanes in which one did.
pub(super) async fn promote<K: Serialize>(conn: &mut Connection, order_keys: &[K]) -> Result<Vec<String>, StoreError> {
    if order_keys.is_empty() {
        return Ok(Vec::new());
    }
    Ok(query_scalar(
        "UPDATE job SET state = 'ready' WHERE state = 'blocked' AND id IN ( \
           SELECT (SELECT MIN(id) FROM job head WHERE head.order_key = k.atom \
                   AND head.state IN ('ready', 'blocked', 'running', 'waiting')) FROM json_each($1) k \
           WHERE NOT EXISTS (SELECT 1 FROM job active WHERE active.order_key = k.atom \
                             AND active.state IN ('ready', 'running', 'waiting'))) \
         RETURNING lane",
    )
    .bind(json_list(order_keys)?)
    .fetch_all(conn)
    .await?)
}

/// Jobs that waited for one of these become ready. Returns their lanes.
pub(super) async fn release_waiting(
    conn: &mut Connection,
    appeared: &[String],
    now: i64,
) -> Result<Vec<String>, StoreError> {
    if appeared.is_empty() {
        return Ok(Vec::new());
    }
    let appeared: Vec<Cow<'_, str>> = appeared.iter().map(|key| identity(key)).collect();
    Ok(query_scalar(
        "UPDATE job SET state = 'ready', wait_for = '', run_at = $2 WHERE state = 'waiting' \
         AND wait_for IN (SELECT atom FROM json_each($1)) RETURNING lane",
    )
    .bind(json_list(&appeared)?)
    .bind(now)
    .fetch_all(conn)
    .await?)
}
