//! Payloads that cannot be used: whose they are is told as far as it can be read.

use serde_json::{Value, json};

use crate::desk::{Desk, order};

fn event(kind: &str, data: &Value) -> String {
    json!({ "type": kind, "time": "2026-11-20T10:00:00Z", "data": data }).to_string()
}

/// The one dead letter of the one open issue, as connection, stream and key.
async fn whose(desk: &Desk) -> (String, String, Value) {
    let issue = desk.issues(1).await.remove(0);
    let detail = desk.get(&format!("/api/v1/issues/{}", issue["id"])).await;
    let letter = &detail["dead_letters"][0];
    let text = |name: &str| letter[name].as_str().unwrap().to_owned();
    (text("stream"), text("key"), detail)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_cannot_be_mapped_is_named_and_found() {
    let desk = Desk::open().await;
    let mut wrong = order("#1007");
    wrong["payment_status"] = json!("half_paid");
    desk.receive("1", "order.upserted", &event("order.upserted", &wrong)).await;
    let (stream, key, detail) = whose(&desk).await;
    assert_eq!((stream.as_str(), key.as_str()), ("orders", "#1007"));
    let error = detail["dead_letters"][0]["error"].as_str().unwrap();
    assert!(error.contains("shop/orders/#1007") && error.contains("half_paid"), "{error}");

    // By number, although nothing of it was ever applied; and its story says why, and which issue it waits in.
    let found = desk.get("/api/v1/records?q=1007").await;
    assert_eq!(
        (&found[0]["key"], &found[0]["entity"], &found[0]["revision"]),
        (&json!("#1007"), &json!("order"), &json!(0))
    );
    let story = desk.get("/api/v1/records/shop/orders/%231007").await;
    assert_eq!(story["expected"][0]["issue"], detail["issue"]["id"], "{story}");
    assert!(story["hops"][0]["detail"].as_str().unwrap().contains("half_paid"), "{story}");

    // What is applied in its place is found once.
    desk.receive("2", "order.upserted", &event("order.upserted", &order("#1007"))).await;
    desk.until("the order", async || desk.get("/api/v1/records?q=1007").await[0]["revision"] == 1).await;
    assert_eq!(desk.get("/api/v1/records?q=1007").await.as_array().unwrap().len(), 1);
    desk.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_json_still_tells_the_stream_that_its_topic_leads_to() {
    let desk = Desk::open().await;
    desk.receive("1", "order.upserted", "{\"type\": \"order.upserted\", ").await;
    let (stream, key, detail) = whose(&desk).await;
    assert_eq!((stream.as_str(), key.as_str()), ("orders", ""));
    let title = detail["issue"]["title"].as_str().unwrap();
    assert!(title.starts_with("shop: a payload cannot be read: the body is cut off: "), "{title}");
    desk.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_was_read_is_told_though_the_version_was_not() {
    let desk = Desk::open().await;
    let body = json!({ "type": "order.upserted", "time": "yesterday", "data": order("#1008") });
    desk.receive("1", "order.upserted", &body.to_string()).await;
    let (stream, key, detail) = whose(&desk).await;
    assert_eq!((stream.as_str(), key.as_str()), ("orders", "#1008"));
    let error = detail["dead_letters"][0]["error"].as_str().unwrap();
    assert!(error.contains("the version cannot be read"), "{error}");
    desk.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_record_of_several_fails_alone_and_says_why() {
    let desk = Desk::open().await;
    let bad = json!({ "type": "order.upserted", "time": "yesterday", "data": order("#1010") });
    let good = json!({ "type": "order.upserted", "time": "2026-11-20T10:00:00Z", "data": order("#1009") });
    desk.receive("1", "", &json!([good, bad]).to_string()).await;
    let (stream, key, detail) = whose(&desk).await;
    assert_eq!((stream.as_str(), key.as_str()), ("orders", "#1010"));
    let error = detail["dead_letters"][0]["error"].as_str().unwrap();
    assert!(error.contains("the version cannot be read") && error.contains("record 2 of payload"), "{error}");
    desk.until("the good order", async || desk.get("/api/v1/records?q=1009").await[0]["revision"] == 1).await;
    let report = desk.hub.store.verify(&|_, _, _| {}).await.unwrap();
    assert_eq!(report.faults, Vec::<String>::new());
    desk.hub.stop().await;
}
