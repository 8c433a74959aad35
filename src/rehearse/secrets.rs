//! Generated values in the place of secrets and of environment variables that are not set: a rehearsal needs neither.
//!
//! Not here: where they are written (`copy`). They protect nothing, so they come from the seed.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::config::Environment;
use crate::config::yaml::{Entry, Kind, Node};
use crate::connector::manifest::{KeyForm, Manifest, OutgoingSignature, Setting, SettingFormat, SettingKind, Verify};
use crate::connector::registry::Registry;
use crate::mapping::expr::Template;

/// Values by the reference that asks for them. Secret files are never read.
#[derive(Debug, Default)]
pub(super) struct Substitutes {
    pub(super) variables: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
}

impl Environment for Substitutes {
    fn variable(&self, name: &str) -> Option<String> {
        let set = std::env::var(name).ok().filter(|value| !value.is_empty());
        set.or_else(|| self.variables.get(name).cloned())
    }

    fn secret(&self, path: &str) -> Option<String> {
        Some(self.files.get(path).cloned().unwrap_or_else(|| "rehearsal".to_owned()))
    }
}

impl Substitutes {
    /// Looks through all configuration files for references and finds a value that fits where each stands.
    pub(super) fn for_files(files: &[Node], registry: &Registry, seed: u64) -> Substitutes {
        let mut found = Substitutes::default();
        for file in files {
            for connection in entries(file, "connections") {
                let connector = connection.value.get("connector").and_then(Node::as_str).unwrap_or_default();
                let manifest = registry.connector(connector).map(|connector| connector.manifest.as_ref());
                for written in entries(&connection.value, "settings") {
                    let fitting = |whole: bool| match manifest.and_then(|m| Some((m, m.setting(&written.key)?))) {
                        Some((manifest, setting)) => value_for(manifest, setting, whole, seed),
                        None => "rehearsal".to_owned(),
                    };
                    found.note(&written.value, &fitting);
                }
                if let Some(secret) = connection.value.get("path_secret") {
                    found.note(secret, &|_| path_secret(&connection.key, seed));
                }
            }
            let hub = |key: &str| file.get("hub").and_then(|hub| hub.get(key));
            for (key, value) in [
                ("listen", "127.0.0.1:8470"),
                ("database", "sqlite:data/syncline.db"),
                ("public_url", "http://127.0.0.1"),
            ] {
                if let Some(node) = hub(key) {
                    found.note(node, &|_| value.to_owned());
                }
            }
            found.note(file, &|_| "1".to_owned());
        }
        found
    }

    /// The first place that asks decides.
    fn note(&mut self, node: &Node, fitting: &dyn Fn(bool) -> String) {
        match &node.kind {
            Kind::Seq(items) => items.iter().for_each(|item| self.note(item, fitting)),
            Kind::Map(entries) => entries.iter().for_each(|entry| self.note(&entry.value, fitting)),
            Kind::Scalar(scalar) => {
                for (name, whole) in references(&scalar.text) {
                    match name.strip_prefix("file:") {
                        Some(path) => self.files.entry(path.to_owned()).or_insert_with(|| fitting(whole)),
                        None => self.variables.entry(name).or_insert_with(|| fitting(whole)),
                    };
                }
            }
        }
    }

    /// The text with its secret files replaced; variables stay for the hub to read.
    pub(super) fn without_files(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for (path, value) in &self.files {
            out = out.replace(&format!("${{file:{path}}}"), value);
        }
        out
    }
}

pub(super) fn entries<'n>(node: &'n Node, key: &str) -> &'n [Entry] {
    node.get(key).and_then(Node::entries).unwrap_or_default()
}

/// The references in a text that have no default, and whether the text is nothing else.
fn references(text: &str) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let escaped = rest[..at].ends_with('$');
        let Some(end) = rest[at..].find('}') else { break };
        let inner = &rest[at + 2..at + end];
        if !escaped && !inner.contains(":-") {
            found.push((inner.to_owned(), text.len() == inner.len() + 3));
        }
        rest = &rest[at + end + 1..];
    }
    found
}

/// The unguessable part of a webhook address.
pub(super) fn path_secret(connection: &str, seed: u64) -> String {
    hex::encode(bytes(&format!("path/{connection}"), seed))
}

/// A value that the setting accepts; `whole`: it is all of the text.
pub(super) fn value_for(manifest: &Manifest, setting: &Setting, whole: bool, seed: u64) -> String {
    let name = setting.name.as_str();
    if !whole {
        return if setting.format() == Some(SettingFormat::Url) { "127.0.0.1:9" } else { "rehearsal" }.to_owned();
    }
    match &setting.kind {
        SettingKind::String { format: Some(SettingFormat::Hostname) } => "rehearsal.example.com".to_owned(),
        SettingKind::String { format: Some(SettingFormat::Url) } => "http://127.0.0.1:9".to_owned(),
        SettingKind::String { format: Some(SettingFormat::Folder) } => "rehearsal".to_owned(),
        SettingKind::String { format: None } if setting.secret => secret(manifest, name, seed),
        SettingKind::String { format: None } => "rehearsal".to_owned(),
        SettingKind::Integer { min, max } => {
            min.unwrap_or(1).max(1).min(max.unwrap_or(i64::MAX)).max(min.unwrap_or(i64::MIN)).to_string()
        }
        SettingKind::Bool => "true".to_owned(),
        SettingKind::Duration => "1m".to_owned(),
        SettingKind::Enum { values } => values.first().cloned().unwrap_or_default(),
    }
}

/// In the form that the connector's signatures want.
fn secret(manifest: &Manifest, setting: &str, seed: u64) -> String {
    let key = bytes(setting, seed);
    match form(manifest, setting) {
        KeyForm::Text => format!("rehearsal-{}", hex::encode(key)),
        KeyForm::Hex => hex::encode(key),
        KeyForm::Base64 { prefix } => format!("{prefix}{}", STANDARD.encode(key)),
    }
}

fn form(manifest: &Manifest, setting: &str) -> KeyForm {
    let standard = || KeyForm::Base64 { prefix: "whsec_".to_owned() };
    let reads = |secrets: &[crate::config::yaml::Spanned<Template>]| {
        secrets.iter().any(|secret| secret.as_str().contains(&format!("settings.{setting}")))
    };
    if let Some(OutgoingSignature::StandardWebhooks { secrets, .. }) =
        manifest.http.as_ref().and_then(|http| http.signature.as_ref())
        && reads(secrets)
    {
        return standard();
    }
    match manifest.webhooks.as_ref().map(|webhooks| &webhooks.verify) {
        Some(Verify::Hmac { hmac, secrets } | Verify::Digest { hmac, secrets }) if reads(secrets) => hmac.key.clone(),
        Some(Verify::StandardWebhooks { secrets }) if reads(secrets) => standard(),
        Some(
            Verify::Hmac { .. }
            | Verify::StandardWebhooks { .. }
            | Verify::SharedSecret { .. }
            | Verify::Digest { .. }
            | Verify::SignedItems { .. }
            | Verify::Certificate { .. }
            | Verify::PathSecret,
        )
        | None => KeyForm::Text,
    }
}

fn bytes(name: &str, seed: u64) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(format!("rehearsal/{seed}/{name}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_without_a_default_are_found() {
        let found = references("http://${HOST}/${file:x/y}?$${NOT}&${PORT:-1}");
        assert_eq!(found, [("HOST".to_owned(), false), ("file:x/y".to_owned(), false)]);
        assert_eq!(references("${ONLY}"), [("ONLY".to_owned(), true)]);
    }
}
