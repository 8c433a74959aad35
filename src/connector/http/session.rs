//! Logging in: a request whose answer's token or cookies go with every call.
//!
//! Not here: when to log in, and sharing the session among callers (`token`, `prepare`).

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;
use serde_json::Value;

use super::body::{BodyError, headers_json};
use super::client::{BodyEnd, Errand, WireAnswer, WireRequest};
use super::guard::Base;
use super::protocol::Protocol;
use super::render::{self, Outgoing, RenderError};
use super::token::{Fetching, Issued};
use super::{classify, cookies, retry_after};
use crate::connector::call::{CallError, CallResult};
use crate::connector::manifest::Session;
use crate::mapping::expr::{Expression, Scope};
use crate::model::ErrorClass;

/// The log-in of one connection, rendered once.
pub(crate) struct Login {
    described: Session,
    outgoing: Outgoing,
    headers: HeaderMap,
    settings: Value,
}

impl Login {
    /// `headers` go with every call of the connection, this one included.
    pub(crate) fn new(
        described: &Session,
        base: &Base,
        headers: &HeaderMap,
        settings: &Value,
    ) -> Result<Self, RenderError> {
        let scope = Scope::new().with("settings", settings);
        let outgoing = render::render(base, &described.login, &scope, &[])?;
        Ok(Self { described: described.clone(), outgoing, headers: headers.clone(), settings: settings.clone() })
    }

    /// Where sessions are asked for.
    pub(super) fn host(&self) -> Option<&str> {
        self.outgoing.url.host_str()
    }

    /// Answers besides a 401 that say that the session is over.
    pub(crate) fn expired(&self) -> Option<&Expression> {
        self.described.expired.as_deref()
    }

    pub(super) async fn fetch(&self, fetching: &Fetching<'_>) -> CallResult<Issued> {
        let mut headers = self.headers.clone();
        headers.extend(self.outgoing.headers.clone());
        if let Some(kind) = self.outgoing.body.content_type().and_then(|kind| HeaderValue::from_str(&kind).ok()) {
            headers.entry(CONTENT_TYPE).or_insert(kind);
        }
        let request = WireRequest {
            method: self.outgoing.method.clone(),
            url: self.outgoing.url.clone(),
            headers,
            body: Bytes::from(self.outgoing.body.bytes()),
        };
        let answer = fetching.wire.send_for(request, Errand::LogIn).await.map_err(|failure| {
            let class = classify::by_failure(&failure, classify::Purpose::Read);
            fetching.error(class, self.what(), format!("no session: {failure}"), classify::next_step(class))
        })?;
        let protocol = Protocol::of(&self.described.login.body);
        let body = self.accepted(protocol, &answer, fetching)?;
        let given = headers_json(&answer.headers);
        let scope = Scope::new().with("body", &body).with("headers", &given);
        self.issued(&answer, &scope).map_err(|reason| {
            let next = "check the login's answer against the connector's manifest";
            self.refusal(&answer, fetching, ErrorClass::Auth, format!("the login gave no session: {reason}"), next)
        })
    }

    fn issued(&self, answer: &WireAnswer, scope: &Scope<'_>) -> Result<Issued, String> {
        let mut issued = Issued { headers: Vec::new(), secrets: Vec::new(), life: self.life() };
        if let (Some(token), Some(name)) = (&self.described.token, &self.described.header) {
            let token = token.render(scope).map_err(|error| error.to_string())?;
            if token.is_empty() {
                return Err("its token is empty".to_owned());
            }
            issued.secrets.push(SecretString::from(token.as_str()));
            let token = Value::String(token);
            let value = match &self.described.value {
                None => token.as_str().unwrap_or_default().to_owned(),
                Some(value) => {
                    let scope = Scope::new().with("settings", &self.settings).with("token", &token);
                    value.render(&scope).map_err(|error| error.to_string())?
                }
            };
            issued.headers.push(render::header(name, &value).map_err(|error| error.to_string())?);
        }
        if self.described.cookies {
            let cookies = cookies::set_by(&answer.headers).ok_or("it sets no cookie")?;
            issued
                .secrets
                .extend(cookies.split("; ").filter_map(|pair| pair.split_once('=')).map(|(_, value)| value.into()));
            let header: (HeaderName, HeaderValue) =
                render::header(COOKIE.as_str(), &cookies).map_err(|error| error.to_string())?;
            issued.headers.push(header);
        }
        Ok(issued)
    }

