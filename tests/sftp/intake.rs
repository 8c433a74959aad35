//! Files in: from the server through the spool into the store.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use syncline::connector::file::drop::Completeness;
use syncline::connector::file::sftp::{After, Fetcher, Sftp, SftpSpec};
use syncline::intake::{FileIntake, Remote, watch_files};
use syncline::store::Store;
use tokio_util::sync::CancellationToken;

use crate::line::{Line, Way};
use crate::rig::{Rig, payload, pending, verify};
use crate::server::{Server, blocking, client};

/// As many rows as wanted, each told apart by `mark`.
fn stock(rows: usize, mark: &str) -> Vec<u8> {
    let mut text = "sku,location,on_hand\r\n".to_owned();
    (0..rows).for_each(|row| text.push_str(&format!("SKU-{mark}-{row},WH1,{row}\r\n")));
    text.into_bytes()
}

fn put(server: &Server, name: &str, content: &[u8]) {
    fs::write(server.folder("in").join(name), content).unwrap();
}

fn put_marked(server: &Server, name: &str, content: &[u8]) {
    put(server, name, content);
    put(server, &format!("{name}.done"), b"");
}

fn intake(rig: &Rig, store: &Arc<dyn Store>, server: &Server, remote: &Arc<Sftp>) -> FileIntake {
    let mut intake = rig.intake(store);
    intake.settings = json!({ "folder_in": server.path("in") });
    intake.remote = Some(Remote { server: Arc::clone(remote), spool: rig.root.path().join("spool") });
    intake
}

