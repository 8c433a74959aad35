//! Writing: one transaction or nothing, and no second effect whatever is lost.

use serde_json::{Value, json};
use syncline::connector::call::{Lookup, WriteContext};
use syncline::connector::manifest::OpKind;
use syncline::model::ErrorClass;

use super::rig::{Rig, write};
use super::server::{Kind, PASSWORD, Server};
use super::wire::{Cut, Wire};

const ORDERS: &str = r#"orders:
  entity: order
  mapping: canonical
  write:
    to: sql
    create:
      statements:
        - name: order
          sql: "INSERT INTO orders (number, total) VALUES (:number, :total) RETURNING id"
          with: { number: "{record.number}", total: "{record.total}" }
          rows: 1
        - each: lines
          sql: "INSERT INTO lines (order_id, sku, qty) VALUES (:order, :sku, :qty)"
          with: { order: "{steps.order.id}", sku: "{item.sku}", qty: "{item.qty}" }
          rows: 1
      id: "{steps.order.id}"
      idempotency: { scheme: lookup, query: "SELECT id, number FROM orders WHERE number = :number", with: { number: "{record.number}" }, id: id }
    update:
      statements:
        - { sql: "UPDATE orders SET total = :total WHERE id = :key", with: { total: "{record.total}" }, rows: 1, message: "the order is gone" }
    delete:
      statements: [{ sql: "DELETE FROM orders WHERE id = :key" }]
"#;

fn tables(kind: Kind) -> &'static str {
    match kind {
        Kind::Postgres => {
            "CREATE TABLE orders (id bigserial PRIMARY KEY, number text NOT NULL UNIQUE, total numeric(12,2) NOT NULL);
             CREATE TABLE lines (order_id bigint REFERENCES orders, sku text NOT NULL, qty int NOT NULL CHECK (qty > 0))"
        }
        Kind::Mariadb => {
            "CREATE TABLE orders (id bigint PRIMARY KEY AUTO_INCREMENT, number varchar(50) NOT NULL UNIQUE, total decimal(12,2) NOT NULL);
             CREATE TABLE `lines` (order_id bigint, sku varchar(50) NOT NULL, qty int NOT NULL CHECK (qty > 0), FOREIGN KEY (order_id) REFERENCES orders (id))"
        }
    }
}

/// `lines` is a word of MariaDB's own.
fn streams(kind: Kind) -> String {
    match kind {
        Kind::Postgres => ORDERS.to_owned(),
        Kind::Mariadb => ORDERS.replace("INTO lines", "INTO `lines`"),
    }
}

fn order(number: &str, lines: &[i64]) -> WriteContext {
    let lines: Vec<Value> = lines.iter().map(|qty| json!({ "sku": "A'1", "qty": qty })).collect();
    write(json!({ "number": number, "total": serde_json::from_str::<Value>("19.90").unwrap(), "lines": lines }))
}

