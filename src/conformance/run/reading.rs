//! Lists: all records of all pages, from the stored cursor, whatever the vendor does on the way.
//!
//! Not here: records that move while the list is walked (`shifting`), single failures as such (`failing`).

use super::bench::Bench;
use super::failing;
use super::shifting;
use super::walking::{SeenRecord, Walked, walk};
use crate::config::yaml::Node;
use crate::conformance::behaviour::{Behaviour, list};
use crate::conformance::fixture::{ExpectedRecord, Fixture, ReadCase};
use crate::conformance::vendor::Fault;
use crate::connector::manifest::{CursorKind, HttpRead, Pages, Stream};
use crate::connector::webhook::version_of;
use crate::mapping::{InContext, differences};

pub(super) async fn read(bench: &mut Bench<'_>, fixture: &Fixture, case: &ReadCase) {
    let Some((stream, read)) = described(bench, fixture, case) else { return };
    let name = list(&case.stream, case.hint.as_ref().map(|hint| hint.as_str()));
    let behaviour = if is_single(&read.pages) { Behaviour::Resume } else { Behaviour::Pages };
    let Some(connection) = bench.connect(fixture, behaviour) else { return };
    bench.play(fixture, |script| script);
    let walked = walk(bench, &connection, case, false).await;
    if let Some(expected) = &case.error {
        return failing::ended(bench, fixture, &connection, expected, walked.broke.as_deref());
    }
    if case.cursor.is_some() {
        bench.findings.proves(Behaviour::Resume, name.clone());
    }
    if walked.pages > 1 {
        bench.findings.proves(Behaviour::Pages, name.clone());
    }
    if let Some(error) = &walked.broke {
        if bench.asked_rightly(fixture, behaviour, "the walk") {
            bench.fail(fixture, behaviour, &format!("the walk ended with: {error}"));
        }
        return;
    }
    if !bench.played(fixture, behaviour) || !as_expected(bench, fixture, case, stream, &walked, behaviour) {
        return;
    }
    bench.findings.good(behaviour);
    cursor(bench, fixture, case, read, &walked);
    faults(bench, fixture, case, &walked, &name).await;
    if case.cursor.is_some() {
        resume(bench, fixture, case, &walked).await;
    }
    if walked.pages > 1 {
        shifting::shift(bench, fixture, case, read, &walked, &name).await;
    }
    failing::calls(bench, fixture).await;
}

fn described<'b>(bench: &mut Bench<'b>, fixture: &Fixture, case: &ReadCase) -> Option<(&'b Stream, &'b HttpRead)> {
    let subject = bench.subject;
    let stream = match subject.stream(&case.stream, &case.stream.place) {
        Ok(stream) => stream,
        Err(problem) => {
            bench.findings.problem(Behaviour::Agree, problem);
            return None;
        }
    };
    let read = match &case.hint {
        None => stream.http_read(),
        Some(wanted) => stream.hints.iter().find(|hint| hint.name.value == wanted.value).map(|hint| &hint.read),
    };
    if read.is_none() {
        let what = case.hint.as_ref().map_or_else(|| "a list".to_owned(), |hint| format!("hint `{}`", **hint));
        bench.fail(fixture, Behaviour::Agree, &format!("{}: the stream reads no {what} over HTTP", case.stream.place));
    }
    read.map(|read| (stream, read))
}

fn as_expected(
    bench: &mut Bench<'_>,
    fixture: &Fixture,
    case: &ReadCase,
    stream: &Stream,
    walked: &Walked,
    behaviour: Behaviour,
) -> bool {
    let mut problems = walked.unreadable.clone();
    if let Some(expected) = &case.records {
        problems.extend(compare(expected, &walked.seen, stream));
    }
    if let Some(expected) = &case.canonical {
        problems.extend(canonical(bench, stream, expected, &walked.seen));
    }
    for problem in &problems {
        bench.fail(fixture, behaviour, &format!("{}: {problem}", fixture.expect));
    }
    problems.is_empty()
}

/// Keys in order, and what else is said of each.
pub(super) fn compare(expected: &[ExpectedRecord], found: &[SeenRecord], stream: &Stream) -> Vec<String> {
    let wanted: Vec<&str> = expected.iter().map(|record| record.key.as_str()).collect();
    let keys: Vec<&str> = found.iter().map(|record| record.key.as_str()).collect();
    if wanted != keys {
        return vec![format!("expected the keys {}, came {}", shown(&wanted), shown(&keys))];
    }
    let mut problems = Vec::new();
    for (expected, found) in expected.iter().zip(found) {
        if expected.deleted != found.deleted {
            let state = |deleted| if deleted { "deleted" } else { "there" };
            problems.push(format!(
                "record {}: expected {}, came {}",
                found.key,
                state(expected.deleted),
                state(found.deleted)
            ));
        }
        let Some(version) = &expected.version else { continue };
        match version_of(&stream.version, version) {
            Ok(expected) if expected.map(crate::model::Version::value) == found.version => {}
            Ok(_) => problems.push(format!("record {}: its version is not {version}", found.key)),
            Err(reason) => problems.push(format!("record {}: {reason}", found.key)),
        }
    }
    problems
}

