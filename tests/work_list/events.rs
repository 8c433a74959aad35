//! Events leave the hub in one form.

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
