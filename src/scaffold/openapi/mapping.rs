//! A mapping file for a stream: cells both ways, what could not be decided, and a test for each direction.
//!
//! Not here: cells (`cells`), crosswalks (`statuses`), samples of records (`mend`).

use serde_json::{Map, Value as Json, json};

use super::cells::{Line, Ways, path};
use super::document::Document;
use super::fields::{Matched, matched};
use super::mend::{canonical, mend, text_of};
use super::sample::sample;
use super::schema::{Property, Type, properties};
use super::service::{Setting, setting};
use super::statuses::Crosswalks;
use super::streams::Stream;
use crate::model::{Field, FieldType, schema};
use crate::scaffold::note::Notes;
use crate::scaffold::text::{one_line, quoted, scalar};

pub(super) struct Composed {
    pub(super) text: String,
    /// A record as the vendor shows it.
    pub(super) sample: Json,
    /// A canonical record that goes out.
    pub(super) outgoing: Option<Json>,
}

pub(super) fn mapping(
    document: &Document,
    connector: &str,
    stream: &Stream<'_>,
    crosswalks: &mut Crosswalks,
    settings: &mut Vec<Setting>,
    notes: &mut Notes,
) -> Composed {
    let (entity, about) = (stream.entity, format!("mappings/{connector}/{}.yaml", stream.entity));
    let found = matched(document, entity, schema(entity).fields, &stream.properties);
    let has_currency = schema(entity).field("currency").is_some();
    let ways = Ways { entity: entity.as_str(), needs_currency: !has_currency };
    crosswalks.add(entity.as_str(), &found.pairs, notes);
    let mut lines = ways.inward(&found.pairs, &[], "", false, 1);
    for field in &found.missing {
        lines.push(stand_in(field, entity.as_str(), &stream.properties, stream, settings));
    }
    lines.push(Line::new(format!("extra.{connector}.id"), path(std::slice::from_ref(&stream.key)), None));
    if lines.iter().any(|line| line.cell.contains("$settings.currency")) {
        need_currency(settings);
    }
    tell(&lines, &about, "", notes);
    let mut text = format!(
        "# yaml-language-server: $schema=../../.schemas/mapping.json\n# Composed from an OpenAPI document: `# guess:` is likely, `# choose:` is yours. `syncline schema {entity}` prints every field.\nmapping: {connector}/{entity}\nin:\n"
    );
    lines.iter().for_each(|line| text.push_str(&line.text()));
    let mut record = sample(document, stream.item);
    mend(&mut record, &found.pairs, crosswalks, entity.as_str());
    let outgoing = outward(document, stream, &ways, crosswalks, &about, notes, &mut text);
    tests(&mut text, stream, &found, &record, outgoing.as_ref(), &lines, settings);
    Composed { text, sample: record, outgoing: outgoing.map(|(given, _)| given) }
}

fn need_currency(settings: &mut Vec<Setting>) {
    let line = "{ title: Currency, help: \"Such as EUR: amounts state none\" }";
    add(settings, setting("currency", line, "EUR"));
}

fn add(settings: &mut Vec<Setting>, wanted: Setting) {
    if !settings.iter().any(|known| known.name == wanted.name) {
        settings.push(wanted);
    }
}

/// A required field that nothing is named like: the first property of its type, else a setting of the connection.
fn stand_in(
    field: &Field,
    entity: &str,
    known: &[Property<'_>],
    stream: &Stream<'_>,
    settings: &mut Vec<Setting>,
) -> Line {
    if matches!(field.ty, FieldType::Currency) {
        need_currency(settings);
        let comment = "choose: the records state no currency; the connection does".to_owned();
        return Line::new(field.name, "$settings.currency", Some(comment));
    }
    let fits = |property: &&Property<'_>| match field.ty {
        FieldType::Text | FieldType::Ref(_) => property.name == stream.key,
        FieldType::Timestamp => property.ty == Type::Time,
        FieldType::Date => property.ty == Type::Date,
        FieldType::Money | FieldType::UnitPrice => property.ty == Type::Number,
        FieldType::Quantity | FieldType::Decimal => property.ty.is_number(),
        FieldType::Integer => property.ty == Type::Integer,
        FieldType::Bool => property.ty == Type::Bool,
        FieldType::Currency | FieldType::Status(_) | FieldType::Object(_) | FieldType::List(_) => false,
    };
    let (source, reason) = match known.iter().find(fits) {
        Some(property) => (
            quoted(&path(std::slice::from_ref(&property.name))),
            format!("nothing is named like {}; this is the first property of its type", field.name),
        ),
        None => {
            let name = format!("{entity}_{}", field.name);
            let value = text_of(&canonical_value(field));
            add(
                settings,
                setting(
                    &name,
                    &format!("{{ title: {} }}", quoted(&format!("{} of every {entity}", one_line(field.doc, 60)))),
                    &value,
                ),
            );
            (
                format!("$settings.{name}"),
                format!(
                    "nothing in the records is like {} ({}); the connection states it",
                    field.name,
                    field.ty.name()
                ),
            )
        }
    };
    let cell = match field.ty {
        FieldType::Money | FieldType::UnitPrice => format!("{{ money: {source} }}"),
        FieldType::Text
        | FieldType::Integer
        | FieldType::Bool
        | FieldType::Decimal
        | FieldType::Quantity
        | FieldType::Timestamp
        | FieldType::Date
        | FieldType::Currency
        | FieldType::Status(_)
        | FieldType::Ref(_)
        | FieldType::Object(_)
        | FieldType::List(_) => source,
    };
    Line::new(field.name, cell, Some(format!("choose: {reason}")))
}

