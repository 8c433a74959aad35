//! Functions of expressions over lists: sums, searches, joins and shares, by paths instead of loops.
//!
//! Not here: texts and numbers (see `engine`), what the documentation says of them (see `functions`).

use std::collections::HashMap;

use rhai::{Array, Dynamic, Engine, INT, Map};
use rust_decimal::Decimal;

use super::engine::{Computed, MAX_ITEMS, add, narrowed, refuse};
use super::path::{Path, Step};
use crate::model::Exact;

pub(super) fn register(engine: &mut Engine) {
    engine.register_fn("sum", |list: Array| total(list));
    engine.register_fn("sum", |list: Array, path: &str| total(pluck(&list, path)?));
    engine.register_fn("pluck", |list: Array, path: &str| pluck(&list, path));
    engine.register_fn("find", |list: Array, path: &str, wanted: Dynamic| {
        Ok::<_, Box<rhai::EvalAltResult>>(
            hits(&list, path, &wanted)?.first().map_or(Dynamic::UNIT, |hit| (*hit).clone()),
        )
    });
    engine.register_fn("where", |list: Array, path: &str, wanted: Dynamic| {
        Ok::<Array, Box<rhai::EvalAltResult>>(hits(&list, path, &wanted)?.into_iter().cloned().collect())
    });
    engine.register_fn("any", |list: Array, path: &str, wanted: Dynamic| {
        hits(&list, path, &wanted).map(|hits| !hits.is_empty())
    });
    engine.register_fn("all", |list: Array, path: &str, wanted: Dynamic| {
        hits(&list, path, &wanted).map(|hits| hits.len() == list.len())
    });
    engine.register_fn("count", |list: Array, path: &str, wanted: Dynamic| {
        hits(&list, path, &wanted).and_then(|hits| INT::try_from(hits.len()).map_err(|_| refuse("too many".to_owned())))
    });
    engine.register_fn("reshaped", reshaped);
    engine.register_fn("grouped", grouped);
    engine.register_fn("joined", joined);
    engine.register_fn(
        "allocated",
        |wanted: Array, by: &str, many: &str, there: Array, key: &str, many_there: &str| {
            allocated(&wanted, [by, many], &there, [key, many_there], None)
        },
    );
    engine.register_fn(
        "allocated",
        |wanted: Array, by: &str, many: &str, there: Array, key: &str, many_there: &str, used: &str| {
            allocated(&wanted, [by, many], &there, [key, many_there], Some(used))
        },
    );
}

/// A path of a function: with `?` behind it, what is missing counts as null.
fn parse(text: &str) -> Computed<(Path, bool)> {
    let (path, optional) = text.strip_suffix('?').map_or((text, false), |path| (path, true));
    Path::parse(path).map(|path| (path, optional)).map_err(|error| refuse(error.to_string()))
}

/// The value or values on the path; false if something is missing.
fn follow(node: &Dynamic, steps: &[Step], found: &mut Array) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        found.push(node.clone());
        return true;
    };
    if node.is_unit() {
        if !steps.contains(&Step::Each) {
            found.push(Dynamic::UNIT);
        }
        return true;
    }
    match step {
        Step::Name(name) => {
            node.as_map_ref().is_ok_and(|map| map.get(&**name).is_some_and(|next| follow(next, rest, found)))
        }
        Step::Index(index) => {
            node.as_array_ref().is_ok_and(|list| list.get(*index).is_some_and(|next| follow(next, rest, found)))
        }
        Step::Each => node.as_array_ref().is_ok_and(|list| list.iter().all(|next| follow(next, rest, found))),
    }
}

fn bounded(list: &Array) -> Computed<()> {
    if list.len() > MAX_ITEMS {
        return Err(refuse(format!("a list of {} items is longer than {MAX_ITEMS}", list.len())));
    }
    Ok(())
}

fn pluck(list: &Array, path: &str) -> Computed<Array> {
    bounded(list)?;
    let (parsed, optional) = parse(path)?;
    let mut found = Array::new();
    for (index, item) in list.iter().enumerate() {
        let before = found.len();
        if !follow(item, parsed.steps(), &mut found) {
            if !optional {
                return Err(refuse(format!("item {index} has no {path:?}; with \"{path}?\" it counts as null")));
            }
            if !parsed.is_many() {
                found.truncate(before);
                found.push(Dynamic::UNIT);
            }
        }
        bounded(&found)?;
    }
    Ok(found)
}

