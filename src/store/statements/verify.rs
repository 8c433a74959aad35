//! Checks of everything the store can see of its own promises; not here: comparisons between systems.
//!
//! One read transaction, so that what is compared belongs to one moment while the hub goes on working.

use std::collections::BTreeMap;

use super::db::{Connection, Pool, integrity, snapshot};
use futures::TryStreamExt as _;
use sqlx::{query, query_scalar};

use super::people::{audit_row, tally_row};
use super::recon_verify;
use super::sql::date_of;
use crate::store::contract::StoreError;
use crate::store::rows::*;

/// Faults of one kind that are spelled out; further ones are counted.
const FAULTS_MAX: usize = 20;

type Progress<'a> = &'a (dyn Fn(&str, u64, u64) + Send + Sync);

/// A statement that yields one sentence for each row that breaks a rule.
struct Rule {
    name: &'static str,
    broken: &'static str,
}

const RULES: [Rule; 11] = [
    Rule {
        name: "pending payloads have work",
        broken: "SELECT 'payload ' || i.id || ' of ' || i.connection || ' is pending but nothing will move it' FROM inbox i \
                 WHERE i.disposition = 'pending' AND i.state = 'done' AND NOT EXISTS (SELECT 1 FROM job j \
                 WHERE j.inbox_id = i.id AND j.state IN ('ready', 'blocked', 'running', 'waiting'))",
    },
    Rule {
        name: "open jobs keep their payload pending",
        broken: "SELECT 'payload ' || i.id || ' of ' || i.connection || ' is ' || i.disposition || ' while job ' || j.id || ' is ' || j.state \
                 FROM job j JOIN inbox i ON i.id = j.inbox_id \
                 WHERE j.state IN ('ready', 'blocked', 'running', 'waiting') AND i.disposition <> 'pending'",
    },
    Rule {
        name: "one job in flight per key",
        broken: "SELECT 'key ' || order_key || ' has ' || COUNT(*) || ' jobs in flight' FROM job \
                 WHERE state IN ('ready', 'running', 'waiting') GROUP BY order_key HAVING COUNT(*) > 1",
    },
    Rule {
        name: "no key is stuck",
        broken: "SELECT 'key ' || order_key || ' has blocked jobs and none in flight' FROM job \
                 WHERE state IN ('ready', 'blocked', 'running', 'waiting') GROUP BY order_key HAVING COUNT(*) FILTER (WHERE state <> 'blocked') = 0",
    },
    Rule {
        name: "revisions have no gaps",
        broken: "SELECT 'record ' || connection || '/' || stream || '/' || key || ' has ' || n || ' events with revisions ' \
                 || first || ' to ' || last || ' and ' || purged || ' that were removed' FROM (SELECT v.*, COALESCE(( \
                 SELECT e.purged_events FROM entity e WHERE e.connection = v.connection AND e.stream = v.stream \
                 AND e.key = v.key), 0) AS purged FROM (SELECT connection, stream, key, COUNT(*) AS n, \
                 MIN(revision) AS first, MAX(revision) AS last, COUNT(DISTINCT revision) AS different FROM event \
                 GROUP BY connection, stream, key) v) record \
                 WHERE first < 1 OR last <> n + purged OR (purged = 0 AND first <> 1) OR different <> n",
    },
    Rule {
        name: "records are at their last event",
        broken: "SELECT 'record ' || e.connection || '/' || e.stream || '/' || e.key || ' is at revision ' || e.revision \
                 || ', its last event is ' || COALESCE((SELECT CAST(MAX(v.revision) AS TEXT) FROM event v WHERE v.connection = e.connection \
                 AND v.stream = e.stream AND v.key = e.key), 'missing') FROM entity e \
                 WHERE e.revision IS DISTINCT FROM (SELECT MAX(v.revision) FROM event v WHERE v.connection = e.connection \
                 AND v.stream = e.stream AND v.key = e.key)",
    },
    Rule {
        name: "nothing was sent before it was known",
        broken: "SELECT 'binding of ' || b.source_connection || '/' || b.source_stream || '/' || b.source_key || ' to ' \
                 || b.dest_connection || '/' || b.dest_stream || ' says that revision ' || b.sent_revision \
                 || ' was sent, the record is at ' || COALESCE(CAST(e.revision AS TEXT), 'none') FROM binding b \
                 LEFT JOIN entity e ON e.connection = b.source_connection AND e.stream = b.source_stream AND e.key = b.source_key \
                 WHERE e.revision IS NULL OR b.sent_revision > e.revision",
    },
    Rule {
        name: "every delivery was announced and finished",
        broken: "SELECT 'job ' || j.id || ' is done without a finished attempt' FROM job j WHERE j.state = 'done' \
                 AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.job_id = j.id AND a.outcome = 'done' \
                 AND a.finished_at IS NOT NULL)",
    },
    Rule {
        name: "no job was delivered twice",
        broken: "SELECT 'job ' || job_id || ' has ' || COUNT(*) || ' attempts that are done' FROM attempt \
                 WHERE outcome = 'done' GROUP BY job_id HAVING COUNT(*) > 1",
    },
    Rule {
        name: "only running jobs have an attempt under way",
        broken: "SELECT 'job ' || j.id || ' is ' || j.state || ' with attempt ' || a.no || ' under way' FROM attempt a \
                 JOIN job j ON j.id = a.job_id WHERE a.outcome = 'announced' AND (j.state <> 'running' OR a.no <> j.attempts)",
    },
    Rule {
        name: "dead letters hang on an open issue",
        broken: "SELECT 'job ' || j.id || ' is dead without an open issue' FROM job j LEFT JOIN issue s ON s.id = j.issue_id \
                 WHERE j.state = 'dead' AND s.state IS DISTINCT FROM 'open' \
                 UNION ALL SELECT 'payload ' || i.id || ' of ' || i.connection || ' is dead without an open issue' FROM inbox i \
                 LEFT JOIN issue s ON s.id = i.issue_id WHERE i.disposition = 'dead' AND s.state IS DISTINCT FROM 'open' \
                 AND NOT EXISTS (SELECT 1 FROM job j WHERE j.inbox_id = i.id AND j.state = 'dead')",
    },
];

