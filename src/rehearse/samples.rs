//! Payloads that are known to be good, from the tests of mappings; not here: making fresh ones of them (`recipe`).

use serde_json::{Map, Value};

use crate::config::{Config, Connection};
use crate::connector::manifest::Stream;
use crate::mapping::{InContext, Mapping, Sample, Values, samples};
use crate::model::{Entity, Record};

use super::payload::{leaves, put};
use super::prepare::Rehearsal;

/// A sample may have half a piece in it, which its mapping in takes and a destination does not.
pub(super) fn in_whole_numbers(sample: &Value) -> Value {
    let mut whole = sample.clone();
    for (place, leaf) in leaves(sample) {
        let text = match leaf {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => continue,
        };
        let Some((before, after)) = text.split_once(['.', ',']) else { continue };
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if digits(before) && digits(after) && leaf.is_string() {
            let point = &text[before.len()..=before.len()];
            put(&mut whole, &place, Value::String(format!("{before}{point}{}", "0".repeat(after.len()))));
        } else if digits(before) && digits(after) {
            put(&mut whole, &place, before.parse::<i64>().map_or(Value::Null, Value::from));
        }
    }
    whole
}

/// Payloads that are known to be good: those of the mapping's own tests, or for canonical streams records of any mapping's.
pub(super) fn payloads(
    rehearsal: &Rehearsal,
    copy: &Config,
    connection: &Connection,
    stream: &Stream,
    entity: Entity,
) -> Result<Vec<Value>, String> {
    let folder = &rehearsal.original.folder;
    let of = |name: &str, mapping: &Mapping| -> Vec<Sample> {
        let beside = name.split_once('/').map_or(name, |(connector, _)| connector);
        samples(mapping, &|fixture| copy.registry.fixture(folder, beside, fixture))
    };
    if let Some(name) = connection.mapping_name(stream) {
        let mapping = copy.mappings.get(&name).ok_or_else(|| format!("mapping {name} is not used by a flow"))?;
        let found: Vec<Value> =
            of(&name, mapping).into_iter().filter(|sample| !sample.outward).map(|sample| sample.given).collect();
        if found.is_empty() {
            return Err(format!(
                "mappings/{name}.yaml has no test with `given` and `expect` whose payload could be the pattern; add one"
            ));
        }
        return Ok(found);
    }
    let mut found = Vec::new();
    let wanted = format!("/{entity}");
    for name in copy.registry.mapping_names().filter(|name| name.ends_with(&wanted)) {
        let beside = name.split_once('/').map_or(name, |(connector, _)| connector);
        let Ok(values) = Values::load(copy.registry.mapping(&format!("{beside}/values"))) else { continue };
        let Ok(mapping) = Mapping::load(copy.registry.mapping(name), &values) else { continue };
        for sample in of(name, &mapping) {
            let settings = Value::Object(Map::new());
            let record = if sample.outward {
                Record::from_json(entity, &sample.given).ok()
            } else {
                mapping.map_in(&sample.given, InContext { settings: &settings }).ok()
            };
            found.extend(record.map(|record| record.to_json()));
        }
    }
    // The one that says most is the most like a real one.
    found.sort_by_key(|record| std::cmp::Reverse(record.to_string().len()));
    if found.is_empty() {
        Err(format!("no mapping has a test whose record could be the pattern of a canonical {entity}"))
    } else {
        Ok(found)
    }
}
