//! Values that a vendor dresses in objects of their own: `{"__class__": "Decimal", "value": "1.50"}`.
//!
//! Not here: taking the dress off and putting it on (`http::wrap`).

use crate::config::yaml::{Context, Decode, Node, Spanned};
use crate::mapping::expr::Path;

/// Read: an object whose member `tag` is `is` stands for its member `value`. Written: what is at the `write` paths of the
/// record is dressed the same way.
#[derive(Debug, Clone)]
pub struct Wrapper {
    pub tag: String,
    /// `None`: whatever the tag says.
    pub is: Option<String>,
    /// `None`: the object itself carries the tag; nothing is taken off, and written objects get the tag added.
    pub value: Option<String>,
    /// In the record that is written; paths may name every element of a list.
    pub write: Vec<Spanned<Path>>,
}

impl Decode for Wrapper {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "wrapper")?;
        let (tag, is, value) = (map.required("tag"), map.optional("is"), map.optional("value"));
        let write: Vec<Spanned<Path>> = map.list("write");
        if !write.is_empty() && !map.has("is") {
            map.error("write", "what is written needs a tag's text", "add `is: <the vendor's word>`");
        }
        map.finish();
        Some(Self { tag: tag?, is, value, write })
    }
}
