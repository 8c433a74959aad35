//! The month of examples/finance as its README says: its commands, run in a copy. What is found is what was planted, and what is
//! exported is what was signed. Not here: the engine on other months (tests/recon).
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[path = "exports/programs.rs"]
mod programs;

use programs::{program, run as run_program};

const LEGS: [&str; 6] = ["orders", "captures", "refunds", "payouts", "clearing", "bank"];

struct Example {
    root: tempfile::TempDir,
    blocks: std::vec::IntoIter<(String, String)>,
}

/// The fenced blocks whose info string is `sh <name>`, in order.
fn blocks(readme: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = readme.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("```sh ") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            found.push((name.to_owned(), block.join("\n")));
        } else {
            assert!(!line.starts_with("```"), "a block without a name: the test would not run it");
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if path.is_dir() && !["data", "signed"].iter().any(|made| name == *made) {
            copy(&path, &to.join(name));
        } else if path.is_file() {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/finance")
}

impl Example {
    fn new() -> Example {
        let root = tempfile::tempdir().unwrap();
        copy(&source(), &root.path().join("examples/finance"));
        let programs = Path::new(env!("CARGO_BIN_EXE_syncline")).parent().unwrap();
        fs::create_dir_all(root.path().join("target")).unwrap();
        std::os::unix::fs::symlink(programs, root.path().join("target/debug")).unwrap();
        let blocks = blocks(&fs::read_to_string(source().join("README.md")).unwrap());
        Example { root, blocks: blocks.into_iter() }
    }

    fn folder(&self) -> PathBuf {
        self.root.path().join("examples/finance")
    }

    #[track_caller]
    fn block(&mut self, name: &str) -> String {
        let (found, block) = self.blocks.next().unwrap_or_else(|| panic!("the README has no block {name}"));
        assert_eq!(found, name, "the README's commands come in another order");
        block
    }

    #[track_caller]
    fn run(&mut self, name: &str) -> String {
        let block = self.block(name);
        self.shell(&block)
    }

    #[track_caller]
    fn shell(&self, script: &str) -> String {
        let output = Command::new("sh").args(["-eu", "-c", script]).current_dir(self.root.path()).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{script}\n{}\n{out}\n{err}", output.status);
        out.into_owned()
    }

    fn shown(&self, run: usize) -> Value {
        let script =
            format!("target/debug/syncline --config examples/finance recon show {run} --json || test $? -eq 3");
        serde_json::from_str(&self.shell(&script)).unwrap()
    }
}

/// Verdict, key, variance, sub-cause.
type Said = (String, String, String, String);

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn variance<'v>(amounts: impl Iterator<Item = &'v Value>) -> String {
    let told = amounts.filter(|amount| amount["amount_minor"] != "0");
    told.map(|amount| format!("{} {}", text(&amount["unit"]), text(&amount["decimal"]))).collect::<Vec<_>>().join(" ")
}

fn said(report: &Value) -> BTreeSet<Said> {
    let list = |name: &str| report[name].as_array().unwrap().clone();
    let item = |item: &Value| {
        let verdict = if item["code"].is_null() { text(&item["bucket"]) } else { text(&item["code"]) };
        let amounts = item["amounts"].as_array().unwrap().iter().map(|sides| &sides["variance"]);
        (verdict, text(&item["key"]), variance(amounts), text(&item["sub_cause"]))
    };
    let tolerated = |found: &Value| {
        let amounts = found["variance"].as_array().unwrap();
        (text(&found["bucket"]), text(&found["key"]), variance(amounts.iter()), text(&found["sub_cause"]))
    };
    let items = ["breaks", "timing", "in_flight"].into_iter().flat_map(list).map(|found| item(&found));
    let matches = list("matches").into_iter().filter(|found| found["bucket"] == "MATCHED_TOLERANCE");
    items.chain(matches.map(|found| tolerated(&found))).collect()
}

