//! The loop over one drop folder: what was left, what is new, in order, at its pace; not here: one file's way (`pick_up`).

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::fetching::Fetching;
use super::outcome::{Decision, Ending};
use super::patience::Patience;
use super::pick_up::{Folder, PickUp, Trouble, blocking};
use crate::connector::file::FileLimits;
use crate::connector::file::drop::{Claim, DropError, DropFolder, DropSpec, Offer, TakenBack, Waiting};
use crate::connector::file::sftp::{Fetcher, Sftp};
use crate::connector::manifest::FileRead;
use crate::mapping::expr::{Scope, TemplateError};
use crate::model::ErrorClass;
use crate::model::clock::Clock;
use crate::process::ProcessorHandle;
use crate::store::{FileDecision, FileFate, Store, StoreError};

/// One stream that comes as files.
pub struct FileIntake {
    pub connection: String,
    pub stream: String,
    pub read: FileRead,
    /// `settings` of the folder's template.
    pub settings: Value,
    /// Where a relative folder starts.
    pub data_dir: PathBuf,
    /// The server that partners use, if the folder is not on this machine.
    pub remote: Option<Remote>,
    pub limits: FileLimits,
    pub store: Arc<dyn Store>,
    pub processor: ProcessorHandle,
    pub clock: Clock,
    /// Asks for a round at once.
    pub now: Arc<Notify>,
    /// Told when the folder was looked through to its end, whether anything was there or not.
    pub completed: Arc<dyn Fn(i64) + Send + Sync>,
}

/// A folder on a file server, and where its files are worked.
#[derive(Clone, Debug)]
pub struct Remote {
    pub server: Arc<Sftp>,
    /// Of this machine; this stream's alone.
    pub spool: PathBuf,
}

/// Payloads waiting in the inbox above which files are left where they are.
const BACKLOG: u32 = 20_000;
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Names remembered as told of; beyond it they are told of once more.
const TOLD: usize = 1_000;
/// A file that waits for its marker longer than this is told of, and no longer waited for by those behind it.
const LATE: Duration = Duration::from_secs(600);

impl FileIntake {
    /// The folder's name as the settings give it.
    pub(super) fn folder_name(&self) -> Result<String, TemplateError> {
        self.read.folder.value.render(&Scope::new().with("settings", &self.settings))
    }

    /// The folder of this machine that files are worked in; without a server the one that partners use.
    pub fn folder(&self) -> Result<PathBuf, TemplateError> {
        match &self.remote {
            Some(remote) => Ok(remote.spool.clone()),
            None => Ok(self.data_dir.join(self.folder_name()?)),
        }
    }

    /// The spool of a server's folder, or the folder itself.
    pub(super) fn drop_spec(&self) -> Result<DropSpec, TemplateError> {
        let mut spec = self.read.drop_spec(&self.folder()?, &self.stream);
        if self.remote.is_some() {
            spec.completeness = Fetcher::completeness_here(&spec.completeness);
        }
        Ok(spec)
    }

    /// Whether the pattern leaves room for a name per file.
    pub(super) fn names_differ(&self) -> bool {
        !self.read.pattern.is_constant()
    }

    fn numbered(&self) -> bool {
        self.read.format.numbers_files()
    }
}

