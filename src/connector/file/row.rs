//! What reading a file yields: rows with their place, and a summary with everything that was counted.
//!
//! Not here: how rows are found (read) or judged against control totals (totals).

use std::sync::Arc;

use serde_json::{Map, Value};

use super::error::FileError;

/// Where a record starts in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// 1-based ordinal of the record, counting header and trailer records but no blank or comment lines.
    pub row: u64,
    /// 1-based line; records without line ends (XML, pure-length fixed width) count what line feeds there are.
    pub line: u64,
    /// Offset of the first byte in the decompressed file, byte order mark included.
    pub byte_offset: u64,
}

/// One data record: an object whose field text is exactly what the file said.
#[derive(Debug, Clone, PartialEq)]
pub struct FileRow {
    pub place: Place,
    /// Code of the record type, where the format has several (`P`, `10`).
    pub record_type: Option<String>,
    /// Always an object. Text stays text; only JSON formats yield numbers (exact), booleans and null.
    pub value: Value,
    /// The file's header record (`H`, `01`), shared by all its rows.
    pub header: Option<Arc<Map<String, Value>>>,
}

/// A row that was left out under `RowPolicy::RowRejects`; the error names place and cause.
#[derive(Debug)]
pub struct RowReject {
    pub error: FileError,
}

/// What one complete read found. Only an `Ok` summary means that control totals held.
#[derive(Debug, Default)]
pub struct FileSummary {
    /// Data rows handed to the sink.
    pub rows: u64,
    /// Rows left out, in file order; empty under `RowPolicy::AllOrNothing`.
    pub rejected: Vec<RowReject>,
    pub header: Option<Arc<Map<String, Value>>>,
    pub trailer: Option<Map<String, Value>>,
    /// The checked sequence number; the caller keeps it and passes it as `previous_sequence` next time.
    pub sequence: Option<u64>,
    /// Bytes after decompression.
    pub content_bytes: u64,
    /// Bytes taken from the source.
    pub source_bytes: u64,
}
