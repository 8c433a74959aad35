//! One statement, or one page of it: whose, from which balance to which, and what its entries add up to.
//!
//! Not here: the order of pages and statements (`chain`).

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{Entry, EntryStatus, StatementCause};
use crate::connector::file::totals::add_exactly;
use crate::model::Currency;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connector::file) struct Balance {
    /// The syntax's own name: `60F`, `OPBD`, `010`.
    pub(in crate::connector::file) kind: String,
    /// Of the whole statement, not of a page in between.
    pub(in crate::connector::file) whole: bool,
    pub(in crate::connector::file) amount: Decimal,
    pub(in crate::connector::file) date: Option<Date>,
}

/// Entries counted and added up, by direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::connector::file) struct Sums {
    pub(in crate::connector::file) credits: u64,
    pub(in crate::connector::file) credit_sum: Decimal,
    pub(in crate::connector::file) debits: u64,
    /// Positive.
    pub(in crate::connector::file) debit_sum: Decimal,
}

impl Sums {
    fn add(&mut self, amount: Decimal) -> Result<(), StatementCause> {
        let (count, sum) = if amount.is_sign_negative() {
            (&mut self.debits, &mut self.debit_sum)
        } else {
            (&mut self.credits, &mut self.credit_sum)
        };
        *count += 1;
        *sum = add_exactly(*sum, amount.abs()).ok_or(StatementCause::TooManyDigits)?;
        Ok(())
    }

    pub(in crate::connector::file) fn net(&self) -> Result<Decimal, StatementCause> {
        add_exactly(self.credit_sum, -self.debit_sum).ok_or(StatementCause::TooManyDigits)
    }
}

#[derive(Debug, Clone)]
pub(in crate::connector::file) struct Page {
    pub(in crate::connector::file) account: String,
    pub(in crate::connector::file) currency: Currency,
    /// Unique per account: what the bank calls the statement, or what its number and year say.
    pub(in crate::connector::file) id: String,
    pub(in crate::connector::file) number: Option<u64>,
    pub(in crate::connector::file) page: u64,
    pub(in crate::connector::file) last: bool,
    /// The other pages are in other files: this one must stand for itself.
    pub(in crate::connector::file) alone: bool,
    pub(in crate::connector::file) opening: Option<Balance>,
    pub(in crate::connector::file) closing: Option<Balance>,
    /// What else the statement says of itself.
    pub(in crate::connector::file) texts: Vec<(&'static str, String)>,
    /// Booked entries.
    pub(in crate::connector::file) booked: Sums,
    /// All entries.
    pub(in crate::connector::file) all: Sums,
    pub(in crate::connector::file) lines: u64,
}

impl Page {
    pub(in crate::connector::file) fn new(account: String, currency: Currency, id: String) -> Self {
        Self {
            account,
            currency,
            id,
            number: None,
            page: 1,
            last: true,
            alone: false,
            opening: None,
            closing: None,
            texts: Vec::new(),
            booked: Sums::default(),
            all: Sums::default(),
            lines: 0,
        }
    }

    /// The year that the statement closes in, or opens where no closing balance is stated.
    pub(in crate::connector::file) fn year(&self) -> i16 {
        let date = |balance: &Option<Balance>| balance.as_ref().and_then(|balance| balance.date);
        date(&self.closing).or(date(&self.opening)).map_or(0, Date::year)
    }

    /// What accompanies every row of this page.
    pub(in crate::connector::file) fn summary(&self) -> Value {
        let balance = |balance: &Balance| {
            json!({
                "kind": balance.kind,
                "amount": balance.amount.to_string(),
                "date": balance.date.map(|date| date.to_string()),
            })
        };
        let mut summary = Map::new();
        summary.insert("id".to_owned(), self.id.clone().into());
        summary.insert("page".to_owned(), self.page.to_string().into());
        summary.insert("last_page".to_owned(), self.last.into());
        if let Some(number) = self.number {
            summary.insert("number".to_owned(), number.to_string().into());
        }
        for (name, stated) in [("opening", &self.opening), ("closing", &self.closing)] {
            if let Some(stated) = stated {
                summary.insert(name.to_owned(), balance(stated));
            }
        }
        for (name, text) in &self.texts {
            summary.insert((*name).to_owned(), text.clone().into());
        }
        Value::Object(summary)
    }

    /// Counts the entry and makes it a row; its reference is its place, so that a second read gives the same one.
    pub(in crate::connector::file) fn row(
        &mut self,
        entry: Entry,
        summary: &Value,
    ) -> Result<Map<String, Value>, StatementCause> {
        self.all.add(entry.amount)?;
        match entry.status {
            EntryStatus::Booked => self.booked.add(entry.amount)?,
            EntryStatus::Pending | EntryStatus::Information => {}
        }
        self.lines += 1;
        let mut row = entry.into_fields();
        row.insert("account".to_owned(), self.account.clone().into());
        row.insert("currency".to_owned(), self.currency.as_str().into());
        row.insert("line".to_owned(), self.lines.to_string().into());
        row.insert("reference".to_owned(), format!("{}/{}/{}", self.id, self.page, self.lines).into());
        row.insert("statement".to_owned(), summary.clone());
        Ok(row)
    }

    /// Opening and entries must make the closing balance. `carried` are the entries of pages before.
    pub(in crate::connector::file) fn tie(&self, carried: Decimal) -> Result<(), StatementCause> {
        let (Some(opening), Some(closing)) = (&self.opening, &self.closing) else { return Ok(()) };
        let entries = add_exactly(self.booked.net()?, carried).ok_or(StatementCause::TooManyDigits)?;
        let found = add_exactly(opening.amount, entries).ok_or(StatementCause::TooManyDigits)?;
        if found == closing.amount {
            return Ok(());
        }
        Err(StatementCause::DoesNotTie {
            account: self.account.clone(),
            statement: self.id.clone(),
            opening: opening.amount,
            entries,
            found,
            stated: closing.amount,
        })
    }

    pub(in crate::connector::file) fn missing(&self, what: &'static str) -> StatementCause {
        StatementCause::Missing { what, account: self.account.clone(), statement: self.id.clone() }
    }
}
