//! The one writer: whatever waits when the last commit ends shares the next one; not here: what the operations do.
//!
//! Lifecycle of an operation: sent by `run`, applied inside the open transaction, answered after the commit. When an
//! operation fails, the whole group is rolled back and each member is applied again in a transaction of its own, so
//! that one bad operation cannot fail its neighbours. When the commit itself fails, all of them fail: what a failed
//! fsync left on disk is not known, and nobody is told that it is there.

use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Executor as _, Row as _, query};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::inbox::insert_pending;
use crate::store::contract::StoreError;
use crate::store::mutation;
use crate::store::rows::{Appended, NewInbox};

/// Operations that one commit carries at most: bounds the time that the first of them waits.
const GROUP_MAX: usize = 64;
/// Operations that may wait before callers do.
const QUEUE_MAX: usize = 1024;
/// After so long without work the write-ahead log is folded, so that the next start and the next reader find it short.
const IDLE: Duration = Duration::from_secs(2);
/// Pages of the write-ahead log (256 MiB) from which on it is worth a warning.
const LOG_ALARM_PAGES: i64 = 65_536;

pub(super) type OpFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A unit of writing: applied in full, in one transaction, possibly more than once if a neighbour fails (so it must
/// not consume itself).
pub(super) trait Operation: Send + Sync + 'static {
    type Output: Send;
    fn apply<'a>(&'a self, conn: &'a mut SqliteConnection) -> OpFuture<'a, Self::Output>;

    /// Payloads that this operation appends. Those of a whole group are inserted together: many small appends at once,
    /// as webhooks make them, cost a few statements.
    fn payloads(&self) -> &[NewInbox] {
        &[]
    }

    /// The rest of the operation, once its payloads are inserted.
    fn complete<'a>(&'a self, conn: &'a mut SqliteConnection, _appended: Vec<Appended>) -> OpFuture<'a, Self::Output> {
        self.apply(conn)
    }
}

trait Queued: Send {
    fn payloads(&self) -> &[NewInbox];
    fn appended(&mut self, appended: Vec<Appended>);
    fn apply<'a>(&'a mut self, conn: &'a mut SqliteConnection) -> OpFuture<'a, ()>;
    fn answer(self: Box<Self>, result: Result<(), StoreError>);
}

struct Waiting<O: Operation> {
    op: O,
    appended: Vec<Appended>,
    output: Option<O::Output>,
    reply: oneshot::Sender<Result<O::Output, StoreError>>,
}

impl<O: Operation> Queued for Waiting<O> {
    fn payloads(&self) -> &[NewInbox] {
        self.op.payloads()
    }

    fn appended(&mut self, appended: Vec<Appended>) {
        self.appended = appended;
    }

    fn apply<'a>(&'a mut self, conn: &'a mut SqliteConnection) -> OpFuture<'a, ()> {
        Box::pin(async move {
            let appended = std::mem::take(&mut self.appended);
            self.output = Some(self.op.complete(conn, appended).await?);
            Ok(())
        })
    }

    fn answer(self: Box<Self>, result: Result<(), StoreError>) {
        let Waiting { output, reply, .. } = *self;
        let result = result.and_then(|()| output.ok_or(StoreError::Closed));
        // A caller that went away no longer cares; what was committed stays committed.
        let _ = reply.send(result);
    }
}

