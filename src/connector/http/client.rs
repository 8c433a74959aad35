//! One exchange on the wire: bytes out, bytes in, and whether the vendor may have seen them.
//!
//! Not here: what an answer means (`classify`), limits and retries (`exchange`).

use std::error::Error as _;
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};
use reqwest::{Client, Url};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use super::guard::{Blocked, EgressPolicy, GuardedResolver, NameLookup, Reach};

/// What goes over the wire.
#[derive(Debug, Clone)]
pub struct WireRequest {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct WireAnswer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub end: BodyEnd,
    pub latency: Duration,
}

/// How the body ended. The status stands even when the body does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyEnd {
    Complete,
    /// Larger than the cap; reading stopped there.
    TooLarge,
    /// The time was over before the body was.
    TimedOut,
    /// The connection broke, or the encoding did.
    Broken(String),
}

/// No answer at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WireFailure {
    #[error("{0}")]
    Blocked(Blocked),
    #[error("the request cannot be built: {0}")]
    Build(String),
    #[error("the name cannot be resolved: {0}")]
    Dns(String),
    #[error("the TLS handshake failed: {0}")]
    Tls(String),
    #[error("no connection: {0}")]
    Connect(String),
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    #[error("the connection broke before the answer: {0}")]
    Broken(String),
}

impl WireFailure {
    /// Whether bytes of the request may have reached the vendor.
    pub fn sent(&self) -> bool {
        match self {
            WireFailure::Blocked(_)
            | WireFailure::Build(_)
            | WireFailure::Dns(_)
            | WireFailure::Tls(_)
            | WireFailure::Connect(_) => false,
            WireFailure::TimedOut(_) | WireFailure::Broken(_) => true,
        }
    }
}

/// What a request is sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// What the connector describes.
    Call,
    /// To be let in: a token, a session.
    LogIn,
}

/// Hears every exchange of a connection as it went over the wire, secrets included; or answers in the vendor's place.
pub trait Tap: Send + Sync {
    /// An answer in place of the vendor's: nothing is sent then.
    fn answer(&self, request: &WireRequest, errand: Errand) -> Option<WireAnswer>;
    /// What the vendor answered.
    fn heard(&self, request: WireRequest, errand: Errand, answer: &WireAnswer);
}

/// The limits of every exchange.
#[derive(Debug, Clone, Copy)]
pub struct WireLimits {
    pub connect: Duration,
    /// From the first byte sent to the last byte received.
    pub exchange: Duration,
    /// Decompressed.
    pub body_bytes: u64,
}

/// The clients of one connection: two, since what a name may lead to depends on how it is called.
#[derive(Clone)]
pub struct Wire {
    policy: Arc<EgressPolicy>,
    public: Client,
    allowed_only: Client,
    limits: WireLimits,
    tap: Option<Arc<dyn Tap>>,
}

/// What the TLS handshake needs beyond the public authorities.
#[derive(Default)]
pub struct WireTls {
    /// A certificate with its chain and its key, in PEM.
    pub identity: Option<SecretString>,
    /// Private authorities, in PEM, trusted besides the public ones.
    pub authorities: Option<String>,
}

impl Wire {
    pub fn new(
        policy: EgressPolicy,
        limits: WireLimits,
        lookup: Arc<dyn NameLookup>,
        tls: &WireTls,
    ) -> Result<Self, WireFailure> {
        install_crypto();
        let policy = Arc::new(policy);
        let client = |reach| build(&policy, reach, limits, &lookup, tls);
        Ok(Self {
            public: client(Reach::Public)?,
            allowed_only: client(Reach::AllowedOnly)?,
            policy,
            limits,
            tap: None,
        })
    }

    /// The same clients, heard by `tap`.
    pub fn tapped(self, tap: Arc<dyn Tap>) -> Self {
        Self { tap: Some(tap), ..self }
    }

    /// Sends once. Never follows a redirect, never repeats.
    pub async fn send(&self, request: WireRequest) -> Result<WireAnswer, WireFailure> {
        self.send_for(request, Errand::Call).await
    }

    pub(crate) async fn send_for(&self, request: WireRequest, errand: Errand) -> Result<WireAnswer, WireFailure> {
        let Some(tap) = &self.tap else { return self.exchange(request).await };
        if let Some(answer) = tap.answer(&request, errand) {
            return Ok(answer);
        }
        let answer = self.exchange(request.clone()).await?;
        tap.heard(request, errand, &answer);
        Ok(answer)
    }

