//! Every shape of webhook proof as a manifest describes it, with known answers, forgeries, replays and rotations.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use jiff::Timestamp;
use serde_json::json as value;
use syncline::config::yaml::Source;
use syncline::connector::connection::{Connection, ConnectionOptions};
use syncline::connector::http::guard::EgressPolicy;
use syncline::connector::manifest::{Fetch, Manifest};
use syncline::connector::webhook::{Delivery, Refusal, Verified};

use crate::setup::{AUTH, STREAMS, manifest, options, settings, try_connect};

const NOW: i64 = 1_700_000_000;

fn described(verify: &str, rest: &str) -> Arc<Manifest> {
    let text = format!(
        "\nwebhooks:\n  verify: {verify}\n  topic: [\"{{body.type}}\"]\n{rest}\nstreams:\n  things:\n    entity: order\n    key: \"{{record.id}}\"\n    \
         get: {{ get: \"/things/{{key}}\" }}\n    webhook: {{ topics: {{ thing: upsert }}, fetch: always }}\n"
    );
    manifest(AUTH, &text)
}

fn connection(verify: &str, secrets: [&str; 2]) -> Connection {
    let described = described(verify, "");
    let settings =
        settings(&described, &[("url", "http://127.0.0.1:9"), ("token", secrets[0]), ("second", secrets[1])]);
    Connection::new("shop", described, &settings, options()).unwrap()
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, text) in pairs {
        map.append(name.parse::<http::HeaderName>().unwrap(), text.parse().unwrap());
    }
    map
}

struct Sent<'a> {
    method: &'a str,
    url: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: &'a str,
    now: i64,
}

impl<'a> Sent<'a> {
    fn post(headers: &'a [(&'a str, &'a str)], body: &'a str) -> Self {
        Self { method: "POST", url: "https://hub.example.com/hooks/x", headers, body, now: NOW }
    }

    fn judge(&self, connection: &Connection) -> Result<Verified, Refusal> {
        let headers = headers(self.headers);
        let delivery = Delivery { method: self.method, url: self.url, headers: &headers, body: self.body.as_bytes() };
        connection.verify(&delivery, Timestamp::from_second(self.now).unwrap()).unwrap()
    }
}

const ITEMS: &str = "{ scheme: signed_items, items: \"notificationItems[].NotificationRequestItem\", \
     fields: [pspReference, originalReference, merchantAccountCode, merchantReference, amount.value, amount.currency, eventCode, success], \
     signature: additionalData.hmacSignature, encoding: base64, key: hex, secrets: [\"{settings.token}\", \"{settings.second?}\"] }";
const KEY: &str = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";
const OWN_KEY: &str = "0102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F20";

/// The vendor's published vector.
fn authorisation() -> serde_json::Value {
    value!({"NotificationRequestItem": {"pspReference": "7914073381342284", "merchantAccountCode": "TestMerchant",
        "merchantReference": "TestPayment-1407325143704", "amount": {"value": 1130, "currency": "EUR"}, "eventCode": "AUTHORISATION",
        "success": "true", "additionalData": {"hmacSignature": "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="}}})
}

fn refund() -> serde_json::Value {
    value!({"NotificationRequestItem": {"pspReference": "8825408195409505", "originalReference": "7914073381342284",
        "merchantAccountCode": "HubMerchantEU", "merchantReference": "ORD-10023", "amount": {"value": 2599, "currency": "EUR"},
        "eventCode": "REFUND", "success": "true", "additionalData": {"hmacSignature": "CpyFljW8tbiObNFefFDcXcpSDvUPk7zsKLo2QhS6RCo="}}})
}

fn notification(items: &[serde_json::Value]) -> String {
    value!({"live": "false", "notificationItems": items}).to_string()
}

