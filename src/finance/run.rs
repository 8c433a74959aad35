//! One run of one reconciliation over files: open, compare, compose.
//!
//! Not here: keeping the report, showing it.

use std::path::Path;

use crate::model::Date;
use crate::recon::compose::compose;
use crate::recon::large::{Delimited, LargeError, Room, Several, Statement, reconcile_large};
use crate::recon::matching::Decision;
use crate::recon::outcome::NothingCarried;
use crate::recon::report::{Cover, Report, RunFinding, RunStatus};
use crate::recon::row::{Row, Side};
use crate::recon::settle::Circumstances;

use super::definition::Definition;
use super::period::Period;
use super::source::{self, Opened, Opening, SourceError};
use super::workflow::Carried;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("`{reconciliation}`: {error}")]
    Engine { reconciliation: String, error: LargeError },
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
    pub only: Option<[Vec<String>; 2]>,
}

/// A run that stands alone. Files are looked for below `root`, digests are set aside in `room`.
pub fn run(definition: &Definition, root: &Path, room: &Path, asked: Asked) -> Result<Report, RunError> {
    run_after(definition, root, room, asked, &Background::default())
}

/// As `run`, with what people decided before and what is signed.
pub fn run_after(
    definition: &Definition,
    root: &Path,
    room: &Path,
    asked: Asked,
    background: &Background,
) -> Result<Report, RunError> {
    let rules = &definition.rules;
    let [a, b] = Side::BOTH.map(|side| open(definition, side, [root, room], asked.period, background));
    let opened = [a?, b?];
    let engine = |error| RunError::Engine { reconciliation: definition.name.to_string(), error };
    let carried_over = |row: &Row| background.carried.has(rules, row);
    let around = Circumstances {
        signed_through: background.carried.signed_through,
        carried_over: &carried_over,
        ..Circumstances::plain(asked.as_of, &NothingCarried)
    };
    // With a part missing, rows of the other side would look as if their partners were.
    let is_incomplete = opened.iter().any(Opened::is_incomplete);
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
    let period = asked.period.map_or_else(Default::default, |period| [period.from.to_string(), period.to.to_string()]);
    let cover = Cover {
        reconciliation: definition.name.to_string(),
        title: definition.title.clone(),
        kind: definition.kind.number().to_owned(),
        entity: definition.entity.clone(),
        sides: Side::BOTH.map(|side| definition.sides[side.index()].title.clone()),
        period,
        zone: definition.zone_name.clone(),
        as_of: asked.as_of.to_string(),
        known_at: asked.as_of.to_string(),
        rules: rules.version.to_string(),
        inputs,
        status: if is_incomplete { RunStatus::NotReconciled } else { RunStatus::Complete },
        findings,
    };
    Ok(compose(rules, cover, &outcome, asked.as_of))
}

/// Decisions without effect, once per run: nobody should believe that they hold.
fn void(background: &Background, at: &[usize]) -> Vec<RunFinding> {
    let finding = |decision: &Decision| RunFinding {
        code: "DECISION_VOID".to_owned(),
        text: format!("a match by hand found its rows changed, gone or not in this period: {}", decision.reason),
        next: "if its breaks are open again, decide about them anew".to_owned(),
    };
    at.iter().filter_map(|at| background.decisions.get(*at)).map(finding).collect()
}

fn open(
    definition: &Definition,
    side: Side,
    [root, room]: [&Path; 2],
    period: Option<Period>,
    background: &Background,
) -> Result<Opened, SourceError> {
    let only = background.only.as_ref().map(|only| only[side.index()].as_slice());
    source::open(&definition.rules, &definition.sides[side.index()], side, Opening { root, room, period, only })
}
