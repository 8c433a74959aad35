//! Digests on disk, split by key so that equal keys of both sides meet in one partition.
//!
//! Files are unlinked as soon as they are open: a crash leaves nothing behind. Not here: what digests mean.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::LargeError;
use super::digest::{DIGEST_BYTES, Digest};

/// Bytes gathered per partition before they are written.
const BUFFER_BYTES: usize = DIGEST_BYTES * 512;

/// One side's digests in partitions.
pub(super) struct Spill {
    partitions: Vec<Partition>,
}

/// One side's digests of some keys.
pub(super) struct Partition {
    file: Option<File>,
    buffer: Vec<u8>,
    digests: u64,
}

fn failed(what: &str) -> impl Fn(std::io::Error) -> LargeError + '_ {
    move |error| LargeError::Io { what: what.to_owned(), error }
}

impl Spill {
    pub fn new(partitions: usize) -> Spill {
        let empty = || Partition { file: None, buffer: Vec::new(), digests: 0 };
        Spill { partitions: std::iter::repeat_with(empty).take(partitions.max(1)).collect() }
    }

    pub fn push(&mut self, digest: Digest, room: &Path) -> Result<(), LargeError> {
        // The hash's upper half chooses, so that its lower half still spreads within.
        let at = ((digest.key >> 96) as usize) % self.partitions.len();
        let partition = &mut self.partitions[at];
        partition.digests += 1;
        partition.buffer.extend_from_slice(&digest.to_bytes());
        if partition.buffer.len() >= BUFFER_BYTES { partition.write_out(room) } else { Ok(()) }
    }

    /// All partitions, for those who work on them.
    pub fn take_all(&mut self) -> Vec<Partition> {
        std::mem::take(&mut self.partitions)
    }
}

fn decode(bytes: &[u8], into: &mut Vec<Digest>) {
    let (digests, _) = bytes.as_chunks::<DIGEST_BYTES>();
    into.extend(digests.iter().map(Digest::from_bytes));
}

impl Partition {
    /// The digests of one partition; its memory is the caller's.
    pub fn read(&mut self, into: &mut Vec<Digest>) -> Result<(), LargeError> {
        into.clear();
        into.reserve_exact(usize::try_from(self.digests).unwrap_or(usize::MAX));
        if let Some(file) = &mut self.file {
            let what = failed("reading back what was set aside on disk");
            file.seek(SeekFrom::Start(0)).map_err(&what)?;
            let mut chunk = vec![0_u8; BUFFER_BYTES];
            let mut left = self.digests as usize * DIGEST_BYTES - self.buffer.len();
            while left > 0 {
                let take = left.min(chunk.len());
                file.read_exact(&mut chunk[..take]).map_err(&what)?;
                decode(&chunk[..take], into);
                left -= take;
            }
        }
        decode(&self.buffer, into);
        Ok(())
    }

    fn write_out(&mut self, room: &Path) -> Result<(), LargeError> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(nameless(room)?),
        };
        file.write_all(&self.buffer).map_err(failed("setting rows aside on disk; is there room left?"))?;
        self.buffer.clear();
        Ok(())
    }
}

/// A file that nobody else can see.
fn nameless(room: &Path) -> Result<File, LargeError> {
    let name = room.join(format!(".recon-{}-{:016x}", std::process::id(), fastrand::u64(..)));
    let text = format!("making a temporary file in {}", room.display());
    let what = failed(&text);
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(&name).map_err(&what)?;
    std::fs::remove_file(&name).map_err(&what)?;
    Ok(file)
}
