//! What a stand-in answers: whatever the connector's manifest asks, in the shape in which the manifest reads it.
//!
//! It takes every write, remembers what it took where look-ups ask for it, and gives the ids that `response` wants.
//! Not here: the server (`standin`).

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::connector::manifest::{
    FollowUp, Idempotency, OpKind, Operation, Step, Stream, VersionKind, VersionRule, Write,
};
use crate::mapping::expr::{Path, Scope};

use super::cast::Way;
use super::payload::{Seg, place_of, plain_holes, put};
use super::routes::{Purpose, Route, find};
use super::standin::{Call, Object, StandIn, Vendor};

/// Fewer than any page that a list could be cut into.
const LISTED_AT_ONCE: usize = 45;

impl StandIn {
    pub(super) fn answer(&self, connection: &str, vendor: &Vendor, call: &Call) -> (StatusCode, Value) {
        let found = find(&vendor.routes, &call.method, &call.path, &call.query);
        if found.is_empty() {
            vendor.unknown.fetch_add(1, Ordering::Relaxed);
            let mut first = self.first_unknown.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert_with(|| format!("{connection}: {} {}", call.method, call.path));
            return (StatusCode::NOT_FOUND, json!({ "error": "no manifest describes this call" }));
        }
        // One request may serve several purposes: each puts its part into the answer.
        let mut body = Value::Object(Map::new());
        let mut status = StatusCode::OK;
        for (route, holes) in found {
            if let Err(other) = self.fill(connection, vendor, route, &holes, call, &mut body) {
                status = other;
            }
        }
        (status, body)
    }

    fn fill(
        &self,
        connection: &str,
        vendor: &Vendor,
        route: &Route,
        holes: &[String],
        call: &Call,
        body: &mut Value,
    ) -> Result<(), StatusCode> {
        let stream = |name: &str| vendor.manifest.stream(name).ok_or(StatusCode::NOT_FOUND);
        match &route.purpose {
            Purpose::Check | Purpose::Subscribe => Ok(()),
            Purpose::Subscriptions => {
                let records = vendor.manifest.webhooks.as_ref().and_then(|webhooks| webhooks.subscriptions.as_ref());
                at(body, records.and_then(|subscriptions| subscriptions.records.as_deref().map(|at| &**at)), json!([]));
                Ok(())
            }
            Purpose::List(name) => {
                let stream = stream(name)?;
                let listed = self.list(connection, stream);
                at(
                    body,
                    stream.http_read().and_then(|read| read.records.as_deref().map(|at| &**at)),
                    Value::Array(listed),
                );
                Ok(())
            }
            Purpose::Get(name) => {
                let stream = stream(name)?;
                let record = self.current(holes, call).ok_or(StatusCode::NOT_FOUND)?;
                at(body, stream.get.as_ref().and_then(|get| get.record.as_deref()), record);
                Ok(())
            }
            Purpose::Enrich(name) => self.enrich(stream(name)?, holes, call, body),
            Purpose::Lookup(name) => {
                self.look_up(connection, stream(name)?, holes, call, body);
                Ok(())
            }
            Purpose::Step(name, op, step) => self.step(connection, stream(name)?, *op, step, (holes, call), body),
            Purpose::Write(name, op) => self.write(connection, vendor, stream(name)?, *op, (holes, call), body),
            Purpose::Finished(name, op, follow_up) => {
                let operation = operation(stream(name)?, *op).ok_or(StatusCode::NOT_FOUND)?;
                let follow_up = operation.then.iter().find(|known| *known.name == *follow_up);
                unfinished(follow_up.ok_or(StatusCode::NOT_FOUND)?, body);
                Ok(())
            }
            Purpose::FollowUp => Ok(()),
        }
    }

    /// Records of a polled stream whose time has come and which the hub has not been given yet.
    /// Where others refer to the records of a list, all of them.
    fn list(&self, connection: &str, stream: &Stream) -> Vec<Value> {
        let load = self.load.read().unwrap_or_else(PoisonError::into_inner);
        let Some(load) = load.as_ref() else { return Vec::new() };
        let own = load.mirrors.iter().filter(|mirror| mirror.connection == connection && *stream.name == mirror.stream);
        let mirrored: Vec<Value> = own.flat_map(|mirror| load.mirrored(mirror)).collect();
        if !mirrored.is_empty() {
            return mirrored;
        }
        let polled = |way: &Way| match way {
            Way::Poll => true,
            Way::Webhook(_) | Way::File(_) => false,
        };
        let place = load.senders.iter().position(|sender| {
            sender.source.connection == connection && sender.source.stream == *stream.name && polled(&sender.source.way)
        });
        let Some(place) = place else { return Vec::new() };
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let next = listed.entry(place).or_insert(0);
        let turns = load.senders.len() as u64;
        let mut records = Vec::new();
        while records.len() < LISTED_AT_ONCE {
            let index = *next * turns + place as u64;
            if load.book.planned_us(index).is_none() {
                break;
            }
            records.extend(load.listed(index, stream));
            *next += 1;
        }
        records
    }

