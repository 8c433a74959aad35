//! A statement read once: digests into partitions, texts into numbers, and a count of all that passed.
//!
//! Not here: any comparison.

use std::collections::HashMap;

use crate::recon::unit::{Totals, Unit};

use super::digest::{Digest, Glance, NO_DATE, day_number, key_hash};
use super::run::Room;
use super::spill::Spill;
use super::{LargeError, Statement};

/// What one statement left behind.
pub(super) struct Reading {
    pub spill: Spill,
    units: Vec<Unit>,
    states: Vec<Box<str>>,
    /// All rows but the marked ones.
    pub totals: Totals,
    /// Positions of rows that are not plain; their amounts are unknown as yet. Sorted.
    pub marked: Vec<u64>,
    pub marked_rows: u64,
    /// Plain rows without the first pass's key.
    pub keyless: Vec<u64>,
}

impl Reading {
    /// `keyed`: whether keys are of use; without, every row is to be looked at.
    pub fn of(statement: &dyn Statement, room: &Room, keyed: bool) -> Result<Reading, LargeError> {
        let mut reading = Reading {
            spill: Spill::new(room.partitions),
            units: Vec::new(),
            states: Vec::new(),
            totals: Totals::default(),
            marked: Vec::new(),
            marked_rows: 0,
            keyless: Vec::new(),
        };
        let mut states = States::default();
        let mut sums = Sums::default();
        statement.glance(&mut |glance| {
            if glance.look {
                reading.marked.push(glance.position);
                reading.marked_rows += 1;
                return Ok(());
            }
            sums.add(&mut reading.totals, glance.unit, glance.amount)?;
            let Some(key) = glance.key.filter(|_| keyed).map(key_hash) else {
                reading.keyless.push(glance.position);
                return Ok(());
            };
            let status = states.number(glance.status, &mut reading.states);
            let plain = digest(&glance, key, reading.unit(glance.unit));
            let digest = match (status, i64::try_from(glance.amount)) {
                (Some(status), Ok(amount)) => Digest { amount, status: u32::from(status), ..plain },
                // It does not fit: nothing under its key is settled by digests.
                (None, _) | (_, Err(_)) => Digest { look: true, ..plain },
            };
            reading.spill.push(digest, &room.folder)
        })?;
        sums.flush(&mut reading.totals)?;
        reading.marked.sort_unstable();
        Ok(reading)
    }

    fn unit(&mut self, unit: Unit) -> u8 {
        let known = self.units.iter().position(|known| *known == unit);
        let at = known.unwrap_or_else(|| {
            self.units.push(unit);
            self.units.len() - 1
        });
        // Fewer units exist than 256.
        at as u8
    }
}

fn digest(glance: &Glance<'_>, key: u128, unit: u8) -> Digest {
    Digest {
        key,
        amount: 0,
        unit,
        fields: glance.fields,
        status: 0,
        date: glance.date.map_or(NO_DATE, day_number),
        position: glance.position,
        look: false,
    }
}

/// Numbers of states.
#[derive(Default)]
struct States {
    numbers: HashMap<Box<[u8]>, u16>,
    /// The first few, of which most rows are: comparing is less than hashing.
    first: Vec<Box<[u8]>>,
}

/// Looked at one after the other.
const FIRST_STATES: usize = 8;

impl States {
    /// A state's number; with too many of them, none.
    fn number(&mut self, text: &[u8], texts: &mut Vec<Box<str>>) -> Option<u16> {
        if let Some(at) = self.first.iter().position(|known| **known == *text) {
            return u16::try_from(at).ok();
        }
        if let Some(number) = self.numbers.get(text) {
            return Some(*number);
        }
        let number = u16::try_from(texts.len()).ok()?;
        texts.push(String::from_utf8_lossy(text).into());
        if self.first.len() < FIRST_STATES {
            self.first.push(text.into());
        } else {
            self.numbers.insert(text.into(), number);
        }
        Some(number)
    }
}

/// Sums of a few units, before they go into the totals' map.
#[derive(Default)]
pub(super) struct Sums(Vec<(Unit, u64, i128)>);

/// Looked at one after the other.
const SUMS: usize = 8;

impl Sums {
    pub fn add(&mut self, totals: &mut Totals, unit: Unit, amount: i128) -> Result<(), LargeError> {
        if let Some((_, rows, sum)) = self.0.iter_mut().find(|(of, _, _)| *of == unit) {
            match sum.checked_add(amount) {
                Some(more) => (*rows, *sum) = (*rows + 1, more),
                // The totals say of which unit.
                None => totals.add_many(unit, 1, amount)?,
            }
        } else if self.0.len() < SUMS {
            self.0.push((unit, 1, amount));
        } else {
            totals.add_many(unit, 1, amount)?;
        }
        Ok(())
    }

    pub fn flush(&mut self, totals: &mut Totals) -> Result<(), LargeError> {
        for (unit, rows, amount) in self.0.drain(..) {
            totals.add_many(unit, rows, amount)?;
        }
        Ok(())
    }
}

/// Numbers that mean the same on both sides.
pub(super) struct Shared {
    pub units: Vec<Unit>,
    pub states: Vec<Box<str>>,
    unit_of: [Vec<u8>; 2],
    state_of: [Vec<u32>; 2],
}

impl Shared {
    pub fn of(readings: &mut [Reading; 2]) -> Shared {
        let mut units: Vec<Unit> = readings.iter().flat_map(|reading| reading.units.iter().copied()).collect();
        units.sort_unstable();
        units.dedup();
        let mut states: Vec<Box<str>> = readings.iter().flat_map(|reading| reading.states.iter().cloned()).collect();
        states.sort_unstable();
        states.dedup();
        let unit_of = readings.each_ref().map(|reading| {
            reading.units.iter().map(|unit| units.binary_search(unit).unwrap_or_default() as u8).collect()
        });
        let state_of = readings.each_ref().map(|reading| {
            reading.states.iter().map(|state| states.binary_search(state).unwrap_or_default() as u32).collect()
        });
        Shared { units, states, unit_of, state_of }
    }

    pub fn translate(&self, side: usize, digests: &mut [Digest]) {
        for digest in digests.iter_mut().filter(|digest| !digest.look) {
            digest.unit = self.unit_of[side][usize::from(digest.unit)];
            digest.status = self.state_of[side][digest.status as usize];
        }
    }
}
