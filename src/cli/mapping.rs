//! `syncline mapping test`: the tests inside mapping files; not here: mapping.

use std::path::Path;

use serde_json::json;

use super::args::Global;
use super::entry::Exit;
use super::error::CliError;
use super::output::{Surroundings, clean};
use crate::api::Level;
use crate::connector::registry::Registry;
use crate::mapping::{Mapping, TestOutcome, Values, run_tests};

/// Runs the tests of all mappings, or of those whose name begins with `only`.
pub(super) fn test(global: &Global, only: Option<&str>, to: &mut Surroundings) -> Result<Exit, CliError> {
    let registry = Registry::load(&global.config).map_err(|problems| failed(&problems))?;
    let (mut passed, mut not_passed, mut told) = (0_usize, 0_usize, Vec::new());
    for name in registry.mapping_names() {
        if name.ends_with("/values") || only.is_some_and(|only| !name.starts_with(only)) {
            continue;
        }
        for outcome in outcomes(&registry, name, &global.config)? {
            if outcome.passed() {
                passed += 1
            } else {
                not_passed += 1
            }
            if global.json {
                told.push(json!({ "mapping": name, "test": outcome.name, "place": outcome.place.to_string(),
                                  "passed": outcome.passed(), "problems": outcome.problems }));
            } else {
                tell(name, &outcome, to)?;
            }
        }
    }
    if global.json {
        to.json(&told)?;
    } else {
        to.line(&format!("{passed} passed, {not_passed} failed"))?;
    }
    Ok(if not_passed == 0 { Exit::Done } else { Exit::Failed })
}

fn outcomes(registry: &Registry, name: &str, installation: &Path) -> Result<Vec<TestOutcome>, CliError> {
    let folder = name.split_once('/').map_or(name, |(folder, _)| folder);
    let values = Values::load(registry.mapping(&format!("{folder}/values"))).map_err(|problems| failed(&problems))?;
    let mapping = Mapping::load(registry.mapping(name), &values).map_err(|problems| failed(&problems))?;
    Ok(run_tests(&mapping, &|fixture| registry.fixture(installation, folder, fixture)))
}

fn tell(name: &str, outcome: &TestOutcome, to: &mut Surroundings) -> Result<(), CliError> {
    let (level, word) = if outcome.passed() { (Level::Good, "ok") } else { (Level::Bad, "failed") };
    let mark = to.mark(level, word);
    to.line(&format!("{mark} {name}: {}", clean(&outcome.name)))?;
    if !outcome.passed() {
        to.line(&format!("    at {}", outcome.place))?;
        for problem in &outcome.problems {
            to.line(&format!("    {}", clean(problem)))?;
        }
    }
    Ok(())
}

fn failed(problems: &crate::config::yaml::Diagnostics) -> CliError {
    CliError::new(format!("mappings cannot be read:\n{problems}"), "", "correct what is named above")
}
