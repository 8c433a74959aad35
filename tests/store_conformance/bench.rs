//! What a database has to offer to be put through the suite, and short ways to write records, jobs and outcomes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use sqlx::{ConnectOptions as _, Connection as _};
use syncline::model::{Entity, ErrorClass};
use syncline::store::postgres::PostgresStore;
use syncline::store::sqlite::SqliteStore;
use syncline::store::*;

use crate::server::Server;

#[async_trait]
pub trait Bench: Sync {
    async fn new() -> Self
    where
        Self: Sized;
    /// Opens the same database again after the last store was dropped or closed.
    async fn open(&self) -> Arc<dyn Store>;
    /// Runs a statement past the store, as somebody with the database's password could.
    async fn tamper(&self, sql: &'static str);
    /// Takes away what keeps a table append only.
    async fn allow_changes(&self, table: &str);
}

pub struct SqliteBench {
    pub directory: tempfile::TempDir,
}

impl SqliteBench {
    pub fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("hub.db")
    }
}

#[async_trait]
impl Bench for SqliteBench {
    async fn new() -> SqliteBench {
        SqliteBench { directory: tempfile::tempdir().unwrap() }
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(self.path()).await.unwrap())
    }

    async fn tamper(&self, sql: &'static str) {
        let mut conn = sqlx::sqlite::SqliteConnectOptions::new().filename(self.path()).connect().await.unwrap();
        sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
    }

    async fn allow_changes(&self, table: &str) {
        let mut conn = sqlx::sqlite::SqliteConnectOptions::new().filename(self.path()).connect().await.unwrap();
        let drop = format!("DROP TRIGGER {table}_no_update; DROP TRIGGER {table}_no_delete;");
        sqlx::raw_sql(sqlx::AssertSqlSafe(drop)).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
    }
}

/// A database of a server that all tests of the process share.
pub struct PostgresBench {
    pub server: Arc<Server>,
    pub url: String,
}

impl PostgresBench {
    pub async fn connect(&self) -> sqlx::PgConnection {
        let mut conn = sqlx::PgConnection::connect(&self.url).await.unwrap();
        sqlx::raw_sql("SET search_path TO syncline").execute(&mut conn).await.unwrap();
        conn
    }
}

#[async_trait]
impl Bench for PostgresBench {
    async fn new() -> PostgresBench {
        static RUNNING: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        static DATABASES: AtomicUsize = AtomicUsize::new(1);
        let server = {
            let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
            let server = running.upgrade().unwrap_or_else(|| Arc::new(Server::durable()));
            *running = Arc::downgrade(&server);
            server
        };
        let url = server.database(&format!("hub_{}", DATABASES.fetch_add(1, Ordering::Relaxed)));
        PostgresBench { server, url }
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(PostgresStore::open(&self.url).await.unwrap())
    }

    async fn tamper(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&mut self.connect().await).await.unwrap();
    }

    async fn allow_changes(&self, table: &str) {
        let drop = format!("DROP TRIGGER {table}_no_update ON {table}; DROP TRIGGER {table}_no_delete ON {table}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(drop)).execute(&mut self.connect().await).await.unwrap();
    }
}

/// Some noon; tests count microseconds from here.
pub const T0: i64 = 1_780_000_000_000_000;
pub const SHOP: &str = "shop";
pub const ERP: &str = "erp";

pub fn payload(dedupe_key: &str, at: i64) -> NewInbox {
    NewInbox {
        connection: SHOP.into(),
        stream: "orders".into(),
        source: SourceKind::Webhook,
        dedupe_key: dedupe_key.into(),
        topic: "orders/updated".into(),
        headers: String::new(),
        place: String::new(),
        payload: format!("{{\"delivery\":\"{dedupe_key}\"}}").into_bytes(),
        received_at: at,
    }
}

pub fn record(key: &str) -> EntityKey {
    EntityKey { connection: SHOP.into(), stream: "orders".into(), key: key.into() }
}

/// Revision and version move together unless a test says otherwise.
pub fn state(key: &str, revision: i64) -> EntityWrite {
    EntityWrite {
        id: record(key),
        entity: Entity::Order,
        natural_key: format!("#{key}"),
        version: revision,
        revision,
        hash: format!("hash-{key}-{revision}"),
        doc: format!("{{\"key\":\"{key}\",\"revision\":{revision}}}"),
        deleted: false,
        as_of: 0,
        seen_by: SourceKind::Webhook,
    }
}

pub fn job_for(key: &str, latest: bool) -> NewJob {
    NewJob {
        flow: "orders-to-erp".into(),
        lane: ERP.into(),
        stream: "sales_orders".into(),
        latest,
        order_key: order_key(ERP, "sales_orders", SHOP, key),
        held: None,
    }
}

