//! The connector under test: manifest, fixtures, mappings, and connections of the real engine to the fixtures' vendor.
//!
//! Not here: what is asked of it (`run`).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde_json::Value as Json;

use super::fixture::{FixtureSet, RefCase, WrittenRecord};
use crate::config::yaml::{Diagnostics, Place, suggest};
use crate::connector::connection::{Connection, ConnectionOptions};
use crate::connector::http::Patience;
use crate::connector::http::client::{Tap, Wire};
use crate::connector::http::guard::{AddressRange, EgressPolicy};
use crate::connector::manifest::{Manifest, RateLimit, SettingProblem, SettingValues, Stream};
use crate::connector::registry::Registry;
use crate::mapping::{Mapping, OutContext, Refs, Remote, Values, json_of};
use crate::model::{Entity, Extra, Record, extra_value};

/// What the clocks show where a fixture does not say: after everything that fixtures are about.
const NOW: &str = "2027-01-01T00:00:00Z";

pub(crate) struct Subject<'r> {
    pub(crate) name: String,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) registry: &'r Registry,
    pub(crate) installation: &'r Path,
    pub(crate) set: FixtureSet,
    /// By name; those that cannot be loaded are told once, in `broken`.
    pub(crate) mappings: BTreeMap<String, Arc<Mapping>>,
    pub(crate) broken: Diagnostics,
}

impl<'r> Subject<'r> {
    pub(crate) fn new(registry: &'r Registry, installation: &'r Path, name: &str) -> Option<Self> {
        let manifest = Arc::clone(&registry.connector(name)?.manifest);
        let mut broken = Diagnostics::new();
        let set = match registry.connector_fixtures(installation, name) {
            Ok(files) => FixtureSet::read(name, &files),
            Err(problems) => {
                broken.extend(problems);
                FixtureSet::default()
            }
        };
        let mut mappings = BTreeMap::new();
        let own = format!("{name}/");
        let named =
            registry.mapping_names().filter(|mapping| mapping.starts_with(&own) && !mapping.ends_with("/values"));
        let used = manifest.streams.iter().filter_map(|stream| stream.mapping_name(name));
        for wanted in named.map(str::to_owned).chain(used) {
            if mappings.contains_key(&wanted) || registry.mapping(&wanted).is_empty() {
                continue;
            }
            match load(registry, &wanted) {
                Ok(mapping) => drop(mappings.insert(wanted, Arc::new(mapping))),
                Err(problems) => broken.extend(problems),
            }
        }
        broken.sort();
        Some(Self { name: name.to_owned(), manifest, registry, installation, set, mappings, broken })
    }

    /// The mapping of a stream, if it has one that can be loaded.
    pub(crate) fn mapping(&self, stream: &Stream) -> Option<&Arc<Mapping>> {
        self.mappings.get(&stream.mapping_name(&self.name)?)
    }

    pub(crate) fn stream(&self, name: &str, place: &Place) -> Result<&Stream, String> {
        let known: Vec<&str> = self.manifest.streams.iter().map(|stream| stream.name.as_str()).collect();
        self.manifest
            .stream(name)
            .ok_or_else(|| format!("{place}: the connector has no stream `{name}`; {}", suggest(name, &known)))
    }

    /// Text of a fixture of one of the connector's mappings.
    pub(crate) fn mapping_fixture(&self, mapping: &str, name: &str) -> Result<String, String> {
        let folder = mapping.split_once('/').map_or(mapping, |(folder, _)| folder);
        self.registry.fixture(self.installation, folder, name)
    }

    /// The settings of settings.yaml, with `over` in the place of some.
    pub(crate) fn settings(
        &self,
        base: &str,
        folder: &str,
        over: &[(String, String)],
    ) -> Result<SettingValues, String> {
        let fill = |text: &str| text.replace("{base}", base).replace("{folder}", folder);
        let mut given: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in &self.set.settings {
            if self.manifest.setting(name).is_none() {
                let known: Vec<&str> = self.manifest.settings.iter().map(|setting| setting.name.as_str()).collect();
                return Err(format!(
                    "{}: the connector has no setting `{}`; {}",
                    name.place,
                    **name,
                    suggest(name, &known)
                ));
            }
            given.insert(name.value.clone(), fill(value));
        }
        for (name, value) in over {
            if self.manifest.setting(name).is_none() {
                return Err(format!("the connector has no setting `{name}`"));
            }
            given.insert(name.clone(), fill(value));
        }
        SettingValues::complete(&self.manifest.settings, &given).map_err(|problems| {
            let told = problems.iter().map(|problem| match problem {
                SettingProblem::Missing { name } => format!("setting `{name}` is missing in fixtures/settings.yaml"),
                SettingProblem::Wrong { name, expected } => {
                    format!("setting `{name}` of fixtures/settings.yaml is not {expected}")
                }
                SettingProblem::Default { name, reason } => {
                    format!("the default of setting `{name}` cannot be computed: {reason}")
                }
            });
            told.collect::<Vec<_>>().join("; ")
        })
    }

    /// A connection of the real engine to this machine: it repeats nothing by itself, and its clock stands still.
    pub(crate) fn connect(
        &self,
        settings: &SettingValues,
        at: Timestamp,
        wire: Option<Wire>,
    ) -> Result<Connection, String> {
        self.connect_as(self.manifest.as_ref().clone(), settings, at, wire)
    }

    /// The same, with `tap` in the vendor's place.
    pub(crate) fn connect_tapped(
        &self,
        settings: &SettingValues,
        at: Timestamp,
        tap: Arc<dyn Tap>,
    ) -> Result<Connection, String> {
        self.open(
            self.manifest.as_ref().clone(),
            settings,
            at,
            ConnectionOptions { tap: Some(tap), ..ConnectionOptions::default() },
        )
    }

