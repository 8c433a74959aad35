//! Reading: a page of a stream, and one record by its key.
//!
//! Not here: storing rows and cursors (intake), the arithmetic of pages and cursors (`pages`, `cursor`).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::classify::Purpose;
use super::cursor::{self, PageSeen};
use super::exchange::Terms;
use super::pages::{self, Place, Seen};
use super::render::{self, Outgoing};
use crate::connector::call::{CallResult, Page, PageToken};
use crate::connector::connection::{Channel, Connection};
use crate::connector::manifest::{CursorKind, HttpRead, ReadOrder, Request};
use crate::mapping::expr::{Path, Scope, Step};
use crate::model::ErrorClass;

/// Where a walk stands. Written into the page token, so that a walk survives a restart.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Walk {
    stream: String,
    place: Option<Place>,
    /// Pages fetched so far.
    pages: u32,
    /// The watermark the walk began at; every page asks from it.
    from: Option<String>,
    /// The newest value seen.
    seen: Option<String>,
    /// The vendor's clock on the first page: nothing newer than this may be skipped by the next walk.
    began: Option<jiff::Timestamp>,
    /// One earlier place, moved forward at powers of two: any cycle meets it (Brent).
    mark: String,
    mark_at: u32,
    /// The last page's content: a vendor that ignores the page parameter sends the same page for ever.
    content: String,
}

impl Connection {
    /// Reads one page. `page` is `None` for the first page and the last page's `next` afterwards; `cursor` is the stored
    /// watermark and counts on the first page only. Rows may come twice (overlap, moved records), never not at all.
    pub async fn read_page(&self, stream: &str, cursor: Option<&str>, page: Option<PageToken>) -> CallResult<Page> {
        let what = format!("read {stream}");
        let channel = self.channel(&what)?;
        let described = self.stream(&what, stream)?;
        let read = described.http_read();
        let read = read.ok_or_else(|| self.misuse(&what, format!("stream `{stream}` is not read over HTTP")))?;
        let mut walk = match &page {
            None => self.begin(stream, cursor, read, channel)?,
            Some(token) => serde_json::from_str::<Walk>(&token.0)
                .ok()
                .filter(|walk| walk.stream == stream)
                .ok_or_else(|| self.misuse(&what, "the page token is not one of this stream; start the walk again"))?,
        };
        let mut outgoing = self.first_request(read, &walk, channel)?;
        pages::ask(&read.pages, &mut outgoing, walk.place.as_ref())
            .map_err(|error| channel.caller.error(&outgoing, ErrorClass::Data, error.to_string()))?;
        let answer = channel.caller.call(&outgoing, terms(&read.request)).await?;
        let failed = |reason: String| channel.caller.misshapen(&outgoing, &answer, ErrorClass::Data, reason);
        let mut records = list_at(read.records.as_deref(), &answer.body).map_err(&failed)?;
        let seen = Seen { headers: &answer.headers, body: &answer.body, records: &records, url: &outgoing.url };
        let next = pages::next(&read.pages, walk.place.as_ref(), &seen).map_err(|error| failed(error.to_string()))?;
        let next = next.map(|next| channel.caller.credentials.strip(next));
        walk.pages += 1;
        walk.began = walk.began.or(answer.server_time);
        let page_seen = PageSeen { body: &answer.body, records: &records };
        walk.seen = cursor::advance(&read.cursor, read.order, walk.seen.take(), &page_seen).map_err(&failed)?;
        if let Some(next) = &next {
            guard(&mut walk, next, &records, self.max_pages).map_err(&failed)?;
        }
        let cursor = match (&next, read.order) {
            (None, _) | (Some(_), ReadOrder::Ascending) => {
                cursor::settle(&read.cursor, walk.seen.clone(), walk.from.clone(), walk.began).map_err(&failed)?
            }
            (Some(_), ReadOrder::Descending | ReadOrder::Unordered) => None,
        };
        let server_time = answer.server_time;
        walk.place = next;
        let next = match &walk.place {
            None => None,
            Some(_) => Some(PageToken(serde_json::to_string(&walk).map_err(|error| failed(error.to_string()))?)),
        };
        if let Some(enrich) = &described.enrich {
            self.complete(channel, enrich, &mut records).await?;
        }
        Ok(Page { records, next, server_time, cursor })
    }

