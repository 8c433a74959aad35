//! Statements behind people's pages: health, counters, the audit trail; not here: the work list, timelines.

use super::db::{Connection, Pool, Row};
use sqlx::{Row as _, query};

use super::sql::{text, word};
use super::writer::{OpFuture, Operation};
use crate::store::contract::StoreError;
use crate::store::rows::*;
use crate::store::{AuditEntry, chain_hash};

/// How many of a flow's latest deliveries its latency figures are taken from.
const LATENCY_SAMPLE: i64 = 1000;

pub(super) async fn connection_states(pool: &Pool) -> Result<Vec<ConnectionStateRow>, StoreError> {
    let rows = query(
        "SELECT connection, state, reason, until, failures, changed_at FROM connection_state ORDER BY connection",
    )
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(ConnectionStateRow {
                connection: row.try_get("connection")?,
                state: word(row, "state", ConnectionHealth::parse)?,
                reason: row.try_get("reason")?,
                until: row.try_get("until")?,
                failures: row.try_get("failures")?,
                changed_at: row.try_get("changed_at")?,
            })
        })
        .collect()
}

pub(super) struct SetConnectionState {
    pub state: ConnectionStateRow,
}

impl Operation for SetConnectionState {
    type Output = ();
    fn apply<'a>(&'a self, conn: &'a mut Connection) -> OpFuture<'a, ()> {
        Box::pin(async move {
            query(
                "INSERT INTO connection_state (connection, state, reason, until, failures, changed_at) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (connection) DO UPDATE SET state = excluded.state, \
                 reason = excluded.reason, until = excluded.until, failures = excluded.failures, \
                 changed_at = excluded.changed_at",
            )
            .bind(&self.state.connection)
            .bind(self.state.state.as_str())
            .bind(text(&self.state.reason))
            .bind(self.state.until)
            .bind(self.state.failures)
            .bind(self.state.changed_at)
            .execute(conn)
            .await?;
            Ok(())
        })
    }
}

pub(super) async fn tally(pool: &Pool, since_day: i64) -> Result<Vec<TallyRow>, StoreError> {
    let rows = query(
        "SELECT connection, day, disposition, reason, n FROM tally WHERE day >= $1 AND n <> 0 \
         ORDER BY connection, day, disposition, reason",
    )
    .bind(since_day)
    .fetch_all(pool)
    .await?;
    rows.iter().map(tally_row).collect()
}

pub(super) fn tally_row(row: &Row) -> Result<TallyRow, StoreError> {
    Ok(TallyRow {
        connection: row.try_get("connection")?,
        day: row.try_get("day")?,
        disposition: word(row, "disposition", Disposition::parse)?,
        reason: row.try_get("reason")?,
        n: row.try_get("n")?,
    })
}

pub(super) async fn sightings(pool: &Pool, since_day: i64) -> Result<Vec<SightingRow>, StoreError> {
    let rows = query(
        "SELECT connection, stream, CAST(SUM(by_webhook) AS BIGINT) AS by_webhook, \
         CAST(SUM(by_poll) AS BIGINT) AS by_poll, CAST(SUM(late) AS BIGINT) AS late \
         FROM sighting WHERE day >= $1 GROUP BY connection, stream ORDER BY connection, stream",
    )
    .bind(since_day)
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(SightingRow {
                connection: row.try_get("connection")?,
                stream: row.try_get("stream")?,
                by_webhook: row.try_get("by_webhook")?,
                by_poll: row.try_get("by_poll")?,
                late: row.try_get("late")?,
            })
        })
        .collect()
}

/// Open and dead jobs; closed ones are history, not queue.
pub(super) async fn queue_stats(pool: &Pool) -> Result<Vec<QueueStat>, StoreError> {
    let rows = query(
        "SELECT flow, lane, state, unknown, COUNT(*) AS n, MIN(created_at) AS oldest_at FROM job \
         WHERE state IN ('ready', 'blocked', 'running', 'waiting') GROUP BY flow, lane, state, unknown \
         UNION ALL \
         SELECT flow, lane, state, unknown, COUNT(*), MIN(created_at) FROM job WHERE state = 'dead' \
         GROUP BY flow, lane, state, unknown ORDER BY 1, 2, 3, 4",
    )
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(QueueStat {
                flow: row.try_get("flow")?,
                lane: row.try_get("lane")?,
                state: word(row, "state", JobState::parse)?,
                unknown: row.try_get("unknown")?,
                n: row.try_get("n")?,
                oldest_at: row.try_get("oldest_at")?,
            })
        })
        .collect()
}

