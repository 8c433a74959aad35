//! The values of a connection's settings, checked against the manifest and ready for templates.
//!
//! Not here: reading the configuration file or resolving `${...}` references (config).

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::connector::manifest::{Manifest, Setting, SettingKind};

/// The settings as configured: name and text.
pub type Settings = BTreeMap<String, SecretString>;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingError {
    #[error("setting `{name}` is required and not set")]
    Missing { name: String },
    #[error("setting `{name}` is not {expected}")]
    Invalid { name: String, expected: String },
    #[error("connector `{connector}` has no setting named `{name}`")]
    Unknown { connector: String, name: String },
}

/// The values as templates see them, and those that must never be shown.
pub(crate) struct Checked {
    pub(crate) values: Value,
    pub(crate) secrets: Vec<SecretString>,
}

pub(crate) fn check(manifest: &Manifest, settings: &Settings) -> Result<Checked, SettingError> {
    if let Some(name) = settings.keys().find(|name| manifest.setting(name).is_none()) {
        return Err(SettingError::Unknown { connector: manifest.name.value.clone(), name: name.clone() });
    }
    let (mut values, mut secrets) = (Map::new(), Vec::new());
    for setting in &manifest.settings {
        let name = setting.name.value.clone();
        let configured = settings.get(&name).map(|text| text.expose_secret()).filter(|text| !text.is_empty());
        let value = match configured.or(setting.default.as_deref()) {
            Some(text) => typed(setting, text)?,
            None if setting.required => return Err(SettingError::Missing { name }),
            None => Value::Null,
        };
        if setting.secret
            && let Some(text) = configured
        {
            secrets.push(SecretString::from(text));
        }
        values.insert(name, value);
    }
    Ok(Checked { values: Value::Object(values), secrets })
}

fn typed(setting: &Setting, text: &str) -> Result<Value, SettingError> {
    let invalid = |expected: String| SettingError::Invalid { name: setting.name.value.clone(), expected };
    setting.kind.accepts(text).map_err(invalid)?;
    Ok(match &setting.kind {
        SettingKind::Integer { .. } => {
            text.parse::<i64>().map(Value::from).map_err(|_| invalid("a whole number".to_owned()))?
        }
        SettingKind::Bool => Value::Bool(text == "true"),
        SettingKind::String { .. } | SettingKind::Duration | SettingKind::Enum { .. } => Value::String(text.to_owned()),
    })
}
