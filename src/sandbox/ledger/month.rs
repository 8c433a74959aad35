//! A shop's month from a seed: orders, payments, captures, refunds and disputes, each posted as it happens.
//!
//! Not here: payouts and the bank (`settlement`), statements (`rows`), mistakes (`mutation`).

use fastrand::Rng;

use crate::sandbox::money::Currency;

use super::audit;
use super::book::{Account, Book};
use super::settlement;
use super::workdays::Workdays;

/// What a month is made from; equal options make equal months.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthOptions {
    pub seed: u64,
    pub orders: usize,
    pub year: i16,
    pub month: i8,
}

impl Default for MonthOptions {
    fn default() -> MonthOptions {
        MonthOptions { seed: 1, orders: 120, year: 2026, month: 11 }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub number: String,
    /// Of the processor: one per storefront, each with one currency.
    pub account: usize,
    pub currency: Currency,
    pub day: i32,
    pub goods: i64,
    pub tax: i64,
    pub shipping: i64,
    pub discount: i64,
    /// Taxed lines.
    pub lines: u32,
    pub customer: String,
    pub refunded: bool,
}

impl Order {
    pub fn total(&self) -> i64 {
        self.goods + self.tax + self.shipping - self.discount
    }
}

/// A customer's means of payment for one order; split tender has two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    pub reference: String,
    pub order: usize,
    pub amount: i64,
    pub day: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MovementKind {
    Capture,
    Refund,
    Dispute,
    DisputeReversal,
}

impl MovementKind {
    pub fn as_str(self) -> &'static str {
        match self {
            MovementKind::Capture => "charge",
            MovementKind::Refund => "refund",
            MovementKind::Dispute => "dispute",
            MovementKind::DisputeReversal => "dispute_reversal",
        }
    }
}

/// A movement of the processor's balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    pub id: String,
    pub kind: MovementKind,
    pub payment: usize,
    pub account: usize,
    pub currency: Currency,
    pub day: i32,
    /// Signed: what refunds and disputes take is negative.
    pub gross: i64,
    pub fee: i64,
    /// The capture that it takes back; its own number for a capture.
    pub capture: usize,
    /// Nothing yet at the end of the month: it is paid out in the next.
    pub payout: Option<usize>,
}

impl Movement {
    pub fn net(&self) -> i64 {
        self.gross - self.fee
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    pub id: String,
    pub account: usize,
    pub currency: Currency,
    pub day: i32,
    pub net: i64,
    /// The day at the bank, of this month or the next.
    pub arrival: i32,
    /// What the bank and the processor both call it; several payouts may share one.
    pub trace: String,
}

/// A booked line of the bank's statement, perhaps for several payouts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankLine {
    pub trace: String,
    pub account: usize,
    pub currency: Currency,
    pub day: i32,
    pub amount: i64,
}

/// Everything that happened, and the accounts that it went through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Month {
    pub days: Workdays,
    pub orders: Vec<Order>,
    pub payments: Vec<Payment>,
    pub movements: Vec<Movement>,
    pub payouts: Vec<Payout>,
    pub bank: Vec<BankLine>,
    pub book: Book,
}

/// Why there is no such month.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Imbalance {
    #[error("there is no month {year}-{month}; months go from 1 to 12")]
    NoSuchMonth { year: i16, month: i8 },
    #[error("{what} in {currency}: the account says {account}, the statements {statements}; the generator is wrong")]
    Apart { what: &'static str, currency: &'static str, account: i128, statements: i128 },
}

impl Month {
    /// Lives through the month and proves that statements and accounts agree.
    pub fn of(options: MonthOptions) -> Result<Month, Imbalance> {
        let MonthOptions { seed, orders, year, month } = options;
        let days = Workdays::of(year, month).ok_or(Imbalance::NoSuchMonth { year, month })?;
        let mut rng = Rng::with_seed(seed);
        let mut month = Month {
            days,
            orders: Vec::with_capacity(orders),
            payments: Vec::new(),
            movements: Vec::new(),
            payouts: Vec::new(),
            bank: Vec::new(),
            book: Book::default(),
        };
        let accounts = 3.max(orders / 300);
        for _ in 0..orders {
            month.order(&mut rng, accounts);
        }
        settlement::pay_out(&mut month, accounts, &mut rng);
        audit::check(&month)?;
        Ok(month)
    }