    async fn exchange(&self, request: WireRequest) -> Result<WireAnswer, WireFailure> {
        let client = match self.policy.check(&request.url).map_err(WireFailure::Blocked)? {
            Reach::Public => &self.public,
            Reach::AllowedOnly => &self.allowed_only,
        };
        let begun = Instant::now();
        // Connecting has its own, earlier end: when this deadline passes, bytes have been sent.
        let deadline = tokio::time::Instant::now() + self.limits.connect + self.limits.exchange;
        let sending = client.request(request.method, request.url).headers(request.headers).body(request.body).send();
        let response = tokio::time::timeout_at(deadline, sending)
            .await
            .map_err(|_| WireFailure::TimedOut(self.limits.exchange))?
            .map_err(|error| failure(error, self.limits.connect))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let (body, end) = read_body(response, deadline, self.limits.body_bytes).await;
        Ok(WireAnswer { status, headers, body, end, latency: begun.elapsed() })
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").field("policy", &self.policy).field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The process's TLS provider; another part of the process may have installed it already, which is as good.
fn install_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::debug!("a TLS provider was installed before");
        }
    });
}

fn build(
    policy: &Arc<EgressPolicy>,
    reach: Reach,
    limits: WireLimits,
    lookup: &Arc<dyn NameLookup>,
    tls: &WireTls,
) -> Result<Client, WireFailure> {
    let mut builder = Client::builder();
    // What is wrong with a key is not repeated: the text may hold some of it.
    let wrong = |what: &str| {
        WireFailure::Build(format!("{what} cannot be read; it is not PEM, or its parts do not belong together"))
    };
    if let Some(identity) = &tls.identity {
        let identity = reqwest::Identity::from_pem(identity.expose_secret().as_bytes());
        builder = builder.identity(identity.map_err(|_| wrong("the client certificate"))?);
    }
    if let Some(authorities) = &tls.authorities {
        let read = reqwest::Certificate::from_pem_bundle(authorities.as_bytes()).ok().filter(|read| !read.is_empty());
        builder = builder.tls_certs_merge(read.ok_or_else(|| wrong("the authority's certificate"))?);
    }
    builder
        .user_agent(concat!("syncline/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        // The environment must not reroute calls that carry credentials.
        .no_proxy()
        .referer(false)
        .retry(reqwest::retry::never())
        .connect_timeout(limits.connect)
        .pool_idle_timeout(Duration::from_secs(30))
        .pool_max_idle_per_host(8)
        .dns_resolver(GuardedResolver::new(Arc::clone(policy), reach, Arc::clone(lookup)))
        .build()
        .map_err(|error| WireFailure::Build(chain(&error)))
}

async fn read_body(mut response: reqwest::Response, deadline: tokio::time::Instant, cap: u64) -> (Bytes, BodyEnd) {
    let mut body = BytesMut::new();
    loop {
        match tokio::time::timeout_at(deadline, response.chunk()).await {
            Err(_) => return (body.freeze(), BodyEnd::TimedOut),
            Ok(Err(error)) => return (body.freeze(), BodyEnd::Broken(chain(&error.without_url()))),
            Ok(Ok(None)) => return (body.freeze(), BodyEnd::Complete),
            Ok(Ok(Some(chunk))) => {
                let room = usize::try_from(cap).unwrap_or(usize::MAX).saturating_sub(body.len());
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if chunk.len() > room {
                    return (body.freeze(), BodyEnd::TooLarge);
                }
            }
        }
    }
}

fn failure(error: reqwest::Error, connect_timeout: Duration) -> WireFailure {
    let error = error.without_url();
    if let Some(blocked) = sources(&error).find_map(|source| source.downcast_ref::<Blocked>()) {
        return WireFailure::Blocked(blocked.clone());
    }
    if error.is_builder() {
        return WireFailure::Build(chain(&error));
    }
    if error.is_connect() {
        return if error.is_timeout() {
            WireFailure::Connect(format!("no answer within {} s", connect_timeout.as_secs()))
        } else if error.is_dns() {
            WireFailure::Dns(chain(&error))
        } else if sources(&error).any(is_tls) {
            WireFailure::Tls(chain(&error))
        } else {
            WireFailure::Connect(chain(&error))
        };
    }
    WireFailure::Broken(chain(&error))
}

/// TLS errors arrive wrapped in I/O errors, sometimes twice, which hide them from `source`.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || inner.is_some_and(|inner| is_tls(inner))
}

fn sources<'e>(
    error: &'e (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The innermost cause says most; the layers above repeat "error sending request".
fn chain(error: &reqwest::Error) -> String {
    let causes: Vec<String> =
        std::iter::successors(error.source(), |&error| error.source()).map(ToString::to_string).collect();
    causes.last().cloned().unwrap_or_else(|| error.to_string())
}
