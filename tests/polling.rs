//! Polling against a real store and processor: records that a complete walk no longer shows, and records read by hint.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};
use syncline::connector::call::{CallResult, Fetched, IncomingOp, Page, PageToken};
use syncline::intake::{PollSource, poll_stream};
use syncline::model::clock::Clock;
use syncline::model::{Entity, Record};
use syncline::process::{
    Candidate, Catalogue, Fetcher, Interpreted, Operation, Part, Processor, ProcessorHandle, Route, SourceTraits,
    TieFetch, Unusable,
};
use syncline::queue::QueueHandle;
use syncline::store::sqlite::SqliteStore;
use syncline::store::{EntityKey, InboxRow, SourceKind, Store};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A stock list; what is `hidden` is there but not listed.
#[derive(Default)]
struct Shelf {
    listed: BTreeSet<u32>,
    hidden: BTreeSet<u32>,
    /// The next walk breaks off after its first page.
    breaks: bool,
    unreadable: bool,
}

struct Vendor {
    shelf: Mutex<Shelf>,
    can_fetch: bool,
    most: u32,
    walks: AtomicUsize,
    asked: Mutex<Vec<String>>,
}

fn level(sku: u32) -> Value {
    json!({ "sku": format!("S{sku:03}") })
}

#[async_trait]
impl PollSource for Vendor {
    fn connection(&self) -> &str {
        "erp"
    }

    fn stream(&self) -> &str {
        "stock"
    }

    /// Rounds come when they are asked for.
    fn every(&self) -> Duration {
        Duration::from_secs(3_600)
    }

    async fn page(&self, _: Option<&str>, page: Option<PageToken>) -> CallResult<Page> {
        let shelf = self.shelf.lock().unwrap();
        let all: Vec<Value> = shelf.listed.iter().map(|sku| level(*sku)).collect();
        let half = all.len().div_ceil(2);
        let (mut records, next) = match page {
            None => (all[..half].to_vec(), Some(PageToken("2".to_owned()))),
            Some(_) if shelf.breaks => {
                self.walks.fetch_add(1, Ordering::SeqCst);
                return Err(failure());
            }
            Some(_) => (all[half..].to_vec(), None),
        };
        if shelf.unreadable && next.is_none() {
            records.push(json!({"odd": true}));
        }
        Ok(Page { records, ids: Vec::new(), fetched: Vec::new(), next, server_time: None, cursor: None })
    }

    fn key(&self, record: &Value) -> Option<String> {
        record["sku"].as_str().map(str::to_owned)
    }

    fn in_waves(&self) -> bool {
        false
    }

    fn completed(&self, _: i64) {
        self.walks.fetch_add(1, Ordering::SeqCst);
    }

    fn as_webhook(&self, _: &Value) -> Option<(String, String)> {
        None
    }

    fn deletions(&self) -> Option<u32> {
        Some(self.most)
    }

    async fn fetch(&self, key: &str) -> CallResult<Option<Fetched>> {
        if !self.can_fetch {
            return Ok(None);
        }
        self.asked.lock().unwrap().push(key.to_owned());
        let shelf = self.shelf.lock().unwrap();
        let record = shelf.hidden.iter().map(|sku| level(*sku)).find(|record| record["sku"] == key);
        Ok(Some(Fetched { key: key.to_owned(), asked_at: Timestamp::now(), record }))
    }
}

fn failure() -> Box<syncline::connector::call::CallError> {
    Box::new(syncline::connector::call::CallError {
        class: syncline::model::ErrorClass::Data,
        system: "erp".into(),
        what: "GET /stock".into(),
        status: Some(400),
        message: "injected".into(),
        next_step: String::new(),
        retry_after: Some(Duration::from_secs(3_600)),
        sent: true,
        request_excerpt: String::new(),
        response_excerpt: String::new(),
    })
}

struct Book;

impl Catalogue for Book {
    fn interpret(&self, row: &InboxRow) -> Result<Interpreted, Box<Unusable>> {
        let (key, operation, as_of) = match row.source {
            SourceKind::Fetch => {
                let part = Part::from_bytes(&row.payload).unwrap();
                let operation = match part.op {
                    IncomingOp::Upsert => Operation::Upsert,
                    IncomingOp::Delete => Operation::Delete,
                };
                (part.key, operation, part.asked_at.unwrap())
            }
            SourceKind::Poll | SourceKind::Webhook | SourceKind::File | SourceKind::Split => {
                let payload: Value = serde_json::from_slice(&row.payload).unwrap();
                let Some(key) = payload["sku"].as_str() else {
                    return Ok(Interpreted::Ignored { stream: "stock".to_owned(), rule: "odd".to_owned() });
                };
                (key.to_owned(), Operation::Upsert, row.received_at)
            }
        };
        let record = json!({"sku": key, "location": "WH1", "on_hand": "1", "available": "1"});
        let record = Record::from_json(Entity::InventoryLevel, &record).unwrap();
        Ok(Interpreted::Record(Candidate {
            id: EntityKey { connection: "erp".into(), stream: "stock".into(), key },
            entity: Entity::InventoryLevel,
            source: row.source,
            operation,
            version: None,
            occurred_at: None,
            record: (operation == Operation::Upsert).then_some(record),
            payload: Value::Null,
            as_of,
            backfill: false,
        }))
    }

    fn routes(&self, _: &str, _: &str) -> Vec<Route> {
        Vec::new()
    }

