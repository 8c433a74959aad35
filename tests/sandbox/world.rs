//! What the sandbox tests share: a client with the right credentials, a webhook receiver, and waiting for conditions.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use syncline::sandbox::{Sandbox, SandboxOptions};

pub struct World {
    pub sandbox: Sandbox,
    pub client: Client,
    pub drop_dir: tempfile::TempDir,
}

/// Starts a sandbox with generous limits; `change` adjusts it.
pub async fn world(seed: u64, change: impl FnOnce(&mut SandboxOptions)) -> World {
    let drop_dir = tempfile::tempdir().unwrap();
    let mut options = SandboxOptions::new(seed, drop_dir.path());
    options.shop_bucket = (10_000, 10_000);
    options.psp_calls_per_s = 10_000;
    change(&mut options);
    let sandbox = Sandbox::start(options).await.unwrap();
    World { sandbox, client: Client::builder().no_proxy().build().unwrap(), drop_dir }
}

impl World {
    pub fn shop_get(&self, path: &str) -> RequestBuilder {
        self.shop(self.client.get(self.absolute(path)))
    }

    pub fn shop_post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.shop(self.client.post(self.absolute(path))).json(body)
    }

    pub fn shop(&self, request: RequestBuilder) -> RequestBuilder {
        request.header("X-Shopify-Access-Token", &self.sandbox.credentials().shop_token)
    }

    pub fn erp(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        let credentials = self.sandbox.credentials();
        let url = format!("{}{path}", self.sandbox.erp_url());
        self.client.request(method, url).basic_auth(&credentials.erp_user, Some(&credentials.erp_password))
    }

    pub fn psp_get(&self, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.sandbox.psp_url());
        self.client.get(url).bearer_auth(&self.sandbox.credentials().psp_key)
    }

    fn absolute(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.sandbox.shop_url()) }
    }
}

pub async fn json(request: RequestBuilder) -> Value {
    let response = request.send().await.unwrap();
    assert!(response.status().is_success(), "{}", response.status());
    response.json().await.unwrap()
}

pub async fn status(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

/// The next page's address in a `Link` header.
pub fn next_link(response: &Response) -> Option<String> {
    let link = response.headers().get("link")?.to_str().unwrap();
    let (address, rest) = link.strip_prefix('<').unwrap().split_once('>').unwrap();
    assert_eq!(rest, "; rel=\"next\"");
    Some(address.to_owned())
}

/// Every record of a paged shop resource.
pub async fn walk(world: &World, first: &str, resource: &str) -> Vec<Value> {
    let (mut found, mut address) = (Vec::new(), Some(first.to_owned()));
    while let Some(here) = address {
        let response = world.shop_get(&here).send().await.unwrap();
        assert_eq!(response.status(), 200);
        address = next_link(&response);
        let body: Value = response.json().await.unwrap();
        found.extend(body[resource].as_array().unwrap().iter().cloned());
    }
    found
}

#[track_caller]
pub fn wait_for(what: &str, ready: impl Fn() -> bool) -> impl Future<Output = ()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    async move {
        while !ready() {
            assert!(Instant::now() < deadline, "waited in vain for {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[derive(Debug, Clone)]
pub struct Received {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap().to_str().unwrap()
    }
}

/// A hub's webhook door: answers what is queued, then always the same.
pub struct Receiver {
    pub address: SocketAddr,
    pub state: Arc<Door>,
}

pub struct Door {
    pub received: Mutex<Vec<Received>>,
    queued: Mutex<VecDeque<StatusCode>>,
    then: StatusCode,
}

impl Receiver {
    pub async fn start(queued: &[u16], then: u16) -> Receiver {
        let code = |status: u16| StatusCode::from_u16(status).unwrap();
        let state = Arc::new(Door {
            received: Mutex::default(),
            queued: Mutex::new(queued.iter().map(|status| code(*status)).collect()),
            then: code(then),
        });
        let router = Router::new()
            .fallback(receive)
            .layer(axum::extract::DefaultBodyLimit::max(8 << 20))
            .with_state(Arc::clone(&state));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Receiver { address, state }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn received(&self) -> Vec<Received> {
        self.state.received.lock().unwrap().clone()
    }
}

async fn receive(State(door): State<Arc<Door>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    door.received.lock().unwrap().push(Received { headers, body });
    door.queued.lock().unwrap().pop_front().unwrap_or(door.then)
}
