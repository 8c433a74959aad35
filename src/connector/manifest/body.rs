//! Request bodies as templates.
//!
//! Not here: rendering them (the HTTP engine), which also escapes every inserted value for JSON, form or XML.

use crate::config::yaml::{Context, Decode, Kind, MapReader, Node, Spanned};

use super::request::{Fields, fields};
use crate::mapping::expr::Template;

#[derive(Debug, Clone)]
pub enum Body {
    None,
    Json(JsonTemplate),
    Form(Fields),
    /// `query` is literal text (its braces are GraphQL's); values travel as variables.
    GraphQl {
        query: String,
        variables: Vec<(String, JsonTemplate)>,
    },
    Xml(Spanned<Template>),
    /// The content of `soap:Body`; the engine writes the envelope (SOAP 1.1).
    Soap {
        action: Option<Spanned<Template>>,
        content: Spanned<Template>,
    },
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
                let read =
                    |entry: &crate::config::yaml::Entry| Some((entry.key.clone(), Self::decode(&entry.value, cx)?));
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

impl Body {
    /// Reads `json`, `form`, `graphql`, `xml` or `soap` of a request; at most one.
    pub(super) fn read(map: &MapReader<'_>) -> Option<Self> {
        let json = map.optional::<JsonTemplate>("json").map(Body::Json);
        let form = map.node("form").map(|node| fields(node, map.context()).map(Body::Form));
        let graphql = map.node("graphql").map(|node| graphql(node, map.context()));
        let xml = map.optional("xml").map(Body::Xml);
        let soap = map.node("soap").map(|node| soap(node, map.context()));
        let given: Vec<&str> =
            ["json", "form", "graphql", "xml", "soap"].into_iter().filter(|key| map.has(key)).collect();
        match given.as_slice() {
            [] => Some(Body::None),
            [_] => json.or(form.flatten()).or(graphql.flatten()).or(xml).or(soap.flatten()),
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
    let action = map.optional("action");
    let content = map.required("content");
    map.finish();
    Some(Body::Soap { action, content: content? })
}
