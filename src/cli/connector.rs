//! `syncline connector`: whether a connector is right; not here: the questions (`conformance`).

use serde_json::json;

use super::args::{ConnectorCommand, Global};
use super::entry::Exit;
use super::error::CliError;
use super::output::{Surroundings, Table, clean};
use super::status::plural;
use crate::api::Level;
use crate::config::yaml::{Diagnostics, suggest};
use crate::conformance::{self, Behaviour, Report, Verdict};
use crate::connector::registry::Registry;
use crate::scaffold::{self, NoteKind, ScaffoldError};

pub(super) async fn connector(
    global: &Global,
    command: &ConnectorCommand,
    to: &mut Surroundings,
) -> Result<Exit, CliError> {
    match command {
        ConnectorCommand::New { name, openapi } => new(global, name, openapi.as_deref(), to),
        ConnectorCommand::Test { names, all, markdown } => test(global, names, *all, *markdown, to).await,
        ConnectorCommand::Record(args) => super::record::record(global, args, to).await,
        ConnectorCommand::Lint { names, all } => lint(global, names, *all, to),
    }
}

fn new(
    global: &Global,
    name: &str,
    openapi: Option<&std::path::Path>,
    to: &mut Surroundings,
) -> Result<Exit, CliError> {
    let made = scaffold::new_connector(&global.config, name, openapi).map_err(|error| {
        let next = error.next_step();
        match error {
            ScaffoldError::Name(_) | ScaffoldError::Known(_) | ScaffoldError::Exists(_) => {
                CliError::usage(error.to_string(), next)
            }
            ScaffoldError::Registry(_)
            | ScaffoldError::Document(_)
            | ScaffoldError::Io { .. }
            | ScaffoldError::Unsound(_) => CliError::new(error.to_string(), "", next),
        }
    })?;
    super::schema::write(&global.config.join(super::schema::FOLDER))?;
    if global.json {
        to.json(&json!({ "files": made.files, "notes": made.notes, "warnings": made.warnings.to_json() }))?;
        return Ok(Exit::Done);
    }
    for file in &made.files {
        to.line(&format!("written {}", global.config.join(file).display()))?;
    }
    for kind in [NoteKind::Choose, NoteKind::Guess, NoteKind::Missing] {
        let notes: Vec<_> = made.notes.iter().filter(|note| note.kind == kind).collect();
        if notes.is_empty() {
            continue;
        }
        to.line("")?;
        to.line(match kind {
            NoteKind::Choose => "To choose: the document leaves it open, and what stands there is only in its place (`# choose:` in the files)",
            NoteKind::Guess => "Guessed, by names and types (`# guess:` in the files)",
            NoteKind::Missing => "Not derived",
        })?;
        for note in notes {
            to.line(&format!("  {}: {}", clean(&note.about), clean(&note.text)))?;
        }
    }
    let here = global.config.display();
    to.line("")?;
    to.line(&format!("Next: edit connectors/{name}/connector.yaml and mappings/{name}/ in {here}, then"))?;
    to.line(&format!(
        "  syncline connector lint {name} --config {here} && syncline connector test {name} --config {here}"
    ))?;
    to.line("docs/conformance.md says what fixtures are; connectors/README.md, which words a manifest has.")?;
    Ok(Exit::Done)
}

async fn test(
    global: &Global,
    names: &[String],
    all: bool,
    markdown: bool,
    to: &mut Surroundings,
) -> Result<Exit, CliError> {
    let registry = registry(global)?;
    let names = wanted(&registry, names, all)?;
    let reports = conformance::test_all(&registry, &global.config, &names).await.map_err(|error| {
        let next = "check the rights on the temporary folder and on ports of 127.0.0.1";
        CliError::new(format!("the suite cannot begin: {error}"), names.join(", "), next)
    })?;
    let passed = reports.iter().all(Report::passed);
    if global.json {
        let told = reports.iter().map(|report| {
            json!({ "connector": report.connector, "passed": report.passed(), "behaviours": report.outcomes() })
        });
        to.json(&told.collect::<Vec<_>>())?;
    } else if markdown {
        for line in conformance::markdown(&reports).lines() {
            to.line(line)?;
        }
    } else {
        tell(&reports, to)?;
    }
    Ok(if passed { Exit::Done } else { Exit::Failed })
}

