//! Log-ins that must be renewed: rotated refresh tokens, signed assertions, sessions, tokens against forged requests,
//! client certificates.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::future::join_all;
use syncline::connector::connection::{Connection, ConnectionOptions};
use syncline::connector::http::Patience;
use syncline::connector::manifest::{Manifest, OpKind};
use syncline::connector::token_store::{MemoryTokenStore, TokenStore, TokenStoreError};
use syncline::model::ErrorClass;

use crate::setup::{SECRET, STREAMS, context, manifest, options, settings, try_connect};
use crate::vendor::{Asked, Reply, Vendor, json, with};

const EMPTY: &str = r#"{"orders":[]}"#;

fn described(http: &str) -> Arc<Manifest> {
    manifest(http, STREAMS)
}

fn patient(tokens: Arc<dyn TokenStore>) -> ConnectionOptions {
    ConnectionOptions { tokens, patience: Patience::default(), ..options() }
}

/// What a form says.
fn form(asked: &Asked, name: &str) -> Option<String> {
    asked
        .body
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value.to_owned())
}

const REFRESH: &str = "  auth: { scheme: oauth2_refresh, token_url: \"{settings.url}/token\", client_id: hub, client_secret: \"{settings.token}\", refresh_token: \"{settings.second}\" }";

fn refreshing(url: &str, first: &str, tokens: Arc<dyn TokenStore>) -> Connection {
    let described = described(REFRESH);
    let settings = settings(&described, &[("url", url), ("token", SECRET), ("second", first)]);
    Connection::new("shop", described, &settings, patient(tokens)).unwrap()
}

