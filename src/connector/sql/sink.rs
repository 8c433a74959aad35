//! A stream written to a database: an operation's statements in one transaction, and the question whether a record is there.
//!
//! Until the transaction ends nothing stands there; only an answer to its end that is lost leaves the outcome unknown.
//! Not here: retries, look-ups' moments and bindings (deliver).

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::database::{Database, Transaction};
use super::fault::Fault;
use super::link::{Answer, Query};
use super::param::Param;
use crate::connector::call::{CallResult, Lookup, Receipt, WriteContext};
use crate::connector::manifest::{
    OpKind, SqlIdempotency, SqlOperation, SqlStatement, SqlValue, SqlValueKind, SqlWrite, Stream, VersionRule,
};
use crate::connector::webhook::version_of;
use crate::mapping::expr::Scope;
use crate::model::ErrorClass;

pub struct SqlSink {
    database: Arc<Database>,
    stream: String,
    version: VersionRule,
    write: SqlWrite,
}

/// The values of one write as templates see them.
struct Values<'a> {
    settings: &'a Value,
    context: &'a WriteContext,
    key: Value,
    idempotency_key: Value,
    steps: Value,
}

impl Values<'_> {
    fn scope(&self) -> Scope<'_> {
        Scope::new()
            .with("settings", self.settings)
            .with("record", &self.context.record)
            .with("refs", &self.context.refs)
            .with("event", &self.context.event)
            .with("key", &self.key)
            .with("idempotency_key", &self.idempotency_key)
            .with("steps", &self.steps)
    }

    fn keep(&mut self, name: &str, answer: Answer) {
        let mut made = answer.rows.into_iter().next().unwrap_or_default();
        if made.is_empty() {
            made.insert("affected".to_owned(), json!(answer.affected));
            made.extend(answer.last_insert_id.map(|id| ("last_insert_id".to_owned(), json!(id))));
        }
        if let Value::Object(steps) = &mut self.steps {
            steps.insert(name.to_owned(), Value::Object(made));
        }
    }
}

impl SqlSink {
    /// `None` if the stream is not written to a database.
    pub fn new(database: &Arc<Database>, stream: &Stream) -> Option<SqlSink> {
        let write = stream.sql_write()?.clone();
        let (stream, version) = (stream.name.value.clone(), stream.version.clone());
        Some(SqlSink { database: Arc::clone(database), stream, version, write })
    }

    /// Writes once. Nothing is repeated here.
    pub async fn write(&self, op: OpKind, context: &WriteContext) -> CallResult<Receipt> {
        let what = format!("{} {}", op.as_str(), self.stream);
        self.written(op, context).await.map_err(|fault| self.database.error(&fault, &what))
    }

    async fn written(&self, op: OpKind, context: &WriteContext) -> Result<Receipt, Fault> {
        let operation = self.write.operation(op);
        let operation =
            operation.ok_or_else(|| Fault::Unfit(format!("stream `{}` describes no {}", self.stream, op.as_str())))?;
        let mut writing = self.database.writing().await?;
        match self.carry_out(&mut writing, operation, self.values(context)).await {
            Ok(receipt) => {
                writing.end().await?;
                Ok(receipt)
            }
            Err(fault) => {
                writing.fail(&fault).await;
                Err(fault)
            }
        }
    }

    fn values<'a>(&'a self, context: &'a WriteContext) -> Values<'a> {
        Values {
            settings: &self.database.settings,
            context,
            key: context.remote_id.as_deref().map_or(Value::Null, Value::from),
            idempotency_key: Value::from(context.idempotency_key.as_str()),
            steps: Value::Object(Map::new()),
        }
    }

    /// All but the end. What the receipt says is found out here, so that nothing can fail after it stands.
    async fn carry_out(
        &self,
        writing: &mut Transaction<'_>,
        operation: &SqlOperation,
        mut values: Values<'_>,
    ) -> Result<Receipt, Fault> {
        if let SqlIdempotency::Key { claim, found, .. } = &operation.idempotency {
            let query = self.database.query(claim)?;
            let claimed = writing.run(&query, &self.own(&query, &values)?, usize::MAX).await?;
            if claimed.affected == 0 {
                return self.found_before(writing, found.as_ref().map(|found| found.as_str()), &values).await;
            }
        }
        for statement in &operation.statements {
            self.statement(writing, statement, &mut values).await?;
        }
        let scope = values.scope();
        let render = |what: &str, template: Option<&crate::config::yaml::Spanned<crate::mapping::expr::Template>>| {
            let text = template.map(|template| template.render(&scope)).transpose();
            text.map_err(|error| Fault::Unfit(format!("{what} of what was written: {error}")))
        };
        let (id, version) =
            (render("the id", operation.id.as_ref())?, render("the version", operation.version.as_ref())?);
        let remote_version = match version.map(|text| version_of(&self.version, &text)) {
            Some(Ok(version)) => version,
            Some(Err(reason)) => return Err(Fault::Unfit(format!("the version of what was written: {reason}"))),
            None => None,
        };
        let remote_id = id.filter(|id| !id.is_empty()).or_else(|| values.context.remote_id.clone());
        Ok(Receipt { remote_id, remote_version, status: None, response_excerpt: "committed".to_owned() })
    }

