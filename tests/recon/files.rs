//! The month as files: the shipped example is what the generator writes, the shipped connectors read its statements and reports,
//! and the truth told beside them is what the engine finds in them.
//!
//! `SYNCLINE_WRITE_EXAMPLES=1` writes the example anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syncline::connector::file::{FileLimits, FileRow, ReadContext, read};
use syncline::connector::registry::Registry;
use syncline::recon::large::{Columns, Delimited, FieldColumn, FieldKind, Room, reconcile_large};
use syncline::recon::outcome::NothingCarried;
use syncline::recon::rules::RuleSet;
use syncline::recon::settle::Circumstances;
use syncline::sandbox::ledger::{LegKind, Month, MonthFile, MonthOptions, write_month};

use crate::ledger::rules;
use crate::make::day;

fn options() -> MonthOptions {
    MonthOptions::default()
}

fn found_in(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { found_in(&path) } else { BTreeSet::from([path]) }).collect()
}

#[test]
fn the_shipped_example_is_what_the_generator_writes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/finance/month");
    let files = write_month(options()).unwrap();
    assert_eq!(files, write_month(options()).unwrap());
    if std::env::var_os("SYNCLINE_WRITE_EXAMPLES").is_some() {
        for file in &files {
            let path = folder.join(&file.path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, &file.text).unwrap();
        }
    }
    for file in &files {
        let shipped = std::fs::read_to_string(folder.join(&file.path)).unwrap();
        assert!(shipped == file.text, "{} is not what the generator writes", file.path);
    }
    let written: BTreeSet<PathBuf> = files.iter().map(|file| folder.join(&file.path)).collect();
    assert_eq!(found_in(&folder), written);
    assert_ne!(files, write_month(MonthOptions { seed: 2, ..options() }).unwrap());
}

fn records(connector: &str, stream: &str, text: &str) -> u64 {
    let registry = Registry::shipped().unwrap_or_else(|problems| panic!("{problems}"));
    let stream = registry.connector(connector).unwrap().manifest.stream(stream).unwrap();
    let limits = FileLimits::default();
    let mut count = 0;
    let mut each = |_: FileRow| {
        count += 1;
        Ok(())
    };
    let format = &stream.file_read().unwrap().format;
    read(format, ReadContext::new("month", &limits), text.as_bytes(), &mut each)
        .unwrap_or_else(|error| panic!("{error}"));
    count
}

#[test]
fn shipped_connectors_read_statements_and_reports() {
    for seed in 1..4 {
        let options = MonthOptions { seed, orders: 900, year: 2028, month: 2 };
        let (month, files) = (Month::of(options).unwrap(), write_month(options).unwrap());
        let mut read = BTreeMap::<&str, u64>::new();
        for MonthFile { path, text } in &files {
            let (connector, stream) = match path.as_str() {
                path if path.ends_with(".xml") => ("camt053", "statements"),
                path if path.ends_with(".sta") => ("mt940", "statements"),
                "processor/payout_reconciliation.itemized.csv" => ("stripe-reports", "transactions"),
                "processor/payouts/payouts.itemized.csv" => ("stripe-reports", "payouts"),
                _ => continue,
            };
            let place = if stream == "statements" { connector } else { stream };
            *read.entry(place).or_default() += records(connector, stream, text);
        }
        assert_eq!(read["transactions"], month.movements.len() as u64);
        assert_eq!(read["payouts"], month.payouts.len() as u64);
        assert!(read["camt053"] > 10 && read["mt940"] > 10, "{read:?}");
    }
}

fn orders(keys: &str, names: [&str; 5]) -> Columns {
    let [date, status, currency, amount, customer] = names.map(str::to_owned);
    Columns {
        keys: vec![Some(keys.to_owned()), None],
        amount,
        unit: Some(currency),
        date: Some(date),
        status: Some(status),
        fields: vec![Some(FieldColumn { name: customer, kind: FieldKind::Text })],
        ..Columns::default()
    }
}

#[test]
fn the_truth_beside_the_orders_is_what_the_engine_finds_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let files = write_month(MonthOptions { orders: 2_000, ..options() }).unwrap();
    let text = |path: &str| files.iter().find(|file| file.path == path).unwrap().text.clone();
    let rules = RuleSet { rounding_cap: 0, ..rules(LegKind::Orders) };
    let open = |name: &str, path: &str, delimiter: u8, columns: Columns| {
        let to = folder.path().join(name);
        std::fs::write(&to, text(path)).unwrap();
        Delimited::open(&to, delimiter, columns, &rules).unwrap()
    };
    let shop =
        open("a.csv", "shop/orders.csv", b',', orders("order", ["date", "status", "currency", "total", "customer"]));
    let erp = open(
        "b.csv",
        "erp/orders.csv",
        b';',
        orders("Order", ["Posting Date", "Status", "Currency", "Amount", "Customer"]),
    );
    let around = Circumstances::plain(day("2026-11-30"), &NothingCarried);
    let outcome = reconcile_large(&rules, [&shop, &erp], &[], &around, &Room::new(folder.path())).unwrap();
    let items = outcome.breaks.iter().chain(&outcome.timing);
    let mut found: Vec<String> = items.map(|item| item.key.as_deref().unwrap_or_default().to_owned()).collect();
    let truth = text("truth.csv");
    let told = truth.lines().map(|line| line.split(',').collect::<Vec<_>>());
    // Without taxed lines, what is rounding there is a difference here.
    let told = told.filter(|columns| columns[0] == "orders" && !["AGREES", "LATE"].contains(&columns[2]));
    let mut told: Vec<String> = told.map(|columns| columns[1].to_owned()).collect();
    found.sort();
    told.sort();
    assert_eq!(found, told);
    assert!(told.len() > 50, "{told:?}");
}
