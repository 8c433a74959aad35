//! `syncline explain`: where is this record?

use super::args::Global;
use super::client::{Client, shaped};
use super::entry::Exit;
use super::error::CliError;
use super::output::{Surroundings, Table, clean, clean_lines};
use crate::api::resources::records::RecordView;
use crate::api::{Hop, Level, StageState, Story, encode, side_by_side};
use crate::telemetry::moment;

pub(super) async fn explain(
    client: &Client,
    global: &Global,
    record: &str,
    payloads: bool,
    to: &mut Surroundings,
) -> Result<Exit, CliError> {
    let path = find(client, record).await?;
    let answer = client.get(&path).await?;
    if global.json {
        to.json(&answer)?;
        return Ok(Exit::Done);
    }
    let story: Story = shaped(&answer)?;
    print(&story, payloads, to)?;
    Ok(Exit::Done)
}

/// A full address is taken as it is; anything else is searched for, and has to mean one record.
async fn find(client: &Client, record: &str) -> Result<String, CliError> {
    let parts: Vec<&str> = record.splitn(3, '/').collect();
    if let [connection, stream, key] = parts[..]
        && !key.is_empty()
    {
        return Ok(path(connection, stream, key));
    }
    let found: Vec<RecordView> = shaped(&client.get(&format!("/api/v1/records?q={}", encode(record))).await?)?;
    let Some(first) = found.first() else {
        return Err(CliError::new(
            format!("nothing has the number, key or id {record:?}"),
            "",
            "it may not have arrived yet: see `syncline status` and `syncline issues list`",
        ));
    };
    let same = |other: &RecordView| other.entity == first.entity && other.natural_key == first.natural_key;
    let exact: Vec<&RecordView> = found.iter().filter(|other| is_called(other, record)).collect();
    if exact.iter().all(|other| same(other)) && (!exact.is_empty() || found.len() == 1) {
        return Ok(path(&first.connection, &first.stream, &first.key));
    }
    let names: Vec<String> = found
        .iter()
        .take(10)
        .map(|other| {
            format!("{}/{}/{} ({} {})", other.connection, other.stream, other.key, other.entity, other.natural_key)
        })
        .collect();
    Err(CliError::new(
        format!("{record:?} means {} records", found.len()),
        names.join(", "),
        "give one of these as connection/stream/key",
    ))
}

fn is_called(record: &RecordView, text: &str) -> bool {
    let bare = |name: &str| name.trim_start_matches('#').to_owned();
    bare(&record.natural_key) == bare(text) || record.key == text
}

fn path(connection: &str, stream: &str, key: &str) -> String {
    format!("/api/v1/records/{}/{}/{}", encode(connection), encode(stream), encode(key))
}

fn print(story: &Story, payloads: bool, to: &mut Surroundings) -> Result<(), CliError> {
    let name = if story.natural_key.is_empty() { &story.key } else { &story.natural_key };
    let entity = story.entity.as_deref().unwrap_or("record").replace('_', " ");
    let revision = story.revision.map(|revision| format!(" · revision {revision}")).unwrap_or_default();
    let deleted = if story.deleted { " · deleted" } else { "" };
    let title = to.bold(&format!("{entity} {name}"));
    let place = format!("{}.{} · key {}", story.connection, story.stream, story.key);
    to.line(&format!("{title} · {}{revision}{deleted}", clean(&place)))?;
    to.line("")?;
    stages(story, to)?;
    section("What comes next", to)?;
    for expectation in &story.expected {
        let by = expectation.by.map(|by| format!(", {}", to.ago(by))).unwrap_or_default();
        let issue = expectation.issue.map(|issue| format!(" (issue {issue})")).unwrap_or_default();
        let mark = to.mark(expectation.level, &expectation.text);
        to.line(&format!("  {mark}{by}{issue}"))?;
    }
    systems(story, to)?;
    section("What happened", to)?;
    for hop in &story.hops {
        hop_lines(hop, payloads, to)?;
    }
    Ok(())
}

/// Field by field; a `≠` before those on which two systems do not agree.
fn systems(story: &Story, to: &mut Surroundings) -> Result<(), CliError> {
    if story.systems.is_empty() {
        return Ok(());
    }
    section("What each system has", to)?;
    for system in &story.systems {
        let place = format!("{}.{} {} · revision {}", system.connection, system.stream, system.key, system.revision);
        to.line(&format!("  {}, changed {}", clean(&place), to.ago(system.changed_at)))?;
    }
    for row in side_by_side(&story.systems) {
        let values: Vec<String> = row.values.iter().map(|value| clean(value)).collect();
        let sign = if row.differs { "≠" } else { " " };
        to.line(&format!("  {sign} {:26} {}", clean(&row.path), values.join("  |  ")))?;
    }
    Ok(())
}

fn section(title: &str, to: &mut Surroundings) -> Result<(), CliError> {
    to.line("")?;
    let title = to.bold(title);
    Ok(to.line(&title)?)
}

fn stages(story: &Story, to: &mut Surroundings) -> Result<(), CliError> {
    let mut table = Table::new(&["AT", "STATION", "STATE", "DETAIL", "WHEN"]);
    for stage in &story.stages {
        let level = match stage.state {
            StageState::Done => Level::Good,
            StageState::Active => Level::Info,
            StageState::Waiting => Level::Warn,
            StageState::Failed => Level::Bad,
            StageState::Skipped => Level::Muted,
        };
        table.row(vec![
            clean(&stage.system),
            clean(&stage.title),
            to.mark(level, stage.state.as_str()),
            clean(&stage.detail),
            stage.at.map(|at| to.ago(at)).unwrap_or_default(),
        ]);
    }
    Ok(table.print(to)?)
}

fn hop_lines(hop: &Hop, payloads: bool, to: &mut Surroundings) -> Result<(), CliError> {
    let took = hop.took_ms.map(|ms| format!(" (took {})", moment::duration(ms * 1000))).unwrap_or_default();
    let mark = to.mark(hop.level, &hop.title);
    to.line(&format!("  {}  {mark}{took}", moment::absolute(hop.at.0)))?;
    let issue = hop.issue.map(|issue| format!(" · issue {issue}")).unwrap_or_default();
    to.line(&format!("{:27}{}{issue}", "", clean(&hop.detail)))?;
    for payload in hop.payloads.iter().filter(|_| payloads) {
        to.line(&format!("{:27}{}:", "", payload.label))?;
        for line in clean_lines(&payload.text) {
            to.line(&format!("{:29}{line}", ""))?;
        }
    }
    Ok(())
}
