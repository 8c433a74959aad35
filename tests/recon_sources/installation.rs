//! A folder with definitions and statements, and the commands over it. Not here: what is expected.

use std::path::Path;

use serde_json::Value;
use syncline::model::clock::Clock;

use crate::command::{Ran, command};

/// 2026-12-05T08:00:00Z.
const NOW: i64 = 1_796_457_600_000_000;

pub struct Installation {
    dir: tempfile::TempDir,
}

impl Installation {
    pub fn new(definition: &str) -> Installation {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("reconciliations")).unwrap();
        std::fs::write(dir.path().join("syncline.yaml"), "hub: { database: \"sqlite:store/syncline.db\" }\n").unwrap();
        let installation = Installation { dir };
        installation.put("reconciliations/r.yaml", definition.as_bytes());
        installation
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub fn take_away(&self, name: &str) {
        std::fs::remove_file(self.path().join(name)).unwrap();
    }

    pub async fn syncline(&self, who: &str, line: &[&str]) -> Ran {
        command(self.path(), Clock::manual(NOW), who, &[&["--actor", who], line].concat(), "").await
    }

    /// Runs `r`; returns the run as the API shows it.
    pub async fn run(&self) -> Value {
        self.run_of(&[]).await
    }

    pub async fn run_of(&self, more: &[&str]) -> Value {
        let line = [&["recon", "run", "r", "--as-of", "2026-12-05", "--json"], more].concat();
        self.syncline("ann", &line).await.json()
    }
}

pub fn fixture(connector: &str, name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("connectors").join(connector).join("fixtures").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// Findings: code and text.
pub fn findings(run: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let found = run["report"]["cover"]["findings"].as_array().unwrap();
    found.iter().map(|finding| (text(&finding["code"]), text(&finding["text"]))).collect()
}

/// Break codes with their keys.
pub fn breaks(run: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let found = run["report"]["breaks"].as_array().unwrap();
    found.iter().map(|item| (text(&item["code"]), text(&item["key"]))).collect()
}

#[track_caller]
pub fn no_breaks(run: &Value) {
    assert!(breaks(run).is_empty(), "{:?}", breaks(run));
}

#[track_caller]
pub fn complete(run: &Value) {
    assert_eq!(run["run"]["status"], "complete", "{:?}", findings(run));
}

/// The run says what is wrong with which file, compares nothing and invents nothing.
#[track_caller]
pub fn not_reconciled(run: &Value, code: &str, words: &[&str]) {
    let report = &run["report"];
    assert_eq!(run["run"]["status"], "not_reconciled", "{words:?}: {:?}", findings(run));
    let found = findings(run);
    let says = |text: &str| words.iter().all(|word| text.contains(word));
    assert!(found.iter().any(|(known, text)| known == code && says(text)), "{code} {words:?}: {found:?}");
    for list in ["breaks", "timing", "in_flight", "matches", "excluded", "rejected", "tie_out"] {
        assert_eq!(report[list].as_array().unwrap().len(), 0, "{list}");
    }
    let blockers = run["blockers"].as_array().unwrap();
    assert!(blockers.iter().any(|why| why.as_str().unwrap().contains("not reconciled")), "{blockers:?}");
}
