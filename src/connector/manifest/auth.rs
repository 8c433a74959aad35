//! How requests prove who they are.
//!
//! Not here: obtaining and refreshing tokens (the HTTP engine), verifying what arrives (`verify`).

use std::time::Duration;

use crate::config::yaml::{Context, Decode, MapReader, Node, Spanned};

use super::auth_choice::AuthChoice;
use super::request::{Fields, Request, fields};
use crate::mapping::expr::{Expression, Template};

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
    /// One token per connection, fetched again before it expires and on a 401.
    OAuth2(Box<OAuth2>),
    /// OAuth 1.0a with HMAC-SHA256 (RFC 5849): every request is signed.
    OAuth1(Box<OAuth1>),
    /// A request that logs in; what it answers goes with every call. Logged in again on a 401, once.
    Session(Box<Session>),
    /// One of several, by a setting. A choice is never among the ways of another.
    Choose(Box<AuthChoice>),
}

#[derive(Debug, Clone)]
pub struct OAuth2 {
    pub token_url: Spanned<Template>,
    pub grant: Grant,
    /// Absent where the assertion alone says who asks.
    pub client_id: Option<Spanned<Template>>,
    pub client_secret: Option<Spanned<Template>>,
    pub client_auth: ClientAuth,
    pub scopes: Vec<String>,
    /// Further form fields of the token request (`audience`, ...).
    pub extra: Fields,
    /// How long a token lives when the reply names no `expires_in`.
    pub lifetime: Duration,
}

#[derive(Debug, Clone)]
pub enum Grant {
    /// RFC 6749, 4.4.
    ClientCredentials,
    /// RFC 6749, 6: `token` is the first one, from a person's consent. One that the vendor puts in its place is kept durably
    /// before it is used.
    RefreshToken { token: Spanned<Template> },
    /// RFC 7523: a signed statement of who asks.
    Assertion(Box<Assertion>),
}

#[derive(Debug, Clone)]
pub struct Assertion {
    pub place: AssertionPlace,
    pub algorithm: Algorithm,
    /// A private key in PEM (PKCS#8, for RSA also PKCS#1).
    pub key: Spanned<Template>,
    pub key_id: Option<Spanned<Template>>,
    pub issuer: Spanned<Template>,
    pub subject: Option<Spanned<Template>>,
    /// `None`: the token address.
    pub audience: Option<Spanned<Template>>,
    /// Further claims.
    pub claims: Fields,
    pub valid_for: Duration,
}

#[derive(Debug, Clone)]
pub struct OAuth1 {
    pub consumer_key: Spanned<Template>,
    pub consumer_secret: Spanned<Template>,
    /// Absent where the consumer alone is who asks.
    pub token: Option<Spanned<Template>>,
    pub token_secret: Option<Spanned<Template>>,
    /// Sent, not signed.
    pub realm: Option<Spanned<Template>>,
    /// Whether `oauth_version` is sent; it is optional, and some vendors sign without it.
    pub send_version: bool,
}

#[derive(Debug, Clone)]
pub struct Session {
    pub login: Request,
    /// Over the `body` and `headers` of the login's answer.
    pub token: Option<Spanned<Template>>,
    /// The header that carries `value` (over `token`).
    pub header: Option<String>,
    pub value: Option<Spanned<Template>>,
    /// Whether the cookies that the login sets go with every call.
    pub cookies: bool,
    pub lifetime: Duration,
    /// Over `status`, `headers`, `body`: answers besides a 401 that say that the session is over. The vendor must not have acted
    /// on such a call, since it is made again.
    pub expired: Option<Spanned<Expression>>,
}

crate::choice! {
    /// Where the client id and secret go in the token request.
    pub enum ClientAuth ("client authentication") {
        Basic = "basic",
        Body = "body",
    }
}

crate::choice! {
    /// What a signed assertion stands for: the grant itself (RFC 7523, 2.1), or the client of a client credentials grant (2.2).
    pub enum AssertionPlace ("use of an assertion") {
        Grant = "grant",
        Client = "client",
    }
}

crate::choice! {
    pub enum Algorithm ("signature algorithm") {
        Rs256 = "RS256",
        Ps256 = "PS256",
        Es256 = "ES256",
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
        Refresh = "oauth2_refresh",
        JwtBearer = "oauth2_jwt_bearer",
        OAuth1 = "oauth1",
        Session = "session",
    }
}

