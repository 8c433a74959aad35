//! One claimed file from its hash to its archive; not here: which file is next.
//!
//! The order of steps is the whole protocol: staged rows are invisible, the release makes rows and hash durable together,
//! and only then the file moves. A refusal is recorded before the file moves to `error/`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::channel::{CHUNKS, Chunk, ReadFailure, read_claim};
use super::outcome::{Decision, Ending, Held, Problem};
use super::watch::FileIntake;
use crate::connector::file::drop::{Claim, DropError, DropFolder, guard_min_rows};
use crate::connector::file::error::FileCause;
use crate::connector::file::{Disposition, FileError, FileSummary};
use crate::connector::manifest::FileMode;
use crate::mapping::expr::TemplateError;
use crate::store::{BatchHistory, NewBatch, NewInbox, SourceKind, StoreError};

/// Why a file stays claimed; it is found in `work/` by the next round.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Drop(#[from] DropError),
    #[error("the inbox holds more than {0} payloads; files wait for processing")]
    Backlog(u32),
    #[error("what the partner must state cannot be made from the settings: {0}; correct `partner` or the settings")]
    Partner(#[from] TemplateError),
    #[error("a thread of the file reader was lost; the file is read again")]
    Lost,
    #[error("stopped")]
    Stopped,
}

/// The folder, for whichever thread may block on it.
pub(super) type Folder = Arc<Mutex<DropFolder>>;

/// Runs file system work where it may block.
pub(super) async fn blocking<T: Send + 'static>(
    folder: &Folder,
    work: impl FnOnce(&mut DropFolder) -> Result<T, DropError> + Send + 'static,
) -> Result<T, Trouble> {
    let folder = Arc::clone(folder);
    let done = tokio::task::spawn_blocking(move || work(&mut folder.lock().unwrap_or_else(PoisonError::into_inner)));
    Ok(done.await.map_err(|_| Trouble::Lost)??)
}

/// What reading a claim into a batch came to.
struct Staged {
    claim: Claim,
    batch: i64,
    read: Result<FileSummary, Obstacle>,
}

/// A file that cannot be applied as it is.
enum Obstacle {
    File(FileError),
    Other(Problem),
}

pub(super) struct PickUp<'a> {
    pub intake: &'a FileIntake,
    pub folder: &'a Folder,
    pub stop: &'a CancellationToken,
    pub decision: Option<Decision>,
    /// Where refused files go.
    pub kept_in: &'a Path,
    /// Whether holding the file is worth an issue already.
    pub lasts: bool,
}

