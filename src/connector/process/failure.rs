//! What can go wrong with a program, and how it reads as the outcome of a call: class, place, cause, next step.
//!
//! Not here: what follows from a class (`deliver::outcome`, `intake::poll`).

use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use crate::connector::call::CallError;
use crate::connector::http::mask::{Mask, escape};
use crate::model::ErrorClass;

#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("`{program}` cannot be started: {cause}")]
    Start { program: String, cause: io::Error },
    #[error("its working directory {}: {cause}", .path.display())]
    Folder { path: PathBuf, cause: io::Error },
    #[error("its limits cannot be set: {0}")]
    Limits(io::Error),
    #[error("the pipe to it broke: {0}")]
    Pipe(io::Error),
    #[error("it said nothing for {waited:?} while {doing}")]
    Silent { waited: Duration, doing: &'static str },
    #[error("it was not done after {0:?}")]
    Slow(Duration),
    #[error("line {line} of its output is longer than {cap} bytes")]
    LineTooLong { line: u64, cap: u64, head: Vec<u8> },
    #[error("its output exceeds {cap} bytes at line {line}")]
    TooMuch { line: u64, cap: u64 },
    #[error("line {line} of its output {reason}")]
    Violation { line: u64, reason: String, text: Vec<u8> },
    #[error("it ended ({how}) while {doing}, after line {line} of its output")]
    Ended { how: End, doing: &'static str, line: u64 },
    #[error("it {0}")]
    Unfit(String),
    /// The program itself says why not.
    #[error("{}", .0.message)]
    Refused(Refusal),
}

/// How a program came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Exited(ExitStatus),
    /// It stayed, without input or without output, until it was killed.
    Killed,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Killed => f.write_str("it did not end by itself and was killed"),
            End::Exited(status) => match (status.code(), status.signal()) {
                (Some(code), _) => write!(f, "exit status {code}"),
                (None, Some(signal)) => write!(f, "signal {signal}"),
                (None, None) => f.write_str("no exit status"),
            },
        }
    }
}

/// An error that a program reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub class: ErrorClass,
    pub message: String,
    pub next_step: String,
    pub retry_after: Option<Duration>,
    /// `false`: the program vouches that nothing was applied.
    pub sent: bool,
}

/// A fault with what is known around it.
#[derive(Debug)]
pub(super) struct Failure {
    pub fault: Fault,
    pub last_words: String,
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        Failure { fault, last_words: String::new() }
    }
}

impl Failure {
    /// `sent`: whether the program may have acted upon what it was told.
    pub fn into_call_error(self, system: &str, what: &str, sent: bool, mask: &Mask) -> Box<CallError> {
        let next_step = self.fault.next_step();
        let mut message = mask.text(&self.fault.to_string());
        if !self.last_words.is_empty() && !matches!(self.fault, Fault::Refused(_)) {
            message = format!("{message}; its last words: {}", escape(&self.last_words, 300));
        }
        let excerpt = match &self.fault {
            Fault::Violation { text, .. } => mask.excerpt(text),
            Fault::LineTooLong { head, .. } => mask.excerpt(head),
            Fault::Start { .. }
            | Fault::Folder { .. }
            | Fault::Limits(_)
            | Fault::Pipe(_)
            | Fault::Silent { .. }
            | Fault::Slow(_)
            | Fault::TooMuch { .. }
            | Fault::Ended { .. }
            | Fault::Unfit(_)
            | Fault::Refused(_) => String::new(),
        };
        if !excerpt.is_empty() {
            message = format!("{message}: {}", escape(&excerpt, 200));
        }
        let (class, sent, retry_after, next_step) = match self.fault {
            Fault::Refused(refusal) => {
                let next_step = if refusal.next_step.is_empty() { next_step } else { mask.text(&refusal.next_step) };
                (refusal.class, sent && refusal.sent, refusal.retry_after, next_step)
            }
            // The fault is the program's, never the record's: it is tried again.
            _ if sent => (ErrorClass::UnknownOutcome, true, None, next_step),
            _ => (ErrorClass::Transient, false, None, next_step),
        };
        Box::new(CallError {
            class,
            system: system.to_owned(),
            what: what.to_owned(),
            status: None,
            message,
            next_step,
            retry_after,
            sent,
            request_excerpt: String::new(),
            response_excerpt: excerpt,
        })
    }
}

impl Fault {
    fn next_step(&self) -> String {
        let text = match self {
            Fault::Start { cause, .. } if cause.kind() == io::ErrorKind::NotFound => {
                "install the program, or correct `process.command` of the connector; `syncline check` looks for it"
            }
            Fault::Start { cause, .. } if cause.kind() == io::ErrorKind::PermissionDenied => {
                "make the program executable for the hub's user"
            }
            Fault::Start { .. } => "start it by hand as the hub's user and see what it says",
            Fault::Folder { .. } => "let the hub write to its data directory",
            Fault::Limits(_) => "lower `process.limits`: they may not exceed those of the hub itself",
            Fault::Pipe(_) | Fault::Ended { .. } => {
                "see the plugin's lines in the hub's log; it is started again by itself"
            }
            Fault::Silent { .. } | Fault::Slow(_) => {
                "see what the plugin waits for; where it may take this long, raise `process.timeouts` or have it log"
            }
            Fault::LineTooLong { .. } => "have the plugin write smaller records, or raise `process.limits.line`",
            Fault::TooMuch { .. } => {
                "have the plugin tell states, so that a read goes on where it ended, or raise `process.limits.output`"
            }
            Fault::Violation { .. } => "correct the plugin: only messages of docs/plugins.md belong on standard output",
            Fault::Unfit(_) => "correct the plugin or the connector's manifest, so that they fit together",
            Fault::Refused(refusal) => match refusal.class {
                ErrorClass::Auth | ErrorClass::Permission => "check the credentials in the connection's settings",
                ErrorClass::Data | ErrorClass::NotFound | ErrorClass::Conflict | ErrorClass::UnmappedValue => {
                    "correct the record or the mapping, then retry"
                }
                ErrorClass::Transient | ErrorClass::RateLimited | ErrorClass::UnknownOutcome | ErrorClass::Bug => {
                    "it is tried again by itself"
                }
            },
        };
        text.to_owned()
    }
}
