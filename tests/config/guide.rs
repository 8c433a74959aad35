//! The manifest that the connectors' guide shows, and each of its snippets: accepted as they stand.

use syncline::config::yaml::Source;
use syncline::connector::manifest::Manifest;
use syncline::connector::registry::Registry;

use super::write;

/// The guide's example is what people copy.
#[test]
fn the_guides_manifest_is_accepted() {
    let guide = std::fs::read_to_string("connectors/README.md").unwrap();
    let example = guide.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let manifest = Manifest::parse(&Source::new("connectors/README.md", example)).unwrap_or_else(|p| panic!("{p}"));
    assert_eq!(manifest.streams_for_topic("order.changed").count(), 1);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("connectors/acme/connector.yaml", example)]);
    assert!(Registry::load(folder.path()).unwrap().connector("acme").is_some());
}

/// The entries of the guide's further blocks, with the request that a comment beside them names.
fn snippets(guide: &str) -> Vec<(String, Option<String>)> {
    let mut found: Vec<(String, Option<String>)> = Vec::new();
    let blocks = guide.split("```yaml\n").skip(2).map(|rest| rest.split("```").next().unwrap());
    for block in blocks.filter(|block| !block.starts_with("connector: ")) {
        for line in block.lines() {
            let (text, comment) = line.split_once("  # ").unwrap_or((line, ""));
            if line.starts_with(' ') {
                found.last_mut().unwrap().0.push_str(&format!("\n{text}"));
            } else {
                let request = comment.starts_with("request:").then(|| comment.to_owned());
                found.push((text.trim_end().to_owned(), request));
            }
        }
    }
    found
}

/// A whole manifest around one entry, at the place where the entry belongs.
fn around(snippet: &str, request: Option<&str>) -> String {
    let indented = |depth: usize| snippet.replace('\n', &format!("\n{}", " ".repeat(depth)));
    let mut names: Vec<&str> =
        snippet.split("{settings.").skip(1).map(|rest| rest.split(['}', '?']).next().unwrap()).collect();
    names.sort_unstable();
    names.dedup();
    // What chooses stands before what is chosen.
    names.sort_by_key(|name| *name != "login");
    let setting = |name: &&str| match *name {
        "base_url" => None,
        "login" => Some("  login: { type: enum, values: [key, oauth] }\n".to_owned()),
        "since" => Some("  since: {}\n".to_owned()),
        secret => Some(format!("  {secret}: {{ secret: true }}\n")),
    };
    let secrets = names.iter().filter_map(setting);
    let head = format!(
        "connector: odd\ntitle: Odd\nsettings:\n  base_url: {{ format: url }}\n{}http:\n  base_url: \"{{settings.base_url}}\"\n",
        secrets.collect::<String>()
    );
    let read = |request: &str, rest: &str| {
        format!("    read:\n      {request}\n      records: items\n      order: ascending\n      {rest}\n")
    };
    let plain = "request: { get: /items }";
    let stream = |rest: &str| {
        format!(
            "streams:\n  items:\n    entity: order\n    key: \"{{record.id}}\"\n    get: {{ get: \"/items/{{key}}\" }}\n{rest}"
        )
    };
    match snippet.split(':').next().unwrap() {
        "auth" | "csrf" | "tls" | "success" | "errors" | "wrappers" | "rate_limit" | "signature" | "headers"
        | "timeouts" | "body_cap" => {
            format!("{head}  {}\n{}", indented(2), stream(&read(plain, "cursor: { kind: snapshot }")))
        }
        "verify" => format!(
            "{head}webhooks:\n  {}\n  topic: [x]\n{}",
            indented(2),
            stream("    webhook: { topics: { x: upsert }, fetch: always }\n")
        ),
        "events" | "ping" | "subscriptions" => format!(
            "{head}webhooks:\n  verify: {{ scheme: path_secret }}\n  topic: [x]\n  {}\n{}",
            indented(2),
            stream("    webhook: { topics: { x: upsert }, fetch: always }\n")
        ),
        "pages" => {
            let rest = format!("{}\n      cursor: {{ kind: snapshot }}", indented(6));
            format!("{head}{}", stream(&read(request.unwrap_or(plain), &rest)))
        }
        "cursor" => {
            let sends =
                ["kind: id", "kind: time", "kind: token", "kind: unix"].iter().any(|kind| snippet.contains(kind));
            let request = if sends { "request: { get: /items, query: { after: \"{cursor}\" } }" } else { plain };
            format!("{head}{}", stream(&read(request, &indented(6))))
        }
        "version" | "occurred_at" => {
            let rest = format!("    {}\n{}", indented(4), read(plain, "cursor: { kind: snapshot }"));
            format!("{head}{}", stream(&rest))
        }
        "idempotency" => {
            let create = format!("create:\n        post: /items\n        json: {{ note: x }}\n        {}", indented(8));
            format!("{head}{}", stream(&format!("    write:\n      {create}\n")))
        }
        // What is read as if it were pushed needs the rules of what is pushed.
        "read" if snippet.contains("as_webhook") => {
            let rules = "    webhook: { topics: { x: upsert }, fetch: always }\n";
            let rest = format!("    {}\n{rules}", indented(4));
            format!("{head}webhooks:\n  verify: {{ scheme: path_secret }}\n  topic: [x]\n{}", stream(&rest))
        }
        "read" => format!("{head}{}", stream(&format!("    {}\n", indented(4)))),
        "webhook" => {
            format!(
                "{head}webhooks:\n  verify: {{ scheme: standard_webhooks, secrets: [x] }}\n  topic: [x]\n{}",
                stream(&format!("    version: \"{{record.at}}\"\n    {}\n", indented(4)))
            )
        }
        "sql" => {
            let head = head.split("http:").next().unwrap().replace("  file: { secret: true }", "  file: {}");
            let head = head
                .replace("  host: { secret: true }", "  host: {}")
                .replace("  user: { secret: true }", "  user: {}");
            let query = "SELECT id FROM items WHERE id > :after.id ORDER BY id LIMIT :limit";
            let read = format!(
                "    read: {{ from: sql, query: \"{query}\", after: {{ id: 0 }}, cursor: {{ kind: snapshot }} }}\n"
            );
            format!("{head}{}\nstreams:\n  items:\n    entity: order\n    key: \"{{record.id}}\"\n{read}", indented(0))
        }
        "deleted" | "children" | "hints" | "explode" | "enrich" => {
            let rest = format!("    {}\n{}", indented(4), read(plain, "cursor: { kind: snapshot }"));
            format!("{head}{}", stream(&rest))
        }
        "set" | "create" | "update" | "upsert" | "delete" => {
            format!("{head}{}", stream(&format!("    write:\n      {}\n", indented(6))))
        }
        other => panic!("the guide shows `{other}`, which this test does not know where to put"),
    }
}

