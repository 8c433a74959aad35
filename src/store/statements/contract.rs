//! The store's contract, each method by its statement; not here: the statements, what differs between databases (`db`).

use std::path::Path;

use async_trait::async_trait;

use super::db::Database;
use super::{
    batch, claim, dispatch, edit, file_fate, inbox, issues, mirror, people, process, purge, recon, settle, timeline,
    verify, work_list,
};
use crate::store::contract::{Store, StoreError};
use crate::store::file_fate::{FileDecision, FileFate};
use crate::store::rows::*;

#[async_trait]
impl Store for Database {
    async fn append_inbox(&self, rows: Vec<NewInbox>, cursor: Option<CursorMove>) -> Result<Vec<Appended>, StoreError> {
        self.write(inbox::Append { rows, cursor }).await
    }

    async fn cursor(&self, connection: &str, stream: &str) -> Result<Option<String>, StoreError> {
        inbox::cursor(&self.readers, connection, stream).await
    }

    async fn live_keys(
        &self,
        connection: &str,
        stream: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<LiveKey>, StoreError> {
        mirror::live_keys(&self.readers, connection, stream, after, limit).await
    }

    async fn read_mirrors(&self, streams: &[StreamId], each: EachPage<'_>) -> Result<MirrorMark, StoreError> {
        mirror::read_mirrors(&self.readers, streams, each).await
    }

    async fn passage(&self, record: &EntityKey, to: &StreamId) -> Result<Passage, StoreError> {
        mirror::passage(&self.readers, record, to).await
    }

    async fn cursors(&self) -> Result<Vec<CursorRow>, StoreError> {
        inbox::cursors(&self.readers).await
    }

    async fn open_batch(&self, batch: NewBatch) -> Result<i64, StoreError> {
        self.write(batch::OpenBatch { batch }).await
    }

    async fn stage_rows(&self, batch: i64, rows: Vec<NewInbox>) -> Result<(), StoreError> {
        self.write(batch::Stage { batch, rows }).await
    }

    async fn release_batch(&self, batch: i64, sequence: Option<i64>) -> Result<Released, StoreError> {
        self.write(batch::Release { batch, sequence }).await
    }

    async fn refuse_batch(
        &self,
        batch: i64,
        sequence: Option<i64>,
        reason: &str,
        issue: DeadLetter,
    ) -> Result<i64, StoreError> {
        let fate = FileFate::Refused;
        self.write(batch::Refuse { batch, sequence, reason: reason.to_owned(), issue, fate }).await
    }

    async fn hold_batch(&self, batch: i64, reason: &str, issue: DeadLetter) -> Result<i64, StoreError> {
        let fate = FileFate::Held;
        self.write(batch::Refuse { batch, sequence: None, reason: reason.to_owned(), issue, fate }).await
    }

    async fn file_decisions(&self, connection: &str, stream: &str) -> Result<Vec<FileDecision>, StoreError> {
        file_fate::decisions(&self.readers, connection, stream).await
    }

    async fn reread_done(&self, batch: i64) -> Result<(), StoreError> {
        self.write(file_fate::RereadDone { batch }).await
    }

    async fn held_done(&self, connection: &str, stream: &str, name: &str, resolution: &str) -> Result<(), StoreError> {
        let [connection, stream, name, resolution] = [connection, stream, name, resolution].map(str::to_owned);
        self.write(file_fate::HeldDone { connection, stream, name, resolution }).await
    }

    async fn batch_history(&self, connection: &str, stream: &str, sha256: &str) -> Result<BatchHistory, StoreError> {
        batch::history(&self.readers, connection, stream, sha256).await
    }

    async fn pending_inbox(&self, after: i64, limit: u32) -> Result<Vec<InboxRow>, StoreError> {
        process::pending(&self.readers, after, limit).await
    }

    async fn pending_count(&self, up_to: u32) -> Result<u64, StoreError> {
        process::pending_count(&self.readers, up_to).await
    }

    async fn known_records(&self, connection: &str, stream: &str) -> Result<u64, StoreError> {
        mirror::known_records(&self.readers, connection, stream).await
    }

    async fn entities(&self, keys: &[EntityKey]) -> Result<Vec<EntityRow>, StoreError> {
        mirror::entities(&self.readers, keys).await
    }

    async fn bindings_by_remote(&self, keys: &[EntityKey]) -> Result<Vec<BindingRow>, StoreError> {
        mirror::bindings_by_remote(&self.readers, keys).await
    }

    async fn commit_processed(&self, commit: ProcessCommit) -> Result<Processed, StoreError> {
        self.write(process::Commit { commit }).await
    }

    async fn dispatch(&self, tick: Dispatch) -> Result<Dispatched, StoreError> {
        self.write(dispatch::Tick { tick }).await
    }

    async fn rescue(&self, now: i64, all_of: Option<&str>) -> Result<u64, StoreError> {
        self.write(claim::Rescue { now, all_of: all_of.map(str::to_owned) }).await
    }

    async fn resolve_refs(&self, dest: &str, refs: &[RefKey]) -> Result<Vec<ResolvedRef>, StoreError> {
        mirror::resolve_refs(&self.readers, dest, refs).await
    }

    async fn connection_states(&self) -> Result<Vec<ConnectionStateRow>, StoreError> {
        people::connection_states(&self.readers).await
    }

    async fn set_connection_state(&self, state: ConnectionStateRow) -> Result<(), StoreError> {
        self.write(people::SetConnectionState { state }).await
    }

    async fn tally(&self, since_day: i64) -> Result<Vec<TallyRow>, StoreError> {
        people::tally(&self.readers, since_day).await
    }

    async fn sightings(&self, since_day: i64) -> Result<Vec<SightingRow>, StoreError> {
        people::sightings(&self.readers, since_day).await
    }

    async fn queue_stats(&self) -> Result<Vec<QueueStat>, StoreError> {
        people::queue_stats(&self.readers).await
    }

    async fn flow_stats(&self, since: i64) -> Result<Vec<FlowStat>, StoreError> {
        people::flow_stats(&self.readers, since).await
    }

    async fn issues(&self, filter: IssueFilter) -> Result<Vec<IssueRow>, StoreError> {
        issues::issues(&self.readers, filter).await
    }

    async fn open_issue(&self, fingerprint: &str) -> Result<Option<IssueRow>, StoreError> {
        issues::open_issue(&self.readers, fingerprint).await
    }

    async fn raise_issue(&self, issue: DeadLetter, at: i64) -> Result<i64, StoreError> {
        self.write(settle::Raise { issue, at }).await
    }

    async fn settle_issue(&self, fingerprint: &str, resolution: &str) -> Result<(), StoreError> {
        let (fingerprint, resolution) = (fingerprint.to_owned(), resolution.to_owned());
        self.write(settle::Over { fingerprint, resolution }).await
    }

    async fn issue(&self, id: i64) -> Result<Option<IssueDetail>, StoreError> {
        issues::issue(&self.readers, id).await
    }

    async fn retry_issue(&self, id: i64, only: Option<DeadRef>, actor: &str, at: i64) -> Result<u64, StoreError> {
        self.write(work_list::Retry { issue: id, only, actor: actor.to_owned(), at }).await
    }

    async fn discard_issue(
        &self,
        id: i64,
        only: Option<DeadRef>,
        reason: &str,
        actor: &str,
        at: i64,
    ) -> Result<u64, StoreError> {
        let (reason, actor) = (reason.to_owned(), actor.to_owned());
        self.write(work_list::Discard { issue: id, only, reason, actor, at }).await
    }

    async fn edit_dead(&self, edit: DeadEdit) -> Result<(), StoreError> {
        self.write(edit::Edit { edit }).await
    }

    async fn find_records(&self, text: &str, limit: u32) -> Result<Vec<EntityRow>, StoreError> {
        timeline::find_records(&self.readers, text, limit).await
    }

    async fn find_dead(&self, text: &str, limit: u32) -> Result<Vec<DeadRecord>, StoreError> {
        timeline::find_dead(&self.readers, text, limit).await
    }

    async fn timeline(&self, key: &EntityKey) -> Result<Timeline, StoreError> {
        timeline::timeline(&self.readers, key).await
    }

    async fn replay(&self, replay: Replay) -> Result<u64, StoreError> {
        self.write(process::ReplayFlow { replay }).await
    }

    async fn events_after(&self, after: i64, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        timeline::events_after(&self.readers, after, limit).await
    }

    async fn throughput(&self, flow: &str, since: i64, slice_us: i64) -> Result<Vec<ThroughputRow>, StoreError> {
        people::throughput(&self.readers, flow, since, slice_us).await
    }

    async fn recent_events(&self, after: i64, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        timeline::recent_events(&self.readers, after, limit).await
    }

    async fn append_audit(
        &self,
        at: i64,
        actor: &str,
        action: &str,
        target: &str,
        detail: &str,
    ) -> Result<(), StoreError> {
        let entry = people::Audit {
            at,
            actor: actor.to_owned(),
            action: action.to_owned(),
            target: target.to_owned(),
            detail: detail.to_owned(),
        };
        self.write(entry).await
    }

    async fn audit(&self, after: i64, limit: u32) -> Result<Vec<crate::store::AuditEntry>, StoreError> {
        people::audit(&self.readers, after, limit).await
    }

    async fn keep_run(&self, run: NewRun, after: i64, detail: serde_json::Value) -> Result<i64, StoreError> {
        self.write(recon::Keep::new(run, after, detail).await?).await
    }

    async fn append_recon(&self, after: i64, events: Vec<NewReconEvent>) -> Result<Vec<i64>, StoreError> {
        self.write(recon::AppendEvents { after, events }).await
    }

    async fn recon_events(&self, reconciliation: &str, after: i64, limit: u32) -> Result<Vec<ReconEvent>, StoreError> {
        recon::events(&self.readers, reconciliation, after, limit).await
    }

    async fn runs(&self, reconciliation: Option<&str>, limit: u32) -> Result<Vec<RunRow>, StoreError> {
        recon::runs(&self.readers, reconciliation, limit).await
    }

    async fn run(&self, id: i64) -> Result<Option<RunRow>, StoreError> {
        recon::run(&self.readers, id).await
    }

    async fn run_body(&self, id: i64) -> Result<Option<Vec<u8>>, StoreError> {
        recon::run_body(&self.readers, id).await
    }

    async fn verify(
        &self,
        progress: &(dyn for<'a> Fn(&'a str, u64, u64) + Send + Sync),
    ) -> Result<VerifyReport, StoreError> {
        verify::verify(&self.readers, progress).await
    }

    async fn purge(&self, purge: Purge) -> Result<Purged, StoreError> {
        let (remove, after, more) = purge::find(&self.readers, &purge).await?;
        let (removed, emptied) = if remove.is_empty() { (0, 0) } else { self.write(remove).await? };
        Ok(Purged { removed, emptied, after, more })
    }

    async fn backup(&self, to: &Path, own: OwnFiles) -> Result<(), StoreError> {
        self.copy(to, own).await
    }

    async fn close(&self) {
        self.shut().await;
    }
}
