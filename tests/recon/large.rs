//! Statements larger than memory come to the same result as all rows at once.

use proptest::prelude::*;
use syncline::recon::engine::reconcile;
use syncline::recon::large::{
    Columns, Delimited, FieldColumn, FieldKind, Glance, LargeError, Room, Statement, content_hash, reconcile_large,
};
use syncline::recon::matching::key_of;
use syncline::recon::outcome::{NothingCarried, Outcome};
use syncline::recon::row::{Entry, Row};
use syncline::recon::rules::{How, RuleSet};
use syncline::recon::settle::Circumstances;

use crate::make::{breaks, day, field_rule, rules, summary};
use crate::properties::{any_rules, statement, story};

/// Rows in memory, seen as a large statement.
struct Listed<'a> {
    rules: &'a RuleSet,
    entries: Vec<Entry>,
}

impl Statement for Listed<'_> {
    fn glance(&self, each: &mut dyn FnMut(Glance<'_>) -> Result<(), LargeError>) -> Result<(), LargeError> {
        for (at, entry) in self.entries.iter().enumerate() {
            let plain = match entry {
                Entry::Row(row) => Some(row).filter(|row| row.unmapped.is_none()),
                Entry::Excluded { .. } | Entry::Rejected { .. } => None,
            };
            let any = plain.cloned().unwrap_or_else(|| crate::make::row("x", 0, "", "EUR 0"));
            let key = match &self.rules.passes[0].how {
                How::Keyed(keyed) => key_of(&any, &keyed.on, &keyed.normalise),
                How::Grouped(grouped) => key_of(&any, &grouped.by, &grouped.normalise),
                How::Window(_) | How::Subset(_) => None,
            };
            each(Glance {
                position: at as u64,
                key: key.as_deref().map(str::as_bytes),
                unit: any.unit,
                amount: any.amount,
                date: any.date,
                status: any.status.as_deref().unwrap_or_default().as_bytes(),
                fields: if self.rules.fields.is_empty() { 0 } else { content_hash(&any.fields) },
                look: plain.is_none(),
            })?;
        }
        Ok(())
    }

    fn fetch(
        &self,
        positions: &[u64],
        each: &mut dyn FnMut(Entry) -> Result<(), LargeError>,
    ) -> Result<(), LargeError> {
        positions.iter().try_for_each(|at| each(self.entries[*at as usize].clone()))
    }

    fn read(&self, each: &mut dyn FnMut(Entry) -> Result<(), LargeError>) -> Result<(), LargeError> {
        self.entries.iter().cloned().try_for_each(each)
    }
}

fn everything(outcome: &Outcome) -> (String, String, Vec<String>, usize, u64) {
    (summary(outcome), format!("{:?}", outcome.buckets), story(outcome), outcome.matches.len(), outcome.late)
}

fn set_aside(rows: Vec<Row>, odd: &[u8]) -> Vec<Entry> {
    let entry = |(at, row): (usize, Row)| match odd.get(at) {
        Some(0) => Entry::Excluded { rule: "test".into(), row },
        Some(1) => Entry::Rejected { place: row.place, reason: "broken".into(), amount: None },
        Some(2) => Entry::Row(Row { amount: i128::from(i64::MAX) + row.amount, ..row }),
        Some(_) | None => Entry::Row(row),
    };
    rows.into_iter().enumerate().map(entry).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn digests_come_to_the_same_result_as_all_rows_at_once(
        rules in any_rules(), a in statement("a"), b in statement("b"), odd in prop::collection::vec(0..12_u8, 24), late in any::<bool>(),
        partitions in prop_oneof![Just(1_usize), Just(7), Just(64)],
    ) {
        let rules = RuleSet { late_after_days: late.then_some(2), ..rules };
        let (a, b) = (set_aside(a, &odd), set_aside(b, &odd[..odd.len() / 2]));
        let around = Circumstances::plain(day("2026-11-12"), &NothingCarried);
        let at_once = reconcile(&rules, [a.clone(), b.clone()], &[], &around).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let room = Room { partitions, ..Room::new(folder.path()) };
        let statements = [a, b].map(|entries| Listed { rules: &rules, entries });
        let large = reconcile_large(&rules, [&statements[0], &statements[1]], &[], &around, &room).unwrap();
        prop_assert_eq!(everything(&large), everything(&at_once));
        prop_assert_eq!(&large.read, &at_once.read);
        prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    }
}

