//! Where a list is in an answer, and whether it may be absent there.
//!
//! Not here: taking it out (the HTTP engine).

use std::ops::Deref;

use crate::config::yaml::{Context, Decode, Node};
use crate::mapping::expr::Path;

/// Written `data.items`; with `?` at the end, a vendor that leaves the list out means an empty one.
#[derive(Debug, Clone)]
pub struct ListPath {
    path: Path,
    pub optional: bool,
}

impl Deref for ListPath {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

impl Decode for ListPath {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let text = String::decode(node, cx)?;
        let Some(bare) = text.strip_suffix('?') else {
            return Path::decode(node, cx).map(|path| Self { path, optional: false });
        };
        match Path::parse(bare) {
            Ok(path) if !path.is_many() => Some(Self { path, optional: true }),
            Ok(_) => {
                let help = "remove the `?`, or name a single list";
                cx.error(node.span, "which of many lists may be absent is not known", help);
                None
            }
            Err(problem) => {
                let help = "a list that may be absent reads like `data.items?`";
                cx.error(node.span, format!("not a path: {}", problem.reason), help);
                None
            }
        }
    }
}
