//! Decompression under caps: a bounded amount of content comes out, whatever went in.
//!
//! Nested archives and wrongly declared ones are refused by their first bytes. Not here: zip, `.Z` and PGP.

use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use super::error::FileCause;
use super::limits::FileLimits;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    #[default]
    None,
    /// One or several gzip members, read as one content.
    Gzip,
}

/// Counts what is taken from the source, for the ratio and the summary.
struct Counting<R> {
    inner: R,
    bytes: u64,
    /// The source's first bytes, to tell "not gzip" from "damaged".
    start: Vec<u8>,
}

const GZIP_SIGNATURE: [u8; 2] = [0x1F, 0x8B];

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes += count as u64;
        let missing = GZIP_SIGNATURE.len() - self.start.len();
        self.start.extend(buffer[..count].iter().take(missing));
        Ok(count)
    }
}

enum Inner<R: Read> {
    Plain(Counting<R>),
    Gzip(Box<MultiGzDecoder<BufReader<Counting<R>>>>),
}

/// The decompressed content of a source, read in pieces.
pub struct Content<R: Read> {
    inner: Inner<R>,
    file_bytes: u64,
    ratio: u64,
    ratio_floor_bytes: u64,
    content_bytes: u64,
    start: Vec<u8>,
}

/// Bytes looked at to recognise an archive.
const SIGNATURE_BYTES: usize = 4;

impl<R: Read> Content<R> {
    pub fn new(source: R, compression: Compression, limits: &FileLimits) -> Self {
        let counting = Counting { inner: source, bytes: 0, start: Vec::new() };
        let inner = match compression {
            Compression::None => Inner::Plain(counting),
            Compression::Gzip => {
                Inner::Gzip(Box::new(MultiGzDecoder::new(BufReader::with_capacity(32 << 10, counting))))
            }
        };
        Self {
            inner,
            file_bytes: limits.file_bytes,
            ratio: limits.decompression_ratio,
            ratio_floor_bytes: limits.ratio_floor_bytes,
            content_bytes: 0,
            start: Vec::with_capacity(SIGNATURE_BYTES),
        }
    }

    /// Bytes that came out so far.
    pub fn content_bytes(&self) -> u64 {
        self.content_bytes
    }

    /// Bytes taken from the source so far.
    pub fn source_bytes(&self) -> u64 {
        match &self.inner {
            Inner::Plain(counting) => counting.bytes,
            Inner::Gzip(decoder) => decoder.get_ref().get_ref().bytes,
        }
    }

    /// Fills at most `buffer`; 0 means the content ended properly.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, FileCause> {
        let count = loop {
            let result = match &mut self.inner {
                Inner::Plain(counting) => counting.read(buffer),
                Inner::Gzip(decoder) => decoder.read(buffer),
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => match self.classify(error) {
                    // Nothing at all is an empty file, which the format's empty policy judges.
                    FileCause::TruncatedGzip if self.source_bytes() == 0 => break 0,
                    cause => return Err(cause),
                },
                Ok(count) => break count,
            }
        };
        self.content_bytes += count as u64;
        self.check_caps()?;
        self.check_signature(&buffer[..count])?;
        Ok(count)
    }

    fn check_caps(&self) -> Result<(), FileCause> {
        if self.content_bytes > self.file_bytes {
            return Err(FileCause::FileTooLong { limit: self.file_bytes });
        }
        let compressed = match &self.inner {
            Inner::Plain(_) => return Ok(()),
            Inner::Gzip(decoder) => decoder.get_ref().get_ref().bytes,
        };
        if self.content_bytes > self.ratio_floor_bytes && self.content_bytes > compressed.saturating_mul(self.ratio) {
            return Err(FileCause::RatioExceeded { limit: self.ratio, content_bytes: self.content_bytes });
        }
        Ok(())
    }

    fn check_signature(&mut self, read: &[u8]) -> Result<(), FileCause> {
        let missing = SIGNATURE_BYTES - self.start.len();
        if missing == 0 || read.is_empty() {
            return Ok(());
        }
        self.start.extend(read.iter().take(missing));
        let found = if self.start.starts_with(&GZIP_SIGNATURE) {
            "gzip data"
        } else if self.start.starts_with(b"PK\x03\x04") {
            "a zip archive"
        } else if self.start.starts_with(&[0x1F, 0x9D]) {
            "compress (.Z) data"
        } else {
            return Ok(());
        };
        Err(match self.inner {
            Inner::Plain(_) => FileCause::UndeclaredArchive { found },
            Inner::Gzip(_) => FileCause::NestedArchive { found },
        })
    }

    fn classify(&self, error: io::Error) -> FileCause {
        let start = match &self.inner {
            Inner::Plain(_) => return FileCause::Io(error),
            Inner::Gzip(decoder) => &decoder.get_ref().get_ref().start,
        };
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
                if !GZIP_SIGNATURE.starts_with(start) =>
            {
                FileCause::NotGzip
            }
            io::ErrorKind::UnexpectedEof => FileCause::TruncatedGzip,
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => FileCause::CorruptGzip(error.to_string()),
            _ => FileCause::Io(error),
        }
    }
}
