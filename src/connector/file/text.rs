//! Decoded text with exact source offsets, whatever the encoding, in bounded memory.
//!
//! What cannot be decoded is masked with `?` and remembered as a fault, so that a reader can reject the one row it
//! sits in; a fault never passes as text. NUL and Ctrl-Z padding at the very end of a file is dropped.
//! Not here: lines, fields and records (read).

use std::collections::VecDeque;
use std::io::Read;

use super::compression::{Compression, Content};
use super::encoding::{ByteOrder, CodePage, Encoding, Form};
use super::error::FileCause;
use super::limits::FileLimits;

const CHUNK_BYTES: usize = 64 << 10;
/// Separate faults kept until their record is complete; neighbouring ones count as one.
const PENDING_FAULTS: usize = 1024;

/// Something in the source that is not text.
#[derive(Debug)]
pub struct Fault {
    pub byte_offset: u64,
    pub cause: FileCause,
    /// Offset after the last byte of the run.
    end: u64,
}

/// A decoding source: `fill`, look, `consume`, like a buffered reader whose bytes are always whole UTF-8 characters.
pub struct TextSource<R: Read> {
    content: Content<R>,
    encoding: Encoding,
    form: Option<Form>,
    /// Undecoded bytes: the tail of a character that the last piece cut.
    raw: Vec<u8>,
    /// Where reads land.
    piece: Vec<u8>,
    ended: bool,
    text: Vec<u8>,
    position: usize,
    /// Source offset of `text[position]`.
    offset: u64,
    /// Source offset of `raw[0]`.
    raw_offset: u64,
    /// Possible end padding, kept back until the end proves it padding.
    held: Vec<u8>,
    held_offset: u64,
    faults: VecDeque<Fault>,
}

impl<R: Read> TextSource<R> {
    pub fn new(source: R, encoding: Encoding, compression: Compression, limits: &FileLimits) -> Self {
        Self {
            content: Content::new(source, compression, limits),
            encoding,
            form: None,
            raw: Vec::with_capacity(CHUNK_BYTES + 4),
            piece: vec![0; CHUNK_BYTES],
            ended: false,
            text: Vec::new(),
            position: 0,
            offset: 0,
            raw_offset: 0,
            held: Vec::new(),
            held_offset: 0,
            faults: VecDeque::new(),
        }
    }

    pub fn content_bytes(&self) -> u64 {
        self.content.content_bytes()
    }

    pub fn source_bytes(&self) -> u64 {
        self.content.source_bytes()
    }

    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Source offset of the next unconsumed character.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next decoded bytes; empty only at the end.
    pub fn fill(&mut self) -> Result<&[u8], FileCause> {
        while self.position == self.text.len() && !self.ended {
            self.decode_more()?;
        }
        Ok(&self.text[self.position..])
    }

    /// The bytes that `fill` last returned, less what was consumed since.
    pub fn filled(&self) -> &[u8] {
        &self.text[self.position..]
    }

    pub fn consume(&mut self, count: usize) {
        let end = (self.position + count).min(self.text.len());
        self.offset += self.source_width(&self.text[self.position..end]);
        self.position = end;
    }

    /// The next byte without consuming it.
    pub fn peek(&mut self) -> Result<Option<u8>, FileCause> {
        Ok(self.fill()?.first().copied())
    }

    /// Removes all faults that start before `byte_offset` and returns the first of them.
    pub fn take_fault(&mut self, byte_offset: u64) -> Option<Fault> {
        let mut first = None;
        while self.faults.front().is_some_and(|fault| fault.byte_offset < byte_offset) {
            let fault = self.faults.pop_front();
            first = first.or(fault);
        }
        first
    }

    fn source_width(&self, text: &[u8]) -> u64 {
        let width = match self.form {
            None | Some(Form::Utf8) => text.len(),
            Some(Form::SingleByte(_)) => text.iter().filter(|byte| is_lead(**byte)).count(),
            Some(Form::Utf16(_)) => {
                text.iter().filter(|byte| is_lead(**byte)).map(|byte| if *byte >= 0xF0 { 4 } else { 2 }).sum()
            }
        };
        width as u64
    }

    fn read_raw(&mut self) -> Result<(), FileCause> {
        let count = self.content.read(&mut self.piece)?;
        self.raw.extend_from_slice(&self.piece[..count]);
        self.ended = count == 0;
        Ok(())
    }

