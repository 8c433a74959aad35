//! From a manifest's request and the values at hand to what goes over the wire.
//!
//! Not here: authentication and signatures (added when sending), which page is asked for (`pages`).

use std::borrow::Cow;
use std::cell::Cell;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::Url;
use serde_json::{Map, Value};
use thiserror::Error;

use super::guard::Base;
use super::{form, multipart, protocol, soap, xml, xml_rpc, xml_tree};
use crate::config::yaml::Spanned;
use crate::connector::manifest::{Body, Fields, JsonTemplate, Method, MultipartPart, PartContent, Request, XmlContent};
use crate::mapping::expr::{Path, Scope, Step, Template, TemplateError};

/// A request that cannot be built from the values at hand; nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RenderError {
    #[error("{what}: {error}")]
    Template { what: String, error: TemplateError },
    #[error("{what} {reason}")]
    Value { what: String, reason: String },
}

/// A request without its proof of who we are.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub method: http::Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Content,
}

#[derive(Debug, Clone)]
pub enum Content {
    None,
    Json(Value),
    Text { content_type: &'static str, text: String },
    Multipart { boundary: String, bytes: Vec<u8> },
}

impl Content {
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Content::None => Vec::new(),
            Content::Json(value) => value.to_string().into_bytes(),
            Content::Text { text, .. } => text.clone().into_bytes(),
            Content::Multipart { bytes, .. } => bytes.clone(),
        }
    }

    pub fn content_type(&self) -> Option<Cow<'static, str>> {
        match self {
            Content::None => None,
            Content::Json(_) => Some("application/json".into()),
            Content::Text { content_type, .. } => Some((*content_type).into()),
            Content::Multipart { boundary, .. } => Some(format!("multipart/form-data; boundary={boundary}").into()),
        }
    }
}

/// Renders `request` under `base`. Query parameters that read a name in `without` are left out, and so are members of the body
/// that cannot do without it.
pub fn render(base: &Base, request: &Request, scope: &Scope<'_>, without: &[&str]) -> Result<Outgoing, RenderError> {
    let mut url = address(base, &request.path, scope)?;
    let kept = request.query.iter().filter(|(_, value)| !without.iter().any(|name| value.reads(name)));
    let query = pairs("query parameter", kept, scope)?;
    let query: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{}={}", form::percent_encode(name), form::percent_encode(value)))
        .collect();
    if !query.is_empty() {
        let joined = url.query().into_iter().filter(|own| !own.is_empty()).map(str::to_owned).chain(query);
        let joined = joined.collect::<Vec<_>>().join("&");
        url.set_query(Some(&joined));
    }
    let mut headers = HeaderMap::new();
    add_headers(&mut headers, &request.headers, scope)?;
    let body = body(&left_out(&request.body, scope, without), scope, &mut headers)?;
    Ok(Outgoing { method: method(request.method), url, headers, body })
}

/// The body without what has no value on a first page or a first read; a template that can do without it (`{page?}`) stays.
fn left_out<'b>(body: &'b Body, scope: &Scope<'_>, without: &[&str]) -> Cow<'b, Body> {
    if without.is_empty() {
        return Cow::Borrowed(body);
    }
    let lacks = |template: &Template| without.iter().any(|name| template.reads(name)) && template.value(scope).is_err();
    let mut kept = body.clone();
    match &mut kept {
        Body::Json(json) | Body::JsonLines(json) | Body::JsonRpc { params: json, .. } => prune(json, &lacks),
        Body::XmlRpc { params, .. } => params.iter_mut().for_each(|json| prune(json, &lacks)),
        Body::GraphQl { variables, .. } => prune_members(variables, &lacks),
        Body::Form(fields) => fields.retain(|(_, value)| !lacks(value)),
        Body::None | Body::Xml(_) | Body::Soap { .. } | Body::Multipart(_) => {}
    }
    Cow::Owned(kept)
}

