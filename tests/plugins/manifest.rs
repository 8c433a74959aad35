//! What is said about a `process` section, and streams through it, that do not fit together.

use syncline::config::yaml::Source;
use syncline::connector::manifest::Manifest;

const READ: &str = "read: { from: process }";
const TARGET: &str = "protocol: singer_target, command: [x]";

/// `process` and one stream's ways in flow style; every mistake that is expected, by a part of its text.
#[track_caller]
fn check(process: &str, ways: &str, expected: &[&str]) {
    let process = if process.is_empty() { String::new() } else { format!("process: {{ {process} }}\n") };
    let text = format!(
        "connector: acme\ntitle: Acme\nsettings:\n  token: {{ secret: true }}\n{process}streams:\n  orders:\n    entity: order\n    key: \"{{record.id}}\"\n    {ways}\n"
    );
    let found =
        Manifest::parse(&Source::new("connector.yaml", text.clone())).map(|_| ()).map_err(|found| found.to_string());
    match found {
        Ok(()) => assert_eq!(expected, &[] as &[&str], "{text}"),
        Err(found) => {
            assert!(!expected.is_empty(), "{text}\n{found}");
            for part in expected {
                assert!(found.contains(part), "{part} is not in\n{found}\n{text}");
            }
        }
    }
}

#[test]
fn what_fits() {
    check("command: [x]", READ, &[]);
    check(
        "command: [x, ./y]",
        "read: { from: process, mode: snapshot, fetch: true, deleted: record.gone, every: 5s }",
        &[],
    );
    check("command: [x]", "write: { to: process, operations: [create, update], idempotency: { scheme: lookup } }", &[]);
    check("command: [x], protocol: singer_tap, config: { t: \"{settings.token}\" }, catalog: none", READ, &[]);
    check(TARGET, "write: { to: process, key: [id], schema: { type: object } }", &[]);
}

#[test]
fn what_does_not() {
    check("", READ, &["read of stream `orders` needs a program", "add `process:`"]);
    check("protocol: syncline", READ, &["process needs `command`"]);
    check("command: []", READ, &["an empty command"]);
    check(
        "command: [x, \"{settings.token}\"]",
        READ,
        &["secret setting `token` in a program's command or environment"],
    );
    check("command: [x], env: { T: \"{settings.token}\" }", READ, &["secret setting `token`"]);
    check("command: [x], env: { T: \"{settings.tokn}\" }", READ, &["no setting is named `tokn`"]);
    check("command: [x], config: {}", READ, &["only Singer programs read a configuration file"]);
    check("command: [x], catalog: discover", READ, &["only a Singer tap has a catalogue"]);
    check(
        "command: [x], limits: { line: 1GiB, open_files: 3, memry: 1GiB }",
        READ,
        &["from 1KiB to 64MiB", "16 files", "`memory`"],
    );
    check("command: [x]", "read: { from: process, deleted: body.gone }", &["`body` does not exist"]);
    check("command: [x]", "read: { from: process, every: 10ms }", &["faster than once a second"]);
    check("command: [x]", "write: { to: process, operations: [create] }", &["could create twice"]);
    check(
        "command: [x]",
        "write: { to: process, idempotency: { scheme: lookup } }",
        &["only a create needs idempotency"],
    );
    check("command: [x]", "write: { to: process, operations: [] }", &["a write without operations"]);
    check("command: [x]", "write: { to: process, key: [id] }", &["told to Singer targets only"]);
    check(
        "command: [x]",
        "read: { from: process, replication: { method: full_table } }",
        &["only Singer taps have a replication method"],
    );
    check("command: [x], protocol: singer_tap", "write: { to: process }", &["a Singer tap takes no records"]);
    check(
        "command: [x], protocol: singer_tap",
        "read: { from: process, fetch: true }",
        &["only be read from its state on"],
    );
    check(
        "command: [x], protocol: singer_tap",
        "read: { from: process, replication: { method: incremental } }",
        &["needs `key`"],
    );
    check(TARGET, READ, &["a Singer target brings no records"]);
    check(TARGET, "write: { to: process, operations: [update] }", &["a Singer target knows one operation"]);
}
