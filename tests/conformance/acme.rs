//! A made-up connector that claims every behaviour and proves it; the tests break it, one thing at a time.

use std::collections::BTreeMap;
use std::path::Path;

use syncline::conformance::{self, Behaviour, Report, Verdict};
use syncline::connector::registry::Registry;

const MANIFEST: &str = r#"connector: acme
title: Acme
settings:
  base_url:       { format: url, title: Address }
  client_id:      { title: Client id }
  client_secret:  { secret: true, title: Client secret }
  webhook_secret: { secret: true, title: Webhook secret }
  drop:           { format: folder, title: Folder }
http:
  base_url: "{settings.base_url}/v2"
  auth: { scheme: oauth2_client_credentials, token_url: "{settings.base_url}/oauth/token", client_id: "{settings.client_id}", client_secret: "{settings.client_secret}" }
  errors:
    - { status: 422, class: data, message: "{body.error}" }
  rate_limit: { scheme: fixed_window, requests: 100, per: 1m, remaining_header: X-Left, reset_header: X-Reset }
check: { get: /me, shows: "{body.name}" }
webhooks:
  verify: { scheme: hmac, hash: sha256, headers: [X-Acme-Signature], encoding: hex, content: "{timestamp}.{body}", timestamp: { header: X-Acme-Time, unit: seconds, tolerance: 5m }, secrets: ["{settings.webhook_secret}"] }
  topic: ["{headers['x-acme-topic']}"]
  dedupe: ["{headers['x-acme-delivery']}"]
  subscriptions: { list: { get: /hooks }, records: data, id: id, topic: topic, url: url, active: subscription.on, create: { post: /hooks, json: { topic: "{topic}", url: "{url}" } }, renew: { put: "/hooks/{id}", json: { on: true } } }
streams:
  orders:
    title: Orders
    entity: order
    key: "{record.id}"
    version: "{record.updated_at}"
    read:
      request: { get: /orders, query: { since: "{cursor}" } }
      records: data
      pages: { scheme: page_number, param: page, size_param: size, size: 2 }
      cursor: { kind: time, field: updated_at, overlap: 2m }
    get: { get: "/orders/{key}", record: order }
    webhook:
      topics: { order.created: upsert }
    write:
      create:
        post: /orders
        json: { order: "{record}" }
        response: { id: "{body.id}" }
        idempotency: { scheme: lookup, request: { get: /orders, query: { number: "{record.number}" } }, found: data, id: id, matches: candidate.number == record.number }
      update:
        put: "/orders/{key}"
        json: { order: "{record}" }
        response: { id: "{body.id}" }
        idempotency: { scheme: natural }
      upsert:
        post: /upserts
        json: { order: "{record}" }
        response: { id: "{body.id}" }
        idempotency: { scheme: header, name: Idempotency-Key, value: "{idempotency_key}", ttl: 24h }
  stock:
    title: Stock files
    entity: inventory_level
    key: "{record.sku}:{record.location}"
    version: none
    read:
      from: file
      folder: "{settings.drop}"
      pattern: stock_*.csv
      marker: { scheme: suffix, suffix: .done }
      mode: snapshot
      format: { type: csv, columns: first_row, required: [sku, location, on_hand] }
    write:
      to: file
      folder: "{settings.drop}"
      name: "out_{batch.sequence}.csv"
      format: { type: csv, columns: [sku, location, on_hand] }
"#;

const ORDER: &str = r#"mapping: acme/order
in:
  number: number
  placed_at: placed_at
  updated_at: updated_at
  currency: currency
  total: { money: total }
  payment_status: { from: paid, values: paid }
out:
  number: number
tests:
  - name: in
    given: { number: "1", placed_at: "2026-11-20T08:00:00Z", updated_at: "2026-11-20T08:00:00Z", currency: EUR, total: "1.00", paid: "yes" }
    expect: { number: "1", payment_status: paid }
  - name: out
    direction: out
    given: { number: "1", placed_at: "2026-11-20T08:00:00Z", currency: EUR, total: { amount_minor: 1, currency: EUR } }
    expect: { number: "1" }
"#;

const LEVEL: &str = r#"mapping: acme/inventory_level
in: { sku: sku, location: location, on_hand: on_hand }
out: { sku: sku, location: location, on_hand: on_hand }
tests:
  - { name: in, given: { sku: A, location: B, on_hand: "1" }, expect: { sku: A } }
  - { name: out, direction: out, given: { sku: A, location: B, on_hand: "1" }, expect: { sku: A } }
"#;

const VALUES: &str = "values: acme\ncrosswalks:\n  paid: { \"yes\": paid, \"no\": unpaid }\n";

pub const TOKEN: &str = r#"{ ask: { post: /oauth/token, form: { grant_type: client_credentials } }, answer: { json: { access_token: token-fixture-81b2, token_type: bearer, expires_in: 3600 } } }"#;

