//! The conformance suite over all shipped connectors, and the proof that it can fail: one broken thing for each behaviour.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "conformance/acme.rs"]
mod acme;

use acme::Acme;
use syncline::conformance::{self, Behaviour, Verdict};
use syncline::connector::registry::Registry;

const BEGIN: &str = "<!-- connectors: begin -->\n";
const END: &str = "<!-- connectors: end -->";

#[tokio::test]
async fn every_shipped_connector_passes_and_the_documentation_says_so() {
    let nowhere = tempfile::tempdir().unwrap();
    let registry = Registry::shipped().unwrap();
    let names: Vec<String> = registry.names().into_iter().map(str::to_owned).collect();
    let reports = conformance::test_all(&registry, nowhere.path(), &names).await.unwrap();
    assert_eq!(reports.len(), names.len());
    for report in &reports {
        let bad: Vec<_> = report.verdicts.iter().filter(|(_, verdict)| !verdict.is_good()).collect();
        assert!(bad.is_empty(), "{}: {bad:#?}", report.connector);
    }
    let table = conformance::markdown(&reports);
    let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/conformance.md")).unwrap();
    let (_, rest) = docs.split_once(BEGIN).unwrap();
    let (shown, _) = rest.split_once(END).unwrap();
    assert_eq!(shown, table, "write what `syncline connector test --all --markdown` prints into docs/conformance.md");
}

#[tokio::test]
async fn every_shipped_connector_is_clean() {
    let nowhere = tempfile::tempdir().unwrap();
    let registry = Registry::shipped().unwrap();
    for name in registry.names() {
        let found = conformance::lint(&registry, nowhere.path(), name);
        assert!(found.problems.is_empty(), "{}", found.problems);
    }
}

#[tokio::test]
async fn a_connector_that_is_right_passes_everything() {
    let report = Acme::new().test().await;
    for (behaviour, verdict) in &report.verdicts {
        assert!(matches!(verdict, Verdict::Passed { checks } if *checks > 0), "{behaviour:?}: {verdict:#?}");
    }
}

#[test]
fn what_is_claimed_and_not_shown_is_missing() {
    for (fixture, behaviour, what) in [
        ("check.yaml", Behaviour::Check, "the check"),
        ("login.yaml", Behaviour::LogIn, "the log-in"),
        ("read.yaml", Behaviour::Pages, "stream orders"),
        ("read.yaml", Behaviour::Shift, "stream orders"),
        ("read.yaml", Behaviour::Resume, "stream orders"),
        ("get.yaml", Behaviour::Get, "get of stream orders"),
        ("create.yaml", Behaviour::WriteOnce, "create of stream orders"),
        ("refused.yaml", Behaviour::Errors, "the error rule at 13:7"),
        ("limit.yaml", Behaviour::Limits, "a limit that answers tell"),
        ("hooks_missing.yaml", Behaviour::Subscriptions, "a missing subscription"),
        ("hooks_there.yaml", Behaviour::Subscriptions, "none is missing"),
        ("hooks_off.yaml", Behaviour::Subscriptions, "a subscription to renew"),
        ("webhook.yaml", Behaviour::Signatures, "a delivery"),
        ("webhook.yaml", Behaviour::Events, "topic order.created of stream orders"),
        ("file_in.yaml", Behaviour::Files, "file_in of stream stock"),
        ("file_out.yaml", Behaviour::Files, "file_out of stream stock"),
    ] {
        Acme::new().without(fixture).missing(behaviour, what);
    }
}

