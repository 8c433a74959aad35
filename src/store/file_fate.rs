//! Files that need a person, and what people decided about them; not here: moving them (`intake::files`).

use serde::Serialize;

/// What is open about a file. A person moves it on by retrying or discarding its issue; the folder's watcher ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFate {
    /// It lies in `error/`.
    Refused,
    /// It lies in the folder and waits for a person.
    Held,
    /// Refused, and retried: to be put back and read again.
    Reread,
    /// Held, and retried: to be accepted as it is.
    Accept,
    /// Held, and discarded: to be moved to `error/`.
    Reject,
}

impl FileFate {
    pub fn as_str(self) -> &'static str {
        match self {
            FileFate::Refused => "refused",
            FileFate::Held => "held",
            FileFate::Reread => "reread",
            FileFate::Accept => "accept",
            FileFate::Reject => "reject",
        }
    }

    pub fn parse(word: &str) -> Option<FileFate> {
        match word {
            "refused" => Some(FileFate::Refused),
            "held" => Some(FileFate::Held),
            "reread" => Some(FileFate::Reread),
            "accept" => Some(FileFate::Accept),
            "reject" => Some(FileFate::Reject),
            _ => None,
        }
    }
}

/// A file that an issue is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileRow {
    pub connection: String,
    pub stream: String,
    pub name: String,
    /// Whether it waits in its folder; else it lies in `error/`.
    pub held: bool,
    pub reason: String,
    pub at: i64,
}

/// A decision that the folder's watcher has not acted upon yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDecision {
    pub batch: i64,
    pub name: String,
    /// Of the content that it was taken about.
    pub sha256: String,
    pub fate: FileFate,
}
