//! What an amount counts, and sums of it that cannot lose anything.
//!
//! Amounts are integers (`i128`) in the smallest part of their unit: minor units of a currency at its ISO 4217 exponent,
//! millionths of a piece. Not here: reading vendors' texts and their deviating exponents (sources do that).

use std::collections::BTreeMap;
use std::fmt;

use crate::model::{Currency, ValueError};

/// Decimals that a quantity may have: as many as any vendor in the catalogue sends.
const PIECE_EXPONENT: u32 = 6;

/// What is counted. Amounts of different units are never compared or added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    Money(Currency),
    Pieces,
}

impl Unit {
    pub fn exponent(self) -> u32 {
        match self {
            Unit::Money(currency) => currency.exponent(),
            Unit::Pieces => PIECE_EXPONENT,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Unit::Money(currency) => currency.as_str(),
            Unit::Pieces => "pcs",
        }
    }

    /// Reads a currency code, or `pcs`.
    pub fn parse(text: &str) -> Result<Unit, ValueError> {
        if text == Unit::Pieces.as_str() { Ok(Unit::Pieces) } else { Currency::parse(text).map(Unit::Money) }
    }

    /// Reads a decimal such as `-12.5` exactly: more digits than the unit has are refused, never rounded.
    pub fn amount(self, text: &str) -> Result<i128, ValueError> {
        let what = "an amount";
        let refuse = |reason: &str| ValueError::new(what, text, reason);
        let exponent = self.exponent() as usize;
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return Err(refuse("it is not a decimal number such as 12.50"));
        }
        let kept = fraction.get(..exponent.min(fraction.len())).unwrap_or_default();
        if fraction.bytes().skip(exponent).any(|digit| digit != b'0') {
            return Err(refuse(&format!("{self} has {exponent} decimals")));
        }
        let mut amount: i128 = 0;
        let zeros = std::iter::repeat_n(b'0', exponent - kept.len());
        for digit in whole.bytes().chain(kept.bytes()).chain(zeros) {
            amount = amount
                .checked_mul(10)
                .and_then(|amount| amount.checked_add(i128::from(digit - b'0')))
                .ok_or_else(|| refuse("it is too large"))?;
        }
        Ok(if text.starts_with('-') { -amount } else { amount })
    }

    /// The decimal that `amount` stands for: `-12.50` of a currency with two decimals; of pieces, only the decimals it has.
    pub fn decimal(self, amount: i128) -> String {
        let exponent = self.exponent() as usize;
        let digits = format!("{:0>width$}", amount.unsigned_abs(), width = exponent + 1);
        let (whole, fraction) = digits.split_at(digits.len() - exponent);
        let fraction = match self {
            Unit::Money(_) => fraction,
            Unit::Pieces => fraction.trim_end_matches('0'),
        };
        let sign = if amount < 0 { "-" } else { "" };
        if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Rows and what they add up to, by unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Rows, those without an amount included.
    pub rows: u64,
    sums: BTreeMap<Unit, Sum>,
}

/// Rows of one unit and their sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    pub rows: u64,
    pub amount: i128,
}

/// A sum of `i128` that does not fit: no real statement comes near it, a damaged one may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sum of amounts in {unit} does not fit 128 bits: a source is damaged")]
pub struct SumOverflow {
    pub unit: Unit,
}

impl Totals {
    /// One row more.
    pub fn add(&mut self, unit: Unit, amount: i128) -> Result<(), SumOverflow> {
        self.add_many(unit, 1, amount)
    }

    /// A row whose amount could not be read.
    pub fn add_without_amount(&mut self) {
        self.rows += 1;
    }

    /// `rows` rows more that add up to `amount`.
    pub fn add_many(&mut self, unit: Unit, rows: u64, amount: i128) -> Result<(), SumOverflow> {
        let sum = self.sums.entry(unit).or_default();
        sum.amount = sum.amount.checked_add(amount).ok_or(SumOverflow { unit })?;
        sum.rows += rows;
        self.rows += rows;
        Ok(())
    }

    pub fn merge(&mut self, other: &Totals) -> Result<(), SumOverflow> {
        let amounted: u64 = other.sums.values().map(|sum| sum.rows).sum();
        self.rows += other.rows - amounted;
        other.sums.iter().try_for_each(|(unit, sum)| self.add_many(*unit, sum.rows, sum.amount))
    }

    pub fn of(&self, unit: Unit) -> Sum {
        self.sums.get(&unit).copied().unwrap_or_default()
    }

    /// Units that occur, in order.
    pub fn units(&self) -> impl Iterator<Item = Unit> {
        self.sums.keys().copied()
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(unit: &str, text: &str, amount: i128, back: &str) {
        let unit = Unit::parse(unit).unwrap();
        assert_eq!(unit.amount(text).unwrap(), amount, "{text}");
        assert_eq!(unit.decimal(amount), back);
    }

    #[test]
    fn decimals_are_read_at_the_units_exponent() {
        check("EUR", "12.5", 1250, "12.50");
        check("EUR", "-0.01", -1, "-0.01");
        check("EUR", "7.1000", 710, "7.10");
        check("JPY", "1500", 1500, "1500");
        check("JPY", "1500.00", 1500, "1500");
        check("KWD", "5.124", 5124, "5.124");
        check("pcs", "3", 3_000_000, "3");
        check("pcs", "-0.25", -250_000, "-0.25");
    }

    #[test]
    fn what_would_need_rounding_is_refused() {
        for (unit, text) in
            [("EUR", "1.005"), ("JPY", "0.5"), ("EUR", ""), ("EUR", "."), ("EUR", "1,50"), ("EUR", "1e3")]
        {
            assert!(Unit::parse(unit).unwrap().amount(text).is_err(), "{unit} {text}");
        }
        assert!(Unit::parse("EUR").unwrap().amount(&"9".repeat(40)).is_err());
    }

    #[test]
    fn totals_of_parts_are_the_totals_of_the_whole() {
        let euro = Unit::parse("EUR").unwrap();
        let (mut whole, mut part, mut other) = (Totals::default(), Totals::default(), Totals::default());
        for (at, amount) in [5_i128, -7, 11].into_iter().enumerate() {
            whole.add(euro, amount).unwrap();
            if at == 0 { &mut part } else { &mut other }.add(euro, amount).unwrap();
        }
        other.add_without_amount();
        whole.add_without_amount();
        part.merge(&other).unwrap();
        assert_eq!(part, whole);
        assert!(whole.add(euro, i128::MAX).is_err());
    }
}
