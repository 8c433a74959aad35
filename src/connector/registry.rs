//! The only place that lists connectors and mappings: those shipped inside the program, overlaid by an installation's folders.
//!
//! An installation's `connectors/<name>/` replaces the shipped connector of that name whole; its `mappings/<path>` is a further
//! layer over the shipped file, which the mapping compiler merges field by field.
//! Not here: what manifests and mappings mean.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};

use crate::config::yaml::{Diagnostic, Diagnostics, Source};

use super::manifest::Manifest;

static CONNECTORS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/connectors");
static MAPPINGS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/mappings");

/// A manifest or mapping larger than this is not one.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// An installation's folder with more files than this is the wrong folder.
const MAX_FILES: usize = 2_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Shipped,
    Installation,
}

#[derive(Debug, Clone)]
pub struct Connector {
    pub manifest: Arc<Manifest>,
    pub source: Arc<Source>,
    pub origin: Origin,
    /// Set-up steps, permissions and quirks, for the console and `syncline connector show`.
    pub readme: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct Registry {
    connectors: BTreeMap<String, Connector>,
    /// By path below `mappings/` without `.yaml` (`shop/order`): shipped first, then the installation's.
    mappings: BTreeMap<String, Vec<Arc<Source>>>,
}

impl Registry {
    /// What is shipped. Fails only for a defective build; a test reads every file.
    pub fn shipped() -> Result<Self, Diagnostics> {
        let mut registry = Self::default();
        let mut problems = Diagnostics::new();
        for folder in CONNECTORS.dirs() {
            let name = last_name(folder.path());
            let text = |file: &str| Some(CONNECTORS.get_file(folder.path().join(file))?.contents_utf8()?.to_owned());
            let manifest = text("connector.yaml").ok_or_else(|| missing_manifest("connectors", &name));
            registry.add(&name, "connectors", manifest, text("README.md"), Origin::Shipped, &mut problems);
        }
        for folder in MAPPINGS.dirs() {
            for file in folder.files() {
                let path = file.path().to_string_lossy().into_owned();
                if let (Some(name), Some(text)) = (path.strip_suffix(".yaml"), file.contents_utf8()) {
                    let source = Source::new(format!("mappings/{path}"), text);
                    registry.mappings.entry(name.to_owned()).or_default().push(source);
                }
            }
        }
        problems.into_result(Some(registry))
    }

    /// Lays `connectors/` and `mappings/` of an installation over what is shipped; both may be absent.
    pub fn load(installation: &Path) -> Result<Self, Diagnostics> {
        let mut registry = Self::shipped()?;
        let mut problems = Diagnostics::new();
        registry.load_connectors(installation, &mut problems);
        registry.load_mappings(installation, &mut problems);
        problems.into_result(Some(registry))
    }

    fn load_connectors(&mut self, installation: &Path, problems: &mut Diagnostics) {
        for folder in entries(&installation.join("connectors"), "connectors", problems) {
            if !folder.is_dir() {
                continue;
            }
            let name = last_name(&folder);
            let file = folder.join("connector.yaml");
            let manifest = if file.is_file() {
                read_text(&file, &format!("connectors/{name}/connector.yaml"))
            } else {
                Err(missing_manifest("connectors", &name))
            };
            let readme = read_text(&folder.join("README.md"), "README.md").ok();
            self.add(&name, "connectors", manifest, readme, Origin::Installation, problems);
        }
    }

    fn load_mappings(&mut self, installation: &Path, problems: &mut Diagnostics) {
        for folder in entries(&installation.join("mappings"), "mappings", problems) {
            let connector = last_name(&folder);
            if !folder.is_dir() {
                continue;
            }
            for file in entries(&folder, &format!("mappings/{connector}"), problems) {
                let name = last_name(&file);
                let Some(stem) = name.strip_suffix(".yaml").filter(|_| file.is_file()) else { continue };
                let path = format!("mappings/{connector}/{name}");
                match read_text(&file, &path) {
                    Ok(text) => {
                        self.mappings.entry(format!("{connector}/{stem}")).or_default().push(Source::new(path, text));
                    }
                    Err(problem) => problems.push(problem),
                }
            }
        }
    }

    fn add(
        &mut self,
        name: &str,
        below: &str,
        manifest: Result<String, Diagnostic>,
        readme: Option<String>,
        origin: Origin,
        problems: &mut Diagnostics,
    ) {
        let source = match manifest {
            Ok(text) => Source::new(format!("{below}/{name}/connector.yaml"), text),
            Err(problem) => return problems.push(problem),
        };
        match Manifest::parse(&source) {
            Ok(manifest) if *manifest.name == name => {
                let manifest = Arc::new(manifest);
                self.connectors.insert(name.to_owned(), Connector { manifest, source, origin, readme });
            }
            Ok(manifest) => {
                let message = format!("the manifest calls itself `{}`, its folder `{name}`", *manifest.name);
                problems.push(Diagnostic::new(&manifest.name.place, message).help("give both the same name"));
            }
            Err(found) => problems.extend(found),
        }
    }

    pub fn connector(&self, name: &str) -> Option<&Connector> {
        self.connectors.get(name)
    }

    /// By name.
    pub fn connectors(&self) -> impl Iterator<Item = &Connector> {
        self.connectors.values()
    }

    pub fn names(&self) -> Vec<&str> {
        self.connectors.keys().map(String::as_str).collect()
    }

