//! Values: every digit, every character, every byte, both ways.

use serde_json::{Value, json};
use syncline::connector::manifest::OpKind;
use syncline::connector::sql::run_script;
use syncline::model::ErrorClass;

use super::rig::{Rig, walk, write};
use super::server::{Kind, Server};

const DIGITS: [&str; 5] =
    ["0.1", "0.10", "-12345678901234567890.12345678901234567890", "99999999999999999999", "0.00000000000000000001"];
const HOSTILE: [&str; 6] = ["Robert'); DROP TABLE t;--", "\"`\\'$1 :x ?", "𝔘𝔫𝔦 🦀", "tab\tline\nback\\slash", "%_", ""];

fn streams(id: &str, columns: &str, values: &str, with: &str) -> String {
    format!(
        "t:\n  entity: product\n  mapping: canonical\n  key: \"{{record.id}}\"\n  read: {{ from: sql, query: \"SELECT * FROM t WHERE {id} > :after.id ORDER BY {id} LIMIT :limit\", cursor: {{ kind: snapshot }}, after: {{ id: 0 }} }}\n  write:\n    to: sql\n    create:\n      idempotency: {{ scheme: natural }}\n      statements: [{{ sql: \"INSERT INTO t ({columns}) VALUES ({values})\", rows: 1, with: {{ {with} }} }}]\n"
    )
}

async fn all(rig: &Rig) -> Vec<Value> {
    walk(&rig.reader("t"), None, |_, _| {}).await.unwrap().records
}

