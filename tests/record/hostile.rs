//! A vendor that tells everything it was told: the secret in a body, in a header, in base64; and people, by name and between lines.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

pub const CLIENT_SECRET: &str = "cs-live/9f+Zq\"7&hostile";
pub const TOKEN: &str = "tok-live-4e1d9a77c2b0";
pub const SESSION: &str = "sess-live-88ab01cdef";

#[derive(Clone, Default)]
pub struct Hostile {
    /// Method and path of everything that was asked.
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl Hostile {
    pub async fn start(self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new()
            .route("/oauth/token", post(token))
            .route("/v2/me", get(me))
            .route("/v2/orders", get(orders))
            .route("/v2/orders/{id}", get(order))
            .fallback(any(|| async { StatusCode::NOT_FOUND }))
            .with_state(self);
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{address}")
    }

    fn note(&self, what: &str) {
        self.asked.lock().unwrap().push(what.to_owned());
    }
}

fn known(headers: &HeaderMap) -> bool {
    headers.get(header::AUTHORIZATION).is_some_and(|value| value == format!("Bearer {TOKEN}").as_str())
}

fn answer(body: &Value) -> Response {
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("x-request-token", TOKEN.to_owned()),
        ("x-served-by", "node-7.internal.acme-corp.net".to_owned()),
        ("set-cookie", format!("sid={SESSION}; Path=/; Domain=acme-corp.net")),
        ("date", "Fri, 20 Nov 2026 09:00:00 GMT".to_owned()),
    ];
    (headers, body.to_string()).into_response()
}

async fn token(State(vendor): State<Hostile>, headers: HeaderMap) -> Response {
    vendor.note("POST /oauth/token");
    if !headers.contains_key(header::AUTHORIZATION) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    answer(
        &json!({ "access_token": TOKEN, "token_type": "bearer", "expires_in": 3600, "refresh_token": "refresh-live-00aa11bb" }),
    )
}

async fn me(State(vendor): State<Hostile>, headers: HeaderMap) -> Response {
    vendor.note("GET /v2/me");
    if !known(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
    let body = json!({
        "name": "Acme Ltd",
        "echo": { "authorization": format!("Bearer {TOKEN}"), "secret": CLIENT_SECRET },
        "trace": STANDARD.encode(format!("user:{CLIENT_SECRET}")),
        "blob": URL_SAFE_NO_PAD.encode(format!("{{\"t\":\"{TOKEN}\"}}")),
        "hex": hex::encode(TOKEN),
        "self": format!("http://{host}/v2/me?access_token={TOKEN}&lang=de"),
        "nested": json!({ "again": CLIENT_SECRET }).to_string(),
    });
    answer(&body)
}

fn all(host: &str) -> Vec<Value> {
    let customer = |name: &str, mail: &str| json!({ "id": 9001, "name": name, "email": mail, "phone": "+49 170 1234567", "ip_address": "84.17.3.9" });
    let order = |id: u64, minute: u32, customer: Value, note: &str| {
        json!({
            "id": id, "number": format!("#{id}"), "paid": "yes", "currency": "EUR", "total": 12.50,
            "placed_at": "2026-11-20T08:00:00Z", "updated_at": format!("2026-11-20T08:{minute:02}:00Z"),
            "customer": customer, "note": note, "client_secret": "pi_77_secret_hostile",
            "billing_address": { "name": "Anna Maria Meyer", "street": "Lindenallee 12", "zip": "04103", "city": "Leipzig", "country_code": "DE" },
            "iban": "DE89 3704 0044 0532 0130 00", "card": { "number": "4242 4242 4242 4242" },
            "link": format!("http://{host}/v2/orders/{id}"), "logo": "https://cdn.acme-corp.net/logo.png",
        })
    };
    vec![
        order(
            1,
            1,
            customer("Anna Maria Meyer", "Anna.Meyer@acme-corp.net"),
            "Please leave it with Anna Maria Meyer next door",
        ),
        order(2, 2, customer("Anna Maria Meyer", "anna.meyer@acme-corp.net"), "write to anna.meyer@acme-corp.net"),
        order(3, 3, customer("Björn Öl", "bjorn@acme-corp.net"), ""),
    ]
}

#[derive(serde::Deserialize)]
struct Page {
    page: usize,
    size: usize,
    since: Option<String>,
}

async fn orders(State(vendor): State<Hostile>, Query(page): Query<Page>, headers: HeaderMap, _body: Bytes) -> Response {
    vendor.note("GET /v2/orders");
    if !known(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let host = headers[header::HOST].to_str().unwrap().to_owned();
    let since = page.since.unwrap_or_default();
    let found = all(&host).into_iter().filter(|order| order["updated_at"].as_str().unwrap() >= since.as_str());
    let found: Vec<Value> = found.skip((page.page - 1) * page.size).take(page.size).collect();
    answer(&json!({ "data": found }))
}

async fn order(
    State(vendor): State<Hostile>,
    axum::extract::Path(id): axum::extract::Path<u64>,
    headers: HeaderMap,
) -> Response {
    vendor.note("GET /v2/orders/{id}");
    let host = headers[header::HOST].to_str().unwrap().to_owned();
    match all(&host).into_iter().find(|order| order["id"] == id) {
        Some(order) if known(&headers) => answer(&json!({ "order": order })),
        Some(_) => StatusCode::UNAUTHORIZED.into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
