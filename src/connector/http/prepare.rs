//! From a rendered request to one that proves who we are; and what is renewed when the vendor does not believe it.
//!
//! Not here: obtaining tokens (`token` and what it names), sending (`exchange`).

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE};
use http::{HeaderValue, Method};
use serde_json::Value;

use super::auth::{Credentials, add_to_query};
use super::body::{self, BodyError, headers_json};
use super::classify::Seen;
use super::client::{WireAnswer, WireRequest};
use super::csrf::{self, CsrfSource, CsrfToken};
use super::exchange::Caller;
use super::render::{self, Content, Outgoing, RenderError};
use super::report::outgoing_name;
use super::token::{Fetching, Issuer};
use super::verdict::Parsed;
use super::{classify, retry_after};
use crate::connector::call::{CallError, CallResult};
use crate::mapping::expr::Scope;
use crate::model::ErrorClass;

/// Which tokens a request carries, told by their generations.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Carried {
    credential: Option<u64>,
    csrf: Option<u64>,
}

/// What was renewed for a call already: each once, then its refusal is the answer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Renewed {
    credential: bool,
    csrf: bool,
}

impl Caller {
    pub(super) async fn prepare(&self, outgoing: &Outgoing) -> CallResult<(WireRequest, Carried)> {
        let mut request = self.wire_request(outgoing)?;
        let mut carried = Carried { credential: self.prove(outgoing, &mut request).await?, csrf: None };
        if let Some(source) = self.csrf.as_ref().filter(|_| changes(&outgoing.method)) {
            let token = self.csrf_token(source).await?;
            request.headers.insert(source.name.clone(), token.value);
            if let Some(cookies) = &token.cookies {
                self.add_cookies(outgoing, &mut request, cookies)?;
            }
            carried.csrf = Some(token.generation);
        }
        Ok((request, carried))
    }

    fn wire_request(&self, outgoing: &Outgoing) -> CallResult<WireRequest> {
        let mut headers = self.headers.clone();
        headers.extend(outgoing.headers.clone());
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json, application/xml;q=0.9"));
        if let Some(content_type) = outgoing.body.content_type() {
            let (_, value) = render::header(CONTENT_TYPE.as_str(), &content_type)
                .map_err(|error| self.not_built(&outgoing_name(outgoing), &error))?;
            headers.entry(CONTENT_TYPE).or_insert(value);
        }
        let body = Bytes::from(outgoing.body.bytes());
        Ok(WireRequest { method: outgoing.method.clone(), url: outgoing.url.clone(), headers, body })
    }

    /// Puts the credential on; the generation of a token that may turn out to be refused.
    async fn prove(&self, outgoing: &Outgoing, request: &mut WireRequest) -> CallResult<Option<u64>> {
        match &self.credentials {
            Credentials::None => {}
            Credentials::Header { name, value } => {
                request.headers.insert(name.clone(), value.clone());
            }
            Credentials::Query { name, value } => add_to_query(request, name, value),
            Credentials::OAuth1(signer) => {
                let form = match &outgoing.body {
                    Content::Text { content_type: "application/x-www-form-urlencoded", text } => Some(text.as_str()),
                    Content::None | Content::Json(_) | Content::Text { .. } | Content::Multipart { .. } => None,
                };
                let header = signer.header(request.method.as_str(), &request.url, form, (self.clock)());
                let reason = || RenderError::Value {
                    what: "the signature".to_owned(),
                    reason: "cannot be made: the system gives no random bytes".to_owned(),
                };
                let header = header.ok_or_else(reason).and_then(|text| render::header(AUTHORIZATION.as_str(), &text));
                let (name, value) = header.map_err(|error| self.not_built(&outgoing_name(outgoing), &error))?;
                request.headers.insert(name, value);
            }
            Credentials::Token(source) => {
                let token = source.token(&self.fetching()).await?;
                request.headers.extend(token.headers);
                return Ok(Some(token.generation));
            }
        }
        Ok(None)
    }

    /// What must be fetched anew before the call is made again. The vendor did not act on a call that it did not recognise.
    pub(super) async fn renew(
        &self,
        carried: Carried,
        renewed: &mut Renewed,
        answer: &WireAnswer,
        parsed: &Parsed,
    ) -> bool {
        if let (Some(generation), false, Credentials::Token(source)) =
            (carried.credential, renewed.credential, &self.credentials)
            && (answer.status == 401 || expired(&source.issuer, answer, parsed))
        {
            source.refused(generation).await;
            // The token against forgery belonged to the session.
            if let (Some(source), Some(generation)) = (&self.csrf, carried.csrf) {
                source.refused(generation).await;
            }
            renewed.credential = true;
            return true;
        }
        if let (Some(generation), false, Some(source)) = (carried.csrf, renewed.csrf, &self.csrf)
            && source.is_asked_for(answer)
        {
            source.refused(generation).await;
            renewed.csrf = true;
            return true;
        }
        false
    }

