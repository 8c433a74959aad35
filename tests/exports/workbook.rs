//! The workbook, read by another crate and recalculated by another program. Not here: full sheets, exact numbers (beside the code).

use std::ffi::OsStr;

use calamine::{Data, Range, Reader, Xlsx};
use syncline::finance::export::Format;
use syncline::recon::unit::Unit;

use crate::made::{HOSTILE, Plan, bridged, export, report, usual};
use crate::programs::{program, run};

fn open(bytes: Vec<u8>) -> Xlsx<std::io::Cursor<Vec<u8>>> {
    Xlsx::new(std::io::Cursor::new(bytes)).unwrap()
}

fn column(range: &Range<Data>, name: &str) -> usize {
    range.rows().next().unwrap().iter().position(|cell| *cell == name).expect(name)
}

/// The amount in a cell, exactly.
fn minor(cell: &Data, unit: &str) -> i128 {
    match cell {
        Data::Float(number) => Unit::parse(unit).unwrap().amount(&number.to_string()).unwrap(),
        Data::Int(number) => Unit::parse(unit).unwrap().amount(&number.to_string()).unwrap(),
        Data::String(text) => Unit::parse(unit).unwrap().amount(text).unwrap(),
        other => panic!("{other:?} is no amount"),
    }
}

#[test]
fn totals_are_formulas_whose_cached_values_are_the_sums() {
    let report = usual();
    let mut book = open(export(&report, Format::Xlsx));
    assert_eq!(book.sheet_names()[..4], ["Cover", "Tie-out", "Payouts", "Breaks"]);
    let range = book.worksheet_range("Breaks").unwrap();
    let formulas = book.worksheet_formula("Breaks").unwrap();
    let (unit_at, a_at) = (column(&range, "unit"), column(&range, "amount a"));
    for unit in ["EUR", "JPY", "KWD"] {
        let of_unit = |row: &&[Data]| row[unit_at] == unit;
        let (totals, rows): (Vec<&[Data]>, Vec<&[Data]>) =
            range.rows().filter(of_unit).partition(|row| row[0] == "total");
        assert_eq!(totals.len(), 1);
        let cells = rows.iter().map(|row| &row[a_at]).filter(|cell| **cell != Data::Empty);
        let sum: i128 = cells.map(|cell| minor(cell, unit)).sum();
        assert_eq!(minor(&totals[0][a_at], unit), sum, "{unit}");
        assert_eq!(sum, bridged(&report, unit, "BREAK(")[0], "{unit}");
    }
    let live = formulas.used_cells().filter(|(_, _, formula)| formula.contains("SUMIFS")).count();
    assert_eq!(live, 3 * 3);
    let keys: Vec<String> = range.rows().map(|row| row[column(&range, "key")].to_string()).collect();
    assert!(
        HOSTILE.iter().filter(|key| !key.contains('\r')).all(|key| keys.iter().any(|held| held == key)),
        "{keys:?}"
    );
    let dated = range.rows().skip(1).filter(|row| matches!(row[column(&range, "event date")], Data::DateTime(_)));
    assert_eq!(dated.count(), report.breaks.len());
}

#[test]
fn an_amount_of_more_than_fifteen_digits_is_a_text_and_so_is_its_total() {
    let large = 9_007_199_254_740_991_i128;
    let rows = vec![("big".to_owned(), "EUR", Some(large), None), ("small".to_owned(), "EUR", Some(5), None)];
    let mut book = open(export(&report(&Plan { rows }), Format::Xlsx));
    let range = book.worksheet_range("Breaks").unwrap();
    let cells: Vec<&Data> = range.rows().skip(1).map(|row| &row[column(&range, "amount a")]).collect();
    assert!(cells.contains(&&Data::String("90071992547409.91".to_owned())), "{cells:?}");
    assert_eq!(cells.last(), Some(&&Data::String("90071992547409.96".to_owned())));
}

/// Formulas are computed anew, and shown; the cached values are what the engine computed.
#[test]
fn another_program_computes_the_same_totals() {
    let Some(office) = program("soffice", "libreoffice-calc-nogui") else { return };
    let folder = tempfile::tempdir().unwrap();
    // Cached values are taken out, so that what is shown can only have been computed.
    let bytes = export(&usual(), Format::Xlsx);
    let mut cached = open(bytes.clone());
    std::fs::write(folder.path().join("report.xlsx"), without_cached_values(&bytes)).unwrap();
    let profile = format!("-env:UserInstallation=file://{}/profile", folder.path().display());
    let filter = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1";
    let (out, file) = (folder.path().join("out"), folder.path().join("report.xlsx"));
    let arguments = [profile.as_ref(), "--headless", "--convert-to", filter, "--outdir"].map(OsStr::new);
    run(&office, &[&arguments[..], &[out.as_os_str(), file.as_os_str()]].concat(), folder.path());
    for (sheet, formulas) in [("Tie-out", 5 * 3), ("Breaks", 3 * 3), ("Roll-forward", 2), ("Excluded", 2 * 3)] {
        let text = std::fs::read(out.join(format!("report-{sheet}.csv"))).unwrap();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_slice());
        let computed: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let range = cached.worksheet_range(sheet).unwrap();
        let mut seen = 0;
        let held = cached.worksheet_formula(sheet).unwrap();
        let (top, left) = held.start().unwrap();
        for (row, column, formula) in held.used_cells().filter(|(_, _, formula)| formula.contains("SUMIFS")) {
            let (row, column) = (row + top as usize, column + left as usize);
            let cell = range.get_value((row as u32, column as u32)).unwrap().to_string();
            let shown = computed[row][column].replace(',', "");
            assert_eq!(
                shown.parse::<f64>().unwrap(),
                cell.parse::<f64>().unwrap(),
                "{sheet} {row} {column}: {formula}"
            );
            seen += 1;
        }
        assert_eq!(seen, formulas, "{sheet}");
    }
}

fn without_cached_values(bytes: &[u8]) -> Vec<u8> {
    let mut old = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut new = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for at in 0..old.len() {
        let mut entry = old.by_index(at).unwrap();
        let mut held = Vec::new();
        std::io::copy(&mut entry, &mut held).unwrap();
        let name = entry.name().unwrap().into_owned();
        if name.starts_with("xl/worksheets/sheet") {
            let text = String::from_utf8(held).unwrap();
            let mut parts = text.split("</f><v>");
            let mut out = parts.next().unwrap().to_owned();
            for part in parts {
                out.push_str("</f>");
                out.push_str(part.split_once("</v>").unwrap().1);
            }
            held = out.into_bytes();
        }
        new.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut new, &held).unwrap();
    }
    new.finish().unwrap().into_inner()
}
