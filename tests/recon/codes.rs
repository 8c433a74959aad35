//! Each code's predicate, at its edges.

use syncline::recon::calendar::{Calendar, Due};
use syncline::recon::code::{Code, SubCause};
use syncline::recon::engine::reconcile;
use syncline::recon::matching::{Decision, DecisionKind};
use syncline::recon::normalise::Normaliser;
use syncline::recon::outcome::{Bucket, Carried, Carrier, NothingCarried};
use syncline::recon::row::{Entry, Place, Row, Side};
use syncline::recon::rules::{Grouped, How, Keyed, OnMatch, Part, RuleSet, States, Subset, Window};
use syncline::recon::settle::Circumstances;
use syncline::recon::tolerance::{Allowance, Tolerance};
use syncline::recon::unit::Unit;

use crate::make::{
    breaks, check, day, entries, field_rule, keyed, pass, row, rules, run, run_as_of, side, summary, text,
};

#[test]
fn keys_pair_rows_and_amounts_decide() {
    let rules = rules();
    check(&rules, &["1 EUR 5", "2 EUR 7"], &["2 EUR 7", "1 EUR 5"], "MATCHED_EXACT 2/2");
    check(&rules, &["1 EUR 5"], &["1 EUR 5.01"], "BREAK(AMOUNT_OVER) 1/1");
    check(&rules, &["1 EUR 5"], &["1 EUR 4.99"], "BREAK(AMOUNT_UNDER) 1/1");
    check(&rules, &["1 EUR 5"], &["1 EUR -5"], "BREAK(DIRECTION_MISMATCH) 1/1");
    check(&rules, &["1 EUR 5"], &["1 USD 5"], "BREAK(CURRENCY_MISMATCH) 1/1");
    check(&rules, &["1 EUR 5"], &["2 EUR 5"], "BREAK(MISSING_IN_A) 0/1 · BREAK(MISSING_IN_B) 1/0");
    check(&rules, &["- EUR 5"], &["- EUR 5"], "BREAK(MISSING_IN_A) 0/1 · BREAK(MISSING_IN_B) 1/0");
    check(&rules, &[], &[], "");
}

#[test]
fn copies_are_counted_not_guessed() {
    let rules = rules();
    check(&rules, &["1 EUR 5", "1 EUR 5"], &["1 EUR 5", "1 EUR 5"], "MATCHED_EXACT 2/2");
    check(&rules, &["1 EUR 5", "1 EUR 5"], &["1 EUR 5"], "MATCHED_EXACT 1/1 · BREAK(DUPLICATE_A) 1/0");
    check(&rules, &["1 EUR 5"], &["1 EUR 6", "1 EUR 5"], "MATCHED_EXACT 1/1 · BREAK(DUPLICATE_B) 0/1");
    check(&rules, &["1 EUR 5", "1 EUR 5", "1 EUR 5"], &[], "BREAK(DUPLICATE_A) 2/0 · BREAK(MISSING_IN_B) 1/0");
    check(&rules, &["1 EUR 5", "1 EUR 7"], &["1 EUR 5", "1 EUR 8"], "MATCHED_EXACT 1/1 · BREAK(AMOUNT_OVER) 1/1");
    check(&rules, &["1 EUR 5", "1 USD 5"], &["1 USD 5", "1 JPY 9"], "MATCHED_EXACT 1/1 · BREAK(CURRENCY_MISMATCH) 1/1");
}

#[test]
fn tolerated_variance_is_a_bucket_of_its_own() {
    let mut rules = rules();
    let euro = Unit::parse("EUR").unwrap();
    let allowance = Allowance { absolute: [(euro, 2)].into(), ppm: 0 };
    rules.tolerance = Tolerance { below: allowance.clone(), above: allowance, ..Tolerance::default() };
    check(
        &rules,
        &["1 EUR 5", "2 EUR 5", "3 EUR 5"],
        &["1 EUR 5.02", "2 EUR 5.03", "3 EUR 5"],
        "MATCHED_EXACT 1/1 · MATCHED_TOLERANCE 1/1 · BREAK(AMOUNT_OVER) 1/1",
    );
    let outcome = run(&rules, &side("a", &["1 EUR 5"]), &side("b", &["1 EUR 4.98"]));
    assert_eq!(outcome.matches[0].variance[&euro], -2);
}

