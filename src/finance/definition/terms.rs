//! Tolerances, states, due dates.
//!
//! Not here: what they mean (`recon`).

use std::collections::BTreeMap;

use crate::choice;
use crate::config::yaml::{Context, Decode, Entry, Kind, MapReader, Node, suggest};
use crate::finance::heal::{HealPolicy, Healing};
use crate::finance::inflight::Patience;
use crate::finance::schedule::{Covers, Schedule};
use crate::model::Date;
use crate::recon::calendar::{Calendar, Due};
use crate::recon::code::Code;
use crate::recon::rules::{Measure, States};
use crate::recon::tolerance::{Allowance, Combine, Tolerance};
use crate::recon::unit::Unit;

use super::document::Kind as Subject;

choice! {
    enum CombineWord ("combination") {
        Max = "max",
        Min = "min",
    }
}

/// `{ EUR: 0.02, ppm: 500 }` for both directions, or `{ below: {...}, above: {...}, combine: max }`.
pub(super) fn tolerance(node: &Node, cx: &Context) -> Option<Tolerance> {
    let both_ways = node.entries()?.iter().all(|entry| !matches!(entry.key.as_str(), "below" | "above" | "combine"));
    if both_ways {
        let allowance = allowance(node, cx)?;
        return Some(Tolerance { below: allowance.clone(), above: allowance, combine: Combine::Max });
    }
    let map = cx.map(node, "tolerance")?;
    let direction = |key| map.node(key).and_then(|node| allowance(node, cx)).unwrap_or_default();
    let combine = match map.or("combine", CombineWord::Max) {
        CombineWord::Max => Combine::Max,
        CombineWord::Min => Combine::Min,
    };
    let tolerance = Tolerance { below: direction("below"), above: direction("above"), combine };
    map.finish();
    Some(tolerance)
}

/// Amounts by currency (or `pcs`), and `ppm`.
fn allowance(node: &Node, cx: &Context) -> Option<Allowance> {
    let mut allowance = Allowance::default();
    cx.named(node, "tolerances", |entry: &Entry, cx| {
        if entry.key == "ppm" {
            allowance.ppm = u32::decode(&entry.value, cx)?;
            return Some(());
        }
        let read = Unit::parse(&entry.key).map_err(|error| (entry.key_span, error)).and_then(|unit| {
            let text = entry.value.as_str().unwrap_or_default();
            unit.amount(text).map(|amount| (unit, amount)).map_err(|error| (entry.value.span, error))
        });
        match read {
            Ok((unit, amount)) if amount >= 0 => {
                allowance.absolute.insert(unit, amount);
            }
            Ok(_) => {
                cx.error(entry.value.span, "a tolerance is not negative", "state it without sign, for each direction")
            }
            Err((span, error)) => cx.error(span, error.to_string(), "for example `EUR: 0.02` or `ppm: 500`"),
        }
        Some(())
    })?;
    Some(allowance)
}

/// `{ tolerance: {...}, code: UNEXPECTED_FEE }`.
pub(super) fn field(node: &Node, cx: &Context) -> Option<(Tolerance, Option<Code>)> {
    let map = cx.map(node, "the field's rule")?;
    let tolerance = map.node("tolerance").and_then(|node| tolerance(node, cx)).unwrap_or_default();
    let code = map.optional::<String>("code").and_then(|word| {
        let code = Code::parse(&word);
        if code.is_none() {
            let known: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
            map.error("code", format!("there is no break code `{word}`"), suggest(&word, &known));
        }
        code
    });
    map.finish();
    Some((tolerance, code))
}

/// `{ agree: { paid: [captured, settled] }, lag: { paid: [authorized] } }`.
pub(super) fn states(node: &Node, cx: &Context) -> Option<States> {
    let map = cx.map(node, "states")?;
    let pairs = |key| {
        let stated: Vec<(_, Node)> = map.named(key);
        let mut pairs = Vec::new();
        for (a, node) in stated {
            let others = match &node.kind {
                Kind::Seq(_) => Vec::<String>::decode(&node, cx).unwrap_or_default(),
                Kind::Scalar(_) | Kind::Map(_) => String::decode(&node, cx).into_iter().collect(),
            };
            pairs.extend(others.into_iter().map(|b| (a.value.as_str().into(), b.into())));
        }
        pairs
    };
    let states = States { agree: pairs("agree"), lag: pairs("lag") };
    map.finish();
    Some(states)
}

/// When B has to follow a row of A, and A one of B: `due: { a: { business_days: 2, holidays: [...] }, b: now }`.
pub(super) fn due(map: &MapReader<'_>) -> [Due; 2] {
    let cx = map.context();
    let Some(due) = map.node("due").and_then(|node| cx.map(node, "due")) else { return [Due::now(), Due::now()] };
    let sides = ["a", "b"].map(|key| due.node(key).and_then(|node| one_due(node, cx)).unwrap_or_else(Due::now));
    due.finish();
    sides
}

