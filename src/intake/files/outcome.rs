//! What became of a claimed file, and how it is told to people; not here: doing it.

use std::path::Path;

use crate::connector::file::FileError;
use crate::model::ErrorClass;
use crate::store::DeadLetter;

/// How picking up one file ended.
#[derive(Debug)]
pub(super) enum Ending {
    Applied {
        rows: u64,
        sequence: Option<u64>,
    },
    /// Its content was applied before, under this name.
    Repeat {
        before: String,
    },
    Refused,
    /// Put back: it may be read later, or a person decides.
    Held(Box<Held>),
}

/// Why a file was put back.
#[derive(Debug)]
pub(super) struct Held {
    pub problem: Problem,
    /// The issue that it was filed under, once it is worth one.
    pub issue: Option<i64>,
}

/// A person's word about a held file, given by what they did with its issue; it holds for this content only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Issue retried: gaps in the numbers and too few rows are accepted this once.
    Accept,
    /// Issue discarded: the file goes to `error/`.
    Refuse,
}

/// Something wrong with a file, ready to be shown.
#[derive(Debug)]
pub(super) struct Problem {
    /// A word per cause, equal for equal causes.
    pub cause: String,
    /// File, row, column, expected and found.
    pub detail: String,
    pub next_step: String,
    pub class: ErrorClass,
    /// Waiting will not help: a person has to decide at once.
    pub needs_person: bool,
    /// The number that the file uses up if it is refused.
    pub sequence: Option<u64>,
}

impl Problem {
    pub fn of(error: &FileError, needs_person: bool) -> Problem {
        // The variant's name: the same for every file that fails in this way.
        let cause: String = format!("{:?}", error.cause).chars().take_while(char::is_ascii_alphanumeric).collect();
        Problem {
            cause,
            detail: error.to_string(),
            next_step: error.next_step().to_owned(),
            class: ErrorClass::Data,
            needs_person,
            sequence: error.sequence,
        }
    }

    pub fn changed(name: &str, error: &dyn std::error::Error) -> Problem {
        Problem {
            cause: "Changed".to_owned(),
            detail: format!("file {name:?}: {error}"),
            next_step: "choose a stronger completeness signal for this stream; the file is read again".to_owned(),
            class: ErrorClass::Data,
            needs_person: false,
            sequence: None,
        }
    }

    pub fn panicked(name: &str) -> Problem {
        Problem {
            cause: "Panicked".to_owned(),
            detail: format!("file {name:?} made the hub panic while it was read"),
            next_step: "report it with the file; the file is read again, after an upgrade perhaps with success"
                .to_owned(),
            class: ErrorClass::Bug,
            needs_person: true,
            sequence: None,
        }
    }

    /// A person did not want it.
    pub fn discarded(name: &str, sequence: Option<u64>) -> Problem {
        Problem {
            cause: "Discarded".to_owned(),
            detail: format!("file {name:?} was discarded by a person"),
            next_step: "nothing is left to do".to_owned(),
            class: ErrorClass::Data,
            needs_person: false,
            sequence,
        }
    }

    /// A refused file: grouped with all that were refused for the same cause.
    pub fn refusal(&self, connection: &str, stream: &str, kept_in: &Path) -> DeadLetter {
        DeadLetter {
            scope: connection.to_owned(),
            class: self.class,
            fingerprint: format!("{connection}/{stream}/file/{}", self.cause),
            title: format!("{connection}: a file of {stream} was refused: {}", sentence(&self.cause)),
            detail: self.detail.clone(),
            next_step: format!(
                "{}; the file lies in {}: retry this issue to have it read again from there (corrected, or after a change \
                 of the configuration), discard it to leave it there",
                self.next_step,
                kept_in.display()
            ),
        }
    }

    /// A held file: an issue of its own, because a person decides about this one file.
    pub fn hold(&self, connection: &str, stream: &str, name: &str) -> DeadLetter {
        DeadLetter {
            scope: connection.to_owned(),
            class: self.class,
            fingerprint: format!("{connection}/{stream}/held/{name}"),
            title: held_title(connection, stream, name),
            detail: self.detail.clone(),
            next_step: format!(
                "{}; or retry this issue to accept the file as it is, or discard it to have the file moved to error/",
                self.next_step
            ),
        }
    }
}

fn held_title(connection: &str, stream: &str, name: &str) -> String {
    format!("{connection}: file {name} of {stream} is held back")
}

/// `CountMismatch` as `count mismatch`.
fn sentence(cause: &str) -> String {
    let named = [("Json", "not valid JSON"), ("Xml", "not well-formed XML"), ("Io", "it cannot be read")];
    if let Some((_, words)) = named.iter().find(|(name, _)| *name == cause) {
        return (*words).to_owned();
    }
    let mut words = String::new();
    for c in cause.chars() {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}
