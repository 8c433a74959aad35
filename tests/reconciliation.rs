//! Reconciliations from statements to signatures, as finance uses them: the documentation's example, run and worked by commands.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod command;

use std::path::Path;

use serde_json::Value;
use syncline::cli::Exit;
use syncline::model::clock::Clock;

use command::{Ran, command};

/// 2026-11-05T08:00:00Z.
const NOW: i64 = 1_793_865_600_000_000;

async fn syncline(dir: &Path, who: &str, line: &[&str]) -> Ran {
    command(dir, Clock::manual(NOW), who, &[&["--actor", who], line].concat(), "").await
}

#[track_caller]
fn done(ran: &Ran) {
    assert_eq!(ran.exit, Exit::Done, "{} {}", ran.out, ran.err);
}

#[track_caller]
fn refused(ran: &Ran, why: &str) {
    assert_eq!(ran.exit, Exit::Failed, "{}", ran.out);
    assert!(ran.err.contains(why), "{}", ran.err);
}

/// The example of docs/reconciliation.md, as it stands.
fn example() -> String {
    let document = include_str!("../docs/reconciliation.md");
    document.split_once("```yaml\n").unwrap().1.split_once("```").unwrap().0.to_owned()
}

const PAYOUTS: &str = "payout_id,net,currency,paid_on,mode\n\
    po_1,100.00,EUR,2026-10-05,live\npo_2,250.00,EUR,2026-10-12,live\npo_3,80.00,EUR,2026-10-19,live\n\
    po_4,9.99,EUR,2026-10-20,test\n";
/// po_2 came 4.50 short, po_3 did not come, something unknown did.
const BANK: &str =
    "reference;amount;booked_on\nPO_1;100.00;2026-10-06\npo_2;245.50;2026-10-13\nX-77;31.00;2026-10-21\n";

fn installation() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["reconciliations", "statements"] {
        std::fs::create_dir(dir.path().join(folder)).unwrap();
    }
    std::fs::write(dir.path().join("syncline.yaml"), "hub: { database: \"sqlite:store/syncline.db\" }\n").unwrap();
    std::fs::write(dir.path().join("reconciliations/payouts-to-bank.yaml"), example()).unwrap();
    std::fs::write(dir.path().join("statements/payouts-10.csv"), PAYOUTS).unwrap();
    std::fs::write(dir.path().join("statements/bank-10.csv"), BANK).unwrap();
    dir
}

const RUN: [&str; 5] = ["recon", "run", "payouts-to-bank", "--period", "2026-10"];

async fn breaks(dir: &Path) -> Vec<Value> {
    let ran = syncline(dir, "ann", &["recon", "breaks", "payouts-to-bank", "--all", "--json"]).await;
    ran.json().as_array().unwrap().clone()
}

/// The break of this key's id.
async fn id(dir: &Path, key: &str) -> String {
    let all = breaks(dir).await;
    let found =
        all.iter().find(|shown| shown["item"]["key"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(key)));
    found.unwrap_or_else(|| panic!("no break of {key}: {all:?}"))["id"].as_str().unwrap().to_owned()
}

async fn state(dir: &Path, id: &str) -> String {
    let all = breaks(dir).await;
    all.iter().find(|shown| shown["id"] == id).unwrap()["state"].as_str().unwrap().to_owned()
}

