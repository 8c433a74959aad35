//! The quickstart as its README says: its commands, run in a copy of the example; what comes out is compared with `expected/`.
//!
//! Two things differ between runs and are taken out before the comparison: how records are spread over batch files and in
//! which order different records come (lines are sorted by record, stably, so that the order of one record's states counts),
//! and what tells one run's events from another's: their ids and when the hub learned of them.
//!
//! `QUICKSTART_BLESS=1` writes what came out to `expected/`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Made by the commands, or by whoever tried the example before.
const MADE: [&str; 5] = ["data", "drop", "out", "secrets", "expected"];
const OF_THE_PACKAGE: [&str; 5] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_", "OUT_DIR"];
const PATIENCE: Duration = Duration::from_secs(60);

/// The README's commands: the fenced blocks whose info string is `sh <name>`, in order.
fn commands(readme: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = readme.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("```sh ") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            found.push((name.to_owned(), block.join("\n")));
        } else {
            assert!(!line.starts_with("```sh"), "a block of commands without a name: the test would not run it");
        }
    }
    found
}

struct Example {
    root: tempfile::TempDir,
    commands: Vec<(String, String)>,
    next: usize,
    environment: [(&'static str, String); 2],
    running: Vec<(String, Child)>,
}

impl Example {
    fn new() -> Example {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        let source = repository.join("examples/quickstart");
        let commands = commands(&fs::read_to_string(source.join("README.md")).unwrap());
        let root = tempfile::tempdir().unwrap();
        copy(&source, &root.path().join("examples/quickstart"));
        let programs = Path::new(env!("CARGO_BIN_EXE_syncline")).parent().unwrap();
        fs::create_dir_all(root.path().join("target")).unwrap();
        std::os::unix::fs::symlink(programs, root.path().join("target/debug")).unwrap();
        let free = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (hub, service) = (free(), free());
        let environment = [
            ("QUICKSTART_HUB", hub.local_addr().unwrap().to_string()),
            ("QUICKSTART_SERVICE", service.local_addr().unwrap().to_string()),
        ];
        Example { root, commands, next: 0, environment, running: Vec::new() }
    }

    fn folder(&self) -> PathBuf {
        self.root.path().join("examples/quickstart")
    }

    /// The next block, which must be the one that is expected: none is left out.
    fn block(&mut self, name: &str) -> String {
        let (found, block) = self.commands.get(self.next).unwrap_or_else(|| panic!("the README has no block {name}"));
        assert_eq!(found, name, "the README's commands come in another order");
        self.next += 1;
        block.clone()
    }

    fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-eu", "-c", script]).current_dir(self.root.path()).envs(self.environment.clone());
        command
    }

    #[track_caller]
    fn run(&mut self, name: &str) -> String {
        let block = self.block(name);
        self.told(&self.shell(&block).output().unwrap(), name)
    }

    /// Builds in the repository, with what this test was built with.
    fn build(&mut self) {
        let block = self.block("build");
        let programs = Path::new(env!("CARGO_BIN_EXE_syncline")).parent().unwrap();
        let profile = match programs.file_name().unwrap().to_str().unwrap() {
            "debug" => "dev",
            other => other,
        };
        let features = if cfg!(feature = "mutations") { "--features mutations" } else { "" };
        let mut command = self.shell(&format!("{block} --locked --profile {profile} {features}"));
        command.current_dir(env!("CARGO_MANIFEST_DIR")).env("CARGO_TARGET_DIR", programs.parent().unwrap());
        // Cargo tells tests what package they are of; build scripts that watch those words would build all anew.
        for (name, _) in std::env::vars_os() {
            let told = |name: &str| OF_THE_PACKAGE.iter().any(|start| name.starts_with(start));
            if name.to_str().is_some_and(told) {
                command.env_remove(name);
            }
        }
        self.told(&command.output().unwrap(), "build");
    }

    #[track_caller]
    fn told(&self, output: &Output, name: &str) -> String {
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "block {name}: {}\n{out}\n{err}\n{}", output.status, self.logs());
        out.into_owned()
    }

    /// Runs a block in the background until it says `ready`.
    fn start(&mut self, name: &str, ready: &str) {
        let script = format!("exec {}", self.block(name));
        let log = File::create(self.root.path().join(format!("{name}.log"))).unwrap();
        let mut command = self.shell(&script);
        command.stdout(log.try_clone().unwrap()).stderr(log).stdin(Stdio::null());
        self.running.push((name.to_owned(), command.spawn().unwrap()));
        self.until(ready, |example| example.log(name).contains(ready));
    }

    fn log(&self, name: &str) -> String {
        fs::read_to_string(self.root.path().join(format!("{name}.log"))).unwrap_or_default()
    }

    fn logs(&self) -> String {
        format!("hub:\n{}\nservice:\n{}", self.log("hub"), self.log("service"))
    }

