//! `files:` of a side: statements that a connector's file stream reads, named by the connector's manifest.
//!
//! Not here: what stream and fields there are (`finance::files` binds them), reading.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::config::yaml::{Context, Decode, Node, Spanned};
use crate::connector::file::Encoding;
use crate::finance::files::Bound;

/// What a side says about its files, and, once bound to the installation's connectors, how they are read.
#[derive(Debug, Clone)]
pub struct Files {
    /// A path or pattern below the installation: `statements/*.sta`.
    pub files: String,
    pub connector: Spanned<String>,
    pub stream: Spanned<String>,
    /// In place of the stream's own.
    pub encoding: Option<Encoding>,
    /// What the connector's templates see of settings.
    pub settings: Value,
    pub bound: Option<Arc<Bound>>,
}

/// One kind of file, or a list of several that are one side together: a bank's statements in two formats.
pub(super) fn decode(node: &Node, cx: &Context) -> Option<Vec<Files>> {
    let Some(items) = node.seq() else { return Some(vec![one(node, cx)?]) };
    if items.is_empty() {
        cx.error(node.span, "the list of files is empty", "name connector, stream and path of at least one");
        return None;
    }
    let read: Vec<Option<Files>> = items.iter().map(|item| one(item, cx)).collect();
    read.into_iter().collect()
}

fn one(node: &Node, cx: &Context) -> Option<Files> {
    let map = cx.map(node, "files")?;
    let (files, connector, stream) = (map.required("path"), map.required("connector"), map.required("stream"));
    let encoding = map.optional("encoding");
    let mut settings = Map::new();
    for (name, node) in map.named::<Node>("settings") {
        if let Some(text) = String::decode(&node, cx) {
            settings.insert(name.value, Value::String(text));
        }
    }
    map.finish();
    let (files, connector, stream) = (files?, connector?, stream?);
    Some(Files { files, connector, stream, encoding, settings: Value::Object(settings), bound: None })
}
