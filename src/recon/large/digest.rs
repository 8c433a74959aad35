//! What is kept of a row while it only has to be found equal: 48 bytes.
//!
//! Keys are hashed to 128 bits, other compared content to 64: a pair is settled only if both agree. Not here: where digests go.

use twox_hash::{XxHash3_64, XxHash3_128};

use crate::model::Date;
use crate::recon::row::FieldValue;
use crate::recon::unit::Unit;

/// A row in passing.
#[derive(Debug, Clone, Copy)]
pub struct Glance<'a> {
    /// Where the row is found again.
    pub position: u64,
    /// The first pass's key, as that pass forms it; nothing if the row has none.
    pub key: Option<&'a [u8]>,
    pub unit: Unit,
    pub amount: i128,
    pub date: Option<Date>,
    pub status: &'a [u8],
    /// `content_hash` of the compared fields.
    pub fields: u64,
    /// The row takes no part in matching (excluded, unreadable, without translation): it is looked at in full, and its other
    /// values here mean nothing.
    pub look: bool,
}

/// The hash of compared fields.
pub fn content_hash(fields: &[FieldValue]) -> u64 {
    let mut content = Content::default();
    for field in fields {
        match field {
            FieldValue::Absent => content.absent(),
            FieldValue::Text(text) => content.text(text),
            FieldValue::Amount(amount) => content.amount(*amount),
            FieldValue::Date(date) => content.date(*date),
        }
    }
    content.hash()
}

/// Compared fields on their way into a hash, for sources that need not make them: one buffer for all rows.
#[derive(Default)]
pub(super) struct Content(Vec<u8>);

impl Content {
    pub fn absent(&mut self) {
        self.0.push(0);
    }

    pub fn text(&mut self, text: &str) {
        self.0.push(1);
        self.0.extend_from_slice(&(text.len() as u64).to_le_bytes());
        self.0.extend_from_slice(text.as_bytes());
    }

    pub fn amount(&mut self, amount: i128) {
        self.0.push(2);
        self.0.extend_from_slice(&amount.to_le_bytes());
    }

    pub fn date(&mut self, date: Date) {
        self.0.push(3);
        self.0.extend_from_slice(&day_number(date).to_le_bytes());
    }

    /// The hash; the next row begins anew.
    pub fn hash(&mut self) -> u64 {
        let hash = XxHash3_64::oneshot(&self.0);
        self.0.clear();
        hash
    }
}

/// Days in an order and at distances of their own; `i32::MIN` is no date's.
pub(super) fn day_number(date: Date) -> i32 {
    let civil = date.civil();
    i32::from(civil.year()) * 372 + i32::from(civil.month()) * 31 + i32::from(civil.day())
}

pub(super) const NO_DATE: i32 = i32::MIN;

pub(super) fn key_hash(key: &[u8]) -> u128 {
    XxHash3_128::oneshot(key)
}

/// A row's digest. Ordered by what makes rows equal, so that sorted runs of a key can be compared side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Digest {
    pub key: u128,
    pub amount: i64,
    pub unit: u8,
    pub fields: u64,
    /// A number while spilled; both sides' numbers together may need more than 16 bits.
    pub status: u32,
    pub date: i32,
    pub position: u64,
    /// It does not fit: all rows of its key are to be looked at in full.
    pub look: bool,
}

pub(super) const DIGEST_BYTES: usize = 48;

impl Digest {
    pub fn to_bytes(self) -> [u8; DIGEST_BYTES] {
        let mut bytes = [0_u8; DIGEST_BYTES];
        bytes[..16].copy_from_slice(&self.key.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.amount.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.fields.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.position.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.date.to_le_bytes());
        bytes[44..46].copy_from_slice(&(self.status as u16).to_le_bytes());
        bytes[46] = self.unit;
        bytes[47] = u8::from(self.look);
        bytes
    }

    pub fn from_bytes(bytes: &[u8; DIGEST_BYTES]) -> Digest {
        fn part<const N: usize>(bytes: &[u8; DIGEST_BYTES], at: usize) -> [u8; N] {
            let mut part = [0; N];
            part.copy_from_slice(&bytes[at..at + N]);
            part
        }
        Digest {
            key: u128::from_le_bytes(part(bytes, 0)),
            amount: i64::from_le_bytes(part(bytes, 16)),
            fields: u64::from_le_bytes(part(bytes, 24)),
            position: u64::from_le_bytes(part(bytes, 32)),
            date: i32::from_le_bytes(part(bytes, 40)),
            status: u32::from(u16::from_le_bytes(part(bytes, 44))),
            unit: bytes[46],
            look: bytes[47] != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_survive_the_disk() {
        let digest = Digest {
            key: u128::MAX - 5,
            amount: -1,
            unit: 200,
            fields: 7,
            status: 65_000,
            date: NO_DATE,
            position: u64::MAX,
            look: true,
        };
        assert_eq!(Digest::from_bytes(&digest.to_bytes()), digest);
    }

    #[test]
    fn different_contents_hash_differently() {
        let text = |text: &str| FieldValue::Text(text.into());
        let contents = [
            vec![text("ab"), text("c")],
            vec![text("a"), text("bc")],
            vec![text("abc")],
            vec![FieldValue::Absent, text("abc")],
            vec![text(""), text("abc")],
            vec![FieldValue::Amount(0)],
            vec![],
        ];
        let hashes: std::collections::BTreeSet<u64> = contents.iter().map(|fields| content_hash(fields)).collect();
        assert_eq!(hashes.len(), contents.len());
    }
}
