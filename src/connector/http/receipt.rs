//! What the answer to a write says about what was written.
//!
//! Not here: sending it (`write`, `batch`).

use super::exchange::Caller;
use crate::connector::call::{Receipt, WriteContext};
use crate::connector::manifest::{Operation, Stream};
use crate::connector::webhook::version_of;
use crate::mapping::expr::Scope;

/// An answer, as far as it speaks of one record.
pub(super) struct Said<'s> {
    pub(super) scope: &'s Scope<'s>,
    pub(super) status: u16,
    pub(super) excerpt: String,
}

/// The error says why the outcome is unknown.
pub(super) fn receipt(
    caller: &Caller,
    stream: &Stream,
    operation: &Operation,
    context: &WriteContext,
    said: Said<'_>,
) -> Result<Receipt, String> {
    let remote_id = match &operation.response.id {
        None => context.remote_id.clone(),
        Some(template) => match template.render(said.scope) {
            Ok(id) if !id.is_empty() => Some(id),
            // Some vendors answer an update with nothing; the object is the one that was addressed.
            Ok(_) | Err(_) if context.remote_id.is_some() => context.remote_id.clone(),
            found => {
                // It was done, but as what? The look-up will tell.
                let reason = found.err().map_or_else(|| "it is empty".to_owned(), |error| error.to_string());
                return Err(format!("the answer does not name the written object: {reason}"));
            }
        },
    };
    let version = operation.response.version.as_ref().map(|template| {
        let text = template.render(said.scope).map_err(|error| error.to_string())?;
        version_of(&stream.version, &text)
    });
    let remote_version = version.transpose().unwrap_or_else(|reason| {
        // The write stands; without its version, our echo is recognised by content.
        tracing::warn!(connection = %caller.system, stream = %*stream.name, %reason, "no version in a write's answer");
        None
    });
    let remote_version = remote_version.flatten();
    Ok(Receipt { remote_id, remote_version, status: Some(said.status), response_excerpt: said.excerpt })
}
