//! One connector with several ways of logging in, of which a setting chooses one.
//!
//! Not here: the ways themselves (`auth`), the setting's value (`settings`).

use crate::config::yaml::{Context, Entry, Kind, Node, Spanned};

use super::auth::Auth;
use super::settings::{OnlyWhen, Setting};
use crate::mapping::expr::Template;

/// `{ choose: "{settings.login}", ways: { key: ..., oauth: ... } }`.
#[derive(Debug, Clone)]
pub struct AuthChoice {
    /// One setting of type enum; each of its values is a way.
    pub choose: Spanned<Template>,
    pub ways: Vec<(Spanned<String>, Auth)>,
}

impl AuthChoice {
    pub(super) fn is_one(node: &Node) -> bool {
        node.get("choose").is_some() || node.get("ways").is_some()
    }

    pub(super) fn read(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "choice of auth")?;
        let choose = map.required("choose");
        let ways = match map.node("ways") {
            Some(node) => cx.named(node, "ways", |entry: &Entry, cx: &Context| Auth::read(&entry.value, cx)),
            None => {
                map.missing("ways");
                None
            }
        };
        map.finish();
        Some(Self { choose: choose?, ways: ways? })
    }

    /// The setting that chooses; `None` where something else stands there.
    pub fn setting(&self) -> Option<&str> {
        chooser(self.choose.as_str())
    }
}

impl Auth {
    /// What may be used: itself, or each way of a choice.
    pub fn ways(&self) -> Vec<&Auth> {
        match self {
            Self::Choose(choice) => choice.ways.iter().map(|(_, way)| way).collect(),
            Self::None
            | Self::Header { .. }
            | Self::Query { .. }
            | Self::Basic { .. }
            | Self::Bearer { .. }
            | Self::OAuth2(_)
            | Self::OAuth1(_)
            | Self::Session(_) => vec![self],
        }
    }

    /// What is used with these settings; `None` where none of the ways is chosen.
    pub fn chosen(&self, setting: impl Fn(&str) -> Option<String>) -> Option<&Auth> {
        match self {
            Self::Choose(choice) => {
                let word = setting(choice.setting()?)?;
                choice.ways.iter().find(|(name, _)| **name == word).map(|(_, way)| way)
            }
            Self::None
            | Self::Header { .. }
            | Self::Query { .. }
            | Self::Basic { .. }
            | Self::Bearer { .. }
            | Self::OAuth2(_)
            | Self::OAuth1(_)
            | Self::Session(_) => Some(self),
        }
    }
}

fn chooser(template: &str) -> Option<&str> {
    let name = template.strip_prefix("{settings.")?.strip_suffix('}')?;
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_').then_some(name)
}

/// Settings that only some ways read are asked for only where one of these is chosen. Found in the text of the whole document: what
/// is mentioned anywhere else is needed always.
pub(super) fn narrow(settings: &mut [Setting], document: &Node) {
    let Some(auth) = document.get("http").and_then(|http| http.get("auth")) else { return };
    let (Some(choose), Some(ways)) = (auth.get("choose").and_then(Node::as_str), auth.get("ways")) else { return };
    let (Some(setting), Some(entries)) = (chooser(choose), ways.entries()) else { return };
    for one in settings {
        if mentions(document, &one.name, Some(ways)) {
            continue;
        }
        let reads = |entry: &&Entry| mentions(&entry.value, &one.name, None);
        let values: Vec<String> = entries.iter().filter(reads).map(|entry| entry.key.clone()).collect();
        if !values.is_empty() {
            one.only_when = Some(OnlyWhen { setting: setting.to_owned(), values });
        }
    }
}

fn mentions(node: &Node, setting: &str, except: Option<&Node>) -> bool {
    if except.is_some_and(|except| std::ptr::eq(except, node)) {
        return false;
    }
    match &node.kind {
        Kind::Scalar(scalar) => is_in(&scalar.text, setting),
        Kind::Seq(items) => items.iter().any(|item| mentions(item, setting, except)),
        Kind::Map(entries) => entries.iter().any(|entry| mentions(&entry.value, setting, except)),
    }
}

fn is_in(text: &str, setting: &str) -> bool {
    let dotted = text.match_indices("settings.").any(|(at, found)| {
        let rest = text.get(at + found.len()..).unwrap_or_default();
        let after = rest.strip_prefix(setting).map(|rest| rest.chars().next());
        after.is_some_and(|next| next.is_none_or(|next| !next.is_ascii_alphanumeric() && next != '_'))
    });
    dotted || ['\'', '"'].iter().any(|quote| text.contains(&format!("settings[{quote}{setting}{quote}]")))
}
