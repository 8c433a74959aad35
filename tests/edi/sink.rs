//! Through the file sink: control numbers go on without gaps over batches and restarts.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use syncline::connector::call::WriteContext;
use syncline::connector::manifest::{Batch, FileWrite, Write};
use syncline::deliver::{Effect, EffectKind, FileSink};
use syncline::model::clock::Clock;

use super::support::{partner_settings, read_bytes, spec, stream};

/// 2026-11-20T06:15:00Z.
const NOW_US: i64 = 1_795_155_300_000_000;

fn order(number: u32) -> Effect {
    let body = json!({
        "BEG": { "01": "00", "02": "SA", "03": number.to_string(), "05": "20261120" },
        "lines": [{ "PO1": { "02": "1", "03": "EA", "04": "9.50", "ids": { "VP": "MUG-01" } } }],
    });
    let context = WriteContext { idempotency_key: format!("k{number}"), ..WriteContext::default() };
    Effect { stream: "orders-out".to_owned(), kind: EffectKind::Create, body, context, formers: Vec::new() }
}

fn open(write: &FileWrite, root: &Path) -> FileSink {
    let settings = partner_settings();
    FileSink::new("partner", "orders-out", write, settings, root, root, Clock::manual(NOW_US)).unwrap()
}

#[tokio::test]
async fn interchanges_are_numbered_without_gaps_over_restarts() {
    let root = tempfile::tempdir().unwrap();
    let Some(Write::File(write)) = &stream("x12", "orders-out").write else { panic!("no files") };
    let mut write = write.as_ref().clone();
    write.batch = Batch { records: 1, every: Duration::from_secs(3_600) };
    let sink = open(&write, root.path());
    sink.write(&order(1)).await.unwrap();
    sink.write(&order(2)).await.unwrap();
    drop(sink);
    let sink = open(&write, root.path());
    // The same effect again writes nothing and takes no number.
    sink.write(&order(2)).await.unwrap();
    sink.write(&order(3)).await.unwrap();
    let mut bad = order(4);
    bad.body["BEG"]["03"] = json!("4*4");
    assert!(sink.write(&bad).await.is_err());
    sink.write(&order(5)).await.unwrap();

    let mut names: Vec<_> = fs::read_dir(root.path().join("out")).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let mut found = Vec::new();
    for path in names {
        let rows = read_bytes(&spec("x12", "orders"), &fs::read(path).unwrap()).unwrap();
        let header = rows[0].header.as_deref().unwrap();
        found.push((header["control_number"].clone(), rows[0].value["BEG"]["03"].clone()));
    }
    let expected = [("100000001", "1"), ("100000002", "2"), ("100000003", "3"), ("100000004", "5")]
        .map(|(n, o)| (json!(n), json!(o)));
    assert_eq!(found, expected);
}
