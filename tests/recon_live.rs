//! Reconciliation while everything moves: vendors that misbehave, orders placed and changed, the daemon killed twice. What is under
//! way is never called a break, and every order that the ERP truly lost is found.
//!
//! `SYNCLINE_LIVE_SECONDS` makes it longer: 600 for ten minutes; it prints its verdict.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code)]
#[path = "kill/supervisor.rs"]
mod supervisor;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use supervisor::{Supervisor, alone, lasting_address};
use syncline::cli::demo::installation;
use syncline::sandbox::{Faults, Sandbox, SandboxOptions, WebhookRetry};
use tokio::time::Instant;

const DEFINITION: &str = "\
reconciliation: live-orders
title: Orders of the shop against the ERP, read now
kind: orders
a: { title: Shop, mirror: shop.orders, keys: { order: number }, amount: total, date: placed_at }
b: { title: ERP, live: erp.orders, keys: { order: number }, amount: total, date: placed_at }
match:
  - { id: number, key: [order] }
in_flight: { settle: 1s, stuck_after: 1h }
";

/// The ERP's orders read back: the shipped mapping only writes them.
const READ_BACK: &str = "\
in:
  number: reference
  placed_at: placed_at
  currency: currency
  total: { money: total }
";

const PATIENCE: Duration = Duration::from_secs(60);

fn lasts() -> Duration {
    let seconds = std::env::var("SYNCLINE_LIVE_SECONDS").map_or(20, |text| text.parse().expect("seconds"));
    Duration::from_secs(seconds)
}

struct Verdict {
    runs: u32,
    /// Not compared: a reading did not come to its end.
    unread: u32,
    in_flight: usize,
    false_breaks: Vec<String>,
    found: BTreeSet<String>,
}

struct Live {
    supervisor: Supervisor,
    sandbox: Sandbox,
    client: reqwest::Client,
    planted: BTreeSet<String>,
    verdict: Verdict,
}

impl Live {
    async fn post(&self, path: &str, body: Value) -> Option<Value> {
        let url = format!("http://{}{path}", self.supervisor.address);
        let answer = self.client.post(url).json(&body).send().await.ok()?;
        answer.json().await.ok()
    }

    async fn get(&self, path: &str) -> Option<Value> {
        let url = format!("http://{}{path}", self.supervisor.address);
        self.client.get(url).send().await.ok()?.json().await.ok()
    }

    /// One run; none if the daemon died meanwhile or it could not be made.
    async fn run(&self) -> Option<Value> {
        let work = self.post("/api/v1/reconciliations/live-orders/runs", json!({ "actor": "test" })).await?;
        let id = work["id"].as_u64()?;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let work = self.get(&format!("/api/v1/work/{id}")).await?;
            if let Some(run) = work["run"].as_i64() {
                return self.get(&format!("/api/v1/reconciliations/runs/{run}")).await;
            }
            if work["state"] == "failed" {
                println!("a run failed: {}", work["error"]);
                return None;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        None
    }

    async fn look(&mut self) -> Option<bool> {
        let shown = self.run().await?;
        let report = &shown["report"];
        self.verdict.runs += 1;
        if report["cover"]["status"] != "complete" {
            self.verdict.unread += 1;
            return None;
        }
        self.verdict.in_flight += report["in_flight"].as_array().unwrap().len();
        let breaks = report["breaks"].as_array().unwrap();
        for item in breaks {
            let key = item["key"].as_str().unwrap_or_default().to_owned();
            if self.planted.contains(&key) {
                self.verdict.found.insert(key);
            } else {
                self.verdict.false_breaks.push(item.to_string());
            }
        }
        Some(report["in_flight"].as_array().unwrap().is_empty())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_under_way_is_a_break_and_every_loss_is_found() {
    let _alone = alone().await;
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let folder = tempfile::tempdir().unwrap();
    let mut options = SandboxOptions::new(seed, folder.path().join("drop"));
    options.faults = Faults::rough();
    options.order_every = Duration::from_millis(100);
    options.shop_bucket = (400, 200);
    options.psp_calls_per_s = 400;
    options.webhook_retry = WebhookRetry {
        first_pause: Duration::from_millis(100),
        longest_pause: Duration::from_secs(2),
        tries: 60,
        ..WebhookRetry::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let (installed, address) = (folder.path().join("hub"), lasting_address());
    installation::write(&installed, &sandbox, address).unwrap();
    for folder in ["reconciliations", "mappings/sandbox-erp"] {
        std::fs::create_dir_all(installed.join(folder)).unwrap();
    }
    std::fs::write(installed.join("reconciliations/live-orders.yaml"), DEFINITION).unwrap();
    let overlay = format!("mapping: sandbox-erp/order\n{READ_BACK}");
    std::fs::write(installed.join("mappings/sandbox-erp/order.yaml"), overlay).unwrap();
    let supervisor = Supervisor::new(installed, address, None);
    let mut life = supervisor.start();
    supervisor.until_ready(&mut life).await;
    sandbox.set_psp_webhook_target(supervisor.webhook_url("psp").await);
    sandbox.start_traffic();

    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
    let verdict = Verdict { runs: 0, unread: 0, in_flight: 0, false_breaks: Vec::new(), found: BTreeSet::new() };
    let mut live = Live { supervisor, sandbox, client, planted: BTreeSet::new(), verdict };
    let (began, lasts) = (Instant::now(), lasts());
    let mut kills = [lasts / 3, lasts * 2 / 3].into_iter().peekable();
    let mut losses = [lasts / 2, lasts * 3 / 4].into_iter().peekable();
    while began.elapsed() < lasts {
        if kills.next_if(|at| began.elapsed() >= *at).is_some() {
            // In the middle of a run, as likely as not.
            let run = live.run();
            let _cut = tokio::time::timeout(Duration::from_millis(fastrand::u64(20..600)), run).await;
            life.kill(&live.supervisor).await;
            life = live.supervisor.start();
            live.supervisor.until_ready(&mut life).await;
        }
        if losses.next_if(|at| began.elapsed() >= *at).is_some() {
            live.planted.extend(live.sandbox.lose_order());
        }
        live.look().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    live.sandbox.calm();
    live.sandbox.stop_traffic().await.unwrap();
    live.planted.extend(live.sandbox.lose_order());
    // Whatever is under way arrives; what the ERP was given again by a later change of the order is not lost any more.
    let until = Instant::now() + PATIENCE * 5;
    loop {
        let settled = live.look().await == Some(true);
        let lost: BTreeSet<String> =
            live.planted.iter().filter(|number| !live.sandbox.has_order(number)).cloned().collect();
        if settled && lost.is_subset(&live.verdict.found) {
            break;
        }
        assert!(Instant::now() < until, "lost {lost:?}, found {:?}", live.verdict.found);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let Verdict { runs, unread, in_flight, false_breaks, found } = &live.verdict;
    println!(
        "{runs} runs ({unread} not read to the end), {in_flight} in flight, {} false breaks, {} of {} planted losses found, \
         {} orders",
        false_breaks.len(),
        found.len(),
        live.planted.len(),
        live.sandbox.progress().orders
    );
    assert_eq!(*false_breaks, Vec::<String>::new());
    assert!(*in_flight > 0 && !live.planted.is_empty(), "no traffic worth the name");
    life.terminate(Duration::from_secs(20)).await;
    live.sandbox.shutdown().await;
}
