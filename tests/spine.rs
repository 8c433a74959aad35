//! The spine without vendors: real SQLite, the real processor, queue and deliverer, and a destination that misbehaves by
//! seed. Proves order per key, at most one effect per revision, never backwards, and a ledger that balances.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use syncline::connector::call::{CallError, CallResult, Lookup, Receipt, WriteContext};
use syncline::deliver::{
    BatchTerms, Deliverer, Destination, Effect, EffectKind, FlowBook, FlowMode, FlowRun, MapOut, Protection,
    RetryPolicy,
};
use syncline::model::clock::Clock;
use syncline::model::{Entity, ErrorClass, Record};
use syncline::process::{
    Candidate, Catalogue, Fetcher, Interpreted, Operation, Processor, ProcessorHandle, Route, SourceTraits, TieFetch,
    Unusable,
};
use syncline::queue::{Dispatcher, DispatcherOptions, LaneLimits, Lanes, QueueHandle, run_workers};
use syncline::store::sqlite::SqliteStore;
use syncline::store::{ConnectionHealth, DeadLetter, EntityKey, InboxRow, NewInbox, SourceKind, Store};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

struct Book {
    flow: Arc<FlowRun>,
    dest: Arc<Vendor>,
    latest: bool,
}

impl FlowBook for Book {
    fn flow(&self, name: &str) -> Option<Arc<FlowRun>> {
        (name == self.flow.name).then(|| Arc::clone(&self.flow))
    }

    fn destination(&self, connection: &str) -> Option<Arc<dyn Destination>> {
        (connection == "shop").then(|| Arc::clone(&self.dest) as Arc<dyn Destination>)
    }
}

impl Catalogue for Book {
    fn interpret(&self, row: &InboxRow) -> Result<Interpreted, Box<Unusable>> {
        let payload: Value = serde_json::from_slice(&row.payload).map_err(|error| {
            let dead = DeadLetter {
                scope: "erp".into(),
                class: ErrorClass::Data,
                fingerprint: "erp/json".into(),
                title: "not JSON".into(),
                detail: error.to_string(),
                next_step: "fix it".into(),
            };
            Box::new(Unusable { stream: None, entity: None, key: None, dead })
        })?;
        let sku = payload["sku"].as_str().unwrap().to_owned();
        let on_hand = payload["n"].to_string();
        let record = json!({"sku": sku, "location": "WH1", "on_hand": on_hand, "available": on_hand});
        Ok(Interpreted::Record(Candidate {
            id: EntityKey { connection: "erp".into(), stream: "stock".into(), key: sku.clone() },
            entity: Entity::InventoryLevel,
            source: row.source,
            operation: Operation::Upsert,
            version: payload["v"].as_i64(),
            occurred_at: None,
            record: Some(Record::from_json(Entity::InventoryLevel, &record).unwrap()),
            payload,
            as_of: row.received_at,
            backfill: false,
        }))
    }

    fn routes(&self, _: &str, _: &str) -> Vec<Route> {
        vec![Route {
            flow: self.flow.name.clone(),
            lane: "shop".into(),
            stream: "levels".into(),
            latest: self.latest,
            deletes: false,
            when: None,
        }]
    }

    fn traits(&self, _: &str, _: &str) -> SourceTraits {
        SourceTraits::default()
    }
}

#[derive(Default)]
struct Shelf {
    /// Every state the vendor was ever given, per record, in order.
    history: BTreeMap<String, Vec<i64>>,
    created: HashMap<String, u32>,
    /// What follows a create was done.
    finished: HashSet<String>,
    in_flight: HashMap<String, u32>,
    order_broken: Vec<String>,
}

/// Creates without idempotency (look-up needed), updates by replacing.
struct Vendor {
    shelf: Mutex<Shelf>,
    faults_permille: Mutex<u32>,
    /// Several effects go out in one call; some of them fail, or the call as a whole panics half-way.
    batching: bool,
    /// Answers nothing, after a while.
    dead: AtomicBool,
}

impl Vendor {
    fn strikes(&self) -> bool {
        fastrand::u32(0..1000) < *self.faults_permille.lock().unwrap()
    }

    async fn hang(&self) -> CallResult<()> {
        if !self.dead.load(Ordering::Relaxed) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(fastrand::u64(20..200))).await;
        Err(Self::failure(ErrorClass::Transient, false))
    }

    fn failure(class: ErrorClass, sent: bool) -> Box<CallError> {
        Box::new(CallError {
            class,
            system: "shop".into(),
            what: "POST /levels".into(),
            status: None,
            message: "injected".into(),
            next_step: String::new(),
            retry_after: Some(Duration::from_millis(20)),
            sent,
            request_excerpt: String::new(),
            response_excerpt: String::new(),
        })
    }
}

#[async_trait]
impl Destination for Vendor {
    fn protection(&self, _: &str, kind: EffectKind) -> Option<Protection> {
        match kind {
            EffectKind::Create => Some(Protection::LookUp),
            EffectKind::Update => Some(Protection::Natural),
            EffectKind::Upsert | EffectKind::Set | EffectKind::Delete => None,
        }
    }