/// Takes each refresh token once and gives the next one; access tokens are refused once another was given.
async fn rotating() -> Vendor {
    let newest = Arc::new(Mutex::new("refresh-0".to_owned()));
    Vendor::start(move |number, asked| {
        if asked.path() != "/token" {
            return json(200, EMPTY);
        }
        let mut newest = newest.lock().unwrap();
        if form(asked, "refresh_token").as_deref() != Some(newest.as_str()) {
            return json(400, r#"{"error":"invalid_grant"}"#);
        }
        *newest = format!("refresh-{number}-x");
        json(200, format!(r#"{{"access_token":"access-{number}","refresh_token":"{newest}","expires_in":0}}"#))
    })
    .await
}

#[tokio::test]
async fn a_rotated_refresh_token_is_used_next_and_after_a_restart() {
    let (vendor, kept) = (rotating().await, Arc::new(MemoryTokenStore::default()));
    let shop = refreshing(&vendor.url, "refresh-0", kept.clone());
    for _ in 0..3 {
        shop.read_page("orders", None, None).await.unwrap();
    }
    let restarted = refreshing(&vendor.url, "refresh-0", kept.clone());
    restarted.read_page("orders", None, None).await.unwrap();
    let sent: Vec<String> = vendor.asked().iter().filter_map(|asked| form(asked, "refresh_token")).collect();
    assert_eq!(sent, ["refresh-0", "refresh-0-x", "refresh-2-x", "refresh-4-x"]);
    assert_eq!(vendor.asked()[0].header("authorization"), Some("Basic aHViOnRvay0zY3IzdA=="));
    // The first life finds what the second one left, as after a reload.
    shop.read_page("orders", None, None).await.unwrap();
    // A new consent does not use what an older one left behind.
    let anew = refreshing(&vendor.url, "refresh-new", kept);
    let error = anew.read_page("orders", None, None).await.unwrap_err();
    assert_eq!((error.class, error.sent), (ErrorClass::Auth, false), "{error}");
    assert_eq!(form(vendor.asked().last().unwrap(), "refresh_token").as_deref(), Some("refresh-new"));
    assert!(!format!("{error:?}").contains("refresh-new"), "{error:?}");
}

/// Keeps nothing while it is broken.
#[derive(Default)]
struct Fragile {
    inner: MemoryTokenStore,
    broken: AtomicBool,
    texts: Mutex<Vec<String>>,
}

#[async_trait]
impl TokenStore for Fragile {
    async fn load(&self, connection: &str, slot: &str) -> Result<Option<String>, TokenStoreError> {
        self.inner.load(connection, slot).await
    }

    async fn save(&self, connection: &str, slot: &str, text: &str) -> Result<(), TokenStoreError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(TokenStoreError { reason: "the disk is full".to_owned() });
        }
        self.texts.lock().unwrap().push(text.to_owned());
        self.inner.save(connection, slot, text).await
    }
}

#[tokio::test]
async fn a_token_that_cannot_be_kept_is_not_used_before_it_is() {
    let (vendor, kept) = (rotating().await, Arc::new(Fragile::default()));
    kept.broken.store(true, Ordering::SeqCst);
    let shop = refreshing(&vendor.url, "refresh-0", kept.clone());
    for _ in 0..2 {
        let error = shop.read_page("orders", None, None).await.unwrap_err();
        assert_eq!((error.class, error.sent), (ErrorClass::Transient, false), "{error}");
        assert!(error.message.contains("cannot be kept: the disk is full"), "{error}");
    }
    assert_eq!(vendor.count(), 1, "the successor was not used while it was not durable");
    kept.broken.store(false, Ordering::SeqCst);
    shop.read_page("orders", None, None).await.unwrap();
    assert_eq!(form(&vendor.asked()[1], "refresh_token").as_deref(), Some("refresh-0-x"));
    let texts = kept.texts.lock().unwrap();
    assert!(texts.len() == 2 && texts.iter().all(|text| !text.contains("refresh")), "{texts:?}");
}

#[tokio::test]
async fn without_a_durable_place_nothing_is_used_up() {
    let vendor = rotating().await;
    let described = described(REFRESH);
    let settings = settings(&described, &[("url", &vendor.url), ("token", SECRET), ("second", "refresh-0")]);
    let shop = Connection::new("shop", described, &settings, options()).unwrap();
    let error = shop.check().await.unwrap_err();
    assert!(error.message.contains("let the running hub"), "{error}");
    assert_eq!(vendor.count(), 0);
}

#[tokio::test]
async fn a_signed_assertion_is_exchanged_for_a_token() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    for (place, algorithm, key, grant) in [
        (
            "grant",
            "RS256",
            include_str!("../fixtures/keys/rsa.pem"),
            "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer",
        ),
        ("client", "ES256", include_str!("../fixtures/keys/p256.pem"), "client_credentials"),
    ] {
        let auth = format!(
            "  auth: {{ scheme: oauth2_jwt_bearer, token_url: \"{{settings.url}}/token\", assertion: {place}, algorithm: {algorithm}, key: \"{{settings.token}}\", \
             key_id: cert-1, issuer: hub, subject: robot, claims: {{ scope: \"a b\" }}, scopes: [rest] }}"
        );
        let vendor = Vendor::start(|_, asked| match (asked.path(), asked.header("authorization")) {
            ("/token", None) => json(200, r#"{"access_token":"access-1"}"#),
            (_, Some("Bearer access-1")) => json(200, EMPTY),
            _ => json(401, "{}"),
        })
        .await;
        let described = described(&auth);
        let settings = settings(&described, &[("url", &vendor.url), ("token", key)]);
        let shop = Connection::new("shop", described, &settings, options()).unwrap();
        shop.read_page("orders", None, None).await.unwrap();
        let asked = &vendor.asked()[0];
        assert_eq!(
            (form(asked, "grant_type").as_deref(), form(asked, "scope").as_deref()),
            (Some(grant), Some("rest"))
        );
        let token = form(asked, if place == "grant" { "assertion" } else { "client_assertion" }).unwrap();
        assert_eq!(form(asked, "client_assertion_type").is_some(), place == "client");
        let part = |index: usize| -> serde_json::Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
        };
        assert_eq!((part(0)["alg"].as_str(), part(0)["kid"].as_str()), (Some(algorithm), Some("cert-1")));
        let claims = part(1);
        assert_eq!(
            (claims["iss"].as_str(), claims["sub"].as_str(), claims["scope"].as_str()),
            (Some("hub"), Some("robot"), Some("a b"))
        );
        assert_eq!(claims["aud"].as_str(), Some(format!("{}/token", vendor.url).as_str()));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    }
    let wrong = described(
        "  auth: { scheme: oauth2_jwt_bearer, token_url: \"{settings.url}/token\", algorithm: RS256, key: \"{settings.token}\", issuer: hub }",
    );
    let refused = try_connect(wrong, "http://127.0.0.1:9", options()).unwrap_err().to_string();
    assert!(refused.contains("is not a private key in PEM") && !refused.contains(SECRET), "{refused}");
}

