//! What a failed call tells people: system, call, cause, next step, excerpts with every secret masked.
//!
//! Not here: which class a failure has (`classify`).

use super::classify;
use super::client::{WireAnswer, WireFailure};
use super::exchange::{Answered, Caller, Terms};
use super::mask::{MAX_EXCERPT_BYTES, escape};
use super::render::{Outgoing, RenderError};
use super::retry_after;
use crate::connector::call::CallError;
use crate::model::ErrorClass;

impl Caller {
    pub(super) fn refused(
        &self,
        outgoing: &Outgoing,
        answer: &WireAnswer,
        class: ErrorClass,
        message: String,
    ) -> Box<CallError> {
        let mut error = self.error(outgoing, class, message);
        error.status = Some(answer.status);
        error.sent = true;
        error.retry_after = retry_after::retry_after(&answer.headers, (self.clock)());
        error.response_excerpt = self.mask.excerpt(&answer.body);
        error
    }

    pub(super) fn unanswered(&self, outgoing: &Outgoing, terms: Terms<'_>, failure: &WireFailure) -> Box<CallError> {
        let mut error = self.error(outgoing, classify::by_failure(failure, terms.purpose), failure.to_string());
        if let Some(next_step) = classify::step_after(failure) {
            error.next_step = next_step.to_owned();
        }
        error.sent = failure.sent();
        error
    }

    /// An error about an answer that was accepted but whose shape is not what the manifest says.
    pub(crate) fn misshapen(
        &self,
        outgoing: &Outgoing,
        answer: &Answered,
        class: ErrorClass,
        reason: impl Into<String>,
    ) -> Box<CallError> {
        let mut error = self.error(outgoing, class, reason);
        error.status = Some(answer.status);
        error.sent = true;
        error.response_excerpt = self.mask.excerpt(&answer.raw);
        "compare the answer with the connector's manifest".clone_into(&mut error.next_step);
        error
    }

    /// An error about `outgoing` as far as it is known before anything was sent.
    pub(crate) fn error(&self, outgoing: &Outgoing, class: ErrorClass, message: impl Into<String>) -> Box<CallError> {
        let mut error = self.local(&outgoing_name(outgoing), class, message);
        error.request_excerpt = self.mask.excerpt(&outgoing.body.bytes());
        error
    }

    /// An error about something that is not a request yet.
    pub(crate) fn local(&self, what: &str, class: ErrorClass, message: impl Into<String>) -> Box<CallError> {
        let masked = |text: &str| escape(&self.mask.text(text), MAX_EXCERPT_BYTES);
        Box::new(CallError {
            class,
            system: self.system.clone(),
            what: masked(what),
            status: None,
            message: masked(&message.into()),
            next_step: classify::next_step(class).to_owned(),
            retry_after: None,
            sent: false,
            request_excerpt: String::new(),
            response_excerpt: String::new(),
        })
    }

    pub(crate) fn not_built(&self, what: &str, error: &RenderError) -> Box<CallError> {
        self.local(what, ErrorClass::Data, error.to_string())
    }
}

/// Method, path and query; credentials in the query are added later and never appear here.
pub(super) fn outgoing_name(outgoing: &Outgoing) -> String {
    let query = outgoing.url.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{} {}{query}", outgoing.method, outgoing.url.path())
}
