//! `syncline issues`: the work list, and what people do about it; not here: how a person edits (see `edit`).

use serde_json::json;

use super::args::{Global, IssuesCommand};
use super::client::{Client, shaped};
use super::edit::edit;
use super::entry::{Exit, actor};
use super::error::CliError;
use super::output::{Surroundings, Table, clean, clean_lines};
use super::status::plural;
use crate::api::Level;
use crate::api::resources::flows::Done;
use crate::api::resources::issues::{DeadLetterView, FileView, Form, IssueDetailView, IssueView};
use crate::store::DeadRef;

pub(super) async fn issues(
    client: &Client,
    global: &Global,
    command: &IssuesCommand,
    to: &mut Surroundings,
) -> Result<Exit, CliError> {
    let name = actor(global, to);
    match command {
        IssuesCommand::List { all } => list(client, global, *all, to).await,
        IssuesCommand::Show { id } => show(client, global, *id, to).await,
        IssuesCommand::Edit { id, record, file } => {
            let record = record.as_deref().map(parse_dead).transpose()?;
            let answer = edit(client, *id, record, file.as_deref(), &name, to).await?;
            told(&answer, global, ["corrected and back to work", ""], to)
        }
        IssuesCommand::Retry { id, only } => {
            let only = only.as_deref().map(parse_dead).transpose()?;
            let asked = json!({ "actor": name, "only": only });
            let answer = client.post(&format!("/api/v1/issues/{id}/retry"), asked).await?;
            told(&answer, global, ["back to work", "to be taken up again"], to)
        }
        IssuesCommand::Discard { id, only, reason } => {
            let only = only.as_deref().map(parse_dead).transpose()?;
            let body = json!({ "actor": name, "only": only, "reason": reason });
            let answer = client.post(&format!("/api/v1/issues/{id}/discard"), body).await?;
            told(&answer, global, ["given up", "given up"], to)
        }
    }
}

/// `what` was done to records, and to files.
fn told(answer: &serde_json::Value, global: &Global, what: [&str; 2], to: &mut Surroundings) -> Result<Exit, CliError> {
    if global.json {
        to.json(answer)?;
        return Ok(Exit::Done);
    }
    let done: Done = shaped(answer)?;
    let [of_records, of_files] = what;
    if done.count > 0 || done.files == 0 {
        to.line(&format!("{} {of_records}", plural(i64::try_from(done.count).unwrap_or(i64::MAX), "record")))?;
    }
    if done.files > 0 {
        to.line(&format!("{} {of_files}", plural(i64::try_from(done.files).unwrap_or(i64::MAX), "file")))?;
    }
    Ok(Exit::Done)
}

async fn list(client: &Client, global: &Global, all: bool, to: &mut Surroundings) -> Result<Exit, CliError> {
    let answer = client.get(&format!("/api/v1/issues?all={all}")).await?;
    let issues: Vec<IssueView> = shaped(&answer)?;
    let exit = if issues.iter().any(|issue| issue.open) { Exit::NotWell } else { Exit::Done };
    if global.json {
        to.json(&answer)?;
        return Ok(exit);
    }
    if issues.is_empty() {
        to.line("No open issue: nothing needs a person.")?;
        return Ok(exit);
    }
    let mut table = Table::new(&[">ISSUE", "STATE", "KIND", "WHERE", ">AFFECTED", "LAST SEEN", "WHAT"]);
    for issue in &issues {
        table.row(vec![
            issue.id.to_string(),
            state(issue, to),
            clean(&issue.class.replace('_', " ")),
            clean(&issue.scope),
            (issue.affected + issue.files).to_string(),
            to.ago(issue.last_at),
            clean(&issue.title),
        ]);
    }
    table.print(to)?;
    to.line("")?;
    to.line("`syncline issues show ISSUE` tells more and what to do.")?;
    Ok(exit)
}

fn state(issue: &IssueView, to: &Surroundings) -> String {
    if issue.open { to.mark(Level::Warn, "open") } else { to.mark(Level::Good, "resolved") }
}

