//! One call of a connection: budget, credentials, exchange, and the verdict over the answer.
//!
//! Not here: retries that outlive the call (the job table). In-call retries are few, short, and only for reads.

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use http::HeaderMap;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use jiff::Timestamp;
use serde_json::Value;

use super::auth::{Credentials, add_to_query};
use super::body::{self, BodyError, headers_json};
use super::budget::{Permit, Priority, RateBudget, clock_now};
use super::classify::{self, Purpose, Seen};
use super::client::{BodyEnd, Wire, WireAnswer, WireRequest};
use super::mask::Mask;
use super::oauth::Fetching;
use super::render::{self, Outgoing};
use super::report::outgoing_name;
use super::{retry_after, usage};
use crate::connector::call::{CallError, CallResult};
use crate::connector::manifest::{Http, StatusSet};
use crate::model::ErrorClass;

/// What a caller may choose about its patience.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// The longest wait for the rate budget inside a call.
    pub budget: Duration,
    /// In-call repeats of a read.
    pub retries: usize,
    /// The first pause between them; doubles up to `longest_pause`, which also bounds the Retry-After that is waited for in the call.
    pub pause: Duration,
    pub longest_pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            budget: Duration::from_secs(5),
            retries: 2,
            pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(2),
        }
    }
}

/// Tells the time of day; replaced in tests.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Makes the calls of one connection.
pub(crate) struct Caller {
    pub(crate) system: String,
    pub(crate) http: Http,
    pub(crate) wire: Wire,
    pub(crate) credentials: Credentials,
    pub(crate) headers: HeaderMap,
    pub(crate) budget: Arc<RateBudget>,
    pub(crate) mask: Mask,
    pub(crate) patience: Patience,
    pub(crate) clock: Clock,
}

/// How one call is to be judged.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) purpose: Purpose,
    pub(crate) priority: Priority,
    /// `None`: any 2xx.
    pub(crate) accepts: Option<&'a StatusSet>,
    /// Whether the answer's content is used; if not, an answer that is no data is good enough.
    pub(crate) needs_body: bool,
    pub(crate) graphql: bool,
}

impl Terms<'_> {
    pub(crate) fn read() -> Self {
        Self { purpose: Purpose::Read, priority: Priority::Work, accepts: None, needs_body: true, graphql: false }
    }
}

/// An accepted answer.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) headers_json: Value,
    pub(crate) body: Value,
    /// The body as it came.
    pub(crate) raw: Bytes,
    pub(crate) server_time: Option<Timestamp>,
    pub(crate) latency: Duration,
}

impl Caller {
    /// Sends, and repeats a read a little while the vendor hiccups.
    pub(crate) async fn call(&self, outgoing: &Outgoing, terms: Terms<'_>) -> CallResult<Answered> {
        if terms.purpose != Purpose::Read {
            return self.once(outgoing, terms).await;
        }
        let backoff = ExponentialBuilder::default()
            .with_min_delay(self.patience.pause)
            .with_max_delay(self.patience.longest_pause)
            .with_max_times(self.patience.retries)
            .with_jitter();
        let longest = self.patience.longest_pause;
        (|| self.once(outgoing, terms))
            .retry(backoff)
            .when(|error| worth_repeating(error))
            .adjust(|error, pause| match error.retry_after {
                Some(wait) if wait > longest => None,
                Some(wait) => pause.map(|pause| pause.max(wait)),
                None => pause,
            })
            .await
    }

    async fn once(&self, outgoing: &Outgoing, terms: Terms<'_>) -> CallResult<Answered> {
        let mut renewed = false;
        loop {
            let permit = self.permit(outgoing, terms).await?;
            let (request, generation) = self.prepare(outgoing).await?;
            let answer = self.wire.send(request).await;
            let answer = answer.map_err(|failure| self.unanswered(outgoing, terms, &failure))?;
            self.learn_limits(&answer);
            drop(permit);
            if let (401, false, Some(generation), Credentials::Token(source)) =
                (answer.status, renewed, generation, &self.credentials)
            {
                // The vendor did not act on a call it did not recognise: safe to repeat with a new token, once.
                source.refused(generation).await;
                renewed = true;
                continue;
            }
            return self.judge(outgoing, terms, answer);
        }
    }

    async fn permit(&self, outgoing: &Outgoing, terms: Terms<'_>) -> CallResult<Permit> {
        self.budget.acquire(terms.priority, self.patience.budget).await.map_err(|limited| {
            let mut error = self.error(outgoing, ErrorClass::RateLimited, limited.to_string());
            error.retry_after = Some(limited.retry_after.min(retry_after::MAX_RETRY_AFTER));
            error
        })
    }