/// Handle to the writer task.
pub(super) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Box<dyn Queued>>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(conn: SqliteConnection) -> Writer {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        let task = tokio::spawn(serve(conn, receiver));
        Writer { queue: Mutex::new(Some(sender)), task: Mutex::new(Some(task)) }
    }

    pub(super) async fn run<O: Operation>(&self, op: O) -> Result<O::Output, StoreError> {
        let sender = lock(&self.queue).clone().ok_or(StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        sender
            .send(Box::new(Waiting { op, appended: Vec::new(), output: None, reply }))
            .await
            .map_err(|_| StoreError::Closed)?;
        drop(sender);
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Lets what waits finish, then closes the connection.
    pub(super) async fn close(&self) {
        lock(&self.queue).take();
        let task = lock(&self.task).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the store's writer did not end cleanly");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

async fn serve(mut conn: SqliteConnection, mut queue: mpsc::Receiver<Box<dyn Queued>>) {
    let mut group = Vec::with_capacity(GROUP_MAX);
    let mut unfolded = false;
    loop {
        let patience = if unfolded { IDLE } else { Duration::MAX };
        match timeout(patience, queue.recv_many(&mut group, GROUP_MAX)).await {
            Ok(0) => break,
            Ok(_) => {
                unfolded = true;
                work(&mut conn, &mut group).await;
            }
            Err(_) => {
                unfolded = false;
                fold(&mut conn, "PRAGMA wal_checkpoint(PASSIVE)").await;
            }
        }
    }
    fold(&mut conn, "PRAGMA wal_checkpoint(TRUNCATE)").await;
    if let Err(error) = conn.close().await {
        tracing::warn!(%error, "could not close the database cleanly");
    }
}

/// Copies the write-ahead log into the database, as far as readers allow.
async fn fold(conn: &mut SqliteConnection, checkpoint: &'static str) {
    match query(checkpoint).fetch_one(conn).await.and_then(|row| row.try_get::<i64, _>("log")) {
        Ok(pages) if pages > LOG_ALARM_PAGES => {
            tracing::warn!(
                pages,
                "the write-ahead log is large: a long read (a backup, a report) keeps it from shrinking"
            );
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "could not fold the write-ahead log into the database"),
    }
}

async fn work(conn: &mut SqliteConnection, group: &mut Vec<Box<dyn Queued>>) {
    if mutation::active(mutation::ACK_BEFORE_COMMIT) {
        return acknowledge_early(conn, group).await;
    }
    match commit_group(conn, group).await {
        Ok(()) => answer_all(group),
        Err(Failure::Operation(error)) if group.len() > 1 => {
            tracing::debug!(%error, operations = group.len(), "one operation of a group failed, applying one by one");
            apply_one_by_one(conn, group).await;
        }
        Err(Failure::Operation(error) | Failure::Group(error)) => refuse_all(group, classify(error)),
    }
}

fn answer_all(group: &mut Vec<Box<dyn Queued>>) {
    for op in group.drain(..) {
        op.answer(Ok(()));
    }
}

/// Why a group was not committed.
enum Failure {
    /// One of the operations: the others may be fine.
    Operation(StoreError),
    /// The transaction itself (disk full, I/O error, locked from outside): none of them can succeed now.
    Group(StoreError),
}

async fn commit_group(conn: &mut SqliteConnection, group: &mut [Box<dyn Queued>]) -> Result<(), Failure> {
    conn.execute("BEGIN IMMEDIATE").await.map_err(|error| Failure::Group(error.into()))?;
    if let Err(error) = apply_all(conn, group).await {
        roll_back(conn).await;
        return Err(Failure::Operation(error));
    }
    if let Err(error) = conn.execute("COMMIT").await {
        roll_back(conn).await;
        return Err(Failure::Group(error.into()));
    }
    Ok(())
}

async fn apply_all(conn: &mut SqliteConnection, group: &mut [Box<dyn Queued>]) -> Result<(), StoreError> {
    let payloads: Vec<&NewInbox> = group.iter().flat_map(|op| op.payloads()).collect();
    let mut appended = insert_pending(conn, &payloads).await?.into_iter();
    for op in group.iter_mut() {
        let own = op.payloads().len();
        op.appended(appended.by_ref().take(own).collect());
        op.apply(conn).await?;
    }
    Ok(())
}

/// Every member hears the same cause.
fn refuse_all(group: &mut Vec<Box<dyn Queued>>, error: StoreError) {
    for op in group.drain(1..) {
        op.answer(Err(again(&error)));
    }
    if let Some(op) = group.pop() {
        op.answer(Err(error));
    }
}

/// The same error once more: database errors cannot be cloned.
fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Full(text) => StoreError::Full(text.clone()),
        StoreError::Refused(text) => StoreError::Refused(text.clone()),
        StoreError::Closed => StoreError::Closed,
        StoreError::Corrupt { what, cause } => StoreError::Corrupt { what: what.clone(), cause: cause.clone() },
        StoreError::Open { .. } | StoreError::Database(_) | StoreError::Migrate(_) => {
            StoreError::Database(sqlx::Error::Io(std::io::Error::other(error.to_string())))
        }
    }
}

async fn roll_back(conn: &mut SqliteConnection) {
    // SQLite may have rolled back by itself (disk full, I/O error); then there is nothing left to undo.
    if let Err(error) = conn.execute("ROLLBACK").await {
        tracing::debug!(%error, "nothing to roll back");
    }
}

async fn apply_one_by_one(conn: &mut SqliteConnection, group: &mut Vec<Box<dyn Queued>>) {
    for op in group.drain(..) {
        let mut alone = [op];
        let result = commit_group(conn, &mut alone).await;
        let [op] = alone;
        op.answer(result.map_err(|(Failure::Operation(error) | Failure::Group(error))| classify(error)));
    }
}

/// The mutation that the kill test must catch: answering before the commit.
async fn acknowledge_early(conn: &mut SqliteConnection, group: &mut Vec<Box<dyn Queued>>) {
    if let Err(error) = conn.execute("BEGIN IMMEDIATE").await {
        tracing::error!(%error, "mutation: begin failed");
    }
    if let Err(error) = apply_all(conn, group).await {
        tracing::error!(%error, "mutation: operation failed");
    }
    answer_all(group);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    if let Err(error) = conn.execute("COMMIT").await {
        tracing::error!(%error, "mutation: commit failed");
    }
}

/// A full disk is told apart: callers answer 503 and go on by themselves once there is space.
fn classify(error: StoreError) -> StoreError {
    match error {
        StoreError::Database(inner) if is_full(&inner) => StoreError::Full(inner.to_string()),
        other => other,
    }
}

/// SQLITE_FULL (13): the database cannot grow.
fn is_full(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|e| e.code()).is_some_and(|code| code == "13")
}