    async fn write(&self, effect: &Effect) -> CallResult<Receipt> {
        let key = effect.context.natural_key.clone();
        self.hang().await?;
        if self.strikes() {
            return Err(Self::failure(ErrorClass::Transient, false));
        }
        {
            let mut shelf = self.shelf.lock().unwrap();
            let busy = shelf.in_flight.entry(key.clone()).or_default();
            *busy += 1;
            if *busy > 1 {
                shelf.order_broken.push(key.clone());
            }
        }
        tokio::task::yield_now().await;
        {
            let mut shelf = self.shelf.lock().unwrap();
            if effect.kind == EffectKind::Create {
                *shelf.created.entry(key.clone()).or_default() += 1;
            }
            let level: i64 = effect.body["on_hand"].as_str().unwrap().parse().unwrap();
            shelf.history.entry(key.clone()).or_default().push(level);
            *shelf.in_flight.get_mut(&key).unwrap() -= 1;
        }
        if self.strikes() {
            return Err(Self::failure(ErrorClass::UnknownOutcome, true));
        }
        if effect.kind == EffectKind::Create {
            self.shelf.lock().unwrap().finished.insert(key.clone());
        }
        if self.strikes() {
            panic!("a worker panics after the vendor has applied it");
        }
        Ok(Receipt {
            remote_id: Some(format!("id-{key}")),
            remote_version: None,
            status: Some(200),
            response_excerpt: String::new(),
        })
    }

    fn batch(&self, _: &str, _: EffectKind) -> Option<BatchTerms> {
        let terms = BatchTerms { max: 7, linger: Duration::from_millis(5), max_bytes: None };
        self.batching.then_some(terms)
    }

    async fn lookup(&self, _: &str, context: &WriteContext) -> CallResult<Lookup> {
        self.hang().await?;
        if self.strikes() {
            return Err(Self::failure(ErrorClass::RateLimited, false));
        }
        let shelf = self.shelf.lock().unwrap();
        Ok(match shelf.created.get(&context.natural_key) {
            Some(_) => Lookup::Found { remote_id: format!("id-{}", context.natural_key), body: Value::Null },
            None => Lookup::Absent,
        })
    }

    async fn follow_up(&self, effect: &Effect) -> CallResult<()> {
        assert_eq!(effect.kind, EffectKind::Create, "an update has nothing that follows it");
        if self.strikes() {
            return Err(Self::failure(ErrorClass::UnknownOutcome, true));
        }
        self.shelf.lock().unwrap().finished.insert(effect.context.natural_key.clone());
        Ok(())
    }

    fn echo(&self, _: &Effect, _: &Receipt) -> Value {
        Value::Null
    }
}

struct NoFetch;

#[async_trait]
impl Fetcher for NoFetch {
    async fn fetch(&self, _: &EntityKey) -> CallResult<Option<Value>> {
        Ok(None)
    }
}

struct Spine {
    store: Arc<dyn Store>,
    vendor: Arc<Vendor>,
    processor: ProcessorHandle,
    stop: CancellationToken,
    workers: CancellationToken,
    tasks: TaskTracker,
    _dir: tempfile::TempDir,
}

async fn start(latest: bool, faults_permille: u32, batching: bool) -> Spine {
    let dir = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&dir.path().join("hub.db")).await.unwrap());
    let vendor = Arc::new(Vendor {
        shelf: Mutex::default(),
        faults_permille: Mutex::new(faults_permille),
        batching,
        dead: AtomicBool::new(false),
    });
    let quick = RetryPolicy {
        first: Duration::from_millis(5),
        cap: Duration::from_millis(50),
        give_up_after: Duration::from_secs(600),
    };
    let flow = FlowRun {
        name: "stock-to-shop".into(),
        mode: FlowMode::Live,
        dest: "shop".into(),
        dest_stream: "levels".into(),
        needs: vec![],
        map_out: MapOut::Canonical,
        publish: None,
        owned_elsewhere: vec![],
        policy: quick,
        wait_limit: Duration::from_secs(60),
    };
    let book = Arc::new(Book { flow: Arc::new(flow), dest: Arc::clone(&vendor), latest });
    let (clock, tasks) = (Clock::System, TaskTracker::new());
    let (stop, workers) = (CancellationToken::new(), CancellationToken::new());
    let (queue, processor) = (QueueHandle::default(), ProcessorHandle::default());
    let lanes = Arc::new(Lanes::new([("shop".to_owned(), LaneLimits { concurrency: 16 })]));
    let ties = TieFetch::new(Arc::clone(&store), Arc::new(NoFetch), clock.clone(), tasks.clone(), stop.clone());
    let engine = Processor::new(
        Arc::clone(&store),
        Arc::clone(&book) as Arc<dyn Catalogue>,
        ties,
        clock.clone(),
        processor.clone(),
        queue.clone(),
    );
    tasks.spawn(engine.run(stop.clone()));
    let options = DispatcherOptions::new("test".into());
    let (dispatcher, backend) =
        Dispatcher::new(Arc::clone(&store), clock.clone(), Arc::clone(&lanes), queue.clone(), options, 64);
    tasks.spawn(dispatcher.run(stop.clone()));
    let deliverer = Arc::new(Deliverer::new(Arc::clone(&store), book, lanes, queue, clock));
    let deliver = move |delivery| {
        let deliverer = Arc::clone(&deliverer);
        async move { deliverer.deliver(delivery).await }
    };
    tasks.spawn(run_workers(backend, 32, deliver, workers.clone()));
    Spine { store, vendor, processor, stop, workers, tasks, _dir: dir }
}

