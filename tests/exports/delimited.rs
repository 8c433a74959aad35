//! CSV, its archive and JSON Lines. Not here: workbooks, print.

use std::collections::BTreeMap;

use proptest::prelude::*;
use syncline::finance::export::{Dialect, ExportError, Format, Section, Separator, fingerprint, write};
use syncline::recon::report::{Report, RunStatus};
use syncline::recon::unit::Unit;

use crate::made::{HOSTILE, Plan, bridged, export, report, signatures, usual};

const SEMICOLON: Dialect = Dialect { bom: true, separator: Separator::Semicolon };

/// Header, rows, totals.
fn parse(bytes: &[u8], delimiter: u8, label_at: usize) -> (Vec<String>, Vec<Vec<String>>, Vec<Vec<String>>) {
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(bytes);
    let header = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows: Vec<Vec<String>> = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    let (totals, rows) =
        rows.into_iter().partition(|row| ["total", "residual (must be 0)"].contains(&row[label_at].as_str()));
    (header, rows, totals)
}

#[track_caller]
fn check_sums(report: &Report, section: Section, bucket: &str) {
    let (header, rows, totals) = parse(&export(report, Format::Csv(section, Dialect::default())), b',', 0);
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let mut sums: BTreeMap<&str, [i128; 2]> = BTreeMap::new();
    for row in &rows {
        let Ok(unit) = Unit::parse(&row[at("unit")]) else { continue };
        for (side, name) in ["amount_a", "amount_b"].into_iter().enumerate() {
            let (decimal, minor) = (&row[at(name)], &row[at(&format!("{name}_minor"))]);
            let sum = &mut sums.entry(&row[at("unit")]).or_default()[side];
            if !minor.is_empty() {
                assert_eq!(unit.amount(decimal).unwrap(), minor.parse::<i128>().unwrap());
                *sum += minor.parse::<i128>().unwrap();
            }
        }
    }
    assert_eq!(totals.len(), sums.len());
    for total in &totals {
        let unit = total[at("unit")].as_str();
        let told = ["amount_a_minor", "amount_b_minor"].map(|name| total[at(name)].parse::<i128>().unwrap());
        assert_eq!(told, sums[unit], "{unit}: the visible rows");
        assert_eq!(told, bridged(report, unit, bucket), "{unit}: the tie-out");
        let decimal = Unit::parse(unit).unwrap().amount(&total[at("amount_a")]).unwrap();
        assert_eq!(decimal, told[0]);
    }
}

#[test]
fn totals_are_the_sums_of_visible_rows_and_the_tie_out() {
    let report = usual();
    check_sums(&report, Section::Breaks, "BREAK(");
    check_sums(&report, Section::Excluded, "EXCLUDED(");
    check_sums(&report, Section::Rejected, "REJECTED");
    let (_, rows, totals) = parse(&export(&report, Format::Csv(Section::TieOut, Dialect::default())), b',', 1);
    // `total` is a line of the bridge itself here.
    let residuals: Vec<_> = totals.into_iter().filter(|row| row[1] != "total").collect();
    assert!(rows.len() >= 12 && residuals.len() == 3);
    for residual in residuals {
        assert!(residual[2..].iter().all(|cell| ["0", "0.00", "0.000"].contains(&cell.as_str())), "{residual:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_report_adds_up(rows in prop::collection::vec(
        ("[a-z=+@-]{1,3}", prop::sample::select(vec!["EUR", "JPY", "KWD"]), prop::option::of(-1i128 << 70..1i128 << 70), prop::option::of(any::<i64>())),
        0..40,
    )) {
        let rows = rows.into_iter().map(|(key, unit, a, b)| (key, unit, a, b.map(i128::from))).collect();
        let report = report(&Plan { rows });
        check_sums(&report, Section::Breaks, "BREAK(");
        check_sums(&report, Section::Excluded, "EXCLUDED(");
        export(&report, Format::Xlsx);
    }
}

