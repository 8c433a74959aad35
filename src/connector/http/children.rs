//! Completing records with what belongs to them and is read by requests of its own, parent by parent.
//!
//! Not here: which records there are (`walk`), joins by ids in batches (`enrich`).

use serde_json::Value;

use super::pages::{self, Place, Seen};
use super::render;
use super::walk::{list_at, terms};
use crate::connector::call::CallResult;
use crate::connector::connection::{Channel, Connection};
use crate::connector::manifest::{Children, Stream};
use crate::mapping::expr::Scope;
use crate::model::ErrorClass;

/// A parent with more pages of children than this is a list that goes in circles.
const MAX_PAGES: usize = 1_000;

impl Connection {
    /// Everything that the list leaves out: joined by ids, then read parent by parent.
    pub(super) async fn whole(&self, channel: &Channel, stream: &Stream, records: &mut [Value]) -> CallResult<()> {
        if let Some(enrich) = &stream.enrich {
            self.complete(channel, enrich, records).await?;
        }
        for children in &stream.children {
            for parent in records.iter_mut() {
                let found = self.children_of(channel, children, parent).await?;
                if let Value::Object(fields) = parent {
                    fields.insert(children.as_field.clone(), Value::Array(found));
                }
            }
        }
        Ok(())
    }

    async fn children_of(&self, channel: &Channel, children: &Children, parent: &Value) -> CallResult<Vec<Value>> {
        let what = format!("children `{}`", children.as_field);
        if let Some(when) = &children.when {
            let holds = when.eval_bool(&Scope::new().with("parent", parent));
            let holds = holds.map_err(|error| channel.caller.local(&what, ErrorClass::Data, error.to_string()))?;
            if !holds {
                return Ok(Vec::new());
            }
        }
        let (mut all, mut place): (Vec<Value>, Option<Place>) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let page = pages::value(&children.pages, place.as_ref());
            let without: &[&str] = if page.is_null() { &["page"] } else { &[] };
            let scope = Scope::new().with("settings", &self.settings).with("parent", parent).with("page", &page);
            let mut outgoing = render::render(&channel.base, &children.request, &scope, without)
                .map_err(|error| channel.caller.not_built(&what, &error))?;
            pages::ask(&children.pages, &channel.base, &mut outgoing, place.as_ref())
                .map_err(|error| channel.caller.error(&outgoing, ErrorClass::Data, error.to_string()))?;
            let answer = match channel.caller.call(&outgoing, terms(&children.request)).await {
                Ok(answer) => answer,
                // The parent has gone between its list and its children; its own absence is told elsewhere.
                Err(error) if error.class == ErrorClass::NotFound && place.is_none() => return Ok(Vec::new()),
                Err(error) => return Err(error),
            };
            let failed = |reason: String| channel.caller.misshapen(&outgoing, &answer, ErrorClass::Data, reason);
            let records = list_at(children.records.as_deref(), &answer.body).map_err(&failed)?;
            let seen = Seen {
                headers: &answer.headers,
                body: &answer.body,
                records: &records,
                url: &outgoing.url,
                base: &channel.base,
            };
            let next =
                pages::next(&children.pages, place.as_ref(), &seen).map_err(|error| failed(error.to_string()))?;
            let next = next.map(|next| channel.caller.credentials.strip(next));
            if next.is_some() && next == place {
                return Err(failed("the list of children leads back to the same page".to_owned()));
            }
            all.extend(records);
            match next {
                None => return Ok(all),
                Some(_) => place = next,
            }
        }
        Err(channel.caller.local(&what, ErrorClass::Data, format!("the list goes on after {MAX_PAGES} pages")))
    }
}