choice! {
    enum Days ("days that count") {
        Business = "business",
        All = "all",
    }
}

fn one_due(node: &Node, cx: &Context) -> Option<Due> {
    if node.as_str() == Some("now") {
        return Some(Due::now());
    }
    let map = cx.map(node, "when it is due")?;
    let days: u16 = map.required("days")?;
    let base = match map.or("count", Days::Business) {
        Days::Business => Calendar::default(),
        Days::All => Calendar::every_day(),
    };
    let mut holidays = BTreeMap::new();
    for node in map.list::<Node>("holidays") {
        match Date::parse(node.as_str().unwrap_or_default()) {
            Ok(date) => drop(holidays.insert(date.civil(), ())),
            Err(error) => cx.error(node.span, error.to_string(), "write days as `2026-12-25`"),
        }
    }
    map.finish();
    Some(Due { business_days: days, calendar: Calendar { holidays: holidays.into_keys().collect(), ..base } })
}

/// How patient it is with what the hub carries.
pub(super) fn patience(node: &Node, cx: &Context) -> Option<Patience> {
    let map = cx.map(node, "in_flight")?;
    let usual = Patience::default();
    let patience = Patience {
        settle: map.or("settle", usual.settle),
        stuck_after: map.or("stuck_after", usual.stuck_after),
        read_again: map.or("read_again", usual.read_again),
    };
    map.finish();
    Some(patience)
}

choice! {
    enum CoversWord ("period") {
        Everything = "everything",
        PreviousDay = "previous day",
        PreviousWeek = "previous week",
        PreviousMonth = "previous month",
    }
}

/// When it runs by itself; days are the reconciliation's unless it says otherwise.
pub(super) fn every(node: &Node, cx: &Context, zone: jiff::tz::TimeZone) -> Option<Schedule> {
    let map = cx.map(node, "every")?;
    let cron: Option<String> = map.required("cron");
    let zone = match map.optional::<String>("zone") {
        Some(name) => match jiff::tz::TimeZone::get(&name) {
            Ok(zone) => zone,
            Err(_) => {
                let help = "use a name such as `Europe/Berlin` or `UTC`";
                map.error("zone", format!("there is no time zone `{name}`"), help);
                zone
            }
        },
        None => zone,
    };
    let covers = match map.or("covers", CoversWord::Everything) {
        CoversWord::Everything => Covers::Everything,
        CoversWord::PreviousDay => Covers::PreviousDay,
        CoversWord::PreviousWeek => Covers::PreviousWeek,
        CoversWord::PreviousMonth => Covers::PreviousMonth,
    };
    let found = match Schedule::new(&cron?, zone, covers) {
        Ok(schedule) => Some(schedule),
        Err(reason) => {
            map.error("cron", reason, "minute, hour, day of the month, month, day of the week: `0 6 * * 1-5`");
            None
        }
    };
    map.finish();
    found
}

choice! {
    enum HealingWord ("healing") {
        Automatic = "automatic",
        Propose = "propose",
        Never = "never",
    }
}

/// What the hub may do by itself. Where money is reconciled it proposes at most.
pub(super) fn heal(node: &Node, cx: &Context, kind: Option<Subject>, measure: Measure) -> Option<HealPolicy> {
    let map = cx.map(node, "heal")?;
    let usual = HealPolicy::default();
    let mut policy = HealPolicy {
        most_per_run: map.or("most_per_run", usual.most_per_run),
        stop_above: map.or("stop_above", usual.stop_above),
        flapping_times: map.or("flapping_times", usual.flapping_times),
        flapping_within: map.or("flapping_within", usual.flapping_within),
        codes: BTreeMap::new(),
    };
    for code in Code::ALL {
        let Some(word) = map.optional::<HealingWord>(code.as_str()) else { continue };
        let healing = match word {
            HealingWord::Automatic => Healing::Automatic,
            HealingWord::Propose => Healing::Propose,
            HealingWord::Never => Healing::Never,
        };
        if healing == Healing::Automatic
            && !HealPolicy::may_be_automatic(*code, kind.is_some_and(Subject::is_money), measure)
        {
            map.error(
                code.as_str(),
                format!("{code} is never healed without a person: it is about money, or about who is right"),
                "`propose` shows what would be done; `syncline recon heal` does it when a person asks",
            );
            continue;
        }
        policy.codes.insert(*code, healing);
    }
    map.finish();
    Some(policy)
}

/// How many records are asked for again every hour.
pub(super) fn audit(node: &Node, cx: &Context) -> Option<u32> {
    let map = cx.map(node, "audit")?;
    let per_hour = map.required("per_hour");
    map.finish();
    per_hour
}
