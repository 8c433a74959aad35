//! The server: one request, one answer of the script that is being played, over real HTTP on a free port of this machine.
//!
//! Not here: what is answered (`script`).

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::matching::Asked;
use super::script::{Reply, Script};
use crate::conformance::fixture::form_pairs;

const LARGEST_BODY: usize = 16 << 20;

/// Runs until dropped.
pub(crate) struct Vendor {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    _stop: DropGuard,
}

#[derive(Debug, thiserror::Error)]
#[error("the vendor hangs up")]
struct HungUp;

impl Vendor {
    pub(crate) async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let address = listener.local_addr()?;
        let script = Arc::new(Mutex::new(Script::new(&[], Timestamp::UNIX_EPOCH)));
        let stop = CancellationToken::new();
        tokio::spawn(accept(listener, Arc::clone(&script), stop.clone()));
        Ok(Self { address, script, _stop: stop.drop_guard() })
    }

    /// `{base}` of fixtures.
    pub(crate) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on this is what is played.
    pub(crate) fn play(&self, mut script: Script) {
        script.at_address(&self.base());
        *self.script() = script;
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: TcpListener, script: Arc<Mutex<Script>>, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::trace!(%error, "answers of the fixtures' vendor may be slow");
                }
                tokio::spawn(converse(stream, Arc::clone(&script), stop.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "the fixtures' vendor could not accept a connection");
                tokio::task::yield_now().await;
            }
        }
    }
}

async fn converse(stream: TcpStream, script: Arc<Mutex<Script>>, stop: CancellationToken) {
    let service = service_fn(move |request| exchange(request, Arc::clone(&script)));
    // One exchange a connection: what a fault closes is nobody else's.
    let connection =
        http1::Builder::new().keep_alive(false).auto_date_header(false).serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        () = stop.cancelled() => {}
        // Hanging up is part of the game.
        ended = connection => if let Err(error) = ended { tracing::trace!(%error, "an exchange of a fixture ended early") },
    }
}

async fn exchange(request: Request<Incoming>, script: Arc<Mutex<Script>>) -> Result<Response<Played>, HungUp> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LARGEST_BODY).collect().await.map_err(|_| HungUp)?.to_bytes();
    let query_text = head.uri.query().unwrap_or_default().to_owned();
    let asked = Asked {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: form_pairs(&query_text),
        query_text,
        headers: head.headers,
        body: body.to_vec(),
    };
    let reply = script.lock().unwrap_or_else(PoisonError::into_inner).answer(asked);
    let (status, headers, body) = match reply {
        Reply::HangUp => return Err(HungUp),
        Reply::Whole { status, headers, body } => (status, headers, Played::Whole(Full::new(Bytes::from(body)))),
        Reply::Half { status, headers, body } => {
            let half = Bytes::from(body).slice(..);
            let promised = half.len() as u64;
            (status, headers, Played::Half { half: Some(half.slice(..half.len() / 2)), promised })
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).map_err(|_| HungUp)?;
    for (name, value) in headers {
        let name = HeaderName::try_from(name).map_err(|_| HungUp)?;
        response.headers_mut().append(name, HeaderValue::try_from(value).map_err(|_| HungUp)?);
    }
    Ok(response)
}

/// A body, or one that breaks off after half of what it promised.
enum Played {
    Whole(Full<Bytes>),
    Half { half: Option<Bytes>, promised: u64 },
}

impl Body for Played {
    type Data = Bytes;
    type Error = HungUp;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, HungUp>>> {
        match self.get_mut() {
            Played::Whole(body) => Pin::new(body).poll_frame(cx).map_err(|_| HungUp),
            Played::Half { half, .. } => match half.take() {
                Some(half) => Poll::Ready(Some(Ok(Frame::data(half)))),
                None => Poll::Ready(Some(Err(HungUp))),
            },
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Played::Whole(body) => body.size_hint(),
            Played::Half { promised, .. } => SizeHint::with_exact(*promised),
        }
    }
}
