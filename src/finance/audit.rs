//! Mirrors proved: a few records at a time are asked for again, in the order of their keys and round and round, and what a mirror
//! had wrong although it should have known better is told.
//!
//! The answer goes the way of all payloads, so that a stale record is right again afterwards. Not here: when it is done.

use serde::{Deserialize, Serialize};

use crate::recon::row::Side;
use crate::store::{CursorMove, DeadLetter, EntityKey, EntityRow, StreamId};

use super::definition::{Definition, From};
use super::desk::{Desk, DeskError};
use super::inflight::micros;
use super::look::drain;
use super::taken::stream_of;

/// Where each audit stands, among cursors.
const AUDITS: &str = "audits";
/// Versions above this are times in microseconds, not numbers that count.
const TIMES_FROM: i64 = 1_000_000_000_000_000;

/// What a slice of an audit found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audited {
    pub records: u64,
    /// Could not be asked for.
    pub unanswered: u64,
    /// The mirror had them wrong, and nothing was under way that would have told.
    pub stale: Vec<String>,
}

/// Asks for the next `count` records of each mirror of a reconciliation that can be asked.
pub async fn audit(desk: &Desk, definition: &Definition, count: u32) -> Result<Audited, DeskError> {
    let mut found = Audited::default();
    for side in Side::BOTH {
        let spec = &definition.sides[side.index()];
        if let (From::Mirror(_), Some(stream)) = (&spec.from, stream_of(spec)) {
            slice(desk, definition, stream, count, &mut found).await?;
        }
    }
    Ok(found)
}

async fn slice(
    desk: &Desk,
    definition: &Definition,
    stream: &StreamId,
    count: u32,
    found: &mut Audited,
) -> Result<(), DeskError> {
    let Some(systems) = desk.systems.as_deref() else { return Ok(()) };
    let Some(facts) = systems.stream(stream).filter(|facts| facts.by_key) else { return Ok(()) };
    let StreamId { connection, stream: name } = stream;
    let cursor = stream.to_string();
    let after = desk.store.cursor(AUDITS, &cursor).await?.unwrap_or_default();
    let mut keys = desk.store.live_keys(connection, name, &after, count).await?;
    if keys.is_empty() && !after.is_empty() {
        // Round and round.
        keys = desk.store.live_keys(connection, name, "", count).await?;
    }
    let Some(last) = keys.last().map(|last| last.key.clone()) else { return Ok(()) };
    let records: Vec<EntityKey> = keys
        .into_iter()
        .map(|live| EntityKey { connection: connection.clone(), stream: name.clone(), key: live.key })
        .collect();
    let before = desk.store.entities(&records).await?;
    let answers = systems.read_again(&records).await;
    drain(desk, definition.patience.settle).await?;
    found.records += answers.iter().filter(|(_, answer)| answer.is_ok()).count() as u64;
    found.unanswered += answers.iter().filter(|(_, answer)| answer.is_err()).count() as u64;
    let told = facts.read_through.map(|through| through.saturating_sub(micros(definition.patience.settle)));
    let now = desk.store.entities(&records).await?;
    let stale: Vec<String> = before
        .iter()
        .filter_map(|was| {
            let is = now.iter().find(|is| is.id == was.id)?;
            is_stale(was, is, told).then(|| format!("{stream}/{}", was.id.key))
        })
        .collect();
    raise(desk, stream, &stale).await?;
    found.stale.extend(stale);
    let moved = CursorMove { connection: AUDITS.to_owned(), stream: cursor, value: last, at: (desk.now)() };
    desk.store.append_inbox(Vec::new(), Some(moved)).await?;
    Ok(())
}

/// Whether the mirror should have known: what changed after the last complete reading is only young.
fn is_stale(was: &EntityRow, is: &EntityRow, told_until: Option<i64>) -> bool {
    let differs = was.deleted != is.deleted || was.hash != is.hash;
    let is_dated = is.version >= TIMES_FROM && is.version != was.version;
    let is_young = is_dated && told_until.is_none_or(|told| is.version > told);
    differs && !is_young
}

async fn raise(desk: &Desk, stream: &StreamId, stale: &[String]) -> Result<(), DeskError> {
    if stale.is_empty() {
        return Ok(());
    }
    let issue = DeadLetter {
        scope: stream.connection.clone(),
        class: crate::model::ErrorClass::Data,
        fingerprint: format!("{stream}/stale mirror"),
        title: format!("STALE_MIRROR: records of {stream} had changed and nobody had told the hub"),
        detail: stale.join(", "),
        next_step: "they have been read again; look for lost webhooks, or a cursor that overlooks changes".to_owned(),
    };
    desk.store.raise_issue(issue, (desk.now)()).await?;
    Ok(())
}