#[test]
fn every_item_bears_its_own_signature() {
    let judge = |secrets: [&str; 2], body: &str| Sent::post(&[], body).judge(&connection(ITEMS, secrets));
    let index =
        |secrets, items: &[serde_json::Value]| judge(secrets, &notification(items)).map(|found| found.secret_index);
    assert_eq!(index([KEY, ""], &[authorisation()]), Ok(Some(0)));
    assert_eq!(index([OWN_KEY, ""], &[refund()]), Ok(Some(0)));
    assert_eq!(index([KEY, OWN_KEY], &[refund()]), Ok(Some(1)));
    // While the key is replaced, one delivery may hold items of both.
    assert_eq!(index([KEY, OWN_KEY], &[refund(), authorisation()]), Ok(None));
    assert_eq!(index([OWN_KEY, ""], &[authorisation()]), Err(Refusal::Forged));
    // One forged item among genuine ones spoils the delivery.
    for (field, forged) in
        [("success", value!("false")), ("eventCode", value!("CAPTURE")), ("pspReference", value!("1"))]
    {
        let mut item = authorisation();
        item["NotificationRequestItem"][field] = forged;
        assert_eq!(index([KEY, ""], &[authorisation(), item]), Err(Refusal::Forged), "{field}");
    }
    let mut dearer = authorisation();
    dearer["NotificationRequestItem"]["amount"]["value"] = value!(1131);
    assert_eq!(index([KEY, ""], &[dearer]), Err(Refusal::Forged));
    for signature in [value!(null), value!(""), value!("%%%"), value!(7)] {
        let mut item = authorisation();
        item["NotificationRequestItem"]["additionalData"]["hmacSignature"] = signature.clone();
        assert!(matches!(index([KEY, ""], &[item]), Err(Refusal::Body { .. })), "{signature}");
    }
    let mut hex = authorisation();
    hex["NotificationRequestItem"]["additionalData"]["hmacSignature"] =
        value!(hex::encode(STANDARD.decode("coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0=").unwrap()));
    assert!(index([KEY, ""], &[hex]).is_err(), "another encoding is another signature");
    for odd in ["{}", "[]", "", "x", r#"{"notificationItems":[]}"#, r#"{"notificationItems":[{}]}"#] {
        assert!(matches!(judge([KEY, ""], odd), Err(Refusal::Body { .. })), "{odd}");
    }
    let twice = notification(&[authorisation()]).replacen("\"success\"", "\"success\":\"true\",\"success\"", 1);
    assert!(matches!(judge([KEY, ""], &twice), Err(Refusal::Body { .. })), "a second spelling of a field is no proof");
}

#[test]
fn a_delivery_of_items_becomes_changes_of_several_records() {
    let text = format!(
        r#"
webhooks:
  verify: {ITEMS}
  events: "notificationItems[].NotificationRequestItem"
  topic: ["{{body.eventCode}}"]
  dedupe: ["{{body.pspReference}}:{{body.eventCode}}:{{body.success}}"]
streams:
  payments:
    entity: payment
    key: "{{record.pspReference}}"
    get: {{ get: "/payments/{{key}}" }}
    webhook:
      topics:
        AUTHORISATION: {{ op: upsert, when: 'delivery.live == "false"' }}
        REFUND: {{ op: upsert, key: "{{body.originalReference}}" }}
      fetch: always
"#
    );
    let described = manifest(AUTH, &text);
    let settings = settings(&described, &[("url", "http://127.0.0.1:9"), ("token", KEY)]);
    let psp = Connection::new("psp", described, &settings, options()).unwrap();
    let mut other = refund();
    other["NotificationRequestItem"]["eventCode"] = value!("REPORT_AVAILABLE");
    other["NotificationRequestItem"]["originalReference"] = value!("x");
    let mut chargeback = refund();
    chargeback["NotificationRequestItem"]["originalReference"] = value!("7000000000000000");
    let all = notification(&[authorisation(), refund(), other, chargeback]);
    let found = psp.interpret(all.as_bytes(), &HeaderMap::new()).unwrap();
    let keys: Vec<&str> = found.incoming.iter().map(|incoming| incoming.as_ref().unwrap().key.as_str()).collect();
    assert_eq!(keys, ["7914073381342284", "7914073381342284", "7000000000000000"]);
    assert!(found.incoming.iter().all(|incoming| incoming.as_ref().unwrap().fetch == Fetch::Always));
    assert_eq!((found.ignored, found.topics.len()), (1, 4));
    // The id of one event is that of its delivery only where it came alone.
    let one = psp.label(notification(&[authorisation()]).as_bytes(), &HeaderMap::new());
    assert_eq!((one.topic.as_str(), one.dedupe_key.as_str()), ("AUTHORISATION", "7914073381342284:AUTHORISATION:true"));
    assert!(psp.label(all.as_bytes(), &HeaderMap::new()).dedupe_key.starts_with("sha256:"));
    assert!(psp.interpret(b"{}", &HeaderMap::new()).is_err());
}

