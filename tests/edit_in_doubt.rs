//! A person edits a record while nobody knows whether it arrived: it is looked up under both names, or a person is asked.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use syncline::api::HubView as _;
use syncline::hub::{Hub, HubOptions};
use syncline::store::{DeadEdit, DeadRef, IssueFilter, IssueRow, Store};

#[path = "http_engine/vendor.rs"]
#[allow(dead_code)]
mod vendor;
use vendor::{Asked, Reply, Vendor};

const CONNECTOR: &str = r#"
connector: bulk
title: Bulk
settings:
  folder: { format: folder, required: false }
  url: { format: url, required: false }
http: { base_url: "{settings.url}", auth: { scheme: none }, timeouts: { connect: 5s, request: 5s } }
streams:
  stock:
    entity: inventory_level
    mapping: canonical
    key: "{record.sku}"
    version: none
    read:
      from: file
      folder: "{settings.folder?}"
      pattern: stock_*.jsonl
      marker: { scheme: suffix, suffix: .done }
      mode: delta
      every: 100ms
      format: { type: json_lines }
  searched:
    entity: inventory_level
    mapping: canonical
    write:
      create:
        post: /articles
        json: { sku: "{record.sku}" }
        response: { id: "{body.id}" }
        idempotency: { scheme: lookup, request: { get: /articles, query: { sku: "{record.sku}" } }, found: articles, id: id }
  keyed:
    entity: inventory_level
    mapping: canonical
    write:
      create:
        post: /articles
        json: { sku: "{record.sku}" }
        response: { id: "{body.id}" }
        idempotency: { scheme: header, name: Idempotency-Key, value: "{idempotency_key}", ttl: 24h }
"#;

