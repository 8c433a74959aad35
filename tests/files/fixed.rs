//! Fixed-width layouts: types, implied decimals, signs, lengths.

use serde_json::json;
use syncline::connector::file::decimal::DecimalForm;
use syncline::connector::file::format::{
    FixedField, FixedFormat, FixedLineEnd, FixedRecordType, FixedRecordTypes, LengthUnit, LineEnd, RecordRole,
    RowPolicy, Sign,
};
use syncline::connector::file::totals::{ControlTotals, ControlValue, TotalCheck};
use syncline::connector::file::{Encoding, FileFormat, FileSpec};

use crate::support::{check_error, check_rows, read_bytes};

pub fn stock_layout() -> FixedFormat {
    let kind = |code: &str, role, fields| FixedRecordType { code: code.to_owned(), role, fields };
    let item = vec![
        FixedField::text("type", 1, 2),
        FixedField::text("sku", 3, 18),
        FixedField::text("site", 21, 4),
        FixedField::number("qty", 25, 10, 3, Sign::At(35)),
        FixedField::number("price", 36, 11, 2, Sign::None),
        FixedField::text("currency", 47, 3),
        FixedField::text("date", 50, 8),
    ];
    let types = vec![
        kind("01", RecordRole::Header, vec![FixedField::text("name", 3, 18), FixedField::text("sequence", 58, 7)]),
        kind("10", RecordRole::Data, item),
        kind("99", RecordRole::Trailer, vec![FixedField::number("rows", 25, 10, 0, Sign::None)]),
    ];
    FixedFormat {
        record_length: 80,
        unit: LengthUnit::Characters,
        line_end: FixedLineEnd::Lines(LineEnd::LfOrCrLf),
        short_lines: false,
        records: FixedRecordTypes::ByCode { start: 1, length: 2, types },
    }
}

pub fn stock_spec() -> FileSpec {
    FileSpec {
        totals: ControlTotals {
            checks: vec![
                TotalCheck::Count { stated: ControlValue::Trailer("rows".to_owned()), record_type: None },
                TotalCheck::Sequence { stated: ControlValue::Header("sequence".to_owned()), wraps_after: None },
            ],
            control_file_name: None,
        },
        ..FileSpec::new(FileFormat::Fixed(stock_layout()))
    }
}

/// The layout sample of the partner reference, every record padded to 80.
pub fn stock_lines() -> Vec<String> {
    [
        "01BESTAND           ERP10000000000 00000000000EUR202611200001423",
        "10MUG-01            WH1 0000240000+00000000950EUR20261120",
        "10PLATE-02          WH1 0000012500-00000002400EUR20261120",
        "99                      0000000002",
    ]
    .iter()
    .map(|line| format!("{line:<80}"))
    .collect()
}

#[test]
fn the_sample_layout_is_read() {
    let text = stock_lines().join("\r\n") + "\r\n";
    let expected = json!([
        {"type": "10", "sku": "MUG-01", "site": "WH1", "qty": "240.000", "price": "9.50", "currency": "EUR", "date": "20261120"},
        {"type": "10", "sku": "PLATE-02", "site": "WH1", "qty": "-12.500", "price": "24.00", "currency": "EUR", "date": "20261120"},
    ]);
    check_rows(&stock_spec(), text.as_bytes(), expected.clone());
    assert_eq!(read_bytes(&stock_spec(), text.as_bytes()).unwrap().1.sequence, Some(1423));

    let mut layout = stock_layout();
    layout.short_lines = true;
    let stripped: String = stock_lines().iter().map(|line| format!("{}\n", line.trim_end())).collect();
    let spec = FileSpec { format: FileFormat::Fixed(layout), ..stock_spec() };
    check_rows(&spec, stripped.as_bytes(), expected.clone());
    check_error(
        &stock_spec(),
        stripped.as_bytes(),
        "file \"test.dat\", row 1, line 1, byte 0: expected a record of 80 characters, found 64",
    );

    let mut layout = stock_layout();
    layout.line_end = FixedLineEnd::None;
    let spec = FileSpec { format: FileFormat::Fixed(layout), ..stock_spec() };
    check_rows(&spec, stock_lines().concat().as_bytes(), expected.clone());
    let mut ebcdic = Vec::new();
    let encoder =
        syncline::connector::file::encoding::Encoder { encoding: Encoding::Ibm273, unmappable: Default::default() };
    encoder.encode(&stock_lines().concat(), &mut ebcdic).unwrap();
    check_rows(&FileSpec { encoding: Encoding::Ibm273, ..spec }, &ebcdic, expected);
}

