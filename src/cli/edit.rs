//! `syncline issues edit`: the corrected record or payload, from a file, standard input or the person's editor; not here:
//! what it has to be (see `api`).

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::client::{Client, shaped};
use super::error::CliError;
use super::issues::dead_name;
use super::output::Surroundings;
use crate::api::resources::issues::{DeadLetterView, Form, IssueDetailView};
use crate::store::DeadRef;
use crate::web::pretty;

/// Corrects one dead letter of an issue. `record` may be left out where the issue has one only.
pub(super) async fn edit(
    client: &Client,
    id: i64,
    record: Option<DeadRef>,
    file: Option<&Path>,
    actor: &str,
    to: &mut Surroundings,
) -> Result<Value, CliError> {
    let path = format!("/api/v1/issues/{id}/edit");
    let asked = |dead: DeadRef, body: String| json!({ "actor": actor, "dead": dead, "body": body });
    if let (Some(dead), Some(file)) = (record, file) {
        return client.post(&path, asked(dead, given(file, to)?)).await;
    }
    let detail: IssueDetailView = shaped(&client.get(&format!("/api/v1/issues/{id}")).await?)?;
    let letter = chosen(&detail, record)?;
    if let Some(file) = file {
        return client.post(&path, asked(letter.dead, given(file, to)?)).await;
    }
    let draft = Draft::edited(letter)?;
    let mut body = asked(letter.dead, draft.text.clone());
    // Whatever happened while the editor was open is not written over.
    body["base"] = letter.body_sha256.as_str().into();
    match client.post(&path, body).await {
        Ok(answer) => {
            draft.remove();
            Ok(answer)
        }
        Err(error) => Err(draft.kept(id, error)),
    }
}

/// The one that is meant.
fn chosen(detail: &IssueDetailView, record: Option<DeadRef>) -> Result<&DeadLetterView, CliError> {
    let id = detail.issue.id;
    if let Some(dead) = record {
        let found = detail.dead_letters.iter().find(|letter| letter.dead == dead);
        return found.ok_or_else(|| {
            CliError::new(format!("issue {id} has no {}", dead_name(dead)), "", "see `syncline issues show`")
        });
    }
    match (&detail.dead_letters[..], detail.files.first()) {
        ([one], _) => Ok(one),
        ([], Some(file)) => Err(CliError::new(
            format!(
                "issue {id} is about file {:?}, of which nothing was taken in: there is no record to edit",
                file.name
            ),
            format!("{}.{}", file.connection, file.stream),
            format!(
                "have a corrected file sent, or correct it in error/; `issues retry {id}`: it is {}; \
                 `issues discard {id} --reason WHY`: it is {}",
                file.when_retried(),
                file.when_discarded()
            ),
        )),
        ([], None) => {
            Err(CliError::new(format!("issue {id} has no record (any more)"), "", "see `syncline issues show`"))
        }
        (several, _) => Err(CliError::usage(
            format!("issue {id} has {} records", several.len()),
            format!("name the one to edit: {}, ... (`syncline issues show {id}`)", dead_name(several[0].dead)),
        )),
    }
}

/// What the person wrote beforehand.
fn given(file: &Path, to: &mut Surroundings) -> Result<String, CliError> {
    if file == Path::new("-") {
        let mut text = String::new();
        to.input.read_to_string(&mut text).map_err(|cause| {
            CliError::new(format!("standard input cannot be read: {cause}"), "", "pipe the record in as UTF-8")
        })?;
        return Ok(text);
    }
    std::fs::read_to_string(file).map_err(|cause| {
        CliError::new(format!("the record cannot be read: {cause}"), file.display().to_string(), "check the path")
    })
}

/// A private copy that the person's editor worked on.
struct Draft {
    path: PathBuf,
    text: String,
}

impl Draft {
    fn edited(letter: &DeadLetterView) -> Result<Draft, CliError> {
        let editor = std::env::var("VISUAL")
            .or_else(|_| std::env::var("EDITOR"))
            .map_err(|_| CliError::usage("no editor is set", "set EDITOR, or give the corrected record by --file"))?;
        let name = format!("syncline-{}-{}.txt", std::process::id(), dead_name(letter.dead));
        // A record has one form, however it is spaced; a payload is its source's, to the last blank.
        let shown = match letter.form {
            Form::Record => pretty(&letter.body) + "\n",
            Form::Payload => letter.body.clone(),
        };
        let mut draft = Draft { path: std::env::temp_dir().join(name), text: String::new() };
        let edited = draft.open(&editor, &shown).map(|text| without_added_end(&shown, text));
        match edited {
            Ok(text) if text == shown => {
                draft.remove();
                Err(CliError::new("nothing was changed", "", "retry it as it is with `syncline issues retry`"))
            }
            Ok(text) => {
                draft.text = text;
                Ok(draft)
            }
            Err(error) => {
                draft.remove();
                Err(error)
            }
        }
    }

    fn open(&self, editor: &str, shown: &str) -> Result<String, CliError> {
        let failed = |cause: std::io::Error| {
            CliError::new(
                format!("editing failed: {cause}"),
                self.path.display().to_string(),
                "give the corrected record by --file instead",
            )
        };
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        std::io::Write::write_all(&mut options.open(&self.path).map_err(failed)?, shown.as_bytes()).map_err(failed)?;
        let mut words = editor.split_whitespace();
        let status = std::process::Command::new(words.next().unwrap_or_default()).args(words).arg(&self.path).status();
        if !status.map_err(failed)?.success() {
            return Err(CliError::new("the editor ended with an error", editor, "nothing was changed; try again"));
        }
        std::fs::read_to_string(&self.path).map_err(failed)
    }

    fn remove(&self) {
        if let Err(cause) = std::fs::remove_file(&self.path)
            && cause.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %cause, "the copy for editing could not be removed");
        }
    }

    /// Refused: what the person wrote is not lost.
    fn kept(&self, id: i64, error: CliError) -> CliError {
        let path = self.path.display();
        let next_step = format!(
            "{}; what you wrote is kept: correct {path}, then `syncline issues edit {id} RECORD --file {path}`, and remove it",
            error.next_step
        );
        CliError { next_step, ..error }
    }
}

/// Editors end the last line; a payload that had no such end does not get one.
fn without_added_end(shown: &str, text: String) -> String {
    match text.strip_suffix('\n') {
        Some(rest) if !shown.ends_with('\n') && !rest.ends_with('\n') => rest.to_owned(),
        Some(_) | None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::without_added_end;

    #[test]
    fn an_editor_adds_no_line_end() {
        for (shown, text, kept) in
            [("<a/>", "<b/>\n", "<b/>"), ("<a/>\n", "<b/>\n", "<b/>\n"), ("a", "b\n\n", "b\n\n"), ("a", "b", "b")]
        {
            assert_eq!(without_added_end(shown, text.to_owned()), kept, "{shown:?} {text:?}");
        }
    }
}