/// Lines of the roll-forward in EUR: count and amount by label; checks that they add up.
#[track_caller]
fn roll_forward(run: &Value) -> Vec<(String, i64, i64)> {
    let units = run["report"]["roll_forward"].as_array().unwrap();
    let eur = units.iter().find(|unit| unit["unit"] == "EUR").unwrap();
    let line = |line: &Value| {
        let minor = line[2]["amount_minor"].as_str().unwrap().parse().unwrap();
        (line[0].as_str().unwrap().to_owned(), line[1].as_i64().unwrap(), minor)
    };
    let lines: Vec<(String, i64, i64)> = eur["lines"].as_array().unwrap().iter().map(line).collect();
    let [mut count, mut amount] = [0, 0];
    for (label, lines_count, lines_amount) in &lines {
        let sign = match label.as_str() {
            "opening" | "new" | "reopened" | "changed" => 1,
            "healed" | "resolved" | "written off" => -1,
            "closing" => 0,
            other => panic!("{other}"),
        };
        count += sign * lines_count;
        amount += sign * lines_amount;
    }
    let closing = lines.last().unwrap();
    assert_eq!((closing.0.as_str(), closing.1, closing.2), ("closing", count, amount));
    lines
}

#[track_caller]
fn line(lines: &[(String, i64, i64)], label: &str) -> (i64, i64) {
    let found = lines.iter().find(|line| line.0 == label).unwrap();
    (found.1, found.2)
}

#[tokio::test]
async fn a_month_is_run_worked_signed_and_proved() {
    let dir = installation();
    let dir = dir.path();
    done(&syncline(dir, "ann", &["check"]).await);
    let ran = syncline(dir, "ann", &RUN).await;
    assert_eq!(ran.exit, Exit::NotWell, "{} {}", ran.out, ran.err);
    for shown in ["TIE-OUT EUR", "unexplained residual", "AMOUNT_UNDER", "PAYOUT_NOT_RECEIVED", "bank-10.csv:", "-4.50"]
    {
        assert!(ran.out.contains(shown), "{shown} is not in\n{}", ran.out);
    }
    let run = syncline(dir, "ann", &["recon", "show", "1", "--json"]).await.json();
    let lines = roll_forward(&run);
    assert_eq!((line(&lines, "opening"), line(&lines, "new")), ((0, 0), (3, -450 - 8000 + 3100)));

    let (short, lost, unknown) = (id(dir, "po_2").await, id(dir, "po_3").await, id(dir, "x-77").await);
    let sign = ["recon", "sign", "1", "--as", "preparer", "--note", "agreed"];
    refused(&syncline(dir, "ann", &sign).await, "no owner yet");
    done(&syncline(dir, "ann", &["recon", "assign", "payouts-to-bank", &lost, "--to", "cleo"]).await);
    done(&syncline(dir, "ann", &["recon", "comment", "payouts-to-bank", &lost, "asked the bank"]).await);
    let off = |item: &str| ["recon", "write-off", "payouts-to-bank", item, "--code"].map(str::to_owned).to_vec();
    let write_off = async |who: &str, item: &str, code: &str| {
        let line = [off(item), [code, "--reason", "too small"].map(str::to_owned).to_vec()].concat();
        syncline(dir, who, &line.iter().map(String::as_str).collect::<Vec<_>>()).await
    };
    refused(&write_off("ann", &short, "BECAUSE").await, "BANK_FEE, ROUNDING");
    done(&write_off("ann", &short, "bank_fee").await);
    assert_eq!(state(dir, &short).await, "WRITTEN_OFF");
    refused(&write_off("ann", &short, "BANK_FEE").await, "reopen");

    // Above the limit one person's word is a proposal.
    assert!(write_off("ann", &unknown, "ROUNDING").await.out.contains("another person"));
    assert_eq!(state(dir, &unknown).await, "PROPOSED");
    refused(&write_off("ann", &unknown, "ROUNDING").await, "second person");
    done(&write_off("bob", &unknown, "ROUNDING").await);
    let journal = syncline(dir, "ann", &["recon", "journal", "payouts-to-bank", "--json"]).await.json();
    assert_eq!((&journal[0]["debit"], &journal[0]["decimal"]), (&"6855".into(), &"4.50".into()));
    assert_eq!((&journal[1]["credit"], &journal[1]["decimal"]), (&"4835".into(), &"31.00".into()));

    refused(
        &syncline(dir, "bob", &["recon", "sign", "1", "--as", "approver", "--note", "x"]).await,
        "preparer signs first",
    );
    done(&syncline(dir, "ann", &sign).await);
    let approve = ["recon", "sign", "1", "--as", "approver", "--note", "looked at each"];
    refused(&syncline(dir, "ann", &approve).await, "another person");
    done(&syncline(dir, "bob", &approve).await);
    refused(&syncline(dir, "cleo", &approve).await, "does not change any more");
    assert_eq!(state(dir, &short).await, "CLOSED");
    let reopen = ["recon", "reopen", "1", "--break", &short, "--reason", "a slip"];
    refused(&syncline(dir, "ann", &reopen).await, "reopen run 1");

    // To the byte; and which input changed.
    let verified = syncline(dir, "ann", &["recon", "verify", "1", "--json"]).await;
    done(&verified);
    assert_eq!(verified.json()["again"], run["run"]["sha256"]);
    // A file that came later was not read by that run.
    std::fs::write(dir.join("statements/bank-11.csv"), "reference;amount;booked_on\npo_3;80.00;2026-10-30\n").unwrap();
    done(&syncline(dir, "ann", &["recon", "verify", "1"]).await);
    std::fs::write(dir.join("statements/bank-10.csv"), BANK.replace("31.00", "30.00")).unwrap();
    let changed = syncline(dir, "ann", &["recon", "verify", "1"]).await;
    assert_eq!(changed.exit, Exit::NotWell);
    assert!(changed.out.contains("bank-10.csv was"), "{}", changed.out);

    // The lost one heals, the changed one is open again, and a run opens with what the last one closed with.
    let ran = syncline(dir, "ann", &RUN).await;
    assert_eq!(ran.exit, Exit::NotWell, "{} {}", ran.out, ran.err);
    let second = roll_forward(&syncline(dir, "ann", &["recon", "show", "2", "--json"]).await.json());
    assert_eq!(line(&second, "opening"), line(&lines, "closing"));
    assert_eq!(line(&second, "healed"), (1, -8000));
    assert_eq!((state(dir, &lost).await, state(dir, &unknown).await), ("HEALED".into(), "REOPENED".into()));
    refused(&syncline(dir, "ann", &["recon", "reopen", "1", "--reason", ""]).await, "reason");
    done(&syncline(dir, "ann", &["recon", "reopen", "1", "--reason", "the bank corrected its statement"]).await);
    assert_eq!(state(dir, &short).await, "WRITTEN_OFF");
    done(&syncline(dir, "ann", &["recon", "verify", "2"]).await);
    done(&syncline(dir, "ann", &["verify", "-q"]).await);
}

