//! WooCommerce and Odoo behave as the reference sheets say, and misbehave as told.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use syncline::sandbox::Faults;

use crate::trade_world::{TradeWorld, address, pieces, trade};
use crate::world::{Receiver, wait_for};

#[tokio::test]
async fn the_shop_wants_its_keys_in_the_header_or_the_query() {
    let world = trade(71, |_| {}).await;
    let url = format!("{}/wp-json/wc/v3/orders", world.trade.woo_url());
    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
    assert_eq!(status(world.client.get(&url)).await, 401);
    assert_eq!(status(world.client.get(&url).basic_auth("ck_x", Some("cs_y"))).await, 401);
    assert_eq!(status(world.woo(Method::GET, "/orders")).await, 200);
    let credentials = world.trade.credentials();
    let pair = [("consumer_key", &credentials.woo_key), ("consumer_secret", &credentials.woo_secret)];
    assert_eq!(status(world.client.get(&url).query(&pair)).await, 200);
    let unknown = world.woo(Method::GET, "/teleport").send().await.unwrap();
    assert_eq!(unknown.status(), 404);
    assert_eq!(unknown.json::<Value>().await.unwrap()["code"], "rest_no_route");
}

#[tokio::test]
async fn the_shops_lists_have_pages_totals_and_links() {
    let world = trade(72, |options| options.backlog_orders = 23).await;
    let mut seen = BTreeSet::new();
    for page in 1..=3 {
        let answer = world.woo(Method::GET, &format!("/orders?order=asc&page={page}")).send().await.unwrap();
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(
            (header("x-wp-total").unwrap(), header("x-wp-totalpages").unwrap()),
            ("23".to_owned(), "3".to_owned())
        );
        assert_eq!(header("link").is_some_and(|link| link.contains("rel=\"next\"")), page < 3);
        let orders: Vec<Value> = answer.json().await.unwrap();
        assert_eq!(orders.len(), if page < 3 { 10 } else { 3 });
        seen.extend(orders.iter().map(|order| order["id"].as_i64().unwrap()));
    }
    assert_eq!(seen.len(), 23);
    assert_eq!(world.woo_get("/orders?page=4").await, json!([]));
    for wrong in ["per_page=101", "page=0", "order=up", "status=teleported", "modified_after=yesterday"] {
        let answer = world.woo(Method::GET, &format!("/orders?{wrong}")).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{wrong}");
    }
}

#[tokio::test]
async fn times_without_a_zone_are_the_sites_unless_the_caller_says_gmt() {
    let world = trade(73, |options| options.backlog_orders = 5).await;
    let order = world.orders().await[0].clone();
    let (site, gmt) = (order["date_modified"].as_str().unwrap(), order["date_modified_gmt"].as_str().unwrap());
    assert_ne!(site, gmt);
    // Exclusive, and two hours apart.
    let count = async |query: String| world.woo_get(&query).await.as_array().unwrap().len();
    assert_eq!(count(format!("/orders?dates_are_gmt=true&modified_after={gmt}&include={}", order["id"])).await, 0);
    assert_eq!(count(format!("/orders?modified_after={site}")).await, 0);
    assert_eq!(count(format!("/orders?modified_after={gmt}")).await, 5);
}

#[tokio::test]
async fn amounts_are_texts_and_a_refund_lowers_no_total() {
    let world = trade(74, |options| options.backlog_orders = 60).await;
    let orders = world.orders().await;
    let order = orders.iter().find(|order| order["status"] == "refunded").unwrap();
    let (total, given_back) = (order["total"].as_str().unwrap(), order["refunds"][0]["total"].as_str().unwrap());
    assert_eq!(format!("-{total}"), given_back);
    assert!(order["line_items"][0]["price"].is_number() && order["line_items"][0]["total"].is_string());
    let children = world.woo_get(&format!("/orders/{}/refunds", order["id"])).await;
    assert_eq!(children[0]["amount"], *total);
    let partly = orders.iter().find(|order| order["status"] != "refunded" && order["refunds"] != json!([])).unwrap();
    assert_eq!(partly["status"], "processing");
    assert!(orders.iter().any(|order| order["status"] == "checkout-draft"));
}

#[tokio::test]
async fn guests_are_in_their_orders_only() {
    let world = trade(82, |options| {
        options.backlog_orders = 9;
        options.guests_one_in = Some(1);
    })
    .await;
    let customers = world.woo_get("/customers?role=all&per_page=100").await;
    let known: BTreeSet<&str> = customers.as_array().unwrap().iter().map(|c| c["email"].as_str().unwrap()).collect();
    let orders = world.orders().await;
    assert_eq!((known.len(), orders.len()), (6, 9));
    for order in &orders {
        assert_eq!(order["customer_id"], 0);
        assert!(!known.contains(order["billing"]["email"].as_str().unwrap()));
    }
}

