//! A run over what the hub knows: what differs is looked at twice, and what is under way is told apart from what is lost.
//!
//! Order: take both sides and compare; read what differs again and let everything that had arrived by then be processed; take
//! both sides again, then ask the queue. Only what differed before and after in the same revisions, and what nothing carries,
//! is a break. Not here: the explanations (`inflight`), taking (`taken`).

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::recon::outcome::{Carrier, NothingCarried};
use crate::recon::report::{Input, Report};
use crate::recon::row::Side;
use crate::store::{EntityKey, StoreError, StreamId};

use super::definition::{Definition, From};
use super::desk::{Desk, DeskError, blocking};
use super::inflight::{Difference, HubCarrier, Known, Noted, Noting, Streams};
use super::kept::keep;
use super::run::{Asked, Background, Beside, run_after};
use super::systems::Systems;
use super::taken::{Hub, Taken, asks_hub, stream_of, take, take_some};

/// Records that are read again before a break is called, at most.
const MOST_READ_AGAIN: usize = 2_000;
/// Payloads that are looked through for what is about to be processed.
const MOST_PENDING: usize = 20_000;
const PENDING_PAGE: u32 = 1_000;
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// The side of inputs that says what the hub carried.
pub const HUB_SIDE: &str = "hub";

/// A run's report, and files to be kept with it, by their hashes.
pub struct Compared {
    pub report: Report,
    pub keep: Vec<(PathBuf, String)>,
}

/// What is compared, where.
#[derive(Clone)]
pub struct Comparison {
    pub definition: Arc<Definition>,
    pub root: PathBuf,
    pub room: PathBuf,
    pub asked: Asked,
    pub background: Background,
}

/// Makes the report.
pub async fn compare(desk: &Desk, what: &Comparison) -> Result<Compared, DeskError> {
    if !asks_hub(&what.definition) {
        let (report, _) = engine(what, Taken::default(), |_| NothingCarried).await?;
        return Ok(Compared { report, keep: Vec::new() });
    }
    let now = Arc::clone(&desk.now);
    let hub = Hub { store: &desk.store, systems: desk.systems.as_deref(), now: &*now };
    let period = what.asked.period;
    let first = take(&what.definition, &hub, period, &what.room).await?;
    let (report, first, noted) = noting(what, first).await?;
    if noted.differences.is_empty() || !first.findings.is_empty() {
        return kept(report, &first, None);
    }
    drop(first);
    let mut known = second_look(desk, what, &noted).await?;
    let taken = take(&what.definition, &hub, period, &what.room).await?;
    pending(desk, what, &mut known).await?;
    for side in Side::BOTH {
        let is_live = matches!(what.definition.sides[side.index()].from, From::Live(_));
        let until = &mut known.told_until[side.index()];
        *until = if is_live { taken.newest[side.index()] } else { until.or(taken.newest[side.index()]) };
    }
    known.before = Some(noted.differences);
    known.now = (desk.now)();
    let (report, taken, answers) = asking(desk, what, taken, known).await?;
    kept(report, &taken, Some((answers, what)))
}

/// A look at a few records of both mirrors: what of them differs, and the differences to be compared with next time.
pub async fn few(
    desk: &Desk,
    what: &Comparison,
    records: &[Vec<EntityKey>; 2],
    before: BTreeSet<Difference>,
) -> Result<(Report, BTreeSet<Difference>), DeskError> {
    let now = Arc::clone(&desk.now);
    let hub = Hub { store: &desk.store, systems: desk.systems.as_deref(), now: &*now };
    let mut known = Known { before: Some(before), now: now(), ..Known::default() };
    told_until(desk, what, &mut known);
    std::fs::create_dir_all(&what.room)
        .map_err(|error| DeskError::Damaged(format!("{} cannot be created: {error}", what.room.display())))?;
    let taken = take_some(&what.definition, &hub, records, &what.room).await?;
    pending(desk, what, &mut known).await?;
    let (_, taken, noted) = noting(what, taken).await?;
    let (report, _, _) = asking(desk, what, taken, known).await?;
    Ok((report, noted.differences))
}

