//! The shipped connectors and configuration files, as an installation reads them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "config/guide.rs"]
mod guide;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use syncline::config::yaml::{Diagnostics, Source};
use syncline::config::{Config, Database, Environment, Mode, load_with, starter_files};
use syncline::connector::manifest::{Idempotency, Manifest, OpKind, Write};
use syncline::connector::registry::{Origin, Registry};

struct Variables(HashMap<&'static str, &'static str>);

impl Environment for Variables {
    fn variable(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|value| (*value).to_owned())
    }
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

const VARIABLES: [(&str, &str); 4] = [
    ("SHOP_TOKEN", "shpat_0123456789"),
    ("STRIPE_KEY", "sk_test_abcdef"),
    ("ERP_PASSWORD", "hunter2hunter2"),
    ("PORT", "9000"),
];

fn read(files: &[(&str, &str)]) -> Result<Config, Diagnostics> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    load_with(folder.path(), &Variables(VARIABLES.into()))
}

#[track_caller]
fn accepted(files: &[(&str, &str)]) -> Config {
    read(files).unwrap_or_else(|problems| panic!("{problems}"))
}

#[track_caller]
fn refused(files: &[(&str, &str)]) -> Diagnostics {
    match read(files) {
        Ok(_) => panic!("accepted"),
        Err(problems) => problems,
    }
}

const WHOLE: &str = r#"
hub:
  listen: 127.0.0.1:${PORT}
  public_url: https://hub.example.com/
  database: sqlite:data/syncline.db
connections:
  shop:
    connector: shopify
    settings:
      shop: acme.myshopify.com
      location_id: 655441491
      access_token: ${SHOP_TOKEN}
      webhook_secret: ${file:secrets/shop}
  psp:
    connector: stripe
    settings: { secret_key: "${STRIPE_KEY}", webhook_secret: whsec_written_in_clear }
  erp:
    connector: sandbox-erp
    settings: { base_url: "http://127.0.0.1:9002", username: hub, password: "${ERP_PASSWORD}", drop_dir: drop }
    allow_networks: [127.0.0.0/8]
flows:
  orders-to-erp:
    from: shop.orders
    to: erp.orders
    when: record.payment_status in ["paid", "authorised"]
    needs: [customer.email, lines.sku]
    deliver: every
    mode: live
    retry: gentle
    freshness: 2m
    brake: { changes_per_run: 20% }
  payments-to-erp: { from: psp.payments, to: erp.payments, mode: canary, canary: 5% }
  stock-to-shop:
    from: erp.stock
    to: shop.inventory
    deliver: latest
    mode: shadow
    publish: on_hand - committed - 2
    brake: { zero_stock: 5% }
  shipments-to-shop: { from: erp.deliveries, to: shop.fulfilments, needs: [order], mode: live, retry: patient }
ownership: { order.payment_status: psp, order.fulfilment_status: erp }
retry:
  gentle: { first_delay: 30s, max_delay: 1h, give_up_after: 3d }
"#;

fn whole(text: &str) -> Vec<(&str, &str)> {
    vec![("syncline.yaml", text), ("secrets/shop", "shpss_from_a_file\n")]
}

#[test]
fn a_whole_configuration_is_linked() {
    let config = accepted(&whole(WHOLE));
    assert_eq!(config.hub.listen.to_string(), "127.0.0.1:9000");
    assert_eq!(config.hub.public_url.as_deref(), Some("https://hub.example.com"));
    assert!(
        matches!(&config.hub.database, Database::Sqlite { path } if path.ends_with("data/syncline.db") && path.is_absolute())
    );
    let shop = config.connection("shop").unwrap();
    let settings = shop.settings.expose();
    assert_eq!(settings["access_token"], "shpat_0123456789");
    assert_eq!(settings["webhook_secret"], "shpss_from_a_file");
    assert_eq!(settings["location_id"], 655_441_491);
    assert_eq!(settings["base_url"], "https://acme.myshopify.com");
    assert_eq!(settings["webhook_secret_old"], "");
    assert_eq!(shop.secrets().count(), 2);
    let flow = config.flow("orders-to-erp").unwrap();
    assert_eq!((flow.entity.as_str(), flow.retry.name.as_str()), ("order", "gentle"));
    assert!(
        matches!(config.flow("payments-to-erp").unwrap().mode, Mode::Canary { share } if share.basis_points == 500)
    );
    assert_eq!(config.ownership.len(), 2);
    assert_eq!(config.warnings.len(), 1, "{}", config.warnings);
}

