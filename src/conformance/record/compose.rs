//! The files of a recording: one fixture a scenario in the form of docs/conformance.md, bodies beside it.
//!
//! Not here: what they say (`replay`), writing them (`run`).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::listen::{Answer, Given, NOWHERE, Question};
use super::live::Asking;
use super::replay::{Outcome, Replayed, Scenario};
use super::scrub::BASE;
use crate::conformance::fixture::form_pairs;
use crate::conformance::vendor::Asked;

/// Headers of questions that a fixture holds the connector to.
const HEADERS: [&str; 2] = ["authorization", "cookie"];
const ANY: &str = "*";

pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// `orders`, `orders-resume`, `orders-get`.
pub(super) fn file_name(asking: &Asking) -> String {
    let plain = |text: &str| -> String {
        text.chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' })
            .collect()
    };
    match asking {
        Asking::Check => "recorded-check".to_owned(),
        Asking::Get { stream, .. } => format!("recorded-{}-get", plain(stream)),
        Asking::List { stream, hint, resumed } => {
            let hint = hint.as_ref().map(|hint| format!("-{}", plain(hint))).unwrap_or_default();
            format!("recorded-{}{hint}{}", plain(stream), if *resumed { "-resume" } else { "" })
        }
    }
}

/// Who and when, for `source:`.
pub(super) struct Origin<'o> {
    pub(super) connector: &'o str,
    pub(super) date: &'o str,
}

pub(super) fn compose(
    files: &mut Files,
    origin: &Origin<'_>,
    name: &str,
    kind: Option<&str>,
    log_ins: &[Answer],
    scenario: &Scenario<'_>,
    replayed: &Replayed,
) {
    let take = scenario.take;
    let cut = if take.cut.is_some() { "; the list went on: its end is made" } else { "" };
    let source = format!("recorded from a live {} on {}, scrubbed{cut}", origin.connector, origin.date);
    let mut text = String::new();
    let mut line = |key: &str, value: &Value| {
        let _infallible = writeln!(text, "{key}: {value}");
    };
    let (own, expect) = describe(&take.asking, scenario, &replayed.outcome);
    line("fixture", &json!(kind.unwrap_or(own)));
    line("source", &json!(source));
    match &take.asking {
        Asking::Check => {}
        Asking::List { stream, hint, .. } => {
            line("stream", &json!(stream));
            if let Some(hint) = hint {
                line("hint", &json!(hint));
            }
            if let Some(cursor) = &scenario.cursor {
                line("cursor", &json!(cursor.replace(NOWHERE, BASE)));
            }
        }
        Asking::Get { stream, .. } => {
            line("stream", &json!(stream));
            line("key", &json!(scenario.key));
        }
    }
    line("at", &json!(take.at.to_string()));
    text.push_str("exchanges:\n");
    for (index, (question, again)) in replayed.questions.iter().zip(&replayed.again).enumerate() {
        let answer = match question.given {
            Given::LogIn(index) => log_ins.get(index),
            Given::Call(index) => scenario.calls.get(index),
            Given::End => scenario.end.as_ref(),
        };
        let Some(answer) = answer else { continue };
        let ask = ask(question, &again.asked);
        let body = beside(files, &format!("{name}-{}", index + 1), answer);
        let _infallible = writeln!(text, "  - ask: {ask}\n    answer: {}", told(answer, body));
    }
    let _infallible = writeln!(text, "expect: {expect}");
    files.insert(format!("{name}.yaml"), text.into_bytes());
}

fn describe(asking: &Asking, scenario: &Scenario<'_>, outcome: &Outcome) -> (&'static str, Value) {
    match asking {
        Asking::Check => ("check", outcome.shows.as_ref().map_or(json!({}), |shows| json!({ "shows": shows }))),
        Asking::Get { .. } => ("get", json!({ "found": outcome.found.unwrap_or(false) })),
        Asking::List { .. } => {
            let records = outcome.records.iter().map(|(key, deleted)| {
                if *deleted { json!({ "key": key, "deleted": true }) } else { json!({ "key": key }) }
            });
            let mut expect = Map::new();
            expect.insert("records".to_owned(), records.collect());
            if let Some(cursor) =
                outcome.cursor.as_ref().filter(|_| scenario.take.cut.is_none() || scenario.cursor.is_some())
            {
                expect.insert("cursor".to_owned(), json!(cursor.replace(NOWHERE, BASE)));
            }
            ("read", Value::Object(expect))
        }
    }
}