const HUBSPOT_BODY: &str = r#"[{"eventId":100,"subscriptionType":"contact.propertyChange","objectId":123,"propertyName":"email","propertyValue":"a@example.com","occurredAt":1700000000000}]"#;

#[test]
fn plain_hashes_over_the_secret() {
    let second = "{ scheme: digest, headers: [X-HubSpot-Signature], encoding: hex, content: \"{secret}{method}{url}{body}\", secrets: [\"{settings.token}\", \"{settings.second?}\"] }";
    let first = "{ scheme: digest, headers: [X-HubSpot-Signature], encoding: hex, content: \"{secret}{body}\", secrets: [\"{settings.token}\", \"{settings.second?}\"] }";
    let secret = "hs-client-secret-test";
    let v2 = [("X-HubSpot-Signature", "17d7f75460b6f9c34b53f9e6cdeca6b5d3f53e8b5578598835806cd3fc08a83c")];
    let sent = Sent { url: "https://hub.example.com/hooks/hubspot?conn=crm1", ..Sent::post(&v2, HUBSPOT_BODY) };
    assert_eq!(sent.judge(&connection(second, [secret, ""])).unwrap().secret_index, Some(0));
    assert_eq!(sent.judge(&connection(second, ["new", secret])).unwrap().secret_index, Some(1));
    assert_eq!(sent.judge(&connection(second, ["other", ""])), Err(Refusal::Forged));
    let elsewhere = Sent { url: "https://hub.example.com/hooks/hubspot?conn=crm2", ..Sent::post(&v2, HUBSPOT_BODY) };
    assert_eq!(elsewhere.judge(&connection(second, [secret, ""])), Err(Refusal::Forged));
    let v1 = [("X-HubSpot-Signature", "f4a29c44b8ddf6a982fb1ece9d1879b2458900558429f4f2cc788f147edf60db")];
    assert!(Sent::post(&v1, HUBSPOT_BODY).judge(&connection(first, [secret, ""])).is_ok());
    assert_eq!(Sent::post(&v1, "[]").judge(&connection(first, [secret, ""])), Err(Refusal::Forged));
    // Published by the vendor.
    let published = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy";
    let v2 = [("x-hubspot-signature", "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e")];
    let get = Sent { method: "GET", url: "https://www.example.com/webhook_uri", ..Sent::post(&v2, "") };
    assert!(get.judge(&connection(second, [published, ""])).is_ok());
    let v1 = [("x-hubspot-signature", "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de")];
    let body = r#"[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]"#;
    assert!(Sent::post(&v1, body).judge(&connection(first, [published, ""])).is_ok());
    let base64 = [("x-hubspot-signature", "IyNtsmFfPWZv4ho=")];
    assert!(matches!(
        Sent::post(&base64, body).judge(&connection(first, [published, ""])),
        Err(Refusal::Malformed { .. })
    ));
}

