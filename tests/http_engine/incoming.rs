//! What deliveries and polled records say.

use http::HeaderMap;
use jiff::Timestamp;
use serde_json::json as value;
use syncline::connector::call::{Incoming, IncomingOp, InterpretError};
use syncline::connector::connection::Connection;
use syncline::connector::manifest::Fetch;
use syncline::connector::webhook::{Delivery, Refusal};

use crate::setup::{AUTH, connect, manifest};

const PUSHED: &str = r#"
webhooks:
  verify: { scheme: hmac, headers: [X-Sig, Sig], encoding: base64, secrets: ["{settings.token}", "{settings.second?}"], content: "{body}" }
  topic: ["{headers['x-topic']}", "{headers['x-new-topic']}"]
  dedupe: ["{headers['x-event-id']}", "{body.event_id}"]
  ping: { when: "body == \"webhook_id=7\"", status: 200 }
streams:
  orders:
    entity: order
    key: "{record.id}"
    version: "{record.updated_at}"
    occurred_at: "{record.updated_at}"
    get: { get: "/orders/{key}" }
    webhook:
      topics:
        orders/updated: upsert
        orders/delete: { op: delete, key: "{body.id}" }
        orders/test: { op: upsert, when: "!record.test" }
        orders/hint: { op: upsert, fetch: always }
        orders/batch: { op: upsert, record: "items[]" }
  lines:
    entity: inventory_level
    key: "{record.line.sku}@{record.id}"
    version: { kind: unix, value: "{record.at}" }
    explode: { list: lines, as: line }
    webhook: { topics: { stock/changed: upsert } }
"#;

fn shop() -> Connection {
    connect(manifest(AUTH, PUSHED), "http://127.0.0.1:9")
}

fn topic(topic: &str) -> HeaderMap {
    HeaderMap::from_iter([("x-topic".parse().unwrap(), topic.parse().unwrap())])
}

#[track_caller]
fn read(name: &str, body: &str) -> Vec<Result<Incoming, InterpretError>> {
    shop().interpret(body.as_bytes(), &topic(name)).unwrap().incoming
}

