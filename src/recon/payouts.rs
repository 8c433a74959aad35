//! What each payout is made of: gross by category, fees, net; beside it what was paid out and what the bank received.
//!
//! It only adds up, in whatever order rows come. Not here: whether the sides agree (`matching`), which decides about breaks.

use std::collections::{BTreeMap, BTreeSet};

use super::compose::amount;
use super::normalise::{Normaliser, normalise};
use super::report::PayoutBridge;
use super::row::{Row, Side};
use super::rules::KeyIndex;
use super::unit::{SumOverflow, Unit};

/// What movements without a payout are called: the next one will carry them.
pub const NOT_PAID_OUT: &str = "not paid out yet";
/// What is taken off the gross amounts.
const FEES: &str = "fees";
/// A movement that does not say what it is.
const MOVEMENT: &str = "movement";

/// How a reconciliation's rows speak of payouts.
#[derive(Debug, Clone)]
pub struct PayoutRules {
    /// The key by which movements and payouts name one.
    pub by: KeyIndex,
    pub normalise: Vec<Normaliser>,
    /// Whose rows are movements; the other side's are payouts.
    pub movements: Side,
    /// The part of a movement that is its fee: its amount is what is left after it.
    pub fee: Option<usize>,
    /// The key by which payouts and bank lines name each other.
    pub bank: Option<KeyIndex>,
}

/// Payouts while their rows are read.
pub struct Payouts<'r> {
    rules: &'r PayoutRules,
    /// By key and unit.
    found: BTreeMap<(String, Unit), Payout>,
    /// Payouts by what bank lines call them.
    traces: BTreeMap<String, BTreeSet<(String, Unit)>>,
}

#[derive(Default)]
struct Payout {
    /// As it is written; of several spellings the first in order.
    name: Option<Box<str>>,
    gross: BTreeMap<Box<str>, i128>,
    fees: i128,
    net: i128,
    paid: Option<i128>,
    received: Option<i128>,
    /// Where the bank has it, and whether that line holds other payouts too.
    lines: BTreeSet<(String, bool)>,
}

