//! A store in front of the real one that fails when told to, and counts what is staged.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use async_trait::async_trait;
use syncline::store::*;

pub struct FailingStore {
    inner: Arc<dyn Store>,
    /// Calls of intake until one fails; negative: none does.
    left: AtomicI64,
    /// Whether the failing call is carried out all the same: its answer is what is lost.
    after: bool,
    stage_calls: AtomicUsize,
    largest: AtomicUsize,
}

impl FailingStore {
    pub fn new(inner: Arc<dyn Store>) -> FailingStore {
        FailingStore::failing(inner, -1, false)
    }

    pub fn failing(inner: Arc<dyn Store>, call: i64, after: bool) -> FailingStore {
        let (stage_calls, largest) = (AtomicUsize::new(0), AtomicUsize::new(0));
        FailingStore { inner, left: AtomicI64::new(call), after, stage_calls, largest }
    }

    pub fn has_failed(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }

    /// Calls, and the most rows in one.
    pub fn staged(&self) -> (usize, usize) {
        (self.stage_calls.load(Ordering::SeqCst), self.largest.load(Ordering::SeqCst))
    }

    async fn guarded<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let fails = self.left.fetch_sub(1, Ordering::SeqCst) == 0;
        if fails && !self.after {
            return Err(StoreError::Full("injected".to_owned()));
        }
        let done = call.await;
        if fails { Err(StoreError::Full("injected after the commit".to_owned())) } else { done }
    }
}

macro_rules! delegate {
    ($(fn $name:ident($($arg:ident: $kind:ty),*) -> $out:ty;)+) => {
        #[async_trait]
        impl Store for FailingStore {
            $(async fn $name(&self, $($arg: $kind),*) -> Result<$out, StoreError> {
                self.inner.$name($($arg),*).await
            })+

            async fn open_batch(&self, batch: NewBatch) -> Result<i64, StoreError> {
                self.guarded(self.inner.open_batch(batch)).await
            }
            async fn stage_rows(&self, batch: i64, rows: Vec<NewInbox>) -> Result<(), StoreError> {
                self.stage_calls.fetch_add(1, Ordering::SeqCst);
                self.largest.fetch_max(rows.len(), Ordering::SeqCst);
                self.guarded(self.inner.stage_rows(batch, rows)).await
            }
            async fn release_batch(&self, batch: i64, sequence: Option<i64>) -> Result<Released, StoreError> {
                self.guarded(self.inner.release_batch(batch, sequence)).await
            }
            async fn refuse_batch(
                &self,
                batch: i64,
                sequence: Option<i64>,
                reason: &str,
                issue: DeadLetter,
            ) -> Result<i64, StoreError> {
                self.guarded(self.inner.refuse_batch(batch, sequence, reason, issue)).await
            }
            async fn hold_batch(&self, batch: i64, reason: &str, issue: DeadLetter) -> Result<i64, StoreError> {
                self.guarded(self.inner.hold_batch(batch, reason, issue)).await
            }
            async fn file_decisions(&self, connection: &str, stream: &str) -> Result<Vec<FileDecision>, StoreError> {
                self.guarded(self.inner.file_decisions(connection, stream)).await
            }
            async fn reread_done(&self, batch: i64) -> Result<(), StoreError> {
                self.guarded(self.inner.reread_done(batch)).await
            }
            async fn held_done(
                &self,
                connection: &str,
                stream: &str,
                name: &str,
                resolution: &str,
            ) -> Result<(), StoreError> {
                self.guarded(self.inner.held_done(connection, stream, name, resolution)).await
            }
            async fn batch_history(
                &self,
                connection: &str,
                stream: &str,
                sha256: &str,
            ) -> Result<BatchHistory, StoreError> {
                self.guarded(self.inner.batch_history(connection, stream, sha256)).await
            }
            async fn pending_count(&self, up_to: u32) -> Result<u64, StoreError> {
                self.guarded(self.inner.pending_count(up_to)).await
            }
            async fn issues(&self, filter: IssueFilter) -> Result<Vec<IssueRow>, StoreError> {
                self.guarded(self.inner.issues(filter)).await
            }
            async fn verify(
                &self,
                progress: &(dyn for<'a> Fn(&'a str, u64, u64) + Send + Sync),
            ) -> Result<VerifyReport, StoreError> {
                self.inner.verify(progress).await
            }
            async fn close(&self) {
                self.inner.close().await;
            }
        }
    };
}

