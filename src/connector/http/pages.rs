//! Where the next page of a list is, and how to ask for it. Pure.
//!
//! Not here: the walk and its guards (`walk`).

use http::HeaderMap;
use http::header::LINK;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use super::form::percent_encode;
use super::guard::Base;
use super::link;
use super::render::{Content, Outgoing};
use crate::connector::manifest::{Pages, Total};
use crate::mapping::expr::Path;

/// The place of one page in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    Url(String),
    Token(String),
    Number(u64),
    Keys(Map<String, Value>),
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum PageError {
    #[error("the next page's address `{url}` {reason}")]
    Url { url: String, reason: &'static str },
    #[error("`{path}`, which leads to the next page, {reason}")]
    Value { path: String, reason: &'static str },
    #[error("the stored page position does not fit the stream's page scheme; start the walk again")]
    Foreign,
}

/// What is known after a page.
pub(crate) struct Seen<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a Value,
    pub(crate) records: &'a [Value],
    /// The page's own address.
    pub(crate) url: &'a Url,
    pub(crate) base: &'a Base,
}

/// Turns the request for the first page into that for `place` (`None`: the first page itself).
pub(crate) fn ask(pages: &Pages, base: &Base, outgoing: &mut Outgoing, place: Option<&Place>) -> Result<(), PageError> {
    match (pages, place) {
        (Pages::PageNumber { param, start, size_param, size, total: _ }, place) => {
            let number = match place {
                None => u64::from(*start),
                Some(Place::Number(number)) => *number,
                Some(Place::Url(_) | Place::Token(_) | Place::Keys(_)) => return Err(PageError::Foreign),
            };
            set_query(&mut outgoing.url, param.as_deref(), &number.to_string());
            set_size(&mut outgoing.url, size_param.as_deref(), *size);
        }
        (Pages::Offset { param, size_param, size }, place) => {
            set_size(&mut outgoing.url, size_param.as_deref(), *size);
            match place {
                None => {}
                Some(Place::Number(skip)) => set_query(&mut outgoing.url, param.as_deref(), &skip.to_string()),
                Some(Place::Url(_) | Place::Token(_) | Place::Keys(_)) => return Err(PageError::Foreign),
            }
        }
        (_, None) => {}
        (Pages::LinkHeader | Pages::NextUrl { .. } | Pages::LinkRelation { .. }, Some(Place::Url(url))) => {
            outgoing.url = allowed(base, &outgoing.url, url)?;
        }
        (Pages::CursorToken { param, .. } | Pages::LastId { param, .. }, Some(Place::Token(token))) => {
            set_query(&mut outgoing.url, param.as_deref(), token);
        }
        // The request has read them.
        (Pages::Keyset { .. }, Some(Place::Keys(_))) => {}
        (Pages::GraphQl { variable, .. }, Some(Place::Token(token))) => {
            let Content::Json(body) = &mut outgoing.body else { return Err(PageError::Foreign) };
            body["variables"][variable.as_str()] = Value::String(token.clone());
        }
        (
            Pages::Single
            | Pages::LinkHeader
            | Pages::NextUrl { .. }
            | Pages::LinkRelation { .. }
            | Pages::CursorToken { .. }
            | Pages::GraphQl { .. }
            | Pages::LastId { .. }
            | Pages::Keyset { .. },
            Some(Place::Url(_) | Place::Token(_) | Place::Number(_) | Place::Keys(_)),
        ) => return Err(PageError::Foreign),
    }
    Ok(())
}

/// The place after `here`, or `None` at the end of the list. A page without records is the end, unless the vendor says how many
/// pages there are.
pub(crate) fn next(pages: &Pages, here: Option<&Place>, seen: &Seen<'_>) -> Result<Option<Place>, PageError> {
    let counted = matches!(pages, Pages::PageNumber { total: Some(Total::Pages(_)), .. });
    if seen.records.is_empty() && !counted {
        return Ok(None);
    }
    let count = seen.records.len() as u64;
    Ok(match pages {
        Pages::Single => None,
        Pages::LinkHeader => {
            let lines = seen.headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
            match lines.into_iter().find_map(|line| link::target(line, "next")) {
                None => None,
                Some(url) => Some(Place::Url(allowed(seen.base, seen.url, &url)?.to_string())),
            }
        }
        Pages::NextUrl { path } => match text_at(path, seen.body)? {
            None => None,
            Some(url) => Some(Place::Url(allowed(seen.base, seen.url, &url)?.to_string())),
        },
        Pages::LinkRelation { path, relation, name, href } => match linked(path, (relation, name, href), seen.body)? {
            None => None,
            Some(url) => Some(Place::Url(allowed(seen.base, seen.url, url)?.to_string())),
        },
        Pages::CursorToken { path, .. } => text_at(path, seen.body)?.map(Place::Token),
        Pages::GraphQl { page_info, .. } => {
            let missing = |reason| PageError::Value { path: page_info.as_str().to_owned(), reason };
            let info = page_info.first(seen.body).ok_or_else(|| missing("is missing"))?;
            match info.get("hasNextPage").and_then(Value::as_bool) {
                None => return Err(missing("has no hasNextPage; ask for it in the query")),
                Some(false) => None,
                Some(true) => {
                    let cursor = info.get("endCursor").and_then(Value::as_str).filter(|cursor| !cursor.is_empty());
                    Some(Place::Token(
                        cursor.ok_or_else(|| missing("has no endCursor; ask for it in the query"))?.to_owned(),
                    ))
                }
            }
        }
        Pages::PageNumber { start, size, total, .. } => {
            let (number, start, size) = (number_of(here, u64::from(*start))?, u64::from(*start), u64::from(*size));
            let read = number.saturating_sub(start) + 1;
            let ends = match total {
                None => count < size,
                Some(Total::Pages(path)) => read >= total_at(path, seen.body)?,
                // The last page holds exactly the rest; a vendor that gives fewer or more to a page than asked is read to the end.
                Some(Total::Records(path)) => {
                    total_at(path, seen.body)?.checked_sub((read - 1).saturating_mul(size)) == Some(count)
                        && count <= size
                }
            };
            (!ends).then(|| Place::Number(number + 1))
        }
        Pages::Offset { size, .. } => {
            let skipped = number_of(here, 0)?;
            (count >= u64::from(*size)).then(|| Place::Number(skipped + count))
        }
        Pages::Keyset { values, has_more } => match (has_more_at(has_more.as_deref(), seen.body)?, seen.records.last())
        {
            (true, Some(last)) => {
                let mut keys = Map::new();
                for (name, path) in values {
                    let missing =
                        || PageError::Value { path: path.as_str().to_owned(), reason: "is missing in the last record" };
                    let value = path.first(last).filter(|value| !value.is_null()).ok_or_else(missing)?;
                    keys.insert(name.clone(), value.clone());
                }
                Some(Place::Keys(keys))
            }
            (true, None) | (false, _) => None,
        },
        Pages::LastId { id, has_more, .. } => {
            match (has_more_at(has_more.as_deref(), seen.body)?, seen.records.last()) {
                (true, Some(last)) => Some(Place::Token(text_at(id, last)?.ok_or_else(|| PageError::Value {
                    path: id.as_str().to_owned(),
                    reason: "is missing in the last record",
                })?)),
                (true, None) | (false, _) => None,
            }
        }
    })
}

/// The address of the link with that relation.
fn linked<'b>(
    path: &Path,
    (relation, name, href): (&str, &str, &str),
    body: &'b Value,
) -> Result<Option<&'b str>, PageError> {
    let wrong = |reason| PageError::Value { path: path.as_str().to_owned(), reason };
    let links = match path.first(body) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(links)) => links,
        Some(_) => return Err(wrong("is not a list of links")),
    };
    let Some(link) = links.iter().find(|link| link.get(name).and_then(Value::as_str) == Some(relation)) else {
        return Ok(None);
    };
    link.get(href).and_then(Value::as_str).map(Some).ok_or_else(|| wrong("has a link without an address"))
}

