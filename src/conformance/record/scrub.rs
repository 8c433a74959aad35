//! Everything that was heard without what nobody may read: secrets, people, hosts; the same value becomes the same everywhere.
//!
//! Not here: how a look-alike is made (`lookalike`), XML's own form (`markup`), which answers are scrubbed (`stage`).

use std::collections::{BTreeMap, HashSet};

use reqwest::Url;
use serde_json::{Map, Number, Value};

use super::lookalike::LookAlikes;
use super::markup;
use super::secrets::{Secrets, placeholder};
use crate::mapping::personal::Category;
use crate::mapping::personal::{by_look, by_name, is_free_text, is_secretive, mails, tokens};

/// Stands for the vendor's address in fixtures.
pub(super) const BASE: &str = "{base}";

#[derive(Default)]
pub(super) struct Scrubber {
    pub(super) secrets: Secrets,
    pub(super) looks: LookAlikes,
    /// Words that crosswalks know: they are what fixtures are about.
    pub(super) keep: HashSet<String>,
    /// Paths that a mapping marks as personal.
    pub(super) personal: Vec<Vec<String>>,
    /// Addresses that were called: `https://acme.example.net`.
    pub(super) origins: Vec<String>,
    /// Their host names, as they stand without an address around them.
    pub(super) hosts: Vec<String>,
    pub(super) scrub_ids: bool,
    counts: BTreeMap<Category, usize>,
}

impl Scrubber {
    /// Looks at everything twice: first to know all people, then to find them where no field says so. This begins the second look.
    pub(super) fn count_anew(&mut self) {
        self.counts.clear();
    }

    pub(super) fn counts(&self) -> &BTreeMap<Category, usize> {
        &self.counts
    }

    fn counted(&mut self, category: Category, times: usize) {
        if times > 0 {
            *self.counts.entry(category).or_insert(0) += times;
        }
    }

    fn looks_like(&mut self, category: Category, original: &str) -> String {
        self.counted(category, 1);
        self.looks.of(category, original)
    }

    /// A body, by what it is.
    pub(super) fn body(&mut self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let text =
            std::str::from_utf8(bytes).map_err(|_| "it is not text in UTF-8, so nothing in it can be told apart")?;
        let opening = text.trim_start();
        if opening.starts_with(['{', '[']) {
            let mut value: Value =
                serde_json::from_str(text).map_err(|error| format!("its JSON cannot be read: {error}"))?;
            self.json(&mut value, &mut Vec::new());
            return serde_json::to_vec_pretty(&value).map_err(|error| error.to_string());
        }
        if opening.starts_with('<') {
            return markup::scrub(text, &mut |text, path| self.text(text, path)).map(String::into_bytes);
        }
        Ok(self.words(text).into_bytes())
    }