pub(super) async fn flow_stats(pool: &Pool, since: i64) -> Result<Vec<FlowStat>, StoreError> {
    // A loose scan of the index: its cost grows with the number of flows, not with the number of jobs done.
    let flows = query(
        "WITH RECURSIVE f(flow) AS (SELECT MIN(flow) FROM job WHERE state = 'done' UNION ALL \
         SELECT (SELECT MIN(flow) FROM job WHERE state = 'done' AND flow > f.flow) FROM f WHERE f.flow IS NOT NULL) \
         SELECT f.flow, (SELECT COUNT(*) FROM job WHERE state = 'done' AND flow = f.flow AND finished_at >= $1) AS done, \
         (SELECT MAX(finished_at) FROM job WHERE state = 'done' AND flow = f.flow) AS last_done_at \
         FROM f WHERE f.flow IS NOT NULL ORDER BY 1",
    )
    .bind(since)
    .fetch_all(pool)
    .await?;
    let mut stats = Vec::with_capacity(flows.len());
    for row in &flows {
        let flow: String = row.try_get("flow")?;
        let latencies = latencies(pool, &flow, since).await?;
        stats.push(FlowStat {
            done: row.try_get("done")?,
            last_done_at: row.try_get("last_done_at")?,
            latency_p50_us: quantile(&latencies, 50),
            latency_p90_us: quantile(&latencies, 90),
            flow,
        });
    }
    Ok(stats)
}

pub(super) async fn throughput(
    pool: &Pool,
    flow: &str,
    since: i64,
    slice_us: i64,
) -> Result<Vec<ThroughputRow>, StoreError> {
    let rows = query(
        "SELECT finished_at / $3 * $3 AS at, COUNT(*) AS done FROM job \
         WHERE state = 'done' AND flow = $1 AND finished_at >= $2 GROUP BY 1 ORDER BY 1",
    )
    .bind(flow)
    .bind(since)
    .bind(slice_us.max(1))
    .fetch_all(pool)
    .await?;
    rows.iter().map(|row| Ok(ThroughputRow { at: row.try_get("at")?, done: row.try_get("done")? })).collect()
}

/// Receipt to confirmation, sorted. Replays are left out: they started long after the receipt of what they send.
async fn latencies(pool: &Pool, flow: &str, since: i64) -> Result<Vec<i64>, StoreError> {
    let rows = query(
        "SELECT j.finished_at - i.received_at FROM job j JOIN inbox i ON i.id = j.inbox_id \
         WHERE j.state = 'done' AND j.flow = $1 AND j.finished_at >= $2 AND j.created_at = i.processed_at \
         ORDER BY j.finished_at DESC LIMIT $3",
    )
    .bind(flow)
    .bind(since)
    .bind(LATENCY_SAMPLE)
    .fetch_all(pool)
    .await?;
    let mut latencies = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
    latencies.sort_unstable();
    Ok(latencies)
}

/// Nearest rank: the smallest value that at least `percent` of the values do not exceed.
fn quantile(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

pub(super) struct Audit {
    pub at: i64,
    pub actor: String,
    pub action: String,
    pub target: String,
    pub detail: String,
}

impl Operation for Audit {
    type Output = ();
    fn apply<'a>(&'a self, conn: &'a mut Connection) -> OpFuture<'a, ()> {
        Box::pin(async move { self.append(conn).await })
    }
}

impl Audit {
    /// Links the entry to the last one. One writer, one transaction: no other entry can come between.
    pub(super) async fn append(&self, conn: &mut Connection) -> Result<(), StoreError> {
        let last = query("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetch_optional(&mut *conn).await?;
        let (seq, prev_hash): (i64, String) = match last {
            Some(row) => (row.try_get::<i64, _>(0)? + 1, row.try_get(1)?),
            None => (1, String::new()),
        };
        let [actor, action, target, detail] =
            [&self.actor, &self.action, &self.target, &self.detail].map(|word| text(word));
        let hash = chain_hash(&prev_hash, seq, self.at, &actor, &action, &target, &detail);
        query(
            "INSERT INTO audit (seq, at, actor, action, target, detail, prev_hash, hash) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(seq)
        .bind(self.at)
        .bind(actor)
        .bind(action)
        .bind(target)
        .bind(detail)
        .bind(prev_hash)
        .bind(hash)
        .execute(conn)
        .await?;
        Ok(())
    }
}

pub(super) async fn audit(pool: &Pool, after: i64, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
    let rows = query(
        "SELECT seq, at, actor, action, target, detail, prev_hash, hash FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2",
    )
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    rows.iter().map(audit_row).collect()
}

pub(super) fn audit_row(row: &Row) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        seq: row.try_get("seq")?,
        at: row.try_get("at")?,
        actor: row.try_get("actor")?,
        action: row.try_get("action")?,
        target: row.try_get("target")?,
        detail: row.try_get("detail")?,
        prev_hash: row.try_get("prev_hash")?,
        hash: row.try_get("hash")?,
    })
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[track_caller]
    fn check(sorted: &[i64], percent: usize, expected: Option<i64>) {
        assert_eq!(quantile(sorted, percent), expected);
    }

    #[test]
    fn quantiles_are_by_nearest_rank() {
        check(&[], 50, None);
        check(&[7], 50, Some(7));
        check(&[7], 90, Some(7));
        check(&[1, 2], 50, Some(1));
        check(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 90, Some(9));
        check(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 90, Some(10));
    }
}
