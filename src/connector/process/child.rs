//! One running program: its process group, its pipes, its limits, its end.
//!
//! The group is killed on every fault, when a run is over, and when this value is dropped. Limits are set right after the
//! start: a program that works before it has read its first line escapes them for that moment, and a child of it that makes a
//! session of its own escapes the kill; no more can be done without privileges.
//! Not here: what is said over the pipes.

use std::collections::VecDeque;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process_group, prlimit};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::failure::{End, Failure, Fault};
use super::lines::{LineError, Lines};
use super::log::{LastWords, capture};
use super::program::Program;
use super::run_folder::RunFolder;
use crate::connector::manifest::ProcessLimits;

/// After its end, what is left in the pipe is read this long: a child of it may hold the other end.
const DRAIN: Duration = Duration::from_secs(1);
/// To end by itself after its input ended, and again after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);
/// Lines that are taken while we write, before it has to wait for us.
const AHEAD: usize = 1_000;

pub(super) struct Running {
    child: Child,
    group: Pid,
    stdin: Option<ChildStdin>,
    output: Lines<ChildStdout>,
    ahead: VecDeque<Vec<u8>>,
    last_words: LastWords,
    log: Option<JoinHandle<()>>,
    ended: Option<(ExitStatus, Instant)>,
    limits: ProcessLimits,
    /// What it does at the moment, for messages.
    pub doing: &'static str,
    /// Declared last: removed when nobody works in it any more.
    _folder: RunFolder,
}

/// What waiting for a line came to.
pub(super) enum Heard {
    Line(Vec<u8>),
    End,
    /// The time is up.
    Nothing,
}

impl Running {
    /// Starts `program` with `arguments` after those of its command.
    pub fn start(program: &Program, arguments: &[String], folder: RunFolder, input: bool) -> Result<Running, Fault> {
        let mut command = Command::new(&program.executable);
        command
            .args(&program.arguments)
            .args(arguments)
            .env_clear()
            .envs(program.env.iter().map(|(name, value)| (name, value)))
            .current_dir(folder.path())
            .stdin(if input { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        for (name, value) in [("HOME", folder.path()), ("TMPDIR", folder.path())] {
            if !program.env.iter().any(|(declared, _)| declared == name) {
                command.env(name, value);
            }
        }
        let failed = |cause| Fault::Start { program: program.executable.display().to_string(), cause };
        let mut child = command.spawn().map_err(failed)?;
        let lost = || failed(std::io::Error::other("it ended at once"));
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)).ok_or_else(lost)?;
        let stdin = child.stdin.take();
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else { return Err(lost()) };
        let limits = program.process.limits;
        let last_words = LastWords::default();
        let mut running = Running {
            child,
            group,
            stdin,
            output: Lines::new(stdout, limits.line.bytes, limits.output.bytes),
            ahead: VecDeque::new(),
            last_words: last_words.clone(),
            log: None,
            ended: None,
            limits,
            doing: "starting",
            _folder: folder,
        };
        restrict(group, &limits).map_err(|cause| Fault::Limits(cause.into()))?;
        let (system, mask) = (program.system.clone(), Arc::clone(&program.mask));
        running.log = Some(tokio::spawn(capture(stderr, system, mask, limits.log.bytes, last_words)));
        Ok(running)
    }

    /// Whether it has ended by itself already.
    pub fn is_over(&mut self) -> bool {
        self.ended.is_some() || !matches!(self.child.try_wait(), Ok(None))
    }

    /// The number of the line heard last.
    pub fn line(&self) -> u64 {
        self.output.count - self.ahead.len() as u64
    }

    /// A new answer begins: its output is counted anew.
    pub fn begin(&mut self, doing: &'static str) {
        self.doing = doing;
        self.output.start_count();
    }

    /// The next line, if it comes in time.
    pub async fn hear(&mut self, until: Instant) -> Result<Heard, Fault> {
        if let Some(line) = self.ahead.pop_front() {
            return Ok(Heard::Line(line));
        }
        loop {
            let limit = self.ended.map_or(until, |(_, at)| until.min(at + DRAIN));
            tokio::select! {
                biased;
                line = self.output.next() => return match line {
                    Ok(Some(line)) => Ok(Heard::Line(line)),
                    Ok(None) => Ok(Heard::End),
                    Err(error) => Err(self.fault(error)),
                },
                status = self.child.wait(), if self.ended.is_none() => {
                    self.ended = Some((status.map_err(Fault::Pipe)?, Instant::now()));
                    // Whatever it left behind holds the pipe open for nothing.
                    self.kill();
                }
                () = sleep_until(limit) => {
                    return Ok(if limit < until { Heard::End } else { Heard::Nothing });
                }
            }
        }
    }

