//! What two rows, or two groups, that belong together say of each other.
//!
//! Not here: finding them (`matching`), in-flight work and due dates (`settle`).

use std::collections::BTreeMap;

use super::code::{Code, SubCause};
use super::row::{FieldValue, Row};
use super::rules::{FieldRule, Measure, RuleSet, StatePair};
use super::unit::Unit;

/// The result of a comparison: all that differs, the gravest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// `B − A` by unit, where it is not 0.
    pub variance: BTreeMap<Unit, i128>,
    /// In the order in which findings outrank each other.
    pub differences: Vec<Difference>,
    pub sub_cause: Option<SubCause>,
    /// Nothing differs but a state that one side has yet to reach.
    pub lags: bool,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    pub code: Code,
    /// The compared field, where it is one: its position in the rules.
    pub field: Option<usize>,
}

impl Comparison {
    pub fn ties(&self) -> bool {
        self.differences.is_empty() && !self.lags
    }

    /// Equal to the last digit, not merely within tolerance.
    pub fn is_exact(&self) -> bool {
        self.ties() && self.variance.is_empty()
    }

    fn differ(&mut self, code: Code) {
        self.differences.push(Difference { code, field: None });
    }
}

/// One row of each side.
pub fn pair(rules: &RuleSet, a: &Row, b: &Row) -> Comparison {
    let mut result = Comparison::default();
    if a.unit != b.unit {
        result.variance = BTreeMap::from([(a.unit, a.amount.saturating_neg()), (b.unit, b.amount)]);
        result.variance.retain(|_, amount| *amount != 0);
        result.differ(Code::CurrencyMismatch);
        return result;
    }
    let variance = b.amount.saturating_sub(a.amount);
    if variance != 0 {
        result.variance.insert(a.unit, variance);
        if !amounts_tie(rules, a.unit, [a.amount, b.amount], a.lines.max(b.lines)) {
            if a.amount.checked_neg() == Some(b.amount) {
                result.differ(Code::DirectionMismatch);
            } else {
                result.differ(off(rules.measure, variance));
                result.sub_cause = proven(rules, a, b, variance);
            }
        } else if !rules.tolerance.admits(a.unit, a.amount, b.amount) {
            result.sub_cause = Some(SubCause::Rounding);
        }
    }
    states(rules, a, b, &mut result);
    for (at, rule) in rules.fields.iter().enumerate() {
        if !fields_agree(rule, a.unit, field(a, at), field(b, at)) {
            result.differences.push(Difference { code: rule.code, field: Some(at) });
        }
    }
    if !result.differences.is_empty() {
        result.lags = false;
    }
    result
}

fn field(row: &Row, at: usize) -> &FieldValue {
    row.fields.get(at).unwrap_or(&FieldValue::Absent)
}

fn fields_agree(rule: &FieldRule, unit: Unit, a: &FieldValue, b: &FieldValue) -> bool {
    match (a, b) {
        (FieldValue::Amount(a), FieldValue::Amount(b)) => rule.tolerance.admits(unit, *a, *b),
        (a, b) => a == b,
    }
}

fn states(rules: &RuleSet, a: &Row, b: &Row, result: &mut Comparison) {
    let Some(states) = &rules.states else { return };
    let text = |row: &Row| row.status.as_deref().unwrap_or_default().to_owned();
    match states.pair(&text(a), &text(b)) {
        StatePair::Agree => {}
        StatePair::Lag => result.lags = true,
        StatePair::Disagree => result.differ(Code::StatusMismatch),
    }
}

fn off(measure: Measure, variance: i128) -> Code {
    match (measure, variance > 0) {
        (Measure::Quantity, _) => Code::QuantityMismatch,
        (Measure::Money, true) => Code::AmountOver,
        (Measure::Money, false) => Code::AmountUnder,
    }
}

/// Within tolerance, or within what rounding of `lines` taxed lines may come to.
pub fn amounts_tie(rules: &RuleSet, unit: Unit, [a, b]: [i128; 2], lines: u32) -> bool {
    let rounding = u128::from(lines.min(rules.rounding_cap));
    rules.tolerance.admits(unit, a, b) || b.checked_sub(a).is_some_and(|off| off.unsigned_abs() <= rounding)
}

/// The one cause whose identity accounts for the whole variance. Two causes that both would prove nothing.
fn proven(rules: &RuleSet, a: &Row, b: &Row, variance: i128) -> Option<SubCause> {
    let part = |row: &Row, at: usize| row.parts.get(at).copied().flatten();
    let proves = |at: usize| match (part(a, at), part(b, at)) {
        (Some(of_a), Some(of_b)) if of_a != of_b => of_b.checked_sub(of_a) == Some(variance),
        (Some(_), Some(_)) | (None, None) => false,
        (Some(only), None) | (None, Some(only)) => only.unsigned_abs() == variance.unsigned_abs(),
    };
    let mut causes = rules.parts.iter().enumerate().filter(|(at, _)| proves(*at)).map(|(_, part)| part.proves);
    let first = causes.next()?;
    causes.all(|other| other == first).then_some(first)
}

/// All rows of a key on one side against all on the other, by their sums.
pub fn groups(rules: &RuleSet, a: &[&Row], b: &[&Row]) -> Comparison {
    if let ([a], [b]) = (a, b) {
        return pair(rules, a, b);
    }
    let (sums_a, sums_b) = (sums(a), sums(b));
    let mut result = Comparison::default();
    let units: std::collections::BTreeSet<Unit> = sums_a.keys().chain(sums_b.keys()).copied().collect();
    let lines = a.iter().chain(b).fold(0_u32, |lines, row| lines.saturating_add(row.lines));
    let mut apart = false;
    for unit in units {
        let of = |sums: &BTreeMap<Unit, i128>| sums.get(&unit).copied().unwrap_or(0);
        let (of_a, of_b) = (of(&sums_a), of(&sums_b));
        let variance = of_b.saturating_sub(of_a);
        if variance != 0 {
            result.variance.insert(unit, variance);
            apart |= !amounts_tie(rules, unit, [of_a, of_b], lines);
        }
    }
    if apart {
        let disjoint = sums_a.keys().all(|unit| !sums_b.contains_key(unit));
        let opposite =
            result.variance.len() == 1 && moved(&sums_a, -1) == moved(&sums_b, 1) && moved(&sums_a, 1).len() == 1;
        result.differ(match (disjoint, opposite) {
            (true, _) => Code::CurrencyMismatch,
            (false, true) => Code::DirectionMismatch,
            (false, false) => Code::GroupSumMismatch,
        });
    }
    result
}

/// Sums that are not 0, times `sign`.
fn moved(sums: &BTreeMap<Unit, i128>, sign: i128) -> Vec<(Unit, i128)> {
    sums.iter().filter(|(_, sum)| **sum != 0).map(|(unit, sum)| (*unit, sum.saturating_mul(sign))).collect()
}

/// Saturating: a sum beyond 128 bits is refused where totals are made, before this.
fn sums(rows: &[&Row]) -> BTreeMap<Unit, i128> {
    let mut sums = BTreeMap::new();
    for row in rows {
        let sum: &mut i128 = sums.entry(row.unit).or_default();
        *sum = sum.saturating_add(row.amount);
    }
    sums
}
