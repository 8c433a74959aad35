//! The files of a scaffold on their way to disk: beside their place first, then moved as a whole, then never touched again.
//!
//! Not here: what stands in them.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::ScaffoldError;

/// Paths below the installation, with `/`, and their texts.
#[derive(Debug, Default)]
pub(super) struct Files(Vec<(String, String)>);

impl Files {
    pub(super) fn add(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.0.push((path.into(), text.into()));
    }

    pub(super) fn paths(&self) -> Vec<String> {
        self.0.iter().map(|(path, _)| path.clone()).collect()
    }

    fn write(&self, folder: &Path) -> Result<(), ScaffoldError> {
        for (path, text) in &self.0 {
            let path = folder.join(path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(ScaffoldError::io("made", parent))?;
            }
            fs::write(&path, text).map_err(ScaffoldError::io("written", &path))?;
        }
        Ok(())
    }
}

/// A folder of the installation that is gone when this is dropped, with everything in it.
pub(super) struct Stage {
    installation: PathBuf,
    folder: PathBuf,
}

impl Stage {
    pub(super) fn write(installation: &Path, name: &str, files: &Files) -> Result<Self, ScaffoldError> {
        let folder = installation.join(format!(".new-{name}-{}", std::process::id()));
        fs::create_dir_all(installation).map_err(ScaffoldError::io("made", installation))?;
        fs::create_dir(&folder).map_err(ScaffoldError::io("made", &folder))?;
        let stage = Self { installation: installation.to_owned(), folder };
        files.write(&stage.folder)?;
        Ok(stage)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Moves each of `folders` (`connectors/acme`) to its place. Where one cannot be moved, those before it are taken back.
    pub(super) fn install(self, folders: &[String]) -> Result<(), ScaffoldError> {
        let mut moved: Vec<PathBuf> = Vec::new();
        for folder in folders {
            let place = self.installation.join(folder);
            if let Err(error) = self.move_one(folder, &place) {
                for done in &moved {
                    fs::remove_dir_all(done).map_err(ScaffoldError::io("taken back", done))?;
                }
                return Err(error);
            }
            moved.push(place);
        }
        Ok(())
    }

    fn move_one(&self, folder: &str, place: &Path) -> Result<(), ScaffoldError> {
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).map_err(ScaffoldError::io("made", parent))?;
        }
        // A rename replaces an empty folder; what is there is somebody's.
        if place.symlink_metadata().is_ok() {
            return Err(ScaffoldError::Exists(place.to_owned()));
        }
        fs::rename(self.folder.join(folder), place).map_err(ScaffoldError::io("moved to its place", place))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), %error, "a folder of a scaffold could not be removed");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn two_files() -> Files {
        let mut files = Files::default();
        files.add("mappings/acme/order.yaml", "m");
        files.add("connectors/acme/connector.yaml", "c");
        files
    }

    #[test]
    fn what_cannot_be_finished_leaves_nothing() {
        let installation = tempfile::tempdir().unwrap();
        // A file stands where the second folder belongs.
        fs::write(installation.path().join("connectors"), "a file").unwrap();
        let stage = Stage::write(installation.path(), "acme", &two_files()).unwrap();
        let error = stage.install(&["mappings/acme".to_owned(), "connectors/acme".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("connectors"), "{error}");
        assert!(!installation.path().join("mappings/acme").exists());
        let left: Vec<_> = fs::read_dir(installation.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".new-")), "{left:?}");
    }

    #[test]
    fn what_is_there_stays() {
        let installation = tempfile::tempdir().unwrap();
        fs::create_dir_all(installation.path().join("connectors/acme")).unwrap();
        let stage = Stage::write(installation.path(), "acme", &two_files()).unwrap();
        let error = stage.install(&["mappings/acme".to_owned(), "connectors/acme".to_owned()]).unwrap_err();
        assert!(matches!(error, ScaffoldError::Exists(_)), "{error}");
        assert_eq!(fs::read_dir(installation.path().join("connectors/acme")).unwrap().count(), 0);
        assert!(!installation.path().join("mappings/acme").exists());
    }
}
