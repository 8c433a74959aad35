//! Every request that a manifest describes, wherever it stands.
//!
//! Not here: what each is for (its section), sending it.

use super::auth::Auth;
use super::document::Manifest;
use super::read::HttpRead;
use super::request::Request;
use super::stream::{Stream, Write};
use super::write::{Idempotency, Operation};

impl Manifest {
    pub fn requests(&self) -> Vec<&Request> {
        let mut found = Vec::new();
        if let Some(http) = &self.http {
            found.extend(http.auth.ways().into_iter().filter_map(log_in));
            found.extend(http.csrf.iter().map(|csrf| &csrf.fetch));
        }
        found.extend(self.check.iter().map(|check| &check.request));
        if let Some(subscriptions) = self.webhooks.as_ref().and_then(|webhooks| webhooks.subscriptions.as_ref()) {
            found.extend([&subscriptions.list, &subscriptions.create]);
            found.extend(subscriptions.update.iter().chain(&subscriptions.renew));
        }
        self.streams.iter().for_each(|stream| of_stream(stream, &mut found));
        found
    }
}

fn log_in(auth: &Auth) -> Option<&Request> {
    match auth {
        Auth::Session(session) => Some(&session.login),
        Auth::None
        | Auth::Header { .. }
        | Auth::Query { .. }
        | Auth::Basic { .. }
        | Auth::Bearer { .. }
        | Auth::OAuth2(_)
        | Auth::OAuth1(_)
        | Auth::Choose(_) => None,
    }
}

fn of_stream<'m>(stream: &'m Stream, found: &mut Vec<&'m Request>) {
    let lists = stream.http_read().into_iter().chain(stream.hints.iter().map(|hint| &hint.read));
    found.extend(lists.map(|read: &HttpRead| &read.request));
    found.extend(stream.get.iter().map(|get| &get.request));
    found.extend(stream.enrich.iter().map(|enrich| &enrich.request));
    found.extend(stream.children.iter().map(|children| &children.request));
    match &stream.write {
        Some(Write::Http(write)) => write.operations.iter().for_each(|operation| of_operation(operation, found)),
        Some(Write::File(_) | Write::Process(_) | Write::Sql(_)) | None => {}
    }
}

fn of_operation<'m>(operation: &'m Operation, found: &mut Vec<&'m Request>) {
    found.extend(operation.steps.iter().map(|step| &step.request));
    found.extend(operation.compare.iter().map(|compare| &compare.read));
    found.push(&operation.request);
    found.extend(operation.confirm.iter().map(|confirm| &confirm.request));
    found.extend(operation.then.iter().flat_map(|follow_up| follow_up.read.iter().chain([&follow_up.request])));
    match &operation.idempotency {
        Idempotency::Lookup { request, .. } => found.push(request),
        Idempotency::Header { .. } | Idempotency::Body { .. } | Idempotency::Natural => {}
    }
}