/// Steps besides the rules: tally, audit chain, reconciliation, file.
const OTHER_STEPS: usize = 4;

pub(super) async fn verify(pool: &Pool, progress: Progress<'_>) -> Result<VerifyReport, StoreError> {
    let mut snapshot = snapshot(pool).await?;
    let mut report = VerifyReport::default();
    let total = (RULES.len() + OTHER_STEPS) as u64;
    progress("ledger", 0, total);
    ledger(&mut snapshot, &mut report).await?;
    for (done, rule) in (1..).zip(&RULES) {
        progress(rule.name, done, total);
        apply(&mut snapshot, rule, &mut report.faults).await?;
    }
    progress("audit trail", total - 3, total);
    audit_chain(&mut snapshot, &mut report).await?;
    progress("reconciliation", total - 2, total);
    recon_verify::verify(&mut snapshot, &mut report).await?;
    progress("database", total - 1, total);
    integrity(&mut snapshot, &mut report.faults).await?;
    snapshot.rollback().await?;
    progress("done", total, total);
    Ok(report)
}

type Ledger = BTreeMap<(String, i64, Disposition, String), i64>;

/// The ledger as its rows say it, with those that retention removed, against the counters. Payloads that were cut up are
/// not counted, their parts are; each further delivery of a payload counts as received and ignored.
async fn ledger(conn: &mut Connection, report: &mut VerifyReport) -> Result<(), StoreError> {
    let rows = query(
        "SELECT connection, received_at / 86400000000 AS day, disposition, reason, COUNT(*) AS n FROM inbox \
         WHERE disposition <> 'split' GROUP BY 1, 2, 3, 4 \
         UNION ALL SELECT connection, received_at / 86400000000, 'ignored', 'duplicate', CAST(SUM(duplicates) AS BIGINT) FROM inbox \
         WHERE duplicates > 0 GROUP BY 1, 2 \
         UNION ALL SELECT connection, day, disposition, reason, n FROM purged",
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut counted = Ledger::new();
    for row in &rows {
        let TallyRow { connection, day, disposition, reason, n } = tally_row(row)?;
        *report_field(report, disposition) += n;
        report.received += n;
        *counted.entry((connection, day, disposition, reason)).or_default() += n;
    }
    let rows =
        query("SELECT connection, day, disposition, reason, n FROM tally WHERE n <> 0").fetch_all(&mut *conn).await?;
    let mut kept = Ledger::new();
    for row in &rows {
        let TallyRow { connection, day, disposition, reason, n } = tally_row(row)?;
        *kept.entry((connection, day, disposition, reason)).or_default() += n;
    }
    report.unknown =
        query_scalar("SELECT COUNT(*) FROM job WHERE state IN ('ready', 'blocked', 'running', 'waiting') AND unknown")
            .fetch_one(conn)
            .await?;
    compare(&counted, &kept, &mut report.faults);
    Ok(())
}

fn report_field(report: &mut VerifyReport, disposition: Disposition) -> &mut i64 {
    match disposition {
        Disposition::Pending => &mut report.pending,
        Disposition::Applied => &mut report.applied,
        Disposition::Superseded => &mut report.superseded,
        // Split payloads are left out by the query; should one come, `received` would not add up and say so.
        Disposition::Ignored | Disposition::Split => &mut report.ignored,
        Disposition::Dead => &mut report.dead,
    }
}

fn compare(counted: &Ledger, kept: &Ledger, faults: &mut Vec<String>) {
    let keys: std::collections::BTreeSet<_> = counted.keys().chain(kept.keys()).collect();
    for key in keys {
        let (connection, day, disposition, reason) = key;
        let rows = counted.get(key).copied().unwrap_or(0);
        let tally = kept.get(key).copied().unwrap_or(0);
        if rows != tally {
            let date = date_of(*day);
            let what = if reason.is_empty() { disposition.to_string() } else { format!("{disposition} ({reason})") };
            faults.push(format!(
                "ledger of {connection} on {date}, payloads {what}: {rows} by their rows, {tally} by the counter"
            ));
        }
    }
}

async fn apply(conn: &mut Connection, rule: &Rule, faults: &mut Vec<String>) -> Result<(), StoreError> {
    let mut found = query_scalar::<_, String>(rule.broken).fetch(conn);
    let mut n = 0;
    while let Some(fault) = found.try_next().await? {
        n += 1;
        if n <= FAULTS_MAX {
            faults.push(fault);
        }
    }
    if n > FAULTS_MAX {
        faults.push(format!("and {} more breaks of the rule \"{}\"", n - FAULTS_MAX, rule.name));
    }
    Ok(())
}

/// Walks the chain. The first entry that does not hold is named; what follows it proves nothing any more.
async fn audit_chain(conn: &mut Connection, report: &mut VerifyReport) -> Result<(), StoreError> {
    let mut entries = query("SELECT * FROM audit ORDER BY seq").fetch(conn);
    let mut expected = 1;
    let mut prev_hash = String::new();
    let mut intact = true;
    while let Some(row) = entries.try_next().await? {
        let entry = audit_row(&row)?;
        report.audit_rows += 1;
        if intact && (entry.seq != expected || !entry.holds(&prev_hash)) {
            intact = false;
            report
                .faults
                .push(format!("audit entry {} is not what was written, or entries before it are missing", entry.seq));
        }
        expected = entry.seq + 1;
        prev_hash = entry.hash;
    }
    Ok(())
}