#[tokio::test]
async fn checkout_takes_stock_and_cancelling_gives_it_back() {
    let world = trade(75, |options| options.backlog_orders = 24).await;
    let order = world.orders().await.into_iter().find(|order| order["status"] == "processing").unwrap();
    let (line, path) = (order["line_items"][0].clone(), format!("/orders/{}", order["id"]));
    let item = world.sellable().await.into_iter().find(|item| item["sku"] == line["sku"]).unwrap();
    let before = item["stock_quantity"].as_i64().unwrap();
    assert_eq!(world.woo_send(Method::PUT, &path, &json!({ "status": "cancelled" })).await.0, 200);
    let after = world.woo_get(&address(&item)).await["stock_quantity"].as_i64().unwrap();
    assert_eq!(after - before, line["quantity"].as_i64().unwrap());
    assert_eq!(world.woo_send(Method::PUT, &path, &json!({ "status": "teleported" })).await.0, 400);
    assert_eq!(world.woo_send(Method::PUT, "/orders/1", &json!({ "status": "cancelled" })).await.0, 400);
    // A variation answers below its parent only.
    let variation = world.sellable().await.into_iter().find(|item| item["parent_id"] != 0).unwrap();
    let wrong = format!("/products/{}", variation["id"]);
    assert_eq!(world.woo_send(Method::PUT, &wrong, &json!({ "stock_quantity": 1 })).await.0, 404);
}

async fn hooked(world: &TradeWorld, hub: &Receiver) -> i64 {
    let wanted = json!({ "name": "x", "topic": "order.updated", "delivery_url": hub.url("/w"), "secret": "s3cret" });
    let (status, hook) = world.woo_send(Method::POST, "/webhooks", &wanted).await;
    assert_eq!((status, hook["status"].as_str()), (201, Some("active")));
    assert!(hook.get("secret").is_none());
    wait_for("the greeting", || !hub.received().is_empty()).await;
    hook["id"].as_i64().unwrap()
}

#[tokio::test]
async fn a_webhook_greets_unsigned_and_then_signs_what_it_builds_at_delivery() {
    let hub = Receiver::start(&[], 200).await;
    let world = trade(76, |options| options.backlog_orders = 12).await;
    hooked(&world, &hub).await;
    let greeting = hub.received()[0].clone();
    assert!(greeting.body.starts_with(b"webhook_id="));
    assert!(greeting.headers.keys().all(|name| !name.as_str().starts_with("x-wc-")));
    let late =
        Faults { webhook_delayed_permille: 1000, webhook_delay_max: Duration::from_millis(300), ..Faults::none() };
    world.trade.set_faults(late);
    let order = world.orders().await[0].clone();
    let path = format!("/orders/{}", order["id"]);
    for status in ["on-hold", "cancelled", "completed"] {
        assert_eq!(world.woo_send(Method::PUT, &path, &json!({ "status": status })).await.0, 200);
    }
    let changes = if order["status"] == "on-hold" || order["status"] == "completed" { 2 } else { 3 };
    wait_for("the deliveries", || hub.received().len() > changes).await;
    let mut newest = false;
    for told in &hub.received()[1..] {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"s3cret").unwrap();
        mac.update(&told.body);
        let expected = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
        assert_eq!(told.header("x-wc-webhook-signature"), expected);
        assert_eq!(told.header("x-wc-webhook-topic"), "order.updated");
        let body: Value = serde_json::from_slice(&told.body).unwrap();
        assert_eq!(body["id"], order["id"]);
        newest |= body["status"] == "completed";
    }
    assert!(newest);
}

#[tokio::test]
async fn a_webhook_that_fails_again_and_again_is_disabled_and_nothing_is_sent_twice() {
    let hub = Receiver::start(&[200], 503).await;
    let world = trade(77, |options| options.backlog_orders = 12).await;
    let id = hooked(&world, &hub).await;
    let path = format!("/orders/{}", world.orders().await[0]["id"]);
    for (at, status) in ["on-hold", "failed"].into_iter().cycle().take(7).enumerate() {
        world.woo_send(Method::PUT, &path, &json!({ "status": status })).await;
        if at < 6 {
            wait_for("a try", || hub.received().len() > at.min(5)).await;
        }
    }
    wait_for("the end", || world.trade.progress().hooks_disabled == 1).await;
    // The greeting, and each change at most once.
    assert!(hub.received().len() <= 8, "{}", hub.received().len());
    let hook = world.woo_get(&format!("/webhooks/{id}")).await;
    assert_eq!(hook["status"], "disabled");
    assert_eq!(world.woo_get("/webhooks?status=active").await, json!([]));
}

