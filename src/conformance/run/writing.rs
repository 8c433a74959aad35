//! Writes: what is sent, and that a lost answer leads to one effect all the same.
//!
//! Not here: when the hub writes again (deliver); here it is done as the manifest's protection says.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::bench::{Bench, at};
use super::failing;
use crate::conformance::behaviour::{Behaviour, operation_of};
use crate::conformance::fixture::{Exchange, Fixture, WriteCase};
use crate::conformance::subject::{entity_of, refs_json};
use crate::conformance::vendor::{Asked, Fault, Script};
use crate::connector::call::{Lookup, WriteContext};
use crate::connector::manifest::{Idempotency, Operation, Stream, StreamEntity, Write};
use crate::connector::webhook::version_of;
use crate::model::{CloudEvent, Entity, ErrorClass, EventKind, Happened, Version};

pub(super) async fn write(bench: &mut Bench<'_>, fixture: &Fixture, case: &WriteCase) {
    let Some(operation) = operation(bench, fixture, case) else { return };
    let Some(context) = context(bench, fixture, case) else { return };
    let Some(connection) = bench.connect(fixture, Behaviour::WriteOnce) else { return };
    let play =
        |bench: &Bench<'_>, change: &dyn Fn(Script) -> Script| bench.play(fixture, |script| change(script.in_order()));
    play(bench, &|script| script);
    let written = connection.write(&case.stream, case.op, &context).await;
    if let Err(error) = &written {
        bench.hear(error);
    }
    if let Some(expected) = &case.error {
        return failing::ended(bench, fixture, &connection, expected, written.err().as_deref());
    }
    bench.findings.proves(Behaviour::WriteOnce, operation_of(case.op.as_str(), &case.stream));
    let receipt = match written {
        Ok(receipt) => receipt,
        Err(error) => {
            if bench.asked_rightly(fixture, Behaviour::WriteOnce, "the write") {
                bench.fail(fixture, Behaviour::WriteOnce, &format!("it ended with: {error}"));
            }
            return;
        }
    };
    if !bench.played(fixture, Behaviour::WriteOnce) {
        return;
    }
    if case.id.is_some() && receipt.remote_id != case.id {
        let (expected, found) =
            (case.id.as_deref().unwrap_or_default(), receipt.remote_id.as_deref().unwrap_or("none"));
        return bench.fail(
            fixture,
            Behaviour::WriteOnce,
            &format!("{}: expected the id `{expected}`, came `{found}`", fixture.expect),
        );
    }
    if let Some(problem) = version_differs(bench, case, receipt.remote_version) {
        return bench.fail(fixture, Behaviour::WriteOnce, &format!("{}: {problem}", fixture.expect));
    }
    let effects: Vec<usize> = (0..case.exchanges.len()).filter(|index| case.exchanges[*index].effect).collect();
    let wanted = 1 + operation.then.len();
    if effects.len() < wanted {
        let problem = match operation.then.len() {
            0 => "no exchange is marked `effect: true`: say which request changes something".to_owned(),
            _ => format!("the write and each of its follow-ups are `effect: true`: {wanted} of them"),
        };
        return bench.fail(fixture, Behaviour::WriteOnce, &problem);
    }
    bench.findings.good(Behaviour::WriteOnce);
    for effect in effects {
        once(bench, fixture, case, operation, &context, effect).await;
    }
    if matches!(operation.idempotency, Idempotency::Lookup { .. }) {
        looked_up(bench, fixture, case, operation, &context).await;
    }
    faults(bench, fixture, case, operation, &context).await;
    failing::calls(bench, fixture).await;
}

fn version_differs(bench: &Bench<'_>, case: &WriteCase, found: Option<Version>) -> Option<String> {
    let expected = case.version.as_ref()?;
    let rule = &bench.subject.manifest.stream(&case.stream)?.version;
    match version_of(rule, expected) {
        Ok(version) if version == found => None,
        Ok(_) => Some(format!("the version that the answer tells is not {expected}")),
        Err(reason) => Some(reason),
    }
}