pub const OTHERS: &str = r#"{ id: 6, topic: order.created, url: "https://other.example.com", on: true }"#;
pub const OURS: &str = r#"{ id: 7, topic: order.created, url: "https://hub.example.com/hooks/connection", on: true }"#;

const ORDER_OUT: &str = r##"canonical: { number: "#1", placed_at: "2026-11-20T08:00:00Z", currency: EUR, total: { amount_minor: 1, currency: EUR } }"##;

/// The files of the installation, by path.
pub struct Acme(BTreeMap<String, String>);

impl Acme {
    pub fn new() -> Acme {
        let mut acme = Acme(BTreeMap::new());
        acme.file("connectors/acme/connector.yaml", MANIFEST);
        acme.file("connectors/acme/README.md", "# Acme\n");
        acme.file("mappings/acme/order.yaml", ORDER);
        acme.file("mappings/acme/inventory_level.yaml", LEVEL);
        acme.file("mappings/acme/values.yaml", VALUES);
        acme.fixture("settings.yaml", "base_url: \"{base}\"\nclient_id: acme-client\nclient_secret: fixture-secret-7d1c\nwebhook_secret: fixture-hook-secret-9a0e\ndrop: \"{folder}/drop\"\n");
        acme.scenario("check", &format!("exchanges:\n  - {TOKEN}\n  - {{ ask: {{ get: /v2/me }}, answer: {{ json: {{ name: Acme Ltd }} }} }}\nexpect: {{ shows: Acme Ltd }}\n"));
        acme.scenario("login", &format!("exchanges:\n  - {TOKEN}\n  - {{ ask: {{ get: /v2/me, headers: {{ authorization: Bearer token-fixture-81b2 }} }}, answer: {{ json: {{ name: Acme Ltd }} }} }}\nexpect: {{ shows: Acme Ltd }}\n"));
        acme.scenario("read", &format!(
            r#"stream: orders
cursor: "2026-11-20T08:00:00Z"
exchanges:
  - {TOKEN}
  - ask: {{ get: /v2/orders, query: {{ page: 1, size: 2, since: "2026-11-20T07:58:00Z" }} }}
    answer: {{ json: {{ data: [{{ id: 1, updated_at: "2026-11-20T08:01:00Z" }}, {{ id: 2, updated_at: "2026-11-20T08:02:00Z" }}] }} }}
  - ask: {{ get: /v2/orders, query: {{ page: 2 }} }}
    answer: {{ json: {{ data: [{{ id: 3, updated_at: "2026-11-20T08:03:00Z" }}] }} }}
expect:
  records: [{{ key: "1", version: "2026-11-20T08:01:00Z" }}, {{ key: "2" }}, {{ key: "3" }}]
  cursor: "2026-11-20T08:03:00Z"
"#
        ));
        acme.scenario("get", &format!("stream: orders\nkey: \"1\"\nexchanges:\n  - {TOKEN}\n  - {{ ask: {{ get: /v2/orders/1 }}, answer: {{ json: {{ order: {{ id: 1 }} }} }} }}\nexpect: {{ found: true }}\n"));
        for (op, line, key) in [
            ("create", "post: /v2/orders", ""),
            ("update", "put: /v2/orders/77", "key: \"77\"\n"),
            ("upsert", "post: /v2/upserts", ""),
        ] {
            let lookup = if op == "create" {
                "lookup:\n  absent: [TOKEN, { ask: { get: /v2/orders, query: { number: \"#1\" } }, answer: { json: { data: [] } } }]\n  found: [TOKEN, { ask: { get: /v2/orders, query: { number: \"#1\" } }, answer: { json: { data: [{ id: 77, number: \"#1\" }] } } }]\n".replace("TOKEN", TOKEN)
            } else {
                String::new()
            };
            acme.named(op, "write", &format!("stream: orders\nop: {op}\n{key}{ORDER_OUT}\nexchanges:\n  - {TOKEN}\n  - {{ ask: {{ {line}, json: {{ order: {{ number: \"#1\" }} }} }}, answer: {{ json: {{ id: 77 }} }}, effect: true }}\n{lookup}expect: {{ id: \"77\" }}\n"));
        }
        acme.named("refused", "write", &format!("stream: orders\nop: update\nkey: \"77\"\n{ORDER_OUT}\nexchanges:\n  - {TOKEN}\n  - {{ ask: {{ put: /v2/orders/77 }}, answer: {{ status: 422, json: {{ error: no such number }} }}, effect: true }}\nexpect: {{ error: {{ class: data, message: no such number }} }}\n"));
        acme.scenario("webhook", "at: 2026-11-20T08:00:05Z\nheaders: { x-acme-topic: order.created, x-acme-delivery: d-1 }\nsign: true\njson: { id: 1, updated_at: \"2026-11-20T08:01:00Z\" }\nexpect: { events: [{ stream: orders, op: upsert, key: \"1\" }] }\n");
        acme.scenario("limit", &format!("exchanges:\n  - {TOKEN}\n  - {{ ask: {{ get: /v2/me }}, answer: {{ headers: {{ x-left: \"0\", x-reset: \"30\" }}, json: {{ name: Acme Ltd }} }} }}\nexpect: {{ wait: 30s }}\n"));
        for (name, listed, change, expect) in [
            (
                "hooks_missing",
                OTHERS,
                "\n  - { ask: { post: /v2/hooks, json: { topic: order.created, url: \"https://hub.example.com/hooks/connection\" } }, answer: { status: 201, json: {} } }",
                "restored: [order.created]",
            ),
            ("hooks_there", OURS, "", "restored: []"),
            (
                "hooks_off",
                OURS,
                "\n  - { ask: { put: /v2/hooks/7, json: { on: true } }, answer: { json: {} } }",
                "renewed: [order.created]",
            ),
        ] {
            let listed = if name == "hooks_off" { listed.replace("on: true", "on: false") } else { listed.to_owned() };
            acme.named(name, "subscriptions", &format!("exchanges:\n  - {TOKEN}\n  - {{ ask: {{ get: /v2/hooks }}, answer: {{ json: {{ data: [{listed}] }} }} }}{change}\nexpect: {{ {expect} }}\n"));
        }
        acme.fixture("stock_1.csv", "sku,location,on_hand\nA,WH1,5\n");
        acme.scenario("file_in", "stream: stock\nfile: stock_1.csv\nexpect: { records: [{ key: \"A:WH1\" }] }\nrefused:\n  - { replace: { \"on_hand\": \"stock\" }, reason: on_hand }\n");
        acme.fixture("golden.csv", "sku,location,on_hand\r\nA,WH1,5\r\n");
        acme.scenario(
            "file_out",
            "stream: stock\ncanonical: [{ sku: A, location: WH1, on_hand: \"5\" }]\nexpect: { file: golden.csv }\n",
        );
        acme
    }

