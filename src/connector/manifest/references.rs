//! What a template or an expression reads, found in its text: `settings.token` is root `settings`, member `token`.
//!
//! Not here: evaluation. Words inside quotes, function names, keywords and map keys do not count.

use crate::config::yaml::Place;
use crate::mapping::expr::{Expression, Template};

use super::body::{Body, JsonTemplate, MultipartPart, PartContent, XmlContent};
use super::request::Request;

/// `root` or `root.member` (also `root['member']`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub root: String,
    pub member: Option<String>,
    /// What is read is all of it, not something in it.
    pub whole: bool,
}

pub fn of_template(template: &Template) -> Vec<Reference> {
    holes(template.as_str()).into_iter().flat_map(references).collect()
}

pub fn of_expression(expression: &Expression) -> Vec<Reference> {
    references(expression.source())
}

pub fn of_request(request: &Request) -> Vec<Reference> {
    places_in_request(request).into_iter().map(|(reference, _)| reference).collect()
}

/// Everything that a request's templates read, with the place.
pub fn places_in_request(request: &Request) -> Vec<(Reference, &Place)> {
    let named = request.query.iter().chain(&request.headers).map(|(_, value)| value);
    let templates = std::iter::once(&request.path).chain(named);
    let own =
        templates.flat_map(|template| of_template(template).into_iter().map(|reference| (reference, &template.place)));
    let body = places_in_body(&request.body);
    own.chain(
        body.into_iter()
            .flat_map(|(references, place)| references.into_iter().map(move |reference| (reference, place))),
    )
    .collect()
}

pub fn places_in_body(body: &Body) -> Vec<(Vec<Reference>, &Place)> {
    match body {
        Body::None => Vec::new(),
        Body::Json(json) | Body::JsonLines(json) => json_references(json),
        Body::Form(fields) => fields.iter().map(|(_, value)| (of_template(value), &value.place)).collect(),
        Body::GraphQl { variables, .. } => variables.iter().flat_map(|(_, value)| json_references(value)).collect(),
        Body::JsonRpc { method, params } => {
            let mut found = vec![(of_template(method), &method.place)];
            found.extend(json_references(params));
            found
        }
        Body::XmlRpc { method, params } => {
            let mut found = vec![(of_template(method), &method.place)];
            found.extend(params.iter().flat_map(json_references));
            found
        }
        Body::Multipart(parts) => parts.iter().flat_map(part_references).collect(),
        Body::Xml(content) => xml_references(content),
        Body::Soap { version: _, action, content } => {
            let mut found = xml_references(content);
            found.extend(action.iter().map(|action| (of_template(action), &action.place)));
            found
        }
    }
}

fn xml_references(content: &XmlContent) -> Vec<(Vec<Reference>, &Place)> {
    match content {
        XmlContent::Text(content) => vec![(of_template(content), &content.place)],
        XmlContent::Tree(tree) => json_references(tree),
    }
}

pub fn of_json(json: &JsonTemplate) -> Vec<(Vec<Reference>, &Place)> {
    json_references(json)
}

fn part_references(part: &MultipartPart) -> Vec<(Vec<Reference>, &Place)> {
    let content = match &part.content {
        PartContent::Text(content) | PartContent::Base64(content) => content,
    };
    let templates = std::iter::once(content).chain(&part.filename);
    templates.map(|template| (of_template(template), &template.place)).collect()
}

fn json_references(json: &JsonTemplate) -> Vec<(Vec<Reference>, &Place)> {
    match json {
        JsonTemplate::Null | JsonTemplate::Bool(_) | JsonTemplate::Number(_) => Vec::new(),
        JsonTemplate::Text(template) => vec![(of_template(template), &template.place)],
        JsonTemplate::List(items) => items.iter().flat_map(json_references).collect(),
        JsonTemplate::Map(members) => members.iter().flat_map(|(_, value)| json_references(value)).collect(),
    }
}