    /// The layers of a mapping (`shop/order`) or of a connector's crosswalks (`shop/values`), shipped first; empty if there is none.
    pub fn mapping(&self, name: &str) -> &[Arc<Source>] {
        self.mappings.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// The text of a fixture that a mapping's test names, from the installation or from what is shipped.
    pub fn fixture(&self, installation: &Path, folder: &str, name: &str) -> Result<String, String> {
        let relative = Path::new(folder).join(name);
        let plain = |part: std::path::Component<'_>| matches!(part, std::path::Component::Normal(_));
        if !relative.components().all(plain) {
            return Err(format!("`{name}` leads out of the mapping's folder"));
        }
        let own = installation.join("mappings").join(&relative);
        if own.exists() {
            return read_text(&own, name).map_err(|problem| problem.message);
        }
        let shipped = MAPPINGS.get_file(&relative).and_then(|file| file.contents_utf8());
        shipped.map(str::to_owned).ok_or_else(|| format!("there is no fixture {}", relative.display()))
    }

    /// The files of a connector's `fixtures/`, by their path below it: of the installation's folder where that holds the connector.
    pub fn connector_fixtures(
        &self,
        installation: &Path,
        connector: &str,
    ) -> Result<BTreeMap<String, Vec<u8>>, Diagnostics> {
        match self.connectors.get(connector).map(|known| known.origin) {
            Some(Origin::Installation) => {
                folder_files(&installation.join("connectors").join(connector).join("fixtures"))
            }
            Some(Origin::Shipped) => {
                let folder = Path::new(connector).join("fixtures");
                let mut found = BTreeMap::new();
                if let Some(folder) = CONNECTORS.get_dir(&folder) {
                    embedded_files(folder, folder.path(), &mut found);
                }
                Ok(found)
            }
            None => Ok(BTreeMap::new()),
        }
    }

    pub fn mapping_names(&self) -> impl Iterator<Item = &str> {
        self.mappings.keys().map(String::as_str)
    }

    /// Changes when any manifest or mapping changes.
    pub(crate) fn digest(&self, hash: &mut Sha256) {
        let connectors = self.connectors.values().map(|connector| &connector.source);
        for source in connectors.chain(self.mappings.values().flatten()) {
            for part in [source.name(), source.text()] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
    }
}

fn embedded_files(folder: &Dir<'_>, root: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for file in folder.files() {
        if let Ok(name) = file.path().strip_prefix(root) {
            found.insert(name.to_string_lossy().into_owned(), file.contents().to_vec());
        }
    }
    folder.dirs().for_each(|inner| embedded_files(inner, root, found));
}

/// The files of a folder, one level of folders deep; a folder that does not exist has none.
fn folder_files(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, Diagnostics> {
    let (mut found, mut problems) = (BTreeMap::new(), Diagnostics::new());
    let mut read = |path: &Path, name: String, problems: &mut Diagnostics| {
        let size = std::fs::metadata(path).map(|metadata| metadata.len());
        let bytes = match size {
            Ok(size) if size > MAX_FILE_BYTES => Err(format!("{size} bytes are more than {MAX_FILE_BYTES}")),
            Ok(_) => std::fs::read(path).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match bytes {
            Ok(bytes) => drop(found.insert(name, bytes)),
            Err(reason) => {
                problems.push(Diagnostic::file(format!("fixtures/{name}"), format!("cannot be read: {reason}")))
            }
        }
    };
    for path in entries(folder, "fixtures", &mut problems) {
        let name = last_name(&path);
        if path.is_dir() {
            for inner in entries(&path, &format!("fixtures/{name}"), &mut problems) {
                read(&inner, format!("{name}/{}", last_name(&inner)), &mut problems);
            }
        } else {
            read(&path, name, &mut problems);
        }
    }
    problems.into_result(Some(found))
}

fn missing_manifest(below: &str, name: &str) -> Diagnostic {
    Diagnostic::file(format!("{below}/{name}"), "the folder has no connector.yaml")
        .help("add the manifest or remove the folder")
}

fn last_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The visible entries of a folder by name; a folder that does not exist is empty.
fn entries(folder: &Path, shown: &str, problems: &mut Diagnostics) -> Vec<std::path::PathBuf> {
    let listed = match std::fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            problems
                .push(Diagnostic::file(shown, format!("cannot be listed: {error}")).help("check the folder's rights"));
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for entry in listed {
        match entry {
            Ok(entry) => found.push(entry.path()),
            Err(error) => problems.push(Diagnostic::file(shown, format!("cannot be listed: {error}"))),
        }
        if found.len() > MAX_FILES {
            problems.push(
                Diagnostic::file(shown, format!("more than {MAX_FILES} entries"))
                    .help("check that it is the right folder"),
            );
            return Vec::new();
        }
    }
    found.retain(|path| !last_name(path).starts_with('.'));
    found.sort();
    found
}

/// A text file of bounded size, with a reason that names it.
pub(crate) fn read_text(path: &Path, shown: &str) -> Result<String, Diagnostic> {
    let fault = |reason: String| Diagnostic::file(shown, format!("cannot be read: {reason}"));
    let size = std::fs::metadata(path).map_err(|error| fault(error.to_string()))?.len();
    if size > MAX_FILE_BYTES {
        return Err(
            fault(format!("{size} bytes are more than {MAX_FILE_BYTES}")).help("check that the right file is meant")
        );
    }
    let bytes = std::fs::read(path).map_err(|error| fault(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| fault(format!("not UTF-8 at byte {}", error.utf8_error().valid_up_to())))
}
