//! Numbers that grow dear with the hub: read again only after twenty times as long as the last reading took, so that
//! people who watch a busy hub cost it a twentieth of one core at most. Not here: what is read.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

const PATIENCE: u32 = 20;
/// What is read faster than this is read each time.
const CHEAP: Duration = Duration::from_millis(20);

pub(super) struct Costly<T>(Mutex<Option<(Instant, T)>>);

impl<T> Default for Costly<T> {
    fn default() -> Costly<T> {
        Costly(Mutex::new(None))
    }
}

impl<T: Clone> Costly<T> {
    /// The last reading if it is still good, else a new one; callers at the same time share it.
    pub(super) async fn get<E>(&self, read: impl AsyncFnOnce() -> Result<T, E>) -> Result<T, E> {
        let mut kept = self.0.lock().await;
        if let Some((good_until, value)) = kept.as_ref()
            && Instant::now() < *good_until
        {
            return Ok(value.clone());
        }
        let began = Instant::now();
        let value = read().await?;
        let took = began.elapsed();
        *kept = good_for(took).map(|good| (Instant::now() + good, value.clone()));
        Ok(value)
    }
}

fn good_for(took: Duration) -> Option<Duration> {
    (took > CHEAP).then(|| took.saturating_mul(PATIENCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dear_numbers_are_kept_and_cheap_ones_are_not() {
        assert_eq!(good_for(Duration::from_millis(20)), None);
        assert_eq!(good_for(Duration::from_millis(500)), Some(Duration::from_secs(10)));
    }
}
