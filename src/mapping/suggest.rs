//! Which canonical field a vendor's property is likely to be: from its name, its type and examples, each suggestion with its reason.
//!
//! Pure, and without any vendor's name: words that vendors in general use. Not here: reading samples (`profile`), writing a
//! mapping file (`draft`).

use crate::model::{Entity, Field, FieldType, schema};

use super::personal::tokens;
use super::suggest_words::{NOISE, SYNONYMS};

/// A property of a vendor's records, as a sample or a specification shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Property {
    /// As mappings write it: `customer.email`; within a list, from its item: `price` (the list is told by `Listed`).
    pub path: String,
    pub shape: Shape,
    /// `date-time`, `email`, ... where a specification says so.
    pub format: Option<String>,
    /// A few values as text.
    pub examples: Vec<String>,
    /// Whether every record has a value.
    pub always: bool,
    pub description: Option<String>,
}

/// What values of a property look like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shape {
    #[default]
    Text,
    Integer,
    Decimal,
    Bool,
    Object,
    /// Of objects.
    List,
    /// Of single values.
    Values,
    Unknown,
}

/// How sure a suggestion is, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Confidence(pub u8);

impl Confidence {
    /// From here on a suggestion is written as a cell; below it is a comment.
    pub const SURE: Confidence = Confidence(70);
    /// Below, nothing is suggested.
    pub const LEAST: Confidence = Confidence(40);

    pub fn is_sure(self) -> bool {
        self >= Self::SURE
    }
}

/// One canonical field and the property that it is likely to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// `customer.email`, or the name within a list's or an object's fields.
    pub field: String,
    pub path: String,
    pub confidence: Confidence,
    pub reason: String,
    pub recognised: Recognised,
}

/// What the examples say about how a value is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recognised {
    Plain,
    /// With decimals, in major units.
    Money,
    /// As a whole number of minor units, by its name.
    MinorUnits,
    /// RFC 3339 with its offset: nothing to declare.
    Instant,
    /// A declared form: `unix_s`, or a pattern; `zoned` where the pattern itself tells the zone.
    Time {
        format: String,
        zoned: bool,
    },
}

/// For each field of the entity the best property, each property once: the surest first.
pub fn suggest(entity: Entity, properties: &[Property]) -> Vec<Suggestion> {
    suggest_fields(schema(entity).fields, "", properties)
}

/// The same for the fields of an object or of a list's items; `prefix` is what is put before their names.
pub fn suggest_fields(fields: &'static [Field], prefix: &str, properties: &[Property]) -> Vec<Suggestion> {
    let mut candidates: Vec<Suggestion> = Vec::new();
    for field in fields {
        match field.ty {
            FieldType::Object(inner) => {
                // Its fields may stand under it or beside it: `customer.email`, `email`, `customer_email`.
                for inner in inner {
                    candidates.extend(
                        properties
                            .iter()
                            .filter_map(|property| rated(inner, &format!("{prefix}{}.", field.name), property)),
                    );
                }
            }
            FieldType::List(_) => {
                candidates.extend(properties.iter().filter_map(|property| listed(field, prefix, property)))
            }
            FieldType::Text
            | FieldType::Integer
            | FieldType::Bool
            | FieldType::Decimal
            | FieldType::Quantity
            | FieldType::Money
            | FieldType::UnitPrice
            | FieldType::Timestamp
            | FieldType::Date
            | FieldType::Currency
            | FieldType::Status(_)
            | FieldType::Ref(_) => {
                candidates.extend(properties.iter().filter_map(|property| rated(field, prefix, property)))
            }
        }
    }
    candidates.sort_by(|one, other| {
        let shorter = one.path.len().cmp(&other.path.len());
        other
            .confidence
            .cmp(&one.confidence)
            .then(shorter)
            .then_with(|| one.path.cmp(&other.path))
            .then_with(|| one.field.cmp(&other.field))
    });
    let mut chosen: Vec<Suggestion> = Vec::new();
    for candidate in candidates {
        let taken = chosen.iter().any(|known| known.field == candidate.field || known.path == candidate.path);
        if !taken && candidate.confidence >= Confidence::LEAST {
            chosen.push(candidate);
        }
    }
    let order: Vec<String> = names(fields, prefix);
    chosen.sort_by_key(|suggestion| order.iter().position(|name| *name == suggestion.field));
    chosen
}

/// Every field in the order of the schema.
fn names(fields: &'static [Field], prefix: &str) -> Vec<String> {
    let mut all = Vec::new();
    for field in fields {
        if let FieldType::Object(inner) = field.ty {
            all.extend(inner.iter().map(|inner| format!("{prefix}{}.{}", field.name, inner.name)));
        } else {
            all.push(format!("{prefix}{}", field.name));
        }
    }
    all
}

