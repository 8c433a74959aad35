//! Bytes to segments: one at a time, bounded, with release characters and tolerated line ends.
//!
//! Not here: what segments mean (`x12`, `edifact`, `edi_message`).

use std::io::Read;

use crate::connector::file::edi::{Delimiters, EdiCause, Element, Segment};
use crate::connector::file::error::FileCause;
use crate::connector::file::limits::FileLimits;
use crate::connector::file::text::TextSource;

/// Where a segment begins.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SegmentPlace {
    pub line: u64,
    pub byte_offset: u64,
}

pub(super) struct Scanner<'t, 'f, R: Read> {
    pub text: &'t mut TextSource<R>,
    pub delimiters: Delimiters,
    limits: &'f FileLimits,
    line: u64,
    raw: Vec<u8>,
}

impl<'t, 'f, R: Read> Scanner<'t, 'f, R> {
    pub(super) fn new(text: &'t mut TextSource<R>, limits: &'f FileLimits) -> Self {
        Self { text, delimiters: Delimiters::X12, limits, line: 1, raw: Vec::new() }
    }

    pub(super) fn limits(&self) -> &'f FileLimits {
        self.limits
    }

    /// Skips what may stand between segments; `None` at the end of the file.
    pub(super) fn skip_line_ends(&mut self, blanks_too: bool) -> Result<Option<SegmentPlace>, FileCause> {
        while let Some(byte) = self.text.peek()? {
            match byte {
                b'\n' => self.line += 1,
                b'\r' => {}
                b' ' | b'\t' if blanks_too => {}
                _ => return Ok(Some(SegmentPlace { line: self.line, byte_offset: self.text.offset() })),
            }
            self.text.consume(1);
        }
        Ok(None)
    }

    /// Takes exactly so many characters, for ISA and UNA; fewer if the file ends.
    pub(super) fn take(&mut self, count: usize) -> Result<Vec<u8>, FileCause> {
        let mut taken = Vec::with_capacity(count);
        while taken.len() < count {
            let piece = self.text.fill()?;
            if piece.is_empty() {
                break;
            }
            let length = piece.len().min(count - taken.len());
            taken.extend_from_slice(&piece[..length]);
            self.text.consume(length);
        }
        self.line += taken.iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok(taken)
    }

    /// The next segment; `None` at the end of the file.
    pub(super) fn segment(&mut self) -> Result<Option<(Segment, SegmentPlace)>, FileCause> {
        let Some(place) = self.skip_line_ends(false)? else { return Ok(None) };
        self.read_raw()?;
        let text = std::str::from_utf8(&self.raw).map_err(|_| FileCause::CutCharacter)?;
        split(text, &self.delimiters, self.limits).map(|segment| Some((segment, place)))
    }

    /// The segment whose tag was taken already.
    pub(super) fn rest_of(&mut self, tag: &[u8]) -> Result<Segment, FileCause> {
        self.raw.clear();
        self.raw.extend_from_slice(tag);
        self.extend_raw()?;
        let text = std::str::from_utf8(&self.raw).map_err(|_| FileCause::CutCharacter)?;
        split(text, &self.delimiters, self.limits)
    }

    fn read_raw(&mut self) -> Result<(), FileCause> {
        self.raw.clear();
        self.extend_raw()
    }

    fn extend_raw(&mut self) -> Result<(), FileCause> {
        let Delimiters { release, terminator, .. } = self.delimiters;
        let mut released = false;
        loop {
            let piece = self.text.fill()?;
            if piece.is_empty() {
                return Err(EdiCause::Cut { inside: "a segment" }.into());
            }
            let mut end = None;
            for (index, byte) in piece.iter().enumerate() {
                if released {
                    released = false;
                } else if Some(*byte) == release {
                    released = true;
                } else if *byte == terminator {
                    end = Some(index);
                    break;
                }
            }
            let taken = end.unwrap_or(piece.len());
            if self.raw.len() + taken > self.limits.field_bytes {
                return Err(FileCause::RecordTooLong { limit: self.limits.field_bytes });
            }
            self.line += piece[..taken].iter().filter(|byte| **byte == b'\n').count() as u64;
            self.raw.extend_from_slice(&piece[..taken]);
            if end.is_some() {
                self.line += u64::from(terminator == b'\n');
                self.text.consume(taken + 1);
                return Ok(());
            }
            self.text.consume(taken);
        }
    }
}

/// Splits the text of one segment, without its terminator.
fn split(text: &str, delimiters: &Delimiters, limits: &FileLimits) -> Result<Segment, FileCause> {
    let mut segment = Segment::default();
    let mut element = Element { repetitions: vec![Vec::new()] };
    let mut part = String::new();
    let mut in_tag = true;
    let mut parts = 0_usize;
    let mut released = false;
    let one = |byte: u8| char::from(byte);
    let is = |option: Option<u8>, character: char| option.map(one) == Some(character);
    for character in text.chars() {
        if released {
            released = false;
        } else if is(delimiters.release, character) {
            released = true;
            continue;
        } else if character == one(delimiters.element) {
            if in_tag {
                in_tag = false;
                segment.tag = std::mem::take(&mut part);
            } else {
                end_part(&mut element, &mut part);
                segment.elements.push(std::mem::replace(&mut element, Element { repetitions: vec![Vec::new()] }));
            }
            if segment.elements.len() >= limits.columns {
                return Err(FileCause::TooManyColumns { limit: limits.columns });
            }
            continue;
        } else if !in_tag && (character == one(delimiters.component) || is(delimiters.repetition, character)) {
            parts += 1;
            if parts >= limits.columns {
                return Err(FileCause::TooManyColumns { limit: limits.columns });
            }
            end_part(&mut element, &mut part);
            if character != one(delimiters.component) {
                element.repetitions.push(Vec::new());
            }
            continue;
        }
        match character {
            '\r' | '\n' => return Err(EdiCause::LineEnd.into()),
            '\0'..='\u{1f}' | '\u{7f}' => return Err(FileCause::ControlCharacter { code: u32::from(character) }),
            other => part.push(other),
        }
    }
    if released {
        return Err(EdiCause::DanglingRelease.into());
    }
    if in_tag {
        segment.tag = part;
    } else {
        end_part(&mut element, &mut part);
        segment.elements.push(element);
    }
    let is_tag = (2..=3).contains(&segment.tag.len())
        && segment.tag.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if !is_tag {
        return Err(EdiCause::BadTag { found: segment.tag }.into());
    }
    Ok(segment)
}

fn end_part(element: &mut Element, part: &mut String) {
    if let Some(components) = element.repetitions.last_mut() {
        components.push(std::mem::take(part));
    }
}