/// The key that a request carried.
fn key_of(idempotency: &Idempotency, asked: &Asked) -> Option<String> {
    match idempotency {
        Idempotency::Header { name, .. } => Some(asked.headers.get(name.as_str())?.to_str().ok()?.to_owned()),
        Idempotency::Body { path, .. } => match serde_json::from_slice::<Value>(&asked.body) {
            Ok(body) => path.first(&body)?.as_str().map(str::to_owned),
            Err(_) => {
                let prefix = format!("{}=", path.as_str());
                let body = String::from_utf8_lossy(&asked.body).into_owned();
                body.split('&').find_map(|field| field.strip_prefix(&prefix)).map(str::to_owned)
            }
        },
        Idempotency::Lookup { .. } | Idempotency::Natural => None,
    }
}

fn operation<'b>(bench: &mut Bench<'b>, fixture: &Fixture, case: &WriteCase) -> Option<&'b Operation> {
    let subject = bench.subject;
    let stream = match subject.stream(&case.stream, &case.stream.place) {
        Ok(stream) => stream,
        Err(problem) => {
            bench.findings.problem(Behaviour::Agree, problem);
            return None;
        }
    };
    let operation = match &stream.write {
        Some(Write::Http(write)) => write.operation(case.op),
        Some(Write::File(_) | Write::Process(_) | Write::Sql(_)) | None => None,
    };
    if operation.is_none() {
        bench.fail(
            fixture,
            Behaviour::Agree,
            &format!("{}: the stream has no `{}` over HTTP", case.stream.place, case.op.as_str()),
        );
    }
    operation
}

/// What the hub would know when it writes this record. `None` has been told.
pub(super) fn context(bench: &mut Bench<'_>, fixture: &Fixture, case: &WriteCase) -> Option<WriteContext> {
    let subject = bench.subject;
    let stream = subject.manifest.stream(&case.stream)?;
    let settings = bench.settings.as_ref()?.expose();
    let entity = match entity(stream, case.entity.as_ref()) {
        Ok(entity) => entity,
        Err(problem) => {
            bench.fail(fixture, Behaviour::WriteOnce, &problem);
            return None;
        }
    };
    let written = subject.written(stream, &case.record, &case.refs, case.key.as_deref(), entity, &settings);
    let (body, record) = match written {
        Ok(written) => written,
        Err(problem) => {
            bench.heard.push(problem.clone());
            bench.fail(fixture, Behaviour::WriteOnce, &format!("{}: {problem}", case.record.place));
            return None;
        }
    };
    let natural_key = record
        .as_ref()
        .and_then(crate::model::Record::natural_key)
        .or_else(|| case.natural_key.clone())
        .unwrap_or_default();
    let event = event(&case.stream, &natural_key, entity.unwrap_or(Entity::Order), at(fixture));
    Some(WriteContext {
        key: natural_key.clone(),
        natural_key,
        remote_id: case.key.clone(),
        idempotency_key: "7c9e6679-7425-40de-944b-e07fc1f90ae7".to_owned(),
        refs: refs_json(&case.refs),
        record: body,
        event,
    })
}

pub(super) fn entity(
    stream: &Stream,
    named: Option<&crate::config::yaml::Spanned<String>>,
) -> Result<Option<Entity>, String> {
    match (stream.entity, named) {
        (StreamEntity::One(entity), _) => Ok(Some(entity)),
        (StreamEntity::Any, Some(name)) => entity_of(name).map(Some),
        (StreamEntity::Any, None) => Ok(None),
    }
}

fn event(stream: &str, key: &str, entity: Entity, at: Timestamp) -> serde_json::Value {
    let kind = EventKind::ALL.first().map_or("Changed", |kind| kind.as_str());
    let happened = Happened {
        id: 4711,
        connection: "source",
        stream,
        key,
        entity,
        revision: 1,
        kind,
        occurred_at: None,
        recorded_at: at.as_microsecond(),
    };
    serde_json::to_value(CloudEvent::new(happened, None)).unwrap_or_else(|_| json!({}))
}

