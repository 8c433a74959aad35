//! `reconciliations/<name>.yaml`: what is compared with what, and by which rules. All mistakes are reported at once, with places.
//!
//! Not here: reading statements, running.

mod document;
mod passes;
mod side;
mod terms;

pub use document::{Definition, Kind, parse};
pub use side::{Cell, Exclusion, From, SideSpec, Table};
