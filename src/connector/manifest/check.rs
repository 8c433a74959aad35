//! What the shapes alone cannot tell: whether templates read things that exist, and whether the parts fit together.
//!
//! Not here: shapes and types (decoding), agreement with mappings (`config`).

use crate::config::yaml::{Context, Node, Place, Spanned, suggest};

use super::auth::OutgoingSignature;
use super::document::{Http, Manifest};
use super::errors::{ErrorRule, RuleClass};
use super::rate::RateScheme;
use super::references::{self, Reference};
use super::request::{Fields, Request};
use super::scope::{self, Scope};
use super::settings::{SettingFormat, SettingKind};
use super::verify::Verify;
use super::webhook::Webhooks;
use crate::mapping::expr::{Expression, Template};

/// Reports into `cx`. `node` is the document: parts that are written but could not be decoded do not count as absent.
pub(super) fn check(manifest: &Manifest, node: &Node, cx: &Context) {
    let checker = Checker { manifest, node, cx };
    checker.name();
    checker.defaults();
    if let Some(http) = &manifest.http {
        checker.http(http);
    }
    if let Some(process) = &manifest.process {
        checker.process(process);
    }
    if let Some(sql) = &manifest.sql {
        checker.sql(sql);
    }
    if let Some(check) = &manifest.check {
        checker.request(&check.request, scope::CHECK, &[]);
        checker.template(check.shows.as_ref(), scope::ANSWER);
        checker.needs_http(&check.request.place, "the check");
    }
    if let Some(webhooks) = &manifest.webhooks {
        checker.webhooks(webhooks);
    }
    for stream in &manifest.streams {
        checker.stream(stream);
    }
}

/// Checks of streams are in `check_stream`.
pub(super) struct Checker<'m> {
    pub(super) manifest: &'m Manifest,
    pub(super) node: &'m Node,
    cx: &'m Context,
}

