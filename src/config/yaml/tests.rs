//! The YAML subset: what is read, what is refused at which place, and that hostile files are refused quickly.

use std::time::{Duration, Instant};

use super::*;

fn tree(text: &str) -> Node {
    parse(&Source::new("t.yaml", text)).unwrap()
}

/// Parse errors as `line:column: message`.
#[track_caller]
fn refused(text: &str, expected: &str) {
    let problems = parse(&Source::new("t.yaml", text)).unwrap_err();
    let shown: Vec<String> = problems.iter().map(|d| format!("{}:{}: {}", d.line, d.column, d.message)).collect();
    assert_eq!(shown.join("\n"), expected);
}

/// Decodes and returns the rendered problems, or the value's debug text.
fn decoded<T: Decode + std::fmt::Debug>(text: &str) -> String {
    let source = Source::new("t.yaml", text);
    let node = parse(&source).unwrap();
    let cx = Context::new(&source);
    let value = T::decode(&node, &cx);
    match cx.finish().into_result(value) {
        Ok(value) => format!("{value:?}"),
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn scalars_keep_their_text() {
    let node = tree("version: 2026-10\nzip: 0123\nexp: 1e5\nquoted: \"null\"\nempty:\nyes: no\n");
    assert_eq!(node.get("version").and_then(Node::as_str), Some("2026-10"));
    assert_eq!(node.get("zip").and_then(Node::as_str), Some("0123"));
    assert_eq!(node.get("exp").and_then(Node::as_str), Some("1e5"));
    assert_eq!(node.get("yes").and_then(Node::as_str), Some("no"));
    assert!(!node.get("quoted").unwrap().is_null());
    assert!(node.get("empty").unwrap().is_null());
}

#[test]
fn places_point_at_the_value() {
    let node = tree("hub:\n  listen: 127.0.0.1:8470\n  list:\n    - a\n    - {b: c}\n");
    let hub = node.get("hub").unwrap();
    assert_eq!((hub.span.line, hub.span.column), (2, 3));
    let listen = hub.get("listen").unwrap().span;
    assert_eq!((listen.line, listen.column, listen.length), (2, 11, 14));
    let items = hub.get("list").unwrap().seq().unwrap();
    assert_eq!((items[0].span.line, items[0].span.column), (4, 7));
    let inner = items[1].get("b").unwrap().span;
    assert_eq!((inner.line, inner.column), (5, 11));
}

#[test]
fn what_the_subset_leaves_out_is_refused() {
    refused("a: &x 1\nb: *x\n", "1:4: an anchor (`&name`) is not allowed here");
    refused("a: !!str 1\n", "1:4: a tag (`!name`) is not allowed here");
    refused("a: 1\n---\nb: 2\n", "2:1: a second document (`---`) is not allowed here");
    refused("a:\n\tb: 1\n", "2:1: a tab in the indentation");
    refused("? [a, b]\n: 1\n", "1:3: a list or map as a key is not allowed here");
    refused("a: 1\nb: 2\na: 3\nb: 4\n", "3:1: key `a` is written twice\n4:1: key `b` is written twice");
}

#[test]
fn an_empty_file_is_nothing() {
    assert!(tree("").is_null());
    assert!(tree("# only a comment\n").is_null());
}

#[test]
fn broken_syntax_names_the_place() {
    let problems = parse(&Source::new("t.yaml", "a: [1, 2\nb: 3\n")).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].line >= 1 && problems[0].message.starts_with("not readable as YAML"), "{}", problems[0]);
}