    /// Writes, and meanwhile takes what it says, so that neither waits for the other for ever. `Err` also tells whether
    /// anything was taken by the pipe.
    pub async fn tell(&mut self, bytes: &[u8], patience: Duration) -> Result<(), (Fault, bool)> {
        let until = Instant::now() + patience;
        let mut written = 0;
        while written < bytes.len() {
            let Some(stdin) = &mut self.stdin else {
                return Err((Fault::Pipe(std::io::ErrorKind::BrokenPipe.into()), written > 0));
            };
            tokio::select! {
                biased;
                count = stdin.write(&bytes[written..]) => match count {
                    Ok(count) => written += count,
                    Err(error) => return Err((self.broken(error).await, written > 0)),
                },
                line = self.output.next(), if self.ahead.len() < AHEAD => match line {
                    Ok(Some(line)) => self.ahead.push_back(line),
                    Ok(None) => return Err((self.end_of_output().await, written > 0)),
                    Err(error) => return Err((self.fault(error), written > 0)),
                },
                () = sleep_until(until) => {
                    let fault = Fault::Silent { waited: patience, doing: "it had something to read" };
                    return Err((fault, written > 0));
                }
            }
        }
        Ok(())
    }

    /// Its input ends: there is nothing more to do.
    pub fn end_input(&mut self) {
        self.stdin = None;
    }

    /// Waits for its end after the end of its output or input; whoever does not end is made to. `Err` if it did not end well.
    pub async fn finish(&mut self) -> Result<(), Fault> {
        self.end_input();
        match self.end().await {
            End::Exited(status) if status.success() => Ok(()),
            how => Err(Fault::Ended { how, doing: self.doing, line: self.line() }),
        }
    }

    /// The fault for an output that ended before its time.
    pub async fn end_of_output(&mut self) -> Fault {
        let (doing, line) = (self.doing, self.line());
        self.end_input();
        Fault::Ended { how: self.end().await, doing, line }
    }

    /// With what it said last.
    pub fn failure(&self, fault: Fault) -> Failure {
        Failure { fault, last_words: self.last_words.get() }
    }

    async fn broken(&mut self, error: std::io::Error) -> Fault {
        if error.kind() == std::io::ErrorKind::BrokenPipe { self.end_of_output().await } else { Fault::Pipe(error) }
    }

    async fn end(&mut self) -> End {
        let how = self.ended_how().await;
        // Its last words count, and the pipe of a killed group is closed.
        if let Some(log) = self.log.take() {
            let _ = tokio::time::timeout(DRAIN, log).await;
        }
        how
    }

    async fn ended_how(&mut self) -> End {
        if let Some((status, _)) = self.ended {
            return End::Exited(status);
        }
        for signal in [None, Some(Signal::TERM)] {
            if let Some(signal) = signal {
                self.signal(signal);
            }
            if let Ok(Ok(status)) = tokio::time::timeout(GRACE, self.wait_discarding()).await {
                self.ended = Some((status, Instant::now()));
                self.kill();
                return if signal.is_none() { End::Exited(status) } else { End::Killed };
            }
        }
        self.kill();
        End::Killed
    }

    /// Its output is read on, so that it does not hang in a write.
    async fn wait_discarding(&mut self) -> std::io::Result<ExitStatus> {
        let mut open = true;
        loop {
            tokio::select! {
                biased;
                status = self.child.wait() => return status,
                line = self.output.next(), if open => open = matches!(line, Ok(Some(_))),
            }
        }
    }

    fn fault(&self, error: LineError) -> Fault {
        let line = self.output.count;
        match error {
            LineError::Io(error) => Fault::Pipe(error),
            LineError::LineTooLong { head } => Fault::LineTooLong { line, cap: self.limits.line.bytes, head },
            LineError::TooMuch => Fault::TooMuch { line, cap: self.limits.output.bytes },
        }
    }

    fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        match kill_process_group(self.group, signal) {
            // Nobody is left.
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => {
                tracing::warn!(group = self.group.as_raw_nonzero(), %error, "a program's group cannot be signalled")
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended.is_none() {
            self.kill();
        }
    }
}

fn restrict(pid: Pid, limits: &ProcessLimits) -> rustix::io::Result<()> {
    let seconds = limits.cpu.as_secs().max(1);
    let wanted = [
        (Resource::As, limits.memory.bytes),
        (Resource::Nofile, u64::from(limits.open_files)),
        (Resource::Cpu, seconds),
        (Resource::Fsize, limits.file_size.bytes),
        (Resource::Core, 0),
    ];
    for (resource, limit) in wanted {
        // Nobody may have more than the hub itself.
        let limit = Some(getrlimit(resource).maximum.map_or(limit, |own| own.min(limit)));
        match prlimit(Some(pid), resource, Rlimit { current: limit, maximum: limit }) {
            // It ended already; what it said is still to be heard.
            Ok(_) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