impl Decode for Auth {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        if AuthChoice::is_one(node) {
            return AuthChoice::read(node, cx).map(|choice| Self::Choose(Box::new(choice)));
        }
        Self::read(node, cx)
    }
}

impl Auth {
    /// One scheme.
    pub(super) fn read(node: &Node, cx: &Context) -> Option<Self> {
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
                let (id, secret) = (map.required("client_id"), map.required("client_secret"));
                let oauth = oauth2(&map, Grant::ClientCredentials, id.clone(), secret.clone());
                id.and(secret).and(oauth)
            }
            Scheme::Refresh => {
                let (id, secret) = (map.required("client_id"), map.optional("client_secret"));
                let token = map.required("refresh_token");
                let oauth = token.map(|token| oauth2(&map, Grant::RefreshToken { token }, id.clone(), secret));
                id.and(oauth.flatten())
            }
            Scheme::JwtBearer => {
                let assertion = assertion(&map);
                let (id, secret) = (map.optional("client_id"), map.optional("client_secret"));
                assertion.and_then(|assertion| oauth2(&map, Grant::Assertion(Box::new(assertion)), id, secret))
            }
            Scheme::OAuth1 => oauth1(&map).map(|oauth| Self::OAuth1(Box::new(oauth))),
            Scheme::Session => session(&map).map(|session| Self::Session(Box::new(session))),
        };
        map.finish();
        auth
    }
}

fn oauth2(
    map: &MapReader<'_>,
    grant: Grant,
    client_id: Option<Spanned<Template>>,
    client_secret: Option<Spanned<Template>>,
) -> Option<Auth> {
    let token_url = map.required("token_url");
    let (scopes, client_auth) = (map.list("scopes"), map.or("client_auth", ClientAuth::Basic));
    let extra = map.node("extra").and_then(|node| fields(node, map.context())).unwrap_or_default();
    let lifetime = map.or("lifetime", Duration::from_secs(300));
    let token_url = token_url?;
    Some(Auth::OAuth2(Box::new(OAuth2 {
        token_url,
        grant,
        client_id,
        client_secret,
        client_auth,
        scopes,
        extra,
        lifetime,
    })))
}

fn assertion(map: &MapReader<'_>) -> Option<Assertion> {
    let (algorithm, key, issuer) = (map.required("algorithm"), map.required("key"), map.required("issuer"));
    let place = map.or("assertion", AssertionPlace::Grant);
    let (key_id, subject, audience) = (map.optional("key_id"), map.optional("subject"), map.optional("audience"));
    let claims = map.node("claims").and_then(|node| fields(node, map.context())).unwrap_or_default();
    let valid_for = map.or("valid_for", Duration::from_secs(300));
    if valid_for.is_zero() || valid_for > Duration::from_secs(3_600) {
        map.error("valid_for", "an assertion is valid for some time, at most 1h", "write `valid_for: 5m`");
    }
    let (algorithm, key, issuer) = (algorithm?, key?, issuer?);
    Some(Assertion { place, algorithm, key, key_id, issuer, subject, audience, claims, valid_for })
}

fn oauth1(map: &MapReader<'_>) -> Option<OAuth1> {
    let (consumer_key, consumer_secret) = (map.required("consumer_key"), map.required("consumer_secret"));
    let (token, token_secret) = (map.optional("token"), map.optional("token_secret"));
    let (realm, send_version) = (map.optional("realm"), map.or("send_version", true));
    if map.has("token") != map.has("token_secret") {
        map.error("token", "a token and its secret come together", "write both `token` and `token_secret`, or neither");
    }
    let (consumer_key, consumer_secret) = (consumer_key?, consumer_secret?);
    Some(OAuth1 { consumer_key, consumer_secret, token, token_secret, realm, send_version })
}

fn session(map: &MapReader<'_>) -> Option<Session> {
    let login = map.required("login");
    let (token, header, value) = (map.optional("token"), map.optional("header"), map.optional("value"));
    let cookies = map.or("cookies", false);
    let (lifetime, expired) = (map.or("lifetime", Duration::from_secs(1_800)), map.optional("expired"));
    if map.has("token") != map.has("header") {
        map.error("token", "a token and the header that carries it come together", "write both `token` and `header`");
    }
    if !map.has("token") && !cookies {
        let help = "add `token` with `header`, or `cookies: true`";
        map.context().error(map.span(), "nothing of the login goes with the calls", help);
    }
    Some(Session { login: login?, token, header, value, cookies, lifetime, expired })
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
