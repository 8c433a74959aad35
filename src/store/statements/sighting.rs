//! Statements behind the webhook-loss figure; not here: what the figure is (`telemetry::freshness`).
//!
//! A stream whose webhooks and polls bring the same payloads, such as a vendor's events, needs care: the webhook of what a
//! poll found first is a duplicate that nothing looks at. Each polled payload remembers that it counted (1), and that its
//! webhook came (2); whichever is second counts the webhook as late, once.

use super::db::Connection;
use sqlx::{Row as _, query, query_scalar};

use super::sql::day_of;
use crate::store::contract::StoreError;

const BY_POLL: i64 = 1;
const WEBHOOK_CAME: i64 = 2;
const BOTH: i64 = BY_POLL | WEBHOOK_CAME;

/// Adds to the counts of a connection's stream on a day: by webhook, by poll, late.
pub(super) async fn add_sightings(
    conn: &mut Connection,
    (connection, stream, day): (&str, &str, i64),
    [webhook, poll, late]: [i64; 3],
) -> Result<(), StoreError> {
    query(
        "INSERT INTO sighting (connection, stream, day, by_webhook, by_poll, late) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (connection, stream, day) DO UPDATE SET by_webhook = sighting.by_webhook + excluded.by_webhook, \
         by_poll = sighting.by_poll + excluded.by_poll, late = sighting.late + excluded.late",
    )
    .bind(connection)
    .bind(stream)
    .bind(day)
    .bind(webhook)
    .bind(poll)
    .bind(late)
    .execute(conn)
    .await?;
    Ok(())
}

/// A polled payload counts as found by polling. True if its webhook has come meanwhile.
pub(super) async fn see_by_poll(conn: &mut Connection, inbox_id: i64) -> Result<bool, StoreError> {
    let seen: Option<i64> = query_scalar("UPDATE inbox SET sighted = sighted | $2 WHERE id = $1 RETURNING sighted")
        .bind(inbox_id)
        .bind(BY_POLL)
        .fetch_optional(conn)
        .await?;
    Ok(seen == Some(BOTH))
}

/// A webhook repeats a payload: the first that repeats a polled one is late, not lost.
pub(super) async fn count_late(conn: &mut Connection, inbox_id: i64) -> Result<(), StoreError> {
    let first = query(
        "UPDATE inbox SET sighted = sighted | $2 WHERE id = $1 AND source = 'poll' AND sighted & $2 = 0 \
         RETURNING sighted, connection, stream, received_at",
    )
    .bind(inbox_id)
    .bind(WEBHOOK_CAME)
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = first else { return Ok(()) };
    if row.try_get::<i64, _>("sighted")? != BOTH {
        return Ok(());
    }
    let (connection, stream): (String, String) = (row.try_get("connection")?, row.try_get("stream")?);
    add_sightings(conn, (&connection, &stream, day_of(row.try_get("received_at")?)), [0, 0, 1]).await
}