    fn decode_more(&mut self) -> Result<(), FileCause> {
        self.read_raw()?;
        let form = match self.form {
            Some(form) => form,
            None => {
                while self.raw.len() < 4 && !self.ended {
                    self.read_raw()?;
                }
                let (form, skip) = detect_form(self.encoding, &self.raw)?;
                self.raw.drain(..skip);
                self.raw_offset += skip as u64;
                self.form = Some(form);
                form
            }
        };
        self.text.clear();
        self.position = 0;
        let base = self.raw_offset;
        let used = match form {
            Form::Utf8 => self.decode_utf8()?,
            Form::SingleByte(page) => self.decode_single_byte(page)?,
            Form::Utf16(order) => self.decode_utf16(order == ByteOrder::BigEndian)?,
        };
        self.raw.drain(..used);
        self.raw_offset += used as u64;
        self.offset = base;
        self.settle_controls(base)
    }

    fn decode_utf8(&mut self) -> Result<usize, FileCause> {
        let mut used = 0;
        loop {
            match std::str::from_utf8(&self.raw[used..]) {
                Ok(text) => {
                    self.text.extend_from_slice(text.as_bytes());
                    return Ok(self.raw.len());
                }
                Err(error) => {
                    self.text.extend_from_slice(&self.raw[used..used + error.valid_up_to()]);
                    used += error.valid_up_to();
                    let bad = match error.error_len() {
                        Some(bad) => bad,
                        None if self.ended => self.raw.len() - used,
                        None => return Ok(used),
                    };
                    self.undecodable(self.raw_offset + used as u64, bad as u64, self.raw[used])?;
                    self.text.extend(std::iter::repeat_n(b'?', bad));
                    used += bad;
                }
            }
        }
    }

    fn decode_single_byte(&mut self, page: &CodePage) -> Result<usize, FileCause> {
        let mut buffer = [0; 4];
        for index in 0..self.raw.len() {
            let byte = self.raw[index];
            match page.character(byte) {
                Some(character) => self.text.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes()),
                None => {
                    self.undecodable(self.raw_offset + index as u64, 1, byte)?;
                    self.text.push(b'?');
                }
            }
        }
        Ok(self.raw.len())
    }

    fn decode_utf16(&mut self, big_endian: bool) -> Result<usize, FileCause> {
        let unit = |pair: &[u8]| match pair {
            [first, second] if big_endian => u16::from_be_bytes([*first, *second]),
            [first, second] => u16::from_le_bytes([*first, *second]),
            _ => 0,
        };
        let mut buffer = [0; 4];
        let mut used = 0;
        while self.raw.len() - used >= 2 {
            let first = unit(&self.raw[used..used + 2]);
            let is_high = (0xD800..0xDC00).contains(&first);
            if is_high && self.raw.len() - used < 4 && !self.ended {
                return Ok(used);
            }
            let units = if is_high && self.raw.len() - used >= 4 {
                vec![first, unit(&self.raw[used + 2..used + 4])]
            } else {
                vec![first]
            };
            match char::decode_utf16(units.iter().copied()).next() {
                Some(Ok(character)) => {
                    self.text.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                    used += 2 * character.len_utf16();
                }
                Some(Err(_)) | None => {
                    self.undecodable(self.raw_offset + used as u64, 2, self.raw[used])?;
                    self.text.push(b'?');
                    used += 2;
                }
            }
        }
        if self.ended && used < self.raw.len() {
            self.undecodable(self.raw_offset + used as u64, 1, self.raw[used])?;
            self.text.push(b'?');
            used = self.raw.len();
        }
        Ok(used)
    }

    fn undecodable(&mut self, byte_offset: u64, length: u64, byte: u8) -> Result<(), FileCause> {
        self.fault(byte_offset, length, FileCause::Undecodable { encoding: self.encoding.name(), byte })
    }

    fn fault(&mut self, byte_offset: u64, length: u64, cause: FileCause) -> Result<(), FileCause> {
        if let Some(last) = self.faults.back_mut()
            && last.end == byte_offset
        {
            last.end += length;
            return Ok(());
        }
        if self.faults.len() == PENDING_FAULTS {
            return Err(FileCause::TooManyUndecodable { limit: PENDING_FAULTS });
        }
        self.faults.push_back(Fault { byte_offset, cause, end: byte_offset + length });
        Ok(())
    }

    /// Holds back what may be end padding; masks NUL and Ctrl-Z that text follows.
    fn settle_controls(&mut self, base: u64) -> Result<(), FileCause> {
        if !self.held.is_empty() {
            let padding_goes_on = self.text.iter().all(|byte| is_padding(*byte));
            if padding_goes_on {
                // Enough is known after one chunk of it: only the end can make it harmless.
                if self.held.len() < CHUNK_BYTES {
                    self.held.append(&mut self.text);
                }
                self.text.clear();
                self.offset = self.raw_offset;
                return Ok(());
            }
            let mut joined = std::mem::take(&mut self.held);
            if joined.len() >= CHUNK_BYTES {
                return Err(FileCause::ControlCharacter { code: u32::from(joined[0]) });
            }
            joined.append(&mut self.text);
            self.text = joined;
            self.offset = self.held_offset;
        } else if !self.text.iter().any(|byte| is_filler(*byte)) {
            return Ok(());
        } else {
            self.offset = base;
        }
        let tail = self.text.iter().rposition(|byte| !is_padding(*byte)).map_or(0, |last| last + 1);
        if let Some(cut) = self.text[tail..].iter().position(|byte| is_filler(*byte)) {
            let cut = tail + cut;
            self.held_offset = self.offset + self.source_width(&self.text[..cut]);
            self.held = self.text.split_off(cut);
        }
        self.mask_fillers()
    }

    fn mask_fillers(&mut self) -> Result<(), FileCause> {
        let mut counted = 0;
        let mut at = self.offset;
        // Faults must stay in source order, and decoding already queued this piece's others.
        let mut found = Vec::new();
        for index in 0..self.text.len() {
            let byte = self.text[index];
            if !is_filler(byte) {
                continue;
            }
            at += self.source_width(&self.text[counted..index]);
            counted = index;
            self.text[index] = b'?';
            let width = self.source_width(b"?");
            match found.last_mut() {
                Some((_, end, _)) if *end == at => *end += width,
                Some(_) | None => found.push((at, at + width, byte)),
            }
            if found.len() > PENDING_FAULTS {
                return Err(FileCause::TooManyUndecodable { limit: PENDING_FAULTS });
            }
        }
        for (start, end, byte) in found {
            let cause = FileCause::ControlCharacter { code: u32::from(byte) };
            let before = self.faults.partition_point(|fault| fault.byte_offset < start);
            self.faults.insert(before, Fault { byte_offset: start, cause, end });
        }
        Ok(())
    }
}

