//! Months with planted differences: each is found with its code, key, variance and sub-cause, and nothing else is said.
//!
//! `SYNCLINE_MONTH_ORDERS=50000 SYNCLINE_MONTH_SEEDS=3 cargo test --release --test recon planted -- --nocapture` runs it large.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use syncline::recon::engine::reconcile;
use syncline::recon::large::{Columns, Delimited, FieldColumn, FieldKind, Room, reconcile_large};
use syncline::recon::outcome::{NothingCarried, Outcome};
use syncline::recon::row::Entry;
use syncline::recon::rules::RuleSet;
use syncline::recon::settle::Circumstances;
use syncline::recon::tie_out;
use syncline::sandbox::ledger::{Leg, LegKind, Mutation, Value, Verdict, plant};

use crate::ledger::{Said, as_of, month, rows, rules, run, said, truth};

fn size(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// By what was said: how often rightly, wrongly, and not at all.
#[derive(Default)]
struct Scores(BTreeMap<String, [u64; 3]>);

impl Scores {
    fn count(&mut self, truth: &[Said], said: &[Said]) {
        let mut tally: BTreeMap<&Said, [i64; 2]> = BTreeMap::new();
        truth.iter().for_each(|one| tally.entry(one).or_default()[0] += 1);
        said.iter().for_each(|one| tally.entry(one).or_default()[1] += 1);
        for ((label, ..), [due, told]) in tally {
            let score = self.0.entry(label.clone()).or_default();
            for (at, count) in [due.min(told), told - due, due - told].into_iter().enumerate() {
                score[at] += u64::try_from(count).unwrap_or(0);
            }
        }
    }

    fn print(&self) {
        for (label, [right, wrong, not]) in &self.0 {
            println!("{label:20} found {right:6}  wrong {wrong}  not found {not}");
        }
    }
}

/// What the sides differ by is what was said, to the last minor unit.
#[track_caller]
fn check_sums(outcome: &Outcome, said: &[Said]) {
    assert!(tie_out::bridges(outcome).iter().all(|bridge| bridge.residual == 0));
    for unit in outcome.units() {
        let [a, b] = [0, 1].map(|side: usize| outcome.read[side].of(unit).amount);
        let told: i128 = said.iter().filter_map(|(_, _, variance, _)| variance.get(unit.as_str())).sum();
        assert_eq!(told, b - a, "{unit}");
    }
}

#[test]
fn every_planted_difference_is_found_and_nothing_else_is_said() {
    let (orders, seeds) = (size("SYNCLINE_MONTH_ORDERS", 150), size("SYNCLINE_MONTH_SEEDS", 24));
    let mut scores = Scores::default();
    let (mut planted, mut read) = (BTreeSet::new(), 0);
    for seed in 0..seeds as u64 {
        let month = month(seed, orders);
        for kind in LegKind::ALL {
            let mut leg = month.leg(kind);
            plant(&mut leg, Mutation::ALL, 1 + orders / 1_000, seed);
            planted.extend(leg.expected.iter().map(|expected| (kind, expected.mutation)));
            let outcome = run(&rules(kind), &leg);
            let (truth, said) = (truth(&leg), said(&outcome));
            assert_eq!(said, truth, "{}, seed {seed}", kind.as_str());
            let late = leg.expected.iter().filter(|expected| expected.verdict == Verdict::Late).count();
            assert_eq!(outcome.late, late as u64, "{}, seed {seed}", kind.as_str());
            check_sums(&outcome, &said);
            scores.count(&truth, &said);
            read += outcome.read[0].rows + outcome.read[1].rows;
        }
    }
    println!("{seeds} months, {read} rows");
    scores.print();
    assert!(scores.0.values().all(|[right, wrong, not]| *right > 0 && wrong + not == 0));
    for mutation in Mutation::ALL {
        assert!(
            planted.iter().any(|(_, name)| *name == mutation.as_str()),
            "`{}` was never planted",
            mutation.as_str()
        );
    }
}

#[test]
fn a_month_without_mistakes_agrees_but_for_what_is_on_its_way() {
    for seed in 0..6 {
        let month = month(seed, 100);
        for kind in LegKind::ALL {
            let leg = month.leg(kind);
            let outcome = run(&rules(kind), &leg);
            assert_eq!((outcome.breaks.len(), outcome.late), (0, 0), "{}, seed {seed}", kind.as_str());
            assert_eq!(outcome.timing.len(), leg.expected.len());
        }
    }
}

/// The comparison itself can fail: a truth that is bent by one minor unit, key or code is not what was said.
#[test]
fn a_wrong_truth_is_noticed() {
    let mut leg = month(1, 150).leg(LegKind::Orders);
    plant(&mut leg, &[Mutation::Percent, Mutation::DropB], 2, 1);
    let said = said(&run(&rules(LegKind::Orders), &leg));
    let whole = leg.expected.clone();
    leg.expected[0].variance.values_mut().for_each(|amount| *amount += 1);
    assert_ne!(said, truth(&leg));
    leg.expected = whole[1..].to_vec();
    assert_ne!(said, truth(&leg));
    leg.expected = whole;
    assert_eq!(said, truth(&leg));
}

fn columns(rules: &RuleSet) -> Columns {
    let kinds = |name: &str| if name == "fee" { FieldKind::Amount } else { FieldKind::Text };
    Columns {
        keys: rules.keys.iter().map(|key| Some(key.to_string())).collect(),
        amount: "amount".into(),
        unit: Some("currency".into()),
        date: Some("date".into()),
        status: Some("status".into()),
        fields: rules
            .fields
            .iter()
            .map(|field| Some(FieldColumn { name: field.name.to_string(), kind: kinds(&field.name) }))
            .collect(),
        ..Columns::default()
    }
}

fn delimited(leg: &Leg, side: usize) -> String {
    let mut text = format!("{};amount;currency;date;status", leg.kind.keys().join(";"));
    leg.kind.fields().iter().for_each(|(name, _)| write!(text, ";{name}").unwrap());
    text.push('\n');
    for (_, line) in leg.statement(side, 3) {
        let keys = line.keys.map(Option::unwrap_or_default).join(";");
        let (amount, code) = (line.currency.decimal(line.amount), line.currency.code());
        let status = line.status.unwrap_or_default();
        write!(text, "{keys};{amount};{code};{};{status}", leg.days.text(line.day)).unwrap();
        for value in &line.fields {
            match value {
                Value::Text(value) => write!(text, ";{value}").unwrap(),
                Value::Amount(value) => write!(text, ";{}", line.currency.decimal(*value)).unwrap(),
            }
        }
        text.push('\n');
    }
    text
}

#[test]
fn statements_larger_than_memory_say_the_same() {
    let mutations: Vec<Mutation> =
        Mutation::ALL.iter().copied().filter(|mutation| *mutation != Mutation::NoTranslation).collect();
    for (seed, kind) in LegKind::ALL.into_iter().enumerate() {
        let mut leg = month(seed as u64, size("SYNCLINE_MONTH_ORDERS", 400)).leg(kind);
        plant(&mut leg, &mutations, 2, seed as u64);
        let rules = RuleSet { parent: None, ..rules(kind) };
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = [0, 1].map(|side: usize| {
            let path = folder.path().join(["a.csv", "b.csv"][side]);
            std::fs::write(&path, delimited(&leg, side)).unwrap();
            Delimited::open(&path, b';', columns(&rules), &rules).unwrap()
        });
        let around = Circumstances::plain(as_of(&leg), &NothingCarried);
        let large = reconcile_large(&rules, [&a, &b], &[], &around, &Room::new(folder.path())).unwrap();
        // Delimited files carry neither parts nor taxed lines.
        let entries = [0, 1].map(|side| {
            let plain = rows(&leg, side).into_iter().map(|row| {
                Entry::Row(syncline::recon::row::Row { parts: Box::new([]), lines: 0, parent: None, ..row })
            });
            plain.collect()
        });
        let at_once = reconcile(&rules, entries, &[], &around).unwrap();
        assert!(!at_once.breaks.is_empty());
        assert_eq!(said(&large), said(&at_once), "{}", kind.as_str());
        assert_eq!((&large.buckets, large.late), (&at_once.buckets, at_once.late), "{}", kind.as_str());
        assert_eq!(large.read, at_once.read);
    }
}