/// A count, written as a number or as text.
fn total_at(path: &Path, body: &Value) -> Result<u64, PageError> {
    let wrong = |reason| PageError::Value { path: path.as_str().to_owned(), reason };
    let text = text_at(path, body)?.ok_or_else(|| wrong("is missing"))?;
    text.parse().map_err(|_| wrong("is not a whole number"))
}

/// Without a place to look at, only an empty page is the last.
fn has_more_at(path: Option<&Path>, body: &Value) -> Result<bool, PageError> {
    let Some(path) = path else { return Ok(true) };
    path.first(body)
        .and_then(Value::as_bool)
        .ok_or_else(|| PageError::Value { path: path.as_str().to_owned(), reason: "is not true or false" })
}

/// `{page}` of the request: null on the first page of schemes that count nothing.
pub(crate) fn value(pages: &Pages, place: Option<&Place>) -> Value {
    match (pages, place) {
        (Pages::PageNumber { start, .. }, None) => Value::from(*start),
        (Pages::Offset { .. }, None) => Value::from(0),
        (_, None | Some(Place::Url(_))) => Value::Null,
        (_, Some(Place::Number(number))) => Value::from(*number),
        (_, Some(Place::Token(token))) => Value::from(token.as_str()),
        (_, Some(Place::Keys(keys))) => Value::Object(keys.clone()),
    }
}

