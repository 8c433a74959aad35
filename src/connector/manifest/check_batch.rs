//! Whether a write of many records can be told apart record by record, and does without what only works for one.
//!
//! Not here: other writes (`check_stream`).

use super::batch::BatchWrite;
use super::check::Checker;
use super::errors::RuleClass;
use super::references;
use super::scope;
use super::write::{Idempotency, Operation};

/// Members of `batch` in templates.
const MEMBERS: [&str; 6] = ["items", "records", "keys", "idempotency_keys", "idempotency_key", "size"];

impl Checker<'_> {
    pub(super) fn batch(&self, operation: &Operation, batch: &BatchWrite) {
        self.request(&operation.request, scope::BATCH, &[]);
        self.carries(operation);
        for (references, place) in batch.item.iter().flat_map(references::of_json) {
            self.references(&references, place, scope::BATCH_KEY, &[]);
        }
        self.refused_with_batch(operation);
        let place = &operation.request.place;
        match &batch.result {
            Some(result) => {
                self.template(result.key.as_ref().map(|key| &key.sent), scope::BATCH_KEY);
                self.template(result.key.as_ref().map(|key| &key.told), scope::BATCH_ITEM);
                self.expression(result.ok.as_ref(), scope::BATCH_ITEM);
                self.template(result.message.as_ref(), scope::BATCH_ITEM);
                if let RuleClass::ByCode { code, .. } = &result.class {
                    self.template(Some(code), scope::BATCH_ITEM);
                }
                self.template(operation.response.id.as_ref(), scope::BATCH_RESPONSE);
                self.template(operation.response.version.as_ref(), scope::BATCH_RESPONSE);
            }
            None if operation.response.id.is_some() || operation.response.version.is_some() => {
                let help = "add `batch.result`, and read `{item.id}`";
                self.error(place, "one answer cannot name the ids or versions of many records", help);
            }
            None => {}
        }
    }

    /// The request has to carry the records, by names that exist.
    fn carries(&self, operation: &Operation) {
        let read = references::places_in_request(&operation.request);
        let members = read.iter().filter(|(reference, _)| reference.root == "batch");
        let mut carried = false;
        for (reference, place) in members {
            let member = reference.member.as_deref().unwrap_or_default();
            carried |= matches!(member, "" | "items" | "records" | "keys");
            if !member.is_empty() && !MEMBERS.contains(&member) {
                let help = crate::config::yaml::suggest(member, &MEMBERS);
                self.error(place, format!("`batch.{member}` does not exist"), help);
            }
        }
        if !carried {
            let help = "put `{batch.items}` into the body";
            self.error(&operation.request.place, "the request does not carry the batch's records", help);
        }
    }

    fn refused_with_batch(&self, operation: &Operation) {
        let place = &operation.request.place;
        if !operation.steps.is_empty() {
            let help = "remove `batch`; a step reads for one record";
            self.error(place, "steps and `batch` exclude each other", help);
        }
        if operation.compare.is_some() {
            let help = "remove one of them; what was read before belongs to one record";
            self.error(place, "`compare_and_set` and `batch` exclude each other", help);
        }
        if operation.confirm.is_some() {
            let help = "remove one of them; a confirmation is asked for one record";
            self.error(place, "`confirm` and `batch` exclude each other", help);
        }
        if !operation.then.is_empty() {
            let help = "remove one of them; what follows is done for one record";
            self.error(place, "`then` and `batch` exclude each other", help);
        }
        if self.manifest.http.as_ref().is_some_and(|http| http.signature.is_some()) {
            let help = "remove one of them; a message's signature covers the id of one event";
            self.error(place, "`signature` and `batch` exclude each other", help);
        }
        if matches!(operation.idempotency, Idempotency::Header { .. } | Idempotency::Body { .. }) {
            let help = "use `natural` or `lookup`; a key that the vendor demands is sent as a header with `{batch.idempotency_key}`";
            let message =
                "a key for a whole batch protects only that very batch, and a crash or a partial answer takes it apart";
            self.error(place, message, help);
        }
    }
}
