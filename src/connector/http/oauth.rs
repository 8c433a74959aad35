//! The token endpoint of OAuth 2.0: client credentials, refresh tokens that may be rotated, signed assertions.
//!
//! Not here: keeping tokens and sharing them among callers (`token`), the consent of a person.

use std::time::Duration;

use http::HeaderMap;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::assertion::Signer;
use super::auth::basic;
use super::client::{BodyEnd, Errand, WireAnswer, WireFailure, WireRequest};
use super::refresh::RefreshToken;
use super::render::{self, RenderError};
use super::token::{Fetching, Issued};
use super::{body, form, retry_after};
use crate::connector::call::{CallError, CallResult};
use crate::connector::manifest::{AssertionPlace, ClientAuth, Grant, OAuth2};
use crate::mapping::expr::Scope;
use crate::model::ErrorClass;

/// Where and how a connection asks for tokens.
pub(crate) struct TokenEndpoint {
    url: Url,
    headers: HeaderMap,
    /// What every token request says, besides its grant.
    fields: Vec<(String, SecretString)>,
    grant: Asking,
    lifetime: Duration,
}

enum Asking {
    ClientCredentials,
    Refresh(Box<RefreshToken>),
    Assertion(Box<Signer>),
}

type FormFields = Vec<(String, SecretString)>;

