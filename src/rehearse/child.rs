//! The rehearsed hub as a child process: started, asked over its API, measured, ended. Not here: what it is given to do.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::de::DeserializeOwned;
use tokio::process::{Child, Command};

use super::prepare::RehearseError;

const START: Duration = Duration::from_secs(60);
const END: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The kernel counts CPU time in hundredths of a second, whatever its own tick is (proc_pid_stat(5)).
const TICK_US: u64 = 10_000;

pub(super) struct Hub {
    child: Child,
    pid: u32,
    base: String,
    http: reqwest::Client,
    log: PathBuf,
    pub(super) started_in: Duration,
}

/// CPU time so far, and the most memory it ever had.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    pub(super) cpu_us: u64,
    pub(super) peak_rss_bytes: u64,
}

impl Hub {
    /// Starts `program run` on the copy and waits until it takes work.
    pub(super) async fn start(
        program: &Path,
        folder: &Path,
        listen: SocketAddr,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Hub, RehearseError> {
        let log = folder.join("hub.log");
        let file = File::create(&log).map_err(RehearseError::io("the hub's log cannot be written"))?;
        let errors = file.try_clone().map_err(RehearseError::io("the hub's log cannot be written"))?;
        let began = Instant::now();
        let child = Command::new(program)
            .arg("--config")
            .arg(folder)
            .arg("run")
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .map_err(RehearseError::io("the hub does not start"))?;
        let pid = child.id().unwrap_or_default();
        let http = super::load::client().map_err(|error| RehearseError::Hub { what: error, log: String::new() })?;
        let mut hub = Hub { child, pid, base: format!("http://{listen}"), http, log, started_in: Duration::ZERO };
        while began.elapsed() < START {
            if let Ok(Some(status)) = hub.child.try_wait() {
                return Err(hub.failed(&format!("ended at once ({status})")));
            }
            if hub.http.get(format!("{}/readyz", hub.base)).send().await.is_ok_and(|r| r.status().is_success()) {
                hub.started_in = began.elapsed();
                return Ok(hub);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(hub.failed("was not ready within a minute"))
    }

    pub(super) fn failed(&self, what: &str) -> RehearseError {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        RehearseError::Hub { what: what.to_owned(), log: lines[lines.len().saturating_sub(20)..].join("\n") }
    }

    /// Warnings and errors of its log, the last few.
    pub(super) fn complaints(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let told = text.lines().filter(|line| line.contains("WARN") || line.contains("ERROR"));
        let mut told: Vec<String> = told.map(str::to_owned).collect();
        told.split_off(told.len().saturating_sub(5))
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, RehearseError> {
        self.shaped(self.http.get(format!("{}{path}", self.base)), path).await
    }

    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str) -> Result<T, RehearseError> {
        let request = self.http.post(format!("{}{path}", self.base)).header("content-type", "application/json");
        self.shaped(request.body("{\"actor\":\"rehearsal\"}"), path).await
    }

    async fn shaped<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
        path: &str,
    ) -> Result<T, RehearseError> {
        let failed = |cause: reqwest::Error| self.failed(&format!("does not answer {path}: {cause}"));
        let response = request.timeout(Duration::from_secs(60)).send().await.map_err(failed)?;
        let text = response.text().await.map_err(failed)?;
        serde_json::from_str(&text).map_err(|cause| self.failed(&format!("answers {path} with `{text}`: {cause}")))
    }

    /// `None` where the system does not tell.
    pub(super) fn usage(&self) -> Option<Usage> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        Some(Usage { cpu_us: ticks(&stat)? * TICK_US, peak_rss_bytes: kilobytes(&status, "VmHWM:")? * 1024 })
    }

    /// In order; whoever does not end is ended.
    pub(super) async fn stop(mut self) {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid
            && kill_process(pid, Signal::TERM).is_ok()
            && tokio::time::timeout(END, self.child.wait()).await.is_ok()
        {
            return;
        }
        if let Err(error) = self.child.kill().await {
            tracing::debug!(%error, "the rehearsed hub had ended already");
        }
    }
}

/// User and system time: fields 14 and 15, counted behind the command's name, which may hold blanks and brackets.
fn ticks(stat: &str) -> Option<u64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

fn kilobytes(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_figures_are_read() {
        let stat = "42 (a) b) S 7 42 42 0 -1 4194560 1 2 3 4 10 20 3 4 20 0 1 0 5 6 7";
        assert_eq!(ticks(stat), Some(30));
        assert_eq!(kilobytes("Name:\tx\nVmHWM:\t  1234 kB\n", "VmHWM:"), Some(1234));
    }
}
