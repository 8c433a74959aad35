//! Writes, their receipts, look-ups, bodies and subscriptions.

use serde_json::{Value, json as value};
use syncline::connector::call::{Lookup, WriteContext};
use syncline::connector::connection::Connection;
use syncline::connector::manifest::OpKind;
use syncline::model::ErrorClass;

use crate::setup::{AUTH, connect, context, manifest, options, orders, settings};
use crate::vendor::{Vendor, json, with};

#[tokio::test]
async fn a_receipt_names_what_was_written() {
    let vendor =
        Vendor::start(|_, _| json(201, r#"{"order":{"id":9007199254740993,"updated_at":"2026-11-22T10:00:00Z"}}"#))
            .await;
    let receipt = orders(&vendor.url).write("orders", OpKind::Create, &context()).await.unwrap();
    assert_eq!((receipt.remote_id.as_deref(), receipt.status), (Some("9007199254740993"), Some(201)));
    assert_eq!(receipt.remote_version.unwrap().value(), 1_795_341_600_000_000);
    let asked = &vendor.asked()[0];
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/orders"));
    assert_eq!(asked.body, r##"{"order":{"name":"#1001","total":"19.90"}}"##);
    assert_eq!(asked.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn an_update_goes_to_the_bound_object_with_the_same_key_every_time() {
    let vendor = Vendor::start(|_, _| with(204, &[], "")).await;
    let shop = orders(&vendor.url);
    for _ in 0..2 {
        assert_eq!(shop.write("orders", OpKind::Update, &context()).await.unwrap().remote_id.as_deref(), Some("77"));
    }
    for asked in vendor.asked() {
        assert_eq!((asked.method.as_str(), asked.target.as_str()), ("PUT", "/orders/77"));
        assert_eq!(asked.header("idempotency-key"), Some("idem-1"));
        assert!(!asked.body.contains("note"), "an absent optional member is left out: {}", asked.body);
    }
    let unbound = WriteContext { remote_id: None, ..context() };
    let error = shop.write("orders", OpKind::Update, &unbound).await.unwrap_err();
    assert_eq!((error.class, error.sent, vendor.count()), (ErrorClass::Data, false, 2), "{error}");
    assert_eq!(shop.write("orders", OpKind::Delete, &context()).await.unwrap_err().class, ErrorClass::Data);
}

#[tokio::test]
async fn a_create_whose_answer_names_nothing_is_unknown() {
    for body in [r#"{"order":{}}"#, "", r#"{"status":"accepted"}"#] {
        let vendor = Vendor::start(move |_, _| json(200, body)).await;
        let unbound = WriteContext { remote_id: None, ..context() };
        let error = orders(&vendor.url).write("orders", OpKind::Create, &unbound).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::UnknownOutcome, "{body}: {error}");
    }
}

#[tokio::test]
async fn a_success_of_an_unknown_kind_is_unknown() {
    let strict = sink("      set: { post: /x, json: { a: 1 }, accepts: 201 }", "");
    for (status, class) in [(202, ErrorClass::UnknownOutcome), (422, ErrorClass::Data)] {
        let vendor = Vendor::start(move |_, _| json(status, "{}")).await;
        let error = connect(strict.clone(), &vendor.url).write("sink", OpKind::Set, &context()).await.unwrap_err();
        assert_eq!(error.class, class, "{error}");
    }
}

#[tokio::test]
async fn a_look_up_finds_exactly_the_record_that_is_meant() {
    async fn ask(body: &'static str) -> Result<Lookup, ErrorClass> {
        let vendor = Vendor::start(move |_, _| json(200, body)).await;
        let found = orders(&vendor.url).lookup("orders", &context()).await.map_err(|error| error.class);
        assert_eq!(vendor.asked()[0].query("name"), Some("%231001"));
        found
    }
    assert_eq!(ask(r#"{"orders":[]}"#).await, Ok(Lookup::Absent));
    // The vendor's search is fuzzy: only an equal name counts.
    assert_eq!(ask(r##"{"orders":[{"id":5,"name":"#10010"}]}"##).await, Ok(Lookup::Absent));
    let found = ask(r##"{"orders":[{"id":5,"name":"#10010"},{"id":6,"name":"#1001"}]}"##).await;
    assert_eq!(found, Ok(Lookup::Found { remote_id: "6".to_owned(), body: value!({"id": 6, "name": "#1001"}) }));
    assert_eq!(ask(r##"{"orders":[{"id":5,"name":"#1001"},{"id":6,"name":"#1001"}]}"##).await, Err(ErrorClass::Data));
    assert_eq!(ask(r##"{"orders":[{"name":"#1001"}]}"##).await, Err(ErrorClass::Data));
    assert_eq!(ask(r#"{"nothing":1}"#).await, Err(ErrorClass::Data));
}

fn sink(write: &str, http: &str) -> std::sync::Arc<syncline::connector::manifest::Manifest> {
    manifest(&format!("{AUTH}{http}"), &format!("\nstreams:\n  sink:\n    entity: any\n    write:\n{write}\n"))
}

async fn body_of(write: &str) -> crate::vendor::Asked {
    let vendor = Vendor::start(|_, _| json(200, "{}")).await;
    let record = value!({"sku": "A&B<1>", "qty": 3, "price": "1.50", "tags": ["x", "y"], "none": null});
    let context = WriteContext { record, ..context() };
    connect(sink(write, ""), &vendor.url).write("sink", OpKind::Set, &context).await.unwrap();
    vendor.asked().remove(0)
}

#[tokio::test]
async fn bodies_of_every_kind() {
    let form = body_of("      set: { post: /set, form: { \"metadata[sku]\": \"{record.sku}\", \"tags\": \"{record.tags}\", \"note?\": \"{record.none?}\", qty: \"{record.qty}\" } }").await;
    assert_eq!(form.body, "metadata[sku]=A%26B%3C1%3E&tags[0]=x&tags[1]=y&qty=3");
    assert_eq!(form.header("content-type"), Some("application/x-www-form-urlencoded"));
    let graphql = body_of("      set: { post: /g, graphql: { query: \"mutation($q: Int!) { set(q: $q) { id } }\", variables: { q: \"{record.qty}\", in: { sku: \"{record.sku}\" } } } }").await;
    let sent: Value = serde_json::from_str(&graphql.body).unwrap();
    assert_eq!(sent["variables"], value!({"q": 3, "in": {"sku": "A&B<1>"}}));
    let xml = body_of("      set: { post: /x, xml: \"<item><sku>{record.sku}</sku></item>\" }").await;
    assert_eq!(xml.body, "<item><sku>A&amp;B&lt;1&gt;</sku></item>");
    let soap =
        body_of("      set: { post: /s, soap: { action: \"urn:set\", content: \"<set>{record.sku}</set>\" } }").await;
    assert!(soap.body.contains("<soap:Body><set>A&amp;B&lt;1&gt;</set></soap:Body>"), "{}", soap.body);
    assert_eq!(soap.header("soapaction"), Some("\"urn:set\""));
    let json = body_of("      set: { put: \"/items/{record.sku}\", json: { qty: \"{record.qty}\", text: \"n={record.qty}\", flag: true, none?: \"{record.none?}\", list: [1, \"{record.price}\"] }, headers: { X-Ref: \"{idempotency_key}\" } }").await;
    assert_eq!(json.body, r#"{"qty":3,"text":"n=3","flag":true,"list":[1,"1.50"]}"#);
    assert_eq!((json.target.as_str(), json.header("x-ref")), ("/items/A%26B%3C1%3E", Some("idem-1")));
}

#[tokio::test]
async fn a_header_cannot_be_split_by_a_record() {
    let vendor = Vendor::start(|_, _| json(200, "{}")).await;
    let shop = connect(sink("      set: { post: /x, headers: { X-Sku: \"{record.sku}\" } }", ""), &vendor.url);
    let context = WriteContext { record: value!({"sku": "a\r\nX-Admin: 1"}), ..context() };
    let error = shop.write("sink", OpKind::Set, &context).await.unwrap_err();
    assert_eq!((error.class, error.sent, vendor.count()), (ErrorClass::Data, false, 0), "{error}");
}

const STEPPED: &str = r#"      set:
        steps:
          item: { get: "/items/{record.sku}", record: item, expect: "steps.item.open", class: conflict, message: "item {record.sku} is closed" }
          place: { get: "/places/{steps.item.place}" }
        post: "/stock/{steps.place.id}"
        json: { sku: "{steps.item.id}", qty: "{record.qty}" }
        accepts: 200-299"#;

#[tokio::test]
async fn steps_come_first_and_can_refuse() {
    let vendor = Vendor::start(|_, asked| match asked.path() {
        "/items/A" => json(200, r#"{"item":{"id":11,"place":"p 1","open":true}}"#),
        "/items/B" => json(200, r#"{"item":{"id":12,"place":"p 1","open":false}}"#),
        "/items/D" => json(200, r#"{"item":null}"#),
        "/places/p%201" => json(200, r#"{"id":21}"#),
        "/stock/21" => json(200, "ok"),
        _ => json(404, "{}"),
    })
    .await;
    let shop = connect(sink(STEPPED, ""), &vendor.url);
    let write = |sku: &str| WriteContext { record: value!({"sku": sku, "qty": 5}), ..context() };
    shop.write("sink", OpKind::Set, &write("A")).await.unwrap();
    assert_eq!(vendor.asked().last().unwrap().body, r#"{"sku":11,"qty":5}"#);
    let error = shop.write("sink", OpKind::Set, &write("B")).await.unwrap_err();
    assert_eq!((error.class, error.message.as_str(), error.sent), (ErrorClass::Conflict, "item B is closed", false));
    assert_eq!(shop.write("sink", OpKind::Set, &write("C")).await.unwrap_err().class, ErrorClass::NotFound);
    let absent = shop.write("sink", OpKind::Set, &write("D")).await.unwrap_err();
    assert_eq!((absent.class, absent.message.as_str()), (ErrorClass::Conflict, "item D is closed"));
    assert_eq!(vendor.asked().iter().filter(|asked| asked.method == "POST").count(), 1);
}

#[tokio::test]
async fn a_look_up_runs_the_steps_that_it_reads_and_no_others() {
    let stepped = sink(
        r#"      create:
        steps:
          order: { get: "/orders/{record.order}", record: order, class: transient, message: "order {record.order} is on its way" }
          place: { get: /places/1 }
        post: /shipments
        json: { order: "{steps.order.id}" }
        idempotency: { scheme: lookup, request: { get: "/orders/{steps.order.id}/shipments" }, id: id, matches: "candidate.tracking == record.tracking" }"#,
        "",
    );
    let vendor = Vendor::start(|_, asked| match asked.path() {
        "/orders/7" => json(200, r#"{"order":{"id":70}}"#),
        "/orders/8" => json(200, r#"{"order":null}"#),
        "/orders/70/shipments" => json(200, r#"[{"id":1,"tracking":"A"},{"id":2,"tracking":"B"}]"#),
        _ => json(500, "{}"),
    })
    .await;
    let shop = connect(stepped, &vendor.url);
    let ship = |order: u32| WriteContext { record: value!({"order": order, "tracking": "B"}), ..context() };
    assert!(
        matches!(shop.lookup("sink", &ship(7)).await.unwrap(), Lookup::Found { remote_id, .. } if remote_id == "2")
    );
    assert_eq!(vendor.count(), 2);
    let error = shop.lookup("sink", &ship(8)).await.unwrap_err();
    assert_eq!((error.class, error.message.as_str()), (ErrorClass::Transient, "order 8 is on its way"));
}

#[tokio::test]
async fn a_signed_webhook_out_is_one_that_we_would_accept() {
    use secrecy::SecretString;
    use syncline::connector::manifest::Verify;
    use syncline::connector::webhook::{Delivery, Verifier};
    let vendor = Vendor::start(|_, _| json(200, "")).await;
    let old = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let new = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
    let signature = "\n  signature: { scheme: standard_webhooks, secrets: [\"{settings.token}\", \"{settings.second?}\"], id: \"{event.id}\" }";
    let signed = sink("      set: { post: /hook, json: { type: \"{event.type}\", data: \"{record}\" } }", signature);
    let all = settings(&signed, &[("url", &vendor.url), ("token", new), ("second", old)]);
    let shop = Connection::new("hook", signed.clone(), &all, options()).unwrap();
    let event = value!({"id": "msg_1", "type": "order.paid"});
    let context = WriteContext { event, ..context() };
    shop.write("sink", OpKind::Set, &context).await.unwrap();
    let asked = vendor.asked().remove(0);
    let headers: http::HeaderMap = ["webhook-id", "webhook-timestamp", "webhook-signature"]
        .iter()
        .map(|name| (name.parse().unwrap(), asked.header(name).unwrap().parse().unwrap()))
        .collect();
    let delivery = Delivery { method: "POST", url: "", headers: &headers, body: asked.body.as_bytes() };
    for secret in [old, new] {
        let verifier =
            Verifier::new(&Verify::StandardWebhooks { secrets: Vec::new() }, &[SecretString::from(secret)]).unwrap();
        let verified = verifier.verify(&delivery, jiff::Timestamp::now()).unwrap();
        assert_eq!(verified.message_id.as_deref(), Some("msg_1"));
    }
    // One secret is enough; none is not.
    let one = settings(&signed, &[("url", &vendor.url), ("token", new)]);
    let shop = Connection::new("hook", signed, &one, options()).unwrap();
    assert!(shop.write("sink", OpKind::Set, &context).await.is_ok());
}

#[tokio::test]
async fn missing_subscriptions_are_created_and_existing_ones_left() {
    let webhooks = r#"
webhooks:
  verify: { scheme: path_secret }
  topic: ["{headers['x-topic']}"]
  subscriptions:
    list: { get: /webhooks }
    records: webhooks
    topic: topic
    url: address
    create: { post: /webhooks, json: { webhook: { topic: "{topic}", address: "{url}" } } }
streams:
  orders:
    entity: order
    key: "{record.id}"
    get: { get: "/orders/{key}" }
    webhook: { topics: { orders/create: upsert, orders/updated: upsert, orders/delete: delete }, fetch: always }
"#;
    let vendor = Vendor::start(|_, asked| match asked.method.as_str() {
        "GET" => json(200, r#"{"webhooks":[{"topic":"orders/create","address":"https://hub/1"},{"topic":"orders/updated","address":"https://old/1"}]}"#),
        _ => json(201, "{}"),
    })
    .await;
    let shop = connect(manifest(AUTH, webhooks), &vendor.url);
    assert_eq!(shop.ensure_subscriptions("https://hub/1").await.unwrap().restored, ["orders/updated", "orders/delete"]);
    let created: Vec<String> = vendor.asked().iter().skip(1).map(|asked| asked.body.clone()).collect();
    assert_eq!(created[0], r#"{"webhook":{"topic":"orders/updated","address":"https://hub/1"}}"#);
    assert_eq!((created.len(), shop.subscriptions().await.unwrap().len()), (2, 2));
}

#[tokio::test]
async fn a_connection_without_an_address_receives_and_calls_nobody() {
    let manifest = manifest(AUTH, crate::setup::STREAMS);
    let settings = settings(&manifest, &[("token", "x")]);
    let shop = Connection::new("shop", manifest, &settings, options()).unwrap();
    let error = shop.write("orders", OpKind::Create, &context()).await.unwrap_err();
    assert!(!error.sent && error.message.contains("no address"), "{error}");
    let record = value!({"id": 1, "updated_at": "2026-11-22T10:00:00Z"});
    assert!(shop.interpret_record("orders", &record).unwrap().incoming[0].is_ok());
}