#[test]
fn rounding_is_one_minor_unit_per_taxed_line_up_to_the_cap() {
    let mut rules = rules();
    rules.rounding_cap = 3;
    let lined = |lines: u32, amount: &str| Row { lines, ..row("a", 1, "1", amount) };
    for (lines, off, expected) in [
        (2, "5.02", "MATCHED_TOLERANCE 1/1"),
        (2, "5.03", "BREAK(AMOUNT_OVER) 1/1"),
        (9, "4.97", "MATCHED_TOLERANCE 1/1"),
        (9, "4.96", "BREAK(AMOUNT_UNDER) 1/1"),
    ] {
        let outcome = run(&rules, &[lined(lines, "EUR 5")], &[row("b", 1, "1", &format!("EUR {off}"))]);
        assert_eq!(summary(&outcome), expected, "{lines} lines, {off}");
        if let Some(found) = outcome.matches.first() {
            assert_eq!(found.sub_cause, Some(SubCause::Rounding));
        }
    }
}

#[test]
fn quantities_have_a_code_of_their_own() {
    let mut rules = rules();
    rules.measure = syncline::recon::rules::Measure::Quantity;
    check(
        &rules,
        &["AB-1 pcs 5", "AB-2 pcs 1"],
        &["AB-1 pcs 4", "AB-2 pcs 1"],
        "MATCHED_EXACT 1/1 · BREAK(QUANTITY_MISMATCH) 1/1",
    );
}

#[test]
fn keys_written_differently_meet_in_a_later_pass() {
    let mut rules = rules();
    let normalise = vec![Normaliser::Spaces, Normaliser::Case, Normaliser::Prefix("#".into())];
    rules.passes.push(pass("normalised", How::Keyed(Keyed { on: vec![0], normalise, must_tie: false })));
    check(&rules, &["#A1 EUR 5", "A2 EUR 5"], &["a1 EUR 5", "A2 EUR 6"], "MATCHED_EXACT 1/1 · BREAK(AMOUNT_OVER) 1/1");
}

fn in_batch(mut rows: Vec<Row>, batch: &str) -> Vec<Row> {
    rows.iter_mut().for_each(|row| row.keys[1] = Some(batch.into()));
    rows
}

fn batches() -> RuleSet {
    let mut rules = rules();
    rules.passes = vec![pass("batch", How::Grouped(Grouped { by: vec![1], normalise: vec![], must_tie: false }))];
    rules
}

#[test]
fn groups_tie_by_their_sum_and_are_missing_as_one() {
    let transactions = |amounts: &[&str]| in_batch(side("a", amounts), "po_1");
    let payout = |amount: &str| in_batch(side("b", &[amount]), "po_1");
    let rows = ["1 EUR 5", "2 EUR 7", "3 EUR -2"];
    for (amount, expected) in [
        ("- EUR 10", "MATCHED_GROUP 3/1"),
        ("- EUR 10.01", "BREAK(GROUP_SUM_MISMATCH) 3/1"),
        ("- EUR -10", "BREAK(DIRECTION_MISMATCH) 3/1"),
        ("- USD 10", "BREAK(CURRENCY_MISMATCH) 3/1"),
    ] {
        let outcome = run(&batches(), &transactions(&rows), &payout(amount));
        assert_eq!(summary(&outcome), expected);
        assert_eq!(outcome.breaks.len(), usize::from(expected.starts_with("BREAK")));
    }
    let outcome = run(&batches(), &transactions(&rows), &[]);
    assert_eq!(summary(&outcome), "BREAK(MISSING_IN_B) 3/0");
    assert_eq!(breaks(&outcome), ["MISSING_IN_B po_1"], "one payout is one break");
    assert_eq!(outcome.breaks[0].variance.values().copied().collect::<Vec<_>>(), [-1000]);
}

