//! `syncline restore`: a backup takes the place of the store; the hub must be stopped.

use std::path::Path;

use serde_json::json;

use super::entry::Exit;
use super::error::CliError;
use super::installation::Installation;
use super::output::Surroundings;
use super::status::plural;
use crate::store::sqlite::SqliteStore;

pub(super) async fn restore(
    installation: &Installation,
    from: &Path,
    replace: bool,
    json: bool,
    to: &mut Surroundings,
) -> Result<Exit, CliError> {
    let target = installation.database()?;
    if target.exists() && !replace {
        return Err(CliError::new(
            "there is a store already",
            target.display().to_string(),
            "give --replace to put the backup in its place; the present one is kept beside it",
        ));
    }
    let directory = target.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory).map_err(|cause| {
        CliError::new(
            format!("the directory of the store cannot be made: {cause}"),
            directory.display().to_string(),
            "check that this user may write there",
        )
    })?;
    let restored = SqliteStore::restore(from, target, replace, &installation.own_dir).await?;
    let (kept, files) = (restored.former, restored.files);
    if json {
        let kept = kept.as_ref().map(|kept| kept.display().to_string());
        to.json(&json!({ "restored": target.display().to_string(), "kept": kept, "files": files }))?;
        return Ok(Exit::Done);
    }
    to.line(&format!("restored to {}", target.display()))?;
    if let Some(kept) = kept {
        to.line(&format!("the former store is kept as {}", kept.display()))?;
    }
    if !files.is_empty() {
        let own = installation.own_dir.display();
        to.line(&format!("{} of the hub's own restored to {own}", plural(files.len() as i64, "file")))?;
    }
    to.line("Sources are read again from the backup's checkpoints when the hub starts.")?;
    Ok(Exit::Done)
}
