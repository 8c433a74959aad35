//! Reading a list, page by page.
//!
//! Not here: single records (`single`), storing rows and cursors (intake), the arithmetic of pages and cursors (`pages`, `cursor`).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::classify::Purpose;
use super::cursor::{self, PageSeen};
use super::enrich::text_at;
use super::exchange::{Answered, Terms};
use super::gaps::{self, Ranges};
use super::pages::{self, Place, Seen};
use super::render::{self, Outgoing};
use crate::connector::call::{CallResult, Page, PageToken};
use crate::connector::connection::{Channel, Connection};
use crate::connector::manifest::{Cursor, CursorKind, HttpRead, ListPath, Pages, ReadOrder, Request};
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
    /// Where the present window ends, where the vendor answers for limited ranges only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    /// The newest value seen.
    seen: Option<String>,
    /// The vendor's clock on the first page: nothing newer than this may be skipped by the next walk.
    began: Option<jiff::Timestamp>,
    /// One earlier place, moved forward at powers of two: any cycle meets it (Brent).
    mark: String,
    mark_at: u32,
    /// The last page's content: a vendor that ignores the page parameter sends the same page for ever.
    content: String,
    /// What the last page held, where records may slip from one page to the one before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    previous: Vec<String>,
    /// The numbers seen, where missing ones are waited for.
    #[serde(default)]
    ids: Ranges,
}

impl Walk {
    fn new(stream: &str, from: Option<String>) -> Self {
        Self {
            stream: stream.to_owned(),
            place: None,
            pages: 0,
            from,
            until: None,
            seen: None,
            began: None,
            mark: String::new(),
            mark_at: 1,
            content: String::new(),
            previous: Vec::new(),
            ids: Ranges::default(),
        }
    }

    fn note_ids(&mut self, cursor: &Cursor, records: &[Value]) {
        let Some(field) = cursor.field.as_ref().filter(|_| !cursor.gap_wait.is_zero()) else { return };
        let numbers = records.iter().filter_map(|record| text_at(field, record)?.parse().ok());
        numbers.for_each(|number| self.ids.add(number));
    }

    fn counts_pages(&self, pages: &Pages) -> bool {
        matches!(pages, Pages::PageNumber { .. } | Pages::Offset { .. })
    }
}

/// A list that is walked: a stream's own, or one of its hints.
struct Reading<'a> {
    name: String,
    read: &'a HttpRead,
}

impl Connection {
    /// Reads one page. `page` is `None` for the first page and the last page's `next` afterwards; `cursor` is the stored
    /// watermark and counts on the first page only. Rows may come twice (overlap, moved records), never not at all.
    pub async fn read_page(&self, stream: &str, cursor: Option<&str>, page: Option<PageToken>) -> CallResult<Page> {
        let what = format!("read {stream}");
        let described = self.stream(&what, stream)?;
        let read = described.http_read();
        let read = read.ok_or_else(|| self.misuse(&what, format!("stream `{stream}` is not read over HTTP")))?;
        let reading = Reading { name: stream.to_owned(), read };
        let mut page = self.page_of(&reading, cursor, page).await?;
        self.whole(self.channel(&what)?, described, &mut page.records).await?;
        Ok(page)
    }

    /// Reads one page of a stream's hints; the page's `fetched` are the records that it names, as they are now.
    pub async fn read_hints(
        &self,
        stream: &str,
        hint: &str,
        cursor: Option<&str>,
        page: Option<PageToken>,
    ) -> CallResult<Page> {
        let what = format!("read hint {hint} of {stream}");
        let described = self.stream(&what, stream)?;
        let hint = described.hints.iter().find(|known| *known.name == hint);
        let hint = hint.ok_or_else(|| self.misuse(&what, "the stream has no such hint"))?;
        let reading = Reading { name: format!("{stream}/{}", *hint.name), read: &hint.read };
        let mut page = self.page_of(&reading, cursor, page).await?;
        let mut keys: Vec<String> = Vec::new();
        for record in page.records.drain(..) {
            let key = hint.key.render(&Scope::new().with("record", &record));
            let key = key.map_err(|error| self.misuse(&what, format!("a record names no key: {error}")))?;
            if !key.is_empty() && !keys.contains(&key) {
                keys.push(key);
            }
        }
        for key in keys {
            page.fetched.push(self.fetch(stream, &key).await?);
        }
        Ok(page)
    }

