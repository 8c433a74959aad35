//! Every kind of described file is a source, by canonical fields.

use serde_json::Value;

use crate::installation::{Installation, breaks, complete, fixture, no_breaks};

const SOURCES: [(&str, &str, &str, &str, &str, &str); 10] = [
    ("mt940", "statements", "statement.sta", "reference", "amount", "booked_on"),
    ("camt053", "statements", "statement.xml", "reference", "amount", "booked_on"),
    ("camt053", "statements", "statement-v8.xml", "reference", "amount", "booked_on"),
    ("bai2", "statements", "report.bai", "reference", "amount", "booked_on"),
    ("stripe-reports", "transactions", "payout_reconciliation.itemized.5.csv", "reference", "net", "created_at"),
    ("stripe-reports", "payouts", "payouts.itemized.3.csv", "reference", "amount", "created_at"),
    ("adyen-reports", "transactions", "settlement_detail_report_batch_134.csv", "reference", "net", "created_at"),
    ("shopify-payouts", "transactions", "payment_transactions_export.csv", "created_at", "net", "created_at"),
    ("paypal-reports", "transactions", "STL-20261120.01.009.csv", "reference", "net", "created_at"),
    ("paypal-reports", "payouts", "STL-20261120.01.009.csv", "reference", "amount", "created_at"),
];

fn rows(run: &Value) -> Vec<u64> {
    run["report"]["figures"]["rows"].as_array().unwrap().iter().map(|rows| rows.as_u64().unwrap()).collect()
}

#[tokio::test]
async fn every_statement_and_report_agrees_with_itself() {
    for (connector, stream, file, key, amount, date) in SOURCES {
        let side = format!(
            "{{ title: T, files: {{ connector: {connector}, stream: {stream}, path: in/* }}, \
             keys: {{ k: {key} }}, amount: {amount}, date: {date} }}"
        );
        let definition = format!(
            "reconciliation: r\ntitle: T\nkind: other\na: {side}\nb: {side}\nmatch: [{{ id: k, group: [k] }}]\n"
        );
        let installation = Installation::new(&definition);
        installation.put(&format!("in/{file}"), fixture(connector, file));
        let run = installation.run().await;
        complete(&run);
        no_breaks(&run);
        let rows = rows(&run);
        assert!(rows[0] > 0 && rows[0] == rows[1], "{connector} {file}: {rows:?}");
        let verified = installation.syncline("ann", &["recon", "verify", "1"]).await;
        assert!(verified.out.contains("to the byte"), "{connector}: {} {}", verified.out, verified.err);
    }
}

