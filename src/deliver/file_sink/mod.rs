//! Deliveries that become rows of files: gathered, written together, each with its own receipt; not here: formats
//! (`connector::file::write`), when a delivery is tried again (`deliver::outcome`).
//!
//! At most one effect, whatever dies: (a) the batch is staged in the target folder under a name that partners ignore, (b) a
//! journal that lists its idempotency keys is made durable in the hub's own directory, (c) the staged file is renamed, its
//! marker written, the journal closed; only then each delivery has its receipt. A journal that is open at the next start
//! tells which batch was half-way; it is finished before anything else. A repeated delivery asks the journals first.

mod batch_writer;
mod failure;
mod journal;
mod kept;
mod sink;

pub use kept::journal_files;
pub use sink::FileSink;
