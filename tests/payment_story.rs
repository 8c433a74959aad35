//! Payment stories on the example month: one's money from the order to the bank line, compared with the files themselves; keys
//! spelled otherwise, files that changed, mistakes. Not here: the pages (`tests/story_pages.rs`), parts of the engine (unit tests).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod command;
#[path = "payment_story/installation.rs"]
mod installation;
#[path = "payment_story/oracle.rs"]
mod oracle;

use installation::{Installation, failed, minor, station, verdicts};
use oracle::Month;
use serde_json::Value;

const STORY: &str = "order-to-bank";

/// Amounts and shares of an order are those of the files, whatever the legs say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amounts_are_those_of_the_files() {
    let at = Installation::with_runs().await;
    let month = Month::read(&at.month());
    let planted = ["so-100056", "zürich-100005", "zürich-100002", "zürich-100007", "café-100022", "so-100017"];
    let every: Vec<String> = month.orders().into_iter().step_by(13).collect();
    let mut arrived = 0;
    for order in planted.into_iter().map(str::to_owned).chain(every) {
        let story = at.story(&order).await;
        let (amounts, expected) = (&story["amounts"], month.story(&order));
        for (name, sum) in [("captured", expected.captured), ("fees", expected.fees), ("net", expected.net)] {
            assert_eq!(minor(&amounts[name]), sum, "{order} {name}: {amounts}");
        }
        let shares = amounts["shares"].as_array().unwrap();
        assert_eq!(shares.len(), expected.shares.len(), "{order}: {amounts}");
        for share in shares {
            let payout = share["payout"].as_str().unwrap_or_default();
            assert_eq!(minor(&share["net"]), expected.shares[payout], "{order} {payout}");
            if let Some(whole) = month.payouts.get(payout) {
                assert_eq!(minor(&share["whole"]), *whole, "{order} {payout}");
            }
        }
        let reached = minor(&amounts["reached"]);
        assert_eq!(reached, expected.reached, "{order}: {amounts}");
        arrived += usize::from(reached != 0);
        // No station shows other orders' movements.
        for row in rows(&story, "payouts", 0).chain(rows(&story, "clearing", 0)) {
            assert_eq!(key(row, "order"), order, "{row}");
        }
    }
    assert!(arrived >= 8, "{arrived}");
}

fn rows<'s>(story: &'s Value, leg: &str, side: usize) -> impl Iterator<Item = &'s Value> {
    station(story, leg)["sides"][side]["rows"].as_array().into_iter().flatten()
}

