//! Many records in one request, and an answer that speaks of each.

use serde_json::{Value, json as value};
use syncline::connector::call::{CallResult, Receipt, WriteContext};
use syncline::connector::manifest::OpKind;
use syncline::model::ErrorClass;

use crate::setup::{AUTH, connect, manifest};
use crate::vendor::{Asked, Reply, Vendor, json, with};

const BY_KEY: &str = r#"
streams:
  levels:
    entity: any
    write:
      set:
        post: "/levels/{batch.size}"
        headers: { Idempotency-Key: "{batch.idempotency_key}" }
        json: { updates: "{batch.items}" }
        response: { id: "{item.id}" }
        batch:
          max: 100
          max_bytes: 4KiB
          item: { sku: "{record.sku}", quantity: "{record.qty}", note?: "{record.note?}" }
          result:
            list: results
            key: { sent: "{record.sku}", told: "{item.sku}" }
            ok: 'item.status == "ok"'
            code: "{item.code}"
            classes: { BUSY: transient, LIMIT: rate_limited }
            message: "{item.reason}"
"#;

const BY_POSITION: &str = r#"
streams:
  levels:
    entity: any
    write:
      set:
        post: /levels
        json: "{batch.records}"
        response: { id: "{item.id}" }
        batch: { max: 100, result: { list: results, ok: "item.ok", message: "{item.why}" } }
"#;

const FAILURES_ONLY: &str = r#"
streams:
  levels:
    entity: any
    write:
      set:
        post: /levels
        json: "{batch.records}"
        batch: { max: 100, result: { list: failed, key: { sent: "{index}", told: "{item.index}" }, ok: "false", message: "{item.why}", unmentioned: done } }
"#;

fn contexts(skus: &[&str]) -> Vec<WriteContext> {
    let context = |sku: &&str| WriteContext {
        key: (*sku).to_owned(),
        idempotency_key: format!("key-{sku}"),
        record: value!({ "sku": sku, "qty": 3 }),
        ..WriteContext::default()
    };
    skus.iter().map(context).collect()
}

async fn write(
    streams: &str,
    skus: &[&str],
    script: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static,
) -> (CallResult<Vec<CallResult<Receipt>>>, Vec<Asked>) {
    let vendor = Vendor::start(script).await;
    let connection = connect(manifest(AUTH, streams), &vendor.url);
    let results = connection.write_many("levels", OpKind::Set, &contexts(skus)).await;
    (results, vendor.asked())
}

/// Id or class and message of each.
fn told(results: CallResult<Vec<CallResult<Receipt>>>) -> Vec<String> {
    let shown = |result: CallResult<Receipt>| match result {
        Ok(receipt) => format!("ok {}", receipt.remote_id.unwrap_or_default()),
        Err(error) => format!("{} {}", error.class, error.message),
    };
    results.unwrap().into_iter().map(shown).collect()
}

#[tokio::test]
async fn results_in_any_order_find_their_records_by_key() {
    let answer = r#"{"results":[{"sku":"C","status":"failed","code":"BAD","reason":"unknown sku C"},{"sku":"A","status":"ok","id":7},
        {"sku":"D","status":"failed","code":"BUSY","reason":"later"},{"sku":"Z","status":"ok","id":9},{"sku":"E"},{"status":"ok"},
        {"sku":"F","status":"ok","id":1},{"sku":"F","status":"failed"}]}"#;
    let (results, asked) = write(BY_KEY, &["A", "B", "C", "D", "E", "F"], move |_, _| json(207, answer)).await;
    let told = told(results);
    assert_eq!(told[0], "ok 7");
    assert_eq!(told[1], "unknown_outcome the answer does not speak of this record");
    assert_eq!(told[2], "data unknown sku C");
    assert_eq!(told[3], "transient later");
    assert!(told[4].starts_with("unknown_outcome the answer does not tell whether it worked"), "{}", told[4]);
    assert_eq!(told[5], "unknown_outcome the answer speaks of this record more than once");
    let sent: Value = serde_json::from_str(&asked[0].body).unwrap();
    assert_eq!(sent["updates"][1], value!({ "sku": "B", "quantity": 3 }));
    assert_eq!((asked.len(), asked[0].target.as_str()), (1, "/levels/6"));
}

#[tokio::test]
async fn results_by_position_must_be_as_many_as_the_records() {
    let whole = r#"{"results":[{"ok":true,"id":"a"},{"ok":false,"why":"no"}]}"#;
    let (results, _) = write(BY_POSITION, &["A", "B"], move |_, _| json(200, whole)).await;
    assert_eq!(told(results), ["ok a", "data no"]);
    for odd in [r#"{"results":[{"ok":true,"id":"a"}]}"#, r#"{"results":"?"}"#, "{}", "[]"] {
        let (results, _) = write(BY_POSITION, &["A", "B"], move |_, _| json(200, odd)).await;
        let told = told(results);
        assert!(told.len() == 2 && told.iter().all(|told| told.starts_with("unknown_outcome ")), "{odd}: {told:?}");
    }
}

