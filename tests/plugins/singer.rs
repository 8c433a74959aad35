//! Singer taps and targets that were written for the test: what they are given, what they get away with, what counts.

use std::sync::Arc;

use serde_json::{Value, json};
use syncline::connector::call::{CallResult, Receipt};
use syncline::connector::manifest::OpKind;
use syncline::model::ErrorClass;

use super::rig::{Rig, SECRET, context, records};

const READ: &str = "orders:\n  entity: order\n  key: \"{record.id}\"\n  read: { from: process, stream: bills, replication: { method: incremental, key: at } }";
const WRITE: &str = "orders:\n  entity: order\n  mapping: canonical\n  write: { to: process, stream: bills, key: [number], batch: { records: 250, every: 20s } }";

/// Keeps its arguments' files, discovers two streams, then does `script`.
fn tap(script: &str) -> Rig {
    tap_with(script, "")
}

fn tap_with(script: &str, process: &str) -> Rig {
    let plugin = format!(
        r#"#!/bin/sh
kept="$TMPDIR/../../../.."
case "$*" in *--discover*)
    echo discovered >> "$kept/discoveries"
    echo '{{"streams": ['
    echo '  {{"tap_stream_id": "bills", "stream": "bills", "schema": {{"type": "object"}}, "metadata": []}},'
    echo '  {{"tap_stream_id": "notes", "stream": "notes", "schema": {{"type": "object"}}, "metadata": []}}]}}'
    exit ;;
esac
echo "$*" > "$kept/arguments"
while [ $# -gt 1 ]; do cp "$2" "$kept/given$1"; ls -l "$2" >> "$kept/modes"; shift 2; done
{script}"#
    );
    let process = format!(
        "protocol: singer_tap\ncommand: [./plugin]\nconfig: {{ token: \"{{settings.token}}\", folder: \"{{settings.folder}}\" }}\n{process}"
    );
    Rig::manifest(&plugin, &process, READ)
}

const SCHEMA: &str = r#"echo '{"type":"SCHEMA","stream":"bills","schema":{"type":"object"},"key_properties":["id"]}'
"#;
const RECORD: &str = r#"echo '{"type":"RECORD","stream":"bills","record":{"id":1,"total":19.90}}'
"#;
const STATE: &str = r#"echo '{"type":"STATE","value":{"bookmarks":{"bills":{"at":"2026"}}}}'
"#;
const CURSOR: &str = r#"{"bookmarks":{"bills":{"at":"2026"}}}"#;

fn json_of(rig: &Rig, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(rig.root.path().join(name)).unwrap()).unwrap()
}

