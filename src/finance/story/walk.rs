//! Following one's money from the key that was asked for: forwards from leg to leg, and backwards as far as the asked key is behind.
//!
//! Each side is read once for a key. From a payout nobody walks back to the orders of others: only who asks by a key from behind
//! gets all that led there. Not here: reading (`scan`), what it comes to (`outcome`).

use crate::finance::desk::DeskError;
use crate::recon::row::{Row, Side};

use super::definition::{Leg, Story};
use super::figures::Figures;
use super::folder::carries;
use super::keys::{Known, Partners, Wanted, spellings};
use super::scan::{Asking, Found, OwnRow, scan};
use super::sides::{LegState, Newest, Sides, rules};
use super::verdicts::Verdicts;

/// A leg that was entered.
pub struct Visited<'r> {
    pub entered_by: String,
    pub sides: [Found<'r>; 2],
    /// Sides that hold other money, too.
    pub whole: [bool; 2],
}

/// All that was found.
pub struct Walked<'s, 'r> {
    pub visited: Vec<Option<Visited<'r>>>,
    pub figures: Figures<'s>,
    pub known: Known,
}

impl Walked<'_, '_> {
    pub fn found_any(&self) -> bool {
        let sides = self.visited.iter().flatten().flat_map(|visited| &visited.sides);
        sides.into_iter().any(|found| found.verdict.is_some())
    }
}

/// Follows `value` of the key `kind`.
pub fn walk<'s, 'r>(
    story: &'s Story,
    legs: &'r [LegState],
    sides: &mut Sides<'_>,
    kind: &str,
    value: &str,
) -> Result<Walked<'s, 'r>, DeskError> {
    let mut walk = Walk {
        story,
        legs,
        kind,
        entry: story.position(kind).unwrap_or(usize::MAX),
        shared_from: story.shared_from().unwrap_or(usize::MAX),
        known: Known::default(),
        figures: Figures::new(story, legs),
        visited: story.legs.iter().map(|_| None).collect(),
    };
    walk.known.add(kind, value);
    // Forwards what leads on, then backwards what led here, until no leg can be entered any more.
    loop {
        let forwards = walk.sweep(sides, 0..story.legs.len())?;
        let backwards = walk.sweep(sides, (0..story.legs.len()).rev())?;
        if !forwards && !backwards {
            let Walk { visited, figures, known, .. } = walk;
            return Ok(Walked { visited, figures, known });
        }
    }
}

struct Walk<'s, 'r, 'k> {
    story: &'s Story,
    legs: &'r [LegState],
    kind: &'k str,
    /// The asked key's place in the chain; a key beside the chain is behind all of it.
    entry: usize,
    shared_from: usize,
    known: Known,
    figures: Figures<'s>,
    visited: Vec<Option<Visited<'r>>>,
}

/// By which key a leg is entered.
struct Entering {
    key: String,
    /// Its place in the chain.
    at: usize,
    backwards: bool,
}

impl<'r> Walk<'_, 'r, '_> {
    fn sweep(&mut self, sides: &mut Sides<'_>, order: impl Iterator<Item = usize>) -> Result<bool, DeskError> {
        let mut entered_any = false;
        for at in order.collect::<Vec<_>>() {
            let legs = self.legs;
            let Some(Ok(newest)) = legs.get(at) else { continue };
            if self.visited[at].is_some() {
                continue;
            }
            let Some(entering) = self.entering(&self.story.legs[at], newest) else { continue };
            let visited = self.visit(at, newest, &entering, sides)?;
            self.visited[at] = Some(visited);
            entered_any = true;
        }
        Ok(entered_any)
    }

    fn entering(&self, leg: &Leg, newest: &Newest) -> Option<Entering> {
        let place = |key: &str| self.story.position(key).unwrap_or(usize::MAX);
        let of = |key: &str, backwards| Entering { key: key.to_owned(), at: place(key), backwards };
        // Asked from behind, a leg is entered by what it leads to: other payments of the same order are not this payout's.
        let from_behind = leg.leads_to.as_ref().filter(|key| place(key) <= self.entry && self.known.has(key));
        if let Some(key) = from_behind {
            return Some(of(key, true));
        }
        if self.known.has(&leg.by) {
            return Some(of(&leg.by, false));
        }
        let has_it = Side::BOTH.into_iter().any(|side| carries(&newest.definition, side, self.kind));
        let beside = self.story.position(self.kind).is_none() && has_it;
        beside.then(|| of(self.kind, true))
    }

