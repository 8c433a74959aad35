//! `reconciliations/stories/<name>.yaml`: the legs that money goes through, the key by which each is entered, and the key that it
//! makes known. All mistakes are reported at once, with places.
//!
//! Not here: whether the legs and their keys are there (`check`), following money (`walk`).

use std::sync::Arc;

use crate::choice;
use crate::config::yaml::{
    Context, Diagnostics, Kind, MapReader, Node, Source, Span, Spanned, parse as parse_yaml, suggest,
};
use crate::finance::definition::is_address;
use crate::recon::row::Side;

/// One story.
#[derive(Debug, Clone)]
pub struct Story {
    pub name: Arc<str>,
    pub title: String,
    /// In order; each a reconciliation of the installation.
    pub legs: Vec<Leg>,
    /// Keys that lead from leg to leg, in the order in which they become known.
    pub chain: Vec<Arc<str>>,
    /// Keys that it may be asked by, tried in this order.
    pub asked_by: Vec<Spanned<String>>,
    pub amounts: Amounts,
}

#[derive(Debug, Clone)]
pub struct Leg {
    pub leg: Spanned<String>,
    /// In place of the reconciliation's.
    pub title: Option<String>,
    /// Rows are found by this key.
    pub by: Spanned<String>,
    /// And make this one known.
    pub leads_to: Option<Spanned<String>>,
    /// What it leads to holds other money, too: a payout.
    pub shared: bool,
    /// Money need not pass here: a refund.
    pub optional: bool,
}

/// Which sums are told, and where they stand.
#[derive(Debug, Clone, Default)]
pub struct Amounts {
    pub worth: Option<Figure>,
    pub captured: Option<Figure>,
    pub fees: Option<Figure>,
    /// What is paid out of this money: its share of each payout.
    pub net: Option<Figure>,
    /// The leg in which `net` arrives.
    pub reached: Option<Spanned<String>>,
}

/// The sum of a leg's own rows on one side.
#[derive(Debug, Clone)]
pub struct Figure {
    pub leg: Spanned<String>,
    pub side: Side,
    /// A compared field that is an amount; without, the rows' amounts.
    pub field: Option<Spanned<String>>,
    /// Rows that the leg excludes count, too: a refund among captures has a fee.
    pub with_excluded: bool,
}

impl Story {
    /// The key's place in the chain.
    pub fn position(&self, key: &str) -> Option<usize> {
        self.chain.iter().position(|known| **known == *key)
    }

    /// From this place on keys stand for more than one's own money.
    pub fn shared_from(&self) -> Option<usize> {
        let shared = self.legs.iter().filter(|leg| leg.shared).filter_map(|leg| leg.leads_to.as_ref());
        shared.filter_map(|key| self.position(key)).min()
    }

    pub fn leg(&self, name: &str) -> Option<usize> {
        self.legs.iter().position(|leg| leg.leg.value == name)
    }
}

impl Amounts {
    /// All sums that are stated.
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        [&self.worth, &self.captured, &self.fees, &self.net].into_iter().flatten()
    }
}

/// Reads a story.
pub fn parse(source: &Arc<Source>) -> Result<Story, Diagnostics> {
    let root = parse_yaml(source).map_err(Diagnostics::from)?;
    let cx = Context::new(source);
    let story = document(&root, &cx);
    cx.finish().into_result(story)
}

fn document(root: &Node, cx: &Context) -> Option<Story> {
    let map = cx.map(root, "the story")?;
    let name: Option<String> = map.required("story");
    let title: Option<String> = map.required("title");
    if let Some(name) = name.as_deref().filter(|name| !is_address(name)) {
        map.error("story", format!("`{name}` is no name of a story"), "letters, digits, `-` and `_`");
    }
    let legs = legs(&map, cx);
    let stated: Option<Vec<Spanned<String>>> = map.optional("asked_by");
    let amounts = map.node("amounts").map(|node| amounts(node, cx));
    map.finish();
    let legs = legs?;
    let chain = chain(&legs, cx)?;
    let asked_by = stated.unwrap_or_else(|| asked_by(&legs));
    if asked_by.is_empty() {
        cx.error(root.span, "the story can be asked by no key", "name some under `asked_by`, or leave it out");
    }
    let amounts = amounts.unwrap_or(Some(Amounts::default()))?;
    legs_of_amounts(&amounts, &legs, cx, root.span);
    Some(Story { name: name?.into(), title: title?, legs, chain, asked_by, amounts })
}

fn legs(map: &MapReader<'_>, cx: &Context) -> Option<Vec<Leg>> {
    let Some(node) = map.node("legs") else {
        map.missing("legs");
        return None;
    };
    let Kind::Seq(items) = &node.kind else {
        cx.expected(node, "a list of legs");
        return None;
    };
    if items.is_empty() {
        cx.error(node.span, "a story without a leg tells nothing", "for example `legs: [{ leg: orders, by: order }]`");
        return None;
    }
    let read: Vec<Option<Leg>> = items.iter().map(|item| leg(item, cx)).collect();
    read.into_iter().collect()
}

