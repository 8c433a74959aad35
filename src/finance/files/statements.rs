//! Bank statements over all files of a side: each opens with what the one before it closed with.
//!
//! Within a file the reader has checked it. Statements of quiet days have no lines and change no balance, so the lines of the others
//! suffice. Not here: statements that do not tie in themselves (the reader refuses them).

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::model::{Date, Entity, Record, Value};
use crate::recon::report::RunFinding;
use crate::recon::unit::Unit;

/// One page's balances.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Page {
    account: String,
    closed_on: Date,
    statement: String,
    page: i64,
    unit: Unit,
    opening: i128,
    closing: i128,
    source: usize,
}

/// Pages of complete files, then those of the file that is being read.
#[derive(Default)]
pub(super) struct Statements {
    known: Vec<Page>,
    staged: Vec<Page>,
}

impl Statements {
    pub fn see(&mut self, record: &Record, source: usize) {
        let Some(page) = page(record, source) else { return };
        if self.staged.last() != Some(&page) {
            self.staged.push(page);
        }
    }

    /// The file is complete; returns its accounts with their balances, as people read them.
    pub fn keep(&mut self) -> Vec<String> {
        let mut accounts: BTreeMap<&str, (&Page, &Page)> = BTreeMap::new();
        for page in &self.staged {
            accounts.entry(&page.account).and_modify(|(_, last)| *last = page).or_insert((page, page));
        }
        let told = accounts.into_values().map(|(first, last)| {
            let decimal = |amount| first.unit.decimal(amount);
            format!(
                "{} from {} to {} {} of {}",
                first.account,
                decimal(first.opening),
                decimal(last.closing),
                first.unit,
                last.closed_on
            )
        });
        let told = told.collect();
        self.known.append(&mut self.staged);
        told
    }

    pub fn forget(&mut self) {
        self.staged.clear();
    }

    /// Statements that do not follow each other.
    pub fn gaps(mut self, sources: &[String]) -> Vec<RunFinding> {
        self.known.sort_by(Page::in_order);
        // Pages that each state the whole statement, and files that overlap.
        self.known.dedup_by(|next, page| {
            (&next.account, &next.statement) == (&page.account, &page.statement)
                && (next.opening, next.closing) == (page.opening, page.closing)
        });
        let pairs = self.known.windows(2).filter_map(|pair| match pair {
            [before, next] if before.account == next.account && before.closing != next.opening => Some((before, next)),
            [..] => None,
        });
        pairs.map(|(before, next)| gap(before, next, sources)).collect()
    }
}

fn gap(before: &Page, next: &Page, sources: &[String]) -> RunFinding {
    let file = |page: &Page| sources.get(page.source).cloned().unwrap_or_default();
    RunFinding {
        code: "CONTINUITY_GAP".to_owned(),
        text: format!(
            "account {}: statement {} of {} ({}) opens with {} {}, the one before, {} of {} ({}), closed with {}",
            next.account,
            next.statement,
            next.closed_on,
            file(next),
            next.unit.decimal(next.opening),
            next.unit,
            before.statement,
            before.closed_on,
            file(before),
            before.unit.decimal(before.closing)
        ),
        next: "a statement between the two is missing, or one is of another account: put it there and run again"
            .to_owned(),
    }
}

impl Page {
    fn in_order(&self, other: &Page) -> Ordering {
        self.account
            .cmp(&other.account)
            .then(self.closed_on.cmp(&other.closed_on))
            .then_with(|| natural(&self.statement, &other.statement))
            .then(self.page.cmp(&other.page))
    }
}

/// Numbers in names count as numbers: 99 comes before 100.
fn natural(one: &str, other: &str) -> Ordering {
    let parts = |text: &str| -> Vec<(u128, String)> {
        let split = text.split_inclusive(|c: char| !c.is_ascii_digit());
        split
            .map(|part| (part.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0), part.to_owned()))
            .collect()
    };
    parts(one).cmp(&parts(other))
}

fn page(record: &Record, source: usize) -> Option<Page> {
    if record.entity() != Entity::BankLine {
        return None;
    }
    let text = |name: &str| if let Value::Text(text) = record.get(name)? { Some(text.clone()) } else { None };
    let money = |name: &str| if let Value::Money(money) = record.get(name)? { Some(*money) } else { None };
    let (opening, closing) = (money("statement_opening")?, money("statement_closing")?);
    let Some(Value::Date(closed_on)) = record.get("statement_closed_on") else { return None };
    let page = if let Some(Value::Integer(page)) = record.get("statement_page") { *page } else { 1 };
    Some(Page {
        account: text("account")?,
        closed_on: *closed_on,
        statement: text("statement")?,
        page,
        unit: Unit::Money(opening.currency()),
        opening: i128::from(opening.amount_minor()),
        closing: i128::from(closing.amount_minor()),
        source,
    })
}