#[tokio::test(flavor = "multi_thread")]
async fn decimals_and_texts_come_back_as_they_were_given() {
    let folder = tempfile::tempdir().unwrap();
    let (postgres, mariadb) = (Server::start(Kind::Postgres), Server::start(Kind::Mariadb));
    postgres.run("CREATE TABLE t (id bigint PRIMARY KEY, amount numeric, note text)");
    mariadb.run("CREATE TABLE t (id bigint PRIMARY KEY, amount decimal(60,25), note longtext) CHARACTER SET utf8mb4");
    let file = folder.path().join("t.db");
    run_script(&file, "CREATE TABLE t (id INTEGER PRIMARY KEY, amount TEXT, note TEXT)", None).await.unwrap();
    let streams = streams(
        "id",
        "id, amount, note",
        ":id, :amount, :note",
        "id: \"{record.id}\", amount: \"{record.amount}\", note: \"{record.note}\"",
    );
    let rigs = [
        (Rig::new(&postgres, "", &streams), "postgres"),
        (Rig::new(&mariadb, "", &streams), "mariadb"),
        (Rig::sqlite(&file, &streams), "sqlite"),
    ];
    for (rig, name) in &rigs {
        let sink = rig.sink("t");
        let mut given = Vec::new();
        for (id, digits) in (1_i64..).zip(DIGITS) {
            let note = HOSTILE[usize::try_from(id).unwrap()];
            let amount: Value = serde_json::from_str(digits).unwrap();
            let record = json!({ "id": id, "amount": amount, "note": note });
            sink.write(OpKind::Create, &write(record.clone())).await.unwrap();
            given.push(record);
        }
        let found = all(rig).await;
        for (given, found) in given.iter().zip(&found) {
            assert_eq!(given["note"], found["note"], "{name}");
            let digits = found["amount"].as_str().map_or_else(|| found["amount"].to_string(), str::to_owned);
            // A column of 25 places says 25.
            let (digits, wanted) = match *name {
                "mariadb" => (digits.trim_end_matches('0').trim_end_matches('.').to_owned(), {
                    let wanted = given["amount"].to_string();
                    if wanted.contains('.') { wanted.trim_end_matches('0').to_owned() } else { wanted }
                }),
                _ => (digits, given["amount"].to_string()),
            };
            assert_eq!(digits, wanted, "{name}");
        }
        // 0.1 + 0.2 stays in digits on its way through.
        let nul = json!({ "id": 90, "amount": 1, "note": "nul\u{0}byte" });
        let written = sink.write(OpKind::Create, &write(nul)).await;
        match *name {
            "postgres" => {
                let error = written.unwrap_err();
                assert!(error.class == ErrorClass::Data && !error.sent, "{error}");
            }
            _ => {
                written.unwrap();
                assert_eq!(all(rig).await.last().unwrap()["note"], "nul\u{0}byte", "{name}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_types_have_one_exact_form() {
    let server = Server::start(Kind::Postgres);
    server.run("CREATE TYPE mood AS ENUM ('ok', 'so so')");
    server.run("CREATE DOMAIN qty AS numeric CHECK (VALUE >= 0)");
    server.run(
        "CREATE TABLE t (id int PRIMARY KEY, b bool, i2 int2, i8 int8, f8 float8, n qty, v varchar(9), d date, tm time, ts timestamp,
         tz timestamptz, u uuid, j json, jb jsonb, by bytea, m mood, a int[], at text[])",
    );
    let columns = "id, b, i2, i8, f8, n, v, d, tm, ts, tz, u, j, jb, by, m, a, at";
    let names: Vec<&str> = columns.split(", ").collect();
    let values = names.iter().map(|name| format!(":{name}")).collect::<Vec<_>>().join(", ");
    let with = names.iter().map(|name| format!("{name}: \"{{record.{name}?}}\"")).collect::<Vec<_>>().join(", ");
    let rig = Rig::new(&server, "naive: Europe/Berlin", &streams("id", columns, &values, &with));
    let record = json!({
        "id": 1, "b": true, "i2": -32768, "i8": 9_223_372_036_854_775_807_i64, "f8": 0.5, "n": 7, "v": "väl", "d": "2026-02-28",
        "tm": "23:59:59.999999", "ts": "2026-07-01T10:00:00.5Z", "tz": "2026-07-01T10:00:00.000001Z",
        "u": "0190c7a8-9a1b-7c3d-8e4f-0123456789ab", "j": { "b": 1, "a": [0] }, "jb": { "a": 1.50 }, "by": "AP8=", "m": "so so",
        "a": [1, null, 3], "at": ["x,y", "\"", ""],
    });
    rig.sink("t").write(OpKind::Create, &write(record.clone())).await.unwrap();
    rig.sink("t").write(OpKind::Create, &write(json!({ "id": 2 }))).await.unwrap();
    let found = all(&rig).await;
    assert_eq!(found[0], record);
    assert_eq!(server.run("SELECT ts FROM t WHERE id = 1"), "2026-07-01 12:00:00.5", "stored as Berlin's local time");
    let empty = found[1].as_object().unwrap();
    assert!(empty.iter().all(|(name, value)| value.is_null() != (name == "id")), "{empty:?}");
    // What does not fit is refused by name, before anything is sent.
    let refused = |mut more: Value| {
        let rig = &rig;
        async move {
            more["id"] = json!(3);
            rig.sink("t").write(OpKind::Create, &write(more)).await.unwrap_err()
        }
    };
    for (wrong, name) in [
        (json!({ "i2": 40_000 }), ":i2"),
        (json!({ "b": "maybe" }), ":b"),
        (json!({ "d": "2026-02-30" }), ":d"),
        (json!({ "by": "#" }), ":by"),
        (json!({ "u": "1" }), ":u"),
        (json!({ "a": 1 }), ":a"),
    ] {
        let error = refused(wrong).await;
        assert!(error.class == ErrorClass::Data && error.message.contains(name), "{error}");
    }
    let error = refused(json!({ "n": -1 })).await;
    assert!(error.class == ErrorClass::Data && error.message.contains("23514"), "{error}");
    // A timestamp without zone means nothing until the manifest says which.
    let unstated = Rig::new(&server, "", &streams("id", "id", ":id", "id: \"{record.id}\""));
    let error = unstated.reader("t").page(None, None).await.unwrap_err();
    assert!(
        error.class == ErrorClass::Data && error.message.contains("`ts`") && error.message.contains("naive"),
        "{error}"
    );
    server.run("CREATE TABLE odd (id int, net inet); INSERT INTO odd VALUES (1, '10.0.0.1')");
    let odd = streams("id", "id", ":id", "id: \"{record.id}\"").replace("FROM t", "FROM odd");
    let error = Rig::new(&server, "", &odd).reader("t").page(None, None).await.unwrap_err();
    assert!(error.message.contains("`net`") && error.message.contains("CAST"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_types_have_one_exact_form() {
    let server = Server::start(Kind::Mariadb);
    server.run(
        "CREATE TABLE t (id int PRIMARY KEY, flag tinyint(1), ub bigint unsigned, d decimal(30,10), da date, tm time(6), dt datetime(6),
         ts timestamp(6) NULL, y year, b varbinary(9), bits bit(9), e enum('ok','so so'), j json, f double)",
    );
    let columns = "id, flag, ub, d, da, tm, dt, ts, y, b, bits, e, j, f";
    let names: Vec<&str> = columns.split(", ").collect();
    let values = names.iter().map(|name| format!(":{name}")).collect::<Vec<_>>().join(", ");
    let with = names.iter().map(|name| match *name {
        "ts" => "ts: { value: \"{record.ts?}\", as: time }".to_owned(),
        "b" => "b: { value: \"{record.b?}\", as: bytes }".to_owned(),
        name => format!("{name}: \"{{record.{name}?}}\""),
    });
    let with = with.collect::<Vec<_>>().join(", ");
    let streams = streams("id", columns, &values, &with)
        .replace("cursor: { kind: snapshot }", "json: [j], cursor: { kind: snapshot }");
    let rig = Rig::new(&server, "naive: UTC\ntinyint1: bool", &streams);
    let record = json!({
        "id": 1, "flag": true, "ub": u64::MAX, "d": serde_json::from_str::<Value>("12345678901234567890.0123456789").unwrap(),
        "da": "2026-02-28", "tm": "-01:02:03.000004", "dt": "2026-07-01 10:00:00.5", "ts": "2026-07-01T10:00:00.000001Z", "y": 2026,
        "b": "AP8=", "bits": 257, "e": "so so", "j": { "a": [1.50] }, "f": 0.5,
    });
    rig.sink("t").write(OpKind::Create, &write(record.clone())).await.unwrap();
    rig.sink("t").write(OpKind::Create, &write(json!({ "id": 2 }))).await.unwrap();
    let found = all(&rig).await;
    let mut wanted = record;
    wanted["dt"] = json!("2026-07-01T10:00:00.5Z");
    assert_eq!(found[0], wanted);
    assert!(found[1].as_object().unwrap().iter().all(|(name, value)| value.is_null() != (name == "id")));
    // What does not fit is refused, not cut.
    for wrong in [json!({ "ub": -1 }), json!({ "e": "bad" }), json!({ "da": "2026-02-30" }), json!({ "d": "x" })] {
        let mut wrong = wrong;
        wrong["id"] = json!(3);
        let error = rig.sink("t").write(OpKind::Create, &write(wrong)).await.unwrap_err();
        assert!(error.class == ErrorClass::Data && !error.sent, "{error}");
    }
    assert_eq!(server.run("SELECT count(*) FROM t"), "2");
}
