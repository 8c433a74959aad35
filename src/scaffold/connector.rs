//! The one door: a name and perhaps a document in, a connector's folders out, linted before they are there.
//!
//! Not here: the texts (`plain`, `openapi`), moving files (`files`).

use std::path::Path;

use super::error::ScaffoldError;
use super::files::Stage;
use super::note::{Note, Notes};
use super::{openapi, plain};
use crate::config::yaml::Diagnostics;
use crate::conformance;
use crate::connector::registry::Registry;

/// What was written, below the installation, and what a person has to look at.
#[derive(Debug)]
pub struct Scaffolded {
    pub files: Vec<String>,
    pub notes: Vec<Note>,
    /// What `connector lint` would still like.
    pub warnings: Diagnostics,
}

/// Writes `connectors/NAME` and `mappings/NAME` of an installation. Neither may be there; after an error neither is.
pub fn new_connector(installation: &Path, name: &str, document: Option<&Path>) -> Result<Scaffolded, ScaffoldError> {
    if !is_name(name) {
        return Err(ScaffoldError::Name(name.escape_debug().to_string()));
    }
    let folders = [format!("mappings/{name}"), format!("connectors/{name}")];
    if let Some(there) = folders.iter().map(|folder| installation.join(folder)).find(|f| f.symlink_metadata().is_ok()) {
        return Err(ScaffoldError::Exists(there));
    }
    let registry = Registry::load(installation).map_err(ScaffoldError::Registry)?;
    if registry.connector(name).is_some() || registry.mapping_names().any(|known| belongs(known, name)) {
        return Err(ScaffoldError::Known(name.to_owned()));
    }
    let mut notes = Notes::default();
    let files = match document {
        None => plain::files(name),
        Some(document) => openapi::files(document, name, &mut notes)?,
    };
    let stage = Stage::write(installation, name, &files)?;
    let lint = conformance::of_folder(&stage.folder().join("connectors").join(name)).map_err(ScaffoldError::Unsound)?;
    if !lint.problems.is_empty() {
        return Err(ScaffoldError::Unsound(lint.problems));
    }
    stage.install(&folders)?;
    Ok(Scaffolded { files: files.paths(), notes: notes.into_vec(), warnings: lint.warnings })
}

fn belongs(mapping: &str, connector: &str) -> bool {
    mapping.split_once('/').is_some_and(|(owner, _)| owner == connector)
}

/// As the manifest's own check has it.
fn is_name(name: &str) -> bool {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.len() <= 40 && name.chars().all(letters)
}
