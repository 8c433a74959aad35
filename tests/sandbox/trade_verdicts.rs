//! The verdict over shop and Odoo is clean for a hub that is right, and names each way of being wrong.

use reqwest::Method;
use serde_json::{Value, json};
use syncline::sandbox::{FindingKind, Vendor};

use crate::trade_world::{TradeWorld, address, trade};

/// Everything copied rightly, parcels included.
async fn right(seed: u64) -> TradeWorld {
    let world = trade(seed, |options| options.backlog_orders = 24).await;
    world.copy_orders().await;
    world.trade.start_traffic();
    world.trade.stop_traffic().await;
    world.copy_stock().await;
    world.copy_parcels().await;
    world
}

#[track_caller]
fn check(world: &TradeWorld, expected: &[(FindingKind, Vendor, &str)]) {
    let verdict = world.trade.verdict();
    assert_eq!(verdict.findings(), expected.len() as u64, "{verdict}");
    for (kind, vendor, key) in expected {
        let named = verdict.details.iter().any(|f| f.kind == *kind && f.vendor == *vendor && f.key.starts_with(key));
        assert!(named, "no {kind:?} {key}: {verdict}");
    }
}

async fn with_status(world: &TradeWorld, status: &str) -> Value {
    world.orders().await.into_iter().find(|order| order["status"] == status).unwrap()
}

#[tokio::test]
async fn a_right_hub_between_shop_and_odoo_is_found_right() {
    let world = right(61).await;
    check(&world, &[]);
    let verdict = world.trade.verdict();
    assert!(
        verdict.orders_checked >= 15 && verdict.stock_checked == 16 && verdict.deliveries_checked >= 5,
        "{verdict}"
    );
}

#[tokio::test]
async fn nothing_copied_is_lost() {
    let world = trade(62, |options| options.backlog_orders = 5).await;
    let verdict = world.trade.verdict();
    assert_eq!(verdict.lost, verdict.orders_checked + verdict.stock_checked, "{verdict}");
    assert_eq!(verdict.findings(), verdict.lost, "{verdict}");
}

#[tokio::test]
async fn doubles_are_seen_on_both_sides() {
    let world = right(63).await;
    let order = with_status(&world, "processing").await;
    let number = order["number"].as_str().unwrap();
    world.odoo("sale.order", "create", json!([world.quotation(&order).await]), json!({})).await;
    world.odoo("res.partner", "create", json!([{ "name": "Twice", "email": "TWICE@example.com" }]), json!({})).await;
    world.odoo("res.partner", "create", json!([{ "name": "Twice", "email": "twice@example.com" }]), json!({})).await;
    let picking = &world.search("stock.picking", json!([["state", "=", "done"]])).await[0];
    let name = picking["name"].as_str().unwrap();
    world.copy_parcels().await;
    let verdict = world.trade.verdict();
    assert_eq!((verdict.lost, verdict.wrong, verdict.stale), (0, 0, 0), "{verdict}");
    assert_eq!(verdict.doubled, 2 + verdict.deliveries_checked, "{verdict}");
    for key in [number, "twice@example.com", name] {
        assert!(verdict.details.iter().any(|finding| finding.key == key), "{key}: {verdict}");
    }
}

#[tokio::test]
async fn a_state_that_was_left_is_stale_and_an_order_nobody_placed_is_wrong() {
    let world = trade(64, |options| options.backlog_orders = 24).await;
    world.copy_orders().await;
    world.copy_stock().await;
    check(&world, &[]);
    let order = with_status(&world, "processing").await;
    let number = order["number"].as_str().unwrap();
    let path = format!("/orders/{number}");
    assert_eq!(world.woo_send(Method::PUT, &path, &json!({ "status": "cancelled" })).await.0, 200);
    let verdict = world.trade.verdict();
    let about = |f: &syncline::sandbox::Finding| f.vendor == Vendor::Odoo && f.key.starts_with(number);
    assert!(verdict.details.iter().any(|f| about(f) && f.kind == FindingKind::Stale), "{verdict}");
    world.copy_orders().await;
    world.copy_stock().await;
    check(&world, &[]);
    let mut invented = world.quotation(&order).await;
    invented["client_order_ref"] = json!("#FORGED-1");
    world.odoo("sale.order", "create", json!([invented]), json!({})).await;
    check(&world, &[(FindingKind::Wrong, Vendor::Odoo, "#FORGED-1")]);
}

#[tokio::test]
async fn one_cent_one_piece_and_a_stranger_are_wrong() {
    let world = trade(65, |options| options.backlog_orders = 12).await;
    let order = with_status(&world, "processing").await;
    let number = order["number"].as_str().unwrap();
    let right = world.quotation(&order).await;
    let stranger = json!([{ "name": "Stranger", "email": "stranger@example.com" }]);
    let stranger = world.odoo("res.partner", "create", stranger, json!({})).await;
    for (field, value) in [
        ("/order_line/0/2/price_unit", json!(0.01)),
        ("/order_line/0/2/product_uom_qty", json!(77)),
        ("/partner_id", stranger),
        ("/date_order", json!("2020-01-01 00:00:00")),
    ] {
        let mut wrong = right.clone();
        *wrong.pointer_mut(field).unwrap() = value;
        let id = world.odoo("sale.order", "create", json!([wrong]), json!({})).await;
        let verdict = world.trade.verdict();
        let found = verdict.details.iter().any(|f| f.kind == FindingKind::Wrong && f.key.starts_with(number));
        assert!(found, "{field}: {verdict}");
        // Out of the way for the next one: it speaks of another order now, which is wrong in its own way.
        let aside = json!([[id], { "client_order_ref": format!("aside {field}") }]);
        world.odoo("sale.order", "write", aside, json!({})).await;
    }
}

#[tokio::test]
async fn stock_from_nowhere_is_wrong_and_a_parcel_that_never_left_too() {
    let world = right(66).await;
    let item = world.sellable().await.into_iter().find(|item| item["sku"] == "MUG-01").unwrap();
    assert_eq!(world.woo_send(Method::PUT, &address(&item), &json!({ "stock_quantity": 777_777 })).await.0, 200);
    check(&world, &[(FindingKind::Wrong, Vendor::Woo, "MUG-01"), (FindingKind::Stale, Vendor::Woo, "MUG-01")]);
    let order = with_status(&world, "completed").await;
    let path = format!("/orders/{}/notes", order["id"]);
    let note = json!({ "note": "WH/OUT/99999 left", "customer_note": true });
    assert_eq!(world.woo_send(Method::POST, &path, &note).await.0, 201);
    assert_eq!(world.trade.verdict().wrong, 2, "{}", world.trade.verdict());
}
