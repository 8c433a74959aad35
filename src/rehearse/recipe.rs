//! How one stream's payloads are made: a sample, and which of its leaves each new record writes anew.
//!
//! Which leaves these are is found by experiment: a leaf is changed, the payload is read as the hub would read it, and what
//! has changed (key, version, time, a reference) says what the leaf is. So any mapping will do, expressions included.
//! Not here: what surrounds a payload (`envelope`, `files`).

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::model::Entity;

use super::payload::{Place, Seg, leaves, put};
use super::token::Tokens;

/// What the hub makes of a payload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// The vendor's key.
    pub(super) key: String,
    pub(super) version: Option<String>,
    pub(super) occurred_at: Option<String>,
    pub(super) natural_key: Option<String>,
    /// The first part of the natural key: what is fresh in it. The others (a warehouse, a price list) are few and known.
    pub(super) name: Option<String>,
    /// Records that this one refers to.
    pub(super) refs: Vec<(Entity, String)>,
}

/// Reads a payload as the hub will, or says why it cannot.
pub(super) type Probe<'p> = dyn Fn(&Value) -> Result<Facts, String> + 'p;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Fill {
    /// The record's own number, as a number or in a text after a prefix.
    Number,
    Text {
        prefix: String,
    },
    Time(TimeForm),
    Reference(Entity),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TimeForm {
    Rfc3339,
    Seconds,
    Milliseconds,
}

#[derive(Debug, Clone)]
pub(super) struct Recipe {
    sample: Value,
    slots: Vec<(Place, Fill)>,
    tokens: Tokens,
    /// The natural key with the trial number in it.
    natural_key: String,
    /// Leaves that the natural key is made of.
    natural: Vec<Place>,
    /// References with the trial number in them: to records of the same number.
    refs: Vec<(Entity, String)>,
}

/// Digits in a row in a text, from which on they are taken to name something (a tracking number).
const NAMING_DIGITS: usize = 6;

impl Recipe {
    /// Finds out how to make records like `sample`; the reason if no fresh record can be made.
    pub(super) fn find(sample: &Value, tokens: Tokens, probe: &Probe<'_>) -> Result<Recipe, String> {
        Recipe::with(sample, tokens, probe, &|_, _| false)
    }

    /// The same for records that others only refer to: their further ids are fresh too, because what refers to them may be
    /// delivered under such an id.
    pub(super) fn find_with_ids(sample: &Value, tokens: Tokens, probe: &Probe<'_>) -> Result<Recipe, String> {
        Recipe::with(sample, tokens, probe, &is_id)
    }

    fn with(
        sample: &Value,
        tokens: Tokens,
        probe: &Probe<'_>,
        naming: &dyn Fn(&Place, &Value) -> bool,
    ) -> Result<Recipe, String> {
        let experiment = Experiment { sample, tokens, before: probe(sample)?, probe, naming };
        let found = leaves(sample);
        let found = found.into_iter().filter_map(|(place, leaf)| Some((experiment.role(&place, leaf)?, place)));
        let (mut slots, mut natural) = (Vec::new(), Vec::new());
        for (role, place) in found {
            if role.names {
                natural.push(place.clone());
            }
            slots.push((place, role.fill));
        }
        let before = experiment.before;
        let mut recipe =
            Recipe { sample: sample.clone(), slots, tokens, natural_key: String::new(), natural, refs: Vec::new() };
        let trial = recipe.write(tokens.trial(), Timestamp::now(), &|_| None);
        let after = probe(&trial).map_err(|reason| format!("a payload with a fresh key is refused: {reason}"))?;
        if after.key == before.key {
            return Err(format!("no field of its sample changes its key `{}`", before.key));
        }
        recipe.natural_key = after.natural_key.unwrap_or_default();
        let number = tokens.trial().to_string();
        recipe.refs = after.refs.into_iter().filter(|(_, key)| key.contains(&number)).collect();
        Ok(recipe)
    }

    /// Record `index` as of `now`; `reference` gives the natural key of the record of another kind that it refers to.
    pub(super) fn record(&self, index: u64, now: Timestamp, reference: &dyn Fn(Entity) -> Option<String>) -> Value {
        self.write(self.tokens.of(index), now, reference)
    }

    /// Record `index` under a name that others have for it.
    pub(super) fn record_named(&self, index: u64, name: &str, now: Timestamp) -> Value {
        let mut record = self.record(index, now, &|_| None);
        for place in &self.natural {
            put(&mut record, place, json!(name));
        }
        record
    }

    /// The name under which record `index` refers to one of this kind that bears its own number.
    pub(super) fn own_reference(&self, entity: Entity, index: u64) -> Option<String> {
        let (_, key) = self.refs.iter().find(|(known, _)| *known == entity)?;
        Some(key.replace(&self.tokens.trial().to_string(), &self.tokens.of(index).to_string()))
    }

    fn write(&self, number: u64, now: Timestamp, reference: &dyn Fn(Entity) -> Option<String>) -> Value {
        let mut record = self.sample.clone();
        for (place, fill) in &self.slots {
            let value = match fill {
                Fill::Number => Some(json!(number)),
                Fill::Text { prefix } => Some(json!(format!("{prefix}{number}"))),
                Fill::Time(form) => Some(form.write(now)),
                Fill::Reference(entity) => reference(*entity).map(Value::String),
            };
            if let Some(value) = value {
                put(&mut record, place, value);
            }
        }
        record
    }

    /// The name of record `index` across systems.
    pub(super) fn natural_key(&self, index: u64) -> String {
        self.natural_key.replace(&self.tokens.trial().to_string(), &self.tokens.of(index).to_string())
    }

    /// Kinds of records that its records refer to.
    pub(super) fn refers_to(&self) -> impl Iterator<Item = Entity> {
        self.slots.iter().filter_map(|(_, fill)| match fill {
            Fill::Reference(entity) => Some(*entity),
            Fill::Number | Fill::Text { .. } | Fill::Time(_) => None,
        })
    }
}

impl TimeForm {
    fn of(leaf: &Value) -> Option<TimeForm> {
        match leaf {
            Value::String(text) => text.parse::<Timestamp>().ok().map(|_| TimeForm::Rfc3339),
            Value::Number(number) => match number.as_i64()? {
                1_000_000_000..=4_000_000_000 => Some(TimeForm::Seconds),
                1_000_000_000_000..=4_000_000_000_000 => Some(TimeForm::Milliseconds),
                _ => None,
            },
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn write(self, now: Timestamp) -> Value {
        match self {
            TimeForm::Rfc3339 => json!(now.to_string()),
            TimeForm::Seconds => json!(now.as_second()),
            TimeForm::Milliseconds => json!(now.as_millisecond()),
        }
    }
}

/// What is tried out on a sample.
struct Experiment<'e> {
    sample: &'e Value,
    tokens: Tokens,
    before: Facts,
    probe: &'e Probe<'e>,
    /// Leaves that name something although nothing that the hub looks at changes with them.
    naming: &'e dyn Fn(&Place, &Value) -> bool,
}

struct Role {
    fill: Fill,
    /// The natural key is made of it.
    names: bool,
}

impl Experiment<'_> {
    fn with(&self, place: &Place, value: Value) -> Option<Facts> {
        let mut changed = self.sample.clone();
        put(&mut changed, place, value);
        (self.probe)(&changed).ok()
    }

    /// What a leaf is, if anything that a fresh record must change.
    fn role(&self, place: &Place, leaf: &Value) -> Option<Role> {
        if let Some(form) = TimeForm::of(leaf) {
            let later = Timestamp::from_second(1_900_000_000).ok()?;
            if let Some(after) = self.with(place, form.write(later)) {
                let aged = after.version != self.before.version || after.occurred_at != self.before.occurred_at;
                if aged && after.key == self.before.key {
                    return Some(Role { fill: Fill::Time(form), names: false });
                }
            }
        }
        let number = self.tokens.trial();
        let (fill, value, naming) = match leaf {
            Value::Number(_) => (Fill::Number, json!(number), (self.naming)(place, leaf)),
            Value::String(text) if text.parse::<Timestamp>().is_err() => {
                let prefix = prefix(text);
                let value = json!(format!("{prefix}{number}"));
                (Fill::Text { prefix }, value, longest_run(text) >= NAMING_DIGITS)
            }
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
        };
        let after = self.with(place, value)?;
        let names = after.name != self.before.name;
        if !names && after.natural_key != self.before.natural_key {
            return None;
        }
        if after.key != self.before.key || names {
            return Some(Role { fill, names });
        }
        match after.refs.iter().find(|reference| !self.before.refs.contains(reference)) {
            Some((entity, _)) => Some(Role { fill: Fill::Reference(*entity), names: false }),
            None => (naming && after.refs == self.before.refs).then_some(Role { fill, names: false }),
        }
    }
}

/// A large number that is called an id.
fn is_id(place: &Place, leaf: &Value) -> bool {
    let called = match place.last() {
        Some(Seg::Name(name)) => name == "id" || name.ends_with("_id") || name.ends_with("Id"),
        Some(Seg::Index(_)) | None => false,
    };
    called && longest_run(&leaf.to_string()) >= NAMING_DIGITS
}

/// What stands before the first digit: `#` of `#1001`, `pi_` of `pi_1`.
fn prefix(text: &str) -> String {
    let head: String = text.chars().take_while(|c| !c.is_ascii_digit()).collect();
    if head.chars().count() <= 12 && head.len() < text.len() { head } else { String::new() }
}

fn longest_run(text: &str) -> usize {
    text.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A vendor whose key is `id`, whose version is `at`, and whose records name an order; `kind` takes one word only.
    fn probe(payload: &Value) -> Result<Facts, String> {
        if payload["kind"] != "a1" {
            return Err("unmapped kind".to_owned());
        }
        let text = |name: &str| payload[name].as_str().map(str::to_owned);
        Ok(Facts {
            key: payload["id"].to_string(),
            version: text("at"),
            occurred_at: None,
            natural_key: text("name").map(|name| format!("{name}|{}", payload["place"])),
            name: text("name"),
            refs: text("order").map(|key| (Entity::Order, key)).into_iter().collect(),
        })
    }

    #[test]
    fn leaves_are_told_apart_by_what_they_change() {
        let tokens = Tokens::new(3);
        let sample = json!({ "id": 7, "name": "#1001", "at": "2026-11-20T10:00:00Z", "order": "#1", "kind": "a1",
            "place": 7, "amount": 12, "created": "2026-11-20T10:00:00Z" });
        let recipe = Recipe::find(&sample, tokens, &probe).unwrap();
        let now: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
        let made = recipe.record(5, now, &|entity| (entity == Entity::Order).then(|| "#9".to_owned()));
        let five = tokens.of(5);
        assert_eq!(
            made,
            json!({ "id": five, "name": format!("#{five}"), "at": "2026-12-01T00:00:00Z", "order": "#9",
            "kind": "a1", "place": 7, "amount": 12, "created": "2026-11-20T10:00:00Z" })
        );
        assert_eq!(recipe.natural_key(5), format!("#{five}|7"));
        assert_eq!(recipe.refers_to().collect::<Vec<_>>(), [Entity::Order]);
    }

    #[test]
    fn a_sample_that_is_refused_says_why() {
        let error = Recipe::find(&json!({ "kind": "b" }), Tokens::new(1), &probe).unwrap_err();
        assert_eq!(error, "unmapped kind");
    }
}
