//! Keeps our webhook subscriptions alive at vendors that drop them after failures; not here: what they deliver.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::connector::connection::Connection;

/// Looks at the vendor's list from time to time and restores what is missing, until `stop`.
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
            Ok(missing) if missing.is_empty() => every,
            Ok(missing) => {
                tracing::info!(
                    connection = connection.id(),
                    topics = missing.join(", "),
                    "webhook subscriptions restored"
                );
                metrics::counter!("syncline_subscriptions_restored_total", "connection" => connection.id().to_owned())
                    .increment(missing.len() as u64);
                every
            }
            Err(error) => {
                tracing::warn!(connection = connection.id(), %error, "webhook subscriptions could not be checked");
                error.retry_after.unwrap_or(Duration::from_secs(5)).min(every)
            }
        };
    }
}
