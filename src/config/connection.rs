//! A connection: one configured instance of a connector.
//!
//! Not here: what its settings mean (the connector's manifest declares them).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::connector::file::sftp::SftpSpec;
use crate::connector::manifest::{Manifest, RateLimit, SettingProblem, SettingValues, Stream, Verify, Write};
use crate::connector::process::missing_command;
use crate::connector::registry::Registry;

use super::document::connector_folder;
use super::network::{Host, Network};
use super::yaml::{Context, Decode, Diagnostic, Diagnostics, Entry, Kind, Node, Place, Spanned, closest, suggest};

#[derive(Debug, Clone)]
pub struct Connection {
    pub name: Spanned<String>,
    pub manifest: Arc<Manifest>,
    pub settings: SettingValues,
    /// A connection that is switched off keeps its place in flows; they hold.
    pub enabled: bool,
    /// The unguessable part of its webhook address, for vendors that sign nothing.
    pub path_secret: Option<SecretString>,
    /// Hosts that may be reached besides those of the connector's own addresses.
    pub allow_hosts: Vec<Host>,
    /// Private networks that it may reach; all others are refused.
    pub allow_networks: Vec<Network>,
    /// How often streams are read, where it is not as often as their manifest says.
    pub polls: BTreeMap<String, Duration>,
    /// The file server that its folders are on; without it they are on this machine.
    pub sftp: Option<SftpSpec>,
}

impl Connection {
    /// The mapping that a stream's records pass (`shop/order`, a key of the registry); `None` when they are canonical already.
    pub fn mapping_name(&self, stream: &Stream) -> Option<String> {
        stream.mapping_name(&self.manifest.name)
    }

    pub(super) fn warn_without_public_url(&self, warnings: &mut Diagnostics) {
        let subscribes = self.manifest.webhooks.as_ref().is_some_and(|webhooks| webhooks.subscriptions.is_some());
        if subscribes {
            let message =
                format!("connection `{}` cannot subscribe to webhooks: `hub.public_url` is not set", *self.name);
            let help =
                "set it to the address at which vendors reach this hub; until then changes are found by polling only";
            warnings.push(Diagnostic::new(&self.name.place, message).help(help));
        }
    }

    /// A program that cannot be started is told now, not when the first record waits for it.
    pub(super) fn check_program(&self, folder: &Path, problems: &mut Diagnostics) {
        let Some(process) = self.manifest.process.as_ref().filter(|_| self.enabled) else { return };
        let own = connector_folder(folder, &self.manifest.name);
        if let Some(reason) = missing_command(process, &self.settings.masked(), &own) {
            let message = format!("connection `{}` cannot start its program: {reason}", *self.name);
            let help = "install it, correct `process.command` of the connector or the setting that names it, or write `enabled: false`";
            problems.push(Diagnostic::new(&self.name.place, message).help(help));
        }
    }

    /// Everything of this connection that must be masked wherever it turns up.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        self.settings.secrets().chain(&self.path_secret).chain(self.sftp.iter().flat_map(SftpSpec::secrets))
    }
}

/// A connection as written, before its connector is known.
#[derive(Clone)]
pub(super) struct WrittenConnection {
    connector: Spanned<String>,
    settings: Vec<WrittenSetting>,
    settings_place: Option<Place>,
    enabled: bool,
    path_secret: Option<Spanned<String>>,
    allow_hosts: Vec<Host>,
    allow_networks: Vec<Network>,
    polls: Vec<(Spanned<String>, Duration)>,
    rate_limit: Option<Spanned<RateLimit>>,
    sftp: Option<Spanned<SftpSpec>>,
    /// Secrets of `sftp` that are written into the file itself.
    sftp_in_clear: Vec<Spanned<String>>,
}

#[derive(Clone)]
struct WrittenSetting {
    name: Spanned<String>,
    text: Spanned<String>,
    /// Written into the file itself, not by `${...}`.
    in_clear: bool,
}

impl Decode for WrittenConnection {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "connection")?;
        let connector = map.required("connector");
        let settings_place = map.node("settings").map(|node| cx.place(node.span));
        let settings = map.node("settings").and_then(|node| cx.named(node, "settings", WrittenSetting::read));
        let settings = settings.unwrap_or_default().into_iter().filter_map(|(_, setting)| setting).collect();
        let enabled = map.or("enabled", true);
        let path_secret: Option<Spanned<String>> = map.optional("path_secret");
        if path_secret.as_ref().is_some_and(|secret| secret.chars().count() < 16) {
            map.error("path_secret", "the path secret can be guessed", "use at least 16 random characters");
        }
        let (allow_hosts, allow_networks) = (map.list("allow_hosts"), map.list("allow_networks"));
        let polls =
            map.node("polls").and_then(|node| cx.named(node, "stream names and times", poll_every)).unwrap_or_default();
        let rate_limit = map.optional("rate_limit");
        let sftp = map.optional("sftp");
        let sftp_in_clear = map.node("sftp").map(|node| secrets_in_clear(node, cx)).unwrap_or_default();
        map.finish();
        let connector = connector?;
        Some(Self {
            connector,
            settings,
            settings_place,
            enabled,
            path_secret,
            allow_hosts,
            allow_networks,
            polls,
            rate_limit,
            sftp,
            sftp_in_clear,
        })
    }
}

