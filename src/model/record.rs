//! A validated document of one entity: the only form in which business data moves between the hub's parts.
//!
//! Not here: how it came to be (mapping), where it is kept (store).

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

use super::canonical_json as canonical;
use super::path::did_you_mean;
use super::schema::{self, Field, FieldType, schema};
use super::value::{MAX_LIST_ITEMS, checked_text};
use super::{ContentHash, Entity, Exact, FieldChange, FieldPath, Object, PathError, Raw, Value, ValueError, diff};

/// Most entries the bag of extras may hold.
const MAX_EXTRAS: usize = 200;

/// Vendors' own values that canonical fields have no room for, by namespaced key: `shop.inventory_item_id`.
/// Values are text, whole numbers, decimals and booleans.
pub type Extra = BTreeMap<String, Value>;

/// Why a document is not a record of its entity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    #[error("it is required and missing")]
    Missing,
    #[error("there is no such field{}", did_you_mean(suggestion.as_deref()))]
    UnknownField { suggestion: Option<String> },
    #[error("{0}")]
    Value(ValueError),
    #[error("the list has more than {MAX_LIST_ITEMS} items")]
    ListTooLong,
    #[error("an extra's key is `namespace.name` in letters, digits, `_`, `-` and `.`")]
    ExtraKey,
    #[error("there are more than {MAX_EXTRAS} extras")]
    TooManyExtras,
    #[error("it is not JSON: {0}")]
    NotJson(String),
}

/// Where in a document the fault is, and what it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{fault}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct RecordError {
    pub path: String,
    pub fault: RecordFault,
}

impl RecordError {
    pub(crate) fn new(path: &str, fault: RecordFault) -> RecordError {
        RecordError { path: path.to_owned(), fault }
    }

    pub(crate) fn value(error: ValueError) -> RecordError {
        RecordError::new("", RecordFault::Value(error))
    }

    pub(crate) fn unknown_field(fields: &'static [Field], name: &str) -> RecordError {
        let suggestion = schema::suggestion(fields.iter().map(|field| field.name), name).map(str::to_owned);
        RecordError::new(name, RecordFault::UnknownField { suggestion })
    }

    pub(crate) fn under(mut self, name: &str) -> RecordError {
        let separator = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{name}{separator}{}", self.path);
        self
    }

    pub(crate) fn under_index(self, index: usize) -> RecordError {
        self.under(&format!("[{index}]"))
    }
}

/// A canonical record. Whoever holds one may rely on its schema: required fields are there, types are right.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    entity: Entity,
    root: Object,
    extra: Extra,
}

impl Record {
    /// Validates `root`, which must have been built for the schema of `entity`.
    pub(crate) fn new(entity: Entity, root: Object, extra: Extra) -> Result<Record, RecordError> {
        let fields = schema(entity).fields;
        if !std::ptr::eq(root.fields(), fields) {
            return Err(RecordError::value(ValueError::wrong_kind(entity.as_str(), "an object of another schema")));
        }
        validate_object(&root)?;
        if extra.len() > MAX_EXTRAS {
            return Err(RecordError::new("extra", RecordFault::TooManyExtras));
        }
        for (key, value) in &extra {
            validate_extra(key, value).map_err(|fault| RecordError::new(key, fault).under("extra"))?;
        }
        Ok(Record { entity, root, extra })
    }

    /// Reads the canonical form: the inverse of `canonical_json`. Unknown fields are refused.
    pub fn from_canonical_json(entity: Entity, text: &str) -> Result<Record, RecordError> {
        let json: Json = serde_json::from_str(text)
            .map_err(|error| RecordError::new("", RecordFault::NotJson(error.to_string())))?;
        Record::from_json(entity, &json)
    }