#[test]
fn wrong_counts_lengths_types_and_numbers_are_refused() {
    let joined = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = stock_lines();
        change(&mut lines);
        lines.join("\n").into_bytes()
    };
    let spec = stock_spec();
    check_error(
        &spec,
        &joined(&|l| {
            l.remove(2);
        }),
        "file \"test.dat\": rows of the trailer record states 2 rows, found 1",
    );
    check_error(
        &spec,
        &joined(&|l| {
            l.pop();
        }),
        "file \"test.dat\": the file ends without its trailer record",
    );
    check_error(
        &spec,
        &joined(&|l| l[1].replace_range(0..2, "77")),
        "file \"test.dat\", row 2, line 2, byte 81: unknown record type \"77\"",
    );
    check_error(
        &spec,
        &joined(&|l| l[1].replace_range(30..31, "X")),
        "file \"test.dat\", row 2, line 2, qty, byte 81: \"000024X000+\" is not a number: not only digits",
    );
    check_error(
        &spec,
        &joined(&|l| l[2].push('!')),
        "file \"test.dat\", row 3, line 3, byte 162: expected a record of 80 characters, found 81",
    );
}

#[test]
fn bad_records_are_rejected_alone_and_still_counted() {
    let mut lines = stock_lines();
    lines[1].replace_range(30..31, "X");
    let spec = FileSpec { rows: RowPolicy::RowRejects, ..stock_spec() };
    let (rows, summary) = read_bytes(&spec, lines.join("\n").as_bytes()).unwrap();
    assert_eq!((rows.len(), summary.rejected.len()), (1, 1), "the trailer's 2 rows are 1 applied and 1 rejected");
}

#[test]
fn lengths_count_characters_or_bytes_as_declared() {
    let layout = |unit| FixedFormat {
        record_length: 8,
        unit,
        line_end: FixedLineEnd::Lines(LineEnd::LfOrCrLf),
        short_lines: false,
        records: FixedRecordTypes::One(vec![FixedField::text("name", 1, 6), FixedField::text("unit", 7, 2)]),
    };
    let by = |unit| FileSpec::new(FileFormat::Fixed(layout(unit)));
    let expected = json!([{"name": "Größe", "unit": "ST"}]);
    check_rows(&by(LengthUnit::Characters), "Größe ST\n".as_bytes(), expected.clone());
    let latin = FileSpec { encoding: Encoding::Iso8859_1, ..by(LengthUnit::Characters) };
    check_rows(&latin, b"Gr\xF6\xDFe ST\n", expected.clone());
    // By bytes the same eight positions hold two characters less.
    check_rows(&by(LengthUnit::Utf8Bytes), "GrößST\n".as_bytes(), json!([{"name": "Größ", "unit": "ST"}]));
    check_error(
        &by(LengthUnit::Utf8Bytes),
        "Größe ST\n".as_bytes(),
        "file \"test.dat\", row 1, line 1, byte 0: expected a record of 8 bytes, found 10",
    );
    check_error(
        &by(LengthUnit::Utf8Bytes),
        "abcdeöx\n".as_bytes(),
        "file \"test.dat\", row 1, line 1, name, byte 0: the field's first or last byte lies inside a character",
    );
}

#[test]
fn sums_run_over_numbers_with_implied_decimals() {
    let mut spec = stock_spec();
    spec.totals.checks = vec![TotalCheck::Sum {
        stated: ControlValue::Trailer("rows".to_owned()),
        record_type: Some("10".to_owned()),
        column: "price".to_owned(),
        form: DecimalForm::POINT,
        stated_form: DecimalForm::POINT,
        positives_only: false,
    }];
    let text = stock_lines().join("\n");
    check_error(
        &spec,
        text.as_bytes(),
        "file \"test.dat\": rows of the trailer record states a sum of 2 for price, found 33.50",
    );
}
