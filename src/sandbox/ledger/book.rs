//! Double entry: every amount moves from an account to an account, so that money can neither appear nor vanish.
//!
//! Not here: what moves when (`month`, `settlement`), whether statements agree with the accounts (`audit`).

use std::collections::BTreeMap;

use crate::sandbox::money::Currency;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    Sales,
    Tax,
    Shipping,
    Discounts,
    /// What customers owe.
    Receivables,
    /// What the processor holds.
    Processor,
    Fees,
    Refunds,
    Disputes,
    /// Paid out, not yet at the bank.
    InTransit,
    Bank,
}

/// Balances and turnover by account and currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    balances: BTreeMap<(Account, Currency), i128>,
    moved: BTreeMap<(Account, Account, Currency), i128>,
    pub postings: u64,
}

impl Book {
    /// Moves `amount` from one account to another; a negative one moves the other way.
    pub fn post(&mut self, from: Account, to: Account, currency: Currency, amount: i64) {
        let amount = i128::from(amount);
        *self.balances.entry((from, currency)).or_default() -= amount;
        *self.balances.entry((to, currency)).or_default() += amount;
        *self.moved.entry((from, to, currency)).or_default() += amount;
        self.postings += 1;
    }

    pub fn balance(&self, account: Account, currency: Currency) -> i128 {
        self.balances.get(&(account, currency)).copied().unwrap_or(0)
    }

    /// What moved from one account to another in all.
    pub fn moved(&self, from: Account, to: Account, currency: Currency) -> i128 {
        self.moved.get(&(from, to, currency)).copied().unwrap_or(0)
    }

    /// The sum over all accounts: 0, whatever was posted.
    pub fn total(&self, currency: Currency) -> i128 {
        self.balances.iter().filter(|((_, of), _)| *of == currency).map(|(_, balance)| balance).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_account_loses_another_gains() {
        let mut book = Book::default();
        book.post(Account::Sales, Account::Receivables, Currency::Eur, 500);
        book.post(Account::Receivables, Account::Processor, Currency::Eur, 200);
        book.post(Account::Receivables, Account::Processor, Currency::Eur, -50);
        assert_eq!(book.balance(Account::Receivables, Currency::Eur), 350);
        assert_eq!(book.moved(Account::Receivables, Account::Processor, Currency::Eur), 150);
        assert_eq!(book.balance(Account::Receivables, Currency::Jpy), 0);
        assert_eq!(book.total(Currency::Eur), 0);
    }
}
