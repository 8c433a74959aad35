//! The accept loop under every vendor: reads a call, lets the faults have their turn, answers or hangs up.
//!
//! Not here: routes, ledgers and each vendor's own errors.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::call::{Answer, Call};
use super::faults::{Fault, FaultDesk};
use super::options::SandboxError;

const LARGEST_BODY: usize = 1 << 20;
/// After a failed accept: descriptors come back when some connection ends.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A vendor's API: synchronous, because a ledger is locked for one call and never across an await.
pub trait Endpoint: Send + Sync + 'static {
    fn answer(&self, call: &Call) -> Answer;
    /// The vendor's own way to say "too many calls".
    fn throttled(&self) -> Answer;
    fn unavailable(&self) -> Answer;
}

/// Ends a connection without an answer; hyper closes the socket when a service fails.
#[derive(Debug, thiserror::Error)]
#[error("the vendor hung up")]
struct HungUp;

/// One vendor's server; lives until `stop` is cancelled.
pub struct Server {
    pub endpoint: Arc<dyn Endpoint>,
    pub desk: Arc<FaultDesk>,
    pub calls: Arc<AtomicU64>,
    pub stop: CancellationToken,
    pub tasks: TaskTracker,
}

/// Binds a loopback port; `None` takes a free one.
pub async fn listen(vendor: &'static str, port: Option<u16>) -> Result<(TcpListener, SocketAddr), SandboxError> {
    let address = SocketAddr::from(([127, 0, 0, 1], port.unwrap_or(0)));
    let failed = |cause| SandboxError::Listen { vendor, address, cause };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

impl Server {
    /// Accepts until stopped; a failed accept (out of descriptors) is tried again a little later.
    pub async fn run(self: Arc<Self>, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    self.tasks.spawn(Arc::clone(&self).converse(stream));
                }
                Err(cause) => {
                    tracing::warn!(%cause, "sandbox vendor could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn converse(self: Arc<Self>, stream: TcpStream) {
        let this = Arc::clone(&self);
        let service = service_fn(move |request| Arc::clone(&this).exchange(request));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            () = self.stop.cancelled() => {}
            // An error here is a client that left or our own hanging up: both are part of the game.
            ended = connection => if let Err(cause) = ended { tracing::trace!(%cause, "sandbox connection ended") },
        }
    }

    async fn exchange(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<BoxBody<Bytes, Infallible>>, HungUp> {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await else { return Err(HungUp) };
        let call = Call::new(head.method, &head.uri, head.headers, body.to_bytes());
        self.calls.fetch_add(1, Ordering::Relaxed);
        let answer = self.answer(&call).await?;
        render(answer)
    }

    async fn answer(&self, call: &Call) -> Result<Answer, HungUp> {
        if self.desk.strikes(Fault::ApiReset) {
            return Err(HungUp);
        }
        if self.desk.strikes(Fault::Api429) {
            return Ok(self.endpoint.throttled());
        }
        if self.desk.strikes(Fault::Api503) {
            return Ok(self.endpoint.unavailable());
        }
        if self.desk.strikes(Fault::ApiHtml) {
            return Ok(Answer::html_page());
        }
        let answer = self.endpoint.answer(call);
        if self.desk.strikes(Fault::ApiSlow) {
            tokio::time::sleep(self.desk.rates().api_slow_by).await;
        }
        if call.writes() && self.desk.strikes(Fault::ApiLostAnswer) {
            return Err(HungUp);
        }
        if self.desk.strikes(Fault::ApiTruncated) {
            return Ok(answer.truncated());
        }
        Ok(answer)
    }
}

fn render(answer: Answer) -> Result<Response<BoxBody<Bytes, Infallible>>, HungUp> {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::builder().status(status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Full::new(Bytes::from(answer.body)).boxed()).map_err(|_| HungUp)
}
