//! Databases as vendor systems: read page by page, written in transactions, asked by the manifest's own statements.
//!
//! Not here: the hub's own store (`store`), any statement of a connector (its manifest), when a stream is read or written.

mod address;
mod catalogue;
mod database;
mod dialect;
mod fault;
mod link;
mod mysql;
mod param;
mod pool;
mod postgres;
mod postgres_array;
mod postgres_number;
mod reader;
mod script;
mod sink;
mod sqlite;
mod times;
mod walk;

pub use catalogue::{Column, Table};
pub use database::{Database, DatabaseError};
pub use reader::SqlReader;
pub use script::{ScriptError, run_script};
pub use sink::SqlSink;
