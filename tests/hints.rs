//! Deliveries that nobody proved: whatever they say, only the record's name is believed, and the vendor is asked.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::response::Json;
use axum::routing::get;
use serde_json::{Value, json};
use syncline::hub::{Hub, HubOptions};
use syncline::model::clock::Clock;
use syncline::store::{NewInbox, SourceKind};

const CONNECTOR: &str = r#"
connector: thin
title: Thin
settings: { base_url: { format: url } }
http: { base_url: "{settings.base_url}" }
webhooks: { verify: { scheme: path_secret }, topic: ["{body.topic}"], events: items }
streams:
  orders:
    entity: order
    mapping: canonical
    key: "{record.number}"
    version: none
    get: { get: "/orders/{key}" }
    webhook: { record: order, topics: { order: upsert }, fetch: always }
"#;

/// A vendor that says the same each time, without an id.
const THINNEST: &str = r#"
connector: thin
title: Thin
settings: { base_url: { format: url } }
http: { base_url: "{settings.base_url}" }
webhooks: { verify: { scheme: path_secret }, topic: ["{body.look}"] }
streams:
  orders:
    entity: order
    mapping: canonical
    key: "{record.number}"
    version: { kind: sequence, value: "{record.extra['thin.rev']}" }
    occurred_at: "{record.placed_at}"
    get: { get: "/orders/{key}" }
    webhook: { topics: { orders: { op: upsert, key: "{body.id}" } }, fetch: always }
"#;

const CONFIG: &str = r#"
hub: { listen: "127.0.0.1:0", database: sqlite:data/syncline.db }
connections:
  shop: { connector: thin, settings: { base_url: "VENDOR" }, path_secret: a-secret-of-sixteen, allow_networks: [127.0.0.0/8] }
  files: { connector: jsonl, settings: { folder_in: in, folder_out: out } }
flows:
  orders: { from: shop.orders, to: files.records, mode: live }
"#;

fn order(number: &str, total: i64) -> Value {
    json!({ "number": number, "placed_at": "2026-11-20T08:00:00Z", "currency": "EUR",
            "total": { "amount_minor": total, "currency": "EUR" }, "status": "confirmed", "payment_status": "paid",
            "fulfilment_status": "unfulfilled", "lines": [] })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_several_hints_of_one_delivery_say_is_not_believed() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let vendor = Router::new().route(
        "/orders/{number}",
        get(async move |Path(number): Path<String>| {
            count.fetch_add(1, Ordering::SeqCst);
            Json(order(&number, 4_790))
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, vendor).await });

    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("connectors/thin")).unwrap();
    std::fs::write(folder.path().join("connectors/thin/connector.yaml"), CONNECTOR).unwrap();
    std::fs::write(folder.path().join("syncline.yaml"), CONFIG.replace("VENDOR", &address)).unwrap();
    let config = syncline::config::load(folder.path()).unwrap_or_else(|problems| panic!("{problems}"));
    let hub = Hub::start(config, HubOptions::default(), |_| Router::new()).await.unwrap();

    let said = |number: &str| json!({ "topic": "order", "order": order(number, 1) });
    let row = NewInbox {
        connection: "shop".to_owned(),
        stream: String::new(),
        source: SourceKind::Webhook,
        dedupe_key: "1".to_owned(),
        topic: String::new(),
        headers: r#"{"content-type":"application/json"}"#.to_owned(),
        place: String::new(),
        payload: json!({ "items": [said("A"), said("B")] }).to_string().into_bytes(),
        received_at: Clock::System.now_us(),
    };
    hub.store.append_inbox(vec![row], None).await.unwrap();
    hub.processor.wake();

    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    for number in ["A", "B"] {
        let id = syncline::store::EntityKey {
            connection: "shop".to_owned(),
            stream: "orders".to_owned(),
            key: number.to_owned(),
        };
        let record = loop {
            if let Some(state) = hub.store.entities(std::slice::from_ref(&id)).await.unwrap().pop() {
                break state.doc;
            }
            assert!(tokio::time::Instant::now() < deadline, "order {number} never came");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert!(record.contains("4790"), "{record}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_hint_of_the_same_words_is_no_duplicate() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let vendor = Router::new().route(
        "/orders/{number}",
        get(async move |Path(number): Path<String>| {
            let times = count.fetch_add(1, Ordering::SeqCst) as i64;
            let mut order = order(&number, 1_000 + times);
            order["extra"] = json!({ "thin.rev": times });
            Json(order)
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, vendor).await });

    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("connectors/thin")).unwrap();
    std::fs::write(folder.path().join("connectors/thin/connector.yaml"), THINNEST).unwrap();
    std::fs::write(folder.path().join("syncline.yaml"), CONFIG.replace("VENDOR", &address)).unwrap();
    let config = syncline::config::load(folder.path()).unwrap_or_else(|problems| panic!("{problems}"));
    let hub = Hub::start(config, HubOptions::default(), |_| Router::new()).await.unwrap();
    let door = format!("http://{}/hooks/shop/a-secret-of-sixteen", hub.address);

    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    for total in ["1000", "1001"] {
        let hint = reqwest::Client::new().post(&door).body(r#"{"look":"orders","id":"A"}"#);
        assert_eq!(hint.header("content-type", "application/json").send().await.unwrap().status(), 200);
        let id = syncline::store::EntityKey {
            connection: "shop".to_owned(),
            stream: "orders".to_owned(),
            key: "A".to_owned(),
        };
        loop {
            let state = hub.store.entities(std::slice::from_ref(&id)).await.unwrap().pop();
            if state.is_some_and(|state| state.doc.contains(total)) {
                break;
            }
            assert!(tokio::time::Instant::now() < deadline, "the order never came to {total}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    hub.stop().await;
}
