//! A Chromium of the test's own, told what to do through a pair of pipes; not here: what is looked at in its tabs.
//!
//! The DevTools protocol's pipe needs no port, no WebSocket and no crate. A pipe that closes also ends the browser, so that
//! even a killed test leaves none behind.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};

use super::tab::Tab;

pub const PATIENCE: Duration = Duration::from_secs(60);
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const MISSING: &str = "these tests drive a real browser, and none was found.\n\
    Install one (Debian: apt-get install chromium), or set CHROMIUM to its program, or run scripts/test, which installs it.";

/// Asked first: the variable; then the usual names.
pub fn find() -> PathBuf {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        let path = PathBuf::from(named);
        assert!(path.is_file(), "CHROMIUM is {}, which is no file", path.display());
        return path;
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let places = NAMES.iter().flat_map(|name| std::env::split_paths(&folders).map(move |folder| folder.join(name)));
    places.into_iter().find(|place| place.is_file()).unwrap_or_else(|| panic!("{MISSING}"))
}

type Answer = oneshot::Sender<Result<Value, String>>;

/// What the browser and its tabs share: one line out, answers and events sorted to those who wait for them.
pub struct Link {
    out: mpsc::UnboundedSender<String>,
    next: AtomicU64,
    answers: Mutex<HashMap<u64, Answer>>,
    tabs: Mutex<HashMap<String, mpsc::UnboundedSender<Value>>>,
}

impl Link {
    pub async fn call(&self, session: Option<&str>, method: &str, params: Value) -> Result<Value, String> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        let (to, answer) = oneshot::channel();
        self.answers.lock().unwrap().insert(id, to);
        self.out.send(message.to_string()).map_err(|_| "the browser is gone".to_owned())?;
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(answer)) => answer.map_err(|error| format!("{method}: {error}")),
            Ok(Err(_)) => Err(format!("{method}: the browser ended")),
            Err(_) => panic!("{method} was not answered within {PATIENCE:?}"),
        }
    }

    fn take(&self, mut message: Value) {
        if let Some(id) = message["id"].as_u64() {
            let Some(to) = self.answers.lock().unwrap().remove(&id) else { return };
            let error = message["error"]["message"].as_str().map(str::to_owned);
            // Nobody waits any more when a test has failed meanwhile.
            let _ = to.send(error.map_or_else(|| Ok(message["result"].take()), Err));
        } else if let Some(to) = message["sessionId"].as_str().and_then(|id| self.tabs.lock().unwrap().get(id).cloned())
        {
            let _ = to.send(message);
        }
    }
}

pub struct Browser {
    link: Arc<Link>,
    group: Pid,
    child: Child,
    profile: tempfile::TempDir,
}

impl Browser {
    pub async fn start() -> Browser {
        let program = find();
        let profile = tempfile::tempdir().unwrap();
        let errors = std::fs::File::create(profile.path().join("stderr")).unwrap();
        let mut child = command(&program, profile.path()).stderr(errors).spawn().unwrap();
        let group = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
        let (out, lines) = mpsc::unbounded_channel();
        let link = Arc::new(Link { out, next: AtomicU64::new(1), answers: Mutex::default(), tabs: Mutex::default() });
        tokio::spawn(write(child.stdin.take().unwrap(), lines));
        tokio::spawn(read(child.stdout.take().unwrap(), Arc::clone(&link)));
        let browser = Browser { link, group, child, profile };
        if let Err(error) = browser.link.call(None, "Browser.getVersion", json!({})).await {
            let said = std::fs::read_to_string(browser.profile.path().join("stderr")).unwrap_or_default();
            panic!("{} does not start: {error}\n{said}", program.display());
        }
        browser
    }

    /// In a context of its own: no cookie of another test.
    pub async fn tab(&self) -> Tab {
        let call = async |method, params| self.link.call(None, method, params).await.unwrap();
        let context = call("Target.createBrowserContext", json!({})).await["browserContextId"].clone();
        let created = call("Target.createTarget", json!({ "url": "about:blank", "browserContextId": context })).await;
        let target = json!({ "targetId": created["targetId"], "flatten": true });
        let session = call("Target.attachToTarget", target).await["sessionId"].as_str().unwrap().to_owned();
        let (to, events) = mpsc::unbounded_channel();
        self.link.tabs.lock().unwrap().insert(session.clone(), to);
        Tab::open(Arc::clone(&self.link), session, events).await
    }
}

impl Drop for Browser {
    /// With all its processes, also when a test panics.
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = kill_process_group(self.group, Signal::KILL);
        let _ = self.child.try_wait();
    }
}

/// Descriptors 3 and 4 are the protocol's; the shell puts the child's standard ones there.
fn command(program: &Path, profile: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#]).arg(program);
    command.args([
        "--headless=new",
        "--remote-debugging-pipe",
        "--no-first-run",
        "--disable-gpu",
        "--disable-dev-shm-usage",
    ]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-extensions"]);
    command.args(["--force-color-profile=srgb", "--lang=en-GB", "--hide-scrollbars"]);
    command.arg(format!("--user-data-dir={}", profile.display()));
    if rustix::process::geteuid().is_root() {
        // Chromium refuses its sandbox to root, as in a container; it only ever sees our own pages.
        command.arg("--no-sandbox");
    }
    command.arg("about:blank").stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0).kill_on_drop(true);
    command
}

async fn write(mut to: ChildStdin, mut lines: mpsc::UnboundedReceiver<String>) {
    while let Some(line) = lines.recv().await {
        if to.write_all(line.as_bytes()).await.is_err() || to.write_all(&[0]).await.is_err() {
            return;
        }
    }
}

async fn read(from: ChildStdout, link: Arc<Link>) {
    let mut from = BufReader::new(from);
    let mut bytes = Vec::new();
    while from.read_until(0, &mut bytes).await.is_ok_and(|n| n > 0) {
        bytes.pop();
        link.take(serde_json::from_slice(&bytes).unwrap());
        bytes.clear();
    }
    // Whoever still waits is told.
    link.answers.lock().unwrap().clear();
}
