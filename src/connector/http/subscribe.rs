//! The vendor's subscriptions: what it pushes and where to; restoring what is missing, renewing what ends.
//!
//! Not here: when to look (the watchdog).

use jiff::Timestamp;
use serde_json::Value;

use super::classify::Purpose;
use super::enrich::text_at;
use super::exchange::Terms;
use super::render;
use super::whole_list::WholeList;
use crate::connector::call::{CallResult, Subscribed, Subscription};
use crate::connector::connection::{Channel, Connection};
use crate::connector::manifest::{Expiry, Request, Subscriptions};
use crate::mapping::expr::{Path, Scope};
use crate::model::ErrorClass;

/// What the requests about one subscription see.
struct About<'a> {
    id: Option<&'a str>,
    url: &'a str,
    topics: &'a [String],
}

impl Connection {
    /// What the vendor pushes now.
    pub async fn subscriptions(&self) -> CallResult<Vec<Subscription>> {
        let (channel, described) = (self.channel("list subscriptions")?, self.described()?);
        let what = "list subscriptions";
        let list = WholeList {
            what,
            request: &described.list,
            records: described.records.as_deref(),
            pages: &described.pages,
            about: &[],
            absent_is_empty: false,
            second_look: true,
        };
        let records = self.list_to_end(channel, &list).await?;
        let refuse = |reason: String| channel.caller.local(what, ErrorClass::Data, reason);
        records.iter().map(|record| read(described, record).map_err(refuse)).collect()
    }