    fn life(&self) -> Duration {
        self.described.lifetime
    }

    fn what(&self) -> String {
        format!("{} {}", self.outgoing.method, self.outgoing.url.path())
    }

    /// The body of an answer that lets us in.
    fn accepted(&self, protocol: Protocol, answer: &WireAnswer, fetching: &Fetching<'_>) -> CallResult<Value> {
        const WRONG: &str = "renew the connection's credentials, then resume it";
        let fail = |class, message: String, next: &str| Err(self.refusal(answer, fetching, class, message, next));
        let parsed = protocol.read(&answer.headers, &answer.body);
        let said = |body: &Value| format!("the login was refused: {}", classify::words_of(answer, body));
        if let Some(ruled) = self.ruled(answer, parsed.as_ref().ok(), fetching) {
            let message = ruled.words.map_or_else(
                || said(parsed.as_ref().unwrap_or(&Value::Null)),
                |words| format!("the login was refused: {words}"),
            );
            let mut error = self.refusal(answer, fetching, ruled.class, message, classify::next_step(ruled.class));
            error.retry_after = ruled.retry_after.or(error.retry_after);
            return Err(error);
        }
        match answer.status {
            200..=299 if answer.end == BodyEnd::Complete => {}
            429 => return fail(ErrorClass::RateLimited, "too many logins".to_owned(), "it is tried again later"),
            400..=499 => return fail(ErrorClass::Auth, said(&parsed.unwrap_or_default()), WRONG),
            _ => {
                let message = "the login did not work".to_owned();
                return fail(ErrorClass::Transient, message, "it is tried again by itself");
            }
        }
        let body = match parsed {
            Ok(body) => body,
            // A login that answers with a cookie may show anything beside it.
            Err(BodyError::Html | BodyError::Unreadable(_)) if self.described.token.is_none() => Value::Null,
            Err(error) => {
                return fail(ErrorClass::Transient, format!("the login: {error}"), "it is tried again by itself");
            }
        };
        if let Some((_, message)) = protocol.stated(&body, classify::Purpose::Read) {
            return fail(ErrorClass::Auth, format!("the login was refused: {message}"), WRONG);
        }
        let Some(success) = &self.described.login.success else { return Ok(body) };
        let (status, headers) = (Value::from(answer.status), headers_json(&answer.headers));
        let scope = Scope::new().with("status", &status).with("headers", &headers).with("body", &body);
        if success.eval_bool(&scope).unwrap_or(false) { Ok(body) } else { fail(ErrorClass::Auth, said(&body), WRONG) }
    }

    /// What the log-in's own rules say.
    fn ruled(&self, answer: &WireAnswer, body: Option<&Value>, fetching: &Fetching<'_>) -> Option<classify::Ruled> {
        let headers = headers_json(&answer.headers);
        let seen = classify::Seen { status: answer.status, headers: &headers, body: body.unwrap_or(&Value::Null) };
        let accepted = (200..300).contains(&answer.status);
        let ruled = classify::by_rules(&self.described.login.errors, &seen, accepted);
        fetching.last_rule.set(ruled.as_ref().map(|ruled| ruled.place.clone()));
        ruled
    }

    fn refusal(
        &self,
        answer: &WireAnswer,
        fetching: &Fetching<'_>,
        class: ErrorClass,
        message: String,
        next_step: &str,
    ) -> Box<CallError> {
        // A successful answer holds a token that the mask does not know.
        let body = if (200..300).contains(&answer.status) { b"".as_slice() } else { &answer.body };
        Box::new(CallError {
            status: Some(answer.status),
            retry_after: retry_after::retry_after(&answer.headers, fetching.now),
            response_excerpt: fetching.mask.excerpt(body),
            ..*fetching.error(class, self.what(), message, next_step)
        })
    }
}
