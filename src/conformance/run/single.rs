//! One record by its key: found, and told as missing where it is.
//!
//! Not here: lists (`reading`).

use super::bench::Bench;
use super::failing;
use super::reading::canonical;
use super::walking::SeenRecord;
use crate::conformance::behaviour::{Behaviour, one_record};
use crate::conformance::fixture::{Fixture, GetCase};
use crate::conformance::vendor::Fault;

pub(super) async fn get(bench: &mut Bench<'_>, fixture: &Fixture, case: &GetCase) {
    let subject = bench.subject;
    let stream = match subject.stream(&case.stream, &case.stream.place) {
        Ok(stream) => stream,
        Err(problem) => return bench.findings.problem(Behaviour::Agree, problem),
    };
    let Some(connection) = bench.connect(fixture, Behaviour::Get) else { return };
    bench.play(fixture, |script| script);
    let got = connection.get(&case.stream, &case.key).await;
    if let Err(error) = &got {
        bench.hear(error);
    }
    if let Some(expected) = &case.error {
        return failing::ended(bench, fixture, &connection, expected, got.err().as_deref());
    }
    bench.findings.proves(Behaviour::Get, one_record(&case.stream));
    let record = match got {
        Ok(record) => record,
        Err(error) => {
            if bench.asked_rightly(fixture, Behaviour::Get, "the question") {
                bench.fail(fixture, Behaviour::Get, &format!("it ended with: {error}"));
            }
            return;
        }
    };
    if !bench.played(fixture, Behaviour::Get) {
        return;
    }
    let mut problems = Vec::new();
    match (case.found, &record) {
        (Some(true), None) => problems.push("expected a record, none was found".to_owned()),
        (Some(false), Some(record)) => problems.push(format!("expected none, found {record}")),
        (Some(_) | None, _) => {}
    }
    if let Some(record) = &record {
        if let Some(key) = connection.record_key(&case.stream, record).filter(|key| *key != case.key) {
            problems.push(format!("asked for {}, the record calls itself {key}", case.key));
        }
        if let Some(expected) = &case.canonical {
            let seen = SeenRecord { key: case.key.clone(), version: None, deleted: false, payload: record.clone() };
            problems.extend(canonical(bench, stream, std::slice::from_ref(expected), &[seen]));
        }
    }
    for problem in &problems {
        bench.fail(fixture, Behaviour::Get, &format!("{}: {problem}", fixture.expect));
    }
    if !problems.is_empty() {
        return;
    }
    bench.findings.good(Behaviour::Get);
    if record.is_some() {
        missing(bench, fixture, case).await;
    }
    for index in (0..case.exchanges.len()).filter(|index| !bench.is_log_in(fixture, *index)).collect::<Vec<_>>() {
        for fault in failing::of_reads() {
            let Some(connection) = bench.connect(fixture, Behaviour::Faults) else { return };
            bench.play(fixture, |script| script.with(index, fault.clone()));
            let during = format!("{} at exchange {}", fault.name(), index + 1);
            match connection.get(&case.stream, &case.key).await {
                Ok(_) => bench.fail(fixture, Behaviour::Faults, &format!("{during}: it was taken for a success")),
                Err(error) => {
                    bench.hear(&error);
                    failing::judge_read(bench, fixture, &fault, &error, &during);
                }
            }
        }
    }
    failing::calls(bench, fixture).await;
}

/// A vendor that has no such record says so by its status, unless another fixture shows how.
async fn missing(bench: &mut Bench<'_>, fixture: &Fixture, case: &GetCase) {
    use crate::conformance::fixture::Scenario;
    let shown = bench.subject.set.fixtures.iter().any(|other| match &other.scenario {
        Scenario::Get(other) => other.stream.value == case.stream.value && other.found == Some(false),
        Scenario::Read(_)
        | Scenario::Write(_)
        | Scenario::Check(_)
        | Scenario::Login(_)
        | Scenario::Limit(_)
        | Scenario::Subscriptions(_)
        | Scenario::Webhook(_)
        | Scenario::FileIn(_)
        | Scenario::FileOut(_) => false,
    });
    let first = (0..case.exchanges.len()).find(|index| !bench.is_log_in(fixture, *index));
    let (Some(index), false) = (first, shown) else { return };
    let Some(connection) = bench.connect(fixture, Behaviour::Get) else { return };
    bench.play(fixture, |script| script.with(index, Fault::Gone));
    match connection.get(&case.stream, &case.key).await {
        Ok(None) => bench.findings.good(Behaviour::Get),
        Ok(Some(_)) => bench.fail(fixture, Behaviour::Get, "a 404 was taken for a record"),
        Err(error) => {
            bench.hear(&error);
            let problem = format!(
                "a 404 is not told as a missing record but as: {error}; where the vendor says it otherwise, add a fixture with `found: false`"
            );
            bench.fail(fixture, Behaviour::Get, &problem);
        }
    }
}
