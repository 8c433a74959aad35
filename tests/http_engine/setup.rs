//! Manifests and connections for the tests.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use syncline::config::yaml::Source;
use syncline::connector::call::WriteContext;
use syncline::connector::connection::{Connection, ConnectionError, ConnectionOptions};
use syncline::connector::http::Patience;
use syncline::connector::http::guard::EgressPolicy;
use syncline::connector::manifest::{Manifest, SettingValues};

pub const SECRET: &str = "tok-3cr3t";

/// A connector with everything the tests need; `extra` and `streams` are YAML with their own indentation.
pub fn manifest(http: &str, streams: &str) -> Arc<Manifest> {
    let text = format!(
        "connector: fake\ntitle: Fake\nsettings:\n  url: {{ format: url, required: false }}\n  token: {{ secret: true }}\n  second: {{ secret: true, required: false }}\n\
         http:\n  base_url: \"{{settings.url}}\"\n{http}\ncheck: {{ get: /me, shows: \"{{body.name}}\" }}\n{streams}"
    );
    match Manifest::parse(&Source::new("fake.yaml", text.as_str())) {
        Ok(manifest) => Arc::new(manifest),
        Err(problems) => panic!("{problems}\n{text}"),
    }
}

pub const AUTH: &str = "  auth: { scheme: header, name: X-Token, value: \"{settings.token}\" }\n  timeouts: { connect: 1s, request: 1s }\n  body_cap: 64KiB";

/// Orders that are read by time, got by id, created with a look-up and updated with a key.
pub const STREAMS: &str = r#"
streams:
  orders:
    entity: order
    key: "{record.id}"
    version: "{record.updated_at}"
    read:
      request: { get: /orders, query: { since: "{cursor}", state: any } }
      records: orders
      cursor: { kind: time, field: updated_at, overlap: 5m }
    get: { get: "/orders/{key}", record: order }
    write:
      create:
        post: /orders
        json: { order: "{record}" }
        response: { id: "{body.order.id}", version: "{body.order.updated_at}" }
        idempotency: { scheme: lookup, request: { get: /orders, query: { name: "{record.name}" } }, found: orders, id: id, matches: "candidate.name == record.name" }
      update:
        put: "/orders/{key}"
        json: { order: "{record}", note?: "{record.note?}" }
        idempotency: { scheme: header, name: Idempotency-Key, value: "{idempotency_key}", ttl: 24h }
"#;

pub fn options() -> ConnectionOptions {
    ConnectionOptions {
        egress: EgressPolicy { allow: vec!["127.0.0.0/8".parse().unwrap()], ports: Vec::new(), hosts: None },
        patience: Patience {
            budget: Duration::from_millis(50),
            retries: 2,
            pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(20),
        },
        ..ConnectionOptions::default()
    }
}

pub fn settings(manifest: &Manifest, pairs: &[(&str, &str)]) -> SettingValues {
    let given = pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    SettingValues::complete(&manifest.settings, &given).unwrap()
}

pub fn try_connect(
    manifest: Arc<Manifest>,
    url: &str,
    options: ConnectionOptions,
) -> Result<Connection, ConnectionError> {
    let settings = settings(&manifest, &[("url", url), ("token", SECRET)]);
    Connection::new("shop", manifest, &settings, options)
}

pub fn connect(manifest: Arc<Manifest>, url: &str) -> Connection {
    try_connect(manifest, url, options()).unwrap()
}

pub fn orders(url: &str) -> Connection {
    connect(manifest(AUTH, STREAMS), url)
}

pub fn context() -> WriteContext {
    WriteContext {
        key: "order/1".to_owned(),
        natural_key: "#1001".to_owned(),
        remote_id: Some("77".to_owned()),
        idempotency_key: "idem-1".to_owned(),
        record: json!({ "name": "#1001", "total": "19.90" }),
        ..WriteContext::default()
    }
}
