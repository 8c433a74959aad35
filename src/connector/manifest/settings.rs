//! What a connection of this connector has to be told: it becomes the form, the validation and the masking.
//!
//! Not here: the values (`config`).

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;

use crate::config::yaml::{Context, MapReader, Node, Spanned};
use crate::mapping::expr::{Scope, Template};

#[derive(Debug, Clone)]
pub struct Setting {
    pub name: Spanned<String>,
    pub title: String,
    /// One sentence for the form: where to find the value in the vendor's admin.
    pub help: Option<String>,
    pub kind: SettingKind,
    /// Stays out of logs, errors, the console and exports.
    pub secret: bool,
    pub required: bool,
    /// Asked for only where another setting has one of these values.
    pub only_when: Option<OnlyWhen>,
    /// Used when the connection does not set it; may read settings that stand before it (`https://{settings.shop}`).
    pub default: Option<Spanned<Template>>,
}

/// A setting that stands before, and those of its values with which this one is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnlyWhen {
    pub setting: String,
    pub values: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingKind {
    String { format: Option<SettingFormat> },
    Integer { min: Option<i64>, max: Option<i64> },
    Bool,
    Duration,
    Enum { values: Vec<String> },
}

crate::choice! {
    /// What a text setting must look like.
    pub enum SettingFormat ("setting format") {
        /// A host name without scheme or path: `acme.example.com`.
        Hostname = "hostname",
        /// An absolute `http://` or `https://` URL.
        Url = "url",
        /// A directory, relative to the data directory or absolute.
        Folder = "folder",
    }
}

crate::choice! {
    enum Kind ("setting type") {
        String = "string",
        Integer = "integer",
        Bool = "bool",
        Duration = "duration",
        Enum = "enum",
    }
}

impl Setting {
    pub(super) fn decode_all(node: &Node, cx: &Context) -> Vec<Setting> {
        let read = |entry: &crate::config::yaml::Entry, cx: &Context| {
            let name = cx.spanned(entry.key.clone(), entry.key_span);
            Self::decode(name, &entry.value, cx)
        };
        let found = cx.named(node, "settings", read).unwrap_or_default();
        found.into_iter().map(|(_, setting)| setting).collect()
    }

    fn decode(name: Spanned<String>, node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, format!("setting `{}`", *name))?;
        let kind = kind(&map);
        let title = map.optional("title").unwrap_or_else(|| name.replace('_', " "));
        let help = map.optional("help");
        let secret = map.or("secret", false);
        let default: Option<Spanned<Template>> = map.optional("default");
        let required = map.or("required", default.is_none());
        map.finish();
        let kind = kind?;
        if let Some(default) = &default {
            let wrong = kind.accepts(default.as_str()).err().filter(|_| default.is_constant());
            if let Some(expected) = wrong {
                let message = format!("default `{}` is not {expected}", default.as_str());
                cx.error(default.place.span, message, "correct the default or the type");
            }
            if secret {
                cx.error(default.place.span, "a secret cannot have a default", "remove `default` or `secret`");
            }
        }
        Some(Self { name, title, help, kind, secret, required, only_when: None, default })
    }

    pub fn format(&self) -> Option<SettingFormat> {
        match &self.kind {
            SettingKind::String { format } => *format,
            SettingKind::Integer { .. } | SettingKind::Bool | SettingKind::Duration | SettingKind::Enum { .. } => None,
        }
    }
}

fn kind(map: &MapReader<'_>) -> Option<SettingKind> {
    Some(match map.or("type", Kind::String) {
        Kind::String => SettingKind::String { format: map.optional("format") },
        Kind::Integer => SettingKind::Integer { min: map.optional("min"), max: map.optional("max") },
        Kind::Bool => SettingKind::Bool,
        Kind::Duration => SettingKind::Duration,
        Kind::Enum => SettingKind::Enum { values: map.required("values")? },
    })
}

/// A connection's settings, complete and checked, by name.
#[derive(Clone, Default)]
pub struct SettingValues {
    values: BTreeMap<String, SettingValue>,
}

#[derive(Clone)]
enum SettingValue {
    Open(Json),
    Secret(SecretString),
}

/// Why a setting of a connection cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingProblem {
    Missing {
        name: String,
    },
    /// The value is not repeated: it may be a secret.
    Wrong {
        name: String,
        expected: String,
    },
    /// A default that reads other settings came out wrong.
    Default {
        name: String,
        reason: String,
    },
}

