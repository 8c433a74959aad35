//! `reconciliations/<name>.yaml`: what is compared with what, and by which rules. All mistakes are reported at once, with places.
//!
//! Not here: reading statements, running.

mod document;
mod folder;
mod passes;
mod people;
mod side;
mod terms;

pub use document::{Definition, Kind, parse};
pub use folder::{FOLDER, Loaded, load_all};
pub use side::{Cell, Exclusion, From, SideSpec, Table};