#[test]
fn printing_a_configuration_shows_no_secret() {
    let config = accepted(&whole(WHOLE));
    let secrets: Vec<String> =
        config.connections.iter().flat_map(|c| c.secrets().map(|s| s.expose_secret().to_owned())).collect();
    assert_eq!(secrets.len(), 5);
    let printed = format!("{config:?} {} {}", config.warnings, config.warnings.to_json());
    for connection in &config.connections {
        assert!(!connection.settings.masked().to_string().contains("hunter2"));
    }
    for secret in secrets {
        assert!(!printed.contains(&secret), "{secret} is printed");
    }
    assert!(printed.contains("REDACTED"));
}

#[test]
fn the_version_follows_every_file() {
    let version = |files: &[(&str, &str)]| accepted(files).version;
    let first = version(&whole(WHOLE));
    assert_eq!(first, version(&whole(WHOLE)));
    assert_eq!((first.as_str().len(), first.short().len()), (64, 12));
    let changed = WHOLE.replace("5%", "6%");
    assert_ne!(first, version(&whole(&changed)));
    let mut mapped = whole(WHOLE);
    mapped.push(("mappings/stripe/values.yaml", "values: stripe\n"));
    assert_ne!(first, version(&mapped));
    // What a reference stands for is no part of it: a rotated secret is no new configuration.
    let mut rotated = whole(WHOLE);
    rotated[1].1 = "another secret";
    assert_eq!(first, version(&rotated));
}

