//! One run of one reconciliation over files: open, compare, compose.
//!
//! Not here: keeping the report, showing it.

use std::path::Path;

use crate::model::Date;
use crate::recon::compose::compose;
use crate::recon::large::{LargeError, Room, reconcile_large};
use crate::recon::outcome::NothingCarried;
use crate::recon::report::{Cover, Report, RunStatus};
use crate::recon::row::Side;
use crate::recon::settle::Circumstances;

use super::definition::{Definition, From};
use super::period::Period;
use super::source::{self, Opened, SourceError};

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

/// Runs a reconciliation; files are looked for below `root`, digests are set aside in `room`.
pub fn run(definition: &Definition, root: &Path, room: &Path, asked: Asked) -> Result<Report, RunError> {
    let rules = &definition.rules;
    let [a, b] = Side::BOTH.map(|side| open(definition, side, root, asked.period));
    let opened = [a?, b?];
    let engine = |error| RunError::Engine { reconciliation: definition.name.to_string(), error };
    let around = Circumstances::plain(asked.as_of, &NothingCarried);
    let statements: [&dyn crate::recon::large::Statement; 2] = [&opened[0].statement, &opened[1].statement];
    let outcome = reconcile_large(rules, statements, &[], &around, &Room::new(room)).map_err(engine)?;
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
        status: RunStatus::Complete,
        findings: Vec::new(),
    };
    Ok(compose(rules, cover, &outcome, asked.as_of))
}

fn open(definition: &Definition, side: Side, root: &Path, period: Option<Period>) -> Result<Opened, SourceError> {
    let spec = &definition.sides[side.index()];
    match &spec.from {
        From::Table(table) => source::open(&definition.rules, spec, table, side, root, period),
    }
}
