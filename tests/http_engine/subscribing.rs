//! Subscriptions for several topics, that end and are renewed, that a vendor has switched off.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::{Value, json as value};
use syncline::config::yaml::Source;
use syncline::connector::connection::{Connection, ConnectionOptions};
use syncline::connector::manifest::Manifest;
use syncline::model::ErrorClass;

use crate::setup::{AUTH, manifest, options, try_connect};
use crate::vendor::{Asked, Reply, Vendor, json};

const HUB: &str = "https://hub.example.com/hooks/1";
const ALL: &str = "{ id: id, list: { get: /hooks }, topic: topics, url: url, create: { post: /hooks, json: { url: \"{url}\", topics: \"{topics}\" } }, update: { put: \"/hooks/{id}\", json: { topics: \"{topics}\" } } }";
const ENDS: &str = "{ id: id, list: { get: /hooks }, topic: resource, url: url, name: \"/api/{topic.split('.')[0]}\", lives: 3d, expires: { field: ends, ahead: 24h }, \
                    create: { post: /hooks, json: { url: \"{url}\", resource: \"{topic}\", ends: \"{until}\" } }, renew: { patch: \"/hooks/{id}\", headers: { If-Match: \"*\" }, json: { ends: \"{until}\" } } }";

fn streams(subscriptions: &str) -> String {
    format!(
        "\nwebhooks:\n  verify: {{ scheme: path_secret }}\n  topic: [x]\n  subscriptions: {subscriptions}\nstreams:\n  orders:\n    entity: order\n    key: \"{{record.id}}\"\n    get: {{ get: \"/orders/{{key}}\" }}\n    webhook: {{ topics: {{ orders.new: upsert, orders.changed: upsert, items.changed: upsert }}, fetch: always }}\n"
    )
}

