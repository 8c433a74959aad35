//! `syncline init`: a commented configuration to begin with; not here: its text (`config::starter_files`).

use std::path::Path;

use super::args::Global;
use super::entry::Exit;
use super::error::CliError;
use super::output::Surroundings;
use super::schema;
use crate::config::starter_files;

/// Writes the files that are not there yet; what is there stays as it is.
pub(super) fn init(global: &Global, to: &mut Surroundings) -> Result<Exit, CliError> {
    let folder = &global.config;
    let mut written = Vec::new();
    for file in starter_files() {
        let path = folder.join(file.path);
        if path.exists() {
            to.line(&format!("kept    {}", path.display()))?;
            continue;
        }
        write(&path, file.text)?;
        to.line(&format!("written {}", path.display()))?;
        written.push(path);
    }
    // Made by the program: what is there is of an older one.
    let schemas = folder.join(schema::FOLDER);
    schema::write(&schemas)?;
    to.line(&format!("written {} (for editors: completion and checks while typing)", schemas.display()))?;
    if global.json {
        to.json(&written)?;
        return Ok(Exit::Done);
    }
    let here = folder.display();
    to.line("")?;
    to.line(&format!(
        "Next: edit {here}/syncline.yaml, then `syncline check --config {here}` and `syncline run --config {here}`."
    ))?;
    Ok(Exit::Done)
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    let failed = |cause: std::io::Error| {
        CliError::new(
            format!("cannot be written: {cause}"),
            path.display().to_string(),
            "choose a folder you may write to",
        )
    };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)
}
