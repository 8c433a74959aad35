//! One HTTP exchange with a vendor: the call as it came in and the answer as it will go out.
//!
//! Not here: sockets and faults (`serve`), and what any vendor does with a call.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use serde_json::Value;

/// A complete request; the body was read within its limit.
#[derive(Debug)]
pub struct Call {
    pub method: Method,
    pub path: String,
    /// Decoded pairs in the order they were written.
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Call {
    pub fn new(method: Method, uri: &Uri, headers: HeaderMap, body: Bytes) -> Self {
        let query = reqwest::Url::parse(&format!("http://vendor{uri}"))
            .map(|url| url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
            .unwrap_or_default();
        Call { method, path: uri.path().to_owned(), query, headers, body }
    }

    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// User and password of Basic authorization.
    pub fn basic(&self) -> Option<(String, String)> {
        let encoded = self.header("authorization")?.strip_prefix("Basic ")?;
        let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        decoded.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
    }

    /// The address the caller used, for links back to this vendor.
    pub fn origin(&self) -> String {
        format!("http://{}", self.header("host").unwrap_or("localhost"))
    }

    pub fn json(&self) -> Result<Value, String> {
        serde_json::from_slice(&self.body).map_err(|cause| cause.to_string())
    }

    /// Whether the call may change something.
    pub fn writes(&self) -> bool {
        self.method != Method::GET && self.method != Method::HEAD
    }
}

/// A complete response.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Answer {
    pub fn json(status: u16, body: &Value) -> Self {
        Answer::text(status, "application/json; charset=utf-8", body.to_string())
    }

    /// JSON that is already text.
    pub fn raw_json(status: u16, body: String) -> Self {
        Answer::text(status, "application/json; charset=utf-8", body)
    }

    pub fn text(status: u16, content_type: &str, body: String) -> Self {
        Answer { status, headers: vec![("content-type", content_type.to_owned())], body }
    }

    /// What a proxy in front of a vendor shows when it should not answer at all.
    pub fn html_page() -> Self {
        let page = "<!DOCTYPE html><html><head><title>Just a moment...</title></head>\
                    <body><h1>Checking your connection</h1></body></html>";
        Answer::text(200, "text/html; charset=utf-8", page.to_owned())
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The first half of the body: valid HTTP, broken JSON.
    pub fn truncated(mut self) -> Self {
        let half = (0..=self.body.len() / 2).rev().find(|at| self.body.is_char_boundary(*at)).unwrap_or(0);
        self.body.truncate(half);
        self
    }
}
