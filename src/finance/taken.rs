//! What a run takes from the hub: extracts of mirrors, as of one instant, and of streams that are read now.
//!
//! Not here: keeping extracts (`kept`), comparing, what is under way.

use std::path::Path;
use std::sync::Arc;

use crate::model::Record;
use crate::recon::large::LargeError;
use crate::recon::report::RunFinding;
use crate::recon::row::{Entry, Place, Side};
use crate::recon::rules::RuleSet;
use crate::store::{EntityKey, EntityRow, MirrorMark, Mirrored, Store, StoreError, StreamId};

use super::definition::{Definition, From, SideSpec};
use super::extract::{Extract, Origin, Writer};
use super::kept::unpack;
use super::period::Period;
use super::record_rows::{Named, RecordRows};
use super::run::SOURCE_INCOMPLETE;
use super::systems::{LiveRecord, Systems};

/// Why nothing could be taken.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    #[error("side {side} of `{reconciliation}`: {reason}; {next}")]
    Side { reconciliation: String, side: &'static str, reason: String, next: &'static str },
    #[error("side {side} of `{reconciliation}`: its stream was not looked up; this is a defect, please report it")]
    Unbound { reconciliation: String, side: &'static str },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("an extract: {0}")]
    Extract(#[from] LargeError),
    #[error("{path}: {error}; check the data directory")]
    Folder { path: String, error: std::io::Error },
}

/// What was taken; nothing of sides that are files.
#[derive(Default)]
pub struct Taken {
    pub extracts: [Option<Extract>; 2],
    /// Why a side is not all of what it should be: then nothing is compared.
    pub findings: Vec<RunFinding>,
    /// Up to where mirrors were read.
    pub mark: MirrorMark,
    /// When the taking began, by the hub's clock.
    pub began: i64,
    /// The newest moment at which a record's system can have said so, per side.
    pub newest: [Option<i64>; 2],
}

/// The hub's stream that a side is made of.
pub fn stream_of(spec: &SideSpec) -> Option<&StreamId> {
    match &spec.from {
        From::Mirror(stream) | From::Live(stream) => Some(stream),
        From::Table(_) | From::Files(_) => None,
    }
}

/// Whether a run needs the hub at all.
pub fn asks_hub(definition: &Definition) -> bool {
    definition.sides.iter().any(|side| stream_of(side).is_some())
}

/// A side's records as entries.
struct Reading {
    rows: Arc<RecordRows>,
    source: Arc<str>,
    period: Option<Period>,
}

impl Reading {
    fn of(
        definition: &Definition,
        side: Side,
        stream: &StreamId,
        period: Option<Period>,
    ) -> Result<Reading, TakeError> {
        let unbound = || TakeError::Unbound { reconciliation: definition.name.to_string(), side: side.as_str() };
        let rows = definition.sides[side.index()].rows.clone().ok_or_else(unbound)?;
        Ok(Reading { rows, source: stream.to_string().into(), period })
    }

    /// A record that is none stays a row, with the reason.
    fn entries(&self, id: u64, key: &str, natural_key: Option<&str>, record: Result<Record, String>) -> Vec<Entry> {
        let place = Place { source: Arc::clone(&self.source), row: id };
        let made = record
            .and_then(|record| self.rows.entries(&Named { key, natural_key, record: &record }, &place, self.period));
        made.unwrap_or_else(|reason| vec![Entry::Rejected { place, reason: reason.into(), amount: None }])
    }

    fn mirrored(&self, id: u64, row: &EntityRow) -> Vec<Entry> {
        let record = Record::from_canonical_json(row.entity, &row.doc).map_err(|error| error.to_string());
        self.entries(id, &row.id.key, Some(&row.natural_key), record)
    }
}

/// Takes a record's key and what became of it.
pub type EachRecord<'a> = &'a mut (dyn FnMut(Side, &str, Vec<Entry>) + Send);

/// Every record of both mirrors, as of one instant; returns the newest event that is in it.
pub async fn each_record(definition: &Definition, hub: &Hub<'_>, each: EachRecord<'_>) -> Result<i64, TakeError> {
    let sides: Vec<(Side, StreamId)> = Side::BOTH
        .into_iter()
        .filter_map(|side| Some((side, stream_of(&definition.sides[side.index()])?.clone())))
        .collect();
    let readings: Vec<Reading> =
        sides.iter().map(|(side, stream)| Reading::of(definition, *side, stream, None)).collect::<Result<_, _>>()?;
    let streams: Vec<StreamId> = sides.iter().map(|(_, stream)| stream.clone()).collect();
    let mut page_of = |at: usize, page: Vec<Mirrored>| {
        for Mirrored { id, row } in page {
            each(sides[at].0, &row.id.key, readings[at].mirrored(id.unsigned_abs(), &row));
        }
        Ok(())
    };
    Ok(hub.store.read_mirrors(&streams, &mut page_of).await?.event)
}

/// Records that are looked up at once.
const LOOKED_UP: usize = 500;

/// Those of these records of a side that are there now.
pub async fn each_of(
    definition: &Definition,
    hub: &Hub<'_>,
    side: Side,
    records: &[EntityKey],
    each: EachRecord<'_>,
) -> Result<(), TakeError> {
    let Some(stream) = stream_of(&definition.sides[side.index()]) else { return Ok(()) };
    let reading = Reading::of(definition, side, stream, None)?;
    let mut id = 0;
    for some in records.chunks(LOOKED_UP) {
        for row in hub.store.entities(some).await?.into_iter().filter(|row| !row.deleted) {
            id += 1;
            each(side, &row.id.key, reading.mirrored(id, &row));
        }
    }
    Ok(())
}

/// These records of both mirrors, as they are now.
pub async fn take_some(
    definition: &Definition,
    hub: &Hub<'_>,
    records: &[Vec<EntityKey>; 2],
    room: &Path,
) -> Result<Taken, TakeError> {
    let mut taken = Taken { began: (hub.now)(), ..Taken::default() };
    for side in Side::BOTH {
        let Some(stream) = stream_of(&definition.sides[side.index()]) else { continue };
        let mut taking = Taking::begin(definition, side, stream, None, room)?;
        let mut page = Vec::new();
        for some in records[side.index()].chunks(LOOKED_UP) {
            let rows = hub.store.entities(some).await?.into_iter().filter(|row| !row.deleted);
            page.extend(rows);
        }
        page.sort_by(|x, y| x.id.key.cmp(&y.id.key));
        let numbered = page.into_iter().zip(1..).map(|(row, id)| Mirrored { id, row }).collect();
        taking.mirrored(numbered).map_err(|reason| TakeError::Side {
            reconciliation: definition.name.to_string(),
            side: side.as_str(),
            reason,
            next: "is there room left on the disk?",
        })?;
        taken.newest[side.index()] = taking.newest;
        taken.extracts[side.index()] = Some(taking.writer.finish(&definition.rules)?);
    }
    Ok(taken)
}

/// One side while it is taken.
struct Taking {
    reading: Reading,
    writer: Writer,
    /// Of a live side, which has no numbers of its own.
    records: u64,
    newest: Option<i64>,
}

impl Taking {
    fn begin(
        definition: &Definition,
        side: Side,
        stream: &StreamId,
        period: Option<Period>,
        room: &Path,
    ) -> Result<Taking, TakeError> {
        let reading = Reading::of(definition, side, stream, period)?;
        let path = room.join(format!("{}-{}.jsonl", definition.name, side.as_str().to_lowercase()));
        let writer = Writer::create(&path, &stream.to_string())?;
        Ok(Taking { reading, writer, records: 0, newest: None })
    }

    fn mirrored(&mut self, page: Vec<Mirrored>) -> Result<(), String> {
        for Mirrored { id, row } in page {
            let id = id.unsigned_abs();
            let entries = self.reading.mirrored(id, &row);
            self.newest = self.newest.max(Some(row.as_of));
            let origin = Origin { record: row.id.key, revision: row.revision, as_of: row.as_of };
            self.put(id, origin, entries)?;
        }
        Ok(())
    }

    fn live(&mut self, page: Vec<LiveRecord>, at: i64) -> Result<(), String> {
        for LiveRecord { key, record } in page {
            self.records += 1;
            let revision = record.as_ref().map_or(0, fingerprint);
            let entries = self.reading.entries(self.records, &key, None, record);
            self.put(self.records, Origin { record: key, revision, as_of: at }, entries)?;
        }
        Ok(())
    }

    /// The rows of a record share its number.
    fn put(&mut self, id: u64, origin: Origin, entries: Vec<Entry>) -> Result<(), String> {
        let mut write = |entry| self.writer.write(id, origin.clone(), entry).map_err(|error| error.to_string());
        entries.into_iter().try_for_each(&mut write)
    }
}

/// A live record has no revision: its content stands for it.
fn fingerprint(record: &Record) -> i64 {
    let hash = record.content_hash().to_string();
    hash.bytes().fold(17_i64, |sum, byte| sum.wrapping_mul(31).wrapping_add(i64::from(byte)))
}

/// What a run takes from.
pub struct Hub<'h> {
    pub store: &'h Arc<dyn Store>,
    pub systems: Option<&'h dyn Systems>,
    pub now: &'h (dyn Fn() -> i64 + Send + Sync),
}