#[test]
fn a_group_is_due_when_its_last_row_is() {
    let mut rules = batches();
    rules.due = [Due { business_days: 3, calendar: Calendar::default() }, Due::now()];
    let mut rows = in_batch(side("a", &["1 EUR 5", "2 EUR 7"]), "po_1");
    // Due on 16 and 18 November.
    (rows[0].date, rows[1].date) = (Some(day("2026-11-11")), Some(day("2026-11-13")));
    for (as_of, expected) in [
        ("2026-11-15", "TIMING 2/0"),
        ("2026-11-16", "TIMING 2/0"),
        ("2026-11-17", "TIMING 2/0"),
        ("2026-11-18", "BREAK(MISSING_IN_B) 2/0"),
    ] {
        let outcome = run_as_of(&rules, &rows, &[], as_of);
        assert_eq!(summary(&outcome), expected, "as of {as_of}");
        let [item] = [&outcome.timing[..], &outcome.breaks[..]].concat().try_into().unwrap();
        assert_eq!((item.due, item.variance.into_values().collect()), (Some(day("2026-11-18")), vec![-1200]));
    }
}

#[test]
fn a_pass_that_must_tie_leaves_the_rest_to_later_ones() {
    let mut rules = rules();
    rules.passes = vec![
        pass("tied", How::Keyed(Keyed { must_tie: true, ..keyed(0) })),
        pass("batch", How::Grouped(Grouped { by: vec![1], normalise: vec![], must_tie: false })),
    ];
    let a = in_batch(side("a", &["1 EUR 5", "2 EUR 7"]), "x");
    let b = in_batch(side("b", &["1 EUR 5", "2 EUR 3", "2 EUR 4"]), "x");
    assert_eq!(summary(&run(&rules, &a, &b)), "MATCHED_EXACT 1/1 · MATCHED_GROUP 1/2");
}

fn dated(rows: &[(&str, &str)], source: &str) -> Vec<Row> {
    let make = |(at, (date, amount)): (usize, &(&str, &str))| {
        let mut row = row(source, at as u64 + 1, "", amount);
        row.date = Some(day(date));
        row
    };
    rows.iter().enumerate().map(make).collect()
}

fn window(days_before: u16, days_after: u16) -> RuleSet {
    let mut rules = rules();
    rules.passes = vec![pass("amount and day", How::Window(Window { on: vec![], days_before, days_after }))];
    rules
}

#[test]
fn amount_and_day_claim_only_each_others_one_candidate() {
    let a = dated(&[("2026-11-10", "EUR 5")], "a");
    for (b, expected) in [
        (&[("2026-11-12", "EUR 5")][..], "MATCHED_EXACT 1/1"),
        (&[("2026-11-13", "EUR 5")], "BREAK(MISSING_IN_A) 0/1 · BREAK(MISSING_IN_B) 1/0"),
        (&[("2026-11-09", "EUR 5")], "BREAK(MISSING_IN_A) 0/1 · BREAK(MISSING_IN_B) 1/0"),
        (&[("2026-11-10", "EUR 5"), ("2026-11-11", "EUR 5")], "BREAK(AMBIGUOUS) 1/2"),
        (&[("2026-11-10", "EUR 5"), ("2026-11-20", "EUR 5")], "MATCHED_EXACT 1/1 · BREAK(MISSING_IN_A) 0/1"),
    ] {
        assert_eq!(summary(&run(&window(0, 2), &a, &dated(b, "b"))), expected);
    }
    let twins = dated(&[("2026-11-10", "EUR 5"), ("2026-11-11", "EUR 5")], "a");
    let outcome = run(&window(0, 2), &twins, &dated(&[("2026-11-11", "EUR 5")], "b"));
    assert_eq!(summary(&outcome), "BREAK(AMBIGUOUS) 2/1");
    assert_eq!(outcome.breaks.len(), 1, "what one decision settles is one break");
}