fn counts(server: &Server) -> String {
    let table = if server.kind == Kind::Mariadb { "`lines`" } else { "lines" };
    server.run(&format!("SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM {table})"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_is_one_transaction_or_nothing() {
    for kind in [Kind::Postgres, Kind::Mariadb] {
        let server = Server::start(kind);
        server.run(tables(kind));
        let rig = Rig::new(&server, "errors: [{ code: \"23514\", class: conflict, message: too few }]", &streams(kind));
        let sink = rig.sink("orders");
        let receipt = sink.write(OpKind::Create, &order("#1", &[1, 2])).await.unwrap();
        let id = receipt.remote_id.unwrap();
        assert_eq!((counts(&server).as_str(), id.as_str()), ("1\t2", "1"), "{kind:?}");
        // The last statement fails: the first one has no effect.
        let error = sink.write(OpKind::Create, &order("#2", &[1, 0])).await.unwrap_err();
        let class = if kind == Kind::Postgres { ErrorClass::Conflict } else { ErrorClass::Data };
        assert!(error.class == class && !error.sent, "{kind:?} {error}");
        assert_eq!((kind == Kind::Postgres, counts(&server).as_str()), (error.message == "too few", "1\t2"));
        let error = sink.write(OpKind::Create, &order("#1", &[])).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Conflict, "{error}");
        assert!(error.message.contains("#1") || error.message.contains("uplicate"), "{error}");
        let bound = |number: &str, key: &str| WriteContext { remote_id: Some(key.to_owned()), ..order(number, &[]) };
        sink.write(OpKind::Update, &bound("#1", &id)).await.unwrap();
        let error = sink.write(OpKind::Update, &bound("#1", "99")).await.unwrap_err();
        assert!(error.class == ErrorClass::NotFound && error.message == "the order is gone", "{error}");
        let found = sink.lookup(&order("#1", &[])).await.unwrap();
        assert_eq!(found, Lookup::Found { remote_id: id, body: json!({ "id": 1, "number": "#1" }) });
        assert_eq!(sink.lookup(&order("#3' OR '1'='1", &[])).await.unwrap(), Lookup::Absent);
        // A value that is missing is not sent as something else.
        let error = sink.write(OpKind::Create, &write(json!({ "number": "#4" }))).await.unwrap_err();
        assert!(error.class == ErrorClass::Data && error.message.contains(":total"), "{error}");
        let error = sink.write(OpKind::Create, &write(json!({ "number": null, "total": 1 }))).await.unwrap_err();
        assert!(error.class == ErrorClass::Data && !error.sent, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_end_of_a_transaction_is_an_unknown_outcome_and_a_look_up_finds_it() {
    for kind in [Kind::Postgres, Kind::Mariadb] {
        let server = Server::start(kind);
        server.run(tables(kind));
        let wire = Wire::to(server.port).await;
        let rig = Rig::at(kind, wire.port, PASSWORD, "", &streams(kind));
        let sink = rig.sink("orders");
        sink.write(OpKind::Create, &order("#0", &[1])).await.unwrap();
        for (number, at, stands) in [("#1", Cut::BeforeCommit, false), ("#2", Cut::BeforeAnswer, true)] {
            wire.cut(at);
            let error = sink.write(OpKind::Create, &order(number, &[1])).await.unwrap_err();
            assert!(error.class == ErrorClass::UnknownOutcome && error.sent, "{kind:?} {at:?} {error}");
            wire.cut(Cut::Nothing);
            let found = sink.lookup(&order(number, &[])).await.unwrap();
            assert_eq!(matches!(found, Lookup::Found { .. }), stands, "{kind:?} {at:?} {found:?}");
        }
        assert_eq!(counts(&server), "2\t2");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_in_a_transaction_leaves_nothing_and_says_so() {
    for kind in [Kind::Postgres, Kind::Mariadb] {
        let mut server = Server::start(kind);
        server.run(tables(kind));
        let (sleep, wait) = match kind {
            Kind::Postgres => (
                "SELECT pg_sleep(:s)",
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(%' AND state = 'active'",
            ),
            Kind::Mariadb => (
                "SELECT SLEEP(:s)",
                "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(%'",
            ),
        };
        let slow = streams(kind).replace(
            "        - each: lines",
            &format!("        - {{ sql: \"{sleep}\", with: {{ s: \"{{record.sleep}}\" }} }}\n        - each: lines"),
        );
        let rig = Rig::new(&server, "", &slow);
        let mut context = order("#1", &[1]);
        context.record["sleep"] = json!(20);
        let sink = rig.sink("orders");
        let writing = tokio::spawn(async move { sink.write(OpKind::Create, &context).await });
        while server.run(wait) == "0" {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        server.kill();
        let error = writing.await.unwrap().unwrap_err();
        assert!(error.class == ErrorClass::Transient && !error.sent, "{kind:?} {error}");
        server.resume();
        assert_eq!(counts(&server), "0\t0");
        // The connection that rested through it is not used again.
        let mut context = order("#1", &[1]);
        context.record["sleep"] = json!(0);
        rig.sink("orders").write(OpKind::Create, &context).await.unwrap();
        assert_eq!(counts(&server), "1\t1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_keys_keeps_a_repeat_from_a_second_effect() {
    for kind in [Kind::Postgres, Kind::Mariadb] {
        let server = Server::start(kind);
        let (tables, claim) = match kind {
            Kind::Postgres => (
                "CREATE TABLE moves (id serial PRIMARY KEY, sku text, qty int); CREATE TABLE done (key text PRIMARY KEY, id int)",
                "INSERT INTO done (key) VALUES (:idempotency_key) ON CONFLICT DO NOTHING",
            ),
            Kind::Mariadb => (
                "CREATE TABLE moves (id int PRIMARY KEY AUTO_INCREMENT, sku text, qty int); CREATE TABLE done (`key` varchar(200) PRIMARY KEY, id int)",
                "INSERT IGNORE INTO done (`key`) VALUES (:idempotency_key)",
            ),
        };
        server.run(tables);
        let key = if kind == Kind::Mariadb { "`key`" } else { "key" };
        let streams = format!(
            r#"moves:
  entity: inventory_level
  mapping: canonical
  write:
    to: sql
    create:
      statements:
        - {{ name: move, sql: "INSERT INTO moves (sku, qty) VALUES (:sku, :qty) RETURNING id", with: {{ sku: "{{record.sku}}", qty: "{{record.qty}}" }} }}
        - {{ sql: "UPDATE done SET id = :id WHERE {key} = :idempotency_key", with: {{ id: "{{steps.move.id}}" }}, rows: 1 }}
      id: "{{steps.move.id}}"
      idempotency: {{ scheme: key, claim: "{claim}", found: "SELECT id FROM done WHERE {key} = :idempotency_key", ttl: 30d }}
"#
        );
        let wire = Wire::to(server.port).await;
        let rig = Rig::at(kind, wire.port, PASSWORD, "", &streams);
        let sink = rig.sink("moves");
        let record = write(json!({ "sku": "A", "qty": 5 }));
        wire.cut(Cut::BeforeAnswer);
        assert_eq!(sink.write(OpKind::Create, &record).await.unwrap_err().class, ErrorClass::UnknownOutcome);
        wire.cut(Cut::Nothing);
        let first = sink.write(OpKind::Create, &record).await.unwrap();
        let second = sink.write(OpKind::Create, &record).await.unwrap();
        assert_eq!((first.remote_id.as_deref(), second.remote_id.as_deref()), (Some("1"), Some("1")), "{kind:?}");
        assert_eq!(server.run("SELECT count(*), sum(qty) FROM moves"), "1\t5");
    }
}