    fn order(&mut self, rng: &mut Rng, accounts: usize) {
        let account = rng.usize(..accounts);
        let currency = [Currency::Eur, Currency::Jpy, Currency::Kwd][account % 3];
        let at = self.orders.len();
        let lines = rng.u32(1..=4);
        let price = |cents| currency.movable(currency.price_from_cents(cents));
        let (mut goods, mut tax) = (0, 0);
        for _ in 0..lines {
            let line = price(rng.i64(500..20_000)) * rng.i64(1..=3);
            goods += line;
            tax += currency.movable(line * [7, 10, 19][rng.usize(..3)] / 100);
        }
        // Every storefront spells its numbers in its own way; some have letters that Unicode writes in two ways.
        let number = format!("{}-{}", ["so", "zürich", "café"][account % 3], 100_000 + at);
        let order = Order {
            number,
            account,
            currency,
            day: rng.i32(0..=self.days.last()),
            goods,
            tax,
            shipping: price(rng.i64(1..9) * 100),
            discount: if rng.u8(..4) == 0 { currency.movable(goods / 10) } else { 0 },
            lines,
            customer: format!("customer-{}", rng.u32(..5_000)),
            refunded: false,
        };
        let book = &mut self.book;
        book.post(Account::Sales, Account::Receivables, currency, order.goods);
        book.post(Account::Tax, Account::Receivables, currency, order.tax);
        book.post(Account::Shipping, Account::Receivables, currency, order.shipping);
        book.post(Account::Receivables, Account::Discounts, currency, order.discount);
        let total = order.total();
        self.orders.push(order);
        let first = if rng.u8(..7) == 0 { currency.movable(total / 3) } else { total };
        for amount in [first, total - first].into_iter().filter(|amount| *amount != 0) {
            self.pay(rng, at, amount);
        }
    }

    /// A payment with its captures, and what becomes of them.
    fn pay(&mut self, rng: &mut Rng, order: usize, amount: i64) {
        let (day, currency) = (self.orders[order].day, self.orders[order].currency);
        let payment = self.payments.len();
        self.payments.push(Payment { reference: format!("pay-é-{}", 500_000 + payment), order, amount, day });
        let captures = if rng.u8(..4) == 0 { rng.i64(2..=3) } else { 1 };
        let part = currency.movable(amount / captures);
        for at in 0..captures {
            let gross = if at + 1 == captures { amount - part * at } else { part };
            let day = (day + rng.i32(0..=2)).min(self.days.last());
            let capture = self.movements.len();
            self.book.post(Account::Receivables, Account::Processor, currency, gross);
            self.moves(MovementKind::Capture, payment, day, gross, fee(currency, gross), capture);
            match rng.u8(..40) {
                0..4 => self.refund(rng, capture),
                4 => self.dispute(rng, capture),
                5.. => {}
            }
        }
    }

    fn moves(&mut self, kind: MovementKind, payment: usize, day: i32, gross: i64, fee: i64, capture: usize) {
        let order = &self.orders[self.payments[payment].order];
        let (account, currency) = (order.account, order.currency);
        let id = format!("tx-{}", 900_000 + self.movements.len());
        self.book.post(Account::Processor, Account::Fees, currency, fee);
        self.movements.push(Movement { id, kind, payment, account, currency, day, gross, fee, capture, payout: None });
    }

    fn refund(&mut self, rng: &mut Rng, capture: usize) {
        let Movement { payment, currency, day, gross, .. } = self.movements[capture].clone();
        let amount = if rng.bool() { gross } else { currency.movable(gross / 2) };
        let day = (day + rng.i32(1..6)).min(self.days.last());
        let order = self.payments[payment].order;
        self.orders[order].refunded = true;
        self.book.post(Account::Processor, Account::Refunds, currency, amount);
        self.moves(MovementKind::Refund, payment, day, -amount, 0, capture);
    }

    fn dispute(&mut self, rng: &mut Rng, capture: usize) {
        let Movement { payment, currency, day, gross, .. } = self.movements[capture].clone();
        let day = (day + rng.i32(1..8)).min(self.days.last());
        self.book.post(Account::Processor, Account::Disputes, currency, gross);
        let fee = currency.movable(currency.price_from_cents(1_500));
        self.moves(MovementKind::Dispute, payment, day, -gross, fee, capture);
        if rng.bool() {
            let day = (day + rng.i32(1..8)).min(self.days.last());
            self.book.post(Account::Disputes, Account::Processor, currency, gross);
            self.moves(MovementKind::DisputeReversal, payment, day, gross, 0, capture);
        }
    }
}

/// The contract's fee: 1.4 % and a fixed amount.
fn fee(currency: Currency, gross: i64) -> i64 {
    currency.movable(gross * 14 / 1000 + currency.price_from_cents(25))
}
