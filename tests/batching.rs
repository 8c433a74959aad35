//! Writes of many records in one call, end to end: a vendor with a batch endpoint that misbehaves, and whose own ledger judges.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use syncline::hub::{Hub, HubOptions};
use syncline::store::{EntityKey, IssueFilter, Store};

#[path = "http_engine/vendor.rs"]
#[allow(dead_code)]
mod vendor;
use vendor::{Asked, Reply, Vendor};

/// Stock in as files, and out to an API that takes many levels at once.
const CONNECTOR: &str = r#"
connector: bulk
title: Bulk
settings:
  folder: { format: folder, required: false }
  url: { format: url, required: false }
http:
  base_url: "{settings.url}"
  auth: { scheme: none }
  timeouts: { connect: 5s, request: 20s }
  rate_limit: { scheme: none, concurrency: 2 }
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
  levels:
    entity: inventory_level
    mapping: canonical
    write:
      set:
        post: /levels
        headers: { Idempotency-Key: "{batch.idempotency_key}" }
        json: { updates: "{batch.items}" }
        response: { id: "{item.id}" }
        batch:
          max: 250
          linger: 300ms
          item: { sku: "{record.sku}", quantity: "{record.on_hand}" }
          result: { list: results, key: { sent: "{record.sku}", told: "{item.sku}" }, ok: 'item.status == "ok"', message: "{item.reason}" }
  articles:
    entity: inventory_level
    mapping: canonical
    write:
      create:
        post: /articles
        json: { create: "{batch.items}" }
        response: { id: "{item.id}" }
        batch:
          max: 40
          linger: 200ms
          item: { sku: "{record.sku}", quantity: "{record.on_hand}" }
          result: { list: results, key: { sent: "{record.sku}", told: "{item.sku}" }, ok: 'item.status == "ok"' }
        idempotency: { scheme: lookup, request: { get: /articles, query: { sku: "{record.sku}" } }, found: articles, id: id }
"#;

