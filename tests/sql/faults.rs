//! What goes wrong has a class, a cause and a next step, and never shows a secret.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use syncline::connector::connection::ConnectionOptions;
use syncline::connector::manifest::{OpKind, SettingValues};
use syncline::connector::sql::Database;
use syncline::model::ErrorClass;

use super::rig::{Rig, indent, local, manifest, section, write};
use super::server::{Kind, PASSWORD, Server, USER};

const PAIR: &str = r#"pair:
  entity: product
  mapping: canonical
  key: "{record.id}"
  read:
    from: sql
    query: "SELECT id FROM pair WHERE id > :after.id ORDER BY id LIMIT :limit"
    cursor: { kind: snapshot }
    after: { id: 0 }
  write:
    to: sql
    set:
      statements:
        - { sql: "UPDATE pair SET n = n + 1 WHERE id = :a", with: { a: "{record.a}" }, rows: 1 }
        - { sql: "SLEEP" }
        - { sql: "UPDATE pair SET n = n + 1 WHERE id = :b", with: { b: "{record.b}" }, rows: 1 }
"#;

fn pair(kind: Kind, sleep: &str) -> String {
    let call = match kind {
        Kind::Postgres => format!("SELECT pg_sleep({sleep})"),
        Kind::Mariadb => format!("SELECT SLEEP({sleep})"),
    };
    PAIR.replace("SLEEP", &call)
}

