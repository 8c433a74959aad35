//! A connection's database: transactions that read or write, each on a connection of its own, each statement within its time.
//!
//! Not here: which statements (`reader`, `sink`), what an error means (`fault`).

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tokio::sync::OwnedSemaphorePermit;

use super::address::{Target, Way};
use super::dialect;
use super::fault::{Fault, Terms};
use super::link::{Answer, Link, Meaning, Query};
use super::param::{Named, Param};
use super::pool::Pool;
use super::times::Naive;
use crate::connector::call::{CallError, CallResult, CheckReport};
use crate::connector::connection::ConnectionOptions;
use crate::connector::http::mask::Mask;
use crate::connector::manifest::{Manifest, SettingValues, Sql, SqlCheck, SqlDriver, SqlValueKind};
use crate::mapping::expr::Scope;

/// A connection whose database cannot be prepared.
#[derive(Debug, thiserror::Error)]
#[error("connection `{connection}`: {reason}")]
pub struct DatabaseError {
    pub connection: String,
    pub reason: String,
}

pub struct Database {
    pub(super) system: String,
    pub(super) sql: Sql,
    pub(super) settings: Value,
    check: Option<SqlCheck>,
    target: Target,
    way: Way,
    pool: Pool,
    meaning: Meaning,
    mask: Mask,
    pub(super) clock: crate::connector::http::Clock,
}

/// A connection inside a transaction. Dropped without an end, it is closed, and the database undoes what was done.
pub(super) struct Transaction<'d> {
    database: &'d Database,
    link: Link,
    reads: bool,
    _permit: OwnedSemaphorePermit,
}

impl Database {
    /// `None` if the connector has no database. `base` is where a relative file starts; below `own` are the hub's own files.
    pub fn new(
        connection: &str,
        manifest: &Manifest,
        values: &SettingValues,
        options: &ConnectionOptions,
        base: &Path,
        own: &Path,
    ) -> Result<Option<Database>, DatabaseError> {
        let Some(sql) = manifest.sql.clone() else { return Ok(None) };
        let failed = |reason: String| DatabaseError { connection: connection.to_owned(), reason };
        let clear = values.expose();
        let scope = Scope::new().with("settings", &clear);
        let (target, secrets) = Target::new(sql.driver, &sql.address, &scope, base).map_err(failed)?;
        if target.is_below(own) {
            return Err(failed("the file of the database is one of the hub's own".to_owned()));
        }
        let naive = Naive::new(sql.naive.as_ref().map(|zone| zone.as_str())).map_err(failed)?;
        Ok(Some(Database {
            system: connection.to_owned(),
            // Statements never see secrets.
            settings: values.masked(),
            check: manifest.sql_check.clone(),
            target,
            way: Way {
                egress: options.egress.clone(),
                lookup: Arc::clone(&options.lookup),
                connect: sql.timeouts.connect,
                statement: sql.timeouts.statement,
            },
            pool: Pool::new(sql.pool),
            meaning: Meaning { naive, tinyint1: sql.tinyint1 },
            mask: Mask::new(values.secrets().cloned().chain(secrets)),
            clock: Arc::clone(&options.clock),
            sql,
        }))
    }

    pub(super) fn driver(&self) -> SqlDriver {
        self.sql.driver
    }

    /// Connects, asks the manifest's question, and compares the clocks.
    pub async fn check(&self) -> CallResult<CheckReport> {
        let began = Instant::now();
        self.checked(began).await.map_err(|fault| self.error(&fault, "check"))
    }

    async fn checked(&self, began: Instant) -> Result<CheckReport, Fault> {
        let mut reading = self.reading().await?;
        let mut warnings = Vec::new();
        let mut shows = None;
        if let Some(check) = &self.check {
            let query = self.query(&check.query)?;
            let answer = reading.run(&query, &self.settings_of(&query)?, 1).await?;
            let record = Value::Object(answer.rows.into_iter().next().unwrap_or_default());
            let scope = Scope::new().with("record", &record);
            shows = match check.shows.as_ref().map(|shows| shows.render(&scope)) {
                Some(Ok(shows)) => Some(self.mask.text(&shows)),
                Some(Err(error)) => {
                    warnings.push(format!("the answer does not say who it is: {error}"));
                    None
                }
                None => record.as_object().and_then(|row| row.values().next()).map(|first| match first {
                    Value::String(text) => self.mask.text(text),
                    other => other.to_string(),
                }),
            };
        }
        let skew = reading.now().await?.duration_since((self.clock)()).as_secs();
        reading.end().await?;
        if skew.abs() > 60 {
            warnings.push(format!("the clocks differ by {skew} s"));
        }
        let what = self.target.shown();
        Ok(CheckReport { what, status: 0, latency: began.elapsed(), clock_skew_s: Some(skew), shows, warnings })
    }

    pub(super) fn query(&self, text: &str) -> Result<Query, Fault> {
        Query::new(self.driver(), text).map_err(Fault::Unfit)
    }

    /// The settings that a query reads, as its parameters.
    pub(super) fn settings_of(&self, query: &Query) -> Result<Vec<(String, Param)>, Fault> {
        let settings = query.names.iter().filter_map(|name| Some((name, name.strip_prefix("settings.")?)));
        settings
            .map(|(name, setting)| {
                let value = self.settings.get(setting).cloned().unwrap_or_default();
                let param = Param::of(value, SqlValueKind::Auto).map_err(Fault::Unfit)?;
                Ok((name.clone(), param))
            })
            .collect()
    }

