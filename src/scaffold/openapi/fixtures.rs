//! Fixtures out of the document: what the engine will ask, answered with records made of examples and schemas.
//!
//! Not here: the records' values (`sample`, `mend`).

use serde_json::{Map, Value as Json, json};

use super::manifest::{Once, once};
use super::paging::Pages;
use super::paths::template;
use super::schema::Type;
use super::service::{Service, Setting};
use super::streams::Stream;
use crate::scaffold::text::quoted;

const MOMENT: &str = "2026-11-20T08:00:00Z";
const BEFORE: &str = "2026-11-20T07:58:00Z";
const UNIX: i64 = 1_795_000_000;

pub(super) struct Scene<'s, 'd> {
    pub(super) service: &'s Service,
    pub(super) stream: &'s Stream<'d>,
    pub(super) sample: &'s Json,
    pub(super) outgoing: Option<&'s Json>,
    /// Paths were made with these before: nothing is added.
    pub(super) settings: Vec<Setting>,
}

pub(super) fn head(kind: &str) -> String {
    format!(
        "# yaml-language-server: $schema=../../../.schemas/fixture.json\nfixture: {kind}\nsource: \"unverified: composed from the OpenAPI document\"\n"
    )
}

/// The log-in that comes first where there is one.
pub(super) fn login(service: &Service) -> String {
    service.token_path.as_ref().map_or_else(String::new, |path| {
        let answer = json!({ "access_token": "fixture-access-token-77a1", "token_type": "Bearer", "expires_in": 3600 });
        exchange(&json!({ "post": path }), &json!({ "json": answer }), false)
    })
}

pub(super) fn exchange(ask: &Json, answer: &Json, effect: bool) -> String {
    let effect = if effect { "    effect: true\n" } else { "" };
    format!("  - ask: {ask}\n    answer: {answer}\n{effect}")
}

impl Scene<'_, '_> {
    fn list_path(&self) -> String {
        format!("{}{}", self.service.path, template(&self.stream.path, None, &mut self.settings.clone()).heard)
    }

    fn item_path(&self, path: &str, key: &str) -> String {
        format!("{}{}", self.service.path, template(path, Some(key), &mut self.settings.clone()).heard)
    }

    fn key(&self, number: u32) -> Json {
        let ty =
            self.stream.properties.iter().find(|property| property.name == self.stream.key).map(|property| property.ty);
        let number = 1000 + number;
        if ty.is_some_and(Type::is_number) { json!(number) } else { json!(number.to_string()) }
    }

    fn record(&self, number: u32) -> Json {
        let mut record = self.sample.clone();
        if let Json::Object(members) = &mut record {
            members.insert(self.stream.key.clone(), self.key(number));
            if let Some(version) = &self.stream.version {
                let value = match version.kind {
                    "timestamp" => json!(MOMENT),
                    "unix" => json!(UNIX),
                    _ => json!(1),
                };
                members.insert(version.field.clone(), value);
            }
        }
        record
    }

    /// The list as a body, with what tells the next page.
    fn body(&self, records: Vec<Json>, extra: Option<(&[String], Json)>) -> Json {
        let Some(member) = &self.stream.records else { return Json::Array(records) };
        let mut body = Map::from_iter([(member.clone(), Json::Array(records))]);
        if let Some((path, value)) = extra {
            let nested = path.iter().skip(1).rev().fold(value, |value, name| json!({ name: value }));
            if let Some(first) = path.first() {
                body.insert(first.clone(), nested);
            }
        }
        Json::Object(body)
    }

    fn unix(&self) -> bool {
        self.stream.version.as_ref().is_some_and(|version| version.kind == "unix")
    }

