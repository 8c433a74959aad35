//! The REST API against a real SQLite store: shapes, changes, guards, headers.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod seed;

use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use syncline::api::{AppState, ROUTES, Readiness, guarded, router};
use tower::ServiceExt as _;

use seed::{World, few};

struct Api {
    world: World,
    router: Router,
    state: AppState,
    _dir: tempfile::TempDir,
}

async fn api() -> Api {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path()).await;
    few(&mut world).await;
    let state = world.state(dir.path());
    Api { router: guarded(router(state.clone()), &state), world, state, _dir: dir }
}

impl Api {
    async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        read(self.send(Request::get(path).body(Body::empty()).unwrap()).await).await
    }

    async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::post(path).header("content-type", "application/json");
        read(self.send(request.body(Body::from(body.to_string())).unwrap()).await).await
    }

    async fn work(&self, path: &str, body: Value) -> Value {
        let (status, started) = self.post(path, body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{started}");
        loop {
            let (_, work) = self.get(&format!("/api/v1/work/{}", started["id"])).await;
            if work["state"] != "running" {
                return work;
            }
            tokio::task::yield_now().await;
        }
    }
}

async fn read(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into())))
}

#[track_caller]
fn refused(answer: (StatusCode, Value), status: StatusCode, code: &str) {
    assert_eq!((answer.0, &answer.1["error"]["code"]), (status, &json!(code)), "{}", answer.1);
    for field in ["message", "next_step"] {
        assert!(answer.1["error"][field].as_str().is_some_and(|text| !text.is_empty()), "{}", answer.1);
    }
    assert_eq!(answer.1.as_object().unwrap().len(), 1, "{}", answer.1);
}

#[tokio::test]
async fn the_overview_adds_up() {
    let api = api().await;
    let (status, overview) = api.get("/api/v1/overview").await;
    assert_eq!(status, StatusCode::OK);
    let today = json!({ "received": 4, "applied": 1, "superseded": 0, "ignored": 0, "dead": 2, "pending": 1 });
    assert_eq!(overview["today"], today);
    assert_eq!(
        (&overview["backlog"], &overview["unknown"], &overview["open_issues"]),
        (&json!(1), &json!(0), &json!(2))
    );
    assert_eq!(overview["well"], json!(false));
    assert_eq!(overview["at"], json!("2026-11-22T10:15:00.000Z"));
    let flow = &overview["flows"][0];
    assert_eq!(flow["name"], "orders-to-erp");
    assert_eq!(
        flow["freshness"],
        json!({ "word": "fresh", "cause": "delivery", "lag_ms": 59997, "objective_ms": 120000 })
    );
    assert_eq!(flow["queue"]["open"], 1);
    assert_eq!(flow["done_24h"], 1);
    assert_eq!(flow["webhook_loss"], json!({ "by_webhook": 2, "by_poll": 1, "late": 0, "per_mille": 333 }));
    assert_eq!(flow["checkpoint"]["value"], "2026-11-22T10:13:30Z");
    let shipments = &overview["flows"][4];
    assert_eq!(shipments["freshness"]["word"], "stale", "{shipments}");
    assert_eq!(shipments["freshness"]["cause"], "reading");
    assert_eq!(overview["stalest"], "shipments-to-shop");
}

#[tokio::test]
async fn flows_are_paused_and_resumed_and_it_is_on_record() {
    let api = api().await;
    let (status, flow) = api.post("/api/v1/flows/orders-to-erp/pause", json!({ "actor": "ann" })).await;
    assert_eq!((status, &flow["mode"]), (StatusCode::OK, &json!("paused")));
    assert_eq!(flow["freshness"]["word"], "paused");
    let (_, flow) = api.post("/api/v1/flows/orders-to-erp/resume", json!({ "actor": "ann" })).await;
    assert_eq!(flow["mode"], "live");
    assert_eq!(*api.world.hub.wakes.lock().unwrap(), 1);
    let (_, audit) = api.get("/api/v1/audit").await;
    let acts: Vec<&str> = audit.as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(acts, ["flow.pause", "flow.resume"]);
    refused(api.post("/api/v1/flows/nope/pause", json!({ "actor": "ann" })).await, StatusCode::NOT_FOUND, "not_found");
}

#[tokio::test]
async fn replay_sends_the_latest_state_again() {
    let api = api().await;
    let body = json!({ "actor": "ann", "key": "820", "force": true });
    let (status, done) = api.post("/api/v1/flows/orders-to-erp/replay", body).await;
    assert_eq!((status, done), (StatusCode::OK, json!({ "count": 1 })));
    let (_, overview) = api.get("/api/v1/overview").await;
    assert_eq!(overview["backlog"], 2);
}

