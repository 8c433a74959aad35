//! The compiled mappings that the flows use.
//!
//! Not here: compiling (`mapping`), where their files are (`connector::registry`).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::connector::registry::Registry;
use crate::mapping::{Mapping, Values};

use super::yaml::Diagnostics;

/// Loads each mapping once; its problems are reported once, with their places.
pub(super) struct Mappings<'r> {
    registry: &'r Registry,
    /// `None`: it has problems.
    loaded: BTreeMap<String, Option<Arc<Mapping>>>,
}

impl<'r> Mappings<'r> {
    pub(super) fn new(registry: &'r Registry) -> Self {
        Self { registry, loaded: BTreeMap::new() }
    }

    pub(super) fn exists(&self, name: &str) -> bool {
        !self.registry.mapping(name).is_empty()
    }

    /// `None` has been reported.
    pub(super) fn get(&mut self, name: &str, problems: &mut Diagnostics) -> Option<Arc<Mapping>> {
        if let Some(known) = self.loaded.get(name) {
            return known.clone();
        }
        let mapping = match load(self.registry, name) {
            Ok(mapping) => Some(Arc::new(mapping)),
            Err(found) => {
                problems.extend(found);
                None
            }
        };
        self.loaded.insert(name.to_owned(), mapping.clone());
        mapping
    }

    pub(super) fn into_loaded(self) -> BTreeMap<String, Arc<Mapping>> {
        self.loaded.into_iter().filter_map(|(name, mapping)| Some((name, mapping?))).collect()
    }
}

fn load(registry: &Registry, name: &str) -> Result<Mapping, Diagnostics> {
    let connector = name.split_once('/').map_or(name, |(connector, _)| connector);
    let values = Values::load(registry.mapping(&format!("{connector}/values")))?;
    Mapping::load(registry.mapping(name), &values)
}
