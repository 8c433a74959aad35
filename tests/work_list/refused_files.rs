//! Issues about refused files: what they offer has an effect, and what would have none is not offered.

use std::path::PathBuf;

use http::StatusCode;
use serde_json::{Value, json};

use crate::desk::{Desk, drop_file, order};

/// A file that was refused, and its issue.
async fn refused(desk: &Desk) -> (Value, PathBuf) {
    drop_file(&desk.folder("in"), "orders_1.jsonl", "{\"number\": \"#7\", \n");
    let issue = desk.issues(1).await.remove(0);
    let kept = desk.folder("in/error/orders");
    let file = std::fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().path());
    let mut file = file.filter(|path| path.extension().is_some_and(|extension| extension != "txt"));
    let file = file.find(|path| !path.to_str().unwrap().contains(".done.")).unwrap();
    (issue, file)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_file_is_read_again_from_where_it_lies() {
    let desk = Desk::open().await;
    let (issue, _) = refused(&desk).await;
    assert_eq!((&issue["files"], &issue["affected"]), (&json!(1), &json!(0)), "{issue}");
    let next_step = issue["next_step"].as_str().unwrap();
    assert!(next_step.contains("in/error/orders"), "{next_step}");
    let path = format!("/api/v1/issues/{}", issue["id"]);
    let detail = desk.get(&path).await;
    assert_eq!(detail["files"][0]["name"], "orders_1.jsonl", "{detail}");

    // As it is it is refused again, under a new issue: the first was not closed for nothing.
    let (status, done) = desk.post(&format!("{path}/retry"), json!({ "actor": "ann" })).await;
    assert_eq!((status, &done), (StatusCode::OK, &json!({ "count": 0, "files": 1 })));
    desk.until("another issue", async || {
        let open = desk.get("/api/v1/issues").await;
        open.as_array().unwrap().len() == 1 && open[0]["id"] != issue["id"]
    })
    .await;
    let (status, _) = desk.post(&format!("{path}/retry"), json!({ "actor": "ann" })).await;
    assert_eq!(status, StatusCode::CONFLICT, "it is resolved already");

    // Corrected where it lies.
    let again = desk.issues(1).await.remove(0);
    let kept = std::fs::read_dir(desk.folder("in/error/orders")).unwrap().map(|entry| entry.unwrap().path());
    let kept: Vec<PathBuf> = kept.filter(|path| !path.to_str().unwrap().contains(".done.")).collect();
    let file = kept.iter().find(|path| !path.to_str().unwrap().ends_with(".txt")).unwrap();
    assert_eq!(kept.len(), 2, "the file and why, no left-overs: {kept:?}");
    std::fs::write(file, format!("{}\n", order("#7"))).unwrap();
    let (status, _) = desk.post(&format!("/api/v1/issues/{}/retry", again["id"]), json!({ "actor": "ann" })).await;
    assert_eq!(status, StatusCode::OK);
    desk.until("its order", async || desk.get("/api/v1/records?q=%237").await[0]["revision"] == 1).await;
    assert!(desk.issues(0).await.is_empty());
    let report = desk.hub.store.verify(&|_, _, _| {}).await.unwrap();
    assert_eq!(report.faults, Vec::<String>::new());
    desk.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_cannot_be_edited_and_is_told_what_can_be_done() {
    let desk = Desk::open().await;
    let (issue, file) = refused(&desk).await;
    let path = format!("/api/v1/issues/{}", issue["id"]);
    let edit = json!({ "actor": "ann", "dead": { "inbox": 1 }, "body": "{}" });
    let (status, answer) = desk.post(&format!("{path}/edit"), edit).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    let error = &answer["error"];
    assert!(error["message"].as_str().unwrap().contains("orders_1.jsonl"), "{answer}");
    assert!(error["next_step"].as_str().unwrap().contains("retry the issue"), "{answer}");

    let page = desk.page(&format!("/issues/{}", issue["id"])).await;
    assert!(page.contains("orders_1.jsonl") && page.contains("1 file needs a person"), "{page}");
    assert!(page.contains("read again from error/") && !page.contains("Correct and retry"), "{page}");
    assert!(page.contains(&format!("action=\"/issues/{}/retry\"", issue["id"])), "{page}");

    let discard = json!({ "actor": "ann", "reason": "sent again" });
    let (status, done) = desk.post(&format!("{path}/discard"), discard).await;
    assert_eq!((status, &done), (StatusCode::OK, &json!({ "count": 0, "files": 1 })));
    assert!(desk.issues(0).await.is_empty());
    assert!(file.exists(), "discarded: it stays refused");
    desk.hub.stop().await;
}
