//! The processor pays out, and the bank books: two business days from a movement to its payout, one or two more to the bank,
//! which now and then books several payouts as one line.
//!
//! Not here: what led to the processor's balance (`month`).

use std::collections::BTreeMap;

use fastrand::Rng;

use super::book::Account;
use super::month::{BankLine, Month, Payout};

/// From a movement to the payout that it is part of.
const PAYOUT_AFTER: u16 = 2;

pub(super) fn pay_out(month: &mut Month, accounts: usize, rng: &mut Rng) {
    let days = month.days;
    let mut due: BTreeMap<(usize, i32), Vec<usize>> = BTreeMap::new();
    for (at, movement) in month.movements.iter().enumerate() {
        let day = days.after(movement.day, PAYOUT_AFTER);
        if day <= days.last() {
            due.entry((movement.account, day)).or_default().push(at);
        }
    }
    for account in 0..accounts {
        let mut held = Vec::new();
        for day in 0..=days.last() {
            held.extend(due.remove(&(account, day)).unwrap_or_default());
            let net = held.iter().map(|at: &usize| month.movements[*at].net()).sum::<i64>();
            // Nothing is paid out that comes to nothing; it waits for the next day.
            if net != 0 {
                pay(month, account, day, &held, net, rng);
                held.clear();
            }
        }
    }
    book_at_bank(month, rng);
}

fn pay(month: &mut Month, account: usize, day: i32, held: &[usize], net: i64, rng: &mut Rng) {
    let at = month.payouts.len();
    let currency = month.movements[held[0]].currency;
    held.iter().for_each(|movement| month.movements[*movement].payout = Some(at));
    let arrival = month.days.after(day, rng.u16(1..=2));
    let id = format!("po-é-{}", 70_000 + at);
    month.book.post(Account::Processor, Account::InTransit, currency, net);
    month.payouts.push(Payout { id, account, currency, day, net, arrival, trace: String::new() });
}

/// Payouts of one account that arrive on one day may become one line; a line of nothing is not booked on its own.
fn book_at_bank(month: &mut Month, rng: &mut Rng) {
    let mut arrivals: BTreeMap<(i32, usize), Vec<usize>> = BTreeMap::new();
    for (at, payout) in month.payouts.iter().enumerate() {
        arrivals.entry((payout.arrival, payout.account)).or_default().push(at);
    }
    for ((day, account), payouts) in arrivals {
        let sum = payouts.iter().map(|at| month.payouts[*at].net).sum::<i64>();
        let netted = rng.bool() && sum != 0;
        let lines: Vec<Vec<usize>> =
            if netted { vec![payouts] } else { payouts.into_iter().map(|at| vec![at]).collect() };
        for payouts in lines {
            let trace = format!("trace-{}", 30_000 + payouts[0]);
            let amount = payouts.iter().map(|at| month.payouts[*at].net).sum();
            let currency = month.payouts[payouts[0]].currency;
            payouts.iter().for_each(|at| month.payouts[*at].trace.clone_from(&trace));
            if day <= month.days.last() {
                month.book.post(Account::InTransit, Account::Bank, currency, amount);
                month.bank.push(BankLine { trace, account, currency, day, amount });
            }
        }
    }
}
