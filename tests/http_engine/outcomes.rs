//! Writes that compare before they set, and writes that are accepted before they are applied.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json as value;
use syncline::config::yaml::Source;
use syncline::connector::call::{CallError, Lookup, Receipt, WriteContext};
use syncline::connector::connection::Connection;
use syncline::connector::manifest::{Manifest, OpKind};
use syncline::model::ErrorClass;

use crate::setup::{AUTH, connect, context, manifest};
use crate::vendor::{Reply, Vendor, json, with};

fn sink(operations: &str) -> Arc<Manifest> {
    manifest(AUTH, &format!("\nstreams:\n  sink:\n    entity: any\n    write:\n{operations}\n"))
}

async fn write(shop: &Connection, op: OpKind) -> Result<Receipt, Box<CallError>> {
    shop.write("sink", op, &context()).await
}

const COMPARE: &str = r#"      update:
        compare_and_set: { read: { get: "/items/{key}" }, attempts: 3 }
        put: "/items/{key}"
        headers: { If-Match: "{current.headers.etag}" }
        json: { total: "{record.total}", note: "{current.body.note}" }"#;

#[tokio::test]
async fn a_write_is_based_on_what_is_there_and_based_anew_after_a_conflict() {
    let item = Arc::new(Mutex::new((1_u32, "first".to_owned())));
    let kept = Arc::clone(&item);
    let vendor = Vendor::start(move |number, asked| {
        let mut item = kept.lock().unwrap();
        if asked.method == "GET" {
            let answer = with(200, &[("etag", &format!("\"v{}\"", item.0))], value!({"note": item.1}).to_string());
            if number == 0 {
                // Somebody else writes between our look and our write.
                *item = (2, "second".to_owned());
            }
            return answer;
        }
        if asked.header("if-match") != Some(&format!("\"v{}\"", item.0)) {
            return json(412, r#"{"message":"precondition failed"}"#);
        }
        item.0 += 1;
        json(200, "{}")
    })
    .await;
    let shop = connect(sink(COMPARE), &vendor.url);
    write(&shop, OpKind::Update).await.unwrap();
    let asked = vendor.asked();
    let methods: Vec<&str> = asked.iter().map(|asked| asked.method.as_str()).collect();
    assert_eq!(methods, ["GET", "PUT", "GET", "PUT"]);
    assert_eq!(
        (asked[3].header("if-match"), asked[3].body.as_str()),
        (Some("\"v2\""), r#"{"total":"19.90","note":"second"}"#)
    );
}

#[tokio::test]
async fn a_lasting_conflict_and_a_missing_object_are_told() {
    let vendor = Vendor::start(|_, asked| match asked.method.as_str() {
        "GET" => with(200, &[("etag", "\"v1\"")], r#"{"note":1}"#),
        _ => json(412, "{}"),
    })
    .await;
    let error = write(&connect(sink(COMPARE), &vendor.url), OpKind::Update).await.unwrap_err();
    assert_eq!((error.class, vendor.count()), (ErrorClass::Conflict, 6), "{error}");
    let vendor = Vendor::start(|_, _| json(404, "{}")).await;
    let error = write(&connect(sink(COMPARE), &vendor.url), OpKind::Update).await.unwrap_err();
    assert_eq!((error.class, vendor.count()), (ErrorClass::NotFound, 1), "{error}");
    // Without the tag, nothing would be compared: nothing is sent.
    let vendor = Vendor::start(|_, _| json(200, r#"{"note":1}"#)).await;
    let error = write(&connect(sink(COMPARE), &vendor.url), OpKind::Update).await.unwrap_err();
    assert_eq!((error.class, error.sent, vendor.count()), (ErrorClass::Data, false, 1), "{error}");
    // A lost answer is no conflict, and is not sent again.
    let vendor = Vendor::start(|_, asked| match asked.method.as_str() {
        "GET" => with(200, &[("etag", "\"v1\"")], r#"{"note":1}"#),
        _ => Reply::Close,
    })
    .await;
    let error = write(&connect(sink(COMPARE), &vendor.url), OpKind::Update).await.unwrap_err();
    assert_eq!((error.class, vendor.count()), (ErrorClass::UnknownOutcome, 2), "{error}");
}

const CONFIRMED: &str = r#"      upsert:
        post: /jobs
        json: { record: "{record}" }
        accepts: 202
        response: { id: "{body.item}" }
        confirm:
          get: "/jobs/{accepted.body.job}"
          done: 'body.state == "applied"'
          failed: 'body.state == "failed"'
          message: "{body.reason}"
          every: 50ms
          within: 300ms"#;

/// Accepts, and tells the states one after the other; the last one stays.
async fn applying(states: &'static [&'static str]) -> Vendor {
    let asked = AtomicUsize::new(0);
    Vendor::start(move |_, request| match request.method.as_str() {
        "POST" => json(202, r#"{"job":"j-1"}"#),
        _ => {
            let number = asked.fetch_add(1, Ordering::SeqCst);
            match states[number.min(states.len() - 1)] {
                "gone" => json(404, "{}"),
                "busy" => json(503, "{}"),
                "forbidden" => json(403, "{}"),
                "odd" => json(200, r#"{"progress":7}"#),
                state => json(200, format!(r#"{{"state":"{state}","item":"i-7","reason":"no stock"}}"#)),
            }
        }
    })
    .await
}

fn posts(vendor: &Vendor) -> usize {
    vendor.asked().iter().filter(|asked| asked.method == "POST").count()
}

#[tokio::test]
async fn accepted_is_not_applied() {
    let vendor = applying(&["gone", "queued", "busy", "applied"]).await;
    let receipt = write(&connect(sink(CONFIRMED), &vendor.url), OpKind::Upsert).await.unwrap();
    assert_eq!((receipt.remote_id.as_deref(), receipt.status, posts(&vendor)), (Some("i-7"), Some(200), 1));
    assert_eq!(vendor.asked().last().unwrap().target, "/jobs/j-1");
    let vendor = applying(&["queued", "failed"]).await;
    let error = write(&connect(sink(CONFIRMED), &vendor.url), OpKind::Upsert).await.unwrap_err();
    assert_eq!((error.class, error.message.as_str(), error.sent), (ErrorClass::Data, "no stock", true));
    for states in [&["queued"][..], &["forbidden"], &["odd"], &["busy"]] {
        let vendor = applying(states).await;
        let error = write(&connect(sink(CONFIRMED), &vendor.url), OpKind::Upsert).await.unwrap_err();
        assert_eq!(
            (error.class, error.sent, posts(&vendor)),
            (ErrorClass::UnknownOutcome, true, 1),
            "{states:?}: {error}"
        );
    }
}

#[tokio::test]
async fn the_next_attempt_asks_before_it_sends() {
    let vendor = applying(&[
        "queued", "queued", "queued", "queued", "queued", "queued", "queued", "queued", "failed", "applied",
    ])
    .await;
    let shop = connect(sink(CONFIRMED), &vendor.url);
    assert_eq!(write(&shop, OpKind::Upsert).await.unwrap_err().class, ErrorClass::UnknownOutcome);
    // The same effect: asked for, not sent. It has failed, so that the attempt after that sends again.
    let error = loop {
        let error = write(&shop, OpKind::Upsert).await.unwrap_err();
        if error.class != ErrorClass::UnknownOutcome {
            break error;
        }
    };
    assert_eq!((error.class, posts(&vendor)), (ErrorClass::Data, 1));
    write(&shop, OpKind::Upsert).await.unwrap();
    assert_eq!(posts(&vendor), 2);
    // Another effect has nothing to do with it.
    let other = WriteContext { idempotency_key: "idem-2".to_owned(), ..context() };
    shop.write("sink", OpKind::Upsert, &other).await.unwrap();
    assert_eq!(posts(&vendor), 3);
}

/// No idempotency key, and the work is done later: the look-up asks for what is accepted as well.
const QUEUED: &str = r#"      create:
        post: /jobs
        json: { record: "{record}" }
        response: { id: "{body.item}" }
        confirm:
          get: "/jobs/{accepted.body.job}"
          done: 'body.state == "applied"'
          failed: 'body.state == "failed"'
          every: 50ms
          within: 100ms
        idempotency:
          scheme: lookup
          request: { get: /jobs, query: { reference: "{record.name}" } }
          found: jobs
          id: item
          matches: 'candidate.state != "failed"'
          pending: 'candidate.state == "queued"'"#;

#[tokio::test]
async fn what_is_accepted_and_not_yet_applied_is_neither_found_nor_absent() {
    let look_up = async |jobs: &'static str| {
        let vendor = Vendor::start(move |_, _| json(200, jobs)).await;
        let looked_up = connect(sink(QUEUED), &vendor.url).lookup("sink", &context()).await;
        assert_eq!(vendor.count(), 1);
        looked_up
    };
    let error = look_up(r#"{"jobs":[{"state":"queued","item":null}]}"#).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::UnknownOutcome, "{error}");
    assert!(error.to_string().contains("accepted it and not applied it yet"), "{error}");
    let found = look_up(r#"{"jobs":[{"state":"failed","item":null},{"state":"applied","item":"i-7"}]}"#).await.unwrap();
    assert!(matches!(&found, Lookup::Found { remote_id, .. } if remote_id == "i-7"), "{found:?}");
    let absent = look_up(r#"{"jobs":[{"state":"failed","item":null}]}"#).await.unwrap();
    assert!(matches!(absent, Lookup::Absent), "{absent:?}");
}

#[test]
fn what_cannot_be_safe_is_refused() {
    let problems = |operations: &str| {
        let text = format!(
            "connector: fake\ntitle: Fake\nhttp: {{ base_url: \"https://x.example\" }}\nstreams:\n  sink:\n    entity: any\n    write:\n{operations}\n"
        );
        Manifest::parse(&Source::new("fake.yaml", text.as_str())).map(|_| ()).unwrap_err().to_string()
    };
    let keyed = format!(
        "{COMPARE}\n        idempotency: {{ scheme: header, name: Idempotency-Key, value: \"{{idempotency_key}}\", ttl: 1d }}"
    );
    assert!(problems(&keyed).contains("cannot keep its idempotency key"));
    assert!(
        problems(&COMPARE.replace("{current.headers.etag}", "x").replace("{current.body.note}", "y"))
            .contains("compares nothing")
    );
    let looked_up = format!("{CONFIRMED}\n        idempotency: {{ scheme: lookup, request: {{ get: /x }}, id: id }}");
    assert!(problems(&looked_up).contains("a restart could write twice"));
    assert!(problems(&looked_up).contains("pending:"), "the refusal says what would do");
    assert!(problems(&CONFIRMED.replace("within: 300ms", "within: 10m")).contains("wait without end"));
    let typo = problems(&CONFIRMED.replace("          done:", "          don:"));
    assert!(typo.contains("did you mean `done`?"), "{typo}");
}