fn prune(json: &mut JsonTemplate, lacks: &dyn Fn(&Template) -> bool) {
    match json {
        JsonTemplate::Map(members) => prune_members(members, lacks),
        JsonTemplate::List(items) => items.iter_mut().for_each(|item| prune(item, lacks)),
        JsonTemplate::Null | JsonTemplate::Bool(_) | JsonTemplate::Number(_) | JsonTemplate::Text(_) => {}
    }
}

fn prune_members(members: &mut Vec<(String, JsonTemplate)>, lacks: &dyn Fn(&Template) -> bool) {
    members.retain(|(_, value)| !matches!(value, JsonTemplate::Text(template) if lacks(template)));
    members.iter_mut().for_each(|(_, value)| prune(value, lacks));
}

/// Adds rendered headers; later ones replace earlier ones of the same name.
pub fn add_headers(headers: &mut HeaderMap, fields: &Fields, scope: &Scope<'_>) -> Result<(), RenderError> {
    for (name, value) in pairs("header", fields.iter(), scope)? {
        let (name, value) = header(&name, &value)?;
        headers.insert(name, value);
    }
    Ok(())
}

/// Checks a header for what must not be in one; the value is not repeated in the error, it may be a secret.
pub fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), RenderError> {
    let wrong = |reason: &str| RenderError::Value { what: format!("header `{name}`"), reason: reason.to_owned() };
    let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("is not a header name"))?;
    let mut value =
        HeaderValue::from_str(value).map_err(|_| wrong("contains a line break or another control character"))?;
    // Keeps values out of debug output; any header may carry a credential.
    value.set_sensitive(true);
    Ok((header, value))
}

pub fn text(what: &str, template: &Template, scope: &Scope<'_>) -> Result<String, RenderError> {
    template.render(scope).map_err(|error| RenderError::Template { what: what.to_owned(), error })
}

/// As `text`, for what need not be given; empty counts as not given.
pub fn optional_text(
    what: &str,
    template: Option<&Spanned<Template>>,
    scope: &Scope<'_>,
) -> Result<Option<String>, RenderError> {
    let Some(template) = template else { return Ok(None) };
    Ok(Some(text(what, template, scope)?).filter(|text| !text.trim().is_empty()))
}

/// Query parameters, headers and form fields with their names; those with a `?` are left out when they come out empty.
fn pairs<'f>(
    what: &str,
    fields: impl Iterator<Item = &'f (String, Spanned<Template>)>,
    scope: &Scope<'_>,
) -> Result<Vec<(String, String)>, RenderError> {
    let mut found = Vec::new();
    for (name, value) in fields {
        let (bare, optional) = optional(name);
        let value = text(&format!("{what} `{bare}`"), value, scope)?;
        if !(optional && value.is_empty()) {
            found.push((bare.to_owned(), value));
        }
    }
    Ok(found)
}

fn optional(name: &str) -> (&str, bool) {
    name.strip_suffix('?').map_or((name, false), |bare| (bare, true))
}

const FORM: &str = "application/x-www-form-urlencoded";
const ELSEWHERE: &str = "leads to another host than the connection's; if it is to be called, add it to `allow_hosts`";

/// Values become one path segment each: a slash in a key must not lead elsewhere, nor may `..`.
fn address(base: &Base, path: &Template, scope: &Scope<'_>) -> Result<Url, RenderError> {
    let wrong = |reason: &str| RenderError::Value { what: "the path".to_owned(), reason: reason.to_owned() };
    let failed = |error| RenderError::Template { what: "the path".to_owned(), error };
    if path.as_str().starts_with('{') {
        // An address that the vendor gave us, whole.
        let given = path.render(scope).map_err(failed)?;
        let url = base.url.join(&given).map_err(|_| wrong("is not an address"))?;
        return if base.reaches(&url) { Ok(url) } else { Err(wrong(ELSEWHERE)) };
    }
    let dotted = Cell::new(false);
    let rendered = path.render_with(scope, |value| {
        dotted.set(dotted.get() || matches!(value, "." | ".." | ""));
        Cow::Owned(form::percent_encode(value))
    });
    let rendered = rendered.map_err(failed)?;
    if dotted.get() {
        return Err(wrong("would contain an empty value, `.` or `..`, which leads to another object"));
    }
    if rendered.is_empty() {
        return Ok(base.url.clone());
    }
    let whole = if rendered.starts_with("https://") || rendered.starts_with("http://") {
        rendered
    } else {
        format!("{}{rendered}", base.url.as_str().trim_end_matches('/'))
    };
    let url = Url::parse(&whole).map_err(|_| wrong("is not an address"))?;
    if base.reaches(&url) { Ok(url) } else { Err(wrong(ELSEWHERE)) }
}