fn install(folder: &Path, url: &str, to: &str) {
    for name in ["erp", "connectors/bulk"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    fs::write(folder.join("connectors/bulk/connector.yaml"), CONNECTOR).unwrap();
    let configuration = format!(
        "hub: {{ listen: \"127.0.0.1:0\", database: \"sqlite:data/syncline.db\" }}\n\
         retry:\n  hasty: {{ first_delay: 100ms, max_delay: 200ms, give_up_after: 1s }}\n\
         connections:\n  erp: {{ connector: bulk, settings: {{ folder: erp }} }}\n\
         \x20 shop: {{ connector: bulk, settings: {{ url: \"{url}\" }}, allow_networks: [127.0.0.0/8] }}\n\
         flows:\n  stock: {{ from: erp.stock, to: shop.{to}, mode: live, retry: hasty }}\n"
    );
    fs::write(folder.join("syncline.yaml"), configuration).unwrap();
    let level = json!({"sku": "OLD", "location": "WH1", "on_hand": "1"}).to_string();
    fs::write(folder.join("erp/stock_1.jsonl"), level + "\n").unwrap();
    fs::write(folder.join("erp/stock_1.jsonl.done"), "").unwrap();
}

/// Takes what it is sent; until it is well, its answers are lost and it cannot be asked.
struct Shelf {
    well: AtomicBool,
    created: Mutex<Vec<String>>,
}

impl Shelf {
    fn answer(&self, asked: &Asked) -> Reply {
        let well = self.well.load(Ordering::SeqCst);
        let mut created = self.created.lock().unwrap();
        if asked.method == "GET" {
            let found: Vec<Value> =
                created.iter().filter(|sku| asked.query("sku") == Some(sku)).map(|sku| json!({"id": sku})).collect();
            // Before its first creation it can be asked.
            let status = if well || created.is_empty() { 200 } else { 503 };
            return vendor::json(status, json!({ "articles": found }).to_string());
        }
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        let sku = body["sku"].as_str().unwrap().to_owned();
        let answer = json!({ "id": sku });
        created.push(sku);
        if well { vendor::json(201, answer.to_string()) } else { Reply::Close }
    }

    fn created(&self) -> Vec<String> {
        self.created.lock().unwrap().clone()
    }
}

async fn issue(store: &dyn Store, which: impl Fn(&IssueRow) -> bool) -> IssueRow {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let issues = store.issues(IssueFilter::Open).await.unwrap();
        if let Some(issue) = issues.iter().find(|issue| which(issue)) {
            return issue.clone();
        }
        assert!(Instant::now() < deadline, "never filed: {issues:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn settled(store: &dyn Store) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while store.queue_stats().await.unwrap().iter().any(|stat| stat.state.is_open()) {
        assert!(Instant::now() < deadline, "never settled");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

struct Doubt {
    hub: Arc<Hub>,
    shelf: Arc<Shelf>,
    vendor: Vendor,
    job: DeadRef,
    _root: tempfile::TempDir,
}

/// A record was sent, its answer lost, and the hub gave up; then the vendor is well again.
async fn in_doubt(to: &str) -> Doubt {
    let root = tempfile::tempdir().unwrap();
    let shelf = Arc::new(Shelf { well: AtomicBool::new(false), created: Mutex::default() });
    let answers = Arc::clone(&shelf);
    let vendor = Vendor::start(move |_, asked| answers.answer(asked)).await;
    install(root.path(), &vendor.url, to);
    let config = syncline::config::load(root.path()).unwrap_or_else(|problems| panic!("{problems}"));
    let hub = Hub::start(config, HubOptions::default(), |_| axum::Router::new()).await.unwrap();
    let given_up = issue(hub.store.as_ref(), |_| true).await;
    let job = hub.store.issue(given_up.id).await.unwrap().unwrap().dead[0].dead;
    shelf.well.store(true, Ordering::SeqCst);
    Doubt { hub, shelf, vendor, job, _root: root }
}

const EDITED: &str = r#"{"sku":"NEW","location":"WH1","on_hand":"1"}"#;

impl Doubt {
    async fn edit(&self) {
        self.edit_to(EDITED).await;
    }

    async fn edit_to(&self, body: &str) {
        let (base, changed, at) = (None, vec!["sku".to_owned()], jiff::Timestamp::now().as_microsecond());
        let edit = DeadEdit { dead: self.job, body: body.to_owned(), base, changed, actor: "ann".to_owned(), at };
        self.hub.store.edit_dead(edit).await.unwrap();
        self.hub.wake();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_it_can_be_looked_up_it_is_under_its_former_name_too() {
    let doubt = in_doubt("searched").await;
    assert_eq!(doubt.shelf.created(), ["OLD"]);
    doubt.edit().await;
    settled(doubt.hub.store.as_ref()).await;
    assert_eq!(doubt.shelf.created(), ["OLD"], "the edited record was created beside the one in doubt");
    let asked = doubt.vendor.asked();
    let looked_up: Vec<&str> = asked.iter().rev().take(2).filter_map(|asked| asked.query("sku")).collect();
    assert_eq!(looked_up, ["OLD", "NEW"]);
    assert!(doubt.hub.store.issues(IssueFilter::Open).await.unwrap().is_empty());
    doubt.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_only_the_former_key_protects_it_is_not_sent_before_a_person_says_so() {
    let doubt = in_doubt("keyed").await;
    let sent = doubt.vendor.count();
    assert!(doubt.shelf.created().iter().all(|sku| sku == "OLD"));
    doubt.edit().await;
    let refused = issue(doubt.hub.store.as_ref(), |issue| issue.title.contains("edited while")).await;
    assert_eq!(doubt.vendor.count(), sent, "sent under a key that protects nothing");
    assert!(refused.next_step.contains("retry to send the edited record"), "{}", refused.next_step);
    doubt.hub.store.retry_issue(refused.id, None, "ann", jiff::Timestamp::now().as_microsecond()).await.unwrap();
    doubt.hub.wake();
    settled(doubt.hub.store.as_ref()).await;
    assert_eq!(doubt.shelf.created().last().map(String::as_str), Some("NEW"));
    let keys: Vec<String> =
        doubt.vendor.asked().iter().filter_map(|asked| asked.header("idempotency-key").map(str::to_owned)).collect();
    assert_ne!(keys.first(), keys.last());
    doubt.hub.stop().await;
}