#[tokio::test]
async fn an_issue_is_looked_at_edited_and_gone() {
    let api = api().await;
    let (_, issues) = api.get("/api/v1/issues").await;
    let issue = issues.as_array().unwrap().iter().find(|issue| issue["class"] == "data").unwrap().clone();
    assert_eq!(issue["affected"], 1);
    let id = issue["id"].as_i64().unwrap();
    let (_, detail) = api.get(&format!("/api/v1/issues/{id}")).await;
    let letter = &detail["dead_letters"][0];
    assert!(letter["response"].as_str().unwrap().contains("product TEE-M does not exist"), "{letter}");
    assert_eq!(
        (&letter["form"], &letter["entity"], &letter["revision"]),
        (&json!("record"), &json!("order"), &json!(1))
    );
    let edit =
        |body: &str| json!({ "actor": "ann", "dead": letter["dead"], "body": body, "base": letter["body_sha256"] });
    let path = format!("/api/v1/issues/{id}/edit");
    refused(api.post(&path, edit("{\"number\":")).await, StatusCode::BAD_REQUEST, "bad_request");
    // What is sent is the mapping's business: the vendor's form is refused, and so is half a record.
    let (status, answer) = api.post(&path, edit("{\"ref\":\"#1002\"}")).await;
    assert!(answer["error"]["message"].as_str().unwrap().contains("ref: there is no such field"), "{answer}");
    refused((status, answer), StatusCode::BAD_REQUEST, "bad_request");
    let (_, answer) = api.post(&path, edit("{\"number\":\"#1002\"}")).await;
    assert!(answer["error"]["message"].as_str().unwrap().contains("it is required and missing"), "{answer}");
    let corrected = seed::corrected_order();
    let other = json!({ "actor": "ann", "dead": letter["dead"], "body": corrected, "base": "0badc0de" });
    refused(api.post(&path, other).await, StatusCode::CONFLICT, "conflict");
    let (status, done) = api.post(&path, edit(&corrected)).await;
    assert_eq!((status, done), (StatusCode::OK, json!({ "count": 1 })));
    refused(api.post(&path, edit(&corrected)).await, StatusCode::NOT_FOUND, "not_found");
    let (_, after) = api.get("/api/v1/issues?all=true").await;
    let issue = after.as_array().unwrap().iter().find(|issue| issue["id"] == id).unwrap();
    assert_eq!((&issue["open"], &issue["resolution"]), (&json!(false), &json!("edited by ann")));
    assert_eq!(api.world.store.verify(&|_, _, _| {}).await.unwrap().faults, Vec::<String>::new());
}

#[tokio::test]
async fn dead_letters_are_retried_or_discarded_with_a_reason() {
    let api = api().await;
    let (_, issues) = api.get("/api/v1/issues").await;
    let id_of =
        |class: &str| issues.as_array().unwrap().iter().find(|issue| issue["class"] == class).unwrap()["id"].clone();
    let path = format!("/api/v1/issues/{}/discard", id_of("unmapped_value"));
    refused(api.post(&path, json!({ "actor": "ann" })).await, StatusCode::BAD_REQUEST, "bad_request");
    let (_, done) = api.post(&path, json!({ "actor": "ann", "reason": "test payment" })).await;
    assert_eq!(done, json!({ "count": 1 }));
    let (_, done) = api.post(&format!("/api/v1/issues/{}/retry", id_of("data")), json!({ "actor": "ann" })).await;
    assert_eq!(done, json!({ "count": 1 }));
    let (_, overview) = api.get("/api/v1/overview").await;
    assert_eq!((&overview["open_issues"], &overview["today"]["dead"]), (&json!(0), &json!(0)));
    let (_, audit) = api.get("/api/v1/audit").await;
    assert_eq!(audit[0]["detail"]["reason"], "test payment");
    let retry = api.post("/api/v1/issues/999/retry", json!({ "actor": "ann" })).await;
    refused(retry, StatusCode::NOT_FOUND, "not_found");
}

