//! Request bodies as templates.
//!
//! Not here: rendering them (the HTTP engine), which also escapes every inserted value for JSON, form or XML.

use crate::config::yaml::{Context, Decode, Entry, Kind, MapReader, Node, Spanned};

use super::request::{Fields, fields};
use crate::mapping::expr::Template;

#[derive(Debug, Clone)]
pub enum Body {
    None,
    Json(JsonTemplate),
    /// A list, one line of JSON for each of its items.
    JsonLines(JsonTemplate),
    Form(Fields),
    /// `query` is literal text (its braces are GraphQL's); values travel as variables.
    GraphQl {
        query: String,
        variables: Vec<(String, JsonTemplate)>,
    },
    Xml(XmlContent),
    /// The content of `soap:Body`; the engine writes the envelope.
    Soap {
        version: SoapVersion,
        action: Option<Spanned<Template>>,
        content: XmlContent,
    },
    /// JSON-RPC 2.0; every call gets an id of its own, and an answer with another id is none.
    JsonRpc {
        method: Spanned<Template>,
        params: JsonTemplate,
    },
    XmlRpc {
        method: Spanned<Template>,
        params: Vec<JsonTemplate>,
    },
    Multipart(Vec<MultipartPart>),
}

crate::choice! {
    /// The versions differ in namespace, in how the action travels, and in the form of a fault.
    pub enum SoapVersion ("version of SOAP") { V1_1 = "1.1", V1_2 = "1.2" }
}

/// XML as text with values in it, or as a tree: members are elements in their order, `"@name"` attributes, `"#text"` text
/// beside them, and a list is an element as often as it has items.
#[derive(Debug, Clone)]
pub enum XmlContent {
    Text(Spanned<Template>),
    Tree(JsonTemplate),
}

impl Decode for XmlContent {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        match &node.kind {
            Kind::Map(_) => JsonTemplate::decode(node, cx).map(Self::Tree),
            Kind::Scalar(_) | Kind::Seq(_) => Spanned::<Template>::decode(node, cx).map(Self::Text),
        }
    }
}

/// One part of a `multipart/form-data` body; one whose name ends in `?` is left out when it comes out empty.
#[derive(Debug, Clone)]
pub struct MultipartPart {
    pub name: String,
    pub content: PartContent,
    pub filename: Option<Spanned<Template>>,
    pub content_type: Option<String>,
}

#[derive(Debug, Clone)]
pub enum PartContent {
    Text(Spanned<Template>),
    /// Text in base64 whose bytes are sent.
    Base64(Spanned<Template>),
}

/// A JSON value whose text leaves are templates. A leaf that is one single `{expression}` becomes the expression's value with its
/// type (a list, a number); a leaf with text around it becomes text. A member whose name ends in `?` is
/// left out when its value comes out null or empty, as `{record.note?}` may (the `?` of the name is not sent).
#[derive(Debug, Clone)]
pub enum JsonTemplate {
    Null,
    Bool(bool),
    /// Digits as written, never a float.
    Number(serde_json::Number),
    Text(Spanned<Template>),
    List(Vec<JsonTemplate>),
    Map(Vec<(String, JsonTemplate)>),
}

impl Decode for JsonTemplate {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        match &node.kind {
            Kind::Seq(items) => {
                let items: Vec<Option<Self>> = items.iter().map(|item| Self::decode(item, cx)).collect();
                items.into_iter().collect::<Option<Vec<Self>>>().map(Self::List)
            }
            Kind::Map(entries) => {
                let read = |entry: &Entry| Some((entry.key.clone(), Self::decode(&entry.value, cx)?));
                let members: Vec<Option<(String, Self)>> = entries.iter().map(read).collect();
                members.into_iter().collect::<Option<Vec<_>>>().map(Self::Map)
            }
            Kind::Scalar(scalar) if scalar.is_null() => Some(Self::Null),
            Kind::Scalar(scalar) if scalar.plain && scalar.text == "true" => Some(Self::Bool(true)),
            Kind::Scalar(scalar) if scalar.plain && scalar.text == "false" => Some(Self::Bool(false)),
            Kind::Scalar(scalar) => match number(&scalar.text).filter(|_| scalar.plain) {
                Some(number) => Some(Self::Number(number)),
                None => Spanned::<Template>::decode(node, cx).map(Self::Text),
            },
        }
    }
}

/// Only what JSON itself calls a number: `0123` and `1.` are text.
fn number(text: &str) -> Option<serde_json::Number> {
    let starts = text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    if starts { serde_json::from_str(text).ok() } else { None }
}

const KINDS: [&str; 9] = ["json", "json_lines", "form", "graphql", "xml", "soap", "json_rpc", "xml_rpc", "multipart"];

