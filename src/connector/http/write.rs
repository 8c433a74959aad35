//! Writing: steps, the request, the receipt; and the question whether the vendor has a record already.
//!
//! Not here: intents, retries and bindings (deliver).

use std::borrow::Cow;

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::classify::Purpose;
use super::confirm::ticket;
use super::enrich::text_at;
use super::exchange::{Answered, Terms};
use super::follow_up;
use super::receipt::{Said, receipt};
use super::render::{self, Content, Outgoing};
use super::walk::{list_at, terms};
use super::wrap;
use crate::connector::call::{CallResult, Lookup, Receipt, WriteContext};
use crate::connector::connection::{Channel, Connection};
use crate::connector::manifest::{
    HttpWrite, Idempotency, OpKind, Operation, OutgoingSignature, Step, Stream, Wrapper, Write,
};
use crate::connector::webhook::standard::Signer;
use crate::mapping::expr::{Expression, Scope};
use crate::model::ErrorClass;

/// The values of one write as templates see them.
pub(super) struct Values<'a> {
    settings: &'a Value,
    record: Cow<'a, Value>,
    refs: &'a Value,
    event: &'a Value,
    key: Value,
    natural_key: Value,
    idempotency_key: Value,
    steps: Value,
    /// What was read right before, for writes that compare.
    current: Value,
    /// The accepting answer, for writes that are confirmed later.
    accepted: Value,
    /// What was written, for what follows.
    written: Value,
}

impl<'a> Values<'a> {
    pub(super) fn new(settings: &'a Value, wrappers: &[Wrapper], context: &'a WriteContext) -> Self {
        let text = |text: &str| Value::String(text.to_owned());
        Self {
            settings,
            record: wrap::wrap(wrappers, &context.record),
            refs: &context.refs,
            event: &context.event,
            key: context.remote_id.as_deref().map_or(Value::Null, text),
            natural_key: text(&context.natural_key),
            idempotency_key: text(&context.idempotency_key),
            steps: Value::Object(Map::new()),
            current: Value::Null,
            accepted: Value::Null,
            written: Value::Null,
        }
    }

    /// From here on follow-ups are asked: none sees what another one's question found.
    pub(super) fn written(&mut self, remote_id: Option<&str>) {
        self.written = serde_json::json!({ "id": remote_id });
        self.current = Value::Null;
    }

    pub(super) fn found(&mut self, answer: &Answered) {
        self.current = said(answer);
    }

    /// In the vendor's shape, typed objects put on.
    pub(super) fn record(&self) -> &Value {
        &self.record
    }

    pub(super) fn scope(&self) -> Scope<'_> {
        Scope::new()
            .with("settings", self.settings)
            .with("record", &self.record)
            .with("refs", self.refs)
            .with("event", self.event)
            .with("key", &self.key)
            .with("natural_key", &self.natural_key)
            .with("idempotency_key", &self.idempotency_key)
            .with("steps", &self.steps)
            .with("current", &self.current)
            .with("accepted", &self.accepted)
            .with("written", &self.written)
    }
}

impl Connection {
    /// Writes once. Nothing is repeated here: a lost answer is `UnknownOutcome`, and `lookup` tells what became of it.
    pub async fn write(&self, stream: &str, op: OpKind, context: &WriteContext) -> CallResult<Receipt> {
        let what = format!("{} {stream}", op.as_str());
        let channel = self.channel(&what)?;
        let described = self.stream(&what, stream)?;
        let operation = http_write(described).and_then(|write| write.operation(op));
        let operation =
            operation.ok_or_else(|| self.misuse(&what, format!("stream `{stream}` describes no {}", op.as_str())))?;
        if operation.batch.is_some() {
            let results = self.write_many(stream, op, std::slice::from_ref(context)).await?;
            let lost = || Err(self.misuse(&what, "a batch of one without a result"));
            return results.into_iter().next().unwrap_or_else(lost);
        }
        let mut values = Values::new(&self.settings, &channel.caller.http.wrappers, context);
        run_steps(channel, &operation.steps, &mut values).await?;
        let ticket = operation.confirm.as_ref().map(|_| ticket(stream, op, context)).unwrap_or_default();
        let receipt = match (&operation.confirm, self.accepted.find(&ticket)) {
            (Some(confirm), Some(accepted)) => {
                // It was accepted by an earlier attempt and not confirmed in time: asking comes before sending.
                values.accepted = accepted;
                let (outgoing, answer) = self.confirmed(channel, confirm, &values, &ticket).await?;
                received(channel, described, operation, context, (&outgoing, &answer), &values.accepted)?
            }
            (Some(confirm), None) => {
                let (_, answer) = self.send(channel, operation, &mut values, &what).await?;
                values.accepted = said(&answer);
                self.accepted.keep(&ticket, &values.accepted);
                let (outgoing, answer) = self.confirmed(channel, confirm, &values, &ticket).await?;
                received(channel, described, operation, context, (&outgoing, &answer), &values.accepted)?
            }
            (None, _) => {
                let (outgoing, answer) = self.send(channel, operation, &mut values, &what).await?;
                received(channel, described, operation, context, (&outgoing, &answer), &Value::Null)?
            }
        };
        follow_up::finish(channel, operation, &mut values, receipt.remote_id.as_deref()).await?;
        Ok(receipt)
    }

