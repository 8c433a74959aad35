//! The event log published to a real NATS server that is killed, full, slow to come, or takes small messages only.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "brokers/nats_server.rs"]
mod nats_server;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use nats_server::{NatsServer, TOKEN};
use serde_json::{Value, json};
use syncline::broker::{BrokerError, Message, Outlet, Published, Publisher, cursor_of};
use syncline::config::{Broker, load};
use syncline::model::clock::Clock;
use syncline::model::{Entity, Record};
use syncline::store::sqlite::SqliteStore;
use syncline::store::{
    EntityKey, EntityWrite, IssueFilter, NewInbox, PlannedOutcome, PlannedRow, ProcessCommit, SourceKind, Store,
};
use tokio_util::sync::CancellationToken;

const NOW: i64 = 1_780_000_000_000_000;

struct Log {
    folder: tempfile::TempDir,
    store: Arc<dyn Store>,
}

impl Log {
    async fn new() -> Log {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.path().join("hub.db")).await.unwrap());
        Log { folder, store }
    }

    /// The record's next state.
    async fn changed(&self, stream: &str, key: &str, note: &str) {
        let id = EntityKey { connection: "shop".into(), stream: stream.into(), key: key.into() };
        let row = NewInbox {
            connection: id.connection.clone(),
            stream: id.stream.clone(),
            source: SourceKind::Poll,
            dedupe_key: format!("{key}-{}", fastrand::u64(..)),
            topic: String::new(),
            headers: String::new(),
            place: String::new(),
            payload: b"{}".to_vec(),
            received_at: NOW,
        };
        let inbox_id = self.store.append_inbox(vec![row], None).await.unwrap()[0].id;
        let known = self.store.entities(std::slice::from_ref(&id)).await.unwrap();
        let revision = known.first().map_or(0, |row| row.revision) + 1;
        let doc = json!({ "number": key, "placed_at": "2026-11-05T07:00:00Z", "currency": "EUR",
            "total": { "amount_minor": 100, "currency": "EUR" }, "payment_status": "paid", "lines": [], "note": note });
        let record = Record::from_json(Entity::Order, &doc).unwrap();
        let state = EntityWrite {
            id: id.clone(),
            entity: Entity::Order,
            natural_key: key.to_owned(),
            version: revision,
            revision,
            hash: fastrand::u64(..).to_string(),
            doc: record.canonical_json(),
            deleted: false,
            seen_by: SourceKind::Poll,
            as_of: NOW,
        };
        let outcome = PlannedOutcome::Apply { state, kind: "OrderPaid".into(), occurred_at: None, jobs: Vec::new() };
        let row = PlannedRow {
            inbox_id,
            connection: id.connection,
            received_at: NOW,
            stream: id.stream,
            entity: Entity::Order.to_string(),
            key: id.key,
            outcome,
            sighting: None,
        };
        let done = self.store.commit_processed(ProcessCommit { rows: vec![row], now: NOW }).await.unwrap();
        assert_eq!(done.conflicts, Vec::<i64>::new());
    }

    async fn newest(&self) -> i64 {
        self.store.recent_events(0, 1).await.unwrap()[0].id
    }

    async fn position(&self) -> i64 {
        let kept = self.store.cursor(&cursor_of("lake"), "").await.unwrap();
        kept.map_or(0, |position| position.parse().unwrap())
    }

    async fn caught_up(&self) {
        let newest = self.newest().await;
        until("the broker has everything", async || self.position().await == newest).await;
    }

    fn publish(&self, broker: &Broker) -> Running {
        self.publish_to(broker, None)
    }

    fn publish_to(&self, broker: &Broker, outlet: Option<Box<dyn Outlet>>) -> Running {
        let (clock, published, stop) = (Clock::manual(NOW), Published::default(), CancellationToken::new());
        let (store, standing) = (Arc::clone(&self.store), published.clone());
        let publisher = match outlet {
            Some(outlet) => Publisher::to(outlet, broker, store, clock.clone(), standing),
            None => Publisher::new(broker, store, clock.clone(), standing),
        };
        let task = tokio::spawn(publisher.run(stop.clone()));
        Running { clock, published, stop, task }
    }
}

struct Running {
    clock: Clock,
    published: Published,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    fn error(&self) -> Option<String> {
        self.published.all().into_iter().find_map(|(_, standing)| standing.error)
    }
}

