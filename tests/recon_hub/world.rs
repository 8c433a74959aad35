//! A shop, an ERP and the hub's real store between them; each test says what arrived, what was delivered and what is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use syncline::api::resources::reload::Reloaded;
use syncline::api::{About, ActionError, AppState, ConnectionInfo, FlowInfo, HubView, Owner, Readiness, ReloadRefusal};
use syncline::finance::desk::{Desk, DeskError, RunAsked};
use syncline::finance::heal::{HealAsked, HealDone};
use syncline::finance::record_rows::HubStreams;
use syncline::finance::systems::{EachLive, FlowFacts, LiveRecord, StreamFacts, Systems};
use syncline::model::clock::Clock;
use syncline::model::{Entity, ErrorClass, Record};
use syncline::store::sqlite::SqliteStore;
use syncline::store::*;
use syncline::telemetry::metrics::Metrics;

use super::kept_run::Run;

/// 2026-11-05T08:00:00Z.
const T0: i64 = 1_793_865_600_000_000;
pub const SECOND: i64 = 1_000_000;
pub const HOUR: i64 = 3_600 * SECOND;

type Between = Box<dyn FnOnce(World) -> BoxFuture<'static, ()> + Send>;

struct Inner {
    store: Arc<dyn Store>,
    dir: tempfile::TempDir,
    now: Mutex<i64>,
    read_through: Mutex<Option<i64>>,
    /// What the ERP has, which the mirror need not know.
    erp: Mutex<BTreeMap<String, Value>>,
    cut: Mutex<bool>,
    /// Records that the ERP does not want to be asked for.
    busy: Mutex<BTreeSet<String>>,
    between: Mutex<Option<Between>>,
}

#[derive(Clone)]
pub struct World(Arc<Inner>);

fn order(number: &str, minor: i64) -> Value {
    json!({ "number": number, "placed_at": "2026-11-05T07:00:00Z", "currency": "EUR",
        "total": { "amount_minor": minor, "currency": "EUR" }, "payment_status": "paid", "lines": [] })
}

fn id(connection: &str, stream: &str, key: &str) -> EntityKey {
    EntityKey { connection: connection.into(), stream: stream.into(), key: key.into() }
}