/// What must be asked; where the second connection asked it in other words, any word will do.
fn ask(question: &Question, again: &Asked) -> Value {
    let asked = &question.asked;
    let mut ask = Map::new();
    ask.insert(asked.method.to_lowercase(), json!(asked.path));
    let query = pairs(&asked.query, &again.query);
    if !query.is_empty() {
        ask.insert("query".to_owned(), Value::Object(query));
    }
    let value = |asked: &Asked, name: &str| {
        asked.headers.get(name).and_then(|value| value.to_str().ok()).map(|text| text.replace(NOWHERE, BASE))
    };
    let headers = HEADERS.iter().filter_map(|name| {
        let (first, second) = (value(asked, name)?, value(again, name));
        let written = if second.as_ref() == Some(&first) { first } else { ANY.to_owned() };
        Some(((*name).to_owned(), json!(written)))
    });
    let headers: Map<String, Value> = headers.collect();
    if !headers.is_empty() {
        ask.insert("headers".to_owned(), Value::Object(headers));
    }
    if let Some((key, body)) = body(asked, again) {
        ask.insert(key.to_owned(), body);
    }
    Value::Object(ask)
}

fn pairs(first: &[(String, String)], second: &[(String, String)]) -> Map<String, Value> {
    let mut all: Map<String, Value> = Map::new();
    for (index, (name, value)) in first.iter().enumerate() {
        let same = second.get(index).is_some_and(|(_, again)| again == value);
        let written = json!(if same { value.replace(NOWHERE, BASE) } else { ANY.to_owned() });
        match all.get_mut(name) {
            None => drop(all.insert(name.clone(), written)),
            Some(Value::Array(values)) => values.push(written),
            Some(single) => *single = json!([single.clone(), written]),
        }
    }
    all
}

fn body(asked: &Asked, again: &Asked) -> Option<(&'static str, Value)> {
    if asked.body.is_empty() {
        return None;
    }
    let kind = asked.headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.contains("x-www-form-urlencoded") {
        let read = |asked: &Asked| form_pairs(&String::from_utf8_lossy(&asked.body));
        return Some(("form", Value::Object(pairs(&read(asked), &read(again)))));
    }
    match (serde_json::from_slice(&asked.content()), serde_json::from_slice(&again.content())) {
        (Ok(first), Ok(second)) => Some(("json", agreed(&first, &second))),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => {
            let text = std::str::from_utf8(&asked.body).ok().filter(|_| asked.body == again.body);
            Some(("text", json!(text.map_or_else(|| ANY.to_owned(), |text| text.replace(NOWHERE, BASE)))))
        }
    }
}

fn agreed(first: &Value, second: &Value) -> Value {
    match (first, second) {
        (Value::Object(first), Value::Object(second)) => {
            let agree = |(name, value): (&String, &Value)| {
                (name.clone(), second.get(name).map_or_else(|| json!(ANY), |second| agreed(value, second)))
            };
            Value::Object(first.iter().map(agree).collect())
        }
        (Value::Array(first), Value::Array(second)) if first.len() == second.len() => {
            first.iter().zip(second).map(|(first, second)| agreed(first, second)).collect()
        }
        (Value::String(first), Value::String(second)) if first == second => json!(first.replace(NOWHERE, BASE)),
        (first, second) if first == second => first.clone(),
        (_, _) => json!(ANY),
    }
}

/// Puts the body beside the fixture; the same body stands once.
fn beside(files: &mut Files, name: &str, answer: &Answer) -> Option<String> {
    if answer.body.is_empty() {
        return None;
    }
    if let Some((known, _)) = files.iter().find(|(name, body)| !name.ends_with(".yaml") && **body == answer.body) {
        return Some(known.clone());
    }
    let opening = answer.body.trim_ascii_start().first().copied();
    let kind = answer.headers.iter().find(|(name, _)| name == "content-type").map_or("", |(_, kind)| kind.as_str());
    let ending = match opening {
        Some(b'{' | b'[') => "json",
        Some(b'<') if kind.contains("html") => "html",
        Some(b'<') => "xml",
        Some(_) | None if kind.contains("csv") => "csv",
        Some(_) | None => "txt",
    };
    let file = format!("{name}.{ending}");
    files.insert(file.clone(), answer.body.clone());
    Some(file)
}

fn told(answer: &Answer, body: Option<String>) -> Value {
    let mut told = Map::new();
    told.insert("status".to_owned(), json!(answer.status));
    let mut headers: Map<String, Value> = Map::new();
    for (name, value) in &answer.headers {
        // Several lines of one name are one list; cookies are not, so the first stays.
        match headers.get_mut(name) {
            Some(Value::String(known)) if name != "set-cookie" => *known = format!("{known}, {value}"),
            Some(_) => {}
            None => drop(headers.insert(name.clone(), json!(value))),
        }
    }
    if !headers.is_empty() {
        told.insert("headers".to_owned(), Value::Object(headers));
    }
    if let Some(file) = body {
        told.insert("file".to_owned(), json!(file));
    }
    Value::Object(told)
}

/// `settings.yaml`.
pub(super) fn settings(all: &BTreeMap<String, String>) -> Vec<u8> {
    let mut text =
        "# The connection under test. {base} is the local vendor's address, {folder} a fresh folder.\n".to_owned();
    for (name, value) in all {
        let _infallible = writeln!(text, "{name}: {}", json!(value));
    }
    text.into_bytes()
}
