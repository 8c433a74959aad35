//! What the shapes alone cannot tell: whether templates read things that exist, and whether the parts fit together.
//!
//! Not here: shapes and types (decoding), agreement with mappings (`config`).

use crate::config::yaml::{Context, Node, Place, Spanned, suggest};

use super::auth::{Auth, OutgoingSignature};
use super::document::{Http, Manifest};
use super::read::{CursorKind, Get, HttpRead};
use super::references::{self, Reference};
use super::request::{Fields, Request};
use super::scope::{self, Scope};
use super::settings::{SettingFormat, SettingKind};
use super::stream::{Read, Stream, VersionKind, Write};
use super::verify::Verify;
use super::webhook::{Fetch, StreamWebhook, Webhooks};
use super::write::{Idempotency, OpKind, Operation, StepSource};
use crate::mapping::expr::{Expression, Template};

/// Reports into `cx`. `node` is the document: parts that are written but could not be decoded do not count as absent.
pub(super) fn check(manifest: &Manifest, node: &Node, cx: &Context) {
    let checker = Checker { manifest, node, cx };
    checker.name();
    checker.defaults();
    if let Some(http) = &manifest.http {
        checker.http(http);
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

struct Checker<'m> {
    manifest: &'m Manifest,
    node: &'m Node,
    cx: &'m Context,
}

impl Checker<'_> {
    fn error(&self, place: &Place, message: impl Into<String>, help: impl Into<String>) {
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

    fn needs_http(&self, place: &Place, what: &str) {
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
        match &http.auth {
            Auth::None => {}
            Auth::Header { value, .. } | Auth::Query { value, .. } => self.template(Some(value), scope::CREDENTIALS),
            Auth::Basic { username, password } => {
                self.template(Some(username), scope::CREDENTIALS);
                self.template(Some(password), scope::CREDENTIALS);
            }
            Auth::Bearer { token } => self.template(Some(token), scope::CREDENTIALS),
            Auth::OAuth2ClientCredentials { token_url, client_id, client_secret, extra, .. } => {
                self.template(Some(token_url), scope::CONNECTION);
                self.template(Some(client_id), scope::CREDENTIALS);
                self.template(Some(client_secret), scope::CREDENTIALS);
                self.fields(extra, scope::CREDENTIALS);
            }
        }
        if let Some(OutgoingSignature::StandardWebhooks { secrets, id }) = &http.signature {
            secrets.iter().for_each(|secret| self.template(Some(secret), scope::SIGNATURE));
            self.template(Some(id), scope::SIGNATURE);
        }
        for rule in &http.errors {
            self.expression(rule.when.as_ref(), scope::ERRORS);
            self.template(rule.message.as_ref(), scope::ERRORS);
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
        match &webhooks.verify {
            Verify::Hmac { secrets, .. }
            | Verify::StandardWebhooks { secrets }
            | Verify::SharedSecret { secrets, .. } => {
                secrets.iter().for_each(|secret| self.template(Some(secret), scope::CREDENTIALS));
            }
            Verify::PathSecret => {}
        }
        webhooks.topic.iter().for_each(|topic| self.template(Some(topic), scope::EVENT));
        webhooks.dedupe.iter().for_each(|id| self.template(Some(id), scope::EVENT));
        if let Some(ping) = &webhooks.ping {
            self.expression(Some(&ping.when), scope::EVENT);
        }
        if let Some(subscriptions) = &webhooks.subscriptions {
            self.request(&subscriptions.list, scope::SUBSCRIPTIONS, &[]);
            self.request(&subscriptions.create, scope::SUBSCRIBE, &[]);
            self.needs_http(&subscriptions.list.place, "the list of subscriptions");
        }
    }

    fn stream(&self, stream: &Stream) {
        let pushed_only = stream.get.is_none()
            && stream.http_read().is_none_or(|read| read.as_webhook)
            && stream.file_read().is_none();
        let scope = if pushed_only { scope::TOPIC } else { scope::RECORD };
        self.template(stream.key.as_ref(), scope);
        self.template(stream.version.value.as_ref(), scope);
        self.template(stream.occurred_at.as_ref(), scope);
        if let Some(enrich) = &stream.enrich {
            self.request(&enrich.request, scope::ENRICH, &[]);
            self.needs_http(&enrich.request.place, "enrich");
            if !references::places_in_request(&enrich.request).iter().any(|(reference, _)| reference.root == "ids") {
                self.error(
                    &enrich.request.place,
                    "enrich does not use `{ids}`",
                    "put `{ids}` into the query: the ids joined by commas",
                );
            }
        }
        match &stream.read {
            Some(Read::Http(read)) => self.http_read(stream, read),
            Some(Read::File(read)) => self.template(Some(&read.folder), scope::FOLDER),
            None => {}
        }
        if let Some(Get { request, .. }) = &stream.get {
            self.request(request, scope::GET, &[]);
            self.needs_http(&request.place, "get");
            let used = references::places_in_request(request);
            if !used.iter().any(|(reference, _)| reference.root == "key") {
                self.error(&request.place, "get does not use `{key}`", "it would read the same record for every key");
            }
        }
        if let Some(webhook) = &stream.webhook {
            self.stream_webhook(stream, webhook);
        }
        match &stream.write {
            Some(Write::Http(write)) => {
                if write.operations.is_empty() {
                    let help = "add create, update, upsert, set or delete";
                    self.error(
                        &stream.name.place,
                        format!("write of stream `{}` has no operation", *stream.name),
                        help,
                    );
                }
                write.operations.iter().for_each(|operation| self.operation(operation));
            }
            Some(Write::File(write)) => {
                self.template(Some(&write.folder), scope::FOLDER);
                self.template(Some(&write.name), scope::FILE_NAME);
                if !references::of_template(&write.name).iter().any(|reference| reference.root == "batch") {
                    let help = "use `{batch.sequence}` or `{batch.time}` so that no batch overwrites another";
                    self.error(&write.name.place, "every batch would have the same file name", help);
                }
            }
            None => {}
        }
    }

    fn http_read(&self, stream: &Stream, read: &HttpRead) {
        self.request(&read.request, scope::READ, &[]);
        self.template(read.cursor.start.as_ref(), scope::START);
        self.needs_http(&read.request.place, "read");
        let uses_cursor =
            references::places_in_request(&read.request).iter().any(|(reference, _)| reference.root == "cursor");
        match (read.cursor.kind, uses_cursor) {
            (CursorKind::Snapshot, true) => {
                let help = "remove `{cursor}` from the request, or choose another cursor kind";
                self.error(&read.request.place, "a snapshot has no cursor to send", help);
            }
            (CursorKind::Time | CursorKind::Unix | CursorKind::Id | CursorKind::Token, false) => {
                let help = "put `{cursor}` into the query, or use `cursor: { kind: snapshot }`";
                self.error(
                    &read.request.place,
                    "the request does not send the cursor, so every read would be complete",
                    help,
                );
            }
            (CursorKind::Snapshot, false)
            | (CursorKind::Time | CursorKind::Unix | CursorKind::Id | CursorKind::Token, true) => {}
        }
        if read.as_webhook && stream.webhook.is_none() && !self.written(stream, "webhook") {
            self.error(
                &stream.name.place,
                "read `as_webhook` needs the stream's `webhook` rules",
                "add `webhook:` with topics and record",
            );
        }
    }

    fn stream_webhook(&self, stream: &Stream, webhook: &StreamWebhook) {
        if self.node.get("webhooks").is_none() {
            let help = "add `webhooks:` with verify and topic at the top level";
            self.error(
                &stream.name.place,
                format!("stream `{}` names topics but the manifest has no `webhooks`", *stream.name),
                help,
            );
        }
        for topic in &webhook.topics {
            self.template(topic.key.as_ref(), scope::TOPIC);
            self.expression(topic.when.as_ref(), scope::TOPIC);
        }
        let fetches = |fetch: Fetch| !matches!(fetch, Fetch::Never);
        let fetched = fetches(webhook.fetch) || webhook.topics.iter().any(|topic| topic.fetch.is_some_and(fetches));
        if fetched && stream.get.is_none() && !self.written(stream, "get") {
            self.error(
                &stream.name.place,
                format!("stream `{}` fetches what is pushed but has no `get`", *stream.name),
                "add `get:`",
            );
        }
        let believed = webhook.topics.iter().any(|topic| topic.fetch.unwrap_or(webhook.fetch) == Fetch::Never);
        let unsigned =
            self.manifest.webhooks.as_ref().is_some_and(|webhooks| matches!(webhooks.verify, Verify::PathSecret));
        if believed && unsigned {
            let help = "set `fetch: always`, so that the content is read from the vendor instead";
            self.error(
                &stream.name.place,
                format!("stream `{}` believes pushes that nobody signed", *stream.name),
                help,
            );
        }
        if believed && stream.version.kind == VersionKind::None {
            let help = "state `version`, or set `fetch: always`";
            self.error(
                &stream.name.place,
                format!("stream `{}` cannot order its pushes: no version", *stream.name),
                help,
            );
        }
    }

    /// Whether the part is in the file, decoded or not.
    fn written(&self, stream: &Stream, part: &str) -> bool {
        let node = self.node.get("streams").and_then(|streams| streams.get(&stream.name));
        node.and_then(|node| node.get(part)).is_some()
    }

    fn operation(&self, operation: &Operation) {
        self.needs_http(&operation.request.place, "write");
        let mut known: Vec<&str> = Vec::new();
        for step in &operation.steps {
            match &step.source {
                StepSource::Request { request, .. } => self.request(request, scope::WRITE, &known),
                StepSource::Stored { stream, key } => {
                    self.template_with(Some(key), scope::WRITE, &known);
                    self.stored_stream(stream);
                }
            }
            known.push(&step.name);
            self.expression_with(step.expect.as_ref(), scope::WRITE, &known);
            self.template_with(step.message.as_ref(), scope::WRITE, &known);
        }
        self.request(&operation.request, scope::WRITE, &known);
        self.template(operation.response.id.as_ref(), scope::RESPONSE);
        self.template(operation.response.version.as_ref(), scope::RESPONSE);
        match &operation.idempotency {
            Idempotency::Header { value, .. } => self.template_with(Some(value), scope::WRITE, &known),
            Idempotency::Lookup { request, matches, .. } => {
                self.request(request, scope::WRITE, &known);
                self.expression_with(matches.as_ref(), scope::MATCHES, &known);
            }
            Idempotency::Natural => {}
        }
        let addressed = references::places_in_request(&operation.request)
            .iter()
            .any(|(r, _)| matches!(r.root.as_str(), "key" | "record" | "steps"));
        if matches!(operation.kind, OpKind::Update | OpKind::Delete) && !addressed {
            self.error(
                &operation.request.place,
                "the request does not say which object it changes",
                "use `{key}` in the path",
            );
        }
    }

    fn stored_stream(&self, name: &Spanned<String>) {
        let declared: Vec<&str> = self.manifest.streams.iter().map(|stream| stream.name.as_str()).collect();
        match self.manifest.stream(name) {
            Some(stream) if !stream.is_source() => {
                self.error(
                    &name.place,
                    format!("stream `{}` brings no records to look into", **name),
                    "name a stream with `read`",
                );
            }
            Some(_) => {}
            None if self.node.get("streams").and_then(|streams| streams.get(name)).is_some() => {}
            None => self.error(&name.place, format!("no stream is named `{}`", **name), suggest(name, &declared)),
        }
    }

    fn request(&self, request: &Request, scope: Scope, steps: &[&str]) {
        self.template_with(Some(&request.path), scope, steps);
        for (_, value) in &request.query {
            self.template_with(Some(value), scope, steps);
        }
        let inner = Scope { secrets: true, ..scope };
        for (_, value) in &request.headers {
            self.template_with(Some(value), inner, steps);
        }
        for (references, place) in references::places_in_body(&request.body) {
            self.references(&references, place, inner, steps);
        }
    }

    fn fields(&self, fields: &Fields, scope: Scope) {
        fields.iter().for_each(|(_, value)| self.template(Some(value), scope));
    }

    fn template(&self, template: Option<&Spanned<Template>>, scope: Scope) {
        self.template_with(template, scope, &[]);
    }

    fn template_with(&self, template: Option<&Spanned<Template>>, scope: Scope, steps: &[&str]) {
        if let Some(template) = template {
            self.references(&references::of_template(template), &template.place, scope, steps);
        }
    }

    fn expression(&self, expression: Option<&Spanned<Expression>>, scope: Scope) {
        self.expression_with(expression, scope, &[]);
    }

    fn expression_with(&self, expression: Option<&Spanned<Expression>>, scope: Scope, steps: &[&str]) {
        if let Some(expression) = expression {
            self.references(&references::of_expression(expression), &expression.place, scope, steps);
        }
    }

    fn references(&self, references: &[Reference], place: &Place, scope: Scope, steps: &[&str]) {
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
