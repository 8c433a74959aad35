//! Drop folders: picking up what a partner puts into a directory and dropping off what it expects there.
//!
//! A file moves by rename only: `in/` to `work/` (claimed), then to `archive/YYYY/MM/` or `error/`. Whatever happens in
//! between, it is in exactly one place, and a restart finds it. Not here: reading its content, the database.

mod claim;
mod error;
mod folder;
mod guard;
mod name;
mod outbound;
mod rename;
mod scan;
mod spec;
mod stability;
mod staged;

pub use claim::{Claim, Content};
pub use error::DropError;
pub use folder::{DropFolder, Recovery, TakenBack};
pub use guard::guard_min_rows;
pub use name::{NamePattern, check_name};
pub use outbound::{OutboundFile, OutboundFolder, OutboundSpec};
pub use scan::{Offer, Scan, Waiting};
pub use spec::{Completeness, DropSpec, MarkerName};
