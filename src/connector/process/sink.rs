//! Deliveries that a program carries out: gathered, told together, each with its own outcome.
//!
//! A record whose outcome the program did not tell has an unknown one, whatever else happened. Batches of a stream are told
//! one after the other.
//! Not here: when a delivery is tried again, and whether it is looked up first (deliver).

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::failure::{Failure, Fault, Refusal};
use super::message::{Ability, Answer, Written};
use super::program::{Program, StreamName};
use super::session::{Next, Session};
use super::singer::{Acknowledged, Load, load};
use crate::connector::call::{CallError, CallResult, Lookup, Receipt, WriteContext};
use crate::connector::http::render::{self, RenderError};
use crate::connector::manifest::{OpKind, ProcessProtocol, ProcessWrite, Stream, VersionRule};
use crate::connector::webhook::version_of;
use crate::mapping::expr::Scope;

/// More is not told in one line.
const MESSAGE_BYTES: usize = 1 << 20;

/// A stream that a program writes.
pub struct ProcessSink {
    program: Arc<Program>,
    name: StreamName,
    version: VersionRule,
    write: ProcessWrite,
    schema: Value,
    waiting: Mutex<VecDeque<Entry>>,
    /// The conversation goes on from batch to batch.
    session: tokio::sync::Mutex<Option<Session>>,
}

struct Entry {
    op: OpKind,
    context: WriteContext,
    due: Instant,
    answer: oneshot::Sender<CallResult<Receipt>>,
}

impl ProcessSink {
    /// `None` if the stream is not written by a program.
    pub fn new(program: &Arc<Program>, stream: &Stream) -> Result<Option<ProcessSink>, RenderError> {
        let Some(write) = stream.process_write().cloned() else { return Ok(None) };
        let schema = match &write.schema {
            Some(schema) => render::json("the schema", schema, &Scope::new().with("settings", &program.settings))?,
            None => json!({ "type": "object", "properties": {}, "additionalProperties": true }),
        };
        Ok(Some(ProcessSink {
            program: Arc::clone(program),
            name: StreamName::new(&stream.name, write.stream.as_ref()),
            version: stream.version.clone(),
            write,
            schema,
            waiting: Mutex::default(),
            session: tokio::sync::Mutex::default(),
        }))
    }

    /// Deliveries that fill a batch: with fewer in flight, every batch waits for its time.
    pub fn batch_records(&self) -> u32 {
        self.write.batch.full()
    }

    /// Returns once the program told the record's outcome, or can tell it no more.
    pub async fn write(self: &Arc<Self>, op: OpKind, context: &WriteContext) -> CallResult<Receipt> {
        let (answer, mut answered) = oneshot::channel();
        let due = Instant::now() + self.write.batch.every;
        let is_full = {
            let mut waiting = self.locked();
            waiting.push_back(Entry { op, context: context.clone(), due, answer });
            waiting.len() >= self.write.batch.full() as usize
        };
        if is_full {
            self.flush();
        }
        loop {
            tokio::select! {
                biased;
                outcome = &mut answered => return outcome.unwrap_or_else(|_| Err(self.lost())),
                () = sleep_until(due), if self.is_waiting(due) => self.flush(),
            }
        }
    }

    /// Whether the program's system has the record already.
    pub async fn lookup(&self, context: &WriteContext) -> CallResult<Lookup> {
        let what = format!("look up {}", self.name.ours);
        let error = |failure| self.program.error(failure, &what, false);
        let mut slot = self.session.lock().await;
        let mut session = self.open(slot.take()).await.map_err(error)?;
        let mut question = members(context);
        question.insert("stream".to_owned(), json!(self.name.theirs));
        match session.lookup(Value::Object(question)).await {
            Ok(found) => {
                *slot = Some(session);
                Ok(found.map_or(Lookup::Absent, |(remote_id, body)| Lookup::Found { remote_id, body }))
            }
            Err(Fault::Refused(refusal)) => {
                let failure = session.failure(Fault::Refused(refusal));
                *slot = Some(session);
                Err(error(failure))
            }
            Err(fault) => Err(error(session.failure(fault))),
        }
    }