#[test]
fn signatures_over_address_and_time() {
    let third = "{ scheme: hmac, headers: [X-HubSpot-Signature-v3], encoding: base64, content: \"{method}{url_decoded}{body}{timestamp}\", \
                 timestamp: { header: X-HubSpot-Request-Timestamp, unit: milliseconds, tolerance: 5m }, secrets: [\"{settings.token}\", \"{settings.second?}\"] }";
    let secret = "hs-client-secret-test";
    let signed = [
        ("X-HubSpot-Signature-v3", "OKbM4FH4cdalSC8X/0ELdTzEg6fiCJoL9FvKPo3jfLQ="),
        ("X-HubSpot-Request-Timestamp", "1700000000123"),
    ];
    let at =
        |now| Sent { url: "https://hub.example.com/hooks/hubspot?conn=crm1", now, ..Sent::post(&signed, HUBSPOT_BODY) };
    assert!(at(NOW).judge(&connection(third, [secret, ""])).is_ok());
    assert_eq!(at(NOW).judge(&connection(third, ["x", secret])).unwrap().secret_index, Some(1));
    assert_eq!(at(NOW).judge(&connection(third, ["x", ""])), Err(Refusal::Forged));
    assert!(matches!(at(NOW + 301).judge(&connection(third, [secret, ""])), Err(Refusal::Stale { .. })));
    let square = "{ scheme: hmac, headers: [x-square-hmacsha256-signature], encoding: base64, content: \"{url}{body}\", secrets: [\"{settings.token}\"] }";
    let body = r#"{"merchant_id":"MLTEST","type":"payment.updated","event_id":"e1"}"#;
    let signed = [("X-Square-HmacSha256-Signature", "/EKB9OV58E0ivcQE377j3h6e41aaXbyhQ3sJdlAJIoc=")];
    let sent = |url| Sent { url, ..Sent::post(&signed, body) };
    let square = connection(square, ["sq-signature-key-test", ""]);
    assert!(sent("https://hub.example.com/hooks/square").judge(&square).is_ok());
    assert_eq!(sent("https://hub.example.com/hooks/other").judge(&square), Err(Refusal::Forged));
    assert!(matches!(Sent::post(&[], body).judge(&square), Err(Refusal::MissingHeader { .. })));
}

/// RFC 4231, test case 2, and FIPS 180-4's `abc`.
#[test]
fn hashes_of_512_bits() {
    const MAC: &str = "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737";
    const DIGEST: &str = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
    const SAID: &str = "what do ya want for nothing?";
    let hmac = "{ scheme: hmac, hash: sha512, headers: [X-Signature], encoding: hex, content: \"{body}\", secrets: [\"{settings.token}\"] }";
    let digest = "{ scheme: digest, hash: sha512, headers: [X-Signature], encoding: hex, content: \"{secret}{body}\", secrets: [\"{settings.token}\"] }";
    for (verify, secret, body, known) in [(hmac, "Jefe", SAID, MAC), (digest, "a", "bc", DIGEST)] {
        let signed = [("X-Signature", known)];
        assert!(Sent::post(&signed, body).judge(&connection(verify, [secret, ""])).is_ok(), "{verify}");
        assert_eq!(Sent::post(&signed, "other").judge(&connection(verify, [secret, ""])), Err(Refusal::Forged));
        assert_eq!(Sent::post(&signed, body).judge(&connection(verify, ["other", ""])), Err(Refusal::Forged));
        let shorter = verify.replace("sha512", "sha256");
        assert_eq!(Sent::post(&signed, body).judge(&connection(&shorter, [secret, ""])), Err(Refusal::Forged));
    }
    let items = "{ scheme: signed_items, hash: sha512, items: \"items[]\", fields: [said], signature: proof, encoding: hex, secrets: [\"{settings.token}\"] }";
    let judge = |said: &str| {
        let body = value!({ "items": [{ "said": said, "proof": MAC }] }).to_string();
        Sent::post(&[], &body).judge(&connection(items, ["Jefe", ""])).map(|_| ())
    };
    assert_eq!((judge(SAID), judge("nothing")), (Ok(()), Err(Refusal::Forged)));
}