    /// As `from_canonical_json`, for JSON that is already parsed.
    pub fn from_json(entity: Entity, json: &Json) -> Result<Record, RecordError> {
        let Json::Object(object) = json else {
            return Err(RecordError::value(ValueError::wrong_kind(entity.as_str(), "not an object")));
        };
        let extra = match object.get("extra") {
            Some(Json::Object(bag)) => read_extra(bag)?,
            Some(Json::Null) | None => Extra::new(),
            Some(Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_)) => {
                return Err(RecordError::value(ValueError::wrong_kind("an object", "something else")).under("extra"));
            }
        };
        Record::new(entity, canonical::read_root(schema(entity).fields, object)?, extra)
    }

    pub fn entity(&self) -> Entity {
        self.entity
    }

    pub fn root(&self) -> &Object {
        &self.root
    }

    pub fn extra(&self) -> &Extra {
        &self.extra
    }

    /// The value at a path such as `total`, `customer.email`, `lines[0].sku`, `extra.shop.id`; the first one if the path
    /// goes through a list. Absent values and unknown paths are both `None`: resolve a `FieldPath` to tell them apart.
    pub fn get(&self, path: &str) -> Option<&Value> {
        if let Some(value) = self.root.get(path) {
            return Some(value);
        }
        FieldPath::parse(self.entity, path).ok()?.get(self)
    }

    /// The name of this record across systems: its key parts joined with `|`. `None` if a part is empty.
    /// In keys of several parts, `\` and `|` inside a part are escaped with `\`.
    pub fn natural_key(&self) -> Option<String> {
        match schema(self.entity).natural_key {
            [only] => self.root.get(only)?.to_plain_text().filter(|part| !part.is_empty()),
            parts => {
                let mut key = String::new();
                for (index, name) in parts.iter().enumerate() {
                    let part = self.root.get(name)?.to_plain_text().filter(|part| !part.is_empty())?;
                    if index > 0 {
                        key.push('|');
                    }
                    key.push_str(&part.replace('\\', "\\\\").replace('|', "\\|"));
                }
                Some(key)
            }
        }
    }

    /// The records that the field at `path` names. A path to an object or a list of objects gives the references
    /// directly inside it: `customer`, `lines` and `lines.sku` are all good. Each record is named once.
    pub fn refs(&self, path: &str) -> Result<Vec<(Entity, String)>, PathError> {
        let path = FieldPath::parse(self.entity, path)?;
        let mut found = Vec::new();
        for value in path.get_all(self) {
            collect_refs(path.ty(), value, &mut found);
        }
        Ok(found)
    }

    /// The stable text form: schema order, absent fields left out, extras last in key order.
    pub fn canonical_json(&self) -> String {
        self.write(false)
    }

    /// The canonical form as a parsed document.
    pub fn to_json(&self) -> Json {
        // What `write` produces is JSON by construction; an object is the type of every record.
        serde_json::from_str(&self.write(false)).unwrap_or(Json::Null)
    }

    /// The form that expressions and templates see: all fields of the schema, absent ones as null, money with a decimal
    /// `amount`, and `extra` as an object of its own.
    pub fn to_scope(&self) -> Json {
        let mut object = canonical::scope_object(&self.root);
        object.insert("extra".to_owned(), self.extra_scope());
        Json::Object(object)
    }

    /// As `to_scope`, with the named top-level fields only.
    pub fn to_scope_of(&self, members: &[String]) -> Json {
        let mut object = Map::with_capacity(members.len());
        for name in members {
            if name == "extra" {
                object.insert(name.clone(), self.extra_scope());
            } else if let Some((slot, _)) = schema(self.entity).field(name) {
                object.insert(name.clone(), self.root.slot(slot).map_or(Json::Null, canonical::scope_value));
            }
        }
        Json::Object(object)
    }

    fn extra_scope(&self) -> Json {
        Json::Object(self.extra.iter().map(|(key, value)| (key.clone(), canonical::scope_value(value))).collect())
    }

    /// Fingerprint of everything but the volatile fields.
    pub fn content_hash(&self) -> ContentHash {
        ContentHash::of(self.write(true).as_bytes())
    }

    /// What differs from `self` to `after`, in schema order; empty if they are equal.
    pub fn diff(&self, after: &Record) -> Vec<FieldChange> {
        diff::diff(self, after)
    }

    fn write(&self, hashed: bool) -> String {
        let mut out = String::with_capacity(512);
        out.push('{');
        let written = canonical::write_fields(&mut out, &self.root, hashed);
        if !self.extra.is_empty() {
            out.push_str(if written { ",\"extra\":{" } else { "\"extra\":{" });
            for (index, (key, value)) in self.extra.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                canonical::write_text(&mut out, key);
                out.push(':');
                canonical::write_extra_value(&mut out, value);
            }
            out.push('}');
        }
        out.push('}');
        out
    }
}

fn validate_object(object: &Object) -> Result<(), RecordError> {
    for (field, value) in object.iter() {
        match value {
            Some(value) => validate_value(&field.ty, value).map_err(|error| error.under(field.name))?,
            None if field.required => return Err(RecordError::new(field.name, RecordFault::Missing)),
            None => {}
        }
    }
    Ok(())
}

fn validate_value(ty: &FieldType, value: &Value) -> Result<(), RecordError> {
    if !value.fits(ty) {
        return Err(RecordError::value(ValueError::wrong_kind(ty.name(), "a value of another type")));
    }
    if let Value::Object(object) = value {
        validate_object(object)
    } else if let (FieldType::List(item), Value::List(items)) = (ty, value) {
        if items.len() > MAX_LIST_ITEMS {
            return Err(RecordError::new("", RecordFault::ListTooLong));
        }
        items
            .iter()
            .enumerate()
            .try_for_each(|(index, value)| validate_value(item, value).map_err(|error| error.under_index(index)))
    } else {
        Ok(())
    }
}

