//! `sign_off` and `write_off`: what a definition demands of people.
//!
//! Not here: holding them to it (`workflow`).

use std::collections::BTreeMap;

use crate::choice;
use crate::config::yaml::{Context, Decode, MapReader};
use crate::finance::workflow::{Accounts, Demand, Policy};
use crate::recon::unit::Unit;

choice! {
    enum DemandWord ("demand on breaks") {
        Nothing = "nothing",
        Owner = "owner",
        Decision = "decision",
    }
}

pub(super) fn policy(map: &MapReader<'_>) -> Policy {
    let cx = map.context();
    let mut policy = Policy {
        sign_off: match map.or("sign_off", DemandWord::Nothing) {
            DemandWord::Nothing => Demand::Nothing,
            DemandWord::Owner => Demand::Owner,
            DemandWord::Decision => Demand::Decision,
        },
        ..Policy::default()
    };
    if let Some(inner) = map.node("write_off").and_then(|node| cx.map(node, "write_off")) {
        policy.reasons = inner.list::<String>("reasons").iter().map(|reason| reason.to_uppercase()).collect();
        policy.limits = limits(&inner, cx);
        policy.accounts = accounts(&inner, cx);
        inner.finish();
    }
    policy
}

fn limits(map: &MapReader<'_>, cx: &Context) -> BTreeMap<Unit, i128> {
    let mut limits = BTreeMap::new();
    for (name, text) in map.named::<String>("limits") {
        let read = Unit::parse(&name).and_then(|unit| unit.amount(&text).map(|amount| (unit, amount)));
        match read {
            Ok((unit, amount)) if amount >= 0 => drop(limits.insert(unit, amount)),
            Ok(_) => cx.error(name.place.span, "a limit is not negative", "state it without sign"),
            Err(error) => cx.error(name.place.span, error.to_string(), "for example `EUR: 5.00`"),
        }
    }
    limits
}

fn accounts(map: &MapReader<'_>, cx: &Context) -> Accounts {
    let mut accounts = Accounts::default();
    let Some(inner) = map.node("accounts").and_then(|node| cx.map(node, "accounts")) else { return accounts };
    for (key, account) in
        [("loss", &mut accounts.loss), ("gain", &mut accounts.gain), ("clearing", &mut accounts.clearing)]
    {
        if let Some(name) = inner.node(key).and_then(|node| String::decode(node, cx)) {
            *account = name;
        }
    }
    inner.finish();
    accounts
}
