//! Vendors that fail in every way: what each failure is called, and that it ends.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use syncline::connector::call::CallError;
use syncline::connector::manifest::OpKind;
use syncline::model::ErrorClass;

use crate::setup::{AUTH, SECRET, STREAMS, connect, context, manifest, orders};
use crate::vendor::{Reply, Vendor, json, with};

/// The failure of a read and of a create against a vendor that always answers like this.
async fn failures(reply: impl Fn() -> Reply + Send + Sync + 'static) -> (CallError, CallError) {
    let vendor = Vendor::start(move |_, _| reply()).await;
    let read = orders(&vendor.url).read_page("orders", None, None).await.unwrap_err();
    let write = orders(&vendor.url).write("orders", OpKind::Create, &context()).await.unwrap_err();
    (*read, *write)
}

#[track_caller]
fn check(failures: (CallError, CallError), read: ErrorClass, write: ErrorClass, needle: &str) {
    for (error, class) in [(&failures.0, read), (&failures.1, write)] {
        assert_eq!(error.class, class, "{error}");
        assert!(error.sent, "{error}");
        assert!(error.message.contains(needle), "{error}");
        assert_eq!(error.system, "shop");
        let everything = format!("{error} {error:?}");
        assert!(!everything.contains(SECRET), "{everything}");
    }
    assert!(failures.0.what.starts_with("GET /orders?state=any"), "{}", failures.0.what);
    assert!(failures.1.request_excerpt.contains("#1001"), "{:?}", failures.1);
}

#[tokio::test]
async fn an_answer_that_never_comes_is_unknown_only_for_writes() {
    check(failures(|| Reply::Close).await, ErrorClass::Transient, ErrorClass::UnknownOutcome, "broke");
    let half = || Reply::Raw(b"HTTP/1.1 200 O".to_vec());
    check(failures(half).await, ErrorClass::Transient, ErrorClass::UnknownOutcome, "broke");
    let garbage = || Reply::Raw(b"\x16\x03\x01 not http at all\r\n\r\n".to_vec());
    check(failures(garbage).await, ErrorClass::Transient, ErrorClass::UnknownOutcome, "broke");
}

