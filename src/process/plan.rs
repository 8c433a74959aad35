//! Decides what one received record means for the hub's state: the fence, echoes, and the flows it causes; pure.
//!
//! Not here: reading the state it compares with, writing what it decides (see `driver`).
//!
//! The fence, in one table (received version against stored version, content against content):
//!
//! | version | content | outcome |
//! |---|---|---|
//! | newer | differs | applied |
//! | newer | same | ignored (unchanged), the fence moves on |
//! | equal | same | ignored (unchanged) |
//! | equal | differs | a tie: the vendor is asked for its current state, which is applied |
//! | older | any | superseded |
//! | any | record deleted | superseded, unless a list or a read says that it exists again |

use std::sync::Arc;

use serde_json::Value;

use super::echo::says;
use crate::mapping::Filter;
use crate::model::{Entity, Record, event_for};
use crate::store::{
    BindingRow, EntityKey, EntityRow, EntityWrite, NewJob, PlannedOutcome, Sighting, SourceKind, mutation, order_key,
};

/// The event's name when a record is gone at its source.
const DELETED: &str = "RecordDeleted";

/// What the vendor says happened to the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Upsert,
    Delete,
}

/// One received record, interpreted and mapped.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub id: EntityKey,
    pub entity: Entity,
    pub source: SourceKind,
    pub operation: Operation,
    /// The vendor's version; `None` where the vendor has none and arrival order decides.
    pub version: Option<i64>,
    pub occurred_at: Option<i64>,
    /// Absent for a deletion.
    pub record: Option<Record>,
    /// As the vendor wrote it, for what the record does not carry.
    pub payload: Value,
    /// The latest moment, by our clock, at which the vendor can have said so.
    pub as_of: i64,
    /// Part of the first walk through a stream: says nothing about lost webhooks.
    pub backfill: bool,
}

/// What a stream can do, as far as the fence cares.
#[derive(Clone, Copy, Debug, Default)]
pub struct SourceTraits {
    /// A single record can be read: ties can be resolved.
    pub can_fetch: bool,
    /// Both webhooks and polling bring this stream: losses can be measured.
    pub measures_loss: bool,
}

/// A flow as seen from its source stream.
#[derive(Clone)]
pub struct Route {
    pub flow: String,
    pub lane: String,
    pub stream: String,
    pub latest: bool,
    pub deletes: bool,
    pub when: Option<Arc<Filter>>,
}

#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "made once per payload and taken apart at once")]
pub enum Plan {
    Commit {
        outcome: PlannedOutcome,
        sighting: Option<Sighting>,
    },
    /// Two contents claim the same version: ask the vendor.
    Fetch,
}

/// Why a record could not be routed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("flow {flow}: condition `when`: {cause}")]
pub struct RouteError {
    pub flow: String,
    pub cause: String,
}

/// Decides about one candidate, given the stored state of its record and the bindings that point at it.
pub fn plan(
    candidate: &Candidate,
    current: Option<&EntityRow>,
    echoes: &[BindingRow],
    routes: &[Route],
    traits: SourceTraits,
) -> Result<Plan, RouteError> {
    let fence = fence(candidate, current, traits);
    let version = match fence {
        Fence::Pass { version } => version,
        Fence::Unchanged { version } => {
            let outcome = PlannedOutcome::Unchanged { id: candidate.id.clone(), version };
            return Ok(Plan::Commit { outcome, sighting: late(candidate, current, traits) });
        }
        Fence::Superseded => {
            return Ok(Plan::Commit { outcome: PlannedOutcome::Superseded, sighting: None });
        }
        Fence::Tie => return Ok(Plan::Fetch),
    };
    let state = next_state(candidate, current, version);
    let before =
        current.filter(|row| !row.deleted).and_then(|row| Record::from_canonical_json(row.entity, &row.doc).ok());
    let kind = match &candidate.record {
        Some(record) => event_for(before.as_ref(), record).as_str().to_owned(),
        None => DELETED.to_owned(),
    };
    let occurred_at = candidate.occurred_at;
    if is_echo(candidate, echoes) {
        let outcome = PlannedOutcome::Absorb { state, kind, occurred_at, rule: "echo".to_owned() };
        return Ok(Plan::Commit { outcome, sighting: None });
    }
    let jobs = jobs(candidate, routes)?;
    let sighting = first_sighting(candidate.source, candidate.backfill, traits);
    if jobs.is_empty() && !routes.is_empty() {
        let outcome = PlannedOutcome::Absorb { state, kind, occurred_at, rule: "filter".to_owned() };
        return Ok(Plan::Commit { outcome, sighting });
    }
    Ok(Plan::Commit { outcome: PlannedOutcome::Apply { state, kind, occurred_at, jobs }, sighting })
}

enum Fence {
    Pass { version: i64 },
    Unchanged { version: i64 },
    Superseded,
    Tie,
}

