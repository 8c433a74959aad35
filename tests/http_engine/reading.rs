//! Pages, cursors and single records.

use serde_json::{Value, json as value};
use syncline::connector::call::{Page, PageToken};
use syncline::connector::connection::Connection;
use syncline::model::ErrorClass;

use crate::setup::{AUTH, SECRET, connect, manifest, orders};
use crate::vendor::{Asked, Vendor, json, with};

fn stream(read: &str) -> std::sync::Arc<syncline::connector::manifest::Manifest> {
    let text = format!("\nstreams:\n  items:\n    entity: product\n    key: \"{{record.id}}\"\n    read:\n{read}\n");
    manifest(AUTH, &text)
}

fn snapshot(pages: &str) -> std::sync::Arc<syncline::connector::manifest::Manifest> {
    stream(&format!(
        "      request: {{ get: /items, query: {{ limit: 2 }} }}\n      records: items\n      pages: {pages}\n      cursor: {{ kind: snapshot }}"
    ))
}

/// Walks to the end, handing every token through its stored form.
async fn walk(shop: &Connection, stream: &str) -> Vec<Page> {
    let (mut pages, mut token) = (Vec::new(), None);
    loop {
        let page = shop.read_page(stream, None, token.take()).await.unwrap();
        token = page.next.as_ref().map(|token| {
            let stored = serde_json::to_string(token).unwrap();
            serde_json::from_str::<PageToken>(&stored).unwrap()
        });
        pages.push(page);
        if token.is_none() {
            return pages;
        }
    }
}

fn ids(pages: &[Page]) -> Vec<u64> {
    pages.iter().flat_map(|page| &page.records).map(|record| record["id"].as_u64().unwrap()).collect()
}

fn items(ids: &[u64]) -> String {
    value!(ids.iter().map(|id| value!({ "id": id })).collect::<Vec<_>>()).to_string()
}

/// Serves five items in pages of two by whatever way, and checks that all five are seen once.
async fn check(
    pages: &str,
    script: impl Fn(usize, &Asked) -> crate::vendor::Reply + Send + Sync + 'static,
) -> Vec<Asked> {
    let vendor = Vendor::start(script).await;
    let found = walk(&connect(snapshot(pages), &vendor.url), "items").await;
    assert_eq!(ids(&found), [1, 2, 3, 4, 5], "{pages}");
    for asked in vendor.asked() {
        assert_eq!(asked.header("x-token"), Some(SECRET));
    }
    vendor.asked()
}

fn page_of(skip: usize) -> (String, bool) {
    let all = [1, 2, 3, 4, 5];
    let end = (skip + 2).min(5);
    (items(&all[skip.min(5)..end]), end < 5)
}

fn number(asked: &Asked, name: &str) -> usize {
    asked.query(name).map_or(0, |text| text.parse().unwrap())
}

#[tokio::test]
async fn by_link_header() {
    let asked = check("{ scheme: link_header }", |_, asked| {
        let skip = number(asked, "at");
        let (items, more) = page_of(skip);
        let next = format!("</items?at={}&page_info=a,b>; rel=\"next\", </items>; rel=\"first\"", skip + 2);
        let body = format!("{{\"items\":{items}}}");
        if more { with(200, &[("link", &next)], body) } else { json(200, body) }
    })
    .await;
    assert_eq!(asked[1].target, "/items?at=2&page_info=a,b");
}

