//! Reads a stream's payloads as the hub will: by its webhook rules, its list or its files, then by its mapping. Pure.
//!
//! Not here: what follows from it (`recipe`).

use serde_json::Value;

use crate::config::{Config, Connection, Flow};
use crate::connector::call::{IncomingOp, InterpretError, Interpreted};
use crate::connector::connection::Connection as Wired;
use crate::connector::manifest::{Fetch, FileRead, Stream};
use crate::mapping::{Filter, InContext, OutContext, Refs, Remote};
use crate::model::{Entity, ErrorClass, Extra, Record, schema};

use super::cast::{Way, unexploded};
use super::envelope::Envelope;
use super::files::FileWay;
use super::recipe::{Facts, Recipe};
use super::token::Tokens;
use crate::connector::webhook::sign::unsignable;

/// Reads payloads of one stream as the hub will.
pub(super) struct Reader<'r> {
    pub(super) copy: &'r Config,
    pub(super) connection: &'r Connection,
    pub(super) described: &'r Stream,
    pub(super) entity: Entity,
    pub(super) wired: &'r Wired,
}

impl Reader<'_> {
    /// Pushes before polls before files: what comes first is what the vendor does most.
    pub(super) fn way(&self, sample: &Value, tokens: Tokens) -> Result<(Way, Recipe), String> {
        let mut reason = "nothing brings its records: it has no webhook topic, no read, no file".to_owned();
        let unsignable = self.connection.manifest.webhooks.as_ref().and_then(|webhooks| unsignable(&webhooks.verify));
        for envelope in Envelope::all(&self.connection.manifest, self.described) {
            if let Some(unsignable) = unsignable {
                reason = format!("webhook {}: {unsignable}", envelope.topic);
                break;
            }
            match Recipe::find(sample, tokens, &|payload| self.pushed(&envelope, payload)) {
                Ok(recipe) => return Ok((Way::Webhook(envelope), recipe)),
                Err(found) => reason = format!("webhook {}: {found}", envelope.topic),
            }
        }
        if let Some(read) = self.described.http_read() {
            if read.as_webhook {
                return Err(reason);
            }
            let recipe = Recipe::find(sample, tokens, &|payload| self.listed(payload))
                .map_err(|found| format!("read: {found}"))?;
            return Ok((Way::Poll, recipe));
        }
        if let Some(read) = self.described.file_read() {
            return self.file(read, sample, tokens);
        }
        Err(reason)
    }

    /// How many of the stream's flows would carry this payload to its end.
    pub(super) fn flows_taking(&self, payload: &Value) -> usize {
        let Ok(record) = self.canonical(payload) else { return 0 };
        let own =
            |flow: &&Flow| flow.from.connection == *self.connection.name && flow.from.stream == *self.described.name;
        self.copy.flows.iter().filter(own).filter(|flow| self.goes_through(flow, &record)).count()
    }

    fn goes_through(&self, flow: &Flow, record: &Record) -> bool {
        let wanted = flow.when.as_ref().is_none_or(|when| {
            let filter = Filter::compile(self.entity, when.source());
            filter.is_ok_and(|filter| filter.matches(record).unwrap_or(false))
        });
        let Some(to) = self.copy.connection(&flow.to.connection) else { return false };
        let Some(mapping) = self.copy.mapping(&flow.to) else { return wanted };
        let settings = to.settings.masked();
        let mut refs = Refs::new();
        let named = schema(self.entity).fields.iter().filter_map(|field| record.refs(field.name).ok()).flatten();
        for (entity, key) in named {
            refs.insert(entity, key, Remote { id: Some("1".to_owned()), extra: Extra::new() });
        }
        let context = OutContext { refs: &refs, binding: None, settings: &settings };
        // What else it takes from what it refers to will be there by then.
        wanted && mapping.map_out(record, context).map_or_else(|error| error.class() == ErrorClass::NotFound, |_| true)
    }

    fn file(&self, read: &FileRead, sample: &Value, tokens: Tokens) -> Result<(Way, Recipe), String> {
        let way = FileWay::new(self.connection, self.described, read)?;
        let recipe = Recipe::find(sample, tokens, &|payload| {
            self.record(self.wired.interpret_row(&self.described.name, payload, &way.envelope(1)), None)
        })?;
        Ok((Way::File(Box::new(way)), recipe))
    }

    fn pushed(&self, envelope: &Envelope, payload: &Value) -> Result<Facts, String> {
        let now = jiff::Timestamp::now();
        let push = envelope.push(payload, "rehearsal", now, 1);
        let mut headers = http::HeaderMap::new();
        for (name, value) in &push.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), value.parse()) {
                headers.insert(name, value);
            }
        }
        let webhook = self.described.webhook.as_ref().ok_or("the stream has no webhook")?;
        let fetch = webhook.topic(&envelope.topic).and_then(|topic| topic.fetch).unwrap_or(webhook.fetch);
        let read_again = match fetch {
            Fetch::Always => true,
            Fetch::Never | Fetch::OnTie => false,
        };
        let found = self.wired.interpret(push.body.to_string().as_bytes(), &headers);
        self.record(found, read_again.then_some(payload))
    }

    pub(super) fn listed(&self, payload: &Value) -> Result<Facts, String> {
        let whole = unexploded(self.described, payload.clone());
        self.record(self.wired.interpret_record(&self.described.name, &whole), None)
    }

    /// `instead`: the record as it will be read again.
    fn record(&self, found: Result<Interpreted, InterpretError>, instead: Option<&Value>) -> Result<Facts, String> {
        let found = found.map_err(|error| error.to_string())?;
        let own = found.incoming.into_iter().find(|incoming| match incoming {
            Ok(incoming) => incoming.stream == *self.described.name && incoming.op == IncomingOp::Upsert,
            Err(_) => true,
        });
        let incoming = own.ok_or("it brings no record of this stream")?.map_err(|error| error.to_string())?;
        let record = self.canonical(instead.unwrap_or(&incoming.payload))?;
        let refs = schema(self.entity).fields.iter().filter_map(|field| record.refs(field.name).ok()).flatten();
        Ok(Facts {
            key: incoming.key,
            version: incoming.version.map(|version| format!("{version:?}")),
            occurred_at: incoming.occurred_at.map(|at| format!("{at:?}")),
            natural_key: record.natural_key(),
            name: schema(self.entity).natural_key.first().and_then(|name| record.root().get(name)?.to_plain_text()),
            refs: refs.collect(),
        })
    }

    fn canonical(&self, payload: &Value) -> Result<Record, String> {
        match self.connection.mapping_name(self.described) {
            None => Record::from_json(self.entity, payload).map_err(|error| error.to_string()),
            Some(name) => {
                let mapping = self.copy.mappings.get(&name).ok_or("the mapping is not there")?;
                let settings = self.connection.settings.masked();
                mapping.map_in(payload, InContext { settings: &settings }).map_err(|error| error.to_string())
            }
        }
    }
}