fn leg(node: &Node, cx: &Context) -> Option<Leg> {
    let map = cx.map(node, "the leg")?;
    let (leg, by) = (map.required("leg"), map.required("by"));
    let (title, leads_to) = (map.optional("title"), map.optional("leads_to"));
    let (shared, optional) = (map.or("shared", false), map.or("optional", false));
    if shared && !map.has("leads_to") {
        map.error("shared", "nothing is shared here", "it says that what the leg leads to holds other money, too");
    }
    map.finish();
    Some(Leg { leg: leg?, title, by: by?, leads_to, shared, optional })
}

/// The keys in the order in which they become known. Every leg is entered by one that is known by then.
fn chain(legs: &[Leg], cx: &Context) -> Option<Vec<Arc<str>>> {
    let mut chain: Vec<Arc<str>> = Vec::new();
    let mut is_whole = true;
    for (at, leg) in legs.iter().enumerate() {
        let mut refuse = |name: &Spanned<String>, message: String, help: String| {
            cx.error(name.place.span, message, help);
            is_whole = false;
        };
        if legs[..at].iter().any(|former| former.leg == leg.leg) {
            refuse(&leg.leg, format!("`{}` is a leg already", leg.leg.value), "name each once".to_owned());
        }
        let is_known = |key: &str, chain: &[Arc<str>]| chain.iter().any(|known| **known == *key);
        if at == 0 {
            chain.push(leg.by.value.as_str().into());
        } else if !is_known(&leg.by, &chain) {
            let known: Vec<&str> = chain.iter().map(|key| &**key).collect();
            let help = format!("by then these are known: {}; {}", known.join(", "), suggest(&leg.by, &known));
            refuse(&leg.by, format!("no leg before it leads to `{}`", leg.by.value), help);
        }
        if let Some(to) = &leg.leads_to {
            if is_known(to, &chain) {
                let help = "a leg leads to a key that is new, or leaves `leads_to` out".to_owned();
                refuse(to, format!("`{}` is known before", to.value), help);
            } else {
                chain.push(to.value.as_str().into());
            }
        }
    }
    is_whole.then_some(chain)
}

/// Without a word about it: by every key of the chain.
fn asked_by(legs: &[Leg]) -> Vec<Spanned<String>> {
    let mut keys: Vec<Spanned<String>> = Vec::new();
    for key in legs.iter().flat_map(|leg| std::iter::once(&leg.by).chain(&leg.leads_to)) {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    keys
}

choice! {
    enum SideWord ("side") {
        A = "a",
        B = "b",
    }
}

fn amounts(node: &Node, cx: &Context) -> Option<Amounts> {
    let map = cx.map(node, "amounts")?;
    let one = |key: &'static str| map.node(key).map(|node| figure(node, cx));
    let (worth, captured, fees, net) = (one("worth"), one("captured"), one("fees"), one("net"));
    let reached: Option<Spanned<String>> = map.optional("reached");
    if reached.is_some() && !map.has("net") {
        map.error("reached", "nothing says what should arrive", "state `net`, too: this money's share of each payout");
    }
    map.finish();
    // What was stated and is wrong has been reported; the rest is still read.
    let whole = |figure: Option<Option<Figure>>| figure.map_or(Some(None), |figure| figure.map(Some));
    Some(Amounts { worth: whole(worth)?, captured: whole(captured)?, fees: whole(fees)?, net: whole(net)?, reached })
}

fn figure(node: &Node, cx: &Context) -> Option<Figure> {
    let map = cx.map(node, "the amount")?;
    let (leg, side) = (map.required("leg"), map.required::<SideWord>("side"));
    let field = map.optional("field");
    let with_excluded = map.or("with_excluded", false);
    map.finish();
    let side = match side? {
        SideWord::A => Side::A,
        SideWord::B => Side::B,
    };
    Some(Figure { leg: leg?, side, field, with_excluded })
}

fn legs_of_amounts(amounts: &Amounts, legs: &[Leg], cx: &Context, whole: Span) {
    let named = amounts.figures().map(|figure| &figure.leg).chain(&amounts.reached);
    let known: Vec<&str> = legs.iter().map(|leg| leg.leg.value.as_str()).collect();
    for leg in named.filter(|leg| !known.contains(&leg.value.as_str())) {
        cx.error(leg.place.span, format!("`{}` is no leg of this story", leg.value), suggest(leg, &known));
    }
    let optional = |name: &Spanned<String>| legs.iter().any(|leg| leg.leg == *name && leg.optional);
    if let Some(reached) = amounts.reached.as_ref().filter(|name| optional(name)) {
        let help = "name the leg that all of it has to arrive in";
        cx.error(reached.place.span, format!("`{}` need not be passed", reached.value), help);
    }
    if legs.iter().all(|leg| leg.optional) {
        cx.error(whole, "no leg of the story has to be passed", "leave `optional` out where money has to pass");
    }
}
