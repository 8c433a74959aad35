//! `syncline discover`: what a connection has, and a field table to begin with; not here: looking (`hub`), suggesting (`mapping`).

use std::path::PathBuf;

use super::args::{DiscoverArgs, Global};
use super::entry::Exit;
use super::error::CliError;
use super::output::{Surroundings, Table, clean};
use super::run::load;
use crate::api::Level;
use crate::connector::connection::ConnectionOptions;
use crate::connector::registry::Registry;
use crate::hub::{DiscoverError, DiscoverOptions, DiscoveredStream, Discovery, Plant};
use crate::mapping::FieldProfile;
use crate::model::clock::Clock;

pub(super) async fn discover(global: &Global, args: &DiscoverArgs, to: &mut Surroundings) -> Result<Exit, CliError> {
    let config = load(&global.config, to)?;
    let place = global.config.display().to_string();
    let plant = Plant::build(config, b"discover only", &ConnectionOptions::default(), &Clock::System, None)
        .map_err(|error| CliError::new(error.to_string(), place, "correct it and look again"))?;
    let options = DiscoverOptions { stream: args.stream.clone(), sample: usize::from(args.sample) };
    let found = plant.discover(&args.connection, &options).await.map_err(|error| match error {
        DiscoverError::Connection(_) => {
            CliError::usage(clean(&error.to_string()), "name one of the configuration's `connections`")
        }
        DiscoverError::Stream { .. } => {
            CliError::usage(clean(&error.to_string()), "`syncline connectors` lists the streams of each connector")
        }
    })?;
    let written = if args.write { write(global, &found)? } else { Vec::new() };
    if global.json {
        to.json(&found)?;
    } else {
        tell(&found, to)?;
        for line in &written {
            to.line(&clean(line))?;
        }
    }
    let all_well = found.problems.is_empty() || !found.streams.is_empty() || !found.tables.is_empty();
    Ok(if all_well { Exit::Done } else { Exit::Failed })
}

fn tell(found: &Discovery, to: &mut Surroundings) -> Result<(), CliError> {
    for stream in &found.streams {
        tell_stream(stream, to)?;
    }
    if !found.tables.is_empty() {
        let mut table = Table::new(&["TABLE", "COLUMNS", "KEY", "CURSOR"]);
        for each in &found.tables {
            let columns: Vec<String> =
                each.columns.iter().map(|column| format!("{} {}", column.name, column.data_type)).collect();
            let or_none = |names: &[String]| if names.is_empty() { "-".to_owned() } else { clean(&names.join(", ")) };
            table.row(vec![clean(&each.name), clean(&columns.join(", ")), or_none(&each.keys), or_none(&each.cursors)]);
        }
        table.print(to)?;
        to.line("")?;
    }
    if !found.program_streams.is_empty() {
        to.line(&format!("The program's streams: {}", clean(&found.program_streams.join(", "))))?;
    }
    for problem in &found.problems {
        let mark = to.mark(Level::Warn, "not looked at");
        to.line(&format!("{mark} {}", clean(problem)))?;
    }
    Ok(())
}

fn tell_stream(stream: &DiscoveredStream, to: &mut Surroundings) -> Result<(), CliError> {
    let entity = stream.entity.as_deref().unwrap_or("any");
    let heading = to.bold(&format!("{} ({entity}), {} records", clean(&stream.stream), stream.records));
    to.line(&heading)?;
    if stream.fields.is_empty() {
        to.line("  nothing to look at: the sample is empty")?;
        return Ok(to.line("")?);
    }
    let mut table = Table::new(&["FIELD", "TYPE", "WITH VALUE", "VALUES OR EXAMPLES"]);
    for field in &stream.fields {
        let all = field.present + field.null + field.absent;
        let nulls = if field.null > 0 { format!(", {} null", field.null) } else { String::new() };
        table.row(vec![clean(&field.path), kind(field), format!("{} of {all}{nulls}", field.present), shown(field)]);
    }
    table.print(to)?;
    let Some(draft) = &stream.draft else { return Ok(to.line("")?) };
    to.line("")?;
    let mut table = Table::new(&["CANONICAL FIELD", "CELL", "SURE", "WHY"]);
    for each in &draft.suggestions {
        let sure = if each.sure { format!("{}%", each.confidence) } else { format!("{}%, look", each.confidence) };
        table.row(vec![clean(&each.field), clean(&each.cell), sure, clean(&each.reason)]);
    }
    table.print(to)?;
    for (name, words) in &draft.crosswalks {
        let words =
            words.iter().map(|(vendor, canonical)| format!("{vendor} -> {}", canonical.as_deref().unwrap_or("?")));
        to.line(&format!("crosswalk {}: {}", clean(name), clean(&words.collect::<Vec<_>>().join(", "))))?;
    }
    if !draft.missing.is_empty() {
        let mark = to.mark(Level::Warn, "to be found");
        to.line(&format!("{mark} a record must also have: {}", clean(&draft.missing.join(", "))))?;
    }
    Ok(to.line("")?)
}

fn kind(field: &FieldProfile) -> String {
    let types: Vec<&str> = field.types.keys().copied().collect();
    let types = if types.is_empty() { "null".to_owned() } else { types.join(" or ") };
    field.time.as_ref().map_or_else(|| types.clone(), |time| format!("{types}, {}", clean(time)))
}

fn shown(field: &FieldProfile) -> String {
    let text = match &field.values {
        Some(values) => values.iter().map(|(value, count)| format!("{value} ({count})")).collect::<Vec<_>>().join(", "),
        None => field.examples.join(", "),
    };
    let text = clean(&text);
    match text.char_indices().nth(80) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

/// Puts the drafts where there is no mapping yet; what is said about each.
fn write(global: &Global, found: &Discovery) -> Result<Vec<String>, CliError> {
    let registry = Registry::load(&global.config).map_err(|problems| {
        CliError::new(
            format!("mappings cannot be read:\n{problems}"),
            global.config.display().to_string(),
            "correct what is named",
        )
    })?;
    let mut told = Vec::new();
    let mut made: Vec<PathBuf> = Vec::new();
    for stream in &found.streams {
        let (Some(draft), Some(name)) = (&stream.draft, &stream.mapping_name) else { continue };
        let folder =
            global.config.join("mappings").join(name.split_once('/').map_or(name.as_str(), |(folder, _)| folder));
        let path = global.config.join("mappings").join(format!("{name}.yaml"));
        if !registry.mapping(name).is_empty() || path.exists() {
            told.push(format!("mapping {name} is there already and stays as it is; compare it with the suggestions"));
            continue;
        }
        put(&path, &draft.mapping)?;
        told.push(format!(
            "{} written: `syncline mapping test {name}` reads it, a test is yours to add",
            path.display()
        ));
        if draft.values.is_empty() {
            continue;
        }
        let values = folder.join("values.yaml");
        if values.exists() {
            let whose = if made.contains(&values) { "of another stream" } else { "your own" };
            told.push(format!("{} has crosswalks already, {whose}; add these:\n{}", values.display(), draft.values));
        } else {
            put(&values, &draft.values)?;
            told.push(format!("{} written", values.display()));
            made.push(values);
        }
    }
    Ok(told)
}

fn put(path: &std::path::Path, text: &str) -> Result<(), CliError> {
    let failed = |error: std::io::Error| {
        CliError::new(
            format!("cannot be written: {error}"),
            path.display().to_string(),
            "check the rights on the folder",
        )
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)
}