/// The page before this one, in schemes where records may slip from one page to the one before: `Some(None)` is the first.
pub(crate) fn before(pages: &Pages, here: Option<&Place>) -> Option<Option<Place>> {
    let Some(Place::Number(number)) = here else { return None };
    match pages {
        Pages::PageNumber { start, .. } => {
            let before = number.checked_sub(1).filter(|before| *before >= u64::from(*start))?;
            Some(Some(Place::Number(before)))
        }
        Pages::Offset { size, .. } => match number.saturating_sub(u64::from(*size)) {
            0 => Some(None),
            skip => Some(Some(Place::Number(skip))),
        },
        Pages::Single
        | Pages::LinkHeader
        | Pages::NextUrl { .. }
        | Pages::LinkRelation { .. }
        | Pages::CursorToken { .. }
        | Pages::GraphQl { .. }
        | Pages::LastId { .. }
        | Pages::Keyset { .. } => None,
    }
}

fn number_of(here: Option<&Place>, first: u64) -> Result<u64, PageError> {
    match here {
        None => Ok(first),
        Some(Place::Number(number)) => Ok(*number),
        Some(Place::Url(_) | Place::Token(_) | Place::Keys(_)) => Err(PageError::Foreign),
    }
}

/// Text or a number; absent, null and empty mean that there is no next page.
fn text_at(path: &Path, body: &Value) -> Result<Option<String>, PageError> {
    match path.first(body) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
            Err(PageError::Value { path: path.as_str().to_owned(), reason: "is neither text nor a number" })
        }
    }
}

/// An address that the vendor gave, resolved against the page's own; credentials go nowhere else.
pub(crate) fn allowed(base: &Base, page: &Url, given: &str) -> Result<Url, PageError> {
    let wrong =
        |reason| PageError::Url { url: super::mask::escape(given.split('?').next().unwrap_or_default(), 200), reason };
    let url = page.join(given).map_err(|_| wrong("is not an address"))?;
    if !base.reaches(&url) {
        return Err(wrong(
            "leads to another host; credentials are not sent there. If they are to be, add it to the connection's `allow_hosts`",
        ));
    }
    if !url.username().is_empty() || url.password().is_some() { Err(wrong("contains a user name")) } else { Ok(url) }
}

fn set_size(url: &mut Url, param: Option<&str>, size: u32) {
    if let Some(param) = param {
        set_query(url, Some(param), &size.to_string());
    }
}

/// Sets one query parameter, in place of one of the same name; without a name, the request has said it already.
fn set_query(url: &mut Url, param: Option<&str>, value: &str) {
    let Some(param) = param else { return };
    let prefix = format!("{}=", percent_encode(param));
    let pair = format!("{prefix}{}", percent_encode(value));
    let own = url.query().unwrap_or_default().to_owned();
    let kept = own.split('&').filter(|part| !part.is_empty() && !part.starts_with(&prefix));
    let query = kept.chain(std::iter::once(pair.as_str())).collect::<Vec<_>>().join("&");
    url.set_query(Some(&query));
}
