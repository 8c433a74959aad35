//! Sums of one's own money, and its share of each payout. Nothing is divided: a share is the sum of one's own rows, and it has
//! arrived when its whole payout has, as it was sent.
//!
//! Not here: which rows are one's own (`scan`).

use std::collections::BTreeMap;

use crate::recon::compose::amount;
use crate::recon::large::LargeError;
use crate::recon::normalise::{Normaliser, normalise};
use crate::recon::report::Amount;
use crate::recon::row::{FieldValue, Row, Side};
use crate::recon::rules::RuleSet;
use crate::recon::unit::Totals;

use super::definition::{Figure, Story};
use super::keys::spellings;
use super::scan::{OwnRow, break_of};
use super::sides::{LegState, rules};
use super::told::{Share, StoryAmounts, Verdict};

/// Shares that are listed.
const MOST_SHARES: usize = 100;

/// What of `net` belongs to one payout.
#[derive(Default)]
struct Part {
    payout: Option<String>,
    net: Totals,
}

/// A payout in the leg in which it arrives.
struct Arrival {
    whole: Totals,
    verdict: Verdict,
    item: Option<String>,
    is_exact: bool,
}

/// Added to row by row.
pub struct Figures<'s> {
    story: &'s Story,
    /// In the order of `Amounts::figures`; nothing where it is not stated.
    sums: [Option<Totals>; 4],
    /// By the payout's key as the leg in which it arrives spells it.
    parts: BTreeMap<String, Part>,
    arrivals: BTreeMap<String, Arrival>,
    spelling: Vec<Normaliser>,
    pub notes: Vec<String>,
}

fn stated(story: &Story) -> [Option<&Figure>; 4] {
    let amounts = &story.amounts;
    [&amounts.worth, &amounts.captured, &amounts.fees, &amounts.net].map(Option::as_ref)
}

/// `net` among the four.
const NET: usize = 3;

impl<'s> Figures<'s> {
    pub fn new(story: &'s Story, legs: &[LegState]) -> Figures<'s> {
        let reached = story.amounts.reached.as_ref().and_then(|name| story.leg(name));
        let spelling = reached.and_then(|at| {
            let newest = legs.get(at)?.as_ref().ok()?;
            // The last pass is the most lenient one.
            spellings(&newest.definition.rules, &rules(legs), &story.legs[at].by).pop()
        });
        Figures {
            story,
            sums: stated(story).map(|figure| figure.map(|_| Totals::default())),
            parts: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            spelling: spelling.unwrap_or_default(),
            notes: Vec::new(),
        }
    }

    /// An own row of a leg.
    pub fn take(&mut self, leg: usize, side: Side, rules: &RuleSet, own: &OwnRow<'_, '_>) -> Result<(), LargeError> {
        let OwnRow { row, says } = own;
        for (at, figure) in stated(self.story).into_iter().enumerate() {
            let Some(figure) = figure.filter(|figure| figure.side == side && self.story.leg(&figure.leg) == Some(leg))
            else {
                continue;
            };
            if says.verdict == Verdict::SetAside && !figure.with_excluded {
                continue;
            }
            let Some(value) = value(figure, rules, row, &mut self.notes) else { continue };
            if let Some(sum) = &mut self.sums[at] {
                sum.add(row.unit, value)?;
            }
            if at == NET {
                self.part(rules, row, value)?;
            }
        }
        self.arrival(leg, rules, own)
    }

    fn part(&mut self, rules: &RuleSet, row: &Row, net: i128) -> Result<(), LargeError> {
        let Some(by) = self.reached_by() else { return Ok(()) };
        let payout = key_of(rules, row, by).map(str::to_owned);
        let called = payout.as_deref().map(|payout| normalise(payout, &self.spelling).into_owned());
        let part = self.parts.entry(called.unwrap_or_default()).or_insert_with(|| Part { payout, ..Part::default() });
        Ok(part.net.add(row.unit, net)?)
    }

    /// The key of the leg in which `net` arrives.
    fn reached_by(&self) -> Option<&'s str> {
        let at = self.story.leg(self.story.amounts.reached.as_ref()?)?;
        Some(self.story.legs[at].by.value.as_str())
    }

