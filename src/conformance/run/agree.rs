//! Whether manifest, mappings, crosswalks and schemas fit each other, and the mappings' own tests.
//!
//! Not here: style and completeness beyond what must hold (`lint`).

use super::bench::Bench;
use crate::config::yaml::Diagnostic;
use crate::conformance::behaviour::Behaviour;
use crate::conformance::subject::Subject;
use crate::connector::manifest::{Stream, StreamEntity};
use crate::mapping::run_tests;

pub(super) fn agree(bench: &mut Bench<'_>) {
    let subject = bench.subject;
    for problem in subject.broken.iter().chain(subject.set.problems.iter()) {
        bench.findings.problem(Behaviour::Agree, told(problem));
    }
    for stream in &subject.manifest.streams {
        for problem in fits(subject, stream) {
            bench.findings.problem(Behaviour::Agree, problem);
        }
    }
    for (name, mapping) in &subject.mappings {
        let outcomes = run_tests(mapping, &|fixture| subject.mapping_fixture(name, fixture));
        for outcome in outcomes {
            if outcome.passed() {
                bench.findings.good(Behaviour::Agree);
            }
            for problem in outcome.problems {
                bench.heard.push(problem.clone());
                bench
                    .findings
                    .problem(Behaviour::Agree, format!("{}: test `{}`: {problem}", outcome.place, outcome.name));
            }
        }
        let tested = mapping.tested();
        for (has, is_tested, direction) in [(mapping.maps_in(), tested.0, "in"), (mapping.maps_out(), tested.1, "out")]
        {
            if has && !is_tested {
                let problem =
                    format!("mappings/{name}.yaml: direction `{direction}` has no test; add one under `tests:`");
                bench.findings.problem(Behaviour::Agree, problem);
            }
        }
    }
    bench.findings.good(Behaviour::Agree);
}

/// What a stream needs of its mapping.
pub(crate) fn fits(subject: &Subject<'_>, stream: &Stream) -> Vec<String> {
    let Some(name) = stream.mapping_name(&subject.name) else { return Vec::new() };
    let place = &stream.name.place;
    if subject.registry.mapping(&name).is_empty() {
        return vec![format!(
            "{place}: stream `{}` needs mapping {name}, which does not exist; add mappings/{name}.yaml",
            *stream.name
        )];
    }
    // One that cannot be loaded has been told.
    let Some(mapping) = subject.mappings.get(&name) else { return Vec::new() };
    let mut problems = Vec::new();
    // A list of what is written is also there to be looked at; a flow that begins there is refused without its mapping.
    let only_read = stream.is_source() && !stream.is_sink();
    for (needed, has, direction) in
        [(only_read, mapping.maps_in(), "in"), (stream.is_sink(), mapping.maps_out(), "out")]
    {
        if needed && !has {
            problems.push(format!(
                "{place}: stream `{}` needs direction `{direction}` of mappings/{name}.yaml",
                *stream.name
            ));
        }
    }
    if let StreamEntity::One(entity) = stream.entity
        && mapping.entity() != entity
    {
        problems.push(format!(
            "{place}: stream `{}` is about {entity} records, mappings/{name}.yaml about {}",
            *stream.name,
            mapping.entity()
        ));
    }
    problems
}

fn told(problem: &Diagnostic) -> String {
    let help = problem.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
    format!("{}:{}:{}: {}{help}", problem.file, problem.line, problem.column, problem.message)
}