    fn traits(&self, _: &str, _: &str) -> SourceTraits {
        SourceTraits::default()
    }
}

struct NoFetch;

#[async_trait]
impl Fetcher for NoFetch {
    async fn fetch(&self, _: &EntityKey) -> CallResult<Option<Value>> {
        Ok(None)
    }
}

struct Bench {
    vendor: Arc<Vendor>,
    store: Arc<dyn Store>,
    now: Arc<Notify>,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn start(count: u32, can_fetch: bool, most: u32) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.path().join("hub.db")).await.unwrap());
        let vendor = Arc::new(Vendor {
            shelf: Mutex::new(Shelf { listed: (1..=count).collect(), ..Shelf::default() }),
            can_fetch,
            most,
            walks: AtomicUsize::new(0),
            asked: Mutex::default(),
        });
        let (processor, stop, now) = (ProcessorHandle::default(), CancellationToken::new(), Arc::new(Notify::new()));
        let clock = Clock::System;
        let ties =
            TieFetch::new(Arc::clone(&store), Arc::new(NoFetch), clock.clone(), TaskTracker::new(), stop.clone());
        let engine = Processor::new(
            Arc::clone(&store),
            Arc::new(Book),
            ties,
            clock.clone(),
            processor.clone(),
            QueueHandle::default(),
        );
        tokio::spawn(engine.run(stop.clone()));
        let source: Arc<dyn PollSource> = vendor.clone();
        tokio::spawn(poll_stream(source, Arc::clone(&store), processor, clock, Arc::clone(&now), stop.clone()));
        let bench = Bench { vendor, store, now, stop, _folder: folder };
        bench.walk().await;
        bench.expect(&(1..=count).collect::<Vec<_>>()).await;
        bench
    }

    /// One more walk to its end.
    async fn walk(&self) {
        let before = self.vendor.walks.load(Ordering::SeqCst);
        self.now.notify_one();
        until(|| async { self.vendor.walks.load(Ordering::SeqCst) > before }).await;
    }

    async fn live(&self) -> Vec<u32> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let page = self.store.live_keys("erp", "stock", &after, 3).await.unwrap();
            let Some(last) = page.last() else { return all };
            after.clone_from(&last.key);
            all.extend(page.iter().map(|live| live.key[1..].parse::<u32>().unwrap()));
        }
    }

    async fn processed(&self) {
        until(|| async { self.store.pending_count(1).await.unwrap() == 0 }).await;
    }

    async fn expect(&self, skus: &[u32]) {
        self.processed().await;
        assert_eq!(self.live().await, skus);
    }

    fn change(&self, change: impl FnOnce(&mut Shelf)) {
        change(&mut self.vendor.shelf.lock().unwrap());
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn until<F: Future<Output = bool>>(mut condition: impl FnMut() -> F) {
    let waiting = async {
        while !condition().await {
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("the condition never held");
}

#[tokio::test]
async fn what_the_vendor_confirms_as_gone_is_deleted_and_what_the_walk_missed_is_not() {
    let bench = Bench::start(20, true, 2_000).await;
    bench.change(|shelf| {
        shelf.listed.remove(&4);
        shelf.listed.remove(&7);
        shelf.hidden.insert(7);
    });
    bench.walk().await;
    let expected: Vec<u32> = (1..=20).filter(|sku| *sku != 4).collect();
    bench.expect(&expected).await;
    assert_eq!(*bench.vendor.asked.lock().unwrap(), ["S004", "S007"]);
    // It comes back.
    bench.change(|shelf| {
        shelf.listed.insert(4);
    });
    bench.walk().await;
    bench.expect(&(1..=20).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn a_walk_that_is_not_complete_proves_nothing() {
    let bench = Bench::start(20, true, 10_000).await;
    let all: Vec<u32> = (1..=20).collect();
    bench.change(|shelf| {
        shelf.listed.remove(&20);
        shelf.breaks = true;
    });
    bench.walk().await;
    bench.expect(&all).await;
    bench.change(|shelf| {
        shelf.breaks = false;
        shelf.unreadable = true;
    });
    bench.walk().await;
    bench.expect(&all).await;
    assert!(bench.vendor.asked.lock().unwrap().is_empty());
    bench.change(|shelf| shelf.unreadable = false);
    bench.walk().await;
    bench.expect(&all[..19]).await;
}

#[tokio::test]
async fn too_many_missing_records_are_not_believed() {
    let bench = Bench::start(20, true, 2_000).await;
    let all: Vec<u32> = (1..=20).collect();
    for left in [0, 15] {
        bench.change(|shelf| shelf.listed = (1..=left).collect());
        bench.walk().await;
        bench.expect(&all).await;
    }
    assert!(bench.vendor.asked.lock().unwrap().is_empty());
    bench.change(|shelf| shelf.listed = (1..=16).collect());
    bench.walk().await;
    bench.expect(&all[..16]).await;
}

#[tokio::test]
async fn where_records_cannot_be_asked_for_two_walks_must_miss_them() {
    let bench = Bench::start(20, false, 2_000).await;
    bench.change(|shelf| {
        shelf.listed.remove(&4);
        shelf.listed.remove(&7);
    });
    bench.walk().await;
    bench.expect(&(1..=20).collect::<Vec<_>>()).await;
    bench.change(|shelf| {
        shelf.listed.insert(7);
    });
    bench.walk().await;
    bench.expect(&(1..=20).filter(|sku| *sku != 4).collect::<Vec<_>>()).await;
}
