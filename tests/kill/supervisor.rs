//! Starts, watches, kills and ends the daemon as a process of its own; not here: what is judged.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::Instant;

const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Far beyond what a start may take; only ends a test whose daemon hangs.
const START_DEADLINE: Duration = Duration::from_secs(30);

/// How a daemon is started, over and over.
pub struct Supervisor {
    /// The folder with the hub's configuration.
    pub folder: PathBuf,
    pub address: SocketAddr,
    mutation: Option<&'static str>,
    client: reqwest::Client,
}

/// One life of the daemon.
pub struct Life {
    child: Child,
    pub began: Instant,
}

impl Supervisor {
    pub fn new(folder: PathBuf, address: SocketAddr, mutation: Option<&'static str>) -> Supervisor {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build().unwrap();
        Supervisor { folder, address, mutation, client }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_syncline"));
        command.arg("--config").arg(&self.folder).stdin(Stdio::null()).kill_on_drop(true);
        match self.mutation {
            Some(mutation) => command.env("SYNCLINE_MUTATION", mutation),
            None => command.env_remove("SYNCLINE_MUTATION"),
        };
        command
    }

    pub fn start(&self) -> Life {
        let mut command = self.command();
        command.arg("run").stdout(self.log("out")).stderr(self.log("err"));
        Life { began: Instant::now(), child: command.spawn().unwrap() }
    }

    fn log(&self, name: &str) -> File {
        File::options().create(true).append(true).open(self.log_path(name)).unwrap()
    }

    fn log_path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("daemon.{name}"))
    }

    fn said(&self, name: &str) -> String {
        std::fs::read_to_string(self.log_path(name)).unwrap_or_default()
    }

    /// The end of what all lives have said on standard error.
    pub fn last_words(&self) -> String {
        let said = self.said("err");
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Waits until `/readyz` says so, and tells how long that took from the start of the process.
    pub async fn until_ready(&self, life: &mut Life) -> Duration {
        let url = format!("http://{}/readyz", self.address);
        loop {
            let answer = match self.client.get(&url).send().await {
                Ok(answer) if answer.status().is_success() => return life.began.elapsed(),
                Ok(answer) => format!("{}: {}", answer.status(), answer.text().await.unwrap_or_default()),
                Err(error) => format!("{error:?}"),
            };
            if let Some(status) = life.child.try_wait().unwrap() {
                panic!("the daemon ended by itself: {status}\n{}", self.last_words());
            }
            assert!(life.began.elapsed() < START_DEADLINE, "not ready, last {answer}\n{}", self.last_words());
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The address that a vendor must be told by hand, as the daemon prints it after its start.
    pub async fn webhook_url(&self, connection: &str) -> String {
        let wanted = format!("webhooks of {connection}: ");
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            // Only whole lines: the last one may be half written.
            let said = self.said("out");
            let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
            if let Some(url) = whole.lines().find_map(|line| line.trim().strip_prefix(&wanted)) {
                return url.to_owned();
            }
            assert!(Instant::now() < deadline, "no webhook address of {connection} in:\n{said}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Runs another command of the program to its end.
    pub async fn run_command(&self, arguments: &[&str]) -> Output {
        let run = self.command().args(arguments).output();
        tokio::time::timeout(START_DEADLINE, run).await.expect("the command ends").unwrap()
    }

    pub fn database(&self) -> PathBuf {
        self.folder.join("data").join("syncline.db")
    }
}

impl Life {
    pub fn pid(&self) -> u32 {
        self.child.id().expect("the daemon runs")
    }

    /// `kill -9`; a daemon that was dead already is a failure of its own.
    pub async fn kill(mut self, supervisor: &Supervisor) {
        self.child.start_kill().unwrap();
        let status = self.child.wait().await.unwrap();
        assert_eq!(status.signal(), Some(9), "the daemon ended by itself: {status}\n{}", supervisor.last_words());
    }

    /// SIGTERM; returns how it ended and how long that took.
    pub async fn terminate(mut self, patience: Duration) -> (ExitStatus, Duration) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        let asked = Instant::now();
        kill_process(pid, Signal::TERM).unwrap();
        let status = tokio::time::timeout(patience, self.child.wait()).await;
        (status.unwrap_or_else(|_| panic!("still running {patience:?} after SIGTERM")).unwrap(), asked.elapsed())
    }
}

/// A port that stays ours while the daemon is down. Ports that the kernel hands to outgoing connections would not: another
/// connection may take one, and a vendor that calls a closed one of them may end up connected to itself.
pub fn lasting_address() -> SocketAddr {
    let outgoing_from: u16 = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .unwrap_or(32768);
    let mut rng = fastrand::Rng::new();
    (0..100)
        .map(|_| SocketAddr::from(([127, 0, 0, 1], rng.u16(10_000.min(outgoing_from - 1)..outgoing_from))))
        .find(|address| std::net::TcpListener::bind(address).is_ok())
        .expect("a free port below those of outgoing connections")
}

/// Held while a test runs, whichever process it runs in: two loads at once on a small machine prove less, not more.
pub async fn alone() -> File {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kill.lock");
    let lock = move || {
        let file = File::create(path).unwrap();
        file.lock().unwrap();
        file
    };
    tokio::task::spawn_blocking(lock).await.unwrap()
}