fn listed(field: &Field, prefix: &str, property: &Property) -> Option<Suggestion> {
    if property.shape != Shape::List {
        return None;
    }
    let (name, reason) = by_name(field.name, "", &property.path)?;
    Some(Suggestion {
        field: format!("{prefix}{}", field.name),
        path: property.path.clone(),
        confidence: Confidence(name),
        reason: format!("{reason}, and it is a list of objects"),
        recognised: Recognised::Plain,
    })
}

fn rated(field: &Field, prefix: &str, property: &Property) -> Option<Suggestion> {
    let (name, mut reason) = by_name(field.name, prefix.trim_end_matches('.'), &property.path)?;
    let (fits, recognised, why) = by_values(&field.ty, property)?;
    let confidence = (i16::from(name) + fits).clamp(0, 99);
    if !why.is_empty() {
        reason.push_str(", ");
        reason.push_str(why);
    }
    Some(Suggestion {
        field: format!("{prefix}{}", field.name),
        path: property.path.clone(),
        confidence: Confidence(u8::try_from(confidence).unwrap_or(0)),
        reason,
        recognised,
    })
}

/// How well a path's name fits a field's, and why. `object` is what the field belongs to: `customer`, `shipping_address`.
fn by_name(field: &str, object: &str, path: &str) -> Option<(u8, String)> {
    let steps: Vec<&str> = path.split('.').collect();
    let last = steps.last()?;
    let (own, above) =
        (tokens(last), steps[..steps.len() - 1].iter().flat_map(|step| tokens(step)).collect::<Vec<_>>());
    let owner = tokens(object);
    let wanted = [vec![field.to_owned()], synonyms(field, object)].concat();
    let mut best: Option<(u8, String)> = None;
    for (place, synonym) in wanted.iter().enumerate() {
        let words = tokens(synonym);
        let bare: Vec<String> = own.iter().filter(|token| !NOISE.contains(&token.as_str())).cloned().collect();
        // `customer_email` and `customer.email` name their owner; so may a synonym.
        let of_owner = |tokens: &[String]| owner_words(&owner).iter().any(|word| tokens.contains(word));
        let without: Vec<String> = own.iter().filter(|token| !owner_words(&owner).contains(token)).cloned().collect();
        let score = if own == words {
            90
        } else if own.concat() == words.concat() || !owner.is_empty() && without == words && of_owner(&own) {
            88
        } else if !bare.is_empty() && bare == words {
            74
        } else {
            continue;
        };
        let score: u8 =
            if place == 0 { score + 4 } else { score.saturating_sub(u8::try_from(place.min(8)).unwrap_or(8)) };
        let depth = u8::try_from(above.len()).unwrap_or(u8::MAX);
        let score = if owner.is_empty() {
            // What stands inside something else is somebody else's.
            score.saturating_sub(depth.saturating_mul(12))
        } else if of_owner(&above) || of_owner(&own) {
            score
        } else if depth == 0 && ["email", "phone"].contains(&field) {
            score.saturating_sub(18)
        } else {
            continue;
        };
        let reason = if place == 0 {
            format!("`{path}` has the field's own name")
        } else {
            format!("`{path}` is a usual name for {field}")
        };
        if best.as_ref().is_none_or(|(known, _)| score > *known) {
            best = Some((score, reason));
        }
    }
    best
}

fn synonyms(field: &str, object: &str) -> Vec<String> {
    let qualified = format!("{object}.{field}");
    let of = |wanted: &str| -> Vec<String> {
        let words = SYNONYMS.iter().filter(|(known, _)| *known == wanted).flat_map(|(_, words)| words.iter());
        words.map(|word| (*word).to_owned()).collect()
    };
    [of(&qualified), of(field)].concat()
}

/// Words that tell whose property it is.
fn owner_words(owner: &[String]) -> Vec<String> {
    let joined = owner.join("_");
    let others: &[&str] = match joined.as_str() {
        "customer" => &["customer", "buyer", "client", "contact", "account", "payer", "partner"],
        "shipping_address" => &["shipping", "ship", "delivery", "recipient"],
        "billing_address" => &["billing", "bill", "invoice"],
        _ => &[],
    };
    if others.is_empty() { owner.to_vec() } else { others.iter().map(|word| (*word).to_owned()).collect() }
}