delegate! {
    fn append_inbox(rows: Vec<NewInbox>, cursor: Option<CursorMove>) -> Vec<Appended>;
    fn cursor(connection: &str, stream: &str) -> Option<String>;
    fn cursors() -> Vec<CursorRow>;
    fn live_keys(connection: &str, stream: &str, after: &str, limit: u32) -> Vec<LiveKey>;
    fn read_mirrors(streams: &[StreamId], each: EachPage<'_>) -> MirrorMark;
    fn raise_issue(issue: DeadLetter, at: i64) -> i64;
    fn settle_issue(fingerprint: &str, resolution: &str) -> ();
    fn passage(record: &EntityKey, to: &StreamId) -> Passage;
    fn pending_inbox(after: i64, limit: u32) -> Vec<InboxRow>;
    fn known_records(connection: &str, stream: &str) -> u64;
    fn keep_run(run: NewRun, after: i64, detail: serde_json::Value) -> i64;
    fn append_recon(after: i64, events: Vec<NewReconEvent>) -> Vec<i64>;
    fn recon_events(reconciliation: &str, after: i64, limit: u32) -> Vec<ReconEvent>;
    fn runs(reconciliation: Option<&str>, limit: u32) -> Vec<RunRow>;
    fn run(id: i64) -> Option<RunRow>;
    fn run_body(id: i64) -> Option<Vec<u8>>;
    fn open_issue(fingerprint: &str) -> Option<IssueRow>;
    fn entities(keys: &[EntityKey]) -> Vec<EntityRow>;
    fn bindings_by_remote(keys: &[EntityKey]) -> Vec<BindingRow>;
    fn commit_processed(commit: ProcessCommit) -> Processed;
    fn dispatch(tick: Dispatch) -> Dispatched;
    fn rescue(now: i64, all_of: Option<&str>) -> u64;
    fn resolve_refs(dest: &str, refs: &[RefKey]) -> Vec<ResolvedRef>;
    fn connection_states() -> Vec<ConnectionStateRow>;
    fn set_connection_state(state: ConnectionStateRow) -> ();
    fn tally(since_day: i64) -> Vec<TallyRow>;
    fn sightings(since_day: i64) -> Vec<SightingRow>;
    fn queue_stats() -> Vec<QueueStat>;
    fn flow_stats(since: i64) -> Vec<FlowStat>;
    fn issue(id: i64) -> Option<IssueDetail>;
    fn retry_issue(id: i64, only: Option<DeadRef>, actor: &str, at: i64) -> u64;
    fn discard_issue(id: i64, only: Option<DeadRef>, reason: &str, actor: &str, at: i64) -> u64;
    fn edit_dead(edit: DeadEdit) -> ();
    fn find_records(text: &str, limit: u32) -> Vec<EntityRow>;
    fn find_dead(text: &str, limit: u32) -> Vec<DeadRecord>;
    fn timeline(key: &EntityKey) -> Timeline;
    fn replay(replay: Replay) -> u64;
    fn recent_events(after: i64, limit: u32) -> Vec<EventRow>;
    fn events_after(after: i64, limit: u32) -> Vec<EventRow>;
    fn throughput(flow: &str, since: i64, slice_us: i64) -> Vec<ThroughputRow>;
    fn append_audit(at: i64, actor: &str, action: &str, target: &str, detail: &str) -> ();
    fn audit(after: i64, limit: u32) -> Vec<AuditEntry>;
    fn purge(purge: Purge) -> Purged;
    fn backup(to: &Path, own: OwnFiles) -> ();
}
