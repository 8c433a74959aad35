//! Which of a manifest's error rules an answer falls under, for suites that ask whether each rule is known to work.
//!
//! Not here: the verdict over an answer (`verdict`).

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::body::{headers_json, parse};
use super::classify::{Seen, by_rules};
use super::wrap;
use crate::connector::connection::Connection;
use crate::connector::manifest::ErrorRule;

impl Connection {
    /// The first rule that matches; `None` where the engine's own table decides.
    pub fn error_rule(&self, status: u16, headers: &[(String, String)], body: &[u8]) -> Option<&ErrorRule> {
        let http = self.manifest.http.as_ref()?;
        let pairs = headers.iter().filter_map(|(name, value)| {
            Some((HeaderName::try_from(name.as_str()).ok()?, HeaderValue::try_from(value.as_str()).ok()?))
        });
        let headers: HeaderMap = pairs.collect();
        let body = match parse(&headers, body) {
            Ok(body) => wrap::unwrap(&http.wrappers, body),
            Err(_) => Value::String(String::from_utf8_lossy(body).into_owned()),
        };
        let headers = headers_json(&headers);
        let seen = Seen { status, headers: &headers, body: &body };
        let accepted = (200..300).contains(&status);
        http.errors.iter().find(|rule| by_rules(std::slice::from_ref(*rule), &seen, accepted).is_some())
    }
}
