//! One connector through all runners, and everything that was said meanwhile searched for secrets.
//!
//! Not here: single behaviours (one module each).

use std::path::Path;

use futures::StreamExt as _;
use tracing::instrument::WithSubscriber as _;

use super::bench::Bench;
use super::overheard::Overheard;
use super::{agree, checking, deliveries, files, pacing, reading, single, subscribing, values, writing};
use crate::conformance::behaviour::{Behaviour, claims};
use crate::conformance::fixture::Scenario;
use crate::conformance::report::Report;
use crate::conformance::subject::Subject;
use crate::connector::registry::Registry;

/// Most of a test is waiting for sockets.
const AT_ONCE: usize = 6;

/// Runs the suite over one connector of the registry; `None` if there is no such connector. The error is this machine's:
/// no port, no folder.
pub async fn test(registry: &Registry, installation: &Path, connector: &str) -> Option<std::io::Result<Report>> {
    let subject = Subject::new(registry, installation, connector)?;
    Some(of_subject(&subject).await)
}

/// Runs the suite over several connectors, a few at a time; the reports are in their order.
pub async fn test_all(registry: &Registry, installation: &Path, connectors: &[String]) -> std::io::Result<Vec<Report>> {
    let tests = connectors.iter().map(|connector| test(registry, installation, connector));
    let reports: Vec<Option<std::io::Result<Report>>> = futures::stream::iter(tests).buffered(AT_ONCE).collect().await;
    reports.into_iter().flatten().collect()
}

async fn of_subject(subject: &Subject<'_>) -> std::io::Result<Report> {
    let mut bench = Bench::new(subject).await?;
    let log = Overheard::default();
    scenarios(&mut bench).with_subscriber(log.subscriber()).await;
    bench.heard.extend(log.lines());
    secrets(&mut bench);
    let claims = claims(&subject.manifest);
    let hide = |text: &str| bench.hide(text);
    Ok(bench.findings.report(&subject.name, &claims, &hide))
}

async fn scenarios(bench: &mut Bench<'_>) {
    agree::agree(bench);
    values::unknown_values(bench);
    let subject = bench.subject;
    for fixture in &subject.set.fixtures {
        match &fixture.scenario {
            Scenario::Read(case) => reading::read(bench, fixture, case).await,
            Scenario::Get(case) => single::get(bench, fixture, case).await,
            Scenario::Write(case) => writing::write(bench, fixture, case).await,
            Scenario::Check(case) => checking::check(bench, fixture, case).await,
            Scenario::Login(case) => checking::login(bench, fixture, case).await,
            Scenario::Limit(case) => pacing::limit(bench, fixture, case).await,
            Scenario::Subscriptions(case) => subscribing::subscriptions(bench, fixture, case).await,
            Scenario::Webhook(case) => deliveries::delivery(bench, fixture, case),
            Scenario::FileIn(case) => files::incoming(bench, fixture, case),
            Scenario::FileOut(case) => files::outgoing(bench, fixture, case),
        }
    }
}

/// Whatever errors, refusals and log lines said: no secret may be in it.
fn secrets(bench: &mut Bench<'_>) {
    if bench.secrets.is_empty() {
        if bench.subject.manifest.settings.iter().any(|setting| setting.secret) {
            bench.findings.problem(
                Behaviour::Secrets,
                "fixtures/settings.yaml gives no secret, so none can be found where it leaks",
            );
        }
        return;
    }
    let leaks: Vec<String> = bench
        .heard
        .iter()
        .filter(|text| bench.secrets.iter().any(|secret| text.contains(secret.as_str())))
        .map(|text| format!("a secret is in: {text}"))
        .collect();
    let heard = bench.heard.len();
    for leak in leaks {
        bench.findings.problem(Behaviour::Secrets, leak);
    }
    let manifest = &bench.subject.manifest;
    let unplayed = manifest.sql.is_some() || manifest.process.is_some();
    if heard > 0 {
        bench.findings.good(Behaviour::Secrets);
    } else if !unplayed {
        bench
            .findings
            .problem(Behaviour::Secrets, "no fixture made the connector say anything in which a secret could be");
    }
}