#[tokio::test]
async fn a_record_is_found_by_its_number_and_its_story_told() {
    let api = api().await;
    let (_, found) = api.get("/api/v1/records?q=1001").await;
    assert_eq!((&found[0]["connection"], &found[0]["key"]), (&json!("shop"), &json!("820")), "{found}");
    let (_, story) = api.get("/api/v1/records/shop/orders/820").await;
    let stations: Vec<String> = story["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| format!("{}: {}", s["system"].as_str().unwrap(), s["state"].as_str().unwrap()))
        .collect();
    assert_eq!(stations, ["shop: done", "hub: done", "erp: done"]);
    assert_eq!(story["expected"][0]["text"], "nothing: every destination has revision 1");
    assert_eq!(story["systems"][0]["record"]["total"], json!({ "amount_minor": 4790, "currency": "EUR" }));
    let (_, story) = api.get("/api/v1/records/shop/orders/821").await;
    assert_eq!(story["stages"][2]["state"], "failed");
    assert!(story["expected"][0]["issue"].is_i64(), "{}", story["expected"]);
    refused(api.get("/api/v1/records/shop/orders/nope").await, StatusCode::NOT_FOUND, "not_found");
    refused(api.get("/api/v1/records?q=%20").await, StatusCode::BAD_REQUEST, "bad_request");
}

#[tokio::test]
async fn events_are_caught_up_with_without_a_gap() {
    let api = api().await;
    let (mut after, mut subjects) = (0, Vec::new());
    loop {
        let (_, page) = api.get(&format!("/api/v1/events?after={after}&limit=2")).await;
        let events = page["events"].as_array().unwrap().clone();
        if events.is_empty() {
            break;
        }
        subjects.extend(events.iter().map(|event| event["subject"].as_str().unwrap().to_owned()));
        after = page["next_after"].as_i64().unwrap();
    }
    assert_eq!(subjects, ["820", "821", "822"]);
    let (_, page) = api.get("/api/v1/events?limit=1").await;
    let event = &page["events"][0];
    assert_eq!((&event["specversion"], &event["type"]), (&json!("1.0"), &json!("com.syncline.OrderPlaced")));
    assert_eq!(event["data"]["number"], "#1001");
    refused(api.get("/api/v1/events?limit=0").await, StatusCode::BAD_REQUEST, "bad_request");
    refused(api.get("/api/v1/events?nonsense=1").await, StatusCode::BAD_REQUEST, "bad_request");
}

#[tokio::test]
async fn the_ledger_tells_per_connection_and_day() {
    let api = api().await;
    let (_, ledger) = api.get("/api/v1/ledger?days=2").await;
    assert_eq!(ledger["total"]["received"], 4);
    let psp = ledger["lines"].as_array().unwrap().iter().find(|line| line["connection"] == "psp").unwrap();
    assert_eq!((&psp["day"], &psp["counts"]["dead"]), (&json!("2026-11-22"), &json!(1)));
    assert_eq!(psp["reasons"], json!([{ "disposition": "dead", "reason": "unmapped_value", "n": 1 }]));
}

#[tokio::test]
async fn verify_and_backup_are_watched() {
    let api = api().await;
    let verified = api.work("/api/v1/verify", json!({ "actor": "ann" })).await;
    assert_eq!((&verified["state"], &verified["report"]["faults"]), (&json!("done"), &json!([])), "{verified}");
    assert_eq!(verified["report"]["counts"]["received"], 4);
    assert_eq!(verified["done"], verified["total"]);
    let (_, overview) = api.get("/api/v1/overview").await;
    assert_eq!(overview["last_verify"]["faults"], 0);
    let backup = api.work("/api/v1/backups", json!({ "actor": "ann", "name": "monday.db" })).await;
    assert_eq!(backup["state"], "done", "{backup}");
    assert!(Path::new(backup["path"].as_str().unwrap()).is_file());
    let again = api.work("/api/v1/backups", json!({ "actor": "ann", "name": "monday.db" })).await;
    assert_eq!((&again["state"], &again["error"]["code"]), (&json!("failed"), &json!("conflict")), "{again}");
    let escape = api.post("/api/v1/backups", json!({ "actor": "ann", "name": "../x.db" })).await;
    refused(escape, StatusCode::BAD_REQUEST, "bad_request");
    refused(api.get("/api/v1/work/77").await, StatusCode::NOT_FOUND, "not_found");
}

#[tokio::test]
async fn metrics_are_of_this_moment() {
    let api = api().await;
    let (_, text) = api.get("/metrics").await;
    let text = text.as_str().unwrap();
    for line in [
        "syncline_queue_jobs{flow=\"orders-to-erp\",state=\"dead\"} 1",
        "syncline_queue_jobs{flow=\"orders-to-erp\",state=\"ready\"} 1",
        "syncline_flow_state{flow=\"shipments-to-shop\",state=\"stale\"} 1",
        "syncline_webhook_loss_ratio{connection=\"shop\",stream=\"orders\"} 0.333",
        "syncline_ledger_today{connection=\"shop\",disposition=\"applied\"} 1",
        "syncline_connection_state{connection=\"erp\",state=\"ok\"} 1",
        "syncline_open_issues 2",
        "syncline_up 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
}

#[tokio::test]
async fn readiness_needs_store_and_processors() {
    let api = api().await;
    assert_eq!(api.get("/readyz").await.0, StatusCode::OK);
    *api.world.hub.ready.lock().unwrap() = Readiness::NotReady("draining".to_owned());
    refused(api.get("/readyz").await, StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    *api.world.hub.ready.lock().unwrap() = Readiness::Ready;
    api.world.store.close().await;
    refused(api.get("/readyz").await, StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    assert_eq!(api.get("/healthz").await.0, StatusCode::OK);
}

/// Every route, with parameters filled in.
fn paths() -> impl Iterator<Item = (bool, String)> {
    ROUTES.iter().map(|route| {
        let path = route.path.replace("{name}", "orders-to-erp").replace("{id}", "1");
        let path =
            path.replace("{run}", "1").replace("{item}", "b1").replace("{act}", "assign").replace("{event}", "1");
        (route.changes, path.replace("{connection}/{stream}/{*key}", "shop/orders/820"))
    })
}

const SECURITY: [&str; 8] = [
    "content-security-policy",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "cache-control",
    "x-request-id",
];

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let api = api().await;
    api.state.stop().cancel();
    for (_, path) in paths().chain([(false, "/nope".to_owned()), (false, "/api/v1/records".to_owned())]) {
        for method in [Method::GET, Method::POST, Method::PUT, Method::TRACE, Method::OPTIONS] {
            let request = Request::builder().method(&method).uri(&path).header("x-request-id", "mine");
            let response = api.send(request.body(Body::empty()).unwrap()).await;
            for header in SECURITY {
                assert!(response.headers().contains_key(header), "{method} {path}: {header} is missing");
            }
            assert_eq!(response.headers()["cache-control"], "no-store");
            assert_ne!(response.headers()["x-request-id"], "mine");
        }
    }
}

#[tokio::test]
async fn nothing_changes_by_reading_nor_for_another_site_nor_without_a_name() {
    let api = api().await;
    let before = api.world.store.audit(0, 100).await.unwrap().len();
    for (changes, path) in paths().filter(|(changes, _)| *changes) {
        assert!(changes);
        refused(api.get(&path).await, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
        let body = || Body::from(json!({ "actor": "eve", "reason": "x" }).to_string());
        let post = || Request::post(&path).header("content-type", "application/json");
        let crossing = post().header("sec-fetch-site", "cross-site").body(body()).unwrap();
        refused(read(api.send(crossing).await).await, StatusCode::FORBIDDEN, "cross_site");
        let foreign =
            post().header("host", "127.0.0.1:8470").header("origin", "http://evil.example").body(body()).unwrap();
        refused(read(api.send(foreign).await).await, StatusCode::FORBIDDEN, "cross_site");
        let nameless = api.post(&path, json!({})).await;
        assert_eq!(nameless.0, StatusCode::BAD_REQUEST, "{path}: {}", nameless.1);
    }
    assert_eq!(api.world.store.audit(0, 100).await.unwrap().len(), before);
}

#[tokio::test]
async fn a_rebound_name_is_refused_and_addresses_are_not() {
    let api = api().await;
    for (host, status) in [
        ("evil.example:8470", StatusCode::MISDIRECTED_REQUEST),
        ("127.0.0.1.evil.example", StatusCode::MISDIRECTED_REQUEST),
        ("127.0.0.1:8470", StatusCode::OK),
        ("[::1]:8470", StatusCode::OK),
        ("localhost:8470", StatusCode::OK),
    ] {
        let request = Request::get("/api/v1/overview").header("host", host).body(Body::empty()).unwrap();
        assert_eq!(api.send(request).await.status(), status, "{host}");
    }
}

#[tokio::test]
async fn bodies_are_capped_and_bad_ones_refused_in_one_shape() {
    let api = api().await;
    let path = "/api/v1/issues/1/retry";
    refused(
        api.post(path, json!({ "actor": "x".repeat(2_000_000) })).await,
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
    );
    refused(api.post(path, json!({ "actor": "ann", "typo": 1 })).await, StatusCode::BAD_REQUEST, "bad_request");
    let text = Request::post(path).body(Body::from("actor=ann")).unwrap();
    refused(read(api.send(text).await).await, StatusCode::BAD_REQUEST, "bad_request");
    refused(api.get("/api/v1/issues/abc").await, StatusCode::NOT_FOUND, "not_found");
    refused(api.get("/api/v1/nope").await, StatusCode::NOT_FOUND, "not_found");
}

#[tokio::test]
async fn live_sends_the_overview_when_something_changed() {
    let api = api().await;
    let response = api.send(Request::get("/api/v1/live").body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let mut next = async || loop {
        let frame = body.frame().await.unwrap().unwrap();
        let text = String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
        if let Some(data) = text.lines().find_map(|line| line.strip_prefix("data: ")) {
            return serde_json::from_str::<Value>(data).unwrap();
        }
    };
    assert_eq!(next().await["open_issues"], 2);
    api.post("/api/v1/issues/1/discard", json!({ "actor": "ann", "reason": "test" })).await;
    assert_eq!(next().await["open_issues"], 1);
    api.state.stop().cancel();
    assert!(body.frame().await.is_none(), "a stop ends the stream");
}
