//! Values that nobody listed: written into every place that a mapping judges, one at a time, they must stop the record and name it.
//!
//! Not here: finding the places (`mapping::Probe`).

use serde_json::Value as Json;

use super::bench::Bench;
use crate::conformance::behaviour::Behaviour;
use crate::mapping::expr::Step;
use crate::mapping::{InContext, Mapping, Probe, ProbeKind, samples_with_settings};

pub(super) fn unknown_values(bench: &mut Bench<'_>) {
    let subject = bench.subject;
    for (name, mapping) in &subject.mappings {
        let samples = samples_with_settings(mapping, &|fixture| subject.mapping_fixture(name, fixture));
        for (sample, settings) in samples.iter().filter(|(sample, _)| !sample.outward) {
            for probe in mapping.probes(&sample.given, settings) {
                judge(bench, name, mapping, &sample.given, settings, &probe);
            }
        }
    }
}

fn judge(bench: &mut Bench<'_>, name: &str, mapping: &Mapping, given: &Json, settings: &Json, probe: &Probe) {
    let value = match probe.kind {
        ProbeKind::Crosswalk => "nobody-has-listed-this",
        ProbeKind::Currency => "QQQ",
        ProbeKind::Typed => "neither-number-nor-time",
    };
    let mut payload = given.clone();
    if !put(&mut payload, &probe.place, value) {
        return;
    }
    match mapping.map_in(&payload, InContext { settings }) {
        Ok(_) => {
            let problem = format!("mappings/{name}.yaml: `{value}` at {} passes", probe.path);
            bench.findings.problem(Behaviour::UnknownValues, problem);
        }
        Err(error) => {
            let text = error.to_string();
            if names(&text, probe) {
                bench.findings.good(Behaviour::UnknownValues);
            } else {
                let problem =
                    format!("mappings/{name}.yaml: `{value}` at {} is refused without naming it: {text}", probe.path);
                bench.findings.problem(Behaviour::UnknownValues, problem);
            }
            bench.heard.push(text);
        }
    }
}

/// The cell's own path, or where an expression reads the value first, its last name.
fn names(text: &str, probe: &Probe) -> bool {
    let last = probe.place.iter().rev().find_map(|step| match step {
        Step::Name(name) => Some(&**name),
        Step::Index(_) | Step::Each => None,
    });
    text.contains(&probe.from) || last.is_some_and(|name| text.contains(name))
}

fn put(payload: &mut Json, place: &[Step], value: &str) -> bool {
    let mut node = payload;
    for step in place {
        let next = match step {
            Step::Name(name) => node.get_mut(&**name),
            Step::Index(index) => node.get_mut(*index),
            Step::Each => node.get_mut(0),
        };
        match next {
            Some(next) => node = next,
            None => return false,
        }
    }
    *node = Json::String(value.to_owned());
    true
}
