//! From the sandbox's month to the engine's rows and rules, and what the engine found as the truth writes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use syncline::model::Date;
use syncline::recon::calendar::{Calendar, Due};
use syncline::recon::code::{Code, SubCause};
use syncline::recon::engine::reconcile;
use syncline::recon::normalise::Normaliser;
use syncline::recon::outcome::{Bucket, NothingCarried, Outcome};
use syncline::recon::row::{Entry, FieldValue, Place, Row};
use syncline::recon::rules::{FieldRule, Grouped, How, Keyed, Measure, Part, RuleSet, States};
use syncline::recon::settle::Circumstances;
use syncline::recon::unit::Unit;
use syncline::sandbox::ledger::{
    LATE_AFTER_DAYS, Leg, LegKind, Line, Month, MonthOptions, ROUNDING_CAP, Value, Verdict, Workdays,
};

use crate::make::pass;

/// Months of different shape: a leap February, one that begins on a Sunday, one that ends a year.
pub fn month(seed: u64, orders: usize) -> Month {
    let (year, month) = [(2028, 2), (2026, 11), (2026, 12), (2027, 5)][(seed % 4) as usize];
    Month::of(MonthOptions { seed, orders, year, month }).unwrap()
}

pub fn rules(kind: LegKind) -> RuleSet {
    let normalise = vec![Normaliser::Spaces, Normaliser::Case, Normaliser::Unicode, Normaliser::Prefix("#".into())];
    let passes = if kind.is_grouped() {
        vec![pass("group", How::Grouped(Grouped { by: vec![0], normalise, must_tie: false }))]
    } else {
        let keyed = |normalise| How::Keyed(Keyed { on: vec![0], normalise, must_tie: false });
        vec![pass("key", keyed(vec![])), pass("normalised", keyed(normalise))]
    };
    let owned = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect();
    let [agree, lag] = kind.states();
    RuleSet {
        keys: kind.keys().map(Into::into).to_vec(),
        fields: kind
            .fields()
            .iter()
            .map(|(name, code)| FieldRule {
                name: (*name).into(),
                tolerance: Default::default(),
                code: Code::parse(code).unwrap(),
            })
            .collect(),
        parts: kind
            .parts()
            .iter()
            .map(|(name, proves)| Part { name: (*name).into(), proves: SubCause::parse(proves).unwrap() })
            .collect(),
        passes,
        rounding_cap: if kind == LegKind::Orders { ROUNDING_CAP } else { 0 },
        states: (!agree.is_empty()).then(|| States { agree: owned(agree), lag: owned(lag) }),
        due: [Due { business_days: kind.due_days(), calendar: Calendar::default() }, Due::now()],
        missing: kind.missing().map(|code| Code::parse(code).unwrap()),
        parent: (kind == LegKind::Refunds).then_some(1),
        late_after_days: (kind == LegKind::Bank).then_some(LATE_AFTER_DAYS),
        ..RuleSet::keyed(kind.as_str(), "", Measure::Money)
    }
}

/// A statement as rows; the row's number leads back to its line.
pub fn rows(leg: &Leg, side: usize) -> Vec<Row> {
    let source: Arc<str> = ["a", "b"][side].into();
    let lines = leg.statement(side, 7 + side as u64).into_iter().enumerate();
    lines.map(|(at, (_, line))| row(&leg.days, Place { source: source.clone(), row: at as u64 + 1 }, &line)).collect()
}

fn row(days: &Workdays, place: Place, line: &Line) -> Row {
    let value = |value: &Value| match value {
        Value::Text(text) => FieldValue::Text(text.as_str().into()),
        Value::Amount(amount) => FieldValue::Amount((*amount).into()),
    };
    Row {
        place,
        keys: line.keys.iter().map(|key| key.as_deref().map(Into::into)).collect(),
        unit: Unit::parse(line.currency.code()).unwrap(),
        amount: line.amount.into(),
        date: Some(Date::parse(&days.text(line.day)).unwrap()),
        status: line.status.map(Into::into),
        parent: line.parent.as_deref().map(Into::into),
        fields: line.fields.iter().map(value).collect(),
        parts: line.parts.iter().map(|part| part.map(Into::into)).collect(),
        lines: line.lines,
        category: None,
        unmapped: line.unmapped.as_deref().map(Into::into),
    }
}

pub fn as_of(leg: &Leg) -> Date {
    Date::parse(&leg.days.text(leg.days.last())).unwrap()
}

pub fn run(rules: &RuleSet, leg: &Leg) -> Outcome {
    let known = |parent: &str| leg.parents.contains(parent);
    let around = Circumstances { known_parents: &known, ..Circumstances::plain(as_of(leg), &NothingCarried) };
    let entries = [0, 1].map(|side| rows(leg, side).into_iter().map(Entry::Row).collect());
    reconcile(rules, entries, &[], &around).unwrap()
}

/// What is said of one key: verdict, key, variance by currency, sub-cause.
pub type Said = (String, String, BTreeMap<String, i128>, Option<String>);

/// What had to be said, sorted.
pub fn truth(leg: &Leg) -> Vec<Said> {
    let told = leg.expected.iter().filter(|expected| match expected.verdict {
        Verdict::Break(_) | Verdict::Timing | Verdict::Tolerated => true,
        Verdict::Late | Verdict::Agrees => false,
    });
    let mut said: Vec<Said> = told
        .map(|expected| {
            let variance = expected.variance.iter().map(|(unit, sum)| (unit.code().to_owned(), i128::from(*sum)));
            let sub_cause = expected.sub_cause.map(str::to_owned);
            (expected.verdict.as_str().to_owned(), expected.key.clone(), variance.collect(), sub_cause)
        })
        .collect();
    said.sort();
    said
}

/// What was said, sorted.
pub fn said(outcome: &Outcome) -> Vec<Said> {
    let label = |bucket: &Bucket| match bucket {
        Bucket::Break(code) => code.to_string(),
        other => other.label(),
    };
    let variance = |variance: &BTreeMap<Unit, i128>| {
        variance.iter().map(|(unit, sum)| (unit.as_str().to_owned(), *sum)).collect::<BTreeMap<_, _>>()
    };
    let items = [&outcome.breaks, &outcome.timing, &outcome.in_flight].into_iter().flatten();
    let items = items.map(|item| (label(&item.bucket), &item.key, variance(&item.variance), item.sub_cause));
    let matches = outcome.matches.iter().map(|of| (label(&of.bucket), &of.key, variance(&of.variance), of.sub_cause));
    let mut said: Vec<Said> = items
        .chain(matches)
        .map(|(label, key, variance, cause)| {
            (label, key.as_deref().unwrap_or_default().to_owned(), variance, cause.map(|cause| cause.to_string()))
        })
        .collect();
    said.sort();
    said
}
