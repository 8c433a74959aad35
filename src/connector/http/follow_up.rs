//! What is still to be done once a record is written: confirming a draft, posting an invoice.
//!
//! Each may ask first whether it is done already, so that it runs again after a lost answer without a second effect. Not here: the
//! write itself (`write`), when a write is found by look-up (deliver).

use super::classify::{self, Purpose};
use super::exchange::Terms;
use super::render;
use super::walk::terms;
use super::write::{Values, http_write};
use crate::connector::call::{CallError, CallResult, WriteContext};
use crate::connector::connection::{Channel, Connection};
use crate::connector::manifest::{FollowUp, OpKind, Operation};
use crate::model::ErrorClass;

impl Connection {
    /// Does what an operation still wants of a record that a look-up has found; `remote_id` of the context names it.
    pub async fn follow_up(&self, stream: &str, op: OpKind, context: &WriteContext) -> CallResult<()> {
        let what = format!("finish {} {stream}", op.as_str());
        let described = self.stream(&what, stream)?;
        let Some(operation) = http_write(described).and_then(|write| write.operation(op)) else { return Ok(()) };
        if operation.then.is_empty() {
            return Ok(());
        }
        let channel = self.channel(&what)?;
        let mut values = Values::new(&self.settings, &channel.caller.http.wrappers, context);
        finish(channel, operation, &mut values, context.remote_id.as_deref()).await
    }
}

/// In their order; the first that does not succeed leaves the outcome of the whole write unknown.
pub(super) async fn finish(
    channel: &Channel,
    operation: &Operation,
    values: &mut Values<'_>,
    remote_id: Option<&str>,
) -> CallResult<()> {
    values.written(remote_id);
    for follow_up in &operation.then {
        let done = one(channel, follow_up, values).await;
        done.map_err(|error| unfinished(error, follow_up, remote_id))?;
    }
    Ok(())
}

async fn one(channel: &Channel, follow_up: &FollowUp, values: &mut Values<'_>) -> CallResult<()> {
    let what = format!("follow-up {}", *follow_up.name);
    if let Some(read) = &follow_up.read {
        let reading = render::render(&channel.base, read, &values.scope(), &[])
            .map_err(|error| channel.caller.not_built(&what, &error))?;
        let found = channel.caller.call(&reading, terms(read)).await?;
        values.found(&found);
    }
    if let Some(unless) = &follow_up.unless {
        let done = unless.eval_bool(&values.scope());
        if done.map_err(|error| channel.caller.local(&what, ErrorClass::Data, error.to_string()))? {
            return Ok(());
        }
    }
    let outgoing = render::render(&channel.base, &follow_up.request, &values.scope(), &[])
        .map_err(|error| channel.caller.not_built(&what, &error))?;
    let terms = Terms {
        accepts: Some(&follow_up.accepts),
        needs_body: false,
        ..Terms::of(&follow_up.request, Purpose::Write { repeatable: true })
    };
    channel.caller.call(&outgoing, terms).await.map(|_| ())
}

/// The record is written, whatever became of what follows: nothing but the look-up, or the same write again, may go on from here.
fn unfinished(mut error: Box<CallError>, follow_up: &FollowUp, remote_id: Option<&str>) -> Box<CallError> {
    let written = remote_id.map_or_else(|| "it is written".to_owned(), |id| format!("it is written as {id}"));
    error.message = format!("{written}, but its follow-up `{}` is open: {}", *follow_up.name, error.message);
    error.class = ErrorClass::UnknownOutcome;
    error.sent = true;
    classify::next_step(error.class).clone_into(&mut error.next_step);
    error
}
