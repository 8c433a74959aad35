//! Payouts against bank lines that carry no key: how much is found by amount and day alone, and that nothing found is wrong.

use std::collections::BTreeMap;

use syncline::recon::outcome::Outcome;
use syncline::recon::row::{Row, Side};
use syncline::recon::rules::{How, OnMatch, RuleSet, Subset, Window};
use syncline::sandbox::ledger::{Leg, LegKind, Mutation, plant};

use crate::ledger::{month, rules, run};
use crate::make::pass;

/// A bank books two business days after a payout at the latest: four days over a weekend.
fn without_keys() -> RuleSet {
    let window = Window { on: vec![], days_before: 0, days_after: 4 };
    let subset = Subset { many: Side::A, days_before: 0, days_after: 4, most_items: 4, most_candidates: 20 };
    RuleSet {
        passes: vec![pass("amount and day", How::Window(window)), pass("sum", How::Subset(subset))],
        ..rules(LegKind::Bank)
    }
}

/// Claims by pass: right, wrong; and clusters that could have been found.
#[derive(Default, Debug)]
struct Score {
    right: BTreeMap<String, u64>,
    wrong: Vec<String>,
    findable: BTreeMap<&'static str, u64>,
}

impl Score {
    fn count(&mut self, leg: &Leg, outcome: &Outcome) {
        let lines = [0, 1].map(|side| leg.statement(side, 7 + side as u64));
        let cluster = |side: usize, row: &Row| lines[side][row.place.row as usize - 1].0;
        for found in &outcome.matches {
            let mut of: Vec<usize> = [0, 1]
                .into_iter()
                .flat_map(|side| found.rows[side].iter().map(move |row| (side, row)))
                .map(|(side, row)| cluster(side, row))
                .collect();
            of.dedup();
            let pass = found.pass.as_deref().unwrap_or_default();
            let whole = [0, 1].iter().all(|side| found.rows[*side].len() == leg.clusters[of[0]].sides[*side].len());
            if of.len() == 1 && whole {
                *self.right.entry(pass.to_owned()).or_default() += 1;
            } else {
                let places = found.rows.iter().flatten().map(|row| format!("{} {}", row.place, row.amount));
                self.wrong.push(format!("{pass}: {}", places.collect::<Vec<_>>().join(", ")));
            }
        }
        for cluster in leg.clusters.iter().filter(|cluster| cluster.variance().is_empty()) {
            let pass = match [cluster.sides[0].len(), cluster.sides[1].len()] {
                [1, 1] => "amount and day",
                [_, 1] => "sum",
                [_, _] => "neither",
            };
            *self.findable.entry(pass).or_default() += 1;
        }
    }
}

/// Some payouts that arrive on one day are one line more often than the bank does it by itself, across accounts.
fn net_some(leg: &mut Leg) {
    for at in (1..leg.clusters.len()).rev().step_by(9) {
        let (one, other) = (&leg.clusters[at - 1], &leg.clusters[at]);
        let whole = [one, other].iter().all(|cluster| cluster.sides.iter().all(|lines| !lines.is_empty()));
        let (x, y) = (one.sides[1].first(), other.sides[1].first());
        if whole && x.zip(y).is_some_and(|(x, y)| (x.currency, x.day) == (y.currency, y.day) && x.amount != -y.amount) {
            let other = leg.clusters.remove(at);
            let [payouts, lines] = other.sides;
            let one = &mut leg.clusters[at - 1];
            one.sides[0].extend(payouts);
            one.sides[1][0].amount += lines.iter().map(|line| line.amount).sum::<i64>();
        }
    }
}

/// Amounts as a shop of one article has them: many payouts are alike, and sums of some are others.
fn make_alike(leg: &mut Leg, step: i64) {
    for cluster in &mut leg.clusters {
        let mut sum = 0;
        for line in &mut cluster.sides[0] {
            let steps = line.currency.price_from_cents(step);
            line.amount = (line.amount / steps).max(1) * steps;
            sum += line.amount;
        }
        cluster.sides[1].iter_mut().for_each(|line| line.amount = sum);
    }
}

/// The coarser the amounts, the less is claimed. A payout whose line is not there yet can meet a line that is really several
/// others' and happens to be its only candidate: whatever a sum could explain as well is listed, not claimed.
#[test]
fn alike_amounts_are_left_to_people() {
    let mut claimed = Vec::new();
    for step in [1_000, 10_000, 50_000, 100_000] {
        let mut score = Score::default();
        for seed in 0..40 {
            let mut leg = unkeyed(seed);
            make_alike(&mut leg, step);
            plant(&mut leg, &[Mutation::DropA, Mutation::DropB, Mutation::Percent], 1, seed);
            score.count(&leg, &run(&without_keys(), &leg));
        }
        let (right, wrong) = (score.right.values().sum::<u64>(), score.wrong.len() as u64);
        println!("amounts in steps of {step} euro cents: {right} right, {wrong} wrong of {:?}", score.findable);
        assert_eq!(wrong, 0, "{:#?}", score.wrong);
        claimed.push(right);
    }
    assert!(claimed.is_sorted_by(|finer, coarser| finer > coarser), "{claimed:?}");
}

#[test]
fn what_may_only_be_suggested_is_never_claimed() {
    let mut rules = without_keys();
    rules.passes.iter_mut().for_each(|pass| pass.on_match = OnMatch::Suggest);
    let mut leg = unkeyed(3);
    make_alike(&mut leg, 100_000);
    let outcome = run(&rules, &leg);
    assert!(outcome.matches.is_empty());
    assert!(outcome.breaks.iter().any(|item| !item.candidates.is_empty()));
}

fn unkeyed(seed: u64) -> Leg {
    let mut leg = month(seed, 300 + 30 * seed as usize).leg(LegKind::Bank);
    // The traces are in the truth only.
    leg.clusters.iter_mut().flat_map(|cluster| &mut cluster.sides).flatten().for_each(|line| line.keys = [None, None]);
    leg
}

#[test]
fn nothing_is_claimed_that_the_truth_contradicts() {
    let mistakes = [
        Mutation::DropA,
        Mutation::DropB,
        Mutation::DuplicateA,
        Mutation::DuplicateB,
        Mutation::MinorUnit,
        Mutation::Percent,
        Mutation::SignFlip,
        Mutation::CurrencySwap,
        Mutation::DateShift,
        Mutation::LineSplit,
        Mutation::LateArrival,
    ];
    let mut score = Score::default();
    for seed in 0..40 {
        let mut leg = unkeyed(seed);
        net_some(&mut leg);
        plant(&mut leg, &mistakes, 1, seed);
        score.count(&leg, &run(&without_keys(), &leg));
    }
    let right: u64 = score.right.values().sum();
    let (claims, findable) =
        (right + score.wrong.len() as u64, score.findable["amount and day"] + score.findable["sum"]);
    println!("claims {claims}, right {right}: precision {} ppm", right * 1_000_000 / claims);
    println!("findable {findable}: recall {} ppm", right * 1_000_000 / findable);
    println!("by pass: {:?} of {:?}", score.right, score.findable);
    assert!(score.wrong.is_empty(), "{:#?}", score.wrong);
    assert!(right * 10 > findable * 9, "most of what can be found is found");
    assert!(score.right.len() == 2, "both passes found something");
}
