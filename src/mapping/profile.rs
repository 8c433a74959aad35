//! What a sample of records shows: which fields there are, of which types, how often, with which values.
//!
//! Not here: what they are likely to mean (`suggest`), where the sample comes from.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::expr::{Path, Step};
use super::personal::{self, by_look, by_name, is_secretive};
use super::suggest::{Property, Shape};

/// More different values than this are no vocabulary.
const VOCABULARY: usize = 16;
const EXAMPLES: usize = 3;
/// Values that are kept to find out in which form times and amounts are written.
const KEPT: usize = 40;
const MOST_FIELDS: usize = 2_000;

/// One field of the sampled records.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FieldProfile {
    /// As mappings write it; `[]` stands behind a list.
    pub path: String,
    /// How often each type was seen.
    pub types: BTreeMap<&'static str, usize>,
    /// Of the objects that could have it: how many have it with a value, with null, not at all.
    pub present: usize,
    pub null: usize,
    pub absent: usize,
    /// Values and how often each was seen, where there are few: a vocabulary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<BTreeMap<String, usize>>,
    /// Masked where they say something about a person.
    pub examples: Vec<String>,
    pub personal: bool,
    /// How times are written, where all values are times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    #[serde(skip)]
    names: Vec<String>,
    #[serde(skip)]
    kept: Vec<String>,
    #[serde(skip)]
    counted: BTreeMap<String, usize>,
}

/// What all records of a sample show.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Profile {
    pub records: usize,
    pub fields: Vec<FieldProfile>,
}

/// How instants or days are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeForm {
    /// RFC 3339 with an offset.
    Instant,
    /// `2026-11-20`.
    Date,
    /// What a mapping has to declare.
    Declared { format: String, zoned: bool },
}

impl Profile {
    pub fn of(records: &[Value]) -> Profile {
        let mut profile = Profile { records: records.len(), fields: Vec::new() };
        let roots: Vec<&Value> = records.iter().collect();
        profile.objects(&roots, &[]);
        for field in &mut profile.fields {
            field.finish();
        }
        profile
    }

    fn objects(&mut self, objects: &[&Value], above: &[String]) {
        let mut names: Vec<&String> = Vec::new();
        for name in objects.iter().filter_map(|object| object.as_object()).flat_map(serde_json::Map::keys) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        for name in names {
            if self.fields.len() >= MOST_FIELDS {
                return;
            }
            let path = [above, std::slice::from_ref(name)].concat();
            let values: Vec<Option<&Value>> = objects.iter().map(|object| object.get(name)).collect();
            self.field(&values, path);
        }
    }

    fn field(&mut self, values: &[Option<&Value>], names: Vec<String>) {
        let mut field = FieldProfile { path: path_of(&names), names: names.clone(), ..FieldProfile::default() };
        for value in values {
            field.note(*value);
        }
        self.fields.push(field);
        let inner: Vec<&Value> = values.iter().flatten().copied().filter(|value| value.is_object()).collect();
        if !inner.is_empty() {
            self.objects(&inner, &names);
        }
        let items: Vec<&Value> = values.iter().flatten().filter_map(|value| value.as_array()).flatten().collect();
        if items.iter().any(|item| item.is_object()) {
            let last = names.last().cloned().unwrap_or_default();
            let listed = [&names[..names.len() - 1], &[format!("{last}[]")]].concat();
            self.objects(&items, &listed);
        }
    }

    /// Fields directly in the records or in their objects, as `suggest` wants them; those of a list with its path.
    pub fn properties(&self, list: Option<&str>) -> Vec<Property> {
        let prefix = list.map(|list| format!("{list}[]."));
        let own = self.fields.iter().filter_map(|field| {
            let path = match &prefix {
                Some(prefix) => field.path.strip_prefix(prefix.as_str())?,
                None => field.path.as_str(),
            };
            (!path.contains("[]")).then(|| field.property(path))
        });
        own.collect()
    }

    pub fn field_at(&self, path: &str) -> Option<&FieldProfile> {
        self.fields.iter().find(|field| field.path == path)
    }
}

