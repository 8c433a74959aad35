//! What an edit has to be, as tables; not here: what becomes of it (see `tests/edit_delivery.rs`).

#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::api::state::{Deliver, FlowMode, StreamRef, Untold};
use crate::api::time::Time;

const LEVEL: &str = r#"{"sku":"A-1","location":"WH1","on_hand":"3"}"#;

fn dead_letter(dead: DeadRef, body: &str) -> DeadLetterView {
    let form = if matches!(dead, DeadRef::Job(_)) { Form::Record } else { Form::Payload };
    DeadLetterView {
        dead,
        form,
        entity: (form == Form::Record).then(|| "inventory_level".to_owned()),
        revision: None,
        connection: "erp".to_owned(),
        stream: "stock".to_owned(),
        key: "A-1".to_owned(),
        flow: "stock".to_owned(),
        place: String::new(),
        error: String::new(),
        at: Time(0),
        body: body.to_owned(),
        body_sha256: String::new(),
        exact: true,
        request: String::new(),
        response: String::new(),
    }
}

#[track_caller]
fn check_payload(before: &str, after: &str, accepted: bool) {
    let corrected = corrected_payload(&dead_letter(DeadRef::Inbox(1), before), after);
    assert_eq!(corrected.is_ok(), accepted, "{before} -> {after}: {corrected:?}");
}

#[track_caller]
fn check_record(after: &str, expected: Result<&[&str], &str>) {
    let corrected = corrected_record(&dead_letter(DeadRef::Job(1), LEVEL), after, None);
    match (corrected, expected) {
        (Ok(corrected), Ok(changed)) => assert_eq!(corrected.changed, changed, "{after}"),
        (Err(error), Err(said)) => {
            assert!(error.message.contains(said) && error.code == Code::BadRequest, "{after}: {error}");
        }
        (got, expected) => panic!("{after}: {got:?}, not {expected:?}"),
    }
}

#[test]
fn what_was_json_stays_json() {
    check_payload("{\"a\":1}", "{\"a\":2}", true);
    check_payload("{\"a\":1}", "{\"a\":2", false);
    check_payload("{\"a\":1}", " ", false);
    check_payload("<a/>", "<b/>", true);
    check_payload("{broken", "{\"a\":2}", true);
}

#[test]
fn what_nobody_changed_is_retried_instead() {
    check_payload("{\"a\":1.10}", "{\n  \"a\": 1.10\n}", false);
    check_payload("{\"a\":1.10}", "{\"a\":1.1}", true);
    check_payload("{\"a\":1,\"a\":2}", "{\"a\":2}", true);
    check_payload("<a/>", "<a/>", false);
    check_record(LEVEL, Err("nothing was changed"));
    check_record(r#"{"on_hand": 3, "sku": "A-1", "location": "WH1"}"#, Err("nothing was changed"));
}

#[test]
fn a_record_is_held_to_the_model_and_the_field_is_named() {
    check_record(r#"{"sku":"A-1","location":"WH1","on_hand":"4","available":"2"}"#, Ok(&["on_hand", "available"]));
    check_record(r#"{"sku":"A-1","location":"WH1","on_hand":"many"}"#, Err("on_hand: "));
    check_record(r#"{"location":"WH1","on_hand":"4"}"#, Err("sku: it is required and missing"));
    check_record(r#"{"sku":"A-1","location":"WH1","onhand":"4"}"#, Err("did you mean"));
    check_record(r#"{"sku":"A-1","location":"WH1","on_hand":"4""#, Err("not valid JSON"));
    check_record(r#"{"sku":"A-1","sku":"A-2","location":"WH1","on_hand":"4"}"#, Err("`sku` is written twice"));
    check_record("[]", Err("inventory_level"));
    check_record("", Err("empty"));
}

#[test]
fn what_is_stored_is_the_canonical_form_of_what_was_written() {
    let spaced = "{ \"on_hand\": 4,\n \"sku\": \"A-1\", \"location\": \"WH1\", \"available\": null }";
    let corrected = corrected_record(&dead_letter(DeadRef::Job(1), LEVEL), spaced, None).unwrap();
    let record = Record::from_canonical_json(Entity::InventoryLevel, spaced).unwrap();
    assert_eq!(corrected.body, record.canonical_json());
}

#[test]
fn a_mask_is_never_saved_over_the_value() {
    let masked = json!({ "sku": "[secret]", "location": "WH1", "on_hand": "3" }).to_string();
    check_record(&masked, Err("[secret] stands where a value is not shown"));
    check_payload("{\"token\":\"abc\"}", "{\"token\":\"[secret]\"}", false);
    // A source that says so itself is its own affair.
    check_payload("{\"token\":\"[secret]\",\"a\":1}", "{\"token\":\"[secret]\",\"a\":2}", true);
    let torn = DeadLetterView { exact: false, ..dead_letter(DeadRef::Inbox(1), "sku;M\u{FFFD}tze") };
    assert!(corrected_payload(&torn, "sku;M\u{FFFD}tzen").unwrap_err().message.contains("not UTF-8"));
    assert!(corrected_payload(&torn, "sku;Mütze").is_ok());
}

#[test]
fn an_edit_that_the_flow_would_not_send_is_refused() {
    let end = || StreamRef { connection: String::new(), stream: String::new() };
    let flow = FlowInfo {
        name: "stock".to_owned(),
        from: end(),
        to: end(),
        entity: Some(Entity::InventoryLevel),
        deliver: Deliver::Latest,
        mode: FlowMode::Live,
        freshness_objective_us: 0,
        needs: vec![],
        untold: vec![Untold::published(), Untold::owned_by("wms", "incoming")],
    };
    let edit = |after: &str| corrected_record(&dead_letter(DeadRef::Job(1), LEVEL), after, Some(&flow));
    let refused = edit(r#"{"sku":"A-1","location":"WH1","on_hand":"3","available":"2"}"#).unwrap_err();
    assert!(refused.message.contains("available: ") && refused.message.contains("publish"), "{refused}");
    let refused = edit(r#"{"sku":"A-1","location":"WH1","on_hand":"3","incoming":"2"}"#).unwrap_err();
    assert!(refused.message.contains("incoming: ") && refused.message.contains("wms"), "{refused}");
    assert!(edit(r#"{"sku":"A-1","location":"WH1","on_hand":"4"}"#).is_ok());
    assert!(within("lines[0].sku", "lines") && within("customer.email", "customer") && !within("lines_x", "lines"));
}