#[test]
fn a_pass_that_may_only_suggest_claims_nothing_and_names_the_candidate() {
    let mut rules = window(0, 2);
    rules.passes[0].on_match = OnMatch::Suggest;
    let outcome = run(&rules, &dated(&[("2026-11-10", "EUR 5")], "a"), &dated(&[("2026-11-11", "EUR 5")], "b"));
    assert_eq!(summary(&outcome), "BREAK(MISSING_IN_A) 0/1 · BREAK(MISSING_IN_B) 1/0");
    let candidates: Vec<_> = outcome.breaks.iter().flat_map(|item| item.candidates.clone()).collect();
    assert_eq!(candidates, ["a:1", "b:1"]);
}

fn sums(many: Side) -> RuleSet {
    let mut rules = rules();
    let subset = Subset { many, days_before: 0, days_after: 3, most_items: 4, most_candidates: 12 };
    rules.passes = vec![pass("sum", How::Subset(subset))];
    rules
}

#[test]
fn a_sum_is_claimed_only_if_there_is_one_way_to_make_it() {
    let day = "2026-11-10";
    let payouts =
        |amounts: &[&'static str]| dated(&amounts.iter().map(|amount| (day, *amount)).collect::<Vec<_>>(), "a");
    let bank = |amounts: &[&'static str]| {
        dated(&amounts.iter().map(|amount| ("2026-11-12", *amount)).collect::<Vec<_>>(), "b")
    };
    for (a, b, expected) in [
        (&["EUR 5", "EUR 7", "EUR 11"][..], &["EUR 12"][..], "MATCHED_GROUP 2/1 · BREAK(MISSING_IN_B) 1/0"),
        (&["EUR 5", "EUR 7", "EUR 4", "EUR 8"], &["EUR 12"], "BREAK(AMBIGUOUS) 4/1"),
        (&["EUR 5", "EUR 5", "EUR 7"], &["EUR 12"], "BREAK(AMBIGUOUS) 3/1"),
        (&["EUR 5", "EUR 7"], &["EUR 12", "EUR 12"], "BREAK(AMBIGUOUS) 2/2"),
        (&["EUR 12"], &["EUR 12"], "BREAK(MISSING_IN_A) 0/1 · BREAK(MISSING_IN_B) 1/0"),
        (
            &["EUR 1", "EUR 2", "EUR 4", "EUR 8", "EUR 16"],
            &["EUR 31"],
            "BREAK(MISSING_IN_A) 0/1 · BREAK(MISSING_IN_B) 5/0",
        ),
        (&["EUR -5", "EUR -7"], &["EUR -12"], "MATCHED_GROUP 2/1"),
    ] {
        assert_eq!(summary(&run(&sums(Side::A), &payouts(a), &bank(b))), expected, "{a:?} {b:?}");
    }
    let outcome = run(&sums(Side::B), &payouts(&["EUR 12"]), &bank(&["EUR 5", "EUR 7"]));
    assert_eq!(summary(&outcome), "MATCHED_GROUP 1/2");
}

#[test]
fn what_is_not_due_yet_is_a_matter_of_time() {
    let mut rules = rules();
    rules.due = [Due { business_days: 2, calendar: Calendar::default() }, Due::now()];
    rules.missing = [Code::PayoutNotReceived, Code::UnidentifiedDeposit];
    // Tuesday, 10 November: due on Thursday.
    let (a, b) = (side("a", &["1 EUR 5"]), side("b", &["2 EUR 5"]));
    let deposit = "BREAK(UNIDENTIFIED_DEPOSIT) 0/1";
    for (as_of, expected) in [
        ("2026-11-11", format!("TIMING 1/0 · {deposit}")),
        ("2026-11-12", format!("BREAK(PAYOUT_NOT_RECEIVED) 1/0 · {deposit}")),
    ] {
        assert_eq!(summary(&run_as_of(&rules, &a, &b, as_of)), expected);
    }
    let outcome = run_as_of(&rules, &a, &b, "2026-11-11");
    assert_eq!(outcome.timing[0].due, Some(day("2026-11-12")));
}

#[test]
fn pairs_of_states_agree_lag_or_do_not_go_together() {
    let mut rules = rules();
    let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect();
    rules.states = Some(States { agree: pairs(&[("paid", "captured")]), lag: pairs(&[("paid", "authorized")]) });
    rules.due = [Due { business_days: 1, calendar: Calendar::every_day() }, Due::now()];
    let with = |status: &str, source: &str| Row { status: Some(status.into()), ..row(source, 1, "1", "EUR 5") };
    for (state, as_of, expected) in [
        ("captured", "2026-11-30", "MATCHED_EXACT 1/1"),
        ("authorized", "2026-11-10", "TIMING 1/1"),
        ("authorized", "2026-11-11", "BREAK(STATUS_MISMATCH) 1/1"),
        ("failed", "2026-11-10", "BREAK(STATUS_MISMATCH) 1/1"),
    ] {
        let outcome = run_as_of(&rules, &[with("paid", "a")], &[with(state, "b")], as_of);
        assert_eq!(summary(&outcome), expected, "{state} as of {as_of}");
    }
}

#[test]
fn fields_are_named_with_both_values_and_outranked_by_amounts() {
    let mut rules = rules();
    rules.fields = vec![field_rule("tax"), field_rule("customer")];
    let with = |amount: &str, tax: &str, customer: &str| Row {
        fields: Box::new([text(tax), text(customer)]),
        ..row("a", 1, "1", amount)
    };
    let outcome = run(&rules, &[with("EUR 5", "19 %", "Ada")], &[with("EUR 5", "7 %", "Ada")]);
    assert_eq!(summary(&outcome), "BREAK(FIELD_MISMATCH) 1/1");
    assert_eq!(outcome.breaks[0].findings[0].text, "tax 19 % / 7 %");
    let outcome = run(&rules, &[with("EUR 5", "19 %", "Ada")], &[with("EUR 6", "7 %", "Bob")]);
    assert_eq!(summary(&outcome), "BREAK(AMOUNT_OVER) 1/1");
    let texts: Vec<_> = outcome.breaks[0].findings.iter().map(|finding| finding.text.as_str()).collect();
    assert_eq!(texts, ["5.00 EUR / 6.00 EUR", "tax 19 % / 7 %", "customer Ada / Bob"]);
}

#[test]
fn a_cause_is_named_only_if_an_identity_proves_it() {
    let mut rules = rules();
    let part = |name: &str, proves| Part { name: name.into(), proves };
    rules.parts = vec![part("fee", SubCause::Fee), part("tax", SubCause::Tax), part("shipping", SubCause::Shipping)];
    let with = |amount: &str, parts: [Option<i128>; 3]| Row { parts: Box::new(parts), ..row("a", 1, "1", amount) };
    for (a, b, b_amount, expected) in [
        ([Some(30), Some(19), None], [None, Some(19), None], "EUR 4.70", Some(SubCause::Fee)),
        ([Some(30), Some(19), None], [None, Some(19), None], "EUR 4.71", None),
        ([None, Some(19), None], [None, Some(24), None], "EUR 5.05", Some(SubCause::Tax)),
        ([None, Some(24), None], [None, Some(19), None], "EUR 5.05", None),
        ([Some(30), None, Some(30)], [None, None, None], "EUR 4.70", None),
    ] {
        let outcome = run(&rules, &[with("EUR 5", a)], &[with(b_amount, b)]);
        assert_eq!(outcome.breaks[0].sub_cause, expected, "{a:?} {b:?} {b_amount}");
    }
}

#[test]
fn orphans_belong_to_what_nobody_has() {
    let mut rules = rules();
    rules.parent = Some(0);
    let refund = |parent: &str| Row { parent: Some(parent.into()), ..row("a", 9, "r1", "EUR -5") };
    let charge = side("b", &["c1 EUR 5"]);
    assert_eq!(breaks(&run(&rules, &[refund("c1")], &charge)), ["MISSING_IN_A c1", "MISSING_IN_B r1"]);
    assert_eq!(breaks(&run(&rules, &[refund("c2")], &charge)), ["MISSING_IN_A c1", "ORPHAN r1"]);
    let known = Circumstances {
        known_parents: &|parent| parent == "c2",
        ..Circumstances::plain(day("2026-11-30"), &NothingCarried)
    };
    let outcome = reconcile(&rules, [entries(&[refund("c2")]), vec![]], &[], &known).unwrap();
    assert_eq!(breaks(&outcome), ["MISSING_IN_B r1"]);
}

#[test]
fn what_has_no_translation_is_the_configurations_to_fix() {
    let unmapped = Row { unmapped: Some("sku AB-1".into()), ..row("a", 1, "1", "EUR 5") };
    let outcome = run(&rules(), &[unmapped], &side("b", &["1 EUR 5"]));
    assert_eq!(summary(&outcome), "BREAK(MAPPING_MISSING) 1/0 · BREAK(MISSING_IN_A) 0/1");
    assert_eq!(outcome.breaks[0].findings[0].text, "sku AB-1 has no translation");
}

#[test]
fn what_is_dated_in_a_signed_period_goes_to_the_catch_up_line() {
    let rows = side("a", &["1 EUR 5", "2 EUR 5"]);
    let carried = |row: &Row| row.keys[0].as_deref() == Some("2");
    let around = Circumstances {
        signed_through: Some(day("2026-11-10")),
        carried_over: &carried,
        ..Circumstances::plain(day("2026-11-30"), &NothingCarried)
    };
    let outcome = reconcile(&rules(), [entries(&rows), vec![]], &[], &around).unwrap();
    assert_eq!(breaks(&outcome), ["MISSING_IN_B 2", "PERIOD_REOPENED 1"]);
}

#[test]
fn excluded_and_rejected_rows_are_rows() {
    let rejected =
        |amount| Entry::Rejected { place: Place { source: "a".into(), row: 7 }, reason: "no such day".into(), amount };
    let a = vec![
        Entry::Excluded { rule: "test mode".into(), row: row("a", 1, "t", "EUR 99") },
        rejected(None),
        rejected(Some((Unit::Pieces, 3))),
        Entry::Row(row("a", 2, "1", "EUR 5")),
    ];
    let around = Circumstances::plain(day("2026-11-30"), &NothingCarried);
    let outcome = reconcile(&rules(), [a, entries(&side("b", &["1 EUR 5"]))], &[], &around).unwrap();
    assert_eq!(summary(&outcome), "REJECTED 2/0 · EXCLUDED(test mode) 1/0 · MATCHED_EXACT 1/1");
    assert_eq!(outcome.read[0].rows, 4);
    assert_eq!(outcome.rejected[0].place, "a:7");
}

/// What the hub says of a key.
struct Hub(&'static [(&'static str, Carried)]);

