//! The shipped connectors on this engine: their known signatures, their walks, their writes.

use http::HeaderMap;
use jiff::Timestamp;
use serde_json::json as value;
use syncline::connector::call::{IncomingOp, WriteContext};
use syncline::connector::connection::Connection;
use syncline::connector::manifest::{Fetch, OpKind};
use syncline::connector::registry::Registry;
use syncline::connector::webhook::{Delivery, Refusal, Verified};
use syncline::model::ErrorClass;

use crate::setup::{context, options, settings};
use crate::vendor::{Vendor, json, with};

fn shipped(name: &str, pairs: &[(&str, &str)]) -> Connection {
    let registry = Registry::shipped().unwrap();
    let manifest = registry.connector(name).unwrap().manifest.clone();
    let settings = settings(&manifest, pairs);
    Connection::new(name, manifest, &settings, options()).unwrap()
}

fn shopify(url: &str) -> Connection {
    shipped(
        "shopify",
        &[
            ("shop", "acme.myshopify.com"),
            ("base_url", url),
            ("location_id", "655441491"),
            ("access_token", "shpat_1"),
            ("webhook_secret", "shpss_test_0123456789abcdef"),
            ("webhook_secret_old", "hush"),
        ],
    )
}

fn stripe(url: &str) -> Connection {
    let secrets = [("webhook_secret", "whsec_test_secret_for_kat"), ("webhook_secret_old", "whsec_old_rotated_secret")];
    shipped("stripe", &[&secrets[..], &[("secret_key", "sk_test_1"), ("base_url", url)]].concat())
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, text)| (name.parse::<http::HeaderName>().unwrap(), text.parse().unwrap())).collect()
}

fn judge(connection: &Connection, pairs: &[(&str, &str)], body: &str, now: i64) -> Result<Verified, Refusal> {
    let headers = headers(pairs);
    let delivery =
        Delivery { method: "POST", url: "https://hub.example.com/x", headers: &headers, body: body.as_bytes() };
    connection.verify(&delivery, Timestamp::from_second(now).unwrap()).unwrap()
}

