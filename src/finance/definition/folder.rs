//! The definitions of an installation: `reconciliations/*.yaml`, read anew each time, with all their mistakes.
//!
//! Not here: the contents of a file.

use std::path::Path;
use std::sync::Arc;

use crate::config::yaml::{Diagnostic, Diagnostics, Source};

use crate::finance::bind::{Connectors, bind};
use crate::finance::record_rows::HubStreams;

use super::{Definition, parse};

/// Below the installation.
pub const FOLDER: &str = "reconciliations";

/// A definition with the text that it was read from.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub definition: Definition,
    pub source: Arc<Source>,
}

impl Loaded {
    /// The definition with the connectors and streams of the installation, or every name that is not there. Without streams, sides
    /// that are the hub's are not looked at.
    pub fn bound(
        mut self,
        connectors: &Connectors<'_>,
        streams: Option<&HubStreams>,
    ) -> Result<Definition, Diagnostics> {
        bind(&mut self.definition, &self.source, connectors, streams)?;
        Ok(self.definition)
    }
}

/// What the folder holds: definitions that can be used, in order of their files, and everything that is wrong. Without the
/// folder there are none.
pub fn load_all(installation: &Path) -> (Vec<Loaded>, Diagnostics) {
    let (sources, mut problems) = sources(installation, FOLDER);
    let mut loaded = Vec::<Loaded>::new();
    for (shown, source) in sources {
        match parse(&source) {
            Ok(definition) => match loaded.iter().find(|other| other.definition.name == definition.name) {
                Some(_) => problems.push(
                    Diagnostic::file(shown, format!("another file defines `{}` too", definition.name))
                        .help("its runs are kept by this name: give each a name of its own"),
                ),
                None => loaded.push(Loaded { definition, source }),
            },
            Err(found) => problems.extend(found),
        }
    }
    (loaded, problems)
}

/// As `load_all`, with everything that is wrong between definitions and the installation's connectors and streams.
pub fn check_all(installation: &Path, streams: Option<&HubStreams>) -> (Vec<Loaded>, Diagnostics) {
    let (loaded, mut problems) = load_all(installation);
    let connectors = Connectors::of(installation);
    for loaded in &loaded {
        if let Err(found) = loaded.clone().bound(&connectors, streams) {
            problems.extend(found);
        }
    }
    problems.sort();
    (loaded, problems)
}

/// The YAML files of a folder of the installation, in order of their names, each with its path as people are told it; and what
/// could not be read. Without the folder there are none.
pub(in crate::finance) fn sources(installation: &Path, folder: &str) -> (Vec<(String, Arc<Source>)>, Diagnostics) {
    let (mut sources, mut problems) = (Vec::new(), Diagnostics::new());
    let mut names = Vec::new();
    match std::fs::read_dir(installation.join(folder)) {
        Ok(entries) => {
            let found = entries.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned());
            names.extend(found.filter(|name| name.ends_with(".yaml") && !name.starts_with('.')));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => problems.push(unreadable(folder, &error)),
    }
    names.sort();
    for name in names {
        let shown = format!("{folder}/{name}");
        match std::fs::read_to_string(installation.join(&shown)) {
            Ok(text) => sources.push((shown.clone(), Source::new(shown, text))),
            Err(error) => problems.push(unreadable(&shown, &error)),
        }
    }
    (sources, problems)
}

fn unreadable(name: &str, error: &std::io::Error) -> Diagnostic {
    Diagnostic::file(name, format!("cannot be read: {error}")).help("check that the hub's user may read it")
}
