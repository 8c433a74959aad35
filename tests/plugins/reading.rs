//! Reading from programs: states and pages, and every way in which an answer can go wrong.

use std::time::{Duration, Instant};

use serde_json::json;
use syncline::model::ErrorClass;

use super::rig::{Rig, SECRET, records};

/// Walks, and expects an error that says `said` after `rows` records.
async fn check(script: &str, rows: usize, said: &str) {
    let (found, error) = Rig::greeting(script).failing_walk().await;
    assert_eq!(found.len(), rows, "{script}: {error}");
    assert!(error.to_string().contains(said), "{script}: {error}");
    assert_eq!(error.class, ErrorClass::Transient, "{error}");
    assert!(!error.sent, "reading changes nothing: {error}");
}

const RECORD: &str = r#"echo '{"type":"record","id":1,"record":{"number":"1"}}'
"#;
const STATE: &str = r#"echo '{"type":"state","id":1,"state":{"at":7}}'
"#;
const DONE: &str = r#"echo '{"type":"done","id":1}'
"#;

#[tokio::test]
async fn reads_records_and_states() {
    let rig = Rig::greeting(&format!("{RECORD}{STATE}{RECORD}{DONE}read -r end; exit 0"));
    let (pages, error) = rig.walk(None).await;
    assert_eq!(error, None);
    assert_eq!(records(&pages), [json!({ "number": "1" }), json!({ "number": "1" })]);
    let cursors: Vec<_> = pages.iter().filter_map(|page| page.cursor.as_deref()).collect();
    assert_eq!(cursors, [r#"{"at":7}"#]);
    assert_eq!(rig.runs().len(), 0, "working directories are removed");
}

#[tokio::test]
async fn a_state_is_given_back_as_it_was_told() {
    let rig =
        Rig::greeting("printf '%s\\n' \"$ask\" > \"$TMPDIR/../../../../asked\"\necho '{\"type\":\"done\",\"id\":1}'");
    let (_, error) = rig.walk(Some(r#"{"at":1.10,"b":[]}"#)).await;
    assert_eq!(error, None);
    let asked = rig.left("asked").await;
    assert_eq!(asked.trim(), r#"{"type":"read","id":1,"stream":"orders","state":{"at":1.10,"b":[]}}"#);
}

#[tokio::test]
async fn many_records_come_in_pages_and_the_cursor_never_runs_ahead() {
    let script = r#"i=0
while [ $i -lt 2500 ]; do
    i=$((i + 1))
    echo "{\"type\":\"record\",\"id\":1,\"record\":{\"number\":\"$i\"}}"
    [ $((i % 900)) = 0 ] && echo "{\"type\":\"state\",\"id\":1,\"state\":$i}"
done
echo '{"type":"done","id":1}'"#;
    let (pages, error) = Rig::greeting(script).walk(None).await;
    assert_eq!(error, None);
    let mut seen = 0;
    for page in &pages {
        assert!(page.records.len() <= 1_000);
        seen += page.records.len();
        if let Some(cursor) = &page.cursor {
            assert!(cursor.parse::<usize>().unwrap() <= seen, "cursor {cursor} after {seen} records");
        }
    }
    assert_eq!(seen, 2_500);
    assert!(pages.len() >= 3);
    assert_eq!(pages.iter().filter_map(|page| page.cursor.clone()).next_back().unwrap(), "1800");
}

#[tokio::test]
async fn a_program_that_is_slow_does_not_hold_up_what_it_has_told() {
    let rig = Rig::with(
        &format!("{}{RECORD}{STATE}exec sleep 1000", super::rig::HELLO),
        "timeouts: { start: 20s, silence: 4s, call: 60s }",
        "",
    );
    let reader = rig.reader();
    let began = Instant::now();
    let page = reader.page(None, None).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(4), "the page came before the silence was judged");
    assert_eq!((page.records.len(), page.cursor.as_deref()), (1, Some(r#"{"at":7}"#)));
    let error = reader.page(None, page.next).await.unwrap_err();
    assert!(error.message.contains("said nothing for 4s while reading"), "{error}");
}

#[tokio::test]
async fn what_was_told_before_a_crash_is_kept() {
    let (pages, error) =
        Rig::greeting(&format!("{RECORD}{STATE}{RECORD}echo 'out of luck' >&2; exit 3")).walk(None).await;
    assert_eq!(records(&pages).len(), 2);
    assert_eq!(pages[0].cursor.as_deref(), Some(r#"{"at":7}"#));
    let error = error.unwrap().to_string();
    assert!(
        error.contains("exit status 3") && error.contains("after line 4") && error.contains("out of luck"),
        "{error}"
    );
}

#[tokio::test]
async fn an_empty_state_does_not_forget() {
    let script = r#"echo '{"type":"state","id":1,"state":{}}'
echo '{"type":"done","id":1}'"#;
    let (pages, error) = Rig::greeting(script).walk(Some("7")).await;
    assert_eq!((pages[0].cursor.as_deref(), error), (None, None));
}

#[tokio::test]
async fn crashes() {
    check(
        &format!("{RECORD}printf '{{\"type\":\"record\",\"id\":1,\"rec'; kill -SEGV $$"),
        1,
        "line 3 of its output is cut off",
    )
    .await;
    check(&format!("{RECORD}kill -SEGV $$"), 1, "signal 11").await;
    check("exit 0", 0, "it ended (exit status 0) while reading, after line 1").await;
    check(&format!("{RECORD}exec >&-; exec sleep 1000"), 1, "it did not end by itself and was killed").await;
}

#[tokio::test]
async fn garbage() {
    check(&format!("{RECORD}echo 'Traceback (most recent call last):'"), 1, "line 3 of its output is not JSON").await;
    check("printf '\\377\\376\\n'", 0, "line 2 of its output is not JSON").await;
    check("echo '[1]'", 0, "is JSON but not an object").await;
    check("echo '{\"type\":\"record\",\"id\":1}'", 0, "has no `record`").await;
    check("echo '{\"type\":\"record\",\"id\":9,\"record\":{}}'", 0, "for question 9, but question 1 is open").await;
    check("echo '{\"type\":\"found\",\"id\":1,\"remote_id\":\"1\"}'", 0, "does not belong to this answer").await;
    check("echo \"$hello\"", 0, "has no `protocol`").await;
    check("echo", 0, "line 2 of its output is cut off").await;
}

#[tokio::test]
async fn endless_lines_and_floods_end_at_their_caps() {
    let flood = |script: &str| {
        let process = "limits: { line: 4KiB, output: 64KiB }";
        Rig::with(&format!("{}{script}", super::rig::HELLO), process, "")
    };
    let (_, error) = flood("while :; do printf aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done")
        .failing_walk()
        .await;
    assert!(error.message.contains("line 2 of its output is longer than 4096 bytes"), "{error}");
    assert!(error.response_excerpt.len() <= 1_024);
    let (rows, error) = flood(&format!("while :; do {RECORD} done")).failing_walk().await;
    assert!(error.message.contains("its output exceeds 65536 bytes"), "{error}");
    assert!(rows.len() > 1_000, "what came before is kept: {}", rows.len());
}

#[tokio::test]
async fn a_log_that_never_ends_holds_nobody_up() {
    let script = format!("head -c 5000000 /dev/zero | tr '\\0' x >&2\n{RECORD}{DONE}read -r end");
    let (pages, error) = Rig::greeting(&script).walk(None).await;
    assert_eq!((records(&pages).len(), error), (1, None));
}

#[tokio::test]
async fn hangs() {
    let hanging = |script: &str, timeouts: &str| Rig::with(script, &format!("timeouts: {timeouts}"), "");
    let quick = "{ start: 500ms, silence: 500ms, call: 60s }";
    let (_, error) = hanging("exec sleep 1000", quick).failing_walk().await;
    assert!(error.message.contains("said nothing for 500ms while greeting"), "{error}");
    let deaf = hanging(&format!("{}trap '' TERM; while :; do sleep 1; done", super::rig::HELLO), quick);
    let (_, error) = deaf.failing_walk().await;
    assert!(error.message.contains("said nothing for 500ms while reading"), "{error}");
    // A sign of life at every moment does not last for ever.
    let chatty = format!("{}while :; do {RECORD} sleep 0.05; done", super::rig::HELLO);
    let (rows, error) = hanging(&chatty, "{ start: 20s, silence: 20s, call: 2s }").failing_walk().await;
    assert!(error.message.contains("it was not done after 2s"), "{error}");
    assert!(!rows.is_empty());
}

#[tokio::test]
async fn wrong_greetings() {
    let greeted = |hello: &str| Rig::shell(&format!("read -r hello; echo '{hello}'; read -r ask"));
    for (hello, said) in [
        (
            r#"{"type":"hello","protocol":2,"name":"new","can":[]}"#,
            "speaks version 2 of the protocol; this hub speaks [1]",
        ),
        (r#"{"type":"hello","protocol":1,"name":"new","can":["write"]}"#, "`read` is not in the `can` of its hello"),
        (r#"{"type":"done","id":0}"#, "is `done` before `hello`"),
        (r#"hi"#, "line 1 of its output is not JSON"),
        (r#"{"type":"error","class":"auth","message":"no licence"}"#, "no licence"),
    ] {
        let (_, error) = greeted(hello).failing_walk().await;
        assert!(error.message.contains(said), "{hello}: {error}");
    }
}

#[tokio::test]
async fn errors_that_a_program_reports_keep_their_class() {
    let script = r#"echo '{"type":"error","id":1,"class":"rate_limited","message":"too fast","retry_after_s":30,"next_step":"buy more"}'"#;
    let (_, error) = Rig::greeting(script).failing_walk().await;
    assert_eq!((error.class, error.retry_after), (ErrorClass::RateLimited, Some(Duration::from_secs(30))));
    assert_eq!((error.message.as_str(), error.next_step.as_str()), ("too fast", "buy more"));
}

#[tokio::test]
async fn a_missing_program_is_an_error_of_its_own_call() {
    let rig = Rig::manifest(
        "",
        "command: [no-such-program-here]",
        "orders: { entity: order, key: \"{record.number}\", read: { from: process } }",
    );
    let (_, error) = rig.failing_walk().await;
    assert!(error.message.contains("`no-such-program-here` cannot be started"), "{error}");
    assert!(error.next_step.contains("install the program"), "{error}");
}

#[tokio::test]
async fn secrets_come_in_the_greeting_and_are_masked_everywhere_else() {
    let script = "case $hello in *s3cret-t0ken*) ;; *) exit 9 ;; esac; echo \"$hello\" >&2; echo \"bad $hello\"";
    let (_, error) = Rig::greeting(script).failing_walk().await;
    assert!(error.message.contains("is not JSON"), "{error}");
    assert!(error.message.contains("[secret]") && !format!("{error:?}").contains(SECRET), "{error:?}");
}

#[tokio::test]
async fn a_snapshot_has_no_state() {
    let streams = "orders: { entity: order, key: \"{record.number}\", read: { from: process, mode: snapshot } }";
    let walk =
        async |script: &str| Rig::with(&format!("{}{script}", super::rig::HELLO), "", streams).walk(Some("7")).await;
    let (pages, error) = walk(&format!("case $ask in *state*) exit 9 ;; esac\n{RECORD}{DONE}")).await;
    assert_eq!((records(&pages).len(), error), (1, None));
    let (_, error) = walk(STATE).await;
    assert!(error.unwrap().message.contains("is `state`, which does not belong to this answer"));
}

#[tokio::test]
async fn looks_one_record_up_by_its_key() {
    let script = r#"case $ask in *'"key":"17"'*) echo '{"type":"found","id":1,"remote_id":"17","record":{"number":"17"}}' ;; *) echo '{"type":"absent","id":1}' ;; esac"#;
    let rig = Rig::greeting(script);
    let stream = &rig.manifest.streams[0];
    assert_eq!(rig.program.get(stream, "17").await.unwrap(), Some(json!({ "number": "17" })));
    assert_eq!(rig.program.get(stream, "18").await.unwrap(), None);
}

#[tokio::test]
async fn a_check_tells_who_answers_and_which_streams_are_unknown() {
    let script = r#"echo '{"type":"done","id":1,"shows":"Acme, 3 shops"}'
read -r ask; echo '{"type":"stream","id":2,"stream":"bills"}'; echo '{"type":"done","id":2}'"#;
    let rig = Rig::greeting(script);
    let report = rig.program.check(&rig.manifest.streams).await.unwrap();
    assert_eq!(report.shows.as_deref(), Some("evil: Acme, 3 shops"));
    assert_eq!(report.warnings, ["the program does not know stream `orders` (`orders` here)"]);
}
