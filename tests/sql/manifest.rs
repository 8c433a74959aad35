//! What a manifest gets wrong about a database is told with its place, before anything connects.

use syncline::config::yaml::Source;
use syncline::connector::manifest::Manifest;

fn problems(streams: &str) -> String {
    let text = format!(
        "connector: db\ntitle: D\nsettings: {{ secret: {{ secret: true }}, shop: {{}} }}\nsql: {{ driver: postgres, host: db.example.com, database: d, user: u }}\nstreams:\n{streams}"
    );
    Manifest::parse(&Source::new("connector.yaml", text)).map(|_| String::new()).unwrap_or_else(|p| p.to_string())
}

fn read(query: &str, rest: &str) -> String {
    problems(&format!(
        "  t:\n    entity: product\n    key: \"{{record.id}}\"\n    read:\n      from: sql\n      query: \"{query}\"\n      {rest}\n"
    ))
}

fn write(statement: &str) -> String {
    problems(&format!(
        "  t:\n    entity: product\n    write:\n      to: sql\n      upsert: {{ statements: [{{ {statement} }}] }}\n"
    ))
}

#[track_caller]
fn told(problems: &str, place: &str, what: &str) {
    assert!(problems.contains(what), "{what}:\n{problems}");
    assert!(problems.contains(&format!("connector.yaml:{place}")), "{place}:\n{problems}");
}

const TIME: &str = "cursor: { kind: time, field: at }";
const GOOD: &str =
    "SELECT id, at FROM t WHERE (at, id) > (:cursor, :after.id) AND shop = :settings.shop ORDER BY at, id LIMIT :limit";

#[test]
fn a_read_that_could_lose_or_change_something_is_refused() {
    let after = format!("{TIME}\n      after: {{ id: 0 }}");
    assert_eq!(read(GOOD, &after), "");
    told(&read(GOOD, TIME), "11:", "rows of the same time would be lost");
    told(&read(&format!("{GOOD}; DELETE FROM t"), &after), "11:", "second statement");
    told(
        &read("DELETE FROM t WHERE id > :after.id", "cursor: { kind: snapshot }\n      after: { id: 0 }"),
        "11:",
        "begins with DELETE",
    );
    told(&read("SELECT id FROM t WHERE at > :cursor", &after), "11:", "does not use `:limit`");
    told(&read("SELECT id FROM t WHERE id > :after.id LIMIT :limit", &after), "11:", "does not use `:cursor`");
    told(&read(&GOOD.replace("settings.shop", "settings.secret"), &after), "11:", "secret setting `secret`");
    told(&read(&GOOD.replace("settings.shop", "settings.shopp"), &after), "11:", "no setting is named `shopp`");
    told(&read(&GOOD.replace(":settings.shop", ":shop"), &after), "11:", "no parameter `:shop`");
    told(&read(&GOOD.replace(":settings.shop", "$1"), &after), "11:", "name it");
    told(&read(GOOD, "cursor: { kind: token, field: at }\n      after: { id: 0 }"), "12:", "no such cursor");
    told(&read("SELECT id FROM t LIMIT :limit", "cursor: { kind: snapshot }"), "11:", "page by page");
    told(&read(GOOD, &format!("{after}\n      get: \"SELECT 1\"")), "14:", "get does not use `:key`");
    told(
        &read(
            "SELECT id FROM t WHERE id > :after.id LIMIT :limit",
            "after: { id: 0 }\n      outbox: { done: \"DELETE FROM t\" }",
        ),
        "13:",
        "all rows at once",
    );
}

#[test]
fn a_write_that_is_not_one_transaction_of_bound_values_is_refused() {
    assert_eq!(write(r#"sql: "INSERT INTO t VALUES (:id)", with: { id: "{record.id}" }, rows: 1..2"#), "");
    told(&write(r#"sql: "COMMIT""#), "10:", "COMMIT does not belong in a write");
    told(&write(r#"sql: "CREATE TABLE x (i int)""#), "10:", "CREATE does not belong");
    told(&write(r#"sql: "PRAGMA journal_mode = OFF""#), "10:", "PRAGMA does not belong");
    assert_eq!(write(r#"sql: "CALL book(:key)""#), "");
    told(&write(r#"sql: "INSERT INTO t VALUES (:id)""#), "10:", "no parameter `:id`");
    told(&write(r#"sql: "INSERT INTO t VALUES (1)", with: { id: "{record.id}" }"#), "10:", "does not use `:id`");
    told(&write(r#"sql: "INSERT INTO t VALUES (:id)", with: { id: "{item.id}" }"#), "10:", "`item` does not exist");
    told(&write(r#"sql: "INSERT INTO t VALUES (:id)", with: { id: "{steps.o.id}" }"#), "10:", "no earlier step");
    told(&write(r#"sql: "DELETE FROM t WHERE id = :key", rows: 2..1"#), "10:", "not a number of rows");
    let create = "  t:\n    entity: product\n    write:\n      to: sql\n      create: { statements: [{ sql: \"INSERT INTO t VALUES (:idempotency_key)\" }] }\n";
    told(&problems(create), "10:", "could create twice");
    let without = "connector: db\ntitle: D\nstreams:\n  t: { entity: product, key: \"{record.id}\", read: { from: sql, query: \"SELECT 1\", cursor: { kind: snapshot } } }\n";
    let found = Manifest::parse(&Source::new("connector.yaml", without)).unwrap_err().to_string();
    told(&found, "4:", "needs a database");
}
