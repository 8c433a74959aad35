//! A tap and a target as they are on PyPI, unmodified, on either side of a hub. The test makes their virtual environments
//! itself, once per build directory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use syncline::api::HubView as _;
use syncline::hub::{Hub, HubOptions};

use super::examples::{copy, lines, load, repository, settle, wait_for};

const TAP: (&str, &str) = ("tap-jsonfile", "0.1.2");
const TARGET: (&str, &str) = ("target-jsonl", "0.1.4");

/// The program of a package, in an environment of its own.
fn installed((package, version): (&str, &str)) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("singer");
    let folder = root.join(format!("{package}-{version}"));
    let program = folder.join("bin").join(package);
    let ready = folder.join("ready");
    if !ready.exists() {
        // Left half-way by a run that was cut off.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&root).unwrap();
        run(
            Command::new("python3").args(["-m", "venv"]).arg(&folder),
            "python3 with the module venv is needed (on Debian: apt-get install python3-venv)",
        );
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        let mut pip = Command::new(folder.join("bin/python"));
        run(
            pip.args(install).arg(format!("{package}=={version}")),
            "the package index could not be reached, or has no such package",
        );
        fs::write(&ready, "").unwrap();
    }
    program
}

#[track_caller]
fn run(command: &mut Command, hint: &str) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; {hint}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}; {hint}\n{said}", output.status);
}

fn order(number: usize, total: &str) -> Value {
    json!({
        "number": format!("A-{number}"), "placed_at": "2026-11-20T10:00:00Z", "updated_at": "2026-11-20T10:00:00Z",
        "currency": "EUR", "total": total,
    })
}

/// Appears whole.
fn drop_file(folder: &Path, name: &str, orders: &[Value]) {
    let text: String = orders.iter().map(|order| format!("{order}\n")).collect();
    let draft = folder.join(name);
    fs::write(&draft, text).unwrap();
    fs::rename(draft, folder.join("in").join(name)).unwrap();
}

fn written(folder: &Path) -> BTreeMap<String, Value> {
    let found = lines(&folder.join("out"));
    found.into_iter().map(|line| (line["number"].as_str().unwrap().to_owned(), line["total"].clone())).collect()
}

/// Whether the tap's stream has been read to its end in this life.
fn was_read(hub: &Hub) -> bool {
    let connections = hub.connections();
    let source = connections.iter().find(|connection| connection.id == "source").unwrap();
    source.streams[0].last_read_at.is_some()
}

/// Every payload is accounted for: all but the one that the hub refuses are at the target.
async fn tie(hub: &Hub, received: i64, applied: i64) {
    settle(hub).await;
    let report = hub.store.verify(&|_, _, _| {}).await.unwrap();
    assert_eq!(report.faults, Vec::<String>::new());
    assert_eq!((report.received, report.applied, report.dead, report.pending), (received, applied, 1, 0), "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tap_and_a_target_of_the_index_run_unmodified() {
    let (tap, target) = tokio::task::spawn_blocking(|| (installed(TAP), installed(TARGET))).await.unwrap();
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    copy(&repository().join("examples/singer"), folder);
    let config = fs::read_to_string(folder.join("syncline.yaml")).unwrap();
    let config = config.replace("/opt/singer/tap-jsonfile/bin/tap-jsonfile", &tap.display().to_string());
    let config = config.replace("/opt/singer/target-jsonl/bin/target-jsonl", &target.display().to_string());
    fs::write(folder.join("syncline.yaml"), config).unwrap();
    fs::create_dir_all(folder.join("in")).unwrap();
    let mut orders: Vec<Value> = (0..250).map(|number| order(number, &format!("{number}.05"))).collect();
    // One that the hub refuses: it must not be lost silently, nor hold up the others.
    orders.push(order(999, "a lot"));
    drop_file(folder, "orders_1.jsonl", &orders);

    let hub = Hub::start(load(folder), HubOptions::default(), |_| axum::Router::new()).await.unwrap();
    let report = hub.plant.now().check("source").await.unwrap().unwrap();
    assert_eq!((report.shows.as_deref(), report.warnings), (Some("1 streams"), Vec::new()));
    hub.plant.now().check("lake").await.unwrap().unwrap();
    wait_for(&hub, "all orders at the target", || written(folder).len() == 250).await;
    let out = written(folder);
    assert_eq!(out["A-249"], json!({ "amount_minor": 24905, "currency": "EUR" }));
    assert_eq!(lines(&folder.join("out")).len(), 250, "each once");
    let issues = hub.store.issues(syncline::store::IssueFilter::All).await.unwrap();
    assert_eq!(issues.len(), 1, "{issues:?}");
    tie(&hub, 251, 250).await;
    let cursor = hub.store.cursor("source", "orders").await.unwrap().unwrap();
    assert!(cursor.contains("bookmarks"), "{cursor}");
    hub.stop().await;

    // A second life: its memory is empty, so that only the tap's state keeps it from reading everything again.
    let hub = Hub::start(load(folder), HubOptions::default(), |_| axum::Router::new()).await.unwrap();
    wait_for(&hub, "a round without news", || was_read(&hub)).await;
    // The second run read nothing new.
    tie(&hub, 251, 250).await;
    assert_eq!(hub.store.cursor("source", "orders").await.unwrap().unwrap(), cursor);
    drop_file(folder, "orders_2.jsonl", &[order(250, "7.00"), order(251, "8.00")]);
    wait_for(&hub, "the new orders", || written(folder).len() == 252).await;
    tie(&hub, 253, 252).await;
    assert_eq!(lines(&folder.join("out")).len(), 252);
    hub.stop().await;
}
