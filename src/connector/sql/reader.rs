//! A stream read from a database: pages of a walk, single records, and an outbox that is emptied behind what the hub holds.
//!
//! Not here: storing, and when the next round begins (intake); where a walk stands (`walk`).

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};

use super::database::Database;
use super::fault::Fault;
use super::param::Param;
use super::walk::Walk;
use crate::connector::call::{CallResult, Fetched, Page, PageToken};
use crate::connector::manifest::{CursorKind, Outbox, SqlRead, SqlValueKind, Stream};
use crate::mapping::expr::Scope;

pub struct SqlReader {
    database: Arc<Database>,
    stream: String,
    read: SqlRead,
    /// Rows of the outbox that were handed out and may not be durable yet: what `done` wants to know of each.
    handed_out: Mutex<Vec<Vec<(String, Param)>>>,
}

impl SqlReader {
    /// `None` if the stream is not read from a database.
    pub fn new(database: &Arc<Database>, stream: &Stream) -> Option<SqlReader> {
        let read = stream.sql_read()?.clone();
        let database = Arc::clone(database);
        Some(SqlReader { database, stream: stream.name.value.clone(), read, handed_out: Mutex::default() })
    }

    pub fn can_fetch(&self) -> bool {
        self.read.get.is_some()
    }

    /// Reads one page; `cursor` is the stored watermark and counts on the first page only. Rows may come twice, never not at all.
    pub async fn page(&self, cursor: Option<&str>, page: Option<PageToken>) -> CallResult<Page> {
        let what = format!("read {}", self.stream);
        self.paged(cursor, page).await.map_err(|fault| self.database.error(&fault, &what))
    }

    async fn paged(&self, cursor: Option<&str>, page: Option<PageToken>) -> Result<Page, Fault> {
        let mut walk = match page {
            Some(token) => {
                let walk = serde_json::from_str::<Walk>(&token.0).ok().filter(|walk| walk.stream == self.stream);
                walk.ok_or_else(|| Fault::Unfit("the page token is not one of this stream".to_owned()))?
            }
            None => {
                self.locked().clear();
                Walk::begin(
                    &self.stream,
                    cursor.map(str::to_owned).map_or_else(|| self.start(), |from| Ok(Some(from)))?,
                )
            }
        };
        let query = self.database.query(&self.read.query)?;
        let mut params = walk.params(&self.read, self.database.driver()).map_err(Fault::Unfit)?;
        params.extend(self.database.settings_of(&query)?);
        let mut reading = self.database.reading().await?;
        let watched = self.read.cursor().filter(|cursor| cursor.kind != CursorKind::Snapshot);
        if watched.is_some() && walk.began.is_none() {
            walk.began = Some(reading.now().await?);
        }
        let answer = reading.run(&query, &params, self.read.page as usize).await?;
        reading.end().await?;
        let rows = answer.rows;
        let records: Vec<Value> = rows.iter().map(|row| self.record(row)).collect();
        let more = walk.saw(&self.read, &rows, &records).map_err(Fault::Unfit)?;
        let cursor = match watched {
            Some(cursor) => walk.watermark(cursor, (self.database.clock)()).map_err(Fault::Unfit)?,
            None => None,
        };
        if let Some(outbox) = self.read.outbox() {
            self.hand_out(outbox, &rows)?;
        }
        let token = || serde_json::to_string(&walk).map_err(|error| Fault::Unfit(error.to_string()));
        let next = if more { Some(PageToken(token()?)) } else { None };
        let ids = if self.read.outbox().is_some() { rows.iter().map(|row| self.id(row)).collect() } else { Vec::new() };
        Ok(Page { records, ids, fetched: Vec::new(), next, server_time: walk.began, cursor })
    }