/// An ops person's bad day: mistakes in every section, all in one run.
#[test]
fn every_mistake_is_reported_at_once() {
    let text = r#"
hub:
  listen: 8470
  publik_url: https://hub.example.com
  database: mysql://root:pw@db/x
  limits: { workers: 0, webhook_body: 2MB }
connections:
  shop:
    connector: shopfy
    settings: { shop: acme.myshopify.com, access_token: very-secret-token }
  Shop 2:
    connector: shopify
    settings:
      shop: https://acme.myshopify.com/
      acces_token: ${SHOP_TOKEN}
      access_token: ${MISSING_TOKEN}
      webhook_secret: ${file:secrets/none}
  psp:
    connector: stripe
    settings: { secret_key: "${STRIPE_KEY}", webhook_secret: "${STRIPE-HOOK}" }
    enabled: yes
    allow_networks: [10.0.0.0/33]
  erp:
    connector: sandbox-erp
    settings: { base_url: "http://127.0.0.1:9002", username: hub, password: "${ERP_PASSWORD}", drop_dir: drop }
flows:
  a: { from: erp.orders, to: erp.stock, mode: live }
  b: { from: erp.payments, to: erp.ordrs, mode: payused }
  c: { from: erp.deliveries, to: erp.orders, mode: live, retry: gentel }
  d: { from: psq.payments, to: erp.payments, mode: canary }
  e:
    from: erp.stock
    to: erp.stock
    mode: live
    when: record.sky == "x" && recrod.sku == "y"
    needs: [skus]
    publish: on_hand - comitted
    freshness: 5
ownership: { order.payment_statos: psp, ordr.total: erp, order.total: nobody }
retry:
  gentle: { first_delay: 30s, max_delay: 1s, give_up_after: 3d }
"#;
    let problems = refused(&[("syncline.yaml", text), ("conf.d/extra.yml", "flows: {}\n")]);
    let shown = problems.to_string();
    assert!(!shown.contains("very-secret-token"), "{shown}");
    // The folder is a new one on every run.
    let shown: Vec<&str> = shown
        .lines()
        .map(|line| if line.contains("looked for ") { "   = looked for (folder)/secrets/none" } else { line })
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn files_of_conf_d_join_and_may_not_contradict() {
    let mut files = whole(WHOLE);
    files.push((
        "conf.d/10-more.yaml",
        "connections:\n  shop: { connector: jsonl }\n  hook: { connector: jsonl }\nhub: { data_dir: x }\n",
    ));
    let problems = refused(&files).to_string();
    assert!(problems.contains("conf.d/10-more.yaml:2:3: connection `shop` is written a second time"), "{problems}");
    assert!(problems.contains("the first is at syncline.yaml:7:3"), "{problems}");
    assert!(problems.contains("conf.d/10-more.yaml:4:6: `hub` is written a second time"), "{problems}");
    assert!(problems.ends_with("2 problems"), "{problems}");

    let mut files = whole(WHOLE);
    files.push(("conf.d/10-more.yaml", "connections:\n  archive: { connector: jsonl }\nflows:\n  x: { from: shop.orders, to: archive.records, mode: live }\n"));
    assert_eq!(accepted(&files).flows.len(), 5);
}

const TINY: &str = "connector: tiny\ntitle: Tiny\nstreams:\n  orders:\n    entity: order\n    key: \"{record.id}\"\n    read:\n      from: file\n      folder: in\n      pattern: x.csv\n      marker: { scheme: stable, stable_for: 10s }\n      mode: delta\n      format: { type: csv, columns: [id] }\n";

#[test]
fn a_flow_needs_the_mappings_of_both_ends() {
    let config = "connections:\n  t: { connector: tiny }\n  c: { connector: csv }\n  x: { connector: xml }\nflows:\n  a: { from: t.orders, to: c.orders, mode: live }\n  b: { from: x.orders, to: c.orders, mode: live }\n";
    let mut files = vec![("syncline.yaml", config), ("connectors/tiny/connector.yaml", TINY)];
    let problems = refused(&files).to_string();
    assert!(
        problems.contains("syncline.yaml:6:14: t.orders needs mapping `tiny/order`, which does not exist"),
        "{problems}"
    );
    assert!(problems.ends_with("1 problem"), "{problems}");

    files.push(("mappings/tiny/order.yaml", "mapping: tiny/order\nout: { id: number }\n"));
    let problems = refused(&files).to_string();
    assert!(problems.contains("mapping `tiny/order` has no direction `in`, which t.orders needs"), "{problems}");

    files[2].1 = "mapping: tiny/order\nin: { number: id, totl: sum }\n";
    let problems = refused(&files).to_string();
    assert!(problems.contains("mappings/tiny/order.yaml:2:"), "{problems}");

    files[2].1 = "mapping: tiny/order\nin: { number: id, placed_at: at, currency: cur, total: { money: sum } }\n";
    let config = accepted(&files);
    assert_eq!(config.mappings.len(), 3);
    let flow = config.flow("a").unwrap();
    assert!(config.mapping(&flow.from).unwrap().maps_in() && config.mapping(&flow.to).unwrap().maps_out());
}

#[test]
fn the_starter_configuration_works_as_it_stands() {
    let files: Vec<(&str, &str)> = starter_files().iter().map(|file| (file.path, file.text)).collect();
    let config = accepted(&files);
    assert_eq!((config.connections.len(), config.flows.len()), (1, 1));
    assert!(config.warnings.is_empty());
}

/// The comments of the starter are the reference: with the marks removed they must be accepted too.
#[test]
fn the_starters_examples_are_right() {
    let starter = starter_files().iter().find(|file| file.path == "syncline.yaml").unwrap().text;
    let uncomment = |line: &str| {
        if line.starts_with("# yaml-language-server:") {
            return String::new();
        }
        let indent = line.len() - line.trim_start().len();
        match line.trim_start().strip_prefix("# ") {
            // Prose starts with a capital and is no key.
            Some(rest) if !rest.starts_with(|c: char| c.is_ascii_uppercase()) => format!("{}{rest}", &line[..indent]),
            Some(_) | None => line.to_owned(),
        }
    };
    let text: String = starter.lines().map(|line| uncomment(line) + "\n").collect();
    let mut files = whole(&text);
    files.push(("secrets/stripe", "whsec_x"));
    let config = accepted(&files);
    assert_eq!((config.connections.len(), config.flows.len(), config.ownership.len()), (4, 2, 2), "{text}");
}

#[test]
fn a_missing_configuration_says_what_to_do() {
    let problems = refused(&[("readme.txt", "")]).to_string();
    assert!(
        problems.contains("syncline.yaml:1:1: cannot be read") && problems.contains("`syncline init`"),
        "{problems}"
    );
}

#[test]
fn hostile_configurations_are_refused_quickly() {
    let laughs: String = (1..60).map(|n| format!("a{n}: &a{n} [*a{0},*a{0}]\n", n - 1)).collect();
    let many: String = (0..20_000).map(|n| format!("  f{n}: {{ from: a.b, to: c.d, mode: live }}\n")).collect();
    for text in [
        format!("a0: &a0 lol\n{laughs}"),
        format!("hub: {}", "[".repeat(100_000)),
        format!("flows:\n{many}"),
        "x: ".repeat(300_000),
        "\u{0}\u{1}".to_owned(),
    ] {
        let start = Instant::now();
        assert!(read(&[("syncline.yaml", &text)]).is_err());
        assert!(start.elapsed() < Duration::from_secs(10), "slow: {:?} for {:.20}", start.elapsed(), text);
    }
}

#[test]
fn every_shipped_connector_is_whole() {
    let registry = Registry::shipped().unwrap_or_else(|problems| panic!("{problems}"));
    let folders = fs::read_dir("connectors").unwrap().map(|entry| entry.unwrap().path());
    let mut shipped: Vec<String> = folders
        .filter(|folder| folder.is_dir())
        .map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    shipped.sort();
    assert_eq!(registry.names(), shipped);
    for connector in registry.connectors() {
        let readme = connector.readme.as_deref().unwrap_or_default();
        assert!(readme.len() > 200, "{} has no README worth reading", *connector.manifest.name);
        assert!(!connector.manifest.streams.is_empty());
    }
    let shop = &registry.connector("shopify").unwrap().manifest;
    let Some(Write::Http(write)) = &shop.stream("fulfilments").unwrap().write else { panic!("no HTTP write") };
    let create = write.operation(OpKind::Create).unwrap();
    // The look-up reads no step: after an unknown outcome the step would find nothing open and refuse.
    assert!(matches!(create.idempotency, Idempotency::Lookup { steps_before: 0, .. }));
    assert_eq!(create.steps.len(), 2);
}

#[test]
fn an_installation_replaces_and_adds_connectors() {
    let named = |name: &str| TINY.replace("connector: tiny", &format!("connector: {name}"));
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &[
            ("connectors/tiny/connector.yaml", TINY),
            ("connectors/csv/connector.yaml", &named("csv")),
            ("mappings/tiny/order.yaml", "in: { number: id }\n"),
        ],
    );
    let registry = Registry::load(folder.path()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(registry.connector("tiny").unwrap().origin, Origin::Installation);
    assert_eq!(registry.connector("csv").unwrap().manifest.title, "Tiny");
    assert_eq!(registry.connector("xml").unwrap().origin, Origin::Shipped);
    assert_eq!(registry.mapping("tiny/order").len(), 1);
    assert_eq!(registry.mapping("shopify/order")[0].name(), "mappings/shopify/order.yaml");

    write(
        folder.path(),
        &[("connectors/other/connector.yaml", &named("another")), ("connectors/empty/README.md", "x")],
    );
    let problems = Registry::load(folder.path()).unwrap_err().to_string();
    assert!(
        problems.contains("connectors/other/connector.yaml:1:12: the manifest calls itself `another`"),
        "{problems}"
    );
    assert!(problems.contains("connectors/empty:1:1: the folder has no connector.yaml"), "{problems}");
}

#[test]
fn unwise_settings_are_warned_about() {
    let text = WHOLE.replace("  public_url: https://hub.example.com/\n", "");
    let config = accepted(&whole(&text));
    let warnings = syncline::config::yaml::Warnings(&config.warnings).to_string();
    assert!(
        warnings.starts_with("warning: ") && warnings.ends_with("warnings; the configuration can run\n"),
        "{warnings}"
    );
    assert!(
        warnings.contains("connection `shop` cannot subscribe to webhooks: `hub.public_url` is not set"),
        "{warnings}"
    );
    assert!(warnings.contains("secret `webhook_secret` stands in the file in clear"), "{warnings}");
    assert!(!warnings.contains("whsec_written_in_clear"), "{warnings}");

    let text = WHOLE.replace("mode: canary, canary: 5%", "mode: live, canary: 5%");
    let problems = refused(&whole(&text)).to_string();
    assert!(problems.contains("a share without mode canary has no effect"), "{problems}");
}

#[test]
fn references_resolve_or_are_reported() {
    let read_dir = |value: &str| {
        let text = format!("hub: {{ data_dir: '{value}' }}\n");
        read(&[("syncline.yaml", &text), ("secrets/a", "from-file\r\n"), ("secrets/empty", "")])
            .map(|config| config.hub.data_dir.file_name().unwrap().to_string_lossy().into_owned())
            .map_err(|problems| problems.iter().map(|p| p.message.clone()).collect::<Vec<_>>().join("; "))
    };
    let check = |value: &str, expected: Result<&str, &str>| match (read_dir(value), expected) {
        (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{value}"),
        (Err(found), Err(expected)) => assert!(found.contains(expected), "{value}: {found}"),
        (found, expected) => panic!("{value}: {found:?}, not {expected:?}"),
    };
    check("${PORT}", Ok("9000"));
    check("a-${PORT}-${NOPE:-b}", Ok("a-9000-b"));
    check("$${PORT}", Ok("${PORT}"));
    check("${file:secrets/a}", Ok("from-file"));
    check("${NOPE}", Err("environment variable NOPE is not set"));
    check("${NOPE}${NOPE2}", Err("NOPE2"));
    check("${file:secrets/b}", Err("secret file secrets/b cannot be read"));
    check("${file:secrets/empty}", Err("it is empty"));
    check("${file:secrets}", Err("it is not a file"));
    check("${PORT", Err("never closed"));
    check("${1A}", Err("not a reference"));
}

/// Whatever is missing from a manifest, the answer is a manifest or a list of problems with places in it.
#[test]
fn a_manifest_with_a_line_missing_never_panics() {
    let registry = Registry::shipped().unwrap();
    let mut refused = 0;
    for connector in registry.connectors() {
        let lines: Vec<&str> = connector.source.text().lines().collect();
        for missing in 0..lines.len() {
            let text: String = lines
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != missing)
                .map(|(_, line)| format!("{line}\n"))
                .collect();
            if let Err(problems) = Manifest::parse(&Source::new("connector.yaml", text)) {
                refused += 1;
                let within = |line: u32| line >= 1 && line as usize <= lines.len();
                assert!(
                    problems.iter().all(|problem| within(problem.line) && !problem.message.is_empty()),
                    "{problems}"
                );
            }
        }
    }
    assert!(refused > 100, "only {refused} manifests were refused");
}
