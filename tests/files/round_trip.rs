//! What the writers write, the readers read back unchanged, for any rows, in every format and encoding.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use syncline::connector::file::format::{
    FixedField, FixedFormat, FixedLineEnd, FixedRecordTypes, LengthUnit, LineEnd, Sign, XmlFormat,
};
use syncline::connector::file::write::{CsvWrite, FileWriter, FixedWrite, Quoting, WriteFormat, WriteSpec, XmlWrite};
use syncline::connector::file::{Encoding, FileFormat, FileSpec};

use crate::json::lines;
use crate::support::{csv, read_bytes, values};

fn round_trip(write: &WriteSpec, spec: &FileSpec, rows: &[Value]) -> Vec<Value> {
    let (given, mut out) = (Map::new(), Vec::new());
    let mut writer = FileWriter::new("trip", write, &given, &mut out).unwrap();
    for row in rows {
        writer.row(row).unwrap();
    }
    writer.finish().unwrap();
    values(&read_bytes(spec, &out).unwrap().0)
}

/// Text with everything that is awkward in files, all of it in Windows-1252.
fn text() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[ a-z0-9;,|\"'=#\\r\\n\\tüß€&<>/\\\\-]{0,12}").unwrap()
}

/// Anything but NUL and Ctrl-Z, which no text file may contain.
fn any_text() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| text.replace(['\0', '\u{1a}'], ""))
}

fn encodings() -> impl Strategy<Value = Encoding> {
    prop::sample::select(vec![Encoding::Utf8, Encoding::Windows1252, Encoding::Utf16Le, Encoding::Utf16Be])
}

proptest! {
    #[test]
    fn csv_rows(
        rows in prop::collection::vec((text(), text()), 1..8),
        delimiter in prop::sample::select(vec![';', ',', '\t', '|']),
        encoding in encodings(),
        always in any::<bool>(),
        byte_order_mark in any::<bool>(),
    ) {
        let rows: Vec<Value> = rows.into_iter().map(|(a, b)| json!({"sku": a, "name": b})).collect();
        let mut format = CsvWrite::new(&["sku", "name"]);
        format.delimiter = delimiter;
        format.quoting = if always { Quoting::Always } else { Quoting::WhenNeeded };
        let write = WriteSpec { encoding, byte_order_mark, ..WriteSpec::new(WriteFormat::Csv(format)) };
        let spec = FileSpec { encoding, ..csv(delimiter, |_| {}) };
        prop_assert_eq!(round_trip(&write, &spec, &rows), rows);
    }

    #[test]
    fn csv_of_one_column(rows in prop::collection::vec(any_text(), 1..8)) {
        let rows: Vec<Value> = rows.into_iter().map(|a| json!({"only": a})).collect();
        let write = WriteSpec::new(WriteFormat::Csv(CsvWrite::new(&["only"])));
        prop_assert_eq!(round_trip(&write, &csv(',', |_| {}), &rows), rows);
    }

    #[test]
    fn json_lines_rows(rows in prop::collection::vec((any_text(), any::<i128>(), any::<bool>(), prop::collection::vec(any_text(), 0..3)), 1..6)) {
        let rows: Vec<Value> = rows
            .into_iter()
            .map(|(text, number, flag, list)| {
                let number: Value = serde_json::from_str(&format!("{number}.250")).unwrap();
                json!({"t": text, "n": number, "f": flag, "l": list, "o": {"x": null}})
            })
            .collect();
        prop_assert_eq!(round_trip(&WriteSpec::new(WriteFormat::JsonLines), &lines(), &rows), rows);
    }

    #[test]
    fn xml_records(rows in prop::collection::vec((text(), text(), prop::collection::vec(text(), 1..4)), 1..6), encoding in encodings()) {
        let rows: Vec<Value> =
            rows.into_iter().map(|(a, b, l)| json!({"@id": a, "name": b, "line": l, "sub": {"@k": "v", "#text": "x"}})).collect();
        let mut format = XmlFormat::new("doc/item");
        format.lists = vec!["line".to_owned()];
        let spec = FileSpec { encoding, ..FileSpec::new(FileFormat::Xml(format)) };
        let xml = XmlWrite { record: "doc/item".to_owned(), root_attributes: Vec::new() };
        let write = WriteSpec { encoding, ..WriteSpec::new(WriteFormat::Xml(xml)) };
        prop_assert_eq!(round_trip(&write, &spec, &rows), rows);
    }

    #[test]
    fn fixed_width_records(
        rows in prop::collection::vec(("[a-zäß€]{0,8}", -9_999_999i64..=9_999_999, 0i64..=999_999), 1..8),
        sign in prop::sample::select(vec![Sign::At(20), Sign::Leading, Sign::Trailing, Sign::Overpunch]),
        lines in any::<bool>(),
        encoding in encodings(),
    ) {
        let decimal = |minor: i64, places: u32| rust_decimal::Decimal::new(minor, places).to_string();
        let rows: Vec<Value> = rows
            .into_iter()
            .map(|(name, qty, price)| json!({"name": name, "qty": decimal(qty, 3), "price": decimal(price, 2)}))
            .collect();
        let format = FixedFormat {
            record_length: 30,
            unit: LengthUnit::Characters,
            line_end: if lines { FixedLineEnd::Lines(LineEnd::LfOrCrLf) } else { FixedLineEnd::None },
            short_lines: false,
            records: FixedRecordTypes::One(vec![
                FixedField::text("name", 1, 8),
                FixedField::number("qty", 10, 9, 3, sign),
                FixedField::number("price", 22, 8, 2, Sign::None),
            ]),
        };
        let spec = FileSpec { encoding, ..FileSpec::new(FileFormat::Fixed(format.clone())) };
        let fixed = FixedWrite { format, data: None, header: Vec::new(), trailer: Vec::new() };
        let write = WriteSpec { encoding, ..WriteSpec::new(WriteFormat::Fixed(fixed)) };
        prop_assert_eq!(round_trip(&write, &spec, &rows), rows);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), encoding in prop::sample::select(Encoding::ALL.to_vec())) {
        for spec in [csv(';', |_| {}), lines(), crate::json::document(&["d"]), crate::xml::xml("//i", &[]), crate::fixed::stock_spec(), crate::support::stock_drop()] {
            for rows in [syncline::connector::file::format::RowPolicy::AllOrNothing, syncline::connector::file::format::RowPolicy::RowRejects] {
                let _ = read_bytes(&FileSpec { encoding, rows, ..spec.clone() }, &bytes);
            }
        }
    }

    #[test]
    fn damaged_files_never_panic_and_never_invent_rows(cut in 0usize..220, flip in 0usize..220, to in any::<u8>()) {
        let mut bytes = crate::support::cp1252(crate::support::STOCK_DROP);
        let position = flip % bytes.len();
        bytes[position] = to;
        bytes.truncate(cut.max(1));
        if let Ok((rows, _)) = read_bytes(&crate::support::stock_drop(), &bytes) {
            prop_assert_eq!(rows.len(), 3);
        }
    }
}
