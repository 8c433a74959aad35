//! OAuth 2.0 client credentials: one token per connection, fetched before it expires, once for all who wait.
//!
//! Not here: grants that need a person, and tokens that must survive a restart.

use std::time::{Duration, Instant};

use http::HeaderMap;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;

use super::auth::basic;
use super::budget::clock_now;
use super::client::{BodyEnd, Wire, WireFailure, WireRequest};
use super::mask::Mask;
use super::render::{self, RenderError};
use super::{body, form, retry_after};
use crate::connector::call::{CallError, CallResult};
use crate::connector::manifest::{Auth, ClientAuth};
use crate::mapping::expr::Scope;
use crate::model::ErrorClass;

/// A token is replaced when this much of its life is over, so that none expires on its way.
const USABLE_PERCENT: u32 = 80;
const MAX_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Where tokens come from.
pub(crate) struct TokenSource {
    url: Url,
    headers: HeaderMap,
    form: SecretString,
    lifetime: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    generation: u64,
    failure: Option<(Instant, Box<CallError>)>,
}

/// A usable token. `generation` tells a refused token from the one that has replaced it meanwhile.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) text: SecretString,
    pub(crate) generation: u64,
    renew_at: Instant,
}

/// What a fetch needs of its connection.
pub(crate) struct Fetching<'a> {
    pub(crate) system: &'a str,
    pub(crate) wire: &'a Wire,
    pub(crate) mask: &'a Mask,
    pub(crate) now: jiff::Timestamp,
}