#[test]
fn parts_that_do_not_agree() {
    let test = "expect: { number: \"1\", payment_status: paid }";
    Acme::new()
        .changed("mappings/acme/order.yaml", test, "expect: { number: \"2\" }")
        .refused(Behaviour::Agree, "expected \"2\"");
    Acme::new()
        .changed("mappings/acme/order.yaml", "direction: out", "direction: in")
        .refused(Behaviour::Agree, "direction `out` has no test");
    Acme::new()
        .manifest("entity: inventory_level", "entity: product")
        .refused(Behaviour::Agree, "mapping acme/product, which does not exist");
    Acme::new()
        .changed("read.yaml", "stream: orders", "stream: order")
        .refused(Behaviour::Agree, "did you mean `orders`");
    Acme::new()
        .changed("read.yaml", "cursor:", "curser:")
        .refused(Behaviour::Agree, "unknown key `curser` in fixture; did you mean `cursor`");
}

#[test]
fn a_check_that_does_not_tell() {
    Acme::new()
        .manifest("{body.name}", "{body.id}")
        .refused(Behaviour::Check, "expected to be shown `Acme Ltd`, was shown `nothing`");
    let hides = "- { status: 422, class: data, message: \"{body.error}\" }";
    Acme::new()
        .manifest(hides, &format!("{hides}\n    - {{ status: 401, class: data }}"))
        .refused(Behaviour::Check, "expected class `auth`");
}

#[test]
fn a_log_in_that_is_not_repeated() {
    let auth = "auth: { scheme: oauth2_client_credentials, token_url: \"{settings.base_url}/oauth/token\", client_id: \"{settings.client_id}\", client_secret: \"{settings.client_secret}\" }";
    let fixed =
        "auth: { scheme: bearer, token: token-fixture-81b2 }\n  csrf: { fetch: { get: /token }, header: X-Token }";
    Acme::new().manifest(auth, fixed).refused(Behaviour::LogIn, "exchange 1: expected POST /oauth/token");
}

#[test]
fn pages_that_lose_records() {
    Acme::new()
        .manifest("records: data", "records: date")
        .refused(Behaviour::Pages, "the answer has no list at `date`");
    Acme::new().manifest("size: 2 }", "size: 3 }").refused(Behaviour::Pages, "query parameter `size`");
    Acme::new()
        .changed("read.yaml", "{ key: \"2\" }, ", "")
        .refused(Behaviour::Pages, "expected the keys [1, 3], came [1, 2, 3]");
}

#[test]
fn a_cursor_that_skips() {
    Acme::new().manifest("overlap: 2m", "overlap: 1m").refused(Behaviour::Pages, "expected `2026-11-20T07:58:00Z`");
    let cursor = "cursor: \"2026-11-20T08:03:00Z\"";
    Acme::new()
        .changed("read.yaml", cursor, "cursor: \"2026-11-20T08:09:00Z\"")
        .refused(Behaviour::Resume, "expected the cursor");
    Acme::new().changed("read.yaml", cursor, "").refused(Behaviour::Resume, "does not say with which cursor");
}

#[test]
fn a_shift_that_cannot_be_played() {
    Acme::new()
        .changed(
            "read.yaml",
            "{ id: 1, updated_at: \"2026-11-20T08:01:00Z\" }, { id: 2, updated_at: \"2026-11-20T08:02:00Z\" }",
            "{ id: 1, updated_at: \"2026-11-20T08:01:00Z\" }, { id: 2, updated_at: \"2026-11-20T08:02:00Z\" }",
        )
        .changed("read.yaml", "{ id: 3, updated_at: \"2026-11-20T08:03:00Z\" }", "")
        .changed("read.yaml", ", { key: \"3\" }", "")
        .changed("read.yaml", "cursor: \"2026-11-20T08:03:00Z\"", "cursor: \"2026-11-20T08:02:00Z\"")
        .refused(Behaviour::Shift, "so that one can slip");
}

#[test]
fn a_record_by_another_key() {
    Acme::new()
        .changed("get.yaml", "{ order: { id: 1 } }", "{ order: { id: 2 } }")
        .refused(Behaviour::Get, "the record calls itself 2");
    let hides = "- { status: 422, class: data, message: \"{body.error}\" }";
    Acme::new()
        .manifest(hides, &format!("{hides}\n    - {{ status: 404, class: data }}"))
        .refused(Behaviour::Get, "a 404 is not told as a missing record");
}