    /// The record that a call names, as its vendor has it.
    fn current(&self, holes: &[String], call: &Call) -> Option<Value> {
        let load = self.load.read().unwrap_or_else(PoisonError::into_inner);
        let load = load.as_ref()?;
        let index = self.named(holes, call).into_iter().next()?;
        load.book.planned_us(index)?;
        load.record(index)
    }

    /// Numbers of records in the path and the query.
    fn named(&self, holes: &[String], call: &Call) -> Vec<u64> {
        let book = self.book.read().unwrap_or_else(PoisonError::into_inner);
        let Some(book) = book.as_ref() else { return Vec::new() };
        let texts = holes.iter().chain(call.query.iter().map(|(_, value)| value));
        texts.flat_map(|text| book.tokens().found_in(text.as_bytes())).collect()
    }

    /// Whether a call is about a record that is not the vendor's own.
    fn awaits(&self, connection: &str, holes: &[String], call: &Call) -> bool {
        let load = self.load.read().unwrap_or_else(PoisonError::into_inner);
        let own = |index: u64| load.as_ref().is_some_and(|load| load.belongs_to(index, connection));
        self.named(holes, call).into_iter().any(|index| !own(index))
    }

    /// The part that a list leaves out, for each id that is asked for.
    fn enrich(&self, stream: &Stream, holes: &[String], call: &Call, body: &mut Value) -> Result<(), StatusCode> {
        let enrich = stream.enrich.as_ref().ok_or(StatusCode::NOT_FOUND)?;
        let load = self.load.read().unwrap_or_else(PoisonError::into_inner);
        let load = load.as_ref().ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
        let mut items = Vec::new();
        for index in self.named(holes, call) {
            let Some(record) = load.record(index) else { continue };
            let Some(mut item) = record.get(&enrich.as_field).cloned() else { continue };
            if let Some(id) = enrich.by.first(&record) {
                put(&mut item, &place_of(&enrich.id), id.clone());
            }
            items.push(item);
        }
        at(body, enrich.records.as_deref().map(|at| &**at), Value::Array(items));
        Ok(())
    }

    /// What was written under a number that the call names.
    fn remembered(&self, connection: &str, stream: Option<&str>, holes: &[String], call: &Call) -> Vec<Value> {
        let named = self.named(holes, call);
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        let written = named.iter().filter_map(|index| objects.get(&(connection.to_owned(), *index))).flatten();
        let written = written.filter(|object| stream.is_none_or(|stream| object.stream == stream));
        written
            .map(|object| {
                let mut body = object.body.clone();
                put(&mut body, &[Seg::Name("id".to_owned())], json!(object.id));
                body
            })
            .collect()
    }

    fn look_up(&self, connection: &str, stream: &Stream, holes: &[String], call: &Call, body: &mut Value) {
        let Some(Write::Http(write)) = &stream.write else { return };
        for operation in &write.operations {
            if let Idempotency::Lookup { found, id, .. } = &operation.idempotency {
                let mut candidates = self.remembered(connection, Some(&stream.name), holes, call);
                for candidate in &mut candidates {
                    let own = candidate.get("id").cloned().unwrap_or(Value::Null);
                    put(candidate, &place_of(id), own);
                }
                at(body, found.as_deref().map(|at| &**at), Value::Array(candidates));
            }
        }
    }

    /// What a write asks for first: something that was written here, or, where nothing of the kind ever is, something that
    /// will do.
    fn step(
        &self,
        connection: &str,
        stream: &Stream,
        op: OpKind,
        name: &str,
        (holes, call): (&[String], &Call),
        body: &mut Value,
    ) -> Result<(), StatusCode> {
        let Some(step) =
            operation(stream, op).and_then(|operation| operation.steps.iter().find(|step| *step.name == name))
        else {
            return Err(StatusCode::NOT_FOUND);
        };
        let record = self.remembered(connection, None, holes, call).into_iter().next();
        let record = match record {
            Some(record) => record,
            // The call names a record that has to come from elsewhere, and it has not come yet.
            None if self.awaits(connection, holes, call) => {
                let list = step.record.as_deref().map(without_index);
                at(body, list.as_ref(), json!([]));
                return Ok(());
            }
            None => invented(step, self.ids.fetch_add(1, Ordering::Relaxed)),
        };
        at(body, step.record.as_deref(), record);
        Ok(())
    }