/// Runs the loop until it is as wanted.
async fn run_until(intake: FileIntake, what: &str, done: impl AsyncFn() -> bool) {
    let stop = CancellationToken::new();
    let loops = tokio::spawn(watch_files(intake, stop.clone()));
    let until = Instant::now() + Duration::from_secs(60);
    while !done().await {
        assert!(Instant::now() < until, "never saw {what}");
        assert!(!loops.is_finished(), "the loop ended by itself");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    loops.await.unwrap();
}

fn archived(rig: &Rig) -> usize {
    let (mut open, mut found) = (vec![rig.root.path().join("spool/archive/stock")], 0);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_str().unwrap().contains(".csv.2") {
                found += 1;
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_marked_file_is_applied_and_archived_on_the_server() {
    let (server, rig) = (Server::start(), Rig::new("csv", "stock"));
    let store = rig.open().await;
    put_marked(&server, "stock_1.csv", &stock(3, "a"));
    put(&server, "stock_2.csv", &stock(3, "b"));
    put(&server, "prices.csv", b"not ours");
    put(&server, "Thumbs.db", b"litter");
    fs::create_dir(server.folder("in").join("stock_folder.csv")).unwrap();
    let remote = client(server.spec());
    run_until(intake(&rig, &store, &server, &remote), "3 rows", async || {
        pending(&store).await.len() == 3 && archived(&rig) == 1
    })
    .await;
    assert_eq!(payload(&pending(&store).await[2])["sku"], "SKU-a-2");
    assert_eq!(server.names("in"), ["Thumbs.db", "prices.csv", "stock_2.csv"], "what is not ours or not marked stays");
    let kept = server.names("in/archive");
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(kept[0].starts_with("stock_1.csv.2") && kept[1].starts_with("stock_1.csv.done.2"), "{kept:?}");
    assert_eq!(fs::read(server.folder("in/archive").join(&kept[0])).unwrap(), stock(3, "a"));
    verify(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_that_comes_twice_is_applied_once() {
    let (server, rig) = (Server::start(), Rig::new("csv", "stock"));
    let store = rig.open().await;
    let remote = client(server.spec());
    for name in ["stock_1.csv", "stock_2.csv", "stock_1.csv"] {
        let before = archived(&rig);
        put_marked(&server, name, &stock(3, "a"));
        run_until(intake(&rig, &store, &server, &remote), name, async || archived(&rig) == before + 1).await;
    }
    assert_eq!(pending(&store).await.len(), 3);
    assert_eq!(server.names("in").len(), 0);
    assert_eq!(server.names("in/archive").len(), 6, "each delivery is kept, under a name of its own");
    verify(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_to_be_deleted_goes_once_it_is_here() {
    let (server, rig) = (Server::start(), Rig::new("csv", "stock"));
    let store = rig.open().await;
    put_marked(&server, "stock_1.csv", &stock(2, "a"));
    let remote = client(SftpSpec { after: After::Delete, ..server.spec() });
    run_until(intake(&rig, &store, &server, &remote), "2 rows", async || archived(&rig) == 1).await;
    assert_eq!(pending(&store).await.len(), 2);
    assert!(server.names("in").is_empty() && !server.folder("in/archive").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_is_fetched_once_even_over_a_restart() {
    let (server, rig) = (Server::start(), Rig::new("csv", "stock"));
    let store = rig.open().await;
    put_marked(&server, "stock_1.csv", &stock(2, "a"));
    let remote = client(SftpSpec { after: After::Leave, ..server.spec() });
    run_until(intake(&rig, &store, &server, &remote), "2 rows", async || archived(&rig) == 1).await;
    assert_eq!(server.names("in"), ["stock_1.csv", "stock_1.csv.done"]);
    // Another life, and another file after it: the first is not fetched again.
    put_marked(&server, "stock_2.csv", &stock(2, "b"));
    run_until(intake(&rig, &store, &server, &remote), "4 rows", async || pending(&store).await.len() == 4).await;
    assert_eq!(archived(&rig), 2);
    // The first with another content is another file.
    put_marked(&server, "stock_1.csv", &stock(3, "c"));
    run_until(intake(&rig, &store, &server, &remote), "7 rows", async || pending(&store).await.len() == 7).await;
}

/// A fetcher of its own, for looks at chosen times.
fn fetcher(server: &Server, remote: &Arc<Sftp>, rig: &Rig, completeness: Completeness, largest: u64) -> Fetcher {
    let spool = rig.root.path().join("spool");
    let mut there = rig.read.drop_spec(&spool, "stock");
    there.completeness = completeness;
    Fetcher::open(Arc::clone(remote), &server.path("in"), there, &spool, largest).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_marker_a_file_must_stand_still_by_our_clock() {
    let (server, rig) = (Server::start(), Rig::new("csv", "stock"));
    let remote = client(server.spec());
    let settle = Duration::from_secs(60);
    let mut fetcher = fetcher(&server, &remote, &rig, Completeness::Stable(settle), 1 << 20);
    put(&server, "stock_1.csv", &stock(1, "a"));
    put(&server, "stock_2.csv.filepart", &stock(1, "b"));
    let folder = server.folder("in");
    blocking(move || {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let first = fetcher.fetch(at(0), || false).unwrap();
        assert_eq!((first.taken, first.waiting.len()), (0, 1));
        assert_eq!(fetcher.fetch(at(59), || false).unwrap().taken, 0);
        fs::write(folder.join("stock_1.csv"), stock(2, "a")).unwrap();
        assert_eq!(fetcher.fetch(at(61), || false).unwrap().taken, 0, "it grew");
        assert_eq!(fetcher.fetch(at(120), || false).unwrap().taken, 0);
        assert_eq!(fetcher.fetch(at(121), || true).unwrap().taken, 0, "stopped");
        assert_eq!(fetcher.fetch(at(121), || false).unwrap().taken, 1);
        assert_eq!(fetcher.fetch(at(500), || false).unwrap().taken, 0);
    })
    .await;
    assert_eq!(fs::read(rig.root.path().join("spool/stock_1.csv")).unwrap(), stock(2, "a"));
    assert_eq!(server.names("in"), ["stock_2.csv.filepart"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_still_waits_here_is_not_overwritten_and_a_large_file_is_not_fetched() {
    let (server, rig) = (Server::start(), Rig::new("csv", "stock"));
    let remote = client(server.spec());
    let mut fetcher = fetcher(&server, &remote, &rig, Completeness::Rename, 1_000);
    let spool = rig.root.path().join("spool");
    put(&server, "stock_1.csv", &stock(1, "a"));
    put(&server, "stock_9.csv", &vec![b'x'; 1_001]);
    let there = server.folder("in");
    blocking(move || {
        let first = fetcher.fetch(Instant::now(), || false).unwrap();
        assert_eq!((first.taken, first.refused.len()), (1, 1));
        assert!(first.refused[0].to_string().contains("more than 1000"), "{}", first.refused[0]);
        // Other content of the same length and of another.
        for other in [stock(1, "b"), stock(2, "b")] {
            fs::write(there.join("stock_1.csv"), &other).unwrap();
            let again = fetcher.fetch(Instant::now(), || false).unwrap();
            assert_eq!((again.taken, again.waiting.len()), (0, 1));
            assert_eq!(fs::read(spool.join("stock_1.csv")).unwrap(), stock(1, "a"));
        }
        // The same content: as after a crash before it was archived there.
        fs::write(there.join("stock_1.csv"), stock(1, "a")).unwrap();
        assert_eq!(fetcher.fetch(Instant::now(), || false).unwrap().taken, 1);
    })
    .await;
    assert_eq!(server.names("in"), ["stock_9.csv"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_whose_marker_alone_was_put_away_follows_it() {
    let (server, rig) = (Server::start(), Rig::new("csv", "stock"));
    let remote = client(server.spec());
    let marked = rig.read.completeness.clone();
    let mut fetcher = fetcher(&server, &remote, &rig, marked, 1 << 20);
    put_marked(&server, "stock_1.csv", &stock(1, "a"));
    put(&server, "archive", b"in the way");
    let there = server.folder("in");
    blocking(move || {
        fetcher.fetch(Instant::now(), || false).unwrap_err();
        // As if it had been cut between the two moves.
        fs::remove_file(there.join("archive")).unwrap();
        fs::remove_file(there.join("stock_1.csv.done")).unwrap();
        fs::write(there.join("stock_2.csv"), stock(1, "b")).unwrap();
        let fetched = fetcher.fetch(Instant::now(), || false).unwrap();
        assert_eq!((fetched.taken, fetched.waiting.len()), (0, 1), "{fetched:?}");
    })
    .await;
    assert_eq!(server.names("in"), ["stock_2.csv"], "what was never announced stays");
    assert_eq!(server.names("in/archive").len(), 1);
    assert_eq!(fs::read(rig.root.path().join("spool/stock_1.csv")).unwrap(), stock(1, "a"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_is_cut_is_begun_anew_and_applied_once() {
    let (server, rig) = (Server::start(), Rig::new("csv", "stock"));
    let store = rig.open().await;
    let line = Line::to(server.port, Way::Down);
    let remote = client(SftpSpec { port: line.port, ..server.spec() });
    let content = stock(40_000, "a");
    put_marked(&server, "stock_1.csv", &content);
    // Amid the content, twice; the log-in and the listing take a few KiB.
    line.cut_after(200_000);
    let stop = CancellationToken::new();
    let loops = tokio::spawn(watch_files(intake(&rig, &store, &server, &remote), stop.clone()));
    let until = Instant::now() + Duration::from_secs(60);
    while line.cuts() < 1 {
        assert!(Instant::now() < until, "the line was never cut");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(server.names("in"), ["stock_1.csv", "stock_1.csv.done"]);
    assert!(pending(&store).await.is_empty());
    line.mend();
    while archived(&rig) == 0 {
        assert!(Instant::now() < until, "the file never came");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    loops.await.unwrap();
    assert_eq!(pending(&store).await.len(), 40_000);
    assert!(server.names("in").is_empty());
    verify(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_here_are_worked_while_the_server_is_away() {
    let (server, rig) = (Server::start(), Rig::new("csv", "stock"));
    let store = rig.open().await;
    let away = client(SftpSpec { port: 1, ..server.spec() });
    let spool = rig.root.path().join("spool");
    fs::create_dir_all(&spool).unwrap();
    fs::write(spool.join("stock_1.csv"), stock(2, "a")).unwrap();
    fs::write(spool.join("stock_1.csv.done"), b"").unwrap();
    run_until(intake(&rig, &store, &server, &away), "2 rows", async || pending(&store).await.len() == 2).await;
}
