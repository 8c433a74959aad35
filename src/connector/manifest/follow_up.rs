//! What is still to be done once a record is written, as a manifest says it.
//!
//! Not here: doing it (the HTTP engine), the write itself (`write`).

use crate::config::yaml::{Context, Entry, Spanned};

use super::check::Checker;
use super::references;
use super::request::{Method, Request};
use super::scope;
use super::status::StatusSet;
use super::write::{OpKind, Operation};
use crate::mapping::expr::Expression;

/// Runs after the write, and again whenever the write's outcome was unknown: `unless` keeps it from having a second effect.
/// Templates see what a write sees but `steps`, and `written.id`; after `read` also `current` with its `body` and `headers`.
#[derive(Debug, Clone)]
pub struct FollowUp {
    pub name: Spanned<String>,
    /// What has to be known to tell whether it is done.
    pub read: Option<Request>,
    /// Where it holds, there is nothing to do.
    pub unless: Option<Spanned<Expression>>,
    pub request: Request,
    pub accepts: StatusSet,
}

impl FollowUp {
    pub(super) fn read(entry: &Entry, cx: &Context) -> Option<Self> {
        let name = cx.spanned(entry.key.clone(), entry.key_span);
        let map = cx.map(&entry.value, format!("follow-up `{}`", entry.key))?;
        let (read, unless) = (map.optional::<Request>("read"), map.optional("unless"));
        let (request, accepts) = (Request::read(&map), map.or("accepts", StatusSet::success()));
        let read_given = map.has("read");
        map.finish();
        if read_given && read.is_none() {
            return None;
        }
        Some(Self { name, read, unless, request: request?, accepts })
    }

    fn reads(&self, root: &str) -> bool {
        let mut read = references::of_request(&self.request);
        read.extend(self.read.iter().flat_map(references::of_request));
        read.extend(self.unless.iter().flat_map(|unless| references::of_expression(unless)));
        read.iter().any(|reference| reference.root == root)
    }
}

impl Checker<'_> {
    pub(super) fn follow_ups(&self, operation: &Operation) {
        for follow_up in &operation.then {
            if let Some(read) = &follow_up.read {
                self.request(read, scope::FOLLOW_UP_READ, &[]);
            }
            let scope = if follow_up.read.is_some() { scope::FOLLOW_UP_KNOWING } else { scope::FOLLOW_UP };
            self.expression(follow_up.unless.as_ref(), scope);
            self.request(&follow_up.request, scope, &[]);
            let asks = follow_up.unless.iter().flat_map(|unless| references::of_expression(unless));
            if follow_up.request.method == Method::Post && !asks.into_iter().any(|asked| asked.root == "current") {
                let message =
                    format!("follow-up `{}` is sent again after a lost answer, and could work twice", *follow_up.name);
                let help = "let `read` ask for what was written, and `unless` say over `current` that it is done";
                self.error(&follow_up.request.place, message, help);
            }
            let names = operation.response.id.is_some()
                || matches!(operation.kind, OpKind::Update | OpKind::Set | OpKind::Delete);
            if follow_up.reads("written") && !names {
                let help = "add `response: { id: \"{body.id}\" }` to the write";
                self.error(&follow_up.request.place, "nothing says what `{written.id}` is", help);
            }
        }
    }
}
