//! A system under test as a child process: its log, its CPU, its memory, its end.
//!
//! Not here: which systems there are (see `system`).

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::Outcome;

pub struct Process {
    child: Child,
}

/// Of the whole tree at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    pub cpu_s: f64,
    pub rss_mb: f64,
    /// The sum of each process's own peak.
    pub peak_rss_mb: f64,
}

impl Process {
    /// Its output goes to `log`.
    pub fn start(command: &mut Command, log: &Path) -> Outcome<Process> {
        let file = File::create(log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let program = command.get_program().to_string_lossy().into_owned();
        Ok(Process { child: command.spawn().map_err(|error| format!("{program} does not start: {error}"))? })
    }

    /// An error if it has ended by itself.
    pub fn still_runs(&mut self) -> Outcome<()> {
        match self.child.try_wait()? {
            Some(status) => Err(format!("it ended early ({status})").into()),
            None => Ok(()),
        }
    }

    pub fn usage(&self) -> Outcome<Usage> {
        let ticks_per_s = rustix::param::clock_ticks_per_second() as f64;
        let stats = stats()?;
        let mut usage = Usage::default();
        for pid in tree(self.child.id(), &stats) {
            // A child that has ended meanwhile is in its parent's sums.
            let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { continue };
            usage.cpu_s += stats.get(&pid).map_or(0, |stat| stat.ticks) as f64 / ticks_per_s;
            usage.rss_mb += kilobytes(&status, "VmRSS:") / 1024.0;
            usage.peak_rss_mb += kilobytes(&status, "VmHWM:") / 1024.0;
        }
        Ok(usage)
    }

    /// Ends it as a power cut would, so that the check afterwards sees only what was durable.
    pub fn kill(mut self) -> Outcome<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // After `kill` there is nothing left to end, and that is the usual case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Stat {
    parent: u32,
    /// User and system time, its own and that of children it has waited for.
    ticks: u64,
}

fn stats() -> Outcome<HashMap<u32, Stat>> {
    let mut stats = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if let Some(stat) = fs::read_to_string(format!("/proc/{pid}/stat")).ok().as_deref().and_then(stat) {
            stats.insert(pid, stat);
        }
    }
    Ok(stats)
}

/// Fields after the command's name, which may itself hold blanks and brackets; see proc_pid_stat(5).
fn stat(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: Option<u64> = fields.get(11..15)?.iter().map(|field| field.parse::<u64>().ok()).sum();
    Some(Stat { parent: fields.get(1)?.parse().ok()?, ticks: ticks? })
}

fn tree(root: u32, stats: &HashMap<u32, Stat>) -> Vec<u32> {
    let mut found = vec![root];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(stats.iter().filter(|(_, stat)| stat.parent == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    found
}

fn kilobytes(status: &str, key: &str) -> f64 {
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_behind_a_name_with_blanks_and_brackets() {
        let line = "42 (a) b) S 7 42 42 0 -1 4194560 1 2 3 4 10 20 3 4 20 0 1 0 5 6 7";
        let stat = stat(line);
        assert_eq!(stat.map(|stat| (stat.parent, stat.ticks)), Some((7, 37)));
    }

    #[test]
    fn a_tree_holds_grandchildren() {
        let stats = [(1, 0), (2, 1), (3, 2), (4, 9)];
        let stats = stats.into_iter().map(|(pid, parent)| (pid, Stat { parent, ticks: 0 })).collect();
        assert_eq!(tree(1, &stats), [1, 2, 3]);
    }
}