    pub(crate) fn connect_as(
        &self,
        manifest: Manifest,
        settings: &SettingValues,
        at: Timestamp,
        wire: Option<Wire>,
    ) -> Result<Connection, String> {
        self.open(manifest, settings, at, ConnectionOptions { wire, ..ConnectionOptions::default() })
    }

    /// The same at the manifest's own pace.
    pub(crate) fn connect_paced(
        &self,
        settings: &SettingValues,
        at: Timestamp,
        wire: Option<Wire>,
    ) -> Result<Connection, String> {
        let options = ConnectionOptions { wire, ..ConnectionOptions::default() };
        self.open_paced(self.manifest.as_ref().clone(), settings, at, options)
    }

    fn open(
        &self,
        mut manifest: Manifest,
        settings: &SettingValues,
        at: Timestamp,
        options: ConnectionOptions,
    ) -> Result<Connection, String> {
        if let Some(http) = &mut manifest.http {
            // A limit paces; what the suite asks is what is said when it is reached all the same.
            http.rate_limit = RateLimit::default();
        }
        self.open_paced(manifest, settings, at, options)
    }

    fn open_paced(
        &self,
        manifest: Manifest,
        settings: &SettingValues,
        at: Timestamp,
        options: ConnectionOptions,
    ) -> Result<Connection, String> {
        let loopback: AddressRange = "127.0.0.0/8".parse().map_err(|error| format!("{error}"))?;
        let options = ConnectionOptions {
            egress: EgressPolicy { allow: vec![loopback], ports: Vec::new(), hosts: None },
            patience: Patience {
                budget: Duration::from_secs(1),
                retries: 0,
                pause: Duration::from_millis(1),
                longest_pause: Duration::from_millis(1),
            },
            max_pages: 500,
            clock: Arc::new(move || at),
            ..options
        };
        Connection::new(&self.name, Arc::new(manifest), settings, options).map_err(|error| error.to_string())
    }

    /// Every secret of these settings, for finding where one leaks.
    pub(crate) fn secrets(settings: &SettingValues) -> Vec<String> {
        settings.secrets().map(|secret| secret.expose_secret().to_owned()).collect()
    }

    /// The record in the vendor's shape, and its natural key where it is known.
    pub(crate) fn written(
        &self,
        stream: &Stream,
        record: &WrittenRecord,
        refs: &[RefCase],
        binding: Option<&str>,
        entity: Option<Entity>,
        settings: &Json,
    ) -> Result<(Json, Option<Record>), String> {
        let (node, entity) = match (record, entity) {
            (WrittenRecord::Vendor(node), _) => return Ok((json_of(node), None)),
            (WrittenRecord::Canonical(node), Some(entity)) => (node, entity),
            (WrittenRecord::Canonical(_), None) => {
                return Err(format!(
                    "stream `{}` takes any entity: add `entity: order` (or another) to the fixture",
                    *stream.name
                ));
            }
        };
        let record = Record::from_json(entity, &json_of(node))
            .map_err(|error| format!("`canonical` is not a {entity}: {error}"))?;
        let Some(name) = stream.mapping_name(&self.name) else { return Ok((record.to_json(), Some(record))) };
        let mapping = self.mappings.get(&name).ok_or_else(|| format!("there is no mapping {name}"))?;
        let refs = known_refs(refs)?;
        let context = OutContext { refs: &refs, binding, settings };
        let body = mapping.map_out(&record, context).map_err(|error| error.to_string())?;
        Ok((body, Some(record)))
    }
}

/// The references as templates see them: by entity and key.
pub(crate) fn refs_json(refs: &[RefCase]) -> Json {
    let mut all = serde_json::Map::new();
    for case in refs {
        let slot = all.entry(case.entity.value.clone()).or_insert_with(|| Json::Object(serde_json::Map::new()));
        if let Json::Object(slot) = slot {
            let extra = case.extra.as_ref().map_or_else(|| Json::Object(serde_json::Map::new()), json_of);
            slot.insert(case.key.clone(), serde_json::json!({ "id": case.id, "record": { "extra": extra } }));
        }
    }
    Json::Object(all)
}

fn known_refs(cases: &[RefCase]) -> Result<Refs, String> {
    let mut refs = Refs::new();
    for case in cases {
        let entity = entity_of(&case.entity)?;
        let mut extra = Extra::new();
        for entry in case.extra.iter().filter_map(crate::config::yaml::Node::entries).flatten() {
            let json = json_of(&entry.value);
            let raw = crate::mapping::expr::Tree::raw(&json);
            let value = raw
                .ok_or_else(|| format!("extra {} is not a scalar", entry.key))
                .and_then(|raw| extra_value(raw).map_err(|fault| format!("extra {}: {fault}", entry.key)))?;
            extra.insert(entry.key.clone(), value);
        }
        refs.insert(entity, case.key.clone(), Remote { id: case.id.clone(), extra });
    }
    Ok(refs)
}

pub(crate) fn entity_of(name: &crate::config::yaml::Spanned<String>) -> Result<Entity, String> {
    let known: Vec<&str> = Entity::ALL.iter().map(|entity| entity.as_str()).collect();
    Entity::parse(name)
        .ok_or_else(|| format!("{}: `{}` is not an entity; {}", name.place, **name, suggest(name, &known)))
}

pub(crate) fn default_time() -> Timestamp {
    NOW.parse().unwrap_or(Timestamp::UNIX_EPOCH)
}

fn load(registry: &Registry, name: &str) -> Result<Mapping, Diagnostics> {
    let connector = name.split_once('/').map_or(name, |(connector, _)| connector);
    let values = Values::load(registry.mapping(&format!("{connector}/values")))?;
    Mapping::load(registry.mapping(name), &values)
}