/// RFC 4231, test case 2, and an example that the vendor of the scheme publishes.
#[test]
fn keys_in_base64_behind_a_prefix() {
    let plain = "{ scheme: hmac, headers: [X-Signature], encoding: hex, key: base64, key_prefix: key_, content: \"{body}\", secrets: [\"{settings.token}\"] }";
    let signed = [("X-Signature", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")];
    let sent = Sent::post(&signed, "what do ya want for nothing?");
    for secret in ["key_SmVmZQ==", "SmVmZQ=="] {
        assert!(sent.judge(&connection(plain, [secret, ""])).is_ok(), "{secret}");
    }
    assert_eq!(sent.judge(&connection(plain, ["key_SmVmZg==", ""])), Err(Refusal::Forged));
    let described = described(plain, "");
    let settings = settings(&described, &[("url", "http://127.0.0.1:9"), ("token", "whsec_SmVmZQ==")]);
    let refused = Connection::new("shop", described, &settings, options()).unwrap_err().to_string();
    assert!(refused.contains("not standard base64 after its prefix") && !refused.contains("SmVmZQ"), "{refused}");

    let standard = "{ scheme: hmac, headers: [svix-signature], encoding: base64, key: base64, key_prefix: whsec_, parts: { separator: \" \", assign: \",\", signature: v1 }, \
                    content: \"{id}.{timestamp}.{body}\", id_header: svix-id, timestamp: { header: svix-timestamp, unit: seconds }, secrets: [\"{settings.token}\"] }";
    let shop = connection(standard, ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", ""]);
    let judge = |id: &str, now: i64| {
        let signed = [
            ("svix-id", id),
            ("svix-timestamp", "1614265330"),
            ("svix-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ];
        Sent { now, ..Sent::post(&signed, r#"{"test": 2432232314}"#) }.judge(&shop)
    };
    let genuine = judge("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330).unwrap();
    assert_eq!(genuine.message_id.as_deref(), Some("msg_p5jXN8AQM9LWM0D4loKWxJek"));
    assert_eq!(judge("msg_other", 1_614_265_330), Err(Refusal::Forged));
    assert!(matches!(judge("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_631), Err(Refusal::Stale { .. })));
}

#[test]
fn a_secret_that_every_item_repeats_is_a_hint() {
    let verify = "{ scheme: shared_secret, body: \"value[].clientState\", secrets: [\"{settings.token}\", \"{settings.second?}\"] }";
    let judge = |body: &str| {
        Sent::post(&[], body).judge(&connection(verify, ["state-1", "state-2"])).map(|found| found.secret_index)
    };
    assert_eq!(judge(r#"{"value":[{"clientState":"state-1"}]}"#), Ok(Some(0)));
    assert_eq!(judge(r#"{"value":[{"clientState":"state-1"},{"clientState":"state-2"}]}"#), Ok(Some(1)));
    assert_eq!(judge(r#"{"value":[{"clientState":"state-1"},{"clientState":"guess"}]}"#), Err(Refusal::Forged));
    for odd in [r#"{"value":[]}"#, r#"{"value":[{}]}"#, r#"{"value":[{"clientState":1}]}"#, "{}", "x"] {
        assert!(matches!(judge(odd), Err(Refusal::Body { .. })), "{odd}");
    }
    let believed = described(verify, "");
    let text = "connector: fake\ntitle: Fake\nsettings: { token: { secret: true } }\nwebhooks:\n  verify: { scheme: shared_secret, body: state, secrets: [\"{settings.token}\"] }\n  topic: [x]\n\
                streams:\n  things: { entity: order, key: \"{record.id}\", version: \"{record.at}\", webhook: { topics: { thing: upsert } } }\n";
    let problems = Manifest::parse(&Source::new("fake.yaml", text)).unwrap_err().to_string();
    assert!(problems.contains("believes pushes that nobody signed"), "{problems}");
    assert_eq!(believed.streams.len(), 1);
}

#[test]
fn a_vendor_that_asks_who_is_at_home_gets_its_word_back() {
    let rest = "  ping: { when: \"query.validationToken != ()\", status: 200, echo: \"{query.validationToken}\" }";
    let described = described("{ scheme: path_secret }", rest);
    let settings = settings(&described, &[("url", "http://127.0.0.1:9"), ("token", "x")]);
    let erp = Connection::new("erp", described, &settings, options()).unwrap();
    let pong = erp.ping("validationToken=a%20b%3C+c", b"", &HeaderMap::new()).unwrap();
    assert_eq!((pong.status, pong.echo.as_str()), (200, "a b< c"));
    assert_eq!(erp.ping("other=1", b"", &HeaderMap::new()), None);
    assert_eq!(erp.ping("", b"{}", &HeaderMap::new()), None);
    let long = format!("validationToken={}", "x".repeat(5_000));
    assert_eq!(erp.ping(&long, b"", &HeaderMap::new()).unwrap().echo, "");
}

/// A vendor behind TLS that serves certificates by their path.
mod certificates_over_tls {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use rustls::{ServerConfig, ServerConnection, StreamOwned};

    pub fn start() -> (u16, Arc<AtomicUsize>) {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("../fixtures/keys/server-key.pem")).unwrap();
        let certificate = CertificateDer::from_pem_slice(include_bytes!("../fixtures/keys/server.pem")).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut stream = StreamOwned::new(connection, stream);
                let mut head = [0; 4096];
                let Ok(length) = stream.read(&mut head) else { continue };
                count.fetch_add(1, Ordering::SeqCst);
                let head = String::from_utf8_lossy(&head[..length]).into_owned();
                assert!(!head.to_lowercase().contains("x-token"), "no credential goes to an address from a delivery");
                let (status, body) = match head.split(' ').nth(1).unwrap() {
                    "/good.pem" => (200, include_str!("../fixtures/keys/signer.pem")),
                    "/self.pem" => (200, include_str!("../fixtures/keys/signer-self.pem")),
                    "/other.pem" => (200, include_str!("../fixtures/keys/server.pem")),
                    "/key.pem" => (200, "no certificate"),
                    _ => (404, ""),
                };
                let answer =
                    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
                if stream.write_all(answer.as_bytes()).is_ok() {
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                }
            }
        });
        (port, asked)
    }
}

const PAYPAL_BODY: &str = r#"{"id":"WH-TEST-1","event_type":"PAYMENT.CAPTURE.COMPLETED","resource":{"id":"42311647XV020574X","status":"COMPLETED"}}"#;
const PAYPAL_MESSAGE: &str = "69cd13f0-d67a-11e5-baa3-778b53f4ae55|2026-01-15T10:00:00Z|1JE4291016473214C|1154917472";

fn signed_by_certificate(message: &str) -> String {
    use ring::rand::SystemRandom;
    use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
    use rustls::pki_types::PrivateKeyDer;
    use rustls::pki_types::pem::PemObject;
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../fixtures/keys/signer-key.pem")).unwrap();
    let key = RsaKeyPair::from_pkcs8(key.secret_der()).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
    STANDARD.encode(signature)
}

#[tokio::test]
async fn a_certificate_is_fetched_from_the_vendor_checked_and_kept() {
    let (port, asked) = certificates_over_tls::start();
    let verify = "{ scheme: certificate, header: PAYPAL-TRANSMISSION-SIG, content: \"{header:paypal-transmission-id}|{timestamp}|{secret}|{crc32}\", \
                  timestamp: { header: PAYPAL-TRANSMISSION-TIME, unit: rfc3339, tolerance: 72h }, \
                  certificate: { url_header: PAYPAL-CERT-URL, hosts: [127.0.0.1, \"*.vendor.example\"], subject: messages.vendor.example, authority: \"{settings.second}\" }, \
                  secrets: [\"1JE4291016473214C\", \"{settings.token}\"] }";
    let http = format!("{AUTH}\n  tls: {{ authority: \"{{settings.second}}\" }}");
    let webhooks = format!("\nwebhooks:\n  verify: {verify}\n  topic: [\"{{body.event_type}}\"]");
    let streams = "\nstreams:\n  payments:\n    entity: payment\n    key: \"{record.id}\"\n    get: { get: \"/payments/{key}\" }\n    \
                   webhook: { topics: { PAYMENT.CAPTURE.COMPLETED: upsert }, record: resource, fetch: always }\n";
    let described = manifest(&http, &format!("{webhooks}{streams}"));
    let url = format!("https://127.0.0.1:{port}");
    let authority = include_str!("../fixtures/keys/ca.pem");
    let settings = settings(&described, &[("url", &url), ("token", "another-id"), ("second", authority)]);
    let options = ConnectionOptions {
        egress: EgressPolicy { allow: vec!["127.0.0.0/8".parse().unwrap()], ports: vec![port], hosts: None },
        ..options()
    };
    let psp = Connection::new("psp", described, &settings, options).unwrap();
    let at = |text: &str| text.parse::<Timestamp>().unwrap().as_second();
    let judge = async |certificate: &str, message: &str, body: &str, now: &str| {
        let (certificate, signature) = (certificate.replace("HERE", &url), signed_by_certificate(message));
        let sent = [
            ("PayPal-Transmission-Id", "69cd13f0-d67a-11e5-baa3-778b53f4ae55"),
            ("PayPal-Transmission-Time", "2026-01-15T10:00:00Z"),
            ("PayPal-Transmission-Sig", signature.as_str()),
            ("PayPal-Cert-Url", certificate.as_str()),
        ];
        let fetched = match psp.lacks_certificate(&headers(&sent)) {
            None => Ok(()),
            Some(url) => psp.fetch_certificate(&url).await,
        };
        let verdict = Sent { now: at(now), ..Sent::post(&sent, body) }.judge(&psp).map(|found| found.secret_index);
        (verdict, fetched.err().unwrap_or_default())
    };
    let on_time = "2026-01-15T10:01:00Z";
    let good = judge("HERE/good.pem", PAYPAL_MESSAGE, PAYPAL_BODY, on_time).await;
    // The test's clock for certificates is the real one, which is what a hub has.
    assert_eq!(good, (Ok(Some(0)), String::new()));
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 1);
    let again = judge("HERE/good.pem", PAYPAL_MESSAGE, PAYPAL_BODY, on_time).await;
    assert_eq!(
        (again.0, asked.load(std::sync::atomic::Ordering::SeqCst)),
        (Ok(Some(0)), 1),
        "kept, not asked for again"
    );
    let second = PAYPAL_MESSAGE.replace("1JE4291016473214C", "another-id");
    assert_eq!(judge("HERE/good.pem", &second, PAYPAL_BODY, on_time).await.0, Ok(Some(1)));
    assert_eq!(judge("HERE/good.pem", PAYPAL_MESSAGE, "{}", on_time).await.0, Err(Refusal::Forged));
    assert_eq!(judge("HERE/good.pem", "x", PAYPAL_BODY, on_time).await.0, Err(Refusal::Forged));
    let stale = judge("HERE/good.pem", PAYPAL_MESSAGE, PAYPAL_BODY, "2026-01-19T10:00:00Z").await.0;
    assert!(matches!(stale, Err(Refusal::Stale { .. })), "{stale:?}");
    for (certificate, why) in [
        ("HERE/self.pem", "no trusted authority"),
        ("HERE/other.pem", "not made out to"),
        ("HERE/key.pem", "holds no certificate"),
        ("HERE/none.pem", "status 404"),
    ] {
        let (verdict, said) = judge(certificate, PAYPAL_MESSAGE, PAYPAL_BODY, on_time).await;
        assert_eq!(verdict, Err(Refusal::NoCertificate), "{certificate}");
        assert!(said.contains(why), "{certificate}: {said}");
    }
    let before = asked.load(std::sync::atomic::Ordering::SeqCst);
    for foreign in [
        "https://evil.example/good.pem",
        "http://127.0.0.1/good.pem",
        "https://vendor.example/good.pem",
        "https://evilvendor.example/",
        "https://user@127.0.0.1/",
        "nonsense",
    ] {
        let (verdict, _) = judge(foreign, PAYPAL_MESSAGE, PAYPAL_BODY, on_time).await;
        assert!(matches!(verdict, Err(Refusal::Malformed { .. })), "{foreign}: {verdict:?}");
    }
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), before);
    assert!(psp.lacks_certificate(&headers(&[("paypal-cert-url", "https://api.vendor.example/c.pem")])).is_some());
}

#[test]
fn a_certificates_name_that_is_none_is_refused_when_the_connection_is_made() {
    let webhooks = "\nwebhooks:\n  verify: { scheme: certificate, header: X-Signature, content: \"{body}\", \
                    certificate: { url_header: X-Cert, hosts: [vendor.example], subject: \"{settings.url}\" }, secrets: [\"{settings.token}\"] }\n  topic: [x]";
    let error =
        try_connect(manifest(AUTH, &format!("{webhooks}{STREAMS}")), "http://127.0.0.1:1", options()).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("`http://127.0.0.1:1` is not a name that a certificate could be made out to"), "{said}");
}
