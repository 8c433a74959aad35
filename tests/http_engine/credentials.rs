//! Credentials on the wire, tokens fetched once, and secrets that never show.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use syncline::model::ErrorClass;

use crate::setup::{SECRET, STREAMS, connect, manifest};
use crate::vendor::{Reply, Vendor, json};

fn with_auth(auth: &str) -> std::sync::Arc<syncline::connector::manifest::Manifest> {
    manifest(&format!("  auth: {auth}\n  headers: {{ X-App: \"hub-{{settings.token}}\" }}"), STREAMS)
}

#[tokio::test]
async fn fixed_schemes() {
    let empty = |_: usize, _: &crate::vendor::Asked| json(200, r#"{"orders":[]}"#);
    for (auth, name, value) in [
        ("{ scheme: header, name: X-Key, value: \"k {settings.token}\" }", "x-key", "k tok-3cr3t"),
        ("{ scheme: bearer, token: \"{settings.token}\" }", "authorization", "Bearer tok-3cr3t"),
        (
            "{ scheme: basic, username: api, password: \"{settings.token}\" }",
            "authorization",
            "Basic YXBpOnRvay0zY3IzdA==",
        ),
        ("{ scheme: none }", "x-app", "hub-tok-3cr3t"),
    ] {
        let vendor = Vendor::start(empty).await;
        connect(with_auth(auth), &vendor.url).read_page("orders", None, None).await.unwrap();
        assert_eq!(vendor.asked()[0].header(name), Some(value), "{auth}");
        assert!(vendor.asked()[0].header("user-agent").unwrap().starts_with("syncline/"));
    }
}

#[tokio::test]
async fn a_credential_in_the_query_never_shows() {
    let echo = |_: usize, asked: &crate::vendor::Asked| json(400, format!("{{\"message\":\"bad {}\"}}", asked.target));
    let vendor = Vendor::start(echo).await;
    let shop = connect(with_auth("{ scheme: query, name: api key, value: \"{settings.token}\" }"), &vendor.url);
    let error = shop.read_page("orders", None, None).await.unwrap_err();
    assert_eq!(vendor.asked()[0].query("api%20key"), Some(SECRET));
    let everything = format!("{error} {error:?} {shop:?}");
    assert!(!everything.contains(SECRET) && error.message.contains("[secret]"), "{everything}");
}

#[tokio::test]
async fn a_credential_that_the_vendor_repeats_is_not_stored() {
    let vendor = Vendor::start(|_, asked| match asked.query("at") {
        None => json(200, r#"{"items":[{"id":1}],"next":"/items?key=tok-3cr3t&at=2"}"#),
        Some(_) => json(200, r#"{"items":[{"id":2}]}"#),
    })
    .await;
    let paged = manifest(
        "  auth: { scheme: query, name: key, value: \"{settings.token}\" }",
        "\nstreams:\n  items:\n    entity: product\n    key: \"{record.id}\"\n    read: { request: { get: /items }, records: items, \
         pages: { scheme: next_url, path: next }, cursor: { kind: snapshot } }\n",
    );
    let shop = connect(paged, &vendor.url);
    let page = shop.read_page("items", None, None).await.unwrap();
    let token = page.next.unwrap();
    assert!(!token.0.contains(SECRET), "{token:?}");
    shop.read_page("items", None, Some(token)).await.unwrap();
    assert_eq!(vendor.asked()[1].target, "/items?at=2&key=tok-3cr3t");
}

const OAUTH: &str = "{ scheme: oauth2_client_credentials, token_url: \"{settings.url}/token\", client_id: hub, client_secret: \"{settings.token}\", scopes: [read, write] }";

#[tokio::test]
async fn one_token_for_fifty_callers_and_one_renewal_after_a_refusal() {
    let revoked = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&revoked);
    let vendor = Vendor::start(move |_, asked| {
        if asked.path() == "/token" {
            let token = if flag.load(Ordering::SeqCst) { "token-two" } else { "token-one" };
            return json(200, format!(r#"{{"access_token":"{token}","expires_in":3600,"token_type":"Bearer"}}"#));
        }
        let wanted = if flag.load(Ordering::SeqCst) { "Bearer token-two" } else { "Bearer token-one" };
        if asked.header("authorization") == Some(wanted) { json(200, r#"{"orders":[]}"#) } else { json(401, "{}") }
    })
    .await;
    let patient = syncline::connector::connection::ConnectionOptions {
        patience: syncline::connector::http::Patience::default(),
        ..crate::setup::options()
    };
    let shop = crate::setup::try_connect(with_auth(OAUTH), &vendor.url, patient).unwrap();
    let all = || async { join_all((0..50).map(|_| shop.read_page("orders", None, None))).await };
    let tokens = || vendor.asked().iter().filter(|asked| asked.path() == "/token").count();
    for found in all().await {
        found.unwrap();
    }
    assert_eq!(tokens(), 1);
    let asked = vendor.asked().into_iter().find(|asked| asked.path() == "/token").unwrap();
    assert_eq!(asked.body, "grant_type=client_credentials&scope=read%20write");
    assert_eq!(asked.header("authorization"), Some("Basic aHViOnRvay0zY3IzdA=="));
    revoked.store(true, Ordering::SeqCst);
    for found in all().await {
        found.unwrap();
    }
    assert_eq!(tokens(), 2);
}

#[tokio::test]
async fn a_token_is_replaced_before_it_expires() {
    let vendor = Vendor::start(|number, asked| {
        if asked.path() == "/token" {
            return json(200, format!(r#"{{"access_token":"t{number}","expires_in":"0"}}"#));
        }
        json(200, r#"{"orders":[]}"#)
    })
    .await;
    let shop = connect(with_auth(OAUTH), &vendor.url);
    for _ in 0..3 {
        shop.read_page("orders", None, None).await.unwrap();
    }
    assert_eq!(vendor.asked().iter().filter(|asked| asked.path() == "/token").count(), 3);
}

#[tokio::test]
async fn refused_client_credentials_are_asked_for_once_by_all_who_wait() {
    for (reply, class) in
        [(401, ErrorClass::Auth), (400, ErrorClass::Auth), (500, ErrorClass::Transient), (429, ErrorClass::RateLimited)]
    {
        let vendor = Vendor::start(move |_, _| -> Reply { json(reply, r#"{"error":"invalid_client"}"#) }).await;
        let shop = connect(with_auth(OAUTH), &vendor.url);
        let error = shop.write("orders", syncline::connector::manifest::OpKind::Create, &crate::setup::context()).await;
        let error = error.unwrap_err();
        assert_eq!((error.class, error.sent, error.status), (class, false, Some(reply)), "{error}");
        assert!(vendor.asked().iter().all(|asked| asked.path() == "/token"));
        assert!(!format!("{error:?}").contains(SECRET));
    }
    let vendor = Vendor::start(|_, _| json(401, r#"{"error":"invalid_client"}"#)).await;
    let shop = connect(with_auth(OAUTH), &vendor.url);
    // As many as the rate budget lets through at once.
    let found = join_all((0..3).map(|_| shop.get("orders", "1"))).await;
    assert!(found.iter().all(|found| found.as_ref().is_err_and(|error| error.class == ErrorClass::Auth)));
    assert_eq!(vendor.count(), 1);
}

/// The field of a form, decoded as far as tokens need it.
fn field(body: &str, name: &str) -> Option<String> {
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
}

#[tokio::test]
async fn client_id_and_secret_stand_where_the_vendor_reads_them() {
    for (place, authorization, body) in [
        // RFC 6749, 2.3.1: form-encoded before they become user name and password.
        ("basic", Some("Basic aHViJTNBMTp0b2stM2NyM3Q="), "grant_type=client_credentials"),
        ("body", None, "grant_type=client_credentials&client_id=hub%3A1&client_secret=tok-3cr3t"),
    ] {
        let vendor = Vendor::start(|_, asked| match asked.path() {
            "/token" => json(200, r#"{"access_token":"token-one","expires_in":3600}"#),
            _ => json(200, r#"{"orders":[]}"#),
        })
        .await;
        let auth = format!(
            "{{ scheme: oauth2_client_credentials, token_url: \"{{settings.url}}/token\", client_id: \"hub:1\", client_secret: \"{{settings.token}}\", client_auth: {place} }}"
        );
        connect(with_auth(&auth), &vendor.url).read_page("orders", None, None).await.unwrap();
        let asked = &vendor.asked()[0];
        assert_eq!((asked.header("authorization"), asked.body.as_str()), (authorization, body), "{place}");
    }
}

/// RFC 7523, 2.2: whoever has the public key can tell that the client is who it says it is.
#[tokio::test]
async fn a_clients_assertion_is_proven_by_its_public_key() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use ring::signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
    };
    use rustls::pki_types::PrivatePkcs8KeyDer;
    use rustls::pki_types::pem::PemObject;
    let pem = include_str!("../fixtures/keys/p256.pem");
    let auth = "{ scheme: oauth2_jwt_bearer, token_url: \"{settings.url}/token\", assertion: client, algorithm: ES256, key: \"{settings.token}\", issuer: hub, subject: hub, audience: \"https://login.example.com\", valid_for: 2m }";
    let vendor = Vendor::start(|_, asked| match asked.path() {
        "/token" => json(200, r#"{"access_token":"token-one","expires_in":"0"}"#),
        _ => json(200, r#"{"orders":[]}"#),
    })
    .await;
    let described = manifest(&format!("  auth: {auth}"), STREAMS);
    let given = crate::setup::settings(&described, &[("url", &vendor.url), ("token", pem)]);
    let shop = syncline::connector::connection::Connection::new("shop", described, &given, crate::setup::options());
    let shop = shop.unwrap();
    for _ in 0..2 {
        shop.read_page("orders", None, None).await.unwrap();
    }
    let secret = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let random = ring::rand::SystemRandom::new();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, secret.secret_pkcs8_der(), &random).unwrap();
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref());
    let mut ids = Vec::new();
    for asked in vendor.asked().iter().filter(|asked| asked.path() == "/token") {
        assert_eq!(asked.header("authorization"), None);
        assert_eq!(field(&asked.body, "grant_type").as_deref(), Some("client_credentials"));
        assert_eq!(
            field(&asked.body, "client_assertion_type").as_deref(),
            Some("urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer")
        );
        let token = field(&asked.body, "client_assertion").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        public.verify(signed.as_bytes(), &signature).unwrap();
        public.verify(format!("{signed}x").as_bytes(), &signature).unwrap_err();
        let (header, claims) = signed.split_once('.').unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(header).unwrap(), br#"{"alg":"ES256","typ":"JWT"}"#);
        let claims: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        assert_eq!((claims["iss"].as_str(), claims["sub"].as_str()), (Some("hub"), Some("hub")));
        assert_eq!(claims["aud"].as_str(), Some("https://login.example.com"));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 120);
        ids.push(claims["jti"].as_str().unwrap().to_owned());
    }
    assert!(ids.len() == 2 && ids[0] != ids[1], "each counts once: {ids:?}");
}
