//! Webhooks: who is believed, and what a genuine delivery says.
//!
//! Not here: how forgeries are made (`forging`).

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};

use super::bench::Bench;
use super::forging;
use crate::config::yaml::Spanned;
use crate::conformance::behaviour::{Behaviour, a_delivery, topic_of};
use crate::conformance::fixture::{Event, Fixture, WebhookCase};
use crate::conformance::subject::Subject;
use crate::connector::connection::Connection;
use crate::connector::manifest::{SettingValues, TimestampCheck, Verify, Webhooks};
use crate::connector::webhook::sign::Signer;
use crate::connector::webhook::{Delivery, Refusal, standard, version_of};
use crate::mapping::expr::Template;

/// A delivery as it goes over the wire.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

pub(super) fn delivery(bench: &mut Bench<'_>, fixture: &Fixture, case: &WebhookCase) {
    let subject = bench.subject;
    let Some(webhooks) = &subject.manifest.webhooks else {
        return bench.fail(fixture, Behaviour::Agree, "the connector describes no webhooks");
    };
    bench.findings.proves(Behaviour::Signatures, a_delivery());
    let Some(settings) = settings(bench, fixture, case) else { return };
    let secrets = Subject::secrets(&settings);
    bench.secrets.extend(secrets.into_iter().filter(|secret| !case.secrets.iter().any(|(_, own)| own == secret)));
    let connection = match connection(subject, case, &settings) {
        Ok(connection) => connection,
        Err(problem) => return bench.fail(fixture, Behaviour::Signatures, &problem),
    };
    let sent = match sent(case, webhooks, &settings, case.at) {
        Ok(sent) => sent,
        Err(problem) => return bench.fail(fixture, Behaviour::Signatures, &problem),
    };
    match verify(&connection, case, &sent, case.at) {
        Ok(()) => bench.findings.good(Behaviour::Signatures),
        Err(refusal) => {
            bench.heard.push(refusal.to_string());
            return bench.fail(fixture, Behaviour::Signatures, &format!("a good delivery is refused: {refusal}"));
        }
    }
    for (what, forged) in forging::forgeries(&webhooks.verify, &sent) {
        refused(bench, fixture, &what, verify(&connection, case, &forged, case.at));
    }
    other_secret(bench, fixture, case, &settings, &sent);
    if let Some(tolerance) = window(&webhooks.verify) {
        let late = SignedDuration::try_from(tolerance).unwrap_or(SignedDuration::MAX) + SignedDuration::from_secs(2);
        let later = case.at.checked_add(late).unwrap_or(Timestamp::MAX);
        refused(bench, fixture, "an old time stamp", verify(&connection, case, &sent, later));
    }
    again(bench, fixture, case, webhooks, &settings, &connection, &sent);
    events(bench, fixture, case, &connection, &sent);
}

fn settings(bench: &mut Bench<'_>, fixture: &Fixture, case: &WebhookCase) -> Option<SettingValues> {
    let (base, folder) = (bench.vendor.base(), bench.folder.path().to_string_lossy().into_owned());
    match bench.subject.settings(&base, &folder, &case.secrets) {
        Ok(settings) => Some(settings),
        Err(problem) => {
            bench.fail(fixture, Behaviour::Signatures, &problem);
            None
        }
    }
}

/// Where the vendor signs by certificate, with that of the fixture at hand and its authority trusted.
fn connection(subject: &Subject<'_>, case: &WebhookCase, settings: &SettingValues) -> Result<Connection, String> {
    let mut manifest = subject.manifest.as_ref().clone();
    let verify = manifest.webhooks.as_mut().map(|webhooks| &mut webhooks.verify);
    let (Some(Verify::Certificate { signature, .. }), Some(files)) = (verify, &case.certificate) else {
        return subject.connect(settings, case.at, None);
    };
    let authority = Template::parse(&files.authority).map_err(|error| format!("{}: {error}", files.authority.place))?;
    signature.authority = Some(Spanned { value: authority, place: files.authority.place.clone() });
    let connection = subject.connect_as(manifest, settings, case.at, None)?;
    if let Some(url) = connection.lacks_certificate(&header_map(&case.headers)) {
        connection.keep_certificate(&url, &files.certificate)?;
    }
    Ok(connection)
}

