//! Wires the parts for a configuration, runs them, reloads and drains; not here: rules.

mod catalogue;
mod destination;
mod discover;
mod files;
mod lifecycle;
mod own_files;
mod parts;
mod plant;
mod pressure;
mod reload;
mod retention;
mod sources;
mod systems;
mod tokens;
mod view;
mod watchdog;

pub use discover::{DiscoverError, DiscoverOptions, DiscoveredStream, Discovery, MOST_RECORDS};
pub use lifecycle::{Hub, HubError, HubOptions, location};
pub use own_files::own_files;
pub use plant::{Plant, PlantError};
pub use reload::{InForce, ReloadError};
