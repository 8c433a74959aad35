//! Whether reading fits together: cursor, pages and request; children; hints and what they point at.
//!
//! Not here: the other parts of a stream (`check_stream`).

use super::check::Checker;
use super::pages::Pages;
use super::read::{Children, CursorKind, HttpRead, ReadOrder};
use super::references;
use super::request::Request;
use super::scope;
use super::stream::Stream;

impl Checker<'_> {
    pub(super) fn http_read(&self, read: &HttpRead, is_exploded: bool) {
        self.request(&read.request, scope::READ, &[]);
        self.template(read.cursor.start.as_ref(), scope::START);
        self.needs_http(&read.request.place, "read");
        self.pages(&read.request, &read.pages);
        let uses_cursor = reads(&read.request, "cursor");
        match (read.window.is_some(), reads(&read.request, "until")) {
            (true, false) => {
                let help = "put `{until}` beside `{cursor}` into the request";
                self.error(&read.request.place, "the request does not say where its window ends", help);
            }
            (false, true) => {
                let help = "add `window: 31d`, or remove `{until}`";
                self.error(&read.request.place, "`{until}` is the end of a window, and there is none", help);
            }
            (true, true) | (false, false) => {}
        }
        match (read.cursor.kind, uses_cursor) {
            (CursorKind::Snapshot, true) => {
                let help = "remove `{cursor}` from the request, or choose another cursor kind";
                self.error(&read.request.place, "a snapshot has no cursor to send", help);
            }
            (CursorKind::DeltaLink, true) => {
                let help = "remove `{cursor}` from the request, or choose another cursor kind";
                self.error(&read.request.place, "a delta link is followed, not sent", help);
            }
            (CursorKind::Time | CursorKind::Unix | CursorKind::Id | CursorKind::Token, false) => {
                let help = "put `{cursor}` into the query, or use `cursor: { kind: snapshot }`";
                self.error(
                    &read.request.place,
                    "the request does not send the cursor, so every read would be complete",
                    help,
                );
            }
            (CursorKind::Snapshot | CursorKind::DeltaLink, false)
            | (CursorKind::Time | CursorKind::Unix | CursorKind::Id | CursorKind::Token, true) => {}
        }
        if !read.cursor.gap_wait.is_zero() && read.order != ReadOrder::Ascending {
            let help = "add `order: ascending`, and let the request ask for it";
            self.error(&read.request.place, "gaps show only in a list that ascends", help);
        }
        if read.cursor.deletions.is_some() && (is_exploded || read.as_webhook) {
            let help = "remove `deletions`; the list does not show the stream's records one by one";
            self.error(&read.request.place, "deletions cannot be found by this list", help);
        }
    }

    pub(super) fn as_webhook(&self, stream: &Stream, read: &HttpRead) {
        if read.as_webhook && stream.webhook.is_none() && !self.written(stream, "webhook") {
            self.error(
                &stream.name.place,
                "read `as_webhook` needs the stream's `webhook` rules",
                "add `webhook:` with topics and record",
            );
        }
    }

    pub(super) fn children(&self, children: &Children) {
        self.request(&children.request, scope::CHILDREN, &[]);
        self.expression(children.when.as_ref(), scope::PARENT);
        self.needs_http(&children.request.place, "children");
        self.pages(&children.request, &children.pages);
        if !reads(&children.request, "parent") {
            let help = "use `{parent.id}` in the path or the query";
            self.error(&children.request.place, "every parent would get the same children", help);
        }
    }

    pub(super) fn hints(&self, stream: &Stream) {
        for hint in &stream.hints {
            self.template(Some(&hint.key), scope::RECORD);
            self.http_read(&hint.read, true);
            if stream.get.is_none() && !self.written(stream, "get") {
                let message =
                    format!("hint `{}` says what to read, but stream `{}` has no `get`", *hint.name, *stream.name);
                self.error(&hint.name.place, message, "add `get:`");
            }
        }
    }

    pub(super) fn pages(&self, request: &Request, pages: &Pages) {
        match (pages.needs_place(), reads(request, "page")) {
            (true, false) => {
                let help = "add `param`, or use `{page}` in the request (a keyset has `{page.<name>}`)";
                self.error(&request.place, "the request does not say which page it asks for", help);
            }
            (false, true) => {
                let help = "remove `{page}`, or the scheme's `param`";
                self.error(&request.place, "the page scheme fills no `{page}`", help);
            }
            (true, true) | (false, false) => {}
        }
    }
}

fn reads(request: &Request, root: &str) -> bool {
    references::places_in_request(request).iter().any(|(reference, _)| reference.root == root)
}
