//! The hub's connections as reconciliations ask them: streams read completely, records read again; not here: comparing.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt as _;
use serde_json::Value;

use super::lifecycle::{Hub, LivePlant};
use super::plant::{Plant, Site};
use super::sources::ReadTimes;
use crate::config::Deliver;
use crate::connector::call::{CallResult, IncomingOp, Page, PageToken};
use crate::connector::manifest::{SqlProgress, Stream};
use crate::connector::process::ProcessReader;
use crate::connector::sql::SqlReader;
use crate::finance::record_rows::HubStreams;
use crate::finance::systems::{EachLive, FlowFacts, LiveRecord, StreamFacts, Systems};
use crate::model::clock::Clock;
use crate::process::{Catalogue as _, Fetcher as _, Interpreted, Operation, Part, ProcessorHandle};
use crate::store::{EntityKey, InboxRow, NewInbox, SourceKind, Store, StreamId};

/// Records that are read at once, so that the vendor's budget is left to deliveries.
const PARALLEL: usize = 4;

/// What it needs of a hub.
pub(super) struct HubSystems {
    plant: Arc<LivePlant>,
    store: Arc<dyn Store>,
    processor: ProcessorHandle,
    clock: Clock,
    read_times: Arc<ReadTimes>,
}

impl Hub {
    pub(super) fn systems_of_plant(&self) -> HubSystems {
        HubSystems {
            plant: Arc::clone(&self.plant),
            store: Arc::clone(&self.store),
            processor: self.processor.clone(),
            clock: self.clock.clone(),
            read_times: Arc::clone(&self.read_times),
        }
    }
}

#[async_trait]
impl Systems for HubSystems {
    fn streams(&self) -> HubStreams {
        HubStreams::of(&self.plant.now().config)
    }

    fn stream(&self, stream: &StreamId) -> Option<StreamFacts> {
        let plant = self.plant.now();
        plant.streams.get(&(stream.connection.clone(), stream.stream.clone()))?;
        let site = plant.sites.get(&stream.connection)?;
        let described = site.config.manifest.stream(&stream.stream)?;
        Some(StreamFacts {
            polled: site.config.enabled && described.read.is_some() && described.file_read().is_none(),
            read_through: self.read_times.through(&stream.connection, &stream.stream),
            by_key: described.can_fetch(),
        })
    }

    fn flow(&self, from: &StreamId, to: &StreamId) -> Option<FlowFacts> {
        let plant = self.plant.now();
        let is = |end: &crate::config::Endpoint, stream: &StreamId| {
            end.connection == stream.connection && end.stream == stream.stream
        };
        let flow = plant.config.flows.iter().find(|flow| is(&flow.from, from) && is(&flow.to, to))?;
        Some(FlowFacts { name: flow.name.value.clone(), latest: flow.deliver == Deliver::Latest })
    }

    fn about(&self, payload: &InboxRow) -> Vec<EntityKey> {
        let plant = self.plant.now();
        match plant.interpret(payload) {
            Ok(Interpreted::Record(candidate)) => vec![candidate.id],
            Ok(Interpreted::Thin { id, .. }) => vec![id],
            Ok(Interpreted::Several(parts)) => parts.into_iter().filter_map(part_key).collect(),
            Ok(Interpreted::Ignored { .. }) => Vec::new(),
            Err(unusable) => match (unusable.stream, unusable.key) {
                (Some(stream), Some(key)) => vec![EntityKey { connection: payload.connection.clone(), stream, key }],
                (_, _) => Vec::new(),
            },
        }
    }

    async fn read_again(&self, records: &[EntityKey]) -> Vec<(EntityKey, Result<i64, String>)> {
        let plant = self.plant.now();
        let asked: Vec<_> = futures::stream::iter(records.iter().cloned())
            .map(|id| {
                let plant = Arc::clone(&plant);
                async move {
                    let asked_at = self.clock.now_us();
                    let answer = match plant.fetch(&id).await {
                        Ok(record) => self.keep(&id, record, asked_at).await,
                        Err(error) => Err(error.to_string()),
                    };
                    (id, answer.map(|()| asked_at))
                }
            })
            .buffer_unordered(PARALLEL)
            .collect()
            .await;
        self.processor.wake();
        asked
    }

    async fn read_all(&self, stream: &StreamId, each: EachLive<'_>) -> Result<(), String> {
        let plant = self.plant.now();
        let site = plant.sites.get(&stream.connection).ok_or("the connection is not configured any more")?;
        let described = site.config.manifest.stream(&stream.stream).ok_or("the stream is not there any more")?;
        let pages = Pages::of(site, described)?;
        let mut seen: HashSet<u64> = HashSet::new();
        let mut token = None;
        loop {
            let page = pages.next(token).await.map_err(|error| error.to_string())?;
            let mut records = Vec::with_capacity(page.records.len());
            for record in &page.records {
                self.records(&plant, stream, record, &mut records).await?;
            }
            for fetched in page.fetched {
                let at = fetched.asked_at.as_microsecond();
                self.part(&plant, stream, fetched.key, fetched.record, at, &mut records)?;
            }
            // A list that moves while it is read shows a record twice.
            records.retain(|record| seen.insert(fingerprint(&record.key)));
            each(records)?;
            match page.next {
                Some(next) => token = Some(next),
                None => return Ok(()),
            }
        }
    }
}

impl HubSystems {
    /// What was read on purpose goes the way of all payloads.
    async fn keep(&self, id: &EntityKey, record: Option<Value>, asked_at: i64) -> Result<(), String> {
        let row = NewInbox {
            connection: id.connection.clone(),
            stream: id.stream.clone(),
            source: SourceKind::Fetch,
            dedupe_key: format!("fetch/{}/{}/{asked_at}", id.stream, id.key),
            topic: String::new(),
            headers: String::new(),
            place: "read again by a reconciliation".to_owned(),
            payload: read_part(id.key.clone(), record, asked_at).to_bytes().map_err(|error| error.to_string())?,
            received_at: self.clock.now_us(),
        };
        self.store.append_inbox(vec![row], None).await.map(|_| ()).map_err(|error| error.to_string())
    }

