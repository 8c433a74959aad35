//! The manifest's text.
//!
//! Not here: what it says (`streams`, `service`, `paging`), its fixtures.

use super::cells::path;
use super::paging::Pages;
use super::paths::{Template, member, template};
use super::service::{Service, Setting};
use super::streams::{Stream, Write};
use crate::scaffold::note::Notes;
use crate::scaffold::text::{one_line, quoted, scalar, title};

/// How a create is kept from a second effect.
pub(super) enum Once<'w> {
    Header(&'w str),
    /// (parameter of the list, property of the record)
    Lookup(&'w str, &'w str),
    /// Nothing in the document: such a create is not written.
    Unknown,
}

pub(super) fn once<'w>(write: &'w Write<'_>) -> Once<'w> {
    match (&write.idempotency, &write.lookup) {
        (Some(header), _) => Once::Header(header),
        (None, Some((parameter, property))) => Once::Lookup(parameter, property),
        (None, None) => Once::Unknown,
    }
}

pub(super) fn manifest(
    connector: &str,
    about: Option<&str>,
    service: &Service,
    streams: &[Stream<'_>],
    settings: &mut Vec<Setting>,
    check: &str,
    notes: &mut Notes,
) -> String {
    let mut body = String::from("streams:\n");
    for stream in streams {
        one(&mut body, stream, settings, notes);
    }
    let mut text = format!(
        "# yaml-language-server: $schema=../../.schemas/connector.json\n# Composed from an OpenAPI document: `# guess:` is likely, `# choose:` is yours, and nothing is verified.\nconnector: {connector}\ntitle: {}\n\nsettings:\n",
        quoted(&about.map_or_else(|| title(connector), |about| one_line(about, 80)))
    );
    let base = match &service.base_url {
        Some(url) => format!("  base_url: {{ format: url, default: {}, title: Address }}\n", quoted(url)),
        None => "  base_url: { format: url, title: Address }   # choose: the document names no absolute address\n"
            .to_owned(),
    };
    text.push_str(&base);
    for setting in settings.iter() {
        text.push_str(&format!("  {}: {}\n", setting.name, setting.line));
    }
    text.push_str(&format!("\nhttp:\n  base_url: {}\n", quoted(&format!("{{settings.base_url}}{}", service.path))));
    for comment in &service.auth_comments {
        text.push_str(&format!("  {comment}\n"));
    }
    text.push_str(&format!("  auth: {}\n", service.auth));
    text.push_str("  # choose: the vendor's limits; none are in the document\n  rate_limit: { scheme: none, concurrency: 2, keep_free: 10% }\n");
    notes.choose("http.rate_limit", "the document says nothing about limits: two requests at once, without a budget");
    text.push_str(&format!("\n{check}\n"));
    text.push_str(&body);
    text
}

fn one(text: &mut String, stream: &Stream<'_>, settings: &mut Vec<Setting>, notes: &mut Notes) {
    for comment in &stream.comments {
        text.push_str(&format!("  {comment}\n"));
    }
    let key = std::slice::from_ref(&stream.key);
    text.push_str(&format!(
        "  {}:\n    title: {}\n    entity: {}\n",
        stream.name,
        quoted(&stream.title),
        stream.entity
    ));
    text.push_str(&format!("    key: {}\n", quoted(&format!("{{{}}}", member("record", key)))));
    match &stream.version {
        None => text.push_str(
            "    version: none                # guess: no property looks like a time of change or a revision\n",
        ),
        Some(version) => {
            let value = quoted(&format!("{{{}}}", member("record", std::slice::from_ref(&version.field))));
            let line = if version.kind == "timestamp" {
                value
            } else {
                format!("{{ kind: {}, value: {value} }}", version.kind)
            };
            text.push_str(&format!("    version: {line}\n"));
        }
    }
    read(text, stream, settings);
    if let Some(get) = &stream.get {
        let Template { text: path, .. } = template(&get.path, Some(""), settings);
        let record = get.record.as_ref().map_or_else(String::new, |record| format!(", record: {}", as_path(record)));
        text.push_str(&format!("    get: {{ get: {}{record} }}\n", quoted(&path)));
    }
    write(text, stream, settings, notes);
}

fn as_path(name: &str) -> String {
    scalar(&path(&[name.to_owned()]))
}

fn read(text: &mut String, stream: &Stream<'_>, settings: &mut Vec<Setting>) {
    let Template { text: path, .. } = template(&stream.path, None, settings);
    let mut query: Vec<String> = Vec::new();
    if let Some((name, size)) = &stream.paging.size {
        query.push(format!("{}: {size}", quoted(name)));
    }
    if let Some(since) = &stream.since {
        query.push(format!("{}: \"{{cursor}}\"", quoted(&since.param)));
    }
    let query = if query.is_empty() { String::new() } else { format!(", query: {{ {} }}", query.join(", ")) };
    text.push_str(&format!("    read:\n      request: {{ get: {}{query} }}\n", quoted(&path)));
    if let Some(records) = &stream.records {
        text.push_str(&format!("      records: {}\n", as_path(records)));
    }
    for comment in &stream.paging.comments {
        text.push_str(&format!("      {comment}\n"));
    }
    text.push_str(&format!("      pages: {}\n", pages(&stream.paging.pages, &stream.key)));
    match (&stream.since, &stream.version) {
        (Some(since), Some(version)) => {
            let kind = if version.kind == "unix" { "unix" } else { "time" };
            if since.unix != (kind == "unix") {
                text.push_str(
                    "      # choose: parameter and property are not of one type; see what the vendor expects\n",
                );
            }
            text.push_str(&format!(
                "      # guess: `{}` asks for what changed since, by its name\n",
                one_line(&since.param, 60)
            ));
            text.push_str(&format!(
                "      cursor: {{ kind: {kind}, field: {}, overlap: 2m }}\n      every: 60s\n",
                as_path(&version.field)
            ));
        }
        (Some(_) | None, _) => {
            text.push_str(
                "      # choose: no parameter asks for what changed; a snapshot reads the whole list every time\n",
            );
            text.push_str("      cursor: { kind: snapshot }\n      every: 15m\n");
        }
    }
}

fn pages(pages: &Pages, key: &str) -> String {
    let yaml = |names: &[String]| scalar(&path(names));
    let sized = |param: &String, size_param: &Option<String>, size: u32| {
        let size_param = size_param.as_ref().map_or_else(String::new, |name| format!(", size_param: {}", quoted(name)));
        format!("param: {}{size_param}, size: {size}", quoted(param))
    };
    match pages {
        Pages::Single => "{ scheme: single }".to_owned(),
        Pages::LinkHeader => "{ scheme: link_header }".to_owned(),
        Pages::NextUrl { path } => format!("{{ scheme: next_url, path: {} }}", yaml(path)),
        Pages::CursorToken { path, param } => {
            format!("{{ scheme: cursor_token, path: {}, param: {} }}", yaml(path), quoted(param))
        }
        Pages::PageNumber { param, size_param, size, start } => {
            let start = if *start == 1 { String::new() } else { format!(", start: {start}") };
            format!("{{ scheme: page_number, {}{start} }}", sized(param, size_param, *size))
        }
        Pages::Offset { param, size_param, size } => {
            format!("{{ scheme: offset, {} }}", sized(param, size_param, *size))
        }
        Pages::LastId { param, has_more } => {
            let more = has_more.as_ref().map_or_else(String::new, |path| format!(", has_more: {}", yaml(path)));
            format!("{{ scheme: last_id, param: {}, id: {}{more} }}", quoted(param), as_path(key))
        }
    }
}

fn write(text: &mut String, stream: &Stream<'_>, settings: &mut Vec<Setting>, notes: &mut Notes) {
    let about = format!("stream `{}`", stream.name);
    let known = stream.create.as_ref().filter(|create| !matches!(once(create), Once::Unknown));
    if known.is_some() || stream.update.is_some() {
        text.push_str("    write:\n");
    }
    match (&stream.create, known) {
        (_, Some(create)) => {
            operation(text, "create", create, stream, None, settings);
            idempotency(text, create, stream, settings);
        }
        (Some(create), None) => {
            let reason = "nothing in the document keeps a repeated create from a second effect: find the vendor's idempotency key, or a look-up";
            notes.choose(&about, format!("create is left out: {reason}"));
            text.push_str(&format!("      # choose: {reason}\n"));
            let mut off = String::new();
            operation(&mut off, "create", create, stream, None, settings);
            for line in off.lines() {
                text.push_str(&format!("      # {}\n", line.trim_start_matches("      ")));
            }
        }
        (None, None) => {}
    }
    if let Some(update) = &stream.update {
        operation(text, "update", update, stream, Some(""), settings);
    }
}

fn operation(
    text: &mut String,
    kind: &str,
    write: &Write<'_>,
    stream: &Stream<'_>,
    key: Option<&str>,
    settings: &mut Vec<Setting>,
) {
    let Template { text: path, .. } = template(&write.path, key, settings);
    let json = write
        .wrapper
        .as_ref()
        .map_or_else(|| "\"{record}\"".to_owned(), |name| format!("{{ {}: \"{{record}}\" }}", quoted(name)));
    text.push_str(&format!("      {kind}:\n        {}: {}\n        json: {json}\n", write.method, quoted(&path)));
    if let Some(answer) = &write.answer {
        let at = |field: &String| {
            let names: Vec<String> = answer.iter().cloned().chain([field.clone()]).collect();
            quoted(&format!("{{{}}}", member("body", &names)))
        };
        text.push_str(&format!("        response: {{ id: {} }}\n", at(&stream.key)));
    } else {
        text.push_str("        # choose: the document does not show where the answer has the record's id\n");
    }
}

fn idempotency(text: &mut String, write: &Write<'_>, stream: &Stream<'_>, settings: &mut Vec<Setting>) {
    match once(write) {
        Once::Header(name) => {
            text.push_str("        # choose: `ttl`, how long the vendor remembers a key\n");
            text.push_str(&format!(
                "        idempotency: {{ scheme: header, name: {}, value: \"{{idempotency_key}}\", ttl: 24h }}\n",
                quoted(name)
            ));
        }
        Once::Lookup(parameter, property) => {
            let Template { text: path, .. } = template(&stream.path, None, settings);
            let field = [property.to_owned()];
            text.push_str(&format!("        # guess: the list's parameter `{}` finds what was created\n        idempotency:\n          scheme: lookup\n", one_line(parameter, 60)));
            text.push_str(&format!(
                "          request: {{ get: {}, query: {{ {}: {} }} }}\n",
                quoted(&path),
                quoted(parameter),
                quoted(&format!("{{{}}}", member("record", &field)))
            ));
            if let Some(records) = &stream.records {
                text.push_str(&format!("          found: {}\n", as_path(records)));
            }
            text.push_str(&format!("          id: {}\n", as_path(&stream.key)));
            text.push_str(&format!(
                "          matches: {}\n",
                quoted(&format!("{} == {}", member("candidate", &field), member("record", &field)))
            ));
        }
        Once::Unknown => {}
    }
}
