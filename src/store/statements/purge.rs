//! Statements of retention: what is old and closed goes, in batches; not here: how long things are kept, when to look.
//!
//! A batch is found by a reader and removed by the writer, which looks again at every row, so that work which was reopened
//! in between stays. Whatever the ledger or the event log had counted is counted elsewhere in the same commit.

use std::collections::BTreeMap;

use super::db::{Connection, Pool};
use sqlx::{Row as _, query, query_scalar};

use super::settle::{TallyDelta, count_purged};
use super::sql::{day_of, json_list, word};
use super::writer::{OpFuture, Operation};
use crate::store::contract::StoreError;
use crate::store::rows::*;

/// Payloads that one commit frees at most, so that a batch of large ones does not hold the writer up.
const BATCH_BYTES: i64 = 8 << 20;

/// Looked through in order of id: each row's id, its age, whether it may go, and how large it is.
const JOBS: &str = "SELECT j.id, j.created_at AS at, j.state IN ('done', 'superseded', 'ignored', 'discarded') \
     AND COALESCE(j.finished_at, j.created_at) < $3 AND NOT EXISTS (SELECT 1 FROM inbox i WHERE i.id = j.inbox_id \
     AND i.disposition IN ('pending', 'dead')) AS old, CAST(0 AS BIGINT) AS bytes FROM job j WHERE j.id > $1 ORDER BY j.id LIMIT $2";
const EVENTS: &str = "SELECT v.id, v.recorded_at AS at, v.recorded_at < $3 AND v.revision < (SELECT e.revision FROM entity e \
     WHERE e.connection = v.connection AND e.stream = v.stream AND e.key = v.key) \
     AND NOT EXISTS (SELECT 1 FROM job j WHERE j.event_id = v.id) AS old, CAST(0 AS BIGINT) AS bytes \
     FROM event v WHERE v.id > $1 ORDER BY v.id LIMIT $2";
const PAYLOADS: &str = "SELECT i.id, i.received_at AS at, i.state = 'done' AND i.disposition NOT IN ('pending', 'dead') \
     AND i.received_at < $3 AND COALESCE(i.processed_at, 0) < $3 AND (i.purged_at IS NULL OR (i.received_at < $4 \
     AND NOT EXISTS (SELECT 1 FROM job j WHERE j.inbox_id = i.id) AND NOT EXISTS (SELECT 1 FROM event v \
     WHERE v.connection = i.connection AND v.stream = i.stream AND v.key = i.key AND v.inbox_id = i.id))) AS old, \
     COALESCE((SELECT CAST(LENGTH(p.body) AS BIGINT) FROM payload p WHERE p.inbox_id = i.id), 0) AS bytes FROM inbox i WHERE i.id > $1 ORDER BY i.id LIMIT $2";

/// Removes one batch of what is older than asked and closed.
pub(super) struct Remove {
    purge: Purge,
    ids: Vec<i64>,
}

/// Finds the next batch. Returns it with how far the search has come and whether there may be more behind it.
pub(super) async fn find(pool: &Pool, purge: &Purge) -> Result<(Remove, i64, bool), StoreError> {
    let statement = match purge.stage {
        PurgeStage::Jobs => JOBS,
        PurgeStage::Events => EVENTS,
        PurgeStage::Payloads => PAYLOADS,
    };
    let rows = query(statement)
        .bind(purge.after)
        .bind(i64::from(purge.limit))
        .bind(purge.before)
        .bind(purge.forget_before)
        .fetch_all(pool)
        .await?;
    let (mut after, mut ids, mut bytes, mut passed) = (purge.after, Vec::new(), 0, 0);
    for row in &rows {
        if row.try_get::<i64, _>("at")? >= purge.before || bytes > BATCH_BYTES {
            continue;
        }
        (after, passed) = (row.try_get("id")?, passed + 1);
        if row.try_get::<Option<bool>, _>("old")?.unwrap_or(false) {
            ids.push(after);
            bytes += row.try_get::<i64, _>("bytes")?;
        }
    }
    // A batch that is only young ends the search; one that was cut by its size goes on behind what it took.
    let more = passed > 0 && (passed == rows.len() && rows.len() == purge.limit as usize || bytes > BATCH_BYTES);
    Ok((Remove { purge: purge.clone(), ids }, after, more))
}

impl Remove {
    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

impl Operation for Remove {
    /// Rows removed, and payloads emptied whose row stays.
    type Output = (u64, u64);
    fn apply<'a>(&'a self, conn: &'a mut Connection) -> OpFuture<'a, (u64, u64)> {
        Box::pin(async move {
            match self.purge.stage {
                PurgeStage::Jobs => Ok((self.jobs(conn).await?, 0)),
                PurgeStage::Events => Ok((self.events(conn).await?, 0)),
                PurgeStage::Payloads => self.payloads(conn).await,
            }
        })
    }
}

impl Remove {
    async fn jobs(&self, conn: &mut Connection) -> Result<u64, StoreError> {
        let gone: Vec<i64> = query_scalar(
            "DELETE FROM job WHERE id IN (SELECT CAST(atom AS BIGINT) FROM json_each($1)) \
             AND state IN ('done', 'superseded', 'ignored', 'discarded') AND NOT EXISTS (SELECT 1 FROM inbox i \
             WHERE i.id = job.inbox_id AND i.disposition IN ('pending', 'dead')) RETURNING id",
        )
        .bind(json_list(&self.ids)?)
        .fetch_all(&mut *conn)
        .await?;
        for statement in [
            "DELETE FROM attempt WHERE job_id IN (SELECT CAST(atom AS BIGINT) FROM json_each($1))",
            "DELETE FROM edit WHERE job_id IN (SELECT CAST(atom AS BIGINT) FROM json_each($1))",
        ] {
            query(statement).bind(json_list(&gone)?).execute(&mut *conn).await?;
        }
        Ok(gone.len() as u64)
    }