#[test]
fn shopify_signatures_under_both_names_and_both_secrets() {
    let shop = shopify("http://127.0.0.1:9");
    let body = r##"{"id":820982911946154508,"name":"#9999","currency":"EUR","total_price":"403.00"}"##;
    let signature = "qkE6SGjuJI8WMnaxidE3LK6cnlTjhp19LuJsSa3zrIs=";
    for name in ["x-shopify-hmac-sha256", "shopify-hmac-sha256"] {
        assert_eq!(judge(&shop, &[(name, signature)], body, 0).unwrap().secret_index, Some(0));
    }
    let old = [("x-shopify-hmac-sha256", "qBvrsZF7RfB1iS6BX6IHqJTp5L911P7intnPeTPsH0I=")];
    assert_eq!(judge(&shop, &old, r#"{"id":820982911946154508}"#, 0).unwrap().secret_index, Some(1));
    assert_eq!(judge(&shop, &[("x-shopify-hmac-sha256", signature)], "{}", 0), Err(Refusal::Forged));
}

#[test]
fn stripe_signatures_in_and_out_of_their_window() {
    let psp = stripe("http://127.0.0.1:9");
    let body = r#"{"id":"evt_test_1","object":"event","type":"payment_intent.succeeded","created":1700000000}"#;
    let new = "t=1700000000,v1=61c2ad9870fcc2aeb9a8af2889f7900a26de5adf4cdbc9ab040d53e4b5c35a16";
    let old = "t=1700000000,v1=bed54d9e167e1c90102fb84a43c564dccf7a2c3876c58bd42c9ac8f1d9e1dcf3";
    for (header, index) in [(new, 0), (old, 1)] {
        let found = judge(&psp, &[("stripe-signature", header)], body, 1_700_000_000).unwrap();
        assert_eq!(found.secret_index, Some(index));
    }
    let late = judge(&psp, &[("stripe-signature", new)], body, 1_700_000_301);
    assert!(matches!(late, Err(Refusal::Stale { .. })), "{late:?}");
    let moved = new.replace("t=1700000000", "t=1700000001");
    assert_eq!(judge(&psp, &[("stripe-signature", &moved)], body, 1_700_000_000), Err(Refusal::Forged));
}

#[tokio::test]
async fn shopify_orders_are_walked_and_stock_is_joined() {
    let vendor = Vendor::start(|_, asked| {
        let link = "<http://HOST/admin/api/2026-10/orders.json?limit=250&page_info=p2>; rel=\"next\"";
        match (asked.path(), asked.query("page_info")) {
            ("/admin/api/2026-10/orders.json", None) => with(
                200,
                &[
                    ("link", &link.replace("HOST", asked.header("host").unwrap())),
                    ("x-shopify-shop-api-call-limit", "1/40"),
                ],
                r#"{"orders":[{"id":1,"updated_at":"2026-11-20T10:00:00-05:00","total_price":"403.00"}]}"#,
            ),
            ("/admin/api/2026-10/orders.json", Some("p2")) => {
                json(200, r#"{"orders":[{"id":2,"updated_at":"2026-11-20T11:00:00-05:00"}]}"#)
            }
            ("/admin/api/2026-10/inventory_levels.json", _) => {
                json(200, r#"{"inventory_levels":[{"inventory_item_id":8,"location_id":655441491,"available":7,"updated_at":"2026-11-20T10:00:00Z"}]}"#)
            }
            ("/admin/api/2026-10/inventory_items.json", _) => {
                json(200, r#"{"inventory_items":[{"id":8,"sku":"MUG-01"}]}"#)
            }
            _ => json(404, r#"{"errors":"Not Found"}"#),
        }
    })
    .await;
    let shop = shopify(&vendor.url);
    let first = shop.read_page("orders", Some("2026-11-20T15:00:00Z"), None).await.unwrap();
    assert_eq!((first.cursor, first.records.len()), (None, 1));
    let asked = &vendor.asked()[0];
    assert_eq!(asked.query("updated_at_min"), Some("2026-11-20T14%3A58%3A00Z"));
    assert_eq!(asked.header("x-shopify-access-token"), Some("shpat_1"));
    let second = shop.read_page("orders", None, first.next).await.unwrap();
    assert_eq!((second.cursor.as_deref(), second.next), (Some("2026-11-20T16:00:00Z"), None));
    let stock = shop.read_page("inventory", None, None).await.unwrap();
    assert_eq!(stock.records[0]["inventory_item"]["sku"], "MUG-01");
    let one = shop.get("inventory", "8:655441491").await.unwrap().unwrap();
    assert_eq!(one["inventory_item"]["sku"], "MUG-01");
    assert_eq!(vendor.asked()[4].query("inventory_item_ids"), Some("8"));
    assert_eq!(shop.get("orders", "404").await.unwrap(), None);
}

#[tokio::test]
async fn shopify_stock_is_set_and_a_refusal_is_explained() {
    let record = value!({"location_id": 655_441_491, "inventory_item_id": 8, "available": 7});
    let context = WriteContext { record, remote_id: None, ..context() };
    let answer = r#"{"inventory_level":{"location_id":655441491,"inventory_item_id":8,"available":7,"updated_at":"2026-11-20T10:00:00-05:00"}}"#;
    let vendor = Vendor::start(move |_, _| json(200, answer)).await;
    let receipt = shopify(&vendor.url).write("inventory", OpKind::Set, &context).await.unwrap();
    assert_eq!(receipt.remote_id.as_deref(), Some("8:655441491"));
    assert!(receipt.remote_version.is_some());
    assert_eq!(vendor.asked()[0].body, r#"{"location_id":655441491,"inventory_item_id":8,"available":7}"#);
    let vendor = Vendor::start(|_, _| json(422, r#"{"errors":{"available":["is invalid"]}}"#)).await;
    let error = shopify(&vendor.url).write("inventory", OpKind::Set, &context).await.unwrap_err();
    assert_eq!((error.class, error.message.as_str()), (ErrorClass::Data, r#"{"available":["is invalid"]}"#));
}

#[tokio::test]
async fn stripe_events_are_hints_to_payments() {
    let vendor = Vendor::start(|_, asked| match asked.query("starting_after") {
        None => json(200, r#"{"has_more":true,"data":[{"id":"evt_2","type":"payment_intent.succeeded","created":1763800100,"data":{"object":{"id":"pi_1"}}}]}"#),
        Some(_) => json(200, r#"{"has_more":false,"data":[{"id":"evt_1","type":"charge.refunded","created":1763800000,"data":{"object":{"id":"ch_1","payment_intent":"pi_9"}}}]}"#),
    })
    .await;
    let psp = stripe(&vendor.url);
    let first = psp.read_page("payments", Some("1763799000"), None).await.unwrap();
    assert_eq!(vendor.asked()[0].query("created%5Bgte%5D"), Some("1763798700"));
    let second = psp.read_page("payments", None, first.next).await.unwrap();
    assert_eq!(second.cursor.as_deref(), Some("1763800100"));
    assert_eq!(vendor.asked()[1].query("starting_after"), Some("evt_2"));
    let mut keys = Vec::new();
    for event in first.records.iter().chain(&second.records) {
        for incoming in psp.interpret_record("payments", event).unwrap().incoming {
            let incoming = incoming.unwrap();
            assert_eq!((incoming.op, incoming.fetch, incoming.version), (IncomingOp::Upsert, Fetch::Always, None));
            keys.push(incoming.key);
        }
    }
    assert_eq!(keys, ["pi_1", "pi_9"]);
    // A pushed event and the listed one are the same change.
    assert_eq!(psp.label(first.records[0].to_string().as_bytes(), &HeaderMap::new()).dedupe_key, "evt_2");
}

#[tokio::test]
async fn the_generic_webhook_sends_what_it_would_accept() {
    let vendor = Vendor::start(|_, _| with(204, &[], "")).await;
    let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let url = format!("{}/in/1", vendor.url);
    let hook = shipped("webhook", &[("url", &url), ("secret", secret)]);
    let event = value!({
        "specversion": "1.0", "id": "msg_1", "source": "hub", "type": "order.upserted", "subject": "#1001",
        "time": "2026-11-22T10:00:00Z", "datacontenttype": "application/json", "entity": "order", "revision": 1,
        "recordedtime": "2026-11-22T10:00:01Z",
    });
    let context = WriteContext { event, record: value!({"number": "#1001"}), ..context() };
    hook.write("events", OpKind::Upsert, &context).await.unwrap();
    let asked = vendor.asked().remove(0);
    assert_eq!(asked.target, "/in/1");
    assert_eq!(asked.header("content-type"), Some("application/cloudevents+json; charset=utf-8"));
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let signed: Vec<(&str, &str)> = names.iter().map(|name| (*name, asked.header(name).unwrap())).collect();
    let receiver = shipped("webhook", &[("secret", secret)]);
    assert!(judge(&receiver, &signed, &asked.body, Timestamp::now().as_second()).is_ok());
    let found = receiver.interpret(asked.body.as_bytes(), &headers(&signed)).unwrap();
    let incoming = found.incoming[0].as_ref().unwrap();
    assert_eq!((incoming.stream.as_str(), incoming.key.as_str()), ("orders", "#1001"));
    assert_eq!(incoming.version.unwrap().value(), 1_795_341_600_000_000);
}

#[tokio::test]
async fn the_erps_payment_waits_for_its_order() {
    let vendor = Vendor::start(|_, asked| match asked.query("reference") {
        Some("A-1") => json(200, r#"{"items":[]}"#),
        Some(_) => json(200, r#"{"items":[{"id":"SO 7"}]}"#),
        None => json(200, r#"{"payment":{"psp_reference":"pi_1"},"revision":3}"#),
    })
    .await;
    let erp = shipped(
        "sandbox-erp",
        &[("base_url", &vendor.url), ("username", "hub"), ("password", "pw"), ("drop_dir", "/tmp/drop")],
    );
    let payment = |order: &str| WriteContext {
        record: value!({"order": order, "status": "paid", "amount": "19.90", "currency": "EUR", "psp_reference": "pi_1", "changed_at": "2026-11-22T10:00:00Z"}),
        ..context()
    };
    let error = erp.write("payments", OpKind::Set, &payment("A-1")).await.unwrap_err();
    assert_eq!((error.class, error.message.as_str()), (ErrorClass::Transient, "the ERP has no order A-1 yet"));
    let receipt = erp.write("payments", OpKind::Set, &payment("A-2")).await.unwrap();
    assert_eq!(receipt.remote_id.as_deref(), Some("pi_1"));
    assert_eq!(vendor.asked().last().unwrap().target, "/api/orders/SO%207/payment");
    assert!(!vendor.asked().last().unwrap().body.contains("amount_refunded"));
}

/// The sandbox's certificates carry another name than the live ones; each is good for its own address only.
#[test]
fn paypals_certificates_are_those_of_its_own_address() {
    let beside = |name: &str| std::fs::read_to_string(format!("connectors/paypal/fixtures/{name}")).unwrap();
    let url = "https://api.paypal.com/v1/notifications/certs/CERT-1".parse().unwrap();
    for (base, own, other, name) in [
        ("https://api-m.paypal.com", "", "sandbox-", "`messageverificationcerts.paypal.com`"),
        ("https://api-m.sandbox.paypal.com", "sandbox-", "", "`messageverificationcerts.sandbox.paypal.com`"),
    ] {
        let authorities = [own, other].map(|whose| beside(&format!("{whose}authority.pem"))).concat();
        let paypal = shipped(
            "paypal",
            &[
                ("base_url", base),
                ("client_id", "c"),
                ("client_secret", "s"),
                ("webhook_id", "w"),
                ("start_date", "2026-11-01T00:00:00Z"),
                ("certificate_authority", &authorities),
            ],
        );
        paypal.keep_certificate(&url, beside(&format!("{own}signer.pem")).as_bytes()).unwrap();
        let refused = paypal.keep_certificate(&url, beside(&format!("{other}signer.pem")).as_bytes()).unwrap_err();
        assert!(refused.contains("is not made out to") && refused.contains(name), "{refused}");
    }
}
