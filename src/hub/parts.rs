//! Which parts of the hub have ended although nobody stopped them; not here: what they do, starting them anew.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// Shared by all parts of a hub.
#[derive(Clone, Default)]
pub(super) struct Parts(Arc<Mutex<BTreeSet<String>>>);

impl Parts {
    /// The part's work. Its end is noted, by a return or by a panic, unless it was told to stop.
    pub(super) fn watch<F: Future>(
        &self,
        name: &str,
        stop: &CancellationToken,
        work: F,
    ) -> impl Future<Output = F::Output> + use<F> {
        let part = Part { name: name.to_owned(), stop: stop.clone(), parts: self.clone() };
        async move {
            let _noted_when_dropped = part;
            work.await
        }
    }

    pub(super) fn ended(&self) -> Vec<String> {
        self.lock().iter().cloned().collect()
    }

    /// Sources are started anew by a reload.
    pub(super) fn forget_sources(&self) {
        self.lock().retain(|name| !name.starts_with(SOURCE));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins the names of what reads from outside.
pub(super) const SOURCE: &str = "source ";

struct Part {
    name: String,
    stop: CancellationToken,
    parts: Parts,
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.stop.is_cancelled() {
            tracing::error!(part = self.name, "a part of the hub has ended by itself");
            self.parts.lock().insert(std::mem::take(&mut self.name));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_ends_by_itself_is_named() {
        let (parts, stop) = (Parts::default(), CancellationToken::new());
        tokio::spawn(parts.watch("queue", &stop, async {})).await.unwrap();
        let panicked = tokio::spawn(parts.watch("source shop.orders", &stop, async { panic!("a defect") }));
        assert!(panicked.await.unwrap_err().is_panic());
        let working = tokio::spawn(parts.watch("processor", &stop, stop.clone().cancelled_owned()));
        assert_eq!(parts.ended(), ["queue", "source shop.orders"]);
        parts.forget_sources();
        stop.cancel();
        working.await.unwrap();
        assert_eq!(parts.ended(), ["queue"], "what was told to stop has not ended by itself");
    }
}
