//! `syncline recon export`: a run's report as a file of this machine; not here: the formats (`finance::export`).
//!
//! The file appears under its name when all of it is there and on the disk, by a rename.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::cli::args::Global;
use crate::cli::client::{Client, Download};
use crate::cli::entry::Exit;
use crate::cli::error::CliError;
use crate::cli::output::{Surroundings, clean};

/// `to`: a file, a folder that is there, `-` for standard output; without, the current folder.
pub(super) async fn export(
    client: &Client,
    global: &Global,
    path: &str,
    out: Option<&Path>,
    to: &mut Surroundings,
) -> Result<Exit, CliError> {
    let Download { name, bytes } = client.download(path).await?;
    if out == Some(Path::new("-")) {
        to.out.write_all(&bytes)?;
        to.out.flush()?;
        return Ok(Exit::Done);
    }
    let place = match out {
        Some(folder) if folder.is_dir() => folder.join(name),
        Some(file) => file.to_owned(),
        None => PathBuf::from(name),
    };
    put(&place, &bytes).map_err(|cause| {
        CliError::new(cause.to_string(), place.display().to_string(), "give a place that can be written by --out")
    })?;
    let shown = place.display().to_string();
    if global.json {
        to.json(&serde_json::json!({ "file": shown, "bytes": bytes.len() }))?;
    } else {
        to.line(&clean(&shown))?;
    }
    Ok(Exit::Done)
}

/// What was there under the name is replaced at once, or stays.
fn put(place: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut part = place.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let written = (|| {
        let mut file = File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&part, place)
    })();
    if written.is_err() && part.exists() {
        std::fs::remove_file(&part)?;
    }
    written
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("report.pdf");
        put(&place, b"first").unwrap();
        put(&place, b"second").unwrap();
        assert_eq!(
            (std::fs::read(&place).unwrap(), names(folder.path())),
            (b"second".to_vec(), vec!["report.pdf".into()])
        );
        // A folder that holds something is not replaced by a file: the rename fails last of all.
        let taken = folder.path().join("taken");
        std::fs::create_dir(&taken).unwrap();
        std::fs::write(taken.join("x"), "x").unwrap();
        put(&taken, b"third").unwrap_err();
        assert_eq!(names(folder.path()), ["report.pdf", "taken"]);
        put(&folder.path().join("gone/report.pdf"), b"x").unwrap_err();
    }
}
