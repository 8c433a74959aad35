//! The check of a connection, and the log-in that comes before everything.
//!
//! Not here: any stream.

use super::bench::Bench;
use super::failing;
use crate::conformance::behaviour::{Behaviour, the_check, the_log_in, way_of};
use crate::conformance::fixture::{CheckCase, Fixture};
use crate::conformance::vendor::Fault;
use crate::model::ErrorClass;

pub(super) async fn check(bench: &mut Bench<'_>, fixture: &Fixture, case: &CheckCase) {
    if case.error.is_none() {
        bench.findings.proves(Behaviour::Check, the_check());
        if let Some(way) = bench.way(fixture) {
            bench.findings.proves(Behaviour::Check, way_of(&the_check(), &way));
        }
    }
    if !passes(bench, fixture, case, Behaviour::Check).await {
        return;
    }
    let Some(index) = (0..case.exchanges.len()).find(|index| !bench.is_log_in(fixture, *index)) else { return };
    refused(bench, fixture, index).await;
    let shows = bench.subject.manifest.check.as_ref().is_some_and(|check| check.shows.is_some());
    for fault in failing::of_reads() {
        // What nobody reads may be anything.
        if fault == Fault::Page && !shows {
            continue;
        }
        let Some(connection) = bench.connect(fixture, Behaviour::Faults) else { return };
        bench.play(fixture, |script| script.with(index, fault.clone()));
        let during = format!("{} at exchange {}", fault.name(), index + 1);
        match connection.check().await {
            Ok(_) => bench.fail(fixture, Behaviour::Faults, &format!("{during}: it was taken for a success")),
            Err(error) => {
                bench.hear(&error);
                failing::judge_read(bench, fixture, &fault, &error, &during);
            }
        }
    }
    failing::calls(bench, fixture).await;
}

/// Plays the scenario as written.
async fn passes(bench: &mut Bench<'_>, fixture: &Fixture, case: &CheckCase, behaviour: Behaviour) -> bool {
    let Some(connection) = bench.connect(fixture, behaviour) else { return false };
    bench.play(fixture, |script| script);
    let checked = connection.check().await;
    if let Err(error) = &checked {
        bench.hear(error);
    }
    if let Some(expected) = &case.error {
        failing::ended(bench, fixture, &connection, expected, checked.err().as_deref());
        return false;
    }
    let report = match checked {
        Ok(report) => report,
        Err(error) => {
            if bench.asked_rightly(fixture, behaviour, "the check") {
                bench.fail(fixture, behaviour, &format!("it ended with: {error}"));
            }
            return false;
        }
    };
    if !bench.played(fixture, behaviour) {
        return false;
    }
    if report.shows != case.shows {
        let (expected, found) =
            (case.shows.as_deref().unwrap_or("nothing"), report.shows.as_deref().unwrap_or("nothing"));
        bench.fail(
            fixture,
            behaviour,
            &format!("{}: expected to be shown `{expected}`, was shown `{found}`", fixture.expect),
        );
        return false;
    }
    bench.findings.good(behaviour);
    true
}

/// Credentials that are refused for good: a 401 every time.
async fn refused(bench: &mut Bench<'_>, fixture: &Fixture, index: usize) {
    let Some(connection) = bench.connect(fixture, Behaviour::Check) else { return };
    bench.play(fixture, |script| script.always(index, Fault::Unauthorized));
    match connection.check().await {
        Ok(_) => bench.fail(fixture, Behaviour::Check, "a 401 passes the check"),
        Err(error) => {
            bench.hear(&error);
            if error.class == ErrorClass::Auth {
                bench.findings.good(Behaviour::Check);
            } else {
                bench.fail(fixture, Behaviour::Check, &format!("a 401: expected class `auth`, came {error}"));
            }
        }
    }
}

pub(super) async fn login(bench: &mut Bench<'_>, fixture: &Fixture, case: &CheckCase) {
    if case.error.is_none() {
        let way = bench.way(fixture);
        let what = way.map_or_else(the_log_in, |way| way_of(&the_log_in(), &way));
        bench.findings.proves(Behaviour::LogIn, what);
    }
    if !passes(bench, fixture, case, Behaviour::LogIn).await {
        return;
    }
    let Some(last) = case.exchanges.len().checked_sub(1) else { return };
    if last == 0 {
        return bench.fail(fixture, Behaviour::LogIn, "the log-in's own exchanges come before the one of the check");
    }
    let Some(connection) = bench.connect(fixture, Behaviour::LogIn) else { return };
    bench.play(fixture, |script| script.with(last, Fault::Unauthorized));
    let checked = connection.check().await;
    let asked = bench.vendor.script().asked.clone();
    let log_ins = asked.iter().filter(|index| **index == 0).count();
    match checked {
        Err(error) => {
            bench.hear(&error);
            bench.fail(
                fixture,
                Behaviour::LogIn,
                &format!("a 401 in the middle is not followed by another log-in: {error}"),
            );
        }
        Ok(_) if log_ins == 2 => bench.findings.good(Behaviour::LogIn),
        Ok(_) => bench.fail(
            fixture,
            Behaviour::LogIn,
            &format!("a 401 in the middle was followed by {} further log-ins", log_ins.saturating_sub(1)),
        ),
    }
}
