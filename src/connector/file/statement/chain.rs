//! Statements of one file in their order: no page and no number is missing or comes twice, each opens where the last closed.
//!
//! Not here: files in their order, but for the number that the next file must follow.

use std::collections::{HashMap, HashSet};

use rust_decimal::Decimal;

use super::{Balance, Page, StatementCause};
use crate::connector::file::error::FileCause;
use crate::connector::file::format::{Balances, Numbering, StatementFormat};
use crate::connector::file::totals::add_exactly;

/// Statements of one file: more is no statement file.
const MOST_PAGES: usize = 100_000;
/// A year's statements, in the number by which files follow each other: 2026 and 223 are 2026000223.
const YEAR: u64 = 1_000_000;

#[derive(Debug)]
struct Last {
    id: String,
    number: Option<u64>,
    year: i16,
    page: u64,
    closed: bool,
    closing: Option<Balance>,
    carried: Decimal,
}

#[derive(Debug)]
pub(in crate::connector::file) struct Chain {
    format: StatementFormat,
    /// Of the last applied file; `None` accepts any.
    previous: Option<u64>,
    accounts: HashMap<String, Last>,
    seen: HashSet<(String, String, u64)>,
    sequence: Option<u64>,
}

impl Chain {
    pub(in crate::connector::file) fn new(format: &StatementFormat, previous: Option<u64>) -> Self {
        Self { format: format.clone(), previous, accounts: HashMap::new(), seen: HashSet::new(), sequence: None }
    }

    /// Judges a complete page. `starts`: its opening balance says that it is a statement's first.
    pub(in crate::connector::file) fn add(&mut self, page: &Page, starts: bool) -> Result<(), FileCause> {
        self.require_balances(page)?;
        self.check_seen(page)?;
        let last = self.accounts.remove(&page.account);
        let continues = last.as_ref().is_some_and(|last| !last.closed);
        let carried = match &last {
            _ if page.alone || self.format.numbering == Numbering::None && starts => Decimal::ZERO,
            Some(last) => self.follows(last, page, continues, starts)?,
            None if starts => {
                Self::first_page(page)?;
                Decimal::ZERO
            }
            None => return Err(Self::missing_page(page, 1).into()),
        };
        if !continues {
            self.number_of_file(page)?;
        }
        let whole = |balance: &Option<Balance>| balance.as_ref().is_some_and(|balance| balance.whole);
        // Every page may state the balances of the whole statement: then only all pages together tie.
        let together = !page.last && whole(&page.closing) && !page.alone;
        let carried = if together {
            add_exactly(carried, page.booked.net()?).ok_or(StatementCause::TooManyDigits)?
        } else {
            page.tie(carried).map_err(|cause| if page.alone { Self::apart(page, cause) } else { cause })?;
            Decimal::ZERO
        };
        let last = Last {
            id: page.id.clone(),
            number: page.number,
            year: page.year(),
            page: page.page,
            closed: page.last || page.alone,
            closing: page.closing.clone(),
            carried,
        };
        self.accounts.insert(page.account.clone(), last);
        Ok(())
    }

    fn require_balances(&self, page: &Page) -> Result<(), StatementCause> {
        match (self.format.balances, &page.opening, &page.closing) {
            (Balances::Required, None, _) => Err(page.missing("the opening balance")),
            (Balances::Required, Some(_), None) => Err(page.missing("the closing balance")),
            (Balances::Required, Some(_), Some(_)) | (Balances::Optional, _, _) => Ok(()),
        }
    }

    fn check_seen(&mut self, page: &Page) -> Result<(), StatementCause> {
        if self.seen.len() == MOST_PAGES {
            return Err(StatementCause::TooMany { what: "statements in one file", limit: MOST_PAGES });
        }
        if self.seen.insert((page.account.clone(), page.id.clone(), page.page)) {
            return Ok(());
        }
        Err(StatementCause::Repeated { account: page.account.clone(), statement: page.id.clone() })
    }

