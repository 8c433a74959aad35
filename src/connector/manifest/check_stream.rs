//! Whether a stream's parts fit together: cursor and request, webhook and get, write and idempotency.
//!
//! Not here: connector-wide parts and what templates may read (`check`).

use super::body::{Body, JsonTemplate};
use super::check::Checker;
use super::read::Get;
use super::references;
use super::scope;
use super::stream::{Read, Stream, VersionKind, Write};
use super::webhook::{Fetch, StreamWebhook};
use super::write::{Idempotency, OpKind, Operation};
use crate::config::yaml::Spanned;
use crate::mapping::expr::{Path, Step};

impl Checker<'_> {
    pub(super) fn stream(&self, stream: &Stream) {
        let pushed_only = stream.get.is_none() && stream.http_read().is_none_or(|read| read.as_webhook);
        let scope = match (&stream.read, pushed_only) {
            (Some(Read::File(_)), _) => scope::FILE_RECORD,
            (Some(Read::Process(_) | Read::Sql(_)), _) => scope::RECORD,
            (Some(Read::Http(_)) | None, true) => scope::TOPIC,
            (Some(Read::Http(_)) | None, false) => scope::RECORD,
        };
        self.template(stream.key.as_ref(), scope);
        self.template(stream.version.value.as_ref(), scope);
        self.template(stream.occurred_at.as_ref().map(|time| &time.value), scope);
        if let Some(enrich) = &stream.enrich {
            self.request(&enrich.request, scope::ENRICH, &[]);
            self.needs_http(&enrich.request.place, "enrich");
            if !references::places_in_request(&enrich.request).iter().any(|(reference, _)| reference.root == "ids") {
                self.error(
                    &enrich.request.place,
                    "enrich does not use `{ids}`",
                    "put `{ids}` into the query: the ids joined by commas",
                );
            }
        }
        match &stream.read {
            Some(Read::Http(read)) => {
                self.http_read(read, stream.explode.is_some());
                self.as_webhook(stream, read);
            }
            Some(Read::File(read)) => {
                self.template(Some(&read.folder), scope::FOLDER);
                read.partner.templates().for_each(|template| self.template(Some(template), scope::FOLDER));
            }
            Some(Read::Process(read)) => self.process_read(stream, read),
            Some(Read::Sql(read)) => self.sql_read(stream, read),
            None => {}
        }
        self.expression(stream.deleted.as_ref(), scope::RECORD);
        stream.children.iter().for_each(|children| self.children(children));
        self.hints(stream);
        if let Some(Get { request, .. }) = &stream.get {
            self.request(request, scope::GET, &[]);
            self.needs_http(&request.place, "get");
            let used = references::places_in_request(request);
            if !used.iter().any(|(reference, _)| reference.root == "key") {
                self.error(&request.place, "get does not use `{key}`", "it would read the same record for every key");
            }
        }
        if let Some(webhook) = &stream.webhook {
            self.stream_webhook(stream, webhook);
        }
        match &stream.write {
            Some(Write::Http(write)) => {
                if write.operations.is_empty() {
                    let help = "add create, update, upsert, set or delete";
                    self.error(
                        &stream.name.place,
                        format!("write of stream `{}` has no operation", *stream.name),
                        help,
                    );
                }
                write.operations.iter().for_each(|operation| self.operation(operation));
            }
            Some(Write::Process(write)) => self.process_write(stream, write),
            Some(Write::Sql(write)) => self.sql_write(stream, write),
            Some(Write::File(write)) => {
                self.template(Some(&write.folder), scope::FOLDER);
                self.template(Some(&write.name), scope::FILE_NAME);
                write.partner.templates().for_each(|template| self.template(Some(template), scope::FOLDER));
                if !references::of_template(&write.name).iter().any(|reference| reference.root == "batch") {
                    let help = "use `{batch.sequence}` or `{batch.time}` so that no batch overwrites another";
                    self.error(&write.name.place, "every batch would have the same file name", help);
                }
            }
            None => {}
        }
    }

    fn stream_webhook(&self, stream: &Stream, webhook: &StreamWebhook) {
        if self.node.get("webhooks").is_none() {
            let help = "add `webhooks:` with verify and topic at the top level";
            self.error(
                &stream.name.place,
                format!("stream `{}` names topics but the manifest has no `webhooks`", *stream.name),
                help,
            );
        }
        for topic in &webhook.topics {
            self.template(topic.key.as_ref(), scope::TOPIC);
            self.expression(topic.when.as_ref(), scope::TOPIC);
        }
        let fetches = |fetch: Fetch| !matches!(fetch, Fetch::Never);
        let fetched = fetches(webhook.fetch) || webhook.topics.iter().any(|topic| topic.fetch.is_some_and(fetches));
        if fetched && stream.get.is_none() && !self.written(stream, "get") {
            self.error(
                &stream.name.place,
                format!("stream `{}` fetches what is pushed but has no `get`", *stream.name),
                "add `get:`",
            );
        }
        let believed = webhook.topics.iter().any(|topic| topic.fetch.unwrap_or(webhook.fetch) == Fetch::Never);
        let unsigned =
            self.manifest.webhooks.as_ref().is_some_and(|webhooks| webhooks.verify.leaves_content_unproven());
        if believed && unsigned {
            let help = "set `fetch: always`, so that the content is read from the vendor instead";
            self.error(
                &stream.name.place,
                format!("stream `{}` believes pushes that nobody signed", *stream.name),
                help,
            );
        }
        if believed && stream.version.kind == VersionKind::None {
            let help = "state `version`, or set `fetch: always`";
            self.error(
                &stream.name.place,
                format!("stream `{}` cannot order its pushes: no version", *stream.name),
                help,
            );
        }
    }

    /// Whether the part is in the file, decoded or not.
    pub(super) fn written(&self, stream: &Stream, part: &str) -> bool {
        let node = self.node.get("streams").and_then(|streams| streams.get(&stream.name));
        node.and_then(|node| node.get(part)).is_some()
    }

    fn confirmation(&self, operation: &Operation, known: &[&str]) {
        if let Some(compare) = &operation.compare {
            self.request(&compare.read, scope::WRITE, known);
            let place = &operation.request.place;
            if !references::places_in_request(&operation.request).iter().any(|(r, _)| r.root == "current") {
                let help = "send what the vendor compares, such as `headers: { If-Match: \"{current.headers.etag}\" }`";
                self.error(place, "the request compares nothing with what was read", help);
            }
            if matches!(operation.idempotency, Idempotency::Header { .. } | Idempotency::Body { .. }) {
                let help = "use `scheme: natural`; the comparison already keeps a repeat from a second effect";
                self.error(place, "a request that is built anew cannot keep its idempotency key", help);
            }
        }
        if let Some(confirm) = &operation.confirm {
            self.request(&confirm.request, scope::CONFIRM, known);
            self.expression(Some(&confirm.done), scope::CONFIRMED);
            self.expression(confirm.failed.as_ref(), scope::CONFIRMED);
            self.template(confirm.message.as_ref(), scope::CONFIRMED);
            if matches!(operation.idempotency, Idempotency::Lookup { pending: None, .. }) {
                let help = "let the look-up ask for what is accepted as well, and say how to tell it: \
                            `pending: 'candidate.state == \"queued\"'`; or use a header or a natural key";
                let message =
                    "a look-up does not see what is accepted and not yet applied, so a restart could write twice";
                self.error(&operation.request.place, message, help);
            }
        }
    }

    fn key_in_body(&self, path: &Spanned<Path>, body: &Body) {
        let fits = match body {
            Body::Json(JsonTemplate::Map(_) | JsonTemplate::Text(_)) | Body::GraphQl { .. } | Body::JsonRpc { .. } => {
                true
            }
            Body::Form(_) => matches!(path.steps(), [Step::Name(_)]),
            Body::None
            | Body::Json(
                JsonTemplate::Null | JsonTemplate::Bool(_) | JsonTemplate::Number(_) | JsonTemplate::List(_),
            )
            | Body::JsonLines(_)
            | Body::Xml(_)
            | Body::Soap { .. }
            | Body::XmlRpc { .. }
            | Body::Multipart(_) => false,
        };
        if !fits {
            let help = "use a JSON object, or a form with the field's name; elsewhere write `{idempotency_key}` into the body and \
                        say `scheme: natural` only if the vendor remembers it for good";
            self.error(&path.place, "the request's body has no place for the key", help);
        }
    }

    fn operation(&self, operation: &Operation) {
        self.needs_http(&operation.request.place, "write");
        let mut known: Vec<&str> = Vec::new();
        for step in &operation.steps {
            self.request(&step.request, scope::WRITE, &known);
            known.push(&step.name);
            self.expression_with(step.expect.as_ref(), scope::WRITE, &known);
            self.template_with(step.message.as_ref(), scope::WRITE, &known);
        }
        if let Some(batch) = &operation.batch {
            self.batch(operation, batch);
        } else {
            let own = if operation.compare.is_some() { scope::COMPARE } else { scope::WRITE };
            self.request(&operation.request, own, &known);
            self.template(operation.response.id.as_ref(), scope::RESPONSE);
            self.template(operation.response.version.as_ref(), scope::RESPONSE);
        }
        self.confirmation(operation, &known);
        self.follow_ups(operation);
        match &operation.idempotency {
            Idempotency::Header { value, .. } => self.template_with(Some(value), scope::WRITE, &known),
            Idempotency::Body { path, value, .. } => {
                self.template_with(Some(value), scope::WRITE, &known);
                self.key_in_body(path, &operation.request.body);
            }
            Idempotency::Lookup { request, matches, pending, .. } => {
                self.request(request, scope::WRITE, &known);
                self.expression_with(matches.as_ref(), scope::MATCHES, &known);
                self.expression_with(pending.as_ref(), scope::MATCHES, &known);
            }
            Idempotency::Natural => {}
        }
        let addressed = references::places_in_request(&operation.request)
            .iter()
            .any(|(r, _)| matches!(r.root.as_str(), "key" | "record" | "steps"));
        if matches!(operation.kind, OpKind::Update | OpKind::Delete) && !addressed && operation.batch.is_none() {
            self.error(
                &operation.request.place,
                "the request does not say which object it changes",
                "use `{key}` in the path",
            );
        }
    }
}
