//! Calls that fail: the class that each misbehaviour must have, the vendor's own errors, and what an error may not repeat.
//!
//! Not here: walks over faults (`reading`), lost answers of writes (`writing`).

use std::time::Duration;

use super::bench::{Bench, at};
use super::walking::walk;
use crate::conformance::behaviour::{Behaviour, a_call, error_rule};
use crate::conformance::fixture::{ExpectedError, Fixture, Scenario};
use crate::conformance::vendor::{Fault, Script};
use crate::connector::call::CallError;
use crate::connector::connection::Connection;
use crate::model::ErrorClass;

/// Longer than anything that is waited for inside a call.
const WAIT: Duration = Duration::from_secs(37);

pub(super) fn of_reads() -> [Fault; 5] {
    [Fault::TooMany(Duration::ZERO), Fault::Unavailable, Fault::Page, Fault::Cut, Fault::Reset]
}

/// A scenario that is expected to fail: how it failed, and which rule said so.
pub(super) fn ended(
    bench: &mut Bench<'_>,
    fixture: &Fixture,
    connection: &Connection,
    expected: &ExpectedError,
    error: Option<&CallError>,
) {
    let Some(error) = error else {
        if bench.asked_rightly(fixture, Behaviour::Errors, "the scenario") {
            bench.fail(
                fixture,
                Behaviour::Errors,
                &format!("{}: expected an error of class `{}`, it succeeded", fixture.expect, expected.class),
            );
        }
        return;
    };
    if !bench.asked_rightly(fixture, Behaviour::Errors, "the scenario") {
        return;
    }
    if bench.is_expected(fixture, Behaviour::Errors, expected, error) {
        bench.findings.good(Behaviour::Errors);
        if expected.class == ErrorClass::RateLimited {
            bench.findings.good(Behaviour::RetryAfter);
        }
    }
    if let Some(place) = connection.last_error_rule() {
        bench.findings.proves(Behaviour::Errors, error_rule(&place));
    }
}

pub(super) fn judge_read(bench: &mut Bench<'_>, fixture: &Fixture, fault: &Fault, error: &CallError, during: &str) {
    let (behaviour, expected) = match fault {
        Fault::TooMany(_) => (Behaviour::RetryAfter, ErrorClass::RateLimited),
        Fault::Unavailable
        | Fault::Page
        | Fault::Cut
        | Fault::Reset
        | Fault::Unauthorized
        | Fault::Gone
        | Fault::LostAnswer
        | Fault::Echo
        | Fault::Body(_) => (Behaviour::Faults, ErrorClass::Transient),
    };
    if error.class == expected {
        bench.findings.good(behaviour);
    } else {
        bench.fail(fixture, behaviour, &format!("{during}: expected class `{expected}`, came {error}"));
    }
}

/// What any call must do, asked of the first request of the scenario: a wait that the vendor names is told as it is, and an
/// error that repeats the request shows no secret.
pub(super) async fn calls(bench: &mut Bench<'_>, fixture: &Fixture) {
    let Some(index) = (0..fixture.exchanges().len()).find(|index| !bench.is_log_in(fixture, *index)) else { return };
    bench.findings.proves(Behaviour::RetryAfter, a_call());
    bench.findings.proves(Behaviour::Faults, a_call());
    if let Some(error) = failed_at(bench, fixture, index, Fault::TooMany(WAIT), Behaviour::RetryAfter).await {
        if error.class == ErrorClass::RateLimited && error.retry_after == Some(WAIT) {
            bench.findings.good(Behaviour::RetryAfter);
        } else {
            let problem = format!(
                "a 429 with `Retry-After: {}`: expected `rate_limited` with that wait, came {error}",
                WAIT.as_secs()
            );
            bench.fail(fixture, Behaviour::RetryAfter, &problem);
        }
    }
    // Whatever its class, it is searched for secrets.
    failed_at(bench, fixture, index, Fault::Echo, Behaviour::Secrets).await;
}

/// The failure that this fault at this exchange leads to; a success is told.
async fn failed_at(
    bench: &mut Bench<'_>,
    fixture: &Fixture,
    index: usize,
    fault: Fault,
    behaviour: Behaviour,
) -> Option<Box<CallError>> {
    let connection = bench.connect(fixture, behaviour)?;
    let name = fault.name();
    bench.vendor.play(Script::new(fixture.exchanges(), at(fixture)).with(index, fault));
    match once(bench, &connection, fixture).await {
        Err(error) => Some(error),
        Ok(()) => {
            if bench.asked_rightly(fixture, behaviour, name) {
                bench.fail(fixture, behaviour, &format!("{name} at exchange {} was taken for a success", index + 1));
            }
            None
        }
    }
}

/// The scenario once more, for its failure alone.
pub(super) async fn once(
    bench: &mut Bench<'_>,
    connection: &Connection,
    fixture: &Fixture,
) -> Result<(), Box<CallError>> {
    let done = match &fixture.scenario {
        Scenario::Read(case) => match walk(bench, connection, case, false).await.broke {
            Some(error) => return Err(error),
            None => Ok(()),
        },
        Scenario::Get(case) => connection.get(&case.stream, &case.key).await.map(|_| ()),
        Scenario::Check(_) | Scenario::Login(_) => connection.check().await.map(|_| ()),
        Scenario::Write(case) => match super::writing::context(bench, fixture, case) {
            Some(context) => connection.write(&case.stream, case.op, &context).await.map(|_| ()),
            None => Ok(()),
        },
        Scenario::Limit(_)
        | Scenario::Subscriptions(_)
        | Scenario::Webhook(_)
        | Scenario::FileIn(_)
        | Scenario::FileOut(_) => Ok(()),
    };
    if let Err(error) = &done {
        bench.hear(error);
    }
    done
}