/// The one value of an item.
fn one(item: &Dynamic, path: &str) -> Computed<Dynamic> {
    let (parsed, optional) = parse(path)?;
    if parsed.is_many() {
        return Err(refuse(format!("{path:?} gives many values where one is needed")));
    }
    let mut found = Array::new();
    match (follow(item, parsed.steps(), &mut found), optional) {
        (true, _) => Ok(found.pop().unwrap_or(Dynamic::UNIT)),
        (false, true) => Ok(Dynamic::UNIT),
        (false, false) => Err(refuse(format!("an item has no {path:?}; with \"{path}?\" it counts as null"))),
    }
}

/// A number, also as a text that is one; `None` for null.
fn number(value: &Dynamic) -> Computed<Option<Decimal>> {
    if value.is_unit() {
        return Ok(None);
    }
    if let Ok(whole) = value.as_int() {
        return Ok(Some(Decimal::from(whole)));
    }
    if let Ok(decimal) = value.as_decimal() {
        return Ok(Some(decimal));
    }
    match value.as_immutable_string_ref() {
        Ok(text) => {
            let read = Exact::parse(&text).and_then(Exact::to_decimal);
            read.map(Some).map_err(|reason| refuse(format!("{:?}: {reason}", text.as_str())))
        }
        Err(found) => Err(refuse(format!("a number is needed, not {found}"))),
    }
}

fn total(list: Array) -> Computed<Dynamic> {
    bounded(&list)?;
    let mut sum = Decimal::ZERO;
    for value in &list {
        if let Some(value) = number(value)? {
            sum = add(sum, value)?;
        }
    }
    Ok(narrowed(sum))
}

/// Numbers by value, everything else by type and value; of a wanted list, any.
fn equal(found: &Dynamic, wanted: &Dynamic) -> bool {
    if let Ok(any) = wanted.as_array_ref() {
        return any.iter().any(|wanted| equal(found, wanted));
    }
    let as_number = |value: &Dynamic| value.as_int().map(Decimal::from).or_else(|_| value.as_decimal()).ok();
    if let (Some(found), Some(wanted)) = (as_number(found), as_number(wanted)) {
        return found == wanted;
    }
    if let (Ok(found), Ok(wanted)) = (found.as_bool(), wanted.as_bool()) {
        return found == wanted;
    }
    if let (Ok(found), Ok(wanted)) = (found.as_immutable_string_ref(), wanted.as_immutable_string_ref()) {
        return *found == *wanted;
    }
    found.is_unit() && wanted.is_unit()
}

fn hits<'l>(list: &'l Array, path: &str, wanted: &Dynamic) -> Computed<Vec<&'l Dynamic>> {
    bounded(list)?;
    let mut hits = Vec::new();
    for item in list {
        if equal(&one(item, path)?, wanted) {
            hits.push(item);
        }
    }
    Ok(hits)
}

/// The text of a key, so that 7 and "7" are one; `None` for null and empty text, which belong to nothing.
fn key(item: &Dynamic, path: &str) -> Computed<Option<String>> {
    let value = one(item, path)?;
    if value.is_unit() {
        return Ok(None);
    }
    if value.is_map() || value.is_array() {
        return Err(refuse(format!("{path:?} is a list or an object, not a key")));
    }
    let text = match value.as_decimal() {
        Ok(decimal) => decimal.normalize().to_string(),
        Err(_) => value.to_string(),
    };
    Ok((!text.is_empty()).then_some(text))
}

fn map_of(item: &Dynamic) -> Computed<Map> {
    item.as_map_ref().map(|map| map.clone()).map_err(|found| refuse(format!("an object is needed, not {found}")))
}

/// Items with other members: `#{member: "path"}`.
fn reshaped(list: Array, members: Map) -> Computed<Array> {
    bounded(&list)?;
    let reshape = |item: &Dynamic| {
        let entries = members.iter().map(|(name, path)| {
            let path = path.as_immutable_string_ref();
            let path = path.map_err(|found| refuse(format!("{name} names a path, not {found}")))?;
            Ok((name.clone(), one(item, &path)?))
        });
        entries.collect::<Computed<Map>>().map(Dynamic::from)
    };
    list.iter().map(reshape).collect()
}

