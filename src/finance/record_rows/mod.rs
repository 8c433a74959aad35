//! A side's rows of canonical records: its cells resolved against an entity once, then every record made into rows by them. The same
//! for files that connectors read, for mirrors and for streams that are read now.
//!
//! Not here: where records come from (`files`, `taken`), a table's columns (`source`), comparing.

mod hub_streams;
mod make;
mod plan;
mod resolve;
#[cfg(test)]
mod tests;

pub use hub_streams::{HubStreams, NoStream};
pub use make::{Named, plain};
pub use plan::RecordRows;
pub use resolve::{Terms, resolve};
