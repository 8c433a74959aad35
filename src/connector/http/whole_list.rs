//! Reading a list to its end within one call, page by page.
//!
//! Not here: lists with a cursor, which are walked over many calls (`walk`).

use serde_json::Value;

use super::exchange::Answered;
use super::pages::{self, Place, Seen};
use super::render::{self, Outgoing};
use super::walk::{list_at, terms};
use crate::connector::call::CallResult;
use crate::connector::connection::{Channel, Connection};
use crate::connector::manifest::{ListPath, Pages, Request};
use crate::mapping::expr::Scope;
use crate::model::ErrorClass;

/// A list that is longer than this goes in circles.
const MAX_PAGES: usize = 1_000;

pub(super) struct WholeList<'a> {
    pub(super) what: &'a str,
    pub(super) request: &'a Request,
    pub(super) records: Option<&'a ListPath>,
    pub(super) pages: &'a Pages,
    /// What the request sees besides `settings` and `page`.
    pub(super) about: &'a [(&'static str, &'a Value)],
    /// A 404 to the first page says that there are none.
    pub(super) absent_is_empty: bool,
    /// Each counted page is followed by a second look at the one before: what slips there, since another one left the list, is
    /// not lost.
    pub(super) second_look: bool,
}

impl Connection {
    pub(super) async fn list_to_end(&self, channel: &Channel, list: &WholeList<'_>) -> CallResult<Vec<Value>> {
        let (mut all, mut previous, mut place): (Vec<Value>, Vec<Value>, Option<Place>) =
            (Vec::new(), Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let (outgoing, answer) = match self.one_page(channel, list, place.as_ref()).await {
                Ok(asked) => asked,
                Err(error) if list.absent_is_empty && error.class == ErrorClass::NotFound && place.is_none() => {
                    return Ok(Vec::new());
                }
                Err(error) => return Err(error),
            };
            let failed = |reason: String| channel.caller.misshapen(&outgoing, &answer, ErrorClass::Data, reason);
            let records = list_at(list.records, &answer.body).map_err(&failed)?;
            let seen = Seen {
                headers: &answer.headers,
                body: &answer.body,
                records: &records,
                url: &outgoing.url,
                base: &channel.base,
            };
            let next = pages::next(list.pages, place.as_ref(), &seen).map_err(|error| failed(error.to_string()))?;
            let next = next.map(|next| channel.caller.credentials.strip(next));
            if next.is_some() && next == place {
                return Err(failed("the list leads back to the same page".to_owned()));
            }
            if next.is_some() && !records.is_empty() && records == previous {
                return Err(failed("the vendor sent the same page twice; it may ignore the page parameter".to_owned()));
            }
            if let Some(before) = pages::before(list.pages, place.as_ref()).filter(|_| list.second_look) {
                let (outgoing, answer) = self.one_page(channel, list, before.as_ref()).await?;
                let again = list_at(list.records, &answer.body)
                    .map_err(|reason| channel.caller.misshapen(&outgoing, &answer, ErrorClass::Data, reason))?;
                all.extend(again.into_iter().filter(|record| !previous.contains(record) && !records.contains(record)));
            }
            all.extend(records.iter().cloned());
            previous = records;
            match next {
                None => return Ok(all),
                Some(_) => place = next,
            }
        }
        Err(channel.caller.local(list.what, ErrorClass::Data, format!("the list goes on after {MAX_PAGES} pages")))
    }

    async fn one_page(
        &self,
        channel: &Channel,
        list: &WholeList<'_>,
        place: Option<&Place>,
    ) -> CallResult<(Outgoing, Answered)> {
        let page = pages::value(list.pages, place);
        let without: &[&str] = if page.is_null() { &["page"] } else { &[] };
        let scope = Scope::new().with("settings", &self.settings).with("page", &page);
        let scope = list.about.iter().fold(scope, |scope, (name, value)| scope.with(name, value));
        let mut outgoing = render::render(&channel.base, list.request, &scope, without)
            .map_err(|error| channel.caller.not_built(list.what, &error))?;
        pages::ask(list.pages, &channel.base, &mut outgoing, place)
            .map_err(|error| channel.caller.error(&outgoing, ErrorClass::Data, error.to_string()))?;
        let answer = channel.caller.call(&outgoing, terms(list.request)).await?;
        Ok((outgoing, answer))
    }
}
