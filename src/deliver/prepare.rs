//! From a claimed job to the effect it asks for: the record read, references resolved, mapped out; not here: sending.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::dead_letters::{name, unmappable, unreadable, unreadable_reference};
use super::destination::{Effect, EffectKind, Former};
use super::flow::FlowRun;
use super::outgoing::{event, record_to_tell};
use crate::connector::call::WriteContext;
use crate::mapping::{Refs, Remote};
use crate::model::{ErrorClass, Record};
use crate::store::{AckOutcome, Claimed, DeadLetter, RefKey, ResolvedRef, Store, StoreError, wait_key};
use crate::telemetry::moment;

pub(super) enum Prepared {
    Ready(Box<Effect>),
    /// Nothing is sent this time: dead, or waiting for what it refers to.
    Ended(Box<AckOutcome>),
}

impl Prepared {
    fn dead(dead: DeadLetter) -> Prepared {
        Prepared::Ended(Box::new(AckOutcome::Dead(dead)))
    }
}

/// Why nothing can be prepared.
enum Hindrance {
    Ended(Prepared),
    Store(StoreError),
}

impl From<StoreError> for Hindrance {
    fn from(error: StoreError) -> Hindrance {
        Hindrance::Store(error)
    }
}

impl From<DeadLetter> for Hindrance {
    fn from(dead: DeadLetter) -> Hindrance {
        Hindrance::Ended(Prepared::dead(dead))
    }
}

/// Resolves references and maps out. The effect's kind is the sender's to choose.
pub(super) async fn prepare(
    store: &dyn Store,
    job: &Claimed,
    flow: &FlowRun,
    now: i64,
) -> Result<Prepared, StoreError> {
    match ready(store, job, flow, now).await {
        Ok(effect) => Ok(Prepared::Ready(Box::new(effect))),
        Err(Hindrance::Ended(prepared)) => Ok(prepared),
        Err(Hindrance::Store(error)) => Err(error),
    }
}

async fn ready(store: &dyn Store, job: &Claimed, flow: &FlowRun, now: i64) -> Result<Effect, Hindrance> {
    let doc = job.edited.as_deref().unwrap_or(&job.doc);
    let record = record_to_tell(job, doc, flow).map_err(|error| unreadable(job, &error))?;
    let mut known = Known::default();
    for path in &flow.needs {
        let found = record.refs(path).map_err(|error| unreadable(job, &format!("needs `{path}`: {error}")))?;
        let wanted = found.into_iter().map(|(entity, natural_key)| RefKey { entity, natural_key }).collect();
        if let Some(missing) = known.resolve(store, job, wanted).await? {
            return Err(Hindrance::Ended(wait(job, flow, &missing, now)));
        }
    }
    let remote_id = job.binding.as_ref().map(|b| b.remote_id.as_str()).filter(|id| !id.is_empty());
    let body = map_out(store, job, flow, now, (&record, &mut known, remote_id)).await?;
    let formers = formers(store, job, flow, now, remote_id).await?;
    let event = event(job).map_err(|error| unreadable(job, &error.to_string()))?;
    let context = WriteContext {
        key: job.source.key.clone(),
        natural_key: record.natural_key().unwrap_or_default(),
        remote_id: remote_id.map(str::to_owned),
        idempotency_key: job.idempotency_key.clone(),
        refs: Value::Object(known.json),
        record: body,
        event,
    };
    let body = context.record.clone();
    Ok(Effect { stream: job.stream.clone(), kind: EffectKind::Create, body, context, formers })
}

/// A mapping names what it refers to as it goes: each reference is resolved when it is first missed.
async fn map_out(
    store: &dyn Store,
    job: &Claimed,
    flow: &FlowRun,
    now: i64,
    (record, known, remote_id): (&Record, &mut Known, Option<&str>),
) -> Result<Value, Hindrance> {
    loop {
        let error = match flow.map_out.map_out(record, &known.refs, remote_id) {
            Ok(body) => return Ok(body),
            Err(error) => error,
        };
        let Some((entity, key)) = error.waits_for() else { return Err(unmappable(job, &error).into()) };
        let wanted = RefKey { entity, natural_key: key.to_owned() };
        let already = known.refs.get(entity, key).is_some();
        if already || known.resolve(store, job, vec![wanted.clone()]).await?.is_some() {
            return Err(Hindrance::Ended(wait(job, flow, &wanted, now)));
        }
    }
}

