//! One run of one reconciliation over files: open, compare, compose.
//!
//! Not here: keeping the report, showing it.

use std::path::Path;

use crate::model::Date;
use crate::recon::compose::compose;
use crate::recon::large::{Delimited, LargeError, Room, Several, Statement, reconcile_large};
use crate::recon::matching::Decision;
use crate::recon::outcome::{Carrier, NothingCarried, Outcome};
use crate::recon::report::{Cover, Input, Report, RunFinding, RunStatus};
use crate::recon::row::{Row, Side};
use crate::recon::settle::Circumstances;

use super::definition::{Definition, From};
use super::extract::Extract;
use super::payouts::told;
use super::period::Period;
use super::source::{self, Opened, Opening, SourceError};
use super::taken::Taken;
use super::workflow::Carried;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("`{reconciliation}`: {error}")]
    Engine { reconciliation: String, error: LargeError },
    #[error("side {side} of `{reconciliation}` is the hub's, and nothing was taken from it")]
    NotTaken { reconciliation: String, side: &'static str },
}

/// What a run is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Without, everything that the files hold is in scope.
    pub period: Option<Period>,
    /// The day as of which things are due or not.
    pub as_of: Date,
}

/// What former runs and people left to a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Background {
    pub decisions: Vec<Decision>,
    pub carried: Carried,
    /// Only these files of each side: those that a run to be made again had read.
    pub only: Option<Only>,
}

/// Names of files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Only {
    pub sides: [Vec<String>; 2],
    pub bank: Vec<String>,
}

/// A run that stands alone. Files are looked for below `root`, digests are set aside in `room`.
pub fn run(definition: &Definition, root: &Path, room: &Path, asked: Asked) -> Result<Report, RunError> {
    let nothing = Beside { background: &Background::default(), taken: &Taken::default(), carrier: &NothingCarried };
    run_after(definition, root, room, asked, &nothing)
}

/// What a run is given besides its files.
pub struct Beside<'b> {
    pub background: &'b Background,
    pub taken: &'b Taken,
    pub carrier: &'b dyn Carrier,
}

/// A side's statement.
enum OpenSide<'t> {
    Files(Opened),
    Hub(&'t Extract),
}

impl OpenSide<'_> {
    fn statement(&self) -> &dyn Statement {
        match self {
            OpenSide::Files(opened) => opened.statement(),
            OpenSide::Hub(extract) => *extract,
        }
    }

    /// Part of the side is not there: nothing may be compared. An extract is whole, or there is none.
    fn is_incomplete(&self) -> bool {
        match self {
            OpenSide::Files(opened) => opened.is_incomplete(),
            OpenSide::Hub(_) => false,
        }
    }

    fn findings(&self) -> &[RunFinding] {
        match self {
            OpenSide::Files(opened) => opened.findings(),
            OpenSide::Hub(_) => &[],
        }
    }

    fn inputs(&self, side: Side) -> Result<Vec<Input>, LargeError> {
        match self {
            OpenSide::Files(opened) => opened.inputs(side.as_str()),
            OpenSide::Hub(extract) => Ok(vec![extract.input(side)]),
        }
    }
}

