//! `reconciliations/<name>.yaml`: what is compared with what, and by which rules. All mistakes are reported at once, with places.
//!
//! Not here: reading statements, running.

mod document;
mod files;
mod folder;
mod passes;
mod payouts;
mod people;
mod side;
mod terms;

pub(super) use document::is_address;
pub use document::{Definition, Kind, parse};
pub use files::Files;
pub(in crate::finance) use folder::sources;
pub use folder::{FOLDER, Loaded, check_all, load_all};
pub use payouts::PayoutSpec;
pub use side::{Cell, Exclusion, From, SideSpec, Table};