impl World {
    pub async fn new(definition: &str) -> World {
        let dir = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(dir.path().join("hub.db")).await.unwrap());
        std::fs::create_dir(dir.path().join("reconciliations")).unwrap();
        std::fs::write(dir.path().join("reconciliations/one.yaml"), definition).unwrap();
        World(Arc::new(Inner {
            store,
            dir,
            now: Mutex::new(T0),
            read_through: Mutex::new(Some(T0)),
            erp: Mutex::default(),
            cut: Mutex::default(),
            busy: Mutex::default(),
            between: Mutex::default(),
        }))
    }

    pub fn story(&self, text: &str) {
        let folder = self.0.dir.path().join("reconciliations/stories");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("one.yaml"), text).unwrap();
    }

    pub fn now(&self) -> i64 {
        *self.0.now.lock().unwrap()
    }

    pub fn advance(&self, by: i64) {
        *self.0.now.lock().unwrap() += by;
    }

    /// All streams have just been read completely.
    pub fn read_through(&self) {
        *self.0.read_through.lock().unwrap() = Some(self.now());
    }

    pub fn never_read(&self) {
        *self.0.read_through.lock().unwrap() = None;
    }

    /// Readings of whole streams end early from now on.
    pub fn break_reading(&self) {
        *self.0.cut.lock().unwrap() = true;
    }

    /// This record cannot be read again.
    pub fn busy(&self, remote: &str) {
        self.0.busy.lock().unwrap().insert(remote.to_owned());
    }

    /// Happens once, when records are read again.
    pub fn between_looks(&self, what: impl FnOnce(World) -> BoxFuture<'static, ()> + Send + 'static) {
        *self.0.between.lock().unwrap() = Some(Box::new(what));
    }

    pub fn desk(&self) -> Desk {
        let world = self.clone();
        Desk {
            store: Arc::clone(&self.0.store),
            systems: Some(Arc::new(self.clone())),
            folder: self.0.dir.path().to_owned(),
            room: self.0.dir.path().join("room"),
            shelf: Arc::default(),
            now: Arc::new(move || world.now()),
        }
    }

    pub fn forget_kept(&self) {
        std::fs::remove_dir_all(self.0.dir.path().join("room/kept")).unwrap();
    }

    async fn receive(&self, id: &EntityKey, source: SourceKind) -> i64 {
        let row = NewInbox {
            connection: id.connection.clone(),
            stream: id.stream.clone(),
            source,
            dedupe_key: format!("{}-{}", id.key, fastrand::u64(..)),
            topic: String::new(),
            headers: String::new(),
            place: String::new(),
            payload: id.key.clone().into_bytes(),
            received_at: self.now(),
        };
        self.0.store.append_inbox(vec![row], None).await.unwrap()[0].id
    }

    /// Something arrives and is processed: a new state, or that it is gone.
    async fn state(&self, id: EntityKey, entity: Entity, doc: Option<Value>, jobs: Vec<NewJob>) {
        let inbox_id = self.receive(&id, SourceKind::Poll).await;
        let known = self.0.store.entities(std::slice::from_ref(&id)).await.unwrap();
        let (revision, before) = known.first().map_or((0, "{}".into()), |row| (row.revision, row.doc.clone()));
        let record = doc.as_ref().map(|doc| Record::from_json(entity, doc).unwrap());
        let state = EntityWrite {
            id: id.clone(),
            entity,
            natural_key: record.as_ref().and_then(Record::natural_key).unwrap_or_default(),
            version: revision + 1,
            revision: revision + 1,
            hash: fastrand::u64(..).to_string(),
            doc: record.as_ref().map_or(before, Record::canonical_json),
            deleted: record.is_none(),
            seen_by: SourceKind::Poll,
            as_of: self.now(),
        };
        let row = PlannedRow {
            inbox_id,
            connection: id.connection,
            received_at: self.now(),
            stream: id.stream,
            entity: entity.to_string(),
            key: id.key,
            outcome: PlannedOutcome::Apply { state, kind: "changed".into(), occurred_at: None, jobs },
            sighting: None,
        };
        let done = self.0.store.commit_processed(ProcessCommit { rows: vec![row], now: self.now() }).await.unwrap();
        assert_eq!(done.conflicts, Vec::<i64>::new());
    }

    /// The shop has an order, and the ERP is owed it.
    pub async fn order(&self, key: &str, minor: i64) {
        let job = NewJob {
            flow: "orders-to-erp".into(),
            lane: "erp".into(),
            stream: "orders".into(),
            latest: false,
            order_key: order_key("erp", "orders", "shop", key),
            held: None,
        };
        self.state(id("shop", "orders", key), Entity::Order, Some(order(key, minor)), vec![job]).await;
    }

    /// The job of this order; those of others are given back.
    async fn claim(&self, key: &str) -> Claimed {
        let tick =
            Dispatch { owner: "node".into(), now: self.now(), lease_until: self.now() + HOUR, ..Dispatch::default() };
        let claims = vec![("erp".to_owned(), 100)];
        let claimed = self.0.store.dispatch(Dispatch { claims, ..tick.clone() }).await.unwrap().claimed;
        let (mine, others): (Vec<Claimed>, Vec<Claimed>) = claimed.into_iter().partition(|job| job.source.key == key);
        let release = |job: Claimed| Ack {
            claim: job.claim,
            outcome: AckOutcome::Released { run_at: self.now() },
            class: None,
            status: None,
            request: String::new(),
            response: String::new(),
        };
        let acks = others.into_iter().map(release).collect();
        self.0.store.dispatch(Dispatch { acks, ..tick }).await.unwrap();
        mine.into_iter().next().unwrap()
    }

    async fn acknowledge(&self, job: Claimed, outcome: AckOutcome) {
        let (request, response) = ("POST /orders".into(), "{}".into());
        let ack = Ack { claim: job.claim, outcome, class: None, status: Some(200), request, response };
        let tick = Dispatch { owner: "node".into(), now: self.now(), acks: vec![ack], ..Dispatch::default() };
        assert_eq!(self.0.store.dispatch(tick).await.unwrap().stale, []);
    }

    /// The ERP has taken the order under this id.
    pub async fn deliver(&self, key: &str, remote: &str) {
        let job = self.claim(key).await;
        let done = AckOutcome::Done {
            remote_id: remote.into(),
            remote_version: None,
            sent_hash: "sent".into(),
            echo: "{}".into(),
        };
        self.acknowledge(job, done).await;
    }

    /// The order's delivery is given up; returns the issue.
    pub async fn bury(&self, key: &str) -> i64 {
        let job = self.claim(key).await;
        let dead = DeadLetter {
            scope: "orders-to-erp".into(),
            class: ErrorClass::Data,
            fingerprint: "refused".into(),
            title: "the ERP refuses".into(),
            detail: "unknown article".into(),
            next_step: "create it".into(),
        };
        self.acknowledge(job, AckOutcome::Dead(dead)).await;
        self.0.store.open_issue("refused").await.unwrap().unwrap().id
    }

    /// The ERP has this order and the hub has read it.
    pub async fn shown(&self, remote: &str, number: &str, minor: i64) {
        self.vendor(remote, Some((number, minor)));
        self.state(id("erp", "orders", remote), Entity::Order, Some(order(number, minor)), Vec::new()).await;
    }

    /// The ERP has no such order any more and the hub has seen it.
    pub async fn vanished(&self, remote: &str) {
        self.vendor(remote, None);
        self.state(id("erp", "orders", remote), Entity::Order, None, Vec::new()).await;
    }

    /// The ERP shows it, and its payload waits.
    pub async fn waits(&self, remote: &str, number: &str, minor: i64) {
        self.vendor(remote, Some((number, minor)));
        self.receive(&id("erp", "orders", remote), SourceKind::Webhook).await;
    }

    /// What the ERP has, behind the hub's back.
    pub fn vendor(&self, remote: &str, what: Option<(&str, i64)>) {
        let mut erp = self.0.erp.lock().unwrap();
        match what {
            Some((number, minor)) => erp.insert(remote.to_owned(), order(number, minor)),
            None => erp.remove(remote),
        };
    }

    pub async fn level(&self, connection: &str, stream: &str, sku: &str, available: &str) {
        let doc = json!({ "sku": sku, "location": "WH1", "on_hand": available, "available": available });
        self.state(id(connection, stream, sku), Entity::InventoryLevel, Some(doc), Vec::new()).await;
    }

    pub async fn try_run(&self) -> Result<i64, DeskError> {
        let name = self.desk().definitions().0[0].definition.name.clone();
        let asked = RunAsked { period: None, as_of: None, input_dir: None, actor: "ann".into() };
        self.desk().run(&name, asked).await
    }

    /// A file of orders in the canonical form.
    pub fn file(&self, name: &str, orders: &[(&str, i64)]) {
        let path = self.0.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let lines: Vec<String> = orders.iter().map(|(number, minor)| format!("{}\n", order(number, *minor))).collect();
        std::fs::write(path, lines.concat()).unwrap();
    }

    pub async fn report(&self, run: i64) -> Run {
        let report = self.desk().report(run).await.unwrap();
        Run { id: run, report: serde_json::to_value(report).unwrap() }
    }

    pub async fn run(&self) -> Run {
        let (_, problems) = self.desk().definitions();
        assert!(problems.is_empty(), "{problems}");
        self.report(self.try_run().await.unwrap()).await
    }
}

