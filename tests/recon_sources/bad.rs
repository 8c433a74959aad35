//! Statements as they should not be. The run fails for that source and says so; no row is skipped, none is invented.

use crate::installation::{Installation, breaks, complete, findings, fixture, no_breaks, not_reconciled};

const BANK: &str = "reconciliation: r
title: Payouts against the bank
kind: bank
a: { title: A, table: in/a.csv, keys: { ref: ref }, amount: amount, currency: currency, date: day }
b:
  title: Bank
  files: { connector: mt940, stream: statements, path: in/*.sta }
  keys: { ref: end_to_end_reference }
  amount: amount
  date: booked_on
match: [{ id: ref, group: [ref] }]
sign_off: nothing
";

const A: &str = "ref,amount,currency,day\nP1,10.00,EUR,2026-11-03\nP2,20.00,EUR,2026-11-04\n";

/// A day's statement with one line.
fn day(number: u32, day: u32, opening: &str, reference: &str, amount: &str, closing: &str) -> String {
    format!(
        ":20:S\n:25:DE1\n:28C:{number}/1\n:60F:C2611{:02}EUR{opening}\n:61:2611{day:02}11{day:02}C{amount}NTRFNONREF//B{number}\n\
         :86:166?00PAYOUT?20EREF+{reference}\n:62F:C2611{day:02}EUR{closing}\n-\n",
        day - 1
    )
}

fn first() -> String {
    day(1, 3, "100,00", "P1", "10,00", "110,00")
}

fn second() -> String {
    day(2, 4, "110,00", "P2", "20,00", "130,00")
}

/// The same figures, one of them finer than a cent: they tie, and are no amounts of euro.
fn finer(text: &str) -> String {
    text.replace("C10,00", "C10,005").replace("110,00", "110,005").replace("130,00", "130,005")
}

fn bank() -> Installation {
    let installation = Installation::new(BANK);
    installation.put("in/a.csv", A);
    installation
}

#[tokio::test]
async fn statements_that_are_cut_repeated_out_of_order_or_do_not_tie_are_refused_whole() {
    let both = [first(), second()].concat();
    let spoiled: [(&str, Vec<u8>, &str, &[&str]); 9] = [
        ("cut", both.as_bytes()[..both.len() - 20].to_vec(), "SOURCE_INCOMPLETE", &["m.sta"]),
        ("joined twice", both.repeat(2).into_bytes(), "SOURCE_INCOMPLETE", &["m.sta", "twice"]),
        ("turned round", [second(), first()].concat().into_bytes(), "CONTINUITY_GAP", &["m.sta", "gap"]),
        ("closing", both.replace("EUR130,00", "EUR130,01").into_bytes(), "SOURCE_DOES_NOT_TIE", &["stated 130.01"]),
        ("a line less", both.replace("C10,00", "C9,00").into_bytes(), "SOURCE_DOES_NOT_TIE", &["109.00", "110.00"]),
        ("digits", finer(&both).into_bytes(), "SOURCE_INCOMPLETE", &["m.sta", "005"]),
        ("letters", both.replace("C10,00", "C1O,00").into_bytes(), "SOURCE_INCOMPLETE", &["m.sta", "line"]),
        (
            "encoding",
            {
                let mut b = both.clone().into_bytes();
                let at = both.find("PAYOUT").unwrap();
                b[at] = 0xFC;
                b
            },
            "SOURCE_INCOMPLETE",
            &["not valid utf-8", "byte"],
        ),
        ("empty", Vec::new(), "SOURCE_INCOMPLETE", &["m.sta"]),
    ];
    let installation = bank();
    installation.put("in/m.sta", &both);
    let run = installation.run().await;
    complete(&run);
    no_breaks(&run);
    for (what, bytes, code, words) in spoiled {
        installation.put("in/m.sta", bytes);
        let run = installation.run().await;
        println!("{what}");
        not_reconciled(&run, code, words);
        // What was read of the other side is on the cover, and counts for nothing.
        assert_eq!(run["report"]["cover"]["inputs"][0]["rows"], 2, "{what}");
        let id = run["run"]["id"].to_string();
        let sign = ["recon", "sign", &id, "--as", "preparer", "--note", "x"];
        assert!(installation.syncline("ann", &sign).await.err.contains("not reconciled"), "{what}");
        let verified = installation.syncline("ann", &["recon", "verify", &id]).await;
        assert!(verified.out.contains("to the byte"), "{what}: {} {}", verified.out, verified.err);
    }
}

/// A bank that sends windows-1252 is read when the side says so.
#[tokio::test]
async fn another_encoding_is_said_and_then_read() {
    let installation = bank();
    let mut bytes = [first(), second()].concat().into_bytes();
    let at = bytes.windows(6).position(|word| word == b"PAYOUT").unwrap();
    bytes[at] = 0xFC;
    installation.put("in/m.sta", bytes);
    installation
        .put("reconciliations/r.yaml", BANK.replace("path: in/*.sta", "path: in/*.sta, encoding: windows-1252"));
    let run = installation.run().await;
    complete(&run);
    no_breaks(&run);
}

#[tokio::test]
async fn files_come_in_any_order_and_once() {
    let installation = bank();
    // By name the second day comes first.
    installation.put("in/a.sta", second());
    installation.put("in/b.sta", first());
    let run = installation.run().await;
    complete(&run);
    assert_eq!((breaks(&run), findings(&run)), (vec![], vec![]));
    // The same file under another name: its rows count once, and it is told.
    installation.put("in/c.sta", first());
    let run = installation.run().await;
    complete(&run);
    no_breaks(&run);
    let found = findings(&run);
    assert!(
        found.len() == 1 && found[0].0 == "FILE_REPEATED" && found[0].1.contains("c.sta is b.sta once more"),
        "{found:?}"
    );
    // The same statement within another file.
    installation.put("in/c.sta", [first(), second()].concat());
    let run = installation.run().await;
    complete(&run);
    no_breaks(&run);
    let found = findings(&run);
    assert_eq!(
        found.iter().filter(|(code, text)| code == "FILE_REPEATED" && text.contains("c.sta")).count(),
        2,
        "{found:?}"
    );
    let verified = installation.syncline("ann", &["recon", "verify", "3"]).await;
    assert!(verified.out.contains("to the byte"), "{} {}", verified.out, verified.err);
}

#[tokio::test]
async fn two_files_of_one_day_must_not_contradict_each_other() {
    let installation = bank();
    installation.put("in/a.sta", first());
    installation.put("in/b.sta", second());
    // The bank sent the day again, with another amount: which one holds is for a person to say.
    installation.put("in/c.sta", day(2, 4, "110,00", "P2", "21,00", "131,00"));
    let run = installation.run().await;
    not_reconciled(&run, "SOURCE_INCOMPLETE", &["c.sta", "b.sta:1 says something else", "DE1:2026-2/1/1"]);
    // Two different statements of a day follow each other.
    installation.put("in/c.sta", day(3, 4, "130,00", "P3", "5,00", "135,00"));
    let run = installation.run().await;
    complete(&run);
    assert_eq!(breaks(&run), [("UNIDENTIFIED_DEPOSIT".to_owned(), "P3".to_owned())]);
}

#[tokio::test]
async fn a_statement_that_is_missing_in_between_is_noticed() {
    let installation = bank();
    installation.put("in/a.sta", first());
    installation.put("in/c.sta", day(3, 5, "130,00", "P3", "5,00", "135,00"));
    let run = installation.run().await;
    not_reconciled(&run, "CONTINUITY_GAP", &["account DE1", "c.sta", "opens with 130.00 EUR", "closed with 110.00"]);
    installation.put("in/b.sta", second());
    complete(&installation.run().await);
}

const PROCESSOR: &str = "reconciliation: r
title: Captures
kind: payments
a: { title: A, table: in/a.txt, keys: { payment: payment }, amount: amount, currency: currency, date: day }
b:
  title: Processor
  files: { connector: stripe-reports, stream: transactions, path: in/*.csv }
  keys: { payment: payment }
  amount: amount
  date: created_at
match: [{ id: payment, group: [payment] }]
sign_off: nothing
";

#[tokio::test]
async fn reports_with_unknown_types_or_too_many_digits_are_refused_with_the_place() {
    let installation = Installation::new(PROCESSOR);
    installation.put("in/a.txt", "payment,amount,currency,day\npi_1,19.35,EUR,2025-11-21\n");
    let good = fixture("stripe-reports", "payout_reconciliation.itemized.5.csv");
    let header = good.lines().next().unwrap();
    let spoiled: [(&str, String, &str, &[&str]); 6] = [
        (
            "a type",
            good.replace(",refund,", ",lottery,"),
            "SOURCE_INCOMPLETE",
            &["line 3", "\"lottery\" is not listed"],
        ),
        (
            "digits",
            good.replace("-10.00,0.00,-10.00", "-10.005,0.00,-10.005"),
            "SOURCE_INCOMPLETE",
            &["line 3", "-10.005", "more than 2 decimals"],
        ),
        ("yen", good.replace("28.67,eur", "28.67,jpy"), "SOURCE_INCOMPLETE", &["line 2", "an amount in JPY"]),
        ("the row", good.replace("28.67,eur", "28.66,eur"), "SOURCE_DOES_NOT_TIE", &["the row does not tie"]),
        ("cut", good[..good.len() - 3].to_owned(), "SOURCE_INCOMPLETE", &["no line end"]),
        (
            "joined",
            format!("{good}{}", good.replace(&format!("{header}\n"), "")),
            "SOURCE_INCOMPLETE",
            &["the record `txn_ch` is in the file twice", "first at 2"],
        ),
    ];
    installation.put("in/itemized.csv", &good);
    let run = installation.run().await;
    complete(&run);
    no_breaks(&run);
    for (what, text, code, words) in spoiled {
        assert_ne!(text, good, "{what}");
        installation.put("in/itemized.csv", text);
        println!("{what}");
        not_reconciled(&installation.run().await, code, words);
    }
    // One bad file of several: the good one's rows do not count alone either.
    installation.put("in/itemized.csv", &good);
    installation.put("in/later.csv", good.replace("txn_", "later_").replace(",refund,", ",lottery,"));
    not_reconciled(&installation.run().await, "SOURCE_INCOMPLETE", &["later.csv", "lottery"]);
    // Reports that overlap: what both have counts once.
    installation.put("in/later.csv", &good[..good.len() - good.lines().last().unwrap().len() - 1]);
    let run = installation.run().await;
    complete(&run);
    no_breaks(&run);
    assert!(
        findings(&run)[0].1.contains("1 records of later.csv stand in itemized.csv already"),
        "{:?}",
        findings(&run)
    );
}

#[tokio::test]
async fn control_figures_of_every_format_are_held_against_its_rows() {
    let formats = [
        ("bai2", "statements", "report.bai", "amount", "49,207160", "49,207161", "SOURCE_DOES_NOT_TIE"),
        (
            "paypal-reports",
            "transactions",
            "STL-20261120.01.009.csv",
            "net",
            "\"SC\",3",
            "\"SC\",4",
            "SOURCE_DOES_NOT_TIE",
        ),
        (
            "paypal-reports",
            "transactions",
            "STL-20261120.01.009.csv",
            "net",
            "\"SF\",\"EUR\",2599",
            "\"SF\",\"EUR\",2598",
            "SOURCE_DOES_NOT_TIE",
        ),
        (
            "adyen-reports",
            "transactions",
            "settlement_detail_report_batch_134.csv",
            "net",
            "20.20",
            "20.21",
            "SOURCE_DOES_NOT_TIE",
        ),
        ("camt053", "statements", "statement.xml", "amount", "979.20", "979.21", "SOURCE_DOES_NOT_TIE"),
    ];
    for (connector, stream, file, amount, from, to, code) in formats {
        let side = format!(
            "{{ title: T, files: {{ connector: {connector}, stream: {stream}, path: in/* }}, keys: {{ k: reference }}, amount: {amount} }}"
        );
        let text = fixture(connector, file);
        assert!(text.contains(from), "{connector}: {from}");
        let installation = Installation::new(&format!(
            "reconciliation: r\ntitle: T\nkind: other\na: {side}\nb: {side}\nmatch: [{{ id: k, group: [k] }}]\n"
        ));
        installation.put(&format!("in/{file}"), text.replacen(from, to, 1));
        println!("{connector} {from}");
        not_reconciled(&installation.run().await, code, &["side A", file]);
    }
}

/// A table has no control figures: what cannot be read of it is rejected row by row, with place and cause, and stays in the tie-out.
#[tokio::test]
async fn rows_of_a_table_that_cannot_be_read_are_kept_with_their_place() {
    let installation = bank();
    installation.put("in/m.sta", [first(), second()].concat());
    let mut bytes =
        b"ref,amount,currency,day\nP1,10.00,EUR,2026-11-03\nP2,20.005,EUR,2026-11-04\nP3,1,XXQ,2026-11-04\n".to_vec();
    bytes.extend(b"P\xFC,1.00,EUR,2026-11-04\nP4,2.00\n");
    installation.put("in/a.csv", bytes);
    let run = installation.run().await;
    complete(&run);
    let rejected = run["report"]["rejected"].as_array().unwrap();
    let told: Vec<String> = rejected.iter().map(|row| format!("{} {}", row["row"], row["why"])).collect();
    for (place, why) in
        [("a.csv:3", "EUR has 2 decimals"), ("a.csv:4", "XXQ"), ("a.csv:5", "UTF-8"), ("a.csv:6", "columns")]
    {
        assert!(told.iter().any(|row| row.contains(place) && row.contains(why)), "{place} {why}: {told:?}");
    }
    assert_eq!(told.len(), 4);
    assert_eq!(run["report"]["figures"]["rows"][0], 5);
}

#[tokio::test]
async fn a_period_that_is_signed_does_not_change_by_a_file_that_comes_late() {
    let installation = bank();
    installation.put("in/m.sta", [first(), second()].concat());
    let run = installation.run_of(&["--period", "2026-11"]).await;
    complete(&run);
    for (who, role) in [("ann", "preparer"), ("bob", "approver")] {
        let ran = installation.syncline(who, &["recon", "sign", "1", "--as", role, "--note", "agreed"]).await;
        assert!(ran.out.contains("signed"), "{} {}", ran.out, ran.err);
    }
    installation.put("in/n.sta", day(3, 10, "130,00", "P9", "5,00", "135,00"));
    let run = installation.run_of(&["--period", "2026-11"]).await;
    assert_eq!(breaks(&run), [("PERIOD_REOPENED".to_owned(), "P9".to_owned())]);
    // The signed run reads the files that it had read.
    let verified = installation.syncline("ann", &["recon", "verify", "1"]).await;
    assert!(verified.out.contains("to the byte"), "{} {}", verified.out, verified.err);
    installation.take_away("in/m.sta");
    let verified = installation.syncline("ann", &["recon", "verify", "1"]).await;
    assert!(verified.out.contains("m.sta is not there any more"), "{} {}", verified.out, verified.err);
}
