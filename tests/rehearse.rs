//! `syncline rehearse` as a person runs it: the counts tie, nothing is written into the configuration's folder, and what is
//! wrong with a configuration is told as `check` tells it. No time is asserted.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn syncline(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_syncline"));
    command.arg("--config").arg(folder).args(arguments).env_remove("SYNCLINE_LOG");
    for name in
        ["QUICKSTART_HUB", "QUICKSTART_SERVICE", "SYNCLINE_LISTEN", "SHOP_TOKEN", "ERP_URL", "ERP_PASSWORD", "PSP_KEY"]
    {
        command.env_remove(name);
    }
    command.output().unwrap()
}

/// Every file below a folder with its content, and every folder.
fn listing(folder: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(listing(&path));
            found.insert(path, None);
        } else {
            let content = fs::read(&path).unwrap();
            found.insert(path, Some(content));
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Rehearses, and compares the folder before and after.
#[track_caller]
fn rehearse(folder: &Path, arguments: &[&str]) -> (Value, i32) {
    let before = listing(folder);
    let scratch = tempfile::tempdir().unwrap();
    let place = scratch.path().to_str().unwrap();
    let output = syncline(folder, &[&["rehearse", "--json", "-q", "--scratch", place], arguments].concat());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let report = serde_json::from_str(&said)
        .unwrap_or_else(|error| panic!("{error}: {said}{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(listing(folder), before, "a rehearsal writes nothing into the user's folder");
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0, "a rehearsal leaves nothing behind");
    (report, output.status.code().unwrap())
}

#[track_caller]
fn ties(report: &Value) {
    assert_eq!(report["faults"], Value::Array(Vec::new()), "{report:#}");
    assert_eq!((&report["ties"], &report["failed"]), (&Value::Bool(true), &Value::from(0)), "{report:#}");
    assert_eq!(report["accepted"], report["offered"], "{report:#}");
    assert_eq!(report["left_over"], 0, "{report:#}");
    let n = |name: &str| report["ledger"][name].as_i64().unwrap();
    assert_eq!(n("received"), n("applied") + n("superseded") + n("ignored") + n("dead") + n("pending"));
    assert!(n("received") >= report["accepted"].as_i64().unwrap());
}

/// Flow, records offered to its source, deliveries that the hub counts, records that arrived.
fn flows(report: &Value) -> Vec<(String, u64, u64)> {
    let flow = |flow: &Value| {
        (flow["flow"].as_str().unwrap().to_owned(), flow["done"].as_u64().unwrap(), flow["arrived"].as_u64().unwrap())
    };
    report["flows"].as_array().unwrap().iter().map(flow).collect()
}

#[test]
fn the_quickstart_is_driven_whole_without_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart"), folder.path());
    for made in ["data", "drop", "out", "secrets"] {
        drop(fs::remove_dir_all(folder.path().join(made)));
    }
    let (report, _) = rehearse(folder.path(), &["--rate", "16/s", "--for", "2s"]);
    ties(&report);
    assert_eq!(report["offered"], 32);
    assert_eq!(report["not_driven"], Value::Array(Vec::new()));
    let named = |name: &str| (name.to_owned(), 8, 8);
    let expected =
        ["orders-to-files", "paid-orders-to-service", "payments-to-service", "stock-to-files", "shipments-to-files"];
    assert_eq!(flows(&report), expected.map(named), "{report:#}");
}

#[test]
fn a_first_configuration_is_driven_by_files() {
    let folder = tempfile::tempdir().unwrap();
    assert!(syncline(folder.path(), &["init"]).status.success());
    let (report, _) = rehearse(folder.path(), &["--rate", "10/s", "--for", "2s"]);
    ties(&report);
    assert_eq!(flows(&report), [("orders-archive".to_owned(), 20, 20)]);
    assert_eq!(report["sources"][0]["way"], "files");
    assert_eq!(report["ack"], Value::Null, "files are not acknowledged");
}

/// A shop, a processor and an ERP over HTTP: records read again, looked up, created; what they refer to read beforehand.
const VENDORS: &str = r#"
connections:
  shop:
    connector: shopify
    settings:
      shop: acme.myshopify.com
      currency: EUR
      location_id: 655441491
      access_token: ${SHOP_TOKEN}
      webhook_secret: ${file:secrets/shop}
  erp:
    connector: sandbox-erp
    settings: { base_url: "${ERP_URL}", username: hub, password: "${ERP_PASSWORD}", drop_dir: /nowhere/drop }
    allow_networks: [10.0.0.0/8]
  psp:
    connector: stripe
    settings: { secret_key: "${PSP_KEY}", webhook_secret: "${file:secrets/psp}" }
flows:
  orders-to-erp: { from: shop.orders, to: erp.orders, mode: live }
  payments-to-erp: { from: psp.payments, to: erp.payments, needs: [order], deliver: latest, mode: live }
  stock-to-shop: { from: erp.stock, to: shop.inventory, needs: [sku], publish: on_hand - committed, deliver: latest, mode: live }
  shipments-to-shop: { from: erp.deliveries, to: shop.fulfilments, needs: [order], mode: live }
"#;

#[test]
fn vendors_apis_are_stood_in_for_and_their_limits_are_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("syncline.yaml"), VENDORS).unwrap();
    let (report, code) = rehearse(folder.path(), &["--rate", "8/s", "--for", "2s"]);
    ties(&report);
    let named = |name: &str, count| (name.to_owned(), count, count);
    let expected = [named("orders-to-erp", 6), named("payments-to-erp", 5), named("stock-to-shop", 5)];
    assert_eq!(flows(&report), expected, "{report:#}");
    // Its pieces are taken line by line from what the shop says is open, and no stand-in knows that.
    assert_eq!(report["not_driven"][0]["what"], "flow shipments-to-shop", "{report:#}");
    // One call per level, and two a second are all that this shop allows, less a tenth for people.
    let shop = report["vendor_limits"].as_array().unwrap().iter().find(|limit| limit["connection"] == "shop").unwrap();
    assert_eq!(
        (&shop["allowed_milli_calls_per_s"], &shop["exceeded"]),
        (&Value::from(1_800), &Value::Bool(true)),
        "{shop}"
    );
    assert!(report["gave_way"][0].as_str().unwrap().starts_with("shop allows 1.8 calls a second"), "{report:#}");
    assert_eq!((&report["carries"], code), (&Value::Bool(false), 3));
}