    /// The last event of a record always stays: it is what a replay sends again.
    async fn events(&self, conn: &mut Connection) -> Result<u64, StoreError> {
        let gone = query(
            "DELETE FROM event WHERE id IN (SELECT CAST(atom AS BIGINT) FROM json_each($1)) AND revision < (SELECT e.revision \
             FROM entity e WHERE e.connection = event.connection AND e.stream = event.stream AND e.key = event.key) \
             AND NOT EXISTS (SELECT 1 FROM job j WHERE j.event_id = event.id) RETURNING connection, stream, key",
        )
        .bind(json_list(&self.ids)?)
        .fetch_all(&mut *conn)
        .await?;
        let mut by_record: BTreeMap<[String; 3], i64> = BTreeMap::new();
        for row in &gone {
            *by_record.entry([row.try_get(0)?, row.try_get(1)?, row.try_get(2)?]).or_default() += 1;
        }
        let counted: Vec<(&str, &str, &str, i64)> =
            by_record.iter().map(|([connection, stream, key], n)| (&**connection, &**stream, &**key, *n)).collect();
        query(
            "UPDATE entity SET purged_events = purged_events + CAST(k.value ->> 3 AS BIGINT) FROM json_each($1) k \
             WHERE entity.connection = k.value ->> 0 AND entity.stream = k.value ->> 1 \
             AND entity.key = k.value ->> 2",
        )
        .bind(json_list(&counted)?)
        .execute(conn)
        .await?;
        Ok(gone.len() as u64)
    }

    /// Rows that nothing refers to and that are too old for a repeat to come go for good; the others lose their payload
    /// and go on telling duplicates.
    async fn payloads(&self, conn: &mut Connection) -> Result<(u64, u64), StoreError> {
        let ids = json_list(&self.ids)?;
        let gone = query(
            "DELETE FROM inbox WHERE id IN (SELECT CAST(atom AS BIGINT) FROM json_each($1)) AND received_at < $2 \
             AND state = 'done' AND disposition NOT IN ('pending', 'dead') \
             AND NOT EXISTS (SELECT 1 FROM job j WHERE j.inbox_id = inbox.id) \
             AND NOT EXISTS (SELECT 1 FROM event v WHERE v.connection = inbox.connection AND v.stream = inbox.stream \
             AND v.key = inbox.key AND v.inbox_id = inbox.id) \
             RETURNING id, connection, received_at, disposition, reason, duplicates",
        )
        .bind(&ids)
        .bind(self.purge.forget_before)
        .fetch_all(&mut *conn)
        .await?;
        let mut counted = TallyDelta::default();
        let mut bare: Vec<i64> = Vec::with_capacity(self.ids.len());
        for row in &gone {
            bare.push(row.try_get("id")?);
            let (connection, reason): (String, String) = (row.try_get("connection")?, row.try_get("reason")?);
            let day = day_of(row.try_get("received_at")?);
            counted.add(&connection, day, word(row, "disposition", Disposition::parse)?, &reason, 1);
            counted.add(&connection, day, Disposition::Ignored, "duplicate", row.try_get("duplicates")?);
        }
        count_purged(conn, counted).await?;
        // Files are remembered for good; a walk, which has no content of its own, is not.
        query("DELETE FROM file_batch WHERE sha256 = '' AND state <> 'staging' AND started_at < $1")
            .bind(self.purge.forget_before)
            .execute(&mut *conn)
            .await?;
        let emptied: Vec<i64> = query_scalar(
            "UPDATE inbox SET purged_at = $2 WHERE id IN (SELECT CAST(atom AS BIGINT) FROM json_each($1)) AND purged_at IS NULL \
             AND state = 'done' AND disposition NOT IN ('pending', 'dead') RETURNING id",
        )
        .bind(&ids)
        .bind(self.purge.now)
        .fetch_all(&mut *conn)
        .await?;
        bare.extend(&emptied);
        for statement in [
            "DELETE FROM payload WHERE inbox_id IN (SELECT CAST(atom AS BIGINT) FROM json_each($1))",
            "DELETE FROM edit WHERE inbox_id IN (SELECT CAST(atom AS BIGINT) FROM json_each($1))",
        ] {
            query(statement).bind(json_list(&bare)?).execute(&mut *conn).await?;
        }
        Ok((gone.len() as u64, emptied.len() as u64))
    }
}