const BRIDGE: &str = "reconciliation: r
title: Gross less fees is net
kind: payouts
zone: Asia/Tokyo
a:
  title: Gross and fee
  files: { connector: stripe-reports, stream: transactions, path: in/*.csv }
  keys: { payout: payout }
  amount: { gross: amount, fee: { from: fee, negate: true } }
  date: created_at
  category: category
b:
  title: Net
  files: { connector: stripe-reports, stream: transactions, path: in/*.csv }
  keys: { payout: payout }
  amount: net
  date: created_at
  exclude:
    other than charges: { from: category, is_not: [charge] }
match: [{ id: payout, group: [payout] }]
";

#[tokio::test]
async fn a_record_may_be_rows_of_its_gross_and_its_fee() {
    let installation = Installation::new(BRIDGE);
    let report = fixture("stripe-reports", "payout_reconciliation.itemized.5.csv");
    installation.put("in/itemized.csv", &report);
    let run = installation.run().await;
    complete(&run);
    // Two records of A are four rows; the refund of B is out of scope by its rule, and stays in the tie-out.
    assert_eq!(rows(&run), [4, 2]);
    assert_eq!(run["report"]["excluded"][0]["why"], "other than charges");
    assert_eq!(breaks(&run), [("GROUP_SUM_MISMATCH".to_owned(), "po_1".to_owned())]);
    let amounts = &run["report"]["breaks"][0]["amounts"][0];
    assert_eq!((&amounts["a"]["decimal"], &amounts["b"]["decimal"]), (&"18.67".into(), &"28.67".into()));
    assert_eq!(run["report"]["tie_out"][0]["residual"]["amount_minor"], "0");
    // Places lead back to the file's lines.
    assert!(run["report"]["breaks"][0]["rows"][1].as_array().unwrap().contains(&"itemized.csv:2".into()));

    installation.put("reconciliations/r.yaml", BRIDGE.replace("is_not: [charge]", "is: [dispute]"));
    let run = installation.run().await;
    no_breaks(&run);
}

/// An instant's day is the definition's zone's: late on the 21st in UTC is the 22nd in Tokyo.
#[tokio::test]
async fn days_are_days_of_the_zone() {
    let installation = Installation::new(&BRIDGE.replace("is_not: [charge]", "is: [dispute]"));
    let report = fixture("stripe-reports", "payout_reconciliation.itemized.5.csv");
    installation.put("in/itemized.csv", report.replace("2025-11-21 00:00:00", "2025-11-21 20:00:00"));
    let run = installation.run_of(&["--period", "2025-11-22"]).await;
    complete(&run);
    assert_eq!(run["report"]["excluded"].as_array().unwrap().len(), 0);
    let run = installation.run_of(&["--period", "2025-11-21"]).await;
    let excluded = run["report"]["excluded"].as_array().unwrap();
    assert!(excluded.len() == 6 && excluded.iter().all(|row| row["why"] == "outside the period"), "{excluded:?}");
}

#[tokio::test]
async fn two_formats_are_one_side_and_balances_are_on_the_cover() {
    let definition = "reconciliation: r
title: T
kind: bank
a: { title: A, table: in/a.csv, keys: { ref: ref }, amount: amount, currency: currency }
b:
  title: Bank
  files:
    - { connector: mt940, stream: statements, path: in/*.sta }
    - { connector: camt053, stream: statements, path: in/*.xml }
  keys: { ref: end_to_end_reference }
  amount: amount
  date: booked_on
match: [{ id: ref, group: [ref] }]
";
    let installation = Installation::new(definition);
    installation.put("in/a.csv", "ref,amount,currency\nX,1.00,EUR\n");
    installation.put("in/one.sta", fixture("mt940", "statement.sta"));
    installation.put("in/two.xml", fixture("camt053", "statement.xml").replace("DE89370400440532013000", "DE00"));
    let run = installation.run().await;
    complete(&run);
    let inputs = run["report"]["cover"]["inputs"].as_array().unwrap();
    let controls: Vec<String> = inputs.iter().map(|input| input["controls"].to_string()).collect();
    assert!(controls[1].contains("DE89370400440532013000 from 1000.00 to 1000.50 EUR of 2026-11-23"), "{controls:?}");
    assert!(controls[1].contains("read by mt940/statements "), "{controls:?}");
    assert!(controls[2].contains("read by camt053/statements "), "{controls:?}");
    assert_eq!(rows(&run), [1, 7]);
}

#[tokio::test]
async fn names_that_are_not_there_are_told_with_their_places() {
    let wrong = [
        ("connector: stripe-reports", "connector: stripe-report", "did you mean"),
        ("stream: transactions", "stream: transaction", "has no stream `transaction`"),
        ("{ payout: payout }", "{ payout: pay_out }", "has no field"),
        ("amount: net", "amount: category", "and no amount"),
        ("amount: net", "amount: net\n  unit: EUR", "has its own currency"),
        ("date: created_at", "date: net", "and no day"),
        ("is_not: [charge]", "is_not: [charge], is: [x]", "one way"),
    ];
    for (from, to, why) in wrong {
        assert!(BRIDGE.contains(from), "{from}");
        let installation = Installation::new(&BRIDGE.replace(from, to));
        installation.put("in/itemized.csv", fixture("stripe-reports", "payout_reconciliation.itemized.5.csv"));
        let checked = installation.syncline("ann", &["check"]).await;
        assert!(checked.err.contains(why) && checked.err.contains("reconciliations/r.yaml:"), "{why}: {}", checked.err);
        let ran = installation.syncline("ann", &["recon", "run", "r"]).await;
        assert!(ran.err.contains(why) || ran.err.contains("there is no reconciliation"), "{why}: {}", ran.err);
    }
    let table = "reconciliation: r\ntitle: T\nkind: other\nmatch: [{ id: k, key: [k] }]\n\
        a: { title: A, table: a.csv, keys: { k: k }, amount: { from: x, negate: true }, unit: EUR }\n\
        b: { title: B, table: b.csv, keys: { k: k }, amount: x, unit: EUR, exclude: { e: { from: k, is_not: [x] } } }\n";
    let checked = Installation::new(table).syncline("ann", &["check"]).await;
    for why in ["one value, as it stands", "`is_not` is not for tables"] {
        assert!(checked.err.contains(why), "{}", checked.err);
    }
}

/// Sides of the hub's: connections, streams and fields are looked up as those of files are, by `check` and when a run begins.
#[tokio::test]
async fn streams_of_the_hub_are_looked_up_too() {
    let definition = "reconciliation: r
title: T
kind: orders
a: { title: A, mirror: shop.orders, keys: { n: '@key' }, amount: { gross: total, tax: { from: tax_total, negate: true } } }
b: { title: B, mirror: erp.orders, keys: { n: '@natural_key' }, amount: total, exclude: { e: { from: status, is_not: [open] } } }
match: [{ id: n, group: [n] }]
";
    let config = "hub: { database: \"sqlite:store/syncline.db\" }\nconnections:\n  shop: { connector: jsonl }\n  erp: { connector: jsonl }\n  table: { connector: csv }\n";
    let installation = Installation::new(definition);
    installation.put("syncline.yaml", config);
    let checked = installation.syncline("ann", &["check"]).await;
    assert!(checked.out.contains("1 reconciliation"), "{} {}", checked.out, checked.err);
    complete(&installation.run().await);
    let wrong = [
        ("mirror: shop.orders", "mirror: shp.orders", "there is no connection `shp`", "did you mean `shop`?"),
        ("mirror: erp.orders", "mirror: erp.ordrs", "there is no stream erp.ordrs", "did you mean `orders`?"),
        ("mirror: erp.orders", "mirror: erp.records", "the hub has no records of erp.records", "name the stream"),
        ("mirror: erp.orders", "live: erp.orders", "cannot be read completely", "use `mirror: erp.orders`"),
        ("mirror: erp.orders", "mirror: table.orders", "it is only written to", "name a stream that is read"),
        ("mirror: erp.orders", "mirror: table.stock", "no flow uses it", "add a flow"),
        ("gross: total", "gross: totl", "has no field \"totl\"", "did you mean \"total\"?"),
        ("from: tax_total", "from: '@key'", "names a record, and is no amount", "r.yaml:4:"),
        ("amount: total,", "amount: total, unit: EUR,", "has its own currency", "r.yaml:5:"),
        ("'@natural_key'", "'@naturalkey'", "there is no `@naturalkey`", "did you mean `@natural_key`?"),
    ];
    for (from, to, why, next) in wrong {
        assert!(definition.contains(from), "{from}");
        installation.put("reconciliations/r.yaml", definition.replacen(from, to, 1));
        let place = "reconciliations/r.yaml:";
        let checked = installation.syncline("ann", &["check"]).await.err;
        assert!(checked.contains(why) && checked.contains(next) && checked.contains(place), "{to}: {checked}");
        let ran = installation.syncline("ann", &["recon", "run", "r"]).await.err;
        assert!(ran.contains(why) && ran.contains(place), "{to}: {ran}");
    }
    // What a kept run had taken was kept as rows: it holds, whatever has become of the connection.
    installation.put("syncline.yaml", config.replace("  erp:", "  erp2:"));
    let verified = installation.syncline("ann", &["recon", "verify", "1"]).await;
    assert!(verified.out.contains("to the byte"), "{} {}", verified.out, verified.err);
}

/// What a mapping of the installation changes is named when a run is made again.
#[tokio::test]
async fn another_mapping_is_another_reader() {
    let installation = Installation::new(&BRIDGE.replace("is_not: [charge]", "is: [dispute]"));
    installation.put("in/itemized.csv", fixture("stripe-reports", "payout_reconciliation.itemized.5.csv"));
    complete(&installation.run().await);
    installation.put(
        "mappings/stripe-reports/values.yaml",
        "values: stripe-reports\ncrosswalks:\n  category: { refund: { to: refund_failure, reverse: false } }\n",
    );
    let verified = installation.syncline("ann", &["recon", "verify", "1"]).await;
    assert!(verified.out.contains("was read by stripe-reports/transactions "), "{} {}", verified.out, verified.err);
}
