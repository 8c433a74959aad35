//! Names that stay: of a row in a person's decision, of a break from run to run.
//!
//! They are made of content, never of places or of the order of input. Not here: what is done with them.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::row::{Row, Side};
use super::rules::RuleSet;

/// Hands out identities; equal content gets ordinals.
#[derive(Default)]
pub struct Identities {
    seen: HashMap<[u8; 12], u32>,
}

impl Identities {
    /// A row's identity. Asked for in the order of content, it does not depend on the order of input.
    pub fn row(&mut self, rules: &RuleSet, side: Side, row: &Row) -> String {
        let mut hash = Sha256::new();
        part(&mut hash, b"row");
        part(&mut hash, rules.name.as_bytes());
        part(&mut hash, side.as_str().as_bytes());
        content(&mut hash, row);
        self.number("r", hash)
    }

    /// A break's identity: by the first key that its rows have, or by content without any key. It stays when the break's
    /// code, amount or partner changes.
    pub fn item(&mut self, rules: &RuleSet, rows: &[Vec<Row>; 2]) -> String {
        let mut hash = Sha256::new();
        part(&mut hash, b"item");
        part(&mut hash, rules.name.as_bytes());
        match anchor(rules, rows) {
            Some((name, value)) => {
                part(&mut hash, name.as_bytes());
                part(&mut hash, value.as_bytes());
            }
            None => {
                if let Some(row) = rows.iter().flatten().next() {
                    part(&mut hash, b"");
                    content(&mut hash, row);
                }
            }
        }
        self.number("b", hash)
    }

    fn number(&mut self, prefix: &str, hash: Sha256) -> String {
        let mut short = [0_u8; 12];
        short.copy_from_slice(&hash.finalize()[..12]);
        let ordinal = self.seen.entry(short).and_modify(|ordinal| *ordinal += 1).or_insert(1);
        let name = hex::encode(&short[..8]);
        if *ordinal == 1 { format!("{prefix}{name}") } else { format!("{prefix}{name}.{ordinal}") }
    }
}

/// The first of the rule set's keys that any of the rows has, side A asked first.
pub fn anchor<'a>(rules: &'a RuleSet, rows: &'a [Vec<Row>; 2]) -> Option<(&'a str, &'a str)> {
    rules.keys.iter().enumerate().find_map(|(at, name)| {
        let value = rows.iter().flatten().find_map(|row| row.keys.get(at)?.as_deref())?;
        Some((&**name, value))
    })
}

fn part(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

fn content(hash: &mut Sha256, row: &Row) {
    part(hash, row.unit.as_str().as_bytes());
    part(hash, &row.amount.to_le_bytes());
    part(hash, row.date.map(|date| date.to_string()).unwrap_or_default().as_bytes());
    part(hash, row.status.as_deref().unwrap_or_default().as_bytes());
    for key in &row.keys {
        part(hash, key.as_deref().unwrap_or_default().as_bytes());
    }
    for field in &row.fields {
        part(hash, field.display(row.unit).as_bytes());
    }
}