pub fn planned(inbox_id: i64, key: &str, outcome: PlannedOutcome) -> PlannedRow {
    PlannedRow {
        inbox_id,
        connection: SHOP.into(),
        received_at: T0,
        stream: "orders".into(),
        entity: "order".into(),
        key: key.into(),
        outcome,
        sighting: None,
    }
}

pub fn applied(key: &str, revision: i64, jobs: Vec<NewJob>) -> PlannedOutcome {
    PlannedOutcome::Apply { state: state(key, revision), kind: "order.updated".into(), occurred_at: Some(T0), jobs }
}

pub fn dead_letter(fingerprint: &str) -> DeadLetter {
    DeadLetter {
        scope: "orders-to-erp".into(),
        class: ErrorClass::Data,
        fingerprint: fingerprint.into(),
        title: format!("title of {fingerprint}"),
        detail: format!("detail of {fingerprint}"),
        next_step: "correct the record".into(),
    }
}

pub async fn append_one(store: &dyn Store, dedupe_key: &str) -> i64 {
    store.append_inbox(vec![payload(dedupe_key, T0)], None).await.unwrap()[0].id
}

pub async fn commit(store: &dyn Store, rows: Vec<PlannedRow>, now: i64) -> Processed {
    store.commit_processed(ProcessCommit { rows, now }).await.unwrap()
}

/// Receives and applies a revision that owes the destination one job. Returns the payload's id.
pub async fn owe(store: &dyn Store, key: &str, revision: i64, latest: bool) -> i64 {
    let id = append_one(store, &format!("{key}-{revision}")).await;
    let rows = vec![planned(id, key, applied(key, revision, vec![job_for(key, latest)]))];
    let done = commit(store, rows, T0 + revision).await;
    assert_eq!(done.conflicts, Vec::<i64>::new());
    id
}

pub fn tick(now: i64) -> Dispatch {
    Dispatch { owner: "node-1".into(), now, lease_until: now + 60_000_000, ..Dispatch::default() }
}

pub async fn claim(store: &dyn Store, now: i64, room: u32) -> Vec<Claimed> {
    store.dispatch(Dispatch { claims: vec![(ERP.into(), room)], ..tick(now) }).await.unwrap().claimed
}

pub fn ack(claim: JobClaim, outcome: AckOutcome) -> Ack {
    Ack { claim, outcome, class: None, status: Some(200), request: "POST /x".into(), response: "{}".into() }
}

pub fn done(remote_id: &str) -> AckOutcome {
    AckOutcome::Done {
        remote_id: remote_id.into(),
        remote_version: Some(7),
        sent_hash: "sent".into(),
        echo: "{\"total\":1}".into(),
    }
}

pub async fn acknowledge(store: &dyn Store, now: i64, claim: JobClaim, outcome: AckOutcome) -> Dispatched {
    store.dispatch(Dispatch { acks: vec![ack(claim, outcome)], ..tick(now) }).await.unwrap()
}

/// Claims the one job that is due.
pub async fn claim_one(store: &dyn Store, now: i64) -> Claimed {
    let mut claimed = claim(store, now, 10).await;
    assert_eq!(claimed.len(), 1, "{claimed:?}");
    claimed.remove(0)
}

/// A person's edit, whatever was there before.
pub fn correction(dead: DeadRef, body: &str, at: i64) -> DeadEdit {
    DeadEdit { dead, body: body.into(), base: None, changed: vec!["number".into()], actor: "ann".into(), at }
}

pub async fn job_states(store: &dyn Store, key: &str) -> Vec<JobState> {
    store.timeline(&record(key)).await.unwrap().jobs.iter().map(|job| job.state).collect()
}

/// The ledger of all days as (disposition, reason, n).
pub async fn ledger(store: &dyn Store) -> Vec<(Disposition, String, i64)> {
    let mut sums = std::collections::BTreeMap::new();
    for row in store.tally(0).await.unwrap() {
        *sums.entry((row.disposition, row.reason)).or_insert(0) += row.n;
    }
    sums.into_iter().filter(|(_, n)| *n != 0).map(|((disposition, reason), n)| (disposition, reason, n)).collect()
}

#[track_caller]
pub fn entry(disposition: Disposition, reason: &str, n: i64) -> (Disposition, String, i64) {
    (disposition, reason.into(), n)
}

pub async fn assert_sound(store: &dyn Store) -> VerifyReport {
    let report = store.verify(&|_, _, _| {}).await.unwrap();
    assert_eq!(report.faults, Vec::<String>::new());
    assert_eq!(
        report.received,
        report.applied + report.superseded + report.ignored + report.dead + report.pending,
        "{report:?}"
    );
    report
}