#[test]
fn a_delivery_becomes_changes() {
    let body = r#"{"id":820982911946154508,"updated_at":"2026-11-22T10:00:00-05:00","total":19.90}"#;
    let found = read("orders/updated", body);
    let Ok(incoming) = &found[0] else { panic!("{found:?}") };
    assert_eq!((incoming.stream.as_str(), incoming.op, incoming.fetch), ("orders", IncomingOp::Upsert, Fetch::Never));
    assert_eq!(incoming.key, "820982911946154508");
    assert_eq!(incoming.version.unwrap().value(), 1_795_359_600_000_000);
    assert_eq!(incoming.occurred_at.unwrap().to_string(), "2026-11-22T15:00:00Z");
    assert_eq!(incoming.payload["total"].to_string(), "19.90");
    let deleted = read("orders/delete", r#"{"id":5}"#);
    let Ok(incoming) = &deleted[0] else { panic!("{deleted:?}") };
    assert_eq!((incoming.op, incoming.key.as_str(), incoming.version), (IncomingOp::Delete, "5", None));
    let hinted = read("orders/hint", body);
    assert!(matches!(&hinted[0], Ok(incoming) if incoming.fetch == Fetch::Always));
}

#[test]
fn a_list_is_a_batch_and_one_bad_item_does_not_hold_up_the_others() {
    let batch = r#"{"items":[{"id":1,"updated_at":"2026-11-22T10:00:00Z"},{"id":2},{"id":3,"updated_at":"2026-11-22T10:00:00Z"}]}"#;
    let found = read("orders/batch", batch);
    assert_eq!(found.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    let error = found[1].as_ref().unwrap_err().to_string();
    assert!(error.contains("stream `orders`, record 1: the version"), "{error}");
    let events = r#"[{"id":1,"updated_at":"2026-11-22T10:00:00Z"},{"id":2,"updated_at":"2026-11-22T10:00:00Z"}]"#;
    assert_eq!(read("orders/updated", events).len(), 2);
    let exploded = read("stock/changed", r#"{"id":"w1","at":1700000000,"lines":[{"sku":"A"},{"sku":"B"}]}"#);
    let keys: Vec<&str> = exploded.iter().map(|found| found.as_ref().unwrap().key.as_str()).collect();
    assert_eq!(keys, ["A@w1", "B@w1"]);
    assert_eq!(exploded[1].as_ref().unwrap().payload, value!({"id": "w1", "at": 1_700_000_000, "line": {"sku": "B"}}));
}

#[test]
fn what_nobody_wants_is_counted_not_failed() {
    let found = shop().interpret(b"{\"id\":1}", &topic("app/uninstalled")).unwrap();
    assert_eq!((found.ignored, found.incoming.len(), found.topics), (1, 0, vec!["app/uninstalled".to_owned()]));
    let test = shop().interpret(br#"{"id":1,"test":true}"#, &topic("orders/test")).unwrap();
    assert_eq!((test.ignored, test.incoming.len()), (1, 0));
    let topicless = shop().interpret(b"{}", &HeaderMap::new()).unwrap();
    assert!(matches!(topicless.incoming[..], [Err(InterpretError::Topic { .. })]));
    for unreadable in [&b"{"[..], b"\xff", b"<html></html>", br#"{"id":1,"id":2}"#] {
        assert!(matches!(
            shop().interpret(unreadable, &topic("orders/updated")),
            Err(InterpretError::Unreadable { .. })
        ));
    }
    assert!(read("orders/updated", r#"{"id":"a\u0000b","updated_at":"2026-11-22T10:00:00Z"}"#)[0].is_err());
    assert!(read("orders/batch", r#"{"things":[]}"#)[0].is_err());
}

#[test]
fn duplicates_are_told_by_the_vendors_id_or_by_content() {
    let shop = shop();
    let mut headers = topic("orders/updated");
    let by_content = shop.label(b"{}", &headers).dedupe_key;
    assert!(by_content.starts_with("sha256:") && by_content != shop.label(b"{ }", &headers).dedupe_key);
    assert_eq!(shop.label(br#"{"event_id":"e-9"}"#, &headers).dedupe_key, "e-9");
    headers.insert("x-event-id", "h-1".parse().unwrap());
    assert_eq!(shop.label(br#"{"event_id":"e-9"}"#, &headers).dedupe_key, "h-1");
    assert_eq!(shop.ping("", b"webhook_id=7", &HeaderMap::new()).map(|pong| pong.status), Some(200));
    assert_eq!(shop.ping("", b"{}", &HeaderMap::new()), None);
}

#[test]
fn the_manifests_scheme_verifies_with_the_connections_secrets() {
    use base64::Engine;
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(crate::setup::SECRET.as_bytes()).unwrap();
    mac.update(b"{\"id\":1}");
    let signature = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    let shop = shop();
    let judge = |name: &'static str, signature: &str, body: &[u8]| {
        let headers = HeaderMap::from_iter([(name.parse().unwrap(), signature.parse().unwrap())]);
        let delivery = Delivery { method: "POST", url: "https://hub/x", headers: &headers, body };
        shop.verify(&delivery, Timestamp::now()).unwrap()
    };
    assert_eq!(judge("x-sig", &signature, b"{\"id\":1}").unwrap().secret_index, Some(0));
    assert_eq!(judge("sig", &signature, b"{\"id\":1}").unwrap().secret_index, Some(0));
    assert_eq!(judge("x-sig", &signature, b"{\"id\":2}"), Err(Refusal::Forged));
    assert!(matches!(judge("x-other", &signature, b"{\"id\":1}"), Err(Refusal::MissingHeader { .. })));
}

#[test]
fn polled_records_are_read_by_the_same_rules() {
    let shop = shop();
    let record = value!({"id": 1, "updated_at": "2026-11-22T10:00:00Z"});
    let found = shop.interpret_record("orders", &record).unwrap();
    assert_eq!(found.incoming[0].as_ref().unwrap().key, "1");
    assert!(matches!(shop.interpret_record("nothing", &record), Err(InterpretError::Stream { .. })));
    let listed = r#"
webhooks:
  verify: { scheme: shared_secret, header: x-secret, secrets: ["{settings.token}"] }
  topic: ["{body.type}"]
streams:
  refunds:
    entity: refund
    key: "{record.id}"
    version: { kind: sequence, value: "{record.seq}" }
    read: { request: { get: /events, query: { after: "{cursor}" } }, records: data, as_webhook: true, cursor: { kind: id, field: id } }
    webhook: { topics: { refund.created: upsert }, record: data.object }
"#;
    let shop = connect(manifest(AUTH, listed), "http://127.0.0.1:9");
    let event = value!({"id": "evt_1", "type": "refund.created", "data": {"object": {"id": "re_1", "seq": 4}}});
    let found = shop.interpret_record("refunds", &event).unwrap();
    let incoming = found.incoming[0].as_ref().unwrap();
    assert_eq!((incoming.key.as_str(), incoming.version.unwrap().value()), ("re_1", 4));
    let other = shop.interpret_record("refunds", &value!({"type": "charge.created"})).unwrap();
    assert_eq!((other.ignored, other.incoming.len()), (1, 0));
}