    fn write(
        &self,
        connection: &str,
        vendor: &Vendor,
        stream: &Stream,
        op: OpKind,
        (holes, call): (&[String], &Call),
        body: &mut Value,
    ) -> Result<(), StatusCode> {
        let operation = operation(stream, op).ok_or(StatusCode::NOT_FOUND)?;
        let book = self.book.read().unwrap_or_else(PoisonError::into_inner);
        let book = book.as_ref().ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
        // The path may be all that names the record.
        let mut said = call.body.to_vec();
        for text in holes {
            said.push(b' ');
            said.extend_from_slice(text.as_bytes());
        }
        let carried = operation.batch.as_ref().map(|batch| (batch, super::batch::carried(operation, &call.body)));
        match &carried {
            Some((_, records)) => {
                records.iter().for_each(|one| book.arrived(connection, &stream.name, one.to_string().as_bytes()));
            }
            None => book.arrived(connection, &stream.name, &said),
        }
        let addressed = holes.first().and_then(|hole| hole.parse::<u64>().ok()).filter(|_| op == OpKind::Update);
        let id = addressed.unwrap_or_else(|| self.ids.fetch_add(1, Ordering::Relaxed));
        if vendor.remembers {
            let written: Value = serde_json::from_slice(&call.body).unwrap_or(Value::Null);
            let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
            for index in book.tokens().found_in(&said) {
                let known = objects.entry((connection.to_owned(), index)).or_default();
                known.retain(|object| object.stream != *stream.name);
                known.push(Object { stream: stream.name.value.clone(), id, body: written.clone() });
            }
        }
        match &carried {
            Some((batch, records)) => super::batch::respond(operation, batch, records, body, || {
                (json!(self.ids.fetch_add(1, Ordering::Relaxed)), version(&stream.version))
            }),
            None => respond(stream, operation, id, body),
        }
        let status = [200_u16, 201, 202, 204].into_iter().find(|status| operation.accepts.contains(*status));
        match status.and_then(|status| StatusCode::from_u16(status).ok()) {
            Some(StatusCode::OK) | None => Ok(()),
            Some(other) => Err(other),
        }
    }
}

fn operation(stream: &Stream, op: OpKind) -> Option<&Operation> {
    match &stream.write {
        Some(Write::Http(write)) => write.operation(op),
        Some(Write::File(_) | Write::Process(_) | Write::Sql(_)) | None => None,
    }
}

/// Puts what the manifest reads from the answer where it reads it.
fn respond(stream: &Stream, operation: &Operation, id: u64, body: &mut Value) {
    let mut say = |template: &str, value: Value| {
        for (_, place) in plain_holes(template).into_iter().filter(|(root, _)| root == "body") {
            put(body, &place, value.clone());
        }
    };
    if let Some(template) = &operation.response.id {
        say(template.as_str(), json!(id));
    }
    if let Some(template) = &operation.response.version {
        say(template.as_str(), version(&stream.version));
    }
}

fn version(rule: &VersionRule) -> Value {
    let now = Timestamp::now();
    if let Some(written) = rule.time.as_ref().and_then(|form| form.write(now).ok()) {
        return written;
    }
    match rule.kind {
        VersionKind::Timestamp | VersionKind::None => json!(now.to_string()),
        VersionKind::Unix => json!(now.as_second()),
        VersionKind::Sequence => json!(now.as_microsecond()),
    }
}

/// A record for a step that asks for something nobody writes: an id, and for its condition the first word that fulfils it.
fn invented(step: &Step, id: u64) -> Value {
    let plain = json!({ "id": id });
    let Some(expect) = &step.expect else { return plain };
    let source = expect.source();
    let member = format!("steps.{}.", *step.name);
    let members = source.match_indices(&member).map(|(found, _)| {
        let rest = &source[found + member.len()..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        rest[..end].to_owned()
    });
    let words: Vec<&str> = source.split('"').skip(1).step_by(2).collect();
    for name in members {
        for word in &words {
            let mut record = plain.clone();
            put(&mut record, &[Seg::Name(name.clone())], json!(word));
            let mut named = Map::new();
            named.insert(step.name.value.clone(), record.clone());
            let steps = Value::Object(named);
            if expect.eval_bool(&Scope::new().with("steps", &steps)).unwrap_or(false) {
                return record;
            }
        }
    }
    plain
}

/// Puts a word where a follow-up looks for one that says that it is done: it is not.
fn unfinished(follow_up: &FollowUp, body: &mut Value) {
    let Some(unless) = &follow_up.unless else { return };
    for after in unless.source().split("current.body.").skip(1) {
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.').unwrap_or(after.len());
        let names = after[..end].split('.').filter(|name| !name.is_empty());
        let place: Vec<Seg> = names.map(|name| Seg::Name(name.to_owned())).collect();
        put(body, &place, json!("open"));
    }
}

/// `items` of `items[0]`.
fn without_index(path: &Path) -> Path {
    let text = path.as_str();
    let list = text.split('[').next().unwrap_or(text);
    Path::parse(list).unwrap_or_else(|_| path.clone())
}

fn at(body: &mut Value, path: Option<&Path>, value: Value) {
    match path {
        Some(path) => put(body, &place_of(path), value),
        None => *body = value,
    }
}
