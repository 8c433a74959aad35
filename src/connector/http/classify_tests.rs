//! Which error class each answer of a vendor has, for reads and for writes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::json;

use super::*;

const ONCE: Purpose = Purpose::Write { repeatable: false };
const REPEATABLE: Purpose = Purpose::Write { repeatable: true };

#[test]
fn the_table_for_everybody() {
    use ErrorClass::*;
    for (status, read, once) in [
        (400, Data, Data),
        (401, Auth, Auth),
        (402, Data, Data),
        (403, Permission, Permission),
        (404, NotFound, NotFound),
        (405, Data, Data),
        (408, Transient, Transient),
        (409, Conflict, Conflict),
        (410, NotFound, NotFound),
        (412, Conflict, Conflict),
        (413, Data, Data),
        (422, Data, Data),
        (425, Transient, Transient),
        (429, RateLimited, RateLimited),
        (302, Data, Data),
        (500, Transient, UnknownOutcome),
        (501, Data, Data),
        (502, Transient, UnknownOutcome),
        (503, Transient, Transient),
        (504, Transient, UnknownOutcome),
        (524, Transient, UnknownOutcome),
        (599, Transient, UnknownOutcome),
    ] {
        assert_eq!((by_status(status, Purpose::Read), by_status(status, ONCE)), (read, once), "{status}");
    }
    // A lost answer stays unknown even where repeating would be harmless; a plain failure does not.
    assert_eq!((by_status(500, REPEATABLE), by_status(504, REPEATABLE)), (Transient, UnknownOutcome));
}

#[test]
fn graphql_errors_hide_behind_200() {
    let with = |code: &str| json!({"errors": [{"message": "no", "extensions": {"code": code}}]});
    for (code, class) in [
        ("THROTTLED", ErrorClass::RateLimited),
        ("ACCESS_DENIED", ErrorClass::Permission),
        ("INTERNAL_SERVER_ERROR", ErrorClass::UnknownOutcome),
        ("ODD", ErrorClass::Data),
    ] {
        assert_eq!(by_graphql(&with(code), ONCE), Some((class, "no".to_owned())), "{code}");
    }
    assert_eq!(by_graphql(&json!({"data": {}, "errors": []}), ONCE), None);
    assert_eq!(by_graphql(&json!({"data": {}}), ONCE), None);
}

#[test]
fn a_vendor_that_was_not_reached_is_looked_for_at_its_address() {
    for failure in [WireFailure::Dns("?".into()), WireFailure::Connect("?".into()), WireFailure::Tls("?".into())] {
        assert!(step_after(&failure).is_some_and(|step| step.contains("in the connection's settings")), "{failure}");
    }
    assert_eq!(step_after(&WireFailure::Broken("?".into())), None);
}
