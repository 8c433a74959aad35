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
mod outbox;
mod rename;
mod scan;
mod spec;
mod stability;
mod staged;

pub(super) use claim::digest;
pub use claim::{Claim, Content};
pub use error::DropError;
pub use folder::{DropFolder, Recovery, TakenBack};
pub use guard::guard_min_rows;
pub(super) use name::is_litter;
pub use name::{NamePattern, check_name};
pub use outbound::{OutboundFile, OutboundFolder, OutboundSpec};
pub use outbox::{Outbox, Staging};
pub(super) use rename::{rename_new, sync_directory};
pub use scan::{Offer, Scan, Waiting};
pub(super) use scan::{Seen, sort_out};
pub use spec::{Completeness, DropSpec, MarkerName};
pub(super) use stability::Stability;
