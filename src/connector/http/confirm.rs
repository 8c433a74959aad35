//! Writes that are accepted first and applied later: the vendor is asked until it says which.
//!
//! Not here: sending them (`write`), attempts that come later (the job table).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::budget::clock_now;
use super::classify;
use super::exchange::{Answered, Terms};
use super::render::{self, Outgoing};
use super::write::Values;
use crate::connector::call::{CallError, CallResult, WriteContext};
use crate::connector::connection::{Channel, Connection};
use crate::connector::manifest::{Confirm, OpKind};
use crate::mapping::expr::Scope;
use crate::model::ErrorClass;

/// Accepted writes that are remembered; beyond it all are forgotten, and their next attempts rest on their idempotency alone.
const MAX_KEPT: usize = 10_000;

/// Accepting answers of writes that are not confirmed yet, by ticket.
#[derive(Default)]
pub(crate) struct Accepted {
    kept: Mutex<HashMap<String, Value>>,
}

impl Accepted {
    pub(super) fn find(&self, ticket: &str) -> Option<Value> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(ticket).cloned()
    }

    pub(super) fn keep(&self, ticket: &str, accepted: &Value) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(ticket.to_owned(), accepted.clone());
    }

    fn forget(&self, ticket: &str) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(ticket);
    }
}

/// The same for every attempt of one effect.
pub(super) fn ticket(stream: &str, op: OpKind, context: &WriteContext) -> String {
    format!("{stream}/{}/{}", op.as_str(), context.idempotency_key)
}

/// What the vendor says about an accepted write.
enum Said {
    Applied,
    Failed,
    NotYet,
}

impl Connection {
    /// Asks until the write is applied or has failed. Whatever else happens leaves the outcome unknown: it was accepted.
    pub(super) async fn confirmed(
        &self,
        channel: &Channel,
        confirm: &Confirm,
        values: &Values<'_>,
        ticket: &str,
    ) -> CallResult<(Outgoing, Answered)> {
        let outgoing = render::render(&channel.base, &confirm.request, &values.scope(), &[])
            .map_err(|error| unknown(channel.caller.not_built("confirm", &error)))?;
        let terms = Terms::of(&confirm.request, classify::Purpose::Read);
        let until = clock_now() + confirm.within;
        loop {
            let last = match channel.caller.call(&outgoing, terms).await {
                Ok(answer) => match said(confirm, &answer, values).map_err(|reason| {
                    unknown(channel.caller.misshapen(&outgoing, &answer, ErrorClass::UnknownOutcome, reason))
                })? {
                    Said::Applied => {
                        self.accepted.forget(ticket);
                        return Ok((outgoing, answer));
                    }
                    Said::Failed => {
                        self.accepted.forget(ticket);
                        return Err(failed(channel, confirm, (&outgoing, &answer), values));
                    }
                    Said::NotYet => None,
                },
                Err(error) if passes(error.class) => Some(error),
                Err(error) => return Err(unknown(error)),
            };
            if clock_now() + confirm.every > until {
                let message = format!("accepted, and not confirmed within {} s", confirm.within.as_secs());
                let late = channel.caller.error(&outgoing, ErrorClass::UnknownOutcome, message);
                return Err(unknown(last.unwrap_or(late)));
            }
            tokio::time::sleep(confirm.every).await;
        }
    }
}

/// A status that is not there yet, or cannot be asked for at this moment.
fn passes(class: ErrorClass) -> bool {
    match class {
        ErrorClass::NotFound | ErrorClass::Transient | ErrorClass::RateLimited => true,
        ErrorClass::Auth
        | ErrorClass::Data
        | ErrorClass::Permission
        | ErrorClass::Conflict
        | ErrorClass::UnknownOutcome
        | ErrorClass::UnmappedValue
        | ErrorClass::Bug => false,
    }
}

fn said(confirm: &Confirm, answer: &Answered, values: &Values<'_>) -> Result<Said, String> {
    let status = Value::from(answer.status);
    let scope = seen(&status, answer, values);
    if let Some(failed) = &confirm.failed
        && failed.eval_bool(&scope).map_err(|error| error.to_string())?
    {
        return Ok(Said::Failed);
    }
    let done = confirm.done.eval_bool(&scope).map_err(|error| error.to_string())?;
    Ok(if done { Said::Applied } else { Said::NotYet })
}

fn seen<'a>(status: &'a Value, answer: &'a Answered, values: &'a Values<'_>) -> Scope<'a> {
    let scope = Scope::new().with("status", status).with("headers", &answer.headers_json);
    scope.with("body", &answer.body).with("record", values.record())
}

fn failed(
    channel: &Channel,
    confirm: &Confirm,
    (outgoing, answer): (&Outgoing, &Answered),
    values: &Values<'_>,
) -> Box<CallError> {
    let status = Value::from(answer.status);
    let words = confirm.message.as_ref().and_then(|message| message.render(&seen(&status, answer, values)).ok());
    let words = words.unwrap_or_else(|| "the vendor accepted it and could not apply it".to_owned());
    let mut error = channel.caller.misshapen(outgoing, answer, confirm.class, words);
    classify::next_step(confirm.class).clone_into(&mut error.next_step);
    error
}

/// The write itself was sent and accepted, whatever happened to the question about it.
fn unknown(mut error: Box<CallError>) -> Box<CallError> {
    error.class = ErrorClass::UnknownOutcome;
    error.sent = true;
    classify::next_step(error.class).clone_into(&mut error.next_step);
    error
}