    async fn prepare(&self, outgoing: &Outgoing) -> CallResult<(WireRequest, Option<u64>)> {
        let mut headers = self.headers.clone();
        headers.extend(outgoing.headers.clone());
        headers.entry(ACCEPT).or_insert(http::HeaderValue::from_static("application/json, application/xml;q=0.9"));
        if let Some(content_type) = outgoing.body.content_type() {
            headers.entry(CONTENT_TYPE).or_insert(http::HeaderValue::from_static(content_type));
        }
        let body = Bytes::from(outgoing.body.bytes());
        let mut request = WireRequest { method: outgoing.method.clone(), url: outgoing.url.clone(), headers, body };
        let mut generation = None;
        match &self.credentials {
            Credentials::None => {}
            Credentials::Header { name, value } => {
                request.headers.insert(name.clone(), value.clone());
            }
            Credentials::Query { name, value } => add_to_query(&mut request, name, value),
            Credentials::Token(source) => {
                let fetching =
                    Fetching { system: &self.system, wire: &self.wire, mask: &self.mask, now: (self.clock)() };
                let token = source.token(&fetching).await?;
                let value = format!("Bearer {}", secrecy::ExposeSecret::expose_secret(&token.text));
                let (_, value) = render::header(AUTHORIZATION.as_str(), &value)
                    .map_err(|error| self.not_built(&outgoing_name(outgoing), &error))?;
                request.headers.insert(AUTHORIZATION, value);
                generation = Some(token.generation);
            }
        }
        Ok((request, generation))
    }

    /// The vendor's counters and its wish for peace hold for everything that uses the connection.
    fn learn_limits(&self, answer: &WireAnswer) {
        let now = (self.clock)();
        if let Some(usage) = usage::read(&self.http.rate_limit, &answer.headers, now) {
            self.budget.observe(usage, clock_now());
        }
        if matches!(answer.status, 429 | 503)
            && let Some(wait) = retry_after::retry_after(&answer.headers, now)
        {
            self.budget.block_for(wait, clock_now());
        }
    }

    fn judge(&self, outgoing: &Outgoing, terms: Terms<'_>, answer: WireAnswer) -> CallResult<Answered> {
        let parsed = body::parse(&answer.headers, &answer.body);
        let headers_json = headers_json(&answer.headers);
        if let Some((class, message)) = self.verdict(terms, &answer, &headers_json, &parsed) {
            return Err(self.refused(outgoing, &answer, class, message));
        }
        let body = match parsed {
            Ok(body) => body,
            // The verdict let it pass because nobody reads it.
            Err(_) => as_text(&answer),
        };
        Ok(Answered {
            status: answer.status,
            server_time: retry_after::server_time(&answer.headers),
            latency: answer.latency,
            headers: answer.headers,
            headers_json,
            body,
            raw: answer.body,
        })
    }

    /// What is wrong with an answer, if anything: the manifest's rules, the status, an unfinished or unreadable body.
    fn verdict(
        &self,
        terms: Terms<'_>,
        answer: &WireAnswer,
        headers: &Value,
        parsed: &Result<Value, BodyError>,
    ) -> Option<(ErrorClass, String)> {
        let is_success = (200..300).contains(&answer.status);
        let accepted = terms.accepts.map_or(is_success, |set| set.contains(answer.status));
        let unparsed;
        let body = match parsed {
            Ok(body) => body,
            Err(_) => {
                unparsed = as_text(answer);
                &unparsed
            }
        };
        let seen = Seen { status: answer.status, headers, body };
        if let Some((class, words)) = classify::by_rules(&self.http.errors, &seen, accepted) {
            return Some((class, words.unwrap_or_else(|| classify::words_of(answer, body))));
        }
        let lost = terms.purpose.lost();
        if !accepted {
            // A success of another kind than the manifest knows: something was done, and we cannot say what.
            let class = if is_success { lost } else { classify::by_status(answer.status, terms.purpose) };
            return Some((class, classify::words_of(answer, body)));
        }
        if let Some(message) = self.unfinished(&answer.end) {
            return Some((lost, message));
        }
        match parsed {
            Err(BodyError::Unreadable(_)) if !terms.needs_body => None,
            Err(error) => Some((lost, error.to_string())),
            Ok(body) if terms.graphql => classify::by_graphql(body, terms.purpose),
            Ok(_) => None,
        }
    }

    fn unfinished(&self, end: &BodyEnd) -> Option<String> {
        match end {
            BodyEnd::Complete => None,
            BodyEnd::TooLarge => {
                Some(format!("the answer is larger than {} bytes; ask for smaller pages", self.http.body_cap.bytes))
            }
            BodyEnd::TimedOut => {
                Some(format!("the answer was not complete within {} s", self.http.timeouts.request.as_secs()))
            }
            BodyEnd::Broken(reason) => Some(format!("the answer broke off: {reason}")),
        }
    }
}

/// Whether a read that failed like this may succeed a moment later.
fn worth_repeating(error: &CallError) -> bool {
    match error.class {
        ErrorClass::Transient => !error.sent || error.status == Some(503),
        ErrorClass::RateLimited => error.sent && error.retry_after.is_some(),
        ErrorClass::Auth
        | ErrorClass::Data
        | ErrorClass::Permission
        | ErrorClass::NotFound
        | ErrorClass::Conflict
        | ErrorClass::UnknownOutcome
        | ErrorClass::UnmappedValue
        | ErrorClass::Bug => false,
    }
}

fn as_text(answer: &WireAnswer) -> Value {
    Value::String(String::from_utf8_lossy(&answer.body).into_owned())
}
