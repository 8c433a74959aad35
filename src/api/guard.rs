//! What every request goes through and every answer carries: host and origin checks, request ids, security headers, a
//! cap on bodies, and panics turned into answers; not here: accounts and roles.
//!
//! Invariant: no answer leaves without the headers, the refusals of this file included.

use std::any::Any;
use std::net::IpAddr;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};

use super::error::{ApiError, Code};
use super::state::{AppState, HubView};

/// Names who asks for a change; a body's `actor` goes before it.
pub const ACTOR_HEADER: &str = "x-syncline-actor";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const BODY_BYTES: usize = 1024 * 1024;

/// The only `Cache-Control` that a route may set for itself.
pub(crate) const KEPT: &str = "public, max-age=31536000, immutable";

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Wraps a router of people's routes. The outermost layer is the last one added.
pub fn guarded(router: Router, state: &AppState) -> Router {
    router
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(from_fn_with_state(state.clone(), check_origin))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(state.clone(), set_headers))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        // A caller's own id would let it write into our log; ours is always fresh.
        .layer(from_fn(drop_foreign_id))
}

async fn drop_foreign_id(mut request: Request, next: Next) -> Response {
    request.headers_mut().remove(REQUEST_ID);
    next.run(request).await
}

async fn set_headers(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let id = request.headers().get(REQUEST_ID).cloned();
    let mut response = next.run(request).await;
    log(&method, &path, id.as_ref(), &response);
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Static files name their version and may be kept; nothing else may.
    if headers.get(header::CACHE_CONTROL).is_none_or(|kept| kept != KEPT) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if state.hub().about().public_url.is_some_and(|url| url.starts_with("https://")) {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}

fn log(method: &Method, path: &str, id: Option<&HeaderValue>, response: &Response) {
    let id = id.and_then(|id| id.to_str().ok()).unwrap_or_default();
    let status = response.status().as_u16();
    match response.extensions().get::<ApiError>() {
        Some(error) if error.code == Code::Internal => {
            tracing::error!(%method, path, status, id, error = error.message, "request failed");
        }
        Some(error) => tracing::debug!(%method, path, status, id, error = error.message, "request refused"),
        None => tracing::debug!(%method, path, status, id, "request"),
    }
}

async fn check_origin(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let checked = check_host(request.headers(), state.hub()).and_then(|()| match *request.method() {
        Method::GET | Method::HEAD => Ok(()),
        _ => check_same_origin(request.headers()),
    });
    match checked {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// A page of another site can make a browser resolve its own name to this machine. Such a request carries that name.
/// Addresses and `localhost` cannot be made to mean something else.
fn check_host(headers: &HeaderMap, hub: &dyn HubView) -> Result<(), ApiError> {
    // HTTP/1.0 and requests made in process have none; a browser always sends one.
    let Some(host) = headers.get(header::HOST) else { return Ok(()) };
    let name = host.to_str().map(host_name).unwrap_or_default();
    let ours =
        hub.about().public_url.is_some_and(|url| host_of_url(&url).is_some_and(|own| own.eq_ignore_ascii_case(name)));
    if ours || name.eq_ignore_ascii_case("localhost") || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    Err(ApiError::new(
        Code::WrongHost,
        format!("this hub does not answer to the name {name:?}"),
        "use its address, or set `hub.public_url` to the name it should answer to",
    ))
}

fn host_name(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => authority,
    }
}

fn host_of_url(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.split(['/', '?', '#']).next().map(host_name)
}

/// Browsers say where a request comes from, and cannot be made to lie about it. Programs say nothing, and are not
/// tricked by pages.
fn check_same_origin(headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let same = match (text(HeaderName::from_static("sec-fetch-site")), text(header::ORIGIN)) {
        (Some("same-origin" | "none"), _) => true,
        (Some(_), _) => false,
        (None, Some(origin)) => {
            let host = text(header::HOST);
            origin.split_once("://").is_some_and(|(_, origin)| Some(origin) == host)
        }
        (None, None) => true,
    };
    if same {
        return Ok(());
    }
    Err(ApiError::new(
        Code::CrossSite,
        "this change was asked for by a page of another site",
        "open the hub's own page and do it there",
    ))
}

fn panicked(cause: Box<dyn Any + Send>) -> Response {
    let text = cause.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| cause.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(panic = text, "a request handler panicked");
    ApiError::new(Code::Internal, "the hub made a mistake", "report it with the request id; your data is untouched")
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&'static str, &str)], allowed: bool) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_str(value) {
                map.insert(*name, value);
            }
        }
        assert_eq!(check_same_origin(&map).is_ok(), allowed, "{headers:?}");
    }

    #[test]
    fn only_our_own_pages_and_programs_change_things() {
        check(&[], true);
        check(&[("sec-fetch-site", "same-origin"), ("origin", "null")], true);
        check(&[("sec-fetch-site", "none")], true);
        check(&[("sec-fetch-site", "same-site")], false);
        check(&[("sec-fetch-site", "cross-site")], false);
        check(&[("sec-fetch-site", "")], false);
        check(&[("origin", "http://127.0.0.1:8470"), ("host", "127.0.0.1:8470")], true);
        check(&[("origin", "http://evil.example"), ("host", "127.0.0.1:8470")], false);
        check(&[("origin", "http://127.0.0.1:8471"), ("host", "127.0.0.1:8470")], false);
        check(&[("origin", "null"), ("host", "127.0.0.1:8470")], false);
    }

    #[test]
    fn hosts_lose_their_port() {
        assert_eq!(["a:1", "[::1]:8470", "[::1]", "a"].map(host_name), ["a", "[::1]", "[::1]", "a"]);
        assert_eq!(host_of_url("https://hub.example.com/x"), Some("hub.example.com"));
        assert_eq!(host_of_url("nonsense"), None);
    }
}