async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(60);
    while !condition().await {
        assert!(Instant::now() < limit, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A configuration with one broker, as an installation has it.
fn configured(folder: &Path, nats: &str, events: &str) -> Result<Broker, String> {
    let text = format!(
        "connections:\n  shop: {{ connector: jsonl }}\nbrokers:\n  lake:\n    nats: {nats}\n    events: {events}\n"
    );
    std::fs::write(folder.join("syncline.yaml"), text).unwrap();
    load(folder).map(|config| config.brokers[0].clone()).map_err(|problems| problems.to_string())
}

fn broker(log: &Log, server: &NatsServer) -> Broker {
    configured(log.folder.path(), &format!("{{ servers: {}, token: {TOKEN} }}", server.address()), "[]").unwrap()
}

/// Revisions of each record, repetitions left out, as they stand in the stream.
fn revisions(messages: &[(String, String, Value)]) -> BTreeMap<String, Vec<i64>> {
    let mut found: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (_, _, body) in messages {
        let list = found.entry(body["subject"].as_str().unwrap().to_owned()).or_default();
        let revision = body["revision"].as_i64().unwrap();
        if !list.contains(&revision) {
            list.push(revision);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_arrives_in_its_records_order_although_the_server_is_killed() {
    let log = Log::new().await;
    let mut server = NatsServer::start(1 << 20).await;
    for n in 0..60 {
        log.changed("orders", &format!("o{}", n % 7), "first").await;
    }
    let running = log.publish(&broker(&log, &server));
    log.caught_up().await;
    for n in 0..300 {
        log.changed("orders", &format!("o{}", n % 7), "second").await;
        if n == 100 {
            server.kill();
        }
        if n == 200 {
            server.resume().await;
        }
    }
    log.caught_up().await;
    running.stop().await;
    let messages = server.messages("SYNCLINE").await;
    let found = revisions(&messages);
    assert_eq!(found.len(), 7);
    assert_eq!(found.values().map(Vec::len).sum::<usize>(), 360, "none is lost");
    for (record, revisions) in &found {
        assert!(revisions.is_sorted(), "{record}: {revisions:?}");
    }
    let (subject, id, body) = &messages[0];
    assert_eq!(subject, "syncline.shop.orders");
    assert_eq!(*id, format!("/connections/shop/streams/orders/{}", body["id"].as_str().unwrap()));
    assert_eq!((&body["specversion"], &body["type"]), (&json!("1.0"), &json!("com.syncline.OrderPaid")));
    assert_eq!(body["data"]["note"], "first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_forgot_what_was_confirmed_repeats_it_and_the_server_drops_that() {
    let log = Log::new().await;
    let server = NatsServer::start(1 << 20).await;
    for n in 0..20 {
        log.changed("orders", &format!("o{n}"), "").await;
    }
    let broker = broker(&log, &server);
    let running = log.publish(&broker);
    log.caught_up().await;
    running.stop().await;
    let first = server.messages("SYNCLINE").await.len();
    let forgotten = syncline::store::CursorMove {
        connection: cursor_of("lake"),
        stream: String::new(),
        value: "5".to_owned(),
        at: NOW,
    };
    log.store.append_inbox(Vec::new(), Some(forgotten)).await.unwrap();
    log.changed("orders", "o20", "").await;
    let running = log.publish(&broker);
    log.caught_up().await;
    running.stop().await;
    assert_eq!((first, server.messages("SYNCLINE").await.len()), (20, 21));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_larger_than_the_server_takes_goes_without_its_data_and_stops_nothing() {
    let log = Log::new().await;
    let server = NatsServer::start(16 * 1024).await;
    log.changed("orders", "small", "x").await;
    log.changed("orders", "large", &"x".repeat(40_000)).await;
    log.changed("orders", "after", "x").await;
    let running = log.publish(&broker(&log, &server));
    log.caught_up().await;
    running.stop().await;
    let messages = server.messages("SYNCLINE").await;
    let told: Vec<(&str, bool)> =
        messages.iter().map(|(_, _, body)| (body["subject"].as_str().unwrap(), body["data"].is_object())).collect();
    assert_eq!(told, [("small", true), ("large", false), ("after", true)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_streams_that_are_asked_for_are_published() {
    let log = Log::new().await;
    let server = NatsServer::start(1 << 20).await;
    log.changed("orders", "a", "").await;
    log.changed("returns", "b", "").await;
    log.changed("orders", "c", "").await;
    log.changed("returns", "d", "").await;
    let mut broker = broker(&log, &server);
    broker.events = vec![syncline::config::Endpoint { connection: "shop".into(), stream: "returns".into() }];
    let running = log.publish(&broker);
    log.caught_up().await;
    running.stop().await;
    let subjects: Vec<String> = server
        .messages("SYNCLINE")
        .await
        .into_iter()
        .map(|(_, _, body)| body["subject"].as_str().unwrap().into())
        .collect();
    assert_eq!(subjects, ["b", "d"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_cannot_be_reached_is_on_the_work_list_until_it_can() {
    let log = Log::new().await;
    let mut server = NatsServer::start(1 << 20).await;
    log.changed("orders", "a", "").await;
    server.kill();
    let running = log.publish(&broker(&log, &server));
    until("it has failed", async || running.error().is_some()).await;
    assert!(running.error().unwrap().contains("NATS at nats://127.0.0.1:"), "{:?}", running.error());
    assert!(!running.error().unwrap().contains(TOKEN));
    running.clock.advance_us(31_000_000);
    let open = async || log.store.issues(IssueFilter::Open).await.unwrap();
    until("it is on the work list", async || open().await.iter().any(|issue| issue.title.contains("broker lake")))
        .await;
    server.resume().await;
    log.caught_up().await;
    until("it is off the list", async || !open().await.iter().any(|issue| issue.title.contains("broker lake"))).await;
    assert_eq!(running.error(), None);
    running.stop().await;
}

/// Confirms what it wants to, and remembers all that it was given.
#[derive(Default)]
struct Moody {
    seen: Arc<Mutex<Vec<(String, String)>>>,
    calls: usize,
}

#[async_trait]
impl Outlet for Moody {
    async fn send(&mut self, messages: &[Message]) -> Vec<Result<(), BrokerError>> {
        self.calls += 1;
        let mut keys: Vec<&str> = messages.iter().map(|message| message.key.as_str()).collect();
        keys.sort_unstable();
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "one message of a record at a time");
        let refuse = |at: usize| (self.calls + at).is_multiple_of(3);
        let told = |(at, message): (usize, &Message)| {
            if refuse(at) {
                return Err(BrokerError { cause: "moody".into(), next: "wait".into() });
            }
            self.seen.lock().unwrap().push((message.key.clone(), message.id.clone()));
            Ok(())
        };
        messages.iter().enumerate().map(told).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_confirmed_out_of_turn_is_repeated_never_skipped() {
    let log = Log::new().await;
    for n in 0..40 {
        log.changed("orders", &format!("o{}", n % 5), "").await;
    }
    let folder = log.folder.path().to_owned();
    let broker = configured(&folder, "{ servers: nats://127.0.0.1:4222 }", "[]").unwrap();
    let outlet = Moody::default();
    let seen = Arc::clone(&outlet.seen);
    let running = log.publish_to(&broker, Some(Box::new(outlet)));
    log.caught_up().await;
    running.stop().await;
    let seen = seen.lock().unwrap().clone();
    let mut first: Vec<&(String, String)> = Vec::new();
    for message in &seen {
        if !first.contains(&message) {
            first.push(message);
        }
    }
    assert_eq!(first.len(), 40);
    for record in 0..5 {
        let key = format!("/connections/shop/streams/orders/o{record}");
        let numbers = first.iter().filter(|(of, _)| *of == key);
        let numbers: Vec<i64> =
            numbers.map(|(_, id)| id.rsplit('/').next().unwrap().split('-').next().unwrap().parse().unwrap()).collect();
        assert!(numbers.len() == 8 && numbers.is_sorted(), "{key}: {numbers:?}");
    }
}

#[test]
fn mistakes_are_told_with_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = |nats: &str, events: &str| configured(folder.path(), nats, events).unwrap_err();
    for (nats, events, words) in [
        ("{ servers: kafka://x }", "[]", "not the address of a NATS server"),
        ("{ servers: 'nats://user:s3cret@x' }", "[]", "credentials stand beside it"),
        ("{ servers: nats://x, subject: 'a.>' }", "[]", "`a.>` is no subject"),
        ("{ servers: nats://x, user: u }", "[]", "by half"),
        ("{ servers: nats://x, token: t, user: u, password: p }", "[]", "more than one way"),
        ("{ servers: nats://x, replicas: 9 }", "[]", "9 replicas"),
        ("{ servers: nats://x, stream: 'a b' }", "[]", "no name of a stream"),
        ("{ servers: nats://x }", "[shp.orders]", "no connection is named `shp`"),
        ("{ servers: nats://x }", "[shop.nothing]", "`shop` has no stream `nothing`"),
    ] {
        let told = wrong(nats, events);
        assert!(told.contains(words) && told.contains("syncline.yaml:"), "{nats} {events}: {told}");
        assert!(!told.contains("s3cret"), "{told}");
    }
}