#[test]
fn the_whole_manifests_of_the_guide_are_accepted() {
    let guide = std::fs::read_to_string("connectors/README.md").unwrap();
    let blocks = guide.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut whole = 0;
    for block in blocks.filter(|block| block.starts_with("connector: ")) {
        let parsed = Manifest::parse(&Source::new("connector.yaml", block));
        parsed.unwrap_or_else(|problems| panic!("{problems}"));
        whole += 1;
    }
    assert!(whole >= 2, "{whole}");
}

#[test]
fn every_snippet_of_the_guide_is_accepted_and_knows_its_keys() {
    let guide = std::fs::read_to_string("connectors/README.md").unwrap();
    let snippets = snippets(&guide);
    assert!(snippets.len() > 25, "{}", snippets.len());
    for (snippet, request) in &snippets {
        let text = around(snippet, request.as_deref());
        if let Err(problems) = Manifest::parse(&Source::new("connector.yaml", text.as_str())) {
            panic!("{problems}\n{text}");
        }
        // Every name is a header's.
        if snippet.starts_with("headers:") {
            continue;
        }
        let Some(at) = snippet.find("{ ").filter(|at| !snippet[..*at].contains(['"', '\''])) else { continue };
        let odd = format!("{}{{ zzz: 1, {}", &snippet[..at], &snippet[at + 2..]);
        let text = around(&odd, request.as_deref());
        let problems =
            Manifest::parse(&Source::new("connector.yaml", text.as_str())).map(|_| ()).expect_err(&odd).to_string();
        assert!(problems.contains("zzz") && problems.contains("connector.yaml:"), "{odd}\n{problems}");
    }
}
