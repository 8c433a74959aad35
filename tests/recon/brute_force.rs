//! The passes without keys against definitions spelled out over all pairs and all subsets, on small statements full of ties.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use syncline::recon::row::{Row, Side};
use syncline::recon::rules::{How, RuleSet, Subset, Window};

use crate::make::{day, pass, row, rules, run};

fn statement(rng: &mut Rng, source: &str, most: usize, amounts: std::ops::Range<i64>) -> Vec<Row> {
    let one = |at: usize, rng: &mut Rng| {
        let unit = ["EUR", "JPY"][usize::from(rng.u8(..5) == 0)];
        let mut row = row(source, at as u64 + 1, "", &format!("{unit} 0"));
        row.amount = rng.i64(amounts.clone()).into();
        row.date = Some(day(&format!("2026-11-{:02}", rng.u8(1..=9))));
        row
    };
    (0..rng.usize(..=most)).map(|at| one(at, rng)).collect()
}

/// How many days B is after A.
fn after(a: &Row, b: &Row) -> i32 {
    b.date.unwrap().civil().since(a.date.unwrap().civil()).unwrap().get_days()
}

/// Claims by the places of their rows.
type Claims = BTreeSet<(Vec<u64>, Vec<u64>)>;

fn claimed(rules: &RuleSet, a: &[Row], b: &[Row]) -> Claims {
    let places = |rows: &[Row]| {
        let mut places: Vec<u64> = rows.iter().map(|row| row.place.row).collect();
        places.sort_unstable();
        places
    };
    run(rules, a, b).matches.iter().map(|found| (places(&found.rows[0]), places(&found.rows[1]))).collect()
}

#[test]
fn window_claims_are_the_mutually_unique_pairs() {
    let mut claims = 0;
    for seed in 0..400 {
        let mut rng = Rng::with_seed(seed);
        let (a, b) = (statement(&mut rng, "a", 10, -3..6), statement(&mut rng, "b", 10, -3..6));
        let (days_before, days_after) = (rng.u16(..3), rng.u16(..3));
        let fits = |a: &Row, b: &Row| {
            let days = after(a, b);
            a.unit == b.unit && a.amount == b.amount && -i32::from(days_before) <= days && days <= i32::from(days_after)
        };
        let mut expected = Claims::new();
        for one in &a {
            for other in b.iter().filter(|other| fits(one, other)) {
                let of_a = b.iter().filter(|other| fits(one, other)).count();
                let of_b = a.iter().filter(|one| fits(one, other)).count();
                if of_a == 1 && of_b == 1 {
                    expected.insert((vec![one.place.row], vec![other.place.row]));
                }
            }
        }
        let passes = vec![pass("window", How::Window(Window { on: vec![], days_before, days_after }))];
        assert_eq!(claimed(&RuleSet { passes, ..rules() }, &a, &b), expected, "seed {seed}");
        claims += expected.len();
    }
    assert!(claims > 100, "{claims}");
}

#[test]
fn sums_that_are_claimed_are_the_only_ones_there_are() {
    let mut claims = 0;
    for seed in 0..400 {
        let mut rng = Rng::with_seed(seed);
        let many = [Side::A, Side::B][rng.usize(..2)];
        let (summed, mut one) = (statement(&mut rng, "m", 9, -200..400), statement(&mut rng, "o", 3, -400..800));
        let (days_before, days_after, most_items) = (rng.u16(..9), rng.u16(..9), rng.usize(2..5));
        // Most are sums of something, some of them dated too far away or of too many.
        for row in one.iter_mut().filter(|_| !summed.is_empty()) {
            let first = &summed[rng.usize(..summed.len())];
            let mut like: Vec<&Row> = summed
                .iter()
                .filter(|other| other.unit == first.unit && other.amount.signum() == first.amount.signum())
                .collect();
            rng.shuffle(&mut like);
            row.unit = first.unit;
            row.amount = like.iter().take(rng.usize(1..5)).map(|other| other.amount).sum();
        }
        let expected = sums(&summed, &one, many, [days_before, days_after], most_items);
        let subset = Subset { many, days_before, days_after, most_items, most_candidates: 9 };
        let rules = RuleSet { passes: vec![pass("sum", How::Subset(subset))], ..rules() };
        let (a, b) = if many == Side::A { (&summed, &one) } else { (&one, &summed) };
        let found: Claims = claimed(&rules, a, b)
            .into_iter()
            .map(|(of_a, of_b)| if many == Side::A { (of_a, of_b) } else { (of_b, of_a) })
            .collect();
        assert_eq!(found, expected, "seed {seed}");
        claims += expected.len();
    }
    assert!(claims > 50, "{claims}");
}

/// Every subset of every row's candidates is tried.
fn sums(summed: &[Row], one: &[Row], many: Side, [before, after_]: [u16; 2], most_items: usize) -> Claims {
    let mut only: Vec<(u64, Vec<u64>)> = Vec::new();
    let mut wanted: BTreeMap<u64, u32> = BTreeMap::new();
    for row in one.iter().filter(|row| row.amount != 0) {
        let fits = |other: &&Row| {
            let days = if many == Side::A { after(other, row) } else { after(row, other) };
            let in_time = -i32::from(before) <= days && days <= i32::from(after_);
            other.unit == row.unit && other.amount.signum() == row.amount.signum() && in_time
        };
        let candidates: Vec<&Row> = summed.iter().filter(fits).collect();
        let ways: Vec<Vec<u64>> = (1_u32..1 << candidates.len())
            .filter(|set| set.count_ones() as usize <= most_items)
            .map(|set| {
                candidates.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1).map(|(_, row)| *row).collect()
            })
            .filter(|chosen: &Vec<&Row>| chosen.iter().map(|row| row.amount).sum::<i128>() == row.amount)
            .map(|chosen| chosen.iter().map(|row| row.place.row).collect())
            .collect();
        match ways.as_slice() {
            [] => {}
            [way] if way.len() == 1 => {}
            [way] => {
                way.iter().for_each(|item| *wanted.entry(*item).or_default() += 1);
                only.push((row.place.row, way.clone()));
            }
            several => several
                .iter()
                .flatten()
                .collect::<BTreeSet<_>>()
                .into_iter()
                .for_each(|item| *wanted.entry(*item).or_default() += 1),
        }
    }
    let free = only.into_iter().filter(|(_, items)| items.iter().all(|item| wanted[item] == 1));
    free.map(|(row, mut items)| {
        items.sort_unstable();
        (items, vec![row])
    })
    .collect()
}
