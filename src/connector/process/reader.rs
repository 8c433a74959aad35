//! A stream read from a program, page by page: the program waits while a page is stored.
//!
//! Not here: storing, and when the next round begins (intake).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::failure::{Failure, Fault};
use super::message::{Ability, Answer};
use super::pages::{Accepted, Gathered, States};
use super::program::{Program, StreamName};
use super::session::{Next, Session};
use super::singer::{Tap, TapNext};
use crate::connector::call::{CallError, CallResult, Page, PageToken};
use crate::connector::manifest::{ProcessProtocol, ProcessRead, ProcessReadMode, Stream};
use crate::model::ErrorClass;

/// Records do not wait longer than this for their page to fill.
const FLUSH: Duration = Duration::from_secs(1);

pub struct ProcessReader {
    program: Arc<Program>,
    name: StreamName,
    read: ProcessRead,
    /// Pages handed out.
    pages: AtomicU64,
    /// The run under way, while nobody reads from it.
    paused: Mutex<Option<Run>>,
}

/// One run of the program for one walk.
struct Run {
    source: Source,
    states: States,
    /// Everything is read, every time: there is no state.
    is_snapshot: bool,
    token: String,
    /// What went wrong after the last page that was handed out.
    failed: Option<Failure>,
}

enum Source {
    Session(Box<Session>),
    Tap(Box<Tap>),
}

enum Event {
    Record { record: Value, bytes: u64 },
    State(Value),
    End,
    NotYet,
}

impl ProcessReader {
    /// `None` if the stream is not read from a program.
    pub fn new(program: &Arc<Program>, stream: &Stream) -> Option<ProcessReader> {
        let read = stream.process_read()?.clone();
        let name = StreamName::new(&stream.name, read.stream.as_ref());
        Some(ProcessReader {
            program: Arc::clone(program),
            name,
            read,
            pages: AtomicU64::new(0),
            paused: Mutex::new(None),
        })
    }

    /// The first page starts the program at `cursor`; the last one has seen it end. A call that is given up, and a walk that
    /// begins anew, kill the run before.
    pub async fn page(&self, cursor: Option<&str>, page: Option<PageToken>) -> CallResult<Page> {
        let what = format!("read {}", self.name.ours);
        let error = |failure: Failure| self.program.error(failure, &what, false);
        let paused = self.paused.lock().await.take();
        let mut run = match page {
            None => {
                drop(paused);
                self.start(cursor).await.map_err(error)?
            }
            Some(token) => paused.filter(|run| run.token == token.0).ok_or_else(|| self.interrupted(&what))?,
        };
        if let Some(failure) = run.failed.take() {
            return Err(error(failure));
        }
        let mut gathered = Gathered::default();
        let more = match run.gather(&mut gathered, &self.program.system, &self.name.ours).await {
            Ok(more) => more,
            // What came before the fault is kept; the fault is told when the next page is asked for.
            Err(fault) if !gathered.is_empty() => {
                run.failed = Some(run.source.failure(fault));
                true
            }
            Err(fault) => return Err(error(run.source.failure(fault))),
        };
        let (records, cursor) = (gathered.records, gathered.cursor);
        let mut page = Page { records, ids: Vec::new(), fetched: Vec::new(), next: None, server_time: None, cursor };
        if more {
            // Of this page of this run and no other.
            run.token = format!("{}#{}", self.name.ours, self.pages.fetch_add(1, Ordering::Relaxed));
            page.next = Some(PageToken(run.token.clone()));
            *self.paused.lock().await = Some(run);
        } else {
            run.source.close().await;
        }
        Ok(page)
    }

    async fn start(&self, cursor: Option<&str>) -> Result<Run, Failure> {
        let source = match self.program.process.protocol {
            ProcessProtocol::Syncline => Source::Session(Box::new(self.ask(cursor).await?)),
            ProcessProtocol::SingerTap | ProcessProtocol::SingerTarget => Source::Tap(Box::new(
                Tap::start(&self.program, &self.name, self.read.replication.as_ref(), cursor).await?,
            )),
        };
        let is_snapshot = self.read.mode == ProcessReadMode::Snapshot;
        Ok(Run { source, states: States::new(cursor), is_snapshot, token: String::new(), failed: None })
    }

