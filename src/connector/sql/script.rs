//! A SQLite file made from a script, and looked into: what fixtures of database connectors are played on.
//!
//! Not here: playing them (the conformance suite), databases of connections (`database`).

use std::path::Path;

use serde_json::Value;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use super::link::{Link, Meaning, Query};
use super::times::Naive;
use crate::connector::manifest::{SqlDriver, TinyInt};

/// A script or a question that SQLite refuses.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ScriptError(String);

/// Runs a script of any number of statements on `file`, which is made where it is not there, then asks `question`, if there is one;
/// its rows are records as a stream of the same file would bring them.
pub async fn run_script(file: &Path, script: &str, question: Option<&str>) -> Result<Vec<Value>, ScriptError> {
    let failed = |error: &dyn std::fmt::Display| ScriptError(error.to_string());
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true).disable_statement_logging();
    let link = options.connect().await.map_err(|error| failed(&error))?;
    let mut link = Link::Sqlite(Box::new(link));
    link.tell(script).await.map_err(|error| failed(&error))?;
    let Some(question) = question else { return Ok(Vec::new()) };
    let query = Query::new(SqlDriver::Sqlite, question).map_err(ScriptError)?;
    let naive = Naive::new(None).map_err(ScriptError)?;
    let meaning = Meaning { naive, tinyint1: TinyInt::Number };
    let answer = link.run(&query, &[], usize::MAX, &meaning).await.map_err(|error| failed(&error))?;
    Ok(answer.rows.into_iter().map(Value::Object).collect())
}