    async fn page_of(&self, reading: &Reading<'_>, cursor: Option<&str>, page: Option<PageToken>) -> CallResult<Page> {
        let what = format!("read {}", reading.name);
        let (channel, read) = (self.channel(&what)?, reading.read);
        let mut walk = match &page {
            None => self.begin(&reading.name, cursor, read, channel)?,
            Some(token) => serde_json::from_str::<Walk>(&token.0)
                .ok()
                .filter(|walk| walk.stream == reading.name)
                .ok_or_else(|| self.misuse(&what, "the page token is not one of this stream; start the walk again"))?,
        };
        let (outgoing, answer) = match self.ask(read, &walk, walk.place.as_ref(), channel).await {
            // The vendor has forgotten where the link led to: everything is read again.
            Err(error) if read.cursor.kind == CursorKind::DeltaLink && page.is_none() && error.status == Some(410) => {
                walk = self.begin(&reading.name, None, read, channel)?;
                self.ask(read, &walk, None, channel).await?
            }
            asked => asked?,
        };
        let failed = |reason: String| channel.caller.misshapen(&outgoing, &answer, ErrorClass::Data, reason);
        let mut records = list_at(read.records.as_deref(), &answer.body).map_err(&failed)?;
        let seen = Seen {
            headers: &answer.headers,
            body: &answer.body,
            records: &records,
            url: &outgoing.url,
            base: &channel.base,
        };
        let next = pages::next(&read.pages, walk.place.as_ref(), &seen).map_err(|error| failed(error.to_string()))?;
        let next = next.map(|next| channel.caller.credentials.strip(next));
        walk.pages += 1;
        walk.began = walk.began.or(answer.server_time);
        let page_seen = PageSeen { body: &answer.body, records: &records };
        walk.seen = cursor::advance(&read.cursor, read.order, walk.seen.take(), &page_seen).map_err(&failed)?;
        walk.note_ids(&read.cursor, &records);
        if read.cursor.kind == CursorKind::DeltaLink {
            walk.seen = self.stored_link(walk.seen.take(), &outgoing, channel).map_err(&failed)?;
        }
        if let Some(next) = &next {
            guard(&mut walk, next, &records, self.max_pages).map_err(&failed)?;
        }
        let slipped = self.slipped(read, &walk, &records, channel).await?;
        walk.previous =
            if walk.counts_pages(&read.pages) { records.iter().map(digest_of).collect() } else { Vec::new() };
        let windowed = next.is_none().then(|| self.next_window(reading, &walk)).transpose().map_err(&failed)?.flatten();
        if let Some((cursor, following)) = windowed {
            let server_time = answer.server_time;
            let next = following.map(|walk| token(&walk)).transpose().map_err(&failed)?;
            records.extend(slipped);
            return Ok(Page { records, ids: Vec::new(), fetched: Vec::new(), next, server_time, cursor: Some(cursor) });
        }
        let cursor = match (&next, read.order) {
            (Some(_), _) if walk.until.is_some() => None,
            (None, _) | (Some(_), ReadOrder::Ascending) => self.watermark(read, &walk).map_err(&failed)?,
            (Some(_), ReadOrder::Descending | ReadOrder::Unordered) => None,
        };
        let server_time = answer.server_time;
        walk.place = next;
        let next = match &walk.place {
            None => None,
            Some(_) => Some(token(&walk).map_err(&failed)?),
        };
        records.extend(slipped);
        Ok(Page { records, ids: Vec::new(), fetched: Vec::new(), next, server_time, cursor })
    }

    async fn ask(
        &self,
        read: &HttpRead,
        walk: &Walk,
        place: Option<&Place>,
        channel: &Channel,
    ) -> CallResult<(Outgoing, Answered)> {
        let mut outgoing = self.first_request(read, walk, place, channel)?;
        let link = walk.from.as_ref().filter(|_| read.cursor.kind == CursorKind::DeltaLink && place.is_none());
        let positioned = match link {
            Some(link) => pages::allowed(&channel.base, &channel.base.url, link).map(|url| outgoing.url = url),
            None => pages::ask(&read.pages, &channel.base, &mut outgoing, place),
        };
        positioned.map_err(|error| channel.caller.error(&outgoing, ErrorClass::Data, error.to_string()))?;
        let answer = channel.caller.call(&outgoing, terms(&read.request)).await?;
        Ok((outgoing, answer))
    }

    /// Records that slipped from this page to the one before it while this one was asked for: another look at that one shows
    /// them. A record that leaves the list, or moves to its end, makes all behind it slip.
    async fn slipped(
        &self,
        read: &HttpRead,
        walk: &Walk,
        records: &[Value],
        channel: &Channel,
    ) -> CallResult<Vec<Value>> {
        let Some(before) = pages::before(&read.pages, walk.place.as_ref()) else { return Ok(Vec::new()) };
        let (outgoing, answer) = self.ask(read, walk, before.as_ref(), channel).await?;
        let again = list_at(read.records.as_deref(), &answer.body)
            .map_err(|reason| channel.caller.misshapen(&outgoing, &answer, ErrorClass::Data, reason))?;
        let is_new = |record: &Value| !walk.previous.contains(&digest_of(record)) && !records.contains(record);
        Ok(again.into_iter().filter(is_new).collect())
    }

    /// After the last page of a window: the watermark, and the walk through the next window if there is one.
    fn next_window(&self, reading: &Reading<'_>, walk: &Walk) -> Result<Option<(String, Option<Walk>)>, String> {
        let (Some(from), Some(until), Some(window)) = (&walk.from, &walk.until, reading.read.window) else {
            return Ok(None);
        };
        let (cursor, now) = (&reading.read.cursor, self.now());
        let (reached, follows) =
            cursor::window_done(cursor, (from, until, window), walk.seen.clone(), walk.began, now)?;
        if !follows {
            return Ok(Some((reached, None)));
        }
        let end = cursor::window_end(cursor, until, window, now)?;
        let following = Walk { until: Some(end), ..Walk::new(&reading.name, Some(until.clone())) };
        Ok(Some((reached, Some(following))))
    }