fn install(folder: &Path, url: &str, to: &str) {
    for name in ["erp", "connectors/bulk"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    fs::write(folder.join("connectors/bulk/connector.yaml"), CONNECTOR).unwrap();
    let configuration = format!(
        "hub: {{ listen: \"127.0.0.1:0\", database: \"sqlite:data/syncline.db\" }}\n\
         retry:\n  quick: {{ first_delay: 200ms, max_delay: 2s, give_up_after: 10m }}\n\
         connections:\n  erp: {{ connector: bulk, settings: {{ folder: erp }} }}\n\
         \x20 shop: {{ connector: bulk, settings: {{ url: \"{url}\" }}, allow_networks: [127.0.0.0/8] }}\n\
         flows:\n  stock: {{ from: erp.stock, to: shop.{to}, deliver: latest, mode: live, retry: quick }}\n"
    );
    fs::write(folder.join("syncline.yaml"), configuration).unwrap();
}

fn sku(number: usize) -> String {
    format!("SKU-{number:04}")
}

fn drop_stock(folder: &Path, name: &str, numbers: impl Iterator<Item = usize>, level: impl Fn(usize) -> usize) {
    let row = |n: usize| json!({"sku": sku(n), "location": "WH1", "on_hand": level(n).to_string()}).to_string();
    let path = folder.join("erp").join(format!("stock_{name}.jsonl"));
    fs::write(&path, numbers.map(|n| row(n) + "\n").collect::<String>()).unwrap();
    fs::write(path.with_extension("jsonl.done"), "").unwrap();
}

async fn until(what: &str, done: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !done().await {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn updates(asked: &Asked, list: &str) -> Vec<(String, i64)> {
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    let row =
        |row: &Value| (row["sku"].as_str().unwrap().to_owned(), row["quantity"].as_str().unwrap().parse().unwrap());
    body[list].as_array().unwrap().iter().map(row).collect()
}

fn answer(status: u16, body: &Value) -> Reply {
    vendor::json(status, body.to_string())
}

/// The vendor's own truth.
#[derive(Default)]
struct Ledger {
    /// Every level it was ever given, per article, in order.
    history: BTreeMap<String, Vec<i64>>,
    /// Content of each key that it was given.
    keys: BTreeMap<String, String>,
    /// What it found wrong by itself.
    complaints: Vec<String>,
    created: BTreeMap<String, u32>,
}

const RECORDS: usize = 5_000;

/// One article in two hundred is one that the vendor will not have.
fn is_poison(number: usize) -> bool {
    number % 200 == 7
}

/// That one is not named: the request is refused as a whole.
const SPOILS_ALL: usize = 2_007;

fn number(sku: &str) -> usize {
    sku.trim_start_matches("SKU-").parse().unwrap()
}

/// A stock endpoint as bad as they come.
fn levels(ledger: &Mutex<Ledger>, call: usize, asked: &Asked) -> Reply {
    let mut ledger = ledger.lock().unwrap();
    let mut rows = updates(asked, "updates");
    let key = asked.header("idempotency-key").unwrap().to_owned();
    if ledger.keys.insert(key.clone(), asked.body.clone()).is_some_and(|former| former != asked.body) {
        ledger.complaints.push(format!("key {key} with another content"));
    }
    let apart: BTreeSet<&String> = rows.iter().map(|(sku, _)| sku).collect();
    if apart.len() != rows.len() || rows.len() > 250 {
        ledger.complaints.push(format!("call {call}: {} rows of {} articles", rows.len(), apart.len()));
    }
    match call % 12 {
        3 => return answer(503, &json!({"error": "overloaded"})),
        // Half is applied, and nobody is told.
        5 => rows.truncate(rows.len() / 2),
        _ => {}
    }
    if rows.iter().any(|(sku, _)| number(sku) == SPOILS_ALL) {
        return answer(422, &json!({"error": {"message": format!("a row was refused, perhaps {}", rows[0].0)}}));
    }
    let mut results = Vec::new();
    for (sku, quantity) in rows {
        if is_poison(number(&sku)) {
            results.push(json!({"sku": sku, "status": "failed", "reason": format!("article {sku} is discontinued")}));
            continue;
        }
        results.push(json!({"sku": sku, "status": "ok", "id": format!("id-{sku}")}));
        ledger.history.entry(sku).or_default().push(quantity);
    }
    results.reverse();
    match call % 12 {
        // Applied, and the answer is lost.
        1 | 5 => return Reply::Close,
        7 => results.truncate(results.len() - results.len() / 10),
        _ => {}
    }
    answer(207, &json!({ "results": results }))
}

async fn open_jobs(store: &dyn Store) -> i64 {
    store.queue_stats().await.unwrap().iter().filter(|stat| stat.state.is_open()).map(|stat| stat.n).sum()
}

async fn sound(store: &dyn Store) {
    let report = store.verify(&|_, _, _| {}).await.unwrap();
    assert_eq!(report.faults, Vec::<String>::new());
    assert_eq!(report.received, report.applied + report.superseded + report.ignored + report.dead + report.pending);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_levels_reach_a_vendor_that_misbehaves_in_a_fiftieth_of_the_calls() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let judge = Arc::clone(&ledger);
    let vendor = Vendor::start(move |call, asked| levels(&judge, call, asked)).await;
    install(folder, &vendor.url, "levels");
    drop_stock(folder, "1", 0..RECORDS, |n| n + 1);
    let config = syncline::config::load(folder).unwrap_or_else(|problems| panic!("{problems}"));
    let hub = Hub::start(config, HubOptions::default(), |_| axum::Router::new()).await.unwrap();
    let store = Arc::clone(&hub.store);
    until("everything was delivered", async || {
        store.known_records("erp", "stock").await.unwrap() == RECORDS as u64
            && store.pending_count(1).await.unwrap() == 0
            && open_jobs(store.as_ref()).await == 0
    })
    .await;
    let calls = vendor.count();
    {
        let ledger = ledger.lock().unwrap();
        assert_eq!(ledger.complaints, Vec::<String>::new());
        for n in (0..RECORDS).filter(|n| !is_poison(*n)) {
            let history = ledger.history.get(&sku(n)).unwrap_or_else(|| panic!("{} was lost", sku(n)));
            assert!(history.iter().all(|level| usize::try_from(*level).unwrap() == n + 1), "{}: {history:?}", sku(n));
        }
        assert_eq!(ledger.history.len(), RECORDS - RECORDS / 200);
    }
    assert!(calls <= RECORDS / 50, "{calls} calls for {RECORDS} records");
    poison_alone_is_dead(store.as_ref()).await;
    told_as_part_of_a_batch(store.as_ref()).await;
    // Newer levels of some of them: none is stale afterwards, and none went backwards.
    drop_stock(folder, "2", (0..RECORDS).filter(|n| n % 5 == 0), |n| n + 10_001);
    until("the newer levels arrived", async || {
        let arrived = |n: &usize| {
            let ledger = ledger.lock().unwrap();
            ledger.history.get(&sku(*n)).and_then(|history| history.last()) == Some(&i64::try_from(n + 10_001).unwrap())
        };
        (0..RECORDS).filter(|n| n % 5 == 0 && !is_poison(*n)).all(|n| arrived(&n))
            && open_jobs(store.as_ref()).await == 0
    })
    .await;
    assert!(ledger.lock().unwrap().history.values().all(|history| history.is_sorted()));
    sound(store.as_ref()).await;
    hub.stop().await;
}

/// Each with its own message; nothing else.
async fn poison_alone_is_dead(store: &dyn Store) {
    let mut dead = BTreeMap::new();
    for issue in store.issues(IssueFilter::Open).await.unwrap() {
        for letter in store.issue(issue.id).await.unwrap().unwrap().dead {
            dead.insert(letter.key, letter.error);
        }
    }
    let expected: Vec<String> = (0..RECORDS).filter(|n| is_poison(*n)).map(sku).collect();
    assert_eq!(dead.keys().cloned().collect::<Vec<_>>(), expected);
    for (sku, error) in dead {
        let named = if number(&sku) == SPOILS_ALL {
            format!("perhaps {sku}")
        } else {
            format!("article {sku} is discontinued")
        };
        assert!(error.contains(&named), "{sku}: {error}");
    }
}

async fn told_as_part_of_a_batch(store: &dyn Store) {
    let key = EntityKey { connection: "erp".into(), stream: "stock".into(), key: sku(1) };
    let timeline = store.timeline(&key).await.unwrap();
    let response = &timeline.jobs[0].tries.last().unwrap().response;
    assert!(response.contains(" of a batch of "), "{response}");
    assert!(response.contains("SKU-0001") && !response.contains("SKU-0002"), "its own result: {response}");
}

/// Creates that must not happen twice; the answer to one batch never comes.
fn articles(ledger: &Mutex<Ledger>, asked: &Asked) -> Reply {
    let mut ledger = ledger.lock().unwrap();
    if asked.method == "GET" {
        let sku = asked.query("sku").unwrap();
        let found: Vec<Value> =
            ledger.created.get(sku).map(|_| json!({"id": format!("id-{sku}")})).into_iter().collect();
        return answer(200, &json!({ "articles": found }));
    }
    let rows = updates(asked, "create");
    let first = ledger.created.is_empty();
    // Of the first batch half is there when everything ends.
    let applied = if first { rows.len() / 2 } else { rows.len() };
    let mut results = Vec::new();
    for (sku, _) in rows.into_iter().take(applied) {
        results.push(json!({"sku": sku, "status": "ok", "id": format!("id-{sku}")}));
        *ledger.created.entry(sku).or_default() += 1;
    }
    if first { Reply::Silence } else { answer(200, &json!({ "results": results })) }
}

struct Daemon(Child);

impl Daemon {
    fn start(folder: &Path) -> Daemon {
        let mut command = Command::new(env!("CARGO_BIN_EXE_syncline"));
        command.arg("--config").arg(folder).arg("run").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Daemon(command.spawn().unwrap())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // As rude as a power cut: SIGKILL.
        self.0.kill().unwrap();
        let _status = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_of_a_batch_of_creates_doubles_none() {
    const CREATED: usize = 120;
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let judge = Arc::clone(&ledger);
    let vendor = Vendor::start(move |_, asked| articles(&judge, asked)).await;
    install(folder, &vendor.url, "articles");
    drop_stock(folder, "1", 0..CREATED, |n| n + 1);
    let daemon = Daemon::start(folder);
    until("a batch is under way", async || !ledger.lock().unwrap().created.is_empty()).await;
    drop(daemon);
    let daemon = Daemon::start(folder);
    until("all are there", async || ledger.lock().unwrap().created.len() == CREATED).await;
    drop(daemon);
    let doubled: Vec<(String, u32)> =
        ledger.lock().unwrap().created.clone().into_iter().filter(|(_, count)| *count > 1).collect();
    assert_eq!(doubled, []);
    let posts: Vec<usize> = vendor
        .asked()
        .iter()
        .filter(|asked| asked.method == "POST")
        .map(|asked| updates(asked, "create").len())
        .collect();
    assert!(posts[0] > 1, "the first was no batch: {posts:?}");
    assert!(posts.contains(&1), "what was in doubt and absent goes alone: {posts:?}");
}
