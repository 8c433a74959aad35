//! One call of a connection: budget, credentials, exchange, and the verdict over the answer.
//!
//! Not here: what an answer means (`verdict`), retries that outlive the call (the job table). In-call retries are few, short, and only for reads.

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;
use serde_json::Value;

use super::auth::Credentials;
use super::budget::{Permit, Priority, RateBudget, clock_now};
use super::classify::Purpose;
use super::client::{Wire, WireAnswer};
use super::csrf::CsrfSource;
use super::mask::Mask;
use super::prepare::Renewed;
use super::protocol::Protocol;
use super::render::Outgoing;
use super::ruled::LastRule;
use super::verdict::Parsed;
use super::{retry_after, usage};
use crate::connector::call::{CallError, CallResult};
use crate::connector::manifest::{ErrorRule, Http, Request, StatusSet};
use crate::connector::token_store::TokenStore;
use crate::mapping::expr::Expression;
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
    pub(crate) csrf: Option<CsrfSource>,
    pub(crate) tokens: Arc<dyn TokenStore>,
    pub(crate) headers: HeaderMap,
    pub(crate) budget: Arc<RateBudget>,
    pub(crate) mask: Mask,
    pub(crate) patience: Patience,
    pub(crate) clock: Clock,
    pub(crate) last_rule: LastRule,
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
    pub(crate) protocol: Protocol,
    /// The request's own rules, asked before the connector's.
    pub(crate) errors: &'a [ErrorRule],
    /// The request's own condition of success, if it has one.
    pub(crate) success: Option<&'a Expression>,
    /// What the request says that it costs.
    pub(crate) cost: Option<u32>,
}

impl<'a> Terms<'a> {
    pub(crate) fn of(request: &'a Request, purpose: Purpose) -> Self {
        Self {
            purpose,
            priority: Priority::Work,
            accepts: None,
            needs_body: true,
            protocol: Protocol::of(&request.body),
            errors: &request.errors,
            success: request.success.as_deref(),
            cost: request.cost,
        }
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
        let mut renewed = Renewed::default();
        loop {
            let permit = self.permit(outgoing, terms).await?;
            let (request, carried) = self.prepare(outgoing).await?;
            let answer = self.wire.send(request).await;
            let answer = answer.map_err(|failure| self.unanswered(outgoing, terms, &failure))?;
            let parsed = self.parse(terms, &answer);
            self.learn_limits(terms, &answer, &parsed);
            drop(permit);
            if self.renew(carried, &mut renewed, &answer, &parsed).await {
                continue;
            }
            return self.judge(outgoing, terms, answer, parsed);
        }
    }

    async fn permit(&self, outgoing: &Outgoing, terms: Terms<'_>) -> CallResult<Permit> {
        self.budget.acquire(terms.priority, self.cost(terms), self.patience.budget).await.map_err(|limited| {
            let mut error = self.error(outgoing, ErrorClass::RateLimited, limited.to_string());
            error.retry_after = Some(limited.retry_after.min(retry_after::MAX_RETRY_AFTER));
            error
        })
    }

    /// What a call takes from the rate budget.
    pub(super) fn cost(&self, terms: Terms<'_>) -> u32 {
        terms.cost.unwrap_or_else(|| usage::default_cost(&self.http.rate_limit))
    }

    /// The vendor's counters and its wish for peace hold for everything that uses the connection.
    fn learn_limits(&self, terms: Terms<'_>, answer: &WireAnswer, parsed: &Parsed) {
        let now = (self.clock)();
        let body = parsed.as_ref().unwrap_or(&Value::Null);
        if let Some(usage) = usage::read(&self.http.rate_limit, &answer.headers, body, now) {
            self.budget.observe(usage, self.cost(terms), clock_now());
        }
        if matches!(answer.status, 429 | 503)
            && let Some(wait) = retry_after::retry_after(&answer.headers, now)
        {
            self.budget.block_for(wait, clock_now());
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