    pub(super) fn json(&mut self, value: &mut Value, path: &mut Vec<String>) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => {
                if let Some(scrubbed) = self.number(number, path) {
                    *value = Value::Number(scrubbed);
                }
            }
            Value::String(text) => *text = self.text(text, path),
            Value::Array(items) => items.iter_mut().for_each(|item| self.json(item, path)),
            Value::Object(fields) => {
                let mut scrubbed = Map::new();
                for (name, mut inner) in std::mem::take(fields) {
                    // `{ "name": "email", "value": "anna@..." }`: the value is called by the name.
                    path.push(name);
                    self.json(&mut inner, path);
                    let name = path.pop().unwrap_or_default();
                    scrubbed.insert(self.field(&name), inner);
                }
                *fields = scrubbed;
            }
        }
    }

    /// The name of a field may itself be data: an object by e-mail address.
    fn field(&mut self, name: &str) -> String {
        match by_look(name) {
            Some(category) => self.looks_like(category, name),
            None => {
                let (name, found) = self.secrets.replace(name);
                self.counted(Category::Secret, found);
                name
            }
        }
    }

    fn number(&mut self, number: &Number, path: &[String]) -> Option<Number> {
        let text = number.to_string();
        let category = self.named(path).filter(|category| *category != Category::FreeText);
        let category = category.or_else(|| (self.scrub_ids && is_id(path)).then_some(Category::Id))?;
        let scrubbed = self.looks_like(category, &text);
        serde_json::from_str(&scrubbed).ok()
    }

    fn named(&self, path: &[String]) -> Option<Category> {
        let marked = || {
            self.personal
                .iter()
                .any(|marked| !marked.is_empty() && path.len() >= marked.len() && path.ends_with(marked))
                .then_some(Category::Person)
        };
        by_name(path).or_else(marked)
    }

    /// One value; `path` are the names that lead to it.
    pub(super) fn text(&mut self, text: &str, path: &[String]) -> String {
        let (text, found) = self.secrets.replace(text);
        self.counted(Category::Secret, found);
        if text.trim().is_empty() || self.keep.contains(text.as_str()) {
            return text;
        }
        if found == 0 && path.last().is_some_and(|name| is_secretive(name)) {
            self.counted(Category::Secret, 1);
            return self.looks.of(Category::Secret, &text);
        }
        if text.starts_with(['{', '['])
            && let Ok(mut inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str::<Value>(&text)
        {
            self.json(&mut inner, &mut path.to_vec());
            return inner.to_string();
        }
        if let Some(category) = by_look(&text) {
            return self.looks_like(category, &text);
        }
        if text.contains("://") {
            return self.words(&text);
        }
        if found == 0
            && let Some(category) = self.named(path)
            && (category != Category::Name || text.chars().any(char::is_alphabetic))
        {
            return self.looks_like(category, &text);
        }
        if self.scrub_ids && is_id(path) {
            return self.id(&text);
        }
        if found == 0 && is_free_text(&text) {
            return self.looks_like(Category::FreeText, &text);
        }
        self.words(&text)
    }

    /// Text of which nothing is known but what is in it: hosts, addresses, people seen elsewhere.
    pub(super) fn words(&mut self, text: &str) -> String {
        let (text, found) = self.secrets.replace(text);
        self.counted(Category::Secret, found);
        let mut text = self.addresses(&text);
        for (start, end) in mails(&text).into_iter().rev() {
            let made = self.looks_like(Category::Email, &text[start..end]);
            text.replace_range(start..end, &made);
        }
        for host in self.hosts.clone() {
            let found = text.matches(host.as_str()).count();
            if found > 0 {
                self.counted(Category::Host, found);
                let made = self.looks.of(Category::Host, &host);
                text = text.replace(&host, &made);
            }
        }
        let (text, found) = self.looks.replace_known(&text);
        self.counted(Category::Person, found);
        text
    }

    /// Hosts of addresses become `{base}` where they were called, another name where not; what a query proves itself with goes.
    fn addresses(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("://") {
            let scheme: usize =
                rest[..at].chars().rev().take_while(char::is_ascii_alphanumeric).map(char::len_utf8).sum();
            let start = at - scheme;
            let ends = |letter: char| letter.is_whitespace() || "\"'<>\\)".contains(letter);
            let end = rest[at + 3..].find(ends).map_or(rest.len(), |length| at + 3 + length);
            out.push_str(&rest[..start]);
            let address = self.address(&rest[start..end]);
            out.push_str(&address);
            rest = &rest[end..];
        }
        out.push_str(rest);
        out
    }

    fn address(&mut self, address: &str) -> String {
        let Ok(url) = Url::parse(address) else { return address.to_owned() };
        let Some(host) = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")) else {
            return address.to_owned();
        };
        let after = address.find("://").map_or(0, |at| at + 3);
        let tail = address[after..].find(['/', '?', '#']).map_or("", |at| &address[after + at..]).to_owned();
        self.counted(Category::Host, 1);
        let origin = if self.origins.contains(&origin_of(&url)) {
            BASE.to_owned()
        } else {
            let host = host.to_owned();
            format!("{}://{}", url.scheme(), self.looks.of(Category::Host, &host))
        };
        let (path, query) = tail.split_once('?').map_or((tail.as_str(), None), |(path, query)| (path, Some(query)));
        // A version in an address is none: only ids that some field has are replaced.
        let known = |part: &str| self.looks.known(Category::Id, part).unwrap_or(part).to_owned();
        let path =
            if self.scrub_ids { path.split('/').map(known).collect::<Vec<_>>().join("/") } else { path.to_owned() };
        match query {
            None => format!("{origin}{path}"),
            Some(query) => {
                let pairs: Vec<String> = query.split('&').map(|pair| self.pair(pair)).collect();
                format!("{origin}{path}?{}", pairs.join("&"))
            }
        }
    }

    fn pair(&mut self, pair: &str) -> String {
        let Some((name, value)) = pair.split_once('=') else { return pair.to_owned() };
        if is_secretive(name) && !value.starts_with("fixture-") && !value.is_empty() {
            self.counted(Category::Secret, 1);
            return format!("{name}={}", self.looks.of(Category::Secret, value));
        }
        let decoded: Vec<(String, String)> = reqwest::Url::parse(&format!("http://form/?{pair}"))
            .map(|url| url.query_pairs().into_owned().collect())
            .unwrap_or_default();
        match decoded.first().and_then(|(name, value)| {
            Some((value.clone(), by_look(value).or_else(|| by_name(std::slice::from_ref(name)))?))
        }) {
            Some((value, category)) => {
                let made = self.looks_like(category, &value);
                format!("{name}={}", crate::connector::http::form::percent_encode(&made))
            }
            None => pair.to_owned(),
        }
    }

    /// Each run of letters and digits with a digit in it, for itself: `gid://shop/Order/77` and `77` stay the same thing.
    fn id(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut run = String::new();
        for letter in text.chars().map(Some).chain([None]) {
            if let Some(letter) = letter.filter(|letter| letter.is_alphanumeric()) {
                run.push(letter);
                continue;
            }
            if run.chars().any(|letter| letter.is_ascii_digit()) {
                let made = self.looks_like(Category::Id, &run);
                out.push_str(&made);
            } else {
                out.push_str(&run);
            }
            run.clear();
            out.extend(letter);
        }
        out
    }

    /// A header of an answer.
    pub(super) fn header(&mut self, name: &str, value: &str) -> String {
        if name.eq_ignore_ascii_case("set-cookie") {
            return self.cookie(value);
        }
        if is_secretive(name) {
            let (text, found) = self.secrets.replace(value);
            self.counted(Category::Secret, found.max(1));
            return if found > 0 { text } else { placeholder(name) };
        }
        self.words(value)
    }

    /// `session=...; Path=/` keeps its name and its attributes.
    fn cookie(&mut self, value: &str) -> String {
        let (pair, attributes) = value.split_once(';').map_or((value, None), |(pair, rest)| (pair, Some(rest)));
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (text, found) = self.secrets.replace(value);
        self.counted(Category::Secret, 1);
        let text = if found > 0 { text } else { self.looks.of(Category::Secret, value) };
        let kept = attributes
            .into_iter()
            .flat_map(|rest| rest.split(';'))
            .map(str::trim)
            .filter(|attribute| !attribute.to_lowercase().starts_with("domain="));
        std::iter::once(format!("{name}={text}")).chain(kept.map(str::to_owned)).collect::<Vec<_>>().join("; ")
    }
}

/// Scheme, host and port.
pub(super) fn origin_of(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
}

fn is_id(path: &[String]) -> bool {
    let last = path.last().map(|name| tokens(name)).unwrap_or_default();
    last.last().is_some_and(|word| {
        ["id", "ids", "gid", "uuid", "guid", "number", "no", "key", "reference", "ref", "handle", "sku"]
            .contains(&word.as_str())
    })
}
