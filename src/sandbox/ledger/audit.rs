//! That records and accounts tell the same: each statement's total is the turnover of the accounts that it stands for.
//!
//! Not here: statements of two sides (`rows`).

use crate::sandbox::money::Currency;

use super::book::Account;
use super::month::{Imbalance, Month, MovementKind};

pub(super) fn check(month: &Month) -> Result<(), Imbalance> {
    [Currency::Eur, Currency::Jpy, Currency::Kwd].into_iter().try_for_each(|currency| check_currency(month, currency))
}

fn check_currency(month: &Month, currency: Currency) -> Result<(), Imbalance> {
    use Account::{Bank, Disputes, Fees, InTransit, Processor, Receivables, Refunds};
    let book = &month.book;
    let movements = |wanted: &[MovementKind]| -> i128 {
        let found = month.movements.iter().filter(|of| of.currency == currency && wanted.contains(&of.kind));
        found.map(|of| i128::from(of.gross)).sum()
    };
    let sum = |amounts: &mut dyn Iterator<Item = (Currency, i64)>| -> i128 {
        amounts.filter(|(of, _)| *of == currency).map(|(_, amount)| i128::from(amount)).sum()
    };
    let orders = sum(&mut month.orders.iter().map(|order| (order.currency, order.total())));
    let payments = sum(&mut month.payments.iter().map(|of| (month.orders[of.order].currency, of.amount)));
    let captures = movements(&[MovementKind::Capture]);
    let fees = sum(&mut month.movements.iter().map(|of| (of.currency, of.fee)));
    let unpaid = sum(&mut month.movements.iter().filter(|of| of.payout.is_none()).map(|of| (of.currency, of.net())));
    let payouts = sum(&mut month.payouts.iter().map(|payout| (payout.currency, payout.net)));
    let bank = sum(&mut month.bank.iter().map(|line| (line.currency, line.amount)));
    let disputes = movements(&[MovementKind::Dispute, MovementKind::DisputeReversal]);
    for (what, account, statements) in [
        ("all accounts", book.total(currency), 0),
        ("what customers still owe", book.balance(Receivables, currency), orders - payments),
        ("payments", book.moved(Receivables, Processor, currency), payments),
        ("captures", book.moved(Receivables, Processor, currency), captures),
        ("fees", book.balance(Fees, currency), fees),
        ("refunds", -book.balance(Refunds, currency), movements(&[MovementKind::Refund])),
        ("disputes", -book.balance(Disputes, currency), disputes),
        ("the processor's balance", book.balance(Processor, currency), unpaid),
        ("payouts", book.moved(Processor, InTransit, currency), payouts),
        ("payouts in transit", book.balance(InTransit, currency), payouts - bank),
        ("the bank account", book.balance(Bank, currency), bank),
    ] {
        if account != statements {
            return Err(Imbalance::Apart { what, currency: currency.code(), account, statements });
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::sandbox::ledger::MonthOptions;

    use super::*;

    #[test]
    fn months_tie_and_a_lost_cent_is_seen() {
        for seed in 0..20 {
            let month = Month::of(MonthOptions { seed, orders: 200, year: 2028, month: 2 }).unwrap();
            assert!(month.payouts.iter().all(|payout| !payout.trace.is_empty()) && !month.bank.is_empty());
            for lose in [
                (|month: &mut Month| month.movements[0].gross -= 1) as fn(&mut Month),
                |month| month.bank[0].amount += 1,
                |month| month.payouts[0].net += 1,
                |month| month.orders[0].tax += 1,
                |month| month.movements[0].fee += 1,
                |month| drop(month.payments.pop()),
            ] {
                let mut broken = month.clone();
                lose(&mut broken);
                assert!(check(&broken).is_err());
            }
        }
    }
}