/// A line a behaviour, a column a connector where there are few; what did not pass follows with its reasons.
fn tell(reports: &[Report], to: &mut Surroundings) -> Result<(), CliError> {
    let mut table = Table::new(&["CONNECTOR", "PASSED", "NOT CLAIMED", "FAILED", "MISSING FIXTURE"]);
    for report in reports {
        let named = |wanted: &str| {
            let names = report.verdicts.iter().filter(|(_, verdict)| verdict.word() == wanted);
            let names: Vec<&str> = names.map(|(behaviour, _)| behaviour.as_str()).collect();
            if names.is_empty() { "-".to_owned() } else { names.join(", ") }
        };
        let count = report.verdicts.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Passed { .. })).count();
        let unclaimed = report.verdicts.iter().filter(|(_, verdict)| matches!(verdict, Verdict::NotClaimed)).count();
        table.row(vec![
            report.connector.clone(),
            format!("{count} of {}", Behaviour::all().count()),
            unclaimed.to_string(),
            named("failed"),
            named("missing fixture"),
        ]);
    }
    table.print(to)?;
    for report in reports.iter().filter(|report| reports.len() == 1 || !report.passed()) {
        to.line("")?;
        for (behaviour, verdict) in &report.verdicts {
            let level = if verdict.is_good() { Level::Good } else { Level::Bad };
            let checks =
                if let Verdict::Passed { checks } = verdict { format!(" ({checks} checks)") } else { String::new() };
            let mark = to.mark(level, verdict.word());
            to.line(&format!("{mark} {}: {}{checks}", report.connector, behaviour.as_str()))?;
            for problem in verdict.problems() {
                to.line(&format!("    {}", clean(&problem)))?;
            }
        }
    }
    let failed = reports.iter().filter(|report| !report.passed()).count();
    to.line("")?;
    to.line(&format!("{} passed, {failed} failed", reports.len() - failed))?;
    Ok(())
}

fn lint(global: &Global, names: &[String], all: bool, to: &mut Surroundings) -> Result<Exit, CliError> {
    let (mut problems, mut warnings) = (Diagnostics::new(), Diagnostics::new());
    let mut lint = |registry: &Registry, installation: &std::path::Path, name: &str| {
        let found = conformance::lint(registry, installation, name);
        problems.extend(found.problems);
        warnings.extend(found.warnings);
    };
    let (folders, names): (Vec<&String>, Vec<&String>) = names.iter().partition(|name| name.contains(['/', '.']));
    if all || !names.is_empty() {
        let names: Vec<String> = names.into_iter().cloned().collect();
        let registry = registry(global)?;
        for name in wanted(&registry, &names, all)? {
            lint(&registry, &global.config, &name);
        }
    }
    for folder in folders {
        match conformance::of_folder(std::path::Path::new(folder)) {
            Ok(found) => {
                problems.extend(found.problems);
                warnings.extend(found.warnings);
            }
            Err(found) => problems.extend(found),
        }
    }
    problems.sort();
    warnings.sort();
    if global.json {
        to.json(&json!({ "problems": problems.to_json(), "warnings": warnings.to_json() }))?;
    } else {
        let told = problems
            .iter()
            .map(|problem| ("error", problem))
            .chain(warnings.iter().map(|warning| ("warning", warning)));
        for (word, found) in told {
            for line in format!("{word}: {found}").lines() {
                to.line(&clean(line))?;
            }
            to.line("")?;
        }
        let counted = |found: usize, one| plural(i64::try_from(found).unwrap_or(i64::MAX), one);
        to.line(&format!("{}, {}", counted(problems.len(), "problem"), counted(warnings.len(), "warning")))?;
    }
    Ok(if problems.is_empty() { Exit::Done } else { Exit::Failed })
}

fn registry(global: &Global) -> Result<Registry, CliError> {
    Registry::load(&global.config).map_err(|problems| {
        let place = global.config.display().to_string();
        CliError::new(format!("connectors cannot be read:\n{problems}"), place, "correct what is named")
    })
}

fn wanted(registry: &Registry, names: &[String], all: bool) -> Result<Vec<String>, CliError> {
    let known = registry.names();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(CliError::usage(format!("there is no connector {}", clean(unknown)), suggest(unknown, &known)));
    }
    Ok(if all { known.into_iter().map(str::to_owned).collect() } else { names.to_vec() })
}