    async fn ask(&self, cursor: Option<&str>) -> Result<Session, Failure> {
        let mut session = Session::open(&self.program).await?;
        let asked = match self.read.mode {
            ProcessReadMode::Changes => {
                let state: Value = match cursor.map(serde_json::from_str).transpose() {
                    Ok(state) => state.unwrap_or_default(),
                    Err(error) => {
                        let reason = format!("cannot be told where to begin: the stored state is not JSON: {error}");
                        return Err(Fault::Unfit(reason).into());
                    }
                };
                session.ask(Ability::Read, json!({ "stream": self.name.theirs, "state": state })).await
            }
            ProcessReadMode::Snapshot => session.ask(Ability::Snapshot, json!({ "stream": self.name.theirs })).await,
        };
        match asked {
            Ok(()) => Ok(session),
            Err((fault, _)) => Err(session.failure(fault)),
        }
    }

    fn interrupted(&self, what: &str) -> Box<CallError> {
        Box::new(CallError {
            class: ErrorClass::Transient,
            system: self.program.system.clone(),
            what: what.to_owned(),
            status: None,
            message: "the run that had the next page is over".to_owned(),
            next_step: "the next round reads on from the stored state".to_owned(),
            retry_after: None,
            sent: false,
            request_excerpt: String::new(),
            response_excerpt: String::new(),
        })
    }
}

impl Run {
    /// Fills a page. `false` at the end of the walk.
    async fn gather(&mut self, page: &mut Gathered, connection: &str, stream: &str) -> Result<bool, Fault> {
        let mut flush: Option<Instant> = None;
        loop {
            match self.source.next(flush).await? {
                Event::End => return Ok(false),
                Event::NotYet => return Ok(true),
                Event::Record { record, bytes } => page.record(record, bytes),
                Event::State(state) if self.is_snapshot => return Err(self.source.misplaced(state)),
                Event::State(state) => match self.states.accept(&state) {
                    Accepted::Cursor(cursor) => page.cursor = Some(cursor),
                    Accepted::Nothing => {}
                    Accepted::Refused => {
                        tracing::warn!(
                            connection,
                            stream,
                            "plugin: an empty state is not taken in place of the known one"
                        );
                    }
                },
            }
            if page.is_full() {
                return Ok(true);
            }
            if flush.is_none() && !page.is_empty() {
                flush = Some(Instant::now() + FLUSH);
            }
        }
    }
}

impl Source {
    async fn next(&mut self, flush: Option<Instant>) -> Result<Event, Fault> {
        match self {
            Source::Session(session) => Ok(match session.next(flush).await? {
                Next::NotYet => Event::NotYet,
                Next::Answer(Answer::Record(record)) => Event::Record { bytes: session.heard_bytes, record },
                Next::Answer(Answer::State(state)) => Event::State(state),
                Next::Answer(Answer::Done { .. }) => Event::End,
                Next::Answer(Answer::Error(refusal)) => return Err(Fault::Refused(refusal)),
                Next::Answer(
                    other @ (Answer::Stream { .. } | Answer::Result { .. } | Answer::Found { .. } | Answer::Absent),
                ) => return Err(session.misplaced(&other)),
            }),
            Source::Tap(tap) => Ok(match tap.next(flush).await? {
                TapNext::Record { record, bytes } => Event::Record { record, bytes },
                TapNext::State(state) => Event::State(state),
                TapNext::End => Event::End,
                TapNext::NotYet => Event::NotYet,
            }),
        }
    }

    fn misplaced(&self, state: Value) -> Fault {
        match self {
            Source::Session(session) => session.misplaced(&Answer::State(state)),
            Source::Tap(tap) => tap.violation("is a state in a complete walk"),
        }
    }

    fn failure(&self, fault: Fault) -> Failure {
        match self {
            Source::Session(session) => session.failure(fault),
            Source::Tap(tap) => tap.failure(fault),
        }
    }

    /// After the end: nothing that happens now takes anything back.
    async fn close(self) {
        match self {
            Source::Session(session) => session.close().await,
            // Its end was the end of the walk.
            Source::Tap(_) => {}
        }
    }
}
