//! Removes what is older than `limits.retention`, a little at a time beside the work; not here: what may go (see
//! `Store::purge`, `finance::kept`).
//!
//! The search of each stage goes on where it last found only young rows. Once a day it begins anew, for rows that were
//! still open when it passed them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use super::lifecycle::LivePlant;
use crate::finance::kept;
use crate::model::clock::Clock;
use crate::store::{Purge, PurgeStage, Store, StoreError};

/// After the start, so that catching up comes first.
const FIRST: Duration = Duration::from_secs(20);
const EVERY: Duration = Duration::from_secs(300);
/// Rows of one commit.
const BATCH: u32 = 500;
/// Between two batches, so that the writer belongs to the work.
const PAUSE: Duration = Duration::from_millis(50);
const DAY: Duration = Duration::from_secs(86_400);
/// Vendors repeat deliveries for up to 30 days: for so long at least, with room, a payload's identity is remembered,
/// however short the retention is.
const REMEMBERED: Duration = Duration::from_secs(90 * 86_400);

/// Runs until `stop`.
pub(super) async fn keep(plant: Arc<LivePlant>, store: Arc<dyn Store>, clock: Clock, stop: CancellationToken) {
    let room = plant.now().config.hub.data_dir.join(kept::ROOM);
    let mut duty = Duty::new(Arc::clone(&store), clock);
    let mut pause = FIRST;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        pause = EVERY;
        let retention = plant.now().config.hub.limits.retention;
        match duty.run(retention, &stop).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed what is older than limits.retention"),
            Err(error) => tracing::error!(%error, "old rows could not be removed, trying again later"),
        }
        // Files have the machine's times, not the hub's.
        let Some(before) = SystemTime::now().checked_sub(retention) else { continue };
        match kept::prune(&store, &room, before).await {
            Ok(0) => {}
            Ok(files) => tracing::info!(files, "removed extracts of old reconciliation runs that nobody signed"),
            Err(error) => tracing::error!(%error, "old extracts could not be removed, trying again later"),
        }
    }
}

struct Duty {
    store: Arc<dyn Store>,
    clock: Clock,
    began: i64,
    /// How far the search of each stage has come.
    after: [i64; 3],
}

impl Duty {
    fn new(store: Arc<dyn Store>, clock: Clock) -> Duty {
        let began = clock.now_us();
        Duty { store, clock, began, after: [0; 3] }
    }

    /// Everything that has become old enough. Returns how many rows were removed or emptied.
    async fn run(&mut self, retention: Duration, stop: &CancellationToken) -> Result<u64, StoreError> {
        let now = self.clock.now_us();
        if now.saturating_sub(self.began) > micros(DAY) {
            (self.began, self.after) = (now, [0; 3]);
        }
        let before = now.saturating_sub(micros(retention));
        let forget_before = now.saturating_sub(micros(retention.max(REMEMBERED)));
        let mut total = 0;
        for (stage, after) in PurgeStage::ALL.iter().zip(&mut self.after) {
            loop {
                let purge = Purge { stage: *stage, after: *after, before, forget_before, now, limit: BATCH };
                let done = self.store.purge(purge).await?;
                *after = done.after;
                let touched = done.removed + done.emptied;
                total += touched;
                metrics::counter!("syncline_purged_total", "what" => stage.as_str()).increment(touched);
                if !done.more {
                    break;
                }
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    () = stop.cancelled() => return Ok(total),
                }
            }
        }
        Ok(total)
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test's set-up")]
mod tests {
    use super::*;
    use crate::store::sqlite::SqliteStore;
    use crate::store::{NewInbox, PlannedOutcome, PlannedRow, ProcessCommit, SourceKind};

    const T0: i64 = 1_780_000_000_000_000;

    async fn ignored(store: &dyn Store, name: &str, at: i64) {
        let row = NewInbox {
            connection: "shop".into(),
            stream: "orders".into(),
            source: SourceKind::Webhook,
            dedupe_key: name.into(),
            topic: String::new(),
            headers: String::new(),
            place: String::new(),
            payload: b"{}".to_vec(),
            received_at: at,
        };
        let id = store.append_inbox(vec![row], None).await.unwrap()[0].id;
        let outcome = PlannedOutcome::Ignored("filter".into());
        let row = PlannedRow {
            inbox_id: id,
            connection: "shop".into(),
            received_at: at,
            stream: "orders".into(),
            entity: String::new(),
            key: String::new(),
            outcome,
            sighting: None,
        };
        store.commit_processed(ProcessCommit { rows: vec![row], now: at }).await.unwrap();
    }

    #[tokio::test]
    async fn payloads_lose_their_body_first_and_their_identity_later() {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.path().join("hub.db")).await.unwrap());
        let clock = Clock::manual(T0);
        ignored(store.as_ref(), "a", T0).await;
        ignored(store.as_ref(), "b", T0 + micros(DAY)).await;
        let mut duty = Duty::new(Arc::clone(&store), clock.clone());
        let (stop, week) = (CancellationToken::new(), 7 * DAY);
        assert_eq!(duty.run(week, &stop).await.unwrap(), 0);
        clock.advance_us(micros(week) + 1);
        assert_eq!(duty.run(week, &stop).await.unwrap(), 1, "the younger one stays as it is");
        assert_eq!(duty.run(week, &stop).await.unwrap(), 0);
        clock.advance_us(micros(DAY));
        assert_eq!(duty.run(week, &stop).await.unwrap(), 1);
        clock.advance_us(micros(90 * DAY));
        assert_eq!(duty.run(week, &stop).await.unwrap(), 2, "now they are forgotten");
        assert_eq!(store.tally(0).await.unwrap().iter().map(|row| row.n).sum::<i64>(), 2, "and still counted");
    }
}
