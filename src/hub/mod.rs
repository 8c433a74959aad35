//! Wires the parts for a configuration, runs them, reloads and drains; not here: rules.

mod catalogue;
mod destination;
mod lifecycle;
mod plant;
mod pressure;
mod sources;
mod tokens;
mod view;
mod watchdog;

pub use lifecycle::{Hub, HubError, HubOptions};
pub use plant::{Plant, PlantError};