/// One item per key, in order of first appearance; the items of the group are without the key.
fn grouped(list: Array, by: &str, name: &str) -> Computed<Array> {
    bounded(&list)?;
    let mut groups: Vec<(Dynamic, Array)> = Vec::new();
    let mut known: HashMap<Option<String>, usize> = HashMap::new();
    for item in &list {
        let at = *known.entry(key(item, by)?).or_insert(groups.len());
        if at == groups.len() {
            groups.push((one(item, by)?, Array::new()));
        }
        let mut member = map_of(item)?;
        member.remove(by);
        if let Some((_, items)) = groups.get_mut(at) {
            items.push(Dynamic::from(member));
        }
    }
    let group = |(value, items): (Dynamic, Array)| {
        Dynamic::from(Map::from([(by.into(), value), (name.into(), Dynamic::from(items))]))
    };
    Ok(groups.into_iter().map(group).collect())
}

/// Each item with the one of `others` whose key is equal, as a member of its own; null where there is none.
fn joined(list: Array, here: &str, others: Array, there: &str, name: &str) -> Computed<Array> {
    bounded(&list)?;
    bounded(&others)?;
    let mut index: HashMap<String, &Dynamic> = HashMap::new();
    for other in &others {
        if let Some(key) = key(other, there)?
            && index.insert(key.clone(), other).is_some()
        {
            return Err(refuse(format!("two items have the {there} {key:?}: nobody knows which belongs")));
        }
    }
    let join = |item: &Dynamic| {
        let other = key(item, here)?.and_then(|key| index.get(&key).copied());
        let mut item = map_of(item)?;
        item.insert(name.into(), other.cloned().unwrap_or(Dynamic::UNIT));
        Ok(Dynamic::from(item))
    };
    list.iter().map(join).collect()
}

/// Hands the wanted quantities out over what there is, in order: the items that got something, with how much as `allocated`.
/// Of each, `used` is gone already. What cannot be handed out whole is refused.
fn allocated(
    wanted: &Array,
    [by, many]: [&str; 2],
    there: &Array,
    [key_there, many_there]: [&str; 2],
    used: Option<&str>,
) -> Computed<Array> {
    bounded(wanted)?;
    bounded(there)?;
    let positive = |item: &Dynamic, path: &str| match number(&one(item, path)?)? {
        Some(quantity) if quantity.is_sign_negative() && !quantity.is_zero() => {
            Err(refuse(format!("{path} is {quantity}, less than nothing")))
        }
        quantity => Ok(quantity.unwrap_or(Decimal::ZERO)),
    };
    let mut shelves: HashMap<String, Vec<usize>> = HashMap::new();
    let mut rest = Vec::with_capacity(there.len());
    for (index, item) in there.iter().enumerate() {
        let used = used.map_or(Ok(Decimal::ZERO), |used| positive(item, used))?;
        rest.push((add(positive(item, many_there)?, -used)?.max(Decimal::ZERO), Decimal::ZERO));
        if let Some(key) = key(item, key_there)? {
            shelves.entry(key).or_default().push(index);
        }
    }
    for item in wanted {
        let mut open = positive(item, many)?;
        let key = key(item, by)?;
        let shelf = key.as_ref().and_then(|key| shelves.get(key));
        for index in shelf.into_iter().flatten() {
            if let Some((left, given)) = rest.get_mut(*index) {
                let share = open.min(*left);
                (*left, *given) = (add(*left, -share)?, add(*given, share)?);
                open = add(open, -share)?;
            }
        }
        if !open.is_zero() {
            let key = key.unwrap_or_else(|| "nothing".to_owned());
            return Err(refuse(format!("{} more of {by} {key:?} than there is", open.normalize())));
        }
    }
    let given = there.iter().zip(rest).filter(|(_, (_, given))| !given.is_zero());
    given
        .map(|(item, (_, given))| {
            let mut item = map_of(item)?;
            item.insert("allocated".into(), narrowed(given));
            Ok(Dynamic::from(item))
        })
        .collect()
}