/// What must be said of a leg, and how many lines are late.
fn truth(folder: &Path, leg: &str) -> (BTreeSet<Said>, u64) {
    let (mut told, mut late) = (BTreeSet::new(), 0);
    for record in csv::Reader::from_path(folder.join("month/truth.csv")).unwrap().records() {
        let record = record.unwrap();
        match &record[2] {
            _ if &record[0] != leg => {}
            "AGREES" => {}
            "LATE" => late += 1,
            verdict => {
                let cell = |at: usize| record[at].to_owned();
                assert!(told.insert((verdict.to_owned(), cell(1), cell(3), cell(4))));
            }
        }
    }
    (told, late)
}

#[track_caller]
fn same_files(one: &Path, other: &Path) -> usize {
    let mut seen = 0;
    for entry in fs::read_dir(one).unwrap() {
        let path = entry.unwrap().path();
        let twin = other.join(path.file_name().unwrap());
        if path.is_dir() {
            seen += same_files(&path, &twin);
        } else {
            assert!(fs::read(&path).unwrap() == fs::read(&twin).unwrap(), "{} differs", path.display());
            seen += 1;
        }
    }
    seen
}

#[test]
fn the_readme_leads_from_files_to_a_signed_report() {
    let mut example = Example::new();
    assert_eq!(example.block("build"), "cargo build --bin syncline", "this test was built by that");
    fs::remove_dir_all(example.folder().join("month")).unwrap();
    example.run("month");
    assert_eq!(same_files(&source().join("month"), &example.folder().join("month")), 11);

    example.run("run");
    let mut planted = 0;
    for (at, leg) in LEGS.into_iter().enumerate() {
        let run = example.shown(at + 1);
        assert_eq!((&run["run"]["reconciliation"], &run["run"]["status"]), (&leg.into(), &"complete".into()));
        let (told, late) = truth(&example.folder(), leg);
        assert_eq!(said(&run["report"]), told, "{leg}");
        assert_eq!(run["report"]["figures"]["late"], late, "{leg}");
        for bridge in run["report"]["tie_out"].as_array().unwrap() {
            assert_eq!(bridge["residual"]["amount_minor"], "0", "{leg}");
        }
        planted += told.len();
    }
    assert!(planted >= 75, "{planted}");

    payouts(&example);
    let listed = example.run("breaks");
    assert!(listed.contains("PAYOUT_NOT_RECEIVED") && listed.contains("unexplained residual"), "{listed}");
    stories(&mut example);
    for block in ["match", "write-off", "approve", "resolve", "again", "export"] {
        example.run(block);
    }
    let proved = example.run("verify");
    assert!(proved.contains("made again, to the byte"), "{proved}");
    assert!(example.blocks.next().is_none(), "the README has more commands than this test runs");

    let signed = example.shown(7);
    let names = [&signed["run"]["preparer"]["actor"], &signed["run"]["approver"]["actor"]];
    assert_eq!(names, ["ann", "bob"]);
    let matched = signed["report"]["matches"].as_array().unwrap().iter().filter(|of| of["bucket"] == "MATCHED_MANUAL");
    assert_eq!(matched.count(), 1);
    printed(&example, &signed);
    calculated(&example, &signed);
    delimited(&example, &signed);
}

/// One's money: held up with the payout that did not come, arrived, and back from the bank's reference to all orders.
fn stories(example: &mut Example) {
    let held_up = example.run("story");
    for told in [
        "broken at Bank: paid out, not seen at the bank",
        "net 314.70 EUR; reached the bank -",
        "b4cba15089bad008f",
        "3599.59",
    ] {
        assert!(held_up.contains(told), "{told}: {held_up}");
    }
    let arrived = example.run("arrived");
    assert!(arrived.contains("complete: ") && arrived.contains("worth 21460 JPY"), "{arrived}");
    assert!(arrived.contains("net 21080 JPY; reached the bank 21080 JPY"), "{arrived}");
    let payout = example.run("payout");
    assert!(
        payout.contains("trace trace-30008") && payout.contains("so-100020") && payout.contains("so-100117"),
        "{payout}"
    );
}

