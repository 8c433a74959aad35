//! The newest file that a stream would read, where it lies, for whoever wants a look at it.
//!
//! Not here: claiming it for work (`drop`), reading it (`read`).

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::connector::manifest::FileRead;
use crate::mapping::expr::Scope;

/// In the drop folder, or in the archive of what was read already. Never one that is being worked on.
pub fn newest(described: &FileRead, base: &Path, settings: &Value, stream: &str) -> Result<PathBuf, String> {
    let folder =
        described.folder.value.render(&Scope::new().with("settings", settings)).map_err(|error| error.to_string())?;
    let folder = base.join(folder);
    let archive = described.drop_spec(&folder, stream).archive;
    for place in [&folder, &archive] {
        let listed = std::fs::read_dir(place).into_iter().flatten().filter_map(Result::ok);
        let fits = listed.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            // The archive puts the time before the name.
            let named = described.pattern.matches(&name).is_some();
            let archived = place == &archive
                && described.pattern.matches(name.split_once('_').map_or("", |(_, name)| name)).is_some();
            let metadata = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
            (named || archived).then(|| (metadata.modified().ok(), entry.path()))
        });
        if let Some((_, path)) = fits.max() {
            return Ok(path);
        }
    }
    Err(format!(
        "no file in {} fits the stream's pattern; ask the partner for one, or put a sample there",
        folder.display()
    ))
}
