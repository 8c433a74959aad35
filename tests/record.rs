//! Recordings of live connections: what is asked, what is replaced, what replays, and that nothing secret is ever written.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod command;
#[path = "record/hostile.rs"]
mod hostile;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use command::{Ran, command};
use hostile::{CLIENT_SECRET, Hostile, SESSION, TOKEN};
use serde_json::Value;
use syncline::cli::Exit;
use syncline::model::clock::Clock;
use syncline::sandbox::{Sandbox, SandboxOptions};

const MANIFEST: &str = r#"connector: acme
title: Acme
settings:
  base_url:      { format: url, title: Address }
  client_id:     { title: Client id }
  client_secret: { secret: true, title: Client secret }
  drop:          { format: folder, title: Folder, default: drop }
http:
  base_url: "{settings.base_url}/v2"
  auth: { scheme: oauth2_client_credentials, token_url: "{settings.base_url}/oauth/token", client_id: "{settings.client_id}", client_secret: "{settings.client_secret}" }
check: { get: /me, shows: "{body.name}" }
streams:
  orders:
    title: Orders
    entity: order
    key: "{record.id}"
    version: "{record.updated_at}"
    read:
      request: { get: /orders, query: { since: "{cursor}" } }
      records: data
      pages: { scheme: page_number, param: page, size_param: size, size: 2 }
      cursor: { kind: time, field: updated_at, overlap: 2m }
    get: { get: "/orders/{key}", record: order }
    write:
      create:
        post: /orders
        json: "{record}"
        response: { id: "{body.id}" }
        idempotency: { scheme: header, name: Idempotency-Key, value: "{idempotency_key}", ttl: 24h }
  stock:
    title: Stock files
    entity: inventory_level
    key: "{record.sku}:{record.location}"
    version: none
    read:
      from: file
      folder: "{settings.drop}"
      pattern: stock_*.csv
      marker: { scheme: suffix, suffix: .done }
      mode: snapshot
      format: { type: csv, columns: first_row, required: [sku, location, on_hand] }
"#;

const ORDER: &str = r#"mapping: acme/order
in:
  number: number
  placed_at: placed_at
  updated_at: updated_at
  currency: currency
  total: { money: total }
  payment_status: { from: paid, values: paid }
  customer.email: { from: customer.email, personal: true }
out: { number: number }
tests:
  - name: in
    given: { number: "1", placed_at: "2026-11-20T08:00:00Z", updated_at: "2026-11-20T08:00:00Z", currency: EUR, total: "1.00", paid: "yes", customer: { email: a@example.com } }
    expect: { number: "1", payment_status: paid }
  - { name: out, direction: out, given: { number: "1", placed_at: "2026-11-20T08:00:00Z", currency: EUR, total: { amount_minor: 1, currency: EUR } }, expect: { number: "1" } }
"#;

const LEVEL: &str = "mapping: acme/inventory_level\nin: { sku: sku, location: location, on_hand: on_hand }\ntests:\n  - { name: in, given: { sku: A, location: B, on_hand: \"1\" }, expect: { sku: A } }\n";

/// The command as a person meets it: how it ended, what it said.
async fn syncline(dir: &Path, arguments: &[&str]) -> (Exit, String) {
    let Ran { exit, out, err } = command(dir, Clock::System, "ann", arguments, "").await;
    (exit, [out, err].concat())
}

fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn acme(base: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "secrets/acme", CLIENT_SECRET);
    write(
        dir.path(),
        "syncline.yaml",
        &format!(
            "hub: {{ database: \"sqlite:syncline.db\" }}\nconnections:\n  acme:\n    connector: acme\n    allow_networks: [127.0.0.0/8]\n    settings: {{ base_url: \"{base}\", client_id: acme-client, client_secret: \"${{file:secrets/acme}}\" }}\n"
        ),
    );
    write(dir.path(), "connectors/acme/connector.yaml", MANIFEST);
    write(dir.path(), "connectors/acme/README.md", "# Acme\n");
    write(dir.path(), "mappings/acme/order.yaml", ORDER);
    write(dir.path(), "mappings/acme/inventory_level.yaml", LEVEL);
    write(
        dir.path(),
        "mappings/acme/values.yaml",
        "values: acme\ncrosswalks:\n  paid: { \"yes\": paid, \"no\": unpaid }\n",
    );
    write(
        dir.path(),
        "drop/stock_1.csv",
        "sku,location,on_hand,contact_email\nA,WH1,5,anna.meyer@acme-corp.net\nB,WH1,6,bjorn@acme-corp.net\nC,WH1,7,\nD,WH1,8,\n",
    );
    dir
}

