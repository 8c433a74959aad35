//! Opening a side's statement: which files it is made of, and what went into the run.
//!
//! A side without any file is not an empty statement: the run does not begin. Not here: comparing.

use std::path::{Path, PathBuf};

use crate::connector::file::drop::NamePattern;
use crate::recon::large::{Columns, Delimited, Excluding, FieldColumn, LargeError, Several, Statement, sha256};
use crate::recon::report::{Input, RunFinding};
use crate::recon::rules::RuleSet;
use crate::recon::unit::Unit;

use super::definition::{Cell, Files, From, SideSpec, Table};
use super::files as connected;
use super::period::Period;

/// Why a side cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error(
        "side {side} of `{reconciliation}`: no file matches {pattern}; is the export missing? Put it there, or correct `path`"
    )]
    NoFile { reconciliation: String, side: &'static str, pattern: String },
    #[error("side {side} of `{reconciliation}`: {path}: {error}")]
    Folder { reconciliation: String, side: &'static str, path: String, error: std::io::Error },
    #[error("side {side} of `{reconciliation}`: `{pattern}` is no file name pattern: {reason}")]
    Pattern { reconciliation: String, side: &'static str, pattern: String, reason: String },
    #[error(
        "side {side} of `{reconciliation}`: two of its files are called {name}; reports name rows by their file, so give each a name of its own"
    )]
    SameName { reconciliation: String, side: &'static str, name: String },
    #[error("side {side} of `{reconciliation}`: its connector was not looked up; this is a defect, please report it")]
    Unbound { reconciliation: String, side: &'static str },
    #[error("side {side} of `{reconciliation}` is the hub's and has no files; this is a defect, please report it")]
    NoFiles { reconciliation: String, side: &'static str },
    #[error("side {side} of `{reconciliation}`: {error}")]
    Statement { reconciliation: String, side: &'static str, error: LargeError },
}

/// A side's files, open.
pub enum Opened {
    Tables { statement: Several<Delimited>, paths: Vec<PathBuf> },
    Files(connected::Opened),
}

/// What opening takes besides the side.
#[derive(Clone, Copy)]
pub struct Opening<'o> {
    pub root: &'o Path,
    /// Where rows are set aside.
    pub room: &'o Path,
    pub period: Option<Period>,
    /// Only files of these names.
    pub only: Option<&'o [String]>,
}

/// A file of a side, and which of its patterns it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub set: usize,
    pub path: PathBuf,
}

impl Found {
    /// As reports name it.
    pub fn name(&self) -> String {
        self.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }
}

/// Opens a side's files, in order of their names; `side` is what it is called: `A`, `B`, `bank`.
pub fn open(rules: &RuleSet, spec: &SideSpec, side: &'static str, how: Opening<'_>) -> Result<Opened, SourceError> {
    let mut found = files(rules, &spec.from, side, how.root)?;
    if let Some(only) = how.only {
        found.retain(|file| only.contains(&file.name()));
    }
    let failed = |error| SourceError::Statement { reconciliation: rules.name.to_string(), side, error };
    match &spec.from {
        From::Table(Table { delimiter, .. }) => {
            let columns = columns(spec, how.period);
            let paths: Vec<PathBuf> = found.into_iter().map(|file| file.path).collect();
            let open = |path: &PathBuf| Delimited::open(path, *delimiter, columns.clone(), rules).map_err(failed);
            let statement = Several(paths.iter().map(open).collect::<Result<_, _>>()?);
            Ok(Opened::Tables { statement, paths })
        }
        From::Files(sets) => {
            let bound = |files: &Files| files.bound.clone();
            let unbound = || SourceError::Unbound { reconciliation: rules.name.to_string(), side };
            let bound = sets.iter().map(bound).collect::<Option<Vec<_>>>().ok_or_else(unbound)?;
            connected::open(rules, &bound, &found, side, how.room, how.period).map(Opened::Files).map_err(failed)
        }
        From::Mirror(_) | From::Live(_) => Err(SourceError::NoFiles { reconciliation: rules.name.to_string(), side }),
    }
}

/// The files that a side is made of: pattern by pattern, in order of the numbers in their names, then of the names.
pub fn files(rules: &RuleSet, from: &From, side: &'static str, root: &Path) -> Result<Vec<Found>, SourceError> {
    let mut all: Vec<Found> = Vec::new();
    for (set, pattern) in from.patterns().into_iter().enumerate() {
        let paths = matching(rules, pattern, side, root)?;
        all.extend(paths.into_iter().map(|path| Found { set, path }));
    }
    let mut names: Vec<String> = all.iter().map(Found::name).collect();
    names.sort();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(all),
        Some(pair) => {
            Err(SourceError::SameName { reconciliation: rules.name.to_string(), side, name: pair[0].clone() })
        }
    }
}

fn matching(rules: &RuleSet, pattern: &str, side: &'static str, root: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let reconciliation = rules.name.to_string();
    let full = root.join(pattern);
    let (folder, name) = match (full.parent(), full.file_name()) {
        (Some(folder), Some(name)) => (folder.to_owned(), name.to_string_lossy().into_owned()),
        (_, _) => return Err(SourceError::NoFile { reconciliation, side, pattern: full.display().to_string() }),
    };
    let pattern = NamePattern::parse(&name, false).map_err(|error| SourceError::Pattern {
        reconciliation: reconciliation.clone(),
        side,
        pattern: name.clone(),
        reason: error.to_string(),
    })?;
    let failed = |error| SourceError::Folder {
        reconciliation: reconciliation.clone(),
        side,
        path: folder.display().to_string(),
        error,
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let numbers = entry.file_name().to_str().and_then(|name| pattern.matches(name));
        if let Some(numbers) = numbers
            && entry.file_type().map_err(failed)?.is_file()
        {
            paths.push((numbers, entry.path()));
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(SourceError::NoFile { reconciliation, side, pattern: full.display().to_string() });
    }
    Ok(paths.into_iter().map(|(_, path)| path).collect())
}

fn columns(spec: &SideSpec, period: Option<Period>) -> Columns {
    let name = |cell: &Option<Cell>| cell.as_ref().map(|cell| cell.from.clone());
    let field =
        |cell: &Option<Cell>| cell.as_ref().map(|cell| FieldColumn { name: cell.from.clone(), kind: cell.kind });
    let excluding = spec.exclude.iter().map(|exclusion| Excluding {
        rule: exclusion.name.clone(),
        column: exclusion.from.clone(),
        is: exclusion.is.clone(),
    });
    Columns {
        keys: spec.keys.iter().map(name).collect(),
        amount: spec.amount.from.clone(),
        unit: name(&spec.currency),
        fixed_unit: spec.unit,
        date: name(&spec.date),
        status: name(&spec.status),
        parent: name(&spec.parent),
        category: name(&spec.category),
        lines: name(&spec.lines),
        fields: spec.fields.iter().map(field).collect(),
        parts: spec.parts.iter().map(name).collect(),
        exclude: excluding.collect(),
        period: period.map(|period| [period.from, period.to]),
    }
}

impl Opened {
    pub fn statement(&self) -> &dyn Statement {
        match self {
            Opened::Tables { statement, .. } => statement,
            Opened::Files(files) => &files.statement,
        }
    }

    /// Part of the side is not there: nothing may be compared.
    pub fn is_incomplete(&self) -> bool {
        match self {
            Opened::Tables { .. } => false,
            Opened::Files(files) => files.is_incomplete,
        }
    }

    /// What was found out about the source.
    pub fn findings(&self) -> &[RunFinding] {
        match self {
            Opened::Tables { .. } => &[],
            Opened::Files(files) => &files.findings,
        }
    }

    /// What went in, after it was read.
    pub fn inputs(&self, side: &'static str) -> Result<Vec<Input>, LargeError> {
        let (statement, paths) = match self {
            Opened::Tables { statement, paths } => (statement, paths),
            Opened::Files(files) => return Ok(files.inputs.clone()),
        };
        let input = |(statement, path): (&Delimited, &PathBuf)| {
            let seen = statement.seen();
            let control = |unit: Unit| format!("sum {} {unit}", unit.decimal(seen.of(unit).amount));
            Ok(Input {
                side: side.to_owned(),
                source: statement.name().to_owned(),
                sha256: sha256(path)?,
                rows: seen.rows,
                controls: seen.units().map(control).collect(),
            })
        };
        statement.0.iter().zip(paths).map(input).collect()
    }
}
