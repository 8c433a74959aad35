//! A connection as a destination: its streams over HTTP, in files, in a database and through a program behind one face; not here: when to send.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::connector::call::{CallResult, Lookup, Receipt, WriteContext};
use crate::connector::connection::Connection;
use crate::connector::manifest::{CreateSafety, Idempotency, OpKind, ProcessWrite, SqlIdempotency, Write};
use crate::connector::process::ProcessSink;
use crate::connector::sql::SqlSink;
use crate::deliver::{BatchTerms, Destination, Effect, EffectKind, FileSink, Protection};

pub(super) struct ConnectionDestination {
    connection: Arc<Connection>,
    files: HashMap<String, Arc<FileSink>>,
    programs: HashMap<String, Arc<ProcessSink>>,
    tables: HashMap<String, Arc<SqlSink>>,
}

impl ConnectionDestination {
    pub fn new(
        connection: Arc<Connection>,
        files: HashMap<String, Arc<FileSink>>,
        programs: HashMap<String, Arc<ProcessSink>>,
        tables: HashMap<String, Arc<SqlSink>>,
    ) -> ConnectionDestination {
        ConnectionDestination { connection, files, programs, tables }
    }
}

fn op_kind(kind: EffectKind) -> OpKind {
    match kind {
        EffectKind::Create => OpKind::Create,
        EffectKind::Update => OpKind::Update,
        EffectKind::Upsert => OpKind::Upsert,
        EffectKind::Set => OpKind::Set,
        EffectKind::Delete => OpKind::Delete,
    }
}

/// What states how things are may be repeated; a create only as its manifest says.
fn by_program(write: &ProcessWrite, op: OpKind) -> Option<Protection> {
    if !write.operations.contains(&op) {
        return None;
    }
    match (op, write.create) {
        (OpKind::Create, Some(CreateSafety::Key { ttl })) => Some(Protection::Key { ttl }),
        (OpKind::Create, Some(CreateSafety::Lookup)) => Some(Protection::LookUp),
        (OpKind::Create, None) => None,
        (OpKind::Create, Some(CreateSafety::Natural))
        | (OpKind::Update | OpKind::Upsert | OpKind::Set | OpKind::Delete, _) => Some(Protection::Natural),
    }
}

#[async_trait]
impl Destination for ConnectionDestination {
    fn protection(&self, stream: &str, kind: EffectKind) -> Option<Protection> {
        if let Some(file) = self.files.get(stream) {
            return file.protection(kind);
        }
        match self.connection.manifest().stream(stream)?.write.as_ref()? {
            Write::Http(write) => Some(match &write.operation(op_kind(kind))?.idempotency {
                Idempotency::Header { ttl, .. } | Idempotency::Body { ttl, .. } => Protection::Key { ttl: *ttl },
                Idempotency::Lookup { .. } => Protection::LookUp,
                Idempotency::Natural => Protection::Natural,
            }),
            Write::Process(write) => by_program(write, op_kind(kind)),
            Write::Sql(write) => Some(match &write.operation(op_kind(kind))?.idempotency {
                SqlIdempotency::Key { ttl, .. } => Protection::Key { ttl: *ttl },
                SqlIdempotency::Lookup { .. } => Protection::LookUp,
                SqlIdempotency::Natural => Protection::Natural,
            }),
            // It has a sink, which was asked above.
            Write::File(_) => None,
        }
    }

    async fn write(&self, effect: &Effect) -> CallResult<Receipt> {
        if let Some(program) = self.programs.get(&effect.stream) {
            return program.write(op_kind(effect.kind), &effect.context).await;
        }
        if let Some(table) = self.tables.get(&effect.stream) {
            return table.write(op_kind(effect.kind), &effect.context).await;
        }
        match self.files.get(&effect.stream) {
            Some(file) => file.write(effect).await,
            None => self.connection.write(&effect.stream, op_kind(effect.kind), &effect.context).await,
        }
    }

    fn batch(&self, stream: &str, kind: EffectKind) -> Option<BatchTerms> {
        let batch = self.connection.batch_of(stream, op_kind(kind))?;
        Some(BatchTerms {
            max: usize::try_from(batch.max).unwrap_or(usize::MAX),
            linger: batch.linger,
            max_bytes: batch.max_bytes.map(|most| most.bytes),
        })
    }

    async fn write_many(&self, effects: &[Effect]) -> CallResult<Vec<CallResult<Receipt>>> {
        let Some(first) = effects.first() else { return Ok(Vec::new()) };
        let contexts: Vec<WriteContext> = effects.iter().map(|effect| effect.context.clone()).collect();
        self.connection.write_many(&first.stream, op_kind(first.kind), &contexts).await
    }

    async fn lookup(&self, stream: &str, context: &WriteContext) -> CallResult<Lookup> {
        if let Some(program) = self.programs.get(stream) {
            return program.lookup(context).await;
        }
        if let Some(table) = self.tables.get(stream) {
            return table.lookup(context).await;
        }
        match self.files.get(stream) {
            Some(file) => file.lookup(context).await,
            None => self.connection.lookup(stream, context).await,
        }
    }

    async fn follow_up(&self, effect: &Effect) -> CallResult<()> {
        self.connection.follow_up(&effect.stream, op_kind(effect.kind), &effect.context).await
    }

    fn echo(&self, effect: &Effect, _: &Receipt) -> Value {
        let Some(stream) = self.connection.manifest().stream(&effect.stream) else { return Value::Null };
        let said = stream.echo.iter().filter_map(|path| {
            let value = path.first(&effect.body).filter(|value| !value.is_null())?;
            Some((path.as_str().to_owned(), value.clone()))
        });
        Value::Object(said.collect::<Map<String, Value>>())
    }
}
