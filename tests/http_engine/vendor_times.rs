//! Times as vendors write them: compared as instants, asked for in the vendor's own form, and ranges that are limited.

use std::sync::Arc;

use serde_json::{Value, json as value};
use syncline::config::yaml::Source;
use syncline::connector::call::Page;
use syncline::connector::connection::Connection;
use syncline::connector::manifest::Manifest;

use crate::setup::{AUTH, connect, manifest};
use crate::vendor::{Vendor, json, with};

fn reads(cursor: &str, more: &str) -> String {
    format!(
        "    read:\n      request: {{ get: /items, query: {{ since: \"{{cursor}}\"{more} }} }}\n      records: items\n      order: ascending\n      {cursor}"
    )
}

fn stream(rest: &str) -> Arc<Manifest> {
    manifest(AUTH, &format!("\nstreams:\n  items:\n    entity: product\n    key: \"{{record.id}}\"\n{rest}\n"))
}

async fn walk(shop: &Connection, cursor: Option<&str>) -> Vec<Page> {
    let (mut pages, mut token) = (Vec::new(), None);
    loop {
        let page = shop.read_page("items", cursor, token.take()).await.unwrap();
        token = page.next.clone();
        pages.push(page);
        if token.is_none() {
            return pages;
        }
    }
}

/// A list of one record, changed then; what is asked for after it, and what is stored.
async fn asked_and_stored(cursor: &str, changed: Value, stored: &str) -> (String, String) {
    let body = value!({ "items": [{ "id": 1, "at": changed }] }).to_string();
    let vendor = Vendor::start(move |_, _| with(200, &[("date", "Mon, 23 Nov 2026 10:00:00 GMT")], body.clone())).await;
    let pages = walk(&connect(stream(&reads(cursor, "")), &vendor.url), Some(stored)).await;
    let since = vendor.asked()[0].query("since").unwrap().replace("%20", " ").replace("%3A", ":").replace("%2B", "+");
    (
        since.replace("%2F", "/").replace("%28", "(").replace("%29", ")").replace("%2C", ","),
        pages[0].cursor.clone().unwrap(),
    )
}

#[tokio::test]
async fn a_cursor_is_asked_for_in_the_vendors_form_and_stored_as_an_instant() {
    let stored = "2026-11-20T13:03:22Z";
    for (rest, changed, since, cursor) in [
        (
            "format: \"%Y-%m-%d %H:%M:%S\", zone: UTC, overlap: 5m",
            value!("2026-11-20 14:03:22"),
            "2026-11-20 12:58:22",
            "2026-11-20T14:03:22Z",
        ),
        (
            "format: \"%Y-%m-%d %H:%M:%S\", zone: Europe/Berlin, overlap: 5m",
            value!("2026-11-20 14:03:23"),
            "2026-11-20 13:58:22",
            "2026-11-20T13:03:23Z",
        ),
        (
            "format: \"%Y-%m-%dT%H:%M:%S%.f%z\", send_as: \"%Y-%m-%dT%H:%M:%SZ\"",
            value!("2026-11-20T15:03:22.250+0100"),
            "2026-11-20T13:03:22Z",
            "2026-11-20T14:03:22.25Z",
        ),
        (
            "format: \"%a, %d %b %Y %H:%M:%S %z\"",
            value!("Fri, 20 Nov 2026 14:03:22 +0000"),
            "Fri, 20 Nov 2026 13:03:22 +0000",
            "2026-11-20T14:03:22Z",
        ),
        ("format: unix_s", value!(1_795_183_402), "1795179802", "2026-11-20T14:03:22Z"),
        ("format: unix_ms", value!("1795183402500"), "1795179802000", "2026-11-20T14:03:22.5Z"),
        ("format: json_date", value!("/Date(1795183402500)/"), "/Date(1795179802000)/", "2026-11-20T14:03:22.5Z"),
    ] {
        let described = format!("cursor: {{ kind: time, field: at, {rest} }}");
        let found = asked_and_stored(&described, changed, stored).await;
        assert_eq!(found, (since.to_owned(), cursor.to_owned()), "{rest}");
    }
    // What was stored before the format was declared still counts.
    let berlin = "cursor: { kind: time, field: at, format: \"%Y-%m-%d %H:%M:%S\", zone: Europe/Berlin }";
    let (since, _) = asked_and_stored(berlin, value!("2026-11-20 14:03:22"), "2026-11-20 14:03:22").await;
    assert_eq!(since, "2026-11-20 14:03:22");
}

#[tokio::test]
async fn the_hour_that_comes_twice_is_read_twice() {
    let berlin = "cursor: { kind: time, field: at, format: \"%Y-%m-%d %H:%M:%S\", zone: Europe/Berlin }";
    // Two instants could be meant; the second one, 00:50 later, must not be passed over.
    let (_, cursor) = asked_and_stored(berlin, value!("2026-10-25 02:50:00"), "2026-10-24T12:00:00Z").await;
    assert_eq!(cursor, "2026-10-25T00:50:00Z");
    let (since, _) = asked_and_stored(berlin, value!("2026-10-25 02:10:00"), &cursor).await;
    assert_eq!(since, "2026-10-25 02:00:00");
}

