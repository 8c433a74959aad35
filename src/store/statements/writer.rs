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

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::db::{Connection, PAUSES, Session, bounded, classify, is_transient};
use super::inbox::insert_pending;
use crate::store::contract::StoreError;
use crate::store::mutation;
use crate::store::rows::{Appended, NewInbox};

/// Operations that one commit carries at most: bounds the time that the first of them waits.
const GROUP_MAX: usize = 64;
/// Operations that may wait before callers do.
const QUEUE_MAX: usize = 1024;
/// After so long without work the database may rest.
const IDLE: Duration = Duration::from_secs(2);

pub type OpFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A unit of writing: applied in full, in one transaction, possibly more than once if a neighbour fails (so it must
/// not consume itself).
pub trait Operation: Send + Sync + 'static {
    type Output: Send;
    fn apply<'a>(&'a self, conn: &'a mut Connection) -> OpFuture<'a, Self::Output>;

    /// Payloads that this operation appends. Those of a whole group are inserted together: many small appends at once,
    /// as webhooks make them, cost a few statements.
    fn payloads(&self) -> &[NewInbox] {
        &[]
    }

    /// The rest of the operation, once its payloads are inserted.
    fn complete<'a>(&'a self, conn: &'a mut Connection, _appended: Vec<Appended>) -> OpFuture<'a, Self::Output> {
        self.apply(conn)
    }
}

trait Queued: Send {
    fn payloads(&self) -> &[NewInbox];
    fn appended(&mut self, appended: Vec<Appended>);
    fn apply<'a>(&'a mut self, conn: &'a mut Connection) -> OpFuture<'a, ()>;
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

    fn apply<'a>(&'a mut self, conn: &'a mut Connection) -> OpFuture<'a, ()> {
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
pub struct Writer {
    queue: Mutex<Option<mpsc::Sender<Box<dyn Queued>>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub fn start(session: Session) -> Writer {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        let task = tokio::spawn(serve(session, receiver));
        Writer { queue: Mutex::new(Some(sender)), task: Mutex::new(Some(task)) }
    }

    pub async fn run<O: Operation>(&self, op: O) -> Result<O::Output, StoreError> {
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
    pub async fn close(&self) {
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

async fn serve(mut session: Session, mut queue: mpsc::Receiver<Box<dyn Queued>>) {
    let mut group = Vec::with_capacity(GROUP_MAX);
    let mut rested = true;
    loop {
        let patience = if rested { Duration::MAX } else { IDLE };
        match timeout(patience, queue.recv_many(&mut group, GROUP_MAX)).await {
            Ok(0) => break,
            Ok(_) => {
                rested = false;
                work(&mut session, &mut group).await;
            }
            Err(_) => {
                rested = true;
                session.rest().await;
            }
        }
    }
    session.close().await;
}

async fn work(session: &mut Session, group: &mut Vec<Box<dyn Queued>>) {
    if mutation::active(mutation::ACK_BEFORE_COMMIT) {
        return acknowledge_early(session, group).await;
    }
    match commit_group(session, group).await {
        Ok(()) => answer_all(group),
        Err(Failure::Operation(error)) if group.len() > 1 => {
            tracing::debug!(%error, operations = group.len(), "one operation of a group failed, applying one by one");
            apply_one_by_one(session, group).await;
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
    /// The transaction itself (disk full, I/O error, locked from outside, no connection): none of them can succeed now.
    Group(StoreError),
}

impl Failure {
    fn is_transient(&self) -> bool {
        match self {
            Failure::Operation(error) | Failure::Group(error) => is_transient(error),
        }
    }
}

/// Commits a group, again after each pause as long as what prevents it may pass.
async fn commit_group(session: &mut Session, group: &mut [Box<dyn Queued>]) -> Result<(), Failure> {
    for pause in PAUSES {
        match try_to_commit(session, group).await {
            Err(failure) if failure.is_transient() => tokio::time::sleep(pause).await,
            settled => return settled,
        }
    }
    try_to_commit(session, group).await
}

async fn try_to_commit(session: &mut Session, group: &mut [Box<dyn Queued>]) -> Result<(), Failure> {
    let conn = session.begin().await.map_err(Failure::Group)?;
    if let Err(error) = bounded(apply_all(conn, group)).await {
        session.roll_back().await;
        return Err(if is_transient(&error) { Failure::Group(error) } else { Failure::Operation(error) });
    }
    session.commit().await.map_err(Failure::Group)
}

async fn apply_all(conn: &mut Connection, group: &mut [Box<dyn Queued>]) -> Result<(), StoreError> {
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
        StoreError::Unreachable { database, cause } => {
            StoreError::Unreachable { database: database.clone(), cause: cause.clone() }
        }
        StoreError::InDoubt { database, cause } => {
            StoreError::InDoubt { database: database.clone(), cause: cause.clone() }
        }
        StoreError::Corrupt { what, cause } => StoreError::Corrupt { what: what.clone(), cause: cause.clone() },
        StoreError::Open { .. } | StoreError::Database(_) | StoreError::Migrate(_) => {
            StoreError::Database(sqlx::Error::Io(std::io::Error::other(error.to_string())))
        }
    }
}

async fn apply_one_by_one(session: &mut Session, group: &mut Vec<Box<dyn Queued>>) {
    for op in group.drain(..) {
        let mut alone = [op];
        let result = commit_group(session, &mut alone).await;
        let [op] = alone;
        op.answer(result.map_err(|(Failure::Operation(error) | Failure::Group(error))| classify(error)));
    }
}

/// The mutation that the kill test must catch: answering before the commit.
async fn acknowledge_early(session: &mut Session, group: &mut Vec<Box<dyn Queued>>) {
    match session.begin().await {
        Ok(conn) => {
            if let Err(error) = apply_all(conn, group).await {
                tracing::error!(%error, "mutation: operation failed");
            }
        }
        Err(error) => tracing::error!(%error, "mutation: begin failed"),
    }
    answer_all(group);
    tokio::time::sleep(Duration::from_millis(300)).await;
    if let Err(error) = session.commit().await {
        tracing::error!(%error, "mutation: commit failed");
    }
}