/// What the values add or take, what they were recognised as, and why; `None` where they cannot be the field's.
fn by_values(wanted: &FieldType, property: &Property) -> Option<(i16, Recognised, &'static str)> {
    let texts: Vec<&str> = property.examples.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    let all = |test: &dyn Fn(&str) -> bool| !texts.is_empty() && texts.iter().all(|text| test(text));
    let scalar = matches!(property.shape, Shape::Text | Shape::Integer | Shape::Decimal | Shape::Bool | Shape::Unknown);
    if !scalar {
        return None;
    }
    match wanted {
        FieldType::Money | FieldType::UnitPrice => {
            let minor =
                tokens(&property.path).iter().any(|token| ["cents", "minor", "pence"].contains(&token.as_str()));
            match property.shape {
                Shape::Integer if minor => {
                    Some((6, Recognised::MinorUnits, "whole numbers of minor units by its name"))
                }
                // A whole number may be euros or cents: nobody can tell from the number.
                Shape::Integer => Some((
                    -26,
                    Recognised::MinorUnits,
                    "whole numbers that may be minor units: compare one with the vendor's screen",
                )),
                Shape::Decimal => Some((4, Recognised::Money, "numbers with decimals")),
                Shape::Text | Shape::Unknown if texts.is_empty() => {
                    Some((-8, Recognised::Money, "no examples to look at"))
                }
                Shape::Text | Shape::Unknown if all(&is_decimal) => Some((4, Recognised::Money, "amounts in decimals")),
                Shape::Text | Shape::Unknown | Shape::Bool | Shape::Object | Shape::List | Shape::Values => None,
            }
        }
        FieldType::Timestamp | FieldType::Date => {
            if texts.is_empty() {
                let said = property.format.as_deref().is_some_and(|format| ["date-time", "date"].contains(&format));
                return Some((
                    if said { 4 } else { -10 },
                    Recognised::Instant,
                    if said { "a time by its specification" } else { "no examples to look at" },
                ));
            }
            let is_date = matches!(wanted, FieldType::Date);
            match super::profile::time_form(&texts)? {
                super::profile::TimeForm::Instant => Some((6, Recognised::Instant, "times with their offset")),
                super::profile::TimeForm::Date if is_date => Some((6, Recognised::Plain, "dates")),
                super::profile::TimeForm::Date => Some((
                    -10,
                    Recognised::Time { format: "%Y-%m-%d".to_owned(), zoned: false },
                    "dates without a time: whose midnight?",
                )),
                super::profile::TimeForm::Declared { format, zoned: true } => {
                    Some((2, Recognised::Time { format, zoned: true }, "times in a form that has to be declared"))
                }
                super::profile::TimeForm::Declared { format, zoned: false } if is_date => {
                    Some((2, Recognised::Time { format, zoned: true }, "dates in a form that has to be declared"))
                }
                super::profile::TimeForm::Declared { format, zoned: false } => {
                    Some((-8, Recognised::Time { format, zoned: false }, "local times: say whose with `zone`"))
                }
            }
        }
        FieldType::Currency => match texts.is_empty() {
            true => Some((-8, Recognised::Plain, "no examples to look at")),
            false => all(&|text| text.len() == 3 && text.chars().all(|letter| letter.is_ascii_alphabetic()))
                .then_some((6, Recognised::Plain, "three-letter codes")),
        },
        FieldType::Integer | FieldType::Quantity | FieldType::Decimal => match property.shape {
            Shape::Integer | Shape::Decimal => Some((2, Recognised::Plain, "numbers")),
            Shape::Text | Shape::Unknown if texts.is_empty() || all(&is_decimal) => Some((0, Recognised::Plain, "")),
            Shape::Text | Shape::Unknown | Shape::Bool | Shape::Object | Shape::List | Shape::Values => None,
        },
        FieldType::Bool => match property.shape {
            Shape::Bool => Some((4, Recognised::Plain, "true or false")),
            Shape::Text | Shape::Integer | Shape::Unknown => {
                Some((-24, Recognised::Plain, "not written as true or false"))
            }
            Shape::Decimal | Shape::Object | Shape::List | Shape::Values => None,
        },
        FieldType::Status(_) => match property.shape {
            Shape::Text | Shape::Integer | Shape::Unknown => {
                Some((0, Recognised::Plain, "words that a crosswalk translates"))
            }
            Shape::Bool | Shape::Decimal | Shape::Object | Shape::List | Shape::Values => None,
        },
        FieldType::Text | FieldType::Ref(_) => match property.shape {
            Shape::Text | Shape::Integer | Shape::Unknown => Some((0, Recognised::Plain, "")),
            Shape::Decimal | Shape::Bool | Shape::Object | Shape::List | Shape::Values => None,
        },
        FieldType::Object(_) | FieldType::List(_) => None,
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let numbers = |part: &str| !part.is_empty() && part.chars().all(|letter| letter.is_ascii_digit());
    numbers(whole) && numbers(fraction)
}

/// What a vendor's word for a status is likely to mean: only where that can be read from the word itself.
pub fn suggest_status(vendor: &str, known: &[&'static str]) -> Option<(&'static str, &'static str)> {
    let own = tokens(vendor).join("_");
    if let Some(same) = known.iter().find(|value| **value == own) {
        return Some((same, "the same word"));
    }
    let meant = super::suggest_words::STATUSES
        .iter()
        .filter(|(_, words)| words.contains(&own.as_str()))
        .map(|(canonical, _)| *canonical);
    for canonical in meant {
        if let Some(found) = known.iter().find(|value| **value == canonical) {
            return Some((found, "a usual word for it"));
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn property(path: &str, shape: Shape, examples: &[&str]) -> Property {
        Property {
            path: path.to_owned(),
            shape,
            examples: examples.iter().map(|text| (*text).to_owned()).collect(),
            always: true,
            ..Property::default()
        }
    }

    fn found(all: &[Suggestion]) -> Vec<(&str, &str, bool)> {
        all.iter().map(|found| (found.field.as_str(), found.path.as_str(), found.confidence.is_sure())).collect()
    }

    #[test]
    fn an_order_by_its_usual_names() {
        let all = suggest(
            Entity::Order,
            &[
                property("orderNumber", Shape::Text, &["#1001"]),
                property("id", Shape::Integer, &["77"]),
                property("created_at", Shape::Text, &["2026-11-20T08:00:00Z"]),
                property("currencyCode", Shape::Text, &["EUR"]),
                property("total_price", Shape::Text, &["12.50"]),
                property("amount_cents", Shape::Integer, &["1250"]),
                property("financial_status", Shape::Text, &["paid"]),
                property("customer.email", Shape::Text, &["a@example.com"]),
                property("billing_address.zip", Shape::Text, &["04103"]),
                property("line_items", Shape::List, &[]),
                property("customer.created_at", Shape::Text, &["2020-01-01T00:00:00Z"]),
            ],
        );
        for wanted in [
            ("number", "orderNumber", true),
            ("placed_at", "created_at", true),
            ("currency", "currencyCode", true),
            ("total", "total_price", true),
            ("payment_status", "financial_status", true),
            ("customer.email", "customer.email", true),
            ("billing_address.postal_code", "billing_address.zip", true),
            ("lines", "line_items", true),
        ] {
            assert!(found(&all).contains(&wanted), "{wanted:?}: {:#?}", found(&all));
        }
        assert!(!all.iter().any(|found| found.path == "customer.created_at"), "{all:#?}");
    }

    #[test]
    fn money_and_time_are_recognised_or_doubted() {
        let recognised = |field: &str, property: Property| {
            let all = suggest(Entity::Payment, &[property]);
            let one = all.into_iter().find(|found| found.field == field);
            one.map(|found| (found.recognised.clone(), found.confidence.is_sure()))
        };
        assert_eq!(recognised("amount", property("amount", Shape::Text, &["12.50"])), Some((Recognised::Money, true)));
        assert_eq!(
            recognised("amount", property("amount", Shape::Integer, &["1250"])),
            Some((Recognised::MinorUnits, false))
        );
        assert_eq!(
            recognised("amount", property("amount_cents", Shape::Integer, &["1250"])).map(|found| found.0),
            Some(Recognised::MinorUnits)
        );
        assert_eq!(recognised("amount", property("amount", Shape::Text, &["lots"])), None);
        assert_eq!(
            recognised("created_at", property("created", Shape::Integer, &["1763625600"])).map(|found| found.0),
            Some(Recognised::Time { format: "unix_s".to_owned(), zoned: true })
        );
        assert_eq!(
            recognised("created_at", property("created_at", Shape::Text, &["20.11.2026 08:00"])).map(|found| found.0),
            Some(Recognised::Time { format: "%d.%m.%Y %H:%M".to_owned(), zoned: false })
        );
    }

    #[test]
    fn statuses_are_suggested_only_where_the_word_says_it() {
        let known = ["unpaid", "authorised", "paid", "voided"];
        assert_eq!(suggest_status("Paid", &known).map(|found| found.0), Some("paid"));
        assert_eq!(suggest_status("authorized", &known).map(|found| found.0), Some("authorised"));
        assert_eq!(suggest_status("wc-7", &known), None);
    }
}