    fn arrival(&mut self, leg: usize, rules: &RuleSet, own: &OwnRow<'_, '_>) -> Result<(), LargeError> {
        let reached = self.story.amounts.reached.as_ref().and_then(|name| self.story.leg(name));
        if reached != Some(leg) || own.says.verdict == Verdict::SetAside {
            return Ok(());
        }
        let Some(payout) = self.reached_by().and_then(|by| key_of(rules, own.row, by)) else { return Ok(()) };
        let fresh = || Arrival { whole: Totals::default(), verdict: Verdict::SetAside, item: None, is_exact: true };
        let called = normalise(payout, &self.spelling).into_owned();
        let arrival = self.arrivals.entry(called).or_insert_with(fresh);
        arrival.whole.add(own.row.unit, own.row.amount)?;
        arrival.is_exact &= own.says.is_exact;
        arrival.verdict = arrival.verdict.max(own.says.verdict);
        arrival.item = arrival.item.take().or_else(|| break_of(own.says).map(|item| item.id.clone()));
        Ok(())
    }

    /// The amounts, and what is to be said about them; `is_read` tells of each leg whether its statements could be read.
    pub fn told(self, is_read: &dyn Fn(usize) -> bool) -> Result<(StoryAmounts, Vec<String>), LargeError> {
        let mut notes = Vec::new();
        let figures = stated(self.story);
        let of_leg = |at: usize| figures[at].and_then(|figure| self.story.leg(&figure.leg));
        let told = |at: usize| match &self.sums[at] {
            Some(sum) if of_leg(at).is_some_and(is_read) => Some(amounts(sum)),
            Some(_) | None => None,
        };
        let reached = self.story.amounts.reached.as_ref().and_then(|name| self.story.leg(name));
        let is_told = reached.is_some_and(is_read) && of_leg(NET).is_some_and(is_read);
        let mut arrived = Totals::default();
        let mut shares = Vec::new();
        for (called, part) in &self.parts {
            let arrival = self.arrivals.get(called).filter(|_| part.payout.is_some());
            let verdict = match (arrival, is_told) {
                (_, false) => Verdict::Unknown,
                (Some(arrival), true) => arrival.verdict,
                (None, true) => Verdict::UnderWay,
            };
            if let (Some(arrival), true) = (arrival, is_told)
                && matches!(arrival.verdict, Verdict::Matched | Verdict::MatchedWithRemark)
            {
                if arrival.is_exact {
                    arrived.merge(&part.net)?;
                } else {
                    let payout = part.payout.as_deref().unwrap_or_default();
                    notes.push(format!(
                        "payout {payout} arrived with another amount: how much of the difference is this money's is not made up"
                    ));
                }
            }
            if shares.len() < MOST_SHARES {
                shares.push(Share {
                    payout: part.payout.clone(),
                    net: amounts(&part.net),
                    whole: arrival.map(|arrival| amounts(&arrival.whole)).unwrap_or_default(),
                    verdict,
                    item: arrival.and_then(|arrival| arrival.item.clone()),
                });
            }
        }
        let more_shares = self.parts.len().saturating_sub(shares.len()) as u64;
        let amounts = StoryAmounts {
            worth: told(0),
            captured: told(1),
            fees: told(2),
            net: told(NET),
            reached: is_told.then(|| amounts(&arrived)),
            shares,
            more_shares,
        };
        Ok((amounts, notes))
    }
}

fn key_of<'r>(rules: &RuleSet, row: &'r Row, name: &str) -> Option<&'r str> {
    let at = rules.keys.iter().position(|key| **key == *name)?;
    row.keys.get(at)?.as_deref().filter(|value| !value.trim().is_empty())
}

fn value(figure: &Figure, rules: &RuleSet, row: &Row, notes: &mut Vec<String>) -> Option<i128> {
    let Some(field) = &figure.field else { return Some(row.amount) };
    let at = rules.fields.iter().position(|rule| *rule.name == *field.value)?;
    match row.fields.get(at) {
        Some(FieldValue::Amount(value)) => Some(*value),
        Some(FieldValue::Absent) | None => None,
        Some(FieldValue::Text(_) | FieldValue::Date(_)) => {
            let told = format!("`{}` of `{}` is no amount: it is not in the sums", field.value, rules.name);
            if !notes.contains(&told) {
                notes.push(told);
            }
            None
        }
    }
}

/// By unit, as documents have it.
pub fn amounts(totals: &Totals) -> Vec<Amount> {
    totals.units().map(|unit| amount(unit, totals.of(unit).amount)).collect()
}