fn files(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        found.push((entry.path(), std::fs::read_to_string(entry.path()).unwrap()));
    }
    found
}

fn json(folder: &Path, name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

#[tokio::test]
async fn a_hostile_vendor_is_recorded_without_a_trace_and_replays() {
    let vendor = Hostile::default();
    let asked = Arc::clone(&vendor.asked);
    let base = vendor.start().await;
    let dir = acme(&base);
    let (exit, said) = syncline(dir.path(), &["connector", "record", "acme"]).await;
    assert_eq!(exit, Exit::Done, "{said}");
    let writes =
        asked.lock().unwrap().iter().filter(|asked| !asked.starts_with("GET") && !asked.contains("token")).count();
    assert_eq!(writes, 0, "{asked:?}");
    let folder = dir.path().join("connectors/acme/fixtures");
    let written = files(&folder);
    for secret in [
        CLIENT_SECRET,
        TOKEN,
        SESSION,
        "refresh-live",
        "pi_77_secret_hostile",
        "acme-corp",
        "Anna",
        "Meyer",
        "anna.",
        "Björn",
        "1234567",
        "84.17.3.9",
        "Lindenallee",
        "Leipzig",
        "3704",
        "4242",
        &base,
    ] {
        for (path, text) in &written {
            assert!(!text.contains(secret), "{secret} is in {}:\n{text}", path.display());
            assert!(!said.contains(secret) || secret == "Anna", "{secret} was said");
        }
    }
    let list = json(&folder, "recorded-orders-2.json");
    let (first, second) = (&list["data"][0], &list["data"][1]);
    assert_eq!(first["customer"]["email"], second["customer"]["email"], "{list}");
    assert_eq!(first["customer"]["name"], first["billing_address"]["name"], "{list}");
    assert_eq!(first["customer"]["name"].as_str().unwrap().len(), "Anna Maria Meyer".len());
    assert_eq!(
        (first["id"].to_string(), first["paid"].as_str(), first["total"].to_string()),
        ("1".to_owned(), Some("yes"), "12.5".to_owned())
    );
    assert_eq!(first["link"], "{base}/v2/orders/1");
    assert!(first["logo"].as_str().unwrap().ends_with(".example.com/logo.png"), "{list}");
    let sample = std::fs::read_to_string(folder.join("stock_1.csv")).unwrap();
    assert!(
        sample.starts_with("sku,location,on_hand,contact_email\nA,WH1,5,") && sample.lines().count() == 4,
        "{sample}"
    );
    let mail = first["customer"]["email"].as_str().unwrap();
    assert!(sample.contains(mail), "the same person in a file: {sample} {mail}");
    for told in [
        "covered check",
        "covered log-in",
        "covered pages",
        "covered get",
        "covered resume",
        "covered files",
        "lacking write once",
        "e-mail addresses",
        "create of stream orders",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
    let (exit, tested) = syncline(dir.path(), &["connector", "test", "acme"]).await;
    let only = tested.lines().filter(|line| line.starts_with("failed")).collect::<Vec<_>>();
    assert!(exit == Exit::Failed && only.is_empty(), "{tested}");
    assert!(tested.contains("no fixture proves: create of stream orders"), "{tested}");
}

#[tokio::test]
async fn nothing_is_overwritten_and_a_second_recording_is_the_same() {
    let base = Hostile::default().start().await;
    let dir = acme(&base);
    let record = ["connector", "record", "acme", "--stream", "orders"];
    assert_eq!(syncline(dir.path(), &record).await.0, Exit::Done);
    let folder = dir.path().join("connectors/acme/fixtures");
    let mut before = files(&folder);
    let (exit, said) = syncline(dir.path(), &record).await;
    assert!(exit == Exit::Failed && said.contains("not overwritten") && said.contains("--force"), "{said}");
    let (exit, said) = syncline(dir.path(), &["connector", "record", "acme", "--stream", "orders", "--force"]).await;
    assert_eq!(exit, Exit::Done, "{said}");
    let mut after = files(&folder);
    before.sort();
    after.sort();
    assert_eq!(before, after);
}

#[tokio::test]
async fn ids_are_replaced_on_demand_and_still_fit_each_other() {
    let base = Hostile::default().start().await;
    let dir = acme(&base);
    let (exit, said) = syncline(dir.path(), &["connector", "record", "acme", "--scrub-ids"]).await;
    assert_eq!(exit, Exit::Done, "{said}");
    let folder = dir.path().join("connectors/acme/fixtures");
    let list = json(&folder, "recorded-orders-2.json");
    let get = std::fs::read_to_string(folder.join("recorded-orders-get.yaml")).unwrap();
    let id = list["data"][0]["id"].to_string();
    assert!(id != "1" && get.contains(&format!("key: \"{id}\"")), "{get} {list}");
    assert_eq!(list["data"][0]["link"], format!("{{base}}/v2/orders/{id}"));
}

#[tokio::test]
async fn a_cut_list_gets_an_end() {
    let base = Hostile::default().start().await;
    let dir = acme(&base);
    let (exit, said) =
        syncline(dir.path(), &["connector", "record", "acme", "--stream", "orders", "--limit", "1"]).await;
    assert_eq!(exit, Exit::Done, "{said}");
    let read = std::fs::read_to_string(dir.path().join("connectors/acme/fixtures/recorded-orders.yaml")).unwrap();
    assert!(
        read.contains("its end is made") && read.contains("{\"key\":\"2\"}") && !read.contains("{\"key\":\"3\"}"),
        "{read}"
    );
    assert!(said.contains("resume of stream orders: its list was cut") && said.contains("covered pages"), "{said}");
}

#[tokio::test]
async fn unknown_names_and_unsupported_streams_are_told() {
    let base = Hostile::default().start().await;
    let dir = acme(&base);
    let (exit, said) = syncline(dir.path(), &["connector", "record", "nobody"]).await;
    assert!(exit == Exit::Usage && said.contains("there is no connection nobody"), "{said}");
    let (exit, said) = syncline(dir.path(), &["connector", "record", "acme", "--stream", "order"]).await;
    assert!(exit == Exit::Failed && said.contains("has no stream order"), "{said}");
}

#[tokio::test]
async fn a_shipped_connector_is_recorded_from_its_sandbox_into_a_folder_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let options = SandboxOptions { backlog_orders: 12, ..SandboxOptions::new(7, folder.path().join("drop")) };
    let sandbox = Sandbox::start(options).await.unwrap();
    let token = sandbox.credentials().shop_token.clone();
    let base = sandbox.shop_url().split("/admin").next().unwrap().to_owned();
    let dir = folder.path().join("hub");
    write(
        &dir,
        "syncline.yaml",
        &format!(
            "hub: {{ database: \"sqlite:syncline.db\" }}\nconnections:\n  shop:\n    connector: shopify\n    allow_networks: [127.0.0.0/8]\n    settings: {{ shop: acme-live.myshopify.com, base_url: \"{base}\", currency: EUR, location_id: 655441491, access_token: {token}, webhook_secret: shpss_live_0011223344 }}\n"
        ),
    );
    let (exit, said) = syncline(&dir, &["connector", "record", "shop"]).await;
    assert_eq!(exit, Exit::Done, "{said}");
    let out = dir.join("recorded");
    for (path, text) in files(&out.join("connectors/shopify/fixtures")) {
        for secret in [token.as_str(), "shpss_live", "acme-live", &base] {
            assert!(!text.contains(secret), "{secret} is in {}", path.display());
        }
    }
    for told in ["covered check", "covered get", "covered resume", "lacking events"] {
        assert!(said.contains(told), "{told}: {said}");
    }
    let (_, tested) = syncline(&out, &["connector", "test", "shopify"]).await;
    assert!(!tested.lines().any(|line| line.starts_with("failed")), "{tested}");
    sandbox.shutdown().await;
}
