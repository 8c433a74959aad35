//! The vendor's subscriptions: what it pushes and where to, and restoring what is missing.
//!
//! Not here: when to look (the watchdog).

use serde_json::Value;

use super::classify::Purpose;
use super::exchange::Terms;
use super::render;
use super::walk::{list_at, terms};
use crate::connector::call::{CallResult, Subscription};
use crate::connector::connection::Connection;
use crate::connector::manifest::Subscriptions;
use crate::mapping::expr::Scope;
use crate::model::ErrorClass;

impl Connection {
    /// What the vendor pushes now.
    pub async fn subscriptions(&self) -> CallResult<Vec<Subscription>> {
        let (channel, described) = (self.channel("list subscriptions")?, self.described()?);
        let scope = Scope::new().with("settings", &self.settings);
        let outgoing = render::render(&channel.base, &described.list, &scope, &[])
            .map_err(|error| channel.caller.not_built("list subscriptions", &error))?;
        let answer = channel.caller.call(&outgoing, terms(&described.list)).await?;
        let refuse = |reason: String| channel.caller.misshapen(&outgoing, &answer, ErrorClass::Data, reason);
        let records = list_at(described.records.as_deref(), &answer.body).map_err(&refuse)?;
        let text = |path: &crate::mapping::expr::Path, record: &Value| {
            let found = path.first(record).and_then(Value::as_str).map(str::to_owned);
            found.ok_or_else(|| refuse(format!("a subscription has no text at `{}`", path.as_str())))
        };
        let read =
            |record| Ok(Subscription { topic: text(&described.topic, record)?, url: text(&described.url, record)? });
        records.iter().map(read).collect()
    }

    /// Creates what is missing for `url`: one subscription for every topic that a stream names. Says which were missing.
    pub async fn ensure_subscriptions(&self, url: &str) -> CallResult<Vec<String>> {
        let (channel, described) = (self.channel("subscribe")?, self.described()?);
        let existing = self.subscriptions().await?;
        let mut missing: Vec<String> = Vec::new();
        let named = self.manifest.streams.iter().filter_map(|stream| stream.webhook.as_ref());
        for topic in named.flat_map(|webhook| &webhook.topics).map(|topic| &topic.name.value) {
            let there = existing.iter().any(|known| known.topic == *topic && known.url == url);
            if !there && !missing.contains(topic) {
                missing.push(topic.clone());
            }
        }
        let address = Value::from(url);
        for topic in &missing {
            let topic = Value::from(topic.as_str());
            let scope = Scope::new().with("settings", &self.settings).with("topic", &topic).with("url", &address);
            let outgoing = render::render(&channel.base, &described.create, &scope, &[])
                .map_err(|error| channel.caller.not_built("subscribe", &error))?;
            // The next look finds what became of it; a second subscription to the same address is refused or merged.
            let purpose = Purpose::Write { repeatable: true };
            let terms = Terms { needs_body: false, ..Terms::of(&described.create, purpose) };
            channel.caller.call(&outgoing, terms).await?;
        }
        Ok(missing)
    }

    fn described(&self) -> CallResult<&Subscriptions> {
        let described = self.manifest.webhooks.as_ref().and_then(|webhooks| webhooks.subscriptions.as_ref());
        described
            .ok_or_else(|| self.misuse("subscriptions", "the connector does not describe how to see subscriptions"))
    }
}