/// As recorded, or signed here at that time.
fn sent(case: &WebhookCase, webhooks: &Webhooks, settings: &SettingValues, at: Timestamp) -> Result<Sent, String> {
    let mut headers = case.headers.clone();
    if case.sign {
        let given = case
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("webhook-id") || name.eq_ignore_ascii_case("svix-id"));
        let id = given.map_or("msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", |(_, id)| id.as_str());
        let signer = Signer::new(&webhooks.verify, &settings.expose()).map_err(|reason| {
            format!("the delivery cannot be signed here: {reason}; give a recorded signature in `headers`")
        })?;
        let proof = signer.sign(&case.url, id, at, &case.headers, &case.body)?;
        headers.retain(|(name, _)| !proof.iter().any(|(signed, _)| signed.eq_ignore_ascii_case(name)));
        headers.extend(proof);
    }
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    Ok(Sent { headers, body: case.body.clone() })
}

pub(super) fn header_map(headers: &[(String, String)]) -> HeaderMap {
    let pairs = headers.iter().filter_map(|(name, value)| {
        Some((HeaderName::try_from(name.as_str()).ok()?, HeaderValue::try_from(value.as_str()).ok()?))
    });
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(name, value);
    }
    map
}

fn verify(connection: &Connection, case: &WebhookCase, sent: &Sent, now: Timestamp) -> Result<(), Refusal> {
    let headers = header_map(&sent.headers);
    let delivery = Delivery { method: "POST", url: &case.url, headers: &headers, body: &sent.body };
    connection.verify(&delivery, now).map_or(Ok(()), |verified| verified.map(|_| ()))
}

fn refused(bench: &mut Bench<'_>, fixture: &Fixture, what: &str, verified: Result<(), Refusal>) {
    match verified {
        Err(refusal) => {
            bench.heard.push(refusal.to_string());
            bench.findings.good(Behaviour::Signatures);
        }
        Ok(()) => bench.fail(fixture, Behaviour::Signatures, &format!("a delivery with {what} passes")),
    }
}

/// A hub with other secrets must refuse it.
fn other_secret(bench: &mut Bench<'_>, fixture: &Fixture, case: &WebhookCase, settings: &SettingValues, sent: &Sent) {
    let subject = bench.subject;
    let exposed = settings.expose();
    let own = subject.manifest.settings.iter().filter(|setting| setting.secret);
    let changed: Vec<(String, String)> = own
        .filter_map(|setting| {
            let value = exposed.get(setting.name.as_str())?.as_str().filter(|value| !value.is_empty())?;
            Some((setting.name.value.clone(), forging::other(value)))
        })
        .collect();
    let signs = match subject.manifest.webhooks.as_ref().map(|webhooks| &webhooks.verify) {
        Some(Verify::PathSecret) | None => false,
        Some(
            Verify::Hmac { .. }
            | Verify::StandardWebhooks { .. }
            | Verify::SharedSecret { .. }
            | Verify::Digest { .. }
            | Verify::SignedItems { .. }
            | Verify::Certificate { .. },
        ) => true,
    };
    if changed.is_empty() || !signs {
        return;
    }
    let (base, folder) = (bench.vendor.base(), bench.folder.path().to_string_lossy().into_owned());
    let other = subject.settings(&base, &folder, &changed).and_then(|settings| connection(subject, case, &settings));
    match other {
        Ok(connection) => refused(bench, fixture, "another secret", verify(&connection, case, sent, case.at)),
        // A secret of a form that a changed one has lost: it could not have been configured.
        Err(problem) => bench.heard.push(problem),
    }
}

