//! Delimited files: of the shop with commas, of the ERP with semicolons, of the processor in the form of its itemized reports.
//!
//! Values hold no delimiters by how they are made. Not here: bank statements.

use std::collections::BTreeMap;

use crate::sandbox::ledger::{Leg, Line, Month, MovementKind, Payout, Value};

/// Lines of one side in the order of their days, each with its columns.
fn table(leg: &Leg, side: usize, delimiter: &str, header: &[&str], columns: impl Fn(&Line) -> Vec<String>) -> String {
    let mut lines: Vec<&Line> = leg.clusters.iter().flat_map(|cluster| &cluster.sides[side]).collect();
    lines.sort_by_key(|line| line.day);
    rows(delimiter, header, lines.into_iter().map(columns))
}

fn rows(delimiter: &str, header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut text = header.join(delimiter) + "\n";
    rows.for_each(|row| text.extend([row.join(delimiter), "\n".to_owned()]));
    text
}

fn amount(line: &Line) -> String {
    line.currency.decimal(line.amount)
}

fn key(line: &Line, at: usize) -> String {
    line.keys[at].clone().unwrap_or_default()
}

pub(super) fn orders(leg: &Leg, side: usize) -> String {
    let shop = "order,date,status,currency,total,tax,shipping,discount,taxed_lines,customer";
    let erp = "Order;Posting Date;Status;Currency;Amount;Tax;Freight;Discount;Taxed Lines;Customer";
    let (delimiter, header) = [(",", shop), (";", erp)][side];
    let header: Vec<&str> = header.split(delimiter).collect();
    table(leg, side, delimiter, &header, |line| {
        let part = |at: usize| line.currency.decimal(line.parts[at].unwrap_or(0));
        let customer = match line.fields.first() {
            Some(Value::Text(customer)) => customer.clone(),
            Some(Value::Amount(_)) | None => String::new(),
        };
        let (date, status) = (leg.days.text(line.day), line.status.unwrap_or_default().to_owned());
        let code = line.currency.code().to_owned();
        let taxed = line.lines.to_string();
        vec![key(line, 0), date, status, code, amount(line), part(0), part(1), part(2), taxed, customer]
    })
}

pub(super) fn payments(leg: &Leg) -> String {
    table(leg, 0, ";", &["Payment", "Posting Date", "Currency", "Amount", "Expected Fee"], |line| {
        let fee = match line.fields.first() {
            Some(Value::Amount(fee)) => line.currency.decimal(*fee),
            Some(Value::Text(_)) | None => String::new(),
        };
        vec![key(line, 0), leg.days.text(line.day), line.currency.code().to_owned(), amount(line), fee]
    })
}

pub(super) fn refunds(leg: &Leg) -> String {
    table(leg, 0, ",", &["refund", "charge", "date", "currency", "amount"], |line| {
        let charge = line.parent.clone().unwrap_or_default();
        vec![key(line, 0), charge, leg.days.text(line.day), line.currency.code().to_owned(), amount(line)]
    })
}

pub(super) fn clearing(leg: &Leg) -> String {
    table(leg, 1, ";", &["Payout", "Entry", "Posting Date", "Currency", "Amount"], |line| {
        vec![key(line, 0), key(line, 1), leg.days.text(line.day), line.currency.code().to_owned(), amount(line)]
    })
}

/// The processor's balance transactions.
pub(super) fn movements(month: &Month) -> String {
    let header = "automatic_payout_id,automatic_payout_effective_at_utc,balance_transaction_id,created_utc,reporting_category,\
                  gross,fee,net,currency,source_id,payment_intent_id,charge_id,payment_metadata[order_id]";
    let header: Vec<&str> = header.split(',').collect();
    let sources = month.sources();
    let lines = month.movements.iter().zip(sources).map(|(of, source)| {
        let payout: Option<&Payout> = of.payout.map(|payout| &month.payouts[payout]);
        let payment = &month.payments[of.payment];
        let decimal = |minor| of.currency.decimal(minor);
        vec![
            payout.map(|payout| payout.id.clone()).unwrap_or_default(),
            payout.map(|payout| at(month, payout.day)).unwrap_or_default(),
            of.id.clone(),
            at(month, of.day),
            of.kind.as_str().to_owned(),
            decimal(of.gross),
            decimal(of.fee),
            decimal(of.net()),
            of.currency.code().to_lowercase(),
            source,
            payment.reference.clone(),
            month.movements[of.capture].id.clone(),
            month.orders[payment.order].number.clone(),
        ]
    });
    rows(",", &header, lines)
}

fn at(month: &Month, day: i32) -> String {
    format!("{} 00:00:00", month.days.text(day))
}

/// The processor's payouts, as what leaves its balance.
pub(super) fn payouts(month: &Month) -> String {
    let header = "payout_id,effective_at_utc,currency,balance_transaction_id,gross,fee,net,reporting_category,description,\
                  payout_expected_arrival_date,payout_status,trace_id";
    let header: Vec<&str> = header.split(',').collect();
    let lines = month.payouts.iter().map(|payout| {
        let left = payout.currency.decimal(-payout.net);
        let status = if payout.arrival <= month.days.last() { "paid" } else { "in_transit" };
        vec![
            payout.id.clone(),
            at(month, payout.day),
            payout.currency.code().to_lowercase(),
            format!("tx-{}", payout.id),
            left.clone(),
            payout.currency.decimal(0),
            left,
            "payout".to_owned(),
            "PAYOUT".to_owned(),
            month.days.text(payout.arrival),
            status.to_owned(),
            payout.trace.clone(),
        ]
    });
    rows(",", &header, lines)
}

/// What must be found, leg by leg.
pub(super) fn truth(legs: &[&Leg]) -> String {
    let lines = legs.iter().flat_map(|leg| {
        leg.expected.iter().map(|expected| {
            let variance: BTreeMap<_, _> = expected.variance.iter().collect();
            let told = variance.into_iter().map(|(unit, sum)| format!("{} {}", unit.code(), unit.decimal(*sum)));
            let cause = expected.sub_cause.unwrap_or_default().to_owned();
            vec![
                leg.kind.as_str().to_owned(),
                expected.key.clone(),
                expected.verdict.as_str().to_owned(),
                told.collect::<Vec<_>>().join(" "),
                cause,
                expected.mutation.to_owned(),
            ]
        })
    });
    rows(",", &["leg", "key", "verdict", "variance", "sub_cause", "mistake"], lines)
}

impl Month {
    /// What each movement is about: its own number for a charge, the refund's, the dispute's.
    pub(in crate::sandbox::ledger) fn sources(&self) -> Vec<String> {
        let mut refunds = 0;
        let source = |of: &crate::sandbox::ledger::Movement| match of.kind {
            MovementKind::Capture => of.id.clone(),
            MovementKind::Refund => {
                refunds += 1;
                format!("re-é-{}", 20_000 + refunds - 1)
            }
            MovementKind::Dispute | MovementKind::DisputeReversal => format!("dp-é-{}", of.capture),
        };
        self.movements.iter().map(source).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::sandbox::ledger::{LegKind, MonthOptions};

    #[test]
    fn refunds_have_one_number_in_all_files() {
        let month = Month::of(MonthOptions::default()).unwrap();
        let sources = month.sources();
        let leg = month.leg(LegKind::Refunds);
        assert!(!leg.clusters.is_empty());
        assert!(leg.clusters.iter().all(|cluster| sources.contains(&cluster.key)));
    }
}
