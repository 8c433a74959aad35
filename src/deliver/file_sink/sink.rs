//! Deliveries waiting for their batch; not here: writing it (`batch_writer`).
//!
//! No task of its own: whichever delivery completes a batch, or first runs out of time, has it written for all. A delivery
//! that is given up while it waits is not written; one that is given up while its batch is written is found by the next
//! look-up.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{OwnedMutexGuard, oneshot};
use tokio::time::Instant;

use super::batch_writer::{BatchWriter, Layout, Row, Written};
use super::failure;
use crate::connector::call::{CallResult, Lookup, Receipt, WriteContext};
use crate::connector::file::FileRoot;
use crate::connector::manifest::FileWrite;
use crate::deliver::destination::{Effect, EffectKind, Protection};
use crate::mapping::expr::{Scope, TemplateError};
use crate::model::clock::Clock;

/// A stream that is written as files.
pub struct FileSink {
    layout: Arc<Layout>,
    clock: Clock,
    waiting: Mutex<VecDeque<Entry>>,
    /// `None` before the first batch and after a failure: it is opened anew, which completes what was half-way.
    writer: Arc<tokio::sync::Mutex<Option<BatchWriter>>>,
}

struct Entry {
    key: String,
    body: Value,
    due: Instant,
    /// Several, if one effect was asked for again while its first delivery still waited.
    answers: Vec<oneshot::Sender<CallResult<Receipt>>>,
}

impl FileSink {
    /// `settings` are those of the templates. The folder is one of `root`'s; the journals lie below `data_dir`.
    pub fn new(
        connection: &str,
        stream: &str,
        write: &FileWrite,
        settings: Value,
        root: impl Into<FileRoot>,
        data_dir: &Path,
        clock: Clock,
    ) -> Result<FileSink, TemplateError> {
        let folder = write.folder.value.render(&Scope::new().with("settings", &settings))?;
        let root = root.into();
        let layout = Layout {
            connection: connection.to_owned(),
            stream: stream.to_owned(),
            write: write.clone(),
            settings,
            folder: root.place(&folder),
            folder_name: folder,
            root,
            journals: data_dir.join(super::kept::FOLDER).join(connection).join(stream),
        };
        Ok(FileSink { layout: Arc::new(layout), clock, waiting: Mutex::default(), writer: Arc::default() })
    }

    /// Deliveries that fill a batch: with fewer in flight, every batch waits for its time.
    pub fn batch_records(&self) -> u32 {
        self.layout.write.batch.full()
    }

    /// Every revision of a record becomes a row of its own, recognised by its idempotency key. Files cannot say that a
    /// record is gone.
    pub fn protection(&self, kind: EffectKind) -> Option<Protection> {
        match kind {
            EffectKind::Create | EffectKind::Update => Some(Protection::LookUp),
            EffectKind::Upsert | EffectKind::Set | EffectKind::Delete => None,
        }
    }

    /// Returns once the record's batch is published.
    pub async fn write(&self, effect: &Effect) -> CallResult<Receipt> {
        let key = &effect.context.idempotency_key;
        if key.is_empty() {
            return Err(failure::without_key(&self.layout));
        }
        let (mut answer, due) = self.enqueue(key, &effect.body);
        if self.is_full() {
            self.flush(Instant::now()).await;
        }
        loop {
            tokio::select! {
                biased;
                answered = &mut answer => return answered.unwrap_or_else(|_| Err(failure::lost(&self.layout))),
                () = tokio::time::sleep_until(due) => self.flush(Instant::now()).await,
            }
        }
    }

    /// Whether this effect was written, by its idempotency key; waits for a batch that is being written.
    pub async fn lookup(&self, context: &WriteContext) -> CallResult<Lookup> {
        let key = context.idempotency_key.clone();
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        if writer.as_ref().is_some_and(|writer| !writer.may_know(&key)) {
            return Ok(Lookup::Absent);
        }
        let layout = Arc::clone(&self.layout);
        let found = tokio::task::spawn_blocking(move || {
            let opened = open(&layout, &mut writer).and_then(|writer| writer.find(&key));
            opened.map_err(|error| failure::of_batch(&layout, &error.into()))
        });
        let found = found.await.map_err(|_| failure::lost(&self.layout))??;
        Ok(found.map_or(Lookup::Absent, |written| Lookup::Found { remote_id: remote_id(&written), body: Value::Null }))
    }

    /// Writes what waits without waiting for more; for shutting down.
    pub async fn drain(&self) {
        while !self.locked().is_empty() {
            self.flush(Instant::now() + self.every()).await;
        }
    }