#[test]
fn rules_that_hide_what_a_vendor_means() {
    let rules = "- { status: 422, class: data, message: \"{body.error}\" }";
    Acme::new()
        .manifest(rules, &format!("{rules}\n    - {{ status: 429, class: data }}"))
        .refused(Behaviour::RetryAfter, "expected `rate_limited`");
    Acme::new()
        .manifest(rules, &format!("{rules}\n    - {{ status: 503, class: data }}"))
        .refused(Behaviour::Faults, "expected class `transient`");
    Acme::new()
        .changed("refused.yaml", "class: data", "class: conflict")
        .refused(Behaviour::Errors, "expected class `conflict`");
    Acme::new()
        .changed("refused.yaml", "message: no such", "message: out of")
        .refused(Behaviour::Errors, "expected a message with");
}

#[test]
fn writes_that_would_be_repeated() {
    Acme::new()
        .changed("create.yaml", "{ id: 77, number: \"#1\" }", "{ id: 77, number: \"#2\" }")
        .refused(Behaviour::WriteOnce, "nothing was found");
    Acme::new()
        .manifest("value: \"{idempotency_key}\"", "value: \"{key}\"")
        .refused(Behaviour::WriteOnce, "it ended with");
    Acme::new().changed("upsert.yaml", ", effect: true", "").refused(Behaviour::WriteOnce, "no exchange is marked");
    Acme::new()
        .changed("update.yaml", "expect: { id: \"77\" }", "expect: { id: \"78\" }")
        .refused(Behaviour::WriteOnce, "expected the id `78`, came `77`");
    Acme::new()
        .changed("create.yaml", "lookup:", "# lookup:")
        .changed("create.yaml", "  absent:", "# absent:")
        .changed("create.yaml", "  found:", "# found:")
        .refused(Behaviour::WriteOnce, "needs `lookup:");
}

#[test]
fn deliveries_that_prove_nothing() {
    // What is not signed may be changed.
    Acme::new()
        .manifest("content: \"{timestamp}.{body}\"", "content: \"{body}\"")
        .changed("webhook.yaml", "sign: true", "sign: false")
        .refused(Behaviour::Signatures, "a good delivery is refused");
    Acme::new()
        .manifest("dedupe: [\"{headers['x-acme-delivery']}\"]", "dedupe: [\"{headers['x-acme-time']}\"]")
        .refused(Behaviour::Signatures, "has another dedupe key");
}

#[test]
fn deliveries_that_lead_elsewhere() {
    Acme::new()
        .changed("webhook.yaml", "key: \"1\"", "key: \"2\"")
        .refused(Behaviour::Events, "expected [\"orders upsert 2\"], came [\"orders upsert 1\"]");
    Acme::new().changed("webhook.yaml", "order.created", "order.deleted").refused(Behaviour::Events, "1 ignored");
}

#[test]
fn values_that_pass_unseen() {
    let paid = "payment_status: { from: paid, values: paid }";
    Acme::new()
        .changed(
            "mappings/acme/order.yaml",
            paid,
            "payment_status: { from: paid, values: paid, nulls: [nobody-has-listed-this] }",
        )
        .refused(Behaviour::UnknownValues, "`nobody-has-listed-this` at paid passes");
}

#[test]
fn secrets_that_leak() {
    // The engine masks what it is told to mask in what vendors and records say, not in its own words.
    Acme::new()
        .changed("settings.yaml", "fixture-hook-secret-9a0e", "unknown_outcome")
        .refused(Behaviour::Secrets, "a secret is in");
    Acme::new()
        .changed("settings.yaml", "client_secret: fixture-secret-7d1c\n", "")
        .changed("settings.yaml", "webhook_secret: fixture-hook-secret-9a0e\n", "")
        .refused(Behaviour::Agree, "setting `client_secret` is missing");
}