impl Checker<'_> {
    pub(super) fn error(&self, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        self.cx.error(place.span, message, help);
    }

    fn name(&self) {
        for (kind, name) in std::iter::once(("connector", &self.manifest.name))
            .chain(self.manifest.streams.iter().map(|stream| ("stream", &stream.name)))
        {
            let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
            if name.is_empty()
                || name.len() > 40
                || !name.bytes().all(allowed)
                || !name.as_bytes()[0].is_ascii_lowercase()
            {
                let help = "lower-case letters, digits, `-` and `_`, starting with a letter, at most 40 characters";
                self.error(&name.place, format!("`{}` is not a {kind} name", name.escape_debug()), help);
            }
        }
    }

    /// A default may read what stands before it.
    fn defaults(&self) {
        let mut before: Vec<&str> = Vec::new();
        for setting in &self.manifest.settings {
            self.template(setting.default.as_ref(), scope::DEFAULT);
            for reference in setting.default.iter().flat_map(|default| references::of_template(default)) {
                let member = reference.member.as_deref().unwrap_or_default();
                if reference.root == "settings" && !before.contains(&member) && self.manifest.setting(member).is_some()
                {
                    let message = format!("the default reads setting `{member}`, which comes after it");
                    self.error(&setting.name.place, message, "move it up");
                }
            }
            before.push(&setting.name);
        }
    }

    pub(super) fn needs_http(&self, place: &Place, what: &str) {
        if self.node.get("http").is_none() {
            self.error(
                place,
                format!("{what} sends requests but the manifest has no `http` section"),
                "add `http:` with `base_url`",
            );
        }
    }

    fn http(&self, http: &Http) {
        self.template(Some(&http.base_url), scope::CONNECTION);
        self.base_url(&http.base_url);
        self.fields(&http.headers, scope::CREDENTIALS);
        self.auth(&http.auth);
        self.csrf_and_tls(http);
        if let RateScheme::Cost { left, maximum, restore, .. } = &http.rate_limit.scheme {
            [left, maximum, restore].into_iter().for_each(|place| self.template(place.as_ref(), scope::ANSWER));
        }
        if let Some(OutgoingSignature::StandardWebhooks { secrets, id }) = &http.signature {
            secrets.iter().for_each(|secret| self.template(Some(secret), scope::SIGNATURE));
            self.template(Some(id), scope::SIGNATURE);
        }
        self.error_rules(&http.errors);
        self.expression(http.success.as_ref(), scope::SUCCESS);
    }

    fn error_rules(&self, rules: &[ErrorRule]) {
        for rule in rules {
            self.expression(rule.when.as_ref(), scope::ERRORS);
            self.template(rule.message.as_ref(), scope::ERRORS);
            self.template(rule.retry_after.as_ref(), scope::ERRORS);
            if let RuleClass::ByCode { code, .. } = &rule.class {
                self.template(Some(code), scope::ERRORS);
            }
        }
    }

    /// A base URL is absolute: either it starts with a scheme, or with a setting that must be a URL.
    fn base_url(&self, url: &Spanned<Template>) {
        let text = url.as_str();
        let literal = text.starts_with("https://") || text.starts_with("http://");
        let from_setting = text.starts_with('{')
            && references::of_template(url).first().and_then(|reference| reference.member.as_deref()).is_some_and(
                |name| self.manifest.setting(name).is_none_or(|setting| setting.format() == Some(SettingFormat::Url)),
            );
        if !literal && !from_setting {
            let help = "start with https://, or with a setting of `format: url`";
            self.error(&url.place, "base_url is not an absolute URL", help);
        }
    }

    fn webhooks(&self, webhooks: &Webhooks) {
        webhooks.verify.secrets().iter().for_each(|secret| self.template(Some(secret), scope::CREDENTIALS));
        if let Verify::Certificate { signature, .. } = &webhooks.verify {
            self.template(signature.authority.as_ref(), scope::CREDENTIALS);
            self.template(Some(&signature.subject), scope::CERTIFICATE);
            if let Some(topic) = webhooks.topic.first() {
                self.needs_http(&topic.place, "the certificate's address");
            }
        }
        webhooks.topic.iter().for_each(|topic| self.template(Some(topic), scope::EVENT));
        webhooks.dedupe.iter().for_each(|id| self.template(Some(id), scope::EVENT));
        if let Some(ping) = &webhooks.ping {
            self.expression(Some(&ping.when), scope::PING);
            self.template(ping.echo.as_ref(), scope::PING);
        }
        if let Some(subscriptions) = &webhooks.subscriptions {
            self.request(&subscriptions.list, scope::SUBSCRIPTIONS, &[]);
            self.pages(&subscriptions.list, &subscriptions.pages);
            self.template(subscriptions.name.as_ref(), scope::SUBSCRIPTION_NAME);
            self.expression(subscriptions.active.as_ref(), scope::SUBSCRIBED);
            self.request(&subscriptions.create, scope::SUBSCRIBE, &[]);
            for later in [&subscriptions.update, &subscriptions.renew].into_iter().flatten() {
                self.request(later, scope::RESUBSCRIBE, &[]);
            }
            self.needs_http(&subscriptions.list.place, "the list of subscriptions");
        }
    }

    pub(super) fn request(&self, request: &Request, scope: Scope, steps: &[&str]) {
        self.template_with(Some(&request.path), scope, steps);
        for (_, value) in &request.query {
            self.template_with(Some(value), scope, steps);
        }
        let inner = Scope { secrets: true, ..scope };
        for (_, value) in &request.headers {
            self.template_with(Some(value), inner, steps);
        }
        self.expression(request.success.as_ref(), scope::SUCCESS);
        self.error_rules(&request.errors);
        for (references, place) in references::places_in_body(&request.body) {
            self.references(&references, place, inner, steps);
        }
    }

    pub(super) fn fields(&self, fields: &Fields, scope: Scope) {
        fields.iter().for_each(|(_, value)| self.template(Some(value), scope));
    }

    pub(super) fn template(&self, template: Option<&Spanned<Template>>, scope: Scope) {
        self.template_with(template, scope, &[]);
    }

    pub(super) fn template_with(&self, template: Option<&Spanned<Template>>, scope: Scope, steps: &[&str]) {
        if let Some(template) = template {
            self.references(&references::of_template(template), &template.place, scope, steps);
        }
    }

    pub(super) fn expression(&self, expression: Option<&Spanned<Expression>>, scope: Scope) {
        self.expression_with(expression, scope, &[]);
    }

    pub(super) fn expression_with(&self, expression: Option<&Spanned<Expression>>, scope: Scope, steps: &[&str]) {
        if let Some(expression) = expression {
            self.references(&references::of_expression(expression), &expression.place, scope, steps);
        }
    }

    pub(super) fn references(&self, references: &[Reference], place: &Place, scope: Scope, steps: &[&str]) {
        for reference in references {
            if !scope.roots.contains(&reference.root.as_str()) {
                let message = format!("`{}` does not exist in {}", reference.root, scope.what);
                self.error(place, message, suggest(&reference.root, scope.roots));
                continue;
            }
            match (reference.root.as_str(), reference.member.as_deref()) {
                ("settings", Some(name)) => self.setting(name, place, scope),
                ("steps", Some(name)) if !steps.contains(&name) => {
                    let message = format!("no earlier step is named `{name}`");
                    self.error(place, message, suggest(name, steps));
                }
                (_, _) => {}
            }
        }
    }

    fn setting(&self, name: &str, place: &Place, scope: Scope) {
        let declared: Vec<&str> = self
            .node
            .get("settings")
            .and_then(Node::entries)
            .unwrap_or_default()
            .iter()
            .map(|e| e.key.as_str())
            .collect();
        if !declared.contains(&name) {
            self.error(place, format!("no setting is named `{name}`"), suggest(name, &declared));
            return;
        }
        let Some(setting) = self.manifest.setting(name) else { return };
        if setting.secret && !scope.secrets {
            let help =
                "addresses and messages are logged; secrets belong into auth, headers, bodies, `verify` or `signature`";
            self.error(place, format!("secret setting `{name}` in {}", scope.what), help);
        }
        if scope.secrets && scope.what == scope::CREDENTIALS.what && matches!(setting.kind, SettingKind::Bool) {
            self.error(place, format!("setting `{name}` is a flag, not a credential"), "use a text setting");
        }
    }
}
