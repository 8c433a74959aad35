//! Paths of the document as templates of the manifest, and as the fixtures' vendor hears them.
//!
//! Not here: which operations there are (`operations`).

use super::service::{Setting, setting};
use crate::scaffold::text::{name, one_line, quoted};

pub(super) struct Template {
    /// `/accounts/{settings.account}/orders/{key}`
    pub(super) text: String,
    /// `/accounts/fixture1/orders/<key>`
    pub(super) heard: String,
}

/// What stands in braces is a setting of the connection; the last of an item's path is the record's key.
pub(super) fn template(path: &str, key: Option<&str>, settings: &mut Vec<Setting>) -> Template {
    let (mut text, mut heard) = (String::new(), String::new());
    let mut rest = path;
    let last = path.rfind('{');
    while let Some((before, inner, after)) = rest.split_once('{').and_then(|(before, more)| {
        let (inner, after) = more.split_once('}')?;
        Some((before, inner, after))
    }) {
        let at = path.len() - rest.len() + before.len();
        text.push_str(before);
        heard.push_str(before);
        match key.filter(|_| Some(at) == last) {
            Some(key) => {
                text.push_str("{key}");
                heard.push_str(key);
            }
            None => {
                let setting_name = name(inner).unwrap_or_else(|| "path_part".to_owned());
                if !settings.iter().any(|known| known.name == setting_name) {
                    let title = quoted(&format!("{} in the address", one_line(inner, 40)));
                    settings.push(setting(&setting_name, &format!("{{ title: {title} }}"), "fixture1"));
                }
                text.push_str(&format!("{{settings.{setting_name}}}"));
                heard.push_str("fixture1");
            }
        }
        rest = after;
    }
    text.push_str(rest);
    heard.push_str(rest);
    Template { text, heard }
}

/// A member in a template: `record.id`, or `record['odd name']`.
pub(super) fn member(root: &str, names: &[String]) -> String {
    let mut text = root.to_owned();
    for name in names {
        let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if plain {
            text.push('.');
            text.push_str(name);
        } else {
            text.push_str(&format!("[{}]", quoted(name)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_become_settings_and_keys() {
        let mut settings = Vec::new();
        let made = template("/a/{accountId}/orders/{id}.json", Some("7"), &mut settings);
        assert_eq!(made.text, "/a/{settings.account_id}/orders/{key}.json");
        assert_eq!(made.heard, "/a/fixture1/orders/7.json");
        assert_eq!(settings.len(), 1);
        assert_eq!(template("/odd{", None, &mut settings).text, "/odd{");
        assert_eq!(member("record", &["a".to_owned(), "b-c".to_owned()]), "record.a[\"b-c\"]");
    }
}
