//! Two mirrors compared all the time: digests that follow every change, and a look at what they say differs.
//!
//! A digest counts a bucket's rows and adds up their hashes, modulo 2^128. Added up, not XORed: a row that is there twice, or two
//! rows that change alike, would cancel out. Buckets that differ are looked into, and what differs in them goes through the
//! reconciliation itself, so that tolerances, states and what is under way count as in any run. Not here: when it is done.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_128;

use crate::recon::large::content_hash;
use crate::recon::matching::join_key;
use crate::recon::row::{Entry, Row, Side};
use crate::recon::rules::{How, RuleSet};
use crate::store::{EntityKey, StreamId};

use super::definition::{Definition, Loaded};
use super::desk::{Desk, DeskError};
use super::inflight::Difference;
use super::look::{Comparison, few};
use super::run::{Asked, Background};
use super::taken::{Hub, each_record, stream_of};

/// Buckets of a digest.
const BUCKETS: usize = 4_096;
/// Records that are looked into at once.
const MOST_LOOKED_AT: usize = 5_000;
/// Keys that are named.
const NAMED: usize = 20;
const EVENTS: u32 = 1_000;

/// Rows of a bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Bucket {
    rows: u64,
    sum: u128,
}

/// A row as a digest knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Print {
    /// Of the key that both sides share.
    key: u128,
    /// Of the key and everything that is compared.
    content: u128,
}

impl Print {
    fn bucket(self) -> usize {
        (self.key % BUCKETS as u128) as usize
    }
}

/// A mirror's digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests {
    buckets: Vec<Bucket>,
    /// Of the rows of each record.
    prints: HashMap<Box<str>, Box<[Print]>>,
}

impl Default for Digests {
    fn default() -> Digests {
        Digests { buckets: vec![Bucket::default(); BUCKETS], prints: HashMap::new() }
    }
}

impl Digests {
    /// A record is now these rows, or none.
    pub fn put<'r>(&mut self, rules: &RuleSet, record: &str, rows: impl Iterator<Item = &'r Row>) {
        let prints: Box<[Print]> = rows.map(|row| print(rules, record, row)).collect();
        for print in &prints {
            let bucket = &mut self.buckets[print.bucket()];
            bucket.rows += 1;
            bucket.sum = bucket.sum.wrapping_add(print.content);
        }
        let before =
            if prints.is_empty() { self.prints.remove(record) } else { self.prints.insert(record.into(), prints) };
        for before in before.iter().flatten() {
            let bucket = &mut self.buckets[before.bucket()];
            bucket.rows -= 1;
            bucket.sum = bucket.sum.wrapping_sub(before.content);
        }
    }

    pub fn rows(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.rows).sum()
    }

    /// Records of each side that the other does not have likewise; nothing if the digests agree.
    pub fn differing(sides: &[Digests; 2]) -> [Vec<&str>; 2] {
        let [a, b] = sides;
        let differ: HashSet<usize> = (0..BUCKETS).filter(|at| a.buckets[*at] != b.buckets[*at]).collect();
        if differ.is_empty() {
            return Default::default();
        }
        // Keys of which the two sides do not have the same rows equally often.
        let mut counts: HashMap<Print, i64> = HashMap::new();
        for (digests, sign) in [(a, 1), (b, -1)] {
            let prints = digests.prints.values().flatten();
            for print in prints.filter(|print| differ.contains(&print.bucket())) {
                *counts.entry(*print).or_default() += sign;
            }
        }
        let keys: HashSet<u128> =
            counts.into_iter().filter(|(_, count)| *count != 0).map(|(print, _)| print.key).collect();
        [a, b].map(|digests| {
            let of_key =
                digests.prints.iter().filter(|(_, prints)| prints.iter().any(|print| keys.contains(&print.key)));
            let mut records: Vec<&str> = of_key.map(|(record, _)| &**record).collect();
            records.sort_unstable();
            records
        })
    }
}

/// States are left out where the rules say which go together: equal hashes could not.
fn print(rules: &RuleSet, record: &str, row: &Row) -> Print {
    let mut key = String::new();
    // Rows of a group that are the same on both sides have the same sum.
    let on = match rules.passes.first().map(|pass| &pass.how) {
        Some(How::Keyed(keyed)) => Some((&keyed.on, &keyed.normalise)),
        Some(How::Grouped(grouped)) => Some((&grouped.by, &grouped.normalise)),
        Some(How::Window(_) | How::Subset(_)) | None => None,
    };
    let keyed =
        on.is_some_and(|(on, steps)| join_key(on.iter().map(|at| row.keys.get(*at)?.as_deref()), steps, &mut key));
    if !keyed {
        key = format!("\u{0}{record}");
    }
    let mut bytes = key.clone().into_bytes();
    bytes.push(0);
    bytes.extend(row.unit.as_str().as_bytes());
    bytes.extend(row.amount.to_le_bytes());
    bytes.extend(content_hash(&row.fields).to_le_bytes());
    Print { key: XxHash3_128::oneshot(key.as_bytes()), content: XxHash3_128::oneshot(&bytes) }
}

/// How two mirrors stand to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// Everything that the hub had learnt by then is in it; microseconds.
    pub as_of: i64,
    pub rows: [u64; 2],
    /// Items that differ, without what is under way.
    pub differ: u64,
    pub in_flight: u64,
    /// The first of those that differ: key and code.
    pub keys: Vec<(String, String)>,
    /// More differ than were looked into.
    pub more: bool,
}

