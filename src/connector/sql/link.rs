//! One connection to a database, whichever it is: statements with bound parameters in, records out.
//!
//! Not here: keeping connections (`pool`), transactions and their outcomes (`database`), types (`postgres`, `mysql`, `sqlite`).

use futures::stream::{BoxStream, StreamExt as _};
use serde_json::{Map, Value};
use sqlx::mysql::{MySqlArguments, MySqlConnection};
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Arguments as _, AssertSqlSafe, Connection as _, Either, Executor as _, SqlSafeStr as _, Statement as _};

use super::param::{Named, Param};
use super::times::Naive;
use super::{mysql, postgres, sqlite};
use crate::connector::manifest::{SqlDriver, Statement, TinyInt};

pub(super) enum Link {
    Postgres(Box<PgConnection>),
    Mysql(Box<MySqlConnection>),
    Sqlite(Box<SqliteConnection>),
}

/// A statement in a driver's own form.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub text: String,
    /// Which parameter each placeholder stands for.
    pub names: Vec<String>,
}

/// What columns mean where their type leaves it open.
#[derive(Debug, Clone)]
pub(super) struct Meaning {
    pub naive: Naive,
    pub tinyint1: TinyInt,
}

/// What came of a statement.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub rows: Vec<Map<String, Value>>,
    /// Rows that were changed; of a query, those that it found.
    pub affected: u64,
    pub last_insert_id: Option<i64>,
}

/// What went wrong with a statement.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("{0}")]
    Database(#[from] sqlx::Error),
    #[error("column `{column}` {reason}")]
    Column { column: String, reason: String },
    #[error("the value of `:{name}` {reason}")]
    Parameter { name: String, reason: String },
    #[error("there are more than {0} rows")]
    TooMany(usize),
    #[error("the rows of a page are larger than {0} MiB")]
    TooLarge(usize),
}

/// More is not held in memory at once.
const MOST_BYTES: usize = 64 << 20;

impl Query {
    pub fn new(driver: SqlDriver, text: &str) -> Result<Query, String> {
        let (text, names) = Statement::parse(driver, text)?.placed(driver);
        Ok(Query { text, names })
    }

    pub fn uses(&self, name: &str) -> bool {
        self.names.iter().any(|used| used == name)
    }
}

impl Link {
    /// One of the engine's own statements, or one of a session; without parameters.
    pub async fn tell(&mut self, text: &str) -> Result<(), sqlx::Error> {
        let text = sqlx::raw_sql(AssertSqlSafe(text.to_owned()));
        match self {
            Link::Postgres(link) => link.execute(text).await.map(drop),
            Link::Mysql(link) => link.execute(text).await.map(drop),
            Link::Sqlite(link) => link.execute(text).await.map(drop),
        }
    }

    pub async fn ping(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Link::Postgres(link) => link.ping().await,
            Link::Mysql(link) => link.ping().await,
            Link::Sqlite(link) => link.ping().await,
        }
    }

    /// Runs a statement. More than `most` rows are an error: the rest of them stays where it is.
    pub async fn run(
        &mut self,
        query: &Query,
        params: Named<'_>,
        most: usize,
        meaning: &Meaning,
    ) -> Result<Answer, Broken> {
        let text = AssertSqlSafe(query.text.clone());
        match self {
            Link::Postgres(link) => {
                let statement = link.prepare(AssertSqlSafe(query.text.clone()).into_sql_str()).await?;
                let types = match statement.parameters() {
                    Some(Either::Left(types)) => types.to_vec(),
                    Some(Either::Right(_)) | None => Vec::new(),
                };
                let mut arguments = PgArguments::default();
                for (name, info) in query.names.iter().zip(&types) {
                    let encoded = postgres::encode(param(params, name)?, info, &meaning.naive);
                    let added = encoded.and_then(|e| arguments.add(e).map_err(|error| error.to_string()));
                    added.map_err(|reason| Broken::Parameter { name: name.clone(), reason })?;
                }
                let stream = link.fetch_many(sqlx::query_with(text, arguments));
                let record = |row: &_| postgres::record(row, &meaning.naive);
                collect(stream, most, record, |done| (done.rows_affected(), None)).await
            }
            Link::Mysql(link) => {
                let mut arguments = MySqlArguments::default();
                for name in &query.names {
                    mysql::add(&mut arguments, param(params, name)?, &meaning.naive)
                        .map_err(|reason| Broken::Parameter { name: name.clone(), reason })?;
                }
                let stream = link.fetch_many(sqlx::query_with(text, arguments));
                let record = |row: &_| mysql::record(row, &meaning.naive, meaning.tinyint1);
                let done = |done: sqlx::mysql::MySqlQueryResult| {
                    (done.rows_affected(), i64::try_from(done.last_insert_id()).ok().filter(|id| *id > 0))
                };
                collect(stream, most, record, done).await
            }
            Link::Sqlite(link) => {
                let mut arguments = SqliteArguments::default();
                for name in &query.names {
                    sqlite::add(&mut arguments, param(params, name)?)
                        .map_err(|reason| Broken::Parameter { name: name.clone(), reason })?;
                }
                let stream = link.fetch_many(sqlx::query_with(text, arguments));
                let done =
                    |done: sqlx::sqlite::SqliteQueryResult| (done.rows_affected(), Some(done.last_insert_rowid()));
                collect(stream, most, sqlite::record, done).await
            }
        }
    }
}

fn param<'p>(params: Named<'p>, name: &str) -> Result<&'p Param, Broken> {
    let found = params.iter().find(|(known, _)| known == name).map(|(_, param)| param);
    found.ok_or_else(|| Broken::Parameter { name: name.to_owned(), reason: "is not known here".to_owned() })
}

async fn collect<D, R>(
    mut stream: BoxStream<'_, Result<Either<D, R>, sqlx::Error>>,
    most: usize,
    record: impl Fn(&R) -> Result<Map<String, Value>, Broken>,
    done: impl Fn(D) -> (u64, Option<i64>),
) -> Result<Answer, Broken> {
    let (mut answer, mut bytes) = (Answer::default(), 0_usize);
    while let Some(next) = stream.next().await {
        match next? {
            Either::Left(end) => {
                let (affected, last_insert_id) = done(end);
                answer.affected += affected;
                answer.last_insert_id = last_insert_id.or(answer.last_insert_id);
            }
            Either::Right(row) => {
                if answer.rows.len() >= most {
                    return Err(Broken::TooMany(most));
                }
                let row = record(&row)?;
                bytes += row.iter().map(|(name, value)| name.len() + size(value)).sum::<usize>();
                if bytes > MOST_BYTES {
                    return Err(Broken::TooLarge(MOST_BYTES >> 20));
                }
                answer.rows.push(row);
            }
        }
    }
    // A statement that returns its rows (`RETURNING`) tells them, not always their number.
    answer.affected = answer.affected.max(answer.rows.len() as u64);
    Ok(answer)
}

fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 16,
        Value::String(text) => text.len() + 16,
        Value::Array(_) | Value::Object(_) => value.to_string().len(),
    }
}