    /// A listed record as canonical ones: as a polled payload would be read.
    async fn records(
        &self,
        plant: &Plant,
        stream: &StreamId,
        record: &Value,
        into: &mut Vec<LiveRecord>,
    ) -> Result<(), String> {
        let row = self.row(stream, SourceKind::Poll, record.to_string().into_bytes());
        match plant.interpret(&row) {
            Ok(Interpreted::Several(parts)) => {
                for part in parts.into_iter().filter(|part| part.stream == stream.stream) {
                    let row = self.row(stream, SourceKind::Split, part.payload);
                    self.single(plant, stream, plant.interpret(&row), into).await?;
                }
                Ok(())
            }
            read => self.single(plant, stream, read, into).await,
        }
    }

    async fn single(
        &self,
        plant: &Plant,
        stream: &StreamId,
        read: Result<Interpreted, Box<crate::process::Unusable>>,
        into: &mut Vec<LiveRecord>,
    ) -> Result<(), String> {
        match read {
            Ok(Interpreted::Thin { id, .. }) => {
                let at = self.clock.now_us();
                let record = plant.fetch(&id).await.map_err(|error| error.to_string())?;
                self.part(plant, stream, id.key, record, at, into)
            }
            read => {
                into.extend(live(read)?);
                Ok(())
            }
        }
    }

    /// A record that was read by its key.
    fn part(
        &self,
        plant: &Plant,
        stream: &StreamId,
        key: String,
        record: Option<Value>,
        at: i64,
        into: &mut Vec<LiveRecord>,
    ) -> Result<(), String> {
        if record.is_some() {
            let bytes = read_part(key, record, at).to_bytes().map_err(|error| error.to_string())?;
            into.extend(live(plant.interpret(&self.row(stream, SourceKind::Fetch, bytes)))?);
        }
        Ok(())
    }

    fn row(&self, stream: &StreamId, source: SourceKind, payload: Vec<u8>) -> InboxRow {
        InboxRow {
            id: 0,
            connection: stream.connection.clone(),
            stream: stream.stream.clone(),
            source,
            topic: String::new(),
            headers: String::new(),
            place: "read by a reconciliation".to_owned(),
            payload,
            received_at: self.clock.now_us(),
            batch: None,
        }
    }
}

/// A record that is there; one that cannot be read stays a row, with the reason.
fn live(read: Result<Interpreted, Box<crate::process::Unusable>>) -> Result<Option<LiveRecord>, String> {
    match read {
        Ok(Interpreted::Record(candidate)) => Ok(match (candidate.operation, candidate.record) {
            (Operation::Upsert, Some(record)) => Some(LiveRecord { key: candidate.id.key, record: Ok(record) }),
            (Operation::Upsert | Operation::Delete, _) => None,
        }),
        Ok(Interpreted::Ignored { rule, .. }) => Err(format!("its records are ignored: {rule}")),
        Ok(Interpreted::Thin { id, .. }) => Err(format!("{} only names itself", id.key)),
        Ok(Interpreted::Several(_)) => Err("a record of a payload is several again".to_owned()),
        Err(unusable) => {
            let key = unusable.key.ok_or_else(|| unusable.dead.detail.clone())?;
            Ok(Some(LiveRecord { key, record: Err(unusable.dead.detail) }))
        }
    }
}

fn read_part(key: String, record: Option<Value>, asked_at: i64) -> Part {
    Part {
        key,
        op: if record.is_some() { IncomingOp::Upsert } else { IncomingOp::Delete },
        version: None,
        occurred_at: None,
        asked_at: Some(asked_at),
        hint: false,
        payload: record.unwrap_or_default(),
        problem: None,
    }
}

fn part_key(part: NewInbox) -> Option<EntityKey> {
    let read = Part::from_bytes(&part.payload).ok()?;
    Some(EntityKey { connection: part.connection, stream: part.stream, key: read.key })
}

fn fingerprint(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// A stream's pages from its beginning, whatever it is read through.
enum Pages<'s> {
    Http(&'s Site, &'s str),
    Program(ProcessReader),
    Table(SqlReader),
}

impl<'s> Pages<'s> {
    fn of(site: &'s Site, stream: &'s Stream) -> Result<Pages<'s>, String> {
        if let Some(program) = site.program.as_ref().and_then(|program| ProcessReader::new(program, stream)) {
            return Ok(Pages::Program(program));
        }
        if let (Some(database), Some(read)) = (&site.database, stream.sql_read()) {
            let is_outbox = matches!(read.progress, SqlProgress::Outbox(_));
            return match SqlReader::new(database, stream).filter(|_| !is_outbox) {
                Some(table) => Ok(Pages::Table(table)),
                None => Err("an outbox tells what changed, never all there is; use `mirror:`".to_owned()),
            };
        }
        match stream.http_read() {
            Some(read) if read.as_webhook => {
                Err("it lists events, never all records there are; use `mirror:`".to_owned())
            }
            Some(_) => Ok(Pages::Http(site, stream.name.as_str())),
            None => Err("it cannot be read by asking; use `mirror:`".to_owned()),
        }
    }

    async fn next(&self, token: Option<PageToken>) -> CallResult<Page> {
        match self {
            Pages::Http(site, stream) => site.connection.read_page(stream, None, token).await,
            Pages::Program(program) => program.page(None, token).await,
            Pages::Table(table) => table.page(None, token).await,
        }
    }
}