#[test]
fn hostile_files_are_refused_quickly() {
    let laughs: String = (1..60).map(|n| format!("a{n}: &a{n} [*a{0},*a{0},*a{0}]\n", n - 1)).collect();
    let hostile = [
        "[".repeat(200_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        format!("a0: &a0 lol\n{laughs}"),
        "a: b\n".repeat(400_000),
        "- x\n".repeat(200_000),
        "? ".repeat(50_000),
        "\"".repeat(500_001),
        (0..5_000).map(|n| format!("{}a:\n", " ".repeat(n % 200))).collect(),
    ];
    for text in hostile {
        let start = Instant::now();
        let lead: String = text.chars().take(20).collect();
        assert!(parse(&Source::new("t.yaml", text)).is_err(), "accepted: {lead}");
        assert!(start.elapsed() < Duration::from_secs(3), "slow ({:?}): {lead}", start.elapsed());
    }
}

#[test]
fn quantities() {
    assert_eq!(decoded::<Duration>("1h30m"), "5400s");
    assert_eq!(decoded::<Duration>("250ms"), "250ms");
    assert_eq!(decoded::<Percent>("0.5%"), "Percent { basis_points: 50 }");
    assert_eq!(decoded::<Percent>("100%"), "Percent { basis_points: 10000 }");
    assert_eq!(decoded::<ByteSize>("64KiB"), "ByteSize { bytes: 65536 }");
    assert_eq!(decoded::<u16>("8470"), "8470");
    for text in ["5", "m", "-5m", "5 m", "99999999999999999999d", "[]"] {
        assert!(decoded::<Duration>(text).contains("expected a duration"), "{text}");
    }
    for text in ["20", "101%", "1.234%", "-1%", ".5%"] {
        assert!(decoded::<Percent>(text).contains("expected a percentage"), "{text}");
    }
    for text in ["0123", "+5", "1e3", "70000", "5.0", "x"] {
        assert!(decoded::<u16>(text).contains("expected a whole number from 0 to 65535"), "{text}");
    }
    assert!(decoded::<bool>("yes").contains("expected `true` or `false`, found `yes`"));
}

crate::choice! {
    /// For the tests.
    pub enum Mode ("mode") { Live = "live", Paused = "paused" }
}

#[derive(Debug)]
#[allow(dead_code)]
struct Flow {
    name: String,
    every: Option<Duration>,
    mode: Mode,
}

impl Decode for Flow {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "flow")?;
        let (name, every, mode) = (map.required("name"), map.optional("every"), map.or("mode", Mode::Live));
        map.finish();
        Some(Self { name: name?, every, mode })
    }
}

#[test]
fn all_problems_are_reported_at_once() {
    let text = "- name: a\n  every: 30\n  mode: payused\n  evry: 5m\n- mode: live\n- just text\n- name: ok\n";
    insta::assert_snapshot!(decoded::<Vec<Flow>>(text), @r"
    t.yaml:2:10: expected a duration such as `250ms`, `30s`, `5m`, `1h30m` or `7d`, found `30`
       |
     2 |   every: 30
       |          ^^

    t.yaml:3:9: `payused` is not a known mode
       |
     3 |   mode: payused
       |         ^^^^^^^
       = did you mean `paused`? expected one of: live, paused

    t.yaml:4:3: unknown key `evry` in flow
       |
     4 |   evry: 5m
       |   ^^^^
       = did you mean `every`? expected one of: name, every, mode

    t.yaml:5:3: flow needs `name`
       |
     5 | - mode: live
       |   ^
       = add `name: ...` here

    t.yaml:6:3: expected a map (flow), found `just text`
       |
     6 | - just text
       |   ^^^^^^^^^

    5 problems
    ");
}

#[test]
fn json_form_carries_places() {
    let source = Source::new("t.yaml", "nope: 1\n");
    let node = parse(&source).unwrap();
    let cx = Context::new(&source);
    assert!(Flow::decode(&node, &cx).is_none());
    let json = cx.finish().to_json();
    assert_eq!(json[0]["file"], "t.yaml");
    assert_eq!(json[0]["line"], 1);
    assert!(json[1]["help"].as_str().unwrap().contains("expected one of: name, every, mode"));
}

#[test]
fn secrets_are_masked_in_source_lines() {
    let source = Source::new("t.yaml", "name: hunter2\nnope: 1\n");
    let place = Place { source, span: Span { line: 1, column: 1, length: 4 } };
    let mut problems = Diagnostics::from(vec![Diagnostic::new(&place, "value hunter2 is bad")]);
    problems.redact(["hunter2"]);
    let shown = problems.to_string();
    assert!(!shown.contains("hunter2") && shown.contains("name: *******"), "{shown}");
}

#[test]
fn long_lines_are_cut_around_the_place() {
    let text = format!("name: {} \nbad: {}x: 1\n", "ok", "y".repeat(500));
    let shown = parse(&Source::new("t.yaml", text)).unwrap_err()[0].to_string();
    assert!(shown.lines().all(|line| line.chars().count() < 200), "{shown}");
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "[ -~\n\t&*!?:{}\\[\\]|>'\"#,\u{feff}ü-]{0,200}") {
        let source = Source::new("t.yaml", text);
        match parse(&source) {
            Ok(node) => drop(Flow::decode(&node, &Context::new(&source))),
            Err(problems) => for problem in problems {
                proptest::prop_assert!(!problem.to_string().is_empty());
            }
        }
    }
}
