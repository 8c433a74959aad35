//! Webhooks: signed, repeated, given up, dropped, doubled, forged, and every 2xx remembered.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use syncline::sandbox::{Faults, SandboxOptions, Vendor};

use crate::world::{Received, Receiver, World, json, status, wait_for, walk, world};

fn mac(secret: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut keyed = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    parts.iter().for_each(|part| keyed.update(part));
    keyed.finalize().into_bytes().to_vec()
}

#[track_caller]
fn check_signed(world: &World, received: &Received) {
    let credentials = world.sandbox.credentials();
    if let Some(signature) = received.headers.get("stripe-signature") {
        let (t, v1) = signature.to_str().unwrap().strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
        let expected = mac(&credentials.psp_webhook_secret, &[t.as_bytes(), b".", &received.body]);
        assert_eq!(v1, hex::encode(expected));
    } else {
        let expected = mac(&credentials.shop_webhook_secret, &[&received.body]);
        let expected = base64::engine::general_purpose::STANDARD.encode(expected);
        assert_eq!(received.header("x-shopify-hmac-sha256"), expected);
    }
}

fn quick(options: &mut SandboxOptions) {
    options.order_every = Duration::from_millis(20);
    options.step_pause = (Duration::from_millis(1), Duration::from_millis(20));
    options.webhook_retry.first_pause = Duration::from_millis(5);
    options.webhook_retry.longest_pause = Duration::from_millis(20);
}

/// Runs traffic until there are `orders`, and until every webhook has met its fate.
async fn traffic(world: &World, orders: u64) {
    world.sandbox.start_traffic();
    wait_for("orders", || world.sandbox.progress().orders >= orders).await;
    world.sandbox.stop_traffic().await.unwrap();
    wait_for("webhooks", || world.sandbox.progress().webhooks_waiting == 0).await;
}

#[tokio::test]
async fn webhooks_are_signed_repeated_and_remembered_once_acknowledged() {
    let hub = Receiver::start(&[500, 500, 302, 404], 200).await;
    let world = world(41, quick).await;
    world.sandbox.set_webhook_targets(hub.url("/shop"), hub.url("/psp"));
    traffic(&world, 10).await;
    let received = hub.received();
    received.iter().for_each(|one| check_signed(&world, one));
    let progress = world.sandbox.progress();
    let acks = world.sandbox.acknowledged();
    assert_eq!(acks.len() as u64, progress.webhooks_acknowledged);
    assert_eq!(progress.webhooks_sent, received.len() as u64);
    assert_eq!(received.len(), acks.len() + 4);
    // Every version of every order, with a cancellation told twice, and every state of every payment.
    let psp = acks.iter().filter(|ack| ack.vendor == Vendor::Psp).count() as u64;
    assert_eq!(psp, progress.payment_states);
    let cancelled = acks.iter().filter(|ack| ack.kind == "orders/cancelled").count();
    assert_eq!(acks.len() as u64 - psp, progress.order_versions + cancelled as u64);
    let repeated = received.iter().filter(|one| one.headers.contains_key("x-shopify-topic"));
    let ids: BTreeSet<&str> = repeated.map(|one| one.header("x-shopify-webhook-id")).collect();
    assert_eq!(ids.len() as u64, acks.len() as u64 - psp);
}

#[tokio::test]
async fn a_given_up_webhook_can_still_be_polled_and_takes_its_subscription_along() {
    let hub = Receiver::start(&[], 503).await;
    let world = world(42, |options| {
        quick(options);
        options.webhook_retry.tries = 3;
        options.removes_subscription_on_give_up = true;
    })
    .await;
    let wanted = json!({ "webhook": { "topic": "orders/create", "address": hub.url("/s"), "format": "json" } });
    assert_eq!(status(world.shop_post("/webhooks.json", &wanted)).await, 201);
    assert_eq!(status(world.shop_post("/webhooks.json", &wanted)).await, 422);
    traffic(&world, 2).await;
    wait_for("the subscription to go", || world.sandbox.progress().webhooks_given_up > 0).await;
    let left = json(world.shop_get("/webhooks.json")).await;
    assert_eq!(left["webhooks"], json!([]));
    assert!(world.sandbox.acknowledged().is_empty());
    let polled = walk(&world, "/orders.json?status=any", "orders").await;
    assert_eq!(polled.len() as u64, world.sandbox.progress().orders);
}

