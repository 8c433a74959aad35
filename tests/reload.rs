//! A running daemon: its log as configured, and its configuration read anew by command and by signal.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

fn configuration(mode: &str, more: &str) -> String {
    format!(
        "hub: {{ listen: \"127.0.0.1:0\", log: {{ level: debug, format: json }} }}\n\
         connections:\n  files: {{ connector: jsonl, settings: {{ folder_in: in, folder_out: out }} }}\n\
         flows:\n  archive: {{ from: files.orders, to: files.records, mode: {mode} }}\n{more}"
    )
}

struct Daemon {
    root: tempfile::TempDir,
    child: Option<Child>,
}

impl Daemon {
    fn start(flags: &[&str], filter: Option<&str>) -> Daemon {
        let root = tempfile::tempdir().unwrap();
        let mut daemon = Daemon { root, child: None };
        daemon.configure(&configuration("live", ""));
        for name in ["in", "out"] {
            fs::create_dir(daemon.folder().join(name)).unwrap();
        }
        let log = |name| File::create(daemon.folder().join(name)).unwrap();
        let mut command = daemon.command(flags);
        if let Some(filter) = filter {
            command.env("SYNCLINE_LOG", filter);
        }
        let child = command.arg("run").stdout(log("out.log")).stderr(log("err.log")).spawn().unwrap();
        daemon.child = Some(child);
        daemon.until("is running", "out.log", "Ctrl-C");
        daemon
    }

    fn folder(&self) -> &Path {
        self.root.path()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    fn configure(&self, text: &str) {
        fs::write(self.path("syncline.yaml"), text).unwrap();
    }

    fn command(&self, flags: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_syncline"));
        command.arg("--config").arg(self.folder()).args(flags).stdin(Stdio::null()).env_remove("SYNCLINE_LOG");
        command
    }

    fn said(&self, log: &str) -> String {
        fs::read_to_string(self.path(log)).unwrap()
    }

    fn until(&self, what: &str, log: &str, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.said(log).contains(words) {
            assert!(Instant::now() < deadline, "never: {what}\n{}\n{}", self.said("out.log"), self.said("err.log"));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn reload(&self, flags: &[&str]) -> Output {
        self.command(flags).args(["--actor", "ann", "reload"]).output().unwrap()
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.as_ref().unwrap().id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Ends it in order, and returns what it logged.
    fn end(mut self) -> String {
        self.signal(Signal::TERM);
        assert!(self.child.take().unwrap().wait().unwrap().success());
        self.said("err.log")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Only where a test failed: nothing must be left running.
            let _ended_before = child.kill();
            let _status = child.wait();
        }
    }
}

#[track_caller]
fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_reload_tells_what_changed_or_every_mistake() {
    let daemon = Daemon::start(&[], None);
    let (code, out, err) = told(&daemon.reload(&[]));
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.starts_with("Configuration ") && out.ends_with(" is in force.\n  Nothing has changed.\n"), "{out}");

    let more = "  copies: { from: files.stock, to: files.records, mode: paused }\n";
    daemon.configure(&configuration("paused", more).replace("level: debug", "level: info"));
    let (code, out, err) = told(&daemon.reload(&[]));
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let lines: Vec<&str> = out.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            "  flow archive: mode live -> paused",
            "  flow copies: added",
            "  hub.log changed: in force at the next start"
        ]
    );

    // With mistakes nothing changes, and all of them are told.
    daemon.configure(&configuration("sideways", "").replace("files.records", "files.nothing"));
    let (code, out, err) = told(&daemon.reload(&[]));
    assert_eq!((code, out.as_str()), (Some(1), ""));
    for words in ["sideways", "files.nothing", "syncline.yaml:5:", "2 problems", "the configuration in force goes on"] {
        assert!(err.contains(words), "{words}: {err}");
    }
    let status = daemon.command(&["--json", "status"]).output().unwrap();
    assert!(String::from_utf8(status.stdout).unwrap().contains("copies"), "the former one goes on");

    // The signal does the same, and the daemon says so.
    daemon.signal(Signal::HUP);
    daemon.until("the mistakes of a signal", "err.log", "goes on");
    daemon.configure(&configuration("live", ""));
    daemon.signal(Signal::HUP);
    daemon.until("the changes of a signal", "out.log", "  flow copies: removed");
    let (code, out, _) = told(&daemon.reload(&["--json"]));
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, answer["changes"].as_array().map(Vec::len)), (Some(0), Some(0)), "{out}");
    daemon.end();

    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("syncline.yaml"), configuration("live", "")).unwrap();
    let none = Command::new(env!("CARGO_BIN_EXE_syncline")).arg("--config").arg(root.path()).arg("reload").output();
    let (code, _, err) = told(&none.unwrap());
    assert_eq!(code, Some(1));
    assert!(err.contains("syncline run"), "{err}");
}

/// The lines of the log as JSON objects, where they are.
fn objects(log: &str) -> Vec<Value> {
    log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// What a daemon logs that was asked for one reload.
fn logged(flags: &[&str], filter: Option<&str>) -> String {
    let daemon = Daemon::start(flags, filter);
    let output = daemon.reload(&[]);
    assert!(output.status.success(), "{output:?}");
    daemon.end()
}

#[test]
fn the_log_follows_the_configuration_the_flags_and_the_variable() {
    let is_told = |log: &str| objects(log).iter().any(|line| line["level"] == "INFO" && line["version"].is_string());
    let configured = logged(&[], None);
    assert!(is_told(&configured) && objects(&configured).len() == configured.lines().count(), "{configured}");
    let flagged = logged(&["--log", "human"], None);
    assert!(objects(&flagged).is_empty() && flagged.contains("INFO"), "{flagged}");
    assert_eq!(logged(&["-q"], None), "", "errors only, and there are none");
    let filtered = logged(&["-q"], Some("syncline=info"));
    assert!(is_told(&filtered), "the variable wins over the flag: {filtered}");
}
