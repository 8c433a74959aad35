//! The webhook-loss figure of a stream whose webhooks and polls bring the same events, each of which says only "look again".
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use syncline::connector::call::CallResult;
use syncline::model::clock::Clock;
use syncline::model::{Entity, Record};
use syncline::process::{
    Candidate, Catalogue, Fetcher, Interpreted, Operation, Part, Processor, ProcessorHandle, Route, SourceTraits,
    TieFetch, Unusable,
};
use syncline::queue::QueueHandle;
use syncline::store::sqlite::SqliteStore;
use syncline::store::{EntityKey, InboxRow, NewInbox, SourceKind, Store};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

fn id() -> EntityKey {
    EntityKey { connection: "erp".into(), stream: "stock".into(), key: "A".into() }
}

struct Events;

impl Catalogue for Events {
    fn interpret(&self, row: &InboxRow) -> Result<Interpreted, Box<Unusable>> {
        if row.source != SourceKind::Fetch {
            return Ok(Interpreted::Thin { id: id(), backfill: row.place == "backfill" });
        }
        let payload = Part::from_bytes(&row.payload).unwrap().payload;
        Ok(Interpreted::Record(Candidate {
            id: id(),
            entity: Entity::InventoryLevel,
            source: row.source,
            operation: Operation::Upsert,
            version: None,
            occurred_at: None,
            record: Some(Record::from_json(Entity::InventoryLevel, &payload).unwrap()),
            payload,
            as_of: row.received_at,
            backfill: false,
        }))
    }

    fn routes(&self, _: &str, _: &str) -> Vec<Route> {
        Vec::new()
    }

    fn traits(&self, _: &str, _: &str) -> SourceTraits {
        SourceTraits { can_fetch: true, measures_loss: true }
    }
}

struct Level;

#[async_trait]
impl Fetcher for Level {
    async fn fetch(&self, _: &EntityKey) -> CallResult<Option<Value>> {
        Ok(Some(json!({"sku": "A", "location": "WH1", "on_hand": "1"})))
    }
}

struct Rig {
    store: Arc<dyn Store>,
    processor: Processor,
    tasks: TaskTracker,
    _dir: tempfile::TempDir,
}

impl Rig {
    async fn open() -> Rig {
        let dir = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(dir.path().join("hub.db")).await.unwrap());
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let ties = TieFetch::new(Arc::clone(&store), Arc::new(Level), Clock::System, tasks.clone(), stop);
        let (handle, queue) = (ProcessorHandle::default(), QueueHandle::default());
        let processor = Processor::new(Arc::clone(&store), Arc::new(Events), ties, Clock::System, handle, queue);
        Rig { store, processor, tasks, _dir: dir }
    }

    /// An event as a webhook or a poll brings it.
    async fn brought(&self, event: &str, source: SourceKind, place: &str) {
        let row = NewInbox {
            connection: "erp".into(),
            stream: "stock".into(),
            source,
            dedupe_key: event.into(),
            topic: String::new(),
            headers: String::new(),
            place: place.into(),
            payload: b"{}".to_vec(),
            received_at: Clock::System.now_us(),
        };
        self.store.append_inbox(vec![row], None).await.unwrap();
    }

    /// Works until nothing is pending: questions are put, answered, and cover what asked.
    async fn settle(&self) {
        while self.store.pending_count(10).await.unwrap() > 0 {
            self.processor.pass().await.unwrap();
            tokio::task::yield_now().await;
        }
    }

    /// By webhook, by poll, late.
    async fn counts(&self) -> (i64, i64, i64) {
        let found = self.store.sightings(0).await.unwrap();
        found.first().map_or((0, 0, 0), |row| (row.by_webhook, row.by_poll, row.late))
    }
}

#[tokio::test]
async fn only_what_never_came_is_lost() {
    let rig = Rig::open().await;
    rig.brought("evt_0", SourceKind::Poll, "backfill").await;
    rig.settle().await;
    assert_eq!(rig.counts().await, (0, 0, 0), "webhooks were not there yet");
    rig.brought("evt_1", SourceKind::Webhook, "").await;
    rig.brought("evt_1", SourceKind::Poll, "").await;
    rig.settle().await;
    assert_eq!(rig.counts().await, (1, 0, 0), "the poll finds what the webhook brought");
    rig.brought("evt_2", SourceKind::Poll, "").await;
    rig.settle().await;
    assert_eq!(rig.counts().await, (1, 1, 0), "lost, as far as is known");
    rig.brought("evt_2", SourceKind::Webhook, "").await;
    assert_eq!(rig.counts().await, (1, 1, 1), "it was late");
    rig.brought("evt_3", SourceKind::Poll, "").await;
    rig.brought("evt_3", SourceKind::Webhook, "").await;
    rig.settle().await;
    assert_eq!(rig.counts().await, (1, 2, 2), "late before anything was decided about it");
    rig.tasks.close();
    rig.tasks.wait().await;
}
