//! What a person's edit of a dead letter has to be before it goes back to work: of a delivery a canonical record, of a
//! payload what its source could have sent; not here: the other acts on issues.
//!
//! A delivery is edited as people know it, not as it is sent: the edit is mapped out like any other record.

use std::collections::HashSet;
use std::fmt;

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::actor::actor;
use super::flows::Done;
use super::issues::{DeadLetterView, Form, IssueDetailView, load_one, not_editable};
use crate::api::error::{ApiError, Code};
use crate::api::extract::{ApiJson, ApiPath};
use crate::api::state::{AppState, FlowInfo};
use crate::model::{Entity, MASKED, Record, RecordFault};
use crate::store::{DeadEdit, DeadRef};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditBody {
    #[serde(default)]
    pub actor: Option<String>,
    pub dead: DeadRef,
    /// The whole of it, corrected: the canonical record of a delivery, the payload of what could not be mapped in.
    pub body: String,
    /// `body_sha256` of what was corrected; something else is not written over.
    #[serde(default)]
    pub base: Option<String>,
}

pub(in crate::api) async fn edit(
    State(state): State<AppState>,
    headers: HeaderMap,
    ApiPath(id): ApiPath<i64>,
    ApiJson(body): ApiJson<EditBody>,
) -> Result<Json<Done>, ApiError> {
    let actor = actor(&headers, body.actor.as_deref())?;
    edit_dead_letter(&state, id, body, &actor).await.map(Json)
}

/// Replaces the record or payload of one dead letter and sends it back to work.
pub async fn edit_dead_letter(state: &AppState, id: i64, edit: EditBody, actor: &str) -> Result<Done, ApiError> {
    let detail = load_one(state, id).await?;
    let before = letter(&detail, edit.dead)?;
    let Corrected { body, changed } = match before.form {
        Form::Record => {
            let flow = state.hub().flows().into_iter().find(|flow| flow.name == before.flow);
            corrected_record(before, &edit.body, flow.as_ref())?
        }
        Form::Payload => corrected_payload(before, &edit.body)?,
    };
    let (actor, at) = (actor.to_owned(), state.now_us());
    state.store().edit_dead(DeadEdit { dead: edit.dead, body, base: edit.base, changed, actor, at }).await?;
    state.hub().wake();
    Ok(Done { count: 1, files: 0 })
}

/// The dead letter of an issue, if it still is one.
pub fn letter(detail: &IssueDetailView, dead: DeadRef) -> Result<&DeadLetterView, ApiError> {
    if let Some(letter) = detail.dead_letters.iter().find(|letter| letter.dead == dead) {
        return Ok(letter);
    }
    Err(match detail.files.first() {
        Some(file) => not_editable(detail.issue.id, file),
        None => ApiError::not_found(
            format!("issue {} has no such dead letter (any more)", detail.issue.id),
            "look at the issue again; it may have been retried, edited or discarded, or a newer version has arrived",
        ),
    })
}

/// What is stored in place of the former body.
#[derive(Debug)]
struct Corrected {
    body: String,
    /// Fields of the record that differ.
    changed: Vec<String>,
}