#[tokio::test]
async fn by_next_url_token_and_graphql() {
    check("{ scheme: next_url, path: next }", |_, asked| {
        let skip = number(asked, "at");
        let (items, more) = page_of(skip);
        let next = if more { format!("\"{}?at={}\"", asked.path(), skip + 2) } else { "null".to_owned() };
        json(200, format!("{{\"items\":{items},\"next\":{next}}}"))
    })
    .await;
    let asked = check("{ scheme: cursor_token, path: meta.next, param: page token }", |_, asked| {
        let skip = number(asked, "page%20token");
        let (items, more) = page_of(skip);
        let next = if more { (skip + 2).to_string() } else { "\"\"".to_owned() };
        json(200, format!("{{\"items\":{items},\"meta\":{{\"next\":{next}}}}}"))
    })
    .await;
    assert_eq!(asked[2].target, "/items?limit=2&page%20token=4");
    let graphql = stream(
        "      request:\n        post: /graphql\n        graphql: { query: \"query($after: String) { items }\", variables: { first: 2, after: null } }\n      \
         records: data.items[].node\n      pages: { scheme: graphql, page_info: data.pageInfo, variable: after }\n      cursor: { kind: snapshot }",
    );
    let vendor = Vendor::start(|_, asked| {
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        let skip: usize = body["variables"]["after"].as_str().map_or(0, |text| text.parse().unwrap());
        let (items, more) = page_of(skip);
        let nodes: Vec<Value> = serde_json::from_str::<Vec<Value>>(&items)
            .unwrap()
            .into_iter()
            .map(|node| value!({ "node": node }))
            .collect();
        json(
            200,
            value!({"data": {"items": nodes, "pageInfo": {"hasNextPage": more, "endCursor": (skip + 2).to_string()}}})
                .to_string(),
        )
    })
    .await;
    let pages = walk(&connect(graphql, &vendor.url), "items").await;
    assert_eq!((ids(&pages), vendor.count()), (vec![1, 2, 3, 4, 5], 3));
    assert!(vendor.asked()[0].body.contains("query($after"), "{:?}", vendor.asked()[0]);
}