#[tokio::test]
async fn matches_by_hand_hold_in_later_runs_until_taken_back() {
    let dir = installation();
    let dir = dir.path();
    syncline(dir, "ann", &RUN).await;
    let (lost, unknown) = (id(dir, "po_3").await, id(dir, "x-77").await);
    let alone = ["recon", "match", "payouts-to-bank", &lost, "--reason", "x"];
    refused(&syncline(dir, "ann", &alone).await, "one side");
    let forced =
        ["recon", "match", "payouts-to-bank", &lost, &unknown, "--force", "--reason", "net of a refund", "--json"];
    let decided = syncline(dir, "ann", &forced).await;
    done(&decided);
    let event = decided.json()["event"].to_string();
    refused(&syncline(dir, "ann", &forced).await, "RESOLVED");
    syncline(dir, "ann", &RUN).await;
    let run = syncline(dir, "ann", &["recon", "show", "2", "--json"]).await.json();
    let buckets: Vec<&str> =
        run["report"]["matches"].as_array().unwrap().iter().map(|found| found["bucket"].as_str().unwrap()).collect();
    assert!(buckets.contains(&"MATCHED_FORCED"), "{buckets:?}");
    let lines = roll_forward(&run);
    assert_eq!(line(&lines, "resolved"), (2, -8000 + 3100));
    done(&syncline(dir, "ann", &["recon", "verify", "2"]).await);
    let undo = ["recon", "unmatch", "payouts-to-bank", &event, "--reason", "wrong"];
    done(&syncline(dir, "ann", &undo).await);
    assert_eq!(state(dir, &lost).await, "REOPENED");
    let third = syncline(dir, "ann", &[RUN.as_slice(), &["--json"]].concat()).await.json();
    assert_eq!(line(&roll_forward(&third), "reopened"), (2, -8000 + 3100));
}

