//! `syncline check`: is the configuration right, and do the systems answer? Not here: the checks.

use serde_json::json;

use super::args::Global;
use super::entry::Exit;
use super::error::CliError;
use super::output::{Surroundings, clean};
use super::run::{load, misconfigured};
use crate::api::Level;
use crate::config::Config;
use crate::config::yaml::Diagnostics;
use crate::connector::connection::ConnectionOptions;
use crate::finance::definition::{Loaded, check_all};
use crate::finance::record_rows::HubStreams;
use crate::finance::story::{Story, load_stories};
use crate::hub::Plant;
use crate::model::clock::Clock;

/// Without `live` nothing is called. With it every connection, or the one named, is asked who it is.
pub(super) async fn check(
    global: &Global,
    connection: Option<&str>,
    live: bool,
    to: &mut Surroundings,
) -> Result<Exit, CliError> {
    if global.json {
        return as_json(global, to);
    }
    let config = crate::config::load(&global.config);
    let (reconciliations, stories, wrong) = of_finance(global, &config);
    let config = match config {
        Err(mut problems) => {
            problems.extend(wrong);
            return Err(misconfigured(&problems, &global.config, to)?);
        }
        Ok(_) if !wrong.is_empty() => return Err(misconfigured(&wrong, &global.config, to)?),
        Ok(_) => load(&global.config, to)?,
    };
    let counted = |count: usize, one: &str, many: &str| match count {
        0 => String::new(),
        1 => format!("1 {one}, "),
        count => format!("{count} {many}, "),
    };
    let reconciliations = counted(reconciliations.len(), "reconciliation", "reconciliations");
    let stories = counted(stories.len(), "payment story", "payment stories");
    let of_finance = format!("{reconciliations}{stories}");
    let summary = format!(
        "{} connections, {} flows, {of_finance}configuration {}",
        config.connections.len(),
        config.flows.len(),
        config.version.short()
    );
    let plant =
        Plant::build(config, b"check only", &ConnectionOptions::default(), &Clock::System, None).map_err(|error| {
            CliError::new(error.to_string(), global.config.display().to_string(), "correct it and check again")
        })?;
    let mark = to.mark(Level::Good, "the configuration is right");
    to.line(&format!("{mark}: {summary}"))?;
    if !live && connection.is_none() {
        to.line("  `syncline check --live` asks the systems too.")?;
        return Ok(Exit::Done);
    }
    if let Some(name) = connection
        && plant.config.connection(name).is_none()
    {
        return Err(CliError::usage(format!("there is no connection {name}"), "`syncline connectors` lists them"));
    }
    let mut all_well = true;
    for described in plant.config.connections.iter().filter(|each| connection.is_none_or(|name| *each.name == name)) {
        all_well &= ask(&plant, &described.name, to).await?;
    }
    Ok(if all_well { Exit::Done } else { Exit::NotWell })
}

/// Reconciliations, the stories that lead through them, and everything that is wrong with either. Without a configuration that
/// holds, nobody can tell which streams there are.
fn of_finance(global: &Global, config: &Result<Config, Diagnostics>) -> (Vec<Loaded>, Vec<Story>, Diagnostics) {
    let streams = config.as_ref().ok().map(HubStreams::of);
    let (reconciliations, mut wrong) = check_all(&global.config, streams.as_ref());
    let (stories, of_stories) = load_stories(&global.config, &reconciliations);
    wrong.extend(of_stories);
    (reconciliations, stories, wrong)
}

async fn ask(plant: &Plant, name: &str, to: &mut Surroundings) -> Result<bool, CliError> {
    let Some(checked) = plant.check(name).await else {
        let mark = to.mark(Level::Muted, name);
        to.line(&format!("{mark}: nothing to ask"))?;
        return Ok(true);
    };
    match checked {
        Ok(report) => {
            let mark = to.mark(if report.warnings.is_empty() { Level::Good } else { Level::Warn }, name);
            let shows = report.shows.map(|shows| format!(", {}", clean(&shows))).unwrap_or_default();
            // Programs have no status numbers.
            let status = if report.status == 0 { String::new() } else { format!(" {}", report.status) };
            let took = report.latency.as_millis();
            to.line(&format!("{mark}: {} answered{status} in {took} ms{shows}", report.what))?;
            for warning in &report.warnings {
                to.line(&format!("    {}", clean(warning)))?;
            }
            Ok(true)
        }
        Err(error) => {
            let mark = to.mark(Level::Bad, name);
            to.line(&format!("{mark}: {}", clean(&error.to_string())))?;
            Ok(false)
        }
    }
}

fn as_json(global: &Global, to: &mut Surroundings) -> Result<Exit, CliError> {
    let config = crate::config::load(&global.config);
    let (_, _, wrong) = of_finance(global, &config);
    match config {
        Ok(_) if !wrong.is_empty() => {
            to.json(&json!({ "ok": false, "problems": wrong.to_json() }))?;
            Ok(Exit::Failed)
        }
        Ok(config) => {
            to.json(&json!({ "ok": true, "version": config.version, "warnings": config.warnings.to_json(), "problems": [] }))?;
            Ok(Exit::Done)
        }
        Err(mut problems) => {
            problems.extend(wrong);
            to.json(&json!({ "ok": false, "problems": problems.to_json() }))?;
            Ok(Exit::Failed)
        }
    }
}
