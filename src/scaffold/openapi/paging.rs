//! How a list goes on and what it is asked again from, by the usual names of parameters and members.
//!
//! Not here: the schemes themselves (`connector::manifest`).

use super::document::Document;
use super::operations::{Operation, Parameter};
use super::schema::{Property, Type, properties, type_of};
use crate::config::yaml::Node;
use crate::scaffold::text::words;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pages {
    Single,
    LinkHeader,
    NextUrl { path: Vec<String> },
    CursorToken { path: Vec<String>, param: String },
    PageNumber { param: String, size_param: Option<String>, size: u32, start: u32 },
    Offset { param: String, size_param: Option<String>, size: u32 },
    LastId { param: String, has_more: Option<Vec<String>> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Paging {
    pub(super) pages: Pages,
    /// The parameter that says how many, where the scheme does not send it itself.
    pub(super) size: Option<(String, u32)>,
    pub(super) comments: Vec<String>,
}

const PAGE: [&str; 5] = ["page", "pagenumber", "pageno", "pageindex", "p"];
const OFFSET: [&str; 4] = ["offset", "skip", "start", "startindex"];
const SIZE: [&str; 9] = ["perpage", "pagesize", "limit", "size", "count", "top", "maxresults", "itemsperpage", "first"];
const TOKEN: [&str; 10] = [
    "cursor",
    "after",
    "pagetoken",
    "nexttoken",
    "nextcursor",
    "pagecursor",
    "continuationtoken",
    "nextpagetoken",
    "token",
    "marker",
];
const LAST_ID: [&str; 4] = ["startingafter", "afterid", "sinceid", "lastid"];
const NEXT_TOKEN: [&str; 9] = [
    "nextcursor",
    "nextpagetoken",
    "nexttoken",
    "endcursor",
    "nextpagecursor",
    "continuationtoken",
    "cursor",
    "after",
    "next",
];
const NEXT_URL: [&str; 8] =
    ["next", "nexturl", "nextpage", "nextpageurl", "nextlink", "nexthref", "nextpagelink", "href"];

/// Letters and digits only.
pub(super) fn plain(name: &str) -> String {
    words(name).concat()
}

fn find<'p, 'd>(operation: &'p Operation<'d>, names: &[&str]) -> Option<&'p Parameter<'d>> {
    names.iter().find_map(|name| operation.query().find(|parameter| plain(parameter.name) == *name))
}

pub(super) fn paging(document: &Document, operation: &Operation<'_>, list: Option<&str>) -> Paging {
    let leaves = leaves(document, operation, list);
    let leaf = |names: &[&str], wanted: fn(Type) -> bool| {
        names
            .iter()
            .find_map(|name| leaves.iter().find(|leaf| plain(&leaf.name) == *name && wanted(leaf.ty)))
            .map(|leaf| leaf.path.clone())
    };
    let mut comments = Vec::new();
    let (size_param, size) = match find(operation, &SIZE) {
        Some(parameter) => {
            let (size, known) = page_size(document, parameter);
            if !known {
                comments.push(format!(
                    "# guess: `{}` has no stated maximum; a vendor that gives fewer would end the walk early",
                    parameter.name
                ));
            }
            (Some(parameter.name.to_owned()), size)
        }
        None => (None, 0),
    };
    let asked = size_param.clone().map(|name| (name, size));
    let text = |ty: Type| matches!(ty, Type::Text | Type::Unknown);
    let done = |pages: Pages, size: Option<(String, u32)>, comments: Vec<String>| Paging { pages, size, comments };
    if let (Some(parameter), Some(path)) = (find(operation, &TOKEN), leaf(&NEXT_TOKEN, text)) {
        return done(Pages::CursorToken { path, param: parameter.name.to_owned() }, asked, Vec::new());
    }
    if link_header(document, operation) {
        return done(Pages::LinkHeader, asked, Vec::new());
    }
    if let Some(parameter) = find(operation, &LAST_ID) {
        let has_more = leaf(&["hasmore", "more", "hasnext"], |ty| ty == Type::Bool);
        let param = parameter.name.to_owned();
        return done(Pages::LastId { param, has_more }, asked, vec!["# guess: by the parameter's name".to_owned()]);
    }
    let counts = find(operation, &PAGE)
        .map(|parameter| (parameter, true))
        .or_else(|| find(operation, &OFFSET).map(|p| (p, false)));
    if let Some((parameter, by_page)) = counts {
        let mut size = size;
        if size_param.is_none() {
            // The only size that cannot lose records.
            size = 1;
            comments.push("# choose: the document does not say how many records a page holds; with 1 the walk goes on to an empty page".to_owned());
        }
        let param = parameter.name.to_owned();
        let pages = if by_page {
            let start = start(document, parameter);
            Pages::PageNumber { param, size_param, size, start }
        } else {
            Pages::Offset { param, size_param, size }
        };
        return done(pages, None, comments);
    }
    if let Some(path) = leaf(&NEXT_URL, text) {
        return done(Pages::NextUrl { path }, asked, vec!["# guess: by the member's name".to_owned()]);
    }
    let comment = "# choose: how the list goes on is not in the document; `single` reads the first page only";
    done(Pages::Single, asked, vec![comment.to_owned()])
}

/// The parameter's maximum within reason, else its default.
fn page_size(document: &Document, parameter: &Parameter<'_>) -> (u32, bool) {
    let number = |key: &str| {
        let schema = document.resolve(parameter.schema?)?;
        schema.get(key)?.as_str()?.parse::<u32>().ok().filter(|size| *size > 0)
    };
    match (number("maximum"), number("default")) {
        (Some(maximum), _) => (maximum.min(250), true),
        (None, Some(default)) => (default.min(250), true),
        (None, None) => (50, false),
    }
}

fn start(document: &Document, parameter: &Parameter<'_>) -> u32 {
    let schema = parameter.schema.and_then(|schema| document.resolve(schema));
    let says = |key: &str| schema.and_then(|schema| schema.get(key)).and_then(Node::as_str) == Some("0");
    u32::from(!(says("default") || says("minimum")))
}

fn link_header(document: &Document, operation: &Operation<'_>) -> bool {
    let headers = operation.answer(document).and_then(|answer| answer.get("headers")).and_then(Node::entries);
    headers.unwrap_or_default().iter().any(|entry| entry.key.eq_ignore_ascii_case("link"))
}

struct Leaf {
    path: Vec<String>,
    name: String,
    ty: Type,
}

/// What the answer holds beside the list, three levels deep.
fn leaves(document: &Document, operation: &Operation<'_>, list: Option<&str>) -> Vec<Leaf> {
    let mut found = Vec::new();
    if let Some(schema) = operation.answer_schema(document).filter(|schema| type_of(document, schema) == Type::Object) {
        let beside = properties(document, schema).into_iter().filter(|property| Some(property.name.as_str()) != list);
        collect(document, beside.collect(), &[], &mut found);
    }
    found
}

fn collect(document: &Document, properties_here: Vec<Property<'_>>, path: &[String], found: &mut Vec<Leaf>) {
    for property in properties_here {
        let mut path = path.to_vec();
        path.push(property.name.clone());
        if property.ty == Type::Object && path.len() < 3 && found.len() < 200 {
            // `next: { href }` is called by both.
            collect(document, properties(document, property.schema), &path, found);
        } else {
            found.push(Leaf { path, name: property.name, ty: property.ty });
        }
    }
}

/// Asking only for what changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Since {
    pub(super) param: String,
    pub(super) unix: bool,
}

pub(super) fn since(document: &Document, operation: &Operation<'_>) -> Option<Since> {
    const CHANGED: [&str; 6] = ["updated", "modified", "changed", "update", "modification", "change"];
    const FROM: [&str; 8] = ["since", "after", "min", "from", "gte", "gt", "ge", "start"];
    let matches = |parameter: &&Parameter<'_>| {
        let words = words(parameter.name);
        let says = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
        says(&CHANGED) && says(&FROM)
    };
    let parameter = operation.query().find(matches)?;
    let ty = parameter.schema.map_or(Type::Unknown, |schema| type_of(document, schema));
    Some(Since { param: parameter.name.to_owned(), unix: ty.is_number() })
}