    /// Makes everything that streams name come to `url`: renews what ends soon or is not active, creates what is missing.
    /// What leads elsewhere is somebody else's and left alone.
    pub async fn ensure_subscriptions(&self, url: &str) -> CallResult<Subscribed> {
        let (channel, described) = (self.channel("subscribe")?, self.described()?);
        let wanted = self.wanted(channel, described)?;
        let existing = self.subscriptions().await?;
        let mut own: Vec<Subscription> = existing
            .into_iter()
            .filter(|one| one.url == url && one.topics.iter().any(|topic| wanted.contains(topic)))
            .collect();
        let mut renewed = Vec::new();
        for mut one in std::mem::take(&mut own) {
            if self.is_sound(described, &one) {
                own.push(one);
                continue;
            }
            let Some(renew) = &described.renew else { continue };
            let about = About { id: one.id.as_deref(), url, topics: &one.topics };
            match self.change(channel, described, renew, &about, "renew a subscription").await {
                Ok(()) => {
                    renewed.extend(one.topics.iter().filter(|topic| wanted.contains(topic)).cloned());
                    (one.active, one.ends) = (true, None);
                    own.push(one);
                }
                // It ended meanwhile: it is missing.
                Err(error) if error.class == ErrorClass::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let covered = |topic: &String| own.iter().any(|one| one.topics.contains(topic));
        let restored: Vec<String> = wanted.into_iter().filter(|topic| !covered(topic)).collect();
        if described.together() {
            self.restore_together(channel, described, url, &own, &restored).await?;
        } else {
            for topic in restored.chunks(1) {
                let about = About { id: None, url, topics: topic };
                self.change(channel, described, &described.create, &about, "subscribe").await?;
            }
        }
        Ok(Subscribed { restored, renewed })
    }

    async fn restore_together(
        &self,
        channel: &Channel,
        described: &Subscriptions,
        url: &str,
        own: &[Subscription],
        missing: &[String],
    ) -> CallResult<()> {
        if missing.is_empty() {
            return Ok(());
        }
        match (&described.update, own.first()) {
            (Some(update), Some(one)) => {
                let topics: Vec<String> = one.topics.iter().chain(missing).cloned().collect();
                let about = About { id: one.id.as_deref(), url, topics: &topics };
                self.change(channel, described, update, &about, "add to a subscription").await
            }
            (Some(_) | None, _) => {
                let about = About { id: None, url, topics: missing };
                self.change(channel, described, &described.create, &about, "subscribe").await
            }
        }
    }

    /// Every topic that a stream names, by the vendor's name for subscriptions, each once.
    fn wanted(&self, channel: &Channel, described: &Subscriptions) -> CallResult<Vec<String>> {
        let mut wanted: Vec<String> = Vec::new();
        let named = self.manifest.streams.iter().filter_map(|stream| stream.webhook.as_ref());
        for topic in named.flat_map(|webhook| &webhook.topics).map(|topic| &topic.name.value) {
            let name = match &described.name {
                None => topic.clone(),
                Some(name) => {
                    let topic = Value::from(topic.as_str());
                    let scope = Scope::new().with("settings", &self.settings).with("topic", &topic);
                    render::text("a subscription's name", name, &scope)
                        .map_err(|error| channel.caller.not_built("subscribe", &error))?
                }
            };
            if !wanted.contains(&name) {
                wanted.push(name);
            }
        }
        Ok(wanted)
    }

    fn is_sound(&self, described: &Subscriptions, one: &Subscription) -> bool {
        let lasts = match (&described.expires, one.ends) {
            (Some(expiry), Some(ends)) => {
                let ahead = jiff::SignedDuration::try_from(expiry.ahead).unwrap_or(jiff::SignedDuration::MAX);
                ends.duration_since(self.now()) > ahead
            }
            (Some(_) | None, _) => true,
        };
        one.active && lasts
    }

    /// The next look finds what became of it; a second subscription to the same address is refused or merged.
    async fn change(
        &self,
        channel: &Channel,
        described: &Subscriptions,
        request: &Request,
        about: &About<'_>,
        what: &str,
    ) -> CallResult<()> {
        let until = self.until(described).map_err(|reason| channel.caller.local(what, ErrorClass::Data, reason))?;
        let (id, url, topics) = (Value::from(about.id), Value::from(about.url), Value::from(about.topics));
        let topic = Value::from(about.topics.first().map(String::as_str));
        let scope = Scope::new().with("settings", &self.settings).with("topic", &topic).with("topics", &topics);
        let scope = scope.with("id", &id).with("url", &url).with("until", &until);
        let outgoing = render::render(&channel.base, request, &scope, &[])
            .map_err(|error| channel.caller.not_built(what, &error))?;
        let terms = Terms { needs_body: false, ..Terms::of(request, Purpose::Write { repeatable: true }) };
        channel.caller.call(&outgoing, terms).await.map(|_| ())
    }

    fn until(&self, described: &Subscriptions) -> Result<Value, String> {
        let Some(lives) = described.lives else { return Ok(Value::Null) };
        let until = self.now().checked_add(lives).map_err(|error| error.to_string())?;
        let until = Timestamp::from_second(until.as_second()).map_err(|error| error.to_string())?;
        match described.expires.as_ref().and_then(|expiry| expiry.time.as_ref()) {
            Some(time) => time.write(until),
            None => Ok(Value::String(until.to_string())),
        }
    }

    fn described(&self) -> CallResult<&Subscriptions> {
        let described = self.manifest.webhooks.as_ref().and_then(|webhooks| webhooks.subscriptions.as_ref());
        described
            .ok_or_else(|| self.misuse("subscriptions", "the connector does not describe how to see subscriptions"))
    }
}

fn read(described: &Subscriptions, record: &Value) -> Result<Subscription, String> {
    let nothing = |path: &Path| format!("a subscription has no text at `{}`", path.as_str());
    let topics = topics(&described.topic, record).ok_or_else(|| nothing(&described.topic))?;
    let url = described.url.first(record).and_then(Value::as_str).map(str::to_owned);
    let id = match &described.id {
        Some(path) => Some(text_at(path, record).ok_or_else(|| nothing(path))?),
        None => None,
    };
    let active = match &described.active {
        Some(active) => {
            let scope = Scope::new().with("subscription", record);
            active.eval_bool(&scope).map_err(|error| error.to_string())?
        }
        None => true,
    };
    let ends = described.expires.as_ref().map(|expiry| ends(expiry, record)).transpose()?.flatten();
    Ok(Subscription { topics, url: url.ok_or_else(|| nothing(&described.url))?, id, active, ends })
}

/// One text, a list of texts, or all texts on a path.
fn topics(path: &Path, record: &Value) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut whole = true;
    let reached = path.each(record, &mut |value: &Value| match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => {
            whole &= items.iter().all(Value::is_string);
            found.extend(items.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => whole = false,
    });
    (reached && whole).then_some(found)
}

/// `None`: it does not end.
fn ends(expiry: &Expiry, record: &Value) -> Result<Option<Timestamp>, String> {
    let Some(text) = text_at(&expiry.field, record) else { return Ok(None) };
    let read = match &expiry.time {
        // Of two instants that it may mean, the earlier one is on the safe side.
        Some(time) => time.read_text(&text).map(|moment| moment.earliest),
        None => text.parse::<Timestamp>().map_err(|error| error.to_string()),
    };
    read.map(Some).map_err(|reason| format!("a subscription's end at `{}`: {reason}", expiry.field.as_str()))
}