/// Secrets of a file server that do not come by `${...}`.
fn secrets_in_clear(sftp: &Node, cx: &Context) -> Vec<Spanned<String>> {
    let given = SftpSpec::SECRETS.into_iter().filter_map(|key| Some((key, sftp.get(key)?)));
    let clear = given.filter(|(_, node)| node.scalar().is_some_and(|text| text.reference.is_none() && !text.is_null()));
    clear.map(|(key, node)| cx.spanned(key.to_owned(), node.span)).collect()
}

/// `orders: 30s`, not faster than once a second.
fn poll_every(entry: &Entry, cx: &Context) -> Option<Duration> {
    let every = Duration::decode(&entry.value, cx)?;
    if every < Duration::from_secs(1) {
        cx.error(entry.value.span, "polling faster than once a second is refused", "write `1s` or more");
        return None;
    }
    Some(every)
}

impl WrittenSetting {
    /// `Some(None)`: written without a value, which is the same as absent.
    fn read(entry: &Entry, cx: &Context) -> Option<Option<Self>> {
        if entry.value.is_null() {
            return Some(None);
        }
        let Kind::Scalar(scalar) = &entry.value.kind else {
            cx.expected(&entry.value, &format!("a value for setting `{}`", entry.key));
            return None;
        };
        let name = cx.spanned(entry.key.clone(), entry.key_span);
        let text = cx.spanned(scalar.text.clone(), entry.value.span);
        Some(Some(Self { name, text, in_clear: scalar.reference.is_none() }))
    }
}

impl WrittenConnection {
    /// Texts that no message may show: secrets, and every setting as long as the connector is unknown.
    pub(super) fn sensitive(&self, registry: &Registry) -> Vec<String> {
        let manifest = registry.connector(&self.connector).map(|connector| &connector.manifest);
        let secret = |setting: &&WrittenSetting| {
            manifest.is_none_or(|manifest| manifest.setting(&setting.name).is_none_or(|known| known.secret))
        };
        let settings = self.settings.iter().filter(secret).map(|setting| setting.text.value.clone());
        let sftp = self.sftp.iter().flat_map(|sftp| sftp.secrets()).map(|secret| secret.expose_secret().to_owned());
        settings.chain(self.path_secret.iter().map(|secret| secret.value.clone())).chain(sftp).collect()
    }

    /// Links with the connector; `None` has been reported. `warnings` takes what is allowed but unwise.
    pub(super) fn link(
        self,
        name: Spanned<String>,
        registry: &Registry,
        problems: &mut Diagnostics,
        warnings: &mut Diagnostics,
    ) -> Option<Connection> {
        let Some(connector) = registry.connector(&self.connector) else {
            let message = format!("no connector is named `{}`", self.connector.escape_debug());
            let meant = closest(&self.connector, &registry.names()).map(|name| format!("did you mean `{name}`? "));
            let help = format!(
                "{}`syncline connectors` lists them; more can be added as connectors/<name>/",
                meant.unwrap_or_default()
            );
            problems.push(Diagnostic::new(&self.connector.place, message).help(help));
            return None;
        };
        let manifest = Arc::clone(&connector.manifest);
        let settings = self.settings(&manifest, problems, warnings);
        let polls = self.polls(&manifest, problems);
        let manifest = self.with_own_rate(manifest, problems);
        self.judge_sftp(&manifest, problems, warnings);
        let unsigned = manifest.webhooks.as_ref().is_some_and(|webhooks| matches!(webhooks.verify, Verify::PathSecret));
        if unsigned && self.path_secret.is_none() {
            let message = format!("{} signs nothing: connection `{}` needs a `path_secret`", manifest.title, *name);
            problems.push(
                Diagnostic::new(&name.place, message)
                    .help("add `path_secret: ${...}` with 16 or more random characters"),
            );
        }
        let path_secret = self.path_secret.map(|secret| SecretString::from(secret.value));
        let (enabled, allow_hosts, allow_networks) = (self.enabled, self.allow_hosts, self.allow_networks);
        let settings = settings?;
        let sftp = self.sftp.map(|sftp| sftp.value);
        Some(Connection { name, manifest, settings, enabled, path_secret, allow_hosts, allow_networks, polls, sftp })
    }

