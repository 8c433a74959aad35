//! A hub with file drops, end to end: the brake on a file that empties half the stock, and a backup on an empty machine.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use syncline::api::HubView as _;
use syncline::hub::{Hub, HubOptions};
use syncline::store::{DeadRef, IssueFilter, IssueRow};

const CONNECTOR: &str = r#"
connector: shelf
title: Shelf
description: Stock in and out, as files, quickly.
settings:
  folder: { format: folder, title: Folder }
streams:
  stock:
    title: Stock in
    entity: inventory_level
    mapping: canonical
    key: "{record.sku}"
    version: none
    read:
      from: file
      folder: "{settings.folder}"
      pattern: stock_*.jsonl
      marker: { scheme: suffix, suffix: .done }
      mode: snapshot
      min_rows: 10%
      every: 100ms
      format: { type: json_lines }
  levels:
    title: Stock out
    entity: inventory_level
    mapping: canonical
    write:
      to: file
      folder: "{settings.folder}"
      name: "levels_{batch.sequence}.jsonl"
      marker: .done
      batch: { records: 1000, every: 100ms }
      format: { type: json_lines }
"#;

const CONFIGURATION: &str = r#"
hub: { listen: "127.0.0.1:0", database: "sqlite:data/syncline.db" }
connections:
  erp: { connector: shelf, settings: { folder: erp } }
  shop: { connector: shelf, settings: { folder: shop } }
  archive: { connector: shelf, settings: { folder: archive } }
flows:
  stock-to-shop:
    from: erp.stock
    to: shop.levels
    deliver: latest
    publish: on_hand - committed
    mode: live
    brake: { zero_stock: 20%, changes_per_run: 80% }
  stock-to-archive: { from: erp.stock, to: archive.levels, deliver: latest, mode: live }
"#;

