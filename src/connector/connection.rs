//! A configured instance of a connector: its manifest with settings, credentials, budget and secrets, ready for use.
//!
//! Not here: the single calls (`http::walk`, `http::write`, `http::subscribe` add them to this type), what webhooks say
//! (`webhook::interpret` does), files (`file`).

use std::sync::Arc;

use http::HeaderMap;
use jiff::Timestamp;
use reqwest::Url;
use secrecy::SecretString;
use serde_json::Value;
use thiserror::Error;

use super::call::{CallError, CallResult, CheckReport};
use super::http::auth::Credentials;
use super::http::budget::Priority;
use super::http::classify::Purpose;
use super::http::client::{Tap, Wire, WireFailure, WireLimits, WireTls};
use super::http::confirm::Accepted;
use super::http::csrf::CsrfSource;
use super::http::exchange::{Caller, Clock, Patience, Terms};
use super::http::guard::{Base, EgressPolicy, NameLookup, SystemLookup};
use super::http::mask::Mask;
use super::http::render::{self, RenderError};
use super::http::ruled::LastRule;
use super::http::usage;
use super::manifest::{Http, Manifest, SettingValues, Stream, Verify};
use super::token_store::{NoTokenStore, TokenStore};
use super::webhook::{Delivery, Refusal, SecretError, Verified, Verifier, Voucher};
use crate::config::yaml::Spanned;
use crate::mapping::expr::{Scope, Template};
use crate::model::ErrorClass;

/// A connection that cannot be used as configured.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConnectionError {
    #[error("connection `{connection}`: {error}")]
    Render { connection: String, error: Box<RenderError> },
    #[error("connection `{connection}`: the base address `{url}` {reason}")]
    BaseUrl { connection: String, url: String, reason: String },
    #[error("connection `{connection}`: webhooks cannot be verified: {error}")]
    WebhookSecrets { connection: String, error: SecretError },
    #[error("connection `{connection}`: {error}")]
    Client { connection: String, error: WireFailure },
}

/// What surrounds a connection.
#[derive(Clone)]
pub struct ConnectionOptions {
    pub egress: EgressPolicy,
    pub patience: Patience,
    /// A walk over more pages than this is a loop.
    pub max_pages: u32,
    pub clock: Clock,
    pub lookup: Arc<dyn NameLookup>,
    /// Where rotated tokens are kept.
    pub tokens: Arc<dyn TokenStore>,
    /// The client of a former connection of the same connector and settings, used again: making one costs more than a call.
    pub wire: Option<Wire>,
    /// Hears what goes over the wire: recordings, and their replay.
    pub tap: Option<Arc<dyn Tap>>,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            egress: EgressPolicy::default(),
            patience: Patience::default(),
            max_pages: 10_000,
            clock: Arc::new(Timestamp::now),
            lookup: Arc::new(SystemLookup),
            tokens: Arc::new(NoTokenStore),
            wire: None,
            tap: None,
        }
    }
}

/// One configured system. Cheap to share; everything that uses the system shares this value, and with it the rate budget.
pub struct Connection {
    pub(super) id: String,
    pub(super) manifest: Arc<Manifest>,
    pub(super) settings: Value,
    pub(super) max_pages: u32,
    clock: Clock,
    channel: Option<Channel>,
    pub(super) verifier: Option<Verifier>,
    /// Writes that were accepted and not confirmed yet.
    pub(super) accepted: Accepted,
}

/// The HTTP part of a connection.
pub(super) struct Channel {
    pub(super) base: Base,
    pub(super) caller: Caller,
}

