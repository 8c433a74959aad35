//! Canonical fields and the properties that plausibly hold them, by name and type.
//!
//! Not here: the names (`names`), writing cells (`mapping`).

use super::document::Document;
use super::names::candidates;
use super::paging::plain;
use super::schema::{Property, Type, items, properties};
use crate::model::{Entity, Field, FieldType};

/// A canonical field with its property.
pub(super) struct Pair<'d> {
    pub(super) field: &'static Field,
    pub(super) property: Property<'d>,
    pub(super) form: Form<'d>,
    /// Called otherwise than the field, or not of its type alone.
    pub(super) doubt: Option<String>,
}

pub(super) enum Form<'d> {
    /// The value as it is.
    Plain,
    /// Seconds since 1970.
    Unix,
    Money,
    Minor,
    /// An amount in an object with its currency: names of both members.
    MoneyObject {
        amount: String,
        currency: Option<String>,
        minor: bool,
        numeric: bool,
    },
    Status,
    /// A closed vocabulary of which the document does not list the words.
    Unlisted,
    Object(Vec<Pair<'d>>),
    List(Vec<Pair<'d>>),
}

pub(super) struct Matched<'d> {
    pub(super) pairs: Vec<Pair<'d>>,
    /// Required fields without a property.
    pub(super) missing: Vec<&'static Field>,
}

/// Each property is given to one field, in the order of the canonical table.
pub(super) fn matched<'d>(
    document: &'d Document,
    entity: Entity,
    fields: &'static [Field],
    known: &[Property<'d>],
) -> Matched<'d> {
    matched_at(document, entity, fields, known, 0)
}

fn matched_at<'d>(
    document: &'d Document,
    entity: Entity,
    fields: &'static [Field],
    known: &[Property<'d>],
    depth: usize,
) -> Matched<'d> {
    let mut found = Matched { pairs: Vec::new(), missing: Vec::new() };
    let mut taken: Vec<(&str, &str)> = Vec::new();
    // A property that carries a field's own name is not given to another one before.
    let own: Vec<(String, &str)> = fields.iter().map(|field| (plain(field.name), field.name)).collect();
    for field in fields {
        let names = candidates(entity, field.name);
        let best = names.iter().enumerate().find_map(|(rank, name)| {
            let property = known.iter().find(|property| plain(&property.name) == *name)?;
            let used = taken.iter().any(|(name, _)| *name == property.name) && !may_share(field);
            let reserved =
                own.iter().any(|(own, field_name)| own == name && *field_name != field.name && !field.required);
            if used || reserved {
                return None;
            }
            let form = form(document, entity, field, property, depth)?;
            Some((rank, property, form))
        });
        match best {
            Some((rank, property, (form, doubt))) => {
                taken.push((&property.name, field.name));
                let named = (rank > 0).then(|| {
                    format!(
                        "{} is called `{}`",
                        field.doc.to_lowercase(),
                        crate::scaffold::text::one_line(&property.name, 60)
                    )
                });
                found.pairs.push(Pair { field, property: property.clone(), form, doubt: doubt.or(named) });
            }
            None if field.required => found.missing.push(field),
            None => {}
        }
    }
    found
}

/// What is required takes what it can get, also what an optional field has.
fn may_share(field: &Field) -> bool {
    field.required
}

type Found<'d> = (Form<'d>, Option<String>);

fn form<'d>(
    document: &'d Document,
    entity: Entity,
    field: &'static Field,
    property: &Property<'d>,
    depth: usize,
) -> Option<Found<'d>> {
    let sure = |form: Form<'d>| Some((form, None));
    let doubt = |form: Form<'d>, text: &str| Some((form, Some(text.to_owned())));
    match (&field.ty, property.ty) {
        (FieldType::Text | FieldType::Ref(_), Type::Text | Type::Integer) => sure(Form::Plain),
        (FieldType::Currency, Type::Text) => sure(Form::Plain),
        (FieldType::Integer, Type::Integer) | (FieldType::Bool, Type::Bool) => sure(Form::Plain),
        (FieldType::Decimal | FieldType::Quantity, Type::Integer | Type::Number) => sure(Form::Plain),
        (FieldType::Decimal | FieldType::Quantity, Type::Text) => doubt(Form::Plain, "a number in text"),
        (FieldType::Timestamp, Type::Time) | (FieldType::Date, Type::Date) => sure(Form::Plain),
        (FieldType::Timestamp, Type::Text) => doubt(Form::Plain, "text that is not said to be an RFC 3339 time"),
        (FieldType::Timestamp, Type::Integer) => doubt(Form::Unix, "a number, taken for seconds since 1970"),
        (FieldType::Money | FieldType::UnitPrice, Type::Number) => sure(Form::Money),
        (FieldType::Money | FieldType::UnitPrice, Type::Text) => {
            doubt(Form::Money, "text, taken for an amount in major units")
        }
        (FieldType::Money | FieldType::UnitPrice, Type::Integer) => {
            doubt(Form::Minor, "a whole number, taken for minor units (cents)")
        }
        (FieldType::Money | FieldType::UnitPrice, Type::Object) => money_object(document, property),
        (FieldType::Status(_), Type::Text) if !property.words.is_empty() => sure(Form::Status),
        (FieldType::Status(_), Type::Text) => doubt(Form::Unlisted, "the document does not list its words"),
        (FieldType::Object(fields), Type::Object) if depth < 3 => {
            let inner = matched_at(document, entity, fields, &properties(document, property.schema), depth + 1);
            (!inner.pairs.is_empty() && inner.missing.is_empty()).then_some((Form::Object(inner.pairs), None))
        }
        (FieldType::List(FieldType::Object(fields)), Type::List) if depth < 3 => {
            let item = items(document, property.schema)?;
            let inner = matched_at(document, entity, fields, &properties(document, item), depth + 1);
            (!inner.pairs.is_empty() && inner.missing.is_empty()).then_some((Form::List(inner.pairs), None))
        }
        (
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
            | FieldType::Ref(_)
            | FieldType::Object(_)
            | FieldType::List(_),
            _,
        ) => None,
    }
}

fn money_object<'d>(document: &'d Document, property: &Property<'d>) -> Option<Found<'d>> {
    let members = properties(document, property.schema);
    let find = |names: &[&str], wanted: fn(Type) -> bool| {
        members.iter().find(|member| names.contains(&plain(&member.name).as_str()) && wanted(member.ty))
    };
    let amount =
        find(&["amount", "value", "units", "total"], |ty| matches!(ty, Type::Number | Type::Text | Type::Integer))?;
    let currency = find(&["currency", "currencycode"], |ty| ty == Type::Text);
    let minor = amount.ty == Type::Integer;
    let form = Form::MoneyObject {
        amount: amount.name.clone(),
        currency: currency.map(|member| member.name.clone()),
        minor,
        numeric: amount.ty.is_number(),
    };
    Some((form, minor.then(|| "a whole number, taken for minor units (cents)".to_owned())))
}
