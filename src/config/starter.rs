//! The first configuration of an installation: works as it stands, and its comments are the reference.
//!
//! Not here: writing it to disk.

/// A file to be written, relative to the configuration folder; existing files are never replaced by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StarterFile {
    pub path: &'static str,
    pub text: &'static str,
}

pub fn starter_files() -> &'static [StarterFile] {
    &[
        StarterFile { path: "syncline.yaml", text: include_str!("starter/syncline.yaml") },
        StarterFile { path: "conf.d/README.md", text: include_str!("starter/conf.d.md") },
        StarterFile { path: "connectors/README.md", text: include_str!("starter/connectors.md") },
        StarterFile { path: "mappings/README.md", text: include_str!("starter/mappings.md") },
        StarterFile { path: "secrets/.gitignore", text: "*\n!.gitignore\n" },
    ]
}
