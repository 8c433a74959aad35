//! The published JSON Schema of each entity's canonical form, generated from its table.
//!
//! Not here: schemas of configuration files (config).

use serde_json::{Map, Value as Json, json};

use super::Entity;
use super::schema::{Field, FieldType, schema};

const DECIMAL: &str = r"^-?[0-9]+(\.[0-9]+)?$";

/// JSON Schema (2020-12) of `Record::canonical_json` for one entity.
pub fn json_schema(entity: Entity) -> Json {
    let schema = schema(entity);
    let mut document = object_schema(schema.fields);
    if let Some(Json::Object(properties)) = document.get_mut("properties") {
        properties.insert(
            "extra".to_owned(),
            json!({
                "description": "Vendors' own values by namespaced key",
                "type": "object",
                "propertyNames": { "pattern": r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_.-]+$" },
                "additionalProperties": { "type": ["string", "number", "boolean"] },
            }),
        );
    }
    document.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    document.insert("title".to_owned(), json!(entity.as_str()));
    document.insert("description".to_owned(), json!(schema.doc));
    document.insert("x-natural-key".to_owned(), json!(schema.natural_key));
    Json::Object(document)
}

fn object_schema(fields: &'static [Field]) -> Map<String, Json> {
    let properties: Map<String, Json> =
        fields.iter().map(|field| (field.name.to_owned(), Json::Object(field_schema(field)))).collect();
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    let mut document = Map::new();
    document.insert("type".to_owned(), json!("object"));
    document.insert("properties".to_owned(), Json::Object(properties));
    if !required.is_empty() {
        document.insert("required".to_owned(), json!(required));
    }
    document.insert("additionalProperties".to_owned(), json!(false));
    document
}

fn field_schema(field: &Field) -> Map<String, Json> {
    let mut document = type_schema(&field.ty);
    document.insert("description".to_owned(), json!(field.doc));
    for (mark, set) in [("x-volatile", field.volatile), ("x-personal", field.personal)] {
        if set {
            document.insert(mark.to_owned(), json!(true));
        }
    }
    document
}

fn type_schema(ty: &FieldType) -> Map<String, Json> {
    let document = match ty {
        FieldType::Text => json!({ "type": "string" }),
        FieldType::Ref(entity) => json!({ "type": "string", "x-references": entity.as_str() }),
        FieldType::Integer => json!({ "type": "integer" }),
        FieldType::Bool => json!({ "type": "boolean" }),
        FieldType::Decimal | FieldType::Quantity => json!({ "type": "string", "pattern": DECIMAL }),
        FieldType::Money => json!({
            "type": "object",
            "properties": { "amount_minor": { "type": "integer" }, "currency": currency_schema() },
            "required": ["amount_minor", "currency"],
            "additionalProperties": false,
        }),
        FieldType::UnitPrice => json!({
            "type": "object",
            "properties": { "amount": { "type": "string", "pattern": DECIMAL }, "currency": currency_schema() },
            "required": ["amount", "currency"],
            "additionalProperties": false,
        }),
        FieldType::Timestamp => json!({ "type": "string", "format": "date-time" }),
        FieldType::Date => json!({ "type": "string", "format": "date" }),
        FieldType::Currency => currency_schema(),
        FieldType::Status(set) => json!({ "type": "string", "enum": set.values }),
        FieldType::Object(fields) => Json::Object(object_schema(fields)),
        FieldType::List(item) => json!({ "type": "array", "items": type_schema(item) }),
    };
    match document {
        Json::Object(document) => document,
        other => Map::from_iter([("const".to_owned(), other)]),
    }
}

fn currency_schema() -> Json {
    json!({ "type": "string", "pattern": "^[A-Z]{3}$" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_states_types_keys_and_marks() {
        let order = json_schema(Entity::Order);
        assert_eq!(order["properties"]["total"]["properties"]["amount_minor"]["type"], "integer");
        assert_eq!(order["properties"]["updated_at"]["x-volatile"], true);
        assert_eq!(order["properties"]["lines"]["items"]["properties"]["sku"]["x-references"], "product");
        assert_eq!(order["required"], json!(["number", "placed_at", "currency", "total"]));
        assert_eq!(order["x-natural-key"], json!(["number"]));
        for &entity in Entity::ALL {
            assert_eq!(json_schema(entity)["additionalProperties"], false, "{entity}");
        }
    }
}
