//! `syncline backup`: a consistent image of the store, taken while work goes on.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::args::Global;
use super::client::{Client, shaped};
use super::entry::{Exit, actor};
use super::error::CliError;
use super::output::Surroundings;
use super::progress::watch;
use crate::api::Work;

pub(super) async fn backup(
    client: &Client,
    global: &Global,
    target: Option<&Path>,
    to: &mut Surroundings,
) -> Result<Exit, CliError> {
    if let Some(target) = target.filter(|target| target.exists()) {
        return Err(exists(target));
    }
    let started: Work = shaped(&client.post("/api/v1/backups", json!({ "actor": actor(global, to) })).await?)?;
    let work = watch(client, started, "backup", global.quiet, to).await?;
    let made = work.path.map(PathBuf::from).ok_or_else(|| CliError::internal("the backup left no file"))?;
    let path = match target {
        Some(target) => {
            moved(&made, target)?;
            target.to_owned()
        }
        None => made,
    };
    if global.json {
        to.json(&json!({ "path": path.display().to_string() }))?;
    } else {
        to.line(&format!("backup written to {}", path.display()))?;
    }
    Ok(Exit::Done)
}

fn exists(target: &Path) -> CliError {
    CliError::new("the file exists already and is not overwritten", target.display().to_string(), "give another name")
}

/// The hub writes to its own directory only; from there the file goes where the person wants it, whole or not at all.
fn moved(made: &Path, target: &Path) -> Result<(), CliError> {
    let failed = |cause: std::io::Error| {
        CliError::new(
            format!("the backup could not be put there: {cause}"),
            target.display().to_string(),
            format!("it is whole at {}; move it yourself", made.display()),
        )
    };
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut copy = match options.open(target) {
        Ok(copy) => copy,
        Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => return Err(exists(target)),
        Err(cause) => return Err(failed(cause)),
    };
    let copied = std::fs::File::open(made)
        .and_then(|mut from| std::io::copy(&mut from, &mut copy))
        .and_then(|_| copy.sync_all());
    if let Err(cause) = copied {
        // Half a backup must not look like one.
        std::fs::remove_file(target).map_err(failed)?;
        return Err(failed(cause));
    }
    std::fs::remove_file(made).map_err(failed)
}
