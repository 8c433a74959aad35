//! Files out: batches, names, formats, and records that do not fit.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use syncline::connector::call::{CallError, Lookup, Receipt, WriteContext};
use syncline::connector::file::format::{FixedField, FixedFormat, FixedLineEnd, FixedRecordTypes, LengthUnit, LineEnd};
use syncline::connector::file::write::{ControlCell, CsvWrite, FixedWrite, WriteFormat, WriteSpec, XmlWrite};
use syncline::connector::manifest::{Batch, FileWrite};
use syncline::deliver::{Effect, EffectKind, FileSink, Protection};
use syncline::model::ErrorClass;
use syncline::model::clock::Clock;

use crate::rig::file_write;

/// 2026-11-20T06:15:00Z.
pub const NOW_US: i64 = 1_795_155_300_000_000;

pub fn effect(key: &str, body: Value) -> Effect {
    let context = WriteContext { idempotency_key: key.to_owned(), ..WriteContext::default() };
    Effect { stream: "orders".to_owned(), kind: EffectKind::Create, body, context, formers: Vec::new() }
}

pub fn order(number: u32) -> Value {
    json!({
        "number": format!("#{number}"), "placed_at": "2026-11-20T06:00:00Z", "currency": "EUR", "total": "47.90",
        "tax_total": "7.65", "shipping_total": null, "status": "open", "payment_status": "paid", "email": "a@example.com",
    })
}

pub fn sink_of(write: &FileWrite, root: &Path, now_us: i64) -> FileSink {
    let settings = json!({ "folder_out": "out" });
    FileSink::new("files", "orders", write, settings, root, root, Clock::manual(now_us)).unwrap()
}

pub fn csv_write(records: u32, every: Duration) -> FileWrite {
    FileWrite { batch: Batch { records, every }, ..file_write("csv", "orders") }
}

pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub fn remote_id(written: Result<Receipt, Box<CallError>>) -> String {
    written.unwrap().remote_id.unwrap()
}

pub async fn found(sink: &FileSink, key: &str) -> Option<String> {
    let context = WriteContext { idempotency_key: key.to_owned(), ..WriteContext::default() };
    match sink.lookup(&context).await.unwrap() {
        Lookup::Found { remote_id, .. } => Some(remote_id),
        Lookup::Absent => None,
    }
}

const LONG: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(20);

#[tokio::test]
async fn a_full_batch_is_one_file_with_a_receipt_per_row() {
    let root = tempfile::tempdir().unwrap();
    let sink = sink_of(&csv_write(3, LONG), root.path(), NOW_US);
    let effects: Vec<Effect> = (1..=3).map(|n| effect(&format!("k{n}"), order(n))).collect();
    let (a, b, c) = tokio::join!(sink.write(&effects[0]), sink.write(&effects[1]), sink.write(&effects[2]));
    let name = "orders_20261120T061500000Z_00000001.csv";
    assert_eq!([a, b, c].map(remote_id), [1, 2, 3].map(|row| format!("{name}#{row}")));
    assert_eq!(names(&root.path().join("out")), [name.to_owned(), format!("{name}.done")]);
    let text = fs::read_to_string(root.path().join("out").join(name)).unwrap();
    let expected = "number,placed_at,currency,total,tax_total,shipping_total,status,payment_status,email\r\n\
        #1,2026-11-20T06:00:00Z,EUR,47.90,7.65,,open,paid,a@example.com\r\n";
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(text.lines().count(), 4);
    assert_eq!(found(&sink, "k2").await, Some(format!("{name}#2")));
    assert_eq!(found(&sink, "k4").await, None);
}

#[tokio::test]
async fn a_batch_that_does_not_fill_is_written_in_time() {
    let root = tempfile::tempdir().unwrap();
    let sink = sink_of(&csv_write(1_000, SHORT), root.path(), NOW_US);
    let (one, two) = (effect("k1", order(1)), effect("k2", order(2)));
    let (one, two) = tokio::join!(sink.write(&one), sink.write(&two));
    assert_eq!(remote_id(one), "orders_20261120T061500000Z_00000001.csv#1");
    assert_eq!(remote_id(two), "orders_20261120T061500000Z_00000001.csv#2");
}

