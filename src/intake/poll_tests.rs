//! Walks that become payloads as a whole; not here: requests and cursors (see `tests/http_engine/`).
#![allow(clippy::unwrap_used)]

use std::sync::Mutex;

use serde_json::json;

use super::*;
use crate::model::Entity;
use crate::store::sqlite::SqliteStore;
use crate::store::{Appended, EntityKey, EntityWrite, PlannedOutcome, PlannedRow, ProcessCommit};

/// Pages of two records, the cursor on the last; a page that is missing fails.
struct Lists {
    pages: Mutex<Vec<Option<Vec<Value>>>>,
    deletions: Option<u32>,
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
            ids: Vec::new(),
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

    fn deletions(&self) -> Option<u32> {
        self.deletions
    }

    async fn fetch(&self, key: &str) -> CallResult<Option<Fetched>> {
        Ok(Some(Fetched { key: key.to_owned(), asked_at: jiff::Timestamp::now(), record: None }))
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
    let lists = Lists { pages: Mutex::new(pages), deletions: None };
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

/// Records that the hub has heard of before.
async fn know(store: &SqliteStore, keys: &[&str]) {
    let payload = |key: &&str| NewInbox {
        connection: "erp".into(),
        stream: "stock".into(),
        source: SourceKind::Poll,
        dedupe_key: format!("first {key}"),
        topic: String::new(),
        headers: String::new(),
        place: String::new(),
        payload: b"{}".to_vec(),
        received_at: 1,
    };
    let stored = store.append_inbox(keys.iter().map(payload).collect(), None).await.unwrap();
    let planned = |(appended, key): (&Appended, &&str)| {
        let state = EntityWrite {
            id: EntityKey { connection: "erp".into(), stream: "stock".into(), key: (*key).into() },
            entity: Entity::InventoryLevel,
            natural_key: (*key).into(),
            version: 1,
            revision: 1,
            hash: "hash".into(),
            doc: "{}".into(),
            deleted: false,
            seen_by: SourceKind::Poll,
            as_of: 1,
        };
        PlannedRow {
            inbox_id: appended.id,
            connection: "erp".into(),
            received_at: 1,
            stream: "stock".into(),
            entity: "inventory_level".into(),
            key: (*key).into(),
            outcome: PlannedOutcome::Apply { state, kind: "seen".into(), occurred_at: None, jobs: Vec::new() },
            sighting: None,
        }
    };
    let rows = stored.iter().zip(keys).map(planned).collect();
    store.commit_processed(ProcessCommit { rows, now: 1 }).await.unwrap();
}

#[tokio::test]
async fn what_a_wave_no_longer_shows_is_part_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("hub.db")).await.unwrap();
    know(&store, &["A", "B", "C"]).await;
    let lists = Lists { pages: Mutex::new(vec![Some(vec![level("A", 2)])]), deletions: Some(10_000) };
    let (processor, clock) = (ProcessorHandle::default(), Clock::System);
    let (mut memory, mut vanished) = (Memory::new(1), Vanished::default());
    assert_eq!(round(&lists, &store, &processor, &clock, &mut memory, &mut vanished).await.unwrap(), 3);
    let rows = store.pending_inbox(0, 10).await.unwrap();
    let sources: Vec<SourceKind> = rows.iter().map(|row| row.source).collect();
    assert_eq!(sources, [SourceKind::Poll, SourceKind::Fetch, SourceKind::Fetch]);
    assert!(rows[0].batch.is_some() && rows.iter().all(|row| row.batch == rows[0].batch), "{rows:?}");
    store.close().await;
}

#[test]
fn events_with_ids_of_their_own_are_told_apart_by_them_and_by_nothing_else() {
    let lists = Lists { pages: Mutex::default(), deletions: None };
    let mut memory = Memory::new(1);
    // There and back again: the third is not the first.
    let page = [("1", level("A", 1)), ("2", level("A", 2)), ("3", level("A", 1))];
    let mut take = |id: &str, record: &Value| memory.row(&lists, record, Some(id), false, 0).map(|row| row.dedupe_key);
    let keys: Vec<String> = page.iter().map(|(id, record)| take(id, record).unwrap()).collect();
    assert_eq!(keys.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
    // What is read again after a crash is the same event; the same number with other content is not.
    let mut after = Memory::new(2);
    let again = after.row(&lists, &page[0].1, Some("1"), false, 0).unwrap().dedupe_key;
    assert_eq!(again, keys[0]);
    assert_ne!(after.row(&lists, &level("A", 9), Some("1"), false, 0).unwrap().dedupe_key, keys[0]);
    // What this process has stored is not stored again.
    after.commit();
    assert!(after.row(&lists, &level("A", 9), Some("1"), false, 0).is_none());
}