    /// Reads one record as it is now; `None` if it does not exist.
    pub async fn get(&self, stream: &str, key: &str) -> CallResult<Option<Value>> {
        let what = format!("get {stream} {key}");
        let channel = self.channel(&what)?;
        let described = self.stream(&what, stream)?;
        let get =
            described.get.as_ref().ok_or_else(|| self.misuse(&what, format!("stream `{stream}` describes no get")))?;
        let key = Value::String(key.to_owned());
        let scope = Scope::new().with("settings", &self.settings).with("key", &key);
        let outgoing = render::render(&channel.base, &get.request, &scope, &[])
            .map_err(|error| channel.caller.not_built(&what, &error))?;
        let answer = match channel.caller.call(&outgoing, terms(&get.request)).await {
            Ok(answer) => answer,
            Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = match get.record.as_deref() {
            None => Some(answer.body).filter(|body| !body.is_null()),
            Some(path) => match path.first(&answer.body) {
                Some(Value::Null) => None,
                Some(record) => Some(record.clone()),
                // The place of one record in a list that has none.
                None if matches!(path.steps().last(), Some(Step::Index(_))) => None,
                None => {
                    let reason = format!("the answer has no record at `{}`", path.as_str());
                    return Err(channel.caller.misshapen(&outgoing, &answer, ErrorClass::Data, reason));
                }
            },
        };
        let Some(record) = found else { return Ok(None) };
        let mut records = [record];
        if let Some(enrich) = &described.enrich {
            self.complete(channel, enrich, &mut records).await?;
        }
        let [record] = records;
        Ok(Some(record))
    }

    fn begin(&self, stream: &str, cursor: Option<&str>, read: &HttpRead, channel: &Channel) -> CallResult<Walk> {
        let scope = Scope::new().with("settings", &self.settings);
        let start = || read.cursor.start.as_ref().map(|start| render::text("the cursor's start", start, &scope));
        let from = match cursor {
            Some(cursor) => Some(cursor.to_owned()),
            None => start().transpose().map_err(|error| channel.caller.not_built(stream, &error))?,
        };
        Ok(Walk {
            stream: stream.to_owned(),
            place: None,
            pages: 0,
            from,
            seen: None,
            began: None,
            mark: String::new(),
            mark_at: 1,
            content: String::new(),
        })
    }

    fn first_request(&self, read: &HttpRead, walk: &Walk, channel: &Channel) -> CallResult<Outgoing> {
        let what = format!("read {}", walk.stream);
        let bad = |reason: String| self.misuse(&what, format!("the stored cursor cannot be used: {reason}"));
        let (value, without): (Value, &[&str]) = match (&walk.from, read.cursor.kind) {
            (None, _) | (Some(_), CursorKind::Snapshot) => (Value::Null, &["cursor"]),
            (Some(from), _) => (cursor::ask_from(&read.cursor, from).map_err(bad)?, &[]),
        };
        let scope = Scope::new().with("settings", &self.settings).with("cursor", &value);
        render::render(&channel.base, &read.request, &scope, without)
            .map_err(|error| channel.caller.not_built(&what, &error))
    }
}

pub(super) fn terms(request: &Request) -> Terms<'_> {
    Terms::of(request, Purpose::Read)
}

/// The list at `path`. XML shows a list of one as its only item and an empty list as nothing.
pub(super) fn list_at(path: Option<&Path>, body: &Value) -> Result<Vec<Value>, String> {
    let shown = path.map_or("the top", Path::as_str);
    if let Some(path) = path.filter(|path| path.is_many()) {
        let mut found = Vec::new();
        return if path.each(body, &mut |item: &Value| found.push(item.clone())) {
            Ok(found)
        } else {
            Err(format!("the answer has no list at `{shown}`"))
        };
    }
    match path.map_or(Some(body), |path| path.first(body)) {
        Some(Value::Array(items)) => Ok(items.clone()),
        Some(Value::Null) => Ok(Vec::new()),
        Some(item @ Value::Object(_)) => Ok(vec![item.clone()]),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            Err(format!("the answer has no list at `{shown}` but a single value"))
        }
        None => Err(format!("the answer has no list at `{shown}`")),
    }
}

/// Ends walks that go in circles.
fn guard(walk: &mut Walk, next: &Place, records: &[Value], max_pages: u32) -> Result<(), String> {
    if walk.pages >= max_pages {
        return Err(format!("the list goes on after {max_pages} pages; it may go in circles"));
    }
    let place = digest(&serde_json::to_string(next).map_err(|error| error.to_string())?);
    let content = digest(&format!("{} {:?} {:?}", records.len(), records.first(), records.last()));
    if walk.place.as_ref() == Some(next) || walk.mark == place {
        return Err("the vendor's list leads back to a page that was read already".to_owned());
    }
    if walk.content == content {
        return Err("the vendor sent the same page twice; it may ignore the page parameter".to_owned());
    }
    walk.content = content;
    if walk.pages >= walk.mark_at {
        walk.mark = place;
        walk.mark_at = walk.mark_at.saturating_mul(2);
    }
    Ok(())
}

fn digest(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes())[..8])
}