#[test]
fn files_that_are_read_or_written_otherwise() {
    Acme::new()
        .manifest("required: [sku, location, on_hand]", "required: [sku, location]")
        .refused(Behaviour::Files, "the spoiled file passes");
    Acme::new()
        .changed("golden.csv", "WH1", "WH2")
        .refused(Behaviour::Files, "line 2: expected \"A,WH2,5\\r\", came \"A,WH1,5\\r\"");
    Acme::new()
        .changed("file_in.yaml", "{ key: \"A:WH1\" }", "{ key: \"A:WH2\" }")
        .refused(Behaviour::Files, "came [A:WH1]");
    Acme::new().manifest("pattern: stock_*.csv", "pattern: level_*.csv").refused(Behaviour::Files, "is not picked up");
    Acme::new()
        .changed("file_in.yaml", "refused:\n  - { replace: { \"on_hand\": \"stock\" }, reason: on_hand }", "")
        .refused(Behaviour::Files, "at least one spoiled variant");
}

#[test]
fn lint_tells_everything_at_once() {
    let folder = tempfile::tempdir().unwrap();
    Acme::new()
        .manifest("client_secret:  { secret: true, title: Client secret }", "client_secret:  { title: Client secret }")
        .manifest("    title: Orders\n", "")
        .changed("settings.yaml", "base_url:", "base_ulr:")
        .changed("get.yaml", "expect: { found: true }", "expect: { fond: true }")
        .write(folder.path());
    std::fs::remove_file(folder.path().join("connectors/acme/README.md")).unwrap();
    let found = conformance::of_folder(&folder.path().join("connectors/acme")).unwrap();
    let told = format!("{}\n{}", found.problems, found.warnings);
    for part in [
        "fixtures/get.yaml:8:11: unknown key `fond` in expect of a get",
        "did you mean `found`?",
        "fixtures/settings.yaml:1:1: the connector has no setting `base_ulr`",
        "did you mean `base_url`?",
        "setting `client_secret` looks like a secret and is not masked",
        "stream `orders` has no title",
        "the connector has no README.md",
    ] {
        assert!(told.contains(part), "`{part}` is not in:\n{told}");
    }
}

const LOG_IN: &str = "auth: { scheme: oauth2_client_credentials, token_url: \"{settings.base_url}/oauth/token\", client_id: \"{settings.client_id}\", client_secret: \"{settings.client_secret}\" }";

/// Acme with a second way of logging in, which no fixture uses.
fn two_ways() -> Acme {
    let oauth = LOG_IN.trim_start_matches("auth: ");
    let choice = format!(
        "auth: {{ choose: \"{{settings.login}}\", ways: {{ oauth: {oauth}, key: {{ scheme: header, name: X-Key, value: \"{{settings.api_key}}\" }} }} }}"
    );
    Acme::new()
        .manifest("settings:\n", "settings:\n  login: { type: enum, values: [oauth, key], default: oauth, title: Log-in }\n  api_key: { secret: true, title: Key }\n")
        .manifest(LOG_IN, &choice)
}

const BY_KEY: &str = "settings: { login: key, api_key: fixture-key-5512 }\nexchanges:\n  - { ask: { get: /v2/me, headers: { x-key: fixture-key-5512 } }, answer: { json: { name: Acme Ltd } } }\nexpect: { shows: Acme Ltd }\n";

#[test]
fn every_way_of_logging_in_is_shown() {
    two_ways().missing(Behaviour::Check, "the check by `key`");
    two_ways().without("login.yaml").missing(Behaviour::LogIn, "the log-in by `oauth`");
    let check = |report: &conformance::Report| {
        assert!(report.verdict(Behaviour::Check).is_good(), "{report:#?}");
        assert!(report.verdict(Behaviour::LogIn).is_good(), "{report:#?}");
    };
    two_ways().with("by_key", "check", BY_KEY).reported(check);
    two_ways()
        .with("by_key", "check", &BY_KEY.replace("x-key: fixture", "x-key: other"))
        .refused(Behaviour::Check, "header `x-key`: expected `other");
    two_ways()
        .with("by_key", "check", &BY_KEY.replace("api_key:", "api_kay:"))
        .refused(Behaviour::Check, "the connector has no setting `api_kay`");
}

