//! Files out, cut off between their steps: each record has at most one row, and a look-up knows which.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use syncline::model::ErrorClass;

use crate::sink::{NOW_US, csv_write, effect, found, names, order, remote_id, sink_of};

const LONG: Duration = Duration::from_secs(3_600);
const NAME: &str = "orders_20261120T061500000Z_00000001.csv";

fn out(root: &Path) -> PathBuf {
    root.join("out")
}

fn journal(root: &Path, ending: &str) -> PathBuf {
    root.join("file-sinks/files/orders").join(format!("000000000001{ending}"))
}

/// One batch with one record, written to the end.
async fn written() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let sink = sink_of(&csv_write(1, LONG), root.path(), NOW_US);
    assert_eq!(remote_id(sink.write(&effect("k1", order(1))).await), format!("{NAME}#1"));
    root
}

fn reopen_journal(root: &Path) {
    fs::rename(journal(root, ".json"), journal(root, ".open.json")).unwrap();
}

fn unpublish(root: &Path) {
    fs::rename(out(root).join(NAME), out(root).join(".files.orders.tmp")).unwrap();
    fs::remove_file(out(root).join(format!("{NAME}.done"))).unwrap();
}

/// After a restart the record is looked up as the deliverer does; then sent only if it is absent.
async fn resume(root: &Path) -> Option<String> {
    let sink = sink_of(&csv_write(1, LONG), root, NOW_US + 60_000_000);
    let before = found(&sink, "k1").await;
    if before.is_none() {
        remote_id(sink.write(&effect("k1", order(1))).await);
    }
    assert!(found(&sink, "k1").await.is_some());
    before
}

fn rows_of_order_1(root: &Path) -> usize {
    let texts = names(&out(root)).into_iter().map(|name| fs::read_to_string(out(root).join(name)).unwrap());
    texts.map(|text| text.matches("#1,").count()).sum()
}

#[tokio::test]
async fn staged_without_a_journal_never_happened() {
    let root = written().await;
    unpublish(root.path());
    fs::remove_file(journal(root.path(), ".json")).unwrap();
    assert_eq!(resume(root.path()).await, None);
    assert_eq!(rows_of_order_1(root.path()), 1, "{:?}", names(&out(root.path())));
    assert!(!out(root.path()).join(".files.orders.tmp").exists());
}

#[tokio::test]
async fn a_journal_without_its_file_published_is_finished() {
    let root = written().await;
    reopen_journal(root.path());
    unpublish(root.path());
    assert_eq!(resume(root.path()).await, Some(format!("{NAME}#1")));
    assert_eq!(names(&out(root.path())), [NAME.to_owned(), format!("{NAME}.done")]);
    assert!(journal(root.path(), ".json").exists());
}

#[tokio::test]
async fn published_but_not_announced_is_announced() {
    let root = written().await;
    reopen_journal(root.path());
    fs::remove_file(out(root.path()).join(format!("{NAME}.done"))).unwrap();
    assert_eq!(resume(root.path()).await, Some(format!("{NAME}#1")));
    assert_eq!(names(&out(root.path())), [NAME.to_owned(), format!("{NAME}.done")]);
}

#[tokio::test]
async fn published_and_taken_before_the_journal_was_closed_is_not_written_again() {
    let root = written().await;
    reopen_journal(root.path());
    for name in names(&out(root.path())) {
        fs::remove_file(out(root.path()).join(name)).unwrap();
    }
    assert_eq!(resume(root.path()).await, Some(format!("{NAME}#1")));
    assert!(names(&out(root.path())).is_empty(), "no marker for a file that the partner has taken");
}

#[tokio::test]
async fn a_name_taken_meanwhile_undoes_the_batch() {
    let root = written().await;
    reopen_journal(root.path());
    unpublish(root.path());
    fs::write(out(root.path()).join(NAME), "somebody else's").unwrap();
    assert_eq!(resume(root.path()).await, None);
    assert_eq!(rows_of_order_1(root.path()), 1);
    assert_eq!(fs::read_to_string(out(root.path()).join(NAME)).unwrap(), "somebody else's");
}

#[tokio::test]
async fn without_a_journal_nothing_is_published() {
    let root = written().await;
    let sink = sink_of(&csv_write(1, LONG), root.path(), NOW_US);
    assert_eq!(found(&sink, "k1").await, Some(format!("{NAME}#1")));
    let (journals, aside) = (root.path().join("file-sinks"), root.path().join("aside"));
    fs::rename(&journals, &aside).unwrap();
    let error = sink.write(&effect("k2", order(2))).await.unwrap_err();
    assert_eq!((error.class, error.sent), (ErrorClass::Transient, false), "{error}");
    assert!(error.next_step.contains("file-sinks"), "{error}");
    assert_eq!(names(&out(root.path())).iter().filter(|name| name.ends_with(".csv")).count(), 1);
    fs::rename(&aside, &journals).unwrap();
    assert!(remote_id(sink.write(&effect("k2", order(2))).await).ends_with("#1"));
    assert_eq!(found(&sink, "k2").await.map(|id| id.contains("_00000002")), Some(true));
}

#[tokio::test]
async fn a_lost_answer_is_not_a_second_row() {
    let root = written().await;
    assert_eq!(resume(root.path()).await, Some(format!("{NAME}#1")));
    // Even without the look-up.
    let sink = sink_of(&csv_write(1, LONG), root.path(), NOW_US);
    assert_eq!(remote_id(sink.write(&effect("k1", order(1))).await), format!("{NAME}#1"));
    assert_eq!(names(&out(root.path())).len(), 2);
}

#[tokio::test]
async fn a_delivery_given_up_while_it_waits_is_not_written() {
    let root = tempfile::tempdir().unwrap();
    let sink = sink_of(&csv_write(2, LONG), root.path(), NOW_US);
    let (given_up, other, third) = (effect("k1", order(1)), effect("k2", order(2)), effect("k3", order(3)));
    let waits = tokio::time::timeout(Duration::from_millis(1), sink.write(&given_up)).await;
    assert!(waits.is_err());
    let (other, third) = tokio::join!(sink.write(&other), sink.write(&third));
    assert_eq!([other, third].map(remote_id), [format!("{NAME}#1"), format!("{NAME}#2")]);
    assert_eq!(found(&sink, "k1").await, None);
}

#[tokio::test]
async fn one_effect_asked_for_twice_at_once_is_one_row() {
    let root = tempfile::tempdir().unwrap();
    let sink = sink_of(&csv_write(2, LONG), root.path(), NOW_US);
    let (one, two) = (effect("k1", order(1)), effect("k2", order(2)));
    let (a, b, c) = tokio::join!(sink.write(&one), sink.write(&one), sink.write(&two));
    assert_eq!([a, b, c].map(remote_id), [format!("{NAME}#1"), format!("{NAME}#1"), format!("{NAME}#2")]);
}