    fn fetching(&self) -> Fetching<'_> {
        Fetching {
            system: &self.system,
            wire: &self.wire,
            mask: &self.mask,
            now: (self.clock)(),
            tokens: &self.tokens,
            last_rule: &self.last_rule,
        }
    }

    async fn csrf_token(&self, source: &CsrfSource) -> CallResult<CsrfToken> {
        let mut state = source.state.lock().await;
        if let Some(token) = &state.token {
            return Ok(token.clone());
        }
        let mut request = self.wire_request(&source.fetch)?;
        self.prove(&source.fetch, &mut request).await?;
        let answer = self.wire.send(request).await.map_err(|failure| {
            let class = classify::by_failure(&failure, classify::Purpose::Read);
            self.unfetched(source, class, format!("no token against forged requests: {failure}"))
        })?;
        let Some((value, cookies, secrets)) = csrf::given(&source.name, &answer) else {
            if let Some(error) = self.ruled_fetch(source, &answer) {
                return Err(error);
            }
            let class = match answer.status {
                // A maintenance page, as in place of any other answer.
                200..=299 if matches!(body::parse(&answer.headers, &answer.body), Err(BodyError::Html)) => {
                    ErrorClass::Transient
                }
                200..=299 => ErrorClass::Data,
                status => classify::by_status(status, classify::Purpose::Read),
            };
            let mut error = self.unfetched(source, class, format!("the answer has no header `{}`", source.name));
            error.status = Some(answer.status);
            error.retry_after = retry_after::retry_after(&answer.headers, (self.clock)());
            error.response_excerpt = self.mask.excerpt(&answer.body);
            return Err(error);
        };
        secrets.into_iter().for_each(|secret| self.mask.learn(secret));
        state.generation += 1;
        let token = CsrfToken { value, cookies, generation: state.generation };
        state.token = Some(token.clone());
        Ok(token)
    }

    /// What the fetch's own rules say about an answer without a token.
    fn ruled_fetch(&self, source: &CsrfSource, answer: &WireAnswer) -> Option<Box<CallError>> {
        let headers = headers_json(&answer.headers);
        let body = body::parse(&answer.headers, &answer.body).unwrap_or(Value::Null);
        let seen = Seen { status: answer.status, headers: &headers, body: &body };
        let ruled = classify::by_rules(&source.errors, &seen, false)?;
        self.last_rule.set(Some(ruled.place));
        let words = ruled.words.unwrap_or_else(|| classify::words_of(answer, &body));
        let mut error = self.unfetched(source, ruled.class, format!("no token against forged requests: {words}"));
        error.status = Some(answer.status);
        error.retry_after = ruled.retry_after.or_else(|| retry_after::retry_after(&answer.headers, (self.clock)()));
        error.response_excerpt = self.mask.excerpt(&answer.body);
        Some(error)
    }

    /// `sent` stays false: the call that needed the token was never made.
    fn unfetched(&self, source: &CsrfSource, class: ErrorClass, message: String) -> Box<CallError> {
        self.local(&outgoing_name(&source.fetch), class, message)
    }

    fn add_cookies(&self, outgoing: &Outgoing, request: &mut WireRequest, cookies: &str) -> CallResult<()> {
        let own = request.headers.get(COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let all: Vec<&str> = own.split("; ").filter(|pair| !pair.is_empty()).chain([cookies]).collect();
        let (name, value) = render::header(COOKIE.as_str(), &all.join("; "))
            .map_err(|error| self.not_built(&outgoing_name(outgoing), &error))?;
        request.headers.insert(name, value);
        Ok(())
    }
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn expired(issuer: &Issuer, answer: &WireAnswer, parsed: &Parsed) -> bool {
    let (Issuer::Session(login), Ok(body)) = (issuer, parsed) else { return false };
    let (status, headers) = (Value::from(answer.status), headers_json(&answer.headers));
    let scope = Scope::new().with("status", &status).with("headers", &headers).with("body", body);
    // A condition about something that is not there does not hold.
    login.expired().is_some_and(|expired| expired.eval_bool(&scope).unwrap_or(false))
}
