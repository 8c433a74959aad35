//! What a connection has, told from a sample: a shop's sandbox, a CSV file, a SQLite database; and drafts that load.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod command;

use std::path::Path;

use serde_json::Value;
use syncline::cli::Exit;
use syncline::connector::sql::run_script;
use syncline::model::clock::Clock;
use syncline::sandbox::{Sandbox, SandboxOptions};

use command::{Ran, command};

async fn syncline(dir: &Path, arguments: &[&str]) -> (Exit, String) {
    let Ran { exit, out, .. } = command(dir, Clock::System, "ann", arguments, "").await;
    (exit, out)
}

fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn stream<'d>(found: &'d Value, name: &str) -> &'d Value {
    found["streams"]
        .as_array()
        .unwrap()
        .iter()
        .find(|stream| stream["stream"] == name)
        .unwrap_or_else(|| panic!("{name}: {found:#}"))
}

/// Cell and sureness of a suggested field.
fn suggested(stream: &Value, field: &str) -> (String, bool) {
    let all = stream["draft"]["suggestions"].as_array().unwrap();
    let one = all.iter().find(|each| each["field"] == field).unwrap_or_else(|| panic!("{field}: {all:#?}"));
    (one["cell"].as_str().unwrap().to_owned(), one["sure"].as_bool().unwrap())
}

#[tokio::test]
async fn a_shop_is_looked_at_and_nobody_in_it_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let options = SandboxOptions { backlog_orders: 30, ..SandboxOptions::new(7, folder.path().join("drop")) };
    let sandbox = Sandbox::start(options).await.unwrap();
    let token = sandbox.credentials().shop_token.clone();
    let base = sandbox.shop_url().split("/admin").next().unwrap().to_owned();
    let dir = folder.path().join("hub");
    write(
        &dir,
        "syncline.yaml",
        &format!(
            "hub: {{ database: \"sqlite:syncline.db\" }}\nconnections:\n  shop:\n    connector: shopify\n    allow_networks: [127.0.0.0/8]\n    settings: {{ shop: acme.myshopify.com, base_url: \"{base}\", currency: EUR, location_id: 655441491, access_token: {token}, webhook_secret: shpss_0011223344 }}\n"
        ),
    );
    let (exit, said) = syncline(&dir, &["discover", "shop", "--json"]).await;
    assert_eq!(exit, Exit::Done, "{said}");
    let found: Value = serde_json::from_str(&said).unwrap();
    let orders = stream(&found, "orders");
    assert_eq!(suggested(orders, "total"), ("{ money: total_price }".to_owned(), true));
    assert_eq!(suggested(orders, "placed_at"), ("created_at".to_owned(), true));
    assert_eq!(suggested(orders, "currency"), ("currency".to_owned(), true));
    let words = &orders["draft"]["crosswalks"]["payment_status"];
    assert_eq!(words["paid"], "paid", "{words}");
    let fields = orders["fields"].as_array().unwrap();
    let mails: Vec<&Value> = fields.iter().filter(|field| field["path"].as_str().unwrap().ends_with("email")).collect();
    assert!(!mails.is_empty());
    for field in mails {
        assert!(field["personal"].as_bool().unwrap() && field["values"].is_null(), "{field}");
        assert!(
            field["examples"].as_array().unwrap().iter().all(|text| text.as_str().unwrap().starts_with('x')),
            "{field}"
        );
    }
    assert!(!said.contains(&token));
    let (_, table) = syncline(&dir, &["discover", "shop", "--stream", "orders", "--write"]).await;
    assert!(
        table.contains("financial_status")
            && table.contains("crosswalk payment_status")
            && table.contains("stays as it is"),
        "{table}"
    );
    let (exit, said) = syncline(&dir, &["discover", "shop", "--stream", "order"]).await;
    assert_eq!((exit, said.as_str()), (Exit::Usage, ""));
    sandbox.shutdown().await;
}

const FILES: &str = r#"connector: nightly
title: Nightly files
settings:
  drop: { format: folder, title: Folder, default: drop }
