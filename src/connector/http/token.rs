//! What a log-in gave, kept for all calls of a connection: fetched when needed, once for all who wait.
//!
//! Not here: how it is obtained (`oauth`, `session`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderName, HeaderValue};
use secrecy::SecretString;
use tokio::sync::Mutex;

use super::budget::clock_now;
use super::client::Wire;
use super::mask::Mask;
use super::oauth::TokenEndpoint;
use super::ruled::LastRule;
use super::session::Login;
use crate::connector::call::{CallError, CallResult};
use crate::connector::token_store::TokenStore;
use crate::model::ErrorClass;

/// A token is replaced when this much of its life is over, so that none expires on its way.
const USABLE_PERCENT: u32 = 80;
const MAX_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Where tokens come from.
pub(crate) enum Issuer {
    OAuth(Box<TokenEndpoint>),
    Session(Box<Login>),
}

pub(crate) struct TokenSource {
    pub(crate) issuer: Issuer,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    generation: u64,
    failure: Option<(Instant, Box<CallError>)>,
}

/// What goes with calls for a while. `generation` tells a refused token from the one that has replaced it meanwhile.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) generation: u64,
    renew_at: Instant,
}

/// What a log-in gave.
pub(super) struct Issued {
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// To be masked wherever they appear.
    pub(super) secrets: Vec<SecretString>,
    pub(super) life: Duration,
}

/// What a fetch needs of its connection.
pub(crate) struct Fetching<'a> {
    pub(crate) system: &'a str,
    pub(crate) wire: &'a Wire,
    pub(crate) mask: &'a Mask,
    pub(crate) now: jiff::Timestamp,
    pub(crate) tokens: &'a Arc<dyn TokenStore>,
    pub(crate) last_rule: &'a LastRule,
}

impl Fetching<'_> {
    /// `sent` is false: the call that needed the token was never made.
    pub(super) fn error(&self, class: ErrorClass, what: String, message: String, next_step: &str) -> Box<CallError> {
        Box::new(CallError {
            class,
            system: self.system.to_owned(),
            what,
            status: None,
            message: super::mask::escape(&self.mask.text(&message), super::mask::MAX_EXCERPT_BYTES),
            next_step: next_step.to_owned(),
            retry_after: None,
            sent: false,
            request_excerpt: String::new(),
            response_excerpt: String::new(),
        })
    }
}

impl TokenSource {
    pub(crate) fn new(issuer: Issuer) -> Self {
        Self { issuer, state: Mutex::default() }
    }

    /// The host that tokens are fetched from.
    pub(crate) fn host(&self) -> Option<&str> {
        match &self.issuer {
            Issuer::OAuth(endpoint) => endpoint.host(),
            Issuer::Session(login) => login.host(),
        }
    }

    /// A token that is good for a while. Whoever asks first fetches; the others wait and share the outcome, good or bad.
    pub(crate) async fn token(&self, fetching: &Fetching<'_>) -> CallResult<Token> {
        let asked = clock_now();
        let mut state = self.state.lock().await;
        if let Some(token) = state.token.as_ref().filter(|token| token.renew_at > clock_now()) {
            return Ok(token.clone());
        }
        if let Some((at, error)) = &state.failure
            && *at > asked
        {
            return Err(error.clone());
        }
        let issued = match &self.issuer {
            Issuer::OAuth(endpoint) => endpoint.fetch(fetching).await,
            Issuer::Session(login) => login.fetch(fetching).await,
        };
        match issued {
            Ok(issued) => {
                issued.secrets.into_iter().for_each(|secret| fetching.mask.learn(secret));
                state.generation += 1;
                let life = issued.life.min(MAX_LIFETIME);
                let renew_at = clock_now() + life * USABLE_PERCENT / 100;
                let token = Token { headers: issued.headers, generation: state.generation, renew_at };
                state.token = Some(token.clone());
                state.failure = None;
                Ok(token)
            }
            Err(error) => {
                state.failure = Some((clock_now(), error.clone()));
                Err(error)
            }
        }
    }

    /// The vendor refused this token: the next caller fetches another, unless somebody has done so already.
    pub(crate) async fn refused(&self, generation: u64) {
        let mut state = self.state.lock().await;
        if state.token.as_ref().is_some_and(|token| token.generation == generation) {
            state.token = None;
        }
    }
}
