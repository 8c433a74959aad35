//! One side of one leg, read once: which of its rows are one's own, and what the run says of them.
//!
//! Not here: by which keys (`walk`), sums of the whole story (`figures`).

use std::collections::BTreeMap;

use crate::finance::desk::DeskError;
use crate::finance::run::RunError;
use crate::recon::compose::amount;
use crate::recon::large::Statement;
use crate::recon::report::OpenItem;
use crate::recon::row::{Entry, Row, Side};
use crate::recon::rules::RuleSet;
use crate::recon::unit::Totals;

use super::keys::{Partners, Wanted};
use super::told::{StoryRow, Verdict};
use super::verdicts::{RowSays, Verdicts};

/// Rows of a side that are listed; the others are counted and added up.
const MOST_ROWS: usize = 100;
/// Breaks of a leg that are listed.
const MOST_ITEMS: usize = 50;

/// By what a side's rows are known.
pub struct Asking<'w> {
    /// The key by which the leg is entered, if this side has it.
    pub entered: Option<Wanted>,
    /// Keys from before it that this side has, the first of the chain first: whose rows these are.
    pub narrow: Vec<Wanted>,
    /// Match keys of rows that were found on the other side.
    pub partners: Option<&'w Partners>,
    /// The key by which the leg is entered stands for other money, too.
    pub shared: bool,
}

impl Asking<'_> {
    /// `Some(false)`: of the same key, and other money.
    fn own(&self, row: &Row) -> Option<bool> {
        let hit = |wanted: &Wanted| wanted.has(row) == Some(true);
        let found = self.entered.as_ref().is_some_and(hit)
            || self.narrow.iter().any(hit)
            || self.partners.is_some_and(|partners| partners.has(row));
        if !found {
            return None;
        }
        let whose = self.narrow.iter().find_map(|wanted| wanted.has(row));
        // A row of a payout that names nobody, where others do, is nobody's own.
        Some(whose.unwrap_or(!self.shared || self.narrow.is_empty()))
    }
}

/// What a side has of one's money.
#[derive(Default)]
pub struct Found<'r> {
    pub rows: Vec<StoryRow>,
    /// All own rows that take part, listed or not.
    pub count: u64,
    pub sums: Totals,
    /// By the rule that excludes them.
    pub aside: BTreeMap<String, Totals>,
    pub others: Totals,
    /// The gravest of all own rows.
    pub verdict: Option<Verdict>,
    /// Breaks, and what waits, by their ids.
    pub items: BTreeMap<String, (&'r OpenItem, Verdict)>,
    pub unread: Vec<String>,
}

/// An own row with what its run says of it.
pub struct OwnRow<'s, 'r> {
    pub row: &'s Row,
    pub says: &'s RowSays<'r>,
}

/// Reads the statement to its end.
pub fn scan<'r>(
    statement: &dyn Statement,
    rules: &RuleSet,
    side: Side,
    asking: &Asking<'_>,
    verdicts: &Verdicts<'r>,
    each: &mut dyn FnMut(OwnRow<'_, 'r>) -> Result<(), crate::recon::large::LargeError>,
) -> Result<Found<'r>, DeskError> {
    let mut found = Found::default();
    let mut take = |entry: Entry| {
        let (row, rule) = match entry {
            Entry::Row(row) => (row, None),
            Entry::Excluded { rule, row } => (row, Some(rule)),
            // Its keys were not read: the run's report lists it.
            Entry::Rejected { .. } => return Ok(()),
        };
        match asking.own(&row) {
            None => return Ok(()),
            Some(false) => {
                found.others.add(row.unit, row.amount)?;
                return Ok(());
            }
            Some(true) => {}
        }
        let place = row.place.to_string();
        let says = verdicts.row(side, &place, rule.as_deref());
        each(OwnRow { row: &row, says: &says })?;
        found.verdict = found.verdict.max(Some(says.verdict));
        if let Some(rule) = rule.filter(|_| says.verdict == Verdict::SetAside) {
            found.aside.entry(rule.to_string()).or_default().add(row.unit, row.amount)?;
            return Ok(());
        }
        found.count += 1;
        found.sums.add(row.unit, row.amount)?;
        if let Some(item) = says.item.filter(|_| found.items.len() < MOST_ITEMS) {
            found.items.insert(item.id.clone(), (item, says.verdict));
        }
        if found.rows.len() < MOST_ROWS {
            found.rows.push(shown(rules, &row, place, says));
        }
        Ok(())
    };
    statement
        .read(&mut take)
        .map_err(|error| DeskError::Run(RunError::Engine { reconciliation: rules.name.to_string(), error }))?;
    Ok(found)
}

fn shown(rules: &RuleSet, row: &Row, place: String, says: RowSays<'_>) -> StoryRow {
    let keys = rules.keys.iter().zip(&row.keys);
    let keys = keys.filter_map(|(name, value)| Some((name.to_string(), value.as_deref()?.to_owned())));
    let item = break_of(&says).map(|item| item.id.clone());
    StoryRow {
        place,
        date: row.date.map(|date| date.to_string()),
        amount: amount(row.unit, row.amount),
        keys: keys.collect(),
        status: row.status.as_deref().map(str::to_owned),
        category: row.category.as_deref().map(str::to_owned),
        verdict: says.verdict,
        bucket: says.bucket,
        item,
    }
}

/// What waits is no break and has no page.
pub fn break_of<'r>(says: &RowSays<'r>) -> Option<&'r OpenItem> {
    says.item.filter(|item| item.code.is_some())
}
