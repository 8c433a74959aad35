//! The shape of canonical entities as data: one static table of fields per entity, read by everything that
//! validates, maps, hashes, documents or draws a record.
//!
//! Not here: the tables themselves (see `tables`).

use super::{Entity, StatusSet, tables};

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub enum FieldType {
    Text,
    Integer,
    Bool,
    Decimal,
    Quantity,
    Money,
    /// Like money, but may be finer than a minor unit.
    UnitPrice,
    Timestamp,
    Date,
    Currency,
    Status(&'static StatusSet),
    /// The natural key of another record.
    Ref(Entity),
    Object(&'static [Field]),
    List(&'static FieldType),
}

impl FieldType {
    /// The name used in errors and schemas.
    pub fn name(&self) -> String {
        match self {
            FieldType::Text => "text".to_owned(),
            FieldType::Integer => "a whole number".to_owned(),
            FieldType::Bool => "true or false".to_owned(),
            FieldType::Decimal => "a decimal number".to_owned(),
            FieldType::Quantity => "a quantity".to_owned(),
            FieldType::Money => "money".to_owned(),
            FieldType::UnitPrice => "a unit price".to_owned(),
            FieldType::Timestamp => "a time".to_owned(),
            FieldType::Date => "a date".to_owned(),
            FieldType::Currency => "a currency code".to_owned(),
            FieldType::Status(set) => format!("a status of {}", set.name),
            FieldType::Ref(entity) => format!("the key of a {entity}"),
            FieldType::Object(_) => "an object".to_owned(),
            FieldType::List(item) => format!("a list, each {}", item.name()),
        }
    }
}

/// One field of an entity or of an object inside it.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    pub ty: FieldType,
    pub required: bool,
    /// Excluded from the content hash: changes by itself without anything having happened.
    pub volatile: bool,
    /// Says something about a person: masked in logs, erased on request.
    pub personal: bool,
    pub doc: &'static str,
}

impl Field {
    pub(super) const fn new(name: &'static str, ty: FieldType, doc: &'static str) -> Field {
        Field { name, ty, required: false, volatile: false, personal: false, doc }
    }

    pub(super) const fn required(self) -> Field {
        Field { required: true, ..self }
    }

    pub(super) const fn volatile(self) -> Field {
        Field { volatile: true, ..self }
    }

    pub(super) const fn personal(self) -> Field {
        Field { personal: true, ..self }
    }
}

/// One entity's table.
#[derive(Debug)]
pub struct Schema {
    pub entity: Entity,
    pub fields: &'static [Field],
    /// The fields that together name a record across systems, in key order. All are required.
    pub natural_key: &'static [&'static str],
    pub doc: &'static str,
}

impl Schema {
    /// Position and definition of a top-level field.
    pub fn field(&self, name: &str) -> Option<(usize, &'static Field)> {
        find(self.fields, name)
    }
}

pub(crate) fn find(fields: &'static [Field], name: &str) -> Option<(usize, &'static Field)> {
    fields.iter().enumerate().find(|(_, field)| field.name == name)
}

/// The known name closest to a misspelt one.
pub(crate) fn suggestion<'a>(known: impl IntoIterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(candidate, name), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().min(name.len()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

pub fn schema(entity: Entity) -> &'static Schema {
    match entity {
        Entity::Order => &tables::commerce::ORDER,
        Entity::Customer => &tables::commerce::CUSTOMER,
        Entity::Invoice => &tables::commerce::INVOICE,
        Entity::Product => &tables::goods::PRODUCT,
        Entity::Price => &tables::goods::PRICE,
        Entity::InventoryLevel => &tables::goods::INVENTORY_LEVEL,
        Entity::Fulfilment => &tables::goods::FULFILMENT,
        Entity::Payment => &tables::finance::PAYMENT,
        Entity::Refund => &tables::finance::REFUND,
        Entity::Dispute => &tables::finance::DISPUTE,
        Entity::Payout => &tables::finance::PAYOUT,
        Entity::BalanceTransaction => &tables::finance::BALANCE_TRANSACTION,
        Entity::BankLine => &tables::finance::BANK_LINE,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names_are_unique_and_documented(fields: &'static [Field]) {
        for (index, field) in fields.iter().enumerate() {
            assert!(fields[..index].iter().all(|other| other.name != field.name), "{}", field.name);
            assert!(!field.doc.is_empty(), "{}", field.name);
            if let FieldType::Object(inner) = field.ty {
                names_are_unique_and_documented(inner);
            } else if let FieldType::List(FieldType::Object(inner)) = field.ty {
                names_are_unique_and_documented(inner);
            }
        }
    }

    #[test]
    fn every_table_is_sound() {
        for &entity in Entity::ALL {
            let schema = schema(entity);
            assert_eq!(schema.entity, entity);
            names_are_unique_and_documented(schema.fields);
            assert!(!schema.natural_key.is_empty());
            for name in schema.natural_key {
                let (_, field) = schema.field(name).unwrap();
                assert!(field.required && !field.volatile, "{entity}.{name}");
            }
            assert!(schema.field("extra").is_none(), "extra is the bag of vendor values");
        }
    }

    #[test]
    fn near_misses_are_suggested() {
        let names = || schema(Entity::Order).fields.iter().map(|field| field.name);
        assert_eq!(suggestion(names(), "curency"), Some("currency"));
        assert_eq!(suggestion(names(), "zzz"), None);
    }
}
