//! Lines of text with their place, capped.
//!
//! Not here: CSV records, which may span lines.

use std::io::Read;

use crate::connector::file::error::FileCause;
use crate::connector::file::format::LineEnd;
use crate::connector::file::text::TextSource;

/// Reads one line into `line`, without its end; `false` at the end of the file.
///
/// A lone CR under `LfOrCrLf` is the file's error, not the line's: if one is there, all are likely to be.
pub(super) fn read_line<R: Read>(
    text: &mut TextSource<R>,
    line_end: LineEnd,
    limit: usize,
    line: &mut Vec<u8>,
) -> Result<bool, FileCause> {
    line.clear();
    if text.fill()?.is_empty() {
        return Ok(false);
    }
    loop {
        let piece = text.fill()?;
        if piece.is_empty() {
            return Ok(true);
        }
        let is_end = |byte: &u8| *byte == b'\n' || *byte == b'\r';
        let is_cr = |byte: &u8| *byte == b'\r';
        let found = match line_end {
            LineEnd::LfOrCrLf => piece.iter().position(is_end),
            LineEnd::Cr => piece.iter().position(is_cr),
        };
        let taken = found.unwrap_or(piece.len());
        if line.len() + taken > limit {
            return Err(FileCause::RecordTooLong { limit });
        }
        line.extend_from_slice(&piece[..taken]);
        text.consume(taken);
        if found.is_some() {
            end_line(text, line_end)?;
            return Ok(true);
        }
    }
}

/// Consumes the line end that comes next.
pub(super) fn end_line<R: Read>(text: &mut TextSource<R>, line_end: LineEnd) -> Result<(), FileCause> {
    match (line_end, text.peek()?) {
        (LineEnd::LfOrCrLf, Some(b'\r')) => {
            text.consume(1);
            if text.peek()? != Some(b'\n') {
                return Err(FileCause::BareCarriageReturn);
            }
            text.consume(1);
        }
        (LineEnd::LfOrCrLf | LineEnd::Cr, _) => text.consume(1),
    }
    Ok(())
}