#[tokio::test]
async fn every_request_is_signed_with_oauth1() {
    let vendor = Vendor::start(|_, _| json(200, EMPTY)).await;
    let signed = described(
        "  auth: { scheme: oauth1, consumer_key: ck, consumer_secret: \"{settings.token}\", token: tk, token_secret: \"{settings.token}\", realm: \"123_SB1\" }",
    );
    let shop = try_connect(signed, &vendor.url, options()).unwrap();
    for _ in 0..2 {
        shop.read_page("orders", None, None).await.unwrap();
    }
    let headers: Vec<String> =
        vendor.asked().iter().map(|asked| asked.header("authorization").unwrap().to_owned()).collect();
    assert!(
        headers[0].starts_with("OAuth realm=\"123_SB1\", oauth_consumer_key=\"ck\", oauth_nonce=\""),
        "{headers:?}"
    );
    assert!(headers[0].contains("oauth_token=\"tk\"") && headers[0].contains("oauth_signature_method=\"HMAC-SHA256\""));
    assert_ne!(headers[0], headers[1], "a nonce counts once");
    assert!(!headers[0].contains(SECRET));
}

const SESSION: &str = "  auth: { scheme: session, login: { post: /login, json: { user: hub, password: \"{settings.token}\" } }, token: \"{body.token}\", header: Authorization, value: \"Session {token}\", expired: \"body?.code == 100\" }";

