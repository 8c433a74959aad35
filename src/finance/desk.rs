//! Reconciliations of one installation over its store: runs are made and kept, decisions checked and appended.
//!
//! Whatever is decided is decided about what was read last: an event that came in between refuses it. Runs read large files and
//! therefore keep off the runtime's threads. Not here: the rules (`workflow`), one run at a time (`api`).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::yaml::Source;
use crate::model::Date;
use crate::recon::report::{OpenItem, Report};
use crate::store::{NewReconEvent, NewRun, ReconEvent, RunRow, Store, StoreError};

use super::bind::{Connectors, bind};
use super::definition::{Definition, Loaded, load_all, parse};
use super::export::{self, ExportError, Format};
use super::look::{Compared, Comparison, compare, keep_all};
use super::period::Period;
use super::record_rows::HubStreams;
use super::rederive::{RederiveError, Rederived, background, canonical, rederive};
use super::run::{Asked, RunError};
use super::systems::Systems;
use super::taken::{TakeError, asks_hub};
use super::workflow::{
    Ask, Book, BookError, Deciding, Fact, Refusal, Role, RunRecord, Signature, act, decide, kept, reopen, sign, undo,
};

/// Events read at once.
const PAGE: u32 = 5_000;
/// How often a run is kept anew because people decided something while it went on.
const ATTEMPTS: usize = 5;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no such thing.
    #[error("{0}")]
    Unknown(Refusal),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Take(#[from] TakeError),
    #[error("{0}")]
    Book(#[from] BookError),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error("{0}")]
    Damaged(String),
}

impl From<RederiveError> for DeskError {
    fn from(error: RederiveError) -> DeskError {
        match error {
            RederiveError::Run(error) => error.into(),
            RederiveError::Refused(refusal) => refusal.into(),
            RederiveError::Take(error) => error.into(),
            RederiveError::Document { .. } => DeskError::Damaged(error.to_string()),
        }
    }
}

/// What a run is to be of.
#[derive(Debug, Clone)]
pub struct RunAsked {
    pub period: Option<Period>,
    /// Without, today in the reconciliation's time zone.
    pub as_of: Option<Date>,
    /// Where files are looked for, if not in the installation.
    pub input_dir: Option<PathBuf>,
    pub actor: String,
}

/// Books as they were read last, to be brought up to date by the events that came since.
pub type Shelf = Arc<tokio::sync::Mutex<BTreeMap<String, Arc<Book>>>>;
/// A report as a file.
#[derive(Debug, Clone)]
pub struct Exported {
    pub name: String,
    pub content_type: &'static str,
    pub bytes: Vec<u8>,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    pub store: Arc<dyn Store>,
    /// The running hub, if there is one.
    pub systems: Option<Arc<dyn Systems>>,
    /// The installation.
    pub folder: PathBuf,
    /// Where runs set digests aside.
    pub room: PathBuf,
    pub now: Arc<dyn Fn() -> i64 + Send + Sync>,
    pub shelf: Shelf,
}

impl Desk {
    pub fn definitions(&self) -> (Vec<Loaded>, crate::config::yaml::Diagnostics) {
        load_all(&self.folder)
    }

    pub fn definition(&self, name: &str) -> Result<Loaded, DeskError> {
        let (loaded, problems) = self.definitions();
        loaded.into_iter().find(|loaded| *loaded.definition.name == *name).ok_or_else(|| {
            let next = if problems.is_empty() {
                "`syncline recon list` shows which there are; they are files in reconciliations/".to_owned()
            } else {
                format!("`syncline check` tells more: {problems}")
            };
            DeskError::Unknown(Refusal { what: format!("there is no reconciliation `{name}`"), next })
        })
    }

    /// The definition with the connectors and streams of the installation, or every name that is not there.
    pub fn bound(&self, loaded: Loaded) -> Result<Definition, DeskError> {
        if !asks_hub(&loaded.definition) {
            return loaded.bound(&Connectors::of(&self.folder), None).map_err(unbound);
        }
        let streams = match &self.systems {
            Some(systems) => systems.streams(),
            None => HubStreams::of(&crate::config::load(&self.folder).map_err(unbound)?),
        };
        loaded.bound(&Connectors::of(&self.folder), Some(&streams)).map_err(unbound)
    }

    pub async fn events(&self, name: &str) -> Result<Vec<ReconEvent>, DeskError> {
        events_after(&self.store, name, 0).await
    }

    pub async fn book(&self, name: &str) -> Result<Book, DeskError> {
        Ok(Book::clone(&*self.shelved(name).await?))
    }

    /// The book for reading. Events are only ever appended, so what was followed once need not be read again.
    pub async fn shelved(&self, name: &str) -> Result<Arc<Book>, DeskError> {
        let mut shelf = self.shelf.lock().await;
        let mut book = shelf.get(name).cloned().unwrap_or_default();
        let events = events_after(&self.store, name, book.head).await?;
        if !events.is_empty() {
            shelf.remove(name);
            let open = Arc::make_mut(&mut book);
            events.iter().try_for_each(|event| open.follow(event))?;
            shelf.insert(name.to_owned(), Arc::clone(&book));
        }
        Ok(book)
    }

    pub async fn run_row(&self, run: i64) -> Result<RunRow, DeskError> {
        self.store.run(run).await?.ok_or_else(|| no_such_run(run))
    }

    pub async fn report(&self, run: i64) -> Result<Report, DeskError> {
        let body = self.store.run_body(run).await?.ok_or_else(|| no_such_run(run))?;
        serde_json::from_slice(&body)
            .map_err(|error| DeskError::Damaged(format!("the document of run {run} cannot be read: {error}")))
    }

    /// Makes a run and keeps it; returns its id.
    pub async fn run(&self, name: &str, asked: RunAsked) -> Result<i64, DeskError> {
        let loaded = self.definition(name)?;
        let text = loaded.source.text().to_owned();
        let definition = Arc::new(self.bound(loaded)?);
        let started_at = (self.now)();
        let as_of = match asked.as_of {
            Some(day) => day,
            None => today(started_at, &definition.zone)?,
        };
        let told = Asked { period: asked.period, as_of };
        let root = asked.input_dir.clone().unwrap_or_else(|| self.folder.clone());
        std::fs::create_dir_all(&self.room).map_err(|error| {
            DeskError::Damaged(format!("{} cannot be created: {error}; check the data directory", self.room.display()))
        })?;
        let mut made = None;
        for _ in 0..ATTEMPTS {
            let book = self.book(name).await?;
            let behind = background(&book, asked.period);
            let known = made.take_if(|(_, of)| *of == behind);
            let compared: Compared = match known {
                Some((compared, _)) => compared,
                None => {
                    let what = Comparison {
                        definition: Arc::clone(&definition),
                        root: root.clone(),
                        room: self.room.clone(),
                        asked: told,
                        background: behind.clone(),
                    };
                    let compared = compare(self, &what).await?;
                    let files = compared.keep.clone();
                    blocking(move || keep_all(&what, &files)).await??;
                    compared
                }
            };
            let mut document = compared.report.clone();
            let input_dir = asked.input_dir.as_ref().map(|folder| folder.display().to_string());
            let detail = kept(&book, &mut document, input_dir)?;
            let run = NewRun {
                reconciliation: name.to_owned(),
                period: document.cover.period.clone(),
                as_of: document.cover.as_of.clone(),
                rules: document.cover.rules.clone(),
                definition: text.clone(),
                status: word(&document.cover.status)?,
                body: canonical(&document).map_err(damaged)?,
                started_at,
                ended_at: (self.now)(),
                actor: asked.actor.clone(),
            };
            let detail = serde_json::to_value(detail).map_err(damaged)?;
            match self.store.keep_run(run, book.head, detail).await {
                Ok(id) => return Ok(id),
                Err(StoreError::Refused(why)) => {
                    tracing::info!(reconciliation = name, why, "decided upon while it ran: kept anew");
                    made = Some((compared, behind));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal {
            what: format!("`{name}` was decided upon again and again while it ran"),
            next: "run it again when nobody works on it".to_owned(),
        }
        .into())
    }

    /// Makes a kept run again and compares.
    pub async fn rederive(&self, run: i64) -> Result<Rederived, DeskError> {
        let row = self.run_row(run).await?;
        let body = self.store.run_body(run).await?.ok_or_else(|| no_such_run(run))?;
        let events = self.events(&row.reconciliation).await?;
        let all = Book::of(&events)?;
        let record = all.runs.get(&run).ok_or_else(|| no_such_run(run))?;
        let before = Book::of(events.iter().filter(|event| event.seq < record.event))?;
        let source = Source::new(format!("definition of run {run}"), row.definition);
        let mut definition = parse(&source).map_err(|problems| {
            DeskError::Damaged(format!("the definition of run {run} cannot be read by this version: {problems}"))
        })?;
        // What was taken of the hub was kept as rows: whatever has become of its streams, the run stands.
        bind(&mut definition, &source, &Connectors::of(&self.folder), None).map_err(unbound)?;
        let root = record.input_dir.as_ref().map_or_else(|| self.folder.clone(), PathBuf::from);
        let room = self.room.clone();
        Ok(blocking(move || rederive(run, &body, &definition, &before, [&root, &room])).await??)
    }

    /// A kept run's report with the signatures that it has now. A document that is not what was kept is not exported.
    pub async fn export(&self, run: i64, format: Format) -> Result<Exported, DeskError> {
        let row = self.run_row(run).await?;
        let report = self.report(run).await?;
        let book = self.book(&row.reconciliation).await?;
        let record = book.runs.get(&run).ok_or_else(|| no_such_run(run))?;
        let actual = export::fingerprint(&report)?;
        if actual != record.sha256 {
            return Err(DeskError::Damaged(format!(
                "the document of run {run} was kept as {} and is {actual}: it was not exported",
                record.sha256
            )));
        }
        let signatures = signatures(record);
        let name = format.file_name(&report, run);
        let mut bytes = Vec::new();
        let bytes = blocking(move || export::write(&report, &signatures, format, &mut bytes).map(|()| bytes)).await??;
        Ok(Exported { name, content_type: format.content_type(), bytes })
    }

    /// What `actor` asks about a break. Returns the event's number.
    pub async fn act(&self, name: &str, item: &str, actor: &str, ask: Ask) -> Result<i64, DeskError> {
        let policy = self.definition(name)?.definition.policy;
        let book = self.book(name).await?;
        let fact = act(&book, &policy, item, actor, ask)?;
        let run = book.items.get(item).map(|item| item.last_run);
        self.append(&book, &fact, name, run, item, actor).await
    }

    /// Brings the rows of breaks together, as the newest run that shows each of them has them.
    pub async fn decide(
        &self,
        name: &str,
        breaks: &[String],
        forced: bool,
        reason: &str,
        actor: &str,
    ) -> Result<i64, DeskError> {
        let rules = self.definition(name)?.definition.rules;
        let book = self.book(name).await?;
        let mut items: Vec<OpenItem> = Vec::new();
        let mut reports: std::collections::BTreeMap<i64, Report> = std::collections::BTreeMap::new();
        for id in breaks {
            let item = self.shown(&book, id, &mut reports).await?;
            if items.iter().all(|known| known.id != item.id) {
                items.push(item);
            }
        }
        let items: Vec<&OpenItem> = items.iter().collect();
        let fact = decide(&book, &rules, Deciding { items: &items, forced, reason })?;
        let run = book.runs.keys().next_back().copied();
        self.append(&book, &fact, name, run, "", actor).await
    }

    /// A break as the newest run that has it shows it.
    async fn shown(
        &self,
        book: &Book,
        id: &str,
        reports: &mut std::collections::BTreeMap<i64, Report>,
    ) -> Result<OpenItem, DeskError> {
        if book.items.contains_key(id) {
            for run in book.runs.keys().rev() {
                if !reports.contains_key(run) {
                    reports.insert(*run, self.report(*run).await?);
                }
                let found = reports.get(run).and_then(|report| report.breaks.iter().find(|item| item.id == id));
                if let Some(item) = found {
                    return Ok(item.clone());
                }
            }
        }
        Err(DeskError::Unknown(Refusal {
            what: format!("there is no break {id}"),
            next: "`syncline recon breaks NAME` lists them".to_owned(),
        }))
    }

    /// Takes a match back.
    pub async fn undo(&self, name: &str, event: i64, reason: &str, actor: &str) -> Result<i64, DeskError> {
        let book = self.book(name).await?;
        let fact = undo(&book, event, reason)?;
        let run = book.runs.keys().next_back().copied();
        self.append(&book, &fact, name, run, "", actor).await
    }

    pub async fn sign(&self, run: i64, role: Role, actor: &str, note: &str) -> Result<i64, DeskError> {
        let name = self.run_row(run).await?.reconciliation;
        let policy = self.definition(&name)?.definition.policy;
        let report = self.report(run).await?;
        let book = self.book(&name).await?;
        let fact = sign(&book, &policy, run, &report, role, actor, note)?;
        self.append(&book, &fact, &name, Some(run), "", actor).await
    }

    pub async fn reopen(&self, run: i64, reason: &str, actor: &str) -> Result<i64, DeskError> {
        let name = self.run_row(run).await?.reconciliation;
        let book = self.book(&name).await?;
        let fact = reopen(&book, run, reason)?;
        self.append(&book, &fact, &name, Some(run), "", actor).await
    }

    async fn append(
        &self,
        book: &Book,
        fact: &Fact,
        name: &str,
        run: Option<i64>,
        item: &str,
        actor: &str,
    ) -> Result<i64, DeskError> {
        let event: NewReconEvent = fact.event((self.now)(), actor, name, run, item).map_err(damaged)?;
        book.clone().follow(&ReconEvent::chained(event.clone(), book.head + 1, String::new()))?;
        let numbers = self.store.append_recon(book.head, vec![event]).await?;
        numbers.first().copied().ok_or_else(|| DeskError::Damaged("the store kept no event".to_owned()))
    }
}

/// Signatures in force, as exports show them.
fn signatures(record: &RunRecord) -> Vec<export::Signature> {
    let shown = |role, signature: &Signature| {
        let Signature { actor, at, note, sha256 } = signature.clone();
        let at = jiff::Timestamp::from_microsecond(at).map_or_else(|_| at.to_string(), |at| format!("{at:.0}"));
        export::Signature { role, actor, at, note, sha256 }
    };
    let preparer = record.preparer.iter().map(|signature| shown(export::Role::Preparer, signature));
    preparer.chain(record.approver.iter().map(|signature| shown(export::Role::Approver, signature))).collect()
}

fn no_such_run(run: i64) -> DeskError {
    DeskError::Unknown(Refusal {
        what: format!("there is no run {run}"),
        next: "`syncline recon list` shows the runs".to_owned(),
    })
}

fn unbound(problems: crate::config::yaml::Diagnostics) -> DeskError {
    DeskError::Refused(Refusal {
        what: format!("a side cannot be read: {problems}"),
        next: "correct the definition; `syncline check` tells all".to_owned(),
    })
}

fn damaged(error: serde_json::Error) -> DeskError {
    DeskError::Damaged(format!("cannot be written as JSON: {error}"))
}

fn word(status: &crate::recon::report::RunStatus) -> Result<String, DeskError> {
    let value = serde_json::to_value(status).map_err(damaged)?;
    Ok(value.as_str().unwrap_or_default().to_owned())
}

/// The day in a zone.
pub fn today(now: i64, zone: &jiff::tz::TimeZone) -> Result<Date, DeskError> {
    let at = jiff::Timestamp::from_microsecond(now)
        .map_err(|error| DeskError::Damaged(format!("the clock shows no time: {error}")))?;
    Ok(Date::from(at.to_zoned(zone.clone()).date()))
}

/// A reconciliation's events above `known`.
pub(super) async fn events_after(store: &Arc<dyn Store>, name: &str, known: i64) -> Result<Vec<ReconEvent>, DeskError> {
    let mut events: Vec<ReconEvent> = Vec::new();
    loop {
        let after = events.last().map_or(known, |event| event.seq);
        let page = store.recon_events(name, after, PAGE).await?;
        let is_last = page.len() < PAGE as usize;
        events.extend(page);
        if is_last {
            return Ok(events);
        }
    }
}

pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, DeskError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| DeskError::Damaged(format!("the run ended without a result: {error}")))
}
