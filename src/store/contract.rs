//! The store's contract: what every database behind the hub must do, whichever it is. Not here: SQL, and what the rows mean to the business.
//!
//! Rules that every implementation keeps, and the conformance suite checks (`tests/store_conformance/`):
//! - A method that writes returns only after its commit is durable. Methods called at the same time may share a commit.
//! - Each write is one transaction: all of it or none of it.
//! - A result that carries an outdated claim is refused, never merged (`Dispatched::stale`).
//! - The tally moves in the commit that moves a row's disposition.

use super::file_fate::FileDecision;
use std::path::Path;

use async_trait::async_trait;

use super::rows::*;

/// Why the store could not do it. Every write that ends in an error left nothing behind, but for `InDoubt`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("database {path}: {cause}; {next_step}")]
    Open { path: String, cause: String, next_step: String },
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("database migration: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error("database is full or the disk is: {0}; free space, the hub resumes by itself")]
    Full(String),
    #[error("database holds {what} that this version cannot read: {cause}")]
    Corrupt { what: String, cause: String },
    #[error("{0}")]
    Refused(String),
    #[error("database {database} cannot be used now: {cause}; the hub goes on by itself once it can")]
    Unreachable { database: String, cause: String },
    #[error("the store has shut down")]
    Closed,
    #[error(
        "database {database} was lost while it committed: {cause}; look whether what was asked has been done before asking again"
    )]
    InDoubt { database: String, cause: String },
}

