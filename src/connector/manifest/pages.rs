//! How a list goes on after its first page.
//!
//! Not here: walking it.

use crate::config::yaml::{Context, Decode, Node, Spanned};

use crate::mapping::expr::Path;

/// Every scheme also ends at a page without records. Where `param` is absent, the request itself says where `{page}` goes.
#[derive(Debug, Clone)]
pub enum Pages {
    /// The first page is all there is.
    Single,
    /// `Link: <url>; rel="next"`; the URL replaces path and query.
    LinkHeader,
    /// The next page's URL in the body; absent, null or empty ends the walk.
    NextUrl { path: Spanned<Path> },
    /// Links in the body, `[{ rel: next, href: ... }]`; without one of that relation the walk ends.
    LinkRelation { path: Spanned<Path>, relation: String, name: String, href: String },
    /// A token in the body goes into query parameter `param`; absent, null or empty ends the walk.
    CursorToken { path: Spanned<Path>, param: Option<String> },
    /// `pageInfo { hasNextPage endCursor }` at `page_info`; `endCursor` goes into the GraphQL variable `variable`.
    GraphQl { page_info: Spanned<Path>, variable: String },
    /// `param` counts from `start`; a page with fewer than `size` records is the last. A record that moves forward while the list
    /// is walked would fall between two pages: each page is followed by a second look at the one before it.
    PageNumber { param: Option<String>, start: u32, size_param: Option<String>, size: u32, total: Option<Total> },
    /// `param` is the number of records to skip; otherwise as `page_number`.
    Offset { param: Option<String>, size_param: Option<String>, size: u32 },
    /// `id` of the last record goes into `param`; ends when `has_more` is false, or without it at an empty page.
    LastId { param: Option<String>, id: Spanned<Path>, has_more: Option<Spanned<Path>> },
    /// Several values of the last record say where the next page begins: `{page.<name>}` in the request. Ends as `last_id` does.
    Keyset { values: Vec<(String, Spanned<Path>)>, has_more: Option<Spanned<Path>> },
}

/// Where the vendor says how long the list is; a page that is not full is then not yet the last one.
#[derive(Debug, Clone)]
pub enum Total {
    /// The number of pages; an empty page before the last is not the end either.
    Pages(Spanned<Path>),
    Records(Spanned<Path>),
}

crate::choice! {
    enum Scheme ("page scheme") {
        Single = "single",
        LinkHeader = "link_header",
        NextUrl = "next_url",
        LinkRelation = "link_relation",
        CursorToken = "cursor_token",
        GraphQl = "graphql",
        PageNumber = "page_number",
        Offset = "offset",
        LastId = "last_id",
        Keyset = "keyset",
    }
}

impl Pages {
    /// Whether the request has to say where the page goes.
    pub fn needs_place(&self) -> bool {
        match self {
            Self::Single
            | Self::LinkHeader
            | Self::NextUrl { .. }
            | Self::LinkRelation { .. }
            | Self::GraphQl { .. } => false,
            Self::CursorToken { param, .. }
            | Self::PageNumber { param, .. }
            | Self::Offset { param, .. }
            | Self::LastId { param, .. } => param.is_none(),
            Self::Keyset { .. } => true,
        }
    }
}

impl Decode for Pages {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "pages")?;
        let pages = match map.required::<Scheme>("scheme")? {
            Scheme::Single => Some(Self::Single),
            Scheme::LinkHeader => Some(Self::LinkHeader),
            Scheme::NextUrl => map.required("path").map(|path| Self::NextUrl { path }),
            Scheme::LinkRelation => {
                let (relation, name) = (map.or("relation", "next".to_owned()), map.or("name", "rel".to_owned()));
                let href = map.or("href", "href".to_owned());
                map.required("path").map(|path| Self::LinkRelation { path, relation, name, href })
            }
            Scheme::CursorToken => {
                let (path, param) = (map.required("path"), map.optional("param"));
                path.map(|path| Self::CursorToken { path, param })
            }
            Scheme::GraphQl => {
                let (page_info, variable) = (map.required("page_info"), map.required("variable"));
                page_info.zip(variable).map(|(page_info, variable)| Self::GraphQl { page_info, variable })
            }
            Scheme::PageNumber => {
                let (start, size_param) = (map.or("start", 1), map.optional("size_param"));
                let (param, size) = (map.optional("param"), map.required("size"));
                let (pages, records) = (map.optional("total_pages"), map.optional("total_records"));
                if map.has("total_pages") && map.has("total_records") {
                    map.error("total_records", "one total is enough", "remove `total_records`");
                }
                let total = pages.map(Total::Pages).or(records.map(Total::Records));
                size.map(|size| Self::PageNumber { param, start, size_param, size, total })
            }
            Scheme::Offset => {
                let size_param = map.optional("size_param");
                let (param, size) = (map.optional("param"), map.required("size"));
                size.map(|size| Self::Offset { param, size_param, size })
            }
            Scheme::LastId => {
                let has_more = map.optional("has_more");
                let (param, id) = (map.optional("param"), map.required("id"));
                id.map(|id| Self::LastId { param, id, has_more })
            }
            Scheme::Keyset => {
                let (has_more, values) = (map.optional("has_more"), map.named("values"));
                if values.is_empty() {
                    map.error("scheme", "a keyset without values", "add `values: { at: updated_at, id: id }`");
                }
                let values = values.into_iter().map(|(name, path)| (name.value, path)).collect();
                Some(Self::Keyset { values, has_more })
            }
        };
        if let Some(Self::PageNumber { size: 0, .. } | Self::Offset { size: 0, .. }) = pages {
            map.error("size", "a page of 0 records never ends", "write the page size that the request asks for");
        }
        map.finish();
        pages
    }
}
