//! A drop folder, a database and the loop between them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use syncline::connector::file::FileLimits;
use syncline::connector::manifest::{FileRead, FileWrite, Write};
use syncline::connector::registry::Registry;
use syncline::intake::{FileIntake, watch_files};
use syncline::model::clock::Clock;
use syncline::process::ProcessorHandle;
use syncline::store::sqlite::SqliteStore;
use syncline::store::{InboxRow, IssueFilter, IssueRow, Store};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub struct Rig {
    pub root: tempfile::TempDir,
    pub read: FileRead,
    pub stream: &'static str,
}

impl Rig {
    /// For a stream of a shipped connector, looked at more often than its manifest says.
    pub fn new(connector: &str, stream: &'static str) -> Rig {
        let root = tempfile::tempdir().unwrap();
        let registry = Registry::shipped().unwrap();
        let manifest = &registry.connector(connector).unwrap().manifest;
        let mut read = manifest.stream(stream).unwrap().file_read().unwrap().clone();
        read.every = Duration::from_millis(5);
        fs::create_dir_all(root.path().join("drop")).unwrap();
        Rig { root, read, stream }
    }

    pub fn folder(&self) -> PathBuf {
        self.root.path().join("drop")
    }

    pub async fn open(&self) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(self.root.path().join("hub.db")).await.unwrap())
    }

    pub fn intake(&self, store: &Arc<dyn Store>) -> FileIntake {
        FileIntake {
            connection: "erp".to_owned(),
            stream: self.stream.to_owned(),
            read: self.read.clone(),
            settings: json!({ "drop_dir": "drop", "folder": "drop", "folder_in": "drop" }),
            data_dir: self.root.path().to_owned(),
            remote: None,
            limits: FileLimits::default(),
            store: Arc::clone(store),
            processor: ProcessorHandle::default(),
            clock: Clock::System,
            now: Arc::new(Notify::new()),
            completed: Arc::new(|_| {}),
        }
    }

    /// Runs the loop until the folder looks as wanted.
    pub async fn run_until(&self, store: &Arc<dyn Store>, what: &str, done: impl AsyncFn(&Rig) -> bool) {
        let stop = CancellationToken::new();
        let loops = tokio::spawn(watch_files(self.intake(store), stop.clone()));
        let until = Instant::now() + Duration::from_secs(60);
        while !done(self).await {
            assert!(Instant::now() < until, "never saw {what}; there are {:?}", self.files());
            assert!(!loops.is_finished(), "the loop ended by itself");
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        stop.cancel();
        loops.await.unwrap();
    }

    pub async fn run_until_files(&self, store: &Arc<dyn Store>, wanted: &[&str]) {
        self.run_until(store, &format!("{wanted:?}"), async |rig| rig.files() == wanted).await;
    }

    /// Everything below the folder, time stamps of archives cut off, markers left out.
    pub fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        walk(&self.folder(), &self.folder(), &mut found);
        found.retain(|name| !name.contains(".done") && !name.ends_with(".tmp"));
        found.sort();
        found
    }
}

fn walk(directory: &Path, root: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, root, found);
            continue;
        }
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        let is_reason = name.ends_with(".reason.txt");
        let plain = match name.find(".2") {
            Some(stamp) => name[..stamp].to_owned(),
            None => name,
        };
        let mut parts: Vec<&str> = plain.split('/').collect();
        parts.retain(|part| part.parse::<u32>().is_err());
        found.push(format!("{}{}", parts.join("/"), if is_reason { " reason" } else { "" }));
    }
}

pub async fn pending(store: &Arc<dyn Store>) -> Vec<InboxRow> {
    store.pending_inbox(0, 1_000_000).await.unwrap()
}

pub async fn places(store: &Arc<dyn Store>) -> Vec<String> {
    pending(store).await.into_iter().map(|row| row.place).collect()
}

pub fn payload(row: &InboxRow) -> Value {
    serde_json::from_slice(&row.payload).unwrap()
}

pub async fn open_issues(store: &Arc<dyn Store>) -> Vec<IssueRow> {
    store.issues(IssueFilter::Open).await.unwrap()
}

#[track_caller]
pub fn assert_sound(faults: &[String]) {
    assert!(faults.is_empty(), "{faults:?}");
}

pub async fn verify(store: &Arc<dyn Store>) {
    assert_sound(&store.verify(&|_, _, _| {}).await.unwrap().faults);
}

/// The way out of a shipped connector's stream.
pub fn file_write(connector: &str, stream: &str) -> FileWrite {
    let registry = Registry::shipped().unwrap();
    let manifest = &registry.connector(connector).unwrap().manifest;
    match &manifest.stream(stream).unwrap().write {
        Some(Write::File(write)) => (**write).clone(),
        other => panic!("{connector}/{stream} is not written as files: {other:?}"),
    }
}
