//! A stopped hub's store moves to another database: every row of every table, numbers included; not here: how each database
//! reads and writes them (`statements::transfer`).

use std::collections::BTreeSet;

use async_trait::async_trait;
use secrecy::ExposeSecret as _;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::contract::{Store, StoreError};
use super::open::Location;
use super::postgres::PostgresStore;
use super::rows::VerifyReport;
use super::sqlite::SqliteStore;

/// Pieces on their way from one database to the other.
const UNDER_WAY: usize = 4;

/// What a column holds. SQLite keeps flags as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Flag,
    Text,
    Bytes,
}

/// A value on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Integer(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// A table, and the last number it has given to a row, if it gives numbers.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub name: String,
    pub columns: Vec<(String, Kind)>,
    pub last_id: Option<i64>,
}

/// Rows of the table at that place.
pub(super) struct Piece {
    pub table: usize,
    pub rows: Vec<Vec<Cell>>,
}

/// What a database can do for a move.
#[async_trait]
pub(super) trait Side: Store {
    fn name(&self) -> String;
    /// All tables by name.
    async fn tables(&self) -> Result<Vec<Table>, StoreError>;
    /// A table that holds something that a new store does not.
    async fn occupied(&self, tables: &[Table]) -> Result<Option<String>, StoreError>;
    /// Tells all rows of all tables, with the columns in that order.
    async fn give(&self, tables: &[Table], to: Sender<Piece>) -> Result<(), StoreError>;
    /// Writes everything that comes, in one transaction. Returns how many rows that were.
    async fn take(&self, tables: &[Table], from: Receiver<Piece>) -> Result<u64, StoreError>;
}

/// What was moved, and that both databases hold what they should.
#[derive(Clone, Debug)]
pub struct Transferred {
    pub tables: usize,
    pub rows: u64,
    pub report: VerifyReport,
}

/// Copies a store into an empty one. The first stays as it is. Refused while a hub has either of them, where the first is not
/// sound, and where the second has anything in it.
pub async fn transfer(from: &Location, to: &Location) -> Result<Transferred, StoreError> {
    let source = side(from).await?;
    let target = match side(to).await {
        Ok(target) => target,
        Err(error) => {
            source.close().await;
            return Err(error);
        }
    };
    let moved = copy(&*source, &*target).await;
    source.close().await;
    target.close().await;
    moved
}

async fn side(at: &Location) -> Result<Box<dyn Side>, StoreError> {
    Ok(match at {
        Location::Sqlite(path) => Box::new(SqliteStore::open(path).await?),
        Location::Postgres(url) => Box::new(PostgresStore::open(url.expose_secret()).await?),
    })
}

async fn copy(source: &dyn Side, target: &dyn Side) -> Result<Transferred, StoreError> {
    let (given, taken) = (source.tables().await?, target.tables().await?);
    let tables = agreed(source, &given, &taken)?;
    if let Some(table) = target.occupied(&taken).await? {
        return Err(StoreError::Refused(format!(
            "{} is not empty: there are rows in {table}; give a new database",
            target.name()
        )));
    }
    let before = sound(source).await?;
    let (sender, receiver) = channel(UNDER_WAY);
    let (gave, took) = tokio::join!(source.give(&tables, sender), target.take(&tables, receiver));
    gave?;
    let rows = took?;
    let report = sound(target).await?;
    if report != before {
        return Err(StoreError::Corrupt {
            what: format!("{}, after the move, a ledger", target.name()),
            cause: format!("it is {report:?}, and was {before:?}"),
        });
    }
    Ok(Transferred { tables: tables.len(), rows, report })
}

/// The target's tables, whose columns are the source's too, with the source's numbers.
fn agreed(source: &dyn Side, given: &[Table], taken: &[Table]) -> Result<Vec<Table>, StoreError> {
    let shape = |tables: &[Table]| -> BTreeSet<(String, String)> {
        tables
            .iter()
            .flat_map(|table| table.columns.iter().map(|(name, _)| (table.name.clone(), name.clone())))
            .collect()
    };
    if let Some((table, column)) = shape(given).symmetric_difference(&shape(taken)).next() {
        return Err(StoreError::Refused(format!(
            "{} and its copy would differ: only one of them has {table}.{column}",
            source.name()
        )));
    }
    Ok(taken
        .iter()
        .map(|table| Table {
            last_id: given.iter().find(|other| other.name == table.name).and_then(|other| other.last_id),
            ..table.clone()
        })
        .collect())
}

async fn sound(side: &dyn Side) -> Result<VerifyReport, StoreError> {
    let report = side.verify(&|_, _, _| {}).await?;
    match report.faults.first() {
        None => Ok(report),
        Some(fault) => {
            let more = report.faults.len() - 1;
            Err(StoreError::Refused(format!("{} is not sound: {fault} (and {more} more)", side.name())))
        }
    }
}