impl PickUp<'_> {
    pub async fn run(&self, claim: Claim) -> Result<Ending, Trouble> {
        let sha256 = hex::encode(claim.sha256);
        let intake = self.intake;
        let history = intake.store.batch_history(&intake.connection, &intake.stream, &sha256).await?;
        if let Some(before) = self.repeat_of(&claim, &history) {
            self.archive(claim).await?;
            return Ok(Ending::Repeat { before });
        }
        let accept = self.decision == Some(Decision::Accept);
        let previous = if accept { None } else { history.last_sequence.and_then(|last| u64::try_from(last).ok()) };
        let mut staged = self.stage(claim, &sha256, previous, &history).await?;
        if let Err(Obstacle::File(error)) = &staged.read
            && let FileCause::SequenceMismatch { found, .. } = *error.cause
            && history.last_refused
            && previous == Some(found)
        {
            // The number of the file that was refused last: this is the corrected one.
            staged = self.stage(staged.claim, &sha256, None, &history).await?;
        }
        let Staged { claim, batch, read } = staged;
        match read.and_then(|summary| self.guard(&claim, summary, &history, accept)) {
            Ok(summary) if self.decision == Some(Decision::Refuse) => {
                let problem = Problem::discarded(&claim.name, summary.sequence);
                self.refuse(claim, batch, problem).await
            }
            Ok(summary) => self.apply(claim, batch, summary).await,
            Err(Obstacle::File(error)) => match error.disposition() {
                Disposition::Refuse => self.refuse(claim, batch, Problem::of(&error, true)).await,
                Disposition::Hold | Disposition::Retry => {
                    let needs_person = matches!(*error.cause, FileCause::TooFewRows { .. });
                    self.hold(claim, batch, Problem::of(&error, needs_person)).await
                }
            },
            Err(Obstacle::Other(problem)) => self.hold(claim, batch, problem).await,
        }
    }

    /// The same content is the same file if nothing else came in between, if it carries its own number, or if its name is
    /// its own as well. A partner that gives all files one name may well state yesterday's content again.
    fn repeat_of(&self, claim: &Claim, history: &BatchHistory) -> Option<String> {
        let before = history.same_content.clone()?;
        let numbered = self.intake.read.format.numbers_files();
        let own_name = self.intake.names_differ() && history.applied_as.contains(&claim.name);
        (history.is_newest || numbered || own_name).then_some(before)
    }

    async fn stage(
        &self,
        claim: Claim,
        sha256: &str,
        previous: Option<u64>,
        history: &BatchHistory,
    ) -> Result<Staged, Trouble> {
        let (intake, at) = (self.intake, self.intake.clock.now_us());
        let batch = NewBatch {
            connection: intake.connection.clone(),
            stream: intake.stream.clone(),
            name: claim.name.clone(),
            sha256: sha256.to_owned(),
            at,
        };
        let batch = intake.store.open_batch(batch).await?;
        let rows = Rows {
            intake,
            name: claim.name.clone(),
            file: json!({ "name": claim.name, "numbers": claim.numbers }),
            // Content that returns after other content came in between is new.
            dedupe: match history.applied_as.len() {
                0 => format!("file/{}/{sha256}", intake.stream),
                times => format!("file/{}/{sha256}~{times}", intake.stream),
            },
            at,
        };
        let (chunks, mut arriving) = mpsc::channel(CHUNKS);
        let (spec, limits) = (intake.read.spec(&intake.settings)?, intake.limits.clone());
        let reader = tokio::task::spawn_blocking(move || {
            // Bad input must never take the hub down, not even by a defect of ours.
            let read = catch_unwind(AssertUnwindSafe(|| read_claim(&spec, &limits, previous, &claim, chunks)));
            (claim, read)
        });
        let stored = self.store_chunks(batch, &rows, &mut arriving).await;
        // The reader stops at its next chunk if nobody takes it.
        drop(arriving);
        let (claim, read) = reader.await.map_err(|_| Trouble::Lost)?;
        stored?;
        let read = match read {
            Ok(Ok(summary)) => Ok(summary),
            Ok(Err(ReadFailure::File(error))) => Err(Obstacle::File(error)),
            Ok(Err(ReadFailure::Drop(error @ DropError::Changed { .. }))) => {
                Err(Obstacle::Other(Problem::changed(&claim.name, &error)))
            }
            Ok(Err(ReadFailure::Drop(error))) => return Err(error.into()),
            Ok(Err(ReadFailure::Abandoned)) => return Err(Trouble::Lost),
            Err(_) => Err(Obstacle::Other(Problem::panicked(&claim.name))),
        };
        Ok(Staged { claim, batch, read })
    }

    async fn store_chunks(
        &self,
        batch: i64,
        rows: &Rows<'_>,
        arriving: &mut mpsc::Receiver<Chunk>,
    ) -> Result<(), Trouble> {
        loop {
            let chunk = tokio::select! {
                chunk = arriving.recv() => chunk,
                () = self.stop.cancelled() => return Err(Trouble::Stopped),
            };
            let Some(chunk) = chunk else { return Ok(()) };
            self.intake.store.stage_rows(batch, rows.inbox(chunk)).await?;
        }
    }

    /// A complete file that has suddenly shrunk is more often cut than right.
    fn guard(
        &self,
        claim: &Claim,
        summary: FileSummary,
        history: &BatchHistory,
        accept: bool,
    ) -> Result<FileSummary, Obstacle> {
        let percent = match &self.intake.read.mode {
            // Rounded up: what is in between is held rather than applied.
            FileMode::Snapshot { min_rows } => min_rows.basis_points.div_ceil(100).min(100),
            FileMode::Delta => return Ok(summary),
        };
        let previous = history.last_rows.and_then(|rows| u64::try_from(rows).ok());
        let guarded = guard_min_rows(previous, summary.rows, u8::try_from(percent).unwrap_or(100));
        match guarded {
            Err(cause) if !accept => {
                let error = FileError::new(&claim.name, cause);
                Err(Obstacle::File(FileError { sequence: summary.sequence, ..error }))
            }
            Ok(()) | Err(_) => Ok(summary),
        }
    }

    async fn apply(&self, claim: Claim, batch: i64, summary: FileSummary) -> Result<Ending, Trouble> {
        let sequence = match summary.sequence.map(i64::try_from).transpose() {
            Ok(sequence) => sequence,
            Err(_) => {
                let text = summary.sequence.unwrap_or_default().to_string();
                let name = "sequence number".to_owned();
                let cause = FileCause::BadControlValue { name, text, wanted: "a number that fits 63 bits" };
                let error = FileError::new(&claim.name, cause);
                return self.refuse(claim, batch, Problem::of(&error, true)).await;
            }
        };
        let released = self.intake.store.release_batch(batch, sequence).await?;
        self.intake.processor.wake();
        self.archive(claim).await?;
        Ok(Ending::Applied { rows: released.rows, sequence: summary.sequence })
    }

    async fn refuse(&self, claim: Claim, batch: i64, problem: Problem) -> Result<Ending, Trouble> {
        let intake = self.intake;
        let discarded = self.decision == Some(Decision::Refuse);
        let issue = if discarded {
            problem.hold(&intake.connection, &intake.stream, &claim.name)
        } else {
            problem.refusal(&intake.connection, &intake.stream, self.kept_in)
        };
        let sequence = problem.sequence.and_then(|number| i64::try_from(number).ok());
        tracing::warn!(
            connection = intake.connection,
            stream = intake.stream,
            file = claim.name,
            reason = problem.detail,
            "a file was refused; nothing of it was applied"
        );
        let issue = intake.store.refuse_batch(batch, sequence, &problem.detail, issue).await?;
        if discarded {
            // The person has seen it already.
            let at = intake.clock.now_us();
            intake.store.discard_issue(issue, None, "the file was moved to error/", "hub", at).await?;
        }
        let now = self.now();
        blocking(self.folder, move |folder| folder.refuse(claim, &problem.detail, now)).await?;
        Ok(Ending::Refused)
    }

    async fn hold(&self, claim: Claim, batch: i64, problem: Problem) -> Result<Ending, Trouble> {
        if self.decision == Some(Decision::Refuse) {
            return self.refuse(claim, batch, problem).await;
        }
        let intake = self.intake;
        let mut issue = None;
        if self.lasts || problem.needs_person {
            let dead = problem.hold(&intake.connection, &intake.stream, &claim.name);
            issue = Some(intake.store.hold_batch(batch, &problem.detail, dead).await?);
        }
        blocking(self.folder, move |folder| folder.release(claim)).await?;
        Ok(Ending::Held(Box::new(Held { problem, issue })))
    }

    async fn archive(&self, claim: Claim) -> Result<(), Trouble> {
        let now = self.now();
        blocking(self.folder, move |folder| folder.archive(claim, now)).await.map(|_| ())
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.intake.clock.now_us()).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// Dresses rows as payloads.
struct Rows<'a> {
    intake: &'a FileIntake,
    name: String,
    dedupe: String,
    /// `file` of keys' and versions' templates.
    file: Value,
    at: i64,
}

impl Rows<'_> {
    fn inbox(&self, chunk: Chunk) -> Vec<NewInbox> {
        let row = |row: super::channel::StagedRow| NewInbox {
            connection: self.intake.connection.clone(),
            stream: self.intake.stream.clone(),
            source: SourceKind::File,
            dedupe_key: format!("{}/{}{}", self.dedupe, row.row, if row.rejected { "!" } else { "" }),
            topic: String::new(),
            headers: envelope(row.header.as_deref(), &self.file),
            place: format!("{} row {}", self.name, row.row),
            payload: row.payload,
            received_at: self.at,
        };
        chunk.into_iter().map(row).collect()
    }
}

/// What keys and versions may read besides the row.
fn envelope(header: Option<&Map<String, Value>>, file: &Value) -> String {
    json!({ "header": header, "file": file }).to_string()
}