fn validate_extra(key: &str, value: &Value) -> Result<(), RecordFault> {
    let named = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    };
    if !key.split_once('.').is_some_and(|(namespace, name)| named(namespace) && named(name)) || key.len() > 200 {
        return Err(RecordFault::ExtraKey);
    }
    match value {
        Value::Text(_) | Value::Integer(_) | Value::Bool(_) | Value::Decimal(_) => Ok(()),
        Value::Quantity(_)
        | Value::Money(_)
        | Value::UnitPrice(_)
        | Value::Timestamp(_)
        | Value::Date(_)
        | Value::Currency(_)
        | Value::Status(_)
        | Value::Object(_)
        | Value::List(_) => {
            Err(RecordFault::Value(ValueError::wrong_kind("text, a number or a bool", "a value of another type")))
        }
    }
}

/// A scalar as an extra: numbers become whole numbers if they fit 64 bits, exact decimals otherwise.
pub(crate) fn extra_from_raw(raw: Raw<'_>) -> Result<Value, RecordFault> {
    let refuse = |text: &str, reason: &str| RecordFault::Value(ValueError::new("a number", text, reason));
    match raw {
        Raw::Text(text) => checked_text(text).map_err(RecordFault::Value),
        Raw::Bool(value) => Ok(Value::Bool(value)),
        Raw::Number(text) => {
            let exact = Exact::parse(text).map_err(|reason| refuse(text, reason))?;
            match exact.to_i64() {
                Ok(whole) => Ok(Value::Integer(whole)),
                Err(_) => {
                    let decimal: Decimal = exact.to_decimal().map_err(|reason| refuse(text, reason))?;
                    Ok(Value::Decimal(decimal))
                }
            }
        }
        Raw::Null => Err(RecordFault::Value(ValueError::wrong_kind("text, a number or a bool", "null"))),
    }
}

fn read_extra(bag: &Map<String, Json>) -> Result<Extra, RecordError> {
    bag.iter()
        .map(|(key, json)| match canonical::read_extra_value(json) {
            Ok(value) => Ok((key.clone(), value)),
            Err(fault) => Err(RecordError::new(key, fault).under("extra")),
        })
        .collect()
}