impl FieldProfile {
    fn note(&mut self, value: Option<&Value>) {
        let Some(value) = value else {
            self.absent += 1;
            return;
        };
        let (word, text) = match value {
            Value::Null => {
                self.null += 1;
                return;
            }
            Value::Bool(flag) => ("bool", Some(flag.to_string())),
            Value::Number(number) => {
                let text = number.to_string();
                (if text.contains(['.', 'e', 'E']) { "decimal" } else { "integer" }, Some(text))
            }
            Value::String(text) => ("text", Some(text.clone())),
            Value::Array(items) if items.iter().any(Value::is_object) => ("list of objects", None),
            Value::Array(_) => ("list", None),
            Value::Object(_) => ("object", None),
        };
        self.present += 1;
        *self.types.entry(word).or_insert(0) += 1;
        let Some(text) = text else { return };
        if self.counted.len() <= VOCABULARY {
            *self.counted.entry(text.clone()).or_insert(0) += 1;
        }
        if self.kept.len() < KEPT && !text.is_empty() && !self.kept.contains(&text) {
            self.kept.push(text);
        }
    }

    fn finish(&mut self) {
        let names: Vec<String> = self.names.iter().map(|name| name.trim_end_matches("[]").to_owned()).collect();
        let secret = names.last().is_some_and(|name| is_secretive(name));
        self.personal = secret
            || by_name(&names).is_some()
            || self.kept.iter().any(|text| by_look(text).is_some() || !personal::mails(text).is_empty());
        let shown = |text: &String| match (secret, self.personal) {
            (true, _) => "[secret]".to_owned(),
            (false, true) => personal::masked(text),
            (false, false) => text.chars().take(60).collect(),
        };
        self.examples = self.kept.iter().take(EXAMPLES).map(shown).collect();
        let few = self.counted.len() <= VOCABULARY && (self.present > self.counted.len() || self.counted.len() <= 3);
        if few && !self.personal && !self.counted.is_empty() {
            self.values = Some(self.counted.clone());
        }
        let texts: Vec<&str> = self.kept.iter().map(String::as_str).collect();
        let named = names.last().map(|name| personal::tokens(name)).unwrap_or_default();
        let of_time = ["at", "date", "time", "on", "created", "updated", "modified", "due", "timestamp"];
        // A number alone may be anything: only a name makes a time of it.
        let told = named.iter().any(|token| of_time.contains(&token.as_str()))
            || !texts.iter().all(|text| text.chars().all(|letter| letter.is_ascii_digit()));
        self.time = time_form(&texts).filter(|_| told).map(|form| match form {
            TimeForm::Instant => "RFC 3339 with offset".to_owned(),
            TimeForm::Date => "date".to_owned(),
            TimeForm::Declared { format, zoned } => {
                if zoned {
                    format
                } else {
                    format!("{format}, without a zone")
                }
            }
        });
    }

    fn property(&self, path: &str) -> Property {
        let has = |word: &str| self.types.contains_key(word);
        let shape = if has("object") {
            Shape::Object
        } else if has("list of objects") {
            Shape::List
        } else if has("list") {
            Shape::Values
        } else if has("text") {
            Shape::Text
        } else if has("decimal") {
            Shape::Decimal
        } else if has("integer") {
            Shape::Integer
        } else if has("bool") {
            Shape::Bool
        } else {
            Shape::Unknown
        };
        Property {
            path: path.to_owned(),
            shape,
            examples: self.kept.clone(),
            always: self.null + self.absent == 0,
            ..Property::default()
        }
    }

    /// Its values, where they are few: for crosswalks. Unmasked.
    pub(super) fn vocabulary(&self) -> Option<&BTreeMap<String, usize>> {
        self.values.as_ref()
    }
}

/// Names that a path cannot hold bare stand in quotes.
fn path_of(names: &[String]) -> String {
    let step = |name: &String| {
        let (bare, list) = name.strip_suffix("[]").map_or((name.as_str(), ""), |bare| (bare, "[]"));
        let plain =
            Path::parse(bare).is_ok_and(|path| matches!(path.steps(), [Step::Name(known)] if known.as_ref() == bare));
        if plain { format!("{bare}{list}") } else { format!("{}{list}", Value::from(bare)) }
    };
    names.iter().map(step).collect::<Vec<_>>().join(".")
}

/// Patterns that occur; those that tell their zone first, and the day before the month where both would do.
const PATTERNS: [(&str, bool); 18] = [
    ("%Y-%m-%dT%H:%M:%S%z", true),
    ("%Y-%m-%d %H:%M:%S%z", true),
    ("%Y-%m-%d %H:%M:%S %z", true),
    ("%a, %d %b %Y %H:%M:%S %z", true),
    ("%Y-%m-%dT%H:%M:%S%.f", false),
    ("%Y-%m-%dT%H:%M:%S", false),
    ("%Y-%m-%d %H:%M:%S%.f", false),
    ("%Y-%m-%d %H:%M:%S", false),
    ("%Y-%m-%d %H:%M", false),
    ("%d.%m.%Y %H:%M:%S", false),
    ("%d.%m.%Y %H:%M", false),
    ("%d.%m.%Y", false),
    ("%Y%m%d%H%M%S", false),
    ("%Y%m%d", false),
    ("%d/%m/%Y %H:%M", false),
    ("%d/%m/%Y", false),
    ("%m/%d/%Y", false),
    ("%m/%d/%Y %H:%M", false),
];

