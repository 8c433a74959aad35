//! A copy of examples/finance with its month, run and asked by commands; not here: what is expected.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use syncline::cli::Exit;
use syncline::model::clock::Clock;

use crate::command::{Ran, command};

/// 2026-11-30T08:00:00Z.
const NOW: i64 = 1_796_025_600_000_000;
const LEGS: [&str; 6] = ["orders", "captures", "refunds", "payouts", "clearing", "bank"];

/// It was refused, and said so.
#[track_caller]
pub fn failed(ran: &Ran, why: &str) {
    assert_eq!(ran.exit, Exit::Failed, "{} {}", ran.out, ran.err);
    assert!(ran.err.contains(why) || ran.out.contains(why), "{why}: {} {}", ran.out, ran.err);
}

pub struct Installation {
    dir: tempfile::TempDir,
}

impl Installation {
    pub fn new() -> Installation {
        let dir = tempfile::tempdir().unwrap();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/finance"), dir.path());
        Installation { dir }
    }

    /// With a run of each leg: 1 to 6.
    pub async fn with_runs() -> Installation {
        let installation = Installation::new();
        for leg in LEGS {
            installation.run_leg(leg).await;
        }
        installation
    }

    pub async fn run_leg(&self, leg: &str) {
        let ran = self.run(&["recon", "run", leg, "--period", "2026-11", "--as-of", "2026-11-30"]).await;
        assert!(matches!(ran.exit, Exit::Done | Exit::NotWell), "{} {}", ran.out, ran.err);
    }

    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    pub fn month(&self) -> PathBuf {
        self.dir.path().join("month")
    }

    pub fn story_file(&self) -> PathBuf {
        self.dir.path().join("reconciliations/stories/order-to-bank.yaml")
    }

    pub async fn run(&self, line: &[&str]) -> Ran {
        command(self.folder(), Clock::manual(NOW), "ann", &[&["--actor", "ann"], line].concat(), "").await
    }

    pub async fn done(&self, line: &[&str]) {
        let ran = self.run(line).await;
        assert_eq!(ran.exit, Exit::Done, "{} {}", ran.out, ran.err);
    }

    pub async fn story(&self, key: &str) -> Value {
        self.asked(&["order-to-bank", key]).await
    }

    pub async fn asked(&self, line: &[&str]) -> Value {
        let ran = self.run(&[&["--json", "recon", "story"], line].concat()).await;
        assert!(matches!(ran.exit, Exit::Done | Exit::NotWell), "{line:?}: {} {}", ran.out, ran.err);
        let left = fs::read_dir(self.folder()).unwrap().flatten().map(|entry| entry.path());
        let rooms = left.filter(|path| path.join("reconciliation").is_dir());
        for entry in rooms.flat_map(|room| fs::read_dir(room.join("reconciliation")).unwrap().flatten()) {
            let name = entry.file_name().into_string().unwrap();
            assert!(!name.starts_with(".story-"), "{name} was left behind");
        }
        ran.json()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if path.is_dir() && !["data", "signed"].iter().any(|made| name == *made) {
            copy(&path, &to.join(name));
        } else if path.is_file() {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

#[track_caller]
pub fn station<'s>(story: &'s Value, leg: &str) -> &'s Value {
    let stations = story["stations"].as_array().unwrap();
    stations.iter().find(|station| station["leg"] == leg).unwrap_or_else(|| panic!("no station {leg}: {story}"))
}

pub fn verdicts(story: &Value) -> Vec<String> {
    let stations = story["stations"].as_array().unwrap();
    stations.iter().map(|station| station["verdict"].as_str().unwrap().to_owned()).collect()
}

/// The one amount of a list; 0 if it is empty.
#[track_caller]
pub fn minor(amounts: &Value) -> i64 {
    match amounts.as_array().unwrap_or_else(|| panic!("no amounts: {amounts}")).as_slice() {
        [] => 0,
        [one] => one["amount_minor"].as_str().unwrap().parse().unwrap(),
        several => panic!("{several:?}"),
    }
}