    fn watermark(&self, read: &HttpRead, walk: &Walk) -> Result<Option<String>, String> {
        if read.cursor.gap_wait.is_zero() {
            return cursor::settle(&read.cursor, walk.seen.clone(), walk.from.clone(), walk.began);
        }
        let now = walk.began.unwrap_or_else(|| self.now());
        let from = walk.from.as_deref();
        Ok(gaps::settle(&walk.ids, from, read.cursor.gap_wait, now).or_else(|| walk.from.clone()))
    }

    /// A link is stored without the credential that some vendors repeat in it, and only if it leads to the vendor.
    fn stored_link(
        &self,
        link: Option<String>,
        outgoing: &Outgoing,
        channel: &Channel,
    ) -> Result<Option<String>, String> {
        let Some(link) = link else { return Ok(None) };
        let url = pages::allowed(&channel.base, &outgoing.url, &link).map_err(|error| error.to_string())?;
        match channel.caller.credentials.strip(Place::Url(url.into())) {
            Place::Url(link) => Ok(Some(link)),
            Place::Token(_) | Place::Number(_) | Place::Keys(_) => Ok(None),
        }
    }

    fn begin(&self, stream: &str, cursor: Option<&str>, read: &HttpRead, channel: &Channel) -> CallResult<Walk> {
        let scope = Scope::new().with("settings", &self.settings);
        let start = || read.cursor.start.as_ref().map(|start| render::text("the cursor's start", start, &scope));
        let from = match cursor {
            Some(cursor) => Some(cursor.to_owned()),
            None => start().transpose().map_err(|error| channel.caller.not_built(stream, &error))?,
        };
        let until = match (&from, read.window) {
            (Some(from), Some(window)) => {
                let end = cursor::window_end(&read.cursor, from, window, self.now());
                let bad = |reason| self.misuse(stream, format!("the stored cursor cannot be used: {reason}"));
                Some(end.map_err(bad)?)
            }
            (None, _) | (_, None) => None,
        };
        Ok(Walk { until, ..Walk::new(stream, from) })
    }

    fn first_request(
        &self,
        read: &HttpRead,
        walk: &Walk,
        place: Option<&Place>,
        channel: &Channel,
    ) -> CallResult<Outgoing> {
        let what = format!("read {}", walk.stream);
        let bad = |reason: String| self.misuse(&what, format!("the stored cursor cannot be used: {reason}"));
        let value = match &walk.from {
            None => Value::Null,
            Some(from) => cursor::ask_from(&read.cursor, from).map_err(bad)?,
        };
        let until = match &walk.until {
            None => Value::Null,
            Some(until) => cursor::ask_until(&read.cursor, until).map_err(bad)?,
        };
        let page = pages::value(&read.pages, place);
        let missing =
            [("cursor", &value), ("until", &until), ("page", &page)].into_iter().filter(|(_, value)| value.is_null());
        let without: Vec<&str> = missing.map(|(name, _)| name).collect();
        let scope = Scope::new().with("settings", &self.settings).with("cursor", &value);
        let scope = scope.with("until", &until).with("page", &page);
        render::render(&channel.base, &read.request, &scope, &without)
            .map_err(|error| channel.caller.not_built(&what, &error))
    }
}

fn token(walk: &Walk) -> Result<PageToken, String> {
    serde_json::to_string(walk).map(PageToken).map_err(|error| error.to_string())
}

pub(super) fn terms(request: &Request) -> Terms<'_> {
    Terms::of(request, Purpose::Read)
}

/// The list at `path`. XML shows a list of one as its only item and an empty list as nothing.
pub(super) fn list_at(path: Option<&ListPath>, body: &Value) -> Result<Vec<Value>, String> {
    let shown = path.map_or("the top", |path| path.as_str());
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
        None if path.is_some_and(|path| path.optional && has_place_for(path, body)) => Ok(Vec::new()),
        None => Err(format!("the answer has no list at `{shown}`")),
    }
}

/// Whether only the list itself is absent: what would hold it is there.
fn has_place_for(path: &Path, body: &Value) -> bool {
    let (_, holders) = path.steps().split_last().unzip();
    let inside = |node: &Value, step: &Step| match step {
        Step::Name(name) => node.get(&**name).cloned(),
        Step::Index(index) => node.get(*index).cloned(),
        Step::Each => None,
    };
    let holder = holders.unwrap_or_default().iter().try_fold(body.clone(), |node, step| inside(&node, step));
    holder.is_some_and(|holder| holder.is_object())
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
    if walk.content == content && !records.is_empty() {
        return Err("the vendor sent the same page twice; it may ignore the page parameter".to_owned());
    }
    walk.content = content;
    if walk.pages >= walk.mark_at {
        walk.mark = place;
        walk.mark_at = walk.mark_at.saturating_mul(2);
    }
    Ok(())
}

fn digest_of(record: &Value) -> String {
    digest(&record.to_string())
}

fn digest(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes())[..8])
}