/// A vendor with these subscriptions, which answers changes as told.
async fn vendor(listed: Value, change: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Vendor {
    Vendor::start(move |_, asked| if asked.method == "GET" { json(200, listed.to_string()) } else { change(asked) })
        .await
}

fn connection(subscriptions: &str, vendor: &Vendor) -> Connection {
    let now: Timestamp = "2026-11-20T08:00:00Z".parse().unwrap();
    let options = ConnectionOptions { clock: Arc::new(move || now), ..options() };
    try_connect(manifest(AUTH, &streams(subscriptions)), &vendor.url, options).unwrap()
}

fn changes(vendor: &Vendor) -> Vec<(String, Value)> {
    let asked = vendor.asked();
    let changes = asked.iter().filter(|asked| asked.method != "GET");
    changes
        .map(|asked| (format!("{} {}", asked.method, asked.path()), serde_json::from_str(&asked.body).unwrap()))
        .collect()
}

#[tokio::test]
async fn one_subscription_for_all_topics_is_created_once_and_added_to() {
    let elsewhere = value!({"id": 1, "url": "https://other.example.com", "topics": ["orders.new", "orders.changed", "items.changed"]});
    let none = vendor(value!([elsewhere]), |_| json(201, "{}")).await;
    let done = connection(ALL, &none).ensure_subscriptions(HUB).await.unwrap();
    assert_eq!(done.restored, ["orders.new", "orders.changed", "items.changed"]);
    assert_eq!(
        changes(&none),
        [("POST /hooks".to_owned(), value!({"url": HUB, "topics": ["orders.new", "orders.changed", "items.changed"]}))]
    );
    // What it was for besides stays.
    let some = value!([elsewhere, {"id": 2, "url": HUB, "topics": ["orders.new", "payouts.paid"]}]);
    let some = vendor(some, |_| json(200, "{}")).await;
    let done = connection(ALL, &some).ensure_subscriptions(HUB).await.unwrap();
    assert_eq!(done.restored, ["orders.changed", "items.changed"]);
    let topics = value!(["orders.new", "payouts.paid", "orders.changed", "items.changed"]);
    assert_eq!(changes(&some), [("PUT /hooks/2".to_owned(), value!({"topics": topics}))]);
    let whole = value!([{"id": 2, "url": HUB, "topics": ["items.changed", "orders.changed", "orders.new"]}]);
    let whole = vendor(whole, |_| json(500, "{}")).await;
    let done = connection(ALL, &whole).ensure_subscriptions(HUB).await.unwrap();
    assert!(done.restored.is_empty() && done.renewed.is_empty() && changes(&whole).is_empty(), "{done:?}");
    // Text where topics should be is one; something else is no reason to subscribe again.
    let odd = vendor(value!([{"id": 2, "url": HUB, "topics": [7]}]), |_| json(201, "{}")).await;
    let error = connection(ALL, &odd).ensure_subscriptions(HUB).await.unwrap_err();
    assert!(error.class == ErrorClass::Data && error.message.contains("no text at `topics`"), "{error}");
    assert!(changes(&odd).is_empty());
}

fn ending(orders: &str, items: &str) -> Value {
    value!([
        {"id": "a", "url": HUB, "resource": "/api/orders", "ends": orders},
        {"id": "b", "url": HUB, "resource": "/api/items", "ends": items},
        {"id": "c", "url": "https://other.example.com", "resource": "/api/orders", "ends": "2026-11-20T08:00:01Z"},
    ])
}

#[tokio::test]
async fn what_ends_soon_is_renewed_and_what_ended_meanwhile_is_made_again() {
    let renewed = vendor(ending("2026-11-21T07:59:59Z", "2026-11-21T08:00:01Z"), |_| json(200, "{}")).await;
    let done = connection(ENDS, &renewed).ensure_subscriptions(HUB).await.unwrap();
    assert_eq!((done.renewed, done.restored.len()), (vec!["/api/orders".to_owned()], 0));
    assert_eq!(changes(&renewed), [("PATCH /hooks/a".to_owned(), value!({"ends": "2026-11-23T08:00:00Z"}))]);
    assert_eq!(renewed.asked()[1].header("if-match"), Some("*"));

    let ended = vendor(ending("2026-11-20T07:00:00Z", "2026-11-22T00:00:00Z"), |asked| {
        if asked.method == "PATCH" { json(404, "{}") } else { json(201, "{}") }
    })
    .await;
    let done = connection(ENDS, &ended).ensure_subscriptions(HUB).await.unwrap();
    assert_eq!((done.renewed.len(), done.restored), (0, vec!["/api/orders".to_owned()]));
    let made = value!({"url": HUB, "resource": "/api/orders", "ends": "2026-11-23T08:00:00Z"});
    assert_eq!(changes(&ended)[1], ("POST /hooks".to_owned(), made));

    // A vendor that cannot renew now is asked again at the next look, not flooded with new ones.
    let busy = vendor(ending("2026-11-20T07:00:00Z", "2026-11-22T00:00:00Z"), |_| json(503, "{}")).await;
    assert!(connection(ENDS, &busy).ensure_subscriptions(HUB).await.is_err());
    assert_eq!(changes(&busy).len(), 1);
    let unreadable = vendor(ending("soon", "2026-11-22T00:00:00Z"), |_| json(201, "{}")).await;
    let error = connection(ENDS, &unreadable).ensure_subscriptions(HUB).await.unwrap_err();
    assert!(error.message.contains("a subscription's end at `ends`"), "{error}");
    assert!(changes(&unreadable).is_empty());
}

#[tokio::test]
async fn without_a_renewal_the_next_one_is_made_before_the_old_one_ends() {
    let again = ENDS.split(", renew:").next().unwrap().to_owned() + " }";
    let soon = vendor(ending("2026-11-20T09:00:00Z", "2026-11-22T00:00:00Z"), |_| json(201, "{}")).await;
    let done = connection(&again, &soon).ensure_subscriptions(HUB).await.unwrap();
    assert_eq!(done.restored, ["/api/orders"]);
    // With the new one beside it, the old one is left to end.
    let mut both = ending("2026-11-20T09:00:00Z", "2026-11-22T00:00:00Z");
    both.as_array_mut()
        .unwrap()
        .push(value!({"id": "d", "url": HUB, "resource": "/api/orders", "ends": "2026-11-23T08:00:00Z"}));
    let both = vendor(both, |_| json(201, "{}")).await;
    let done = connection(&again, &both).ensure_subscriptions(HUB).await.unwrap();
    assert!(done.restored.is_empty() && changes(&both).is_empty(), "{done:?}");
}

#[tokio::test]
async fn one_that_was_switched_off_is_switched_on_again() {
    let on = "{ id: id, list: { get: /hooks }, topic: topic, url: url, active: 'subscription.status == \"active\"', create: { post: /hooks, json: { topic: \"{topic}\" } }, renew: { put: \"/hooks/{id}\", json: { status: active } } }";
    let off = value!([
        {"id": 1, "url": HUB, "topic": "orders.new", "status": "disabled"},
        {"id": 2, "url": HUB, "topic": "orders.changed", "status": "active"},
        {"id": 3, "url": HUB, "topic": "payouts.paid", "status": "disabled"},
    ]);
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    let off = vendor(off, move |_| {
        *count.lock().unwrap() += 1;
        json(200, "{}")
    })
    .await;
    let done = connection(on, &off).ensure_subscriptions(HUB).await.unwrap();
    assert_eq!((done.renewed, done.restored), (vec!["orders.new".to_owned()], vec!["items.changed".to_owned()]));
    assert_eq!(changes(&off)[0], ("PUT /hooks/1".to_owned(), value!({"status": "active"})));
    assert_eq!(*asked.lock().unwrap(), 2, "one that no stream wants is left as it is");
}

/// Everything of ours is on the second page.
fn paged(pages: &str) -> String {
    format!(
        "{{ list: {{ get: /hooks }}, records: hooks, pages: {pages}, topic: topic, url: url, create: {{ post: /hooks, json: {{ url: \"{{url}}\", topic: \"{{topic}}\" }} }} }}"
    )
}

fn hook(topic: &str, url: &str) -> Value {
    value!({ "topic": topic, "url": url })
}

fn all_ours() -> Value {
    value!([hook("orders.new", HUB), hook("orders.changed", HUB), hook("items.changed", HUB)])
}

#[tokio::test]
async fn what_stands_on_the_second_page_is_not_missing() {
    let others = value!([hook("orders.new", "https://other.example.com"), hook("x", HUB), hook("y", HUB)]);
    for (pages, asks) in [
        ("{ scheme: link_header }", "/hooks?at=2"),
        ("{ scheme: cursor_token, path: next, param: after }", "/hooks?after=2"),
        ("{ scheme: next_url, path: link }", "/hooks?at=2"),
        ("{ scheme: page_number, param: page, size: 3 }", "/hooks?page=2"),
        ("{ scheme: offset, param: skip, size: 3 }", "/hooks?skip=3"),
        ("{ scheme: last_id, id: topic, param: after }", "/hooks?after=y"),
    ] {
        let first = others.clone();
        let vendor = Vendor::start(move |_, asked| match (asked.method.as_str(), asked.target.as_str()) {
            ("GET", target) if target == asks => json(200, value!({ "hooks": all_ours() }).to_string()),
            ("GET", "/hooks" | "/hooks?page=1") => {
                let body = value!({ "hooks": first, "next": 2, "link": "/hooks?at=2" }).to_string();
                crate::vendor::with(200, &[("link", "</hooks?at=2>; rel=\"next\"")], body)
            }
            ("GET", _) => json(200, r#"{"hooks":[]}"#),
            (_, _) => json(201, "{}"),
        })
        .await;
        let shop = connection(&paged(pages), &vendor);
        let done = shop.ensure_subscriptions(HUB).await.unwrap();
        assert!(done.restored.is_empty() && changes(&vendor).is_empty(), "{pages}: {done:?}");
        assert_eq!(vendor.asked()[1].target, asks, "{pages}");
        assert_eq!(shop.subscriptions().await.unwrap().len(), 6, "{pages}");
    }
}

#[tokio::test]
async fn one_that_slips_to_the_page_before_is_not_made_a_second_time() {
    // Somebody removes the first one after page 1 was read: what stood first on page 2 now stands last on page 1.
    let pages = paged("{ scheme: page_number, param: page, size: 2 }");
    let before = [hook("x", HUB), hook("orders.new", HUB), hook("orders.changed", HUB), hook("items.changed", HUB)];
    let vendor = Vendor::start(move |number, asked| {
        let page: usize = asked.query("page").unwrap().parse().unwrap();
        let there = if number == 0 { &before[..] } else { &before[1..] };
        let shown = there.iter().skip((page - 1) * 2).take(2).collect::<Vec<_>>();
        json(200, value!({ "hooks": shown }).to_string())
    })
    .await;
    let done = connection(&pages, &vendor).ensure_subscriptions(HUB).await.unwrap();
    assert!(done.restored.is_empty() && changes(&vendor).is_empty(), "{done:?}");
    assert_eq!(
        vendor.asked().iter().map(|asked| asked.query("page").unwrap().to_owned()).collect::<Vec<_>>(),
        ["1", "2", "1"]
    );
}

#[tokio::test]
async fn a_list_that_is_not_read_to_its_end_is_no_reason_to_subscribe() {
    let pages = paged("{ scheme: page_number, param: page, size: 3 }");
    // The second page fails; the parameter is ignored; the first page is no list.
    for (second, class, reason) in [
        (json(503, "{}"), ErrorClass::Transient, "503"),
        (json(200, value!({ "hooks": all_ours() }).to_string()), ErrorClass::Data, "the same page twice"),
        (json(200, r#"{"error":"busy"}"#), ErrorClass::Data, "no list at `hooks`"),
    ] {
        let second = Mutex::new(Some(second));
        let vendor = Vendor::start(move |_, asked| match (asked.method.as_str(), asked.query("page")) {
            ("GET", Some("1")) => json(200, value!({ "hooks": all_ours() }).to_string()),
            ("GET", _) => second.lock().unwrap().take().unwrap_or_else(|| json(503, "{}")),
            (_, _) => json(201, "{}"),
        })
        .await;
        let error = connection(&pages, &vendor).ensure_subscriptions(HUB).await.unwrap_err();
        assert_eq!(error.class, class, "{error}");
        assert!(error.to_string().contains(reason), "{error}");
        assert!(changes(&vendor).is_empty());
    }
}

#[test]
fn subscriptions_that_do_not_add_up_are_refused() {
    for (text, from, to, reason) in [
        (ALL, "{ id: id, ", "{ ", "`{id}` stands for nothing"),
        (
            ALL,
            "topics: \"{topics}\" } }, update",
            "topics: \"{topics}\", one: \"{topic}\" } }, update",
            "for one topic or for all",
        ),
        (
            ALL,
            "topics: \"{topics}\" } }, update",
            "topic: \"{topic}\" } }, update",
            "what is for one topic has none to add",
        ),
        (ENDS, "lives: 3d, ", "", "`{until}` stands for nothing"),
        (ENDS, "lives: 3d, ", "lives: 12h, ", "would be renewed as soon as it is made"),
        (ENDS, "ahead: 24h", "ahead: 10m", "one could end between two looks"),
        (ENDS, "expires: { field: ends, ahead: 24h }, ", "", "nothing tells when it is needed"),
        (ALL, "topic: topics,", "pages: { scheme: offset, size: 9 }, topic: topics,", "does not say which page"),
        (ALL, "list: { get: /hooks }", "list: { get: /hooks, query: { at: \"{page}\" } }", "fills no `{page}`"),
        (ENDS, "\"/api/{topic.split('.')[0]}\"", "\"{settings.token}\"", "secret setting `token`"),
        (
            ENDS,
            "If-Match: \"*\"",
            "If-Match: \"{subscription.etag}\"",
            "`subscription` does not exist in a change of a subscription",
        ),
    ] {
        assert!(text.contains(from), "{from}");
        let changed = format!(
            "connector: fake\ntitle: Fake\nsettings: {{ token: {{ secret: true }} }}\nhttp: {{ base_url: https://x.example }}\n{}",
            streams(&text.replace(from, to))
        );
        let problems =
            Manifest::parse(&Source::new("fake.yaml", changed.as_str())).map(|_| ()).expect_err(to).to_string();
        assert!(problems.contains(reason), "{reason}\n{problems}");
    }
}