/// Sessions end when told so; the answer to a call without a good one is `refusal`.
async fn gate(ended: Arc<AtomicUsize>, refusal: fn() -> Reply) -> Vendor {
    Vendor::start(move |_, asked| {
        let number = ended.load(Ordering::SeqCst);
        if asked.path() == "/login" {
            return json(200, format!(r#"{{"token":"session-{number}"}}"#));
        }
        let wanted = format!("Session session-{number}");
        if asked.header("authorization") == Some(wanted.as_str()) { json(200, EMPTY) } else { refusal() }
    })
    .await
}

#[tokio::test]
async fn a_session_is_opened_once_and_again_when_it_is_over() {
    for refusal in [(|| json(401, "{}")) as fn() -> Reply, || json(200, r#"{"code":100,"message":"Session expired"}"#)]
    {
        let ended = Arc::new(AtomicUsize::new(0));
        let vendor = gate(Arc::clone(&ended), refusal).await;
        let shop =
            try_connect(described(SESSION), &vendor.url, patient(Arc::new(MemoryTokenStore::default()))).unwrap();
        let logins = || vendor.asked().iter().filter(|asked| asked.path() == "/login").count();
        for round in 1..=2 {
            for found in join_all((0..20).map(|_| shop.read_page("orders", None, None))).await {
                found.unwrap();
            }
            assert_eq!(logins(), round);
            ended.fetch_add(1, Ordering::SeqCst);
        }
        assert_eq!(vendor.asked()[0].body, r#"{"user":"hub","password":"tok-3cr3t"}"#);
    }
}

#[tokio::test]
async fn a_login_that_is_refused_is_not_tried_on_and_on() {
    for (status, body, class) in [
        (401, "{}", ErrorClass::Auth),
        (200, "{}", ErrorClass::Auth),
        (200, r#"{"token":""}"#, ErrorClass::Auth),
        (500, "{}", ErrorClass::Transient),
        (429, "{}", ErrorClass::RateLimited),
    ] {
        let vendor = Vendor::start(move |_, _| json(status, body)).await;
        let shop = try_connect(described(SESSION), &vendor.url, options()).unwrap();
        let error = shop.write("orders", OpKind::Update, &context()).await.unwrap_err();
        assert_eq!((error.class, error.sent, vendor.count()), (class, false, 1), "{error}");
        assert!(!format!("{error:?}").contains(SECRET));
    }
    // The vendor lets us in and knows nothing of it: once more, then the refusal counts.
    let vendor = Vendor::start(|_, asked| match asked.path() {
        "/login" => json(200, r#"{"token":"session-1"}"#),
        _ => json(401, "{}"),
    })
    .await;
    let shop = try_connect(described(SESSION), &vendor.url, options()).unwrap();
    let error = shop.write("orders", OpKind::Update, &context()).await.unwrap_err();
    assert_eq!((error.class, vendor.count()), (ErrorClass::Auth, 4), "{error}");
}

#[tokio::test]
async fn a_session_may_be_a_cookie() {
    let vendor = Vendor::start(|_, asked| match (asked.path(), asked.header("cookie")) {
        ("/login", None) => Reply::Answer {
            status: 200,
            headers: vec![
                ("set-cookie".to_owned(), "session_id=abc123def; Path=/; HttpOnly".to_owned()),
                ("set-cookie".to_owned(), "lang=de".to_owned()),
            ],
            body: b"<html>welcome</html>".to_vec(),
        },
        (_, Some("session_id=abc123def; lang=de")) => json(200, format!(r#"{{"orders":[],"echo":"{}"}}"#, "ok")),
        (_, cookie) => json(400, format!(r#"{{"message":"{cookie:?}"}}"#)),
    })
    .await;
    let auth = "  auth: { scheme: session, login: { post: /login, form: { login: hub, password: \"{settings.token}\" } }, cookies: true }";
    let shop = try_connect(described(auth), &vendor.url, options()).unwrap();
    shop.read_page("orders", None, None).await.unwrap();
    assert_eq!(vendor.count(), 2);
}

const CSRF: &str =
    "  auth: { scheme: basic, username: hub, password: \"{settings.token}\" }\n  csrf: { fetch: { head: / } }";

#[tokio::test]
async fn changes_carry_a_token_against_forgery_with_its_cookies() {
    let valid = Arc::new(AtomicUsize::new(1));
    let current = Arc::clone(&valid);
    let vendor = Vendor::start(move |_, asked| {
        let number = current.load(Ordering::SeqCst);
        assert!(asked.header("authorization").unwrap().starts_with("Basic "));
        let token = asked.header("x-csrf-token");
        match asked.method.as_str() {
            "HEAD" => {
                assert_eq!((token, asked.header("cookie")), (Some("Fetch"), None));
                with(
                    200,
                    &[
                        ("x-csrf-token", &format!("csrf-tok-{number}")),
                        ("set-cookie", &format!("SAP_SESSION=s-{number}; path=/")),
                    ],
                    "",
                )
            }
            "GET" => json(200, EMPTY),
            _ if token == Some(&format!("csrf-tok-{number}"))
                && asked.header("cookie") == Some(&format!("SAP_SESSION=s-{number}")) =>
            {
                json(200, "{}")
            }
            _ => with(403, &[("x-csrf-token", "Required")], "CSRF token validation failed"),
        }
    })
    .await;
    let shop = try_connect(described(CSRF), &vendor.url, options()).unwrap();
    shop.read_page("orders", None, None).await.unwrap();
    assert_eq!(vendor.count(), 1, "a read needs no token");
    let kinds = || vendor.asked().iter().map(|asked| asked.method.clone()).collect::<Vec<_>>();
    shop.write("orders", OpKind::Update, &context()).await.unwrap();
    shop.write("orders", OpKind::Update, &context()).await.unwrap();
    assert_eq!(kinds()[1..], ["HEAD", "PUT", "PUT"]);
    valid.store(2, Ordering::SeqCst);
    shop.write("orders", OpKind::Update, &context()).await.unwrap();
    assert_eq!(kinds()[4..], ["PUT", "HEAD", "PUT"]);
}

#[tokio::test]
async fn a_403_about_rights_and_a_missing_token_are_not_about_forgery() {
    let vendor = Vendor::start(|_, asked| match asked.method.as_str() {
        "HEAD" => with(200, &[("x-csrf-token", "csrf-token-1")], ""),
        _ => json(403, r#"{"message":"no right"}"#),
    })
    .await;
    let shop = try_connect(described(CSRF), &vendor.url, options()).unwrap();
    let error = shop.write("orders", OpKind::Update, &context()).await.unwrap_err();
    assert_eq!((error.class, vendor.count()), (ErrorClass::Permission, 2), "{error}");
    for (status, class) in [(200, ErrorClass::Data), (401, ErrorClass::Auth), (503, ErrorClass::Transient)] {
        let vendor = Vendor::start(move |_, _| with(status, &[], "")).await;
        let shop = try_connect(described(CSRF), &vendor.url, options()).unwrap();
        let error = shop.write("orders", OpKind::Update, &context()).await.unwrap_err();
        assert_eq!((error.class, error.sent, vendor.count()), (class, false, 1), "{error}");
    }
    // It asks for a token and does not take the one that it gave: twice is enough.
    let vendor = Vendor::start(|_, asked| match asked.method.as_str() {
        "HEAD" => with(200, &[("x-csrf-token", "csrf-token-1")], ""),
        _ => with(403, &[("x-csrf-token", "Required")], ""),
    })
    .await;
    let shop = try_connect(described(CSRF), &vendor.url, options()).unwrap();
    let error = shop.write("orders", OpKind::Update, &context()).await.unwrap_err();
    assert_eq!((error.class, vendor.count()), (ErrorClass::Permission, 4), "{error}");
}

/// A vendor behind TLS that asks for a certificate of its own authority.
mod behind_tls {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::Arc;

    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use rustls::server::WebPkiClientVerifier;
    use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

    pub fn start() -> u16 {
        let certificate = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(certificate(include_str!("../fixtures/keys/ca.pem"))).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("../fixtures/keys/server-key.pem")).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate(include_str!("../fixtures/keys/server.pem"))], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut stream = StreamOwned::new(connection, stream);
                // A refused handshake is what one of the tests is about.
                if stream.read(&mut [0; 4096]).is_ok() {
                    let _ = stream.write_all(
                        b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\nconnection: close\r\n\r\n{\"orders\":[]}",
                    );
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                }
            }
        });
        port
    }
}

#[tokio::test]
async fn both_sides_show_a_certificate() {
    let port = behind_tls::start();
    let url = format!("https://127.0.0.1:{port}");
    let identity =
        format!("{}{}", include_str!("../fixtures/keys/client.pem"), include_str!("../fixtures/keys/client-key.pem"));
    let authority = include_str!("../fixtures/keys/ca.pem");
    let read = async |tls: &str, identity: &str, authority: &str| {
        let described = described(&format!("  tls: {tls}"));
        let settings = settings(&described, &[("url", &url), ("token", identity), ("second", authority)]);
        let shop = Connection::new("shop", described, &settings, options()).unwrap();
        shop.read_page("orders", None, None).await.map(|page| page.records.len())
    };
    let both = "{ certificate: \"{settings.token}\", key: \"{settings.token}\", authority: \"{settings.second}\" }";
    assert_eq!(read(both, &identity, authority).await, Ok(0));
    assert_eq!(read(both, &identity.replace('\n', "\\n"), authority).await, Ok(0));
    let without = read("{ authority: \"{settings.second}\" }", "x", authority).await.unwrap_err();
    assert_eq!(without.class, ErrorClass::Transient, "{without}");
    let stranger =
        read("{ certificate: \"{settings.token}\", key: \"{settings.token}\" }", &identity, "").await.unwrap_err();
    assert!(!stranger.sent && stranger.message.contains("TLS"), "{stranger}");
    let described = described(&format!("  tls: {both}"));
    let settings = settings(&described, &[("url", &url), ("token", "k3y-material"), ("second", authority)]);
    let refused = Connection::new("shop", described, &settings, options()).unwrap_err().to_string();
    assert!(refused.contains("client certificate") && !refused.contains("k3y"), "{refused}");
}