/// As `run`, with what people decided before, what is signed, and what the hub told.
pub fn run_after(
    definition: &Definition,
    root: &Path,
    room: &Path,
    asked: Asked,
    beside: &Beside<'_>,
) -> Result<Report, RunError> {
    let rules = &definition.rules;
    let Beside { background, taken, carrier } = beside;
    if !taken.findings.is_empty() {
        let cover = cover(definition, asked, Vec::new(), RunStatus::NotReconciled, taken.findings.clone());
        return Ok(compose(rules, cover, &Outcome::default(), asked.as_of));
    }
    let [a, b] = Side::BOTH.map(|side| open(definition, side, [root, room], asked.period, beside));
    let opened = [a?, b?];
    let engine = |error| RunError::Engine { reconciliation: definition.name.to_string(), error };
    let carried_over = |row: &Row| background.carried.has(rules, row);
    let around = Circumstances {
        signed_through: background.carried.signed_through,
        carried_over: &carried_over,
        ..Circumstances::plain(asked.as_of, *carrier)
    };
    // With a part missing, rows of the other side would look as if their partners were.
    let is_incomplete = opened.iter().any(OpenSide::is_incomplete);
    let nothing = Several::<Delimited>(Vec::new());
    let (statements, decisions): ([&dyn Statement; 2], _) = if is_incomplete {
        for side in &opened {
            side.statement().glance(&mut |_| Ok(())).map_err(engine)?;
        }
        ([&nothing, &nothing], &[][..])
    } else {
        ([opened[0].statement(), opened[1].statement()], background.decisions.as_slice())
    };
    let outcome = reconcile_large(rules, statements, decisions, &around, &Room::new(room)).map_err(engine)?;
    let mut findings: Vec<RunFinding> = opened.iter().flat_map(|side| side.findings().iter().cloned()).collect();
    findings.extend(void(background, &outcome.void_decisions));
    let mut inputs = Vec::new();
    for side in Side::BOTH {
        inputs.extend(opened[side.index()].inputs(side).map_err(engine)?);
    }
    let payouts = match &definition.payouts {
        Some(spec) if !is_incomplete => {
            let only = background.only.as_ref().map(|only| only.bank.as_slice());
            let told = told(rules, spec, statements, Opening { root, room, period: None, only })?;
            findings.extend(told.findings);
            inputs.extend(told.inputs);
            told.payouts
        }
        Some(_) | None => Vec::new(),
    };
    let status = if is_incomplete { RunStatus::NotReconciled } else { RunStatus::Complete };
    let cover = cover(definition, asked, inputs, status, findings);
    Ok(Report { payouts, ..compose(rules, cover, &outcome, asked.as_of) })
}

fn cover(
    definition: &Definition,
    asked: Asked,
    inputs: Vec<Input>,
    status: RunStatus,
    findings: Vec<RunFinding>,
) -> Cover {
    let period = asked.period.map_or_else(Default::default, |period| [period.from.to_string(), period.to.to_string()]);
    Cover {
        reconciliation: definition.name.to_string(),
        title: definition.title.clone(),
        kind: definition.kind.number().to_owned(),
        entity: definition.entity.clone(),
        sides: Side::BOTH.map(|side| definition.sides[side.index()].title.clone()),
        period,
        zone: definition.zone_name.clone(),
        as_of: asked.as_of.to_string(),
        known_at: asked.as_of.to_string(),
        rules: definition.rules.version.to_string(),
        inputs,
        status,
        findings,
    }
}

/// Code of a finding about a side that is not all there.
pub const SOURCE_INCOMPLETE: &str = "SOURCE_INCOMPLETE";

/// Decisions without effect, once per run: nobody should believe that they hold.
fn void(background: &Background, at: &[usize]) -> Vec<RunFinding> {
    let finding = |decision: &Decision| RunFinding {
        code: "DECISION_VOID".to_owned(),
        text: format!("a match by hand found its rows changed, gone or not in this period: {}", decision.reason),
        next: "if its breaks are open again, decide about them anew".to_owned(),
    };
    at.iter().filter_map(|at| background.decisions.get(*at)).map(finding).collect()
}

fn open<'t>(
    definition: &Definition,
    side: Side,
    [root, room]: [&Path; 2],
    period: Option<Period>,
    beside: &Beside<'t>,
) -> Result<OpenSide<'t>, RunError> {
    let spec = &definition.sides[side.index()];
    let only = beside.background.only.as_ref().map(|only| only.sides[side.index()].as_slice());
    match &spec.from {
        From::Table(_) | From::Files(_) => {
            let opened = source::open(&definition.rules, spec, side.as_str(), Opening { root, room, period, only })?;
            Ok(OpenSide::Files(opened))
        }
        From::Mirror(_) | From::Live(_) => {
            let not_taken = || RunError::NotTaken { reconciliation: definition.name.to_string(), side: side.as_str() };
            beside.taken.extracts[side.index()].as_ref().map(OpenSide::Hub).ok_or_else(not_taken)
        }
    }
}