/// Takes both sides: what is read now first, then mirrors, all as of one instant.
pub async fn take(
    definition: &Definition,
    hub: &Hub<'_>,
    period: Option<Period>,
    room: &Path,
) -> Result<Taken, TakeError> {
    let refuse = |side: Side, reason: String, next: &'static str| TakeError::Side {
        reconciliation: definition.name.to_string(),
        side: side.as_str(),
        reason,
        next,
    };
    let mut taken = Taken { began: (hub.now)(), ..Taken::default() };
    let mut sides: [Option<Taking>; 2] = [None, None];
    for side in Side::BOTH {
        let Some(stream) = stream_of(&definition.sides[side.index()]) else { continue };
        sides[side.index()] = Some(Taking::begin(definition, side, stream, period, room)?);
    }
    for side in Side::BOTH {
        let From::Live(stream) = &definition.sides[side.index()].from else { continue };
        let Some(taking) = &mut sides[side.index()] else { continue };
        let Some(systems) = hub.systems else {
            let next = "start it with `syncline run` and ask again";
            return Err(refuse(side, format!("{stream} can be read by a running hub only"), next));
        };
        let at = (hub.now)();
        taking.newest = Some(at);
        if let Err(reason) = systems.read_all(stream, &mut |page| taking.live(page, at)).await {
            taken.findings.push(incomplete(side, stream, &reason));
        }
    }
    mirrors(definition, hub, &mut sides, &mut taken).await?;
    for (side, taking) in Side::BOTH.into_iter().zip(sides) {
        if let Some(taking) = taking {
            taken.newest[side.index()] = taking.newest;
            taken.extracts[side.index()] = Some(taking.writer.finish(&definition.rules)?);
        }
    }
    Ok(taken)
}

