//! The vendors' APIs and files, well-behaved and with each fault.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use syncline::sandbox::{Faults, Sandbox, SandboxError, SandboxOptions};

use crate::mirror::{self, erp_document, files, read_stock};
use crate::world::{World, json, next_link, status, wait_for, walk, world};

#[tokio::test]
async fn shop_pages_freeze_their_filter_and_see_every_order_once() {
    let world = world(1, |options| options.backlog_orders = 30).await;
    let all = walk(&world, "/orders.json?status=any&limit=7", "orders").await;
    let names: BTreeSet<&str> = all.iter().map(|order| order["name"].as_str().unwrap()).collect();
    assert_eq!((all.len(), names.len()), (30, 30));
    let keys: Vec<(&str, i64)> =
        all.iter().map(|order| (order["updated_at"].as_str().unwrap(), order["id"].as_i64().unwrap())).collect();
    assert!(keys.is_sorted(), "{keys:?}");
    assert!(all.iter().any(|order| !order["cancelled_at"].is_null()));

    let open = walk(&world, "/orders.json?limit=7", "orders").await;
    assert!(open.len() < 30 && open.iter().all(|order| order["cancelled_at"].is_null()));

    let first = world.shop_get("/orders.json?status=any&limit=7").send().await.unwrap();
    let next = next_link(&first).unwrap();
    assert_eq!(status(world.shop_get(&format!("{next}&status=open"))).await, 400);
    assert_eq!(status(world.shop_get("/orders.json?page_info=nonsense")).await, 400);
}

#[tokio::test]
async fn shop_takes_updated_at_min_inclusively() {
    let world = world(2, |options| options.backlog_orders = 5).await;
    let all = walk(&world, "/orders.json?status=any", "orders").await;
    let newest = all.last().unwrap()["updated_at"].as_str().unwrap();
    let query = [("status", "any"), ("updated_at_min", newest)];
    let same = json(world.shop_get("/orders.json").query(&query)).await;
    let expected = all.iter().filter(|order| order["updated_at"] == newest).count();
    assert_eq!(same["orders"].as_array().unwrap().len(), expected);
    assert_eq!(status(world.shop_get("/orders.json?updated_at_min=2026-11-20")).await, 400);
}

#[tokio::test]
async fn every_vendor_wants_its_credentials() {
    let world = world(3, |_| {}).await;
    let get = |url: String| world.client.get(url);
    assert_eq!(status(get(format!("{}/shop.json", world.sandbox.shop_url()))).await, 401);
    assert_eq!(status(get(format!("{}/ping", world.sandbox.erp_url()))).await, 401);
    assert_eq!(status(get(format!("{}/v1/events", world.sandbox.psp_url()))).await, 401);
    assert_eq!(status(world.shop_get("/shop.json")).await, 200);
    assert_eq!(status(world.erp(Method::GET, "/ping")).await, 200);
    assert_eq!(status(world.psp_get("/v1/events")).await, 200);
}

