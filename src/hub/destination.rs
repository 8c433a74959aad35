//! A connection as a destination: its HTTP streams and its file streams behind one face; not here: when to send.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::connector::call::{CallResult, Lookup, Receipt, WriteContext};
use crate::connector::connection::Connection;
use crate::connector::manifest::{Idempotency, OpKind, Write};
use crate::deliver::{Destination, Effect, EffectKind, FileSink, Protection};

pub(super) struct ConnectionDestination {
    connection: Arc<Connection>,
    files: HashMap<String, Arc<FileSink>>,
}

impl ConnectionDestination {
    pub fn new(connection: Arc<Connection>, files: HashMap<String, Arc<FileSink>>) -> ConnectionDestination {
        ConnectionDestination { connection, files }
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

#[async_trait]
impl Destination for ConnectionDestination {
    fn protection(&self, stream: &str, kind: EffectKind) -> Option<Protection> {
        if let Some(file) = self.files.get(stream) {
            return file.protection(kind);
        }
        let Some(Write::Http(write)) = &self.connection.manifest().stream(stream)?.write else { return None };
        Some(match &write.operation(op_kind(kind))?.idempotency {
            Idempotency::Header { ttl, .. } => Protection::Key { ttl: *ttl },
            Idempotency::Lookup { .. } => Protection::LookUp,
            Idempotency::Natural => Protection::Natural,
        })
    }

    async fn write(&self, effect: &Effect) -> CallResult<Receipt> {
        match self.files.get(&effect.stream) {
            Some(file) => file.write(effect).await,
            None => self.connection.write(&effect.stream, op_kind(effect.kind), &effect.context).await,
        }
    }

    async fn lookup(&self, stream: &str, context: &WriteContext) -> CallResult<Lookup> {
        match self.files.get(stream) {
            Some(file) => file.lookup(context).await,
            None => self.connection.lookup(stream, context).await,
        }
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
