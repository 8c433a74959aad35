//! The verdict is clean for a hub that is right, and names each way of being wrong.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use syncline::sandbox::{Faults, FindingKind, Vendor};

use crate::mirror::{copy_deliveries, copy_orders, copy_stock, erp_document, fulfil};
use crate::world::{World, json, status, wait_for, walk, world};

/// A world in which everything has been copied rightly, deliveries included.
async fn right_world(seed: u64) -> World {
    let world = world(seed, |options| {
        options.backlog_orders = 40;
        options.order_every = Duration::from_millis(20);
        options.step_pause = (Duration::from_millis(1), Duration::from_millis(20));
        options.warehouse_every = Duration::from_millis(20);
        options.nightly_every = Duration::from_millis(50);
        options.ships_after = Duration::ZERO;
    })
    .await;
    copy_orders(&world).await;
    world.sandbox.start_traffic();
    wait_for("traffic", || {
        let progress = world.sandbox.progress();
        progress.deliveries >= 10 && progress.orders >= 60 && progress.stock_snapshots >= 3
    })
    .await;
    world.sandbox.stop_traffic().await.unwrap();
    copy_orders(&world).await;
    copy_stock(&world).await;
    copy_deliveries(&world).await;
    world
}

/// Demands exactly these findings, by kind, vendor and the beginning of the key.
#[track_caller]
fn check(world: &World, expected: &[(FindingKind, Vendor, &str)]) {
    let verdict = world.sandbox.verdict();
    assert_eq!(verdict.findings(), expected.len() as u64, "{verdict}");
    for (kind, vendor, key) in expected {
        let named = |f: &&syncline::sandbox::Finding| f.kind == *kind && f.vendor == *vendor && f.key.starts_with(key);
        assert!(verdict.details.iter().any(|finding| named(&finding)), "no {kind:?} {key}: {verdict}");
    }
    assert_eq!(verdict.clean(), expected.is_empty());
}

async fn erp_order(world: &World, name: &str) -> Value {
    json(world.erp(Method::GET, "/orders").query(&[("reference", name)])).await["items"][0].clone()
}

async fn shop_order(world: &World, wanted: impl Fn(&Value) -> bool) -> Value {
    walk(world, "/orders.json?status=any", "orders").await.into_iter().find(wanted).unwrap()
}

async fn put(world: &World, order: &Value, suffix: &str, body: &Value) {
    let id = order["id"].as_str().unwrap();
    assert_eq!(status(world.erp(Method::PUT, &format!("/orders/{id}{suffix}")).json(body)).await, 200);
}

#[tokio::test]
async fn a_right_hub_is_found_right() {
    let world = right_world(21).await;
    check(&world, &[]);
    let verdict = world.sandbox.verdict();
    assert!(verdict.orders_checked >= 60 && verdict.payments_checked >= 60, "{verdict}");
    assert!(verdict.stock_checked == 32 && verdict.deliveries_checked >= 10, "{verdict}");
}

#[tokio::test]
async fn nothing_copied_is_everything_lost() {
    let world = world(22, |options| options.backlog_orders = 3).await;
    world.sandbox.start_traffic();
    wait_for("a night", || world.sandbox.progress().stock_snapshots >= 1).await;
    world.sandbox.stop_traffic().await.unwrap();
    let verdict = world.sandbox.verdict();
    assert_eq!(verdict.lost, verdict.orders_checked + verdict.payments_checked + verdict.stock_checked, "{verdict}");
    assert_eq!((verdict.doubled, verdict.stale, verdict.wrong), (0, 0, 0), "{verdict}");
}

#[tokio::test]
async fn doubles_are_seen_in_both_directions() {
    let world = right_world(23).await;
    let order = shop_order(&world, |order| order["fulfillment_status"] == "fulfilled").await;
    let name = order["name"].as_str().unwrap();
    let again = world.erp(Method::POST, "/orders").json(&erp_document(&order));
    assert_eq!(status(again).await, 201);
    let id = order["id"].as_i64().unwrap();
    let known = json(world.shop_get(&format!("/orders/{id}/fulfillments.json"))).await;
    let first = &known["fulfillments"][0];
    let (tracking, carrier) = (first["tracking_number"].as_str().unwrap(), first["tracking_company"].as_str().unwrap());
    assert_eq!(status(fulfil(&world, id, tracking, carrier).await).await, 201);
    check(&world, &[(FindingKind::Doubled, Vendor::Erp, name), (FindingKind::Doubled, Vendor::Shop, name)]);
}

#[tokio::test]
async fn an_older_order_is_stale_even_if_it_was_put_right_again() {
    let world = right_world(24).await;
    let order = shop_order(&world, |order| order["financial_status"] == "paid").await;
    let name = order["name"].as_str().unwrap();
    let (erp, right) = (erp_order(&world, name).await, erp_document(&order));
    let mut old = right.clone();
    old["payment_status"] = json!("authorised");
    put(&world, &erp, "", &old).await;
    // Once for what it holds, once for the step back.
    check(&world, &[(FindingKind::Stale, Vendor::Erp, name), (FindingKind::Stale, Vendor::Erp, name)]);
    put(&world, &erp, "", &right).await;
    check(&world, &[(FindingKind::Stale, Vendor::Erp, name)]);
}

