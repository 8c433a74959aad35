//! Many records in one request: rendered together, and the answer taken apart record by record.
//!
//! Not here: collecting them and what follows from each result (deliver), writes of one record (`write`).

use std::collections::HashMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::exchange::{Answered, Caller};
use super::receipt::{Said, receipt};
use super::render::{self, Outgoing};
use super::walk::list_at;
use super::write::{Values, http_write, write_terms};
use crate::connector::call::{CallError, CallResult, Receipt, WriteContext};
use crate::connector::connection::{Channel, Connection};
use crate::connector::http::classify;
use crate::connector::manifest::{BatchResult, BatchWrite, OpKind, Operation, RuleClass, Stream, Unmentioned};
use crate::mapping::expr::Scope;
use crate::model::ErrorClass;

/// What one call of a batch needs at every turn.
struct Call<'c> {
    channel: &'c Channel,
    stream: &'c Stream,
    operation: &'c Operation,
    batch: &'c BatchWrite,
}

/// What the answer says about one record.
enum Told {
    By(Value),
    Nothing,
    /// Several results claim to be its.
    Twice,
}

impl Connection {
    /// The batch of an operation, if it has one.
    pub fn batch_of(&self, stream: &str, op: OpKind) -> Option<&BatchWrite> {
        http_write(self.manifest.stream(stream)?)?.operation(op)?.batch.as_ref()
    }

    /// Writes many records in one call. An error is about all of them; else each has its own result, in their order. Nothing
    /// is repeated here, and nothing is cut: a batch over `max_bytes` is refused before it is sent.
    pub async fn write_many(
        &self,
        stream: &str,
        op: OpKind,
        contexts: &[WriteContext],
    ) -> CallResult<Vec<CallResult<Receipt>>> {
        let what = format!("{} {stream}", op.as_str());
        let channel = self.channel(&what)?;
        let stream = self.stream(&what, stream)?;
        let operation = http_write(stream).and_then(|write| write.operation(op));
        let described = operation.and_then(|operation| Some((operation, operation.batch.as_ref()?)));
        let (operation, batch) =
            described.ok_or_else(|| self.misuse(&what, format!("`{}` describes no batch", op.as_str())))?;
        let call = Call { channel, stream, operation, batch };
        let sent = call.render(&self.settings, contexts, &what)?;
        let answer = channel.caller.call(&sent.outgoing, write_terms(operation)).await?;
        Ok(call.results(&sent, &answer, contexts))
    }
}

/// A batch as it goes over the wire.
struct Sent {
    outgoing: Outgoing,
    /// What the answer will call each record; empty where results are told by position.
    keys: Vec<String>,
}