fn install(folder: &Path) {
    for name in ["erp", "shop", "archive"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    fs::create_dir_all(folder.join("connectors/shelf")).unwrap();
    fs::write(folder.join("connectors/shelf/connector.yaml"), CONNECTOR).unwrap();
    fs::write(folder.join("syncline.yaml"), CONFIGURATION).unwrap();
}

async fn start(folder: &Path) -> Arc<Hub> {
    let config = syncline::config::load(folder).unwrap_or_else(|problems| panic!("{problems}"));
    Hub::start(config, HubOptions::default(), |_| axum::Router::new()).await.unwrap()
}

/// A complete file of levels.
fn drop_stock(folder: &Path, name: &str, level: impl Fn(u32) -> u32) {
    let rows: Vec<String> = (0..12)
        .map(|n| format!(r#"{{"sku":"SKU-{n:02}","location":"WH1","on_hand":"{}","committed":"1"}}"#, level(n) + 1))
        .collect();
    let path = folder.join("erp").join(format!("stock_{name}.jsonl"));
    fs::write(&path, rows.join("\n") + "\n").unwrap();
    fs::write(path.with_extension("jsonl.done"), "").unwrap();
}

/// What was told to a system last, by article.
fn told(folder: &Path, system: &str, field: &str) -> BTreeMap<String, String> {
    let mut files: Vec<_> = fs::read_dir(folder.join(system))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    files.sort_by_key(|path| {
        let name = path.file_stem().unwrap().to_str().unwrap();
        name.trim_start_matches("levels_").parse::<u32>().unwrap()
    });
    let mut told = BTreeMap::new();
    for file in files {
        for line in fs::read_to_string(file).unwrap().lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            told.insert(row["sku"].as_str().unwrap().to_owned(), row[field].as_str().unwrap().to_owned());
        }
    }
    told
}

fn levels(level: impl Fn(u32) -> u32) -> BTreeMap<String, String> {
    (0..12).map(|n| (format!("SKU-{n:02}"), level(n).to_string())).collect()
}

async fn until(what: &str, done: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done().await {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn open_issue(hub: &Hub) -> IssueRow {
    let mut issues = hub.store.issues(IssueFilter::Open).await.unwrap();
    assert_eq!(issues.len(), 1, "{issues:?}");
    issues.remove(0)
}

async fn sound(hub: &Hub) {
    let report = hub.store.verify(&|_, _, _| {}).await.unwrap();
    assert_eq!(report.faults, Vec::<String>::new());
    assert_eq!(report.received, report.applied + report.superseded + report.ignored + report.dead + report.pending);
}

fn half_empty(n: u32) -> u32 {
    if n < 6 { 0 } else { n + 10 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_empties_half_the_stock_is_held_until_a_person_has_spoken() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    install(folder);
    let hub = start(folder).await;
    // The first file makes everything known: there is nothing yet that it could change.
    drop_stock(folder, "1", |n| n + 10);
    until("the first levels", async || told(folder, "shop", "available") == levels(|n| n + 10)).await;

    let sources = hub.connections().into_iter().flat_map(|connection| connection.streams);
    assert!(sources.clone().any(|stream| stream.last_read_at.is_some()), "files are read too");

    drop_stock(folder, "2", half_empty);
    until("a held file", async || !hub.store.issues(IssueFilter::Open).await.unwrap().is_empty()).await;
    // The other flow of the same stream goes on; nothing of the wave reaches the shop, now or after a restart.
    until("the archive's levels", async || told(folder, "archive", "on_hand") == levels(|n| half_empty(n) + 1)).await;
    let issue = open_issue(&hub).await;
    assert_eq!(issue.scope, "stock-to-shop");
    assert_eq!(
        issue.title,
        "stock-to-shop: the brake holds file stock_2.jsonl: it would set 6 of 12 known records to zero"
    );
    assert!(issue.sample.contains("`zero_stock: 20%`") && issue.sample.contains("SKU-00"), "{}", issue.sample);
    assert_eq!(issue.open_count, 6);
    sound(&hub).await;
    hub.stop().await;

    let hub = start(folder).await;
    assert_eq!(open_issue(&hub).await.id, issue.id);
    // A later file that changes little goes through, and replaces what was held of its article.
    drop_stock(folder, "3", |n| if n == 0 { 7 } else { half_empty(n) });
    until("the corrected article", async || told(folder, "shop", "available")["SKU-00"] == "7").await;
    until("one less held", async || open_issue(&hub).await.open_count == 5).await;
    assert_eq!(
        told(folder, "shop", "available"),
        levels(|n| if n == 0 { 7 } else { n + 10 }),
        "nothing of the held wave has been told"
    );

    // A person gives one record up and releases the others.
    let detail = hub.store.issue(issue.id).await.unwrap().unwrap();
    let given_up = detail.dead.iter().find(|dead| dead.key == "SKU-01").unwrap().dead;
    assert!(matches!(given_up, DeadRef::Job(_)));
    let now = hub.clock.now_us();
    assert_eq!(hub.store.discard_issue(issue.id, Some(given_up), "still on the shelf", "ann", now).await.unwrap(), 1);
    assert_eq!(hub.store.retry_issue(issue.id, None, "ann", now).await.unwrap(), 4);
    hub.wake();
    let expected = levels(|n| match n {
        0 => 7,
        1 => 11,
        _ => half_empty(n),
    });
    until("the released levels", async || told(folder, "shop", "available") == expected).await;
    until("no issue", async || hub.store.issues(IssueFilter::Open).await.unwrap().is_empty()).await;
    sound(&hub).await;
    hub.stop().await;
}

fn files(folder: &Path, system: &str) -> Vec<String> {
    let entries = fs::read_dir(folder.join(system)).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name.starts_with("levels_") && name.ends_with(".jsonl"));
    names.sort();
    names
}

fn program(folder: &Path, arguments: &[&str]) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_syncline"));
    let output = command.arg("--config").arg(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_restored_on_an_empty_machine_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    install(folder);
    let hub = start(folder).await;
    drop_stock(folder, "1", |n| n + 10);
    until("the levels", async || told(folder, "shop", "available") == levels(|n| n + 10)).await;
    until("the archive", async || told(folder, "archive", "on_hand") == levels(|n| n + 11)).await;
    let settled = async || hub.store.queue_stats().await.unwrap().iter().all(|stat| !stat.state.is_open());
    until("no open job", settled).await;
    hub.stop().await;
    let written = (files(folder, "shop"), files(folder, "archive"));
    let secret = fs::read(folder.join("data/hub.secret")).unwrap();
    let backup = folder.join("monday.db");
    program(folder, &["backup", backup.to_str().unwrap()]);

    // The machine is lost; configuration and partners' folders are not on it.
    fs::remove_dir_all(folder.join("data")).unwrap();
    let said = program(folder, &["restore", backup.to_str().unwrap()]);
    assert!(said.contains("of the hub's own restored"), "{said}");
    assert_eq!(fs::read(folder.join("data/hub.secret")).unwrap(), secret, "webhook addresses stay");

    let hub = start(folder).await;
    // The same file once more, and a replay: both have had their effect.
    drop_stock(folder, "1", |n| n + 10);
    until("the file", async || !folder.join("erp/stock_1.jsonl").exists()).await;
    let replay = syncline::store::Replay {
        flow: "stock-to-shop".into(),
        source_connection: "erp".into(),
        source_stream: "stock".into(),
        dest_connection: "shop".into(),
        dest_stream: "levels".into(),
        latest: true,
        key: None,
        since: None,
        force: false,
        at: hub.clock.now_us(),
    };
    assert_eq!(hub.store.replay(replay).await.unwrap(), 12);
    hub.wake();
    let idle = async || {
        hub.store.pending_count(1).await.unwrap() == 0
            && hub.store.queue_stats().await.unwrap().iter().all(|stat| !stat.state.is_open())
    };
    until("everything worked off", idle).await;
    assert_eq!((files(folder, "shop"), files(folder, "archive")), written, "nothing was written twice");

    // What is new goes on behind the last number.
    drop_stock(folder, "2", |n| if n == 3 { 99 } else { n + 10 });
    until("the change", async || told(folder, "shop", "available")["SKU-03"] == "99").await;
    let names = files(folder, "shop");
    let last = |names: &[String]| names.iter().map(|name| number(name)).max();
    assert_eq!((names.len(), last(&names)), (written.0.len() + 1, last(&written.0).map(|last| last + 1)), "{names:?}");
    sound(&hub).await;
    hub.stop().await;
}

fn number(name: &str) -> u32 {
    name.trim_start_matches("levels_").trim_end_matches(".jsonl").parse().unwrap()
}