/// The text between single braces of a template that has been parsed before.
fn holes(template: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let tail = &rest[at..];
        if tail.starts_with("{{") || tail.starts_with("}}") {
            rest = &tail[2..];
            continue;
        }
        let Some(inner) = tail.strip_prefix('{') else { break };
        let end = closing_brace(inner);
        found.push(&inner[..end]);
        rest = inner.get(end + 1..).unwrap_or_default();
    }
    found
}

fn closing_brace(text: &str) -> usize {
    let (mut depth, mut rest) = (0_usize, text);
    while let Some(first) = rest.chars().next() {
        match first {
            '"' | '\'' | '`' => {
                rest = after_quoted(rest, first);
                continue;
            }
            '{' => depth += 1,
            '}' if depth == 0 => return text.len() - rest.len(),
            '}' => depth -= 1,
            _ => {}
        }
        rest = &rest[first.len_utf8()..];
    }
    text.len()
}

/// What follows the quoted text that `text` starts with; a backslash hides the next character.
fn after_quoted(text: &str, quote: char) -> &str {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == quote {
            return &text[at + quote.len_utf8()..];
        }
    }
    ""
}

fn references(source: &str) -> Vec<Reference> {
    let mut found = Vec::new();
    let (mut rest, mut after_dot) = (source, false);
    while let Some(first) = rest.chars().next() {
        if matches!(first, '"' | '\'' | '`') {
            rest = after_quoted(rest, first);
            after_dot = false;
        } else if first.is_ascii_alphabetic() || first == '_' {
            let (word, tail) = identifier(rest);
            let next = tail.trim_start();
            let keyword = matches!(word, "true" | "false" | "in" | "if" | "else" | "switch");
            let named = next.starts_with('(') || (next.starts_with(':') && !next.starts_with("::"));
            if !after_dot && !keyword && !named {
                let (member, after) = member(tail);
                let whole = !after.starts_with(['.', '[', '?']) || after.starts_with("??");
                found.push(Reference { root: word.to_owned(), member, whole });
            }
            rest = tail;
            after_dot = false;
        } else if first.is_ascii_digit() {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
            after_dot = false;
        } else {
            after_dot = first == '.';
            rest = &rest[first.len_utf8()..];
        }
    }
    found
}

/// The member that is read, and what follows it or, without one, the root.
fn member(after_root: &str) -> (Option<String>, &str) {
    let none = (None, after_root);
    if let Some(tail) = after_root.strip_prefix('.') {
        let (word, after) = identifier(tail);
        return if word.is_empty() || after.starts_with('(') { none } else { (Some(word.to_owned()), after) };
    }
    let Some(inner) = after_root.strip_prefix('[') else { return none };
    let Some(quote) = inner.chars().next().filter(|c| matches!(c, '"' | '\'')) else { return none };
    let Some((name, after)) = inner[1..].split_once(quote) else { return none };
    (Some(name.to_owned()), after.strip_prefix(']').unwrap_or(after))
}

fn identifier(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(template: &str, expected: &str) {
        let found = of_template(&Template::parse(template).unwrap());
        let shown = |r: Reference| r.member.map_or(r.root.clone(), |member| format!("{}.{member}", r.root));
        assert_eq!(found.into_iter().map(shown).collect::<Vec<_>>().join(" "), expected, "{template}");
    }

    #[test]
    fn roots_and_members_are_found() {
        check("https://{settings.shop}/x/{settings.version}", "settings.shop settings.version");
        check("{headers['x-shopify-topic']}", "headers.x-shopify-topic");
        check("{steps.order.lines[0].id?}", "steps.order");
        check("{{literal}} {key}", "key");
        check("{record.a + record.b.len() + 12}", "record.a record.b");
        check("{if status == \"settings.x}\" { key } else { record.y }}", "status key record.y");
        check("{#{a: record.z}.a}", "record.z");
        check("plain", "");
    }
}
