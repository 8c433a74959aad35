//! `payouts:`: what the report tells of each payout, from gross to the bank line.
//!
//! Not here: adding it up (`recon::payouts`).

use crate::choice;
use crate::config::yaml::{Context, Node, Spanned, suggest};
use crate::recon::normalise::Normaliser;
use crate::recon::payouts::PayoutRules;
use crate::recon::row::Side;
use crate::recon::rules::{How, KeyIndex, RuleSet};

use super::side::{From, SideSpec};

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

/// What is stated, before keys and parts are looked up.
pub(super) struct Stated {
    by: Spanned<String>,
    movements: Side,
    fee: Option<Spanned<String>>,
    bank_by: Option<Spanned<String>>,
    bank: Option<SideSpec>,
}

pub(super) fn decode(node: &Node, cx: &Context) -> Option<Stated> {
    let map = cx.map(node, "payouts")?;
    let by = map.required("by");
    let movements = map.or("movements", SideWord::A).side();
    let (fee, bank_by) = (map.optional("fee"), map.optional("bank_by"));
    let bank = map.node("bank").and_then(|node| SideSpec::decode_as(node, cx, Side::B));
    if let Some(bank) = bank.as_ref().filter(|bank| matches!(bank.from, From::Mirror(_) | From::Live(_))) {
        cx.error(bank.from_span, "the bank's statement is not read from files", "use `files:` or `table:`");
    }
    match (map.has("bank"), map.has("bank_by")) {
        (true, false) => map.missing("bank_by"),
        (false, true) => {
            map.error("bank_by", "there is no `bank`", "say where the bank's statement is, or leave `bank_by` out")
        }
        (true, true) | (false, false) => {}
    }
    map.finish();
    Some(Stated { by: by?, movements, fee, bank_by, bank })
}

impl Stated {
    /// Looks names up, once the sides are aligned with the rules.
    pub(super) fn resolve(self, cx: &Context, rules: &RuleSet, sides: &[SideSpec; 2]) -> Option<PayoutSpec> {
        let Stated { by, movements, fee, bank_by, bank } = self;
        let bank = bank.map(|mut bank| {
            bank.align(rules);
            bank
        });
        let by = key(cx, rules, &by, &[&sides[0], &sides[1]]);
        let fee = fee.and_then(|name| part(cx, &name, rules));
        let bank_key = bank.as_ref().zip(bank_by.as_ref()).and_then(|(bank, name)| {
            let payouts = &sides[movements.other().index()];
            key(cx, rules, name, &[payouts, bank])
        });
        let by = by?;
        let rules = PayoutRules { by, normalise: spelling(rules, by), movements, fee, bank: bank_key };
        Some(PayoutSpec { rules, bank })
    }
}

/// A key that all of these sides have.
fn key(cx: &Context, rules: &RuleSet, name: &Spanned<String>, of: &[&SideSpec]) -> Option<KeyIndex> {
    let keys: Vec<&str> = rules.keys.iter().map(|key| &**key).collect();
    let at = keys.iter().position(|known| **known == *name.value);
    let carried = at.filter(|at| of.iter().all(|side| side.keys.get(*at).is_some_and(Option::is_some)));
    if carried.is_none() {
        let message = match at {
            None => format!("neither side has a key `{}`", name.value),
            Some(_) => format!("`{}` has to be a key of {}", name.value, titles(of)),
        };
        cx.error(name.place.span, message, suggest(&name.value, &keys));
    }
    carried
}

fn titles(sides: &[&SideSpec]) -> String {
    sides.iter().map(|side| format!("`{}`", side.title)).collect::<Vec<_>>().join(" and of ")
}

fn part(cx: &Context, name: &Spanned<String>, rules: &RuleSet) -> Option<usize> {
    let known: Vec<&str> = rules.parts.iter().map(|part| &*part.name).collect();
    let found = known.iter().position(|part| **part == *name.value);
    if found.is_none() {
        let help = if known.is_empty() {
            format!("add `parts: {{ {}: ... }}` to the side with the movements", name.value)
        } else {
            suggest(&name.value, &known)
        };
        cx.error(name.place.span, format!("neither side has a part `{}`", name.value), help);
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

#[cfg(test)]
mod tests {
    use crate::config::yaml::Source;
    use crate::finance::definition::parse;

    const SIDES: &str = "\
reconciliation: payouts
title: Movements against payouts
kind: payouts
a: { title: Movements, table: a.csv, keys: { payout: p, order: o }, amount: net, unit: EUR, parts: { fee: f } }
b: { title: Payouts, table: b.csv, keys: { payout: p, trace: t }, amount: net, unit: EUR }
match: [{ id: payout, group: [payout] }]
payouts: ";

    fn said(payouts: &str) -> String {
        match parse(&Source::new("one.yaml", format!("{SIDES}{payouts}\n"))) {
            Ok(definition) => format!("{:?}", definition.payouts.map(|spec| spec.rules)),
            Err(problems) => problems.to_string(),
        }
    }

    #[test]
    fn what_is_not_there_is_named_with_its_place() {
        let bank = "bank: { title: Bank, table: c.csv, keys: { trace: t }, amount: net, unit: EUR }";
        for (stated, words) in [
            ("{ by: payot }", "neither side has a key `payot`"),
            ("{ by: order }", "`order` has to be a key of `Movements` and of `Payouts`"),
            ("{ by: payout, fee: cost }", "neither side has a part `cost`"),
            ("{ by: payout, bank_by: trace }", "there is no `bank`"),
            (&format!("{{ by: payout, {bank} }}"), "bank_by"),
            (&format!("{{ by: payout, bank_by: order, {bank} }}"), "has to be a key of `Payouts` and of `Bank`"),
            (
                "{ by: payout, bank_by: trace, bank: { title: B, mirror: bank.lines, keys: { trace: t }, amount: net } }",
                "the bank's statement is not read from files",
            ),
        ] {
            let told = said(stated);
            assert!(told.contains(words) && told.contains("one.yaml:7"), "{stated}: {told}");
        }
        let whole = said(&format!("{{ by: payout, fee: fee, bank_by: trace, {bank} }}"));
        assert!(whole.contains("bank: Some(") && whole.contains("fee: Some(0)"), "{whole}");
    }
}
