//! Canonical entities, money, quantity, keys, versions, statuses and events; not here: I/O and vendor words.

pub mod clock;
mod entity;
mod error_class;

pub use entity::Entity;
pub use error_class::ErrorClass;
