//! An OpenAPI document as a tree with places: read within bounds, its local references followed without end in sight.
//!
//! Not here: what operations and schemas mean.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use crate::config::yaml::{Bounds, Diagnostic, Diagnostics, Node, Place, Source, parse_within};
use crate::scaffold::error::ScaffoldError;

/// Published documents of large vendors are some ten MiB.
const BOUNDS: Bounds = Bounds { bytes: 32 << 20, depth: 128, nodes: 2_000_000 };
/// A reference to a reference to a reference.
const MAX_HOPS: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edition {
    Swagger2,
    /// 3.0 and 3.1: what differs between them does not concern us.
    OpenApi3,
}

pub(super) struct Document {
    source: Arc<Source>,
    root: Node,
    pub(super) edition: Edition,
    problems: RefCell<Diagnostics>,
}

impl Document {
    pub(super) fn read(path: &Path) -> Result<Self, ScaffoldError> {
        let shown = path.display().to_string();
        let whole = |message: String, help: &str| {
            let problem = Diagnostic::file(shown.clone(), message).help(help);
            ScaffoldError::Document(Diagnostics::from(vec![problem]))
        };
        let size = std::fs::metadata(path).map_err(ScaffoldError::io("read", path))?.len();
        if size > BOUNDS.bytes as u64 {
            let message = format!("file of {size} bytes is larger than {}", BOUNDS.bytes);
            return Err(whole(message, "check that the right file is meant; cut it down to the parts that are needed"));
        }
        let bytes = std::fs::read(path).map_err(ScaffoldError::io("read", path))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            whole(format!("not UTF-8 at byte {at}"), "save it as UTF-8")
        })?;
        Self::parse(&shown, &text)
    }

    pub(super) fn parse(name: &str, text: &str) -> Result<Self, ScaffoldError> {
        let source = Source::new(name, as_yaml(text));
        let root = parse_within(&source, BOUNDS).map_err(|found| ScaffoldError::Document(Diagnostics::from(found)))?;
        let edition =
            edition(&source, &root).map_err(|problem| ScaffoldError::Document(Diagnostics::from(vec![problem])))?;
        Ok(Self { source, root, edition, problems: RefCell::new(Diagnostics::new()) })
    }

    pub(super) fn root(&self) -> &Node {
        &self.root
    }

    /// Everything that could not be followed or read.
    pub(super) fn finish(self) -> Result<(), ScaffoldError> {
        let mut problems = self.problems.into_inner();
        problems.sort();
        if problems.is_empty() { Ok(()) } else { Err(ScaffoldError::Document(problems)) }
    }

    pub(super) fn error(&self, node: &Node, message: impl Into<String>, help: &str) {
        let place = Place { source: Arc::clone(&self.source), span: node.span };
        self.problems.borrow_mut().push(Diagnostic::new(&place, message).help(help));
    }

    /// The node itself, or what its `$ref` leads to; `None` has been reported.
    pub(super) fn resolve<'d>(&'d self, node: &'d Node) -> Option<&'d Node> {
        let mut at = node;
        for _ in 0..MAX_HOPS {
            let Some(reference) = at.get("$ref") else { return Some(at) };
            let Some(text) = reference.as_str() else {
                self.error(reference, "a `$ref` is text", "write `$ref: \"#/components/schemas/Name\"`");
                return None;
            };
            at = self.follow(reference, text)?;
        }
        self.error(node, "references that lead round in a circle", "let one of them hold the thing itself");
        None
    }

    fn follow<'d>(&'d self, reference: &'d Node, text: &str) -> Option<&'d Node> {
        let Some(pointer) = text.strip_prefix('#') else {
            let message = format!("`$ref` to `{}` leads out of this file", crate::scaffold::text::one_line(text, 80));
            self.error(reference, message, "bundle the document into one file first; nothing is fetched");
            return None;
        };
        let mut at = &self.root;
        for part in pointer.split('/').skip(1) {
            let name = decoded(part);
            let next = match at.seq() {
                Some(items) => name.parse::<usize>().ok().and_then(|index| items.get(index)),
                None => at.get(&name),
            };
            match next {
                Some(next) => at = next,
                None => {
                    let message =
                        format!("`$ref` to `{}`, which is not there", crate::scaffold::text::one_line(text, 80));
                    self.error(reference, message, "correct the name, or add what it names");
                    return None;
                }
            }
        }
        Some(at)
    }
}

