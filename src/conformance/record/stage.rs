//! From what was heard to what may be written: secrets gathered from everywhere they went, answers scrubbed, settings replaced.
//!
//! Not here: playing the answers back (`replay`), the files (`compose`).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::listen::{Answer, Heard};
use super::live::Session;
use super::scrub::{BASE, Scrubber, origin_of};
use super::secrets::{SHORTEST, placeholder};
use crate::connector::connection::Connection;
use crate::connector::http::client::Errand;
use crate::connector::manifest::{Manifest, Setting, SettingFormat, SettingKind};
use crate::mapping::personal::is_secretive;

/// Tokens and cookies that are shorter are flags and languages.
const SHORTEST_HEARD: usize = 8;
/// Headers of answers that connectors may read although no manifest names them.
const HEADERS: [&str; 5] = ["content-type", "link", "etag", "location", "set-cookie"];

/// The live connection, as far as a recording has to know it.
pub(super) struct Origin<'o> {
    pub(super) connection: &'o Connection,
    pub(super) settings: &'o Value,
    /// Text of the manifest: what it says itself is public.
    pub(super) manifest: &'o str,
    /// Secrets of fixtures that are there already.
    pub(super) fixture: &'o BTreeMap<String, String>,
}

/// How placeholders of secrets look: some are read before they are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Plain,
    Base64,
    /// With the prefix that Standard Webhooks ask for.
    Prefixed,
    Hex,
}

impl Look {
    pub(super) const ALL: [Look; 4] = [Look::Plain, Look::Base64, Look::Prefixed, Look::Hex];

    fn placeholder(self, name: &str) -> String {
        let plain = placeholder(name);
        let base64 = || STANDARD.encode(format!("{plain:-<32}"));
        match self {
            Look::Plain => plain,
            Look::Base64 => base64(),
            Look::Prefixed => format!("whsec_{}", base64()),
            Look::Hex => hex::encode(format!("{plain:-<32}")),
        }
    }
}

/// Gathers every secret: settings, what follows from them, what log-ins gave, what proved requests.
pub(super) fn secrets(scrubber: &mut Scrubber, origin: &Origin<'_>, session: &Session, look: Look) {
    let manifest = origin.connection.manifest();
    for setting in manifest.settings.iter().filter(|setting| setting.secret) {
        let value = origin.settings.get(setting.name.as_str()).and_then(Value::as_str).unwrap_or_default();
        let known = origin.fixture.get(setting.name.as_str()).filter(|known| known.as_str() != value);
        let placeholder = known.cloned().unwrap_or_else(|| look.placeholder(&setting.name));
        scrubber.secrets.add(&format!("setting `{}`", *setting.name), value, placeholder);
    }
    let mut found: Vec<(String, String)> = Vec::new();
    for secret in origin.connection.held_secrets() {
        found.push(("a credential of the connection".to_owned(), secret.expose_secret().to_owned()));
    }
    for heard in &session.all {
        of_request(heard, &mut found);
        of_answer(heard, &mut found);
    }
    let heard = found
        .into_iter()
        .filter(|(_, value)| value.len() >= SHORTEST_HEARD && !origin.manifest.contains(value.as_str()));
    for (number, (name, value)) in heard.enumerate() {
        // One that holds a secret of the settings is told by that.
        let placeholder = placeholder(&format!("token {}", number + 1));
        scrubber.secrets.add(&name, &value, placeholder);
    }
}

fn of_request(heard: &Heard, found: &mut Vec<(String, String)>) {
    for (name, value) in &heard.request.headers {
        let Ok(value) = value.to_str() else { continue };
        let proves = ["authorization", "proxy-authorization"].contains(&name.as_str());
        if proves {
            let bare = value.split_once(' ').map_or(value, |(_, bare)| bare);
            found.push((format!("header `{name}` of a request"), bare.to_owned()));
        } else if name == http::header::COOKIE {
            let values = value.split("; ").filter_map(|pair| pair.split_once('='));
            found.extend(values.map(|(cookie, value)| (format!("cookie `{cookie}`"), value.to_owned())));
        } else if is_secretive(name.as_str()) {
            found.push((format!("header `{name}` of a request"), value.to_owned()));
        }
    }
    for (name, value) in heard.request.url.query_pairs().filter(|(name, _)| is_secretive(name)) {
        found.push((format!("query parameter `{name}` of a request"), value.into_owned()));
    }
}

fn of_answer(heard: &Heard, found: &mut Vec<(String, String)>) {
    for value in heard.answer.headers.get_all(http::header::SET_COOKIE) {
        let pair = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
        if let Some((cookie, value)) = pair.split_once('=') {
            found.push((format!("cookie `{cookie}`"), value.to_owned()));
        }
    }
    if let Ok(body) = serde_json::from_slice::<Value>(&heard.answer.body) {
        let of_log_in = heard.errand == Errand::LogIn;
        opening(&body, "", of_log_in, found);
    }
}

