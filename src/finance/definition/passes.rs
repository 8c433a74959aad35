//! The list under `match`: each item is one pass.
//!
//! Not here: what passes do (`recon::matching`).

use std::sync::Arc;

use crate::choice;
use crate::config::yaml::{Context, Decode, Kind, MapReader, Node, suggest};
use crate::recon::normalise::Normaliser;
use crate::recon::row::Side;
use crate::recon::rules::{Grouped, How, Keyed, OnMatch, Pass, Subset, Window};

choice! {
    enum OnMatchWord ("outcome of a match") {
        Confirm = "confirm",
        Suggest = "suggest",
    }
}

choice! {
    enum SideWord ("side") {
        A = "a",
        B = "b",
    }
}

/// `None` has been reported.
pub(super) fn decode(node: &Node, cx: &Context, keys: &[Arc<str>]) -> Option<Vec<Pass>> {
    let Kind::Seq(items) = &node.kind else {
        cx.expected(node, "a list of passes");
        return None;
    };
    if items.is_empty() {
        cx.error(
            node.span,
            "without a pass nothing is ever matched",
            "for example `match: [{ id: order, key: [order] }]`",
        );
        return None;
    }
    let passes: Vec<Option<Pass>> = items.iter().map(|item| pass(item, cx, keys)).collect();
    let passes: Vec<Pass> = passes.into_iter().collect::<Option<_>>()?;
    for (at, pass) in passes.iter().enumerate() {
        if passes[..at].iter().any(|former| former.id == pass.id) {
            cx.error(
                items[at].span,
                format!("two passes are called `{}`", pass.id),
                "reports name passes: give each a name of its own",
            );
        }
    }
    Some(passes)
}

fn pass(node: &Node, cx: &Context, keys: &[Arc<str>]) -> Option<Pass> {
    let map = cx.map(node, "the pass")?;
    let id: Option<String> = map.required("id");
    let kinds = ["key", "group", "amount_within", "sum_of"];
    let stated: Vec<&str> = kinds.into_iter().filter(|kind| map.has(kind)).collect();
    let how = match stated.as_slice() {
        ["key"] => keyed(&map, keys),
        ["group"] => grouped(&map, keys),
        ["amount_within"] => window(&map, keys),
        ["sum_of"] => subset(&map),
        _ => {
            let help = "`key: [...]`, `group: [...]`, `amount_within: {...}` or `sum_of: {...}`";
            cx.error(node.span, "a pass matches in one way", format!("state exactly one of {help}"));
            for kind in kinds {
                map.node(kind);
            }
            None
        }
    };
    // What cannot be proven by a key is a person's to confirm, unless the rules say otherwise.
    let by_key = matches!(how, Some(How::Keyed(_) | How::Grouped(_)));
    let on_match = match map.or("on_match", if by_key { OnMatchWord::Confirm } else { OnMatchWord::Suggest }) {
        OnMatchWord::Confirm => OnMatch::Confirm,
        OnMatchWord::Suggest => OnMatch::Suggest,
    };
    map.finish();
    Some(Pass { id: id?.into(), how: how?, on_match })
}

fn keyed(map: &MapReader<'_>, keys: &[Arc<str>]) -> Option<How> {
    let (on, normalise) = (key_list(map, "key", keys)?, normalisers(map));
    Some(How::Keyed(Keyed { on, normalise, must_tie: map.or("must_tie", false) }))
}

fn grouped(map: &MapReader<'_>, keys: &[Arc<str>]) -> Option<How> {
    let (by, normalise) = (key_list(map, "group", keys)?, normalisers(map));
    Some(How::Grouped(Grouped { by, normalise, must_tie: map.or("must_tie", false) }))
}

fn window(map: &MapReader<'_>, keys: &[Arc<str>]) -> Option<How> {
    let inner = map.context().map(map.node("amount_within")?, "amount_within")?;
    let window = Window {
        on: if inner.has("key") { key_list(&inner, "key", keys)? } else { Vec::new() },
        days_before: inner.or("days_before", 0),
        days_after: inner.or("days_after", 0),
    };
    inner.finish();
    Some(How::Window(window))
}

fn subset(map: &MapReader<'_>) -> Option<How> {
    let inner = map.context().map(map.node("sum_of")?, "sum_of")?;
    let many = match inner.required::<SideWord>("side")? {
        SideWord::A => Side::A,
        SideWord::B => Side::B,
    };
    let subset = Subset {
        many,
        days_before: inner.or("days_before", 0),
        days_after: inner.or("days_after", 0),
        most_items: inner.or("most_items", 5),
        most_candidates: inner.or("most_candidates", 30),
    };
    if !(2..=12).contains(&subset.most_items) {
        inner.error(
            "most_items",
            "a sum has 2 to 12 items here",
            "larger sums are too easily made by chance; group by a key instead",
        );
    }
    if subset.most_candidates > 200 {
        inner.error("most_candidates", "at most 200 candidates", "narrow the days, or group by a key instead");
    }
    inner.finish();
    Some(How::Subset(subset))
}

fn key_list(map: &MapReader<'_>, key: &'static str, keys: &[Arc<str>]) -> Option<Vec<usize>> {
    let cx = map.context();
    let nodes: Vec<Node> = map.required(key)?;
    let find = |node: &Node| {
        let name = node.as_str().unwrap_or_default();
        let found = keys.iter().position(|known| **known == *name);
        if found.is_none() {
            let known: Vec<&str> = keys.iter().map(|key| &**key).collect();
            cx.error(node.span, format!("no side has a key `{name}`"), suggest(name, &known));
        }
        found
    };
    let found: Vec<Option<usize>> = nodes.iter().map(find).collect();
    if found.is_empty() {
        map.error(key, "the list of keys is empty", "name at least one key of the sides");
        return None;
    }
    found.into_iter().collect()
}

choice! {
    enum Step ("normalisation") {
        Spaces = "spaces",
        Case = "case",
        Unicode = "unicode",
        LeadingZeros = "leading_zeros",
    }
}

/// `[spaces, case, { prefix: "#" }, { without: "-/" }]`.
fn normalisers(map: &MapReader<'_>) -> Vec<Normaliser> {
    let cx = map.context();
    let nodes: Vec<Node> = map.list("normalise");
    nodes.iter().filter_map(|node| normaliser(node, cx)).collect()
}

fn normaliser(node: &Node, cx: &Context) -> Option<Normaliser> {
    if matches!(node.kind, Kind::Map(_)) {
        let map = cx.map(node, "the normalisation")?;
        let prefix: Option<String> = map.optional("prefix");
        let without: Option<String> = map.optional("without");
        map.finish();
        return match (prefix, without) {
            (Some(prefix), None) => Some(Normaliser::Prefix(prefix.into())),
            (None, Some(without)) => Some(Normaliser::Without(without.into())),
            (Some(_), Some(_)) | (None, None) => {
                cx.error(node.span, "one step at a time", "`{ prefix: \"#\" }` or `{ without: \"-\" }`");
                None
            }
        };
    }
    Some(match Step::decode(node, cx)? {
        Step::Spaces => Normaliser::Spaces,
        Step::Case => Normaliser::Case,
        Step::Unicode => Normaliser::Unicode,
        Step::LeadingZeros => Normaliser::LeadingZeros,
    })
}