    #[track_caller]
    fn until(&self, what: &str, done: impl Fn(&Example) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(Instant::now() < end, "never came to: {what}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Lines of results, over all batch files.
    fn count(&self, prefix: &str) -> usize {
        self.lines(prefix).len()
    }

    fn lines(&self, prefix: &str) -> Vec<String> {
        let mut files: Vec<PathBuf> =
            fs::read_dir(self.folder().join("out")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(prefix) && (name.ends_with(".jsonl") || name.ends_with(".csv"))
        });
        files.sort();
        files
            .iter()
            .flat_map(|path| fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }

    /// Ends it in order, as Ctrl-C and SIGTERM do.
    fn stop(&mut self, name: &str) {
        let at = self.running.iter().position(|(running, _)| running == name).unwrap();
        let (_, mut child) = self.running.remove(at);
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        for (_, child) in &mut self.running {
            if child.kill().is_ok() {
                child.wait().unwrap();
            }
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        let overlay = path.ends_with("mappings/shopify");
        if overlay || MADE.iter().any(|made| name == *made) {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

/// JSON Lines by record; `key` leads to what names it.
fn records(lines: Vec<String>, key: &str) -> String {
    let mut all: Vec<(String, String)> = Vec::new();
    for line in lines {
        let mut record: Value = serde_json::from_str(&line).unwrap();
        let name = record.pointer(key).unwrap().as_str().unwrap().to_owned();
        if let (Some(record), true) = (record.as_object_mut(), key == "/subject") {
            for of_the_run in ["id", "recordedtime"] {
                record.shift_remove(of_the_run).unwrap_or_else(|| panic!("an event has an {of_the_run}"));
            }
        }
        all.push((name, record.to_string()));
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all.into_iter().map(|(_, line)| line + "\n").collect()
}

/// CSV rows by article, each file's line of names left out but for the first.
fn rows(lines: Vec<String>) -> String {
    let names = lines.first().cloned().unwrap_or_default();
    let mut all: Vec<String> = lines.into_iter().filter(|line| *line != names).collect();
    all.sort_by(|a, b| a.split(',').next().cmp(&b.split(',').next()));
    all.insert(0, names);
    all.into_iter().map(|line| line + "\n").collect()
}

#[track_caller]
fn compare(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart/expected").join(name);
    if std::env::var_os("QUICKSTART_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    for (number, (expected, found)) in expected.lines().zip(found.lines()).enumerate() {
        assert_eq!(found, expected, "{name}, line {}", number + 1);
    }
    assert_eq!(found, expected, "{name}");
}

#[test]
fn the_readme_works_as_it_says() {
    let mut example = Example::new();
    example.build();
    example.run("setup");
    example.start("hub", "is running: http://");
    example.start("service", "listening on");

    let posted = example.run("post");
    assert_eq!(posted.matches("200  ").count(), 12, "{posted}");
    assert_eq!(posted.matches("401  ").count(), 1, "{posted}");
    assert!(example.log("hub").contains("label=\"forged\""), "{}", example.logs());
    example.run("drop");
    example.until("the first results", |e| {
        (e.count("orders_"), e.count("events"), e.count("shipments_"), e.count("stock_")) == (4, 6, 2, 5)
    });
    example.run("second-night");
    example.until("two changed rows and their names", |e| e.count("stock_") == 8);
    let looked = example.run("look");
    for expected in ["all is well", "order #1001", "every destination has revision 2", "all that must hold does"] {
        assert!(looked.contains(expected), "{expected}: {looked}");
    }

    example.run("bad");
    example.until("the refused file's reason", |e| e.log("hub").contains("a file was refused"));
    let block = example.block("issues");
    example.until("two open issues", |_| {
        let json =
            example.shell("target/debug/syncline --config examples/quickstart issues list --json").output().unwrap();
        serde_json::from_slice::<Value>(&json.stdout)
            .is_ok_and(|issues| issues.as_array().is_some_and(|all| all.len() == 2))
    });
    let shown = example.shell(&block.replace('\n', " || true\n")).output().unwrap();
    assert_eq!(shown.status.code(), Some(3), "open issues end with code 3");
    let shown = String::from_utf8(shown.stdout).unwrap();
    for expected in
        ["add \"half_paid\" to crosswalk `financial_status`", "file \"BESTAND_0000003.csv\": rows of the trailer"]
    {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }

    example.run("mend");
    example.until("the new configuration", |e| e.log("hub").contains("is in force"));
    example.run("retry");
    example.until("the mended order", |e| e.count("orders_") == 5);
    let verified = example.shell("target/debug/syncline --config examples/quickstart verify").output().unwrap();
    let ledger = example.told(&verified, "verify");
    let readme = fs::read_to_string(example.folder().join("README.md")).unwrap();

    // What is under way is written before the hub has stopped, so nothing can come after the comparison.
    example.stop("hub");
    example.stop("service");
    compare("orders.jsonl", &records(example.lines("orders_"), "/number"));
    compare("shipments.jsonl", &records(example.lines("shipments_"), "/number"));
    compare("stock.csv", &rows(example.lines("stock_")));
    compare("events.jsonl", &records(example.lines("events"), "/subject"));
    compare("ledger.txt", &ledger);
    let total = ledger.lines().next().unwrap();
    assert!(readme.contains(total), "the README shows another ledger than {total}");
    example.run("clean");
    assert!(!example.folder().join("data").exists());
    assert_eq!(example.next, example.commands.len(), "the README has commands that this test does not run");
}