#[tokio::test]
async fn a_success_that_is_no_data_is_no_success() {
    let html = || with(200, &[("content-type", "text/html")], format!("<html>maintenance {SECRET}</html>"));
    let found = failures(html).await;
    assert!(found.0.response_excerpt.contains("maintenance [secret]"), "{:?}", found.0);
    check(found, ErrorClass::Transient, ErrorClass::UnknownOutcome, "web page");
    let disguised = || json(200, "\n<!DOCTYPE html><p>oops</p>");
    check(failures(disguised).await, ErrorClass::Transient, ErrorClass::UnknownOutcome, "web page");
    let cut = || json(200, r#"{"orders":[{"id":1"#);
    check(failures(cut).await, ErrorClass::Transient, ErrorClass::UnknownOutcome, "cut off");
    let doubled = || json(200, r#"{"order":{"id":1},"order":{"id":2},"orders":[]}"#);
    check(failures(doubled).await, ErrorClass::Transient, ErrorClass::UnknownOutcome, "twice");
    let short = || Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"orders\":[]}".to_vec());
    check(failures(short).await, ErrorClass::Transient, ErrorClass::UnknownOutcome, "broke off");
    let bad_gzip = || with(200, &[("content-encoding", "gzip")], "{\"orders\":[]}");
    check(failures(bad_gzip).await, ErrorClass::Transient, ErrorClass::UnknownOutcome, "broke off");
}

#[tokio::test]
async fn an_endless_answer_ends_at_the_cap() {
    check(
        failures(|| Reply::Endless).await,
        ErrorClass::Transient,
        ErrorClass::UnknownOutcome,
        "larger than 65536 bytes",
    );
}

#[tokio::test]
async fn a_compressed_bomb_ends_at_the_cap() {
    use std::io::Write;
    // Compressed beforehand: it takes longer than the engine waits for an answer.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![b' '; 16 << 20]).unwrap();
    let body = encoder.finish().unwrap();
    let bomb = move || Reply::Answer {
        status: 200,
        headers: vec![("content-encoding".to_owned(), "gzip".to_owned())],
        body: body.clone(),
    };
    check(failures(bomb).await, ErrorClass::Transient, ErrorClass::UnknownOutcome, "larger than 65536 bytes");
}

#[tokio::test]
async fn a_slow_answer_ends_in_time() {
    let begun = Instant::now();
    check(
        failures(|| Reply::Silence).await,
        ErrorClass::Transient,
        ErrorClass::UnknownOutcome,
        "not complete within 1 s",
    );
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_refused_connection_proves_that_nothing_was_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let read = orders(&url).read_page("orders", None, None).await.unwrap_err();
    let write = orders(&url).write("orders", OpKind::Create, &context()).await.unwrap_err();
    for error in [read, write] {
        assert_eq!((error.class, error.sent), (ErrorClass::Transient, false), "{error}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let found = failures(|| with(302, &[("location", "http://169.254.169.254/latest")], "")).await;
    check(found, ErrorClass::Data, ErrorClass::Data, "169.254.169.254");
}

#[tokio::test]
async fn statuses_follow_the_table() {
    check(
        failures(|| json(401, r#"{"error":{"message":"bad key"}}"#)).await,
        ErrorClass::Auth,
        ErrorClass::Auth,
        "bad key",
    );
    check(
        failures(|| json(404, r#"{"errors":"Not Found"}"#)).await,
        ErrorClass::NotFound,
        ErrorClass::NotFound,
        "Not Found",
    );
    let errors = || json(422, r#"{"errors":{"name":["is taken"]}}"#);
    check(failures(errors).await, ErrorClass::Data, ErrorClass::Data, "is taken");
    check(failures(|| json(500, "")).await, ErrorClass::Transient, ErrorClass::UnknownOutcome, "without saying why");
    let gateway = || with(502, &[("content-type", "text/html")], "<html>Bad Gateway</html>");
    check(failures(gateway).await, ErrorClass::Transient, ErrorClass::UnknownOutcome, "without saying why");
}

#[tokio::test]
async fn a_hiccup_is_repeated_for_reads_and_never_for_writes() {
    let script =
        |number: usize| if number < 2 { json(503, "") } else { json(200, r#"{"orders":[],"order":{"id":1}}"#) };
    let vendor = Vendor::start(move |number, _| script(number)).await;
    assert!(orders(&vendor.url).read_page("orders", None, None).await.is_ok());
    assert_eq!(vendor.count(), 3);
    let vendor = Vendor::start(move |number, _| script(number)).await;
    let error = orders(&vendor.url).write("orders", OpKind::Create, &context()).await.unwrap_err();
    assert_eq!((error.class, error.status, vendor.count()), (ErrorClass::Transient, Some(503), 1));
    // The patience of a call is short; then the job table takes over.
    let vendor = Vendor::start(|_, _| json(503, "")).await;
    assert!(orders(&vendor.url).read_page("orders", None, None).await.is_err());
    assert_eq!(vendor.count(), 3);
}

#[tokio::test]
async fn retry_after_is_honoured_in_every_form_by_the_whole_connection() {
    let date = |offset: i64| {
        let at = Timestamp::from_second(Timestamp::now().as_second() + offset).unwrap();
        at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    };
    let cases = [
        ("7".to_owned(), 7..8),
        ("2.5".to_owned(), 2..3),
        (date(60), 55..61),
        ("99999999999".to_owned(), 86_400..86_401),
        ("99999999999999999999999999".to_owned(), 86_400..86_401),
    ];
    for (text, expected) in cases {
        let header = text.clone();
        let vendor = Vendor::start(move |_, _| with(429, &[("retry-after", &header)], "{}")).await;
        let shop = orders(&vendor.url);
        let error = shop.read_page("orders", None, None).await.unwrap_err();
        assert_eq!((error.class, error.sent), (ErrorClass::RateLimited, true), "{error}");
        assert!(expected.contains(&error.retry_after.unwrap().as_secs()), "{text}: {:?}", error.retry_after);
        // Everybody waits: the next call does not reach the vendor, and says when to come back.
        let error = shop.write("orders", OpKind::Create, &context()).await.unwrap_err();
        assert_eq!((error.class, error.sent, vendor.count()), (ErrorClass::RateLimited, false, 1), "{error}");
        assert!(error.retry_after.unwrap() > Duration::from_secs(1), "{error:?}");
    }
}

#[tokio::test]
async fn a_short_retry_after_is_waited_for_in_the_call_and_nonsense_is_ignored() {
    let script = |number: usize| {
        if number == 0 { with(429, &[("retry-after", "0.01")], "{}") } else { json(200, r#"{"orders":[]}"#) }
    };
    let vendor = Vendor::start(move |number, _| script(number)).await;
    assert!(orders(&vendor.url).read_page("orders", None, None).await.is_ok());
    assert_eq!(vendor.count(), 2);
    for nonsense in ["-5", "soon", ""] {
        let vendor = Vendor::start(move |_, _| with(429, &[("retry-after", nonsense)], "{}")).await;
        let shop = orders(&vendor.url);
        let error = shop.read_page("orders", None, None).await.unwrap_err();
        assert_eq!((error.class, error.retry_after, vendor.count()), (ErrorClass::RateLimited, None, 1), "{nonsense}");
        // Without a stated time nobody else is held up here; the job table backs off.
        assert!(shop.read_page("orders", None, None).await.unwrap_err().sent);
    }
}

#[tokio::test]
async fn the_manifests_rules_come_first() {
    let rules = format!(
        "{AUTH}\n  errors:\n    - {{ status: 422, when: \"body.code == \\\"dup\\\"\", class: conflict, message: \"taken by {{body.by}}\" }}\n    \
         - {{ status: 4xx, header: {{ name: X-Should-Retry, equals: \"true\" }}, class: transient }}\n    \
         - {{ when: \"body.userErrors.len() > 0\", class: data, message: \"{{body.userErrors}}\" }}"
    );
    let judged = |reply: fn() -> Reply| {
        let rules = rules.clone();
        async move {
            let vendor = Vendor::start(move |_, _| reply()).await;
            let shop = connect(manifest(&rules, STREAMS), &vendor.url);
            let error = shop.write("orders", OpKind::Create, &context()).await.unwrap_err();
            (error.class, error.message.clone())
        }
    };
    let dup = judged(|| json(422, r#"{"code":"dup","by":"order 5"}"#)).await;
    assert_eq!(dup, (ErrorClass::Conflict, "taken by order 5".to_owned()));
    let other = judged(|| json(422, r#"{"code":"odd","message":"no"}"#)).await;
    assert_eq!(other, (ErrorClass::Data, "no".to_owned()));
    let retry = judged(|| with(409, &[("x-should-retry", "true")], "{}")).await;
    assert_eq!(retry.0, ErrorClass::Transient);
    let hidden = judged(|| json(200, r#"{"order":{"id":1},"userErrors":[{"message":"stale"}]}"#)).await;
    assert_eq!(hidden, (ErrorClass::Data, r#"[{"message":"stale"}]"#.to_owned()));
}