    /// An earlier attempt did it all.
    async fn found_before(
        &self,
        writing: &mut Transaction<'_>,
        found: Option<&str>,
        values: &Values<'_>,
    ) -> Result<Receipt, Fault> {
        let mut remote_id = values.context.remote_id.clone();
        if let Some(found) = found {
            let query = self.database.query(found)?;
            let answer = writing.run(&query, &self.own(&query, values)?, 1).await?;
            let first = answer.rows.first().and_then(|row| row.values().next());
            remote_id = first.and_then(id_text).or(remote_id);
        }
        let response_excerpt = "committed by an earlier attempt".to_owned();
        Ok(Receipt { remote_id, remote_version: None, status: None, response_excerpt })
    }

    async fn statement(
        &self,
        writing: &mut Transaction<'_>,
        statement: &SqlStatement,
        values: &mut Values<'_>,
    ) -> Result<(), Fault> {
        let query = self.database.query(&statement.sql)?;
        let items = match &statement.each {
            None => vec![Value::Null],
            Some(path) => match path.first(&values.context.record) {
                Some(Value::Array(items)) => items.clone(),
                Some(Value::Null) | None => Vec::new(),
                Some(_) => return Err(Fault::Unfit(format!("`{}` of the record is not a list", path.as_str()))),
            },
        };
        for item in &items {
            let scope = values.scope().with("item", item);
            let mut params = self.own(&query, values)?;
            params.extend(with(&statement.with, &scope)?);
            let answer = writing.run(&query, &params, usize::MAX).await?;
            expect(statement, answer.affected)?;
            if let Some(name) = &statement.name {
                values.keep(name, answer);
            }
        }
        Ok(())
    }

    /// Whether the database has the record already.
    pub async fn lookup(&self, context: &WriteContext) -> CallResult<Lookup> {
        let what = format!("look up {}", self.stream);
        self.looked_up(context).await.map_err(|fault| self.database.error(&fault, &what))
    }

    async fn looked_up(&self, context: &WriteContext) -> Result<Lookup, Fault> {
        let lookup = self.write.operations.iter().find_map(|operation| match &operation.idempotency {
            SqlIdempotency::Lookup { query, with, id } => Some((query, with, id)),
            SqlIdempotency::Natural | SqlIdempotency::Key { .. } => None,
        });
        let (text, given, id) =
            lookup.ok_or_else(|| Fault::Unfit(format!("stream `{}` describes no look-up", self.stream)))?;
        let values = self.values(context);
        let query = self.database.query(text)?;
        let mut params = self.own(&query, &values)?;
        params.extend(with(given, &values.scope())?);
        let mut reading = self.database.reading().await?;
        let answer = reading.run(&query, &params, MOST_CANDIDATES).await?;
        reading.end().await?;
        let mut rows = answer.rows.into_iter();
        match (rows.next(), rows.len()) {
            (None, _) => Ok(Lookup::Absent),
            (Some(row), 0) => {
                let remote_id = row.get(id).and_then(id_text);
                let remote_id =
                    remote_id.ok_or_else(|| Fault::Unfit(format!("the found row has no id in column `{id}`")))?;
                Ok(Lookup::Found { remote_id, body: Value::Object(row) })
            }
            (Some(_), more) => Err(Fault::Unfit(format!(
                "{} rows there could be this record; remove the duplicates, or make the look-up stricter",
                more + 1
            ))),
        }
    }

    /// What every statement may use.
    fn own(&self, query: &Query, values: &Values<'_>) -> Result<Vec<(String, Param)>, Fault> {
        let mut params = self.database.settings_of(query)?;
        if query.uses("key") {
            params.push(("key".to_owned(), Param::of(values.key.clone(), SqlValueKind::Auto).map_err(Fault::Unfit)?));
        }
        params.push(("idempotency_key".to_owned(), Param::text(values.context.idempotency_key.as_str())));
        Ok(params)
    }
}

/// More candidates than this need not be counted.
const MOST_CANDIDATES: usize = 100;

fn with(given: &[(String, SqlValue)], scope: &Scope<'_>) -> Result<Vec<(String, Param)>, Fault> {
    let param = |(name, value): &(String, SqlValue)| {
        let wrong = |reason: String| Fault::Unfit(format!("the value of `:{name}`: {reason}"));
        let found = value.value.value.value(scope).map_err(|error| wrong(error.to_string()))?;
        Ok((name.clone(), Param::of(found, value.kind).map_err(wrong)?))
    };
    given.iter().map(param).collect()
}

fn expect(statement: &SqlStatement, found: u64) -> Result<(), Fault> {
    let Some(rows) = statement.rows else { return Ok(()) };
    if (rows.least..=rows.most).contains(&found) {
        return Ok(());
    }
    let expected =
        if rows.least == rows.most { rows.least.to_string() } else { format!("{} to {}", rows.least, rows.most) };
    let too_few = found < rows.least;
    let class = if too_few { statement.class } else { ErrorClass::Conflict };
    let message = statement.message.clone().filter(|_| too_few);
    Err(Fault::Rows { found, expected, class, message })
}

fn id_text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        Value::Number(number) => Cow::Owned(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    Some(text.into_owned()).filter(|text| !text.is_empty())
}
