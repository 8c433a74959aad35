//! Completing records with what their list leaves out: read by ids, in batches, and joined in.
//!
//! Not here: which records there are (`walk`).

use serde_json::Value;

use super::render;
use super::walk::{list_at, terms};
use crate::connector::call::CallResult;
use crate::connector::connection::{Channel, Connection};
use crate::connector::manifest::Enrich;
use crate::mapping::expr::{Path, Scope};
use crate::model::ErrorClass;

impl Connection {
    /// Gives every record the element that belongs to it; one without such an element stays as it is.
    pub(super) async fn complete(&self, channel: &Channel, enrich: &Enrich, records: &mut [Value]) -> CallResult<()> {
        let mut ids: Vec<String> = Vec::new();
        for id in records.iter().filter_map(|record| text_at(&enrich.by, record)) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        for batch in ids.chunks(usize::try_from(enrich.batch).unwrap_or(usize::MAX).max(1)) {
            let elements = self.elements(channel, enrich, batch).await?;
            for record in records.iter_mut() {
                let wanted = text_at(&enrich.by, record);
                let found = elements.iter().find(|element| wanted.is_some() && text_at(&enrich.id, element) == wanted);
                if let (Some(element), Value::Object(fields)) = (found, record) {
                    fields.insert(enrich.as_field.clone(), element.clone());
                }
            }
        }
        Ok(())
    }

    async fn elements(&self, channel: &Channel, enrich: &Enrich, ids: &[String]) -> CallResult<Vec<Value>> {
        let ids = Value::String(ids.join(","));
        let scope = Scope::new().with("settings", &self.settings).with("ids", &ids);
        let outgoing = render::render(&channel.base, &enrich.request, &scope, &[])
            .map_err(|error| channel.caller.not_built("enrich", &error))?;
        let answer = channel.caller.call(&outgoing, terms(&enrich.request)).await?;
        list_at(enrich.records.as_deref(), &answer.body)
            .map_err(|reason| channel.caller.misshapen(&outgoing, &answer, ErrorClass::Data, reason))
    }
}

/// Text or a number, as text: an id may be written either way in the two places.
pub(in crate::connector) fn text_at(path: &Path, value: &Value) -> Option<String> {
    match path.first(value)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
