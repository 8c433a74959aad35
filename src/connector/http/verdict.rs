//! The verdict over one answer: the manifest's rules, the protocol's own failures, the status, the condition of success,
//! an unfinished or unreadable body.
//!
//! Not here: sending (`exchange`), the tables behind the verdict (`classify`, `protocol`).

use std::time::Duration;

use serde_json::Value;

use super::body::{BodyError, headers_json};
use super::classify::{self, Seen};
use super::client::{BodyEnd, WireAnswer};
use super::exchange::{Answered, Caller, Terms};
use super::render::Outgoing;
use super::{retry_after, wrap};
use crate::connector::call::CallResult;
use crate::mapping::expr::Scope;
use crate::model::ErrorClass;

/// An answer's body as it was read.
pub(super) type Parsed = Result<Value, BodyError>;

/// What is wrong with an answer.
struct Fault {
    class: ErrorClass,
    message: String,
    retry_after: Option<Duration>,
}

impl Fault {
    fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), retry_after: None }
    }
}

impl Caller {
    pub(super) fn parse(&self, terms: Terms<'_>, answer: &WireAnswer) -> Parsed {
        let body = terms.protocol.read(&answer.headers, &answer.body)?;
        Ok(wrap::unwrap(&self.http.wrappers, body))
    }

    pub(super) fn judge(
        &self,
        outgoing: &Outgoing,
        terms: Terms<'_>,
        answer: WireAnswer,
        parsed: Parsed,
    ) -> CallResult<Answered> {
        let headers_json = headers_json(&answer.headers);
        if let Some(fault) = self.verdict(outgoing, terms, &answer, &headers_json, &parsed) {
            let mut error = self.refused(outgoing, &answer, fault.class, fault.message);
            error.retry_after = fault.retry_after.or(error.retry_after);
            if error.class == ErrorClass::RateLimited && error.retry_after.is_none() {
                error.retry_after = self.budget.wait_for(terms.priority, self.cost(terms));
            }
            return Err(error);
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

    fn verdict(
        &self,
        outgoing: &Outgoing,
        terms: Terms<'_>,
        answer: &WireAnswer,
        headers: &Value,
        parsed: &Parsed,
    ) -> Option<Fault> {
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
        let ruled = classify::by_rules(terms.errors, &seen, accepted)
            .or_else(|| classify::by_rules(&self.http.errors, &seen, accepted));
        self.last_rule.set(ruled.as_ref().map(|ruled| ruled.place.clone()));
        if let Some(ruled) = ruled {
            let message = ruled.words.unwrap_or_else(|| classify::words_of(answer, body));
            return Some(Fault { class: ruled.class, message, retry_after: ruled.retry_after });
        }
        let lost = terms.purpose.lost();
        // Where the status says more than that something went wrong, it says more than the protocol.
        if (accepted || matches!(answer.status, 400 | 500))
            && parsed.is_ok()
            && let Some((class, message)) = terms.protocol.stated(body, terms.purpose)
        {
            return Some(Fault::new(class, message));
        }
        if !accepted {
            // A success of another kind than the manifest knows: something was done, and we cannot say what.
            let class = if is_success { lost } else { classify::by_status(answer.status, terms.purpose) };
            return Some(Fault::new(class, classify::words_of(answer, body)));
        }
        if let Some(message) = self.unfinished(&answer.end) {
            return Some(Fault::new(lost, message));
        }
        match parsed {
            Err(BodyError::Unreadable(_)) if !terms.needs_body => {}
            Err(error) => return Some(Fault::new(lost, error.to_string())),
            Ok(body) => {
                if let Some(reason) = terms.protocol.misses(outgoing, body) {
                    return Some(Fault::new(lost, reason));
                }
            }
        }
        self.unsuccessful(terms, answer, &seen)
    }

    /// The condition of success, for vendors whose status does not tell. An answer that it cannot be applied to tells nothing.
    fn unsuccessful(&self, terms: Terms<'_>, answer: &WireAnswer, seen: &Seen<'_>) -> Option<Fault> {
        let success = terms.success.or(self.http.success.as_deref())?;
        let status = Value::from(seen.status);
        let scope = Scope::new().with("status", &status).with("headers", seen.headers).with("body", seen.body);
        match success.eval_bool(&scope) {
            Ok(true) => None,
            Ok(false) => Some(Fault::new(ErrorClass::Data, classify::words_of(answer, seen.body))),
            Err(error) => {
                Some(Fault::new(terms.purpose.lost(), format!("the answer does not tell whether it worked: {error}")))
            }
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

fn as_text(answer: &WireAnswer) -> Value {
    Value::String(String::from_utf8_lossy(&answer.body).into_owned())
}
