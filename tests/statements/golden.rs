//! What the samples become, record by record.

use serde_json::{Value as Json, json};

use super::support::{SAMPLES, mt940, read_all, records};

#[track_caller]
fn check(found: &Json, expected: &Json) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(found.get(name).unwrap_or(&Json::Null), value, "{name} of {found}");
    }
}

fn eur(minor: i64) -> Json {
    json!({ "amount_minor": minor, "currency": "EUR" })
}

#[test]
fn an_mt940_statement_becomes_bank_lines() {
    let found = records("mt940", "statements", "statement.sta");
    let keys: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
    let account = "DE89370400440532013000";
    assert_eq!(
        keys,
        ["2026-223/1/1", "2026-223/1/2", "2026-224/1/1", "2026-224/2/1"].map(|key| format!("{account}:{key}"))
    );
    check(
        &found[0].1,
        &json!({
            "account": account, "reference": "2026-223/1/1", "booked_on": "2026-11-20", "value_on": "2026-11-20",
            "amount": eur(2020), "currency": "EUR", "status": "booked", "reversal": false, "code": "NTRF",
            "bank_reference": "2026112000001", "customer_reference": "TX20134XT", "counterparty": "Adyen N.V.",
            "counterparty_account": "NL91ABNA0417164300", "purpose": "TX20134XT batch 134, HubMerchantEU",
            "end_to_end_reference": "TX20134XT", "statement": "2026-223", "statement_page": 1, "statement_line": 1,
            "statement_opening": eur(100_000), "statement_closing": eur(100_920), "statement_closed_on": "2026-11-20",
        }),
    );
    check(
        &found[1].1,
        &json!({ "amount": eur(-1100), "code": "NCHG", "customer_reference": null, "purpose": "Account fee" }),
    );
    let reversal =
        json!({ "amount": eur(-920), "reversal": true, "value_on": "2026-11-21", "booked_on": "2026-11-23" });
    check(&found[2].1, &reversal);
    check(&found[3].1, &json!({ "amount": eur(50), "statement_page": 2, "statement_closing": eur(100_050) }));
}

#[test]
fn a_bai2_report_becomes_bank_lines() {
    let found = records("bai2", "statements", "report.bai");
    let usd = |minor: i64| json!({ "amount_minor": minor, "currency": "USD" });
    assert_eq!(found.len(), 2);
    check(
        &found[0].1,
        &json!({
            "account": "1234567890", "reference": "2026-11-19/1/1", "amount": usd(2020), "code": "142",
            "bank_reference": "2026111900001", "customer_reference": "TX20134XT",
            "purpose": "ADYEN TX20134XT batch 134 HubMerchantUS", "statement_opening": usd(100_000),
            "statement_closing": usd(100_920), "booked_on": "2026-11-19",
        }),
    );
    check(&found[1].1, &json!({ "amount": usd(-1100), "code": "698", "purpose": "ACCOUNT FEE" }));
}

#[test]
fn a_camt_statement_becomes_bank_lines_in_both_generations() {
    let found = records("camt053", "statements", "statement.xml");
    assert_eq!(found.len(), 3);
    check(
        &found[0].1,
        &json!({
            "amount": eur(2020), "code": "PMNT/RCDT/ESCT", "counterparty": "Adyen N.V.", "status": "booked",
            "counterparty_account": "NL91ABNA0417164300", "end_to_end_reference": "TX20134XT",
            "bank_reference": "2026112000001", "purpose": "TX20134XT batch 134, HubMerchantEU",
            "statement_opening": eur(100_000), "statement_closing": eur(97_920),
        }),
    );
    check(&found[1].1, &json!({ "amount": eur(-1100), "purpose": "Account fee" }));
    let parts = json!([
        { "amount": eur(-1000), "end_to_end_reference": "RE-1", "counterparty": "Erika Mustermann" },
        { "amount": eur(-2000), "end_to_end_reference": "RE-2" },
    ]);
    check(
        &found[2].1,
        &json!({ "amount": eur(-3000), "part_count": 2, "parts": parts, "customer_reference": "REFUNDS-7" }),
    );

    let kwd = |minor: i64| json!({ "amount_minor": minor, "currency": "KWD" });
    let found = records("camt053", "statements", "statement-v8.xml");
    let keys: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["4711:KWD-7/1/1", "4711:KWD-7/2/1", "4711:KWD-7/2/2"]);
    check(
        &found[0].1,
        &json!({ "amount": kwd(-1234), "reversal": true, "counterparty": "Acme", "end_to_end_reference": null }),
    );
    check(&found[1].1, &json!({ "amount": kwd(1500), "charges": kwd(100), "status": "booked" }));
    check(&found[2].1, &json!({ "amount": kwd(9000), "status": "pending" }));
}

