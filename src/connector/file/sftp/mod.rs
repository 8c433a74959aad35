//! SFTP as a place for files: the same formats, the same guarantees, another host.
//!
//! In: complete files are copied into a local drop folder, and only once they lie there durably does the original move away. Out: a batch
//! is staged, published by a rename that never overwrites, and looked up by its name after a doubt. Not here: what is in files.

mod check;
mod client;
mod fault;
mod fetch;
mod ledger;
mod outbox;
mod spec;

pub use check::SftpChecked;
pub use client::Sftp;
pub use fault::SftpError;
pub use fetch::{Fetched, Fetcher};
pub use outbox::SftpOutbox;
pub use spec::{After, SftpAuth, SftpSpec};