    pub(super) fn read(&self) -> String {
        let (path, first) = (self.list_path(), self.asked());
        let mut exchanges = String::new();
        let mut add = |query: Json, answer: Json| {
            exchanges.push_str(&exchange(&json!({ "get": path, "query": query }), &answer, false));
        };
        let with = |name: &str, value: Json| {
            let mut query = first.clone();
            query.insert(name.to_owned(), value);
            Json::Object(query)
        };
        let page = |from: u32, to: u32| (from..to).map(|number| self.record(number)).collect::<Vec<Json>>();
        let plain = |from: u32, to: u32| json!({ "json": self.body(page(from, to), None) });
        let start = Json::Object(first.clone());
        let count = match &self.stream.paging.pages {
            Pages::Single => {
                add(start, plain(1, 3));
                2
            }
            Pages::CursorToken { path, param } => {
                add(start, json!({ "json": self.body(page(1, 2), Some((path, json!("c-2")))) }));
                add(with(param, json!("c-2")), json!({ "json": self.body(page(2, 3), Some((path, Json::Null))) }));
                2
            }
            Pages::NextUrl { path: member } => {
                let next = format!("{{base}}{}?next=2", self.list_path());
                add(start, json!({ "json": self.body(page(1, 2), Some((member, json!(next)))) }));
                add(json!({ "next": "2" }), json!({ "json": self.body(page(2, 3), Some((member, Json::Null))) }));
                2
            }
            Pages::LinkHeader => {
                let link = format!("<{{base}}{}?next=2>; rel=\"next\"", self.list_path());
                add(start, json!({ "headers": { "link": link }, "json": self.body(page(1, 2), None) }));
                add(json!({ "next": "2" }), plain(2, 3));
                2
            }
            Pages::PageNumber { param, size, start: at, .. } => {
                add(start, plain(1, size + 1));
                add(with(param, json!(at + 1)), plain(size + 1, size + 2));
                if *size == 1 {
                    add(with(param, json!(at + 2)), plain(0, 0));
                }
                size + 1
            }
            Pages::Offset { param, size, .. } => {
                add(start, plain(1, size + 1));
                add(with(param, json!(size)), plain(size + 1, size + 2));
                if *size == 1 {
                    add(with(param, json!(2)), plain(0, 0));
                }
                size + 1
            }
            Pages::LastId { param, has_more } => {
                let more = |more: bool| has_more.as_ref().map(|path| (path.as_slice(), json!(more)));
                add(start, json!({ "json": self.body(page(1, 2), more(true)) }));
                add(with(param, self.key(1)), json!({ "json": self.body(page(2, 3), more(false)) }));
                if has_more.is_none() {
                    add(with(param, self.key(2)), plain(0, 0));
                }
                2
            }
        };
        let keys: Vec<Json> = (1..=count).map(|number| json!({ "key": self.key_text(number) })).collect();
        let mut expected = Map::from_iter([("records".to_owned(), Json::Array(keys))]);
        if self.stream.since.is_some() {
            expected.insert("cursor".to_owned(), if self.unix() { json!(UNIX.to_string()) } else { json!(MOMENT) });
        }
        format!(
            "{}stream: {}\nexchanges:\n{}{exchanges}expect: {}\n",
            head("read"),
            self.stream.name,
            login(self.service),
            Json::Object(expected)
        )
    }

    fn key_text(&self, number: u32) -> String {
        super::mend::text_of(&self.key(number))
    }

    fn asked(&self) -> Map<String, Json> {
        self.stream.paging.size.iter().map(|(name, size)| (name.clone(), json!(size))).collect()
    }

    pub(super) fn resume(&self) -> Option<String> {
        let since = self.stream.since.as_ref()?;
        let (cursor, asked) =
            if self.unix() { (UNIX.to_string(), json!(UNIX - 120)) } else { (MOMENT.to_owned(), json!(BEFORE)) };
        let mut query = self.asked();
        query.insert(since.param.clone(), asked);
        let path = self.list_path();
        let last = match &self.stream.paging.pages {
            Pages::LastId { has_more, .. } => has_more.as_ref().map(|path| (path.as_slice(), json!(false))),
            Pages::PageNumber { .. }
            | Pages::Offset { .. }
            | Pages::Single
            | Pages::LinkHeader
            | Pages::NextUrl { .. }
            | Pages::CursorToken { .. } => None,
        };
        let one = json!({ "json": self.body(vec![self.record(1)], last) });
        let empty = json!({ "json": self.body(Vec::new(), None) });
        let mut exchanges = exchange(&json!({ "get": path, "query": query }), &one, false);
        let mut ends_at_empty = |param: &str, value: Json| {
            let mut query = query.clone();
            query.insert(param.to_owned(), value);
            exchanges.push_str(&exchange(&json!({ "get": path, "query": query }), &empty, false));
        };
        match &self.stream.paging.pages {
            Pages::PageNumber { param, size: 1, start, .. } => ends_at_empty(param, json!(start + 1)),
            Pages::Offset { param, size: 1, .. } => ends_at_empty(param, json!(1)),
            Pages::LastId { param, has_more: None } => ends_at_empty(param, self.key(1)),
            Pages::PageNumber { .. }
            | Pages::Offset { .. }
            | Pages::LastId { .. }
            | Pages::Single
            | Pages::LinkHeader
            | Pages::NextUrl { .. }
            | Pages::CursorToken { .. } => {}
        }
        let expected = json!({ "records": [{ "key": self.key_text(1) }], "cursor": cursor });
        Some(format!(
            "{}stream: {}\ncursor: {}\nexchanges:\n{}{exchanges}expect: {expected}\n",
            head("read"),
            self.stream.name,
            quoted(&cursor),
            login(self.service)
        ))
    }

