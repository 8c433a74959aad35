//! `syncline schema`: JSON Schemas for editors; not here: what is in them (`schemas`, `model`).

use std::path::Path;

use serde_json::json;

use super::args::Global;
use super::entry::Exit;
use super::error::CliError;
use super::output::{Surroundings, clean};
use crate::config::yaml::suggest;
use crate::schemas::{Document, all};

/// Where an installation keeps them: files name them relative to it.
pub(super) const FOLDER: &str = ".schemas";

pub(super) fn schema(
    global: &Global,
    name: Option<&str>,
    folder: Option<&Path>,
    to: &mut Surroundings,
) -> Result<Exit, CliError> {
    let documents = all();
    let names: Vec<&str> = documents.iter().map(|document| document.name).collect();
    if let Some(folder) = folder {
        let written = write(folder)?;
        if global.json {
            to.json(&written)?;
        } else {
            for file in written {
                to.line(&format!("written {file}"))?;
            }
        }
        return Ok(Exit::Done);
    }
    match name {
        None if global.json => to.json(&json!({ "schemas": names }))?,
        None => {
            to.line(&names.join("\n"))?;
            to.line("")?;
            to.line("`syncline schema NAME` prints one, `syncline schema --write DIR` writes all.")?;
        }
        Some(name) => {
            let found = documents
                .iter()
                .find(|document| document.name == name)
                .ok_or_else(|| CliError::usage(format!("there is no schema {}", clean(name)), suggest(name, &names)))?;
            to.json(&found.schema)?;
        }
    }
    Ok(Exit::Done)
}

/// All of them; they are made by the program, so what is there is replaced.
pub(super) fn write(folder: &Path) -> Result<Vec<String>, CliError> {
    let failed = |path: &Path, cause: std::io::Error| {
        let next = "choose a folder you may write to";
        CliError::new(format!("cannot be written: {cause}"), path.display().to_string(), next)
    };
    std::fs::create_dir_all(folder).map_err(|cause| failed(folder, cause))?;
    let mut written = Vec::new();
    for Document { name, schema } in all() {
        let path = folder.join(format!("{name}.json"));
        let text = serde_json::to_string_pretty(&schema).map_err(CliError::internal)?;
        std::fs::write(&path, text + "\n").map_err(|cause| failed(&path, cause))?;
        written.push(path.display().to_string());
    }
    Ok(written)
}
