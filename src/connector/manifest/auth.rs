//! How requests prove who they are.
//!
//! Not here: obtaining and refreshing tokens (the HTTP engine), verifying what arrives (`verify`).

use std::time::Duration;

use crate::config::yaml::{Context, Decode, Node, Spanned};

use super::request::{Fields, fields};
use crate::mapping::expr::Template;

#[derive(Debug, Clone)]
pub enum Auth {
    None,
    Header {
        name: String,
        value: Spanned<Template>,
    },
    Query {
        name: String,
        value: Spanned<Template>,
    },
    Basic {
        username: Spanned<Template>,
        password: Spanned<Template>,
    },
    Bearer {
        token: Spanned<Template>,
    },
    /// OAuth 2.0 client credentials (RFC 6749, 4.4): one token per connection, fetched again before it expires and on a 401.
    OAuth2ClientCredentials {
        token_url: Spanned<Template>,
        client_id: Spanned<Template>,
        client_secret: Spanned<Template>,
        scopes: Vec<String>,
        client_auth: ClientAuth,
        /// Further form fields of the token request (`audience`, ...).
        extra: Fields,
        /// How long a token lives when the reply names no `expires_in`.
        lifetime: Duration,
    },
}

crate::choice! {
    /// Where the client id and secret go in the token request.
    pub enum ClientAuth ("client authentication") {
        Basic = "basic",
        Body = "body",
    }
}

crate::choice! {
    enum Scheme ("authentication scheme") {
        None = "none",
        Header = "header",
        Query = "query",
        Basic = "basic",
        Bearer = "bearer",
        ClientCredentials = "oauth2_client_credentials",
    }
}

impl Decode for Auth {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "auth")?;
        let scheme = map.required::<Scheme>("scheme");
        let auth = match scheme? {
            Scheme::None => Some(Self::None),
            Scheme::Header => {
                let (name, value) = (map.required("name"), map.required("value"));
                name.zip(value).map(|(name, value)| Self::Header { name, value })
            }
            Scheme::Query => {
                let (name, value) = (map.required("name"), map.required("value"));
                name.zip(value).map(|(name, value)| Self::Query { name, value })
            }
            Scheme::Basic => {
                let (username, password) = (map.required("username"), map.required("password"));
                username.zip(password).map(|(username, password)| Self::Basic { username, password })
            }
            Scheme::Bearer => map.required("token").map(|token| Self::Bearer { token }),
            Scheme::ClientCredentials => {
                let (token_url, client_id) = (map.required("token_url"), map.required("client_id"));
                let client_secret = map.required("client_secret");
                let scopes = map.list("scopes");
                let client_auth = map.or("client_auth", ClientAuth::Basic);
                let extra = map.node("extra").and_then(|node| fields(node, cx)).unwrap_or_default();
                let lifetime = map.or("lifetime", Duration::from_secs(300));
                token_url.zip(client_id).zip(client_secret).map(|((token_url, client_id), client_secret)| {
                    Self::OAuth2ClientCredentials {
                        token_url,
                        client_id,
                        client_secret,
                        scopes,
                        client_auth,
                        extra,
                        lifetime,
                    }
                })
            }
        };
        map.finish();
        auth
    }
}

/// A signature over every request that carries a body, beside authentication.
#[derive(Debug, Clone)]
pub enum OutgoingSignature {
    /// Standard Webhooks 1.0.0: `webhook-id` (the idempotency key, the same on every retry), `webhook-timestamp`, `webhook-signature`.
    /// Empty secrets are skipped; with two, both signatures are sent (rotation).
    StandardWebhooks { secrets: Vec<Spanned<Template>>, id: Spanned<Template> },
}

crate::choice! {
    enum SignatureScheme ("signature scheme") {
        StandardWebhooks = "standard_webhooks",
    }
}

impl Decode for OutgoingSignature {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "signature")?;
        let scheme = map.required::<SignatureScheme>("scheme");
        let secrets = map.required("secrets");
        let id = map.required("id");
        map.finish();
        match scheme? {
            SignatureScheme::StandardWebhooks => Some(Self::StandardWebhooks { secrets: secrets?, id: id? }),
        }
    }
}
