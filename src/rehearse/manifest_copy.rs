//! A connector's manifest as the rehearsed hub reads it: every address leads to the stand-in, every folder into the copy.
//!
//! Not here: proving that afterwards (`audit`).

use crate::config::yaml::{Kind, Node};

use super::yaml_text::{child_mut, map, plain, set, word};

/// The setting that holds where a connection's stand-in listens.
pub(super) const URL: &str = "rehearsal_url";
/// The setting that holds where a connection's files lie.
pub(super) const FOLDER: &str = "rehearsal_folder";
const REQUESTS: [&str; 6] = ["get", "head", "post", "put", "patch", "delete"];

/// Redirects everything that leaves the hub.
pub(super) fn redirect(manifest: &mut Node) {
    if child_mut(manifest, "settings").is_none() {
        set(manifest, "settings", map(Vec::new()));
    }
    if let Some(settings) = child_mut(manifest, "settings") {
        set(settings, URL, map(vec![("format", plain("url")), ("required", plain("false"))]));
        set(settings, FOLDER, map(vec![("required", plain("false"))]));
    }
    if let Some(http) = child_mut(manifest, "http") {
        set(http, "base_url", word(format!("{{settings.{URL}}}")));
        let scheme = http.get("auth").and_then(|auth| auth.get("scheme")).and_then(Node::as_str);
        // Its token comes from an address of its own.
        if scheme == Some("oauth2_client_credentials") {
            set(http, "auth", map(vec![("scheme", plain("none"))]));
        }
    }
    if let Some(Kind::Map(streams)) = child_mut(manifest, "streams").map(|streams| &mut streams.kind) {
        for stream in streams {
            for (way, word_of_way) in [("read", "from"), ("write", "to")] {
                let Some(node) = child_mut(&mut stream.value, way) else { continue };
                if node.get(word_of_way).and_then(Node::as_str) == Some("file") {
                    set(node, "folder", word(format!("{{settings.{FOLDER}}}/{}/{way}", stream.key)));
                }
            }
        }
    }
    paths(manifest);
}

/// Absolute addresses keep their path only.
fn paths(node: &mut Node) {
    match &mut node.kind {
        Kind::Scalar(_) => {}
        Kind::Seq(items) => items.iter_mut().for_each(paths),
        Kind::Map(entries) => {
            for entry in entries {
                match &mut entry.value.kind {
                    Kind::Scalar(scalar) if REQUESTS.contains(&entry.key.as_str()) => {
                        let rest = scalar.text.strip_prefix("https://").or_else(|| scalar.text.strip_prefix("http://"));
                        if let Some(rest) = rest {
                            scalar.text = rest.find('/').map_or("/", |at| &rest[at..]).to_owned();
                            scalar.plain = false;
                        }
                    }
                    Kind::Scalar(_) => {}
                    Kind::Seq(_) | Kind::Map(_) => paths(&mut entry.value),
                }
            }
        }
    }
}