fn usage(response: &reqwest::Response) -> String {
    response.headers()["x-shopify-shop-api-call-limit"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_full_bucket_answers_429_and_says_when_to_come_back() {
    let world = world(4, |options| options.shop_bucket = (3, 1)).await;
    let first = world.shop_get("/shop.json").send().await.unwrap();
    assert_eq!((first.status().as_u16(), usage(&first)), (200, "1/3".to_owned()));
    // The bucket leaks while we pour, so that a slow machine needs a few more calls.
    let mut refused = first;
    for _ in 0..20 {
        refused = world.shop_get("/shop.json").send().await.unwrap();
        if refused.status() == 429 {
            break;
        }
    }
    assert_eq!((refused.status().as_u16(), usage(&refused)), (429, "3/3".to_owned()));
    let retry_after = refused.headers()["retry-after"].to_str().unwrap();
    let (seconds, tenths) = retry_after.split_once('.').unwrap();
    assert!(seconds.parse::<u32>().unwrap() * 10 + tenths.parse::<u32>().unwrap() <= 10, "{retry_after}");
}

#[tokio::test]
async fn processor_lists_newest_first_and_expands_charges() {
    let world = world(5, |options| options.backlog_orders = 12).await;
    let page = json(world.psp_get("/v1/events?limit=3")).await;
    assert_eq!((page["has_more"].as_bool(), page["data"].as_array().unwrap().len()), (Some(true), 3));
    let events = mirror::psp_list(&world, "/v1/events").await;
    let ids: BTreeSet<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len() as u64, world.sandbox.progress().payment_states);
    assert_eq!(events.last().unwrap()["type"], "payment_intent.created");

    let captured = json(world.psp_get("/v1/events?type=payment_intent.succeeded&limit=1")).await;
    let id = captured["data"][0]["data"]["object"]["id"].as_str().unwrap().to_owned();
    let plain = json(world.psp_get(&format!("/v1/payment_intents/{id}"))).await;
    assert!(plain["latest_charge"].as_str().unwrap().starts_with("ch_"));
    let expanded =
        json(world.psp_get(&format!("/v1/payment_intents/{id}")).query(&[("expand[]", "latest_charge")])).await;
    assert_eq!(expanded["latest_charge"]["payment_intent"], id.as_str());
    assert_eq!(expanded["latest_charge"]["amount_captured"], expanded["amount"]);
    assert_eq!(status(world.psp_get("/v1/payment_intents/pi_none")).await, 404);
    assert_eq!(status(world.psp_get("/v1/events?limit=101")).await, 400);
}

async fn one_document(world: &World) -> Value {
    let orders = walk(world, "/orders.json?status=any&limit=1", "orders").await;
    erp_document(&orders[0])
}

async fn documents_of(world: &World, reference: &Value) -> usize {
    let reference = reference.as_str().unwrap();
    let found = json(world.erp(Method::GET, "/orders").query(&[("reference", reference)])).await;
    found["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_second_post_makes_a_second_document_and_refusals_name_the_field() {
    let world = world(6, |options| options.backlog_orders = 1).await;
    let mut document = one_document(&world).await;
    for _ in 0..2 {
        assert_eq!(status(world.erp(Method::POST, "/orders").json(&document)).await, 201);
    }
    assert_eq!(documents_of(&world, &document["reference"]).await, 2);
    document["total"] = json!("1,00");
    let refused = world.erp(Method::POST, "/orders").json(&document).send().await.unwrap();
    assert_eq!(refused.status(), 422);
    assert_eq!(refused.json::<Value>().await.unwrap()["error"]["field"], "total");
    let payment = json!({ "status": "captured" });
    assert_eq!(status(world.erp(Method::PUT, "/orders/SO-000009/payment").json(&payment)).await, 404);
    assert_eq!(status(world.erp(Method::PUT, "/orders/SO-000001/payment").json(&payment)).await, 422);
}

/// Posts an order under one fault and says how many documents there are afterwards.
async fn post_under(faults: Faults) -> (Result<(u16, String), bool>, usize) {
    let world = world(7, |options| options.backlog_orders = 1).await;
    let document = one_document(&world).await;
    world.sandbox.set_faults(faults);
    let outcome = match world.erp(Method::POST, "/orders").json(&document).send().await {
        Ok(response) => Ok((response.status().as_u16(), response.text().await.unwrap())),
        Err(cause) => Err(cause.is_request() && !cause.is_connect()),
    };
    world.sandbox.calm();
    assert_eq!(world.sandbox.faults().values().sum::<u64>(), 1);
    (outcome, documents_of(&world, &document["reference"]).await)
}

#[tokio::test]
async fn a_lost_answer_was_applied_and_a_reset_was_not() {
    let lost = post_under(Faults { api_lost_answer_permille: 1000, ..Faults::none() }).await;
    assert_eq!(lost, (Err(true), 1));
    let reset = post_under(Faults { api_reset_permille: 1000, ..Faults::none() }).await;
    assert_eq!(reset, (Err(true), 0));
}

#[tokio::test]
async fn pages_and_broken_bodies_pass_for_success() {
    let (html, applied) = post_under(Faults { api_html_permille: 1000, ..Faults::none() }).await;
    let (code, body) = html.unwrap();
    assert_eq!((code, applied), (200, 0));
    assert!(body.starts_with("<!DOCTYPE html>"));
    let (cut, applied) = post_under(Faults { api_truncated_permille: 1000, ..Faults::none() }).await;
    let (code, body) = cut.unwrap();
    assert_eq!((code, applied), (201, 1));
    assert!(serde_json::from_str::<Value>(&body).unwrap_err().is_eof(), "{body}");
}

#[tokio::test]
async fn refusals_and_slow_answers_come_when_told() {
    let (busy, applied) = post_under(Faults { api_429_permille: 1000, ..Faults::none() }).await;
    assert_eq!((busy.unwrap().0, applied), (429, 0));
    let (down, applied) = post_under(Faults { api_503_permille: 1000, ..Faults::none() }).await;
    assert_eq!((down.unwrap().0, applied), (503, 0));
    let slow = Faults { api_slow_permille: 1000, api_slow_by: Duration::from_millis(200), ..Faults::none() };
    let before = std::time::Instant::now();
    let (answer, applied) = post_under(slow).await;
    assert_eq!((answer.unwrap().0, applied), (201, 1));
    assert!(before.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn bad_files_come_with_a_wrong_trailer_and_a_good_successor() {
    let faults = Faults {
        file_wrong_trailer_permille: 1000,
        file_repeated_permille: 1000,
        file_late_marker_permille: 1000,
        file_marker_late_by: Duration::from_millis(30),
        ..Faults::none()
    };
    let world = world(8, |options| {
        options.faults = faults;
        options.nightly_every = Duration::from_millis(50);
    })
    .await;
    world.sandbox.start_traffic();
    wait_for("four nights", || world.sandbox.progress().stock_snapshots >= 4).await;
    world.sandbox.stop_traffic().await.unwrap();
    let stock = files(&world, "BESTAND_");
    let sequence = |path: &std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        name.rsplit_once('_').unwrap().1.parse::<usize>().unwrap()
    };
    assert_eq!(stock.iter().map(sequence).collect::<Vec<_>>(), (1..=stock.len()).collect::<Vec<_>>());
    let (last, nights) = stock.split_last().unwrap();
    assert!(read_stock(last).is_ok());
    for pair in nights.chunks(2) {
        assert!(read_stock(&pair[0]).is_err() && read_stock(&pair[1]).is_ok(), "{pair:?}");
        // Whoever applies the refused file anyway sets quantities that no verdict overlooks.
        let refused = std::fs::read(&pair[0]).unwrap();
        let mug = refused.split(|byte| *byte == b'\n').nth(1).unwrap().split(|byte| *byte == b';').nth(4).unwrap();
        assert!(std::str::from_utf8(mug).unwrap().parse::<i64>().unwrap() >= 1_000_000);
    }
    let counts = world.sandbox.faults();
    assert_eq!(counts["file_wrong_trailer"], counts["file_late_marker"]);
    // The final night may repeat too, and the very first file has nothing before it.
    assert_eq!(counts["file_repeated"], counts["file_wrong_trailer"]);
    assert!(std::fs::read(last).unwrap().starts_with(b"H;BESTAND;ERP01;"));
    world.sandbox.shutdown().await;
}

#[tokio::test]
async fn a_vendor_is_found_again_at_its_port_and_bad_options_are_refused() {
    let drop_dir = tempfile::tempdir().unwrap();
    let first = Sandbox::start(SandboxOptions::new(1, drop_dir.path())).await.unwrap();
    let port = |url: String| url.split(['/', ':']).nth(4).unwrap().parse::<u16>().unwrap();
    let ports = syncline::sandbox::Ports {
        shop: port(first.shop_url()),
        erp: port(first.erp_url()),
        psp: port(first.psp_url()),
    };
    let again = SandboxOptions { ports: Some(ports), ..SandboxOptions::new(1, drop_dir.path()) };
    let taken = Sandbox::start(again.clone()).await.err();
    assert!(matches!(taken, Some(SandboxError::Listen { vendor: "shop", .. })), "{taken:?}");
    let urls = (first.shop_url(), first.erp_url(), first.psp_url());
    first.shutdown().await;
    let second = Sandbox::start(again).await.unwrap();
    assert_eq!((second.shop_url(), second.erp_url(), second.psp_url()), urls);
    let mut bad = SandboxOptions::new(1, drop_dir.path());
    bad.currencies.clear();
    assert!(matches!(Sandbox::start(bad).await.err(), Some(SandboxError::Options { .. })));
}

#[tokio::test]
async fn the_same_seed_draws_the_same_orders_and_lives() {
    let told = |orders: Vec<Value>| -> Vec<String> {
        let of = |order: &Value| {
            let parts = ["name", "total_price", "currency", "financial_status", "email", "line_items"];
            parts.map(|part| order[part].to_string()).join(" ")
        };
        let mut told: Vec<String> = orders.iter().map(of).collect();
        told.sort();
        told
    };
    let mut seen = Vec::new();
    for seed in [9, 9, 10] {
        let world = world(seed, |options| options.backlog_orders = 20).await;
        seen.push(told(walk(&world, "/orders.json?status=any", "orders").await));
    }
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0], seen[2]);
}