/// Every movement is in one payout's bridge, every bridge adds up, and what did not tie or arrive is what the legs call breaks.
fn payouts(example: &Example) {
    let run = example.shown(4);
    let told = run["report"]["payouts"].as_array().unwrap();
    let minor = |amount: &Value| text(&amount["amount_minor"]).parse::<i128>().unwrap();
    let (mut net, mut paid) = (BTreeMap::new(), BTreeMap::new());
    for payout in told {
        let activity: i128 = payout["activity"].as_array().unwrap().iter().map(|pair| minor(&pair[1])).sum();
        assert_eq!(activity, minor(&payout["net"]), "{payout}");
        *net.entry(text(&payout["unit"])).or_insert(0) += minor(&payout["net"]);
        *paid.entry(text(&payout["unit"])).or_insert(0) +=
            payout["paid"].as_object().map_or(0, |_| minor(&payout["paid"]));
    }
    for bridge in run["report"]["tie_out"].as_array().unwrap() {
        let (unit, total) = (text(&bridge["unit"]), &bridge["lines"][0]);
        assert_eq!((net[&unit], paid[&unit]), (minor(&total["amount_a"]), minor(&total["amount_b"])), "{unit}");
    }
    let named = |report: &Value, code: &str| -> BTreeSet<String> {
        let breaks = report["breaks"].as_array().unwrap().iter().filter(|found| found["code"] == code);
        breaks
            .map(|found| text(&found["keys"].as_array().unwrap().iter().find(|key| key[0] == "payout").unwrap()[1]))
            .collect()
    };
    let off = told.iter().filter(|payout| minor(&payout["difference"]) != 0 && !payout["paid"].is_null());
    let off: BTreeSet<String> = off.map(|payout| text(&payout["payout"])).collect();
    assert_eq!(off, named(&run["report"], "GROUP_SUM_MISMATCH"));
    assert!(told.iter().any(|payout| payout["received"] == payout["paid"] && payout["bank_line"].is_string()));
    let missing = named(&example.shown(6)["report"], "PAYOUT_NOT_RECEIVED");
    for payout in told.iter().filter(|payout| missing.contains(&text(&payout["payout"]))) {
        assert!(payout["bank_line"].is_null() && payout["received"].is_null(), "{payout}");
    }
    let waiting = told.iter().filter(|payout| payout["payout"] == "not paid out yet");
    assert_eq!(waiting.map(|payout| minor(&payout["difference"])).sum::<i128>(), 0);
    let shown = example
        .shell("target/debug/syncline --config examples/finance recon show 4 --section payouts || test $? -eq 3");
    assert!(shown.contains("charge ") && shown.contains("fees -") && shown.contains(".xml:"), "{shown}");
    let proved = example.shell("target/debug/syncline --config examples/finance recon verify 4");
    assert!(proved.contains("made again, to the byte"), "{proved}");
}

/// The tie-out's totals, as the run has them: unit, then counts and amounts.
fn totals(run: &Value) -> Vec<[String; 6]> {
    let bridges = run["report"]["tie_out"].as_array().unwrap();
    let of = |bridge: &Value| {
        let line = &bridge["lines"][0];
        [
            text(&bridge["unit"]),
            line["count_a"].to_string(),
            text(&line["amount_a"]["decimal"]),
            line["count_b"].to_string(),
            text(&line["amount_b"]["decimal"]),
            text(&line["difference"]["decimal"]),
        ]
    };
    bridges.iter().map(of).collect()
}

/// What `recon show` prints and what the PDF says are the same figures.
fn printed(example: &Example, run: &Value) {
    let shown = example
        .shell("target/debug/syncline --config examples/finance recon show 7 --section tie-out || test $? -eq 3");
    let words = |text: &str| -> Vec<Vec<String>> {
        text.lines().map(|line| line.split_whitespace().map(|word| word.replace(',', "")).collect()).collect()
    };
    let has = |lines: &[Vec<String>], total: &[String; 6]| {
        lines.iter().any(|line| line.first().is_some_and(|word| word == "total") && line[1..] == total[1..])
    };
    let totals = totals(run);
    assert_eq!(totals.len(), 3);
    assert!(totals.iter().all(|total| has(&words(&shown), total)), "{totals:?}\n{shown}");
    let Some(reader) = program("pdftotext", "poppler-utils") else { return };
    let file = example.folder().join("signed/bank-2026-11.pdf");
    let arguments = [OsStr::new("-layout"), file.as_os_str(), OsStr::new("-")];
    let text = String::from_utf8(run_program(&reader, &arguments, example.root.path())).unwrap();
    assert!(totals.iter().all(|total| has(&words(&text), total)), "{totals:?}\n{text}");
    for page in text.split('\u{c}').filter(|page| !page.trim().is_empty()) {
        for word in [run["run"]["sha256"].as_str().unwrap(), "preparer ann", "approver bob"] {
            assert!(page.contains(word), "{word}: {page}");
        }
    }
    assert!(text.contains("trace-30008") && text.contains("agreed"), "{text}");
}