fn collect_refs(ty: &FieldType, value: &Value, found: &mut Vec<(Entity, String)>) {
    if let (FieldType::Ref(entity), Value::Text(key)) = (ty, value) {
        if !key.is_empty() && !found.iter().any(|(known, other)| known == entity && other == key) {
            found.push((*entity, key.clone()));
        }
    } else if let (FieldType::List(item), Value::List(items)) = (ty, value) {
        items.iter().for_each(|value| collect_refs(item, value, found));
    } else if let Value::Object(object) = value {
        for (field, value) in object.iter() {
            if let (FieldType::Ref(_), Some(value)) = (&field.ty, value) {
                collect_refs(&field.ty, value, found);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ORDER: &str = r##"{"number":"#1001","placed_at":"2026-11-20T10:00:00Z","updated_at":"2026-11-20T10:05:00Z","currency":"EUR","total":{"amount_minor":4790,"currency":"EUR"},"payment_status":"paid","customer":{"email":"a@example.com"},"lines":[{"sku":"MUG-01","quantity":"2","unit_price":{"amount":"9.00","currency":"EUR"}},{"sku":"PLATE-02","quantity":"1.5"},{"sku":"MUG-01","quantity":"1"}],"extra":{"shop.gift":true,"shop.id":450789469,"shop.rate":1.25,"shop.tag":"a \"b\"\n"}}"##;

    fn order(text: &str) -> Record {
        Record::from_canonical_json(Entity::Order, text).unwrap()
    }

    #[test]
    fn the_canonical_form_round_trips_byte_for_byte() {
        let record = order(ORDER);
        assert_eq!(record.canonical_json(), ORDER);
        assert_eq!(record.to_json().to_string(), ORDER);
        assert_eq!(record.natural_key().as_deref(), Some("#1001"));
        assert_eq!(record.get("lines[1].quantity").and_then(Value::as_quantity).unwrap().to_string(), "1.5");
        assert_eq!(record.get("extra.shop.id"), Some(&Value::Integer(450_789_469)));
        assert_eq!(record.get("lines[7].sku"), None);
    }

    #[test]
    fn references_are_found_once_each() {
        let record = order(ORDER);
        let products = vec![(Entity::Product, "MUG-01".to_owned()), (Entity::Product, "PLATE-02".to_owned())];
        assert_eq!(record.refs("lines.sku").unwrap(), products);
        assert_eq!(record.refs("lines").unwrap(), products);
        assert_eq!(record.refs("customer").unwrap(), vec![(Entity::Customer, "a@example.com".to_owned())]);
        assert_eq!(record.refs("lines[1].sku").unwrap(), products[1..]);
        let error = record.refs("lines.skuu").unwrap_err().to_string();
        assert_eq!(error, "order has no field \"lines.skuu\", did you mean \"sku\"?");
    }

    #[test]
    fn keys_of_several_parts_are_unambiguous() {
        let level = |sku: &str, location: &str| {
            let text = serde_json::json!({ "sku": sku, "location": location }).to_string();
            Record::from_canonical_json(Entity::InventoryLevel, &text).unwrap().natural_key().unwrap()
        };
        assert_eq!(level("MUG-01", "WH1"), "MUG-01|WH1");
        assert_ne!(level("a|b", "c"), level("a", "b|c"));
        assert_ne!(level("a\\", "b"), level("a", "\\b"));
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let error = Record::from_canonical_json(Entity::Order, text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn faults_name_their_place() {
        check(r#"{"number":"1"}"#, "placed_at: it is required and missing");
        check(
            &ORDER.replace("\"quantity\":\"1.5\"", "\"quantity\":\"x\""),
            "lines[1].quantity: \"x\" is not a quantity",
        );
        check(&ORDER.replace("\"quantity\":\"1.5\"", "\"title\":\"x\""), "lines[1].quantity: it is required");
        check(&ORDER.replace("curr", "kurr"), "kurrency: there is no such field, did you mean \"currency\"?");
        check(&ORDER.replace("\"paid\"", "\"PAID\""), "payment_status: \"PAID\" is not a status of order financial");
        check(&ORDER.replace("4790", "47.90"), "total: \"47.90\" is not minor units");
        check(&ORDER.replace("4790", "1e400"), "total:");
        check(&ORDER.replace("4790", "12345678901234567890123"), "total:");
        check(&ORDER.replace("#1001", "a\\u0000b"), "number: \"a\\0b\" is not text: it contains a NUL character");
        check(&ORDER.replace("#1001", "\\ud800"), "it is not JSON");
        check(&ORDER.replace("shop.id", "id"), "extra.id: an extra's key is");
        check(&ORDER.replace("\"EUR\",\"total\"", "\"EUX\",\"total\""), "currency: \"EUX\" is not a currency code");
        check("[]", "not an object");
        check("{", "it is not JSON");
    }

    #[test]
    fn volatile_fields_do_not_count_as_content() {
        let (before, later) = (order(ORDER), order(&ORDER.replace("10:05:00", "10:06:00")));
        assert_eq!(before.content_hash(), later.content_hash());
        let changes = before.diff(&later);
        assert_eq!(changes.len(), 1);
        assert_eq!((changes[0].path.as_str(), changes[0].volatile), ("updated_at", true));
    }

    #[test]
    fn differences_are_named_field_by_field() {
        let changed = ORDER.replace("1.5", "2").replace("a@example.com", "b@example.com").replace("true", "false");
        let changes = order(ORDER).diff(&order(&changed));
        let paths: Vec<&str> = changes.iter().map(|change| change.path.as_str()).collect();
        assert_eq!(paths, ["customer.email", "lines[1].quantity", "extra.shop.gift"]);
        assert!(changes[0].personal && !changes[1].personal);
        assert_ne!(order(ORDER).content_hash(), order(&changed).content_hash());
    }

    #[test]
    fn expressions_see_absent_fields_as_null_and_amounts_as_decimals() {
        let scope = order(ORDER).to_scope();
        assert!(scope["cancelled_at"].is_null());
        assert_eq!(scope["total"]["amount"].to_string(), "47.90");
        assert_eq!(scope["lines"][1]["quantity"].to_string(), "1.5");
        assert_eq!(scope["extra"]["shop.id"], 450_789_469);
    }

    proptest! {
        #[test]
        fn hashes_depend_on_content_alone(note in "\\PC{0,40}", minor in any::<i64>(), key in "[a-z]{1,8}") {
            let json = serde_json::json!({
                "extra": { format!("shop.{key}"): note },
                "total": { "currency": "EUR", "amount_minor": minor },
                "currency": "EUR", "note": note, "placed_at": "2026-11-20T10:00:00Z", "number": "1",
            });
            let record = Record::from_json(Entity::Order, &json).unwrap();
            let again = order(&record.canonical_json());
            prop_assert_eq!(&again, &record);
            prop_assert_eq!(again.content_hash(), record.content_hash());
            let mut other = json;
            other["total"]["amount_minor"] = serde_json::json!(minor.wrapping_add(1));
            let other = Record::from_json(Entity::Order, &other).unwrap();
            prop_assert_ne!(other.content_hash(), record.content_hash());
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
            let _answer = Record::from_canonical_json(Entity::Order, &text);
        }
    }
}