impl TokenEndpoint {
    pub(crate) fn new(described: &OAuth2, scope: &Scope<'_>) -> Result<Self, RenderError> {
        let url = render::text("the token address", &described.token_url, scope)?;
        let url = Url::parse(&url).map_err(|_| RenderError::Value {
            what: "the token address".to_owned(),
            reason: "is not an absolute URL".to_owned(),
        })?;
        let id = render::optional_text("the client id", described.client_id.as_ref(), scope)?;
        let secret = render::optional_text("the client secret", described.client_secret.as_ref(), scope)?
            .map(SecretString::from);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, http::HeaderValue::from_static("application/json"));
        let mut fields = Vec::new();
        match (id, &secret, described.client_auth) {
            (Some(id), Some(secret), ClientAuth::Basic) => {
                // RFC 6749, 2.3.1: both are form-encoded before they become user name and password.
                let value = basic(&form::percent_encode(&id), &form::percent_encode(secret.expose_secret()));
                let (name, value) = render::header(AUTHORIZATION.as_str(), &value)?;
                headers.insert(name, value);
            }
            (Some(id), secret, ClientAuth::Basic | ClientAuth::Body) => {
                fields.push(field("client_id", id));
                fields.extend(secret.iter().map(|secret| ("client_secret".to_owned(), (*secret).clone())));
            }
            (None, _, ClientAuth::Basic | ClientAuth::Body) => {}
        }
        if !described.scopes.is_empty() {
            fields.push(field("scope", described.scopes.join(" ")));
        }
        for (name, value) in &described.extra {
            fields.push(field(name, render::text(name, value, scope)?));
        }
        let grant = match &described.grant {
            Grant::ClientCredentials => Asking::ClientCredentials,
            Grant::RefreshToken { token } => {
                let first = SecretString::from(render::text("the refresh token", token, scope)?);
                Asking::Refresh(Box::new(RefreshToken::new(first, secret)?))
            }
            Grant::Assertion(assertion) => Asking::Assertion(Box::new(Signer::new(assertion, &url, scope)?)),
        };
        Ok(Self { url, headers, fields, grant, lifetime: described.lifetime })
    }

    /// Where tokens are asked for; the audience of an assertion is only a name.
    pub(super) fn host(&self) -> Option<&str> {
        self.url.host_str()
    }

    pub(super) async fn fetch(&self, fetching: &Fetching<'_>) -> CallResult<Issued> {
        match (self.ask(fetching).await, &self.grant) {
            (Err(error), Asking::Refresh(refresh)) if error.class == ErrorClass::Auth => {
                // Another life of this connection, before a reload, may have rotated it meanwhile.
                if refresh.has_successor(fetching, &self.what()).await? { self.ask(fetching).await } else { Err(error) }
            }
            (asked, _) => asked,
        }
    }

    async fn ask(&self, fetching: &Fetching<'_>) -> CallResult<Issued> {
        let mut fields = self.grant_fields(fetching).await?;
        fields.extend(self.fields.iter().cloned());
        let form = fields.iter().map(|(name, value)| {
            format!("{}={}", form::percent_encode(name), form::percent_encode(value.expose_secret()))
        });
        let request = WireRequest {
            method: http::Method::POST,
            url: self.url.clone(),
            headers: self.headers.clone(),
            body: form.collect::<Vec<_>>().join("&").into(),
        };
        let answer = fetching
            .wire
            .send_for(request, Errand::LogIn)
            .await
            .map_err(|failure| self.unanswered(&failure, fetching))?;
        let parsed = self.accepted(&answer, fetching)?;
        let unusable = |reason: &str| {
            self.refusal(&answer, fetching, ErrorClass::Transient, reason.to_owned(), "check the token address")
        };
        let text = parsed.get("access_token").and_then(Value::as_str).filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| unusable("the answer holds no access_token"))?;
        let seconds = parsed.get("expires_in").and_then(|value| match value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        });
        if let (Asking::Refresh(refresh), Some(next)) =
            (&self.grant, parsed.get("refresh_token").and_then(Value::as_str).filter(|next| !next.is_empty()))
        {
            fetching.mask.learn(next.into());
            refresh.replace(next.into(), fetching, &self.what()).await?;
        }
        let (name, value) = render::header(AUTHORIZATION.as_str(), &format!("Bearer {text}"))
            .map_err(|_| unusable("the access_token cannot stand in a header"))?;
        let life = seconds.map_or(self.lifetime, Duration::from_secs);
        Ok(Issued { headers: vec![(name, value)], secrets: vec![text.into()], life })
    }

    async fn grant_fields(&self, fetching: &Fetching<'_>) -> CallResult<FormFields> {
        const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        Ok(match &self.grant {
            Asking::ClientCredentials => vec![field("grant_type", "client_credentials")],
            Asking::Refresh(refresh) => {
                let token = refresh.current(fetching, &self.what()).await?;
                vec![field("grant_type", "refresh_token"), ("refresh_token".to_owned(), token)]
            }
            Asking::Assertion(signer) => {
                let signed = signer.sign(fetching.now).map_err(|error| {
                    let next_step = "check the connection's private key, then resume it";
                    fetching.error(ErrorClass::Auth, self.what(), error.to_string(), next_step)
                })?;
                match signer.place() {
                    AssertionPlace::Grant => {
                        vec![
                            field("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                            field("assertion", signed),
                        ]
                    }
                    AssertionPlace::Client => vec![
                        field("grant_type", "client_credentials"),
                        field("client_assertion_type", ASSERTION_TYPE),
                        field("client_assertion", signed),
                    ],
                }
            }
        })
    }

    fn what(&self) -> String {
        format!("POST {}", self.url.path())
    }

    /// The body of an answer that gives a token.
    fn accepted(&self, answer: &WireAnswer, fetching: &Fetching<'_>) -> CallResult<Value> {
        let fail = |class, message: String, next: &str| Err(self.refusal(answer, fetching, class, message, next));
        let parsed = body::parse(&answer.headers, &answer.body);
        match answer.status {
            200 | 201 if answer.end == BodyEnd::Complete => {}
            400..=403 => {
                let said =
                    parsed.ok().and_then(|body| body.get("error")?.as_str().map(str::to_owned)).unwrap_or_default();
                let (what, next) = match &self.grant {
                    Asking::ClientCredentials => (
                        "the client credentials were refused",
                        "renew the client id and secret, then resume the connection",
                    ),
                    Asking::Refresh(_) => (
                        "the refresh token was refused",
                        "give consent anew, put the new refresh token into the connection's settings, then resume it",
                    ),
                    Asking::Assertion(_) => {
                        ("the signed assertion was refused", "check key, issuer and clock, then resume the connection")
                    }
                };
                return fail(ErrorClass::Auth, format!("{what} ({})", super::mask::escape(&said, 80)), next);
            }
            429 => {
                return fail(ErrorClass::RateLimited, "too many token requests".to_owned(), "it is tried again later");
            }
            _ => {
                let message = "the token endpoint did not give a token".to_owned();
                return fail(ErrorClass::Transient, message, "it is tried again by itself");
            }
        }
        parsed.or_else(|error| {
            fail(ErrorClass::Transient, format!("the token endpoint: {error}"), "check the token address")
        })
    }

    fn refusal(
        &self,
        answer: &WireAnswer,
        fetching: &Fetching<'_>,
        class: ErrorClass,
        message: String,
        next_step: &str,
    ) -> Box<CallError> {
        // A successful answer holds tokens that the mask does not know.
        let body = if answer.status == 200 { b"".as_slice() } else { &answer.body };
        Box::new(CallError {
            status: Some(answer.status),
            retry_after: retry_after::retry_after(&answer.headers, fetching.now),
            response_excerpt: fetching.mask.excerpt(body),
            ..*fetching.error(class, self.what(), message, next_step)
        })
    }

    fn unanswered(&self, failure: &WireFailure, fetching: &Fetching<'_>) -> Box<CallError> {
        let class = super::classify::by_failure(failure, super::classify::Purpose::Read);
        fetching.error(class, self.what(), format!("no token: {failure}"), super::classify::next_step(class))
    }
}

fn field(name: &str, value: impl Into<SecretString>) -> (String, SecretString) {
    (name.to_owned(), value.into())
}