    pub(super) fn error(&self, fault: &Fault, what: &str) -> Box<CallError> {
        let terms = Terms { system: &self.system, driver: self.driver(), rules: &self.sql.errors, mask: &self.mask };
        terms.error(fault, what)
    }

    /// A transaction in which the database refuses every change.
    pub(super) async fn reading(&self) -> Result<Transaction<'_>, Fault> {
        self.begin(true).await
    }

    pub(super) async fn writing(&self) -> Result<Transaction<'_>, Fault> {
        self.begin(false).await
    }

    async fn begin(&self, reads: bool) -> Result<Transaction<'_>, Fault> {
        let permit = self.pool.permit().await?;
        if let Some(link) = self.pool.rested().await {
            let mut transaction = Transaction { database: self, link, reads, _permit: permit };
            match transaction.begin().await {
                Ok(()) => return Ok(transaction),
                // It was closed while it rested.
                Err(fault) if fault.code(self.driver()).is_none() => {
                    return self.fresh(transaction._permit, reads).await;
                }
                Err(fault) => return Err(fault),
            }
        }
        self.fresh(permit, reads).await
    }

    async fn fresh(&self, permit: OwnedSemaphorePermit, reads: bool) -> Result<Transaction<'_>, Fault> {
        let mut link = self.target.dial(&self.way).await?;
        for choices in dialect::session(self.driver(), self.sql.timeouts.statement) {
            self.first_known(&mut link, &choices).await?;
        }
        for statement in &self.sql.session {
            self.within(link.tell(statement)).await??;
        }
        let mut transaction = Transaction { database: self, link, reads, _permit: permit };
        transaction.begin().await?;
        Ok(transaction)
    }

    async fn first_known(&self, link: &mut Link, choices: &[String]) -> Result<(), Fault> {
        let mut refused = None;
        for choice in choices {
            match self.within(link.tell(choice)).await? {
                Ok(()) => return Ok(()),
                Err(error @ sqlx::Error::Database(_)) => refused = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        refused.map_or(Ok(()), |error| Err(error.into()))
    }

    /// The server keeps the time itself; this is for one that does not answer at all.
    async fn within<T>(&self, call: impl Future<Output = T>) -> Result<T, Fault> {
        let longest = self.sql.timeouts.statement + Duration::from_secs(1);
        tokio::time::timeout(longest, call).await.map_err(|_| Fault::Slow(longest))
    }
}

impl Transaction<'_> {
    async fn begin(&mut self) -> Result<(), Fault> {
        let driver = self.database.driver();
        if let Some(guard) = dialect::only_reads(driver, true).filter(|_| self.reads) {
            self.database.within(self.link.tell(guard)).await??;
        }
        let text = if self.reads { dialect::begin_read(driver) } else { dialect::begin_write(driver) };
        self.database.within(self.link.tell(text)).await??;
        Ok(())
    }

    /// More than `most` rows are an error.
    pub async fn run(&mut self, query: &Query, params: Named<'_>, most: usize) -> Result<Answer, Fault> {
        let database = self.database;
        Ok(database.within(self.link.run(query, params, most, &database.meaning)).await??)
    }

    /// The database's clock.
    pub async fn now(&mut self) -> Result<jiff::Timestamp, Fault> {
        let query = self.database.query(dialect::clock(self.database.driver()))?;
        let answer = self.run(&query, &[], 1).await?;
        let seconds = answer.rows.first().and_then(|row: &Map<String, Value>| row.get("now")?.as_i64());
        let now = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        now.ok_or_else(|| Fault::Unfit("the database does not say what time it is".to_owned()))
    }

    /// Ends it: what was written stands once this returns. Only an error here leaves open whether it does.
    pub async fn end(mut self) -> Result<(), Fault> {
        let driver = self.database.driver();
        let ended = match self.database.within(self.link.tell("COMMIT")).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Fault::from(error)),
            Err(slow) => Err(slow),
        };
        match ended {
            Ok(()) => {}
            Err(fault) if self.reads => return Err(fault),
            Err(fault) => return Err(Fault::Commit(Box::new(fault))),
        }
        if let Some(guard) = dialect::only_reads(driver, false).filter(|_| self.reads)
            && !matches!(self.database.within(self.link.tell(guard)).await, Ok(Ok(())))
        {
            // It still only reads: nobody else gets it.
            return Ok(());
        }
        self.database.pool.give_back(self.link);
        Ok(())
    }

    /// Undoes it because of `fault`. A connection that the database did not answer on is closed; so is one whose prepared statements no
    /// longer fit the tables (0A000).
    pub async fn fail(self, fault: &Fault) {
        let ours = matches!(fault, Fault::Rows { .. } | Fault::Unfit(_));
        let kept = ours || fault.code(self.database.driver()).is_some_and(|code| code != "0A000");
        if kept {
            self.undo().await;
        }
    }

    /// Undoes it, and keeps the connection where that is sure to have worked.
    async fn undo(mut self) {
        let undone = self.database.within(self.link.tell("ROLLBACK")).await;
        if matches!(undone, Ok(Ok(()))) && !self.reads {
            self.database.pool.give_back(self.link);
        }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Settings hold secrets.
        f.debug_struct("Database")
            .field("system", &self.system)
            .field("target", &self.target.shown())
            .finish_non_exhaustive()
    }
}