fn body(body: &Body, scope: &Scope<'_>, headers: &mut HeaderMap) -> Result<Content, RenderError> {
    Ok(match body {
        Body::None => Content::None,
        Body::Json(template) => Content::Json(json("the body", template, scope)?),
        Body::JsonLines(template) => {
            Content::Text { content_type: "application/x-ndjson", text: json_lines(template, scope)? }
        }
        Body::Form(fields) => Content::Text { content_type: FORM, text: form_text(fields, scope)? },
        Body::GraphQl { query, variables } => {
            let variables = members(variables, scope)?;
            Content::Json(serde_json::json!({ "query": query, "variables": variables }))
        }
        Body::JsonRpc { method, params } => {
            let method = text("the method", method, scope)?;
            let params = json("the parameters", params, scope)?;
            let id = protocol::next_id();
            Content::Json(serde_json::json!({ "jsonrpc": "2.0", "method": method, "params": params, "id": id }))
        }
        Body::XmlRpc { method, params } => {
            let method = text("the method", method, scope)?;
            let params = params.iter().map(|param| json("a parameter", param, scope)).collect::<Result<Vec<_>, _>>()?;
            Content::Text { content_type: "text/xml; charset=utf-8", text: xml_rpc::call(&method, &params) }
        }
        Body::Multipart(parts) => {
            let (boundary, bytes) = multipart::encode(&parts_of(parts, scope)?);
            Content::Multipart { boundary, bytes }
        }
        Body::Xml(content) => {
            Content::Text { content_type: "application/xml; charset=utf-8", text: xml_text(content, scope)? }
        }
        Body::Soap { version, action, content } => {
            let action = optional_text("the SOAP action", action.as_ref(), scope)?;
            let text = soap::envelope(*version, &xml_text(content, scope)?);
            for (name, value) in soap::headers(*version, action.as_deref()) {
                let (name, value) = header(name, &value)?;
                headers.entry(name).or_insert(value);
            }
            Content::Text { content_type: soap::content_type(*version), text }
        }
    })
}

/// Puts a text into a rendered body: a member of a JSON object, made with the objects around it where they are absent, or a
/// field of a form.
pub fn put(body: &mut Content, path: &Path, text: String) -> Result<(), RenderError> {
    let refuse = |reason: &str| RenderError::Value { what: format!("`{}`", path.as_str()), reason: reason.to_owned() };
    match body {
        Content::Json(whole) => {
            let mut node = whole;
            for step in path.steps() {
                node = match (step, node) {
                    (Step::Name(name), Value::Object(members)) => {
                        members.entry(name.to_string()).or_insert_with(|| Value::Object(Map::new()))
                    }
                    (Step::Index(index), Value::Array(items)) => {
                        items.get_mut(*index).ok_or_else(|| refuse("is beyond the list's end"))?
                    }
                    (Step::Name(_) | Step::Index(_) | Step::Each, _) => return Err(refuse("is not in the body")),
                };
            }
            *node = Value::String(text);
            Ok(())
        }
        Content::Text { content_type: FORM, text: fields } => {
            let field = format!("{}={}", form::percent_encode(path.as_str()), form::percent_encode(&text));
            if !fields.is_empty() {
                fields.push('&');
            }
            fields.push_str(&field);
            Ok(())
        }
        Content::None | Content::Text { .. } | Content::Multipart { .. } => Err(refuse("has no place in such a body")),
    }
}