/// The vendor applies the write and its answer is lost. Whatever the protection is, there is one effect in the end.
async fn once(
    bench: &mut Bench<'_>,
    fixture: &Fixture,
    case: &WriteCase,
    operation: &Operation,
    context: &WriteContext,
    effect: usize,
) {
    let Some(connection) = bench.connect(fixture, Behaviour::WriteOnce) else { return };
    bench.play(fixture, |script| script.in_order().with(effect, Fault::LostAnswer));
    match connection.write(&case.stream, case.op, context).await {
        Ok(_) => {
            return bench.fail(fixture, Behaviour::WriteOnce, "a write whose answer was lost was taken for a success");
        }
        Err(error) => {
            bench.hear(&error);
            if error.class != ErrorClass::UnknownOutcome {
                let problem = format!("a write whose answer was lost: expected class `unknown_outcome`, came {error}");
                return bench.fail(fixture, Behaviour::WriteOnce, &problem);
            }
        }
    }
    match &operation.idempotency {
        // What is done then is played once for all effects.
        Idempotency::Lookup { .. } => {}
        Idempotency::Header { .. } | Idempotency::Body { .. } => {
            let again = connection.write(&case.stream, case.op, context).await;
            if !wrote_again(bench, fixture, case, again) {
                return;
            }
            let keys: Vec<Option<String>> = {
                let script = bench.vendor.script();
                let key = |asked: &Asked| key_of(&operation.idempotency, asked);
                of_the_write(&script.effects).into_iter().map(key).collect()
            };
            match keys.as_slice() {
                [Some(first), Some(second)] if first == second => bench.findings.good(Behaviour::WriteOnce),
                _ => {
                    let problem = format!("after a lost answer the same key must be sent again; sent were {keys:?}");
                    bench.fail(fixture, Behaviour::WriteOnce, &problem);
                }
            }
        }
        Idempotency::Natural => {
            let again = connection.write(&case.stream, case.op, context).await;
            if !wrote_again(bench, fixture, case, again) {
                return;
            }
            let same = {
                let script = bench.vendor.script();
                matches!(of_the_write(&script.effects).as_slice(), [first, second] if first.same_as(second))
            };
            if same {
                bench.findings.good(Behaviour::WriteOnce);
            } else {
                bench.fail(
                    fixture,
                    Behaviour::WriteOnce,
                    "after a lost answer the same state must be sent again, to the letter",
                );
            }
        }
    }
}

/// Effects besides those of follow-ups, which are told by the request line.
fn of_the_write(effects: &[Asked]) -> Vec<&Asked> {
    let first = effects.first().map(Asked::line);
    effects.iter().filter(|asked| Some(asked.line()) == first).collect()
}

fn wrote_again(
    bench: &mut Bench<'_>,
    fixture: &Fixture,
    case: &WriteCase,
    again: Result<crate::connector::call::Receipt, Box<crate::connector::call::CallError>>,
) -> bool {
    match again {
        Ok(receipt) if case.id.is_none() || receipt.remote_id == case.id => true,
        Ok(_) => {
            bench.fail(fixture, Behaviour::WriteOnce, "the write after a lost answer came to another id");
            false
        }
        Err(error) => {
            bench.hear(&error);
            bench.fail(fixture, Behaviour::WriteOnce, &format!("the write after a lost answer ended with: {error}"));
            false
        }
    }
}

/// Absent before the effect, found after it: then nothing is created again, and what follows is finished.
async fn looked_up(
    bench: &mut Bench<'_>,
    fixture: &Fixture,
    case: &WriteCase,
    operation: &Operation,
    context: &WriteContext,
) {
    let (Some(absent), Some(found)) = (&case.absent, &case.found) else {
        let problem = "a write that is protected by a look-up needs `lookup: { absent: [...], found: [...] }`";
        return bench.fail(fixture, Behaviour::WriteOnce, problem);
    };
    let mut scenes = vec![("absent", absent, None), ("found", found, Some(&case.id))];
    match (&case.unfinished, operation.then.is_empty()) {
        (Some(unfinished), false) => scenes.push(("unfinished", unfinished, Some(&case.id))),
        (None, true) => {}
        (None, false) => {
            let problem = "what follows a write may be open when it is found: add `lookup: { unfinished: [...] }`";
            return bench.fail(fixture, Behaviour::WriteOnce, problem);
        }
        (Some(_), true) => {
            return bench.fail(fixture, Behaviour::WriteOnce, "lookup.unfinished: the write has no `then`");
        }
    }
    for (scene, exchanges, expected) in scenes {
        let Some(lookup) = look_up(bench, fixture, case, context, exchanges).await else { return };
        match (lookup, expected) {
            (Lookup::Absent, None) => bench.findings.good(Behaviour::WriteOnce),
            (Lookup::Found { remote_id, .. }, Some(id)) if id.as_ref().is_none_or(|id| *id == remote_id) => {
                bench.findings.good(Behaviour::WriteOnce);
            }
            (Lookup::Found { remote_id, .. }, Some(id)) => {
                let id = id.as_deref().unwrap_or_default();
                let problem = format!("lookup.{scene}: expected the id `{id}`, came `{remote_id}`");
                bench.fail(fixture, Behaviour::WriteOnce, &problem);
            }
            (Lookup::Found { remote_id, .. }, None) => {
                bench.fail(fixture, Behaviour::WriteOnce, &format!("lookup.{scene}: `{remote_id}` was found"));
            }
            (Lookup::Absent, Some(_)) => {
                let problem =
                    format!("lookup.{scene}: nothing was found, so a lost answer would lead to a second effect");
                bench.fail(fixture, Behaviour::WriteOnce, &problem);
            }
        }
    }
}

