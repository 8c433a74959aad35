//! Events leave the hub in one form.

use http::StatusCode;
use serde_json::json;

use crate::desk::{Desk, order};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_is_what_the_api_tells() {
    let desk = Desk::open().await;
    let body = json!({ "type": "order.upserted", "time": "2026-11-20T10:00:00Z", "data": order("#1011") });
    desk.receive("1", "order.upserted", &body.to_string()).await;
    desk.until("the event", async || desk.service.seen().len() == 1).await;
    let (headers, sent) = desk.service.seen().remove(0);
    let told = desk.get("/api/v1/events").await["events"][0].clone();
    assert_eq!(sent, told);
    assert_eq!(headers["webhook-id"], told["id"].as_str().unwrap());
    assert_eq!((&told["type"], &told["subject"]), (&json!("com.syncline.OrderPlaced"), &json!("#1011")));
    assert_eq!(told["revision"], 1);
    desk.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_keeps_its_id_through_refusals() {
    let desk = Desk::open().await;
    desk.service.answer(StatusCode::UNPROCESSABLE_ENTITY);
    let body = json!({ "type": "order.upserted", "time": "2026-11-20T10:00:00Z", "data": order("#1012") });
    desk.receive("1", "order.upserted", &body.to_string()).await;
    let issue = desk.issues(1).await.remove(0);
    let (status, done) = desk.post(&format!("/api/v1/issues/{}/retry", issue["id"]), json!({ "actor": "ann" })).await;
    assert_eq!((status, &done), (StatusCode::OK, &json!({ "count": 1 })));
    desk.until("the second delivery", async || desk.service.seen().len() == 2).await;
    let seen = desk.service.seen();
    assert_eq!(seen[0].0["webhook-id"], seen[1].0["webhook-id"]);
    assert_eq!(seen[0].1, seen[1].1);
    desk.hub.stop().await;
}
