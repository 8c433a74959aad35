//! What holds for any two statements and any rules.

use std::collections::BTreeMap;

use proptest::prelude::*;
use syncline::model::Date;
use syncline::recon::calendar::{Calendar, Due};
use syncline::recon::code::SubCause;
use syncline::recon::normalise::Normaliser;
use syncline::recon::outcome::{Bucket, Outcome};
use syncline::recon::row::{FieldValue, Row, Side};
use syncline::recon::rules::{
    FieldRule, Grouped, How, Keyed, Measure, OnMatch, Part, Pass, RuleSet, States, Subset, Window,
};
use syncline::recon::tie_out;
use syncline::recon::tolerance::{Allowance, Combine, Tolerance};
use syncline::recon::unit::Unit;

use crate::make::{field_rule, row, rules, run};

fn unit() -> impl Strategy<Value = Unit> {
    prop_oneof![4 => Just("EUR"), 1 => Just("JPY"), 1 => Just("KWD")].prop_map(|code| Unit::parse(code).unwrap())
}

fn a_row() -> impl Strategy<Value = Row> {
    let key = prop_oneof![1 => Just(None), 6 => (0..12_u8).prop_map(|n| Some(format!("k{n}"))), 1 => (0..12_u8).prop_map(|n| Some(format!(" K{n}")))];
    let batch = prop::option::of((0..4_u8).prop_map(|n| format!("b{n}")));
    let status = prop::option::of(prop_oneof![Just("paid"), Just("open")]);
    let part = prop::option::of(-3..4_i128);
    (key, batch, unit(), -6..14_i128, 1..20_i8, status, part, 0..3_u32, prop::option::of(0..3_u8), 0..20_u8).prop_map(
        |(key, batch, unit, amount, day, status, part, lines, field, odd)| Row {
            keys: Box::new([key.map(String::into_boxed_str), batch.map(String::into_boxed_str)]),
            unit,
            amount,
            date: Some(Date::parse(&format!("2026-11-{day:02}")).unwrap()),
            status: status.map(Into::into),
            parts: Box::new([part]),
            lines,
            fields: Box::new([field.map_or(FieldValue::Absent, |n| FieldValue::Text(n.to_string().into()))]),
            parent: (odd == 1).then(|| "k3".into()),
            unmapped: (odd == 2).then(|| "sku".into()),
            ..row("x", 0, "", "EUR 0")
        },
    )
}

pub fn statement(source: &'static str) -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(a_row(), 0..24).prop_map(move |rows| placed(source, rows))
}

fn placed(source: &str, mut rows: Vec<Row>) -> Vec<Row> {
    for (at, row) in rows.iter_mut().enumerate() {
        row.place.source = source.into();
        row.place.row = at as u64 + 1;
    }
    rows
}

fn a_pass() -> impl Strategy<Value = How> {
    let on = || prop_oneof![Just(vec![0]), Just(vec![1]), Just(vec![0, 1])];
    let steps = || prop_oneof![Just(vec![]), Just(vec![Normaliser::Spaces, Normaliser::Case])];
    prop_oneof![
        3 => (on(), steps(), any::<bool>()).prop_map(|(on, normalise, must_tie)| How::Keyed(Keyed { on, normalise, must_tie })),
        2 => (on(), steps(), any::<bool>()).prop_map(|(by, normalise, must_tie)| How::Grouped(Grouped { by, normalise, must_tie })),
        2 => (0..3_u16, 0..4_u16, prop_oneof![Just(vec![]), Just(vec![1])])
            .prop_map(|(days_before, days_after, on)| How::Window(Window { on, days_before, days_after })),
        1 => (prop_oneof![Just(Side::A), Just(Side::B)], 0..3_u16, 0..4_u16, 2..4_usize).prop_map(|(many, days_before, days_after, most_items)| {
            How::Subset(Subset { many, days_before, days_after, most_items, most_candidates: 10 })
        }),
    ]
}

fn a_tolerance() -> impl Strategy<Value = Tolerance> {
    let allowance = || {
        (prop::option::of(0..3_i128), prop_oneof![4 => Just(0_u32), 1 => Just(200_000_u32)]).prop_map(|(euro, ppm)| {
            Allowance { absolute: euro.map(|amount| (Unit::parse("EUR").unwrap(), amount)).into_iter().collect(), ppm }
        })
    };
    (allowance(), allowance(), any::<bool>()).prop_map(|(below, above, max)| Tolerance {
        below,
        above,
        combine: if max { Combine::Max } else { Combine::Min },
    })
}

