//! From a side's names to the installation's connector, stream and mapping; every name that is not there is reported.
//!
//! Not here: which fields of a record are what (`record_rows`).

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::config::yaml::{Context, Diagnostic, Source, Spanned, suggest};
use crate::connector::manifest::StreamEntity;
use crate::connector::registry::Registry;
use crate::finance::definition::{Files, From, SideSpec};
use crate::finance::record_rows::{Terms, resolve};
use crate::mapping::{Mapping, Values};

use super::bound::Bound;

/// Binds a side that connectors read to what the installation has.
pub fn bind(side: &mut SideSpec, cx: &Context, registry: &Registry, terms: &Terms) {
    let From::Files(sets) = &side.from else { return };
    let bind = |files: &Files| Binder { cx, registry, files, side, terms }.bind();
    let bound: Vec<_> = sets.iter().map(|files| bind(files).map(Arc::new)).collect();
    if let From::Files(sets) = &mut side.from {
        sets.iter_mut().zip(bound).for_each(|(files, bound)| files.bound = bound);
    }
}

struct Binder<'b> {
    cx: &'b Context,
    registry: &'b Registry,
    files: &'b Files,
    side: &'b SideSpec,
    terms: &'b Terms,
}

impl Binder<'_> {
    fn bind(&self) -> Option<Bound> {
        let Files { connector, stream, .. } = self.files;
        let Some(known) = self.registry.connector(connector) else {
            let names = self.registry.names();
            self.at(connector, format!("there is no connector `{}`", connector.value), suggest(connector, &names));
            return None;
        };
        let manifest = &known.manifest;
        let Some(described) = manifest.stream(stream) else {
            let names: Vec<&str> = manifest.streams.iter().map(|stream| stream.name.as_str()).collect();
            let message = format!("`{}` has no stream `{}`", connector.value, stream.value);
            self.at(stream, message, suggest(stream, &names));
            return None;
        };
        let (Some(read), StreamEntity::One(entity), Some(key)) =
            (described.file_read(), described.entity, &described.key)
        else {
            let message = format!("stream `{}` of `{}` does not read files", stream.value, connector.value);
            self.at(stream, message, "`syncline connectors NAME` shows what a connector's streams do");
            return None;
        };
        let mut spec = match read.spec(&self.files.settings) {
            Ok(spec) => spec,
            Err(error) => {
                self.at(connector, error.to_string(), "state what it needs under `settings`");
                return None;
            }
        };
        spec.encoding = self.files.encoding.unwrap_or(spec.encoding);
        let name = described.mapping_name(connector);
        let sources = name.as_deref().map(|name| self.registry.mapping(name)).unwrap_or_default();
        let values = self.registry.mapping(&format!("{}/values", connector.value));
        let mapping = match &name {
            None => None,
            Some(_) => Some(self.mapping(sources, values)?),
        };
        let mut hash = Sha256::new();
        for source in std::iter::once(&known.source).chain(sources).chain(values) {
            hash.update((source.text().len() as u64).to_be_bytes());
            hash.update(source.text());
        }
        Some(Bound {
            label: format!("{}/{}", connector.value, stream.value),
            fingerprint: hex::encode(&hash.finalize()[..6]),
            spec,
            completeness: read.completeness.clone(),
            entity,
            mapping,
            key: key.value.clone(),
            settings: self.files.settings.clone(),
            rows: resolve(self.cx, self.terms, self.side, entity)?,
        })
    }

    fn mapping(&self, sources: &[Arc<Source>], values: &[Arc<Source>]) -> Option<Mapping> {
        let loaded = Values::load(values).and_then(|values| Mapping::load(sources, &values));
        match loaded {
            Ok(mapping) if mapping.maps_in() => Some(mapping),
            Ok(_) => {
                let message = format!("no mapping reads stream `{}`", self.files.stream.value);
                self.at(&self.files.stream, message, "name a stream that has one");
                None
            }
            Err(problems) => {
                problems.iter().for_each(|problem| self.cx.push(problem.clone()));
                None
            }
        }
    }

    fn at(&self, name: &Spanned<String>, message: impl Into<String>, help: impl Into<String>) {
        self.cx.push(Diagnostic::new(&name.place, message).help(help));
    }
}
