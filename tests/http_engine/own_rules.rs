//! Error rules of single requests, asked before those of the connector.

use std::time::Duration;

use syncline::config::yaml::Source;
use syncline::connector::call::CallError;
use syncline::connector::connection::Connection;
use syncline::connector::manifest::{Manifest, OpKind};
use syncline::model::ErrorClass;

use crate::setup::{connect, context, manifest};
use crate::vendor::{Vendor, json};

const HTTP: &str = r#"  errors:
    - { status: 409, class: conflict, message: "all: {body.code}" }
    - { status: 422, class: data, message: "all: {body.code}" }"#;

const STREAMS: &str = r#"
streams:
  orders:
    entity: order
    key: "{record.id}"
    version: "{record.updated_at}"
    read:
      request: { get: /orders, query: { since: "{cursor}" }, errors: [{ status: 409, class: transient, message: "list: {body.code}", retry_after: "{body.wait?}" }] }
      records: orders
      cursor: { kind: time, field: updated_at }
    get: { get: "/orders/{key}", errors: [{ status: 200, when: body.gone == true, class: not_found }, { status: 409, when: body.code == 7, class: permission, message: "one: {body.code}" }] }
    write:
      set:
        put: /orders
        json: "{record}"
        errors: [{ code: "{body.code}", classes: { "7": not_found, "8": rate_limited } }]
"#;

async fn failing(status: u16, body: &'static str) -> (Vendor, Connection) {
    let vendor = Vendor::start(move |_, _| json(status, body)).await;
    let shop = connect(manifest(HTTP, STREAMS), &vendor.url);
    (vendor, shop)
}

#[track_caller]
fn is(error: &CallError, class: ErrorClass, words: &str) {
    assert_eq!(error.class, class, "{error}");
    assert!(error.message.contains(words), "{error}");
}

#[tokio::test]
async fn a_requests_own_rules_come_first_and_the_connectors_for_the_rest() {
    let (_vendor, shop) = failing(409, r#"{"code":7,"wait":9}"#).await;
    let listed = shop.read_page("orders", None, None).await.unwrap_err();
    is(&listed, ErrorClass::Transient, "list: 7");
    assert_eq!(listed.retry_after, Some(Duration::from_secs(9)));
    is(&shop.get("orders", "1").await.unwrap_err(), ErrorClass::Permission, "one: 7");
    let written = shop.write("orders", OpKind::Set, &context()).await.unwrap_err();
    is(&written, ErrorClass::NotFound, "the vendor refused without saying why");

    let (_vendor, shop) = failing(409, r#"{"code":9}"#).await;
    is(&shop.get("orders", "1").await.unwrap_err(), ErrorClass::Conflict, "all: 9");
    is(&shop.write("orders", OpKind::Set, &context()).await.unwrap_err(), ErrorClass::Conflict, "all: 9");
    let (_vendor, shop) = failing(422, r#"{"code":8}"#).await;
    is(&shop.write("orders", OpKind::Set, &context()).await.unwrap_err(), ErrorClass::RateLimited, "");
    is(&shop.read_page("orders", None, None).await.unwrap_err(), ErrorClass::Data, "all: 8");
    // Neither knows it: the table that holds for everybody.
    let (_vendor, shop) = failing(404, "{}").await;
    assert_eq!(shop.write("orders", OpKind::Set, &context()).await.unwrap_err().class, ErrorClass::NotFound);
}

#[tokio::test]
async fn a_success_can_be_a_failure_to_one_request_alone() {
    let (_vendor, shop) = failing(200, r#"{"gone":true}"#).await;
    assert!(shop.get("orders", "1").await.unwrap().is_none());
    let (_vendor, shop) = failing(200, r#"{"gone":true,"orders":[]}"#).await;
    assert!(shop.read_page("orders", None, None).await.unwrap().records.is_empty());
}

#[tokio::test]
async fn a_log_in_and_a_token_fetch_have_rules_of_their_own() {
    let session = r#"  auth: { scheme: session, login: { post: /login, json: { user: hub, password: "{settings.token}" }, errors: [{ status: 403, when: 'body.reason == "busy"', class: transient, message: "{body.reason}", retry_after: "{body.wait}" }, { status: 200, when: body.token == (), class: permission, message: no seat left }] }, token: "{body.token}", header: X-Session }"#;
    for (status, body, class, words) in [
        (403, r#"{"reason":"busy","wait":4}"#, ErrorClass::Transient, "the login was refused: busy"),
        (403, r#"{"reason":"wrong"}"#, ErrorClass::Auth, "the login was refused"),
        (200, r#"{"token":null}"#, ErrorClass::Permission, "no seat left"),
    ] {
        let vendor = Vendor::start(move |_, _| json(status, body)).await;
        let shop = connect(manifest(session, STREAMS), &vendor.url);
        let error = shop.get("orders", "1").await.unwrap_err();
        is(&error, class, words);
        assert!(!error.sent, "{error}");
        assert_eq!(error.retry_after, body.contains("wait").then_some(Duration::from_secs(4)));
    }
    let csrf =
        r#"  csrf: { fetch: { get: /token, errors: [{ status: 409, class: rate_limited, message: "{body.why}" }] } }"#;
    let vendor = Vendor::start(|_, _| json(409, r#"{"why":"too many sessions"}"#)).await;
    let shop = connect(manifest(csrf, STREAMS), &vendor.url);
    let error = shop.write("orders", OpKind::Set, &context()).await.unwrap_err();
    is(&error, ErrorClass::RateLimited, "no token against forged requests: too many sessions");
    assert!(!error.sent, "{error}");
}

#[test]
fn rules_of_a_request_are_checked_like_all_others() {
    for (from, to, reason) in [
        ("{ status: 409, class: transient,", "{ class: transient,", "error rule without a condition"),
        ("\"list: {body.code}\"", "\"list: {record.code}\"", "`record` does not exist in an error rule"),
        ("\"list: {body.code}\"", "\"list: {settings.token}\"", "`settings` does not exist in an error rule"),
        ("classes: { \"7\": not_found,", "classes: { \"7\": nothing,", "is not a known error class"),
    ] {
        assert!(STREAMS.contains(from), "{from}");
        let text = format!(
            "connector: fake\ntitle: Fake\nsettings:\n  token: {{ secret: true }}\nhttp:\n  base_url: https://x.example\n{}",
            STREAMS.replace(from, to)
        );
        let problems = Manifest::parse(&Source::new("fake.yaml", text.as_str())).map(|_| ()).expect_err(to).to_string();
        assert!(problems.contains(reason), "{problems}");
    }
}