#[tokio::test]
async fn odoo_refuses_inside_a_200() {
    let world = trade(78, |_| {}).await;
    let name = |reply: &Value| reply["error"]["data"]["name"].as_str().unwrap_or_default().to_owned();
    for (model, method, args, kwargs, expected) in [
        ("sale.order", "_create_invoices", json!([[1]]), json!({}), "odoo.exceptions.AccessError"),
        ("sale.ordre", "search_read", json!([]), json!({}), "builtins.KeyError"),
        ("sale.order", "teleport", json!([[1]]), json!({}), "builtins.AttributeError"),
        ("sale.order", "action_confirm", json!([[99_999]]), json!({}), "odoo.exceptions.MissingError"),
        ("sale.order", "search_read", json!([[["colour", "=", "red"]]]), json!({}), "builtins.ValueError"),
        ("sale.order", "search_read", json!([]), json!({ "fields": ["colour"] }), "builtins.ValueError"),
        ("sale.order", "search_read", json!([[["name", "~", "x"]]]), json!({}), "builtins.ValueError"),
        ("sale.order", "search_read", json!([["|", ["id", "=", 1]]]), json!({}), "builtins.ValueError"),
        ("sale.order", "create", json!([{ "client_order_ref": "1" }]), json!({}), "odoo.exceptions.ValidationError"),
        ("res.partner", "create", json!([{ "email": "x@example.com" }]), json!({}), "odoo.exceptions.ValidationError"),
        ("res.partner", "create", json!([{ "name": "x", "colour": 1 }]), json!({}), "builtins.ValueError"),
        ("stock.picking", "create", json!([{}]), json!({}), "odoo.exceptions.AccessError"),
        (
            "res.partner",
            "search_read",
            json!([]),
            json!({ "context": { "allowed_company_ids": [2] } }),
            "odoo.exceptions.AccessError",
        ),
    ] {
        let reply = world.reply(model, method, args, kwargs).await;
        assert_eq!(
            (name(&reply).as_str(), &reply["error"]["code"]),
            (expected, &json!(200)),
            "{model}.{method}: {reply}"
        );
    }
    let credentials = world.trade.credentials().clone();
    let wrong = json!([credentials.odoo_database, 2, "no key", "sale.order", "search_read", [], {}]);
    assert_eq!(name(&world.rpc("object", "execute_kw", wrong).await), "odoo.exceptions.AccessDenied");
    let login = |key: &str| json!([credentials.odoo_database, credentials.odoo_login, key, {}]);
    assert_eq!(world.rpc("common", "authenticate", login(&credentials.odoo_key)).await["result"], 2);
    assert_eq!(world.rpc("common", "authenticate", login("no key")).await["result"], false);
    world.trade.set_faults(Faults { odoo_conflict_permille: 1000, ..Faults::none() });
    let made =
        world.reply("res.partner", "create", json!([{ "name": "x", "email": "x@example.com" }]), json!({})).await;
    assert_eq!(name(&made), "psycopg2.errors.SerializationFailure");
    world.trade.calm();
    assert!(world.search("res.partner", json!([["email", "=", "x@example.com"]])).await.is_empty());
}

#[tokio::test]
async fn odoo_says_false_for_nothing_and_pairs_for_references() {
    let world = trade(79, |_| {}).await;
    let id = world
        .odoo(
            "res.partner",
            "create",
            json!([{ "name": "Ana", "email": "a_b@example.com", "country_id": 57 }]),
            json!({}),
        )
        .await;
    let read = world.odoo("res.partner", "read", json!([[id], ["phone", "country_id", "write_date"]]), json!({})).await;
    assert_eq!((&read[0]["phone"], &read[0]["country_id"]), (&json!(false), &json!([57, "DE"])));
    let time = read[0]["write_date"].as_str().unwrap();
    assert!(time.len() == 19 && time.as_bytes()[10] == b' ', "{time}");
    // `_` is a wildcard of =ilike; a plain = is exact.
    let found = async |operator: &str, email: &str| {
        world.search("res.partner", json!([["email", operator, email]])).await.len()
    };
    assert_eq!((found("=ilike", "A_B@EXAMPLE.COM").await, found("=ilike", "aX_@example.com").await), (1, 0));
    assert_eq!((found("=ilike", "a__@example.com").await, found("=", "A_B@EXAMPLE.COM").await), (1, 0));
    // Inactive rows are hidden unless somebody asks.
    let all = json!({ "context": { "active_test": false } });
    world.odoo("res.partner", "write", json!([[id], { "active": false }]), json!({})).await;
    assert_eq!(found("=", "a_b@example.com").await, 0);
    let count = world.odoo("res.partner", "search_count", json!([[["email", "=", "a_b@example.com"]]]), all).await;
    assert_eq!(count, 1);
    let spec = json!({ "specification": { "country_id": { "fields": { "code": {} } }, "phone": {} }, "context": { "active_test": false } });
    let deep = world.odoo("res.partner", "web_search_read", json!([[["id", "=", id]]]), spec).await;
    assert_eq!(
        deep,
        json!({ "length": 1, "records": [{ "id": id, "country_id": { "id": 57, "code": "DE" }, "phone": false }] })
    );
}

