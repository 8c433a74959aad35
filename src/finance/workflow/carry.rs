//! What a run has to know of signed periods: through which day they are signed, and what was known to be open then.
//!
//! Not here: what becomes of a late row (`recon::settle`).

use std::collections::BTreeSet;

use crate::model::Date;
use crate::recon::identity::{Identities, anchor};
use crate::recon::report::OpenItem;
use crate::recon::row::{Row, Side};
use crate::recon::rules::RuleSet;

use super::Book;

/// Parts a key's name from its value.
pub const BETWEEN: char = '\u{1f}';

/// Carried over from signed periods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carried {
    pub signed_through: Option<Date>,
    marks: BTreeSet<String>,
}

impl Carried {
    pub fn of(book: &Book) -> Carried {
        let through = book.signed.values().filter_map(|(through, _)| Date::parse(through).ok()).max();
        let marks = book.signed.values().flat_map(|(_, marks)| marks.iter().cloned()).collect();
        Carried { signed_through: through, marks }
    }

    /// Whether a break of this row was known when a period was signed.
    pub fn has(&self, rules: &RuleSet, row: &Row) -> bool {
        let alone = [vec![row.clone()], Vec::new()];
        match anchor(rules, &alone) {
            Some((name, value)) => self.marks.contains(&format!("{name}{BETWEEN}{value}")),
            None => Side::BOTH.into_iter().any(|side| {
                let identity = Identities::default().row(rules, side, row);
                self.marks.contains(&identity)
            }),
        }
    }
}

/// By what a break's rows are recognised: all their keys, or the rows themselves where they have none.
pub(super) fn marks(item: &OpenItem) -> Vec<String> {
    if item.keys.is_empty() {
        // Equal rows differ by an ordinal, which is not theirs.
        let plain = |id: &String| id.split('.').next().unwrap_or_default().to_owned();
        return item.row_ids.iter().flatten().map(plain).collect();
    }
    item.keys.iter().map(|(name, value)| format!("{name}{BETWEEN}{value}")).collect()
}