impl Body {
    /// Reads the one body of a request, if it has one.
    pub(super) fn read(map: &MapReader<'_>) -> Option<Self> {
        let json = map.optional::<JsonTemplate>("json").map(Body::Json);
        let json_lines = map.optional::<JsonTemplate>("json_lines").map(Body::JsonLines);
        if matches!(
            &json_lines,
            Some(Body::JsonLines(
                JsonTemplate::Null | JsonTemplate::Bool(_) | JsonTemplate::Number(_) | JsonTemplate::Map(_)
            ))
        ) {
            map.error(
                "json_lines",
                "lines of JSON are made of a list",
                "write a list, or one value that is one: \"{batch.items}\"",
            );
        }
        let form = map.node("form").map(|node| fields(node, map.context()).map(Body::Form));
        let graphql = map.node("graphql").map(|node| graphql(node, map.context()));
        let xml = map.optional("xml").map(Body::Xml);
        let soap = map.node("soap").map(|node| soap(node, map.context()));
        let json_rpc = map.node("json_rpc").map(|node| json_rpc(node, map.context()));
        let xml_rpc = map.node("xml_rpc").map(|node| xml_rpc(node, map.context()));
        let multipart = map.node("multipart").map(|node| multipart(node, map.context()));
        let given: Vec<&str> = KINDS.into_iter().filter(|key| map.has(key)).collect();
        match given.as_slice() {
            [] => Some(Body::None),
            [_] => {
                let described = [form, graphql, soap, json_rpc, xml_rpc, multipart];
                json.or(json_lines).or(xml).or_else(|| described.into_iter().flatten().flatten().next())
            }
            [_, second, ..] => {
                map.error(second, format!("a request has one body, not {}", given.join(" and ")), "keep one of them");
                None
            }
        }
    }
}

fn graphql(node: &Node, cx: &Context) -> Option<Body> {
    let map = cx.map(node, "graphql body")?;
    let query = map.required("query");
    let variables = map.named::<JsonTemplate>("variables");
    map.finish();
    let variables = variables.into_iter().map(|(name, value)| (name.value, value)).collect();
    Some(Body::GraphQl { query: query?, variables })
}

fn soap(node: &Node, cx: &Context) -> Option<Body> {
    let map = cx.map(node, "soap body")?;
    let version = map.or("version", SoapVersion::V1_1);
    let (action, content) = (map.optional("action"), map.required("content"));
    map.finish();
    Some(Body::Soap { version, action, content: content? })
}

fn json_rpc(node: &Node, cx: &Context) -> Option<Body> {
    let map = cx.map(node, "json_rpc body")?;
    let method = map.required("method");
    let params = if map.has("params") { map.optional("params") } else { Some(JsonTemplate::Map(Vec::new())) };
    if matches!(params, Some(JsonTemplate::Null | JsonTemplate::Bool(_) | JsonTemplate::Number(_))) {
        map.error("params", "parameters are a list or an object", "write `params: [...]` or `params: { name: value }`");
    }
    map.finish();
    Some(Body::JsonRpc { method: method?, params: params? })
}

fn xml_rpc(node: &Node, cx: &Context) -> Option<Body> {
    let map = cx.map(node, "xml_rpc body")?;
    let (method, params) = (map.required("method"), map.list("params"));
    map.finish();
    Some(Body::XmlRpc { method: method?, params })
}

fn multipart(node: &Node, cx: &Context) -> Option<Body> {
    let parts = cx.named(node, "parts", part)?;
    if parts.is_empty() {
        cx.error(node.span, "a multipart body without parts", "name at least one part");
    }
    Some(Body::Multipart(parts.into_iter().map(|(_, part)| part).collect()))
}

/// A text field, or `{ text | base64, filename, type }`.
fn part(entry: &Entry, cx: &Context) -> Option<MultipartPart> {
    let name = entry.key.clone();
    if !matches!(entry.value.kind, Kind::Map(_)) {
        let content = PartContent::Text(Spanned::<Template>::decode(&entry.value, cx)?);
        return Some(MultipartPart { name, content, filename: None, content_type: None });
    }
    let map = cx.map(&entry.value, format!("part `{name}`"))?;
    let (text, base64) = (map.optional("text"), map.optional("base64"));
    let (filename, content_type) = (map.optional("filename"), map.optional("type"));
    if map.has("text") == map.has("base64") {
        cx.error(entry.value.span, "a part has one content", "write either `text` or `base64`");
    }
    map.finish();
    let content = text.map(PartContent::Text).or(base64.map(PartContent::Base64));
    Some(MultipartPart { name, content: content?, filename, content_type })
}