impl Connection {
    /// Compiles what can be compiled once, and refuses settings with which nothing would work.
    /// A connector whose base address is not set can receive but makes no calls.
    pub fn new(
        id: impl Into<String>,
        manifest: Arc<Manifest>,
        settings: &SettingValues,
        options: ConnectionOptions,
    ) -> Result<Self, ConnectionError> {
        let id = id.into();
        let values = settings.expose();
        let verifier = verifier(&id, &manifest, &values)?;
        let (clock, max_pages) = (Arc::clone(&options.clock), options.max_pages);
        let channel = match &manifest.http {
            Some(http) => {
                let secrets = settings.secrets().cloned().collect();
                channel(&id, http, &values, secrets, certificate_hosts(&manifest), options)?
            }
            None => None,
        };
        Ok(Self { id, settings: values, max_pages, clock, channel, verifier, accepted: Accepted::default(), manifest })
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn manifest(&self) -> &Arc<Manifest> {
        &self.manifest
    }

    /// Whether a webhook came from who knows the secret. `None` where the connector describes no webhooks.
    pub fn verify(&self, delivery: &Delivery<'_>, now: Timestamp) -> Option<Result<Verified, Refusal>> {
        self.verifier.as_ref().map(|verifier| verifier.verify(delivery, now))
    }

    /// Proves that settings, network and rights are good. A person waits for the answer.
    pub async fn check(&self) -> CallResult<CheckReport> {
        let channel = self.channel("check")?;
        let Some(check) = &self.manifest.check else {
            return Err(channel.caller.local("check", ErrorClass::Data, "the connector describes no check"));
        };
        let scope = Scope::new().with("settings", &self.settings);
        let outgoing = render::render(&channel.base, &check.request, &scope, &[])
            .map_err(|error| channel.caller.not_built("check", &error))?;
        let terms = Terms {
            priority: Priority::Person,
            needs_body: check.shows.is_some(),
            ..Terms::of(&check.request, Purpose::Read)
        };
        let answer = channel.caller.call(&outgoing, terms).await?;
        let seen = Scope::new().with("body", &answer.body).with("headers", &answer.headers_json);
        let mut warnings = Vec::new();
        let shows = check.shows.as_ref().and_then(|shows| {
            shows
                .render(&seen)
                .map_err(|error| warnings.push(format!("the answer does not say who it is: {error}")))
                .ok()
        });
        let clock_skew_s = answer.server_time.map(|theirs| theirs.duration_since((self.clock)()).as_secs());
        if let Some(skew) = clock_skew_s.filter(|skew| skew.abs() > 60) {
            warnings.push(format!("the clocks differ by {skew} s; signed webhooks may look stale"));
        }
        let what = format!("{} {}", outgoing.method, outgoing.url.path());
        Ok(CheckReport { what, status: answer.status, latency: answer.latency, clock_skew_s, shows, warnings })
    }

    /// For `ConnectionOptions::wire` of the next one.
    pub fn wire(&self) -> Option<Wire> {
        self.channel.as_ref().map(|channel| channel.caller.wire.clone())
    }

    /// Every secret that the connection holds by now: those of its settings, what follows from them, tokens that it obtained.
    pub(crate) fn held_secrets(&self) -> Vec<SecretString> {
        self.channel.as_ref().map(|channel| channel.caller.mask.secrets()).unwrap_or_default()
    }

    /// How long automatic work would have to wait for the rate budget now; `None` if it need not.
    pub(crate) fn wait_for_work(&self) -> Option<std::time::Duration> {
        let caller = &self.channel.as_ref()?.caller;
        caller.budget.wait_for(Priority::Work, usage::default_cost(&caller.http.rate_limit))
    }

    /// Where its requests go.
    pub(crate) fn base_url(&self) -> Option<&Url> {
        self.channel.as_ref().map(|channel| &channel.base.url)
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub(super) fn channel(&self, what: &str) -> CallResult<&Channel> {
        self.channel.as_ref().ok_or_else(|| self.misuse(what, "the connection has no address to call"))
    }

    pub(super) fn stream(&self, what: &str, name: &str) -> CallResult<&Stream> {
        self.manifest.stream(name).ok_or_else(|| self.misuse(what, format!("the connector has no stream `{name}`")))
    }

    /// A call that the manifest does not describe: the configuration should have been refused.
    pub(super) fn misuse(&self, what: &str, message: impl Into<String>) -> Box<CallError> {
        Box::new(CallError {
            class: ErrorClass::Data,
            system: self.id.clone(),
            what: what.to_owned(),
            status: None,
            message: message.into(),
            next_step: "correct the flow or the connector's manifest".to_owned(),
            retry_after: None,
            sent: false,
            request_excerpt: String::new(),
            response_excerpt: String::new(),
        })
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Settings hold secrets.
        f.debug_struct("Connection")
            .field("id", &self.id)
            .field("connector", &*self.manifest.name)
            .finish_non_exhaustive()
    }
}

fn verifier(id: &str, manifest: &Manifest, settings: &Value) -> Result<Option<Verifier>, ConnectionError> {
    let Some(webhooks) = &manifest.webhooks else { return Ok(None) };
    let templates = webhooks.verify.secrets();
    let scope = Scope::new().with("settings", settings);
    let secrets =
        templates.iter().map(|secret| render::text("the webhook secret", secret, &scope).map(SecretString::from));
    let secrets = secrets.collect::<Result<Vec<_>, _>>();
    let secrets =
        secrets.map_err(|error| ConnectionError::Render { connection: id.to_owned(), error: Box::new(error) })?;
    let named = match &webhooks.verify {
        Verify::Certificate { signature, .. } => {
            let subject = render::text("the certificate's subject", &signature.subject, &scope);
            let authority = render::optional_text("the authority's certificate", signature.authority.as_ref(), &scope);
            subject.and_then(|subject| authority.map(|authority| (subject, authority)))
        }
        Verify::Hmac { .. }
        | Verify::StandardWebhooks { .. }
        | Verify::SharedSecret { .. }
        | Verify::Digest { .. }
        | Verify::SignedItems { .. }
        | Verify::PathSecret => Ok((String::new(), None)),
    };
    let (subject, authority) =
        named.map_err(|error| ConnectionError::Render { connection: id.to_owned(), error: Box::new(error) })?;
    let voucher = Voucher { subject: &subject, authority: authority.as_deref() };
    Verifier::with_certificates(&webhooks.verify, &secrets, voucher)
        .map(Some)
        .map_err(|error| ConnectionError::WebhookSecrets { connection: id.to_owned(), error })
}

/// Where certificates of deliveries are taken from. They are called without credentials.
fn certificate_hosts(manifest: &Manifest) -> &[String] {
    match manifest.webhooks.as_ref().map(|webhooks| &webhooks.verify) {
        Some(Verify::Certificate { signature, .. }) => &signature.hosts,
        Some(
            Verify::Hmac { .. }
            | Verify::StandardWebhooks { .. }
            | Verify::SharedSecret { .. }
            | Verify::Digest { .. }
            | Verify::SignedItems { .. }
            | Verify::PathSecret,
        )
        | None => &[],
    }
}

fn channel(
    id: &str,
    http: &Http,
    settings: &Value,
    secrets: Vec<SecretString>,
    vouchers: &[String],
    options: ConnectionOptions,
) -> Result<Option<Channel>, ConnectionError> {
    let scope = Scope::new().with("settings", settings);
    let render_error = |error| ConnectionError::Render { connection: id.to_owned(), error: Box::new(error) };
    let text = render::text("the base address", &http.base_url, &scope).map_err(render_error)?;
    if text.is_empty() {
        return Ok(None);
    }
    let bad = |reason: String| ConnectionError::BaseUrl { connection: id.to_owned(), url: text.clone(), reason };
    let base = Url::parse(&text).map_err(|error| bad(format!("is not an absolute URL: {error}")))?;
    let mut egress = options.egress;
    let listed = egress.hosts.take().unwrap_or_default();
    // The port was written down by whoever configured the connection; only what vendors send us is held to 443.
    if let (true, Some(port)) = (base.scheme() == "https", base.port()) {
        egress.ports.push(port);
    }
    egress.check(&base).map_err(|blocked| bad(blocked.to_string()))?;
    let limits =
        WireLimits { connect: http.timeouts.connect, exchange: http.timeouts.request, body_bytes: http.body_cap.bytes };
    let tls = wire_tls(http, &scope).map_err(render_error)?;
    let base = Base { url: base, hosts: listed };
    let mut headers = HeaderMap::new();
    render::add_headers(&mut headers, &http.headers, &scope).map_err(render_error)?;
    let credentials = Credentials::new(&http.auth, settings, &base, &headers).map_err(render_error)?;
    let csrf =
        http.csrf.as_ref().map(|csrf| CsrfSource::new(csrf, &base, settings)).transpose().map_err(render_error)?;
    // What the configuration itself names may be called, and what it lists; never what only a vendor says.
    let own = [base.url.host_str(), credentials.host(), csrf.as_ref().and_then(CsrfSource::host)];
    let own = own.into_iter().flatten().map(str::to_owned);
    egress.hosts = Some(own.chain(vouchers.iter().chain(&base.hosts).cloned()).collect());
    let wire = match options.wire {
        Some(wire) => wire,
        None => Wire::new(egress, limits, options.lookup, &tls)
            .map_err(|error| ConnectionError::Client { connection: id.to_owned(), error })?,
    };
    let wire = match options.tap {
        Some(tap) => wire.tapped(tap),
        None => wire,
    };
    let caller = Caller {
        system: id.to_owned(),
        mask: Mask::new(secrets.into_iter().chain(credentials.derived_secrets())),
        wire,
        credentials,
        csrf,
        tokens: options.tokens,
        headers,
        budget: Arc::new(usage::budget(&http.rate_limit)),
        patience: options.patience,
        clock: options.clock,
        last_rule: LastRule::default(),
        http: http.clone(),
    };
    Ok(Some(Channel { base, caller }))
}

/// Certificate and key make one text; line breaks may be written as `\n`.
fn wire_tls(http: &Http, scope: &Scope<'_>) -> Result<WireTls, RenderError> {
    let Some(tls) = &http.tls else { return Ok(WireTls::default()) };
    let pem = |what, template: &Option<Spanned<Template>>| {
        let text = render::optional_text(what, template.as_ref(), scope)?;
        Ok(text.map(|text| text.replace("\\n", "\n")))
    };
    let (certificate, key) = (pem("the client certificate", &tls.certificate)?, pem("the client key", &tls.key)?);
    let identity = certificate.zip(key).map(|(certificate, key)| SecretString::from(format!("{certificate}\n{key}\n")));
    Ok(WireTls { identity, authorities: pem("the authority's certificate", &tls.authority)? })
}