/// Records as the mapping reads them.
pub(super) fn canonical(
    bench: &mut Bench<'_>,
    stream: &Stream,
    expected: &[Node],
    found: &[SeenRecord],
) -> Vec<String> {
    if expected.len() != found.len() {
        return vec![format!("expected {} records, came {}", expected.len(), found.len())];
    }
    let settings = bench.settings.as_ref().map(crate::connector::manifest::SettingValues::expose).unwrap_or_default();
    let mut problems = Vec::new();
    for (expected, found) in expected.iter().zip(found) {
        let record = match bench.subject.mapping(stream) {
            None => Ok(found.payload.clone()),
            Some(mapping) => {
                mapping.map_in(&found.payload, InContext { settings: &settings }).map(|record| record.to_json())
            }
        };
        match record {
            Ok(record) => problems.extend(
                differences(expected, &record).iter().map(|problem| format!("record {}: {problem}", found.key)),
            ),
            Err(error) => {
                bench.heard.push(error.to_string());
                problems.push(format!("record {}: {error}", found.key));
            }
        }
    }
    problems
}

fn shown(keys: &[&str]) -> String {
    const MOST: usize = 20;
    let list = keys.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
    match keys.len() {
        0 => "none".to_owned(),
        count if count > MOST => format!("[{list}, ...] ({count})"),
        _ => format!("[{list}]"),
    }
}

fn cursor(bench: &mut Bench<'_>, fixture: &Fixture, case: &ReadCase, read: &HttpRead, walked: &Walked) {
    match (&case.next_cursor, &walked.cursor) {
        (Some(expected), found) if Some(expected) != found.as_ref() => {
            let found = found.as_deref().unwrap_or("none");
            bench.fail(
                fixture,
                Behaviour::Resume,
                &format!("{}: expected the cursor `{expected}`, came `{found}`", fixture.expect),
            );
        }
        (Some(_), _) => bench.findings.good(Behaviour::Resume),
        (None, Some(found)) if case.cursor.is_some() && read.cursor.kind != CursorKind::Snapshot => {
            let problem =
                format!("{}: it does not say with which cursor the walk ends; it ended with `{found}`", fixture.expect);
            bench.fail(fixture, Behaviour::Resume, &problem);
        }
        (None, _) => {}
    }
}

/// The walk with each fault before each answer: what comes in the end is what came without.
async fn faults(bench: &mut Bench<'_>, fixture: &Fixture, case: &ReadCase, plain: &Walked, name: &str) {
    for index in 0..case.exchanges.len() {
        if bench.is_log_in(fixture, index) {
            continue;
        }
        for fault in failing::of_reads() {
            let Some(connection) = bench.connect(fixture, Behaviour::Pages) else { return };
            bench.play(fixture, |script| script.with(index, fault.clone()));
            let walked = walk(bench, &connection, case, true).await;
            let during = format!("{} at exchange {}", fault.name(), index + 1);
            if !bench.asked_rightly(fixture, Behaviour::Faults, &during) {
                return;
            }
            for error in &walked.failures {
                failing::judge_read(bench, fixture, &fault, error, &during);
            }
            if walked.failures.is_empty() && walked.broke.is_none() {
                bench.fail(fixture, Behaviour::Faults, &format!("{during}: it was taken for a success"));
            }
            let behaviour = if plain.pages > 1 { Behaviour::Pages } else { Behaviour::Faults };
            if walked.keys() == plain.keys() && walked.cursor == plain.cursor {
                bench.findings.good(behaviour);
            } else {
                let problem = match &walked.broke {
                    Some(error) => format!("{name}, {during}: the walk does not get past it: {error}"),
                    None => format!(
                        "{name}, {during}: expected the keys {} and the cursor {:?}, came {} and {:?}",
                        shown(&plain.keys()),
                        plain.cursor,
                        shown(&walked.keys()),
                        walked.cursor
                    ),
                };
                bench.fail(fixture, behaviour, &problem);
            }
        }
    }
}

/// A walk that broke off at its last answer is begun again from the same cursor.
async fn resume(bench: &mut Bench<'_>, fixture: &Fixture, case: &ReadCase, plain: &Walked) {
    let last = case.exchanges.len().saturating_sub(1);
    let Some(connection) = bench.connect(fixture, Behaviour::Resume) else { return };
    bench.play(fixture, |script| script.with(last, Fault::Reset));
    let broken = walk(bench, &connection, case, false).await;
    if broken.broke.is_none() {
        return bench.fail(fixture, Behaviour::Resume, "a walk whose last answer never came did not break off");
    }
    let Some(connection) = bench.connect(fixture, Behaviour::Resume) else { return };
    bench.play(fixture, |script| script);
    let walked = walk(bench, &connection, case, false).await;
    if walked.keys() == plain.keys() && walked.cursor == plain.cursor {
        bench.findings.good(Behaviour::Resume);
    } else {
        bench.fail(fixture, Behaviour::Resume, "a walk that broke off and began again came to something else");
    }
}

fn is_single(pages: &Pages) -> bool {
    match pages {
        Pages::Single => true,
        Pages::LinkHeader
        | Pages::NextUrl { .. }
        | Pages::LinkRelation { .. }
        | Pages::CursorToken { .. }
        | Pages::GraphQl { .. }
        | Pages::PageNumber { .. }
        | Pages::Offset { .. }
        | Pages::LastId { .. }
        | Pages::Keyset { .. } => false,
    }
}
