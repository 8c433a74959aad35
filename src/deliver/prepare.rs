//! From a claimed job to the effect it asks for: the record read, references resolved, mapped out; not here: sending.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::dead_letters::{name, unmappable, unreadable};
use super::destination::{Effect, EffectKind};
use super::flow::FlowRun;
use super::outgoing::{event, stored_record};
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

/// Resolves references and maps out. The effect's kind is the sender's to choose.
pub(super) async fn prepare(
    store: &dyn Store,
    job: &Claimed,
    flow: &FlowRun,
    now: i64,
) -> Result<Prepared, StoreError> {
    let record = match stored_record(job, flow) {
        Ok(record) => record,
        Err(error) => return Ok(Prepared::dead(unreadable(job, &error))),
    };
    let mut known = Known::default();
    for path in &flow.needs {
        let wanted = match record.refs(path) {
            Ok(found) => found.into_iter().map(|(entity, natural_key)| RefKey { entity, natural_key }).collect(),
            Err(error) => return Ok(Prepared::dead(unreadable(job, &format!("needs `{path}`: {error}")))),
        };
        if let Some(missing) = known.resolve(store, job, wanted).await? {
            return Ok(wait(job, flow, &missing, now));
        }
    }
    let remote_id = job.binding.as_ref().map(|b| b.remote_id.as_str()).filter(|id| !id.is_empty());
    let body = match &job.edited {
        Some(edited) => match serde_json::from_str(edited) {
            Ok(body) => body,
            Err(error) => return Ok(Prepared::dead(unreadable(job, &format!("the edited body is not JSON: {error}")))),
        },
        // A mapping names what it refers to as it goes: each reference is resolved when it is first missed.
        None => loop {
            match flow.map_out.map_out(&record, &known.refs, remote_id) {
                Ok(body) => break body,
                Err(error) => {
                    let Some((entity, key)) = error.waits_for() else {
                        return Ok(Prepared::dead(unmappable(job, &error)));
                    };
                    let wanted = RefKey { entity, natural_key: key.to_owned() };
                    let already = known.refs.get(entity, key).is_some();
                    if already || known.resolve(store, job, vec![wanted.clone()]).await?.is_some() {
                        return Ok(wait(job, flow, &wanted, now));
                    }
                }
            }
        },
    };
    let event = match event(job) {
        Ok(event) => event,
        Err(error) => return Ok(Prepared::dead(unreadable(job, &error.to_string()))),
    };
    let context = WriteContext {
        key: job.source.key.clone(),
        natural_key: record.natural_key().unwrap_or_default(),
        remote_id: remote_id.map(str::to_owned),
        idempotency_key: job.idempotency_key.clone(),
        refs: Value::Object(known.json),
        record: body.clone(),
        event,
    };
    let kind = EffectKind::Create;
    Ok(Prepared::Ready(Box::new(Effect { stream: job.stream.clone(), kind, body, context })))
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
    ) -> Result<Option<RefKey>, StoreError> {
        for resolved in store.resolve_refs(&job.lane, &wanted).await? {
            self.add(resolved);
        }
        Ok(wanted.into_iter().find(|key| self.refs.get(key.entity, &key.natural_key).is_none()))
    }

    fn add(&mut self, resolved: ResolvedRef) {
        let RefKey { entity, natural_key } = resolved.key;
        let record = resolved.doc.as_deref().and_then(|doc| Record::from_canonical_json(entity, doc).ok());
        let extra = record.as_ref().map(|record| record.extra().clone()).unwrap_or_default();
        let slot = self.json.entry(entity.as_str()).or_insert_with(|| json!({}));
        if let Value::Object(slot) = slot {
            let record = record.map_or(Value::Null, |record| record.to_json());
            slot.insert(natural_key.clone(), json!({ "id": resolved.remote_id, "record": record }));
        }
        self.refs.insert(entity, natural_key, Remote { id: Some(resolved.remote_id), extra });
    }
}
