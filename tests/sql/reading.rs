//! Reading: nothing is lost at the edges of pages, whatever happens to the table meanwhile; an outbox is emptied behind the hub.

use std::collections::BTreeSet;

use serde_json::json;
use syncline::connector::sql::run_script;
use syncline::model::ErrorClass;

use super::rig::{Rig, sorted, walk};
use super::server::{Kind, Server};

const STOCK: &str = r#"stock:
  entity: inventory_level
  mapping: canonical
  key: "{record.id}"
  version: "{record.changed_at}"
  read:
    from: sql
    query: "SELECT id, sku, changed_at FROM stock WHERE (changed_at, id) > (:cursor, :after.id) ORDER BY changed_at, id LIMIT :limit"
    cursor: { kind: time, field: changed_at, overlap: 5m }
    after: { id: 0 }
    page: 7
    get: "SELECT id, sku, changed_at FROM stock WHERE id = :key"
"#;

const ROWS: [(Kind, &str); 2] = [
    (
        Kind::Postgres,
        "CREATE TABLE stock (id bigint PRIMARY KEY, sku text, changed_at timestamptz(6) NOT NULL);
         INSERT INTO stock SELECT n, 'A' || n, '2026-11-20T10:00:00.123456Z'::timestamptz + (n / 20) * interval '1 microsecond'
         FROM generate_series(1, 60) n",
    ),
    (
        Kind::Mariadb,
        "CREATE TABLE stock (id bigint PRIMARY KEY, sku text, changed_at timestamp(6) NOT NULL DEFAULT current_timestamp(6));
         SET time_zone = '+00:00';
         INSERT INTO stock SELECT seq, CONCAT('A', seq),
           TIMESTAMP'2026-11-20 10:00:00.123456' + INTERVAL (seq DIV 20) MICROSECOND FROM seq_1_to_60",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_one_moment_are_all_there_across_pages_and_rows_that_change_meanwhile_come() {
    for (kind, rows) in ROWS {
        let server = Server::start(kind);
        server.run(rows);
        let rig = Rig::new(&server, "", STOCK);
        let reader = rig.reader("stock");
        let walked = walk(&reader, None, |_, _| {}).await.unwrap();
        assert_eq!(sorted(&walked.records, "id"), (1..=60).collect::<Vec<_>>(), "{kind:?}");
        assert_eq!(walked.records[0]["changed_at"], "2026-11-20T10:00:00.123456Z");
        assert_eq!(walked.cursor.as_deref(), Some("2026-11-20T10:00:00.123459Z"));
        // While it is walked, rows that were read and rows that were not move to the end.
        let walked = walk(&reader, None, |page, _| {
            let later = match kind {
                Kind::Postgres => "now()",
                Kind::Mariadb => "now(6)",
            };
            if page == 3 {
                server.run(&format!("UPDATE stock SET changed_at = {later} WHERE id IN (1, 40, 41, 60)"));
                server.run(&format!("INSERT INTO stock VALUES (61, 'new', {later})"));
            }
        });
        let walked = walked.await.unwrap();
        let seen: BTreeSet<i64> = sorted(&walked.records, "id").into_iter().collect();
        assert_eq!(seen, (1..=61).collect(), "{kind:?}");
        // Never beyond the server's clock: what commits now with a time of now is still read next time.
        let cursor = walked.cursor.unwrap();
        server.run(&match kind {
            Kind::Postgres => "INSERT INTO stock VALUES (62, 'late', now() - interval '2 minutes')".to_owned(),
            Kind::Mariadb => "INSERT INTO stock VALUES (62, 'late', now(6) - INTERVAL 2 MINUTE)".to_owned(),
        });
        let next = walk(&reader, Some(&cursor), |_, _| {}).await.unwrap();
        assert!(sorted(&next.records, "id").contains(&62), "{kind:?} {cursor}");
        assert!(!sorted(&next.records, "id").contains(&5), "only what is new is read");
        assert_eq!(reader.get("7").await.unwrap().unwrap()["sku"], "A7");
        assert_eq!(reader.get("70").await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_is_walked_by_time_by_id_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.db");
    let mut script = "CREATE TABLE stock (id INTEGER PRIMARY KEY, sku TEXT, changed_at TEXT);".to_owned();
    for id in 1..=50 {
        script.push_str(&format!("INSERT INTO stock VALUES ({id}, 'A{id}', '2026-11-20 10:00:0{}');", id / 25));
    }
    run_script(&file, &script, None).await.unwrap();
    let streams = r#"by-time:
  entity: inventory_level
  key: "{record.id}"
  read:
    from: sql
    query: >
      SELECT id, sku, strftime('%Y-%m-%dT%H:%M:%fZ', changed_at) AS changed_at FROM stock
      WHERE (strftime('%Y-%m-%dT%H:%M:%fZ', changed_at), id) > (:cursor, :after.id)
      ORDER BY changed_at, id LIMIT :limit
    cursor: { kind: time, field: changed_at, overlap: 1s }
    after: { id: 0 }
    page: 10
by-id:
  entity: inventory_level
  key: "{record.id}"
  read:
    from: sql
    query: "SELECT id, sku FROM stock WHERE id > :cursor ORDER BY id LIMIT :limit"
    cursor: { kind: id, field: id, gap_wait: 10m }
    page: 10
whole:
  entity: inventory_level
  key: "{record.sku}"
  read:
    from: sql
    query: "SELECT sku FROM stock WHERE sku > :after.sku ORDER BY sku LIMIT :limit"
    cursor: { kind: snapshot, deletions: 20% }
    after: { sku: "" }
    page: 10
"#;
    let rig = Rig::sqlite(&file, streams);
    let all: Vec<i64> = (1..=50).collect();
    let by_time = walk(&rig.reader("by-time"), None, |_, _| {}).await.unwrap();
    assert_eq!(sorted(&by_time.records, "id"), all);
    let again = walk(&rig.reader("by-time"), by_time.cursor.as_deref(), |_, _| {}).await.unwrap();
    assert_eq!(sorted(&again.records, "id"), (25..=50).collect::<Vec<_>>(), "the overlap is one second");
    // A number that is given out and not visible yet is waited for.
    run_script(&file, "INSERT INTO stock VALUES (53, 'C', '2026-11-20 10:00:02')", None).await.unwrap();
    let by_id = walk(&rig.reader("by-id"), None, |_, _| {}).await.unwrap();
    assert_eq!(sorted(&by_id.records, "id").len(), 51);
    run_script(&file, "INSERT INTO stock VALUES (51, 'B', '2026-11-20 10:00:02')", None).await.unwrap();
    let next = walk(&rig.reader("by-id"), by_id.cursor.as_deref(), |_, _| {}).await.unwrap();
    assert_eq!(sorted(&next.records, "id"), [51, 53]);
    let whole = walk(&rig.reader("whole"), None, |_, _| {}).await.unwrap();
    assert_eq!((whole.records.len(), whole.pages, whole.cursor), (52, 6, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_cannot_change_anything_and_a_row_that_cannot_be_ordered_is_told() {
    let server = Server::start(Kind::Postgres);
    server.run("CREATE TABLE t (id int, at timestamptz); INSERT INTO t VALUES (1, now())");
    server.run("CREATE FUNCTION sneak() RETURNS int LANGUAGE sql AS 'INSERT INTO t VALUES (9, now()) RETURNING 1'");
    let streams = |query: &str| {
        format!(
            "t:\n  entity: product\n  key: \"{{record.id}}\"\n  read: {{ from: sql, query: \"{query}\", cursor: {{ kind: snapshot }}, after: {{ id: 0 }}, page: 1 }}\n"
        )
    };
    for query in [
        "SELECT sneak() AS id FROM t WHERE 0 = :after.id LIMIT :limit",
        "WITH x AS (DELETE FROM t RETURNING id) SELECT id FROM x WHERE id > :after.id LIMIT :limit",
    ] {
        let rig = Rig::new(&server, "", &streams(query));
        let error = rig.reader("t").page(None, None).await.unwrap_err();
        assert!(error.class == ErrorClass::Data && error.message.contains("read-only"), "{error}");
    }
    assert_eq!(server.run("SELECT count(*) FROM t"), "1");
    let rig = Rig::new(&server, "", &streams("SELECT NULL::int AS id FROM t WHERE 0 = :after.id LIMIT :limit"));
    let error = rig.reader("t").page(None, None).await.unwrap_err();
    assert!(error.message.contains("no value in `id`"), "{error}");
    // A query that ignores where the last page ended would be walked for ever.
    let rig = Rig::new(&server, "", &streams("SELECT id FROM t WHERE :after.id > -1 ORDER BY id LIMIT :limit"));
    let error = walk(&rig.reader("t"), None, |_, _| {}).await.err().unwrap();
    assert!(error.message.contains("same page again"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.db");
    run_script(&file, "CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (1)", None).await.unwrap();
    let delete = "WITH x AS (SELECT 1) SELECT id FROM t WHERE id > :after.id LIMIT :limit";
    assert_eq!(
        walk(&Rig::sqlite(&file, &streams(delete)).reader("t"), None, |_, _| {}).await.unwrap().records.len(),
        1
    );
}

const OUTBOX: &str = r#"events:
  entity: order
  mapping: canonical
  key: "{record.number}"
  read:
    from: sql
    query: "SELECT id, payload FROM outbox WHERE sent_at IS NULL AND id > :after.id ORDER BY id LIMIT :limit"
    after: { id: 0 }
    outbox: { done: "UPDATE outbox SET sent_at = now() WHERE id = :row.id", payload: payload }
    page: 4
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_outbox_is_done_with_only_behind_what_is_durable() {
    for kind in [Kind::Postgres, Kind::Mariadb] {
        let server = Server::start(kind);
        let (table, json) = match kind {
            Kind::Postgres => {
                ("CREATE TABLE outbox (id bigserial PRIMARY KEY, payload jsonb, sent_at timestamptz)", "::jsonb")
            }
            Kind::Mariadb => {
                ("CREATE TABLE outbox (id bigint PRIMARY KEY AUTO_INCREMENT, payload json, sent_at timestamp NULL)", "")
            }
        };
        server.run(table);
        for number in 1..=10 {
            server.run(&format!(
                "INSERT INTO outbox (payload) VALUES ('{{\"number\":\"#{number}\",\"total\":0.10}}'{json})"
            ));
        }
        let rig = Rig::new(&server, "", OUTBOX);
        let waiting = || server.run("SELECT count(*) FROM outbox WHERE sent_at IS NULL");
        // It crashes after it was handed the first page.
        let reader = rig.reader("events");
        let page = reader.page(None, None).await.unwrap();
        assert_eq!((page.records.len(), waiting().as_str()), (4, "10"), "{kind:?}");
        assert_eq!(
            (&page.records[0]["number"], page.records[0]["total"].to_string()),
            (&json!("#1"), "0.10".to_owned())
        );
        drop(reader);
        let reader = rig.reader("events");
        let walked = walk(&reader, None, |_, page| {
            // Nothing of a page is marked before it is durable.
            let left: usize = waiting().parse().unwrap();
            assert!(left >= page.records.len());
        });
        let walked = walked.await.unwrap();
        let numbers: Vec<_> = walked.records.iter().map(|record| record["number"].clone()).collect();
        assert_eq!(numbers, (1..=10).map(|number| json!(format!("#{number}"))).collect::<Vec<_>>());
        assert_eq!(waiting(), "0");
    }
}