/// How far each side's system is known to have told everything.
fn told_until(desk: &Desk, what: &Comparison, known: &mut Known) {
    for side in Side::BOTH {
        let stream = stream_of(&what.definition.sides[side.index()]);
        let facts = stream.zip(desk.systems.as_deref()).and_then(|(stream, systems)| systems.stream(stream));
        known.told_until[side.index()] = facts.and_then(|facts| facts.read_through);
    }
}

/// Runs the engine where it may block.
async fn engine<C: Carrier>(
    what: &Comparison,
    taken: Taken,
    carrier: impl FnOnce(&Taken) -> C + Send + 'static,
) -> Result<(Report, Taken), DeskError> {
    let what = what.clone();
    blocking(move || {
        let carrier = carrier(&taken);
        let beside = Beside { background: &what.background, taken: &taken, carrier: &carrier };
        let report = run_after(&what.definition, &what.root, &what.room, what.asked, &beside);
        drop(carrier);
        report.map(|report| (report, taken))
    })
    .await?
    .map_err(DeskError::from)
}

async fn noting(what: &Comparison, taken: Taken) -> Result<(Report, Taken, Noted), DeskError> {
    let what = what.clone();
    blocking(move || {
        let carrier = Noting::new(streams(&what.definition, &taken));
        let beside = Beside { background: &what.background, taken: &taken, carrier: &carrier };
        let report = run_after(&what.definition, &what.root, &what.room, what.asked, &beside)?;
        let noted = carrier.noted();
        Ok::<_, DeskError>((report, taken, noted))
    })
    .await?
}

async fn asking(
    desk: &Desk,
    what: &Comparison,
    taken: Taken,
    known: Known,
) -> Result<(Report, Taken, Vec<u8>), DeskError> {
    let (what, store) = (what.clone(), Arc::clone(&desk.store));
    blocking(move || {
        let definition = &what.definition;
        let streams = streams(definition, &taken);
        let carrier = HubCarrier::new(streams, known, definition.patience, store, definition.zone.clone());
        let beside = Beside { background: &what.background, taken: &taken, carrier: &carrier };
        let report = run_after(definition, &what.root, &what.room, what.asked, &beside)?;
        let answers = carrier.answers()?;
        Ok::<_, DeskError>((report, taken, answers))
    })
    .await?
}

fn streams<'t>(definition: &Definition, taken: &'t Taken) -> Streams<'t> {
    let of = |side: Side| &definition.sides[side.index()];
    Streams {
        streams: Side::BOTH.map(|side| stream_of(of(side)).cloned()),
        extracts: Side::BOTH.map(|side| taken.extracts[side.index()].as_ref()),
        mirrors: Side::BOTH.map(|side| matches!(of(side).from, From::Mirror(_))),
    }
}

/// Notes what was read from the hub as inputs of the report.
fn kept(mut report: Report, taken: &Taken, answers: Option<(Vec<u8>, &Comparison)>) -> Result<Compared, DeskError> {
    let mut keep: Vec<(PathBuf, String)> = Vec::new();
    if taken.findings.is_empty() {
        let extracts = taken.extracts.iter().flatten();
        keep.extend(extracts.map(|extract| (extract.path().to_owned(), extract.sha256().to_owned())));
    }
    if let Some((answers, what)) = answers {
        let path = what.room.join(format!("{}-hub.jsonl", what.definition.name));
        std::fs::write(&path, &answers)
            .map_err(|error| DeskError::Damaged(format!("{} cannot be written: {error}", path.display())))?;
        let sha256 = hex::encode(Sha256::digest(&answers));
        let rows = answers.iter().filter(|byte| **byte == b'\n').count() as u64;
        report.cover.inputs.push(hub_input(sha256.clone(), rows));
        keep.push((path, sha256));
    }
    Ok(Compared { report, keep })
}

/// What the hub carried, as an input.
pub fn hub_input(sha256: String, rows: u64) -> Input {
    Input { side: HUB_SIDE.to_owned(), source: "what the hub carried".to_owned(), sha256, rows, controls: Vec::new() }
}

/// Keeps a run's files. May block.
pub fn keep_all(what: &Comparison, files: &[(PathBuf, String)]) -> Result<(), DeskError> {
    files.iter().try_for_each(|(path, sha256)| keep(&what.room, path, sha256)).map_err(DeskError::from)
}

