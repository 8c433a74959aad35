//! All files of a side: read in order, set aside as rows, judged as a whole.
//!
//! Not here: one file (`read`), comparing.

use std::path::Path;
use std::sync::Arc;

use crate::finance::period::Period;
use crate::finance::source::Found;
use crate::recon::large::{LargeError, sha256};
use crate::recon::report::{Input, RunFinding};
use crate::recon::rules::RuleSet;

use super::bound::Bound;
use super::identity::Identities;
use super::read::{Into, Stop, Unreadable, read_file};
use super::spool::Spool;
use super::statements::Statements;

/// A side's files, read.
pub struct Opened {
    pub statement: Spool,
    pub inputs: Vec<Input>,
    pub findings: Vec<RunFinding>,
    /// A file is missing in it: nothing may be compared.
    pub is_incomplete: bool,
}

/// Reads the files, which are in the order of their names. What is wrong with them is told in findings.
pub fn open(
    rules: &RuleSet,
    bound: &[Arc<Bound>],
    files: &[Found],
    side: &'static str,
    room: &Path,
    period: Option<Period>,
) -> Result<Opened, LargeError> {
    let mut reading = Reading {
        side,
        period,
        spool: Spool::new(room, rules)?,
        identities: Identities::default(),
        statements: Statements::default(),
        names: Vec::new(),
        hashes: Vec::new(),
        sequences: vec![None; bound.len()],
        inputs: Vec::new(),
        findings: Vec::new(),
        is_incomplete: false,
    };
    for file in files {
        if let Some(bound) = bound.get(file.set) {
            reading.file(bound, file)?;
        }
    }
    reading.finish()
}

struct Reading {
    side: &'static str,
    period: Option<Period>,
    spool: Spool,
    identities: Identities,
    statements: Statements,
    /// Of all files, by their numbers in the spool.
    names: Vec<String>,
    hashes: Vec<String>,
    /// Of the last complete file, by set.
    sequences: Vec<Option<u64>>,
    inputs: Vec<Input>,
    findings: Vec<RunFinding>,
    is_incomplete: bool,
}

impl Reading {
    fn file(&mut self, bound: &Bound, file: &Found) -> Result<(), LargeError> {
        let (name, path) = (file.name(), &file.path);
        let hash = sha256(path)?;
        let source = self.spool.source(&name);
        self.names.push(name.clone());
        let twin = self.hashes.iter().position(|other| *other == hash);
        self.hashes.push(hash.clone());
        if let Some(twin) = twin {
            let twin = self.names[twin].clone();
            self.input(bound, source, 0, vec![format!("repeats {twin}")]);
            self.note(format!("{name} is {twin} once more, byte for byte: its rows count once"));
            return Ok(());
        }
        let start = self.spool.position();
        let mut into = Into {
            spool: &mut self.spool,
            identities: &mut self.identities,
            statements: &mut self.statements,
            names: &self.names,
        };
        let read = read_file(bound, path, source, self.sequences[file.set], self.period, &mut into);
        let read = match read {
            Ok(_) if sha256(path)? != hash => {
                let next = "run again when it is complete".to_owned();
                let text = format!("file {name:?}: it changed while it was read");
                Err(Stop::File(Unreadable { code: "SOURCE_INCOMPLETE", text, next }))
            }
            read => read,
        };
        match read {
            Ok(summary) => {
                if summary.sequence.is_some() {
                    self.sequences[file.set] = summary.sequence;
                }
                let balances = self.statements.keep();
                let again = self.identities.keep();
                for (before, records) in again {
                    let before = self.names[before].clone();
                    self.note(format!("{records} records of {name} stand in {before} already: they count once"));
                }
                self.input(bound, source, summary.rows, balances);
                Ok(())
            }
            Err(Stop::File(unreadable)) => {
                self.spool.back_to(start)?;
                self.identities.forget();
                self.statements.forget();
                self.is_incomplete = true;
                self.findings.push(unreadable.finding(self.side));
                self.input(bound, source, 0, vec!["refused".to_owned()]);
                Ok(())
            }
            Err(Stop::Machine(error)) => Err(error),
        }
    }

    /// Something to know that hinders nothing.
    fn note(&mut self, text: String) {
        self.findings.push(RunFinding {
            code: "FILE_REPEATED".to_owned(),
            text: format!("side {}: {text}", self.side),
            next: "move what is there twice away, if it should not be".to_owned(),
        });
    }

    fn input(&mut self, bound: &Bound, source: usize, rows: u64, mut controls: Vec<String>) {
        controls.push(bound.reader());
        self.inputs.push(Input {
            side: self.side.to_owned(),
            source: self.names[source].clone(),
            sha256: self.hashes[source].clone(),
            rows,
            controls,
        });
    }

    fn finish(mut self) -> Result<Opened, LargeError> {
        self.spool.flush()?;
        // Where a file is refused, what it would have joined is apart: that is told already.
        if !self.is_incomplete {
            let gaps = self.statements.gaps(&self.names);
            self.is_incomplete = !gaps.is_empty();
            let side = self.side;
            self.findings
                .extend(gaps.into_iter().map(|gap| RunFinding { text: format!("side {side}: {}", gap.text), ..gap }));
        }
        Ok(Opened {
            statement: self.spool,
            inputs: self.inputs,
            findings: self.findings,
            is_incomplete: self.is_incomplete,
        })
    }
}
