//! How a list goes on after its first page.
//!
//! Not here: walking it.

use crate::config::yaml::{Context, Decode, Node, Spanned};

use crate::mapping::expr::Path;

/// Every scheme also ends at a page without records.
#[derive(Debug, Clone)]
pub enum Pages {
    /// The first page is all there is.
    Single,
    /// `Link: <url>; rel="next"`; the URL replaces path and query.
    LinkHeader,
    /// The next page's URL in the body; absent, null or empty ends the walk.
    NextUrl { path: Spanned<Path> },
    /// A token in the body goes into query parameter `param`; absent, null or empty ends the walk.
    CursorToken { path: Spanned<Path>, param: String },
    /// `pageInfo { hasNextPage endCursor }` at `page_info`; `endCursor` goes into the GraphQL variable `variable`.
    GraphQl { page_info: Spanned<Path>, variable: String },
    /// `param` counts from `start`; a page with fewer than `size` records is the last.
    PageNumber { param: String, start: u32, size_param: Option<String>, size: u32 },
    /// `param` is the number of records to skip; a page with fewer than `size` records is the last.
    Offset { param: String, size_param: Option<String>, size: u32 },
    /// `id` of the last record goes into `param`; ends when `has_more` is false, or without it at an empty page.
    LastId { param: String, id: Spanned<Path>, has_more: Option<Spanned<Path>> },
}

crate::choice! {
    enum Scheme ("page scheme") {
        Single = "single",
        LinkHeader = "link_header",
        NextUrl = "next_url",
        CursorToken = "cursor_token",
        GraphQl = "graphql",
        PageNumber = "page_number",
        Offset = "offset",
        LastId = "last_id",
    }
}

impl Decode for Pages {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "pages")?;
        let pages = match map.required::<Scheme>("scheme")? {
            Scheme::Single => Some(Self::Single),
            Scheme::LinkHeader => Some(Self::LinkHeader),
            Scheme::NextUrl => map.required("path").map(|path| Self::NextUrl { path }),
            Scheme::CursorToken => {
                let (path, param) = (map.required("path"), map.required("param"));
                path.zip(param).map(|(path, param)| Self::CursorToken { path, param })
            }
            Scheme::GraphQl => {
                let (page_info, variable) = (map.required("page_info"), map.required("variable"));
                page_info.zip(variable).map(|(page_info, variable)| Self::GraphQl { page_info, variable })
            }
            Scheme::PageNumber => {
                let (start, size_param) = (map.or("start", 1), map.optional("size_param"));
                let (param, size) = (map.required("param"), map.required("size"));
                param.zip(size).map(|(param, size)| Self::PageNumber { param, start, size_param, size })
            }
            Scheme::Offset => {
                let size_param = map.optional("size_param");
                let (param, size) = (map.required("param"), map.required("size"));
                param.zip(size).map(|(param, size)| Self::Offset { param, size_param, size })
            }
            Scheme::LastId => {
                let has_more = map.optional("has_more");
                let (param, id) = (map.required("param"), map.required("id"));
                param.zip(id).map(|(param, id)| Self::LastId { param, id, has_more })
            }
        };
        if let Some(Self::PageNumber { size: 0, .. } | Self::Offset { size: 0, .. }) = pages {
            map.error("size", "a page of 0 records never ends", "write the page size that the request asks for");
        }
        map.finish();
        pages
    }
}