    /// Ends the conversation in order; for shutting down.
    pub async fn close(&self) {
        if let Some(session) = self.session.lock().await.take() {
            session.close().await;
        }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, VecDeque<Entry>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether something that is due by `due` still waits for its batch.
    fn is_waiting(&self, due: Instant) -> bool {
        self.locked().front().is_some_and(|oldest| oldest.due <= due)
    }

    /// A task of its own: a delivery that is given up must not cut off the others of its batch.
    fn flush(self: &Arc<Self>) {
        let sink = Arc::clone(self);
        let batch = sink.take(Instant::now());
        if !batch.is_empty() {
            tokio::spawn(async move { sink.carry(batch).await });
        }
    }

    fn take(&self, now: Instant) -> Vec<Entry> {
        let records = self.write.batch.full() as usize;
        let mut waiting = self.locked();
        // Nobody waits for it any more; if it is still owed, it comes again.
        waiting.retain(|entry| !entry.answer.is_closed());
        let due = waiting.front().is_some_and(|oldest| oldest.due <= now);
        if !due && waiting.len() < records {
            return Vec::new();
        }
        let mut bytes = 0;
        let fits = waiting.iter().take(records).take_while(|entry| {
            bytes += entry.context.record.to_string().len();
            bytes <= MESSAGE_BYTES
        });
        let count = fits.count().max(1).min(waiting.len());
        waiting.drain(..count).collect()
    }

    async fn carry(self: Arc<Self>, batch: Vec<Entry>) {
        let mut slot = self.session.lock().await;
        let outcomes = match self.program.process.protocol {
            ProcessProtocol::SingerTarget => self.load(&batch).await,
            ProcessProtocol::Syncline | ProcessProtocol::SingerTap => {
                let (outcomes, session) = self.tell(&batch, slot.take()).await;
                *slot = session;
                outcomes
            }
        };
        drop(slot);
        for (entry, outcome) in batch.into_iter().zip(outcomes) {
            // A delivery that was given up meanwhile finds out by itself.
            let _ = entry.answer.send(outcome);
        }
        // What is left over because it did not fit, or came meanwhile.
        self.flush();
    }

    async fn open(&self, kept: Option<Session>) -> Result<Session, Failure> {
        if let Some(mut session) = kept
            && !session.is_over()
        {
            return Ok(session);
        }
        Session::open(&self.program).await
    }

    /// One `write`, and its results.
    async fn tell(&self, batch: &[Entry], kept: Option<Session>) -> (Vec<CallResult<Receipt>>, Option<Session>) {
        let none = BTreeMap::new();
        let mut session = match self.open(kept).await {
            Ok(session) => session,
            Err(failure) => return (self.outcomes(batch, none, &self.failed(failure, false)), None),
        };
        let items: Vec<Value> = batch.iter().enumerate().map(|(index, entry)| item(index, entry)).collect();
        let question = json!({ "stream": self.name.theirs, "items": items });
        if let Err((fault, taken)) = session.ask(Ability::Write, question).await {
            return (self.outcomes(batch, none, &self.failed(session.failure(fault), taken)), None);
        }
        let mut results = none;
        match hear_results(&mut session, batch.len(), &mut results).await {
            Ok(None) => (self.outcomes(batch, results, &self.untold()), Some(session)),
            Ok(Some(refusal)) => {
                let rest = self.failed(session.failure(Fault::Refused(refusal)), true);
                (self.outcomes(batch, results, &rest), Some(session))
            }
            Err(fault) => (self.outcomes(batch, results, &self.failed(session.failure(fault), true)), None),
        }
    }

    async fn load(&self, batch: &[Entry]) -> Vec<CallResult<Receipt>> {
        let records = batch.iter().map(|entry| &entry.context.record).collect();
        let load_of = Load { stream: &self.name.theirs, schema: &self.schema, key: &self.write.key, records };
        let Acknowledged { records, failure, sent } = load(&self.program, &load_of).await;
        let there = (0..records).map(|index| (index, Ok(Written::default()))).collect();
        let rest = failure.map_or_else(|| self.untold(), |failure| self.failed(failure, sent));
        self.outcomes(batch, there, &rest)
    }

    /// Each record's own outcome; those without one get `rest`.
    fn outcomes(
        &self,
        batch: &[Entry],
        mut told: BTreeMap<usize, Result<Written, Refusal>>,
        rest: &CallError,
    ) -> Vec<CallResult<Receipt>> {
        let outcome = |(index, entry): (usize, &Entry)| match told.remove(&index) {
            Some(Ok(written)) => Ok(self.receipt(entry, written)),
            Some(Err(refusal)) => Err(self.failed(Fault::Refused(refusal).into(), true)),
            None => Err(Box::new(rest.clone())),
        };
        batch.iter().enumerate().map(outcome).collect()
    }

    fn receipt(&self, entry: &Entry, written: Written) -> Receipt {
        let version = written.version.as_deref().map(|text| version_of(&self.version, text));
        let remote_version = version.transpose().unwrap_or_else(|reason| {
            // The write stands; without its version, our echo is recognised by content.
            tracing::warn!(connection = self.program.system, stream = self.name.ours, %reason, "no version in a result");
            None
        });
        Receipt {
            remote_id: written.remote_id.or_else(|| entry.context.remote_id.clone()),
            remote_version: remote_version.flatten(),
            status: None,
            response_excerpt: format!("written by {}", self.program.shown()),
        }
    }

    fn failed(&self, failure: Failure, sent: bool) -> Box<CallError> {
        self.program.error(failure, &format!("write {}", self.name.ours), sent)
    }

    /// The program says that it is done and never told of this record.
    fn untold(&self) -> Box<CallError> {
        self.failed(Fault::Unfit("is done, but told no outcome of this record".to_owned()).into(), true)
    }

    /// The task that carried the batch is gone.
    fn lost(&self) -> Box<CallError> {
        self.failed(Fault::Unfit("was cut off while it wrote".to_owned()).into(), true)
    }
}

fn item(index: usize, entry: &Entry) -> Value {
    let mut item = Map::new();
    item.insert("item".to_owned(), json!(index.to_string()));
    item.insert("op".to_owned(), json!(entry.op.as_str()));
    item.extend(members(&entry.context));
    item.insert("refs".to_owned(), entry.context.refs.clone());
    item.insert("event".to_owned(), entry.context.event.clone());
    Value::Object(item)
}

/// What tells a record apart, and the record.
fn members(context: &WriteContext) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("key".to_owned(), json!(context.remote_id));
    members.insert("natural_key".to_owned(), json!(context.natural_key));
    members.insert("idempotency_key".to_owned(), json!(context.idempotency_key));
    members.insert("record".to_owned(), context.record.clone());
    members
}

/// Up to `done`, or up to an error about all that have no result yet.
async fn hear_results(
    session: &mut Session,
    items: usize,
    results: &mut BTreeMap<usize, Result<Written, Refusal>>,
) -> Result<Option<Refusal>, Fault> {
    loop {
        match session.next(None).await? {
            Next::NotYet => {}
            Next::Answer(Answer::Result { item, outcome }) => {
                let Some(index) = item.parse::<usize>().ok().filter(|index| *index < items) else {
                    return Err(session.violation(
                        format!("is the result of an item `{}` that was not written", item.escape_debug()),
                        &[],
                    ));
                };
                if results.contains_key(&index) {
                    return Err(session.violation(format!("is a second result of item `{index}`"), &[]));
                }
                results.insert(index, outcome);
            }
            Next::Answer(Answer::Done { .. }) => return Ok(None),
            Next::Answer(Answer::Error(refusal)) => return Ok(Some(refusal)),
            Next::Answer(
                other @ (Answer::Stream { .. }
                | Answer::Record(_)
                | Answer::State(_)
                | Answer::Found { .. }
                | Answer::Absent),
            ) => return Err(session.misplaced(&other)),
        }
    }
}
