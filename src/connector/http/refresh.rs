//! A refresh token and its successors: a new one is durable before anybody uses it.
//!
//! Not here: asking for tokens (`oauth`), the durable place (`token_store`).

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::render::RenderError;
use super::seal::Seal;
use super::token::Fetching;
use crate::connector::call::{CallError, CallResult};
use crate::model::ErrorClass;

/// Starts with the configured token; a new consent is another slot, so that what an older one left behind is not used.
pub(super) struct RefreshToken {
    first: SecretString,
    seal: Seal,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The newest that is known; `None` until the store was asked.
    current: Option<SecretString>,
    /// It came from the vendor and is not durable yet.
    unsaved: bool,
}

impl RefreshToken {
    pub(super) fn new(first: SecretString, client_secret: Option<SecretString>) -> Result<Self, RenderError> {
        let secrets: Vec<&SecretString> = std::iter::once(&first).chain(&client_secret).collect();
        let seal = Seal::new(&secrets)
            .map_err(|error| RenderError::Value { what: "the refresh token".to_owned(), reason: error.to_string() })?;
        Ok(Self { first, seal, state: Mutex::default() })
    }

    /// The token to ask with. One whose predecessor is used up and that could not be kept is kept first.
    pub(super) async fn current(&self, fetching: &Fetching<'_>, what: &str) -> CallResult<SecretString> {
        let mut state = self.state.lock().await;
        let current = match &state.current {
            Some(current) => current.clone(),
            None => self.stored(fetching, what).await?,
        };
        if state.unsaved {
            self.keep(&current, fetching, what).await?;
            state.unsaved = false;
        }
        state.current = Some(current.clone());
        Ok(current)
    }

    /// The vendor has put `next` in place of the token that was sent.
    pub(super) async fn replace(&self, next: SecretString, fetching: &Fetching<'_>, what: &str) -> CallResult<()> {
        let mut state = self.state.lock().await;
        state.current = Some(next.clone());
        state.unsaved = true;
        self.keep(&next, fetching, what).await?;
        state.unsaved = false;
        Ok(())
    }

    /// Whether the store holds another token than the one in use, which is then used from now on.
    pub(super) async fn has_successor(&self, fetching: &Fetching<'_>, what: &str) -> CallResult<bool> {
        let mut state = self.state.lock().await;
        if state.unsaved {
            return Ok(false);
        }
        let stored = self.stored(fetching, what).await?;
        let used = state.current.as_ref().map(|token| token.expose_secret().to_owned());
        let is_new = used.as_deref() != Some(stored.expose_secret());
        state.current = Some(stored);
        Ok(is_new)
    }

    async fn stored(&self, fetching: &Fetching<'_>, what: &str) -> CallResult<SecretString> {
        let stored = fetching.tokens.load(fetching.system, &self.slot()).await;
        match stored.map_err(|error| unkept(fetching, what, &error.to_string()))? {
            None => Ok(self.first.clone()),
            Some(sealed) => {
                let opened = self.seal.open(fetching.system, &sealed);
                let opened = opened.map_err(|error| unkept(fetching, what, &error.to_string()))?;
                fetching.mask.learn(opened.clone());
                Ok(opened)
            }
        }
    }

    async fn keep(&self, token: &SecretString, fetching: &Fetching<'_>, what: &str) -> CallResult<()> {
        let sealed = self.seal.seal(fetching.system, token);
        let sealed = sealed.map_err(|error| unkept(fetching, what, &error.to_string()))?;
        let saved = fetching.tokens.save(fetching.system, &self.slot(), &sealed).await;
        saved.map_err(|error| unkept(fetching, what, &error.to_string()))
    }

    fn slot(&self) -> String {
        format!("refresh_token/{}", self.seal.fingerprint())
    }
}

fn unkept(fetching: &Fetching<'_>, what: &str, reason: &str) -> Box<CallError> {
    let message = format!("the refresh token cannot be kept: {reason}");
    fetching.error(
        ErrorClass::Transient,
        what.to_owned(),
        message,
        "see to the hub's store; it is tried again by itself",
    )
}
