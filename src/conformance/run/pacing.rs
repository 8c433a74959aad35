//! Limits that answers tell: after one that says that nothing is left, automatic work waits as long as it says.
//!
//! Not here: refusals (`failing`), our own count, which needs no vendor.

use std::time::Duration;

use super::bench::Bench;
use crate::conformance::behaviour::{Behaviour, a_limit};
use crate::conformance::fixture::{Fixture, LimitCase};

/// Our clock goes on while the suite looks.
const LATE: Duration = Duration::from_secs(1);

pub(super) async fn limit(bench: &mut Bench<'_>, fixture: &Fixture, case: &LimitCase) {
    let Some(connection) = bench.connect_paced(fixture, Behaviour::Limits) else { return };
    if let Some(wait) = connection.wait_for_work() {
        return bench.fail(
            fixture,
            Behaviour::Limits,
            &format!("there is a wait of {wait:?} before anything was asked"),
        );
    }
    bench.play(fixture, |script| script);
    if let Err(error) = connection.check().await {
        bench.hear(&error);
        if bench.asked_rightly(fixture, Behaviour::Limits, "the check") {
            bench.fail(fixture, Behaviour::Limits, &format!("it ended with: {error}"));
        }
        return;
    }
    if !bench.played(fixture, Behaviour::Limits) {
        return;
    }
    let found = connection.wait_for_work().unwrap_or_default();
    if found > case.wait || found + LATE < case.wait || found.is_zero() {
        let problem = format!(
            "{}: expected that work waits for {:?} after this answer, it waits for {found:?}",
            fixture.expect, case.wait
        );
        return bench.fail(fixture, Behaviour::Limits, &problem);
    }
    bench.findings.good(Behaviour::Limits);
    bench.findings.proves(Behaviour::Limits, a_limit());
}
