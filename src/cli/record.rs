//! `syncline connector record`: fixtures from a live connection; not here: asking and scrubbing (`conformance::record`).

use std::sync::Arc;

use serde_json::json;

use super::args::{Global, RecordArgs};
use super::entry::Exit;
use super::error::CliError;
use super::output::{Surroundings, clean};
use super::run::load;
use crate::api::Level;
use crate::conformance::record::{
    Category, LiveConnection, RecordError, RecordOptions, Recorder, Recording, default_folder, record as make, write,
};
use crate::conformance::{Report, Verdict};
use crate::connector::connection::ConnectionOptions;
use crate::connector::registry::Registry;
use crate::hub::Plant;
use crate::model::clock::Clock;

pub(super) async fn record(global: &Global, args: &RecordArgs, to: &mut Surroundings) -> Result<Exit, CliError> {
    let config = load(&global.config, to)?;
    let (folder, place) = (config.folder.clone(), global.config.display().to_string());
    let recorder = Arc::new(Recorder::default());
    let options = ConnectionOptions { tap: Some(Arc::clone(&recorder) as _), ..ConnectionOptions::default() };
    let plant = Plant::build(config, b"record only", &options, &Clock::System, None)
        .map_err(|error| CliError::new(error.to_string(), place.clone(), "correct it and record again"))?;
    let (Some(described), Some(connection)) =
        (plant.config.connection(&args.connection), plant.connection(&args.connection))
    else {
        let what = format!("there is no connection {}", clean(&args.connection));
        return Err(CliError::usage(what, "name one of the configuration's `connections`"));
    };
    if let Some(sftp) = &described.sftp {
        let what = format!("the files of {} are on {}", clean(&args.connection), clean(&sftp.server()));
        return Err(CliError::usage(what, "put one into a folder of a connection without `sftp` and record that"));
    }
    let registry = Registry::load(&global.config).map_err(|problems| {
        CliError::new(format!("connectors cannot be read:\n{problems}"), place, "correct what is named")
    })?;
    let now = jiff::Timestamp::from_microsecond(to.now()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let live = LiveConnection { connection, settings: &described.settings, recorder: &recorder, folder: &folder };
    let wanted =
        RecordOptions { streams: args.streams.clone(), limit: usize::from(args.limit), scrub_ids: args.scrub_ids, now };
    let failed = |error: RecordError| refusal(&args.connection, &error);
    let recording = make(&registry, &global.config, &live, &wanted).await.map_err(failed)?;
    let out = args.out.clone().unwrap_or_else(|| default_folder(&registry, &global.config, &recording.connector));
    let written = write(&registry, &global.config, &recording, &out, args.force).map_err(failed)?;
    if global.json {
        let counts = recording.counts.iter().map(|(category, count)| (category.as_str(), *count));
        to.json(&json!({
            "connector": recording.connector, "recorded": recording.scenarios, "skipped": recording.skipped,
            "scrubbed": counts.collect::<std::collections::BTreeMap<_, _>>(), "warnings": recording.warnings,
            "files": written, "behaviours": recording.report.as_ref().map(Report::outcomes),
        }))?;
        return Ok(Exit::Done);
    }
    tell(&recording, to)?;
    to.line("")?;
    to.line(&format!(
        "{} files in {}",
        written.len(),
        clean(&out.join("connectors").join(&recording.connector).display().to_string())
    ))?;
    let config =
        if out == global.config { String::new() } else { format!(" --config {}", clean(&out.display().to_string())) };
    to.line(&format!(
        "Read them before you share them; then `syncline{config} connector test {}` replays them.",
        recording.connector
    ))?;
    Ok(Exit::Done)
}

fn refusal(connection: &str, error: &RecordError) -> CliError {
    let next = match error {
        RecordError::Leak { .. } => {
            "nothing was written; leave this stream out with --stream, and report the place: scrubbing should have caught it"
        }
        RecordError::Nothing(_) => {
            "`syncline check --live` tells whether the system answers; `syncline discover` shows what it has"
        }
        RecordError::Stream { .. } | RecordError::Connector(_) => {
            "`syncline connectors` lists connectors and their streams"
        }
        RecordError::Settings(_) => "correct it and record again",
        RecordError::Unreadable(_) => "nothing was written; report it with the connector's manifest",
        RecordError::Machine(_) => "give another folder with --out, or --force to overwrite an earlier recording",
    };
    CliError::new(clean_each(&error.to_string()), connection.to_owned(), next)
}

fn clean_each(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

fn tell(recording: &Recording, to: &mut Surroundings) -> Result<(), CliError> {
    to.line("Recorded (reads only; writes, deliveries and errors are never caused for a recording):")?;
    for scenario in &recording.scenarios {
        let mark = to.mark(Level::Good, "recorded");
        to.line(&format!("  {mark} {}", clean(scenario)))?;
    }
    for skipped in &recording.skipped {
        let mark = to.mark(Level::Warn, "not recorded");
        to.line(&format!("  {mark} {}", clean(skipped)))?;
    }
    to.line("")?;
    to.line("Replaced, the same by the same:")?;
    for (category, count) in recording.counts.iter().filter(|(_, count)| **count > 0) {
        let kept = if *category == Category::Secret { " (no trace is left in any common encoding)" } else { "" };
        to.line(&format!("  {count:>5} {}{kept}", category.as_str()))?;
    }
    for warning in &recording.warnings {
        let mark = to.mark(Level::Warn, "look");
        to.line(&format!("  {mark}: {}", clean(warning)))?;
    }
    let Some(report) = &recording.report else { return Ok(()) };
    to.line("")?;
    to.line("The conformance suite over them:")?;
    for (behaviour, verdict) in &report.verdicts {
        let (level, word) = match verdict {
            Verdict::Passed { .. } => (Level::Good, "covered"),
            Verdict::Failed { .. } => (Level::Bad, "failed"),
            Verdict::Missing { .. } => (Level::Muted, "lacking"),
            Verdict::NotClaimed => continue,
        };
        let mark = to.mark(level, word);
        to.line(&format!("  {mark} {}", behaviour.as_str()))?;
        for problem in verdict.problems() {
            to.line(&format!("      {}", clean(&problem)))?;
        }
    }
    Ok(())
}