pub fn any_rules() -> impl Strategy<Value = RuleSet> {
    let passes =
        prop::collection::vec((a_pass(), prop_oneof![4 => Just(OnMatch::Confirm), 1 => Just(OnMatch::Suggest)]), 1..4);
    (passes, a_tolerance(), 0..3_u32, any::<[bool; 4]>(), 0..6_u16).prop_map(
        |(passes, tolerance, rounding_cap, [states, fields, parent, quantity], days)| {
            let named =
                |(at, (how, on_match)): (usize, (How, OnMatch))| Pass { id: format!("p{at}").into(), how, on_match };
            RuleSet {
                passes: passes.into_iter().enumerate().map(named).collect(),
                tolerance,
                rounding_cap,
                states: states.then(|| States {
                    agree: vec![("paid".into(), "paid".into()), ("open".into(), "open".into()), ("".into(), "".into())],
                    lag: vec![("paid".into(), "open".into())],
                }),
                fields: if fields { vec![FieldRule { ..field_rule("colour") }] } else { vec![] },
                parts: vec![Part { name: "fee".into(), proves: SubCause::Fee }],
                parent: parent.then_some(0),
                measure: if quantity { Measure::Quantity } else { Measure::Money },
                due: [Due { business_days: days, calendar: Calendar::default() }, Due::now()],
                ..rules()
            }
        },
    )
}

/// Buckets with rows and amounts of both sides.
fn figures(outcome: &Outcome) -> BTreeMap<String, String> {
    let texts = outcome.buckets.iter().filter(|(_, [a, b])| a.rows + b.rows > 0);
    texts.map(|(bucket, sides)| (bucket.label(), format!("{sides:?}"))).collect()
}

fn mirrored_figures(outcome: &Outcome) -> BTreeMap<String, String> {
    let texts = outcome.buckets.iter().filter(|(_, [a, b])| a.rows + b.rows > 0);
    texts.map(|(bucket, [a, b])| (bucket.mirrored().label(), format!("{:?}", [b, a]))).collect()
}

/// The run without places, which the order of input decides.
pub fn story(outcome: &Outcome) -> Vec<String> {
    let item = |item: &syncline::recon::outcome::Item| {
        format!(
            "{} {:?} {:?} {:?} {:?} {}/{}",
            item.id,
            item.bucket,
            item.key,
            item.variance,
            item.due,
            item.rows[0].len(),
            item.rows[1].len()
        )
    };
    [&outcome.in_flight, &outcome.timing, &outcome.breaks].into_iter().flatten().map(item).collect()
}

