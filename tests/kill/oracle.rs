//! What the store's rows say once the daemon is down, asked in the oracle's own SQL; not here: what the vendors' ledgers say.

use std::collections::BTreeSet;
use std::path::Path;

use sqlx::query_scalar;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use syncline::sandbox::{Ack, Vendor, Verdict};

use crate::supervisor::Supervisor;

/// The id under which the vendor itself knows an event, read from what was received and not from the hub's dedupe key.
const EVENTS: &str = "SELECT connection, CASE connection WHEN 'shop' THEN json_extract(headers, '$.\"x-shopify-webhook-id\"') \
                      WHEN 'psp' THEN CAST(body AS TEXT) ->> '$.id' END AS event FROM inbox JOIN payload ON inbox_id = id \
                      WHERE (connection = 'shop' AND source = 'webhook') \
                      OR (connection = 'psp' AND source <> 'fetch' AND CAST(body AS TEXT) ->> '$.object' = 'event')";

/// Everything that must not be; all of it empty after a run without defects.
#[derive(Debug, Default)]
pub struct Findings {
    /// Acknowledged to the vendor, and not in the inbox.
    pub missing: Vec<String>,
    /// Events that are in the inbox more than once.
    pub repeated: Vec<String>,
    /// Records of which an older state was applied after a newer one.
    pub backwards: Vec<String>,
    /// Work that is still open.
    pub open: Vec<String>,
    /// Faults that `syncline verify` names.
    pub ledger: Vec<String>,
    /// What the vendors hold against their own truth.
    pub vendors: Verdict,
}

impl Findings {
    pub fn none(&self) -> bool {
        self.vendors.clean()
            && [&self.missing, &self.repeated, &self.backwards, &self.open, &self.ledger]
                .iter()
                .all(|found| found.is_empty())
    }

    pub fn summary(&self) -> String {
        format!(
            "missing {}, repeated {}, backwards {}, open {}, ledger faults {}, at the vendors: lost {} doubled {} stale {} wrong {}",
            self.missing.len(),
            self.repeated.len(),
            self.backwards.len(),
            self.open.len(),
            self.ledger.len(),
            self.vendors.lost,
            self.vendors.doubled,
            self.vendors.stale,
            self.vendors.wrong
        )
    }
}

/// A look into the store beside the daemon or after it.
pub struct Rows(SqlitePool);

impl Rows {
    pub async fn open(database: &Path) -> Rows {
        let options = SqliteConnectOptions::new().filename(database).read_only(true);
        Rows(SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap())
    }

    pub async fn count(&self, from_where: &'static str) -> i64 {
        query_scalar(from_where).fetch_one(&self.0).await.unwrap()
    }

    async fn list(&self, statement: &'static str) -> Vec<String> {
        query_scalar(statement).fetch_all(&self.0).await.unwrap()
    }

    /// Jobs that are not finished and payloads that nobody has looked at.
    pub async fn open_work(&self) -> Vec<String> {
        self.list(
            "SELECT COUNT(*) || ' jobs are ' || state || ' to ' || lane || '/' || stream || ', e.g. ' || MAX(order_key) || ' ' || MAX(error) \
             FROM job WHERE state NOT IN ('done', 'superseded', 'ignored') GROUP BY state, lane, stream \
             UNION ALL SELECT COUNT(*) || ' payloads of ' || connection || ' are ' || disposition || ' ' || MAX(error) FROM inbox \
             WHERE disposition IN ('pending', 'dead') GROUP BY connection, disposition \
             UNION ALL SELECT COUNT(*) || ' rows of files are staged' FROM staged_row HAVING COUNT(*) > 0",
        )
        .await
    }

    /// Each acknowledged delivery that the inbox does not have.
    pub async fn missing(&self, acknowledged: &[Ack]) -> Vec<String> {
        let stored: BTreeSet<(String, String)> =
            sqlx::query_as(EVENTS).fetch_all(&self.0).await.unwrap().into_iter().collect();
        let known = |ack: &&Ack| {
            assert_ne!(ack.vendor, Vendor::Erp, "this one sends no webhooks");
            stored.contains(&(ack.vendor.name().to_owned(), ack.id.clone()))
        };
        acknowledged.iter().filter(|ack| !known(ack)).map(|ack| format!("{ack:?}")).collect()
    }

    async fn repeated(&self) -> Vec<String> {
        let statement = format!(
            "SELECT connection || ' ' || event || ' is in the inbox ' || COUNT(*) || ' times' FROM ({EVENTS}) \
             GROUP BY connection, event HAVING COUNT(*) > 1"
        );
        query_scalar(sqlx::AssertSqlSafe(statement)).fetch_all(&self.0).await.unwrap()
    }

    /// The shop's orders carry the time of their change, the ERP's files a sequence; what is applied never counts down.
    async fn backwards(&self) -> Vec<String> {
        self.list(
            "SELECT connection || '/' || stream || '/' || key || ' revision ' || revision || ' is of ' || said || ' after ' || before \
             FROM (SELECT v.*, LAG(said) OVER (PARTITION BY connection, stream, key ORDER BY revision) AS before FROM \
               (SELECT e.connection, e.stream, e.key, e.revision, \
                CASE WHEN e.connection = 'shop' THEN e.occurred_at ELSE b.sequence END AS said \
                FROM event e JOIN inbox i ON i.id = e.inbox_id LEFT JOIN file_batch b ON b.id = i.batch \
                WHERE (e.connection, e.stream) IN (VALUES ('shop', 'orders'), ('erp', 'stock'))) v \
               WHERE said IS NOT NULL) \
             WHERE said < before",
        )
        .await
    }

    pub async fn received(&self) -> i64 {
        self.count("SELECT COUNT(*) + SUM(duplicates) FROM inbox WHERE disposition <> 'split'").await
    }
}

/// Asks everything, of a daemon that has ended.
pub async fn judge(supervisor: &Supervisor, acknowledged: &[Ack], vendors: Verdict) -> Findings {
    let rows = Rows::open(&supervisor.database()).await;
    Findings {
        missing: rows.missing(acknowledged).await,
        repeated: rows.repeated().await,
        backwards: rows.backwards().await,
        open: rows.open_work().await,
        ledger: ledger_faults(supervisor).await,
        vendors,
    }
}

/// What `syncline verify --json` finds, and whether its exit code and its sum agree with that.
async fn ledger_faults(supervisor: &Supervisor) -> Vec<String> {
    let output = supervisor.run_command(&["verify", "--json"]).await;
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("verify said no JSON ({error}): {output:?}");
    });
    let mut faults: Vec<String> =
        report["faults"].as_array().unwrap().iter().map(|fault| fault.as_str().unwrap().to_owned()).collect();
    let count = |name: &str| report["counts"][name].as_i64().unwrap_or_else(|| panic!("no {name} in {report}"));
    let parts: i64 = ["applied", "superseded", "ignored", "dead", "pending"].into_iter().map(count).sum();
    if count("received") != parts {
        faults.push(format!("the ledger does not balance: {}", report["counts"]));
    }
    assert_eq!(output.status.success(), report["faults"].as_array().unwrap().is_empty(), "{output:?}");
    faults
}