fn window(verify: &Verify) -> Option<Duration> {
    let tolerance = |check: &TimestampCheck| check.tolerance;
    match verify {
        Verify::Hmac { hmac, .. } | Verify::Digest { hmac, .. } => hmac.timestamp.as_ref().map(tolerance),
        Verify::Certificate { signature, .. } => signature.timestamp.as_ref().map(tolerance),
        Verify::StandardWebhooks { .. } => Some(standard::TOLERANCE),
        Verify::SharedSecret { .. } | Verify::SignedItems { .. } | Verify::PathSecret => None,
    }
}

/// The same event again, signed a minute later where it can be signed here: the same dedupe key.
fn again(
    bench: &mut Bench<'_>,
    fixture: &Fixture,
    case: &WebhookCase,
    webhooks: &Webhooks,
    settings: &SettingValues,
    connection: &Connection,
    first: &Sent,
) {
    let later = case.at.checked_add(SignedDuration::from_secs(60)).unwrap_or(case.at);
    let second = match sent(case, webhooks, settings, later) {
        Ok(second) => second,
        Err(problem) => return bench.fail(fixture, Behaviour::Signatures, &problem),
    };
    let label = |sent: &Sent| connection.label(&sent.body, &header_map(&sent.headers)).dedupe_key;
    let (one, two) = (label(first), label(&second));
    if one != two {
        let problem = format!("the same delivery again has another dedupe key: `{one}`, then `{two}`");
        return bench.fail(fixture, Behaviour::Signatures, &problem);
    }
    match &case.dedupe {
        Some(expected) if *expected != one => {
            bench.fail(
                fixture,
                Behaviour::Signatures,
                &format!("{}: expected the dedupe key `{expected}`, came `{one}`", fixture.expect),
            );
        }
        Some(_) | None => bench.findings.good(Behaviour::Signatures),
    }
}

fn events(bench: &mut Bench<'_>, fixture: &Fixture, case: &WebhookCase, connection: &Connection, sent: &Sent) {
    let interpreted = match connection.interpret(&sent.body, &header_map(&sent.headers)) {
        Ok(interpreted) => interpreted,
        Err(error) => {
            bench.heard.push(error.to_string());
            return bench.fail(fixture, Behaviour::Events, &format!("the delivery cannot be read: {error}"));
        }
    };
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for incoming in interpreted.incoming {
        match incoming {
            Ok(incoming) => {
                for topic in &interpreted.topics {
                    bench.findings.proves(Behaviour::Events, topic_of(topic, &incoming.stream));
                }
                found.push(incoming);
            }
            Err(error) => problems.push(error.to_string()),
        }
    }
    let op = |op| match op {
        crate::connector::call::IncomingOp::Upsert => "upsert",
        crate::connector::call::IncomingOp::Delete => "delete",
    };
    let told = |stream: &str, op: &str, key: &str| format!("{stream} {op} {key}");
    let expected: Vec<String> = case.events.iter().map(|event| told(&event.stream, event.op, &event.key)).collect();
    let came: Vec<String> = found.iter().map(|found| told(&found.stream, op(found.op), &found.key)).collect();
    if expected != came {
        problems.push(format!(
            "expected {expected:?}, came {came:?} (topics {:?}, {} ignored)",
            interpreted.topics, interpreted.ignored
        ));
    }
    for (event, incoming) in case.events.iter().zip(&found) {
        problems.extend(version_differs(bench, event, incoming.version.map(crate::model::Version::value)));
    }
    if problems.is_empty() {
        bench.findings.good(Behaviour::Events);
    }
    for problem in problems {
        bench.heard.push(problem.clone());
        bench.fail(fixture, Behaviour::Events, &format!("{}: {problem}", fixture.expect));
    }
}

fn version_differs(bench: &Bench<'_>, event: &Event, found: Option<i64>) -> Option<String> {
    let expected = event.version.as_ref()?;
    let rule = &bench.subject.manifest.stream(&event.stream)?.version;
    match version_of(rule, expected) {
        Ok(version) if version.map(crate::model::Version::value) == found => None,
        Ok(_) => Some(format!("{}: its version is not {expected}", event.key)),
        Err(reason) => Some(format!("{}: {reason}", event.key)),
    }
}