#[tokio::test]
async fn a_payment_moved_back_is_stale_and_one_cent_is_wrong() {
    let world = right_world(25).await;
    let order = shop_order(&world, |order| order["financial_status"] == "paid" && order["currency"] == "EUR").await;
    let erp = erp_order(&world, order["name"].as_str().unwrap()).await;
    let intent = erp["payment"]["psp_reference"].as_str().unwrap();
    let mut payment = erp["payment"].clone();
    payment["status"] = json!("authorised");
    put(&world, &erp, "/payment", &payment).await;
    check(&world, &[(FindingKind::Stale, Vendor::Erp, intent), (FindingKind::Stale, Vendor::Erp, intent)]);
    put(&world, &erp, "/payment", &erp["payment"]).await;
    check(&world, &[(FindingKind::Stale, Vendor::Erp, intent)]);
    payment = erp["payment"].clone();
    payment["amount"] = json!("0.01");
    put(&world, &erp, "/payment", &payment).await;
    check(&world, &[(FindingKind::Stale, Vendor::Erp, intent), (FindingKind::Wrong, Vendor::Erp, intent)]);
}

#[tokio::test]
async fn wrong_content_and_invented_orders_are_wrong() {
    let world = right_world(26).await;
    let order = shop_order(&world, |order| order["currency"] == "EUR").await;
    let name = order["name"].as_str().unwrap();
    let erp = erp_order(&world, name).await;
    let right = erp_document(&order);
    for (field, value) in
        [("/total", json!("0.01")), ("/customer/name", json!("JÃ¼rgen")), ("/lines/0/quantity", json!(99))]
    {
        let mut wrong = right.clone();
        *wrong.pointer_mut(field).unwrap() = value;
        put(&world, &erp, "", &wrong).await;
        check(&world, &[(FindingKind::Wrong, Vendor::Erp, name)]);
    }
    let mut invented = right.clone();
    invented["reference"] = json!("#FORGED-1");
    put(&world, &erp, "", &right).await;
    assert_eq!(status(world.erp(Method::POST, "/orders").json(&invented)).await, 201);
    check(&world, &[(FindingKind::Wrong, Vendor::Erp, "#FORGED-1")]);
}

#[tokio::test]
async fn stock_from_another_night_is_stale_and_from_nowhere_is_wrong() {
    let world = right_world(27).await;
    let levels = walk(&world, "/inventory_levels.json?location_ids=655441491&limit=5", "inventory_levels").await;
    assert_eq!(levels.len(), 32);
    let set = |level: &Value, available: i64| {
        let body = json!({
            "location_id": level["location_id"], "inventory_item_id": level["inventory_item_id"], "available": available,
        });
        world.shop_post("/inventory_levels/set.json", &body)
    };
    json(set(&levels[0], 777_777)).await;
    check(&world, &[(FindingKind::Wrong, Vendor::Shop, "MUG-01"), (FindingKind::Wrong, Vendor::Shop, "MUG-01")]);
    // An article whose quantity differed in some earlier night: put that night's back.
    let nights: Vec<Vec<(String, i64)>> =
        crate::mirror::files(&world, "BESTAND_").iter().map(|path| crate::mirror::read_stock(path).unwrap()).collect();
    let last = nights.last().unwrap();
    let (at, old) = (1..last.len())
        .find_map(|at| nights.iter().find(|night| night[at].1 != last[at].1).map(|night| (at, night[at].1)))
        .unwrap();
    json(set(&levels[at], old)).await;
    let verdict = world.sandbox.verdict();
    assert_eq!((verdict.stale, verdict.wrong), (1, 2), "{verdict}");
}

#[tokio::test]
async fn a_rough_week_ends_clean_once_it_is_calm_and_all_is_copied() {
    let world = world(28, |options| {
        options.backlog_orders = 40;
        options.order_every = Duration::from_millis(10);
        options.step_pause = (Duration::from_millis(1), Duration::from_millis(20));
        options.warehouse_every = Duration::from_millis(20);
        options.nightly_every = Duration::from_millis(20);
        options.ships_after = Duration::ZERO;
    })
    .await;
    copy_orders(&world).await;
    world.sandbox.set_faults(Faults { file_marker_late_by: Duration::from_millis(15), ..Faults::rough() });
    world.sandbox.start_traffic();
    wait_for("file faults", || {
        let counts = world.sandbox.faults();
        let files = ["file_repeated", "file_wrong_trailer", "file_late_marker"];
        files.iter().all(|kind| counts.get(*kind).is_some_and(|count| *count >= 2))
            && world.sandbox.progress().deliveries >= 10
    })
    .await;
    world.sandbox.stop_traffic().await.unwrap();
    world.sandbox.calm();
    assert!(!world.sandbox.verdict().clean());
    copy_orders(&world).await;
    copy_stock(&world).await;
    copy_deliveries(&world).await;
    check(&world, &[]);
}