#[test]
fn rules_of_single_requests_are_shown_too() {
    let get = "get: { get: \"/orders/{key}\", record: order";
    let ruled = format!("{get}, errors: [{{ status: 409, class: transient, message: \"locked: {{body.by}}\" }}]");
    let locked = format!(
        "stream: orders\nkey: \"1\"\nexchanges:\n  - {}\n  - {{ ask: {{ get: /v2/orders/1 }}, answer: {{ status: 409, json: {{ by: jo }} }} }}\nexpect: {{ error: {{ class: transient, message: \"locked: jo\" }} }}\n",
        acme::TOKEN
    );
    let unshown = Acme::new().manifest(get, &ruled);
    let place = unshown.place("{ status: 409");
    unshown.missing(Behaviour::Errors, &format!("the error rule at {place}"));
    let shown = Acme::new().manifest(get, &ruled).with("locked", "get", &locked);
    shown.reported(|report| assert!(report.verdict(Behaviour::Errors).is_good(), "{report:#?}"));
    // A rule that another one hides is not shown by the answer that it was written for.
    let hidden =
        ruled.replace("errors: [", "errors: [{ status: 4xx, class: transient, message: \"locked: {body.by}\" }, ");
    let hidden = Acme::new().manifest(get, &hidden).with("locked", "get", &locked);
    let place = hidden.place("{ status: 409");
    hidden.missing(Behaviour::Errors, &format!("the error rule at {place}"));
}

#[test]
fn limits_that_are_not_obeyed() {
    let told = "remaining_header: X-Left, reset_header: X-Reset";
    let limits = |from: &str, to: &str, reason: &str| Acme::new().manifest(from, to).refused(Behaviour::Limits, reason);
    // Headers that the vendor does not send, a reset in another unit, a window that begins too early.
    limits(told, "remaining_header: X-Remaining, reset_header: X-Reset", "expected that work waits for 30s");
    limits(told, "remaining_header: X-Left", "expected that work waits for 30s after this answer");
    limits("X-Reset }", "X-Reset, reset_header_unit: ms }", "expected that work waits for 30s");
    Acme::new()
        .changed("limit.yaml", "wait: 30s", "wait: 20s")
        .refused(Behaviour::Limits, "expected that work waits for 20s");
    Acme::new().changed("limit.yaml", "x-left: \"0\"", "x-left: \"90\"").refused(Behaviour::Limits, "it waits for 0ns");
}

#[test]
fn subscriptions_that_are_not_put_right() {
    let refused = |acme: Acme, reason: &str| acme.refused(Behaviour::Subscriptions, reason);
    let acme = Acme::new;
    refused(acme().manifest("topic: topic, url: url,", "topic: topic, url: id,"), "it ended with");
    refused(acme().manifest("records: data, id", "records: hooks?, id"), "nobody sees that it is left alone");
    refused(acme().manifest("active: subscription.on", "active: subscription.id == 7"), "never asked");
    refused(acme().manifest("json: { on: true }", "json: { on: false }"), "body.on");
    refused(acme().manifest("post: /hooks, json: { topic", "post: /hooks, json: { topics"), "body.topic");
    // The vendor's list without anybody else's does not show that the address is compared.
    refused(
        acme().changed(
            "hooks_missing.yaml",
            "topic: order.created, url: \"https://other",
            "topic: order.deleted, url: \"https://other",
        ),
        "nobody sees that it is left alone",
    );
    refused(
        acme().changed("hooks_missing.yaml", "https://other.example.com", "https://hub.example.com/hooks/connection"),
        "never asked",
    );
    refused(acme().changed("hooks_missing.yaml", "restored: [order.created]", "restored: []"), "came Subscribed");
    // A rule that takes an outage for something else.
    acme()
        .manifest("list: { get: /hooks }", "list: { get: /hooks, errors: [{ status: 503, class: data }] }")
        .refused(Behaviour::Faults, "in place of the list");
}

