//! What a connector is: its manifest, and the engines that carry a manifest out.
//!
//! Not here: any vendor's name; those live in `connectors/`, which only `registry` lists.

pub mod file;
pub mod manifest;
pub mod registry;
