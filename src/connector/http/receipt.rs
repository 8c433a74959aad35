//! What the answer to a write says about what was written.
//!
//! Not here: sending it (`write`).

use serde_json::Value;

use super::exchange::Answered;
use super::render::Outgoing;
use crate::connector::call::{CallResult, Receipt, WriteContext};
use crate::connector::connection::Channel;
use crate::connector::manifest::{Operation, Stream};
use crate::connector::webhook::version_of;
use crate::mapping::expr::Scope;
use crate::model::ErrorClass;

pub(super) fn receipt(
    channel: &Channel,
    stream: &Stream,
    operation: &Operation,
    context: &WriteContext,
    outgoing: &Outgoing,
    answer: &Answered,
    accepted: &Value,
) -> CallResult<Receipt> {
    let scope = Scope::new().with("body", &answer.body).with("headers", &answer.headers_json);
    let scope = scope.with("accepted", accepted);
    let remote_id = match &operation.response.id {
        None => context.remote_id.clone(),
        Some(template) => match template.render(&scope) {
            Ok(id) if !id.is_empty() => Some(id),
            // Some vendors answer an update with nothing; the object is the one that was addressed.
            Ok(_) | Err(_) if context.remote_id.is_some() => context.remote_id.clone(),
            found => {
                // It was done, but as what? The look-up will tell.
                let reason = found.err().map_or_else(|| "it is empty".to_owned(), |error| error.to_string());
                let reason = format!("the answer does not name the written object: {reason}");
                return Err(channel.caller.misshapen(outgoing, answer, ErrorClass::UnknownOutcome, reason));
            }
        },
    };
    let version = operation.response.version.as_ref().map(|template| {
        let text = template.render(&scope).map_err(|error| error.to_string())?;
        version_of(stream.version.kind, &text)
    });
    let remote_version = version.transpose().unwrap_or_else(|reason| {
        // The write stands; without its version, our echo is recognised by content.
        tracing::warn!(connection = %channel.caller.system, stream = %*stream.name, %reason, "no version in a write's answer");
        None
    });
    let remote_version = remote_version.flatten();
    Ok(Receipt {
        remote_id,
        remote_version,
        status: Some(answer.status),
        response_excerpt: channel.caller.mask.excerpt(&answer.raw),
    })
}