/// Held to the canonical model at once, so that a slip of the pen is told to the person and not to the destination.
fn corrected_record(before: &DeadLetterView, after: &str, flow: Option<&FlowInfo>) -> Result<Corrected, ApiError> {
    check_shown(before, after)?;
    let Some(entity) = before.entity.as_deref().and_then(Entity::parse) else {
        let what = before.entity.as_deref().unwrap_or("nothing");
        return Err(ApiError::new(Code::Internal, format!("{what:?} is no kind of record"), "run `syncline verify`"));
    };
    if let Err(cause) = serde_json::from_str::<Unambiguous>(after) {
        return Err(ApiError::bad_request(
            format!("the record is not valid JSON: {cause}"),
            "correct it at that place",
        ));
    }
    let record = Record::from_canonical_json(entity, after).map_err(|error| {
        let next_step = match error.fault {
            RecordFault::UnknownField { .. } => {
                "write the hub's own field names: the record is mapped to the destination's after the edit"
            }
            RecordFault::Missing
            | RecordFault::Value(_)
            | RecordFault::ListTooLong
            | RecordFault::ExtraKey
            | RecordFault::TooManyExtras
            | RecordFault::NotJson(_) => "correct that field; nothing was changed",
        };
        ApiError::bad_request(format!("the edit is no canonical {entity}: {error}"), next_step)
    })?;
    // A record of before an upgrade may not fit its schema any more: then nobody can tell what differs.
    let changed: Vec<String> = match Record::from_canonical_json(entity, &before.body) {
        Ok(stored) => stored.diff(&record).into_iter().map(|change| change.path).collect(),
        Err(_) => vec!["(all)".to_owned()],
    };
    if changed.is_empty() {
        return Err(unchanged());
    }
    for untold in flow.map(|flow| flow.untold.as_slice()).unwrap_or_default() {
        if let Some(path) = changed.iter().find(|path| within(path, &untold.path)) {
            return Err(ApiError::bad_request(
                format!("{path}: flow {} does not send what the record says of it: {}", before.flow, untold.why),
                "leave it as it was, and correct it where it comes from",
            ));
        }
    }
    Ok(Corrected { body: record.canonical_json(), changed })
}

/// `lines[0].sku` is within `lines`, `customer.email` within `customer` and itself.
fn within(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// What was JSON stays JSON; the rest is its mapping's to judge, when it is read again.
fn corrected_payload(before: &DeadLetterView, after: &str) -> Result<Corrected, ApiError> {
    check_shown(before, after)?;
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text);
    let same = match (json(&before.body), json(after)) {
        (Ok(_), Err(cause)) => {
            let message = format!("the payload is not valid JSON: {cause}");
            return Err(ApiError::bad_request(message, "correct it at that place"));
        }
        (Ok(old), Ok(new)) => old == new && serde_json::from_str::<Unambiguous>(&before.body).is_ok(),
        (Err(_), _) => before.body == after,
    };
    if same { Err(unchanged()) } else { Ok(Corrected { body: after.to_owned(), changed: Vec::new() }) }
}

fn unchanged() -> ApiError {
    ApiError::bad_request("nothing was changed", "to send it as it is, retry it")
}

/// What stands for something that could not be shown must not be saved in its place.
fn check_shown(before: &DeadLetterView, after: &str) -> Result<(), ApiError> {
    if after.trim().is_empty() {
        return Err(ApiError::bad_request("it is empty", "to give the record up, discard it instead"));
    }
    let count = |text: &str| text.matches(MASKED).count();
    if count(after) > count(&before.body) {
        return Err(ApiError::bad_request(
            format!("{MASKED} stands where a value is not shown; it is not the value"),
            "write the value itself",
        ));
    }
    if !before.exact && after.contains(char::REPLACEMENT_CHARACTER) {
        return Err(ApiError::bad_request(
            "the payload is not UTF-8 text: \u{FFFD} stands where bytes could not be shown",
            "give the whole payload anew as UTF-8, or have its source send it again",
        ));
    }
    Ok(())
}

/// JSON in which no member is written twice: nobody could tell which of the two is meant.
struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Unambiguous, D::Error> {
        deserializer.deserialize_any(Unambiguous)
    }
}

impl<'de> Visitor<'de> for Unambiguous {
    type Value = Unambiguous;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unambiguous, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unambiguous, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unambiguous, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unambiguous, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Unambiguous, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Unambiguous, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unambiguous, A::Error> {
        while items.next_element::<Unambiguous>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Unambiguous, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            members.next_value::<Unambiguous>()?;
            if let Some(twice) = names.replace(name) {
                return Err(A::Error::custom(format_args!("`{twice}` is written twice")));
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
#[path = "edits_tests.rs"]
mod tests;