/// The form that all of these texts have; `None` if they are no times.
pub fn time_form(texts: &[&str]) -> Option<TimeForm> {
    if texts.is_empty() {
        return None;
    }
    let all = |test: &dyn Fn(&str) -> bool| texts.iter().all(|text| test(text));
    if all(&|text| text.parse::<jiff::Timestamp>().is_ok()) {
        return Some(TimeForm::Instant);
    }
    if all(&|text| text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()) {
        return Some(TimeForm::Date);
    }
    // From 2001 to 2065, in three units.
    let between =
        |least: u64, most: u64| all(&|text| text.parse::<u64>().is_ok_and(|number| (least..most).contains(&number)));
    for (format, unit) in [("unix_s", 1), ("unix_ms", 1_000), ("unix_us", 1_000_000)] {
        if between(1_000_000_000 * unit, 3_000_000_000 * unit) {
            return Some(TimeForm::Declared { format: format.to_owned(), zoned: true });
        }
    }
    let fits = |pattern: &str| all(&|text| text.len() >= 8 && plausible(pattern, text));
    let (format, zoned) = PATTERNS.iter().find(|(pattern, _)| fits(pattern))?;
    Some(TimeForm::Declared { format: (*format).to_owned(), zoned: *zoned })
}

/// Years of this and the last century: other runs of digits are numbers.
fn plausible(pattern: &str, text: &str) -> bool {
    jiff::fmt::strtime::parse(pattern, text)
        .and_then(|parsed| parsed.to_date())
        .is_ok_and(|date| (1950..2100).contains(&date.year()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sample_is_described() {
        let records = [
            json!({ "id": 1, "status": "open", "email": "anna@corp.example", "lines": [{ "sku": "A", "Artikel-Nr.": "1" }], "at": "2026-11-20T08:00:00Z" }),
            json!({ "id": 2, "status": "open", "email": null, "lines": [], "at": "2026-11-20T09:00:00+01:00", "api_key": "k-123456" }),
        ];
        let profile = Profile::of(&records);
        let field = |path: &str| profile.field_at(path).unwrap_or_else(|| panic!("{path}: {profile:#?}"));
        assert_eq!((field("status").present, field("status").values.as_ref().unwrap().get("open")), (2, Some(&2)));
        assert_eq!(
            (field("email").null, field("email").examples.clone(), field("email").values.is_none()),
            (1, vec!["xxxx@xxxx.xxxxxxx".to_owned()], true)
        );
        assert_eq!(field("lines[].sku").present, 1);
        assert_eq!(field("lines[].\"Artikel-Nr.\"").present, 1);
        assert_eq!(field("at").time.as_deref(), Some("RFC 3339 with offset"));
        assert_eq!((field("api_key").absent, field("api_key").examples.clone()), (1, vec!["[secret]".to_owned()]));
        let lines: Vec<String> = profile.properties(Some("lines")).into_iter().map(|property| property.path).collect();
        assert_eq!(lines, ["sku", "\"Artikel-Nr.\""]);
    }

    #[test]
    fn forms_of_times() {
        for (texts, expected) in [
            (["2026-11-20", "2026-11-21"], Some(TimeForm::Date)),
            (["1763625600", "1763625601"], Some(TimeForm::Declared { format: "unix_s".to_owned(), zoned: true })),
            (
                ["1763625600000", "1763625601000"],
                Some(TimeForm::Declared { format: "unix_ms".to_owned(), zoned: true }),
            ),
            (["20.11.2026", "01.12.2026"], Some(TimeForm::Declared { format: "%d.%m.%Y".to_owned(), zoned: false })),
            (["11/20/2026", "12/01/2026"], Some(TimeForm::Declared { format: "%m/%d/%Y".to_owned(), zoned: false })),
            (["20261120", "20261121"], Some(TimeForm::Declared { format: "%Y%m%d".to_owned(), zoned: false })),
            (["77", "78"], None),
            (["paid", "open"], None),
        ] {
            assert_eq!(time_form(&texts), expected, "{texts:?}");
        }
    }
}
