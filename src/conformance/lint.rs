//! Everything that is wrong, or wanting, in a connector's files, without running anything.
//!
//! Not here: behaviour (`run`), what makes a manifest or mapping readable at all (their own readers).

use std::path::Path;

use super::behaviour::claims;
use super::run::fits;
use super::subject::Subject;
use crate::config::yaml::{Diagnostic, Diagnostics, suggest};
use crate::connector::manifest::{Manifest, Setting, Stream};
use crate::connector::registry::{Connector, Registry};

/// Problems keep a connector from being right; warnings from being good.
#[derive(Debug, Default)]
pub struct Lint {
    pub problems: Diagnostics,
    pub warnings: Diagnostics,
}

/// Words in a setting's name that only secrets have.
const SECRETIVE: [&str; 7] = ["secret", "password", "passphrase", "token", "private_key", "api_key", "signature_key"];
/// Shorter ones are found by chance.
const SHORTEST_SECRET: usize = 10;

/// Looks at one connector of the registry.
pub fn lint(registry: &Registry, installation: &Path, name: &str) -> Lint {
    let mut lint = Lint::default();
    let (Some(subject), Some(connector)) = (Subject::new(registry, installation, name), registry.connector(name))
    else {
        lint.problems.push(Diagnostic::file(format!("connectors/{name}"), "there is no such connector"));
        return lint;
    };
    lint.problems.extend(subject.broken.iter().cloned());
    lint.problems.extend(subject.set.problems.iter().cloned());
    streams(&subject, &mut lint);
    settings(&subject, &mut lint);
    fixtures(&subject, connector, &mut lint);
    readme(connector, &mut lint);
    lint.problems.sort();
    lint.warnings.sort();
    lint
}

/// Looks at a folder that need not be part of an installation yet: `connectors/NAME` of one, or a folder by itself.
pub fn of_folder(folder: &Path) -> Result<Lint, Diagnostics> {
    let shown = folder.display().to_string();
    let wrong = |message: &str| {
        let mut problems = Diagnostics::new();
        problems.push(Diagnostic::file(shown.clone(), message).help("name a folder that holds a connector.yaml"));
        problems
    };
    let folder = folder.canonicalize().map_err(|error| wrong(&format!("cannot be opened: {error}")))?;
    let name = folder.file_name().and_then(|name| name.to_str()).ok_or_else(|| wrong("has no name"))?.to_owned();
    if !folder.join("connector.yaml").is_file() {
        return Err(wrong("has no connector.yaml"));
    }
    let above = folder.parent().ok_or_else(|| wrong("lies nowhere"))?;
    let installation = above.parent().filter(|_| above.file_name().is_some_and(|name| name == "connectors"));
    let installation = installation
        .ok_or_else(|| wrong("does not lie in a folder `connectors`, beside which `mappings` are found"))?;
    let registry = Registry::load(installation)?;
    Ok(lint(&registry, installation, &name))
}

fn streams(subject: &Subject<'_>, lint: &mut Lint) {
    for stream in &subject.manifest.streams {
        let place = &stream.name.place;
        for problem in fits(subject, stream) {
            let said = problem.strip_prefix(&format!("{place}: ")).unwrap_or(&problem).to_owned();
            lint.problems.push(
                Diagnostic::new(place, said).help(
                    "a stream's records pass a mapping, unless they are canonical already (`mapping: canonical`)",
                ),
            );
        }
        if stream.title.is_none() {
            let message = format!("stream `{}` has no title", *stream.name);
            lint.warnings
                .push(Diagnostic::new(place, message).help("add `title:` in the words of the people who use it"));
        }
        unused(stream, lint);
    }
}

fn unused(stream: &Stream, lint: &mut Lint) {
    if !stream.is_source() && !stream.is_sink() && stream.get.is_none() {
        let message = format!("stream `{}` is neither read nor written", *stream.name);
        lint.warnings.push(Diagnostic::new(&stream.name.place, message).help("add `read`, `webhook` or `write`"));
    }
}

fn settings(subject: &Subject<'_>, lint: &mut Lint) {
    for setting in &subject.manifest.settings {
        let (name, place) = (&*setting.name, &setting.name.place);
        if setting.title == name.replace('_', " ") {
            let message = format!("setting `{name}` has no title");
            lint.warnings
                .push(Diagnostic::new(place, message).help("add `title:`, which stands in forms and messages"));
        }
        if !setting.secret && looks_secret(setting) {
            let message = format!("setting `{name}` looks like a secret and is not masked");
            lint.warnings.push(Diagnostic::new(place, message).help("add `secret: true`"));
        }
        if setting.secret
            && let Some(value) = subject.set.setting(name)
            && value.chars().count() < SHORTEST_SECRET
        {
            let message = format!("the fixture's secret `{name}` is so short that it is found by chance");
            lint.warnings.push(
                Diagnostic::new(&value.place, message).help(format!("write at least {SHORTEST_SECRET} odd characters")),
            );
        }
    }
    let known: Vec<&str> = subject.manifest.settings.iter().map(|setting| setting.name.as_str()).collect();
    for (name, _) in subject.set.settings.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
        let message = format!("the connector has no setting `{}`", **name);
        lint.problems.push(Diagnostic::new(&name.place, message).help(suggest(name, &known)));
    }
}

fn looks_secret(setting: &Setting) -> bool {
    let name = setting.name.to_lowercase();
    let says = SECRETIVE.iter().any(|word| name.contains(word));
    // Addresses where tokens are fetched, and times for which they live, are no secrets.
    says && !["_url", "_id", "_address", "_ttl", "_life", "_path", "_scope", "_name"]
        .iter()
        .any(|ending| name.ends_with(ending))
        && setting.format().is_none()
}

fn fixtures(subject: &Subject<'_>, connector: &Connector, lint: &mut Lint) {
    let manifest: &Manifest = &subject.manifest;
    if subject.set.fixtures.is_empty() && !claims(manifest).is_empty() {
        let message = format!(
            "connectors/{}/fixtures has no scenario: nothing of what the manifest claims is proven",
            subject.name
        );
        lint.warnings.push(
            Diagnostic::file(connector.source.name(), message)
                .help("docs/conformance.md says which fixtures there are"),
        );
    }
    for fixture in &subject.set.fixtures {
        use super::fixture::Scenario;
        let stream = match &fixture.scenario {
            Scenario::Read(case) => &case.stream,
            Scenario::Get(case) => &case.stream,
            Scenario::Write(case) => &case.stream,
            Scenario::FileIn(case) => &case.stream,
            Scenario::FileOut(case) => &case.stream,
            Scenario::Check(_)
            | Scenario::Login(_)
            | Scenario::Limit(_)
            | Scenario::Subscriptions(_)
            | Scenario::Webhook(_) => continue,
        };
        let known: Vec<&str> = manifest.streams.iter().map(|stream| stream.name.as_str()).collect();
        if !known.contains(&stream.as_str()) {
            let message = format!("fixture `{}`: the connector has no stream `{}`", fixture.kind(), **stream);
            lint.problems.push(Diagnostic::new(&stream.place, message).help(suggest(stream, &known)));
        }
    }
}

fn readme(connector: &Connector, lint: &mut Lint) {
    let name = connector.manifest.name.as_str();
    let empty = connector.readme.as_ref().is_none_or(|text| text.trim().is_empty());
    if empty {
        let message = "the connector has no README.md";
        let help =
            "write down the set-up in the vendor's admin, the rights it needs, and its quirks with date and source";
        lint.warnings.push(Diagnostic::file(format!("connectors/{name}"), message).help(help));
    }
}
