//! What tables a database has, for people who are about to write a manifest: columns, and which could be key or cursor.
//!
//! Not here: reading a stream (`reader`), the statement itself (`dialect`).

use serde::Serialize;
use serde_json::{Map, Value};

use super::database::Database;
use super::dialect;
use super::fault::Fault;
use crate::connector::call::CallResult;

/// A database with more columns than this is looked at table by table, with its own tools.
const MOST_COLUMNS: usize = 20_000;

/// One table or view.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    /// Columns that a record could be told by.
    pub keys: Vec<String>,
    /// Columns that may grow with every change.
    pub cursors: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    pub name: String,
    /// In the database's word.
    pub data_type: String,
}

impl Database {
    /// Every table that the connection's user sees.
    pub async fn tables(&self) -> CallResult<Vec<Table>> {
        self.catalogue().await.map_err(|fault| self.error(&fault, "list tables"))
    }

    async fn catalogue(&self) -> Result<Vec<Table>, Fault> {
        let query = self.query(dialect::columns(self.driver()))?;
        let mut reading = self.reading().await?;
        let answer = reading.run(&query, &[], MOST_COLUMNS).await?;
        reading.end().await?;
        let mut tables: Vec<Table> = Vec::new();
        for row in &answer.rows {
            let column = Column { name: text(row, "column_name"), data_type: text(row, "data_type").to_lowercase() };
            let name = text(row, "table_name");
            let is_key = row.get("is_key").is_some_and(|flag| text_of(flag) == "1");
            if tables.last().is_none_or(|table| table.name != name) {
                tables.push(Table { name, ..Table::default() });
            }
            if let Some(table) = tables.last_mut() {
                if is_key {
                    table.keys.push(column.name.clone());
                }
                if grows(&column) {
                    table.cursors.push(column.name.clone());
                }
                table.columns.push(column);
            }
        }
        for table in &mut tables {
            // A number that counts up is a cursor where rows are only added.
            let counting = table.keys.iter().filter(|key| {
                table.columns.iter().any(|column| column.name == **key && column.data_type.contains("int"))
            });
            let counting: Vec<String> = counting.filter(|_| table.keys.len() == 1).cloned().collect();
            table.cursors.extend(counting);
            if table.keys.is_empty() {
                let named = |column: &&Column| {
                    ["id", "uuid", "number", "sku", "key"].iter().any(|word| column.name.to_lowercase().ends_with(word))
                };
                table.keys.extend(table.columns.iter().find(named).map(|column| column.name.clone()));
            }
        }
        Ok(tables)
    }
}

fn grows(column: &Column) -> bool {
    let name = column.name.to_lowercase();
    let is_time = ["time", "date"].iter().any(|word| column.data_type.contains(word))
        || column.data_type.contains("text")
        || column.data_type.is_empty();
    let changes = ["updated", "modified", "changed", "last_change", "write_date", "mtime", "rowversion"];
    changes.iter().any(|word| name.contains(word)) && (is_time || column.data_type.contains("int"))
}

fn text(row: &Map<String, Value>, name: &str) -> String {
    row.get(name).map(text_of).unwrap_or_default()
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