fn fence(candidate: &Candidate, current: Option<&EntityRow>, traits: SourceTraits) -> Fence {
    let Some(current) = current else {
        return Fence::Pass { version: candidate.version.unwrap_or(0) };
    };
    let same = match &candidate.record {
        Some(record) => !current.deleted && record.content_hash().to_string() == current.hash,
        None => current.deleted,
    };
    // A read of the record itself is the vendor's state when the read began, whatever version it carries; what was said
    // later may be newer.
    let authoritative = match candidate.source {
        SourceKind::Fetch => candidate.as_of >= current.as_of,
        SourceKind::Webhook | SourceKind::Poll | SourceKind::File | SourceKind::Split => false,
    };
    if candidate.source == SourceKind::Fetch && !authoritative && candidate.version.is_none() {
        return if same { Fence::Unchanged { version: current.version } } else { Fence::Tie };
    }
    let version = match (candidate.version, candidate.operation) {
        (Some(version), _) => version,
        (None, Operation::Upsert | Operation::Delete) => current.version.saturating_add(i64::from(!same)),
    };
    if mutation::active(mutation::NO_VERSION_FENCE) {
        return if same { Fence::Unchanged { version } } else { Fence::Pass { version } };
    }
    if authoritative {
        let version = candidate.version.unwrap_or(current.version);
        if version < current.version && !current.deleted {
            // A replica that lags behind what the vendor has already said.
            return Fence::Superseded;
        }
        let version = version.max(current.version);
        return if same { Fence::Unchanged { version } } else { Fence::Pass { version } };
    }
    if current.deleted && candidate.operation == Operation::Upsert && candidate.source == SourceKind::Webhook {
        return Fence::Superseded;
    }
    match version.cmp(&current.version) {
        std::cmp::Ordering::Less => Fence::Superseded,
        std::cmp::Ordering::Equal if same => Fence::Unchanged { version },
        std::cmp::Ordering::Equal if traits.can_fetch && candidate.operation == Operation::Upsert => Fence::Tie,
        std::cmp::Ordering::Equal => Fence::Pass { version },
        std::cmp::Ordering::Greater if same => Fence::Unchanged { version },
        std::cmp::Ordering::Greater => Fence::Pass { version },
    }
}

fn next_state(candidate: &Candidate, current: Option<&EntityRow>, version: i64) -> EntityWrite {
    let revision = current.map_or(1, |row| row.revision + 1);
    let (hash, doc, natural_key) = match &candidate.record {
        Some(record) => {
            (record.content_hash().to_string(), record.canonical_json(), record.natural_key().unwrap_or_default())
        }
        // A tombstone keeps the last content, so that what was deleted can still be shown and found.
        None => (
            String::new(),
            current.map_or_else(|| "{}".to_owned(), |row| row.doc.clone()),
            current.map(|row| row.natural_key.clone()).unwrap_or_default(),
        ),
    };
    EntityWrite {
        id: candidate.id.clone(),
        entity: candidate.entity,
        natural_key,
        version,
        revision,
        hash,
        doc,
        deleted: candidate.record.is_none(),
        seen_by: candidate.source,
        as_of: candidate.as_of.max(current.map_or(i64::MIN, |row| row.as_of)),
    }
}

/// Whether the record says what we last told that system, and so is not news.
fn is_echo(candidate: &Candidate, echoes: &[BindingRow]) -> bool {
    candidate.record.is_some() && echoes.iter().any(|binding| says(&candidate.payload, &binding.echo))
}

fn jobs(candidate: &Candidate, routes: &[Route]) -> Result<Vec<NewJob>, RouteError> {
    let mut jobs = Vec::with_capacity(routes.len());
    for route in routes {
        let wanted = match (&candidate.record, &route.when) {
            (None, _) => route.deletes,
            (Some(_), None) => true,
            (Some(record), Some(when)) => when
                .matches(record)
                .map_err(|cause| RouteError { flow: route.flow.clone(), cause: cause.to_string() })?,
        };
        if wanted {
            jobs.push(NewJob {
                flow: route.flow.clone(),
                lane: route.lane.clone(),
                stream: route.stream.clone(),
                latest: route.latest,
                order_key: order_key(&route.lane, &route.stream, &candidate.id.connection, &candidate.id.key),
                held: None,
            });
        }
    }
    Ok(jobs)
}

/// Which source brought a change, for the figure of what webhooks lose.
pub(super) fn first_sighting(source: SourceKind, backfill: bool, traits: SourceTraits) -> Option<Sighting> {
    if !traits.measures_loss || backfill {
        return None;
    }
    match source {
        SourceKind::Webhook => Some(Sighting::ByWebhook),
        SourceKind::Poll => Some(Sighting::ByPoll),
        SourceKind::File | SourceKind::Fetch | SourceKind::Split => None,
    }
}

fn late(candidate: &Candidate, current: Option<&EntityRow>, traits: SourceTraits) -> Option<Sighting> {
    let current = current.filter(|row| row.seen_by == SourceKind::Poll && Some(row.version) == candidate.version)?;
    (traits.measures_loss && candidate.source == SourceKind::Webhook && current.revision > 0).then_some(Sighting::Late)
}
