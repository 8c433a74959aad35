//! Files out: staged, published and announced on the server; names that are taken; lines that are cut.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use syncline::connector::call::{Lookup, Receipt, WriteContext};
use syncline::connector::file::FileRoot;
use syncline::connector::file::sftp::{Sftp, SftpSpec};
use syncline::connector::manifest::{Batch, FileWrite};
use syncline::deliver::{Effect, EffectKind, FileSink};
use syncline::model::ErrorClass;
use syncline::model::clock::Clock;

use crate::line::{Line, Way};
use crate::rig::file_write;
use crate::server::{Server, client};

/// 2026-11-20T06:15:00Z.
const NOW_US: i64 = 1_795_155_300_000_000;
const FIRST: &str = "orders_20261120T061500000Z_00000001.csv";

fn sink(server: &Server, remote: &Arc<Sftp>, journals: &Path) -> FileSink {
    let batch = Batch { records: 1, every: Duration::from_secs(3_600) };
    let write = FileWrite { batch, ..file_write("csv", "orders") };
    let settings = json!({ "folder_out": server.path("out") });
    let root = FileRoot::Server(Arc::clone(remote));
    FileSink::new("files", "orders", &write, settings, root, journals, Clock::manual(NOW_US)).unwrap()
}

fn effect(key: &str, email: &str) -> Effect {
    let context = WriteContext { idempotency_key: key.to_owned(), ..WriteContext::default() };
    let body = json!({
        "number": "#1", "placed_at": "2026-11-20T06:00:00Z", "currency": "EUR", "total": "47.90", "tax_total": "7.65",
        "shipping_total": null, "status": "open", "payment_status": "paid", "email": email,
    });
    Effect { stream: "orders".to_owned(), kind: EffectKind::Create, body, context, formers: Vec::new() }
}

fn remote_id(receipt: Receipt) -> String {
    receipt.remote_id.unwrap()
}

async fn found(sink: &FileSink, key: &str) -> Option<String> {
    let context = WriteContext { idempotency_key: key.to_owned(), ..WriteContext::default() };
    match sink.lookup(&context).await.unwrap() {
        Lookup::Found { remote_id, body } => {
            assert_eq!(body, Value::Null);
            Some(remote_id)
        }
        Lookup::Absent => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_published_with_its_marker_and_never_over_another() {
    let (server, journals) = (Server::start(), tempfile::tempdir().unwrap());
    let remote = client(server.spec());
    let out = server.folder("out");
    fs::write(out.join(FIRST), "the partner's own").unwrap();
    // A marker without its file is in the way as well.
    let second = "orders_20261120T061500001Z_00000002.csv";
    fs::write(out.join(format!("{second}.done")), "").unwrap();
    let sink = sink(&server, &remote, journals.path());
    let written = remote_id(sink.write(&effect("k1", "a@example.com")).await.unwrap());
    let third = "orders_20261120T061500002Z_00000003.csv";
    assert_eq!(written, format!("{third}#1"));
    assert_eq!(fs::read_to_string(out.join(FIRST)).unwrap(), "the partner's own");
    let expected = [FIRST.to_owned(), format!("{second}.done"), third.to_owned(), format!("{third}.done")];
    assert_eq!(server.names("out"), expected);
    assert!(
        fs::read_to_string(out.join(third))
            .unwrap()
            .ends_with("#1,2026-11-20T06:00:00Z,EUR,47.90,7.65,,open,paid,a@example.com\r\n")
    );
    assert_eq!(found(&sink, "k1").await, Some(format!("{third}#1")));
    assert_eq!(found(&sink, "k2").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_cut_has_no_effect_and_is_completed_later() {
    let (server, journals) = (Server::start(), tempfile::tempdir().unwrap());
    let line = Line::to(server.port, Way::Up);
    let remote = client(SftpSpec { port: line.port, ..server.spec() });
    let sink = sink(&server, &remote, journals.path());
    let large = effect("k1", &"x".repeat(300_000));
    line.cut_after(150_000);
    let failed = sink.write(&large).await.unwrap_err();
    assert_eq!(failed.class, ErrorClass::Transient, "{failed}");
    assert!(!failed.sent && line.cuts() > 0, "{failed}");
    assert_eq!(server.names("out"), [".files.orders.tmp"], "partners ignore it");
    line.mend();
    assert_eq!(found(&sink, "k1").await, None);
    assert_eq!(remote_id(sink.write(&large).await.unwrap()), format!("{FIRST}#1"));
    assert_eq!(server.names("out"), [FIRST.to_owned(), format!("{FIRST}.done")]);
    let text = fs::read_to_string(server.folder("out").join(FIRST)).unwrap();
    assert!(text.len() > 300_000 && text.ends_with("x\r\n"), "{} bytes", text.len());
}

/// Cut after every so many bytes of the work, wherever that is: in the end there is one file with one row, whatever was
/// heard of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_the_line_is_cut_the_record_is_written_once() {
    const CUTS: i64 = 30;
    let server = Server::start();
    let line = Line::to(server.port, Way::Up);
    let (mut doubts, mut whole) = (0, 0);
    for cut in 0..=CUTS {
        let journals = tempfile::tempdir().unwrap();
        let remote = client(SftpSpec { port: line.port, ..server.spec() });
        let sink = sink(&server, &remote, journals.path());
        // The first tells how much a whole one takes; the log-in is about half of it.
        if cut > 0 {
            line.cut_after(whole / 2 + whole * cut / (2 * CUTS));
        }
        let first = sink.write(&effect("k1", "a@example.com")).await;
        if cut == 0 {
            whole = line.carried();
        }
        line.mend();
        let id = match first {
            Ok(receipt) => remote_id(receipt),
            Err(error) => {
                doubts += u32::from(error.class == ErrorClass::UnknownOutcome);
                assert!(matches!(error.class, ErrorClass::Transient | ErrorClass::UnknownOutcome), "{error}");
                // As delivery does: looked up before it is written again.
                match found(&sink, "k1").await {
                    Some(id) => id,
                    None => remote_id(sink.write(&effect("k1", "a@example.com")).await.unwrap()),
                }
            }
        };
        let name = id.strip_suffix("#1").unwrap();
        assert_eq!(server.names("out"), [name.to_owned(), format!("{name}.done")], "cut {cut} of {whole} bytes");
        for name in server.names("out") {
            fs::remove_file(server.folder("out").join(name)).unwrap();
        }
    }
    assert!(line.cuts() > 0, "no cut fell into the work");
    assert!(doubts > 0, "no cut left a doubt");
}
