//! Where a recording is put: beside the installation's own connector, or into a folder that `connector test --config` takes.
//!
//! Not here: what is in it.

use std::path::{Path, PathBuf};

use super::run::{RecordError, Recording};
use crate::conformance::folder::FreshFolder;
use crate::conformance::report::Report;
use crate::connector::registry::{Origin, Registry};

/// Whether the connector is one that the program brings.
pub(super) fn is_shipped(registry: &Registry, connector: &str) -> bool {
    registry.connector(connector).is_some_and(|known| known.origin == Origin::Shipped)
}

/// The folder that a recording goes to by itself: an own connector is completed where it lies; a shipped one is not replaced by a
/// copy of itself, so that gets a folder of its own.
pub fn default_folder(registry: &Registry, installation: &Path, connector: &str) -> PathBuf {
    if is_shipped(registry, connector) { installation.join("recorded") } else { installation.to_owned() }
}

/// What is written where; the error names the files that are there already.
pub fn write(
    registry: &Registry,
    installation: &Path,
    recording: &Recording,
    folder: &Path,
    force: bool,
) -> Result<Vec<PathBuf>, RecordError> {
    let fixtures = folder.join("connectors").join(&recording.connector).join("fixtures");
    let there: Vec<String> = recording
        .files
        .keys()
        .map(|name| fixtures.join(name))
        .filter(|path| path.exists())
        .map(|path| path.display().to_string())
        .collect();
    if !there.is_empty() && !force {
        return Err(RecordError::Machine(format!("{} is there already and is not overwritten", there.join(", "))));
    }
    let failed = |path: &Path, error: &std::io::Error| {
        RecordError::Machine(format!("{} cannot be written: {error}", path.display()))
    };
    let mut written = beside(registry, installation, &recording.connector, folder)?;
    std::fs::create_dir_all(&fixtures).map_err(|error| failed(&fixtures, &error))?;
    for (name, bytes) in &recording.files {
        let path = fixtures.join(name);
        std::fs::write(&path, bytes).map_err(|error| failed(&path, &error))?;
        written.push(path);
    }
    Ok(written)
}

/// The manifest and the mappings, where the folder has no connector of that name yet: the suite needs them beside the fixtures.
fn beside(
    registry: &Registry,
    installation: &Path,
    connector: &str,
    folder: &Path,
) -> Result<Vec<PathBuf>, RecordError> {
    let own = folder.join("connectors").join(connector);
    let mut written = Vec::new();
    if own.join("connector.yaml").exists() {
        return Ok(written);
    }
    let failed = |path: &Path, error: &std::io::Error| {
        RecordError::Machine(format!("{} cannot be written: {error}", path.display()))
    };
    let Some(known) = registry.connector(connector) else { return Err(RecordError::Connector(connector.to_owned())) };
    std::fs::create_dir_all(&own).map_err(|error| failed(&own, &error))?;
    let texts = [("connector.yaml", Some(known.source.text())), ("README.md", known.readme.as_deref())];
    for (name, text) in texts {
        let Some(text) = text else { continue };
        let path = own.join(name);
        std::fs::write(&path, text).map_err(|error| failed(&path, &error))?;
        written.push(path);
    }
    // The installation's own layers; what is shipped is found anyway.
    let mappings = installation.join("mappings");
    let target = folder.join("mappings");
    if mappings.is_dir() && !target.exists() {
        copy(&mappings, &target, &mut written).map_err(|error| failed(&target, &error))?;
    }
    Ok(written)
}

fn copy(from: &Path, to: &Path, written: &mut Vec<PathBuf>) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&entry.path(), &target, written)?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), &target)?;
            written.push(target);
        }
    }
    Ok(())
}

/// What the suite says of the connector with nothing but the recording, and the fixtures of an own connector beside it.
pub(super) async fn judged(
    registry: &Registry,
    installation: &Path,
    recording: &Recording,
) -> Result<Report, RecordError> {
    let machine =
        |error: std::io::Error| RecordError::Machine(format!("the recorded fixtures cannot be tried: {error}"));
    let folder = FreshFolder::new().map_err(machine)?;
    if !is_shipped(registry, &recording.connector) {
        let own = Path::new("connectors").join(&recording.connector);
        copy(&installation.join(&own), &folder.path().join(&own), &mut Vec::new()).map_err(machine)?;
        let mappings = installation.join("mappings");
        if mappings.is_dir() {
            copy(&mappings, &folder.path().join("mappings"), &mut Vec::new()).map_err(machine)?;
        }
    }
    write(registry, installation, recording, folder.path(), true)?;
    let registry = Registry::load(folder.path()).map_err(|problems| RecordError::Unreadable(problems.to_string()))?;
    let files = registry
        .connector_fixtures(folder.path(), &recording.connector)
        .map_err(|problems| RecordError::Unreadable(problems.to_string()))?;
    let set = crate::conformance::fixture::FixtureSet::read(&recording.connector, &files);
    if !set.problems.is_empty() {
        return Err(RecordError::Unreadable(set.problems.to_string()));
    }
    match crate::conformance::test(&registry, folder.path(), &recording.connector).await {
        Some(report) => report.map_err(machine),
        None => Err(RecordError::Connector(recording.connector.clone())),
    }
}