/// Values that open something. What a log-in gives under such a name is one even if it is a number.
fn opening(value: &Value, name: &str, of_log_in: bool, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) if is_secretive(name) => found.push((format!("`{name}` of an answer"), text.clone())),
        Value::Number(number) if of_log_in && is_secretive(name) => {
            found.push((format!("`{name}` of an answer"), number.to_string()));
        }
        Value::Array(items) => items.iter().for_each(|item| opening(item, name, of_log_in, found)),
        Value::Object(fields) => fields.iter().for_each(|(name, inner)| opening(inner, name, of_log_in, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Addresses that were called, and the hosts that settings name.
pub(super) fn hosts(scrubber: &mut Scrubber, origin: &Origin<'_>, session: &Session) {
    let called = session.all.iter().map(|heard| &heard.request.url).chain(origin.connection.base_url());
    for url in called {
        let address = origin_of(url);
        if !scrubber.origins.contains(&address) {
            scrubber.origins.push(address);
        }
        host(scrubber, url.host_str().unwrap_or_default());
    }
    for setting in &origin.connection.manifest().settings {
        if setting.format() == Some(SettingFormat::Hostname) {
            host(scrubber, origin.settings.get(setting.name.as_str()).and_then(Value::as_str).unwrap_or_default());
        }
    }
    scrubber.hosts.sort_by_key(|host| std::cmp::Reverse(host.len()));
}

fn host(scrubber: &mut Scrubber, name: &str) {
    if name.contains('.') && !scrubber.hosts.iter().any(|known| known == name) {
        scrubber.hosts.push(name.to_owned());
    }
}

/// The settings of a connection to the vendor that plays the fixtures.
pub(super) fn settings(scrubber: &mut Scrubber, origin: &Origin<'_>) -> BTreeMap<String, String> {
    let manifest: &Manifest = origin.connection.manifest();
    let placeholders: BTreeMap<String, String> =
        scrubber.secrets.placeholders().into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
    let mut all = BTreeMap::new();
    for setting in &manifest.settings {
        let value = match origin.settings.get(setting.name.as_str()) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => continue,
        };
        if value.is_empty() {
            continue;
        }
        let written = if setting.secret {
            placeholders
                .get(&format!("setting `{}`", *setting.name))
                .cloned()
                .unwrap_or_else(|| placeholder(&setting.name))
        } else {
            open_setting(scrubber, setting, &value)
        };
        all.insert(setting.name.value.clone(), written);
    }
    all
}

fn open_setting(scrubber: &mut Scrubber, setting: &Setting, value: &str) -> String {
    match (&setting.kind, setting.format()) {
        (_, Some(SettingFormat::Folder)) => "{folder}".to_owned(),
        (_, Some(SettingFormat::Url)) => match Url::parse(value) {
            Ok(url) if scrubber.origins.contains(&origin_of(&url)) => {
                format!(
                    "{BASE}{}",
                    value
                        .get(value.find("://").map_or(0, |at| at + 3)..)
                        .and_then(|rest| rest.find('/').map(|at| &rest[at..]))
                        .unwrap_or_default()
                )
            }
            Ok(_) | Err(_) => scrubber.words(value),
        },
        (_, Some(SettingFormat::Hostname)) => scrubber.words(value),
        (SettingKind::String { .. }, None) => scrubber.text(value, std::slice::from_ref(&setting.name.value)),
        (SettingKind::Integer { .. } | SettingKind::Bool | SettingKind::Duration | SettingKind::Enum { .. }, None) => {
            value.to_owned()
        }
    }
}

/// The headers that a connector may read, and the body, without what nobody may read.
pub(super) fn answer(scrubber: &mut Scrubber, origin: &Origin<'_>, heard: &Heard) -> Result<Answer, String> {
    let manifest = origin.manifest.to_lowercase();
    let mut headers = Vec::new();
    for (name, value) in &heard.answer.headers {
        let read = HEADERS.contains(&name.as_str()) || manifest.contains(name.as_str());
        let own = ["date", "content-length", "connection"].contains(&name.as_str());
        if let (true, false, Ok(value)) = (read, own, value.to_str()) {
            headers.push((name.as_str().to_owned(), scrubber.header(name.as_str(), value)));
        }
    }
    let body = if heard.answer.body.is_empty() { Vec::new() } else { scrubber.body(&heard.answer.body)? };
    Ok(Answer { status: heard.answer.status, headers, body })
}

/// What people should know of secrets that cannot be searched for.
pub(super) fn warnings(scrubber: &Scrubber) -> Vec<String> {
    let short = scrubber.secrets.short();
    short
        .map(|name| format!("{name} is shorter than {SHORTEST} characters: it cannot be searched for, look yourself"))
        .collect()
}
