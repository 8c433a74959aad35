//! Reading the way intake does, with the shipped connectors or with a format of a test's own.

use std::path::Path;
use std::sync::LazyLock;

use serde_json::{Value as Json, json};
use syncline::connector::file::format::{
    Balances, EmptyPolicy, FileFormat, FileSpec, Numbering, StatementFormat, StatementSyntax,
};
use syncline::connector::file::{FileError, FileLimits, FileRow, FileSummary, ReadContext, read};
use syncline::connector::registry::Registry;
use syncline::mapping::expr::Scope;
use syncline::mapping::{InContext, Mapping, Values};

static REGISTRY: LazyLock<Registry> =
    LazyLock::new(|| Registry::shipped().unwrap_or_else(|problems| panic!("{problems}")));

/// Connector, stream, sample.
pub const SAMPLES: &[(&str, &str, &str)] = &[
    ("mt940", "statements", "statement.sta"),
    ("bai2", "statements", "report.bai"),
    ("camt053", "statements", "statement.xml"),
    ("camt053", "statements", "statement-v8.xml"),
    ("stripe-reports", "transactions", "payout_reconciliation.itemized.5.csv"),
    ("stripe-reports", "payouts", "payouts.itemized.3.csv"),
    ("adyen-reports", "transactions", "settlement_detail_report_batch_134.csv"),
    ("adyen-reports", "payouts", "settlement_detail_report_batch_134.csv"),
    ("shopify-payouts", "transactions", "payment_transactions_export.csv"),
    ("shopify-payouts", "payouts", "payment_transactions_export.csv"),
    ("paypal-reports", "transactions", "STL-20261120.01.009.csv"),
    ("paypal-reports", "payouts", "STL-20261120.01.009.csv"),
];

pub fn sample(connector: &str, file: &str) -> Vec<u8> {
    std::fs::read(Path::new("connectors").join(connector).join("fixtures").join(file)).unwrap()
}

pub fn spec(connector: &str, stream: &str) -> FileSpec {
    REGISTRY.connector(connector).unwrap().manifest.stream(stream).unwrap().file_read().unwrap().format.clone()
}

pub fn statement(syntax: StatementSyntax, numbering: Numbering) -> FileSpec {
    let format = StatementFormat { syntax, numbering, balances: Balances::Required };
    FileSpec { empty: EmptyPolicy::NoChanges, ..FileSpec::new(FileFormat::Statement(format)) }
}

pub fn mt940() -> FileSpec {
    statement(StatementSyntax::Mt940 { terminated: true }, Numbering::Statements)
}

pub fn read_all(spec: &FileSpec, bytes: &[u8]) -> Result<(Vec<Json>, FileSummary), FileError> {
    read_after(spec, bytes, None)
}

pub fn read_after(spec: &FileSpec, bytes: &[u8], previous: Option<u64>) -> Result<(Vec<Json>, FileSummary), FileError> {
    let limits = FileLimits::default();
    let mut rows = Vec::new();
    let context = ReadContext { previous_sequence: previous, ..ReadContext::new("sample", &limits) };
    let summary = read(spec, context, bytes, &mut |row: FileRow| {
        rows.push(row.value);
        Ok(())
    })?;
    Ok((rows, summary))
}

#[track_caller]
pub fn refused(spec: &FileSpec, bytes: &[u8], reason: &str) {
    match read_all(spec, bytes) {
        Ok((rows, _)) => panic!("{} rows pass, expected {reason:?}", rows.len()),
        Err(error) => assert!(error.to_string().contains(reason), "{error}\nexpected: {reason}"),
    }
}

/// Keys and canonical records of the shipped connector's sample.
#[track_caller]
pub fn records(connector: &str, stream: &str, file: &str) -> Vec<(String, Json)> {
    let registry = &*REGISTRY;
    let described = registry.connector(connector).unwrap().manifest.stream(stream).unwrap();
    let read = described.file_read().unwrap();
    assert!(read.pattern.matches(file).is_some(), "{file} does not match the pattern");
    let (rows, _) = read_all(&read.format, &sample(connector, file)).unwrap_or_else(|error| panic!("{error}"));
    let entity = match described.entity {
        syncline::connector::manifest::StreamEntity::One(entity) => entity,
        syncline::connector::manifest::StreamEntity::Any => panic!("any entity"),
    };
    let values = Values::load(registry.mapping(&format!("{connector}/values"))).unwrap();
    let mapping =
        Mapping::load(registry.mapping(&format!("{connector}/{entity}")), &values).unwrap_or_else(|p| panic!("{p}"));
    let settings = json!({});
    rows.iter()
        .map(|row| {
            let key = described.key.as_ref().unwrap().render(&Scope::new().with("record", row)).unwrap();
            let record = mapping.map_in(row, InContext { settings: &settings }).unwrap_or_else(|e| panic!("{e}"));
            (key, record.to_json())
        })
        .collect()
}