/// What has no value on a first page is left out of the body; what can do without it stays, and so does the rest.
#[tokio::test]
async fn by_a_token_inside_the_body() {
    let read = stream(
        "      request: { post: /items, json: { since: \"{cursor}\", at: [{ place: \"{page}\", shown: \"{page?}\", limit: 2 }] } }\n      \
         records: items\n      pages: { scheme: cursor_token, path: next }\n      cursor: { kind: time, field: at }",
    );
    let vendor = Vendor::start(|_, asked| {
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        let skip: usize = body["at"][0]["place"].as_str().map_or(0, |text| text.parse().unwrap());
        let (items, more) = page_of(skip);
        let items = items.replace("\"id\"", "\"at\":\"2026-11-20T08:00:00Z\",\"id\"");
        let next = if more { (skip + 2).to_string() } else { String::new() };
        json(200, format!("{{\"items\":{items},\"next\":\"{next}\"}}"))
    })
    .await;
    let pages = walk(&connect(read, &vendor.url), "items").await;
    assert_eq!(ids(&pages), [1, 2, 3, 4, 5]);
    let bodies: Vec<String> = vendor.asked().into_iter().map(|asked| asked.body).collect();
    assert_eq!(bodies[0], r#"{"at":[{"shown":null,"limit":2}]}"#);
    assert_eq!(bodies[1], r#"{"at":[{"place":"2","shown":"2","limit":2}]}"#);
}

#[tokio::test]
async fn by_number_offset_and_last_id() {
    let asked = check("{ scheme: page_number, param: page, size_param: per_page, size: 2 }", |_, asked| {
        let (items, _) = page_of((number(asked, "page") - 1) * 2);
        json(200, format!("{{\"items\":{items}}}"))
    })
    .await;
    assert_eq!(asked[0].target, "/items?limit=2&page=1&per_page=2");
    check("{ scheme: offset, param: skip, size: 2 }", |_, asked| {
        json(200, format!("{{\"items\":{}}}", page_of(number(asked, "skip")).0))
    })
    .await;
    check("{ scheme: last_id, param: after, id: id, has_more: has_more }", |_, asked| {
        let (items, more) = page_of(number(asked, "after"));
        json(200, format!("{{\"items\":{items},\"has_more\":{more}}}"))
    })
    .await;
    check("{ scheme: last_id, param: after, id: id }", |_, asked| {
        json(200, format!("{{\"items\":{}}}", page_of(number(asked, "after")).0))
    })
    .await;
}

#[tokio::test]
async fn circles_and_foreign_hosts_end_a_walk() {
    async fn refused(
        pages: &str,
        script: impl Fn(usize, &Asked) -> crate::vendor::Reply + Send + Sync + 'static,
    ) -> (String, usize) {
        let vendor = Vendor::start(script).await;
        let shop = connect(snapshot(pages), &vendor.url);
        let mut token = None;
        loop {
            match shop.read_page("items", None, token.take()).await {
                Ok(page) => token = Some(page.next.expect("the walk must not end well")),
                Err(error) => {
                    assert_eq!(error.class, ErrorClass::Data, "{error}");
                    return (error.message.clone(), vendor.count());
                }
            }
        }
    }
    let next = |to: &str| format!("{{\"items\":[{{\"id\":1}}],\"next\":\"{to}\"}}");
    let by_url = "{ scheme: next_url, path: next }";
    let same = refused(by_url, move |_, _| json(200, next("/items?at=1"))).await;
    assert!(same.0.contains("leads back") || same.0.contains("twice"), "{same:?}");
    // A circle of three with changing content.
    let circle = refused(by_url, move |count, _| {
        json(200, format!("{{\"items\":[{{\"id\":{count}}}],\"next\":\"/items?at={}\"}}", count % 3))
    })
    .await;
    assert!(circle.0.contains("leads back") && circle.1 < 12, "{circle:?}");
    let stuck =
        refused("{ scheme: page_number, param: page, size: 1 }", |_, _| json(200, "{\"items\":[{\"id\":1}]}")).await;
    assert!(stuck.0.contains("same page twice") && stuck.1 == 2, "{stuck:?}");
    for foreign in [
        "https://evil.example.com/items",
        "//evil.example.com/items",
        "http://127.0.0.1:1/items",
        "http://user:pw@127.0.0.1/",
    ] {
        let found = refused(by_url, move |_, _| json(200, next(foreign))).await;
        assert!(found.0.contains("another host") && found.1 == 1, "{foreign}: {found:?}");
    }
    let shapeless = refused(by_url, |_, _| json(200, "{\"things\":[]}")).await;
    assert!(shapeless.0.contains("no list at `items`"), "{shapeless:?}");
}

#[tokio::test]
async fn a_walk_ends_at_the_most_pages_allowed() {
    let vendor = Vendor::start(|number, _| {
        json(200, format!("{{\"items\":[{{\"id\":{number}}}],\"next\":\"/items?at={number}\"}}"))
    })
    .await;
    let few = syncline::connector::connection::ConnectionOptions { max_pages: 5, ..crate::setup::options() };
    let shop = crate::setup::try_connect(snapshot("{ scheme: next_url, path: next }"), &vendor.url, few).unwrap();
    let (mut token, mut pages) = (None, 0);
    let error = loop {
        match shop.read_page("items", None, token.take()).await {
            Ok(page) => token = page.next,
            Err(error) => break error,
        }
        pages += 1;
    };
    assert!(error.message.contains("after 5 pages") && pages == 4, "{pages}: {error}");
}

#[tokio::test]
async fn the_vendors_counter_holds_calls_back() {
    let limited =
        format!("{AUTH}\n  rate_limit: {{ scheme: leaky_bucket, size: 40, leak_per_s: 2, usage_header: X-Usage }}");
    let vendor = Vendor::start(|_, _| with(200, &[("x-usage", "40/40")], r#"{"order":{"id":1}}"#)).await;
    let shop = connect(manifest(&limited, crate::setup::STREAMS), &vendor.url);
    shop.get("orders", "1").await.unwrap();
    let error = shop.get("orders", "1").await.unwrap_err();
    assert_eq!((error.class, error.sent, vendor.count()), (ErrorClass::RateLimited, false, 1), "{error}");
    // 10 % is kept for people: work waits until five calls have drained.
    assert!((1_900..=2_500).contains(&error.retry_after.unwrap().as_millis()), "{:?}", error.retry_after);
}

#[tokio::test]
async fn a_token_of_another_stream_is_refused() {
    let vendor = Vendor::start(|_, _| json(200, "{\"orders\":[]}")).await;
    let shop = orders(&vendor.url);
    for token in ["", "{}", "{\"stream\":\"other\"}", "null"] {
        assert!(shop.read_page("orders", None, Some(PageToken(token.to_owned()))).await.is_err());
    }
    assert!(shop.read_page("nothing", None, None).await.is_err());
    assert_eq!(vendor.count(), 0);
}

#[tokio::test]
async fn the_watermark_asks_with_overlap_and_stays_behind_the_vendors_clock() {
    let answer = |times: &'static [&'static str]| {
        move |_: usize, _: &Asked| {
            let orders: Vec<Value> =
                times.iter().enumerate().map(|(id, at)| value!({ "id": id, "updated_at": at })).collect();
            with(200, &[("date", "Sun, 22 Nov 2026 10:00:00 GMT")], value!({ "orders": orders }).to_string())
        }
    };
    let vendor =
        Vendor::start(answer(&["2026-11-22T09:30:00Z", "2026-11-22T10:40:00+01:00", "2026-11-22T09:59:59Z"])).await;
    let page = orders(&vendor.url).read_page("orders", Some("2026-11-22T09:00:00Z"), None).await.unwrap();
    assert_eq!(vendor.asked()[0].target, "/orders?since=2026-11-22T08%3A55%3A00Z&state=any");
    assert_eq!((page.records.len(), page.cursor.as_deref()), (3, Some("2026-11-22T09:59:30Z")));
    assert_eq!(page.server_time.unwrap().to_string(), "2026-11-22T10:00:00Z");
    // The first read has nothing to ask from; an empty one leaves the watermark alone.
    let vendor = Vendor::start(answer(&[])).await;
    let shop = orders(&vendor.url);
    assert_eq!(shop.read_page("orders", None, None).await.unwrap().cursor, None);
    assert_eq!(vendor.asked()[0].target, "/orders?state=any");
    let stored = Some("2026-11-22T09:00:00Z");
    assert_eq!(shop.read_page("orders", stored, None).await.unwrap().cursor.as_deref(), stored);
    // Without the field in any record, the manifest is wrong and the next read would miss things.
    let vendor = Vendor::start(|_, _| json(200, r#"{"orders":[{"id":1}]}"#)).await;
    let error = orders(&vendor.url).read_page("orders", stored, None).await.unwrap_err();
    assert!(error.message.contains("no record has a readable cursor field `updated_at`"), "{error}");
    assert!(orders(&vendor.url).read_page("orders", Some("yesterday"), None).await.is_err());
}

#[tokio::test]
async fn the_watermark_moves_only_with_the_last_page_unless_the_list_ascends() {
    for (order, half_way) in [("ascending", true), ("unordered", false), ("descending", false)] {
        let vendor = Vendor::start(|number, _| {
            let next = if number == 0 { "\"/items?at=2\"" } else { "null" };
            json(200, format!("{{\"items\":[{{\"id\":{}}}],\"next\":{next}}}", number + 7))
        })
        .await;
        let by_id = stream(&format!(
            "      request: {{ get: /items, query: {{ since: \"{{cursor}}\" }} }}\n      records: items\n      order: {order}\n      \
             pages: {{ scheme: next_url, path: next }}\n      cursor: {{ kind: id, field: id }}"
        ));
        let pages = walk(&connect(by_id, &vendor.url), "items").await;
        assert_eq!(pages[0].cursor.is_some(), half_way, "{order}");
        assert_eq!(pages[1].cursor.as_deref(), Some("8"), "{order}");
    }
}

#[tokio::test]
async fn one_record_by_its_key() {
    let vendor = Vendor::start(|_, asked| match asked.path() {
        "/orders/1" => json(200, r#"{"order":{"id":1,"total":19.90}}"#),
        "/orders/a%2Fb%20c" => json(200, r#"{"order":{"id":"odd"}}"#),
        "/orders/gone" => json(200, r#"{"order":null}"#),
        "/orders/shape" => json(200, r#"{"data":1}"#),
        _ => json(404, "{}"),
    })
    .await;
    let shop = orders(&vendor.url);
    let found = shop.get("orders", "1").await.unwrap().unwrap();
    assert_eq!(found["total"].to_string(), "19.90", "money keeps its text");
    assert_eq!(shop.get("orders", "a/b c").await.unwrap().unwrap()["id"], "odd");
    assert_eq!(shop.get("orders", "2").await.unwrap(), None);
    assert_eq!(shop.get("orders", "gone").await.unwrap(), None);
    assert_eq!(shop.get("orders", "shape").await.unwrap_err().class, ErrorClass::Data);
    let before = vendor.count();
    for key in ["..", ".", ""] {
        assert_eq!(shop.get("orders", key).await.unwrap_err().class, ErrorClass::Data, "{key}");
    }
    assert_eq!(vendor.count(), before);
}

#[tokio::test]
async fn what_the_list_leaves_out_is_joined_in() {
    let enriched = manifest(
        AUTH,
        r#"
streams:
  levels:
    entity: inventory_level
    key: "{record.item}"
    enrich: { get: /items, query: { ids: "{ids}" }, records: items, id: id, by: item, as: product, batch: 2 }
    read: { request: { get: /levels }, records: levels, cursor: { kind: snapshot } }
    get: { get: /levels, query: { item: "{key}" }, record: "levels[0]" }
"#,
    );
    let vendor = Vendor::start(|_, asked| match (asked.path(), asked.query("ids"), asked.query("item")) {
        ("/levels", _, None) => json(200, r#"{"levels":[{"item":1},{"item":2},{"item":1},{"item":3},{"item":null}]}"#),
        ("/levels", _, Some("3")) => json(200, r#"{"levels":[{"item":3}]}"#),
        ("/levels", _, Some(_)) => json(200, r#"{"levels":[]}"#),
        (_, Some("1%2C2"), _) => json(200, r#"{"items":[{"id":"2","sku":"B"},{"id":1,"sku":"A"}]}"#),
        (_, Some("3"), _) => json(200, r#"{"items":[]}"#),
        _ => json(500, "{}"),
    })
    .await;
    let shop = connect(enriched, &vendor.url);
    let page = shop.read_page("levels", None, None).await.unwrap();
    let skus: Vec<_> = page.records.iter().map(|record| record["product"]["sku"].as_str()).collect();
    assert_eq!(skus, [Some("A"), Some("B"), Some("A"), None, None]);
    assert_eq!(vendor.count(), 3);
    assert_eq!(shop.get("levels", "3").await.unwrap(), Some(value!({"item": 3})));
    assert_eq!(shop.get("levels", "4").await.unwrap(), None);
}

#[tokio::test]
async fn a_connection_is_shared_by_tasks() {
    let vendor = Vendor::start(|_, _| json(200, r#"{"orders":[],"order":{"id":1}}"#)).await;
    let shop = std::sync::Arc::new(orders(&vendor.url));
    let reader = tokio::spawn({
        let shop = std::sync::Arc::clone(&shop);
        async move { shop.read_page("orders", None, None).await.is_ok() }
    });
    let writer = tokio::spawn(async move {
        let written =
            shop.write("orders", syncline::connector::manifest::OpKind::Create, &crate::setup::context()).await;
        written.is_ok() && shop.get("orders", "1").await.is_ok()
    });
    assert!(reader.await.unwrap() && writer.await.unwrap());
}

#[tokio::test]
async fn xml_answers_read_like_json() {
    let xml = stream("      request: { get: /items }\n      records: list.item[]\n      cursor: { kind: snapshot }");
    for (body, count) in [
        ("<list><item><id>1</id></item><item><id>2</id></item></list>", 2),
        ("<list><item><id>1</id></item></list>", 1),
    ] {
        let vendor = Vendor::start(move |_, _| with(200, &[("content-type", "text/xml")], body)).await;
        let page = connect(xml.clone(), &vendor.url).read_page("items", None, None).await.unwrap();
        assert_eq!(page.records.len(), count);
    }
    let bomb = "<!DOCTYPE l [<!ENTITY a \"b\">]><list>&a;</list>";
    let vendor = Vendor::start(move |_, _| with(200, &[("content-type", "text/xml")], bomb)).await;
    let error = connect(xml, &vendor.url).read_page("items", None, None).await.unwrap_err();
    assert!(error.message.contains("DOCTYPE"), "{error}");
}

#[tokio::test]
async fn a_check_says_whom_it_reached_and_whose_clock_is_off() {
    let vendor =
        Vendor::start(|_, _| with(200, &[("date", "Sun, 22 Nov 2020 10:00:00 GMT")], r#"{"name":"Acme"}"#)).await;
    let report = orders(&vendor.url).check().await.unwrap();
    assert_eq!((report.what.as_str(), report.shows.as_deref(), report.warnings.len()), ("GET /me", Some("Acme"), 1));
    assert!(report.clock_skew_s.unwrap() < -3_600);
}
