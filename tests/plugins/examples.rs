//! The examples as they are printed in docs/plugins.md, run by a hub as their folder configures it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use syncline::config::Config;
use syncline::hub::{Hub, HubOptions};

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn the_examples_are_printed_as_they_are() {
    let docs = fs::read_to_string(repository().join("docs/plugins.md")).unwrap();
    for (file, fence) in
        [("order-book/plugin.py", "python"), ("order-book/connector.yaml", "yaml"), ("stock-list/plugin.sh", "sh")]
    {
        let text = fs::read_to_string(repository().join("examples/plugins/connectors").join(file)).unwrap();
        assert!(docs.contains(&format!("```{fence}\n{text}```")), "docs/plugins.md does not print {file} as it is");
    }
}

/// Loads a folder, listening wherever there is room.
pub fn load(folder: &Path) -> Config {
    let path = folder.join("syncline.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("127.0.0.1:8470", "127.0.0.1:0")).unwrap();
    syncline::config::load(folder).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Everything in a folder's files, line by line; a line that is still being written is not there yet.
pub fn lines(folder: &Path) -> Vec<Value> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let whole = |file: &PathBuf| {
        let text = fs::read(file).unwrap();
        let end = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        String::from_utf8(text[..end].to_vec()).unwrap()
    };
    let text: String = files.iter().map(whole).collect();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub async fn wait_for(hub: &Hub, what: &str, mut done: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(90);
    while !done() {
        if Instant::now() > limit {
            for issue in hub.store.issues(syncline::store::IssueFilter::All).await.unwrap() {
                println!("issue {} x{}: {} | {}", issue.class, issue.open_count, issue.title, issue.sample);
            }
            panic!("waited in vain for {what}: {:?}", hub.store.queue_stats().await.unwrap());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until every outcome is written.
pub async fn settle(hub: &Hub) {
    let limit = Instant::now() + Duration::from_secs(60);
    while hub.store.verify(&|_, _, _| {}).await.unwrap().pending > 0 {
        assert!(Instant::now() < limit, "{:?}", hub.store.queue_stats().await.unwrap());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What came in is accounted for, and nothing waits.
pub async fn assert_tied(hub: &Hub) {
    settle(hub).await;
    let report = hub.store.verify(&|_, _, _| {}).await.unwrap();
    assert_eq!(report.faults, Vec::<String>::new());
    assert_eq!(report.received, report.applied + report.superseded + report.ignored + report.dead + report.pending);
    assert_eq!(report.dead, 0);
}

fn order(number: usize, at: &str) -> Value {
    json!({
        "number": format!("#{number}"), "placed_at": "2026-11-20T10:00:00Z", "updated_at": at, "currency": "EUR",
        "total": { "amount_minor": 1000 + number, "currency": "EUR" },
    })
}

fn drop_orders(folder: &Path, name: &str, orders: impl Iterator<Item = Value>) {
    let text: String = orders.map(|order| format!("{order}\n")).collect();
    fs::create_dir_all(folder.join("in")).unwrap();
    fs::write(folder.join("in").join(name), text).unwrap();
    fs::write(folder.join("in").join(format!("{name}.done")), "").unwrap();
}

/// The newest state of each order and each stock level that went out, and how many lines there were.
fn outcome(folder: &Path) -> (BTreeMap<String, Value>, BTreeMap<String, String>) {
    let (mut orders, mut stock) = (BTreeMap::new(), BTreeMap::new());
    for line in lines(&folder.join("out")) {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        if line.get("sku").is_some() {
            stock.insert(text("sku"), text("on_hand"));
        } else {
            orders.insert(text("number"), line["total"]["amount_minor"].clone());
        }
    }
    (orders, stock)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_reads_and_writes_through_both_examples() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    copy(&repository().join("examples/plugins"), folder);
    // Batches of files need not be waited for.
    let jsonl = fs::read_to_string(repository().join("connectors/jsonl/connector.yaml")).unwrap();
    fs::create_dir_all(folder.join("connectors/jsonl")).unwrap();
    fs::write(folder.join("connectors/jsonl/connector.yaml"), jsonl.replace("every: 30s", "every: 200ms")).unwrap();
    for made in ["stock", "book", "out"] {
        fs::create_dir_all(folder.join(made)).unwrap();
    }
    fs::write(folder.join("stock/stock.txt"), "A;main;5\nB;main;7\n").unwrap();
    drop_orders(folder, "orders_1.jsonl", (1..=120).map(|number| order(number, "2026-11-20T10:00:00Z")));
    let config = load(folder);
    let hub = Hub::start(config, HubOptions::default(), |_| axum::Router::new()).await.unwrap();
    for connection in ["stock", "book"] {
        let report = hub.plant.now().check(connection).await.unwrap().unwrap();
        assert_eq!(report.warnings, Vec::<String>::new(), "{connection}");
    }
    wait_for(&hub, "all orders and levels", || {
        let (orders, stock) = outcome(folder);
        orders.len() == 120 && stock.len() == 2
    })
    .await;
    // Changes on both ways; the last line of the list is still being written.
    fs::write(folder.join("stock/stock.txt"), "A;main;5\nB;main;7\nA;main;4\nB;ma").unwrap();
    let mut changed = order(7, "2026-11-20T11:00:00Z");
    changed["total"]["amount_minor"] = json!(1);
    drop_orders(folder, "orders_2.jsonl", [changed, order(121, "2026-11-20T11:00:00Z")].into_iter());
    wait_for(&hub, "the changes", || {
        let (orders, stock) = outcome(folder);
        orders.len() == 121 && orders["#7"] == json!(1) && stock["A"] == "4"
    })
    .await;
    let (orders, stock) = outcome(folder);
    assert_eq!((stock["B"].as_str(), &orders["#120"]), ("7", &json!(1120)));
    let out = lines(&folder.join("out")).len();
    assert_eq!(out, 121 + 1 + 3, "each change went out once");
    assert_eq!(hub.store.cursor("stock", "stock").await.unwrap().as_deref(), Some("3"));
    assert_eq!(hub.store.cursor("book", "orders").await.unwrap().as_deref(), Some("122"));
    assert_tied(&hub).await;
    hub.stop().await;
    for connection in ["stock", "book"] {
        assert_eq!(fs::read_dir(folder.join("data/plugins").join(connection)).unwrap().count(), 0, "{connection}");
    }
}

#[test]
fn a_program_that_is_not_there_is_told_when_the_configuration_is_checked() {
    let root = tempfile::tempdir().unwrap();
    copy(&repository().join("examples/plugins"), root.path());
    let manifest = root.path().join("connectors/stock-list/connector.yaml");
    let text = fs::read_to_string(&manifest).unwrap();
    let problems = |command: &str, enabled: &str| {
        fs::write(&manifest, text.replace("command: [./plugin.sh]", &format!("command: {command}"))).unwrap();
        let config = root.path().join("syncline.yaml");
        let written = fs::read_to_string(&config).unwrap();
        fs::write(&config, written.replace("connector: stock-list,", &format!("connector: stock-list, {enabled}")))
            .unwrap();
        let found = syncline::config::load(root.path()).map(|_| ()).map_err(|problems| problems.to_string());
        fs::write(&config, written).unwrap();
        found
    };
    for (command, said) in [
        ("[./gone.sh]", "gone.sh`: No such file or directory"),
        ("[./connector.yaml]", "connector.yaml` is not an executable file"),
        ("[no-such-program]", "no program `no-such-program` in /usr/local/bin:/usr/bin:/bin"),
        ("[sh, ./gone.sh]", "there is no `"),
        ("[bin/plugin]", "is neither a name, nor an absolute path"),
    ] {
        let found = problems(command, "").unwrap_err();
        assert!(
            found.contains("connection `stock` cannot start its program") && found.contains(said),
            "{command}: {found}"
        );
        assert!(found.contains("syncline.yaml:4:3"), "{found}");
        assert_eq!(problems(command, "enabled: false,"), Ok(()), "{command}");
    }
    assert_eq!(problems("[./plugin.sh]", ""), Ok(()));
}