impl SettingValues {
    /// Completes what a connection gives with defaults and checks it; names that the connector does not know are the caller's to report.
    pub fn complete(settings: &[Setting], given: &BTreeMap<String, String>) -> Result<Self, Vec<SettingProblem>> {
        let mut complete = Self::default();
        let mut problems = Vec::new();
        for setting in settings {
            match setting.value(given, &complete) {
                // Optional text that is not set is empty, so that templates may read it.
                Ok(value) => complete.insert(setting, value.unwrap_or_else(|| Json::String(String::new()))),
                // A default that reads a setting which is wrong itself says nothing new.
                Err(SettingProblem::Default { .. }) if !problems.is_empty() => {}
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(complete) } else { Err(problems) }
    }

    fn insert(&mut self, setting: &Setting, value: Json) {
        let value = match value {
            Json::String(text) if setting.secret => SettingValue::Secret(SecretString::from(text)),
            value => SettingValue::Open(value),
        };
        self.values.insert(setting.name.value.clone(), value);
    }

    /// `settings` of a template's scope, secrets in clear: for sending, never for showing. Whole numbers and flags keep their type.
    pub fn expose(&self) -> Json {
        self.json(|secret| Json::String(secret.expose_secret().to_owned()))
    }

    /// The same with secrets masked, for people.
    pub fn masked(&self) -> Json {
        self.json(|_| Json::String("REDACTED".to_owned()))
    }

    fn json(&self, show: impl Fn(&SecretString) -> Json) -> Json {
        let shown = |value: &SettingValue| match value {
            SettingValue::Open(value) => value.clone(),
            SettingValue::Secret(secret) => show(secret),
        };
        Json::Object(self.values.iter().map(|(name, value)| (name.clone(), shown(value))).collect())
    }

    /// A setting that is no secret, as text; empty when it is optional and not set.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.values.get(name)? {
            SettingValue::Open(Json::String(text)) => Some(text.clone()),
            SettingValue::Open(other) => Some(other.to_string()),
            SettingValue::Secret(_) => None,
        }
    }

    /// What must be masked wherever it turns up: all secrets that are set.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        self.values.values().filter_map(|value| match value {
            SettingValue::Secret(secret) if !secret.expose_secret().is_empty() => Some(secret),
            SettingValue::Secret(_) | SettingValue::Open(_) => None,
        })
    }
}

impl fmt::Debug for SettingValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.masked())
    }
}

impl Setting {
    /// Where what it depends on is wrong itself, that is told alone.
    fn is_needed(&self, before: &SettingValues) -> bool {
        self.only_when
            .as_ref()
            .is_none_or(|only| before.text(&only.setting).is_some_and(|value| only.values.contains(&value)))
    }

    fn value(&self, given: &BTreeMap<String, String>, before: &SettingValues) -> Result<Option<Json>, SettingProblem> {
        let name = || self.name.value.clone();
        let text = match (given.get(&**self.name).filter(|text| !text.is_empty()), &self.default) {
            (Some(text), _) => text.clone(),
            (None, Some(default)) => {
                let settings = before.masked();
                let rendered = default.render(&Scope::new().with("settings", &settings));
                rendered.map_err(|error| SettingProblem::Default { name: name(), reason: error.to_string() })?
            }
            (None, None) if self.required && self.is_needed(before) => {
                return Err(SettingProblem::Missing { name: name() });
            }
            (None, None) => return Ok(None),
        };
        self.kind.accepts(&text).map_err(|expected| SettingProblem::Wrong { name: name(), expected })?;
        Ok(Some(match self.kind {
            SettingKind::Integer { .. } | SettingKind::Bool => {
                let expected = || "a plain number or flag".to_owned();
                serde_json::from_str(&text).map_err(|_| SettingProblem::Wrong { name: name(), expected: expected() })?
            }
            SettingKind::String { .. } | SettingKind::Duration | SettingKind::Enum { .. } => Json::String(text),
        }))
    }
}

impl SettingKind {
    /// `Err` names what was expected; the value itself is not repeated, it may be a secret.
    pub fn accepts(&self, text: &str) -> Result<(), String> {
        let (ok, expected) = match self {
            Self::String { format: None } => (!text.is_empty(), "text that is not empty".to_owned()),
            Self::String { format: Some(format) } => (format.accepts(text), format.expected().to_owned()),
            Self::Integer { min, max } => {
                let (min, max) = (min.unwrap_or(i64::MIN), max.unwrap_or(i64::MAX));
                let ok = text.parse::<i64>().is_ok_and(|number| (min..=max).contains(&number));
                (ok, format!("a whole number from {min} to {max}"))
            }
            Self::Bool => (matches!(text, "true" | "false"), "`true` or `false`".to_owned()),
            Self::Duration => {
                (crate::config::yaml::duration(text).is_some(), "a duration such as `30s` or `5m`".to_owned())
            }
            Self::Enum { values } => {
                (values.iter().any(|value| value == text), format!("one of: {}", values.join(", ")))
            }
        };
        if ok { Ok(()) } else { Err(expected) }
    }

    /// The duration that a [`SettingKind::Duration`] value means.
    pub fn duration(text: &str) -> Option<Duration> {
        crate::config::yaml::duration(text)
    }
}

impl SettingFormat {
    fn accepts(self, text: &str) -> bool {
        match self {
            Self::Hostname => {
                let label = |label: &str| {
                    !label.is_empty()
                        && label.len() <= 63
                        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                        && !label.starts_with('-')
                        && !label.ends_with('-')
                };
                text.len() <= 253 && text.contains('.') && text.split('.').all(label)
            }
            Self::Url => {
                let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
                rest.is_some_and(|rest| {
                    !rest.is_empty() && !rest.starts_with('/') && !text.contains(char::is_whitespace)
                })
            }
            Self::Folder => !text.is_empty() && !text.contains('\0'),
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Hostname => "a host name such as `acme.example.com`, without `https://` and without a path",
            Self::Url => "an absolute URL such as `https://api.example.com`",
            Self::Folder => "a folder",
        }
    }
}
