//! Whether a request is the one that a fixture expects: it contains all that `ask` says.
//!
//! Not here: which exchange is next (`script`).

use http::HeaderMap;
use serde_json::Value as Json;

use crate::config::yaml::{Kind, Node};
use crate::conformance::fixture::{Ask, AskBody};
use crate::connector::http::body::parse;

const ANY: &str = "*";

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// As sent, without the query.
    pub(crate) path: String,
    /// As sent.
    pub(crate) query_text: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn line(&self) -> String {
        let query = if self.query_text.is_empty() { String::new() } else { format!("?{}", self.query_text) };
        format!("{} {}{query}", self.method, self.path)
    }

    /// The body without the number that JSON-RPC gives each call anew.
    pub(crate) fn content(&self) -> Vec<u8> {
        match serde_json::from_slice::<Json>(&self.body) {
            Ok(Json::Object(mut call)) if call.contains_key("jsonrpc") => {
                call.shift_remove("id");
                Json::Object(call).to_string().into_bytes()
            }
            Ok(_) | Err(_) => self.body.clone(),
        }
    }

    pub(crate) fn same_as(&self, other: &Asked) -> bool {
        self.method == other.method
            && self.path == other.path
            && self.query_text == other.query_text
            && self.content() == other.content()
    }
}

/// The first thing in which the request differs; `None` if it is the one.
pub(crate) fn mismatch(ask: &Ask, asked: &Asked, base: &str) -> Option<String> {
    let fill = |text: &str| text.replace("{base}", base);
    let path = fill(&ask.path);
    let path = path.strip_prefix(base).unwrap_or(&path);
    if asked.method != ask.method || !same_path(path, &asked.path) {
        return Some(format!("expected {} {path}, was asked {}", ask.method, asked.line()));
    }
    if let Some(problem) = missing(&ask.query, &asked.query, "query parameter", &fill) {
        return Some(format!("{problem}; was asked {}", asked.line()));
    }
    for (name, value) in &ask.headers {
        let found: Vec<&str> =
            asked.headers.get_all(name.as_str()).iter().filter_map(|value| value.to_str().ok()).collect();
        let value = fill(value);
        if found.is_empty() {
            return Some(format!("header `{name}` is missing"));
        }
        if value != ANY && !found.iter().any(|found| *found == value) && found.join(", ") != value {
            return Some(format!("header `{name}`: expected `{value}`, was sent `{}`", found.join(", ")));
        }
    }
    match &ask.body {
        None => None,
        Some(AskBody::Json(expected)) => match parse(&asked.headers, &asked.body) {
            Ok(found) => contains(expected, &found, "body", &fill),
            Err(error) => Some(format!("{error}: {}", shown(&asked.body))),
        },
        Some(AskBody::Form(expected)) => {
            let sent = crate::conformance::fixture::form_pairs(&String::from_utf8_lossy(&asked.body));
            missing(expected, &sent, "form field", &fill)
        }
        Some(AskBody::Text(parts)) => {
            let sent = String::from_utf8_lossy(&asked.body);
            let absent = parts.iter().map(|part| fill(part)).find(|part| part != ANY && !sent.contains(part.as_str()));
            absent.map(|part| format!("the body does not contain `{part}`: {}", shown(&asked.body)))
        }
    }
}

/// Percent-escapes may be written in a fixture or left out.
fn same_path(expected: &str, found: &str) -> bool {
    let decoded = |path: &str| {
        let base = reqwest::Url::parse("http://vendor").ok()?;
        base.join(path).ok().map(|url| url.path().to_owned())
    };
    expected == found || decoded(expected).is_some_and(|expected| decoded(found).is_some_and(|found| found == expected))
}

fn missing(
    expected: &[(String, Vec<String>)],
    sent: &[(String, String)],
    what: &str,
    fill: &dyn Fn(&str) -> String,
) -> Option<String> {
    for (name, values) in expected {
        let found: Vec<&str> =
            sent.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect();
        if found.is_empty() {
            return Some(format!("{what} `{name}` is missing"));
        }
        for value in values.iter().map(|value| fill(value)) {
            if value != ANY && !found.contains(&value.as_str()) {
                return Some(format!("{what} `{name}`: expected `{value}`, was sent `{}`", found.join("`, `")));
            }
        }
    }
    None
}

/// Objects contain what is expected, lists are compared item by item, plain words by their text.
fn contains(expected: &Node, found: &Json, path: &str, fill: &dyn Fn(&str) -> String) -> Option<String> {
    let differs = |wanted: &str| Some(format!("{path}: expected {wanted}, was sent {found}"));
    match (&expected.kind, found) {
        (Kind::Map(entries), Json::Object(object)) => entries.iter().find_map(|entry| {
            let path = format!("{path}.{}", entry.key);
            match object.get(&entry.key) {
                Some(found) => contains(&entry.value, found, &path, fill),
                None if entry.value.is_null() => None,
                None => Some(format!("{path} is missing in {found}")),
            }
        }),
        (Kind::Seq(items), Json::Array(found)) if items.len() == found.len() => {
            let pairs = items.iter().zip(found).enumerate();
            pairs
                .into_iter()
                .find_map(|(index, (item, found))| contains(item, found, &format!("{path}[{index}]"), fill))
        }
        (Kind::Seq(items), Json::Array(_)) => differs(&format!("{} items", items.len())),
        (Kind::Scalar(scalar), _) if scalar.text == ANY => None,
        (Kind::Scalar(scalar), Json::String(text)) if *text == fill(&scalar.text) => None,
        (Kind::Scalar(scalar), Json::Number(number)) if scalar.plain && number.to_string() == scalar.text => None,
        (Kind::Scalar(scalar), Json::Bool(flag)) if scalar.plain && flag.to_string() == scalar.text => None,
        (Kind::Scalar(scalar), Json::Null) if scalar.is_null() => None,
        (Kind::Scalar(scalar), _) => differs(&format!("`{}`", scalar.shown())),
        (Kind::Map(_), _) => differs("an object"),
        (Kind::Seq(_), _) => differs("a list"),
    }
}

fn shown(body: &[u8]) -> String {
    const MOST: usize = 300;
    let text = String::from_utf8_lossy(body);
    match text.char_indices().nth(MOST) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.into_owned(),
    }
}