    /// What tells a row of the outbox apart.
    fn id(&self, row: &Map<String, Value>) -> String {
        let parts = self.read.after.iter().map(|(column, _)| match row.get(column) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        });
        parts.collect::<Vec<_>>().join("/")
    }

    fn start(&self) -> Result<Option<String>, Fault> {
        let start = self.read.cursor().and_then(|cursor| cursor.start.as_ref());
        let scope = Scope::new().with("settings", &self.database.settings);
        let start = start.map(|start| start.render(&scope)).transpose();
        start.map_err(|error| Fault::Unfit(format!("the cursor's start: {error}")))
    }

    /// What cannot be read as JSON stays text, and fails as this record's own problem where it is mapped.
    fn record(&self, row: &Map<String, Value>) -> Value {
        let parsed = |value: &Value| match value {
            Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| value.clone()),
            other => other.clone(),
        };
        let payload = self.read.outbox().and_then(|outbox| outbox.payload.as_ref());
        if let Some(payload) = payload.and_then(|column| row.get(column)).map(parsed).filter(Value::is_object) {
            return payload;
        }
        let mut record = row.clone();
        for column in &self.read.json {
            if let Some(value) = record.get_mut(column) {
                *value = parsed(value);
            }
        }
        Value::Object(record)
    }

    fn hand_out(&self, outbox: &Outbox, rows: &[Map<String, Value>]) -> Result<(), Fault> {
        let query = self.database.query(&outbox.done)?;
        let settings = self.database.settings_of(&query)?;
        let columns: Vec<(&String, &str)> =
            query.names.iter().filter_map(|name| Some((name, name.strip_prefix("row.")?))).collect();
        for row in rows {
            let mut params = settings.clone();
            for (name, column) in &columns {
                let value = row.get(*column).cloned();
                let value =
                    value.ok_or_else(|| Fault::Unfit(format!("the outbox's rows have no column `{column}`")))?;
                params.push(((*name).clone(), Param::of(value, SqlValueKind::Auto).map_err(Fault::Unfit)?));
            }
            self.locked().push(params);
        }
        Ok(())
    }

    /// What was handed out is durable: the rows of an outbox are done with. Where this fails they come again.
    pub async fn stored(&self) -> CallResult<()> {
        let Some(outbox) = self.read.outbox() else { return Ok(()) };
        let rows = std::mem::take(&mut *self.locked());
        if rows.is_empty() {
            return Ok(());
        }
        let what = format!("finish with rows of {}", self.stream);
        self.finish(outbox, &rows).await.map_err(|fault| self.database.error(&fault, &what))
    }

    async fn finish(&self, outbox: &Outbox, rows: &[Vec<(String, Param)>]) -> Result<(), Fault> {
        let query = self.database.query(&outbox.done)?;
        let mut writing = self.database.writing().await?;
        for row in rows {
            if let Err(fault) = writing.run(&query, row, usize::MAX).await {
                writing.fail(&fault).await;
                return Err(fault);
            }
        }
        writing.end().await
    }

    /// One record as it is now.
    pub async fn get(&self, key: &str) -> CallResult<Option<Value>> {
        let what = format!("get {} {key}", self.stream);
        self.got(key).await.map_err(|fault| self.database.error(&fault, &what))
    }

    pub async fn fetch(&self, key: &str) -> CallResult<Fetched> {
        let asked_at = (self.database.clock)();
        let record = self.get(key).await?;
        Ok(Fetched { key: key.to_owned(), asked_at, record })
    }

    async fn got(&self, key: &str) -> Result<Option<Value>, Fault> {
        let get = self.read.get.as_ref();
        let get = get.ok_or_else(|| Fault::Unfit(format!("stream `{}` describes no get", self.stream)))?;
        let query = self.database.query(get)?;
        let mut params = self.database.settings_of(&query)?;
        params.push(("key".to_owned(), Param::text(key)));
        let mut reading = self.database.reading().await?;
        let answer = reading.run(&query, &params, 1).await?;
        reading.end().await?;
        Ok(answer.rows.first().map(|row| self.record(row)))
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Vec<Vec<(String, Param)>>> {
        self.handed_out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
