//! A copy of examples/finance with its month, run and asked by commands; not here: what is expected.

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use clap::Parser as _;
use serde_json::Value;
use syncline::cli::{Cli, Exit, Surroundings, execute};
use syncline::model::clock::Clock;

/// 2026-11-30T08:00:00Z.
const NOW: i64 = 1_796_025_600_000_000;
const LEGS: [&str; 6] = ["orders", "captures", "refunds", "payouts", "clearing", "bank"];

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub struct Ran {
    pub exit: Exit,
    pub out: String,
    pub err: String,
}

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
        let fixed = ["syncline", "--config", self.folder().to_str().unwrap(), "--actor", "ann"];
        let cli = Cli::try_parse_from(fixed.into_iter().chain(line.iter().copied())).unwrap();
        let (out, err) = (Captured::default(), Captured::default());
        let mut surroundings = Surroundings {
            out: Box::new(out.clone()),
            err: Box::new(err.clone()),
            input: Box::new(Cursor::new(Vec::new())),
            clock: Clock::manual(NOW),
            terminal: false,
            colour: false,
            user: "ann".to_owned(),
        };
        // On the heap: a test makes many of these in one function.
        let exit = Box::pin(execute(cli, &mut surroundings)).await;
        let text = |captured: Captured| String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
        Ran { exit, out: text(out), err: text(err) }
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
        serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{} {}", ran.out, ran.err))
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