    fn file(&mut self, path: &str, text: &str) {
        self.0.insert(path.to_owned(), text.to_owned());
    }

    fn fixture(&mut self, name: &str, text: &str) {
        self.file(&format!("connectors/acme/fixtures/{name}"), text);
    }

    fn scenario(&mut self, kind: &str, rest: &str) {
        self.named(kind, kind, rest);
    }

    fn named(&mut self, name: &str, kind: &str, rest: &str) {
        self.fixture(&format!("{name}.yaml"), &format!("fixture: {kind}\nsource: made up\n{rest}"));
    }

    /// With other words in one file; they must be there.
    #[track_caller]
    pub fn changed(mut self, path: &str, from: &str, to: &str) -> Acme {
        let path = if path.contains('/') { path.to_owned() } else { format!("connectors/acme/fixtures/{path}") };
        let text = self.0.get_mut(&path).unwrap();
        assert!(text.contains(from), "{path} has no `{from}`");
        *text = text.replace(from, to);
        self
    }

    pub fn manifest(self, from: &str, to: &str) -> Acme {
        self.changed("connectors/acme/connector.yaml", from, to)
    }

    /// Where these words of the manifest stand, as reports name it: line and column, both from one.
    #[track_caller]
    pub fn place(&self, words: &str) -> String {
        let text = &self.0["connectors/acme/connector.yaml"];
        let before = &text[..text.find(words).unwrap_or_else(|| panic!("the manifest has no `{words}`"))];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        format!("{}:{}", before.matches('\n').count() + 1, before.len() - line_start + 1)
    }

    #[track_caller]
    pub fn without(mut self, name: &str) -> Acme {
        assert!(self.0.remove(&format!("connectors/acme/fixtures/{name}")).is_some());
        self
    }

    /// With one fixture more.
    pub fn with(mut self, name: &str, kind: &str, rest: &str) -> Acme {
        self.named(name, kind, rest);
        self
    }

    pub fn write(&self, folder: &Path) {
        for (path, text) in &self.0 {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    pub async fn test(&self) -> Report {
        let folder = tempfile::tempdir().unwrap();
        self.write(folder.path());
        let registry = match Registry::load(folder.path()) {
            Ok(registry) => registry,
            Err(problems) => panic!("{problems}"),
        };
        conformance::test(&registry, folder.path(), "acme").await.unwrap().unwrap()
    }

    pub fn reported(self, check: impl Fn(&Report)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        check(&runtime.block_on(self.test()));
    }

    /// The suite must refuse this behaviour, with these words.
    #[track_caller]
    pub fn refused(self, behaviour: Behaviour, reason: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let report = runtime.block_on(self.test());
        let problems = report.verdict(behaviour).problems();
        assert!(problems.iter().any(|problem| problem.contains(reason)), "{behaviour:?}: {problems:#?}\n{report:#?}");
    }

    /// The suite must miss a fixture.
    #[track_caller]
    pub fn missing(self, behaviour: Behaviour, what: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let report = runtime.block_on(self.test());
        let Verdict::Missing { what: missing } = report.verdict(behaviour) else { panic!("{report:#?}") };
        assert!(missing.iter().any(|missing| missing.contains(what)), "{missing:?}");
    }
}
