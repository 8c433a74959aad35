//! What a connector declares about EDI interchanges that it writes.
//!
//! Not here: partners' ids, dates and the batch's number; the caller gives them.

use crate::connector::file::edi::Delimiters;
use crate::connector::file::format::{EdiSyntax, SegmentPosition, Structure};

/// One interchange per file, in X12 with one group; each row is a message, or with `gather` adds to one.
///
/// Given per batch: `sequence`, `date` (YYYYMMDD), `time` (HHMMSS), `sender`, `receiver`, and if wanted `sender_qualifier`,
/// `receiver_qualifier`, `usage` (`P` or `T`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdiWrite {
    pub syntax: EdiSyntax,
    /// `850`, `ORDERS`.
    pub message: String,
    /// GS08 `004010`, or the rest of the message's identifier: `D:96A:UN:EAN008`.
    pub version: String,
    /// GS01; only X12.
    pub group: String,
    /// UNB 0001 and 0002: `UNOC`, `3`; only EDIFACT.
    pub charset: String,
    pub charset_version: String,
    pub delimiters: Delimiters,
    /// A line end after each segment, which partners ignore and people like.
    pub line_breaks: bool,
    pub control_numbers: ControlNumbers,
    pub structure: Structure,
    /// Rows that differ only in this list of the outermost level become one message with all their items.
    pub gather: Option<String>,
    /// Elements that count their segments from 1 where the row says nothing: `PO1.01`.
    pub line_numbers: Vec<SegmentPosition>,
    /// Elements that say when or by which interchange the message was made, where the row says nothing: `BIA.04: date`.
    pub stamps: Vec<(SegmentPosition, Stamp)>,
}

/// Of the batch; its clock runs on UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// CCYYMMDD.
    Date,
    /// HHMM.
    Time,
    /// CCYYMMDDHHMM.
    Minute,
    /// The interchange's number.
    Number,
}

/// The range of this stream's interchange numbers. The first batch gets `first`; `last` is followed by `first`.
///
/// Streams to the same partner need ranges of their own: partners take a number that they have seen for a repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlNumbers {
    pub first: u64,
    pub last: u64,
}

impl Default for ControlNumbers {
    fn default() -> Self {
        Self { first: 1, last: 999_999_999 }
    }
}

impl ControlNumbers {
    /// `sequence` counts batches from 1 without gaps.
    pub fn of(self, sequence: u64) -> u64 {
        let size = self.last.saturating_sub(self.first).saturating_add(1);
        self.first + sequence.saturating_sub(1) % size
    }
}