#[tokio::test]
async fn a_drain_writes_what_waits() {
    let root = tempfile::tempdir().unwrap();
    let sink = Arc::new(sink_of(&csv_write(1_000, LONG), root.path(), NOW_US));
    let waiting = {
        let sink = Arc::clone(&sink);
        tokio::spawn(async move { sink.write(&effect("k1", order(1))).await })
    };
    while !waiting.is_finished() {
        sink.drain().await;
        tokio::task::yield_now().await;
    }
    assert_eq!(remote_id(waiting.await.unwrap()), "orders_20261120T061500000Z_00000001.csv#1");
}

#[tokio::test]
async fn names_go_on_over_restarts_and_a_clock_set_back() {
    let root = tempfile::tempdir().unwrap();
    let write = csv_write(1, LONG);
    let first = sink_of(&write, root.path(), NOW_US);
    remote_id(first.write(&effect("k1", order(1))).await);
    remote_id(first.write(&effect("k2", order(2))).await);
    drop(first);
    let again = sink_of(&write, root.path(), NOW_US - 3_600_000_000);
    remote_id(again.write(&effect("k3", order(3))).await);
    let written: Vec<String> =
        names(&root.path().join("out")).into_iter().filter(|name| name.ends_with(".csv")).collect();
    assert_eq!(
        written,
        [
            "orders_20261120T061500000Z_00000001.csv",
            "orders_20261120T061500001Z_00000002.csv",
            "orders_20261120T061500002Z_00000003.csv"
        ]
    );
}

#[tokio::test]
async fn a_name_that_is_taken_is_passed_over() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    fs::create_dir_all(&out).unwrap();
    let taken = "orders_20261120T061500000Z_00000001.csv";
    fs::write(out.join(taken), "the partner's").unwrap();
    let sink = sink_of(&csv_write(1, LONG), root.path(), NOW_US);
    let id = remote_id(sink.write(&effect("k1", order(1))).await);
    assert_eq!(id, "orders_20261120T061500001Z_00000002.csv#1");
    assert_eq!(fs::read_to_string(out.join(taken)).unwrap(), "the partner's");
}

#[tokio::test]
async fn a_record_that_does_not_fit_fails_alone() {
    let root = tempfile::tempdir().unwrap();
    let sink = sink_of(&csv_write(3, LONG), root.path(), NOW_US);
    let mut incomplete = order(2);
    incomplete.as_object_mut().unwrap().remove("total");
    let effects = [effect("k1", order(1)), effect("k2", incomplete), effect("k3", order(3))];
    let (a, b, c) = tokio::join!(sink.write(&effects[0]), sink.write(&effects[1]), sink.write(&effects[2]));
    assert!(remote_id(a).ends_with("#1"));
    assert!(remote_id(c).ends_with("#2"));
    let error = b.unwrap_err();
    assert_eq!((error.class, error.sent), (ErrorClass::Data, false));
    assert!(error.message.contains("a row without the field \"total\""), "{error}");
    assert!(!error.next_step.is_empty());
    assert_eq!(found(&sink, "k2").await, None);

    let alone = sink_of(&csv_write(1, LONG), root.path(), NOW_US);
    assert!(alone.write(&effect("k9", json!(["no object"]))).await.is_err());
    let files = names(&root.path().join("out"));
    assert_eq!(files.len(), 2, "a batch without rows is no file: {files:?}");
}