fn as_of(rules: &RuleSet, a: &[Row], b: &[Row]) -> Outcome {
    crate::make::run_as_of(rules, a, b, "2026-11-12")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// I1, I2, I3: `reconcile` itself refuses a run that does not conserve rows and amounts; here the check is made again.
    #[test]
    fn every_row_is_in_one_bucket_and_the_residual_is_nothing(rules in any_rules(), a in statement("a"), b in statement("b")) {
        let outcome = as_of(&rules, &a, &b);
        prop_assert_eq!(tie_out::check(&outcome), vec![]);
        for bridge in tie_out::bridges(&outcome) {
            prop_assert_eq!(bridge.residual, 0);
            let sum = |rows: &[Row]| rows.iter().filter(|row| row.unit == bridge.unit).map(|row| row.amount).sum::<i128>();
            prop_assert_eq!(bridge.total.difference, sum(&a) - sum(&b));
        }
        // I5: whatever is listed is listed once.
        let matches = outcome.matches.iter().flat_map(|found| found.rows.iter().flatten());
        let items = [&outcome.in_flight, &outcome.timing, &outcome.breaks].into_iter().flatten();
        let mut places: Vec<_> = matches.chain(items.flat_map(|item| item.rows.iter().flatten())).map(|row| row.place.clone()).collect();
        let listed = places.len();
        places.sort();
        places.dedup();
        prop_assert_eq!(places.len(), listed);
    }

    #[test]
    fn sides_exchanged_mirror_every_figure(rules in any_rules(), a in statement("a"), b in statement("b")) {
        let mut rules = rules;
        // A status pair that agrees in one direction only may pair copies differently from the other side.
        rules.states = None;
        // Parts per million are of A, by definition.
        (rules.tolerance.below.ppm, rules.tolerance.above.ppm) = (0, 0);
        prop_assert_eq!(mirrored_figures(&as_of(&rules, &a, &b)), figures(&as_of(&rules.mirrored(), &b, &a)));
    }

    #[test]
    fn the_order_of_rows_does_not_matter(rules in any_rules(), a in statement("a"), b in statement("b"), seed in any::<u64>()) {
        let shuffled = |rows: &[Row]| {
            let mut rows = rows.to_vec();
            fastrand::Rng::with_seed(seed).shuffle(&mut rows);
            rows
        };
        let (one, other) = (as_of(&rules, &a, &b), as_of(&rules, &shuffled(&a), &shuffled(&b)));
        prop_assert_eq!(figures(&one), figures(&other));
        prop_assert_eq!(story(&one), story(&other));
        let renumbered = as_of(&rules, &placed("a", shuffled(&a)), &placed("b", shuffled(&b)));
        prop_assert_eq!(figures(&one), figures(&renumbered), "nor do places");
        prop_assert_eq!(story(&one), story(&renumbered));
    }

    #[test]
    fn a_statement_agrees_with_itself(rules in any_rules(), a in statement("a")) {
        let mut rules = rules;
        let a: Vec<Row> = a.into_iter().filter(|row| row.keys[0].is_some() && row.unmapped.is_none()).collect();
        rules.states = None;
        rules.passes.insert(0, Pass { id: "first".into(), how: How::Keyed(Keyed { on: vec![0], normalise: vec![], must_tie: false }), on_match: OnMatch::Confirm });
        let outcome = run(&rules, &a, &placed("b", a.clone()));
        prop_assert!(outcome.breaks.is_empty(), "{:?}", outcome.breaks);
        prop_assert_eq!(outcome.totals(&Bucket::MatchedExact, Side::A).rows, a.len() as u64);
        let nothing = run(&rules, &a, &[]);
        prop_assert!(nothing.matches.is_empty());
        prop_assert_eq!(nothing.totals(&Bucket::MatchedExact, Side::A).rows, 0);
    }

    #[test]
    fn a_matched_pair_or_a_stranger_changes_nothing_else(a in statement("a"), b in statement("b")) {
        let rules = rules();
        let before = story(&run(&rules, &a, &b));
        let with = |rows: &[Row], key: &str| rows.iter().cloned().chain([row("z", 999, key, "EUR 77")]).collect::<Vec<_>>();
        prop_assert_eq!(&story(&run(&rules, &with(&a, "new"), &with(&b, "new"))), &before);
        let stranger = story(&run(&rules, &with(&a, "stranger"), &b));
        prop_assert_eq!(stranger.len(), before.len() + 1);
        prop_assert!(before.iter().all(|line| stranger.contains(line)));
    }

    #[test]
    fn more_tolerance_never_makes_more_amount_breaks(a in statement("a"), b in statement("b"), narrow in 0..3_i128, wider in 0..3_i128) {
        // One row per key: with copies, another pairing may be chosen.
        let unique = |rows: Vec<Row>| {
            let mut seen = std::collections::BTreeSet::new();
            rows.into_iter().filter(|row| seen.insert(row.keys[0].clone())).collect::<Vec<_>>()
        };
        let (a, b) = (unique(a), unique(b));
        let with = |amount: i128| {
            let absolute: BTreeMap<Unit, i128> = ["EUR", "JPY", "KWD"].map(|code| (Unit::parse(code).unwrap(), amount)).into();
            let allowance = Allowance { absolute, ppm: 0 };
            let rules = RuleSet { tolerance: Tolerance { below: allowance.clone(), above: allowance, ..Tolerance::default() }, ..rules() };
            run(&rules, &a, &b).breaks.iter().filter(|item| matches!(item.bucket, Bucket::Break(code) if code.as_str().starts_with("AMOUNT"))).count()
        };
        prop_assert!(with(narrow + wider) <= with(narrow));
    }

    #[test]
    fn amounts_scaled_scale_the_totals(a in statement("a"), b in statement("b"), factor in 2..1000_i128) {
        let scaled = |rows: &[Row]| rows.iter().cloned().map(|row| Row { amount: row.amount * factor, ..row }).collect::<Vec<_>>();
        let (one, other) = (run(&rules(), &a, &b), run(&rules(), &scaled(&a), &scaled(&b)));
        let difference = |outcome: &Outcome| tie_out::bridges(outcome).iter().map(|bridge| bridge.total.difference).collect::<Vec<_>>();
        let expected: Vec<i128> = difference(&one).into_iter().map(|amount| amount * factor).collect();
        prop_assert_eq!(expected, difference(&other));
    }
}