fn table(server: &Server) {
    server.run("CREATE TABLE pair (id int PRIMARY KEY, n int NOT NULL)");
    server.run("INSERT INTO pair VALUES (1, 0), (2, 0)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_tried_again_and_has_no_half_effect() {
    for kind in [Kind::Postgres, Kind::Mariadb] {
        let server = Server::start(kind);
        table(&server);
        let rig = Rig::new(&server, "", &pair(kind, "0.7"));
        let write = |a: i64, b: i64| {
            let sink = Arc::new(rig.sink("pair"));
            async move { sink.write(OpKind::Set, &write(json!({ "a": a, "b": b }))).await }
        };
        let (one, two) = tokio::join!(write(1, 2), write(2, 1));
        let failed: Vec<_> = [one, two].into_iter().filter_map(Result::err).collect();
        assert_eq!(failed.len(), 1, "{kind:?} {failed:?}");
        assert!(failed[0].class == ErrorClass::Transient && !failed[0].sent, "{}", failed[0]);
        assert!(failed[0].message.to_lowercase().contains("deadlock"), "{}", failed[0]);
        assert_eq!(server.run("SELECT sum(n) FROM pair"), "2", "the other's both updates and nothing else");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_is_ended_by_the_server() {
    for kind in [Kind::Postgres, Kind::Mariadb] {
        let server = Server::start(kind);
        table(&server);
        let endless = match kind {
            Kind::Postgres => pair(kind, "30"),
            Kind::Mariadb => PAIR.replace(
                "SLEEP",
                "SELECT count(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b WHERE a.seq + b.seq = 7",
            ),
        };
        let rig = Rig::new(&server, "timeouts: { statement: 300ms }", &endless);
        let began = std::time::Instant::now();
        let sink = rig.sink("pair");
        let error = sink.write(OpKind::Set, &write(json!({ "a": 1, "b": 2 }))).await.unwrap_err();
        assert!(error.class == ErrorClass::Transient && !error.sent, "{error}");
        assert!(error.message.contains("statement timeout") || error.message.contains("1969"), "{error}");
        assert_eq!(server.run("SELECT sum(n) FROM pair"), "0");
        assert!(began.elapsed().as_secs() < 20, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_checked_and_the_hubs_own_file_is_not_for_connectors() {
    let server = Server::start(Kind::Postgres);
    table(&server);
    let (other, authority) = server.encrypt("localhost");
    let streams = pair(Kind::Postgres, "0");
    let rig = |host: &str, tls: &str, authority: &str| {
        let text = format!("{}streams:\n{}", section(Kind::Postgres, ""), indent(&streams));
        let text = text.replace("host: 127.0.0.1", &format!("host: {host}"));
        let text = text.replace("  shop: {", "  authority: {}\n  shop: {");
        let text = text.replace("tls: \"off\"", &format!("tls: {tls}\n  authority: \"{{settings.authority}}\""));
        let authority = ("authority", authority.replace('\n', "\\n"));
        let given = [("port", server.port.to_string()), ("password", PASSWORD.to_owned()), authority];
        Rig::of(manifest(&text), &given, local())
    };
    let read = |rig: Rig| async move { rig.reader("pair").page(None, None).await };
    assert_eq!(read(rig("localhost", "verify", &authority)).await.unwrap().records.len(), 2);
    assert_eq!(read(rig("127.0.0.1", "require", &authority)).await.unwrap().records.len(), 2);
    let error = read(rig("localhost", "verify", &other)).await.unwrap_err();
    assert!(error.class == ErrorClass::Transient && error.message.contains("cannot connect"), "{error}");
    assert!(read(rig("127.0.0.1", "verify", &authority)).await.is_err(), "the certificate is not of this name");

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hub.db"), "").unwrap();
    std::fs::create_dir(folder.path().join("x")).unwrap();
    let text = "connector: db\ntitle: D\nsql: { driver: sqlite, file: x/../hub.db }\nstreams: { t: { entity: product, write: { to: sql, delete: { statements: [{ sql: \"DELETE FROM jobs WHERE 1 = :key\" }] } } } }\n";
    let parsed = manifest(text);
    let values = SettingValues::complete(&parsed.settings, &BTreeMap::new()).unwrap();
    let refused = Database::new("db", &parsed, &values, &local(), folder.path(), folder.path());
    assert!(refused.unwrap_err().to_string().contains("hub's own"));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_rights_and_addresses_are_told_apart_and_nothing_shows_a_secret() {
    for kind in [Kind::Postgres, Kind::Mariadb] {
        let server = Server::start(kind);
        table(&server);
        let mut said = Vec::new();
        let wrong = "wr0ng-secret-77";
        let rig = Rig::at(kind, server.port, wrong, "", &pair(kind, "0"));
        let error = rig.reader("pair").page(None, None).await.unwrap_err();
        assert!(error.class == ErrorClass::Auth && !error.sent, "{error}");
        said.push(error.to_string());
        // A URL that holds the password.
        let encoded = PASSWORD.replace('/', "%2F").replace('@', "%40").replace('\'', "%27");
        let scheme = if kind == Kind::Postgres { "postgres" } else { "mysql" };
        for (port, class) in [(server.port, None), (1, Some(ErrorClass::Transient))] {
            let text = format!(
                "connector: db\ntitle: Database\nsettings: {{ url: {{ secret: true }} }}\nsql: {{ driver: {scheme}, url: \"{{settings.url}}\", tls: \"off\" }}\ncheck: {{ query: \"SELECT 'it is ' || '{{{{settings.url}}}}' AS who\" }}\nstreams:\n{}",
                indent(&pair(kind, "0"))
            );
            let url = format!("{scheme}://{USER}:{encoded}@127.0.0.1:{port}/shop");
            let rig = Rig::of(manifest(&text), &[("url", url)], local());
            match (rig.database.check().await, class) {
                (Ok(report), None) => said.push(format!("{report:?}")),
                (Err(error), Some(class)) => {
                    assert_eq!(error.class, class, "{error}");
                    said.push(error.to_string());
                }
                (found, _) => panic!("{found:?}"),
            }
            said.push(format!("{:?}", rig.database));
        }
        // An address that nobody allowed.
        let text = format!("{}streams:\n{}", section(kind, ""), indent(&pair(kind, "0")));
        let given = [("port", server.port.to_string()), ("password", PASSWORD.to_owned())];
        let rig = Rig::of(manifest(&text), &given, ConnectionOptions::default());
        let error = rig.reader("pair").page(None, None).await.unwrap_err();
        assert!(error.class == ErrorClass::Permission && error.next_step.contains("allow_networks"), "{error}");
        // A table without rights, and one that is not there.
        let other = match kind {
            Kind::Postgres => "pg_authid",
            Kind::Mariadb => "mysql.global_priv",
        };
        let query = format!("SELECT 1 AS id FROM {other} WHERE 0 = :after.id LIMIT :limit");
        for (query, class) in [
            (query, ErrorClass::Permission),
            ("SELECT 1 AS id FROM nowhere WHERE 0 = :after.id LIMIT :limit".to_owned(), ErrorClass::Data),
        ] {
            let streams =
                pair(kind, "0").replace("SELECT id FROM pair WHERE id > :after.id ORDER BY id LIMIT :limit", &query);
            let error = Rig::new(&server, "", &streams).reader("pair").page(None, None).await.unwrap_err();
            assert_eq!(error.class, class, "{error}");
            said.push(error.to_string());
        }
        for text in said {
            assert!(![PASSWORD, encoded.as_str(), wrong].iter().any(|secret| text.contains(secret)), "{text}");
        }
    }
}
