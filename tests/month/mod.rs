//! An installation with reconciliations: the sandbox's month of orders with its planted differences, and a small bank account;
//! shared by the tests of pages and of the browser. Not here: running them.
#![allow(dead_code)]

use std::fs;
use std::path::Path;

use syncline::sandbox::ledger::{MonthOptions, write_month};

pub const ORDERS: &str = r##"
reconciliation: orders
title: Orders against the books
kind: orders
entity: Example GmbH
zone: Europe/Berlin
a:
  title: Shop
  table: month/shop/orders.csv
  keys: { order: order }
  amount: total
  currency: currency
  date: date
  status: status
  fields: { customer: customer }
  parts: { tax: tax, shipping: shipping, discount: discount }
b:
  title: Books
  table: { path: month/erp/orders.csv, delimiter: ";" }
  keys: { order: Order }
  amount: Amount
  currency: Currency
  date: Posting Date
  status: Status
  fields: { customer: Customer }
  parts: { tax: Tax, shipping: Freight, discount: Discount }
match:
  - { id: key, key: [order] }
  - { id: spelling, key: [order], normalise: [spaces, case, unicode, { prefix: "#" }] }
tolerance: { EUR: 0.02, JPY: 2 }
states:
  agree: { paid: invoiced, refunded: credited }
  lag: { paid: open, refunded: open }
due: { a: { days: 1 } }
sign_off: owner
write_off: { reasons: [ROUNDING, GOODWILL], limits: { EUR: 5.00 } }
"##;

/// Signed by anyone: nothing is demanded of its breaks.
pub const BANK: &str = r#"
reconciliation: payouts-to-bank
title: Payouts against the bank
kind: bank
a: { title: Processor, table: statements/payouts.csv, keys: { payout: payout }, amount: net, unit: EUR, date: day }
b: { title: Bank, table: statements/bank.csv, keys: { payout: reference }, amount: amount, unit: EUR, date: day }
match:
  - { id: reference, key: [payout], normalise: [spaces, case] }
  - { id: amount, amount_within: { days_before: 0, days_after: 3 } }
due: { a: { days: 2 } }
sign_off: nothing
write_off: { reasons: [BANK_FEE, ROUNDING], limits: { EUR: 5.00 } }
"#;

/// po_2 came 4.50 short, po_3 came under another reference, po_9 did not come.
pub const PAYOUTS: &str = "payout,net,day\npo_1,1000.00,2026-11-05\npo_2,250.00,2026-11-12\npo_3,80.00,2026-11-16\n\
    po_9,12345.67,2026-11-09\n";
pub const STATEMENT: &str =
    "reference,amount,day\nPO_1,1000.00,2026-11-06\npo_2,245.50,2026-11-13\nX-77,80.00,2026-11-17\n";

/// Nothing was ever run here.
const NEVER: &str = r#"
reconciliation: never-run
title: Refunds against credit notes
kind: refunds
a: { title: Shop, table: missing/refunds.csv, keys: { refund: refund }, amount: amount, currency: currency }
b: { title: Books, table: missing/credits.csv, keys: { refund: refund }, amount: amount, currency: currency }
match: [{ id: refund, key: [refund] }]
"#;

/// One leg that is run, and one that never was.
const STORY: &str = r#"
story: money
title: The money of an order
legs:
  - { leg: orders, title: Order, by: order }
  - { leg: captures, title: Payment, by: order, leads_to: payment }
amounts:
  worth: { leg: orders, side: a }
  captured: { leg: captures, side: b }
"#;

const CAPTURES: &str = r#"
reconciliation: captures
title: Payments against captures
kind: payments
a:
  title: Books
  table: { path: month/erp/payments.csv, delimiter: ";" }
  keys: { payment: Payment }
  amount: Amount
  currency: Currency
b:
  title: Processor
  table: month/processor/payout_reconciliation.itemized.csv
  keys: { payment: payment_intent_id, order: "payment_metadata[order_id]" }
  amount: gross
  currency: currency
match: [{ id: payment, group: [payment] }]
"#;

/// Beside `write`: a payment story that breaks off at a leg without a run.
pub fn write_story(dir: &Path) {
    fs::create_dir_all(dir.join("reconciliations/stories")).unwrap();
    fs::write(dir.join("reconciliations/captures.yaml"), CAPTURES).unwrap();
    fs::write(dir.join("reconciliations/stories/money.yaml"), STORY).unwrap();
}

pub fn write(dir: &Path, orders: usize) {
    for file in write_month(MonthOptions { orders, ..MonthOptions::default() }).unwrap() {
        let path = dir.join("month").join(&file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &file.text).unwrap();
    }
    for (path, text) in [
        ("reconciliations/orders.yaml", ORDERS),
        ("reconciliations/payouts-to-bank.yaml", BANK),
        ("reconciliations/never-run.yaml", NEVER),
        ("statements/payouts.csv", PAYOUTS),
        ("statements/bank.csv", STATEMENT),
    ] {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}