/// LibreOffice computes the workbook's totals to what the run has.
fn calculated(example: &Example, run: &Value) {
    let Some(office) = program("soffice", "libreoffice-calc-nogui") else { return };
    let home = tempfile::tempdir().unwrap();
    let profile = format!("-env:UserInstallation=file://{}/profile", home.path().display());
    let filter = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1";
    let (out, file) = (home.path().join("out"), example.folder().join("signed/bank-2026-11.xlsx"));
    let arguments = [profile.as_ref(), "--headless", "--convert-to", filter, "--outdir"].map(OsStr::new);
    run_program(&office, &[&arguments[..], &[out.as_os_str(), file.as_os_str()]].concat(), home.path());
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(out.join("bank-2026-11-Tie-out.csv")).unwrap();
    let rows: Vec<Vec<String>> =
        reader.records().map(|record| record.unwrap().iter().map(|cell| cell.replace(',', "")).collect()).collect();
    for total in totals(run) {
        let number = |text: &str| text.parse::<f64>().unwrap();
        let found = rows.iter().find(|row| row[0] == total[0] && row[1] == "total");
        let found = found.unwrap_or_else(|| panic!("{total:?} in {rows:?}"));
        assert!(
            found[2..7].iter().zip(&total[1..]).all(|(cell, told)| number(cell) == number(told)),
            "{found:?} {total:?}"
        );
    }
}

/// Every format leaves the hub, under a name of its own where none is given, and nothing half-written stays.
fn delimited(example: &Example, run: &Value) {
    let folder = example.root.path().join("out");
    fs::create_dir(&folder).unwrap();
    for format in ["csv", "csv-archive", "jsonl", "xlsx", "pdf"] {
        example.shell(&format!(
            "target/debug/syncline --config examples/finance recon export 7 --format {format} --out out"
        ));
    }
    let mut names: Vec<String> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let stem = "bank_2026-11-01_2026-11-30_run-7";
    let endings = [".jsonl", ".pdf", ".xlsx", ".zip", "_breaks.csv"];
    assert_eq!(names, endings.map(|ending| format!("{stem}{ending}")));
    let same = |one: &str, other: &str| {
        fs::read(folder.join(format!("{stem}{one}"))).unwrap()
            == fs::read(example.folder().join("signed").join(other)).unwrap()
    };
    assert!(same(".pdf", "bank-2026-11.pdf") && same(".xlsx", "bank-2026-11.xlsx"), "exports are not repeatable");
    let lines = fs::read_to_string(folder.join(format!("{stem}.jsonl"))).unwrap();
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["sha256"], run["run"]["sha256"]);
    let printed = example.shell(
        "target/debug/syncline --config examples/finance recon export 7 --format csv --section tie-out --semicolon --out -",
    );
    for total in totals(run) {
        let start = format!("{};total;{};{};", total[0], total[1], total[2].replace('.', ","));
        assert!(printed.lines().any(|line| line.starts_with(&start)), "{start}\n{printed}");
    }
    let refused = [
        ("--format pdf --section breaks", "`section` is for csv"),
        ("--format csv --section brakes", "no section of a report"),
        ("--format pdf --out nowhere/report.pdf", "nowhere/report.pdf"),
    ];
    for (asked, why) in refused {
        let script = format!("target/debug/syncline --config examples/finance recon export 7 {asked} 2>&1 || true");
        let told = example.shell(&script);
        assert!(told.contains(why), "{told}");
    }
    let after: Vec<_> = fs::read_dir(example.root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(after.len(), 3, "{after:?}");
}