    fn judge_sftp(&self, manifest: &Manifest, problems: &mut Diagnostics, warnings: &mut Diagnostics) {
        let Some(sftp) = &self.sftp else { return };
        let files = |stream: &Stream| stream.file_read().is_some() || matches!(stream.write, Some(Write::File(_)));
        if !manifest.streams.iter().any(files) {
            let message = format!("connector `{}` exchanges no files that could be on a server", *manifest.name);
            problems.push(Diagnostic::new(&sftp.place, message).help("remove `sftp`"));
        }
        for key in &self.sftp_in_clear {
            let message = format!("secret `sftp.{}` stands in the file in clear", **key);
            let help = "write ${NAME} or ${file:secrets/name}, so that the file can be shown and shared";
            warnings.push(Diagnostic::new(&key.place, message).help(help));
        }
    }

    /// Vendors' limits depend on the plan: a connection's own limit takes the place of the connector's.
    fn with_own_rate(&self, manifest: Arc<Manifest>, problems: &mut Diagnostics) -> Arc<Manifest> {
        let Some(rate) = &self.rate_limit else { return manifest };
        let mut own = manifest.as_ref().clone();
        match &mut own.http {
            Some(http) => http.rate_limit = rate.value.clone(),
            None => {
                let message = format!("connector `{}` makes no calls that could be limited", *manifest.name);
                problems.push(Diagnostic::new(&rate.place, message).help("remove `rate_limit`"));
            }
        }
        Arc::new(own)
    }

    fn polls(&self, manifest: &Manifest, problems: &mut Diagnostics) -> BTreeMap<String, Duration> {
        let polled = |stream: &&Stream| stream.read.is_some();
        let known: Vec<&str> = manifest.streams.iter().filter(polled).map(|stream| stream.name.as_str()).collect();
        for (name, _) in self.polls.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            let message = format!("connector `{}` reads no stream `{}`", *manifest.name, name.escape_debug());
            problems.push(Diagnostic::new(&name.place, message).help(suggest(name, &known)));
        }
        self.polls.iter().map(|(name, every)| (name.value.clone(), *every)).collect()
    }

    fn settings(
        &self,
        manifest: &Manifest,
        problems: &mut Diagnostics,
        warnings: &mut Diagnostics,
    ) -> Option<SettingValues> {
        let known: Vec<&str> = manifest.settings.iter().map(|setting| setting.name.as_str()).collect();
        let mut given = BTreeMap::new();
        for setting in &self.settings {
            match manifest.setting(&setting.name) {
                None => {
                    let message =
                        format!("connector `{}` has no setting `{}`", *manifest.name, setting.name.escape_debug());
                    problems.push(Diagnostic::new(&setting.name.place, message).help(suggest(&setting.name, &known)));
                }
                Some(declared) if declared.secret && setting.in_clear => {
                    let message = format!("secret `{}` stands in the file in clear", *setting.name);
                    let help = "write ${NAME} or ${file:secrets/name}, so that the file can be shown and shared";
                    warnings.push(Diagnostic::new(&setting.name.place, message).help(help));
                }
                Some(_) => {}
            }
            given.insert(setting.name.value.clone(), setting.text.value.clone());
        }
        match SettingValues::complete(&manifest.settings, &given) {
            Ok(values) => Some(values),
            Err(found) => {
                found.into_iter().for_each(|problem| problems.push(self.explain(problem, manifest)));
                None
            }
        }
    }

    fn explain(&self, problem: SettingProblem, manifest: &Manifest) -> Diagnostic {
        let place = |name: &str| match self.settings.iter().find(|setting| *setting.name == name) {
            Some(setting) => &setting.text.place,
            None => self.settings_place.as_ref().unwrap_or(&self.connector.place),
        };
        let title = |name: &str| manifest.setting(name).map(|setting| setting.title.clone()).unwrap_or_default();
        match problem {
            SettingProblem::Missing { name } => {
                let hint = manifest.setting(&name).and_then(|setting| setting.help.clone());
                let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
                let message = format!("connector `{}` needs setting `{name}`: {}{hint}", *manifest.name, title(&name));
                Diagnostic::new(place(&name), message).help(format!("add `{name}: ...` under `settings`"))
            }
            SettingProblem::Wrong { name, expected } => {
                Diagnostic::new(place(&name), format!("setting `{name}` is not {expected}")).help(title(&name))
            }
            SettingProblem::Default { name, reason } => {
                let message = format!("the default of setting `{name}` cannot be computed: {reason}");
                Diagnostic::new(place(&name), message).help(format!("set `{name}` yourself"))
            }
        }
    }
}

/// The exposed texts of secrets, for masking.
pub(super) fn exposed(connection: &Connection) -> Vec<String> {
    connection.secrets().map(|secret| secret.expose_secret().to_owned()).collect()
}
