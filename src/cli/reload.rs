//! `syncline reload`: the running hub reads its configuration anew; not here: a hub that does not run, which reads it at
//! its start.

use serde_json::json;

use super::args::Global;
use super::client::{Client, shaped};
use super::entry::{Exit, actor};
use super::error::CliError;
use super::output::{Surroundings, clean_lines};
use crate::api::resources::reload::Reloaded;

pub(super) async fn reload(client: &Client, global: &Global, to: &mut Surroundings) -> Result<Exit, CliError> {
    let answered = client.post("/api/v1/reload", json!({ "actor": actor(global, to) })).await;
    let answer = match answered {
        Ok(answer) => answer,
        Err(error) => return Err(told(error, to)?),
    };
    let reloaded: Reloaded = shaped(&answer)?;
    if global.json {
        to.json(&reloaded)?;
        return Ok(Exit::Done);
    }
    for line in lines(&reloaded) {
        to.line(&line)?;
    }
    Ok(Exit::Done)
}

/// Also what a hub says that was asked by a signal.
pub(super) fn lines(reloaded: &Reloaded) -> Vec<String> {
    let mut lines = vec![format!("Configuration {} is in force.", reloaded.version)];
    if reloaded.changes.is_empty() && reloaded.at_restart.is_empty() {
        lines.push("  Nothing has changed.".to_owned());
    }
    lines.extend(reloaded.changes.iter().map(|change| format!("  {change}")));
    lines.extend(reloaded.at_restart.iter().map(|key| format!("  {key} changed: in force at the next start")));
    lines
}

/// The mistakes stand before the error, as a start prints them.
fn told(error: CliError, to: &mut Surroundings) -> Result<CliError, CliError> {
    let Some((what, problems)) = error.what.split_once('\n') else { return Ok(error) };
    for line in clean_lines(problems) {
        writeln!(to.err, "{line}")?;
    }
    Ok(CliError { what: what.to_owned(), ..error.clone() })
}