impl Agreement {
    /// `agrees`, `3 keys differ`.
    pub fn told(&self) -> String {
        match (self.differ, self.in_flight) {
            (0, 0) => "agrees".to_owned(),
            (0, waits) => format!("agrees but for {waits} under way"),
            (1, _) => "1 key differs".to_owned(),
            (count, _) => format!("{count} keys differ"),
        }
    }
}

/// A reconciliation that is watched.
pub struct Watch {
    definition: Arc<Definition>,
    digests: [Digests; 2],
    /// The newest event that is in the digests.
    through: i64,
    before: BTreeSet<Difference>,
}

impl Watch {
    /// Reads both mirrors once.
    pub async fn begin(desk: &Desk, loaded: Loaded) -> Result<Watch, DeskError> {
        let definition = Arc::new(desk.bound(loaded)?);
        let mut digests = [Digests::default(), Digests::default()];
        let hub = Hub { store: &desk.store, systems: desk.systems.as_deref(), now: &*desk.now };
        let rules = &definition.rules;
        let through = each_record(&definition, &hub, &mut |side: Side, record, entries| {
            digests[side.index()].put(rules, record, in_scope(&entries));
        })
        .await?;
        Ok(Watch { digests, through, before: BTreeSet::new(), definition })
    }

    pub fn is_of(&self, definition: &Definition) -> bool {
        self.definition.name == definition.name && self.definition.rules.version == definition.rules.version
    }

    pub fn digests(&self) -> &[Digests; 2] {
        &self.digests
    }

    /// Takes in what has changed, and says how the sides stand.
    pub async fn look(&mut self, desk: &Desk, room: &std::path::Path, asked: Asked) -> Result<Agreement, DeskError> {
        let as_of = (desk.now)();
        self.follow(desk).await?;
        let differing = Digests::differing(&self.digests);
        let rows = [self.digests[0].rows(), self.digests[1].rows()];
        let mut agreement = Agreement { as_of, rows, differ: 0, in_flight: 0, keys: Vec::new(), more: false };
        if differing.iter().all(Vec::is_empty) {
            self.before.clear();
            return Ok(agreement);
        }
        agreement.more = differing.iter().any(|records| records.len() > MOST_LOOKED_AT);
        let records = Side::BOTH.map(|side| {
            let stream = stream_of(&self.definition.sides[side.index()]);
            let records = differing[side.index()].iter().take(MOST_LOOKED_AT);
            records.filter_map(|key| Some(record_of(stream?, key))).collect::<Vec<EntityKey>>()
        });
        let what = Comparison {
            definition: Arc::clone(&self.definition),
            root: desk.folder.clone(),
            room: room.to_owned(),
            asked,
            background: Background::default(),
        };
        let (report, differences) = few(desk, &what, &records, std::mem::take(&mut self.before)).await?;
        self.before = differences;
        agreement.differ = report.breaks.len() as u64;
        agreement.in_flight = report.in_flight.len() as u64;
        let named =
            report.breaks.iter().take(NAMED).map(|item| {
                (item.key.clone().unwrap_or_else(|| item.id.clone()), item.code.clone().unwrap_or_default())
            });
        agreement.keys = named.collect();
        Ok(agreement)
    }

    /// Records that changed since are read as they are now.
    async fn follow(&mut self, desk: &Desk) -> Result<(), DeskError> {
        let hub = Hub { store: &desk.store, systems: desk.systems.as_deref(), now: &*desk.now };
        let definition = Arc::clone(&self.definition);
        loop {
            let events = desk.store.events_after(self.through, EVENTS).await?;
            let is_last = events.len() < EVENTS as usize;
            for side in Side::BOTH {
                let Some(stream) = stream_of(&definition.sides[side.index()]) else { continue };
                let of_side = events
                    .iter()
                    .map(|event| &event.record)
                    .filter(|record| record.connection == stream.connection && record.stream == stream.stream);
                let mut changed: Vec<EntityKey> = of_side.cloned().collect();
                changed.sort_by(|x, y| x.key.cmp(&y.key));
                changed.dedup();
                for record in &changed {
                    self.digests[side.index()].put(&definition.rules, &record.key, std::iter::empty());
                }
                let digests = &mut self.digests[side.index()];
                let mut put = |_: Side, record: &str, entries: Vec<Entry>| {
                    digests.put(&definition.rules, record, in_scope(&entries));
                };
                super::taken::each_of(&definition, &hub, side, &changed, &mut put).await?;
            }
            self.through = events.last().map_or(self.through, |event| event.id);
            if is_last {
                return Ok(());
            }
        }
    }
}

fn in_scope(entries: &[Entry]) -> impl Iterator<Item = &Row> {
    entries.iter().filter_map(|entry| match entry {
        Entry::Row(row) => Some(row),
        Entry::Excluded { .. } | Entry::Rejected { .. } => None,
    })
}

fn record_of(stream: &StreamId, key: &str) -> EntityKey {
    EntityKey { connection: stream.connection.clone(), stream: stream.stream.clone(), key: key.to_owned() }
}

#[cfg(test)]
#[path = "continuous_tests.rs"]
mod tests;
