//! Rows and rules, briefly.

use std::sync::Arc;

use syncline::model::Date;
use syncline::recon::code::Code;
use syncline::recon::engine::reconcile;
use syncline::recon::outcome::{Bucket, NothingCarried, Outcome};
use syncline::recon::row::{Entry, FieldValue, Place, Row, Side};
use syncline::recon::rules::{How, Keyed, Measure, OnMatch, Pass, RuleSet};
use syncline::recon::settle::Circumstances;
use syncline::recon::unit::Unit;

pub fn day(text: &str) -> Date {
    Date::parse(text).unwrap()
}

/// `EUR 12.50` with its key, at row `at` of `source`.
pub fn row(source: &str, at: u64, key: &str, amount: &str) -> Row {
    let (unit, amount) = amount.split_once(' ').unwrap();
    let unit = Unit::parse(unit).unwrap();
    Row {
        place: Place { source: Arc::from(source), row: at },
        keys: Box::new([(!key.is_empty()).then(|| key.into()), None]),
        unit,
        amount: unit.amount(amount).unwrap(),
        date: Some(day("2026-11-10")),
        status: None,
        parent: None,
        fields: Box::new([]),
        parts: Box::new([]),
        lines: 0,
        category: None,
        unmapped: None,
    }
}

/// Rows of one side: `["1001 EUR 12.50", ...]`; a key of `-` is none.
pub fn side(source: &str, rows: &[&str]) -> Vec<Row> {
    let parse = |(at, text): (usize, &&str)| {
        let (key, amount) = text.split_once(' ').unwrap();
        row(source, at as u64 + 1, if key == "-" { "" } else { key }, amount)
    };
    rows.iter().enumerate().map(parse).collect()
}

/// Rules with the keys `order` and `batch`, one keyed pass over `order`.
pub fn rules() -> RuleSet {
    let mut rules = RuleSet::keyed("test", "order", Measure::Money);
    rules.keys.push("batch".into());
    rules
}

pub fn pass(id: &str, how: How) -> Pass {
    Pass { id: id.into(), how, on_match: OnMatch::Confirm }
}

pub fn keyed(on: usize) -> Keyed {
    Keyed { on: vec![on], normalise: Vec::new(), must_tie: false }
}

pub fn entries(rows: &[Row]) -> Vec<Entry> {
    rows.iter().cloned().map(Entry::Row).collect()
}

pub fn run(rules: &RuleSet, a: &[Row], b: &[Row]) -> Outcome {
    run_as_of(rules, a, b, "2026-11-30")
}

pub fn run_as_of(rules: &RuleSet, a: &[Row], b: &[Row], as_of: &str) -> Outcome {
    reconcile(rules, [entries(a), entries(b)], &[], &Circumstances::plain(day(as_of), &NothingCarried)).unwrap()
}

/// `MATCHED_EXACT 2/2 · BREAK(MISSING_IN_B) 1/0`: rows of A and B by bucket.
pub fn summary(outcome: &Outcome) -> String {
    let lines = outcome.buckets.iter().map(|(bucket, [a, b])| format!("{} {}/{}", bucket.label(), a.rows, b.rows));
    lines.collect::<Vec<_>>().join(" · ")
}

#[track_caller]
pub fn check(rules: &RuleSet, a: &[&str], b: &[&str], expected: &str) {
    assert_eq!(summary(&run(rules, &side("a", a), &side("b", b))), expected);
}

/// Breaks as `CODE key`, in the report's order.
pub fn breaks(outcome: &Outcome) -> Vec<String> {
    let name = |bucket: &Bucket| match bucket {
        Bucket::Break(code) => code.as_str(),
        other => panic!("{other:?} among the breaks"),
    };
    outcome.breaks.iter().map(|item| format!("{} {}", name(&item.bucket), item.key.as_deref().unwrap_or("-"))).collect()
}

pub fn text(value: &str) -> FieldValue {
    FieldValue::Text(value.into())
}

#[allow(dead_code)]
pub fn field_rule(name: &str) -> syncline::recon::rules::FieldRule {
    syncline::recon::rules::FieldRule { name: name.into(), tolerance: Default::default(), code: Code::FieldMismatch }
}

#[allow(dead_code)]
pub const SIDES: [Side; 2] = Side::BOTH;
