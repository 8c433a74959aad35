//! Lists that move while they are walked, odd cursors, and records that are read in several parts.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json as value};
use syncline::connector::call::{IncomingOp, Page};
use syncline::connector::connection::Connection;
use syncline::connector::manifest::Manifest;
use syncline::model::ErrorClass;

use crate::setup::{AUTH, connect, manifest};
use crate::vendor::{Asked, Reply, Vendor, json, with};

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

fn ids(pages: &[Page]) -> Vec<u64> {
    let mut ids: Vec<u64> =
        pages.iter().flat_map(|page| &page.records).map(|record| record["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn items(ids: &[u64]) -> String {
    value!({ "items": ids.iter().map(|id| value!({ "id": id })).collect::<Vec<_>>() }).to_string()
}

/// Serves pages of two out of a list that loses or moves a record whenever a page has been served.
async fn shifting(pages: &str, skip_of: fn(&Asked) -> usize, change: fn(&mut Vec<u64>, usize)) -> Vec<u64> {
    let list = Arc::new(Mutex::new((1..=9).collect::<Vec<u64>>()));
    let vendor = Vendor::start(move |number, asked| {
        let mut list = list.lock().unwrap();
        let skip = skip_of(asked).min(list.len());
        let page = list[skip..(skip + 3).min(list.len())].to_vec();
        change(&mut list, number);
        json(200, items(&page))
    })
    .await;
    let read = format!(
        "    read: {{ request: {{ get: /items }}, records: items, pages: {pages}, cursor: {{ kind: snapshot }} }}"
    );
    ids(&walk(&connect(stream(&read), &vendor.url), None).await)
}

#[tokio::test]
async fn a_record_that_slips_to_the_page_before_is_seen_all_the_same() {
    let by_number: fn(&Asked) -> usize = |asked| (asked.query("page").unwrap().parse::<usize>().unwrap() - 1) * 3;
    let by_offset: fn(&Asked) -> usize = |asked| asked.query("skip").map_or(0, |skip| skip.parse().unwrap());
    let number = "{ scheme: page_number, param: page, size: 3 }";
    let offset = "{ scheme: offset, param: skip, size: 3 }";
    for (pages, skip_of) in [(number, by_number), (offset, by_offset)] {
        // The second record is changed after the first page and goes to the end of a list ordered by change.
        let moved = shifting(pages, skip_of, |list, number| {
            if number == 0 {
                let record = list.remove(1);
                list.push(record);
            }
        });
        assert_eq!(moved.await, [1, 2, 3, 4, 5, 6, 7, 8, 9], "{pages}");
        // Deleted ones make the rest slip: those that stay are all seen.
        let deleted = shifting(pages, skip_of, |list, number| {
            if number < 3 {
                list.remove(0);
            }
        });
        let seen = deleted.await;
        assert!([4, 5, 6, 7, 8, 9].iter().all(|id| seen.contains(id)), "{pages}: {seen:?}");
    }
}

#[tokio::test]
async fn a_page_may_be_asked_for_in_the_body() {
    let read = "    read:\n      request: { post: /rpc, json_rpc: { method: search_read, params: { limit: 2, offset: \"{page}\" } } }\n      records: result\n      \
                pages: { scheme: offset, size: 2 }\n      cursor: { kind: snapshot }";
    let vendor = Vendor::start(|_, asked| {
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        let skip = body["params"]["offset"].as_u64().unwrap();
        let page: Vec<Value> = (skip + 1..=(skip + 2).min(5)).map(|id| value!({ "id": id })).collect();
        json(200, value!({"jsonrpc": "2.0", "id": body["id"], "result": page}).to_string())
    })
    .await;
    assert_eq!(ids(&walk(&connect(stream(read), &vendor.url), None).await), [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_keyset_of_several_values() {
    let read = "    read:\n      request: { get: /items, query: { after: \"{page.at}|{page.id}\", limit: 2 } }\n      records: items\n      \
                pages: { scheme: keyset, values: { at: changed.at, id: id } }\n      cursor: { kind: snapshot }";
    // Three records share one time: only both values together tell where a page ended.
    let all = [("t1", 1), ("t2", 2), ("t2", 3), ("t2", 4), ("t3", 5)];
    let vendor = Vendor::start(move |_, asked| {
        let after = asked.query("after").map(|text| text.replace("%7C", "|"));
        let after = after
            .as_deref()
            .and_then(|text| text.split_once('|'))
            .map(|(at, id)| (at.to_owned(), id.parse::<u64>().unwrap()));
        let rest = all.iter().filter(|(at, id)| after.as_ref().is_none_or(|after| ((*at).to_owned(), *id) > *after));
        let page: Vec<Value> = rest.take(2).map(|(at, id)| value!({"id": id, "changed": {"at": at}})).collect();
        json(200, value!({ "items": page }).to_string())
    })
    .await;
    let pages = walk(&connect(stream(read), &vendor.url), None).await;
    assert_eq!(ids(&pages), [1, 2, 3, 4, 5]);
    assert_eq!(vendor.asked()[0].target, "/items?limit=2");
    assert_eq!(vendor.asked()[2].target, "/items?after=t2%7C4&limit=2");
    let vendor = Vendor::start(|_, _| json(200, items(&[1]))).await;
    let error = connect(stream(read), &vendor.url).read_page("items", None, None).await.unwrap_err();
    assert!(
        error.message.contains("`changed.at`") && error.message.contains("is missing in the last record"),
        "{error}"
    );
}

const DELTA: &str = "    deleted: 'record[\"@removed\"] != ()'\n    read:\n      request: { get: /items, query: { select: id } }\n      records: value\n      \
     pages: { scheme: next_url, path: '\"@odata.nextLink\"' }\n      cursor: { kind: delta_link, field: '\"@odata.deltaLink\"' }";

fn delta(asked: &Asked) -> Reply {
    let at = |text: &str| format!("http://{}{text}", asked.header("host").unwrap());
    match asked.target.as_str() {
        "/items?select=id" => {
            json(200, value!({"value": [{"id": 1}], "@odata.nextLink": at("/items?skip=1")}).to_string())
        }
        "/items?skip=1" => {
            json(200, value!({"value": [{"id": 2}], "@odata.deltaLink": at("/delta?token=a")}).to_string())
        }
        "/delta?token=a" => json(
            200,
            value!({"value": [{"id": 2, "@removed": {"reason": "deleted"}}], "@odata.deltaLink": at("/delta?token=b")})
                .to_string(),
        ),
        "/delta?token=b" => json(200, value!({"value": [], "@odata.deltaLink": at("/delta?token=b")}).to_string()),
        _ => json(410, r#"{"error":{"message":"resync"}}"#),
    }
}

#[tokio::test]
async fn a_delta_link_goes_on_where_the_last_walk_ended() {
    let vendor = Vendor::start(|_, asked| delta(asked)).await;
    let shop = connect(stream(DELTA), &vendor.url);
    let first = walk(&shop, None).await;
    assert_eq!((ids(&first), first[0].cursor.clone()), (vec![1, 2], None));
    let link = first[1].cursor.clone().unwrap();
    assert_eq!(link, format!("{}/delta?token=a", vendor.url));
    let second = walk(&shop, Some(&link)).await;
    let removed = shop.interpret_record("items", &second[0].records[0]).unwrap().incoming.remove(0).unwrap();
    assert_eq!((removed.op, removed.key.as_str()), (IncomingOp::Delete, "2"));
    let third = walk(&shop, second[0].cursor.as_deref()).await;
    assert_eq!((third[0].records.len(), &third[0].cursor), (0, &second[0].cursor));
    // A link that the vendor has forgotten: everything again.
    let anew = walk(&shop, Some(&format!("{}/delta?token=old", vendor.url))).await;
    assert_eq!(ids(&anew), [1, 2]);
    // A link that leads elsewhere is not followed.
    let error = shop.read_page("items", Some("http://127.0.0.1:1/delta"), None).await.unwrap_err();
    assert!(error.message.contains("another host"), "{error}");
}

#[tokio::test]
async fn missing_numbers_are_read_again_until_they_appear() {
    let read = "    read:\n      request: { get: /items, query: { after: \"{cursor}\" } }\n      records: items\n      order: ascending\n      \
                cursor: { kind: id, field: id, gap_wait: 10m }";
    let visible = Arc::new(Mutex::new(vec![8_u64, 10]));
    let list = Arc::clone(&visible);
    let vendor = Vendor::start(move |_, asked| {
        let after: u64 = asked.query("after").map_or(0, |text| text.parse().unwrap());
        let page: Vec<u64> = list.lock().unwrap().iter().copied().filter(|id| *id > after).collect();
        with(200, &[("date", "Sun, 22 Nov 2026 10:00:00 GMT")], items(&page))
    })
    .await;
    let shop = connect(stream(read), &vendor.url);
    let first = walk(&shop, Some("7")).await;
    // 9 was given out before 10 and is not visible yet.
    visible.lock().unwrap().insert(1, 9);
    let cursor = first[0].cursor.clone().unwrap();
    let second = walk(&shop, Some(&cursor)).await;
    assert_eq!((vendor.asked()[1].query("after"), ids(&second)), (Some("8"), vec![9, 10]));
    assert_eq!(second[0].cursor.as_deref(), Some("10"));
}

#[tokio::test]
async fn children_are_read_for_each_parent() {
    let text = r#"    children:
      - { get: "/items/{parent.id}/lines", query: { page: "{page}" }, records: lines, pages: { scheme: page_number, size: 2 }, as: lines, when: "parent.count > 0" }
      - { get: "/items/{parent.id}/note", as: notes }
    read: { request: { get: /items }, records: items, cursor: { kind: snapshot } }
    get: { get: "/items/{key}" }"#;
    let vendor = Vendor::start(|_, asked| match (asked.path(), asked.query("page")) {
        ("/items", _) => json(200, r#"{"items":[{"id":1,"count":3},{"id":2,"count":0}]}"#),
        ("/items/1", _) => json(200, r#"{"id":1,"count":3}"#),
        ("/items/1/lines", Some("1")) => json(200, r#"{"lines":[{"sku":"A"},{"sku":"B"}]}"#),
        ("/items/1/lines", Some("2")) => json(200, r#"{"lines":[{"sku":"C"}]}"#),
        ("/items/1/note", _) => json(200, r#"[{"text":"x"}]"#),
        ("/items/2/note", _) => json(404, "{}"),
        _ => json(500, "{}"),
    })
    .await;
    let shop = connect(stream(text), &vendor.url);
    let page = shop.read_page("items", None, None).await.unwrap();
    let whole =
        value!({"id": 1, "count": 3, "lines": [{"sku": "A"}, {"sku": "B"}, {"sku": "C"}], "notes": [{"text": "x"}]});
    assert_eq!(page.records, [whole.clone(), value!({"id": 2, "count": 0, "lines": [], "notes": []})]);
    assert_eq!(shop.get("items", "1").await.unwrap(), Some(whole));
    // A half-read parent is no parent.
    let vendor = Vendor::start(|_, asked| match asked.path() {
        "/items" => json(200, r#"{"items":[{"id":1,"count":3}]}"#),
        _ => json(400, "{}"),
    })
    .await;
    assert_eq!(
        connect(stream(text), &vendor.url).read_page("items", None, None).await.unwrap_err().class,
        ErrorClass::Data
    );
}

#[tokio::test]
async fn what_changes_elsewhere_is_read_again_by_its_key() {
    let text = r#"    get: { get: "/stock/{key}" }
    hints:
      moves: { request: { get: /moves, query: { after: "{cursor}" } }, records: moves, order: ascending, cursor: { kind: id, field: id }, key: "{record.product}" }"#;
    let vendor = Vendor::start(|_, asked| match asked.path() {
        "/moves" => json(200, r#"{"moves":[{"id":11,"product":"A"},{"id":12,"product":"B"},{"id":13,"product":"A"}]}"#),
        "/stock/A" => json(200, r#"{"id":"A","on_hand":5}"#),
        _ => json(404, "{}"),
    })
    .await;
    let shop = connect(stream(text), &vendor.url);
    let page = shop.read_hints("items", "moves", Some("10"), None).await.unwrap();
    assert_eq!((page.records.len(), page.cursor.as_deref()), (0, Some("13")));
    let fetched: Vec<(&str, Option<Value>)> =
        page.fetched.iter().map(|fetched| (fetched.key.as_str(), fetched.record.clone())).collect();
    assert_eq!(fetched, [("A", Some(value!({"id": "A", "on_hand": 5}))), ("B", None)]);
    assert_eq!(vendor.count(), 3, "one product is read once");
    assert!(shop.read_hints("items", "nothing", None, None).await.is_err());
    // A record that cannot be read keeps the cursor where it was.
    let broken = Vendor::start(|_, asked| match asked.path() {
        "/moves" => json(200, r#"{"moves":[{"id":11,"product":"A"}]}"#),
        _ => json(400, "{}"),
    })
    .await;
    assert!(connect(stream(text), &broken.url).read_hints("items", "moves", Some("10"), None).await.is_err());
}

#[tokio::test]
async fn a_token_is_given_back_as_it_came_and_seconds_go_back_by_the_overlap() {
    let reads = |cursor: &str| {
        let text = format!(
            "\nstreams:\n  items:\n    entity: product\n    key: \"{{record.id}}\"\n    read: {{ request: {{ get: /items, query: {{ since: \"{{cursor}}\" }} }}, \
             records: items, pages: {{ scheme: next_url, path: next }}, cursor: {cursor} }}\n"
        );
        manifest(AUTH, &text)
    };
    let vendor = Vendor::start(|_, asked| match (asked.query("since"), asked.query("at")) {
        (None, None) => json(200, r#"{"items":[{"id":1}],"upto":"t/1=","next":"/items?at=2"}"#),
        (None, Some(_)) => json(200, r#"{"items":[{"id":2}],"upto":"t/2="}"#),
        // Nothing new, and no word of where we are.
        (Some(_), _) => json(200, r#"{"items":[],"upto":null}"#),
    })
    .await;
    let shop = connect(reads("{ kind: token, field: upto }"), &vendor.url);
    let first = shop.read_page("items", None, None).await.unwrap();
    assert_eq!(first.cursor, None, "half a walk has no token");
    let last = shop.read_page("items", None, first.next).await.unwrap();
    assert_eq!((last.cursor.as_deref(), last.next), (Some("t/2="), None));
    let again = shop.read_page("items", Some("t/2="), None).await.unwrap();
    assert_eq!(vendor.asked()[2].query("since"), Some("t%2F2%3D"));
    assert_eq!(again.cursor.as_deref(), Some("t/2="), "what is known stays");

    let vendor =
        Vendor::start(|_, _| json(200, r#"{"items":[{"id":1,"at":1700000100},{"id":2,"at":1700000050}]}"#)).await;
    let shop = connect(reads("{ kind: unix, field: at, overlap: 5m }"), &vendor.url);
    let page = shop.read_page("items", Some("1700000000"), None).await.unwrap();
    assert_eq!(vendor.asked()[0].query("since"), Some("1699999700"));
    assert_eq!(page.cursor.as_deref(), Some("1700000100"));
}