#[tokio::test]
async fn subscriptions_are_listed_and_deleted() {
    let world = world(43, |_| {}).await;
    let wanted = |topic: &str| json!({ "webhook": { "topic": topic, "address": "http://127.0.0.1:9/x" } });
    let made = json(world.shop_post("/webhooks.json", &wanted("orders/updated"))).await;
    assert_eq!(status(world.shop_post("/webhooks.json", &wanted("orders/teleported"))).await, 422);
    let id = made["webhook"]["id"].as_i64().unwrap();
    let url = format!("{}/webhooks/{id}.json", world.sandbox.shop_url());
    assert_eq!(status(world.shop(world.client.delete(&url))).await, 200);
    assert_eq!(status(world.shop(world.client.delete(&url))).await, 404);
}

#[tokio::test]
async fn dropped_webhooks_never_come_and_doubled_ones_keep_their_id() {
    let hub = Receiver::start(&[], 200).await;
    let world = world(44, |options| {
        quick(options);
        options.faults = Faults { webhook_dropped_permille: 1000, ..Faults::none() };
    })
    .await;
    world.sandbox.set_webhook_targets(hub.url("/shop"), hub.url("/psp"));
    traffic(&world, 3).await;
    assert!(hub.received().is_empty());
    assert!(world.sandbox.faults()["webhook_dropped"] >= 6);
    world.sandbox.set_faults(Faults {
        webhook_duplicated_permille: 1000,
        webhook_delayed_permille: 1000,
        webhook_delay_max: Duration::from_millis(20),
        ..Faults::none()
    });
    traffic(&world, world.sandbox.progress().orders + 3).await;
    let received = hub.received();
    assert_eq!(received.len(), 2 * world.sandbox.acknowledged().len());
    assert_eq!(received.len() as u64, 2 * world.sandbox.faults()["webhook_duplicated"]);
}

#[tokio::test]
async fn setting_a_level_echoes_as_a_webhook() {
    let hub = Receiver::start(&[], 200).await;
    let world = world(45, |_| {}).await;
    world.sandbox.set_webhook_targets(hub.url("/shop"), hub.url("/psp"));
    let level = &walk(&world, "/inventory_levels.json?location_ids=655441491", "inventory_levels").await[0];
    let body = json!({ "location_id": 655_441_491, "inventory_item_id": level["inventory_item_id"], "available": 12 });
    json(world.shop_post("/inventory_levels/set.json", &body)).await;
    wait_for("the echo", || hub.received().len() == 1).await;
    let echo = &hub.received()[0];
    assert_eq!(echo.header("x-shopify-topic"), "inventory_levels/update");
    let told: Value = serde_json::from_slice(&echo.body).unwrap();
    assert_eq!((&told["available"], &told["inventory_item_id"]), (&json!(12), &level["inventory_item_id"]));
    let wrong = json!({ "location_id": 1, "inventory_item_id": level["inventory_item_id"], "available": 12 });
    assert_eq!(status(world.shop_post("/inventory_levels/set.json", &wrong)).await, 422);
}

async fn forged_against(answer: u16) -> (u64, u64, u64, bool) {
    let hub = Receiver::start(&[], answer).await;
    let world = world(46, |options| {
        quick(options);
        options.order_every = Duration::from_secs(60);
        options.forgery_every = Some(Duration::from_millis(2));
    })
    .await;
    world.sandbox.set_webhook_targets(hub.url("/shop"), hub.url("/psp"));
    world.sandbox.start_traffic();
    wait_for("forgeries", || world.sandbox.progress().forgeries.sent >= 40).await;
    world.sandbox.stop_traffic().await.unwrap();
    let oversized = hub.received().iter().any(|one| one.body.len() > 1 << 20);
    let counts = world.sandbox.progress().forgeries;
    assert_eq!(counts.accepted, world.sandbox.verdict().forgery_accepted);
    (counts.sent, counts.refused, counts.accepted, oversized)
}

#[tokio::test]
async fn forgeries_are_counted_as_the_hub_answers_them() {
    let (sent, refused, accepted, oversized) = forged_against(401).await;
    assert_eq!((refused, accepted), (sent, 0));
    assert!(oversized);
    let (sent, refused, accepted, _) = forged_against(200).await;
    assert_eq!((refused, accepted), (0, sent));
}
