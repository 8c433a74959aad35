//! Whether a declared EDI structure can work: loops begin with segments, names are distinct, totals have a place.
//!
//! Not here: other formats (`check`).

use std::collections::HashSet;

use super::{EdiFormat, EdiSyntax, Item, ItemKind, Structure};

type Checked = Result<(), String>;

/// Names that the reader adds to the tree.
const OWN_NAMES: [&str; 2] = ["other", "sums"];

pub(super) fn check(format: &EdiFormat) -> Checked {
    if format.messages.is_empty() || format.messages.iter().any(String::is_empty) {
        return Err("`messages` must name at least one type of message".to_owned());
    }
    check_structure(format.syntax, &format.structure)
}

pub(in crate::connector) fn check_structure(syntax: EdiSyntax, structure: &Structure) -> Checked {
    if structure.items.is_empty() {
        return Err("`segments` must name at least one segment".to_owned());
    }
    check_items(syntax, &structure.items, 0)?;
    if let Some(name) = structure.flatten.iter().find(|name| structure.items.iter().any(|item| item.name == **name)) {
        return Err(format!("{name:?} is flattened, but stands at the outermost level already"));
    }
    for total in &structure.totals {
        let found = structure.items.iter().find(|item| item.name == total.item);
        let single = found.is_some_and(|item| match &item.kind {
            ItemKind::Segment(_) => !item.many,
            ItemKind::Loop(_) => false,
        });
        if !single {
            return Err(format!("the total at {:?} needs a segment of that name that occurs once", total.item));
        }
    }
    if let Some((at, _)) = structure.pairs.iter().find(|(at, _)| at.position.component.is_some()) {
        return Err(format!("pairs of {:?} begin at an element, not at a component", at.segment.tag));
    }
    if structure.implied_decimals.iter().any(|(_, decimals)| *decimals > 28) {
        return Err("more than 28 implied decimals".to_owned());
    }
    Ok(())
}

fn check_items(syntax: EdiSyntax, items: &[Item], depth: usize) -> Checked {
    if depth > 16 {
        return Err("loops are nested deeper than 16 levels".to_owned());
    }
    let mut names = HashSet::new();
    for item in items {
        if item.name.is_empty() || !names.insert(item.name.as_str()) || OWN_NAMES.contains(&item.name.as_str()) {
            return Err(format!("the name {:?} is empty, taken or reserved", item.name));
        }
        let Some(trigger) = item.trigger() else {
            return Err(format!("loop {:?} must begin with a segment", item.name));
        };
        if is_service(syntax, &trigger.tag) {
            return Err(format!("{} belongs to the envelope, which is read without being declared", trigger.tag));
        }
        match &item.kind {
            ItemKind::Segment(_) => {}
            ItemKind::Loop(inner) if inner.first().is_some_and(|first| first.many) => {
                return Err(format!("the segment that begins loop {:?} occurs once in it; repeat the loop", item.name));
            }
            ItemKind::Loop(inner) => check_items(syntax, inner, depth + 1)?,
        }
    }
    Ok(())
}

fn is_service(syntax: EdiSyntax, tag: &str) -> bool {
    match syntax {
        EdiSyntax::X12 => matches!(tag, "ISA" | "GS" | "ST" | "SE" | "GE" | "IEA" | "TA1"),
        EdiSyntax::Edifact => matches!(tag, "UNA" | "UNB" | "UNG" | "UNH" | "UNT" | "UNE" | "UNZ"),
    }
}
