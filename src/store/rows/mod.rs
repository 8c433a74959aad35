//! What goes into the store and comes out of it, as plain values; not here: SQL.
//!
//! Times are microseconds since the epoch (UTC). Ids are the store's own and mean nothing outside.

mod batch;
mod care;
mod entity;
mod health;
mod inbox;
mod issue;
mod job;
mod plan;
mod recon;
mod timeline;
mod words;

pub use batch::*;
pub use care::*;
pub use entity::*;
pub use health::*;
pub use inbox::*;
pub use issue::*;
pub use job::*;
pub use plan::*;
pub use recon::*;
pub use timeline::*;
