//! Programs in a hub: one that misbehaves disturbs nobody, and one that dies between doing and telling doubles nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use syncline::hub::{Hub, HubOptions};

use super::examples::{assert_tied, copy, lines, load, repository, wait_for};
use super::rig::executable;

/// An installation with the jsonl connector in a hurry, and the given connectors: name, program, manifest below `title`.
fn install(folder: &Path, config: &str, connectors: &[(&str, &str, &str)]) {
    let jsonl = fs::read_to_string(repository().join("connectors/jsonl/connector.yaml")).unwrap();
    fs::create_dir_all(folder.join("connectors/jsonl")).unwrap();
    let jsonl = jsonl.replace("every: 30s", "every: 200ms");
    fs::write(folder.join("connectors/jsonl/connector.yaml"), jsonl).unwrap();
    for (name, program, manifest) in connectors {
        let own = folder.join("connectors").join(name);
        fs::create_dir_all(&own).unwrap();
        executable(&own.join("plugin"), program);
        fs::write(own.join("connector.yaml"), format!("connector: {name}\ntitle: {name}\n{manifest}")).unwrap();
    }
    for made in ["in", "out"] {
        fs::create_dir_all(folder.join(made)).unwrap();
    }
    fs::write(folder.join("syncline.yaml"), config).unwrap();
}

fn drop_orders(folder: &Path, name: &str, numbers: std::ops::RangeInclusive<u32>) {
    let order = |number: u32| {
        json!({
            "number": format!("#{number}"), "placed_at": "2026-11-20T10:00:00Z", "updated_at": "2026-11-20T10:00:00Z",
            "currency": "EUR", "total": { "amount_minor": number, "currency": "EUR" },
        })
    };
    let text: String = numbers.map(|number| format!("{}\n", order(number))).collect();
    fs::write(folder.join("in").join(name), text).unwrap();
    fs::write(folder.join("in").join(format!("{name}.done")), "").unwrap();
}

const EVIL: &str = r#"#!/bin/sh
read -r hello
echo '{"type":"hello","protocol":1,"name":"evil","can":["read"]}'
read -r ask
sleep 1000 &
echo x >> "$HOME/../../../../runs"
case $(($(wc -l < "$HOME/../../../../runs") % 4)) in
0) while :; do echo noise; done ;;
1) head -c 100000000 /dev/zero ;;
2) kill -SEGV $$ ;;
3) trap '' TERM; exec sleep 1000 ;;
esac"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_misbehaves_in_every_way_disturbs_nobody() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    copy(&repository().join("examples/plugins/connectors/stock-list"), &folder.join("connectors/stock-list"));
    let config = "hub: { listen: \"127.0.0.1:8470\" }
connections:
  evil: { connector: evil, polls: { orders: 1s } }
  stock: { connector: stock-list, polls: { stock: 1s } }
  files: { connector: jsonl }
flows:
  evil-to-files: { from: evil.orders, to: files.records, mode: live }
  stock-to-files: { from: stock.stock, to: files.records, mode: live }
";
    let manifest = "process: { command: [./plugin], timeouts: { start: 20s, silence: 1s, call: 20s } }
streams: { orders: { entity: order, mapping: canonical, key: \"{record.number}\", read: { from: process } } }
";
    install(folder, config, &[("evil", EVIL, manifest)]);
    fs::create_dir_all(folder.join("stock")).unwrap();
    let stock = folder.join("stock/stock.txt");
    fs::write(&stock, "A;main;0\n").unwrap();
    let hub = Hub::start(load(folder), HubOptions::default(), |_| axum::Router::new()).await.unwrap();
    let runs = || fs::read_to_string(folder.join("runs")).unwrap_or_default().lines().count();
    // The neighbour goes on while every kind of mischief is done.
    for round in 1..=4 {
        wait_for(&hub, "another run of the evil program", || runs() >= round).await;
        let text = fs::read_to_string(&stock).unwrap();
        fs::write(&stock, format!("{text}A;main;{round}\n")).unwrap();
        wait_for(&hub, "the neighbour's change", || {
            lines(&folder.join("out")).iter().any(|line| line["on_hand"] == json!(round.to_string()))
        })
        .await;
    }
    assert_eq!(hub.store.cursor("evil", "orders").await.unwrap(), None);
    assert_tied(&hub).await;
    hub.stop().await;
    drop(hub);
    assert_eq!(fs::read_dir(folder.join("data/plugins/evil")).unwrap().count(), 0);
}

/// Applies each record to a ledger of its own; every third time it dies before it tells, having applied the first only.
const FORGETFUL: &str = r#"#!/usr/bin/env python3
import json, os, sys
ledger = os.path.join(os.environ["HOME"], "../../../../ledger.jsonl")
def known():
    return [json.loads(line) for line in open(ledger)] if os.path.exists(ledger) else []
def say(**message):
    print(json.dumps(message), flush=True)
sys.stdin.readline()
say(type="hello", protocol=1, name="forgetful", can=["write", "lookup"])
for line in sys.stdin:
    ask = json.loads(line)
    if ask["type"] == "lookup":
        found = any(entry["number"] == ask["natural_key"] for entry in known())
        say(type="found", id=ask["id"], remote_id="R" + ask["natural_key"]) if found else say(type="absent", id=ask["id"])
        continue
    with open(ledger + ".writes", "a") as writes:
        writes.write("x\n")
    forgets = len(open(ledger + ".writes").readlines()) % 3 == 0
    for item in ask["items"]:
        with open(ledger, "a") as entries:
            entries.write(json.dumps({"number": item["record"]["number"], "op": item["op"]}) + "\n")
        if forgets:
            os._exit(7)
        say(type="result", id=ask["id"], item=item["item"], remote_id="R" + item["record"]["number"])
    say(type="done", id=ask["id"])
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_dies_between_doing_and_telling_doubles_nothing() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    let config = "hub: { listen: \"127.0.0.1:8470\" }
connections:
  files: { connector: jsonl }
  erp: { connector: forgetful }
flows:
  orders: { from: files.orders, to: erp.orders, mode: live, retry: quick }
retry: { quick: { first_delay: 50ms, max_delay: 500ms, give_up_after: 5m } }
";
    let manifest = "process: { command: [./plugin] }
streams:
  orders:
    entity: order
    mapping: canonical
    write: { to: process, operations: [create], idempotency: { scheme: lookup }, batch: { records: 5, every: 100ms } }
";
    install(folder, config, &[("forgetful", FORGETFUL, manifest)]);
    drop_orders(folder, "orders_1.jsonl", 1..=40);
    let hub = Hub::start(load(folder), HubOptions::default(), |_| axum::Router::new()).await.unwrap();
    let applied = || {
        let text = fs::read_to_string(folder.join("ledger.jsonl")).unwrap_or_default();
        let mut counts = BTreeMap::new();
        for line in text.lines() {
            let entry: Value = serde_json::from_str(line).unwrap();
            *counts.entry(entry["number"].to_string()).or_insert(0) += 1;
        }
        counts
    };
    wait_for(&hub, "all orders", || applied().len() == 40).await;
    assert_tied(&hub).await;
    let twice: Vec<_> = applied().into_iter().filter(|(_, count)| *count != 1).collect();
    assert_eq!(twice, [], "each order once");
    hub.stop().await;
}