#[test]
fn what_cannot_be_driven_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let connector = folder.path().join("connectors/told");
    fs::create_dir_all(&connector).unwrap();
    let manifest = "connector: told\ntitle: T\nsettings:\n  host: { default: a.example.com }\nhttp: { base_url: \"https://{settings.host}\" }\n\
        streams:\n  orders:\n    entity: order\n    key: \"{record.number}\"\n    version: none\n    mapping: canonical\n    \
        read: { request: { get: \"{settings.host}/orders\" }, cursor: { kind: snapshot } }\n";
    fs::write(connector.join("connector.yaml"), manifest).unwrap();
    let config = "connections:\n  far: { connector: told }\n  files: { connector: jsonl }\n  \
        service: { connector: webhook, settings: { url: \"https://service.example.com\", secret: \"${NOT_SET}\" } }\nflows:\n  \
        far-away: { from: far.orders, to: service.events, mode: live }\n  near: { from: files.stock, to: service.events, mode: live }\n";
    fs::write(folder.path().join("syncline.yaml"), config).unwrap();
    let (report, _) = rehearse(folder.path(), &["--rate", "5/s", "--for", "1s", "--drain", "1s"]);
    ties(&report);
    let named = |what: &str| {
        let all = report["not_driven"].as_array().unwrap();
        let found = all.iter().find(|left| left["what"] == what).unwrap_or_else(|| panic!("{what}: {report:#}"));
        found["reason"].as_str().unwrap().to_owned()
    };
    assert!(named("far").contains("known only while it runs"));
    assert!(named("far.orders").contains("switched off"));
    assert_eq!(flows(&report), [("near".to_owned(), 5, 5)]);
}

#[test]
fn a_broken_configuration_is_told_as_check_tells_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = "connections:\n  files: { connector: jsonl, settings: { folder: x } }\nflows:\n  a: { from: files.orders, to: gone.records }\n";
    fs::write(folder.path().join("syncline.yaml"), config).unwrap();
    let before = listing(folder.path());
    let (checked, rehearsed) = (syncline(folder.path(), &["check"]), syncline(folder.path(), &["rehearse", "-q"]));
    assert_eq!((checked.status.code(), rehearsed.status.code()), (Some(1), Some(1)));
    let told = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told(&checked).contains("syncline.yaml:2:"), "{}", told(&checked));
    assert_eq!(told(&rehearsed), told(&checked));
    let (checked, rehearsed) =
        (syncline(folder.path(), &["check", "--json"]), syncline(folder.path(), &["rehearse", "--json"]));
    assert_eq!(String::from_utf8_lossy(&rehearsed.stdout), String::from_utf8_lossy(&checked.stdout));
    assert_eq!(listing(folder.path()), before);
}

#[test]
fn a_connection_that_sends_nothing_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    assert!(syncline(folder.path(), &["init"]).status.success());
    let output = syncline(folder.path(), &["rehearse", "--connection", "shop"]);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
}