impl Spine {
    async fn receive(&self, sku: &str, version: i64) {
        let row = NewInbox {
            connection: "erp".into(),
            stream: "stock".into(),
            source: SourceKind::Webhook,
            dedupe_key: format!("{sku}/{version}"),
            topic: String::new(),
            headers: String::new(),
            place: String::new(),
            payload: json!({"sku": sku, "v": version, "n": version}).to_string().into_bytes(),
            received_at: Clock::System.now_us(),
        };
        self.store.append_inbox(vec![row], None).await.unwrap();
        self.processor.wake();
    }

    async fn drained(&self) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        loop {
            let open: i64 =
                self.store.queue_stats().await.unwrap().iter().filter(|s| s.state.is_open()).map(|s| s.n).sum();
            if open == 0 && self.store.pending_count(1).await.unwrap() == 0 {
                return;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "not drained: {:?}",
                self.store.queue_stats().await.unwrap()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn stop(self) -> Arc<Vendor> {
        self.stop.cancel();
        self.workers.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        let report = self.store.verify(&|_, _, _| {}).await.unwrap();
        assert_eq!(report.faults, Vec::<String>::new());
        assert_eq!(
            report.received,
            report.applied + report.superseded + report.ignored + report.dead + report.pending,
            "{report:?}"
        );
        self.store.close().await;
        self.vendor
    }
}

/// All versions of all records, each twice, in an order without order.
fn shuffled(records: usize, versions: i64) -> Vec<(String, i64)> {
    let mut all: Vec<(String, i64)> = (0..records)
        .flat_map(|record| {
            (1..=versions).flat_map(move |v| [(format!("SKU-{record:03}"), v), (format!("SKU-{record:03}"), v)])
        })
        .collect();
    fastrand::shuffle(&mut all);
    all
}

#[track_caller]
fn check(vendor: &Vendor, records: usize, newest: i64) {
    let shelf = vendor.shelf.lock().unwrap();
    assert_eq!(shelf.history.len(), records, "a record was lost");
    for (sku, history) in &shelf.history {
        assert_eq!(history.last(), Some(&newest), "{sku} ended stale: {history:?}");
        assert!(history.is_sorted(), "{sku} went backwards: {history:?}");
        assert_eq!(shelf.created[sku], 1, "{sku} was created more than once");
        assert!(shelf.finished.contains(sku), "{sku}: nobody finished what a lost answer left open");
    }
    assert_eq!(shelf.order_broken, Vec::<String>::new(), "two jobs of one record at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_arrives_in_order_and_once_at_a_destination_that_misbehaves() {
    let spine = start(false, 120, false).await;
    for (sku, version) in shuffled(40, 8) {
        spine.receive(&sku, version).await;
    }
    spine.drained().await;
    let vendor = spine.stop().await;
    check(&vendor, 40, 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_latest_change_replaces_those_that_wait_and_still_arrives() {
    let spine = start(true, 120, false).await;
    for (sku, version) in shuffled(40, 8) {
        spine.receive(&sku, version).await;
    }
    spine.drained().await;
    let vendor = spine.stop().await;
    check(&vendor, 40, 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_keep_order_and_double_nothing_whatever_becomes_of_them() {
    for latest in [false, true] {
        let spine = start(latest, 60, true).await;
        for (sku, version) in shuffled(40, 8) {
            spine.receive(&sku, version).await;
        }
        spine.drained().await;
        let vendor = spine.stop().await;
        check(&vendor, 40, 8);
    }
}

#[tokio::test]
async fn after_a_dead_destination_everything_arrives_within_a_cool_down() {
    let spine = start(false, 0, false).await;
    spine.vendor.dead.store(true, Ordering::Relaxed);
    for record in 0..64 {
        spine.receive(&format!("SKU-{record:03}"), 1).await;
    }
    let is_open = async || {
        let states = spine.store.connection_states().await.unwrap();
        states.iter().any(|row| row.state == ConnectionHealth::Open)
    };
    while !is_open().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    spine.vendor.dead.store(false, Ordering::Relaxed);
    let back = tokio::time::Instant::now();
    spine.drained().await;
    // The first opening is 2 s; each of the 16 calls that were under way would once have doubled it, up to minutes.
    assert!(back.elapsed() < Duration::from_secs(30), "{:?}", back.elapsed());
    let states = spine.store.connection_states().await.unwrap();
    assert!(states.iter().all(|row| row.state == ConnectionHealth::Ok), "{states:?}");
    let vendor = spine.stop().await;
    check(&vendor, 64, 1);
}