#[tokio::test]
async fn a_list_of_failures_leaves_the_others_done() {
    let answer = r#"{"failed":[{"index":1,"why":"no such place"}]}"#;
    let (results, _) = write(FAILURES_ONLY, &["A", "B", "C"], move |_, _| json(200, answer)).await;
    assert_eq!(told(results), ["ok ", "data no such place", "ok "]);
}

#[tokio::test]
async fn what_happens_to_the_call_happens_to_all_of_them() {
    let cases = [
        (422, ErrorClass::Data),
        (401, ErrorClass::Auth),
        (429, ErrorClass::RateLimited),
        (503, ErrorClass::Transient),
        (502, ErrorClass::UnknownOutcome),
    ];
    for (status, class) in cases {
        let (results, _) = write(BY_KEY, &["A", "B"], move |_, _| json(status, "{}")).await;
        assert_eq!(results.unwrap_err().class, class, "{status}");
    }
    let (results, _) = write(BY_KEY, &["A", "B"], |_, _| Reply::Close).await;
    let error = results.unwrap_err();
    assert_eq!((error.class, error.sent), (ErrorClass::UnknownOutcome, true));
}

#[tokio::test]
async fn one_key_means_one_content() {
    let vendor = Vendor::start(|_, _| json(200, r#"{"results":[]}"#)).await;
    let connection = connect(manifest(AUTH, BY_KEY), &vendor.url);
    let mut other_content = contexts(&["A", "B"]);
    other_content[1].record = value!({ "sku": "B", "qty": 4 });
    let mut other_effect = contexts(&["A", "B"]);
    other_effect[1].idempotency_key = "key-B-2".to_owned();
    let batches = [
        contexts(&["A", "B"]),
        contexts(&["A", "B"]),
        contexts(&["A"]),
        contexts(&["B", "A"]),
        other_content,
        other_effect,
    ];
    for batch in &batches {
        connection.write_many("levels", OpKind::Set, batch).await.unwrap();
    }
    let keys: Vec<String> =
        vendor.asked().iter().map(|asked| asked.header("idempotency-key").unwrap().to_owned()).collect();
    assert_eq!(keys[0], keys[1], "the same batch again");
    let distinct: std::collections::BTreeSet<&String> = keys.iter().collect();
    assert_eq!(distinct.len(), 5, "{keys:?}");
}

#[tokio::test]
async fn what_is_too_long_or_cannot_be_told_apart_is_not_sent() {
    let long = "x".repeat(4096);
    let (results, asked) = write(BY_KEY, &["A", &long], |_, _| json(200, "{}")).await;
    let error = results.unwrap_err();
    assert_eq!((error.class, error.sent, asked.len()), (ErrorClass::Data, false, 0), "{error}");
    // Alone there is nothing to cut.
    let (results, asked) = write(BY_KEY, &[&long], |_, _| json(200, r#"{"results":[]}"#)).await;
    assert_eq!((results.unwrap().len(), asked.len()), (1, 1));
    let (results, asked) = write(BY_KEY, &["A", "A"], |_, _| json(200, "{}")).await;
    let error = results.unwrap_err();
    assert_eq!((error.class, asked.len()), (ErrorClass::Data, 0));
    assert!(error.message.contains("two records of one batch have the key `A`"), "{error}");
}

#[tokio::test]
async fn one_record_goes_by_the_same_request() {
    let vendor = Vendor::start(|_, _| json(200, r#"{"results":[{"sku":"A","status":"ok","id":7}]}"#)).await;
    let connection = connect(manifest(AUTH, BY_KEY), &vendor.url);
    let receipt = connection.write("levels", OpKind::Set, &contexts(&["A"])[0]).await.unwrap();
    assert_eq!(receipt.remote_id.as_deref(), Some("7"));
    assert_eq!(vendor.asked()[0].target, "/levels/1");
}

#[tokio::test]
async fn a_batch_may_be_lines_of_json() {
    const LINES: &str = r#"
streams:
  levels:
    entity: any
    write:
      set:
        post: /levels
        json_lines: "{batch.items}"
        batch: { max: 100, item: { sku: "{record.sku}", text: "two\nlines" } }
"#;
    let (results, asked) = write(LINES, &["A", "B"], |_, _| with(204, &[], "")).await;
    assert_eq!(told(results), ["ok ", "ok "]);
    assert_eq!(asked[0].header("content-type"), Some("application/x-ndjson"));
    assert_eq!(asked[0].body, "{\"sku\":\"A\",\"text\":\"two\\nlines\"}\n{\"sku\":\"B\",\"text\":\"two\\nlines\"}\n");
}
