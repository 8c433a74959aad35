//! All files of a connector out of one document.
//!
//! Not here: their texts.

use std::path::Path;

use serde_json::json;

use super::document::Document;
use super::fixtures::{Scene, exchange, head, login};
use super::manifest::manifest;
use super::mapping::{Composed, goes_out, mapping};
use super::paths::template;
use super::service::{Service, Setting, service};
use super::statuses::Crosswalks;
use super::streams::{Stream, streams};
use crate::config::yaml::Node;
use crate::scaffold::error::ScaffoldError;
use crate::scaffold::files::Files;
use crate::scaffold::note::Notes;
use crate::scaffold::text::{one_line, quoted, title};

pub(crate) fn files(path: &Path, name: &str, notes: &mut Notes) -> Result<Files, ScaffoldError> {
    let document = Document::read(path)?;
    let files = compose(&document, name, notes);
    document.finish()?;
    Ok(files)
}

fn compose(document: &Document, name: &str, notes: &mut Notes) -> Files {
    let service = service(document, notes);
    let mut streams = streams(document, notes);
    if streams.is_empty() {
        let help = "begin without --openapi; its lists may be called otherwise, or be answers without a schema";
        document.error(document.root(), "no list of records that the hub has an entity for", help);
    }
    for stream in &mut streams {
        let writes = stream.create.is_some() || stream.update.is_some();
        if writes && !goes_out(document, stream) {
            notes.missing(
                format!("stream `{}`", stream.name),
                "writing is left out: nothing of what is sent is like a canonical field",
            );
            (stream.create, stream.update) = (None, None);
        }
        found_again(document, stream);
    }
    let (mut files, mut crosswalks, mut settings) = (Files::default(), Crosswalks::default(), service.settings.clone());
    let composed: Vec<Composed> =
        streams.iter().map(|stream| mapping(document, name, stream, &mut crosswalks, &mut settings, notes)).collect();
    let about = document.root().get("info").and_then(|info| info.get("title")).and_then(Node::as_str);
    let (check, check_fixture) = check(&service, &streams, &composed, &mut settings);
    let text = manifest(name, about, &service, &streams, &mut settings, &check, notes);
    let folder = format!("connectors/{name}");
    files.add(format!("{folder}/connector.yaml"), text);
    files.add(format!("{folder}/README.md"), readme(name, about, &settings));
    files.add(format!("{folder}/fixtures/settings.yaml"), samples(&settings));
    if !check_fixture.is_empty() {
        files.add(
            format!("{folder}/fixtures/check.yaml"),
            format!("{}exchanges:\n{}{check_fixture}expect: {{}}\n", head("check"), login(&service)),
        );
        if service.token_path.is_some() {
            files.add(
                format!("{folder}/fixtures/login.yaml"),
                format!("{}exchanges:\n{}{check_fixture}expect: {{}}\n", head("login"), login(&service)),
            );
        }
    }
    for (stream, composed) in streams.iter().zip(&composed) {
        files.add(format!("mappings/{name}/{}.yaml", stream.entity), composed.text.clone());
        let (sample, outgoing) = (&composed.sample, composed.outgoing.as_ref());
        let scene = Scene { service: &service, stream, sample, outgoing, settings: settings.clone() };
        let mut fixture = |kind: &str, text: Option<String>| {
            if let Some(text) = text {
                files.add(format!("{folder}/fixtures/{}-{kind}.yaml", stream.name), text);
            }
        };
        fixture("read", Some(scene.read()));
        fixture("resume", scene.resume());
        let [found, missing] = scene.get().map_or([None, None], |both| both.map(Some));
        fixture("get", found);
        fixture("get-missing", missing);
        fixture("create", scene.create());
        fixture("update", scene.update());
    }
    if let Some(text) = crosswalks.file(name) {
        files.add(format!("mappings/{name}/values.yaml"), text);
    }
    files
}

/// A look-up needs what it compares: the property must be mapped out, and from a text.
fn found_again(document: &Document, stream: &mut Stream<'_>) {
    let entity = stream.entity;
    if let Some(create) = &mut stream.create {
        let sent = super::schema::properties(document, create.body);
        let out = super::fields::matched(document, entity, crate::model::schema(entity).fields, &sent);
        let mapped = |property: &str| {
            out.pairs.iter().any(|pair| {
                pair.property.name == property
                    && pair.property.ty == super::schema::Type::Text
                    && matches!(pair.field.ty, crate::model::FieldType::Text | crate::model::FieldType::Ref(_))
            })
        };
        create.lookup = create.lookup.take().filter(|(_, property)| mapped(property));
    }
}

/// The check's lines in the manifest, and its exchange: the first stream's list, as short as it can be asked for.
fn check(
    service: &Service,
    streams: &[Stream<'_>],
    composed: &[Composed],
    settings: &mut Vec<Setting>,
) -> (String, String) {
    let Some((stream, composed)) = streams.first().zip(composed.first()) else { return (String::new(), String::new()) };
    let path = template(&stream.path, None, settings);
    let text = format!(
        "# guess: reading a list proves address, log-in and rights; an address about the account itself would be better\ncheck: {{ get: {} }}\n",
        quoted(&path.text)
    );
    let body =
        stream.records.as_ref().map_or_else(|| json!([composed.sample]), |member| json!({ member: [composed.sample] }));
    let ask = json!({ "get": format!("{}{}", service.path, path.heard) });
    (text, exchange(&ask, &json!({ "json": body }), false))
}

fn samples(settings: &[Setting]) -> String {
    let mut text =
        String::from("# The connection under test. {base} is the local vendor's address.\nbase_url: \"{base}\"\n");
    for setting in settings {
        text.push_str(&format!("{}: {}\n", setting.name, quoted(&setting.sample)));
    }
    text
}

fn readme(name: &str, about: Option<&str>, settings: &[Setting]) -> String {
    let names: Vec<String> = settings.iter().map(|setting| format!("{}: ...", setting.name)).collect();
    format!(
        "# {}\n\nComposed from the vendor's OpenAPI document. **Nothing is verified yet**: look for `# choose:` and `# guess:` in `connector.yaml` and in\n`mappings/{name}/`.\n\n## Set-up\n1. Where the credentials are made in the vendor's admin, and which rights they need.\n2. The connection:\n\n```yaml\nconnections:\n  my-{name}:\n    connector: {name}\n    settings: {{ {} }}\n```\n\n## Quirks\nWhat surprised you, each with its source and date; what no source confirms says \"unverified\".\n",
        about.map_or_else(|| title(name), |about| one_line(about, 80)),
        names.join(", ")
    )
}
