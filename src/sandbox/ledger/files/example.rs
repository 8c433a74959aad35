//! Which files there are, and what is planted in which.
//!
//! The processor's own reports stay true and every other file is compared with them, so that one mistake is one finding in one
//! leg only. Not here: formats.

use crate::sandbox::ledger::{Imbalance, Leg, LegKind, Month, MonthOptions, Mutation, plant};

use super::{bank, tables};

/// A file's place in the folder, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthFile {
    pub path: String,
    pub text: String,
}

/// Mistakes of whoever tells side A.
const ON_A: &[Mutation] = &[Mutation::DropA, Mutation::DuplicateA];

const ON_CLEARING: &[Mutation] =
    &[Mutation::DropB, Mutation::DuplicateB, Mutation::MinorUnit, Mutation::Percent, Mutation::SignFlip];

const ON_BANK: &[Mutation] = &[
    Mutation::DropB,
    Mutation::DuplicateB,
    Mutation::MinorUnit,
    Mutation::Percent,
    Mutation::DateShift,
    Mutation::LineSplit,
    Mutation::LinesMerged,
    Mutation::LateArrival,
];

/// The files of a month, in order of their paths. Equal options make equal bytes.
pub fn write_month(options: MonthOptions) -> Result<Vec<MonthFile>, Imbalance> {
    let month = Month::of(options)?;
    let times = 1 + options.orders / 500;
    let leg = |kind: LegKind, mutations: &[Mutation]| {
        let mut leg = month.leg(kind);
        plant(&mut leg, mutations, times, options.seed);
        leg
    };
    // Nothing is translated before these files are read.
    let any: Vec<Mutation> = Mutation::ALL.iter().copied().filter(|of| *of != Mutation::NoTranslation).collect();
    let orders = leg(LegKind::Orders, &any);
    let captures = leg(LegKind::Captures, ON_A);
    let refunds = leg(LegKind::Refunds, ON_A);
    let clearing = leg(LegKind::Clearing, ON_CLEARING);
    let bank = leg(LegKind::Bank, ON_BANK);
    let payouts = month.leg(LegKind::Payouts);
    let legs: [&Leg; 6] = [&orders, &captures, &refunds, &payouts, &clearing, &bank];
    let file = |path: &str, text: String| MonthFile { path: path.to_owned(), text };
    let mut files = vec![
        file("erp/clearing.csv", tables::clearing(&clearing)),
        file("erp/orders.csv", tables::orders(&orders, 1)),
        file("erp/payments.csv", tables::payments(&captures)),
        file("processor/payout_reconciliation.itemized.csv", tables::movements(&month)),
        file("processor/payouts/payouts.itemized.csv", tables::payouts(&month)),
        file("shop/orders.csv", tables::orders(&orders, 0)),
        file("shop/refunds.csv", tables::refunds(&refunds)),
        file("truth.csv", tables::truth(&legs)),
    ];
    files.extend(bank::statements(&month, &bank).into_iter().map(|(path, text)| file(&path, text)));
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}