fn is_lead(byte: u8) -> bool {
    byte & 0xC0 != 0x80
}

fn is_filler(byte: u8) -> bool {
    byte == 0 || byte == 0x1A
}

fn is_padding(byte: u8) -> bool {
    is_filler(byte) || byte == b'\r' || byte == b'\n'
}

/// Decides the form from the declaration, checked against the byte order mark; returns how many bytes the mark has.
fn detect_form(encoding: Encoding, start: &[u8]) -> Result<(Form, usize), FileCause> {
    let mark = if start.starts_with(&[0xEF, 0xBB, 0xBF]) {
        Some(Encoding::Utf8)
    } else if start.starts_with(&[0xFF, 0xFE]) {
        Some(Encoding::Utf16Le)
    } else if start.starts_with(&[0xFE, 0xFF]) {
        Some(Encoding::Utf16Be)
    } else {
        None
    };
    let mismatch = |found: Encoding| FileCause::EncodingMismatch { declared: encoding.name(), found: found.name() };
    match (encoding.form(), mark) {
        // In a code page the two bytes of the other marks are unusual text, but text.
        (Form::SingleByte(_), Some(found @ Encoding::Utf8)) => Err(mismatch(found)),
        (form @ Form::SingleByte(_), _) => Ok((form, 0)),
        (Form::Utf8, None) => Ok((Form::Utf8, 0)),
        (Form::Utf8, Some(Encoding::Utf8)) => Ok((Form::Utf8, 3)),
        (Form::Utf16(ByteOrder::ByMark), None) if start.is_empty() => Ok((Form::Utf8, 0)),
        (Form::Utf16(ByteOrder::ByMark), None) => Err(FileCause::MissingByteOrderMark),
        (form @ Form::Utf16(ByteOrder::LittleEndian | ByteOrder::BigEndian), None) => Ok((form, 0)),
        (Form::Utf16(ByteOrder::ByMark | ByteOrder::LittleEndian), Some(Encoding::Utf16Le)) => {
            Ok((Form::Utf16(ByteOrder::LittleEndian), 2))
        }
        (Form::Utf16(ByteOrder::ByMark | ByteOrder::BigEndian), Some(Encoding::Utf16Be)) => {
            Ok((Form::Utf16(ByteOrder::BigEndian), 2))
        }
        (Form::Utf8 | Form::Utf16(_), Some(found)) => Err(mismatch(found)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Hands out one byte per read, so that every character and every padding run is cut somewhere.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.0.len().min(1);
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn decode(encoding: Encoding, source: impl Read) -> Result<(String, Vec<u64>, u64), FileCause> {
        let mut text = TextSource::new(source, encoding, Compression::None, &FileLimits::default());
        let mut all = Vec::new();
        while let Some(byte) = text.peek()? {
            all.push(byte);
            text.consume(1);
        }
        let offset = text.offset();
        let mut faults = Vec::new();
        while let Some(fault) = text.faults.pop_front() {
            faults.push(fault.byte_offset);
        }
        Ok((String::from_utf8(all).unwrap(), faults, offset))
    }

    #[track_caller]
    fn check(encoding: Encoding, bytes: &[u8], expected: &str, faults: &[u64]) {
        for (text, found, _) in [decode(encoding, bytes).unwrap(), decode(encoding, Trickle(bytes)).unwrap()] {
            assert_eq!(text, expected);
            assert_eq!(found, faults);
        }
    }

    #[test]
    fn text_is_decoded_as_declared() {
        check(Encoding::Utf8, "Größe 😀".as_bytes(), "Größe 😀", &[]);
        check(Encoding::Utf8, b"\xEF\xBB\xBFa", "a", &[]);
        check(Encoding::Windows1252, b"Gr\xF6\xDFe \x80", "Größe €", &[]);
        check(Encoding::Utf16, b"\xFF\xFEa\0\xFC\0", "aü", &[]);
        check(Encoding::Utf16, b"\xFE\xFF\xD8\x3D\xDE\0", "😀", &[]);
        check(Encoding::Ibm273, b"\xC8\xD0\x15", "Hü\n", &[]);
    }

    #[test]
    fn what_is_not_text_becomes_a_fault_at_its_source_offset() {
        check(Encoding::Utf8, b"a\xFFb", "a?b", &[1]);
        check(Encoding::Utf8, b"\xEF\xBB\xBFab\xC3", "ab?", &[5]);
        check(Encoding::Utf8, b"a\xFF\xFF\xFFb\xFF", "a???b?", &[1, 5]);
        check(Encoding::Windows1252, b"\xFC\x81", "ü?", &[1]);
        check(Encoding::Utf16Le, b"a\0\x3D\xD8b\0", "a?b", &[2]);
        check(Encoding::Utf16Le, b"a\0b", "a?", &[2]);
        check(Encoding::Utf8, b"a\0b", "a?b", &[1]);
        check(Encoding::Utf8, b"\xC3\xBC\0\n\0b\xFF\0c", "ü?\n?b??c", &[2, 4, 6, 7]);
    }

    #[test]
    fn padding_at_the_end_is_dropped() {
        check(Encoding::Utf8, b"a\r\n\x1A", "a\r\n", &[]);
        check(Encoding::Utf8, b"a\n\0\0\n\0\0", "a\n", &[]);
        check(Encoding::Utf8, &[b"a\n".as_slice(), &[0; 200_000]].concat(), "a\n", &[]);
        assert!(decode(Encoding::Utf8, [[0; 200_000].as_slice(), b"a"].concat().as_slice()).is_err());
    }

    #[test]
    fn marks_that_contradict_the_declaration_are_refused() {
        for (encoding, bytes) in [
            (Encoding::Windows1252, b"\xEF\xBB\xBFa;b".as_slice()),
            (Encoding::Utf8, b"\xFF\xFEa\0"),
            (Encoding::Utf16Le, b"\xFE\xFF\0a"),
            (Encoding::Utf16, b"a\0b\0"),
        ] {
            assert!(decode(encoding, bytes).is_err(), "{}", encoding.name());
        }
    }

    #[test]
    fn the_offset_counts_source_bytes() {
        assert_eq!(decode(Encoding::Windows1252, b"\xFC\x80x".as_slice()).unwrap().2, 3);
        assert_eq!(decode(Encoding::Utf16, b"\xFF\xFE\xFC\0x\0".as_slice()).unwrap().2, 6);
        assert_eq!(decode(Encoding::Utf8, "\u{feff}ü😀".as_bytes()).unwrap().2, 9);
    }
}
