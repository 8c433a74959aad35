//! Reading bytes into rows, and the formats that several tests share.

use serde_json::Value;
use syncline::connector::file::compression::Compression;
use syncline::connector::file::decimal::DecimalForm;
use syncline::connector::file::format::{ColumnNames, CsvFormat, CsvRecordType, CsvRecordTypes, RecordRole};
use syncline::connector::file::totals::{ControlTotals, ControlValue, TotalCheck};
use syncline::connector::file::{
    Encoding, FileError, FileFormat, FileLimits, FileRow, FileSpec, FileSummary, ReadContext, read,
};

pub fn read_bytes(spec: &FileSpec, bytes: &[u8]) -> Result<(Vec<FileRow>, FileSummary), FileError> {
    read_with(spec, ReadContext::new("test.dat", &FileLimits::default()), bytes)
}

pub fn read_with(
    spec: &FileSpec,
    context: ReadContext<'_>,
    bytes: &[u8],
) -> Result<(Vec<FileRow>, FileSummary), FileError> {
    let mut rows = Vec::new();
    let summary = read(spec, context, bytes, &mut |row| {
        rows.push(row);
        Ok(())
    })?;
    Ok((rows, summary))
}

pub fn values(rows: &[FileRow]) -> Vec<Value> {
    rows.iter().map(|row| row.value.clone()).collect()
}

#[track_caller]
pub fn check_rows(spec: &FileSpec, bytes: &[u8], expected: Value) {
    let (rows, _) = read_bytes(spec, bytes).unwrap();
    assert_eq!(Value::Array(values(&rows)), expected);
}

/// The message without its next step, so that tests show what a person reads first.
#[track_caller]
pub fn check_error(spec: &FileSpec, bytes: &[u8], expected: &str) {
    let error = read_bytes(spec, bytes).unwrap_err();
    assert!(!error.next_step().is_empty());
    let message = error.to_string();
    assert_eq!(message.strip_suffix(&format!("; {}", error.next_step())).unwrap(), expected);
}

pub fn csv(delimiter: char, change: impl FnOnce(&mut CsvFormat)) -> FileSpec {
    let mut format = CsvFormat::new(ColumnNames::FirstRow { required: Vec::new() });
    format.delimiter = delimiter;
    change(&mut format);
    FileSpec::new(FileFormat::Csv(format))
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn gzipped(spec: &FileSpec) -> FileSpec {
    FileSpec { compression: Compression::Gzip, ..spec.clone() }
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The header/detail/trailer stock file of the partner reference: `;`, Windows-1252, decimal comma, totals.
pub fn stock_drop() -> FileSpec {
    let kind =
        |code: &str, role, columns: &[&str]| CsvRecordType { code: code.to_owned(), role, columns: strings(columns) };
    let records = CsvRecordTypes {
        column: 1,
        types: vec![
            kind("H", RecordRole::Header, &["type", "name", "source", "date", "time", "sequence", "version"]),
            kind(
                "D",
                RecordRole::Data,
                &["type", "sku", "name", "site", "qty", "reserved", "price", "currency", "tax", "active"],
            ),
            kind("T", RecordRole::Trailer, &["type", "rows", "sum_qty", "sum_price"]),
        ],
    };
    let trailer = |name: &str| ControlValue::Trailer(name.to_owned());
    let sum = |stated: &str, column: &str, positives_only| TotalCheck::Sum {
        stated: trailer(stated),
        record_type: None,
        column: column.to_owned(),
        form: DecimalForm::GROUPED_COMMA,
        stated_form: DecimalForm::COMMA,
        positives_only,
    };
    let mut format = CsvFormat::new(ColumnNames::ByRecordType(records));
    format.delimiter = ';';
    FileSpec {
        encoding: Encoding::Windows1252,
        totals: ControlTotals {
            checks: vec![
                TotalCheck::Count { stated: trailer("rows"), record_type: None },
                sum("sum_qty", "qty", true),
                sum("sum_price", "price", false),
                TotalCheck::Sequence {
                    stated: ControlValue::Header("sequence".to_owned()),
                    wraps_after: Some(9_999_999),
                },
            ],
            control_file_name: None,
        },
        ..FileSpec::new(FileFormat::Csv(format))
    }
}

pub const STOCK_DROP: &str = "H;BESTAND;ERP01;20261120;061500;0001423;V2\r\n\
    D;MUG-01;Becher blau;WH1;240;0;9,50;EUR;19,00;J\r\n\
    D;PLATE-02;\"Teller \"\"rund\"\" 4er\";WH1;0;12;24,00;EUR;19,00;J\r\n\
    D;00123;Größe L €;WH2;7,5-;0;1.234,50;EUR;7,00;N\r\n\
    T;0000003;240;1268,00\r\n";

pub fn cp1252(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = syncline::connector::file::encoding::Encoder {
        encoding: Encoding::Windows1252,
        unmappable: syncline::connector::file::encoding::Unmappable::Fail,
    };
    encoder.encode(text, &mut bytes).unwrap();
    bytes
}
