//! A shop of JSON lines on one side, the ERP on the other, and a truth that is drawn before anything starts.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use syncline::hub::{Hub, HubOptions};
use syncline::sandbox::{Currency, IdocErp, IdocMirror, IdocOptions, PlacedLine, PlacedOrder, ToldDelivery, Verdict};
use syncline::store::IssueFilter;

const SHOP: &str = r#"
connector: till
title: Till
description: A shop that writes its orders and reads what it is told, as JSON lines.
settings:
  folder: { format: folder, title: Folder }
streams:
  orders:
    title: Orders
    entity: order
    mapping: canonical
    key: "{record.number}"
    version: "{record.updated_at}"
    read:
      from: file
      folder: "{settings.folder}"
      pattern: orders_*.jsonl
      marker: { scheme: suffix, suffix: .done }
      mode: delta
      every: 100ms
      format: { type: json_lines }
  deliveries:
    title: Deliveries
    entity: fulfilment
    mapping: canonical
    write: { to: file, folder: "{settings.folder}", name: "deliveries_{batch.sequence}.jsonl", marker: .done, batch: { records: 100, every: 100ms }, format: { type: json_lines } }
  levels:
    title: Levels
    entity: inventory_level
    mapping: canonical
    write: { to: file, folder: "{settings.folder}", name: "levels_{batch.sequence}.jsonl", marker: .done, batch: { records: 100, every: 100ms }, format: { type: json_lines } }
"#;

/// The orders of a seed, in three currencies, with halves of pieces, discounts and freight.
pub fn draw(seed: u64, count: usize, skus: &[String]) -> Vec<PlacedOrder> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let currencies = [Currency::Eur, Currency::Eur, Currency::Jpy, Currency::Kwd];
    (1..=count)
        .map(|n| {
            let currency = currencies[rng.usize(0..currencies.len())];
            let line = |rng: &mut fastrand::Rng| PlacedLine {
                sku: skus[rng.usize(0..skus.len())].clone(),
                quantity_thousandths: if rng.u8(0..5) == 0 { 1_500 } else { rng.i64(1..6) * 1000 },
                unit_minor: rng.i64(100..20_000),
                discount_minor: if rng.u8(0..4) == 0 { rng.i64(1..90) } else { 0 },
            };
            PlacedOrder {
                number: format!("WEB-{seed}-{n:04}"),
                placed_s: 1_795_168_800 + rng.i64(0..300_000),
                currency,
                shipping_minor: if rng.bool() { 490 } else { 0 },
                lines: (0..rng.usize(1..5)).map(|_| line(&mut rng)).collect(),
            }
        })
        .collect()
}

fn canonical(order: &PlacedOrder) -> Value {
    let code = order.currency.code();
    let time = |seconds: i64| jiff::Timestamp::from_second(seconds).unwrap().to_string();
    let money = |minor: i64| json!({ "amount_minor": minor, "currency": code });
    let line = |line: &PlacedLine| {
        let quantity = line.quantity_thousandths;
        json!({
            "sku": line.sku,
            "title": "Tee & Tasse <neu>",
            "quantity": format!("{}.{:03}", quantity / 1000, quantity % 1000),
            "unit_price": { "amount": order.currency.decimal(line.unit_minor), "currency": code },
            "discount": money(line.discount_minor),
        })
    };
    json!({
        "number": order.number,
        "placed_at": time(order.placed_s),
        "updated_at": time(order.placed_s),
        "currency": code,
        "total": money(1),
        "shipping_total": money(order.shipping_minor),
        "shipping_address": { "name": "Ana Ruiz", "street": "Calle Sol 1", "postal_code": "01067", "city": "Madrid", "country": "ES" },
        "lines": order.lines.iter().map(line).collect::<Vec<_>>(),
    })
}

pub struct Rig {
    pub dir: tempfile::TempDir,
    pub erp: IdocErp,
    pub hub: Arc<Hub>,
    pub placed: Vec<PlacedOrder>,
}

impl Rig {
    /// `connection` and `flows` are written for the ERP that has just started; `extra` adds files to the installation.
    pub async fn start(
        options: impl FnOnce(PathBuf) -> IdocOptions,
        orders: usize,
        install: impl FnOnce(&Path, &IdocErp) -> String,
    ) -> Rig {
        let dir = tempfile::tempdir().unwrap();
        let options = options(dir.path().join("sap"));
        let seed = options.seed;
        let erp = IdocErp::start(options).await.unwrap();
        let installed = dir.path().join("hub");
        fs::create_dir_all(installed.join("connectors/till")).unwrap();
        fs::create_dir_all(dir.path().join("shop")).unwrap();
        fs::write(installed.join("connectors/till/connector.yaml"), SHOP).unwrap();
        let configuration = format!(
            "hub: {{ listen: \"127.0.0.1:0\", database: \"sqlite:data/syncline.db\" }}\n\
             retry:\n  quick: {{ first_delay: 100ms, max_delay: 1s, give_up_after: 10m }}\n\
             connections:\n  shop: {{ connector: till, settings: {{ folder: {} }} }}\n{}",
            dir.path().join("shop").display(),
            install(&installed, &erp)
        );
        fs::write(installed.join("syncline.yaml"), configuration).unwrap();
        let config = syncline::config::load(&installed).unwrap_or_else(|problems| panic!("{problems}"));
        let hub = Hub::start(config, HubOptions::default(), |_| axum::Router::new()).await.unwrap();
        let placed = draw(seed, orders, &erp.skus());
        Rig { dir, erp, hub, placed }
    }

