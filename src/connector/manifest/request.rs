//! One HTTP request as a template.
//!
//! Not here: sending it, or the base URL, authentication and default headers, which come from `http`.

use crate::config::yaml::{Context, Decode, Entry, Kind, MapReader, Node, Place, Spanned};

use super::body::Body;
use super::errors::ErrorRule;
use crate::mapping::expr::{Expression, Template};

crate::choice! {
    pub enum Method ("method") {
        Get = "get",
        Head = "head",
        Post = "post",
        Put = "put",
        Patch = "patch",
        Delete = "delete",
    }
}

/// Named values in file order; a name may repeat (`expand[]`).
pub type Fields = Vec<(String, Spanned<Template>)>;

/// Written `{ get: /orders.json, query: {...} }`. A query, header or form field whose name ends in `?` is left out when its
/// template comes out null or empty, as `{record.note?}` may (the `?` of the name is not sent).
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    /// Appended to `http.base_url`.
    pub path: Spanned<Template>,
    pub query: Fields,
    pub headers: Fields,
    pub body: Body,
    /// Over `status`, `headers`, `body`; takes the place of the connector's.
    pub success: Option<Spanned<Expression>>,
    /// Asked before the connector's own; first match wins.
    pub errors: Vec<ErrorRule>,
    /// What the call costs of the rate budget, where calls do not cost alike.
    pub cost: Option<u32>,
    pub place: Place,
}

impl Request {
    /// The keys of a request out of a map that may hold others; the caller finishes the map.
    pub(super) fn read(map: &MapReader<'_>) -> Option<Self> {
        let paths = [
            (Method::Get, map.optional::<Spanned<Template>>("get")),
            (Method::Head, map.optional("head")),
            (Method::Post, map.optional("post")),
            (Method::Put, map.optional("put")),
            (Method::Patch, map.optional("patch")),
            (Method::Delete, map.optional("delete")),
        ];
        let query = map.node("query").map_or(Some(Vec::new()), |node| fields(node, map.context()));
        let headers = map.node("headers").map_or(Some(Vec::new()), |node| fields(node, map.context()));
        let body = Body::read(map);
        let (success, cost) = (map.optional("success"), map.optional("cost"));
        let errors = map.list("errors");
        if cost == Some(0) {
            map.error("cost", "a call that costs nothing", "write at least 1");
        }
        let given: Vec<&str> = paths.iter().map(|(method, _)| method.as_str()).filter(|key| map.has(key)).collect();
        if given.len() != 1 {
            let message = match given.as_slice() {
                [] => format!("{} has no request line", map.what()),
                many => format!("{} has several request lines: {}", map.what(), many.join(", ")),
            };
            let help =
                "write exactly one of get, head, post, put, patch, delete with a path, such as `get: /orders.json`";
            map.context().error(map.span(), message, help);
            return None;
        }
        let (method, path) = paths.into_iter().find_map(|(method, path)| Some((method, path?)))?;
        let place = map.context().place(map.span());
        let starts =
            path.as_str().starts_with('/') || path.as_str().starts_with("https://") || path.as_str().starts_with('{');
        if !starts && !path.as_str().is_empty() {
            map.context().error(
                path.place.span,
                "a path starts with `/`",
                "write `/orders.json`; it is appended to http.base_url",
            );
        }
        if matches!(method, Method::Get | Method::Head) && body.as_ref().is_some_and(|body| !matches!(body, Body::None))
        {
            map.error(method.as_str(), "a read request has no body", "use `post`, or put the values into `query`");
        }
        Some(Self { method, path, query: query?, headers: headers?, body: body?, success, errors, cost, place })
    }
}

impl Decode for Request {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "request")?;
        let request = Self::read(&map);
        map.finish();
        request
    }
}

/// A map of names to templates; a list gives the name once per item.
pub(super) fn fields(node: &Node, cx: &Context) -> Option<Fields> {
    let read = |entry: &Entry, cx: &Context| match &entry.value.kind {
        Kind::Seq(_) => Vec::<Spanned<Template>>::decode(&entry.value, cx),
        Kind::Scalar(_) | Kind::Map(_) => Spanned::<Template>::decode(&entry.value, cx).map(|value| vec![value]),
    };
    let named = cx.named(node, "names and values", read)?;
    let flat =
        named.into_iter().flat_map(|(name, values)| values.into_iter().map(move |value| (name.value.clone(), value)));
    Some(flat.collect())
}
