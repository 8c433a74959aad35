//! Lists that may be absent, totals and links that say how a list goes on, and keys that vendors read from the body.

use std::sync::Arc;

use serde_json::{Value, json as value};
use syncline::connector::call::Page;
use syncline::connector::connection::Connection;
use syncline::connector::manifest::{Manifest, OpKind};
use syncline::model::ErrorClass;

use crate::setup::{AUTH, connect, context, manifest};
use crate::vendor::{Vendor, json};

fn stream(rest: &str) -> Arc<Manifest> {
    manifest(AUTH, &format!("\nstreams:\n  items:\n    entity: product\n    key: \"{{record.id}}\"\n{rest}\n"))
}

fn read(records: &str, pages: &str) -> Arc<Manifest> {
    stream(&format!(
        "    read: {{ request: {{ get: /items }}, records: {records}, pages: {pages}, cursor: {{ kind: snapshot }} }}"
    ))
}

async fn walk(shop: &Connection) -> Result<Vec<Page>, (ErrorClass, String)> {
    let (mut pages, mut token) = (Vec::new(), None);
    loop {
        let page =
            shop.read_page("items", None, token.take()).await.map_err(|error| (error.class, error.to_string()))?;
        token = page.next.clone();
        pages.push(page);
        if token.is_none() {
            return Ok(pages);
        }
    }
}

