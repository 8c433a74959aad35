//! The `sftp` block of a connection: what it takes, what it refuses, and a hub that runs by it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use syncline::config::yaml::Warnings;
use syncline::config::{Config, load};
use syncline::connector::connection::ConnectionOptions;
use syncline::hub::{Hub, HubOptions, Plant};
use syncline::model::clock::Clock;

use crate::server::Server;

const CONNECTOR: &str = r#"
connector: shelf
title: Shelf
description: Stock in and out, as files, quickly.
settings:
  folder_in: { format: folder, title: Folder in }
  folder_out: { format: folder, title: Folder out }
streams:
  stock:
    title: Stock in
    entity: inventory_level
    mapping: canonical
    key: "{record.sku}"
    version: none
    read:
      from: file
      folder: "{settings.folder_in}"
      pattern: stock_*.jsonl
      marker: { scheme: suffix, suffix: .done }
      mode: snapshot
      every: 100ms
      format: { type: json_lines }
  levels:
    title: Stock out
    entity: inventory_level
    mapping: canonical
    write:
      to: file
      folder: "{settings.folder_out}"
      name: "levels_{batch.sequence}.jsonl"
      marker: .done
      batch: { records: 1000, every: 100ms }
      format: { type: json_lines }
"#;

fn install(folder: &Path, sftp: &str) {
    fs::create_dir_all(folder.join("connectors/shelf")).unwrap();
    fs::write(folder.join("connectors/shelf/connector.yaml"), CONNECTOR).unwrap();
    let text = format!(
        "hub: {{ listen: \"127.0.0.1:0\", database: \"sqlite:data/syncline.db\" }}\nconnections:\n{sftp}flows:\n  \
         stock: {{ from: partner.stock, to: partner.levels, deliver: latest, mode: live }}\n"
    );
    fs::write(folder.join("syncline.yaml"), text).unwrap();
}

/// A connection to the server, its key in a file of its own.
fn partner(server: &Server, folder: &Path) -> String {
    fs::create_dir_all(folder.join("secrets")).unwrap();
    fs::copy(server.folder("user"), folder.join("secrets/key")).unwrap();
    format!(
        "  partner:\n    connector: shelf\n    settings: {{ folder_in: \"{}\", folder_out: \"{}\" }}\n    \
         allow_networks: [127.0.0.0/8]\n    sftp:\n      host: 127.0.0.1\n      port: {}\n      user: {}\n      \
         host_key: {}\n      private_key: ${{file:secrets/key}}\n",
        server.path("in"),
        server.path("out"),
        server.port,
        Server::user(),
        server.fingerprint("host")
    )
}

fn accepted(folder: &Path) -> Config {
    load(folder).unwrap_or_else(|problems| panic!("{problems}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_carries_files_from_server_to_server() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    install(folder.path(), &partner(&server, folder.path()));
    let config = accepted(folder.path());
    assert!(!format!("{config:?}").contains("PRIVATE KEY"), "printing a configuration shows no secret");
    let hub = Hub::start(config, HubOptions::default(), |_| axum::Router::new()).await.unwrap();
    let row = r#"{"sku":"SKU-1","location":"WH1","on_hand":"7","committed":"1"}"#;
    fs::write(server.folder("in").join("stock_1.jsonl"), format!("{row}\n")).unwrap();
    fs::write(server.folder("in").join("stock_1.jsonl.done"), "").unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while server.names("out").len() < 2 {
        assert!(Instant::now() < until, "nothing came out: {:?}", server.names("out"));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let names = server.names("out");
    assert_eq!(names, ["levels_00000001.jsonl", "levels_00000001.jsonl.done"]);
    let text = fs::read_to_string(server.folder("out").join(&names[0])).unwrap();
    assert!(text.contains("SKU-1") && text.lines().count() == 1, "{text}");
    assert!(server.names("in").is_empty());
    assert_eq!(server.names("in/archive").len(), 2);
    assert!(folder.path().join("data/spool/partner/stock").is_dir());
    let report = hub.store.verify(&|_, _, _| {}).await.unwrap();
    assert_eq!(report.faults, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_asks_for_the_folders_that_flows_use() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    install(folder.path(), &partner(&server, folder.path()));
    let plant = |config| Plant::build(config, b"check", &ConnectionOptions::default(), &Clock::System, None).unwrap();
    let report = plant(accepted(folder.path())).check("partner").await.unwrap().unwrap();
    assert!(report.what.starts_with("sftp://") && report.what.ends_with(&format!("@127.0.0.1:{}", server.port)));
    let shows = report.shows.unwrap();
    assert!(shows.contains("in: 0 files") && shows.contains("out: can be written to"), "{shows}");
    fs::remove_dir(server.folder("out")).unwrap();
    let error = plant(accepted(folder.path())).check("partner").await.unwrap().unwrap_err();
    assert!(error.to_string().contains(&server.path("out")), "{error}");
}

#[test]
fn what_cannot_be_meant_is_refused_and_secrets_are_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let with = |sftp: &str| {
        install(
            folder.path(),
            &format!(
                "  partner:\n    connector: shelf\n    settings: {{ folder_in: in, folder_out: out }}\n    sftp: {sftp}\n"
            ),
        );
        load(folder.path())
    };
    let refused = |sftp: &str| with(sftp).err().unwrap_or_else(|| panic!("{sftp} was accepted")).to_string();
    let key = "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDKnOhk5LmrXr5Kqjw";
    let text = refused("{ host: files.example.com, user: hub, password: \"hunter2 and more\" }");
    assert!(text.contains("without `host_key` anybody could pose as the server"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    let text = refused(&format!("{{ host: files.example.com, user: hub, host_key: {key} }}"));
    assert!(text.contains("by a password or by a key"), "{text}");
    let both = "password: \"hunter2 and more\", private_key: \"hunter3 and more\"";
    let text = refused(&format!("{{ host: files.example.com, user: hub, host_key: {key}, {both} }}"));
    assert!(text.contains("not both") && !text.contains("hunter"), "{text}");
    let text = refused("{ host: files.example.com, user: hub, host_key: ssh-ed25519, password: \"hunter2 and more\" }");
    assert!(text.contains("is no fingerprint"), "{text}");
    let text =
        refused(&format!("{{ host: h, user: hub, host_key: {key}, password: \"hunter2 and more\", after: burn }}"));
    assert!(text.contains("burn") && text.contains("archive"), "{text}");

    let config = with(&format!("{{ host: h, user: hub, host_key: [{key}], password: \"hunter2 and more\" }}")).unwrap();
    let warnings = Warnings(&config.warnings).to_string();
    assert!(warnings.contains("secret `sftp.password` stands in the file in clear"), "{warnings}");
    assert!(!warnings.contains("hunter2") && !format!("{config:?}").contains("hunter2"), "{warnings}");

    install(
        folder.path(),
        &format!(
            "  partner: {{ connector: shelf, settings: {{ folder_in: in, folder_out: out }} }}\n  hook:\n    connector: webhook-in\n    \
         path_secret: 0123456789abcdef\n    sftp: {{ host: h, user: hub, host_key: {key}, password: \"hunter2 and more\" }}\n"
        ),
    );
    let text = load(folder.path()).unwrap_err().to_string();
    assert!(text.contains("exchanges no files that could be on a server"), "{text}");
}