#[tokio::test]
async fn what_turns_up_in_a_signed_period_is_named() {
    let dir = installation();
    let dir = dir.path();
    syncline(dir, "ann", &RUN).await;
    for shown in breaks(dir).await {
        done(&syncline(dir, "ann", &["recon", "assign", "payouts-to-bank", shown["id"].as_str().unwrap()]).await);
    }
    for (who, role) in [("ann", "preparer"), ("bob", "approver")] {
        done(&syncline(dir, who, &["recon", "sign", "1", "--as", role, "--note", "checked"]).await);
    }
    let late = format!("{PAYOUTS}po_5,12.00,EUR,2026-10-22,live\n");
    std::fs::write(dir.join("statements/payouts-10.csv"), late).unwrap();
    syncline(dir, "ann", &RUN).await;
    let found = breaks(dir).await;
    let code = |key: &str| {
        let shown = found.iter().find(|shown| shown["item"]["key"].as_str().is_some_and(|known| known == key));
        shown.unwrap()["code"].as_str().unwrap().to_owned()
    };
    assert_eq!((code("po_5"), code("po_3")), ("PERIOD_REOPENED".into(), "PAYOUT_NOT_RECEIVED".into()));
}

#[tokio::test]
async fn every_mistake_of_a_definition_is_told_with_its_place() {
    let dir = installation();
    let broken =
        example().replace("kind: bank", "kind: bunk").replace("limits: { EUR: 5.00 }", "limits: { EUR: five }");
    std::fs::write(dir.path().join("reconciliations/broken.yaml"), broken).unwrap();
    let ran = syncline(dir.path(), "ann", &["check"]).await;
    assert_eq!(ran.exit, Exit::Failed, "{}", ran.out);
    for told in ["reconciliations/broken.yaml:4:", "bunk", "five"] {
        assert!(ran.err.contains(told), "{told} is not in\n{}", ran.err);
    }
}

/// Every format leaves by the command, with the signatures in force; what another program reads is what the run shows.
#[tokio::test]
async fn a_run_leaves_as_files() {
    let dir = installation();
    syncline(dir.path(), "ann", &RUN).await;
    let out = dir.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let folder = out.to_str().unwrap();
    for format in ["csv", "csv-archive", "jsonl", "xlsx", "pdf"] {
        done(&syncline(dir.path(), "ann", &["recon", "export", "1", "--format", format, "--out", folder]).await);
    }
    let mut kinds: Vec<String> = std::fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().path().extension().unwrap().to_string_lossy().into_owned())
        .collect();
    kinds.sort();
    assert_eq!(kinds, ["csv", "jsonl", "pdf", "xlsx", "zip"]);
    let told = syncline(dir.path(), "ann", &["recon", "export", "1", "--format", "csv", "--out", "-"]).await;
    done(&told);
    let shown = syncline(dir.path(), "ann", &["recon", "show", "1", "--json"]).await.json();
    let of_run = shown["report"]["breaks"].as_array().unwrap();
    for item in of_run {
        assert!(told.out.contains(item["id"].as_str().unwrap()), "{item} in {}", told.out);
    }
    assert_eq!(told.out.lines().filter(|line| line.starts_with('b')).count(), of_run.len(), "{}", told.out);
    refused(&syncline(dir.path(), "ann", &["recon", "export", "9", "--format", "pdf"]).await, "there is no run 9");
}
