//! Subscriptions: what is missing is restored, what ends is renewed, what leads to somebody else's hub is left alone.
//!
//! Not here: deliveries.

use super::bench::Bench;
use super::failing;
use crate::conformance::behaviour::{Behaviour, all_there, one_missing, one_to_renew, several_pages};
use crate::conformance::fixture::{Fixture, SubscriptionsCase};
use crate::connector::call::Subscribed;

pub(super) async fn subscriptions(bench: &mut Bench<'_>, fixture: &Fixture, case: &SubscriptionsCase) {
    let described = bench.subject.manifest.webhooks.as_ref().and_then(|webhooks| webhooks.subscriptions.as_ref());
    if described.is_none() {
        return bench.fail(fixture, Behaviour::Agree, "the connector describes no subscriptions");
    }
    let Some(done) = restored(bench, fixture, case).await else { return };
    let expected = Subscribed { restored: case.restored.clone(), renewed: case.renewed.clone() };
    if done != expected {
        let problem = format!("{}: expected {expected:?}, came {done:?}", fixture.expect);
        return bench.fail(fixture, Behaviour::Subscriptions, &problem);
    }
    if !case.restored.is_empty() && !leaves_others_alone(bench, fixture, case).await {
        return;
    }
    bench.findings.good(Behaviour::Subscriptions);
    if case.restored.is_empty() && case.renewed.is_empty() {
        bench.findings.proves(Behaviour::Subscriptions, all_there());
    }
    if !case.restored.is_empty() {
        bench.findings.proves(Behaviour::Subscriptions, one_missing());
    }
    if !case.renewed.is_empty() {
        bench.findings.proves(Behaviour::Subscriptions, one_to_renew());
    }
    let pages = pages(bench, fixture).await;
    if pages.len() > 1 {
        bench.findings.proves(Behaviour::Subscriptions, several_pages());
    }
    broken_lists(bench, fixture, case, &pages).await;
}

/// The exchanges that list what there is, one a page.
async fn pages(bench: &mut Bench<'_>, fixture: &Fixture) -> Vec<usize> {
    let Some(connection) = bench.connect(fixture, Behaviour::Subscriptions) else { return Vec::new() };
    bench.play(fixture, |script| script);
    if let Err(error) = connection.subscriptions().await {
        bench.hear(&error);
        bench.fail(fixture, Behaviour::Subscriptions, &format!("the list alone ended with: {error}"));
    }
    let mut asked = bench.vendor.script().asked.clone();
    asked.retain(|index| !bench.is_log_in(fixture, *index));
    asked.sort_unstable();
    asked.dedup();
    asked
}

/// Plays the scenario as written.
async fn restored(bench: &mut Bench<'_>, fixture: &Fixture, case: &SubscriptionsCase) -> Option<Subscribed> {
    let connection = bench.connect(fixture, Behaviour::Subscriptions)?;
    bench.play(fixture, |script| script);
    match connection.ensure_subscriptions(&case.url).await {
        Ok(done) => bench.played(fixture, Behaviour::Subscriptions).then_some(done),
        Err(error) => {
            bench.hear(&error);
            if bench.asked_rightly(fixture, Behaviour::Subscriptions, "the look at subscriptions") {
                bench.fail(fixture, Behaviour::Subscriptions, &format!("it ended with: {error}"));
            }
            None
        }
    }
}

/// The list must show one for the same that leads elsewhere: only then is it seen that it counts for nothing and is not touched
/// (nothing but the fixture's requests was sent).
async fn leaves_others_alone(bench: &mut Bench<'_>, fixture: &Fixture, case: &SubscriptionsCase) -> bool {
    let Some(connection) = bench.connect(fixture, Behaviour::Subscriptions) else { return false };
    bench.play(fixture, |script| script);
    let listed = connection.subscriptions().await.unwrap_or_default();
    let others =
        listed.iter().any(|one| one.url != case.url && one.topics.iter().any(|topic| case.restored.contains(topic)));
    if !others {
        let problem = "the list shows no subscription for what is missing that leads to somebody else's hub, so nobody sees that it is left alone";
        bench.fail(fixture, Behaviour::Subscriptions, problem);
    }
    others
}

/// A list that cannot be read to its end is not an empty one: nothing may be created over it.
async fn broken_lists(bench: &mut Bench<'_>, fixture: &Fixture, case: &SubscriptionsCase, pages: &[usize]) {
    for (page, index) in pages.iter().enumerate() {
        for fault in failing::of_reads() {
            let Some(connection) = bench.connect(fixture, Behaviour::Subscriptions) else { return };
            bench.play(fixture, |script| script.with(*index, fault.clone()));
            let during = format!("{} in place of the list, page {}", fault.name(), page + 1);
            match connection.ensure_subscriptions(&case.url).await {
                Ok(_) => bench.fail(fixture, Behaviour::Subscriptions, &format!("{during} was taken for a list")),
                Err(error) => {
                    bench.hear(&error);
                    failing::judge_read(bench, fixture, &fault, &error, &during);
                    let further = bench.vendor.script().asked.iter().any(|asked| asked > index);
                    if further {
                        bench.fail(fixture, Behaviour::Subscriptions, &format!("{during} was followed by a change"));
                    }
                }
            }
        }
    }
}