#[test]
fn subscriptions_on_several_pages() {
    let paged =
        || Acme::new().manifest("records: data, id", "records: data, pages: { scheme: next_url, path: next }, id");
    paged().missing(Behaviour::Subscriptions, "subscriptions on several pages");
    let pages = format!(
        "exchanges:\n  - {}\n  - {{ ask: {{ get: /v2/hooks }}, answer: {{ json: {{ data: [{}], next: \"{{base}}/v2/hooks?page=2\" }} }} }}\n  \
         - {{ ask: {{ get: /v2/hooks, query: {{ page: 2 }} }}, answer: {{ json: {{ data: [{}] }} }} }}\nexpect: {{ restored: [] }}\n",
        acme::TOKEN,
        acme::OTHERS,
        acme::OURS
    );
    let shown = || paged().with("hooks_paged", "subscriptions", &pages);
    shown().reported(|report| assert!(report.passed(), "{report:#?}"));
    // Without paging, ours would be made a second time.
    Acme::new()
        .with("hooks_paged", "subscriptions", &pages)
        .refused(Behaviour::Subscriptions, "was asked POST /v2/hooks");
    shown()
        .manifest("list: { get: /hooks }", "list: { get: /hooks, errors: [{ status: 503, class: data }] }")
        .refused(Behaviour::Faults, "in place of the list, page 2");
}

/// A create that is sealed once it is written.
fn sealed() -> Acme {
    let then = "matches: candidate.number == record.number }\n        then:\n          seal: { read: { get: \"/orders/{written.id}\" }, unless: current.body.sealed, post: \"/orders/{written.id}/seal\" }";
    let state =
        |sealed: bool| format!("{{ ask: {{ get: /v2/orders/77 }}, answer: {{ json: {{ sealed: {sealed} }} }} }}");
    let seal = "{ ask: { post: /v2/orders/77/seal }, answer: { json: {} }, effect: true }";
    let there = "{ ask: { get: /v2/orders, query: { number: \"#1\" } }, answer: { json: { data: [{ id: 77, number: \"#1\" }] } } }";
    Acme::new()
        .manifest("matches: candidate.number == record.number }", then)
        .changed("create.yaml", "effect: true }\n", &format!("effect: true }}\n  - {}\n  - {seal}\n", state(false)))
        .changed(
            "create.yaml",
            &format!("{there}]"),
            &format!("{there}, {}]\n  unfinished: [{}, {there}, {}, {seal}]", state(true), acme::TOKEN, state(false)),
        )
}

#[test]
fn what_follows_a_write_is_shown_for_every_lost_answer() {
    sealed().reported(|report| assert!(report.passed(), "{report:#?}"));
    sealed()
        .changed("create.yaml", "answer: { json: {} }, effect: true }\n", "answer: { json: {} } }\n")
        .refused(Behaviour::WriteOnce, "the write and each of its follow-ups are `effect: true`: 2 of them");
    sealed()
        .changed("create.yaml", "  unfinished:", "# unfinished:")
        .refused(Behaviour::WriteOnce, "add `lookup: { unfinished");
    // A condition that never holds would seal it again.
    sealed()
        .manifest("unless: current.body.sealed", "unless: 'current.body.sealed == \"yes\"'")
        .refused(Behaviour::WriteOnce, "after the last exchange was asked POST /v2/orders/77/seal");
    Acme::new()
        .changed("create.yaml", "  found:", "  unfinished: []\n  found:")
        .refused(Behaviour::WriteOnce, "lookup.unfinished: the write has no `then`");
}
