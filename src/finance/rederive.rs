//! Makes a kept run again from its inputs: the same bytes, or which of the inputs is not the one that was read.
//!
//! Not here: keeping runs, signing them.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::model::Date;
use crate::recon::large::sha256;
use crate::recon::report::{Input, Report};
use crate::recon::row::Side;

use super::definition::{Definition, From};
use super::files::READ_BY;
use super::inflight::Recorded;
use super::kept::unpack;
use super::look::{HUB_SIDE, hub_input};
use super::payouts::BANK;
use super::period::Period;
use super::run::{Asked, Background, Beside, Only, RunError, SOURCE_INCOMPLETE, run_after};
use super::source::{SourceError, files};
use super::taken::{TakeError, Taken, reopen};
use super::workflow::{Book, Carried, Refusal, decisions, kept};

/// What making a run again showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rederived {
    pub run: i64,
    /// Of the document that was kept.
    pub sha256: String,
    /// Of the document that was made again; nothing if an input is not the one that was read.
    pub again: Option<String>,
    /// Each a sentence: an input that changed or is gone.
    pub changed: Vec<String>,
}

impl Rederived {
    pub fn holds(&self) -> bool {
        self.again.as_ref() == Some(&self.sha256)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum RederiveError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Take(#[from] TakeError),
    #[error("the document of run {run} cannot be read: {cause}; run `syncline verify`")]
    Document { run: i64, cause: String },
}

/// The document's bytes: what is hashed and signed.
pub fn canonical(report: &Report) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(report)
}

/// What a run of this period is told of former ones.
pub fn background(book: &Book, period: Option<Period>) -> Background {
    Background { decisions: decisions(book, period), carried: Carried::of(book), only: None }
}

/// Makes run `run` again. `before` is the book as it stood when the run was kept, `definition` the one that it was made by.
pub fn rederive(
    run: i64,
    body: &[u8],
    definition: &Definition,
    before: &Book,
    places: [&Path; 2],
) -> Result<Rederived, RederiveError> {
    let broken = |cause: String| RederiveError::Document { run, cause };
    let report: Report = serde_json::from_slice(body).map_err(|error| broken(error.to_string()))?;
    let cover = &report.cover;
    let [root, room] = places;
    let mut found = Rederived { run, sha256: hex::encode(Sha256::digest(body)), again: None, changed: Vec::new() };
    for side in Side::BOTH {
        let recorded = cover.inputs.iter().filter(|input| input.side == side.as_str());
        found.changed.extend(changed(definition, side.as_str(), &definition.sides[side.index()].from, root, recorded)?);
    }
    if let Some(bank) = definition.payouts.as_ref().and_then(|payouts| payouts.bank.as_ref()) {
        let recorded = cover.inputs.iter().filter(|input| input.side == BANK);
        found.changed.extend(changed(definition, BANK, &bank.from, root, recorded)?);
    }
    let mut taken = Taken { findings: not_taken(&report), ..Taken::default() };
    if taken.findings.is_empty() {
        for side in Side::BOTH {
            taken.extracts[side.index()] = extract(definition, side, room, cover, &mut found.changed)?;
        }
    }
    let hub = cover.inputs.iter().find(|input| input.side == HUB_SIDE);
    let mut carried = Recorded::default();
    if let Some(input) = hub {
        let path = room.join(format!("{}-hub-again.jsonl", definition.name));
        match unpack(room, &input.sha256, &path)? {
            true => carried = Recorded::read(&path).map_err(broken)?,
            false => found.changed.push("what the hub carried then is not kept any more".to_owned()),
        }
    }
    if !found.changed.is_empty() {
        return Ok(found);
    }
    let day = |text: &String| Date::parse(text).map_err(|error| broken(error.to_string()));
    let period = match &cover.period {
        [from, to] if from.is_empty() && to.is_empty() => None,
        [from, to] => Some(Period { from: day(from)?, to: day(to)? }),
    };
    let asked = Asked { period, as_of: day(&cover.as_of)? };
    let names = |side: &str| {
        let inputs = cover.inputs.iter().filter(|input| input.side == side);
        inputs.map(|input| input.source.clone()).collect::<Vec<_>>()
    };
    let only = Only { sides: Side::BOTH.map(|side| names(side.as_str())), bank: names(BANK) };
    let background = Background { only: Some(only), ..background(before, period) };
    let mut again = run_after(
        definition,
        root,
        room,
        asked,
        &Beside { background: &background, taken: &taken, carrier: &carried },
    )?;
    again.cover.inputs.extend(hub.map(|input| hub_input(input.sha256.clone(), input.rows)));
    kept(before, &mut again, None)?;
    let bytes = canonical(&again).map_err(|error| broken(error.to_string()))?;
    found.again = Some(hex::encode(Sha256::digest(&bytes)));
    Ok(found)
}

/// Why a run did not even open its sides: something of the hub could not be taken. Files that cannot be relied on are found out
/// again by reading them.
fn not_taken(report: &Report) -> Vec<crate::recon::report::RunFinding> {
    if !report.cover.inputs.is_empty() {
        return Vec::new();
    }
    let findings = report.cover.findings.iter().filter(|finding| finding.code == SOURCE_INCOMPLETE);
    findings.cloned().collect()
}

/// The kept extract of a side that is the hub's; one that is gone or damaged is noted.
fn extract(
    definition: &Definition,
    side: Side,
    room: &Path,
    cover: &crate::recon::report::Cover,
    changed: &mut Vec<String>,
) -> Result<Option<super::extract::Extract>, RederiveError> {
    let (From::Mirror(stream) | From::Live(stream)) = &definition.sides[side.index()].from else { return Ok(None) };
    let Some(input) = cover.inputs.iter().find(|input| input.side == side.as_str()) else { return Ok(None) };
    let found = reopen(room, &input.sha256, &stream.to_string(), side, &definition.rules)?;
    if found.is_none() {
        changed.push(format!("side {}: the extract of {stream} is not kept any more, or is damaged", input.side));
    }
    Ok(found)
}

/// Inputs of a side that are not what they were.
pub(super) fn changed<'i>(
    definition: &Definition,
    side: &'static str,
    from: &From,
    root: &Path,
    recorded: impl Iterator<Item = &'i Input>,
) -> Result<Vec<String>, RunError> {
    let reader = |set: usize| match from {
        From::Files(sets) => sets.get(set)?.bound.as_ref().map(|bound| bound.reader()),
        From::Table(_) | From::Mirror(_) | From::Live(_) => None,
    };
    if let From::Mirror(_) | From::Live(_) = from {
        return Ok(Vec::new());
    }
    let there = match files(&definition.rules, from, side, root) {
        Ok(there) => there,
        Err(SourceError::NoFile { .. } | SourceError::Folder { .. }) => Vec::new(),
        Err(
            error @ (SourceError::Pattern { .. }
            | SourceError::SameName { .. }
            | SourceError::Unbound { .. }
            | SourceError::NoFiles { .. }
            | SourceError::Statement { .. }),
        ) => return Err(error.into()),
    };
    let mut changed = Vec::new();
    for input in recorded {
        let Some(file) = there.iter().find(|file| file.name() == input.source) else {
            changed.push(format!("side {}: {} is not there any more", input.side, input.source));
            continue;
        };
        let then = input.controls.iter().find(|control| control.starts_with(READ_BY));
        if let (Some(then), Some(now)) = (then, reader(file.set))
            && *then != now
        {
            changed.push(format!("side {}: {} was {then} and would be {now}", input.side, input.source));
        }
        let now = sha256(&file.path)
            .map_err(|error| RunError::Engine { reconciliation: definition.name.to_string(), error })?;
        if now != input.sha256 {
            changed.push(format!("side {}: {} was {} and is {now}", input.side, input.source, input.sha256));
        }
    }
    Ok(changed)
}