#[tokio::test]
async fn a_tap_is_configured_selected_and_resumed_by_files() {
    let rig = tap(&format!("{SCHEMA}{RECORD}{STATE}"));
    let (pages, error) = rig.walk(Some(CURSOR)).await;
    assert_eq!(error, None);
    assert_eq!(records(&pages)[0].to_string(), r#"{"id":1,"total":19.90}"#, "digits stay as they were written");
    assert_eq!(pages[0].cursor.as_deref(), Some(CURSOR));
    let config = json_of(&rig, "given--config");
    assert_eq!(config["token"], SECRET);
    assert_eq!(config["folder"], json!(rig.root.path().join("data")), "folders are absolute");
    let catalog = json_of(&rig, "given--catalog");
    let bills = &catalog["streams"][0]["metadata"][0]["metadata"];
    assert_eq!(*bills, json!({ "selected": true, "replication-method": "INCREMENTAL", "replication-key": "at" }));
    assert_eq!(catalog["streams"][1]["metadata"][0]["metadata"], json!({ "selected": false }));
    assert_eq!(json_of(&rig, "given--state").to_string(), CURSOR);
    let modes = rig.left("modes").await;
    assert_eq!(modes.lines().filter(|line| line.starts_with("-rw------- ")).count(), 3, "{modes}");
    assert!(!rig.left("arguments").await.contains(SECRET));
    assert_eq!(rig.runs().len(), 0, "configurations are removed");
}

#[tokio::test]
async fn the_first_read_has_no_state_and_the_catalogue_is_as_fresh_as_asked_for() {
    for (process, discoveries) in [("", 3), ("discover_every: 1h", 1)] {
        let rig = tap_with(SCHEMA, process);
        let reader = rig.reader();
        for _ in 0..3 {
            assert_eq!(reader.page(None, None).await.unwrap().next, None);
        }
        assert!(!rig.left("arguments").await.contains("--state"));
        assert_eq!(rig.left("discoveries").await.lines().count(), discoveries);
    }
}

#[tokio::test]
async fn older_taps_and_taps_without_a_catalogue() {
    let rig = tap_with(SCHEMA, "catalog: properties");
    assert_eq!(rig.walk(None).await.1, None);
    assert!(rig.left("arguments").await.contains("--properties"));
    let rig = tap_with(&format!("{SCHEMA}{RECORD}"), "catalog: none");
    let (pages, error) = rig.walk(None).await;
    assert_eq!((records(&pages).len(), error), (1, None));
    let arguments = rig.left("arguments").await;
    assert!(!arguments.contains("--catalog") && !rig.root.path().join("discoveries").exists(), "{arguments}");
}

#[tokio::test]
async fn a_tap_that_fails_keeps_what_came_before() {
    let (pages, error) =
        tap(&format!("{SCHEMA}{RECORD}{STATE}{RECORD}echo 'CRITICAL 503' >&2; exit 1")).walk(None).await;
    assert_eq!(records(&pages).len(), 2);
    assert_eq!(pages[0].cursor.as_deref(), Some(CURSOR));
    let error = error.unwrap();
    assert!(error.message.contains("exit status 1") && error.message.contains("CRITICAL 503"), "{error}");
    assert_eq!(error.class, ErrorClass::Transient);
}

#[tokio::test]
async fn an_empty_state_after_a_failure_is_not_accepted() {
    for empty in ["{}", "null", r#"{"bookmarks":{}}"#, r#"{"bookmarks":{"bills":{}}}"#] {
        let script = format!("{SCHEMA}{STATE}{RECORD}echo '{{\"type\":\"STATE\",\"value\":{empty}}}'; exit 1");
        let (pages, error) = tap(&script).walk(None).await;
        assert_eq!(pages[0].cursor.as_deref(), Some(CURSOR), "{empty}");
        assert!(error.is_some());
        let (pages, _) =
            tap(&format!("{SCHEMA}{RECORD}echo '{{\"type\":\"STATE\",\"value\":{empty}}}'")).walk(Some(CURSOR)).await;
        assert_eq!(pages[0].cursor, None, "{empty}: the stored state stays");
    }
}

#[tokio::test]
async fn what_else_a_tap_may_say() {
    let script = format!(
        r#"echo '{{"type":"ACTIVATE_VERSION","stream":"bills","version":1}}'
echo '{{"type":"RECORD","stream":"notes","record":{{"id":9}}}}'
echo '{{"type":"FAMILY_NEWS","text":"hello"}}'
echo
{SCHEMA}{RECORD}printf '%s' '{{"type":"STATE","value":{{"a":1}}}}'"#
    );
    let (pages, error) = tap(&script).walk(None).await;
    assert_eq!((records(&pages).len(), error), (1, None));
    assert_eq!(pages[0].cursor.as_deref(), Some(r#"{"a":1}"#), "the last line needs no end");
}

#[tokio::test]
async fn what_a_tap_may_not_say() {
    for (script, said) in [
        (RECORD.to_owned(), "line 1 of its output is a RECORD before its SCHEMA"),
        (format!("{SCHEMA}echo 'INFO starting'"), "line 2 of its output is not JSON"),
        (format!("{SCHEMA}echo '{{\"type\":\"BATCH\",\"stream\":\"bills\"}}'"), "is a BATCH"),
        (format!("{SCHEMA}printf '{{\"type\":\"RECORD\",\"str'"), "is cut off"),
    ] {
        let (_, error) = tap(&script).failing_walk().await;
        assert!(error.message.contains(said), "{script}: {error}");
    }
}

#[tokio::test]
async fn a_catalogue_that_is_none() {
    let rig = |plugin: &str| {
        Rig::manifest(&format!("#!/bin/sh\n{plugin}"), "protocol: singer_tap\ncommand: [./plugin]", READ)
    };
    for (plugin, said) in [
        ("echo nothing", "is no catalogue: expected"),
        ("echo '{}'", "is no catalogue: no `streams`"),
        ("echo 'bad credentials' >&2; exit 1", "exit status 1) while telling its streams"),
        (r#"echo '{"streams":[{"tap_stream_id":"notes"}]}'"#, "has no stream `bills`; it has: notes"),
    ] {
        let rig = rig(plugin);
        let (_, error) = rig.failing_walk().await;
        assert!(error.message.contains(said), "{plugin}: {error}");
    }
    let report = rig(r#"echo '{"streams":[{"tap_stream_id":"notes"}]}'"#);
    let report = report.program.check(&report.manifest.streams).await.unwrap();
    assert_eq!(report.shows.as_deref(), Some("1 streams"));
    assert_eq!(report.warnings, ["the program does not know stream `bills` (`orders` here)"]);
}

/// Keeps what it is told in `told`, then does `script`.
fn target(script: &str) -> Rig {
    let plugin = format!("#!/bin/sh\nkept=\"$TMPDIR/../../../..\"\ncp \"$2\" \"$kept/given$1\"\n{script}");
    Rig::manifest(&plugin, "protocol: singer_target\ncommand: [./plugin]", WRITE)
}

async fn load(rig: &Rig, records: usize) -> Vec<CallResult<Receipt>> {
    let sink = rig.sink();
    let one = |number: usize| {
        let sink = Arc::clone(&sink);
        async move { sink.write(OpKind::Upsert, &context(&number.to_string())).await }
    };
    futures::future::join_all((0..records).map(one)).await
}

fn count(outcomes: &[CallResult<Receipt>]) -> (usize, usize) {
    let unknown = |outcome: &&CallResult<Receipt>| {
        outcome.as_ref().is_err_and(|error| error.class == ErrorClass::UnknownOutcome && error.sent)
    };
    (outcomes.iter().filter(|outcome| outcome.is_ok()).count(), outcomes.iter().filter(unknown).count())
}

/// The values of the first `states` states, as targets echo them.
fn echo(states: usize) -> String {
    format!(
        r#"grep '"type":"STATE"' "$kept/told" | sed 's/.*"value":\(.*\)}}$/\1/' | head -n {states}
"#
    )
}

const KEEP: &str = "cat > \"$kept/told\"\n";

#[tokio::test]
async fn a_target_is_told_schema_records_and_states_and_its_echo_acknowledges() {
    let rig = target(&format!("{KEEP}{}", echo(9)));
    let outcomes = load(&rig, 250).await;
    assert_eq!(count(&outcomes), (250, 0), "{:?}", outcomes.iter().find(|outcome| outcome.is_err()));
    let told = rig.left("told").await;
    let kinds: Vec<Value> =
        told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].clone()).collect();
    assert_eq!(kinds[0], "SCHEMA");
    assert_eq!(kinds.iter().filter(|kind| **kind == "RECORD").count(), 250);
    assert_eq!(kinds.iter().filter(|kind| **kind == "STATE").count(), 3);
    assert_eq!(kinds.last().unwrap(), "STATE");
    let schema: Value = serde_json::from_str(told.lines().next().unwrap()).unwrap();
    assert_eq!((&schema["stream"], &schema["key_properties"]), (&json!("bills"), &json!(["number"])));
    assert_eq!(json_of(&rig, "given--config")["token"], SECRET);
}

#[tokio::test]
async fn what_a_target_did_not_acknowledge_is_unknown() {
    for (script, expected) in [
        (KEEP.to_owned(), (0, 250)),
        (format!("{KEEP}{}", echo(1)), (100, 150)),
        (format!("{KEEP}{}echo 'disk full' >&2; exit 1", echo(2)), (200, 50)),
        (format!("{KEEP}echo '{{}}'; echo null; echo loaded 250 rows"), (0, 250)),
        ("head -n 3 > /dev/null; exit 1".to_owned(), (0, 250)),
    ] {
        let outcomes = load(&target(&script), 250).await;
        assert_eq!(count(&outcomes), expected, "{script}: {:?}", outcomes.iter().find(|outcome| outcome.is_err()));
    }
    let outcomes = load(&target(&format!("{KEEP}{}echo 'disk full' >&2; exit 1", echo(2))), 250).await;
    let error = outcomes[249].as_ref().unwrap_err();
    assert!(error.message.contains("exit status 1") && error.message.contains("disk full"), "{error}");
}

#[tokio::test]
async fn a_target_that_talks_more_than_the_pipe_holds_does_not_hang() {
    let outcomes = load(&target(&format!("head -c 300000 /dev/zero | tr '\\0' '\\n'; {KEEP}{}", echo(9))), 250).await;
    assert_eq!(count(&outcomes), (250, 0), "{:?}", outcomes.iter().find(|outcome| outcome.is_err()));
}

#[tokio::test]
async fn a_target_that_cannot_be_started_was_told_nothing() {
    let rig = Rig::manifest("", "protocol: singer_target\ncommand: [no-such-target]", WRITE);
    let outcomes = load(&rig, 250).await;
    assert!(
        outcomes.iter().all(|outcome| {
            outcome.as_ref().is_err_and(|error| error.class == ErrorClass::Transient && !error.sent)
        })
    );
}

#[tokio::test]
async fn checking_a_target_starts_it_with_nothing_to_write() {
    let rig = target(KEEP);
    rig.program.check(&rig.manifest.streams).await.unwrap();
    assert_eq!(std::fs::read(rig.root.path().join("told")).unwrap(), b"");
    let error = target("echo 'no such bucket' >&2; exit 2");
    let error = error.program.check(&error.manifest.streams).await.unwrap_err();
    assert!(error.message.contains("exit status 2") && error.message.contains("no such bucket"), "{error}");
}
