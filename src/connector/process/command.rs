//! Which file a command means, and whether it is there.
//!
//! Not here: starting it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::connector::manifest::Process;
use crate::mapping::expr::{Scope, TemplateError};

/// Where programs are found unless the manifest declares another `PATH`.
pub(super) const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The words of a command, `./name` standing for a file of the connector's folder.
pub(super) fn words(process: &Process, settings: &Value, folder: &Path) -> Result<Vec<String>, TemplateError> {
    let scope = Scope::new().with("settings", settings);
    let word = |text: String| match text.strip_prefix("./") {
        Some(file) => folder.join(file).display().to_string(),
        None => text,
    };
    process.command.iter().map(|part| part.render(&scope).map(word)).collect()
}

/// The declared environment, with what every program has.
pub(super) fn environment(process: &Process, settings: &Value) -> Result<Vec<(String, String)>, TemplateError> {
    let scope = Scope::new().with("settings", settings);
    let mut env = vec![("PATH".to_owned(), PATH.to_owned()), ("LANG".to_owned(), "C.UTF-8".to_owned())];
    for (name, template) in &process.env {
        env.retain(|(known, _)| known != name);
        env.push((name.clone(), template.render(&scope)?));
    }
    Ok(env)
}

/// The executable of a command's first word: a path, or a name looked up in `path`.
pub(super) fn find(word: &str, path: &str) -> Result<PathBuf, String> {
    if word.contains('/') {
        let file = PathBuf::from(word);
        if file.is_relative() {
            return Err(format!(
                "`{word}` is neither a name, nor an absolute path, nor `./` and a file of the connector's folder"
            ));
        }
        return match fs::metadata(&file) {
            Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => Ok(file),
            Ok(_) => Err(format!("`{word}` is not an executable file")),
            Err(error) => Err(format!("`{word}`: {error}")),
        };
    }
    let found = path.split(':').map(|folder| Path::new(folder).join(word)).find(|file| file.is_file());
    found.ok_or_else(|| format!("no program `{word}` in {path}"))
}

/// What is missing before a connection's program can be started; for checking a configuration.
pub fn missing(process: &Process, settings: &Value, folder: &Path) -> Option<String> {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let (words, env) = match (words(process, settings, &folder), environment(process, settings)) {
        (Ok(words), Ok(env)) => (words, env),
        (Err(error), _) | (_, Err(error)) => return Some(error.to_string()),
    };
    let path = env.iter().find(|(name, _)| name == "PATH").map_or(PATH, |(_, path)| path);
    let (program, arguments) = words.split_first()?;
    if let Err(reason) = find(program, path) {
        return Some(reason);
    }
    let own = |word: &&String| Path::new(word).starts_with(&folder) && !Path::new(word).exists();
    arguments.iter().find(own).map(|word| format!("there is no `{word}`"))
}