fn json_lines(template: &JsonTemplate, scope: &Scope<'_>) -> Result<String, RenderError> {
    match json("the body", template, scope)? {
        Value::Array(items) => Ok(items.iter().map(|item| format!("{item}\n")).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            Err(RenderError::Value { what: "the body".to_owned(), reason: "is not a list".to_owned() })
        }
    }
}

fn parts_of(described: &[MultipartPart], scope: &Scope<'_>) -> Result<Vec<multipart::Part>, RenderError> {
    let mut parts = Vec::new();
    for part in described {
        let (name, optional) = optional(&part.name);
        let what = format!("part `{name}`");
        let content = match &part.content {
            PartContent::Text(content) => text(&what, content, scope)?.into_bytes(),
            PartContent::Base64(content) => {
                let encoded: String = text(&what, content, scope)?.split_whitespace().collect();
                let reason = || RenderError::Value { what: what.clone(), reason: "is not base64".to_owned() };
                STANDARD.decode(encoded).map_err(|_| reason())?
            }
        };
        if optional && content.is_empty() {
            continue;
        }
        let filename = part.filename.as_ref().map(|filename| text(&what, filename, scope)).transpose()?;
        let content_type = part.content_type.clone();
        parts.push(multipart::Part { name: name.to_owned(), filename, content_type, content });
    }
    Ok(parts)
}

fn xml_text(content: &XmlContent, scope: &Scope<'_>) -> Result<String, RenderError> {
    match content {
        XmlContent::Text(template) => {
            let rendered = template.render_with(scope, |value| Cow::Owned(xml::escape(value)));
            rendered.map_err(|error| RenderError::Template { what: "the body".to_owned(), error })
        }
        XmlContent::Tree(tree) => xml_tree::write(&json("the body", tree, scope)?)
            .map_err(|reason| RenderError::Value { what: "the body".to_owned(), reason }),
    }
}

fn form_text(fields: &Fields, scope: &Scope<'_>) -> Result<String, RenderError> {
    let mut pieces = Vec::new();
    for (name, template) in fields {
        let (bare, optional) = optional(name);
        let what = || format!("form field `{bare}`");
        let value = template.value(scope).map_err(|error| RenderError::Template { what: what(), error })?;
        if optional && is_empty(&value) {
            continue;
        }
        let one = Value::Object(Map::from_iter([(bare.to_owned(), value)]));
        let encoded =
            form::encode(&one).map_err(|error| RenderError::Value { what: what(), reason: error.to_string() })?;
        pieces.push(encoded);
    }
    pieces.retain(|piece| !piece.is_empty());
    Ok(pieces.join("&"))
}

pub fn json(what: &str, template: &JsonTemplate, scope: &Scope<'_>) -> Result<Value, RenderError> {
    Ok(match template {
        JsonTemplate::Null => Value::Null,
        JsonTemplate::Bool(flag) => Value::Bool(*flag),
        JsonTemplate::Number(number) => Value::Number(number.clone()),
        JsonTemplate::Text(template) => {
            template.value(scope).map_err(|error| RenderError::Template { what: what.to_owned(), error })?
        }
        JsonTemplate::List(items) => {
            Value::Array(items.iter().map(|item| json(what, item, scope)).collect::<Result<_, _>>()?)
        }
        JsonTemplate::Map(entries) => members(entries, scope)?,
    })
}

fn members(entries: &[(String, JsonTemplate)], scope: &Scope<'_>) -> Result<Value, RenderError> {
    let mut object = Map::new();
    for (name, template) in entries {
        let (bare, optional) = optional(name);
        let value = json(&format!("body member `{bare}`"), template, scope)?;
        if !(optional && is_empty(&value)) {
            object.insert(bare.to_owned(), value);
        }
    }
    Ok(Value::Object(object))
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

fn method(method: Method) -> http::Method {
    match method {
        Method::Get => http::Method::GET,
        Method::Head => http::Method::HEAD,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Patch => http::Method::PATCH,
        Method::Delete => http::Method::DELETE,
    }
}
