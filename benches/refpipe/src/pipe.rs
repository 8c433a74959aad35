//! The way of one order: signature, commit, answer, map, send, close.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sha2::Sha256;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::Outcome;
use crate::order;
use crate::writer::{self, Job, Write};

/// Requests to the target at a time.
const SENDING: usize = 32;
const ATTEMPTS: u32 = 5;
/// Writes that may wait for the writer; beyond it callers wait.
const WAITING: usize = 4096;

struct Pipe {
    key: Hmac<Sha256>,
    target: String,
    writes: mpsc::Sender<Write>,
    client: Client<HttpConnector, Full<Bytes>>,
}

pub fn serve(port: &str, database: &str, target: &str, secret: &str) -> Outcome<()> {
    let (writes, waiting) = mpsc::channel(WAITING);
    let (jobs, ready) = mpsc::unbounded_channel();
    let connection = writer::open(database)?;
    let pipe = Arc::new(Pipe {
        key: Hmac::new_from_slice(secret.as_bytes())?,
        target: target.to_owned(),
        writes,
        client: Client::builder(TokioExecutor::new()).pool_max_idle_per_host(SENDING).build_http(),
    });
    std::thread::spawn(move || {
        // What was acknowledged is on disk; going on without a writer would only pretend.
        if let Err(error) = writer::run(connection, waiting, jobs) {
            eprintln!("refpipe: writer: {error}");
            std::process::exit(1);
        }
    });
    let address = format!("127.0.0.1:{port}");
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        tokio::spawn(send_all(Arc::clone(&pipe), ready));
        let router = Router::new().route("/webhook", post(receive)).with_state(pipe);
        Ok(axum::serve(tokio::net::TcpListener::bind(address).await?, router).await?)
    })
}

async fn receive(State(pipe): State<Arc<Pipe>>, headers: HeaderMap, payload: Bytes) -> StatusCode {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(signature), Some(dedupe)) = (header("x-shopify-hmac-sha256"), header("x-shopify-webhook-id")) else {
        return StatusCode::BAD_REQUEST;
    };
    let genuine = STANDARD
        .decode(signature)
        .is_ok_and(|signature| pipe.key.clone().chain_update(&payload).verify_slice(&signature).is_ok());
    if !genuine {
        return StatusCode::UNAUTHORIZED;
    }
    let (done, committed) = oneshot::channel();
    let accept = Write::Accept { dedupe: dedupe.to_owned(), payload, done };
    if pipe.writes.send(accept).await.is_err() || committed.await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    StatusCode::OK
}

async fn send_all(pipe: Arc<Pipe>, mut ready: mpsc::UnboundedReceiver<Job>) {
    let permits = Arc::new(Semaphore::new(SENDING));
    while let Some(job) = ready.recv().await {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let pipe = Arc::clone(&pipe);
        tokio::spawn(async move {
            let (state, status) = deliver(&pipe, &job).await;
            // The writer ends the process when it ends, so nobody is left to tell.
            let _ = pipe.writes.send(Write::Close { job: job.id, state, status }).await;
            drop(permit);
        });
    }
}

async fn deliver(pipe: &Pipe, job: &Job) -> (&'static str, u16) {
    let Ok(body) = order::map(&job.payload).map(Bytes::from) else { return ("dead", 0) };
    for attempt in 1..=ATTEMPTS {
        let request = Request::post(&pipe.target)
            .header("content-type", "application/json")
            .header("idempotency-key", job.id)
            .body(Full::new(body.clone()));
        let Ok(request) = request else { return ("dead", 0) };
        if let Ok(response) = pipe.client.request(request).await {
            let status = response.status();
            // Read to its end, so that the connection can be used again.
            if response.into_body().collect().await.is_ok() && status.is_success() {
                return ("done", status.as_u16());
            }
        }
        tokio::time::sleep(Duration::from_millis(100) * attempt).await;
    }
    ("dead", 0)
}