#[async_trait]
impl Systems for World {
    fn streams(&self) -> HubStreams {
        let stream = |connection: &str, stream: &str| StreamId { connection: connection.into(), stream: stream.into() };
        HubStreams::default()
            .with(stream("shop", "orders"), Entity::Order)
            .with(stream("erp", "orders"), Entity::Order)
            .with(stream("erp", "stock"), Entity::InventoryLevel)
            .with(stream("shop", "inventory"), Entity::InventoryLevel)
    }

    fn stream(&self, stream: &StreamId) -> Option<StreamFacts> {
        let read_through = *self.0.read_through.lock().unwrap();
        Some(StreamFacts { polled: true, read_through, by_key: stream.to_string() == "erp.orders" })
    }

    fn flow(&self, from: &StreamId, to: &StreamId) -> Option<FlowFacts> {
        let known = from.to_string() == "shop.orders" && to.to_string() == "erp.orders";
        known.then(|| FlowFacts { name: "orders-to-erp".into(), latest: false })
    }

    fn about(&self, payload: &InboxRow) -> Vec<EntityKey> {
        vec![id(&payload.connection, &payload.stream, std::str::from_utf8(&payload.payload).unwrap())]
    }

    async fn read_again(&self, records: &[EntityKey]) -> Vec<(EntityKey, Result<i64, String>)> {
        let between = self.0.between.lock().unwrap().take();
        if let Some(between) = between {
            between(self.clone()).await;
        }
        let mut answers = Vec::new();
        for record in records {
            if self.0.busy.lock().unwrap().contains(&record.key) {
                answers.push((record.clone(), Err("busy".to_owned())));
                continue;
            }
            let doc = self.0.erp.lock().unwrap().get(&record.key).cloned();
            let known = self.0.store.entities(std::slice::from_ref(record)).await.unwrap();
            let now = doc.as_ref().map(|doc| Record::from_json(Entity::Order, doc).unwrap().canonical_json());
            let changed = known.first().is_none_or(|row| (!row.deleted).then(|| row.doc.clone()) != now);
            if changed && (doc.is_some() || !known.is_empty()) {
                self.state(record.clone(), Entity::Order, doc, Vec::new()).await;
            }
            answers.push((record.clone(), Ok(self.now())));
        }
        answers
    }

