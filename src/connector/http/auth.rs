//! How a call proves who we are: fixed credentials, or a token that is fetched when needed, once for all who wait.
//!
//! Not here: keeping secrets (config), proving what arrives (`webhook`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::client::WireRequest;
use super::form;
use super::guard::Base;
use super::oauth::TokenEndpoint;
use super::oauth1::OAuth1Signer;
use super::pages::Place;
use super::render::{self, RenderError};
use super::session::Login;
use super::token::{Issuer, TokenSource};
use crate::connector::manifest::Auth;
use crate::mapping::expr::Scope;

/// The credentials of one connection, rendered once.
pub(crate) enum Credentials {
    None,
    Header { name: HeaderName, value: HeaderValue },
    Query { name: String, value: SecretString },
    Token(Box<TokenSource>),
    OAuth1(Box<OAuth1Signer>),
}

impl Credentials {
    /// `base` and `headers` are those of every call of the connection.
    pub(crate) fn new(auth: &Auth, settings: &Value, base: &Base, headers: &HeaderMap) -> Result<Self, RenderError> {
        let scope = Scope::new().with("settings", settings);
        let text = |what, template| render::text(what, template, &scope);
        let header = |name: &str, value: &str| {
            let (name, value) = render::header(name, value)?;
            Ok(Self::Header { name, value })
        };
        match auth {
            Auth::None => Ok(Self::None),
            Auth::Header { name, value } => header(name, &text("the credential", value)?),
            Auth::Query { name, value } => {
                Ok(Self::Query { name: name.clone(), value: text("the credential", value)?.into() })
            }
            Auth::Basic { username, password } => {
                let (username, password) = (text("the user name", username)?, text("the password", password)?);
                header(AUTHORIZATION.as_str(), &basic(&username, &password))
            }
            Auth::Bearer { token } => header(AUTHORIZATION.as_str(), &format!("Bearer {}", text("the token", token)?)),
            Auth::OAuth2(oauth) => Ok(Self::token(Issuer::OAuth(Box::new(TokenEndpoint::new(oauth, &scope)?)))),
            Auth::OAuth1(oauth) => Ok(Self::OAuth1(Box::new(OAuth1Signer::new(oauth, &scope)?))),
            Auth::Choose(_) => {
                let setting = |name: &str| settings.get(name).and_then(Value::as_str).map(str::to_owned);
                let chosen = auth.chosen(setting).ok_or_else(|| RenderError::Value {
                    what: "the way of logging in".to_owned(),
                    reason: "is none that the connector knows".to_owned(),
                })?;
                Self::new(chosen, settings, base, headers)
            }
            Auth::Session(session) => {
                let login = Login::new(session, base, headers, settings)?;
                Ok(Self::token(Issuer::Session(Box::new(login))))
            }
        }
    }

    fn token(issuer: Issuer) -> Self {
        Self::Token(Box::new(TokenSource::new(issuer)))
    }

    /// Some vendors repeat the caller's credential in the next page's address; it is not stored with the page token.
    pub(crate) fn strip(&self, place: Place) -> Place {
        match (self, place) {
            (Self::Query { name, .. }, Place::Url(text)) => match Url::parse(&text) {
                Ok(mut url) => {
                    let prefix = format!("{}=", form::percent_encode(name));
                    let own = url.query().unwrap_or_default().to_owned();
                    let kept: Vec<&str> = own.split('&').filter(|part| !part.starts_with(&prefix)).collect();
                    url.set_query(Some(&kept.join("&")));
                    Place::Url(url.into())
                }
                Err(_) => Place::Url(text),
            },
            (Self::None | Self::Header { .. } | Self::Query { .. } | Self::Token(_) | Self::OAuth1(_), place) => place,
        }
    }

    /// The host that credentials are fetched from, where they are.
    pub(crate) fn host(&self) -> Option<&str> {
        match self {
            Self::Token(source) => source.host(),
            Self::None | Self::Header { .. } | Self::Query { .. } | Self::OAuth1(_) => None,
        }
    }

    /// Secrets that arise from the settings and must be masked as well.
    pub(crate) fn derived_secrets(&self) -> Vec<SecretString> {
        match self {
            Self::None | Self::Token(_) | Self::OAuth1(_) => Vec::new(),
            Self::Query { value, .. } => vec![value.clone()],
            Self::Header { value, .. } => {
                let text = value.to_str().unwrap_or_default();
                let bare = text.split_once(' ').map_or(text, |(_, bare)| bare);
                vec![SecretString::from(bare)]
            }
        }
    }
}

pub(crate) fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
}

/// Adds a credential to the query, in place of one that is already there.
pub(crate) fn add_to_query(request: &mut WireRequest, name: &str, value: &SecretString) {
    let pair = format!("{}={}", form::percent_encode(name), form::percent_encode(value.expose_secret()));
    let prefix = format!("{}=", form::percent_encode(name));
    let own = request.url.query().unwrap_or_default();
    let kept = own.split('&').filter(|part| !part.is_empty() && !part.starts_with(&prefix));
    let query: Vec<&str> = kept.chain(std::iter::once(pair.as_str())).collect();
    let query = query.join("&");
    request.url.set_query(Some(&query));
}
