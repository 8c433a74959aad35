//! Rotated tokens kept in the hub's store, beside the cursors: sealed text, durable before it is used; not here: sealing.

use std::sync::Arc;

use async_trait::async_trait;

use crate::connector::token_store::{TokenStore, TokenStoreError};
use crate::model::clock::Clock;
use crate::store::{CursorMove, Store, StoreError};

pub(super) struct StoredTokens {
    store: Arc<dyn Store>,
    clock: Clock,
}

impl StoredTokens {
    pub fn new(store: Arc<dyn Store>, clock: Clock) -> StoredTokens {
        StoredTokens { store, clock }
    }
}

/// No stream's name holds a slash, so that a slot is never taken for a stream's cursor.
fn slot_name(slot: &str) -> String {
    format!("token/{slot}")
}

fn failed(error: &StoreError) -> TokenStoreError {
    TokenStoreError { reason: error.to_string() }
}

#[async_trait]
impl TokenStore for StoredTokens {
    async fn load(&self, connection: &str, slot: &str) -> Result<Option<String>, TokenStoreError> {
        self.store.cursor(connection, &slot_name(slot)).await.map_err(|error| failed(&error))
    }

    async fn save(&self, connection: &str, slot: &str, text: &str) -> Result<(), TokenStoreError> {
        let kept = CursorMove {
            connection: connection.to_owned(),
            stream: slot_name(slot),
            value: text.to_owned(),
            at: self.clock.now_us(),
        };
        self.store.append_inbox(Vec::new(), Some(kept)).await.map(|_| ()).map_err(|error| failed(&error))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::sqlite::SqliteStore;

    #[tokio::test]
    async fn a_token_survives_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hub.db");
        let open = || async { Arc::new(SqliteStore::open(&path).await.unwrap()) };
        let store = open().await;
        let tokens = StoredTokens::new(store.clone(), Clock::System);
        assert_eq!(tokens.load("shop", "refresh_token/1").await.unwrap(), None);
        tokens.save("shop", "refresh_token/1", "sealed-1").await.unwrap();
        tokens.save("shop", "refresh_token/1", "sealed-2").await.unwrap();
        store.close().await;
        drop(tokens);
        drop(store);
        let tokens = StoredTokens::new(open().await, Clock::System);
        assert_eq!(tokens.load("shop", "refresh_token/1").await.unwrap().as_deref(), Some("sealed-2"));
        assert_eq!(tokens.load("shop", "refresh_token/2").await.unwrap(), None);
    }
}
