//! Writing through programs: whose outcome is told, and whose is not.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use syncline::connector::call::{CallResult, Lookup, Receipt};
use syncline::connector::manifest::OpKind;
use syncline::connector::process::ProcessSink;
use syncline::model::ErrorClass;

use super::rig::{HELLO, Rig, context};

const BATCHED: &str = "orders:\n  entity: order\n  mapping: canonical\n  key: \"{record.number}\"\n  version: { kind: sequence, value: \"{record.v}\" }\n  write: { to: process, operations: [upsert], batch: { records: 3, every: 20s } }";

fn batched(script: &str) -> Rig {
    Rig::with(&format!("{HELLO}{script}"), "", BATCHED)
}

/// Three records that make one batch, in the order in which they are asked for.
async fn write_three(rig: &Rig) -> [CallResult<Receipt>; 3] {
    let sink = rig.sink();
    let one = |number: &'static str| {
        let sink: Arc<ProcessSink> = Arc::clone(&sink);
        async move { sink.write(OpKind::Upsert, &context(number)).await }
    };
    let (a, b, c) = tokio::join!(one("a"), one("b"), one("c"));
    [a, b, c]
}

fn classes(outcomes: &[CallResult<Receipt>]) -> Vec<&'static str> {
    outcomes.iter().map(|outcome| outcome.as_ref().map_or_else(|error| error.class.as_str(), |_| "done")).collect()
}

const ONE: &str = r#"echo '{"type":"result","id":1,"item":"0","remote_id":"R0","version":41}'
"#;
const REFUSED: &str = r#"echo '{"type":"result","id":1,"item":"1","error":{"class":"data","message":"no such country"}}'
"#;

/// What each of three records came to, and what the last error says.
async fn check(script: &str, expected: [&str; 3], said: &str) {
    let outcomes = write_three(&batched(script)).await;
    assert_eq!(classes(&outcomes), expected, "{script}: {outcomes:?}");
    let told: Vec<String> =
        outcomes.iter().filter_map(|outcome| outcome.as_ref().err().map(ToString::to_string)).collect();
    assert!(told.iter().any(|error| error.contains(said)), "{script}: {told:?}");
    for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert_eq!(error.sent, error.class == ErrorClass::UnknownOutcome || error.class == ErrorClass::Data);
        assert!(!error.next_step.is_empty(), "{error}");
    }
}

#[tokio::test]
async fn each_record_has_its_own_outcome() {
    let rest = r#"echo '{"type":"result","id":1,"item":"2"}'; echo '{"type":"done","id":1}'; read -r end"#;
    let outcomes = write_three(&batched(&format!("{REFUSED}{ONE}{rest}"))).await;
    assert_eq!(classes(&outcomes), ["done", "data", "done"], "{outcomes:?}");
    let receipt = outcomes[0].as_ref().unwrap();
    assert_eq!(receipt.remote_id.as_deref(), Some("R0"));
    assert_eq!(receipt.remote_version.as_ref().map(|version| version.value()), Some(41));
    assert_eq!(outcomes[1].as_ref().unwrap_err().message, "no such country");
}

#[tokio::test]
async fn what_is_not_told_is_unknown() {
    let unknown = "unknown_outcome";
    check(
        &format!("{ONE}{REFUSED}echo '{{\"type\":\"done\",\"id\":1}}'"),
        ["done", "data", unknown],
        "told no outcome of this record",
    )
    .await;
    check(&format!("{ONE}exit 0"), ["done", unknown, unknown], "it ended (exit status 0) while writing").await;
    check(&format!("{ONE}kill -KILL $$"), ["done", unknown, unknown], "signal 9").await;
    check(&format!("{ONE}echo garbage"), ["done", unknown, unknown], "line 3 of its output is not JSON: ").await;
    check(&format!("{ONE}{ONE}"), ["done", unknown, unknown], "is a second result of item `0`").await;
    for stranger in ["3", "-1", "a", ""] {
        let result = format!("{ONE}echo '{{\"type\":\"result\",\"id\":1,\"item\":\"{stranger}\"}}'");
        check(&result, ["done", unknown, unknown], "the result of an item").await;
    }
}

#[tokio::test]
async fn an_error_about_all_is_the_outcome_of_those_without_one() {
    let script = format!(
        "{ONE}echo '{{\"type\":\"error\",\"id\":1,\"class\":\"transient\",\"message\":\"locked\",\"sent\":false}}'; read -r end"
    );
    let outcomes = write_three(&batched(&script)).await;
    assert_eq!(classes(&outcomes), ["done", "transient", "transient"]);
    assert!(!outcomes[2].as_ref().unwrap_err().sent, "the program vouches that nothing happened");
}

#[tokio::test]
async fn nothing_was_sent_to_a_program_that_never_greeted() {
    let rig = Rig::with("exit 4", "", BATCHED);
    let outcomes = write_three(&rig).await;
    assert_eq!(classes(&outcomes), ["transient"; 3]);
    assert!(outcomes.iter().all(|outcome| !outcome.as_ref().unwrap_err().sent));
}