/// A hub's durable memory.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    // 1 intake -----------------------------------------------------------------------------------------------------

    /// Appends payloads and, in the same commit, moves a read cursor. A payload whose dedupe key is known counts as a
    /// duplicate of the first and adds no row. Results are in the order of `rows`.
    async fn append_inbox(&self, rows: Vec<NewInbox>, cursor: Option<CursorMove>) -> Result<Vec<Appended>, StoreError>;
    async fn cursor(&self, connection: &str, stream: &str) -> Result<Option<String>, StoreError>;
    /// All cursors, for people.
    async fn cursors(&self) -> Result<Vec<CursorRow>, StoreError>;

    /// Opens a file batch: rows staged under it stay invisible until it is released. One batch of a stream is staged at a
    /// time: an older one that was never ended belongs to a pick-up that died, and is given up.
    async fn open_batch(&self, batch: NewBatch) -> Result<i64, StoreError>;
    async fn stage_rows(&self, batch: i64, rows: Vec<NewInbox>) -> Result<(), StoreError>;
    /// All rows of the batch become pending at once; its sequence is remembered. Returns rows released and duplicates dropped.
    async fn release_batch(&self, batch: i64, sequence: Option<i64>) -> Result<Released, StoreError>;
    /// Staged rows vanish, the refusal and its issue stay; returns the issue's id. With a sequence the file has used up its
    /// number: the next one counts on from it.
    async fn refuse_batch(
        &self,
        batch: i64,
        sequence: Option<i64>,
        reason: &str,
        issue: DeadLetter,
    ) -> Result<i64, StoreError>;
    /// As a refusal, for a file that waits in its folder for a person: it has not used its number up. What was open about
    /// its name is settled by this.
    async fn hold_batch(&self, batch: i64, reason: &str, issue: DeadLetter) -> Result<i64, StoreError>;
    /// What people decided about files of a stream and nobody has acted upon yet, oldest first.
    async fn file_decisions(&self, connection: &str, stream: &str) -> Result<Vec<FileDecision>, StoreError>;
    /// A refused file was put back to be read again.
    async fn reread_done(&self, batch: i64) -> Result<(), StoreError>;
    /// A held file is no longer there, or not held: whatever was open about its name is settled, its issue resolved.
    async fn held_done(&self, connection: &str, stream: &str, name: &str, resolution: &str) -> Result<(), StoreError>;
    /// What became of a stream's batches so far, and under which names this content was applied before.
    async fn batch_history(&self, connection: &str, stream: &str, sha256: &str) -> Result<BatchHistory, StoreError>;

    /// Keys of a stream's records that are there, in the order of their keys: the next ones after `after`.
    async fn live_keys(
        &self,
        connection: &str,
        stream: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<LiveKey>, StoreError>;

    /// Records of several streams that are there, all as of one instant: each stream's in the order of their keys, a page
    /// at a time, with the stream's position in `streams`. What `each` refuses ends it.
    async fn read_mirrors(&self, streams: &[StreamId], each: EachPage<'_>) -> Result<MirrorMark, StoreError>;

    /// What became of a record's changes on their way to a stream of another system.
    async fn passage(&self, record: &EntityKey, to: &StreamId) -> Result<Passage, StoreError>;

    // 2 process ----------------------------------------------------------------------------------------------------

    /// Oldest pending payloads with an id above `after`.
    async fn pending_inbox(&self, after: i64, limit: u32) -> Result<Vec<InboxRow>, StoreError>;
    /// How many payloads are pending, counted no further than `up_to`.
    async fn pending_count(&self, up_to: u32) -> Result<u64, StoreError>;
    /// How many records of a stream have ever been seen.
    async fn known_records(&self, connection: &str, stream: &str) -> Result<u64, StoreError>;
    async fn entities(&self, keys: &[EntityKey]) -> Result<Vec<EntityRow>, StoreError>;
    /// Bindings whose remote side is (connection, stream, remote id): how our own echoes are recognised.
    async fn bindings_by_remote(&self, keys: &[EntityKey]) -> Result<Vec<BindingRow>, StoreError>;
    /// Commits what the planner decided for a batch: states, events, jobs, dispositions, split children, sightings.
    async fn commit_processed(&self, commit: ProcessCommit) -> Result<Processed, StoreError>;

    // 3 deliver ----------------------------------------------------------------------------------------------------

    /// One tick of the queue: acknowledges outcomes, renews leases and claims due jobs, announcing an attempt for each.
    async fn dispatch(&self, tick: Dispatch) -> Result<Dispatched, StoreError>;
    /// Puts jobs whose lease has run out back, their last attempt's outcome unknown. `all_of` names an owner that is
    /// known to be dead (this node's previous life): its leases end now. Waiting jobs whose time to look again has come
    /// become ready. To be called every few seconds. Returns how many jobs were put back.
    async fn rescue(&self, now: i64, all_of: Option<&str>) -> Result<u64, StoreError>;
    /// Where references point at the destination: by binding of the record with that natural key, or by the
    /// destination's own mirror.
    async fn resolve_refs(&self, dest: &str, refs: &[RefKey]) -> Result<Vec<ResolvedRef>, StoreError>;
    async fn connection_states(&self) -> Result<Vec<ConnectionStateRow>, StoreError>;
    async fn set_connection_state(&self, state: ConnectionStateRow) -> Result<(), StoreError>;

    // 4 people -----------------------------------------------------------------------------------------------------

    async fn tally(&self, since_day: i64) -> Result<Vec<TallyRow>, StoreError>;
    async fn sightings(&self, since_day: i64) -> Result<Vec<SightingRow>, StoreError>;
    async fn queue_stats(&self) -> Result<Vec<QueueStat>, StoreError>;
    async fn flow_stats(&self, since: i64) -> Result<Vec<FlowStat>, StoreError>;
    async fn issues(&self, filter: IssueFilter) -> Result<Vec<IssueRow>, StoreError>;
    /// The open issue of that cause.
    async fn open_issue(&self, fingerprint: &str) -> Result<Option<IssueRow>, StoreError>;
    /// Puts something on the work list that no payload, job or file hangs on; counted where it is open already. Returns its id.
    async fn raise_issue(&self, issue: DeadLetter, at: i64) -> Result<i64, StoreError>;
    /// What was raised is over. Nothing happens if it is not open.
    async fn settle_issue(&self, fingerprint: &str, resolution: &str) -> Result<(), StoreError>;
    async fn issue(&self, id: i64) -> Result<Option<IssueDetail>, StoreError>;
    /// Dead letters of an issue go back to work (or one of them); returns how many. A job goes back behind whatever of its
    /// key is in flight; its failures start from zero, its doubt (`unknown`) and its attempts stay. Like the other two acts
    /// it writes an audit entry; an issue without dead letters left is resolved.
    async fn retry_issue(&self, id: i64, only: Option<DeadRef>, actor: &str, at: i64) -> Result<u64, StoreError>;
    async fn discard_issue(
        &self,
        id: i64,
        only: Option<DeadRef>,
        reason: &str,
        actor: &str,
        at: i64,
    ) -> Result<u64, StoreError>;
    /// Replaces the payload (inbox) or canonical record (job) of one dead letter and sends it back to work. The original
    /// and every state in between stay in the store as long as the job or payload does. Refused if it is not dead (any
    /// more), if it is not the text that was corrected, and of a job if a newer revision is on its way or may be there.
    async fn edit_dead(&self, edit: DeadEdit) -> Result<(), StoreError>;
    /// Records by key, natural key or remote id.
    async fn find_records(&self, text: &str, limit: u32) -> Result<Vec<EntityRow>, StoreError>;
    /// Records of which a payload could not be used and is still dead, by key: what `find_records` may not know yet.
    async fn find_dead(&self, text: &str, limit: u32) -> Result<Vec<DeadRecord>, StoreError>;
    async fn timeline(&self, key: &EntityKey) -> Result<Timeline, StoreError>;
    /// Re-enqueues jobs for the latest event of every record of a source stream to a destination; returns how many.
    async fn replay(&self, replay: Replay) -> Result<u64, StoreError>;
    /// The newest events with an id above `after`, at most `limit`, oldest of them first: what a page shows.
    async fn recent_events(&self, after: i64, limit: u32) -> Result<Vec<EventRow>, StoreError>;
    /// The next events after a cursor, oldest first: how a subscriber catches up without a gap.
    async fn events_after(&self, after: i64, limit: u32) -> Result<Vec<EventRow>, StoreError>;
    /// Deliveries that a flow finished since a moment, counted in slices of time; slices without any are left out.
    async fn throughput(&self, flow: &str, since: i64, slice_us: i64) -> Result<Vec<ThroughputRow>, StoreError>;
    async fn append_audit(
        &self,
        at: i64,
        actor: &str,
        action: &str,
        target: &str,
        detail: &str,
    ) -> Result<(), StoreError>;
    async fn audit(&self, after: i64, limit: u32) -> Result<Vec<super::AuditEntry>, StoreError>;

    // 5 reconciliation ---------------------------------------------------------------------------------------------

    /// Keeps a run and, in the same commit, its event `RUN_KEPT`, whose detail (an object) gets the document's `sha256`.
    /// Refused if the reconciliation has an event above `after`: what was decided meanwhile is not in the run. Returns the
    /// run's id.
    async fn keep_run(&self, run: NewRun, after: i64, detail: serde_json::Value) -> Result<i64, StoreError>;
    /// Appends events, all or none, and writes an audit entry for each. Refused if a reconciliation of theirs has an event
    /// above `after`: who decided looked at something else. Returns the events' numbers.
    async fn append_recon(&self, after: i64, events: Vec<NewReconEvent>) -> Result<Vec<i64>, StoreError>;
    /// A reconciliation's events above `after` in their order.
    async fn recon_events(&self, reconciliation: &str, after: i64, limit: u32) -> Result<Vec<ReconEvent>, StoreError>;
    /// The newest runs first, of one reconciliation or of all.
    async fn runs(&self, reconciliation: Option<&str>, limit: u32) -> Result<Vec<RunRow>, StoreError>;
    async fn run(&self, id: i64) -> Result<Option<RunRow>, StoreError>;
    /// A run's document, byte for byte.
    async fn run_body(&self, id: i64) -> Result<Option<Vec<u8>>, StoreError>;

    // 6 care -------------------------------------------------------------------------------------------------------

    /// Recomputes the ledger from its rows and checks every invariant the store can see.
    async fn verify(
        &self,
        progress: &(dyn for<'a> Fn(&'a str, u64, u64) + Send + Sync),
    ) -> Result<VerifyReport, StoreError>;
    /// Removes one small batch of what is old and closed: jobs with their attempts, events that are not their record's last,
    /// payloads. Never touched: what is pending, dead or under way, states, bindings, cursors, counters, the audit trail.
    /// Until `forget_before` a payload's identity stays, so that a late repeat is still a duplicate; what is forgotten
    /// stays counted, so that `verify` still ties.
    async fn purge(&self, purge: Purge) -> Result<Purged, StoreError>;
    /// Copies a consistent image while work goes on, and with it files of the hub's own, as they are after that moment.
    async fn backup(&self, to: &Path, own: OwnFiles) -> Result<(), StoreError>;
    /// Waits for writes under way, folds the log into the database, closes.
    async fn close(&self);
}