impl TokenSource {
    pub(crate) fn new(auth: &Auth, scope: &Scope<'_>) -> Result<Self, RenderError> {
        let Auth::OAuth2ClientCredentials { token_url, client_id, client_secret, scopes, client_auth, extra, lifetime } =
            auth
        else {
            return Err(RenderError::Value {
                what: "the token source".to_owned(),
                reason: "needs client credentials".to_owned(),
            });
        };
        let url = render::text("the token address", token_url, scope)?;
        let url = Url::parse(&url).map_err(|_| RenderError::Value {
            what: "the token address".to_owned(),
            reason: "is not an absolute URL".to_owned(),
        })?;
        let id = render::text("the client id", client_id, scope)?;
        let secret = render::text("the client secret", client_secret, scope)?;
        let mut fields = vec![("grant_type".to_owned(), "client_credentials".to_owned())];
        let mut headers = HeaderMap::new();
        match client_auth {
            ClientAuth::Basic => {
                // RFC 6749, 2.3.1: both are form-encoded before they become user name and password.
                let value = basic(&form::percent_encode(&id), &form::percent_encode(&secret));
                let (name, value) = render::header(AUTHORIZATION.as_str(), &value)?;
                headers.insert(name, value);
            }
            ClientAuth::Body => fields.extend([("client_id".to_owned(), id), ("client_secret".to_owned(), secret)]),
        }
        if !scopes.is_empty() {
            fields.push(("scope".to_owned(), scopes.join(" ")));
        }
        for (name, value) in extra {
            fields.push((name.clone(), render::text(name, value, scope)?));
        }
        let fields = fields
            .iter()
            .map(|(name, value)| format!("{}={}", form::percent_encode(name), form::percent_encode(value)));
        headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, http::HeaderValue::from_static("application/json"));
        let form = SecretString::from(fields.collect::<Vec<_>>().join("&"));
        Ok(Self { url, headers, form, lifetime: *lifetime, state: Mutex::default() })
    }

    pub(crate) fn host(&self) -> Option<&str> {
        self.url.host_str()
    }

    /// A token that is good for a while. Whoever asks first fetches; the others wait and share the outcome, good or bad.
    pub(crate) async fn token(&self, fetching: &Fetching<'_>) -> CallResult<Token> {
        let asked = clock_now();
        let mut state = self.state.lock().await;
        if let Some(token) = state.token.as_ref().filter(|token| token.renew_at > clock_now()) {
            return Ok(token.clone());
        }
        if let Some((at, error)) = &state.failure
            && *at > asked
        {
            return Err(error.clone());
        }
        match self.fetch(fetching).await {
            Ok((text, life)) => {
                state.generation += 1;
                let token =
                    Token { text, generation: state.generation, renew_at: clock_now() + life * USABLE_PERCENT / 100 };
                fetching.mask.learn(token.text.clone());
                state.token = Some(token.clone());
                state.failure = None;
                Ok(token)
            }
            Err(error) => {
                state.failure = Some((clock_now(), error.clone()));
                Err(error)
            }
        }
    }

    /// The vendor refused this token: the next caller fetches another, unless somebody has done so already.
    pub(crate) async fn refused(&self, generation: u64) {
        let mut state = self.state.lock().await;
        if state.token.as_ref().is_some_and(|token| token.generation == generation) {
            state.token = None;
        }
    }

    async fn fetch(&self, fetching: &Fetching<'_>) -> CallResult<(SecretString, Duration)> {
        let request = WireRequest {
            method: http::Method::POST,
            url: self.url.clone(),
            headers: self.headers.clone(),
            body: self.form.expose_secret().to_owned().into(),
        };
        let answer = fetching.wire.send(request).await.map_err(|failure| self.unanswered(&failure, fetching))?;
        let fail = |class, message: String, next_step: &str| {
            let body = if answer.status == 200 { b"".as_slice() } else { &answer.body };
            Box::new(CallError {
                status: Some(answer.status),
                retry_after: retry_after::retry_after(&answer.headers, fetching.now),
                response_excerpt: fetching.mask.excerpt(body),
                ..self.error(class, message, next_step, fetching)
            })
        };
        let parsed = body::parse(&answer.headers, &answer.body);
        match answer.status {
            200 | 201 if answer.end == BodyEnd::Complete => {}
            400..=403 => {
                let said =
                    parsed.ok().and_then(|body| body.get("error")?.as_str().map(str::to_owned)).unwrap_or_default();
                let message = format!("the client credentials were refused ({})", super::mask::escape(&said, 80));
                return Err(fail(
                    ErrorClass::Auth,
                    message,
                    "renew the client id and secret, then resume the connection",
                ));
            }
            429 => {
                return Err(fail(
                    ErrorClass::RateLimited,
                    "too many token requests".to_owned(),
                    "it is tried again later",
                ));
            }
            _ => {
                let message = "the token endpoint did not give a token".to_owned();
                return Err(fail(ErrorClass::Transient, message, "it is tried again by itself"));
            }
        }
        let unusable = |reason: String| fail(ErrorClass::Transient, reason, "check the token address");
        let parsed = parsed.map_err(|error| unusable(format!("the token endpoint: {error}")))?;
        let text = parsed.get("access_token").and_then(Value::as_str).filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| unusable("the answer holds no access_token".to_owned()))?;
        let seconds = parsed.get("expires_in").and_then(|value| match value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        });
        let life = seconds.map_or(self.lifetime, Duration::from_secs).min(MAX_LIFETIME);
        Ok((SecretString::from(text), life))
    }

    fn unanswered(&self, failure: &WireFailure, fetching: &Fetching<'_>) -> Box<CallError> {
        let class = match failure {
            WireFailure::Blocked(_) => ErrorClass::Permission,
            WireFailure::Build(_) => ErrorClass::Data,
            WireFailure::Dns(_)
            | WireFailure::Tls(_)
            | WireFailure::Connect(_)
            | WireFailure::TimedOut(_)
            | WireFailure::Broken(_) => ErrorClass::Transient,
        };
        Box::new(self.error(class, format!("no token: {failure}"), super::classify::next_step(class), fetching))
    }

    /// `sent` is false: the call that needed the token was never made.
    fn error(&self, class: ErrorClass, message: String, next_step: &str, fetching: &Fetching<'_>) -> CallError {
        CallError {
            class,
            system: fetching.system.to_owned(),
            what: format!("POST {}", self.url.path()),
            status: None,
            message,
            next_step: next_step.to_owned(),
            retry_after: None,
            sent: false,
            request_excerpt: String::new(),
            response_excerpt: String::new(),
        }
    }
}
