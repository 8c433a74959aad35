//! Every request that a manifest describes, with what it is for, and finding the one that a call is. Pure.
//!
//! Not here: answering (`standin`).

use crate::connector::manifest::{Idempotency, Manifest, OpKind, Read, Request, Stream, Write};

/// What a request asks for; streams and steps by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    Check,
    Subscriptions,
    Subscribe,
    List(String),
    Get(String),
    Enrich(String),
    Lookup(String),
    Step(String, OpKind, String),
    Write(String, OpKind),
    /// What a follow-up of a write asks first.
    Finished(String, OpKind, String),
    FollowUp,
}

/// All requests of a connector.
pub(super) fn requests(manifest: &Manifest) -> Vec<(Purpose, &Request)> {
    let mut found = Vec::new();
    if let Some(check) = &manifest.check {
        found.push((Purpose::Check, &check.request));
    }
    if let Some(subscriptions) = manifest.webhooks.as_ref().and_then(|webhooks| webhooks.subscriptions.as_ref()) {
        found.push((Purpose::Subscriptions, &subscriptions.list));
        found.push((Purpose::Subscribe, &subscriptions.create));
        let later = subscriptions.update.iter().chain(&subscriptions.renew);
        found.extend(later.map(|request| (Purpose::Subscribe, request)));
    }
    for stream in &manifest.streams {
        of_stream(stream, &mut found);
    }
    found
}

fn of_stream<'m>(stream: &'m Stream, found: &mut Vec<(Purpose, &'m Request)>) {
    let name = || stream.name.value.clone();
    if let Some(Read::Http(read)) = &stream.read {
        found.push((Purpose::List(name()), &read.request));
    }
    if let Some(get) = &stream.get {
        found.push((Purpose::Get(name()), &get.request));
    }
    if let Some(enrich) = &stream.enrich {
        found.push((Purpose::Enrich(name()), &enrich.request));
    }
    let Some(Write::Http(write)) = &stream.write else { return };
    for operation in &write.operations {
        found.push((Purpose::Write(name(), operation.kind), &operation.request));
        for step in &operation.steps {
            found.push((Purpose::Step(name(), operation.kind, step.name.value.clone()), &step.request));
        }
        if let Idempotency::Lookup { request, .. } = &operation.idempotency {
            found.push((Purpose::Lookup(name()), request));
        }
        for follow_up in &operation.then {
            let named = || Purpose::Finished(name(), operation.kind, follow_up.name.value.clone());
            found.extend(follow_up.read.iter().map(|request| (named(), request)));
            found.push((Purpose::FollowUp, &follow_up.request));
        }
    }
}

/// One request as the stand-in recognises it.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) purpose: Purpose,
    method: &'static str,
    path: Vec<Part>,
    query: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Hole,
}

impl Route {
    pub(super) fn all(manifest: &Manifest) -> Vec<Route> {
        requests(manifest)
            .into_iter()
            .map(|(purpose, request)| Route {
                purpose,
                method: request.method.as_str(),
                path: parts(request.path.as_str()),
                query: request.query.iter().map(|(name, _)| name.clone()).collect(),
            })
            .collect()
    }

    /// How well a call fits, larger is better, with what stands in the holes of the path.
    fn fits(&self, method: &str, path: &str, query: &[(String, String)]) -> Option<(i64, Vec<String>)> {
        if !method.eq_ignore_ascii_case(self.method) {
            return None;
        }
        let mut holes = Vec::new();
        if !matches(&self.path, path, &mut holes) {
            return None;
        }
        let known = |name: &str| self.query.iter().any(|own| own == name);
        let given = query.iter().filter(|(name, _)| known(name)).count() as i64;
        let foreign = query.iter().filter(|(name, _)| !known(name)).count() as i64;
        let missing = self.query.iter().filter(|own| !query.iter().any(|(name, _)| name == *own)).count() as i64;
        let literal: usize =
            self.path.iter().map(|part| if let Part::Text(text) = part { text.len() } else { 0 }).sum();
        Some(((given - foreign) * 10_000 - missing * 1_000 + literal as i64, holes))
    }
}

/// The routes that fit best; several when one request serves several purposes, in the manifest's order.
pub(super) fn find<'r>(
    routes: &'r [Route],
    method: &str,
    path: &str,
    query: &[(String, String)],
) -> Vec<(&'r Route, Vec<String>)> {
    let fitting = routes.iter().filter_map(|route| Some((route.fits(method, path, query)?, route)));
    let mut fitting: Vec<_> = fitting.collect();
    let best = fitting.iter().map(|((score, _), _)| *score).max();
    fitting.retain(|((score, _), _)| Some(*score) == best);
    fitting.into_iter().map(|((_, holes), route)| (route, holes)).collect()
}

fn parts(template: &str) -> Vec<Part> {
    let template = template.split('?').next().unwrap_or_default();
    let (mut parts, mut rest) = (Vec::new(), template);
    while let Some(at) = rest.find('{') {
        if at > 0 {
            parts.push(Part::Text(rest[..at].to_owned()));
        }
        parts.push(Part::Hole);
        let end = rest[at..].find('}').map_or(rest.len(), |end| at + end + 1);
        rest = &rest[end..];
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    parts
}

/// A hole takes at least one character and no slash.
fn matches(parts: &[Part], path: &str, holes: &mut Vec<String>) -> bool {
    match parts.split_first() {
        None => path.is_empty(),
        Some((Part::Text(text), rest)) => {
            path.strip_prefix(text.as_str()).is_some_and(|path| matches(rest, path, holes))
        }
        Some((Part::Hole, rest)) => {
            let most = path.find('/').unwrap_or(path.len());
            for end in (1..=most).rev().filter(|end| path.is_char_boundary(*end)) {
                holes.push(path[..end].to_owned());
                if matches(rest, &path[end..], holes) {
                    return true;
                }
                holes.pop();
            }
            false
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::connector::registry::Registry;

    #[track_caller]
    fn check(connector: &str, method: &str, path: &str, query: &[(&str, &str)], expected: &[Purpose], holes: &[&str]) {
        let registry = Registry::shipped().unwrap();
        let routes = Route::all(&registry.connector(connector).unwrap().manifest);
        let query: Vec<(String, String)> = query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let found = find(&routes, method, path, &query);
        let purposes: Vec<Purpose> = found.iter().map(|(route, _)| route.purpose.clone()).collect();
        assert_eq!(purposes, expected, "{connector} {method} {path}");
        assert!(found.iter().all(|(_, found)| *found == holes), "{found:?}");
    }

    #[test]
    fn calls_are_recognised() {
        let orders = || "orders".to_owned();
        check("sandbox-erp", "GET", "/orders", &[("limit", "500")], &[Purpose::List(orders())], &[]);
        let asked = [Purpose::Lookup(orders()), Purpose::Step("payments".to_owned(), OpKind::Set, "order".to_owned())];
        check("sandbox-erp", "GET", "/orders", &[("reference", "#1")], &asked, &[]);
        check("sandbox-erp", "PUT", "/orders/7", &[], &[Purpose::Write(orders(), OpKind::Update)], &["7"]);
        check(
            "sandbox-erp",
            "PUT",
            "/orders/7/payment",
            &[],
            &[Purpose::Write("payments".to_owned(), OpKind::Set)],
            &["7"],
        );
        check("shopify", "GET", "/orders/7.json", &[], &[Purpose::Get(orders())], &["7"]);
        check("webhook", "POST", "", &[], &[Purpose::Write("events".to_owned(), OpKind::Upsert)], &[]);
        check("stripe", "DELETE", "/x", &[], &[], &[]);
    }
}