impl<'r> Payouts<'r> {
    pub fn new(rules: &'r PayoutRules) -> Payouts<'r> {
        Payouts { rules, found: BTreeMap::new(), traces: BTreeMap::new() }
    }

    /// A row of either side.
    pub fn add(&mut self, side: Side, row: &Row) -> Result<(), SumOverflow> {
        if side == self.rules.movements { self.movement(row) } else { self.payout(row) }
    }

    fn movement(&mut self, row: &Row) -> Result<(), SumOverflow> {
        let fee = self.rules.fee.and_then(|at| *row.parts.get(at)?).unwrap_or_default();
        let category = row.category.clone().unwrap_or_else(|| MOVEMENT.into());
        let payout = self.of(row);
        let gross = payout.gross.entry(category).or_default();
        more(gross, row.unit, row.amount)?;
        more(gross, row.unit, fee)?;
        more(&mut payout.fees, row.unit, fee)?;
        more(&mut payout.net, row.unit, row.amount)
    }

    fn payout(&mut self, row: &Row) -> Result<(), SumOverflow> {
        more(self.of(row).paid.get_or_insert(0), row.unit, row.amount)?;
        if let Some(trace) = self.rules.bank.and_then(|key| self.key(row, key)) {
            let payout = (self.key(row, self.rules.by).unwrap_or_default(), row.unit);
            self.traces.entry(trace).or_default().insert(payout);
        }
        Ok(())
    }

    /// A line of the bank's; one that names no payout is none of these. To be called after both sides were read.
    pub fn bank_line(&mut self, row: &Row) -> Result<(), SumOverflow> {
        let named = self.rules.bank.and_then(|key| self.key(row, key)).and_then(|trace| self.traces.get(&trace));
        let of_unit: Vec<_> = named.into_iter().flatten().filter(|(_, unit)| *unit == row.unit).cloned().collect();
        for payout in &of_unit {
            let Some(payout) = self.found.get_mut(payout) else { continue };
            payout.lines.insert((row.place.to_string(), of_unit.len() > 1));
            if of_unit.len() == 1 {
                more(payout.received.get_or_insert(0), row.unit, row.amount)?;
            }
        }
        Ok(())
    }

    /// In the order of their keys; what is not paid out yet comes last.
    pub fn finish(self) -> Vec<PayoutBridge> {
        let has_fees = self.rules.fee.is_some();
        let (waiting, paid): (Vec<_>, Vec<_>) = self.found.into_iter().partition(|((key, _), _)| key.is_empty());
        paid.into_iter().chain(waiting).map(|((_, unit), payout)| payout.bridge(unit, has_fees)).collect()
    }

    fn of(&mut self, row: &Row) -> &mut Payout {
        let key = self.key(row, self.rules.by).unwrap_or_default();
        let payout = self.found.entry((key, row.unit)).or_default();
        let name = row.keys.get(self.rules.by).and_then(Option::as_ref);
        if name.is_some_and(|name| payout.name.as_ref().is_none_or(|known| name < known)) {
            payout.name = name.cloned();
        }
        payout
    }

    fn key(&self, row: &Row, key: KeyIndex) -> Option<String> {
        let text = row.keys.get(key)?.as_deref()?;
        Some(normalise(text, &self.rules.normalise).into_owned())
    }
}

fn more(sum: &mut i128, unit: Unit, amount: i128) -> Result<(), SumOverflow> {
    *sum = sum.checked_add(amount).ok_or(SumOverflow { unit })?;
    Ok(())
}

impl Payout {
    fn bridge(self, unit: Unit, has_fees: bool) -> PayoutBridge {
        let mut activity: Vec<_> =
            self.gross.into_iter().map(|(category, gross)| (category.into_string(), amount(unit, gross))).collect();
        if has_fees && !activity.is_empty() {
            activity.push((FEES.to_owned(), amount(unit, self.fees.saturating_neg())));
        }
        let lines: Vec<String> = self
            .lines
            .into_iter()
            .map(|(line, shared)| if shared { format!("{line} (with other payouts)") } else { line })
            .collect();
        let not_yet = self.name.is_none();
        PayoutBridge {
            payout: self.name.map_or_else(|| NOT_PAID_OUT.to_owned(), Into::into),
            unit: unit.as_str().to_owned(),
            activity,
            net: amount(unit, self.net),
            paid: self.paid.map(|paid| amount(unit, paid)),
            received: self.received.map(|received| amount(unit, received)),
            bank_line: (!lines.is_empty()).then(|| lines.join(", ")),
            // What is carried over is owed to nobody yet.
            difference: amount(unit, if not_yet { 0 } else { self.net.saturating_sub(self.paid.unwrap_or_default()) }),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::recon::row::Place;

    fn rules() -> PayoutRules {
        PayoutRules { by: 0, normalise: vec![Normaliser::Case], movements: Side::A, fee: Some(0), bank: Some(1) }
    }

    fn row(keys: [&str; 2], category: &str, minor: i128, fee: Option<i128>) -> Row {
        let key = |text: &str| (!text.is_empty()).then(|| text.into());
        Row {
            place: Place { source: "bank.xml".into(), row: 7 },
            keys: keys.map(key).into(),
            unit: Unit::parse("EUR").unwrap(),
            amount: minor,
            date: None,
            status: None,
            parent: None,
            fields: Box::default(),
            parts: [fee].into(),
            lines: 0,
            category: key(category),
            unmapped: None,
        }
    }

    fn told(found: &PayoutBridge) -> String {
        let activity: Vec<String> =
            found.activity.iter().map(|(category, sum)| format!("{category} {}", sum.decimal)).collect();
        let or_none = |sum: &Option<crate::recon::report::Amount>| {
            sum.as_ref().map_or_else(|| "-".to_owned(), |sum| sum.decimal.clone())
        };
        format!(
            "{}: {} = {} | paid {} | received {} at {} | off by {}",
            found.payout,
            activity.join(" + "),
            found.net.decimal,
            or_none(&found.paid),
            or_none(&found.received),
            found.bank_line.as_deref().unwrap_or("-"),
            found.difference.decimal
        )
    }

    #[test]
    fn a_payout_is_told_from_gross_to_the_bank() {
        let rules = rules();
        let mut payouts = Payouts::new(&rules);
        for (side, row) in [
            (Side::A, row(["PO-1", ""], "charge", 9_700, Some(300))),
            (Side::A, row(["po-1", ""], "charge", 4_850, Some(150))),
            (Side::A, row(["po-1", ""], "refund", -2_000, None)),
            (Side::A, row(["po-2", ""], "", 500, None)),
            (Side::A, row(["", ""], "charge", 970, Some(30))),
            (Side::B, row(["po-1", "t1"], "", 12_550, None)),
            (Side::B, row(["po-2", "t2"], "", 400, None)),
        ] {
            payouts.add(side, &row).unwrap();
        }
        payouts.bank_line(&row(["", "T1"], "", 12_550, None)).unwrap();
        payouts.bank_line(&row(["", "t9"], "", 77, None)).unwrap();
        let lines: Vec<String> = payouts.finish().iter().map(told).collect();
        assert_eq!(
            lines,
            [
                "PO-1: charge 150.00 + refund -20.00 + fees -4.50 = 125.50 | paid 125.50 | received 125.50 at bank.xml:7 | off by 0.00",
                "po-2: movement 5.00 + fees 0.00 = 5.00 | paid 4.00 | received - at - | off by 1.00",
                "not paid out yet: charge 10.00 + fees -0.30 = 9.70 | paid - | received - at - | off by 0.00",
            ]
        );
    }

    #[test]
    fn a_deposit_of_several_payouts_is_nobodys_alone() {
        let rules = rules();
        let mut payouts = Payouts::new(&rules);
        payouts.add(Side::B, &row(["po-1", "t"], "", 100, None)).unwrap();
        payouts.add(Side::B, &row(["po-2", "t"], "", 200, None)).unwrap();
        payouts.bank_line(&row(["", "t"], "", 300, None)).unwrap();
        let lines: Vec<String> = payouts.finish().iter().map(told).collect();
        assert_eq!(
            lines,
            [
                "po-1:  = 0.00 | paid 1.00 | received - at bank.xml:7 (with other payouts) | off by -1.00",
                "po-2:  = 0.00 | paid 2.00 | received - at bank.xml:7 (with other payouts) | off by -2.00",
            ]
        );
    }

    #[test]
    fn a_sum_that_does_not_fit_is_an_error() {
        let rules = rules();
        let mut payouts = Payouts::new(&rules);
        payouts.add(Side::A, &row(["po-1", ""], "charge", i128::MAX, None)).unwrap();
        assert!(payouts.add(Side::A, &row(["po-1", ""], "charge", 1, None)).is_err());
    }
}
