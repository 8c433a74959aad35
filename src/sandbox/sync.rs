//! Locking of ledgers that nothing awaits under.
//!
//! Not here: any lock held across an await.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes the lock; a ledger whose holder panicked is still read, because the verdict must be able to speak.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