impl Call<'_> {
    fn caller(&self) -> &Caller {
        &self.channel.caller
    }

    fn render(&self, settings: &Value, contexts: &[WriteContext], what: &str) -> CallResult<Sent> {
        let fail = |error| self.caller().not_built(what, &error);
        let (mut items, mut records, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        let sent_key = self.batch.result.as_ref().and_then(|result| result.key.as_ref()).map(|key| &key.sent);
        for (index, context) in contexts.iter().enumerate() {
            let values = Values::new(settings, &self.caller().http.wrappers, context);
            let scope = values.scope();
            items.push(match &self.batch.item {
                Some(item) => render::json("the item", item, &scope).map_err(fail)?,
                None => values.record().clone(),
            });
            records.push(values.record().clone());
            if let Some(template) = sent_key {
                let index = Value::from(index);
                keys.push(render::text("the record's key", template, &scope.with("index", &index)).map_err(fail)?);
            }
        }
        if let Some(twice) = twice(&keys) {
            // Sent together, their results could not be told apart; one by one they can.
            let message = format!("two records of one batch have the key `{twice}`");
            return Err(self.caller().local(what, ErrorClass::Data, message));
        }
        let key = batch_key(contexts, &items);
        let batch = json!({
            "items": items,
            "records": records,
            "keys": contexts.iter().map(|context| context.remote_id.as_deref()).collect::<Vec<_>>(),
            "idempotency_keys": contexts.iter().map(|context| context.idempotency_key.as_str()).collect::<Vec<_>>(),
            "idempotency_key": key,
            "size": contexts.len(),
        });
        let scope = Scope::new().with("settings", settings).with("batch", &batch);
        let outgoing = render::render(&self.channel.base, &self.operation.request, &scope, &[]).map_err(fail)?;
        self.bounded(&outgoing, contexts.len(), what)?;
        Ok(Sent { outgoing, keys })
    }

    fn bounded(&self, outgoing: &Outgoing, records: usize, what: &str) -> CallResult<()> {
        let Some(most) = self.batch.max_bytes.filter(|_| records > 1) else { return Ok(()) };
        let bytes = outgoing.body.bytes().len() as u64;
        if bytes <= most.bytes {
            return Ok(());
        }
        let message = format!("{records} records are {bytes} bytes, more than `max_bytes` ({})", most.bytes);
        Err(self.caller().local(what, ErrorClass::Data, message))
    }

    fn results(&self, sent: &Sent, answer: &Answered, contexts: &[WriteContext]) -> Vec<CallResult<Receipt>> {
        let Some(result) = &self.batch.result else {
            return contexts.iter().map(|context| self.receipt(sent, answer, context, None)).collect();
        };
        let told = match list_at(result.list.as_deref(), &answer.body) {
            Ok(listed) => assign(result, listed, &sent.keys, contexts.len()),
            Err(reason) => Err(reason),
        };
        match told {
            Ok(told) => told
                .into_iter()
                .zip(contexts)
                .map(|(told, context)| self.result(result, sent, answer, context, told))
                .collect(),
            Err(reason) => contexts.iter().map(|_| Err(self.unknown(sent, answer, &reason))).collect(),
        }
    }

    fn result(
        &self,
        result: &BatchResult,
        sent: &Sent,
        answer: &Answered,
        context: &WriteContext,
        told: Told,
    ) -> CallResult<Receipt> {
        let item = match told {
            Told::By(item) => item,
            Told::Twice => return Err(self.unknown(sent, answer, "the answer speaks of this record more than once")),
            Told::Nothing => {
                return match result.unmentioned {
                    Unmentioned::Done => self.receipt(sent, answer, context, None),
                    Unmentioned::Unknown => Err(self.unknown(sent, answer, "the answer does not speak of this record")),
                };
            }
        };
        let scope = Scope::new().with("item", &item);
        match result.ok.as_ref().map_or(Ok(true), |ok| ok.eval_bool(&scope)) {
            Ok(true) => self.receipt(sent, answer, context, Some(&item)),
            Ok(false) => Err(self.refused(result, sent, answer, &item)),
            Err(error) => {
                let reason = format!("the answer does not tell whether it worked: {error}");
                Err(self.unknown(sent, answer, &reason))
            }
        }
    }

    fn receipt(
        &self,
        sent: &Sent,
        answer: &Answered,
        context: &WriteContext,
        item: Option<&Value>,
    ) -> CallResult<Receipt> {
        let mut scope = Scope::new().with("body", &answer.body).with("headers", &answer.headers_json);
        if let Some(item) = item {
            scope.set("item", item);
        }
        let excerpt = match item {
            Some(item) => self.caller().mask.excerpt(item.to_string().as_bytes()),
            None => self.caller().mask.excerpt(&answer.raw),
        };
        let said = Said { scope: &scope, status: answer.status, excerpt };
        receipt(&self.channel.caller, self.stream, self.operation, context, said)
            .map_err(|reason| self.unknown(sent, answer, &reason))
    }

    /// What the vendor says against one record.
    fn refused(&self, result: &BatchResult, sent: &Sent, answer: &Answered, item: &Value) -> Box<CallError> {
        let scope = Scope::new().with("item", item);
        let class = match &result.class {
            RuleClass::Fixed(class) => *class,
            RuleClass::ByCode { code, classes } => {
                let code = code.render(&scope).unwrap_or_default();
                classes.iter().find(|(known, _)| *known == code).map_or(ErrorClass::Data, |(_, class)| *class)
            }
        };
        let words = result.message.as_ref().and_then(|message| message.render(&scope).ok());
        let words = words.filter(|words| !words.trim().is_empty()).unwrap_or_else(|| item.to_string());
        let mut error = self.told(sent, answer, class, &words);
        error.response_excerpt = self.caller().mask.excerpt(item.to_string().as_bytes());
        classify::next_step(class).clone_into(&mut error.next_step);
        error
    }

    fn unknown(&self, sent: &Sent, answer: &Answered, reason: &str) -> Box<CallError> {
        self.told(sent, answer, ErrorClass::UnknownOutcome, reason)
    }

    fn told(&self, sent: &Sent, answer: &Answered, class: ErrorClass, reason: &str) -> Box<CallError> {
        self.caller().misshapen(&sent.outgoing, answer, class, reason)
    }
}

/// Which result is whose. An answer that cannot be taken apart is an error: it says nothing about any record.
fn assign(result: &BatchResult, listed: Vec<Value>, keys: &[String], records: usize) -> Result<Vec<Told>, String> {
    let Some(key) = &result.key else {
        if listed.len() != records {
            return Err(format!("the answer has {} results for {records} records", listed.len()));
        }
        return Ok(listed.into_iter().map(Told::By).collect());
    };
    let mut told: HashMap<String, Told> = HashMap::with_capacity(listed.len());
    for item in listed {
        // A result that names no record is nobody's; those that nobody claims stay unmentioned.
        let Ok(named) = key.told.render(&Scope::new().with("item", &item)) else { continue };
        told.entry(named).and_modify(|told| *told = Told::Twice).or_insert(Told::By(item));
    }
    Ok(keys.iter().map(|key| told.remove(key).unwrap_or(Told::Nothing)).collect())
}

fn twice(keys: &[String]) -> Option<&String> {
    let mut seen = std::collections::HashSet::with_capacity(keys.len());
    keys.iter().find(|key| !seen.insert(*key))
}

/// The same for the same effects with the same content, and for nothing else: a vendor that knows it answers what it
/// answered before.
fn batch_key(contexts: &[WriteContext], items: &[Value]) -> String {
    let mut hasher = Sha256::new();
    for (context, item) in contexts.iter().zip(items) {
        for part in [context.idempotency_key.as_str(), item.to_string().as_str()] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
    }
    format!("syncline-batch-{}", &hex::encode(hasher.finalize())[..32])
}
