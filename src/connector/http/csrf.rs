//! Tokens against forged requests: fetched with a read, carried by every change, fetched again when the vendor asks for it.
//!
//! Not here: putting them on requests (`prepare`).

use http::{HeaderName, HeaderValue};
use secrecy::SecretString;
use tokio::sync::Mutex;

use super::client::WireAnswer;
use super::cookies;
use super::guard::Base;
use super::render::{self, Outgoing, RenderError};
use crate::connector::manifest::{Csrf, ErrorRule};
use crate::mapping::expr::Scope;
use serde_json::Value;

/// The token of one connection; one fetch at a time.
pub(crate) struct CsrfSource {
    pub(super) fetch: Outgoing,
    pub(super) name: HeaderName,
    pub(super) errors: Vec<ErrorRule>,
    pub(super) state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) token: Option<CsrfToken>,
    pub(super) generation: u64,
}

#[derive(Clone)]
pub(super) struct CsrfToken {
    pub(super) value: HeaderValue,
    /// The session that the token belongs to.
    pub(super) cookies: Option<String>,
    pub(super) generation: u64,
}

impl CsrfSource {
    pub(crate) fn new(described: &Csrf, base: &Base, settings: &Value) -> Result<Self, RenderError> {
        let scope = Scope::new().with("settings", settings);
        let mut fetch = render::render(base, &described.fetch, &scope, &[])?;
        let (name, value) = render::header(&described.header, "Fetch")?;
        fetch.headers.insert(name.clone(), value);
        Ok(Self { fetch, name, errors: described.fetch.errors.clone(), state: Mutex::default() })
    }

    /// Where the token is fetched.
    pub(crate) fn host(&self) -> Option<&str> {
        self.fetch.url.host_str()
    }

    /// Only a 403 that names the header is about the token; others are about rights.
    pub(super) fn is_asked_for(&self, answer: &WireAnswer) -> bool {
        let said = answer.headers.get(&self.name).and_then(|value| value.to_str().ok());
        answer.status == 403 && said.is_some_and(|said| said.eq_ignore_ascii_case("required"))
    }

    pub(super) async fn refused(&self, generation: u64) {
        let mut state = self.state.lock().await;
        if state.token.as_ref().is_some_and(|token| token.generation == generation) {
            state.token = None;
        }
    }
}

/// What an answer to the fetch gives, with what must be masked of it.
pub(super) fn given(
    name: &HeaderName,
    answer: &WireAnswer,
) -> Option<(HeaderValue, Option<String>, Vec<SecretString>)> {
    let mut value = answer.headers.get(name)?.clone();
    let text =
        value.to_str().ok().filter(|text| !text.is_empty() && !text.eq_ignore_ascii_case("required"))?.to_owned();
    value.set_sensitive(true);
    let cookies = cookies::set_by(&answer.headers);
    let of_cookies = cookies.iter().flat_map(|cookies| cookies.split("; ")).filter_map(|pair| pair.split_once('='));
    let secrets = of_cookies.map(|(_, value)| SecretString::from(value)).collect::<Vec<_>>();
    Some((value, cookies, secrets.into_iter().chain([SecretString::from(text)]).collect()))
}
