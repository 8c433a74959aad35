//! The lines and records of a statement that a report's rows stand on, read once more for people to look at.
//!
//! Only of the very file that the run had read: another one's line would tell something else. Not here: what is made of lines
//! (`source`, `recon`).

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::recon::large::sha256;
use crate::recon::report::Input;
use crate::recon::row::Side;

use super::definition::{Definition, Files, From, SideSpec, Table};
use super::files::records;
use super::source::{Found, files};

/// Larger files are not read for a page.
const MOST_BYTES: u64 = 16 * 1024 * 1024;
/// Lines of one side that are told.
pub const MOST_LINES: usize = 5;
const OF_A_SYSTEM: &str = "these are records of a system, no lines of a file; look the key up under Records";

/// A line with its header's names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementLine {
    /// `bank.csv:12`.
    pub place: String,
    pub cells: Vec<StatementCell>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementCell {
    pub column: String,
    pub value: String,
    /// What it is compared as: `Amount`, `Status`, a field's or key's name. Nothing for columns that nobody compares.
    pub role: Option<String>,
}

/// The first lines of these places, in their order; or why there are none, in a sentence.
pub fn lines(
    definition: &Definition,
    side: Side,
    root: &Path,
    inputs: &[Input],
    places: &[String],
) -> Result<Vec<StatementLine>, String> {
    let spec = &definition.sides[side.index()];
    if let From::Mirror(_) | From::Live(_) = &spec.from {
        return Err(OF_A_SYSTEM.to_owned());
    }
    let files = files(&definition.rules, &spec.from, side.as_str(), root).map_err(|error| error.to_string())?;
    let (mut found, mut checked) = (Vec::new(), BTreeSet::new());
    for place in places.iter().take(MOST_LINES) {
        let Some((name, number)) = place.rsplit_once(':').and_then(|(file, at)| Some((file, at.parse::<u64>().ok()?)))
        else {
            return Err(format!("{place} names no line of a file"));
        };
        let file = files.iter().find(|found| found.name() == name);
        let file = file.ok_or_else(|| format!("{name} is not there any more"))?;
        let read = inputs.iter().find(|input| input.side == side.as_str() && input.source == name);
        let read = read.ok_or_else(|| format!("the run did not read {name}"))?;
        if checked.insert(name) {
            is_the_one(&file.path, read)?;
        }
        let cells = match &spec.from {
            From::Table(table) => line(&file.path, table, spec, definition, number)?,
            From::Files(sets) => record(file, sets, spec, definition, number)?,
            From::Mirror(_) | From::Live(_) => return Err(OF_A_SYSTEM.to_owned()),
        };
        found.push(StatementLine { place: place.clone(), cells });
    }
    Ok(found)
}

/// What the connector makes of a record, by canonical fields.
fn record(
    file: &Found,
    sets: &[Files],
    spec: &SideSpec,
    definition: &Definition,
    number: u64,
) -> Result<Vec<StatementCell>, String> {
    let bound = sets.get(file.set).and_then(|set| set.bound.as_ref()).ok_or("its connector is not there any more")?;
    let shown = records(bound, &file.path, &[number])?.remove(&number);
    let shown = shown.ok_or_else(|| format!("record {number} is not there any more"))?;
    let cell = |(column, value): (String, String)| {
        let role = role(spec, definition, &column);
        StatementCell { column, value, role }
    };
    Ok(shown.into_iter().map(cell).collect())
}

fn is_the_one(path: &Path, read: &Input) -> Result<(), String> {
    let size = std::fs::metadata(path).map_err(|error| format!("{}: {error}", read.source))?.len();
    if size > MOST_BYTES {
        return Err(format!("{} is too large to be read for a page; look at it where it lies", read.source));
    }
    if sha256(path).map_err(|error| error.to_string())? == read.sha256 {
        Ok(())
    } else {
        Err(format!("{} is not the file any more that the run read", read.source))
    }
}

fn line(
    path: &Path,
    table: &Table,
    spec: &SideSpec,
    definition: &Definition,
    number: u64,
) -> Result<Vec<StatementCell>, String> {
    let broken = |error: csv::Error| error.to_string();
    let mut reader =
        csv::ReaderBuilder::new().delimiter(table.delimiter).flexible(true).from_path(path).map_err(broken)?;
    let header = reader.headers().map_err(broken)?.clone();
    for record in reader.byte_records() {
        let record = record.map_err(broken)?;
        if record.position().is_none_or(|at| at.line() != number) {
            continue;
        }
        let cell = |(column, value): (&str, &[u8])| StatementCell {
            column: column.to_owned(),
            value: String::from_utf8_lossy(value).into_owned(),
            role: role(spec, definition, column),
        };
        return Ok(header.iter().zip(record.iter()).map(cell).collect());
    }
    Err(format!("line {number} is not there any more"))
}

/// What the definition takes a column for.
fn role(spec: &SideSpec, definition: &Definition, column: &str) -> Option<String> {
    let rules = &definition.rules;
    let is = |cell: &Option<super::definition::Cell>| cell.as_ref().is_some_and(|cell| cell.from == column);
    if spec.amount.from == column || spec.split.iter().any(|(_, cell)| cell.from == column) {
        return Some("Amount".to_owned());
    }
    let fixed = [(&spec.currency, "Currency"), (&spec.date, "Date"), (&spec.status, "Status")];
    let known = fixed.into_iter().find(|(cell, _)| is(cell)).map(|(_, name)| name.to_owned());
    let key = || spec.keys.iter().position(is).and_then(|at| rules.keys.get(at)).map(|name| name.to_string());
    let field =
        || spec.fields.iter().position(is).and_then(|at| rules.fields.get(at)).map(|field| field.name.to_string());
    let part = || spec.parts.iter().position(is).and_then(|at| rules.parts.get(at)).map(|part| part.name.to_string());
    known.or_else(key).or_else(field).or_else(part)
}
