//! Verification against known answers: vendors' documented examples for each named scheme, and what must be refused.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use secrecy::SecretString;

use super::*;
use crate::connector::manifest::{Encoding, SignatureParts, TimeUnit, TimestampCheck, TimestampFrom};

const NOW: i64 = 1_700_000_000;

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    map
}

fn verifier(verify: &Verify, secrets: &[&str]) -> Verifier {
    let secrets: Vec<SecretString> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
    Verifier::new(verify, &secrets).unwrap()
}

fn over_body(header: &str, encoding: Encoding, prefix: &str) -> Hmac {
    Hmac {
        hash: Hash::Sha256,
        headers: vec![header.to_owned()],
        parts: None,
        prefix: prefix.to_owned(),
        encoding,
        key: KeyForm::Text,
        content: vec![ContentPart::Body],
        content_text: "{body}".to_owned(),
        id_header: None,
        timestamp: None,
    }
}

fn timestamp(from: TimestampFrom, unit: TimeUnit) -> Option<TimestampCheck> {
    Some(TimestampCheck { from, unit, tolerance: Duration::from_secs(300) })
}

fn stripe_scheme() -> Hmac {
    Hmac {
        parts: Some(SignatureParts { separator: ',', assign: '=', signature: "v1".to_owned() }),
        content: vec![ContentPart::Timestamp, ContentPart::Literal(".".to_owned()), ContentPart::Body],
        timestamp: timestamp(TimestampFrom::Part("t".to_owned()), TimeUnit::Seconds),
        ..over_body("Stripe-Signature", Encoding::Hex, "")
    }
}

fn hubspot_scheme() -> Hmac {
    Hmac {
        content: vec![ContentPart::Method, ContentPart::UrlDecoded, ContentPart::Body, ContentPart::Timestamp],
        timestamp: timestamp(TimestampFrom::Header("X-HubSpot-Request-Timestamp".to_owned()), TimeUnit::Milliseconds),
        ..over_body("X-HubSpot-Signature-v3", Encoding::Base64, "")
    }
}

fn standard_scheme() -> Verify {
    Verify::StandardWebhooks { secrets: Vec::new() }
}

fn by_hmac(hmac: Hmac) -> Verify {
    Verify::Hmac { hmac: Box::new(hmac), secrets: Vec::new() }
}

struct Case<'a> {
    spec: Verify,
    secrets: &'a [&'a str],
    url: &'a str,
    body: &'a [u8],
    headers: &'a [(&'a str, &'a str)],
    now: i64,
}

impl Case<'_> {
    fn judge(&self) -> Result<Verified, Refusal> {
        let headers = headers(self.headers);
        let delivery = Delivery { method: "POST", url: self.url, headers: &headers, body: self.body };
        verifier(&self.spec, self.secrets).verify(&delivery, Timestamp::from_second(self.now).unwrap())
    }
}

/// A genuine delivery passes; one changed byte of the body, another secret and no header at all do not.
#[track_caller]
fn check(case: &Case<'_>) {
    case.judge().expect("the known answer must verify");
    let mut changed = case.body.to_vec();
    changed.push(b' ');
    assert_eq!(Case { body: &changed, spec: case.spec.clone(), ..*case }.judge(), Err(Refusal::Forged));
    let other = ["whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="];
    if !matches!(&case.spec, Verify::Hmac { hmac, .. } if hmac.key == KeyForm::Hex) {
        assert_eq!(Case { secrets: &other, spec: case.spec.clone(), ..*case }.judge(), Err(Refusal::Forged));
    }
    let missing = Case { headers: &[], spec: case.spec.clone(), ..*case }.judge();
    assert!(matches!(missing, Err(Refusal::MissingHeader { .. })), "{missing:?}");
    for (name, value) in case.headers {
        let mut doubled = case.headers.to_vec();
        doubled.push((name, value));
        let refused = Case { headers: &doubled, spec: case.spec.clone(), ..*case }.judge();
        assert_eq!(refused, Err(Refusal::DuplicateHeader { header: name.to_ascii_lowercase() }));
    }
}

