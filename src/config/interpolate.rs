//! `${NAME}`, `${NAME:-default}` and `${file:path}` in configuration values.
//!
//! Not here: which values are secrets (the connector's schema says). What does not resolve is reported at its place, all of it.

use std::path::{Path, PathBuf};

use super::yaml::{Context, Kind, Node, Scalar};

/// A secret file larger than this is not one.
const MAX_SECRET_BYTES: u64 = 64 << 10;

/// Where `${...}` takes its values from.
pub trait Environment {
    fn variable(&self, name: &str) -> Option<String>;

    /// What takes the place of a secret file's text, for whoever must not read it; `None`: the file is read.
    fn secret(&self, _path: &str) -> Option<String> {
        None
    }
}

/// The process's environment.
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

/// Replaces references in every scalar below `node`, except under the keys in `literal`.
pub(super) struct Interpolation<'e> {
    pub(super) environment: &'e dyn Environment,
    /// `${file:...}` is relative to this folder.
    pub(super) folder: PathBuf,
    pub(super) literal: &'static [&'static str],
}

impl Interpolation<'_> {
    pub(super) fn apply(&self, node: &mut Node, cx: &Context) {
        let span = node.span;
        match &mut node.kind {
            Kind::Seq(items) => items.iter_mut().for_each(|item| self.apply(item, cx)),
            Kind::Map(entries) => {
                for entry in entries.iter_mut().filter(|entry| !self.literal.contains(&entry.key.as_str())) {
                    self.apply(&mut entry.value, cx);
                }
            }
            Kind::Scalar(scalar) if scalar.text.contains("${") => self.scalar(scalar, span, cx),
            Kind::Scalar(_) => {}
        }
    }

    fn scalar(&self, scalar: &mut Scalar, span: super::yaml::Span, cx: &Context) {
        let written = scalar.text.clone();
        let mut out = String::new();
        let mut rest = written.as_str();
        while let Some(at) = rest.find("${") {
            if let Some(before) = rest[..at].strip_suffix('$') {
                out.push_str(before);
                out.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            out.push_str(&rest[..at]);
            let Some(end) = rest[at..].find('}') else {
                cx.error(span, "`${` is never closed", "write ${NAME}, or $${ for the two characters");
                return;
            };
            match self.resolve(&rest[at + 2..at + end]) {
                Ok(value) => out.push_str(&value),
                Err((problem, help)) => cx.error(span, problem, help),
            }
            rest = &rest[at + end + 1..];
        }
        out.push_str(rest);
        scalar.text = out;
        scalar.reference = Some(written);
        // What comes out of a reference is text, also if it is empty.
        scalar.plain = false;
    }

    fn resolve(&self, reference: &str) -> Result<String, (String, String)> {
        if let Some(path) = reference.strip_prefix("file:") {
            return self.environment.secret(path).map_or_else(|| self.file(path), Ok);
        }
        let (name, default) = match reference.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (reference, None),
        };
        let valid = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        if name.is_empty() || !name.bytes().all(valid) || name.as_bytes()[0].is_ascii_digit() {
            let help = "write ${NAME}, ${NAME:-default} or ${file:path}";
            return Err((format!("`${{{}}}` is not a reference", reference.escape_debug()), help.to_owned()));
        }
        match (self.environment.variable(name).filter(|value| !value.is_empty()), default) {
            (Some(value), _) => Ok(value),
            (None, Some(default)) => Ok(default.to_owned()),
            (None, None) => Err((
                format!("environment variable {name} is not set (or empty)"),
                format!("set it for the hub's process, or give a default: ${{{name}:-value}}"),
            )),
        }
    }

    /// The file's text without its last line end.
    fn file(&self, path: &str) -> Result<String, (String, String)> {
        let full = self.folder.join(Path::new(path));
        let fail = |reason: String| {
            let help = format!("looked for {}; create it readable for the hub's user", full.display());
            (format!("secret file {path} cannot be read: {reason}"), help)
        };
        let meta = std::fs::metadata(&full).map_err(|error| fail(error.to_string()))?;
        if !meta.is_file() {
            return Err(fail("it is not a file".to_owned()));
        }
        if meta.len() > MAX_SECRET_BYTES {
            return Err(fail(format!("{} bytes are more than {MAX_SECRET_BYTES}", meta.len())));
        }
        let text = std::fs::read_to_string(&full).map_err(|error| fail(error.to_string()))?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() { Err(fail("it is empty".to_owned())) } else { Ok(text.to_owned()) }
    }
}
