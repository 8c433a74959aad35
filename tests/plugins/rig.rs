//! A program written for a test, and a connection that runs it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use syncline::config::yaml::Source;
use syncline::connector::call::{CallError, Page, WriteContext};
use syncline::connector::manifest::{Manifest, SettingValues};
use syncline::connector::process::{ProcessReader, ProcessSink, Program, ProgramFolders};

pub const SECRET: &str = "s3cret-t0ken";

pub struct Rig {
    pub root: tempfile::TempDir,
    pub manifest: Manifest,
    pub program: Arc<Program>,
}

/// What precedes every answer of a shell plugin: it takes the greeting and says that it can do everything.
pub const HELLO: &str = r#"read -r hello
echo '{"type":"hello","protocol":1,"name":"evil","can":["check","discover","read","write","lookup","snapshot"]}'
read -r ask
"#;

impl Rig {
    /// A shell script that says hello and then does `script`.
    pub fn greeting(script: &str) -> Rig {
        Rig::shell(&format!("{HELLO}{script}"))
    }

    pub fn shell(script: &str) -> Rig {
        Rig::with(script, "", "")
    }

    /// `process` and `streams` are lines of the manifest's sections.
    pub fn with(script: &str, process: &str, streams: &str) -> Rig {
        let process = format!("command: [./plugin]\n{process}");
        let default = "orders:\n  entity: order\n  mapping: canonical\n  key: \"{record.number}\"\n  read: { from: process }\n  write: { to: process, operations: [upsert] }";
        let streams = if streams.is_empty() { default } else { streams };
        Rig::manifest(&format!("#!/bin/sh\n{script}"), &process, streams)
    }

    pub fn manifest(plugin: &str, process: &str, streams: &str) -> Rig {
        let root = tempfile::tempdir().unwrap();
        let connector = root.path().join("connectors/evil");
        fs::create_dir_all(&connector).unwrap();
        executable(&connector.join("plugin"), plugin);
        let has_timeouts = process.contains("timeouts:");
        let timeouts = if has_timeouts { "" } else { "timeouts: { start: 20s, silence: 20s, call: 60s }\n" };
        let text = format!(
            "connector: evil\ntitle: Evil\nsettings:\n  token: {{ secret: true }}\n  folder: {{ format: folder, default: data }}\nprocess:\n{}streams:\n{}",
            indent(&format!("{process}\n{timeouts}")),
            indent(streams)
        );
        let manifest = Manifest::parse(&Source::new("connectors/evil/connector.yaml", text.clone()))
            .unwrap_or_else(|problems| panic!("{text}\n{problems}"));
        let given = BTreeMap::from([("token".to_owned(), SECRET.to_owned())]);
        let values = SettingValues::complete(&manifest.settings, &given).unwrap();
        let folders =
            ProgramFolders { connector: &connector, base: root.path(), runs: &root.path().join("data/plugins") };
        let program = Program::new("evil", &manifest, &values, folders).unwrap().unwrap();
        Rig { root, program: Arc::new(program), manifest }
    }

    pub fn reader(&self) -> ProcessReader {
        ProcessReader::new(&self.program, &self.manifest.streams[0]).unwrap()
    }

    pub fn sink(&self) -> Arc<ProcessSink> {
        Arc::new(ProcessSink::new(&self.program, &self.manifest.streams[0]).unwrap().unwrap())
    }

    /// A walk to its end or its error.
    pub async fn walk(&self, cursor: Option<&str>) -> (Vec<Page>, Option<Box<CallError>>) {
        let reader = self.reader();
        let (mut pages, mut token) = (Vec::new(), None);
        loop {
            match reader.page(cursor, token).await {
                Ok(page) => {
                    token = page.next.clone();
                    pages.push(page);
                    if token.is_none() {
                        return (pages, None);
                    }
                }
                Err(error) => return (pages, Some(error)),
            }
        }
    }

    pub async fn failing_walk(&self) -> (Vec<Value>, Box<CallError>) {
        let (pages, error) = self.walk(None).await;
        let error = error.unwrap_or_else(|| panic!("no error, but {pages:?}"));
        assert_eq!(error.system, "evil");
        assert!(!error.next_step.is_empty(), "{error}");
        assert!(!error.to_string().contains(SECRET), "{error}");
        (records(&pages), error)
    }

    /// The working directories of runs.
    pub fn runs(&self) -> Vec<PathBuf> {
        let Ok(found) = fs::read_dir(self.root.path().join("data/plugins/evil")) else { return Vec::new() };
        found.map(|entry| entry.unwrap().path()).collect()
    }

    /// What a plugin left at `name` below the rig's folder, once it is there.
    pub async fn left(&self, name: &str) -> String {
        let path = self.root.path().join(name);
        until(&format!("{name} to be written"), || fs::read_to_string(&path).is_ok_and(|text| text.ends_with('\n')))
            .await;
        fs::read_to_string(path).unwrap()
    }
}

pub fn executable(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

pub fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

pub fn records(pages: &[Page]) -> Vec<Value> {
    pages.iter().flat_map(|page| page.records.clone()).collect()
}

pub fn context(number: &str) -> WriteContext {
    WriteContext {
        natural_key: number.to_owned(),
        idempotency_key: format!("key-{number}"),
        record: json!({ "number": number }),
        ..WriteContext::default()
    }
}

pub async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < limit, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether a process is there and no zombie.
pub fn is_alive(pid: &str) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{}/stat", pid.trim())) else { return false };
    !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z')
}
