//! Files in: what is applied, refused, held and repeated.

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use syncline::connector::file::totals::{ControlValue, TotalCheck};
use syncline::sandbox::{Sandbox, SandboxOptions};
use syncline::store::{SourceKind, Store, StoreError};

use crate::failing_store::FailingStore;
use crate::partner::{cp1252, drop_data, drop_file, mark, stock, stock_name, stock_stating};
use crate::rig::{Rig, open_issues, payload, pending, places, verify};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stock_file_becomes_payloads_all_at_once() {
    let rig = Rig::new("sandbox-erp", "stock");
    let store = rig.open().await;
    drop_file(&rig.folder(), &stock_name(1), &stock(1, 3));
    rig.run_until_files(&store, &["archive/stock/BESTAND_20261120_0000001.csv"]).await;

    let rows = pending(&store).await;
    assert_eq!(rows.len(), 3);
    assert_eq!(
        (rows[0].source, rows[0].connection.as_str(), rows[0].stream.as_str()),
        (SourceKind::File, "erp", "stock")
    );
    assert_eq!(rows[2].place, "BESTAND_20261120_0000001.csv row 4");
    let expected = json!({
        "type": "D", "sku": "SKU-2", "description": "Größe \"2\" €", "warehouse": "WH1", "qty_on_hand": "2",
        "qty_reserved": "0", "price": "1.234,50", "currency": "EUR", "vat": "19,00", "active": "J",
    });
    assert_eq!(payload(&rows[1]), expected);
    let markers = fs::read_dir(rig.folder()).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_file()).count();
    assert_eq!(markers, 0, "the marker goes with its file");
    verify(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_delivery_idoc_becomes_one_payload_per_delivery() {
    let rig = Rig::new("sandbox-erp", "deliveries");
    let store = rig.open().await;
    let delivery = |number: u32| {
        format!(
            " <E1EDL20 SEGMENT=\"1\"><VBELN>00800000{number:02}</VBELN><TRAID>T{number}</TRAID>\n  \
             <E1EDL41 SEGMENT=\"1\"><QUALI>001</QUALI><BSTNR>#10{number:02}</BSTNR></E1EDL41>\n  \
             <E1EDL24 SEGMENT=\"1\"><POSNR>000010</POSNR><MATNR>A&amp;B</MATNR><LFIMG>2.000</LFIMG></E1EDL24>\n </E1EDL20>\n"
        )
    };
    let idoc = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DELVRY07><IDOC BEGIN=\"1\">\n \
         <EDI_DC40 SEGMENT=\"1\"><DOCNUM>7</DOCNUM></EDI_DC40>\n{}{}</IDOC></DELVRY07>\n",
        delivery(1),
        delivery(2)
    );
    drop_file(&rig.folder(), "DESADV_0000007.xml", idoc.as_bytes());
    rig.run_until_files(&store, &["archive/deliveries/DESADV_0000007.xml"]).await;
    let rows = pending(&store).await;
    assert_eq!(rows.len(), 2);
    assert_eq!(payload(&rows[1])["VBELN"], "0080000002");
    assert_eq!(payload(&rows[1])["E1EDL24"][0]["MATNR"], "A&B");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sandbox_and_the_hub_agree_on_the_stock_file() {
    let rig = Rig::new("sandbox-erp", "stock");
    let store = rig.open().await;
    let mut options = SandboxOptions::new(7, rig.folder());
    options.nightly_every = Duration::from_millis(100);
    let products = options.products;
    let sandbox = Sandbox::start(options).await.unwrap();
    sandbox.start_traffic();
    rig.run_until(&store, "two nights", async |_| pending(&store).await.len() >= 2 * products).await;
    sandbox.shutdown().await;
    let rows = pending(&store).await;
    assert_eq!(rows.len() % products, 0, "whole files only");
    assert!(rows.iter().all(|row| payload(row)["warehouse"] == "WH1"));
    assert!(open_issues(&store).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_trailer_refuses_the_whole_file_and_uses_up_its_number() {
    let rig = Rig::new("sandbox-erp", "stock");
    let store = rig.open().await;
    for sequence in [1, 3] {
        drop_file(&rig.folder(), &stock_name(sequence), &stock(sequence, 5));
    }
    drop_file(&rig.folder(), &stock_name(2), &stock_stating(2, 5, 6));
    let done = [
        "archive/stock/BESTAND_20261120_0000001.csv",
        "archive/stock/BESTAND_20261120_0000003.csv",
        "error/stock/BESTAND_20261120_0000002.csv",
        "error/stock/BESTAND_20261120_0000002.csv reason",
    ];
    rig.run_until_files(&store, &done).await;
    assert_eq!(pending(&store).await.len(), 10, "the refused file left nothing");
    let issues = open_issues(&store).await;
    assert_eq!(issues.len(), 1, "{issues:?}");
    assert_eq!((issues[0].scope.as_str(), issues[0].class.as_str()), ("erp", "data"));
    assert_eq!(issues[0].title, "erp: a file of stock was refused: count mismatch");
    let expected = "file \"BESTAND_20261120_0000002.csv\": rows of the trailer record states 6 rows, found 5; ";
    assert!(issues[0].sample.starts_with(expected), "{}", issues[0].sample);
    assert!(!issues[0].next_step.is_empty());
    verify(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_file_may_come_again_corrected_under_its_number() {
    let rig = Rig::new("sandbox-erp", "stock");
    let store = rig.open().await;
    drop_file(&rig.folder(), &stock_name(1), &stock(1, 5));
    drop_file(&rig.folder(), &stock_name(2), &stock_stating(2, 5, 6));
    rig.run_until(&store, "a refusal", async |rig| rig.files().iter().any(|name| name.starts_with("error/"))).await;
    drop_file(&rig.folder(), &stock_name(2), &stock(2, 5));
    drop_file(&rig.folder(), &stock_name(3), &stock(3, 5));
    rig.run_until(&store, "all applied", async |_| pending(&store).await.len() == 15).await;
    verify(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_file_changes_nothing() {
    let rig = Rig::new("sandbox-erp", "stock");
    let store = rig.open().await;
    drop_file(&rig.folder(), &stock_name(1), &stock(1, 3));
    drop_file(&rig.folder(), &stock_name(2), &stock(2, 3));
    let name = "archive/stock/BESTAND_20261120_0000001.csv";
    let other = "archive/stock/BESTAND_20261120_0000002.csv";
    rig.run_until_files(&store, &[name, other]).await;
    drop_file(&rig.folder(), &stock_name(1), &stock(1, 3));
    rig.run_until_files(&store, &[name, name, other]).await;
    assert_eq!(pending(&store).await.len(), 6);
    assert!(open_issues(&store).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_that_returns_under_the_one_name_of_a_partner_is_news() {
    let mut rig = Rig::new("csv", "stock");
    rig.read.pattern = syncline::connector::file::drop::NamePattern::parse("stock.csv", false).unwrap();
    let store = rig.open().await;
    let full = |on_hand: u32| format!("sku,location,on_hand\nA,WH1,{on_hand}\n");
    for (night, on_hand) in [5, 0, 5].into_iter().enumerate() {
        drop_file(&rig.folder(), "stock.csv", full(on_hand).as_bytes());
        rig.run_until_files(&store, &vec!["archive/stock/stock.csv"; night + 1]).await;
    }
    let told: Vec<_> = pending(&store).await.iter().map(|row| payload(row)["on_hand"].clone()).collect();
    assert_eq!(told, ["5", "0", "5"], "the third night says what the first said, and it is true again");

    drop_file(&rig.folder(), "stock.csv", full(5).as_bytes());
    rig.run_until_files(&store, &["archive/stock/stock.csv"; 4]).await;
    assert_eq!(pending(&store).await.len(), 3, "nothing came in between: nothing new");
    verify(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_waits_for_its_marker_and_those_behind_it_wait_too() {
    let rig = Rig::new("csv", "stock");
    let store = rig.open().await;
    drop_data(&rig.folder(), "stock_1.csv", b"sku,location,on_hand\nA,WH1,1\n");
    drop_file(&rig.folder(), "stock_2.csv", b"sku,location,on_hand\nA,WH1,2\n");
    drop_file(&rig.folder(), "stock_0.csv", b"sku,location,on_hand\nA,WH1,0\n");
    rig.run_until_files(&store, &["archive/stock/stock_0.csv", "stock_1.csv", "stock_2.csv"]).await;
    assert_eq!(places(&store).await, ["stock_0.csv row 2"], "a newer state never overtakes");
    mark(&rig.folder(), "stock_1.csv");
    rig.run_until(&store, "all three", async |_| pending(&store).await.len() == 3).await;
    assert_eq!(places(&store).await, ["stock_0.csv row 2", "stock_1.csv row 2", "stock_2.csv row 2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_in_the_numbers_holds_until_the_missing_file_comes() {
    let mut rig = Rig::new("sandbox-erp", "stock");
    let stated = ControlValue::Header("sequence".to_owned());
    rig.read.format.totals.checks.push(TotalCheck::Sequence { stated, wraps_after: None });
    let store = rig.open().await;
    drop_file(&rig.folder(), &stock_name(1), &stock(1, 2));
    drop_file(&rig.folder(), &stock_name(3), &stock(3, 2));
    rig.run_until(&store, "an issue", async |_| !open_issues(&store).await.is_empty()).await;
    let issues = open_issues(&store).await;
    assert_eq!(issues[0].title, "erp: file BESTAND_20261120_0000003.csv of stock is held back");
    assert!(issues[0].sample.contains("expected sequence number 2, found 3"), "{}", issues[0].sample);
    assert_eq!(pending(&store).await.len(), 2);

    // Another life: the issue is recognised as the one of this file.
    drop_file(&rig.folder(), &stock_name(2), &stock(2, 2));
    rig.run_until(&store, "all three", async |_| {
        pending(&store).await.len() == 6 && open_issues(&store).await.is_empty()
    })
    .await;
    verify(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shrunken_snapshot_is_held_until_a_person_decides() {
    let rig = Rig::new("csv", "stock");
    let store = rig.open().await;
    let file = |rows: u32, on_hand: u32| {
        let rows: String = (0..rows).map(|row| format!("S{row},WH1,{on_hand}\n")).collect();
        format!("sku,location,on_hand\n{rows}")
    };
    drop_file(&rig.folder(), "stock_1.csv", file(10, 1).as_bytes());
    drop_file(&rig.folder(), "stock_2.csv", file(7, 2).as_bytes());
    drop_file(&rig.folder(), "stock_3.csv", file(3, 3).as_bytes());
    let stop_and_ask = async |_: &Rig| open_issues(&store).await.len() == 1 && pending(&store).await.len() == 10;
    rig.run_until(&store, "the issue of stock_2", stop_and_ask).await;
    let issue = open_issues(&store).await.remove(0);
    assert!(issue.title.contains("stock_2.csv"), "{}", issue.title);
    assert!(issue.sample.contains("7 rows, only 70 % of the 10 of the previous run"), "{}", issue.sample);

    // One loop for both decisions, because a decision is about what this loop holds.
    let decided = Mutex::new(BTreeSet::new());
    let decide = async |_: &Rig| {
        for issue in open_issues(&store).await {
            if !decided.lock().unwrap().insert(issue.id) {
                continue;
            }
            if issue.title.contains("file stock_2.csv of stock") {
                store.retry_issue(issue.id, None, "ann", 1).await.unwrap();
            } else {
                // The hub may have carried out a decision about that file meanwhile: then there is nothing left to decide.
                match store.discard_issue(issue.id, None, "cut", "ann", 1).await {
                    Ok(_) | Err(StoreError::Refused(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
        rig.files()
            == [
                "archive/stock/stock_1.csv",
                "archive/stock/stock_2.csv",
                "error/stock/stock_3.csv",
                "error/stock/stock_3.csv reason",
            ]
    };
    rig.run_until(&store, "both decisions", decide).await;
    assert_eq!(pending(&store).await.len(), 17, "accepted: 7 rows; discarded: none");
    assert!(open_issues(&store).await.is_empty());
    verify(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_decided_while_nobody_watched_is_done_afterwards() {
    let rig = Rig::new("csv", "stock");
    let store = rig.open().await;
    let file = |rows: u32| {
        let rows: String = (0..rows).map(|row| format!("S{row},WH1,1\n")).collect();
        format!("sku,location,on_hand\n{rows}")
    };
    drop_file(&rig.folder(), "stock_1.csv", file(10).as_bytes());
    drop_file(&rig.folder(), "stock_2.csv", file(3).as_bytes());
    rig.run_until(&store, "the issue of stock_2", async |_| open_issues(&store).await.len() == 1).await;
    let issue = open_issues(&store).await.remove(0);
    // The watcher has stopped, and with it what it remembered.
    store.discard_issue(issue.id, None, "cut", "ann", 1).await.unwrap();
    let done = ["archive/stock/stock_1.csv", "error/stock/stock_2.csv", "error/stock/stock_2.csv reason"];
    rig.run_until_files(&store, &done).await;
    // The decision was about that file: the next of its name is looked at for itself.
    drop_file(&rig.folder(), "stock_2.csv", file(9).as_bytes());
    rig.run_until(&store, "the file as it should have been", async |_| pending(&store).await.len() == 19).await;
    assert!(open_issues(&store).await.is_empty());
    verify(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected_rows_are_accounted_for_one_by_one() {
    let mut rig = Rig::new("csv", "stock");
    rig.read.format.rows = syncline::connector::file::format::RowPolicy::RowRejects;
    let store = rig.open().await;
    drop_file(&rig.folder(), "stock_1.csv", b"sku,location,on_hand\nA,WH1,1\nB,WH1\nC,WH1,3\n");
    rig.run_until_files(&store, &["archive/stock/stock_1.csv"]).await;
    let rows = pending(&store).await;
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[2].place, "stock_1.csv row 3");
    let text = String::from_utf8(rows[2].payload.clone()).unwrap();
    assert!(text.contains("expected 3 columns, found 2"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_character_is_told_with_its_place() {
    let rig = Rig::new("csv", "stock");
    let store = rig.open().await;
    let latin = [b"sku,location,on_hand\nA,WH1,1\n".as_slice(), &cp1252("Größe,WH1,2\n")].concat();
    drop_file(&rig.folder(), "stock_1.csv", &latin);
    rig.run_until_files(&store, &["error/stock/stock_1.csv", "error/stock/stock_1.csv reason"]).await;
    let issue = open_issues(&store).await.remove(0);
    assert!(issue.sample.contains("row 3, line 3") && issue.sample.contains("not valid utf-8"), "{}", issue.sample);
    let reason = fs::read_dir(rig.folder().join("error/stock")).unwrap();
    let reason = reason.map(|entry| entry.unwrap().path()).find(|path| path.to_str().unwrap().ends_with("reason.txt"));
    assert!(fs::read_to_string(reason.unwrap()).unwrap().contains("row 3"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_thousand_rows_come_in_small_chunks() {
    let rig = Rig::new("sandbox-erp", "stock");
    let inner = rig.open().await;
    let counting = Arc::new(FailingStore::new(Arc::clone(&inner)));
    let store: Arc<dyn Store> = Arc::<FailingStore>::clone(&counting);
    drop_file(&rig.folder(), &stock_name(1), &stock(1, 50_000));
    rig.run_until_files(&store, &["archive/stock/BESTAND_20261120_0000001.csv"]).await;
    assert_eq!(inner.pending_count(1_000_000).await.unwrap(), 50_000);
    let (calls, largest) = counting.staged();
    assert_eq!((calls, largest), (100, 500), "never more than a chunk in one hand");
}
