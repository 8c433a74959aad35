//! Keeps our webhook subscriptions alive at vendors that drop them after failures or let them end; not here: what they deliver.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::connector::call::Subscribed;
use crate::connector::connection::Connection;

/// Looks at the vendor's list from time to time and restores what is missing and renews what ends, until `stop`.
pub(super) async fn watch(connection: Arc<Connection>, url: String, stop: CancellationToken) {
    let every = connection
        .manifest()
        .webhooks
        .as_ref()
        .and_then(|webhooks| webhooks.subscriptions.as_ref())
        .map_or(Duration::from_secs(900), |subscriptions| subscriptions.every);
    let mut pause = Duration::ZERO;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        pause = match connection.ensure_subscriptions(&url).await {
            Ok(done) => {
                told(&connection, &done);
                every
            }
            Err(error) => {
                tracing::warn!(connection = connection.id(), %error, "webhook subscriptions could not be checked");
                error.retry_after.unwrap_or(Duration::from_secs(5)).min(every)
            }
        };
    }
}

fn told(connection: &Connection, done: &Subscribed) {
    let id = connection.id();
    if !done.restored.is_empty() {
        tracing::info!(connection = id, topics = done.restored.join(", "), "webhook subscriptions restored");
        metrics::counter!("syncline_subscriptions_restored_total", "connection" => id.to_owned())
            .increment(done.restored.len() as u64);
    }
    if !done.renewed.is_empty() {
        tracing::info!(connection = id, topics = done.renewed.join(", "), "webhook subscriptions renewed");
        metrics::counter!("syncline_subscriptions_renewed_total", "connection" => id.to_owned())
            .increment(done.renewed.len() as u64);
    }
}
