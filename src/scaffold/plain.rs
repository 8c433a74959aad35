//! The scaffold that a person edits: a made-up API, complete and proven, in the words of the field.
//!
//! Not here: its texts (`plain/`).

use super::files::Files;
use super::text::title;

const CONNECTOR: [(&str, &str); 8] = [
    ("connector.yaml", include_str!("plain/connector.yaml")),
    ("README.md", include_str!("plain/README.md")),
    ("fixtures/settings.yaml", include_str!("plain/fixtures/settings.yaml")),
    ("fixtures/check.yaml", include_str!("plain/fixtures/check.yaml")),
    ("fixtures/orders-read.yaml", include_str!("plain/fixtures/orders-read.yaml")),
    ("fixtures/orders-resume.yaml", include_str!("plain/fixtures/orders-resume.yaml")),
    ("fixtures/orders-get.yaml", include_str!("plain/fixtures/orders-get.yaml")),
    ("fixtures/orders-get-missing.yaml", include_str!("plain/fixtures/orders-get-missing.yaml")),
];
const MAPPINGS: [(&str, &str); 2] =
    [("order.yaml", include_str!("plain/mapping.yaml")), ("values.yaml", include_str!("plain/values.yaml"))];

pub(super) fn files(name: &str) -> Files {
    let mut files = Files::default();
    for (folder, texts) in [("connectors", &CONNECTOR[..]), ("mappings", &MAPPINGS[..])] {
        for (file, text) in texts {
            let text = text.replace("@NAME@", name).replace("@TITLE@", &title(name));
            files.add(format!("{folder}/{name}/{file}"), text);
        }
    }
    files
}
