//! Manifests read whole, and their mistakes reported all at once.

use super::*;
use crate::config::yaml::Source;

fn problems(text: &str) -> String {
    match Manifest::parse(&Source::new("connector.yaml", text)) {
        Ok(manifest) => format!("accepted {}", manifest.title),
        Err(problems) => {
            let short = |d: &crate::config::yaml::Diagnostic| {
                let help = d.help.as_deref().map(|help| format!("\n    {help}")).unwrap_or_default();
                format!("{}:{}: {}{help}", d.line, d.column, d.message)
            };
            problems.iter().map(short).collect::<Vec<_>>().join("\n")
        }
    }
}

const GOOD: &str = r#"
connector: demo
title: Demo
settings:
  base: { type: string, format: url }
  token: { secret: true }
  hook_secret: { secret: true }
http:
  base_url: "{settings.base}/api"
  auth: { scheme: bearer, token: "{settings.token}" }
  rate_limit: { scheme: leaky_bucket, size: 40, leak_per_s: 2, usage_header: X-Usage }
  errors:
    - { status: [422, 4xx], when: 'body.code == "bad"', class: data, message: "{body.errors}" }
check: { get: /me, shows: "{body.name}" }
webhooks:
  verify:
    scheme: hmac
    headers: [X-Signature]
    parts: { separator: ",", assign: "=", signature: v1 }
    encoding: hex
    content: "{timestamp}.{body}"
    timestamp: { part: t, tolerance: 5m }
    secrets: ["{settings.hook_secret}"]
  topic: ["{headers['x-topic']}"]
  dedupe: ["{headers['x-id']}"]
streams:
  orders:
    entity: order
    key: "{record.id}"
    version: "{record.updated_at}"
    read:
      request: { get: /orders, query: { since: "{cursor}", "expand[]": [a, b] } }
      records: orders
      pages: { scheme: link_header }
      cursor: { kind: time, field: updated_at, overlap: 5m }
    get: { get: "/orders/{key}", record: order }
    webhook:
      topics: { orders/create: upsert, orders/refund: { op: upsert, key: "{body.order_id}", fetch: always } }
      fetch: never
    write:
      create:
        steps:
          customer: { get: "/customers/{record.customer_id}" }
        post: /orders
        json: { customer: "{steps.customer.id}", n: 1, lines: "{record.lines}", note?: "{record.note}" }
        response: { id: "{body.order.id}" }
        idempotency:
          scheme: lookup
          request: { get: /orders, query: { reference: "{record.number}" } }
          found: orders
          id: id
          matches: candidate.reference == record.number
      update: { put: "/orders/{key}", json: { state: "{record.state}" } }
"#;

#[test]
fn a_whole_manifest_is_read() {
    let manifest = Manifest::parse(&Source::new("connector.yaml", GOOD)).unwrap_or_else(|p| panic!("{p}"));
    let orders = manifest.stream("orders").unwrap();
    let read = orders.http_read().unwrap();
    assert_eq!(read.request.query.len(), 3);
    assert_eq!(read.request.query[2].1.as_str(), "b");
    assert_eq!(manifest.streams_for_topic("orders/refund").count(), 1);
    assert_eq!(manifest.streams_for_topic("orders/else").count(), 0);
    let Some(Write::Http(write)) = &orders.write else { panic!("not an HTTP write") };
    let create = write.operation(OpKind::Create).unwrap();
    let Body::Json(JsonTemplate::Map(members)) = &create.request.body else { panic!("not JSON") };
    assert!(matches!(&members[1].1, JsonTemplate::Number(n) if n.as_str() == "1"));
    assert!(matches!(create.idempotency, Idempotency::Lookup { steps_before: 0, .. }));
    assert!(matches!(write.operation(OpKind::Update).unwrap().idempotency, Idempotency::Natural));
    let rule = &manifest.http.as_ref().unwrap().errors[0];
    assert!(rule.status.as_ref().unwrap().contains(404) && !rule.status.as_ref().unwrap().contains(500));
}

/// One mistake in each of many places: all are reported in one run.
#[test]
fn every_mistake_is_reported_at_once() {
    let bad = GOOD
        .replace("connector: demo", "connector: Demo Shop")
        .replace("scheme: leaky_bucket, size: 40", "scheme: leaky_bucket, sise: 40")
        .replace("{settings.token}", "{settings.tokn}")
        .replace("class: data", "class: dta")
        .replace("{timestamp}.{body}", "{timestamp}")
        .replace("kind: time,", "kind: snapshot,")
        .replace("\"{record.id}\"", "\"{rec.id}\"")
        .replace("get: /me", "get: \"/me?t={settings.hook_secret}\"")
        .replace("{steps.customer.id}", "{steps.custmer.id}")
        .replace("scheme: lookup", "scheme: lokup")
        .replace("fetch: always", "fetch: allways");
    insta::assert_snapshot!(problems(&bad));
}