async fn show(client: &Client, global: &Global, id: i64, to: &mut Surroundings) -> Result<Exit, CliError> {
    let answer = client.get(&format!("/api/v1/issues/{id}")).await?;
    let IssueDetailView { issue, dead_letters, files } = shaped(&answer)?;
    let exit = if issue.open { Exit::NotWell } else { Exit::Done };
    if global.json {
        to.json(&answer)?;
        return Ok(exit);
    }
    let title = to.bold(&issue.title);
    let mark = state(&issue, to);
    to.line(&format!("{title}  {mark}"))?;
    let class = issue.class.replace('_', " ");
    to.line(&format!("  where     {}, kind: {}", clean(&issue.scope), clean(&class)))?;
    let affected = match (issue.affected, issue.files) {
        (records, 0) => plural(records, "record"),
        (0, files) => plural(files, "file"),
        (records, files) => format!("{}, {}", plural(records, "record"), plural(files, "file")),
    };
    to.line(&format!("  affected  {affected}, seen {}", plural(issue.seen, "time")))?;
    to.line(&format!("  first     {}, last {}", to.ago(issue.first_at), to.ago(issue.last_at)))?;
    if issue.open {
        to.line(&format!("  fix       {}", clean(&issue.next_step)))?;
    } else {
        to.line(&format!("  resolved  {}", clean(&issue.resolution)))?;
    }
    if dead_letters.is_empty() && files.is_empty() && !issue.sample.is_empty() {
        to.line(&format!("  example   {}", clean(&issue.sample)))?;
    }
    for letter in &dead_letters {
        dead_letter(letter, to)?;
    }
    for file in &files {
        to.line("")?;
        let name = to.bold(&format!("file {}", clean(&file.name)));
        to.line(&format!("{name}  {}.{}, {}", clean(&file.connection), clean(&file.stream), to.ago(file.at)))?;
        to.line(&format!("  {}", clean(&file.error)))?;
    }
    if issue.open {
        to.line("")?;
        to.line(&acts(id, &dead_letters, &files))?;
    }
    Ok(exit)
}

/// What can be done about an open issue, and what it does.
fn acts(id: i64, dead_letters: &[DeadLetterView], files: &[FileView]) -> String {
    match (dead_letters.is_empty(), files.first()) {
        (true, Some(file)) => format!(
            "Then: syncline issues retry {id} (the file is {}), or issues discard {id} --reason WHY (it is {})",
            file.when_retried(),
            file.when_discarded()
        ),
        (false, _) => {
            format!("Then: syncline issues retry {id}, issues edit {id} RECORD, or issues discard {id} --reason WHY")
        }
        (true, None) => format!("Then: syncline issues discard {id} --reason WHY (nothing is left to retry)"),
    }
}

fn dead_letter(letter: &DeadLetterView, to: &mut Surroundings) -> Result<(), CliError> {
    to.line("")?;
    let name = to.bold(&dead_name(letter.dead));
    // What could not be read belongs to no stream and has no key.
    let place = match (letter.stream.as_str(), letter.key.as_str()) {
        ("", _) => letter.connection.clone(),
        (stream, "") => format!("{}.{stream}", letter.connection),
        (stream, key) => format!("{}.{stream} {key}", letter.connection),
    };
    to.line(&format!("{name}  {}, {}", clean(&place), to.ago(letter.at)))?;
    to.line(&format!("  {}", clean(&letter.error)))?;
    let form = match letter.form {
        Form::Payload => "payload".to_owned(),
        Form::Record => {
            let kind = letter.entity.as_deref().unwrap_or_default();
            format!("record ({}, revision {})", clean(kind), letter.revision.unwrap_or_default())
        }
    };
    for (label, text) in [("request", &letter.request), ("response", &letter.response), (&form, &letter.body)] {
        if text.is_empty() {
            continue;
        }
        to.line(&format!("  {label}:"))?;
        for line in clean_lines(text) {
            to.line(&format!("    {line}"))?;
        }
    }
    Ok(())
}

pub(super) fn dead_name(dead: DeadRef) -> String {
    match dead {
        DeadRef::Inbox(id) => format!("inbox-{id}"),
        DeadRef::Job(id) => format!("job-{id}"),
    }
}

fn parse_dead(text: &str) -> Result<DeadRef, CliError> {
    let parsed = text.split_once('-').and_then(|(kind, id)| match (kind, id.parse()) {
        ("inbox", Ok(id)) => Some(DeadRef::Inbox(id)),
        ("job", Ok(id)) => Some(DeadRef::Job(id)),
        _ => None,
    });
    parsed.ok_or_else(|| {
        CliError::usage(
            format!("{text:?} names no record of an issue"),
            "write job-12 or inbox-3, as `syncline issues show` does",
        )
    })
}