async fn on_hand(world: &TradeWorld, product: i64) -> i64 {
    let context = json!({ "fields": ["qty_available"], "context": { "location": 8 } });
    pieces(&world.odoo("product.product", "read", json!([[product]]), context).await[0]["qty_available"])
}

#[tokio::test]
async fn a_count_takes_two_calls_unless_it_applies_itself() {
    let world = trade(80, |_| {}).await;
    let (product, mode) = (31, json!({ "context": { "inventory_mode": true } }));
    let shelf: i64 = {
        let domain = json!([["product_id", "=", product], ["location_id", "=", 20]]);
        world.search("stock.quant", domain).await.iter().map(|quant| pieces(&quant["quantity"])).sum()
    };
    let before = on_hand(&world, product).await;
    let count = json!([{ "product_id": product, "location_id": 8, "inventory_quantity": 12 }]);
    let outside = world.reply("stock.quant", "create", count.clone(), json!({})).await;
    assert_eq!(outside["error"]["data"]["name"], "odoo.exceptions.UserError");
    let quant = world.odoo("stock.quant", "create", count, mode.clone()).await;
    assert_eq!(on_hand(&world, product).await, before);
    world.odoo("stock.quant", "action_apply_inventory", json!([[quant]]), json!({})).await;
    assert_eq!(on_hand(&world, product).await, 12 + shelf);
    let at_once = json!([{ "product_id": product, "location_id": 8, "inventory_quantity_auto_apply": 5 }]);
    assert_eq!(world.odoo("stock.quant", "create", at_once, mode).await, quant);
    assert_eq!(on_hand(&world, product).await, 5 + shelf);
}

#[tokio::test]
async fn confirming_reserves_and_cancelling_asks_first() {
    let world = trade(81, |_| {}).await;
    let partner =
        world.odoo("res.partner", "create", json!([{ "name": "Ana", "email": "ana@example.com" }]), json!({})).await;
    let line = json!([0, 0, { "product_id": 31, "product_uom_qty": 3, "price_unit": 9.5 }]);
    let order = json!([{ "partner_id": partner, "client_order_ref": "WEB-1", "order_line": [line] }]);
    let id = world.odoo("sale.order", "create", order, json!({})).await;
    let read =
        async |field: &str| world.odoo("sale.order", "read", json!([[id], [field]]), json!({})).await[0][field].clone();
    assert_eq!((read("state").await, read("amount_untaxed").await.to_string()), (json!("draft"), "28.5".to_owned()));
    assert_eq!(world.odoo("sale.order", "action_confirm", json!([[id]]), json!({})).await, true);
    let again = world.reply("sale.order", "action_confirm", json!([[id]]), json!({})).await;
    assert_eq!(again["error"]["data"]["name"], "odoo.exceptions.UserError");
    let reserved = async || {
        let quants = world.search("stock.quant", json!([["product_id", "=", 31], ["location_id", "=", 8]])).await;
        pieces(&quants[0]["reserved_quantity"])
    };
    assert_eq!((reserved().await, read("delivery_status").await), (3, json!("pending")));
    let dialogue = world.odoo("sale.order", "action_cancel", json!([[id]]), json!({})).await;
    assert_eq!((dialogue["type"].as_str(), read("state").await), (Some("ir.actions.act_window"), json!("sale")));
    let silent = json!({ "context": { "disable_cancel_warning": true } });
    world.odoo("sale.order", "action_cancel", json!([[id]]), silent).await;
    assert_eq!((reserved().await, read("state").await), (0, json!("cancel")));
}