/// JSON is YAML but for tabs before a line's text, and for characters written as two escapes.
fn as_yaml(text: &str) -> String {
    if !text.trim_start_matches('\u{feff}').trim_start().starts_with('{') {
        return text.to_owned();
    }
    let lines = text.lines().map(|line| {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        format!("{}{}", " ".repeat(indent), joined_escapes(&line[indent..]))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `\ud83d\ude00` is one character of JSON and none of YAML.
fn joined_escapes(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let pair =
            unit(rest, 0).zip(unit(rest, 6)).and_then(|(high, low)| char::decode_utf16([high, low]).next()?.ok());
        if let Some(joined) = pair.filter(|c| u32::from(*c) > 0xffff) {
            out.push(joined);
            rest = &rest[12..];
            continue;
        }
        // The escape and what it escapes, so that `\\u` is not read as one.
        let taken = rest.char_indices().nth(2).map_or(rest.len(), |(index, _)| index);
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out.push_str(rest);
    out
}

fn unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
    u16::from_str_radix(digits, 16).ok()
}

/// One step of a JSON pointer in a URI's fragment: `~1` is `/`, `%7B` is `{`.
fn decoded(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part;
    while let Some(at) = rest.find('%') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let hex = rest.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match hex {
            Some(byte) => {
                bytes.push(byte);
                rest = &rest[at + 3..];
            }
            None => {
                bytes.push(b'%');
                rest = &rest[at + 1..];
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).replace("~1", "/").replace("~0", "~")
}

fn edition(source: &Arc<Source>, root: &Node) -> Result<Edition, Diagnostic> {
    let at = |node: &Node, message: String| {
        let place = Place { source: Arc::clone(source), span: node.span };
        Diagnostic::new(&place, message).help("OpenAPI 3.0 and 3.1 and Swagger 2.0 are read, as YAML or JSON")
    };
    if root.entries().is_none() {
        return Err(at(root, "this is not an OpenAPI document: no map at the top".to_owned()));
    }
    let edition = match (root.get("openapi"), root.get("swagger")) {
        (Some(version), _) if version.as_str().is_some_and(|text| text.starts_with("3.")) => Edition::OpenApi3,
        (None, Some(version)) if version.as_str().is_some_and(|text| text.starts_with('2')) => Edition::Swagger2,
        (Some(version), _) | (None, Some(version)) => {
            return Err(at(version, format!("version {} of the format is not known", version.describe())));
        }
        (None, None) => return Err(at(root, "neither `openapi` nor `swagger` says what this is".to_owned())),
    };
    match root.get("paths") {
        Some(paths) if paths.entries().is_some() => Ok(edition),
        Some(paths) => Err(at(paths, format!("expected `paths` to be a map, found {}", paths.describe()))),
        None => Err(at(root, "there are no `paths`".to_owned())),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document::parse("api.json", text).unwrap()
    }

    #[test]
    fn references_are_followed_and_end() {
        let text = r##"{ "openapi": "3.1.0", "paths": { "/a{b}": { "x": 1 } },
          "one": { "$ref": "#/paths/~1a%7Bb%7D" }, "two": { "$ref": "#/three" }, "three": { "$ref": "#/two" },
          "away": { "$ref": "other.yaml#/x" }, "gone": { "$ref": "#/nowhere" } }"##;
        let document = document(text);
        let at = |key: &str| document.resolve(document.root().get(key).unwrap());
        assert_eq!(at("one").unwrap().get("x").unwrap().as_str(), Some("1"));
        assert!(at("two").is_none() && at("away").is_none() && at("gone").is_none());
        let text = document.finish().unwrap_err().to_string();
        for part in ["api.json:2", "in a circle", "leads out of this file", "which is not there"] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    #[test]
    fn json_with_tabs_and_pairs_of_escapes_is_read() {
        let document = document(
            "{\n\t\"swagger\": \"2.0\",\n\t\"paths\": {},\n\t\"x\": \"\\ud83d\\ude00 \\\\ud83d \\u00e9\\/\"\n}",
        );
        assert_eq!(document.edition, Edition::Swagger2);
        assert_eq!(document.root().get("x").unwrap().as_str(), Some("😀 \\ud83d é/"));
    }
}