fn ids(pages: &[Page]) -> Vec<u64> {
    pages.iter().flat_map(|page| &page.records).map(|record| record["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn an_absent_list_is_empty_only_where_it_may_be() {
    // The list's place, the answer, and how many records it has; `None` is an error.
    for (records, body, expected) in [
        ("refunds", r#"{"refunds":[{"id":1}]}"#, Some(1)),
        ("refunds?", r#"{"refunds":[{"id":1}]}"#, Some(1)),
        ("refunds", r#"{}"#, None),
        ("refunds?", r#"{}"#, Some(0)),
        ("refunds", r#"{"refunds":null}"#, Some(0)),
        ("refunds?", r#"{"refunds":null}"#, Some(0)),
        ("data.refunds?", r#"{"data":{}}"#, Some(0)),
        // Only the list itself may be absent, not what holds it.
        ("data.refunds?", r#"{}"#, None),
        ("data.refunds?", r#"{"data":[]}"#, None),
        ("refunds?", r#"{"refunds":"none"}"#, None),
        ("refunds?", r#"[]"#, None),
    ] {
        let vendor = Vendor::start(move |_, _| json(200, body)).await;
        let found = walk(&connect(read(&format!("\"{records}\""), "{ scheme: single }"), &vendor.url)).await;
        assert_eq!(found.as_ref().ok().map(|pages| pages[0].records.len()), expected, "{records}: {body}: {found:?}");
    }
}

/// Pages of a list of `all`, `size` to a page, each with the totals that it states.
async fn totals(
    pages: &str,
    all: u64,
    size: u64,
    empty: &'static [u64],
    says: fn(u64) -> Value,
) -> Result<Vec<u64>, String> {
    let vendor = Vendor::start(move |_, asked| {
        let page: u64 = asked.query("page").unwrap().parse().unwrap();
        let from = (page - 1) * size + 1;
        let on_page: Vec<Value> = (from..(from + size).min(all + 1)).map(|id| value!({ "id": id })).collect();
        let on_page = if empty.contains(&page) { Vec::new() } else { on_page };
        json(200, value!({ "items": on_page, "meta": says(all) }).to_string())
    })
    .await;
    let walked = walk(&connect(read("items", pages), &vendor.url)).await;
    let mut ids = walked.map(|pages| ids(&pages)).map_err(|(_, text)| text)?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

#[tokio::test]
async fn a_total_says_where_the_list_ends() {
    let by_pages = "{ scheme: page_number, param: page, size: 3, total_pages: meta.pages }";
    let by_records = "{ scheme: page_number, param: page, size: 3, total_records: meta.total }";
    let says: fn(u64) -> Value = |all| value!({ "pages": all.div_ceil(3), "total": all.to_string() });
    for all in [0, 1, 3, 6, 7] {
        assert_eq!(totals(by_pages, all, 3, &[], says).await, Ok((1..=all).collect()), "{all}");
        assert_eq!(totals(by_records, all, 3, &[], says).await, Ok((1..=all).collect()), "{all}");
    }
    // A page that a filter left empty is not the end.
    assert_eq!(totals(by_pages, 9, 3, &[2], says).await, Ok(vec![1, 2, 3, 7, 8, 9]));
    // A vendor that gives two to a page where three are asked for is read to the end all the same.
    assert_eq!(totals(by_records, 7, 2, &[], says).await, Ok((1..=7).collect()));
    assert!(totals(by_pages, 7, 3, &[], |_| value!({})).await.unwrap_err().contains("`meta.pages`"));
    assert!(totals(by_records, 7, 3, &[], |_| value!({ "total": "many" })).await.unwrap_err().contains("whole number"));
}

#[tokio::test]
async fn a_list_that_never_ends_is_an_error() {
    let vendor = Vendor::start(|_, _| json(200, r#"{"items":[{"id":1}],"meta":{"pages":1000000}}"#)).await;
    let pages = "{ scheme: page_number, param: page, size: 1, total_pages: meta.pages }";
    let (class, text) = walk(&connect(read("items", pages), &vendor.url)).await.unwrap_err();
    assert_eq!(class, ErrorClass::Data);
    assert!(text.contains("the same page twice"), "{text}");
}

#[tokio::test]
async fn a_link_is_found_by_its_relation() {
    let pages = "{ scheme: link_relation, path: links }";
    let vendor = Vendor::start(|_, asked| {
        json(
            200,
            match asked.target.as_str() {
                "/items" => r#"{"items":[{"id":1}],"links":[{"rel":"self","href":"/items"},{"rel":"next","href":"/items?at=2"}]}"#,
                "/items?at=2" => r#"{"items":[{"id":2}],"links":[{"rel":"next","href":"/items?at=3"}]}"#,
                _ => r#"{"items":[{"id":3}],"links":[{"rel":"self","href":"/items?at=3"}]}"#,
            },
        )
    })
    .await;
    assert_eq!(ids(&walk(&connect(read("items", pages), &vendor.url)).await.unwrap()), [1, 2, 3]);
    for (links, words) in [
        (r#"[{"rel":"next","href":"/items"}]"#, ""),
        (r#"[{"rel":"next","href":"http://127.0.0.1:1/x"}]"#, "another host"),
        (r#"[{"rel":"next"}]"#, "without an address"),
        (r#"{"next":"/x"}"#, "not a list of links"),
    ] {
        let vendor = Vendor::start(move |_, _| json(200, format!(r#"{{"items":[{{"id":1}}],"links":{links}}}"#))).await;
        let (_, text) = walk(&connect(read("items", pages), &vendor.url)).await.unwrap_err();
        assert!(text.contains(words), "{links}: {text}");
    }
}

#[tokio::test]
async fn a_key_stands_in_the_body_where_the_vendor_reads_it() {
    for (body, path, expected) in [
        ("json: { payment: { sum: 1 } }", "payment.key", r#"{"payment":{"sum":1,"key":"idem-1"}}"#),
        ("json: { sum: 1 }", "meta.key", r#"{"sum":1,"meta":{"key":"idem-1"}}"#),
        ("json: \"{record}\"", "key", r##"{"name":"#1001","total":"19.90","key":"idem-1"}"##),
        ("form: { sum: \"1\" }", "key", "sum=1&key=idem-1"),
    ] {
        let text = format!(
            "    write:\n      create:\n        post: /items\n        {body}\n        response: {{ id: \"{{body.id}}\" }}\n        \
             idempotency: {{ scheme: body, path: {path}, value: \"{{idempotency_key}}\", ttl: 24h }}"
        );
        let vendor = Vendor::start(|_, _| json(201, r#"{"id":9}"#)).await;
        let shop = connect(stream(&text), &vendor.url);
        for _ in 0..2 {
            shop.write("items", OpKind::Create, &context()).await.unwrap();
        }
        assert!(vendor.asked().iter().all(|asked| asked.body == expected), "{:?}", vendor.asked());
    }
}
