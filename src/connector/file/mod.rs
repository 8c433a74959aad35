//! Files as a transport: reading, checking, picking up, writing and dropping off what partners exchange as files.
//!
//! Bytes become rows in four steps, each streaming and bounded: decompress (`compression`), decode (`text`), split
//! into records (`read`), account for them (`totals`). The way out mirrors it (`write`, `drop::outbound`).
//! Not here: what a field means (mapping), where a row is stored (intake), which connection a folder belongs to (hub).

pub mod compression;
pub mod decimal;
pub mod drop;
pub mod edi;
pub mod encoding;
pub mod error;
pub mod format;
pub mod limits;
mod newest;
pub mod read;
mod root;
pub mod row;
pub mod sftp;
pub mod statement;
pub mod text;
pub mod ties;
pub mod totals;
pub mod write;

pub use encoding::Encoding;
pub use error::{Disposition, FileCause, FileError};
pub use format::{FileFormat, FileSpec};
pub use limits::FileLimits;
pub use newest::newest;
pub use read::{ReadContext, read};
pub use root::FileRoot;
pub use row::{FileRow, FileSummary, Place, RowReject};