fn plain<'a>(spec: Verify, secret: &'a [&'a str], body: &'a [u8], headers: &'a [(&'a str, &'a str)]) -> Case<'a> {
    Case { spec, secrets: secret, url: "https://hub.example.com/hooks/x", body, headers, now: NOW }
}

#[test]
fn shopify() {
    let spec = || by_hmac(over_body("x-shopify-hmac-sha256", Encoding::Base64, ""));
    let secret = &["shpss_test_0123456789abcdef"];
    for (body, signature) in [
        (
            br##"{"id":820982911946154508,"name":"#9999","currency":"EUR","total_price":"403.00"}"##.as_slice(),
            "qkE6SGjuJI8WMnaxidE3LK6cnlTjhp19LuJsSa3zrIs=",
        ),
        (r#"{"name":"Größe €","qty":1}"#.as_bytes(), "ahK/wLA/i370B7to0gk4ySUxtIJFO8AU+wOCkrWH7Oo="),
        (b"", "kzwmeaV73PmVzB1K7eGJv+zWMcmyh2L3cgfo5uWgkhM="),
    ] {
        check(&plain(spec(), secret, body, &[("X-Shopify-Hmac-Sha256", signature)]));
    }
    let published = [("x-shopify-hmac-sha256", "qBvrsZF7RfB1iS6BX6IHqJTp5L911P7intnPeTPsH0I=")];
    check(&plain(spec(), &["hush"], br#"{"id":820982911946154508}"#, &published));
}

#[test]
fn woocommerce() {
    let spec = by_hmac(over_body("x-wc-webhook-signature", Encoding::Base64, ""));
    let body = br#"{"id":727,"number":"727","status":"processing","currency":"EUR","total":"29.35"}"#;
    let header = [("X-WC-Webhook-Signature", "gdICdQfBtK7mDXLsb4CvZaLgin06Y9JesO6KEnQamao=")];
    check(&plain(spec, &["wc_whsec_test_9f8e7d6c"], body, &header));
}

const STRIPE_BODY: &[u8] =
    br#"{"id":"evt_test_1","object":"event","type":"payment_intent.succeeded","created":1700000000}"#;
const STRIPE_SECRET: &str = "whsec_test_secret_for_kat";
const STRIPE_OLD_SECRET: &str = "whsec_old_rotated_secret";
const STRIPE_V1: &str = "v1=61c2ad9870fcc2aeb9a8af2889f7900a26de5adf4cdbc9ab040d53e4b5c35a16";
const STRIPE_OLD_V1: &str = "v1=bed54d9e167e1c90102fb84a43c564dccf7a2c3876c58bd42c9ac8f1d9e1dcf3";

fn stripe(secrets: &[&str], header: &str, now: i64) -> Result<Verified, Refusal> {
    let headers = [("Stripe-Signature", header)];
    let spec = by_hmac(stripe_scheme());
    Case { spec, secrets, url: "", body: STRIPE_BODY, headers: &headers, now }.judge()
}

#[test]
fn stripe_known_answers() {
    let header = format!("t=1700000000,{STRIPE_V1}");
    let spec = by_hmac(stripe_scheme());
    check(&plain(spec.clone(), &[STRIPE_SECRET], STRIPE_BODY, &[("Stripe-Signature", &header)]));
    let second = "t=1614556800,v1=0b290c49d1707beb0641e90b8bf318cdb1f4a212ca5919919be7966e0f5ecc0e";
    let headers = [("Stripe-Signature", second)];
    let case = plain(spec, &["whsec_test"], br#"{"id":820982911946154508}"#, &headers);
    check(&Case { now: 1_614_556_800, ..case });
}

#[test]
fn stripe_rotation_verifies_with_either_secret() {
    let both = format!("t=1700000000,{STRIPE_V1},{STRIPE_OLD_V1}");
    assert_eq!(stripe(&[STRIPE_SECRET], &both, NOW).unwrap().secret_index, Some(0));
    assert_eq!(stripe(&[STRIPE_OLD_SECRET], &both, NOW).unwrap().secret_index, Some(0));
    let old_only = format!("t=1700000000,{STRIPE_OLD_V1}");
    assert_eq!(stripe(&[STRIPE_SECRET, STRIPE_OLD_SECRET], &old_only, NOW).unwrap().secret_index, Some(1));
    assert_eq!(stripe(&[STRIPE_SECRET], &old_only, NOW), Err(Refusal::Forged));
}

#[test]
fn stripe_window_and_malformed_headers() {
    let good = format!("t=1700000000,{STRIPE_V1}");
    assert!(stripe(&[STRIPE_SECRET], &good, NOW + 300).is_ok());
    assert!(stripe(&[STRIPE_SECRET], &good, NOW - 300).is_ok());
    for now in [NOW + 301, NOW - 301] {
        let refusal = stripe(&[STRIPE_SECRET], &good, now).unwrap_err();
        assert!(matches!(refusal, Refusal::Stale { .. }), "{refusal:?}");
        assert_eq!(refusal.http_status(), 401);
    }
    // Forged and late at once: the signature is judged first, so a forger cannot make our clock look wrong.
    assert_eq!(stripe(&[STRIPE_OLD_SECRET], &good, NOW + 9_000), Err(Refusal::Forged));
    assert_eq!(stripe(&[STRIPE_SECRET], &good.replace("t=1700000000", "t=1700000001"), NOW), Err(Refusal::Forged));
    assert!(stripe(&[STRIPE_SECRET], &good.to_uppercase().replace("T=", "t=").replace("V1=", "v1="), NOW).is_ok());
    for header in [
        good.replace("v1=", "v0="),
        STRIPE_V1.to_owned(),
        format!("t=1700000000,t=1700000000,{STRIPE_V1}"),
        "t=1700000000,v1=".to_owned(),
        "t=1700000000,v1=zz".to_owned(),
        "t=1700000000".to_owned(),
        String::new(),
        format!("t=1700000000{}", ",v1=00".repeat(9)),
    ] {
        let refusal = stripe(&[STRIPE_SECRET], &header, NOW);
        assert!(matches!(refusal, Err(Refusal::Malformed { .. })), "{header}: {refusal:?}");
    }
    for time in ["+1700000000", "1.7e9", "", "-1"] {
        let refusal = stripe(&[STRIPE_SECRET], &format!("t={time},{STRIPE_V1}"), NOW);
        assert_eq!(refusal, Err(Refusal::Forged), "an unsigned spelling of the time must not pass: {time}");
    }
}

#[test]
fn adyen_platform_with_a_hex_key() {
    let spec = by_hmac(Hmac { key: KeyForm::Hex, ..over_body("hmacsignature", Encoding::Base64, "") });
    let key = ["0102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F20"];
    let body = br#"{"type":"balancePlatform.transfer.created","data":{"id":"48YTZO5ZVT26YBE9"},"environment":"test"}"#;
    check(&plain(spec, &key, body, &[("HmacSignature", "FJUPgklp3RCCZdzh1FR+1ZR6XAQaqsrrraM2xkRcJ54=")]));
}

#[test]
fn square() {
    let content = vec![ContentPart::Url, ContentPart::Body];
    let spec = || {
        by_hmac(Hmac { content: content.clone(), ..over_body("x-square-hmacsha256-signature", Encoding::Base64, "") })
    };
    let body = br#"{"merchant_id":"MLTEST","type":"payment.updated","event_id":"e1"}"#;
    let headers = [("x-square-hmacsha256-signature", "/EKB9OV58E0ivcQE377j3h6e41aaXbyhQ3sJdlAJIoc=")];
    let case = plain(spec(), &["sq-signature-key-test"], body, &headers);
    check(&Case { url: "https://hub.example.com/hooks/square", spec: spec(), ..case });
    assert_eq!(Case { url: "https://hub.example.com/hooks/other", ..case }.judge(), Err(Refusal::Forged));
}

#[test]
fn hubspot_v3() {
    let spec = || by_hmac(hubspot_scheme());
    let secret = ["hs-client-secret-test"];
    let body = br#"[{"eventId":100,"subscriptionType":"contact.propertyChange","objectId":123,"propertyName":"email","propertyValue":"a@example.com","occurredAt":1700000000000}]"#;
    let time = ("X-HubSpot-Request-Timestamp", "1700000000123");
    let sign = |signature| [("X-HubSpot-Signature-v3", signature), time];
    let headers = sign("OKbM4FH4cdalSC8X/0ELdTzEg6fiCJoL9FvKPo3jfLQ=");
    let url = "https://hub.example.com/hooks/hubspot?conn=crm1";
    check(&Case { spec: spec(), secrets: &secret, url, body, headers: &headers, now: NOW });
    // Documentation decodes the address, libraries do not: both are genuine.
    let escaped = "https://hub.example.com/hooks/hubspot?ret=https%3A%2F%2Fx.example.com%2Fa";
    for signature in ["DdAPvWPow/hb6DpKxC3Chmopruvda5q3mQ1W42q1cq0=", "gtERFHIcVfE0z3ksLzrWOo4a0ffoh9dJIZdUfshsrNw="] {
        let headers = sign(signature);
        assert!(
            Case { spec: spec(), secrets: &secret, url: escaped, body: b"[]", headers: &headers, now: NOW }
                .judge()
                .is_ok()
        );
    }
    let stale = Case { spec: spec(), secrets: &secret, url, body, headers: &headers, now: NOW + 301 }.judge();
    assert!(matches!(stale, Err(Refusal::Stale { .. })));
    let published = [
        ("X-HubSpot-Signature-v3", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
        ("X-HubSpot-Request-Timestamp", "1693657560000"),
    ];
    check(&Case {
        spec: spec(),
        secrets: &["yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"],
        url: "https://www.example.com/webhook_uri",
        body: b"{'example_field':'example_value'}",
        headers: &published,
        now: 1_693_657_560,
    });
}

const STANDARD_SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const STANDARD_ROTATED: &str = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
const STANDARD_BODY: &[u8] = br#"{"type":"order.paid","timestamp":"2023-11-14T22:13:20Z","data":{"id":"ord_1"}}"#;
const STANDARD_SIGNATURE: &str = "v1,o6RZB252ijJKnSSO2Lao64j9QKWRhcmxD2FoKwszKv4=";
const STANDARD_ROTATED_SIGNATURE: &str = "v1,3zUd1QabiO075cu/3vJaffAfgKXsOwxCkkpiP+7Su5E=";

fn standard(secret: &str, id: &str, signature: &str, now: i64) -> Result<Verified, Refusal> {
    let headers = [("Webhook-Id", id), ("WEBHOOK-TIMESTAMP", "1700000000"), ("webhook-signature", signature)];
    let spec = standard_scheme();
    Case { spec, secrets: &[secret], url: "", body: STANDARD_BODY, headers: &headers, now }.judge()
}

#[test]
fn standard_webhooks_known_answers() {
    for (secret, signature) in [(STANDARD_SECRET, STANDARD_SIGNATURE), (STANDARD_ROTATED, STANDARD_ROTATED_SIGNATURE)] {
        let headers =
            [("webhook-id", "msg_test_0001"), ("webhook-timestamp", "1700000000"), ("webhook-signature", signature)];
        check(&plain(standard_scheme(), &[secret], STANDARD_BODY, &headers));
    }
    let headers = [
        ("svix-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("svix-timestamp", "1614265330"),
        ("svix-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ];
    let spec = standard_scheme();
    let secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];
    let case = Case {
        spec,
        secrets: &secrets,
        url: "",
        body: br#"{"test": 2432232314}"#,
        headers: &headers,
        now: 1_614_265_330,
    };
    assert_eq!(case.judge().unwrap().message_id.as_deref(), Some("msg_p5jXN8AQM9LWM0D4loKWxJek"));
}

#[test]
fn standard_webhooks_lists_and_negatives() {
    let accepted = [
        STANDARD_SIGNATURE.to_owned(),
        format!("{STANDARD_ROTATED_SIGNATURE} {STANDARD_SIGNATURE}"),
        format!("v2,xxx {STANDARD_SIGNATURE}"),
        format!("v1, {STANDARD_SIGNATURE}"),
    ];
    for signature in &accepted {
        assert!(standard(STANDARD_SECRET, "msg_test_0001", signature, NOW).is_ok(), "{signature}");
    }
    // The secret without its prefix is the same key.
    let bare = STANDARD_SECRET.trim_start_matches("whsec_");
    assert!(standard(bare, "msg_test_0001", STANDARD_SIGNATURE, NOW).is_ok());
    assert_eq!(standard(STANDARD_SECRET, "msg_test_0002", STANDARD_SIGNATURE, NOW), Err(Refusal::Forged));
    for now in [NOW - 301, NOW + 301] {
        assert!(matches!(
            standard(STANDARD_SECRET, "msg_test_0001", STANDARD_SIGNATURE, now),
            Err(Refusal::Stale { .. })
        ));
    }
    let url_alphabet = STANDARD_ROTATED_SIGNATURE.replace('/', "_").replace('+', "-");
    for signature in ["v1,", "v1a,AAAA", "", "o6RZB252ijJKnSSO2Lao64j9QKWRhcmxD2FoKwszKv4=", url_alphabet.as_str()] {
        let refusal = standard(STANDARD_ROTATED, "msg_test_0001", signature, NOW);
        assert!(matches!(refusal, Err(Refusal::Malformed { .. })), "{signature}: {refusal:?}");
    }
}

#[test]
fn generic_with_a_prefix() {
    let spec = || by_hmac(over_body("x-hub-signature-256", Encoding::Hex, "sha256="));
    let digest = "2a539838467e8c353488147fef837a31db5dd39f6a4ed926db7ba766671f6df3";
    let header = format!("sha256={digest}");
    check(&plain(spec(), &["generic-secret"], b"hello hub", &[("X-Hub-Signature-256", &header)]));
    for wrong in [digest.to_owned(), format!("sha1={digest}"), format!("sha256= {digest}")] {
        let headers = [("X-Hub-Signature-256", wrong.as_str())];
        let refusal = plain(spec(), &["generic-secret"], b"hello hub", &headers).judge();
        assert!(matches!(refusal, Err(Refusal::Malformed { .. })), "{refusal:?}");
    }
    // A shortened digest must not pass as its own prefix.
    let short = format!("sha256={}", &digest[..32]);
    let headers = [("X-Hub-Signature-256", short.as_str())];
    assert_eq!(plain(spec(), &["generic-secret"], b"hello hub", &headers).judge(), Err(Refusal::Forged));
}

#[test]
fn a_shared_secret_in_a_header() {
    let spec = || Verify::SharedSecret { place: SecretPlace::Header("X-Hook-Secret".to_owned()), secrets: Vec::new() };
    let judge = |secrets: &[&str], value: &str| {
        plain(spec(), secrets, b"{}", &[("x-hook-secret", value)]).judge().map(|verified| verified.secret_index)
    };
    assert_eq!(judge(&["old-secret", "new-secret"], "new-secret"), Ok(Some(1)));
    for wrong in ["old", "old-secret ", "OLD-SECRET", "", "old-secretx"] {
        assert_eq!(judge(&["old-secret", ""], wrong), Err(Refusal::Forged), "{wrong}");
    }
}

#[test]
fn a_scheme_that_protects_nothing_is_refused() {
    let spec = || by_hmac(over_body("x-signature", Encoding::Hex, ""));
    let build = |verify: Verify, secrets: &[&str]| {
        let secrets: Vec<SecretString> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
        Verifier::new(&verify, &secrets).map(|_| ())
    };
    let shared = || Verify::SharedSecret { place: SecretPlace::Header("x-secret".to_owned()), secrets: Vec::new() };
    for secrets in [&[][..], &[""][..], &["  ", ""][..]] {
        for verify in [spec(), shared(), standard_scheme()] {
            assert_eq!(build(verify, secrets), Err(SecretError::None));
        }
    }
    assert_eq!(build(spec(), &["", "second"]), Ok(()));
    assert!(matches!(build(standard_scheme(), &["whsec_c2hvcnQ="]), Err(SecretError::Unusable { number: 1, .. })));
    let hex = by_hmac(Hmac { key: KeyForm::Hex, ..over_body("x-signature", Encoding::Hex, "") });
    assert!(matches!(build(hex, &["0102", "not hex"]), Err(SecretError::Unusable { number: 2, .. })));
    // Nothing that is logged shows a key.
    assert!(!format!("{:?}", verifier(&spec(), &["top-secret"])).contains("top-secret"));
}
