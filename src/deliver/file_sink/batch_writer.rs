//! One batch on its way into the partner's folder, and the completion of one that was cut off; blocking. Not here: who
//! waits for it.

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::journal::{Journal, JournalError, Journals};
use crate::connector::file::drop::{DropError, OutboundFolder};
use crate::connector::file::error::FileCause;
use crate::connector::file::write::FileWriter;
use crate::connector::file::{FileError, FileRoot};
use crate::connector::manifest::FileWrite;
use crate::mapping::expr::{Scope, TemplateError};

/// What is the same for all batches of a stream.
#[derive(Debug)]
pub(super) struct Layout {
    pub connection: String,
    pub stream: String,
    pub write: FileWrite,
    pub settings: Value,
    pub root: FileRoot,
    /// Its name as the settings give it.
    pub folder_name: String,
    /// For people.
    pub folder: PathBuf,
    pub journals: PathBuf,
}

/// Names tried when some are taken, before a person is asked.
const NAMES_TRIED: u32 = 1_000;

impl Layout {
    /// One per stream: batches of a stream are written one after the other.
    fn temporary(&self) -> String {
        format!(".{}.{}.tmp", self.connection, self.stream)
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum BatchError {
    #[error(transparent)]
    Drop(#[from] DropError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the file's name or its partner cannot be made: {0}")]
    Name(#[from] TemplateError),
    #[error("{tried} names were tried, the last {name:?}, and all are taken in {}", .folder.display())]
    Taken { tried: u32, name: String, folder: PathBuf },
}

/// A batch that failed, and whether it may have had its effect all the same.
#[derive(Debug)]
pub(super) struct Failed {
    pub error: Box<BatchError>,
    pub maybe_published: bool,
}

impl<E: Into<BatchError>> From<E> for Failed {
    fn from(error: E) -> Failed {
        Failed { error: Box::new(error.into()), maybe_published: false }
    }
}

/// One record to be written.
pub(super) struct Row<'a> {
    pub key: &'a str,
    pub body: &'a Value,
}

/// Where a record is: file name and row, counted from 1.
pub(super) type Written = (String, usize);

pub(super) struct BatchWriter {
    folder: OutboundFolder,
    journals: Journals,
}

impl BatchWriter {
    /// Opens folder and journals and completes what an earlier life left half-way.
    pub fn open(layout: &Layout) -> Result<BatchWriter, BatchError> {
        let folder = layout.root.outbound(&layout.folder_name, layout.write.marker.clone())?;
        let (journals, open) = Journals::open(&layout.journals)?;
        let mut writer = BatchWriter { folder, journals };
        for journal in &open {
            writer.complete(layout, journal)?;
        }
        // Staged but never in a journal: it had no effect, and its deliveries come again.
        writer.folder.discard(&layout.temporary())?;
        Ok(writer)
    }

    /// An open journal says: staged, perhaps published. The staged file tells which, because publishing takes it away.
    fn complete(&mut self, layout: &Layout, journal: &Journal) -> Result<(), BatchError> {
        let temporary = layout.temporary();
        let staged = self.folder.exists(&temporary)?;
        let (connection, stream, file) = (&layout.connection, &layout.stream, &journal.name);
        if staged.is_some_and(|staged| hex::encode(staged.sha256) == journal.sha256) {
            if !self.folder.publish(&temporary, &journal.name)? {
                tracing::warn!(
                    connection,
                    stream,
                    file,
                    "the name of a half-written batch is taken; its records are written anew"
                );
                // In this order: without its journal the staged file is nothing.
                self.journals.undo(journal)?;
                return Ok(self.folder.discard(&temporary)?);
            }
            tracing::info!(connection, stream, file, "published a batch that was left half-way");
        }
        match self.folder.exists(&journal.name)? {
            Some(found) if found.announced => {}
            Some(_) => self.folder.announce(&journal.name)?,
            None => tracing::warn!(
                connection,
                stream,
                file,
                "a batch is gone from the folder; the partner has taken it, as far as can be told"
            ),
        }
        Ok(self.journals.close(journal)?)
    }

    pub fn may_know(&self, key: &str) -> bool {
        self.journals.may_know(key)
    }

    pub fn find(&self, key: &str) -> Result<Option<Written>, BatchError> {
        Ok(self.journals.find(key)?)
    }

    /// Writes a batch. The answers are in the order of `rows`; a record that cannot be written fails alone.
    pub fn write(
        &mut self,
        layout: &Layout,
        rows: &[Row<'_>],
        now_us: i64,
    ) -> Result<Vec<Result<Written, FileError>>, Failed> {
        let mut answers = Vec::with_capacity(rows.len());
        for row in rows {
            // Written under a claim whose result was lost: the same effect, once.
            answers.push(if self.journals.may_know(row.key) { self.journals.find(row.key)?.map(Ok) } else { None });
        }
        let mut taken = String::new();
        for number in 1..=NAMES_TRIED {
            let label = self.label(layout, now_us, number)?;
            if !self.folder.is_free(&label.name)? {
                taken = label.name;
                continue;
            }
            let Some(journal) = self.stage(layout, &label, rows, &mut answers)? else {
                self.folder.discard(&layout.temporary())?;
                return Ok(answers.into_iter().flatten().collect());
            };
            self.journals.begin(&journal)?;
            if !self.publish(layout, &journal)? {
                answers
                    .iter_mut()
                    .filter(|answer| matches!(answer, Some(Ok((name, _))) if *name == label.name))
                    .for_each(|answer| *answer = None);
                taken = label.name;
                continue;
            }
            if let Err(error) = self.journals.prune(now_us) {
                // Nothing of the batch depends on it; the next one tries again.
                tracing::warn!(connection = layout.connection, stream = layout.stream, %error, "old journals stay");
            }
            return Ok(answers.into_iter().flatten().collect());
        }
        Err(BatchError::Taken { tried: NAMES_TRIED, name: taken, folder: layout.folder.clone() }.into())
    }

    /// Writes the rows that have no answer yet under the temporary name. `None` if there is none to write.
    fn stage(
        &self,
        layout: &Layout,
        label: &Label,
        rows: &[Row<'_>],
        answers: &mut [Option<Result<Written, FileError>>],
    ) -> Result<Option<Journal>, Failed> {
        let mut keys = Vec::new();
        let staged = self.folder.stage(&layout.temporary(), |out| -> Result<(), BatchError> {
            let mut writer = FileWriter::new(&label.name, &layout.write.format, &label.given, out)?;
            for (row, answer) in rows.iter().zip(answers.iter_mut()).filter(|(_, answer)| answer.is_none()) {
                match writer.row(row.body) {
                    Ok(()) => {
                        keys.push(row.key.to_owned());
                        *answer = Some(Ok((label.name.clone(), keys.len())));
                    }
                    Err(error) if matches!(*error.cause, FileCause::Io(_)) => return Err(error.into()),
                    Err(error) => *answer = Some(Err(error)),
                }
            }
            writer.finish()?;
            Ok(())
        })?;
        Ok((!keys.is_empty()).then(|| Journal {
            sequence: label.sequence,
            time_ms: label.time_ms,
            name: label.name.clone(),
            sha256: hex::encode(staged.sha256),
            size_bytes: staged.size_bytes,
            keys,
        }))
    }

    /// `false` if somebody took the name since it was found free.
    fn publish(&mut self, layout: &Layout, journal: &Journal) -> Result<bool, Failed> {
        let maybe = |error: BatchError| Failed { error: Box::new(error), maybe_published: true };
        match self.folder.publish(&layout.temporary(), &journal.name) {
            Ok(true) => {}
            Ok(false) => {
                self.journals.undo(journal)?;
                self.folder.discard(&layout.temporary())?;
                return Ok(false);
            }
            Err(error) => {
                let staged = self.folder.exists(&layout.temporary()).map_err(|error| maybe(error.into()))?;
                let published = self.folder.exists(&journal.name).map_err(|error| maybe(error.into()))?;
                if staged.is_none() && published.is_none() {
                    // Somebody removed the staged file under our hands: without its journal nothing happened.
                    self.journals.undo(journal)?;
                    return Err(error.into());
                }
                return Err(maybe(error.into()));
            }
        }
        self.folder.announce(&journal.name).map_err(|error| maybe(error.into()))?;
        self.journals.close(journal).map_err(|error| maybe(error.into()))?;
        Ok(true)
    }

    /// Number, time and name of the next batch: each beyond all before it, whatever the clock says.
    fn label(&self, layout: &Layout, now_us: i64, ahead: u32) -> Result<Label, BatchError> {
        let sequence = self.journals.last_sequence + u64::from(ahead);
        let time_ms = (now_us / 1_000).max(self.journals.last_time_ms + 1) + i64::from(ahead) - 1;
        let at = Timestamp::from_millisecond(time_ms).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC);
        let time = at.strftime("%Y%m%dT%H%M%S%3fZ").to_string();
        let batch = json!({ "time": time, "sequence": format!("{sequence:08}") });
        let scope = Scope::new().with("settings", &layout.settings).with("batch", &batch);
        let name = layout.write.name.value.render(&scope)?;
        let mut given = layout.write.partner.given(&layout.settings)?;
        given.insert("sequence".to_owned(), Value::String(sequence.to_string()));
        given.insert("time".to_owned(), Value::String(at.strftime("%H%M%S").to_string()));
        given.insert("date".to_owned(), Value::String(at.strftime("%Y%m%d").to_string()));
        given.insert("name".to_owned(), Value::String(name.clone()));
        Ok(Label { sequence, time_ms, name, given })
    }
}

struct Label {
    sequence: u64,
    time_ms: i64,
    name: String,
    /// For header and trailer records: `sequence`, `date` (YYYYMMDD), `time` (HHMMSS), `name`; for envelopes also the partner's.
    given: Map<String, Value>,
}