#[test]
fn processor_reports_become_transactions_and_payouts() {
    let found = records("stripe-reports", "transactions", "payout_reconciliation.itemized.5.csv");
    check(
        &found[0].1,
        &json!({ "amount": eur(2935), "fee": eur(68), "net": eur(2867), "payout": "po_1", "category": "charge" }),
    );
    check(&found[1].1, &json!({ "amount": eur(-1000), "net": eur(-1000), "category": "refund", "order": "WEB-1001" }));
    let found = records("stripe-reports", "payouts", "payouts.itemized.3.csv");
    assert_eq!(found.len(), 1);
    check(
        &found[0].1,
        &json!({ "reference": "po_1", "amount": eur(1867), "status": "paid", "arrives_on": "2025-11-24" }),
    );

    let found = records("adyen-reports", "transactions", "settlement_detail_report_batch_134.csv");
    let nets: Vec<&Json> = found.iter().map(|(_, record)| &record["net"]["amount_minor"]).collect();
    assert_eq!(nets, [2550, -500, -30, -2020]);
    check(
        &found[0].1,
        &json!({ "amount": eur(2599), "fee": eur(49), "category": "settled", "payout": "HubMerchantEU:134" }),
    );
    let found = records("adyen-reports", "payouts", "settlement_detail_report_batch_134.csv");
    assert_eq!(found.len(), 1);
    check(&found[0].1, &json!({ "reference": "HubMerchantEU:134", "amount": eur(2020) }));

    let found = records("shopify-payouts", "transactions", "payment_transactions_export.csv");
    assert_eq!(found.iter().map(|(_, record)| record["net"]["amount_minor"].as_i64().unwrap()).sum::<i64>(), 0);
    let found = records("shopify-payouts", "payouts", "payment_transactions_export.csv");
    check(&found[0].1, &json!({ "reference": "77", "status": "paid" }));

    let found = records("paypal-reports", "transactions", "STL-20261120.01.009.csv");
    check(
        &found[0].1,
        &json!({ "amount": eur(2599), "fee": eur(125), "net": eur(2474), "category": "express_checkout_payment" }),
    );
    check(&found[1].1, &json!({ "amount": eur(-500), "payment": "42311647XV020574X" }));
    let found = records("paypal-reports", "payouts", "STL-20261120.01.009.csv");
    assert_eq!(found.len(), 1);
    check(&found[0].1, &json!({ "amount": eur(1900), "bank_reference": "PP-BANK-1" }));
}

#[test]
fn a_second_read_gives_the_same_keys_and_no_key_occurs_twice() {
    for (connector, stream, file) in SAMPLES {
        let first = records(connector, stream, file);
        assert_eq!(first, records(connector, stream, file), "{file}");
        let keys: std::collections::BTreeSet<&String> = first.iter().map(|(key, _)| key).collect();
        assert_eq!(keys.len(), first.len(), "{file}");
    }
}

/// A statement with one entry around New Year, in the given currency.
fn one(line: &str, currency: &str, opening: &str, closing: &str) -> String {
    format!(":20:X\n:25:A1\n:28C:1/1\n:60F:C261231{currency}{opening}\n{line}\n:62F:C270102{currency}{closing}\n-\n")
}

#[test]
fn new_year_and_currencies_with_other_decimals() {
    let read = |text: &str| read_all(&mt940(), text.as_bytes()).unwrap_or_else(|error| panic!("{error}")).0.remove(0);
    let row = read(&one(":61:2701021231C1,NTRFX", "JPY", "0,", "1,"));
    check(&row, &json!({ "booked_on": "2026-12-31", "value_on": "2027-01-02", "amount": "1", "currency": "JPY" }));
    let row = read(&one(":61:2612310102D1,234NTRFX", "KWD", "1,234", "0,"));
    check(&row, &json!({ "booked_on": "2027-01-02", "value_on": "2026-12-31", "amount": "-1.234" }));
    let row = read(&one(":61:261231C,50NTRFX", "EUR", "0,", ",50"));
    check(&row, &json!({ "amount": "0.50", "reference": "2027-1/1/1" }));
}

#[test]
fn swift_blocks_and_banks_own_lines_are_passed_over() {
    let body = one(":61:261231C1,NTRFX", "EUR", "0,", "1,");
    let block = format!("{{1:F01BANKDEFFXXXX0000000000}}{{2:O9400000}}{{4:\n{}}}{{5:{{CHK:1}}}}\n", body.trim_end());
    assert_eq!(read_all(&mt940(), block.as_bytes()).unwrap().0.len(), 1);
    let bank = format!("ABNANL2A\n940\nABNANL2A\n{body}");
    assert_eq!(read_all(&mt940(), bank.as_bytes()).unwrap().0.len(), 1);
    let dos = body.replace('\n', "\r\n");
    assert_eq!(read_all(&mt940(), dos.as_bytes()).unwrap().0.len(), 1);
}
