//! Why no scaffold was written; not here: how it is shown.

use std::path::PathBuf;

use crate::config::yaml::Diagnostics;

#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    #[error(
        "`{0}` is not a connector name: lower-case letters, digits, `-` and `_`, starting with a letter, at most 40 characters"
    )]
    Name(String),
    #[error("there is a connector {0} already")]
    Known(String),
    #[error("{0} exists; nothing that is there is overwritten")]
    Exists(PathBuf),
    #[error("the connectors that are there cannot be read:\n{0}")]
    Registry(Diagnostics),
    /// The document cannot be read, or is not what it should be.
    #[error("{0}")]
    Document(Diagnostics),
    #[error("{path} cannot be {doing}: {cause}")]
    Io { doing: &'static str, path: PathBuf, cause: std::io::Error },
    /// A defect of the scaffold: nothing was written.
    #[error("what was composed does not hold, so nothing was written; please report this as a defect:\n{0}")]
    Unsound(Diagnostics),
}

impl ScaffoldError {
    /// What to do next.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Name(_) => "choose a name such as acme or acme-eu",
            Self::Known(_) => "choose another name, or edit the files of the one that is there",
            Self::Exists(_) => "choose another name, or move it away",
            Self::Registry(_) => "correct what is named",
            Self::Document(_) => "correct the document, or begin without it and edit the plain scaffold",
            Self::Io { .. } => "choose a folder that you may write to, with space left",
            Self::Unsound(_) => "begin without --openapi and edit the plain scaffold",
        }
    }

    pub(super) fn io(doing: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::Io { doing, path, cause }
    }
}