#[test]
fn texts_are_no_formulas_and_negatives_stay_numbers() {
    let bytes = export(&usual(), Format::Csv(Section::Breaks, Dialect::default()));
    let (header, rows, _) = parse(&bytes, b',', 0);
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    for key in HOSTILE {
        let expected =
            if key.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{key}") } else { key.to_owned() };
        assert!(rows.iter().any(|row| row[at("key")] == expected), "{key:?}");
    }
    let over = rows.iter().find(|row| row[at("key")] == "over-EUR").unwrap();
    assert_eq!([&over[at("amount_a")], &over[at("amount_a_minor")]], ["-50.01", "-5001"]);
    let over = rows.iter().find(|row| row[at("key")] == "over-KWD").unwrap();
    assert_eq!([&over[at("amount_a")], &over[at("amount_a_minor")]], ["-5.001", "-5001"]);
    assert!(bytes.ends_with(b"\r\n"));
}

#[test]
fn the_other_dialect_has_a_mark_semicolons_and_decimal_commas() {
    let bytes = export(&usual(), Format::Csv(Section::Breaks, SEMICOLON));
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap();
    let (header, rows, _) = parse(bytes, b';', 0);
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    assert!(rows.iter().any(|row| row[at("amount_a")] == "-50,01"));
}

#[test]
fn an_archive_holds_every_section() {
    let report = usual();
    let bytes = export(&report, Format::CsvArchive(Dialect::default()));
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    for section in Section::ALL {
        let mut entry = zip.by_name(&format!("{}.csv", section.as_str())).unwrap();
        let mut held = Vec::new();
        std::io::copy(&mut entry, &mut held).unwrap();
        assert_eq!(held, export(&report, Format::Csv(section, Dialect::default())), "{section:?}");
    }
    assert_eq!(zip.len(), Section::ALL.len());
}

#[test]
fn json_lines_hold_every_record_once() {
    let report = usual();
    let text = String::from_utf8(export(&report, Format::JsonLines)).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |section: &str| lines.iter().filter(|line| line["section"] == section).count();
    assert_eq!(of("breaks"), report.breaks.len());
    assert_eq!(of("tie_out"), 3);
    assert_eq!(of("signatures"), 2);
    assert_eq!(lines[0]["sha256"].as_str().unwrap(), fingerprint(&report).unwrap());
    let breaks = lines.iter().filter(|line| line["section"] == "breaks").map(|line| line["record"].clone());
    let back: Vec<syncline::recon::report::OpenItem> =
        breaks.map(|record| serde_json::from_value(record).unwrap()).collect();
    assert_eq!(back, report.breaks);
}

#[test]
fn equal_reports_give_equal_bytes() {
    let csv = Format::Csv(Section::Breaks, SEMICOLON);
    for format in [csv, Format::CsvArchive(SEMICOLON), Format::JsonLines, Format::Xlsx, Format::Pdf] {
        assert_eq!(export(&usual(), format), export(&usual(), format), "{format:?}");
    }
}

#[test]
fn a_signature_of_another_report_is_refused() {
    let (report, mut other) = (usual(), usual());
    other.cover.rules.push('x');
    let refused = write(&other, &signatures(&report), Format::Pdf, &mut Vec::new()).unwrap_err();
    assert!(matches!(&refused, ExportError::OtherReport { actor, .. } if actor == "maria"), "{refused}");
}

#[test]
fn a_report_that_does_not_add_up_is_refused_unless_it_says_so() {
    let mut report = usual();
    report.breaks.pop();
    let refused = write(&report, &[], Format::JsonLines, &mut Vec::new()).unwrap_err();
    assert!(matches!(refused, ExportError::Totals { .. }), "{refused}");
    report.cover.status = RunStatus::Failed;
    write(&report, &[], Format::JsonLines, &mut Vec::new()).unwrap();
}
