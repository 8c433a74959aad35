//! How far amounts may differ and still match: asymmetric, per currency, inclusive at the boundary.
//!
//! Not here: what becomes of the tolerated variance (it is recorded and totalled, `outcome`).

use std::collections::BTreeMap;

use super::unit::Unit;

/// How an absolute and a relative allowance are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Combine {
    /// The larger of the two.
    #[default]
    Max,
    /// The smaller of the two.
    Min,
}

/// An allowance to one direction: an absolute amount per unit, and parts per million of A's magnitude.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowance {
    /// A unit without an entry is allowed nothing: allowances are never converted.
    pub absolute: BTreeMap<Unit, i128>,
    pub ppm: u32,
}

/// What B may be below or above A.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tolerance {
    pub below: Allowance,
    pub above: Allowance,
    pub combine: Combine,
}

impl Tolerance {
    /// Nothing but equality.
    pub fn is_exact(&self) -> bool {
        [&self.below, &self.above].iter().all(|allowance| allowance.ppm == 0 && allowance.absolute.is_empty())
    }

    /// Whether B's `b` is near enough to A's `a`.
    pub fn admits(&self, unit: Unit, a: i128, b: i128) -> bool {
        let Some(difference) = b.checked_sub(a) else { return false };
        let allowance = match difference {
            0 => return true,
            ..0 => &self.below,
            1.. => &self.above,
        };
        difference.unsigned_abs() <= self.allowed(allowance, unit, a)
    }

    /// `combine(absolute, ⌊ppm · |a| / 10⁶⌋)`; where only one of the two is stated, that one counts.
    fn allowed(&self, allowance: &Allowance, unit: Unit, a: i128) -> u128 {
        let absolute = allowance.absolute.get(&unit).map(|absolute| absolute.unsigned_abs());
        if allowance.ppm == 0 {
            return absolute.unwrap_or(0);
        }
        let (millions, rest) = (a.unsigned_abs() / 1_000_000, a.unsigned_abs() % 1_000_000);
        let ppm = u128::from(allowance.ppm);
        let relative = millions.saturating_mul(ppm).saturating_add(rest * ppm / 1_000_000);
        match (absolute, self.combine) {
            (None, _) => relative,
            (Some(absolute), Combine::Max) => absolute.max(relative),
            (Some(absolute), Combine::Min) => absolute.min(relative),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn unit(code: &str) -> Unit {
        Unit::parse(code).unwrap()
    }

    fn tolerance(below: &[(&str, i128)], above: &[(&str, i128)], ppm: [u32; 2], combine: Combine) -> Tolerance {
        let allowance = |absolute: &[(&str, i128)], ppm| Allowance {
            absolute: absolute.iter().map(|(code, amount)| (unit(code), *amount)).collect(),
            ppm,
        };
        Tolerance { below: allowance(below, ppm[0]), above: allowance(above, ppm[1]), combine }
    }

    #[track_caller]
    fn check(tolerance: &Tolerance, code: &str, a: i128, admitted: &[i128], refused: &[i128]) {
        for b in admitted {
            assert!(tolerance.admits(unit(code), a, *b), "{a} against {b} {code} matches");
        }
        for b in refused {
            assert!(!tolerance.admits(unit(code), a, *b), "{a} against {b} {code} does not");
        }
    }

    #[test]
    fn the_boundary_is_inside() {
        let exact = Tolerance::default();
        for (code, a) in
            [("JPY", 100), ("EUR", -100), ("KWD", 0), ("CLF", i128::from(i64::MAX)), ("EUR", i128::from(i64::MIN))]
        {
            check(&exact, code, a, &[a], &[a - 1, a + 1, -a - 1]);
        }
        let lopsided = tolerance(&[("EUR", 2)], &[("EUR", 5)], [0, 0], Combine::Max);
        check(&lopsided, "EUR", 100, &[98, 99, 100, 105], &[97, 106]);
        check(&lopsided, "EUR", -100, &[-102, -100, -95], &[-103, -94]);
        check(&lopsided, "EUR", 0, &[-2, 0, 5], &[-3, 6]);
        check(&lopsided, "EUR", i128::MAX, &[i128::MAX - 2], &[i128::MAX - 3, i128::MIN]);
    }

    #[test]
    fn a_currency_without_an_entry_is_allowed_nothing() {
        let euro = tolerance(&[("EUR", 2)], &[("EUR", 2)], [0, 0], Combine::Max);
        check(&euro, "JPY", 100, &[100], &[99, 101]);
    }

    #[test]
    fn parts_per_million_are_of_a_and_round_down() {
        let relative = tolerance(&[], &[], [1_000, 1_000], Combine::Max);
        check(&relative, "EUR", 1_999, &[1_998, 2_000], &[1_997, 2_001]);
        check(&relative, "EUR", 999, &[999], &[998, 1_000]);
        check(&relative, "EUR", 0, &[0], &[-1, 1]);
        check(&relative, "EUR", -2_000, &[-2_002, -1_998], &[-2_003, -1_997]);
        let larger = tolerance(&[("EUR", 3)], &[("EUR", 3)], [1_000, 1_000], Combine::Max);
        check(&larger, "EUR", 10_000, &[9_990, 10_010], &[9_989, 10_011]);
        check(&larger, "EUR", 10, &[7, 13], &[6, 14]);
        let smaller = tolerance(&[("EUR", 3)], &[("EUR", 3)], [1_000, 1_000], Combine::Min);
        check(&smaller, "EUR", 10_000, &[9_997, 10_003], &[9_996, 10_004]);
        check(&smaller, "EUR", 10, &[10], &[9, 11]);
    }
}
