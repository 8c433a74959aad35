//! What a connection says about one drop folder.

use std::path::PathBuf;
use std::time::Duration;

use super::name::NamePattern;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropSpec {
    /// Where the partner puts files.
    pub inbox: PathBuf,
    /// Claimed files. Must be on the same file system as `inbox`, not inside it under a matching name.
    pub work: PathBuf,
    pub archive: PathBuf,
    pub error: PathBuf,
    pub pattern: NamePattern,
    pub completeness: Completeness,
}

impl DropSpec {
    /// `in`, `work`, `archive` and `error` below one directory.
    pub fn below(root: impl Into<PathBuf>, pattern: NamePattern, completeness: Completeness) -> Self {
        let root = root.into();
        Self {
            inbox: root.join("in"),
            work: root.join("work"),
            archive: root.join("archive"),
            error: root.join("error"),
            pattern,
            completeness,
        }
    }
}

/// How the partner says that a file is complete; one per partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completeness {
    /// A second file, written after the data. A marker older than its data counts only once the data stood still for
    /// `settle`: it announced an earlier version.
    Marker { name: MarkerName, settle: Duration },
    /// The partner renames finished files; names ending in `.tmp`, `.part`, `.filepart` are still being written.
    Rename,
    /// Size and time stamp do not change for this long. The weakest signal.
    Stable(Duration),
}

/// How a marker's name follows from the data file's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarkerName {
    /// `stock.csv` and `stock.csv.done`: the suffix with its dot.
    Appended(String),
    /// `stock.csv` and `stock.done`: replaces everything from the last dot of the name.
    ReplacesExtension(String),
}

impl MarkerName {
    pub fn of(&self, data: &str) -> String {
        match self {
            Self::Appended(suffix) => format!("{data}{suffix}"),
            Self::ReplacesExtension(suffix) => {
                let stem = data.rsplit_once('.').map_or(data, |(stem, _)| stem);
                format!("{stem}{suffix}")
            }
        }
    }

    /// Whether a name is some data file's marker by its ending; such files are never data.
    pub(super) fn is_marker(&self, name: &str) -> bool {
        match self {
            Self::Appended(suffix) | Self::ReplacesExtension(suffix) => name.ends_with(suffix.as_str()),
        }
    }
}

/// Endings of names that transfer programs use while they write.
pub(super) const UNFINISHED: [&str; 4] = [".tmp", ".part", ".filepart", ".partial"];
