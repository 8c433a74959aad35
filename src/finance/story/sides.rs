//! The statements that a leg's newest complete run had read, opened once more: the same files by hash, or kept extracts.
//!
//! A file that is another one now is not read: its rows would tell something else. Not here: looking for rows (`scan`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::finance::definition::{Definition, From};
use crate::finance::desk::DeskError;
use crate::finance::extract::Extract;
use crate::finance::period::Period;
use crate::finance::rederive::changed;
use crate::finance::source::{self, Opened, Opening};
use crate::finance::taken::reopen_at;
use crate::finance::workflow::Book;
use crate::model::Date;
use crate::recon::large::Statement;
use crate::recon::report::Report;
use crate::recon::row::Side;

/// A leg's newest complete run, with all that reading its statements takes.
pub struct Newest {
    pub run: i64,
    /// The one that the run was made by.
    pub definition: Definition,
    pub report: Report,
    pub book: Arc<Book>,
    /// Where its files lie.
    pub root: PathBuf,
}

/// A leg, or in a sentence why it cannot be asked.
pub type LegState = Result<Box<Newest>, String>;

/// A folder of this one reading; gone when it ends, however it ends.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(room: &Path) -> Result<Scratch, DeskError> {
        let folder = room.join(format!(".story-{}-{:016x}", std::process::id(), fastrand::u64(..)));
        match std::fs::create_dir_all(&folder) {
            Ok(()) => Ok(Scratch(folder)),
            Err(error) => Err(DeskError::Damaged(format!(
                "{} cannot be created: {error}; check the data directory",
                folder.display()
            ))),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "a temporary folder stayed behind");
        }
    }
}

enum OpenSide {
    Files(Box<Opened>),
    Hub(Box<Extract>),
}

impl OpenSide {
    fn statement(&self) -> &dyn Statement {
        match self {
            OpenSide::Files(opened) => opened.statement(),
            OpenSide::Hub(extract) => &**extract,
        }
    }
}

/// All sides of a story's legs, each opened when it is asked for the first time.
pub struct Sides<'l> {
    legs: &'l [LegState],
    room: &'l Path,
    scratch: Scratch,
    open: BTreeMap<(usize, usize), Result<OpenSide, Vec<String>>>,
}

impl<'l> Sides<'l> {
    pub fn new(legs: &'l [LegState], room: &'l Path) -> Result<Sides<'l>, DeskError> {
        Ok(Sides { legs, room, scratch: Scratch::new(room)?, open: BTreeMap::new() })
    }

    /// The statement, or each a sentence why it is not the one that the run read.
    pub fn get(&mut self, leg: usize, side: Side) -> Result<Result<&dyn Statement, &[String]>, DeskError> {
        let at = (leg, side.index());
        if !self.open.contains_key(&at) {
            let opened = match self.legs.get(leg) {
                Some(Ok(newest)) => self.opened(newest, leg, side)?,
                Some(Err(why)) => Err(vec![why.clone()]),
                None => Err(Vec::new()),
            };
            self.open.insert(at, opened);
        }
        Ok(match self.open.get(&at) {
            Some(Ok(open)) => Ok(open.statement()),
            Some(Err(why)) => Err(why),
            None => Err(&[]),
        })
    }

    fn opened(&self, newest: &Newest, leg: usize, side: Side) -> Result<Result<OpenSide, Vec<String>>, DeskError> {
        let Newest { definition, report, root, .. } = newest;
        let (rules, spec) = (&definition.rules, &definition.sides[side.index()]);
        let read = || report.cover.inputs.iter().filter(|input| input.side == side.as_str());
        if let From::Mirror(stream) | From::Live(stream) = &spec.from {
            let path = self.scratch.0.join(format!("{leg}-{}.jsonl", side.index()));
            let kept = match read().next() {
                Some(input) => reopen_at(self.room, &path, &input.sha256, &stream.to_string(), rules)?,
                None => None,
            };
            let gone = || vec![format!("side {}: the extract of {stream} is not kept any more", side.as_str())];
            return Ok(kept.map(|extract| OpenSide::Hub(Box::new(extract))).ok_or_else(gone));
        }
        // What cannot be looked at is told like what has changed: the other legs still tell theirs.
        match changed(definition, side.as_str(), &spec.from, root, read()) {
            Ok(others) if others.is_empty() => {}
            Ok(others) => return Ok(Err(others)),
            Err(error) => return Ok(Err(vec![error.to_string()])),
        }
        let names: Vec<String> = read().map(|input| input.source.clone()).collect();
        let period = period(report)?;
        let how = Opening { root, room: &self.scratch.0, period, only: Some(&names) };
        let opened = match source::open(rules, spec, side.as_str(), how) {
            Ok(opened) => opened,
            Err(error) => return Ok(Err(vec![error.to_string()])),
        };
        if opened.is_incomplete() {
            let why = opened.findings().iter().map(|finding| finding.text.clone()).collect();
            return Ok(Err(why));
        }
        Ok(Ok(OpenSide::Files(Box::new(opened))))
    }
}

fn period(report: &Report) -> Result<Option<Period>, DeskError> {
    let day = |text: &String| {
        Date::parse(text).map_err(|error| DeskError::Damaged(format!("a kept run's period cannot be read: {error}")))
    };
    match &report.cover.period {
        [from, to] if from.is_empty() && to.is_empty() => Ok(None),
        [from, to] => Ok(Some(Period { from: day(from)?, to: day(to)? })),
    }
}

/// Rules of all legs that can be asked: how a key is spelled elsewhere.
pub fn rules(legs: &[LegState]) -> Vec<&crate::recon::rules::RuleSet> {
    legs.iter().filter_map(|leg| leg.as_ref().ok()).map(|newest| &newest.definition.rules).collect()
}
