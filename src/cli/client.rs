//! The API as commands reach it: over HTTP where a daemon runs, in process where none does; not here: what is asked.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::error::CliError;
use super::installation::Installation;
use crate::api::{AppState, guarded, router};
use crate::model::clock::Clock;
use crate::store::{Location, Store};
use crate::telemetry::metrics::Metrics;

/// Written by the daemon beside its lock: `127.0.0.1:8470`.
pub const ADDRESS_FILE: &str = "syncline.addr";
const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(60);

pub(super) enum Client {
    /// A daemon answers.
    Remote { base: String, http: reqwest::Client },
    /// The store is open here, and its lock held.
    Local { router: Router, store: Arc<dyn Store> },
}

/// A file as it came.
pub(super) struct Download {
    pub name: String,
    pub bytes: Vec<u8>,
}

impl Client {
    /// The daemon of the installation, or its store. What needs no hub may `create` the store: statements can be reconciled
    /// where nothing is synchronised.
    pub(super) async fn open(installation: &Installation, clock: &Clock, create: bool) -> Result<Client, CliError> {
        if let Some(remote) = daemon(&installation.data_dir).await? {
            return Ok(remote);
        }
        let location = installation.location()?;
        if let Location::Sqlite(database) = &location {
            if let (true, false, Some(folder)) = (create, database.exists(), database.parent()) {
                std::fs::create_dir_all(folder)?;
            } else if !database.exists() {
                return Err(CliError::new(
                    "no hub has run here yet",
                    database.display().to_string(),
                    "start it with `syncline run`, or give another installation by --config",
                ));
            }
        }
        let store = crate::store::open(&location).await?;
        let state = AppState::new(
            Arc::clone(&store),
            installation.hub(clock.now_us()),
            clock.clone(),
            Metrics::default(),
            installation.data_dir.clone(),
            CancellationToken::new(),
        );
        Ok(Client::Local { router: guarded(router(state.clone()), &state), store })
    }

    pub(super) async fn close(self) {
        match self {
            Client::Remote { .. } => {}
            Client::Local { store, .. } => store.close().await,
        }
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, CliError> {
        self.send(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Result<Value, CliError> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// A file, under the name that the hub gives it.
    pub(super) async fn download(&self, path: &str) -> Result<Download, CliError> {
        let (status, headers, bytes) = self.exchange(Method::GET, path, None).await?;
        if !status.is_success() {
            answer(status, &bytes)?;
        }
        let named = headers.get(header::CONTENT_DISPOSITION).and_then(|value| value.to_str().ok());
        let name = named.and_then(|value| value.split_once("filename=\"")?.1.strip_suffix('"'));
        // Only the last part: a file goes where its reader said, whatever the other side calls it.
        let name = name.and_then(|name| Path::new(name).file_name()).map(|name| name.to_string_lossy().into_owned());
        let name = name.ok_or_else(|| CliError::internal("the hub named no file"))?;
        Ok(Download { name, bytes: bytes.to_vec() })
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, CliError> {
        let (status, _, bytes) = self.exchange(method, path, body).await?;
        answer(status, &bytes)
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), CliError> {
        match self {
            Client::Remote { base, http } => {
                let unreachable = |cause: reqwest::Error| {
                    CliError::new(
                        format!("the hub's answer did not come: {cause}"),
                        base.clone(),
                        "see whether it still runs; what was asked may have been done",
                    )
                };
                let mut request = http.request(method, format!("{base}{path}"));
                if let Some(body) = body {
                    request = request.header(header::CONTENT_TYPE, "application/json").body(body.to_string());
                }
                let response = request.send().await.map_err(unreachable)?;
                let (status, headers) = (response.status(), response.headers().clone());
                Ok((status, headers, response.bytes().await.map_err(unreachable)?))
            }
            Client::Local { router, .. } => {
                let request =
                    Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
                let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
                let request = request.body(body).map_err(CliError::internal)?;
                let response = match router.clone().oneshot(request).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                };
                let (parts, body) = response.into_parts();
                let bytes = body.collect().await.map_err(CliError::internal)?.to_bytes();
                Ok((parts.status, parts.headers, bytes))
            }
        }
    }
}

#[derive(serde::Deserialize)]
struct Refusal {
    error: crate::api::ApiError,
}

fn answer(status: StatusCode, bytes: &[u8]) -> Result<Value, CliError> {
    if status.is_success() {
        return serde_json::from_slice(bytes).map_err(CliError::internal);
    }
    match serde_json::from_slice::<Refusal>(bytes) {
        Ok(refusal) => Err(refusal.error.into()),
        Err(_) => Err(CliError::internal(format!("the hub answered {status}"))),
    }
}

/// The answer in its shape; a daemon of another version may have another.
pub(super) fn shaped<T: DeserializeOwned>(value: &Value) -> Result<T, CliError> {
    T::deserialize(value).map_err(|cause| {
        CliError::new(
            format!("the hub's answer is not what this command expects: {cause}"),
            "",
            "use the command of the same version as the running hub",
        )
    })
}

/// A daemon that is alive under the address left in the data directory. A daemon that was killed leaves it behind.
async fn daemon(data_dir: &Path) -> Result<Option<Client>, CliError> {
    let Ok(address) = std::fs::read_to_string(data_dir.join(ADDRESS_FILE)) else { return Ok(None) };
    // A process that installed one before has it already; either way there is one.
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder()
        .no_proxy()
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        .build()
        .map_err(CliError::internal)?;
    let base = format!("http://{}", address.trim());
    match http.get(format!("{base}/healthz")).timeout(CONNECT).send().await {
        Ok(response) if response.status().is_success() => Ok(Some(Client::Remote { base, http })),
        Ok(_) => Ok(None),
        Err(cause) if cause.is_connect() => {
            tracing::debug!(%base, "the address file is left over: nobody answers there");
            Ok(None)
        }
        Err(cause) => Err(CliError::new(
            format!("a hub seems to run, but does not answer: {cause}"),
            base,
            "see its log; restart it if it hangs",
        )),
    }
}