    fn every(&self) -> Duration {
        self.layout.write.batch.every
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, VecDeque<Entry>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_full(&self) -> bool {
        self.locked().len() >= self.layout.write.batch.full() as usize
    }

    fn enqueue(&self, key: &str, body: &Value) -> (oneshot::Receiver<CallResult<Receipt>>, Instant) {
        let (sender, answer) = oneshot::channel();
        let mut waiting = self.locked();
        if let Some(entry) = waiting.iter_mut().find(|entry| entry.key == key) {
            entry.answers.push(sender);
            return (answer, entry.due);
        }
        let due = Instant::now() + self.every();
        waiting.push_back(Entry { key: key.to_owned(), body: body.clone(), due, answers: vec![sender] });
        (answer, due)
    }

    /// Has batches written as long as one is full or its oldest record is due by `now`.
    async fn flush(&self, now: Instant) {
        loop {
            let writer = Arc::clone(&self.writer).lock_owned().await;
            let batch = self.take(now);
            if batch.is_empty() {
                return;
            }
            let (layout, now_us) = (Arc::clone(&self.layout), self.clock.now_us());
            let done = tokio::task::spawn_blocking(move || write_batch(&layout, writer, batch, now_us));
            if let Err(error) = done.await {
                // Its deliveries learn of it by their answers' absence.
                tracing::error!(connection = self.layout.connection, stream = self.layout.stream, %error,
                    "the writer of a batch was lost");
            }
        }
    }

    fn take(&self, now: Instant) -> Vec<Entry> {
        let records = self.layout.write.batch.full() as usize;
        let mut waiting = self.locked();
        // Nobody waits for it any more; if it is still owed, it comes again.
        waiting.retain(|entry| entry.answers.iter().any(|answer| !answer.is_closed()));
        let due = waiting.front().is_some_and(|oldest| oldest.due <= now);
        if !due && waiting.len() < records {
            return Vec::new();
        }
        let count = records.min(waiting.len());
        waiting.drain(..count).collect()
    }
}

fn open<'a>(
    layout: &Layout,
    writer: &'a mut OwnedMutexGuard<Option<BatchWriter>>,
) -> Result<&'a mut BatchWriter, super::batch_writer::BatchError> {
    match &mut **writer {
        Some(writer) => Ok(writer),
        slot @ None => Ok(slot.insert(BatchWriter::open(layout)?)),
    }
}

fn write_batch(layout: &Layout, mut slot: OwnedMutexGuard<Option<BatchWriter>>, batch: Vec<Entry>, now_us: i64) {
    let rows: Vec<Row<'_>> = batch.iter().map(|entry| Row { key: &entry.key, body: &entry.body }).collect();
    // Out of its place while it works: after a failure or a panic the next one opens it anew.
    let written = match open(layout, &mut slot) {
        Ok(_) => match slot.take() {
            Some(mut writer) => {
                let written = writer.write(layout, &rows, now_us);
                if written.is_ok() {
                    *slot = Some(writer);
                }
                written
            }
            None => return,
        },
        Err(error) => Err(error.into()),
    };
    metrics::counter!("syncline_file_batches_total", "connection" => layout.connection.clone(),
        "stream" => layout.stream.clone(), "outcome" => if written.is_ok() { "written" } else { "failed" })
    .increment(1);
    // Free for the next batch before the answers go out.
    drop(slot);
    match written {
        Ok(answers) => {
            for (entry, answer) in batch.into_iter().zip(answers) {
                answer_all(entry, answer.map(|written| receipt(&written)).map_err(|e| failure::of_record(layout, &e)));
            }
        }
        Err(failed) => {
            let error = failure::of_batch(layout, &failed);
            tracing::warn!(connection = layout.connection, stream = layout.stream, %error, "a batch could not be written");
            batch.into_iter().for_each(|entry| answer_all(entry, Err(error.clone())));
        }
    }
}

fn answer_all(entry: Entry, answer: CallResult<Receipt>) {
    for sender in entry.answers {
        // A delivery that was given up meanwhile finds its row by look-up.
        let _ = sender.send(answer.clone());
    }
}

fn remote_id((name, row): &Written) -> String {
    format!("{name}#{row}")
}

fn receipt(written: &Written) -> Receipt {
    Receipt {
        remote_id: Some(remote_id(written)),
        remote_version: None,
        status: None,
        response_excerpt: format!("written to {}, row {}", written.0, written.1),
    }
}