streams:
  stock:
    title: Stock
    entity: inventory_level
    key: "{record.sku}"
    version: none
    read:
      from: file
      folder: "{settings.drop}"
      pattern: stock_*.csv
      marker: { scheme: suffix, suffix: .done }
      mode: snapshot
      format: { type: csv, delimiter: ";", columns: first_row, required: [] }
"#;

#[tokio::test]
async fn a_file_becomes_a_mapping_that_loads() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "syncline.yaml",
        "hub: { database: \"sqlite:syncline.db\" }\nconnections:\n  erp: { connector: nightly }\n",
    );
    write(dir.path(), "connectors/nightly/connector.yaml", FILES);
    write(
        dir.path(),
        "drop/stock_7.csv",
        "artikelnummer;warehouse;Bestand;contact\nA-1;WH1;5;anna@corp.example\nB-2;WH1;0;\n",
    );
    let (exit, said) = syncline(dir.path(), &["discover", "erp", "--write"]).await;
    assert_eq!(exit, Exit::Done, "{said}");
    assert!(said.contains("artikelnummer") && said.contains("xxxx@xxxx.xxxxxxx") && !said.contains("anna@"), "{said}");
    let path = dir.path().join("mappings/nightly/inventory_level.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    for cell in ["  sku: artikelnummer ", "  location: warehouse ", "  on_hand: Bestand "] {
        assert!(text.contains(cell), "{cell}: {text}");
    }
    let (exit, tested) = syncline(dir.path(), &["mapping", "test", "nightly"]).await;
    assert_eq!(exit, Exit::Done, "{tested}\n{text}");
    assert!(dir.path().join("drop/stock_7.csv").exists(), "a look leaves the file where it lies");
    let (_, again) = syncline(dir.path(), &["discover", "erp", "--write"]).await;
    assert!(again.contains("stays as it is"), "{again}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

const TABLES: &str = r#"connector: shopdb
title: A shop's database
settings:
  file: { title: File }
sql: { driver: sqlite, file: "{settings.file}" }
streams:
  orders:
    title: Orders
    entity: order
    key: "{record.order_no}"
    version: "{record.updated_at}"
    read:
      from: sql
      query: "SELECT order_no, created_at, updated_at, currency, total FROM orders WHERE order_no > :after.order_no ORDER BY order_no LIMIT :limit"
      cursor: { kind: snapshot }
      after: { order_no: "" }
"#;

#[tokio::test]
async fn a_database_shows_its_tables_with_keys_and_cursors() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("shop.db");
    let script = "CREATE TABLE orders (order_no TEXT PRIMARY KEY, created_at TEXT, updated_at TEXT, currency TEXT, total TEXT);\nCREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);\nINSERT INTO orders VALUES ('1001', '2026-11-20T08:00:00Z', '2026-11-20T08:00:00Z', 'EUR', '12.50');\n";
    run_script(&file, script, None).await.unwrap();
    write(dir.path(), "connectors/shopdb/connector.yaml", TABLES);
    write(
        dir.path(),
        "syncline.yaml",
        &format!(
            "hub: {{ database: \"sqlite:syncline.db\" }}\nconnections:\n  db: {{ connector: shopdb, settings: {{ file: \"{}\" }} }}\n",
            file.display()
        ),
    );
    let (exit, said) = syncline(dir.path(), &["discover", "db", "--json"]).await;
    assert_eq!(exit, Exit::Done, "{said}");
    let found: Value = serde_json::from_str(&said).unwrap();
    let table = |name: &str| {
        found["tables"]
            .as_array()
            .unwrap()
            .iter()
            .find(|table| table["name"] == name)
            .unwrap_or_else(|| panic!("{found:#}"))
    };
    assert_eq!(table("orders")["keys"], serde_json::json!(["order_no"]));
    assert_eq!(table("orders")["cursors"], serde_json::json!(["updated_at"]));
    assert_eq!(table("log")["cursors"], serde_json::json!(["id"]));
    assert_eq!(table("orders")["columns"].as_array().unwrap().len(), 5);
    let orders = stream(&found, "orders");
    assert_eq!(suggested(orders, "number"), ("order_no".to_owned(), true));
    assert_eq!(suggested(orders, "total"), ("{ money: total }".to_owned(), true));
}