#[test]
fn parts_must_fit_together() {
    let cut = |from: &str, to: &str| problems(&GOOD.replace(from, to));
    assert!(
        cut("    get: { get: \"/orders/{key}\", record: order }\n", "")
            .contains("fetches what is pushed but has no `get`")
    );
    assert!(cut("/orders/{key}\", record: order", "/orders/1\", record: order").contains("get does not use `{key}`"));
    assert!(cut("since: \"{cursor}\"", "since: x").contains("the request does not send the cursor"));
    assert!(cut("    version: \"{record.updated_at}\"\n", "").contains("cannot order its pushes"));
    assert!(
        cut("put: \"/orders/{key}\", json: { state: \"{record.state}\" }", "put: /orders")
            .contains("does not say which object")
    );
    assert!(cut("base_url: \"{settings.base}/api\"", "base_url: api.example.com").contains("not an absolute URL"));
    let without_http = GOOD.replace("http:\n", "htp:\n");
    let shown = problems(&without_http);
    assert!(shown.contains("did you mean `http`?") && shown.contains("has no `http` section"), "{shown}");
    let create_twice = GOOD.split("        idempotency:\n").next().unwrap();
    assert!(problems(create_twice).contains("a create without idempotency could create twice"));
}

#[test]
fn unsigned_pushes_are_only_hints() {
    let start = GOOD.find("  verify:\n").unwrap();
    let end = GOOD.find("  topic:").unwrap();
    let unsigned = format!("{}  verify: {{ scheme: path_secret }}\n{}", &GOOD[..start], &GOOD[end..]);
    assert!(problems(&unsigned).contains("believes pushes that nobody signed"));
    let hint = unsigned.replace("fetch: never", "fetch: always");
    assert_eq!(problems(&hint), "accepted Demo");
}

#[test]
fn settings_are_checked_against_their_kind() {
    let accepts = |kind: &SettingKind, text: &str| kind.accepts(text).is_ok();
    let host = SettingKind::String { format: Some(SettingFormat::Hostname) };
    assert!(accepts(&host, "acme.myshop.com"));
    for bad in ["https://acme.com", "acme", "acme.com/", "-a.com", "", "a b.com"] {
        assert!(!accepts(&host, bad), "{bad}");
    }
    let url = SettingKind::String { format: Some(SettingFormat::Url) };
    assert!(accepts(&url, "http://127.0.0.1:9000") && !accepts(&url, "acme.com") && !accepts(&url, "https:///x"));
    assert!(accepts(&SettingKind::Integer { min: Some(1), max: None }, "5"));
    assert!(!accepts(&SettingKind::Integer { min: Some(1), max: None }, "0"));
    assert!(accepts(&SettingKind::Enum { values: vec!["a".into()] }, "a"));
    assert!(!accepts(&SettingKind::Bool, "yes"));
    assert!(accepts(&SettingKind::Duration, "5m"));
}

/// A stream that writes `operation`; what is wrong with it.
fn problems_of_write(operation: &str) -> String {
    problems(&format!(
        "connector: demo\ntitle: Demo\nhttp: {{ base_url: \"https://x.example\" }}\nstreams:\n  levels:\n    entity: any\n    write:\n{operation}\n"
    ))
}

#[test]
fn a_batch_that_could_not_be_told_apart_is_refused() {
    const BATCH: &str = "batch: { max: 10, result: { list: results, key: { sent: \"{record.sku}\", told: \"{item.sku}\" }, ok: item.ok } }";
    let body = "json: { all: \"{batch.items}\" }";
    #[track_caller]
    fn check(operation: &str, expected: &str) {
        let found = problems_of_write(operation);
        assert!(found.contains(expected), "{operation}\n{found}");
    }
    check(&format!("      set: {{ post: /l, {body}, {BATCH}, response: {{ id: \"{{item.id}}\" }} }}"), "accepted Demo");
    check(&format!("      delete: {{ post: /l, {body}, {BATCH} }}"), "accepted Demo");
    check(&format!("      set: {{ post: /l, json: 1, {BATCH} }}"), "the request does not carry the batch's records");
    check(
        &format!("      set: {{ post: \"/l/{{key}}\", {body}, {BATCH} }}"),
        "`key` does not exist in a write of many records",
    );
    check(
        &format!("      set: {{ post: /l, json: [\"{{batch.itmes}}\", \"{{batch.keys}}\"], {BATCH} }}"),
        "`batch.itmes` does not exist",
    );
    check(
        &format!("      set: {{ post: /l, {body}, {BATCH}, response: {{ id: \"{{record.id}}\" }} }}"),
        "`record` does not exist in the answer to a batch",
    );
    check(
        &format!("      set: {{ post: /l, {body}, batch: {{ max: 10 }}, response: {{ id: \"{{body.id}}\" }} }}"),
        "one answer cannot name the ids",
    );
    check(&format!("      set: {{ post: /l, {body}, batch: {{ max: 1 }} }}"), "a batch has 2 to 1000 records");
    check(
        &format!(
            "      set: {{ post: /l, {body}, batch: {{ max: 10, result: {{ list: failed, unmentioned: done }} }} }}"
        ),
        "does not tell by position",
    );
    check(
        &format!("      set: {{ steps: {{ a: {{ get: /a }} }}, post: /l, {body}, {BATCH} }}"),
        "steps and `batch` exclude each other",
    );
    check(
        &format!("      set: {{ compare_and_set: {{ read: {{ get: /a }} }}, post: /l, {body}, {BATCH} }}"),
        "`compare_and_set` and `batch` exclude each other",
    );
    check(
        &format!("      set: {{ post: /l, {body}, {BATCH}, confirm: {{ get: /c, done: \"true\" }} }}"),
        "`confirm` and `batch` exclude each other",
    );
    check(
        &format!(
            "      create: {{ post: /l, {body}, {BATCH}, idempotency: {{ scheme: header, name: K, value: \"{{batch.idempotency_key}}\", ttl: 1d }} }}"
        ),
        "a key for a whole batch protects only that very batch",
    );
}