async fn look_up(
    bench: &mut Bench<'_>,
    fixture: &Fixture,
    case: &WriteCase,
    context: &WriteContext,
    exchanges: &[Exchange],
) -> Option<Lookup> {
    let connection = bench.connect(fixture, Behaviour::WriteOnce)?;
    bench.vendor.play(Script::new(exchanges, at(fixture)));
    let mut looked = connection.lookup(&case.stream, context).await;
    if let Ok(Lookup::Found { remote_id, .. }) = &looked {
        let context = WriteContext { remote_id: Some(remote_id.clone()), ..context.clone() };
        if let Err(error) = connection.follow_up(&case.stream, case.op, &context).await {
            looked = Err(error);
        }
    }
    match looked {
        Ok(lookup) => bench.played(fixture, Behaviour::WriteOnce).then_some(lookup),
        Err(error) => {
            bench.hear(&error);
            if bench.asked_rightly(fixture, Behaviour::WriteOnce, "the look-up") {
                bench.fail(fixture, Behaviour::WriteOnce, &format!("the look-up ended with: {error}"));
            }
            None
        }
    }
}

/// Misbehaviour at each request of the write: reads before it are transient; what may have arrived is of unknown outcome.
async fn faults(
    bench: &mut Bench<'_>,
    fixture: &Fixture,
    case: &WriteCase,
    operation: &Operation,
    context: &WriteContext,
) {
    let needs_body = operation.response.id.is_some() || operation.response.version.is_some();
    for (index, exchange) in case.exchanges.iter().enumerate() {
        if bench.is_log_in(fixture, index) {
            continue;
        }
        for fault in [Fault::Unavailable, Fault::Page, Fault::Cut, Fault::Reset] {
            let follows = case.exchanges.iter().take(index).any(|earlier| earlier.effect);
            let unread = exchange.effect && (follows || !needs_body && operation.confirm.is_none());
            // What nobody reads may be anything.
            if unread && matches!(fault, Fault::Page | Fault::Cut)
                || (exchange.answer.body.is_empty() && fault == Fault::Cut)
            {
                continue;
            }
            let Some(connection) = bench.connect(fixture, Behaviour::Faults) else { return };
            bench.play(fixture, |script| script.in_order().with(index, fault.clone()));
            let during = format!("{} at exchange {}", fault.name(), index + 1);
            match connection.write(&case.stream, case.op, context).await {
                // What is confirmed later is asked about again within the call.
                Ok(_) if operation.confirm.is_some() && !exchange.effect => bench.findings.good(Behaviour::Faults),
                Ok(_) => bench.fail(fixture, Behaviour::Faults, &format!("{during}: it was taken for a success")),
                Err(error) => {
                    bench.hear(&error);
                    let good = match (exchange.effect, &fault) {
                        // A vendor that says that it is not there has done nothing, or will do nothing twice.
                        (true, Fault::Unavailable) => {
                            matches!(error.class, ErrorClass::Transient | ErrorClass::UnknownOutcome)
                        }
                        (true, _) => error.class == ErrorClass::UnknownOutcome,
                        (false, _) if follows => {
                            matches!(error.class, ErrorClass::Transient | ErrorClass::UnknownOutcome)
                        }
                        (false, _) => error.class == ErrorClass::Transient,
                    };
                    if good {
                        bench.findings.good(Behaviour::Faults);
                    } else {
                        let expected = if exchange.effect { "unknown_outcome" } else { "transient" };
                        bench.fail(
                            fixture,
                            Behaviour::Faults,
                            &format!("{during}: expected class `{expected}`, came {error}"),
                        );
                    }
                }
            }
        }
    }
}