#[tokio::test]
async fn json_lines_take_canonical_records_as_they_are() {
    let root = tempfile::tempdir().unwrap();
    let write = FileWrite { batch: Batch { records: 1, every: LONG }, ..file_write("jsonl", "records") };
    let sink = sink_of(&write, root.path(), NOW_US);
    let body = json!({"number": "#1", "lines": [{"sku": "A", "quantity": "2"}], "total": {"amount_minor": 4790, "currency": "EUR"}});
    let id = remote_id(sink.write(&effect("k1", body.clone())).await);
    let name = id.split('#').next().unwrap();
    let text = fs::read_to_string(root.path().join("out").join(name)).unwrap();
    assert_eq!(serde_json::from_str::<Value>(text.trim_end()).unwrap(), body);
}

async fn text_of(format: WriteFormat, body: Value) -> String {
    let root = tempfile::tempdir().unwrap();
    let mut write = csv_write(1, LONG);
    write.format = WriteSpec::new(format);
    let id = remote_id(sink_of(&write, root.path(), NOW_US).write(&effect("k1", body)).await);
    fs::read_to_string(root.path().join("out").join(id.split('#').next().unwrap())).unwrap()
}

#[tokio::test]
async fn every_format_is_written_with_its_frame() {
    let xml = WriteFormat::Xml(XmlWrite { record: "orders/order".to_owned(), root_attributes: Vec::new() });
    let text = text_of(xml, json!({"number": "#1", "line": [{"sku": "A&B"}]})).await;
    let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<orders>";
    assert!(
        text.starts_with(expected) && text.contains("<sku>A&amp;B</sku>") && text.ends_with("</orders>\r\n"),
        "{text}"
    );

    let mut csv = CsvWrite::new(&["number"]);
    let given = |name: &str| ControlCell::Given(name.to_owned());
    csv.names_row = false;
    csv.header = Some(vec![ControlCell::Literal("H".to_owned()), given("date"), given("time"), given("sequence")]);
    csv.trailer = Some(vec![ControlCell::Literal("T".to_owned()), ControlCell::Count { width: 3 }]);
    let text = text_of(WriteFormat::Csv(csv), json!({"number": "#1"})).await;
    assert_eq!(text, "H,20261120,061500,1\r\n#1\r\nT,001\r\n");

    let field = |name: &str, start, length| FixedField::text(name, start, length);
    let format = FixedFormat {
        record_length: 10,
        unit: LengthUnit::Characters,
        line_end: FixedLineEnd::Lines(LineEnd::LfOrCrLf),
        short_lines: false,
        records: FixedRecordTypes::One(vec![field("number", 1, 6), field("sku", 7, 4)]),
    };
    let fixed = FixedWrite { format, data: None, header: Vec::new(), trailer: Vec::new() };
    let text = text_of(WriteFormat::Fixed(fixed), json!({"number": "#1", "sku": "A"})).await;
    assert_eq!(text, "#1    A   \r\n");
}

#[tokio::test]
async fn a_folder_that_cannot_be_is_a_clear_passing_error() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("out"), "a file where the folder should be").unwrap();
    let sink = sink_of(&csv_write(1, LONG), root.path(), NOW_US);
    let error = sink.write(&effect("k1", order(1))).await.unwrap_err();
    assert_eq!((error.class, error.sent), (ErrorClass::Transient, false));
    assert!(error.message.contains("create") && error.next_step.contains("out"), "{error}");
    fs::remove_file(root.path().join("out")).unwrap();
    assert!(remote_id(sink.write(&effect("k1", order(1))).await).ends_with("#1"));
}

#[tokio::test]
async fn only_what_can_be_found_again_is_offered() {
    let root = tempfile::tempdir().unwrap();
    let sink = sink_of(&csv_write(5, LONG), root.path(), NOW_US);
    assert_eq!(sink.protection(EffectKind::Create), Some(Protection::LookUp));
    assert_eq!(sink.protection(EffectKind::Update), Some(Protection::LookUp));
    for kind in [EffectKind::Upsert, EffectKind::Set, EffectKind::Delete] {
        assert_eq!(sink.protection(kind), None, "{kind:?}");
    }
    assert_eq!(sink.batch_records(), 5);
    assert_eq!(sink.write(&effect("", order(1))).await.unwrap_err().class, ErrorClass::Bug);
}