/// Reads what differs again, and waits until everything that had arrived by then is processed.
async fn second_look(desk: &Desk, what: &Comparison, noted: &Noted) -> Result<Known, DeskError> {
    let mut known = Known::default();
    let Some(systems) = desk.systems.as_deref() else { return Ok(known) };
    if what.definition.patience.read_again {
        let records = candidates(desk, what, noted).await?;
        for (record, answer) in systems.read_again(&records).await {
            match answer {
                Ok(asked_at) => {
                    known.asked.insert(record, asked_at);
                }
                Err(reason) => tracing::debug!(?record, reason, "a record that differs could not be read again"),
            }
        }
    }
    told_until(desk, what, &mut known);
    drain(desk, what.definition.patience.settle).await?;
    Ok(known)
}

/// Records that differ, and those that they are bound to on the other side, as far as they can be read by their keys.
async fn candidates(desk: &Desk, what: &Comparison, noted: &Noted) -> Result<Vec<EntityKey>, DeskError> {
    let Some(systems) = desk.systems.as_deref() else { return Ok(Vec::new()) };
    let streams = Side::BOTH.map(|side| stream_of(&what.definition.sides[side.index()]));
    let is_asked = |side: Side| {
        let mirror = matches!(what.definition.sides[side.index()].from, From::Mirror(_));
        mirror && streams[side.index()].and_then(|stream| systems.stream(stream)).is_some_and(|facts| facts.by_key)
    };
    let mut records = Vec::new();
    for (side, key) in noted.records.iter().take(MOST_READ_AGAIN) {
        let Some(stream) = streams[side.index()] else { continue };
        let record = record_of(stream, key);
        if let Some(other) = streams[side.other().index()].filter(|_| is_asked(side.other())) {
            let bound = desk.store.passage(&record, other).await?.binding;
            let remote = bound.filter(|binding| !binding.remote_id.is_empty());
            records.extend(remote.map(|binding| record_of(other, &binding.remote_id)));
        }
        if is_asked(*side) {
            records.push(record);
        }
    }
    records.sort_by(|x, y| (&x.connection, &x.stream, &x.key).cmp(&(&y.connection, &y.stream, &y.key)));
    records.dedup();
    Ok(records)
}

fn record_of(stream: &StreamId, key: &str) -> EntityKey {
    EntityKey { connection: stream.connection.clone(), stream: stream.stream.clone(), key: key.to_owned() }
}

/// Waits until no payload is pending that is there now, or until patience ends: what still waits then is told as such.
pub(super) async fn drain(desk: &Desk, patience: Duration) -> Result<(), StoreError> {
    if desk.systems.is_none() {
        return Ok(());
    }
    let mark = desk.store.read_mirrors(&[], &mut |_, _| Ok(())).await?.inbox;
    let until = tokio::time::Instant::now() + patience;
    loop {
        let oldest = desk.store.pending_inbox(0, 1).await?;
        if oldest.first().is_none_or(|row| row.id > mark) || tokio::time::Instant::now() >= until {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What waits to be processed, by the records that it is about.
async fn pending(desk: &Desk, what: &Comparison, known: &mut Known) -> Result<(), DeskError> {
    let ours: Vec<&str> = what
        .definition
        .sides
        .iter()
        .filter_map(|side| stream_of(side).map(|stream| stream.connection.as_str()))
        .collect();
    let mut pending: HashMap<EntityKey, (i64, i64)> = HashMap::new();
    let (mut after, mut looked) = (0, 0);
    loop {
        let rows = desk.store.pending_inbox(after, PENDING_PAGE).await?;
        let is_last = rows.len() < PENDING_PAGE as usize;
        looked += rows.len();
        for row in &rows {
            after = row.id;
            if !ours.contains(&row.connection.as_str()) {
                continue;
            }
            match desk.systems.as_deref() {
                Some(systems) => about(systems, row, &mut pending),
                // Nobody here can tell whose it is.
                None => known.backlog = true,
            }
        }
        known.backlog |= looked >= MOST_PENDING && !is_last;
        if is_last || known.backlog {
            known.pending = pending;
            return Ok(());
        }
    }
}

fn about(systems: &dyn Systems, row: &crate::store::InboxRow, pending: &mut HashMap<EntityKey, (i64, i64)>) {
    for id in systems.about(row) {
        pending.entry(id).or_insert((row.id, row.received_at));
    }
}
