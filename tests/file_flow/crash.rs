//! Files in, cut off anywhere: each row is there once, whatever was lost.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;
use syncline::intake::watch_files;
use syncline::store::Store;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::failing_store::FailingStore;
use crate::partner::{drop_file, stock, stock_name, stock_stating};
use crate::rig::{Rig, open_issues, pending, places, verify};

/// More than one chunk, so that there is a between.
const ROWS: u64 = 600;

const DONE: [&str; 3] = [
    "archive/stock/BESTAND_20261120_0000001.csv",
    "error/stock/BESTAND_20261120_0000002.csv",
    "error/stock/BESTAND_20261120_0000002.csv reason",
];

fn rig() -> Rig {
    let rig = Rig::new("sandbox-erp", "stock");
    drop_file(&rig.folder(), &stock_name(1), &stock(1, ROWS));
    drop_file(&rig.folder(), &stock_name(2), &stock_stating(2, ROWS, ROWS + 1));
    rig
}

/// A process's life: when it ends, its threads and connections are gone.
fn life<T>(work: impl AsyncFnOnce() -> T) -> T {
    Runtime::new().unwrap().block_on(work())
}

async fn assert_all_once(rig: &Rig, store: &Arc<dyn Store>, point: &str) {
    let mut places = places(store).await;
    places.sort();
    places.dedup();
    assert_eq!(places.len() as u64, ROWS, "{point}: every row");
    assert_eq!(pending(store).await.len() as u64, ROWS, "{point}: once");
    assert_eq!(rig.files(), DONE, "{point}");
    let issues = open_issues(store).await;
    assert_eq!(issues.len(), 1, "{point}: {issues:?}");
    verify(store).await;
    drop_file(&rig.folder(), &stock_name(3), &stock(3, ROWS));
    rig.run_until(store, "the next number", async |_| pending(store).await.len() as u64 == 2 * ROWS).await;
    assert_eq!(staged_rows(rig).await, 0, "{point}: what was staged in vain is swept away");
}

async fn staged_rows(rig: &Rig) -> i64 {
    let database = SqliteConnectOptions::new().filename(rig.root.path().join("hub.db")).read_only(true);
    let mut connection = database.connect().await.unwrap();
    sqlx::query_scalar("SELECT COUNT(*) FROM staged_row").fetch_one(&mut connection).await.unwrap()
}

/// Is given up at its n-th turn, as a process is at kill -9.
struct Killed<F> {
    work: Pin<Box<F>>,
    turns_left: u32,
}

impl<F: Future> Future for Killed<F> {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.turns_left == 0 {
            return Poll::Ready(());
        }
        self.turns_left -= 1;
        self.work.as_mut().poll(cx).map(|_| ())
    }
}

#[test]
fn killed_at_any_turn_every_row_is_there_once() {
    let mut finished = 0;
    for turns_left in 1..=400 {
        let rig = rig();
        let survived = life(async || {
            let store = rig.open().await;
            let work = Box::pin(watch_files(rig.intake(&store), CancellationToken::new()));
            let mut killed = pin!(Killed { work, turns_left });
            let until = Instant::now() + Duration::from_secs(60);
            loop {
                let ended = tokio::time::timeout(Duration::from_millis(20), &mut killed).await.is_ok();
                if ended || rig.files() == DONE {
                    return !ended;
                }
                assert!(Instant::now() < until, "neither killed nor done: {:?}", rig.files());
            }
        });
        life(async || {
            let store = rig.open().await;
            rig.run_until_files(&store, &DONE).await;
            assert_all_once(&rig, &store, &format!("turn {turns_left}")).await;
        });
        finished += u32::from(survived);
        if finished == 2 {
            assert!(turns_left > 10, "there are more turns than that in two files");
            return;
        }
    }
    panic!("400 turns were not enough for two files");
}

#[test]
fn a_failing_store_loses_nothing_at_any_call() {
    for after in [false, true] {
        let mut call = 0;
        loop {
            let rig = rig();
            let point = format!("call {call}, {}", if after { "answer lost" } else { "refused" });
            let failed = life(async || {
                let store = rig.open().await;
                let failing = Arc::new(FailingStore::failing(Arc::clone(&store), call, after));
                let watched: Arc<dyn Store> = Arc::<FailingStore>::clone(&failing);
                rig.run_until_files(&watched, &DONE).await;
                assert_all_once(&rig, &store, &point).await;
                failing.has_failed()
            });
            if !failed {
                assert!(call > 10, "there are more calls than that in two files");
                break;
            }
            call += 1;
        }
    }
}