impl Carrier for Hub {
    fn carried(&self, _rules: &RuleSet, rows: &[Vec<&Row>; 2]) -> Option<Carried> {
        let key = rows.iter().flatten().find_map(|row| row.keys[0].as_deref())?;
        self.0.iter().find(|(known, _)| *known == key).map(|(_, carried)| carried.clone())
    }
}

#[test]
fn what_the_hub_carries_is_not_a_break() {
    let operation = || "job 17".into();
    let known = Box::leak(Box::new([
        ("flying", Carried::InFlight { operation: operation(), since: None }),
        ("reread", Carried::Reread { why: "changed at B after it was read".into() }),
        ("stuck", Carried::Stuck { operation: operation(), since: None }),
        ("dead", Carried::Failed { operation: operation() }),
    ]));
    let hub = Hub(known);
    let a = side("a", &["flying EUR 1", "reread EUR 1", "stuck EUR 1", "dead EUR 1", "lost EUR 1", "fine EUR 1"]);
    let b = side("b", &["reread EUR 2", "fine EUR 1"]);
    let outcome =
        reconcile(&rules(), [entries(&a), entries(&b)], &[], &Circumstances::plain(day("2026-11-30"), &hub)).unwrap();
    assert_eq!(
        summary(&outcome),
        "MATCHED_EXACT 1/1 · IN_FLIGHT 2/1 · BREAK(MISSING_IN_B) 1/0 · BREAK(STUCK_IN_FLIGHT) 1/0 · BREAK(SYNC_FAILED) 1/0"
    );
    assert!(
        outcome
            .in_flight
            .iter()
            .chain(&outcome.breaks)
            .all(|item| item.carried.is_some() == (item.key.as_deref() != Some("lost")))
    );
}