    /// What the pages before carry over, if this page or statement is the next.
    fn follows(&self, last: &Last, page: &Page, continues: bool, starts: bool) -> Result<Decimal, StatementCause> {
        if continues {
            if starts && last.id != page.id {
                return Err(Self::missing_last(&page.account, last));
            }
            if self.format.numbering != Numbering::None && (last.id != page.id || page.page != last.page + 1) {
                return Err(Self::missing_page(page, last.page + 1));
            }
        } else {
            if !starts {
                return Err(Self::missing_page(page, 1));
            }
            Self::first_page(page)?;
            self.next_number(last, page)?;
        }
        // Pages that all state the whole statement's balances do not open where the one before closed.
        let together = continues && last.closing.as_ref().is_some_and(|closing| closing.whole);
        if let (Some(closing), Some(opening), false) = (&last.closing, &page.opening, together)
            && closing.amount != opening.amount
        {
            return Err(StatementCause::OpeningDiffers {
                account: page.account.clone(),
                statement: page.id.clone(),
                opening: opening.amount,
                closing: closing.amount,
            });
        }
        Ok(if continues { last.carried } else { Decimal::ZERO })
    }

    fn first_page(page: &Page) -> Result<(), StatementCause> {
        if page.page == 1 { Ok(()) } else { Err(Self::missing_page(page, 1)) }
    }

    fn next_number(&self, last: &Last, page: &Page) -> Result<(), StatementCause> {
        let (Some(before), Some(number)) = (last.number, page.number) else { return Ok(()) };
        let restarted = number == 1 && page.year() == last.year.saturating_add(1);
        if self.format.numbering == Numbering::None || before.checked_add(1) == Some(number) || restarted {
            return Ok(());
        }
        let found = page.id.clone();
        Err(StatementCause::Gap { account: page.account.clone(), previous: last.id.clone(), found })
    }

    /// Files that are numbered by their statements follow each other as statements do.
    fn number_of_file(&mut self, page: &Page) -> Result<(), FileCause> {
        match self.format.numbering {
            Numbering::None | Numbering::Statements => return Ok(()),
            Numbering::Files => {}
        }
        if let Some(other) = self.accounts.keys().next() {
            let (first, second) = (other.clone(), page.account.clone());
            return Err(StatementCause::SeveralAccounts { first, second }.into());
        }
        let number = page.number.filter(|number| (1..YEAR).contains(number));
        let number = number.ok_or_else(|| page.missing("the number"))?;
        let year = u64::try_from(page.year()).unwrap_or_default();
        let found = year * YEAR + number;
        if let (None, Some(previous)) = (self.sequence, self.previous) {
            let restarted = found == (previous / YEAR + 1) * YEAR + 1;
            // Numbers may also run on over New Year.
            let runs_on = found % YEAR == previous % YEAR + 1 && (found / YEAR).saturating_sub(previous / YEAR) <= 1;
            if !(restarted || found > previous && runs_on) {
                return Err(FileCause::SequenceMismatch { expected: previous + 1, found });
            }
        }
        self.sequence = Some(found);
        Ok(())
    }

    /// All statements must be complete at the end of the file; gives the number that the next file must follow.
    pub(in crate::connector::file) fn finish(&self) -> Result<Option<u64>, StatementCause> {
        let open = self.accounts.iter().filter(|(_, last)| !last.closed).min_by_key(|(account, _)| *account);
        match open {
            Some((account, last)) => Err(Self::missing_last(account, last)),
            None => Ok(self.sequence),
        }
    }

    fn missing_page(page: &Page, expected: u64) -> StatementCause {
        let (account, statement) = (page.account.clone(), page.id.clone());
        StatementCause::MissingPage { account, statement, expected, found: page.page }
    }

    fn missing_last(account: &str, last: &Last) -> StatementCause {
        StatementCause::MissingLastPage { account: account.to_owned(), statement: last.id.clone() }
    }

    /// A page whose others are in other files and that does not tie by itself needs them in one file.
    fn apart(page: &Page, cause: StatementCause) -> StatementCause {
        match (page.page, page.last) {
            (1, true) => cause,
            (1, false) => StatementCause::MissingLastPage { account: page.account.clone(), statement: page.id.clone() },
            (_, _) => Self::missing_page(page, 1),
        }
    }
}
