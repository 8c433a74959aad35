//! What a connector is: its manifest, and the engines that carry a manifest out.
//!
//! Not here: any vendor's name outside named schemes (those live in `connectors/`, which only `registry` lists),
//! the durable queue, storage, mapping between vendor and canonical records.

pub mod call;
pub mod capability;
pub mod connection;
pub mod file;
pub mod http;
pub mod manifest;
pub mod process;
pub mod registry;
pub mod sql;
pub mod token_store;
pub mod webhook;