#[test]
fn decisions_come_before_passes_and_do_not_outlive_their_rows() {
    use syncline::recon::identity::Identities;
    let rules = rules();
    let (a, b) = (side("a", &["1 EUR 5", "2 EUR 7"]), side("b", &["9 EUR 5", "8 EUR 6"]));
    let id = |side, row: &Row| Identities::default().row(&rules, side, row);
    let decide = |a: &Row, b: &Row, kind| Decision {
        rows: [vec![id(Side::A, a)], vec![id(Side::B, b)]],
        keys: Vec::new(),
        kind,
        reason: "seen".into(),
    };
    let decisions = [
        decide(&a[0], &b[0], DecisionKind::Manual),
        decide(&a[1], &b[1], DecisionKind::Forced),
        decide(&a[1], &b[1], DecisionKind::Forced),
        decide(&row("a", 5, "gone", "EUR 1"), &b[1], DecisionKind::Forced),
    ];
    let around = Circumstances::plain(day("2026-11-30"), &NothingCarried);
    let outcome = reconcile(&rules, [entries(&a), entries(&b)], &decisions, &around).unwrap();
    assert_eq!(summary(&outcome), "MATCHED_MANUAL 1/1 · MATCHED_FORCED 1/1");
    assert_eq!(outcome.void_decisions, [2, 3]);
    let untied = [decide(&a[1], &b[1], DecisionKind::Manual)];
    let outcome = reconcile(&rules, [entries(&a), entries(&b)], &untied, &around).unwrap();
    assert_eq!(outcome.void_decisions, [0], "what does not tie is matched by force or not at all");
}

#[test]
fn a_break_keeps_its_name_when_its_kind_changes() {
    let rules = rules();
    let a = side("a", &["1 EUR 5"]);
    let name = |b: &[&str]| run(&rules, &a, &side("b", b)).breaks[0].id.clone();
    assert_eq!(name(&[]), name(&["1 EUR 6"]));
    assert_ne!(name(&[]), run(&rules, &side("a", &["2 EUR 5"]), &[]).breaks[0].id);
}

#[test]
fn late_matches_are_counted() {
    let mut rules = rules();
    rules.late_after_days = Some(3);
    let a = side("a", &["1 EUR 5", "2 EUR 5"]);
    let mut b = side("b", &["1 EUR 5", "2 EUR 5"]);
    b[0].date = Some(day("2026-11-13"));
    b[1].date = Some(day("2026-11-14"));
    assert_eq!(run(&rules, &a, &b).late, 1);
}

#[test]
fn every_bucket_has_its_mirror() {
    for code in Code::ALL {
        assert_eq!(code.mirrored().mirrored(), *code);
        assert_eq!(Code::parse(code.as_str()), Some(*code));
        assert_eq!(Bucket::Break(*code).mirrored().mirrored(), Bucket::Break(*code));
    }
}