fn columns() -> Columns {
    Columns {
        keys: vec![Some("order".into()), None],
        amount: "amount".into(),
        unit: Some("currency".into()),
        date: Some("day".into()),
        status: Some("state".into()),
        fields: vec![Some(FieldColumn { name: "note".into(), kind: FieldKind::Text })],
        ..Columns::default()
    }
}

fn compare(a: &str, b: &str) -> Result<Outcome, LargeError> {
    let rules = RuleSet { fields: vec![field_rule("note")], ..rules() };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Delimited::open(&path, b',', columns(), &rules)
    };
    let (a, b) = (file("a.csv", a)?, file("b.csv", b)?);
    reconcile_large(
        &rules,
        [&a, &b],
        &[],
        &Circumstances::plain(day("2026-11-30"), &NothingCarried),
        &Room::new(folder.path()),
    )
}

const HEAD: &str = "order,amount,currency,day,state,note\n";

#[test]
fn files_are_compared_by_named_columns_and_places_are_their_lines() {
    let a = format!(
        "{HEAD}1,5.00,EUR,2026-11-10,paid,x\n2,7.10,EUR,2026-11-10,paid,\"two\nlines\"\n3,1,JPY,2026-11-10,paid,\n4,2,EUR,2026-11-10,paid,\n"
    );
    let b = "\u{feff}currency,order,amount,day,state,note\nEUR,1,5.00,2026-11-10,paid,x\nEUR,2,7.1,2026-11-10,paid,\"two\nlines\"\nJPY,3,2,2026-11-11,paid,\n";
    let outcome = compare(&a, b).unwrap();
    assert_eq!(summary(&outcome), "MATCHED_EXACT 2/2 · BREAK(MISSING_IN_B) 1/0 · BREAK(AMOUNT_OVER) 1/1");
    assert_eq!(breaks(&outcome), ["MISSING_IN_B 4", "AMOUNT_OVER 3"]);
    let places: Vec<String> =
        outcome.breaks.iter().flat_map(|item| item.rows.iter().flatten()).map(|row| row.place.to_string()).collect();
    assert_eq!(places, ["a.csv:6", "a.csv:5", "b.csv:5"]);
}

#[test]
fn what_cannot_be_read_is_rejected_with_its_line_and_reason() {
    let a = format!(
        "{HEAD}1,5.001,EUR,2026-11-10,paid,\n2,5,XXX,2026-11-10,paid,\n3,5,EUR,2026-02-30,paid,\n4,5,EUR\n5,5,EUR,2026-11-10,paid,\n"
    );
    let outcome = compare(&a, HEAD).unwrap();
    assert_eq!(summary(&outcome), "REJECTED 4/0 · BREAK(MISSING_IN_B) 1/0");
    let reasons: Vec<String> = outcome.rejected.iter().map(|row| format!("{} {}", row.place, row.reason)).collect();
    for (reason, (line, part)) in reasons.iter().zip([
        ("a.csv:2", "2 decimals"),
        ("a.csv:3", "XXX"),
        ("a.csv:4", "2026-02-30"),
        ("a.csv:5", "3 columns, the header 6"),
    ]) {
        assert!(reason.starts_with(line) && reason.contains(part), "{reason}");
    }
}

#[test]
fn a_column_that_is_not_there_is_named_with_those_that_are() {
    let error = compare("order,betrag\n", HEAD).unwrap_err().to_string();
    assert!(error.contains("no column `amount`") && error.contains("order, betrag"), "{error}");
}

#[test]
fn too_many_differences_end_the_run_with_a_reason() {
    let rules = rules();
    let rows: Vec<Entry> = (0..50).map(|at| Entry::Row(crate::make::row("a", at, &at.to_string(), "EUR 1"))).collect();
    let statements = [Listed { rules: &rules, entries: rows }, Listed { rules: &rules, entries: vec![] }];
    let folder = tempfile::tempdir().unwrap();
    let room = Room { most_open: 49, ..Room::new(folder.path()) };
    let error = reconcile_large(
        &rules,
        [&statements[0], &statements[1]],
        &[],
        &Circumstances::plain(day("2026-11-30"), &NothingCarried),
        &room,
    );
    assert!(matches!(error, Err(LargeError::TooManyDiffer { most: 49 })), "{error:?}");
}