#[tokio::test]
async fn a_hanging_write_is_unknown() {
    let process = "timeouts: { start: 20s, silence: 500ms, call: 60s }";
    let rig = Rig::with(&format!("{HELLO}exec sleep 1000"), process, BATCHED);
    let outcomes = write_three(&rig).await;
    assert_eq!(classes(&outcomes), ["unknown_outcome"; 3]);
}

/// Answers every write for ever, and says with each result how many conversations there were before.
const WRITER: &str = r#"n=0
echo x >> "$TMPDIR/../../../../starts"
while :; do
    case $ask in
    *'"type":"write"'*) n=$((n + 1)); echo "{\"type\":\"result\",\"id\":$n,\"item\":\"0\",\"remote_id\":\"R$n\"}"; echo "{\"type\":\"done\",\"id\":$n}" ;;
    *'"natural_key":"there"'*) n=$((n + 1)); echo "{\"type\":\"found\",\"id\":$n,\"remote_id\":\"T\"}" ;;
    *'"natural_key":"odd"'*) n=$((n + 1)); echo "{\"type\":\"error\",\"id\":$n,\"class\":\"data\",\"message\":\"two of them\"}" ;;
    *) n=$((n + 1)); echo "{\"type\":\"absent\",\"id\":$n}" ;;
    esac
    read -r ask || exit 0
done"#;

#[tokio::test]
async fn one_conversation_serves_many_batches_and_look_ups() {
    let rig = Rig::greeting(WRITER);
    let sink = rig.sink();
    for number in 1..=3 {
        let receipt = sink.write(OpKind::Upsert, &context("a")).await.unwrap();
        assert_eq!(receipt.remote_id, Some(format!("R{number}")));
    }
    assert_eq!(sink.lookup(&context("nobody")).await.unwrap(), Lookup::Absent);
    let found = Lookup::Found { remote_id: "T".to_owned(), body: json!(null) };
    assert_eq!(sink.lookup(&context("there")).await.unwrap(), found);
    assert_eq!(sink.lookup(&context("odd")).await.unwrap_err().class, ErrorClass::Data);
    assert_eq!(sink.write(OpKind::Upsert, &context("a")).await.unwrap().remote_id.as_deref(), Some("R7"));
    assert_eq!(rig.left("starts").await.lines().count(), 1);
}

#[tokio::test]
async fn a_program_that_died_between_two_batches_is_started_again() {
    let script = r#"echo x >> "$TMPDIR/../../../../starts"
echo '{"type":"result","id":1,"item":"0"}'; echo '{"type":"done","id":1}'; exit 0"#;
    let rig = Rig::greeting(script);
    let sink = rig.sink();
    sink.write(OpKind::Upsert, &context("a")).await.unwrap();
    // Whether its end is seen before the next write or by it: a record is never taken for written.
    let mut tries = 0;
    while let Err(error) = sink.write(OpKind::Upsert, &context("b")).await {
        assert!(matches!(error.class, ErrorClass::UnknownOutcome | ErrorClass::Transient), "{error}");
        tries += 1;
        assert!(tries < 5, "{error}");
    }
    assert!(rig.left("starts").await.lines().count() >= 2);
}

#[tokio::test]
async fn a_delivery_that_is_given_up_does_not_cut_off_its_batch() {
    let rest =
        r#"echo '{"type":"result","id":1,"item":"0","remote_id":"R0"}'; echo '{"type":"done","id":1}'; read -r end"#;
    let streams = BATCHED.replace("records: 3, every: 20s", "records: 3, every: 300ms");
    let rig = Rig::with(&format!("{HELLO}{rest}"), "", &streams);
    let sink = rig.sink();
    let given_up = tokio::time::timeout(Duration::from_millis(10), sink.write(OpKind::Upsert, &context("a"))).await;
    assert!(given_up.is_err());
    let receipt = sink.write(OpKind::Upsert, &context("b")).await.unwrap();
    assert_eq!(receipt.remote_id.as_deref(), Some("R0"), "b is alone in its batch");
}

#[tokio::test]
async fn large_records_are_told_in_several_messages() {
    let rig = batched(
        r#"n=1
while :; do
    size=${#ask}
    i=0
    for item in $(printf '%s' "$ask" | grep -o '"item":"[0-9]*"' | grep -o '[0-9]*'); do
        echo "{\"type\":\"result\",\"id\":$n,\"item\":\"$item\",\"remote_id\":\"$size\"}"
    done
    echo "{\"type\":\"done\",\"id\":$n}"
    n=$((n + 1))
    read -r ask || exit 0
done"#,
    );
    let sink = rig.sink();
    let large = |number: &str| {
        let mut context = context(number);
        context.record["note"] = json!("x".repeat(600_000));
        let sink = Arc::clone(&sink);
        async move { sink.write(OpKind::Upsert, &context).await }
    };
    let (a, b, c) = tokio::join!(large("a"), large("b"), large("c"));
    for receipt in [a.unwrap(), b.unwrap(), c.unwrap()] {
        assert!(receipt.remote_id.unwrap().parse::<usize>().unwrap() < 1_300_000);
    }
}
