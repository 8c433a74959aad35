//! Drop folders into the inbox: one file after the other, all of its rows or none; not here: moving files and reading
//! their content (`connector::file`), what a row means (process).
//!
//! A file goes: claimed (renamed into `work/`), hashed, read into a staged batch, checked, released, archived. The release
//! is the one commit that makes its rows payloads and its hash known. Whatever dies before it leaves staged rows that the
//! next batch of the stream sweeps away; whatever dies after it leaves a claimed file whose hash is known, which is
//! archived without being read.
//!
//! Rows that a complete file (`mode: snapshot`) no longer has are not taken for deletions: absence is only guarded
//! (`min_rows`), never applied.

mod channel;
mod fetching;
mod outcome;
mod patience;
mod pick_up;
mod watch;

pub use watch::{FileIntake, Remote, watch_files};