fn key<'r>(row: &'r Value, name: &str) -> &'r str {
    let pairs = row["keys"].as_array().unwrap();
    pairs.iter().find(|pair| pair[0] == name).map(|pair| pair[1].as_str().unwrap()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planted_differences_are_told_where_they_are() {
    let at = Installation::with_runs().await;

    // Two captures of one payment in yen: both in one payout that came.
    let two = at.story("zürich-100003").await;
    assert_eq!(two["outcome"]["state"], "complete", "{two}");
    assert_eq!(rows(&two, "captures", 1).count(), 2);
    assert_eq!(two["amounts"]["captured"][0]["unit"], "JPY");
    assert_eq!(verdicts(&two), ["matched", "matched", "not_needed", "matched", "matched", "matched"]);
    let place = |row: &Value| row["place"].as_str().unwrap().to_owned();
    let bank: Vec<String> = rows(&two, "bank", 1).map(place).collect();
    assert!(bank.len() == 1 && bank[0].starts_with("account-1.sta:"), "{bank:?}");

    // A payout that did not come.
    let lost = at.story("so-100020").await;
    assert_eq!((&lost["outcome"]["state"], &lost["outcome"]["leg"]), (&"broken".into(), &"bank".into()), "{lost}");
    assert_eq!(lost["outcome"]["break"], "b4cba15089bad008f");
    let found = &station(&lost, "bank")["breaks"][0];
    assert_eq!((&found["code"], &found["state"]), (&"PAYOUT_NOT_RECEIVED".into(), &"OPEN".into()));
    assert_eq!(minor(&lost["amounts"]["reached"]), 0);
    assert_eq!(minor(&lost["amounts"]["shares"][0]["whole"]), 359_959);
    assert_eq!(minor(&lost["amounts"]["shares"][0]["net"]), 31_470);
    assert!(station(&lost, "bank")["sides"][0]["whole"].as_bool().unwrap());

    // A refund in dinars.
    let refund = at.story("café-100022").await;
    assert_eq!(rows(&refund, "refunds", 0).map(|row| key(row, "refund")).collect::<Vec<_>>(), ["re-é-20004"]);
    assert_eq!(rows(&refund, "refunds", 1).count(), 1, "the charge is no refund");
    assert_eq!(station(&refund, "captures")["sides"][1]["set_aside"][0][0], "no capture");

    // Captured, and not paid out yet.
    let waits = at.story("zürich-100007").await;
    assert_eq!(waits["outcome"]["state"], "under_way", "{waits}");
    assert_eq!(waits["outcome"]["leg"], "payouts");
    assert_eq!(verdicts(&waits)[4..], ["not_reached", "not_reached"]);
    assert_eq!(waits["amounts"]["shares"][0]["payout"], Value::Null);

    // The shop has it twice: the order is broken where it begins, and its money is told all the same.
    let twice = at.story("so-100107").await;
    assert_eq!((&twice["outcome"]["leg"], &twice["outcome"]["state"]), (&"orders".into(), &"broken".into()));
    assert_eq!(station(&twice, "orders")["breaks"][0]["code"], "DUPLICATE_A");
    assert_eq!(minor(&twice["amounts"]["captured"]), 28_843);

    // Not in the books.
    let missing = at.story("café-100067").await;
    assert_eq!(station(&missing, "orders")["breaks"][0]["code"], "MISSING_IN_B");
    assert_eq!(station(&missing, "orders")["sides"][1]["rows"].as_array().unwrap().len(), 0);

    // Off by a rounding: matched, with a remark.
    let off = at.story("so-100056").await;
    assert_eq!(station(&off, "orders")["verdict"], "matched_with_remark");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_found_however_it_is_spelled_and_whatever_it_is() {
    let at = Installation::with_runs().await;
    let plain = at.story("so-100020").await;
    for spelled in [" #SO-100020 ", "So-100020", "#so-100020"] {
        let story = at.story(spelled).await;
        assert_eq!((&story["stations"], &story["amounts"]), (&plain["stations"], &plain["amounts"]), "{spelled}");
    }
    // In the other Unicode form.
    assert_eq!(at.story("zu\u{308}rich-100003").await["asked_as"], "order");

    // By payment: that payment's own money.
    let payment = at.story("pay-é-500005").await;
    assert_eq!(payment["asked_as"], "payment");
    assert_eq!(minor(&payment["amounts"]["captured"]), 31_849, "the order's other payment is not asked for");
    assert_eq!(rows(&payment, "orders", 0).map(|row| key(row, "order")).collect::<Vec<_>>(), ["zürich-100005"]);

    // By payout: all that it holds, back to each order; by the bank's reference the same.
    let payout = at.story("po-é-70008").await;
    assert_eq!(payout["asked_as"], "payout");
    assert_eq!(minor(&payout["amounts"]["net"]), 359_959);
    let mut orders: Vec<&str> = rows(&payout, "orders", 0).map(|row| key(row, "order")).collect();
    orders.sort_unstable();
    orders.dedup();
    assert_eq!(orders.len(), 8, "{orders:?}");
    assert!(!station(&payout, "bank")["sides"][0]["whole"].as_bool().unwrap());
    let trace = at.story("trace-30008").await;
    assert_eq!(trace["asked_as"], "trace");
    assert_eq!(trace["amounts"], payout["amounts"]);
    assert_eq!(trace["stations"][0], payout["stations"][0]);

    // Named, it is not guessed.
    let named = at.asked(&["--by", "payout", STORY, "po-é-70008"]).await;
    assert_eq!(named["stations"], payout["stations"]);
    failed(&at.run(&["recon", "story", STORY, "po-é-70008", "--by", "order"]).await, "no order `po-é-70008`");
    failed(&at.run(&["recon", "story", STORY, "x", "--by", "refund"]).await, "order, payment, payout, trace");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_said_with_a_next_step() {
    let at = Installation::with_runs().await;
    let unknown = at.run(&["recon", "story", STORY, "so-999999"]).await;
    failed(&unknown, "no order, payment, payout, trace `so-999999` is in what was read by orders run 1");
    failed(&unknown, "look at the spelling");
    failed(&at.run(&["recon", "story", "nothing-like-it", "x"]).await, "there are: order-to-bank");

    // Decided, the break does not break the story any more, and cannot be read as arrived.
    let resolve = ["recon", "resolve", "bank", "b4cba15089bad008f", "--reason", "paid on 2 December"];
    at.done(&resolve).await;
    let decided = at.story("so-100020").await;
    assert_eq!((&decided["outcome"]["state"], verdicts(&decided)[5].as_str()), (&"complete".into(), "decided"));
    assert_eq!(minor(&decided["amounts"]["reached"]), 0);

    // A file that is another one now is named, and not read; what others say stands.
    let bank = at.month().join("bank/account-1.sta");
    let text = std::fs::read_to_string(&bank).unwrap();
    std::fs::write(&bank, text.replace("trace-30023", "trace-39999")).unwrap();
    let changed = at.story("zürich-100003").await;
    assert_eq!((&changed["outcome"]["state"], &changed["outcome"]["leg"]), (&"unknown".into(), &"bank".into()));
    let unread = station(&changed, "bank")["sides"][1]["unread"][0].as_str().unwrap().to_owned();
    assert!(unread.contains("account-1.sta was ") && unread.contains(" and is "), "{unread}");
    assert!(station(&changed, "bank")["sides"][1]["rows"].as_array().unwrap().is_empty());
    assert_eq!(changed["amounts"]["reached"], Value::Null);
    assert_eq!(minor(&changed["amounts"]["captured"]), 21_460);

    // Gone, nothing can be looked for in it, and that is said, too.
    let orders = at.month().join("shop/orders.csv");
    std::fs::remove_file(&orders).unwrap();
    let gone = at.run(&["recon", "story", STORY, "so-999999"]).await;
    failed(&gone, "orders.csv is not there any more");
    failed(&gone, "not everything could be looked at");

    // A newer run of another period does not know these rows.
    std::fs::write(&bank, text).unwrap();
    at.run(&["recon", "run", "bank", "--period", "2026-10", "--as-of", "2026-10-31"]).await;
    let other = at.story("zürich-100003").await;
    assert_eq!(station(&other, "bank")["verdict"], "not_compared", "{other}");
    assert_eq!(station(&other, "bank")["run"]["id"], 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leg_without_a_run_ends_the_story_there() {
    let at = Installation::new();
    at.run_leg("orders").await;
    let story = at.story("so-100020").await;
    assert_eq!((&story["outcome"]["state"], &story["outcome"]["leg"]), (&"unknown".into(), &"captures".into()));
    let told = story["outcome"]["told"].as_str().unwrap();
    assert!(told.contains("it was never run: `syncline recon run captures`"), "{told}");
    assert_eq!(story["amounts"]["captured"], Value::Null);

    // A run from before the definition had the key.
    let path = at.folder().join("reconciliations/captures.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace(", order: order }", " }")).unwrap();
    at.run_leg("captures").await;
    std::fs::write(&path, text).unwrap();
    let story = at.story("so-100020").await;
    let told = station(&story, "captures")["told"].as_str().unwrap();
    assert!(told.contains("run 2 was made before `captures` had the key `order`"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mistake_of_a_story_is_told_at_once_with_its_place() {
    let at = Installation::new();
    at.done(&["check"]).await;
    let good = std::fs::read_to_string(at.story_file()).unwrap();

    std::fs::write(
        at.story_file(),
        "story: order to bank\ntitle: T\nspeed: 1\nlegs:\n  - { leg: orders, by: order, leads_to: order }\n  \
         - { leg: orders, by: payout }\n  - { by: order, shared: true }\namounts: { reached: banc }\n",
    )
    .unwrap();
    let wrong = at.run(&["check"]).await;
    for told in [
        "`order to bank` is no name of a story",
        "unknown key `speed`",
        "order-to-bank.yaml:7:5",
        "the leg needs `leg`",
        "nothing is shared here",
        "nothing says what should arrive",
    ] {
        failed(&wrong, told);
    }

    // What only shows between files: a leg, keys and a field that are not there.
    let told = good
        .replace("leads_to: payment", "leads_to: paymant")
        .replace("by: payment", "by: paymant")
        .replace("trace]", "tracer]")
        .replace("field: fee", "field: feee");
    std::fs::write(at.story_file(), told).unwrap();
    let wrong = at.run(&["check"]).await;
    for told in [
        "no side of `captures` has a key `paymant`",
        "no side of any leg has a key `tracer`",
        "side b of `captures` has no field `feee`",
    ] {
        failed(&wrong, told);
    }

    std::fs::write(at.story_file(), good.replace("leg: refunds,", "leg: refund,")).unwrap();
    failed(&at.run(&["check"]).await, "there is no reconciliation `refund` that can be used");

    // A leg with mistakes: the story names it, and is not told.
    std::fs::write(at.story_file(), good).unwrap();
    let bank = at.folder().join("reconciliations/bank.yaml");
    let text = std::fs::read_to_string(&bank).unwrap();
    std::fs::write(&bank, text.replace("match:", "matched:")).unwrap();
    let wrong = at.run(&["check"]).await;
    failed(&wrong, "unknown key `matched`");
    failed(&wrong, "there is no reconciliation `bank` that can be used");
    let refused = at.run(&["recon", "story", STORY, "so-100020"]).await;
    failed(&refused, "there is no story `order-to-bank`");
    failed(&refused, "there is no reconciliation `bank` that can be used");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_terminal_tells_it_as_the_api_does() {
    let at = Installation::with_runs().await;
    let told = at.run(&["recon", "story", STORY, "so-100020"]).await;
    for text in [
        "■ broken at Bank: paid out, not seen at the bank (-3599.59 EUR)",
        "worth 319.42 EUR; captured 319.42 EUR; fees 4.72 EUR; net 314.70 EUR; reached the bank -",
        "3599.59 EUR",
        "payout_reconciliation.itemized.csv:",
        "b4cba15089bad008f",
    ] {
        assert!(told.out.contains(text), "{text}: {}", told.out);
    }
    assert_eq!(told.exit, syncline::cli::Exit::NotWell);
    let listed = at.run(&["recon", "story"]).await;
    assert!(
        listed.out.contains("order-to-bank") && listed.out.contains("order, payment, payout, trace"),
        "{}",
        listed.out
    );
}
