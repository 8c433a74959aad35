//! The statements, in the SQL that SQLite and PostgreSQL share; not here: what differs between them (each database's `db`),
//! business rules.
//!
//! Compiled once for each database, which declares this module beside its `db`. Lists go in as one JSON parameter, taken
//! apart by `json_each`, whose columns both databases have: `value`, and `atom` for texts and numbers. Everything that is no
//! text is cast where it comes out of JSON.

mod applied;
mod batch;
mod claim;
mod contract;
mod dispatch;
mod edit;
mod file_fate;
mod inbox;
mod issues;
mod mirror;
mod order;
mod outcome;
mod people;
mod process;
mod purge;
mod recon;
mod recon_verify;
mod settle;
mod sighting;
mod sql;
mod timeline;
mod transfer;
mod verify;
mod work_list;
mod writer;

use super::db;
pub(super) use writer::{Operation, Writer};
