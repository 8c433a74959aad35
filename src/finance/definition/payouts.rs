//! `payouts:`: what the report tells of each payout, from gross to the bank line.
//!
//! Not here: adding it up (`recon::payouts`).

use std::sync::Arc;

use crate::config::yaml::{Context, MapReader, Node, suggest};
use crate::recon::normalise::Normaliser;
use crate::recon::payouts::PayoutRules;
use crate::recon::row::Side;
use crate::recon::rules::{How, RuleSet};

use super::side::{From, SideSpec};
use crate::choice;

/// How payouts are told, and the bank's statement, if they are followed so far.
#[derive(Debug, Clone)]
pub struct PayoutSpec {
    pub rules: PayoutRules,
    pub bank: Option<SideSpec>,
}

choice! {
    enum SideWord ("side") {
        A = "a",
        B = "b",
    }
}

impl SideWord {
    fn side(self) -> Side {
        match self {
            SideWord::A => Side::A,
            SideWord::B => Side::B,
        }
    }
}

/// Reads it once the sides are aligned with the rules.
pub(super) fn decode(node: &Node, cx: &Context, rules: &RuleSet, sides: &[SideSpec; 2]) -> Option<PayoutSpec> {
    let map = cx.map(node, "payouts")?;
    let by: Option<String> = map.required("by");
    let movements = map.or("movements", SideWord::A).side();
    let bank_by: Option<String> = map.optional("bank_by");
    let bank = map.node("bank").and_then(|node| SideSpec::decode_as(node, cx, Side::B));
    let key = |word: &'static str, name: &str, of: &[&SideSpec]| {
        let keys: Vec<&str> = rules.keys.iter().map(|key| &**key).collect();
        let at = keys.iter().position(|known| *known == name);
        let carried = at.filter(|at| of.iter().all(|side| side.keys.get(*at).is_some_and(Option::is_some)));
        if carried.is_none() {
            let message = match at {
                None => format!("no side has a key `{name}`"),
                Some(_) => format!("`{name}` is no key of {}", titles(of)),
            };
            map.error(word, message, suggest(name, &keys));
        }
        carried
    };
    let by = by.and_then(|name| key("by", &name, &[&sides[0], &sides[1]]));
    let fee = map.optional::<String>("fee").and_then(|name| part(&map, &name, rules));
    let bank = bank.map(|mut bank| {
        bank.align(rules);
        bank
    });
    if let Some(bank) = bank.as_ref().filter(|bank| matches!(bank.from, From::Mirror(_) | From::Live(_))) {
        cx.error(bank.from_span, "the bank's statement is not read from files", "use `files:` or `table:`");
    }
    let bank_key = match (&bank, &bank_by) {
        (Some(bank), Some(name)) => key("bank_by", name, &[&sides[movements.other().index()], bank]),
        (Some(_), None) => {
            map.missing("bank_by");
            None
        }
        (None, Some(_)) => {
            map.error("bank_by", "there is no `bank`", "say where the bank's statement is, or leave `bank_by` out");
            None
        }
        (None, None) => None,
    };
    map.finish();
    let by = by?;
    let rules = PayoutRules { by, normalise: spelling(rules, by), movements, fee, bank: bank_key };
    Some(PayoutSpec { rules, bank })
}

fn titles(sides: &[&SideSpec]) -> String {
    sides.iter().map(|side| format!("`{}`", side.title)).collect::<Vec<_>>().join(" or ")
}

fn part(map: &MapReader<'_>, name: &str, rules: &RuleSet) -> Option<usize> {
    let parts: Vec<&Arc<str>> = rules.parts.iter().map(|part| &part.name).collect();
    let found = parts.iter().position(|part| &***part == name);
    if found.is_none() {
        let known: Vec<&str> = parts.iter().map(|part| &***part).collect();
        let help = if known.is_empty() {
            format!("add `parts: {{ {name}: ... }}` to the side with the movements")
        } else {
            suggest(name, &known)
        };
        map.error("fee", format!("no side has a part `{name}`"), help);
    }
    found
}

/// What does not count of a payout's spelling: as in the first pass that uses the key.
fn spelling(rules: &RuleSet, by: usize) -> Vec<Normaliser> {
    let of = |how: &How| match how {
        How::Keyed(keyed) => keyed.on.contains(&by).then(|| keyed.normalise.clone()),
        How::Grouped(grouped) => grouped.by.contains(&by).then(|| grouped.normalise.clone()),
        How::Window(_) | How::Subset(_) => None,
    };
    rules.passes.iter().find_map(|pass| of(&pass.how)).unwrap_or_default()
}