    /// Sends; where the vendor compares, after reading what it will compare with. A conflict proves that nothing was applied.
    async fn send(
        &self,
        channel: &Channel,
        operation: &Operation,
        values: &mut Values<'_>,
        what: &str,
    ) -> CallResult<(Outgoing, Answered)> {
        let Some(compare) = &operation.compare else {
            let outgoing = self.request_of(channel, operation, values, what)?;
            let answer = channel.caller.call(&outgoing, write_terms(operation)).await?;
            return Ok((outgoing, answer));
        };
        let mut attempt = 1;
        loop {
            let reading = render::render(&channel.base, &compare.read, &values.scope(), &[])
                .map_err(|error| channel.caller.not_built(what, &error))?;
            let current = channel.caller.call(&reading, terms(&compare.read)).await?;
            values.current = said(&current);
            let outgoing = self.request_of(channel, operation, values, what)?;
            match channel.caller.call(&outgoing, write_terms(operation)).await {
                Ok(answer) => return Ok((outgoing, answer)),
                Err(error) if error.class == ErrorClass::Conflict && attempt < compare.attempts => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Asks whether the vendor has the record, by the look-up of the stream's first operation that describes one.
    pub async fn lookup(&self, stream: &str, context: &WriteContext) -> CallResult<Lookup> {
        let what = format!("look up {stream}");
        let channel = self.channel(&what)?;
        let operations = http_write(self.stream(&what, stream)?).map_or(&[][..], |write| &write.operations);
        let found = operations.iter().find_map(|operation| match &operation.idempotency {
            Idempotency::Lookup { request, found, id, matches, pending, steps_before } => {
                let steps = operation.steps.get(..*steps_before).unwrap_or_default();
                Some((request, found, id, (matches, pending), steps))
            }
            Idempotency::Header { .. } | Idempotency::Body { .. } | Idempotency::Natural => None,
        });
        let (request, list, id, (matches, pending), steps) =
            found.ok_or_else(|| self.misuse(&what, format!("stream `{stream}` describes no look-up")))?;
        let mut values = Values::new(&self.settings, &channel.caller.http.wrappers, context);
        run_steps(channel, steps, &mut values).await?;
        let outgoing = render::render(&channel.base, request, &values.scope(), &[])
            .map_err(|error| channel.caller.not_built(&what, &error))?;
        let answer = match channel.caller.call(&outgoing, terms(request)).await {
            Ok(answer) => answer,
            Err(error) if error.class == ErrorClass::NotFound => return Ok(Lookup::Absent),
            Err(error) => return Err(error),
        };
        let refuse = |reason: String| channel.caller.misshapen(&outgoing, &answer, ErrorClass::Data, reason);
        let mut meant = Vec::new();
        for candidate in list_at(list.as_deref(), &answer.body).map_err(&refuse)? {
            let holds = |condition: &Expression| {
                let holds = condition.eval_bool(&values.scope().with("candidate", &candidate));
                holds.map_err(|error| refuse(error.to_string()))
            };
            if !matches.as_deref().map_or(Ok(true), holds)? {
                continue;
            }
            if pending.as_deref().map_or(Ok(false), holds)? {
                let message = "the vendor has accepted it and not applied it yet".to_owned();
                let mut error = channel.caller.misshapen(&outgoing, &answer, ErrorClass::UnknownOutcome, message);
                "it is asked about again by itself, and sent again only if the vendor has dropped it"
                    .clone_into(&mut error.next_step);
                return Err(error);
            }
            meant.push(candidate);
        }
        match meant.as_slice() {
            [] => Ok(Lookup::Absent),
            [one] => {
                let remote_id = text_at(id, one)
                    .ok_or_else(|| refuse(format!("the found object has no id at `{}`", id.as_str())))?;
                Ok(Lookup::Found { remote_id, body: one.clone() })
            }
            many => {
                let mut error = refuse(format!("{} objects there could be this record", many.len()));
                "remove the duplicates there, or make the look-up's `matches` stricter"
                    .clone_into(&mut error.next_step);
                Err(error)
            }
        }
    }

    fn request_of(
        &self,
        channel: &Channel,
        operation: &Operation,
        values: &Values<'_>,
        what: &str,
    ) -> CallResult<Outgoing> {
        let fail = |error| channel.caller.not_built(what, &error);
        let scope = values.scope();
        let mut outgoing = render::render(&channel.base, &operation.request, &scope, &[]).map_err(fail)?;
        match &operation.idempotency {
            Idempotency::Header { name, value, .. } => {
                let value = render::text("the idempotency key", value, &scope).map_err(fail)?;
                let (name, value) = render::header(name, &value).map_err(fail)?;
                outgoing.headers.insert(name, value);
            }
            Idempotency::Body { path, value, .. } => {
                let value = render::text("the idempotency key", value, &scope).map_err(fail)?;
                render::put(&mut outgoing.body, path, value).map_err(fail)?;
            }
            Idempotency::Lookup { .. } | Idempotency::Natural => {}
        }
        if let (Some(signature), false) = (&channel.caller.http.signature, matches!(outgoing.body, Content::None)) {
            self.sign(channel, signature, &scope, &mut outgoing, what)?;
        }
        Ok(outgoing)
    }

    fn sign(
        &self,
        channel: &Channel,
        signature: &OutgoingSignature,
        scope: &Scope<'_>,
        outgoing: &mut Outgoing,
        what: &str,
    ) -> CallResult<()> {
        let fail = |error| channel.caller.not_built(what, &error);
        let refuse = |reason: String| channel.caller.local(what, ErrorClass::Data, reason);
        let OutgoingSignature::StandardWebhooks { secrets, id } = signature;
        let secrets =
            secrets.iter().map(|secret| render::text("the signing secret", secret, scope).map(SecretString::from));
        let secrets = secrets.collect::<Result<Vec<_>, _>>().map_err(fail)?;
        let id = render::text("the message id", id, scope).map_err(fail)?;
        let signer = Signer::new(&secrets).map_err(|error| refuse(error.to_string()))?;
        let signed = signer.sign(&id, self.now(), &outgoing.body.bytes()).map_err(|error| refuse(error.to_string()))?;
        for (name, value) in signed.pairs() {
            let (name, value) = render::header(name, value).map_err(fail)?;
            outgoing.headers.insert(name, value);
        }
        Ok(())
    }
}

fn received(
    channel: &Channel,
    stream: &Stream,
    operation: &Operation,
    context: &WriteContext,
    (outgoing, answer): (&Outgoing, &Answered),
    accepted: &Value,
) -> CallResult<Receipt> {
    let scope = Scope::new().with("body", &answer.body).with("headers", &answer.headers_json);
    let scope = scope.with("accepted", accepted);
    let said = Said { scope: &scope, status: answer.status, excerpt: channel.caller.mask.excerpt(&answer.raw) };
    receipt(&channel.caller, stream, operation, context, said)
        .map_err(|reason| channel.caller.misshapen(outgoing, answer, ErrorClass::UnknownOutcome, reason))
}

/// Body and headers of an answer, as templates see them.
fn said(answer: &Answered) -> Value {
    serde_json::json!({ "body": answer.body, "headers": answer.headers_json })
}

pub(super) fn http_write(stream: &Stream) -> Option<&HttpWrite> {
    match &stream.write {
        Some(Write::Http(write)) => Some(write),
        Some(Write::File(_) | Write::Process(_) | Write::Sql(_)) | None => None,
    }
}

pub(super) fn write_terms(operation: &Operation) -> Terms<'_> {
    let repeatable = match operation.idempotency {
        Idempotency::Header { .. } | Idempotency::Body { .. } | Idempotency::Natural => true,
        Idempotency::Lookup { .. } => false,
    };
    Terms {
        accepts: Some(&operation.accepts),
        needs_body: operation.response.id.is_some()
            || operation.response.version.is_some()
            || operation.batch.as_ref().is_some_and(|batch| batch.result.is_some()),
        ..Terms::of(&operation.request, Purpose::Write { repeatable })
    }
}

/// Runs the reads that come first, in order. A step that does not find what it must refuses the write before anything
/// was sent that changes something.
async fn run_steps(channel: &Channel, steps: &[Step], values: &mut Values<'_>) -> CallResult<()> {
    for step in steps {
        let what = format!("step {}", *step.name);
        let outgoing = render::render(&channel.base, &step.request, &values.scope(), &[])
            .map_err(|error| channel.caller.not_built(&what, &error))?;
        let answer = channel.caller.call(&outgoing, terms(&step.request)).await?;
        let found = match &step.record {
            None => Some(answer.body),
            Some(path) => path.first(&answer.body).filter(|found| !found.is_null()).cloned(),
        };
        let refuse = |values: &Values<'_>, reason: String| {
            let said = step.message.as_ref().and_then(|message| message.render(&values.scope()).ok());
            channel.caller.local(&what, step.class, said.unwrap_or(reason))
        };
        let Some(found) = found else {
            return Err(refuse(values, "what the write needs is not there".to_owned()));
        };
        if let Value::Object(steps) = &mut values.steps {
            steps.insert(step.name.value.clone(), found);
        }
        let Some(condition) = &step.expect else { continue };
        match condition.eval_bool(&values.scope()) {
            Ok(true) => {}
            Ok(false) => return Err(refuse(values, format!("`{}` does not hold", condition.source()))),
            Err(error) => return Err(channel.caller.local(&what, ErrorClass::Data, error.to_string())),
        }
    }
    Ok(())
}
