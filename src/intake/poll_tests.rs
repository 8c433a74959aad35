//! Walks that become payloads as a whole; not here: requests and cursors (see `tests/http_engine/`).
#![allow(clippy::unwrap_used)]

use std::sync::Mutex;

use serde_json::json;

use super::*;
use crate::store::sqlite::SqliteStore;

/// Pages of two records, the cursor on the last; a page that is missing fails.
struct Lists {
    pages: Mutex<Vec<Option<Vec<Value>>>>,
}

#[async_trait]
impl PollSource for Lists {
    fn connection(&self) -> &str {
        "erp"
    }

    fn stream(&self) -> &str {
        "stock"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn page(&self, _: Option<&str>, _: Option<PageToken>) -> CallResult<Page> {
        let mut pages = self.pages.lock().unwrap();
        let Some(records) = pages.remove(0) else {
            return Err(Box::new(CallError {
                class: ErrorClass::Transient,
                system: "erp".into(),
                what: "read stock".into(),
                status: None,
                message: "injected".into(),
                next_step: String::new(),
                retry_after: None,
                sent: true,
                request_excerpt: String::new(),
                response_excerpt: String::new(),
            }));
        };
        let last = records.len() < 2;
        Ok(Page {
            records,
            fetched: Vec::new(),
            next: (!last).then(|| PageToken("next".into())),
            cursor: last.then(|| "moved".to_owned()),
            server_time: None,
        })
    }

    fn key(&self, record: &Value) -> Option<String> {
        record["sku"].as_str().map(str::to_owned)
    }

    fn in_waves(&self) -> bool {
        true
    }

    fn completed(&self, _: i64) {}

    fn as_webhook(&self, _: &Value) -> Option<(String, String)> {
        None
    }
}

fn level(sku: &str, n: i64) -> Value {
    json!({"sku": sku, "n": n})
}

#[tokio::test]
async fn the_records_of_a_wave_come_together_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("hub.db")).await.unwrap();
    let pages = vec![
        // The second page fails: nothing of the first is stored, and nothing of it counts as read.
        Some(vec![level("A", 1), level("B", 1)]),
        None,
        Some(vec![level("A", 1), level("B", 1)]),
        Some(vec![level("C", 1)]),
        // Nothing new: no wave.
        Some(vec![level("A", 1)]),
        Some(vec![level("B", 2)]),
    ];
    let lists = Lists { pages: Mutex::new(pages) };
    let (processor, clock) = (ProcessorHandle::default(), Clock::System);
    let (mut memory, mut vanished) = (Memory::new(1), Vanished::default());
    assert!(round(&lists, &store, &processor, &clock, &mut memory, &mut vanished).await.is_err());
    assert_eq!(store.pending_count(10).await.unwrap(), 0);
    assert_eq!(store.cursor("erp", "stock").await.unwrap(), None);

    assert_eq!(round(&lists, &store, &processor, &clock, &mut memory, &mut vanished).await.unwrap(), 3);
    let rows = store.pending_inbox(0, 10).await.unwrap();
    let wave = rows[0].batch;
    assert!(wave.is_some() && rows.len() == 3 && rows.iter().all(|row| row.batch == wave), "{rows:?}");
    assert_eq!(store.cursor("erp", "stock").await.unwrap().as_deref(), Some("moved"));

    assert_eq!(round(&lists, &store, &processor, &clock, &mut memory, &mut vanished).await.unwrap(), 0);
    assert_eq!(round(&lists, &store, &processor, &clock, &mut memory, &mut vanished).await.unwrap(), 1);
    let rows = store.pending_inbox(rows[2].id, 10).await.unwrap();
    assert!(rows.len() == 1 && rows[0].batch.is_some() && rows[0].batch != wave, "{rows:?}");
    store.close().await;
}