/// Works a drop folder until `stop`. It stops between chunks of rows; a file that is half-way then stays claimed, and the
/// next life takes it up anew.
pub async fn watch_files(intake: FileIntake, stop: CancellationToken) {
    let mut watch = Watch::new(&intake, &stop);
    let mut failures = 0_u32;
    let mut pause = Duration::ZERO;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = intake.now.notified() => {}
            () = stop.cancelled() => return,
        }
        if stop.is_cancelled() {
            return;
        }
        pause = match watch.round().await {
            Ok(()) => {
                failures = 0;
                (intake.completed)(intake.clock.now_us());
                intake.read.every
            }
            Err(RoundError::Trouble(Trouble::Stopped)) => return,
            Err(error) => {
                failures = failures.saturating_add(1);
                let wait = intake.read.every.saturating_mul(2_u32.saturating_pow(failures.min(16))).min(LONGEST_PAUSE);
                let class = error.class().as_str();
                tracing::warn!(connection = intake.connection, stream = intake.stream, %error, class, failures, ?wait,
                    "a drop folder cannot be worked, trying again");
                metrics::counter!("syncline_file_failures_total", "connection" => intake.connection.clone(),
                    "stream" => intake.stream.clone())
                .increment(1);
                wait
            }
        };
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum RoundError {
    #[error(transparent)]
    Trouble(#[from] Trouble),
    #[error("the folder's name cannot be made from the settings: {0}; correct `folder` or the connection's settings")]
    Folder(#[from] TemplateError),
}

impl RoundError {
    fn class(&self) -> ErrorClass {
        match self {
            RoundError::Trouble(Trouble::Drop(DropError::Server(error))) => error.class(),
            RoundError::Folder(_) => ErrorClass::Data,
            RoundError::Trouble(_) => ErrorClass::Transient,
        }
    }
}

impl From<StoreError> for RoundError {
    fn from(error: StoreError) -> Self {
        RoundError::Trouble(error.into())
    }
}

struct Watch<'a> {
    intake: &'a FileIntake,
    stop: &'a CancellationToken,
    folder: Option<Folder>,
    fetching: Fetching,
    patience: Patience,
    /// What people decided about files of this stream and nobody has acted upon yet; read anew in each round.
    decisions: Vec<FileDecision>,
    /// What was told already: names that are refused or late.
    told: HashSet<String>,
}

/// Whether the files behind this one may be looked at.
#[derive(PartialEq, Eq)]
enum Next {
    Go,
    Halt,
}

impl<'a> Watch<'a> {
    fn new(intake: &'a FileIntake, stop: &'a CancellationToken) -> Watch<'a> {
        let patience = Patience::new(intake.read.every);
        Watch {
            intake,
            stop,
            folder: None,
            fetching: Fetching::default(),
            patience,
            decisions: Vec::new(),
            told: HashSet::new(),
        }
    }

    async fn round(&mut self) -> Result<(), RoundError> {
        let folder = self.open().await?;
        self.decisions = self.intake.store.file_decisions(&self.intake.connection, &self.intake.stream).await?;
        self.take_back(&folder).await?;
        // A server that fails holds up what it has, not what is here.
        let fetched = self.fetching.look(self.intake, self.stop).await;
        if let Ok(refused) = &fetched {
            refused.iter().for_each(|error| self.tell_refused(error));
        }
        let recovery = blocking(&folder, |folder| folder.recover()).await?;
        recovery.refused.iter().for_each(|error| self.tell_refused(error));
        for claim in recovery.claims {
            let (name, size) = (claim.name.clone(), claim.size_bytes);
            tracing::info!(
                connection = self.intake.connection,
                stream = self.intake.stream,
                file = name,
                "taking up a file that was left half-way"
            );
            self.work(&folder, claim, &name, size).await?;
        }
        let mut scan = blocking(&folder, |folder| folder.scan(Instant::now())).await?;
        scan.waiting.extend(self.fetching.waiting.iter().cloned());
        scan.refused.iter().for_each(|error| self.tell_refused(error));
        self.tell_waiting(&scan.waiting);
        let is_there = |name: &str| {
            scan.ready.iter().any(|offer| offer.name == name) || scan.waiting.iter().any(|file| file.name == name)
        };
        self.patience.keep(is_there);
        self.drop_decisions(is_there).await?;
        for offer in &scan.ready {
            if self.stop.is_cancelled() {
                return Err(Trouble::Stopped.into());
            }
            if self.waits_behind(offer, &scan.waiting) || self.offer(&folder, offer).await? == Next::Halt {
                break;
            }
        }
        metrics::gauge!("syncline_files_held", "connection" => self.intake.connection.clone(),
            "stream" => self.intake.stream.clone())
        .set(u32::try_from(self.patience.count()).unwrap_or(u32::MAX));
        fetched?;
        Ok(())
    }

    async fn open(&mut self) -> Result<Folder, RoundError> {
        if let Some(folder) = &self.folder {
            return Ok(Arc::clone(folder));
        }
        let spec = self.spec()?;
        let opened = tokio::task::spawn_blocking(move || DropFolder::open(spec)).await;
        let folder = opened.map_err(|_| Trouble::Lost)?.map_err(Trouble::Drop)?;
        let folder = Arc::new(Mutex::new(folder));
        self.folder = Some(Arc::clone(&folder));
        Ok(folder)
    }

    fn spec(&self) -> Result<DropSpec, TemplateError> {
        self.intake.drop_spec()
    }

    /// Puts refused files back that a person wants read again.
    async fn take_back(&mut self, folder: &Folder) -> Result<(), RoundError> {
        let (connection, stream) = (self.intake.connection.as_str(), self.intake.stream.as_str());
        for decision in self.decisions.iter().filter(|decision| decision.fate == FileFate::Reread) {
            let FileDecision { batch, name, sha256, .. } = decision.clone();
            let file = name.clone();
            match blocking(folder, move |folder| folder.take_back(&name, &sha256)).await? {
                TakenBack::Done => tracing::info!(connection, stream, file, "a refused file is read again"),
                // One of that name is there: it goes first.
                TakenBack::Occupied => continue,
                TakenBack::Gone => tracing::warn!(
                    connection,
                    stream,
                    file,
                    "a refused file that was to be read again is not in error/ any more; put it into the folder anew"
                ),
            }
            self.intake.store.reread_done(batch).await?;
        }
        self.decisions.retain(|decision| decision.fate != FileFate::Reread);
        Ok(())
    }

    /// The partner took a held file back: nothing is left to decide about it.
    async fn drop_decisions(&mut self, is_there: impl Fn(&str) -> bool) -> Result<(), StoreError> {
        let gone: Vec<String> =
            self.decisions.iter().map(|decision| decision.name.clone()).filter(|name| !is_there(name)).collect();
        for name in gone {
            tracing::warn!(
                connection = self.intake.connection,
                stream = self.intake.stream,
                file = name,
                "a held file that was decided about is not in its folder any more"
            );
            self.held_done(&name, "gone").await?;
        }
        Ok(())
    }

    /// Files are in order. Where they carry no numbers, one that is not complete yet holds up those behind it: an older
    /// state must not be read after a newer one.
    fn waits_behind(&self, offer: &Offer, waiting: &[Waiting]) -> bool {
        let before = |waiting: &Waiting| {
            let numbers = self.intake.read.pattern.matches(&waiting.name);
            numbers.is_some_and(|numbers| (&numbers, &waiting.name) < (&offer.numbers, &offer.name))
        };
        !self.intake.numbered() && waiting.iter().any(|waiting| waiting.waited < LATE && before(waiting))
    }

    async fn offer(&mut self, folder: &Folder, offer: &Offer) -> Result<Next, RoundError> {
        // Those behind a held file may go on only if their numbers keep them from overtaking it.
        let behind = if self.intake.numbered() { Next::Go } else { Next::Halt };
        let now = Instant::now();
        if self.decisions.iter().any(|decision| decision.name == offer.name) {
            self.patience.hurry_one(&offer.name, now);
        }
        if !self.patience.is_due(&offer.name, offer.size_bytes, now) {
            return Ok(behind);
        }
        if self.intake.store.pending_count(BACKLOG + 1).await? > u64::from(BACKLOG) {
            return Err(Trouble::Backlog(BACKLOG).into());
        }
        let wanted = offer.clone();
        let claim = match blocking(folder, move |folder| folder.claim(&wanted)).await {
            Ok(Some(claim)) => claim,
            Ok(None) => return Ok(Next::Go),
            // Put back by the claim itself.
            Err(Trouble::Drop(error @ DropError::Changed { .. })) => {
                let (attempts, pause) = self.patience.hold(&offer.name, offer.size_bytes, None, now);
                tracing::debug!(file = offer.name, %error, attempts, ?pause, "a file is still being written");
                return Ok(behind);
            }
            Err(error) => return Err(error.into()),
        };
        let held = self.work(folder, claim, &offer.name, offer.size_bytes).await?;
        Ok(if held { behind } else { Next::Go })
    }

    /// What a person decided about a held file of this content.
    fn decision(&self, claim: &Claim) -> Option<Decision> {
        let sha256 = hex::encode(claim.sha256);
        let found = self.decisions.iter().rfind(|found| found.name == claim.name && found.sha256 == sha256)?;
        match found.fate {
            FileFate::Accept => Some(Decision::Accept),
            FileFate::Reject => Some(Decision::Refuse),
            FileFate::Refused | FileFate::Held | FileFate::Reread => None,
        }
    }

    /// Returns whether the file was put back.
    async fn work(&mut self, folder: &Folder, claim: Claim, name: &str, size: u64) -> Result<bool, RoundError> {
        let decision = self.decision(&claim);
        let spec = self.spec()?;
        let lasts = self.patience.lasts(name) && (self.patience.issue(name).is_none() || decision.is_some());
        let pick_up = PickUp { intake: self.intake, folder, stop: self.stop, decision, kept_in: &spec.error, lasts };
        let ending = pick_up.run(claim).await?;
        let (connection, stream) = (self.intake.connection.as_str(), self.intake.stream.as_str());
        let outcome = match &ending {
            Ending::Applied { rows, sequence } => {
                tracing::info!(connection, stream, file = name, rows, sequence, "a file was applied");
                "applied"
            }
            Ending::Repeat { before } => {
                tracing::info!(
                    connection,
                    stream,
                    file = name,
                    before,
                    "a file repeats one that was applied; nothing to do"
                );
                "repeat"
            }
            Ending::Refused => "refused",
            Ending::Held(_) => "held",
        };
        metrics::counter!("syncline_files_total", "connection" => connection.to_owned(),
            "stream" => stream.to_owned(), "outcome" => outcome)
        .increment(1);
        match ending {
            Ending::Held(held) => {
                if self.decisions.iter().any(|decision| decision.name == name) {
                    self.patience.clear_issue(name);
                    if held.issue.is_none() {
                        self.held_done(name, "held").await?;
                    }
                }
                let (attempts, pause) = self.patience.hold(name, size, held.issue, Instant::now());
                let detail = held.problem.detail;
                if attempts == 1 || held.issue.is_some() {
                    tracing::warn!(connection, stream, file = name, reason = detail, ?pause, "a file is held back");
                } else {
                    tracing::debug!(
                        connection,
                        stream,
                        file = name,
                        reason = detail,
                        attempts,
                        ?pause,
                        "still held back"
                    );
                }
                Ok(true)
            }
            Ending::Applied { .. } | Ending::Repeat { .. } | Ending::Refused => {
                self.patience.forget(name);
                self.held_done(name, outcome).await?;
                self.patience.hurry(Instant::now());
                Ok(false)
            }
        }
    }

    /// The file is done with, so is the question about it.
    async fn held_done(&mut self, name: &str, outcome: &str) -> Result<(), StoreError> {
        self.decisions.retain(|decision| decision.name != name);
        let reason = format!("the file is no longer held: {outcome}");
        self.intake.store.held_done(&self.intake.connection, &self.intake.stream, name, &reason).await
    }

    fn tell_refused(&mut self, error: &DropError) {
        if self.told.len() >= TOLD {
            self.told.clear();
        }
        let text = error.to_string();
        if self.told.insert(text.clone()) {
            tracing::warn!(
                connection = self.intake.connection,
                stream = self.intake.stream,
                error = text,
                "something in a drop folder is left alone"
            );
        }
    }

    fn tell_waiting(&mut self, waiting: &[Waiting]) {
        let late = waiting.iter().filter(|waiting| waiting.waited >= LATE);
        for waiting in late {
            if self.told.insert(format!("{}: {}", waiting.name, waiting.reason)) {
                tracing::warn!(
                    connection = self.intake.connection,
                    stream = self.intake.stream,
                    file = waiting.name,
                    reason = waiting.reason,
                    "a file has been incomplete for long; ask the partner"
                );
            }
        }
        metrics::gauge!("syncline_files_waiting", "connection" => self.intake.connection.clone(),
            "stream" => self.intake.stream.clone())
        .set(u32::try_from(waiting.len()).unwrap_or(u32::MAX));
    }
}