/// Of an edited record in doubt: what may be at the destination, under names that the edit perhaps changed. What cannot be
/// read or mapped out was never sent that way.
async fn formers(
    store: &dyn Store,
    job: &Claimed,
    flow: &FlowRun,
    now: i64,
    remote_id: Option<&str>,
) -> Result<Vec<Former>, Hindrance> {
    let mut formers = Vec::new();
    for doc in &job.formers {
        let Ok(record) = record_to_tell(job, doc, flow) else { continue };
        // What the former record refers to is no matter of the edited one.
        match map_out(store, job, flow, now, (&record, &mut Known::default(), remote_id)).await {
            Ok(body) => {
                let former = Former { natural_key: record.natural_key().unwrap_or_default(), body };
                if !formers.contains(&former) {
                    formers.push(former);
                }
            }
            Err(Hindrance::Ended(_)) => {}
            Err(Hindrance::Store(error)) => return Err(error.into()),
        }
    }
    Ok(formers)
}

fn wait(job: &Claimed, flow: &FlowRun, key: &RefKey, now: i64) -> Prepared {
    let waited = Duration::from_micros((now - job.created_at).max(0).unsigned_abs());
    let what = format!("{} {}", key.entity, key.natural_key);
    if waited > flow.wait_limit {
        return Prepared::dead(DeadLetter {
            scope: job.flow.clone(),
            class: ErrorClass::NotFound,
            fingerprint: format!("{}/needs/{}", job.flow, key.entity),
            title: format!("{}: the {} it refers to never reached {}", job.flow, key.entity, job.lane),
            detail: format!(
                "{}: waited {} for {what} to be known at {}",
                name(job),
                moment::duration((now - job.created_at).max(0)),
                job.lane
            ),
            next_step: format!("sync {what} to {} first (see its own timeline), then retry", job.lane),
        });
    }
    Prepared::Ended(Box::new(AckOutcome::Wait {
        wait_for: wait_key(&job.lane, key.entity, &key.natural_key),
        // Looks again soon at first, in case it came in between the look and this note, then ever less often.
        check_at: now
            + i64::try_from((waited / 2).clamp(Duration::from_secs(1), Duration::from_secs(60)).as_micros())
                .unwrap_or(60_000_000),
        error: format!("waits for {what} to be known at {}", job.lane),
    }))
}

/// What the destination knows of the records that this one names, for mappings and for templates.
#[derive(Default)]
struct Known {
    refs: Refs,
    json: Map<String, Value>,
}

impl Known {
    /// Looks references up at the destination. Returns the first that it does not know.
    async fn resolve(
        &mut self,
        store: &dyn Store,
        job: &Claimed,
        wanted: Vec<RefKey>,
    ) -> Result<Option<RefKey>, Hindrance> {
        for resolved in store.resolve_refs(&job.lane, &wanted).await? {
            let what = format!("{} {} at {}", resolved.key.entity, resolved.key.natural_key, job.lane);
            self.add(resolved).map_err(|cause| unreadable_reference(job, &what, &cause))?;
        }
        Ok(wanted.into_iter().find(|key| self.refs.get(key.entity, &key.natural_key).is_none()))
    }

    fn add(&mut self, resolved: ResolvedRef) -> Result<(), String> {
        let RefKey { entity, natural_key } = resolved.key;
        let read = |doc: &str| Record::from_canonical_json(entity, doc).map_err(|error| error.to_string());
        let record = resolved.doc.as_deref().map(read).transpose()?;
        let extra = record.as_ref().map(|record| record.extra().clone()).unwrap_or_default();
        let slot = self.json.entry(entity.as_str()).or_insert_with(|| json!({}));
        if let Value::Object(slot) = slot {
            let record = record.map_or(Value::Null, |record| record.to_json());
            slot.insert(natural_key.clone(), json!({ "id": resolved.remote_id, "record": record }));
        }
        self.refs.insert(entity, natural_key, Remote { id: Some(resolved.remote_id), extra });
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::Entity;

    fn resolved(doc: Option<&str>) -> ResolvedRef {
        let key = RefKey { entity: Entity::InventoryLevel, natural_key: "A@WH1".to_owned() };
        ResolvedRef { key, remote_id: "7".to_owned(), doc: doc.map(str::to_owned) }
    }

    #[test]
    fn a_stored_record_that_cannot_be_read_is_an_error_and_never_an_absent_one() {
        let mut known = Known::default();
        known.add(resolved(None)).unwrap();
        known.add(resolved(Some(r#"{"location":"WH1","on_hand":"1","sku":"A"}"#))).unwrap();
        for odd in ["{", r#"{"location":"WH1","on_hand":"many","sku":"A"}"#] {
            let cause = known.add(resolved(Some(odd))).unwrap_err();
            assert!(!cause.is_empty(), "{odd}");
        }
        let cause = known.add(resolved(Some(r#"{"location":"WH1","on_hand":"many","sku":"A"}"#))).unwrap_err();
        assert!(cause.contains("on_hand"), "it names the place: {cause}");
    }
}
