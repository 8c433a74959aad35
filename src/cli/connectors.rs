//! `syncline connectors`: what can be connected; not here: manifests.

use serde_json::json;

use super::args::Global;
use super::catalogue;
use super::entry::Exit;
use super::error::CliError;
use super::output::{Surroundings, Table, clean};
use crate::connector::capability::capability;
use crate::connector::manifest::{Stream, StreamEntity};
use crate::connector::registry::{Origin, Registry};

pub(super) fn connectors(
    global: &Global,
    name: Option<&str>,
    markdown: bool,
    to: &mut Surroundings,
) -> Result<Exit, CliError> {
    let registry = Registry::load(&global.config).map_err(|problems| {
        CliError::new(
            format!("connectors cannot be read:\n{problems}"),
            global.config.display().to_string(),
            "correct what is named",
        )
    })?;
    if markdown {
        for line in catalogue::catalogue(&registry).lines() {
            to.line(line)?;
        }
        return Ok(Exit::Done);
    }
    let wanted = |candidate: &&str| name.is_none_or(|name| name == *candidate);
    let names: Vec<&str> = registry.names().into_iter().filter(wanted).collect();
    if names.is_empty() {
        return Err(CliError::usage(
            format!("there is no connector {}", name.unwrap_or_default()),
            "`syncline connectors` lists them; add one as connectors/<name>/connector.yaml",
        ));
    }
    let found = names.iter().filter_map(|name| Some((*name, registry.connector(name)?)));
    if global.json {
        let all: Vec<_> = found
            .map(|(name, connector)| {
                let streams: Vec<_> = connector.manifest.streams.iter().map(stream_json).collect();
                json!({ "connector": name, "title": connector.manifest.title, "streams": streams,
                        "origin": origin(connector.origin) })
            })
            .collect();
        to.json(&all)?;
        return Ok(Exit::Done);
    }
    if name.is_some() {
        for (_, connector) in found {
            catalogue::matrix(&capability(&registry, connector), to)?;
            to.line(connector.readme.as_deref().unwrap_or("This connector has no README."))?;
        }
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["CONNECTOR", "TITLE", "STREAMS", "FROM"]);
    for (name, connector) in found {
        let streams: Vec<String> =
            connector.manifest.streams.iter().map(|stream| format!("{} ({})", *stream.name, ways(stream))).collect();
        table.row(vec![
            name.to_owned(),
            clean(&connector.manifest.title),
            clean(&streams.join(", ")),
            origin(connector.origin).to_owned(),
        ]);
    }
    table.print(to)?;
    to.line("")?;
    to.line("`syncline connectors NAME` shows how to set one up.")?;
    Ok(Exit::Done)
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Shipped => "shipped",
        Origin::Installation => "this installation",
    }
}

fn ways(stream: &Stream) -> &'static str {
    match (stream.is_source(), stream.is_sink()) {
        (true, true) => "in, out",
        (true, false) => "in",
        (false, true) => "out",
        (false, false) => "none",
    }
}

fn stream_json(stream: &Stream) -> serde_json::Value {
    let entity = match stream.entity {
        StreamEntity::One(entity) => entity.as_str(),
        StreamEntity::Any => "any",
    };
    json!({ "stream": stream.name.value, "entity": entity, "reads": stream.is_source(), "writes": stream.is_sink(),
            "webhooks": stream.webhook.is_some() })
}