    /// The found record, and one that is not there.
    pub(super) fn get(&self) -> Option<[String; 2]> {
        let get = self.stream.get.as_ref()?;
        let (key, record) = (self.key_text(1), self.record(1));
        let body = get.record.as_ref().map_or_else(|| record.clone(), |name| json!({ name: record }));
        let whole = |key: &str, answer: Json, found: bool| {
            let exchange = exchange(&json!({ "get": self.item_path(&get.path, key) }), &answer, false);
            format!(
                "{}stream: {}\nkey: {}\nexchanges:\n{}{exchange}expect: {{ found: {found} }}\n",
                head("get"),
                self.stream.name,
                quoted(key),
                login(self.service)
            )
        };
        Some([whole(&key, json!({ "json": body }), true), whole("999", json!({ "status": 404, "json": {} }), false)])
    }

    pub(super) fn create(&self) -> Option<String> {
        let (write, given) = (self.stream.create.as_ref()?, self.outgoing?);
        let (path, record) = (self.list_path(), self.record(1));
        let mut ask = Map::from_iter([(write.method.to_owned(), json!(path))]);
        let mut lookup = String::new();
        match once(write) {
            Once::Unknown => return None,
            Once::Header(name) => {
                ask.insert("headers".to_owned(), json!({ name.to_ascii_lowercase(): "*" }));
            }
            Once::Lookup(parameter, property) => {
                let mut found = record.clone();
                let value = given_value(given);
                if let Json::Object(members) = &mut found {
                    members.insert(property.to_owned(), value);
                }
                let question = json!({ "get": path, "query": { parameter: "*" } });
                let absent = exchange(&question, &json!({ "json": self.body(Vec::new(), None) }), false);
                let found = exchange(&question, &json!({ "json": self.body(vec![found], None) }), false);
                lookup = format!("lookup:\n  absent:\n{}  found:\n{}", indented(&absent), indented(&found));
            }
        }
        let answer = json!({ "status": 201, "json": self.answer(write.answer.as_ref(), record) });
        let expected = if write.answer.is_some() { json!({ "id": self.key_text(1) }) } else { json!({}) };
        Some(format!(
            "{}stream: {}\nop: create\ncanonical: {given}\nexchanges:\n{}{}{lookup}expect: {expected}\n",
            head("write"),
            self.stream.name,
            login(self.service),
            exchange(&Json::Object(ask), &answer, true)
        ))
    }

    pub(super) fn update(&self) -> Option<String> {
        let (write, given) = (self.stream.update.as_ref()?, self.outgoing?);
        let key = self.key_text(1);
        let ask = json!({ write.method: self.item_path(&write.path, &key) });
        let answer = json!({ "json": self.answer(write.answer.as_ref(), self.record(1)) });
        let expected = if write.answer.is_some() { json!({ "id": key }) } else { json!({}) };
        Some(format!(
            "{}stream: {}\nop: update\nkey: {}\ncanonical: {given}\nexchanges:\n{}{}expect: {expected}\n",
            head("write"),
            self.stream.name,
            quoted(&key),
            login(self.service),
            exchange(&ask, &answer, true)
        ))
    }

    fn answer(&self, wrapper: Option<&Option<String>>, record: Json) -> Json {
        match wrapper {
            Some(Some(name)) => json!({ name: record }),
            Some(None) => record,
            None => json!({}),
        }
    }
}

/// Text fields of canonical samples are alike; the look-up compares one of them.
fn given_value(given: &Json) -> Json {
    let text = given.as_object().and_then(|members| members.values().find(|value| value.is_string()));
    text.cloned().unwrap_or(Json::Null)
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