async fn mirrors(
    definition: &Definition,
    hub: &Hub<'_>,
    sides: &mut [Option<Taking>; 2],
    taken: &mut Taken,
) -> Result<(), TakeError> {
    let is_mirror = |side: Side| matches!(definition.sides[side.index()].from, From::Mirror(_));
    let which: Vec<Side> = Side::BOTH.into_iter().filter(|side| is_mirror(*side)).collect();
    let streams: Vec<StreamId> =
        which.iter().filter_map(|side| stream_of(&definition.sides[side.index()]).cloned()).collect();
    let mut each = |at: usize, page: Vec<Mirrored>| match &mut sides[which[at].index()] {
        Some(taking) => taking.mirrored(page),
        None => Ok(()),
    };
    taken.mark = hub.store.read_mirrors(&streams, &mut each).await?;
    for (side, stream) in which.into_iter().zip(&streams) {
        let Some(facts) = hub.systems.and_then(|systems| systems.stream(stream)) else { continue };
        let walked = hub.store.cursor(&stream.connection, &stream.stream).await?.is_some();
        if facts.polled && facts.read_through.is_none() && !walked {
            taken.findings.push(incomplete(side, stream, "it has not been read to its end yet"));
        }
    }
    Ok(())
}

fn incomplete(side: Side, stream: &StreamId, reason: &str) -> RunFinding {
    RunFinding {
        code: SOURCE_INCOMPLETE.to_owned(),
        text: format!("side {}: {stream}: {reason}", side.as_str()),
        next: "nothing was compared; run it again when the stream can be read".to_owned(),
    }
}

/// Opens an extract that was kept; nothing if it is gone or is not what it was.
pub fn reopen(
    room: &Path,
    sha256: &str,
    name: &str,
    side: Side,
    rules: &RuleSet,
) -> Result<Option<Extract>, TakeError> {
    let path = room.join(format!("{}-{}-again.jsonl", rules.name, side.as_str().to_lowercase()));
    reopen_at(room, &path, sha256, name, rules)
}

/// As `reopen`, unpacked to a path of the caller's own.
pub fn reopen_at(
    room: &Path,
    path: &Path,
    sha256: &str,
    name: &str,
    rules: &RuleSet,
) -> Result<Option<Extract>, TakeError> {
    if !unpack(room, sha256, path)? {
        return Ok(None);
    }
    let extract = Extract::open(path, name, rules)?;
    Ok((extract.sha256() == sha256).then_some(extract))
}
