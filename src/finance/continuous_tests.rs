//! Digests follow what they are told, and are not blind where XOR is.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::recon::row::{FieldValue, Place};
use crate::recon::unit::Unit;

const DEFINITION: &str = "reconciliation: orders\ntitle: Orders\nkind: orders\n\
    a: { title: A, mirror: a.orders, keys: { order: number }, amount: total, fields: { note: note } }\n\
    b: { title: B, mirror: b.orders, keys: { order: number }, amount: total, fields: { note: note } }\n\
    match:\n  - { id: number, key: [order] }\n";

fn rules() -> RuleSet {
    let source = crate::config::yaml::Source::new("orders.yaml", DEFINITION);
    super::super::definition::parse(&source).unwrap().rules
}

fn row(key: &str, amount: i128, note: &str) -> Row {
    Row {
        place: Place { source: "a.orders".into(), row: 1 },
        keys: [Some(key.into())].into(),
        unit: Unit::parse("EUR").unwrap(),
        amount,
        date: None,
        status: None,
        parent: None,
        fields: [FieldValue::Text(note.into())].into(),
        parts: [].into(),
        lines: 0,
        category: None,
        unmapped: None,
    }
}

fn digests(rules: &RuleSet, rows: &[(&str, &str, i128, &str)]) -> Digests {
    let mut digests = Digests::default();
    for (record, key, amount, note) in rows {
        digests.put(rules, record, std::iter::once(&row(key, *amount, note)));
    }
    digests
}

#[test]
fn equal_sides_agree_whatever_their_records_are_called() {
    let rules = rules();
    let a = digests(&rules, &[("1", "K1", 5, ""), ("2", "K2", 7, "")]);
    let b = digests(&rules, &[("e9", "K2", 7, ""), ("e8", "K1", 5, "")]);
    assert_eq!(Digests::differing(&[a, b]), [Vec::<&str>::new(), Vec::new()]);
}

#[test]
fn what_xor_does_not_see_is_seen() {
    let rules = rules();
    // A row that is there twice more on one side: XOR of the two copies is nothing.
    let a = digests(&rules, &[("1", "K", 5, ""), ("2", "L", 5, ""), ("3", "L", 5, "")]);
    let b = digests(&rules, &[("e1", "K", 5, "")]);
    assert_eq!(Digests::differing(&[a, b]), [vec!["2", "3"], vec![]]);
    // Two copies on one side, four on the other.
    let a = digests(&rules, &[("1", "K", 5, ""), ("2", "K", 5, "")]);
    let b = digests(&rules, &[("e1", "K", 5, ""), ("e2", "K", 5, ""), ("e3", "K", 5, ""), ("e4", "K", 5, "")]);
    assert_eq!(Digests::differing(&[a, b])[0], ["1", "2"]);
    // The same edit of two rows of one bucket.
    let same: Vec<String> = {
        let in_bucket = |key: &String| print(&rules, "", &row(key, 5, "x")).bucket() == 0;
        (0..100_000).map(|number| format!("K{number}")).filter(in_bucket).take(2).collect()
    };
    let a = digests(&rules, &[("1", &same[0], 5, "x"), ("2", &same[1], 5, "x")]);
    let b = digests(&rules, &[("e1", &same[0], 5, "y"), ("e2", &same[1], 5, "y")]);
    assert_eq!(Digests::differing(&[a, b])[0], ["1", "2"]);
}

proptest! {
    /// Followed event by event, a digest is what it would be if it were made anew.
    #[test]
    fn following_is_the_same_as_beginning_anew(
        events in prop::collection::vec((0_u8..12, prop::option::of((0_u8..6, -3_i128..3, 0_u8..2))), 0..80),
    ) {
        let rules = rules();
        let (mut followed, mut last) = (Digests::default(), std::collections::BTreeMap::new());
        for (record, state) in &events {
            let row = state.map(|(key, amount, note)| row(&format!("K{key}"), amount, &note.to_string()));
            followed.put(&rules, &record.to_string(), row.iter());
            last.insert(record.to_string(), row);
        }
        let mut anew = Digests::default();
        for (record, row) in &last {
            anew.put(&rules, record, row.iter());
        }
        prop_assert_eq!(&followed, &anew);
        prop_assert!(Digests::differing(&[followed, anew]).iter().all(Vec::is_empty));
    }
}