    /// Drops all orders in files of seven, one of them a second time under another name.
    pub fn place(&self) {
        for (n, chunk) in self.placed.chunks(7).enumerate() {
            let text: String = chunk.iter().map(|order| canonical(order).to_string() + "\n").collect();
            for name in
                [format!("orders_{n}.jsonl"), format!("orders_{n}_again.jsonl")].iter().take(1 + usize::from(n == 1))
            {
                let path = self.dir.path().join("shop").join(name);
                fs::write(&path, &text).unwrap();
                fs::write(path.with_extension("jsonl.done"), "").unwrap();
            }
        }
    }

    pub fn verdict(&self) -> Verdict {
        self.erp.verdict(&self.placed, &mirror(&self.dir.path().join("shop")))
    }

    /// Waits until every order is booked or the time is up, then lets the ERP come to its end.
    pub async fn settle(&self) {
        let deadline = Instant::now() + Duration::from_secs(25);
        while (self.erp.progress().orders as usize) < self.placed.len() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.erp.calm();
        self.erp.finish().await;
    }

    pub async fn until_clean(&self) {
        let deadline = Instant::now() + Duration::from_secs(45);
        loop {
            let verdict = self.verdict();
            if verdict.clean() {
                println!("{verdict}{:?}\n{:?}", self.erp.faults(), self.erp.progress());
                return;
            }
            if Instant::now() > deadline {
                println!("{}", self.issues().await);
                let names = fs::read_dir(self.erp.outbound_dir()).unwrap().map(|entry| entry.unwrap().file_name());
                println!("not taken: {:?}", names.collect::<std::collections::BTreeSet<_>>());
                panic!("{verdict}\n{:?}\n{:?}", self.erp.faults(), self.erp.progress());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Every issue that there was, and the queue.
    pub async fn issues(&self) -> String {
        let issues = self.hub.store.issues(IssueFilter::All).await.unwrap();
        let told = |issue: &syncline::store::IssueRow| {
            format!("issue {} x{}: {} | {}\n", issue.class, issue.open_count, issue.title, issue.sample)
        };
        let stats = self.hub.store.queue_stats().await.unwrap();
        format!("{}{stats:?}", issues.iter().map(told).collect::<String>())
    }

    /// Waits until the hub has nothing left to do.
    pub async fn idle(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.hub.store.queue_stats().await.unwrap().iter().any(|stat| stat.state.is_open()) {
            assert!(Instant::now() < deadline, "{}", self.issues().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn end(self) {
        let report = self.hub.store.verify(&|_, _, _| {}).await.unwrap();
        assert_eq!(report.faults, Vec::<String>::new());
        assert_eq!(report.received, report.applied + report.superseded + report.ignored + report.dead + report.pending);
        self.hub.stop().await;
        self.erp.shutdown().await;
    }
}

/// What the shop was told, file by file in the order of their numbers.
fn mirror(shop: &Path) -> IdocMirror {
    let mut mirror = IdocMirror::default();
    for row in rows(shop, "levels_") {
        let told: &mut Vec<i64> = mirror.stock.entry(text(&row, "sku").unwrap()).or_default();
        told.push(thousandths(&text(&row, "on_hand").unwrap()));
    }
    for row in rows(shop, "deliveries_") {
        let lines = row["lines"].as_array().unwrap().iter();
        mirror.deliveries.push(ToldDelivery {
            number: text(&row, "number").unwrap(),
            order: text(&row, "order").unwrap(),
            carrier: text(&row, "carrier"),
            tracking_number: text(&row, "tracking_number"),
            shipped_s: text(&row, "shipped_at").map(|at| at.parse::<jiff::Timestamp>().unwrap().as_second()),
            lines: lines
                .map(|line| (text(line, "sku").unwrap(), thousandths(&text(line, "quantity").unwrap())))
                .collect(),
        });
    }
    mirror
}

fn rows(shop: &Path, kind: &str) -> Vec<Value> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(shop).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if let Some(number) = name.strip_prefix(kind).and_then(|rest| rest.strip_suffix(".jsonl")) {
            files.insert(number.parse::<u64>().unwrap(), path);
        }
    }
    let read = |path: PathBuf| fs::read_to_string(path).unwrap();
    files
        .into_values()
        .flat_map(|path| read(path).lines().map(|l| serde_json::from_str(l).unwrap()).collect::<Vec<_>>())
        .collect()
}

fn text(row: &Value, field: &str) -> Option<String> {
    row[field].as_str().map(str::to_owned)
}

fn thousandths(quantity: &str) -> i64 {
    let (sign, digits) = quantity.strip_prefix('-').map_or((1, quantity), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    sign * format!("{whole}{fraction:0<3}").parse::<i64>().unwrap()
}