    fn visit(
        &mut self,
        at: usize,
        newest: &'r Newest,
        entering: &Entering,
        sides: &mut Sides<'_>,
    ) -> Result<Visited<'r>, DeskError> {
        let definition = &newest.definition;
        let verdicts = Verdicts::new(&newest.report, &newest.book.items);
        let leg = &self.story.legs[at];
        let learn: Vec<(usize, String)> = self.learned(leg, entering, newest);
        let has_key =
            |side: Side| carries(definition, side, &entering.key) || !self.narrow(newest, side, entering).is_empty();
        let order = if has_key(Side::A) { Side::BOTH } else { [Side::B, Side::A] };
        let mut partners = Partners::new(&definition.rules);
        let mut learned = Known::default();
        let mut found: [Found<'r>; 2] = [Found::default(), Found::default()];
        let mut whole = [false, false];
        for (turn, side) in order.into_iter().enumerate() {
            let asking = Asking {
                entered: self.wanted(newest, side, &entering.key),
                narrow: self.narrow(newest, side, entering),
                partners: (turn > 0).then_some(&partners),
                shared: self.is_shared(entering.at),
            };
            whole[side.index()] = self.is_whole(leg, entering, newest, side);
            let mut next = Partners::new(&definition.rules);
            let figures = &mut self.figures;
            let mut each = |own: OwnRow<'_, 'r>| {
                figures.take(at, side, &definition.rules, &own)?;
                next.add(own.row);
                next.places.extend(verdicts.beside(side, &own.row.place.to_string()).iter().cloned());
                learn.iter().for_each(|(index, key)| learn_from(&mut learned, own.row, *index, key));
                Ok(())
            };
            found[side.index()] = match sides.get(at, side)? {
                Ok(statement) => scan(statement, &definition.rules, side, &asking, &verdicts, &mut each)?,
                Err(why) => Found { unread: why.to_vec(), ..Found::default() },
            };
            partners = next;
        }
        for (_, key) in &learn {
            learned.of(key).iter().for_each(|value| self.known.add(key, value));
        }
        for (key, count) in learned.more {
            *self.known.more.entry(key).or_default() += count;
        }
        Ok(Visited { entered_by: entering.key.clone(), sides: found, whole })
    }

    /// Keys that the leg makes known, with their places among its rows' keys.
    fn learned(&self, leg: &Leg, entering: &Entering, newest: &Newest) -> Vec<(usize, String)> {
        let keys = &newest.definition.rules.keys;
        let at = |name: &str| keys.iter().position(|key| **key == *name).map(|at| (at, name.to_owned()));
        if entering.backwards {
            let before = self.story.chain.iter().enumerate().filter(|(place, _)| *place < entering.at);
            return before.filter_map(|(_, key)| at(key)).collect();
        }
        leg.leads_to.iter().filter_map(|key| at(key)).collect()
    }

    fn wanted(&self, newest: &Newest, side: Side, key: &str) -> Option<Wanted> {
        if !carries(&newest.definition, side, key) {
            return None;
        }
        let own = &newest.definition.rules;
        let at = own.keys.iter().position(|known| **known == *key)?;
        Some(Wanted::new(at, spellings(own, &rules(self.legs), key), self.known.of(key)))
    }

    /// Keys of the chain from the asked one up to the one by which the leg is entered, as far as the side has them.
    fn narrow(&self, newest: &Newest, side: Side, entering: &Entering) -> Vec<Wanted> {
        let chain = self.story.chain.iter().enumerate();
        let between = chain.filter(|(at, key)| (self.entry..entering.at).contains(at) && self.known.has(key));
        between.filter_map(|(_, key)| self.wanted(newest, side, key)).collect()
    }

    fn is_shared(&self, place: usize) -> bool {
        self.entry < self.shared_from && place >= self.shared_from
    }

    /// Whether a side's rows cannot be told apart by whose they are.
    fn is_whole(&self, leg: &Leg, entering: &Entering, newest: &Newest, side: Side) -> bool {
        let leads_to = leg.leads_to.as_ref().and_then(|key| self.story.position(key));
        let behind = self.is_shared(entering.at) || leads_to.is_some_and(|place| self.is_shared(place));
        let mut before = self.story.chain.iter().take(self.shared_from);
        behind && !before.any(|key| carries(&newest.definition, side, key))
    }
}

fn learn_from(learned: &mut Known, row: &Row, at: usize, key: &str) {
    if let Some(value) = row.keys.get(at).and_then(|value| value.as_deref()).filter(|value| !value.trim().is_empty()) {
        learned.add(key, value);
    }
}
