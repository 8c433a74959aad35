//! The durable place for what a connection must remember of its own log-in: refresh tokens that the vendor rotates.
//!
//! Not here: where that place is (the hub keeps it in its store), encryption (`http::seal`: only sealed text comes here).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use thiserror::Error;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct TokenStoreError {
    pub reason: String,
}

/// One text per connection and slot.
#[async_trait]
pub trait TokenStore: Send + Sync + 'static {
    async fn load(&self, connection: &str, slot: &str) -> Result<Option<String>, TokenStoreError>;
    /// Returns only when the text would survive a crash.
    async fn save(&self, connection: &str, slot: &str, text: &str) -> Result<(), TokenStoreError>;
}

/// Where nothing can be kept: refuses, so that no token is used up whose successor would be lost.
#[derive(Debug, Default)]
pub struct NoTokenStore;

#[async_trait]
impl TokenStore for NoTokenStore {
    async fn load(&self, _: &str, _: &str) -> Result<Option<String>, TokenStoreError> {
        let reason = "a refreshed token could not be kept here; let the running hub make the call";
        Err(TokenStoreError { reason: reason.to_owned() })
    }

    async fn save(&self, _: &str, _: &str, _: &str) -> Result<(), TokenStoreError> {
        Err(TokenStoreError { reason: "nothing can be kept here".to_owned() })
    }
}

/// Kept as long as the process: for tests and rehearsals.
#[derive(Debug, Default)]
pub struct MemoryTokenStore {
    kept: Mutex<HashMap<(String, String), String>>,
}

#[async_trait]
impl TokenStore for MemoryTokenStore {
    async fn load(&self, connection: &str, slot: &str) -> Result<Option<String>, TokenStoreError> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(kept.get(&(connection.to_owned(), slot.to_owned())).cloned())
    }

    async fn save(&self, connection: &str, slot: &str, text: &str) -> Result<(), TokenStoreError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert((connection.to_owned(), slot.to_owned()), text.to_owned());
        Ok(())
    }
}
