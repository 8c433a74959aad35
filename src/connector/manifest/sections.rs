//! Reading the declaration of a CSV report in sections: `sections:` of a CSV format.
//!
//! Not here: what the words mean (`connector::file`).

use crate::config::yaml::{Context, Decode, Node};
use crate::connector::file::format::{CsvSections, SectionCount, SectionHead, SectionScope, SectionSum};

crate::choice! {
    enum ScopeWord ("scope of a footer") { Section = "section", Report = "report" }
}

impl ScopeWord {
    fn scope(self) -> SectionScope {
        match self {
            Self::Section => SectionScope::Section,
            Self::Report => SectionScope::Report,
        }
    }
}

pub(super) fn read(node: &Node, cx: &Context) -> Option<CsvSections> {
    let map = cx.map(node, "sections")?;
    let (first, last) = (map.required("first"), map.required("last"));
    let (names, rows) = (map.required("names"), map.required("rows"));
    let (heads, counts, sums) = (map.list("heads"), map.list("counts"), map.list("sums"));
    map.finish();
    Some(CsvSections { first: first?, last: last?, heads, names: names?, rows: rows?, counts, sums })
}

impl Decode for SectionHead {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "section head")?;
        let (tag, columns) = (map.required("tag"), map.list("columns"));
        map.finish();
        Some(Self { tag: tag?, columns })
    }
}

impl Decode for SectionCount {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "section count")?;
        let (tag, scope) = (map.required("tag"), map.required::<ScopeWord>("scope"));
        map.finish();
        Some(Self { tag: tag?, scope: scope?.scope() })
    }
}

impl Decode for SectionSum {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "section sum")?;
        let (tag, scope) = (map.required("tag"), map.required::<ScopeWord>("scope"));
        let (position, column, group) = (map.required("position"), map.required("column"), map.required("group"));
        let when: Option<String> = map.optional("when");
        let equals: Option<String> = map.optional("equals");
        map.finish();
        let (position, only) = (position?, when.zip(equals));
        Some(Self { tag: tag?, scope: scope?.scope(), position, column: column?, group: group?, only })
    }
}
