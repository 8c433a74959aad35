//! The connector contract and the engine behind it: what a manifest can say, and what the hub does about it.
//!
//! Not here: any vendor's name.

pub mod file;
