//! A hub with its API in this process: orders come by webhook or file and leave as files.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use syncline::api::{AppState, HubView};
use syncline::hub::{Hub, HubOptions};
use syncline::store::{NewInbox, SourceKind};
use syncline::telemetry::metrics::Metrics;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

const CONFIG: &str = r#"
hub: { listen: "127.0.0.1:0", database: sqlite:data/syncline.db }
connections:
  shop:
    connector: webhook
    settings: { secret: whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz }
    path_secret: a-secret-of-sixteen
  files:
    connector: jsonl
    settings: { folder_in: in, folder_out: out }
    polls: { orders: 1s }
  service:
    connector: webhook
    settings: { url: "http://SERVICE/events", secret: whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz }
    allow_networks: [127.0.0.0/8]
flows:
  orders-to-service: { from: shop.orders, to: service.events, mode: live, retry: fast }
  orders-to-files: { from: shop.orders, to: files.records, mode: live }
  files-to-files: { from: files.orders, to: files.records, mode: live }
retry:
  fast: { first_delay: 50ms, max_delay: 100ms, give_up_after: 1h }
"#;

pub struct Desk {
    pub hub: Arc<Hub>,
    pub service: Service,
    app: Router,
    dir: tempfile::TempDir,
}

impl Desk {
    pub async fn open() -> Desk {
        let service = Service::start().await;
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("syncline.yaml"), CONFIG.replace("SERVICE", &service.address)).unwrap();
        // The shipped connector, with batches that nobody has to wait for.
        let own = dir.path().join("connectors/jsonl");
        std::fs::create_dir_all(&own).unwrap();
        let shipped = include_str!("../../connectors/jsonl/connector.yaml").replace("every: 30s", "every: 1s");
        std::fs::write(own.join("connector.yaml"), shipped).unwrap();
        let config = syncline::config::load(dir.path()).unwrap_or_else(|problems| panic!("{problems}"));
        let data_dir = dir.path().join("data");
        let mut app = None;
        let hub = Hub::start(config, HubOptions::default(), |hub| {
            let view = Arc::clone(hub) as Arc<dyn HubView>;
            let (metrics, stop) = (Metrics::default(), CancellationToken::new());
            let state = AppState::new(Arc::clone(&hub.store), view, hub.clock.clone(), metrics, data_dir, stop);
            app.insert(syncline::web::app(&state)).clone()
        })
        .await
        .unwrap();
        Desk { hub, service, app: app.unwrap(), dir }
    }

    pub fn folder(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A genuine delivery of the shop.
    pub async fn receive(&self, id: &str, topic: &str, body: &str) {
        let row = NewInbox {
            connection: "shop".to_owned(),
            stream: String::new(),
            source: SourceKind::Webhook,
            dedupe_key: id.to_owned(),
            topic: topic.to_owned(),
            headers: r#"{"content-type":"application/json"}"#.to_owned(),
            place: String::new(),
            payload: body.as_bytes().to_vec(),
            received_at: self.hub.clock.now_us(),
        };
        self.hub.store.append_inbox(vec![row], None).await.unwrap();
        self.hub.processor.wake();
    }

    async fn answer(&self, request: Request<Body>) -> (StatusCode, String) {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    pub async fn page(&self, path: &str) -> String {
        let request = Request::get(path).header("host", "127.0.0.1").body(Body::empty()).unwrap();
        let (status, text) = self.answer(request).await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        text
    }

    pub async fn get(&self, path: &str) -> Value {
        serde_json::from_str(&self.page(path).await).unwrap()
    }

    pub async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::post(path).header("host", "127.0.0.1").header("content-type", "application/json");
        let (status, text) = self.answer(request.body(Body::from(body.to_string())).unwrap()).await;
        (status, serde_json::from_str(&text).unwrap_or(json!(text)))
    }

    /// Open issues, once there are as many.
    pub async fn issues(&self, count: usize) -> Vec<Value> {
        let mut found = Vec::new();
        self.until("the open issues", async || {
            found = self.get("/api/v1/issues").await.as_array().unwrap().clone();
            found.len() == count
        })
        .await;
        found
    }

    pub async fn until(&self, what: &str, mut done: impl AsyncFnMut() -> bool) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        while !done().await {
            if tokio::time::Instant::now() > deadline {
                panic!("never came to: {what}: {}", self.page("/api/v1/issues").await);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// What the hub posts to: it answers what it is told to, 200 if nothing.
pub struct Service {
    address: String,
    seen: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
}

impl Service {
    async fn start() -> Service {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let answers = Arc::new(Mutex::new(VecDeque::new()));
        let (keep, next) = (Arc::clone(&seen), Arc::clone(&answers));
        let take = async move |headers: HeaderMap, body: String| {
            keep.lock().unwrap().push((headers, serde_json::from_str(&body).unwrap()));
            next.lock().unwrap().pop_front().unwrap_or(StatusCode::OK)
        };
        let app = Router::new().route("/events", axum::routing::post(take));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Service { address, seen, answers }
    }

    pub fn answer(&self, next: StatusCode) {
        self.answers.lock().unwrap().push_back(next);
    }

    pub fn seen(&self) -> Vec<(HeaderMap, Value)> {
        self.seen.lock().unwrap().clone()
    }
}

/// Puts a finished file into a drop folder, as a partner does.
pub fn drop_file(folder: &Path, name: &str, content: &str) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(name), content).unwrap();
    std::fs::write(folder.join(format!("{name}.done")), "").unwrap();
}

pub fn order(number: &str) -> Value {
    json!({
        "number": number, "currency": "EUR", "status": "confirmed", "payment_status": "paid",
        "fulfilment_status": "unfulfilled", "placed_at": "2026-11-20T10:00:00Z",
        "updated_at": "2026-11-20T10:00:00Z",
        "total": { "amount_minor": 1000, "currency": "EUR" },
        "lines": []
    })
}
