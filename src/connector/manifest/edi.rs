//! Reading the declaration of EDI messages: `segments` and what belongs to them, for streams that read and that write.
//!
//! Not here: what the declaration means (`connector::file::format`), partners' ids (`partner`).

use crate::config::yaml::{Context, Decode, Kind, MapReader, Node};
use crate::connector::file::format::{
    EdiFormat, EdiSyntax, ExpectedPartner, Hierarchy, Item, MessageTotal, Position, SegmentPosition, Selector,
    Structure, SumOf, TotalOf, UnknownSegments,
};

crate::choice! {
    enum Unknown ("rule for unknown segments") { Refuse = "refuse", Other = "other" }
}

/// `messages`, `versions`, and the structure.
pub(super) fn read(map: &MapReader<'_>, syntax: EdiSyntax) -> Option<EdiFormat> {
    let (messages, versions) = (map.required("messages"), map.list("versions"));
    let any_case = map.or("any_case", false);
    let structure = structure(map);
    let partner = ExpectedPartner::default();
    Some(EdiFormat { syntax, messages: messages?, versions, partner, any_case, structure: structure? })
}

pub(super) fn structure(map: &MapReader<'_>) -> Option<Structure> {
    let items: Option<Vec<Item>> = map.required("segments");
    let unknown = match map.or("unknown", Unknown::Refuse) {
        Unknown::Refuse => UnknownSegments::Refuse,
        Unknown::Other => UnknownSegments::Other,
    };
    let hierarchy = map.optional("hierarchy");
    let keyed = |key: &'static str, map: &MapReader<'_>| -> Vec<(SegmentPosition, Node)> {
        let entries = map.named::<Node>(key);
        let read = entries.into_iter().filter_map(|(place, node)| match SegmentPosition::parse(&place.value) {
            Ok(position) => Some((position, node)),
            Err(problem) => {
                map.error(key, problem, "such as `PO1.06`");
                None
            }
        });
        read.collect()
    };
    let cx = map.context();
    let pairs =
        keyed("pairs", map).into_iter().filter_map(|(at, node)| Some((at, String::decode(&node, cx)?))).collect();
    let implied_decimals = keyed("implied_decimals", map)
        .into_iter()
        .filter_map(|(at, node)| Some((at, u32::decode(&node, cx)?)))
        .collect();
    let (numbers, composites, repeats) = (map.list("numbers"), map.list("composites"), map.list("repeats"));
    let (totals, sums) = (map.list("control_totals"), map.named("sums"));
    let sums = sums.into_iter().map(|(name, sum)| (name.value, sum)).collect();
    let flatten = map.list("flatten");
    Some(Structure {
        items: items?,
        unknown,
        hierarchy,
        pairs,
        numbers,
        implied_decimals,
        composites,
        repeats,
        flatten,
        totals,
        sums,
    })
}

/// `BEG!`, `PID*`; `{ ship_date: "DTM[01=010]" }`; `{ "lines*": [PO1, PID*] }` is a loop.
impl Decode for Item {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let help = "write `BEG!`, `PID*`, `name: REF[01=IA]`, or a loop `lines*: [PO1, PID*]`";
        let read = match &node.kind {
            Kind::Scalar(_) => Item::parse_segment(None, &String::decode(node, cx)?),
            Kind::Map(entries) => match entries.as_slice() {
                [entry] => match &entry.value.kind {
                    Kind::Seq(_) => Ok(Item::parse_loop(&entry.key, Vec::decode(&entry.value, cx)?)),
                    Kind::Scalar(_) | Kind::Map(_) => {
                        Item::parse_segment(Some(&entry.key), &String::decode(&entry.value, cx)?)
                    }
                },
                _ => Err("an item has one name".to_owned()),
            },
            Kind::Seq(_) => Err("a loop needs a name".to_owned()),
        };
        read.map_err(|problem| cx.error(node.span, problem, help)).ok()
    }
}

/// `HL`, which states whether it has children, or `{ segment: CPS, child_flag: false, nested: false }`.
impl Decode for Hierarchy {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        match &node.kind {
            Kind::Scalar(_) => Some(Self { tag: String::decode(node, cx)?, has_child_flag: true, nested: true }),
            Kind::Seq(_) | Kind::Map(_) => {
                let map = cx.map(node, "hierarchy")?;
                let (has_child_flag, nested) = (map.or("child_flag", true), map.or("nested", true));
                let tag = map.required("segment");
                map.finish();
                Some(Self { tag: tag?, has_child_flag, nested })
            }
        }
    }
}

impl Decode for SegmentPosition {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let text = String::decode(node, cx)?;
        Self::parse(&text).map_err(|problem| cx.error(node.span, problem, "such as `QTY[01=21].01.02`")).ok()
    }
}

impl Decode for Selector {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let text = String::decode(node, cx)?;
        Self::parse(&text).map_err(|problem| cx.error(node.span, problem, "such as `LIN` or `QTY[01=21]`")).ok()
    }
}

/// `{ at: CTT.01, count: PO1 }`, `{ at: quantity_total.01.02, sum: "QTY[01=21].01.02" }`; `at` begins with an item's name.
impl Decode for MessageTotal {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "control total")?;
        let at: Option<String> = map.required("at");
        let of = match (map.optional("count").map(TotalOf::Count), map.optional("sum").map(TotalOf::Sum)) {
            (Some(of), None) | (None, Some(of)) => Some(of),
            (Some(_), Some(_)) | (None, None) => {
                map.error("at", "a total is a count or a sum", "write `count: PO1` or `sum: PO1.02`");
                None
            }
        };
        let place = at.and_then(|at| {
            let parsed = at.split_once('.').map(|(item, position)| (item.to_owned(), Position::parse(position)));
            match parsed {
                Some((item, Ok(position))) => Some((item, position)),
                Some((_, Err(_))) | None => {
                    map.error("at", format!("{at:?} is not a name and a position"), "such as `CTT.01`");
                    None
                }
            }
        });
        map.finish();
        let (item, position) = place?;
        Some(Self { item, position, of: of? })
    }
}

/// `MOA[01=203].01.02`, or `[PO1.02, "04"]`: a position times another of the same segment.
impl Decode for SumOf {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let Kind::Seq(parts) = &node.kind else { return SegmentPosition::decode(node, cx).map(Self::Element) };
        let [of, factor] = parts.as_slice() else {
            cx.error(node.span, "a product has two factors", "such as `[PO1.02, \"04\"]`");
            return None;
        };
        let of = SegmentPosition::decode(of, cx)?;
        match Position::parse(&String::decode(factor, cx)?) {
            Ok(position) => Some(Self::Product(of, position)),
            Err(problem) => {
                cx.error(factor.span, problem, "such as `\"04\"`");
                None
            }
        }
    }
}