fn canonical_value(field: &Field) -> Json {
    match field.ty {
        FieldType::Money | FieldType::UnitPrice => json!("9.50"),
        _ => super::mend::value(&field.ty),
    }
}

fn tell(lines: &[Line], about: &str, way: &str, notes: &mut Notes) {
    for line in lines {
        match line.comment.as_ref().and_then(|comment| comment.split_once(": ")) {
            Some(("choose", text)) => notes.choose(about, format!("{way}{}: {text}", line.target)),
            Some((_, text)) => notes.guess(about, format!("{way}{}: {text}", line.target)),
            None => {}
        }
    }
}

/// What is sent where the stream writes: the canonical record and a vendor's field with its value, for the test.
fn outward(
    document: &Document,
    stream: &Stream<'_>,
    ways: &Ways<'_>,
    crosswalks: &mut Crosswalks,
    about: &str,
    notes: &mut Notes,
    text: &mut String,
) -> Option<(Json, Json)> {
    let write = stream.create.as_ref().or(stream.update.as_ref())?;
    let sent = properties(document, write.body);
    let found = matched(document, stream.entity, schema(stream.entity).fields, &sent);
    if found.pairs.is_empty() {
        return None;
    }
    crosswalks.add(ways.entity, &found.pairs, notes);
    let lines = ways.outward(&found.pairs, &[], "", 1);
    text.push_str("out:\n");
    lines.iter().for_each(|line| text.push_str(&line.text()));
    tell(&lines, about, "out: ", notes);
    for property in sent
        .iter()
        .filter(|property| property.required && !found.pairs.iter().any(|pair| pair.property.name == property.name))
    {
        let shown = one_line(&property.name, 60);
        text.push_str(&format!(
            "  # choose: {}: ?   # the vendor requires it, and no canonical field is like it\n",
            scalar(&shown)
        ));
        notes.choose(about, format!("out: the vendor requires `{shown}`, and no canonical field is like it"));
    }
    let given = canonical(schema(stream.entity).fields, &found.pairs, crosswalks, ways.entity);
    let seen = found.pairs.iter().find(|pair| {
        matches!(pair.form, super::fields::Form::Plain)
            && matches!(pair.field.ty, FieldType::Text)
            && pair.property.ty == Type::Text
    });
    let expected = seen.and_then(|pair| Some((pair.property.name.clone(), given.get(pair.field.name)?.clone())));
    Some((given, Json::Object(expected.into_iter().collect())))
}

/// Whether `mapping` will have a direction `out`.
pub(super) fn goes_out(document: &Document, stream: &Stream<'_>) -> bool {
    stream.create.as_ref().or(stream.update.as_ref()).is_some_and(|write| {
        let sent = properties(document, write.body);
        !matched(document, stream.entity, schema(stream.entity).fields, &sent).pairs.is_empty()
    })
}

fn tests(
    text: &mut String,
    stream: &Stream<'_>,
    found: &Matched<'_>,
    record: &Json,
    outgoing: Option<&(Json, Json)>,
    lines: &[Line],
    settings: &[Setting],
) {
    let used: Map<String, Json> = settings
        .iter()
        .filter(|setting| lines.iter().any(|line| line.cell.contains(&format!("$settings.{}", setting.name))))
        .map(|setting| (setting.name.clone(), json!(setting.sample)))
        .collect();
    let mut expected = Map::new();
    for name in schema(stream.entity).natural_key {
        let pair =
            found.pairs.iter().find(|pair| pair.field.name == *name && matches!(pair.form, super::fields::Form::Plain));
        let text = pair.and_then(|pair| record.get(&pair.property.name)).map(text_of);
        if let (Some(pair), Some(text)) = (pair, text)
            && matches!(pair.field.ty, FieldType::Text | FieldType::Ref(_))
        {
            expected.insert(pair.field.name.to_owned(), json!(text));
        }
    }
    text.push_str("\ntests:\n");
    text.push_str(&format!("  - name: a record as the document shows it\n    given: {record}\n"));
    if !used.is_empty() {
        text.push_str(&format!("    settings: {}\n", Json::Object(used)));
    }
    text.push_str(&format!("    expect: {}\n", Json::Object(expected)));
    if let Some((given, expected)) = outgoing {
        text.push_str(&format!(
            "  - name: a record that goes out\n    direction: out\n    given: {given}\n    expect: {expected}\n"
        ));
    }
}