    async fn read_all(&self, _: &StreamId, each: EachLive<'_>) -> Result<(), String> {
        let erp = self.0.erp.lock().unwrap().clone();
        let cut = *self.0.cut.lock().unwrap();
        for (key, doc) in erp {
            each(vec![LiveRecord { key, record: Ok(Record::from_json(Entity::Order, &doc).unwrap()) }])?;
            if cut {
                return Err("the line is cut".to_owned());
            }
        }
        Ok(())
    }
}

/// The hub as the API sees it: it has a folder with reconciliations, and systems.
#[async_trait]
impl HubView for World {
    fn about(&self) -> About {
        About {
            owner: Owner::Daemon,
            started_at: T0,
            config_version: "1".into(),
            listen: None,
            public_url: None,
            warnings: Vec::new(),
        }
    }
    fn connections(&self) -> Vec<ConnectionInfo> {
        Vec::new()
    }
    fn flows(&self) -> Vec<FlowInfo> {
        Vec::new()
    }
    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }
    async fn pause_flow(&self, _: &str, _: &str) -> Result<(), ActionError> {
        Err(ActionError::Refused("no flow here".into()))
    }
    async fn resume_flow(&self, _: &str, _: &str) -> Result<(), ActionError> {
        Err(ActionError::Refused("no flow here".into()))
    }
    async fn reload(&self) -> Result<Reloaded, ReloadRefusal> {
        Err(ReloadRefusal { what: "nothing to reload".into(), problems: String::new() })
    }
    fn folder(&self) -> Option<PathBuf> {
        Some(self.0.dir.path().to_owned())
    }
    fn systems(&self) -> Option<Arc<dyn Systems>> {
        Some(Arc::new(self.clone()))
    }
    fn own_files(&self) -> OwnFiles {
        Arc::new(|| Ok(Vec::new()))
    }
    fn wake(&self) {}
}

impl World {
    /// The API's state over this hub; its clock is set to the world's.
    pub fn api(&self) -> AppState {
        let stop = tokio_util::sync::CancellationToken::new();
        let clock = Clock::manual(self.now());
        let store = Arc::clone(&self.0.store);
        let dir = self.0.dir.path().to_owned();
        AppState::new(store, Arc::new(self.clone()), clock, Metrics::default(), dir, stop)
    }

    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    pub fn define(&self, text: &str) {
        std::fs::write(self.0.dir.path().join("reconciliations/one.yaml"), text).unwrap();
    }

    /// Waits until work that was begun is done.
    pub async fn finished(&self, api: &AppState) {
        for _ in 0..2_000 {
            let runs = api.work().get(1);
            if runs.is_some_and(|work| work.finished_at.is_some()) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("it does not end");
    }

    pub async fn healed(&self, dry_run: bool, by_person: bool) -> Vec<(String, HealDone, String)> {
        let asked = HealAsked { dry_run, by_person };
        let report = self.desk().heal("orders", "ann", asked).await.unwrap();
        report.steps.into_iter().map(|step| (step.key.unwrap_or_default(), step.done, step.told)).collect()
    }
}
