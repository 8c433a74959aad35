//! All rows of all tables, for a move to another database; not here: which databases, and whether they may.

use async_trait::async_trait;
use futures::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Column as _, Executor as _, Row as _, SqlSafeStr as _, Statement as _, TypeInfo as _};
use sqlx::{query, query_scalar};
use tokio::sync::mpsc::{Receiver, Sender};

use super::db::{Connection, Database, Row, number_from, private, table_names, value_lists};
use crate::store::contract::StoreError;
use crate::store::transfer::{Cell, Kind, Piece, Side, Table};

/// Rows that one statement carries: few enough for every database's limit of values.
const PIECE: usize = 64;
/// It has one row from the first, which is replaced.
const HEAD: &str = "recon_head";

#[async_trait]
impl Side for Database {
    fn name(&self) -> String {
        self.label()
    }

    async fn tables(&self) -> Result<Vec<Table>, StoreError> {
        let mut conn = private(self).await?;
        let mut tables = Vec::new();
        for (name, last_id) in table_names(&mut conn).await? {
            let columns = columns(&mut conn, &name).await?;
            tables.push(Table { name, columns, last_id });
        }
        Ok(tables)
    }

    async fn occupied(&self, tables: &[Table]) -> Result<Option<String>, StoreError> {
        let mut conn = private(self).await?;
        for Table { name, .. } in tables {
            let condition = if name == HEAD { " WHERE seq > 0" } else { "" };
            let text = format!("SELECT EXISTS (SELECT 1 FROM {name}{condition})");
            if query_scalar(AssertSqlSafe(text)).fetch_one(&mut conn).await? {
                return Ok(Some(name.clone()));
            }
        }
        Ok(None)
    }

    async fn give(&self, tables: &[Table], to: Sender<Piece>) -> Result<(), StoreError> {
        let mut conn = private(self).await?;
        for (at, table) in tables.iter().enumerate() {
            let names: Vec<&str> = table.columns.iter().map(|(name, _)| name.as_str()).collect();
            let text = format!("SELECT {} FROM {}", names.join(", "), table.name);
            let mut found = query(AssertSqlSafe(text)).fetch(&mut conn);
            let mut rows = Vec::with_capacity(PIECE);
            while let Some(row) = found.try_next().await? {
                rows.push(cells(&row)?);
                if rows.len() == PIECE {
                    let rows = std::mem::replace(&mut rows, Vec::with_capacity(PIECE));
                    // Who takes them says why it stopped.
                    if to.send(Piece { table: at, rows }).await.is_err() {
                        return Ok(());
                    }
                }
            }
            if !rows.is_empty() && to.send(Piece { table: at, rows }).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn take(&self, tables: &[Table], mut from: Receiver<Piece>) -> Result<u64, StoreError> {
        let mut conn = private(self).await?;
        query("BEGIN").execute(&mut conn).await?;
        query(AssertSqlSafe(format!("DELETE FROM {HEAD}"))).execute(&mut conn).await?;
        let mut written = 0;
        while let Some(Piece { table, rows }) = from.recv().await {
            let Some(table) = tables.get(table) else { continue };
            insert(&mut conn, table, &rows).await?;
            written += rows.len() as u64;
        }
        for table in tables {
            if let Some(last) = table.last_id.filter(|last| *last > 0) {
                number_from(&mut conn, &table.name, last).await?;
            }
        }
        query("COMMIT").execute(&mut conn).await?;
        Ok(written)
    }
}

async fn columns(conn: &mut Connection, table: &str) -> Result<Vec<(String, Kind)>, StoreError> {
    let statement = conn.prepare(AssertSqlSafe(format!("SELECT * FROM {table}")).into_sql_str()).await?;
    let columns = statement.columns().iter();
    columns.map(|column| Ok((column.name().to_owned(), kind(column.type_info().name())?))).collect()
}

/// The names that the two databases have for what the schema uses.
fn kind(name: &str) -> Result<Kind, StoreError> {
    match name {
        "INTEGER" | "INT8" => Ok(Kind::Integer),
        "BOOL" => Ok(Kind::Flag),
        "TEXT" => Ok(Kind::Text),
        "BLOB" | "BYTEA" => Ok(Kind::Bytes),
        other => Err(StoreError::Corrupt {
            what: "the schema".to_owned(),
            cause: format!("a column is of the type {other}"),
        }),
    }
}

fn cells(row: &Row) -> Result<Vec<Cell>, StoreError> {
    let columns = row.columns().iter().enumerate();
    columns
        .map(|(at, column)| {
            Ok(match kind(column.type_info().name())? {
                Kind::Integer => Cell::Integer(row.try_get(at)?),
                Kind::Flag => Cell::Integer(row.try_get::<Option<bool>, _>(at)?.map(i64::from)),
                Kind::Text => Cell::Text(row.try_get(at)?),
                Kind::Bytes => Cell::Bytes(row.try_get(at)?),
            })
        })
        .collect()
}

async fn insert(conn: &mut Connection, table: &Table, rows: &[Vec<Cell>]) -> Result<(), StoreError> {
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| name.as_str()).collect();
    let lists = value_lists(rows.len(), names.len());
    let text = format!("INSERT INTO {} ({}) VALUES {lists}", table.name, names.join(", "));
    let mut insert = query(AssertSqlSafe(text));
    for row in rows {
        for (cell, (_, kind)) in row.iter().zip(&table.columns) {
            insert = match (cell, kind) {
                (Cell::Integer(number), Kind::Flag) => insert.bind(number.map(|number| number != 0)),
                (Cell::Integer(number), Kind::Integer | Kind::Text | Kind::Bytes) => insert.bind(*number),
                (Cell::Text(text), _) => insert.bind(text),
                (Cell::Bytes(bytes), _) => insert.bind(bytes),
            };
        }
    }
    insert.execute(conn).await?;
    Ok(())
}
