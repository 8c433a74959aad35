//! From the blocking reader to the asynchronous store: chunks of rows through a short channel, so that memory is bounded by
//! chunks and not by files; not here: the store.

use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::mpsc;

use crate::connector::file::drop::{Claim, DropError};
use crate::connector::file::{FileError, FileLimits, FileSpec, FileSummary, ReadContext, read};

/// Rows staged together.
const CHUNK_ROWS: usize = 500;
/// Fewer, when rows are large.
const CHUNK_BYTES: usize = 1 << 20;
/// Chunks that may wait for the store.
pub(super) const CHUNKS: usize = 2;

/// One row on its way into the inbox.
pub(super) struct StagedRow {
    /// Ordinal in the file, unique within it.
    pub row: u64,
    pub payload: Vec<u8>,
    /// The file's header record, shared by its rows.
    pub header: Option<Arc<Map<String, Value>>>,
    /// Why the row could not be read, if it could not: the payload then is this text, which no record is, so that the row
    /// ends as a dead letter of its own.
    pub rejected: bool,
}

pub(super) type Chunk = Vec<StagedRow>;

#[derive(Debug, thiserror::Error)]
pub(super) enum ReadFailure {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Drop(#[from] DropError),
    /// Whoever takes the rows has gone; it knows why.
    #[error("nobody takes the rows any more")]
    Abandoned,
}

/// Reads a claimed file to its end, on a thread that may block. `Ok` means: complete, totals hold, unchanged.
pub(super) fn read_claim(
    spec: &FileSpec,
    limits: &FileLimits,
    previous_sequence: Option<u64>,
    claim: &Claim,
    rows: mpsc::Sender<Chunk>,
) -> Result<FileSummary, ReadFailure> {
    let control_file = claim.control_file()?;
    let context = ReadContext { file: &claim.name, limits, previous_sequence, control_file: control_file.as_ref() };
    let mut sender = Sender { rows, chunk: Vec::new(), bytes: 0, abandoned: false };
    let read = read(spec, context, claim.open()?, &mut |row| {
        let payload = row.value.to_string().into_bytes();
        sender.push(StagedRow { row: row.place.row, payload, header: row.header, rejected: false })
    });
    let summary = match read {
        Ok(summary) => summary,
        Err(_) if sender.abandoned => return Err(ReadFailure::Abandoned),
        Err(error) => return Err(error.into()),
    };
    for reject in &summary.rejected {
        let row = StagedRow {
            row: reject.error.row.unwrap_or_default(),
            payload: reject.error.to_string().into_bytes(),
            header: None,
            rejected: true,
        };
        sender.push(row).map_err(|_| ReadFailure::Abandoned)?;
    }
    sender.flush().map_err(|_| ReadFailure::Abandoned)?;
    claim.check_unchanged()?;
    Ok(summary)
}

struct Sender {
    rows: mpsc::Sender<Chunk>,
    chunk: Chunk,
    bytes: usize,
    abandoned: bool,
}

impl Sender {
    fn push(&mut self, row: StagedRow) -> Result<(), FileError> {
        self.bytes += row.payload.len();
        self.chunk.push(row);
        if self.chunk.len() < CHUNK_ROWS && self.bytes < CHUNK_BYTES { Ok(()) } else { self.flush() }
    }

    /// Waits while the store is behind.
    fn flush(&mut self) -> Result<(), FileError> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        self.bytes = 0;
        self.rows.blocking_send(std::mem::take(&mut self.chunk)).map_err(|_| {
            self.abandoned = true;
            FileError::sink("nobody takes the rows any more")
        })
    }
}