#[tokio::test]
async fn versions_and_times_of_records_take_the_same_forms() {
    let text = "    version: { value: \"{record.at}\", format: \"%Y-%m-%d %H:%M:%S\", zone: Europe/Berlin }\n    \
                occurred_at: { value: \"{record.on}\", format: json_date }\n    \
                read: { request: { get: /items }, records: items, cursor: { kind: snapshot } }";
    let shop = connect(stream(text), "http://127.0.0.1:9");
    let read = |at: &str, on: &str| {
        let found = shop.interpret_record("items", &value!({ "id": 1, "at": at, "on": on })).unwrap();
        found.incoming.into_iter().next().unwrap()
    };
    let one = read("2026-11-20 14:03:22", "/Date(1795183402000)/").unwrap();
    assert_eq!(one.version.unwrap().value(), 1_795_179_802_000_000);
    assert_eq!(one.occurred_at.unwrap().to_string(), "2026-11-20T14:03:22Z");
    // A guess could take a newer state for an older one: the moment of reading stands in.
    let twice = read("2026-10-25 02:50:00", "/Date(1795183402000)/").unwrap();
    assert_eq!(twice.version, None);
    assert!(read("2026-11-20T14:03:22Z", "/Date(1795183402000)/").is_err());
    assert!(read("2026-11-20 14:03:22", "2026-11-20").is_err());
}

#[tokio::test]
async fn windows_are_walked_in_order_up_to_now_and_the_cursor_follows_whole_ones() {
    let text = reads(
        "window: 31d\n      pages: { scheme: page_number, param: page, size: 2 }\n      \
         cursor: { kind: time, field: at, start: \"2026-08-01T00:00:00Z\", overlap: 1h }",
        ", until: \"{until}\"",
    );
    let vendor = Vendor::start(move |_, asked| {
        // Only the first window has two pages.
        let first = asked.query("since").unwrap().starts_with("2026-07-31");
        let items = match (first, asked.query("page").unwrap()) {
            (true, "1") => value!([{"id": 1, "at": "2026-08-02T00:00:00Z"}, {"id": 2, "at": "2026-08-03T00:00:00Z"}]),
            (true, _) => value!([{"id": 3, "at": "2026-08-04T00:00:00Z"}]),
            (false, _) => value!([]),
        };
        let now = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        with(200, &[("date", &now)], value!({ "items": items }).to_string())
    })
    .await;
    let shop = connect(stream(&text), &vendor.url);
    let pages = walk(&shop, None).await;
    let asked = vendor.asked();
    let range = |index: usize| {
        let of = |name| asked[index].query(name).unwrap().replace("%3A", ":");
        (of("since"), of("until"))
    };
    let (begin, end) = ("2026-07-31T23:00:00Z".to_owned(), "2026-08-31T23:00:00Z".to_owned());
    assert_eq!(range(0), (begin, end));
    assert_eq!(range(0), range(1), "a window is walked whole before the next one");
    let cursors: Vec<&str> = pages.iter().filter_map(|page| page.cursor.as_deref()).collect();
    assert_eq!((pages[0].cursor.as_deref(), cursors[0]), (None, "2026-08-31T23:00:00Z"));
    let mut ranges: Vec<(jiff::Timestamp, jiff::Timestamp)> =
        (0..asked.len()).map(range).map(|(since, until)| (since.parse().unwrap(), until.parse().unwrap())).collect();
    ranges.dedup();
    let longest = jiff::SignedDuration::from_hours(31 * 24);
    for pair in ranges.windows(2) {
        assert!(pair[1].0 <= pair[0].1 && pair[1].1 > pair[0].1, "{pair:?}");
    }
    assert!(ranges.iter().all(|(since, until)| until.duration_since(*since) <= longest), "{ranges:?}");
    let now = jiff::Timestamp::now();
    assert!(now.duration_since(ranges.last().unwrap().1) < jiff::SignedDuration::from_secs(60), "up to now");
    let last: jiff::Timestamp = cursors.last().unwrap().parse().unwrap();
    assert!(last < ranges.last().unwrap().1 && now.duration_since(last) < jiff::SignedDuration::from_secs(120));
    assert_eq!(pages.iter().map(|page| page.records.len()).sum::<usize>(), 3);
}

#[test]
fn what_does_not_fit_together_is_refused_by_name() {
    for (cursor, words) in [
        ("cursor: { kind: id, field: at, format: unix_s }", "only a time has a format"),
        ("cursor: { kind: time, field: at, format: unx_s }", "did you mean `unix_s`"),
        ("cursor: { kind: time, field: at, format: \"%Y-%m-%d\" }", "zone: UTC"),
        ("cursor: { kind: time, field: at, zone: UTC }", "a zone of what"),
        ("cursor: { kind: time, field: at, formt: unix_s }", "did you mean `format`"),
        ("window: 31d\n      cursor: { kind: time, field: at }", "the first window begins nowhere"),
        ("window: 31d\n      cursor: { kind: id, field: at, start: \"1\" }", "only time has windows"),
        ("window: 31d\n      cursor: { kind: time, field: at, start: \"{settings.url}\" }", "`{until}`"),
    ] {
        let text = format!(
            "connector: fake\ntitle: Fake\nsettings: {{ url: {{ format: url }} }}\nhttp: {{ base_url: \"{{settings.url}}\" }}\nstreams:\n  items:\n    entity: product\n    key: \"{{record.id}}\"\n{}\n",
            reads(cursor, "")
        );
        let problems = Manifest::parse(&Source::new("fake.yaml", text.as_str())).unwrap_err().to_string();
        assert!(problems.contains(words), "{cursor}: {problems}");
    }
}

#[tokio::test]
async fn an_empty_answer_keeps_the_cursor() {
    let berlin = "cursor: { kind: time, field: at, format: \"%Y-%m-%d %H:%M:%S\", zone: Europe/Berlin }";
    let vendor = Vendor::start(|_, _| json(200, r#"{"items":[]}"#)).await;
    let pages = walk(&connect(stream(&reads(berlin, "")), &vendor.url), Some("2026-11-20T13:03:22Z")).await;
    assert_eq!(pages[0].cursor.as_deref(), Some("2026-11-20T13:03:22Z"));
}
