//! A few connections to one database, opened when they are needed; one that a call did not end in order with is not used again.
//!
//! Not here: dialling (`address`), transactions (`database`).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::fault::Fault;
use super::link::Link;

/// Whoever waits longer comes again later.
const PATIENCE: Duration = Duration::from_secs(30);
/// A connection that rested longer is asked whether it is still there.
const FRESH: Duration = Duration::from_secs(5);
/// One that rested longer than this is closed.
const STALE: Duration = Duration::from_secs(600);

pub(super) struct Pool {
    size: u32,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<(Instant, Link)>>,
}

impl Pool {
    pub fn new(size: u32) -> Pool {
        Pool { size, permits: Arc::new(Semaphore::new(size as usize)), idle: Mutex::default() }
    }

    pub async fn permit(&self) -> Result<OwnedSemaphorePermit, Fault> {
        let busy = || Fault::Busy { connections: self.size, waited: PATIENCE };
        let permit = tokio::time::timeout(PATIENCE, Arc::clone(&self.permits).acquire_owned()).await;
        permit.map_err(|_| busy())?.map_err(|_| busy())
    }

    /// One that rests, if it is still good.
    pub async fn rested(&self) -> Option<Link> {
        loop {
            let (since, mut link) = self.locked().pop()?;
            if since.elapsed() > STALE {
                continue;
            }
            let answers = since.elapsed() < FRESH
                || matches!(tokio::time::timeout(Duration::from_secs(2), link.ping()).await, Ok(Ok(())));
            if answers {
                return Some(link);
            }
        }
    }

    pub fn give_back(&self, link: Link) {
        self.locked().push((Instant::now(), link));
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Vec<(Instant, Link)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
